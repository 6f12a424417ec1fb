package dataplane

import (
	"fmt"
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// acls makes a chain per subnet and direction, and the maps that lead there. A
// subnet whose ACL allows everything has none.
func (l *lowerer) acls(s *ruleSets) {
	s.aclOut, s.aclIn = newPair("acl_out", src, verdicts), newPair("acl_in", dst, verdicts)
	s.aclOutIf = &nft.Set{Name: "acl_out_if", Key: []nft.Field{nft.IIf}, Verdicts: true}
	s.aclInIf = &nft.Set{Name: "acl_in_if", Key: []nft.Field{nft.OIf}, Verdicts: true}
	acls := map[cloud.NetworkACLID]*netplan.ACL{}
	for i := range l.p.ACLs {
		acls[l.p.ACLs[i].ID] = &l.p.ACLs[i]
	}
	for i := range l.p.Subnets {
		sub := &l.p.Subnets[i]
		a := acls[sub.ACL]
		if a == nil {
			a = &netplan.ACL{ID: sub.ACL} // closed
		}
		l.subnetACL(sub, a, "out", netplan.StageACLOut, a.Out, dst, s, s.aclOut, s.aclOutIf)
		l.subnetACL(sub, a, "in", netplan.StageACLIn, a.In, src, s, s.aclIn, s.aclInIf)
	}
	l.add(s.aclOut)
	l.add(s.aclIn)
}

// subnetACL lowers one direction of an ACL for one subnet; far is the other side's address.
func (l *lowerer) subnetACL(sub *netplan.Subnet, a *netplan.ACL, dir string, stage netplan.Stage, lines []netplan.ACLEntry, far [2]nft.Field, s *ruleSets, byAddr *pair, byLink *nft.Set) {
	if allows(lines, any4) && (!l.has6 || allows(lines, any6)) {
		return
	}
	c := &nft.Chain{Name: "acl_" + dir + "_" + string(sub.ID)}
	inside := l.forwarders(sub)
	farLink := nft.OIf
	if far == src {
		farLink = nft.IIf
	}
	if len(inside.Elems) > 0 {
		c.Rules = append(c.Rules, nft.R(nft.In(inside, farLink), nft.Return).Note("inside the subnet"))
	}
	var cidrs []netip.Prefix
	for _, p := range []netip.Prefix{sub.CIDR4, sub.CIDR6} {
		if !p.IsValid() {
			continue
		}
		cidrs = append(cidrs, p.Masked())
		m := []nft.Stmt{nft.Eq(family(far, p), nft.Net(p)), nft.Return}
		if len(s.fwd.Elems) > 0 { // what forwards is where its link is
			m = append([]nft.Stmt{nft.NotIn(s.fwd, farLink)}, m...)
		}
		c.Rules = append(c.Rules, nft.R(m...).Note("inside the subnet"))
	}
	for _, e := range lines {
		m := matchLine(far, e)
		if e.Action == cloud.Allow {
			c.Rules = append(c.Rules, nft.R(append(m, nft.Return)...).Note(fmt.Sprint(e.Number)))
			continue
		}
		c.Rules = append(c.Rules, nft.R(append(m, l.drop(stage, fmt.Sprintf("%s:%d", a.ID, e.Number), e.Source...)...)...))
	}
	c.Rules = append(c.Rules, nft.R(l.drop(stage, string(a.ID)+":*", cloud.Ref{Kind: cloud.KindNetworkACL, ID: string(a.ID), Part: dir + " *"})...))
	c.Sealed()
	l.table.Chains = append(l.table.Chains, c)
	for _, p := range cidrs {
		set := byAddr.of(p.Addr())
		set.Elems = append(set.Elems, nft.K(nft.Net(p)).Then(nft.Jump(c.Name)))
	}
	for _, e := range inside.Elems {
		byLink.Elems = append(byLink.Elems, e.Then(nft.Jump(c.Name)))
	}
}

// forwarders is the set of links in the subnet that forward.
func (l *lowerer) forwarders(sub *netplan.Subnet) *nft.Set {
	s := &nft.Set{Key: []nft.Field{nft.OIf}}
	for i := range l.p.ENIs {
		if e := &l.p.ENIs[i]; e.Subnet == sub.ID && forwards(e) {
			s.Elems = append(s.Elems, nft.K(nft.If(l.n.enis[e.ID])))
		}
	}
	return s
}

func family(f [2]nft.Field, p netip.Prefix) nft.Field {
	if p.Addr().Is6() {
		return f[1]
	}
	return f[0]
}

// allows reports whether the lines let the whole family pass.
func allows(lines []netplan.ACLEntry, all netip.Prefix) bool {
	for _, e := range lines {
		if e.Prefix.Addr().Is6() != all.Addr().Is6() {
			continue
		}
		return e.Action == cloud.Allow && e.Protocol == -1 && e.Prefix.Bits() == 0
	}
	return false
}

// matchLine lowers an ACL line's conditions.
func matchLine(far [2]nft.Field, e netplan.ACLEntry) []nft.Stmt {
	if e.Protocol == icmp || e.Protocol == icmp6 {
		return matchRule(matchPrefix(far, e.Prefix), e.Protocol, e.ICMPType, e.ICMPCode)
	}
	return matchRule(matchPrefix(far, e.Prefix), e.Protocol, e.From, e.To)
}

func matchPrefix(far [2]nft.Field, p netip.Prefix) []nft.Stmt {
	switch {
	case p.Bits() > 0:
		return []nft.Stmt{nft.Eq(family(far, p), nft.Net(p))}
	case p.Addr().Is6():
		return []nft.Stmt{nft.IsIPv6()}
	}
	return []nft.Stmt{nft.IsIPv4()}
}

// matchRule adds protocol and ports (or ICMP type and code) to a match.
func matchRule(m []nft.Stmt, protocol, from, to int) []nft.Stmt {
	if protocol < 0 {
		return m
	}
	m = append(m, nft.Eq(nft.L4Proto, nft.Proto(uint8(protocol))))
	switch protocol {
	case tcp, udp:
		if lo, hi := portRange(from, to); lo > 0 || hi < 65535 {
			m = append(m, nft.Eq(nft.DstPort, nft.Ports(lo, hi)))
		}
	case icmp, icmp6:
		if lo, hi := typeRange(from, to); lo > 0 || hi < 65535 {
			m = append(m, nft.Eq(nft.ICMPTypeCode, nft.Ports(lo, hi)))
		}
	}
	return m
}

// portRange gives the ports of a rule; -1 is any.
func portRange(from, to int) (lo, hi uint16) {
	if from < 0 || to < 0 {
		return 0, 65535
	}
	return uint16(from), uint16(to)
}

// typeRange gives an ICMP type and code as a range of type<<8|code; -1 is any.
func typeRange(typ, code int) (lo, hi uint16) {
	switch {
	case typ < 0:
		return 0, 65535
	case code < 0:
		return uint16(typ) << 8, uint16(typ)<<8 | 255
	}
	return uint16(typ)<<8 | uint16(code), uint16(typ)<<8 | uint16(code)
}
