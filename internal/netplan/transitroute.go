package netplan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// mesh answers what transit routers do with packets. It remembers what it has
// found, for one state.
type mesh struct {
	v      cloud.View
	tables map[cloud.TransitTableID][]transitCandidate
	ports  map[cloud.TransitAttachmentID][]TransitEnd
}

func newMesh(v cloud.View) *mesh {
	return &mesh{v: v, tables: map[cloud.TransitTableID][]transitCandidate{}, ports: map[cloud.TransitAttachmentID][]TransitEnd{}}
}

// ends are the ports of a VPC's attachment.
func (m *mesh) ends(a *cloud.TransitAttachment) []TransitEnd {
	out, ok := m.ports[a.ID]
	if !ok {
		out = ends(m.v, a)
		m.ports[a.ID] = out
	}
	return out
}

// around lists the VPCs' attachments from which packets may come to a transit
// router: its own, and those of the transit routers joined to it.
func (m *mesh) around(id cloud.TransitRouterID) (out []*cloud.TransitAttachment) {
	seen := map[cloud.TransitRouterID]bool{id: true}
	for next := []cloud.TransitRouterID{id}; len(next) > 0; next = next[1:] {
		for a := range cloud.TransitAttachments.By(m.v, "router", string(next[0])) {
			other := a.Other(next[0])
			switch {
			case !works(m.v, a):
			case a.Peer == nil:
				out = append(out, a)
			case !seen[other]:
				seen[other] = true
				next = append(next, other)
			}
		}
	}
	slices.SortFunc(out, func(a, b *cloud.TransitAttachment) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// from gives the table that an attachment of a transit router is associated
// with, and what becomes of packets that come in by it.
func (m *mesh) from(router cloud.TransitRouterID, a cloud.TransitAttachmentID) (cloud.TransitTableID, []TransitRoute) {
	t := associated(m.v, router, a)
	if t == nil {
		return "", nil
	}
	return t.ID, m.resolve(t, a, []cloud.TransitRouterID{router})
}

func associated(v cloud.View, router cloud.TransitRouterID, a cloud.TransitAttachmentID) *cloud.TransitTable {
	for t := range cloud.TransitTables.By(v, "router", string(router)) {
		if t.Deleted.IsZero() && slices.Contains(t.Associations, a) {
			return t
		}
	}
	return nil
}

// resolve follows a table's routes for what comes in by an attachment; passed
// are the transit routers that it has been through.
func (m *mesh) resolve(t *cloud.TransitTable, in cloud.TransitAttachmentID, passed []cloud.TransitRouterID) (out []TransitRoute) {
	own := m.candidates(t)
	for i, r := range own {
		route := TransitRoute{Dest: r.dest, Source: []cloud.Ref{{Kind: cloud.KindTransitTable, ID: string(t.ID), Part: r.dest.String()}}}
		if r.list != "" {
			route.Source = append(route.Source, ref(cloud.KindPrefixList, r.list))
		}
		out = append(out, m.follow(route, r.to, in, passed, own[:i])...)
	}
	slices.SortStableFunc(out, func(a, b TransitRoute) int {
		return cmp.Or(cmp.Compare(b.Dest.Bits(), a.Dest.Bits()), comparePrefix(a.Dest, b.Dest))
	})
	return out
}

// follow tells where one route leads; closer are those of the same table that
// win over it.
func (m *mesh) follow(r TransitRoute, to, in cloud.TransitAttachmentID, passed []cloud.TransitRouterID, closer []transitCandidate) []TransitRoute {
	drop := func(s Stage, format string, args ...any) []TransitRoute {
		r.Stage, r.Why = s, fmt.Sprintf(format, args...)
		return []TransitRoute{r}
	}
	if to == "" {
		return drop(StageTransitBlackhole, "the route says so")
	}
	a, ok := cloud.TransitAttachments.Get(m.v, to)
	router := passed[len(passed)-1]
	switch {
	case !ok || !works(m.v, a) || a.Router != router && a.Other(router) == "":
		return drop(StageTransitBlackhole, "attachment %s is not available", to)
	case to == in:
		return drop(StageLoop, "it leads back to attachment %s, which packets come from", to)
	case a.Peer == nil:
		if !a.IPv6 && r.Dest.Addr().Is6() {
			return drop(StageTransitBlackhole, "attachment %s does not carry IPv6", to)
		}
		if r.Ports = m.ends(a); len(r.Ports) == 0 {
			return drop(StageTransitBlackhole, "attachment %s has no network interface", to)
		}
		r.VPC, r.Attachment, r.OneZone = a.VPC, a.ID, a.OneZone
		return []TransitRoute{r}
	}
	other := a.Other(router)
	if slices.Contains(passed, other) {
		return drop(StageLoop, "it leads back to transit router %s, which packets come from", other)
	}
	t := associated(m.v, other, to)
	if t == nil {
		return drop(StageTransitNoTable, "attachment %s is associated with no route table of transit router %s", to, other)
	}
	return within(r, m.resolve(t, to, append(passed[:len(passed):len(passed)], other)), t, closer)
}

// within narrows the next transit router's routes to what a route leads there.
func within(r TransitRoute, next []TransitRoute, t *cloud.TransitTable, closer []transitCandidate) (out []TransitRoute) {
	for _, n := range next {
		n.Source = slices.Concat(r.Source, n.Source)
		switch {
		case !n.Dest.Overlaps(r.Dest):
		case n.Dest.Bits() <= r.Dest.Bits(): // the rest goes here
			n.Dest = r.Dest
			return append(out, n)
		case !slices.ContainsFunc(closer, func(c transitCandidate) bool {
			return c.dest.Bits() <= n.Dest.Bits() && c.dest.Contains(n.Dest.Addr())
		}):
			out = append(out, n)
		}
	}
	r.Stage, r.Why = StageTransitNoRoute, fmt.Sprintf("route table %s of transit router %s has no route to it", t.ID, t.Router)
	r.Source = append(r.Source[:len(r.Source):len(r.Source)], ref(cloud.KindTransitTable, t.ID))
	return append(out, r)
}

// transitCandidate is a route of one table. Of those with the same destination
// the vendor takes static ones first, then prefix lists, then what is propagated.
// https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-route-evaluation-overview
type transitCandidate struct {
	dest netip.Prefix
	to   cloud.TransitAttachmentID // "" is a blackhole
	list cloud.PrefixListID
	rank int
}

const (
	rankTransitStatic = iota
	rankTransitList
	rankTransitPropagated
)

// candidates are a table's routes, longest prefix first, one per destination.
func (m *mesh) candidates(t *cloud.TransitTable) []transitCandidate {
	if out, ok := m.tables[t.ID]; ok {
		return out
	}
	all := m.propagated(t)
	for _, r := range t.Routes {
		c := transitCandidate{dest: r.Dest, to: r.Attachment, list: r.PrefixList, rank: rankTransitStatic}
		if r.PrefixList == "" {
			all = append(all, c)
			continue
		}
		if l, ok := cloud.PrefixLists.Get(m.v, r.PrefixList); ok {
			for _, c.dest = range prefixes(l) {
				c.rank = rankTransitList
				all = append(all, c)
			}
		}
	}
	all = slices.DeleteFunc(all, func(c transitCandidate) bool { return !c.dest.IsValid() })
	for i := range all {
		all[i].dest = all[i].dest.Masked()
	}
	slices.SortStableFunc(all, func(a, b transitCandidate) int {
		return cmp.Or(cmp.Compare(b.dest.Bits(), a.dest.Bits()), comparePrefix(a.dest, b.dest), cmp.Compare(a.rank, b.rank), cmp.Compare(a.list, b.list))
	})
	out := slices.CompactFunc(all, func(a, b transitCandidate) bool { return a.dest == b.dest })
	m.tables[t.ID] = out
	return out
}

// propagated are the blocks of the VPCs that propagate to a table. A VPC whose
// blocks overlap those of one that was attached earlier does not.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
func (m *mesh) propagated(t *cloud.TransitTable) (out []transitCandidate) {
	for _, p := range Propagated(m.v, t) {
		out = append(out, transitCandidate{dest: p.Dest, to: p.Attachment, rank: rankTransitPropagated})
	}
	return out
}

// Propagated lists the routes that attachments propagate to a transit router's
// table, those of earlier attachments first.
func Propagated(v cloud.View, t *cloud.TransitTable) []cloud.TransitRoute {
	return propagated(v, t, true)
}

// propagated is Propagated, without what other transit routers tell unless peers says so.
func propagated(v cloud.View, t *cloud.TransitTable, peers bool) (out []cloud.TransitRoute) {
	router, ok := cloud.TransitRouters.Get(v, t.Router)
	if !ok {
		return nil
	}
	var from []*cloud.TransitAttachment
	for _, id := range t.Propagations {
		if a, ok := cloud.TransitAttachments.Get(v, id); ok && works(v, a) && (a.Peer == nil && a.Router == t.Router || a.Other(t.Router) != "" && peers && router.Domain != "") {
			from = append(from, a)
		}
	}
	slices.SortStableFunc(from, func(a, b *cloud.TransitAttachment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	for _, a := range from {
		blocks := blocksOf(v, a)
		if a.Peer != nil {
			blocks = learnt(v, a, a.Other(t.Router))
		}
		clash := func(b netip.Prefix) bool {
			return slices.ContainsFunc(out, func(r cloud.TransitRoute) bool { return r.Dest == b || router.Domain == "" && r.Dest.Overlaps(b) })
		}
		if router.Domain != "" {
			blocks = slices.DeleteFunc(blocks, clash)
		} else if slices.ContainsFunc(blocks, clash) {
			blocks = nil
		}
		for _, b := range blocks {
			out = append(out, cloud.TransitRoute{Dest: b, Attachment: a.ID})
		}
	}
	return out
}

// blocksOf are the destinations that the tables of an attachment's VPC have by
// themselves, which it propagates: its own blocks, or those of its subnets.
// https://www.alibabacloud.com/help/en/cen/user-guide/advertise-routes-to-a-transit-router
func blocksOf(v cloud.View, a *cloud.TransitAttachment) (out []netip.Prefix) {
	vpc, ok := cloud.VPCs.Get(v, a.VPC)
	if !ok {
		return nil
	}
	add := func(p netip.Prefix) {
		if p.IsValid() && (a.IPv6 || p.Addr().Is4()) {
			out = append(out, p.Masked())
		}
	}
	if !vpc.SubnetRoutes {
		for _, b := range slices.Concat(vpc.CIDRs, vpc.CIDRs6) {
			add(b.Prefix)
		}
		return out
	}
	for s := range cloud.Subnets.By(v, "vpc", string(vpc.ID)) {
		add(s.CIDR)
		for _, b := range s.CIDRs6 {
			add(b.Prefix)
		}
	}
	slices.SortFunc(out, comparePrefix)
	return out
}

// learnt are the destinations that the transit router at the other end tells, if
// the connection publishes: those that its associated table there leads to VPCs.
// What that has learnt itself it does not tell, so nothing is told in a circle.
func learnt(v cloud.View, a *cloud.TransitAttachment, other cloud.TransitRouterID) (out []netip.Prefix) {
	t := associated(v, other, a.ID)
	if !a.Publish || t == nil {
		return nil
	}
	for _, r := range slices.Concat(propagated(v, t, false), t.Routes) {
		to, ok := cloud.TransitAttachments.Get(v, r.Attachment)
		if ok && to.Peer == nil && r.PrefixList == "" && r.Dest.IsValid() && !slices.Contains(out, r.Dest.Masked()) {
			out = append(out, r.Dest.Masked())
		}
	}
	return out
}

// Published are the routes that transit routers tell a VPC: those of the tables
// that its attachments are associated with, if they publish, but for what leads
// back to it or into its own blocks.
func Published(v cloud.View, vpc cloud.VPCID) (out []cloud.Route) {
	m := newMesh(v)
	var own []netip.Prefix
	for a := range cloud.TransitAttachments.By(v, "vpc", string(vpc)) {
		if !a.Publish || !works(v, a) {
			continue
		}
		if own == nil {
			own = blocksOf(v, &cloud.TransitAttachment{VPC: vpc, IPv6: true})
		}
		t := associated(v, a.Router, a.ID)
		if t == nil {
			continue
		}
		for _, c := range m.candidates(t) {
			inside := slices.ContainsFunc(own, func(b netip.Prefix) bool { return b.Bits() <= c.dest.Bits() && b.Overlaps(c.dest) })
			if to, ok := cloud.TransitAttachments.Get(v, c.to); ok && to.ID != a.ID && works(v, to) && !inside {
				out = append(out, cloud.Route{Dest: c.dest, Target: cloud.RouteTarget{Kind: cloud.TargetTransit, ID: string(a.Router)}})
			}
		}
	}
	return out
}
