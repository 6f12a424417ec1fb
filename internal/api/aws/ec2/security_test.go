package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/control"
)

func (w *world) group(vpc, name string) *string {
	w.Helper()
	return do(w.CreateSecurityGroup(w.Context(), &sdk.CreateSecurityGroupInput{VpcId: &vpc, GroupName: &name, Description: s("test")})).GroupId
}

func port(n int32, cidr string) []types.IpPermission {
	return []types.IpPermission{{IpProtocol: s("tcp"), FromPort: &n, ToPort: &n, IpRanges: []types.IpRange{{CidrIp: &cidr}}}}
}

func (w *world) allow(group *string, p []types.IpPermission) error {
	return failure(w.AuthorizeSecurityGroupIngress(w.Context(), &sdk.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: p}))
}

func TestSecurityGroupRefusals(t *testing.T) {
	check(t, securityGroupRefusals)

	w := newWorld(t, func(o *control.Options) { o.Quotas.SecurityGroups = 2 })
	vpc, _ := w.network() // with the default VPC's and its own group there are two
	err := failure(w.CreateSecurityGroup(t.Context(), &sdk.CreateSecurityGroupInput{VpcId: &vpc, GroupName: s("web"), Description: s("x")}))
	w.refused(err, "SecurityGroupLimitExceeded", "")
}

var securityGroupRefusals = []refusal{
	{"name taken", "InvalidGroup.Duplicate", "The security group 'web' already exists for VPC '{V}'", func(w *world, vpc, _ string) error {
		w.group(vpc, "web")
		return failure(w.CreateSecurityGroup(w.Context(), &sdk.CreateSecurityGroupInput{VpcId: &vpc, GroupName: s("web"), Description: s("x")}))
	}},
	{"reserved name", "InvalidGroup.Reserved", "", func(w *world, vpc, _ string) error {
		return failure(w.CreateSecurityGroup(w.Context(), &sdk.CreateSecurityGroupInput{VpcId: &vpc, GroupName: s("default"), Description: s("x")}))
	}},
	{"name like an ID", "InvalidParameterValue", "", func(w *world, vpc, _ string) error {
		return failure(w.CreateSecurityGroup(w.Context(), &sdk.CreateSecurityGroupInput{VpcId: &vpc, GroupName: s("sg-web"), Description: s("x")}))
	}},
	{"deleting the default group", "CannotDelete", "", func(w *world, vpc, _ string) error {
		g := do(w.DescribeSecurityGroups(w.Context(), &sdk.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: s("vpc-id"), Values: []string{vpc}}}})).SecurityGroups[0]
		return failure(w.DeleteSecurityGroup(w.Context(), &sdk.DeleteSecurityGroupInput{GroupId: g.GroupId}))
	}},
	{"unknown group", "InvalidGroup.NotFound", "The security group '" + noGroup + "' does not exist", func(w *world, _, _ string) error {
		return w.allow(s(noGroup), port(22, "10.0.0.0/8"))
	}},
	{"malformed group", "InvalidGroupId.Malformed", `Invalid id: "web" (expecting "sg-...")`, func(w *world, _, _ string) error {
		return w.allow(s("web"), port(22, "10.0.0.0/8"))
	}},
	{"same rule twice", "InvalidPermission.Duplicate", `the specified rule "peer: 10.0.0.0/8, TCP, from port: 22, to port: 22, ALLOW" already exists`, func(w *world, vpc, _ string) error {
		g := w.group(vpc, "web")
		if err := w.allow(g, port(22, "10.0.0.0/8")); err != nil {
			return err
		}
		return w.allow(g, port(22, "10.0.0.0/8"))
	}},
	{"61st rule", "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.", func(w *world, vpc, _ string) error {
		g := w.group(vpc, "web")
		for n := range int32(60) {
			if err := w.allow(g, port(n, "10.0.0.0/8")); err != nil {
				return err
			}
		}
		return w.allow(g, port(60, "10.0.0.0/8"))
	}},
	{"revoking no rule", "InvalidPermission.NotFound", "The specified rule does not exist in this security group.", func(w *world, vpc, _ string) error {
		return failure(w.RevokeSecurityGroupIngress(w.Context(), &sdk.RevokeSecurityGroupIngressInput{GroupId: w.group(vpc, "web"), IpPermissions: port(22, "10.0.0.0/8")}))
	}},
	{"revoking no rule's ID", "InvalidSecurityGroupRuleId.NotFound", "", func(w *world, vpc, _ string) error {
		return failure(w.RevokeSecurityGroupIngress(w.Context(), &sdk.RevokeSecurityGroupIngressInput{GroupId: w.group(vpc, "web"), SecurityGroupRuleIds: []string{"sgr-0123456789abcdef0"}}))
	}},
	{"malformed block", "InvalidParameterValue", "CIDR block 10.0.0.0/33 is malformed", func(w *world, vpc, _ string) error {
		return w.allow(w.group(vpc, "web"), port(22, "10.0.0.0/33"))
	}},
	{"ports reversed", "InvalidParameterValue", "Invalid TCP port range (20,10)", func(w *world, vpc, _ string) error {
		p := port(20, "10.0.0.0/8")
		p[0].ToPort = aws.Int32(10)
		return w.allow(w.group(vpc, "web"), p)
	}},
	{"group of another VPC", "InvalidGroup.NotFound", "You have specified two resources that belong to different networks.", func(w *world, vpc, _ string) error {
		other := do(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/16")})).Vpc.VpcId
		peer := w.group(*other, "peer")
		return w.allow(w.group(vpc, "web"), []types.IpPermission{{IpProtocol: s("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: peer}}}})
	}},
	{"deleting a group that another names", "DependencyViolation", "", func(w *world, vpc, _ string) error {
		a, b := w.group(vpc, "a"), w.group(vpc, "b")
		if err := w.allow(a, []types.IpPermission{{IpProtocol: s("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: b}}}}); err != nil {
			return err
		}
		return failure(w.DeleteSecurityGroup(w.Context(), &sdk.DeleteSecurityGroupInput{GroupId: b}))
	}},
	{"deleting a group in use", "DependencyViolation", "", func(w *world, vpc, subnet string) error {
		g := w.group(vpc, "web")
		do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: []string{*g}}))
		return failure(w.DeleteSecurityGroup(w.Context(), &sdk.DeleteSecurityGroupInput{GroupId: g}))
	}},
}

func TestSecurityGroupRules(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, _ := w.network()
	g := w.group(vpc, "web")
	rules := func() []types.SecurityGroupRule {
		t.Helper()
		return do(w.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: s("group-id"), Values: []string{*g}}}})).SecurityGroupRules
	}
	equal(w, "rules of a new group in a VPC with IPv6", len(rules()), 2)
	for _, r := range rules() {
		equal(w, "direction", *r.IsEgress, true)
		equal(w, "protocol", *r.IpProtocol, "-1")
	}

	added := do(w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{
		GroupId: g,
		IpPermissions: []types.IpPermission{{
			IpProtocol: s("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443),
			IpRanges:         []types.IpRange{{CidrIp: s("10.0.7.9/16"), Description: s("inside")}},
			Ipv6Ranges:       []types.Ipv6Range{{CidrIpv6: s("::/0")}},
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: g}},
		}},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: s("team"), Value: s("a")}}}},
	})).SecurityGroupRules
	equal(w, "rules made", len(added), 3)
	equal(w, "block without its host bits", *added[0].CidrIpv4, "10.0.0.0/16")
	equal(w, "tag", *added[0].Tags[0].Value, "a")
	equal(w, "referenced group", *added[2].ReferencedGroupInfo.GroupId, *g)

	shown := do(w.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: s("ip-permission.cidr"), Values: []string{"10.0.0.0/16"}}}})).SecurityGroups
	equal(w, "groups with that rule", len(shown), 1)
	equal(w, "permissions in the old form", len(shown[0].IpPermissions), 1)
	equal(w, "peers in it", len(shown[0].IpPermissions[0].IpRanges)+len(shown[0].IpPermissions[0].Ipv6Ranges)+len(shown[0].IpPermissions[0].UserIdGroupPairs), 3)

	do(w.ModifySecurityGroupRules(ctx, &sdk.ModifySecurityGroupRulesInput{GroupId: g, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: added[0].SecurityGroupRuleId,
		SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: s("udp"), FromPort: aws.Int32(53), ToPort: aws.Int32(53), CidrIpv4: s("192.168.0.0/16")},
	}}}))
	do(w.UpdateSecurityGroupRuleDescriptionsIngress(ctx, &sdk.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: g, SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{
		{SecurityGroupRuleId: added[0].SecurityGroupRuleId, Description: s("names")},
	}}))
	one := do(w.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{*added[0].SecurityGroupRuleId}})).SecurityGroupRules[0]
	equal(w, "changed block", *one.CidrIpv4, "192.168.0.0/16")
	equal(w, "changed protocol", *one.IpProtocol, "udp")
	equal(w, "description", *one.Description, "names")
	equal(w, "tag stays", *one.Tags[0].Value, "a")

	gone := do(w.RevokeSecurityGroupIngress(ctx, &sdk.RevokeSecurityGroupIngressInput{GroupId: g, SecurityGroupRuleIds: []string{*added[0].SecurityGroupRuleId, *added[1].SecurityGroupRuleId}}))
	equal(w, "revoked", len(gone.RevokedSecurityGroupRules), 2)
	equal(w, "rules left", len(rules()), 3)

	change := func(r types.SecurityGroupRuleRequest) error {
		return failure(w.ModifySecurityGroupRules(ctx, &sdk.ModifySecurityGroupRulesInput{GroupId: g, SecurityGroupRules: []types.SecurityGroupRuleUpdate{
			{SecurityGroupRuleId: added[2].SecurityGroupRuleId, SecurityGroupRule: &r},
		}}))
	}
	port53 := aws.Int32(53)
	w.refused(change(types.SecurityGroupRuleRequest{FromPort: port53, ToPort: port53, CidrIpv4: s("10.0.0.0/8")}),
		"InvalidParameterValue", "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
	w.refused(change(types.SecurityGroupRuleRequest{IpProtocol: s("udp"), ToPort: port53, CidrIpv4: s("10.0.0.0/8")}),
		"InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
	w.refused(change(types.SecurityGroupRuleRequest{IpProtocol: s("udp"), FromPort: port53, ToPort: port53}),
		"MissingParameter", "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId")
	w.refused(change(types.SecurityGroupRuleRequest{IpProtocol: s("udp"), FromPort: port53, ToPort: port53, CidrIpv4: s("10.0.0.0/8"), CidrIpv6: s("::/0")}),
		"InvalidParameterCombination", "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
	w.refused(failure(w.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{Filters: filter("group-id", "nonsense")})),
		"InvalidGroupId.Malformed", "The security group ID 'nonsense' is malformed")
	equal(w, "rules by a wildcard", len(do(w.DescribeSecurityGroupRules(ctx, &sdk.DescribeSecurityGroupRulesInput{Filters: filter("group-id", *g+"*")})).SecurityGroupRules), 3)

	// in the default VPC an unknown rule is no error
	def := do(w.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{GroupNames: []string{"default"}})).SecurityGroups[0]
	out := do(w.RevokeSecurityGroupIngress(ctx, &sdk.RevokeSecurityGroupIngressInput{GroupId: def.GroupId, IpPermissions: port(22, "10.0.0.0/8")}))
	equal(w, "unknown rules", len(out.UnknownIpPermissions), 1)
}

func TestNetworkACLs(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc, subnet := w.network()
	acls := func(filter, value string) []types.NetworkAcl {
		t.Helper()
		return do(w.DescribeNetworkAcls(ctx, &sdk.DescribeNetworkAclsInput{Filters: []types.Filter{{Name: s(filter), Values: []string{value}}, {Name: s("vpc-id"), Values: []string{vpc}}}})).NetworkAcls
	}
	def := acls("default", "true")[0]
	equal(w, "lines of the default ACL: 100, 101 and two last ones, twice", len(def.Entries), 8)
	equal(w, "subnets behind it", *def.Associations[0].SubnetId, subnet)

	own := do(w.CreateNetworkAcl(ctx, &sdk.CreateNetworkAclInput{VpcId: &vpc})).NetworkAcl
	equal(w, "lines of a new ACL: only the last ones", len(own.Entries), 4)
	line := &sdk.CreateNetworkAclEntryInput{
		NetworkAclId: own.NetworkAclId, RuleNumber: aws.Int32(100), Egress: aws.Bool(false), Protocol: s("6"), RuleAction: types.RuleActionAllow,
		CidrBlock: s("10.0.0.0/8"), PortRange: &types.PortRange{From: aws.Int32(80), To: aws.Int32(81)},
	}
	do(w.CreateNetworkAclEntry(ctx, line))
	w.refused(failure(w.CreateNetworkAclEntry(ctx, line)), "NetworkAclEntryAlreadyExists", "The network acl entry identified by 100 already exists.")
	w.refused(failure(w.DeleteNetworkAclEntry(ctx, &sdk.DeleteNetworkAclEntryInput{NetworkAclId: own.NetworkAclId, RuleNumber: aws.Int32(7), Egress: aws.Bool(false)})), "InvalidNetworkAclEntry.NotFound", "")
	do(w.ReplaceNetworkAclEntry(ctx, &sdk.ReplaceNetworkAclEntryInput{
		NetworkAclId: own.NetworkAclId, RuleNumber: aws.Int32(100), Egress: aws.Bool(false), Protocol: s("icmp"), RuleAction: types.RuleActionDeny,
		CidrBlock: s("10.0.0.0/8"), IcmpTypeCode: &types.IcmpTypeCode{Type: aws.Int32(8), Code: aws.Int32(-1)},
	}))
	equal(w, "ACLs with a line on that block", len(acls("entry.cidr", "10.0.0.0/8")), 1)

	w.refused(failure(w.DeleteNetworkAcl(ctx, &sdk.DeleteNetworkAclInput{NetworkAclId: def.NetworkAclId})), "InvalidParameterValue", "cannot delete default network ACL "+*def.NetworkAclId)
	w.refused(failure(w.ReplaceNetworkAclAssociation(ctx, &sdk.ReplaceNetworkAclAssociationInput{AssociationId: s("aclassoc-0123456789abcdef0"), NetworkAclId: own.NetworkAclId})), "InvalidAssociationID.NotFound", "")
	moved := do(w.ReplaceNetworkAclAssociation(ctx, &sdk.ReplaceNetworkAclAssociationInput{AssociationId: def.Associations[0].NetworkAclAssociationId, NetworkAclId: own.NetworkAclId}))
	equal(w, "subnets behind the new ACL", *acls("association.subnet-id", subnet)[0].NetworkAclId, *own.NetworkAclId)
	w.refused(failure(w.DeleteNetworkAcl(ctx, &sdk.DeleteNetworkAclInput{NetworkAclId: own.NetworkAclId})), "DependencyViolation", "The networkAcl '"+*own.NetworkAclId+"' has dependencies and cannot be deleted.")
	do(w.ReplaceNetworkAclAssociation(ctx, &sdk.ReplaceNetworkAclAssociationInput{AssociationId: moved.NewAssociationId, NetworkAclId: def.NetworkAclId}))
	do(w.DeleteNetworkAcl(ctx, &sdk.DeleteNetworkAclInput{NetworkAclId: own.NetworkAclId}))
	w.refused(failure(w.DescribeNetworkAcls(ctx, &sdk.DescribeNetworkAclsInput{NetworkAclIds: []string{*own.NetworkAclId}})), "InvalidNetworkAclID.NotFound", "")
}

func TestACLLimit(t *testing.T) {
	w := newWorld(t)
	vpc, _ := w.network()
	own := do(w.CreateNetworkAcl(t.Context(), &sdk.CreateNetworkAclInput{VpcId: &vpc})).NetworkAcl
	for n := range int32(21) {
		err := failure(w.CreateNetworkAclEntry(t.Context(), &sdk.CreateNetworkAclEntryInput{
			NetworkAclId: own.NetworkAclId, RuleNumber: aws.Int32(n + 1), Egress: aws.Bool(true), Protocol: s("-1"), RuleAction: types.RuleActionAllow, CidrBlock: s("0.0.0.0/0"),
		}))
		if n < 20 && err != nil {
			t.Fatal(err)
		}
		if n == 20 {
			w.refused(err, "NetworkAclEntryLimitExceeded", "")
		}
	}
}
