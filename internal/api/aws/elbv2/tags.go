package elbv2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func tagMap(tags []Tag) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, t := range tags {
		key := text(t.Key)
		if _, ok := out[key]; ok {
			return nil, &wire.Error{Code: "DuplicateTagKeys", Msg: "Duplicate tag key '" + key + "'"}
		}
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, invalid("Tag keys beginning with 'aws:' are reserved for system use")
		}
		out[key] = text(t.Value)
	}
	return out, nil
}

func tagList(tags map[string]string) []Tag {
	out := []Tag{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, Tag{Key: new(k), Value: new(tags[k])})
	}
	return out
}

// refs are the resources that ARNs name; all must be the caller's.
func refs(v cloud.View, who control.Caller, arns []string) ([]cloud.Ref, []map[string]string, error) {
	var out []cloud.Ref
	var tags []map[string]string
	for _, arn := range arns {
		_, _, _, rest, _ := access.Split(arn)
		kind, _, _ := strings.Cut(rest, "/")
		var err error
		switch kind {
		case "loadbalancer":
			err = add(&out, &tags, v, who, arn, balancerID, cloud.LoadBalancers, cloud.KindLoadBalancer, func(r *cloud.LoadBalancer) *cloud.Meta { return &r.Meta })
		case "targetgroup":
			err = add(&out, &tags, v, who, arn, groupID, cloud.TargetGroups, cloud.KindTargetGroup, func(r *cloud.TargetGroup) *cloud.Meta { return &r.Meta })
		case "listener":
			err = add(&out, &tags, v, who, arn, listenerID, cloud.Listeners, cloud.KindListener, func(r *cloud.Listener) *cloud.Meta { return &r.Meta })
		default:
			err = invalid("'" + arn + "' is not a valid ARN")
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return out, tags, nil
}

func add[K ~string, T any](out *[]cloud.Ref, tags *[]map[string]string, v cloud.View, who control.Caller, arn string,
	parse func(*string) (K, error), table *cloud.Table[K, T], kind cloud.Resource, meta func(*T) *cloud.Meta) error {
	id, err := parse(&arn)
	if err != nil {
		return err
	}
	r, err := own(v, who, table, kind, id)
	if err != nil {
		return err
	}
	*out, *tags = append(*out, cloud.Ref{Kind: kind, ID: string(id)}), append(*tags, meta(r).Tags)
	return nil
}

func (a *api) addTags(ctx context.Context, in *AddTagsInput) (*AddTagsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	list, _, err := refs(a.control.View(), who, in.ResourceArns)
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return &AddTagsOutput{}, a.control.TagResources(ctx, who, list, tags)
}

func (a *api) removeTags(ctx context.Context, in *RemoveTagsInput) (*RemoveTagsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	list, _, err := refs(a.control.View(), who, in.ResourceArns)
	if err != nil {
		return nil, err
	}
	drop := func(key, _ string) bool { return slices.Contains(in.TagKeys, key) }
	return &RemoveTagsOutput{}, a.control.UntagResources(ctx, who, list, drop)
}

func (a *api) describeTags(ctx context.Context, in *DescribeTagsInput) (*DescribeTagsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	_, tags, err := refs(a.control.View(), who, in.ResourceArns)
	if err != nil {
		return nil, err
	}
	out := &DescribeTagsOutput{TagDescriptions: []TagDescription{}}
	for n, arn := range in.ResourceArns {
		out.TagDescriptions = append(out.TagDescriptions, TagDescription{ResourceArn: new(arn), Tags: tagList(tags[n])})
	}
	return out, nil
}
