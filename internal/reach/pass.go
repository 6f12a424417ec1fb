package reach

import (
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// pass applies the filters of a new flow's packet on one passage: ACLs unless it
// stays in its subnet, then security groups.
func (w *walk) pass(l leg) *stop {
	if s := w.cut(l.to); s != nil {
		return s
	}
	if s := w.border(l); s != nil {
		return s
	}
	if s := w.groups(l); s != nil {
		return s
	}
	l.number, l.in = w.leg, w.Analyser
	w.legs = append(w.legs, l)
	if l.to != nil {
		w.at(l.to, RoleTarget, l.pkt, func() string { return "receives for " + l.pkt.dst.String() })
	}
	return nil
}

// border applies the network ACLs, which keep no state. What goes to a transit
// router passes both directions even inside one subnet.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html
func (w *walk) border(l leg) *stop {
	if l.from != nil && l.to != nil && l.from.Subnet == l.to.Subnet && l.to.Attach != netplan.AttachTransit {
		return nil
	}
	if l.from != nil {
		if s := w.acl(l.from, true, l); s != nil {
			return s
		}
	}
	if l.to != nil {
		return w.acl(l.to, false, l)
	}
	return nil
}

// acl applies the network ACL of the subnet of e, one end of the leg.
func (w *walk) acl(e *netplan.ENI, out bool, l leg) *stop {
	at := w.places[e]
	sub, lines := at.subnet, at.acl.In
	peer, role, verb := l.pkt.src, RoleACLIn, "enter"
	if out {
		lines = at.acl.Out
		peer, role, verb = l.pkt.dst, RoleACLOut, "leave"
	}
	r := aclRuling(lines, l.pkt, peer)
	if !r.allowed {
		return w.aclStop(sub, out, l.pkt, r)
	}
	w.hop(Hop{Resource: r.line.Source[0], Role: role, Line: r.line}, func() string { return "lets " + verb + " " + string(sub.ID) })
	return nil
}

// groups applies the security groups of sender and receiver to a new flow.
func (w *walk) groups(l leg) *stop {
	var sender, receiver netplan.ProfileKey // as the other side may know them
	if l.from != nil && slices.Contains(l.from.Addrs, l.pkt.src) {
		sender = l.from.Profile
	}
	if l.to != nil && slices.Contains(l.to.Addrs, l.pkt.dst) {
		receiver = l.to.Profile
	}
	if l.from == nil && l.peer != nil {
		sender = l.peer.Knows(l.pkt.src)
	}
	if l.to == nil && l.peer != nil {
		receiver = l.peer.Knows(l.pkt.dst)
	}
	if l.from != nil && l.from.Attach.Grouped() {
		p := w.profile(l.from)
		rule, ok := groupRuling(p.Out, l.pkt, l.pkt.dst, receiver)
		if !ok {
			return w.groupStop(l.from, p, true, l.pkt, rule)
		}
		w.hop(Hop{Resource: rule.Source[0], Role: RoleGroupOut, Rule: rule, ENI: l.from}, func() string { return "lets " + string(l.from.ID) + " send" })
	}
	if l.to != nil && l.to.Attach.Grouped() {
		p := w.profile(l.to)
		rule, ok := groupRuling(p.In, l.pkt, l.pkt.src, sender)
		if !ok {
			return w.groupStop(l.to, p, false, l.pkt, rule)
		}
		w.hop(Hop{Resource: rule.Source[0], Role: RoleGroupIn, Rule: rule, ENI: l.to}, func() string { return "lets " + string(l.to.ID) + " receive" })
	}
	return nil
}

func (x *Analyser) profile(e *netplan.ENI) *netplan.Profile { return x.places[e].profile }

// back follows the answer over the same passages. Security groups and
// translations keep state and let it pass; routes and ACLs do not.
func (w *walk) back() *stop {
	if w.unanswered {
		return nil
	}
	var entry *netplan.ENI // the port by which the answer comes, if it does by one
	for i := len(w.legs) - 1; i >= 0; i-- {
		there := w.legs[i]
		w.Analyser = there.in
		l := leg{from: there.to, to: there.from, pkt: there.pkt.answer(), peer: there.peer, in: there.in}
		if entry != nil {
			l.from = entry
		}
		w.leg++
		if l.to != nil && l.to.Attach == netplan.AttachTransit && i > 0 {
			if i == len(w.legs)-1 {
				w.at(l.from, RoleSource, l.pkt, func() string { return "answers to " + l.pkt.dst.String() })
			}
			var s *stop
			if entry, s = w.carryBack(&l, w.legs[i-1].in); s != nil {
				return s
			}
			continue
		}
		entry = nil
		if l.from == nil || l.to == nil {
			w.mirror(there.number, RoleGateway)
		}
		if l.from != nil {
			if i == len(w.legs)-1 {
				w.at(l.from, RoleSource, l.pkt, func() string { return "answers to " + l.pkt.dst.String() })
			}
			if s := w.returns(&l); s != nil {
				return s
			}
		}
		if s := w.border(l); s != nil {
			return s
		}
		if l.to != nil {
			w.at(l.to, RoleTarget, l.pkt, func() string { return "gets the answer" })
			w.mirror(there.number-1, RoleNAT)
		}
	}
	return nil
}

// returns checks that the answerer's route leads to where the flow came from.
func (w *walk) returns(l *leg) *stop {
	l.route = w.lookup(l.from, l.pkt.src, l.pkt.dst)
	switch {
	case l.route == nil:
		return w.noRoute(l.from, l.pkt)
	case l.route.Hop == netplan.HopBlackhole:
		return w.blackhole(l.from, l.pkt, l.route)
	case l.route.Hop == netplan.HopENI:
		if to := w.p.ENI(l.route.ENI); to != nil && !slices.Contains(to.Addrs, l.pkt.dst) && (!to.AnySource || !speaks(to, l.pkt.dst)) {
			return w.notForMe(l.from, to, l.pkt, l.route)
		}
	}
	w.routed(l.route)
	same := l.to == nil && l.peer == nil && l.route.Hop == netplan.HopInternet ||
		l.peer != nil && l.route.Hop == netplan.HopPeering && l.route.Target == string(l.peer.ID) ||
		l.to != nil && l.route.Hop == netplan.HopLocal && slices.Contains(l.to.Addrs, l.pkt.dst) ||
		l.to != nil && (l.route.Hop == netplan.HopENI || l.route.Hop == netplan.HopNAT) && l.route.ENI == l.to.ID
	if !same && !w.findsBack(l) {
		return w.asymmetric(l)
	}
	return nil
}

// findsBack: IPv6 addresses are the same on the internet and behind peering
// connections, so an answer by the other of the two gets to a router that knows
// the flow.
func (w *walk) findsBack(l *leg) bool {
	switch {
	case l.pkt.dst.Is4(), w.atlas == nil, l.to != nil:
		return false
	case l.peer != nil:
		return (l.route.Hop == netplan.HopInternet || l.route.Hop == netplan.HopEgressOnly) && w.atlas.of(l.peer.VPC).p.Gateway != nil
	}
	p := w.p.Peer(cloud.PeeringID(l.route.Target))
	return l.route.Hop == netplan.HopPeering && p != nil && p.Up && p.Has(l.pkt.dst)
}
