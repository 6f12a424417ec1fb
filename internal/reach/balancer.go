package reach

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Admits tells whether the security groups of an interface let TCP in from an
// address. It is asked where no packet is: an endpoint's client is in another VPC.
func (x *Analyser) Admits(id cloud.InterfaceID, client netip.Addr, port int) bool {
	e := x.p.ENI(id)
	if e == nil {
		return false
	}
	pkt := request(Query{Source: client, To: e.Addrs[0], Protocol: tcp, Port: port})
	_, ok := groupRuling(x.profile(e).In, pkt, client, "")
	return ok
}

// serve takes a connection on that arrived at an endpoint or a load balancer.
func (w *walk) serve(l leg) *stop {
	if l.pkt.proto != tcp {
		return w.interfaceEndpoint(l)
	}
	if l.to.Attach == netplan.AttachBalancer {
		return w.balance(w.p.BalancerOf(l.to.ID), l.to, l.pkt.dport.lo)
	}
	e := w.p.EndpointOf(l.to.ID)
	if e == nil || e.Provider == "" {
		return nil
	}
	return w.service(e, l)
}

func endpointRef(e *netplan.Endpoint) cloud.Ref {
	return cloud.Ref{Kind: cloud.KindEndpoint, ID: string(e.ID)}
}

// service goes from an endpoint on to the load balancer behind it.
func (w *walk) service(e *netplan.Endpoint, l leg) *stop {
	service := cloud.Ref{Kind: cloud.KindEndpointService, ID: string(e.Provider)}
	way := e.Leg(l.to.ID, l.pkt.dport.lo)
	switch {
	case e.Consent == cloud.ConsentPending:
		return w.consent(e, service, "The owner of endpoint service %s has not accepted endpoint %s yet; accept it there", e.Provider, e.ID)
	case e.Consent == cloud.ConsentRefused:
		return w.consent(e, service, "The owner of endpoint service %s has rejected endpoint %s", e.Provider, e.ID)
	case w.hidden(service.Kind, service.ID):
		w.end = w.sprintf("endpoint service %s of another account through %s", e.Provider, e.ID)
		return nil
	case way == nil:
		return &stop{
			stage: netplan.StageListener, blame: []cloud.Ref{endpointRef(e), service},
			text: w.sprintf("No load balancer of endpoint service %s in zone %s listens on port %d", e.Provider, w.p.Zone(l.to.ID), l.pkt.dport.lo),
		}
	case w.atlas == nil:
		w.end = w.sprintf("endpoint service %s through %s", e.Provider, e.ID)
		return nil
	}
	w.through(endpointRef(e), RoleNAT, l.pkt, l.pkt, func() string { return "leads to " + string(e.Provider) })
	home := w.Analyser
	w.Analyser = w.atlas.of(way.VPC)
	s := w.provided(way, l)
	if s == nil {
		w.Analyser = home
	}
	return s
}

// provided goes on from the load balancer that an endpoint leads to.
func (w *walk) provided(way *netplan.Leg, l leg) *stop {
	b, to := w.p.BalancerOf(way.To), w.p.ENI(way.To)
	if b == nil || to == nil {
		return w.noListener(cloud.Ref{Kind: cloud.KindLoadBalancer, ID: string(way.Balancer)}, way.Port)
	}
	if b.PrivateIn && !w.Admits(to.ID, l.pkt.src, way.Port) {
		pkt := l.pkt
		pkt.dst = to.Addrs[0]
		return w.groupStop(to, w.profile(to), false, pkt, nil)
	}
	return w.balance(b, to, way.Port)
}

func (w *walk) consent(e *netplan.Endpoint, service cloud.Ref, format string, args ...any) *stop {
	return &stop{stage: netplan.StageConsent, blame: []cloud.Ref{endpointRef(e), service}, text: w.sprintf(format, args...)}
}

func (w *walk) noListener(b cloud.Ref, port int) *stop {
	return &stop{
		stage: netplan.StageListener, blame: []cloud.Ref{b},
		text: w.sprintf("Load balancer %s has no listener on port %d", b.ID, port),
	}
}

// balance goes from a load balancer's interface on to its targets, of which one
// must be reached. That is a connection of its own, with its own answers.
func (w *walk) balance(b *netplan.Balancer, from *netplan.ENI, port int) *stop {
	if b == nil {
		return w.noListener(eniRef(from), port)
	}
	l := b.Listener(port)
	if l == nil {
		return w.noListener(b.Source[0], port)
	}
	var first *Answer
	for _, t := range b.From(w.p.Zone(from.ID), l) {
		next := &walk{Analyser: w.Analyser, terse: w.terse, leg: w.leg, behind: w.behind + 1}
		src := slices.IndexFunc(from.Addrs, func(a netip.Addr) bool { return a.Is4() == t.Addr.Is4() })
		if src < 0 {
			continue
		}
		if next.behind > maxBehind {
			return &stop{stage: netplan.StageLoop, blame: b.Source, text: w.sprintf("Load balancer %s leads to itself", b.ID)}
		}
		a := next.run(from, request(Query{Source: from.Addrs[src], To: t.Addr, Protocol: tcp, Port: t.Port}))
		if a.Reachable {
			w.through(b.Source[0], RoleNAT, packet{}, packet{}, func() string { return "goes on from " + from.Addrs[src].String() + " to " + t.Addr.String() })
			w.path, w.further = append(w.path, a.Path...), a.Reply
			w.leg, w.end = next.leg, next.end+w.sprintf(" behind load balancer %s", b.ID)
			return nil
		}
		if first == nil {
			first = &a
		}
	}
	if first == nil {
		return &stop{
			stage: netplan.StageTargets, blame: append(slices.Clone(b.Source), l.Source...),
			text: w.sprintf("Load balancer %s has no target for port %d that it goes to from %s (zone %s); register one there, or switch cross-zone load balancing on", b.ID, port, from.ID, w.p.Zone(from.ID)),
		}
	}
	return &stop{
		stage: first.Stage, code: first.Code, blame: append(slices.Clone(first.Blame), b.Source...),
		text: w.sprintf("Load balancer %s reaches none of its targets for port %d. %s", b.ID, port, trimStop(first.Text)),
	}
}

// maxBehind is how many load balancers may stand behind one another.
const maxBehind = 4

func trimStop(s string) string {
	if n := len(s); n > 0 && s[n-1] == '.' {
		return s[:n-1]
	}
	return s
}
