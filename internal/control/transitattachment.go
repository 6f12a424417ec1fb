package control

import (
	"context"
	"iter"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// transitManager marks the interfaces of transit routers.
const transitManager = "transit-router"

// TransitLive says whether an attachment has not ended.
func TransitLive(a *cloud.TransitAttachment) bool {
	return a.State == cloud.TransitAvailable || a.State == cloud.TransitPending
}

// CreateTransitAttachment is the input of Control.CreateTransitAttachment.
type CreateTransitAttachment struct {
	Labels
	Router                     cloud.TransitRouterID
	VPC                        cloud.VPCID
	VPCAccount                 string // that has granted the VPC; "" is the caller's
	Subnets                    []cloud.SubnetID
	IPv6, OneZone, RemoteNames bool
	// Publish is that of cloud.TransitAttachment.
	Publish bool
	// Associate and Propagate are a table beside the router's default one.
	Associate, Propagate cloud.TransitTableID
	// Routes are led to the router by all tables of the VPC, where they have none.
	Routes []netip.Prefix
}

// CreateTransitAttachment attaches a VPC to a transit router, by an interface in
// each of the subnets, at most one in a zone.
func (c *Control) CreateTransitAttachment(ctx context.Context, who Caller, in CreateTransitAttachment) (*cloud.TransitAttachment, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitAttachment, error) {
		r, err := c.liveTransit(tx, who, in.Router)
		if err != nil {
			return nil, err
		}
		owner, err := transitOwner(tx, who, r, in)
		if err != nil {
			return nil, err
		}
		vpc, err := find(tx, owner, cloud.VPCs, cloud.KindVPC, in.VPC)
		if err != nil {
			return nil, err
		}
		c.forgetTransits(tx, who)
		n := 0
		for a := range cloud.TransitAttachments.By(tx, "vpc", string(vpc.ID)) {
			if !TransitLive(a) {
				continue
			}
			if n++; a.Router == r.ID {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindTransitAttachment, string(a.ID), "", "%s has non-deleted Transit Gateway Attachments with same VPC ID.", r.ID)
			}
		}
		if err := within(n, c.quotas(who).TransitsPerVPC, cloud.KindTransitAttachment, string(vpc.ID), ""); err != nil {
			return nil, err
		}
		a := &cloud.TransitAttachment{
			Meta: c.meta(owner, in.Labels), ID: cloud.TransitAttachmentID(who.NewID(cloud.KindTransitAttachment)), Router: r.ID, State: cloud.TransitAvailable,
			ReadyAt: c.transitReady(), VPC: vpc.ID, IPv6: in.IPv6, OneZone: in.OneZone, RemoteNames: in.RemoteNames, Publish: in.Publish,
		}
		if err := c.joinTransit(tx, owner, a, in.Subnets); err != nil {
			return nil, err
		}
		cloud.TransitAttachments.Put(tx, a)
		defaultTables(tx, r, a)
		defaultTables(tx, &cloud.TransitRouter{Associate: in.Associate, Propagate: in.Propagate}, a)
		return a, c.leadTo(tx, r.ID, vpc.ID, in.Routes)
	})
}

// defaultTables gives a new attachment what its transit router gives every one.
func defaultTables(tx cloud.Tx, r *cloud.TransitRouter, a *cloud.TransitAttachment) {
	if r.Associate != "" {
		editTable(tx, r.Associate, func(t *cloud.TransitTable) { t.Associations = append(slices.Clone(t.Associations), a.ID) })
	}
	if r.Propagate != "" && (a.Peer == nil || r.Domain != "") {
		editTable(tx, r.Propagate, func(t *cloud.TransitTable) { t.Propagations = append(slices.Clone(t.Propagations), a.ID) })
	}
}

// joinTransit gives an attachment a port in each further subnet; a must be a copy.
func (c *Control) joinTransit(tx cloud.Tx, who Caller, a *cloud.TransitAttachment, subnets []cloud.SubnetID) error {
	zones := map[string]bool{}
	for _, id := range a.Subnets {
		if s, ok := cloud.Subnets.Get(tx, id); ok {
			zones[s.Zone] = true
		}
	}
	a.Subnets, a.Interfaces = slices.Clone(a.Subnets), slices.Clone(a.Interfaces)
	for _, id := range subnets {
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, id)
		if err != nil {
			return err
		}
		switch {
		case s.VPC != a.VPC:
			return cloud.Errorf(cloud.Conflict, cloud.KindTransitAttachment, string(id), "subnet-vpc", "The subnet ID '%s' does not belong to VPC %s", id, a.VPC)
		case zones[s.Zone]:
			return cloud.Errorf(cloud.Conflict, cloud.KindTransitAttachment, string(id), "zone", "Duplicate Subnets for same AZ")
		case !s.CIDR.IsValid():
			return cloud.Errorf(cloud.Invalid, cloud.KindTransitAttachment, string(id), "ipv6-only", "subnet %s has no IPv4 block, which a transit router needs", id)
		}
		zones[s.Zone] = true
		p := placement{subnet: s, use: cloud.UseTransit, managed: transitManager, owner: string(a.ID), count: 1}
		if a.IPv6 {
			if len(s.CIDRs6) == 0 {
				return noIPv6(id)
			}
			p.ipv6 = 1
		}
		i, err := c.placeInterface(tx, who, p)
		if err != nil {
			return err
		}
		a.Subnets, a.Interfaces = append(a.Subnets, id), append(a.Interfaces, i.ID)
	}
	return nil
}

func noIPv6(id cloud.SubnetID) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindTransitAttachment, string(id), "no-ipv6", "subnet %s has no IPv6 block, so an attachment in it cannot carry IPv6", id)
}

// leaveTransit takes an attachment's ports out of subnets; a must be a copy.
func leaveTransit(tx cloud.Tx, a *cloud.TransitAttachment, subnets []cloud.SubnetID) error {
	for _, id := range subnets {
		k := slices.Index(a.Subnets, id)
		if k < 0 {
			return absent(cloud.KindSubnet, string(id))
		}
		removeInterface(tx, a.Interfaces[k])
		a.Subnets = slices.Delete(slices.Clone(a.Subnets), k, k+1)
		a.Interfaces = slices.Delete(slices.Clone(a.Interfaces), k, k+1)
	}
	return nil
}

// TransitAttachment is one that the caller has an end of, or whose transit router
// is the caller's, and that is still shown.
func (c *Control) TransitAttachment(v cloud.View, who Caller, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	a, ok := cloud.TransitAttachments.Get(v, id)
	if ok && TransitShown(a.Ended, c.now()) {
		r, known := cloud.TransitRouters.Get(v, a.Router)
		if a.Scope() == who.scope() || a.Peer != nil && a.Peer.Scope() == who.scope() || known && r.Scope() == who.scope() {
			return a, nil
		}
	}
	return nil, absent(cloud.KindTransitAttachment, string(id))
}

// changeTransit puts what f makes of a copy of an attachment; peer tells those of transit routers from those of VPCs.
func (c *Control) changeTransit(ctx context.Context, who Caller, id cloud.TransitAttachmentID, peer bool, f func(tx cloud.Tx, a *cloud.TransitAttachment) error) (*cloud.TransitAttachment, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TransitAttachment, error) {
		old, err := c.TransitAttachment(tx, who, id)
		if err != nil {
			return nil, err
		}
		if (old.Peer != nil) != peer || old.State == cloud.TransitDeleted { // shown, but gone
			return nil, absent(cloud.KindTransitAttachment, string(id))
		}
		a := *old
		if err := f(tx, &a); err != nil {
			return nil, err
		}
		cloud.TransitAttachments.Put(tx, &a)
		return &a, nil
	})
}

func (c *Control) transitIn(a *cloud.TransitAttachment, states ...cloud.TransitState) error {
	if slices.Contains(states, a.State) && !c.now().Before(a.ReadyAt) {
		return nil
	}
	return cloud.Errorf(cloud.State, cloud.KindTransitAttachment, string(a.ID), "", "%s is in invalid state", a.ID)
}

// ModifyTransitAttachment changes what is not nil.
type ModifyTransitAttachment struct {
	AddSubnets, RemoveSubnets  []cloud.SubnetID
	IPv6, OneZone, RemoteNames *bool
	Attrs                      map[string]string // merged
}

// ModifyTransitAttachment changes a VPC's attachment.
func (c *Control) ModifyTransitAttachment(ctx context.Context, who Caller, id cloud.TransitAttachmentID, in ModifyTransitAttachment) (*cloud.TransitAttachment, error) {
	return c.changeTransit(ctx, who, id, false, func(tx cloud.Tx, a *cloud.TransitAttachment) error {
		if err := c.transitIn(a, cloud.TransitAvailable); err != nil {
			return err
		}
		set(&a.OneZone, in.OneZone)
		set(&a.RemoteNames, in.RemoteNames)
		a.Attrs = merged(a.Attrs, in.Attrs)
		if err := leaveTransit(tx, a, in.RemoveSubnets); err != nil {
			return err
		}
		if in.IPv6 != nil && *in.IPv6 != a.IPv6 {
			if err := portAddresses(tx, a, *in.IPv6); err != nil {
				return err
			}
		}
		owner := who
		owner.Account = a.Account
		if err := c.joinTransit(tx, owner, a, in.AddSubnets); err != nil {
			return err
		}
		if len(a.Subnets) == 0 {
			return cloud.Errorf(cloud.Invalid, cloud.KindTransitAttachment, string(id), "no-subnet", "attachment %s needs at least one subnet", id)
		}
		return nil
	})
}

// portAddresses gives an attachment's ports IPv6 addresses, or takes them away; a must be a copy.
func portAddresses(tx cloud.Tx, a *cloud.TransitAttachment, six bool) error {
	a.IPv6 = six
	for _, id := range a.Interfaces {
		old, ok := cloud.Interfaces.Get(tx, id)
		if !ok {
			continue
		}
		i := *old
		i.Addrs6 = nil
		if s, ok := cloud.Subnets.Get(tx, i.Subnet); six && ok {
			if len(s.CIDRs6) == 0 {
				return noIPv6(s.ID)
			}
			var err error
			if i.Addrs6, err = takeAddresses6(tx, s, []netip.Addr(nil), 1); err != nil {
				return err
			}
		}
		cloud.Interfaces.Put(tx, &i)
	}
	return nil
}

// DeleteTransitAttachment detaches a VPC. Routes to it become blackholes.
func (c *Control) DeleteTransitAttachment(ctx context.Context, who Caller, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	return c.changeTransit(ctx, who, id, false, func(tx cloud.Tx, a *cloud.TransitAttachment) error {
		if err := c.transitIn(a, cloud.TransitAvailable, cloud.TransitPending); err != nil {
			return err
		}
		c.detach(tx, a)
		return nil
	})
}

// detach ends a VPC's attachment; a must be a copy.
func (c *Control) detach(tx cloud.Tx, a *cloud.TransitAttachment) {
	for _, i := range a.Interfaces {
		removeInterface(tx, i)
	}
	a.Interfaces = nil
	c.endTransit(tx, a, cloud.TransitDeleted)
}

// endTransit ends an attachment and takes it out of the tables; a must be a copy.
func (c *Control) endTransit(tx cloud.Tx, a *cloud.TransitAttachment, to cloud.TransitState) {
	a.State, a.Ended = to, c.now()
	routers := []cloud.TransitRouterID{a.Router}
	if a.Peer != nil {
		routers = append(routers, a.Peer.Router)
	}
	for _, r := range routers {
		for t := range cloud.TransitTables.By(tx, "router", string(r)) {
			if slices.Contains(t.Associations, a.ID) || slices.Contains(t.Propagations, a.ID) {
				out := *t
				out.Associations, out.Propagations = without(t.Associations, a.ID), without(t.Propagations, a.ID)
				cloud.TransitTables.Put(tx, &out)
			}
		}
	}
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return x == y })
}

// AcceptTransitAttachment and RejectTransitAttachment decide on a VPC of another
// account. None can ask: transit routers are not shared between accounts.
func (c *Control) AcceptTransitAttachment(ctx context.Context, who Caller, id cloud.TransitAttachmentID) (*cloud.TransitAttachment, error) {
	return c.changeTransit(ctx, who, id, false, func(_ cloud.Tx, a *cloud.TransitAttachment) error {
		return c.transitIn(a, cloud.TransitPending)
	})
}

// attached refuses a route to a transit router that the VPC is not attached to.
func attached(v cloud.View, id cloud.TransitRouterID, vpc cloud.VPCID) error {
	for a := range cloud.TransitAttachments.By(v, "vpc", string(vpc)) {
		if a.Router == id && a.State == cloud.TransitAvailable {
			return nil
		}
	}
	return absent(cloud.KindTransitRouter, string(id))
}

// TransitTags are the caller's own tags of an attachment.
func TransitTags(a *cloud.TransitAttachment, who Caller) map[string]string {
	if a.Peer != nil && a.Scope() != who.scope() {
		return a.Peer.Tags
	}
	return a.Tags
}

var transitTags = taggable{
	meta: func(v cloud.View, id string) *cloud.Meta {
		if a, ok := cloud.TransitAttachments.Get(v, cloud.TransitAttachmentID(id)); ok {
			return &a.Meta
		}
		return nil
	},
	edit: func(c *Control, tx cloud.Tx, who Caller, id string, f func(map[string]string) (map[string]string, error)) error {
		old, err := c.TransitAttachment(tx, who, cloud.TransitAttachmentID(id))
		if err != nil {
			return err
		}
		a := *old
		if a.Peer == nil || a.Scope() == who.scope() {
			a.Tags, err = f(a.Tags)
		} else {
			p := *a.Peer
			a.Peer = &p
			p.Tags, err = f(p.Tags)
		}
		if err != nil {
			return err
		}
		cloud.TransitAttachments.Put(tx, &a)
		return nil
	},
	all: func(v cloud.View, who Caller) iter.Seq2[string, map[string]string] {
		return func(yield func(string, map[string]string) bool) {
			for a := range cloud.TransitAttachments.By(v, "scope", who.scope()) {
				if !yield(string(a.ID), TransitTags(a, who)) {
					return
				}
			}
		}
	},
}
