// Package sts speaks AWS STS: who am I, and temporary credentials.
//
// Invariants: a session's token is sealed by control and not stored; assuming a
// role needs its trust policy and, for callers of other accounts or those the
// trust policy does not name themselves, a policy of their own.
package sts

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct{ control *control.Control }

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c}
	wire.Handle(s, "GetCallerIdentity", a.getCallerIdentity)
	wire.Handle(s, "AssumeRole", a.assumeRole)
	wire.Handle(s, "GetSessionToken", a.getSessionToken)
	wire.Handle(s, "GetAccessKeyInfo", a.getAccessKeyInfo)
	return s
}

// Targets lists what a call acts on, for authorisation. AssumeRole decides for
// itself, because a role's trust policy alone may allow it.
func Targets(call *wire.Call, _ any) []access.Target {
	if call.Operation == "AssumeRole" {
		return nil
	}
	return []access.Target{{Action: "sts:" + call.Operation, ARN: "*"}}
}

func mapError(e *cloud.Error) *wire.Error {
	switch {
	case e.Kind == cloud.Malformed && e.Resource == cloud.KindPolicy:
		return &wire.Error{Code: "MalformedPolicyDocument", Msg: e.Msg}
	case e.Kind == cloud.Invalid, e.Kind == cloud.NotFound:
		return &wire.Error{Code: "ValidationError", Msg: e.Msg}
	}
	return nil
}

func (a *api) getCallerIdentity(ctx context.Context, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	p := wire.CallFrom(ctx).Principal
	arn := access.ARN(p)
	return &GetCallerIdentityOutput{Account: &p.Account, Arn: &arn, UserId: &p.ID}, nil
}

const keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// sessionKeyID makes a temporary access key's ID: ASIA and 16 letters or digits.
func sessionKeyID() string {
	b := make([]byte, 16)
	rand.Read(b)
	for i := range b {
		b[i] = keyLetters[b[i]%32]
	}
	return "ASIA" + string(b)
}

var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)$`)

// findRole finds the role that an ARN names.
func findRole(c *control.Control, arn string) (*cloud.Role, bool) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return nil, false
	}
	r, ok := cloud.Roles.Get(c.View(), cloud.AccountKey(m[1], m[2]))
	if !ok || arn != "arn:aws:iam::"+m[1]+":role"+r.Path+r.Name {
		return nil, false
	}
	return r, true
}

// principal is the session principal of a role.
func principal(r *cloud.Role, session, policy string) cloud.Principal {
	return cloud.Principal{
		Kind: cloud.PrincipalSession, Account: r.Account, ID: r.ID + ":" + session, Name: r.Name, Session: session, Policy: policy,
	}
}

// RoleSession issues credentials of a role on behalf of a service that it trusts.
func RoleSession(ctx context.Context, c *control.Control, arn, session string, life time.Duration) (*control.Session, error) {
	r, ok := findRole(c, arn)
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindRole, arn, "", "the role %s does not exist", arn)
	}
	return c.IssueSession(ctx, principal(r, session, ""), sessionKeyID(), life)
}

func (a *api) assumeRole(ctx context.Context, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	call := wire.CallFrom(ctx)
	denied := &wire.Error{Code: "AccessDenied", Status: 403, Msg: fmt.Sprintf(
		"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", access.ARN(call.Principal), *in.RoleArn)}
	if call.Principal.Kind == cloud.PrincipalRoot {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Msg: "Roles may not be assumed by root accounts."}
	}
	r, ok := findRole(a.control, *in.RoleArn)
	if !ok {
		return nil, denied
	}
	if len(in.PolicyArns) > 0 || in.SerialNumber != nil || in.SourceIdentity != nil || len(in.Tags) > 0 || len(in.ProvidedContexts) > 0 {
		return nil, &wire.Error{Code: "ValidationError", Msg: "Weir's AssumeRole takes no PolicyArns, MFA, SourceIdentity, Tags or ProvidedContexts; pass a Policy, or leave them out."}
	}
	if err := a.mayAssume(call, r, *in.RoleArn, in); err != nil {
		return nil, denied
	}
	life, err := sessionLife(call, r, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	policy := ""
	if in.Policy != nil {
		policy = *in.Policy
		if err := a.control.CheckSessionPolicy(policy); err != nil {
			return nil, err
		}
	}
	s, err := a.control.IssueSession(ctx, principal(r, *in.RoleSessionName, policy), sessionKeyID(), life)
	if err != nil {
		return nil, err
	}
	arn := access.ARN(s.Principal)
	return &AssumeRoleOutput{
		AssumedRoleUser: &AssumedRoleUser{Arn: &arn, AssumedRoleId: &s.Principal.ID},
		Credentials:     credentials(s),
	}, nil
}

// mayAssume checks the role's trust policy, and the caller's own policies as AWS
// does: they are needed unless the trust policy of a role in the same account
// names the caller itself.
func (a *api) mayAssume(call *wire.Call, r *cloud.Role, arn string, in *AssumeRoleInput) error {
	keys := map[string][]string{"sts:RoleSessionName": {*in.RoleSessionName}}
	if in.ExternalId != nil {
		keys["sts:ExternalId"] = []string{*in.ExternalId}
	}
	return a.control.AuthorizeAssume(call.Principal, r, control.Access{
		Action: "sts:AssumeRole", Resource: arn, Names: access.Names(call.Principal), Context: keys,
	})
}

// sessionLife bounds a session by the role's maximum, and chained sessions by an hour.
func sessionLife(call *wire.Call, r *cloud.Role, seconds *int32) (time.Duration, error) {
	life := time.Hour
	if seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	if call.Principal.Kind == cloud.PrincipalSession && life > time.Hour {
		return 0, &wire.Error{Code: "ValidationError", Msg: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."}
	}
	if life > r.MaxSession {
		return 0, &wire.Error{Code: "ValidationError", Msg: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	return life, nil
}

func credentials(s *control.Session) *Credentials {
	return &Credentials{AccessKeyId: &s.KeyID, SecretAccessKey: &s.Secret, SessionToken: &s.Token, Expiration: &s.Expires}
}

// getSessionToken gives a user or root a temporary key with the same rights.
func (a *api) getSessionToken(ctx context.Context, in *GetSessionTokenInput) (*GetSessionTokenOutput, error) {
	call := wire.CallFrom(ctx)
	if call.Principal.Kind == cloud.PrincipalSession {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Msg: "Cannot call GetSessionToken with session credentials"}
	}
	life := 12 * time.Hour
	if call.Principal.Kind == cloud.PrincipalRoot {
		life = time.Hour
	}
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	s, err := a.control.IssueSession(ctx, call.Principal, sessionKeyID(), life)
	if err != nil {
		return nil, err
	}
	return &GetSessionTokenOutput{Credentials: credentials(s)}, nil
}

func (a *api) getAccessKeyInfo(ctx context.Context, in *GetAccessKeyInfoInput) (*GetAccessKeyInfoOutput, error) {
	if k, ok := cloud.AccessKeys.Get(a.control.View(), *in.AccessKeyId); ok {
		return &GetAccessKeyInfoOutput{Account: &k.Account}, nil
	}
	if strings.HasPrefix(*in.AccessKeyId, "ASIA") {
		// A temporary key says nothing without its token; it can only be the caller's account's.
		return &GetAccessKeyInfoOutput{Account: &wire.CallFrom(ctx).Account}, nil
	}
	return nil, &wire.Error{Code: "InvalidClientTokenId", Status: 403, Msg: "The security token included in the request is invalid."}
}
