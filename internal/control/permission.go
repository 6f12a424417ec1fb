package control

import (
	"context"
	"maps"

	"weir/internal/cloud"
)

// EditFunctionPolicy changes the resource policy that hangs on a function or on
// one qualifier of it. edit gets the present document ("" if there is none) and
// returns the new one ("" removes it). It returns the new revision.
func (c *Control) EditFunctionPolicy(ctx context.Context, caller Caller, name, qualifier, revision string, edit func(document string) (string, error)) (string, error) {
	var next string
	err := c.transact(ctx, func(tx cloud.Tx) error {
		key := cloud.MakeFunctionKey(caller.Account, caller.Region, name)
		q, err := cloud.Resolve(tx, key, qualifier)
		if err != nil {
			return err
		}
		old := q.Function.Policies[qualifier]
		if old.Revision == "" { // the first statement is made at the revision of what it hangs on
			old.Revision = q.Version.RevisionID
			if q.Alias != nil {
				old.Revision = q.Alias.RevisionID
			}
		}
		if revision != "" && revision != old.Revision {
			return cloud.Errorf(cloud.Conflict, cloud.KindPolicy, name, "revision", "the policy of function %s is at revision %q, not at %q: read it again and retry", name, old.Revision, revision)
		}
		document, err := edit(old.Document)
		if err != nil {
			return err
		}
		fn := copyFunction(q.Function)
		fn.Policies = maps.Clone(fn.Policies)
		if fn.Policies == nil {
			fn.Policies = map[string]cloud.ResourcePolicy{}
		}
		next = newRevision()
		if document == "" {
			delete(fn.Policies, qualifier)
		} else {
			fn.Policies[qualifier] = cloud.ResourcePolicy{Document: document, Revision: next}
		}
		cloud.Functions.Put(tx, fn)
		return nil
	})
	return next, err
}
