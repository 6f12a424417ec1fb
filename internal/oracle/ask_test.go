package oracle

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// opinion is what the analyser says of a probe.
type opinion struct {
	Delivered, Reachable bool
	Stage                netplan.Stage
	// Diverted: it ends at a host that takes packets for others; this one drops them.
	Diverted bool
	Ring     bool // of NAT gateways and transit routers: packets go round until they are too old, which no rule logs
	Text     string
}

// analysts are the analysers of all VPCs.
type analysts map[cloud.VPCID]*reach.Analyser

func analyse(plans map[cloud.VPCID]*netplan.Plan) analysts {
	out := analysts{}
	for id := range plans {
		out[id] = reach.Across(id, func(id cloud.VPCID) *netplan.Plan { return plans[id] })
	}
	return out
}

// ask puts the probe to the analyser; one to another VPC's public address, to
// both VPCs' in turn.
func (x analysts) ask(p probe, key uint16) opinion {
	a := x[p.VPC].Explain(reach.Query{From: p.From, Source: p.Src, To: p.To, Protocol: p.Proto, Port: p.Port, SourcePort: int(key)})
	if left(a) {
		p = meant(p, a)
	}
	other := x.elsewhere(exit(x, p, a), p)
	if left(a) && other == nil && x.unrouted(p.To) {
		return opinion{Text: "leaves for an address that nobody on the internet routes"}
	}
	if other == nil || !a.Delivered || p.From == "" || !left(a) {
		return x.opinion(a)
	}
	there := other.Explain(reach.Query{Source: reach.Last(a.Path).Source, To: p.To, Protocol: p.Proto, Port: p.Port, SourcePort: int(key)})
	if there.Reachable && !a.Reachable && !returned(there, p) {
		return x.opinion(a)
	}
	return x.opinion(there)
}

// exit is the VPC by whose gateway the path leaves.
func exit(x analysts, p probe, a reach.Answer) cloud.VPCID {
	for _, h := range slices.Backward(reach.InOrder(a.Path)) {
		for id, y := range x {
			if h.ENI != nil && y.Plan().ENI(h.ENI.ID) != nil {
				return id
			}
		}
	}
	return p.VPC
}

// unrouted says whether an address is IPv6 of a VPC and has no way to the internet,
// or stands for one of IPv4, which nobody there does.
func (x analysts) unrouted(to netip.Addr) bool {
	if netplan.NAT64Prefix.Contains(to) {
		return true
	}
	for _, a := range x {
		if p := a.Plan(); to.Is6() && has(p, to) && !joined(p, to) {
			return true
		}
	}
	return false
}

// has says whether an address is in the VPC's blocks.
func has(p *netplan.Plan, a netip.Addr) bool {
	return slices.ContainsFunc(p.CIDRs, func(c netip.Prefix) bool { return c.Contains(a) })
}

// joined says whether the internet routes an IPv6 address of the VPC to it.
func joined(p *netplan.Plan, a netip.Addr) bool { return p.Gateway != nil && p.Gateway.Joins(a) }

// left says whether the path ends on the internet.
func left(a reach.Answer) bool {
	for _, h := range slices.Backward(reach.InOrder(a.Path)) {
		if h.Role == reach.RoleTarget || h.Role == reach.RoleGateway {
			return slices.Contains([]cloud.Resource{cloud.KindInternetGateway, cloud.KindEgressOnlyGateway, cloud.KindIPv6Gateway}, h.Resource.Kind)
		}
	}
	return false
}

// returned says whether the answer was followed to who sent the probe.
func returned(a reach.Answer, p probe) bool {
	return slices.ContainsFunc(a.Reply, func(h reach.Hop) bool { return h.ENI != nil && h.ENI.ID == p.From })
}

// elsewhere is the VPC that has the probe's destination on the internet, if it
// is another than the one that the probe leaves.
func (x analysts) elsewhere(from cloud.VPCID, p probe) *reach.Analyser {
	for id, a := range x {
		plan := a.Plan()
		if id == from || plan.Gateway == nil {
			continue
		}
		if slices.ContainsFunc(plan.Gateway.Public, func(m netplan.PublicAddr) bool { return m.Public == p.To }) ||
			p.To.Is6() && has(plan, p.To) && joined(plan, p.To) {
			return a
		}
	}
	return nil
}

func (x analysts) opinion(a reach.Answer) opinion {
	o := opinion{Delivered: a.Delivered, Reachable: a.Reachable, Stage: a.Stage, Text: a.Text}
	passed := 0
	for _, h := range slices.Concat(a.Path, a.Reply) {
		if h.Role == reach.RoleNAT || h.Role == reach.RoleTransit && h.Resource.Kind == cloud.KindTransitRouter {
			passed++
		}
	}
	o.Ring = a.Stage == netplan.StageLoop && passed > 1
	for _, h := range slices.Backward(reach.InOrder(a.Path)) {
		if h.Role == reach.RoleTarget || h.Role == reach.RoleGateway {
			o.Diverted = h.Role == reach.RoleTarget && h.ENI.AnySource && h.ENI.Attach == netplan.AttachDirect && !slices.Contains(h.ENI.Addrs, h.In.Destination)
			break
		}
	}
	return o
}

// differ says how what was seen contradicts the opinion; "" if it does not.
func differ(p probe, o opinion, s seen) string {
	// What of a lost answer becomes where nobody knows the flow does not matter;
	// what the sender's own system refuses never gets to a rule.
	silent := o.Stage == netplan.StageAsymmetric && (s.Stage == "" || s.Delivered) ||
		o.Ring && s.Stage == "" ||
		s.Unsent != "" && (o.Stage == netplan.StageNoPrivateIP || o.Stage == netplan.StageLinkLocal || o.Stage == netplan.StageZone)
	switch {
	case o.Reachable && o.Diverted && !s.Delivered:
		return "should get to the forwarding host"
	case o.Reachable && o.Diverted && s.Stage != "":
		return "should be taken by the forwarding host"
	case o.Reachable && o.Diverted:
		return ""
	case o.Reachable != s.Reachable:
		return fmt.Sprintf("reachable is %v", s.Reachable)
	case o.Reachable:
		return ""
	case o.Stage != s.Stage && !silent:
		return "stopped elsewhere"
	case s.Delivered && !o.Delivered:
		return "it arrived"
	case o.Delivered && !s.Delivered && p.Proto == udp:
		return "it did not arrive"
	}
	return ""
}

// result is one probe asked and sent.
type result struct {
	Probe  probe
	key    uint16
	Says   opinion
	Saw    seen
	Differ string
}

func (r result) String() string {
	return fmt.Sprintf("%s %s(%s) -> %s proto %d port %d (from port %d): %s\n\tanalyser: reachable %v delivered %v stage %q diverted %v: %s\n\tpackets:  reachable %v delivered %v stage %q [%s] %s",
		r.Probe.VPC, cmp.Or(string(r.Probe.From), "internet"), r.Probe.Src, r.Probe.To, r.Probe.Proto, r.Probe.Port, r.key, r.Differ,
		r.Says.Reachable, r.Says.Delivered, r.Says.Stage, r.Says.Diverted, r.Says.Text, r.Saw.Reachable, r.Saw.Delivered, r.Saw.Stage, r.Saw.Log, r.Saw.Unsent)
}

const (
	shortly = 100 * time.Millisecond
	atLeast = 2 * time.Millisecond // where nothing is to be seen
	long    = 1500 * time.Millisecond
)

// try asks and sends one probe; what differs is tried again with more patience.
func (l *lab) try(x analysts, p probe) (result, error) {
	var r result
	for _, patience := range []time.Duration{shortly, long} {
		key := l.key()
		o := x.ask(p, key)
		start := time.Now()
		s, err := l.send(p, key, func(s seen) bool {
			return differ(p, o, s) == "" && (o.Stage != netplan.StageAsymmetric && !o.Diverted && !o.Ring || time.Since(start) > atLeast)
		}, patience)
		if err != nil {
			return r, fmt.Errorf("%+v: %w", p, err)
		}
		if r = (result{p, key, o, s, differ(p, o, s)}); r.Differ == "" {
			break
		}
	}
	return r, nil
}

// probes makes n probes for a state.
func (d *dice) probes(plans map[cloud.VPCID]*netplan.Plan, n int) (out []probe) {
	var all []*netplan.Plan
	for _, id := range netplan.VPCs(d.s) {
		if p := plans[id]; len(p.ENIs) > 0 {
			all = append(all, p)
		}
	}
	for tries := 0; len(out) < n && tries < 20*n && len(all) > 0; tries++ {
		if p, ok := d.probe(all, pick(d, all...)); ok {
			out = append(out, p)
		}
	}
	return out
}

func (d *dice) probe(all []*netplan.Plan, plan *netplan.Plan) (probe, bool) {
	p := probe{VPC: plan.VPC, Proto: pick(d, tcp, tcp, tcp, udp, udp, icmp), Port: pick(d, ports...)}
	six := slices.ContainsFunc(plan.CIDRs, func(c netip.Prefix) bool { return c.Addr().Is6() })
	v6 := six && d.chance(30)
	if d.second && d.chance(40) {
		if p, ok := d.dialectProbe(all, plan, p); ok {
			return p, true
		}
	}
	if d.chance(15) {
		return d.inward(plan, p, six && d.chance(50))
	}
	p, ok := d.sender(plan, p, v6)
	if !ok {
		return p, false
	}
	p.To = d.destination(all, plan, plan.ENI(p.From), v6)
	if slices.Contains(plan.DNS.Resolvers, p.To) && d.chance(70) && (plan.DNS.Enabled || !services.Contains(p.To)) { // else no service listens there
		p.Port = 53
	}
	return p, p.To.IsValid() && p.To.Is6() == v6
}

// sender has a probe come from some interface.
func (d *dice) sender(plan *netplan.Plan, p probe, v6 bool) (probe, bool) {
	from := pick(d, plan.ENIs...)
	if from.Attach == netplan.AttachNAT || from.Attach == netplan.AttachEndpoint || from.Attach == netplan.AttachTransit {
		return p, false
	}
	var own []netip.Addr
	for _, a := range from.Addrs {
		if a.Is6() == v6 {
			own = append(own, a)
		}
	}
	if len(own) == 0 {
		return p, false
	}
	p.From = from.ID
	if from.Attach == netplan.AttachDirect {
		p.Src = pick(d, own...)
	}
	if v6 && p.Proto == icmp {
		p.Proto = icmp6
	}
	return p, true
}

// inward is a probe from the internet.
func (d *dice) inward(plan *netplan.Plan, p probe, v6 bool) (probe, bool) {
	if v6 {
		p.Src, p.To = pick(d, hosts6...), d.anyAddr(plan, true)
		if p.Proto == icmp {
			p.Proto = icmp6
		}
		return p, p.To.IsValid()
	}
	if plan.Gateway == nil || len(plan.Gateway.Public) == 0 {
		return p, false
	}
	p.Src, p.To = pick(d, hosts4[0], hosts4[1], hosts4[0], privateHost), pick(d, plan.Gateway.Public...).Public
	return p, true
}

// anyAddr is an address of some interface.
func (d *dice) anyAddr(plan *netplan.Plan, v6 bool) netip.Addr {
	e := pick(d, plan.ENIs...)
	a := pick(d, e.Addrs...)
	if a.Is6() != v6 {
		return netip.Addr{}
	}
	return a
}

func (d *dice) destination(all []*netplan.Plan, plan *netplan.Plan, from *netplan.ENI, v6 bool) netip.Addr {
	if d.six4 && v6 && d.chance(40) {
		return d.sixFor(all, plan)
	}
	if len(plan.Peers) > 0 && d.chance(25) {
		peer := pick(d, plan.Peers...)
		if i := slices.IndexFunc(all, func(q *netplan.Plan) bool { return q.VPC == peer.VPC }); i >= 0 {
			return d.anyAddr(all[i], v6)
		}
	}
	if len(plan.Transits) > 0 && d.chance(35) {
		return d.anyAddr(pick(d, all...), v6)
	}
	switch k := d.IntN(100); {
	case k < 5:
		return d.routedTo(plan)
	case k < 45:
		a := d.anyAddr(plan, v6)
		if e := ownerOf(plan, a); e != nil && e.Attach != netplan.AttachDirect && d.chance(60) {
			return d.anyAddr(plan, v6)
		}
		return a
	case k < 65 && v6:
		return pick(d, hosts6...)
	case k < 65:
		return pick(d, hosts4...)
	case k < 75: // a public address, or another VPC's IPv6
		q := pick(d, all...)
		if v6 {
			if q.Gateway == nil && q != plan {
				return netip.Addr{} // nobody routes it
			}
			return d.anyAddr(q, true)
		}
		if q.Gateway == nil || len(q.Gateway.Public) == 0 {
			return netip.Addr{}
		}
		return pick(d, q.Gateway.Public...).Public
	case k < 80: // nobody's
		s := pick(d, plan.Subnets...)
		c := s.CIDR4
		if v6 {
			c = s.CIDR6
		}
		return offset(c, 200)
	case k < 84:
		return offset(pick(d, plan.CIDRs...), 1)
	case k < 90:
		return pick(d, plan.DNS.Resolvers...)
	case k < 92:
		return pick(d, ip("169.254.169.254"), ip("224.0.0.251"), ip("240.0.0.1"), ip("ff0e::1"))
	case k < 96:
		return ip("198.51.100.130")
	default:
		return pick(d, privateHost, ip("100.64.1.1"), ip("192.168.7.7"), ip("fd12::1"), offset(pick(d, plan.CIDRs...), 77))
	}
}

// routedTo is an address of an interface that a route leads to.
func (d *dice) routedTo(plan *netplan.Plan) netip.Addr {
	for _, i := range d.Perm(len(plan.Tables)) {
		for _, r := range plan.Tables[i].Routes {
			if e := plan.ENI(r.ENI); e != nil && r.Hop == netplan.HopENI {
				return pick(d, e.Addrs...)
			}
		}
	}
	return netip.Addr{}
}

func ownerOf(plan *netplan.Plan, a netip.Addr) *netplan.ENI {
	i := slices.IndexFunc(plan.ENIs, func(e netplan.ENI) bool { return slices.Contains(e.Addrs, a) })
	if i < 0 {
		return nil
	}
	return &plan.ENIs[i]
}

func offset(p netip.Prefix, n byte) netip.Addr {
	if !p.IsValid() {
		return netip.Addr{}
	}
	b := p.Masked().Addr().AsSlice()
	b[len(b)-1] = n
	a, _ := netip.AddrFromSlice(b)
	return a
}
