package vpc

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/alibaba/sls"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) flowLogs(s *wire.Service) {
	wire.Handle(s, "CreateFlowLog", a.createFlowLog)
	wire.Handle(s, "DescribeFlowLogs", a.describeFlowLogs)
	wire.Handle(s, "ModifyFlowLogAttribute", a.modifyFlowLogAttribute)
	wire.Handle(s, "ActiveFlowLog", a.activeFlowLog)
	wire.Handle(s, "DeactiveFlowLog", a.deactiveFlowLog)
	wire.Handle(s, "DeleteFlowLog", a.deleteFlowLog)
}

// attrFlowIP is whose packets a flow log has: IPv4 or DualStack.
const attrFlowIP = "alibaba.flow-ip-version"

// flowKinds are the kinds of resource that can be logged.
var flowKinds = map[string]cloud.Resource{"VPC": cloud.KindVPC, "VSwitch": cloud.KindSubnet, "NetworkInterface": cloud.KindInterface}

var flowTraffic = map[string]cloud.FlowTraffic{"All": cloud.TrafficAll, "Allow": cloud.TrafficAccepted, "Drop": cloud.TrafficRejected}

// flowColumns are the fields of a line.
// https://www.alibabacloud.com/help/en/sls/vpc
var flowColumns = []cloud.FlowColumn{
	{Title: "version", Value: cloud.FlowVersion}, {Title: "vswitch-id", Value: cloud.FlowSubnet}, {Title: "vm-id", Value: cloud.FlowInstance}, {Title: "vpc-id", Value: cloud.FlowVPC},
	{Title: "account-id", Value: cloud.FlowAccount}, {Title: "eni-id", Value: cloud.FlowInterface}, {Title: "region", Value: cloud.FlowRegion},
	{Title: "srcaddr", Value: cloud.FlowSource}, {Title: "srcport", Value: cloud.FlowSourcePort}, {Title: "dstaddr", Value: cloud.FlowDestination}, {Title: "dstport", Value: cloud.FlowDestPort},
	{Title: "protocol", Value: cloud.FlowProtocol}, {Title: "direction", Value: cloud.FlowDirection}, {Title: "packets", Value: cloud.FlowPackets}, {Title: "bytes", Value: cloud.FlowBytes},
	{Title: "start", Value: cloud.FlowStart}, {Title: "end", Value: cloud.FlowEnd}, {Title: "log-status", Value: cloud.FlowStatus}, {Title: "action", Value: cloud.FlowAction},
	{Title: "tcp-flags", Value: cloud.FlowTCPFlags},
}

// MadeFlowLog tells whether this dialect made a flow log.
func MadeFlowLog(f *cloud.FlowLog) bool { return f.Attrs[attrFlowIP] != "" }

// FlowLogTrouble says, in the vendor's words, why a flow log's lines have nowhere to go; "" if they have.
func FlowLogTrouble(c *control.Control, f *cloud.FlowLog) string {
	project, _ := sls.Names(f.Group)
	switch {
	case !c.HasLogGroup(f.Account, f.Region, sls.GroupName(project, "")):
		return "ProjectNotExist"
	case !c.HasLogGroup(f.Account, f.Region, f.Group):
		return "UnavaliableTarget" // the vendor's spelling
	}
	return ""
}

// FlowFields are the fields of a line; ok is false for one that the log is not to have.
func FlowFields(f *cloud.FlowLog, line string) (fields map[string]string, ok bool) {
	fields = map[string]string{sls.Topic: "flow_log"}
	for i, v := range strings.Split(line, " ") {
		if i < len(f.Columns) {
			fields[f.Columns[i].Title] = v
		}
	}
	if src, err := netip.ParseAddr(fields["srcaddr"]); err == nil && src.Is6() && f.Attrs[attrFlowIP] == "IPv4" {
		return nil, false
	}
	fields["account-id"] = access.UID(f.Account)
	if way, known := map[string]string{"ingress": "in", "egress": "out"}[fields["direction"]]; known {
		fields["direction"] = way
	}
	return fields, true
}

// aggregation reads an interval, in minutes.
func aggregation(n *int64) (time.Duration, error) {
	switch {
	case n == nil:
		return 10 * time.Minute, nil
	case *n == 1, *n == 5, *n == 10:
		return time.Duration(*n) * time.Minute, nil
	}
	return 0, resource.Fault("IllegalParam.AggregationInterval", "The specified AggregationInterval is not valid: it is 1, 5 or 10.")
}

func ipVersion(p *string) (string, error) {
	switch strings.ToUpper(text(p)) {
	case "", "IPV4":
		return "IPv4", nil
	case "DUALSTACK":
		return "DualStack", nil
	}
	return "", resource.Fault("IllegalParam.IpVersion", "The specified IpVersion is not valid: it is IPv4 or DualStack.")
}

// createFlowLog has traffic recorded. Whether its Logstore exists shows when
// lines are delivered, as at the vendor.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createflowlog
func (a *api) createFlowLog(ctx context.Context, in *CreateFlowLogInput) (*CreateFlowLogOutput, error) {
	if err := resource.Refuse(map[string]bool{"LogFormat": text(in.LogFormat) != "", "TrafficPath": len(in.TrafficPath) > 0 && !slices.Equal(in.TrafficPath, []string{"all"})}); err != nil {
		return nil, err
	}
	kind, known := flowKinds[*in.ResourceType]
	traffic, counts := flowTraffic[*in.TrafficType]
	switch {
	case !known:
		return nil, resource.Fault("IllegalParam.ResourceType", "The specified ResourceType is not valid: it is NetworkInterface, VSwitch or VPC.")
	case !counts:
		return nil, resource.Fault("IllegalParam.TrafficType", "The specified TrafficType is not valid: it is All, Allow or Drop.")
	case text(in.ProjectName) == "":
		return nil, resource.Fault("MissingParam.ProjectName", "The parameter ProjectName is mandatory.")
	case text(in.LogStoreName) == "":
		return nil, resource.Fault("MissingParam.LogStoreName", "The parameter LogStoreName is mandatory.")
	}
	interval, err := aggregation(in.AggregationInterval)
	if err != nil {
		return nil, err
	}
	ip, err := ipVersion(in.IpVersion)
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.FlowLogName, Description: in.Description}, in.ResourceGroupId, in.Tag, "IllegalParam.FlowLogName", "IllegalParam.Description")
	if err != nil {
		return nil, err
	}
	labels.Attrs[attrFlowIP] = ip
	made, failed, err := a.control.CreateFlowLogs(ctx, resource.Caller(ctx), control.CreateFlowLogs{
		Labels: labels, Resources: []cloud.Ref{{Kind: kind, ID: *in.ResourceId}}, Traffic: traffic, Interval: interval,
		Columns: flowColumns, Version: 1, Group: sls.GroupName(*in.ProjectName, *in.LogStoreName),
	})
	switch {
	case err != nil:
		return nil, err
	case len(made) == 0:
		return nil, failed[*in.ResourceId]
	}
	return &CreateFlowLogOutput{FlowLogId: new(string(made[0].ID)), ResourceGroupId: new(resource.Group(&made[0].Meta)), Success: new("true")}, nil
}

// flowLog finds one of the caller's flow logs that this dialect made.
func (a *api) flowLog(ctx context.Context, id string) (*cloud.FlowLog, error) {
	if f, ok := cloud.FlowLogs.Get(a.control.View(), cloud.FlowLogID(id)); ok && f.Scope() == resource.Scope(ctx) && MadeFlowLog(f) {
		return f, nil
	}
	return nil, resource.Missing(absent[cloud.KindFlowLog][0], absent[cloud.KindFlowLog][1])
}

func (a *api) flowLogFacts(f *cloud.FlowLog) FlowLog {
	project, logstore := sls.Names(f.Group)
	out := FlowLog{
		FlowLogId: new(string(f.ID)), FlowLogName: new(f.Attrs[resource.AttrName]), Description: new(f.Attrs[resource.AttrDescription]), CreationTime: resource.Time(f.Created),
		ResourceId: &f.Resource.ID, ProjectName: &project, LogStoreName: &logstore, AggregationInterval: new(int64(f.Interval / time.Minute)), IpVersion: new(f.Attrs[attrFlowIP]),
		RegionId: &f.Region, ResourceGroupId: new(resource.Group(&f.Meta)), Status: new("Active"), BusinessStatus: new("Normal"), FlowLogDeliverStatus: new("SUCCESS"),
		FlowLogDeliverErrorMessage: new(""), ServiceType: new(""), TrafficPath: []string{"all"}, Tags: tagList(f.Tags),
	}
	if f.Off {
		out.Status = new("Inactive")
	}
	if trouble := FlowLogTrouble(a.control, f); trouble != "" {
		out.FlowLogDeliverStatus, out.FlowLogDeliverErrorMessage = new("FAILED"), &trouble
	}
	for name, kind := range flowKinds {
		if kind == f.Resource.Kind {
			out.ResourceType = &name
		}
	}
	for name, traffic := range flowTraffic {
		if traffic == f.Traffic {
			out.TrafficType = &name
		}
	}
	return out
}

func (a *api) describeFlowLogs(ctx context.Context, in *DescribeFlowLogsInput) (*DescribeFlowLogsOutput, error) {
	want, err := tags(in.Tags)
	if err != nil {
		return nil, err
	}
	var all []*cloud.FlowLog
	for f := range cloud.FlowLogs.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if !MadeFlowLog(f) {
			continue
		}
		x := a.flowLogFacts(f)
		if matches(in.FlowLogId, *x.FlowLogId) && matches(in.FlowLogName, *x.FlowLogName) && matches(in.Description, *x.Description) && matches(in.LogStoreName, *x.LogStoreName) && matches(in.ProjectName, *x.ProjectName) &&
			matches(in.ResourceId, *x.ResourceId) && matches(in.ResourceType, *x.ResourceType) && matches(in.TrafficType, *x.TrafficType) && matches(in.Status, *x.Status) &&
			matches(in.ResourceGroupId, *x.ResourceGroupId) && matches(in.VpcId, string(f.VPC)) && page.HasTags(f.Tags, want) {
			all = append(all, f)
		}
	}
	newest(all, func(f *cloud.FlowLog) (*cloud.Meta, string) { return &f.Meta, string(f.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 20, Max: 50})
	if err != nil {
		return nil, err
	}
	number := func(n *int64) *string { return new(strconv.FormatInt(*n, 10)) } // the answer has text
	out := &DescribeFlowLogsOutput{Success: new("true"), PageNumber: number(p.Number), PageSize: number(p.Size), TotalCount: number(p.Total), FlowLogs: []FlowLog{}}
	for _, f := range p.Items {
		out.FlowLogs = append(out.FlowLogs, a.flowLogFacts(f))
	}
	return out, nil
}

func (a *api) modifyFlowLogAttribute(ctx context.Context, in *ModifyFlowLogAttributeInput) (*ModifyFlowLogAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{"LogFormat": text(in.LogFormat) != ""}); err != nil {
		return nil, err
	}
	f, err := a.flowLog(ctx, *in.FlowLogId)
	if err != nil {
		return nil, err
	}
	m := control.ModifyFlowLog{}
	if m.Attrs, err = (resource.Described{Name: in.FlowLogName, Description: in.Description}).Attrs("IllegalParam.FlowLogName", "IllegalParam.Description"); err != nil {
		return nil, err
	}
	if in.AggregationInterval != nil {
		interval, err := aggregation(in.AggregationInterval)
		if err != nil {
			return nil, err
		}
		m.Interval = &interval
	}
	if in.IpVersion != nil {
		if m.Attrs[attrFlowIP], err = ipVersion(in.IpVersion); err != nil {
			return nil, err
		}
	}
	return &ModifyFlowLogAttributeOutput{Success: new("true")}, a.control.ModifyFlowLog(ctx, resource.Caller(ctx), f.ID, m)
}

// turn switches a flow log on or off; one that is so already is refused.
func (a *api) turn(ctx context.Context, id string, off bool) error {
	f, err := a.flowLog(ctx, id)
	switch {
	case err != nil:
		return err
	case f.Off == off:
		return resource.Fault("IncorrectStatus.flowlog", "The status of the flow log does not allow this operation.")
	}
	return a.control.ModifyFlowLog(ctx, resource.Caller(ctx), f.ID, control.ModifyFlowLog{Off: &off})
}

func (a *api) activeFlowLog(ctx context.Context, in *ActiveFlowLogInput) (*ActiveFlowLogOutput, error) {
	return &ActiveFlowLogOutput{Success: new("true")}, a.turn(ctx, *in.FlowLogId, false)
}

func (a *api) deactiveFlowLog(ctx context.Context, in *DeactiveFlowLogInput) (*DeactiveFlowLogOutput, error) {
	return &DeactiveFlowLogOutput{Success: new("true")}, a.turn(ctx, *in.FlowLogId, true)
}

func (a *api) deleteFlowLog(ctx context.Context, in *DeleteFlowLogInput) (*DeleteFlowLogOutput, error) {
	f, err := a.flowLog(ctx, *in.FlowLogId)
	if err != nil {
		return nil, err
	}
	return &DeleteFlowLogOutput{Success: new("true")}, a.control.DeleteFlowLogs(ctx, resource.Caller(ctx), []cloud.FlowLogID{f.ID})
}
