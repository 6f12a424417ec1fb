package lambda_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"weir/internal/api/aws/lambda"
	"weir/internal/api/wire"
)

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
	wantError(t, err, 404, "ResourceNotFoundException", "No policy is associated with the given resource.")
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

func TestProvisionedConcurrency(t *testing.T) {
	w := newWorld(t)
	w.create("f")
	name, one := aws.String("f"), aws.String("1")
	put := func(qualifier string, n int32) error {
		_, err := w.PutProvisionedConcurrencyConfig(w.ctx, &sdk.PutProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: &qualifier, ProvisionedConcurrentExecutions: &n})
		return err
	}
	wantError(t, put("$LATEST", 1), 400, "InvalidParameterValueException", "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	if _, err := w.PublishVersion(w.ctx, &sdk.PublishVersionInput{FunctionName: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateAlias(w.ctx, &sdk.CreateAliasInput{FunctionName: name, Name: aws.String("live"), FunctionVersion: one}); err != nil {
		t.Fatal(err)
	}
	wantError(t, put("1", 901), 400, "InvalidParameterValueException", "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	if err := put("1", 2); err != nil {
		t.Fatal(err)
	}
	wantError(t, put("live", 1), 409, "ResourceConflictException", "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
	got, err := w.GetProvisionedConcurrencyConfig(w.ctx, &sdk.GetProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: one})
	if err != nil || got.Status != types.ProvisionedConcurrencyStatusEnumInProgress || *got.RequestedProvisionedConcurrentExecutions != 2 || *got.AllocatedProvisionedConcurrentExecutions != 1 {
		t.Errorf("%+v %v, want one of two, in progress", got, err)
	}
	list, err := w.ListProvisionedConcurrencyConfigs(w.ctx, &sdk.ListProvisionedConcurrencyConfigsInput{FunctionName: name})
	if err != nil || len(list.ProvisionedConcurrencyConfigs) != 1 || *list.ProvisionedConcurrencyConfigs[0].FunctionArn != fARN+":1" {
		t.Errorf("list %+v %v", list, err)
	}
	for range 2 { // again is no error
		if _, err := w.DeleteProvisionedConcurrencyConfig(w.ctx, &sdk.DeleteProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: one}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.GetProvisionedConcurrencyConfig(w.ctx, &sdk.GetProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: one})
	wantError(t, err, 404, "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function")
	if err := put("live", 1); err != nil {
		t.Fatal(err)
	}
	wantError(t, put("1", 1), 409, "ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias")
}

func TestLayers(t *testing.T) {
	w := newWorld(t)
	publish := func(name string, runtimes ...types.Runtime) *sdk.PublishLayerVersionOutput {
		out, err := w.PublishLayerVersion(w.ctx, &sdk.PublishLayerVersionInput{LayerName: &name, Description: aws.String("d"), LicenseInfo: aws.String("MIT"),
			Content: &types.LayerVersionContentInput{ZipFile: zipped(t, name)}, CompatibleRuntimes: runtimes, CompatibleArchitectures: []types.Architecture{types.ArchitectureX8664}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first, second := publish("one", types.RuntimePython312), publish("one")
	other := publish("other")
	if *first.LayerVersionArn != "arn:aws:lambda:us-east-1:000000000000:layer:one:1" || second.Version != 2 || *first.LayerArn != "arn:aws:lambda:us-east-1:000000000000:layer:one" || *first.Content.CodeSha256 == "" {
		t.Errorf("published %+v, %+v", first, second)
	}
	versions, err := w.ListLayerVersions(w.ctx, &sdk.ListLayerVersionsInput{LayerName: first.LayerArn})
	if err != nil || len(versions.LayerVersions) != 2 || versions.LayerVersions[0].Version != 2 {
		t.Errorf("versions %+v %v", versions, err)
	}
	list, err := w.ListLayers(w.ctx, &sdk.ListLayersInput{CompatibleRuntime: types.RuntimePython312})
	if err != nil || len(list.Layers) != 1 || list.Layers[0].LatestMatchingVersion.Version != 1 {
		t.Errorf("layers for a runtime %+v %v", list, err)
	}
	by, err := w.GetLayerVersionByArn(w.ctx, &sdk.GetLayerVersionByArnInput{Arn: first.LayerVersionArn})
	if err != nil || by.Version != 1 || *by.LicenseInfo != "MIT" {
		t.Errorf("by its ARN %+v %v", by, err)
	}
	with := func(arns ...*string) func(*sdk.CreateFunctionInput) {
		return func(in *sdk.CreateFunctionInput) { in.Layers = aws.ToStringSlice(arns) }
	}
	made := w.create("f", with(first.LayerVersionArn, other.LayerVersionArn))
	if len(made.Layers) != 2 || *made.Layers[0].Arn != *first.LayerVersionArn || made.Layers[0].CodeSize == 0 {
		t.Errorf("the function's layers %+v", made.Layers)
	}
	_, err = w.UpdateFunctionConfiguration(w.ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Layers: aws.ToStringSlice([]*string{first.LayerVersionArn, second.LayerVersionArn})})
	wantError(t, err, 400, "InvalidParameterValueException", "Two different versions of the same layer are not allowed to be referenced in the same function. "+*first.LayerVersionArn+" and "+*second.LayerVersionArn+" are versions of the same layer.")
	for range 2 { // again is no error
		if _, err := w.DeleteLayerVersion(w.ctx, &sdk.DeleteLayerVersionInput{LayerName: aws.String("one"), VersionNumber: aws.Int64(1)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.GetLayerVersion(w.ctx, &sdk.GetLayerVersionInput{LayerName: aws.String("one"), VersionNumber: aws.Int64(1)})
	wantError(t, err, 404, "ResourceNotFoundException", "The resource you requested does not exist.")
	fn, err := w.control.Code(w.ctx, *first.Content.CodeSha256) // the function still has it
	if err != nil {
		t.Fatal(err)
	}
	fn.Close()
}
