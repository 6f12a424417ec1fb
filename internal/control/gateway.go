package control

import (
	"context"

	"weir/internal/cloud"
)

// CreateInternetGateway makes a detached internet gateway.
func (c *Control) CreateInternetGateway(ctx context.Context, who Caller, in Labels) (*cloud.InternetGateway, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.InternetGateway, error) {
		n := count(cloud.InternetGateways.By(tx, "scope", who.scope()), nil)
		if err := within(n, c.quotas(who).InternetGateways, cloud.KindInternetGateway, "", ""); err != nil {
			return nil, err
		}
		return c.createInternetGateway(tx, who, in, ""), nil
	})
}

func (c *Control) createInternetGateway(tx cloud.Tx, who Caller, in Labels, vpc cloud.VPCID) *cloud.InternetGateway {
	g := &cloud.InternetGateway{Meta: c.meta(who, in), ID: cloud.InternetGatewayID(who.NewID(cloud.KindInternetGateway)), VPC: vpc}
	cloud.InternetGateways.Put(tx, g)
	return g
}

// DeleteInternetGateway deletes a detached gateway.
func (c *Control) DeleteInternetGateway(ctx context.Context, who Caller, id cloud.InternetGatewayID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := find(tx, who, cloud.InternetGateways, cloud.KindInternetGateway, id)
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return cloud.Errorf(cloud.InUse, cloud.KindInternetGateway, string(id), "", "cannot delete internet gateway %s: it is attached to %s; detach it first", id, g.VPC)
		}
		cloud.InternetGateways.Delete(tx, id)
		return nil
	})
}

// AttachInternetGateway joins a VPC to the internet.
func (c *Control) AttachInternetGateway(ctx context.Context, who Caller, id cloud.InternetGatewayID, vpc cloud.VPCID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.InternetGateways, cloud.KindInternetGateway, id)
		if err != nil {
			return err
		}
		if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, vpc); err != nil {
			return err
		}
		if old.VPC != "" {
			return cloud.Errorf(cloud.Exists, cloud.KindInternetGateway, string(id), "attached", "resource %s is already attached to network %s", id, old.VPC)
		}
		if _, ok := internetGateway(tx, vpc); ok {
			return cloud.Errorf(cloud.Invalid, cloud.KindInternetGateway, string(vpc), "vpc-has-one", "Network %s already has an internet gateway attached", vpc)
		}
		g := *old
		g.VPC, g.Dormant = vpc, false
		cloud.InternetGateways.Put(tx, &g)
		return nil
	})
}

// internetGateway is the gateway attached to a VPC.
func internetGateway(v cloud.View, vpc cloud.VPCID) (*cloud.InternetGateway, bool) {
	for g := range cloud.InternetGateways.By(v, "vpc", string(vpc)) {
		return g, true
	}
	return nil, false
}

// publicWay tells whether public addresses of a VPC lead anywhere.
func publicWay(v cloud.View, vpc cloud.VPCID) bool {
	r, ok := cloud.VPCs.Get(v, vpc)
	g, gateway := internetGateway(v, vpc)
	return gateway && !g.Dormant || ok && r.DirectPublic
}

// DetachInternetGateway takes a VPC off the internet; no public address may be in use there.
func (c *Control) DetachInternetGateway(ctx context.Context, who Caller, id cloud.InternetGatewayID, vpc cloud.VPCID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.InternetGateways, cloud.KindInternetGateway, id)
		if err != nil {
			return err
		}
		if old.VPC == "" || old.VPC != vpc {
			return cloud.Errorf(cloud.State, cloud.KindInternetGateway, string(id), "not-attached", "resource %s is not attached to network %s", id, vpc)
		}
		for i := range cloud.Interfaces.By(tx, "vpc", string(vpc)) {
			for range cloud.ElasticIPs.By(tx, "interface", string(i.ID)) {
				return mappedAddress(vpc)
			}
			if i.PublicIP.IsValid() {
				return mappedAddress(vpc)
			}
		}
		g := *old
		g.VPC = ""
		cloud.InternetGateways.Put(tx, &g)
		return nil
	})
}

func mappedAddress(vpc cloud.VPCID) error {
	return cloud.Errorf(cloud.InUse, cloud.KindInternetGateway, string(vpc), "mapped-addresses", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", vpc)
}

// CreateEgressOnlyGateway is the input of Control.CreateEgressOnlyGateway.
type CreateEgressOnlyGateway struct {
	Labels
	VPC cloud.VPCID
}

// CreateEgressOnlyGateway lets a VPC's IPv6 hosts open connections outwards.
func (c *Control) CreateEgressOnlyGateway(ctx context.Context, who Caller, in CreateEgressOnlyGateway) (*cloud.EgressOnlyGateway, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.EgressOnlyGateway, error) {
		id := func(g *cloud.EgressOnlyGateway) cloud.EgressOnlyGatewayID { return g.ID }
		return once(tx, who, cloud.EgressOnlyGateways, "egress-only-gateway", in.Labels, in, id, func() (*cloud.EgressOnlyGateway, error) {
			if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC); err != nil {
				return nil, err
			}
			n := count(cloud.EgressOnlyGateways.By(tx, "scope", who.scope()), nil)
			if err := within(n, c.quotas(who).EgressOnlyGateways, cloud.KindEgressOnlyGateway, "", ""); err != nil {
				return nil, err
			}
			g := &cloud.EgressOnlyGateway{Meta: c.meta(who, in.Labels), ID: cloud.EgressOnlyGatewayID(who.NewID(cloud.KindEgressOnlyGateway)), VPC: in.VPC}
			cloud.EgressOnlyGateways.Put(tx, g)
			return g, nil
		})
	})
}

// DeleteEgressOnlyGateway deletes it; routes to it become blackholes.
func (c *Control) DeleteEgressOnlyGateway(ctx context.Context, who Caller, id cloud.EgressOnlyGatewayID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.EgressOnlyGateways, cloud.KindEgressOnlyGateway, id); err != nil {
			return err
		}
		cloud.EgressOnlyGateways.Delete(tx, id)
		return nil
	})
}
