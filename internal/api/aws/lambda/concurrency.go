package lambda

import (
	"context"
	"errors"
	"strings"

	"weir/internal/cloud"
)

// Concurrency of an account in one region, and what of it must stay unreserved.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
const (
	accountConcurrency = 1000
	minUnreserved      = 100
)

func (a *api) putFunctionConcurrency(ctx context.Context, in *PutFunctionConcurrencyInput) (*Concurrency, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	switch {
	case fn == nil && r.name != "" && r.qualifier == "":
		return nil, notFound(r.with(cloud.Latest))
	case err != nil:
		return nil, err
	case strings.HasSuffix(*in.FunctionName, ":"+cloud.Latest):
		return nil, functionsOnly()
	}
	n := int(*in.ReservedConcurrentExecutions)
	err = a.control.SetReservedConcurrency(ctx, caller(ctx, r.account), r.name, &n, accountConcurrency, minUnreserved)
	var less *cloud.Error
	if errors.As(err, &less) && less.Reason == "provisioned" {
		return nil, invalid(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%s].", n, less.ID)
	}
	if err != nil {
		return nil, err
	}
	return &Concurrency{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, nil
}

func (a *api) getFunctionConcurrency(ctx context.Context, in *GetFunctionConcurrencyInput) (*GetFunctionConcurrencyOutput, error) {
	_, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	out := &GetFunctionConcurrencyOutput{}
	if fn.ReservedConcurrency != nil {
		out.ReservedConcurrentExecutions = ptr(int32(*fn.ReservedConcurrency))
	}
	return out, nil
}

func (a *api) deleteFunctionConcurrency(ctx context.Context, in *DeleteFunctionConcurrencyInput) (*DeleteFunctionConcurrencyOutput, error) {
	r, _, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetReservedConcurrency(ctx, caller(ctx, r.account), r.name, nil, accountConcurrency, minUnreserved)
}
