// Package sts speaks AWS STS: who am I, and temporary credentials.
//
// Invariants: a session's token is sealed by control and not stored; assuming a
// role needs its trust policy and, for callers of other accounts or those the
// trust policy does not name themselves, a policy of their own; a session never
// has more rights than the role or user it came from.
package sts

import (
	"context"
	"crypto/rand"
	"strings"

	"weir/internal/api/aws/access"
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
	s.MapError = mapError
	a := &api{c, auth}
	wire.Handle(s, "GetCallerIdentity", a.getCallerIdentity)
	wire.Handle(s, "AssumeRole", a.assumeRole)
	wire.Handle(s, "GetSessionToken", a.getSessionToken)
	wire.Handle(s, "GetFederationToken", a.getFederationToken)
	wire.Handle(s, "GetAccessKeyInfo", a.getAccessKeyInfo)
	return s
}

// Targets lists what a call acts on, for authorisation. AssumeRole decides for
// itself, because a role's trust policy alone may allow it.
func Targets(call *wire.Call, in any) []access.Target {
	switch call.Operation {
	case "AssumeRole":
		return nil
	case "GetFederationToken":
		arn := "arn:aws:sts::" + call.Account + ":federated-user/" + access.Text(in, "Name")
		out := []access.Target{{Action: "sts:GetFederationToken", ARN: arn}}
		if f, ok := in.(*GetFederationTokenInput); ok && len(f.Tags) > 0 {
			out = append(out, access.Target{Action: "sts:TagSession", ARN: arn})
		}
		return out
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

func denied(msg string) *wire.Error {
	return &wire.Error{Code: "AccessDenied", Status: 403, Msg: msg}
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

func credentials(s *control.Session) *Credentials {
	return &Credentials{AccessKeyId: &s.KeyID, SecretAccessKey: &s.Secret, SessionToken: &s.Token, Expiration: &s.Expires}
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

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
