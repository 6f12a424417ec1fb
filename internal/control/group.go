package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateGroup makes a group of users.
func (c *Control) CreateGroup(ctx context.Context, caller Caller, name, path string) (*cloud.Group, error) {
	g := &cloud.Group{Meta: cloud.Meta{Account: caller.Account, Created: c.now()}, ID: caller.NewID(cloud.KindGroup), Name: name, Path: path}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if _, ok := cloud.Groups.Get(tx, cloud.AccountKey(caller.Account, name)); ok {
			return exists(Holder{cloud.KindGroup, name})
		}
		cloud.Groups.Put(tx, g)
		return nil
	})
	return g, err
}

// Group returns a group by name.
func (c *Control) Group(account, name string) (*cloud.Group, error) {
	g, ok := cloud.Groups.Get(c.View(), cloud.AccountKey(account, name))
	if !ok {
		return nil, noHolder(Holder{cloud.KindGroup, name})
	}
	return g, nil
}

// Members lists the users of a group.
func (c *Control) Members(account, group string) []*cloud.User {
	return members(c.View(), account, group)
}

func members(v cloud.View, account, group string) []*cloud.User {
	var out []*cloud.User
	for u := range cloud.Users.By(v, "account", account) {
		if slices.Contains(u.Groups, group) {
			out = append(out, u)
		}
	}
	return out
}

// EditGroup changes a group's name and path; its users stay in it.
func (c *Control) EditGroup(ctx context.Context, account, name, newName, newPath string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		g, ok := cloud.Groups.Get(tx, cloud.AccountKey(account, name))
		if !ok {
			return noHolder(Holder{cloud.KindGroup, name})
		}
		next := *g
		if newPath != "" {
			next.Path = newPath
		}
		if newName != "" && newName != name {
			if _, ok := cloud.Groups.Get(tx, cloud.AccountKey(account, newName)); ok {
				return exists(Holder{cloud.KindGroup, newName})
			}
			next.Name = newName
			cloud.Groups.Delete(tx, cloud.AccountKey(account, name))
			for _, u := range members(tx, account, name) {
				moved := *u
				moved.Groups = slices.Clone(u.Groups)
				moved.Groups[slices.Index(moved.Groups, name)] = newName
				cloud.Users.Put(tx, &moved)
			}
		}
		cloud.Groups.Put(tx, &next)
		return nil
	})
	return err
}

// DeleteGroup removes a group without policies and users.
func (c *Control) DeleteGroup(ctx context.Context, account, name string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		key := cloud.AccountKey(account, name)
		g, ok := cloud.Groups.Get(tx, key)
		if !ok {
			return noHolder(Holder{cloud.KindGroup, name})
		}
		if err := grantsGone(Holder{cloud.KindGroup, name}, g.Inline, g.Attached); err != nil {
			return err
		}
		if len(members(tx, account, name)) > 0 {
			return cloud.Errorf(cloud.InUse, cloud.KindGroup, name, "users", "Cannot delete entity, must remove users from group first.")
		}
		cloud.Groups.Delete(tx, key)
		return nil
	})
	return err
}

// SetMember puts a user into a group or takes it out.
func (c *Control) SetMember(ctx context.Context, account, group, user string, in bool) error {
	if _, err := c.Group(account, group); err != nil {
		return err
	}
	_, err := c.EditUser(ctx, account, user, func(u *cloud.User) error {
		i := slices.Index(u.Groups, group)
		switch {
		case in && i < 0:
			u.Groups = append(u.Groups, group)
		case !in && i >= 0:
			u.Groups = slices.Delete(u.Groups, i, i+1)
		}
		return nil
	})
	return err
}
