package reach

import (
	"fmt"
	"slices"

	"weir/internal/netplan"
)

// pass applies the filters of a new flow's packet on one passage: ACLs unless it
// stays in its subnet, then security groups.
func (w *walk) pass(l leg) *stop {
	if s := w.acls(l); s != nil {
		return s
	}
	if s := w.groups(l); s != nil {
		return s
	}
	w.legs = append(w.legs, l)
	if l.to != nil {
		w.hop(eniRef(l.to), "receives for "+l.pkt.dst.String())
	}
	return nil
}

// acls applies the network ACLs, which keep no state.
func (w *walk) acls(l leg) *stop {
	if l.from != nil && l.to != nil && l.from.Subnet == l.to.Subnet {
		return nil
	}
	if l.from != nil {
		if s := w.acl(w.subnet(l.from.Subnet), true, l); s != nil {
			return s
		}
	}
	if l.to != nil {
		return w.acl(w.subnet(l.to.Subnet), false, l)
	}
	return nil
}

func (w *walk) acl(sub netplan.Subnet, out bool, l leg) *stop {
	var lines []netplan.ACLEntry
	for _, a := range w.p.ACLs {
		if a.ID == sub.ACL && out {
			lines = a.Out
		} else if a.ID == sub.ACL {
			lines = a.In
		}
	}
	peer, note := l.pkt.src, "lets enter "+string(sub.ID)
	if out {
		peer, note = l.pkt.dst, "lets leave "+string(sub.ID)
	}
	r := aclRuling(lines, l.pkt, peer)
	if !r.allowed {
		return w.aclStop(sub, out, l.pkt, r)
	}
	w.hop(r.line.Source[0], note)
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
	if l.from != nil && l.from.Attach != netplan.AttachNAT {
		p := w.profile(l.from)
		rule, ok := groupRuling(p.Out, l.pkt, l.pkt.dst, receiver)
		if !ok {
			return w.groupStop(l.from, p, true, l.pkt, rule)
		}
		w.hop(rule.Source[0], "lets "+string(l.from.ID)+" send")
	}
	if l.to != nil && l.to.Attach != netplan.AttachNAT {
		p := w.profile(l.to)
		rule, ok := groupRuling(p.In, l.pkt, l.pkt.src, sender)
		if !ok {
			return w.groupStop(l.to, p, false, l.pkt, rule)
		}
		w.hop(rule.Source[0], "lets "+string(l.to.ID)+" receive")
	}
	return nil
}

func (w *walk) profile(e *netplan.ENI) netplan.Profile {
	for _, p := range w.p.Profiles {
		if p.Key == e.Profile {
			return p
		}
	}
	return netplan.Profile{Key: e.Profile}
}

// back follows the answer over the same passages. Security groups and
// translations keep state and let it pass; routes and ACLs do not.
func (w *walk) back() *stop {
	if w.unanswered {
		return nil
	}
	for i := len(w.legs) - 1; i >= 0; i-- {
		there := w.legs[i]
		l := leg{from: there.to, to: there.from, pkt: there.pkt.answer()}
		if l.from != nil {
			if i == len(w.legs)-1 {
				w.hop(eniRef(l.from), "answers to "+l.pkt.dst.String())
			}
			if s := w.returns(&l); s != nil {
				return s
			}
		}
		if s := w.acls(l); s != nil {
			return s
		}
		if l.to != nil {
			w.hop(eniRef(l.to), "gets the answer")
		}
	}
	return nil
}

// returns checks that the answerer's route leads to where the flow came from.
func (w *walk) returns(l *leg) *stop {
	l.route = w.lookup(l.from, l.pkt.dst)
	switch {
	case l.route == nil:
		return w.noRoute(l.from, l.pkt)
	case l.route.Hop == netplan.HopBlackhole:
		return w.blackhole(l.from, l.pkt, l.route)
	}
	w.hop(l.route.Source[0], fmt.Sprintf("%s to %s", l.route.Dest, hopName(l.route)))
	same := l.to == nil && l.route.Hop == netplan.HopInternet ||
		l.to != nil && l.route.Hop == netplan.HopLocal && slices.Contains(l.to.Addrs, l.pkt.dst) ||
		l.to != nil && l.route.Hop == netplan.HopENI && l.route.ENI == l.to.ID
	if !same {
		return w.asymmetric(l)
	}
	return nil
}
