package control

import (
	"context"

	"weir/internal/cloud"
)

// CreateDomain leads a name's paths to functions. Errors: Exists; NotFound of a
// route's function or qualifier.
func (c *Control) CreateDomain(ctx context.Context, who Caller, d cloud.Domain) (*cloud.Domain, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Domain, error) {
		if _, ok := cloud.Domains.Get(tx, d.Name); ok {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindDomain, d.Name, "", "domain name '%s' already exists", d.Name)
		}
		made := d
		made.Meta = c.meta(who, Labels{Attrs: d.Attrs})
		return &made, c.putDomain(tx, &made)
	})
}

// UpdateDomain changes a domain by change, which gets a copy.
func (c *Control) UpdateDomain(ctx context.Context, who Caller, name string, change func(*cloud.Domain) error) (*cloud.Domain, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Domain, error) {
		old, err := Domain(tx, who, name)
		if err != nil {
			return nil, err
		}
		next := *old
		next.Attrs = merged(old.Attrs, nil)
		if err := change(&next); err != nil {
			return nil, err
		}
		return &next, c.putDomain(tx, &next)
	})
}

func (c *Control) putDomain(tx cloud.Tx, d *cloud.Domain) error {
	for _, r := range d.Routes {
		if _, err := cloud.Resolve(tx, r.Function, r.Qualifier); err != nil {
			return err
		}
	}
	d.Modified = c.now()
	cloud.Domains.Put(tx, d)
	return nil
}

// DeleteDomain deletes a domain.
func (c *Control) DeleteDomain(ctx context.Context, who Caller, name string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		d, err := Domain(tx, who, name)
		if err == nil {
			cloud.Domains.Delete(tx, d.Name)
		}
		return err
	})
}

// Domain finds a domain of the caller's account and region.
func Domain(v cloud.View, who Caller, name string) (*cloud.Domain, error) {
	d, ok := cloud.Domains.Get(v, name)
	if !ok || d.Scope() != who.scope() {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindDomain, name, "", "domain name '%s' does not exist", name)
	}
	return d, nil
}
