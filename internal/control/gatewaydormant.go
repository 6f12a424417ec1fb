package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateDormantGateway makes an internet gateway of a VPC that does nothing yet.
func (c *Control) CreateDormantGateway(ctx context.Context, who Caller, in Labels, vpc cloud.VPCID) (*cloud.InternetGateway, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.InternetGateway, error) {
		if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, vpc); err != nil {
			return nil, err
		}
		if g, ok := internetGateway(tx, vpc); ok {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindInternetGateway, string(g.ID), "vpc-has-one", "VPC %s has the internet gateway %s", vpc, g.ID)
		}
		g := c.createInternetGateway(tx, who, in, vpc)
		changed := *g
		changed.Dormant = true
		cloud.InternetGateways.Put(tx, &changed)
		return &changed, nil
	})
}

// WakeGateway makes a VPC's gateway its only way to the internet: public addresses
// no longer leave directly. The tables lead everything to it.
func (c *Control) WakeGateway(ctx context.Context, who Caller, id cloud.InternetGatewayID, tables []cloud.RouteTableID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.InternetGateways, cloud.KindInternetGateway, id)
		if err != nil {
			return err
		}
		if vpc, ok := cloud.VPCs.Get(tx, old.VPC); !ok || !old.Dormant && !vpc.DirectPublic {
			return cloud.Errorf(cloud.State, cloud.KindInternetGateway, string(id), "awake", "internet gateway %s is the VPC's way to the internet already", id)
		}
		g := *old
		g.Dormant = false
		cloud.InternetGateways.Put(tx, &g)
		setDirect(tx, g.VPC, false)
		for _, table := range tables {
			t, r, err := c.checkRoute(tx, who, table, cloud.Route{Dest: anyIPv4, Target: cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: string(id)}})
			if err != nil {
				return err
			}
			if findRoute(t, r) >= 0 {
				return cloud.Errorf(cloud.Exists, cloud.KindRoute, routeName(r), "", "route table %s has a route to %s; replace or delete that", table, routeName(r))
			}
			changed := *t
			changed.Routes = append(slices.Clone(t.Routes), r)
			cloud.RouteTables.Put(tx, &changed)
		}
		return nil
	})
}

// RemoveGateway deletes a VPC's gateway, to which no route leads; afterwards public
// addresses leave directly, or not at all.
func (c *Control) RemoveGateway(ctx context.Context, who Caller, id cloud.InternetGatewayID, direct bool) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := find(tx, who, cloud.InternetGateways, cloud.KindInternetGateway, id)
		if err != nil {
			return err
		}
		for t := range cloud.RouteTables.By(tx, "vpc", string(g.VPC)) {
			for _, r := range t.Routes {
				if r.Target.Kind == cloud.TargetInternetGateway && r.Target.ID == string(id) {
					return cloud.Errorf(cloud.InUse, cloud.KindInternetGateway, string(id), "route", "route table %s leads to internet gateway %s; delete that route first", t.ID, id)
				}
			}
		}
		if !g.Dormant {
			setDirect(tx, g.VPC, direct)
		}
		cloud.InternetGateways.Delete(tx, id)
		return nil
	})
}

func setDirect(tx cloud.Tx, id cloud.VPCID, direct bool) {
	if old, ok := cloud.VPCs.Get(tx, id); ok && old.DirectPublic != direct {
		vpc := *old
		vpc.DirectPublic = direct
		cloud.VPCs.Put(tx, &vpc)
	}
}
