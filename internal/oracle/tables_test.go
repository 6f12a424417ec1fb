package oracle

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

func (d *dice) routeTables(w *world) {
	for i := range 1 + d.IntN(3) {
		t := &cloud.RouteTable{Meta: meta, ID: cloud.RouteTableID(d.id("rtb")), VPC: w.v.ID, Main: i == 0, Routes: d.routes(w)}
		w.tables = append(w.tables, t.ID)
		cloud.RouteTables.Put(d.s, t)
	}
	for _, s := range w.subnets {
		if d.chance(70) {
			id := pick(d, w.tables...)
			edit(d.s, cloud.RouteTables, id, func(t *cloud.RouteTable) {
				t.Associations = append(t.Associations[:len(t.Associations):len(t.Associations)], cloud.RouteTableAssociation{ID: d.id("assoc"), Subnet: s.ID})
			})
		}
	}
}

func (d *dice) routes(w *world) (out []cloud.Route) {
	seen := map[netip.Prefix]bool{}
	add := func(p netip.Prefix) {
		t := pick(d, w.targets...)
		if p.Addr().Is6() != (t.Kind == cloud.TargetEgressOnlyGateway) && d.chance(60) {
			t = pick(d, w.targets...) // most that fit the family
		}
		// What is inside the VPC goes to interfaces and NAT gateways only:
		// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
		inside := slices.ContainsFunc(slices.Concat(w.v.CIDRs, w.v.CIDRs6), func(a cloud.CIDRAssociation) bool { return a.Prefix.Overlaps(p) && p.Bits() >= a.Prefix.Bits() })
		forbidden := inside && t.Kind != cloud.TargetInterface && t.Kind != cloud.TargetNATGateway
		if w.second {
			forbidden = w.inSubnet(p)
		}
		if seen[p] || forbidden {
			return
		}
		seen[p] = true
		out = append(out, cloud.Route{Dest: p, Target: t})
	}
	if d.chance(85) {
		add(pfx("0.0.0.0/0"))
	}
	if w.v6 && d.chance(80) {
		add(pfx("::/0"))
	}
	for range d.IntN(3) {
		add(d.routed(w))
	}
	if len(w.lists) > 0 && d.chance(25) {
		if t := pick(d, w.targets...); t.Kind == cloud.TargetInterface || t.Kind == cloud.TargetNATGateway {
			out = append(out, cloud.Route{PrefixList: pick(d, w.lists...), Target: t})
		}
	}
	return out
}

// routed is a destination more specific than the default route.
func (d *dice) routed(w *world) netip.Prefix {
	if len(w.peers) > 0 && d.chance(50) {
		p := pick(d, w.peers...)
		if w.v6 && p.v6 && d.chance(40) {
			return pf("2001:db8:1%d00::/56", p.n)
		}
		return pick(d, pf("10.%d.0.0/16", p.net), pf("10.%d.0.0/16", p.net), pf("10.%d.%d.0/24", p.net, d.IntN(4)))
	}
	if len(w.hubs) > 0 && d.chance(60) {
		return d.across(w)
	}
	if w.v6 && d.chance(30) {
		return pick(d, pfx("2001:db8::/64"), pfx("2001:db8::7/128"), pfx("2001:db8::/32"), pf("2001:db8:1%d00:%d::/64", w.n, d.IntN(4)))
	}
	return pick(d, pfx("198.51.100.0/24"), pfx("198.51.100.7/32"), pfx("198.51.100.128/29"), pfx("203.0.113.0/24"), pfx("198.0.0.0/8"), pfx("10.99.0.0/16"),
		pf("10.%d.%d.0/24", w.net, d.IntN(4)), pf("10.%d.0.0/16", w.net), pf("10.%d.%d.%d/32", w.net, d.IntN(4), 10+d.IntN(4)))
}

func (d *dice) networkACLs(w *world) {
	for i := range 1 + d.IntN(3) {
		a := &cloud.NetworkACL{Meta: meta, ID: cloud.NetworkACLID(d.id("acl")), VPC: w.v.ID, Default: i == 0}
		if i == 0 && d.chance(80) {
			for _, out := range []bool{false, true} {
				a.Entries = append(a.Entries, d.open(100, out, "0.0.0.0/0"), d.open(101, out, "::/0"))
			}
		} else {
			a.Entries = d.lines(w)
		}
		w.acls = append(w.acls, a.ID)
		cloud.NetworkACLs.Put(d.s, a)
	}
	for _, s := range w.subnets {
		if d.chance(50) {
			acl := pick(d, w.acls...)
			edit(d.s, cloud.Subnets, s.ID, func(s *cloud.Subnet) { s.NetworkACL = acl })
		}
	}
}

func (d *dice) open(number int, egress bool, prefix string) cloud.NetworkACLEntry {
	return cloud.NetworkACLEntry{Number: number, Egress: egress, Protocol: -1, Action: cloud.Allow, Prefix: pfx(prefix), From: -1, To: -1, ICMPType: -1, ICMPCode: -1}
}

func (d *dice) lines(w *world) (out []cloud.NetworkACLEntry) {
	for _, egress := range []bool{false, true} {
		for range d.IntN(5) {
			out = append(out, d.line(w, egress))
		}
		if d.chance(60) {
			out = append(out, d.open(900, egress, "0.0.0.0/0"))
		}
		if w.v6 && d.chance(60) {
			out = append(out, d.open(901, egress, "::/0"))
		}
	}
	return out
}

func (d *dice) line(w *world, egress bool) cloud.NetworkACLEntry {
	v6 := w.v6 && d.chance(35)
	e := cloud.NetworkACLEntry{Number: 1 + d.IntN(800), Egress: egress, Action: pick(d, cloud.Allow, cloud.Deny), Prefix: d.prefix(w, v6), From: -1, To: -1, ICMPType: -1, ICMPCode: -1}
	var from, to int
	e.Protocol, from, to = d.service(v6)
	if e.Protocol == 1 || e.Protocol == 58 {
		e.ICMPType, e.ICMPCode = from, to
	} else {
		e.From, e.To = from, to
	}
	return e
}

func (d *dice) endpoint(w *world) {
	if !d.chance(70) {
		return
	}
	e := &cloud.Endpoint{Meta: meta, ID: cloud.EndpointID(d.id("vpce")), VPC: w.v.ID, Gateway: true, Service: s3Service}
	for _, t := range w.tables {
		if d.chance(60) {
			e.RouteTables = append(e.RouteTables, t)
		}
	}
	cloud.Endpoints.Put(d.s, e)
}
