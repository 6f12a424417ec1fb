package fc

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// maxProvisioned is the largest target.
// https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-putprovisionconfig
const maxProvisioned = 10000

func (a *api) putProvision(ctx context.Context, in *PutProvisionConfigInput) (*ProvisionConfig, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if len(in.TargetTrackingPolicies) > 0 {
		return nil, a.service.Trouble(wire.NotImplemented, "targetTrackingPolicies are not implemented.")
	}
	target, err := provisionTarget("defaultTarget", in.DefaultTarget, in.Target)
	if err != nil {
		return nil, err
	}
	plans, err := provisionPlans(in.ScheduledActions)
	if err != nil {
		return nil, err
	}
	kept, err := json.Marshal(provisionKept{in.AlwaysAllocateCPU, in.AlwaysAllocateGPU, in.ScheduledActions})
	if err != nil {
		return nil, err
	}
	p, err := a.control.PutProvision(ctx, caller(ctx), control.ProvisionSettings{Function: fn.Name, Qualifier: neutralQualifier(value(in.Qualifier)),
		Target: target, Plans: plans, Attrs: map[string]string{"fc.provisionConfig": string(kept)}})
	if err != nil {
		return nil, err
	}
	return a.provisionShape(p), nil
}

// provisionKept is what only this product's answers show of a provision.
type provisionKept struct {
	CPU, GPU *bool
	Actions  []ScheduledAction
}

// provisionTarget is the first number that is given.
func provisionTarget(name string, given ...*int64) (int, error) {
	for _, n := range given {
		if n == nil {
			continue
		}
		if *n < 0 || *n > maxProvisioned {
			return 0, invalid("%s is set to an invalid value: want 0 to %d", name, maxProvisioned)
		}
		return int(*n), nil
	}
	return 0, nil
}

func provisionPlans(actions []ScheduledAction) (out []cloud.ProvisionPlan, err error) {
	for _, s := range actions {
		plan := cloud.ProvisionPlan{Name: value(s.Name)}
		if slices.ContainsFunc(out, func(p cloud.ProvisionPlan) bool { return p.Name == plan.Name }) {
			return nil, invalid("scheduledActions has two actions named '%s'", plan.Name)
		}
		if plan.Target, err = provisionTarget("scheduledActions.target", s.Target); err != nil {
			return nil, err
		}
		zone := time.UTC
		if name := value(s.TimeZone); name != "" {
			if zone, err = time.LoadLocation(name); err != nil {
				return nil, invalid("scheduledActions.timeZone '%s' is not known", name)
			}
		}
		for text, at := range map[*string]*time.Time{s.StartTime: &plan.Start, s.EndTime: &plan.End} {
			if *at, err = planTime(value(text), zone); err != nil {
				return nil, err
			}
		}
		kind, rest, _ := strings.Cut(strings.TrimSuffix(value(s.ScheduleExpression), ")"), "(")
		switch kind {
		case "cron":
			plan.Schedule = "CRON_TZ=" + zone.String() + " " + rest
		case "at":
			plan.At, err = planTime(rest, zone)
		}
		if err != nil || plan.Schedule == "" && plan.At.IsZero() {
			return nil, invalid("scheduledActions.scheduleExpression '%s' is invalid: want cron(…) or at(…)", value(s.ScheduleExpression))
		}
		out = append(out, plan)
	}
	return out, nil
}

// planTime reads a time of a zone, or one that says it is UTC; none is zero.
func planTime(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05", text, zone)
	if err != nil {
		return at, invalid("time '%s' is invalid: want one as 2006-01-02T15:04:05Z", text)
	}
	return at, nil
}

// provisionShape shows a provision with how far it is.
func (a *api) provisionShape(p *cloud.Provision) *ProvisionConfig {
	now := a.invoker.Provisioned(p)
	out := &ProvisionConfig{FunctionArn: ptr(qualifiedARN(p.Function, p.Qualifier)), DefaultTarget: ptr(int64(p.Target)), Target: ptr(int64(now.Target)),
		Current: ptr(int64(now.Current)), AlwaysAllocateCPU: ptr(true), ScheduledActions: []ScheduledAction{},
		TargetTrackingPolicies: []TargetTrackingPolicy{}, CurrentError: ptr("")}
	if now.Err != nil {
		out.CurrentError = ptr(now.Err.Error())
	}
	var kept provisionKept
	if json.Unmarshal([]byte(p.Attrs["fc.provisionConfig"]), &kept) == nil {
		if kept.CPU != nil {
			out.AlwaysAllocateCPU = kept.CPU
		}
		out.AlwaysAllocateGPU = kept.GPU
		if kept.Actions != nil {
			out.ScheduledActions = kept.Actions
		}
	}
	return out
}

// qualifiedARN is a function's name with what of it is meant.
func qualifiedARN(key cloud.FunctionKey, qualifier string) string {
	parts := strings.SplitN(string(key), "/", 3)
	return "acs:fc:" + parts[1] + ":" + access.UID(parts[0]) + ":functions/" + parts[2] + "/" + shownQualifier(qualifier)
}

// getProvision shows the configuration of a qualifier; where nothing is provisioned
// it says so by a target of 0.
func (a *api) getProvision(ctx context.Context, in *GetProvisionConfigInput) (*ProvisionConfig, error) {
	q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	qualifier := neutralQualifier(value(in.Qualifier))
	p, ok := cloud.Provisions.Get(a.control.View(), cloud.MakeProvisionKey(q.Function.Key, qualifier))
	if !ok {
		p = &cloud.Provision{Function: q.Function.Key, Qualifier: qualifier}
	}
	return a.provisionShape(p), nil
}

func (a *api) listProvisions(ctx context.Context, in *ListProvisionConfigsInput) (*ListProvisionConfigsOutput, error) {
	call := wire.CallFrom(ctx)
	only := cloud.MakeFunctionKey(call.Account, call.Region, value(in.FunctionName))
	all := slices.Collect(cloud.Provisions.By(a.control.View(), "scope", cloud.Scope(call.Account, call.Region)))
	all = slices.DeleteFunc(all, func(p *cloud.Provision) bool { return value(in.FunctionName) != "" && p.Function != only })
	page, next, err := pageOf(all, in.Limit, in.NextToken, "provision "+string(only), func(p *cloud.Provision) string { return string(p.Key) })
	if err != nil {
		return nil, err
	}
	out := &ListProvisionConfigsOutput{ProvisionConfigs: []ProvisionConfig{}, NextToken: next}
	for _, p := range page {
		out.ProvisionConfigs = append(out.ProvisionConfigs, *a.provisionShape(p))
	}
	return out, nil
}

func (a *api) deleteProvision(ctx context.Context, in *DeleteProvisionConfigInput) (*DeleteProvisionConfigOutput, error) {
	q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	err = a.control.DeleteProvision(ctx, caller(ctx), q.Function.Name, neutralQualifier(value(in.Qualifier)))
	if cloud.IsKind(err, cloud.NotFound) {
		err = nil // there is nothing to give back
	}
	return &DeleteProvisionConfigOutput{}, err
}
