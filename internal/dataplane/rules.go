package dataplane

import (
	"net/netip"
	"slices"

	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Addresses that no VPC routes and that no internet gateway carries.
var (
	linkLocal = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
		netip.MustParsePrefix("224.0.0.0/3"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
	}
	private = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
		netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
	}
)

// ruleSets are the sets that the router's base chains look into.
type ruleSets struct {
	eni, eniDst      *pair // identity by link and source; profile by destination
	eniAny, dstAny   *nft.Set
	local, resolvers *pair
	inside           *pair // where local routes lead
	endpoints        *pair
	namesInside      bool     // a resolver is in an endpoint's range
	blockInside      bool     // one of the VPC's blocks is
	aclOut, aclIn    *nft.Set // chains by the subnet of the link
	profOut, profIn  *nft.Set
	own              *pair    // links of what forwards, with their own addresses
	forwarders       *nft.Set // NAT gateways' links
	loops            *nft.Set
	zoneIn, zoneOut  *nft.Set // subnets in failed zones
	public           *nft.Set // addresses that are public here
	open             *nft.Set // IPv6 addresses that have the internet
	private          *pair
	inward           []nft.Rule // for what an egress-only gateway would answer, or an IPv6 gateway has no rule for
	peers            *peerSets
	ports            *nft.Set // links to transit routers
}

// rules gives the router's table.
func (l *lowerer) rules() *nft.Table {
	l.table, l.sealed = &nft.Table{Name: "vpc"}, map[string]bool{}
	s := l.identity()
	zones := l.zones(s)
	l.local(s)
	l.acls(s)
	l.profiles(s)
	s.inward = append(l.byRule(s), l.egressOnly()...)
	for _, x := range []*nft.Set{s.eniAny, s.dstAny, s.aclOut, s.aclIn, s.profOut, s.profIn, s.forwarders, s.loops} {
		if len(x.Elems) > 0 {
			l.table.Sets = append(l.table.Sets, x)
		}
	}
	chains := append(append(l.table.Chains, zones...), l.peerRules(s)...)
	chains = append(chains, l.prerouting(s)...)
	chains = append(chains, l.input(s)...)
	chains = append(chains, l.trapChains(s)...)
	chains = append(chains, l.outbound(s)...)
	chains = append(chains, l.forward(s))
	if counted := l.flows(s); len(counted) > 0 {
		chains = append(chains, counted...)
	} else {
		chains = append(chains, settled())
	}
	chains = append(chains, l.translate(s)...)
	chains = append(chains, l.portRules(s)...)
	l.table.Chains = chains
	return l.table
}

// identity fills the maps from links and addresses to marks.
func (l *lowerer) identity() *ruleSets {
	s := &ruleSets{
		eni: newPair("eni", src, marks, nft.IIf), eniDst: newPair("eni_dst", dst, ctMarks),
		eniAny:     &nft.Set{Name: "eni_any", Key: []nft.Field{nft.IIf}, Map: true, Data: nft.Mark},
		dstAny:     &nft.Set{Name: "dst_any", Key: []nft.Field{nft.OIf}, Map: true, Data: nft.CtMark},
		own:        newPair("own", dst, plain, nft.OIf),
		forwarders: &nft.Set{Name: "forwarders", Key: []nft.Field{nft.OIf}},
		loops:      &nft.Set{Name: "loops", Key: []nft.Field{nft.IIf, nft.OIf}},
		ports:      &nft.Set{Key: []nft.Field{nft.IIf}},
	}
	for i := range l.p.ENIs {
		e := &l.p.ENIs[i]
		n := l.n.enis[e.ID]
		for _, a := range e.Addrs {
			m := s.eni.of(a)
			m.Elems = append(m.Elems, nft.K(nft.If(n), nft.IP(a)).To(nft.MarkOf(l.markFrom(e, a))))
			if p := l.profileMark(e, false); p != 0 {
				d := s.eniDst.of(a)
				d.Elems = append(d.Elems, nft.K(nft.IP(a)).To(nft.MarkOf(p)))
			}
		}
		if !forwards(e) {
			continue
		}
		if e.Attach == netplan.AttachTransit {
			s.ports.Elems = append(s.ports.Elems, nft.K(nft.If(n)))
		}
		s.eniAny.Elems = append(s.eniAny.Elems, nft.K(nft.If(n)).To(nft.MarkOf(l.mark(e, true))))
		s.loops.Elems = append(s.loops.Elems, nft.K(nft.If(n), nft.If(n)))
		for _, a := range e.Addrs {
			own := s.own.of(a)
			own.Elems = append(own.Elems, nft.K(nft.If(n), nft.IP(a)))
		}
		p := l.profileMark(e, true)
		s.dstAny.Elems = append(s.dstAny.Elems, nft.K(nft.If(n)).To(nft.MarkOf(p)))
		if p == 0 {
			s.forwarders.Elems = append(s.forwarders.Elems, nft.K(nft.If(n)))
		}
	}
	l.add(s.eni)
	l.add(s.eniDst)
	l.add(s.own)
	return s
}

// local fills the sets of the VPC's own addresses.
func (l *lowerer) local(s *ruleSets) {
	s.local = l.add(newPair("local", src, interval).nets(l.p.CIDRs))
	s.inside = l.insides(s.local)
	s.resolvers = l.add(newPair("resolvers", dst, plain).addrs(l.resolvers()))
	seen := map[netip.Prefix]bool{}
	var to []netip.Prefix
	for _, t := range l.p.Tables {
		for _, r := range t.Routes {
			if r.Hop == netplan.HopEndpoint && !seen[r.Dest] {
				seen[r.Dest] = true
				to = append(to, r.Dest)
			}
		}
	}
	s.endpoints = l.add(newPair("endpoints", dst, interval).nets(outermost(to)))
	for _, p := range to {
		s.namesInside = s.namesInside || slices.ContainsFunc(l.resolvers(), p.Contains)
		s.blockInside = s.blockInside || slices.ContainsFunc(l.p.CIDRs, p.Overlaps)
	}
	if l.p.Gateway != nil {
		s.private = l.add(newPair("private", dst, interval).nets(slices.Concat(private, linkLocal)))
		s.public = &nft.Set{Name: "public", Key: []nft.Field{nft.Dst4}}
		for _, a := range l.p.Gateway.Public {
			s.public.Elems = append(s.public.Elems, nft.K(nft.IP(a.Public)))
		}
		l.table.Sets = append(l.table.Sets, s.public)
		s.open = l.open(s)
	}
}

// outermost leaves out prefixes inside others: an interval set takes no overlaps.
func outermost(ps []netip.Prefix) (out []netip.Prefix) {
	for _, p := range ps {
		inside := false
		for _, q := range ps {
			inside = inside || q != p && q.Bits() <= p.Bits() && q.Contains(p.Addr())
		}
		if !inside {
			out = append(out, p)
		}
	}
	return out
}

// prerouting says who a packet is from.
func (l *lowerer) prerouting(s *ruleSets) []*nft.Chain {
	pre := &nft.Chain{Name: "pre", Hook: &nft.Hook{Point: nft.Prerouting, Priority: prioPre}}
	strange := []nft.Rule{nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop), l.refuse(netplan.StageSpoof)}
	outside := &nft.Chain{Name: "outside"}
	if l.p.Gateway != nil {
		outside.Rules = append(outside.Rules, nft.R(nft.Eq(nft.IIf, nft.If(uplinkIndex)), nft.Goto("inbound")))
	}
	outside.Rules = append(outside.Rules, l.peerIn(s)...)
	if len(outside.Rules) > 0 {
		pre.Rules = append(pre.Rules, nft.R(nft.Eq(nft.IIfGroup, nft.Group(groupOutside)), nft.Goto(outside.Name)))
	}
	pre.Rules = append(pre.Rules, s.eni.when(func(m *nft.Set, key []nft.Field) []nft.Stmt {
		return []nft.Stmt{nft.SetFrom(nft.Mark, m, key...), nft.Goto("known")}
	})...)
	if len(s.eniAny.Elems) > 0 { // any address but the router's own
		own := l.add(newPair("router", src, plain).addrs(l.addresses()))
		pre.Rules = append(pre.Rules, own.in(l.drop(netplan.StageSpoof, "")...)...)
		pre.Rules = append(pre.Rules, nft.R(nft.SetFrom(nft.Mark, s.eniAny, nft.IIf), nft.Goto("known")))
	}
	pre.Rules = append(pre.Rules, strange...)

	unrouted := l.add(newPair("unrouted", dst, interval).nets(linkLocal))
	known := &nft.Chain{Name: "known", Rules: append(cutBy(s.zoneIn, nft.IIfGroup), goesOn)}
	known.Rules = append(known.Rules, s.resolvers.in(nft.Accept)...)
	if l.has6 {
		known.Rules = append(known.Rules, nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop))
	}
	known.Rules = append(known.Rules, unrouted.in(l.drop(netplan.StageLinkLocal, "")...)...)
	chains := []*nft.Chain{known}
	if l.p.Gateway != nil {
		chains = append(chains, l.inbound(s))
	}
	if len(outside.Rules) > 0 {
		outside.Rules = append(outside.Rules, strange...)
		chains = append(chains, outside)
	}
	return append(chains, pre)
}

// inbound checks what comes from the internet: nobody there has the VPC's own
// addresses or private ones, and only what is public here is reached.
func (l *lowerer) inbound(s *ruleSets) *nft.Chain {
	c := &nft.Chain{Name: "inbound", Rules: append(s.local.in(l.drop(netplan.StageSpoof, "")...), goesOn)}
	refused := l.drop(netplan.StagePrivateDest, "")
	c.Rules = append(c.Rules, nft.R(append([]nft.Stmt{nft.In(s.public, nft.Dst4), nft.In(s.private.v4, nft.Src4)}, refused...)...),
		nft.R(nft.In(s.public, nft.Dst4), nft.Accept))
	if l.has6 {
		c.Rules = append(c.Rules, nft.R(append([]nft.Stmt{nft.In(s.open, nft.Dst6), nft.In(s.private.v6, nft.Src6)}, refused...)...),
			nft.R(nft.In(s.open, nft.Dst6), nft.Accept))
	}
	c.Rules = append(c.Rules, nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop), l.refuse(netplan.StageNoPrivateIP))
	return c
}

// input and output guard the router's own sockets: DNS, and gateway endpoints,
// for which the sender's ACL and groups count as for any other destination.
func (l *lowerer) input(s *ruleSets) []*nft.Chain {
	in := &nft.Chain{Name: "input", Hook: &nft.Hook{Point: nft.Input, Drop: true}}
	if l.p.Gateway != nil {
		in.Rules = append(in.Rules, l.refuse(netplan.StageRouter, nft.Eq(nft.IIf, nft.If(uplinkIndex))))
	}
	in.Rules = append(in.Rules, l.peerInput()...)
	if len(s.ports.Elems) > 0 {
		in.Rules = append(in.Rules, l.refuse(netplan.StageRouter, nft.In(s.ports, nft.IIf)))
	}
	in.Rules = append(in.Rules, s.endpoints.when(func(m *nft.Set, key []nft.Field) []nft.Stmt {
		return append(s.ofEndpoint(m, key[0]), nft.Goto("endpoint"))
	})...)
	in.Rules = append(in.Rules, nft.R(nft.VMap(stateMap, nft.CtState)))
	in.Rules = append(in.Rules, s.resolvers.in(nft.In(protos(tcp, udp), nft.L4Proto), nft.Eq(nft.DstPort, nft.Port(53)), nft.Accept)...)
	in.Rules = append(in.Rules, nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop), l.refuse(netplan.StageRouter))

	out := &nft.Chain{Name: "output", Hook: &nft.Hook{Point: nft.Output, Drop: true}}
	answers := s.endpoints.when(func(m *nft.Set, _ []nft.Field) []nft.Stmt {
		key := nft.Src4
		if m == s.endpoints.v6 {
			key = nft.Src6
		}
		return append(s.ofEndpoint(m, key), nft.Goto("answer"))
	})
	established := nft.R(nft.StateIn(nft.Established|nft.Related), nft.Accept)
	out.Rules = append(append(cutBy(s.zoneOut, nft.OIfGroup), answers...), established)
	if len(answers) == 0 {
		return []*nft.Chain{in, out}
	}
	endpoint := &nft.Chain{Name: "endpoint", Rules: border(s.aclOut)}
	endpoint.Rules = append(endpoint.Rules, nft.R(nft.VMap(stateMap, nft.CtState)), nft.R(nft.SetTo(nft.CtMark, nft.MarkOf(0))))
	if len(s.profOut.Elems) > 0 {
		endpoint.Rules = append(endpoint.Rules, nft.R(nft.VMap(s.profOut, nft.MarkHigh)))
	}
	endpoint.Rules = append(endpoint.Rules, nft.R(nft.Eq(nft.L4Proto, nft.Proto(tcp)), nft.Accept),
		nft.R(nft.Eq(nft.ICMPType, nft.Byte(8)), nft.Accept).Note("echo request"), l.refuse(netplan.StageEndpoint))
	answer := &nft.Chain{Name: "answer", Rules: append(border(s.aclIn), established)}
	return []*nft.Chain{endpoint, answer, in, out}
}

// ofEndpoint matches addresses in a family's set of endpoints that are nothing
// else: the range of the platform's services may hold a resolver, which answers
// DNS whatever the groups say, and the VPC's own block, with the router's address.
func (s *ruleSets) ofEndpoint(m *nft.Set, key nft.Field) []nft.Stmt {
	resolvers, local := s.resolvers.v4, s.local.v4
	if m == s.endpoints.v6 {
		resolvers, local = s.resolvers.v6, s.local.v6
	}
	out := []nft.Stmt{nft.In(m, key)}
	if s.namesInside && len(resolvers.Elems) > 0 {
		out = append(out, nft.NotIn(resolvers, key))
	}
	if s.blockInside && len(local.Elems) > 0 {
		out = append(out, nft.NotIn(local, key))
	}
	return out
}

// border leads to the ACL of the subnet on one side, that of the link there.
func border(acls *nft.Set) []nft.Rule {
	if len(acls.Elems) == 0 {
		return nil
	}
	return []nft.Rule{nft.R(nft.VMap(acls, acls.Key...))}
}

// forward is the path between interfaces: routes that lead nowhere, ACLs
// (before connection tracking: they are stateless), then what is tracked, then
// security groups of the sender and of the receiver.
func (l *lowerer) forward(s *ruleSets) *nft.Chain {
	var rules []nft.Rule
	add := func(rs ...nft.Rule) { rules = append(rules, rs...) }
	add(nft.R(nft.Eq(nft.OIfGroup, nft.Group(groupTrap)), nft.VMap(l.trapped(), nft.OIf)))
	add(cutBy(s.zoneOut, nft.OIfGroup)...)
	add(s.inward...)
	add(border(s.aclOut)...)
	add(border(s.aclIn)...)
	add(nft.R(nft.StateIn(nft.Established), nft.Accept))
	add(nft.R(nft.VMap(stateMap, nft.CtState)))
	add(nft.R(nft.TCPSyn(), nft.ClampMSS()))
	add(nft.R(nft.SetTo(nft.CtMark, nft.MarkOf(0))))
	if l.p.Gateway != nil { // whoever has the destination's address here does not get it
		add(nft.R(nft.Eq(nft.OIf, nft.If(uplinkIndex)), nft.Goto("outbound")))
	}
	add(s.eniDst.when(func(m *nft.Set, key []nft.Field) []nft.Stmt { return []nft.Stmt{nft.SetFrom(nft.CtMark, m, key...)} })...)
	if len(s.dstAny.Elems) > 0 { // what an interface takes for others passes its own groups, not theirs
		add(s.own.when(func(m *nft.Set, key []nft.Field) []nft.Stmt {
			return []nft.Stmt{nft.NotIn(m, key...), nft.SetFrom(nft.CtMark, s.dstAny, nft.OIf)}
		})...)
	}
	add(l.peerIdentity(s)...)
	if len(s.profOut.Elems) > 0 {
		add(nft.R(nft.VMap(s.profOut, nft.MarkHigh)), nft.R(nft.VMap(s.profIn, nft.CtMark)))
	}
	add(l.peerOut(s)...)
	if len(s.forwarders.Elems) > 0 {
		add(nft.R(nft.In(s.forwarders, nft.OIf), nft.Accept))
	}
	add(l.refuse(netplan.StageNoHost))
	return &nft.Chain{Name: "forward", Hook: &nft.Hook{Point: nft.Forward, Drop: true}, Rules: rules}
}

// trapped leads to the chains that say why a packet went into a trap.
func (l *lowerer) trapped() *nft.Set {
	m := &nft.Set{Key: []nft.Field{nft.OIf}, Verdicts: true}
	for _, t := range l.traps() {
		m.Elems = append(m.Elems, nft.K(nft.If(t.index)).Then(nft.Goto(t.name)))
	}
	return m
}

// traps are those that routes of this VPC may lead to.
func (l *lowerer) traps() []trap {
	if len(l.p.Transits) == 0 {
		return traps
	}
	return append(traps[:len(traps):len(traps)], trapNoPort)
}

// trapChains log and drop what is in the traps; without a route, addresses that a
// local route leads to are told from others.
func (l *lowerer) trapChains(s *ruleSets) (chains []*nft.Chain) {
	for _, t := range l.traps() {
		c := &nft.Chain{Name: t.name}
		if t == trapNoRoute {
			s.inside.each(func(m *nft.Set, _ []nft.Field) {
				if len(m.Elems) == 0 {
					return
				}
				f := nft.Dst4
				if m == s.inside.v6 {
					f = nft.Dst6
				}
				c.Rules = append(c.Rules, l.refuse(netplan.StageNoHost, nft.In(m, f)))
			})
		}
		c.Rules = append(c.Rules, l.refuse(t.stage))
		chains = append(chains, c)
	}
	return chains
}

// outbound is what the gateway carries: what the sender's groups allow, from
// addresses that are public or translated to public ones, to addresses that are
// not private.
func (l *lowerer) outbound(s *ruleSets) []*nft.Chain {
	if l.p.Gateway == nil {
		return nil
	}
	c := &nft.Chain{Name: "outbound"}
	if len(s.profOut.Elems) > 0 {
		c.Rules = append(c.Rules, nft.R(nft.VMap(s.profOut, nft.MarkHigh)))
	}
	c.Rules = append(c.Rules, s.private.in(l.drop(netplan.StagePrivateDest, "")...)...)
	if len(s.ports.Elems) > 0 { // nothing in another VPC has a public address here
		c.Rules = append(c.Rules, l.refuse(netplan.StageNoPublicIP, nft.In(s.ports, nft.IIf)))
	}
	mapped := &nft.Set{Name: "mapped", Key: []nft.Field{nft.Src4}}
	for _, a := range l.p.Gateway.Public {
		mapped.Elems = append(mapped.Elems, nft.K(nft.IP(a.Private)))
	}
	l.table.Sets = append(l.table.Sets, mapped)
	c.Rules = append(c.Rules, l.refuse(netplan.StageNoPublicIP, nft.NotIn(mapped, nft.Src4)))
	if l.has6 {
		c.Rules = append(c.Rules, l.refuse(netplan.StageNoPublicIP, nft.NotIn(s.open, nft.Src6)))
	}
	c.Rules = append(c.Rules, nft.R(nft.Accept))
	return []*nft.Chain{c}
}

// translate maps private to public addresses, one to one. A flow that a host
// forwards unchanged is already known, and translated no more: it must not get
// out with its private address.
func (l *lowerer) translate(s *ruleSets) []*nft.Chain {
	if l.p.Gateway == nil {
		return nil
	}
	in := &nft.Set{Name: "dnat", Key: []nft.Field{nft.Dst4}, Map: true, Data: nft.Dst4}
	out := &nft.Set{Name: "snat", Key: []nft.Field{nft.Src4}, Map: true, Data: nft.Src4}
	for _, a := range l.p.Gateway.Public {
		in.Elems = append(in.Elems, nft.K(nft.IP(a.Public)).To(nft.IP(a.Private)))
		out.Elems = append(out.Elems, nft.K(nft.IP(a.Private)).To(nft.IP(a.Public)))
	}
	l.table.Sets = append(l.table.Sets, in, out)
	return []*nft.Chain{
		{Name: "nat_in", Hook: &nft.Hook{NAT: true, Point: nft.Prerouting, Priority: prioDst}, Rules: []nft.Rule{
			nft.R(nft.Eq(nft.IIf, nft.If(uplinkIndex)), nft.DNATMap(in, nft.Dst4))}},
		{Name: "nat_out", Hook: &nft.Hook{NAT: true, Point: nft.Postrouting, Priority: prioSrc}, Rules: []nft.Rule{
			nft.R(nft.Eq(nft.OIf, nft.If(uplinkIndex)), nft.SNATMap(out, nft.Src4))}},
		{Name: "leaving", Hook: &nft.Hook{Point: nft.Postrouting, Priority: prioSrc + 10}, Rules: []nft.Rule{
			l.refuse(netplan.StageNoPublicIP, nft.Eq(nft.OIf, nft.If(uplinkIndex)), nft.NotIn(s.public, nft.Src4))}},
	}
}
