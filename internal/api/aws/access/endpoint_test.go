package access_test

import (
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdklambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// endpoint makes an interface endpoint of a service in the default VPC, and
// returns how calls through it arrive.
func (w *world) endpoint(t *testing.T, service, policy string) *wire.Origin {
	t.Helper()
	vpc := *ok(w.ec2.DescribeVpcs(w.ctx, &sdkec2.DescribeVpcsInput{}))(t).Vpcs[0].VpcId
	in := &sdkec2.CreateVpcEndpointInput{VpcId: &vpc, VpcEndpointType: sdkec2types.VpcEndpointTypeInterface, ServiceName: aws.String("com.amazonaws.us-east-1." + service)}
	if policy != "" {
		in.PolicyDocument = &policy
	}
	e := ok(w.ec2.CreateVpcEndpoint(w.ctx, in))(t).VpcEndpoint
	return &wire.Origin{
		Source: netip.MustParseAddr("172.31.0.7"), VPC: cloud.VPCID(vpc), Endpoint: cloud.EndpointID(*e.VpcEndpointId), Service: service, Region: region,
	}
}

// through calls f as if everything came through the endpoint.
func (w *world) through(o *wire.Origin, f func()) {
	w.origin.Store(o)
	defer w.origin.Store(nil)
	f()
}

// myFunction is the policy of the vendor's page, for this test's account and region.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-endpoints.html#vpc-endpoint-policy
const myFunction = `{"Statement":[{"Principal":{"AWS":"arn:aws:iam::111122223333:user/MyUser"},"Effect":"Allow","Action":["lambda:InvokeFunction"],
	"Resource":["arn:aws:lambda:us-east-1:111122223333:function:my-function","arn:aws:lambda:us-east-1:111122223333:function:my-function:*"]}]}`

func TestEndpointPolicy(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "fn", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, "")
	for _, name := range []string{"my-function", "my-functions"} {
		ok(w.lambda.CreateFunction(w.ctx, function(t, name, role)))(t)
		ok(w.lambda.PublishVersion(w.ctx, &sdklambda.PublishVersionInput{FunctionName: &name}))(t)
	}
	me, you := w.user(t, w, "MyUser", may("lambda:*", "")), w.user(t, w, "YourUser", may("lambda:*", ""))
	invoke := func(c clients, name, qualifier string) (*sdklambda.InvokeOutput, error) {
		in := &sdklambda.InvokeInput{FunctionName: &name}
		if qualifier != "" {
			in.Qualifier = &qualifier
		}
		return c.lambda.Invoke(w.ctx, in)
	}
	const (
		code = "AccessDeniedException"
		arn  = "arn:aws:lambda:us-east-1:111122223333:function:"
		no   = " because no VPC endpoint policy allows the "
	)
	w.through(w.endpoint(t, "lambda", myFunction), func() {
		ok(invoke(me, "my-function", ""))(t)
		ok(invoke(me, "my-function", "1"))(t)
		refused(invoke(me, "my-functions", ""))(t, code,
			"User: arn:aws:iam::111122223333:user/MyUser is not authorized to perform: lambda:InvokeFunction on resource: "+arn+"my-functions"+no+"lambda:InvokeFunction action")
		refused(invoke(you, "my-function", ""))(t, code,
			"User: arn:aws:iam::111122223333:user/YourUser is not authorized to perform: lambda:InvokeFunction on resource: "+arn+"my-function"+no+"lambda:InvokeFunction action")
		refused(me.lambda.ListFunctions(w.ctx, &sdklambda.ListFunctionsInput{}))(t, code,
			"User: arn:aws:iam::111122223333:user/MyUser is not authorized to perform: lambda:ListFunctions on resource: *"+no+"lambda:ListFunctions action")
	})
	ok(invoke(you, "my-functions", ""))(t) // not through the endpoint
	ok(w.ec2.DeleteVpcEndpoints(w.ctx, &sdkec2.DeleteVpcEndpointsInput{VpcEndpointIds: endpointIDs(t, w)}))(t)

	// The page's note: without the qualified ARN, versions and aliases are not reached.
	w.through(w.endpoint(t, "lambda", `{"Statement":[{"Principal":"*","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"`+arn+`my-function"}]}`), func() {
		ok(invoke(you, "my-function", ""))(t)
		refused(invoke(you, "my-function", "1"))(t, code, "User: arn:aws:iam::111122223333:user/YourUser is not authorized to perform: lambda:InvokeFunction on resource: "+arn+"my-function:1"+no)
	})
	ok(w.ec2.DeleteVpcEndpoints(w.ctx, &sdkec2.DeleteVpcEndpointsInput{VpcEndpointIds: endpointIDs(t, w)}))(t)
	w.through(w.endpoint(t, "lambda", `{"Statement":[{"Principal":"*","Effect":"Allow","Action":"*","Resource":"*"},
		{"Principal":"*","Effect":"Deny","Action":"lambda:Invoke*","Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"172.31.0.0/24"}}}]}`), func() {
		ok(me.lambda.ListFunctions(w.ctx, &sdklambda.ListFunctionsInput{}))(t)
		refused(invoke(me, "my-function", ""))(t, code,
			"User: arn:aws:iam::111122223333:user/MyUser is not authorized to perform: lambda:InvokeFunction on resource: "+arn+"my-function with an explicit deny in a VPC endpoint policy")
	})
}

func endpointIDs(t *testing.T, w *world) (ids []string) {
	t.Helper()
	for _, e := range ok(w.ec2.DescribeVpcEndpoints(w.ctx, &sdkec2.DescribeVpcEndpointsInput{}))(t).VpcEndpoints {
		ids = append(ids, *e.VpcEndpointId)
	}
	return ids
}

// TestEndpointIsOneService: what answers behind an endpoint is its service in its region.
func TestEndpointIsOneService(t *testing.T) {
	w := newWorld(t)
	me := w.user(t, w, "me", may("*", ""))
	o := w.endpoint(t, "sts", "")
	w.through(o, func() {
		ok(me.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t)
		refused(me.lambda.ListFunctions(w.ctx, &sdklambda.ListFunctionsInput{}))(t, "InvalidSignatureException", "Credential should be scoped to correct service: 'sts'.")
	})
	o.Region = "eu-west-1"
	w.through(o, func() {
		refused(me.sts.GetCallerIdentity(w.ctx, &sdksts.GetCallerIdentityInput{}))(t, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
	})
}
