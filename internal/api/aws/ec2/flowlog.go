package ec2

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleFlowLogs(s *wire.Service) {
	wire.Handle(s, "CreateFlowLogs", a.createFlowLogs)
	wire.Handle(s, "DescribeFlowLogs", a.describeFlowLogs)
	wire.Handle(s, "DeleteFlowLogs", a.deleteFlowLogs)
}

// WithPassFlowRole has the caller asked whether they may give a role to the
// service that writes flow logs.
func WithPassFlowRole(f func(ctx context.Context, role string) error) Option {
	return func(a *api) { a.passFlowRole = f }
}

// flowService is who assumes a flow log's role.
const flowService = "vpc-flow-logs.amazonaws.com"

// What is echoed back as it was given.
const (
	attrFlowFormat      = "aws.flow-format"
	attrFlowDestination = "aws.flow-destination"
)

func badFlow(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidParameter", Msg: fmt.Sprintf(format, args...)}
}

// flowResources are the kinds that can be logged, and the parts of their IDs.
var flowResources = map[FlowLogsResourceType]cloud.Resource{
	FlowLogsResourceTypeVPC: cloud.KindVPC, FlowLogsResourceTypeSubnet: cloud.KindSubnet, FlowLogsResourceTypeNetworkInterface: cloud.KindInterface,
}

var flowTraffic = map[TrafficType]cloud.FlowTraffic{
	TrafficTypeACCEPT: cloud.TrafficAccepted, TrafficTypeREJECT: cloud.TrafficRejected, TrafficTypeALL: cloud.TrafficAll,
}

// trafficOf is the reverse.
func trafficOf(t cloud.FlowTraffic) TrafficType {
	for k, v := range flowTraffic {
		if v == t {
			return k
		}
	}
	return ""
}

// flowRequest reads a request for flow logs.
func (a *api) flowRequest(ctx context.Context, who control.Caller, in *CreateFlowLogsInput) (c control.CreateFlowLogs, err error) {
	if c.Labels, err = labels(cloud.KindFlowLog, in.TagSpecifications, in.ClientToken); err != nil {
		return c, err
	}
	kind, ok := flowResources[in.ResourceType]
	if !ok {
		return c, a.unsupported("A flow log of a " + string(in.ResourceType))
	}
	for _, id := range in.ResourceIds {
		c.Resources = append(c.Resources, cloud.Ref{Kind: kind, ID: id})
	}
	if c.Traffic, ok = flowTraffic[in.TrafficType]; !ok {
		return c, missing("trafficType")
	}
	switch number(in.MaxAggregationInterval) {
	case 0, 600:
		c.Interval = 10 * time.Minute
	case 60:
		c.Interval = time.Minute
	default:
		return c, badFlow("Invalid Flow Log Max Aggregation Interval")
	}
	c.Attrs = map[string]string{}
	if err := a.flowDestination(who, in, &c); err != nil {
		return c, err
	}
	format := text(in.LogFormat)
	if format == "" {
		format = defaultFlowFormat
	}
	if c.Columns, c.Version, err = flowColumns(format); err != nil {
		return c, err
	}
	c.Attrs[attrFlowFormat] = format
	c.Role = control.ExecutionRole{ARN: *in.DeliverLogsPermissionArn, Service: flowService}
	if a.passFlowRole != nil {
		return c, a.passFlowRole(ctx, c.Role.ARN)
	}
	return c, nil
}

// flowDestination reads where lines go. Only log groups take them.
func (a *api) flowDestination(who control.Caller, in *CreateFlowLogsInput, c *control.CreateFlowLogs) error {
	group, to := text(in.LogGroupName), text(in.LogDestination)
	switch in.LogDestinationType {
	case "", LogDestinationTypeCloudWatchLogs:
	default:
		if group != "" {
			return badFlow("LogDestination type must be cloud-watch-logs if LogGroupName is provided.")
		}
		return a.unsupported("A flow log to " + string(in.LogDestinationType) + " (to cloud-watch-logs is, and weir up -flow-log-dir writes files)")
	}
	switch {
	case group == "" && to == "":
		return badFlow("LogDestination can't be empty if LogGroupName is not provided.")
	case group != "" && to != "":
		return badFlow("Please only provide LogGroupName or only provide LogDestination.")
	case text(in.DeliverLogsPermissionArn) == "":
		return badFlow("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
	case text(in.DeliverCrossAccountRole) != "":
		return a.unsupported("Delivery of flow logs across accounts")
	case in.DestinationOptions != nil:
		return badFlow("DestinationOptions is only supported for s3 delivery.")
	}
	if to != "" {
		name, ok := strings.CutPrefix(to, "arn:aws:logs:"+who.Region+":"+who.Account+":log-group:")
		name = strings.TrimSuffix(name, ":*")
		if !ok || name == "" || strings.Contains(name, ":") {
			return badFlow("LogDestination: %s is not a log group of this account and Region.", to)
		}
		group = name
		c.Attrs[attrFlowDestination] = to
	}
	c.Group = group
	return nil
}

func (a *api) createFlowLogs(ctx context.Context, in *CreateFlowLogsInput) (*CreateFlowLogsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	c, err := a.flowRequest(ctx, who, in)
	if err != nil {
		return nil, err
	}
	made, failed, err := a.control.CreateFlowLogs(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := &CreateFlowLogsOutput{ClientToken: in.ClientToken, FlowLogIds: []string{}, Unsuccessful: []UnsuccessfulItem{}}
	for _, f := range made {
		out.FlowLogIds = append(out.FlowLogIds, string(f.ID))
	}
	for _, r := range c.Resources {
		if failed[r.ID] != nil {
			e := noSuch(r.Kind, r.ID) // there is no other reason
			out.Unsuccessful = append(out.Unsuccessful, UnsuccessfulItem{ResourceId: new(r.ID), Error: &UnsuccessfulItemError{Code: &e.Code, Message: &e.Msg}})
		}
	}
	return out, nil
}

func (a *api) deleteFlowLogs(ctx context.Context, in *DeleteFlowLogsInput) (*DeleteFlowLogsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]cloud.FlowLogID, len(in.FlowLogIds))
	for i, id := range in.FlowLogIds {
		ids[i] = cloud.FlowLogID(id)
	}
	return &DeleteFlowLogsOutput{Unsuccessful: []UnsuccessfulItem{}}, a.control.DeleteFlowLogs(ctx, who, ids)
}

// FlowLogTrouble is why the lines of a flow log cannot be written, in the
// vendor's words; "" if they can.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
func FlowLogTrouble(c *control.Control, f *cloud.FlowLog) string {
	if f.Role == "" { // of another dialect, which needs none
		return ""
	}
	group := "arn:aws:logs:" + f.Region + ":" + f.Account + ":log-group:" + f.Group
	asks := []control.Ask{{Action: "logs:CreateLogStream", Resource: group + ":log-stream:"}, {Action: "logs:PutLogEvents", Resource: group + ":log-stream:"}}
	if !c.HasLogGroup(f.Account, f.Region, f.Group) {
		asks = append(asks, control.Ask{Action: "logs:CreateLogGroup", Resource: group + ":log-stream:"})
	}
	if !c.RoleMay(c.View(), control.ExecutionRole{ARN: f.Role, Service: flowService}, asks...) {
		return "Access error"
	}
	return ""
}

// FlowLogStream is the log stream of an interface.
func FlowLogStream(f *cloud.FlowLog, eni cloud.InterfaceID) string {
	return string(eni) + "-" + strings.ToLower(string(trafficOf(f.Traffic)))
}

func (a *api) flowLogShape(f *cloud.FlowLog) FlowLog {
	out := FlowLog{
		CreationTime: new(f.Created), DeliverLogsPermissionArn: new(f.Role), DeliverLogsStatus: new("SUCCESS"),
		FlowLogId: new(string(f.ID)), FlowLogStatus: new("ACTIVE"), LogDestination: given(f.Attrs[attrFlowDestination]),
		LogDestinationType: LogDestinationTypeCloudWatchLogs, LogFormat: new(f.Attrs[attrFlowFormat]), LogGroupName: new(f.Group),
		MaxAggregationInterval: new(int32(f.Interval / time.Second)), ResourceId: new(f.Resource.ID),
		Tags: shown(tagList(f.Tags)), TrafficType: trafficOf(f.Traffic),
	}
	if trouble := FlowLogTrouble(a.control, f); trouble != "" {
		out.DeliverLogsStatus, out.DeliverLogsErrorMessage = new("FAILED"), &trouble
	}
	return out
}

var flowLogListing = listing[FlowLog]{
	kind: cloud.KindFlowLog,
	id:   func(f FlowLog) *string { return f.FlowLogId },
	tags: func(f FlowLog) []Tag { return f.Tags },
	fields: wire.Fields[FlowLog]{
		"deliver-log-status":   func(f FlowLog) []string { return fact(f.DeliverLogsStatus) },
		"log-destination-type": func(f FlowLog) []string { return []string{string(f.LogDestinationType)} },
		"flow-log-id":          func(f FlowLog) []string { return fact(f.FlowLogId) },
		"log-group-name":       func(f FlowLog) []string { return fact(f.LogGroupName) },
		"resource-id":          func(f FlowLog) []string { return fact(f.ResourceId) },
		"traffic-type":         func(f FlowLog) []string { return []string{string(f.TrafficType)} },
	},
}

func (a *api) describeFlowLogs(ctx context.Context, in *DescribeFlowLogsInput) (*DescribeFlowLogsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.FlowLogs, cloud.Scope(who.Account, who.Region), a.flowLogShape)
	out := &DescribeFlowLogsOutput{}
	out.FlowLogs, out.NextToken, err = flowLogListing.answer(ctx, all, question{in.FlowLogIds, in.Filter, in.MaxResults, in.NextToken})
	return out, err
}
