package iam

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleRolePolicies(s *wire.Service) {
	wire.Handle(s, "AttachRolePolicy", a.attachRolePolicy)
	wire.Handle(s, "DetachRolePolicy", a.detachRolePolicy)
	wire.Handle(s, "ListAttachedRolePolicies", a.listAttachedRolePolicies)
	wire.Handle(s, "PutRolePolicy", a.putRolePolicy)
	wire.Handle(s, "GetRolePolicy", a.getRolePolicy)
	wire.Handle(s, "DeleteRolePolicy", a.deleteRolePolicy)
	wire.Handle(s, "ListRolePolicies", a.listRolePolicies)
}

func role(name *string) control.Holder { return control.Holder{Kind: cloud.KindRole, Name: *name} }

func (a *api) attachRolePolicy(ctx context.Context, in *AttachRolePolicyInput) (*AttachRolePolicyOutput, error) {
	return nil, a.attach(ctx, role(in.RoleName), *in.PolicyArn)
}

func (a *api) detachRolePolicy(ctx context.Context, in *DetachRolePolicyInput) (*DetachRolePolicyOutput, error) {
	return nil, a.control.DetachPolicy(ctx, account(ctx), role(in.RoleName), *in.PolicyArn)
}

func (a *api) listAttachedRolePolicies(ctx context.Context, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
	list, next, more, err := a.attached(ctx, role(in.RoleName), in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedRolePoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}

func (a *api) putRolePolicy(ctx context.Context, in *PutRolePolicyInput) (*PutRolePolicyOutput, error) {
	return nil, a.control.PutInline(ctx, account(ctx), role(in.RoleName), *in.PolicyName, *in.PolicyDocument)
}

func (a *api) getRolePolicy(ctx context.Context, in *GetRolePolicyInput) (*GetRolePolicyOutput, error) {
	d, err := a.control.Inline(account(ctx), role(in.RoleName), *in.PolicyName)
	return &GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
}

func (a *api) deleteRolePolicy(ctx context.Context, in *DeleteRolePolicyInput) (*DeleteRolePolicyOutput, error) {
	return nil, a.control.DeleteInline(ctx, account(ctx), role(in.RoleName), *in.PolicyName)
}

func (a *api) listRolePolicies(ctx context.Context, in *ListRolePoliciesInput) (*ListRolePoliciesOutput, error) {
	list, next, more, err := a.inlineNames(ctx, role(in.RoleName), in.Marker, in.MaxItems)
	return &ListRolePoliciesOutput{PolicyNames: list, Marker: next, IsTruncated: more}, err
}
