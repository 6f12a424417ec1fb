package oracle

import (
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// entries makes a NAT gateway one that translates and sends on what its entries
// say, from and to several addresses.
func (d *dice) entries(w *world, g *cloud.NATGateway) {
	i, _ := cloud.Interfaces.Get(d.s, g.Interface)
	s, _ := cloud.Subnets.Get(d.s, g.Subnet)
	addrs := slices.Clone(i.Addrs)
	for range d.IntN(3) {
		a := nth(s, 181+d.n%18, true)
		if d.n++; slices.Contains(addrs, a) {
			continue
		}
		if addrs = append(addrs, a); !g.Private && d.chance(85) {
			d.elasticIP(i.ID, a)
		}
	}
	edit(d.s, cloud.Interfaces, i.ID, func(i *cloud.Interface) { i.Addrs = addrs })
	edit(d.s, cloud.NATGateways, g.ID, func(g *cloud.NATGateway) {
		g.Selective = true
		for k, a := range addrs {
			if g.Private {
				g.Own = append(g.Own, cloud.NATAddress{ID: cloud.AllocationID(fmt.Sprintf("%s-%d", g.ID, k)), Addr: a})
			}
		}
		g.Rules = d.snat(w, g)
		g.Forwards = d.dnat(w, g)
	})
}

// natAddresses are the names of a gateway's addresses.
func (d *dice) natAddresses(g *cloud.NATGateway) (ids []cloud.AllocationID) {
	for _, a := range g.Own {
		ids = append(ids, a.ID)
	}
	for e := range cloud.ElasticIPs.By(d.s, "interface", string(g.Interface)) {
		ids = append(ids, e.ID)
	}
	return ids
}

func (d *dice) snat(w *world, g *cloud.NATGateway) (out []cloud.NATRule) {
	ids := d.natAddresses(g)
	for range d.IntN(4) {
		r := cloud.NATRule{ID: d.id("snat"), Subnet: pick(d, w.subnets...).ID}
		if d.chance(50) {
			r.Subnet, r.Source = "", d.prefix(w, false)
		}
		if slices.ContainsFunc(out, func(o cloud.NATRule) bool { return o.Subnet == r.Subnet && o.Source == r.Source }) || len(ids) == 0 {
			continue
		}
		r.Addresses = []cloud.AllocationID{pick(d, ids...)}
		if other := pick(d, ids...); d.chance(20) && other != r.Addresses[0] {
			r.Addresses = append(r.Addresses, other)
		}
		out = append(out, r)
	}
	return out
}

// dnat are entries that do not contradict each other, nor g.Rules.
func (d *dice) dnat(w *world, g *cloud.NATGateway) (out []cloud.NATForward) {
	ids := d.natAddresses(g)
	for range d.IntN(5) {
		if len(ids) == 0 {
			break
		}
		f := cloud.NATForward{ID: d.id("fwd"), Address: pick(d, ids...), Protocol: pick(d, tcp, tcp, udp, -1), Host: d.forwardHost(w)}
		if f.Protocol > 0 {
			f.From = pick(d, ports...)
			f.To = f.From + pick(d, 0, 0, 3)
			f.Port = pick(d, f.From, f.From, 80, 22, 7000)
		}
		if f.Host.IsValid() && !slices.ContainsFunc(out, func(o cloud.NATForward) bool { return clash(f, o) }) && !(f.All() && translates(g, f.Address)) {
			out = append(out, f)
		}
	}
	return out
}

func clash(f, o cloud.NATForward) bool {
	all := f.All() || o.All()
	return o.Address == f.Address && (all || o.Protocol == f.Protocol && o.From <= f.To && f.From <= o.To) ||
		o.Host == f.Host && (all || o.Protocol == f.Protocol && o.Port <= f.Port+f.To-f.From && f.Port <= o.Port+o.To-o.From)
}

func translates(g *cloud.NATGateway, id cloud.AllocationID) bool {
	return slices.ContainsFunc(g.Rules, func(r cloud.NATRule) bool { return slices.Contains(r.Addresses, id) })
}

// forwardHost is who gets what a gateway sends on: most are without a public
// address, as those with one answer by that.
func (d *dice) forwardHost(w *world) (a netip.Addr) {
	if d.chance(4) {
		return pick(d, nth(pick(d, w.subnets...), 200, true), d.gatewayAddr(w))
	}
	for range 4 {
		e, _ := cloud.Interfaces.Get(d.s, pick(d, w.enis...))
		if len(e.Addrs) == 0 {
			continue
		}
		a = pick(d, e.Addrs...)
		public := false
		for p := range cloud.ElasticIPs.By(d.s, "interface", string(e.ID)) {
			public = public || p.Private == a
		}
		if !public && !e.PublicIP.IsValid() && e.Use == cloud.UseHost {
			break
		}
	}
	return a
}

// gatewayAddr is the address of some NAT gateway.
func (d *dice) gatewayAddr(w *world) (a netip.Addr) {
	for g := range cloud.NATGateways.By(d.s, "vpc", string(w.v.ID)) {
		if i, ok := cloud.Interfaces.Get(d.s, g.Interface); ok {
			a = pick(d, i.Addrs...)
		}
	}
	return a
}

// nat edits one of the VPC's NAT gateways that has entries, if one is left.
func (d *dice) nat(w *world, f func(*cloud.NATGateway)) {
	var ids []cloud.NATGatewayID
	for g := range cloud.NATGateways.By(d.s, "vpc", string(w.v.ID)) {
		if g.Deleted.IsZero() && g.Selective {
			ids = append(ids, g.ID)
		}
	}
	if len(ids) > 0 {
		edit(d.s, cloud.NATGateways, pick(d, ids...), f)
	}
}

func (d *dice) resnat(w *world) {
	d.nat(w, func(g *cloud.NATGateway) {
		g.Rules = d.snat(w, g)
		g.Forwards = slices.DeleteFunc(slices.Clone(g.Forwards), func(f cloud.NATForward) bool { return f.All() && translates(g, f.Address) })
	})
}

func (d *dice) rednat(w *world) {
	d.nat(w, func(g *cloud.NATGateway) { g.Forwards = d.dnat(w, g) })
}

// entryProbe is one to an address of a NAT gateway, most to a port that is sent on:
// from the internet, or from an interface.
func (d *dice) entryProbe(plan *netplan.Plan, p probe) (probe, bool) {
	var gates []*netplan.ENI
	for i := range plan.ENIs {
		if e := &plan.ENIs[i]; len(e.Forwards) > 0 {
			gates = append(gates, e)
		}
	}
	if len(gates) == 0 {
		return p, false
	}
	f := pick(d, pick(d, gates...).Forwards...)
	if p.To = f.Addr; f.Protocol > 0 {
		p.Proto = f.Protocol
		p.Port = pick(d, f.From, f.From, f.To, f.To, f.To+1)
	}
	if d.chance(15) {
		p.Proto = pick(d, tcp, udp, icmp)
	}
	public := netip.Addr{}
	if plan.Gateway != nil {
		for _, m := range plan.Gateway.Public {
			if m.Private == f.Addr {
				public = m.Public
			}
		}
	}
	if public.IsValid() && d.chance(75) {
		p.To = public
		if d.chance(85) {
			p.Src = pick(d, hosts4[0], hosts4[1], hosts4[0], privateHost)
			return p, true
		}
	}
	return d.sender(plan, p, false)
}
