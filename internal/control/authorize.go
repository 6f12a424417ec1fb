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
}

// Authorize decides whether who may do a, by the policies of the caller and of
// the resource. A refusal is an Error of kind Denied whose Reason is
// "explicit-deny" or "no-allow" and whose ID names the kind of policy that decided.
func (c *Control) Authorize(who cloud.Principal, a Access) error {
	switch who.Kind {
	case cloud.PrincipalService:
		return nil
	case cloud.PrincipalRoot:
		if a.Account == "" || a.Account == who.Account {
			return nil
		}
	}
	set, err := c.policiesOf(c.View(), who)
	if err != nil {
		return err
	}
	if a.Policy != "" {
		d, err := c.document(a.Policy, iam.Resource)
		if err != nil {
			return fmt.Errorf("the policy of %s: %w", a.Resource, err)
		}
		set.Resource = append(set.Resource, d)
	}
	d := iam.Evaluate(iam.Request{
		Principals: a.Names, Action: a.Action, Resource: a.Resource, Context: a.Context,
		SameAccount: a.Account == "" || a.Account == who.Account,
	}, set)
	if d.Allowed {
		return nil
	}
	reason := "no-allow"
	if d.Explicit {
		reason = "explicit-deny"
	}
	return cloud.Errorf(cloud.Denied, cloud.KindPolicy, d.Kind, reason, "%s %s may not %s on %s: %s by a %s policy", who.Kind, who.Name, a.Action, a.Resource, reason, d.Kind)
}

// allAccess is what an account's root is allowed toward other accounts' resources.
const allAccess = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// policiesOf gathers the documents that bear on a principal.
func (c *Control) policiesOf(v cloud.View, who cloud.Principal) (iam.Policies, error) {
	var docs, boundary []string
	var limited bool
	switch who.Kind {
	case cloud.PrincipalRoot:
		docs = []string{allAccess}
	case cloud.PrincipalUser:
		u, ok := cloud.Users.Get(v, cloud.AccountKey(who.Account, who.Name))
		if !ok {
			return iam.Policies{}, cloud.Errorf(cloud.NotFound, cloud.KindUser, who.Name, "", "the user %s, whose key this is, is gone", who.Name)
		}
		docs = append(inlineDocuments(u.Inline), c.attachedDocuments(v, u.Attached)...)
		for _, name := range u.Groups {
			if g, ok := cloud.Groups.Get(v, cloud.AccountKey(who.Account, name)); ok {
				docs = append(append(docs, inlineDocuments(g.Inline)...), c.attachedDocuments(v, g.Attached)...)
			}
		}
		boundary, limited = c.attachedDocuments(v, []string{u.Boundary}), u.Boundary != ""
	case cloud.PrincipalSession:
		r, ok := cloud.Roles.Get(v, cloud.AccountKey(who.Account, who.Name))
		if !ok {
			return iam.Policies{}, cloud.Errorf(cloud.NotFound, cloud.KindRole, who.Name, "", "the role %s of this session is gone", who.Name)
		}
		docs = append(inlineDocuments(r.Inline), c.attachedDocuments(v, r.Attached)...)
		boundary, limited = c.attachedDocuments(v, []string{r.Boundary}), r.Boundary != ""
	}
	var p iam.Policies
	var err error
	if p.Identity, err = c.documents(docs); err != nil {
		return p, err
	}
	if limited {
		if p.Boundary, err = c.documents(boundary); err != nil {
			return p, err
		}
	}
	if who.Policy != "" {
		p.Session, err = c.documents([]string{who.Policy})
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
func (c *Control) attachedDocuments(v cloud.View, arns []string) []string {
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
