package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// CreateTransitTable makes an empty route table of a transit router.
func (c *Control) CreateTransitTable(ctx context.Context, who Caller, router cloud.TransitRouterID, in Labels) (*cloud.TransitTable, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitTable, error) {
		r, err := c.liveTransit(tx, who, router)
		if err != nil {
			return nil, err
		}
		n := count(cloud.TransitTables.By(tx, "router", string(r.ID)), func(t *cloud.TransitTable) bool { return t.Deleted.IsZero() })
		if err := within(n, c.quotas(who).TransitTables, cloud.KindTransitTable, string(r.ID), ""); err != nil {
			return nil, err
		}
		t := &cloud.TransitTable{Meta: c.meta(who, in), ID: cloud.TransitTableID(who.NewID(cloud.KindTransitTable)), Router: r.ID}
		cloud.TransitTables.Put(tx, t)
		return t, nil
	})
}

func liveTable(v cloud.View, who Caller, id cloud.TransitTableID) (*cloud.TransitTable, error) {
	t, err := find(v, who, cloud.TransitTables, cloud.KindTransitTable, id)
	if err != nil || !t.Deleted.IsZero() {
		return nil, absent(cloud.KindTransitTable, string(id))
	}
	return t, nil
}

// TransitTable finds a table that has not been deleted.
func (c *Control) TransitTable(who Caller, id cloud.TransitTableID) (*cloud.TransitTable, error) {
	return liveTable(c.View(), who, id)
}

func editTable(tx cloud.Tx, id cloud.TransitTableID, f func(*cloud.TransitTable)) {
	if old, ok := cloud.TransitTables.Get(tx, id); ok && old.Deleted.IsZero() {
		t := *old
		f(&t)
		cloud.TransitTables.Put(tx, &t)
	}
}

// changeTable puts what f makes of a copy of a table.
func (c *Control) changeTable(ctx context.Context, who Caller, id cloud.TransitTableID, f func(tx cloud.Tx, t *cloud.TransitTable) error) (*cloud.TransitTable, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitTable, error) {
		old, err := liveTable(tx, who, id)
		if err != nil {
			return nil, err
		}
		t := *old
		if err := f(tx, &t); err != nil {
			return nil, err
		}
		cloud.TransitTables.Put(tx, &t)
		return &t, nil
	})
}

// DeleteTransitTable deletes a table that no attachment uses and that is no default.
func (c *Control) DeleteTransitTable(ctx context.Context, who Caller, id cloud.TransitTableID) (*cloud.TransitTable, error) {
	return c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		r, _ := cloud.TransitRouters.Get(tx, t.Router)
		switch {
		case len(t.Associations) > 0:
			return cloud.Errorf(cloud.InUse, cloud.KindTransitTable, string(id), "", "%s has associations, such as with %s; disassociate them first", id, t.Associations[0])
		case len(t.Propagations) > 0:
			return cloud.Errorf(cloud.InUse, cloud.KindTransitTable, string(id), "", "%s has propagations, such as of %s; disable them first", id, t.Propagations[0])
		case r != nil && (r.Associate == id || r.Propagate == id):
			return cloud.Errorf(cloud.InUse, cloud.KindTransitTable, string(id), "", "%s is the default route table of %s", id, r.ID)
		}
		t.Deleted = c.now()
		return nil
	})
}

// usable finds an attachment of a table's transit router that works.
func (c *Control) usable(v cloud.View, who Caller, t *cloud.TransitTable, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	a, err := c.TransitAttachment(v, who, id)
	if err != nil {
		return nil, err
	}
	if a.Router != t.Router && a.Other(t.Router) == "" {
		return nil, cloud.Errorf(cloud.Conflict, cloud.KindTransitAttachment, string(id), "router", "attachment %s and route table %s belong to different transit routers", id, t.ID)
	}
	return a, c.transitIn(a, cloud.TransitAvailable)
}

// AssociateTransitTable has a table route what comes from an attachment.
func (c *Control) AssociateTransitTable(ctx context.Context, who Caller, id cloud.TransitTableID, a cloud.TransitAttachmentID) error {
	_, err := c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		if _, err := c.usable(tx, who, t, a); err != nil {
			return err
		}
		if other := TransitAssociation(tx, t.Router, a); other != nil {
			return cloud.Errorf(cloud.Exists, cloud.KindTransitAttachment, string(a), "associated", "Transit Gateway Attachment %s is already associated to a route table.", a)
		}
		t.Associations = append(slices.Clone(t.Associations), a)
		return nil
	})
	return err
}

// TransitAssociation is the table that routes what comes to a transit router from an attachment, or nil.
func TransitAssociation(v cloud.View, router cloud.TransitRouterID, a cloud.TransitAttachmentID) *cloud.TransitTable {
	for t := range cloud.TransitTables.By(v, "router", string(router)) {
		if t.Deleted.IsZero() && slices.Contains(t.Associations, a) {
			return t
		}
	}
	return nil
}

// DisassociateTransitTable undoes AssociateTransitTable.
func (c *Control) DisassociateTransitTable(ctx context.Context, who Caller, id cloud.TransitTableID, a cloud.TransitAttachmentID) error {
	_, err := c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		if _, err := c.TransitAttachment(tx, who, a); err != nil {
			return err
		}
		if !slices.Contains(t.Associations, a) {
			return cloud.Errorf(cloud.NotFound, cloud.KindTransitTable, string(id), "association", "Association %s not found for transit gateway route table %s.", a, id)
		}
		t.Associations = without(t.Associations, a)
		return nil
	})
	return err
}

// PropagateTransit has the blocks of an attachment's VPC be routes of a table.
func (c *Control) PropagateTransit(ctx context.Context, who Caller, id cloud.TransitTableID, at cloud.TransitAttachmentID) error {
	_, err := c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		a, err := c.usable(tx, who, t, at)
		if err != nil {
			return err
		}
		r, ok := cloud.TransitRouters.Get(tx, t.Router)
		switch {
		case a.Peer != nil && (!ok || r.Domain == ""):
			return cloud.Errorf(cloud.Invalid, cloud.KindTransitAttachment, string(at), "peer-propagation", "peering attachment %s propagates no routes; add static ones", at)
		case slices.Contains(t.Propagations, at):
			return cloud.Errorf(cloud.Exists, cloud.KindTransitTable, string(id), "propagation", "Propagation %s already exists in Transit Gateway Route Table %s.", at, id)
		}
		t.Propagations = append(slices.Clone(t.Propagations), at)
		return nil
	})
	return err
}

// StopPropagation undoes PropagateTransit.
func (c *Control) StopPropagation(ctx context.Context, who Caller, id cloud.TransitTableID, at cloud.TransitAttachmentID) error {
	_, err := c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		if _, err := c.TransitAttachment(tx, who, at); err != nil {
			return err
		}
		if !slices.Contains(t.Propagations, at) {
			return cloud.Errorf(cloud.NotFound, cloud.KindTransitTable, string(id), "propagation", "Propagation %s not found for transit gateway route table %s.", at, id)
		}
		t.Propagations = without(t.Propagations, at)
		return nil
	})
	return err
}

// CreateTransitRoute adds a static route, or one for a prefix list.
func (c *Control) CreateTransitRoute(ctx context.Context, who Caller, id cloud.TransitTableID, r cloud.TransitRoute) error {
	_, err := c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		r, err := c.checkTransitRoute(tx, who, t, r)
		if err != nil {
			return err
		}
		if findTransitRoute(t, r) >= 0 {
			return cloud.Errorf(cloud.Exists, cloud.KindTransitRoute, transitName(r), "", "route table %s has a route to %s", id, transitName(r))
		}
		if err := within(len(t.Routes), c.quotas(who).TransitRoutes, cloud.KindTransitRoute, string(id), ""); err != nil {
			return err
		}
		t.Routes = append(slices.Clone(t.Routes), r)
		return nil
	})
	return err
}

// ReplaceTransitRoute points an existing static route elsewhere.
func (c *Control) ReplaceTransitRoute(ctx context.Context, who Caller, id cloud.TransitTableID, r cloud.TransitRoute) error {
	_, err := c.changeTable(ctx, who, id, func(tx cloud.Tx, t *cloud.TransitTable) error {
		r, err := c.checkTransitRoute(tx, who, t, r)
		if err != nil {
			return err
		}
		i := findTransitRoute(t, r)
		if i < 0 {
			return noTransitRoute(t, r)
		}
		t.Routes = slices.Clone(t.Routes)
		t.Routes[i] = r
		return nil
	})
	return err
}

// DeleteTransitRoute removes a static route and returns it.
func (c *Control) DeleteTransitRoute(ctx context.Context, who Caller, id cloud.TransitTableID, r cloud.TransitRoute) (gone cloud.TransitRoute, err error) {
	_, err = c.changeTable(ctx, who, id, func(_ cloud.Tx, t *cloud.TransitTable) error {
		r.Dest = masked(r.Dest)
		i := findTransitRoute(t, r)
		if i < 0 {
			return noTransitRoute(t, r)
		}
		gone = t.Routes[i]
		t.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
		return nil
	})
	return gone, err
}

func (c *Control) checkTransitRoute(tx cloud.Tx, who Caller, t *cloud.TransitTable, r cloud.TransitRoute) (cloud.TransitRoute, error) {
	r.Dest = masked(r.Dest)
	if r.PrefixList != "" {
		if _, err := c.prefixList(tx, who, r.PrefixList); err != nil {
			return r, err
		}
	}
	if r.Attachment == "" {
		return r, nil
	}
	_, err := c.usable(tx, who, t, r.Attachment)
	return r, err
}

func transitName(r cloud.TransitRoute) string {
	if r.PrefixList != "" {
		return string(r.PrefixList)
	}
	return r.Dest.String()
}

func findTransitRoute(t *cloud.TransitTable, r cloud.TransitRoute) int {
	return slices.IndexFunc(t.Routes, func(o cloud.TransitRoute) bool { return o.Dest == r.Dest && o.PrefixList == r.PrefixList })
}

func noTransitRoute(t *cloud.TransitTable, r cloud.TransitRoute) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindTransitRoute, transitName(r), "", "no route with destination %s in route table %s", transitName(r), t.ID)
}

// TransitPropagated are the routes that attachments propagate to a table.
func TransitPropagated(v cloud.View, t *cloud.TransitTable) []cloud.TransitRoute {
	return netplan.Propagated(v, t)
}
