package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateGroup makes a group of users.
func (c *Control) CreateGroup(ctx context.Context, caller Caller, name, path string, attrs map[string]string) (*cloud.Group, error) {
	g := &cloud.Group{Meta: cloud.Meta{Account: caller.Account, Created: c.now(), Attrs: attrs}, ID: caller.NewID(cloud.KindGroup), Name: name, Path: path}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if err := groupNameFree(tx, caller.Account, name); err != nil {
			return err
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

// EditGroup changes a group's name and path; its users stay in it. attrs are the
// dialect's, and stay as they are if nil.
func (c *Control) EditGroup(ctx context.Context, account, name, newName, newPath string, attrs map[string]string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		g, ok := cloud.Groups.Get(tx, cloud.AccountKey(account, name))
		if !ok {
			return noHolder(Holder{cloud.KindGroup, name})
		}
		next := *g
		if newPath != "" {
			next.Path = newPath
		}
		if attrs != nil {
			next.Attrs = attrs
		}
		if newName != "" && newName != name {
			cloud.Groups.Delete(tx, cloud.AccountKey(account, name))
			if err := groupNameFree(tx, account, newName); err != nil {
				return err
			}
			next.Name = newName
			renameGrants(tx, account, cloud.KindGroup, name, newName)
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
		if err := grantsGone(tx, account, Holder{cloud.KindGroup, name}, g.Inline, g.Attached); err != nil {
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
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if _, ok := cloud.Groups.Get(tx, cloud.AccountKey(account, group)); !ok {
			return noHolder(Holder{cloud.KindGroup, group})
		}
		u, ok := cloud.Users.Get(tx, cloud.AccountKey(account, user))
		if !ok {
			return noHolder(Holder{cloud.KindUser, user})
		}
		next := *u
		next.Groups = slices.Clone(u.Groups)
		i := slices.Index(u.Groups, group)
		switch {
		case in && i >= 0:
			return nil
		case in && len(u.Groups) >= maxGroupsPerUser:
			return cloud.Errorf(cloud.Limit, cloud.KindUser, user, "groups", "Cannot exceed quota for GroupsPerUser: %d", maxGroupsPerUser)
		case in:
			next.Groups = append(next.Groups, group)
		case i < 0:
			return cloud.Errorf(cloud.NotFound, cloud.KindUser, user, "member", "The user with name %s is not in the group with name %s.", user, group)
		default:
			next.Groups = slices.Delete(next.Groups, i, i+1)
		}
		cloud.Users.Put(tx, &next)
		return nil
	})
	return err
}
