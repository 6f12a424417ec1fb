package netplan

import (
	"cmp"
	"slices"
	"strconv"

	"weir/internal/cloud"
)

// acls gives each subnet its ACL, the VPC's default one where none is set, and
// compiles those in use.
func (c *compiler) acls() {
	var fallback cloud.NetworkACLID
	for a := range cloud.NetworkACLs.By(c.v, "vpc", string(c.vpc.ID)) {
		if a.Default && (fallback == "" || a.ID < fallback) {
			fallback = a.ID
		}
	}
	used := map[cloud.NetworkACLID]bool{}
	for i := range c.p.Subnets {
		s := &c.p.Subnets[i]
		s.ACL = fallback
		if r, ok := cloud.Subnets.Get(c.v, s.ID); ok && r.NetworkACL != "" {
			s.ACL = r.NetworkACL
		}
		used[s.ACL] = true
	}
	for id := range used {
		c.p.ACLs = append(c.p.ACLs, c.acl(id))
	}
	slices.SortFunc(c.p.ACLs, func(a, b ACL) int { return cmp.Compare(a.ID, b.ID) })
}

func (c *compiler) acl(id cloud.NetworkACLID) ACL {
	out := ACL{ID: id}
	a, ok := cloud.NetworkACLs.Get(c.v, id)
	if !ok || a.VPC != c.vpc.ID {
		c.problem(ref(cloud.KindNetworkACL, id), "network ACL %q is not in VPC %s: its subnets are closed", id, c.vpc.ID)
		return out
	}
	for _, e := range a.Entries {
		lines := c.aclLines(a.ID, e)
		if e.Egress {
			out.Out = append(out.Out, lines...)
		} else {
			out.In = append(out.In, lines...)
		}
	}
	slices.SortFunc(out.In, compareACLEntry)
	slices.SortFunc(out.Out, compareACLEntry)
	return out
}

// aclLines is one line, or none if it can match nothing; a refusal without a
// valid prefix refuses everything.
func (c *compiler) aclLines(id cloud.NetworkACLID, e cloud.NetworkACLEntry) []ACLEntry {
	from := cloud.Ref{Kind: cloud.KindNetworkACL, ID: string(id), Part: strconv.Itoa(e.Number)}
	out := ACLEntry{
		Number: e.Number, Action: e.Action, Protocol: e.Protocol,
		From: -1, To: -1, ICMPType: -1, ICMPCode: -1, Source: []cloud.Ref{from},
	}
	if out.Action != cloud.Allow {
		out.Action = cloud.Deny
	}
	ok := true
	switch e.Protocol {
	case protoTCP, protoUDP:
		out.From, out.To, ok = ports(e.Protocol, e.From, e.To)
	case protoICMP, protoICMPv6:
		out.ICMPType, out.ICMPCode, ok = ports(e.Protocol, e.ICMPType, e.ICMPCode)
	}
	if !ok {
		c.problem(from, "network ACL %s: rule %d has no possible port or type", id, e.Number)
		return nil
	}
	if e.Prefix.IsValid() {
		out.Prefix = e.Prefix.Masked()
		return []ACLEntry{out}
	}
	c.problem(from, "network ACL %s: rule %d has no valid prefix", id, e.Number)
	if out.Action == cloud.Allow {
		return nil
	}
	var lines []ACLEntry
	for _, p := range anywhere {
		out.Prefix = p
		lines = append(lines, out)
	}
	return lines
}

// compareACLEntry orders by number; numbers are unique in a valid ACL, and of
// equals the refusal comes first.
func compareACLEntry(a, b ACLEntry) int {
	return cmp.Or(
		cmp.Compare(a.Number, b.Number),
		cmp.Compare(b.Action, a.Action),
		comparePrefix(a.Prefix, b.Prefix),
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.ICMPType, b.ICMPType),
		cmp.Compare(a.ICMPCode, b.ICMPCode),
	)
}
