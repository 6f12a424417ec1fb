package reach

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

func attachmentRef(id cloud.TransitAttachmentID) cloud.Ref {
	return cloud.Ref{Kind: cloud.KindTransitAttachment, ID: string(id)}
}

// toTransit takes the packet to the port in the sender's zone and through the
// transit router. It returns the port of the VPC where the packet comes out.
func (w *walk) toTransit(from *netplan.ENI, pkt packet, r *netplan.Route) (*netplan.ENI, *stop) {
	t, to, s := w.port(from, pkt, r)
	if s != nil {
		return nil, s
	}
	if s := w.pass(leg{from: from, to: to, pkt: pkt, route: r}); s != nil {
		return nil, s
	}
	return w.carry(t, to, pkt)
}

// port finds the port that the sender's packets for a transit router use.
func (w *walk) port(from *netplan.ENI, pkt packet, r *netplan.Route) (*netplan.Transit, *netplan.ENI, *stop) {
	t := w.p.Transit(cloud.TransitRouterID(r.Target))
	if t == nil {
		return nil, nil, w.blackhole(from, pkt, r)
	}
	p := t.Port(w.subnet(from).Zone)
	if p == nil {
		return nil, nil, w.noPort(from, pkt, r, t)
	}
	to := w.p.ENI(p.ENI)
	switch {
	case to == nil || !speaks(to, pkt.dst):
		return nil, nil, w.noPort(from, pkt, r, t)
	case to.ID == from.ID:
		return nil, nil, w.loops(to, pkt)
	}
	return t, to, nil
}

// carry takes the packet through the transit router. An analyser of one plan
// alone follows it no further.
func (w *walk) carry(t *netplan.Transit, from *netplan.ENI, pkt packet) (*netplan.ENI, *stop) {
	route := t.Lookup(pkt.dst)
	switch {
	case t.Table == "":
		return nil, w.noTransitTable(t)
	case route == nil:
		return nil, w.noTransitRoute(t, pkt)
	case slices.ContainsFunc(route.Source, func(r cloud.Ref) bool { return w.hidden(r.Kind, r.ID) }):
		return nil, w.unknownTable(t, pkt)
	case route.VPC == "":
		return nil, w.transitDrop(t, route, pkt)
	}
	router := cloud.Ref{Kind: cloud.KindTransitRouter, ID: string(t.Router)}
	w.hop(Hop{Resource: attachmentRef(t.ID), Role: RoleTransit}, nil)
	w.through(router, RoleTransit, pkt, pkt, func() string {
		return "leads to " + string(route.VPC) + " (" + route.Dest.String() + " of " + string(t.Table) + ")"
	})
	if w.hidden(cloud.KindVPC, string(route.VPC)) {
		return nil, w.outOfSight(router, pkt, route.VPC)
	}
	w.hop(Hop{Resource: attachmentRef(route.Attachment), Role: RoleTransit}, nil)
	if w.atlas == nil {
		w.unanswered, w.end = true, w.sprintf("VPC %s through transit router %s", route.VPC, t.Router)
		return nil, nil
	}
	port := route.Port(w.subnet(from).Zone)
	w.Analyser = w.atlas.of(route.VPC)
	to := w.p.ENI(port)
	if to == nil {
		return nil, w.noHost(pkt.dst, nil)
	}
	return to, w.cut(to)
}

// arriving takes care of what no VPC does for others: its resolver and gateway
// endpoints serve its own hosts only, and nobody has a port's address.
func (w *walk) arriving(port *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	if r != nil && r.Hop == netplan.HopEndpoint {
		return &stop{
			stage: netplan.StageRouter, blame: append([]cloud.Ref{{Kind: cloud.KindEndpoint, ID: r.Target}}, r.Source...),
			text: w.sprintf("%s, which serves hosts of VPC %s only, not what comes from a transit router; give the sender's VPC an endpoint of its own", w.sends(port, r), w.p.VPC),
		}
	}
	return &stop{
		stage: netplan.StageRouter, blame: []cloud.Ref{{Kind: cloud.KindVPC, ID: string(w.p.VPC)}},
		text: w.sprintf("%s is the router or the resolver of VPC %s, which answer nothing to other VPCs; ask the resolver of your own VPC", pkt.dst, w.p.VPC),
	}
}

func (w *walk) noPort(e *netplan.ENI, p packet, r *netplan.Route, t *netplan.Transit) *stop {
	zone := w.subnet(e).Zone
	text := w.sprintf("%s, but attachment %s of VPC %s has no subnet in %s's zone %s, so packets from there do not reach it; add a subnet of that zone to the attachment", w.sends(e, r), t.ID, w.p.VPC, e.Subnet, zone)
	if t.Port(zone) != nil {
		text = w.sprintf("%s, but attachment %s of VPC %s does not carry %s; enable it on the attachment", w.sends(e, r), t.ID, w.p.VPC, either(p.dst, "IPv4", "IPv6"))
	}
	return &stop{stage: netplan.StageTransitZone, blame: append([]cloud.Ref{attachmentRef(t.ID)}, r.Source...), text: text}
}

func (w *walk) noTransitTable(t *netplan.Transit) *stop {
	return &stop{
		stage: netplan.StageTransitNoTable, blame: []cloud.Ref{attachmentRef(t.ID)},
		text: w.sprintf("Attachment %s is associated with no route table of transit router %s, which drops what comes from VPC %s; associate it with one", t.ID, t.Router, w.p.VPC),
	}
}

func (w *walk) noTransitRoute(t *netplan.Transit, p packet) *stop {
	return &stop{
		stage: netplan.StageTransitNoRoute, blame: []cloud.Ref{{Kind: cloud.KindTransitTable, ID: string(t.Table)}, attachmentRef(t.ID)},
		text: w.sprintf("Route table %s of transit router %s, which decides on what comes from VPC %s, has no route to %s; have the attachment of the VPC with that address propagate to it, or add a static route",
			t.Table, t.Router, w.p.VPC, p.dst),
	}
}

func (w *walk) unknownTable(t *netplan.Transit, p packet) *stop {
	return &stop{
		code: "TGW_RTB_ROUTES_ARE_UNKNOWN", blame: []cloud.Ref{{Kind: cloud.KindTransitTable, ID: string(t.Table)}, attachmentRef(t.ID)},
		text: w.sprintf("Route table %s of transit router %s leads packets to %s to a transit router of another account, whose routes this analysis does not see", t.Table, t.Router, p.dst),
	}
}

func (w *walk) transitDrop(t *netplan.Transit, r *netplan.TransitRoute, p packet) *stop {
	return &stop{
		stage: r.Stage, code: transitCodes[r.Stage], blame: append(r.Source[:len(r.Source):len(r.Source)], attachmentRef(t.ID)),
		text: w.sprintf("Route table %s of transit router %s, which decides on what comes from VPC %s, drops packets to %s (%s): %s", t.Table, t.Router, w.p.VPC, p.dst, r.Dest, r.Why),
	}
}

// transitCodes are the vendor's codes where another stage has the same name.
var transitCodes = map[netplan.Stage]string{netplan.StageLoop: "TGW_RTB_BAD_STATE_ROUTE"}

// elsewhere lists the VPCs that transit routers lead to from here, or from which they lead here.
func (x *Analyser) elsewhere() (ids []cloud.VPCID) {
	seen := map[cloud.VPCID]bool{x.p.VPC: true, "": true}
	add := func(id cloud.VPCID) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, t := range x.p.Transits {
		for _, r := range t.Routes {
			add(r.VPC)
		}
		for _, p := range t.Ports {
			for _, in := range p.In {
				add(in.VPC)
			}
		}
	}
	return ids
}

// remoteSender finds the sender of a packet in VPCs beyond transit routers, and goes there.
func (w *walk) remoteSender(src netip.Addr) *netplan.ENI {
	if w.atlas == nil {
		return nil
	}
	for _, id := range w.elsewhere() {
		far := w.atlas.of(id)
		if e := far.owner(src); e != nil && e.Attach != netplan.AttachTransit {
			w.Analyser = far
			return e
		}
	}
	return nil
}
