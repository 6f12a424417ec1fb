package reach

import (
	"slices"

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
