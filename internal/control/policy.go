package control

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/cloud"
	"weir/internal/iam"
)

// CreatePolicy describes a managed policy; the dialect forms the ARN.
type CreatePolicy struct {
	ARN, Name, Path, Description string
	Document                     string
	Tags                         map[string]string
}

func noPolicy(arn string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindPolicy, arn, "", "Policy %s does not exist or is not attachable.", arn)
}

// policyVisible wants a policy of this account or of the platform.
func policyVisible(v cloud.View, account, arn string) error {
	p, ok := cloud.Policies.Get(v, arn)
	if !ok || p.Account != "" && p.Account != account {
		return noPolicy(arn)
	}
	return nil
}

// CreatePolicy makes a managed policy with its first version.
func (c *Control) CreatePolicy(ctx context.Context, caller Caller, in CreatePolicy) (*cloud.Policy, error) {
	if err := checkManaged(in.Document); err != nil {
		return nil, err
	}
	now := c.now()
	p := &cloud.Policy{
		Meta: cloud.Meta{Account: caller.Account, Created: now, Tags: in.Tags},
		ID:   caller.NewID(cloud.KindPolicy), ARN: in.ARN, Name: in.Name, Path: in.Path, Description: in.Description,
		Versions: []cloud.PolicyVersion{{ID: "v1", Document: in.Document, Created: now}}, Default: "v1", NextVersion: 2,
	}
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		taken := cloud.Errorf(cloud.Exists, cloud.KindPolicy, in.Name, "", "A policy called %s already exists. Duplicate names are not allowed.", in.Name)
		own := cloud.Policies.By(tx, "account", caller.Account)
		if err := nameFree(own, func(p *cloud.Policy) string { return p.Name }, in.Name, taken, "PoliciesPerAccount", maxPolicies); err != nil {
			return err
		}
		cloud.Policies.Put(tx, p)
		return nil
	})
	return p, err
}

func checkManaged(document string) error {
	if err := checkDocument(document, iam.Identity); err != nil {
		return err
	}
	if policySize(document) > maxManagedPolicy {
		return cloud.Errorf(cloud.Limit, cloud.KindPolicy, "", "policy-size", "Cannot exceed quota for PolicySize: %d", maxManagedPolicy)
	}
	return nil
}

// Policy returns a managed policy that this account can see.
func (c *Control) Policy(account, arn string) (*cloud.Policy, error) {
	v := c.View()
	if err := policyVisible(v, account, arn); err != nil {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindPolicy, arn, "", "Policy %s was not found.", arn)
	}
	p, _ := cloud.Policies.Get(v, arn)
	return p, nil
}

// ownPolicy finds a policy of the account's own; the platform's cannot be changed.
func ownPolicy(v cloud.View, account, arn string) (*cloud.Policy, error) {
	p, ok := cloud.Policies.Get(v, arn)
	switch {
	case !ok || p.Account != "" && p.Account != account:
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindPolicy, arn, "", "Policy %s was not found.", arn)
	case p.Account == "":
		return nil, cloud.Errorf(cloud.Denied, cloud.KindPolicy, arn, "managed", "the policy %s is the platform's and cannot be changed", arn)
	}
	return p, nil
}

// EditPolicy changes a policy of the account's own.
func (c *Control) EditPolicy(ctx context.Context, account, arn string, edit func(p *cloud.Policy) error) (*cloud.Policy, error) {
	var next cloud.Policy
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		p, err := ownPolicy(tx, account, arn)
		if err != nil {
			return err
		}
		next = *p
		next.Versions = slices.Clone(p.Versions)
		if err := edit(&next); err != nil {
			return err
		}
		cloud.Policies.Put(tx, &next)
		return nil
	})
	return &next, err
}

// CreatePolicyVersion adds a version, and makes it the default if asked to.
func (c *Control) CreatePolicyVersion(ctx context.Context, account, arn, document string, asDefault bool) (*cloud.PolicyVersion, error) {
	if err := checkManaged(document); err != nil {
		return nil, err
	}
	var made cloud.PolicyVersion
	_, err := c.EditPolicy(ctx, account, arn, func(p *cloud.Policy) error {
		if len(p.Versions) >= maxPolicyVersions {
			return cloud.Errorf(cloud.Limit, cloud.KindPolicy, arn, "versions", "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxPolicyVersions)
		}
		made = cloud.PolicyVersion{ID: fmt.Sprintf("v%d", p.NextVersion), Document: document, Created: c.now()}
		p.NextVersion++
		p.Versions = append(p.Versions, made)
		if asDefault {
			p.Default = made.ID
		}
		return nil
	})
	return &made, err
}

func versionIndex(p *cloud.Policy, id string) (int, error) {
	i := slices.IndexFunc(p.Versions, func(v cloud.PolicyVersion) bool { return v.ID == id })
	if i < 0 {
		return i, cloud.Errorf(cloud.NotFound, cloud.KindPolicy, p.ARN, "version", "Policy %s version %s does not exist or is not attachable.", p.ARN, id)
	}
	return i, nil
}

// PolicyVersion returns one version of a policy.
func (c *Control) PolicyVersion(account, arn, id string) (*cloud.Policy, *cloud.PolicyVersion, error) {
	p, err := c.Policy(account, arn)
	if err != nil {
		return nil, nil, err
	}
	i, err := versionIndex(p, id)
	if err != nil {
		return nil, nil, err
	}
	return p, &p.Versions[i], nil
}

// SetDefaultPolicyVersion chooses the version that is in force.
func (c *Control) SetDefaultPolicyVersion(ctx context.Context, account, arn, id string) error {
	_, err := c.EditPolicy(ctx, account, arn, func(p *cloud.Policy) error {
		_, err := versionIndex(p, id)
		p.Default = id
		return err
	})
	return err
}

// DeletePolicyVersion removes a version that is not the default.
func (c *Control) DeletePolicyVersion(ctx context.Context, account, arn, id string) error {
	_, err := c.EditPolicy(ctx, account, arn, func(p *cloud.Policy) error {
		i, err := versionIndex(p, id)
		if err != nil {
			return err
		}
		if p.Default == id {
			return cloud.Errorf(cloud.InUse, cloud.KindPolicy, arn, "default-version", "Cannot delete the default version of a policy.")
		}
		p.Versions = slices.Delete(p.Versions, i, i+1)
		return nil
	})
	return err
}

// DeletePolicy removes a policy that is attached to nothing and has no other version.
func (c *Control) DeletePolicy(ctx context.Context, account, arn string) error {
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		p, err := ownPolicy(tx, account, arn)
		switch {
		case err != nil:
			return err
		case PolicyUses(tx, account)[arn] != PolicyUse{}:
			return cloud.Errorf(cloud.InUse, cloud.KindPolicy, arn, "attached", "Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return cloud.Errorf(cloud.InUse, cloud.KindPolicy, arn, "versions", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		cloud.Policies.Delete(tx, arn)
		return nil
	})
	return err
}

// TagPolicy sets and removes tags of a policy.
func (c *Control) TagPolicy(ctx context.Context, account, arn string, set map[string]string, remove []string) error {
	_, err := c.EditPolicy(ctx, account, arn, func(p *cloud.Policy) error {
		return Retag(&p.Meta, set, remove)
	})
	return err
}
