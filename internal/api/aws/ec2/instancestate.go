package ec2

import (
	"context"
	"encoding/base64"

	"weir/internal/cloud"
	"weir/internal/control"
)

// change is the part that Terminate-, Stop- and StartInstances share.
func (a *api) change(ctx context.Context, names []string, f func(context.Context, control.Caller, []cloud.InstanceID) ([]control.InstanceChange, error)) ([]InstanceStateChange, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := instanceIDs(names); err != nil {
		return nil, err
	}
	changes, err := f(ctx, who, ids[cloud.InstanceID](names))
	if err != nil {
		return nil, err
	}
	out := []InstanceStateChange{}
	for _, c := range changes {
		out = append(out, InstanceStateChange{InstanceId: new(string(c.ID)), PreviousState: stateShape(c.Was), CurrentState: stateShape(c.Now)})
	}
	return out, nil
}

func instanceIDs(names []string) error {
	for _, id := range names {
		if !wellFormed(cloud.KindInstance, id) {
			return noSuch(cloud.KindInstance, id)
		}
	}
	return nil
}

func (a *api) terminateInstances(ctx context.Context, in *TerminateInstancesInput) (*TerminateInstancesOutput, error) {
	out, err := a.change(ctx, in.InstanceIds, a.control.TerminateInstances)
	return &TerminateInstancesOutput{TerminatingInstances: out}, err
}

func (a *api) stopInstances(ctx context.Context, in *StopInstancesInput) (*StopInstancesOutput, error) {
	if yes(in.Hibernate) {
		return nil, a.unsupported("Hibernation")
	}
	out, err := a.change(ctx, in.InstanceIds, a.control.StopInstances)
	return &StopInstancesOutput{StoppingInstances: out}, err
}

func (a *api) startInstances(ctx context.Context, in *StartInstancesInput) (*StartInstancesOutput, error) {
	out, err := a.change(ctx, in.InstanceIds, a.control.StartInstances)
	return &StartInstancesOutput{StartingInstances: out}, err
}

func (a *api) rebootInstances(ctx context.Context, in *RebootInstancesInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := instanceIDs(in.InstanceIds); err != nil {
		return nil, err
	}
	return nil, a.control.RebootInstances(ctx, who, ids[cloud.InstanceID](in.InstanceIds))
}

// getConsoleOutput answers what the instance has printed.
func (a *api) getConsoleOutput(ctx context.Context, in *GetConsoleOutputInput) (*GetConsoleOutputOutput, error) {
	i, err := a.readInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &GetConsoleOutputOutput{InstanceId: in.InstanceId, Timestamp: new(i.Launched)}
	text, last := a.console(i.ID)
	if text != "" {
		out.Output, out.Timestamp = new(base64.StdEncoding.EncodeToString([]byte(text))), new(last)
	}
	return out, nil
}

// readInstance is the caller's instance.
func (a *api) readInstance(ctx context.Context, id *string) (*cloud.Instance, error) {
	i, err := read(ctx, a, cloud.Instances, cloud.KindInstance, cloud.InstanceID(*id))
	if err == nil && !control.InstanceShown(i, a.control.Now()) {
		return nil, noSuch(cloud.KindInstance, *id)
	}
	return i, err
}

// describeVolumes answers that there are none: an instance's disk is no resource of its own.
func (a *api) describeVolumes(ctx context.Context, in *DescribeVolumesInput) (*DescribeVolumesOutput, error) {
	if _, err := a.enter(ctx); err != nil {
		return nil, err
	}
	for _, id := range in.VolumeIds {
		return nil, badVolume(id)
	}
	return &DescribeVolumesOutput{Volumes: []Volume{}}, nil
}
