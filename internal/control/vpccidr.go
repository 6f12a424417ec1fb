package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// AddVPCBlock adds an IPv4 block to a VPC, of widest bits or more (0 is 16).
func (c *Control) AddVPCBlock(ctx context.Context, who Caller, id cloud.VPCID, p netip.Prefix, widest int) (*cloud.CIDRAssociation, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.CIDRAssociation, error) {
		old, err := find(tx, who, cloud.VPCs, cloud.KindVPC, id)
		if err != nil {
			return nil, err
		}
		if p, err = vpcBlock(p, widest); err != nil {
			return nil, err
		}
		if err := within(len(old.CIDRs), c.quotas(who).CIDRsPerVPC, cloud.KindVPCCIDR, string(id), "ipv4"); err != nil {
			return nil, err
		}
		if overlapsAny(peerBlocks(tx, id), p) {
			return nil, cloud.Errorf(cloud.Conflict, cloud.KindVPCCIDR, p.String(), "overlap", "cannot add %s to %s: it overlaps a block of a VPC that it is peered with", p, id)
		}
		if overlapsAny(prefixes(old.CIDRs), p) {
			return nil, cloud.Errorf(cloud.Conflict, cloud.KindVPCCIDR, p.String(), "overlap", "cannot add %s to %s: it overlaps a block the VPC has", p, id)
		}
		vpc := *old
		b := cloud.CIDRAssociation{ID: who.NewID(cloud.KindVPCCIDR), Prefix: p}
		vpc.CIDRs = append(slices.Clone(old.CIDRs), b)
		cloud.VPCs.Put(tx, &vpc)
		return &b, nil
	})
}

// AddVPCBlock6 adds an IPv6 block from the platform's pool to a VPC.
func (c *Control) AddVPCBlock6(ctx context.Context, who Caller, id cloud.VPCID) (*cloud.CIDRAssociation, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.CIDRAssociation, error) {
		old, err := find(tx, who, cloud.VPCs, cloud.KindVPC, id)
		if err != nil {
			return nil, err
		}
		if err := within(len(old.CIDRs6), c.quotas(who).CIDRs6PerVPC, cloud.KindVPCCIDR, string(id), "ipv6"); err != nil {
			return nil, err
		}
		b, err := c.ipv6Block(tx, who)
		if err != nil {
			return nil, err
		}
		vpc := *old
		vpc.CIDRs6 = append(slices.Clone(old.CIDRs6), b)
		cloud.VPCs.Put(tx, &vpc)
		openToIPv6(tx, who, id)
		return &b, nil
	})
}

// ipv6Block takes a free /56 from the platform's pool.
func (c *Control) ipv6Block(v cloud.View, who Caller) (cloud.CIDRAssociation, error) {
	var taken []netip.Prefix
	for vpc := range cloud.VPCs.All(v) {
		taken = append(taken, prefixes(vpc.CIDRs6)...)
	}
	p, ok := FreeBlock(c.opt.IPv6Pool, 56, taken)
	if !ok {
		return cloud.CIDRAssociation{}, cloud.Errorf(cloud.Exhausted, cloud.KindVPCCIDR, c.opt.IPv6Pool.String(), "ipv6-pool", "no /56 is left in the platform's IPv6 pool %s; delete a VPC or enlarge the pool", c.opt.IPv6Pool)
	}
	return cloud.CIDRAssociation{ID: who.NewID(cloud.KindVPCCIDR), Prefix: p}, nil
}

// RemoveVPCBlock takes an IPv4 or IPv6 block from the VPC that has it.
func (c *Control) RemoveVPCBlock(ctx context.Context, who Caller, assoc string) (vpc *cloud.VPC, removed cloud.CIDRAssociation, err error) {
	is := func(b cloud.CIDRAssociation) bool { return b.ID == assoc }
	err = c.transact(ctx, func(tx cloud.Tx) error {
		for old := range cloud.VPCs.By(tx, "scope", who.scope()) {
			i4, i6 := slices.IndexFunc(old.CIDRs, is), slices.IndexFunc(old.CIDRs6, is)
			if i4 < 0 && i6 < 0 {
				continue
			}
			changed := *old
			switch {
			case i4 == 0:
				return cloud.Errorf(cloud.State, cloud.KindVPCCIDR, assoc, "primary", "%s is the primary block of %s and stays as long as the VPC", assoc, old.ID)
			case i4 > 0:
				removed = old.CIDRs[i4]
				changed.CIDRs = slices.Delete(slices.Clone(old.CIDRs), i4, i4+1)
			default:
				removed = old.CIDRs6[i6]
				changed.CIDRs6 = slices.Delete(slices.Clone(old.CIDRs6), i6, i6+1)
			}
			vpc = &changed
			if err := blockUnused(tx, old.ID, removed.Prefix); err != nil {
				return err
			}
			cloud.VPCs.Put(tx, vpc)
			return nil
		}
		return absent(cloud.KindVPCCIDR, assoc)
	})
	return vpc, removed, err
}

func blockUnused(v cloud.View, vpc cloud.VPCID, p netip.Prefix) error {
	for s := range cloud.Subnets.By(v, "vpc", string(vpc)) {
		if overlapsAny(append(prefixes(s.CIDRs6), s.CIDR), p) {
			return cloud.Errorf(cloud.InUse, cloud.KindVPCCIDR, p.String(), "subnet", "The vpc %s currently has a subnet within CIDR block %s", vpc, p)
		}
	}
	return nil
}
