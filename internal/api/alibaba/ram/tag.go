package ram

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) tags(s *wire.Service) {
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
}

// What carries tags, as the operations on them call it.
// https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-tagresources
const (
	taggedRole   = "role"
	taggedPolicy = "policy"
)

// metas are what the named resources have in common with others, in the order of
// the names: all of them, or an error.
func (a *api) metas(ctx context.Context, kind string, names []string) ([]*cloud.Meta, error) {
	var all []*cloud.Meta
	for _, name := range names {
		switch kind {
		case taggedRole:
			r, err := a.control.Role(account(ctx), name)
			if err != nil {
				return nil, err
			}
			all = append(all, &r.Meta)
		case taggedPolicy:
			p, err := a.control.Policy(account(ctx), own(ctx, name))
			if err != nil {
				return nil, err
			}
			all = append(all, &p.Meta)
		}
	}
	return all, nil
}

// retag changes the tags of roles or policies: of all that are named, or of none.
func (a *api) retag(ctx context.Context, kind string, names []string, set map[string]string, remove func(have map[string]string) []string) error {
	if err := checkTagged(kind, names); err != nil {
		return err
	}
	metas, err := a.metas(ctx, kind, names)
	if err != nil {
		return err
	}
	for n, name := range names {
		keys := remove(metas[n].Tags)
		if kind == taggedPolicy {
			err = a.control.TagPolicy(ctx, account(ctx), own(ctx, name), set, keys)
		} else {
			_, err = a.control.EditRole(ctx, account(ctx), name, func(r *cloud.Role) error { return control.Retag(&r.Meta, set, keys) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkTagged(kind string, names []string) error {
	if kind != taggedRole && kind != taggedPolicy {
		return &wire.Error{Code: "InvalidParameter.ResourceType", Msg: `The parameter - "ResourceType" should be role or policy.`}
	}
	if len(names) > 50 {
		return &wire.Error{Code: "InvalidParameter.ResourceNames", Msg: `The parameter - "ResourceNames" names more than 50 resources.`}
	}
	return nil
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := tagMap(in.Tag)
	if err != nil {
		return nil, err
	}
	return nil, a.retag(ctx, *in.ResourceType, in.ResourceNames, tags, func(map[string]string) []string { return nil })
}

func (a *api) untagResources(ctx context.Context, in *UntagResourcesInput) (*UntagResourcesOutput, error) {
	all := in.All != nil && *in.All
	if len(in.TagKeys) == 0 && !all {
		return nil, &wire.Error{Code: "MissingParameter.TagKeys", Msg: `The parameter - "TagKeys" is required, or All.`}
	}
	return nil, a.retag(ctx, *in.ResourceType, in.ResourceNames, nil, func(have map[string]string) []string {
		if len(in.TagKeys) == 0 {
			return slices.Collect(maps.Keys(have))
		}
		return in.TagKeys
	})
}

func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := tagMap(in.Tag)
	if err := first(err, checkTagged(*in.ResourceType, in.ResourceNames)); err != nil {
		return nil, err
	}
	var all []TagResource
	add := func(name string, tags map[string]string) {
		if !page.Has(in.ResourceNames, name) || !page.HasTags(tags, want) {
			return
		}
		for _, t := range tagList(tags) {
			all = append(all, TagResource{ResourceName: &name, ResourceType: in.ResourceType, TagKey: t.TagKey, TagValue: t.TagValue})
		}
	}
	if *in.ResourceType == taggedRole {
		for r := range cloud.Roles.By(a.control.View(), "account", account(ctx)) {
			add(r.Name, r.Tags)
		}
	} else {
		for p := range cloud.Policies.By(a.control.View(), "account", account(ctx)) {
			if strings.HasPrefix(p.ARN, own(ctx, "")) {
				add(p.Name, p.Tags)
			}
		}
	}
	out := &ListTagResourcesOutput{}
	out.TagResources, out.NextToken, err = page.ByToken(ctx, all, in.PageSize, in.NextToken, page.Sizes{Default: 50, Max: 100}, fmt.Sprint(*in.ResourceType, in.ResourceNames, want),
		func(t TagResource) string { return *t.ResourceName + "\x00" + *t.TagKey })
	return out, err
}
