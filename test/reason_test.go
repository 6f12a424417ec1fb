package test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// twoSeconds shortens the wait for what must time out.
func twoSeconds(r *lambda.CreateFunctionInput) { r.Timeout = aws.Int32(2) }

// TestReasons breaks one thing at a time between a function and the internet:
// the time-out's log must name it.
func TestReasons(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	p := open(d.root(t), "reason", "10.0.0.0/16")
	for _, w := range []struct {
		name   string
		breaks func(t *testing.T, c *tenant) (place, []string) // where the function is, and what its log must name
	}{
		{"public subnet", func(*testing.T, *tenant) (place, []string) { return at(p.public, p.group), []string{p.igw, "public"} }},
		{"no route", func(*testing.T, *tenant) (place, []string) { return at(p.lone, p.group), []string{p.loneOnly} }},
		{"security group without egress", p.mutedGroup},
		{"network ACL denies the request", func(t *testing.T, c *tenant) (place, []string) { return p.denied(t, c, true, "10.0.4.0/24") }},
		{"network ACL denies the answer", func(t *testing.T, c *tenant) (place, []string) { return p.denied(t, c, false, "10.0.5.0/24") }},
		{"NAT gateway deleted", p.deletedNAT},
		{"NAT gateway without a way out", p.strandedNAT},
	} {
		t.Run(w.name, func(t *testing.T) {
			c := p.with(t)
			where, blamed := w.breaks(t, c)
			name := strings.ReplaceAll(w.name, " ", "-")
			c.python(name, p.role, sampleCode, where, twoSeconds)
			r := c.invoke(name, nil)
			if !strings.Contains(r.payload, "Task timed out after 2.") {
				t.Errorf("got %s %s, want a time-out", r.fault, r.payload)
			}
			var reasons []string
			for line := range strings.Lines(r.log) {
				if strings.HasPrefix(line, "WEIR") && !strings.Contains(line, "is not installed; running") {
					reasons = append(reasons, line)
				}
			}
			said := strings.Join(reasons, "")
			for _, id := range blamed {
				if !strings.Contains(said, id) {
					t.Errorf("the reason does not name %s:\n%s", id, r.log)
				}
			}
			t.Log(said)
		})
	}
}

// mutedGroup is a security group that lets nothing out.
func (p *page) mutedGroup(_ *testing.T, c *tenant) (place, []string) {
	g, err := c.ec2.CreateSecurityGroup(c.ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("muted"), Description: aws.String("d"), VpcId: &p.vpc})
	c.check(err)
	_, err = c.ec2.RevokeSecurityGroupEgress(c.ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: g.GroupId, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}})
	c.check(err)
	return at(p.private, *g.GroupId), []string{*g.GroupId}
}

// behindNAT is a further private subnet that routes to the NAT gateway.
func (p *page) behindNAT(c *tenant, cidr string) (subnet, table string) {
	subnet, table = c.subnet(p.vpc, cidr, "")
	c.route(ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &p.nat})
	return subnet, table
}

// denied is a subnet whose ACL allows all but TCP out (or in, from port 443).
func (p *page) denied(_ *testing.T, c *tenant, egress bool, cidr string) (place, []string) {
	subnet, _ := p.behindNAT(c, cidr)
	acl, err := c.ec2.CreateNetworkAcl(c.ctx, &ec2.CreateNetworkAclInput{VpcId: &p.vpc})
	c.check(err)
	id := *acl.NetworkAcl.NetworkAclId
	entry := func(number int32, egress bool, protocol string, action ec2types.RuleAction, ports *ec2types.PortRange) {
		_, err := c.ec2.CreateNetworkAclEntry(c.ctx, &ec2.CreateNetworkAclEntryInput{
			NetworkAclId: &id, RuleNumber: &number, Egress: &egress, Protocol: &protocol, RuleAction: action, CidrBlock: aws.String("0.0.0.0/0"), PortRange: ports})
		c.check(err)
	}
	entry(90, egress, "6", ec2types.RuleActionDeny, &ec2types.PortRange{From: aws.Int32(0), To: aws.Int32(65535)})
	entry(100, true, "-1", ec2types.RuleActionAllow, nil)
	entry(100, false, "-1", ec2types.RuleActionAllow, nil)
	acls, err := c.ec2.DescribeNetworkAcls(c.ctx, &ec2.DescribeNetworkAclsInput{Filters: in("association.subnet-id", subnet)})
	c.check(err)
	for _, a := range acls.NetworkAcls[0].Associations {
		if *a.SubnetId == subnet {
			_, err = c.ec2.ReplaceNetworkAclAssociation(c.ctx, &ec2.ReplaceNetworkAclAssociationInput{AssociationId: a.NetworkAclAssociationId, NetworkAclId: &id})
			c.check(err)
		}
	}
	return at(subnet, p.group), []string{id, "90"}
}

// deletedNAT leaves a route to a NAT gateway that is no more: a black hole.
func (p *page) deletedNAT(_ *testing.T, c *tenant) (place, []string) {
	nat, _ := c.nat(p.public)
	subnet, table := c.subnet(p.vpc, "10.0.6.0/24", "")
	c.route(ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &nat})
	_, err := c.ec2.DeleteNatGateway(c.ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &nat})
	c.check(err)
	return at(subnet, p.group), []string{table, nat}
}

// strandedNAT is a NAT gateway in a subnet without a route to the internet gateway.
func (p *page) strandedNAT(_ *testing.T, c *tenant) (place, []string) {
	nat, _ := c.nat(p.lone)
	subnet, table := c.subnet(p.vpc, "10.0.7.0/24", "")
	c.route(ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &nat})
	return at(subnet, p.group), []string{p.loneOnly}
}
