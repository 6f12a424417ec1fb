package dataplane

import (
	"slices"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// open is the set of IPv6 addresses that have the internet, if a rule allows it.
func (l *lowerer) open(s *ruleSets) *nft.Set {
	if !l.p.Gateway.ByRule {
		return s.local.v6
	}
	open := &nft.Set{Name: "open", Key: []nft.Field{nft.Src6}}
	for _, a := range l.p.Gateway.Open {
		open.Elems = append(open.Elems, nft.K(nft.IP(a.Addr)))
	}
	l.table.Sets = append(l.table.Sets, open)
	return open
}

// byRule refuses what an IPv6 gateway's rules do not let out of the VPC of flows that
// are known (new ones meet their groups before), and new flows inwards.
func (l *lowerer) byRule(s *ruleSets) []nft.Rule {
	if l.p.Gateway == nil || !l.p.Gateway.ByRule || !l.has6 {
		return nil
	}
	admitted := &nft.Set{Name: "admitted", Key: []nft.Field{nft.Dst6}}
	for _, a := range l.p.Gateway.Open {
		if !a.Outward {
			admitted.Elems = append(admitted.Elems, nft.K(nft.IP(a.Addr)))
		}
	}
	l.table.Sets = append(l.table.Sets, admitted)
	return []nft.Rule{
		l.refuse(netplan.StageNoPublicIP, nft.Eq(nft.OIf, nft.If(uplinkIndex)), nft.StateIn(nft.Established|nft.Related), nft.NotIn(s.open, nft.Src6)),
		l.refuse(netplan.StageEgressOnlyIn, nft.Eq(nft.IIf, nft.If(uplinkIndex)), nft.StateIn(nft.New), nft.NotIn(admitted, nft.Dst6)),
	}
}

// egressOnly refuses new flows inwards whose answers would leave through an
// egress-only gateway, by the route that the receiver's table has for the sender.
func (l *lowerer) egressOnly() []nft.Rule {
	if l.p.Gateway == nil || !l.has6 {
		return nil
	}
	fresh := []nft.Stmt{nft.Eq(nft.IIf, nft.If(uplinkIndex)), nft.StateIn(nft.New)}
	if l.p.Gateway.ID == "" && !l.p.Gateway.ByRule {
		return []nft.Rule{nft.R(append(append(fresh, nft.IsIPv6()), l.drop(netplan.StageEgressOnlyIn, "")...)...)}
	}
	chains := map[cloud.RouteTableID]string{}
	for i := range l.p.Tables {
		if c := l.egressChain(&l.p.Tables[i]); c != nil {
			chains[l.p.Tables[i].ID] = c.Name
			if !slices.ContainsFunc(l.table.Chains, func(o *nft.Chain) bool { return o.Name == c.Name }) { // tables may agree
				l.table.Chains = append(l.table.Chains, c)
			}
		}
	}
	p := newPair("egress_only", dst, verdicts)
	for _, sub := range l.p.Subnets {
		if name := chains[sub.Table]; name != "" && sub.CIDR6.IsValid() {
			p.v6.Elems = append(p.v6.Elems, nft.K(nft.Net(sub.CIDR6)).Then(nft.Jump(name)))
		}
	}
	return l.add(p).when(func(m *nft.Set, key []nft.Field) []nft.Stmt { return append(fresh, nft.VMap(m, key...)) })
}

// egressChain refuses senders that the table answers through an egress-only
// gateway; nil if there are none.
func (l *lowerer) egressChain(t *netplan.RouteTable) *nft.Chain {
	c := &nft.Chain{Name: "egress_only"}
	last := 0
	for _, r := range t.Routes { // longest prefix first
		if r.Dest.Addr().Is4() {
			continue
		}
		m := matchPrefix(src, r.Dest)
		if r.Hop != netplan.HopEgressOnly {
			c.Rules = append(c.Rules, nft.R(append(m, nft.Return)...))
			continue
		}
		c.Rules = append(c.Rules, nft.R(append(m, l.drop(netplan.StageEgressOnlyIn, "")...)...))
		last = len(c.Rules)
	}
	if c.Rules = c.Rules[:last]; last == 0 {
		return nil
	}
	return c.Sealed()
}
