package reach_test

import (
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// What a NAT gateway sends on to a host reaches it with the client's address; the
// host's answers must find the same gateway.
func TestNATForward(t *testing.T) {
	sends := func(f cloud.NATForward) func(cloud.Tx) {
		f.ID, f.Address = "fwd-1", "eipalloc-nat"
		return func(tx cloud.Tx) {
			edit(tx, cloud.NATGateways, "nat-1", func(g *cloud.NATGateway) { g.Selective, g.Forwards = true, []cloud.NATForward{f} })
		}
	}
	port := cloud.NATForward{Protocol: 6, From: 80, To: 89, Host: ip("10.0.1.30"), Port: 8080}
	all := cloud.NATForward{Protocol: -1, Host: ip("10.0.1.30")}
	for _, c := range []struct {
		name    string
		forward cloud.NATForward
		q       reach.Query
		stage   netplan.Stage // "" is that it reaches the host
	}{
		{"a port", port, reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 6, Port: 85}, ""},
		{"another port", port, reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 6, Port: 90}, netplan.StageUnsolicited},
		{"another protocol", port, reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 17, Port: 85}, netplan.StageUnsolicited},
		{"everything", all, reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 17, Port: 9}, ""},
		{"the host's way out", all, reach.Query{From: "eni-box", To: ip("198.51.100.7"), Protocol: 6, Port: 443}, ""},
		{"another host's", all, reach.Query{From: "eni-fn", To: ip("198.51.100.7"), Protocol: 6, Port: 443}, netplan.StageNATSource},
		{"a host whose group lets nobody in", cloud.NATForward{Protocol: 6, From: 80, To: 80, Host: ip("10.0.1.20"), Port: 5432},
			reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 6, Port: 80}, netplan.StageGroupIn},
		{"a host to itself", port, reach.Query{From: "eni-box", To: ip("10.0.0.5"), Protocol: 6, Port: 85}, netplan.StageLoop},
		{"a host whose table leads elsewhere", cloud.NATForward{Protocol: 6, From: 80, To: 80, Host: ip("10.0.2.20"), Port: 80},
			reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 6, Port: 80}, netplan.StageNoRoute},
		{"an address that is nobody's", cloud.NATForward{Protocol: 6, From: 80, To: 80, Host: ip("10.0.1.99"), Port: 80},
			reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 6, Port: 80}, netplan.StageNoHost},
	} {
		a := reach.Explain(plan(t, sends(c.forward)), c.q)
		if a.Reachable != (c.stage == "") || !a.Reachable && a.Stage != c.stage {
			t.Errorf("%s: reachable %t, stage %q, want %q: %s", c.name, a.Reachable, a.Stage, c.stage, a.Text)
		}
	}
}

// A private gateway's rules and forwards name its own addresses; hosts of a peered VPC
// answer to those.
func TestPrivateNATRules(t *testing.T) {
	world := func(change func(*cloud.NATGateway)) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			cloud.ElasticIPs.Delete(tx, "eipalloc-nat")
			edit(tx, cloud.NATGateways, "nat-1", func(g *cloud.NATGateway) {
				g.Private, g.Selective, g.Own = true, true, []cloud.NATAddress{{ID: "own-1", Addr: ip("10.0.0.5")}}
				change(g)
			})
			edit(tx, cloud.RouteTables, "rtb-priv", func(r *cloud.RouteTable) {
				r.Routes = []cloud.Route{route("10.1.0.0/16", cloud.TargetNATGateway, "nat-1")}
			})
		}
	}
	rule := func(id cloud.AllocationID) func(*cloud.NATGateway) {
		return func(g *cloud.NATGateway) {
			g.Rules = []cloud.NATRule{{ID: "snat-1", Subnet: "subnet-priv", Addresses: []cloud.AllocationID{id}}}
		}
	}
	forward := func(g *cloud.NATGateway) {
		g.Forwards = []cloud.NATForward{{ID: "fwd-1", Address: "own-1", Protocol: 6, From: 80, To: 80, Host: ip("10.0.1.30"), Port: 8080}}
	}
	for _, c := range []struct {
		name   string
		change func(*cloud.NATGateway)
		vpc    cloud.VPCID
		from   cloud.InterfaceID
		to     string
		port   int
		stage  netplan.Stage // "" is reachable
	}{
		{"without a rule", func(*cloud.NATGateway) {}, "vpc-1", "eni-fn", "10.1.0.30", 22, netplan.StageNATSource},
		{"with one", rule("own-1"), "vpc-1", "eni-fn", "10.1.0.30", 22, ""},
		{"of an address that is gone", rule("own-2"), "vpc-1", "eni-fn", "10.1.0.30", 22, netplan.StageNATSource},
		{"sent on", forward, "vpc-2", "eni-any", "10.0.0.5", 80, ""},
		{"another port", forward, "vpc-2", "eni-any", "10.0.0.5", 81, netplan.StageUnsolicited},
		{"sent on for a host of the same VPC, whom the host answers directly", forward, "vpc-1", "eni-web", "10.0.0.5", 80, netplan.StageAsymmetric},
		{"to the host itself, which answers by the gateway", forward, "vpc-2", "eni-any", "10.0.1.30", 8080, netplan.StageAsymmetric},
	} {
		a := across(t, c.vpc, world(c.change)).Explain(reach.Query{From: c.from, To: ip(c.to), Protocol: 6, Port: c.port})
		if a.Reachable != (c.stage == "") || !a.Reachable && a.Stage != c.stage {
			t.Errorf("%s: reachable %t, stage %q, want %q: %s", c.name, a.Reachable, a.Stage, c.stage, a.Text)
		}
	}
}

// A route to a gateway for the gateway's own address has nothing translated.
func TestRouteToGatewayAddress(t *testing.T) {
	led := func(tx cloud.Tx) {
		edit(tx, cloud.NATGateways, "nat-1", func(g *cloud.NATGateway) {
			g.Selective, g.Forwards = true, []cloud.NATForward{{ID: "fwd-1", Address: "eipalloc-nat", Protocol: 6, From: 80, To: 80, Host: ip("10.0.1.30"), Port: 80}}
		})
		edit(tx, cloud.RouteTables, "rtb-priv", func(r *cloud.RouteTable) {
			r.Routes = []cloud.Route{route("10.0.0.5/32", cloud.TargetNATGateway, "nat-1")}
		})
	}
	for port, want := range map[int]netplan.Stage{80: netplan.StageAsymmetric, 81: netplan.StageUnsolicited} {
		if a := reach.Explain(plan(t, led), reach.Query{From: "eni-fn", To: ip("10.0.0.5"), Protocol: 6, Port: port}); a.Stage != want {
			t.Errorf("port %d: stage %q, want %q: %s", port, a.Stage, want, a.Text)
		}
	}
}

// Two gateways that send on to each other keep a packet between them.
func TestNATForwardRing(t *testing.T) {
	ring := func(tx cloud.Tx) {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-nat-2", VPC: "vpc-1", Subnet: "subnet-pub", Use: cloud.UseNAT, Addrs: []netip.Addr{ip("10.0.0.6")}})
		cloud.NATGateways.Put(tx, &cloud.NATGateway{Meta: meta, ID: "nat-2", VPC: "vpc-1", Subnet: "subnet-pub", Private: true, Interface: "eni-nat-2", Selective: true,
			Own:      []cloud.NATAddress{{ID: "own-1", Addr: ip("10.0.0.6")}},
			Forwards: []cloud.NATForward{{ID: "fwd-2", Address: "own-1", Protocol: -1, Host: ip("10.0.0.5")}}})
		edit(tx, cloud.NATGateways, "nat-1", func(g *cloud.NATGateway) {
			g.Selective, g.Forwards = true, []cloud.NATForward{{ID: "fwd-1", Address: "eipalloc-nat", Protocol: -1, Host: ip("10.0.0.6")}}
		})
	}
	a := reach.Explain(plan(t, ring), reach.Query{Source: ip("198.51.100.7"), To: ip("203.0.113.5"), Protocol: 6, Port: 80})
	if a.Reachable || a.Stage != netplan.StageLoop {
		t.Errorf("reachable %t, stage %q, want %q: %s", a.Reachable, a.Stage, netplan.StageLoop, a.Text)
	}
}
