package netplan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// tables gives each subnet its table, by association or else the main one, and
// compiles those in use.
func (c *compiler) tables() {
	var main cloud.RouteTableID
	explicit := map[cloud.SubnetID]cloud.RouteTableID{}
	for t := range cloud.RouteTables.By(c.v, "vpc", string(c.vpc.ID)) {
		if t.Main && main == "" {
			main = t.ID
		} else if t.Main {
			c.problem(ref(cloud.KindRouteTable, t.ID), "route table %s: VPC %s already has the main table %s", t.ID, c.vpc.ID, main)
		}
		for _, a := range t.Associations {
			if other, taken := explicit[a.Subnet]; taken && other != t.ID {
				c.problem(ref(cloud.KindRouteTable, t.ID), "route table %s: subnet %s is already associated with %s", t.ID, a.Subnet, other)
			} else if a.Subnet != "" {
				explicit[a.Subnet] = t.ID
			}
		}
	}
	used := map[cloud.RouteTableID]bool{}
	for i := range c.p.Subnets {
		s := &c.p.Subnets[i]
		s.Table = main
		if t, ok := explicit[s.ID]; ok {
			s.Table = t
		}
		used[s.Table] = true
	}
	told := Published(c.v, c.vpc.ID)
	for id := range used {
		c.p.Tables = append(c.p.Tables, c.table(id, told))
	}
	slices.SortFunc(c.p.Tables, func(a, b RouteTable) int { return cmp.Compare(a.ID, b.ID) })
	c.directTables()
}

// candidate is a route with its rank among routes of one destination. The
// vendor's order: static, then prefix lists, then the VPC's own local route
// (whose target a static route may replace), then what transit routers tell. Of
// two prefix lists one wins for good; here the lower ID.
type candidate struct {
	Route
	rank int
	list cloud.PrefixListID
}

const (
	rankStatic = iota
	rankList
	rankLocal
	rankPublished
)

// table compiles one table; told are the routes that transit routers tell all.
func (c *compiler) table(id cloud.RouteTableID, told []cloud.Route) RouteTable {
	out := RouteTable{ID: id}
	t, ok := cloud.RouteTables.Get(c.v, id)
	if !ok {
		c.problem(ref(cloud.KindVPC, c.vpc.ID), "VPC %s has no main route table: subnets without a table of their own are closed", c.vpc.ID)
		return out
	}
	out.Main = t.Main
	all := c.serviceRoute(t)
	for _, p := range c.localBlocks() {
		all = append(all, candidate{Route: Route{Dest: p, Hop: HopLocal, Source: c.routeRefs(t, p, "")}, rank: rankLocal})
	}
	for _, r := range slices.Concat(t.Routes, c.endpointRoutes(t)) {
		all = append(all, c.routes(t, r)...)
	}
	for _, r := range told {
		for _, route := range c.routes(t, r) {
			route.rank = rankPublished
			all = append(all, route)
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(b.Dest.Bits(), a.Dest.Bits()),
			comparePrefix(a.Dest, b.Dest),
			cmp.Compare(a.rank, b.rank),
			cmp.Compare(a.list, b.list),
			cmp.Compare(a.Hop, b.Hop),
			cmp.Compare(a.Target, b.Target),
		)
	})
	for _, r := range all {
		if n := len(out.Routes); n == 0 || out.Routes[n-1].Dest != r.Dest {
			out.Routes = append(out.Routes, r.Route)
		}
	}
	return out
}

// localBlocks are the destinations that every table has by itself.
func (c *compiler) localBlocks() (out []netip.Prefix) {
	if !c.vpc.SubnetRoutes {
		return c.p.CIDRs
	}
	for _, s := range c.p.Subnets {
		for _, p := range []netip.Prefix{s.CIDR4, s.CIDR6} {
			if p.IsValid() {
				out = append(out, p)
			}
		}
	}
	return out
}

func (c *compiler) routeRefs(t *cloud.RouteTable, dest netip.Prefix, list cloud.PrefixListID) []cloud.Ref {
	refs := []cloud.Ref{{Kind: cloud.KindRouteTable, ID: string(t.ID), Part: dest.String()}}
	if list != "" {
		refs = append(refs, ref(cloud.KindPrefixList, list))
	}
	return refs
}

// endpointRoutes are the routes that gateway endpoints add to the tables they
// name: from their service's prefix lists to the endpoint.
func (c *compiler) endpointRoutes(t *cloud.RouteTable) []cloud.Route {
	var out []cloud.Route
	for e := range cloud.Endpoints.By(c.v, "vpc", string(c.vpc.ID)) {
		if !e.Gateway || !slices.Contains(e.RouteTables, t.ID) {
			continue
		}
		for l := range cloud.PrefixLists.By(c.v, "scope", cloud.Scope("", c.vpc.Region)) {
			if l.Name == e.Service {
				out = append(out, cloud.Route{PrefixList: l.ID, Target: cloud.RouteTarget{Kind: cloud.TargetEndpoint, ID: string(e.ID)}})
			}
		}
	}
	return out
}

// routes expands one route of the state.
func (c *compiler) routes(t *cloud.RouteTable, r cloud.Route) []candidate {
	dests, rank := []netip.Prefix{r.Dest}, rankStatic
	if r.PrefixList != "" {
		l, ok := cloud.PrefixLists.Get(c.v, r.PrefixList)
		if !ok {
			c.problem(ref(cloud.KindRouteTable, t.ID), "route table %s refers to prefix list %s, which does not exist", t.ID, r.PrefixList)
			return nil
		}
		dests, rank = prefixes(l), rankList
	}
	var out []candidate
	for _, d := range dests {
		if !d.IsValid() {
			c.problem(ref(cloud.KindRouteTable, t.ID), "route table %s has a route to %s without a valid destination", t.ID, r.Target.ID)
			continue
		}
		route := Route{Dest: d.Masked(), Target: r.Target.ID, Source: c.routeRefs(t, d.Masked(), r.PrefixList)}
		var why string
		if route.Hop, route.ENI, why = c.hop(r.Target, d); why != "" {
			route.Hop, route.ENI, route.Why = HopBlackhole, "", why
			c.problem(route.Source[0], "route table %s: %s is a blackhole: %s", t.ID, route.Dest, why)
		}
		out = append(out, candidate{route, rank, r.PrefixList})
	}
	return out
}

// hop resolves a route's target, or says why it leads nowhere.
func (c *compiler) hop(t cloud.RouteTarget, dest netip.Prefix) (hop Hop, eni cloud.InterfaceID, why string) {
	g := c.p.Gateway
	switch t.Kind {
	case cloud.TargetInternetGateway:
		if g == nil || string(g.ID) != t.ID {
			return "", "", fmt.Sprintf("internet gateway %s is not attached to VPC %s", t.ID, c.vpc.ID)
		}
		return HopInternet, "", ""
	case cloud.TargetEgressOnlyGateway:
		if g == nil || !slices.Contains(g.EgressOnly, cloud.EgressOnlyGatewayID(t.ID)) {
			return "", "", fmt.Sprintf("egress-only internet gateway %s is not in VPC %s", t.ID, c.vpc.ID)
		}
		if dest.Addr().Is4() {
			return "", "", fmt.Sprintf("egress-only internet gateway %s carries IPv6 only", t.ID)
		}
		return HopEgressOnly, "", ""
	case cloud.TargetIPv6Gateway:
		if g == nil || string(g.IPv6) != t.ID {
			return "", "", fmt.Sprintf("IPv6 gateway %s is not in VPC %s", t.ID, c.vpc.ID)
		}
		if dest.Addr().Is4() {
			return "", "", fmt.Sprintf("IPv6 gateway %s carries IPv6 only", t.ID)
		}
		return HopIPv6, "", ""
	case cloud.TargetNATGateway:
		i := slices.IndexFunc(c.p.NATs, func(n NATGateway) bool { return string(n.ID) == t.ID })
		if i < 0 {
			return "", "", fmt.Sprintf("NAT gateway %s does not exist or does not work in VPC %s", t.ID, c.vpc.ID)
		}
		if dest.Addr().Is6() {
			return c.nat64(i, dest)
		}
		return HopNAT, c.p.NATs[i].ENI, ""
	case cloud.TargetInterface:
		e := c.p.ENI(cloud.InterfaceID(t.ID))
		if e == nil {
			return "", "", fmt.Sprintf("network interface %s is not in VPC %s", t.ID, c.vpc.ID)
		}
		if !e.Attach.Grouped() {
			return "", "", fmt.Sprintf("network interface %s is a gateway's; routes name the gateway itself", t.ID)
		}
		return HopENI, e.ID, ""
	case cloud.TargetEndpoint:
		if !slices.ContainsFunc(c.p.Endpoints, func(e Endpoint) bool { return string(e.ID) == t.ID }) {
			return "", "", fmt.Sprintf("gateway endpoint %s is not in VPC %s", t.ID, c.vpc.ID)
		}
		return HopEndpoint, "", ""
	case cloud.TargetPeering:
		hop, why = c.peerHop(t.ID)
		return hop, "", why
	case cloud.TargetTransit:
		hop, why = c.transitHop(t.ID)
		return hop, "", why
	case cloud.TargetBlackhole:
		return "", "", "the route says so"
	default:
		return "", "", fmt.Sprintf("targets of kind %q (%s) are not supported", t.Kind, t.ID)
	}
}
