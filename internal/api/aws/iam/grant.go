package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/control"
)

// attached lists a holder's managed policies under a path.
func (a *api) attached(ctx context.Context, h control.Holder, prefix, marker *string, max *int32) ([]AttachedPolicy, *string, *bool, error) {
	account := account(ctx)
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
	return page(ctx, all, marker, max, func(p AttachedPolicy) string { return *p.PolicyName + *p.PolicyArn })
}

// inlineNames lists the names of a holder's inline policies.
func (a *api) inlineNames(ctx context.Context, h control.Holder, marker *string, max *int32) ([]string, *string, *bool, error) {
	inline, _, err := a.control.Grants(account(ctx), h)
	if err != nil {
		return nil, nil, nil, err
	}
	return page(ctx, slices.Sorted(maps.Keys(inline)), marker, max, func(s string) string { return s })
}

// attach attaches a managed policy by its ARN.
func (a *api) attach(ctx context.Context, h control.Holder, arn string) error {
	if !strings.HasPrefix(arn, "arn:") {
		return &wire.Error{Code: "ValidationError", Msg: "Invalid ARN:  Could not be parsed!"}
	}
	return a.control.AttachPolicy(ctx, account(ctx), h, arn)
}
