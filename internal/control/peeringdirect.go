package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// joinable refuses what a Direct connection cannot join; ok says whether peer is
// what was asked for.
func joinable(vpc, peer *cloud.VPC, ok bool, in CreatePeering) error {
	switch {
	case !ok:
		return cloud.Errorf(cloud.NotFound, cloud.KindPeering, string(in.Peer), "peer", "there is no VPC %s of account %s in %s to join VPC %s to", in.Peer, in.PeerAccount, in.PeerRegion, in.VPC)
	case overlap(vpc, peer):
		return cloud.Errorf(cloud.Conflict, cloud.KindPeering, string(in.Peer), "overlap", "VPCs %s and %s have overlapping CIDR blocks and cannot be joined", vpc.ID, peer.ID)
	}
	return nil
}

// RemovePeering deletes a connection in whatever state it is shown. Routes to it
// forbid that; with force they go too, those of both VPCs.
func (c *Control) RemovePeering(ctx context.Context, who Caller, id cloud.PeeringID, force bool) error {
	_, err := c.changePeering(ctx, who, id, func(tx cloud.Tx, p *cloud.Peering) error {
		if p.Requester.Scope() != who.scope() && PeeringState(p, c.now()) == cloud.PeeringPending {
			return notYours(who, "delete", p)
		}
		leads := func(r cloud.Route) bool {
			return r.Target.Kind == cloud.TargetPeering && r.Target.ID == string(id)
		}
		for _, vpc := range []cloud.VPCID{p.Requester.VPC, p.Accepter.VPC} {
			for t := range cloud.RouteTables.By(tx, "vpc", string(vpc)) {
				if !slices.ContainsFunc(t.Routes, leads) {
					continue
				}
				if !force {
					return cloud.Errorf(cloud.InUse, cloud.KindPeering, string(id), "routes", "route table %s has a route to %s; delete the route first", t.ID, id)
				}
				changed := *t
				changed.Routes = slices.DeleteFunc(slices.Clone(t.Routes), leads)
				cloud.RouteTables.Put(tx, &changed)
			}
		}
		return c.endPeering(who, p, cloud.PeeringDeleted, cloud.PeeringPending, cloud.PeeringActive, cloud.PeeringRejected, PeeringExpired)
	})
	return err
}
