package clients

import (
	"testing"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"weir/internal/cloud"
)

// What Terraform's provider reads of everything that it has made, and what makes it
// replace something that nobody changed.

// nested are the items of a list that an older product's answer wraps.
func (p product) nested(action, list, item string, pairs ...string) (out []map[string]any) {
	p.Helper()
	for _, x := range p.does(action, pairs...)[list].(map[string]any)[item].([]any) {
		out = append(out, x.(map[string]any))
	}
	return out
}

func TestTagsOfNames(t *testing.T) {
	w := newWorld(t)
	ram, rm, zones := product{t, w, "2015-05-01"}, product{t, w, "2020-03-31"}, product{t, w, "2018-01-01"}
	trust := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["fc.aliyuncs.com"]}}]}`
	ram.does("CreateRole", "RoleName", "fn", "AssumeRolePolicyDocument", trust, "Tag", `[{"Key":"made","Value":"1"}]`)
	ram.does("CreatePolicy", "PolicyName", "pol", "PolicyDocument", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}`)
	group := rm.does("CreateResourceGroup", "Name", "team", "DisplayName", "Team")["ResourceGroup"].(map[string]any)["Id"].(string)
	zone := zones.does("AddZone", "ZoneName", "tags.example")["ZoneId"].(string)
	other := zones.does("AddZone", "ZoneName", "other.example")["ZoneId"].(string)
	for _, c := range []struct {
		p              product
		untag, missing string
		named          []string
		none           []string // one that is not there, and one that is
		tag, keys      []string
	}{
		{ram, "UntagResources", "EntityNotExist.Role", []string{"ResourceType", "role", "ResourceNames", `["fn"]`}, []string{"ResourceType", "role", "ResourceNames", `["fn","nobody"]`}, []string{"Tag", `[{"Key":"env","Value":"test"}]`}, []string{"TagKeys", `["env"]`}},
		{ram, "UntagResources", "EntityNotExist.Policy", []string{"ResourceType", "policy", "ResourceNames", `["pol"]`}, []string{"ResourceType", "policy", "ResourceNames", `["pol","nobody"]`}, []string{"Tag", `[{"Key":"env","Value":"test"}]`}, []string{"TagKeys", `["env"]`}},
		// The provider writes this name with a capital T, which is not the model's.
		{rm, "UnTagResources", "EntityNotExists.ResourceGroup", []string{"ResourceType", "ResourceGroup", "ResourceId.1", group}, []string{"ResourceId.1", group, "ResourceId.2", "rg-none"}, []string{"Tag.1.Key", "env", "Tag.1.Value", "test"}, []string{"TagKey.1", "env"}},
		{zones, "UntagResources", "Zone.NotExists", []string{"ResourceType", "ZONE", "ResourceId.1", zone}, []string{"ResourceType", "ZONE", "ResourceId.1", zone, "ResourceId.2", "none"}, []string{"Tag.1.Key", "env", "Tag.1.Value", "test"}, []string{"TagKey.1", "env"}},
	} {
		c.p.fails(c.missing, "TagResources", append(c.none, c.tag...)...)
		listed := func() map[string]string {
			out := map[string]string{}
			for _, x := range c.p.does("ListTagResources", c.named...)["TagResources"].([]any) {
				m := x.(map[string]any)
				out[m["TagKey"].(string)] = m["TagValue"].(string)
			}
			return out
		}
		before := listed()
		if _, set := before["env"]; set {
			t.Errorf("%v: tagged although another resource is not there", c.named)
		}
		c.p.does("TagResources", append(c.named, c.tag...)...)
		if got := listed(); got["env"] != "test" || len(got) != len(before)+1 {
			t.Errorf("%v: %v after %v", c.named, got, before)
		}
		c.p.does(c.untag, append(c.named, c.keys...)...)
		if got := listed(); len(got) != len(before) {
			t.Errorf("%v: %v once it was removed", c.named, got)
		}
	}
	if all := zones.does("ListTagResources", "ResourceType", "ZONE", "ResourceId.1", other)["TagResources"].([]any); len(all) != 0 {
		t.Errorf("tags of a zone without: %v", all)
	}
	zones.fails("InvalidResourceType.NotFound", "ListTagResources", "ResourceType", "RECORD")
	ram.fails("InvalidParameter.ResourceType", "ListTagResources", "ResourceType", "house")
}

func TestInstancesAsTheProviderReadsThem(t *testing.T) {
	l := newLan(t)
	p := product{t, l.w, "2014-05-26"}
	id := ok(l.run(func(r *sdkecs.RunInstancesRequest) {
		r.SystemDiskCategory, r.SystemDiskSize = "cloud_essd", "60"
	}))(t).InstanceIdSets.InstanceIdSet[0]
	disk := p.nested("DescribeDisks", "Disks", "Disk", "InstanceId", id, "DiskType", "system")
	if len(disk) != 1 {
		t.Fatalf("disks %v", disk)
	}
	p.is(disk[0], "InstanceId", id)
	p.is(disk[0], "Category", "cloud_essd")
	p.is(disk[0], "Size", "60")
	if data := p.nested("DescribeDisks", "Disks", "Disk", "InstanceId", id, "DiskType", "data"); len(data) != 0 {
		t.Errorf("data disks %v", data)
	}
	p.is(p.nested("DescribeInstanceMaintenanceAttributes", "MaintenanceAttributes", "MaintenanceAttribute", "InstanceId.1", id)[0], "InstanceId", id)
	p.is(p.nested("DescribeInstanceAttachmentAttributes", "Instances", "Instance", "InstanceIds", `["`+id+`"]`)[0], "InstanceId", id)
	refused(l.run(func(r *sdkecs.RunInstancesRequest) { r.SystemDiskSize = "much" }))(t, 400, "InvalidSystemDiskSize.ValueNotSupported")
	refused(l.run(func(r *sdkecs.RunInstancesRequest) { r.SystemDiskCategory = "floppy" }))(t, 400, "InvalidSystemDiskCategory.ValueNotSupported")
	if zones := p.nested("DescribeAvailableResource", "AvailableZones", "AvailableZone", "DestinationResource", "InstanceType", "Cores", "2", "Memory", "0.5"); len(zones) == 0 {
		t.Error("no zones for half a GiB")
	}
	l.settle(id, cloud.Terminated)
	if disk := p.nested("DescribeDisks", "Disks", "Disk", "InstanceId", id); len(disk) != 0 {
		t.Errorf("disks of an instance that is gone: %v", disk)
	}
}

func TestAddressesAsTheProviderReadsThem(t *testing.T) {
	l := newLan(t)
	vpc, ecs := product{t, l.w, "2016-04-28"}, product{t, l.w, "2014-05-26"}
	eni := ecs.does("CreateNetworkInterface", "VSwitchId", l.vswitch, "SecurityGroupId", l.group)["NetworkInterfaceId"].(string)
	shown := ecs.nested("DescribeNetworkInterfaces", "NetworkInterfaceSets", "NetworkInterfaceSet", "NetworkInterfaceId.1", eni)[0]
	ecs.is(shown, "ResourceGroupId", "")
	private := shown["PrivateIpAddress"].(string)
	eip := vpc.does("AllocateEipAddress")["AllocationId"].(string)
	for _, c := range []struct {
		ask  []string
		want string
	}{{nil, ""}, {[]string{"PrivateIpAddress", private}, private}} {
		vpc.does("AssociateEipAddress", append([]string{"AllocationId", eip, "InstanceId", eni, "InstanceType", "NetworkInterface"}, c.ask...)...)
		f := vpc.nested("DescribeEipAddresses", "EipAddresses", "EipAddress", "AllocationId", eip)[0]
		vpc.is(f, "PrivateIpAddress", c.want)
		vpc.is(f, "InstanceId", eni)
		if f["VpcId"] != nil {
			t.Errorf("the VPC %v of an address that is no VPC's", f["VpcId"])
		}
		vpc.is(f["AvailableRegions"].(map[string]any), "AvailableRegion", "[cn-hangzhou]")
		vpc.does("UnassociateEipAddress", "AllocationId", eip)
	}
}

// A user who is deleted by force is asked for a login profile and an MFA device.
func TestUsersHaveNoSignIn(t *testing.T) {
	w := newWorld(t)
	p := product{t, w, "2015-05-01"}
	p.does("CreateUser", "UserName", "alice")
	for action, kind := range map[string]string{"GetLoginProfile": "LoginProfile", "DeleteLoginProfile": "LoginProfile", "GetUserMFAInfo": "MFADevice", "UnbindMFADevice": "MFADevice"} {
		p.fails("EntityNotExist.User."+kind, action, "UserName", "alice")
		p.fails("EntityNotExist.User", action, "UserName", "nobody")
	}
}
