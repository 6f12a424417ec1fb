package test

import (
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// far makes another VPC with a function like the caller's.
func (b *inbound) far(t *testing.T, name, cidr, block string) (vpc, table string) {
	c := b.with(t)
	code, err := os.ReadFile("testdata/endpoint.py")
	c.check(err)
	role, err := c.iam.GetRole(c.ctx, &iam.GetRoleInput{RoleName: aws.String("caller")})
	c.check(err)
	vpc, _, group := c.vpc(cidr)
	subnet, table := c.subnet(vpc, block, "")
	c.python(name, *role.Role.Arn, string(code), at(subnet, group))
	return vpc, table
}

// peered: a peered VPC reaches the endpoint by the endpoint's own name; the
// service's name keeps its public meaning there (E6).
func (b *inbound) peered(t *testing.T) {
	c := b.with(t)
	vpc, table := b.far(t, "far", "10.1.0.0/16", "10.1.1.0/24")
	ask := func(host string) (out called) {
		c.invoke("far", map[string]any{"host": host, "service": "lambda", "path": settings}).into(t, &out)
		return out
	}
	e, err := c.ec2.DescribeVpcEndpoints(c.ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{b.endpoint}})
	c.check(err)
	own := *e.VpcEndpoints[0].DnsEntries[0].DnsName
	if got := ask(own); got.Error != "TimeoutError" {
		t.Errorf("from a VPC that is not peered: %+v, want a time-out", got)
	}
	made, err := c.ec2.CreateVpcPeeringConnection(c.ctx, &ec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: &b.vpc})
	c.check(err)
	id := made.VpcPeeringConnection.VpcPeeringConnectionId
	_, err = c.ec2.AcceptVpcPeeringConnection(c.ctx, &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: id})
	c.check(err)
	c.route(ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("10.0.0.0/16"), VpcPeeringConnectionId: id})
	c.route(ec2.CreateRouteInput{RouteTableId: &b.table, DestinationCidrBlock: aws.String("10.1.0.0/16"), VpcPeeringConnectionId: id})
	if got := ask(own); got.Error != "TimeoutError" {
		t.Errorf("behind the endpoint's closed security group: %+v, want a time-out", got)
	}
	_, err = c.ec2.AuthorizeSecurityGroupIngress(c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &b.group, IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.1.0.0/16")}}}}})
	c.check(err)
	if got := ask(own); got.Status != 200 || got.To != b.enis {
		t.Errorf("from a peered VPC: %+v, want 200 from %s", got, b.enis)
	}
	var out called
	c.invoke("far", map[string]any{"resolve": lambdaHost}).into(t, &out)
	if !slices.Equal(out.Addrs, []string{publicAPI}) {
		t.Errorf("in a peered VPC %s is %v, want %s", lambdaHost, out.Addrs, publicAPI)
	}
}
