package iam

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleUserPolicies(s *wire.Service) {
	wire.Handle(s, "AttachUserPolicy", a.attachUserPolicy)
	wire.Handle(s, "DetachUserPolicy", a.detachUserPolicy)
	wire.Handle(s, "ListAttachedUserPolicies", a.listAttachedUserPolicies)
	wire.Handle(s, "PutUserPolicy", a.putUserPolicy)
	wire.Handle(s, "GetUserPolicy", a.getUserPolicy)
	wire.Handle(s, "DeleteUserPolicy", a.deleteUserPolicy)
	wire.Handle(s, "ListUserPolicies", a.listUserPolicies)
}

func user(name *string) control.Holder { return control.Holder{Kind: cloud.KindUser, Name: *name} }

func (a *api) attachUserPolicy(ctx context.Context, in *AttachUserPolicyInput) (*AttachUserPolicyOutput, error) {
	return nil, a.attach(ctx, user(in.UserName), *in.PolicyArn)
}

func (a *api) detachUserPolicy(ctx context.Context, in *DetachUserPolicyInput) (*DetachUserPolicyOutput, error) {
	return nil, a.control.DetachPolicy(ctx, account(ctx), user(in.UserName), *in.PolicyArn)
}

func (a *api) listAttachedUserPolicies(ctx context.Context, in *ListAttachedUserPoliciesInput) (*ListAttachedUserPoliciesOutput, error) {
	list, next, more, err := a.attached(ctx, user(in.UserName), in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedUserPoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}

func (a *api) putUserPolicy(ctx context.Context, in *PutUserPolicyInput) (*PutUserPolicyOutput, error) {
	return nil, a.control.PutInline(ctx, account(ctx), user(in.UserName), *in.PolicyName, *in.PolicyDocument)
}

func (a *api) getUserPolicy(ctx context.Context, in *GetUserPolicyInput) (*GetUserPolicyOutput, error) {
	d, err := a.control.Inline(account(ctx), user(in.UserName), *in.PolicyName)
	return &GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
}

func (a *api) deleteUserPolicy(ctx context.Context, in *DeleteUserPolicyInput) (*DeleteUserPolicyOutput, error) {
	return nil, a.control.DeleteInline(ctx, account(ctx), user(in.UserName), *in.PolicyName)
}

func (a *api) listUserPolicies(ctx context.Context, in *ListUserPoliciesInput) (*ListUserPoliciesOutput, error) {
	list, next, more, err := a.inlineNames(ctx, user(in.UserName), in.Marker, in.MaxItems)
	return &ListUserPoliciesOutput{PolicyNames: list, Marker: next, IsTruncated: more}, err
}
