package ec2

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func securityGroupShape(g *cloud.SecurityGroup) SecurityGroup {
	return SecurityGroup{
		GroupId: new(string(g.ID)), GroupName: new(g.Name), Description: new(g.Description), VpcId: new(string(g.VPC)), OwnerId: new(g.Account),
		SecurityGroupArn: new(arn(&g.Meta, "security-group", string(g.ID))),
		IpPermissions:    shown(permissions(g, false)), IpPermissionsEgress: shown(permissions(g, true)), Tags: tagList(g.Tags),
	}
}

func permissionFacts(egress bool, f func(IpPermission) []string) func(SecurityGroup) []string {
	return func(g SecurityGroup) []string {
		if egress {
			return facts(g.IpPermissionsEgress, f)
		}
		return facts(g.IpPermissions, f)
	}
}

var securityGroupListing = listing[SecurityGroup]{
	kind: cloud.KindSecurityGroup, param: "groupIds",
	id:     func(g SecurityGroup) *string { return g.GroupId },
	tags:   func(g SecurityGroup) []Tag { return g.Tags },
	fields: securityGroupFields(),
}

func securityGroupFields() wire.Fields[SecurityGroup] {
	fields := wire.Fields[SecurityGroup]{
		"group-id":    func(g SecurityGroup) []string { return fact(g.GroupId) },
		"group-name":  func(g SecurityGroup) []string { return fact(g.GroupName) },
		"description": func(g SecurityGroup) []string { return fact(g.Description) },
		"owner-id":    func(g SecurityGroup) []string { return fact(g.OwnerId) },
		"vpc-id":      func(g SecurityGroup) []string { return fact(g.VpcId) },
	}
	for prefix, egress := range map[string]bool{"ip-permission.": false, "egress.ip-permission.": true} {
		for name, f := range map[string]func(IpPermission) []string{
			"protocol":  func(p IpPermission) []string { return fact(p.IpProtocol) },
			"from-port": func(p IpPermission) []string { return decimal(p.FromPort) },
			"to-port":   func(p IpPermission) []string { return decimal(p.ToPort) },
			"cidr": func(p IpPermission) []string {
				return facts(p.IpRanges, func(r IpRange) []string { return fact(r.CidrIp) })
			},
			"ipv6-cidr": func(p IpPermission) []string {
				return facts(p.Ipv6Ranges, func(r Ipv6Range) []string { return fact(r.CidrIpv6) })
			},
			"prefix-list-id": func(p IpPermission) []string {
				return facts(p.PrefixListIds, func(r PrefixListId) []string { return fact(r.PrefixListId) })
			},
			"group-id": func(p IpPermission) []string {
				return facts(p.UserIdGroupPairs, func(r UserIdGroupPair) []string { return fact(r.GroupId) })
			},
			"group-name": func(p IpPermission) []string {
				return facts(p.UserIdGroupPairs, func(r UserIdGroupPair) []string { return fact(r.GroupName) })
			},
			"user-id": func(p IpPermission) []string {
				return facts(p.UserIdGroupPairs, func(r UserIdGroupPair) []string { return fact(r.UserId) })
			},
		} {
			fields[prefix+name] = permissionFacts(egress, f)
		}
	}
	return fields
}

var groupText = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

func (a *api) createSecurityGroup(ctx context.Context, in *CreateSecurityGroupInput) (*CreateSecurityGroupOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	name, description := *in.GroupName, *in.Description
	switch {
	case len(name) >= 3 && name[:3] == "sg-":
		return nil, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*", name)}
	case !groupText.MatchString(name):
		return nil, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", name)}
	case !groupText.MatchString(description):
		return nil, &wire.Error{Code: "InvalidParameterValue", Msg: fmt.Sprintf("Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", description)}
	}
	l, err := labels(cloud.KindSecurityGroup, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateSecurityGroup(ctx, who, control.CreateSecurityGroup{Labels: l, VPC: cloud.VPCID(text(in.VpcId)), Name: name, Description: description})
	if err != nil {
		return nil, err
	}
	return &CreateSecurityGroupOutput{GroupId: new(string(g.ID)), SecurityGroupArn: new(arn(&g.Meta, "security-group", string(g.ID))), Tags: tagList(g.Tags)}, nil
}

func (a *api) describeSecurityGroups(ctx context.Context, in *DescribeSecurityGroupsInput) (*DescribeSecurityGroupsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	groupIDs := in.GroupIds
	for _, name := range in.GroupNames {
		g, err := a.groupByName(v, who, name)
		if err != nil {
			return nil, err
		}
		groupIDs = append(slices.Clone(groupIDs), string(g))
	}
	all := collect(v, cloud.SecurityGroups, cloud.Scope(who.Account, who.Region), func(g *cloud.SecurityGroup) SecurityGroup { return showPeers(v, securityGroupShape(g)) })
	out := &DescribeSecurityGroupsOutput{}
	out.SecurityGroups, out.NextToken, err = securityGroupListing.answer(ctx, all, question{groupIDs, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// groupByName finds a group of the default VPC, the only ones that go by name.
func (a *api) groupByName(v cloud.View, who control.Caller, name string) (cloud.SecurityGroupID, error) {
	for vpc := range cloud.VPCs.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if !vpc.Default {
			continue
		}
		for g := range cloud.SecurityGroups.By(v, "vpc", string(vpc.ID)) {
			if g.Name == name {
				return g.ID, nil
			}
		}
		return "", &wire.Error{Code: "InvalidGroup.NotFound", Msg: fmt.Sprintf("The security group '%s' does not exist in default VPC '%s'", name, vpc.ID)}
	}
	return "", &wire.Error{Code: "VPCIdNotSpecified", Msg: "No default VPC for this user"}
}

// group is the group a request names by ID or by name.
func (a *api) group(who control.Caller, id, name *string) (cloud.SecurityGroupID, error) {
	switch {
	case text(id) != "":
		return cloud.SecurityGroupID(*id), nil
	case text(name) != "":
		return a.groupByName(a.control.View(), who, *name)
	}
	return "", &wire.Error{Code: "MissingParameter", Msg: "The request must contain the parameter groupName or groupId"}
}

func (a *api) deleteSecurityGroup(ctx context.Context, in *DeleteSecurityGroupInput) (*DeleteSecurityGroupOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := a.group(who, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	if err := a.control.DeleteSecurityGroup(ctx, who, id); err != nil {
		return nil, err
	}
	return &DeleteSecurityGroupOutput{GroupId: new(string(id)), Return: new(true)}, nil
}

var groupForVPCListing = listing[SecurityGroupForVpc]{
	id:   func(g SecurityGroupForVpc) *string { return g.GroupId },
	tags: func(g SecurityGroupForVpc) []Tag { return g.Tags },
	fields: wire.Fields[SecurityGroupForVpc]{
		"group-id":       func(g SecurityGroupForVpc) []string { return fact(g.GroupId) },
		"group-name":     func(g SecurityGroupForVpc) []string { return fact(g.GroupName) },
		"description":    func(g SecurityGroupForVpc) []string { return fact(g.Description) },
		"owner-id":       func(g SecurityGroupForVpc) []string { return fact(g.OwnerId) },
		"primary-vpc-id": func(g SecurityGroupForVpc) []string { return fact(g.PrimaryVpcId) },
	},
}

func (a *api) getSecurityGroupsForVpc(ctx context.Context, in *GetSecurityGroupsForVpcInput) (*GetSecurityGroupsForVpcOutput, error) {
	vpc, err := read(ctx, a, cloud.VPCs, cloud.KindVPC, cloud.VPCID(*in.VpcId))
	if err != nil {
		return nil, err
	}
	var all []SecurityGroupForVpc
	for g := range cloud.SecurityGroups.By(a.control.View(), "vpc", string(vpc.ID)) {
		all = append(all, SecurityGroupForVpc{
			GroupId: new(string(g.ID)), GroupName: new(g.Name), Description: new(g.Description), OwnerId: new(g.Account), PrimaryVpcId: in.VpcId, Tags: tagList(g.Tags),
		})
	}
	out := &GetSecurityGroupsForVpcOutput{}
	out.SecurityGroupForVpcs, out.NextToken, err = groupForVPCListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}

// describeSecurityGroupVpcAssociations lists groups shared into further VPCs, which cannot be done here.
func (a *api) describeSecurityGroupVpcAssociations(ctx context.Context, in *DescribeSecurityGroupVpcAssociationsInput) (*DescribeSecurityGroupVpcAssociationsOutput, error) {
	_, err := a.enter(ctx)
	return &DescribeSecurityGroupVpcAssociationsOutput{}, err
}
