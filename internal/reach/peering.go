package reach

import (
	"slices"
	"sync"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// atlas has the analysers of several VPCs, made when a question leads there.
type atlas struct {
	compile func(cloud.VPCID) *netplan.Plan
	hides   func(cloud.Ref) bool // nil hides nothing

	mu   sync.Mutex // guards made
	made map[cloud.VPCID]*Analyser
}

// Across prepares a VPC's plan for questions that lead on into its peers;
// compile gives the plans, all of one state.
func Across(vpc cloud.VPCID, compile func(cloud.VPCID) *netplan.Plan) *Analyser {
	a := &atlas{compile: compile, made: map[cloud.VPCID]*Analyser{}}
	return a.of(vpc)
}

// Hiding has the analyser, which Across made, know nothing of what is hidden: of
// VPCs, endpoint services and transit routers' tables.
func (x *Analyser) Hiding(hides func(cloud.Ref) bool) *Analyser {
	x.atlas.hides = hides
	return x
}

// hidden says whether the analyser may not look into a resource.
func (x *Analyser) hidden(kind cloud.Resource, id string) bool {
	return x.atlas != nil && x.atlas.hides != nil && x.atlas.hides(cloud.Ref{Kind: kind, ID: id})
}

// PlanOf is the plan of a VPC that a question may have led to, or the own one.
func (x *Analyser) PlanOf(vpc cloud.VPCID) *netplan.Plan {
	if x.atlas == nil || vpc == "" || x.hidden(cloud.KindVPC, string(vpc)) {
		return x.p
	}
	return x.atlas.of(vpc).p
}

func (a *atlas) of(vpc cloud.VPCID) *Analyser {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.made[vpc]
	if x == nil {
		x = New(a.compile(vpc))
		x.atlas = a
		a.made[vpc] = x
	}
	return x
}

func peerRef(p *netplan.Peer) cloud.Ref {
	return cloud.Ref{Kind: cloud.KindPeering, ID: string(p.ID)}
}

// cross takes the packet to the VPC at the other end of a peering connection.
// An analyser of one plan alone follows it no further.
func (w *walk) cross(from *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	p := w.p.Peer(cloud.PeeringID(r.Target))
	if p == nil {
		return w.blackhole(from, pkt, r)
	}
	if !p.Up && !w.hidden(cloud.KindVPC, string(p.VPC)) {
		return w.nobodyThere(pkt, r, p)
	}
	if s := w.pass(leg{from: from, pkt: pkt, route: r, peer: p}); s != nil {
		return s
	}
	if !w.local(pkt.src) || !p.Has(pkt.dst) {
		return w.transit(pkt, p)
	}
	w.through(peerRef(p), RoleGateway, pkt, pkt, func() string { return "leads to " + string(p.VPC) })
	if w.hidden(cloud.KindVPC, string(p.VPC)) {
		return w.outOfSight(peerRef(p), pkt, p.VPC)
	}
	if w.atlas == nil {
		w.unanswered, w.end = true, w.sprintf("VPC %s through peering connection %s", p.VPC, p.ID)
		return nil
	}
	w.Analyser = w.atlas.of(p.VPC)
	w.leg++
	return w.arrive(pkt, p.ID)
}

// arrive takes a packet in by a peering connection: to hosts of this VPC, not
// to its resolver, nor on to what is behind it.
func (w *walk) arrive(pkt packet, id cloud.PeeringID) *stop {
	p := w.p.Peer(id)
	switch {
	case p == nil:
		return &stop{stage: netplan.StageNoHost, blame: []cloud.Ref{{Kind: cloud.KindPeering, ID: string(id)}}, text: w.sprintf("Peering connection %s is not active in VPC %s", id, w.p.VPC)}
	case !p.Has(pkt.src) || !w.local(pkt.dst):
		return w.transit(pkt, p)
	case w.router(pkt.dst), w.p.DNS.Enabled && slices.Contains(w.p.DNS.Resolvers, pkt.dst):
		return &stop{
			stage: netplan.StageRouter, blame: []cloud.Ref{{Kind: cloud.KindVPC, ID: string(w.p.VPC)}},
			text: w.sprintf("%s is the router or the resolver of VPC %s, which answer nothing to peers; ask the resolver of your own VPC", pkt.dst, w.p.VPC),
		}
	}
	to := w.owner(pkt.dst)
	if to == nil {
		return w.noHost(pkt.dst, nil)
	}
	return w.deliver(leg{to: to, pkt: pkt, peer: p})
}

// outOfSight: what becomes of a packet in a hidden VPC is not known.
func (w *walk) outOfSight(last cloud.Ref, pkt packet, vpc cloud.VPCID) *stop {
	return &stop{
		code: "NO_POSSIBLE_DESTINATION", blame: []cloud.Ref{last},
		text: w.sprintf("%s leads packets to %s to VPC %s of another account, which this analysis does not see; analyse the way there in that account", last.ID, pkt.dst, vpc),
	}
}

func (w *walk) nobodyThere(pkt packet, r *netplan.Route, p *netplan.Peer) *stop {
	return &stop{
		stage: netplan.StageNoHost, blame: append([]cloud.Ref{{Kind: cloud.KindVPC, ID: string(p.VPC)}}, r.Source...),
		text: w.sprintf("%s is routed to VPC %s through peering connection %s, but no network interface there has it; check the address", pkt.dst, p.VPC, p.ID),
	}
}

func (w *walk) transit(pkt packet, p *netplan.Peer) *stop {
	return &stop{
		stage: netplan.StageTransit, blame: []cloud.Ref{peerRef(p)},
		text: w.sprintf("Peering connection %s joins VPC %s and VPC %s themselves, not what is behind either (gateways, endpoints, other peers), so it does not carry %s from %s to %s; give %s a way of its own",
			p.ID, w.p.VPC, p.VPC, pkt.what(), pkt.src, pkt.dst, w.p.VPC),
	}
}

// abroad finds the sender of a packet among the hosts of peers, and goes there.
func (w *walk) abroad(pkt packet) *netplan.ENI {
	for i := range w.p.Peers {
		if p := &w.p.Peers[i]; w.atlas != nil && p.Has(pkt.src) && p.Up {
			far := w.atlas.of(p.VPC)
			if e := far.owner(pkt.src); e != nil && far.p.Peer(p.ID) != nil {
				w.Analyser = far
				return e
			}
		}
	}
	return nil
}

// near are the analysers of this VPC and of its peers, as far as there are plans.
func (x *Analyser) near() []*Analyser {
	out := []*Analyser{x}
	for _, p := range x.p.Peers {
		if x.atlas != nil {
			out = append(out, x.atlas.of(p.VPC))
		}
	}
	for _, id := range x.elsewhere() {
		if x.atlas != nil {
			out = append(out, x.atlas.of(id))
		}
	}
	return out
}
