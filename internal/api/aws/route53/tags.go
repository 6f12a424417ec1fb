package route53

import (
	"context"
	"maps"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleTags(s *wire.Service) {
	wire.Handle(s, "ChangeTagsForResource", a.changeTags)
	wire.Handle(s, "ListTagsForResource", a.listTags)
	wire.Handle(s, "ListTagsForResources", a.listTagsOfMany)
}

// taggedZone finds what tags are asked for. There are no health checks.
func (a *api) taggedZone(ctx context.Context, kind TagResourceType, id string) (*cloud.DNSZone, error) {
	if kind != TagResourceTypeHostedzone {
		return nil, &wire.Error{Code: "NoSuchHealthCheck", Msg: "No health check found with ID: " + id}
	}
	return control.DNSZone(a.control.View(), caller(ctx), zoneID(&id))
}

func (a *api) changeTags(ctx context.Context, in *ChangeTagsForResourceInput) (*ChangeTagsForResourceOutput, error) {
	z, err := a.taggedZone(ctx, in.ResourceType, *in.ResourceId)
	if err != nil {
		return nil, err
	}
	if len(in.AddTags)+len(in.RemoveTagKeys) == 0 {
		return nil, invalid("Tags to add or keys to remove are required.")
	}
	add := map[string]string{}
	for _, t := range in.AddTags {
		key := text(t.Key)
		if _, twice := add[key]; key == "" || twice || slices.Contains(in.RemoveTagKeys, key) {
			return nil, invalid("The tag key '%s' is empty or occurs more than once.", key)
		}
		add[key] = text(t.Value)
	}
	return nil, a.control.RetagDNSZone(ctx, caller(ctx), z.ID, add, in.RemoveTagKeys)
}

func tagSet(z *cloud.DNSZone) *ResourceTagSet {
	out := &ResourceTagSet{ResourceType: TagResourceTypeHostedzone, ResourceId: new(string(z.ID)), Tags: []Tag{}}
	for _, k := range slices.Sorted(maps.Keys(z.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: &k, Value: new(z.Tags[k])})
	}
	return out
}

func (a *api) listTags(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	z, err := a.taggedZone(ctx, in.ResourceType, *in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{ResourceTagSet: tagSet(z)}, nil
}

func (a *api) listTagsOfMany(ctx context.Context, in *ListTagsForResourcesInput) (*ListTagsForResourcesOutput, error) {
	out := &ListTagsForResourcesOutput{}
	for _, id := range in.ResourceIds {
		z, err := a.taggedZone(ctx, in.ResourceType, id)
		if err != nil {
			return nil, err
		}
		out.ResourceTagSets = append(out.ResourceTagSets, *tagSet(z))
	}
	return out, nil
}
