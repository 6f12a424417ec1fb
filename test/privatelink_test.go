package test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"weir/internal/api/aws/sdktest"
)

// private is a service that one VPC offers to another of the same block.
// https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-share-your-services.html
type private struct {
	*tenant
	d   *daemon
	elb *elb.Client

	service, endpoint     string // IDs
	front, lb, back, door string // groups: the client's, the balancer's, the target's, the endpoint's
	targets               string // ARN of the target group
	subnet, addr          string // of the client; where it asks
}

// askBehind tells a connection that nobody takes from one that is taken and stays silent.
const askBehind = `
import socket, sys
try:
    s = socket.create_connection((sys.argv[1], 7777), 1.5)
    print("connected")
    print(s.makefile().read())
except OSError as e: print("failed:", type(e).__name__)`

func newPrivate(t *testing.T) *private {
	d := newDaemon(t)
	c := d.root(t)
	return &private{tenant: c, d: d, elb: elb.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &d.url, RetryMaxAttempts: 1, HTTPClient: sdktest.Client, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})}
}

// TestPrivateLink offers a host behind a network load balancer to a VPC with the
// same addresses, which no route leads to.
func TestPrivateLink(t *testing.T) {
	t.Parallel()
	p := newPrivate(t)
	server := p.provide()
	p.consume()
	const refused, silent, cut = "failed: ConnectionRefusedError", "connected\nfailed: TimeoutError", "failed: ConnectionResetError"
	p.asks(t, "before acceptance", refused)
	p.decide(t, true)
	p.asks(t, "accepted", "hello 10.0.1.") // by the balancer's address
	p.allow(p.door, p.front, false)
	p.asks(t, "the endpoint's group forbids", "failed: TimeoutError")
	p.allow(p.door, p.front, true)
	p.asks(t, "the endpoint's group allows again", "hello 10.0.1.")
	p.allow(p.back, p.lb, false)
	p.asks(t, "the target's group forbids", silent)
	p.allow(p.back, p.lb, true)
	p.allowBlock(p.lb, false)
	p.asks(t, "the balancer's group forbids", cut)
	p.allowBlock(p.lb, true)
	p.asks(t, "all allow again", "hello 10.0.1.")
	p.decide(t, false)
	p.asks(t, "after rejection", refused)
	server.ends(t, syscall.SIGTERM)
}

// provide makes the provider: a host, its target group, a balancer and the service.
func (p *private) provide() *attached {
	vpc, _, _ := p.vpc("10.0.0.0/16")
	subnet, _ := p.tenant.subnet(vpc, "10.0.1.0/24", "")
	p.lb = p.group(vpc, "balancer", "", 0)
	p.allowBlock(p.lb, true)
	p.back = p.group(vpc, "back", p.lb, 7777)
	server := p.d.attach(p.t.(*testing.T), "-subnet "+subnet+" -security-group "+p.back+" -ip 10.0.1.50", "/usr/bin/python3", "-c", serve)
	tg, err := p.elb.CreateTargetGroup(p.ctx, &elb.CreateTargetGroupInput{Name: aws.String("hosts"), Protocol: elbtypes.ProtocolEnumTcp,
		Port: aws.Int32(7777), VpcId: &vpc, TargetType: elbtypes.TargetTypeEnumIp})
	p.check(err)
	p.targets = *tg.TargetGroups[0].TargetGroupArn
	_, err = p.elb.RegisterTargets(p.ctx, &elb.RegisterTargetsInput{TargetGroupArn: &p.targets, Targets: []elbtypes.TargetDescription{{Id: aws.String("10.0.1.50")}}})
	p.check(err)
	lb, err := p.elb.CreateLoadBalancer(p.ctx, &elb.CreateLoadBalancerInput{Name: aws.String("front"), Type: elbtypes.LoadBalancerTypeEnumNetwork,
		Scheme: elbtypes.LoadBalancerSchemeEnumInternal, Subnets: []string{subnet}, SecurityGroups: []string{p.lb}})
	p.check(err)
	arn := lb.LoadBalancers[0].LoadBalancerArn
	_, err = p.elb.CreateListener(p.ctx, &elb.CreateListenerInput{LoadBalancerArn: arn, Protocol: elbtypes.ProtocolEnumTcp, Port: aws.Int32(7777),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &p.targets}}})
	p.check(err)
	until(p.t, 20*time.Second, "the target is healthy", p.healthy)
	made, err := p.ec2.CreateVpcEndpointServiceConfiguration(p.ctx, &ec2.CreateVpcEndpointServiceConfigurationInput{
		NetworkLoadBalancerArns: []string{*arn}, AcceptanceRequired: aws.Bool(true)})
	p.check(err)
	p.service = *made.ServiceConfiguration.ServiceId
	return server
}

func (p *private) healthy() bool {
	out, err := p.elb.DescribeTargetHealth(p.ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &p.targets})
	p.check(err)
	return out.TargetHealthDescriptions[0].TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy
}

// consume makes the consumer: an endpoint of the service in another VPC.
func (p *private) consume() {
	vpc, _, _ := p.vpc("10.0.0.0/16")
	p.subnet, _ = p.tenant.subnet(vpc, "10.0.1.0/24", "")
	p.front = p.group(vpc, "front", "", 0)
	p.door = p.group(vpc, "door", p.front, 7777)
	services, err := p.ec2.DescribeVpcEndpointServices(p.ctx, &ec2.DescribeVpcEndpointServicesInput{Filters: in("owner", "000000000000")})
	p.check(err)
	made, err := p.ec2.CreateVpcEndpoint(p.ctx, &ec2.CreateVpcEndpointInput{VpcId: &vpc, VpcEndpointType: ec2types.VpcEndpointTypeInterface,
		ServiceName: services.ServiceDetails[0].ServiceName, SubnetIds: []string{p.subnet}, SecurityGroupIds: []string{p.door}, PrivateDnsEnabled: aws.Bool(false)})
	p.check(err)
	p.endpoint = *made.VpcEndpoint.VpcEndpointId
	p.addr = *p.describe().DnsEntries[0].DnsName
}

func (p *private) describe() ec2types.VpcEndpoint {
	got, err := p.ec2.DescribeVpcEndpoints(p.ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{p.endpoint}})
	p.check(err)
	return got.VpcEndpoints[0]
}

// decide accepts or rejects the endpoint, which then says so.
func (p *private) decide(t *testing.T, accept bool) {
	t.Helper()
	want := []ec2types.State{"pendingAcceptance", "available"}
	if !accept {
		want = []ec2types.State{"available", "rejected"}
	}
	have := []ec2types.State{p.describe().State}
	var err error
	if accept {
		_, err = p.ec2.AcceptVpcEndpointConnections(p.ctx, &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &p.service, VpcEndpointIds: []string{p.endpoint}})
	} else {
		_, err = p.ec2.RejectVpcEndpointConnections(p.ctx, &ec2.RejectVpcEndpointConnectionsInput{ServiceId: &p.service, VpcEndpointIds: []string{p.endpoint}})
	}
	p.check(err)
	have = append(have, p.describe().State)
	if accept && have[1] == "pending" { // the vendor's state for an instant
		have[1] = p.describe().State
	}
	if !slices.Equal(have, want) {
		t.Errorf("the endpoint's states were %v, want %v", have, want)
	}
}

// asks has a host of the consumer ask the endpoint, by its name.
func (p *private) asks(t *testing.T, when, want string) {
	t.Helper()
	_, out := p.d.command(t, "", "attach -subnet "+p.subnet+" -security-group "+p.front+" -- "+p.d.script(t, askBehind)+" "+p.addr)
	if !strings.Contains(out, want) {
		t.Errorf("%s: %q, want %q", when, out, want)
	}
}

// allow opens or closes a group's port to another group.
func (p *private) allow(group, from string, open bool) {
	p.permit(group, open, ec2types.IpPermission{UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &from}}})
}

// allowBlock opens or closes a group's port to the consumer's addresses.
func (p *private) allowBlock(group string, open bool) {
	p.permit(group, open, ec2types.IpPermission{IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/16")}}})
}

func (p *private) permit(group string, open bool, rule ec2types.IpPermission) {
	p.t.Helper()
	rule.IpProtocol, rule.FromPort, rule.ToPort = aws.String("tcp"), aws.Int32(7777), aws.Int32(7777)
	rules := []ec2types.IpPermission{rule}
	var err error
	if open {
		_, err = p.ec2.AuthorizeSecurityGroupIngress(p.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: rules})
	} else {
		_, err = p.ec2.RevokeSecurityGroupIngress(p.ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, IpPermissions: rules})
	}
	p.check(err)
}
