package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// CreateTransitDomain makes an empty set of transit routers.
func (c *Control) CreateTransitDomain(ctx context.Context, who Caller, in Labels) (*cloud.TransitDomain, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitDomain, error) {
		d := &cloud.TransitDomain{Meta: c.meta(who, in), ID: cloud.TransitDomainID(who.NewID(cloud.KindTransitDomain))}
		cloud.TransitDomains.Put(tx, d)
		return d, nil
	})
}

// DeleteTransitDomain deletes a set that has no transit router.
func (c *Control) DeleteTransitDomain(ctx context.Context, who Caller, id cloud.TransitDomainID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.TransitDomains, cloud.KindTransitDomain, id); err != nil {
			return err
		}
		for r := range cloud.TransitRouters.By(tx, "domain", string(id)) {
			if r.Deleted.IsZero() {
				return cloud.Errorf(cloud.InUse, cloud.KindTransitDomain, string(id), "", "%s has the transit router %s in %s; delete that first", id, r.ID, r.Region)
			}
		}
		for g := range cloud.TransitGrants.By(tx, "domain", string(id)) {
			cloud.TransitGrants.Delete(tx, g.Key())
		}
		cloud.TransitDomains.Delete(tx, id)
		return nil
	})
}

// domainRoom refuses a second transit router of a domain in the caller's region.
func (c *Control) domainRoom(tx cloud.Tx, who Caller, id cloud.TransitDomainID) error {
	if id == "" {
		return nil
	}
	global := who
	global.Region = ""
	if _, err := find(tx, global, cloud.TransitDomains, cloud.KindTransitDomain, id); err != nil {
		return err
	}
	for r := range cloud.TransitRouters.By(tx, "domain", string(id)) {
		if r.Deleted.IsZero() && r.Region == who.Region {
			return cloud.Errorf(cloud.Exists, cloud.KindTransitRouter, string(r.ID), "domain", "%s has the transit router %s in %s already", id, r.ID, r.Region)
		}
	}
	return nil
}

// noPartner refuses to join a transit router to one that is not of its domain.
func noPartner(r *cloud.TransitRouter, peer cloud.TransitRouterID) error {
	return cloud.Errorf(cloud.Conflict, cloud.KindTransitRouter, string(peer), "domain", "%s cannot be joined to %s, which is no transit router of %s in that region", r.ID, peer, r.Domain)
}

// leadTo has all tables of a VPC lead destinations to a transit router, but for
// those that a table leads elsewhere and those inside the VPC.
func (c *Control) leadTo(tx cloud.Tx, router cloud.TransitRouterID, vpc cloud.VPCID, dests []netip.Prefix) error {
	for t := range cloud.RouteTables.By(tx, "vpc", string(vpc)) {
		changed := *t
		changed.Routes = slices.Clone(t.Routes)
		for _, d := range dests {
			r := cloud.Route{Dest: d, Target: cloud.RouteTarget{Kind: cloud.TargetTransit, ID: string(router)}}
			if findRoute(&changed, r) < 0 && checkDest(tx, t, r) == nil {
				changed.Routes = append(changed.Routes, r)
			}
		}
		if err := within(len(changed.Routes)-1, c.Quotas().RoutesPerTable, cloud.KindRoute, string(t.ID), ""); err != nil {
			return err
		}
		if len(changed.Routes) > len(t.Routes) {
			cloud.RouteTables.Put(tx, &changed)
		}
	}
	return nil
}

// PublishTransit sets whether an attachment publishes, and merges attributes.
func (c *Control) PublishTransit(ctx context.Context, who Caller, id cloud.TransitAttachmentID, publish *bool, attrs map[string]string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := c.TransitAttachment(tx, who, id)
		if err != nil {
			return err
		}
		if err := c.transitIn(old, cloud.TransitAvailable); err != nil {
			return err
		}
		a := *old
		set(&a.Publish, publish)
		a.Attrs = merged(a.Attrs, attrs)
		cloud.TransitAttachments.Put(tx, &a)
		return nil
	})
}

// ReassociateTransitTable has a table route what comes from an attachment, instead
// of the one of the same transit router that does.
func (c *Control) ReassociateTransitTable(ctx context.Context, who Caller, id cloud.TransitTableID, at cloud.TransitAttachmentID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, err := liveTable(tx, who, id)
		if err != nil {
			return err
		}
		if _, err := c.usable(tx, who, t, at); err != nil {
			return err
		}
		old := TransitAssociation(tx, t.Router, at)
		if old == nil {
			return cloud.Errorf(cloud.NotFound, cloud.KindTransitTable, string(id), "association", "attachment %s is associated with no route table of %s", at, t.Router)
		}
		editTable(tx, old.ID, func(t *cloud.TransitTable) { t.Associations = without(t.Associations, at) })
		editTable(tx, id, func(t *cloud.TransitTable) { t.Associations = append(slices.Clone(t.Associations), at) })
		return nil
	})
}

// RemoveTransitAttachment ends an attachment, of a VPC or between transit routers.
// What uses it forbids that: associations, propagations, and routes of transit
// routers and of the VPC; with force they go too.
func (c *Control) RemoveTransitAttachment(ctx context.Context, who Caller, id cloud.TransitAttachmentID, force bool) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := c.TransitAttachment(tx, who, id)
		if err != nil || !TransitLive(old) {
			return absent(cloud.KindTransitAttachment, string(id))
		}
		if user := dropUses(tx, old); user != "" && !force {
			return cloud.Errorf(cloud.InUse, cloud.KindTransitAttachment, string(id), "", "%s is used by %s; end that first, or force the deletion", id, user)
		}
		a := *old
		c.detach(tx, &a)
		cloud.TransitAttachments.Put(tx, &a)
		return nil
	})
}

// dropUses takes an attachment out of all tables, and names one that used it.
func dropUses(tx cloud.Tx, a *cloud.TransitAttachment) (user string) {
	routers := []cloud.TransitRouterID{a.Router}
	if a.Peer != nil {
		routers = append(routers, a.Peer.Router)
	}
	for _, r := range routers {
		for t := range cloud.TransitTables.By(tx, "router", string(r)) {
			leads := func(r cloud.TransitRoute) bool { return r.Attachment == a.ID }
			if !t.Deleted.IsZero() || !slices.Contains(t.Associations, a.ID) && !slices.Contains(t.Propagations, a.ID) && !slices.ContainsFunc(t.Routes, leads) {
				continue
			}
			user = string(t.ID)
			changed := *t
			changed.Associations, changed.Propagations = without(t.Associations, a.ID), without(t.Propagations, a.ID)
			changed.Routes = slices.DeleteFunc(slices.Clone(t.Routes), leads)
			cloud.TransitTables.Put(tx, &changed)
		}
	}
	for t := range cloud.RouteTables.By(tx, "vpc", string(a.VPC)) {
		leads := func(r cloud.Route) bool {
			return r.Target.Kind == cloud.TargetTransit && r.Target.ID == string(a.Router)
		}
		if slices.ContainsFunc(t.Routes, leads) {
			user = string(t.ID)
			changed := *t
			changed.Routes = slices.DeleteFunc(slices.Clone(t.Routes), leads)
			cloud.RouteTables.Put(tx, &changed)
		}
	}
	return user
}

// TransitPublished are the routes that transit routers tell a VPC.
func TransitPublished(v cloud.View, vpc cloud.VPCID) []cloud.Route { return netplan.Published(v, vpc) }
