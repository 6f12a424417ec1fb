package access_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	sdklambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	awslogs "weir/internal/api/aws/logs"
	"weir/internal/api/aws/s3"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/aws/sts"
	"weir/internal/api/aws/targets"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
	"weir/internal/logs"
	"weir/internal/store"
)

const (
	account = "111122223333"
	other   = "444455556666"
	region  = "us-east-1"
	lambdas = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// clients are the services as one caller sees them.
type clients struct {
	iam    *sdkiam.Client
	sts    *sdksts.Client
	ec2    *sdkec2.Client
	lambda *sdklambda.Client
	logs   *cloudwatchlogs.Client
}

// world serves all that decides about access, in process.
type world struct {
	clients // of root
	t       *testing.T
	ctx     context.Context
	control *control.Control
	url     string
	ahead   atomic.Int64 // nanoseconds that Weir's clock is before ours
	origin  atomic.Pointer[wire.Origin]
}

type silent struct{}

func (silent) Invoke(_ context.Context, r invoke.Request) (*invoke.Response, error) {
	return &invoke.Response{Payload: r.Payload}, nil
}
func (silent) Enqueue(context.Context, invoke.Event) error                 { return nil }
func (silent) Provisioned(*cloud.Provision) invoke.Provisioned             { return invoke.Provisioned{} }
func (silent) Ready(context.Context, *cloud.Function, *cloud.Version) bool { return true }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context()}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.control = control.New(control.Deps{Store: store.NewMemory(cloud.Schema()), Blobs: store.NewMemoryBlobs(), Now: now}, control.Options{
		Account: account, Region: region,
		Regions:    []control.RegionInfo{{Name: region, Zones: []control.ZoneInfo{{Name: "us-east-1a", ID: "use1-az1"}}}},
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	})
	if err := w.control.Bootstrap(w.ctx, iam.Managed()); err != nil {
		t.Fatal(err)
	}
	auth := access.New(w.control, map[string]access.Lister{
		"ec2": targets.EC2(w.control), "lambda": targets.Lambda(w.control), "logs": targets.Logs, "iam": iam.Targets(w.control), "sts": sts.Targets, "s3": s3.Targets,
	}, now)
	server := wire.NewServer(wire.Config{Verify: w.control, Account: account, Region: region, Authorize: auth.Authorize})
	server.Add(ec2.New(w.control))
	server.Add(lambda.New(w.control, silent{}, lambda.Options{PassRole: func(ctx context.Context, _ cloud.Principal, role string) error {
		return targets.PassRole(auth, wire.CallFrom(ctx), role)
	}}))
	server.Add(iam.New(w.control))
	server.Add(sts.New(w.control, auth))
	server.Add(s3.New())
	server.Add(awslogs.New(logs.NewMemory()))
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if o := w.origin.Load(); o != nil {
			r = r.WithContext(wire.WithOrigin(r.Context(), *o))
		}
		server.ServeHTTP(rw, r)
	}))
	t.Cleanup(web.Close)
	w.url = web.URL
	w.clients = w.as("test", "test", "")
	return w
}

// as is a caller with a key.
func (w *world) as(id, secret, token string) clients {
	c := aws.Config{Region: region, BaseEndpoint: &w.url, RetryMaxAttempts: 1, HTTPClient: sdktest.Client, Credentials: credentials.NewStaticCredentialsProvider(id, secret, token)}
	return clients{sdkiam.NewFromConfig(c), sdksts.NewFromConfig(c), sdkec2.NewFromConfig(c), sdklambda.NewFromConfig(c), cloudwatchlogs.NewFromConfig(c)}
}

func (w *world) session(c *ststypes.Credentials) clients {
	return w.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

// root is the root of another account.
func (w *world) root(account string) clients {
	id := "AKIAROOT" + account
	if _, err := w.control.CreateAccessKey(w.ctx, account, "", id, "secret"); err != nil {
		w.t.Fatal(err)
	}
	return w.as(id, "secret", "")
}

// user makes a user that may do what the statements say; "" is nothing.
func (c clients) user(t *testing.T, w *world, name, statements string) clients {
	t.Helper()
	ok(c.iam.CreateUser(w.ctx, &sdkiam.CreateUserInput{UserName: &name}))(t)
	c.allow(t, name, statements)
	k := ok(c.iam.CreateAccessKey(w.ctx, &sdkiam.CreateAccessKeyInput{UserName: &name}))(t).AccessKey
	return w.as(*k.AccessKeyId, *k.SecretAccessKey, "")
}

func (c clients) allow(t *testing.T, user, statements string) {
	t.Helper()
	if statements != "" {
		ok(c.iam.PutUserPolicy(t.Context(), &sdkiam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("p"), PolicyDocument: doc(statements)}))(t)
	}
}

// role makes a role with this trust policy's statement that may do what statements say.
func (c clients) role(t *testing.T, name, trust, statements string) string {
	t.Helper()
	r := ok(c.iam.CreateRole(t.Context(), &sdkiam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: doc(trust)}))(t).Role
	if statements != "" {
		ok(c.iam.PutRolePolicy(t.Context(), &sdkiam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: doc(statements)}))(t)
	}
	return *r.Arn
}

func doc(statements string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
}

// may is a statement; resource "" is everything.
func may(actions, resource string) string {
	if resource == "" {
		resource = "*"
	}
	return `{"Effect":"Allow","Action":["` + strings.ReplaceAll(actions, " ", `","`) + `"],"Resource":"` + resource + `"}`
}

func may2(actions, condition string) string {
	return `{"Effect":"Allow","Action":["` + strings.ReplaceAll(actions, " ", `","`) + `"],"Resource":"*","Condition":` + condition + `}`
}

func trusting(principal string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}`
}

func aws12(arn string) string { return `{"AWS":"` + arn + `"}` }

func ok[T any](out T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused wants an error of this code, whose message begins like this.
func refused[T any](_ T, err error) func(t *testing.T, code, message string) {
	return func(t *testing.T, code, message string) {
		t.Helper()
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != code || !strings.HasPrefix(api.ErrorMessage(), message) {
			t.Errorf("got %v\nwant %s: %s", err, code, message)
		}
	}
}

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte("def handler(e, c): return e"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// function is the input that makes a function.
func function(t *testing.T, name, role string) *sdklambda.CreateFunctionInput {
	return &sdklambda.CreateFunctionInput{FunctionName: &name, Role: &role, Runtime: "python3.12", Handler: aws.String("index.handler"),
		Code: &types.FunctionCode{ZipFile: archive(t)}}
}
