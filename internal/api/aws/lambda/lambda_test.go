package lambda_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"weir/internal/cloud"
	"weir/internal/invoke"
)

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
		{"too large a zip", func(in *input) { in.Code.ZipFile = make([]byte, 50<<20+1) }, 413, "RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes"},
		{"no role", func(in *input) { in.Role = aws.String("arn:aws:iam::000000000000:role/nobody") }, 400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."},
		{"role without ENI permissions", func(in *input) {
			in.Role, in.VpcConfig = aws.String("arn:aws:iam::000000000000:role/plain"), vpc([]string{w.group}, w.subnets[0])
		}, 400, "InvalidParameterValueException", "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"},
		{"no handler", func(in *input) { in.Handler = nil }, 400, "InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		{"unknown runtime", func(in *input) { in.Runtime = "python1.0" }, 400, "InvalidParameterValueException", "…Value python1.0 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "},
		{"runtime that cannot run", func(in *input) { in.Runtime = types.RuntimeJava21 }, 400, "InvalidParameterValueException", "java21 cannot run here"},
		{"runtime of former days", func(in *input) { in.Runtime = types.RuntimePython37 }, 400, "InvalidParameterValueException", "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."},
		{"long name", func(in *input) { in.FunctionName = aws.String(strings.Repeat("a", 65)) }, 400, "InvalidParameterValueException", "1 validation error detected: Value '" + strings.Repeat("a", 65) + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"large letters", func(in *input) { in.Architectures = []types.Architecture{"X86_64"} }, 400, "ValidationException", "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"},
		{"little memory", func(in *input) { in.MemorySize = aws.Int32(64) }, 400, "ValidationException", "…Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"},
		{"much memory", func(in *input) { in.MemorySize = aws.Int32(10241) }, 400, "InvalidParameterValueException", "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"},
		{"long timeout", func(in *input) { in.Timeout = aws.Int32(901) }, 400, "ValidationException", "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"},
		{"reserved variable", func(in *input) {
			in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x", "OK": "y"}}
		}, 400, "InvalidParameterValueException", "…Reserved keys used in this request: AWS_REGION"},
		{"large environment", func(in *input) {
			in.Environment = &types.Environment{Variables: map[string]string{"LONG": strings.Repeat("x", 4096)}}
		}, 400, "InvalidParameterValueException", "…exceeded the 4KB limit"},
		{"layers of elsewhere", func(in *input) {
			in.Layers = []string{"arn:aws:lambda:eu-west-1:000000000000:layer:l:1"}
		}, 400, "InvalidParameterValueException", "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."},
		{"layers", func(in *input) {
			in.Layers = []string{"arn:aws:lambda:us-east-1:000000000000:layer:l:1"}
		}, 400, "InvalidParameterValueException", "Layer version arn:aws:lambda:us-east-1:000000000000:layer:l:1 does not exist."},
		{"image and runtime", func(in *input) {
			in.PackageType, in.Code = types.PackageTypeImage, &types.FunctionCode{ImageUri: aws.String("x")}
		}, 400, "InvalidParameterValueException", "Please don't provide handler or runtime or layer when the packageType is Image."},
		{"image without one", func(in *input) {
			in.PackageType, in.Runtime, in.Handler = types.PackageTypeImage, "", nil
		}, 400, "InvalidParameterValueException", "Please don't provide ZipFile or S3Bucket when the packageType is Image."},
		{"image in a zip", func(in *input) { in.Code = &types.FunctionCode{ImageUri: aws.String("x")} }, 400, "InvalidParameterValueException", "Please don't provide ImageUri when the packageType is Zip."},
		{"image settings of a zip", func(in *input) { in.ImageConfig = &types.ImageConfig{Command: []string{"x"}} }, 400, "InvalidParameterValueException", "Please don't provide ImageConfig when the packageType is Zip."},
		{"other processor", func(in *input) { in.Architectures = []types.Architecture{types.ArchitectureArm64} }, 501, "NotImplementedException", "…arm64 is not implemented on this machine, which is x86_64"},
		{"subnets alone", func(in *input) { in.VpcConfig = vpc(nil, w.subnets[0]) }, 400, "InvalidParameterValueException", "SubnetIds and SecurityIds must coexist or be both empty list."},
		{"unknown subnet", func(in *input) { in.VpcConfig = vpc([]string{w.group}, "subnet-00000000000000000") }, 400, "InvalidParameterValueException", "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-00000000000000000' does not exist"},
		{"unknown group", func(in *input) { in.VpcConfig = vpc([]string{"sg-00000000000000000"}, w.subnets[0]) }, 400, "InvalidParameterValueException", "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-00000000000000000' does not exist"},
		{"no group and no subnet", func(in *input) {
			in.VpcConfig = vpc([]string{"sg-00000000000000000"}, "subnet-00000000000000000")
		}, 400, "InvalidParameterValueException", "…EC2 Error Code: InvalidGroup.NotFound"},
		{"no subnet's ID", func(in *input) { in.VpcConfig = vpc([]string{w.group}, "bad-format") }, 400, "ValidationException", "1 validation error detected: Value '[bad-format]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"},
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
		{"no function", sdk.InvokeInput{FunctionName: aws.String("g")}, nil, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST"},
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
