package cbn

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// kinds are the resources that carry tags.
// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-tagresources
var kinds = map[string]cloud.Resource{
	"cen": cloud.KindTransitDomain, "transitrouter": cloud.KindTransitRouter, "transitrouterroutetable": cloud.KindTransitTable,
	"transitroutervpcattachment": cloud.KindTransitAttachment, "transitrouterpeerattachment": cloud.KindTransitAttachment,
}

func tagOf(t Tag) (key, value *string) { return t.Key, t.Value }

func tagList(m map[string]string) []Tag {
	return resource.TagList(m, func(k, v *string) Tag { return Tag{k, v} })
}

func (a *api) tags(s *wire.Service) {
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
}

// global moves a call about CEN instances to where they are, which is no region.
func global(ctx context.Context, kind string) context.Context {
	if strings.EqualFold(kind, "cen") {
		call := *wire.CallFrom(ctx)
		call.Region = ""
		return wire.WithCall(ctx, &call)
	}
	return ctx
}

func (a *api) tagResources(ctx context.Context, q *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := resource.Tags(q.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	return nil, a.tagging.Tag(global(ctx, *q.ResourceType), *q.ResourceType, q.ResourceId, tags)
}

func (a *api) untagResources(ctx context.Context, q *UntagResourcesInput) (*UntagResourcesOutput, error) {
	return nil, a.tagging.Untag(global(ctx, *q.ResourceType), *q.ResourceType, q.ResourceId, q.TagKey, q.All)
}

func (a *api) listTagResources(ctx context.Context, q *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := resource.Tags(q.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	all, err := a.tagging.List(global(ctx, *q.ResourceType), *q.ResourceType, q.ResourceId, want)
	if err != nil {
		return nil, err
	}
	items, next, err := page.ByToken(ctx, all, q.PageSize, q.NextToken, page.Sizes{Default: 50, Max: 50}, fmt.Sprint(*q.ResourceType, q.ResourceId, want), func(t resource.Tagged) string { return t.ID + "\x00" + t.Key })
	if err != nil {
		return nil, err
	}
	out := &ListTagResourcesOutput{NextToken: next, TagResources: []TagResource{}}
	for _, t := range items {
		out.TagResources = append(out.TagResources, TagResource{ResourceId: &t.ID, ResourceType: q.ResourceType, TagKey: &t.Key, TagValue: &t.Value})
	}
	return out, nil
}
