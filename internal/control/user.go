package control

import (
	"context"
	"slices"
	"time"

	"weir/internal/cloud"
)

// CreateUser describes a user.
type CreateUser struct {
	Name, Path, Boundary string
	Tags, Attrs          map[string]string
}

// CreateUser makes a user.
func (c *Control) CreateUser(ctx context.Context, caller Caller, in CreateUser) (*cloud.User, error) {
	u := &cloud.User{
		Meta: cloud.Meta{Account: caller.Account, Created: c.now(), Tags: in.Tags, Attrs: in.Attrs},
		ID:   caller.NewID(cloud.KindUser), Name: in.Name, Path: in.Path, Boundary: in.Boundary,
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if err := userNameFree(tx, caller.Account, in.Name); err != nil {
			return err
		}
		if in.Boundary != "" {
			if err := policyVisible(tx, caller.Account, in.Boundary); err != nil {
				return err
			}
		}
		cloud.Users.Put(tx, u)
		return nil
	})
	return u, err
}

// User returns a user by name.
func (c *Control) User(account, name string) (*cloud.User, error) {
	u, ok := cloud.Users.Get(c.View(), cloud.AccountKey(account, name))
	if !ok {
		return nil, noHolder(Holder{cloud.KindUser, name})
	}
	return u, nil
}

// EditUser changes a user by edit, which gets a copy; a new Name renames it.
func (c *Control) EditUser(ctx context.Context, account, name string, edit func(*cloud.User) error) (*cloud.User, error) {
	var next cloud.User
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		u, ok := cloud.Users.Get(tx, cloud.AccountKey(account, name))
		if !ok {
			return noHolder(Holder{cloud.KindUser, name})
		}
		next = *u
		next.Groups = slices.Clone(u.Groups)
		if err := edit(&next); err != nil {
			return err
		}
		if next.Boundary != "" {
			if err := policyVisible(tx, account, next.Boundary); err != nil {
				return err
			}
		}
		if next.Name != name {
			if err := renameUser(tx, account, name, next.Name); err != nil {
				return err
			}
		}
		cloud.Users.Put(tx, &next)
		return nil
	})
	return &next, err
}

// renameUser frees the old name and takes the user's keys along.
func renameUser(tx cloud.Tx, account, from, to string) error {
	cloud.Users.Delete(tx, cloud.AccountKey(account, from))
	if err := userNameFree(tx, account, to); err != nil {
		return err
	}
	for _, k := range slices.Collect(cloud.AccessKeys.By(tx, "user", cloud.AccountKey(account, from))) {
		next := *k
		next.User = to
		cloud.AccessKeys.Put(tx, &next)
	}
	renameGrants(tx, account, cloud.KindUser, from, to)
	return nil
}

// DeleteUser removes a user without policies, groups and keys.
func (c *Control) DeleteUser(ctx context.Context, account, name string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		key := cloud.AccountKey(account, name)
		u, ok := cloud.Users.Get(tx, key)
		if !ok {
			return noHolder(Holder{cloud.KindUser, name})
		}
		if err := grantsGone(tx, account, Holder{cloud.KindUser, name}, u.Inline, u.Attached); err != nil {
			return err
		}
		if len(u.Groups) > 0 {
			return cloud.Errorf(cloud.InUse, cloud.KindUser, name, "groups", "Cannot delete entity, must remove users from group first.")
		}
		for range cloud.AccessKeys.By(tx, "user", key) {
			return cloud.Errorf(cloud.InUse, cloud.KindUser, name, "access-keys", "Cannot delete entity, must delete access keys first.")
		}
		cloud.Users.Delete(tx, key)
		return nil
	})
	return err
}

// CreateAccessKey makes a key for a user, or for the account's root (user ""). The dialect forms ID and secret.
func (c *Control) CreateAccessKey(ctx context.Context, account, user, id, secret string) (*cloud.AccessKey, error) {
	k := &cloud.AccessKey{Meta: cloud.Meta{Account: account, Created: c.now()}, ID: id, Secret: secret, User: user, Active: true}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		key := cloud.AccountKey(account, user)
		if _, ok := cloud.Users.Get(tx, key); user != "" && !ok {
			return noHolder(Holder{cloud.KindUser, user})
		}
		n := 0
		for range cloud.AccessKeys.By(tx, "user", key) {
			n++
		}
		if user != "" && n >= maxAccessKeys {
			return cloud.Errorf(cloud.Limit, cloud.KindAccessKey, user, "", "Cannot exceed quota for AccessKeysPerUser: %d", maxAccessKeys)
		}
		cloud.AccessKeys.Put(tx, k)
		return nil
	})
	return k, err
}

// AccessKeys lists the keys of a user, or of the account's root (user "").
func (c *Control) AccessKeys(account, user string) ([]*cloud.AccessKey, error) {
	v := c.View()
	if _, ok := cloud.Users.Get(v, cloud.AccountKey(account, user)); user != "" && !ok {
		return nil, noHolder(Holder{cloud.KindUser, user})
	}
	var out []*cloud.AccessKey
	for k := range cloud.AccessKeys.By(v, "user", cloud.AccountKey(account, user)) {
		if !k.LoopbackOnly {
			out = append(out, k)
		}
	}
	return out, nil
}

// How long a key's last use stands before a newer one is written: the same use,
// and one of another service or region.
const (
	sameUseKept  = time.Hour
	otherUseKept = time.Minute
)

// NoteKeyUse remembers when and for what a long-lived key was used.
func (c *Control) NoteKeyUse(ctx context.Context, id, service, region string) error {
	now := c.now()
	recent := func(k *cloud.AccessKey) bool {
		same := k.LastService == service && k.LastRegion == region
		return now.Sub(k.LastUsed) < otherUseKept || same && now.Sub(k.LastUsed) < sameUseKept
	}
	if k, ok := cloud.AccessKeys.Get(c.View(), id); !ok || recent(k) || k.LoopbackOnly {
		return nil
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		k, ok := cloud.AccessKeys.Get(tx, id)
		if !ok || recent(k) {
			return nil
		}
		next := *k
		next.LastUsed, next.LastService, next.LastRegion = now, service, region
		cloud.AccessKeys.Put(tx, &next)
		return nil
	})
	return err
}

// EditAccessKey activates, deactivates or (edit nil) deletes a user's key.
func (c *Control) EditAccessKey(ctx context.Context, account, user, id string, edit func(*cloud.AccessKey)) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		k, ok := cloud.AccessKeys.Get(tx, id)
		if !ok || k.Account != account || k.User != user || k.LoopbackOnly {
			return cloud.Errorf(cloud.NotFound, cloud.KindAccessKey, id, "", "The Access Key with id %s cannot be found.", id)
		}
		if edit == nil {
			cloud.AccessKeys.Delete(tx, id)
			return nil
		}
		next := *k
		edit(&next)
		cloud.AccessKeys.Put(tx, &next)
		return nil
	})
	return err
}
