package reach_test

import (
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// In a VPC whose IPv6 addresses have the internet by rule, one without a rule that
// joins it has none, whatever gateway its table leads to.
func TestIPv6Gateway(t *testing.T) {
	const access, outward = false, true
	web, outside := "2001:db8:1000::20", "2001:db8::7"
	rules := func(to cloud.RouteTarget, outwards ...bool) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.IPv6ByRule = true })
			cloud.IPv6Gateways.Put(tx, &cloud.IPv6Gateway{Meta: meta, ID: "gw6-1", VPC: "vpc-1"})
			edit(tx, cloud.RouteTables, "rtb-pub", func(r *cloud.RouteTable) { r.Routes = []cloud.Route{{Dest: pfx("::/0"), Target: to}} })
			for _, o := range outwards {
				id := map[bool]cloud.IPv6RuleID{access: "access", outward: "outward"}[o]
				for addr, eni := range map[string]cloud.InterfaceID{web: "eni-web", "2001:db8:1000:2::20": "eni-dark"} {
					cloud.IPv6Rules.Put(tx, &cloud.IPv6Rule{Meta: meta, ID: id + cloud.IPv6RuleID(eni), Gateway: "gw6-1", VPC: "vpc-1", Interface: eni, Addr: ip(addr), Outward: o})
				}
			}
		}
	}
	gw6 := cloud.RouteTarget{Kind: cloud.TargetIPv6Gateway, ID: "gw6-1"}
	igw := cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: "igw-1"}
	gone := cloud.RouteTarget{Kind: cloud.TargetIPv6Gateway, ID: "gw6-2"}
	out := reach.Query{From: "eni-web", To: ip(outside), Protocol: 6, Port: 443}
	in := reach.Query{Source: ip(outside), To: ip(web), Protocol: 6, Port: 443}
	for _, c := range []struct {
		name  string
		state func(cloud.Tx)
		q     reach.Query
		stage netplan.Stage // "" is that it passes
	}{
		{"out with access", rules(gw6, access), out, ""},
		{"in with access", rules(gw6, access), in, ""},
		{"out without a rule", rules(gw6), out, netplan.StageNoPublicIP},
		{"in without a rule", rules(gw6), in, netplan.StageNoPrivateIP},
		{"out, outward", rules(gw6, access, outward), out, ""},
		{"in, outward", rules(gw6, access, outward), in, netplan.StageEgressOnlyIn},
		{"out, outward without access", rules(gw6, outward), out, netplan.StageNoPublicIP},
		{"in, outward without access", rules(gw6, outward), in, netplan.StageNoPrivateIP},
		{"out by the internet gateway without a rule", rules(igw), out, netplan.StageNoPublicIP},
		{"in by the internet gateway without a rule", rules(igw), in, netplan.StageNoPrivateIP},
		{"out by a gateway that is gone", rules(gone, access), out, netplan.StageBlackhole},
		{"out by an egress-only gateway without a rule", rules(gw6, access), reach.Query{From: "eni-fn", To: ip(outside), Protocol: 6, Port: 443}, netplan.StageNoPublicIP},
		{"in to a port that the group closes", rules(gw6, access), reach.Query{Source: ip(outside), To: ip(web), Protocol: 6, Port: 22}, netplan.StageGroupIn},
		{"in to a host whose table does not lead back", rules(gw6, access), reach.Query{Source: ip(outside), To: ip("2001:db8:1000:2::20"), Protocol: 6, Port: 22}, netplan.StageNoRoute},
	} {
		a := reach.Explain(plan(t, c.state), c.q)
		if a.Reachable != (c.stage == "") || !a.Reachable && a.Stage != c.stage {
			t.Errorf("%s: reachable %t, stage %q, want %q: %s", c.name, a.Reachable, a.Stage, c.stage, a.Text)
		}
	}
}

// A new flow meets the sender's groups before the gateway's rules, as IPv4 does.
func TestIPv6GatewayAfterGroups(t *testing.T) {
	closed := func(tx cloud.Tx) {
		edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.IPv6ByRule = true })
		edit(tx, cloud.Interfaces, "eni-web", func(e *cloud.Interface) { e.SecurityGroups = nil })
	}
	a := reach.Explain(plan(t, closed), reach.Query{From: "eni-web", To: ip("2001:db8::7"), Protocol: 6, Port: 443})
	if a.Stage != netplan.StageGroupOut {
		t.Errorf("stage %q, want %q: %s", a.Stage, netplan.StageGroupOut, a.Text)
	}
}
