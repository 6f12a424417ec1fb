package control

import (
	"context"
	"time"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// CreateRole describes a role.
type CreateRole struct {
	Name, Path, Description, Trust, Boundary string
	MaxSession                               time.Duration // 0 is an hour
	Service                                  string        // owns it, if it is a service's
	Attached                                 []string      // policies of a service's role
	Tags, Attrs                              map[string]string
}

func exists(h Holder) error {
	return cloud.Errorf(cloud.Exists, h.Kind, h.Name, "", "%s with name %s already exists.", title(h.Kind), h.Name)
}

func checkTrust(document string) error {
	if policySize(document) > maxTrustPolicy {
		return cloud.Errorf(cloud.Limit, cloud.KindRole, "", "trust-size", "Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
	}
	return checkDocument(document, iam.Trust)
}

// CreateRole makes a role.
func (c *Control) CreateRole(ctx context.Context, caller Caller, in CreateRole) (*cloud.Role, error) {
	if err := checkTrust(in.Trust); err != nil {
		return nil, err
	}
	if in.MaxSession == 0 {
		in.MaxSession = time.Hour
	}
	r := &cloud.Role{
		Meta: cloud.Meta{Account: caller.Account, Created: c.now(), Tags: in.Tags, Attrs: in.Attrs},
		ID:   caller.NewID(cloud.KindRole), Name: in.Name, Path: in.Path, Description: in.Description,
		Trust: in.Trust, MaxSession: in.MaxSession, Boundary: in.Boundary, Service: in.Service,
	}
	if in.Service != "" {
		r.Attached = in.Attached
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		if err := roleNameFree(tx, caller.Account, in.Name); err != nil {
			return err
		}
		if in.Boundary != "" {
			if err := policyVisible(tx, caller.Account, in.Boundary); err != nil {
				return err
			}
		}
		cloud.Roles.Put(tx, r)
		return nil
	})
	return r, err
}

// Role returns a role by name.
func (c *Control) Role(account, name string) (*cloud.Role, error) {
	r, ok := cloud.Roles.Get(c.View(), cloud.AccountKey(account, name))
	if !ok {
		return nil, noHolder(Holder{cloud.KindRole, name})
	}
	return r, nil
}

// EditRole changes a role by edit, which gets a copy.
func (c *Control) EditRole(ctx context.Context, account, name string, edit func(*cloud.Role) error) (*cloud.Role, error) {
	var next cloud.Role
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		r, ok := cloud.Roles.Get(tx, cloud.AccountKey(account, name))
		if !ok {
			return noHolder(Holder{cloud.KindRole, name})
		}
		next = *r
		if err := edit(&next); err != nil {
			return err
		}
		if r.Service != "" && (next.Trust != r.Trust || next.MaxSession != r.MaxSession || next.Boundary != r.Boundary) {
			return protected(name)
		}
		if next.Boundary != "" {
			if err := policyVisible(tx, account, next.Boundary); err != nil {
				return err
			}
		}
		cloud.Roles.Put(tx, &next)
		return nil
	})
	return &next, err
}

// SetTrust replaces a role's trust policy.
func (c *Control) SetTrust(ctx context.Context, account, name, document string) error {
	if err := checkTrust(document); err != nil {
		return err
	}
	_, err := c.EditRole(ctx, account, name, func(r *cloud.Role) error {
		r.Trust = document
		return nil
	})
	return err
}

// DeleteRole removes a role that has no policies and is in no instance profile.
func (c *Control) DeleteRole(ctx context.Context, account, name string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		key := cloud.AccountKey(account, name)
		r, ok := cloud.Roles.Get(tx, key)
		if !ok {
			return noHolder(Holder{cloud.KindRole, name})
		}
		if r.Service != "" {
			return protected(name)
		}
		if err := grantsGone(tx, account, Holder{cloud.KindRole, name}, r.Inline, r.Attached); err != nil {
			return err
		}
		for p := range cloud.InstanceProfiles.By(tx, "account", account) {
			for _, role := range p.Roles {
				if role == name {
					return cloud.Errorf(cloud.InUse, cloud.KindRole, name, "instance-profile", "Cannot delete entity, must remove roles from instance profile first.")
				}
			}
		}
		cloud.Roles.Delete(tx, key)
		return nil
	})
	return err
}

// DeleteServiceRole removes a role that belongs to a service; none of Weir's services keeps one busy.
func (c *Control) DeleteServiceRole(ctx context.Context, account, name string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		r, ok := cloud.Roles.Get(tx, cloud.AccountKey(account, name))
		switch {
		case !ok:
			return noHolder(Holder{cloud.KindRole, name})
		case r.Service == "":
			return cloud.Errorf(cloud.Invalid, cloud.KindRole, name, "no-service-role", "The role with name %s is not a service-linked role.", name)
		}
		cloud.Roles.Delete(tx, cloud.AccountKey(account, name))
		return nil
	})
	return err
}

func protected(role string) error {
	return cloud.Errorf(cloud.State, cloud.KindRole, role, "protected", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", role)
}

func grantsGone(v cloud.View, account string, h Holder, inline map[string]string, attached []string) error {
	switch {
	case len(attached) > 0:
		return cloud.Errorf(cloud.InUse, h.Kind, h.Name, "attached", "Cannot delete entity, must detach all policies first.")
	case len(inline) > 0:
		return cloud.Errorf(cloud.InUse, h.Kind, h.Name, "inline", "Cannot delete entity, must delete policies first.")
	}
	return grantsInGroupsGone(v, account, h)
}
