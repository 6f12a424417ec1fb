package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateRouteTable is the input of Control.CreateRouteTable.
type CreateRouteTable struct {
	Labels
	VPC cloud.VPCID
}

// CreateRouteTable makes a route table with only the local routes.
func (c *Control) CreateRouteTable(ctx context.Context, who Caller, in CreateRouteTable) (*cloud.RouteTable, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.RouteTable, error) {
		id := func(t *cloud.RouteTable) cloud.RouteTableID { return t.ID }
		return once(tx, who, cloud.RouteTables, "route-table", in.Labels, in, id, func() (*cloud.RouteTable, error) {
			vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC)
			if err != nil {
				return nil, err
			}
			n := count(cloud.RouteTables.By(tx, "vpc", string(vpc.ID)), nil)
			if err := within(n, c.quotas(who).RouteTablesPerVPC, cloud.KindRouteTable, string(vpc.ID), ""); err != nil {
				return nil, err
			}
			t := &cloud.RouteTable{Meta: c.meta(who, in.Labels), ID: cloud.RouteTableID(who.NewID(cloud.KindRouteTable)), VPC: vpc.ID}
			cloud.RouteTables.Put(tx, t)
			return t, nil
		})
	})
}

// DeleteRouteTable deletes a table that no subnet uses.
func (c *Control) DeleteRouteTable(ctx context.Context, who Caller, id cloud.RouteTableID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, err := find(tx, who, cloud.RouteTables, cloud.KindRouteTable, id)
		if err != nil {
			return err
		}
		if t.Main || len(t.Associations) > 0 {
			return cloud.Errorf(cloud.InUse, cloud.KindRouteTable, string(id), "", "cannot delete route table %s: it is the main table or a subnet uses it", id)
		}
		for e := range cloud.Endpoints.By(tx, "vpc", string(t.VPC)) {
			if i := slices.Index(e.RouteTables, id); i >= 0 {
				changed := *e
				changed.RouteTables = slices.Delete(slices.Clone(e.RouteTables), i, i+1)
				cloud.Endpoints.Put(tx, &changed)
			}
		}
		cloud.RouteTables.Delete(tx, id)
		return nil
	})
}

// subnetAssociation is the index of the subnet's association, or -1.
func subnetAssociation(t *cloud.RouteTable, subnet cloud.SubnetID) int {
	return slices.IndexFunc(t.Associations, func(a cloud.RouteTableAssociation) bool { return a.Subnet == subnet })
}

// AssociateRouteTable makes a subnet use a table and returns the association's ID.
func (c *Control) AssociateRouteTable(ctx context.Context, who Caller, id cloud.RouteTableID, subnet cloud.SubnetID) (string, error) {
	var assoc string
	err := c.transact(ctx, func(tx cloud.Tx) error {
		t, err := find(tx, who, cloud.RouteTables, cloud.KindRouteTable, id)
		if err != nil {
			return err
		}
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, subnet)
		if err != nil {
			return err
		}
		if s.VPC != t.VPC {
			return otherVPC(cloud.KindAssociation, string(id), "route table %s and subnet %s belong to different VPCs", id, subnet)
		}
		for other := range cloud.RouteTables.By(tx, "vpc", string(t.VPC)) {
			if subnetAssociation(other, subnet) >= 0 {
				return cloud.Errorf(cloud.Exists, cloud.KindAssociation, string(id), "", "subnet %s is associated with route table %s; replace or remove that association", subnet, other.ID)
			}
		}
		assoc = who.NewID(cloud.KindAssociation)
		cloud.RouteTables.Put(tx, withAssociation(t, cloud.RouteTableAssociation{ID: assoc, Subnet: subnet}))
		return nil
	})
	return assoc, err
}

func otherVPC(kind cloud.Resource, id, format string, args ...any) error {
	return cloud.Errorf(cloud.Conflict, kind, id, "many-vpcs", format, args...)
}

func withAssociation(t *cloud.RouteTable, a cloud.RouteTableAssociation) *cloud.RouteTable {
	changed := *t
	changed.Associations = append(slices.Clone(t.Associations), a)
	return &changed
}

// routeAssociation finds an association: i is its index in t, or -1 if it is t's main one.
func routeAssociation(v cloud.View, who Caller, assoc string) (t *cloud.RouteTable, i int, err error) {
	for t := range cloud.RouteTables.By(v, "scope", who.scope()) {
		if t.Main && t.MainAssoc == assoc {
			return t, -1, nil
		}
		if i := slices.IndexFunc(t.Associations, func(a cloud.RouteTableAssociation) bool { return a.ID == assoc }); i >= 0 {
			return t, i, nil
		}
	}
	return nil, 0, absent(cloud.KindAssociation, assoc)
}

// DisassociateRouteTable returns a subnet to the main table.
func (c *Control) DisassociateRouteTable(ctx context.Context, who Caller, assoc string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		t, i, err := routeAssociation(tx, who, assoc)
		if err != nil {
			return err
		}
		if i < 0 {
			return cloud.Errorf(cloud.Invalid, cloud.KindAssociation, assoc, "main", "the main association %s cannot be removed; make another table the main one", assoc)
		}
		changed := *t
		changed.Associations = slices.Delete(slices.Clone(t.Associations), i, i+1)
		cloud.RouteTables.Put(tx, &changed)
		return nil
	})
}

// ReplaceRouteTableAssociation moves a subnet, or the role of main table, to
// another table and returns the new association's ID.
func (c *Control) ReplaceRouteTableAssociation(ctx context.Context, who Caller, assoc string, to cloud.RouteTableID) (string, error) {
	next := ""
	err := c.transact(ctx, func(tx cloud.Tx) error {
		from, i, err := routeAssociation(tx, who, assoc)
		if err != nil {
			return err
		}
		target, err := find(tx, who, cloud.RouteTables, cloud.KindRouteTable, to)
		if err != nil {
			return err
		}
		if target.VPC != from.VPC {
			return otherVPC(cloud.KindAssociation, string(to), "route tables %s and %s belong to different VPCs", from.ID, to)
		}
		next = who.NewID(cloud.KindAssociation)
		old := *from
		if i < 0 {
			old.Main, old.MainAssoc = false, ""
			cloud.RouteTables.Put(tx, &old)
			target, _ = cloud.RouteTables.Get(tx, to)
			changed := *target
			changed.Main, changed.MainAssoc = true, next
			cloud.RouteTables.Put(tx, &changed)
			return nil
		}
		old.Associations = slices.Delete(slices.Clone(from.Associations), i, i+1)
		cloud.RouteTables.Put(tx, &old)
		target, _ = cloud.RouteTables.Get(tx, to)
		cloud.RouteTables.Put(tx, withAssociation(target, cloud.RouteTableAssociation{ID: next, Subnet: from.Associations[i].Subnet}))
		return nil
	})
	return next, err
}
