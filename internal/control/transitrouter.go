package control

import (
	"context"
	"slices"
	"time"

	"weir/internal/cloud"
)

const (
	transitStart = time.Minute // how long a vendor's transit router, or attachment, is pending
	transitShown = time.Hour   // how long one that has ended is shown
)

// TransitShown reports whether APIs still show what ended at a time, if it did.
func TransitShown(ended, now time.Time) bool {
	return ended.IsZero() || now.Before(ended.Add(transitShown))
}

// CreateTransitRouter is the input of Control.CreateTransitRouter.
type CreateTransitRouter struct {
	Labels
	// New attachments are associated with, or propagate to, the default table.
	Associate, Propagate bool
	RemoteNames          bool
	// Domain is the set that it joins; "" is none. There it has a table, with
	// these labels, that new attachments do not use unless they say so.
	Domain cloud.TransitDomainID
	Table  Labels
}

// CreateTransitRouter makes a transit router, with a default table if it has a use for one.
func (c *Control) CreateTransitRouter(ctx context.Context, who Caller, in CreateTransitRouter) (*cloud.TransitRouter, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitRouter, error) {
		c.forgetTransits(tx, who)
		n := count(cloud.TransitRouters.By(tx, "scope", who.scope()), func(r *cloud.TransitRouter) bool { return r.Deleted.IsZero() })
		if err := within(n, c.quotas(who).TransitRouters, cloud.KindTransitRouter, "", ""); err != nil {
			return nil, err
		}
		if err := c.domainRoom(tx, who, in.Domain); err != nil {
			return nil, err
		}
		r := &cloud.TransitRouter{Meta: c.meta(who, in.Labels), ID: cloud.TransitRouterID(who.NewID(cloud.KindTransitRouter)), Domain: in.Domain, ReadyAt: c.transitReady(), RemoteNames: in.RemoteNames}
		if in.Associate || in.Propagate || in.Domain != "" {
			t := &cloud.TransitTable{Meta: c.meta(who, in.Table), ID: cloud.TransitTableID(who.NewID(cloud.KindTransitTable)), Router: r.ID}
			cloud.TransitTables.Put(tx, t)
			if in.Associate {
				r.Associate = t.ID
			}
			if in.Propagate {
				r.Propagate = t.ID
			}
		}
		cloud.TransitRouters.Put(tx, r)
		return r, nil
	})
}

func (c *Control) transitReady() time.Time {
	if c.opt.SlowStates {
		return c.now().Add(transitStart)
	}
	return time.Time{}
}

// forgetTransits drops what ended long ago.
func (c *Control) forgetTransits(tx cloud.Tx, who Caller) {
	for a := range cloud.TransitAttachments.By(tx, "scope", who.scope()) {
		if !TransitShown(a.Ended, c.now()) {
			cloud.TransitAttachments.Delete(tx, a.ID)
		}
	}
	for t := range cloud.TransitTables.By(tx, "scope", who.scope()) {
		if !TransitShown(t.Deleted, c.now()) {
			cloud.TransitTables.Delete(tx, t.ID)
		}
	}
	for r := range cloud.TransitRouters.By(tx, "scope", who.scope()) {
		if !TransitShown(r.Deleted, c.now()) {
			cloud.TransitRouters.Delete(tx, r.ID)
		}
	}
}

// liveTransit is a transit router that can be used and changed.
func (c *Control) liveTransit(v cloud.View, who Caller, id cloud.TransitRouterID) (*cloud.TransitRouter, error) {
	r, err := find(v, who, cloud.TransitRouters, cloud.KindTransitRouter, id)
	if err != nil || !r.Deleted.IsZero() {
		return nil, absent(cloud.KindTransitRouter, string(id))
	}
	if c.now().Before(r.ReadyAt) {
		return nil, cloud.Errorf(cloud.State, cloud.KindTransitRouter, string(id), "", "%s is in invalid state", id)
	}
	return r, nil
}

// ModifyTransitRouter changes what is not nil; "" is no default table.
type ModifyTransitRouter struct {
	Associate, Propagate *cloud.TransitTableID
	RemoteNames          *bool
	Attrs                map[string]string // merged
}

// ModifyTransitRouter changes what new attachments get, and how names resolve.
func (c *Control) ModifyTransitRouter(ctx context.Context, who Caller, id cloud.TransitRouterID, in ModifyTransitRouter) (*cloud.TransitRouter, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitRouter, error) {
		old, err := c.liveTransit(tx, who, id)
		if err != nil {
			return nil, err
		}
		for _, t := range []*cloud.TransitTableID{in.Associate, in.Propagate} {
			if t == nil || *t == "" {
				continue
			}
			if own, err := liveTable(tx, who, *t); err != nil {
				return nil, err
			} else if own.Router != id {
				return nil, otherRouter(*t, id)
			}
		}
		r := *old
		set(&r.Associate, in.Associate)
		set(&r.Propagate, in.Propagate)
		set(&r.RemoteNames, in.RemoteNames)
		r.Attrs = merged(r.Attrs, in.Attrs)
		cloud.TransitRouters.Put(tx, &r)
		return &r, nil
	})
}

func otherRouter(t cloud.TransitTableID, id cloud.TransitRouterID) error {
	return cloud.Errorf(cloud.Conflict, cloud.KindTransitTable, string(t), "router", "route table %s does not belong to transit router %s", t, id)
}

// DeleteTransitRouter deletes a transit router that nothing is attached to, with its tables.
func (c *Control) DeleteTransitRouter(ctx context.Context, who Caller, id cloud.TransitRouterID) (*cloud.TransitRouter, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitRouter, error) {
		old, err := c.liveTransit(tx, who, id)
		if err != nil {
			return nil, err
		}
		var left []string
		kind := "VPC"
		for a := range cloud.TransitAttachments.By(tx, "router", string(id)) {
			if TransitLive(a) {
				left = append(left, string(a.ID))
				if a.Peer != nil {
					kind = "Peering"
				}
			}
		}
		if slices.Sort(left); len(left) > 0 {
			return nil, cloud.Errorf(cloud.InUse, cloud.KindTransitRouter, string(id), "", "%s has non-deleted %s Attachments: %s.", id, kind, left[0])
		}
		for t := range cloud.TransitTables.By(tx, "router", string(id)) {
			if t.Deleted.IsZero() {
				gone := *t
				gone.Deleted = c.now()
				cloud.TransitTables.Put(tx, &gone)
			}
		}
		r := *old
		r.Deleted = c.now()
		cloud.TransitRouters.Put(tx, &r)
		return &r, nil
	})
}
