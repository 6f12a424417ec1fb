package dataplane

import (
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// A port of a transit router is a link from its VPC's router to the hub, where
// it has a table of its own. The VPC at the other end fills that table with
// routes to its own ports; this one puts a lower entry below each, so that what
// leads to a VPC that is not there goes nowhere, and no shorter prefix takes it.
// What the transit router drops does not get that far: the sender's router knows
// the transit router's tables, drops it and says why.

// trapNoPort takes what is routed to a transit router from a zone without a port.
var trapNoPort = trap{"noport", 19, netplan.StageTransitZone}

const fallback = 1 << 16 // metric below any other route's

// portLink is the hub's end of a port.
func (l *lowerer) portLink(id cloud.InterfaceID) string {
	return fmt.Sprintf("v%dt%d", l.n.VPC, l.n.enis[id])
}

// transits adds what the hub has for the ports.
func (l *lowerer) transits() {
	hub := &l.out.Hub
	for _, t := range l.p.Transits {
		for _, p := range t.Ports {
			e := l.p.ENI(p.ENI)
			if e == nil {
				continue
			}
			link, table := l.portLink(p.ENI), l.n.hub.port(p.ENI)
			hub.Neighs = append(hub.Neighs, Neigh{link, gateway4, gatewayMAC}, Neigh{link, gateway6, gatewayMAC})
			hub.Rules = append(hub.Rules, PolicyRule{Priority: 100, From: link, Table: table})
			for _, r := range t.Routes {
				if r.VPC != "" {
					hub.Routes = append(hub.Routes, Route{Table: table, Dest: r.Dest, Kind: Discard, Metric: fallback})
				}
			}
			for _, in := range p.In {
				for _, d := range in.Dests {
					hub.Routes = append(hub.Routes, Route{Table: l.n.hub.port(in.ENI), Dest: d, Kind: Unicast, Link: link, Via: gatewayFor(d)})
				}
			}
		}
	}
	if len(l.p.Transits) > 0 {
		l.router.Links = append(l.router.Links, trapNoPort.link())
	}
}

func gatewayFor(d netip.Prefix) netip.Addr {
	if d.Addr().Is6() {
		return gateway6
	}
	return gateway4
}

// toPort lowers a route to a transit router for packets from a zone.
func (l *lowerer) toPort(r netplan.Route, zone string) Route {
	t := l.p.Transit(cloud.TransitRouterID(r.Target))
	if t == nil {
		return Route{Kind: Unicast, Link: trapBlackhole.name}
	}
	if p := t.Port(zone); p != nil {
		if e := l.p.ENI(p.ENI); e != nil {
			for _, a := range e.Addrs {
				if a.Is4() == r.Dest.Addr().Is4() {
					return Route{Kind: Unicast, Link: eniNS(l.n.enis[e.ID]), Via: a}
				}
			}
		}
	}
	return Route{Kind: Unicast, Link: trapNoPort.name}
}

// portRules drop what the transit routers would, whether a flow is known or not.
func (l *lowerer) portRules(s *ruleSets) (chains []*nft.Chain) {
	out := &nft.Set{Name: "transit_out", Key: []nft.Field{nft.OIf}, Verdicts: true}
	own := newPair("transit_own", dst, plain, nft.OIf)
	for i := range l.p.Transits {
		t := &l.p.Transits[i]
		c := l.transitChain(t, s)
		chains = append(chains, c)
		for _, p := range t.Ports {
			e := l.p.ENI(p.ENI)
			if e == nil {
				continue
			}
			n := l.n.enis[p.ENI]
			out.Elems = append(out.Elems, nft.K(nft.If(n)).Then(nft.Goto(c.Name)))
			for _, a := range e.Addrs {
				s := own.of(a)
				s.Elems = append(s.Elems, nft.K(nft.If(n), nft.IP(a)))
			}
		}
	}
	if len(out.Elems) == 0 {
		return nil
	}
	l.add(own)
	l.table.Sets = append(l.table.Sets, out)
	leaving := &nft.Chain{Name: "transit", Hook: &nft.Hook{Point: nft.Postrouting, Priority: prioSrc + 10}}
	leaving.Rules = append(own.in(l.drop(netplan.StageUnsolicited, "")...), nft.R(nft.VMap(out, nft.OIf)))
	return append(chains, leaving)
}

// transitChain is a transit router's decision on what comes from one attachment.
// What answers for a public address does not get there: only the internet gateway
// would give it that address, and who asked does not know the private one.
func (l *lowerer) transitChain(t *netplan.Transit, s *ruleSets) *nft.Chain {
	c := &nft.Chain{Name: "transit_" + string(t.ID)}
	if s.public != nil && len(s.public.Elems) > 0 {
		c.Rules = []nft.Rule{l.refuse(netplan.StageAsymmetric, nft.In(s.public, nft.Src4))}
	}
	if t.Table == "" {
		c.Rules = append(c.Rules, nft.R(l.drop(netplan.StageTransitNoTable, string(t.ID), t.Source...)...))
		return c.Sealed()
	}
	for _, v4 := range []bool{true, false} {
		c.Rules = append(c.Rules, l.transitRoutes(t, v4)...)
	}
	table := cloud.Ref{Kind: cloud.KindTransitTable, ID: string(t.Table)}
	c.Rules = append(c.Rules, nft.R(l.drop(netplan.StageTransitNoRoute, string(t.Table), table)...))
	return c.Sealed()
}

// transitRoutes are one family's routes, longest prefix first. Routes in a row
// that are all taken are one set.
func (l *lowerer) transitRoutes(t *netplan.Transit, v4 bool) (rules []nft.Rule) {
	var taken []netip.Prefix
	flush := func() {
		if len(taken) > 0 {
			s := l.add(newPair("transit_to", dst, interval).nets(outermost(taken)))
			rules = append(rules, s.in(nft.Accept)...)
			taken = nil
		}
	}
	for _, r := range t.Routes {
		switch {
		case r.Dest.Addr().Is4() != v4:
		case r.VPC != "":
			taken = append(taken, r.Dest)
		default:
			flush()
			detail := r.Source[0].String()
			rules = append(rules, nft.R(append(matchPrefix(dst, r.Dest), l.drop(r.Stage, detail, r.Source...)...)...))
		}
	}
	flush()
	return rules
}

// tableUse is a route table as packets from a zone see it. Zones matter where
// the table leads to a transit router; elsewhere zone is "".
type tableUse struct {
	table cloud.RouteTableID
	zone  string
}

func useOf(p *netplan.Plan, s *netplan.Subnet) tableUse {
	return useOfTable(p, s, s.Table)
}

// useOfTable is the use of a table by a subnet.
func useOfTable(p *netplan.Plan, s *netplan.Subnet, table cloud.RouteTableID) tableUse {
	u := tableUse{table: table}
	if t := u.of(p); t != nil && toTransit(t) {
		u.zone = s.Zone
	}
	return u
}

func toTransit(t *netplan.RouteTable) bool {
	return slices.ContainsFunc(t.Routes, func(r netplan.Route) bool { return r.Hop == netplan.HopTransit })
}

func (u tableUse) of(p *netplan.Plan) *netplan.RouteTable {
	for i := range p.Tables {
		if p.Tables[i].ID == u.table {
			return &p.Tables[i]
		}
	}
	return nil
}

// tableUses lists the plan's tables, once for each zone where that matters.
func tableUses(p *netplan.Plan) (uses []tableUse) {
	for i := range p.Tables {
		t := &p.Tables[i]
		if !toTransit(t) {
			uses = append(uses, tableUse{table: t.ID})
			continue
		}
		for _, s := range p.Subnets {
			if u := (tableUse{t.ID, s.Zone}); (s.Table == t.ID || s.Direct == t.ID) && !slices.Contains(uses, u) {
				uses = append(uses, u)
			}
		}
	}
	return uses
}

// beyond are the VPCs that transit routers may lead to from here, and from which
// they lead here.
func beyond(p *netplan.Plan) (ids []cloud.VPCID) {
	add := func(id cloud.VPCID) {
		if id != "" && id != p.VPC && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, t := range p.Transits {
		for _, r := range t.Routes {
			add(r.VPC)
		}
		for _, port := range t.Ports {
			for _, in := range port.In {
				add(in.VPC)
			}
		}
	}
	return ids
}

// sender is the interface in another VPC that has an address, from which a port
// of the transit router may have got a packet, or to which it was to send it. m.mu is held.
func (m *Manager) sender(s *vpcState, link int, a netip.Addr) []cloud.InterfaceID {
	e := s.plan.ENI(s.network.ENIs[link])
	if e == nil || e.Attach != netplan.AttachTransit {
		return nil
	}
	for _, id := range beyond(s.plan) {
		if far := m.vpcs[id]; far != nil && far.plan != nil {
			if id := far.holder(a); id != "" {
				return []cloud.InterfaceID{id}
			}
		}
	}
	return nil
}
