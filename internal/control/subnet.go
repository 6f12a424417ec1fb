package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// CreateSubnet is the input of Control.CreateSubnet.
type CreateSubnet struct {
	Labels
	VPC      cloud.VPCID
	Zone     string // name or ID; "" lets the platform choose
	CIDR     netip.Prefix
	IPv6     netip.Prefix // optional
	IPv6Only bool         // no IPv4 block: CIDR is not read
	// Addresses at the start and end that nobody gets.
	ReservedFirst, ReservedLast int
	Narrowest                   int // bits of the smallest block; 0 is 28
	Names                       cloud.HostNames
}

// CreateSubnet makes a subnet behind the VPC's main route table and default ACL.
func (c *Control) CreateSubnet(ctx context.Context, who Caller, in CreateSubnet) (*cloud.Subnet, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Subnet, error) {
		zone, err := c.openZone(tx, who, in.Zone)
		if err != nil {
			return nil, err
		}
		in.Zone = zone.Name
		return c.createSubnet(tx, who, in)
	})
}

func (c *Control) createSubnet(tx cloud.Tx, who Caller, in CreateSubnet) (*cloud.Subnet, error) {
	vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC)
	if err != nil {
		return nil, err
	}
	zone, err := c.zone(who, in.Zone)
	if err != nil {
		return nil, err
	}
	n := count(cloud.Subnets.By(tx, "vpc", string(vpc.ID)), nil)
	if err := within(n, c.quotas(who).SubnetsPerVPC, cloud.KindSubnet, string(vpc.ID), ""); err != nil {
		return nil, err
	}
	var cidr netip.Prefix
	if !in.IPv6Only {
		if cidr, err = subnetBlock(tx, vpc, in.CIDR, in.Narrowest); err != nil {
			return nil, err
		}
	}
	in.keepBack(vpc)
	s := &cloud.Subnet{
		Meta: c.meta(who, in.Labels), ID: cloud.SubnetID(who.NewID(cloud.KindSubnet)), VPC: vpc.ID, Zone: zone.Name,
		CIDR: cidr, ReservedFirst: in.ReservedFirst, ReservedLast: in.ReservedLast,
		NetworkACL: defaultACL(tx, vpc.ID), ACLAssoc: who.NewID(cloud.KindACLAssociation), Names: in.Names,
	}
	if in.IPv6.IsValid() {
		p, err := subnetBlock6(tx, vpc, in.IPv6)
		if err != nil {
			return nil, err
		}
		s.CIDRs6 = []cloud.CIDRAssociation{{ID: who.NewID(cloud.KindSubnetCIDR), Prefix: p}}
	}
	s.AssignIPv6 = in.IPv6Only // https://docs.aws.amazon.com/vpc/latest/userguide/subnet-settings.html
	cloud.Subnets.Put(tx, s)
	return s, nil
}

// keepBack keeps back what the VPC's router and resolver have, whichever dialect
// made the VPC: addresses at the start, or, where resolvers are elsewhere, at the end.
func (in *CreateSubnet) keepBack(vpc *cloud.VPC) {
	if len(vpc.Resolvers) > 0 {
		in.ReservedLast = max(in.ReservedLast, 3)
	} else {
		in.ReservedFirst = max(in.ReservedFirst, 3)
	}
}

// subnetBlock checks an IPv4 block for a new subnet and clears its host bits; it
// has narrowest bits or fewer, 0 for 28.
func subnetBlock(v cloud.View, vpc *cloud.VPC, p netip.Prefix, narrowest int) (netip.Prefix, error) {
	if narrowest == 0 {
		narrowest = 28
	}
	p = p.Masked()
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() < 16 || p.Bits() > narrowest || !covers(prefixes(vpc.CIDRs), p) {
		return p, cloud.Errorf(cloud.Invalid, cloud.KindSubnet, p.String(), "range", "a subnet of %s cannot have the block %s; choose one from /16 to /%d inside the VPC's blocks", vpc.ID, p, narrowest)
	}
	return p, subnetFree(v, vpc, p)
}

// subnetBlock6 checks an IPv6 block: /44 to /64 in steps of four bits.
func subnetBlock6(v cloud.View, vpc *cloud.VPC, p netip.Prefix) (netip.Prefix, error) {
	p = p.Masked()
	if !p.Addr().Is6() || p.Bits() < 44 || p.Bits() > 64 || p.Bits()%4 != 0 || !covers(prefixes(vpc.CIDRs6), p) {
		return p, cloud.Errorf(cloud.Invalid, cloud.KindSubnet, p.String(), "range", "a subnet of %s cannot have the block %s; choose a /64 inside the VPC's IPv6 blocks", vpc.ID, p)
	}
	return p, subnetFree(v, vpc, p)
}

// subnetFree refuses a block that overlaps another subnet or, where subnets' blocks
// are the local routes, that has a route leading into it elsewhere.
func subnetFree(v cloud.View, vpc *cloud.VPC, p netip.Prefix) error {
	for t := range cloud.RouteTables.By(v, "vpc", string(vpc.ID)) {
		for _, r := range t.Routes {
			if vpc.SubnetRoutes && r.Dest.IsValid() && covers([]netip.Prefix{p}, r.Dest) {
				return cloud.Errorf(cloud.Conflict, cloud.KindSubnet, p.String(), "overlap", "the block %s holds %s, to which route table %s has a route; delete that first", p, r.Dest, t.ID)
			}
		}
	}
	for s := range cloud.Subnets.By(v, "vpc", string(vpc.ID)) {
		if overlapsAny(append(prefixes(s.CIDRs6), s.CIDR), p) {
			return cloud.Errorf(cloud.Conflict, cloud.KindSubnet, p.String(), "overlap", "the block %s overlaps subnet %s", p, s.ID)
		}
	}
	return nil
}

func defaultACL(v cloud.View, vpc cloud.VPCID) cloud.NetworkACLID {
	for a := range cloud.NetworkACLs.By(v, "vpc", string(vpc)) {
		if a.Default {
			return a.ID
		}
	}
	panic("control: VPC " + string(vpc) + " has no default ACL")
}

// DeleteSubnet deletes a subnet that holds no interface.
func (c *Control) DeleteSubnet(ctx context.Context, who Caller, id cloud.SubnetID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, id)
		if err != nil {
			return err
		}
		for i := range cloud.Interfaces.By(tx, "subnet", string(id)) {
			return cloud.Errorf(cloud.InUse, cloud.KindSubnet, string(id), "", "cannot delete subnet %s: interface %s is in it; delete that first", id, i.ID)
		}
		for t := range cloud.RouteTables.By(tx, "vpc", string(s.VPC)) {
			if i := subnetAssociation(t, id); i >= 0 {
				changed := *t
				changed.Associations = slices.Delete(slices.Clone(t.Associations), i, i+1)
				cloud.RouteTables.Put(tx, &changed)
			}
		}
		dropFlowLogs(tx, string(id))
		cloud.Subnets.Delete(tx, id)
		return nil
	})
}

// ModifySubnet changes what is not nil.
type ModifySubnet struct {
	MapPublicIP *bool
	AssignIPv6  *bool
	DNS64       *bool
	Names       NameOptions
	Attrs       map[string]string // merged
}

// ModifySubnet changes a subnet's settings.
func (c *Control) ModifySubnet(ctx context.Context, who Caller, id cloud.SubnetID, in ModifySubnet) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, id)
		if err != nil {
			return err
		}
		if in.AssignIPv6 != nil && *in.AssignIPv6 && len(old.CIDRs6) == 0 {
			return cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "no-ipv6", "subnet %s has no IPv6 block to assign addresses from; add one first", id)
		}
		if in.DNS64 != nil && *in.DNS64 && len(old.CIDRs6) == 0 {
			return cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "dns64", "subnet %s has no IPv6 block, so its hosts have no use for DNS64; add one first", id)
		}
		s := *old
		set(&s.MapPublicIP, in.MapPublicIP)
		set(&s.AssignIPv6, in.AssignIPv6)
		set(&s.DNS64, in.DNS64)
		if in.Names.ByID != nil && !*in.Names.ByID && !s.CIDR.IsValid() {
			return cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(id), "address-name", "instances of subnet %s, which has no IPv4 block, cannot be named for their IPv4 addresses", id)
		}
		s.Names = in.Names.of(s.Names)
		s.Attrs = merged(s.Attrs, in.Attrs)
		cloud.Subnets.Put(tx, &s)
		return nil
	})
}

// AddSubnetBlock6 gives a subnet an IPv6 block.
func (c *Control) AddSubnetBlock6(ctx context.Context, who Caller, id cloud.SubnetID, p netip.Prefix) (*cloud.CIDRAssociation, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.CIDRAssociation, error) {
		old, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, id)
		if err != nil {
			return nil, err
		}
		if len(old.CIDRs6) > 0 {
			return nil, cloud.Errorf(cloud.Limit, cloud.KindSubnetCIDR, string(id), "ipv6", "subnet %s has an IPv6 block; remove that first", id)
		}
		vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, old.VPC)
		if err != nil {
			return nil, err
		}
		if p, err = subnetBlock6(tx, vpc, p); err != nil {
			return nil, err
		}
		s := *old
		b := cloud.CIDRAssociation{ID: who.NewID(cloud.KindSubnetCIDR), Prefix: p}
		s.CIDRs6 = []cloud.CIDRAssociation{b}
		cloud.Subnets.Put(tx, &s)
		return &b, nil
	})
}

// RemoveSubnetBlock6 takes a subnet's IPv6 block away.
func (c *Control) RemoveSubnetBlock6(ctx context.Context, who Caller, assoc string) (subnet *cloud.Subnet, removed cloud.CIDRAssociation, err error) {
	err = c.transact(ctx, func(tx cloud.Tx) error {
		for old := range cloud.Subnets.By(tx, "scope", who.scope()) {
			i := slices.IndexFunc(old.CIDRs6, func(b cloud.CIDRAssociation) bool { return b.ID == assoc })
			if i < 0 {
				continue
			}
			removed = old.CIDRs6[i]
			if old.AssignIPv6 {
				return cloud.Errorf(cloud.InUse, cloud.KindSubnetCIDR, assoc, "assign-ipv6", "the IPv6 block %s stays while its subnet assigns addresses from it", assoc)
			}
			for e := range cloud.Interfaces.By(tx, "subnet", string(old.ID)) {
				if slices.ContainsFunc(e.Addrs6, removed.Prefix.Contains) {
					return cloud.Errorf(cloud.InUse, cloud.KindSubnetCIDR, assoc, "address", "the IPv6 block %s stays while interface %s has an address of it", assoc, e.ID)
				}
			}
			changed := *old
			changed.CIDRs6 = slices.Delete(slices.Clone(old.CIDRs6), i, i+1)
			subnet = &changed
			cloud.Subnets.Put(tx, subnet)
			return nil
		}
		return absent(cloud.KindSubnetCIDR, assoc)
	})
	return subnet, removed, err
}

// FreeAddresses counts the IPv4 addresses of a subnet that nobody has.
func FreeAddresses(v cloud.View, s *cloud.Subnet) int {
	if !s.CIDR.IsValid() {
		return 0 // those of IPv6 are not counted
	}
	n := int(size(s.CIDR)) - s.ReservedFirst - s.ReservedLast
	for i := range cloud.Interfaces.By(v, "subnet", string(s.ID)) {
		n -= len(i.Addrs)
	}
	return n
}
