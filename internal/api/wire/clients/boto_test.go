package clients

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	"weir/internal/api/aws/logs"
	"weir/internal/api/wire"
)

// calls is what boto3 does, and what it says it understood.
const calls = `
import boto3, json, os
from botocore.exceptions import ClientError
kw = dict(endpoint_url=os.environ["ENDPOINT"], region_name="ap-northeast-1",
          aws_access_key_id=os.environ["KEY"], aws_secret_access_key=os.environ["SECRET"])
c = lambda name: boto3.client(name, **kw)
out = {}
ec2, iam, logs, lam = c("ec2"), c("iam"), c("logs"), c("lambda")
r = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["a*", "é&"]}], MaxResults=10)
out["vpc"] = [r["NextToken"], r["Vpcs"][0]["VpcId"], r["Vpcs"][0]["Tags"][0]["Value"], r["Vpcs"][0]["IsDefault"]]
out["request"] = len(r["ResponseMetadata"]["RequestId"])
out["subnets"] = ec2.describe_subnets()["Subnets"]
ec2.create_tags(Resources=["vpc-1"], Tags=[{"Key": "k", "Value": ""}])
iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}", Tags=[{"Key": "a", "Value": "b"}])
out["roles"] = iam.list_roles()["Roles"]
out["summary"] = iam.get_account_summary()["SummaryMap"]
out["arn"] = c("sts").get_caller_identity()["Arn"]
out["token"] = logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])["nextSequenceToken"]
out["groups"] = logs.describe_log_groups()["logGroups"]
lam.create_function(FunctionName="f", Role="arn:aws:iam::123456789012:role/r", Code={"ZipFile": b"PK"}, Handler="h.f", Runtime="python3.12", Environment={"Variables": {"AB": "c"}})
r = lam.invoke(FunctionName="f", Payload=b'{"x": 1}', InvocationType="RequestResponse")
out["invoke"] = [r["StatusCode"], r["FunctionError"], r["Payload"].read().decode()]
out["tags"] = lam.list_tags(Resource="arn:aws:lambda:us-east-1:123456789012:function:f")["Tags"]
r = lam.invoke_with_response_stream(FunctionName="f")
out["stream"] = [e.get("PayloadChunk", {}).get("Payload", b"").decode() or e["InvokeComplete"]["ErrorCode"] for e in r["EventStream"]]
def code(f, **k):
    try: f(**k)
    except ClientError as e: return [e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]]
out["errors"] = [code(ec2.delete_vpc, VpcId="vpc-9"), code(iam.get_role, RoleName="x"), code(logs.create_log_group, logGroupName="g"),
    code(lam.get_function, FunctionName="x"), code(ec2.create_volume, AvailabilityZone="us-east-1a"), code(iam.list_users),
    code(logs.describe_queries), code(lam.list_layers), code(lam.list_layer_versions, LayerName="l")]
print(json.dumps(out))
`

// python finds an interpreter that has boto3.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("WEIR_BOTO3_PYTHON"), "python3"} {
		if name != "" && exec.Command(name, "-c", "import boto3").Run() == nil {
			return name
		}
	}
	t.Skip("no python3 with boto3: install boto3, or name an interpreter that has it in WEIR_BOTO3_PYTHON")
	return ""
}

func TestBoto3(t *testing.T) {
	b := newBackend(t, wire.Config{})
	cmd := exec.Command(python(t), "-c", calls)
	cmd.Env = append(os.Environ(), "ENDPOINT="+b.URL, "KEY="+keyID, "SECRET="+secret)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("boto3: %v\n%s", err, stderr.String())
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	same(t, "answers", got, map[string]any{
		"vpc": []any{"more & more", "vpc-1", "<first>", false}, "request": 36.0, "subnets": []any{}, "roles": []any{},
		"summary": map[string]any{"Users": 3.0}, "arn": "arn:aws:iam::123456789012:user/alice", "token": "n", "groups": []any{},
		"invoke": []any{200.0, "Unhandled", `{"a":1}`}, "tags": map[string]any{"a": "b"}, "stream": []any{"chunk", "E"},
		"errors": []any{[]any{"InvalidVpcID.NotFound", 400.0}, []any{"NoSuchEntity", 404.0}, []any{"ResourceAlreadyExistsException", 400.0},
			[]any{"ResourceNotFoundException", 404.0}, []any{"UnsupportedOperation", 400.0}, []any{"InvalidAction", 400.0},
			[]any{"UnknownOperationException", 400.0}, []any{"NotImplementedException", 501.0}, []any{"NotImplementedException", 501.0}},
	})
	same(t, "DescribeVpcs", input[ec2.DescribeVpcsInput](t, b, "DescribeVpcs"),
		&ec2.DescribeVpcsInput{Filters: []ec2.Filter{{Name: ptr("tag:Name"), Values: []string{"a*", "é&"}}}, MaxResults: ptr(int32(10))})
	same(t, "CreateTags", input[ec2.CreateTagsInput](t, b, "CreateTags"),
		&ec2.CreateTagsInput{Resources: []string{"vpc-1"}, Tags: []ec2.Tag{{Key: ptr("k"), Value: ptr("")}}})
	same(t, "CreateRole", input[iam.CreateRoleInput](t, b, "CreateRole"),
		&iam.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: ptr("{}"), Tags: []iam.Tag{{Key: ptr("a"), Value: ptr("b")}}})
	same(t, "PutLogEvents", input[logs.PutLogEventsInput](t, b, "PutLogEvents"),
		&logs.PutLogEventsInput{LogGroupName: ptr("g"), LogStreamName: ptr("s"), LogEvents: []logs.InputLogEvent{{Timestamp: ptr(int64(1)), Message: ptr("m")}}})
	same(t, "Invoke", input[lambda.InvokeInput](t, b, "Invoke"),
		&lambda.InvokeInput{FunctionName: ptr("f"), Payload: []byte(`{"x": 1}`), InvocationType: lambda.InvocationTypeRequestResponse})
}

func TestCLI(t *testing.T) {
	aws, err := exec.LookPath("aws")
	if err != nil || exec.Command(aws, "--version").Run() != nil {
		t.Skip("no aws: install the AWS CLI to run this test")
	}
	b := newBackend(t, wire.Config{})
	run := func(args ...string) string {
		cmd := exec.Command(aws, args...)
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+b.URL, "AWS_ACCESS_KEY_ID="+keyID, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_DEFAULT_REGION=us-east-1")
		out, _ := cmd.CombinedOutput() // what it prints says whether it failed
		return strings.TrimSpace(string(out))
	}
	for want, args := range map[string][]string{
		"vpc-1":              {"ec2", "describe-vpcs", "--filters", "Name=vpc-id,Values=vpc-1", "--query", "Vpcs[0].VpcId", "--output", "text", "--no-paginate"},
		"InvalidVpcID.":      {"ec2", "delete-vpc", "--vpc-id", "vpc-9"},
		"arn:aws:iam::12345": {"sts", "get-caller-identity", "--query", "Arn", "--output", "text"},
	} {
		if got := run(args...); !strings.Contains(got, want) {
			t.Errorf("aws %v: %s, want %s", args, got, want)
		}
	}
}
