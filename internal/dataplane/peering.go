package dataplane

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Hub is the namespace between VPCs. Each end of a peering connection is a link
// from its VPC's router to here, and a table of its own that leads to it; what
// comes in by one end looks into the other end's table alone. So either end
// comes and goes without the other, and VPCs with the same addresses do not meet.
const Hub = "hub"

// HubSysctls are the hub's settings. It filters nothing: the routers do.
var HubSysctls = append(slices.Clip(forwardSysctls), acceptLocal)

// trapNoPeer takes what is routed to a VPC that has no interfaces.
var trapNoPeer = trap{"nopeer", 14, netplan.StageNoHost}

func peerLink(number int) string { return "p" + strconv.Itoa(number) }

// peerings adds the links to the hub, and what the hub has for them.
func (l *lowerer) peerings() {
	r, hub := &l.router, &l.out.Hub
	absent := false
	l.foreign = map[netplan.ProfileKey]bool{}
	for _, p := range l.p.Peers {
		for _, h := range p.Hosts {
			l.foreign[h.Profile] = true
		}
		if !p.Up {
			absent = true
			continue
		}
		n := l.n.peers[p.ID]
		link, far := peerLink(n), fmt.Sprintf("v%dp%d", l.n.VPC, n)
		l.out.peers[n] = p.ID
		r.Links = append(r.Links, Link{Name: link, Index: n, MAC: gatewayMAC, Group: groupOutside, PeerNS: Hub, Peer: far, PeerMAC: farMAC})
		r.Neighs = append(r.Neighs, Neigh{link, gateway4, farMAC}, Neigh{link, gateway6, farMAC})
		hub.Neighs = append(hub.Neighs, Neigh{far, gateway4, gatewayMAC}, Neigh{far, gateway6, gatewayMAC})
		here, there := l.n.hub.table(p.ID, p.Requester), l.n.hub.table(p.ID, !p.Requester)
		hub.Routes = append(hub.Routes,
			Route{Table: here, Dest: any4, Kind: Unicast, Link: far, Via: gateway4},
			Route{Table: here, Dest: any6, Kind: Unicast, Link: far, Via: gateway6})
		hub.Rules = append(hub.Rules, PolicyRule{Priority: 100, From: far, Table: there})
	}
	if absent {
		r.Links = append(r.Links, trapNoPeer.link())
	}
}

func (t trap) link() Link {
	return Link{Name: t.name, Index: t.index, Group: groupTrap, Peer: t.name + "-"}
}

// toPeer lowers a route to a peering connection.
func (l *lowerer) toPeer(r netplan.Route) Route {
	p := l.p.Peer(cloud.PeeringID(r.Target))
	switch {
	case p == nil:
		return Route{Kind: Unicast, Link: trapBlackhole.name}
	case !p.Up:
		return Route{Kind: Unicast, Link: trapNoPeer.name}
	}
	via := gateway4
	if r.Dest.Addr().Is6() {
		via = gateway6
	}
	return Route{Kind: Unicast, Link: peerLink(l.n.peers[p.ID]), Via: via}
}

// peerSets are what the rules for peering connections look into.
type peerSets struct {
	from, to *nft.Set // chains by link
	src, dst *pair    // identity of hosts at the other ends, by link and address
}

// peerRules makes a chain for each end that a packet may come in by, and one
// for each that it may leave by. Only addresses of the two VPCs pass.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-limitations
func (l *lowerer) peerRules(s *ruleSets) (chains []*nft.Chain) {
	ps := &peerSets{
		from: &nft.Set{Name: "peers_in", Key: []nft.Field{nft.IIf}, Verdicts: true},
		to:   &nft.Set{Name: "peers_out", Key: []nft.Field{nft.OIf}, Verdicts: true},
		src:  newPair("peer_src", src, marks, nft.IIf), dst: newPair("peer_dst", dst, ctMarks, nft.OIf),
	}
	s.peers = ps
	for _, p := range l.p.Peers {
		if !p.Up {
			continue
		}
		n := l.n.peers[p.ID]
		for _, h := range p.Hosts {
			mark := nft.MarkOf(uint32(l.n.profiles[profileUse{h.Profile, false}]) << 16)
			m, d := ps.src.of(h.Addr), ps.dst.of(h.Addr)
			m.Elems = append(m.Elems, nft.K(nft.If(n), nft.IP(h.Addr)).To(mark))
			d.Elems = append(d.Elems, nft.K(nft.If(n), nft.IP(h.Addr)).To(mark))
		}
		blocks := l.add(newPair(peerLink(n)+"_blocks", src, interval).nets(p.CIDRs))
		in := &nft.Chain{Name: peerLink(n) + "_in", Rules: append(blocks.in(nft.Goto("peered")),
			nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop), nft.R(l.drop(netplan.StageTransit, string(p.ID), p.Source...)...))}
		out := &nft.Chain{Name: peerLink(n) + "_out", Rules: append(l.between(s.local, blocks),
			nft.R(l.drop(netplan.StageTransit, string(p.ID), p.Source...)...))}
		chains = append(chains, in, out)
		ps.from.Elems = append(ps.from.Elems, nft.K(nft.If(n)).Then(nft.Goto(in.Name)))
		ps.to.Elems = append(ps.to.Elems, nft.K(nft.If(n)).Then(nft.Goto(out.Name)))
	}
	if len(chains) == 0 {
		return nil
	}
	l.add(ps.src)
	l.add(ps.dst)
	l.table.Sets = append(l.table.Sets, ps.from, ps.to)
	peered := &nft.Chain{Name: "peered", Rules: []nft.Rule{goesOn}}
	peered.Rules = append(peered.Rules, ps.src.when(func(m *nft.Set, key []nft.Field) []nft.Stmt {
		return []nft.Stmt{nft.SetFrom(nft.Mark, m, key...)}
	})...)
	peered.Rules = append(peered.Rules, toBlocks(s.local, nft.Accept)...)
	peered.Rules = append(peered.Rules, l.refuse(netplan.StageTransit))
	return append([]*nft.Chain{peered}, chains...)
}

// toBlocks matches destinations in a pair of sets that is keyed by sources.
func toBlocks(p *pair, then ...nft.Stmt) []nft.Rule {
	return p.when(func(m *nft.Set, _ []nft.Field) []nft.Stmt {
		return append([]nft.Stmt{nft.In(m, destination(p, m))}, then...)
	})
}

func destination(p *pair, m *nft.Set) nft.Field {
	if m == p.v6 {
		return nft.Dst6
	}
	return nft.Dst4
}

// between accepts what goes from one VPC's own addresses to another's.
func (l *lowerer) between(from, to *pair) []nft.Rule {
	return to.when(func(m *nft.Set, _ []nft.Field) []nft.Stmt {
		own, key := from.v4, nft.Src4
		if m == to.v6 {
			own, key = from.v6, nft.Src6
		}
		if len(own.Elems) == 0 {
			return []nft.Stmt{nft.In(m, destination(to, m)), nft.Drop}
		}
		return []nft.Stmt{nft.In(own, key), nft.In(m, destination(to, m)), nft.Accept}
	})
}

// peerIn leads what comes from peers to its chains.
func (l *lowerer) peerIn(s *ruleSets) []nft.Rule {
	if len(s.peers.from.Elems) == 0 {
		return nil
	}
	return []nft.Rule{nft.R(nft.VMap(s.peers.from, nft.IIf))}
}

// peerInput refuses what peers send to the router itself: its resolver answers its own VPC only.
func (l *lowerer) peerInput() (rules []nft.Rule) {
	for _, p := range l.p.Peers {
		if p.Up {
			rules = append(rules, l.refuse(netplan.StageRouter, nft.Eq(nft.IIf, nft.If(l.n.peers[p.ID]))))
		}
	}
	return rules
}

// peerIdentity knows the hosts at the other ends.
func (l *lowerer) peerIdentity(s *ruleSets) []nft.Rule {
	return s.peers.dst.when(func(m *nft.Set, key []nft.Field) []nft.Stmt { return []nft.Stmt{nft.SetFrom(nft.CtMark, m, key...)} })
}

// peerOut leads what goes to peers to its chains.
func (l *lowerer) peerOut(s *ruleSets) []nft.Rule {
	if len(s.peers.to.Elems) == 0 {
		return nil
	}
	return []nft.Rule{nft.R(nft.VMap(s.peers.to, nft.OIf))}
}

// remote is the interface at the other end of the connection that a dropped
// packet came in by, or was to leave by. m.mu is held.
func (m *Manager) remote(s *vpcState, p Packet, d Drop) (ids []cloud.InterfaceID) {
	for _, e := range []struct {
		link int
		at   netip.Addr
	}{{p.In, d.Src.Addr()}, {p.Out, d.Dst.Addr()}} {
		peer := s.plan.Peer(s.network.peers[e.link])
		if p.Namespace != Router {
			continue
		}
		if peer == nil {
			ids = append(ids, m.sender(s, e.link, e.at)...)
			continue
		}
		if far := m.vpcs[peer.VPC]; far != nil && far.plan != nil {
			if id := far.holder(e.at); id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Settle waits until the kernel shows the VPC and its peers as of a revision, or
// could not be brought there. A peer's own trouble is not this VPC's.
func (m *Manager) Settle(ctx context.Context, id cloud.VPCID, rev uint64) error {
	if err := m.settle(ctx, id, rev); err != nil {
		return err
	}
	for _, peer := range m.peersOf(id) {
		if err := m.settle(ctx, peer, rev); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) peersOf(id cloud.VPCID) (ids []cloud.VPCID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.vpcs[id]; s != nil {
		for _, p := range s.want.Peers {
			ids = append(ids, p.VPC)
		}
		ids = append(ids, beyond(s.want)...)
	}
	return ids
}
