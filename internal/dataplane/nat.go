package dataplane

import (
	"net/netip"
	"slices"

	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// natTable translates whatever is routed to a NAT gateway to its addresses.
func natTable(e *netplan.ENI) *nft.Table {
	id := string(e.ID)
	t := &nft.Table{Name: natTableName, Sets: []*nft.Set{natMeter}, Chains: []*nft.Chain{
		{Name: "forward", Hook: &nft.Hook{Point: nft.Forward, Drop: true}, Rules: natForward(e)},
		{Name: "input", Hook: &nft.Hook{Point: nft.Input, Drop: true}, Rules: []nft.Rule{
			nft.R(nft.StateIn(nft.Related), nft.Accept),
			nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop),
			nft.R(drop(netplan.StageUnsolicited, id)...),
		}},
		{Name: "translate", Hook: &nft.Hook{NAT: true, Point: nft.Postrouting, Priority: prioSrc}, Rules: natSources(e)},
		meterChain(),
	}}
	t.Chains = append(t.Chains, natForwards(e)...)
	return t
}

// forwarded is the mark of flows that a gateway sends on to a host.
var forwarded = nft.MarkOf(1)

// natForwards marks what a gateway sends on, and gives it the host's address.
func natForwards(e *netplan.ENI) []*nft.Chain {
	if len(e.Forwards) == 0 {
		return nil
	}
	mark := &nft.Chain{Name: "forwarded", Hook: &nft.Hook{Point: nft.Prerouting, Priority: prioPre}}
	to := &nft.Chain{Name: "forwards", Hook: &nft.Hook{NAT: true, Point: nft.Prerouting, Priority: prioDst}}
	for _, f := range e.Forwards {
		what := []nft.Stmt{nft.Eq(nft.Dst4, nft.IP(f.Addr))}
		if f.Protocol >= 0 {
			what = append(what, nft.Eq(nft.L4Proto, nft.Proto(uint8(f.Protocol))), nft.Eq(nft.DstPort, nft.Ports(uint16(f.From), uint16(f.To))))
		}
		mark.Rules = append(mark.Rules, nft.R(append(slices.Clip(what), nft.StateIn(nft.New), nft.SetTo(nft.CtMark, forwarded))...))
		to.Rules = append(to.Rules, nft.R(append(slices.Clip(what), sendOn(f))...))
	}
	return []*nft.Chain{mark, to}
}

// sendOn gives a packet the host's address, and another port if it is to have one.
func sendOn(f netplan.Forward) nft.Stmt {
	switch {
	case f.Protocol < 0 || f.From == f.Port:
		return nft.DNAT(f.Host, 0)
	case f.From == f.To:
		return nft.DNAT(f.Host, uint16(f.Port))
	}
	m := &nft.Set{Key: []nft.Field{nft.DstPort}, Map: true, Data: nft.DstPort}
	for p := f.From; p <= f.To; p++ {
		m.Elems = append(m.Elems, nft.K(nft.Port(uint16(p))).To(nft.Port(uint16(f.Port+p-f.From))))
	}
	return nft.DNATPorts(f.Host, m)
}

// selves are hosts that would get packets of their own, which no system takes.
func selves(e *netplan.ENI) *nft.Set {
	s := &nft.Set{Key: []nft.Field{nft.Src4, nft.Dst4}}
	seen := map[netip.Addr]bool{}
	for _, f := range e.Forwards {
		for _, a := range f.Own {
			if !seen[f.Host] {
				s.Elems = append(s.Elems, nft.K(nft.IP(a), nft.IP(f.Host)))
			}
		}
		seen[f.Host] = true
	}
	return s
}

// natForward lets through what a gateway translates.
func natForward(e *netplan.ENI) (rules []nft.Rule) {
	known := protos(tcp, udp, icmp)
	if e.NAT64 {
		known = protos(tcp, udp, icmp, icmp6)
		rules = append(rules, nft.R(nft.TCPSyn(), nft.ClampMSS()))
	}
	rules = append(rules, goesOn)
	if own := selves(e); len(own.Elems) > 0 {
		rules = append(rules, nft.R(append([]nft.Stmt{nft.In(own, nft.Src4, nft.Dst4)}, drop(netplan.StageLoop, string(e.ID))...)...))
	}
	if len(e.Forwards) > 0 {
		rules = append(rules, nft.R(nft.Eq(nft.CtMark, forwarded), nft.Accept))
	}
	rules = append(rules,
		nft.R(append([]nft.Stmt{nft.NotIn(known, nft.L4Proto)}, drop(netplan.StageNATProtocol, string(e.ID))...)...),
		nft.R(nft.VMap(stateMap, nft.CtState)))
	if e.Selective {
		for i := range e.Translates {
			rules = append(rules, nft.R(nft.In(sourceSet(e, i), nft.Src4), nft.Accept))
		}
		return append(rules, nft.R(drop(netplan.StageNATSource, string(e.ID))...))
	}
	rules = append(rules, nft.R(nft.IsIPv4(), nft.Accept))
	return append(rules, nat64Rules(e)...)
}

// sourceSet has the source of one of the gateway's translations.
func sourceSet(e *netplan.ENI, i int) *nft.Set {
	return (&nft.Set{Key: []nft.Field{nft.Src4}, Interval: true, Elems: []nft.Elem{nft.K(nft.Net(e.Translates[i].Source))}})
}

// natSources gives each new flow one of the gateway's addresses at random, and a
// port from 1024 up: as many flows to one destination as there are addresses
// times ports. https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
func natSources(e *netplan.ENI) (rules []nft.Rule) {
	share := func(addrs []netip.Addr, lo, hi uint16, matches ...nft.Stmt) {
		for k, a := range addrs {
			m := slices.Clone(matches)
			if left := len(addrs) - k; left > 1 {
				m = append(m, nft.OneIn(left))
			}
			rules = append(rules, nft.R(append(m, nft.SNAT(a, lo, hi))...))
		}
	}
	if e.Selective {
		if len(e.Forwards) > 0 { // they keep their source
			rules = append(rules, nft.R(nft.Eq(nft.CtMark, forwarded), nft.Accept))
		}
		for i, t := range e.Translates {
			from := nft.In(sourceSet(e, i), nft.Src4)
			share(t.Addrs, 1024, 65535, nft.In(protos(tcp, udp), nft.L4Proto), from)
			share(t.Addrs, 0, 0, from)
		}
		return rules
	}
	share(e.Translated(), 1024, 65535, nft.In(protos(tcp, udp), nft.L4Proto))
	share(e.Translated(), 0, 0)
	return rules
}
