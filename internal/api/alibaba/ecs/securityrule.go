package ecs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) rules(s *wire.Service) {
	wire.Handle(s, "AuthorizeSecurityGroup", a.authorizeSecurityGroup)
	wire.Handle(s, "AuthorizeSecurityGroupEgress", a.authorizeSecurityGroupEgress)
	wire.Handle(s, "RevokeSecurityGroup", a.revokeSecurityGroup)
	wire.Handle(s, "RevokeSecurityGroupEgress", a.revokeSecurityGroupEgress)
	wire.Handle(s, "ModifySecurityGroupRule", a.modifySecurityGroupRule)
	wire.Handle(s, "ModifySecurityGroupEgressRule", a.modifySecurityGroupEgressRule)
	wire.Handle(s, "DescribeSecurityGroupAttribute", a.describeSecurityGroupAttribute)
}

// read reads the permissions of a request: a list, or else the one of its own parameters.
func read[P interface{ permission() permission }](list []P, single permission) (rules []cloud.SecurityGroupRule, err error) {
	all := make([]permission, 0, len(list)+1)
	for _, p := range list {
		all = append(all, p.permission())
	}
	if len(all) == 0 {
		all = append(all, single)
	}
	if len(all) > 100 {
		return nil, resource.Fault("LimitExceed.Permissions", "A request has up to 100 permissions.")
	}
	for _, p := range all {
		r, err := p.rule()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(rules, func(o cloud.SecurityGroupRule) bool { return same(o, r) }) {
			rules = append(rules, r)
		}
	}
	return rules, nil
}

func (in *AuthorizeSecurityGroupInput) single() permission {
	return Permission{
		IpProtocol: in.IpProtocol, PortRange: in.PortRange, Policy: in.Policy, Priority: in.Priority, Description: in.Description, NicType: in.NicType,
		SourceCidrIp: in.SourceCidrIp, Ipv6SourceCidrIp: in.Ipv6SourceCidrIp, SourceGroupId: in.SourceGroupId, SourcePrefixListId: in.SourcePrefixListId,
		SourceGroupOwnerAccount: in.SourceGroupOwnerAccount, SourceGroupOwnerId: in.SourceGroupOwnerId, DestCidrIp: in.DestCidrIp, Ipv6DestCidrIp: in.Ipv6DestCidrIp, SourcePortRange: in.SourcePortRange,
	}.permission()
}

func (in *AuthorizeSecurityGroupEgressInput) single() permission {
	return AuthorizeSecurityGroupEgressPermission{
		IpProtocol: in.IpProtocol, PortRange: in.PortRange, Policy: in.Policy, Priority: in.Priority, Description: in.Description, NicType: in.NicType,
		DestCidrIp: in.DestCidrIp, Ipv6DestCidrIp: in.Ipv6DestCidrIp, DestGroupId: in.DestGroupId, DestPrefixListId: in.DestPrefixListId,
		DestGroupOwnerAccount: in.DestGroupOwnerAccount, DestGroupOwnerId: in.DestGroupOwnerId, SourceCidrIp: in.SourceCidrIp, Ipv6SourceCidrIp: in.Ipv6SourceCidrIp, SourcePortRange: in.SourcePortRange,
	}.permission()
}

func (p RevokeSecurityGroupEgressPermission) permission() permission {
	q := AuthorizeSecurityGroupEgressPermission{
		IpProtocol: p.IpProtocol, PortRange: p.PortRange, Policy: p.Policy, Priority: p.Priority, NicType: p.NicType,
		DestCidrIp: p.DestCidrIp, Ipv6DestCidrIp: p.Ipv6DestCidrIp, DestGroupId: p.DestGroupId, DestPrefixListId: p.DestPrefixListId,
		DestGroupOwnerAccount: p.DestGroupOwnerAccount, SourceCidrIp: p.SourceCidrIp, Ipv6SourceCidrIp: p.Ipv6SourceCidrIp, SourcePortRange: p.SourcePortRange, PortRangeListId: p.PortRangeListId,
	}.permission()
	q.ownerID = text(p.DestGroupOwnerId) != ""
	return q
}

func (a *api) authorizeSecurityGroup(ctx context.Context, in *AuthorizeSecurityGroupInput) (*AuthorizeSecurityGroupOutput, error) {
	rules, err := read(in.Permissions, in.single())
	if err != nil {
		return nil, err
	}
	return nil, a.authorize(ctx, *in.SecurityGroupId, rules)
}

func (a *api) authorizeSecurityGroupEgress(ctx context.Context, in *AuthorizeSecurityGroupEgressInput) (*AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := read(in.Permissions, in.single())
	if err != nil {
		return nil, err
	}
	return nil, a.authorize(ctx, *in.SecurityGroupId, rules)
}

// authorize adds rules; one that the group has already is no error.
func (a *api) authorize(ctx context.Context, id string, rules []cloud.SecurityGroupRule) error {
	g, err := a.group(ctx, id)
	if err != nil {
		return err
	}
	if err := a.checkPeers(ctx, g, rules); err != nil {
		return err
	}
	rules = slices.DeleteFunc(rules, func(r cloud.SecurityGroupRule) bool {
		return slices.ContainsFunc(g.Rules, func(o cloud.SecurityGroupRule) bool { return same(o, r) })
	})
	if len(rules) == 0 {
		return nil
	}
	_, err = a.control.AddRules(ctx, resource.Caller(ctx), g.ID, rules)
	return err
}

// checkPeers: rules of an enterprise group name no groups, and no rule names one.
func (a *api) checkPeers(ctx context.Context, g *cloud.SecurityGroup, rules []cloud.SecurityGroupRule) error {
	for _, r := range rules {
		if r.Group == "" {
			continue
		}
		code := "InvalidSourceGroupId.NotFound"
		if r.Egress {
			code = "InvalidDestGroupId.NotFound"
		}
		peer, err := a.group(ctx, string(r.Group))
		switch {
		case err != nil:
			return resource.Missing(code, "The specified security group does not exist.")
		case g.Attrs[resource.AttrGroupType] == enterprise || peer.Attrs[resource.AttrGroupType] == enterprise:
			return resource.Fault("OperationDenied.EnterpriseGroup", "Rules of advanced security groups cannot refer to groups, nor can other rules refer to advanced groups.")
		}
	}
	return nil
}

func (a *api) revokeSecurityGroup(ctx context.Context, in *RevokeSecurityGroupInput) (*RevokeSecurityGroupOutput, error) {
	if len(in.SecurityGroupRuleId) > 0 {
		return nil, a.revokeByID(ctx, *in.SecurityGroupId, false, in.SecurityGroupRuleId)
	}
	single := Permission{
		IpProtocol: in.IpProtocol, PortRange: in.PortRange, Policy: in.Policy, Priority: in.Priority, NicType: in.NicType,
		SourceCidrIp: in.SourceCidrIp, Ipv6SourceCidrIp: in.Ipv6SourceCidrIp, SourceGroupId: in.SourceGroupId, SourcePrefixListId: in.SourcePrefixListId,
		SourceGroupOwnerAccount: in.SourceGroupOwnerAccount, SourceGroupOwnerId: in.SourceGroupOwnerId, DestCidrIp: in.DestCidrIp, Ipv6DestCidrIp: in.Ipv6DestCidrIp, SourcePortRange: in.SourcePortRange,
	}
	rules, err := read(in.Permissions, single.permission())
	if err != nil {
		return nil, err
	}
	return nil, a.revoke(ctx, *in.SecurityGroupId, rules)
}

func (a *api) revokeSecurityGroupEgress(ctx context.Context, in *RevokeSecurityGroupEgressInput) (*RevokeSecurityGroupEgressOutput, error) {
	if len(in.SecurityGroupRuleId) > 0 {
		return nil, a.revokeByID(ctx, *in.SecurityGroupId, true, in.SecurityGroupRuleId)
	}
	single := AuthorizeSecurityGroupEgressPermission{
		IpProtocol: in.IpProtocol, PortRange: in.PortRange, Policy: in.Policy, Priority: in.Priority, NicType: in.NicType,
		DestCidrIp: in.DestCidrIp, Ipv6DestCidrIp: in.Ipv6DestCidrIp, DestGroupId: in.DestGroupId, DestPrefixListId: in.DestPrefixListId,
		DestGroupOwnerAccount: in.DestGroupOwnerAccount, DestGroupOwnerId: in.DestGroupOwnerId, SourceCidrIp: in.SourceCidrIp, Ipv6SourceCidrIp: in.Ipv6SourceCidrIp, SourcePortRange: in.SourcePortRange,
	}
	rules, err := read(in.Permissions, single.permission())
	if err != nil {
		return nil, err
	}
	return nil, a.revoke(ctx, *in.SecurityGroupId, rules)
}

// revoke removes rules that match; one that is not there is no error.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-revokesecuritygroup
func (a *api) revoke(ctx context.Context, id string, rules []cloud.SecurityGroupRule) error {
	g, err := a.group(ctx, id)
	if err != nil {
		return err
	}
	return a.control.EditSecurityGroup(ctx, resource.Caller(ctx), g.ID, func(g *cloud.SecurityGroup) error {
		g.Rules = slices.DeleteFunc(g.Rules, func(o cloud.SecurityGroupRule) bool {
			return slices.ContainsFunc(rules, func(r cloud.SecurityGroupRule) bool { return same(o, r) })
		})
		return nil
	})
}

func (a *api) revokeByID(ctx context.Context, id string, egress bool, rules []string) error {
	g, err := a.group(ctx, id)
	if err != nil {
		return err
	}
	for _, id := range rules {
		if !slices.ContainsFunc(own(g.Rules), func(r cloud.SecurityGroupRule) bool { return r.ID == id }) {
			return resource.Missing("InvalidSecurityGroupRuleId.NotFound", "The specified security group rule does not exist.")
		}
	}
	_, err = a.control.RemoveRulesByID(ctx, resource.Caller(ctx), g.ID, egress, rules)
	return err
}

func (a *api) modifySecurityGroupRule(ctx context.Context, in *ModifySecurityGroupRuleInput) (*ModifySecurityGroupRuleOutput, error) {
	return nil, a.modify(ctx, *in.SecurityGroupId, in.SecurityGroupRuleId, Permission{
		IpProtocol: in.IpProtocol, PortRange: in.PortRange, Policy: in.Policy, Priority: in.Priority, Description: in.Description, NicType: in.NicType,
		SourceCidrIp: in.SourceCidrIp, Ipv6SourceCidrIp: in.Ipv6SourceCidrIp, SourceGroupId: in.SourceGroupId, SourcePrefixListId: in.SourcePrefixListId,
		SourceGroupOwnerAccount: in.SourceGroupOwnerAccount, SourceGroupOwnerId: in.SourceGroupOwnerId, DestCidrIp: in.DestCidrIp, Ipv6DestCidrIp: in.Ipv6DestCidrIp,
		SourcePortRange: in.SourcePortRange, PortRangeListId: in.PortRangeListId,
	}.permission())
}

func (a *api) modifySecurityGroupEgressRule(ctx context.Context, in *ModifySecurityGroupEgressRuleInput) (*ModifySecurityGroupEgressRuleOutput, error) {
	return nil, a.modify(ctx, *in.SecurityGroupId, in.SecurityGroupRuleId, AuthorizeSecurityGroupEgressPermission{
		IpProtocol: in.IpProtocol, PortRange: in.PortRange, Policy: in.Policy, Priority: in.Priority, Description: in.Description, NicType: in.NicType,
		DestCidrIp: in.DestCidrIp, Ipv6DestCidrIp: in.Ipv6DestCidrIp, DestGroupId: in.DestGroupId, DestPrefixListId: in.DestPrefixListId,
		DestGroupOwnerAccount: in.DestGroupOwnerAccount, DestGroupOwnerId: in.DestGroupOwnerId, SourceCidrIp: in.SourceCidrIp, Ipv6SourceCidrIp: in.Ipv6SourceCidrIp,
		SourcePortRange: in.SourcePortRange, PortRangeListId: in.PortRangeListId,
	}.permission())
}

// modify changes what the request names of a rule; the rest stays.
func (a *api) modify(ctx context.Context, id string, ruleID *string, p permission) error {
	g, err := a.group(ctx, id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(g.Rules, func(r cloud.SecurityGroupRule) bool { return r.ID == text(ruleID) && r.Egress == p.egress })
	if i < 0 || len(own(g.Rules[i:i+1])) == 0 {
		return resource.Missing("InvalidSecurityGroupRuleId.NotFound", "The specified security group rule does not exist.")
	}
	now := shown(g.Rules[i])
	fill := func(have **string, old string) {
		if text(*have) == "" && old != "" {
			*have = &old
		}
	}
	fill(&p.protocol, now.protocol)
	if p.ports == nil && !strings.EqualFold(text(p.protocol), now.protocol) && protocols[strings.ToLower(text(p.protocol))] != 6 && protocols[strings.ToLower(text(p.protocol))] != 17 {
		p.ports = new("-1/-1")
	}
	fill(&p.ports, now.ports)
	fill(&p.policy, now.policy)
	fill(&p.priority, now.priority)
	if p.description == nil {
		p.description = &g.Rules[i].Description
	}
	if text(p.cidr) == "" && text(p.cidr6) == "" && text(p.group) == "" && text(p.list) == "" {
		p.cidr, p.cidr6, p.group, p.list = &now.cidr, &now.cidr6, &now.group, &now.list
	}
	r, err := p.rule()
	if err != nil {
		return err
	}
	if err := a.checkPeers(ctx, g, []cloud.SecurityGroupRule{r}); err != nil {
		return err
	}
	r.ID = *ruleID
	return a.control.ModifyRules(ctx, resource.Caller(ctx), g.ID, []cloud.SecurityGroupRule{r})
}

// words of a rule, as answers have them.
type shownRule struct{ protocol, ports, policy, priority, cidr, cidr6, group, list string }

func shown(r cloud.SecurityGroupRule) shownRule {
	s := shownRule{ports: "-1/-1", policy: "Accept", priority: strconv.Itoa(r.Priority), group: string(r.Group), list: string(r.PrefixList)}
	for name, n := range protocols {
		if n == r.Protocol {
			s.protocol = strings.ToUpper(name)
		}
	}
	if r.Protocol == 58 {
		s.protocol = "ICMPv6"
	}
	if r.From >= 0 {
		s.ports = fmt.Sprintf("%d/%d", r.From, r.To)
	}
	if r.Action == cloud.Deny {
		s.policy = "Drop"
	}
	switch {
	case r.Prefix.IsValid() && r.Prefix.Addr().Is4():
		s.cidr = r.Prefix.String()
	case r.Prefix.IsValid():
		s.cidr6 = r.Prefix.String()
	}
	return s
}

func (a *api) permissionFacts(r cloud.SecurityGroupRule) DescribeSecurityGroupAttributePermission {
	s, name := shown(r), ""
	if g, ok := cloud.SecurityGroups.Get(a.control.View(), r.Group); ok {
		name = g.Attrs[resource.AttrName]
	}
	out := DescribeSecurityGroupAttributePermission{
		SecurityGroupRuleId: &r.ID, Direction: new("ingress"), IpProtocol: &s.protocol, PortRange: &s.ports, Policy: &s.policy, Priority: &s.priority,
		NicType: new("intranet"), Description: &r.Description,
		SourceCidrIp: new(""), Ipv6SourceCidrIp: new(""), SourceGroupId: new(""), SourceGroupName: new(""), SourcePrefixListId: new(""),
		DestCidrIp: new(""), Ipv6DestCidrIp: new(""), DestGroupId: new(""), DestGroupName: new(""), DestPrefixListId: new(""),
	}
	if r.Egress {
		out.Direction = new("egress")
		out.DestCidrIp, out.Ipv6DestCidrIp, out.DestGroupId, out.DestGroupName, out.DestPrefixListId = &s.cidr, &s.cidr6, &s.group, &name, &s.list
	} else {
		out.SourceCidrIp, out.Ipv6SourceCidrIp, out.SourceGroupId, out.SourceGroupName, out.SourcePrefixListId = &s.cidr, &s.cidr6, &s.group, &name, &s.list
	}
	return out
}

func (a *api) describeSecurityGroupAttribute(ctx context.Context, in *DescribeSecurityGroupAttributeInput) (*DescribeSecurityGroupAttributeOutput, error) {
	g, err := a.group(ctx, *in.SecurityGroupId)
	if err != nil {
		return nil, err
	}
	direction := strings.ToLower(text(in.Direction))
	if !slices.Contains([]string{"", "all", "ingress", "egress"}, direction) {
		return nil, resource.Fault("InvalidDirection.ValueNotSupported", "The specified Direction is not supported.")
	}
	out := &DescribeSecurityGroupAttributeOutput{
		SecurityGroupId: in.SecurityGroupId, SecurityGroupName: new(g.Attrs[resource.AttrName]), Description: new(g.Attrs[resource.AttrDescription]),
		VpcId: new(string(g.VPC)), RegionId: &g.Region, InnerAccessPolicy: new("Drop"), Permissions: []DescribeSecurityGroupAttributePermission{},
	}
	if slices.ContainsFunc(g.Rules, func(r cloud.SecurityGroupRule) bool { return r.Priority == before }) {
		out.InnerAccessPolicy = new("Accept")
	}
	rules := slices.DeleteFunc(own(g.Rules), func(r cloud.SecurityGroupRule) bool {
		return direction == "ingress" && r.Egress || direction == "egress" && !r.Egress
	})
	key := func(r cloud.SecurityGroupRule) string { return r.ID }
	slices.SortFunc(rules, func(x, y cloud.SecurityGroupRule) int { return strings.Compare(x.ID, y.ID) })
	rules, out.NextToken, err = page.ByToken(ctx, rules, in.MaxResults, in.NextToken, page.Sizes{Default: 1000, Max: 1000}, *in.SecurityGroupId+direction, key)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		out.Permissions = append(out.Permissions, a.permissionFacts(r))
	}
	return out, nil
}
