// Package access asks, before every operation of Alibaba Cloud's dialect, whether
// the caller may: it gives the caller its names and condition keys and words the
// refusal as the product does.
//
// One account is one in both dialects: the same users, groups, roles and keys. Its
// UID here is its 12 digits after 1000. The key that is root in one dialect is root
// in the other, and a policy of either grammar counts in both, for the actions and
// resources that it names.
//
// Invariants: an operation without a resource lister acts on "*"; every resource
// of a call must be allowed.
package access

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Target is one thing that a call does to something.
type Target struct {
	Action string // "vpc:CreateVpc"
	ARN    string // acs:vpc:cn-hangzhou:1000…:vpc/vpc-…, or "*"
	Keys   Keys   // condition keys of this target, beside the call's
	Group  string // the resource group that it is, or will be, in; "" is none
}

// Keys are the condition keys of a call.
type Keys = map[string][]string

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

// prefixes are the products' names in actions, where they are not the service's.
// https://www.alibabacloud.com/help/en/ram/product-overview/services-that-work-with-ram
var prefixes = map[string]string{"sls": "log", "cbn": "cen", "vpcpeer": "vpc", "resourcemanager": "resourcemanager"}

// Action is the name of a call's operation in policies.
func Action(call *wire.Call) string {
	prefix := prefixes[call.Service]
	if prefix == "" {
		prefix = call.Service
	}
	return prefix + ":" + call.Operation
}

// open are operations that need no permission.
var open = map[string]bool{"sts:GetCallerIdentity": true}

// Authorize is wire.Config's hook for calls of this dialect.
func (a *Authorizer) Authorize(ctx context.Context, call *wire.Call, in any) error {
	if call.Principal.Kind == "" {
		return nil // anonymous calls are only let through to operations that check for themselves
	}
	if err := a.control.NoteKeyUse(ctx, call.Principal.KeyID, call.Service, call.Region); err != nil {
		return fmt.Errorf("noting the use of key %s: %w", call.Principal.KeyID, err)
	}
	if open[call.Service+":"+call.Operation] {
		return nil
	}
	list := a.listers[call.Service]
	if list == nil {
		return a.Check(call, Target{Action: Action(call), ARN: "*", Group: Text(in, "ResourceGroupId")})
	}
	for _, t := range list(call, in) {
		if err := a.Check(call, t); err != nil {
			return err
		}
	}
	return nil
}

// Check decides one target of a call. A refusal is a *wire.Error.
func (a *Authorizer) Check(call *wire.Call, t Target) error {
	keys := a.Keys(call)
	for k, v := range t.Keys {
		keys[k] = v
	}
	err := a.control.Authorize(call.Principal, control.Access{
		Action: t.Action, Resource: t.ARN, Names: Names(call.Principal), Context: keys, Group: t.Group,
	})
	return refused(call, t, err)
}

// Keys are the general condition keys of a call.
// https://www.alibabacloud.com/help/en/ram/user-guide/policy-elements
func (a *Authorizer) Keys(call *wire.Call) Keys {
	k := Keys{
		"acs:CurrentTime":     {a.now().UTC().Format(time.RFC3339)},
		"acs:SecureTransport": {fmt.Sprint(call.TLS)},
		"acs:MFAPresent":      {"false"},
	}
	if call.Source.IsValid() {
		k["acs:SourceIp"] = []string{call.Source.String()}
	}
	if call.VPC != "" {
		k["acs:SourceVpc"] = []string{string(call.VPC)}
	}
	return k
}

// refused puts a refusal into the product's words.
func refused(call *wire.Call, t Target, err error) error {
	var why *cloud.Error
	if !errors.As(err, &why) || why.Kind != cloud.Denied {
		return err
	}
	switch call.Service {
	case "ram", "sts", "resourcemanager":
		return &wire.Error{Code: "NoPermission", Status: 403, Msg: fmt.Sprintf("You are not authorized to do this action. You should be authorized by RAM. Action: %s, resource: %s.", t.Action, t.ARN)}
	case "fc":
		return &wire.Error{Code: "AccessDenied", Status: 403, Msg: fmt.Sprintf("the caller is not authorized to perform '%s' on resource '%s'", t.Action, t.ARN)}
	case "sls":
		return &wire.Error{Code: "Unauthorized", Status: 403, Msg: fmt.Sprintf("denied by sts or ram, action: %s, resource: %s", t.Action, t.ARN)}
	}
	return &wire.Error{Code: "Forbidden.RAM", Status: 403, Msg: "User not authorized to operate on the specified resource, or this API doesn't support RAM."}
}

// Text is a string member of an operation's input; "" if it has none.
func Text(in any, field string) string {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return ""
	}
	f := v.FieldByName(field)
	if !f.IsValid() {
		return ""
	}
	if p, ok := f.Interface().(*string); ok && p != nil {
		return *p
	}
	return ""
}
