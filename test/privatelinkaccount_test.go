package test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const consumer = "222222222222"

// asksOn asks both ports of a name over and over and says what came of it.
const asksOn = `
import socket, sys, time
while True:
    for port in (7777, 7778):
        try: said = socket.create_connection(("%s", port), 1.5).makefile().read()
        except OSError as e: said = type(e).__name__
        print(port, said or "nothing", flush=True)
    print("round", flush=True)
    time.sleep(0.1)`

// running starts an instance with a program as user data and waits until it has said something.
func (d *daemon) running(c *tenant, subnet, group, program, says string) ec2types.Instance {
	c.t.Helper()
	out, err := c.ec2.RunInstances(c.ctx, &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0a1b2c3d4e5f60718"), InstanceType: ec2types.InstanceTypeT3Small, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: &subnet, SecurityGroupIds: []string{group}, UserData: aws.String(base64.StdEncoding.EncodeToString([]byte("#!/usr/bin/python3" + program)))})
	c.check(err)
	d.printed(c, *out.Instances[0].InstanceId, says, 1)
	return out.Instances[0]
}

// TestPrivateLinkAcrossAccounts offers an instance and an address behind one load
// balancer to another account, whose VPC has the same addresses: only to whom the
// service permits, and only after acceptance.
// https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html
func TestPrivateLinkAcrossAccounts(t *testing.T) {
	t.Parallel()
	p := newPrivate(t)
	name := p.offer(t)
	id, secret := p.d.account(t, consumer)
	c := p.d.tenant(t, id, secret, "")
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	front := c.group(vpc, "front", "", 0)
	door := c.group(vpc, "door", front, 7777)
	_, err := c.ec2.AuthorizeSecurityGroupIngress(c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &door, IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(7778), ToPort: aws.Int32(7778), UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &front}}}}})
	c.check(err)
	request := &ec2.CreateVpcEndpointInput{VpcId: &vpc, VpcEndpointType: ec2types.VpcEndpointTypeInterface, ServiceName: &name,
		SubnetIds: []string{subnet}, SecurityGroupIds: []string{door}, PrivateDnsEnabled: aws.Bool(false)}
	_, err = c.ec2.CreateVpcEndpoint(c.ctx, request)
	if code, _ := apiError(err); code != "InvalidServiceName" {
		t.Fatalf("an endpoint of a service that does not permit the account: %v, want InvalidServiceName", err)
	}
	_, err = p.ec2.ModifyVpcEndpointServicePermissions(p.ctx, &ec2.ModifyVpcEndpointServicePermissionsInput{ServiceId: &p.service, AddAllowedPrincipals: []string{"arn:aws:iam::" + consumer + ":root"}})
	p.check(err)
	made, err := c.ec2.CreateVpcEndpoint(c.ctx, request)
	c.check(err)
	p.endpoint = *made.VpcEndpoint.VpcEndpointId
	got, err := c.ec2.DescribeVpcEndpoints(c.ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{p.endpoint}})
	c.check(err)
	e := got.VpcEndpoints[0]
	if e.State != "pendingAcceptance" {
		t.Errorf("the endpoint is %s", e.State)
	}
	client := p.d.running(c, subnet, front, fmt.Sprintf(asksOn, *e.DnsEntries[0].DnsName), "round")
	heard := func(when, want string) {
		t.Helper()
		from := len(c.console(*client.InstanceId))
		until(t, 20*time.Second, when, func() bool {
			said := c.console(*client.InstanceId)[from:]
			return strings.Contains(said, "7777 "+want) && strings.Contains(said, "7778 "+want)
		})
	}
	heard("refused before acceptance", "ConnectionRefusedError")
	_, err = p.ec2.AcceptVpcEndpointConnections(p.ctx, &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &p.service, VpcEndpointIds: []string{p.endpoint}})
	p.check(err)
	heard("answered after acceptance", "hello 10.0.1.")
	p.unseen(t, c, *client.NetworkInterfaces[0].NetworkInterfaceId)
	_, err = p.ec2.RejectVpcEndpointConnections(p.ctx, &ec2.RejectVpcEndpointConnectionsInput{ServiceId: &p.service, VpcEndpointIds: []string{p.endpoint}})
	p.check(err)
	heard("refused after rejection", "ConnectionRefusedError")
}

// offer makes the provider's side: an instance behind port 7777, an address
// behind port 7778, and the service, whose name it gives.
func (p *private) offer(t *testing.T) string {
	vpc, _, _ := p.vpc("10.0.0.0/16")
	subnet, _ := p.tenant.subnet(vpc, "10.0.1.0/24", "")
	p.lb = p.group(vpc, "balancer", "", 0)
	_, err := p.ec2.AuthorizeSecurityGroupIngress(p.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &p.lb, IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(7777), ToPort: aws.Int32(7778), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/16")}}}}})
	p.check(err)
	p.back = p.group(vpc, "back", p.lb, 7777)
	instance := p.d.running(p.tenant, subnet, p.back, serve, "ready")
	p.d.attach(t, "-subnet "+subnet+" -security-group "+p.back+" -ip 10.0.1.50", "/usr/bin/python3", "-c", serve)
	lb, err := p.elb.CreateLoadBalancer(p.ctx, &elb.CreateLoadBalancerInput{Name: aws.String("front"), Type: elbtypes.LoadBalancerTypeEnumNetwork,
		Scheme: elbtypes.LoadBalancerSchemeEnumInternal, Subnets: []string{subnet}, SecurityGroups: []string{p.lb}})
	p.check(err)
	arn := lb.LoadBalancers[0].LoadBalancerArn
	for port, target := range map[int32]struct {
		kind elbtypes.TargetTypeEnum
		id   string
	}{7777: {elbtypes.TargetTypeEnumInstance, *instance.InstanceId}, 7778: {elbtypes.TargetTypeEnumIp, "10.0.1.50"}} {
		tg, err := p.elb.CreateTargetGroup(p.ctx, &elb.CreateTargetGroupInput{Name: aws.String(fmt.Sprint("by-", target.kind)), Protocol: elbtypes.ProtocolEnumTcp,
			Port: aws.Int32(7777), VpcId: &vpc, TargetType: target.kind})
		p.check(err)
		p.targets = *tg.TargetGroups[0].TargetGroupArn
		_, err = p.elb.RegisterTargets(p.ctx, &elb.RegisterTargetsInput{TargetGroupArn: &p.targets, Targets: []elbtypes.TargetDescription{{Id: &target.id}}})
		p.check(err)
		_, err = p.elb.CreateListener(p.ctx, &elb.CreateListenerInput{LoadBalancerArn: arn, Protocol: elbtypes.ProtocolEnumTcp, Port: &port,
			DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &p.targets}}})
		p.check(err)
		until(t, 20*time.Second, "the target "+target.id+" is healthy", p.healthy)
	}
	made, err := p.ec2.CreateVpcEndpointServiceConfiguration(p.ctx, &ec2.CreateVpcEndpointServiceConfigurationInput{
		NetworkLoadBalancerArns: []string{*arn}, AcceptanceRequired: aws.Bool(true)})
	p.check(err)
	p.service = *made.ServiceConfiguration.ServiceId
	return *made.ServiceConfiguration.ServiceName
}

// unseen: the consumer's analysis of the way to the endpoint ends there, and names
// nothing of the provider's.
func (p *private) unseen(t *testing.T, c *tenant, from string) {
	path, err := c.ec2.CreateNetworkInsightsPath(c.ctx, &ec2.CreateNetworkInsightsPathInput{Source: &from, Destination: &p.endpoint, Protocol: ec2types.ProtocolTcp, DestinationPort: aws.Int32(7777)})
	c.check(err)
	started, err := c.ec2.StartNetworkInsightsAnalysis(c.ctx, &ec2.StartNetworkInsightsAnalysisInput{NetworkInsightsPathId: path.NetworkInsightsPath.NetworkInsightsPathId})
	c.check(err)
	got, err := c.ec2.DescribeNetworkInsightsAnalyses(c.ctx, &ec2.DescribeNetworkInsightsAnalysesInput{NetworkInsightsAnalysisIds: []string{*started.NetworkInsightsAnalysis.NetworkInsightsAnalysisId}})
	c.check(err)
	a := got.NetworkInsightsAnalyses[0]
	if !aws.ToBool(a.NetworkPathFound) {
		t.Errorf("the consumer's analysis finds no way to the endpoint: %s", aws.ToString(a.StatusMessage))
	}
	text, err := json.Marshal(a)
	c.check(err)
	for _, id := range []string{p.lb, p.back, p.service} {
		if strings.Contains(string(text), id) {
			t.Errorf("the consumer's analysis shows the provider's %s", id)
		}
	}
}
