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
	// Trust: the resource is a role to assume, whose policy must agree in any case.
	Trust bool
}

// Policies are all that bear on a request. A nil Boundary, Session or Endpoint
// does not limit; an empty, non-nil one allows nothing.
type Policies struct {
	Identity []*Document
	Resource []*Document
	Boundary []*Document
	Session  []*Document
	Endpoint []*Document // of the VPC endpoint that the request came through
}

// Kinds of policy, as refusals name them.
const (
	KindIdentity = "identity-based"
	KindResource = "resource-based"
	KindBoundary = "permissions boundary"
	KindSession  = "session"
	KindEndpoint = "VPC endpoint"
)

// Decision is the answer with its ground.
type Decision struct {
	Allowed   bool
	Explicit  bool       // an explicit deny decided
	Kind      string     // which kind of policy decided
	Statement *Statement // that decided; nil where the lack of one did
}

// grant is how directly a resource's policy allows a caller.
type grant int

const (
	grantNone    grant = iota
	grantAccount       // to the account: the caller's own policies must allow it too
	grantRole          // to the role or to everybody: boundary and session policy limit it
	grantSelf          // to the user or session itself, or to everybody outside a session
)

// Evaluate decides a request.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
func Evaluate(r Request, p Policies) Decision {
	r.Action = strings.ToLower(r.Action)
	kinds := []struct {
		name string
		docs []*Document
	}{{KindIdentity, p.Identity}, {KindResource, p.Resource}, {KindBoundary, p.Boundary}, {KindSession, p.Session}, {KindEndpoint, p.Endpoint}}
	for _, k := range kinds {
		if s := find(k.docs, r, true); s != nil {
			return Decision{Explicit: true, Kind: k.name, Statement: s}
		}
	}
	if p.Endpoint != nil && find(p.Endpoint, r, false) == nil {
		return Decision{Kind: KindEndpoint}
	}
	given, by := granted(p.Resource, r)
	identity := find(p.Identity, r, false)
	limit := ""
	switch {
	case p.Boundary != nil && find(p.Boundary, r, false) == nil:
		limit = KindBoundary
	case p.Session != nil && find(p.Session, r, false) == nil:
		limit = KindSession
	}
	switch {
	case given == grantNone && (r.Trust || !r.SameAccount):
		// Across accounts, and for a role to assume, both sides must agree.
		return Decision{Kind: KindResource}
	case r.SameAccount && (given == grantSelf || given == grantRole && limit == ""):
		return Decision{Allowed: true, Kind: KindResource, Statement: by}
	case identity == nil:
		return Decision{Kind: KindIdentity}
	case limit != "":
		return Decision{Kind: limit}
	}
	return Decision{Allowed: true, Kind: KindIdentity, Statement: identity}
}

// granted finds the most direct grant of a resource's policies.
func granted(docs []*Document, r Request) (best grant, by *Statement) {
	for _, d := range docs {
		for i := range d.Statements {
			s := &d.Statements[i]
			if s.Deny || !s.covers(r, d.variables()) {
				continue
			}
			if g := s.grants(r); g > best {
				best, by = g, s
			}
		}
	}
	return best, by
}

// grants tells how directly a statement that covers the request names the caller.
func (s *Statement) grants(r Request) grant {
	// A session has three names: its own, its role's and its account's.
	session := len(r.Principals) > 2
	for i, me := range r.Principals {
		root := strings.HasSuffix(me.Value, ":root") && len(r.Principals) > 1
		if s.NotPrinc || root || !slices.ContainsFunc(s.Principals, me.named) {
			continue
		}
		if i == 0 {
			return grantSelf
		}
		return grantRole
	}
	everybody := s.NotPrinc || s.Principals == nil || slices.ContainsFunc(s.Principals, Principal.everybody)
	switch {
	case everybody && session:
		return grantRole
	case everybody:
		return grantSelf
	}
	return grantAccount
}

// Trusts reports whether a trust policy lets the caller take this action.
func Trusts(d *Document, r Request) bool {
	r.Action = strings.ToLower(r.Action)
	docs := []*Document{d}
	return find(docs, r, true) == nil && find(docs, r, false) != nil
}

// variables tells whether the document's version has policy variables.
func (d *Document) variables() bool { return d.Version == "2012-10-17" }

// find returns the first statement with this effect that covers the request,
// whose action is in small letters.
func find(docs []*Document, r Request, deny bool) *Statement {
	for _, d := range docs {
		for i := range d.Statements {
			if s := &d.Statements[i]; s.Deny == deny && s.covers(r, d.variables()) {
				return s
			}
		}
	}
	return nil
}

func (s *Statement) covers(r Request, vars bool) bool {
	if s.Principals != nil && !s.concerns(r) {
		return false
	}
	action := slices.ContainsFunc(s.Actions, func(a string) bool { return like(r.Action, a) })
	if action == s.NotAction || s.Resources != nil && !s.reaches(r, vars) {
		return false
	}
	return !slices.ContainsFunc(s.Conditions, func(c Condition) bool { return !c.holds(r.Context, vars) })
}

// concerns reports whether the statement's Principal or NotPrincipal means the caller.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
func (s *Statement) concerns(r Request) bool {
	listed := func(me Principal) bool {
		return slices.ContainsFunc(s.Principals, func(p Principal) bool { return p.everybody() || me.named(p) })
	}
	switch {
	case !s.NotPrinc:
		return slices.ContainsFunc(s.Principals, Principal.everybody) || slices.ContainsFunc(r.Principals, listed)
	case s.Deny:
		// To be left out of a refusal, all names of a caller must be listed:
		// the session's, the role's and the account's.
		return slices.ContainsFunc(r.Principals, func(me Principal) bool { return !listed(me) })
	}
	return !slices.ContainsFunc(r.Principals, listed)
}

// reaches reports whether the statement's Resource or NotResource means the
// request's. A variable without a value makes a permission by NotResource void.
func (s *Statement) reaches(r Request, vars bool) bool {
	void := false
	named := slices.ContainsFunc(s.Resources, func(p string) bool {
		if vars {
			var ok bool
			if p, ok = expand(p, r.Context, true); !ok {
				void = true
				return false
			}
		}
		return like(r.Resource, p)
	})
	if s.NotRes {
		return !named && (s.Deny || !void)
	}
	return named
}

func (p Principal) everybody() bool {
	return p.Value == "*" && (p.Type == "*" || p.Type == "AWS" || p.Type == "RAM")
}

// named reports whether a policy's entry p means the caller's name me. An
// account's number stands for its root.
func (me Principal) named(p Principal) bool {
	if me == p {
		return true
	}
	return me.Type == p.Type && me.Type == "AWS" && len(p.Value) == 12 && strings.HasSuffix(me.Value, "::"+p.Value+":root")
}
