package fc

import (
	"context"
	"encoding/base64"
	"strings"

	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) createFunction(ctx context.Context, in *CreateFunctionInput) (*Function, error) {
	name := value(in.FunctionName)
	if !validName(name) {
		return nil, invalid("functionName '%s' must match %s", name, namePattern)
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	settings, err := a.settings(ctx, updateOf(in), nil)
	if err != nil {
		return nil, err
	}
	group, err := a.inGroup(ctx, in.ResourceGroupId)
	if err != nil {
		return nil, err
	}
	settings.Attrs["fc.id"] = newFunctionID()
	packed := settings.Image == nil
	archive, err := a.archive(in.Code, !packed)
	if err != nil {
		return nil, err
	}
	kind := "Image"
	if packed {
		kind = "Zip"
		settings.Attrs[attrChecksum] = noteChecksum(archive)
	}
	fn, err := a.control.CreateFunction(ctx, caller(ctx), control.CreateFunction{
		Name: name, Archive: archive, PackageType: kind, Settings: settings, Tags: tags, Attrs: group,
	})
	if err != nil {
		return nil, err
	}
	return shape(fn, &fn.Latest), nil
}

// updateOf is a creation as if it were a change of everything.
func updateOf(in *CreateFunctionInput) *UpdateFunctionInput {
	return &UpdateFunctionInput{
		Cpu: in.Cpu, CustomContainerConfig: in.CustomContainerConfig, CustomDNS: in.CustomDNS, CustomRuntimeConfig: in.CustomRuntimeConfig,
		Description: in.Description, DisableInjectCredentials: in.DisableInjectCredentials, DisableOndemand: in.DisableOndemand, DiskSize: in.DiskSize,
		EnableLongLiving: in.EnableLongLiving, EnvironmentVariables: in.EnvironmentVariables, FunctionName: in.FunctionName, GpuConfig: in.GpuConfig,
		Handler: in.Handler, IdleTimeout: in.IdleTimeout, InstanceConcurrency: in.InstanceConcurrency, InstanceIsolationMode: in.InstanceIsolationMode,
		InstanceLifecycleConfig: in.InstanceLifecycleConfig, InternetAccess: in.InternetAccess, JuiceFsConfig: in.JuiceFsConfig, Layers: in.Layers,
		LogConfig: in.LogConfig, MemorySize: in.MemorySize, NasConfig: in.NasConfig, OssMountConfig: in.OssMountConfig, PolarFsConfig: in.PolarFsConfig,
		Code: in.Code, Role: in.Role, Runtime: in.Runtime, SessionAffinity: in.SessionAffinity, SessionAffinityConfig: in.SessionAffinityConfig,
		Timeout: in.Timeout, TracingConfig: in.TracingConfig, VpcConfig: in.VpcConfig,
	}
}

// maxZip is the largest archive that a request may carry, in bytes.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/product-overview/limits-1
const maxZip = 100 << 20

// archive reads the code that a request carries; functions of an image have none.
func (a *api) archive(in *InputCodeLocation, image bool) ([]byte, error) {
	switch {
	case image && in != nil && (in.ZipFile != nil || in.OssObjectName != nil):
		return nil, invalid("code must not be set for a function of a custom container")
	case image:
		return nil, nil
	case in == nil || in.ZipFile == nil && in.OssBucketName == nil:
		return nil, invalid("code is required but not provided")
	case in.OssBucketName != nil:
		return nil, a.service.Trouble(wire.NotImplemented, "Code from an object store is not implemented: send it in zipFile.")
	}
	b, err := base64.StdEncoding.DecodeString(*in.ZipFile)
	if err != nil {
		return nil, invalid("code.zipFile is not valid base64: %v", err)
	}
	if len(b) > maxZip {
		return nil, fault("EntityTooLarge", "the code is %d bytes long, at most %d are allowed", len(b), maxZip)
	}
	if sum := crc(b); value(in.Checksum) != "" && *in.Checksum != sum {
		return nil, invalid("code.checksum is %s, the CRC-64 of the code is %s", *in.Checksum, sum)
	}
	return b, control.CheckArchive(b)
}

func (a *api) updateFunction(ctx context.Context, in *UpdateFunctionInput) (*Function, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	settings, err := a.settings(ctx, in, &fn.Latest)
	if err != nil {
		return nil, err
	}
	if in.Code != nil && settings.Image == nil {
		archive, err := a.archive(in.Code, false)
		if err != nil {
			return nil, err
		}
		settings.Attrs[attrChecksum] = noteChecksum(archive)
		if _, err = a.control.UpdateFunctionCode(ctx, caller(ctx), control.UpdateFunctionCode{Name: fn.Name, Archive: archive}); err != nil {
			return nil, err
		}
	}
	fn, err = a.control.UpdateFunctionSettings(ctx, caller(ctx), control.UpdateFunctionSettings{Name: fn.Name, Settings: settings})
	if err != nil {
		return nil, err
	}
	if fn.Next != nil { // what was asked for, under way
		return shape(fn, fn.Next), nil
	}
	return shape(fn, &fn.Latest), nil
}

func (a *api) getFunction(ctx context.Context, in *GetFunctionInput) (*Function, error) {
	q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return shape(q.Function, q.Version), nil
}

func (a *api) getFunctionCode(ctx context.Context, in *GetFunctionCodeInput) (*OutputFuncCode, error) {
	q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if a.opt.CodeURL == nil || q.Version.CodeDigest == "" {
		return nil, invalid("function '%s' has no code package", q.Function.Name)
	}
	return &OutputFuncCode{Url: ptr(a.opt.CodeURL(q.Version.CodeDigest)), Checksum: given(checksum(q.Version.Attrs, q.Version.CodeDigest))}, nil
}

func (a *api) listFunctions(ctx context.Context, in *ListFunctionsInput) (*ListFunctionsOutput, error) {
	call := wire.CallFrom(ctx)
	var all []*cloud.Function
	for fn := range cloud.Functions.By(a.control.View(), "scope", cloud.Scope(call.Account, call.Region)) {
		if listed(fn, in) {
			all = append(all, fn)
		}
	}
	scope := strings.Join([]string{"functions", call.Account, call.Region, value(in.Prefix), value(in.FunctionName), value(in.Runtime), value(in.ResourceGroupId)}, " ")
	page, next, err := pageOf(all, in.Limit, in.NextToken, scope, func(fn *cloud.Function) string { return fn.Name })
	if err != nil {
		return nil, err
	}
	out := &ListFunctionsOutput{Functions: []Function{}, NextToken: next}
	for _, fn := range page {
		out.Functions = append(out.Functions, *shape(fn, &fn.Latest))
	}
	return out, nil
}

// listed tells whether a function is what a list asks for.
func listed(fn *cloud.Function, in *ListFunctionsInput) bool {
	v := &fn.Latest
	return strings.HasPrefix(fn.Name, value(in.Prefix)) && strings.Contains(fn.Name, value(in.FunctionName)) &&
		strings.Contains(v.Description, value(in.Description)) && (in.Runtime == nil || *in.Runtime == "" || *in.Runtime == v.Runtime) &&
		(in.GpuType == nil || *in.GpuType == v.Attrs["fc.gpuType"]) &&
		hasTags(fn.Tags, in.Tags) && (value(in.ResourceGroupId) == "" || *in.ResourceGroupId == resource.Group(&fn.Meta))
}

func (a *api) deleteFunction(ctx context.Context, in *DeleteFunctionInput) (*DeleteFunctionOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &DeleteFunctionOutput{}, a.control.DeleteFunction(ctx, caller(ctx), fn.Name, 0)
}

func (a *api) disableInvocation(ctx context.Context, in *DisableFunctionInvocationInput) (*DisableFunctionInvocationOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := a.control.DisableFunction(ctx, caller(ctx), fn.Name, true, value(in.Reason)); err != nil {
		return nil, err
	}
	if value(in.AbortOngoingRequest) {
		a.invoker.Abort(fn.Key)
	}
	return &DisableFunctionInvocationOutput{Success: ptr(true)}, nil
}

func (a *api) enableInvocation(ctx context.Context, in *EnableFunctionInvocationInput) (*EnableFunctionInvocationOutput, error) {
	err := a.control.DisableFunction(ctx, caller(ctx), value(in.FunctionName), false, "")
	return &EnableFunctionInvocationOutput{Success: ptr(err == nil)}, err
}
