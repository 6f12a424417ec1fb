package reach

import (
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// arrival is how an answer comes to a VPC's router.
type arrival struct {
	leg   int          // the passage of the flow that it answers; below 0: it is back
	from  *netplan.ENI // who sends it, or the port that it comes in by; nil: from outside
	other bool         // it came to this VPC by another way than the flow left it
	via   *Analyser    // of a VPC on the answer's way alone, which does not know the flow; else nil
}

// back follows the answer. Security groups and translations keep state and let
// it pass; routes and ACLs do not. Between VPCs it need not go the way that the
// flow came: it arrives wherever routes lead it to a router that knows the flow.
func (w *walk) back() *stop {
	if w.unanswered || len(w.legs) == 0 {
		return nil
	}
	last := len(w.legs) - 1
	at := arrival{leg: last, from: w.legs[last].to}
	var ports []*netplan.ENI // that it came in by
	for first := true; at.leg >= 0; first = false {
		there := w.legs[at.leg]
		if w.Analyser = there.in; at.via != nil {
			w.Analyser = at.via
		}
		w.leg++
		l := leg{from: at.from, to: there.from, pkt: there.pkt.answer(), peer: there.peer, in: w.Analyser}
		if at.other && at.from != nil {
			if slices.Contains(ports, at.from) {
				return w.loops(at.from, l.pkt)
			}
			ports = append(ports, at.from)
		}
		if first && l.from != nil {
			w.at(l.from, RoleSource, l.pkt, func() string { return "answers to " + l.pkt.dst.String() })
		}
		var s *stop
		if l.from == nil {
			at, s = w.comesIn(at, l)
		} else {
			at, s = w.answer(at, l)
		}
		if s != nil {
			return s
		}
	}
	return nil
}

// comesIn takes an answer from outside to the interface that the flow came from.
func (w *walk) comesIn(at arrival, l leg) (arrival, *stop) {
	if !at.other {
		w.mirror(w.legs[at.leg].number, RoleGateway)
	}
	return w.receive(at.leg, l)
}

// receive takes the answer to an interface, which sent the flow on passage i.
func (w *walk) receive(i int, l leg) (arrival, *stop) {
	if s := w.border(l); s != nil {
		return arrival{}, s
	}
	w.at(l.to, RoleTarget, l.pkt, func() string { return "gets the answer" })
	if i == 0 {
		return arrival{leg: -1}, nil
	}
	w.mirror(w.legs[i].number-1, RoleNAT)
	return arrival{leg: i - 1, from: w.legs[i-1].to}, nil
}

// answer takes an interface's answer where its route leads.
func (w *walk) answer(at arrival, l leg) (arrival, *stop) {
	l.route = w.lookup(l.from, l.pkt.src, l.pkt.dst)
	switch {
	case l.route == nil:
		return at, w.noRoute(l.from, l.pkt)
	case l.route.Hop == netplan.HopBlackhole:
		return at, w.blackhole(l.from, l.pkt, l.route)
	case l.route.Hop == netplan.HopENI:
		if to := w.p.ENI(l.route.ENI); to != nil && !slices.Contains(to.Addrs, l.pkt.dst) && (!to.AnySource || !speaks(to, l.pkt.dst)) {
			return at, w.notForMe(l.from, to, l.pkt, l.route)
		}
	}
	w.routed(l.route)
	switch l.route.Hop {
	case netplan.HopLocal:
		return w.inside(at, l, w.owner(l.pkt.dst))
	case netplan.HopENI, netplan.HopNAT:
		return w.inside(at, l, w.p.ENI(l.route.ENI))
	case netplan.HopInternet, netplan.HopEgressOnly, netplan.HopIPv6:
		return w.answerOut(at, l)
	case netplan.HopPeering:
		return w.answerAcross(at, l)
	case netplan.HopTransit:
		return w.carryBack(at, l)
	}
	return at, w.asymmetric(at, l)
}

// known finds the last passage of the flow, not after the i-th, in the VPC where
// the answer is now; -1 if its router does not know the flow.
func (w *walk) known(i int, answer packet, also func(leg) bool) int {
	for ; i >= 0; i-- {
		if l := w.legs[i]; l.in == w.Analyser && l.pkt.answer() == answer && also(l) {
			return i
		}
	}
	return -1
}

// inside takes the answer to an interface of the same VPC.
func (w *walk) inside(at arrival, l leg, to *netplan.ENI) (arrival, *stop) {
	i := w.known(at.leg, l.pkt, func(f leg) bool { return f.from == to })
	if to == nil || i < 0 {
		return at, w.asymmetric(at, l)
	}
	l.to = to
	return w.receive(i, l)
}

// answerOut takes the answer to the internet: to whom the flow came from there,
// or, as IPv6 addresses are the same there, to the gateway of a VPC that knows it,
// if both addresses are joined to it.
func (w *walk) answerOut(at arrival, l leg) (arrival, *stop) {
	there := w.legs[at.leg]
	l.to = nil
	if l.pkt.src.Is6() && !w.p.Gateway.Joins(l.pkt.src) {
		return at, w.noPublicIP(l.from, l.pkt, l.route)
	}
	if at.via == nil && there.from == nil && there.peer == nil && l.route.Hop != netplan.HopEgressOnly {
		w.mirror(there.number, RoleGateway)
		return arrival{leg: at.leg - 1}, w.border(l)
	}
	if s := w.border(l); s != nil {
		return at, s
	}
	for i := at.leg; i >= 0 && l.pkt.dst.Is6(); i-- {
		if f := w.legs[i]; f.in != l.in && f.in.p.Gateway != nil && f.in.local(l.pkt.dst) && f.in.p.Gateway.Joins(l.pkt.dst) && f.pkt.answer() == l.pkt {
			w.through(cloud.Ref{Kind: gatewayKind(l.route), ID: l.route.Target}, RoleGateway, l.pkt, l.pkt, nil)
			return arrival{leg: i, other: true}, nil
		}
	}
	return at, w.asymmetric(at, l)
}

// answerAcross takes the answer to the VPC at the other end of a peering connection.
func (w *walk) answerAcross(at arrival, l leg) (arrival, *stop) {
	p := w.p.Peer(cloud.PeeringID(l.route.Target))
	switch {
	case p == nil:
		return at, w.blackhole(l.from, l.pkt, l.route)
	case !p.Up:
		return at, w.nobodyThere(l.pkt, l.route, p)
	}
	same := p == w.legs[at.leg].peer
	l.to, l.peer = nil, p
	if s := w.border(l); s != nil {
		return at, s
	}
	if !w.local(l.pkt.src) {
		return at, w.transit(l.pkt, p)
	}
	if w.atlas != nil && p.Has(l.pkt.dst) && !w.hidden(cloud.KindVPC, string(p.VPC)) {
		w.Analyser = w.atlas.of(p.VPC)
		if i := w.origin(at, l.pkt, func(f leg) bool { return f.from != nil && f.from.Attach != netplan.AttachTransit }); i >= 0 {
			if !same {
				w.through(peerRef(p), RoleGateway, l.pkt, l.pkt, func() string { return "leads to " + string(p.VPC) })
			}
			return arrival{leg: i, other: !same}, nil
		}
	}
	return at, w.asymmetric(at, l)
}

// carryBack takes the answer through a transit router, to its port in the VPC
// where it comes out.
func (w *walk) carryBack(at arrival, l leg) (arrival, *stop) {
	t, to, s := w.port(l.from, l.pkt, l.route)
	if s != nil {
		return at, s
	}
	l.to = to
	if s := w.cut(to); s != nil {
		return at, s
	}
	if s := w.border(l); s != nil {
		return at, s
	}
	if f := w.legs[at.leg]; at.via == nil && f.from == nil && f.peer == nil && l.pkt.dst.Is4() { // only the internet gateway gives it its public address
		return at, w.asymmetric(at, l)
	}
	w.at(to, RoleTarget, l.pkt, func() string { return "gets the answer" })
	port, s := w.carry(t, to, l.pkt)
	if s != nil {
		return at, s
	}
	if port != nil {
		if i := w.origin(at, l.pkt, func(leg) bool { return true }); i >= 0 {
			return arrival{leg: i, from: port, other: true}, nil
		}
		if l.pkt.proto == udp { // to a router that does not know the flow a datagram is a new one
			return arrival{leg: at.leg, from: port, other: true, via: w.Analyser}, nil
		}
	}
	return at, w.asymmetric(at, l)
}

// origin is known for a VPC that the answer has come to. If the flow came from
// the internet, one of its hosts may have sent it there, by IPv6.
func (w *walk) origin(at arrival, answer packet, also func(leg) bool) int {
	if i := w.known(at.leg, answer, also); i >= 0 {
		return i
	}
	first := w.legs[0]
	from := w.owner(answer.dst)
	if at.leg > 0 || first.from != nil || first.peer != nil || answer.dst.Is4() || from == nil || w.p.Gateway == nil || w.cut(from) != nil {
		return -1
	}
	w.legs = slices.Insert(w.legs, 0, leg{from: from, pkt: first.pkt, in: w.Analyser})
	return 0
}
