package dataplane

import (
	"cmp"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// profiles makes each profile's chains and sets and the maps that lead there.
func (l *lowerer) profiles(s *ruleSets) {
	s.profOut = &nft.Set{Name: "prof_out", Key: []nft.Field{nft.MarkHigh}, Verdicts: true}
	s.profIn = &nft.Set{Name: "prof_in", Key: []nft.Field{nft.CtMark}, Verdicts: true}
	byKey := map[netplan.ProfileKey]*netplan.Profile{}
	for i := range l.p.Profiles {
		byKey[l.p.Profiles[i].Key] = &l.p.Profiles[i]
	}
	uses := make([]profileUse, 0, len(l.n.profiles))
	for u := range l.n.profiles {
		if !l.foreign[u.key] {
			uses = append(uses, u)
		}
	}
	slices.SortFunc(uses, func(a, b profileUse) int { return cmp.Compare(l.n.profiles[a], l.n.profiles[b]) })
	done := map[netplan.ProfileKey][2]string{}
	for _, u := range uses {
		chains, ok := done[u.key]
		if !ok {
			p := byKey[u.key]
			if p == nil {
				p = &netplan.Profile{Key: u.key} // closed
			}
			name := profileName(l.n.profiles[u])
			out := l.profileChain(name, "out", netplan.StageGroupOut, p, p.Out, dst, nft.CtMark, nft.Return)
			in := l.profileChain(name, "in", netplan.StageGroupIn, p, p.In, src, nft.MarkHigh, nft.Accept)
			chains = [2]string{out, in}
			done[u.key] = chains
		}
		mark := nft.MarkOf(uint32(l.n.profiles[u]) << 16)
		s.profOut.Elems = append(s.profOut.Elems, nft.K(mark).Then(nft.Jump(chains[0])))
		s.profIn.Elems = append(s.profIn.Elems, nft.K(mark).Then(nft.Goto(chains[1])))
	}
}

// profileChain lowers one direction of a profile: far is the other side's
// address, peer the mark with its profile, pass what an allowed packet does.
func (l *lowerer) profileChain(name, dir string, stage netplan.Stage, p *netplan.Profile, rules []netplan.Rule, far [2]nft.Field, peer nft.Field, pass nft.Verdict) string {
	c := &nft.Chain{Name: "sg_" + dir + "_" + name}
	if slices.ContainsFunc(rules, func(r netplan.Rule) bool { return r.Action != cloud.Allow }) {
		c.Rules = l.ordered(stage, name, rules, far, peer, pass)
	} else {
		c.Rules = l.permissions(c.Name, rules, far, peer, pass)
	}
	var groups []cloud.Ref
	for _, g := range p.Groups {
		groups = append(groups, cloud.Ref{Kind: cloud.KindSecurityGroup, ID: string(g)})
	}
	c.Rules = append(c.Rules, nft.R(l.drop(stage, name, groups...)...))
	l.table.Chains = append(l.table.Chains, c.Sealed())
	return c.Name
}

// ordered lowers rules of which some refuse: one by one, the first that matches decides.
func (l *lowerer) ordered(stage netplan.Stage, name string, rules []netplan.Rule, far [2]nft.Field, peer nft.Field, pass nft.Verdict) (out []nft.Rule) {
	for _, r := range rules {
		var m []nft.Stmt
		if r.Prefix.IsValid() {
			m = matchPrefix(far, r.Prefix)
		} else {
			peers := &nft.Set{Key: []nft.Field{peer}}
			for _, k := range l.peers(r) {
				peers.Elems = append(peers.Elems, nft.K(nft.MarkOf(k)))
			}
			if len(peers.Elems) == 0 {
				continue
			}
			m = []nft.Stmt{nft.In(peers, peer)}
		}
		m = matchRule(m, r.Protocol, r.From, r.To)
		if r.Action == cloud.Allow {
			out = append(out, nft.R(append(m, pass)...))
		} else {
			detail := name
			if len(r.Source) > 0 {
				detail += ":" + r.Source[0].String()
			}
			out = append(out, nft.R(append(m, l.drop(stage, detail, r.Source...)...)...))
		}
	}
	return out
}

// peers lists the marks of a rule's peers that have interfaces.
func (l *lowerer) peers(r netplan.Rule) (marks []uint32) {
	for _, k := range r.Peers {
		if n, ok := l.n.profiles[profileUse{k, false}]; ok {
			marks = append(marks, uint32(n)<<16)
		}
	}
	return marks
}

// span is a closed range of ports, of ICMP types with codes, or of protocols.
type span struct{ lo, hi int }

// block is the ground a permission covers in one set: a far side and a protocol
// (or, in the sets of whole protocols, every protocol).
type block struct {
	prefix   netip.Prefix // or
	mark     uint32
	protocol int
}

// permissions lowers rules that only allow into sets: per kind of far side
// (IPv4, IPv6, profile), one of whole protocols, one with ports, one with ICMP
// types. Elements of a set must not overlap.
func (l *lowerer) permissions(name string, rules []netplan.Rule, far [2]nft.Field, peer nft.Field, pass nft.Verdict) (out []nft.Rule) {
	kinds := []struct {
		suffix string
		field  nft.Field // behind the protocol; L4Proto if the protocol is all
	}{{"any", nft.L4Proto}, {"port", nft.DstPort}, {"icmp", nft.ICMPTypeCode}}
	spans := map[nft.Field]map[block][]span{}
	for _, k := range kinds {
		spans[k.field] = map[block][]span{}
	}
	for _, r := range rules {
		field, protocol, s := extent(r)
		if r.Prefix.IsValid() {
			b := block{prefix: r.Prefix.Masked(), protocol: protocol}
			spans[field][b] = append(spans[field][b], s)
		}
		for _, m := range l.peers(r) {
			b := block{mark: m, protocol: protocol}
			spans[field][b] = append(spans[field][b], s)
		}
	}
	sides := []struct {
		suffix string
		field  nft.Field
	}{{"4", far[0]}, {"6", far[1]}, {"sg", peer}}
	for _, k := range kinds {
		elems := disjoint(spans[k.field])
		for i, side := range sides {
			set := &nft.Set{Name: name + "_" + k.suffix + side.suffix, Key: []nft.Field{side.field, nft.L4Proto}, Interval: true}
			if k.field != nft.L4Proto {
				set.Key = append(set.Key, k.field)
			}
			for _, e := range elems {
				if e.side() == i {
					set.Elems = append(set.Elems, e.elem(k.field))
				}
			}
			if len(set.Elems) > 0 {
				l.table.Sets = append(l.table.Sets, set.Sealed())
				out = append(out, nft.R(nft.In(set, set.Key...), pass))
			}
		}
	}
	return out
}

// extent says which set a rule goes to and what of it it covers.
func extent(r netplan.Rule) (field nft.Field, protocol int, s span) {
	switch r.Protocol {
	case tcp, udp:
		lo, hi := portRange(r.From, r.To)
		return nft.DstPort, r.Protocol, span{int(lo), int(hi)}
	case icmp, icmp6:
		lo, hi := typeRange(r.From, r.To)
		return nft.ICMPTypeCode, r.Protocol, span{int(lo), int(hi)}
	case -1:
		return nft.L4Proto, -1, span{0, 255}
	}
	return nft.L4Proto, -1, span{r.Protocol, r.Protocol}
}

// piece is one element: a block with one span.
type piece struct {
	block
	span
}

func (p piece) side() int {
	switch {
	case !p.prefix.IsValid():
		return 2
	case p.prefix.Addr().Is6():
		return 1
	}
	return 0
}

func (p piece) elem(field nft.Field) nft.Elem {
	far := nft.MarkOf(p.mark)
	if p.prefix.IsValid() {
		far = nft.Net(p.prefix)
	}
	if field == nft.L4Proto {
		return nft.K(far, nft.Protos(uint8(p.lo), uint8(p.hi)))
	}
	return nft.K(far, nft.Proto(uint8(p.protocol)), nft.Ports(uint16(p.lo), uint16(p.hi)))
}

// disjoint gives pieces that do not overlap and cover what the blocks cover.
// Prefixes nest or are apart, so it is enough to merge each block's spans and to
// take away what wider prefixes have.
func disjoint(blocks map[block][]span) (out []piece) {
	for b, own := range blocks {
		var wider []span
		for n := 0; b.prefix.IsValid() && n < b.prefix.Bits(); n++ {
			w := b
			w.prefix = netip.PrefixFrom(b.prefix.Addr(), n).Masked()
			wider = append(wider, blocks[w]...)
		}
		for _, s := range subtract(merge(own), merge(wider)) {
			out = append(out, piece{b, s})
		}
	}
	slices.SortFunc(out, func(a, b piece) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()),
			cmp.Compare(a.mark, b.mark), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.lo, b.lo))
	})
	return out
}

// merge sorts spans and joins those that overlap or touch.
func merge(in []span) (out []span) {
	in = slices.Clone(in)
	slices.SortFunc(in, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	for _, s := range in {
		if n := len(out); n > 0 && s.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, s.hi)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// subtract takes merged spans away from merged spans.
func subtract(from, away []span) (out []span) {
	for _, s := range from {
		for _, a := range away {
			if a.hi < s.lo || a.lo > s.hi {
				continue
			}
			if a.lo > s.lo {
				out = append(out, span{s.lo, a.lo - 1})
			}
			s.lo = a.hi + 1
		}
		if s.lo <= s.hi {
			out = append(out, s)
		}
	}
	return out
}
