package control

import (
	"context"
	"slices"
	"strconv"

	"weir/internal/cloud"
)

// sameRule reports whether two rules match the same packets.
func sameRule(a, b cloud.SecurityGroupRule) bool {
	return a.Egress == b.Egress && a.Protocol == b.Protocol && a.From == b.From && a.To == b.To &&
		a.Prefix == b.Prefix && a.PrefixList == b.PrefixList && a.Group == b.Group &&
		a.Priority == b.Priority && a.Action == b.Action
}

// findRule is the index of a rule that matches the same packets, or -1.
func findRule(rules []cloud.SecurityGroupRule, r cloud.SecurityGroupRule) int {
	return slices.IndexFunc(rules, func(o cloud.SecurityGroupRule) bool { return sameRule(o, r) })
}

// AddRules adds rules to a group, all or none, and returns them with their IDs.
func (c *Control) AddRules(ctx context.Context, who Caller, id cloud.SecurityGroupID, rules []cloud.SecurityGroupRule) ([]cloud.SecurityGroupRule, error) {
	var added []cloud.SecurityGroupRule
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return err
		}
		g := *old
		g.Rules = slices.Clone(old.Rules)
		added = nil
		for _, r := range rules {
			if err := c.checkRule(tx, who, old, &r); err != nil {
				return err
			}
			if findRule(g.Rules, r) >= 0 {
				return ruleExists(id, r)
			}
			r.ID = who.NewID(cloud.KindSecurityGroupRule)
			g.Rules = append(g.Rules, r)
			added = append(added, r)
		}
		if err := c.ruleQuota(tx, g.Rules); err != nil {
			return err
		}
		cloud.SecurityGroups.Put(tx, &g)
		return nil
	})
	return added, err
}

// RuleExists is the cause of a refused duplicate: the rule that is there already.
type RuleExists struct{ Rule cloud.SecurityGroupRule }

func (e *RuleExists) Error() string { return "protocol " + strconv.Itoa(e.Rule.Protocol) }

func ruleExists(id cloud.SecurityGroupID, r cloud.SecurityGroupRule) error {
	e := cloud.Errorf(cloud.Exists, cloud.KindSecurityGroupRule, ruleName(r), "", "group %s has the rule for %s", id, ruleName(r))
	e.Err = &RuleExists{r}
	return e
}

// ruleName names a rule in messages by its peer.
func ruleName(r cloud.SecurityGroupRule) string {
	switch {
	case r.Group != "":
		return string(r.Group)
	case r.PrefixList != "":
		return string(r.PrefixList)
	}
	return r.Prefix.String()
}

// checkRule refuses a peer that does not exist and completes the rule.
func (c *Control) checkRule(v cloud.View, who Caller, g *cloud.SecurityGroup, r *cloud.SecurityGroupRule) error {
	r.Prefix = masked(r.Prefix)
	if r.Action == "" {
		r.Action = cloud.Allow
	}
	if r.PrefixList != "" {
		_, err := c.prefixList(v, who, r.PrefixList)
		return err
	}
	if r.Group != "" {
		if peerGroup(v, g, r) {
			return nil
		}
		r.GroupOwner = ""
		peer, err := find(v, who, cloud.SecurityGroups, cloud.KindSecurityGroup, r.Group)
		if err != nil {
			return err
		}
		if peer.VPC != g.VPC {
			return otherVPC(cloud.KindSecurityGroupRule, string(r.Group), "You have specified two resources that belong to different networks.")
		}
	}
	return nil
}

// ruleQuota counts each direction and address family apart; a group or list
// counts for both, a list as many times as it may have entries.
func (c *Control) ruleQuota(v cloud.View, rules []cloud.SecurityGroupRule) error {
	n := map[[2]bool]int{} // by egress, IPv6
	for _, r := range rules {
		weight := 1
		if l, ok := cloud.PrefixLists.Get(v, r.PrefixList); ok {
			weight = max(l.MaxEntries, 1)
		}
		for _, six := range []bool{false, true} {
			if !r.Prefix.IsValid() || r.Prefix.Addr().Is6() == six {
				n[[2]bool{r.Egress, six}] += weight
			}
		}
	}
	for _, k := range n {
		if err := within(k-1, c.Quotas().RulesPerGroup, cloud.KindSecurityGroupRule, "", ""); err != nil {
			return err
		}
	}
	return nil
}

// RemoveRules removes the rules that match the same packets as those given. A
// rule the group does not have is an error, except in the default VPC, where it
// is returned as unknown.
func (c *Control) RemoveRules(ctx context.Context, who Caller, id cloud.SecurityGroupID, rules []cloud.SecurityGroupRule) (removed, unknown []cloud.SecurityGroupRule, err error) {
	err = c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return err
		}
		vpc, _ := cloud.VPCs.Get(tx, old.VPC)
		g := *old
		g.Rules = slices.Clone(old.Rules)
		removed, unknown = nil, nil
		for _, r := range rules {
			r.Prefix, r.Action = masked(r.Prefix), cloud.Allow
			i := findRule(g.Rules, r)
			switch {
			case i >= 0:
				removed = append(removed, g.Rules[i])
				g.Rules = slices.Delete(g.Rules, i, i+1)
			case vpc != nil && vpc.Default:
				unknown = append(unknown, r)
			default:
				return cloud.Errorf(cloud.NotFound, cloud.KindSecurityGroupRule, ruleName(r), "no-match", "group %s has no such rule for %s", id, ruleName(r))
			}
		}
		cloud.SecurityGroups.Put(tx, &g)
		return nil
	})
	return removed, unknown, err
}

// RemoveRulesByID removes rules of one direction, all or none.
func (c *Control) RemoveRulesByID(ctx context.Context, who Caller, id cloud.SecurityGroupID, egress bool, ids []string) (removed []cloud.SecurityGroupRule, err error) {
	err = c.transact(ctx, func(tx cloud.Tx) error {
		removed = nil
		return changeRules(tx, who, id, func(rules []cloud.SecurityGroupRule) ([]cloud.SecurityGroupRule, error) {
			for _, rule := range ids {
				i := ruleByID(rules, rule)
				if i < 0 || rules[i].Egress != egress {
					return nil, absent(cloud.KindSecurityGroupRule, rule)
				}
				removed = append(removed, rules[i])
				rules = slices.Delete(rules, i, i+1)
			}
			return rules, nil
		})
	})
	return removed, err
}

func ruleByID(rules []cloud.SecurityGroupRule, id string) int {
	return slices.IndexFunc(rules, func(r cloud.SecurityGroupRule) bool { return r.ID == id })
}

// changeRules puts what f makes of a copy of the group's rules.
func changeRules(tx cloud.Tx, who Caller, id cloud.SecurityGroupID, f func([]cloud.SecurityGroupRule) ([]cloud.SecurityGroupRule, error)) error {
	old, err := find(tx, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
	if err != nil {
		return err
	}
	g := *old
	if g.Rules, err = f(slices.Clone(old.Rules)); err != nil {
		return err
	}
	cloud.SecurityGroups.Put(tx, &g)
	return nil
}

// ModifyRules replaces rules, found by their ID; direction, ID and tags stay.
func (c *Control) ModifyRules(ctx context.Context, who Caller, id cloud.SecurityGroupID, changes []cloud.SecurityGroupRule) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := find(tx, who, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
		if err != nil {
			return err
		}
		return changeRules(tx, who, id, func(rules []cloud.SecurityGroupRule) ([]cloud.SecurityGroupRule, error) {
			for _, r := range changes {
				i := ruleByID(rules, r.ID)
				if i < 0 {
					return nil, absent(cloud.KindSecurityGroupRule, r.ID)
				}
				r.Egress, r.Tags = rules[i].Egress, rules[i].Tags
				if err := c.checkRule(tx, who, g, &r); err != nil {
					return nil, err
				}
				if same := findRule(rules, r); same >= 0 && same != i {
					return nil, ruleExists(id, r)
				}
				rules[i] = r
			}
			return rules, c.ruleQuota(tx, rules)
		})
	})
}

// DescribeRules sets the descriptions of rules, found by ID if they have one,
// else by what they match.
func (c *Control) DescribeRules(ctx context.Context, who Caller, id cloud.SecurityGroupID, changes []cloud.SecurityGroupRule) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		return changeRules(tx, who, id, func(rules []cloud.SecurityGroupRule) ([]cloud.SecurityGroupRule, error) {
			for _, r := range changes {
				r.Prefix, r.Action = masked(r.Prefix), cloud.Allow
				i := findRule(rules, r)
				if r.ID != "" {
					i = ruleByID(rules, r.ID)
				}
				switch {
				case i < 0 && r.ID != "":
					return nil, absent(cloud.KindSecurityGroupRule, r.ID)
				case i < 0:
					return nil, cloud.Errorf(cloud.NotFound, cloud.KindSecurityGroupRule, ruleName(r), "no-match", "group %s has no such rule for %s", id, ruleName(r))
				}
				rules[i].Description = r.Description
			}
			return rules, nil
		})
	})
}
