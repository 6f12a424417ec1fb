package dataplane

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// rulesOf prints a chain of the router's table, a rule each.
func rulesOf(n *Network, chain string) (out []string) {
	for _, c := range n.Namespaces[0].Table.Chains {
		if c.Name == chain {
			for _, r := range c.Rules {
				out = append(out, r.String())
			}
		}
	}
	return out
}

func at(rules []string, parts ...string) int {
	return slices.IndexFunc(rules, func(r string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(r, p) })
	})
}

// What a new IPv6 flow lacks is said in the order in which IPv4's is: its groups
// first, then the rule that would join its address to the internet. Of a flow that
// is known only the rule is left to ask.
func TestIPv6RulesAfterGroups(t *testing.T) {
	p := samplePlan()
	p.Gateway.ByRule = true
	n := Lower(p, NewNumbers(1))
	out := rulesOf(n, "outbound")
	if groups, rule := at(out, "@prof_out"), at(out, "no-public-ip", "@open"); groups < 0 || rule < groups {
		t.Errorf("groups at %d, rules of the gateway at %d of %q", groups, rule, out)
	}
	forward := rulesOf(n, "forward")
	if i, known := at(forward, "no-public-ip"), at(forward, "established", "accept"); i < 0 || i > known || !strings.Contains(forward[i], "established") {
		t.Errorf("rule for known flows at %d, they pass at %d of %q", i, known, forward)
	}
}

// Where local routes are those of subnets, an address of the VPC that is in none has
// no route; one that is in a subnet, but nobody's, has no host.
func TestNoRouteBesideSubnets(t *testing.T) {
	p := samplePlan()
	for i := range p.Tables {
		for k, r := range p.Tables[i].Routes {
			if r.Hop == netplan.HopLocal && r.Dest.Addr().Is4() {
				p.Tables[i].Routes[k].Dest = netip.MustParsePrefix("10.0.1.0/24")
			}
		}
	}
	n := Lower(p, NewNumbers(1))
	trap := rulesOf(n, "noroute")
	i := at(trap, "no-host", "ip daddr")
	if i < 0 || at(trap, "no-route") < i {
		t.Fatalf("the trap is %q", trap)
	}
	for _, s := range n.Namespaces[0].Table.Sets {
		if strings.Contains(trap[i], "@"+s.Name) && (len(s.Elems) != 1 || !strings.Contains(s.String(), "10.0.1.0/24")) {
			t.Errorf("%s, with %s", trap[i], s)
		}
	}
}

// A NAT gateway says so where it would send a host what that sent itself, which the
// host's system drops without a word.
func TestForwardToSender(t *testing.T) {
	e := &netplan.ENI{ID: "eni-nat", Attach: netplan.AttachNAT, Addrs: addrs("10.0.0.9"), Selective: true, Forwards: []netplan.Forward{
		{Addr: addrs("10.0.0.9")[0], Protocol: 6, From: 80, To: 80, Host: addrs("10.0.1.20")[0], Port: 8080, Own: addrs("10.0.1.20", "10.0.1.120")},
		{Addr: addrs("10.0.0.9")[0], Protocol: 17, From: 53, To: 53, Host: addrs("10.0.1.20")[0], Port: 53, Own: addrs("10.0.1.20", "10.0.1.120")}}}
	var rules []string
	for _, r := range natForward(e) {
		rules = append(rules, r.String())
	}
	if self, on := at(rules, "{ 10.0.1.20 . 10.0.1.20, 10.0.1.120 . 10.0.1.20 }", "loop:eni-nat", "drop"), at(rules, "ct mark", "accept"); self < 0 || self > on {
		t.Errorf("refused at %d, let through at %d of %q", self, on, rules)
	}
}

// An answer for a public address does not leave by a transit router, where it would
// have that address and find back to the VPC that asked.
func TestPublicAnswerByTransitRouter(t *testing.T) {
	p := samplePlan()
	p.ENIs = append([]netplan.ENI{{ID: "eni-att", Subnet: "subnet-pub", Attach: netplan.AttachTransit, Addrs: addrs("10.0.0.200"), AnySource: true}}, p.ENIs...)
	p.Transits = []netplan.Transit{{ID: "att-1", Router: "tgw-1", Table: "t-1", Source: []cloud.Ref{{}}, Ports: []netplan.TransitPort{{TransitEnd: netplan.TransitEnd{ENI: "eni-att"}}},
		Routes: []netplan.TransitRoute{{Dest: netip.MustParsePrefix("0.0.0.0/0"), VPC: "vpc-2", Attachment: "att-2"}}}}
	n := Lower(p, NewNumbers(1))
	for _, c := range n.Namespaces[0].Table.Chains {
		if strings.HasPrefix(c.Name, "transit_att-1") {
			if rules := rulesOf(n, c.Name); at(rules, "ip saddr @public", "asymmetric", "drop") != 0 {
				t.Errorf("the transit router's chain is %q", rules)
			}
			return
		}
	}
	t.Error("no chain for the attachment")
}
