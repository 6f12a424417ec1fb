package reach

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// class is what the plan can tell of an interface. Flows between other
// interfaces of the same classes fare alike, for:
// routes, network ACLs and security groups know an interface by its subnet, its
// groups and the prefixes that its addresses are in; beyond that only by name,
// and one that is named is alone in its class.
type class struct {
	subnet  cloud.SubnetID
	profile netplan.ProfileKey
	attach  netplan.Attach
	any     bool
	v4, v6  netip.Prefix // the narrowest of the plan's prefixes around the first address
	public  bool         // the first IPv4 address has a public one
	joined  bool         // the first IPv6 address may have the internet, and
	admits  bool         // be reached from there
	single  cloud.InterfaceID
}

func (x *Analyser) class(e *netplan.ENI, known prefixes, named map[cloud.InterfaceID]bool) class {
	c := class{subnet: e.Subnet, profile: e.Profile, attach: e.Attach, any: e.AnySource}
	v4, v6 := first(e, true), first(e, false)
	c.v4, c.v6 = known.around(v4), known.around(v6)
	if pair := x.public(v4); pair != nil {
		c.public = pair.Private == v4
	}
	if g := x.p.Gateway; g != nil {
		c.joined, c.admits = g.Joins(v6), g.Admits(v6)
	}
	for _, a := range []netip.Addr{v4, v6} {
		odd := a.IsValid() && (!routable(a) || x.router(a) || slices.Contains(x.p.DNS.Resolvers, a) || !x.local(a))
		if odd || named[e.ID] {
			c.single = e.ID
		}
	}
	return c
}

// first is the interface's first address of a family.
func first(e *netplan.ENI, v4 bool) netip.Addr {
	for _, a := range e.Addrs {
		if a.Is4() == v4 {
			return a
		}
	}
	return netip.Addr{}
}

// named are the interfaces that routes lead to.
func (x *Analyser) named() map[cloud.InterfaceID]bool {
	out := map[cloud.InterfaceID]bool{}
	for _, t := range x.p.Tables {
		for _, r := range t.Routes {
			if r.ENI != "" {
				out[r.ENI] = true
			}
		}
	}
	return out
}

// prefixes is a set of prefixes by length, longest first, for each family.
// Prefixes are nested or apart, so the narrowest one around an address says
// which of them contain it.
type prefixes struct {
	set  map[netip.Prefix]bool
	bits map[bool][]int // by whether IPv4
}

// known are all the prefixes by which the plan tells addresses apart.
func (x *Analyser) known() prefixes {
	p := prefixes{set: map[netip.Prefix]bool{}, bits: map[bool][]int{}}
	add := func(f netip.Prefix) {
		if f.IsValid() && !p.set[f.Masked()] {
			p.set[f.Masked()] = true
			v4 := f.Addr().Is4()
			p.bits[v4] = append(p.bits[v4], f.Bits())
		}
	}
	prefixesOf(x.p, add)
	for _, id := range x.elsewhere() { // what these VPCs let in and lead back
		if x.atlas != nil {
			prefixesOf(x.atlas.of(id).p, add)
		}
	}
	for v4, bits := range p.bits {
		slices.Sort(bits)
		bits = slices.Compact(bits)
		slices.Reverse(bits)
		p.bits[v4] = bits
	}
	return p
}

// prefixesOf calls f with every prefix in a plan's rules and routes.
func prefixesOf(p *netplan.Plan, f func(netip.Prefix)) {
	for _, t := range p.Tables {
		for _, r := range t.Routes {
			f(r.Dest)
		}
	}
	for _, e := range p.ENIs {
		for _, t := range e.Translates {
			f(t.Source)
		}
		for _, o := range e.Forwards {
			f(netip.PrefixFrom(o.Addr, 32))
			f(netip.PrefixFrom(o.Host, 32))
			for _, a := range o.Own {
				f(netip.PrefixFrom(a, 32))
			}
		}
	}
	for _, t := range p.Transits {
		for _, r := range t.Routes {
			f(r.Dest)
		}
	}
	for _, a := range p.ACLs {
		for _, l := range slices.Concat(a.In, a.Out) {
			f(l.Prefix)
		}
	}
	for _, g := range p.Profiles {
		for _, r := range slices.Concat(g.In, g.Out) {
			f(r.Prefix)
		}
	}
}

func (p prefixes) around(a netip.Addr) netip.Prefix {
	for _, n := range p.bits[a.Is4()] {
		if f, err := a.Prefix(n); err == nil && p.set[f] {
			return f
		}
	}
	return netip.Prefix{}
}
