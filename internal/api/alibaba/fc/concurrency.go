package fc

import (
	"context"
	"net/http"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// accountConcurrency is how many instances an account may have in a region; some
// of them cannot be reserved.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/product-overview/limits-1
const (
	accountConcurrency = 1000
	unreservable       = 100
)

func (a *api) putConcurrency(ctx context.Context, in *PutConcurrencyConfigInput) (*ConcurrencyConfig, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	n := int(value(in.ReservedConcurrency))
	if n < 0 {
		return nil, invalid("reservedConcurrency is set to an invalid value: want 0 or more")
	}
	if err := a.control.SetReservedConcurrency(ctx, caller(ctx), fn.Name, &n, accountConcurrency, unreservable); err != nil {
		return nil, err
	}
	return &ConcurrencyConfig{FunctionArn: ptr(functionARN(fn)), ReservedConcurrency: in.ReservedConcurrency}, nil
}

func (a *api) getConcurrency(ctx context.Context, in *GetConcurrencyConfigInput) (*ConcurrencyConfig, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if fn.ReservedConcurrency == nil {
		return nil, &wire.Error{Code: "OnDemandConfigNotFound", Status: http.StatusNotFound, Msg: "function '" + fn.Name + "' has no concurrency config"}
	}
	return concurrencyShape(fn), nil
}

func concurrencyShape(fn *cloud.Function) *ConcurrencyConfig {
	return &ConcurrencyConfig{FunctionArn: ptr(functionARN(fn)), ReservedConcurrency: ptr(int64(*fn.ReservedConcurrency))}
}

func (a *api) listConcurrency(ctx context.Context, in *ListConcurrencyConfigsInput) (*ListConcurrencyConfigsOutput, error) {
	call := wire.CallFrom(ctx)
	all := slices.Collect(cloud.Functions.By(a.control.View(), "scope", cloud.Scope(call.Account, call.Region)))
	all = slices.DeleteFunc(all, func(fn *cloud.Function) bool {
		return fn.ReservedConcurrency == nil || value(in.FunctionName) != "" && fn.Name != *in.FunctionName
	})
	page, next, err := pageOf(all, in.Limit, in.NextToken, "concurrency "+call.Account+call.Region+value(in.FunctionName), func(fn *cloud.Function) string { return fn.Name })
	if err != nil {
		return nil, err
	}
	out := &ListConcurrencyConfigsOutput{Configs: []ConcurrencyConfig{}, NextToken: next}
	for _, fn := range page {
		out.Configs = append(out.Configs, *concurrencyShape(fn))
	}
	return out, nil
}

func (a *api) deleteConcurrency(ctx context.Context, in *DeleteConcurrencyConfigInput) (*DeleteConcurrencyConfigOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &DeleteConcurrencyConfigOutput{}, a.control.SetReservedConcurrency(ctx, caller(ctx), fn.Name, nil, accountConcurrency, unreservable)
}
