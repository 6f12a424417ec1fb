package fc

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Limits and defaults of asynchronous invocations.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/asynchronous-invocation
const (
	defaultRetries = 3
	maxRetries     = 8
	defaultAge     = 24 * time.Hour
	maxAge         = 7 * 24 * time.Hour
)

func (a *api) putAsyncConfig(ctx context.Context, in *PutAsyncInvokeConfigInput) (*AsyncConfig, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	set := control.EventSettings{Function: fn.Name, Qualifier: neutralQualifier(value(in.Qualifier)), Replace: true,
		Retries: ptr(defaultRetries), MaxAge: ptr(defaultAge), OnSuccess: ptr(""), OnFailure: ptr(""), Tasks: in.AsyncTask}
	if n := in.MaxAsyncRetryAttempts; n != nil {
		if *n < 0 || *n > maxRetries {
			return nil, invalid("maxAsyncRetryAttempts is set to an invalid value: want 0 to %d", maxRetries)
		}
		set.Retries = ptr(int(*n))
	}
	if n := in.MaxAsyncEventAgeInSeconds; n != nil {
		age := time.Duration(*n) * time.Second
		if *n < 1 || age > maxAge {
			return nil, invalid("maxAsyncEventAgeInSeconds is set to an invalid value: want 1 to %d", int(maxAge/time.Second))
		}
		set.MaxAge = &age
	}
	if d := in.DestinationConfig; d != nil {
		for _, end := range []struct {
			in  *Destination
			out **string
		}{{d.OnSuccess, &set.OnSuccess}, {d.OnFailure, &set.OnFailure}} {
			if end.in == nil || value(end.in.Destination) == "" {
				continue
			}
			if err := a.destination(ctx, *end.in.Destination); err != nil {
				return nil, err
			}
			*end.out = end.in.Destination
		}
	}
	cfg, err := a.control.PutEventConfig(ctx, caller(ctx), set)
	if err != nil {
		return nil, err
	}
	return asyncShape(fn, cfg), nil
}

// destination wants another function of the account and region: others of this
// cloud's services are not here.
func (a *api) destination(ctx context.Context, arn string) error {
	call := wire.CallFrom(ctx)
	key, _, ok := ParseDestination(arn)
	if !ok {
		return a.service.Trouble(wire.NotImplemented, "Destination "+arn+" is not implemented: only functions are (acs:fc:<region>:<uid>:functions/<name>).")
	}
	if !strings.HasPrefix(string(key), call.Account+"/"+call.Region+"/") {
		return invalid("destination '%s' is not in this account and region", arn)
	}
	if _, ok := cloud.Functions.Get(a.control.View(), key); !ok {
		return invalid("destination '%s' does not exist", arn)
	}
	return nil
}

// ParseDestination finds the function that a destination's ARN names:
// acs:fc:<region>:<uid>:functions/<name>[/<qualifier>].
func ParseDestination(arn string) (key cloud.FunctionKey, qualifier string, ok bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 5 || parts[0] != "acs" || parts[1] != "fc" {
		return "", "", false
	}
	path := strings.Split(parts[4], "/")
	account, known := access.Account(parts[3])
	if path[0] != "functions" || len(path) < 2 || len(path) > 3 || !known {
		return "", "", false
	}
	if len(path) == 3 {
		qualifier = neutralQualifier(path[2])
	}
	return cloud.MakeFunctionKey(account, parts[2], path[1]), qualifier, true
}

func asyncShape(fn *cloud.Function, cfg *cloud.EventConfig) *AsyncConfig {
	arn := functionARN(fn)
	if cfg.Qualifier != "" && cfg.Qualifier != cloud.Latest {
		arn += "/" + cfg.Qualifier
	}
	out := &AsyncConfig{FunctionArn: &arn, CreatedTime: stamp(cfg.Created), LastModifiedTime: stamp(cfg.Modified), AsyncTask: &cfg.Tasks,
		MaxAsyncRetryAttempts: ptr(int64(defaultRetries)), MaxAsyncEventAgeInSeconds: ptr(int64(defaultAge / time.Second)),
		DestinationConfig: &DestinationConfig{OnSuccess: &Destination{ptr(cfg.OnSuccess)}, OnFailure: &Destination{ptr(cfg.OnFailure)}}}
	if cfg.Retries != nil {
		out.MaxAsyncRetryAttempts = ptr(int64(*cfg.Retries))
	}
	if cfg.MaxAge > 0 {
		out.MaxAsyncEventAgeInSeconds = ptr(int64(cfg.MaxAge / time.Second))
	}
	return out
}

func (a *api) getAsyncConfig(ctx context.Context, in *GetAsyncInvokeConfigInput) (*AsyncConfig, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	cfg, ok := cloud.EventConfigs.Get(a.control.View(), cloud.MakeEventConfigKey(fn.Key, neutralQualifier(value(in.Qualifier))))
	if !ok {
		return nil, noAsyncConfig(fn.Name)
	}
	return asyncShape(fn, cfg), nil
}

func noAsyncConfig(name string) error {
	return &wire.Error{Code: "AsyncConfigNotExists", Status: http.StatusNotFound, Msg: "async config of function '" + name + "' does not exist"}
}

func (a *api) listAsyncConfigs(ctx context.Context, in *ListAsyncInvokeConfigsInput) (*ListAsyncInvokeConfigOutput, error) {
	call := wire.CallFrom(ctx)
	v := a.control.View()
	var all []*cloud.EventConfig
	for fn := range cloud.Functions.By(v, "scope", cloud.Scope(call.Account, call.Region)) {
		if name := value(in.FunctionName); name == "" || name == fn.Name {
			all = slices.AppendSeq(all, cloud.EventConfigs.By(v, "function", string(fn.Key)))
		}
	}
	page, next, err := pageOf(all, in.Limit, in.NextToken, "async "+call.Account+call.Region+value(in.FunctionName), func(c *cloud.EventConfig) string { return string(c.Key) })
	if err != nil {
		return nil, err
	}
	out := &ListAsyncInvokeConfigOutput{Configs: []AsyncConfig{}, NextToken: next}
	for _, c := range page {
		if fn, ok := cloud.Functions.Get(v, c.Function); ok {
			out.Configs = append(out.Configs, *asyncShape(fn, c))
		}
	}
	return out, nil
}

func (a *api) deleteAsyncConfig(ctx context.Context, in *DeleteAsyncInvokeConfigInput) (*DeleteAsyncInvokeConfigOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	err = a.control.DeleteEventConfig(ctx, caller(ctx), fn.Name, neutralQualifier(value(in.Qualifier)))
	if cloud.IsKind(err, cloud.NotFound) {
		return nil, noAsyncConfig(fn.Name)
	}
	return &DeleteAsyncInvokeConfigOutput{}, err
}
