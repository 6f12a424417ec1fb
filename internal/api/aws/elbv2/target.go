package elbv2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"weir/internal/cloud"
	"weir/internal/control"
)

// targets reads the targets of a request for a group.
func targets(g *cloud.TargetGroup, list []TargetDescription) (out []cloud.Target, err error) {
	for _, d := range list {
		t := cloud.Target{AnyZone: text(d.AvailabilityZone) == "all"}
		if d.Port != nil {
			t.Port = int(*d.Port)
		}
		if g.ByInstance {
			t.Instance = cloud.InstanceID(text(d.Id))
		} else if t.Addr, err = netip.ParseAddr(text(d.Id)); err != nil {
			return nil, invalid("The IP address '" + text(d.Id) + "' is not a valid IPv4 address")
		}
		out = append(out, t)
	}
	return out, nil
}

func (a *api) changeTargets(ctx context.Context, arn *string, list []TargetDescription, f func(context.Context, control.Caller, cloud.TargetGroupID, []cloud.Target) error) error {
	who, err := a.enter(ctx)
	if err != nil {
		return err
	}
	g, err := a.group(ctx, arn)
	if err != nil {
		return err
	}
	t, err := targets(g, list)
	if err != nil {
		return err
	}
	return f(ctx, who, g.ID, t)
}

func (a *api) registerTargets(ctx context.Context, in *RegisterTargetsInput) (*RegisterTargetsOutput, error) {
	return &RegisterTargetsOutput{}, a.changeTargets(ctx, in.TargetGroupArn, in.Targets, a.control.RegisterTargets)
}

func (a *api) deregisterTargets(ctx context.Context, in *DeregisterTargetsInput) (*DeregisterTargetsOutput, error) {
	return &DeregisterTargetsOutput{}, a.changeTargets(ctx, in.TargetGroupArn, in.Targets, a.control.DeregisterTargets)
}

// describeTargetHealth shows a group's targets, or those that are asked for.
func (a *api) describeTargetHealth(ctx context.Context, in *DescribeTargetHealthInput) (*DescribeTargetHealthOutput, error) {
	g, err := a.group(ctx, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	asked, err := targets(g, in.Targets)
	if err != nil {
		return nil, err
	}
	out := &DescribeTargetHealthOutput{TargetHealthDescriptions: []TargetHealthDescription{}}
	for _, t := range g.Targets {
		now := a.control.Now()
		named := func(q cloud.Target) bool {
			return q.Instance == t.Instance && q.Addr == t.Addr && (q.Port == 0 || q.Port == t.Port)
		}
		if len(asked) > 0 && !slices.ContainsFunc(asked, named) || !t.Until.IsZero() && !now.Before(t.Until) {
			continue
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, a.targetShape(g, t))
	}
	for _, q := range asked {
		known := func(t cloud.Target) bool {
			return q.Instance == t.Instance && q.Addr == t.Addr && (q.Port == 0 || q.Port == t.Port)
		}
		if !slices.ContainsFunc(g.Targets, known) {
			out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, TargetHealthDescription{
				Target: description(g, q), TargetHealth: &TargetHealth{State: TargetHealthStateEnumUnused, Reason: TargetHealthReasonEnumTargetNotRegistered, Description: new("Target is not registered to the target group")}})
		}
	}
	return out, nil
}

func description(g *cloud.TargetGroup, t cloud.Target) *TargetDescription {
	d := &TargetDescription{Id: new(t.Addr.String())}
	if g.ByInstance {
		d.Id = new(string(t.Instance))
	}
	if t.Port != 0 {
		d.Port = new(int32(t.Port))
	}
	if t.AnyZone {
		d.AvailabilityZone = new("all")
	}
	return d
}

func (a *api) targetShape(g *cloud.TargetGroup, t cloud.Target) TargetHealthDescription {
	v := a.control.View()
	d := description(g, t)
	port := t.Port
	if g.Health.Port != 0 {
		port = g.Health.Port
	}
	addr, zone, ok := control.TargetAt(v, g, t)
	if !g.ByInstance && zone != "" {
		d.AvailabilityZone = &zone
	}
	out := TargetHealthDescription{Target: d, HealthCheckPort: new(strconv.Itoa(port)), TargetHealth: &TargetHealth{}}
	h := out.TargetHealth
	tell := func(s TargetHealthStateEnum, r TargetHealthReasonEnum, text string) {
		h.State, h.Reason, h.Description = s, r, new(text)
	}
	used := false
	for range cloud.Listeners.By(v, "group", string(g.ID)) {
		used = true
	}
	state, _ := "unused", ""
	if ok {
		state, _ = a.health(g.ID, addr, t.Port)
	}
	switch {
	case !t.Until.IsZero():
		tell(TargetHealthStateEnumDraining, TargetHealthReasonEnumTargetDeregistrationInProgress, "Target deregistration is in progress")
	case !ok:
		tell(TargetHealthStateEnumUnused, TargetHealthReasonEnumTargetInvalidState, "Target is in the stopped or terminated state")
	case !used:
		tell(TargetHealthStateEnumUnused, TargetHealthReasonEnumTargetNotInUse, "Target group is not configured to receive traffic from the load balancer")
	case state == "unused":
		tell(TargetHealthStateEnumUnused, TargetHealthReasonEnumTargetNotInUse, "Target is in an Availability Zone that is not enabled for the load balancer")
	case state == "initial":
		tell(TargetHealthStateEnumInitial, TargetHealthReasonEnumElbInitialHealthChecking, "Initial health checks in progress")
	case state == "unhealthy":
		tell(TargetHealthStateEnumUnhealthy, TargetHealthReasonEnumTargetFailedHealthChecks, "Health checks failed")
	default:
		h.State = TargetHealthStateEnumHealthy
	}
	return out
}
