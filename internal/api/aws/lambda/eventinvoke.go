package lambda

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func noEventConfig(r ref) *wire.Error {
	if r.qualifier == "" {
		r.qualifier = cloud.Latest
	}
	return &wire.Error{Code: "ResourceNotFoundException", Msg: fmt.Sprintf("The function %s doesn't have an EventInvokeConfig", r.arn())}
}

func (a *api) putEventInvokeConfig(ctx context.Context, in *PutFunctionEventInvokeConfigInput) (*FunctionEventInvokeConfig, error) {
	if in.MaximumRetryAttempts == nil && in.MaximumEventAgeInSeconds == nil && in.DestinationConfig == nil {
		return nil, invalid("You must specify at least one of error handling or destination setting.")
	}
	return a.eventConfig(ctx, (*UpdateFunctionEventInvokeConfigInput)(in), true)
}

func (a *api) updateEventInvokeConfig(ctx context.Context, in *UpdateFunctionEventInvokeConfigInput) (*FunctionEventInvokeConfig, error) {
	return a.eventConfig(ctx, in, false)
}

func (a *api) eventConfig(ctx context.Context, in *UpdateFunctionEventInvokeConfigInput, replace bool) (*FunctionEventInvokeConfig, error) {
	r, _, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	s := control.EventSettings{Function: r.name, Qualifier: r.qualifier, Replace: replace}
	if in.MaximumRetryAttempts != nil {
		s.Retries = ptr(int(*in.MaximumRetryAttempts))
	}
	if in.MaximumEventAgeInSeconds != nil {
		s.MaxAge = ptr(time.Duration(*in.MaximumEventAgeInSeconds) * time.Second)
	}
	if d := in.DestinationConfig; d != nil {
		if d.OnSuccess != nil {
			s.OnSuccess = ptr(value(d.OnSuccess.Destination))
		}
		if d.OnFailure != nil {
			s.OnFailure = ptr(value(d.OnFailure.Destination))
		}
		for _, arn := range []*string{s.OnSuccess, s.OnFailure} {
			if err := a.checkDestination(r, value(arn)); err != nil {
				return nil, err
			}
		}
	}
	cfg, err := a.control.PutEventConfig(ctx, caller(ctx, r.account), s)
	if err != nil {
		return nil, err
	}
	return eventConfiguration(r, cfg), nil
}

// checkDestination accepts another function; queues, topics, buses and buckets do not exist here yet.
func (a *api) checkDestination(from ref, arn string) error {
	if arn == "" {
		return nil
	}
	if !strings.HasPrefix(arn, "arn:aws:lambda:") {
		return a.refused("Destination %s is not implemented: only Lambda functions can be destinations.", arn)
	}
	to, err := parseRefFor(from.account, from.region, arn, "")
	if err != nil {
		return err
	}
	if to.key() == from.key() {
		return invalid("You can't specify the function as a destination for itself.")
	}
	if _, err := cloud.Resolve(a.control.View(), to.key(), to.qualifier); err != nil {
		return invalid("The destination ARN %s is invalid.", arn)
	}
	return nil
}

func eventConfiguration(r ref, cfg *cloud.EventConfig) *FunctionEventInvokeConfig {
	qualifier := cfg.Qualifier
	if qualifier == "" {
		qualifier = cloud.Latest
	}
	out := &FunctionEventInvokeConfig{
		FunctionArn:       ptr(r.with(qualifier).arn()),
		LastModified:      ptr(cfg.Modified),
		DestinationConfig: &DestinationConfig{OnSuccess: &OnSuccess{Destination: optional(cfg.OnSuccess)}, OnFailure: &OnFailure{Destination: optional(cfg.OnFailure)}},
	}
	if cfg.Retries != nil {
		out.MaximumRetryAttempts = ptr(int32(*cfg.Retries))
	}
	if cfg.MaxAge > 0 {
		out.MaximumEventAgeInSeconds = ptr(int32(cfg.MaxAge / time.Second))
	}
	return out
}

func (a *api) getEventInvokeConfig(ctx context.Context, in *GetFunctionEventInvokeConfigInput) (*FunctionEventInvokeConfig, error) {
	r, _, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil && r.name != "" {
		return nil, noEventConfig(r)
	}
	if err != nil {
		return nil, err
	}
	cfg, ok := cloud.EventConfigs.Get(a.control.View(), cloud.MakeEventConfigKey(r.key(), r.qualifier))
	if !ok {
		return nil, noEventConfig(r)
	}
	return eventConfiguration(r, cfg), nil
}

func (a *api) listEventInvokeConfigs(ctx context.Context, in *ListFunctionEventInvokeConfigsInput) (*ListFunctionEventInvokeConfigsOutput, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	all := slices.Collect(cloud.EventConfigs.By(a.control.View(), "function", string(fn.Key)))
	page, next, err := wire.Page(all, wire.Paging{Max: in.MaxItems, Token: in.Marker, Default: 50, Scope: "event-configs " + r.arn()},
		func(c *cloud.EventConfig) string { return string(c.Key) })
	if err != nil {
		return nil, err
	}
	out := &ListFunctionEventInvokeConfigsOutput{FunctionEventInvokeConfigs: []FunctionEventInvokeConfig{}, NextMarker: next}
	for _, cfg := range page {
		out.FunctionEventInvokeConfigs = append(out.FunctionEventInvokeConfigs, *eventConfiguration(r, cfg))
	}
	return out, nil
}

func (a *api) deleteEventInvokeConfig(ctx context.Context, in *DeleteFunctionEventInvokeConfigInput) (*DeleteFunctionEventInvokeConfigOutput, error) {
	r, _, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if err := a.control.DeleteEventConfig(ctx, caller(ctx, r.account), r.name, r.qualifier); cloud.IsKind(err, cloud.NotFound) {
		return nil, noEventConfig(r)
	} else if err != nil {
		return nil, err
	}
	return nil, nil
}
