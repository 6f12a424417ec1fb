package ec2

import (
	"context"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func ruleShape(g *cloud.SecurityGroup, r cloud.SecurityGroupRule) SecurityGroupRule {
	out := SecurityGroupRule{
		SecurityGroupRuleId: new(r.ID), SecurityGroupRuleArn: new(arn(&g.Meta, "security-group-rule", r.ID)),
		GroupId: new(string(g.ID)), GroupOwnerId: new(g.Account), IsEgress: new(r.Egress), IpProtocol: new(protocolName(r.Protocol)),
		FromPort: new(int32(r.From)), ToPort: new(int32(r.To)), Description: given(r.Description), Tags: shown(tagList(r.Tags)),
	}
	switch {
	case r.Group != "":
		owner := g.Account
		if r.GroupOwner != "" {
			owner = r.GroupOwner
		}
		out.ReferencedGroupInfo = &ReferencedSecurityGroup{GroupId: new(string(r.Group)), UserId: new(owner), VpcId: given(r.GroupVPC)}
	case r.PrefixList != "":
		out.PrefixListId = new(string(r.PrefixList))
	case r.Prefix.Addr().Is4():
		out.CidrIpv4 = new(r.Prefix.String())
	default:
		out.CidrIpv6 = new(r.Prefix.String())
	}
	return out
}

func ruleShapes(g *cloud.SecurityGroup, rules []cloud.SecurityGroupRule) []SecurityGroupRule {
	var out []SecurityGroupRule
	for _, r := range rules {
		out = append(out, ruleShape(g, r))
	}
	return out
}

func revoked(g *cloud.SecurityGroup, rules []cloud.SecurityGroupRule) []RevokedSecurityGroupRule {
	var out []RevokedSecurityGroupRule
	for _, r := range ruleShapes(g, rules) {
		x := RevokedSecurityGroupRule{
			SecurityGroupRuleId: r.SecurityGroupRuleId, GroupId: r.GroupId, IsEgress: r.IsEgress, IpProtocol: r.IpProtocol, FromPort: r.FromPort,
			ToPort: r.ToPort, CidrIpv4: r.CidrIpv4, CidrIpv6: r.CidrIpv6, PrefixListId: r.PrefixListId, Description: r.Description,
		}
		if r.ReferencedGroupInfo != nil {
			x.ReferencedGroupId = r.ReferencedGroupInfo.GroupId
		}
		out = append(out, x)
	}
	return out
}

var ruleListing = listing[SecurityGroupRule]{
	kind: cloud.KindSecurityGroupRule, param: "securityGroupRuleIds",
	id:   func(r SecurityGroupRule) *string { return r.SecurityGroupRuleId },
	tags: func(r SecurityGroupRule) []Tag { return r.Tags },
	fields: wire.Fields[SecurityGroupRule]{
		"group-id":               func(r SecurityGroupRule) []string { return fact(r.GroupId) },
		"security-group-rule-id": func(r SecurityGroupRule) []string { return fact(r.SecurityGroupRuleId) },
	},
}

// authorization is what the two Authorize operations have in common.
type authorization struct {
	group, name *string
	egress      bool
	permissions []IpPermission
	flat        flat
	tags        []TagSpecification
}

func (a *api) authorize(ctx context.Context, in authorization) ([]SecurityGroupRule, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := a.group(who, in.group, in.name)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindSecurityGroupRule, in.tags, nil)
	if err != nil {
		return nil, err
	}
	rules, err := a.rules(a.control.View(), who, in.egress, in.permissions, in.flat)
	if err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		return nil, missing("ipPermissions")
	}
	for i := range rules {
		rules[i].Tags = l.Tags
	}
	added, err := a.control.AddRules(ctx, who, id, rules)
	if err != nil {
		return nil, err
	}
	g, err := read(ctx, a, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
	if err != nil {
		return nil, err
	}
	return ruleShapes(g, added), nil
}

func (a *api) authorizeIngress(ctx context.Context, in *AuthorizeSecurityGroupIngressInput) (*AuthorizeSecurityGroupIngressOutput, error) {
	rules, err := a.authorize(ctx, authorization{
		group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions, tags: in.TagSpecifications,
		flat: flat{in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.FromPort, in.ToPort},
	})
	return &AuthorizeSecurityGroupIngressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

func (a *api) authorizeEgress(ctx context.Context, in *AuthorizeSecurityGroupEgressInput) (*AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := a.authorize(ctx, authorization{
		group: in.GroupId, egress: true, permissions: in.IpPermissions, tags: in.TagSpecifications,
		flat: flat{in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.FromPort, in.ToPort},
	})
	return &AuthorizeSecurityGroupEgressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

// revocation is what the two Revoke operations have in common.
type revocation struct {
	authorization
	ruleIDs []string
}

func (a *api) revoke(ctx context.Context, in revocation) ([]RevokedSecurityGroupRule, []IpPermission, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	id, err := a.group(who, in.group, in.name)
	if err != nil {
		return nil, nil, err
	}
	rules, err := a.rules(a.control.View(), who, in.egress, in.permissions, in.flat)
	if err != nil {
		return nil, nil, err
	}
	g, err := read(ctx, a, cloud.SecurityGroups, cloud.KindSecurityGroup, id)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(in.ruleIDs) > 0 && len(rules) > 0:
		return nil, nil, combination("The parameter 'securityGroupRuleIds' may not be used in combination with 'ipPermissions'")
	case len(in.ruleIDs) > 0:
		removed, err := a.control.RemoveRulesByID(ctx, who, id, in.egress, in.ruleIDs)
		return revoked(g, removed), nil, err
	case len(rules) == 0:
		return nil, nil, missing("ipPermissions")
	}
	removed, unknown, err := a.control.RemoveRules(ctx, who, id, rules)
	return revoked(g, removed), grouped(g.Account, unknown), err
}

func (a *api) revokeIngress(ctx context.Context, in *RevokeSecurityGroupIngressInput) (*RevokeSecurityGroupIngressOutput, error) {
	removed, unknown, err := a.revoke(ctx, revocation{authorization{
		group: in.GroupId, name: in.GroupName, permissions: in.IpPermissions,
		flat: flat{in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.FromPort, in.ToPort},
	}, in.SecurityGroupRuleIds})
	return &RevokeSecurityGroupIngressOutput{Return: new(true), RevokedSecurityGroupRules: removed, UnknownIpPermissions: unknown}, err
}

func (a *api) revokeEgress(ctx context.Context, in *RevokeSecurityGroupEgressInput) (*RevokeSecurityGroupEgressOutput, error) {
	removed, unknown, err := a.revoke(ctx, revocation{authorization{
		group: in.GroupId, egress: true, permissions: in.IpPermissions,
		flat: flat{in.CidrIp, in.IpProtocol, in.SourceSecurityGroupName, in.FromPort, in.ToPort},
	}, in.SecurityGroupRuleIds})
	return &RevokeSecurityGroupEgressOutput{Return: new(true), RevokedSecurityGroupRules: removed, UnknownIpPermissions: unknown}, err
}

func (a *api) describeSecurityGroupRules(ctx context.Context, in *DescribeSecurityGroupRulesInput) (*DescribeSecurityGroupRulesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkGroupFilter(in.Filters); err != nil {
		return nil, err
	}
	var all []SecurityGroupRule
	v := a.control.View()
	for g := range cloud.SecurityGroups.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		all = append(all, showRulePeers(v, g.VPC, ruleShapes(g, g.Rules))...)
	}
	out := &DescribeSecurityGroupRulesOutput{}
	out.SecurityGroupRules, out.NextToken, err = ruleListing.answer(ctx, all, question{in.SecurityGroupRuleIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// checkGroupFilter refuses to look for what can be no group's ID, as the vendor does here.
func checkGroupFilter(filters []Filter) error {
	for _, f := range filters {
		if text(f.Name) != "group-id" {
			continue
		}
		for _, id := range f.Values {
			if !strings.ContainsAny(id, "*?") && !wellFormed(cloud.KindSecurityGroup, id) {
				return &wire.Error{Code: "InvalidGroupId.Malformed", Msg: "The security group ID '" + id + "' is malformed"}
			}
		}
	}
	return nil
}

func (a *api) modifySecurityGroupRules(ctx context.Context, in *ModifySecurityGroupRulesInput) (*ModifySecurityGroupRulesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	var changes []cloud.SecurityGroupRule
	for _, u := range in.SecurityGroupRules {
		r := u.SecurityGroupRule
		if r == nil {
			return nil, missing("SecurityGroupRule")
		}
		if err := checkChange(r); err != nil {
			return nil, err
		}
		p := IpPermission{IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort}
		if r.CidrIpv4 != nil {
			p.IpRanges = []IpRange{{CidrIp: r.CidrIpv4, Description: r.Description}}
		}
		if r.CidrIpv6 != nil {
			p.Ipv6Ranges = []Ipv6Range{{CidrIpv6: r.CidrIpv6, Description: r.Description}}
		}
		if r.PrefixListId != nil {
			p.PrefixListIds = []PrefixListId{{PrefixListId: r.PrefixListId, Description: r.Description}}
		}
		if r.ReferencedGroupId != nil {
			p.UserIdGroupPairs = []UserIdGroupPair{{GroupId: r.ReferencedGroupId, Description: r.Description}}
		}
		rules, err := a.permissionRules(a.control.View(), who, false, p)
		if err != nil {
			return nil, err
		}
		rules[0].ID = *u.SecurityGroupRuleId
		changes = append(changes, rules[0])
	}
	if err := a.control.ModifyRules(ctx, who, cloud.SecurityGroupID(*in.GroupId), changes); err != nil {
		return nil, err
	}
	return &ModifySecurityGroupRulesOutput{Return: new(true)}, nil
}

// checkChange has ModifySecurityGroupRules' own words for what the operations that
// take many rules say in others.
func checkChange(r *SecurityGroupRuleRequest) error {
	peers := 0
	for _, p := range []*string{r.CidrIpv4, r.CidrIpv6, r.PrefixListId, r.ReferencedGroupId} {
		if p != nil {
			peers++
		}
	}
	n, err := protocolNumber(text(r.IpProtocol))
	switch {
	case err == nil && (n == tcp || n == udp) && (r.FromPort == nil || r.ToPort == nil):
		return badSpec("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
	case peers == 0 && r.IpProtocol != nil:
		return &wire.Error{Code: "MissingParameter", Msg: "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"}
	case peers > 1:
		return combination("Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
	}
	return nil
}

func (a *api) setDescriptions(ctx context.Context, group, name *string, egress bool, perms []IpPermission, byID []SecurityGroupRuleDescription) error {
	who, err := a.enter(ctx)
	if err != nil {
		return err
	}
	id, err := a.group(who, group, name)
	if err != nil {
		return err
	}
	rules, err := a.rules(a.control.View(), who, egress, perms, flat{})
	if err != nil {
		return err
	}
	for _, d := range byID {
		rules = append(rules, cloud.SecurityGroupRule{ID: text(d.SecurityGroupRuleId), Description: text(d.Description)})
	}
	if len(rules) == 0 {
		return missing("ipPermissions")
	}
	return a.control.DescribeRules(ctx, who, id, rules)
}

func (a *api) describeIngress(ctx context.Context, in *UpdateSecurityGroupRuleDescriptionsIngressInput) (*UpdateSecurityGroupRuleDescriptionsIngressOutput, error) {
	err := a.setDescriptions(ctx, in.GroupId, in.GroupName, false, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	return &UpdateSecurityGroupRuleDescriptionsIngressOutput{Return: new(true)}, err
}

func (a *api) describeEgress(ctx context.Context, in *UpdateSecurityGroupRuleDescriptionsEgressInput) (*UpdateSecurityGroupRuleDescriptionsEgressOutput, error) {
	err := a.setDescriptions(ctx, in.GroupId, in.GroupName, true, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	return &UpdateSecurityGroupRuleDescriptionsEgressOutput{Return: new(true)}, err
}
