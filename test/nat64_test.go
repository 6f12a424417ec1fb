package test

import (
	"net/netip"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// nat64 has a function reach an IPv4 address over IPv6 through the NAT gateway,
// by a route for the well-known prefix.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html
func (p *page) nat64(t *testing.T, d *daemon) {
	b := netip.MustParseAddr("64:ff9b::").As16()
	v4 := netip.MustParseAddr(p.fetch(t, "fetch", "http://echo.weir.test/", 4).To).As4()
	copy(b[12:], v4[:])
	to := netip.AddrFrom16(b).String()
	get := func() (f fetched) {
		p.with(t).invoke("fetch", map[string]any{"url": "http://[" + to + "]/", "family": 6, "host": "echo.weir.test"}).into(t, &f)
		return f
	}
	if got := get(); got.Status != 0 {
		t.Errorf("without the route: %+v", got)
	}
	p.with(t).route(ec2.CreateRouteInput{RouteTableId: &p.privateTable, DestinationIpv6CidrBlock: aws.String("64:ff9b::/96"), NatGatewayId: &p.nat})
	if got := get(); got.Status != 200 || got.source(t).String() != p.natAddr {
		t.Errorf("%+v, want 200 from %s", got, p.natAddr)
	}
	if _, out := d.command(t, "", "why fetch ["+to+"]:80"); !regexp.MustCompile(p.nat + `(.|\n)*reaches`).MatchString(out) {
		t.Errorf("weir why:\n%s", out)
	}
	_, err := p.ec2.DeleteRoute(t.Context(), &ec2.DeleteRouteInput{RouteTableId: &p.privateTable, DestinationIpv6CidrBlock: aws.String("64:ff9b::/96")})
	p.with(t).check(err)
	if got := get(); got.Status != 0 {
		t.Errorf("without the route again: %+v", got)
	}
}
