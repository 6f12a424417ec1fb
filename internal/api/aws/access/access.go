// Package access asks, before every operation, whether the caller may: it
// gives the caller its AWS names and condition keys and words the refusal as
// AWS does.
//
// Invariants: an operation without a resource lister acts on "*"; every
// resource of a call must be allowed; what a refusal says names the principal,
// the action and the resource.
package access

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Target is one thing that a call does to something.
type Target struct {
	Action string
	ARN    string // "*" if the action takes no resource
	Policy string // the resource's own policy document, if it has one
	Owner  string // account that owns the resource; "" is the caller's
	Keys   Keys   // condition keys of this target, beside the call's
}

// Lister lists what a call acts on; the input is the operation's decoded one.
type Lister func(call *wire.Call, in any) []Target

// Authorizer decides calls by the policies that control holds.
type Authorizer struct {
	control *control.Control
	listers map[string]Lister // by service
	now     func() time.Time
}

// New returns an Authorizer; services without a lister act on "*". now is time.Now if nil.
func New(c *control.Control, listers map[string]Lister, now func() time.Time) *Authorizer {
	if now == nil {
		now = time.Now
	}
	return &Authorizer{c, listers, now}
}

// open are operations that need no permission.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
var open = map[string]bool{"sts:GetCallerIdentity": true, "sts:GetSessionToken": true}

// Authorize is wire.Config's hook.
func (a *Authorizer) Authorize(ctx context.Context, call *wire.Call, in any) error {
	p := call.Principal
	if err := a.through(call, in); err != nil {
		return err
	}
	if p.Kind == "" {
		return nil // anonymous calls are only let through to operations that check for themselves
	}
	if err := a.control.NoteKeyUse(ctx, p.KeyID, call.Service, call.Region); err != nil {
		return fmt.Errorf("noting the use of key %s: %w", p.KeyID, err)
	}
	if err := withSession(call); err != nil {
		return err
	}
	if open[call.Service+":"+call.Operation] {
		return nil
	}
	var keys Keys
	for _, t := range a.targets(call, in) {
		if keys == nil && !free(call, t) {
			keys = a.Keys(call, in)
		}
		if err := a.decide(call, t, keys); err != nil {
			return err
		}
	}
	return nil
}

// targets lists what a call acts on.
func (a *Authorizer) targets(call *wire.Call, in any) []Target {
	if list := a.listers[call.Service]; list != nil {
		return list(call, in)
	}
	return []Target{{Action: call.Service + ":" + call.Operation, ARN: "*"}}
}

// through asks the policy of the VPC endpoint that the call came through, if it
// did: it holds for everybody, whatever else they may.
func (a *Authorizer) through(call *wire.Call, in any) error {
	if call.Endpoint == "" {
		return nil
	}
	keys := a.Keys(call, in)
	for _, t := range a.targets(call, in) {
		if !strings.HasPrefix(t.Action, call.Service+":") {
			continue // what a call needs besides, such as iam:PassRole, does not pass the endpoint
		}
		err := a.control.AllowedThrough(call.Endpoint, call.Principal, control.Access{
			Action: t.Action, Resource: t.ARN, Names: Names(call.Principal), Context: joined(keys, t.Keys),
		})
		if err := refused(call, t, err); err != nil {
			return err
		}
	}
	return nil
}

// free tells whether no condition can matter: root may do anything in its own account.
func free(call *wire.Call, t Target) bool {
	return call.Principal.Kind == cloud.PrincipalRoot && t.Policy == "" && (t.Owner == "" || t.Owner == call.Account)
}

// withSession refuses what the temporary credentials of users and root cannot do.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
func withSession(call *wire.Call) error {
	p := call.Principal
	if !p.Temporary || p.Kind == cloud.PrincipalSession {
		return nil
	}
	switch {
	case call.Service == "iam":
		return &wire.Error{Code: "InvalidClientTokenId", Status: 403, Msg: "The security token included in the request is invalid."}
	case call.Service != "sts", call.Operation == "GetCallerIdentity",
		call.Operation == "AssumeRole" && p.Kind != cloud.PrincipalFederated:
		return nil
	}
	return &wire.Error{Code: "AccessDenied", Status: 403, Msg: "Cannot call " + call.Operation + " with session credentials"}
}

// Check decides one target of a call. A refusal is a *wire.Error with the service's own code.
func (a *Authorizer) Check(call *wire.Call, t Target) error {
	var keys Keys
	if !free(call, t) {
		keys = a.Keys(call, nil)
	}
	return a.decide(call, t, keys)
}

func (a *Authorizer) decide(call *wire.Call, t Target, keys Keys) error {
	err := a.control.Authorize(call.Principal, control.Access{
		Action: t.Action, Resource: t.ARN, Names: Names(call.Principal), Context: joined(keys, t.Keys), Policy: t.Policy, Account: t.Owner,
	})
	return refused(call, t, err)
}

// joined adds a target's keys to the call's.
func joined(keys, more Keys) Keys {
	if len(more) == 0 {
		return keys
	}
	out := Keys{}
	maps.Copy(out, keys)
	maps.Copy(out, more)
	return out
}

// refused puts a refusal into the service's words.
func refused(call *wire.Call, t Target, err error) error {
	var why *cloud.Error
	if !errors.As(err, &why) || why.Kind != cloud.Denied {
		return err
	}
	if call.Principal.Kind == "" && call.Service == "s3" {
		return &wire.Error{Code: "AccessDenied", Status: 403, Msg: "Access Denied"} // there is nobody to name
	}
	d := denials[call.Service]
	return &wire.Error{Code: d.code(), Status: d.status(), Msg: d.prefix + message(call, t, why)}
}

// denial is how a service words a refusal.
type denial struct {
	name   string
	http   int
	prefix string
}

func (d denial) code() string {
	if d.name == "" {
		return "AccessDenied"
	}
	return d.name
}

func (d denial) status() int {
	if d.http == 0 {
		return 403
	}
	return d.http
}

var denials = map[string]denial{
	"ec2":    {name: "UnauthorizedOperation", prefix: "You are not authorized to perform this operation. "},
	"lambda": {name: "AccessDeniedException"},
	"logs":   {name: "AccessDeniedException", http: 400},
}

// message is AWS's sentence for a refusal.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func message(call *wire.Call, t Target, why *cloud.Error) string {
	policy := why.ID
	if policy != "permissions boundary" {
		policy += " policy"
	}
	because := fmt.Sprintf("because no %s allows the %s action", policy, t.Action)
	if why.Reason == "explicit-deny" {
		because = fmt.Sprintf("with an explicit deny in a %s", policy)
		if policy[0] == 'i' {
			because = fmt.Sprintf("with an explicit deny in an %s", policy)
		}
	}
	on := " on resource: " + t.ARN
	if t.ARN == "" || t.ARN == "*" && call.Service == "ec2" {
		on = "" // EC2 names no resource where an action takes none
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", ARN(call.Principal), t.Action, on, because)
}
