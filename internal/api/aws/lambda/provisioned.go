package lambda

import (
	"context"
	"slices"
	"strconv"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

// putProvisionedConcurrencyConfig keeps instances of a published version, or of what
// an alias stands for, ready.
// https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
func (a *api) putProvisionedConcurrencyConfig(ctx context.Context, in *PutProvisionedConcurrencyConfigInput) (*PutProvisionedConcurrencyConfigOutput, error) {
	r, q, err := a.target(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if err := a.provisionable(q); err != nil {
		return nil, err
	}
	p, err := a.control.PutProvision(ctx, caller(ctx, r.account), control.ProvisionSettings{Function: r.name, Qualifier: r.qualifier,
		Target: int(*in.ProvisionedConcurrentExecutions), Total: accountConcurrency, Unreserved: minUnreserved})
	if err != nil {
		return nil, err
	}
	out := PutProvisionedConcurrencyConfigOutput(a.provisionedShape(p))
	return &out, nil
}

// provisionable refuses $LATEST, and versions that have provisioned instances by
// another name.
func (a *api) provisionable(q cloud.Qualified) error {
	number := q.Version.Number
	if number == 0 {
		return invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	}
	v, fn := a.control.View(), q.Function
	if q.Alias != nil {
		if _, taken := cloud.Provisions.Get(v, cloud.MakeProvisionKey(fn.Key, strconv.Itoa(number))); taken {
			return conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
		}
		return nil
	}
	for alias := range cloud.Aliases.By(v, "function", string(fn.Key)) {
		if _, taken := cloud.Provisions.Get(v, cloud.MakeProvisionKey(fn.Key, alias.Name)); taken && alias.Version == number {
			return conflict("Version is pointed by a Provisioned Concurrency alias")
		}
	}
	return nil
}

// provisionedShape shows how far a provision is.
func (a *api) provisionedShape(p *cloud.Provision) GetProvisionedConcurrencyConfigOutput {
	now := a.invoker.Provisioned(p)
	out := GetProvisionedConcurrencyConfigOutput{
		RequestedProvisionedConcurrentExecutions: ptr(int32(p.Target)),
		AllocatedProvisionedConcurrentExecutions: ptr(int32(now.Current)),
		AvailableProvisionedConcurrentExecutions: ptr(int32(now.Current)),
		LastModified:                             ptr(p.Modified.UTC().Format(timeForm)),
		Status:                                   ProvisionedConcurrencyStatusEnumINPROGRESS,
	}
	switch {
	case now.Current >= p.Target:
		out.Status = ProvisionedConcurrencyStatusEnumREADY
	case now.Err != nil:
		out.Status, out.StatusReason = ProvisionedConcurrencyStatusEnumFAILED, ptr(failedReason(now))
	}
	return out
}

func unpublished() *wire.Error {
	return invalid("The function resource provided must be an alias or a published version.")
}

func failedReason(p invoke.Provisioned) string {
	if p.FailedInit() {
		return "FUNCTION_ERROR_INIT_FAILURE"
	}
	return p.Err.Error()
}

func (a *api) getProvisionedConcurrencyConfig(ctx context.Context, in *GetProvisionedConcurrencyConfigInput) (*GetProvisionedConcurrencyConfigOutput, error) {
	r, q, err := a.target(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if r.qualifier == cloud.Latest {
		return nil, unpublished()
	}
	p, ok := cloud.Provisions.Get(a.control.View(), cloud.MakeProvisionKey(q.Function.Key, r.qualifier))
	if !ok {
		return nil, &wire.Error{Code: "ProvisionedConcurrencyConfigNotFoundException", Msg: "No Provisioned Concurrency Config found for this function"}
	}
	out := a.provisionedShape(p)
	return &out, nil
}

func (a *api) deleteProvisionedConcurrencyConfig(ctx context.Context, in *DeleteProvisionedConcurrencyConfigInput) (*DeleteProvisionedConcurrencyConfigOutput, error) {
	r, _, err := a.target(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if r.qualifier == cloud.Latest {
		return nil, unpublished()
	}
	err = a.control.DeleteProvision(ctx, caller(ctx, r.account), r.name, r.qualifier)
	if cloud.IsKind(err, cloud.NotFound) { // the vendor deletes what is not there without complaint
		err = nil
	}
	return &DeleteProvisionedConcurrencyConfigOutput{}, err
}

func (a *api) listProvisionedConcurrencyConfigs(ctx context.Context, in *ListProvisionedConcurrencyConfigsInput) (*ListProvisionedConcurrencyConfigsOutput, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	all := slices.Collect(cloud.Provisions.By(a.control.View(), "function", string(fn.Key)))
	page, next, err := wire.Page(all, wire.Paging{Max: in.MaxItems, Token: in.Marker, Default: 50, Scope: "provisioned " + r.arn()}, func(p *cloud.Provision) string { return string(p.Key) })
	if err != nil {
		return nil, err
	}
	out := &ListProvisionedConcurrencyConfigsOutput{ProvisionedConcurrencyConfigs: []ProvisionedConcurrencyConfigListItem{}, NextMarker: next}
	for _, p := range page {
		x := a.provisionedShape(p)
		out.ProvisionedConcurrencyConfigs = append(out.ProvisionedConcurrencyConfigs, ProvisionedConcurrencyConfigListItem{
			FunctionArn: ptr(r.with(p.Qualifier).arn()), Status: x.Status, StatusReason: x.StatusReason, LastModified: x.LastModified,
			RequestedProvisionedConcurrentExecutions: x.RequestedProvisionedConcurrentExecutions,
			AllocatedProvisionedConcurrentExecutions: x.AllocatedProvisionedConcurrentExecutions,
			AvailableProvisionedConcurrentExecutions: x.AvailableProvisionedConcurrentExecutions,
		})
	}
	return out, nil
}
