package resource

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Tagging are the operations of one product on tags and resource groups.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-tagresources
type Tagging struct {
	Control *control.Control
	Kinds   map[string]cloud.Resource // by ResourceType, in lower case; "" is one of which there is nothing here
	// Shown tells whether the product shows the caller a resource; nil is any that the caller has.
	Shown func(ctx context.Context, r cloud.Ref) bool
}

// Tagged is one tag of one resource.
type Tagged struct{ ID, Key, Value string }

func (t Tagging) kind(typ string) (cloud.Resource, error) {
	k, ok := t.Kinds[strings.ToLower(typ)]
	if !ok {
		return "", Fault("InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	}
	return k, nil
}

func (t Tagging) refs(ctx context.Context, kind string, ids []string) ([]cloud.Ref, error) {
	k, err := t.kind(kind)
	switch {
	case err != nil:
		return nil, err
	case len(ids) > 50:
		return nil, Fault("NumberExceed.ResourceIds", "The maximum number of resource IDs is exceeded.")
	}
	var out []cloud.Ref
	for _, id := range ids {
		r := cloud.Ref{Kind: k, ID: id}
		if k == "" || t.Shown != nil && !t.Shown(ctx, r) {
			return nil, Missing("InvalidResourceId.NotFound", "The specified ResourceIds are not found in our records.")
		}
		out = append(out, r)
	}
	return out, nil
}

// Tag adds tags to resources, all or none.
func (t Tagging) Tag(ctx context.Context, kind string, ids []string, tags map[string]string) error {
	refs, err := t.refs(ctx, kind, ids)
	if err != nil {
		return err
	}
	return t.Control.TagResources(ctx, Caller(ctx), refs, tags)
}

// Untag removes the tags with these keys, or all.
func (t Tagging) Untag(ctx context.Context, kind string, ids, keys []string, all *bool) error {
	if len(keys) == 0 && (all == nil || !*all) {
		return Fault("MissingParameter.TagKey", "TagKey is required, or All.")
	}
	return t.Remove(ctx, kind, ids, func(key, _ string) bool { return len(keys) == 0 || slices.Contains(keys, key) })
}

// Remove removes the tags for which drop says so.
func (t Tagging) Remove(ctx context.Context, kind string, ids []string, drop func(key, value string) bool) error {
	refs, err := t.refs(ctx, kind, ids)
	if err != nil {
		return err
	}
	return t.Control.UntagResources(ctx, Caller(ctx), refs, drop)
}

// List lists the tags of the named resources, or of those that have the wanted
// tags; one of the two must be asked for.
func (t Tagging) List(ctx context.Context, kind string, ids []string, want map[string]string) ([]Tagged, error) {
	if len(ids) == 0 && len(want) == 0 {
		return nil, Fault("BothEmpty.TagsAndResources", "The specified Tags and ResourcesIds are not allow to both empty.")
	}
	return t.All(ctx, kind, ids, want)
}

// All is List for whoever may ask for everything; by resource and key.
func (t Tagging) All(ctx context.Context, kind string, ids []string, want map[string]string) ([]Tagged, error) {
	k, err := t.kind(kind)
	if err != nil {
		return nil, err
	}
	var out []Tagged
	for ref, tags := range control.Tagged(t.Control.View(), Caller(ctx)) {
		if ref.Kind != k || len(ids) > 0 && !slices.Contains(ids, ref.ID) || !page.HasTags(tags, want) || t.Shown != nil && !t.Shown(ctx, ref) {
			continue
		}
		for k, v := range tags {
			out = append(out, Tagged{ref.ID, k, v})
		}
	}
	slices.SortFunc(out, func(a, b Tagged) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Key, b.Key)) })
	return out, nil
}

// Move puts a resource into a resource group.
func (t Tagging) Move(ctx context.Context, kind, id, group string) error {
	refs, err := t.refs(ctx, kind, []string{id})
	if err != nil {
		return err
	}
	if err := CheckGroup(ctx, t.Control, group); err != nil {
		return err
	}
	return t.Control.SetAttrs(ctx, Caller(ctx), refs[0], map[string]string{AttrGroup: group})
}
