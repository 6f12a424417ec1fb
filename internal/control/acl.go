package control

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"weir/internal/cloud"
)

// CreateNetworkACL is the input of Control.CreateNetworkACL.
type CreateNetworkACL struct {
	Labels
	VPC  cloud.VPCID
	Open bool // a line of each direction lets all of IPv4 pass
}

// CreateNetworkACL makes an ACL that lets nothing pass, unless it is to be open.
func (c *Control) CreateNetworkACL(ctx context.Context, who Caller, in CreateNetworkACL) (*cloud.NetworkACL, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.NetworkACL, error) {
		id := func(a *cloud.NetworkACL) cloud.NetworkACLID { return a.ID }
		return once(tx, who, cloud.NetworkACLs, "network-acl", in.Labels, in, id, func() (*cloud.NetworkACL, error) {
			if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC); err != nil {
				return nil, err
			}
			n := count(cloud.NetworkACLs.By(tx, "vpc", string(in.VPC)), nil)
			if err := within(n, c.quotas(who).ACLsPerVPC, cloud.KindNetworkACL, string(in.VPC), ""); err != nil {
				return nil, err
			}
			a := &cloud.NetworkACL{Meta: c.meta(who, in.Labels), ID: cloud.NetworkACLID(who.NewID(cloud.KindNetworkACL)), VPC: in.VPC}
			if in.Open {
				a.Entries = openEntries(1, anyIPv4)
			}
			cloud.NetworkACLs.Put(tx, a)
			return a, nil
		})
	})
}

// DeleteNetworkACL deletes an ACL that no subnet uses.
func (c *Control) DeleteNetworkACL(ctx context.Context, who Caller, id cloud.NetworkACLID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		a, err := find(tx, who, cloud.NetworkACLs, cloud.KindNetworkACL, id)
		if err != nil {
			return err
		}
		if a.Default {
			return cloud.Errorf(cloud.Invalid, cloud.KindNetworkACL, string(id), "default", "cannot delete default network ACL %s", id)
		}
		for s := range cloud.Subnets.By(tx, "acl", string(id)) {
			return cloud.Errorf(cloud.InUse, cloud.KindNetworkACL, string(id), "", "cannot delete network ACL %s: subnet %s uses it", id, s.ID)
		}
		cloud.NetworkACLs.Delete(tx, id)
		return nil
	})
}

// findEntry is the index of a numbered line, or -1.
func findEntry(entries []cloud.NetworkACLEntry, number int, egress bool) int {
	return slices.IndexFunc(entries, func(e cloud.NetworkACLEntry) bool { return e.Number == number && e.Egress == egress })
}

// changeEntries puts what f makes of a copy of the ACL's lines, ordered.
func (c *Control) changeEntries(ctx context.Context, who Caller, id cloud.NetworkACLID, f func([]cloud.NetworkACLEntry) ([]cloud.NetworkACLEntry, error)) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.NetworkACLs, cloud.KindNetworkACL, id)
		if err != nil {
			return err
		}
		a := *old
		if a.Entries, err = f(slices.Clone(old.Entries)); err != nil {
			return err
		}
		slices.SortFunc(a.Entries, func(x, y cloud.NetworkACLEntry) int {
			if x.Egress != y.Egress {
				if x.Egress {
					return 1
				}
				return -1
			}
			return cmp.Compare(x.Number, y.Number)
		})
		cloud.NetworkACLs.Put(tx, &a)
		return nil
	})
}

// CreateACLEntry adds a line.
func (c *Control) CreateACLEntry(ctx context.Context, who Caller, id cloud.NetworkACLID, e cloud.NetworkACLEntry) error {
	return c.changeEntries(ctx, who, id, func(entries []cloud.NetworkACLEntry) ([]cloud.NetworkACLEntry, error) {
		if findEntry(entries, e.Number, e.Egress) >= 0 {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindNetworkACL, strconv.Itoa(e.Number), "entry", "The network acl entry identified by %d already exists.", e.Number)
		}
		n := count(slices.Values(entries), func(o cloud.NetworkACLEntry) bool {
			return o.Egress == e.Egress && o.Prefix.Addr().Is6() == e.Prefix.Addr().Is6()
		})
		if err := within(n, c.quotas(who).EntriesPerACL, cloud.KindNetworkACL, string(id), "entries"); err != nil {
			return nil, err
		}
		e.Prefix = masked(e.Prefix)
		return append(entries, e), nil
	})
}

// ReplaceACLEntry replaces the line with the same number and direction.
func (c *Control) ReplaceACLEntry(ctx context.Context, who Caller, id cloud.NetworkACLID, e cloud.NetworkACLEntry) error {
	return c.changeEntries(ctx, who, id, func(entries []cloud.NetworkACLEntry) ([]cloud.NetworkACLEntry, error) {
		i := findEntry(entries, e.Number, e.Egress)
		if i < 0 {
			return nil, noEntry(id, e.Number)
		}
		e.Prefix = masked(e.Prefix)
		entries[i] = e
		return entries, nil
	})
}

// SetACLEntries puts these lines in the place of all that the ACL has.
func (c *Control) SetACLEntries(ctx context.Context, who Caller, id cloud.NetworkACLID, lines []cloud.NetworkACLEntry) error {
	return c.changeEntries(ctx, who, id, func([]cloud.NetworkACLEntry) ([]cloud.NetworkACLEntry, error) {
		lines = slices.Clone(lines)
		for i := range lines {
			lines[i].Prefix = masked(lines[i].Prefix)
		}
		for _, egress := range []bool{false, true} {
			n := count(slices.Values(lines), func(e cloud.NetworkACLEntry) bool { return e.Egress == egress })
			if err := within(n-1, c.quotas(who).EntriesPerACL, cloud.KindNetworkACL, string(id), "entries"); err != nil {
				return nil, err
			}
		}
		return lines, nil
	})
}

// DeleteACLEntry removes a line.
func (c *Control) DeleteACLEntry(ctx context.Context, who Caller, id cloud.NetworkACLID, number int, egress bool) error {
	return c.changeEntries(ctx, who, id, func(entries []cloud.NetworkACLEntry) ([]cloud.NetworkACLEntry, error) {
		i := findEntry(entries, number, egress)
		if i < 0 {
			return nil, noEntry(id, number)
		}
		return slices.Delete(entries, i, i+1), nil
	})
}

func noEntry(id cloud.NetworkACLID, number int) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindNetworkACL, strconv.Itoa(number), "entry", "unable to find network acl entry %d in %s", number, id)
}

// ReplaceACLAssociation puts a subnet behind another ACL and returns the new association's ID.
func (c *Control) ReplaceACLAssociation(ctx context.Context, who Caller, assoc string, to cloud.NetworkACLID) (string, error) {
	next := ""
	err := c.transact(ctx, func(tx cloud.Tx) (err error) {
		next, err = replaceACL(tx, who, assoc, to)
		return err
	})
	return next, err
}

// ReplaceACLAssociations puts several subnets, or none, behind another ACL.
func (c *Control) ReplaceACLAssociations(ctx context.Context, who Caller, assocs []string, to cloud.NetworkACLID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		for _, assoc := range assocs {
			if _, err := replaceACL(tx, who, assoc, to); err != nil {
				return err
			}
		}
		return nil
	})
}

func replaceACL(tx cloud.Tx, who Caller, assoc string, to cloud.NetworkACLID) (string, error) {
	for old := range cloud.Subnets.By(tx, "scope", who.scope()) {
		if old.ACLAssoc != assoc {
			continue
		}
		a, err := find(tx, who, cloud.NetworkACLs, cloud.KindNetworkACL, to)
		if err != nil {
			return "", err
		}
		if a.VPC != old.VPC {
			return "", otherVPC(cloud.KindACLAssociation, string(to), "network ACL %s and subnet %s belong to different VPCs", to, old.ID)
		}
		s := *old
		s.NetworkACL, s.ACLAssoc = to, who.NewID(cloud.KindACLAssociation)
		cloud.Subnets.Put(tx, &s)
		return s.ACLAssoc, nil
	}
	return "", absent(cloud.KindACLAssociation, assoc)
}
