package vpcpeer

import (
	"context"
	"fmt"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
)

func tagOf(t Tag) (key, value *string) { return t.Key, t.Value }

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	return &TagResourcesOutput{Success: new(true)}, a.tagging.Tag(ctx, *in.ResourceType, in.ResourceId, tags)
}

func (a *api) unTagResources(ctx context.Context, in *UnTagResourcesInput) (*UnTagResourcesOutput, error) {
	return &UnTagResourcesOutput{Success: new(true)}, a.tagging.Untag(ctx, *in.ResourceType, in.ResourceId, in.TagKey, in.All)
}

func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	all, err := a.tagging.List(ctx, *in.ResourceType, in.ResourceId, want)
	if err != nil {
		return nil, err
	}
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 50, Max: 50}, fmt.Sprint(in.ResourceId, want), func(t resource.Tagged) string { return t.ID + "\x00" + t.Key })
	if err != nil {
		return nil, err
	}
	out := &ListTagResourcesOutput{NextToken: next, MaxResults: in.MaxResults, TagResources: []TagResource{}}
	for _, t := range items {
		out.TagResources = append(out.TagResources, TagResource{ResourceId: &t.ID, ResourceType: in.ResourceType, TagKey: &t.Key, TagValue: &t.Value, RegionNo: new(wire.CallFrom(ctx).Region)})
	}
	return out, nil
}
