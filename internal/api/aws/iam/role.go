package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleRoles(s *wire.Service) {
	wire.Handle(s, "CreateRole", a.createRole)
	wire.Handle(s, "GetRole", a.getRole)
	wire.Handle(s, "ListRoles", a.listRoles)
	wire.Handle(s, "UpdateRole", a.updateRole)
	wire.Handle(s, "UpdateRoleDescription", a.updateRoleDescription)
	wire.Handle(s, "UpdateAssumeRolePolicy", a.updateAssumeRolePolicy)
	wire.Handle(s, "DeleteRole", a.deleteRole)
	wire.Handle(s, "TagRole", a.tagRole)
	wire.Handle(s, "UntagRole", a.untagRole)
	wire.Handle(s, "ListRoleTags", a.listRoleTags)
	wire.Handle(s, "PutRolePermissionsBoundary", a.putRoleBoundary)
	wire.Handle(s, "DeleteRolePermissionsBoundary", a.deleteRoleBoundary)

	wire.Handle(s, "AttachRolePolicy", a.attachRolePolicy)
	wire.Handle(s, "DetachRolePolicy", a.detachRolePolicy)
	wire.Handle(s, "ListAttachedRolePolicies", a.listAttachedRolePolicies)
	wire.Handle(s, "PutRolePolicy", a.putRolePolicy)
	wire.Handle(s, "GetRolePolicy", a.getRolePolicy)
	wire.Handle(s, "DeleteRolePolicy", a.deleteRolePolicy)
	wire.Handle(s, "ListRolePolicies", a.listRolePolicies)
}

func boundary(arn string) *AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &AttachedPermissionsBoundary{PermissionsBoundaryArn: &arn, PermissionsBoundaryType: "Policy"}
}

// roleOf is a role as the API shows it; lists leave out tags, boundary and last use.
func roleOf(r *cloud.Role, full bool) *Role {
	out := &Role{
		Arn: arn(r.Account, "role", r.Path, r.Name), RoleId: &r.ID, RoleName: &r.Name, Path: &r.Path, CreateDate: &r.Created,
		AssumeRolePolicyDocument: document(r.Trust), MaxSessionDuration: ptr(int32(r.MaxSession / time.Second)),
	}
	if r.Description != "" {
		out.Description = &r.Description
	}
	if full {
		out.PermissionsBoundary = boundary(r.Boundary)
		out.RoleLastUsed = &RoleLastUsed{}
		if len(r.Tags) > 0 {
			out.Tags = tagList(r.Tags)
		}
	}
	return out
}

func (a *api) createRole(ctx context.Context, in *CreateRoleInput) (*CreateRoleOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	spec := control.CreateRole{
		Name: *in.RoleName, Path: pathOr(in.Path), Description: str(in.Description), Trust: *in.AssumeRolePolicyDocument,
		Boundary: str(in.PermissionsBoundary), Tags: tags,
	}
	if in.MaxSessionDuration != nil {
		spec.MaxSession = time.Duration(*in.MaxSessionDuration) * time.Second
	}
	r, err := a.control.CreateRole(ctx, caller(ctx), spec)
	if err != nil {
		return nil, err
	}
	return &CreateRoleOutput{Role: roleOf(r, true)}, nil
}

func (a *api) getRole(ctx context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := a.control.Role(wire.CallFrom(ctx).Account, *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: roleOf(r, true)}, nil
}

func (a *api) listRoles(ctx context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
	var all []*cloud.Role
	for r := range cloud.Roles.By(a.control.View(), "account", wire.CallFrom(ctx).Account) {
		if strings.HasPrefix(r.Path, pathOr(in.PathPrefix)) {
			all = append(all, r)
		}
	}
	all, next, more, err := page(ctx, all, in.Marker, in.MaxItems, func(r *cloud.Role) string { return r.Name })
	if err != nil {
		return nil, err
	}
	out := &ListRolesOutput{Marker: next, IsTruncated: more, Roles: []Role{}}
	for _, r := range all {
		out.Roles = append(out.Roles, *roleOf(r, false))
	}
	return out, nil
}

func (a *api) editRole(ctx context.Context, name *string, edit func(*cloud.Role)) error {
	_, err := a.control.EditRole(ctx, wire.CallFrom(ctx).Account, *name, func(r *cloud.Role) error {
		edit(r)
		return nil
	})
	return err
}

func (a *api) updateRole(ctx context.Context, in *UpdateRoleInput) (*UpdateRoleOutput, error) {
	return &UpdateRoleOutput{}, a.editRole(ctx, in.RoleName, func(r *cloud.Role) {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSession = time.Duration(*in.MaxSessionDuration) * time.Second
		}
	})
}

func (a *api) updateRoleDescription(ctx context.Context, in *UpdateRoleDescriptionInput) (*UpdateRoleDescriptionOutput, error) {
	if err := a.editRole(ctx, in.RoleName, func(r *cloud.Role) { r.Description = *in.Description }); err != nil {
		return nil, err
	}
	r, err := a.control.Role(wire.CallFrom(ctx).Account, *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &UpdateRoleDescriptionOutput{Role: roleOf(r, false)}, nil
}

func (a *api) updateAssumeRolePolicy(ctx context.Context, in *UpdateAssumeRolePolicyInput) (*UpdateAssumeRolePolicyOutput, error) {
	return nil, a.control.SetTrust(ctx, wire.CallFrom(ctx).Account, *in.RoleName, *in.PolicyDocument)
}

func (a *api) deleteRole(ctx context.Context, in *DeleteRoleInput) (*DeleteRoleOutput, error) {
	return nil, a.control.DeleteRole(ctx, wire.CallFrom(ctx).Account, *in.RoleName)
}

func (a *api) tagRole(ctx context.Context, in *TagRoleInput) (*TagRoleOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) { r.Tags = control.Retag(r.Tags, tags, nil) })
}

func (a *api) untagRole(ctx context.Context, in *UntagRoleInput) (*UntagRoleOutput, error) {
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) { r.Tags = control.Retag(r.Tags, nil, in.TagKeys) })
}

func (a *api) listRoleTags(ctx context.Context, in *ListRoleTagsInput) (*ListRoleTagsOutput, error) {
	r, err := a.control.Role(wire.CallFrom(ctx).Account, *in.RoleName)
	if err != nil {
		return nil, err
	}
	tags, next, more, err := page(ctx, tagList(r.Tags), in.Marker, in.MaxItems, func(t Tag) string { return *t.Key })
	return &ListRoleTagsOutput{Tags: tags, Marker: next, IsTruncated: more}, err
}

func (a *api) putRoleBoundary(ctx context.Context, in *PutRolePermissionsBoundaryInput) (*PutRolePermissionsBoundaryOutput, error) {
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) { r.Boundary = *in.PermissionsBoundary })
}

func (a *api) deleteRoleBoundary(ctx context.Context, in *DeleteRolePermissionsBoundaryInput) (*DeleteRolePermissionsBoundaryOutput, error) {
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) { r.Boundary = "" })
}

func role(name *string) control.Holder { return control.Holder{Kind: cloud.KindRole, Name: *name} }

func (a *api) attachRolePolicy(ctx context.Context, in *AttachRolePolicyInput) (*AttachRolePolicyOutput, error) {
	return nil, a.control.AttachPolicy(ctx, wire.CallFrom(ctx).Account, role(in.RoleName), *in.PolicyArn)
}

func (a *api) detachRolePolicy(ctx context.Context, in *DetachRolePolicyInput) (*DetachRolePolicyOutput, error) {
	return nil, a.control.DetachPolicy(ctx, wire.CallFrom(ctx).Account, role(in.RoleName), *in.PolicyArn)
}

// attached lists a holder's managed policies under a path.
func (a *api) attached(ctx context.Context, h control.Holder, prefix, marker *string, max *int32) ([]AttachedPolicy, *string, *bool, error) {
	account := wire.CallFrom(ctx).Account
	_, arns, err := a.control.Grants(account, h)
	if err != nil {
		return nil, nil, nil, err
	}
	all := []AttachedPolicy{}
	for _, arn := range arns {
		if p, err := a.control.Policy(account, arn); err == nil && strings.HasPrefix(p.Path, pathOr(prefix)) {
			all = append(all, AttachedPolicy{PolicyArn: &p.ARN, PolicyName: &p.Name})
		}
	}
	return page(ctx, all, marker, max, func(p AttachedPolicy) string { return *p.PolicyName })
}

// inlineNames lists the names of a holder's inline policies.
func (a *api) inlineNames(ctx context.Context, h control.Holder, marker *string, max *int32) ([]string, *string, *bool, error) {
	inline, _, err := a.control.Grants(wire.CallFrom(ctx).Account, h)
	if err != nil {
		return nil, nil, nil, err
	}
	return page(ctx, slices.Sorted(maps.Keys(inline)), marker, max, func(s string) string { return s })
}

func (a *api) listAttachedRolePolicies(ctx context.Context, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
	list, next, more, err := a.attached(ctx, role(in.RoleName), in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedRolePoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}

func (a *api) putRolePolicy(ctx context.Context, in *PutRolePolicyInput) (*PutRolePolicyOutput, error) {
	return nil, a.control.PutInline(ctx, wire.CallFrom(ctx).Account, role(in.RoleName), *in.PolicyName, *in.PolicyDocument)
}

func (a *api) getRolePolicy(ctx context.Context, in *GetRolePolicyInput) (*GetRolePolicyOutput, error) {
	d, err := a.control.Inline(wire.CallFrom(ctx).Account, role(in.RoleName), *in.PolicyName)
	return &GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
}

func (a *api) deleteRolePolicy(ctx context.Context, in *DeleteRolePolicyInput) (*DeleteRolePolicyOutput, error) {
	return nil, a.control.DeleteInline(ctx, wire.CallFrom(ctx).Account, role(in.RoleName), *in.PolicyName)
}

func (a *api) listRolePolicies(ctx context.Context, in *ListRolePoliciesInput) (*ListRolePoliciesOutput, error) {
	list, next, more, err := a.inlineNames(ctx, role(in.RoleName), in.Marker, in.MaxItems)
	return &ListRolePoliciesOutput{PolicyNames: list, Marker: next, IsTruncated: more}, err
}
