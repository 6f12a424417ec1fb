package netplan_test

import (
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// A NAT gateway translates IPv6 while a route for the well-known prefix leads
// to it, and is no way out for other IPv6 addresses.
func TestNAT64(t *testing.T) {
	routed := func(dest string) *netplan.Plan {
		return compile(t, func(tx cloud.Tx) {
			edit(tx, cloud.RouteTables, "rtb-priv", func(r *cloud.RouteTable) {
				r.Routes = append(r.Routes, cloud.Route{Dest: pfx(dest), Target: target(cloud.TargetNATGateway, "nat-1")})
			})
		})
	}
	hop := func(p *netplan.Plan, dest string) netplan.Hop {
		for _, table := range p.Tables {
			for _, r := range table.Routes {
				if table.ID == "rtb-priv" && r.Dest == pfx(dest) {
					return r.Hop
				}
			}
		}
		return ""
	}
	if compile(t).ENI("eni-nat").NAT64 {
		t.Error("it translates without a route")
	}
	for dest, want := range map[string]netplan.Hop{
		"64:ff9b::/96": netplan.HopNAT, "64:ff9b::c633:6400/120": netplan.HopNAT, "64:ff9b::/64": netplan.HopBlackhole, "2001:db8::/32": netplan.HopBlackhole,
	} {
		p := routed(dest)
		if got := hop(p, dest); got != want || p.ENI("eni-nat").NAT64 != (want == netplan.HopNAT) {
			t.Errorf("%s: hop %q, translates %v; want %q", dest, got, p.ENI("eni-nat").NAT64, want)
		}
	}
}
