package reach

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// leg is one passage through the router; a nil end is the internet or an endpoint.
type leg struct {
	from, to *netplan.ENI
	pkt      packet
	route    *netplan.Route // the sender's, if it is an interface
	number   int            // as in Hop.Leg
	peer     *netplan.Peer  // what a nil end is, if it is a peer
	in       *Analyser      // of the VPC that it is in
}

// walk follows one flow; its Analyser is that of the VPC where it is.
type walk struct {
	*Analyser
	legs        []leg
	leg         int // the passage now, for hops
	path, reply []Hop
	answering   bool
	terse       bool // neither texts nor paths are wanted
	// unanswered: where the flow ends, answers are not the plan's to judge
	// (the resolver, an interface's own address, a forwarding host).
	unanswered bool
	end        string // what the packet reached, in words
	// further are the answer's hops on the connection that a load balancer made
	// for this one; behind counts such connections.
	further []Hop
	behind  int
	sentOn  []cloud.InterfaceID // of the NAT gateways that have sent the packet on to a host
}

func eniRef(e *netplan.ENI) cloud.Ref {
	return cloud.Ref{Kind: cloud.KindInterface, ID: string(e.ID)}
}

// owner is the interface that has this private address, or nil.
func (x *Analyser) owner(a netip.Addr) *netplan.ENI { return x.owners[a] }

// local reports whether the address is in the VPC's blocks.
func (x *Analyser) local(a netip.Addr) bool {
	return slices.ContainsFunc(x.p.CIDRs, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (x *Analyser) subnet(e *netplan.ENI) *netplan.Subnet { return x.places[e].subnet }

// lookup finds the route for dst in the table of the interface's subnet, or in
// that of src if it has a public address that leaves directly.
func (x *Analyser) lookup(e *netplan.ENI, src, dst netip.Addr) *netplan.Route {
	t := x.places[e].table
	if d := x.places[e].direct; d != nil && slices.Contains(e.Addrs, src) && x.publics[src] != nil {
		t = d
	}
	for i := range t.Routes {
		if t.Routes[i].Dest.Contains(dst) {
			return &t.Routes[i]
		}
	}
	return nil
}

// public finds the pair that has this private, or this public address.
func (x *Analyser) public(a netip.Addr) *netplan.PublicAddr { return x.publics[a] }

// forward follows a new flow's first packet until it is delivered or stopped.
func (w *walk) forward(from *netplan.ENI, pkt packet) *stop {
	if from == nil {
		return w.enter(pkt)
	}
	w.leg++
	w.at(from, RoleSource, pkt, func() string { return "sends from " + pkt.src.String() })
	if !from.AnySource && !slices.Contains(from.Addrs, pkt.src) {
		return w.spoofed(from, pkt)
	}
	if s := w.cut(from); s != nil && reachesRouter(from, pkt.dst) {
		return s
	}
	return w.goOn(from, pkt)
}

// goOn takes a packet from an interface through the router, as often as something
// sends it on from there.
func (w *walk) goOn(from *netplan.ENI, pkt packet) *stop {
	for seen := []cloud.InterfaceID{from.ID}; ; {
		next, s := w.step(from, &pkt)
		if s != nil || next == nil {
			return w.noResolver(pkt, s)
		}
		if slices.Contains(seen, next.ID) {
			return w.loops(next, pkt)
		}
		seen = append(seen, next.ID)
		from = next
		w.leg++
	}
}

// step takes a packet from an interface through the router once. It returns the
// interface from which the packet goes on: a NAT gateway's, which translated it,
// or a transit router's port in another VPC.
func (w *walk) step(from *netplan.ENI, pkt *packet) (*netplan.ENI, *stop) {
	switch {
	case w.p.DNS.Enabled && slices.Contains(w.p.DNS.Resolvers, pkt.dst): // else nobody has the address
		if from.Attach == netplan.AttachTransit {
			return nil, w.arriving(from, *pkt, nil)
		}
		return nil, w.resolve(*pkt)
	case !routable(pkt.dst):
		return nil, w.unroutable(from, *pkt)
	case slices.Contains(from.Addrs, pkt.dst) && from.Attach == netplan.AttachTransit:
		return nil, w.loops(from, *pkt)
	case slices.Contains(from.Addrs, pkt.dst):
		return nil, w.itself(from, *pkt)
	case w.router(pkt.dst):
		return nil, w.noService(*pkt)
	}
	r := w.lookup(from, pkt.src, pkt.dst)
	if r == nil {
		return nil, w.noRoute(from, *pkt)
	}
	w.routed(r)
	switch r.Hop {
	case netplan.HopLocal:
		to := w.owner(pkt.dst)
		if to == nil {
			return nil, w.noHost(pkt.dst, r)
		}
		return nil, w.deliver(leg{from: from, to: to, pkt: *pkt, route: r})
	case netplan.HopENI:
		return nil, w.divert(from, *pkt, r)
	case netplan.HopNAT:
		return w.translate(from, pkt, r)
	case netplan.HopInternet, netplan.HopEgressOnly, netplan.HopIPv6:
		return nil, w.leave(from, *pkt, r)
	case netplan.HopEndpoint:
		if from.Attach == netplan.AttachTransit {
			return nil, w.arriving(from, *pkt, r)
		}
		return nil, w.endpoint(from, *pkt, r)
	case netplan.HopPeering:
		return nil, w.cross(from, *pkt, r)
	case netplan.HopTransit:
		return w.toTransit(from, *pkt, r)
	default:
		return nil, w.blackhole(from, *pkt, r)
	}
}

// routable: link-local, multicast and the like never leave an interface.
func routable(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !(a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240))
}

// router: the first host of each block is the router's own address.
func (x *Analyser) router(a netip.Addr) bool {
	return slices.Contains(x.p.Routers, a)
}

// resolve: the VPC's resolver answers DNS; neither security groups nor ACLs
// filter it, and routes do not matter.
func (w *walk) resolve(pkt packet) *stop {
	if !pkt.ported() || pkt.dport != (span{53, 53}) {
		return w.noService(pkt)
	}
	w.unanswered, w.end = true, "the VPC's resolver"
	w.through(cloud.Ref{Kind: cloud.KindVPC, ID: string(w.p.VPC)}, RoleGateway, pkt, pkt, func() string { return "resolver " + pkt.dst.String() })
	return nil
}

// deliver takes the packet to an interface that has its destination address.
func (w *walk) deliver(l leg) *stop {
	if s := w.pass(l); s != nil {
		return s
	}
	switch l.to.Attach {
	case netplan.AttachDirect, netplan.AttachEndpoint, netplan.AttachBalancer:
	case netplan.AttachNAT:
		return w.sendOn(l)
	default:
		return w.unsolicited(l)
	}
	w.end = w.sprintf("%s (%s)", l.to.ID, l.pkt.dst)
	if l.to.Attach != netplan.AttachDirect {
		return w.serve(l)
	}
	return nil
}

// sendOn has a NAT gateway send a packet on to the host that it is meant for.
func (w *walk) sendOn(l leg) *stop {
	f := l.to.Forward(l.pkt.dst, l.pkt.proto, l.pkt.dport.lo, l.pkt.dport.hi)
	if f == nil {
		return w.unsolicited(l)
	}
	if slices.Contains(f.Own, l.pkt.src) || slices.Contains(w.sentOn, l.to.ID) {
		return w.forwardRing(l, f)
	}
	w.sentOn = append(w.sentOn, l.to.ID)
	in := l.pkt
	l.pkt.dst = f.Host
	if f.Protocol >= 0 {
		l.pkt.dport = span{l.pkt.dport.lo + f.Port - f.From, l.pkt.dport.hi + f.Port - f.From}
	}
	w.through(f.Source[0], RoleNAT, in, l.pkt, func() string { return "sends on to " + f.Host.String() })
	w.leg++
	return w.goOn(l.to, l.pkt)
}

// itself: a packet to the sender's own address never reaches the router.
func (w *walk) itself(e *netplan.ENI, pkt packet) *stop {
	if e.Attach != netplan.AttachDirect {
		return w.unsolicited(leg{from: e, to: e, pkt: pkt})
	}
	w.unanswered, w.end = true, string(e.ID)+" itself"
	return nil
}

// divert takes the packet to an interface that a route names. What a host that
// takes packets for others does with them is not in the plan.
func (w *walk) divert(from *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	to := w.p.ENI(r.ENI)
	switch {
	case to == nil:
		return w.blackhole(from, pkt, r)
	case slices.Contains(to.Addrs, pkt.dst):
		return w.deliver(leg{from: from, to: to, pkt: pkt, route: r})
	case !to.AnySource || !speaks(to, pkt.dst):
		return w.notForMe(from, to, pkt, r)
	case to.ID == from.ID:
		return w.loops(to, pkt)
	}
	if s := w.deliver(leg{from: from, to: to, pkt: pkt, route: r}); s != nil {
		return s
	}
	w.unanswered = true
	w.end = w.sprintf("%s, which takes packets for other addresses; what the host behind it does with them is its own affair", to.ID)
	return nil
}

// speaks reports whether the interface has an address of a's family.
func speaks(e *netplan.ENI, a netip.Addr) bool {
	return slices.ContainsFunc(e.Addrs, func(b netip.Addr) bool { return a.Is4() == b.Is4() })
}

// translate takes the packet to a NAT gateway and returns its interface, with
// the packet rewritten to that interface's address.
func (w *walk) translate(from *netplan.ENI, pkt *packet, r *netplan.Route) (*netplan.ENI, *stop) {
	to := w.p.ENI(r.ENI)
	if to == nil {
		return nil, w.blackhole(from, *pkt, r)
	}
	if to.ID == from.ID {
		return nil, w.loops(to, *pkt)
	}
	if slices.Contains(to.Addrs, pkt.dst) { // it is for the gateway itself
		return nil, w.deliver(leg{from: from, to: to, pkt: *pkt, route: r})
	}
	if s := w.pass(leg{from: from, to: to, pkt: *pkt, route: r}); s != nil {
		return nil, s
	}
	if !pkt.ported() && !pkt.pings() {
		return nil, w.natProtocol(*pkt, r)
	}
	in, addrs := *pkt, to.Translated()
	if to.Selective {
		t := to.Translation(pkt.src)
		if t == nil {
			return nil, w.natSource(*pkt, r)
		}
		addrs = t.Addrs
	} else if s := w.nat64(from, pkt, r); s != nil {
		return nil, s
	}
	pkt.src = addrs[0]
	if pkt.sport.lo != pkt.sport.hi || pkt.sport.lo < natPorts.lo {
		pkt.sport = natPorts
	}
	out := *pkt
	w.through(cloud.Ref{Kind: cloud.KindNATGateway, ID: r.Target}, RoleNAT, in, out, func() string {
		note := "sends on from " + out.src.String()
		if n := len(addrs) - 1; n > 0 {
			note += w.sprintf(", or by chance from one of %d more addresses", n)
		}
		return note
	})
	return to, nil
}

// leave takes the packet out through the internet gateway or an egress-only
// one, and back in if it is for a public address of this same VPC.
func (w *walk) leave(from *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	if s := w.pass(leg{from: from, pkt: pkt, route: r}); s != nil {
		return s
	}
	if s := w.isPrivate(pkt.dst, r); s != nil {
		return s
	}
	w.end = "the internet through " + hopName(r)
	if from.Attach == netplan.AttachTransit {
		return w.noPublicIP(from, pkt, r)
	}
	if !pkt.src.Is4() {
		if !w.local(pkt.src) || !w.p.Gateway.Joins(pkt.src) {
			return w.noPublicIP(from, pkt, r)
		}
		w.through(cloud.Ref{Kind: gatewayKind(r), ID: r.Target}, RoleGateway, pkt, pkt, nil)
		return nil
	}
	pair := w.public(pkt.src)
	if pair == nil || pair.Private != pkt.src {
		return w.noPublicIP(from, pkt, r)
	}
	in := pkt
	pkt.src = pair.Public
	w.through(cloud.Ref{Kind: gatewayKind(r), ID: r.Target}, RoleGateway, in, pkt, func() string { return "sends on from " + pair.Public.String() })
	w.end += " as " + pkt.src.String()
	if back := w.public(pkt.dst); back != nil && back.Public == pkt.dst {
		return w.enter(pkt)
	}
	return nil
}

func gatewayKind(r *netplan.Route) cloud.Resource {
	switch r.Hop {
	case netplan.HopEgressOnly:
		return cloud.KindEgressOnlyGateway
	case netplan.HopIPv6:
		return cloud.KindIPv6Gateway
	default:
		return cloud.KindInternetGateway
	}
}

// enter takes a packet from the internet into the VPC.
func (w *walk) enter(pkt packet) *stop {
	g := w.p.Gateway
	w.leg++
	if g == nil || g.ID == "" && pkt.dst.Is4() {
		return w.noPrivateIP(pkt)
	}
	if pkt.dst.Is4() {
		pair := w.public(pkt.dst)
		if pair == nil || pair.Public != pkt.dst {
			return w.noPrivateIP(pkt)
		}
		in := pkt
		pkt.dst = pair.Private
		w.through(cloud.Ref{Kind: cloud.KindInternetGateway, ID: string(g.ID)}, RoleGateway, in, pkt,
			func() string { return "delivers " + pair.Public.String() + " to " + pair.Private.String() })
	} else if !w.local(pkt.dst) || !g.Joins(pkt.dst) {
		return w.noPrivateIP(pkt)
	} else if g.ByRule {
		w.through(cloud.Ref{Kind: cloud.KindIPv6Gateway, ID: string(g.IPv6)}, RoleGateway, pkt, pkt, nil)
	} else if g.ID != "" {
		w.through(cloud.Ref{Kind: cloud.KindInternetGateway, ID: string(g.ID)}, RoleGateway, pkt, pkt, nil)
	}
	if pkt.src.IsPrivate() || shared.Contains(pkt.src) || !routable(pkt.src) {
		return w.privateSource(pkt)
	}
	to := w.owner(pkt.dst)
	if to == nil {
		return w.noHost(pkt.dst, nil)
	}
	if s := w.cut(to); s != nil {
		return s
	}
	if r := w.lookup(to, pkt.dst, pkt.src); pkt.dst.Is6() && !g.Admits(pkt.dst) || r != nil && r.Hop == netplan.HopEgressOnly {
		return w.egressOnlyIn(to, pkt, r)
	}
	return w.deliver(leg{to: to, pkt: pkt})
}

// endpoint hands the packet to a gateway endpoint.
func (w *walk) endpoint(from *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	if s := w.pass(leg{from: from, pkt: pkt, route: r}); s != nil {
		return s
	}
	if pkt.proto != tcp && !(pkt.proto == icmp && pkt.typ == 8) {
		return w.endpointProtocol(pkt, r)
	}
	w.through(cloud.Ref{Kind: cloud.KindEndpoint, ID: r.Target}, RoleGateway, pkt, pkt, nil)
	w.end = hopName(r)
	return nil
}
