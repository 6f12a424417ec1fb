// Package sts speaks Alibaba Cloud's STS 2015-04-01: who am I, and temporary
// credentials.
//
// Invariants: a session's token is sealed by control and not stored; whoever
// assumes a role needs the role's trust and a permission of their own; the public
// operation gives no session that is longer than the role's maximum, whatever
// services give to their own.
package sts

import (
	"context"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	access  *access.Authorizer
}

// New returns the service with everything that is implemented.
func New(c *control.Control, auth *access.Authorizer) *wire.Service {
	s := wire.NewService(Spec)
	a := &api{c, auth}
	wire.Handle(s, "GetCallerIdentity", a.getCallerIdentity)
	wire.Handle(s, "AssumeRole", a.assumeRole)
	return s
}

// Targets says that AssumeRole decides for itself: it asks two sides.
func Targets(*wire.Call, any) []access.Target { return nil }

// https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-getcalleridentity
func (a *api) getCallerIdentity(ctx context.Context, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	p := wire.CallFrom(ctx).Principal
	out := &GetCallerIdentityOutput{AccountId: new(access.UID(p.Account)), Arn: new(access.ARN(p)), PrincipalId: new(p.ID)}
	switch p.Kind {
	case cloud.PrincipalUser:
		out.IdentityType, out.UserId = new("RAMUser"), new(p.ID)
	case cloud.PrincipalFederated:
		out.IdentityType = new("RAMUser")
	case cloud.PrincipalSession:
		out.IdentityType, out.RoleId = new("AssumedRoleUser"), new(p.RoleID())
	default:
		out.IdentityType, out.UserId, out.PrincipalId = new("Account"), new(access.UID(p.Account)), new(access.UID(p.Account))
	}
	return out, nil
}
