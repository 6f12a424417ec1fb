package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

func noProfile(name string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindInstanceProfile, name, "", "Instance Profile %s cannot be found.", name)
}

// CreateInstanceProfile makes a profile without a role.
func (c *Control) CreateInstanceProfile(ctx context.Context, caller Caller, name, path string, tags map[string]string) (*cloud.InstanceProfile, error) {
	p := &cloud.InstanceProfile{
		Meta: cloud.Meta{Account: caller.Account, Created: c.now(), Tags: tags},
		ID:   caller.NewID(cloud.KindInstanceProfile), Name: name, Path: path,
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		taken := cloud.Errorf(cloud.Exists, cloud.KindInstanceProfile, name, "", "Instance Profile %s already exists.", name)
		all := cloud.InstanceProfiles.By(tx, "account", caller.Account)
		if err := nameFree(all, func(p *cloud.InstanceProfile) string { return p.Name }, name, taken, "InstanceProfilesPerAccount", maxInstanceProfiles); err != nil {
			return err
		}
		cloud.InstanceProfiles.Put(tx, p)
		return nil
	})
	return p, err
}

// InstanceProfile returns a profile by name.
func (c *Control) InstanceProfile(account, name string) (*cloud.InstanceProfile, error) {
	p, ok := cloud.InstanceProfiles.Get(c.View(), cloud.AccountKey(account, name))
	if !ok {
		return nil, noProfile(name)
	}
	return p, nil
}

// EditInstanceProfile changes a profile by edit, which gets a copy.
func (c *Control) EditInstanceProfile(ctx context.Context, account, name string, edit func(v cloud.View, p *cloud.InstanceProfile) error) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		p, ok := cloud.InstanceProfiles.Get(tx, cloud.AccountKey(account, name))
		if !ok {
			return noProfile(name)
		}
		next := *p
		next.Roles = slices.Clone(p.Roles)
		if err := edit(tx, &next); err != nil {
			return err
		}
		cloud.InstanceProfiles.Put(tx, &next)
		return nil
	})
	return err
}

// AddRoleToProfile gives a profile its one role.
func (c *Control) AddRoleToProfile(ctx context.Context, account, profile, role string) error {
	return c.EditInstanceProfile(ctx, account, profile, func(v cloud.View, p *cloud.InstanceProfile) error {
		r, ok := cloud.Roles.Get(v, cloud.AccountKey(account, role))
		switch {
		case !ok:
			return noHolder(Holder{cloud.KindRole, role})
		case r.Service != "":
			return protected(role)
		}
		if len(p.Roles) > 0 {
			return cloud.Errorf(cloud.Limit, cloud.KindInstanceProfile, profile, "", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		p.Roles = []string{role}
		return nil
	})
}

// RemoveRoleFromProfile takes the role out again.
func (c *Control) RemoveRoleFromProfile(ctx context.Context, account, profile, role string) error {
	return c.EditInstanceProfile(ctx, account, profile, func(_ cloud.View, p *cloud.InstanceProfile) error {
		i := slices.Index(p.Roles, role)
		if i < 0 {
			return noHolder(Holder{cloud.KindRole, role})
		}
		p.Roles = slices.Delete(p.Roles, i, i+1)
		return nil
	})
}

// DeleteInstanceProfile removes a profile without a role.
func (c *Control) DeleteInstanceProfile(ctx context.Context, account, name string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		key := cloud.AccountKey(account, name)
		p, ok := cloud.InstanceProfiles.Get(tx, key)
		switch {
		case !ok:
			return noProfile(name)
		case len(p.Roles) > 0:
			return cloud.Errorf(cloud.InUse, cloud.KindInstanceProfile, name, "roles", "Cannot delete entity, must remove roles from instance profile first.")
		}
		cloud.InstanceProfiles.Delete(tx, key)
		return nil
	})
	return err
}
