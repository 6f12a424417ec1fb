package control

import (
	"maps"
	"slices"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// NamedPolicy is a policy with where it comes from.
type NamedPolicy struct{ Name, Source, Document string }

// Sources of a policy.
const (
	SourceUser     = "user"
	SourceGroup    = "group"
	SourceRole     = "role"
	SourceVendor   = "platform" // a managed policy of the platform's own
	SourceManaged  = "managed"
	SourceResource = "resource"
	SourceGiven    = "" // given with the question
)

// Simulation is a question about policies that need not stand anywhere.
type Simulation struct {
	Policies []NamedPolicy
	Boundary []string // nil does not limit
	Resource string   // the resource's policy; "" is none
	Names    []PrincipalName
	Context  map[string][]string
	// Account and Owner are whose the caller and the resource are.
	Account, Owner string
}

// Verdict answers a Simulation.
type Verdict struct {
	Allowed, Explicit bool
	Matched           []NamedPolicy // those with a statement that decided
	Bounded           bool          // there is a boundary
	InBoundary        bool
	Missing           []string // condition keys that policies ask for and Context has not
}

// Simulate decides without anything being done.
func (c *Control) Simulate(s Simulation, action, resource string) (*Verdict, error) {
	req := iam.Request{Principals: s.Names, Action: action, Resource: resource, Context: s.Context, SameAccount: s.Owner == "" || s.Owner == s.Account}
	set, named, err := c.simulated(s)
	if err != nil {
		return nil, err
	}
	d := iam.Evaluate(req, set)
	v := &Verdict{Allowed: d.Allowed, Explicit: d.Explicit, Bounded: set.Boundary != nil}
	v.InBoundary = v.Bounded && iam.Evaluate(req, iam.Policies{Identity: set.Boundary}).Allowed
	missing := map[string]bool{}
	for i, doc := range slices.Concat(set.Identity, set.Resource) {
		if iam.Covers(doc, req, d.Explicit) && (d.Allowed || d.Explicit) {
			v.Matched = append(v.Matched, named[i])
		}
		for _, k := range iam.Keys(doc) {
			if !iam.Has(s.Context, k) {
				missing[k] = true
			}
		}
	}
	v.Missing = slices.Sorted(maps.Keys(missing))
	return v, nil
}

// simulated parses a simulation's documents; named goes with the identity and
// resource documents in order.
func (c *Control) simulated(s Simulation) (set iam.Policies, named []NamedPolicy, err error) {
	texts := make([]string, len(s.Policies))
	for i, p := range s.Policies {
		texts[i] = p.Document
	}
	if set.Identity, err = c.documents(texts); err != nil {
		return set, nil, err
	}
	if s.Boundary != nil {
		if set.Boundary, err = c.documents(s.Boundary); err != nil {
			return set, nil, err
		}
	}
	named = slices.Clone(s.Policies)
	if s.Resource != "" {
		d, err := c.document(s.Resource, iam.Resource)
		if err != nil {
			return set, nil, err
		}
		set.Resource = []*iam.Document{d}
		named = append(named, NamedPolicy{"ResourcePolicy", SourceResource, s.Resource})
	}
	return set, named, nil
}

// ContextKeys lists the condition keys that policies ask for.
func (c *Control) ContextKeys(documents []string) ([]string, error) {
	docs, err := c.documents(documents)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for _, d := range docs {
		for _, k := range iam.Keys(d) {
			keys[k] = true
		}
	}
	return slices.Sorted(maps.Keys(keys)), nil
}

// PoliciesOf lists what a user (with its groups), group or role has, and the
// documents of its boundary (nil if it has none).
func (c *Control) PoliciesOf(account string, h Holder) (policies []NamedPolicy, boundary []string, err error) {
	v := c.View()
	g, err := grantsOf(v, account, h)
	if err != nil {
		return nil, nil, err
	}
	policies = namedPolicies(v, string(h.Kind), h.Name, g)
	arn := ""
	switch h.Kind {
	case cloud.KindUser:
		u, _ := cloud.Users.Get(v, cloud.AccountKey(account, h.Name))
		arn = u.Boundary
		for _, name := range u.Groups {
			g, err := grantsOf(v, account, Holder{cloud.KindGroup, name})
			if err != nil {
				return nil, nil, err
			}
			policies = append(policies, namedPolicies(v, SourceGroup, name, g)...)
		}
	case cloud.KindRole:
		r, _ := cloud.Roles.Get(v, cloud.AccountKey(account, h.Name))
		arn = r.Boundary
	}
	if arn != "" {
		boundary = append([]string{}, attachedDocuments(v, []string{arn})...)
	}
	return policies, boundary, nil
}

func namedPolicies(v cloud.View, source, holder string, g grants) []NamedPolicy {
	var out []NamedPolicy
	for _, name := range slices.Sorted(maps.Keys(g.Inline)) {
		out = append(out, NamedPolicy{source + "_" + holder + "_" + name, source, g.Inline[name]})
	}
	for _, arn := range g.Attached {
		p, ok := cloud.Policies.Get(v, arn)
		if !ok {
			continue
		}
		managed := SourceManaged
		if p.Account == "" {
			managed = SourceVendor
		}
		for _, doc := range attachedDocuments(v, []string{arn}) {
			out = append(out, NamedPolicy{p.Name, managed, doc})
		}
	}
	return out
}
