package dataplane

import (
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// bounded has a set that every packet is looked up in hold up to size elements,
// or twice as many, and so on, up to what it needs. Of another size it is another set.
func bounded(s *nft.Set, size, need int) {
	for size < need {
		size *= 2
	}
	s.Max, s.Name = size, fmt.Sprintf("%s_%d", s.Name, size)
}

// pair is a set per address family; rules are made for those that have elements.
type pair struct {
	v4, v6   *nft.Set
	f4, f6   nft.Field
	prefixed []nft.Field // what the key has before the address
}

// src and dst name the fields of an address in either family.
var (
	src = [2]nft.Field{nft.Src4, nft.Src6}
	dst = [2]nft.Field{nft.Dst4, nft.Dst6}
)

func newPair(name string, f [2]nft.Field, template nft.Set, before ...nft.Field) *pair {
	s4, s6 := template, template
	s4.Name, s4.Key = name, append(before[:len(before):len(before)], f[0])
	s6.Name, s6.Key = name+"6", append(before[:len(before):len(before)], f[1])
	return &pair{v4: &s4, v6: &s6, f4: f[0], f6: f[1], prefixed: before}
}

func (p *pair) of(a netip.Addr) *nft.Set {
	if a.Is6() {
		return p.v6
	}
	return p.v4
}

func (p *pair) nets(ps []netip.Prefix) *pair {
	for _, n := range ps {
		s := p.of(n.Addr())
		s.Elems = append(s.Elems, nft.K(nft.Net(n)))
	}
	return p
}

func (p *pair) addrs(as []netip.Addr) *pair {
	for _, a := range as {
		s := p.of(a)
		s.Elems = append(s.Elems, nft.K(nft.IP(a)))
	}
	return p
}

// each calls f for both families' sets, with the key's fields.
func (p *pair) each(f func(s *nft.Set, key []nft.Field)) {
	f(p.v4, append(p.prefixed[:len(p.prefixed):len(p.prefixed)], p.f4))
	f(p.v6, append(p.prefixed[:len(p.prefixed):len(p.prefixed)], p.f6))
}

// when makes a rule for each family that has elements.
func (p *pair) when(rule func(s *nft.Set, key []nft.Field) []nft.Stmt) (rules []nft.Rule) {
	p.each(func(s *nft.Set, key []nft.Field) {
		if len(s.Elems) > 0 {
			rules = append(rules, nft.R(rule(s, key)...))
		}
	})
	return rules
}

// in makes rules that match members.
func (p *pair) in(then ...nft.Stmt) []nft.Rule {
	return p.when(func(s *nft.Set, key []nft.Field) []nft.Stmt { return append([]nft.Stmt{nft.In(s, key...)}, then...) })
}

// add takes a pair's sets into the table, those with elements. A set of intervals is
// named for what it has; of those that have the same the table has one.
func (l *lowerer) add(p *pair) *pair {
	p.each(func(s *nft.Set, _ []nft.Field) {
		if len(s.Elems) == 0 {
			return
		}
		if s.Interval {
			s.Sealed()
			if l.sealed[s.Name] {
				return
			}
			l.sealed[s.Name] = true
		}
		l.table.Sets = append(l.table.Sets, s)
	})
	return p
}

// insides are the destinations to which local routes lead: of most VPCs, all of its blocks.
func (l *lowerer) insides(local *pair) *pair {
	seen := map[netip.Prefix]bool{}
	var to []netip.Prefix
	for _, t := range l.p.Tables {
		for _, r := range t.Routes {
			if r.Hop == netplan.HopLocal && !seen[r.Dest] {
				seen[r.Dest] = true
				to = append(to, r.Dest)
			}
		}
	}
	if !slices.ContainsFunc(l.p.CIDRs, func(c netip.Prefix) bool { return !seen[c] }) {
		return local
	}
	return l.add(newPair("inside", dst, interval).nets(outermost(to)))
}

var (
	plain    = nft.Set{}
	interval = nft.Set{Interval: true}
	verdicts = nft.Set{Interval: true, Verdicts: true}
	marks    = nft.Set{Map: true, Data: nft.Mark}
	ctMarks  = nft.Set{Map: true, Data: nft.CtMark}
)
