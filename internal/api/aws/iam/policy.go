package iam

import (
	"context"
	"fmt"
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

// policyOf is a policy as the API shows it.
func policyOf(p *cloud.Policy, use control.PolicyUse) *Policy {
	out := &Policy{
		Arn: &p.ARN, PolicyId: &p.ID, PolicyName: &p.Name, Path: &p.Path, DefaultVersionId: &p.Default, IsAttachable: ptr(true),
		CreateDate: &p.Created, UpdateDate: &p.Versions[len(p.Versions)-1].Created,
		AttachmentCount: ptr(int32(use.Attached)), PermissionsBoundaryUsageCount: ptr(int32(use.Bounds)),
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
	return &CreatePolicyOutput{Policy: policyOf(p, control.PolicyUse{})}, nil
}

func (a *api) getPolicy(ctx context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	account := account(ctx)
	p, err := a.control.Policy(account, *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &GetPolicyOutput{Policy: policyOf(p, control.PolicyUses(a.control.View(), account)[p.ARN])}, nil
}

func (a *api) listPolicies(ctx context.Context, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	account, v := account(ctx), a.control.View()
	uses := control.PolicyUses(v, account)
	var all []*cloud.Policy
	for p := range cloud.Policies.All(v) {
		own, use := p.Account == account, uses[p.ARN]
		switch {
		case !own && p.Account != "",
			in.Scope == "Local" && !own, in.Scope == "AWS" && own,
			!strings.HasPrefix(p.Path, pathOr(in.PathPrefix)),
			in.OnlyAttached != nil && *in.OnlyAttached && use == control.PolicyUse{},
			in.PolicyUsageFilter == "PermissionsPolicy" && use.Attached == 0,
			in.PolicyUsageFilter == "PermissionsBoundary" && use.Bounds == 0:
			continue
		}
		all = append(all, p)
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(p *cloud.Policy) string { return p.ARN })
	out := &ListPoliciesOutput{Policies: []Policy{}, Marker: next, IsTruncated: more}
	for _, p := range all {
		shown := policyOf(p, uses[p.ARN])
		shown.Description, shown.Tags = nil, nil
		out.Policies = append(out.Policies, *shown)
	}
	return out, err
}

func (a *api) deletePolicy(ctx context.Context, in *DeletePolicyInput) (*DeletePolicyOutput, error) {
	return nil, a.control.DeletePolicy(ctx, account(ctx), *in.PolicyArn)
}

func (a *api) createPolicyVersion(ctx context.Context, in *CreatePolicyVersionInput) (*CreatePolicyVersionOutput, error) {
	asDefault := in.SetAsDefault != nil && *in.SetAsDefault
	v, err := a.control.CreatePolicyVersion(ctx, account(ctx), *in.PolicyArn, *in.PolicyDocument, asDefault)
	if err != nil {
		return nil, err
	}
	return &CreatePolicyVersionOutput{PolicyVersion: &PolicyVersion{VersionId: &v.ID, CreateDate: &v.Created, IsDefaultVersion: &asDefault}}, nil
}

func (a *api) getPolicyVersion(ctx context.Context, in *GetPolicyVersionInput) (*GetPolicyVersionOutput, error) {
	p, v, err := a.control.PolicyVersion(account(ctx), *in.PolicyArn, *in.VersionId)
	if err != nil {
		return nil, err
	}
	return &GetPolicyVersionOutput{PolicyVersion: versionOf(p, v, true)}, nil
}

func (a *api) listPolicyVersions(ctx context.Context, in *ListPolicyVersionsInput) (*ListPolicyVersionsOutput, error) {
	p, err := a.control.Policy(account(ctx), *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	list := []PolicyVersion{}
	for i := range p.Versions {
		list = append(list, *versionOf(p, &p.Versions[i], false))
	}
	// The newest comes first.
	age := map[string]string{}
	for i := range p.Versions {
		age[p.Versions[i].ID] = fmt.Sprintf("%03d", len(p.Versions)-i)
	}
	list, next, more, err := page(ctx, list, in.Marker, in.MaxItems, func(v PolicyVersion) string { return age[*v.VersionId] })
	return &ListPolicyVersionsOutput{Versions: list, Marker: next, IsTruncated: more}, err
}

func (a *api) setDefaultPolicyVersion(ctx context.Context, in *SetDefaultPolicyVersionInput) (*SetDefaultPolicyVersionOutput, error) {
	return nil, a.control.SetDefaultPolicyVersion(ctx, account(ctx), *in.PolicyArn, *in.VersionId)
}

func (a *api) deletePolicyVersion(ctx context.Context, in *DeletePolicyVersionInput) (*DeletePolicyVersionOutput, error) {
	return nil, a.control.DeletePolicyVersion(ctx, account(ctx), *in.PolicyArn, *in.VersionId)
}

func (a *api) tagPolicy(ctx context.Context, in *TagPolicyInput) (*TagPolicyOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.control.TagPolicy(ctx, account(ctx), *in.PolicyArn, tags, nil)
}

func (a *api) untagPolicy(ctx context.Context, in *UntagPolicyInput) (*UntagPolicyOutput, error) {
	return nil, a.control.TagPolicy(ctx, account(ctx), *in.PolicyArn, nil, in.TagKeys)
}

func (a *api) listPolicyTags(ctx context.Context, in *ListPolicyTagsInput) (*ListPolicyTagsOutput, error) {
	p, err := a.control.Policy(account(ctx), *in.PolicyArn)
	if err != nil {
		return nil, err
	}
	tags, next, more, err := page(ctx, tagList(p.Tags), in.Marker, in.MaxItems, func(t Tag) string { return *t.Key })
	return &ListPolicyTagsOutput{Tags: tags, Marker: next, IsTruncated: more}, err
}
