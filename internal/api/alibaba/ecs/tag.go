package ecs

import (
	"cmp"
	"context"
	"slices"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) tagging(s *wire.Service) {
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
	wire.Handle(s, "AddTags", a.addTags)
	wire.Handle(s, "RemoveTags", a.removeTags)
	wire.Handle(s, "DescribeTags", a.describeTags)
	wire.Handle(s, "JoinResourceGroup", a.joinResourceGroup)
}

// tagKinds are the types of resource that carry tags and are in resource groups.
var tagKinds = map[string]cloud.Resource{
	"instance": cloud.KindInstance, "eni": cloud.KindInterface, "securitygroup": cloud.KindSecurityGroup,
	"disk": "", "snapshot": "", "image": "", "volume": "", "ddh": "", "ddhcluster": "", "keypair": "", "launchtemplate": "", "reservedinstance": "", "snapshotpolicy": "",
	"elasticityassurance": "", "capacityreservation": "", "command": "", "invocation": "", "activation": "", "managedinstance": "",
}

func (a *api) tags() resource.Tagging {
	return resource.Tagging{Control: a.control, Kinds: tagKinds, Shown: func(ctx context.Context, r cloud.Ref) bool {
		var err error
		switch r.Kind {
		case cloud.KindInstance:
			_, err = a.instance(ctx, r.ID)
		case cloud.KindInterface:
			_, err = a.netif(ctx, r.ID)
		default:
			_, err = a.group(ctx, r.ID)
		}
		return err == nil
	}}
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	t, err := resource.Tags(in.Tag, func(t TagResourcesTag) (*string, *string) { return t.Key, t.Value })
	if err != nil {
		return nil, err
	}
	return nil, a.tags().Tag(ctx, *in.ResourceType, in.ResourceId, t)
}

func (a *api) untagResources(ctx context.Context, in *UntagResourcesInput) (*UntagResourcesOutput, error) {
	return nil, a.tags().Untag(ctx, *in.ResourceType, in.ResourceId, in.TagKey, in.All)
}

func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	ask := a.tags().List
	if len(in.TagFilter) > 0 {
		ask = a.tags().All
	}
	all, err := ask(ctx, *in.ResourceType, in.ResourceId, want)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t resource.Tagged) bool {
		return slices.ContainsFunc(in.TagFilter, func(f TagFilter) bool {
			return text(f.TagKey) != t.Key || len(f.TagValues) > 0 && !slices.ContainsFunc(f.TagValues, func(v string) bool { return likes(&v, t.Value) })
		})
	})
	all, next, err := page.ByToken(ctx, all, nil, in.NextToken, page.Sizes{Default: 50, Max: 50}, *in.ResourceType, func(t resource.Tagged) string { return t.ID + " " + t.Key })
	if err != nil {
		return nil, err
	}
	return &ListTagResourcesOutput{NextToken: next, TagResources: each(all, func(t resource.Tagged) TagResource {
		return TagResource{ResourceId: &t.ID, ResourceType: in.ResourceType, TagKey: &t.Key, TagValue: &t.Value}
	})}, nil
}

// addTags, removeTags and describeTags are the older forms.
func (a *api) addTags(ctx context.Context, in *AddTagsInput) (*AddTagsOutput, error) {
	t, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	return nil, a.tags().Tag(ctx, *in.ResourceType, []string{*in.ResourceId}, t)
}

// removeTags removes those named, whatever their value unless one is given; all, if none is named.
func (a *api) removeTags(ctx context.Context, in *RemoveTagsInput) (*RemoveTagsOutput, error) {
	named, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	return nil, a.tags().Remove(ctx, *in.ResourceType, []string{*in.ResourceId}, func(key, value string) bool {
		want, ok := named[key]
		return len(named) == 0 || ok && (want == "" || want == value)
	})
}

// describeTags lists tags with the number of resources of each type that carry them.
func (a *api) describeTags(ctx context.Context, in *DescribeTagsInput) (*DescribeTagsOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	types := []string{"instance", "eni", "securitygroup"}
	if text(in.ResourceType) != "" {
		types = []string{*in.ResourceType}
	}
	var ids []string
	if text(in.ResourceId) != "" {
		ids = []string{*in.ResourceId}
	}
	type tag struct{ key, value string }
	counts := map[tag]map[string]int64{}
	for _, typ := range types {
		list, err := a.tags().All(ctx, typ, ids, nil)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			if v, named := want[t.Key]; len(want) > 0 && (!named || v != "" && v != t.Value) {
				continue
			}
			k := tag{t.Key, t.Value}
			if counts[k] == nil {
				counts[k] = map[string]int64{}
			}
			counts[k][typ]++
		}
	}
	all := []DescribeTagsTag{}
	for k, n := range counts {
		count := func(typ string) *int64 { return new(n[typ]) }
		all = append(all, DescribeTagsTag{TagKey: &k.key, TagValue: &k.value, ResourceTypeCount: &ResourceTypeCount{Instance: count("instance"), Eni: count("eni"), Securitygroup: count("securitygroup")}})
	}
	slices.SortFunc(all, func(x, y DescribeTagsTag) int {
		return cmp.Or(cmp.Compare(*x.TagKey, *y.TagKey), cmp.Compare(*x.TagValue, *y.TagValue))
	})
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 50, Max: 100})
	return &DescribeTagsOutput{Tags: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, err
}

// joinResourceGroup moves a resource; an instance's interface goes with it.
func (a *api) joinResourceGroup(ctx context.Context, in *JoinResourceGroupInput) (*JoinResourceGroupOutput, error) {
	for name, p := range map[string]*string{"ResourceId": in.ResourceId, "ResourceType": in.ResourceType, "ResourceGroupId": in.ResourceGroupId} {
		if text(p) == "" {
			return nil, resource.Fault("MissingParameter", "The input parameter \""+name+"\" that is mandatory for processing this request is not supplied.")
		}
	}
	if err := a.tags().Move(ctx, *in.ResourceType, *in.ResourceId, *in.ResourceGroupId); err != nil {
		return nil, err
	}
	if i, err := a.instance(ctx, *in.ResourceId); err == nil {
		return nil, a.tags().Move(ctx, "eni", string(i.Interface), *in.ResourceGroupId)
	}
	return nil, nil
}
