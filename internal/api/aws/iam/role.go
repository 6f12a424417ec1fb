package iam

import (
	"context"
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
	wire.Handle(s, "CreateServiceLinkedRole", a.createServiceLinkedRole)
	wire.Handle(s, "DeleteServiceLinkedRole", a.deleteServiceLinkedRole)
	wire.Handle(s, "GetServiceLinkedRoleDeletionStatus", a.getServiceLinkedRoleDeletionStatus)
	a.handleRolePolicies(s)
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

// madeRole is a role as creation answers it, which tells less than GetRole.
func madeRole(r *cloud.Role) *Role {
	out := roleOf(r, true)
	out.MaxSessionDuration, out.RoleLastUsed = nil, nil
	return out
}

func (a *api) createRole(ctx context.Context, in *CreateRoleInput) (*CreateRoleOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(str(in.Path), serviceRolePath) {
		return nil, &wire.Error{Code: "InvalidInput", Msg: "The path " + serviceRolePath + " is reserved for service-linked roles."}
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
	out := madeRole(r)
	out.MaxSessionDuration = in.MaxSessionDuration
	return &CreateRoleOutput{Role: out}, nil
}

func (a *api) getRole(ctx context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := a.control.Role(account(ctx), *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: roleOf(r, true)}, nil
}

func (a *api) listRoles(ctx context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
	var all []*cloud.Role
	for r := range cloud.Roles.By(a.control.View(), "account", account(ctx)) {
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

func (a *api) editRole(ctx context.Context, name *string, edit func(*cloud.Role) error) error {
	_, err := a.control.EditRole(ctx, account(ctx), *name, edit)
	return err
}

func (a *api) updateRole(ctx context.Context, in *UpdateRoleInput) (*UpdateRoleOutput, error) {
	return &UpdateRoleOutput{}, a.editRole(ctx, in.RoleName, func(r *cloud.Role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSession = time.Duration(*in.MaxSessionDuration) * time.Second
		}
		return nil
	})
}

func (a *api) updateRoleDescription(ctx context.Context, in *UpdateRoleDescriptionInput) (*UpdateRoleDescriptionOutput, error) {
	r, err := a.control.EditRole(ctx, account(ctx), *in.RoleName, func(r *cloud.Role) error {
		r.Description = *in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRoleDescriptionOutput{Role: roleOf(r, false)}, nil
}

func (a *api) updateAssumeRolePolicy(ctx context.Context, in *UpdateAssumeRolePolicyInput) (*UpdateAssumeRolePolicyOutput, error) {
	return nil, a.control.SetTrust(ctx, account(ctx), *in.RoleName, *in.PolicyDocument)
}

func (a *api) deleteRole(ctx context.Context, in *DeleteRoleInput) (*DeleteRoleOutput, error) {
	return nil, a.control.DeleteRole(ctx, account(ctx), *in.RoleName)
}

func (a *api) tagRole(ctx context.Context, in *TagRoleInput) (*TagRoleOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) error { return control.Retag(&r.Meta, tags, nil) })
}

func (a *api) untagRole(ctx context.Context, in *UntagRoleInput) (*UntagRoleOutput, error) {
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) error { return control.Retag(&r.Meta, nil, in.TagKeys) })
}

func (a *api) listRoleTags(ctx context.Context, in *ListRoleTagsInput) (*ListRoleTagsOutput, error) {
	r, err := a.control.Role(account(ctx), *in.RoleName)
	if err != nil {
		return nil, err
	}
	tags, next, more, err := page(ctx, tagList(r.Tags), in.Marker, in.MaxItems, func(t Tag) string { return *t.Key })
	return &ListRoleTagsOutput{Tags: tags, Marker: next, IsTruncated: more}, err
}

func (a *api) putRoleBoundary(ctx context.Context, in *PutRolePermissionsBoundaryInput) (*PutRolePermissionsBoundaryOutput, error) {
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) error { r.Boundary = *in.PermissionsBoundary; return nil })
}

func (a *api) deleteRoleBoundary(ctx context.Context, in *DeleteRolePermissionsBoundaryInput) (*DeleteRolePermissionsBoundaryOutput, error) {
	return nil, a.editRole(ctx, in.RoleName, func(r *cloud.Role) error { r.Boundary = ""; return nil })
}
