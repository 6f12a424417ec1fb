package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// dns64 is the only IPv6 destination that a NAT gateway serves (NAT64).
var dns64 = netip.MustParsePrefix("64:ff9b::/96")

// CreateRoute adds a route to a table.
func (c *Control) CreateRoute(ctx context.Context, who Caller, table cloud.RouteTableID, r cloud.Route) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, r, err := c.checkRoute(tx, who, table, r)
		if err != nil {
			return err
		}
		if findRoute(t, r) >= 0 || isLocal(tx, t, r.Dest) {
			return cloud.Errorf(cloud.Exists, cloud.KindRoute, routeName(r), "", "route table %s has a route to %s; replace or delete that", table, routeName(r))
		}
		if err := within(len(t.Routes), c.quotas(who).RoutesPerTable, cloud.KindRoute, string(table), ""); err != nil {
			return err
		}
		changed := *t
		changed.Routes = append(slices.Clone(t.Routes), r)
		cloud.RouteTables.Put(tx, &changed)
		return nil
	})
}

// ReplaceRoute points an existing route elsewhere.
func (c *Control) ReplaceRoute(ctx context.Context, who Caller, table cloud.RouteTableID, r cloud.Route) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, r, err := c.checkRoute(tx, who, table, r)
		if err != nil {
			return err
		}
		i := findRoute(t, r)
		if i < 0 {
			return cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "replace-missing", "route table %s has no route to %s to replace; create it", table, routeName(r))
		}
		changed := *t
		changed.Routes = slices.Clone(t.Routes)
		changed.Routes[i] = r
		cloud.RouteTables.Put(tx, &changed)
		return nil
	})
}

// DeleteRoute removes the route to r's destination.
func (c *Control) DeleteRoute(ctx context.Context, who Caller, table cloud.RouteTableID, r cloud.Route) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, err := find(tx, who, cloud.RouteTables, cloud.KindRouteTable, table)
		if err != nil {
			return err
		}
		r.Dest = masked(r.Dest)
		if isLocal(tx, t, r.Dest) {
			return cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "local", "cannot remove local route %s in route table %s", routeName(r), table)
		}
		i := findRoute(t, r)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, cloud.KindRoute, routeName(r), "", "no route with destination-cidr-block %s in route table %s", routeName(r), table)
		}
		if t.Routes[i].Target.Kind == cloud.TargetEndpoint && r.PrefixList != "" {
			return cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "endpoint", "the route to %s belongs to endpoint %s; change that endpoint's route tables", r.PrefixList, t.Routes[i].Target.ID)
		}
		changed := *t
		changed.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
		cloud.RouteTables.Put(tx, &changed)
		return nil
	})
}

func masked(p netip.Prefix) netip.Prefix {
	if p.IsValid() {
		return p.Masked()
	}
	return p
}

func routeName(r cloud.Route) string {
	if r.PrefixList != "" {
		return string(r.PrefixList)
	}
	return r.Dest.String()
}

func findRoute(t *cloud.RouteTable, r cloud.Route) int {
	return slices.IndexFunc(t.Routes, func(o cloud.Route) bool { return o.Dest == r.Dest && o.PrefixList == r.PrefixList })
}

// vpcBlocks are all blocks of a VPC.
func vpcBlocks(v cloud.View, id cloud.VPCID) []netip.Prefix {
	vpc, ok := cloud.VPCs.Get(v, id)
	if !ok {
		return nil
	}
	return append(prefixes(vpc.CIDRs), prefixes(vpc.CIDRs6)...)
}

// LocalBlocks are the destinations that a VPC's tables have by themselves: its own
// blocks, or those of its subnets.
func LocalBlocks(v cloud.View, vpc *cloud.VPC) (out []netip.Prefix) {
	if !vpc.SubnetRoutes {
		return append(prefixes(vpc.CIDRs), prefixes(vpc.CIDRs6)...)
	}
	for s := range cloud.Subnets.By(v, "vpc", string(vpc.ID)) {
		if s.CIDR.IsValid() {
			out = append(out, s.CIDR)
		}
		out = append(out, prefixes(s.CIDRs6)...)
	}
	return out
}

func isLocal(v cloud.View, t *cloud.RouteTable, p netip.Prefix) bool {
	vpc, ok := cloud.VPCs.Get(v, t.VPC)
	return ok && p.IsValid() && slices.Contains(LocalBlocks(v, vpc), p)
}

// checkDest refuses destinations that the VPC keeps to itself.
func checkDest(v cloud.View, t *cloud.RouteTable, r cloud.Route) error {
	vpc, ok := cloud.VPCs.Get(v, t.VPC)
	if !ok || !r.Dest.IsValid() {
		return nil
	}
	if vpc.Services.IsValid() && r.Dest == vpc.Services.Masked() {
		return cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "services", "the destination %s is where the platform's internal services are; choose a part of it", r.Dest)
	}
	blocks := LocalBlocks(v, vpc)
	inside := covers(blocks, r.Dest)
	if inside && (vpc.SubnetRoutes || !slices.Contains(blocks, r.Dest) && r.Target.Kind != cloud.TargetInterface) {
		return cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "inside-vpc", "the destination %s is inside %s, where packets go to their hosts; such a route is not possible, or can lead to an interface only", routeName(r), blocks)
	}
	return nil
}

// checkRoute finds the table and refuses a route that cannot be in it.
func (c *Control) checkRoute(tx cloud.Tx, who Caller, table cloud.RouteTableID, r cloud.Route) (*cloud.RouteTable, cloud.Route, error) {
	t, err := find(tx, who, cloud.RouteTables, cloud.KindRouteTable, table)
	if err != nil {
		return nil, r, err
	}
	r.Dest = masked(r.Dest)
	if r.PrefixList != "" {
		if _, err := c.prefixList(tx, who, r.PrefixList); err != nil {
			return nil, r, err
		}
	}
	if err := checkDest(tx, t, r); err != nil {
		return nil, r, err
	}
	vpc, err := targetVPC(tx, who, r, t.VPC)
	if err != nil {
		return nil, r, err
	}
	if vpc != t.VPC {
		return nil, r, otherVPC(cloud.KindRoute, r.Target.ID, "route table %s and %s %s belong to different VPCs", table, r.Target.Kind, r.Target.ID)
	}
	return t, r, nil
}

// targetVPC finds the route's target and the VPC it is in, for a table of a VPC.
func targetVPC(tx cloud.Tx, who Caller, r cloud.Route, table cloud.VPCID) (cloud.VPCID, error) {
	v6 := r.Dest.IsValid() && r.Dest.Addr().Is6()
	switch r.Target.Kind {
	case cloud.TargetInternetGateway:
		g, err := find(tx, who, cloud.InternetGateways, cloud.KindInternetGateway, cloud.InternetGatewayID(r.Target.ID))
		if err != nil {
			return "", cloud.Errorf(cloud.NotFound, cloud.KindInternetGateway, r.Target.ID, "route-target", "there is no gateway %q to route to", r.Target.ID)
		}
		return g.VPC, nil
	case cloud.TargetEgressOnlyGateway:
		g, err := find(tx, who, cloud.EgressOnlyGateways, cloud.KindEgressOnlyGateway, cloud.EgressOnlyGatewayID(r.Target.ID))
		if err != nil {
			return "", err
		}
		if r.Dest.IsValid() && !v6 {
			return "", cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "ipv4-egress-only", "an egress-only internet gateway serves IPv6 only, not %s", r.Dest)
		}
		return g.VPC, nil
	case cloud.TargetIPv6Gateway:
		g, err := find(tx, who, cloud.IPv6Gateways, cloud.KindIPv6Gateway, cloud.IPv6GatewayID(r.Target.ID))
		if err != nil {
			return "", err
		}
		if !v6 {
			return "", cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "ipv4-egress-only", "an IPv6 gateway serves IPv6 only, not %s", r.Dest)
		}
		return g.VPC, nil
	case cloud.TargetNATGateway:
		g, err := find(tx, who, cloud.NATGateways, cloud.KindNATGateway, cloud.NATGatewayID(r.Target.ID))
		if err != nil {
			return "", err
		}
		if !g.Deleted.IsZero() {
			return "", absent(cloud.KindNATGateway, r.Target.ID)
		}
		if v6 && r.Dest != dns64 {
			return "", cloud.Errorf(cloud.Invalid, cloud.KindRoute, routeName(r), "ipv6-nat", "a NAT gateway serves IPv4 and %s only, not %s", dns64, r.Dest)
		}
		return g.VPC, nil
	case cloud.TargetTransit:
		return table, attached(tx, cloud.TransitRouterID(r.Target.ID), table)
	case cloud.TargetPeering:
		return targetPeering(tx, who, cloud.PeeringID(r.Target.ID), table)
	case cloud.TargetInterface:
		i, err := find(tx, who, cloud.Interfaces, cloud.KindInterface, cloud.InterfaceID(r.Target.ID))
		if err != nil {
			return "", err
		}
		return i.VPC, nil
	}
	return "", cloud.Errorf(cloud.Unsupported, cloud.KindRoute, r.Target.ID, "target", "routes to a %s are not implemented", r.Target.Kind)
}
