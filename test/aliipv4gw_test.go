package test

import (
	"testing"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// An IPv4 gateway does nothing until it is enabled; then public addresses leave by
// routes to it alone. When it is deleted they leave directly again, or not at all.
// https://www.alibabacloud.com/help/en/vpc/user-guide/ipv4-gateway-overview
func TestAlibabaIPv4Gateway(t *testing.T) {
	t.Parallel()
	a := newAliyun(t, newDaemon(t))
	v, group := a.makeVpc("10.0.0.0/8")
	inside, outer := a.vSwitch(v.VpcId, "10.1.0.0/24"), a.vSwitch(v.VpcId, "10.2.0.0/24")
	nat := a.nat(v.VpcId, outer)
	ip := a.eip("Nat", nat.NatGatewayId).EipAddress
	a.snat(nat, "10.1.0.0/24", ip)
	out := func(what, want string) {
		t.Helper()
		seconds := "10"
		if want == "" {
			seconds = "1"
		}
		a.wants(what, a.curl(inside, group, seconds, "http://198.51.100.7/"), want)
	}
	gateway := func() string {
		r := toDaemon(a.d, sdkvpc.CreateCreateIpv4GatewayRequest())
		r.VpcId = v.VpcId
		return must[*sdkvpc.CreateIpv4GatewayResponse](t)(a.vpc.CreateIpv4Gateway(r)).Ipv4GatewayId
	}
	enable := func(id string) {
		r := toDaemon(a.d, sdkvpc.CreateEnableVpcIpv4GatewayRequest())
		r.Ipv4GatewayId = id
		must[*sdkvpc.EnableVpcIpv4GatewayResponse](t)(a.vpc.EnableVpcIpv4Gateway(r))
	}
	remove := func(id, mode string) {
		r := toDaemon(a.d, sdkvpc.CreateDeleteIpv4GatewayRequest())
		r.Ipv4GatewayId, r.InternetMode = id, mode
		must[*sdkvpc.DeleteIpv4GatewayResponse](t)(a.vpc.DeleteIpv4Gateway(r))
	}
	out("without a gateway", ip)
	id := gateway()
	out("with one that is not enabled", ip)
	enable(id)
	out("with one that no route leads to", "")
	entry := a.route(a.routeTable(v.VpcId, outer), "0.0.0.0/0", "Ipv4Gateway", id)
	out("with a route to it", ip)
	a.unroute(entry)
	remove(id, "private")
	out("without it, in a private VPC", "")
	id = gateway()
	enable(id)
	remove(id, "public")
	out("without it, in a public VPC", ip)
}
