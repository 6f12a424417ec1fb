package ecs

import (
	"context"
	"slices"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
	"weir/internal/control"
)

// states are the vendor's names of the phases. An instance that is being
// released is shown as one that stops.
// https://www.alibabacloud.com/help/en/ecs/user-guide/instance-lifecycle
var states = map[cloud.Phase]string{
	cloud.Pending: "Starting", cloud.Running: "Running", cloud.Stopping: "Stopping", cloud.Stopped: "Stopped", cloud.Terminating: "Stopping", cloud.Terminated: "Stopped",
}

// change is what a request does to instances that are in certain phases.
type change struct {
	from []cloud.Phase
	do   func(ctx context.Context, who control.Caller, ids []cloud.InstanceID) ([]control.InstanceChange, error)
}

func (a *api) starting() change {
	return change{[]cloud.Phase{cloud.Stopped}, a.control.StartInstances}
}

func (a *api) stopping() change {
	return change{[]cloud.Phase{cloud.Running}, a.control.StopInstances}
}

func (a *api) rebooting() change {
	return change{[]cloud.Phase{cloud.Running}, func(ctx context.Context, who control.Caller, ids []cloud.InstanceID) ([]control.InstanceChange, error) {
		err := a.control.RebootInstances(ctx, who, ids)
		return each(ids, func(id cloud.InstanceID) control.InstanceChange {
			return control.InstanceChange{ID: id, Was: cloud.Running, Now: cloud.Pending}
		}), err
	}}
}

// releasing ends instances for good: stopped ones, and with force also those that run.
func (a *api) releasing(force *bool) change {
	from := []cloud.Phase{cloud.Stopped, cloud.Terminating}
	if yes(force) {
		from = append(from, cloud.Pending, cloud.Running, cloud.Stopping)
	}
	return change{from, a.control.TerminateInstances}
}

// apply makes a change to several instances, to all or to none.
func (a *api) apply(ctx context.Context, c change, ids ...string) ([]control.InstanceChange, error) {
	if len(ids) > 100 {
		return nil, resource.Fault("InvalidParameter", "A request names up to 100 instances.")
	}
	var list []cloud.InstanceID
	for _, id := range ids {
		i, err := a.instance(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case !slices.Contains(c.from, i.Phase):
			return nil, wrongState()
		}
		list = append(list, i.ID)
	}
	return c.do(ctx, resource.Caller(ctx), list)
}

func wrongState() error {
	return forbidden("IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
}

// applyEach makes a change to several instances and tells of each. With
// SuccessFirst one that cannot be changed does not keep the others from it.
func (a *api) applyEach(ctx context.Context, c change, mode *string, ids []string) ([]InstanceResponse, error) {
	var done []control.InstanceChange
	switch text(mode) {
	case "", "AllTogether":
		all, err := a.apply(ctx, c, ids...)
		if err != nil {
			return nil, err
		}
		done = all
	case "SuccessFirst":
		var out []InstanceResponse
		for _, id := range ids {
			one, err := a.apply(ctx, c, id)
			if err != nil {
				code, msg := outcome(err)
				out = append(out, InstanceResponse{InstanceId: &id, Code: &code, Message: &msg})
				continue
			}
			out = append(out, changed(one[0]))
		}
		return out, nil
	default:
		return nil, resource.Fault("InvalidParameter", "The specified parameter \"BatchOptimization\" is not valid.")
	}
	return each(done, changed), nil
}

func changed(c control.InstanceChange) InstanceResponse {
	return InstanceResponse{InstanceId: new(string(c.ID)), Code: new("200"), Message: new("success"), PreviousStatus: new(states[c.Was]), CurrentStatus: new(states[c.Now])}
}

func (a *api) startInstance(ctx context.Context, in *StartInstanceInput) (*StartInstanceOutput, error) {
	if err := resource.Refuse(map[string]bool{"InitLocalDisk": yes(in.InitLocalDisk)}); err != nil {
		return nil, err
	}
	_, err := a.apply(ctx, a.starting(), *in.InstanceId)
	return nil, err
}

func (a *api) startInstances(ctx context.Context, in *StartInstancesInput) (*StartInstancesOutput, error) {
	out, err := a.applyEach(ctx, a.starting(), in.BatchOptimization, in.InstanceId)
	return &StartInstancesOutput{InstanceResponses: out}, err
}

// stopInstance stops an instance, always at once.
func (a *api) stopInstance(ctx context.Context, in *StopInstanceInput) (*StopInstanceOutput, error) {
	if err := resource.Refuse(map[string]bool{"Hibernate": yes(in.Hibernate)}); err != nil {
		return nil, err
	}
	_, err := a.apply(ctx, a.stopping(), *in.InstanceId)
	return nil, err
}

func (a *api) stopInstances(ctx context.Context, in *StopInstancesInput) (*StopInstancesOutput, error) {
	out, err := a.applyEach(ctx, a.stopping(), in.BatchOptimization, in.InstanceId)
	return &StopInstancesOutput{InstanceResponses: out}, err
}

func (a *api) rebootInstance(ctx context.Context, in *RebootInstanceInput) (*RebootInstanceOutput, error) {
	_, err := a.apply(ctx, a.rebooting(), *in.InstanceId)
	return nil, err
}

func (a *api) rebootInstances(ctx context.Context, in *RebootInstancesInput) (*RebootInstancesOutput, error) {
	out, err := a.applyEach(ctx, a.rebooting(), in.BatchOptimization, in.InstanceId)
	return &RebootInstancesOutput{InstanceResponses: out}, err
}

func (a *api) deleteInstance(ctx context.Context, in *DeleteInstanceInput) (*DeleteInstanceOutput, error) {
	_, err := a.apply(ctx, a.releasing(force(in.Force, in.ForceStop)), *in.InstanceId)
	return nil, err
}

func (a *api) deleteInstances(ctx context.Context, in *DeleteInstancesInput) (*DeleteInstancesOutput, error) {
	_, err := a.apply(ctx, a.releasing(force(in.Force, in.ForceStop)), in.InstanceId...)
	return nil, err
}

func force(p, q *bool) *bool { return new(yes(p) || yes(q)) }
