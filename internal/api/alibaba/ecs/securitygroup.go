package ecs

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) groups(s *wire.Service) {
	wire.Handle(s, "CreateSecurityGroup", a.createSecurityGroup)
	wire.Handle(s, "DescribeSecurityGroups", a.describeSecurityGroups)
	wire.Handle(s, "DescribeSecurityGroupReferences", a.describeSecurityGroupReferences)
	wire.Handle(s, "ModifySecurityGroupAttribute", a.modifySecurityGroupAttribute)
	wire.Handle(s, "ModifySecurityGroupPolicy", a.modifySecurityGroupPolicy)
	wire.Handle(s, "DeleteSecurityGroup", a.deleteSecurityGroup)
}

// Types of groups. A normal one lets members reach each other and everything
// out, an enterprise one nothing.
// https://www.alibabacloud.com/help/en/ecs/user-guide/basic-security-groups-and-advanced-security-groups
const (
	normal     = "normal"
	enterprise = "enterprise"
)

// Priorities of what groups do by themselves.
const (
	before = 0   // members of a group among themselves, whatever its rules say
	behind = 101 // what no rule speaks of
)

// among are the rules by which members of a group reach each other.
func among() []cloud.SecurityGroupRule {
	in := cloud.SecurityGroupRule{Protocol: -1, From: -1, To: -1, Action: cloud.Allow, Priority: before}
	out := in
	out.Egress = true
	return []cloud.SecurityGroupRule{in, out}
}

// outwards are the rules by which everything gets out.
func outwards() (rules []cloud.SecurityGroupRule) {
	for _, to := range []string{"0.0.0.0/0", "::/0"} {
		rules = append(rules, cloud.SecurityGroupRule{Egress: true, Protocol: -1, From: -1, To: -1, Action: cloud.Allow, Priority: behind, Prefix: netip.MustParsePrefix(to)})
	}
	return rules
}

// NewGroup is a group of a type as this dialect makes them.
func NewGroup(vpc cloud.VPCID, name, description, kind string, labels control.Labels) control.CreateSecurityGroup {
	in := control.CreateSecurityGroup{Labels: labels, VPC: vpc, Name: name, Description: description, Rules: []cloud.SecurityGroupRule{}, SameNames: true}
	if kind == normal {
		in.Rules = append(among(), outwards()...)
	}
	if in.Attrs == nil {
		in.Attrs = map[string]string{}
	}
	in.Attrs[resource.AttrGroupType] = kind
	return in
}

func (a *api) createSecurityGroup(ctx context.Context, in *CreateSecurityGroupInput) (*CreateSecurityGroupOutput, error) {
	kind := strings.ToLower(text(in.SecurityGroupType))
	if kind == "" {
		kind = normal
	}
	switch {
	case kind != normal && kind != enterprise:
		return nil, resource.Fault("InvalidSecurityGroupType.ValueNotSupported", "The specified SecurityGroupType is not supported.")
	case text(in.VpcId) == "": // classic networks are not there
		return nil, resource.Fault("MissingParameter.VpcId", "The input parameter \"VpcId\" that is mandatory for processing this request is not supplied.")
	case in.ServiceManaged != nil && *in.ServiceManaged:
		return nil, resource.Unsupported("ServiceManaged")
	}
	t, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	d := resource.Described{Name: in.SecurityGroupName, Description: in.Description}
	labels, err := resource.Labels(ctx, a.control, d, in.ResourceGroupId, t, "InvalidSecurityGroupName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateSecurityGroup(ctx, resource.Caller(ctx), NewGroup(cloud.VPCID(*in.VpcId), text(in.SecurityGroupName), text(in.Description), kind, labels))
	if err != nil {
		return nil, err
	}
	return &CreateSecurityGroupOutput{SecurityGroupId: new(string(g.ID))}, nil
}

// group finds one of the caller's groups that this dialect made.
func (a *api) group(ctx context.Context, id string) (*cloud.SecurityGroup, error) {
	g, ok := cloud.SecurityGroups.Get(a.control.View(), cloud.SecurityGroupID(id))
	if !ok || g.Scope() != resource.Scope(ctx) || g.Attrs[resource.AttrGroupType] == "" {
		return nil, resource.Missing("InvalidSecurityGroupId.NotFound", "The specified security group does not exist.")
	}
	return g, nil
}

func (a *api) groupFacts(g *cloud.SecurityGroup) SecurityGroup {
	used := int64(0) // by instances
	for i := range cloud.Interfaces.By(a.control.View(), "group", string(g.ID)) {
		if i.Attachment != nil {
			used++
		}
	}
	return SecurityGroup{
		SecurityGroupId: new(string(g.ID)), SecurityGroupName: new(g.Attrs[resource.AttrName]), Description: new(g.Attrs[resource.AttrDescription]),
		SecurityGroupType: new(g.Attrs[resource.AttrGroupType]), VpcId: new(string(g.VPC)), CreationTime: resource.Time(g.Created), EcsCount: &used,
		ResourceGroupId: new(resource.Group(&g.Meta)), ServiceManaged: new(false), Tags: tagList(g.Tags), RuleCount: new(int64(len(own(g.Rules)))),
	}
}

// own are the rules that a user gave.
func own(rules []cloud.SecurityGroupRule) []cloud.SecurityGroupRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r cloud.SecurityGroupRule) bool { return r.Priority <= before || r.Priority >= behind })
}

func (a *api) describeSecurityGroups(ctx context.Context, in *DescribeSecurityGroupsInput) (*DescribeSecurityGroupsOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	var ids []string
	if text(in.SecurityGroupIds) != "" {
		if err := json.Unmarshal([]byte(*in.SecurityGroupIds), &ids); err != nil {
			return nil, resource.Fault("InvalidParameter.SecurityGroupIds", "The specified SecurityGroupIds is not a JSON array.")
		}
	}
	var all []*cloud.SecurityGroup
	for g := range cloud.SecurityGroups.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if a.wants(in, g) && page.Has(ids, string(g.ID)) && page.HasTags(g.Tags, want) {
			all = append(all, g)
		}
	}
	key := func(g *cloud.SecurityGroup) string { return string(g.ID) }
	slices.SortFunc(all, func(x, y *cloud.SecurityGroup) int { return strings.Compare(key(x), key(y)) })
	out := &DescribeSecurityGroupsOutput{RegionId: in.RegionId, SecurityGroups: []SecurityGroup{}}
	if in.MaxResults != nil || in.NextToken != nil {
		all, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 100}, text(in.VpcId), key)
	} else {
		var p page.Numbered[*cloud.SecurityGroup]
		p, err = page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 50})
		all, out.PageNumber, out.PageSize, out.TotalCount = p.Items, p.Number, p.Size, p.Total
	}
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		out.SecurityGroups = append(out.SecurityGroups, a.groupFacts(g))
	}
	return out, nil
}

func (a *api) wants(in *DescribeSecurityGroupsInput, g *cloud.SecurityGroup) bool {
	kind, name := g.Attrs[resource.AttrGroupType], g.Attrs[resource.AttrName]
	fuzzy := in.FuzzyQuery != nil && *in.FuzzyQuery && strings.Contains(name, strings.Trim(text(in.SecurityGroupName), "*"))
	return kind != "" && is(in.SecurityGroupId, string(g.ID)) && is(in.VpcId, string(g.VPC)) && is(in.SecurityGroupType, kind) &&
		(is(in.SecurityGroupName, name) || fuzzy) && is(in.ResourceGroupId, resource.Group(&g.Meta))
}

func (a *api) describeSecurityGroupReferences(ctx context.Context, in *DescribeSecurityGroupReferencesInput) (*DescribeSecurityGroupReferencesOutput, error) {
	out := &DescribeSecurityGroupReferencesOutput{SecurityGroupReferences: []SecurityGroupReference{}}
	for _, id := range in.SecurityGroupId {
		if _, err := a.group(ctx, id); err != nil {
			return nil, err
		}
		ref := SecurityGroupReference{SecurityGroupId: &id}
		for g := range cloud.SecurityGroups.By(a.control.View(), "scope", resource.Scope(ctx)) {
			if string(g.ID) != id && slices.ContainsFunc(g.Rules, func(r cloud.SecurityGroupRule) bool { return string(r.Group) == id }) {
				ref.ReferencingSecurityGroups = append(ref.ReferencingSecurityGroups, ReferencingSecurityGroup{AliUid: new(access.UID(g.Account)), SecurityGroupId: new(string(g.ID))})
			}
		}
		if len(ref.ReferencingSecurityGroups) > 0 {
			out.SecurityGroupReferences = append(out.SecurityGroupReferences, ref)
		}
	}
	return out, nil
}

func (a *api) modifySecurityGroupAttribute(ctx context.Context, in *ModifySecurityGroupAttributeInput) (*ModifySecurityGroupAttributeOutput, error) {
	g, err := a.group(ctx, *in.SecurityGroupId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.SecurityGroupName, Description: in.Description}.Attrs("InvalidSecurityGroupName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindSecurityGroup, ID: string(g.ID)}, attrs)
}

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-modifysecuritygrouppolicy
func (a *api) modifySecurityGroupPolicy(ctx context.Context, in *ModifySecurityGroupPolicyInput) (*ModifySecurityGroupPolicyOutput, error) {
	g, err := a.group(ctx, *in.SecurityGroupId)
	if err != nil {
		return nil, err
	}
	accept := strings.EqualFold(*in.InnerAccessPolicy, "Accept")
	switch {
	case !accept && !strings.EqualFold(*in.InnerAccessPolicy, "Drop"):
		return nil, resource.Fault("InvalidPolicy.Malformed", "The specified parameter \"InnerAccessPolicy\" is not valid.")
	case g.Attrs[resource.AttrGroupType] == enterprise:
		return nil, resource.Fault("InvalidOperation.InnerAccessPolicy", "An advanced security group has no internal access policy.")
	}
	caller := resource.Caller(ctx)
	return nil, a.control.EditSecurityGroup(ctx, caller, g.ID, func(g *cloud.SecurityGroup) error {
		g.Rules = slices.DeleteFunc(g.Rules, func(r cloud.SecurityGroupRule) bool { return r.Priority == before })
		if accept {
			for _, r := range among() {
				r.ID, r.Group = caller.NewID(cloud.KindSecurityGroupRule), g.ID
				g.Rules = append(g.Rules, r)
			}
		}
		return nil
	})
}

func (a *api) deleteSecurityGroup(ctx context.Context, in *DeleteSecurityGroupInput) (*DeleteSecurityGroupOutput, error) {
	g, err := a.group(ctx, *in.SecurityGroupId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteSecurityGroup(ctx, resource.Caller(ctx), g.ID)
}
