package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// defaultGroup is the name of the group that every VPC has.
const defaultGroup = "default"

// CreateSecurityGroup is the input of Control.CreateSecurityGroup.
type CreateSecurityGroup struct {
	Labels
	VPC         cloud.VPCID // "" is the default VPC
	Name        string
	Description string
	// Rules are those of a dialect that has others for a new group, nil for none of
	// its own. A Group "" without another peer is the new group itself.
	Rules []cloud.SecurityGroupRule
	// SameNames lets groups of one VPC have the same name.
	SameNames bool
}

// CreateSecurityGroup makes a group that lets everything out and nothing in.
func (c *Control) CreateSecurityGroup(ctx context.Context, who Caller, in CreateSecurityGroup) (*cloud.SecurityGroup, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.SecurityGroup, error) {
		if in.VPC == "" {
			vpc, ok := defaultVPC(tx, who)
			if !ok {
				return nil, noDefaultVPC()
			}
			in.VPC = vpc.ID
		}
		vpc, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC)
		if err != nil {
			return nil, err
		}
		if in.Name == defaultGroup {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindSecurityGroup, in.Name, "reserved", "the name %q is reserved for the group that comes with a VPC", in.Name)
		}
		for g := range cloud.SecurityGroups.By(tx, "vpc", string(in.VPC)) {
			if g.Name == in.Name && !in.SameNames {
				return nil, cloud.Errorf(cloud.Exists, cloud.KindSecurityGroup, in.Name, "", "The security group '%s' already exists for VPC '%s'", in.Name, in.VPC)
			}
		}
		n := count(cloud.SecurityGroups.By(tx, "scope", who.scope()), nil)
		if err := within(n, c.quotas(who).SecurityGroups, cloud.KindSecurityGroup, "", ""); err != nil {
			return nil, err
		}
		g := &cloud.SecurityGroup{
			Meta: c.meta(who, in.Labels), ID: cloud.SecurityGroupID(who.NewID(cloud.KindSecurityGroup)),
			VPC: in.VPC, Name: in.Name, Description: in.Description,
			Rules: []cloud.SecurityGroupRule{allowAll(who, true, cloud.SecurityGroupRule{Prefix: anyIPv4})},
		}
		if in.Rules != nil {
			g.Rules = ownRules(who, g.ID, in.Rules)
		} else if len(vpc.CIDRs6) > 0 {
			g.Rules = append(g.Rules, allowAll(who, true, cloud.SecurityGroupRule{Prefix: anyIPv6}))
		}
		cloud.SecurityGroups.Put(tx, g)
		return g, nil
	})
}

// ownRules completes a new group's rules.
func ownRules(who Caller, id cloud.SecurityGroupID, rules []cloud.SecurityGroupRule) []cloud.SecurityGroupRule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].ID = who.NewID(cloud.KindSecurityGroupRule)
		if r := &out[i]; !r.Prefix.IsValid() && r.PrefixList == "" && r.Group == "" {
			r.Group = id
		}
	}
	return out
}

// EditSecurityGroup changes a group by edit, which gets a copy; rules and their
// peers are edit's to get right.
func (c *Control) EditSecurityGroup(ctx context.Context, who Caller, id cloud.SecurityGroupID, edit func(*cloud.SecurityGroup) error) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return err
		}
		g := *old
		g.Rules = slices.Clone(old.Rules)
		if err := edit(&g); err != nil {
			return err
		}
		cloud.SecurityGroups.Put(tx, &g)
		return nil
	})
}

// DeleteSecurityGroup deletes a group that no interface and no other group's
// rule uses. Rules of peers that refer to it become stale.
func (c *Control) DeleteSecurityGroup(ctx context.Context, who Caller, id cloud.SecurityGroupID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := find(tx, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return err
		}
		if g.Name == defaultGroup {
			return cloud.Errorf(cloud.State, cloud.KindSecurityGroup, string(id), "default", "the specified group: %q name: %q cannot be deleted by a user", id, g.Name)
		}
		for i := range cloud.Interfaces.By(tx, "group", string(id)) {
			return groupInUse(id, string(i.ID))
		}
		for other := range cloud.SecurityGroups.By(tx, "scope", who.scope()) {
			refers := func(r cloud.SecurityGroupRule) bool { return r.Group == id }
			if other.ID != id && other.VPC == g.VPC && slices.ContainsFunc(other.Rules, refers) {
				return groupInUse(id, string(other.ID))
			}
		}
		cloud.SecurityGroups.Delete(tx, id)
		return nil
	})
}

func groupInUse(id cloud.SecurityGroupID, by string) error {
	return cloud.Errorf(cloud.InUse, cloud.KindSecurityGroup, string(id), "", "cannot delete security group %s: %s uses it", id, by)
}
