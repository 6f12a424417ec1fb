package netplan_test

import (
	"reflect"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// A rule opens an address that its interface has, in the VPC of its gateway; what
// cannot be expressed is closed, with a problem.
func TestIPv6Rules(t *testing.T) {
	const function = "2001:db8:1000:1::10"
	gateway := func(id cloud.IPv6GatewayID) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.IPv6ByRule = true })
			cloud.IPv6Gateways.Put(tx, &cloud.IPv6Gateway{Meta: meta, ID: id, VPC: "vpc-1"})
		}
	}
	rule := func(id cloud.IPv6RuleID, of cloud.IPv6GatewayID, eni cloud.InterfaceID, addr string, outward bool) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			cloud.IPv6Rules.Put(tx, &cloud.IPv6Rule{Meta: meta, ID: id, Gateway: of, VPC: "vpc-1", Interface: eni, Addr: ip(addr), Outward: outward})
		}
	}
	open := func(outward bool) []netplan.OpenAddr {
		return []netplan.OpenAddr{{Addr: ip(function), Outward: outward, Source: refs(cloud.KindIPv6Rule, "a", "")}}
	}
	for _, c := range []struct {
		name     string
		changes  []func(cloud.Tx)
		want     []netplan.OpenAddr
		problems int
	}{
		{"no rule", nil, nil, 0},
		{"access", []func(cloud.Tx){rule("a", "gw6-1", "eni-fn", function, false)}, open(false), 0},
		{"access, outward", []func(cloud.Tx){rule("a", "gw6-1", "eni-fn", function, false), rule("b", "gw6-1", "eni-fn", function, true)}, open(true), 0},
		{"outward alone", []func(cloud.Tx){rule("b", "gw6-1", "eni-fn", function, true)}, nil, 0},
		{"of another gateway", []func(cloud.Tx){rule("a", "gw6-2", "eni-fn", function, false)}, nil, 0},
		{"an address of another interface", []func(cloud.Tx){rule("a", "gw6-1", "eni-web", function, false)}, nil, 1},
		{"nobody's address", []func(cloud.Tx){rule("a", "gw6-1", "eni-fn", "2001:db8:1000:1::11", false)}, nil, 1},
		{"an IPv4 address", []func(cloud.Tx){rule("a", "gw6-1", "eni-fn", "10.0.1.10", false)}, nil, 1},
	} {
		before := len(compile(t).Problems)
		p := compile(t, append(c.changes, gateway("gw6-1"))...)
		if g := p.Gateway; !g.ByRule || g.IPv6 != "gw6-1" || !reflect.DeepEqual(g.Open, c.want) || len(p.Problems)-before != c.problems {
			t.Errorf("%s: open %+v, want %+v; problems %+v", c.name, g.Open, c.want, p.Problems)
		}
	}
	if p := compile(t, gateway("gw6-1"), gateway("gw6-2")); len(p.Problems) != 1 {
		t.Errorf("two gateways: %+v", p.Problems)
	}
	direct := compile(t, func(tx cloud.Tx) {
		cloud.InternetGateways.Delete(tx, "igw-1")
		edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.DirectPublic = true })
	})
	if direct.Gateway.Joins(ip(function)) || direct.Gateway.Admits(ip(function)) {
		t.Errorf("public IPv4 addresses open IPv6: %+v", direct.Gateway)
	}
	p := compile(t, gateway("gw6-1"), func(tx cloud.Tx) {
		edit(tx, cloud.RouteTables, "rtb-main", func(r *cloud.RouteTable) {
			to := target(cloud.TargetIPv6Gateway, "gw6-1")
			r.Routes = []cloud.Route{{Dest: pfx("0.0.0.0/0"), Target: to}, {Dest: pfx("::/0"), Target: to}}
		})
	})
	for dest, want := range map[string]netplan.Hop{"0.0.0.0/0": netplan.HopBlackhole, "::/0": netplan.HopIPv6} {
		if got := hopTo(p, "rtb-main", dest); got != want {
			t.Errorf("%s goes by %q, want %q", dest, got, want)
		}
	}
}
