package dataplane

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

func allow(protocol, from, to int, prefix string, peers ...netplan.ProfileKey) netplan.Rule {
	r := netplan.Rule{Action: cloud.Allow, Protocol: protocol, From: from, To: to, Peers: peers}
	if prefix != "" {
		r.Prefix = netip.MustParsePrefix(prefix)
	}
	return r
}

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// samplePlan has a bit of everything.
func samplePlan() *netplan.Plan {
	line := func(n int, verdict cloud.Verdict, protocol int, prefix string, from, to int) netplan.ACLEntry {
		return netplan.ACLEntry{Number: n, Action: verdict, Protocol: protocol, Prefix: netip.MustParsePrefix(prefix), From: from, To: to, ICMPType: -1, ICMPCode: -1}
	}
	local := []netplan.Route{{Dest: netip.MustParsePrefix("10.0.0.0/16"), Hop: netplan.HopLocal}, {Dest: netip.MustParsePrefix("2001:db8:1000::/56"), Hop: netplan.HopLocal}}
	return &netplan.Plan{
		VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("2001:db8:1000::/56")},
		Routers: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8:1000::1")},
		Subnets: []netplan.Subnet{
			{ID: "subnet-priv", CIDR4: netip.MustParsePrefix("10.0.1.0/24"), Table: "rtb-priv", ACL: "acl-open"},
			{ID: "subnet-pub", CIDR4: netip.MustParsePrefix("10.0.0.0/24"), CIDR6: netip.MustParsePrefix("2001:db8:1000::/64"), Table: "rtb-pub", ACL: "acl-tight"},
		},
		Profiles: []netplan.Profile{
			{Key: "sg-a", Groups: []cloud.SecurityGroupID{"sg-a"}, Out: []netplan.Rule{allow(-1, -1, -1, "0.0.0.0/0"), allow(-1, -1, -1, "::/0")},
				In: []netplan.Rule{allow(6, 80, 80, "", "sg-a", "sg-b"), allow(6, 443, 443, "0.0.0.0/0"), allow(6, 400, 500, "10.0.0.0/8"), allow(1, 8, -1, "10.0.0.0/16"), allow(50, -1, -1, "10.0.0.0/16")}},
			{Key: "sg-b", Groups: []cloud.SecurityGroupID{"sg-b"}},
		},
		Tables: []netplan.RouteTable{
			{ID: "rtb-priv", Routes: append([]netplan.Route{
				{Dest: netip.MustParsePrefix("198.51.100.128/28"), Hop: netplan.HopEndpoint, Target: "vpce-1"},
				{Dest: netip.MustParsePrefix("0.0.0.0/0"), Hop: netplan.HopNAT, Target: "nat-1", ENI: "eni-nat"}}, local...)},
			{ID: "rtb-pub", Routes: append([]netplan.Route{
				{Dest: netip.MustParsePrefix("10.5.0.0/16"), Hop: netplan.HopBlackhole, Target: "pcx-1"},
				{Dest: netip.MustParsePrefix("0.0.0.0/0"), Hop: netplan.HopInternet, Target: "igw-1"}}, local...)},
		},
		ACLs: []netplan.ACL{
			{ID: "acl-open", In: []netplan.ACLEntry{line(100, cloud.Allow, -1, "0.0.0.0/0", -1, -1), line(101, cloud.Allow, -1, "::/0", -1, -1)},
				Out: []netplan.ACLEntry{line(100, cloud.Allow, -1, "0.0.0.0/0", -1, -1), line(101, cloud.Allow, -1, "::/0", -1, -1)}},
			{ID: "acl-tight", In: []netplan.ACLEntry{line(90, cloud.Deny, 6, "203.0.113.0/24", 22, 22), line(100, cloud.Allow, -1, "0.0.0.0/0", -1, -1)},
				Out: []netplan.ACLEntry{line(100, cloud.Allow, 6, "0.0.0.0/0", 1024, 65535)}},
		},
		ENIs: []netplan.ENI{
			{ID: "eni-fn", Subnet: "subnet-priv", Attach: netplan.AttachShared, Addrs: addrs("10.0.1.20"), Profile: "sg-b"},
			{ID: "eni-nat", Subnet: "subnet-pub", Attach: netplan.AttachNAT, Addrs: addrs("10.0.0.9"), AnySource: true},
			{ID: "eni-web", Subnet: "subnet-pub", Attach: netplan.AttachDirect, Addrs: addrs("10.0.0.10", "2001:db8:1000::10"), Profile: "sg-a", MAC: "0a:00:00:00:00:10"},
		},
		Gateway: &netplan.InternetGateway{ID: "igw-1", Public: []netplan.PublicAddr{{Private: addrs("10.0.0.9")[0], Public: addrs("203.0.113.9")[0]}}},
		NATs:    []netplan.NATGateway{{ID: "nat-1", ENI: "eni-nat", Subnet: "subnet-pub"}},
		DNS:     netplan.DNS{Enabled: true, Resolvers: addrs("10.0.0.2", "169.254.169.253")},
	}
}

func (ns *Namespace) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "namespace %s\n", ns.Name)
	for _, l := range ns.Links {
		fmt.Fprintf(&b, "link %d %s %s group %d peer %s/%s %s\n", l.Index, l.Name, l.MAC, l.Group, l.PeerNS, l.Peer, l.PeerMAC)
	}
	for _, a := range ns.Addrs {
		fmt.Fprintf(&b, "addr %s %s\n", a.Link, a.Addr)
	}
	for _, r := range ns.Routes {
		fmt.Fprintf(&b, "route table %d %s %s %s", r.Table, r.Kind, r.Dest, r.Link)
		if r.Via.IsValid() {
			fmt.Fprintf(&b, " via %s", r.Via)
		}
		b.WriteString("\n")
	}
	for _, r := range ns.Rules {
		fmt.Fprintf(&b, "rule %d mark %#x/%#x table %d\n", r.Priority, r.Mark, r.Mask, r.Table)
	}
	if ns.Table != nil {
		b.WriteString(ns.Table.String())
	}
	return b.String() + "\n"
}

func TestLowerGolden(t *testing.T) {
	n := Lower(samplePlan(), NewNumbers(1))
	var b strings.Builder
	for i := range n.Namespaces {
		b.WriteString(n.Namespaces[i].text())
	}
	b.WriteString(n.Internet.text())
	const file = "testdata/sample.network"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the network differs from %s (UPDATE=1 writes it); it is:\n%s", file, b.String())
	}
}

func TestLowerIsStable(t *testing.T) {
	numbers := NewNumbers(1)
	a := Lower(samplePlan(), numbers)
	b := Lower(samplePlan(), numbers)
	if c, err := Diff(a, b); err != nil || !c.Empty() {
		t.Errorf("the same plan gives changes: %v %v", c, err)
	}
}

func TestUnusedVPCCostsNothing(t *testing.T) {
	p := samplePlan()
	p.ENIs = nil
	if n := Lower(p, NewNumbers(1)); len(n.Namespaces) != 0 || len(n.Internet.Routes) != 0 {
		t.Errorf("a VPC without interfaces has %d namespaces", len(n.Namespaces))
	}
}

// A closed plan stays closed: whatever is missing from it opens nothing.
func TestDanglingReferencesAreClosed(t *testing.T) {
	p := samplePlan()
	p.Profiles, p.ACLs, p.Gateway = nil, nil, nil
	p.Tables[0].Routes[1].ENI = "eni-gone"
	n := Lower(p, NewNumbers(1))
	text := n.Namespaces[0].text()
	for _, want := range []string{
		"chain sg_in_p1", "chain sg_out_p1", "acl_in_subnet-pub", `log prefix "nacl-in:acl-open:*"`,
		"unicast 0.0.0.0/0 blackhole",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestDiffOrder(t *testing.T) {
	numbers := NewNumbers(1)
	have := Lower(samplePlan(), numbers)
	p := samplePlan()
	p.ENIs = p.ENIs[1:] // without eni-fn
	p.Gateway.Public = nil
	p.Tables[1].Routes[0].Dest = netip.MustParsePrefix("10.6.0.0/16")
	c, err := Diff(have, Lower(p, numbers))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Remove); got != "[e1000]" {
		t.Errorf("removes %s, want the function's namespace", got)
	}
	if got := fmt.Sprint(c.Forget); got != "[10.0.1.20 203.0.113.9]" {
		t.Errorf("forgets %s, want the private address that is gone and the public one that maps to nothing", got)
	}
	router := c.Namespaces[0]
	if len(router.DelLinks) != 0 {
		t.Errorf("deletes links %v, but they go with the namespace", router.DelLinks)
	}
	if len(router.PutRoutes) != 1 || len(router.DelRoutes) != 2 {
		t.Errorf("puts %v and deletes %v, want one route put, the old one and the interface's deleted", router.PutRoutes, router.DelRoutes)
	}
}

func TestDisjoint(t *testing.T) {
	b := func(prefix string) block { return block{prefix: netip.MustParsePrefix(prefix), protocol: 6} }
	got := disjoint(map[block][]span{
		b("10.0.0.0/8"):  {{80, 90}, {91, 95}, {85, 100}},
		b("10.1.0.0/16"): {{70, 120}},
		b("10.1.2.0/24"): {{75, 110}, {200, 210}},
		b("0.0.0.0/0"):   {{100, 100}},
	})
	// by hand: /0 has 100; /8 has 80-99; /16 has 70-79 and 101-120; /24 has 200-210
	want := "[0.0.0.0/0 100-100 10.0.0.0/8 80-99 10.1.0.0/16 70-79 10.1.0.0/16 101-120 10.1.2.0/24 200-210]"
	var s []string
	for _, p := range got {
		s = append(s, fmt.Sprintf("%s %d-%d", p.prefix, p.lo, p.hi))
	}
	if fmt.Sprint(s) != want {
		t.Errorf("got %v\nwant %s", s, want)
	}
}

func TestNumbersAreNotReused(t *testing.T) {
	n := NewNumbers(1)
	p := samplePlan()
	Lower(p, n)
	first := n.enis["eni-web"]
	p.ENIs = p.ENIs[:2]
	Lower(p, n)
	web := samplePlan()
	Lower(web, n)
	if n.enis["eni-web"] == first {
		t.Errorf("the link of an interface that was gone has its old number %d", first)
	}
	fn := n.enis["eni-fn"]
	n.Renew("eni-fn")
	Lower(web, n)
	if n.enis["eni-fn"] == fn {
		t.Error("a renewed interface keeps its number")
	}
}
