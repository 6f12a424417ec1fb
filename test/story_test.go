package test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// sampleCode is the vendor's Python sample: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
const sampleCode = `
import urllib.request

def handler(event, context):
    response = urllib.request.urlopen('https://aws.amazon.com')
    return response.getcode()
`

// fetchCode gets a URL over one address family and returns status and body;
// what stops it, it returns as "error".
const fetchCode = `
import socket, ssl, http.client, urllib.parse

def handler(event, context):
    url = urllib.parse.urlsplit(event["url"])
    family = {4: socket.AF_INET, 6: socket.AF_INET6}[event.get("family", 4)]
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    try:
        to = socket.getaddrinfo(url.hostname, port, family, socket.SOCK_STREAM)[0][4]
        s = socket.socket(family)
        s.settimeout(event.get("timeout", 1))
        s.connect(to)
        if url.scheme == "https":
            s = ssl.create_default_context().wrap_socket(s, server_hostname=url.hostname)
        c = http.client.HTTPConnection(url.hostname, port)
        c.sock = s
        c.request("GET", url.path or "/", headers={"Host": event.get("host", url.netloc)})
        r = c.getresponse()
        return {"to": to[0], "status": r.status, "body": r.read().decode()}
    except OSError as e:
        return {"error": type(e).__name__}
`

type fetched struct {
	To, Body, Error string
	Status          int
}

// source is the caller's address that the echo site saw.
func (f fetched) source(t testing.TB) netip.Addr {
	t.Helper()
	m := regexp.MustCompile(`"source": ?"([^"]+)"`).FindStringSubmatch(f.Body)
	if m == nil {
		t.Fatalf("no source in the echo site's answer: %+v", f)
	}
	return netip.MustParseAddr(m[1])
}

// timedOut is the vendor's message; the page shows 3.01 seconds.
var timedOut = regexp.MustCompile(`^\{"errorMessage": ?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} Task timed out after 3\.\d\d seconds"\}$`)

// threeSeconds is the function's default time-out.
func threeSeconds(r *lambda.CreateFunctionInput) { r.Timeout = nil }

// block6 is the n-th /64 of a VPC's /56.
func block6(vpc string, n byte) string {
	p := netip.MustParsePrefix(vpc)
	a := p.Addr().As16()
	a[7] |= n
	return netip.PrefixFrom(netip.AddrFrom16(a), 64).String()
}

// page is the network of the vendor's page, with IPv6, and its subnets' route tables.
type page struct {
	*tenant
	role, vpc, v6, group                  string
	igw, nat, natAddr, egress             string
	public, publicTable                   string
	private, privateTable, lone, loneOnly string
}

// open makes the network: a public subnet, a private one behind NAT and
// egress-only gateway, and a lone one with local routes only.
func open(c *tenant, name, cidr string) *page {
	c.t.Helper()
	p := &page{tenant: c, role: c.role(name)}
	p.vpc, p.v6, p.group = c.vpc(cidr)
	net := func(n byte) (string, string) {
		a := netip.MustParsePrefix(cidr).Addr().As4()
		a[2] = n
		return c.subnet(p.vpc, netip.PrefixFrom(netip.AddrFrom4(a), 24).String(), block6(p.v6, n))
	}
	p.public, p.publicTable = net(0)
	p.private, p.privateTable = net(1)
	p.lone, p.loneOnly = net(2)
	p.igw = c.internetGateway(p.vpc)
	c.route(ec2.CreateRouteInput{RouteTableId: &p.publicTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &p.igw})
	c.route(ec2.CreateRouteInput{RouteTableId: &p.publicTable, DestinationIpv6CidrBlock: aws.String("::/0"), GatewayId: &p.igw})
	p.nat, p.natAddr = c.nat(p.public)
	p.natRoute()
	e, err := c.ec2.CreateEgressOnlyInternetGateway(c.ctx, &ec2.CreateEgressOnlyInternetGatewayInput{VpcId: &p.vpc})
	c.check(err)
	p.egress = *e.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
	c.route(ec2.CreateRouteInput{RouteTableId: &p.privateTable, DestinationIpv6CidrBlock: aws.String("::/0"), EgressOnlyInternetGatewayId: &p.egress})
	return p
}

func (p *page) natRoute() {
	p.t.Helper()
	p.route(ec2.CreateRouteInput{RouteTableId: &p.privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &p.nat})
}

// TestStory is the vendor's page through the Go SDK.
func TestStory(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	p := open(d.root(t), "story", "10.0.0.0/16")
	dual := at(p.private, p.group)
	dual.ipv6 = true
	p.python("private", p.role, sampleCode, at(p.private, p.group), threeSeconds)
	p.python("public", p.role, sampleCode, at(p.public, p.group), threeSeconds)
	p.python("none", p.role, sampleCode, place{}, threeSeconds)
	p.python("fetch", p.role, fetchCode, dual)

	p.returns200("private")
	p.returns200("none")
	t.Run("NAT address", func(t *testing.T) {
		for _, url := range []string{"http://echo.weir.test/", "https://echo.weir.test/"} {
			if got := p.fetch(t, "fetch", url, 4).source(t).String(); got != p.natAddr {
				t.Errorf("%s saw %s, want the NAT gateway's elastic IP %s", url, got, p.natAddr)
			}
		}
	})
	t.Run("IPv6 out", func(t *testing.T) {
		if got := p.fetch(t, "fetch", "https://echo.weir.test/", 6).source(t); !netip.MustParsePrefix(p.v6).Contains(got) {
			t.Errorf("the echo site saw %s, want an address of the VPC's %s", got, p.v6)
		}
	})
	t.Run("IPv6 in", func(t *testing.T) { p.unsolicited(t, d) })
	t.Run("public", func(t *testing.T) { p.timesOut(t, "public", p.igw) })
	t.Run("NAT route", func(t *testing.T) {
		_, err := p.ec2.DeleteRoute(p.ctx, &ec2.DeleteRouteInput{RouteTableId: &p.privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0")})
		p.check(err)
		p.timesOut(t, "private", p.privateTable)
		p.natRoute()
		p.returns200("private")
	})
	t.Run("NAT64", func(t *testing.T) { p.nat64(t, d) })
	t.Run("S3 endpoint", p.endpoint)
}

// fetch lets a function fetch a URL.
func (p *page) fetch(t *testing.T, function, url string, family int) (f fetched) {
	t.Helper()
	p.with(t).invoke(function, map[string]any{"url": url, "family": family}).into(t, &f)
	return f
}

func (p *page) returns200(function string) {
	p.t.Helper()
	if r := p.invoke(function, struct{}{}); r.payload != "200" || r.fault != "" {
		p.t.Errorf("%s returned %s %s, want 200\n%s", function, r.fault, r.payload, r.log)
	}
}

// timesOut expects the vendor's message, and in the log the resource that is to blame.
func (p *page) timesOut(t *testing.T, function, blamed string) {
	t.Helper()
	r := p.with(t).invoke(function, struct{}{})
	if r.fault != "Unhandled" || !timedOut.MatchString(r.payload) {
		t.Errorf("%s returned %q %s, want the vendor's time-out", function, r.fault, r.payload)
	}
	if !strings.Contains(r.log, blamed) {
		t.Errorf("the log does not name %s:\n%s", blamed, r.log)
	}
}

// unsolicited has another VPC send to interfaces of this one, whose security
// group lets everything in: behind the internet gateway it arrives (nothing
// listens: refused), behind the egress-only gateway it is lost, and so is what
// is sent to a function.
func (p *page) unsolicited(t *testing.T, d *daemon) {
	c := p.with(t)
	_, err := c.ec2.AuthorizeSecurityGroupIngress(c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &p.group, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("-1"), Ipv6Ranges: []ec2types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}}}})
	c.check(err)
	behind := func(subnet string) string {
		out, err := c.ec2.CreateNetworkInterface(c.ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: []string{p.group}, Ipv6AddressCount: aws.Int32(1)})
		c.check(err)
		return *out.NetworkInterface.Ipv6Addresses[0].Ipv6Address
	}
	other := open(c, "other", "10.0.0.0/16") // the same CIDR on purpose
	dual := at(other.public, other.group)
	dual.ipv6 = true
	c.python("sender", other.role, fetchCode, dual)
	seen := other.fetch(t, "fetch", "http://echo.weir.test/", 6).source(t)
	for _, probe := range []struct{ what, to, want string }{
		{"an interface behind the internet gateway", behind(p.public), "ConnectionRefusedError"},
		{"an interface behind the egress-only gateway", behind(p.private), "TimeoutError"},
		{"the function behind the egress-only gateway", seen.String(), "TimeoutError"},
	} {
		if got := other.fetch(t, "sender", "http://["+probe.to+"]:8080/", 6).Error; got != probe.want {
			t.Errorf("from the internet to %s: %q, want %s", probe.what, got, probe.want)
		}
	}
}

// endpoint gives the lone subnet the S3 gateway endpoint and nothing else.
func (p *page) endpoint(t *testing.T) {
	c := p.with(t)
	c.python("lone", p.role, fetchCode, at(p.lone, p.group))
	const url = "https://s3.us-east-1.amazonaws.com/"
	if got := p.fetch(t, "lone", url, 4); got.Error != "TimeoutError" {
		t.Errorf("S3 without endpoint: %+v, want a time-out", got)
	}
	_, err := c.ec2.CreateVpcEndpoint(c.ctx, &ec2.CreateVpcEndpointInput{
		VpcId: &p.vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3"), VpcEndpointType: ec2types.VpcEndpointTypeGateway, RouteTableIds: []string{p.loneOnly}})
	c.check(err)
	if got := p.fetch(t, "lone", url, 4); got.Status == 0 {
		t.Errorf("S3 with endpoint: %+v, want an answer of S3", got)
	}
	if got := p.fetch(t, "lone", "https://aws.amazon.com/", 4); got.Error != "TimeoutError" {
		t.Errorf("elsewhere with the S3 endpoint only: %+v, want a time-out", got)
	}
}
