package ec2

import (
	"context"

	"weir/internal/cloud"
	"weir/internal/control"
)

// peerOf is the connection over which a VPC's rules refer to a group of another
// VPC: the active one, or else the last there was.
func peerOf(v cloud.View, vpc, other cloud.VPCID) (id, status *string) {
	var last *cloud.Peering
	for p := range cloud.Peerings.By(v, "vpc", string(vpc)) {
		if _, far := p.Sides(vpc); far.VPC == other && (last == nil || last.State != cloud.PeeringActive && p.Created.After(last.Created) || p.State == cloud.PeeringActive) {
			last = p
		}
	}
	if last == nil {
		return nil, nil
	}
	return new(string(last.ID)), new(string(last.State))
}

// showPeers adds to a group's permissions how their references into other VPCs stand.
func showPeers(v cloud.View, g SecurityGroup) SecurityGroup {
	for _, perms := range [][]IpPermission{g.IpPermissions, g.IpPermissionsEgress} {
		for _, p := range perms {
			for i := range p.UserIdGroupPairs {
				if u := &p.UserIdGroupPairs[i]; u.VpcId != nil {
					u.VpcPeeringConnectionId, u.PeeringStatus = peerOf(v, cloud.VPCID(*g.VpcId), cloud.VPCID(*u.VpcId))
				}
			}
		}
	}
	return g
}

// showRulePeers is showPeers for rules of a VPC's group.
func showRulePeers(v cloud.View, vpc cloud.VPCID, rules []SecurityGroupRule) []SecurityGroupRule {
	for _, r := range rules {
		if u := r.ReferencedGroupInfo; u != nil && u.VpcId != nil {
			u.VpcPeeringConnectionId, u.PeeringStatus = peerOf(v, vpc, cloud.VPCID(*u.VpcId))
		}
	}
	return rules
}

// describeSecurityGroupReferences lists the peers whose rules refer to groups.
func (a *api) describeSecurityGroupReferences(ctx context.Context, in *DescribeSecurityGroupReferencesInput) (*DescribeSecurityGroupReferencesOutput, error) {
	v, out := a.control.View(), &DescribeSecurityGroupReferencesOutput{}
	for _, id := range in.GroupId {
		g, err := read(ctx, a, cloud.SecurityGroups, cloud.KindSecurityGroup, cloud.SecurityGroupID(id))
		if err != nil {
			return nil, err
		}
		for p := range cloud.Peerings.By(v, "vpc", string(g.VPC)) {
			if _, far := p.Sides(g.VPC); p.State == cloud.PeeringActive && refers(v, far.VPC, g.ID) {
				out.SecurityGroupReferenceSet = append(out.SecurityGroupReferenceSet, SecurityGroupReference{
					GroupId: new(id), ReferencingVpcId: new(string(far.VPC)), VpcPeeringConnectionId: new(string(p.ID)),
				})
			}
		}
	}
	return out, nil
}

// refers reports whether rules in a VPC name a group.
func refers(v cloud.View, vpc cloud.VPCID, id cloud.SecurityGroupID) bool {
	for g := range cloud.SecurityGroups.By(v, "vpc", string(vpc)) {
		for _, r := range g.Rules {
			if r.Group == id {
				return true
			}
		}
	}
	return false
}

// describeStaleSecurityGroups lists a VPC's groups with rules that refer to a
// peer's group that is gone, or to a former peer's.
func (a *api) describeStaleSecurityGroups(ctx context.Context, in *DescribeStaleSecurityGroupsInput) (*DescribeStaleSecurityGroupsOutput, error) {
	vpc, err := read(ctx, a, cloud.VPCs, cloud.KindVPC, cloud.VPCID(*in.VpcId))
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	var all []StaleSecurityGroup
	for g := range cloud.SecurityGroups.By(v, "vpc", string(vpc.ID)) {
		s := StaleSecurityGroup{GroupId: new(string(g.ID)), GroupName: new(g.Name), Description: new(g.Description), VpcId: new(string(g.VPC))}
		s.StaleIpPermissions, s.StaleIpPermissionsEgress = stale(v, g, false), stale(v, g, true)
		if len(s.StaleIpPermissions)+len(s.StaleIpPermissionsEgress) > 0 {
			all = append(all, s)
		}
	}
	out := &DescribeStaleSecurityGroupsOutput{}
	out.StaleSecurityGroupSet, out.NextToken, err = staleListing.answer(ctx, all, question{max: in.MaxResults, token: in.NextToken})
	return out, err
}

var staleListing = listing[StaleSecurityGroup]{kind: cloud.KindSecurityGroup, id: func(g StaleSecurityGroup) *string { return g.GroupId }}

// stale are the permissions of one direction that refer to nothing any more.
func stale(v cloud.View, g *cloud.SecurityGroup, egress bool) (out []StaleIpPermission) {
	var rules []cloud.SecurityGroupRule
	for _, r := range g.Rules {
		if r.Egress != egress || r.GroupVPC == "" {
			continue
		}
		_, peered := control.Peered(v, g.VPC, r.GroupVPC)
		if _, exists := cloud.SecurityGroups.Get(v, r.Group); !peered || !exists {
			rules = append(rules, r)
		}
	}
	shaped := showPeers(v, SecurityGroup{VpcId: new(string(g.VPC)), IpPermissions: grouped(g.Account, rules)})
	for _, p := range shaped.IpPermissions {
		out = append(out, StaleIpPermission{FromPort: p.FromPort, ToPort: p.ToPort, IpProtocol: p.IpProtocol, UserIdGroupPairs: p.UserIdGroupPairs})
	}
	return out
}
