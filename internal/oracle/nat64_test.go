package oracle

import (
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// nat64 may give tables of VPCs with IPv6 a route for addresses that stand for
// IPv4 ones, most to NAT gateways, which then translate.
func (d *dice) nat64() {
	defer d.from(d.sixes)()
	if !d.chance(35) {
		return
	}
	d.six4 = true
	for _, w := range d.worlds {
		for _, t := range w.tables {
			if w.v6 && d.chance(75) {
				edit(d.s, cloud.RouteTables, t, func(t *cloud.RouteTable) { t.Routes = append([]cloud.Route{d.route64(w)}, t.Routes...) })
			}
		}
	}
}

func (d *dice) route64(w *world) cloud.Route {
	to := pick(d, w.targets...)
	for range 8 {
		if to.Kind != cloud.TargetNATGateway && d.chance(90) {
			to = pick(d, w.targets...)
		}
	}
	return cloud.Route{Dest: pick(d, netplan.NAT64Prefix, netplan.NAT64Prefix, netplan.NAT64Prefix, pfx("64:ff9b::c633:6400/120"), pfx("64:ff9b::a00:0/104")), Target: to}
}

// stands is the address below the well-known prefix that stands for an IPv4 one.
func stands(a netip.Addr) netip.Addr {
	b := netplan.NAT64Prefix.Addr().As16()
	v4 := a.As4()
	copy(b[12:], v4[:])
	return netip.AddrFrom16(b)
}

// sixFor is an IPv6 destination that stands for a host on the internet, for a
// public address, or for a private one of some VPC.
func (d *dice) sixFor(all []*netplan.Plan, plan *netplan.Plan) netip.Addr {
	var four []netip.Addr
	four = append(four, hosts4[0], hosts4[1], hosts4[0], hosts4[1], hosts4[2], privateHost)
	if g := pick(d, all...).Gateway; g != nil && len(g.Public) > 0 {
		four = append(four, pick(d, g.Public...).Public)
	}
	if a := d.anyAddr(plan, false); a.IsValid() {
		four = append(four, a, a)
	}
	return stands(pick(d, four...))
}

// meant is where a probe ends whose path leaves as it says: the IPv4 address that
// its own stands for, if a NAT gateway translated it.
func meant(p probe, a reach.Answer) probe {
	if to := reach.Last(a.Path).Destination; p.To.Is6() && to.Is4() {
		p.To = to
		if p.Proto == icmp6 {
			p.Proto = icmp
		}
	}
	return p
}
