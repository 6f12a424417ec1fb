package clients

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdklogs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	sdklambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	"weir/internal/api/aws/logs"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/wire"
)

func sdk(b *backend) aws.Config {
	return aws.Config{Region: "eu-west-1", BaseEndpoint: &b.URL, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, "")}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// wantCode checks the error a client made of our answer.
func wantCode(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want an API error %s", err, code)
	}
	if api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("got %s: %q, want %s: %q", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}

func TestSDKEC2(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdkec2.NewFromConfig(sdk(b))
	out := must[*sdkec2.DescribeVpcsOutput](t)(c.DescribeVpcs(t.Context(), &sdkec2.DescribeVpcsInput{
		Filters:    []ec2types.Filter{{Name: aws.String("tag:Name"), Values: []string{"a*", "b c"}}, {Name: aws.String("isDefault"), Values: []string{"false"}}},
		MaxResults: aws.Int32(5), VpcIds: []string{"vpc-1", "vpc-2"}}))
	same(t, "input", input[ec2.DescribeVpcsInput](t, b, "DescribeVpcs"), &ec2.DescribeVpcsInput{
		Filters:    []ec2.Filter{{Name: ptr("tag:Name"), Values: []string{"a*", "b c"}}, {Name: ptr("isDefault"), Values: []string{"false"}}},
		MaxResults: ptr(int32(5)), VpcIds: []string{"vpc-1", "vpc-2"}})
	v := out.Vpcs[0]
	if *out.NextToken != "more & more" || *v.VpcId != "vpc-1" || *v.IsDefault || v.State != ec2types.VpcStateAvailable ||
		*v.Tags[0].Value != "<first>" || v.CidrBlockAssociationSet[0].CidrBlockState.State != "associated" {
		t.Errorf("answer: %+v", out)
	}
	if b.call.Region != "eu-west-1" || b.call.Account != account || b.call.Principal.Name != "alice" || b.call.Operation != "DescribeVpcs" || b.call.Service != "ec2" {
		t.Errorf("call: %+v", b.call)
	}

	must[*sdkec2.CreateTagsOutput](t)(c.CreateTags(t.Context(), &sdkec2.CreateTagsInput{Resources: []string{"vpc-1", "subnet-1"},
		Tags: []ec2types.Tag{{Key: aws.String("k"), Value: aws.String("")}, {Key: aws.String("ü&="), Value: aws.String("v w+x")}}}))
	same(t, "tags", input[ec2.CreateTagsInput](t, b, "CreateTags"), &ec2.CreateTagsInput{Resources: []string{"vpc-1", "subnet-1"},
		Tags: []ec2.Tag{{Key: ptr("k"), Value: ptr("")}, {Key: ptr("ü&="), Value: ptr("v w+x")}}})

	must[*sdkec2.AuthorizeSecurityGroupIngressOutput](t)(c.AuthorizeSecurityGroupIngress(t.Context(), &sdkec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String("sg-1"), IpPermissions: []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(81),
			IpRanges:         []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("all")}},
			UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: aws.String("sg-2")}}}}}))
	same(t, "permissions", input[ec2.AuthorizeSecurityGroupIngressInput](t, b, "AuthorizeSecurityGroupIngress").IpPermissions, []ec2.IpPermission{{
		IpProtocol: ptr("tcp"), FromPort: ptr(int32(80)), ToPort: ptr(int32(81)),
		IpRanges:         []ec2.IpRange{{CidrIp: ptr("0.0.0.0/0"), Description: ptr("all")}},
		UserIdGroupPairs: []ec2.UserIdGroupPair{{GroupId: ptr("sg-2")}}}})

	run := must[*sdkec2.RunInstancesOutput](t)(c.RunInstances(t.Context(), &sdkec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		NetworkInterfaces: []ec2types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0),
			PrivateIpAddresses: []ec2types.PrivateIpAddressSpecification{{Primary: aws.Bool(true), PrivateIpAddress: aws.String("10.0.0.5")}}}}}))
	ni := input[ec2.RunInstancesInput](t, b, "RunInstances").NetworkInterfaces
	if len(ni) != 1 || len(ni[0].PrivateIpAddresses) != 1 || *ni[0].PrivateIpAddresses[0].PrivateIpAddress != "10.0.0.5" {
		t.Errorf("network interfaces: %+v", ni)
	}
	if !run.Instances[0].LaunchTime.Equal(created) {
		t.Errorf("launch time %v, want %v", run.Instances[0].LaunchTime, created)
	}
}

func TestSDKEC2Errors(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdkec2.NewFromConfig(sdk(b))
	_, err := c.DeleteVpc(t.Context(), &sdkec2.DeleteVpcInput{VpcId: aws.String("vpc-9")})
	wantCode(t, err, "InvalidVpcID.NotFound", "The vpc ID 'vpc-9' does not exist")
	_, err = c.CreateVpc(t.Context(), &sdkec2.CreateVpcInput{DryRun: aws.Bool(true)})
	wantCode(t, err, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	_, err = c.CreateVpc(t.Context(), &sdkec2.CreateVpcInput{InstanceTenancy: "shared"})
	wantCode(t, err, "InvalidParameterValue", "Value ( shared ) for parameter instanceTenancy is invalid.")
	_, err = c.DescribeVpcs(t.Context(), &sdkec2.DescribeVpcsInput{MaxResults: aws.Int32(1001)})
	wantCode(t, err, "InvalidParameterValue", "Value ( 1001 ) for parameter maxResults is invalid. Expecting a value smaller than or equal to 1000.")
	_, err = c.CreateVolume(t.Context(), &sdkec2.CreateVolumeInput{AvailabilityZone: aws.String("us-east-1a")})
	wantCode(t, err, "UnsupportedOperation", "")
}

func TestSDKIdentity(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdkiam.NewFromConfig(sdk(b))
	out := must[*sdkiam.CreateRoleOutput](t)(c.CreateRole(t.Context(), &sdkiam.CreateRoleInput{RoleName: aws.String("r"),
		AssumeRolePolicyDocument: aws.String("{\n\t\"Version\": \"2012-10-17\"}"), MaxSessionDuration: aws.Int32(3600),
		Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	same(t, "input", input[iam.CreateRoleInput](t, b, "CreateRole"), &iam.CreateRoleInput{RoleName: ptr("r"),
		AssumeRolePolicyDocument: ptr("{\n\t\"Version\": \"2012-10-17\"}"), MaxSessionDuration: ptr(int32(3600)),
		Tags: []iam.Tag{{Key: ptr("a"), Value: ptr("b")}}})
	if *out.Role.RoleName != "r" || !out.Role.CreateDate.Equal(created) {
		t.Errorf("answer: %+v", out.Role)
	}
	sum := must[*sdkiam.GetAccountSummaryOutput](t)(c.GetAccountSummary(t.Context(), &sdkiam.GetAccountSummaryInput{}))
	same(t, "summary", sum.SummaryMap, map[string]int32{"Users": 3})
	must[*sdkiam.DeleteRoleOutput](t)(c.DeleteRole(t.Context(), &sdkiam.DeleteRoleInput{RoleName: aws.String("r")}))

	_, err := c.GetRole(t.Context(), &sdkiam.GetRoleInput{RoleName: aws.String("x")})
	wantCode(t, err, "NoSuchEntity", "The role with name x cannot be found.")
	if !errors.As(err, new(*iamtypes.NoSuchEntityException)) {
		t.Errorf("%T is not the typed error", err)
	}
	_, err = c.CreateRole(t.Context(), &sdkiam.CreateRoleInput{RoleName: aws.String("a/b"), AssumeRolePolicyDocument: aws.String("{}")})
	wantCode(t, err, "ValidationError", `1 validation error detected: Value 'a/b' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`)

	id := must[*sdksts.GetCallerIdentityOutput](t)(sdksts.NewFromConfig(sdk(b)).GetCallerIdentity(t.Context(), nil))
	if *id.Account != account || *id.UserId != "AIDAEXAMPLE" {
		t.Errorf("identity: %+v", id)
	}
}

func TestSDKLogs(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdklogs.NewFromConfig(sdk(b))
	put := must[*sdklogs.PutLogEventsOutput](t)(c.PutLogEvents(t.Context(), &sdklogs.PutLogEventsInput{LogGroupName: aws.String("/aws/g"), LogStreamName: aws.String("s"),
		LogEvents: []logstypes.InputLogEvent{{Timestamp: aws.Int64(1700000000123), Message: aws.String("héllo \"x\"\n")}}}))
	same(t, "input", input[logs.PutLogEventsInput](t, b, "PutLogEvents"), &logs.PutLogEventsInput{LogGroupName: ptr("/aws/g"), LogStreamName: ptr("s"),
		LogEvents: []logs.InputLogEvent{{Timestamp: ptr(int64(1700000000123)), Message: ptr("héllo \"x\"\n")}}})
	if *put.NextSequenceToken != "n" {
		t.Errorf("answer: %+v", put)
	}
	groups := must[*sdklogs.DescribeLogGroupsOutput](t)(c.DescribeLogGroups(t.Context(), &sdklogs.DescribeLogGroupsInput{}))
	if groups.LogGroups == nil {
		t.Error("an empty list of groups is absent")
	}
	_, err := c.CreateLogGroup(t.Context(), &sdklogs.CreateLogGroupInput{LogGroupName: aws.String("g")})
	wantCode(t, err, "ResourceAlreadyExistsException", "The specified log group already exists")
	_, err = c.CreateLogGroup(t.Context(), &sdklogs.CreateLogGroupInput{LogGroupName: aws.String("a b")})
	wantCode(t, err, "InvalidParameterException", `1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`)
	_, err = c.PutMetricFilter(t.Context(), &sdklogs.PutMetricFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("f"),
		FilterPattern: aws.String(""), MetricTransformations: []logstypes.MetricTransformation{}})
	wantCode(t, err, "UnknownOperationException", "")
}

func TestSDKLambda(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdklambda.NewFromConfig(sdk(b))
	out := must[*sdklambda.CreateFunctionOutput](t)(c.CreateFunction(t.Context(), &sdklambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: lambdatypes.RuntimePython312,
		Code: &lambdatypes.FunctionCode{ZipFile: []byte("PK\x03\x04\x00")}, Timeout: aws.Int32(3),
		VpcConfig:   &lambdatypes.VpcConfig{SubnetIds: []string{"subnet-1"}, SecurityGroupIds: []string{}},
		Environment: &lambdatypes.Environment{Variables: map[string]string{"KEY": "1"}}}))
	same(t, "input", input[lambda.CreateFunctionInput](t, b, "CreateFunction"), &lambda.CreateFunctionInput{
		FunctionName: ptr("f"), Role: ptr("arn:aws:iam::123456789012:role/r"), Runtime: lambda.RuntimePython312,
		Code: &lambda.FunctionCode{ZipFile: []byte("PK\x03\x04\x00")}, Timeout: ptr(int32(3)),
		VpcConfig:   &lambda.VpcConfig{SubnetIds: []string{"subnet-1"}, SecurityGroupIds: []string{}},
		Environment: &lambda.Environment{Variables: map[string]string{"KEY": "1"}}})
	if *out.FunctionName != "f" || out.State != lambdatypes.StatePending {
		t.Errorf("answer: %+v", out)
	}
	arn := "arn:aws:lambda:eu-west-1:123456789012:function:f"
	inv := must[*sdklambda.InvokeOutput](t)(c.Invoke(t.Context(), &sdklambda.InvokeInput{FunctionName: &arn, Qualifier: aws.String("$LATEST"),
		LogType: lambdatypes.LogTypeTail, Payload: []byte(`{"k": "v"}`)}))
	same(t, "invoke", input[lambda.InvokeInput](t, b, "Invoke"), &lambda.InvokeInput{FunctionName: &arn, Qualifier: ptr("$LATEST"),
		LogType: lambda.LogTypeTail, Payload: []byte(`{"k": "v"}`)})
	if inv.StatusCode != 200 || *inv.FunctionError != "Unhandled" || *inv.LogResult != "bG9n" || string(inv.Payload) != `{"a":1}` || *inv.ExecutedVersion != "$LATEST" {
		t.Errorf("answer: %+v", inv)
	}
	tags := must[*sdklambda.ListTagsOutput](t)(c.ListTags(t.Context(), &sdklambda.ListTagsInput{Resource: &arn}))
	same(t, "tags", tags.Tags, map[string]string{"a": "b"})
	if got := *input[lambda.ListTagsInput](t, b, "ListTags").Resource; got != arn {
		t.Errorf("resource %q", got)
	}
	must[*sdklambda.UntagResourceOutput](t)(c.UntagResource(t.Context(), &sdklambda.UntagResourceInput{Resource: &arn, TagKeys: []string{"a", "b c"}}))
	same(t, "tag keys", input[lambda.UntagResourceInput](t, b, "UntagResource").TagKeys, []string{"a", "b c"})
	must[*sdklambda.DeleteFunctionOutput](t)(c.DeleteFunction(t.Context(), &sdklambda.DeleteFunctionInput{FunctionName: aws.String("f")}))
	if l := must[*sdklambda.ListFunctionsOutput](t)(c.ListFunctions(t.Context(), nil)); l.Functions == nil {
		t.Error("an empty list of functions is absent")
	}
}

func TestSDKLambdaErrors(t *testing.T) {
	b := newBackend(t, wire.Config{})
	c := sdklambda.NewFromConfig(sdk(b))
	_, err := c.GetFunction(t.Context(), &sdklambda.GetFunctionInput{FunctionName: aws.String("x")})
	wantCode(t, err, "ResourceNotFoundException", "Function not found: x")
	var nf *lambdatypes.ResourceNotFoundException
	if !errors.As(err, &nf) || aws.ToString(nf.Type) != "User" {
		t.Errorf("typed error: %+v", nf)
	}
	_, err = c.CreateFunction(t.Context(), &sdklambda.CreateFunctionInput{FunctionName: aws.String("f"), MemorySize: aws.Int32(64),
		Role: aws.String("arn:aws:iam::123456789012:role/r"), Code: &lambdatypes.FunctionCode{}})
	wantCode(t, err, "ValidationException", "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128")
	_, err = c.GetAccountSettings(t.Context(), &sdklambda.GetAccountSettingsInput{})
	wantCode(t, err, "NotImplementedException", "The operation GetAccountSettings of Lambda is not implemented.")
}

func TestSDKStreams(t *testing.T) {
	b := newBackend(t, wire.Config{})
	out := must[*sdklambda.InvokeWithResponseStreamOutput](t)(sdklambda.NewFromConfig(sdk(b)).InvokeWithResponseStream(t.Context(),
		&sdklambda.InvokeWithResponseStreamInput{FunctionName: aws.String("f")}))
	var got []string
	for e := range out.GetStream().Events() {
		switch e := e.(type) {
		case *lambdatypes.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			got = append(got, string(e.Value.Payload))
		case *lambdatypes.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			got = append(got, *e.Value.ErrorCode)
		}
	}
	same(t, "events", got, []string{"chunk", "E"})
}

func TestSDKClock(t *testing.T) {
	for name, shift := range map[string]time.Duration{"4 minutes": 4 * time.Minute, "-4 minutes": -4 * time.Minute} {
		b := newBackend(t, wire.Config{Now: func() time.Time { return time.Now().Add(shift) }})
		if _, err := sdksts.NewFromConfig(sdk(b)).GetCallerIdentity(t.Context(), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, shift := range map[string]time.Duration{"6 minutes": 6 * time.Minute, "-6 minutes": -6 * time.Minute} {
		b := newBackend(t, wire.Config{Now: func() time.Time { return time.Now().Add(shift) }})
		_, err := sdksts.NewFromConfig(sdk(b)).GetCallerIdentity(t.Context(), nil)
		wantCode(t, err, "SignatureDoesNotMatch", "")
		_, err = sdkec2.NewFromConfig(sdk(b)).DescribeSubnets(t.Context(), nil)
		wantCode(t, err, "RequestExpired", "Request has expired.")
		t.Log(name)
	}
}

func TestSDKCredentials(t *testing.T) {
	b := newBackend(t, wire.Config{})
	for name, c := range map[string]struct{ id, secret, token, ec2, sts, logs, lambda string }{
		"session":       {id: "ASIAEXAMPLE", secret: secret, token: session},
		"loopback":      {id: "AKIALOOPBACK", secret: secret},
		"unknown key":   {"AKIANOBODY", secret, "", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "UnrecognizedClientException"},
		"wrong secret":  {keyID, "x", "", "AuthFailure", "SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignatureException"},
		"wrong token":   {"ASIAEXAMPLE", secret, "x", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "UnrecognizedClientException"},
		"expired token": {"ASIAEXAMPLE", secret, "old", "RequestExpired", "ExpiredToken", "ExpiredTokenException", "ExpiredTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sdk(b)
			cfg.Credentials = credentials.NewStaticCredentialsProvider(c.id, c.secret, c.token)
			_, err := sdkec2.NewFromConfig(cfg).DescribeSubnets(t.Context(), nil)
			wantCodeOrNone(t, err, c.ec2)
			_, err = sdksts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
			wantCodeOrNone(t, err, c.sts)
			_, err = sdklogs.NewFromConfig(cfg).DescribeLogGroups(t.Context(), nil)
			wantCodeOrNone(t, err, c.logs)
			_, err = sdklambda.NewFromConfig(cfg).ListFunctions(t.Context(), nil)
			wantCodeOrNone(t, err, c.lambda)
		})
	}
}

func wantCodeOrNone(t *testing.T, err error, code string) {
	t.Helper()
	if code != "" {
		wantCode(t, err, code, "")
	} else if err != nil {
		t.Error(err)
	}
}

func TestSDKUnsigned(t *testing.T) {
	b := newBackend(t, wire.Config{})
	cfg := sdk(b)
	cfg.Credentials = aws.AnonymousCredentials{}
	c := sdksts.NewFromConfig(cfg)
	_, err := c.GetCallerIdentity(t.Context(), nil)
	wantCode(t, err, "MissingAuthenticationToken", "Request is missing Authentication Token")
	must[*sdksts.AssumeRoleWithWebIdentityOutput](t)(c.AssumeRoleWithWebIdentity(t.Context(), &sdksts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/r"), RoleSessionName: aws.String("me"), WebIdentityToken: aws.String("token")}))
	_, err = sdkec2.NewFromConfig(cfg).DescribeSubnets(t.Context(), nil)
	wantCode(t, err, "MissingAuthenticationToken", "")
	_, err = sdklambda.NewFromConfig(cfg).ListFunctions(t.Context(), nil)
	wantCode(t, err, "MissingAuthenticationTokenException", "")

	anyone := newBackend(t, wire.Config{Any: true})
	cfg.BaseEndpoint = &anyone.URL
	must[*sdkec2.DescribeSubnetsOutput](t)(sdkec2.NewFromConfig(cfg).DescribeSubnets(t.Context(), nil))
	must[*sdklambda.ListFunctionsOutput](t)(sdklambda.NewFromConfig(cfg).ListFunctions(t.Context(), nil))
	must[*sdklogs.DescribeLogGroupsOutput](t)(sdklogs.NewFromConfig(cfg).DescribeLogGroups(t.Context(), nil))
	if anyone.call.Principal.Kind != "root" || anyone.call.Account != account || anyone.call.Region != "us-east-1" {
		t.Errorf("call: %+v", anyone.call)
	}
}

func TestSDKPresigned(t *testing.T) {
	b := newBackend(t, wire.Config{})
	u, err := sdksts.NewPresignClient(sdksts.NewFromConfig(sdk(b))).PresignGetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{u.URL: "<Account>" + account + "</Account>", u.URL + "&Extra=1": "<Code>SignatureDoesNotMatch</Code>"} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: %s (%v), want %s", url, body, err, want)
		}
	}
}
