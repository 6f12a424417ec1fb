package oracle

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

const account, region = "123456789012", "us-east-1"

var meta = cloud.Meta{Account: account, Region: region}

func ip(s string) netip.Addr             { return netip.MustParseAddr(s) }
func pfx(s string) netip.Prefix          { return netip.MustParsePrefix(s) }
func pf(f string, a ...any) netip.Prefix { return pfx(fmt.Sprintf(f, a...)) }

// What the internet has: hosts that answer, and one with a private address.
var (
	hosts4      = []netip.Addr{ip("198.51.100.7"), ip("198.51.100.9"), ip("198.51.100.130")} // the last is in the prefix list of S3
	hosts6      = []netip.Addr{ip("2001:db8::7"), ip("2001:db8:0:1::9")}
	privateHost = ip("10.99.0.1")
	s3          = pfx("198.51.100.128/28")
	ports       = []int{22, 80, 443, 5432, 8080}
)

// The zones that subnets are in by turns.
var zones = []string{region + "a", region + "b", region + "c"}

const s3Service = "com.amazonaws." + region + ".s3"

// dice makes a random state. Everything random comes from its source, in order.
type dice struct {
	*rand.Rand
	s      state
	n      int // for IDs and public addresses
	worlds []*world
	hubs   []*hub
	six4   bool       // some tables have routes for NAT64
	second bool       // some VPCs or transit routers are as the second dialect makes them
	joins  *rand.Rand // of transit routers, so that networks without them stay what they were
	sixes  *rand.Rand // of NAT64, likewise
	others *rand.Rand // of the second dialect, likewise
}

func roll(seed uint64) *dice {
	source := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	return &dice{Rand: source(20), s: state{}, joins: source(21), sixes: source(22), others: source(23)}
}

func (d *dice) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *dice, list ...T) T { return list[d.IntN(len(list))] }

func (d *dice) id(kind string) string { d.n++; return fmt.Sprintf("%s-%d", kind, d.n) }

// world is what the dice remember of one VPC while they make it.
type world struct {
	v       *cloud.VPC
	n       int // number of the VPC
	net     int // second byte of its addresses
	v6      bool
	ranked  bool // its groups' rules have priorities and refusals
	second  bool // it is as the second dialect makes VPCs
	peers   []*world
	hubs    []*hub              // that it is attached to
	served  []cloud.InterfaceID // of interface endpoints
	subnets []*cloud.Subnet
	groups  []cloud.SecurityGroupID
	lists   []cloud.PrefixListID
	acls    []cloud.NetworkACLID
	tables  []cloud.RouteTableID
	enis    []cloud.InterfaceID
	targets []cloud.RouteTarget
	made    int // addresses given out by changes
}

func (d *dice) network() state {
	d.prefixList("", s3Service, s3)
	vpcs := pick(d, 1, 1, 2, 2, 3)
	same := d.chance(40)
	for i := range vpcs {
		w := &world{n: i, net: i, v6: d.chance(75), ranked: d.chance(30)}
		if same {
			w.net = 0
		}
		d.ground(w)
		d.worlds = append(d.worlds, w)
	}
	for i, w := range d.worlds {
		for _, other := range d.worlds[:i] {
			d.peering(other, w)
		}
	}
	d.transit()
	d.dialects()
	for _, w := range d.worlds {
		d.policy(w)
	}
	d.tidy()
	d.nat64()
	if d.chance(15) {
		d.switchZone(nil)
	}
	return d.s
}

func (d *dice) prefixList(owner, name string, entries ...netip.Prefix) cloud.PrefixListID {
	l := &cloud.PrefixList{Meta: cloud.Meta{Account: owner, Region: region}, ID: cloud.PrefixListID(d.id("pl")), Name: name, Version: 1}
	for _, e := range entries {
		l.IPv6 = e.Addr().Is6()
		l.Entries = append(l.Entries, cloud.PrefixListEntry{Prefix: e})
	}
	cloud.PrefixLists.Put(d.s, l)
	return l.ID
}

// ground is who and what is in a VPC.
func (d *dice) ground(w *world) {
	v := &cloud.VPC{Meta: meta, ID: cloud.VPCID(fmt.Sprintf("vpc-%d", w.n)), DNSSupport: d.chance(85), DNSHostnames: true,
		CIDRs: []cloud.CIDRAssociation{{ID: "a", Prefix: pf("10.%d.0.0/16", w.net)}}}
	if d.chance(20) {
		v.CIDRs = append(v.CIDRs, cloud.CIDRAssociation{ID: "b", Prefix: pf("172.16.%d.0/24", w.net)})
	}
	if w.v6 {
		v.CIDRs6 = []cloud.CIDRAssociation{{ID: "c", Prefix: pf("2001:db8:1%d00::/56", w.n)}}
	}
	w.v = v
	cloud.VPCs.Put(d.s, v)
	d.subnets(w)
	for range 1 + d.IntN(3) {
		w.groups = append(w.groups, cloud.SecurityGroupID(d.id("sg")))
	}
	for range d.IntN(3) {
		w.lists = append(w.lists, d.prefixList(account, "list", d.some(w, false)...))
	}
	d.interfaces(w)
	d.gateways(w)
	d.interfaceEndpoint(w)
	d.publics(w)
}

// policy is what passes there, and where to.
func (d *dice) policy(w *world) {
	for _, g := range w.groups {
		cloud.SecurityGroups.Put(d.s, &cloud.SecurityGroup{Meta: meta, ID: g, VPC: w.v.ID, Rules: append(d.rules(w), d.defaults(w, g)...)})
	}
	d.routeTables(w)
	d.networkACLs(w)
	d.endpoint(w)
}

func (d *dice) subnets(w *world) {
	for k := range 2 + d.IntN(3) {
		s := &cloud.Subnet{Meta: meta, ID: cloud.SubnetID(d.id("subnet")), VPC: w.v.ID, Zone: zones[k%len(zones)], CIDR: pf("10.%d.%d.0/24", w.net, k)}
		if w.v6 && d.chance(80) {
			s.CIDRs6 = []cloud.CIDRAssociation{{Prefix: pf("2001:db8:1%d00:%d::/64", w.n, k)}}
			if d.chance(10) {
				s.CIDR = netip.Prefix{}
			}
		}
		if len(w.v.CIDRs) > 1 && k == 0 && d.chance(50) {
			s.CIDR = w.v.CIDRs[1].Prefix
		}
		w.subnets = append(w.subnets, s)
		cloud.Subnets.Put(d.s, s)
	}
}

// nth is an address of the subnet; invalid if it has no such block.
func nth(s *cloud.Subnet, n int, v4 bool) netip.Addr {
	p := s.CIDR
	if !v4 {
		if len(s.CIDRs6) == 0 {
			return netip.Addr{}
		}
		p = s.CIDRs6[0].Prefix
	}
	if !p.IsValid() {
		return netip.Addr{}
	}
	b := p.Addr().AsSlice()
	b[len(b)-1] = byte(n)
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (d *dice) interfaces(w *world) {
	for i := range 3 + d.IntN(4) {
		w.enis = append(w.enis, d.newInterface(w, pick(d, w.subnets...), 10+i).ID)
	}
}

// newInterface makes a host's or functions' interface with the n-th addresses of its subnet.
func (d *dice) newInterface(w *world, s *cloud.Subnet, n int) *cloud.Interface {
	e := &cloud.Interface{Meta: meta, ID: cloud.InterfaceID(d.id("eni")), VPC: w.v.ID, Subnet: s.ID, Use: cloud.UseHost, SourceDestCheck: true}
	if d.chance(25) {
		e.Use = cloud.UseFunction
	} else if d.chance(25) {
		e.SourceDestCheck = false
	}
	if a := nth(s, n, true); a.IsValid() {
		e.Addrs = []netip.Addr{a}
		if e.Use == cloud.UseHost && d.chance(15) {
			e.Addrs = append(e.Addrs, nth(s, n+100, true))
		}
	}
	if a := nth(s, n, false); a.IsValid() && (len(e.Addrs) == 0 || d.chance(80)) {
		e.Addrs6 = []netip.Addr{a}
	}
	for _, g := range w.groups {
		if d.chance(50) {
			e.SecurityGroups = append(e.SecurityGroups, g)
		}
	}
	if len(e.SecurityGroups) == 0 && d.chance(90) {
		e.SecurityGroups = []cloud.SecurityGroupID{pick(d, w.groups...)}
	}
	cloud.Interfaces.Put(d.s, e)
	if e.Use == cloud.UseHost && (!e.SourceDestCheck || d.chance(25)) {
		w.targets = append(w.targets, cloud.RouteTarget{Kind: cloud.TargetInterface, ID: string(e.ID)})
	}
	return e
}

func (d *dice) gateways(w *world) {
	if d.chance(85) {
		id := d.id("igw")
		g := &cloud.InternetGateway{Meta: meta, ID: cloud.InternetGatewayID(id), VPC: w.v.ID}
		if d.chance(10) {
			g.VPC = ""
		}
		cloud.InternetGateways.Put(d.s, g)
		t := cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: id}
		w.targets = append(w.targets, t, t, t, t, t, t, t)
	}
	if w.v6 && d.chance(60) {
		id := d.id("eigw")
		cloud.EgressOnlyGateways.Put(d.s, &cloud.EgressOnlyGateway{Meta: meta, ID: cloud.EgressOnlyGatewayID(id), VPC: w.v.ID})
		t := cloud.RouteTarget{Kind: cloud.TargetEgressOnlyGateway, ID: id}
		w.targets = append(w.targets, t, t, t, t)
	}
	for range d.IntN(3) {
		d.newNAT(w, 30)
	}
	w.targets = append(w.targets, cloud.RouteTarget{Kind: pick(d, cloud.TargetNATGateway, cloud.TargetInternetGateway, cloud.TargetInterface, cloud.TargetPeering, cloud.TargetBlackhole), ID: "gone-1"})
}

// newNAT makes a NAT gateway in some subnet, if that has IPv4; so many of a hundred are private.
func (d *dice) newNAT(w *world, private int) {
	s := pick(d, w.subnets...)
	n := 5 + len(w.targets)%3
	a := nth(s, n, true)
	if !a.IsValid() {
		return
	}
	id := d.id("nat")
	g := &cloud.NATGateway{Meta: meta, ID: cloud.NATGatewayID(id), VPC: w.v.ID, Subnet: s.ID, Private: d.chance(private), Interface: cloud.InterfaceID("eni-" + id)}
	cloud.Interfaces.Put(d.s, &cloud.Interface{Meta: meta, ID: g.Interface, VPC: w.v.ID, Subnet: s.ID, Use: cloud.UseNAT, Addrs: []netip.Addr{a}})
	if !g.Private {
		d.elasticIP(g.Interface, a)
	}
	cloud.NATGateways.Put(d.s, g)
	t := cloud.RouteTarget{Kind: cloud.TargetNATGateway, ID: id}
	w.targets = append(w.targets, t, t)
}

func (d *dice) elasticIP(e cloud.InterfaceID, private netip.Addr) {
	d.n++
	cloud.ElasticIPs.Put(d.s, &cloud.ElasticIP{Meta: meta, ID: cloud.AllocationID(fmt.Sprintf("eipalloc-%d", d.n)), AssocID: "a",
		Addr: netip.AddrFrom4([4]byte{203, 0, 113, byte(d.n)}), Interface: e, Private: private})
}

func (d *dice) publics(w *world) {
	for _, id := range w.enis {
		e, _ := cloud.Interfaces.Get(d.s, id)
		for _, a := range e.Addrs {
			if d.chance(40) {
				d.elasticIP(id, a)
			}
		}
		if d.chance(15) {
			d.n++
			edit(d.s, cloud.Interfaces, id, func(e *cloud.Interface) { e.PublicIP = netip.AddrFrom4([4]byte{203, 0, 113, byte(d.n)}) })
		}
	}
}

// some are prefixes that mean something in this VPC.
func (d *dice) some(w *world, v6 bool) (out []netip.Prefix) {
	for range 1 + d.IntN(3) {
		if p := d.prefix(w, v6); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func (d *dice) prefix(w *world, v6 bool) netip.Prefix {
	if v6 {
		return pick(d, pfx("::/0"), pfx("::/0"), pf("2001:db8:1%d00::/56", w.n), pf("2001:db8:1%d00:%d::/64", w.n, d.IntN(4)),
			pfx("2001:db8::/48"), pfx("2001:db8::/64"), pfx("2001:db8::7/128"), pf("2001:db8:1%d00:%d::%x/128", w.n, d.IntN(4), 10+d.IntN(5)))
	}
	return pick(d, pfx("0.0.0.0/0"), pfx("0.0.0.0/0"), pf("10.%d.0.0/16", w.net), pf("10.%d.%d.0/24", w.net, d.IntN(4)), pf("10.%d.%d.0/25", w.net, d.IntN(4)),
		pfx("198.51.100.0/24"), pfx("198.51.100.7/32"), s3, pfx("203.0.113.0/24"), pf("10.%d.%d.%d/32", w.net, d.IntN(4), 10+d.IntN(5)), pfx("0.0.0.0/1"))
}

// service is a protocol with ports, or ICMP type and code.
func (d *dice) service(v6 bool) (protocol, from, to int) {
	icmp, echo, reply := 1, 8, 0
	if v6 {
		icmp, echo, reply = 58, 128, 129
	}
	switch d.IntN(10) {
	case 0, 1:
		return -1, -1, -1
	case 2, 3, 4:
		return icmp, pick(d, -1, echo, echo, reply), pick(d, -1, 0)
	case 5:
		return pick(d, 47, 50), -1, -1
	}
	r := pick(d, [2]int{0, 65535}, [2]int{-1, -1}, [2]int{1024, 65535}, [2]int{32768, 65535}, [2]int{80, 80}, [2]int{443, 443}, [2]int{22, 443}, [2]int{5000, 6000}, [2]int{0, 30000})
	return pick(d, 6, 6, 17), r[0], r[1]
}

func (d *dice) rules(w *world) (out []cloud.SecurityGroupRule) {
	add := func(egress bool) {
		v6 := w.v6 && d.chance(40)
		r := cloud.SecurityGroupRule{ID: d.id("sgr"), Egress: egress, Action: cloud.Allow}
		if w.ranked { // few priorities, so that some are equal: then the refusal counts
			r.Priority, r.Action = pick(d, 1, 1, 2, 50, 100), pick(d, cloud.Allow, cloud.Allow, cloud.Deny)
		}
		r.Protocol, r.From, r.To = d.service(v6)
		switch k := d.IntN(10); {
		case k < 2 && len(w.peers) > 0:
			r.Group = pick(d, pick(d, w.peers...).groups...)
		case k < 4:
			r.Group = pick(d, w.groups...)
		case k < 5 && len(w.lists) > 0:
			r.PrefixList = pick(d, w.lists...)
		case k < 6 && d.chance(20):
			r.Group = "sg-gone"
		default:
			r.Prefix = d.prefix(w, v6)
		}
		out = append(out, r)
	}
	for range d.IntN(4) {
		add(false)
	}
	if w.ranked {
		for range d.IntN(3) {
			add(true)
		}
		return out
	}
	if d.chance(75) { // as new groups have
		out = append(out, cloud.SecurityGroupRule{ID: d.id("sgr"), Egress: true, Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: pfx("0.0.0.0/0")},
			cloud.SecurityGroupRule{ID: d.id("sgr"), Egress: true, Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: pfx("::/0")})
	} else {
		for range d.IntN(4) {
			add(true)
		}
	}
	for _, p := range []string{"0.0.0.0/0", "::/0"} {
		if d.chance(45) {
			out = append(out, cloud.SecurityGroupRule{ID: d.id("sgr"), Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: pfx(p)})
		}
	}
	return out
}
