package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// CreateIPv6Gateway makes the IPv6 gateway of a VPC that has IPv6, and has its main
// route table lead everything there that nothing else leads elsewhere.
func (c *Control) CreateIPv6Gateway(ctx context.Context, who Caller, in Labels, id cloud.VPCID) (*cloud.IPv6Gateway, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.IPv6Gateway, error) {
		vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, id)
		if err != nil {
			return nil, err
		}
		if len(vpc.CIDRs6) == 0 {
			return nil, cloud.Errorf(cloud.State, cloud.KindIPv6Gateway, string(id), "no-ipv6", "VPC %s has no IPv6 block; add one first", id)
		}
		for g := range cloud.IPv6Gateways.By(tx, "vpc", string(id)) {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindIPv6Gateway, string(g.ID), "", "VPC %s has the IPv6 gateway %s", id, g.ID)
		}
		g := &cloud.IPv6Gateway{Meta: c.meta(who, in), ID: cloud.IPv6GatewayID(who.NewID(cloud.KindIPv6Gateway)), VPC: id}
		cloud.IPv6Gateways.Put(tx, g)
		r := cloud.Route{Dest: anyIPv6, Target: cloud.RouteTarget{Kind: cloud.TargetIPv6Gateway, ID: string(g.ID)}}
		for t := range cloud.RouteTables.By(tx, "vpc", string(id)) {
			if t.Main && findRoute(t, r) < 0 {
				changed := *t
				changed.Routes = append(slices.Clone(t.Routes), r)
				cloud.RouteTables.Put(tx, &changed)
			}
		}
		return g, nil
	})
}

// DeleteIPv6Gateway deletes an IPv6 gateway without rules, and the route to it that
// came with it; no other may be left.
func (c *Control) DeleteIPv6Gateway(ctx context.Context, who Caller, id cloud.IPv6GatewayID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := find(tx, who, cloud.IPv6Gateways, cloud.KindIPv6Gateway, id)
		if err != nil {
			return err
		}
		for r := range cloud.IPv6Rules.By(tx, "gateway", string(id)) {
			return cloud.Errorf(cloud.InUse, cloud.KindIPv6Gateway, string(id), ipv6RuleReason(r.Outward), "IPv6 gateway %s has the rule %s; delete that first", id, r.ID)
		}
		to := func(r cloud.Route) bool {
			return r.Target.Kind == cloud.TargetIPv6Gateway && r.Target.ID == string(id)
		}
		for t := range cloud.RouteTables.By(tx, "vpc", string(g.VPC)) {
			routes := slices.DeleteFunc(slices.Clone(t.Routes), func(r cloud.Route) bool { return t.Main && r.Dest == anyIPv6 && to(r) })
			if slices.ContainsFunc(routes, to) {
				return cloud.Errorf(cloud.InUse, cloud.KindIPv6Gateway, string(id), "route", "route table %s leads to IPv6 gateway %s; delete that route first", t.ID, id)
			}
			if len(routes) < len(t.Routes) {
				changed := *t
				changed.Routes = routes
				cloud.RouteTables.Put(tx, &changed)
			}
		}
		cloud.IPv6Gateways.Delete(tx, id)
		return nil
	})
}

func ipv6RuleReason(outward bool) string {
	if outward {
		return "outward"
	}
	return "access"
}

// CreateIPv6Rule is the input of Control.CreateIPv6Rule; the address is one of a
// host in the gateway's VPC.
type CreateIPv6Rule struct {
	Labels
	Gateway   cloud.IPv6GatewayID
	Interface cloud.InterfaceID
	Addr      netip.Addr
	Outward   bool
}

// CreateIPv6Rule joins an address to the internet, or lets it only open connections.
func (c *Control) CreateIPv6Rule(ctx context.Context, who Caller, in CreateIPv6Rule) (*cloud.IPv6Rule, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.IPv6Rule, error) {
		g, err := find(tx, who, cloud.IPv6Gateways, cloud.KindIPv6Gateway, in.Gateway)
		if err != nil {
			return nil, err
		}
		i, err := find(tx, who, cloud.Interfaces, cloud.KindInterface, in.Interface)
		if err != nil {
			return nil, err
		}
		if i.VPC != g.VPC || i.Use != cloud.UseHost || !slices.Contains(i.Addrs6, in.Addr) {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindIPv6Rule, in.Addr.String(), "address", "interface %s has no address %s in VPC %s of IPv6 gateway %s", i.ID, in.Addr, g.VPC, g.ID)
		}
		for r := range cloud.IPv6Rules.By(tx, "interface", string(i.ID)) {
			if r.Addr == in.Addr && r.Outward == in.Outward {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindIPv6Rule, string(r.ID), ipv6RuleReason(in.Outward), "the address %s has the rule %s", in.Addr, r.ID)
			}
		}
		kind := cloud.KindIPv6Access
		if in.Outward {
			kind = cloud.KindIPv6Rule
		}
		r := &cloud.IPv6Rule{
			Meta: c.meta(who, in.Labels), ID: cloud.IPv6RuleID(who.NewID(kind)), Gateway: g.ID, VPC: g.VPC,
			Interface: i.ID, Addr: in.Addr, Outward: in.Outward,
		}
		cloud.IPv6Rules.Put(tx, r)
		return r, nil
	})
}

// DeleteIPv6Rule deletes a rule.
func (c *Control) DeleteIPv6Rule(ctx context.Context, who Caller, id cloud.IPv6RuleID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.IPv6Rules, cloud.KindIPv6Rule, id); err != nil {
			return err
		}
		cloud.IPv6Rules.Delete(tx, id)
		return nil
	})
}

// dropIPv6Rules deletes the rules about an interface's addresses that go.
func dropIPv6Rules(tx cloud.Tx, id cloud.InterfaceID, goes func(netip.Addr) bool) {
	for r := range cloud.IPv6Rules.By(tx, "interface", string(id)) {
		if goes(r.Addr) {
			cloud.IPv6Rules.Delete(tx, r.ID)
		}
	}
}
