package lambda

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) createFunction(ctx context.Context, in *CreateFunctionInput) (*FunctionConfiguration, error) {
	r, err := parseRef(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if len(r.name) > maxName {
		return nil, invalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to %d", r.name, maxName)
	}
	create, err := a.creation(ctx, r, in)
	if err != nil {
		return nil, err
	}
	if err := a.passRole(ctx, *in.Role); err != nil {
		return nil, err
	}
	fn, err := a.control.CreateFunction(ctx, caller(ctx, r.account), create)
	if err != nil {
		return nil, err
	}
	v := fn.Latest
	if create.Publish {
		v.Number = fn.LastVersion
	}
	out := a.configuration(fn, &v, "")
	// AWS answers before the function is ready, whether it will be or not.
	return creating(out, &v), nil
}

// creation checks a request and fills in AWS's defaults.
func (a *api) creation(ctx context.Context, r ref, in *CreateFunctionInput) (control.CreateFunction, error) {
	var none control.CreateFunction
	image := in.PackageType == PackageTypeImage
	switch {
	case !image && (in.Runtime == "" || value(in.Handler) == ""):
		return none, invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case in.TenancyConfig != nil:
		return none, a.refused("TenancyConfig is not implemented.")
	case value(in.CodeSigningConfigArn) != "":
		return none, a.refused("Code signing is not implemented.")
	case in.PublishTo != "":
		return none, a.refused("PublishTo is not implemented.")
	}
	changes := &UpdateFunctionConfigurationInput{
		FunctionName: &r.name, CapacityProviderConfig: in.CapacityProviderConfig, DeadLetterConfig: in.DeadLetterConfig, Description: in.Description,
		DurableConfig: in.DurableConfig, Environment: in.Environment, EphemeralStorage: in.EphemeralStorage,
		FileSystemConfigs: in.FileSystemConfigs, Handler: in.Handler, ImageConfig: in.ImageConfig, KMSKeyArn: in.KMSKeyArn,
		Layers: in.Layers, LoggingConfig: in.LoggingConfig, MemorySize: in.MemorySize, Role: in.Role, Runtime: in.Runtime,
		SnapStart: in.SnapStart, Timeout: in.Timeout, TracingConfig: in.TracingConfig, VpcConfig: in.VpcConfig,
	}
	if err := checkPackage(image, changes); err != nil {
		return none, err
	}
	settings, err := a.settings(ctx, changes)
	if err != nil {
		return none, err
	}
	arch, err := a.architecture(in.Architectures)
	if err != nil {
		return none, err
	}
	if arch == "" {
		arch = string(ArchitectureX8664)
		if a.opt.Architecture != arch {
			return none, a.refused("Architecture x86_64, the default, is not implemented on this machine, which is %s.", a.opt.Architecture)
		}
	}
	kind, archive, err := a.source(ctx, in, &settings)
	if err != nil {
		return none, err
	}
	fallback(&settings.Memory, defaultMemory)
	fallback(&settings.Ephemeral, defaultEphemeral)
	fallback(&settings.Timeout, defaultTimeout*time.Second)
	fallback(&settings.LogGroup, "/aws/lambda/"+r.name)
	if err := checkTags(in.Tags); err != nil {
		return none, err
	}
	return control.CreateFunction{Name: r.name, Archive: archive, Architecture: arch, PackageType: string(kind),
		Settings: settings, Tags: in.Tags, Publish: value(in.Publish)}, nil
}

// source is what a new function's code is in: an image, which goes into the
// settings, or an archive.
func (a *api) source(ctx context.Context, in *CreateFunctionInput, s *control.FunctionSettings) (PackageType, []byte, error) {
	if in.PackageType != PackageTypeImage {
		archive, err := a.archive("CreateFunction", in.Code)
		return PackageTypeZip, archive, err
	}
	img, err := a.sourceImage(ctx, in.Code)
	if err != nil {
		return "", nil, err
	}
	img = started(*img, in.ImageConfig)
	s.Image = &img
	return PackageTypeImage, nil, nil
}

func fallback[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}

func (a *api) passRole(ctx context.Context, role string) error {
	if a.opt.PassRole == nil {
		return nil
	}
	return a.opt.PassRole(ctx, wire.CallFrom(ctx).Principal, role)
}

func (a *api) updateFunctionCode(ctx context.Context, in *UpdateFunctionCodeInput) (*FunctionConfiguration, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if fn.Latest.Image != nil {
		return a.updateImage(ctx, r, fn, in)
	}
	archive, err := a.archive("UpdateFunctionCode", &FunctionCode{ImageUri: in.ImageUri, S3Bucket: in.S3Bucket, S3Key: in.S3Key, ZipFile: in.ZipFile})
	if err != nil {
		return nil, err
	}
	arch, err := a.architecture(in.Architectures)
	if err != nil {
		return nil, err
	}
	fn, err = a.control.UpdateFunctionCode(ctx, caller(ctx, r.account), control.UpdateFunctionCode{
		Name: fn.Name, RevisionID: value(in.RevisionId), Archive: archive, Architecture: arch,
		Publish: value(in.Publish), DryRun: value(in.DryRun)})
	if err != nil {
		return nil, err
	}
	v := fn.Latest
	if value(in.Publish) && !value(in.DryRun) {
		v.Number = fn.LastVersion
		return creating(a.configuration(fn, &v, v.Label()), &v), nil
	}
	return updating(a.configuration(fn, &v, ""), &v), nil
}

func (a *api) updateFunctionConfiguration(ctx context.Context, in *UpdateFunctionConfigurationInput) (*FunctionConfiguration, error) {
	r, fn, err := a.unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	in.FunctionName = &r.name
	if err := checkPackage(fn.Latest.Image != nil, in); err != nil {
		return nil, err
	}
	settings, err := a.settings(ctx, in)
	if err != nil {
		return nil, err
	}
	if in.ImageConfig != nil {
		img := started(*fn.Latest.Image, in.ImageConfig)
		settings.Image = &img
	}
	if in.Role != nil {
		if err := a.passRole(ctx, *in.Role); err != nil {
			return nil, err
		}
	}
	fn, err = a.control.UpdateFunctionSettings(ctx, caller(ctx, r.account), control.UpdateFunctionSettings{
		Name: fn.Name, RevisionID: value(in.RevisionId), Settings: settings})
	if err != nil {
		return nil, err
	}
	return updating(a.configuration(fn, &fn.Latest, ""), &fn.Latest), nil
}

// beingMade is AWS's reason for what is not ready yet, updates included.
const beingMade = "The function is being created."

// creating shows a version as AWS answers it at first: not yet there.
func creating(c *FunctionConfiguration, v *cloud.Version) *FunctionConfiguration {
	c.State, c.StateReason, c.StateReasonCode = StatePending, ptr(beingMade), StateReasonCodeCreating
	c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = "", nil, ""
	c.RevisionId = unsettled(v)
	return c
}

// updating shows an update as AWS answers it: still under way.
func updating(c *FunctionConfiguration, v *cloud.Version) *FunctionConfiguration {
	c.LastUpdateStatus = LastUpdateStatusInProgress
	c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = ptr(beingMade), "Creating"
	c.RevisionId = unsettled(v)
	return c
}

// unsettled gives what is not ready a revision of its own, for AWS counts becoming
// ready as a change: nothing can be changed at the revision that a creation answers.
func unsettled(v *cloud.Version) *string {
	h := sha256.Sum256([]byte("unsettled " + v.RevisionID))
	return ptr(fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

func (a *api) getFunction(ctx context.Context, in *GetFunctionInput) (*GetFunctionOutput, error) {
	r, q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := &GetFunctionOutput{
		Configuration: a.configuration(q.Function, q.Version, r.qualifier),
		Code:          a.location(q.Version),
	}
	if len(q.Function.Tags) > 0 {
		out.Tags = q.Function.Tags
	}
	a.settle(ctx, q, out.Configuration)
	if c := q.Function.ReservedConcurrency; c != nil {
		out.Concurrency = &Concurrency{ReservedConcurrentExecutions: ptr(int32(*c))}
	}
	return out, nil
}

func (a *api) getFunctionConfiguration(ctx context.Context, in *GetFunctionConfigurationInput) (*FunctionConfiguration, error) {
	r, q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := a.configuration(q.Function, q.Version, r.qualifier)
	a.settle(ctx, q, out)
	return out, nil
}

// settle shows a function as pending until its network stands.
func (a *api) settle(ctx context.Context, q cloud.Qualified, c *FunctionConfiguration) {
	if c.State != StateActive || a.invoker.Ready(ctx, q.Function, q.Version) {
		return
	}
	if q.Version.Modified.Equal(q.Function.Created) {
		creating(c, q.Version)
		return
	}
	updating(c, q.Version)
}

func (a *api) listFunctions(ctx context.Context, in *ListFunctionsInput) (*ListFunctionsOutput, error) {
	call := wire.CallFrom(ctx)
	view := a.control.View()
	all := slices.Collect(cloud.Functions.By(view, "scope", cloud.Scope(call.Account, call.Region)))
	page, next, err := wire.Page(all, wire.Paging{Max: capped(in.MaxItems, 50), Token: in.Marker, Default: 50, Scope: "functions " + call.Account + " " + call.Region},
		func(f *cloud.Function) string { return f.Name })
	if err != nil {
		return nil, err
	}
	out := &ListFunctionsOutput{Functions: []FunctionConfiguration{}, NextMarker: next}
	for _, fn := range page {
		latest := a.listed(fn, &fn.Latest)
		if in.FunctionVersion != FunctionVersionALL {
			latest.FunctionArn = ptr(refOf(fn).arn())
		}
		if out.Functions = append(out.Functions, latest); in.FunctionVersion == FunctionVersionALL {
			for _, pv := range control.FunctionVersions(view, fn.Key) {
				out.Functions = append(out.Functions, a.listed(fn, &pv.Version))
			}
		}
	}
	return out, nil
}

// listed is a configuration as lists show it: qualified, without state.
func (a *api) listed(fn *cloud.Function, v *cloud.Version) FunctionConfiguration {
	c := a.configuration(fn, v, v.Label())
	c.State, c.StateReason, c.StateReasonCode = "", nil, ""
	c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = "", nil, ""
	c.RuntimeVersionConfig = nil
	return *c
}

// capped bounds a page to what AWS returns at most, however many are asked for.
func capped(n *int32, most int32) *int32 {
	if n == nil {
		return nil
	}
	return ptr(min(*n, most))
}

func (a *api) deleteFunction(ctx context.Context, in *DeleteFunctionInput) (*DeleteFunctionOutput, error) {
	r, err := parseRef(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	version := 0
	if r.qualifier != "" {
		n, ok := versionNumber(r.qualifier)
		switch {
		case strings.Contains(r.qualifier, "$") && r.qualifier != cloud.Latest:
			return nil, notFound(r.with(""))
		case r.qualifier == cloud.Latest:
			return nil, invalid("$LATEST version cannot be deleted without deleting the function.")
		case !ok:
			return nil, invalid("Deletion of aliases is not currently supported.")
		}
		version = n
	}
	if err := a.control.DeleteFunction(ctx, caller(ctx, r.account), r.name, version); err != nil {
		return nil, err
	}
	return &DeleteFunctionOutput{StatusCode: ptr(int32(204))}, nil
}

func (a *api) getAccountSettings(ctx context.Context, _ *GetAccountSettingsInput) (*GetAccountSettingsOutput, error) {
	call := wire.CallFrom(ctx)
	view := a.control.View()
	var count, size, reserved int64
	for fn := range cloud.Functions.By(view, "scope", cloud.Scope(call.Account, call.Region)) {
		count++
		size += fn.Latest.CodeSize
		reserved += int64(value(fn.ReservedConcurrency))
		for _, pv := range control.FunctionVersions(view, fn.Key) {
			size += pv.Version.CodeSize
		}
	}
	for l := range cloud.LayerVersions.All(view) {
		if l.Account == call.Account && l.Region == call.Region {
			size += l.Size
		}
	}
	return &GetAccountSettingsOutput{
		AccountLimit: &AccountLimit{
			CodeSizeUnzipped:               ptr(int64(262144000)),
			CodeSizeZipped:                 ptr(int64(maxZip)),
			ConcurrentExecutions:           ptr(int32(accountConcurrency)),
			TotalCodeSize:                  ptr(int64(80530636800)),
			UnreservedConcurrentExecutions: ptr(int32(accountConcurrency - reserved)),
		},
		AccountUsage: &AccountUsage{FunctionCount: &count, TotalCodeSize: &size},
	}, nil
}

func refOfKey(key string) ref {
	parts := strings.SplitN(key, "/", 3)
	if len(parts) < 3 {
		return ref{name: key}
	}
	return ref{account: parts[0], region: parts[1], name: parts[2]}
}
