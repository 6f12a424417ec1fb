package test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// zoned is a VPC over two zones, with a function, an endpoint and hosts in both
// and a NAT gateway in the first.
type zoned struct {
	*tenant
	d          *daemon
	vpc, group string
	subnets    [2]string // in us-east-1a, us-east-1b
	role, code string
}

func newZoned(t *testing.T) *zoned {
	d := newDaemon(t)
	z := &zoned{tenant: d.root(t), d: d}
	z.vpc, _, z.group = z.tenant.vpc("10.0.0.0/16")
	igw := z.internetGateway(z.vpc)
	for k := range z.subnets {
		z.subnets[k] = z.in("us-east-1"+string(rune('a'+k)), "10.0."+string(rune('1'+k))+".0/24")
	}
	public, table := z.subnet(z.vpc, "10.0.0.0/24", "")
	z.route(ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &igw})
	nat, _ := z.nat(public)
	tables, err := z.ec2.DescribeRouteTables(z.ctx, &ec2.DescribeRouteTablesInput{Filters: append(in("vpc-id", z.vpc), in("association.main", "true")...)})
	z.check(err)
	z.route(ec2.CreateRouteInput{RouteTableId: tables.RouteTables[0].RouteTableId, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &nat})
	b := &inbound{tenant: z.tenant, vpc: z.vpc}
	b.dns(t, true, true)
	_, err = z.ec2.CreateVpcEndpoint(z.ctx, z.endpoint(z.subnets[:]...))
	z.check(err)
	code, err := os.ReadFile("testdata/endpoint.py")
	z.check(err)
	z.role, z.code = z.tenant.role("zoned"), string(code)
	z.python("fn", z.role, z.code, place{subnets: z.subnets[:], groups: []string{z.group}}, twoSeconds)
	return z
}

func (z *zoned) in(zone, cidr string) string {
	out, err := z.ec2.CreateSubnet(z.ctx, &ec2.CreateSubnetInput{VpcId: &z.vpc, CidrBlock: &cidr, AvailabilityZone: &zone})
	z.check(err)
	return *out.Subnet.SubnetId
}

func (z *zoned) endpoint(subnets ...string) *ec2.CreateVpcEndpointInput {
	return &ec2.CreateVpcEndpointInput{VpcId: &z.vpc, VpcEndpointType: ec2types.VpcEndpointTypeInterface, ServiceName: aws.String(lambdaService),
		SubnetIds: subnets, SecurityGroupIds: []string{z.group}}
}

// places are the zones' numbers in the addresses by which the function finds the endpoint.
func (z *zoned) places(t *testing.T) (places string) {
	t.Helper()
	var out called
	z.with(t).invoke("fn", map[string]any{"resolve": lambdaHost}).into(t, &out)
	for _, a := range out.Addrs {
		places += strings.Split(a, ".")[2]
	}
	return places
}

func (z *zoned) run(subnet string) error {
	_, err := z.ec2.RunInstances(z.ctx, &ec2.RunInstancesInput{ImageId: aws.String("ami-0a1b2c3d4e5f60718"), InstanceType: ec2types.InstanceTypeT3Micro,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &subnet})
	return err
}

func (z *zoned) state(t *testing.T, id string) ec2types.AvailabilityZoneState {
	t.Helper()
	out, err := z.ec2.DescribeAvailabilityZones(t.Context(), &ec2.DescribeAvailabilityZonesInput{ZoneIds: []string{id}})
	z.with(t).check(err)
	return out.AvailabilityZones[0].State
}

// TestZones has a zone fail: everything in it is cut off, and only that; healed,
// it is as before. https://docs.aws.amazon.com/lambda/latest/dg/security-resilience.html
func TestZones(t *testing.T) {
	t.Parallel()
	z := newZoned(t)
	if got := z.places(t); got != "12" {
		t.Fatalf("in order: the endpoint is at %q, want it in both zones", got)
	}
	z.d.says(t, "", "zone fail use1-az1", 0, `us-east-1a +use1-az1 +failed\nus-east-1b +use1-az2 +available`)
	t.Run("failed", z.failed)
	z.d.down(t)
	z.d.start(t)
	z.d.says(t, "", "zone list", 0, `us-east-1a +use1-az1 +failed`)
	t.Run("all failed", z.allFailed)
	z.d.says(t, "", "zone heal", 0, `us-east-1a +use1-az1 +available\nus-east-1b +use1-az2 +available`)
	t.Run("healed", func(t *testing.T) {
		if got, state := z.places(t), z.state(t, "use1-az1"); got != "12" || state != ec2types.AvailabilityZoneStateAvailable {
			t.Errorf("the endpoint is at %q, the zone is %s", got, state)
		}
		var out called
		z.with(t).invoke("fn", map[string]any{"host": "www.example.com", "service": "lambda", "path": "/"}).into(t, &out)
		if out.Status != 200 {
			t.Errorf("through the NAT gateway: %+v", out)
		}
	})
	t.Run("limited", z.limited)
}

func (z *zoned) failed(t *testing.T) {
	for range 4 { // instances behind either subnet would take turns
		if got := z.places(t); got != "2" {
			t.Errorf("the endpoint is at %q, want the second zone only", got)
		}
	}
	if got := z.state(t, "use1-az1"); got != ec2types.AvailabilityZoneStateUnavailable {
		t.Errorf("the zone is %s", got)
	}
	r := z.with(t).invoke("fn", map[string]any{"host": "www.example.com", "service": "lambda", "path": "/", "timeout": 10})
	if !strings.Contains(r.payload, "timed out") || !strings.Contains(r.log, "Zone us-east-1a has failed") {
		t.Errorf("through the NAT gateway there: %s\n%s", r.payload, r.log)
	}
	z.d.says(t, "", "why fn www.example.com:443", 3, "(?s)10.0.2.*NO_PATH.*Zone us-east-1a has failed")
	if code, msg := apiError(z.run(z.subnets[0])); code != "InsufficientInstanceCapacity" || !strings.Contains(msg, "(us-east-1a)") {
		t.Errorf("an instance there: %s: %s", code, msg)
	}
}

func (z *zoned) allFailed(t *testing.T) {
	z.d.says(t, "", "zone fail us-east-1b", 0, `us-east-1b +use1-az2 +failed`)
	_, err := z.with(t).tryInvoke("fn", nil)
	if code, msg := apiError(err); code != "ServiceException" || !strings.Contains(msg, "zones of all") {
		t.Errorf("with no zone left: %s: %s", code, msg)
	}
}

// limited zones take nothing new; what is there goes on.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
func (z *zoned) limited(t *testing.T) {
	z.d.says(t, "", "zone limit use1-az1", 0, `us-east-1a +use1-az1 +limited`)
	if got := z.state(t, "use1-az1"); got != ec2types.AvailabilityZoneStateConstrained {
		t.Errorf("the zone is %s", got)
	}
	there := z.subnets[0]
	expect(t, []refusal{
		{"a subnet", func(ctx context.Context) error {
			_, err := z.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &z.vpc, CidrBlock: aws.String("10.0.9.0/24"), AvailabilityZoneId: aws.String("use1-az1")})
			return err
		}, "InvalidParameterValue", "Value (us-east-1a) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f."},
		{"a NAT gateway", func(ctx context.Context) error {
			_, err := z.ec2.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: &there, ConnectivityType: ec2types.ConnectivityTypePrivate})
			return err
		}, "NotAvailableInZone", "Nat Gateway is not available in this availability zone"},
		{"an endpoint", func(ctx context.Context) error {
			in := z.endpoint(there)
			in.PrivateDnsEnabled = aws.Bool(false)
			_, err := z.ec2.CreateVpcEndpoint(ctx, in)
			return err
		}, "InvalidParameter", "The VPC endpoint service " + lambdaService + " does not support the availability zone of the subnet: " + there + "."},
		{"a function", func(ctx context.Context) error {
			_, err := z.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), VpcConfig: at(there, z.group).config()})
			return err
		}, "InvalidParameterValueException", "The provided subnets contain availability zone Lambda doesn't support. Please use a different set of subnets."},
	})
	if code, _ := apiError(z.run(there)); code != "InsufficientInstanceCapacity" {
		t.Errorf("an instance there: %s", code)
	}
	if got := z.places(t); got != "12" {
		t.Errorf("what is there: the endpoint is at %q", got)
	}
	z.d.says(t, "", "zone limit use1-az1 -off", 0, `us-east-1a +use1-az1 +available`)
	if err := z.run(there); err != nil {
		t.Errorf("an instance afterwards: %v", err)
	}
	if names := z.d.says(t, "", "zone list -region eu-west-1", 0, `eu-west-1a +euw1-az1 +available`); slices.Contains(strings.Fields(names), "limited") {
		t.Error("another region is limited")
	}
	z.d.says(t, "", "zone fail use1-az99", 1, `no zone "use1-az99"`)
	z.d.says(t, "", "zone list -region mars", 1, `no region "mars"`)
	z.d.says(t, "", "zone fail", 2, `usage: weir zone`)
}
