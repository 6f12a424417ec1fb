package sts

import (
	"context"
	"fmt"
	"time"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// maxPacked is how many characters session policies and tags may have together.
const maxPacked = 2048

const maxSessionPolicies = 10

// limit puts session policies into p and returns how much of the room they
// take, in percent; nil if there is nothing to measure.
func (a *api) limit(p *cloud.Principal, account string, policy *string, arns []PolicyDescriptorType) (*int32, error) {
	if len(arns) > maxSessionPolicies {
		return nil, &wire.Error{Code: "ValidationError", Msg: fmt.Sprintf("A session takes up to %d managed policies.", maxSessionPolicies)}
	}
	p.Limited = policy != nil || len(arns) > 0
	p.Policy = value(policy)
	for _, d := range arns {
		p.Policies = append(p.Policies, value(d.Arn))
	}
	if err := a.control.CheckSessionPolicies(account, p.Policy, p.Policies); err != nil {
		return nil, err
	}
	size := len(p.Policy)
	for _, arn := range p.Policies {
		size += len(arn)
	}
	for k, v := range p.Tags {
		size += len(k) + len(v)
	}
	percent := int32((size*100 + maxPacked - 1) / maxPacked)
	switch {
	case percent > 100:
		return nil, &wire.Error{Code: "PackedPolicyTooLarge", Msg: fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)}
	case percent == 0:
		return nil, nil
	}
	return &percent, nil
}

// life is how long a user's or root's own session lasts.
func life(p cloud.Principal, seconds *int32) time.Duration {
	d := 12 * time.Hour
	if seconds != nil {
		d = time.Duration(*seconds) * time.Second
	}
	if p.Kind == cloud.PrincipalRoot {
		d = min(d, time.Hour)
	}
	return d
}

// getSessionToken gives a user or root a temporary key with the same rights.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
func (a *api) getSessionToken(ctx context.Context, in *GetSessionTokenInput) (*GetSessionTokenOutput, error) {
	who := wire.CallFrom(ctx).Principal
	if who.Temporary {
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, denied(noMFA)
	}
	s, err := a.control.IssueSession(ctx, who, sessionKeyID(), life(who, in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	return &GetSessionTokenOutput{Credentials: credentials(s)}, nil
}

// getFederationToken gives somebody else a part of a user's or root's rights.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
func (a *api) getFederationToken(ctx context.Context, in *GetFederationTokenInput) (*GetFederationTokenOutput, error) {
	who := wire.CallFrom(ctx).Principal
	if who.Temporary {
		return nil, denied("Cannot call GetFederationToken with session credentials")
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	p := cloud.Principal{
		Kind: cloud.PrincipalFederated, Account: who.Account, ID: who.Account + ":" + *in.Name, Name: *in.Name, KeyID: who.KeyID, Tags: tags,
	}
	if who.Kind == cloud.PrincipalUser {
		p.By = who.ID
	}
	size, err := a.limit(&p, who.Account, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	if size == nil { // this operation always tells
		size = new(int32)
	}
	p.Limited = true // without a session policy it may do nothing
	s, err := a.control.IssueSession(ctx, p, sessionKeyID(), life(who, in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	arn := access.ARN(p)
	return &GetFederationTokenOutput{
		Credentials: credentials(s), FederatedUser: &FederatedUser{Arn: &arn, FederatedUserId: &p.ID}, PackedPolicySize: size,
	}, nil
}
