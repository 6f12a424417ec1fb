package control

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// CreatePrefixList is the input of Control.CreatePrefixList.
type CreatePrefixList struct {
	Labels
	Name       string
	IPv6       bool
	MaxEntries int
	Entries    []cloud.PrefixListEntry
}

// prefixList is a list of the caller's, or one of the platform's own in this region.
func (c *Control) prefixList(v cloud.View, who Caller, id cloud.PrefixListID) (*cloud.PrefixList, error) {
	l, ok := cloud.PrefixLists.Get(v, id)
	if !ok || l.Region != who.Region || l.Account != "" && l.Account != who.Account {
		return nil, absent(cloud.KindPrefixList, string(id))
	}
	return l, nil
}

// CreatePrefixList makes a list at version 1.
func (c *Control) CreatePrefixList(ctx context.Context, who Caller, in CreatePrefixList) (*cloud.PrefixList, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.PrefixList, error) {
		id := func(l *cloud.PrefixList) cloud.PrefixListID { return l.ID }
		return once(tx, who, cloud.PrefixLists, "prefix-list", in.Labels, in, id, func() (*cloud.PrefixList, error) {
			n := count(cloud.PrefixLists.By(tx, "scope", who.scope()), nil)
			if err := within(n, c.quotas(who).PrefixLists, cloud.KindPrefixList, "", ""); err != nil {
				return nil, err
			}
			if in.MaxEntries < 1 || in.MaxEntries > c.quotas(who).EntriesPerPrefixList {
				return nil, cloud.Errorf(cloud.Invalid, cloud.KindPrefixList, "", "max-entries", "a prefix list holds between 1 and %d entries, not %d", c.quotas(who).EntriesPerPrefixList, in.MaxEntries)
			}
			l := &cloud.PrefixList{
				Meta: c.meta(who, in.Labels), ID: cloud.PrefixListID(who.NewID(cloud.KindPrefixList)),
				Name: in.Name, IPv6: in.IPv6, MaxEntries: in.MaxEntries,
			}
			var err error
			if l.Entries, err = changedEntries(l, in.Entries, nil); err != nil {
				return nil, err
			}
			putVersion(tx, l)
			return l, nil
		})
	})
}

// putVersion stores l as its next version; l must be a copy.
func putVersion(tx cloud.Tx, l *cloud.PrefixList) {
	l.Version++
	l.History = maps.Clone(l.History)
	if l.History == nil {
		l.History = map[int64][]cloud.PrefixListEntry{}
	}
	l.History[l.Version] = l.Entries
	cloud.PrefixLists.Put(tx, l)
}

// changedEntries are l's entries without some and with others, ordered by prefix.
func changedEntries(l *cloud.PrefixList, add []cloud.PrefixListEntry, remove []netip.Prefix) ([]cloud.PrefixListEntry, error) {
	entries := slices.Clone(l.Entries)
	at := func(p netip.Prefix) int {
		return slices.IndexFunc(entries, func(e cloud.PrefixListEntry) bool { return e.Prefix == p })
	}
	for _, p := range remove {
		i := at(masked(p))
		if i < 0 {
			return nil, cloud.Errorf(cloud.NotFound, cloud.KindPrefixList, p.String(), "entry", "prefix list %s has no entry %s", l.ID, p)
		}
		entries = slices.Delete(entries, i, i+1)
	}
	for _, e := range add {
		e.Prefix = masked(e.Prefix)
		if e.Prefix.Addr().Is6() != l.IPv6 {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindPrefixList, e.Prefix.String(), "family", "the entry %s is not of the list's address family", e.Prefix)
		}
		if i := at(e.Prefix); i >= 0 {
			entries[i] = e // gives it another description
			continue
		}
		entries = append(entries, e)
	}
	if len(entries) > l.MaxEntries {
		return nil, cloud.Errorf(cloud.Limit, cloud.KindPrefixList, string(l.ID), "entries", "the list holds at most %d entries, not %d", l.MaxEntries, len(entries))
	}
	slices.SortFunc(entries, func(a, b cloud.PrefixListEntry) int { return a.Prefix.Compare(b.Prefix) })
	return entries, nil
}

// ModifyPrefixList changes what is not zero; a change of entries makes a new version.
type ModifyPrefixList struct {
	Attrs      map[string]string
	Name       *string
	MaxEntries *int
	Version    *int64 // refuse if the list is at another one
	Add        []cloud.PrefixListEntry
	Remove     []netip.Prefix
}

// ModifyPrefixList changes one of the caller's lists.
func (c *Control) ModifyPrefixList(ctx context.Context, who Caller, id cloud.PrefixListID, in ModifyPrefixList) (*cloud.PrefixList, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.PrefixList, error) {
		l, err := c.ownPrefixList(tx, who, id, in.Version)
		if err != nil {
			return nil, err
		}
		l.Attrs = merged(l.Attrs, in.Attrs)
		set(&l.Name, in.Name)
		if in.MaxEntries != nil {
			if *in.MaxEntries < len(l.Entries) || *in.MaxEntries > c.quotas(who).EntriesPerPrefixList {
				return nil, cloud.Errorf(cloud.Invalid, cloud.KindPrefixList, string(id), "max-entries", "the list has %d entries and may hold up to %d", len(l.Entries), c.quotas(who).EntriesPerPrefixList)
			}
			l.MaxEntries = *in.MaxEntries
		}
		if len(in.Add)+len(in.Remove) == 0 {
			cloud.PrefixLists.Put(tx, l)
			return l, nil
		}
		if l.Entries, err = changedEntries(l, in.Add, in.Remove); err != nil {
			return nil, err
		}
		putVersion(tx, l)
		return l, nil
	})
}

// ownPrefixList is a copy of a list that the caller may change.
func (c *Control) ownPrefixList(v cloud.View, who Caller, id cloud.PrefixListID, version *int64) (*cloud.PrefixList, error) {
	old, err := c.prefixList(v, who, id)
	if err != nil {
		return nil, err
	}
	if old.Account == "" {
		return nil, cloud.Errorf(cloud.Denied, cloud.KindPrefixList, string(id), "platform", "the list %s is the platform's own; nobody changes it", id)
	}
	if version != nil && *version != old.Version {
		return nil, cloud.Errorf(cloud.Conflict, cloud.KindPrefixList, string(id), "version", "the list %s is at version %d, not %d; read it again", id, old.Version, *version)
	}
	l := *old
	return &l, nil
}

// RestorePrefixList makes an earlier version's entries the newest version.
func (c *Control) RestorePrefixList(ctx context.Context, who Caller, id cloud.PrefixListID, from int64, current *int64) (*cloud.PrefixList, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.PrefixList, error) {
		l, err := c.ownPrefixList(tx, who, id, current)
		if err != nil {
			return nil, err
		}
		entries, ok := l.History[from]
		if !ok {
			return nil, cloud.Errorf(cloud.NotFound, cloud.KindPrefixList, string(id), "version", "the list %s has no version %d", id, from)
		}
		l.Entries = entries
		putVersion(tx, l)
		return l, nil
	})
}

// DeletePrefixList deletes a list that no route and no security group uses.
func (c *Control) DeletePrefixList(ctx context.Context, who Caller, id cloud.PrefixListID) (*cloud.PrefixList, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.PrefixList, error) {
		l, err := c.ownPrefixList(tx, who, id, nil)
		if err != nil {
			return nil, err
		}
		if user := prefixListUser(tx, who, id); user != "" {
			return nil, cloud.Errorf(cloud.InUse, cloud.KindPrefixList, string(id), "", "cannot delete prefix list %s: %s uses it", id, user)
		}
		cloud.PrefixLists.Delete(tx, id)
		return l, nil
	})
}

func prefixListUser(v cloud.View, who Caller, id cloud.PrefixListID) string {
	for _, u := range PrefixListUsers(v, who, id) {
		return u.ID
	}
	return ""
}

// PrefixListUsers are the route tables, those of transit routers too, and security groups that name a list.
func PrefixListUsers(v cloud.View, who Caller, id cloud.PrefixListID) []cloud.Ref {
	var users []cloud.Ref
	for t := range cloud.RouteTables.By(v, "scope", who.scope()) {
		if slices.ContainsFunc(t.Routes, func(r cloud.Route) bool { return r.PrefixList == id }) {
			users = append(users, cloud.Ref{Kind: cloud.KindRouteTable, ID: string(t.ID)})
		}
	}
	for t := range cloud.TransitTables.By(v, "scope", who.scope()) {
		if t.Deleted.IsZero() && slices.ContainsFunc(t.Routes, func(r cloud.TransitRoute) bool { return r.PrefixList == id }) {
			users = append(users, cloud.Ref{Kind: cloud.KindTransitTable, ID: string(t.ID)})
		}
	}
	for g := range cloud.SecurityGroups.By(v, "scope", who.scope()) {
		if slices.ContainsFunc(g.Rules, func(r cloud.SecurityGroupRule) bool { return r.PrefixList == id }) {
			users = append(users, cloud.Ref{Kind: cloud.KindSecurityGroup, ID: string(g.ID)})
		}
	}
	return users
}
