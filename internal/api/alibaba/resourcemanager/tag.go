package resourcemanager

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// readTags reads tags; a key stands once.
func readTags(tags []CreateResourceGroupTag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		k := text(t.Key)
		if _, twice := out[k]; twice || k == "" {
			return nil, &wire.Error{Code: "InvalidParameter.Tag", Msg: `The parameter - "Tag" has an empty or a duplicate key.`}
		}
		out[k] = text(t.Value)
	}
	return out, nil
}

// tagged lists the resource groups that an operation on tags names.
func tagged(call *wire.Call, uid string, in any) []access.Target {
	var ids []string
	switch in := in.(type) {
	case *TagResourcesInput:
		ids = in.ResourceId
	case *UntagResourcesInput:
		ids = in.ResourceId
	}
	if len(ids) == 0 {
		ids = []string{"*"}
	}
	var all []access.Target
	for _, id := range ids {
		t := access.Target{Action: "resourcemanager:" + call.Operation, ARN: "acs:resourcemanager:*:" + uid + ":resourcegroup/" + id}
		if id != "*" {
			t.Group = id
		}
		all = append(all, t)
	}
	return all
}

// checkTagged refuses types of resources that are not resource groups, which
// alone carry tags of this product here.
// https://www.alibabacloud.com/help/en/resource-management/resource-group/developer-reference/api-resourcemanager-2020-03-31-listtagresources
func checkTagged(kind *string) error {
	if k := text(kind); k != "" && !strings.EqualFold(k, "ResourceGroup") {
		return &wire.Error{Code: "InvalidParameter.ResourceType", Msg: `The parameter - "ResourceType" should be ResourceGroup.`}
	}
	return nil
}

// retag changes the tags of resource groups: of all that are named, or of none.
func (a *api) retag(ctx context.Context, kind *string, ids []string, set map[string]string, remove func(have map[string]string) []string) error {
	if err := checkTagged(kind); err != nil {
		return err
	}
	if err := a.ensure(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := a.control.ResourceGroup(account(ctx), id); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if _, err := a.control.EditResourceGroup(ctx, account(ctx), id, func(g *cloud.ResourceGroup) error {
			return control.Retag(&g.Meta, set, remove(g.Tags))
		}); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := readTags(in.Tag)
	if err != nil {
		return nil, err
	}
	return nil, a.retag(ctx, in.ResourceType, in.ResourceId, tags, func(map[string]string) []string { return nil })
}

func (a *api) untagResources(ctx context.Context, in *UntagResourcesInput) (*UntagResourcesOutput, error) {
	all := in.All != nil && *in.All
	if len(in.TagKey) == 0 && !all {
		return nil, &wire.Error{Code: "MissingParameter.TagKey", Msg: `The parameter - "TagKey" is required, or All.`}
	}
	return nil, a.retag(ctx, in.ResourceType, in.ResourceId, nil, func(have map[string]string) []string {
		if len(in.TagKey) == 0 {
			return slices.Collect(maps.Keys(have))
		}
		return in.TagKey
	})
}

func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := readTags(in.Tag)
	if err != nil {
		return nil, err
	}
	if err := checkTagged(in.ResourceType); err != nil {
		return nil, err
	}
	var all []TagResource
	for _, g := range a.control.ResourceGroups(account(ctx)) {
		if !page.Has(in.ResourceId, g.ID) || !page.HasTags(g.Tags, want) {
			continue
		}
		for k, v := range g.Tags {
			all = append(all, TagResource{&g.ID, new("ResourceGroup"), &k, &v})
		}
	}
	out := &ListTagResourcesOutput{}
	out.TagResources, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 50, Max: 100}, fmt.Sprint(in.ResourceId, want),
		func(t TagResource) string { return *t.ResourceId + "\x00" + *t.TagKey })
	return out, err
}
