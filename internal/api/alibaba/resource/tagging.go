package resource

import (
	"context"
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// Tagging are the tag operations of one product.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-tagresources
type Tagging struct {
	Control *control.Control
	Kinds   map[string]cloud.Resource // by ResourceType, in lower case
}

// Tagged is one tag of one resource.
type Tagged struct{ ID, Key, Value string }

func (t Tagging) refs(kind string, ids []string) ([]cloud.Ref, error) {
	k, ok := t.Kinds[strings.ToLower(kind)]
	if !ok {
		return nil, Fault("InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	}
	if len(ids) > 50 {
		return nil, Fault("NumberExceed.ResourceIds", "The maximum number of resource IDs is exceeded.")
	}
	var out []cloud.Ref
	for _, id := range ids {
		out = append(out, cloud.Ref{Kind: k, ID: id})
	}
	return out, nil
}

// Tag adds tags to resources, all or none.
func (t Tagging) Tag(ctx context.Context, kind string, ids []string, tags map[string]string) error {
	refs, err := t.refs(kind, ids)
	if err != nil {
		return err
	}
	return t.Control.TagResources(ctx, Caller(ctx), refs, tags)
}

// Untag removes the tags with these keys, or all.
func (t Tagging) Untag(ctx context.Context, kind string, ids, keys []string, all *bool) error {
	refs, err := t.refs(kind, ids)
	if err != nil {
		return err
	}
	if len(keys) == 0 && (all == nil || !*all) {
		return Fault("MissingParameter.TagKey", "TagKey is required, or All.")
	}
	return t.Control.UntagResources(ctx, Caller(ctx), refs, func(key, _ string) bool { return len(keys) == 0 || slices.Contains(keys, key) })
}

// List lists the tags of the named resources, or of those that have the wanted
// tags; one of the two must be asked for.
func (t Tagging) List(ctx context.Context, kind string, ids []string, want map[string]string) ([]Tagged, error) {
	refs, err := t.refs(kind, ids)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 && len(want) == 0 {
		return nil, Fault("BothEmpty.TagsAndResources", "The specified Tags and ResourcesIds are not allow to both empty.")
	}
	var out []Tagged
	for ref, tags := range control.Tagged(t.Control.View(), Caller(ctx)) {
		if ref.Kind != t.Kinds[strings.ToLower(kind)] || len(refs) > 0 && !slices.Contains(refs, ref) || !HasTags(tags, want) {
			continue
		}
		for k, v := range tags {
			out = append(out, Tagged{ref.ID, k, v})
		}
	}
	return out, nil
}
