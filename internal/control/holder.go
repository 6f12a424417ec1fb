package control

import (
	"context"
	"maps"
	"slices"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// Holder names a user, group or role: what policies are attached to.
type Holder struct {
	Kind cloud.Resource
	Name string
}

// grants are the policies a holder has.
type grants struct {
	Inline   map[string]string
	Attached []string
}

// Quotas of attached policies, as the vendor's defaults.
const (
	maxAttached       = 10
	maxInlineUser     = 2048
	maxInlineGroup    = 5120
	maxInlineRole     = 10240
	maxManagedPolicy  = 6144
	maxTrustPolicy    = 2048
	maxPolicyVersions = 5
)

func noHolder(h Holder) error {
	return cloud.Errorf(cloud.NotFound, h.Kind, h.Name, "", "The %s with name %s cannot be found.", h.Kind, h.Name)
}

// grantsOf returns a copy of what the holder has.
func grantsOf(v cloud.View, account string, h Holder) (grants, error) {
	key := cloud.AccountKey(account, h.Name)
	var g grants
	switch h.Kind {
	case cloud.KindUser:
		if u, ok := cloud.Users.Get(v, key); ok {
			g = grants{u.Inline, u.Attached}
			break
		}
		return g, noHolder(h)
	case cloud.KindGroup:
		if u, ok := cloud.Groups.Get(v, key); ok {
			g = grants{u.Inline, u.Attached}
			break
		}
		return g, noHolder(h)
	case cloud.KindRole:
		if u, ok := cloud.Roles.Get(v, key); ok {
			g = grants{u.Inline, u.Attached}
			break
		}
		return g, noHolder(h)
	}
	g = grants{maps.Clone(g.Inline), slices.Clone(g.Attached)}
	if g.Inline == nil {
		g.Inline = map[string]string{}
	}
	return g, nil
}

// setGrants stores g; the holder exists.
func setGrants(tx cloud.Tx, account string, h Holder, g grants) {
	key := cloud.AccountKey(account, h.Name)
	switch h.Kind {
	case cloud.KindUser:
		u, _ := cloud.Users.Get(tx, key)
		next := *u
		next.Inline, next.Attached = g.Inline, g.Attached
		cloud.Users.Put(tx, &next)
	case cloud.KindGroup:
		u, _ := cloud.Groups.Get(tx, key)
		next := *u
		next.Inline, next.Attached = g.Inline, g.Attached
		cloud.Groups.Put(tx, &next)
	case cloud.KindRole:
		u, _ := cloud.Roles.Get(tx, key)
		next := *u
		next.Inline, next.Attached = g.Inline, g.Attached
		cloud.Roles.Put(tx, &next)
	}
}

func (c *Control) editGrants(ctx context.Context, account string, h Holder, edit func(v cloud.View, g *grants) error) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		g, err := grantsOf(tx, account, h)
		if err != nil {
			return err
		}
		if r, ok := cloud.Roles.Get(tx, cloud.AccountKey(account, h.Name)); ok && h.Kind == cloud.KindRole && r.Service != "" {
			return protected(h.Name)
		}
		if err := edit(tx, &g); err != nil {
			return err
		}
		setGrants(tx, account, h, g)
		return nil
	})
	return err
}

// Grants lists a holder's inline policies and attached managed policies.
func (c *Control) Grants(account string, h Holder) (inline map[string]string, attached []string, err error) {
	g, err := grantsOf(c.View(), account, h)
	return g.Inline, g.Attached, err
}

// AttachPolicy attaches a managed policy; attaching it again changes nothing.
func (c *Control) AttachPolicy(ctx context.Context, account string, h Holder, arn string) error {
	return c.editGrants(ctx, account, h, func(v cloud.View, g *grants) error {
		if err := policyVisible(v, account, arn); err != nil {
			return err
		}
		if slices.Contains(g.Attached, arn) {
			return nil
		}
		if len(g.Attached) >= maxAttached {
			return cloud.Errorf(cloud.Limit, h.Kind, h.Name, "attached", "Cannot exceed quota for PoliciesPer%s: %d", title(h.Kind), maxAttached)
		}
		g.Attached = append(g.Attached, arn)
		return nil
	})
}

// DetachPolicy detaches a managed policy.
func (c *Control) DetachPolicy(ctx context.Context, account string, h Holder, arn string) error {
	return c.editGrants(ctx, account, h, func(_ cloud.View, g *grants) error {
		i := slices.Index(g.Attached, arn)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, cloud.KindPolicy, arn, "", "Policy %s was not found.", arn)
		}
		g.Attached = slices.Delete(g.Attached, i, i+1)
		return nil
	})
}

// PutInline writes an inline policy.
func (c *Control) PutInline(ctx context.Context, account string, h Holder, name, document string) error {
	limit := map[cloud.Resource]int{cloud.KindUser: maxInlineUser, cloud.KindGroup: maxInlineGroup, cloud.KindRole: maxInlineRole}[h.Kind]
	if err := checkDocument(document, iam.Identity); err != nil {
		return err
	}
	return c.editGrants(ctx, account, h, func(_ cloud.View, g *grants) error {
		g.Inline[name] = document
		size := 0
		for _, d := range g.Inline {
			size += policySize(d)
		}
		if size > limit {
			return cloud.Errorf(cloud.Limit, h.Kind, h.Name, "inline-size", "Maximum policy size of %d bytes exceeded for %s %s", limit, h.Kind, h.Name)
		}
		return nil
	})
}

// DeleteInline removes an inline policy.
func (c *Control) DeleteInline(ctx context.Context, account string, h Holder, name string) error {
	return c.editGrants(ctx, account, h, func(_ cloud.View, g *grants) error {
		if _, ok := g.Inline[name]; !ok {
			return noInline(h, name)
		}
		delete(g.Inline, name)
		return nil
	})
}

// Inline returns an inline policy's document.
func (c *Control) Inline(account string, h Holder, name string) (string, error) {
	g, err := grantsOf(c.View(), account, h)
	if err != nil {
		return "", err
	}
	d, ok := g.Inline[name]
	if !ok {
		return "", noInline(h, name)
	}
	return d, nil
}

func noInline(h Holder, name string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindPolicy, name, "inline", "The %s policy with name %s cannot be found.", h.Kind, name)
}

// PolicyUse counts who holds a policy, and whom it bounds.
type PolicyUse struct{ Attached, Bounds int }

// PolicyUses counts the use of every managed policy that the account uses.
func PolicyUses(v cloud.View, account string) map[string]PolicyUse {
	uses := map[string]PolicyUse{}
	count := func(attached []string, boundary string) {
		for _, arn := range attached {
			u := uses[arn]
			u.Attached++
			uses[arn] = u
		}
		if boundary != "" {
			u := uses[boundary]
			u.Bounds++
			uses[boundary] = u
		}
	}
	for g := range cloud.Groups.By(v, "account", account) {
		count(g.Attached, "")
	}
	for r := range cloud.Roles.By(v, "account", account) {
		count(r.Attached, r.Boundary)
	}
	for u := range cloud.Users.By(v, "account", account) {
		count(u.Attached, u.Boundary)
	}
	for g := range cloud.GroupGrants.By(v, "account", account) {
		count([]string{g.Policy}, "")
	}
	return uses
}

func title(k cloud.Resource) string {
	return string(k[0]-'a'+'A') + string(k[1:])
}

// policySize is a document's size for quotas: white space does not count.
func policySize(doc string) int {
	n := 0
	for _, b := range []byte(doc) {
		if b != ' ' && b != '\n' && b != '\t' && b != '\r' {
			n++
		}
	}
	return n
}

// checkDocument refuses a document with a syntax error.
func checkDocument(doc string, use iam.Usage) error {
	if _, err := iam.Parse(doc, use); err != nil {
		return cloud.Errorf(cloud.Malformed, cloud.KindPolicy, "", "syntax", "%v", err)
	}
	return nil
}
