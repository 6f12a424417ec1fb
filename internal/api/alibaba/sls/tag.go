package sls

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/logs"
)

func (a *api) tags(s *wire.Service) {
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
	wire.Handle(s, "ChangeResourceGroup", a.changeResourceGroup)
	wire.Handle(s, "GetProjectPolicy", a.getProjectPolicy)
}

// maxTags is how many tags a project or logstore carries.
// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-tagresources
const maxTags = 20

// taggedGroup is the log group behind a resource that carries tags: a project, or
// a logstore, which its project's name and "#" precede.
func (a *api) taggedGroup(s logs.Scope, kind, id string) (logs.Group, error) {
	switch strings.ToLower(kind) {
	case "project":
		return a.project(s, id)
	case "logstore":
		project, name, _ := strings.Cut(id, "#")
		return a.logstore(s, project, name)
	}
	return logs.Group{}, invalid("resourceType is invalid: want project or logstore")
}

// retag changes the tags of all the resources, if all of them are there.
func (a *api) retag(ctx context.Context, kind string, ids []string, change func(tags map[string]string)) error {
	var groups []string
	for _, id := range ids {
		g, err := a.taggedGroup(scope(ctx), kind, id)
		if err != nil {
			return err
		}
		now := maps.Clone(g.Tags)
		if now == nil {
			now = map[string]string{}
		}
		if change(now); len(now) > maxTags {
			return invalid("a resource carries at most 20 tags")
		}
		groups = append(groups, g.Name)
	}
	for _, name := range groups {
		if err := a.change(ctx, name, func(g *logs.Group) error {
			if g.Tags == nil {
				g.Tags = map[string]string{}
			}
			change(g.Tags)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	set := map[string]string{}
	for _, t := range in.Tags {
		k := *t.Key
		if n := len([]rune(k)); n == 0 || n > 128 || strings.HasPrefix(k, "aliyun") || strings.HasPrefix(k, "acs:") || strings.Contains(k, "://") {
			return nil, invalid("the tag key " + k + " is invalid")
		}
		if len([]rune(*t.Value)) > 128 || strings.Contains(*t.Value, "://") {
			return nil, invalid("the value of tag " + k + " is invalid")
		}
		set[k] = *t.Value
	}
	return nil, a.retag(ctx, *in.ResourceType, in.ResourceId, func(tags map[string]string) { maps.Copy(tags, set) })
}

func (a *api) untagResources(ctx context.Context, in *UntagResourcesInput) (*UntagResourcesOutput, error) {
	all := in.All != nil && *in.All
	if len(in.Tags) == 0 && !all {
		return nil, invalid("tags is required but not provided, or all")
	}
	return nil, a.retag(ctx, text(in.ResourceType), in.ResourceId, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(k, _ string) bool { return len(in.Tags) == 0 || slices.Contains(in.Tags, k) })
	})
}

// listTagResources lists the tags of the named resources, or of all of a type
// that have the tags. There is no next page: an account has few projects.
func (a *api) listTagResources(ctx context.Context, in *ListTagResourcesInput) (*ListTagResourcesOutput, error) {
	kind := strings.ToLower(*in.ResourceType)
	if kind != "project" && kind != "logstore" {
		return nil, invalid("resourceType is invalid: want project or logstore")
	}
	groups, err := a.logs.Groups(ctx, scope(ctx))
	if err != nil {
		return nil, err
	}
	if err := a.allThere(ctx, kind, in.ResourceId); err != nil {
		return nil, err
	}
	out := &ListTagResourcesOutput{NextToken: new(""), TagResources: []TagResource{}}
	for _, g := range groups {
		project, logstore := Names(g.Name)
		id := project
		if logstore != "" {
			id += "#" + logstore
		}
		if !strings.HasPrefix(g.Name, root) || (logstore != "") != (kind == "logstore") || len(in.ResourceId) > 0 && !slices.Contains(in.ResourceId, id) || !wanted(g.Tags, in.Tags) {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(g.Tags)) {
			out.TagResources = append(out.TagResources, TagResource{&id, in.ResourceType, &k, new(g.Tags[k])})
		}
	}
	return out, nil
}

func (a *api) allThere(ctx context.Context, kind string, ids []string) error {
	for _, id := range ids {
		if _, err := a.taggedGroup(scope(ctx), kind, id); err != nil {
			return err
		}
	}
	return nil
}

// wanted tells whether tags have all that are asked for; no value is any.
func wanted(tags map[string]string, want []Tag) bool {
	for _, t := range want {
		if have, ok := tags[*t.Key]; !ok || text(t.Value) != "" && have != *t.Value {
			return false
		}
	}
	return true
}

// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-changeresourcegroup
func (a *api) changeResourceGroup(ctx context.Context, in *ChangeResourceGroupInput) (*ChangeResourceGroupOutput, error) {
	if kind := text(in.ResourceType); kind != "" && !strings.EqualFold(kind, "project") {
		return nil, invalid("resourceType is invalid: want project")
	}
	g, err := a.project(scope(ctx), *in.ResourceId)
	if err != nil {
		return nil, err
	}
	err = a.change(ctx, g.Name, func(g *logs.Group) error {
		g.Attrs[attrGroup] = *in.ResourceGroupId
		return nil
	})
	if cloud.IsKind(err, cloud.NotFound) {
		return nil, noProject(*in.ResourceId)
	}
	return nil, err
}

// getProjectPolicy answers no policy: none can be set.
func (a *api) getProjectPolicy(ctx context.Context, in *GetProjectPolicyInput) (*GetProjectPolicyOutput, error) {
	if _, err := a.project(scope(ctx), *in.Project); err != nil {
		return nil, err
	}
	return &GetProjectPolicyOutput{}, nil
}
