package iam

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handlePolicies(s *wire.Service) {
	wire.Handle(s, "CreatePolicy", a.createPolicy)
	wire.Handle(s, "GetPolicy", a.getPolicy)
	wire.Handle(s, "ListPolicies", a.listPolicies)
	wire.Handle(s, "DeletePolicy", a.deletePolicy)
	wire.Handle(s, "CreatePolicyVersion", a.createPolicyVersion)
	wire.Handle(s, "GetPolicyVersion", a.getPolicyVersion)
	wire.Handle(s, "ListPolicyVersions", a.listPolicyVersions)
	wire.Handle(s, "SetDefaultPolicyVersion", a.setDefaultPolicyVersion)
	wire.Handle(s, "DeletePolicyVersion", a.deletePolicyVersion)
	wire.Handle(s, "ListEntitiesForPolicy", a.listEntitiesForPolicy)
	wire.Handle(s, "TagPolicy", a.tagPolicy)
	wire.Handle(s, "UntagPolicy", a.untagPolicy)
	wire.Handle(s, "ListPolicyTags", a.listPolicyTags)
}

func (a *api) policyOf(account string, p *cloud.Policy) *Policy {
	out := &Policy{
		Arn: &p.ARN, PolicyId: &p.ID, PolicyName: &p.Name, Path: &p.Path, DefaultVersionId: &p.Default, IsAttachable: ptr(true),
		CreateDate: &p.Created, UpdateDate: &p.Versions[len(p.Versions)-1].Created,
		AttachmentCount: ptr(int32(len(a.control.Holders(account, p.ARN)))), PermissionsBoundaryUsageCount: ptr(int32(0)),
	}
	if p.Description != "" {
		out.Description = &p.Description
	}
	if len(p.Tags) > 0 {
		out.Tags = tagList(p.Tags)
	}
	return out
}

func versionOf(p *cloud.Policy, v *cloud.PolicyVersion, withDocument bool) *PolicyVersion {
	out := &PolicyVersion{VersionId: &v.ID, CreateDate: &v.Created, IsDefaultVersion: ptr(v.ID == p.Default)}
	if withDocument {
		out.Document = document(v.Document)
	}
	return out
}

func (a *api) createPolicy(ctx context.Context, in *CreatePolicyInput) (*CreatePolicyOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	p, err := a.control.CreatePolicy(ctx, who, control.CreatePolicy{
		ARN: *arn(who.Account, "policy", pathOr(in.Path), *in.PolicyName), Name: *in.PolicyName, Path: pathOr(in.Path),
		Description: str(in.Description), Document: *in.PolicyDocument, Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &CreatePolicyOutput{Policy: a.policyOf(who.Account, p)}, nil
}

func (a *api) getPolicy(ctx context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	account := wire.CallFrom(ctx).Account
	p, err := a.control.Policy(account, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &GetPolicyOutput{Policy: a.policyOf(account, p)}, nil
}

func (a *api) listPolicies(ctx context.Context, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	account := wire.CallFrom(ctx).Account
	out := &ListPoliciesOutput{Policies: []Policy{}}
	var all []*cloud.Policy
	for p := range cloud.Policies.All(a.control.View()) {
		own := p.Account == account
		switch {
		case !own && p.Account != "",
			in.Scope == "Local" && !own, in.Scope == "AWS" && own,
			!strings.HasPrefix(p.Path, pathOr(in.PathPrefix)),
			in.OnlyAttached != nil && *in.OnlyAttached && len(a.control.Holders(account, p.ARN)) == 0,
			in.PolicyUsageFilter == "PermissionsBoundary" && !a.control.IsBoundary(account, p.ARN):
			continue
		}
		all = append(all, p)
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(p *cloud.Policy) string { return p.ARN })
	for _, p := range all {
		shown := a.policyOf(account, p)
		shown.Description, shown.Tags = nil, nil
		out.Policies = append(out.Policies, *shown)
	}
	out.Marker, out.IsTruncated = next, more
	return out, err
}

func (a *api) deletePolicy(ctx context.Context, in *DeletePolicyInput) (*DeletePolicyOutput, error) {
	return nil, a.control.DeletePolicy(ctx, wire.CallFrom(ctx).Account, *in.PolicyArn)
}

func (a *api) createPolicyVersion(ctx context.Context, in *CreatePolicyVersionInput) (*CreatePolicyVersionOutput, error) {
	asDefault := in.SetAsDefault != nil && *in.SetAsDefault
	v, err := a.control.CreatePolicyVersion(ctx, wire.CallFrom(ctx).Account, *in.PolicyArn, *in.PolicyDocument, asDefault)
	if err != nil {
		return nil, err
	}
	return &CreatePolicyVersionOutput{PolicyVersion: &PolicyVersion{VersionId: &v.ID, CreateDate: &v.Created, IsDefaultVersion: &asDefault}}, nil
}

func (a *api) getPolicyVersion(ctx context.Context, in *GetPolicyVersionInput) (*GetPolicyVersionOutput, error) {
	p, v, err := a.control.PolicyVersion(wire.CallFrom(ctx).Account, *in.PolicyArn, *in.VersionId)
	if err != nil {
		return nil, err
	}
	return &GetPolicyVersionOutput{PolicyVersion: versionOf(p, v, true)}, nil
}

func (a *api) listPolicyVersions(ctx context.Context, in *ListPolicyVersionsInput) (*ListPolicyVersionsOutput, error) {
	p, err := a.control.Policy(wire.CallFrom(ctx).Account, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	out := &ListPolicyVersionsOutput{Versions: []PolicyVersion{}, IsTruncated: ptr(false)}
	for i := range slices.Backward(p.Versions) {
		out.Versions = append(out.Versions, *versionOf(p, &p.Versions[i], false))
	}
	return out, nil
}

func (a *api) setDefaultPolicyVersion(ctx context.Context, in *SetDefaultPolicyVersionInput) (*SetDefaultPolicyVersionOutput, error) {
	return nil, a.control.SetDefaultPolicyVersion(ctx, wire.CallFrom(ctx).Account, *in.PolicyArn, *in.VersionId)
}

func (a *api) deletePolicyVersion(ctx context.Context, in *DeletePolicyVersionInput) (*DeletePolicyVersionOutput, error) {
	return nil, a.control.DeletePolicyVersion(ctx, wire.CallFrom(ctx).Account, *in.PolicyArn, *in.VersionId)
}

func (a *api) listEntitiesForPolicy(ctx context.Context, in *ListEntitiesForPolicyInput) (*ListEntitiesForPolicyOutput, error) {
	account, v := wire.CallFrom(ctx).Account, a.control.View()
	if _, err := a.control.Policy(account, *in.PolicyArn); err != nil {
		return nil, err
	}
	out := &ListEntitiesForPolicyOutput{IsTruncated: ptr(false), PolicyGroups: []PolicyGroup{}, PolicyRoles: []PolicyRole{}, PolicyUsers: []PolicyUser{}}
	for _, h := range a.control.Holders(account, *in.PolicyArn) {
		key := cloud.AccountKey(account, h.Name)
		switch {
		case h.Kind == cloud.KindRole && (in.EntityFilter == "" || in.EntityFilter == "Role"):
			r, _ := cloud.Roles.Get(v, key)
			out.PolicyRoles = append(out.PolicyRoles, PolicyRole{RoleId: &r.ID, RoleName: &r.Name})
		case h.Kind == cloud.KindUser && (in.EntityFilter == "" || in.EntityFilter == "User"):
			u, _ := cloud.Users.Get(v, key)
			out.PolicyUsers = append(out.PolicyUsers, PolicyUser{UserId: &u.ID, UserName: &u.Name})
		case h.Kind == cloud.KindGroup && (in.EntityFilter == "" || in.EntityFilter == "Group"):
			g, _ := cloud.Groups.Get(v, key)
			out.PolicyGroups = append(out.PolicyGroups, PolicyGroup{GroupId: &g.ID, GroupName: &g.Name})
		}
	}
	return out, nil
}

func (a *api) tagPolicy(ctx context.Context, in *TagPolicyInput) (*TagPolicyOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.control.TagPolicy(ctx, wire.CallFrom(ctx).Account, *in.PolicyArn, tags, nil)
}

func (a *api) untagPolicy(ctx context.Context, in *UntagPolicyInput) (*UntagPolicyOutput, error) {
	return nil, a.control.TagPolicy(ctx, wire.CallFrom(ctx).Account, *in.PolicyArn, nil, in.TagKeys)
}

func (a *api) listPolicyTags(ctx context.Context, in *ListPolicyTagsInput) (*ListPolicyTagsOutput, error) {
	p, err := a.control.Policy(wire.CallFrom(ctx).Account, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	tags, next, more, err := page(ctx, tagList(p.Tags), in.Marker, in.MaxItems, func(t Tag) string { return *t.Key })
	return &ListPolicyTagsOutput{Tags: tags, Marker: next, IsTruncated: more}, err
}
