package reach

import (
	"fmt"
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
}

// walk follows one flow.
type walk struct {
	p           *netplan.Plan
	legs        []leg
	path, reply []Hop
	answering   bool
	// unanswered: where the flow ends, answers are not the plan's to judge
	// (the resolver, an interface's own address, a forwarding host).
	unanswered bool
	end        string // what the packet reached, in words
}

func (w *walk) hop(r cloud.Ref, note string) {
	if w.answering {
		w.reply = append(w.reply, Hop{r, note})
	} else {
		w.path = append(w.path, Hop{r, note})
	}
}

func eniRef(e *netplan.ENI) cloud.Ref {
	return cloud.Ref{Kind: cloud.KindInterface, ID: string(e.ID)}
}

// owner is the interface that has this private address, or nil.
func (w *walk) owner(a netip.Addr) *netplan.ENI {
	for i := range w.p.ENIs {
		if slices.Contains(w.p.ENIs[i].Addrs, a) {
			return &w.p.ENIs[i]
		}
	}
	return nil
}

// local reports whether the address is in the VPC's blocks.
func (w *walk) local(a netip.Addr) bool {
	return slices.ContainsFunc(w.p.CIDRs, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (w *walk) subnet(id cloud.SubnetID) netplan.Subnet {
	for _, s := range w.p.Subnets {
		if s.ID == id {
			return s
		}
	}
	return netplan.Subnet{ID: id}
}

// lookup finds the route for dst in the table of the interface's subnet.
func (w *walk) lookup(e *netplan.ENI, dst netip.Addr) *netplan.Route {
	id := w.subnet(e.Subnet).Table
	for _, t := range w.p.Tables {
		if t.ID != id {
			continue
		}
		for i := range t.Routes {
			if t.Routes[i].Dest.Contains(dst) {
				return &t.Routes[i]
			}
		}
	}
	return nil
}

// public finds the pair that has this private, or this public address.
func (w *walk) public(a netip.Addr) *netplan.PublicAddr {
	if w.p.Gateway == nil {
		return nil
	}
	for i, p := range w.p.Gateway.Public {
		if p.Private == a || p.Public == a {
			return &w.p.Gateway.Public[i]
		}
	}
	return nil
}

// forward follows a new flow's first packet until it is delivered or stopped.
func (w *walk) forward(from *netplan.ENI, pkt packet) *stop {
	if from == nil {
		return w.enter(pkt)
	}
	w.hop(eniRef(from), "sends from "+pkt.src.String())
	if !from.AnySource && !slices.Contains(from.Addrs, pkt.src) {
		return w.spoofed(from, pkt)
	}
	seen := map[cloud.InterfaceID]bool{from.ID: true}
	for {
		next, s := w.step(from, &pkt)
		if s != nil || next == nil {
			return s
		}
		if seen[next.ID] {
			return w.loops(next, pkt)
		}
		seen[next.ID] = true
		from = next
	}
}

// step takes a packet from an interface through the router once. It returns the
// NAT gateway's interface from which the packet, translated, goes on.
func (w *walk) step(from *netplan.ENI, pkt *packet) (*netplan.ENI, *stop) {
	switch {
	case slices.Contains(w.p.DNS.Resolvers, pkt.dst):
		return nil, w.resolve(*pkt)
	case !routable(pkt.dst):
		return nil, w.unroutable(from, *pkt)
	case slices.Contains(from.Addrs, pkt.dst):
		return nil, w.itself(from, *pkt)
	case w.router(pkt.dst):
		return nil, w.noService(*pkt)
	}
	r := w.lookup(from, pkt.dst)
	if r == nil {
		return nil, w.noRoute(from, *pkt)
	}
	w.hop(r.Source[0], fmt.Sprintf("%s to %s", r.Dest, hopName(r)))
	switch r.Hop {
	case netplan.HopLocal:
		to := w.owner(pkt.dst)
		if to == nil {
			return nil, w.noHost(pkt.dst, r)
		}
		return nil, w.deliver(leg{from, to, *pkt, r})
	case netplan.HopENI:
		return nil, w.divert(from, *pkt, r)
	case netplan.HopNAT:
		return w.translate(from, pkt, r)
	case netplan.HopInternet, netplan.HopEgressOnly:
		return nil, w.leave(from, *pkt, r)
	case netplan.HopEndpoint:
		return nil, w.endpoint(from, *pkt, r)
	default:
		return nil, w.blackhole(from, *pkt, r)
	}
}

// routable: link-local, multicast and the like never leave an interface.
func routable(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !(a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240))
}

// router: the first host of each block is the router's own address.
func (w *walk) router(a netip.Addr) bool {
	return slices.ContainsFunc(w.p.CIDRs, func(p netip.Prefix) bool { return p.Addr().Next() == a })
}

// resolve: the VPC's resolver answers DNS; neither security groups nor ACLs
// filter it, and routes do not matter.
func (w *walk) resolve(pkt packet) *stop {
	if !w.p.DNS.Enabled || !pkt.ported() || pkt.dport != (span{53, 53}) {
		return w.noService(pkt)
	}
	w.unanswered, w.end = true, "the VPC's resolver"
	w.hop(cloud.Ref{Kind: cloud.KindVPC, ID: string(w.p.VPC)}, "resolver "+pkt.dst.String())
	return nil
}

// deliver takes the packet to an interface that has its destination address.
func (w *walk) deliver(l leg) *stop {
	if s := w.pass(l); s != nil {
		return s
	}
	if l.to.Attach != netplan.AttachDirect {
		return w.unsolicited(l)
	}
	w.end = fmt.Sprintf("%s (%s)", l.to.ID, l.pkt.dst)
	return nil
}

// itself: a packet to the sender's own address never reaches the router.
func (w *walk) itself(e *netplan.ENI, pkt packet) *stop {
	if e.Attach != netplan.AttachDirect {
		return w.unsolicited(leg{e, e, pkt, nil})
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
		return w.deliver(leg{from, to, pkt, r})
	case !to.AnySource || !speaks(to, pkt.dst):
		return w.notForMe(from, to, pkt, r)
	case to.ID == from.ID:
		return w.loops(to, pkt)
	}
	if s := w.deliver(leg{from, to, pkt, r}); s != nil {
		return s
	}
	w.unanswered = true
	w.end = fmt.Sprintf("%s, which takes packets for other addresses; what the host behind it does with them is its own affair", to.ID)
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
	if s := w.pass(leg{from, to, *pkt, r}); s != nil {
		return nil, s
	}
	if !pkt.ported() && !pkt.pings() {
		return nil, w.natProtocol(*pkt, r)
	}
	pkt.src = to.Addrs[0]
	if pkt.sport.lo != pkt.sport.hi || pkt.sport.lo < natPorts.lo {
		pkt.sport = natPorts
	}
	w.hop(cloud.Ref{Kind: cloud.KindNATGateway, ID: r.Target}, "sends on from "+pkt.src.String())
	return to, nil
}

// leave takes the packet out through the internet gateway or an egress-only
// one, and back in if it is for a public address of this same VPC.
func (w *walk) leave(from *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	if s := w.pass(leg{from, nil, pkt, r}); s != nil {
		return s
	}
	if s := w.isPrivate(pkt.dst, r); s != nil {
		return s
	}
	w.end = "the internet through " + hopName(r)
	if !pkt.src.Is4() {
		if !w.local(pkt.src) {
			return w.noPublicIP(from, pkt, r)
		}
		w.hop(cloud.Ref{Kind: gatewayKind(r), ID: r.Target}, "")
		return nil
	}
	pair := w.public(pkt.src)
	if pair == nil || pair.Private != pkt.src {
		return w.noPublicIP(from, pkt, r)
	}
	pkt.src = pair.Public
	w.hop(cloud.Ref{Kind: gatewayKind(r), ID: r.Target}, "sends on from "+pkt.src.String())
	w.end += " as " + pkt.src.String()
	if back := w.public(pkt.dst); back != nil && back.Public == pkt.dst {
		return w.enter(pkt)
	}
	return nil
}

func gatewayKind(r *netplan.Route) cloud.Resource {
	if r.Hop == netplan.HopEgressOnly {
		return cloud.KindEgressOnlyGateway
	}
	return cloud.KindInternetGateway
}

// enter takes a packet from the internet into the VPC.
func (w *walk) enter(pkt packet) *stop {
	g := w.p.Gateway
	if g == nil || g.ID == "" && pkt.dst.Is4() {
		return w.noPrivateIP(pkt)
	}
	if pkt.dst.Is4() {
		pair := w.public(pkt.dst)
		if pair == nil || pair.Public != pkt.dst {
			return w.noPrivateIP(pkt)
		}
		w.hop(cloud.Ref{Kind: cloud.KindInternetGateway, ID: string(g.ID)}, "delivers "+pkt.dst.String()+" to "+pair.Private.String())
		pkt.dst = pair.Private
	} else if !w.local(pkt.dst) {
		return w.noPrivateIP(pkt)
	}
	if pkt.src.IsPrivate() || shared.Contains(pkt.src) || !routable(pkt.src) {
		return w.privateSource(pkt)
	}
	to := w.owner(pkt.dst)
	if to == nil {
		return w.noHost(pkt.dst, nil)
	}
	if r := w.lookup(to, pkt.src); g.ID == "" || r != nil && r.Hop == netplan.HopEgressOnly {
		return w.egressOnlyIn(to, pkt, r)
	}
	return w.deliver(leg{nil, to, pkt, nil})
}

// endpoint hands the packet to a gateway endpoint.
func (w *walk) endpoint(from *netplan.ENI, pkt packet, r *netplan.Route) *stop {
	if s := w.pass(leg{from, nil, pkt, r}); s != nil {
		return s
	}
	if pkt.proto != tcp && !(pkt.proto == icmp && pkt.typ == 8) {
		return w.endpointProtocol(pkt, r)
	}
	w.hop(cloud.Ref{Kind: cloud.KindEndpoint, ID: r.Target}, "")
	w.end = "gateway endpoint " + r.Target
	return nil
}
