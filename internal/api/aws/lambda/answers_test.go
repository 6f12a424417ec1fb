package lambda_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// What AWS answers where one might think otherwise.
func TestAnswers(t *testing.T) {
	w := newWorld(t)
	name := aws.String("f")
	made := w.create("f", func(in *sdk.CreateFunctionInput) {
		in.Publish, in.Environment = true, &types.Environment{Variables: map[string]string{}}
	})
	if *made.FunctionArn != fARN || *made.Version != "1" || made.State != types.StatePending || made.LastUpdateStatus != "" {
		t.Errorf("a creation names no version in the ARN and is pending: %+v", made)
	}
	if made.Environment == nil || len(made.Environment.Variables) != 0 {
		t.Errorf("an environment without variables is one: %+v", made.Environment)
	}
	got, err := w.GetFunction(w.ctx, &sdk.GetFunctionInput{FunctionName: name})
	if err != nil || got.Tags != nil || *got.Configuration.RevisionId == *made.RevisionId {
		t.Errorf("no tags are none, and becoming active is a new revision: %+v %v", got, err)
	}
	describe := func(text string, revision *string) (*sdk.UpdateFunctionConfigurationOutput, error) {
		return w.UpdateFunctionConfiguration(w.ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: name, Description: &text, RevisionId: revision})
	}
	_, err = describe("d", made.RevisionId)
	wantError(t, err, 412, "PreconditionFailedException", "…does not match the latest Revision Id")
	if _, err := describe("d", got.Configuration.RevisionId); err != nil {
		t.Error(err)
	}
	for range 2 { // a description counts as a change, once, whatever the version's own says
		v, err := w.PublishVersion(w.ctx, &sdk.PublishVersionInput{FunctionName: name, Description: aws.String("of the version")})
		if err != nil || *v.Version != "2" {
			t.Fatalf("published %+v %v, want 2", v, err)
		}
	}
	all, err := w.ListFunctions(w.ctx, &sdk.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	if err != nil || len(all.Functions) != 3 || *all.Functions[0].FunctionArn != fARN+":$LATEST" {
		t.Errorf("all versions: %+v %v", all, err)
	}
	updated, err := w.UpdateFunctionCode(w.ctx, &sdk.UpdateFunctionCodeInput{FunctionName: name, ZipFile: zipped(t, "changed"), Publish: true})
	if err != nil || *updated.FunctionArn != fARN+":3" || updated.State != types.StatePending || updated.LastUpdateStatus != "" {
		t.Errorf("a new version is pending: %+v %v", updated, err)
	}
}

func TestWhatIsMissed(t *testing.T) {
	w := newWorld(t)
	w.create("f", func(in *sdk.CreateFunctionInput) { in.Publish = true })
	f, g, latest := aws.String("f"), aws.String("g"), aws.String("$LATEST")
	weighted := func(version string) error {
		_, err := w.CreateAlias(w.ctx, &sdk.CreateAliasInput{FunctionName: f, Name: aws.String("a"), FunctionVersion: aws.String("1"),
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{version: 0.5}}})
		return err
	}
	permit := func(qualifier, principal string) error {
		_, err := w.AddPermission(w.ctx, &sdk.AddPermissionInput{FunctionName: f, Qualifier: &qualifier, StatementId: aws.String("s"),
			Action: aws.String("lambda:InvokeFunction"), Principal: &principal})
		return err
	}
	second := func(_ any, err error) error { return err }
	const none, bad = "ResourceNotFoundException", "InvalidParameterValueException"
	gARN := "arn:aws:lambda:us-east-1:000000000000:function:g"
	for _, tt := range []struct {
		err           error
		code, message string
	}{
		{second(w.UpdateAlias(w.ctx, &sdk.UpdateAliasInput{FunctionName: f, Name: aws.String("a")})), none, "Alias not found: " + fARN + ":a"},
		{second(w.CreateAlias(w.ctx, &sdk.CreateAliasInput{FunctionName: g, Name: aws.String("a"), FunctionVersion: aws.String("1")})), none, "Function not found: " + gARN + ":1"},
		{weighted("10"), none, "Function not found: " + fARN + ":10"},
		{weighted("1"), bad, "Invalid function version 1. Function version 1 is already included in routing configuration."},
		{weighted("$LATEST"), "ValidationException", "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"},
		{permit("a", "s3.amazonaws.com"), none, "Cannot find alias arn: " + fARN + ":a"},
		{permit("1", "invalid.nonaws.com"), bad, "The provided principal was invalid. Please check the principal and try again."},
		{second(w.GetPolicy(w.ctx, &sdk.GetPolicyInput{FunctionName: g})), none, "The resource you requested does not exist."},
		{second(w.RemovePermission(w.ctx, &sdk.RemovePermissionInput{FunctionName: g, StatementId: aws.String("s")})), none, "No policy found for: " + gARN},
		{second(w.PutFunctionConcurrency(w.ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: g, ReservedConcurrentExecutions: aws.Int32(1)})), none, "Function not found: " + gARN + ":$LATEST"},
		{second(w.PutFunctionConcurrency(w.ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: aws.String(fARN + ":$LATEST"), ReservedConcurrentExecutions: aws.Int32(1)})), bad, "…permitted on Lambda functions only"},
		{second(w.GetProvisionedConcurrencyConfig(w.ctx, &sdk.GetProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: latest})), bad, "The function resource provided must be an alias or a published version."},
		{second(w.GetFunctionEventInvokeConfig(w.ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: g})), none, "The function " + gARN + ":$LATEST doesn't have an EventInvokeConfig"},
		{second(w.TagResource(w.ctx, &sdk.TagResourceInput{Resource: aws.String(fARN + ":1"), Tags: map[string]string{"a": "b"}})), bad, "Tags on function aliases and versions are not supported. Please specify a function ARN."},
		{second(w.TagResource(w.ctx, &sdk.TagResourceInput{Resource: aws.String(fARN), Tags: map[string]string{}})), bad, "An error occurred and the request cannot be processed."},
		{second(w.UntagResource(w.ctx, &sdk.UntagResourceInput{Resource: aws.String(fARN), TagKeys: []string{}})), "ValidationException", "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"},
		{second(w.GetLayerVersion(w.ctx, &sdk.GetLayerVersionInput{LayerName: f, VersionNumber: aws.Int64(-1)})), bad, "Layer Version Cannot be less than 1"},
		{second(w.DeleteFunction(w.ctx, &sdk.DeleteFunctionInput{FunctionName: f, Qualifier: aws.String("$latest")})), none, "Function not found: " + fARN},
	} {
		status := map[string]int{none: 404}[tt.code]
		if status == 0 {
			status = 400
		}
		wantError(t, tt.err, status, tt.code, tt.message)
	}
}
