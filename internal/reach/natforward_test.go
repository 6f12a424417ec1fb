package reach_test

import (
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
