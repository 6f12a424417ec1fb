package clients

import (
	"testing"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkrm "github.com/aliyun/alibaba-cloud-sdk-go/services/resourcemanager"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/region"
)

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-tagresources
func TestNetworkTags(t *testing.T) {
	l := newLan(t)
	v := l.w.root().vpc
	tag := func(kind, id string, tags ...sdkvpc.TagResourcesTag) (*sdkvpc.TagResourcesResponse, error) {
		r := to(l.w, sdkvpc.CreateTagResourcesRequest())
		r.ResourceType, r.ResourceId, r.Tag = kind, &[]string{id}, &tags
		return v.TagResources(r)
	}
	list := func(kind, id string) map[string]string {
		t.Helper()
		r := to(l.w, sdkvpc.CreateListTagResourcesRequest())
		r.ResourceType, r.ResourceId = kind, &[]string{id}
		out := map[string]string{}
		for _, x := range ok(v.ListTagResources(r))(t).TagResources.TagResource {
			if x.ResourceId != id || x.ResourceType != kind {
				t.Errorf("a tag of another resource: %+v", x)
			}
			out[x.TagKey] = x.TagValue
		}
		return out
	}
	eip := ok(v.AllocateEipAddress(to(l.w, sdkvpc.CreateAllocateEipAddressRequest())))(t).AllocationId
	one := sdkvpc.TagResourcesTag{Key: "env", Value: "test"}
	for kind, id := range map[string]string{"VPC": l.vpc, "VSWITCH": l.vswitch, "EIP": eip} {
		ok(tag(kind, id, one, sdkvpc.TagResourcesTag{Key: "team", Value: "red"}))(t)
		if got := list(kind, id); got["env"] != "test" || len(got) != 2 {
			t.Errorf("%s: %v", kind, got)
		}
		gone := to(l.w, sdkvpc.CreateUnTagResourcesRequest())
		gone.ResourceType, gone.ResourceId, gone.TagKey = kind, &[]string{id}, &[]string{"team"}
		ok(v.UnTagResources(gone))(t)
		if got := list(kind, id); len(got) != 1 {
			t.Errorf("%s, after one was removed: %v", kind, got)
		}
	}
	refused(tag("VPC", "vpc-none", one))(t, 404, "InvalidResourceId.NotFound")
	refused(tag("HOUSE", l.vpc, one))(t, 400, "InvalidResourceType.NotFound")
	refused(tag("VPC", l.vpc, sdkvpc.TagResourcesTag{Key: "acs:x"}))(t, 400, "InvalidTagKey")
	r := to(l.w, sdkvpc.CreateListTagResourcesRequest())
	r.ResourceType = "VPC"
	refused(v.ListTagResources(r))(t, 400, "BothEmpty.TagsAndResources")
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-tagresources
func TestECSTags(t *testing.T) {
	l := newLan(t)
	id := ok(l.run(func(*sdkecs.RunInstancesRequest) {}))(t).InstanceIdSets.InstanceIdSet[0]
	for kind, id := range map[string]string{"instance": id, "securitygroup": l.group} {
		r := to(l.w, sdkecs.CreateTagResourcesRequest())
		r.ResourceType, r.ResourceId, r.Tag = kind, &[]string{id}, &[]sdkecs.TagResourcesTag{{Key: "env", Value: "test"}}
		ok(l.ecs.TagResources(r))(t)
	}
	add := to(l.w, sdkecs.CreateAddTagsRequest())
	add.ResourceType, add.ResourceId, add.Tag = "instance", id, &[]sdkecs.AddTagsTag{{Key: "old", Value: "way"}}
	ok(l.ecs.AddTags(add))(t)
	tags := ok(l.ecs.DescribeTags(to(l.w, sdkecs.CreateDescribeTagsRequest())))(t).Tags.Tag
	if len(tags) != 2 || tags[0].TagKey != "env" || tags[0].ResourceTypeCount.Instance != 1 || tags[0].ResourceTypeCount.Securitygroup != 1 || tags[1].ResourceTypeCount.Securitygroup != 0 {
		t.Errorf("tags: %+v", tags)
	}
	drop := to(l.w, sdkecs.CreateRemoveTagsRequest())
	drop.ResourceType, drop.ResourceId, drop.Tag = "instance", id, &[]sdkecs.RemoveTagsTag{{Key: "old", Value: "another"}}
	ok(l.ecs.RemoveTags(drop))(t) // no tag is so
	(*drop.Tag)[0].Value = "way"
	ok(l.ecs.RemoveTags(drop))(t)
	list := to(l.w, sdkecs.CreateListTagResourcesRequest())
	list.ResourceType, list.Tag = "instance", &[]sdkecs.ListTagResourcesTag{{Key: "env", Value: "test"}}
	if got := ok(l.ecs.ListTagResources(list))(t).TagResources.TagResource; len(got) != 1 || got[0].ResourceId != id || got[0].TagKey != "env" {
		t.Errorf("instances with the tag: %+v", got)
	}
	list.ResourceType, list.ResourceId = "disk", &[]string{"d-none"}
	if got := ok(l.ecs.ListTagResources(list))(t).TagResources.TagResource; len(got) != 0 {
		t.Errorf("disks: %+v", got)
	}
}

// Whoever has a policy in a resource group may do what it says to what was moved
// there; what is in a group keeps it from being deleted.
func TestMovedIntoGroup(t *testing.T) {
	l := newLan(t)
	c := l.w.root()
	make := to(l.w, sdkrm.CreateCreateResourceGroupRequest())
	make.Name, make.DisplayName = "red", "red"
	red := ok(c.rm.CreateResourceGroup(make))(t).ResourceGroup.Id
	make.Name, make.DisplayName = "blue", "blue"
	blue := ok(c.rm.CreateResourceGroup(make))(t).ResourceGroup.Id
	ok(c.createUser("alice"))(t)
	key := ok(c.createKey("alice"))(t).AccessKey
	grant := to(l.w, sdkrm.CreateAttachPolicyRequest())
	grant.ResourceGroupId, grant.PolicyType, grant.PolicyName = red, "System", "AdministratorAccess"
	grant.PrincipalType, grant.PrincipalName = "IMSUser", "alice@"+uid+".onaliyun.com"
	ok(c.rm.AttachPolicy(grant))(t)
	alice, err := sdkecs.NewClientWithAccessKey(region.Default, key.AccessKeyId, key.AccessKeySecret)
	if err != nil {
		t.Fatal(err)
	}
	id := ok(l.run(func(*sdkecs.RunInstancesRequest) {}))(t).InstanceIdSets.InstanceIdSet[0]
	change := to(l.w, sdkecs.CreateModifyInstanceAttributeRequest())
	change.InstanceId, change.InstanceName = id, "hers"
	refused(alice.ModifyInstanceAttribute(change))(t, 403, "Forbidden.RAM")
	join := to(l.w, sdkecs.CreateJoinResourceGroupRequest())
	join.ResourceType, join.ResourceId, join.ResourceGroupId = "instance", id, "rg-none"
	refused(l.ecs.JoinResourceGroup(join))(t, 404, "InvalidResourceGroup.NotFound")
	join.ResourceGroupId = red
	refused(alice.JoinResourceGroup(join))(t, 403, "Forbidden.RAM") // it is not hers to take
	ok(l.ecs.JoinResourceGroup(join))(t)
	ok(alice.ModifyInstanceAttribute(change))(t)
	join.ResourceGroupId = blue
	refused(alice.JoinResourceGroup(join))(t, 403, "Forbidden.RAM") // nor to give away
	if got := l.seen(func(r *sdkecs.DescribeInstancesRequest) { r.ResourceGroupId = red }); len(got) != 1 || got[0].InstanceId != id {
		t.Errorf("in the group: %+v", got)
	}

	vpc, err := sdkvpc.NewClientWithAccessKey(region.Default, key.AccessKeyId, key.AccessKeySecret)
	if err != nil {
		t.Fatal(err)
	}
	rename := to(l.w, sdkvpc.CreateModifyVpcAttributeRequest())
	rename.VpcId, rename.VpcName = l.vpc, "hers"
	refused(vpc.ModifyVpcAttribute(rename))(t, 403, "Forbidden.RAM")
	move := to(l.w, sdkvpc.CreateMoveResourceGroupRequest())
	move.ResourceType, move.ResourceId, move.NewResourceGroupId = "vpc", l.vpc, red
	ok(c.vpc.MoveResourceGroup(move))(t)
	ok(vpc.ModifyVpcAttribute(rename))(t)
	alter := to(l.w, sdkvpc.CreateModifyVSwitchAttributeRequest()) // a vSwitch is where its VPC is
	alter.VSwitchId, alter.VSwitchName = l.vswitch, "hers"
	ok(vpc.ModifyVSwitchAttribute(alter))(t)
}
