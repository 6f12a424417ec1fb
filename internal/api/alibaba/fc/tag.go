package fc

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// functionType is the kind of resource that carries tags and is in a resource group.
const functionType = "function"

// tagged finds the functions that an operation on tags names.
func (a *api) tagged(ctx context.Context, kind *string, ids []string) ([]*cloud.Function, error) {
	if !strings.EqualFold(value(kind), functionType) {
		return nil, invalid("ResourceType '%s' is not supported: want %s", value(kind), functionType)
	}
	if len(ids) > 50 {
		return nil, invalid("ResourceId has %d items, at most 50 are allowed", len(ids))
	}
	call := wire.CallFrom(ctx)
	var out []*cloud.Function
	for _, id := range ids {
		name, ok := taggedName(id)
		if key, _, arn := ParseDestination(id); !ok || arn && key != cloud.MakeFunctionKey(call.Account, call.Region, name) {
			return nil, invalid("ResourceId '%s' is no function of this account and region", id)
		}
		fn, err := a.find(ctx, &name)
		if err != nil {
			return nil, err
		}
		out = append(out, fn)
	}
	return out, nil
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := tagMap(in.Tag)
	if err != nil {
		return nil, err
	}
	kind := in.ResourceType
	if kind == nil {
		kind = ptr(functionType)
	}
	list, err := a.tagged(ctx, kind, in.ResourceId)
	if err != nil {
		return nil, err
	}
	for _, fn := range list {
		all := maps.Clone(tags)
		maps.Copy(all, fn.Tags)
		if len(all) > maxTags {
			return nil, invalid("function '%s' would have %d tags, at most %d are allowed", fn.Name, len(all), maxTags)
		}
	}
	for _, fn := range list {
		if err := a.control.TagFunction(ctx, caller(ctx), fn.Name, tags, nil); err != nil {
			return nil, err
		}
	}
	return &TagResourcesOutput{}, nil
}

func (a *api) untagResources(ctx context.Context, in *UntagResourcesInput) (*UntagResourcesOutput, error) {
	list, err := a.tagged(ctx, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	if len(in.TagKey) == 0 && !value(in.All) {
		return nil, invalid("TagKey is required but not provided, or All")
	}
	for _, fn := range list {
		keys := in.TagKey
		if len(keys) == 0 {
			keys = slices.Collect(maps.Keys(fn.Tags))
		}
		if err := a.control.TagFunction(ctx, caller(ctx), fn.Name, nil, keys); err != nil {
			return nil, err
		}
	}
	return &UntagResourcesOutput{}, nil
}

// listTagResources shows the tags of the named functions, of those that have the
// wanted tags, or of all.
func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	list, err := a.tagged(ctx, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	call := wire.CallFrom(ctx)
	if len(in.ResourceId) == 0 {
		list = slices.Collect(cloud.Functions.By(a.control.View(), "scope", cloud.Scope(call.Account, call.Region)))
	}
	var all []TagResource
	for _, fn := range list {
		if !hasTags(fn.Tags, in.Tag) {
			continue
		}
		for k, v := range fn.Tags {
			all = append(all, TagResource{ResourceId: ptr(functionARN(fn)), ResourceType: ptr(functionType), TagKey: ptr(k), TagValue: ptr(v)})
		}
	}
	scope := strings.Join(append([]string{"tags", call.Account, call.Region}, in.ResourceId...), " ")
	page, next, err := pageOf(all, in.Limit, in.NextToken, scope, func(t TagResource) string { return *t.ResourceId + " " + *t.TagKey })
	if err != nil {
		return nil, err
	}
	return &ListTagResourcesOutput{TagResources: slices.Concat([]TagResource{}, page), NextToken: next}, nil
}

// hasTags tells whether tags are among those of a function; one without a value is any.
func hasTags(have map[string]string, want []Tag) bool {
	return !slices.ContainsFunc(want, func(t Tag) bool {
		is, ok := have[value(t.Key)]
		return !ok || t.Value != nil && is != *t.Value
	})
}

// inGroup reads the resource group that a function is to be in.
func (a *api) inGroup(ctx context.Context, id *string) (map[string]string, error) {
	if value(id) == "" {
		return nil, nil
	}
	if err := resource.CheckGroup(ctx, a.control, *id); err != nil {
		return nil, missing("ResourceGroup", "resource group '%s' does not exist", *id)
	}
	return map[string]string{resource.AttrGroup: *id}, nil
}

func (a *api) changeGroup(ctx context.Context, in *ChangeResourceGroupInput) (*ChangeResourceGroupOutput, error) {
	list, err := a.tagged(ctx, in.ResourceType, []string{value(in.ResourceId)})
	if err != nil {
		return nil, err
	}
	attrs, err := a.inGroup(ctx, in.NewResourceGroupId)
	if err != nil {
		return nil, err
	}
	if attrs == nil {
		return nil, invalid("NewResourceGroupId is required but not provided")
	}
	fn := list[0]
	err = a.control.SetFunctionAttrs(ctx, caller(ctx), fn.Name, attrs)
	return &ChangeResourceGroupOutput{ResourceId: in.ResourceId, OldResourceGroupId: ptr(resource.Group(&fn.Meta)), NewResourceGroupId: in.NewResourceGroupId}, err
}
