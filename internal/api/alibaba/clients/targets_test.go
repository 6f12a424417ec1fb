package clients

import (
	"strings"
	"testing"

	sdkram "github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	sdkrm "github.com/aliyun/alibaba-cloud-sdk-go/services/resourcemanager"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/cbn"
	"weir/internal/api/alibaba/privatelink"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/alibaba/vpc"
	"weir/internal/api/wire"
)

// TestNetworkPolicies: a policy counts for the resources that it names, whether it
// allows or denies, and a grant in a resource group for what is in the group.
func TestNetworkPolicies(t *testing.T) {
	w := newWorld(t)
	root := w.root()
	create := func(c caller, group string) (*sdkvpc.CreateVpcResponse, error) {
		r := to(w, sdkvpc.CreateCreateVpcRequest())
		r.CidrBlock, r.ResourceGroupId = "10.0.0.0/16", group
		return c.vpc.CreateVpc(r)
	}
	vswitch := func(c caller, vpc, cidr string) (*sdkvpc.CreateVSwitchResponse, error) {
		r := to(w, sdkvpc.CreateCreateVSwitchRequest())
		r.VpcId, r.ZoneId, r.CidrBlock = vpc, "cn-hangzhou-h", cidr
		return c.vpc.CreateVSwitch(r)
	}
	drop := func(c caller, id string) (*sdkvpc.DeleteVpcResponse, error) {
		r := to(w, sdkvpc.CreateDeleteVpcRequest())
		r.VpcId = id
		return c.vpc.DeleteVpc(r)
	}
	look := func(c caller, id string) (*sdkvpc.DescribeVpcAttributeResponse, error) {
		r := to(w, sdkvpc.CreateDescribeVpcAttributeRequest())
		r.VpcId = id
		return c.vpc.DescribeVpcAttribute(r)
	}
	allow := func(user, name, document string) {
		t.Helper()
		p := to(w, sdkram.CreateCreatePolicyRequest())
		p.PolicyName, p.PolicyDocument = name, document
		ok(root.ram.CreatePolicy(p))(t)
		a := to(w, sdkram.CreateAttachPolicyToUserRequest())
		a.PolicyType, a.PolicyName, a.UserName = "Custom", name, user
		ok(root.ram.AttachPolicyToUser(a))(t)
	}
	one, two := ok(create(root, ""))(t).VpcId, ok(create(root, ""))(t).VpcId

	alice := w.member(t, "alice")
	allow("alice", "one", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:*","Resource":["acs:vpc:*:`+uid+`:vpc/`+one+`","acs:vpc:cn-hangzhou:*:vswitch/*"]}]}`)
	ok(look(alice, one))(t)
	refused(look(alice, two))(t, 403, "Forbidden.RAM")
	ok(vswitch(alice, one, "10.0.1.0/24"))(t)
	refused(vswitch(alice, two, "10.0.1.0/24"))(t, 403, "Forbidden.RAM")
	refused(create(alice, ""))(t, 403, "Forbidden.RAM")

	bob := w.member(t, "bob")
	allow("bob", "not-one", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["vpc:Delete*","vpc:Describe*"],"Resource":"acs:vpc:*:*:vpc/`+one+`"}]}`)
	refused(drop(bob, one))(t, 403, "Forbidden.RAM")
	refused(look(bob, one))(t, 403, "Forbidden.RAM")
	ok(look(bob, two))(t)
	ok(drop(bob, two))(t)

	carol := w.member(t, "carol")
	g := to(w, sdkrm.CreateCreateResourceGroupRequest())
	g.Name, g.DisplayName = "red", "red"
	red := ok(root.rm.CreateResourceGroup(g))(t).ResourceGroup.Id
	a := to(w, sdkrm.CreateAttachPolicyRequest())
	a.ResourceGroupId, a.PolicyType, a.PolicyName, a.PrincipalType, a.PrincipalName = red, "System", "AliyunVPCFullAccess", "IMSUser", "carol@"+uid+".onaliyun.com"
	ok(root.rm.AttachPolicy(a))(t)
	refused(create(carol, ""))(t, 403, "Forbidden.RAM")
	three := ok(create(carol, red))(t).VpcId
	ok(look(carol, three))(t)
	ok(vswitch(carol, three, "10.0.1.0/24"))(t) // which is where its VPC is
	refused(look(carol, one))(t, 403, "Forbidden.RAM")
}

// TestTargets: which resources policies must name.
func TestTargets(t *testing.T) {
	w := newWorld(t)
	const vpcID, cen, router = "vpc-bp1aaaaaaaaaaaaaaaaaa", "cen-x", "tr-x"
	for _, x := range []struct {
		acts      resource.Acts
		operation string
		in        any
		want      string
	}{
		{cbn.Acts, "CreateTransitRouterVpcAttachment", &cbn.CreateTransitRouterVpcAttachmentInput{CenId: new(cen), TransitRouterId: new(router), VpcId: new(vpcID)},
			"acs:cen:*:" + uid + ":ceninstance/cen-x acs:cen:*:" + uid + ":centransitrouter/tr-x acs:vpc:cn-hangzhou:" + uid + ":vpc/" + vpcID + " acs:cen:*:" + uid + ":centransitrouterattachment/*"},
		{cbn.Acts, "DescribeCens", &cbn.DescribeCensInput{}, "acs:cen:*:" + uid + ":ceninstance/*"},
		{cbn.Acts, "OpenTransitRouterService", &cbn.OpenTransitRouterServiceInput{}, "*"},
		{privatelink.Acts, "CreateVpcEndpoint", &privatelink.CreateVpcEndpointInput{ServiceId: new("epsrv-of-another"), VpcId: new(vpcID)},
			"acs:vpc:cn-hangzhou:" + uid + ":vpc/" + vpcID + " acs:privatelink:cn-hangzhou:" + uid + ":vpcendpoint/*"},
		{privatelink.Acts, "EnableVpcEndpointConnection", &privatelink.EnableVpcEndpointConnectionInput{ServiceId: new("epsrv-x"), EndpointId: new("ep-of-another")},
			"acs:privatelink:cn-hangzhou:" + uid + ":vpcendpointservice/epsrv-x"},
		{vpc.Acts, "CreateSnatEntry", &vpc.CreateSnatEntryInput{SnatTableId: new("stb-x")}, "acs:vpc:cn-hangzhou:" + uid + ":snattable/stb-x"},
		{vpc.Acts, "CreateRouteEntries", &vpc.CreateRouteEntriesInput{RouteEntries: []vpc.CreateRouteEntriesRouteEntry{{RouteTableId: new("vtb-x")}, {RouteTableId: new("vtb-y")}, {RouteTableId: new("vtb-x")}}},
			"acs:vpc:cn-hangzhou:" + uid + ":routetable/vtb-x acs:vpc:cn-hangzhou:" + uid + ":routetable/vtb-y"},
		{vpc.Acts, "DeleteRouteEntries", &vpc.DeleteRouteEntriesInput{RouteEntries: []vpc.DeleteRouteEntriesRouteEntry{{RouteTableId: new("vtb-x")}}}, "acs:vpc:cn-hangzhou:" + uid + ":routetable/vtb-x"},
		{vpc.Acts, "CreateNatIp", &vpc.CreateNatIpInput{NatGatewayId: new("ngw-x")}, "acs:vpc:cn-hangzhou:" + uid + ":natgateway/ngw-x"},
		{vpc.Acts, "DeleteNatIp", &vpc.DeleteNatIpInput{NatIpId: new("vpcnatip-x")}, "acs:vpc:cn-hangzhou:" + uid + ":natgateway/*"},
		{vpc.Acts, "AllocateIpv6InternetBandwidth", &vpc.AllocateIpv6InternetBandwidthInput{Ipv6AddressId: new("ipv6-x")}, "acs:vpc:cn-hangzhou:" + uid + ":ipv6bandwidth/*"},
		{vpc.Acts, "ModifyIpv6InternetBandwidth", &vpc.ModifyIpv6InternetBandwidthInput{Ipv6InternetBandwidthId: new("ipv6bw-x")}, "acs:vpc:cn-hangzhou:" + uid + ":ipv6bandwidth/ipv6bw-x"},
		{vpc.Acts, "CreateIpv6EgressOnlyRule", &vpc.CreateIpv6EgressOnlyRuleInput{Ipv6GatewayId: new("ipv6gw-x")}, "acs:vpc:cn-hangzhou:" + uid + ":ipv6gateway/ipv6gw-x"},
		{vpc.Acts, "DescribeVSwitches", &vpc.DescribeVSwitchesInput{VpcId: new(vpcID)}, "acs:vpc:cn-hangzhou:" + uid + ":vswitch/*"},
	} {
		var got []string
		for _, target := range x.acts.Targets(w.control)(&wire.Call{Service: x.acts.Product, Operation: x.operation, Account: account, Region: "cn-hangzhou"}, x.in) {
			got = append(got, target.ARN)
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s acts on %q, want %q", x.operation, got, x.want)
		}
	}
}
