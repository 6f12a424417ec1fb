package reach_test

import (
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// A function reaches IPv4 addresses over IPv6 by a route for the well-known
// prefix to the NAT gateway, and gets answers by the same way; network ACLs see
// IPv6 before the gateway and IPv4 behind it.
func TestNAT64(t *testing.T) {
	routed := func(tx cloud.Tx) {
		edit(tx, cloud.RouteTables, "rtb-priv", func(r *cloud.RouteTable) {
			r.Routes = append(r.Routes, route("64:ff9b::/96", cloud.TargetNATGateway, "nat-1"))
		})
	}
	ask := func(change func(cloud.Tx), to string, proto int) reach.Answer {
		return reach.Explain(plan(t, routed, change), reach.Query{From: "eni-fn", To: ip(to), Protocol: proto, Port: 443})
	}
	const outside = "64:ff9b::c633:6407" // 198.51.100.7
	for _, proto := range []int{6, 17, 58} {
		a := ask(nil, outside, proto)
		if !a.Reachable || !strings.Contains(a.Text, "198.51.100.7") && !strings.Contains(a.Text, "the internet") {
			t.Errorf("protocol %d: %+v", proto, a)
		}
	}
	if a := ask(nil, "64:ff9b::a00:14", 6); !a.Reachable || !strings.Contains(a.Text, "eni-web (10.0.0.20)") { // 10.0.0.20
		t.Errorf("inside the VPC: %s", a.Text)
	}
	if a := ask(nil, "64:ff9b::a00:63", 6); a.Reachable || a.Stage != netplan.StageNoHost { // 10.0.0.99
		t.Errorf("nobody's address: %s %s", a.Stage, a.Text)
	}
	if a := ask(nil, outside, 50); a.Reachable || a.Stage != netplan.StageNATProtocol {
		t.Errorf("ESP: %s %s", a.Stage, a.Text)
	}
	deny4 := func(tx cloud.Tx) {
		edit(tx, cloud.NetworkACLs, "acl-pub", func(a *cloud.NetworkACL) {
			a.Entries = append(a.Entries, line(50, true, 6, 443, 443, cloud.Deny, "198.51.100.0/24"))
		})
	}
	if a := ask(deny4, outside, 6); a.Reachable || a.Stage != netplan.StageACLOut {
		t.Errorf("an ACL against the IPv4 address: %s %s", a.Stage, a.Text)
	}
	if a := reach.Explain(plan(t), reach.Query{From: "eni-fn", To: ip(outside), Port: 443}); a.Path != nil && strings.Contains(a.Text, "nat-1") {
		t.Errorf("without the route: %s", a.Text)
	}
}
