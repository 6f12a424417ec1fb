package reach

import (
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// aclStop says which line of a network ACL, or the lack of one, refused the packet.
func (w *walk) aclStop(sub *netplan.Subnet, out bool, p packet, r ruling) *stop {
	s := &stop{stage: netplan.StageACLIn, blame: []cloud.Ref{{Kind: cloud.KindNetworkACL, ID: string(sub.ACL)}}}
	verb, list := "entering", "inbound"
	if out {
		s.stage, verb, list = netplan.StageACLOut, "leaving", "outbound"
	}
	if w.terse {
		return s
	}
	if r.partly {
		p.dport = span{r.port, r.port}
	}
	flow := w.sprintf("%s from %s to %s, %s %s", p.what(), p.src, p.dst, verb, sub.ID)
	if r.line == nil {
		s.text = w.sprintf("Network ACL %s has no %s rule that allows %s (rule * denies)", sub.ACL, list, flow)
	} else {
		s.blame = slices.Clone(r.line.Source)
		s.text = w.sprintf("Network ACL %s %s rule %d denies %s", sub.ACL, list, r.line.Number, flow)
	}
	s.blame = append(s.blame, cloud.Ref{Kind: cloud.KindSubnet, ID: string(sub.ID)})
	if r.partly {
		s.text += ", though not every port that the sender may choose"
	}
	if w.answering {
		s.text += w.sprintf("; network ACLs keep no state, so allow answers too: %s ports %d-%d", list, natPorts.lo, natPorts.hi)
	} else {
		s.text += w.sprintf("; add an %s allow rule with a lower number", list)
	}
	return s
}

// groupStop says why security groups refused the packet. rule is the refusal
// that matched, if one did.
func (w *walk) groupStop(e *netplan.ENI, p *netplan.Profile, out bool, pkt packet, rule *netplan.Rule) *stop {
	rules, peer := p.In, pkt.src
	s := &stop{stage: netplan.StageGroupIn}
	dir, prep := "inbound", "from"
	if out {
		rules, peer, s.stage, dir, prep = p.Out, pkt.dst, netplan.StageGroupOut, "outbound", "to"
	}
	if rule == nil && len(p.Groups) > 0 && len(rules) == 0 {
		s.code = "SG_HAS_NO_RULES"
	}
	if w.terse {
		return s
	}
	for _, g := range p.Groups {
		s.blame = append(s.blame, cloud.Ref{Kind: cloud.KindSecurityGroup, ID: string(g)})
	}
	names, has := groupNames(p.Groups)
	flow := w.sprintf("%s %s %s", pkt.what(), prep, peer)
	switch {
	case rule != nil:
		s.blame = slices.Concat(rule.Source, s.blame)
		s.text = w.sprintf("%s of network interface %s %s %s that refuses %s", names, e.ID, has, ruleName(rule), flow)
	case len(p.Groups) == 0:
		s.text = w.sprintf("Network interface %s has no security group, so nothing passes; give it one", e.ID)
	case len(rules) == 0:
		s.text = w.sprintf("%s of network interface %s %s no %s rules at all; add one that allows %s", names, e.ID, has, dir, flow)
	default:
		near, hint := w.nearest(rules, pkt)
		s.blame = append(s.blame, near...)
		s.text = w.sprintf("%s of network interface %s %s no %s rule that allows %s%s; add one", names, e.ID, has, dir, flow, hint)
	}
	s.blame = append(s.blame, eniRef(e))
	return s
}

func groupNames(ids []cloud.SecurityGroupID) (names, has string) {
	ss := make([]string, len(ids))
	for i, id := range ids {
		ss[i] = string(id)
	}
	if len(ss) == 1 {
		return "Security group " + ss[0], "has"
	}
	return "Security groups " + strings.Join(ss, ", "), "have"
}

// nearest finds rules that fit but for the peer, or but for the port.
func (w *walk) nearest(rules []netplan.Rule, pkt packet) ([]cloud.Ref, string) {
	for i := range rules {
		if r := &rules[i]; r.Action == cloud.Allow && ruleFits(r, pkt) {
			return r.Source, w.sprintf(" (%s allows it for %s only)", ruleName(r), peerName(r))
		}
	}
	for i := range rules {
		if r := &rules[i]; r.Action == cloud.Allow && r.Protocol == pkt.proto && pkt.ported() {
			return r.Source, w.sprintf(" (%s allows %s only)", ruleName(r), span{r.From, r.To})
		}
	}
	return nil, ""
}

func ruleName(r *netplan.Rule) string {
	if len(r.Source) == 0 || r.Source[0].Part == "" {
		return "a rule"
	}
	return "rule " + r.Source[0].Part
}

func peerName(r *netplan.Rule) string {
	if r.Prefix.IsValid() {
		return r.Prefix.String()
	}
	keys := make([]string, len(r.Peers))
	for i, k := range r.Peers {
		keys[i] = string(k)
	}
	return "interfaces with " + strings.Join(keys, " or ")
}
