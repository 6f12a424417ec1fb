package control

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
)

// PeeringExpired is how a pending connection stands that nobody accepted in time.
const PeeringExpired cloud.PeeringState = "expired"

// How long connections stay pending and, once they have ended, are shown.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle
const (
	peeringPending  = 7 * 24 * time.Hour
	peeringShown    = 2 * time.Hour
	peeringShownFar = 48 * time.Hour
)

// PeeringState is how a connection stands now.
func PeeringState(p *cloud.Peering, now time.Time) cloud.PeeringState {
	if p.State == cloud.PeeringPending && !now.Before(p.Expires) {
		return PeeringExpired
	}
	return p.State
}

// PeeringShown reports whether a connection is still shown to an account: for a
// short while to who ended it, for longer to the other side.
func PeeringShown(p *cloud.Peering, account string, now time.Time) bool {
	switch PeeringState(p, now) {
	case PeeringExpired:
		return now.Before(p.Expires.Add(peeringShownFar))
	case cloud.PeeringFailed:
		return account == p.Account && now.Before(p.Ended.Add(peeringShown))
	case cloud.PeeringDeleted, cloud.PeeringRejected:
		if account != p.EndedBy {
			return now.Before(p.Ended.Add(peeringShownFar))
		}
		return now.Before(p.Ended.Add(peeringShown))
	}
	return true
}

// CreatePeering is the input of Control.CreatePeering.
type CreatePeering struct {
	Labels
	VPC         cloud.VPCID
	Peer        cloud.VPCID
	PeerAccount string // "" is the caller's
	PeerRegion  string // "" is the caller's
	// Direct: two VPCs of one account are joined without a question, and what
	// cannot be joined is refused.
	Direct bool
}

// CreatePeering asks the owner of another VPC for a connection. What cannot be
// joined makes a connection that has failed, or is refused if it is Direct.
func (c *Control) CreatePeering(ctx context.Context, who Caller, in CreatePeering) (*cloud.Peering, error) {
	if in.PeerAccount == "" {
		in.PeerAccount = who.Account
	}
	if in.PeerRegion == "" {
		in.PeerRegion = who.Region
	}
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Peering, error) {
		vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC)
		if err != nil {
			return nil, err
		}
		if _, ok := c.Region(in.PeerRegion); !ok {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindPeering, in.PeerRegion, "region", "there is no region %q", in.PeerRegion)
		}
		other := cloud.PeeringSide{VPC: in.Peer, Account: in.PeerAccount, Region: in.PeerRegion}
		peer, ok := cloud.VPCs.Get(tx, in.Peer)
		ok = ok && peer.Scope() == other.Scope() && !peer.Service
		if in.Direct {
			if err := joinable(vpc, peer, ok, in); err != nil {
				return nil, err
			}
		} else if !ok && other.Scope() == who.scope() {
			return nil, absent(cloud.KindVPC, string(in.Peer))
		}
		if err := c.peeringRoom(tx, vpc.ID, in.Peer); err != nil {
			return nil, err
		}
		p := &cloud.Peering{
			Meta: c.meta(who, in.Labels), ID: cloud.PeeringID(who.NewID(cloud.KindPeering)), State: cloud.PeeringPending,
			Requester: cloud.PeeringSide{VPC: vpc.ID, Account: who.Account, Region: who.Region}, Accepter: other,
		}
		p.Expires = p.Created.Add(peeringPending)
		switch {
		case !ok || overlap(vpc, peer):
			p.State, p.Ended, p.EndedBy = cloud.PeeringFailed, p.Created, who.Account
		case in.Direct && peer.Account == who.Account:
			p.State = cloud.PeeringActive
		}
		cloud.Peerings.Put(tx, p)
		return p, nil
	})
}

// peeringRoom refuses a second connection between two VPCs, and too many; it
// drops those that are no longer shown to anybody.
func (c *Control) peeringRoom(tx cloud.Tx, vpc, peer cloud.VPCID) error {
	now := c.now()
	active, outstanding := 0, 0
	for p := range cloud.Peerings.By(tx, "vpc", string(vpc)) {
		_, other := p.Sides(vpc)
		switch state := PeeringState(p, now); {
		case state == cloud.PeeringActive, state == cloud.PeeringPending:
			if other.VPC == peer {
				return cloud.Errorf(cloud.Exists, cloud.KindPeering, string(p.ID), "", "VPCs %s and %s have the peering connection %s already", vpc, peer, p.ID)
			}
			if active++; state == cloud.PeeringPending && p.Requester.VPC == vpc {
				outstanding++
			}
		case !PeeringShown(p, p.Requester.Account, now) && !PeeringShown(p, p.Accepter.Account, now):
			cloud.Peerings.Delete(tx, p.ID)
		}
	}
	if err := within(outstanding, c.Quotas().PendingPeerings, cloud.KindPeering, string(vpc), "outstanding"); err != nil {
		return err
	}
	return within(active, c.Quotas().PeeringsPerVPC, cloud.KindPeering, string(vpc), "")
}

func overlap(a, b *cloud.VPC) bool {
	return slices.ContainsFunc(prefixes(a.CIDRs), func(p netip.Prefix) bool { return overlapsAny(prefixes(b.CIDRs), p) }) ||
		slices.ContainsFunc(prefixes(a.CIDRs6), func(p netip.Prefix) bool { return overlapsAny(prefixes(b.CIDRs6), p) })
}

// findPeering finds a connection of which the caller has a side.
func (c *Control) findPeering(v cloud.View, who Caller, id cloud.PeeringID) (*cloud.Peering, error) {
	p, ok := cloud.Peerings.Get(v, id)
	if !ok || p.Requester.Scope() != who.scope() && p.Accepter.Scope() != who.scope() || !PeeringShown(p, who.Account, c.now()) {
		return nil, absent(cloud.KindPeering, string(id))
	}
	return p, nil
}

// changePeering puts what f makes of a copy of a connection.
func (c *Control) changePeering(ctx context.Context, who Caller, id cloud.PeeringID, f func(tx cloud.Tx, p *cloud.Peering) error) (*cloud.Peering, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Peering, error) {
		old, err := c.findPeering(tx, who, id)
		if err != nil {
			return nil, err
		}
		p := *old
		if err := f(tx, &p); err != nil {
			return nil, err
		}
		cloud.Peerings.Put(tx, &p)
		return &p, nil
	})
}

// AcceptPeering joins the two VPCs; the owner of the one that was asked does so.
func (c *Control) AcceptPeering(ctx context.Context, who Caller, id cloud.PeeringID) (*cloud.Peering, error) {
	return c.changePeering(ctx, who, id, func(tx cloud.Tx, p *cloud.Peering) error {
		if p.Accepter.Scope() != who.scope() {
			return notYours(who, "accept", p)
		}
		if err := c.inState(p, "active", cloud.PeeringPending); err != nil {
			return err
		}
		a, ok := cloud.VPCs.Get(tx, p.Requester.VPC)
		b, ok2 := cloud.VPCs.Get(tx, p.Accepter.VPC)
		if p.State = cloud.PeeringActive; !ok || !ok2 || overlap(a, b) {
			p.State, p.Ended, p.EndedBy = cloud.PeeringFailed, c.now().UTC(), p.Account
		}
		return nil
	})
}

// RejectPeering refuses a request; the owner of the VPC that was asked does so.
func (c *Control) RejectPeering(ctx context.Context, who Caller, id cloud.PeeringID) error {
	_, err := c.changePeering(ctx, who, id, func(_ cloud.Tx, p *cloud.Peering) error {
		if p.Accepter.Scope() != who.scope() {
			return notYours(who, "reject", p)
		}
		return c.endPeering(who, p, cloud.PeeringRejected, cloud.PeeringPending)
	})
	return err
}

// DeletePeering ends a connection, which either side may do, or withdraws a
// request. Routes to it become blackholes.
func (c *Control) DeletePeering(ctx context.Context, who Caller, id cloud.PeeringID) error {
	_, err := c.changePeering(ctx, who, id, func(_ cloud.Tx, p *cloud.Peering) error {
		if p.Requester.Scope() == who.scope() {
			return c.endPeering(who, p, cloud.PeeringDeleted, cloud.PeeringPending, cloud.PeeringActive)
		}
		if p.State == cloud.PeeringPending {
			return notYours(who, "delete", p)
		}
		return c.endPeering(who, p, cloud.PeeringDeleted, cloud.PeeringActive)
	})
	return err
}

func (c *Control) endPeering(who Caller, p *cloud.Peering, to cloud.PeeringState, from ...cloud.PeeringState) error {
	if err := c.inState(p, string(to), from...); err != nil {
		return err
	}
	p.State, p.Ended, p.EndedBy = to, c.now().UTC(), who.Account
	return nil
}

func (c *Control) inState(p *cloud.Peering, to string, from ...cloud.PeeringState) error {
	now := PeeringState(p, c.now())
	if slices.Contains(from, now) {
		return nil
	}
	return cloud.Errorf(cloud.State, cloud.KindPeering, string(p.ID), "transition", "Invalid state transition for %s, attempted to transition from %s to %s", p.ID, now, to)
}

func notYours(who Caller, verb string, p *cloud.Peering) error {
	return cloud.Errorf(cloud.Denied, cloud.KindPeering, string(p.ID), "side", "User %s cannot %s peering %s", who.Account, verb, p.ID)
}

// ModifyPeering sets whether names of either side's hosts resolve to private
// addresses on the other; each side's owner sets its own.
func (c *Control) ModifyPeering(ctx context.Context, who Caller, id cloud.PeeringID, requester, accepter *bool) (*cloud.Peering, error) {
	return c.changePeering(ctx, who, id, func(_ cloud.Tx, p *cloud.Peering) error {
		if p.State != cloud.PeeringActive {
			return cloud.Errorf(cloud.State, cloud.KindPeering, string(id), "not-active", "Peering %s is not active. Peering options can be added only to active peerings.", id)
		}
		for side, value := range map[*cloud.PeeringSide]*bool{&p.Requester: requester, &p.Accepter: accepter} {
			if value != nil && side.Scope() != who.scope() {
				return notYours(who, "modify the options of the other side of", p)
			}
			set(&side.RemoteNames, value)
		}
		return nil
	})
}

// peerBlocks are the blocks of the VPCs that a VPC is joined to.
func peerBlocks(v cloud.View, vpc cloud.VPCID) (out []netip.Prefix) {
	for p := range cloud.Peerings.By(v, "vpc", string(vpc)) {
		if _, other := p.Sides(vpc); p.State == cloud.PeeringActive {
			out = append(out, vpcBlocks(v, other.VPC)...)
		}
	}
	return out
}

// Peered finds the active connection between two VPCs.
func Peered(v cloud.View, a, b cloud.VPCID) (*cloud.Peering, bool) {
	for p := range cloud.Peerings.By(v, "vpc", string(a)) {
		if _, other := p.Sides(a); p.State == cloud.PeeringActive && other.VPC == b {
			return p, true
		}
	}
	return nil, false
}

// peerGroup finds a security group of a joined VPC in the same region that a
// rule of g refers to. Another account's is found only if the rule says whose it is.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
func peerGroup(v cloud.View, g *cloud.SecurityGroup, r *cloud.SecurityGroupRule) bool {
	peer, ok := cloud.SecurityGroups.Get(v, r.Group)
	if !ok || peer.VPC == g.VPC || peer.Region != g.Region || peer.Account != g.Account && r.GroupOwner != peer.Account {
		return false
	}
	if _, ok := Peered(v, g.VPC, peer.VPC); !ok {
		return false
	}
	r.GroupOwner, r.GroupVPC = "", peer.VPC
	if peer.Account != g.Account {
		r.GroupOwner = peer.Account
	}
	return true
}

// peeringTags are each side's own.
var peeringTags = taggable{
	meta: func(v cloud.View, id string) *cloud.Meta {
		if p, ok := cloud.Peerings.Get(v, cloud.PeeringID(id)); ok {
			return &p.Meta
		}
		return nil
	},
	edit: func(c *Control, tx cloud.Tx, who Caller, id string, f func(map[string]string) (map[string]string, error)) error {
		old, err := c.findPeering(tx, who, cloud.PeeringID(id))
		if err != nil {
			return err
		}
		p := *old
		if p.Requester.Scope() == who.scope() {
			p.Tags, err = f(p.Tags)
		} else {
			p.Accepter.Tags, err = f(p.Accepter.Tags)
		}
		if err != nil {
			return err
		}
		cloud.Peerings.Put(tx, &p)
		return nil
	},
	all: func(v cloud.View, who Caller) iter.Seq2[string, map[string]string] {
		return func(yield func(string, map[string]string) bool) {
			for p := range cloud.Peerings.By(v, "scope", who.scope()) {
				if !yield(string(p.ID), PeeringTags(p, who)) {
					return
				}
			}
		}
	},
}

// PeeringTags are the caller's own tags of a connection.
func PeeringTags(p *cloud.Peering, who Caller) map[string]string {
	if p.Requester.Scope() == who.scope() {
		return p.Tags
	}
	return p.Accepter.Tags
}

// targetPeering finds a connection that a route may lead to, active or asked
// for, and the VPC among its two that the table is in.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-routing.html
func targetPeering(v cloud.View, who Caller, id cloud.PeeringID, table cloud.VPCID) (cloud.VPCID, error) {
	p, ok := cloud.Peerings.Get(v, id)
	if !ok || p.Requester.Scope() != who.scope() && p.Accepter.Scope() != who.scope() || p.State != cloud.PeeringActive && p.State != cloud.PeeringPending {
		return "", absent(cloud.KindPeering, string(id))
	}
	if own, _ := p.Sides(table); own != nil {
		return table, nil
	}
	return p.Requester.VPC, nil
}
