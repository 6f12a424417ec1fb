package netplan_test

import (
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Where the local routes are those of subnets, one that holds them may lead
// elsewhere, and what is in no subnet follows it.
func TestSubnetRoutes(t *testing.T) {
	routed := func(subnets bool) *netplan.Plan {
		return compile(t, func(tx cloud.Tx) {
			edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.SubnetRoutes = subnets })
			for r := range cloud.RouteTables.By(tx, "vpc", "vpc-1") {
				edit(tx, cloud.RouteTables, r.ID, func(r *cloud.RouteTable) {
					r.Routes = []cloud.Route{{Dest: pfx("10.0.0.0/16"), Target: target(cloud.TargetInternetGateway, "igw-1")}}
				})
			}
		})
	}
	p := routed(true)
	for _, s := range p.Subnets {
		if got := hopTo(p, s.Table, s.CIDR4.String()); got != netplan.HopLocal {
			t.Errorf("%s goes by %q, want the local route", s.CIDR4, got)
		}
		if got := hopTo(p, s.Table, "10.0.0.0/16"); got != netplan.HopInternet {
			t.Errorf("the VPC's block goes by %q, want the table's route", got)
		}
	}
	p = routed(false)
	if s := p.Subnets[0]; hopTo(p, s.Table, s.CIDR4.String()) == netplan.HopLocal {
		t.Errorf("%s has a local route of its own", s.CIDR4)
	}
}

// A gateway that is dormant is not the VPC's.
func TestDormantGateway(t *testing.T) {
	p := compile(t, func(tx cloud.Tx) {
		edit(tx, cloud.InternetGateways, "igw-1", func(g *cloud.InternetGateway) { g.Dormant = true })
	})
	if p.Gateway != nil && p.Gateway.ID != "" {
		t.Errorf("the gateway is %s", p.Gateway.ID)
	}
}
