package oracle

import (
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
)

// hub is what the dice remember of a transit router.
type hub struct {
	id     cloud.TransitRouterID
	tables []cloud.TransitTableID
	ends   []cloud.TransitAttachmentID // of VPCs and of other transit routers
	worlds []*world
}

// transit may join VPCs by transit routers, and those to each other.
func (d *dice) transit() {
	defer d.from(d.joins)()
	if !d.chance(45) {
		return
	}
	for range pick(d, 1, 1, 1, 2, 2, 3) {
		h := &hub{id: cloud.TransitRouterID(d.id("tgw"))}
		cloud.TransitRouters.Put(d.s, &cloud.TransitRouter{Meta: meta, ID: h.id})
		for range 1 + d.IntN(2) {
			t := &cloud.TransitTable{Meta: meta, ID: cloud.TransitTableID(d.id("tgw-rtb")), Router: h.id}
			cloud.TransitTables.Put(d.s, t)
			h.tables = append(h.tables, t.ID)
		}
		for _, w := range d.worlds {
			if d.chance(75) {
				d.attach(h, w)
			}
		}
		for _, other := range d.hubs {
			if d.chance(75) {
				d.join(other, h)
			}
		}
		d.hubs = append(d.hubs, h)
	}
	for _, h := range d.hubs {
		for _, t := range h.tables {
			edit(d.s, cloud.TransitTables, t, func(t *cloud.TransitTable) { t.Routes = d.transitRoutes(h) })
		}
	}
}

// attach gives the VPC a port in some zones.
func (d *dice) attach(h *hub, w *world) {
	a := &cloud.TransitAttachment{Meta: meta, ID: cloud.TransitAttachmentID(d.id("tgw-attach")), Router: h.id, VPC: w.v.ID,
		State: d.transitState(), IPv6: w.v6 && d.chance(70), OneZone: d.chance(20)}
	a.Created = time.Unix(int64(d.n), 0).UTC()
	for _, s := range w.subnets {
		if d.chance(75) {
			d.port(a, s)
		}
	}
	cloud.TransitAttachments.Put(d.s, a)
	w.hubs, h.worlds = append(w.hubs, h), append(h.worlds, w)
	d.end(h, a.ID, true)
	t := cloud.RouteTarget{Kind: cloud.TargetTransit, ID: string(h.id)}
	w.targets = append(w.targets, t, t, t, t, t, t)
}

// port puts the attachment's interface in the subnet, if its zone has none.
func (d *dice) port(a *cloud.TransitAttachment, s *cloud.Subnet) {
	for _, other := range a.Subnets {
		if o, _ := cloud.Subnets.Get(d.s, other); o.Zone == s.Zone {
			return
		}
	}
	n := 230 + d.n%20
	e := &cloud.Interface{Meta: meta, ID: cloud.InterfaceID(d.id("eni")), VPC: a.VPC, Subnet: s.ID, Use: cloud.UseTransit}
	if v4 := nth(s, n, true); v4.IsValid() {
		e.Addrs = []netip.Addr{v4}
	}
	if v6 := nth(s, n, false); v6.IsValid() && a.IPv6 {
		e.Addrs6 = []netip.Addr{v6}
	}
	if len(e.Addrs)+len(e.Addrs6) > 0 {
		cloud.Interfaces.Put(d.s, e)
		a.Subnets, a.Interfaces = append(a.Subnets, s.ID), append(a.Interfaces, e.ID)
	}
}

func (d *dice) transitState() cloud.TransitState {
	return pick(d, cloud.TransitAvailable, cloud.TransitAvailable, cloud.TransitAvailable, cloud.TransitAvailable, cloud.TransitAvailable, cloud.TransitPending)
}

func (d *dice) join(a, b *hub) {
	id := cloud.TransitAttachmentID(d.id("tgw-attach"))
	cloud.TransitAttachments.Put(d.s, &cloud.TransitAttachment{Meta: meta, ID: id, Router: a.id, State: d.transitState(),
		Peer: &cloud.TransitPeer{Router: b.id, Account: account, Region: region}})
	d.end(a, id, false)
	d.end(b, id, false)
	for _, h := range []*hub{a, b} {
		h.worlds = append(h.worlds, a.worlds...)
		h.worlds = append(h.worlds, b.worlds...)
	}
}

// end associates an attachment with a table, and has a VPC's propagate.
func (d *dice) end(h *hub, id cloud.TransitAttachmentID, propagates bool) {
	h.ends = append(h.ends, id)
	if d.chance(90) {
		d.associate(h, id)
	}
	for _, t := range h.tables {
		if propagates && d.chance(65) {
			edit(d.s, cloud.TransitTables, t, func(t *cloud.TransitTable) {
				t.Propagations = append(slices.Clone(t.Propagations), id)
			})
		}
	}
}

func (d *dice) associate(h *hub, id cloud.TransitAttachmentID) {
	edit(d.s, cloud.TransitTables, pick(d, h.tables...), func(t *cloud.TransitTable) { t.Associations = append(slices.Clone(t.Associations), id) })
}

// transitRoutes are a table's static routes.
func (d *dice) transitRoutes(h *hub) (out []cloud.TransitRoute) {
	for range d.IntN(5) {
		r := cloud.TransitRoute{Dest: pick(d, pfx("0.0.0.0/0"), pfx("::/0"), pfx("10.0.0.0/8"), pfx("198.51.100.0/24"), pfx("2001:db8::/32"))}
		if len(h.worlds) > 0 && d.chance(60) {
			w := pick(d, h.worlds...)
			r.Dest = pick(d, pf("10.%d.0.0/16", w.net), pf("10.%d.%d.0/24", w.net, d.IntN(4)), pf("10.%d.%d.%d/32", w.net, d.IntN(4), 10+d.IntN(4)),
				pf("2001:db8:1%d00::/56", w.n), pf("2001:db8:1%d00:%d::/64", w.n, d.IntN(4)))
		}
		if len(h.ends) > 0 && d.chance(85) {
			r.Attachment = pick(d, h.ends...)
		}
		if !slices.ContainsFunc(out, func(o cloud.TransitRoute) bool { return o.Dest == r.Dest }) {
			out = append(out, r)
		}
	}
	return out
}

// transitTable edits a table of some transit router, if there is one.
func (d *dice) transitTable(f func(*hub, *cloud.TransitTable)) {
	if len(d.hubs) > 0 {
		h := pick(d, d.hubs...)
		edit(d.s, cloud.TransitTables, pick(d, h.tables...), func(t *cloud.TransitTable) { f(h, t) })
	}
}

func (d *dice) rerouteTransit(*world) {
	d.transitTable(func(h *hub, t *cloud.TransitTable) { t.Routes = d.transitRoutes(h) })
}

func (d *dice) propagate(*world) {
	d.transitTable(func(h *hub, t *cloud.TransitTable) {
		if t.Propagations = less(d, t.Propagations); d.chance(50) {
			for a := range cloud.TransitAttachments.By(d.s, "router", string(h.id)) {
				if a.Peer == nil && !slices.Contains(t.Propagations, a.ID) {
					t.Propagations = append(t.Propagations, a.ID)
				}
			}
		}
	})
}

func (d *dice) reassociateTransit(*world) {
	if len(d.hubs) == 0 {
		return
	}
	h := pick(d, d.hubs...)
	if len(h.ends) == 0 {
		return
	}
	id := pick(d, h.ends...)
	for _, t := range h.tables {
		edit(d.s, cloud.TransitTables, t, func(t *cloud.TransitTable) {
			t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a cloud.TransitAttachmentID) bool { return a == id })
		})
	}
	if d.chance(85) {
		d.associate(h, id)
	}
}

// attachment edits an attachment of some transit router, if there is one.
func (d *dice) attachment(f func(*cloud.TransitAttachment)) {
	if len(d.hubs) > 0 {
		if h := pick(d, d.hubs...); len(h.ends) > 0 {
			edit(d.s, cloud.TransitAttachments, pick(d, h.ends...), f)
		}
	}
}

func (d *dice) switchAttachment(*world) {
	d.attachment(func(a *cloud.TransitAttachment) {
		if a.State == cloud.TransitAvailable {
			a.State = cloud.TransitDeleted
		} else {
			a.State = cloud.TransitAvailable
		}
	})
}

func (d *dice) switchOneZone(*world) {
	d.attachment(func(a *cloud.TransitAttachment) { a.OneZone = !a.OneZone })
}

// movePort takes a zone from a VPC's attachment, and may give it another.
func (d *dice) movePort(w *world) {
	for a := range cloud.TransitAttachments.By(d.s, "vpc", string(w.v.ID)) {
		edit(d.s, cloud.TransitAttachments, a.ID, func(a *cloud.TransitAttachment) {
			a.Subnets, a.Interfaces = slices.Clone(a.Subnets), slices.Clone(a.Interfaces)
			if len(a.Interfaces) > 1 || d.chance(20) && len(a.Interfaces) > 0 {
				cloud.Interfaces.Delete(d.s, a.Interfaces[0])
				a.Subnets, a.Interfaces = a.Subnets[1:], a.Interfaces[1:]
			}
			if d.chance(60) {
				d.port(a, pick(d, w.subnets...))
			}
		})
		return
	}
}

// neighbours are the VPCs that the transit routers of one may lead to.
func (w *world) neighbours() (out []*world) {
	for _, h := range w.hubs {
		for _, o := range h.worlds {
			if o != w && !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// across is a destination that transit routers may know.
func (d *dice) across(w *world) netip.Prefix {
	if near := w.neighbours(); len(near) > 0 && d.chance(60) {
		o := pick(d, near...)
		if w.v6 && o.v6 && d.chance(40) {
			return pf("2001:db8:1%d00::/56", o.n)
		}
		return pick(d, pf("10.%d.0.0/16", o.net), pf("10.%d.0.0/16", o.net), pf("10.%d.%d.0/24", o.net, d.IntN(4)))
	}
	if w.v6 && d.chance(40) {
		return pfx("2001:db8::/32")
	}
	return pfx("10.0.0.0/8")
}

func (d *dice) transitChanges() []change {
	return []change{
		{"transit routes made anew", d.rerouteTransit}, {"transit propagations changed", d.propagate}, {"transit association changed", d.reassociateTransit},
		{"transit attachment ended or begun", d.switchAttachment}, {"transit attachment for one zone", d.switchOneZone}, {"transit port moved", d.movePort},
	}
}
