package test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/sdktest"
)

// tenant is one caller with the vendor's clients. Its methods end the test
// when the API refuses what the test only needs as a setting.
type tenant struct {
	t      testing.TB
	ctx    context.Context
	ec2    *ec2.Client
	iam    *iam.Client
	lambda *lambda.Client
	sts    *sts.Client
}

// tenant speaks to the daemon in us-east-1 with these keys.
func (d *daemon) tenant(t testing.TB, key, secret, token string) *tenant {
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &d.url, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	}
	return &tenant{
		t: t, ctx: t.Context(),
		ec2: ec2.NewFromConfig(cfg), iam: iam.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg),
	}
}

// root is the bootstrap key.
func (d *daemon) root(t testing.TB) *tenant { return d.tenant(t, "test", "test", "") }

// with is the same caller in a subtest.
func (c *tenant) with(t testing.TB) *tenant {
	out := *c
	out.t, out.ctx = t, t.Context()
	return &out
}

func (c *tenant) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

const (
	lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	vpcAccess   = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
)

// role makes an execution role that may attach network interfaces.
func (c *tenant) role(name string) string {
	c.t.Helper()
	out, err := c.iam.CreateRole(c.ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	c.check(err)
	_, err = c.iam.AttachRolePolicy(c.ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String(vpcAccess)})
	c.check(err)
	return *out.Role.Arn
}

// vpc makes a VPC with an IPv6 block and returns its ID, that block, and its default security group.
func (c *tenant) vpc(cidr string) (id, block6, group string) {
	c.t.Helper()
	out, err := c.ec2.CreateVpc(c.ctx, &ec2.CreateVpcInput{CidrBlock: &cidr, AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
	c.check(err)
	id = *out.Vpc.VpcId
	got, err := c.ec2.DescribeVpcs(c.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{id}})
	c.check(err)
	groups, err := c.ec2.DescribeSecurityGroups(c.ctx, &ec2.DescribeSecurityGroupsInput{Filters: in("vpc-id", id)})
	c.check(err)
	return id, *got.Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock, *groups.SecurityGroups[0].GroupId
}

func in(name string, values ...string) []ec2types.Filter {
	return []ec2types.Filter{{Name: &name, Values: values}}
}

// subnet makes a subnet with a route table of its own; cidr6 may be empty.
func (c *tenant) subnet(vpc, cidr, cidr6 string) (id, table string) {
	c.t.Helper()
	req := &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: aws.String("us-east-1a")}
	if cidr6 != "" {
		req.Ipv6CidrBlock = &cidr6
	}
	out, err := c.ec2.CreateSubnet(c.ctx, req)
	c.check(err)
	rt, err := c.ec2.CreateRouteTable(c.ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})
	c.check(err)
	id, table = *out.Subnet.SubnetId, *rt.RouteTable.RouteTableId
	_, err = c.ec2.AssociateRouteTable(c.ctx, &ec2.AssociateRouteTableInput{SubnetId: &id, RouteTableId: &table})
	c.check(err)
	return id, table
}

func (c *tenant) route(r ec2.CreateRouteInput) {
	c.t.Helper()
	_, err := c.ec2.CreateRoute(c.ctx, &r)
	c.check(err)
}

// internetGateway makes one, attached to the VPC.
func (c *tenant) internetGateway(vpc string) string {
	c.t.Helper()
	out, err := c.ec2.CreateInternetGateway(c.ctx, &ec2.CreateInternetGatewayInput{})
	c.check(err)
	_, err = c.ec2.AttachInternetGateway(c.ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: out.InternetGateway.InternetGatewayId, VpcId: &vpc})
	c.check(err)
	return *out.InternetGateway.InternetGatewayId
}

// nat makes a NAT gateway in a subnet and returns its public address.
func (c *tenant) nat(subnet string) (id, addr string) {
	c.t.Helper()
	eip, err := c.ec2.AllocateAddress(c.ctx, &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc})
	c.check(err)
	out, err := c.ec2.CreateNatGateway(c.ctx, &ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: eip.AllocationId})
	c.check(err)
	c.check(ec2.NewNatGatewayAvailableWaiter(c.ec2, func(o *ec2.NatGatewayAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = briefly, briefly }).
		Wait(c.ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{*out.NatGateway.NatGatewayId}}, time.Minute))
	return *out.NatGateway.NatGatewayId, *eip.PublicIp
}

// briefly is how often waiters ask.
const briefly = 20 * time.Millisecond

// place is where a function runs; the zero place is the service's own network.
type place struct {
	subnets, groups []string
	ipv6            bool
}

func at(subnet, group string) place { return place{subnets: []string{subnet}, groups: []string{group}} }

func (p place) config() *lambdatypes.VpcConfig {
	if p.subnets == nil {
		return nil
	}
	return &lambdatypes.VpcConfig{SubnetIds: p.subnets, SecurityGroupIds: p.groups, Ipv6AllowedForDualStack: &p.ipv6}
}

// python makes a function of one Python file whose handler is `handler`, and waits until it is active.
func (c *tenant) python(name, role, code string, p place, change ...func(*lambda.CreateFunctionInput)) {
	c.t.Helper()
	req := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: &role, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("main.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: zipped(map[string]string{"main.py": code})}, VpcConfig: p.config(),
		Timeout: aws.Int32(60), MemorySize: aws.Int32(1769), // a whole processor
	}
	for _, f := range change {
		f(req)
	}
	_, err := c.lambda.CreateFunction(c.ctx, req)
	c.check(err)
	c.check(c.active(name))
}

// active waits until a function can be invoked.
func (c *tenant) active(name string) error {
	return lambda.NewFunctionActiveV2Waiter(c.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay, o.MaxDelay = briefly, briefly }).
		Wait(c.ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
}

// result is what an invocation gave.
type result struct {
	payload, fault, log string
}

// invoke calls a function with an event, as JSON.
func (c *tenant) invoke(name string, event any) result {
	c.t.Helper()
	r, err := c.tryInvoke(name, event)
	c.check(err)
	return r
}

func (c *tenant) tryInvoke(name string, event any) (result, error) {
	body, err := json.Marshal(event)
	if err != nil {
		return result{}, err
	}
	out, err := c.lambda.Invoke(c.ctx, &lambda.InvokeInput{FunctionName: &name, Payload: body, LogType: lambdatypes.LogTypeTail})
	if err != nil {
		return result{}, err
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	return result{payload: string(out.Payload), fault: aws.ToString(out.FunctionError), log: string(log)}, err
}

// into decodes the payload; a function error ends the test.
func (r result) into(t testing.TB, v any) {
	t.Helper()
	if r.fault != "" {
		t.Fatalf("the function failed (%s): %s\n%s", r.fault, r.payload, r.log)
	}
	if err := json.Unmarshal([]byte(r.payload), v); err != nil {
		t.Fatalf("payload %s: %v", r.payload, err)
	}
}

// zipped packs files as a function's code.
func zipped(files map[string]string) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			panic(err) // memory only
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// apiError is the code and message of an API's refusal.
func apiError(err error) (code, message string) {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode(), e.ErrorMessage()
	}
	return "", ""
}
