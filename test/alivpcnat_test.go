package test

import (
	"strings"
	"testing"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// natIPs lists a gateway's NAT IP addresses, the default one first.
func (a *aliyun) natIPs(gateway string) (all []sdkvpc.NatIp) {
	a.t.Helper()
	r := toDaemon(a.d, sdkvpc.CreateListNatIpsRequest())
	r.NatGatewayId = gateway
	for _, ip := range must[*sdkvpc.ListNatIpsResponse](a.t)(a.vpc.ListNatIps(r)).NatIps {
		if ip.IsDefault {
			all = append([]sdkvpc.NatIp{ip}, all...)
		} else {
			all = append(all, ip)
		}
	}
	return all
}

// A VPC NAT gateway lets hosts reach a peered VPC that has a route to the gateway's
// vSwitch alone, as its NAT IP and only with a SNAT entry; from there a DNAT entry
// leads to a host, and nothing else does.
// https://www.alibabacloud.com/help/en/nat-gateway/user-guide/vpc-nat-gateway-overview
func TestAlibabaVPCNAT(t *testing.T) {
	t.Parallel()
	a := newAliyun(t, newDaemon(t))
	near, nearGroup := a.makeVpc("10.1.0.0/16")
	far, farGroup := a.makeVpc("10.2.0.0/16")
	app, between, there := a.vSwitch(near.VpcId, "10.1.1.0/24"), a.vSwitch(near.VpcId, "10.1.2.0/24"), a.vSwitch(far.VpcId, "10.2.1.0/24")
	a.allowIn(farGroup, "tcp", "7777/7777", "0.0.0.0/0")
	a.allowIn(nearGroup, "tcp", "7777/7778", "10.2.0.0/16")

	create := toDaemon(a.d, sdkvpc.CreateCreateNatGatewayRequest())
	create.VpcId, create.VSwitchId, create.NatType, create.NetworkType = near.VpcId, between, "Enhanced", "intranet"
	nat := must[*sdkvpc.CreateNatGatewayResponse](t)(a.vpc.CreateNatGateway(create))
	ips := a.natIPs(nat.NatGatewayId)
	if len(ips) != 1 || !strings.HasPrefix(ips[0].NatIp, "10.1.2.") {
		t.Fatalf("made with the NAT IPs %+v", ips)
	}
	more := toDaemon(a.d, sdkvpc.CreateCreateNatIpRequest())
	more.NatGatewayId, more.NatIpCidr, more.NatIp = nat.NatGatewayId, "10.1.2.0/24", "10.1.2.99"
	must[*sdkvpc.CreateNatIpResponse](t)(a.vpc.CreateNatIp(more))

	u := a.d.aliUser(t, aliRegion, "test", "test")
	peer := u.join(&aliNet{u: u, fcNetwork: fcNetwork{vpc: near.VpcId}}, &aliNet{u: u, fcNetwork: fcNetwork{vpc: far.VpcId}})
	a.route(a.routeTable(near.VpcId, app), "10.2.0.0/16", "NatGateway", nat.NatGatewayId)
	a.route(a.routeTable(near.VpcId, between), "10.2.0.0/16", "VpcPeer", peer)
	a.route(a.routeTable(far.VpcId, there), "10.1.2.0/24", "VpcPeer", peer)
	a.d.attach(t, "-region "+aliRegion+" -subnet "+there+" -security-group "+farGroup+" -ip 10.2.1.50", "/usr/bin/python3", "-c", serve)
	a.d.attach(t, "-region "+aliRegion+" -subnet "+app+" -security-group "+nearGroup+" -ip 10.1.1.50", "/usr/bin/python3", "-c", serve)
	out := func(what, want string) {
		t.Helper()
		a.wants(what, a.host(app, nearGroup, "/usr/bin/python3", "-c", askPort, "10.2.1.50", "7777"), want)
	}
	back := func(what, ip, port, want string) {
		t.Helper()
		a.wants(what, a.host(there, farGroup, "/usr/bin/python3", "-c", askPort, ip, port), want)
	}

	out("without a SNAT entry", "")
	entry := a.snat(nat, "10.1.1.0/24", ips[0].NatIp)
	out("with one", "hello "+ips[0].NatIp+"\n")
	modify := toDaemon(a.d, sdkvpc.CreateModifySnatEntryRequest())
	modify.SnatTableId, modify.SnatEntryId, modify.SnatIp = nat.SnatTableIds.SnatTableId[0], entry, "10.1.2.99"
	must[*sdkvpc.ModifySnatEntryResponse](t)(a.vpc.ModifySnatEntry(modify))
	out("with the other address", "hello 10.1.2.99\n")

	back("without a DNAT entry", ips[0].NatIp, "80", "")
	a.forward(nat, "TCP", ips[0].NatIp, "80", "10.1.1.50", "7777")
	back("by a DNAT entry", ips[0].NatIp, "80", "hello 10.2.1.")
	back("another port", ips[0].NatIp, "7777", "")
	back("another NAT IP", "10.1.2.99", "80", "")
	back("the host itself", "10.1.1.50", "7777", "")

	gone := toDaemon(a.d, sdkvpc.CreateDeleteSnatEntryRequest())
	gone.SnatTableId, gone.SnatEntryId = modify.SnatTableId, entry
	must[*sdkvpc.DeleteSnatEntryResponse](t)(a.vpc.DeleteSnatEntry(gone))
	out("without the SNAT entry again", "")
}
