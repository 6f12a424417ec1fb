package sts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

var (
	roleARN     = regexp.MustCompile(`^acs:ram::(\d+):role/([^/]+)$`)
	sessionName = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)
)

const (
	// minSession is the shortest session.
	minSession = 900
	// maxPolicy is how many characters a session policy may have.
	maxPolicy = 2048
	// functionSession is how long the credentials last that Function Compute gives a
	// function: "The validity period of the temporary key is fixed at 36 hours".
	// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/grant-function-compute-permissions-to-access-other-alibaba-cloud-services
	functionSession = 36 * time.Hour
	// functionCompute is the service that functions' roles trust.
	functionCompute = "fc.aliyuncs.com"
)

// ECS is the service that instances' roles trust.
const ECS = "ecs.aliyuncs.com"

// InstanceSession issues credentials of a role to ECS for an instance, which the
// session is named after, if the role trusts it.
func InstanceSession(ctx context.Context, c *control.Control, account, role string, instance cloud.InstanceID, life time.Duration) (*control.Session, error) {
	r, ok := cloud.Roles.Get(c.View(), cloud.AccountKey(account, role))
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindRole, role, "role", "the role %s does not exist", role)
	}
	if err := c.ServiceMayAssume(ECS, r); err != nil {
		return nil, err
	}
	return c.IssueSession(ctx, principal(r, string(instance)), sessionKeyID(), life)
}

// FindRole finds the role that an ARN names; names of roles have no case here.
func FindRole(c *control.Control, arn string) (*cloud.Role, bool) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return nil, false
	}
	account, ok := access.Account(m[1])
	if !ok {
		return nil, false
	}
	if r, ok := cloud.Roles.Get(c.View(), cloud.AccountKey(account, m[2])); ok {
		return r, true
	}
	for r := range cloud.Roles.By(c.View(), "account", account) {
		if strings.EqualFold(r.Name, m[2]) {
			return r, true
		}
	}
	return nil, false
}

// principal is the session principal of a role.
func principal(r *cloud.Role, session string) cloud.Principal {
	return cloud.Principal{
		Kind: cloud.PrincipalSession, Account: r.Account, ID: r.ID + ":" + session, Name: r.Name, Path: r.Path, Session: session,
	}
}

// sessionKeyID makes a temporary access key's ID.
func sessionKeyID() string {
	b := make([]byte, 24)
	rand.Read(b)
	return "STS.N" + strings.NewReplacer("-", "a", "_", "b").Replace(base64.RawURLEncoding.EncodeToString(b))[:24]
}

// FunctionSession issues credentials of a role to Function Compute for a function,
// which the session is named after, if the role trusts it. They last 36 hours,
// which no caller of AssumeRole gets.
func FunctionSession(ctx context.Context, c *control.Control, arn, function string) (*control.Session, error) {
	r, ok := FindRole(c, arn)
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindRole, arn, "role", "the role %s does not exist", arn)
	}
	if err := c.ServiceMayAssume(functionCompute, r); err != nil {
		return nil, err
	}
	return c.IssueSession(ctx, principal(r, function), sessionKeyID(), functionSession)
}

func invalid(parameter, format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidParameter." + parameter, Msg: fmt.Sprintf(format, args...)}
}

func denied(msg string) *wire.Error { return &wire.Error{Code: "NoPermission", Status: 403, Msg: msg} }

// https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
func (a *api) assumeRole(ctx context.Context, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	call := wire.CallFrom(ctx)
	switch {
	case call.Principal.Kind == cloud.PrincipalRoot:
		return nil, denied("Roles may not be assumed by root accounts.")
	case !roleARN.MatchString(*in.RoleArn):
		return nil, invalid("RoleArn", "The parameter RoleArn is wrongly formed.")
	case !sessionName.MatchString(*in.RoleSessionName):
		return nil, invalid("RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
	}
	r, ok := FindRole(a.control, *in.RoleArn)
	if !ok {
		return nil, &wire.Error{Code: "EntityNotExist.Role", Status: 404, Msg: "The specified Role not exists: " + *in.RoleArn + "."}
	}
	p := principal(r, *in.RoleSessionName)
	if err := sourceIdentity(&p, call.Principal, in.SourceIdentity); err != nil {
		return nil, err
	}
	if err := a.mayAssume(call, r, in); err != nil {
		return nil, err
	}
	life, err := sessionLife(r, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	if err := a.limit(&p, r.Account, in.Policy); err != nil {
		return nil, err
	}
	s, err := a.control.IssueSession(ctx, p, sessionKeyID(), life)
	if err != nil {
		return nil, err
	}
	out := &AssumeRoleOutput{
		AssumedRoleUser: &AssumedRoleUser{Arn: new(access.RAM(r.Account, "role", r.Name+"/"+p.Session)), AssumedRoleId: &s.Principal.ID},
		Credentials: &Credentials{
			AccessKeyId: &s.KeyID, AccessKeySecret: &s.Secret, SecurityToken: &s.Token,
			Expiration: new(s.Expires.UTC().Format(time.RFC3339)),
		},
	}
	if p.SourceIdentity != "" {
		out.SourceIdentity = &p.SourceIdentity
	}
	return out, nil
}

// sourceIdentity stays what the first session of a chain said it is.
func sourceIdentity(p *cloud.Principal, who cloud.Principal, asked *string) error {
	if asked != nil {
		p.SourceIdentity = *asked
	}
	if who.SourceIdentity == "" {
		return nil
	}
	if p.SourceIdentity != "" && p.SourceIdentity != who.SourceIdentity {
		return denied("Source identity cannot be changed once it is set.")
	}
	p.SourceIdentity = who.SourceIdentity
	return nil
}

// mayAssume asks the role's trust policy and the caller's own ones: naming a user
// in the trust policy does not spare it the permission.
func (a *api) mayAssume(call *wire.Call, r *cloud.Role, in *AssumeRoleInput) error {
	target := access.Target{Action: "sts:AssumeRole", ARN: access.RAM(r.Account, "role", r.Name)}
	if err := a.access.Check(call, target); err != nil {
		return err
	}
	keys := a.access.Keys(call)
	if in.ExternalId != nil {
		keys["sts:ExternalId"] = []string{*in.ExternalId}
	}
	if in.SourceIdentity != nil {
		keys["sts:SourceIdentity"] = []string{*in.SourceIdentity}
	}
	err := a.control.AuthorizeAssume(call.Principal, r, control.Access{
		Action: target.Action, Resource: target.ARN, Names: access.Names(call.Principal), Context: keys,
	})
	if cloud.IsKind(err, cloud.Denied) {
		return denied("You are not authorized to do this action. You should be authorized by RAM.")
	}
	return err
}

// sessionLife is an hour, or what is asked for, within the role's maximum.
func sessionLife(r *cloud.Role, seconds *int64) (time.Duration, error) {
	if seconds == nil {
		return min(time.Hour, r.MaxSession), nil
	}
	longest := int64(r.MaxSession / time.Second)
	if *seconds < minSession || *seconds > longest {
		return 0, invalid("DurationSeconds", "The Min/Max value of DurationSeconds is %d/%d seconds.", minSession, longest)
	}
	return time.Duration(*seconds) * time.Second, nil
}

// limit puts a session policy into p.
func (a *api) limit(p *cloud.Principal, account string, policy *string) error {
	if policy == nil || *policy == "" {
		return nil
	}
	if len(*policy) > maxPolicy {
		return invalid("PolicySize", "The parameter Policy has %d characters, more than %d.", len(*policy), maxPolicy)
	}
	if err := a.control.CheckSessionPolicies(account, *policy, nil); err != nil {
		return invalid("PolicyGrammar", "The parameter Policy has not passed grammar check.")
	}
	p.Limited, p.Policy = true, *policy
	return nil
}
