package dataplane

import (
	"fmt"
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// acls makes a chain per subnet and direction, and the maps that lead there. A
// subnet whose ACL allows everything has none, unless something in it could
// send in circles.
func (l *lowerer) acls(s *ruleSets) {
	s.aclOut = &nft.Set{Name: "acl_out", Key: []nft.Field{nft.IIfGroup}, Verdicts: true}
	s.aclIn = &nft.Set{Name: "acl_in", Key: []nft.Field{nft.OIfGroup}, Verdicts: true}
	bounded(s.aclOut, 256, len(l.p.Subnets))
	bounded(s.aclIn, 256, len(l.p.Subnets))
	acls := map[cloud.NetworkACLID]*netplan.ACL{}
	for i := range l.p.ACLs {
		acls[l.p.ACLs[i].ID] = &l.p.ACLs[i]
	}
	looping := l.forwarding()
	for i := range l.p.Subnets {
		sub := &l.p.Subnets[i]
		a := acls[sub.ACL]
		if a == nil {
			a = &netplan.ACL{ID: sub.ACL} // closed
		}
		inside := nft.Return
		if looping[sub.ID] {
			inside = nft.Goto("inside")
		}
		l.subnetACL(sub, a, "out", netplan.StageACLOut, a.Out, dst, s, s.aclOut, inside)
		l.subnetACL(sub, a, "in", netplan.StageACLIn, a.In, src, s, s.aclIn, nft.Return)
	}
	if len(looping) > 0 {
		l.table.Chains = append(l.table.Chains, &nft.Chain{Name: "inside", Rules: []nft.Rule{l.refuse(netplan.StageLoop, nft.In(s.loops, nft.IIf, nft.OIf))}})
	}
}

// forwarding are the subnets with interfaces that forward: a packet may be
// routed back to one that sent it.
func (l *lowerer) forwarding() map[cloud.SubnetID]bool {
	out := map[cloud.SubnetID]bool{}
	for i := range l.p.ENIs {
		if e := &l.p.ENIs[i]; forwards(e) {
			out[e.Subnet] = true
		}
	}
	return out
}

// subnetACL lowers one direction of an ACL for one subnet; far is the other
// side's address. What stays inside the subnet meets no ACL.
func (l *lowerer) subnetACL(sub *netplan.Subnet, a *netplan.ACL, dir string, stage netplan.Stage, lines []netplan.ACLEntry, far [2]nft.Field, s *ruleSets, to *nft.Set, inside nft.Verdict) {
	open := allows(lines, any4) && (!l.has6 || allows(lines, any6))
	if open && inside == nft.Return {
		return
	}
	group := nft.Group(l.n.subnets[sub.ID])
	farLink := nft.OIfGroup
	if to.Key[0] == nft.OIfGroup {
		farLink = nft.IIfGroup
	}
	c := &nft.Chain{Name: "acl_" + dir + "_" + string(sub.ID)}
	stays := []nft.Stmt{nft.Eq(farLink, group), inside}
	if ports := l.ports(sub); len(ports.Elems) > 0 { // but what goes to a transit router meets it both ways
		stays = append([]nft.Stmt{nft.NotIn(ports, nft.OIf)}, stays...)
		if farLink == nft.OIfGroup {
			c.Rules = append(c.Rules, l.refuse(netplan.StageLoop, nft.In(ports, nft.OIf), nft.In(s.loops, nft.IIf, nft.OIf)))
		}
	}
	c.Rules = append(c.Rules, nft.R(stays...).Note("inside the subnet"))
	if !open {
		c.Rules = append(c.Rules, l.lines(a, dir, stage, lines, far)...)
	}
	c.Sealed()
	l.table.Chains = append(l.table.Chains, c)
	to.Elems = append(to.Elems, nft.K(group).Then(nft.Jump(c.Name)))
}

// ports are the subnet's links to transit routers.
func (l *lowerer) ports(sub *netplan.Subnet) *nft.Set {
	s := &nft.Set{Key: []nft.Field{nft.OIf}}
	for i := range l.p.ENIs {
		if e := &l.p.ENIs[i]; e.Subnet == sub.ID && e.Attach == netplan.AttachTransit {
			s.Elems = append(s.Elems, nft.K(nft.If(l.n.enis[e.ID])))
		}
	}
	return s
}

// lines lowers an ACL's lines, the first that matches decides.
func (l *lowerer) lines(a *netplan.ACL, dir string, stage netplan.Stage, lines []netplan.ACLEntry, far [2]nft.Field) (rules []nft.Rule) {
	for _, e := range lines {
		m := matchLine(far, e)
		if e.Action == cloud.Allow {
			rules = append(rules, nft.R(append(m, nft.Return)...).Note(fmt.Sprint(e.Number)))
			continue
		}
		rules = append(rules, nft.R(append(m, l.drop(stage, fmt.Sprintf("%s:%d", a.ID, e.Number), e.Source...)...)...))
	}
	return append(rules, nft.R(l.drop(stage, string(a.ID)+":*", cloud.Ref{Kind: cloud.KindNetworkACL, ID: string(a.ID), Part: dir + " *"})...))
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
