package control

import (
	"context"
	"slices"
	"strings"

	"weir/internal/cloud"
)

const maxResourceGroups = 30

func noResourceGroup(id string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindResourceGroup, id, "", "The resource group %s does not exist.", id)
}

// CreateResourceGroup makes a resource group.
func (c *Control) CreateResourceGroup(ctx context.Context, caller Caller, name, display string, tags map[string]string) (*cloud.ResourceGroup, error) {
	g := &cloud.ResourceGroup{
		Meta: cloud.Meta{Account: caller.Account, Created: c.now(), Tags: tags},
		ID:   caller.NewID(cloud.KindResourceGroup), Name: name, DisplayName: display,
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		taken := cloud.Errorf(cloud.Exists, cloud.KindResourceGroup, name, "", "The resource group %s already exists.", name)
		own := cloud.ResourceGroups.By(tx, "account", caller.Account)
		if err := nameFree(own, func(g *cloud.ResourceGroup) string { return g.Name }, name, taken, "ResourceGroupsPerAccount", maxResourceGroups); err != nil {
			return err
		}
		cloud.ResourceGroups.Put(tx, g)
		return nil
	})
	return g, err
}

// EnsureResourceGroup files a resource group that every account has, once.
func (c *Control) EnsureResourceGroup(ctx context.Context, account, id, name, display string) (*cloud.ResourceGroup, error) {
	if g, ok := cloud.ResourceGroups.Get(c.View(), id); ok {
		return g, nil
	}
	g := &cloud.ResourceGroup{Meta: cloud.Meta{Account: account, Created: c.now()}, ID: id, Name: name, DisplayName: display}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if have, ok := cloud.ResourceGroups.Get(tx, id); ok {
			g = have
			return nil
		}
		cloud.ResourceGroups.Put(tx, g)
		return nil
	})
	return g, err
}

// ResourceGroup returns one of the account's resource groups.
func (c *Control) ResourceGroup(account, id string) (*cloud.ResourceGroup, error) {
	g, ok := cloud.ResourceGroups.Get(c.View(), id)
	if !ok || g.Account != account {
		return nil, noResourceGroup(id)
	}
	return g, nil
}

// ResourceGroups lists the account's resource groups, by ID.
func (c *Control) ResourceGroups(account string) []*cloud.ResourceGroup {
	list := slices.Collect(cloud.ResourceGroups.By(c.View(), "account", account))
	slices.SortFunc(list, func(a, b *cloud.ResourceGroup) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// EditResourceGroup changes a resource group by edit, which gets a copy.
func (c *Control) EditResourceGroup(ctx context.Context, account, id string, edit func(*cloud.ResourceGroup) error) (*cloud.ResourceGroup, error) {
	var next cloud.ResourceGroup
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		g, ok := cloud.ResourceGroups.Get(tx, id)
		if !ok || g.Account != account {
			return noResourceGroup(id)
		}
		next = *g
		if err := edit(&next); err != nil {
			return err
		}
		cloud.ResourceGroups.Put(tx, &next)
		return nil
	})
	return &next, err
}

// DeleteResourceGroup removes a resource group and what is granted in it. That it
// holds no resource is for the dialect to know, whose attribute that is.
func (c *Control) DeleteResourceGroup(ctx context.Context, account, id string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		g, ok := cloud.ResourceGroups.Get(tx, id)
		if !ok || g.Account != account {
			return noResourceGroup(id)
		}
		for _, grant := range slices.Collect(cloud.GroupGrants.By(tx, "group", id)) {
			cloud.GroupGrants.Delete(tx, grant.Key())
		}
		cloud.ResourceGroups.Delete(tx, id)
		return nil
	})
	return err
}

// GrantInGroup gives a holder a managed policy for the resources of one resource
// group; giving it again is an error.
func (c *Control) GrantInGroup(ctx context.Context, account, group string, h Holder, arn string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if g, ok := cloud.ResourceGroups.Get(tx, group); !ok || g.Account != account {
			return noResourceGroup(group)
		}
		if _, err := grantsOf(tx, account, h); err != nil {
			return err
		}
		if err := policyVisible(tx, account, arn); err != nil {
			return err
		}
		grant := &cloud.GroupGrant{Meta: cloud.Meta{Account: account, Created: c.now()}, Group: group, Holder: h.Kind, Name: h.Name, Policy: arn}
		if _, ok := cloud.GroupGrants.Get(tx, grant.Key()); ok {
			return cloud.Errorf(cloud.Exists, h.Kind, h.Name, "granted", "The policy has already been attached to the %s.", h.Kind)
		}
		cloud.GroupGrants.Put(tx, grant)
		return nil
	})
	return err
}

// RevokeInGroup takes such a grant back.
func (c *Control) RevokeInGroup(ctx context.Context, account, group string, h Holder, arn string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		grant := &cloud.GroupGrant{Meta: cloud.Meta{Account: account}, Group: group, Holder: h.Kind, Name: h.Name, Policy: arn}
		if _, ok := cloud.GroupGrants.Get(tx, grant.Key()); !ok {
			return cloud.Errorf(cloud.NotFound, h.Kind, h.Name, "granted", "The policy is not attached to the %s.", h.Kind)
		}
		cloud.GroupGrants.Delete(tx, grant.Key())
		return nil
	})
	return err
}

// grantedInGroup are the documents that a principal has for the resources of one
// resource group, by itself and by its groups.
func grantedInGroup(v cloud.View, who cloud.Principal, group string) []string {
	var holders []Holder
	switch who.Kind {
	case cloud.PrincipalUser:
		holders = []Holder{{cloud.KindUser, who.Name}}
		if u, ok := cloud.Users.Get(v, cloud.AccountKey(who.Account, who.Name)); ok {
			for _, g := range u.Groups {
				holders = append(holders, Holder{cloud.KindGroup, g})
			}
		}
	case cloud.PrincipalSession:
		holders = []Holder{{cloud.KindRole, who.Name}}
	}
	var arns []string
	for _, h := range holders {
		for g := range cloud.GroupGrants.By(v, "holder", cloud.HolderKey(who.Account, h.Kind, h.Name)) {
			if g.Group == group {
				arns = append(arns, g.Policy)
			}
		}
	}
	return attachedDocuments(v, arns)
}

// grantsInGroupsGone wants a holder that has no policy in any resource group.
func grantsInGroupsGone(v cloud.View, account string, h Holder) error {
	for range cloud.GroupGrants.By(v, "holder", cloud.HolderKey(account, h.Kind, h.Name)) {
		return cloud.Errorf(cloud.InUse, h.Kind, h.Name, "attached", "Cannot delete entity, must detach all policies first.")
	}
	return nil
}

// renameGrants files a holder's grants under its new name.
func renameGrants(tx cloud.Tx, account string, kind cloud.Resource, from, to string) {
	for _, g := range slices.Collect(cloud.GroupGrants.By(tx, "holder", cloud.HolderKey(account, kind, from))) {
		cloud.GroupGrants.Delete(tx, g.Key())
		next := *g
		next.Name = to
		cloud.GroupGrants.Put(tx, &next)
	}
}

// GroupGrants lists what is granted in the account's resource groups.
func (c *Control) GroupGrants(account string) []*cloud.GroupGrant {
	list := slices.Collect(cloud.GroupGrants.By(c.View(), "account", account))
	slices.SortFunc(list, func(a, b *cloud.GroupGrant) int { return strings.Compare(a.Key(), b.Key()) })
	return list
}
