package test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/privatelink"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"weir/internal/api/aws/sdktest"
)

func (u *aliUser) link() *privatelink.Client {
	c, err := privatelink.NewClientWithAccessKey(u.region, u.id, u.secret)
	u.check(err)
	return c
}

// balancer puts a network load balancer before a host, and returns its ID.
func (n *aliNet) balancer(ip string) string {
	n.u.Helper()
	c, ctx := elb.NewFromConfig(aws.Config{Region: n.u.region, BaseEndpoint: &n.u.d.url, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider(n.u.id, n.u.secret, "")}), n.u.Context()
	tg, err := c.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{Name: aws.String("hosts"), Protocol: elbtypes.ProtocolEnumTcp, Port: aws.Int32(7777), VpcId: &n.vpc, TargetType: elbtypes.TargetTypeEnumIp})
	n.u.check(err)
	targets := tg.TargetGroups[0].TargetGroupArn
	_, err = c.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: targets, Targets: []elbtypes.TargetDescription{{Id: &ip}}})
	n.u.check(err)
	lb, err := c.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("front"), Type: elbtypes.LoadBalancerTypeEnumNetwork, Scheme: elbtypes.LoadBalancerSchemeEnumInternal,
		Subnets: []string{n.vswitch}, SecurityGroups: []string{n.group}})
	n.u.check(err)
	arn := lb.LoadBalancers[0].LoadBalancerArn
	_, err = c.CreateListener(ctx, &elb.CreateListenerInput{LoadBalancerArn: arn, Protocol: elbtypes.ProtocolEnumTcp, Port: aws.Int32(7777),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: targets}}})
	n.u.check(err)
	until(n.u, 20*time.Second, "the target is healthy", func() bool {
		out, err := c.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: targets})
		n.u.check(err)
		return out.TargetHealthDescriptions[0].TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy
	})
	return (*arn)[strings.LastIndex(*arn, "/")+1:]
}

// wants is a refusal with a code.
func (u *aliUser) wants(what string, err error, code string) {
	u.Helper()
	if err == nil || !strings.Contains(err.Error(), code) {
		u.Errorf("%s: %v, want %s", what, err, code)
	}
}

// TestAlibabaPrivateLink offers a host behind a network load balancer to another
// account's VPC of the same block, which no route leads to.
// https://www.alibabacloud.com/help/en/privatelink/user-guide/access-services-across-accounts
func TestAlibabaPrivateLink(t *testing.T) {
	t.Parallel()
	const zone = "eu-central-1a"
	d := newDaemon(t, "--region", "eu-central-1")
	id, secret := d.account(t, "111122223333")
	owner, user := d.aliUser(t, "eu-central-1", "test", "test"), d.aliUser(t, "eu-central-1", id, secret)
	back, front := owner.net("10.1.0.0/16", zone, "10.1.1.0/24", "10.1.0.0/16"), user.net("10.1.0.0/16", zone, "10.1.1.0/24", "10.1.0.0/16")
	back.host(t, "10.1.1.50")
	balancer := back.balancer("10.1.1.50")
	provider, consumer := owner.link(), user.link()

	create := aim(owner.fcUser, privatelink.CreateCreateVpcEndpointServiceRequest())
	create.ServiceDescription = "hosts"
	service, err := provider.CreateVpcEndpointService(create)
	owner.check(err)
	ask := aim(user.fcUser, privatelink.CreateCreateVpcEndpointRequest())
	ask.VpcId, ask.ServiceName, ask.SecurityGroupId = front.vpc, service.ServiceName, &[]string{front.group}
	ask.Zone = &[]privatelink.CreateVpcEndpointZone{{ZoneId: zone, VSwitchId: front.vswitch}}
	_, err = consumer.CreateVpcEndpoint(ask)
	user.wants("an endpoint of a service that lets nobody in", err, "EndpointServiceNotFound")
	admit := aim(owner.fcUser, privatelink.CreateAddUserToVpcEndpointServiceRequest())
	admit.ServiceId, admit.UserId = service.ServiceId, user.uid()
	_, err = provider.AddUserToVpcEndpointService(admit)
	owner.check(err)
	_, err = consumer.CreateVpcEndpoint(ask)
	user.wants("an endpoint where the service has no resource", err, "EndpointServiceZoneNotSupported")
	offer := aim(owner.fcUser, privatelink.CreateAttachResourceToVpcEndpointServiceRequest())
	offer.ServiceId, offer.ResourceId, offer.ResourceType, offer.ZoneId = service.ServiceId, balancer, "nlb", zone
	_, err = provider.AttachResourceToVpcEndpointService(offer)
	owner.check(err)
	seen, err := consumer.ListVpcEndpointServicesByEndUser(aim(user.fcUser, privatelink.CreateListVpcEndpointServicesByEndUserRequest()))
	user.check(err)
	if s := seen.Services; len(s) != 1 || s[0].ServiceId != service.ServiceId || len(s[0].Zones) != 1 || s[0].Zones[0] != zone {
		t.Fatalf("services for the user: %+v", s)
	}
	endpoint, err := consumer.CreateVpcEndpoint(ask)
	user.check(err)

	user.function("fn", map[string]any{"vpcConfig": front.config(), "internetAccess": false})
	reaches := func(when string, want bool, connection, zoneStatus string) {
		t.Helper()
		got, refusal := user.ask("fn", map[string]any{"connect": map[string]any{"service": []any{endpoint.EndpointDomain, 7777}}})
		if refusal != "" {
			t.Fatal(refusal)
		}
		if strings.HasPrefix(got["service"], "hello 10.1.1.") != want { // by the load balancer's address
			t.Errorf("%s: %q, want reached %v", when, got["service"], want)
		}
		if have := user.endpoint(endpoint.EndpointId); have != "Active "+connection+" "+zone+" "+zoneStatus {
			t.Errorf("%s: the endpoint is %s", when, have)
		}
	}
	reaches("nobody has accepted", false, "Disconnected", "Wait")
	all := aim(owner.fcUser, privatelink.CreateListVpcEndpointConnectionsRequest())
	all.ServiceId = service.ServiceId
	asked, err := provider.ListVpcEndpointConnections(all)
	owner.check(err)
	if c := asked.Connections; len(c) != 1 || c[0].EndpointId != endpoint.EndpointId || c[0].ConnectionStatus != "Disconnected" || requests.Integer(strconv.FormatInt(c[0].EndpointOwnerId, 10)) != user.uid() {
		t.Fatalf("connections: %+v", c)
	}
	enable := aim(owner.fcUser, privatelink.CreateEnableVpcEndpointConnectionRequest())
	enable.ServiceId, enable.EndpointId = service.ServiceId, endpoint.EndpointId
	_, err = provider.EnableVpcEndpointConnection(enable)
	owner.check(err)
	reaches("accepted", true, "Connected", "Connected")
	front.rule("drop", "1", "10.1.0.0/16")
	strict := aim(user.fcUser, sdkecs.CreateModifySecurityGroupPolicyRequest())
	strict.SecurityGroupId, strict.InnerAccessPolicy = front.group, "Drop" // the function is in the same group
	_, err = user.ecs.ModifySecurityGroupPolicy(strict)
	user.check(err)
	reaches("the endpoint's group drops", false, "Connected", "Connected")
	user.regroup(endpoint.EndpointId, front)
	reaches("another group of the endpoint's accepts", true, "Connected", "Connected")

	gone := aim(owner.fcUser, privatelink.CreateDeleteVpcEndpointServiceRequest())
	gone.ServiceId = service.ServiceId
	_, err = provider.DeleteVpcEndpointService(gone)
	owner.wants("a service with a connection", err, "EndpointServiceConnectionDependence")
	withdraw := aim(owner.fcUser, privatelink.CreateDetachResourceFromVpcEndpointServiceRequest())
	withdraw.ServiceId, withdraw.ResourceId, withdraw.ResourceType = service.ServiceId, balancer, "nlb"
	_, err = provider.DetachResourceFromVpcEndpointService(withdraw)
	owner.wants("a resource with a connection", err, "EndpointServiceConnectionDependence")
	disable := aim(owner.fcUser, privatelink.CreateDisableVpcEndpointConnectionRequest())
	disable.ServiceId, disable.EndpointId = service.ServiceId, endpoint.EndpointId
	_, err = provider.DisableVpcEndpointConnection(disable)
	owner.check(err)
	reaches("rejected", false, "Disconnected", "Wait")
	_, err = provider.DeleteVpcEndpointService(gone)
	owner.check(err)
	leave := aim(user.fcUser, privatelink.CreateDeleteVpcEndpointRequest())
	leave.EndpointId = endpoint.EndpointId
	_, err = consumer.DeleteVpcEndpoint(leave)
	user.check(err)
	_, err = consumer.DeleteVpcEndpoint(leave)
	user.wants("an endpoint that is gone", err, "EndpointNotFound")
}

// endpoint tells how an endpoint and its zones are.
func (u *aliUser) endpoint(id string) string {
	u.Helper()
	get := aim(u.fcUser, privatelink.CreateGetVpcEndpointAttributeRequest())
	get.EndpointId = id
	e, err := u.link().GetVpcEndpointAttribute(get)
	u.check(err)
	list := aim(u.fcUser, privatelink.CreateListVpcEndpointZonesRequest())
	list.EndpointId = id
	zones, err := u.link().ListVpcEndpointZones(list)
	u.check(err)
	out := e.EndpointStatus + " " + e.ConnectionStatus
	for _, z := range zones.Zones {
		out += " " + z.ZoneId + " " + z.ZoneStatus
	}
	return out
}

// regroup gives an endpoint another security group, which lets its VPC in, instead of the one it has.
func (u *aliUser) regroup(endpoint string, n *aliNet) {
	u.Helper()
	other := *n
	other.group = u.group(n.vpc)
	other.rule("accept", "1", "10.1.0.0/16")
	add := aim(u.fcUser, privatelink.CreateAttachSecurityGroupToVpcEndpointRequest())
	add.EndpointId, add.SecurityGroupId = endpoint, other.group
	_, err := u.link().AttachSecurityGroupToVpcEndpoint(add)
	u.check(err)
	remove := aim(u.fcUser, privatelink.CreateDetachSecurityGroupFromVpcEndpointRequest())
	remove.EndpointId, remove.SecurityGroupId = endpoint, n.group
	_, err = u.link().DetachSecurityGroupFromVpcEndpoint(remove)
	u.check(err)
	remove.SecurityGroupId = other.group
	_, err = u.link().DetachSecurityGroupFromVpcEndpoint(remove)
	u.wants("an endpoint without a group", err, "EndpointSecurityGroupRequired")
	list := aim(u.fcUser, privatelink.CreateListVpcEndpointSecurityGroupsRequest())
	list.EndpointId = endpoint
	have, err := u.link().ListVpcEndpointSecurityGroups(list)
	u.check(err)
	if g := have.SecurityGroups; len(g) != 1 || g[0].SecurityGroupId != other.group {
		u.Errorf("groups of the endpoint: %+v", g)
	}
}
