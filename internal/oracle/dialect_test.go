package oracle

import (
	"math/rand/v2"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Where the second dialect's VPCs have the platform's services and resolvers.
var (
	services  = pfx("100.64.0.0/10")
	resolvers = []netip.Addr{ip("100.100.2.136"), ip("100.100.2.138")}
)

// dialects may make some VPCs what the second dialect's are, and have transit
// routers tell what they know.
func (d *dice) dialects() {
	defer d.from(d.others)()
	if !d.chance(45) {
		return
	}
	for _, w := range d.worlds {
		if d.chance(75) {
			d.second = true
			d.become(w)
		}
	}
	if len(d.hubs) > 0 && d.chance(70) {
		d.second = true
		d.tell()
	}
}

// from has the dice take what is random from another source until the end.
func (d *dice) from(source *rand.Rand) (end func()) {
	main := d.Rand
	d.Rand = source
	return func() { d.Rand = main }
}

// become makes a VPC one of the second dialect.
func (d *dice) become(w *world) {
	w.second, w.ranked = true, true
	edit(d.s, cloud.VPCs, w.v.ID, func(v *cloud.VPC) {
		v.SubnetRoutes, v.IPv6ByRule = true, true
		if d.chance(60) {
			v.Services, v.Resolvers = services, resolvers
		}
	})
	d.ipv4Gateway(w)
	d.ipv6Gateway(w)
	if !slices.ContainsFunc(w.targets, func(t cloud.RouteTarget) bool { return t.Kind == cloud.TargetNATGateway && t.ID != "gone-1" }) {
		d.newNAT(w, 20)
	}
	for g := range cloud.NATGateways.By(d.s.clone(), "vpc", string(w.v.ID)) {
		d.entries(w, g)
		t := cloud.RouteTarget{Kind: cloud.TargetNATGateway, ID: string(g.ID)}
		w.targets = append(w.targets, t, t, t)
	}
}

// inSubnet says whether a destination is one that the VPC's tables have by themselves.
func (w *world) inSubnet(p netip.Prefix) bool {
	return slices.ContainsFunc(w.subnets, func(s *cloud.Subnet) bool {
		return s.CIDR.IsValid() && s.CIDR.Overlaps(p) && s.CIDR.Bits() <= p.Bits() ||
			slices.ContainsFunc(s.CIDRs6, func(a cloud.CIDRAssociation) bool { return a.Prefix.Overlaps(p) && a.Prefix.Bits() <= p.Bits() })
	})
}

// lead has n of the targets that routes of the VPC are picked from be this one.
func (w *world) lead(t cloud.RouteTarget, n int) {
	w.targets = append(w.targets, slices.Repeat([]cloud.RouteTarget{t}, n)...)
}

// ipv4Gateway gives the VPC one of the ways to the internet that it may have: public
// addresses leave directly, with or without a gateway that sleeps; a gateway that is
// awake takes everything; or there is none.
func (d *dice) ipv4Gateway(w *world) {
	id := "igw-" + string(w.v.ID)
	w.targets = slices.DeleteFunc(w.targets, func(t cloud.RouteTarget) bool { return t.Kind == cloud.TargetInternetGateway })
	for g := range cloud.InternetGateways.By(d.s.clone(), "vpc", string(w.v.ID)) {
		cloud.InternetGateways.Delete(d.s, g.ID)
	}
	direct, gateway, dormant := true, false, false
	switch k := d.IntN(10); {
	case k < 3:
	case k < 5:
		gateway, dormant = true, true
	case k < 9:
		direct, gateway = false, true
	default:
		direct = false
	}
	edit(d.s, cloud.VPCs, w.v.ID, func(v *cloud.VPC) { v.DirectPublic = direct })
	n := 1 // or routes are left from when it was awake
	if gateway {
		cloud.InternetGateways.Put(d.s, &cloud.InternetGateway{Meta: meta, ID: cloud.InternetGatewayID(id), VPC: w.v.ID, Dormant: dormant})
		if n = 7; dormant {
			n = 3
		}
	}
	w.lead(cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: id}, n)
}

// ipv6Gateway may give the VPC a gateway that joins single IPv6 addresses to the internet.
func (d *dice) ipv6Gateway(w *world) {
	w.targets = slices.DeleteFunc(w.targets, func(t cloud.RouteTarget) bool { return t.Kind == cloud.TargetEgressOnlyGateway })
	for g := range cloud.EgressOnlyGateways.By(d.s.clone(), "vpc", string(w.v.ID)) {
		cloud.EgressOnlyGateways.Delete(d.s, g.ID)
	}
	if !w.v6 {
		return
	}
	d.switchIPv6Gateway(w)
	for _, id := range w.enis {
		e, _ := cloud.Interfaces.Get(d.s, id)
		for _, a := range e.Addrs6 {
			d.ipv6Rules(w, id, a)
		}
	}
	w.lead(cloud.RouteTarget{Kind: cloud.TargetIPv6Gateway, ID: w.ipv6GatewayID()}, 6)
}

func (w *world) ipv6GatewayID() string { return "ipv6gw-" + string(w.v.ID) }

func (d *dice) switchIPv6Gateway(w *world) {
	id := cloud.IPv6GatewayID(w.ipv6GatewayID())
	if _, ok := cloud.IPv6Gateways.Get(d.s, id); ok {
		cloud.IPv6Gateways.Delete(d.s, id)
	} else if d.chance(90) {
		cloud.IPv6Gateways.Put(d.s, &cloud.IPv6Gateway{Meta: meta, ID: id, VPC: w.v.ID})
	}
}

// ipv6Rules may join an address to the internet, or keep flows from there away from it.
func (d *dice) ipv6Rules(w *world, e cloud.InterfaceID, a netip.Addr) {
	for _, outward := range []bool{false, true} {
		if d.chance(65) && (!outward || d.chance(45)) {
			cloud.IPv6Rules.Put(d.s, &cloud.IPv6Rule{Meta: meta, ID: cloud.IPv6RuleID(d.id("ipv6")), Gateway: cloud.IPv6GatewayID(w.ipv6GatewayID()), VPC: w.v.ID,
				Interface: e, Addr: a, Outward: outward})
		}
	}
}

// rerule makes an interface's IPv6 rules anew.
func (d *dice) rerule(w *world) {
	d.eni(w, func(e *cloud.Interface) {
		for r := range cloud.IPv6Rules.By(d.s.clone(), "interface", string(e.ID)) {
			cloud.IPv6Rules.Delete(d.s, r.ID)
		}
		for _, a := range e.Addrs6 {
			d.ipv6Rules(w, e.ID, a)
		}
	})
}

// tell has transit routers be of one domain, and attachments tell what they know.
func (d *dice) tell() {
	for _, h := range d.hubs {
		edit(d.s, cloud.TransitRouters, h.id, func(r *cloud.TransitRouter) { r.Domain = "cen" })
		for _, id := range h.ends {
			edit(d.s, cloud.TransitAttachments, id, func(a *cloud.TransitAttachment) { a.Publish = d.chance(70) })
		}
		if d.learn(h); d.chance(60) {
			d.oneTable(h)
		}
	}
}

// oneTable has one table of a transit router know and tell everything, as the first
// table of one in a domain does.
func (d *dice) oneTable(h *hub) {
	for i, t := range h.tables {
		edit(d.s, cloud.TransitTables, t, func(t *cloud.TransitTable) {
			if t.Associations = nil; i == 0 {
				t.Associations, t.Propagations = slices.Clone(h.ends), slices.Clone(h.ends)
			}
		})
	}
	for _, id := range h.ends {
		edit(d.s, cloud.TransitAttachments, id, func(a *cloud.TransitAttachment) { a.State, a.Publish = cloud.TransitAvailable, true })
	}
}

// learn has connections to other transit routers propagate to tables, or not.
func (d *dice) learn(h *hub) {
	for _, t := range h.tables {
		edit(d.s, cloud.TransitTables, t, func(t *cloud.TransitTable) {
			t.Propagations = slices.Clone(t.Propagations)
			for _, id := range h.ends {
				if a, _ := cloud.TransitAttachments.Get(d.s, id); a.Peer == nil {
					continue
				}
				t.Propagations = slices.DeleteFunc(t.Propagations, func(o cloud.TransitAttachmentID) bool { return o == id })
				if d.chance(70) {
					t.Propagations = append(t.Propagations, id)
				}
			}
		})
	}
}

func (d *dice) relearn(*world) {
	if len(d.hubs) > 0 {
		d.learn(pick(d, d.hubs...))
	}
}

func (d *dice) switchPublish(*world) {
	d.attachment(func(a *cloud.TransitAttachment) { a.Publish = !a.Publish })
}

// tidy has most VPCs of the dialect be what users make, so that much gets through:
// groups that let others in, hosts behind a NAT gateway, which leaves by another
// table, and open ACLs.
func (d *dice) tidy() {
	defer d.from(d.others)()
	for _, w := range d.worlds {
		if !w.second || !d.chance(75) {
			continue
		}
		for _, g := range w.groups {
			if d.chance(60) {
				d.letIn(g)
			}
		}
		if d.chance(75) {
			d.behindNAT(w)
		}
		if d.chance(60) {
			edit(d.s, cloud.NetworkACLs, w.acls[0], func(a *cloud.NetworkACL) {
				a.Entries = []cloud.NetworkACLEntry{d.open(1, false, "0.0.0.0/0"), d.open(2, false, "::/0"), d.open(1, true, "0.0.0.0/0"), d.open(2, true, "::/0")}
			})
		}
	}
}

// letIn has a group let in, behind its other rules, whoever comes, to all ports or
// to the lower ones.
func (d *dice) letIn(id cloud.SecurityGroupID) {
	edit(d.s, cloud.SecurityGroups, id, func(g *cloud.SecurityGroup) {
		g.Rules = slices.Clone(g.Rules)
		rule := cloud.SecurityGroupRule{Action: cloud.Allow, Priority: 100, Protocol: -1, From: -1, To: -1}
		if d.chance(35) {
			rule.Protocol, rule.From, rule.To = tcp, 1, 443
		}
		for _, p := range []string{"0.0.0.0/0", "::/0"} {
			rule.ID, rule.Prefix = d.id("sgr"), pfx(p)
			g.Rules = append(g.Rules, rule)
		}
	})
}

// behindNAT has most tables lead to a NAT gateway and to the IPv6 gateway; the NAT
// gateway's own subnet has a table that leads to the internet gateway, if one is awake.
func (d *dice) behindNAT(w *world) {
	for g := range cloud.NATGateways.By(d.s.clone(), "vpc", string(w.v.ID)) {
		if g.Private && d.chance(70) {
			continue
		}
		for _, t := range w.tables {
			if d.chance(90) {
				d.leadTo(t, "0.0.0.0/0", cloud.TargetNATGateway, string(g.ID))
			}
			if w.v6 && d.chance(60) {
				d.leadTo(t, "::/0", cloud.TargetIPv6Gateway, w.ipv6GatewayID())
			}
			edit(d.s, cloud.RouteTables, t, func(t *cloud.RouteTable) {
				t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a cloud.RouteTableAssociation) bool { return a.Subnet == g.Subnet })
			})
		}
		own := &cloud.RouteTable{Meta: meta, ID: cloud.RouteTableID(d.id("rtb")), VPC: w.v.ID, Associations: []cloud.RouteTableAssociation{{ID: d.id("assoc"), Subnet: g.Subnet}}}
		cloud.RouteTables.Put(d.s, own)
		w.tables = append(w.tables, own.ID)
		for i := range cloud.InternetGateways.By(d.s, "vpc", string(w.v.ID)) {
			if !i.Dormant {
				d.leadTo(own.ID, "0.0.0.0/0", cloud.TargetInternetGateway, string(i.ID))
			}
		}
		return
	}
}

// leadTo has a table lead a destination somewhere, in place of where it leads now.
func (d *dice) leadTo(id cloud.RouteTableID, dest string, kind cloud.TargetKind, target string) {
	edit(d.s, cloud.RouteTables, id, func(t *cloud.RouteTable) {
		t.Routes = append(slices.DeleteFunc(slices.Clone(t.Routes), func(r cloud.Route) bool { return r.Dest == pfx(dest) }),
			cloud.Route{Dest: pfx(dest), Target: cloud.RouteTarget{Kind: kind, ID: target}})
	})
}

func (d *dice) dialectChanges() []change {
	of := func(f func(*world)) func(*world) { // a VPC of the dialect
		return func(w *world) {
			for _, o := range append([]*world{w}, d.worlds...) {
				if o.second {
					f(o)
					return
				}
			}
		}
	}
	return []change{
		{"IPv4 gateway woken, put to sleep or gone", of(d.ipv4Gateway)}, {"IPv6 gateway made or deleted", of(d.switchIPv6Gateway)}, {"IPv6 rules made anew", of(d.rerule)},
		{"SNAT entries made anew", of(d.resnat)}, {"DNAT entries made anew", of(d.rednat)},
		{"transit attachment publishes or not", d.switchPublish}, {"transit connections learn anew", d.relearn},
	}
}

// dialectProbe is about what only the second dialect has; not ok if there is nothing such.
func (d *dice) dialectProbe(all []*netplan.Plan, plan *netplan.Plan, p probe) (probe, bool) {
	if d.chance(45) {
		return d.entryProbe(plan, p)
	}
	if len(plan.Transits) > 0 && d.chance(50) {
		return d.beyondProbe(all, plan, p)
	}
	v6 := d.chance(70)
	to := pick(d, all...)
	switch k := d.IntN(10); {
	case k < 4 && v6: // one from the internet to an address that may be joined to it
		p.VPC = to.VPC
		return d.inward(to, p, true)
	case k < 8: // to the internet
		p, ok := d.sender(plan, p, v6)
		if p.To = pick(d, hosts4...); v6 {
			p.To = pick(d, hosts6...)
		}
		return p, ok
	}
	p, ok := d.sender(plan, p, false)
	p.To = pick(d, slices.Concat(plan.Routers, resolvers, []netip.Addr{ip("100.64.1.1"), offset(pick(d, plan.CIDRs...), 3)})...)
	return p, ok && p.To.Is4()
}

// beyondProbe is one that its table leads to a transit router.
func (d *dice) beyondProbe(all []*netplan.Plan, plan *netplan.Plan, p probe) (probe, bool) {
	v6 := d.chance(30)
	for range 20 {
		q, ok := d.sender(plan, p, v6)
		if q.To = d.anyAddr(pick(d, all...), v6); ok && q.To.IsValid() && leadsBeyond(plan, q) {
			return q, true
		}
	}
	return p, false
}

func leadsBeyond(plan *netplan.Plan, p probe) bool {
	subnet := plan.ENI(p.From).Subnet
	for _, s := range plan.Subnets {
		for _, t := range plan.Tables {
			if s.ID == subnet && s.Table == t.ID {
				i := slices.IndexFunc(t.Routes, func(r netplan.Route) bool { return r.Dest.Contains(p.To) })
				return i >= 0 && t.Routes[i].Hop == netplan.HopTransit
			}
		}
	}
	return false
}
