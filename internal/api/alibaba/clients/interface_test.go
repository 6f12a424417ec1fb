package clients

import (
	"slices"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/region"
)

// lan is a VPC with a vSwitch and a group of each type.
type lan struct {
	w                        *world
	t                        *testing.T
	ecs                      *sdkecs.Client
	vpc, vswitch             string
	group, other, enterprise string
}

func newLan(t *testing.T) *lan {
	w := newWorld(t)
	l := &lan{w: w, t: t, ecs: ecsOf(t)}
	l.vpc = ok(w.root().createVpc("10.0.0.0/8"))(t).VpcId
	l.vswitch = ok(w.root().createVSwitch(l.vpc, "cn-hangzhou-h", "10.0.0.0/24"))(t).VSwitchId
	l.group, l.other, l.enterprise = l.newGroup("normal"), l.newGroup("normal"), l.newGroup("enterprise")
	return l
}

func (l *lan) newGroup(kind string) string {
	l.t.Helper()
	r := to(l.w, sdkecs.CreateCreateSecurityGroupRequest())
	r.VpcId, r.SecurityGroupType = l.vpc, kind
	return ok(l.ecs.CreateSecurityGroup(r))(l.t).SecurityGroupId
}

func (l *lan) createInterface(edit func(*sdkecs.CreateNetworkInterfaceRequest)) (*sdkecs.CreateNetworkInterfaceResponse, error) {
	r := to(l.w, sdkecs.CreateCreateNetworkInterfaceRequest())
	r.VSwitchId, r.SecurityGroupId, r.NetworkInterfaceName = l.vswitch, l.group, "one"
	edit(r)
	return l.ecs.CreateNetworkInterface(r)
}

func (l *lan) describe(edit func(*sdkecs.DescribeNetworkInterfacesRequest)) []sdkecs.NetworkInterfaceSet {
	l.t.Helper()
	r := to(l.w, sdkecs.CreateDescribeNetworkInterfacesRequest())
	edit(r)
	return ok(l.ecs.DescribeNetworkInterfaces(r))(l.t).NetworkInterfaceSets.NetworkInterfaceSet
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-createnetworkinterface
func TestNetworkInterfaces(t *testing.T) {
	l := newLan(t)
	type create = sdkecs.CreateNetworkInterfaceRequest
	for _, b := range []struct {
		status int
		code   string
		edit   func(*create)
	}{
		{404, "InvalidVSwitchId.NotFound", func(r *create) { r.VSwitchId = "vsw-none" }},
		{404, "InvalidSecurityGroupId.NotFound", func(r *create) { r.SecurityGroupId = "sg-none" }},
		{400, "MissingParameter", func(r *create) { r.SecurityGroupId = "" }},
		{400, "InvalidIp.Address", func(r *create) { r.PrimaryIpAddress = "10.0.1.4" }},
		{400, "InvalidIp.Address", func(r *create) { r.PrimaryIpAddress = "10.0.0.255" }}, // one of the reserved three
		{400, "InvalidIp.Address", func(r *create) { r.PrimaryIpAddress = "ten" }},
		{400, "InvalidParameter", func(r *create) { r.SecondaryPrivateIpAddressCount = "50" }},
		{400, "InvalidVSwitchId.Ipv6NotTurnOn", func(r *create) { r.Ipv6AddressCount = "1" }},
		{400, "UnsupportedParameter", func(r *create) { r.NetworkInterfaceTrafficMode = "HighPerformance" }},
		{403, "InvalidOperation.MultiGroupType", func(r *create) {
			r.SecurityGroupId, r.SecurityGroupIds = "", &[]string{l.group, l.enterprise}
		}},
	} {
		refused(l.createInterface(b.edit))(t, b.status, b.code)
	}
	made := ok(l.createInterface(func(r *create) {
		r.SecurityGroupId, r.SecurityGroupIds = "", &[]string{l.group, l.other}
		r.PrimaryIpAddress, r.SecondaryPrivateIpAddressCount, r.Description, r.ClientToken = "10.0.0.9", "2", "a second one", "once"
		r.Tag = &[]sdkecs.CreateNetworkInterfaceTag{{Key: "a", Value: "b"}}
	}))(t)
	if made.Status != "Available" || made.Type != "Secondary" || made.PrivateIpAddress != "10.0.0.9" || len(made.PrivateIpSets.PrivateIpSet) != 3 || len(made.SecurityGroupIds.SecurityGroupId) != 2 || made.ZoneId != "cn-hangzhou-h" {
		t.Errorf("interface: %+v", made)
	}
	refused(l.createInterface(func(r *create) { r.PrimaryIpAddress = "10.0.0.9" }))(t, 400, "InvalidIp.IpAssigned")
	l.filterInterfaces(made.NetworkInterfaceId)
	l.changeInterface(made.NetworkInterfaceId)
	gone := to(l.w, sdkecs.CreateDeleteNetworkInterfaceRequest())
	gone.NetworkInterfaceId = made.NetworkInterfaceId
	ok(l.ecs.DeleteNetworkInterface(gone))(t)
	refused(l.ecs.DeleteNetworkInterface(gone))(t, 404, "InvalidEniId.NotFound")
}

// filterInterfaces looks for the one interface that there is, in each way.
func (l *lan) filterInterfaces(id string) {
	l.t.Helper()
	type filter = sdkecs.DescribeNetworkInterfacesRequest
	for name, b := range map[string]struct {
		edit func(*filter)
		want int
	}{
		"id": {func(r *filter) { r.NetworkInterfaceId = &[]string{id} }, 1}, "address": {func(r *filter) { r.PrivateIpAddress = &[]string{"10.0.0.9"} }, 1},
		"group": {func(r *filter) { r.SecurityGroupId = l.other }, 1}, "another group": {func(r *filter) { r.SecurityGroupId = l.enterprise }, 0},
		"state": {func(r *filter) { r.Status = "InUse" }, 0}, "tag": {func(r *filter) { r.Tag = &[]sdkecs.DescribeNetworkInterfacesTag{{Key: "a", Value: "b"}} }, 1},
		"another tag": {func(r *filter) { r.Tag = &[]sdkecs.DescribeNetworkInterfacesTag{{Key: "a", Value: "c"}} }, 0}, "type": {func(r *filter) { r.Type = "Primary" }, 0},
		"managed": {func(r *filter) { r.ServiceManaged = "true" }, 0}, "name": {func(r *filter) { r.NetworkInterfaceName = "one" }, 1},
	} {
		if got := l.describe(b.edit); len(got) != b.want {
			l.t.Errorf("by %s: %+v", name, got)
		}
	}
}

// changeInterface gives an interface another name and group.
func (l *lan) changeInterface(id string) {
	l.t.Helper()
	change := to(l.w, sdkecs.CreateModifyNetworkInterfaceAttributeRequest())
	change.NetworkInterfaceId, change.SecurityGroupId, change.NetworkInterfaceName = id, &[]string{l.enterprise}, "two"
	ok(l.ecs.ModifyNetworkInterfaceAttribute(change))(l.t)
	one := to(l.w, sdkecs.CreateDescribeNetworkInterfaceAttributeRequest())
	one.NetworkInterfaceId = id
	got := ok(l.ecs.DescribeNetworkInterfaceAttribute(one))(l.t)
	if got.NetworkInterfaceName != "two" || got.Description != "a second one" || !slices.Equal(got.SecurityGroupIds.SecurityGroupId, []string{l.enterprise}) || got.SourceDestCheck {
		l.t.Errorf("after the change: %+v", got)
	}
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-assignprivateipaddresses
func TestPrivateAddresses(t *testing.T) {
	l := newLan(t)
	made := ok(l.createInterface(func(*sdkecs.CreateNetworkInterfaceRequest) {}))(t)
	assign := func(count string, addrs ...string) (*sdkecs.AssignPrivateIpAddressesResponse, error) {
		r := to(l.w, sdkecs.CreateAssignPrivateIpAddressesRequest())
		r.NetworkInterfaceId, r.SecondaryPrivateIpAddressCount, r.PrivateIpAddress = made.NetworkInterfaceId, requests.Integer(count), &addrs
		return l.ecs.AssignPrivateIpAddresses(r)
	}
	unassign := func(addrs ...string) (*sdkecs.UnassignPrivateIpAddressesResponse, error) {
		r := to(l.w, sdkecs.CreateUnassignPrivateIpAddressesRequest())
		r.NetworkInterfaceId, r.PrivateIpAddress = made.NetworkInterfaceId, &addrs
		return l.ecs.UnassignPrivateIpAddresses(r)
	}
	refused(assign(""))(t, 400, "MissingParameter")
	refused(assign("50"))(t, 400, "InvalidParameter")
	if got := ok(assign("", "10.0.0.50", "10.0.0.51"))(t); len(got.AssignedPrivateIpAddressesSet.PrivateIpSet.PrivateIpAddress) != 2 {
		t.Errorf("assigned: %+v", got)
	}
	refused(assign("", "10.0.0.50"))(t, 400, "InvalidIp.IpAssigned")
	refused(assign("48"))(t, 403, "SecondaryIpAddressLimitExceeded")
	ok(unassign("10.0.0.50"))(t)
	refused(unassign("10.0.0.50"))(t, 400, "InvalidIp.IpUnassigned")
	refused(unassign(made.PrivateIpAddress))(t, 400, "InvalidIp.PrimaryIp")
}

// The interfaces of the platform's services are shown, and theirs alone to change.
func TestServiceManagedInterfaces(t *testing.T) {
	l := newLan(t)
	v := l.w.root().vpc
	nat := to(l.w, sdkvpc.CreateCreateNatGatewayRequest())
	nat.VpcId, nat.VSwitchId, nat.NatType = l.vpc, l.vswitch, "Enhanced"
	ok(v.CreateNatGateway(nat))(t)
	got := l.describe(func(r *sdkecs.DescribeNetworkInterfacesRequest) { r.ServiceManaged = "true" })
	if len(got) != 1 || got[0].Status != "InUse" || got[0].Type != "Secondary" || got[0].InstanceId != "" {
		t.Fatalf("interfaces: %+v", got)
	}
	gone := to(l.w, sdkecs.CreateDeleteNetworkInterfaceRequest())
	gone.NetworkInterfaceId = got[0].NetworkInterfaceId
	refused(l.ecs.DeleteNetworkInterface(gone))(t, 403, "InvalidOperation.EniServiceManaged")
	change := to(l.w, sdkecs.CreateModifyNetworkInterfaceAttributeRequest())
	change.NetworkInterfaceId, change.Description = got[0].NetworkInterfaceId, "mine"
	refused(l.ecs.ModifyNetworkInterfaceAttribute(change))(t, 403, "InvalidOperation.EniServiceManaged")
}

// A policy that names an interface speaks of no other.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-ram
func TestInterfacePermissions(t *testing.T) {
	l := newLan(t)
	c := l.w.root()
	one, two := ok(l.createInterface(func(*sdkecs.CreateNetworkInterfaceRequest) {}))(t), ok(l.createInterface(func(*sdkecs.CreateNetworkInterfaceRequest) {}))(t)
	ok(c.createPolicy("one", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:ModifyNetworkInterfaceAttribute","Resource":"acs:ecs:*:*:eni/`+one.NetworkInterfaceId+`"}]}`))(t)
	ok(c.createUser("alice"))(t)
	key := ok(c.createKey("alice"))(t).AccessKey
	ok(c.attachToUser("Custom", "one", "alice"))(t)
	e, err := sdkecs.NewClientWithAccessKey(region.Default, key.AccessKeyId, key.AccessKeySecret)
	if err != nil {
		t.Fatal(err)
	}
	change := to(l.w, sdkecs.CreateModifyNetworkInterfaceAttributeRequest())
	change.NetworkInterfaceId, change.Description = one.NetworkInterfaceId, "mine"
	ok(e.ModifyNetworkInterfaceAttribute(change))(t)
	change.NetworkInterfaceId = two.NetworkInterfaceId
	refused(e.ModifyNetworkInterfaceAttribute(change))(t, 403, "Forbidden.RAM")
}
