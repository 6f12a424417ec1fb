package control

import (
	"context"
	"maps"
	"strconv"

	"weir/internal/cloud"
)

// AliasSettings create or change an alias; on a change a nil field keeps what is there.
type AliasSettings struct {
	Function    string
	Name        string
	Version     *int // 0 is $LATEST
	Description *string
	Weights     map[int]float64 // share of other versions; empty and not nil clears them
	RevisionID  string
}

// CreateAlias names a version.
func (c *Control) CreateAlias(ctx context.Context, caller Caller, in AliasSettings) (*cloud.Alias, error) {
	return c.putAlias(ctx, caller, in, func(fn *cloud.Function, old *cloud.Alias) (*cloud.Alias, error) {
		if old != nil {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindAlias, in.Name, "", "function %s has an alias %s already", in.Function, in.Name)
		}
		return &cloud.Alias{
			Meta:     cloud.Meta{Account: fn.Account, Region: fn.Region, Created: c.now()},
			Key:      cloud.MakeAliasKey(fn.Key, in.Name),
			Function: fn.Key,
			Name:     in.Name,
		}, nil
	})
}

// UpdateAlias changes what an alias points to.
func (c *Control) UpdateAlias(ctx context.Context, caller Caller, in AliasSettings) (*cloud.Alias, error) {
	return c.putAlias(ctx, caller, in, func(_ *cloud.Function, old *cloud.Alias) (*cloud.Alias, error) {
		if old == nil {
			return nil, errNoAlias(in.Function, in.Name)
		}
		if in.RevisionID != "" && in.RevisionID != old.RevisionID {
			return nil, cloud.Errorf(cloud.Conflict, cloud.KindAlias, in.Name, "revision", "alias %s is at revision %s, not at %s: read it again and retry", in.Name, old.RevisionID, in.RevisionID)
		}
		a := *old
		return &a, nil
	})
}

func (c *Control) putAlias(ctx context.Context, caller Caller, in AliasSettings, start func(*cloud.Function, *cloud.Alias) (*cloud.Alias, error)) (*cloud.Alias, error) {
	var a *cloud.Alias
	err := c.transact(ctx, func(tx cloud.Tx) error {
		fn, err := findFunction(tx, caller, in.Function)
		if err != nil {
			return err
		}
		old, _ := cloud.Aliases.Get(tx, cloud.MakeAliasKey(fn.Key, in.Name))
		if a, err = start(fn, old); err != nil {
			return err
		}
		set(&a.Version, in.Version)
		set(&a.Description, in.Description)
		if in.Weights != nil {
			a.Weights = maps.Clone(in.Weights)
		}
		if err := checkAlias(tx, fn, a); err != nil {
			return err
		}
		a.RevisionID = newRevision()
		cloud.Aliases.Put(tx, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// checkAlias wants versions that exist and, with weights, two different published ones.
func checkAlias(v cloud.View, fn *cloud.Function, a *cloud.Alias) error {
	if _, err := fn.Numbered(v, a.Version); err != nil {
		return err
	}
	bad := func(reason, format string, args ...any) error {
		return cloud.Errorf(cloud.Invalid, cloud.KindAlias, a.Name, reason, format, args...)
	}
	if len(a.Weights) > 1 {
		return bad("weights-count", "alias %s may send a share of its traffic to one other version, not to %d", a.Name, len(a.Weights))
	}
	for n, w := range a.Weights {
		switch {
		case a.Version == 0 || n == 0:
			return bad("weights-latest", "alias %s cannot share traffic with $LATEST: publish a version first", a.Name)
		case n == a.Version:
			return cloud.Errorf(cloud.Invalid, cloud.KindAlias, strconv.Itoa(n), "weights-same", "alias %s cannot share traffic between version %d and itself", a.Name, n)
		case w < 0 || w > 1:
			return bad("weights-range", "alias %s: the share %v of version %d is not between 0 and 1", a.Name, w, n)
		}
		if _, err := fn.Numbered(v, n); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAlias removes an alias with what hangs on it; a missing one is no error.
func (c *Control) DeleteAlias(ctx context.Context, caller Caller, function, name string) error {
	err := c.transact(ctx, func(tx cloud.Tx) error {
		fn, err := findFunction(tx, caller, function)
		if err != nil {
			return err
		}
		if _, ok := cloud.Aliases.Get(tx, cloud.MakeAliasKey(fn.Key, name)); !ok {
			return nil
		}
		cloud.Aliases.Delete(tx, cloud.MakeAliasKey(fn.Key, name))
		cloud.EventConfigs.Delete(tx, cloud.MakeEventConfigKey(fn.Key, name))
		cloud.Provisions.Delete(tx, cloud.MakeProvisionKey(fn.Key, name))
		if _, ok := fn.Policies[name]; ok {
			next := copyFunction(fn)
			next.Policies = maps.Clone(fn.Policies)
			delete(next.Policies, name)
			cloud.Functions.Put(tx, next)
		}
		return nil
	})
	return err
}

func errNoAlias(function, name string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindAlias, name, "", "function %s has no alias %s", function, name)
}
