package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/lambda"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
	"weir/internal/store"
)

const (
	account = "000000000000"
	region  = "us-east-1"
	roleARN = "arn:aws:iam::000000000000:role/service-role/runner"
	fARN    = "arn:aws:lambda:us-east-1:000000000000:function:f"
)

// fakeInvoker answers as the test says and remembers what it was asked.
type fakeInvoker struct {
	answer func(invoke.Request) (*invoke.Response, error)
	asked  []invoke.Request
	queued []invoke.Event
	ready  bool
}

func (f *fakeInvoker) Invoke(_ context.Context, r invoke.Request) (*invoke.Response, error) {
	f.asked = append(f.asked, r)
	if f.answer == nil {
		return &invoke.Response{Payload: r.Payload, LogTail: []byte("the log\n")}, nil
	}
	return f.answer(r)
}

func (f *fakeInvoker) Enqueue(_ context.Context, e invoke.Event) error {
	f.queued = append(f.queued, e)
	return nil
}

// Provisioned has one instance of each provision.
func (f *fakeInvoker) Provisioned(p *cloud.Provision) invoke.Provisioned {
	return invoke.Provisioned{Target: p.Target, Current: 1}
}

func (f *fakeInvoker) Ready(context.Context, *cloud.Function, *cloud.Version) bool { return f.ready }

type world struct {
	*sdk.Client
	t       *testing.T
	ctx     context.Context
	control *control.Control
	invoker *fakeInvoker
	subnets []string
	group   string
	far     string // a subnet of another VPC
}

// verifier knows the key test/test, the root of the account.
type verifier struct{}

func (verifier) Credential(string, string) (string, cloud.Principal, bool, error) {
	return "test", cloud.Principal{Kind: cloud.PrincipalRoot, Account: account}, false, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := store.NewMemory(cloud.Schema())
	w := &world{t: t, ctx: t.Context(), invoker: &fakeInvoker{ready: true}}
	w.control = control.New(control.Deps{Store: db, Blobs: store.NewMemoryBlobs()}, control.Options{
		Account: account, Region: region,
		Regions:    []control.RegionInfo{{Name: region, Zones: []control.ZoneInfo{{Name: "us-east-1a", ID: "use1-az1"}}}},
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	})
	w.fixture(db)
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	code := lambda.NewCode(web.URL+"/_weir/code", w.control.Code, nil)
	api := wire.NewServer(wire.Config{Verify: verifier{}, Account: account, Region: region})
	api.Add(lambda.New(w.control, w.invoker, lambda.Options{Code: code, CheckRuntime: func(name string) error {
		if strings.HasPrefix(name, "java") {
			return fmt.Errorf("%s cannot run here", name)
		}
		return nil
	}}))
	mux.Handle("/_weir/code/", code)
	mux.Handle("/", api)
	w.Client = sdk.New(sdk.Options{Region: region, BaseEndpoint: &web.URL, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	return w
}

// fixture makes a role, a VPC with two subnets, and another VPC with one.
func (w *world) fixture(db *store.Store) {
	w.t.Helper()
	who := control.Caller{Account: account, Region: region, NewID: ec2.NewID}
	_, err := db.Update(w.ctx, func(tx cloud.Tx) error {
		cloud.Roles.Put(tx, &cloud.Role{Meta: cloud.Meta{Account: account}, Name: "runner", Path: "/service-role/",
			Trust:  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
			Inline: map[string]string{"eni": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`}})
		cloud.Roles.Put(tx, &cloud.Role{Meta: cloud.Meta{Account: account}, Name: "plain", Path: "/",
			Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`})
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	vpc := func(block string) *cloud.VPC {
		v, err := w.control.CreateVPC(w.ctx, who, control.CreateVPC{CIDR: netip.MustParsePrefix(block)})
		if err != nil {
			w.t.Fatal(err)
		}
		return v
	}
	subnet := func(v *cloud.VPC, block string) string {
		s, err := w.control.CreateSubnet(w.ctx, who, control.CreateSubnet{VPC: v.ID, CIDR: netip.MustParsePrefix(block)})
		if err != nil {
			w.t.Fatal(err)
		}
		return string(s.ID)
	}
	main := vpc("10.0.0.0/16")
	w.subnets = []string{subnet(main, "10.0.0.0/24"), subnet(main, "10.0.1.0/24")}
	w.far = subnet(vpc("10.1.0.0/16"), "10.1.0.0/24")
	for g := range cloud.SecurityGroups.By(db.View(), "vpc", string(main.ID)) {
		w.group = string(g.ID)
	}
}

func zipped(t *testing.T, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) creation(name string) *sdk.CreateFunctionInput {
	return &sdk.CreateFunctionInput{FunctionName: &name, Role: aws.String(roleARN), Runtime: types.RuntimePython312,
		Handler: aws.String("index.handler"), Code: &types.FunctionCode{ZipFile: zipped(w.t, "def handler(e, c): return e")}}
}

func (w *world) create(name string, change ...func(*sdk.CreateFunctionInput)) *sdk.CreateFunctionOutput {
	w.t.Helper()
	in := w.creation(name)
	for _, f := range change {
		f(in)
	}
	out, err := w.CreateFunction(w.ctx, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// wantError checks code, status and message; a message that starts with "…" is only looked for.
func wantError(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &resp) {
		t.Fatalf("got %v, want %s", err, code)
	}
	part, only := strings.CutPrefix(message, "…")
	fits := api.ErrorMessage() == message || only && strings.Contains(api.ErrorMessage(), part)
	if api.ErrorCode() != code || resp.HTTPStatusCode() != status || !fits {
		t.Errorf("got %d %s: %s\nwant %d %s: %s", resp.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code, message)
	}
}
