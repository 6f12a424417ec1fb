package clients

import (
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// A VPC gets a /56, its vSwitches the /64 that they name.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvswitch
func TestIPv6Blocks(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	create := to(w, sdkvpc.CreateCreateVpcRequest())
	create.CidrBlock, create.EnableIpv6 = "10.0.0.0/8", "true"
	v := ok(c.vpc.CreateVpc(create))(t).VpcId
	look := to(w, sdkvpc.CreateDescribeVpcAttributeRequest())
	look.VpcId = v
	got := ok(c.vpc.DescribeVpcAttribute(look))(t)
	if !got.EnabledIpv6 || got.Ipv6CidrBlock != "2001:db8:1000::/56" {
		t.Errorf("the VPC: %+v", got)
	}
	vswitch := func(cidr, number string) (*sdkvpc.CreateVSwitchResponse, error) {
		r := to(w, sdkvpc.CreateCreateVSwitchRequest())
		r.VpcId, r.ZoneId, r.CidrBlock, r.Ipv6CidrBlock = v, "cn-hangzhou-h", cidr, requests.Integer(number)
		return c.vpc.CreateVSwitch(r)
	}
	one := ok(vswitch("10.1.0.0/24", "255"))(t).VSwitchId
	refused(vswitch("10.2.0.0/24", "255"))(t, 400, "InvalidCidrBlock.Overlapped")
	refused(vswitch("10.2.0.0/24", "256"))(t, 400, "InvalidIpv6CidrBlock.Malformed")
	block := func(id string) string {
		r := to(w, sdkvpc.CreateDescribeVSwitchAttributesRequest())
		r.VSwitchId = id
		return ok(c.vpc.DescribeVSwitchAttributes(r))(t).Ipv6CidrBlock
	}
	if got := block(one); got != "2001:db8:1000:ff::/64" {
		t.Errorf("the vSwitch has %q", got)
	}
	two := ok(vswitch("10.2.0.0/24", ""))(t).VSwitchId
	modify := func(enable, number string) (*sdkvpc.ModifyVSwitchAttributeResponse, error) {
		r := to(w, sdkvpc.CreateModifyVSwitchAttributeRequest())
		r.VSwitchId, r.EnableIPv6, r.Ipv6CidrBlock = two, requests.Boolean(enable), requests.Integer(number)
		return c.vpc.ModifyVSwitchAttribute(r)
	}
	refused(modify("true", ""))(t, 400, "MissingParameter")
	ok(modify("true", "3"))(t)
	if got := block(two); got != "2001:db8:1000:3::/64" {
		t.Errorf("the vSwitch has %q", got)
	}
	refused(modify("true", "4"))(t, 400, "OperationFailed.VSwitchIpv6Enabled")
	take := to(w, sdkvpc.CreateUnassociateVpcCidrBlockRequest())
	take.VpcId, take.IPv6CidrBlock = v, "2001:db8:1000::/56"
	refused(c.vpc.UnassociateVpcCidrBlock(take))(t, 400, "DependencyViolation.VSwitch")
	ok(modify("false", ""))(t)
	if got := block(two); got != "" {
		t.Errorf("without IPv6 the vSwitch has %q", got)
	}
	more := to(w, sdkvpc.CreateAssociateVpcCidrBlockRequest())
	more.VpcId, more.IpVersion = v, "IPV6"
	refused(c.vpc.AssociateVpcCidrBlock(more))(t, 400, "QuotaExceeded.Ipv6CidrBlock")
}

// address6 has an interface with an IPv6 address made, and says what the VPC product says of it.
func (l *lan) address6() (eni string, a sdkvpc.Ipv6Address) {
	l.t.Helper()
	c := l.w.root()
	m := to(l.w, sdkvpc.CreateModifyVpcAttributeRequest())
	m.VpcId, m.EnableIPv6 = l.vpc, "true"
	ok(c.vpc.ModifyVpcAttribute(m))(l.t)
	s := to(l.w, sdkvpc.CreateModifyVSwitchAttributeRequest())
	s.VSwitchId, s.EnableIPv6, s.Ipv6CidrBlock = l.vswitch, "true", "7"
	ok(c.vpc.ModifyVSwitchAttribute(s))(l.t)
	made := ok(l.createInterface(func(r *sdkecs.CreateNetworkInterfaceRequest) { r.Ipv6AddressCount = "1" }))(l.t)
	d := to(l.w, sdkvpc.CreateDescribeIpv6AddressesRequest())
	d.VSwitchId = l.vswitch
	got := ok(c.vpc.DescribeIpv6Addresses(d))(l.t).Ipv6Addresses.Ipv6Address
	if len(got) != 1 || got[0].Ipv6Address != made.Ipv6Sets.Ipv6Set[0].Ipv6Address || got[0].AssociatedInstanceId != made.NetworkInterfaceId || got[0].NetworkType != "Private" {
		l.t.Fatalf("addresses: %+v", got)
	}
	return made.NetworkInterfaceId, got[0]
}

func (l *lan) gateway6() (*sdkvpc.CreateIpv6GatewayResponse, error) {
	r := to(l.w, sdkvpc.CreateCreateIpv6GatewayRequest())
	r.VpcId, r.Name = l.vpc, "six"
	return l.w.root().vpc.CreateIpv6Gateway(r)
}

func (l *lan) buy(address, speed string) (*sdkvpc.AllocateIpv6InternetBandwidthResponse, error) {
	r := to(l.w, sdkvpc.CreateAllocateIpv6InternetBandwidthRequest())
	r.Ipv6AddressId, r.Bandwidth, r.ClientToken = address, requests.Integer(speed), "once"+speed
	return l.w.root().vpc.AllocateIpv6InternetBandwidth(r)
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createipv6gateway
func TestIPv6Gateways(t *testing.T) {
	l := newLan(t)
	c, w := l.w.root(), l.w
	refused(l.gateway6())(t, 400, "OperationFailed.VpcIpv6NotEnabled")
	_, addr := l.address6()
	off := to(w, sdkvpc.CreateModifyVSwitchAttributeRequest())
	off.VSwitchId, off.EnableIPv6 = l.vswitch, "false"
	refused(c.vpc.ModifyVSwitchAttribute(off))(t, 400, "DependencyViolation.Ipv6Address")
	refused(l.buy(addr.Ipv6AddressId, "5"))(t, 404, "InvalidIpv6GatewayId.NotFound")
	dry := to(w, sdkvpc.CreateCreateIpv6GatewayRequest())
	dry.VpcId, dry.QueryParams["DryRun"] = l.vpc, "true"
	refused(c.vpc.CreateIpv6Gateway(dry))(t, 400, "DryRunOperation")
	id := ok(l.gateway6())(t).Ipv6GatewayId
	refused(l.gateway6())(t, 400, "ResourceAlreadyAssociated.Vpc")
	list := to(w, sdkvpc.CreateDescribeIpv6GatewaysRequest())
	list.VpcId = l.vpc
	if got := ok(c.vpc.DescribeIpv6Gateways(list))(t).Ipv6Gateways.Ipv6Gateway; len(got) != 1 || got[0].Ipv6GatewayId != id || got[0].Name != "six" || got[0].Status != "Available" {
		t.Errorf("gateways: %+v", got)
	}
	rename := to(w, sdkvpc.CreateModifyIpv6GatewayAttributeRequest())
	rename.Ipv6GatewayId, rename.Name = id, "seven"
	ok(c.vpc.ModifyIpv6GatewayAttribute(rename))(t)
	get := to(w, sdkvpc.CreateDescribeIpv6GatewayAttributeRequest())
	get.Ipv6GatewayId = id
	if got := ok(c.vpc.DescribeIpv6GatewayAttribute(get))(t); got.Name != "seven" || got.VpcId != l.vpc {
		t.Errorf("the gateway: %+v", got)
	}
	look := to(w, sdkvpc.CreateDescribeVpcsRequest())
	look.VpcId = l.vpc
	table := ok(c.vpc.DescribeVpcs(look))(t).Vpcs.Vpc[0].RouterTableIds.RouterTableIds[0]
	if got := c.entries(t, table)["::/0"]; got != "Custom IPv6Gateway" {
		t.Errorf("the system table has ::/0 by %q", got)
	}
	refused(c.deleteVpc(l.vpc))(t, 400, "DependencyViolation.Ipv6Gateway")
	drop := to(w, sdkvpc.CreateDeleteIpv6GatewayRequest())
	drop.Ipv6GatewayId = id
	ok(l.buy(addr.Ipv6AddressId, "5"))(t)
	refused(c.vpc.DeleteIpv6Gateway(drop))(t, 400, "DependencyViolation.Ipv6InternetBandwidth")
	gone := to(w, sdkvpc.CreateDeleteIpv6InternetBandwidthRequest())
	gone.Ipv6AddressId = addr.Ipv6AddressId
	ok(c.vpc.DeleteIpv6InternetBandwidth(gone))(t)
	ok(c.vpc.DeleteIpv6Gateway(drop))(t)
	refused(c.vpc.DeleteIpv6Gateway(drop))(t, 404, "InvalidIpv6GatewayId.NotFound")
	if got := c.entries(t, table)["::/0"]; got != "" {
		t.Errorf("the system table still has ::/0 by %q", got)
	}
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-allocateipv6internetbandwidth
func TestIPv6Bandwidth(t *testing.T) {
	l := newLan(t)
	c, w := l.w.root(), l.w
	eni, addr := l.address6()
	id := ok(l.gateway6())(t).Ipv6GatewayId
	refused(l.buy("ipv6-none", "5"))(t, 404, "InvalidIpv6AddressId.NotFound")
	refused(l.buy(addr.Ipv6AddressId, "0"))(t, 400, "InvalidBandwidth.Malformed")
	bandwidth := ok(l.buy(addr.Ipv6AddressId, "5"))(t).InternetBandwidthId
	if again := ok(l.buy(addr.Ipv6AddressId, "5"))(t).InternetBandwidthId; again != bandwidth {
		t.Errorf("with the same token: %s and %s", bandwidth, again)
	}
	refused(l.buy(addr.Ipv6AddressId, "6"))(t, 400, "OperationFailed.Ipv6InternetBandwidthExist")
	change := to(w, sdkvpc.CreateModifyIpv6InternetBandwidthRequest())
	change.Ipv6InternetBandwidthId, change.Bandwidth = bandwidth, "20"
	ok(c.vpc.ModifyIpv6InternetBandwidth(change))(t)
	run := ok(l.run(func(r *sdkecs.RunInstancesRequest) { r.Ipv6AddressCount = "1" }))(t).InstanceIdSets.InstanceIdSet[0]
	of := to(w, sdkvpc.CreateDescribeIpv6AddressesRequest())
	of.AssociatedInstanceId = run
	if got := ok(c.vpc.DescribeIpv6Addresses(of))(t).Ipv6Addresses.Ipv6Address; len(got) != 1 || got[0].AssociatedInstanceType != "EcsInstance" || got[0].Ipv6GatewayId != id {
		t.Errorf("the instance's addresses: %+v", got)
	}
	public := to(w, sdkvpc.CreateDescribeIpv6AddressesRequest())
	public.NetworkType = "Public"
	if got := ok(c.vpc.DescribeIpv6Addresses(public))(t).Ipv6Addresses.Ipv6Address; len(got) != 1 || got[0].Ipv6InternetBandwidth.Bandwidth != 20 {
		t.Errorf("public addresses: %+v", got)
	}
	take := to(w, sdkecs.CreateUnassignIpv6AddressesRequest()) // bandwidth goes with its address
	take.NetworkInterfaceId, take.Ipv6Address = eni, &[]string{addr.Ipv6Address}
	ok(l.ecs.UnassignIpv6Addresses(take))(t)
	refused(c.vpc.ModifyIpv6InternetBandwidth(change))(t, 404, "InvalidIpv6InternetBandwidthId.NotFound")
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createipv6egressonlyrule
func TestIPv6EgressOnlyRules(t *testing.T) {
	l := newLan(t)
	c, w := l.w.root(), l.w
	_, addr := l.address6()
	id := ok(l.gateway6())(t).Ipv6GatewayId
	rule := to(w, sdkvpc.CreateCreateIpv6EgressOnlyRuleRequest())
	rule.Ipv6GatewayId, rule.InstanceId, rule.Name = id, addr.Ipv6AddressId, "outward"
	egress := ok(c.vpc.CreateIpv6EgressOnlyRule(rule))(t).Ipv6EgressRuleId
	again := to(w, sdkvpc.CreateCreateIpv6EgressOnlyRuleRequest())
	again.Ipv6GatewayId, again.InstanceId = id, addr.Ipv6AddressId
	refused(c.vpc.CreateIpv6EgressOnlyRule(again))(t, 400, "OperationFailed.Ipv6EgressOnlyRuleExist")
	rules := to(w, sdkvpc.CreateDescribeIpv6EgressOnlyRulesRequest())
	rules.Ipv6GatewayId = id
	if got := ok(c.vpc.DescribeIpv6EgressOnlyRules(rules))(t).Ipv6EgressOnlyRules.Ipv6EgressOnlyRule; len(got) != 1 || got[0].Ipv6EgressOnlyRuleId != egress || got[0].InstanceId != addr.Ipv6AddressId || got[0].Name != "outward" {
		t.Errorf("rules: %+v", got)
	}
	drop := to(w, sdkvpc.CreateDeleteIpv6GatewayRequest())
	drop.Ipv6GatewayId = id
	refused(c.vpc.DeleteIpv6Gateway(drop))(t, 400, "DependencyViolation.Ipv6EgressOnlyRule")
	gone := to(w, sdkvpc.CreateDeleteIpv6EgressOnlyRuleRequest())
	gone.Ipv6EgressOnlyRuleId = egress
	ok(c.vpc.DeleteIpv6EgressOnlyRule(gone))(t)
	refused(c.vpc.DeleteIpv6EgressOnlyRule(gone))(t, 404, "InvalidIpv6EgressOnlyRuleId.NotFound")
	ok(c.vpc.DeleteIpv6Gateway(drop))(t)
}
