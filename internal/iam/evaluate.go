package iam

import (
	"slices"
	"strings"
)

// Request is one thing somebody wants to do.
type Request struct {
	// Principals are the names under which resource and trust policies may know
	// the caller, most specific first: {"AWS", user or session ARN}, {"AWS", role ARN},
	// {"AWS", account root ARN}, {"Service", "lambda.amazonaws.com"}.
	Principals []Principal
	Action     string
	Resource   string
	// Context has the condition keys; keys are compared without case.
	Context map[string][]string
	// SameAccount: the resource belongs to the caller's account.
	SameAccount bool
}

// Policies are all that bear on a request. A nil Boundary or Session does not
// limit; an empty, non-nil one allows nothing.
type Policies struct {
	Identity []*Document
	Resource []*Document
	Boundary []*Document
	Session  []*Document
}

// Decision is the answer with its ground.
type Decision struct {
	Allowed  bool
	Explicit bool   // an explicit deny decided
	Kind     string // which kind of policy decided: identity-based, resource-based, permissions boundary, session
	Sid      string // of the deciding statement
}

// Evaluate decides a request.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func Evaluate(r Request, p Policies) Decision {
	kinds := []struct {
		name string
		docs []*Document
	}{{"identity-based", p.Identity}, {"resource-based", p.Resource}, {"permissions boundary", p.Boundary}, {"session", p.Session}}
	for _, k := range kinds {
		if s := find(k.docs, r, true); s != nil {
			return Decision{Explicit: true, Kind: k.name, Sid: s.Sid}
		}
	}
	identity, resource := find(p.Identity, r, false), find(p.Resource, r, false)
	switch {
	case identity == nil && resource == nil:
		return Decision{Kind: "identity-based"}
	case !r.SameAccount && (identity == nil || resource == nil):
		// Across accounts both sides must agree.
		return Decision{Kind: "resource-based"}
	case identity != nil && p.Boundary != nil && find(p.Boundary, r, false) == nil:
		return Decision{Kind: "permissions boundary"}
	case identity != nil && p.Session != nil && find(p.Session, r, false) == nil:
		return Decision{Kind: "session"}
	case identity != nil:
		return Decision{Allowed: true, Kind: "identity-based", Sid: identity.Sid}
	}
	return Decision{Allowed: true, Kind: "resource-based", Sid: resource.Sid}
}

// Trusts reports whether a trust policy lets the caller take this action.
func Trusts(d *Document, r Request) bool {
	docs := []*Document{d}
	return find(docs, r, true) == nil && find(docs, r, false) != nil
}

// find returns the first statement with this effect that covers the request.
func find(docs []*Document, r Request, deny bool) *Statement {
	for _, d := range docs {
		vars := d.Version == "2012-10-17"
		for i := range d.Statements {
			if s := &d.Statements[i]; s.Deny == deny && s.covers(r, vars) {
				return s
			}
		}
	}
	return nil
}

func (s *Statement) covers(r Request, vars bool) bool {
	if s.Principals != nil && slices.ContainsFunc(s.Principals, r.is) == s.NotPrinc {
		return false
	}
	action := slices.ContainsFunc(s.Actions, func(a string) bool {
		return like(strings.ToLower(r.Action), strings.ToLower(a))
	})
	if action == s.NotAction {
		return false
	}
	if s.Resources != nil && s.names(r, vars) == s.NotRes {
		return false
	}
	return !slices.ContainsFunc(s.Conditions, func(c Condition) bool { return !c.holds(r.Context, vars) })
}

// names reports whether the statement's resources include the request's.
func (s *Statement) names(r Request, vars bool) bool {
	return slices.ContainsFunc(s.Resources, func(p string) bool {
		if vars {
			var ok bool
			if p, ok = expand(p, r.Context); !ok {
				return false
			}
		}
		return p == "*" || r.Resource != "*" && (like(r.Resource, p))
	})
}

// is reports whether p names the caller.
func (r Request) is(p Principal) bool {
	if p.Value == "*" && (p.Type == "*" || p.Type == "AWS") {
		return true
	}
	return slices.ContainsFunc(r.Principals, func(me Principal) bool {
		if me == p {
			return true
		}
		// An account number stands for the account's root.
		return me.Type == p.Type && p.Type == "AWS" && strings.HasSuffix(me.Value, ":root") &&
			strings.Contains(me.Value, "::"+p.Value+":")
	})
}
