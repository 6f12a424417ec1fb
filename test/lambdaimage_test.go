package test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestLambdaImage runs functions of container images: their programs ask the
// Runtime API, in the network that the function is configured for.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
func TestLambdaImage(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	d := newDaemon(t, "-registry", reg.addr)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	front := c.group(vpc, "front", "", 0)
	back := c.group(vpc, "back", front, 7777)
	first := containerImage(t, map[string]string{"which": "first"}, nil)
	pushed, digest := reg.push("app:1", first)
	reg.push("app:2", containerImage(t, map[string]string{"which": "second"}, nil))
	const repository = "000000000000.dkr.ecr.us-east-1.amazonaws.com/app"
	server := d.attach(t, "-image "+pushed+" -subnet "+subnet+" -security-group "+back+" -ip 10.0.1.50", "greet")
	defer server.Process.Kill()
	role := c.role("imaged")
	make := func(name, uri string, change ...func(*lambda.CreateFunctionInput)) error {
		in := &lambda.CreateFunctionInput{FunctionName: &name, PackageType: lambdatypes.PackageTypeImage, Code: &lambdatypes.FunctionCode{ImageUri: &uri}, Role: &role, Timeout: aws.Int32(10),
			ImageConfig: &lambdatypes.ImageConfig{Command: []string{"handle"}, WorkingDirectory: aws.String("/data")}}
		for _, f := range change {
			f(in)
		}
		_, err := c.lambda.CreateFunction(c.ctx, in)
		return err
	}
	ask := func(name string, question any) map[string]string {
		t.Helper()
		r := c.invoke(name, question)
		answer := map[string]string{}
		if err := json.Unmarshal([]byte(r.payload), &answer); err != nil || r.fault != "" {
			t.Fatalf("%s: %s %s\n%s", name, r.fault, r.payload, r.log)
		}
		return answer
	}
	for _, w := range []struct{ name, uri, want string }{
		{"absent", repository + ":none", "Source image " + repository + ":none does not exist. Provide a valid source image."},
		{"invalid", "UPPER CASE", "Source image UPPER CASE is not valid. Provide a valid source image."},
		{"file", "oci:/etc", "Source image oci:/etc is not valid. Provide a valid source image."},
	} {
		if code, message := apiError(make(w.name, w.uri)); code != "InvalidParameterValueException" || message != w.want {
			t.Errorf("%s: %s %s", w.name, code, message)
		}
	}
	c.check(make("app", repository+":1", func(in *lambda.CreateFunctionInput) {
		in.VpcConfig = &lambdatypes.VpcConfig{SubnetIds: []string{subnet}, SecurityGroupIds: []string{front}}
		in.Environment = &lambdatypes.Environment{Variables: map[string]string{"COLOUR": "blue"}}
	}))
	c.check(c.active("app"))
	got := ask("app", map[string]any{"self": true, "read": []string{"/which", d.data + "/token"}, "connect": map[string]any{"VPC": []any{"10.0.1.50", 7777}}, "fetch": map[string]string{"internet": "http://echo.weir.test/"}})
	for what, want := range map[string]string{"args": "handle", "who": "0 /data", "variable": "blue", "/which": "first", d.data + "/token": "no such file", "VPC": "hello 10.0.1.", "internet": "failed", "env": "app", "key": "ASIA"} {
		if !strings.Contains(got[what], want) {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
	fn, err := c.lambda.GetFunction(c.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("app")})
	c.check(err)
	if f := fn.Configuration; *fn.Code.RepositoryType != "ECR" || *fn.Code.ImageUri != repository+":1" || *fn.Code.ResolvedImageUri != repository+"@"+digest || "sha256:"+*f.CodeSha256 != digest ||
		f.Runtime != "" || f.Handler != nil || f.PackageType != lambdatypes.PackageTypeImage || f.ImageConfigResponse.ImageConfig.Command[0] != "handle" {
		t.Errorf("the function is shown as %s", toJSON(fn))
	}
	// What a tag stands for was decided when the function was made; an update decides anew.
	c.check(make("pinned", repository+":1"))
	c.check(c.active("pinned"))
	reg.push("app:1", containerImage(t, map[string]string{"which": "third"}, nil))
	if got := ask("pinned", map[string]any{"read": []string{"/which"}}); got["/which"] != "first" {
		t.Errorf("after its tag has moved: %v", got)
	}
	update := func(uri string, publish bool) *lambda.UpdateFunctionCodeOutput {
		t.Helper()
		out, err := c.lambda.UpdateFunctionCode(c.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("app"), ImageUri: &uri, Publish: publish})
		c.check(err)
		c.check(lambda.NewFunctionUpdatedV2Waiter(c.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 50 * time.Millisecond }).Wait(c.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("app")}, 30*time.Second))
		return out
	}
	if out := update(repository+":2", true); out.LastUpdateStatus != lambdatypes.LastUpdateStatusInProgress || *out.Version != "1" {
		t.Errorf("an update with a version: %s", toJSON(out))
	}
	for _, name := range []string{"app", "app:1"} {
		if got := ask(name, map[string]any{"read": []string{"/which"}}); got["/which"] != "second" {
			t.Errorf("%s after an update: %v", name, got)
		}
	}
	_, err = c.lambda.UpdateFunctionConfiguration(c.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("app"), ImageConfig: &lambdatypes.ImageConfig{EntryPoint: []string{"/nowhere"}}})
	c.check(err)
	if r := c.invoke("app", map[string]any{}); r.fault != "Unhandled" || !strings.Contains(r.payload, "Runtime.InvalidEntrypoint") {
		t.Errorf("an entry point that is not there: %s %s", r.fault, r.payload)
	}
	_, err = c.lambda.UpdateFunctionCode(c.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("app"), ZipFile: zipped(map[string]string{"main.py": ""})})
	if code, _ := apiError(err); code != "InvalidParameterValueException" {
		t.Errorf("a zip file for a function of an image: %v", err)
	}
}
