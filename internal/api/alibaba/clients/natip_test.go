package clients

import (
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/vpc"
	"weir/internal/api/wire"
)

// TestNatIPs drives the API of VPC NAT gateways: what packets do is tested elsewhere.
// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createnatip-natgws
func TestNatIPs(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	v := ok(c.createVpc("10.0.0.0/8"))(t)
	s := ok(c.createVSwitch(v.VpcId, "cn-hangzhou-h", "10.1.0.0/24"))(t)
	gateway := func(network, ip string) (*sdkvpc.CreateNatGatewayResponse, error) {
		r := to(w, sdkvpc.CreateCreateNatGatewayRequest())
		r.VpcId, r.VSwitchId, r.NatType, r.NetworkType = v.VpcId, s.VSwitchId, "Enhanced", network
		r.QueryParams["NatIp"] = ip
		return c.vpc.CreateNatGateway(r)
	}
	refused(gateway("space", ""))(t, 400, "UnsupportedParameter")
	refused(gateway("intranet", "10.2.0.7"))(t, 400, "IllegalParam.NatIp")
	made := ok(gateway("intranet", "10.1.0.7"))(t)
	id := made.NatGatewayId
	describe := to(w, sdkvpc.CreateDescribeNatGatewaysRequest())
	describe.NetworkType = "intranet"
	if got := ok(c.vpc.DescribeNatGateways(describe))(t).NatGateways.NatGateway; len(got) != 1 || got[0].NetworkType != "intranet" || len(got[0].IpLists.IpList) != 0 || got[0].NatGatewayPrivateInfo.PrivateIpAddress != "10.1.0.7" {
		t.Errorf("gateways: %+v", got)
	}
	if got := c.entries(t, v.RouteTableId); got["0.0.0.0/0"] != "" {
		t.Errorf("the system table has %q", got)
	}
	add := func(ip, cidr, token string) (*sdkvpc.CreateNatIpResponse, error) {
		r := to(w, sdkvpc.CreateCreateNatIpRequest())
		r.NatGatewayId, r.NatIp, r.NatIpCidr, r.NatIpName, r.NatIpDescription, r.ClientToken = id, ip, cidr, "second", "for DNAT", token
		return c.vpc.CreateNatIp(r)
	}
	refused(add("10.1.0.9", "10.9.0.0/24", ""))(t, 404, "ResourceNotFound.NatIpCidr")
	refused(add("10.1.0.7", "10.1.0.0/24", ""))(t, 400, "ResourceAlreadyExist.NatIp")
	refused(add("10.1.0.0", "10.1.0.0/24", ""))(t, 400, "IllegalParam.NatIp")
	refused(add("here", "10.1.0.0/24", ""))(t, 400, "IllegalParam.NatIp")
	dry := to(w, sdkvpc.CreateCreateNatIpRequest())
	dry.NatGatewayId, dry.NatIpCidr, dry.NatIpName, dry.NatIpDescription, dry.DryRun = id, "10.1.0.0/24", "none", "", requests.NewBoolean(true)
	refused(c.vpc.CreateNatIp(dry))(t, 400, "DryRunOperation")
	second := ok(add("10.1.0.9", "10.1.0.0/24", "once"))(t)
	if again := ok(add("10.1.0.9", "10.1.0.0/24", "once"))(t); again.NatIpId != second.NatIpId {
		t.Errorf("the same token made %s and %s", second.NatIpId, again.NatIpId)
	}

	rename := to(w, sdkvpc.CreateModifyNatIpAttributeRequest())
	rename.NatIpId, rename.NatIpName, rename.NatIpDescription = second.NatIpId, "other", "for SNAT"
	ok(c.vpc.ModifyNatIpAttribute(rename))(t)
	list := to(w, sdkvpc.CreateListNatIpsRequest())
	list.NatGatewayId = id
	byIP := map[string]sdkvpc.NatIp{}
	for _, ip := range ok(c.vpc.ListNatIps(list))(t).NatIps {
		byIP[ip.NatIp] = ip
	}
	if one, two := byIP["10.1.0.7"], byIP["10.1.0.9"]; len(byIP) != 2 || !one.IsDefault || one.NatIpName != "default" || two.IsDefault || two.NatIpName != "other" || two.NatIpDescription != "for SNAT" || two.NatIpCidr != "10.1.0.0/24" || two.NatIpStatus != "Available" {
		t.Errorf("NAT IPs: %+v", byIP)
	}
	list.MaxResults = "1"
	if got := ok(c.vpc.ListNatIps(list))(t); len(got.NatIps) != 1 || got.NextToken == "" || got.TotalCount != "2" {
		t.Errorf("a page: %+v", got)
	}
	cidrs := to(w, sdkvpc.CreateListNatIpCidrsRequest())
	cidrs.NatGatewayId = id
	if got := ok(c.vpc.ListNatIpCidrs(cidrs))(t).NatIpCidrs; len(got) != 1 || got[0].NatIpCidr != "10.1.0.0/24" || !got[0].IsDefault {
		t.Errorf("blocks: %+v", got)
	}

	snat := to(w, sdkvpc.CreateCreateSnatEntryRequest())
	snat.SnatTableId, snat.SourceVSwitchId, snat.SnatIp = made.SnatTableIds.SnatTableId[0], s.VSwitchId, "10.1.0.8"
	refused(c.vpc.CreateSnatEntry(snat))(t, 400, "InvalidSnatIp.NotFound")
	snat.SnatIp = "10.1.0.9"
	ok(c.vpc.CreateSnatEntry(snat))(t)
	entries := to(w, sdkvpc.CreateDescribeSnatTableEntriesRequest())
	entries.SnatIp = "10.1.0.9"
	if got := ok(c.vpc.DescribeSnatTableEntries(entries))(t).SnatTableEntries.SnatTableEntry; len(got) != 1 || got[0].SnatIp != "10.1.0.9" {
		t.Errorf("SNAT entries: %+v", got)
	}
	drop := func(ip string) (*sdkvpc.DeleteNatIpResponse, error) {
		r := to(w, sdkvpc.CreateDeleteNatIpRequest())
		r.NatIpId = byIP[ip].NatIpId
		return c.vpc.DeleteNatIp(r)
	}
	call := &wire.Call{Service: "vpc", Operation: "DeleteNatIp", Account: account, Region: "cn-hangzhou"}
	if got := vpc.Acts.Targets(w.control)(call, &vpc.DeleteNatIpInput{NatIpId: &second.NatIpId}); len(got) != 1 || got[0].ARN != "acs:vpc:cn-hangzhou:"+uid+":natgateway/"+id {
		t.Errorf("policies must allow %+v", got)
	}
	refused(drop("10.1.0.7"))(t, 400, "OperationFailed.DefaultNatIp")
	refused(drop("10.1.0.9"))(t, 400, "DependencyViolation.NatIp")

	eip := ok(c.vpc.AllocateEipAddress(to(w, sdkvpc.CreateAllocateEipAddressRequest())))(t)
	bind := to(w, sdkvpc.CreateAssociateEipAddressRequest())
	bind.AllocationId, bind.InstanceId, bind.InstanceType = eip.AllocationId, id, "Nat"
	refused(c.vpc.AssociateEipAddress(bind))(t, 400, "OperationUnsupported.NatGateway")

	remove := to(w, sdkvpc.CreateDeleteNatGatewayRequest())
	remove.NatGatewayId = id
	refused(c.vpc.DeleteNatGateway(remove))(t, 400, "DependencyViolation.SnatEntry")
	remove.Force = requests.NewBoolean(true)
	ok(c.vpc.DeleteNatGateway(remove))(t)
	refused(drop("10.1.0.9"))(t, 404, "ResourceNotFound.NatIp")
	public := ok(gateway("internet", ""))(t)
	id = public.NatGatewayId
	refused(add("10.1.0.9", "10.1.0.0/24", ""))(t, 400, "OperationUnsupported.NatGateway")
}
