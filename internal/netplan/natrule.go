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
			if a, ok := n.Address(c.v, id); ok && slices.Contains(e.Translated(), a) {
				t.Addrs = append(t.Addrs, a)
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
	for _, f := range e.Forwards {
		if f.Protocol < 0 { // before a rule for this host alone
			out = append([]Translation{{Source: netip.PrefixFrom(f.Host, 32), Addrs: []netip.Addr{f.Addr}, From: f.Source}}, out...)
		}
	}
	slices.SortStableFunc(out, func(a, b Translation) int {
		if a.Source == b.Source {
			return 0
		}
		return cmp.Or(cmp.Compare(b.Source.Bits(), a.Source.Bits()), comparePrefix(a.Source, b.Source))
	})
	return out
}

// forwards compiles what a NAT gateway sends on, in order. What has no address or
// no host left sends nothing on.
func (c *compiler) forwards(n *cloud.NATGateway, e *ENI) (out []Forward) {
	for _, f := range n.Forwards {
		from := cloud.Ref{Kind: cloud.KindNATGateway, ID: string(n.ID), Part: f.ID}
		a, ok := n.Address(c.v, f.Address)
		if !ok || !slices.Contains(e.Addrs, a) || !f.Host.Is4() {
			c.problem(from, "NAT gateway %s: %s has no address or no host left", n.ID, f.ID)
			continue
		}
		to := Forward{Addr: a, Protocol: f.Protocol, From: f.From, To: f.To, Host: f.Host, Port: f.Port, Source: []cloud.Ref{from}}
		if h := c.p.ENI(c.at[f.Host]); h != nil {
			to.Own = slices.DeleteFunc(slices.Clone(h.Addrs), netip.Addr.Is6)
		}
		out = append(out, to)
	}
	slices.SortFunc(out, func(a, b Forward) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(b.Protocol, a.Protocol), cmp.Compare(a.From, b.From))
	})
	return out
}

// Forward finds what a NAT gateway makes of packets to one of its addresses, nil for
// nothing: all of these ports, lo to hi, are then sent on.
func (e *ENI) Forward(addr netip.Addr, protocol, lo, hi int) *Forward {
	for i := range e.Forwards {
		if f := &e.Forwards[i]; f.Addr == addr && (f.Protocol < 0 || f.Protocol == protocol && f.From <= lo && hi <= f.To) {
			return f
		}
	}
	return nil
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
