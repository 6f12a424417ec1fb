package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
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
	w.Client = sdk.New(sdk.Options{Region: region, BaseEndpoint: &web.URL, RetryMaxAttempts: 1,
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

func TestCreateAndGet(t *testing.T) {
	w := newWorld(t)
	made := w.create("f", func(in *sdk.CreateFunctionInput) {
		in.VpcConfig = &types.VpcConfig{SubnetIds: w.subnets, SecurityGroupIds: []string{w.group}}
		in.Environment = &types.Environment{Variables: map[string]string{"KEY": "v"}}
		in.Tags = map[string]string{"team": "a"}
	})
	if made.State != types.StatePending || made.StateReasonCode != types.StateReasonCodeCreating {
		t.Errorf("created in state %s (%s), want Pending (Creating)", made.State, made.StateReasonCode)
	}
	if aws.ToInt32(made.MemorySize) != 128 || aws.ToInt32(made.Timeout) != 3 || aws.ToInt32(made.EphemeralStorage.Size) != 512 || aws.ToString(made.FunctionArn) != fARN {
		t.Errorf("defaults: %d MB, %d s, %d MB of /tmp, %s", *made.MemorySize, *made.Timeout, *made.EphemeralStorage.Size, *made.FunctionArn)
	}
	if v := made.VpcConfig; !strings.HasPrefix(aws.ToString(v.VpcId), "vpc-") || len(v.SubnetIds) != 2 || aws.ToBool(v.Ipv6AllowedForDualStack) {
		t.Errorf("VpcConfig %+v", v)
	}
	got, err := w.GetFunction(w.ctx, &sdk.GetFunctionInput{FunctionName: aws.String(fARN)})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Configuration
	if c.State != types.StateActive || c.LastUpdateStatus != types.LastUpdateStatusSuccessful || c.Environment.Variables["KEY"] != "v" || got.Tags["team"] != "a" {
		t.Errorf("got %+v", c)
	}
	w.invoker.ready = false
	c2, err := w.GetFunctionConfiguration(w.ctx, &sdk.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
	if err != nil || c2.State != types.StatePending {
		t.Errorf("while the network does not stand: %s, %v; want Pending", c2.State, err)
	}
	w.downloads(aws.ToString(got.Code.Location), aws.ToString(c.CodeSha256))
}

// downloads fetches the archive and checks its digest and the location's signature.
func (w *world) downloads(location, digest string) {
	w.t.Helper()
	resp, err := http.Get(location)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !bytes.Equal(body, zipped(w.t, "def handler(e, c): return e")) {
		w.t.Errorf("code location: %s, %d bytes, %v (sha256 %s)", resp.Status, len(body), err, digest)
	}
	forged, err := http.Get(strings.Replace(location, "Signature=", "Signature=x", 1))
	if err != nil {
		w.t.Fatal(err)
	}
	forged.Body.Close()
	if forged.StatusCode != http.StatusForbidden {
		w.t.Errorf("a forged location: %s, want 403", forged.Status)
	}
}

func TestCreateRefusals(t *testing.T) {
	w := newWorld(t)
	w.create("there")
	vpc := func(groups []string, subnets ...string) *types.VpcConfig {
		return &types.VpcConfig{SubnetIds: subnets, SecurityGroupIds: groups}
	}
	many := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("subnet-%017d", i))
		}
		return ids
	}
	type input = sdk.CreateFunctionInput
	tests := []struct {
		name    string
		change  func(*input)
		status  int
		code    string
		message string
	}{
		{"duplicate", func(in *input) { in.FunctionName = aws.String("there") }, 409, "ResourceConflictException", "Function already exist: there"},
		{"bad zip", func(in *input) { in.Code.ZipFile = []byte("no zip") }, 400, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"no code", func(in *input) { in.Code = &types.FunctionCode{} }, 400, "InvalidParameterValueException", "Please provide a source for function code."},
		{"bucket", func(in *input) {
			in.Code = &types.FunctionCode{S3Bucket: aws.String("code"), S3Key: aws.String("f.zip")}
		}, 400, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"},
		{"too large a zip", func(in *input) { in.Code.ZipFile = make([]byte, 50<<20+1) }, 413, "RequestEntityTooLargeException", "Request must be smaller than 70167211 bytes for the CreateFunction operation"},
		{"no role", func(in *input) { in.Role = aws.String("arn:aws:iam::000000000000:role/nobody") }, 400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."},
		{"role without ENI permissions", func(in *input) {
			in.Role, in.VpcConfig = aws.String("arn:aws:iam::000000000000:role/plain"), vpc([]string{w.group}, w.subnets[0])
		}, 400, "InvalidParameterValueException", "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"},
		{"no handler", func(in *input) { in.Handler = nil }, 400, "InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		{"unknown runtime", func(in *input) { in.Runtime = "python1.0" }, 400, "InvalidParameterValueException", "…Value python1.0 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "},
		{"runtime that cannot run", func(in *input) { in.Runtime = types.RuntimeJava21 }, 400, "InvalidParameterValueException", "java21 cannot run here"},
		{"little memory", func(in *input) { in.MemorySize = aws.Int32(64) }, 400, "ValidationException", "…Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"},
		{"much memory", func(in *input) { in.MemorySize = aws.Int32(10241) }, 400, "InvalidParameterValueException", "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"},
		{"long timeout", func(in *input) { in.Timeout = aws.Int32(901) }, 400, "ValidationException", "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"},
		{"reserved variable", func(in *input) {
			in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x", "OK": "y"}}
		}, 400, "InvalidParameterValueException", "…Reserved keys used in this request: AWS_REGION"},
		{"large environment", func(in *input) {
			in.Environment = &types.Environment{Variables: map[string]string{"LONG": strings.Repeat("x", 4096)}}
		}, 400, "InvalidParameterValueException", "…exceeded the 4KB limit"},
		{"layers", func(in *input) {
			in.Layers = []string{"arn:aws:lambda:us-east-1:000000000000:layer:l:1"}
		}, 501, "NotImplementedException", "…Layers are not implemented"},
		{"image", func(in *input) {
			in.PackageType, in.Code = types.PackageTypeImage, &types.FunctionCode{ImageUri: aws.String("x")}
		}, 501, "NotImplementedException", "…Container images are not implemented"},
		{"other processor", func(in *input) { in.Architectures = []types.Architecture{types.ArchitectureArm64} }, 501, "NotImplementedException", "…arm64 is not implemented on this machine, which is x86_64"},
		{"subnets alone", func(in *input) { in.VpcConfig = vpc(nil, w.subnets[0]) }, 400, "InvalidParameterValueException", "SubnetIds and SecurityIds must coexist or be both empty list."},
		{"unknown subnet", func(in *input) { in.VpcConfig = vpc([]string{w.group}, "subnet-00000000000000000") }, 400, "InvalidParameterValueException", "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-00000000000000000' does not exist"},
		{"unknown group", func(in *input) { in.VpcConfig = vpc([]string{"sg-00000000000000000"}, w.subnets[0]) }, 400, "InvalidParameterValueException", "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-00000000000000000' does not exist"},
		{"two VPCs", func(in *input) { in.VpcConfig = vpc([]string{w.group}, w.subnets[0], w.far) }, 400, "InvalidParameterValueException", "…same VPC"},
		{"17 subnets", func(in *input) { in.VpcConfig = vpc([]string{w.group}, many(17)...) }, 400, "ValidationException", "…length less than or equal to 16"},
		{"6 groups", func(in *input) { in.VpcConfig = vpc(many(6), w.subnets[0]) }, 400, "ValidationException", "…length less than or equal to 5"},
		{"not dual-stack", func(in *input) {
			in.VpcConfig = vpc([]string{w.group}, w.subnets[0])
			in.VpcConfig.Ipv6AllowedForDualStack = aws.Bool(true)
		}, 400, "InvalidParameterValueException", "…not dual-stack"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := w.creation("new")
			tt.change(in)
			_, err := w.CreateFunction(w.ctx, in)
			wantError(t, err, tt.status, tt.code, tt.message)
		})
	}
}

func TestInvoke(t *testing.T) {
	w := newWorld(t)
	w.create("f")
	out, err := w.Invoke(w.ctx, &sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail,
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"custom":{}}`)))})
	if err != nil {
		t.Fatal(err)
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if string(out.Payload) != `{"a":1}` || out.StatusCode != 200 || aws.ToString(out.ExecutedVersion) != "$LATEST" || out.FunctionError != nil || string(log) != "the log\n" {
		t.Errorf("got %d %s, version %v, error %v, log %q", out.StatusCode, out.Payload, aws.ToString(out.ExecutedVersion), out.FunctionError, log)
	}
	if r := w.invoker.asked[0]; r.ARN != fARN || r.ClientContext != `{"custom":{}}` || len(r.RequestID) != 36 || !r.LogTail {
		t.Errorf("asked %+v", r)
	}
	w.invoker.answer = func(invoke.Request) (*invoke.Response, error) {
		return &invoke.Response{Payload: []byte(`{"errorMessage":"no"}`), FunctionError: "Unhandled"}, nil
	}
	out, err = w.Invoke(w.ctx, &sdk.InvokeInput{FunctionName: aws.String("f")})
	if err != nil || aws.ToString(out.FunctionError) != "Unhandled" || out.StatusCode != 200 || string(out.Payload) != `{"errorMessage":"no"}` {
		t.Errorf("a function's own failure: %+v, %v", out, err)
	}
	dry, err := w.Invoke(w.ctx, &sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || dry.StatusCode != 204 {
		t.Errorf("DryRun: %+v, %v", dry, err)
	}
	event, err := w.Invoke(w.ctx, &sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`1`)})
	if err != nil || event.StatusCode != 202 || len(w.invoker.queued) != 1 || string(w.invoker.queued[0].Payload) != "1" {
		t.Errorf("Event: %+v, %v, queued %+v", event, err, w.invoker.queued)
	}
	if len(w.invoker.asked) != 2 {
		t.Errorf("%d invocations ran, want the 2 synchronous ones", len(w.invoker.asked))
	}
}

func TestInvokeRefusals(t *testing.T) {
	w := newWorld(t)
	w.create("f")
	throttle := func(reason string) func(invoke.Request) (*invoke.Response, error) {
		return func(invoke.Request) (*invoke.Response, error) {
			return nil, cloud.Errorf(cloud.Limit, cloud.KindFunction, "f", reason, "full")
		}
	}
	large := append(append([]byte(`"`), bytes.Repeat([]byte("x"), 7<<20)...), '"')
	tests := []struct {
		name    string
		in      sdk.InvokeInput
		answer  func(invoke.Request) (*invoke.Response, error)
		status  int
		code    string
		message string
	}{
		{"no function", sdk.InvokeInput{FunctionName: aws.String("g")}, nil, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g"},
		{"no version", sdk.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("7")}, nil, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:7"},
		{"other region", sdk.InvokeInput{FunctionName: aws.String("arn:aws:lambda:eu-west-1:000000000000:function:f")}, nil, 404, "ResourceNotFoundException", "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
		{"two qualifiers", sdk.InvokeInput{FunctionName: aws.String("f:1"), Qualifier: aws.String("2")}, nil, 400, "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier."},
		{"no JSON", sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{oops")}, nil, 400, "InvalidRequestContentException", "…Could not parse request body into json: Could not parse payload into json: Unexpected character ('o' (code 111))"},
		{"7 MB", sdk.InvokeInput{FunctionName: aws.String("f"), Payload: large}, nil, 413, "RequestEntityTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{"2 MB event", sdk.InvokeInput{FunctionName: aws.String("f"), Payload: append(large[:2<<20:2<<20], '"'), InvocationType: types.InvocationTypeEvent}, nil, 413, "RequestEntityTooLargeException", "Request must be smaller than 1048576 bytes for the InvokeFunction operation"},
		{"reserved", sdk.InvokeInput{FunctionName: aws.String("f")}, throttle(invoke.ThrottledFunction), 429, "TooManyRequestsException", "Rate Exceeded."},
		{"account", sdk.InvokeInput{FunctionName: aws.String("f")}, throttle(invoke.ThrottledAccount), 429, "TooManyRequestsException", "Rate Exceeded."},
		{"no addresses", sdk.InvokeInput{FunctionName: aws.String("f")}, func(invoke.Request) (*invoke.Response, error) {
			return nil, cloud.Errorf(cloud.State, cloud.KindFunction, "f", "no-addresses", "Failed")
		}, 502, "SubnetIPAddressLimitReachedException", "…one or more configured subnets has no available IP addresses."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.invoker.answer = tt.answer
			_, err := w.Invoke(w.ctx, &tt.in)
			wantError(t, err, tt.status, tt.code, tt.message)
			var many *types.TooManyRequestsException
			if errors.As(err, &many) {
				want := map[string]types.ThrottleReason{"reserved": "ReservedFunctionConcurrentInvocationLimitExceeded", "account": "ConcurrentInvocationLimitExceeded"}[tt.name]
				if many.Reason != want {
					t.Errorf("reason %q, want %q", many.Reason, want)
				}
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	w := newWorld(t)
	made := w.create("f")
	if made.VpcConfig != nil {
		t.Errorf("a function without a VPC shows %+v", made.VpcConfig)
	}
	name := aws.String("f")
	up, err := w.UpdateFunctionConfiguration(w.ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: name, MemorySize: aws.Int32(512), Timeout: aws.Int32(10),
		VpcConfig: &types.VpcConfig{SubnetIds: w.subnets, SecurityGroupIds: []string{w.group}}})
	if err != nil {
		t.Fatal(err)
	}
	if up.LastUpdateStatus != types.LastUpdateStatusInProgress || up.State != types.StateActive || *up.MemorySize != 512 || *up.Handler != "index.handler" {
		t.Errorf("update answered %+v", up)
	}
	out, err := w.UpdateFunctionConfiguration(w.ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: name, VpcConfig: &types.VpcConfig{SubnetIds: []string{}, SecurityGroupIds: []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	if out.VpcConfig == nil || aws.ToString(out.VpcConfig.VpcId) != "" || len(out.VpcConfig.SubnetIds) != 0 {
		t.Errorf("after leaving the VPC: %+v", out.VpcConfig)
	}
	_, err = w.UpdateFunctionConfiguration(w.ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: name, RevisionId: made.RevisionId})
	wantError(t, err, 412, "PreconditionFailedException", "…The Revision Id provided does not match the latest Revision Id.")
	code, err := w.UpdateFunctionCode(w.ctx, &sdk.UpdateFunctionCodeInput{FunctionName: name, ZipFile: zipped(t, "new"), Publish: true})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(code.Version) != "1" || aws.ToString(code.FunctionArn) != fARN+":1" || aws.ToString(code.CodeSha256) == aws.ToString(made.CodeSha256) {
		t.Errorf("published %+v", code)
	}
	_, err = w.UpdateFunctionCode(w.ctx, &sdk.UpdateFunctionCodeInput{FunctionName: aws.String("g"), ZipFile: zipped(t, "new")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g")
	del, err := w.DeleteFunction(w.ctx, &sdk.DeleteFunctionInput{FunctionName: name})
	if err != nil || del.StatusCode != 204 {
		t.Errorf("delete: %+v, %v", del, err)
	}
	_, err = w.GetFunction(w.ctx, &sdk.GetFunctionInput{FunctionName: name})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+fARN)
}

func TestVersionsAliasesAndPages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "f"} {
		w.create(name)
	}
	name := aws.String("f")
	for n := range 2 {
		if _, err := w.UpdateFunctionConfiguration(w.ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: name, Description: aws.String(fmt.Sprint(n)), MemorySize: aws.Int32(int32(128 + n))}); err != nil {
			t.Fatal(err)
		}
		v, err := w.PublishVersion(w.ctx, &sdk.PublishVersionInput{FunctionName: name})
		if err != nil || aws.ToString(v.Version) != fmt.Sprint(n+1) {
			t.Fatalf("published %v, %v", v, err)
		}
	}
	var seen []string
	pages := sdk.NewListFunctionsPaginator(w.Client, &sdk.ListFunctionsInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			seen = append(seen, aws.ToString(f.FunctionName))
		}
	}
	if got := strings.Join(seen, " "); got != "a b f" {
		t.Errorf("listed %s, want a b f", got)
	}
	versions, err := w.ListVersionsByFunction(w.ctx, &sdk.ListVersionsByFunctionInput{FunctionName: name})
	if err != nil || len(versions.Versions) != 3 || aws.ToString(versions.Versions[0].FunctionArn) != fARN+":$LATEST" || aws.ToString(versions.Versions[2].Version) != "2" {
		t.Errorf("versions %+v, %v", versions, err)
	}
	alias, err := w.CreateAlias(w.ctx, &sdk.CreateAliasInput{FunctionName: name, Name: aws.String("live"), FunctionVersion: aws.String("1"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}}})
	if err != nil || aws.ToString(alias.AliasArn) != fARN+":live" || alias.RoutingConfig.AdditionalVersionWeights["2"] != 0.5 {
		t.Fatalf("alias %+v, %v", alias, err)
	}
	_, err = w.CreateAlias(w.ctx, &sdk.CreateAliasInput{FunctionName: name, Name: aws.String("live"), FunctionVersion: aws.String("1")})
	wantError(t, err, 409, "ResourceConflictException", "Alias already exists: "+fARN+":live")
	_, err = w.CreateAlias(w.ctx, &sdk.CreateAliasInput{FunctionName: name, Name: aws.String("x"), FunctionVersion: aws.String("9")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+fARN+":9")
	versionsSeen := map[string]int{}
	for range 50 {
		out, err := w.Invoke(w.ctx, &sdk.InvokeInput{FunctionName: name, Qualifier: aws.String("live")})
		if err != nil {
			t.Fatal(err)
		}
		versionsSeen[aws.ToString(out.ExecutedVersion)]++
	}
	if versionsSeen["1"] == 0 || versionsSeen["2"] == 0 || versionsSeen["1"]+versionsSeen["2"] != 50 {
		t.Errorf("50 calls of the alias went to %v, want both versions", versionsSeen)
	}
	_, err = w.GetAlias(w.ctx, &sdk.GetAliasInput{FunctionName: name, Name: aws.String("none")})
	wantError(t, err, 404, "ResourceNotFoundException", "Cannot find alias arn: "+fARN+":none")
	_, err = w.DeleteFunction(w.ctx, &sdk.DeleteFunctionInput{FunctionName: name, Qualifier: aws.String("1")})
	wantError(t, err, 409, "ResourceConflictException", "…alias live")
}

func TestPermissions(t *testing.T) {
	w := newWorld(t)
	w.create("f")
	name := aws.String("f")
	_, err := w.GetPolicy(w.ctx, &sdk.GetPolicyInput{FunctionName: name})
	wantError(t, err, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	add := &sdk.AddPermissionInput{FunctionName: name, StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("s3.amazonaws.com"), SourceAccount: aws.String("123456789012"), SourceArn: aws.String("arn:aws:s3:::bucket")}
	if _, err := w.AddPermission(w.ctx, add); err != nil {
		t.Fatal(err)
	}
	_, err = w.AddPermission(w.ctx, add)
	wantError(t, err, 409, "ResourceConflictException", "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.")
	got, err := w.GetPolicy(w.ctx, &sdk.GetPolicyInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"},"StringEquals":{"AWS:SourceAccount":"123456789012"}}}]}`
	if aws.ToString(got.Policy) != want {
		t.Errorf("got  %s\nwant %s", aws.ToString(got.Policy), want)
	}
	if _, err := w.RemovePermission(w.ctx, &sdk.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s3"), RevisionId: got.RevisionId}); err != nil {
		t.Fatal(err)
	}
	_, err = w.RemovePermission(w.ctx, &sdk.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s3")})
	wantError(t, err, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
}

func TestConcurrencyTagsAndEvents(t *testing.T) {
	w := newWorld(t)
	w.create("f")
	w.create("g")
	name := aws.String("f")
	_, err := w.PutFunctionConcurrency(w.ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(901)})
	wantError(t, err, 400, "InvalidParameterValueException", "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	if _, err := w.PutFunctionConcurrency(w.ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(900)}); err != nil {
		t.Fatal(err)
	}
	settings, err := w.GetAccountSettings(w.ctx, &sdk.GetAccountSettingsInput{})
	if err != nil || settings.AccountLimit.ConcurrentExecutions != 1000 || aws.ToInt32(settings.AccountLimit.UnreservedConcurrentExecutions) != 100 || settings.AccountUsage.FunctionCount != 2 {
		t.Errorf("settings %+v %+v, %v", settings.AccountLimit, settings.AccountUsage, err)
	}
	if _, err := w.TagResource(w.ctx, &sdk.TagResourceInput{Resource: aws.String(fARN), Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UntagResource(w.ctx, &sdk.UntagResourceInput{Resource: aws.String(fARN), TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := w.ListTags(w.ctx, &sdk.ListTagsInput{Resource: aws.String(fARN)})
	if b, _ := json.Marshal(tags.Tags); err != nil || string(b) != `{"b":"2"}` {
		t.Errorf("tags %s, %v", b, err)
	}
	_, err = w.GetFunctionEventInvokeConfig(w.ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: name})
	wantError(t, err, 404, "ResourceNotFoundException", "The function "+fARN+":$LATEST doesn't have an EventInvokeConfig")
	g := "arn:aws:lambda:us-east-1:000000000000:function:g"
	cfg, err := w.PutFunctionEventInvokeConfig(w.ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(0),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &g}}})
	if err != nil || aws.ToInt32(cfg.MaximumRetryAttempts) != 0 || aws.ToString(cfg.DestinationConfig.OnFailure.Destination) != g || aws.ToString(cfg.FunctionArn) != fARN+":$LATEST" {
		t.Errorf("event settings %+v, %v", cfg, err)
	}
	_, err = w.PutFunctionEventInvokeConfig(w.ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: name,
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:sqs:us-east-1:000000000000:q")}}})
	wantError(t, err, 501, "NotImplementedException", "…only Lambda functions can be destinations")
}

func TestWhatTerraformAsks(t *testing.T) {
	w := newWorld(t)
	w.create("f")
	name := aws.String("f")
	if out, err := w.GetFunctionCodeSigningConfig(w.ctx, &sdk.GetFunctionCodeSigningConfigInput{FunctionName: name}); err != nil || out.CodeSigningConfigArn != nil {
		t.Errorf("code signing %+v, %v", out, err)
	}
	if out, err := w.GetRuntimeManagementConfig(w.ctx, &sdk.GetRuntimeManagementConfigInput{FunctionName: name}); err != nil || out.UpdateRuntimeOn != types.UpdateRuntimeOnAuto {
		t.Errorf("runtime management %+v, %v", out, err)
	}
	if out, err := w.GetFunctionRecursionConfig(w.ctx, &sdk.GetFunctionRecursionConfigInput{FunctionName: name}); err != nil || out.RecursiveLoop != types.RecursiveLoopTerminate {
		t.Errorf("recursion %+v, %v", out, err)
	}
	if out, err := w.GetFunctionConcurrency(w.ctx, &sdk.GetFunctionConcurrencyInput{FunctionName: name}); err != nil || out.ReservedConcurrentExecutions != nil {
		t.Errorf("concurrency %+v, %v", out, err)
	}
	_, err := w.GetFunctionUrlConfig(w.ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: name})
	wantError(t, err, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	_, err = w.CreateFunctionUrlConfig(w.ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone})
	wantError(t, err, 501, "NotImplementedException", "…")
}

func TestResources(t *testing.T) {
	call := func(op string) *wire.Call { return &wire.Call{Operation: op, Account: account, Region: region} }
	tests := []struct {
		op     string
		in     any
		action string
		arn    string
	}{
		{"Invoke", &lambda.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("live")}, "lambda:InvokeFunction", fARN + ":live"},
		{"GetFunction", &lambda.GetFunctionInput{FunctionName: aws.String("123456789012:function:f")}, "lambda:GetFunction", "arn:aws:lambda:us-east-1:123456789012:function:f"},
		{"ListFunctions", &lambda.ListFunctionsInput{}, "lambda:ListFunctions", "*"},
		{"TagResource", &lambda.TagResourceInput{Resource: aws.String(fARN)}, "lambda:TagResource", fARN},
	}
	for _, tt := range tests {
		action, arns := lambda.Resources(call(tt.op), tt.in)
		if action != tt.action || len(arns) != 1 || arns[0] != tt.arn {
			t.Errorf("%s: %s on %v, want %s on %s", tt.op, action, arns, tt.action, tt.arn)
		}
	}
}
