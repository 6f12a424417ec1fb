package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"weir/internal/cloud"
)

// txKey finds the transaction that a larger use case has open.
type txKey struct{}

// transact carries out one use case as one transaction, or as a part of the
// larger one that ctx carries.
func (c *Control) transact(ctx context.Context, f func(tx cloud.Tx) error) error {
	if tx, ok := ctx.Value(txKey{}).(cloud.Tx); ok {
		return f(tx)
	}
	_, err := c.store.Update(ctx, f)
	return err
}

// create is transact for use cases that return what they made.
func create[T any](ctx context.Context, c *Control, f func(tx cloud.Tx) (*T, error)) (*T, error) {
	var made *T
	err := c.transact(ctx, func(tx cloud.Tx) (err error) {
		made, err = f(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (who Caller) scope() string { return cloud.Scope(who.Account, who.Region) }

// meta starts the Meta of a new resource of this caller.
func (c *Control) meta(who Caller, in Labels) cloud.Meta {
	return cloud.Meta{Account: who.Account, Region: who.Region, Created: c.now().UTC().Truncate(time.Millisecond), Tags: in.Tags, Attrs: in.Attrs}
}

// Labels are what any new resource may be given.
type Labels struct {
	Tags  map[string]string
	Attrs map[string]string // see cloud.Meta
	Token string            // repeats of a request with this token make nothing new
}

// find is the caller's resource with this ID; another account's or region's does not exist.
func find[K ~string, T any](v cloud.View, who Caller, t *cloud.Table[K, T], kind cloud.Resource, id K) (*T, error) {
	if r, ok := t.Get(v, id); ok && any(r).(interface{ Scope() string }).Scope() == who.scope() {
		return r, nil
	}
	return nil, absent(kind, string(id))
}

func absent(kind cloud.Resource, id string) error {
	return cloud.Errorf(cloud.NotFound, kind, id, "", "there is no %s %q in this account and region", kind, id)
}

// once makes a resource, or returns the one that an earlier request with the
// same token made. The same token with another input is refused.
func once[K ~string, T any](tx cloud.Tx, who Caller, t *cloud.Table[K, T], op string, in Labels, input any, id func(*T) K, make func() (*T, error)) (*T, error) {
	if in.Token == "" {
		return make()
	}
	key := "token/" + who.scope() + "/" + op + "/" + in.Token
	sum := fingerprint(input)
	if s, ok := cloud.Settings.Get(tx, key); ok {
		old, was, _ := strings.Cut(s.Value, " ")
		if was != sum {
			return nil, cloud.Errorf(cloud.Conflict, cloud.KindToken, in.Token, "token-reused", "the token %q was used for a different request; choose a new one", in.Token)
		}
		if r, ok := t.Get(tx, K(old)); ok {
			return r, nil
		}
	}
	r, err := make()
	if err != nil {
		return nil, err
	}
	cloud.Settings.Put(tx, &cloud.Setting{Key: key, Value: string(id(r)) + " " + sum})
	return r, nil
}

func fingerprint(input any) string {
	b, err := json.Marshal(input)
	if err != nil {
		panic(fmt.Sprintf("control: input %T cannot be compared: %v", input, err)) // inputs are plain data
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// count counts a sequence up to a predicate.
func count[T any](seq func(func(T) bool), keep func(T) bool) int {
	n := 0
	seq(func(r T) bool {
		if keep == nil || keep(r) {
			n++
		}
		return true
	})
	return n
}

// within refuses one more when n are there already.
func within(n, max int, kind cloud.Resource, id, reason string) error {
	if n < max {
		return nil
	}
	return cloud.Errorf(cloud.Limit, kind, id, reason, "no more than %d %ss (%s) are allowed; delete one, or raise the quota in the settings", max, kind, reason)
}

// set overwrites *p if a new value is given.
func set[T any](p *T, value *T) {
	if value != nil {
		*p = *value
	}
}
