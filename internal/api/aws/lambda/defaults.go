package lambda

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/control"
)

// handleDefaults registers what clients ask of every function although most
// have nothing of it: the answer is AWS's for a function without that setting.
func (a *api) handleDefaults(s *wire.Service) {
	wire.Handle(s, "GetFunctionCodeSigningConfig", a.getFunctionCodeSigningConfig)
	wire.Handle(s, "GetRuntimeManagementConfig", a.getRuntimeManagementConfig)
	wire.Handle(s, "PutRuntimeManagementConfig", a.putRuntimeManagementConfig)
	wire.Handle(s, "GetFunctionRecursionConfig", a.getFunctionRecursionConfig)
	wire.Handle(s, "PutFunctionRecursionConfig", a.putFunctionRecursionConfig)
	wire.Handle(s, "GetProvisionedConcurrencyConfig", a.getProvisionedConcurrencyConfig)
	wire.Handle(s, "ListProvisionedConcurrencyConfigs", a.listProvisionedConcurrencyConfigs)
	wire.Handle(s, "PutProvisionedConcurrencyConfig", a.putProvisionedConcurrencyConfig)
	wire.Handle(s, "DeleteProvisionedConcurrencyConfig", a.deleteProvisionedConcurrencyConfig)
	wire.Handle(s, "GetFunctionUrlConfig", a.getFunctionURLConfig)
	wire.Handle(s, "ListFunctionUrlConfigs", a.listFunctionURLConfigs)
	wire.Handle(s, "ListEventSourceMappings", a.listEventSourceMappings)
	wire.Handle(s, "PublishLayerVersion", a.publishLayerVersion)
	wire.Handle(s, "GetLayerVersion", a.getLayerVersion)
	wire.Handle(s, "GetLayerVersionByArn", a.getLayerVersionByARN)
	wire.Handle(s, "ListLayers", a.listLayers)
	wire.Handle(s, "ListLayerVersions", a.listLayerVersions)
	wire.Handle(s, "DeleteLayerVersion", a.deleteLayerVersion)
}

func (a *api) getFunctionCodeSigningConfig(ctx context.Context, in *GetFunctionCodeSigningConfigInput) (*GetFunctionCodeSigningConfigOutput, error) {
	_, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &GetFunctionCodeSigningConfigOutput{FunctionName: ptr(fn.Name)}, nil
}

func (a *api) getRuntimeManagementConfig(ctx context.Context, in *GetRuntimeManagementConfigInput) (*GetRuntimeManagementConfigOutput, error) {
	r, q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := &GetRuntimeManagementConfigOutput{FunctionArn: ptr(r.with(q.Version.Label()).arn()), UpdateRuntimeOn: UpdateRuntimeOnAuto}
	if mode := q.Version.Attrs[attrRuntimePin]; mode != "" {
		out.UpdateRuntimeOn = UpdateRuntimeOn(mode)
	}
	return out, nil
}

// putRuntimeManagementConfig keeps the mode. The runtime is the machine's own
// interpreter and never changes by itself, so every mode means the same here.
func (a *api) putRuntimeManagementConfig(ctx context.Context, in *PutRuntimeManagementConfigInput) (*PutRuntimeManagementConfigOutput, error) {
	r, q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if q.Version.Number != 0 {
		return nil, a.refused("Runtime management of a published version is not implemented.")
	}
	if in.UpdateRuntimeOn == UpdateRuntimeOnManual {
		return nil, a.refused("Runtime management mode Manual is not implemented: there is one version of each runtime.")
	}
	if err := a.keep(ctx, r, attrRuntimePin, string(in.UpdateRuntimeOn)); err != nil {
		return nil, err
	}
	return &PutRuntimeManagementConfigOutput{FunctionArn: ptr(r.with(q.Version.Label()).arn()), UpdateRuntimeOn: in.UpdateRuntimeOn}, nil
}

func (a *api) keep(ctx context.Context, r ref, attr, v string) error {
	_, err := a.control.UpdateFunctionSettings(ctx, caller(ctx, r.account), control.UpdateFunctionSettings{
		Name: r.name, Settings: control.FunctionSettings{Attrs: map[string]string{attr: v}}})
	return err
}

func (a *api) getFunctionRecursionConfig(ctx context.Context, in *GetFunctionRecursionConfigInput) (*GetFunctionRecursionConfigOutput, error) {
	_, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	mode := RecursiveLoopTerminate
	if set := fn.Latest.Attrs[attrRecursion]; set != "" {
		mode = RecursiveLoop(set)
	}
	return &GetFunctionRecursionConfigOutput{RecursiveLoop: mode}, nil
}

// putFunctionRecursionConfig keeps the mode; loops over queues and topics, which
// it is about, cannot happen while there are none.
func (a *api) putFunctionRecursionConfig(ctx context.Context, in *PutFunctionRecursionConfigInput) (*PutFunctionRecursionConfigOutput, error) {
	r, _, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := a.keep(ctx, r, attrRecursion, string(in.RecursiveLoop)); err != nil {
		return nil, err
	}
	return &PutFunctionRecursionConfigOutput{RecursiveLoop: in.RecursiveLoop}, nil
}

func (a *api) getFunctionURLConfig(ctx context.Context, in *GetFunctionUrlConfigInput) (*GetFunctionUrlConfigOutput, error) {
	if _, _, err := a.resolve(ctx, in.FunctionName, in.Qualifier); err != nil {
		return nil, err
	}
	return nil, noPolicy()
}

func (a *api) listFunctionURLConfigs(ctx context.Context, in *ListFunctionUrlConfigsInput) (*ListFunctionUrlConfigsOutput, error) {
	if _, _, err := a.unqualified(ctx, in.FunctionName); err != nil {
		return nil, err
	}
	return &ListFunctionUrlConfigsOutput{}, nil
}

func (a *api) listEventSourceMappings(context.Context, *ListEventSourceMappingsInput) (*ListEventSourceMappingsOutput, error) {
	return &ListEventSourceMappingsOutput{}, nil
}
