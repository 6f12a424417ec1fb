package clients

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkram "github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/region"
	"weir/internal/cloud"
)

const testImage, testType = "aliyun_3_x64_20G_alibase_20240819.vhd", "ecs.t6-c1m1.large"

func (l *lan) run(edit func(*sdkecs.RunInstancesRequest)) (*sdkecs.RunInstancesResponse, error) {
	r := to(l.w, sdkecs.CreateRunInstancesRequest())
	r.ImageId, r.InstanceType, r.VSwitchId, r.SecurityGroupId = testImage, testType, l.vswitch, l.group
	edit(r)
	return l.ecs.RunInstances(r)
}

func (l *lan) seen(edit func(*sdkecs.DescribeInstancesRequest)) []sdkecs.Instance {
	l.t.Helper()
	r := to(l.w, sdkecs.CreateDescribeInstancesRequest())
	edit(r)
	return ok(l.ecs.DescribeInstances(r))(l.t).Instances.Instance
}

// settle records what the platform would of an instance: it runs, or has stopped or ended.
func (l *lan) settle(id string, to cloud.Phase) {
	l.t.Helper()
	i, there := cloud.Instances.Get(l.w.control.View(), cloud.InstanceID(id))
	if !there {
		l.t.Fatalf("no instance %s", id)
	}
	if err := l.w.control.Settled(l.w.ctx, i.ID, i.Boot, to, ""); err != nil {
		l.t.Fatal(err)
	}
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-runinstances
func TestRunInstances(t *testing.T) {
	l := newLan(t)
	type run = sdkecs.RunInstancesRequest
	for _, b := range []struct {
		status int
		code   string
		edit   func(*run)
	}{
		{404, "InvalidImageId.NotFound", func(r *run) { r.ImageId = "win2019" }},
		{400, "MissingParameter", func(r *run) { r.ImageId = "" }},
		{400, "MissingParameter", func(r *run) { r.InstanceType = "" }},
		{400, "InvalidInstanceType.ValueNotSupported", func(r *run) { r.InstanceType = "ecs.none.large" }},
		{404, "InvalidVSwitchId.NotFound", func(r *run) { r.VSwitchId = "vsw-none" }},
		{400, "MissingParameter", func(r *run) { r.VSwitchId = "" }},
		{400, "MissingParameter", func(r *run) { r.SecurityGroupId = "" }},
		{404, "InvalidSecurityGroupId.NotFound", func(r *run) { r.SecurityGroupId = "sg-none" }},
		{400, "InvalidParameter.Amount", func(r *run) { r.Amount = "101" }},
		{400, "InvalidParameter.MinAmount", func(r *run) { r.Amount, r.MinAmount = "1", "2" }},
		{403, "InvalidUserData.Base64FormatInvalid", func(r *run) { r.UserData = "#!/bin/sh" }},
		{400, "UnsupportedParameter", func(r *run) { r.UserData = base64.StdEncoding.EncodeToString([]byte("#cloud-config")) }},
		{400, "UnsupportedParameter", func(r *run) { r.InstanceChargeType = "PrePaid" }},
		{400, "UnsupportedParameter", func(r *run) { r.Password = "secret" }},
		{400, "InvalidIp.Address", func(r *run) { r.PrivateIpAddress = "10.0.1.1" }},
		{404, "InvalidRamRole.NotFound", func(r *run) { r.RamRoleName = "none" }},
		{400, "DryRunOperation", func(r *run) { r.DryRun = "true" }},
	} {
		refused(l.run(b.edit))(t, b.status, b.code)
	}
	tag := &[]sdkecs.RunInstancesTag{{Key: "a", Value: "b"}}
	ids := ok(l.run(func(r *run) { r.Amount, r.InstanceName, r.Tag = "2", "web", tag }))(t).InstanceIdSets.InstanceIdSet
	one := ok(l.run(func(r *run) {
		r.SecurityGroupId, r.SecurityGroupIds, r.PrivateIpAddress, r.InternetMaxBandwidthOut = "", &[]string{l.group, l.other}, "10.0.0.77", "5"
	}))(t).InstanceIdSets.InstanceIdSet[0]
	if all := l.seen(func(*sdkecs.DescribeInstancesRequest) {}); len(all) != 3 || len(ids) != 2 {
		t.Fatalf("instances: %+v", all)
	}
	got := l.seen(func(r *sdkecs.DescribeInstancesRequest) { r.InstanceIds = `["` + one + `"]` })[0]
	if got.Status != "Starting" || got.VpcAttributes.VpcId != l.vpc || !slices.Equal(got.VpcAttributes.PrivateIpAddress.IpAddress, []string{"10.0.0.77"}) || got.Cpu != 2 || got.Memory != 2048 ||
		len(got.SecurityGroupIds.SecurityGroupId) != 2 || len(got.PublicIpAddress.IpAddress) != 1 || got.InstanceNetworkType != "vpc" || got.InstanceTypeFamily != "ecs.t6" {
		t.Errorf("instance: %+v", got)
	}
	l.filterInstances()
	l.interfaceOfInstance(one)
}

// filterInstances looks for the instances of TestRunInstances, in each way.
func (l *lan) filterInstances() {
	l.t.Helper()
	type filter = sdkecs.DescribeInstancesRequest
	for name, b := range map[string]struct {
		edit func(*filter)
		want int
	}{
		"name": {func(r *filter) { r.InstanceName = "w*b" }, 2}, "another name": {func(r *filter) { r.InstanceName = "b*" }, 0}, "group": {func(r *filter) { r.SecurityGroupId = l.other }, 1},
		"address": {func(r *filter) { r.PrivateIpAddresses = `["10.0.0.77"]` }, 1}, "tag": {func(r *filter) { r.Tag = &[]sdkecs.DescribeInstancesTag{{Key: "a", Value: "b"}} }, 2},
		"state": {func(r *filter) { r.Status = "Running" }, 0}, "zone": {func(r *filter) { r.ZoneId = "cn-hangzhou-h" }, 3}, "type": {func(r *filter) { r.InstanceType = "ecs.g6.large" }, 0},
		"page": {func(r *filter) { r.PageSize = "2" }, 2}, "second page": {func(r *filter) { r.PageSize, r.PageNumber = "2", "2" }, 1},
	} {
		if got := l.seen(b.edit); len(got) != b.want {
			l.t.Errorf("by %s there are %d instances, want %d", name, len(got), b.want)
		}
	}
}

// interfaceOfInstance: an instance keeps its one interface, and takes no other.
func (l *lan) interfaceOfInstance(one string) {
	l.t.Helper()
	t := l.t
	eni := l.describe(func(r *sdkecs.DescribeNetworkInterfacesRequest) { r.InstanceId = one })
	if len(eni) != 1 || eni[0].Type != "Primary" || eni[0].Status != "InUse" {
		t.Errorf("its interface: %+v", eni)
	}
	gone := to(l.w, sdkecs.CreateDeleteNetworkInterfaceRequest())
	gone.NetworkInterfaceId = eni[0].NetworkInterfaceId
	refused(l.ecs.DeleteNetworkInterface(gone))(t, 400, "InvalidOperation.DetachPrimaryEniNotAllowed")
	free := ok(l.createInterface(func(*sdkecs.CreateNetworkInterfaceRequest) {}))(t)
	attach := to(l.w, sdkecs.CreateAttachNetworkInterfaceRequest())
	attach.InstanceId, attach.NetworkInterfaceId = one, free.NetworkInterfaceId
	refused(l.ecs.AttachNetworkInterface(attach))(t, 403, "EniPerInstanceLimitExceeded")
}

// https://www.alibabacloud.com/help/en/ecs/user-guide/instance-lifecycle
func TestInstanceLifecycle(t *testing.T) {
	l := newLan(t)
	c := to(l.w, sdkecs.CreateCreateInstanceRequest())
	c.ImageId, c.InstanceType, c.VSwitchId, c.SecurityGroupId, c.DeletionProtection = testImage, testType, l.vswitch, l.group, "true"
	id := ok(l.ecs.CreateInstance(c))(t).InstanceId
	state := func() string {
		t.Helper()
		r := to(l.w, sdkecs.CreateDescribeInstanceStatusRequest())
		r.InstanceId = &[]string{id}
		list := ok(l.ecs.DescribeInstanceStatus(r))(t).InstanceStatuses.InstanceStatus
		if len(list) == 0 {
			return ""
		}
		return list[0].Status
	}
	want := func(status string) {
		t.Helper()
		if got := state(); got != status {
			t.Fatalf("the instance is %s, not %s", got, status)
		}
	}
	start, stop, reboot, del := to(l.w, sdkecs.CreateStartInstanceRequest()), to(l.w, sdkecs.CreateStopInstanceRequest()), to(l.w, sdkecs.CreateRebootInstanceRequest()), to(l.w, sdkecs.CreateDeleteInstanceRequest())
	start.InstanceId, stop.InstanceId, reboot.InstanceId, del.InstanceId = id, id, id, id
	want("Stopped")
	refused(l.ecs.StopInstance(stop))(t, 403, "IncorrectInstanceStatus")
	refused(l.ecs.RebootInstance(reboot))(t, 403, "IncorrectInstanceStatus")
	ok(l.ecs.StartInstance(start))(t)
	want("Starting")
	l.settle(id, cloud.Running)
	want("Running")
	refused(l.ecs.StartInstance(start))(t, 403, "IncorrectInstanceStatus")
	refused(l.ecs.DeleteInstance(del))(t, 403, "IncorrectInstanceStatus")
	ok(l.ecs.RebootInstance(reboot))(t)
	l.stopSome(id)
	l.settle(id, cloud.Stopped)
	want("Stopped")
	refused(l.ecs.DeleteInstance(del))(t, 403, "InvalidOperation.DeletionProtection")
	m := to(l.w, sdkecs.CreateModifyInstanceAttributeRequest())
	m.InstanceId, m.DeletionProtection, m.InstanceName, m.UserData = id, "false", "renamed", base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n"))
	ok(l.ecs.ModifyInstanceAttribute(m))(t)
	data := to(l.w, sdkecs.CreateDescribeUserDataRequest())
	data.InstanceId = id
	if got := ok(l.ecs.DescribeUserData(data))(t); got.UserData != m.UserData {
		t.Errorf("user data: %q", got.UserData)
	}
	if got := l.seen(func(*sdkecs.DescribeInstancesRequest) {})[0]; got.InstanceName != "renamed" || got.DeletionProtection {
		t.Errorf("after the change: %+v", got)
	}
	ok(l.ecs.DeleteInstance(del))(t)
	l.settle(id, cloud.Terminated)
	if got := l.seen(func(*sdkecs.DescribeInstancesRequest) {}); len(got) != 0 {
		t.Errorf("released, but shown: %+v", got)
	}
	refused(l.ecs.DeleteInstance(del))(t, 404, "InvalidInstanceId.NotFound")
}

// stopSome stops an instance and one that there is not: both or none, or what can be.
func (l *lan) stopSome(id string) {
	l.t.Helper()
	many := to(l.w, sdkecs.CreateStopInstancesRequest())
	many.InstanceId = &[]string{id, "i-none"}
	refused(l.ecs.StopInstances(many))(l.t, 404, "InvalidInstanceId.NotFound")
	many.BatchOptimization = "SuccessFirst"
	each := ok(l.ecs.StopInstances(many))(l.t).InstanceResponses.InstanceResponse
	if len(each) != 2 || each[0].Code != "200" || each[0].PreviousStatus != "Running" || each[0].CurrentStatus != "Stopping" || each[1].Code != "InvalidInstanceId.NotFound" {
		l.t.Fatalf("stopped: %+v", each)
	}
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-joinsecuritygroup
func TestJoinAndLeave(t *testing.T) {
	l := newLan(t)
	id := ok(l.run(func(*sdkecs.RunInstancesRequest) {}))(t).InstanceIdSets.InstanceIdSet[0]
	join := func(group string) (*sdkecs.JoinSecurityGroupResponse, error) {
		r := to(l.w, sdkecs.CreateJoinSecurityGroupRequest())
		r.InstanceId, r.SecurityGroupId = id, group
		return l.ecs.JoinSecurityGroup(r)
	}
	leave := func(group string) (*sdkecs.LeaveSecurityGroupResponse, error) {
		r := to(l.w, sdkecs.CreateLeaveSecurityGroupRequest())
		r.InstanceId, r.SecurityGroupId = id, group
		return l.ecs.LeaveSecurityGroup(r)
	}
	refused(join(l.group))(t, 403, "InvalidInstanceId.AlreadyExists")
	refused(join(l.enterprise))(t, 403, "InvalidOperation.MultiGroupType")
	refused(leave(l.group))(t, 403, "InstanceLastSecurityGroup")
	refused(leave(l.other))(t, 403, "InstanceNotInSecurityGroup")
	ok(join(l.other))(t)
	ok(leave(l.group))(t)
	if got := l.seen(func(*sdkecs.DescribeInstancesRequest) {})[0].SecurityGroupIds.SecurityGroupId; !slices.Equal(got, []string{l.other}) {
		t.Errorf("groups: %v", got)
	}
}

// https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role
func TestInstanceRole(t *testing.T) {
	l := newLan(t)
	c := l.w.root()
	trust := func(service string) string {
		return `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["` + service + `"]}}]}`
	}
	ok(c.createRole("reader", trust("ecs.aliyuncs.com"), 3600))(t)
	ok(c.createRole("other", trust("fc.aliyuncs.com"), 3600))(t)
	refused(l.run(func(r *sdkecs.RunInstancesRequest) { r.RamRoleName = "other" }))(t, 403, "InvalidRamRole.NotEcsRole")
	id := ok(l.run(func(*sdkecs.RunInstancesRequest) {}))(t).InstanceIdSets.InstanceIdSet[0]
	attach := to(l.w, sdkecs.CreateAttachInstanceRamRoleRequest())
	attach.InstanceIds, attach.RamRoleName = `["`+id+`","i-none"]`, "reader"
	if got := ok(l.ecs.AttachInstanceRamRole(attach))(t); got.TotalCount != 2 || got.FailCount != 1 || !got.AttachInstanceRamRoleResults.AttachInstanceRamRoleResult[0].Success {
		t.Errorf("attached: %+v", got)
	}
	show := to(l.w, sdkecs.CreateDescribeInstanceRamRoleRequest())
	show.RamRoleName = "reader"
	if got := ok(l.ecs.DescribeInstanceRamRole(show))(t).InstanceRamRoleSets.InstanceRamRoleSet; len(got) != 1 || got[0].InstanceId != id {
		t.Errorf("instances with the role: %+v", got)
	}
	detach := to(l.w, sdkecs.CreateDetachInstanceRamRoleRequest())
	detach.InstanceIds, detach.RamRoleName = `["`+id+`"]`, "reader"
	if got := ok(l.ecs.DetachInstanceRamRole(detach))(t); got.FailCount != 0 {
		t.Errorf("detached: %+v", got)
	}

	// whoever gives an instance a role must be allowed to
	ok(c.createUser("alice"))(t)
	ok(c.createPolicy("run", `{"Version":"1","Statement":[{"Effect":"Allow","Action":["ecs:*","vpc:*"],"Resource":"*"}]}`))(t)
	ok(c.attachToUser("Custom", "run", "alice"))(t)
	key := ok(c.createKey("alice"))(t).AccessKey
	e, err := sdkecs.NewClientWithAccessKey(region.Default, key.AccessKeyId, key.AccessKeySecret)
	if err != nil {
		t.Fatal(err)
	}
	attach.InstanceIds = `["` + id + `"]`
	refused(e.AttachInstanceRamRole(attach))(t, 403, "Forbidden.RAM")
	ok(c.createPolicy("pass", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:PassRole","Resource":"acs:ram::*:role/reader"}]}`))(t)
	grant := to(l.w, sdkram.CreateAttachPolicyToUserRequest())
	grant.PolicyType, grant.PolicyName, grant.UserName = "Custom", "pass", "alice"
	ok(c.ram.AttachPolicyToUser(grant))(t)
	ok(e.AttachInstanceRamRole(attach))(t)
}

// The catalogue has what instances can be made of, in every zone.
func TestCatalogue(t *testing.T) {
	l := newLan(t)
	types := to(l.w, sdkecs.CreateDescribeInstanceTypesRequest())
	types.InstanceTypes = &[]string{testType}
	if got := ok(l.ecs.DescribeInstanceTypes(types))(t).InstanceTypes.InstanceType; len(got) != 1 || got[0].CpuCoreCount != 2 || got[0].MemorySize != 2 {
		t.Errorf("types: %+v", got)
	}
	if got := ok(l.ecs.DescribeImages(to(l.w, sdkecs.CreateDescribeImagesRequest())))(t).Images.Image; len(got) != 1 || got[0].ImageId != testImage {
		t.Errorf("images: %+v", got)
	}
	stock := to(l.w, sdkecs.CreateDescribeAvailableResourceRequest())
	stock.DestinationResource, stock.Cores, stock.Memory = "InstanceType", requests.Integer("2"), requests.Float("8")
	got := ok(l.ecs.DescribeAvailableResource(stock))(t).AvailableZones.AvailableZone
	if len(got) != 7 || len(got[0].AvailableResources.AvailableResource[0].SupportedResources.SupportedResource) < 3 {
		t.Errorf("zones: %+v", got)
	}
	if got := ok(l.ecs.DescribeZones(to(l.w, sdkecs.CreateDescribeZonesRequest())))(t).Zones.Zone; len(got) != 7 || len(got[0].AvailableInstanceTypes.InstanceTypes) < 20 {
		t.Errorf("zones: %+v", got)
	}
	if got := ok(l.ecs.DescribeRegions(to(l.w, sdkecs.CreateDescribeRegionsRequest())))(t).Regions.Region; len(got) != 17 {
		t.Errorf("regions: %+v", got)
	}
}

// An elastic IP associated with an instance is its interface's.
func TestInstanceAddress(t *testing.T) {
	l := newLan(t)
	v := l.w.root().vpc
	id := ok(l.run(func(*sdkecs.RunInstancesRequest) {}))(t).InstanceIdSets.InstanceIdSet[0]
	eip := ok(v.AllocateEipAddress(to(l.w, sdkvpc.CreateAllocateEipAddressRequest())))(t)
	as := to(l.w, sdkvpc.CreateAssociateEipAddressRequest())
	as.AllocationId, as.InstanceId = eip.AllocationId, "i-none"
	refused(v.AssociateEipAddress(as))(t, 404, "InvalidInstanceId.NotFound")
	as.InstanceId = id
	ok(v.AssociateEipAddress(as))(t)
	if got := l.seen(func(*sdkecs.DescribeInstancesRequest) {})[0].EipAddress; got.IpAddress != eip.EipAddress || got.AllocationId != eip.AllocationId {
		t.Errorf("the instance's address: %+v", got)
	}
	list := ok(v.DescribeEipAddresses(to(l.w, sdkvpc.CreateDescribeEipAddressesRequest())))(t).EipAddresses.EipAddress
	if len(list) != 1 || list[0].InstanceType != "EcsInstance" || list[0].InstanceId != id {
		t.Errorf("the address: %+v", list)
	}
}
