package netplan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// IP protocol numbers that have ports, or a type and a code.
const (
	protoAll    = -1
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// anywhere is what a refusal covers that names something unknown: refusals fail closed.
var anywhere = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

// profiles compiles every distinct list of security groups among the interfaces.
func (c *compiler) profiles() {
	keys := map[ProfileKey]bool{}
	carry := map[cloud.SecurityGroupID][]ProfileKey{} // profiles that contain a group
	for _, e := range c.p.ENIs {
		if !e.Attach.Grouped() || keys[e.Profile] {
			continue
		}
		keys[e.Profile] = true
		p := Profile{Key: e.Profile}
		switch e.Profile {
		case NoGroups:
			c.problem(e.Source[0], "network interface %s has no security group", e.ID)
		case OpenGroups:
			p = c.openProfile()
		default:
			for g := range strings.SplitSeq(string(e.Profile), ",") {
				p.Groups = append(p.Groups, cloud.SecurityGroupID(g))
			}
		}
		c.p.Profiles = append(c.p.Profiles, p)
	}
	slices.SortFunc(c.p.Profiles, func(a, b Profile) int { return cmp.Compare(a.Key, b.Key) })
	for _, p := range c.p.Profiles {
		for _, g := range p.Groups {
			carry[g] = append(carry[g], p.Key)
		}
	}
	groups := map[cloud.SecurityGroupID][2][]Rule{}
	for g := range carry {
		groups[g] = c.group(g, carry)
	}
	for i := range c.p.Profiles {
		p := &c.p.Profiles[i]
		for _, g := range p.Groups {
			p.In, p.Out = append(p.In, groups[g][0]...), append(p.Out, groups[g][1]...)
		}
		p.In, p.Out = order(p.In), order(p.Out)
	}
}

// group returns a security group's rules: in, out.
func (c *compiler) group(id cloud.SecurityGroupID, carry map[cloud.SecurityGroupID][]ProfileKey) (rules [2][]Rule) {
	g, ok := cloud.SecurityGroups.Get(c.v, id)
	if !ok || g.VPC != c.vpc.ID {
		c.problem(ref(cloud.KindSecurityGroup, id), "security group %s is not in VPC %s: it permits nothing", id, c.vpc.ID)
		return rules
	}
	for _, r := range g.Rules {
		from := cloud.Ref{Kind: cloud.KindSecurityGroup, ID: string(id), Part: r.ID}
		out := Rule{Action: r.Action, Priority: r.Priority, Protocol: r.Protocol, Source: []cloud.Ref{from}}
		if out.Action != cloud.Allow && out.Action != cloud.Deny {
			c.problem(from, "security group %s: rule %s neither allows nor denies: it denies", id, r.ID)
			out.Action = cloud.Deny
		}
		if out.From, out.To, ok = ports(r.Protocol, r.From, r.To); !ok {
			c.problem(from, "security group %s: rule %s has no possible port (%d to %d)", id, r.ID, r.From, r.To)
			continue
		}
		i := 0
		if r.Egress {
			i = 1
		}
		peers := carry[r.Group]
		if peers == nil {
			peers, _ = c.remoteGroup(r.Group)
		}
		if r.Group != "" && len(peers) > 0 {
			out.Peers = peers
			rules[i] = append(rules[i], out)
			continue
		}
		for _, p := range c.targets(r, from) {
			out.Prefix = p
			rules[i] = append(rules[i], out)
		}
	}
	return rules
}

// targets returns the prefixes a rule covers. A group that no interface carries
// covers none; a reference that leads nowhere is a Problem.
func (c *compiler) targets(r cloud.SecurityGroupRule, from cloud.Ref) []netip.Prefix {
	switch {
	case r.Group != "":
		if g, ok := cloud.SecurityGroups.Get(c.v, r.Group); ok && g.VPC == c.vpc.ID {
			return nil
		}
		if _, ok := c.remoteGroup(r.Group); ok {
			return nil
		}
		c.problem(from, "security group %s: rule %s refers to group %s, which is in neither VPC %s nor a peer", from.ID, r.ID, r.Group, c.vpc.ID)
		return nil
	case r.PrefixList != "":
		l, ok := cloud.PrefixLists.Get(c.v, r.PrefixList)
		if ok {
			return prefixes(l)
		}
		c.problem(from, "security group %s: rule %s refers to prefix list %s, which does not exist", from.ID, r.ID, r.PrefixList)
	case r.Prefix.IsValid():
		return []netip.Prefix{r.Prefix.Masked()}
	default:
		c.problem(from, "security group %s: rule %s names no peer", from.ID, r.ID)
	}
	if r.Action == cloud.Allow {
		return nil
	}
	return anywhere
}

// prefixes returns the list's current entries, sorted and without duplicates.
func prefixes(l *cloud.PrefixList) []netip.Prefix {
	var out []netip.Prefix
	for _, e := range l.Entries {
		if e.Prefix.IsValid() {
			out = append(out, e.Prefix.Masked())
		}
	}
	slices.SortFunc(out, comparePrefix)
	return slices.Compact(out)
}

// ports brings a rule's range into the plan's form: -1 is any; protocols
// without ports ignore them.
func ports(protocol, from, to int) (int, int, bool) {
	switch protocol {
	case protoTCP, protoUDP:
		if from < 0 || from == 0 && to >= 65535 {
			return -1, -1, true
		}
		return from, min(to, 65535), from <= to && from <= 65535
	case protoICMP, protoICMPv6:
		if from < 0 {
			return -1, -1, true
		}
		return from, max(to, -1), from <= 255 && to <= 255
	default:
		return -1, -1, true
	}
}

// order sorts rules into evaluation order (lower priority number first, of
// equals the refusal first) and joins those that say the same.
func order(rules []Rule) []Rule {
	slices.SortFunc(rules, func(a, b Rule) int {
		return cmp.Or(compareRule(a, b), slices.CompareFunc(a.Source, b.Source, compareRef))
	})
	out := rules[:0]
	for _, r := range rules {
		if n := len(out); n > 0 && compareRule(out[n-1], r) == 0 {
			out[n-1].Source = slices.Concat(out[n-1].Source, r.Source)
			continue
		}
		out = append(out, r)
	}
	return slices.Clip(out)
}

func compareRule(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(a.Priority, b.Priority),
		cmp.Compare(b.Action, a.Action), // "deny" before "allow"
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		comparePrefix(a.Prefix, b.Prefix),
		slices.Compare(a.Peers, b.Peers),
	)
}

func compareRef(a, b cloud.Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Part, b.Part))
}
