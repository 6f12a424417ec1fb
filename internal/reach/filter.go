package reach

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// ruling is what a filter says of a packet.
type ruling struct {
	allowed bool
	// partly: some of the ports the sender may choose are refused, others not.
	partly bool
	// line is the ACL line that decided; nil is the end of the list.
	line *netplan.ACLEntry
	port int // the port refused, if partly
}

// aclRuling evaluates a stateless filter for a packet whose far end is peer. If
// the destination port is a range, it passes only when every port does.
func aclRuling(lines []netplan.ACLEntry, p packet, peer netip.Addr) ruling {
	var first, refused ruling
	passed, stopped := false, false
	for _, port := range samples(lines, p) {
		r := decide(lines, p, peer, port)
		switch {
		case r.allowed && !passed:
			first, passed = r, true
		case !r.allowed && !stopped:
			refused, stopped = r, true
			refused.port = port
		}
	}
	if !stopped {
		return first
	}
	refused.partly = passed
	return refused
}

// samples are destination ports of the packet, one in each stretch that the
// lines cannot tell apart.
func samples(lines []netplan.ACLEntry, p packet) []int {
	out := []int{p.dport.lo}
	if !p.ported() || p.dport.lo == p.dport.hi {
		return out
	}
	for _, l := range lines {
		for _, edge := range []int{l.From, l.To + 1} {
			if edge > p.dport.lo && edge <= p.dport.hi {
				out = append(out, edge)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// decide finds the first line that matches one port.
func decide(lines []netplan.ACLEntry, p packet, peer netip.Addr, port int) ruling {
	for i := range lines {
		l := &lines[i]
		switch {
		case !l.Prefix.Contains(peer), l.Protocol != -1 && l.Protocol != p.proto:
		case l.Protocol != -1 && p.ported() && !inRange(port, l.From, l.To):
		case l.Protocol != -1 && p.pings() && !icmpFits(p, l.ICMPType, l.ICMPCode):
		default:
			return ruling{allowed: l.Action == cloud.Allow, line: l}
		}
	}
	return ruling{}
}

func inRange(port, from, to int) bool { return from < 0 || from <= port && port <= to }

func icmpFits(p packet, typ, code int) bool {
	return (typ < 0 || typ == p.typ) && (code < 0 || code == p.code)
}

// groupRuling evaluates security group rules for a packet whose far end is
// peer, which is an interface of profile who ("" if it is not known as one).
func groupRuling(rules []netplan.Rule, p packet, peer netip.Addr, who netplan.ProfileKey) (*netplan.Rule, bool) {
	for i := range rules {
		if r := &rules[i]; ruleFits(r, p) && peerFits(r, peer, who) {
			return r, r.Action == cloud.Allow
		}
	}
	return nil, false
}

func ruleFits(r *netplan.Rule, p packet) bool {
	switch {
	case r.Protocol == -1:
		return true
	case r.Protocol != p.proto:
		return false
	case p.ported():
		return inRange(p.dport.lo, r.From, r.To) && inRange(p.dport.hi, r.From, r.To)
	case p.pings():
		return icmpFits(p, r.From, r.To)
	}
	return true
}

func peerFits(r *netplan.Rule, peer netip.Addr, who netplan.ProfileKey) bool {
	if r.Prefix.IsValid() {
		return r.Prefix.Contains(peer)
	}
	return who != "" && slices.Contains(r.Peers, who)
}
