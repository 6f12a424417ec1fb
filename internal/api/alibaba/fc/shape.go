package fc

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// shape shows a version of a function. One that another dialect made is shown as
// far as this product can express it.
func shape(fn *cloud.Function, v *cloud.Version) *Function {
	f := &Function{
		FunctionName: &fn.Name, FunctionId: given(fn.Latest.Attrs["fc.id"]), FunctionArn: ptr(functionARN(fn)),
		Description: &v.Description, Runtime: &v.Runtime, Handler: &v.Handler, Role: ptr(shownRole(v.Role)),
		MemorySize: ptr(int64(v.Memory)), DiskSize: ptr(int64(v.Ephemeral)), Timeout: ptr(int64(v.Timeout / time.Second)),
		InstanceConcurrency: ptr(int64(max(v.Concurrency, 1))), EnvironmentVariables: v.Env,
		CodeSize: &v.CodeSize, CodeChecksum: given(checksum(v.Attrs, v.CodeDigest)),
		CreatedTime: stamp(fn.Created), LastModifiedTime: stamp(v.Modified),
		InternetAccess: ptr(v.Network.DefaultEgress), VpcConfig: vpcShape(v), LogConfig: logShape(v),
		State: ptr("Active"), LastUpdateStatus: ptr("Successful"), Tags: tagShape(fn.Tags),
		DisableInjectCredentials: given(v.Attrs["fc.disableInjectCredentials"]),
		InstanceLifecycleConfig:  hookShape(v),
		Layers:                   layersShape(v),
		CustomDNS:                dnsShape(v.DNS),
		ResourceGroupId:          ptr(resource.Group(&fn.Meta)),
	}
	if v.CPU > 0 {
		f.Cpu = &v.CPU
	}
	if t := v.Attrs["fc.gpuType"]; t != "" {
		size, _ := strconv.ParseInt(v.Attrs["fc.gpuMemorySize"], 10, 64)
		f.GpuConfig = &GPUConfig{GpuType: &t, GpuMemorySize: &size}
	}
	if fn.Disabled {
		f.InvocationRestriction = &FunctionRestriction{Disable: ptr(true), Reason: given(fn.DisabledFor)}
	}
	states(f, fn, v)
	serverShape(f, v)
	return f
}

// states shows whether a version can be invoked, and how far a change has come.
func states(f *Function, fn *cloud.Function, v *cloud.Version) {
	switch {
	case v == fn.Next || v.Number == 0 && fn.Next != nil:
		f.LastUpdateStatus = ptr("InProgress")
	case v.State.Status == "failed":
		f.State, f.StateReason, f.StateReasonCode = ptr("Failed"), given(v.State.Msg), given(v.State.Code)
	case v.Image.Failed():
		f.State, f.StateReason, f.StateReasonCode = ptr("Failed"), &v.Image.Problem, ptr(imageCode)
	case v.Image.Pending():
		f.State = ptr("Pending")
	case v.Update.Status == "failed":
		f.LastUpdateStatus, f.LastUpdateStatusReason, f.LastUpdateStatusReasonCode = ptr("Failed"), &v.Update.Msg, ptr(imageCode)
	}
}

// imageCode is the reason of a function that fails for its image. The vendor
// documents no list of such codes.
const imageCode = "ImageUnavailable"

func vpcShape(v *cloud.Version) *VPCConfig {
	n := v.Network
	if len(n.Subnets) == 0 {
		return &VPCConfig{VpcId: ptr(""), VSwitchIds: []string{}, SecurityGroupId: ptr(""), Role: ptr("")}
	}
	c := &VPCConfig{VpcId: ptr(string(n.VPC)), SecurityGroupId: ptr(""), Role: ptr(v.Attrs["fc.vpcRole"])}
	for _, id := range n.Subnets {
		c.VSwitchIds = append(c.VSwitchIds, string(id))
	}
	if len(n.Groups) > 0 {
		c.SecurityGroupId = ptr(string(n.Groups[0]))
	}
	return c
}

func logShape(v *cloud.Version) *LogConfig {
	text := v.Attrs["fc.logConfig"]
	if text == "" {
		return nil
	}
	var kept struct {
		Project, Logstore, LogBeginRule             string
		EnableRequestMetrics, EnableInstanceMetrics bool
	}
	if json.Unmarshal([]byte(text), &kept) != nil {
		return nil
	}
	return &LogConfig{Project: &kept.Project, Logstore: &kept.Logstore, LogBeginRule: given(kept.LogBeginRule),
		EnableRequestMetrics: &kept.EnableRequestMetrics, EnableInstanceMetrics: &kept.EnableInstanceMetrics}
}

func tagShape(tags map[string]string) []Tag {
	out := []Tag{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, Tag{Key: ptr(k), Value: ptr(tags[k])})
	}
	return out
}

func hookShape(v *cloud.Version) *InstanceLifecycleConfig {
	if v.Initializer == nil && v.PreStop == nil {
		return nil
	}
	one := func(h *cloud.Hook) *LifecycleHook {
		if h == nil {
			return nil
		}
		return &LifecycleHook{Handler: &h.Handler, Timeout: ptr(int64(h.Timeout / time.Second))}
	}
	return &InstanceLifecycleConfig{Initializer: one(v.Initializer), PreStop: one(v.PreStop)}
}

func serverShape(f *Function, v *cloud.Version) {
	if v.Server == nil {
		return
	}
	port, health := int64(v.Server.Port), healthShape(v.Server.Health)
	if v.Image != nil {
		f.CustomContainerConfig = &CustomContainerConfig{Image: &v.Image.Ref, Port: &port, HealthCheckConfig: health,
			Entrypoint: v.Image.Entrypoint, Command: v.Image.Command, AcrInstanceId: given(v.Attrs["fc.acrInstanceId"]),
			ResolvedImageUri: given(v.Image.Resolved)}
		return
	}
	f.CustomRuntimeConfig = &CustomRuntimeConfig{Command: v.Server.Command, Args: v.Server.Args, Port: &port, HealthCheckConfig: health}
}

func healthShape(h *cloud.HealthCheck) *CustomHealthCheckConfig {
	if h == nil {
		return nil
	}
	seconds := func(d time.Duration) *int64 { return ptr(int64(d / time.Second)) }
	return &CustomHealthCheckConfig{HttpGetUrl: &h.Path, InitialDelaySeconds: seconds(h.InitialDelay), PeriodSeconds: seconds(h.Period),
		TimeoutSeconds: seconds(h.Timeout), FailureThreshold: ptr(int64(h.FailureAfter)), SuccessThreshold: ptr(int64(h.SuccessAfter))}
}

func newFunctionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
