package iam

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleGroupPolicies(s *wire.Service) {
	wire.Handle(s, "AttachGroupPolicy", a.attachGroupPolicy)
	wire.Handle(s, "DetachGroupPolicy", a.detachGroupPolicy)
	wire.Handle(s, "ListAttachedGroupPolicies", a.listAttachedGroupPolicies)
	wire.Handle(s, "PutGroupPolicy", a.putGroupPolicy)
	wire.Handle(s, "GetGroupPolicy", a.getGroupPolicy)
	wire.Handle(s, "DeleteGroupPolicy", a.deleteGroupPolicy)
	wire.Handle(s, "ListGroupPolicies", a.listGroupPolicies)
}

func group(name *string) control.Holder { return control.Holder{Kind: cloud.KindGroup, Name: *name} }

func (a *api) attachGroupPolicy(ctx context.Context, in *AttachGroupPolicyInput) (*AttachGroupPolicyOutput, error) {
	return nil, a.attach(ctx, group(in.GroupName), *in.PolicyArn)
}

func (a *api) detachGroupPolicy(ctx context.Context, in *DetachGroupPolicyInput) (*DetachGroupPolicyOutput, error) {
	return nil, a.control.DetachPolicy(ctx, account(ctx), group(in.GroupName), *in.PolicyArn)
}

func (a *api) listAttachedGroupPolicies(ctx context.Context, in *ListAttachedGroupPoliciesInput) (*ListAttachedGroupPoliciesOutput, error) {
	list, next, more, err := a.attached(ctx, group(in.GroupName), in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedGroupPoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}

func (a *api) putGroupPolicy(ctx context.Context, in *PutGroupPolicyInput) (*PutGroupPolicyOutput, error) {
	return nil, a.control.PutInline(ctx, account(ctx), group(in.GroupName), *in.PolicyName, *in.PolicyDocument)
}

func (a *api) getGroupPolicy(ctx context.Context, in *GetGroupPolicyInput) (*GetGroupPolicyOutput, error) {
	d, err := a.control.Inline(account(ctx), group(in.GroupName), *in.PolicyName)
	return &GetGroupPolicyOutput{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
}

func (a *api) deleteGroupPolicy(ctx context.Context, in *DeleteGroupPolicyInput) (*DeleteGroupPolicyOutput, error) {
	return nil, a.control.DeleteInline(ctx, account(ctx), group(in.GroupName), *in.PolicyName)
}

func (a *api) listGroupPolicies(ctx context.Context, in *ListGroupPoliciesInput) (*ListGroupPoliciesOutput, error) {
	list, next, more, err := a.inlineNames(ctx, group(in.GroupName), in.Marker, in.MaxItems)
	return &ListGroupPoliciesOutput{PolicyNames: list, Marker: next, IsTruncated: more}, err
}
