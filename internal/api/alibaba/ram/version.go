package ram

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) versions(s *wire.Service) {
	wire.Handle(s, "CreatePolicyVersion", a.createPolicyVersion)
	wire.Handle(s, "GetPolicyVersion", a.getPolicyVersion)
	wire.Handle(s, "ListPolicyVersions", a.listPolicyVersions)
	wire.Handle(s, "SetDefaultPolicyVersion", a.setDefaultPolicyVersion)
	wire.Handle(s, "DeletePolicyVersion", a.deletePolicyVersion)
}

func versionFacts(p *cloud.Policy, v *cloud.PolicyVersion) PolicyVersion {
	return PolicyVersion{VersionId: &v.ID, IsDefaultVersion: new(v.ID == p.Default), PolicyDocument: &v.Document, CreateDate: date(v.Created)}
}

// createPolicyVersion adds one of at most five versions;
// "DeleteOldestNonDefaultVersionWhenLimitExceeded" makes room first.
// https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-createpolicyversion
func (a *api) createPolicyVersion(ctx context.Context, in *CreatePolicyVersionInput) (*CreatePolicyVersionOutput, error) {
	if err := checkVersion(*in.PolicyDocument); err != nil {
		return nil, err
	}
	arn := own(ctx, *in.PolicyName)
	switch text(in.RotateStrategy) {
	case "", "None":
	case "DeleteOldestNonDefaultVersionWhenLimitExceeded":
		if err := a.makeRoom(ctx, arn); err != nil {
			return nil, err
		}
	default:
		return nil, &wire.Error{Code: "InvalidParameter.RotateStrategy", Msg: `The parameter - "RotateStrategy" should be "None" or "DeleteOldestNonDefaultVersionWhenLimitExceeded".`}
	}
	v, err := a.control.CreatePolicyVersion(ctx, account(ctx), arn, *in.PolicyDocument, in.SetAsDefault != nil && *in.SetAsDefault)
	if err != nil {
		return nil, err
	}
	p, err := a.control.Policy(account(ctx), arn)
	if err != nil {
		return nil, err
	}
	return &CreatePolicyVersionOutput{PolicyVersion: new(versionFacts(p, v))}, nil
}

const maxVersions = 5

// makeRoom deletes the oldest version that is not the default, if there are five.
func (a *api) makeRoom(ctx context.Context, arn string) error {
	p, err := a.control.Policy(account(ctx), arn)
	if err != nil || len(p.Versions) < maxVersions {
		return err
	}
	for _, v := range p.Versions { // in the order in which they were made
		if v.ID != p.Default {
			return a.control.DeletePolicyVersion(ctx, account(ctx), arn, v.ID)
		}
	}
	return nil
}

func (a *api) getPolicyVersion(ctx context.Context, in *GetPolicyVersionInput) (*GetPolicyVersionOutput, error) {
	arn, err := PolicyARN(account(ctx), *in.PolicyType, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	p, v, err := a.control.PolicyVersion(account(ctx), arn, *in.VersionId)
	if err != nil {
		return nil, err
	}
	return &GetPolicyVersionOutput{PolicyVersion: new(versionFacts(p, v))}, nil
}

func (a *api) listPolicyVersions(ctx context.Context, in *ListPolicyVersionsInput) (*ListPolicyVersionsOutput, error) {
	p, err := a.find(ctx, *in.PolicyType, *in.PolicyName)
	if err != nil {
		return nil, err
	}
	out := &ListPolicyVersionsOutput{}
	for i := range p.Versions {
		out.PolicyVersions = append(out.PolicyVersions, versionFacts(p, &p.Versions[i]))
	}
	return out, nil
}

func (a *api) setDefaultPolicyVersion(ctx context.Context, in *SetDefaultPolicyVersionInput) (*SetDefaultPolicyVersionOutput, error) {
	return nil, a.control.SetDefaultPolicyVersion(ctx, account(ctx), own(ctx, *in.PolicyName), *in.VersionId)
}

func (a *api) deletePolicyVersion(ctx context.Context, in *DeletePolicyVersionInput) (*DeletePolicyVersionOutput, error) {
	return nil, a.control.DeletePolicyVersion(ctx, account(ctx), own(ctx, *in.PolicyName), *in.VersionId)
}
