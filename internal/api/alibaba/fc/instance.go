package fc

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/invoke"
)

// listInstances shows the active instances of a qualifier, or those that were there
// in a span of time.
// https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-listinstances
func (a *api) listInstances(ctx context.Context, in *ListInstancesInput) (*ListInstancesOutput, error) {
	q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	limit, err := instanceLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	all := a.invoker.Instances(q.Function.Key)
	all = slices.DeleteFunc(all, func(i invoke.Instance) bool { return !instanceWanted(i, q, in) })
	slices.SortFunc(all, func(x, y invoke.Instance) int { return cmp.Or(x.Born.Compare(y.Born), cmp.Compare(x.ID, y.ID)) })
	if after := slices.IndexFunc(all, func(i invoke.Instance) bool { return i.ID == value(in.StartKey) }); after >= 0 {
		all = all[after+1:]
	}
	out := &ListInstancesOutput{Instances: []InstanceInfo{}, RequestId: ptr(wire.CallFrom(ctx).RequestID)}
	for _, i := range all[:min(len(all), limit)] {
		out.Instances = append(out.Instances, instanceShape(i))
	}
	return out, nil
}

func instanceLimit(text *string) (int, error) {
	if value(text) == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(*text)
	if err != nil || n < 1 || n > 1000 {
		return 0, invalid("limit is set to an invalid value: want 1 to 1000")
	}
	return n, nil
}

// instanceWanted tells whether an instance is what a list asks for.
func instanceWanted(i invoke.Instance, q cloud.Qualified, in *ListInstancesInput) bool {
	asked := value(in.Qualifier) != ""
	ofVersion := i.Version == q.Version.Label() || q.Other != nil && i.Version == q.Other.Label()
	past := in.StartTimeMs != nil || in.EndTimeMs != nil || len(in.InstanceStatus) > 0 || len(in.InstanceIds) > 0
	switch {
	case asked && !ofVersion, !asked && !value(in.WithAllActive) && !past && !ofVersion,
		!past && !i.Ended.IsZero(),
		in.EndTimeMs != nil && i.Born.UnixMilli() > *in.EndTimeMs,
		in.StartTimeMs != nil && !i.Ended.IsZero() && i.Ended.UnixMilli() < *in.StartTimeMs,
		len(in.InstanceStatus) > 0 && !slices.Contains(in.InstanceStatus, instanceStatus(i)),
		len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, i.ID):
		return false
	}
	return true
}

func instanceShape(i invoke.Instance) InstanceInfo {
	out := InstanceInfo{InstanceId: ptr(i.ID), Qualifier: ptr(shownQualifier(i.Qualifier)), VersionId: ptr(i.Version), Status: ptr(instanceStatus(i)),
		CreatedTimeMs: ptr(i.Born.UnixMilli()), ResourceType: ptr("OnDemand")}
	if i.Version == cloud.Latest {
		out.VersionId = ptr("0")
	}
	if i.Provisioned {
		out.ResourceType = ptr("Provisioned")
	}
	if !i.Ended.IsZero() {
		out.DestroyedTimeMs = ptr(i.Ended.UnixMilli())
	}
	return out
}

// Statuses of instances; the vendor names none.
const (
	instanceStarting  = "Starting"
	instanceRunning   = "Running" // it takes events, or could
	instanceDestroyed = "Destroyed"
)

func instanceStatus(i invoke.Instance) string {
	switch {
	case !i.Ended.IsZero():
		return instanceDestroyed
	case i.Ready:
		return instanceRunning
	}
	return instanceStarting
}
