// Package iam speaks AWS IAM: users, groups, roles, policies, access keys and
// instance profiles.
//
// Invariants: names, paths and documents are checked by the model and by
// package control; documents go out URL-encoded, as IAM sends them.
package iam

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"

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
	a.handleRoles(s)
	a.handleUsers(s)
	a.handleGroups(s)
	a.handlePolicies(s)
	a.handleAccount(s)
	a.handleAbsent(s)
	a.handleInstanceProfiles(s)
	return s
}

// mapError gives neutral errors IAM's codes.
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
func mapError(e *cloud.Error) *wire.Error {
	switch e.Kind {
	case cloud.NotFound:
		return &wire.Error{Code: "NoSuchEntity", Status: 404, Msg: e.Msg}
	case cloud.Exists:
		return &wire.Error{Code: "EntityAlreadyExists", Status: 409, Msg: e.Msg}
	case cloud.InUse:
		return &wire.Error{Code: "DeleteConflict", Status: 409, Msg: e.Msg}
	case cloud.Limit:
		return &wire.Error{Code: "LimitExceeded", Status: 409, Msg: e.Msg}
	case cloud.Malformed:
		return &wire.Error{Code: "MalformedPolicyDocument", Status: 400, Msg: e.Msg}
	case cloud.State:
		return &wire.Error{Code: "UnmodifiableEntity", Status: 400, Msg: e.Msg}
	case cloud.Invalid:
		return &wire.Error{Code: "InvalidInput", Status: 400, Msg: e.Msg}
	}
	return nil
}

// caller is who calls, with IAM's form of unique IDs.
func caller(ctx context.Context) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: call.Account, Principal: call.Principal, NewID: newID}
}

var idPrefixes = map[cloud.Resource]string{
	cloud.KindUser: "AIDA", cloud.KindGroup: "AGPA", cloud.KindRole: "AROA", cloud.KindPolicy: "ANPA",
	cloud.KindInstanceProfile: "AIPA", cloud.KindAccessKey: "AKIA",
}

// newID makes a unique ID: a prefix that tells the kind, and 17 letters or
// digits; an access key's has 16.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
func newID(kind cloud.Resource) string {
	prefix, ok := idPrefixes[kind]
	if !ok {
		panic("iam: a " + string(kind) + " has no ID of this API")
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, 17)
	if kind == cloud.KindAccessKey {
		b = b[:16]
	}
	rand.Read(b)
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return prefix + string(b)
}

func arn(account, kind, path, name string) *string {
	return ptr(access.IAM(account, kind, path, name))
}

// account is the caller's account.
func account(ctx context.Context) string { return wire.CallFrom(ctx).Account }

// pathOr is a resource's path; the default is "/".
func pathOr(p *string) string {
	if p == nil {
		return "/"
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// document encodes a policy document as IAM's answers carry it (RFC 3986).
func document(doc string) *string {
	s := strings.ReplaceAll(url.QueryEscape(doc), "+", "%20")
	return &s
}

// tagMap checks tags as IAM does: keys differ in more than case, and are not AWS's own.
func tagMap(tags []Tag) (map[string]string, error) {
	out, seen := map[string]string{}, map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(*t.Key)
		switch {
		case seen[key]:
			return nil, &wire.Error{Code: "InvalidInput", Msg: "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
		case strings.HasPrefix(key, "aws:"):
			return nil, &wire.Error{Code: "ValidationError", Msg: "Tag keys beginning with aws: are reserved for system use."}
		}
		seen[key] = true
		out[*t.Key] = *t.Value
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func tagList(tags map[string]string) []Tag {
	out := []Tag{}
	for k, v := range tags {
		out = append(out, Tag{Key: ptr(k), Value: ptr(v)})
	}
	slices.SortFunc(out, func(a, b Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return out
}

// page is one page of a list in IAM's manner: Marker, MaxItems (100), IsTruncated.
func page[T any](ctx context.Context, items []T, marker *string, max *int32, key func(T) string) ([]T, *string, *bool, error) {
	call := wire.CallFrom(ctx)
	out, next, err := wire.Page(items, wire.Paging{Max: max, Token: marker, Default: 100, Scope: call.Operation + "/" + call.Account}, key)
	return out, next, ptr(next != nil), err
}
