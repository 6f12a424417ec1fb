package ec2

import (
	"context"

	"weir/internal/api/wire"
)

func statusShape(i shownInstance) InstanceStatus {
	check := &InstanceStatusSummary{Status: SummaryStatusNotApplicable}
	if i.State.Name == InstanceStateNameRunning {
		check = &InstanceStatusSummary{Status: SummaryStatusOk, Details: []InstanceStatusDetails{{Name: "reachability", Status: StatusTypePassed}}}
	}
	return InstanceStatus{
		InstanceId: i.InstanceId, AvailabilityZone: i.Placement.AvailabilityZone, AvailabilityZoneId: i.Placement.AvailabilityZoneId,
		InstanceState: i.State, InstanceStatus: check, SystemStatus: check, Operator: i.Operator,
	}
}

func reachability(s *InstanceStatusSummary) []string {
	return facts(s.Details, func(d InstanceStatusDetails) []string { return fact(&d.Status) })
}

// statusListing lists what DescribeInstanceStatus tells of instances.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
var statusListing = listing[InstanceStatus]{
	param: "instancesSet",
	id:    func(s InstanceStatus) *string { return s.InstanceId },
	fields: merged(wire.Fields[InstanceStatus]{
		"availability-zone":            func(s InstanceStatus) []string { return fact(s.AvailabilityZone) },
		"availability-zone-id":         func(s InstanceStatus) []string { return fact(s.AvailabilityZoneId) },
		"instance-state-code":          func(s InstanceStatus) []string { return decimal(s.InstanceState.Code) },
		"instance-state-name":          func(s InstanceStatus) []string { return fact(&s.InstanceState.Name) },
		"instance-status.reachability": func(s InstanceStatus) []string { return reachability(s.InstanceStatus) },
		"instance-status.status":       func(s InstanceStatus) []string { return fact(&s.InstanceStatus.Status) },
		"system-status.reachability":   func(s InstanceStatus) []string { return reachability(s.SystemStatus) },
		"system-status.status":         func(s InstanceStatus) []string { return fact(&s.SystemStatus.Status) },
		"operator.managed":             func(s InstanceStatus) []string { return flag(s.Operator.Managed) },
	}, absent[InstanceStatus]("attached-ebs-status.status", "event.code", "event.description", "event.instance-event-id", "event.not-after",
		"event.not-before", "event.not-before-deadline", "operator.principal")),
}

// describeInstanceStatus tells of what runs; of all with IncludeAllInstances.
func (a *api) describeInstanceStatus(ctx context.Context, in *DescribeInstanceStatusInput) (*DescribeInstanceStatusOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, combination("The parameter %s cannot be used with the parameter maxResults", statusListing.param)
	}
	named, err := instanceListing.named(a.shownInstances(who), in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var all []InstanceStatus
	for _, i := range named {
		if i.State.Name == InstanceStateNameRunning || yes(in.IncludeAllInstances) {
			all = append(all, statusShape(i))
		}
	}
	out := &DescribeInstanceStatusOutput{}
	out.InstanceStatuses, out.NextToken, err = statusListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}
