package control

import (
	"context"

	"weir/internal/cloud"
)

// CreateTransitPeering is the input of Control.CreateTransitPeering.
type CreateTransitPeering struct {
	Labels
	Router      cloud.TransitRouterID
	Peer        cloud.TransitRouterID
	PeerAccount string
	PeerRegion  string
	// Direct: the two are of one domain, and joined without a question.
	Direct bool
	// Publish is that of cloud.TransitAttachment.
	Publish bool
	// Associate and Propagate are tables of either router, beside the default ones.
	Associate, Propagate []cloud.TransitTableID
}

// CreateTransitPeering asks the owner of another transit router to join the two.
// One that does not exist makes an attachment that has failed, or is refused if
// it is Direct.
func (c *Control) CreateTransitPeering(ctx context.Context, who Caller, in CreateTransitPeering) (*cloud.TransitAttachment, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitAttachment, error) {
		r, err := c.liveTransit(tx, who, in.Router)
		if err != nil {
			return nil, err
		}
		if _, ok := c.Region(in.PeerRegion); !ok {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindTransitAttachment, in.PeerRegion, "region", "there is no region %q", in.PeerRegion)
		}
		if in.Peer == r.ID {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindTransitAttachment, string(r.ID), "itself", "transit router %s cannot be joined to itself", r.ID)
		}
		c.forgetTransits(tx, who)
		for a := range cloud.TransitAttachments.By(tx, "router", string(r.ID)) {
			if TransitLive(a) && a.Other(r.ID) == in.Peer {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindTransitAttachment, string(a.ID), "", "%s and %s have the peering attachment %s already", r.ID, in.Peer, a.ID)
			}
		}
		a := &cloud.TransitAttachment{
			Meta: c.meta(who, in.Labels), ID: cloud.TransitAttachmentID(who.NewID(cloud.KindTransitAttachment)), Router: r.ID, State: cloud.TransitPending,
			Peer: &cloud.TransitPeer{Router: in.Peer, Account: in.PeerAccount, Region: in.PeerRegion}, Publish: in.Publish,
		}
		other, ok := cloud.TransitRouters.Get(tx, in.Peer)
		ok = ok && other.Deleted.IsZero() && other.Scope() == a.Peer.Scope()
		switch {
		case in.Direct:
			if !ok || r.Domain == "" || other.Domain != r.Domain {
				return nil, noPartner(r, in.Peer)
			}
			a.State, a.ReadyAt = cloud.TransitAvailable, c.transitReady()
		case !ok:
			a.State, a.Ended = cloud.TransitFailed, c.now()
		}
		cloud.TransitAttachments.Put(tx, a)
		for _, t := range in.Associate {
			defaultTables(tx, &cloud.TransitRouter{Associate: t}, a)
		}
		for _, t := range in.Propagate {
			defaultTables(tx, &cloud.TransitRouter{Propagate: t, Domain: r.Domain}, a)
		}
		return a, nil
	})
}

// AcceptTransitPeering joins the two; the owner of the one that was asked does so.
func (c *Control) AcceptTransitPeering(ctx context.Context, who Caller, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	return c.changeTransit(ctx, who, id, true, func(tx cloud.Tx, a *cloud.TransitAttachment) error {
		if err := c.asked(who, a); err != nil {
			return err
		}
		a.State, a.ReadyAt = cloud.TransitAvailable, c.transitReady()
		for _, id := range []cloud.TransitRouterID{a.Router, a.Peer.Router} {
			if r, ok := cloud.TransitRouters.Get(tx, id); ok && r.Deleted.IsZero() {
				defaultTables(tx, r, a)
			}
		}
		return nil
	})
}

// asked refuses all but the owner of the transit router that was asked, while it has not answered.
func (c *Control) asked(who Caller, a *cloud.TransitAttachment) error {
	if a.Peer.Scope() != who.scope() {
		return cloud.Errorf(cloud.State, cloud.KindTransitAttachment, string(a.ID), "", "%s is in invalid state", a.ID)
	}
	return c.transitIn(a, cloud.TransitPending)
}

// RejectTransitPeering refuses a request.
func (c *Control) RejectTransitPeering(ctx context.Context, who Caller, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	return c.changeTransit(ctx, who, id, true, func(tx cloud.Tx, a *cloud.TransitAttachment) error {
		if err := c.asked(who, a); err != nil {
			return err
		}
		c.endTransit(tx, a, cloud.TransitRejected)
		return nil
	})
}

// DeleteTransitPeering parts two transit routers, which either side may do, or withdraws a request.
func (c *Control) DeleteTransitPeering(ctx context.Context, who Caller, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	return c.changeTransit(ctx, who, id, true, func(tx cloud.Tx, a *cloud.TransitAttachment) error {
		if err := c.transitIn(a, cloud.TransitAvailable, cloud.TransitPending); err != nil {
			return err
		}
		c.endTransit(tx, a, cloud.TransitDeleted)
		return nil
	})
}
