package sts

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)$`)

// resourceARN is the form that a role's ARN must have, whatever it names.
var resourceARN = regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$`)

// findRole finds the role that an ARN names.
func findRole(c *control.Control, arn string) (*cloud.Role, bool) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return nil, false
	}
	r, ok := cloud.Roles.Get(c.View(), cloud.AccountKey(m[1], m[2]))
	if !ok || arn != access.IAM(r.Account, "role", r.Path, r.Name) {
		return nil, false
	}
	return r, true
}

// principal is the session principal of a role.
func principal(r *cloud.Role, session string) cloud.Principal {
	return cloud.Principal{
		Kind: cloud.PrincipalSession, Account: r.Account, ID: r.ID + ":" + session, Name: r.Name, Path: r.Path, Session: session,
	}
}

// RoleSession issues credentials of a role to Lambda, if the role trusts it, for
// a function, which the session is named after.
func RoleSession(ctx context.Context, c *control.Control, arn, session string, life time.Duration) (*control.Session, error) {
	r, ok := findRole(c, arn)
	if !ok || c.ServiceMayAssume("lambda.amazonaws.com", r) != nil {
		return nil, cloud.Errorf(cloud.Denied, cloud.KindFunction, session, "role", "The role defined for the function cannot be assumed by Lambda.")
	}
	return c.IssueSession(ctx, principal(r, session), sessionKeyID(), life)
}

const noMFA = "MultiFactorAuthentication failed with invalid MFA one time pass code." // no user here has a device

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (a *api) assumeRole(ctx context.Context, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	call := wire.CallFrom(ctx)
	who := call.Principal
	refused := func(action string) error {
		return denied(fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s", access.ARN(who), action, *in.RoleArn))
	}
	switch {
	case who.Kind == cloud.PrincipalRoot:
		return nil, denied("Roles may not be assumed by root accounts.")
	case in.SerialNumber != nil || in.TokenCode != nil:
		return nil, denied(noMFA)
	case len(in.ProvidedContexts) > 0:
		return nil, &wire.Error{Code: "ValidationError", Msg: "Weir has no context providers; leave ProvidedContexts out."}
	}
	if !resourceARN.MatchString(*in.RoleArn) {
		return nil, &wire.Error{Code: "ValidationError", Msg: *in.RoleArn + " is invalid"}
	}
	r, ok := findRole(a.control, *in.RoleArn)
	if !ok {
		return nil, refused("sts:AssumeRole")
	}
	p := principal(r, *in.RoleSessionName)
	if err := inherit(&p, who, in); err != nil {
		return nil, err
	}
	if action := a.mayAssume(call, r, p, in); action != "" {
		return nil, refused(action)
	}
	life, err := sessionLife(who, r, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	size, err := a.limit(&p, r.Account, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	s, err := a.control.IssueSession(ctx, p, sessionKeyID(), life)
	if err != nil {
		return nil, err
	}
	arn := access.ARN(s.Principal)
	out := &AssumeRoleOutput{
		AssumedRoleUser: &AssumedRoleUser{Arn: &arn, AssumedRoleId: &s.Principal.ID},
		Credentials:     credentials(s), PackedPolicySize: size,
	}
	if p.SourceIdentity != "" {
		out.SourceIdentity = &p.SourceIdentity
	}
	return out, nil
}

// inherit gives the session the call's tags, and the transitive tags and the
// source identity of the session that asks for it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
func inherit(p *cloud.Principal, who cloud.Principal, in *AssumeRoleInput) error {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return err
	}
	for _, k := range in.TransitiveTagKeys {
		key := sameKey(tags, k)
		if key == "" {
			return &wire.Error{Code: "InvalidParameterValue", Msg: "The specified transitive tag key must be included in the requested tags."}
		}
		p.Transitive = append(p.Transitive, key)
	}
	for _, k := range who.Transitive {
		if sameKey(tags, k) != "" {
			return &wire.Error{Code: "InvalidParameterValue", Msg: "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."}
		}
		if tags == nil {
			tags = map[string]string{}
		}
		tags[k] = who.Tags[k]
		p.Transitive = append(p.Transitive, k)
	}
	p.Tags, p.SourceIdentity = tags, value(in.SourceIdentity)
	if who.SourceIdentity != "" {
		if p.SourceIdentity != "" && p.SourceIdentity != who.SourceIdentity {
			return denied("Source identity cannot be changed once it is set.")
		}
		p.SourceIdentity = who.SourceIdentity
	}
	return nil
}

// sameKey finds a tag whose key differs from k in case at most, as tags of sessions
// are one then; "" if there is none.
func sameKey(tags map[string]string, k string) string {
	for key := range tags {
		if strings.EqualFold(key, k) {
			return key
		}
	}
	return ""
}

func tagMap(tags []Tag) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	out, seen := map[string]string{}, map[string]bool{}
	for _, t := range tags {
		if seen[strings.ToLower(*t.Key)] {
			return nil, &wire.Error{Code: "InvalidParameterValue", Msg: "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
		}
		out[*t.Key], seen[strings.ToLower(*t.Key)] = value(t.Value), true
	}
	return out, nil
}

// mayAssume checks the role's trust policy and the caller's own policies, for
// all that the call does; it returns the action that is refused.
func (a *api) mayAssume(call *wire.Call, r *cloud.Role, p cloud.Principal, in *AssumeRoleInput) string {
	keys := a.access.Keys(call, in)
	keys["sts:RoleSessionName"] = []string{*in.RoleSessionName}
	set := func(key, v string) {
		if v != "" {
			keys[key] = []string{v}
		}
	}
	set("sts:ExternalId", value(in.ExternalId))
	set("sts:SourceIdentity", p.SourceIdentity)
	for k, v := range p.Tags {
		keys["aws:RequestTag/"+k] = []string{v}
	}
	if len(p.Transitive) > 0 {
		keys["sts:TransitiveTagKeys"] = p.Transitive
	}
	for tag, v := range r.Tags {
		keys["aws:ResourceTag/"+tag], keys["iam:ResourceTag/"+tag] = []string{v}, []string{v}
	}
	actions := []string{"sts:AssumeRole"}
	if len(p.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if p.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		err := a.control.AuthorizeAssume(call.Principal, r, control.Access{
			Action: action, Resource: *in.RoleArn, Names: access.Names(call.Principal), Context: keys,
		})
		if err != nil {
			return action
		}
	}
	return ""
}

// sessionLife bounds a session by the role's maximum, and chained sessions by an hour.
func sessionLife(who cloud.Principal, r *cloud.Role, seconds *int32) (time.Duration, error) {
	life := time.Hour
	if seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	if who.Kind == cloud.PrincipalSession && life > time.Hour {
		return 0, &wire.Error{Code: "ValidationError", Msg: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."}
	}
	if life > r.MaxSession {
		return 0, &wire.Error{Code: "ValidationError", Msg: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	return life, nil
}
