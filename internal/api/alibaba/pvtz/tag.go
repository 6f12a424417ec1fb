package pvtz

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) tags(s *wire.Service) {
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
}

func tagOf(t Tag) (key, value *string) { return t.Key, t.Value }

// retag changes the tags of zones, which alone carry some: all of them or none.
func (a *api) retag(ctx context.Context, kind string, ids []string, change func(z *cloud.DNSZone) error) error {
	if err := checkTagged(kind); err != nil {
		return err
	}
	var zones []*cloud.DNSZone
	for _, id := range ids {
		z, err := a.zone(ctx, id)
		if err != nil {
			return err
		}
		zones = append(zones, z)
	}
	for _, z := range zones {
		if err := change(z); err != nil {
			return err
		}
	}
	return nil
}

// checkTagged refuses types of resources that carry no tags.
// https://www.alibabacloud.com/help/en/dns/api-pvtz-2018-01-01-listtagresources
func checkTagged(kind string) error {
	if !strings.EqualFold(kind, "ZONE") {
		return resource.Fault("InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	}
	return nil
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	return nil, a.retag(ctx, *in.ResourceType, in.ResourceId, func(z *cloud.DNSZone) error {
		return a.control.RetagDNSZone(ctx, caller(ctx), z.ID, tags, nil)
	})
}

func (a *api) untagResources(ctx context.Context, in *UntagResourcesInput) (*UntagResourcesOutput, error) {
	all := in.All != nil && *in.All
	if len(in.TagKey) == 0 && !all {
		return nil, resource.Fault("MissingParameter.TagKey", "TagKey is required, or All.")
	}
	return nil, a.retag(ctx, *in.ResourceType, in.ResourceId, func(z *cloud.DNSZone) error {
		keys := in.TagKey
		if len(keys) == 0 {
			keys = slices.Collect(maps.Keys(z.Tags))
		}
		return a.control.RetagDNSZone(ctx, caller(ctx), z.ID, nil, keys)
	})
}

func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	if err := checkTagged(*in.ResourceType); err != nil {
		return nil, err
	}
	var all []TagResource
	for z := range cloud.DNSZones.By(a.control.View(), "scope", cloud.Scope(wire.CallFrom(ctx).Account, "")) {
		if page.Has(in.ResourceId, string(z.ID)) && page.HasTags(z.Tags, want) {
			all = append(all, resource.TagList(z.Tags, func(k, v *string) TagResource { return TagResource{new(string(z.ID)), new("ZONE"), k, v} })...)
		}
	}
	out := &ListTagResourcesOutput{}
	out.TagResources, out.NextToken, err = page.ByToken(ctx, all, in.Size, in.NextToken, page.Sizes{Default: 20, Max: 200}, fmt.Sprint(in.ResourceId, want),
		func(t TagResource) string { return *t.ResourceId + "\x00" + *t.TagKey })
	return out, err
}
