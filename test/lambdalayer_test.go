package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestLambdaLayersProvisioned: a function imports from its layers, the later over the
// earlier, in an instance that was provisioned before the first event.
// https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
func TestLambdaLayersProvisioned(t *testing.T) {
	t.Parallel()
	c := newDaemon(t).root(t)
	layer := func(name string, files map[string]string) string {
		out, err := c.lambda.PublishLayerVersion(c.ctx, &lambda.PublishLayerVersionInput{LayerName: &name, Content: &lambdatypes.LayerVersionContentInput{ZipFile: zipped(files)}})
		c.check(err)
		return *out.LayerVersionArn
	}
	layers := []string{
		layer("lower", map[string]string{"python/both.py": "says = 'lower'", "python/one.py": "says = 'one'"}),
		layer("upper", map[string]string{"python/both.py": "says = 'upper'"}),
	}
	c.python("layered", c.role("layered"), `
import os, both, one
def handler(event, context):
    return " ".join([both.says, one.says, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]])
`, place{}, func(in *lambda.CreateFunctionInput) { in.Layers = layers })
	version, err := c.lambda.PublishVersion(c.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("layered")})
	c.check(err)
	_, err = c.lambda.PutProvisionedConcurrencyConfig(c.ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: aws.String("layered"), Qualifier: version.Version, ProvisionedConcurrentExecutions: aws.Int32(1)})
	c.check(err)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got, err := c.lambda.GetProvisionedConcurrencyConfig(c.ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("layered"), Qualifier: version.Version})
		c.check(err)
		if got.Status == lambdatypes.ProvisionedConcurrencyStatusEnumReady {
			break
		}
		if time.Now().After(end) || got.Status == lambdatypes.ProvisionedConcurrencyStatusEnumFailed {
			t.Fatalf("provisioned: %+v", got)
		}
	}
	for name, want := range map[string]string{"layered:" + *version.Version: "provisioned-concurrency", "layered": "on-demand"} {
		if got := c.invoke(name, nil); got.payload != fmt.Sprintf("%q", "upper one "+want) {
			t.Errorf("%s: %s %s\n%s", name, got.payload, got.fault, got.log)
		}
	}
}
