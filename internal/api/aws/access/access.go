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
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Target is what a call acts on.
type Target struct {
	Action string
	ARN    string // "*" if the action takes no resource
	Policy string // the resource's own policy document, if it has one
	Owner  string // account that owns the resource; "" is the caller's
}

// Lister lists what a call acts on; the input is the operation's decoded one.
type Lister func(call *wire.Call, in any) []Target

// Authorizer decides calls by the policies that control holds.
type Authorizer struct {
	control *control.Control
	listers map[string]Lister // by service
	now     func() time.Time
}

// New returns an Authorizer; services without a lister act on "*".
func New(c *control.Control, listers map[string]Lister) *Authorizer {
	return &Authorizer{c, listers, time.Now}
}

// open are operations that need no permission.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
var open = map[string]bool{"sts:GetCallerIdentity": true, "sts:GetSessionToken": true}

// Authorize is wire.Config's hook.
func (a *Authorizer) Authorize(_ context.Context, call *wire.Call, in any) error {
	if open[call.Service+":"+call.Operation] || call.Principal.Kind == "" {
		return nil // anonymous calls are only let through to operations that check for themselves
	}
	list := a.listers[call.Service]
	if list == nil {
		list = func(call *wire.Call, _ any) []Target {
			return []Target{{Action: call.Service + ":" + call.Operation, ARN: "*"}}
		}
	}
	for _, t := range list(call, in) {
		if err := a.Check(call, t); err != nil {
			return err
		}
	}
	return nil
}

// Check decides one target of a call. A refusal is a *wire.Error with the service's own code.
func (a *Authorizer) Check(call *wire.Call, t Target) error {
	err := a.control.Authorize(call.Principal, control.Access{
		Action: t.Action, Resource: t.ARN, Names: Names(call.Principal), Context: a.keys(call), Policy: t.Policy, Account: t.Owner,
	})
	var refused *cloud.Error
	if !errors.As(err, &refused) || refused.Kind != cloud.Denied {
		return err
	}
	return &wire.Error{Code: denials[call.Service].code(), Status: denials[call.Service].status(), Msg: denials[call.Service].prefix + message(call, t, refused)}
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
	because := fmt.Sprintf("because no %s policy allows the %s action", why.ID, t.Action)
	if why.Reason == "explicit-deny" {
		because = fmt.Sprintf("with an explicit deny in a %s policy", why.ID)
	}
	on := ""
	if t.ARN != "" {
		on = " on resource: " + t.ARN
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", ARN(call.Principal), t.Action, on, because)
}

// ARN is a principal's name in messages and in GetCallerIdentity.
func ARN(p cloud.Principal) string {
	switch p.Kind {
	case cloud.PrincipalUser:
		return "arn:aws:iam::" + p.Account + ":user/" + p.Name
	case cloud.PrincipalSession:
		return "arn:aws:sts::" + p.Account + ":assumed-role/" + p.Name + "/" + p.Session
	}
	return "arn:aws:iam::" + p.Account + ":root"
}

// Names are what policies may call a principal, most specific first.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func Names(p cloud.Principal) []control.PrincipalName {
	if p.Kind == cloud.PrincipalService {
		return []control.PrincipalName{{Type: "Service", Value: p.Name}}
	}
	names := []control.PrincipalName{{Type: "AWS", Value: ARN(p)}}
	if p.Kind == cloud.PrincipalSession {
		names = append(names, control.PrincipalName{Type: "AWS", Value: RoleARN(p)})
	}
	return append(names, control.PrincipalName{Type: "AWS", Value: "arn:aws:iam::" + p.Account + ":root"})
}

// RoleARN is the role behind a session.
func RoleARN(p cloud.Principal) string { return "arn:aws:iam::" + p.Account + ":role/" + p.Name }

// keys are the global condition keys of a call.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (a *Authorizer) keys(call *wire.Call) map[string][]string {
	p := call.Principal
	now := a.now().UTC()
	arn := ARN(p)
	k := map[string][]string{
		"aws:CurrentTime":      {now.Format(time.RFC3339)},
		"aws:EpochTime":        {fmt.Sprint(now.Unix())},
		"aws:PrincipalAccount": {p.Account},
		"aws:RequestedRegion":  {call.Region},
		"aws:userid":           {p.ID},
		"aws:SecureTransport":  {"true"},
		"aws:PrincipalType":    {principalTypes[p.Kind]},
	}
	switch p.Kind {
	case cloud.PrincipalUser:
		k["aws:username"] = []string{p.Name}
	case cloud.PrincipalSession:
		arn = RoleARN(p)
	}
	k["aws:PrincipalArn"] = []string{arn}
	if call.Source.IsValid() {
		if call.VPC != "" {
			k["aws:VpcSourceIp"] = []string{call.Source.String()}
		} else {
			k["aws:SourceIp"] = []string{call.Source.String()}
		}
	}
	if call.VPC != "" {
		k["aws:SourceVpc"] = []string{string(call.VPC)}
	}
	if call.Endpoint != "" {
		k["aws:SourceVpce"] = []string{string(call.Endpoint)}
	}
	return k
}

var principalTypes = map[cloud.PrincipalKind]string{
	cloud.PrincipalRoot: "Account", cloud.PrincipalUser: "User", cloud.PrincipalSession: "AssumedRole", cloud.PrincipalService: "Service",
}

// Split takes an ARN apart: service, region, account and the rest.
func Split(arn string) (service, region, account, rest string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", "", "", "", false
	}
	return parts[2], parts[3], parts[4], parts[5], true
}
