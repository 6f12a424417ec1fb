package test

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const (
	lambdaHost    = "lambda.us-east-1.amazonaws.com"
	lambdaService = "com.amazonaws.us-east-1.lambda"
	settings      = "/2016-08-19/account-settings/"
	publicAPI     = "198.51.100.10" // where the API is on the lab's internet
)

// inbound is a VPC with one subnet that has no way out, a function there, and
// functions for it to call: what https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-endpoints.html is about.
type inbound struct {
	*tenant
	d                   *daemon
	vpc, group          string
	subnet, table       string
	endpoint, enis      string
	userKey, userSecret string
}

// called is what the function says of a call.
type called struct {
	Status          int
	Body, To, Error string
	Addrs           []string
}

func newInbound(t *testing.T) *inbound {
	d := newDaemon(t, "-endpoint-idle", "2s")
	c := d.root(t)
	b := &inbound{tenant: c, d: d}
	role := c.role("caller")
	_, err := c.iam.PutRolePolicy(c.ctx, &iam.PutRolePolicyInput{RoleName: aws.String("caller"), PolicyName: aws.String("lambda"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`)})
	c.check(err)
	b.vpc, _, b.group = c.vpc("10.0.0.0/16")
	b.subnet, b.table = c.subnet(b.vpc, "10.0.1.0/24", "")
	code, err := os.ReadFile("testdata/endpoint.py")
	c.check(err)
	c.python("caller", role, string(code), at(b.subnet, b.group))
	c.python("stuck", role, string(code), at(b.subnet, b.group), threeSeconds)
	for _, name := range []string{"my-function", "other"} {
		c.python(name, role, "def handler(event, context):\n    return 'hello'\n", place{})
		_, err := c.lambda.PublishVersion(c.ctx, &lambda.PublishVersionInput{FunctionName: &name})
		c.check(err)
	}
	_, err = c.iam.CreateUser(c.ctx, &iam.CreateUserInput{UserName: aws.String("MyUser")})
	c.check(err)
	_, err = c.iam.PutUserPolicy(c.ctx, &iam.PutUserPolicyInput{UserName: aws.String("MyUser"), PolicyName: aws.String("all"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)})
	c.check(err)
	k, err := c.iam.CreateAccessKey(c.ctx, &iam.CreateAccessKeyInput{UserName: aws.String("MyUser")})
	c.check(err)
	b.userKey, b.userSecret = *k.AccessKey.AccessKeyId, *k.AccessKey.SecretAccessKey
	return b
}

// ask has the function do what the event says.
func (b *inbound) ask(t *testing.T, event map[string]any) (out called) {
	t.Helper()
	b.with(t).invoke("caller", event).into(t, &out)
	return out
}

// get calls the Lambda API by its name of the region.
func (b *inbound) get(t *testing.T) called {
	t.Helper()
	return b.ask(t, map[string]any{"host": lambdaHost, "service": "lambda", "path": settings})
}

func (b *inbound) resolve(t *testing.T, name string) []string {
	t.Helper()
	return b.ask(t, map[string]any{"resolve": name}).Addrs
}

func (b *inbound) dns(t *testing.T, support, hostnames bool) {
	t.Helper()
	for _, in := range []*ec2.ModifyVpcAttributeInput{
		{VpcId: &b.vpc, EnableDnsSupport: &ec2types.AttributeBooleanValue{Value: &support}},
		{VpcId: &b.vpc, EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: &hostnames}},
	} {
		_, err := b.ec2.ModifyVpcAttribute(t.Context(), in)
		b.with(t).check(err)
	}
}

func (b *inbound) modify(t *testing.T, in ec2.ModifyVpcEndpointInput) {
	t.Helper()
	in.VpcEndpointId = &b.endpoint
	_, err := b.ec2.ModifyVpcEndpoint(t.Context(), &in)
	b.with(t).check(err)
}

func (b *inbound) creation() *ec2.CreateVpcEndpointInput {
	return &ec2.CreateVpcEndpointInput{
		VpcId: &b.vpc, VpcEndpointType: ec2types.VpcEndpointTypeInterface, ServiceName: aws.String(lambdaService),
		SubnetIds: []string{b.subnet}, SecurityGroupIds: []string{b.group},
	}
}

// TestInterfaceEndpoint is the page as packets: a function without any way out
// calls the Lambda API through an interface endpoint (E1 to E7, E10).
func TestInterfaceEndpoint(t *testing.T) {
	t.Parallel()
	b := newInbound(t)
	t.Run("without", func(t *testing.T) {
		if got := b.get(t); got.Error != "TimeoutError" {
			t.Errorf("without an endpoint: %+v, want a time-out", got)
		}
	})
	t.Run("attributes", func(t *testing.T) {
		_, err := b.ec2.CreateVpcEndpoint(t.Context(), b.creation())
		want := "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for " + b.vpc
		if code, msg := apiError(err); code != "InvalidParameter" || msg != want {
			t.Errorf("without DNS host names: %s: %s", code, msg)
		}
		b.dns(t, true, true)
	})
	t.Run("create", b.create)
	if t.Failed() {
		return
	}
	t.Run("call", b.call)
	t.Run("names", b.names)
	t.Run("security group", b.closed)
	t.Run("policy", b.policy)
	t.Run("idle", b.goesIdle)
	t.Run("peered", b.peered)
	t.Run("usage", b.used)
	t.Run("delete", func(t *testing.T) {
		_, err := b.ec2.DeleteVpcEndpoints(t.Context(), &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{b.endpoint}})
		b.with(t).check(err)
		if got := b.resolve(t, lambdaHost); !slices.Equal(got, []string{publicAPI}) {
			t.Errorf("after the endpoint is gone %s is %v", lambdaHost, got)
		}
		if got := b.get(t); got.Error != "TimeoutError" {
			t.Errorf("after the endpoint is gone: %+v, want a time-out", got)
		}
	})
}

// create makes the endpoint: one interface with a private address in the subnet (E1).
func (b *inbound) create(t *testing.T) {
	c := b.with(t)
	made, err := c.ec2.CreateVpcEndpoint(c.ctx, b.creation())
	c.check(err)
	b.endpoint = *made.VpcEndpoint.VpcEndpointId
	if s := made.VpcEndpoint.State; s != "pending" {
		t.Errorf("a new endpoint is %s, want pending", s)
	}
	got, err := c.ec2.DescribeVpcEndpoints(c.ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{b.endpoint}})
	c.check(err)
	e := got.VpcEndpoints[0]
	if e.State != "available" || !*e.PrivateDnsEnabled || len(e.NetworkInterfaceIds) != 1 {
		t.Fatalf("the endpoint is %+v", e)
	}
	eni, err := c.ec2.DescribeNetworkInterfaces(c.ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: e.NetworkInterfaceIds})
	c.check(err)
	i := eni.NetworkInterfaces[0]
	b.enis = *i.PrivateIpAddress
	if *i.SubnetId != b.subnet || !netip.MustParsePrefix("10.0.1.0/24").Contains(netip.MustParseAddr(b.enis)) || i.InterfaceType != "vpc_endpoint" ||
		*i.Description != "VPC Endpoint Interface "+b.endpoint || !*i.RequesterManaged {
		t.Errorf("its interface is %+v", i)
	}
	_, err = c.ec2.CreateVpcEndpoint(c.ctx, b.creation())
	if code, msg := apiError(err); code != "InvalidParameter" ||
		msg != "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "+lambdaHost+" in the VPC "+b.vpc {
		t.Errorf("a second one: %s: %s", code, msg)
	}
}

// call reaches any operation of the Lambda API, with TLS verified (E2).
func (b *inbound) call(t *testing.T) {
	if got := b.get(t); got.Status != 200 || got.To != b.enis || !strings.Contains(got.Body, "AccountLimit") {
		t.Errorf("GetAccountSettings: %+v, want 200 from %s", got, b.enis)
	}
	if got := b.invoked(t, "my-function", nil); got.Status != 200 || got.Body != `"hello"` {
		t.Errorf("Invoke: %+v", got)
	}
	got := b.ask(t, map[string]any{"host": lambdaHost, "service": "ec2", "path": "/?Action=DescribeVpcs&Version=2016-11-15"})
	if got.Status/100 != 4 || !strings.Contains(got.Body, "Credential should be scoped to correct service: &#39;lambda&#39;.") && !strings.Contains(got.Body, "'lambda'") {
		t.Errorf("EC2 through Lambda's endpoint: %+v", got)
	}
	if got := b.ask(t, map[string]any{"host": "sts.us-east-1.amazonaws.com", "service": "sts", "path": "/"}); got.Error != "TimeoutError" {
		t.Errorf("another service: %+v, want a time-out", got)
	}
}

// invoked calls a function through the API, with the role's keys or the user's.
func (b *inbound) invoked(t *testing.T, function string, user map[string]any) called {
	t.Helper()
	name, qualifier, qualified := strings.Cut(function, ":")
	path := "/2015-03-31/functions/" + name + "/invocations"
	if qualified {
		path += "?Qualifier=" + qualifier
	}
	event := map[string]any{"host": lambdaHost, "service": "lambda", "method": "POST", "path": path}
	for k, v := range user {
		event[k] = v
	}
	return b.ask(t, event)
}

// names lead to the endpoint inside the VPC only, and only while private DNS
// and both of the VPC's attributes are on (E3).
func (b *inbound) names(t *testing.T) {
	c := b.with(t)
	got, err := c.ec2.DescribeVpcEndpoints(c.ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{b.endpoint}})
	c.check(err)
	for n, e := range got.VpcEndpoints[0].DnsEntries {
		if got := b.resolve(t, *e.DnsName); !slices.Equal(got, []string{b.enis}) {
			t.Errorf("%s is %v, want %s", *e.DnsName, got, b.enis)
		}
		if n < 2 {
			if got := b.ask(t, map[string]any{"host": *e.DnsName, "service": "lambda", "path": settings}); got.Status != 200 {
				t.Errorf("%s: %+v, want 200", *e.DnsName, got)
			}
		}
	}
	if got := b.resolve(t, "x."+lambdaHost); slices.Contains(got, b.enis) {
		t.Errorf("a name below the service's is %v", got)
	}
	b.far(t, "elsewhere", "10.0.0.0/16", "10.0.1.0/24")
	var out called
	c.invoke("elsewhere", map[string]any{"resolve": lambdaHost}).into(t, &out)
	if !slices.Equal(out.Addrs, []string{publicAPI}) {
		t.Errorf("in another VPC %s is %v, want %s", lambdaHost, out.Addrs, publicAPI)
	}
	off := func(what string) {
		if got := b.resolve(t, lambdaHost); !slices.Equal(got, []string{publicAPI}) {
			t.Errorf("%s: %s is %v, want %s", what, lambdaHost, got, publicAPI)
		}
		if got := b.get(t); got.Error != "TimeoutError" {
			t.Errorf("%s: %+v, want a time-out", what, got)
		}
	}
	b.dns(t, true, false)
	off("without DNS host names")
	b.dns(t, true, true)
	b.modify(t, ec2.ModifyVpcEndpointInput{PrivateDnsEnabled: aws.Bool(false)})
	off("without private DNS")
	b.modify(t, ec2.ModifyVpcEndpointInput{PrivateDnsEnabled: aws.Bool(true)})
	if got := b.get(t); got.Status != 200 {
		t.Errorf("with private DNS again: %+v", got)
	}
}

// closed puts a group without inbound rules on the endpoint: time-out, and the
// function's log names the group (E5).
func (b *inbound) closed(t *testing.T) {
	c := b.with(t)
	g, err := c.ec2.CreateSecurityGroup(c.ctx, &ec2.CreateSecurityGroupInput{VpcId: &b.vpc, GroupName: aws.String("closed"), Description: aws.String("closed")})
	c.check(err)
	b.modify(t, ec2.ModifyVpcEndpointInput{AddSecurityGroupIds: []string{*g.GroupId}, RemoveSecurityGroupIds: []string{b.group}})
	r := c.invoke("stuck", map[string]any{"host": lambdaHost, "service": "lambda", "path": settings, "timeout": 30})
	if !timedOut.MatchString(r.payload) {
		t.Errorf("behind a closed group: %s", r.payload)
	}
	if !strings.Contains(r.log, *g.GroupId) || !strings.Contains(r.log, "TCP port 443") {
		t.Errorf("the log does not name group %s:\n%s", *g.GroupId, r.log)
	}
	out, err := b.d.run(t.Context(), "why", "stuck", lambdaHost, "-addr", b.d.url)
	if !strings.Contains(out, *g.GroupId) {
		t.Errorf("weir why (%v) does not name group %s:\n%s", err, *g.GroupId, out)
	}
	_, err = c.ec2.AuthorizeSecurityGroupIngress(c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: g.GroupId, IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.1.0/24")}}}}})
	c.check(err)
	if got := b.get(t); got.Status != 200 {
		t.Errorf("with port 443 open: %+v", got)
	}
	if out, err := b.d.run(t.Context(), "why", "caller", lambdaHost, "-addr", b.d.url); err != nil {
		t.Errorf("weir why with port 443 open: %v\n%s", err, out)
	}
	b.modify(t, ec2.ModifyVpcEndpointInput{AddSecurityGroupIds: []string{b.group}, RemoveSecurityGroupIds: []string{*g.GroupId}})
}

// policy is the page's example, with this account and region (E4).
func (b *inbound) policy(t *testing.T) {
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:"
	b.modify(t, ec2.ModifyVpcEndpointInput{PolicyDocument: aws.String(`{ "Statement":[ { "Principal": { "AWS": "arn:aws:iam::000000000000:user/MyUser" }, "Effect":"Allow",
		"Action":[ "lambda:InvokeFunction" ], "Resource": [ "` + arn + `my-function", "` + arn + `my-function:*" ] } ] }`)})
	user := map[string]any{"key": b.userKey, "secret": b.userSecret}
	for _, want := range []struct {
		function string
		keys     map[string]any
		status   int
		text     string
	}{
		{"my-function", user, 200, `"hello"`},
		{"my-function:1", user, 200, `"hello"`},
		{"other", user, 403, "User: arn:aws:iam::000000000000:user/MyUser is not authorized to perform: lambda:InvokeFunction on resource: " + arn + "other because no VPC endpoint policy allows the lambda:InvokeFunction action"},
		{"my-function", nil, 403, "is not authorized to perform: lambda:InvokeFunction on resource: " + arn + "my-function because no VPC endpoint policy allows the lambda:InvokeFunction action"},
	} {
		if got := b.invoked(t, want.function, want.keys); got.Status != want.status || !strings.Contains(got.Body, want.text) {
			t.Errorf("%s: %+v\nwant %d %s", want.function, got, want.status, want.text)
		}
	}
	if got := b.get(t); got.Status != 403 {
		t.Errorf("another action: %+v, want 403", got)
	}
	b.modify(t, ec2.ModifyVpcEndpointInput{ResetPolicy: aws.Bool(true)})
	if got := b.get(t); got.Status != 200 {
		t.Errorf("with the policy reset: %+v", got)
	}
}

// goesIdle: a connection that is silent for the idle time (2 s here) is dropped,
// which its client learns by a reset; keep-alive packets hold it (E7).
func (b *inbound) goesIdle(t *testing.T) {
	ask := func(pause float64, keepalive bool) called {
		return b.ask(t, map[string]any{"host": lambdaHost, "pause": pause, "keepalive": keepalive})
	}
	if got := ask(0.5, false); got.Status == 0 {
		t.Errorf("after half a second: %+v, want an answer", got)
	}
	if got := ask(3.5, false); got.Error != "ConnectionResetError" {
		t.Errorf("after three and a half: %+v, want a reset", got)
	}
	if got := ask(3.5, true); got.Status == 0 {
		t.Errorf("after three and a half with keep-alive: %+v, want an answer", got)
	}
}

// used: hours, connections and bytes by endpoint and zone can be read (E10).
func (b *inbound) used(t *testing.T) {
	out, err := b.d.run(t.Context(), "usage", "-addr", b.d.url)
	line := regexp.MustCompile(b.vpc + ` +` + b.endpoint + ` +us-east-1a +` + lambdaService + ` +1 +[1-9]\d* +[1-9]\d* +[1-9]\d*\n`)
	if err != nil || !line.MatchString(out) {
		t.Errorf("weir usage: %v\n%s", err, out)
	}
}
