package clients

import (
	"testing"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/region"
)

func (c caller) createVpc(cidr string) (*sdkvpc.CreateVpcResponse, error) {
	r := to(c.w, sdkvpc.CreateCreateVpcRequest())
	r.CidrBlock, r.VpcName = cidr, "one"
	return c.vpc.CreateVpc(r)
}

func (c caller) createVSwitch(vpc, zone, cidr string) (*sdkvpc.CreateVSwitchResponse, error) {
	r := to(c.w, sdkvpc.CreateCreateVSwitchRequest())
	r.VpcId, r.ZoneId, r.CidrBlock = vpc, zone, cidr
	return c.vpc.CreateVSwitch(r)
}

func (c caller) deleteVpc(id string) (*sdkvpc.DeleteVpcResponse, error) {
	r := to(c.w, sdkvpc.CreateDeleteVpcRequest())
	r.VpcId = id
	return c.vpc.DeleteVpc(r)
}

func ecsOf(t *testing.T) *sdkecs.Client {
	c, err := sdkecs.NewClientWithAccessKey(region.Default, "test", "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvpc
func TestVpcs(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	for _, bad := range []string{"100.64.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/8", "10.0.0.0/7", "10.0.0.0/29", "10.0.0.1/16", "fd00::/16", "x"} {
		refused(c.createVpc(bad))(t, 400, "InvalidCidrBlock.Malformed")
	}
	made := ok(c.createVpc(""))(t)
	describe := to(w, sdkvpc.CreateDescribeVpcAttributeRequest())
	describe.VpcId = made.VpcId
	v := ok(c.vpc.DescribeVpcAttribute(describe))(t)
	if v.CidrBlock != "172.16.0.0/12" || v.Status != "Available" || v.VpcName != "one" || v.VRouterId != made.VRouterId || made.RouteTableId == "" {
		t.Errorf("VPC: %+v", v)
	}
	for _, b := range []struct {
		vpc, zone, cidr, code string
		status                int
	}{
		{made.VpcId, "cn-hangzhou-z", "172.16.0.0/24", "InvalidZoneId.NotFound", 400},
		{"vpc-none", "cn-hangzhou-h", "172.16.0.0/24", "InvalidVpcId.NotFound", 404},
		{made.VpcId, "cn-hangzhou-h", "10.0.0.0/24", "InvalidCidrBlock.Malformed", 400},
		{made.VpcId, "cn-hangzhou-h", "172.16.0.0/30", "InvalidCidrBlock.Malformed", 400},
	} {
		refused(c.createVSwitch(b.vpc, b.zone, b.cidr))(t, b.status, b.code)
	}
	s := ok(c.createVSwitch(made.VpcId, "cn-hangzhou-h", "172.16.0.0/24"))(t)
	refused(c.createVSwitch(made.VpcId, "cn-hangzhou-i", "172.16.0.128/25"))(t, 400, "InvalidCidrBlock.Overlapped")
	list := to(w, sdkvpc.CreateDescribeVSwitchesRequest())
	list.VpcId = made.VpcId
	all := ok(c.vpc.DescribeVSwitches(list))(t)
	if n := all.VSwitches.VSwitch; len(n) != 1 || n[0].AvailableIpAddressCount != 252 || n[0].RouteTable.RouteTableId != made.RouteTableId {
		t.Errorf("vSwitches: %+v", n)
	}
	refused(c.deleteVpc(made.VpcId))(t, 400, "DependencyViolation.VSwitch")
	gone := to(w, sdkvpc.CreateDeleteVSwitchRequest())
	gone.VSwitchId = s.VSwitchId
	ok(c.vpc.DeleteVSwitch(gone))(t)
	refused(c.vpc.DeleteVSwitch(gone))(t, 404, "InvalidVswitchID.NotFound")
	ok(c.deleteVpc(made.VpcId))(t)
	refused(c.deleteVpc(made.VpcId))(t, 404, "InvalidVpcId.NotFound")
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-authorizesecuritygroup
func TestSecurityGroups(t *testing.T) {
	w := newWorld(t)
	e, v := ecsOf(t), ok(w.root().createVpc("10.0.0.0/8"))(t)
	create := func(kind string) string {
		r := to(w, sdkecs.CreateCreateSecurityGroupRequest())
		r.VpcId, r.SecurityGroupType, r.SecurityGroupName = v.VpcId, kind, "web"
		return ok(e.CreateSecurityGroup(r))(t).SecurityGroupId
	}
	plain, advanced := create("normal"), create("enterprise")
	rule := func(group string, edit func(*sdkecs.AuthorizeSecurityGroupRequest)) (*sdkecs.AuthorizeSecurityGroupResponse, error) {
		r := to(w, sdkecs.CreateAuthorizeSecurityGroupRequest())
		r.SecurityGroupId, r.IpProtocol, r.PortRange, r.SourceCidrIp, r.NicType = group, "tcp", "80/80", "10.0.0.0/8", "intranet"
		edit(r)
		return e.AuthorizeSecurityGroup(r)
	}
	for _, b := range []struct {
		code string
		edit func(*sdkecs.AuthorizeSecurityGroupRequest)
	}{
		{"InvalidPriority.Malformed", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.Priority = "101" }},
		{"InvalidPriority.Malformed", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.Priority = "0" }},
		{"InvalidPolicy.Malformed", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.Policy = "maybe" }},
		{"InvalidPortRange.Malformed", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.PortRange = "90/80" }},
		{"InvalidPortRange.Malformed", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.PortRange = "-1/-1" }},
		{"InvalidIpProtocol.Malformed", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.IpProtocol = "sctp" }},
		{"InvalidParam.SourceIp", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.SourceCidrIp = "10.0.0.0/33" }},
		{"InvalidNicType.Mismatch", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.NicType = "internet" }},
		{"MissingParameter", func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.SourceCidrIp = "" }},
	} {
		refused(rule(plain, b.edit))(t, 400, b.code)
	}
	byGroup := func(r *sdkecs.AuthorizeSecurityGroupRequest) { r.SourceCidrIp, r.SourceGroupId = "", plain }
	refused(rule(advanced, byGroup))(t, 400, "OperationDenied.EnterpriseGroup")
	none := func(*sdkecs.AuthorizeSecurityGroupRequest) {}
	ok(rule(plain, none))(t)
	ok(rule(plain, none))(t) // a duplicate succeeds
	ok(rule(plain, func(r *sdkecs.AuthorizeSecurityGroupRequest) {
		r.IpProtocol = ""
		r.Permissions = &[]sdkecs.AuthorizeSecurityGroupPermissions{{IpProtocol: "ALL", PortRange: "-1/-1", SourceCidrIp: "10.1.0.0/16", Policy: "drop", Priority: "7"}}
	}))(t)
	attr := to(w, sdkecs.CreateDescribeSecurityGroupAttributeRequest())
	attr.SecurityGroupId = plain
	got := ok(e.DescribeSecurityGroupAttribute(attr))(t)
	if len(got.Permissions.Permission) != 2 || got.InnerAccessPolicy != "Accept" {
		t.Fatalf("group: %+v", got)
	}
	refused(w.root().deleteVpc(v.VpcId))(t, 400, "DependencyViolation.SecurityGroup")
}
