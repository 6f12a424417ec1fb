package control

import (
	"fmt"
	"sync"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// PrincipalName is what a policy may call a caller.
type PrincipalName = iam.Principal

// Access is one thing somebody wants to do, in the dialect's names.
type Access struct {
	Action   string // "ec2:CreateVpc"
	Resource string // ARN, or "*"
	// Names are what resource policies may call the caller, most specific first.
	Names []PrincipalName
	// Context has the dialect's condition keys.
	Context map[string][]string
	// Policy is the resource's own policy document; "" if it has none.
	Policy string
	// Account owns the resource; "" is the caller's own.
	Account string
	// Group is the resource group that the resource is in; what is granted in it
	// counts too. "" is none.
	Group string
}

// Authorize decides whether who may do a, by the policies of the caller and of
// the resource. A refusal is an Error of kind Denied whose Reason is
// "explicit-deny" or "no-allow" and whose ID names the kind of policy that decided.
func (c *Control) Authorize(who cloud.Principal, a Access) error {
	own := a.Account == "" || a.Account == who.Account
	if who.Kind == cloud.PrincipalRoot && own && a.Policy == "" {
		return nil
	}
	set, err := c.policiesOf(c.View(), who)
	if err != nil {
		return err
	}
	if a.Group != "" {
		docs, err := c.documents(grantedInGroup(c.View(), who, a.Group))
		if err != nil {
			return err
		}
		set.Identity = append(set.Identity, docs...)
	}
	if a.Policy != "" {
		d, err := c.document(a.Policy, iam.Resource)
		if err != nil {
			return fmt.Errorf("the policy of %s: %w", a.Resource, err)
		}
		set.Resource = append(set.Resource, d)
	}
	return refusal(who, a, iam.Evaluate(iam.Request{
		Principals: a.Names, Action: a.Action, Resource: a.Resource, Context: a.Context,
		// A service belongs to no account: the resource's policy alone decides.
		SameAccount: own || who.Kind == cloud.PrincipalService,
	}, set))
}

// refusal is the error for a decision, or nil.
func refusal(who cloud.Principal, a Access, d iam.Decision) error {
	if d.Allowed {
		return nil
	}
	reason := "no-allow"
	if d.Explicit {
		reason = "explicit-deny"
	}
	return cloud.Errorf(cloud.Denied, cloud.KindPolicy, d.Kind, reason, "%s %s may not %s on %s: %s by a %s policy", who.Kind, who.Name, a.Action, a.Resource, reason, d.Kind)
}

// allAccess is what an account's root is allowed.
const allAccess = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// held are the texts of the policies that bear on a principal by itself.
type held struct {
	docs     []string
	boundary string // ARN; "" is none
}

func heldByUser(v cloud.View, u *cloud.User) held {
	docs := append(inlineDocuments(u.Inline), attachedDocuments(v, u.Attached)...)
	for _, name := range u.Groups {
		if g, ok := cloud.Groups.Get(v, cloud.AccountKey(u.Account, name)); ok {
			docs = append(append(docs, inlineDocuments(g.Inline)...), attachedDocuments(v, g.Attached)...)
		}
	}
	return held{docs, u.Boundary}
}

func heldBy(v cloud.View, who cloud.Principal) (held, error) {
	var h held
	gone := func(kind cloud.Resource) error {
		return cloud.Errorf(cloud.Denied, kind, who.Name, "no-allow", "the %s %s, whose credential this is, is gone", kind, who.Name)
	}
	switch who.Kind {
	case cloud.PrincipalRoot:
		h.docs = []string{allAccess}
	case cloud.PrincipalUser:
		u, ok := cloud.Users.Get(v, cloud.AccountKey(who.Account, who.Name))
		if !ok {
			return h, gone(cloud.KindUser)
		}
		h = heldByUser(v, u)
	case cloud.PrincipalFederated:
		if who.By == "" {
			h.docs = []string{allAccess}
			break
		}
		u, ok := userByID(v, who.Account, who.By)
		if !ok {
			return h, gone(cloud.KindUser)
		}
		h = heldByUser(v, u)
	case cloud.PrincipalSession:
		r, ok := cloud.Roles.Get(v, cloud.AccountKey(who.Account, who.Name))
		if !ok {
			return h, gone(cloud.KindRole)
		}
		h = held{append(inlineDocuments(r.Inline), attachedDocuments(v, r.Attached)...), r.Boundary}
	}
	return h, nil
}

// policiesOf gathers the documents that bear on a principal.
func (c *Control) policiesOf(v cloud.View, who cloud.Principal) (p iam.Policies, err error) {
	h, err := heldBy(v, who)
	if err != nil {
		return p, err
	}
	if p.Identity, err = c.documents(h.docs); err != nil {
		return p, err
	}
	if h.boundary != "" {
		if p.Boundary, err = c.documents(attachedDocuments(v, []string{h.boundary})); err != nil {
			return p, err
		}
	}
	if who.Limited {
		session := attachedDocuments(v, who.Policies)
		if who.Policy != "" {
			session = append(session, who.Policy)
		}
		p.Session, err = c.documents(session)
	}
	return p, err
}

func inlineDocuments(inline map[string]string) []string {
	docs := make([]string, 0, len(inline))
	for _, d := range inline {
		docs = append(docs, d)
	}
	return docs
}

// attachedDocuments are the default versions of managed policies.
func attachedDocuments(v cloud.View, arns []string) []string {
	var docs []string
	for _, arn := range arns {
		p, ok := cloud.Policies.Get(v, arn)
		if !ok {
			continue
		}
		for _, version := range p.Versions {
			if version.ID == p.Default {
				docs = append(docs, version.Document)
			}
		}
	}
	return docs
}

func (c *Control) documents(texts []string) ([]*iam.Document, error) {
	docs := []*iam.Document{}
	for _, t := range texts {
		d, err := c.document(t, iam.Identity)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// parsedDocuments caches parsed policies; their texts are their keys.
type parsedDocuments struct {
	mu   sync.Mutex // guards docs
	docs map[parsedKey]*iam.Document
}

type parsedKey struct {
	text string
	use  iam.Usage
}

const maxParsed = 4096

func (c *Control) document(text string, use iam.Usage) (*iam.Document, error) {
	p := &c.parsed
	p.mu.Lock()
	defer p.mu.Unlock()
	key := parsedKey{text, use}
	if d, ok := p.docs[key]; ok {
		return d, nil
	}
	d, err := iam.Parse(text, use)
	if err != nil {
		return nil, cloud.Errorf(cloud.Malformed, cloud.KindPolicy, "", "syntax", "%v", err)
	}
	if p.docs == nil || len(p.docs) >= maxParsed {
		p.docs = map[parsedKey]*iam.Document{}
	}
	p.docs[key] = d
	return d, nil
}
