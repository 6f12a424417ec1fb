package netplan

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// gateways compiles the internet gateway and those for IPv6.
func (c *compiler) gateways() {
	var g InternetGateway
	for r := range cloud.InternetGateways.By(c.v, "vpc", string(c.vpc.ID)) {
		if r.Dormant {
			continue
		}
		if g.ID != "" {
			c.problem(ref(cloud.KindInternetGateway, r.ID), "internet gateway %s: VPC %s already has %s", r.ID, c.vpc.ID, g.ID)
			continue
		}
		g.ID = r.ID
	}
	for r := range cloud.EgressOnlyGateways.By(c.v, "vpc", string(c.vpc.ID)) {
		g.EgressOnly = append(g.EgressOnly, r.ID)
	}
	slices.Sort(g.EgressOnly)
	if g.ID == "" && c.vpc.DirectPublic {
		g.ID = DirectGatewayID
	}
	if g.ID != "" {
		g.Public = c.public()
	}
	c.openAddrs(&g)
	if g.ID != "" || g.IPv6 != "" || len(g.EgressOnly) > 0 {
		c.p.Gateway = &g
	}
}

// openAddrs finds the IPv6 gateway, and the addresses that it joins to the internet.
func (c *compiler) openAddrs(g *InternetGateway) {
	g.ByRule = c.vpc.IPv6ByRule || g.ID == DirectGatewayID // which is for IPv4 alone
	for r := range cloud.IPv6Gateways.By(c.v, "vpc", string(c.vpc.ID)) {
		if g.IPv6 != "" {
			c.problem(ref(cloud.KindIPv6Gateway, r.ID), "IPv6 gateway %s: VPC %s already has %s", r.ID, c.vpc.ID, g.IPv6)
			continue
		}
		g.IPv6 = r.ID
	}
	open, outward := map[netip.Addr]OpenAddr{}, map[netip.Addr]bool{}
	for r := range cloud.IPv6Rules.By(c.v, "gateway", string(g.IPv6)) {
		from := ref(cloud.KindIPv6Rule, r.ID)
		switch owner, ok := c.at[r.Addr]; {
		case g.IPv6 == "":
		case !ok || owner != r.Interface || !r.Addr.Is6():
			c.problem(from, "rule %s of IPv6 gateway %s: network interface %s has no address %s", r.ID, r.Gateway, r.Interface, r.Addr)
		case r.Outward:
			outward[r.Addr] = true
		default:
			open[r.Addr] = OpenAddr{Addr: r.Addr, Source: []cloud.Ref{from}}
		}
	}
	for a, o := range open {
		o.Outward = outward[a]
		g.Open = append(g.Open, o)
	}
	slices.SortFunc(g.Open, func(a, b OpenAddr) int { return a.Addr.Compare(b.Addr) })
}

// public pairs private with public addresses. An elastic IP goes before the
// address that was assigned automatically.
func (c *compiler) public() []PublicAddr {
	var out []PublicAddr
	private, public := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	add := func(p PublicAddr) bool {
		if private[p.Private] || public[p.Public] || !p.Public.Is4() || !p.Private.Is4() {
			return false
		}
		private[p.Private], public[p.Public] = true, true
		out = append(out, p)
		return true
	}
	for r := range cloud.ElasticIPs.By(c.v, "scope", c.vpc.Scope()) {
		if r.Interface == "" {
			continue
		}
		from := ref(cloud.KindElasticIP, r.ID)
		if owner, ok := c.at[r.Private]; !ok || owner != r.Interface {
			if i, ok := cloud.Interfaces.Get(c.v, r.Interface); !ok || i.VPC == c.vpc.ID {
				c.problem(from, "elastic IP %s (%s): network interface %s has no address %s", r.ID, r.Addr, r.Interface, r.Private)
			}
			continue
		}
		if !add(PublicAddr{Private: r.Private, Public: r.Addr, Source: []cloud.Ref{from, ref(cloud.KindInterface, r.Interface)}}) {
			c.problem(from, "elastic IP %s: %s and %s cannot be paired, one is taken", r.ID, r.Addr, r.Private)
		}
	}
	for _, e := range c.p.ENIs {
		auto, ok := c.auto[e.ID]
		if !ok || !e.Addrs[0].Is4() || private[e.Addrs[0]] {
			continue
		}
		if !add(PublicAddr{Private: e.Addrs[0], Public: auto, Source: e.Source}) {
			c.problem(e.Source[0], "network interface %s: its public address %s is taken", e.ID, auto)
		}
	}
	slices.SortFunc(out, func(a, b PublicAddr) int { return a.Private.Compare(b.Private) })
	return out
}
