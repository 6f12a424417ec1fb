package netplan

import (
	"cmp"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// StageNATSource: a NAT gateway has no rule that translates the sender.
const StageNATSource Stage = "nat-source"

// translations compiles the rules of a NAT gateway, narrowest source first. A rule
// whose source or addresses are gone translates nothing.
func (c *compiler) translations(n *cloud.NATGateway, e *ENI) []Translation {
	var out []Translation
	for _, r := range n.Rules {
		from := cloud.Ref{Kind: cloud.KindNATGateway, ID: string(n.ID), Part: r.ID}
		t := Translation{Source: r.Source, From: []cloud.Ref{from}}
		if s := c.p.subnet(r.Subnet); s != nil {
			t.Source = s.CIDR4
		}
		for _, id := range r.Addresses {
			if a, ok := cloud.ElasticIPs.Get(c.v, id); ok && a.Interface == e.ID && slices.Contains(e.Translated(), a.Private) {
				t.Addrs = append(t.Addrs, a.Private)
			}
		}
		if !t.Source.IsValid() || !t.Source.Addr().Is4() || len(t.Addrs) == 0 {
			c.problem(from, "NAT gateway %s: rule %s has no source or no address left", n.ID, r.ID)
			continue
		}
		t.Source = t.Source.Masked()
		slices.SortFunc(t.Addrs, netip.Addr.Compare)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Translation) int {
		return cmp.Or(cmp.Compare(b.Source.Bits(), a.Source.Bits()), comparePrefix(a.Source, b.Source), slices.CompareFunc(a.From, b.From, compareRef))
	})
	return out
}

// Translation finds what a selective NAT gateway makes of a source, or nil.
func (e *ENI) Translation(src netip.Addr) *Translation {
	for i := range e.Translates {
		if e.Translates[i].Source.Contains(src) {
			return &e.Translates[i]
		}
	}
	return nil
}

// DirectGatewayID names, in a plan, what joins the public addresses of a VPC with
// cloud.VPC.DirectPublic to the internet, if no internet gateway does.
const DirectGatewayID cloud.InternetGatewayID = "public-addresses"

var everything4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// directTables gives the subnets that have public addresses a second table for
// those: like their own, but everything leaves by the address itself.
func (c *compiler) directTables() {
	if !c.vpc.DirectPublic || c.p.Gateway == nil {
		return
	}
	made := map[cloud.RouteTableID]bool{}
	for _, pair := range c.p.Gateway.Public {
		e := c.p.ENI(c.at[pair.Private])
		if e == nil {
			continue
		}
		s := c.p.subnet(e.Subnet)
		s.Direct = s.Table + "/direct"
		if !made[s.Table] {
			made[s.Table] = true
			c.p.Tables = append(c.p.Tables, c.directTable(s.Table))
		}
	}
	slices.SortFunc(c.p.Tables, func(a, b RouteTable) int { return cmp.Compare(a.ID, b.ID) })
}

func (c *compiler) directTable(id cloud.RouteTableID) RouteTable {
	i := slices.IndexFunc(c.p.Tables, func(t RouteTable) bool { return t.ID == id })
	t := RouteTable{ID: id + "/direct"}
	out := Route{Dest: everything4, Hop: HopInternet, Target: string(c.p.Gateway.ID), Source: []cloud.Ref{ref(cloud.KindVPC, c.vpc.ID)}}
	done := false
	for _, r := range c.p.Tables[i].Routes {
		if r.Dest == everything4 {
			r, done = out, true
		}
		t.Routes = append(t.Routes, r)
	}
	if !done {
		at := slices.IndexFunc(t.Routes, func(r Route) bool {
			return r.Dest.Bits() == 0 && comparePrefix(r.Dest, everything4) > 0
		})
		if at < 0 {
			at = len(t.Routes)
		}
		t.Routes = slices.Insert(t.Routes, at, out)
	}
	return t
}
