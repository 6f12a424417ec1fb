package clients

import (
	"fmt"
	"testing"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

func (c caller) createRouteTable(vpc, name string) (*sdkvpc.CreateRouteTableResponse, error) {
	r := to(c.w, sdkvpc.CreateCreateRouteTableRequest())
	r.VpcId, r.RouteTableName = vpc, name
	return c.vpc.CreateRouteTable(r)
}

func (c caller) createRouteEntry(table, dest, kind, hop string) (*sdkvpc.CreateRouteEntryResponse, error) {
	r := to(c.w, sdkvpc.CreateCreateRouteEntryRequest())
	r.RouteTableId, r.DestinationCidrBlock, r.NextHopType, r.NextHopId = table, dest, kind, hop
	return c.vpc.CreateRouteEntry(r)
}

func (c caller) createNat(vpc, vswitch string) (*sdkvpc.CreateNatGatewayResponse, error) {
	r := to(c.w, sdkvpc.CreateCreateNatGatewayRequest())
	r.VpcId, r.VSwitchId, r.NatType = vpc, vswitch, "Enhanced"
	return c.vpc.CreateNatGateway(r)
}

// entries are a table's entries: "type destination → kind of next hop".
func (c caller) entries(t *testing.T, table string) map[string]string {
	r := to(c.w, sdkvpc.CreateDescribeRouteEntryListRequest())
	r.RouteTableId = table
	out := map[string]string{}
	for _, e := range ok(c.vpc.DescribeRouteEntryList(r))(t).RouteEntrys.RouteEntry {
		if e.Status != "Available" || e.RouteEntryId == "" {
			t.Errorf("entry: %+v", e)
		}
		out[e.DestinationCidrBlock] = e.Type + " " + e.NextHops.NextHop[0].NextHopType
	}
	return out
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createrouteentry
func TestRouteEntries(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	v := ok(c.createVpc("10.0.0.0/8"))(t)
	s := ok(c.createVSwitch(v.VpcId, "cn-hangzhou-h", "10.1.0.0/24"))(t)
	nat := ok(c.createNat(v.VpcId, s.VSwitchId))(t)
	if got, want := fmt.Sprint(c.entries(t, v.RouteTableId)), "map[0.0.0.0/0:Custom NatGateway 10.1.0.0/24:System local 100.64.0.0/10:System service]"; got != want {
		t.Errorf("entries are %s, want %s", got, want)
	}
	own := ok(c.createRouteTable(v.VpcId, "own"))(t).RouteTableId
	for _, b := range []struct {
		table, dest, kind, hop, code string
		status                       int
	}{
		{"vtb-none", "0.0.0.0/0", "NatGateway", nat.NatGatewayId, "InvalidRouteTableId.NotFound", 404},
		{own, "0.0.0.0", "NatGateway", "ngw-none", "InvalidNatGateway.NotFound", 400},
		{own, "0.0.0.0/33", "NatGateway", nat.NatGatewayId, "InvalidCidrBlock.Malformed", 400},
		{own, "100.64.0.0/10", "NatGateway", nat.NatGatewayId, "InvalidCidrBlock", 400},
		{own, "10.1.0.0/24", "NatGateway", nat.NatGatewayId, "InvalidCidrBlock", 400},
		{own, "10.1.0.7", "NatGateway", nat.NatGatewayId, "InvalidCidrBlock", 400},
		{own, "10.2.0.0/24", "NetworkInterface", "eni-none", "ResourceNotFound.NetworkInterface", 400},
		{own, "10.2.0.0/24", "VpcPeer", "pcc-none", "ResourceNotFound.VpcPeer", 400},
		{own, "10.2.0.0/24", "Attachment", "tr-attach-none", "InvalidAttachment.NotFound", 400},
		{own, "10.2.0.0/24", "Instance", "i-none", "InvalidNextHop.NotFound", 400},
		{own, "10.2.0.0/24", "HaVip", "havip-none", "UnsupportedParameter", 400},
		{v.RouteTableId, "0.0.0.0/0", "NatGateway", nat.NatGatewayId, "InvalidCIDRBlock.Duplicate", 400},
	} {
		refused(c.createRouteEntry(b.table, b.dest, b.kind, b.hop))(t, b.status, b.code)
	}
	one := ok(c.createRouteEntry(own, "100.64.3.0/24", "NatGateway", nat.NatGatewayId))(t)
	ok(c.createRouteEntry(own, "10.0.0.0/8", "NatGateway", nat.NatGatewayId))(t) // holds the vSwitch
	ok(c.createRouteEntry(own, "10.2.3.0/24", "NatGateway", nat.NatGatewayId))(t)
	refused(c.createVSwitch(v.VpcId, "cn-hangzhou-h", "10.2.0.0/16"))(t, 400, "InvalidCidrBlock.Overlapped")
	modify := to(w, sdkvpc.CreateModifyRouteEntryRequest())
	modify.RouteEntryId, modify.RouteEntryName = one.RouteEntryId, "narrow"
	ok(c.vpc.ModifyRouteEntry(modify))(t)
	list := to(w, sdkvpc.CreateDescribeRouteEntryListRequest())
	list.RouteTableId, list.RouteEntryName = own, "narrow"
	if got := ok(c.vpc.DescribeRouteEntryList(list))(t); len(got.RouteEntrys.RouteEntry) != 1 || got.RouteEntrys.RouteEntry[0].RouteEntryId != one.RouteEntryId {
		t.Errorf("by name: %+v", got)
	}
	gone := to(w, sdkvpc.CreateDeleteRouteEntryRequest())
	gone.RouteEntryId = one.RouteEntryId
	ok(c.vpc.DeleteRouteEntry(gone))(t)
	refused(c.vpc.DeleteRouteEntry(gone))(t, 404, "InvalidRouteEntry.NotFound")
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createroutetable
func TestRouteTables(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	v := ok(c.createVpc("10.0.0.0/8"))(t)
	s := ok(c.createVSwitch(v.VpcId, "cn-hangzhou-h", "10.1.0.0/24"))(t)
	own := ok(c.createRouteTable(v.VpcId, "own"))(t).RouteTableId
	for n := range 8 {
		ok(c.createRouteTable(v.VpcId, fmt.Sprint("more-", n)))(t)
	}
	refused(c.createRouteTable(v.VpcId, "tenth"))(t, 400, "QuotaExceeded.RouteTable")
	kind := to(w, sdkvpc.CreateCreateRouteTableRequest())
	kind.VpcId, kind.AssociateType = v.VpcId, "Gateway"
	refused(c.vpc.CreateRouteTable(kind))(t, 400, "UnsupportedParameter")

	join := to(w, sdkvpc.CreateAssociateRouteTableRequest())
	join.RouteTableId, join.VSwitchId = own, s.VSwitchId
	ok(c.vpc.AssociateRouteTable(join))(t)
	list := to(w, sdkvpc.CreateDescribeRouteTableListRequest())
	list.VpcId, list.RouteTableName = v.VpcId, "own"
	got := ok(c.vpc.DescribeRouteTableList(list))(t).RouterTableList.RouterTableListType
	if len(got) != 1 || got[0].RouteTableId != own || got[0].RouteTableType != "Custom" || got[0].Status != "Available" || fmt.Sprint(got[0].VSwitchIds.VSwitchId) != "["+s.VSwitchId+"]" {
		t.Errorf("tables: %+v", got)
	}
	older := to(w, sdkvpc.CreateDescribeRouteTablesRequest())
	older.RouteTableId = v.RouteTableId
	tables := ok(c.vpc.DescribeRouteTables(older))(t).RouteTables.RouteTable
	if len(tables) != 1 || tables[0].RouteTableType != "System" || len(tables[0].RouteEntrys.RouteEntry) != 2 || len(tables[0].VSwitchIds.VSwitchId) != 0 {
		t.Errorf("system table: %+v", tables)
	}
	remove := to(w, sdkvpc.CreateDeleteRouteTableRequest())
	remove.RouteTableId = own
	refused(c.vpc.DeleteRouteTable(remove))(t, 400, "DependencyViolation.VSwitch")
	leave := to(w, sdkvpc.CreateUnassociateRouteTableRequest())
	leave.RouteTableId, leave.VSwitchId = own, s.VSwitchId
	ok(c.vpc.UnassociateRouteTable(leave))(t)
	refused(c.vpc.UnassociateRouteTable(leave))(t, 400, "ResourceNotAssociated.VSwitch")
	ok(c.vpc.DeleteRouteTable(remove))(t)
	remove.RouteTableId = v.RouteTableId
	refused(c.vpc.DeleteRouteTable(remove))(t, 400, "OperationDenied.RouteTableTypeIncorrect")
	routers := to(w, sdkvpc.CreateDescribeVRoutersRequest())
	routers.VRouterId = v.VRouterId
	if got := ok(c.vpc.DescribeVRouters(routers))(t).VRouters.VRouter; len(got) != 1 || len(got[0].RouteTableIds.RouteTableId) != 9 || got[0].RouteTableIds.RouteTableId[0] != v.RouteTableId {
		t.Errorf("routers: %+v", got)
	}
}

// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createforwardentry-natgws
func TestForwardEntries(t *testing.T) {
	w := newWorld(t)
	c := w.root()
	v := ok(c.createVpc("10.0.0.0/8"))(t)
	s := ok(c.createVSwitch(v.VpcId, "cn-hangzhou-h", "10.1.0.0/24"))(t)
	nat := ok(c.createNat(v.VpcId, s.VSwitchId))(t)
	var ips []string
	for range 2 {
		e := ok(c.vpc.AllocateEipAddress(to(w, sdkvpc.CreateAllocateEipAddressRequest())))(t)
		r := to(w, sdkvpc.CreateAssociateEipAddressRequest())
		r.AllocationId, r.InstanceId, r.InstanceType = e.AllocationId, nat.NatGatewayId, "Nat"
		ok(c.vpc.AssociateEipAddress(r))(t)
		ips = append(ips, e.EipAddress)
	}
	snat := to(w, sdkvpc.CreateCreateSnatEntryRequest())
	snat.SnatTableId, snat.SourceVSwitchId, snat.SnatIp = nat.SnatTableIds.SnatTableId[0], s.VSwitchId, ips[0]
	ok(c.vpc.CreateSnatEntry(snat))(t)
	forward := func(protocol, ip, port, host, hostPort string) (*sdkvpc.CreateForwardEntryResponse, error) {
		r := to(w, sdkvpc.CreateCreateForwardEntryRequest())
		r.ForwardTableId, r.IpProtocol, r.ExternalIp, r.ExternalPort, r.InternalIp, r.InternalPort = nat.ForwardTableIds.ForwardTableId[0], protocol, ip, port, host, hostPort
		return c.vpc.CreateForwardEntry(r)
	}
	one := ok(forward("tcp", ips[0], "80", "10.1.0.9", "8080"))(t).ForwardEntryId
	for _, b := range []struct{ protocol, ip, port, host, hostPort, code string }{
		{"sctp", ips[0], "81", "10.1.0.9", "81", "InvalidProtocal.ValueNotSupported"},
		{"tcp", "x", "81", "10.1.0.9", "81", "InvalidExternalIp.Malformed"},
		{"tcp", "203.0.113.99", "81", "10.1.0.9", "81", "InvalidIp.NotInNatgw"},
		{"tcp", ips[0], "0", "10.1.0.9", "81", "InvalidExternalPort.Malformed"},
		{"tcp", ips[0], "90/80", "10.1.0.9", "90/80", "InvalidExternalPort.Malformed"},
		{"tcp", ips[0], "81/82", "10.1.0.9", "81", "InvalidInternalPort.Malformed"},
		{"any", ips[1], "81", "10.1.0.9", "81", "InvalidExternalPort.Malformed"},
		{"tcp", ips[0], "Any", "10.1.0.9", "Any", "InvalidExternalPort.Malformed"},
		{"tcp", ips[0], "81", "11.1.0.9", "81", "Forbidden.InternalIpOutOfVpcCIDR"},
		{"tcp", ips[0], "70/90", "10.1.0.10", "70/90", "InvalidExternalIp.Duplicate"},
		{"tcp", ips[1], "81", "10.1.0.9", "8080", "InvalidInternalIp.Duplicate"},
		{"any", ips[0], "any", "10.1.0.10", "any", "InvalidExternalIp.Duplicate"},
		{"tcp", ips[0], "2000", "10.1.0.10", "2000", "Forbidden.ExternalIp.UsedInSnatTable"},
	} {
		refused(forward(b.protocol, b.ip, b.port, b.host, b.hostPort))(t, 400, b.code)
	}
	ok(forward("udp", ips[0], "80", "10.1.0.9", "8080"))(t)
	ok(forward("Any", ips[1], "Any", "10.1.0.11", "Any"))(t)
	all := to(w, sdkvpc.CreateCreateSnatEntryRequest())
	all.SnatTableId, all.SourceCIDR, all.SnatIp = snat.SnatTableId, "10.1.0.0/25", ips[1]
	refused(c.vpc.CreateSnatEntry(all))(t, 400, "InvalidSnatIp.UsedInForwardTable")
	list := to(w, sdkvpc.CreateDescribeForwardTableEntriesRequest())
	list.NatGatewayId, list.IpProtocol = nat.NatGatewayId, "TCP"
	got := ok(c.vpc.DescribeForwardTableEntries(list))(t).ForwardTableEntries.ForwardTableEntry
	if len(got) != 1 || got[0].ForwardEntryId != one || got[0].ExternalPort != "80" || got[0].InternalPort != "8080" || got[0].IpProtocol != "tcp" || got[0].Status != "Available" {
		t.Errorf("entries: %+v", got)
	}
	describe := to(w, sdkvpc.CreateGetNatGatewayAttributeRequest())
	describe.NatGatewayId = nat.NatGatewayId
	if g := ok(c.vpc.GetNatGatewayAttribute(describe))(t); g.ForwardTable.ForwardEntryCount != 3 || g.SnatTable.SnatEntryCount != 1 || len(g.IpList) != 2 {
		t.Errorf("gateway: %+v", g)
	}
	remove := to(w, sdkvpc.CreateDeleteNatGatewayRequest())
	remove.NatGatewayId = nat.NatGatewayId
	refused(c.vpc.DeleteNatGateway(remove))(t, 400, "DependencyViolation.SnatEntry")
	remove.Force = "true"
	ok(c.vpc.DeleteNatGateway(remove))(t)
}
