package test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// makeVpc6 is makeVpc with IPv6.
func (a *aliyun) makeVpc6(cidr string) (v *sdkvpc.CreateVpcResponse, group string) {
	v, group = a.makeVpc(cidr)
	r := toDaemon(a.d, sdkvpc.CreateAssociateVpcCidrBlockRequest())
	r.VpcId, r.IpVersion = v.VpcId, "ipv6"
	must[*sdkvpc.AssociateVpcCidrBlockResponse](a.t)(a.vpc.AssociateVpcCidrBlock(r))
	return v, group
}

// vSwitch6 is vSwitch with the /64 of the VPC's block that has a number.
func (a *aliyun) vSwitch6(vpc, cidr, number string) string {
	r := toDaemon(a.d, sdkvpc.CreateCreateVSwitchRequest())
	r.VpcId, r.ZoneId, r.CidrBlock, r.Ipv6CidrBlock = vpc, aliZone, cidr, requests.Integer(number)
	return must[*sdkvpc.CreateVSwitchResponse](a.t)(a.vpc.CreateVSwitch(r)).VSwitchId
}

func (a *aliyun) address6(vswitch string) sdkvpc.Ipv6Address {
	a.t.Helper()
	r := toDaemon(a.d, sdkvpc.CreateDescribeIpv6AddressesRequest())
	r.VSwitchId = vswitch
	got := must[*sdkvpc.DescribeIpv6AddressesResponse](a.t)(a.vpc.DescribeIpv6Addresses(r)).Ipv6Addresses.Ipv6Address
	if len(got) != 1 {
		a.t.Fatalf("addresses: %+v", got)
	}
	return got[0]
}

// dualHost says hello at port 7777, at 7778 what the internet says of it, and at 7779
// something all the time.
const dualHost = `
import socket, threading, time, urllib.request
def serve(port, answer):
    s = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        threading.Thread(target=say, args=(*s.accept(), answer), daemon=True).start()
def say(c, peer, answer):
    for part in answer(peer[0]):
        c.sendall(part.encode())
    c.close()
def ticks(_):
    while True:
        yield "tick\n"
        time.sleep(0.1)
def outside(_):
    try: return [urllib.request.urlopen("http://[2001:db8::7]/", timeout=2).read().decode()]
    except OSError: return []
for port, answer in (7778, outside), (7779, ticks):
    threading.Thread(target=serve, args=(port, answer), daemon=True).start()
print("ready", flush=True)
serve(7777, lambda peer: ["hello " + peer])`

// listen prints what HOST says at port 7779, and "cut" when it falls silent.
const listen = `
import socket, sys
c = socket.create_connection((sys.argv[1], 7779), 2)
try:
    for line in c.makefile(): print(line.strip(), flush=True)
except OSError: pass
print("cut", flush=True)`

// hears runs a program on the lab internet and returns what waits for a line of it.
func (d *daemon) hears(t *testing.T, argv ...string) func(line string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "nsenter", append([]string{"--net=" + filepath.Join(d.data, "network", "netns", "internet"), "--"}, argv...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() })
	lines := bufio.NewScanner(out)
	return func(line string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == line {
				return
			}
		}
		t.Errorf("it ended without %q: %v", line, lines.Err())
	}
}

// An IPv6 address has no internet, in either direction, until bandwidth is allocated
// for it; with an egress-only rule nothing opens connections to it. Another address
// of the VPC reaches it all the time.
// https://www.alibabacloud.com/help/en/ipv6-gateway/product-overview/what-is-an-ipv6-gateway
func TestAlibabaIPv6(t *testing.T) {
	t.Parallel()
	a := newAliyun(t, newDaemon(t))
	v, group := a.makeVpc6("10.0.0.0/8")
	inside, near := a.vSwitch6(v.VpcId, "10.1.0.0/24", "1"), a.vSwitch6(v.VpcId, "10.2.0.0/24", "255")
	a.allowIn(group, "tcp", "7778/7778", "10.2.0.0/24")
	open := toDaemon(a.d, sdkecs.CreateAuthorizeSecurityGroupRequest())
	open.SecurityGroupId, open.IpProtocol, open.PortRange, open.Ipv6SourceCidrIp = group, "tcp", "7777/7779", "::/0"
	must[*sdkecs.AuthorizeSecurityGroupResponse](t)(a.ecs.AuthorizeSecurityGroup(open))
	a.d.attach(t, "-ipv6 -ip 10.1.0.50 -region "+aliRegion+" -subnet "+inside+" -security-group "+group, "/usr/bin/python3", "-c", dualHost)
	host := a.address6(inside)
	ip := host.Ipv6Address
	check := func(what string, out, in bool) {
		t.Helper()
		a.wants(what+", inside", a.hostWith(near, group, []string{"-ipv6"}, "/usr/bin/python3", "-c", askPort, ip, "7777"), "hello 2001:db8:")
		a.wants(what+", in", a.d.internet(t, "/usr/bin/python3", "-c", askPort, ip, "7777"), map[bool]string{true: "hello 2001:db8:"}[in])
		a.wants(what+", out", strings.TrimSpace(a.host(near, group, "/usr/bin/python3", "-c", askPort, "10.1.0.50", "7778")), map[bool]string{true: ip}[out])
	}
	check("without a gateway", false, false)

	r := toDaemon(a.d, sdkvpc.CreateCreateIpv6GatewayRequest())
	r.VpcId = v.VpcId
	gateway := must[*sdkvpc.CreateIpv6GatewayResponse](t)(a.vpc.CreateIpv6Gateway(r)).Ipv6GatewayId
	check("without bandwidth", false, false)

	b := toDaemon(a.d, sdkvpc.CreateAllocateIpv6InternetBandwidthRequest())
	b.Ipv6AddressId, b.Ipv6GatewayId, b.Bandwidth = host.Ipv6AddressId, gateway, "10"
	bandwidth := must[*sdkvpc.AllocateIpv6InternetBandwidthResponse](t)(a.vpc.AllocateIpv6InternetBandwidth(b)).InternetBandwidthId
	check("with bandwidth", true, true)
	if got := a.address6(inside); got.NetworkType != "Public" || got.Ipv6InternetBandwidth.Ipv6InternetBandwidthId != bandwidth {
		t.Errorf("the address: %+v", got)
	}

	e := toDaemon(a.d, sdkvpc.CreateCreateIpv6EgressOnlyRuleRequest())
	e.Ipv6GatewayId, e.InstanceId = gateway, host.Ipv6AddressId
	rule := must[*sdkvpc.CreateIpv6EgressOnlyRuleResponse](t)(a.vpc.CreateIpv6EgressOnlyRule(e)).Ipv6EgressRuleId
	check("with an egress-only rule", true, false)
	d := toDaemon(a.d, sdkvpc.CreateDeleteIpv6EgressOnlyRuleRequest())
	d.Ipv6EgressOnlyRuleId = rule
	must[*sdkvpc.DeleteIpv6EgressOnlyRuleResponse](t)(a.vpc.DeleteIpv6EgressOnlyRule(d))
	check("without the rule", true, true)
	heard := a.d.hears(t, "/usr/bin/python3", "-c", listen, ip)
	heard("tick")

	gone := toDaemon(a.d, sdkvpc.CreateDeleteIpv6InternetBandwidthRequest())
	gone.Ipv6InternetBandwidthId = bandwidth
	must[*sdkvpc.DeleteIpv6InternetBandwidthResponse](t)(a.vpc.DeleteIpv6InternetBandwidth(gone))
	heard("cut")
	check("without bandwidth again", false, false)

	nat := a.nat(v.VpcId, near)
	public := a.eip("Nat", nat.NatGatewayId).EipAddress
	a.snat(nat, "10.0.0.0/8", public)
	a.wants("IPv4", a.curl(inside, group, "10", "http://198.51.100.7/"), public)
}
