package ec2_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/cloud"
)

const (
	flowTrust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"vpc-flow-logs.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	flowRole   = "arn:aws:iam::" + account + ":role/flows"
	flowGroup  = "arn:aws:logs:us-east-1:" + account + ":log-group:flows"
	flowFormat = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)

// flowRole makes a role that the service may assume, with a policy.
func (w *world) flowRole(name, trust, policy string) {
	w.Helper()
	_, err := w.store.Update(context.Background(), func(tx cloud.Tx) error {
		cloud.Roles.Put(tx, &cloud.Role{Meta: cloud.Meta{Account: account}, Name: name, Path: "/", Trust: trust, Inline: map[string]string{"p": policy}})
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func flows(resources ...string) *sdk.CreateFlowLogsInput {
	return &sdk.CreateFlowLogsInput{ResourceType: types.FlowLogsResourceTypeVpc, ResourceIds: resources, TrafficType: types.TrafficTypeAll,
		LogGroupName: aws.String("flows"), DeliverLogsPermissionArn: aws.String(flowRole)}
}

func TestFlowLogLife(t *testing.T) {
	w := newWorld(t)
	vpc, subnet := w.network()
	w.flowRole("flows", flowTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"`+flowGroup+`:*"}]}`)
	in := flows(vpc, "vpc-0123456789abcdef0")
	in.ClientToken = aws.String("once")
	in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVpcFlowLog, Tags: []types.Tag{{Key: s("Name"), Value: s("all")}}}}
	out := do(w.CreateFlowLogs(t.Context(), in))
	if len(out.FlowLogIds) != 1 || len(out.Unsuccessful) != 1 {
		t.Fatalf("one VPC is there and one is not: %+v", out)
	}
	u := out.Unsuccessful[0]
	equal(w, "not there", *u.ResourceId+*u.Error.Code, "vpc-0123456789abcdef0InvalidVpcID.NotFound")
	equal(w, "again with the token", do(w.CreateFlowLogs(t.Context(), in)).FlowLogIds[0], out.FlowLogIds[0])

	describe := func(filter, value string) []types.FlowLog {
		return do(w.DescribeFlowLogs(t.Context(), &sdk.DescribeFlowLogsInput{Filter: []types.Filter{{Name: &filter, Values: []string{value}}}})).FlowLogs
	}
	f := describe("resource-id", vpc)[0]
	equal(w, "format", *f.LogFormat, flowFormat)
	equal(w, "interval", *f.MaxAggregationInterval, 600)
	equal(w, "traffic", f.TrafficType, types.TrafficTypeAll)
	equal(w, "destination", *f.LogGroupName+string(f.LogDestinationType), "flowscloud-watch-logs")
	equal(w, "status", *f.FlowLogStatus, "ACTIVE")
	equal(w, "delivery to a group that is not there", *f.DeliverLogsStatus+*f.DeliverLogsErrorMessage, "FAILEDAccess error")
	equal(w, "by tag", len(describe("tag:Name", "all")), 1)
	w.flowRole("flows", flowTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`)
	equal(w, "delivery by a role that may make it", len(describe("deliver-log-status", "SUCCESS")), 1)
	w.refused(failure(w.CreateFlowLogs(t.Context(), flows(vpc))), "FlowLogAlreadyExists", "")

	arn := flows(subnet)
	arn.ResourceType, arn.LogGroupName, arn.LogDestination, arn.MaxAggregationInterval, arn.LogFormat = types.FlowLogsResourceTypeSubnet, nil, aws.String(flowGroup+":*"), aws.Int32(60), aws.String("${srcaddr} ${flow-direction}")
	second := do(w.CreateFlowLogs(t.Context(), arn)).FlowLogIds[0]
	f = describe("flow-log-id", second)[0]
	equal(w, "group by ARN", *f.LogGroupName+*f.LogDestination, "flows"+flowGroup+":*")
	do(w.DeleteFlowLogs(t.Context(), &sdk.DeleteFlowLogsInput{FlowLogIds: []string{second}}))
	w.refused(failure(w.DeleteFlowLogs(t.Context(), &sdk.DeleteFlowLogsInput{FlowLogIds: []string{second}})), "InvalidFlowLogId.NotFound", "")
	w.refused(failure(w.DescribeFlowLogs(t.Context(), &sdk.DescribeFlowLogsInput{FlowLogIds: []string{second}})), "InvalidFlowLogId.NotFound", "")

	do(w.CreateFlowLogs(t.Context(), arn))
	do(w.DeleteSubnet(t.Context(), &sdk.DeleteSubnetInput{SubnetId: &subnet}))
	equal(w, "of a deleted subnet", len(describe("resource-id", subnet)), 0)
}

func TestFlowLogRefusals(t *testing.T) {
	w := newWorld(t)
	vpc, _ := w.network()
	w.flowRole("flows", flowTrust, "{}")
	w.flowRole("lambda", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, "{}")
	for what, c := range map[string]struct {
		change    func(*sdk.CreateFlowLogsInput)
		code, msg string
	}{
		"no destination": {func(in *sdk.CreateFlowLogsInput) { in.LogGroupName = nil }, "InvalidParameter", "LogDestination can't be empty if LogGroupName is not provided."},
		"no role":        {func(in *sdk.CreateFlowLogsInput) { in.DeliverLogsPermissionArn = nil }, "InvalidParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."},
		"unknown role":   {func(in *sdk.CreateFlowLogsInput) { in.DeliverLogsPermissionArn = s(flowRole + "x") }, "InvalidParameter", "Unable to assume given IAM role: '" + flowRole + "x'"},
		"role of others": {func(in *sdk.CreateFlowLogsInput) {
			in.DeliverLogsPermissionArn = s("arn:aws:iam::" + account + ":role/lambda")
		}, "InvalidParameter", ""},
		"interval":             {func(in *sdk.CreateFlowLogsInput) { in.MaxAggregationInterval = aws.Int32(61) }, "InvalidParameter", "Invalid Flow Log Max Aggregation Interval"},
		"no traffic type":      {func(in *sdk.CreateFlowLogsInput) { in.TrafficType = "" }, "MissingParameter", ""},
		"unknown traffic type": {func(in *sdk.CreateFlowLogsInput) { in.TrafficType = "SOME" }, "", ""},
		"unknown field":        {func(in *sdk.CreateFlowLogsInput) { in.LogFormat = s("${srcaddr} ${colour}") }, "InvalidParameter", "Invalid LogFormat. Unknown fields provided: ${colour}"},
		"no field":             {func(in *sdk.CreateFlowLogsInput) { in.LogFormat = s("  ") }, "InvalidParameter", ""},
		"group of others": {func(in *sdk.CreateFlowLogsInput) {
			in.LogGroupName, in.LogDestination = nil, s("arn:aws:logs:us-east-1:210987654321:log-group:x")
		}, "InvalidParameter", ""},
		"both": {func(in *sdk.CreateFlowLogsInput) { in.LogDestination = s(flowGroup) }, "InvalidParameter", ""},
		"S3": {func(in *sdk.CreateFlowLogsInput) {
			in.LogDestinationType, in.LogGroupName, in.LogDestination = "s3", nil, s("arn:aws:s3:::b")
		}, "UnsupportedOperation", ""},
		"S3 with a group": {func(in *sdk.CreateFlowLogsInput) { in.LogDestinationType = "s3" }, "InvalidParameter", "LogDestination type must be cloud-watch-logs if LogGroupName is provided."},
		"transit gateway": {func(in *sdk.CreateFlowLogsInput) { in.ResourceType = "TransitGateway" }, "UnsupportedOperation", ""},
	} {
		in := flows(vpc)
		c.change(in)
		switch err := failure(w.CreateFlowLogs(t.Context(), in)); {
		case err == nil:
			t.Errorf("%s is accepted", what)
		case c.code != "":
			t.Run(what, func(t *testing.T) { (&world{T: t}).refused(err, c.code, c.msg) })
		}
	}
	equal(w, "nothing was made", len(do(w.DescribeFlowLogs(t.Context(), &sdk.DescribeFlowLogsInput{})).FlowLogs), 0)
}
