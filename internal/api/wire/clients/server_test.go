// Package clients checks package wire against unmodified clients: what they send
// is decoded to what they were told to send, and they understand the answers.
package clients

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	"weir/internal/api/aws/logs"
	"weir/internal/api/aws/sts"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

const (
	keyID   = "AKIAIOSFODNN7EXAMPLE"
	secret  = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	account = "123456789012"
	session = "a session's token"
)

// keys is a Verifier with one user, one session and one key for this machine only.
type keys struct{}

func (keys) Credential(id, token string) (string, cloud.Principal, bool, error) {
	p := cloud.Principal{Kind: cloud.PrincipalUser, Account: account, ID: "AIDAEXAMPLE", Name: "alice"}
	switch {
	case id == keyID && token == "":
		return secret, p, false, nil
	case id == "ASIAEXAMPLE" && token == session:
		return secret, p, false, nil
	case id == "ASIAEXAMPLE" && token == "old":
		return "", p, false, cloud.Errorf(cloud.Denied, cloud.KindAccessKey, id, "expired", "the session is over")
	case id == "AKIALOOPBACK":
		return secret, p, true, nil
	}
	return "", p, false, cloud.Errorf(cloud.NotFound, cloud.KindAccessKey, id, "", "no such key")
}

// backend answers with fixed values and remembers what it was given.
type backend struct {
	*httptest.Server
	wire *wire.Server
	mu   sync.Mutex // guards got
	got  map[string]any
	call wire.Call
}

func ptr[T any](v T) *T { return &v }

// on registers an operation that remembers its input and answers out, or err.
func on[In, Out any](b *backend, svc *wire.Service, op string, out *Out, err error) {
	wire.Handle(svc, op, func(ctx context.Context, in *In) (*Out, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got[op], b.call = in, *wire.CallFrom(ctx)
		return out, err
	})
}

// input returns what the operation was given last.
func input[In any](t *testing.T, b *backend, op string) *In {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	in, ok := b.got[op].(*In)
	if !ok {
		t.Fatalf("%s was not called", op)
	}
	return in
}

var created = time.Date(2026, 11, 22, 10, 1, 2, 345e6, time.UTC)

func newBackend(t *testing.T, cfg wire.Config) *backend {
	b := &backend{got: map[string]any{}}
	cfg.Account, cfg.Region = account, "us-east-1"
	if cfg.Verify == nil {
		cfg.Verify = keys{}
	}
	b.wire = wire.NewServer(cfg)
	b.addEC2()
	b.addIdentity()
	b.addLogs()
	b.addLambda()
	b.addRoute53()
	b.Server = httptest.NewServer(b.wire)
	t.Cleanup(b.Close)
	return b
}

func (b *backend) addEC2() {
	svc := wire.NewService(ec2.Spec)
	on[ec2.DescribeVpcsInput](b, svc, "DescribeVpcs", &ec2.DescribeVpcsOutput{NextToken: ptr("more & more"), Vpcs: []ec2.Vpc{{
		VpcId: ptr("vpc-1"), CidrBlock: ptr("10.0.0.0/16"), IsDefault: ptr(false), State: ec2.VpcStateAvailable,
		Tags: []ec2.Tag{{Key: ptr("Name"), Value: ptr("<first>")}},
		CidrBlockAssociationSet: []ec2.VpcCidrBlockAssociation{{CidrBlock: ptr("10.0.0.0/16"),
			CidrBlockState: &ec2.VpcCidrBlockState{State: ec2.VpcCidrBlockStateCodeAssociated}}},
	}}}, nil)
	on[ec2.DescribeSubnetsInput](b, svc, "DescribeSubnets", &ec2.DescribeSubnetsOutput{}, nil)
	on[ec2.CreateTagsInput](b, svc, "CreateTags", &ec2.CreateTagsOutput{}, nil)
	on[ec2.CreateVpcInput](b, svc, "CreateVpc", &ec2.CreateVpcOutput{Vpc: &ec2.Vpc{VpcId: ptr("vpc-2")}}, nil)
	on[ec2.AuthorizeSecurityGroupIngressInput](b, svc, "AuthorizeSecurityGroupIngress", &ec2.AuthorizeSecurityGroupIngressOutput{Return: ptr(true)}, nil)
	on[ec2.RunInstancesInput](b, svc, "RunInstances", &ec2.RunInstancesOutput{ReservationId: ptr("r-1"),
		Instances: []ec2.Instance{{InstanceId: ptr("i-1"), LaunchTime: &created}}}, nil)
	on[ec2.DeleteVpcInput, ec2.DeleteVpcOutput](b, svc, "DeleteVpc", nil,
		&wire.Error{Code: "InvalidVpcID.NotFound", Msg: "The vpc ID 'vpc-9' does not exist"})
	b.wire.Add(svc)
}

func (b *backend) addIdentity() {
	svc := wire.NewService(iam.Spec)
	on[iam.CreateRoleInput](b, svc, "CreateRole", &iam.CreateRoleOutput{Role: &iam.Role{
		Arn: ptr("arn:aws:iam::123456789012:role/r"), Path: ptr("/"), RoleId: ptr("AROAEXAMPLE"), RoleName: ptr("r"), CreateDate: &created}}, nil)
	on[iam.ListRolesInput](b, svc, "ListRoles", &iam.ListRolesOutput{IsTruncated: ptr(false)}, nil)
	on[iam.GetRoleInput, iam.GetRoleOutput](b, svc, "GetRole", nil,
		&wire.Error{Code: "NoSuchEntity", Msg: "The role with name x cannot be found."})
	on[iam.DeleteRoleInput](b, svc, "DeleteRole", &iam.DeleteRoleOutput{}, nil)
	on[iam.GetAccountSummaryInput](b, svc, "GetAccountSummary", &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"Users": 3}}, nil)
	b.wire.Add(svc)

	svc = wire.NewService(sts.Spec)
	on[sts.GetCallerIdentityInput](b, svc, "GetCallerIdentity", &sts.GetCallerIdentityOutput{
		Account: ptr(account), Arn: ptr("arn:aws:iam::123456789012:user/alice"), UserId: ptr("AIDAEXAMPLE")}, nil)
	on[sts.AssumeRoleWithWebIdentityInput](b, svc, "AssumeRoleWithWebIdentity", &sts.AssumeRoleWithWebIdentityOutput{Audience: ptr("me")}, nil)
	b.wire.Add(svc)
}

func (b *backend) addLogs() {
	svc := wire.NewService(logs.Spec)
	on[logs.PutLogEventsInput](b, svc, "PutLogEvents", &logs.PutLogEventsOutput{NextSequenceToken: ptr("n")}, nil)
	on[logs.DescribeLogGroupsInput](b, svc, "DescribeLogGroups", &logs.DescribeLogGroupsOutput{}, nil)
	on[logs.CreateLogGroupInput, logs.CreateLogGroupOutput](b, svc, "CreateLogGroup", nil,
		&wire.Error{Code: "ResourceAlreadyExistsException", Msg: "The specified log group already exists"})
	on[logs.StartLiveTailInput](b, svc, "StartLiveTail", &logs.StartLiveTailOutput{ResponseStream: func(send func(any) error) error {
		return send(&logs.StartLiveTailResponseStream{SessionStart: &logs.LiveTailSessionStart{SessionId: ptr("s")}})
	}}, nil)
	b.wire.Add(svc)
}

func (b *backend) addLambda() {
	svc := wire.NewService(lambda.Spec)
	on[lambda.CreateFunctionInput](b, svc, "CreateFunction", &lambda.FunctionConfiguration{FunctionName: ptr("f"), State: lambda.StatePending}, nil)
	on[lambda.InvokeInput](b, svc, "Invoke", &lambda.InvokeOutput{StatusCode: ptr(int32(200)), FunctionError: ptr("Unhandled"),
		ExecutedVersion: ptr("$LATEST"), LogResult: ptr("bG9n"), Payload: []byte(`{"a":1}`)}, nil)
	on[lambda.ListTagsInput](b, svc, "ListTags", &lambda.ListTagsOutput{Tags: map[string]string{"a": "b"}}, nil)
	on[lambda.ListFunctionsInput](b, svc, "ListFunctions", &lambda.ListFunctionsOutput{}, nil)
	on[lambda.UntagResourceInput](b, svc, "UntagResource", &lambda.UntagResourceOutput{}, nil)
	on[lambda.DeleteFunctionInput](b, svc, "DeleteFunction", &lambda.DeleteFunctionOutput{StatusCode: ptr(int32(204))}, nil)
	on[lambda.GetFunctionInput, lambda.GetFunctionOutput](b, svc, "GetFunction", nil,
		&wire.Error{Code: "ResourceNotFoundException", Msg: "Function not found: x"})
	on[lambda.InvokeWithResponseStreamInput](b, svc, "InvokeWithResponseStream", &lambda.InvokeWithResponseStreamOutput{
		StatusCode: ptr(int32(200)), EventStream: func(send func(any) error) error {
			chunk := &lambda.InvokeResponseStreamUpdate{Payload: []byte("chunk")}
			if err := send(&lambda.InvokeWithResponseStreamResponseEvent{PayloadChunk: chunk}); err != nil {
				return err
			}
			return send(&lambda.InvokeWithResponseStreamResponseEvent{InvokeComplete: &lambda.InvokeWithResponseStreamCompleteEvent{ErrorCode: ptr("E")}})
		}}, nil)
	b.wire.Add(svc)
}
