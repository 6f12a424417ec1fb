// Package ram speaks Alibaba Cloud's RAM 2015-05-01: users, groups, access keys,
// roles and policies.
//
// They are those of the account, whichever dialect made them: a user made here
// exists for the AWS dialect too, and so does what is attached to it.
//
// Invariants: a policy of this dialect has Version "1" and an ARN that begins with
// acs:ram; system policies have no account; what only this dialect shows (display
// names, comments, when something was changed) is in the resource's attributes.
package ram

import (
	"context"
	"crypto/rand"
	"math/big"
	"time"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = MapError
	a := &api{c}
	a.users(s)
	a.keys(s)
	a.groups(s)
	a.roles(s)
	a.policies(s)
	a.versions(s)
	a.attachments(s)
	a.tags(s)
	a.signins(s)
	wire.Handle(s, "SetAccountAlias", a.setAccountAlias)
	wire.Handle(s, "GetAccountAlias", a.getAccountAlias)
	wire.Handle(s, "ClearAccountAlias", a.clearAccountAlias)
	return s
}

// Caller is who calls, with this dialect's forms of IDs.
func Caller(ctx context.Context) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: call.Account, Principal: call.Principal, NewID: newID}
}

func account(ctx context.Context) string { return wire.CallFrom(ctx).Account }

var idBase = new(big.Int).Exp(big.NewInt(10), big.NewInt(17), nil)

// newID makes an ID as RAM's are: 18 digits, users' beginning with 2, the others' with 3.
func newID(kind cloud.Resource) string {
	first := "3"
	if kind == cloud.KindUser {
		first = "2"
	}
	n, err := rand.Int(rand.Reader, idBase)
	if err != nil {
		panic("ram: no randomness: " + err.Error())
	}
	digits := n.String()
	for len(digits) < 17 {
		digits = "0" + digits
	}
	return first + digits
}

// Names of attributes.
const (
	attrDisplay  = "alibaba.display-name"
	attrMobile   = "alibaba.mobile-phone"
	attrEmail    = "alibaba.email"
	attrComments = "alibaba.comments"
	attrUpdated  = "alibaba.updated"
)

// attrs are the attributes that have a value.
func attrs(values map[string]*string) map[string]string {
	out := map[string]string{}
	for k, v := range values {
		if v != nil && *v != "" {
			out[k] = *v
		}
	}
	return out
}

// changed are a resource's attributes after a change: nil values stay.
func changed(old map[string]string, values map[string]*string) map[string]string {
	out := map[string]string{}
	for k, v := range old {
		out[k] = v
	}
	for k, v := range values {
		if v != nil {
			out[k] = *v
		}
	}
	out[attrUpdated] = stamp(time.Now())
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func date(t time.Time) *string { return new(stamp(t)) }

// updated is when a resource was changed last.
func updated(m *cloud.Meta) *string {
	if at := m.Attrs[attrUpdated]; at != "" {
		return &at
	}
	return date(m.Created)
}

func attr(m *cloud.Meta, name string) *string { return new(m.Attrs[name]) }

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// markers pages lists by Marker and MaxItems.
var markers = page.Sizes{Default: 100, Max: 1000}

// pageOf is a page of a list by name, whether there is more, and where it goes on.
func pageOf[T any](ctx context.Context, items []T, max *int64, marker *string, name func(T) string) ([]T, *bool, *string, error) {
	items, next, err := page.ByToken(ctx, items, max, marker, markers, "", name)
	return items, new(next != nil), next, err
}

func (a *api) setAccountAlias(ctx context.Context, in *SetAccountAliasInput) (*SetAccountAliasOutput, error) {
	if err := check("AccountAlias", *in.AccountAlias, aliasForm, 50); err != nil {
		return nil, err
	}
	return nil, a.control.SetAccountAlias(ctx, account(ctx), *in.AccountAlias)
}

func (a *api) getAccountAlias(ctx context.Context, _ *GetAccountAliasInput) (*GetAccountAliasOutput, error) {
	return &GetAccountAliasOutput{AccountAlias: new(a.control.AccountAlias(account(ctx)))}, nil
}

func (a *api) clearAccountAlias(ctx context.Context, _ *ClearAccountAliasInput) (*ClearAccountAliasOutput, error) {
	alias := a.control.AccountAlias(account(ctx))
	if alias == "" {
		return nil, nil
	}
	return nil, a.control.DeleteAccountAlias(ctx, account(ctx), alias)
}
