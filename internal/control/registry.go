package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateRegistry makes a registry for images.
func (c *Control) CreateRegistry(ctx context.Context, who Caller, name string) (*cloud.Registry, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Registry, error) {
		for r := range cloud.Registries.By(tx, "scope", who.scope()) {
			if r.Name == name {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindRegistry, name, "", "the registry %s exists already", name)
			}
		}
		r := &cloud.Registry{Meta: cloud.Meta{Account: who.Account, Region: who.Region, Created: c.now()}, ID: cloud.RegistryID(who.NewID(cloud.KindRegistry)), Name: name}
		cloud.Registries.Put(tx, r)
		return r, nil
	})
}

// Registry returns one of the caller's registries.
func (c *Control) Registry(who Caller, id cloud.RegistryID) (*cloud.Registry, error) {
	return find(c.View(), who, cloud.Registries, cloud.KindRegistry, id)
}

// LinkRegistry lets a VPC reach a registry.
func (c *Control) LinkRegistry(ctx context.Context, who Caller, id cloud.RegistryID, vpc cloud.VPCID, subnet cloud.SubnetID) error {
	return c.editRegistry(ctx, who, id, func(tx cloud.Tx, r *cloud.Registry) error {
		if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, vpc); err != nil {
			return err
		}
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, subnet)
		if err == nil && s.VPC != vpc {
			err = cloud.Errorf(cloud.Invalid, cloud.KindSubnet, string(subnet), "other-vpc", "subnet %s is in %s, not in %s", subnet, s.VPC, vpc)
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(r.Links, func(l cloud.RegistryLink) bool { return l.VPC == vpc }) {
			return cloud.Errorf(cloud.Exists, cloud.KindRegistry, string(id), "link", "registry %s is linked to %s already", id, vpc)
		}
		r.Links = append(slices.Clone(r.Links), cloud.RegistryLink{VPC: vpc, Subnet: subnet})
		return nil
	})
}

// UnlinkRegistry takes a VPC's way to a registry away.
func (c *Control) UnlinkRegistry(ctx context.Context, who Caller, id cloud.RegistryID, vpc cloud.VPCID, subnet cloud.SubnetID) error {
	return c.editRegistry(ctx, who, id, func(_ cloud.Tx, r *cloud.Registry) error {
		n := linkOf(r, vpc, subnet)
		if n < 0 {
			return noLink(id, vpc, subnet)
		}
		r.Links = slices.Delete(slices.Clone(r.Links), n, n+1)
		return nil
	})
}

// ResolveRegistry has a registry's name lead to the address of one link by
// default, or, without a VPC, to each VPC's own.
func (c *Control) ResolveRegistry(ctx context.Context, who Caller, id cloud.RegistryID, vpc cloud.VPCID, subnet cloud.SubnetID) error {
	return c.editRegistry(ctx, who, id, func(_ cloud.Tx, r *cloud.Registry) error {
		n := linkOf(r, vpc, subnet)
		if n < 0 && vpc != "" {
			return noLink(id, vpc, subnet)
		}
		r.Links = slices.Clone(r.Links)
		for i := range r.Links {
			r.Links[i].Default = i == n
		}
		return nil
	})
}

func linkOf(r *cloud.Registry, vpc cloud.VPCID, subnet cloud.SubnetID) int {
	return slices.IndexFunc(r.Links, func(l cloud.RegistryLink) bool { return l.VPC == vpc && l.Subnet == subnet })
}

func noLink(id cloud.RegistryID, vpc cloud.VPCID, subnet cloud.SubnetID) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindRegistry, string(id), "link", "registry %s has no link to %s in %s", id, vpc, subnet)
}

func (c *Control) editRegistry(ctx context.Context, who Caller, id cloud.RegistryID, edit func(cloud.Tx, *cloud.Registry) error) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.Registries, cloud.KindRegistry, id)
		if err != nil {
			return err
		}
		r := *old
		if err := edit(tx, &r); err != nil {
			return err
		}
		cloud.Registries.Put(tx, &r)
		return nil
	})
}

// checkRegistry wants a function's network to be where a registry's name leads: in
// the VPC and subnet of the link that it leads to by default, else in those of any.
func checkRegistry(v cloud.View, who Caller, n *cloud.FunctionNetwork, id cloud.RegistryID) error {
	r, err := find(v, who, cloud.Registries, cloud.KindRegistry, id)
	if err != nil {
		return err
	}
	for _, subnet := range n.Subnets {
		for _, l := range r.Links {
			if l.Default && (l.VPC != n.VPC || l.Subnet != subnet) {
				return cloud.Errorf(cloud.Invalid, cloud.KindRegistry, string(id), "default-link",
					"the name of registry %s leads to %s in %s by default: the function's VPC and subnet must be these, not %s in %s", id, l.Subnet, l.VPC, subnet, n.VPC)
			}
		}
		if linkOf(r, n.VPC, subnet) < 0 {
			return cloud.Errorf(cloud.Invalid, cloud.KindRegistry, string(id), "link",
				"registry %s is not linked to %s in %s: use a VPC and subnet that it is linked to", id, subnet, n.VPC)
		}
	}
	return nil
}
