package control

import (
	"context"
	"time"

	"weir/internal/cloud"
)

// ProvisionSettings say how many instances are kept ready for a qualifier.
type ProvisionSettings struct {
	Function  string
	Qualifier string // "" is $LATEST's
	Target    int
	Plans     []cloud.ProvisionPlan
	Attrs     map[string]string
	// Total is the account's concurrency, of which Unreserved must stay for functions
	// that have none of their own; 0 is no bound.
	Total, Unreserved int
}

// PutProvision keeps instances of what a qualifier stands for ready. Errors: NotFound
// of the function or its qualifier; Limit "reserved" beyond its reserved concurrency;
// Invalid "schedule".
func (c *Control) PutProvision(ctx context.Context, who Caller, in ProvisionSettings) (*cloud.Provision, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Provision, error) {
		q, err := cloud.Resolve(tx, cloud.MakeFunctionKey(who.Account, who.Region, in.Function), in.Qualifier)
		if err != nil {
			return nil, err
		}
		for _, plan := range in.Plans {
			if plan.At.IsZero() {
				if _, err := ParseSchedule(plan.Schedule); err != nil {
					return nil, err
				}
			}
		}
		p := &cloud.Provision{Meta: c.meta(who, Labels{Attrs: in.Attrs}), Key: cloud.MakeProvisionKey(q.Function.Key, in.Qualifier),
			Function: q.Function.Key, Qualifier: in.Qualifier, Target: in.Target, Plans: in.Plans, Modified: c.now()}
		if old, ok := cloud.Provisions.Get(tx, p.Key); ok {
			p.Created = old.Created
		}
		cloud.Provisions.Put(tx, p)
		return p, provisionFits(tx, q.Function, in)
	})
}

// mostProvisioned is how many instances of a function its provisions may want.
func mostProvisioned(v cloud.View, fn cloud.FunctionKey) (most int) {
	for p := range cloud.Provisions.By(v, "function", string(fn)) {
		n := p.Target
		for _, plan := range p.Plans {
			n = max(n, plan.Target)
		}
		most += n
	}
	return most
}

// provisionFits wants a function's reserved concurrency, or what the account has
// beyond that of all functions, to hold what is provisioned.
func provisionFits(v cloud.View, fn *cloud.Function, in ProvisionSettings) error {
	most := mostProvisioned(v, fn.Key)
	if r := fn.ReservedConcurrency; r != nil && most > *r {
		return cloud.Errorf(cloud.Limit, cloud.KindProvision, fn.Name, "reserved", "%d provisioned instances of function %s are more than its reserved concurrency %d", most, fn.Name, *r)
	}
	left := in.Total
	for f := range cloud.Functions.By(v, "scope", fn.Scope()) {
		if r := f.ReservedConcurrency; r != nil {
			left -= *r
		} else {
			left -= mostProvisioned(v, f.Key)
		}
	}
	if in.Total > 0 && fn.ReservedConcurrency == nil && left < in.Unreserved {
		return cloud.Errorf(cloud.Limit, cloud.KindProvision, fn.Name, "unreserved", "%d provisioned instances of function %s would leave the account %d for others, at least %d must stay", most, fn.Name, left, in.Unreserved)
	}
	return nil
}

// DeleteProvision gives the instances of a qualifier back. Error: NotFound.
func (c *Control) DeleteProvision(ctx context.Context, who Caller, function, qualifier string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		fn, err := findFunction(tx, who, function)
		if err != nil {
			return err
		}
		key := cloud.MakeProvisionKey(fn.Key, qualifier)
		if _, ok := cloud.Provisions.Get(tx, key); !ok {
			return cloud.Errorf(cloud.NotFound, cloud.KindProvision, function, "", "nothing is provisioned for qualifier '%s' of function %s", qualifier, function)
		}
		cloud.Provisions.Delete(tx, key)
		return nil
	})
}

// NextTime is the first time of a schedule that was read before, after another; zero if there is none.
func NextTime(schedule string, after time.Time) time.Time {
	s, err := ParseSchedule(schedule)
	if err != nil {
		return time.Time{}
	}
	return s.Next(after)
}
