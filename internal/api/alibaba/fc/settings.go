package fc

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

const namePattern = "[a-zA-Z_][a-zA-Z0-9-_]{0,127}"

var functionName = regexp.MustCompile("^" + namePattern + "$")

func validName(s string) bool { return functionName.MatchString(s) }

// Defaults and limits.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/developer-reference/api-fc-2023-03-30-createfunction
const (
	defaultTimeout = 3
	maxTimeout     = 86400 // 24 hours, less than a credential lasts
	defaultMemory  = 512
	defaultCPU     = 0.35
	defaultDisk    = 512
	maxInstance    = 200
	maxSwitches    = 10
)

// settings checks a request and translates it; old is the version that it
// changes, nil if the function is new, which gets the defaults.
func (a *api) settings(ctx context.Context, in *UpdateFunctionInput, old *cloud.Version) (control.FunctionSettings, error) {
	s := control.FunctionSettings{Description: in.Description, Handler: in.Handler, Env: in.EnvironmentVariables, Attrs: map[string]string{}}
	for _, step := range []func(*UpdateFunctionInput, *cloud.Version, *control.FunctionSettings) error{
		a.refuse, a.runtimeOf, a.sizes, hooks, a.server, network, customDNS, keep,
	} {
		if err := step(in, old, &s); err != nil {
			return s, err
		}
	}
	if err := a.layers(ctx, in, old, &s); err != nil {
		return s, err
	}
	call := wire.CallFrom(ctx)
	s.Attrs["fc.account"] = access.UID(call.Account)
	if in.Role != nil {
		role, err := neutralRole(*in.Role, call.Account)
		if err != nil {
			return s, err
		}
		s.Role = &control.ExecutionRole{ARN: role}
	}
	if in.LogConfig != nil || old == nil {
		if err := a.logging(call, in, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// refuse names what is not implemented; see docs/limits.md.
func (a *api) refuse(in *UpdateFunctionInput, _ *cloud.Version, _ *control.FunctionSettings) error {
	for what, set := range map[string]bool{
		"nasConfig": in.NasConfig != nil && len(in.NasConfig.MountPoints) > 0, "ossMountConfig": in.OssMountConfig != nil && len(in.OssMountConfig.MountPoints) > 0,
		"polarFsConfig": in.PolarFsConfig != nil, "juiceFsConfig": in.JuiceFsConfig != nil,
		"tracingConfig":   in.TracingConfig != nil && value(in.TracingConfig.Type) != "",
		"sessionAffinity": value(in.SessionAffinity) != "" && value(in.SessionAffinity) != "NONE", "enableLongLiving": value(in.EnableLongLiving),
		"logConfig.enableLlmMetrics": in.LogConfig != nil && value(in.LogConfig.EnableLlmMetrics),
		"idleTimeout":                value(in.IdleTimeout) != 0, "sessionAffinityConfig": value(in.SessionAffinityConfig) != "",
		"disableOndemand": value(in.DisableOndemand), "instanceIsolationMode": value(in.InstanceIsolationMode) != "" && value(in.InstanceIsolationMode) != "SHARE",
		"customContainerConfig.registryConfig.certConfig": in.registry().CertConfig != nil, "customContainerConfig.registryConfig.networkConfig": in.registry().NetworkConfig != nil,
	} {
		if set {
			return a.service.Trouble(wire.NotImplemented, what+" is not implemented.")
		}
	}
	return nil
}

func (a *api) runtimeOf(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	if old == nil {
		s.Contract = ptr(invoke.FC)
	}
	if in.Runtime == nil {
		return nil
	}
	s.Runtime = in.Runtime
	if *in.Runtime == containerRuntime {
		return nil
	}
	if a.opt.CheckRuntime != nil {
		if err := a.opt.CheckRuntime(*in.Runtime); err != nil {
			return invalid("runtime is set to an invalid value: %v", err)
		}
	}
	return nil
}

// sizes checks what an instance has.
func (a *api) sizes(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	number := func(p *int64, v int64) *int64 {
		if p == nil && old == nil {
			return &v
		}
		return p
	}
	if n := number(in.Timeout, defaultTimeout); n != nil {
		if *n < 1 || *n > maxTimeout {
			return invalid("timeout is set to an invalid value: want 1 to %d seconds", maxTimeout)
		}
		s.Timeout = ptr(time.Duration(*n) * time.Second)
	}
	if n := number(in.MemorySize, defaultMemory); n != nil {
		if *n < 128 || *n > 32768 || *n%64 != 0 {
			return invalid("memorySize is set to an invalid value: want 128 to 32768, a multiple of 64")
		}
		s.Memory = ptr(int(*n))
	}
	if n := number(in.DiskSize, defaultDisk); n != nil {
		if *n != 512 && *n != 10240 {
			return invalid("diskSize is set to an invalid value: want 512 or 10240")
		}
		s.Ephemeral = ptr(int(*n))
	}
	if n := number(in.InstanceConcurrency, 1); n != nil {
		if *n < 1 || *n > maxInstance {
			return invalid("instanceConcurrency is set to an invalid value: want 1 to %d", maxInstance)
		}
		s.Concurrency = ptr(int(*n))
	}
	if err := a.together(in, old); err != nil {
		return err
	}
	return processors(in, old, s)
}

// together checks how many events an instance may run at once: code that is a
// server any number, Python code one.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-instance-concurrency
func (a *api) together(in *UpdateFunctionInput, old *cloud.Version) error {
	name, n := value(in.Runtime), value(in.InstanceConcurrency)
	if old != nil && in.Runtime == nil {
		name = old.Runtime
	}
	if old != nil && in.InstanceConcurrency == nil {
		n = int64(old.Concurrency)
	}
	switch {
	case n <= 1 || custom(name) || name == containerRuntime:
		return nil
	case strings.HasPrefix(name, "python"):
		return invalid("instanceConcurrency is set to an invalid value: runtime %s supports 1 only", name)
	}
	return a.service.Trouble(wire.NotImplemented, "instanceConcurrency above 1 is not implemented for runtime "+name+".")
}

// registry is how the registry of the function's image is reached.
func (in *UpdateFunctionInput) registry() RegistryConfig {
	if c := in.CustomContainerConfig; c != nil && c.RegistryConfig != nil {
		return *c.RegistryConfig
	}
	return RegistryConfig{}
}

// custom tells the runtimes whose code is a server itself, in an archive.
func custom(runtime string) bool { return runtime == "custom" || strings.HasPrefix(runtime, "custom.") }

// processors checks the share of the processor, and that it fits the memory: 1 to
// 4 GB for a vCPU.
func processors(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	cpu := in.Cpu
	if cpu == nil && old == nil && in.MemorySize == nil {
		cpu = ptr(defaultCPU)
	} else if cpu == nil && old == nil { // the nearest that fits
		cpu = ptr(max(0.05, math.Floor(float64(*s.Memory)/1024/2*20)/20))
	}
	if cpu == nil {
		return nil
	}
	steps := *cpu * 20
	if *cpu < 0.05 || *cpu > 16 || math.Abs(steps-math.Round(steps)) > 1e-6 {
		return invalid("cpu is set to an invalid value: want 0.05 to 16, a multiple of 0.05")
	}
	memory := 0
	if s.Memory != nil {
		memory = *s.Memory
	} else if old != nil {
		memory = old.Memory
	}
	if ratio := float64(memory) / 1024 / *cpu; ratio < 0.99 || ratio > 4.01 {
		return invalid("the ratio of cpu %g to memorySize %d MB is invalid: it must be between 1:1 and 1:4", *cpu, memory)
	}
	s.CPU = cpu
	return nil
}

func hooks(in *UpdateFunctionInput, _ *cloud.Version, s *control.FunctionSettings) error {
	c := in.InstanceLifecycleConfig
	if c == nil {
		return nil
	}
	for _, h := range []struct {
		name string
		in   *LifecycleHook
		most int64
		out  ***cloud.Hook
	}{{"initializer", c.Initializer, 300, &s.Initializer}, {"preStop", c.PreStop, 90, &s.PreStop}} {
		var hook *cloud.Hook
		if h.in != nil && value(h.in.Handler) != "" {
			seconds := value(h.in.Timeout)
			if seconds == 0 {
				seconds = defaultTimeout
			}
			if seconds < 1 || seconds > h.most {
				return invalid("instanceLifecycleConfig.%s.timeout is set to an invalid value: want 1 to %d seconds", h.name, h.most)
			}
			hook = &cloud.Hook{Handler: *h.in.Handler, Timeout: time.Duration(seconds) * time.Second}
		}
		if h.in != nil && len(h.in.Command) > 0 {
			return invalid("instanceLifecycleConfig.%s.command is not supported: use handler", h.name)
		}
		*h.out = &hook
	}
	return nil
}

// network stores what the function is to reach; it is checked when it runs.
func network(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	if old != nil && in.VpcConfig == nil && in.InternetAccess == nil && in.GpuConfig == nil {
		return nil
	}
	n := control.FunctionNetworkSettings{Unchecked: true, DefaultEgress: true}
	gpu := in.GpuConfig != nil && value(in.GpuConfig.GpuType) != ""
	if old != nil {
		n.DefaultEgress, n.VPC, n.Subnets, n.Groups = old.Network.DefaultEgress, old.Network.VPC, old.Network.Subnets, old.Network.Groups
		if len(n.Subnets) == 0 {
			n.VPC = ""
		}
		gpu = gpu || in.GpuConfig == nil && old.Attrs["fc.gpuType"] != ""
	}
	if in.InternetAccess != nil {
		n.DefaultEgress = *in.InternetAccess
	}
	if c := in.VpcConfig; c != nil {
		n.VPC, n.Subnets, n.Groups = cloud.VPCID(value(c.VpcId)), nil, nil
		for _, id := range c.VSwitchIds {
			if id != "" && !slices.Contains(n.Subnets, cloud.SubnetID(id)) {
				n.Subnets = append(n.Subnets, cloud.SubnetID(id))
			}
		}
		if g := value(c.SecurityGroupId); g != "" {
			n.Groups = []cloud.SecurityGroupID{cloud.SecurityGroupID(g)}
		}
		some, all := n.VPC != "" || len(n.Subnets) > 0 || len(n.Groups) > 0, n.VPC != "" && len(n.Subnets) > 0 && len(n.Groups) > 0
		switch {
		case some && !all:
			return invalid("vpcConfig must have vpcId, vSwitchIds and securityGroupId, or none of them")
		case len(n.Subnets) > maxSwitches:
			return invalid("vpcConfig.vSwitchIds has %d items, at most %d are allowed", len(n.Subnets), maxSwitches)
		}
		s.Attrs["fc.vpcRole"] = value(c.Role)
	}
	n.Wide = gpu && len(n.Subnets) > 0 && n.DefaultEgress
	s.Network = &n
	return nil
}

// keep keeps what only this product's answers show.
func keep(in *UpdateFunctionInput, _ *cloud.Version, s *control.FunctionSettings) error {
	if g := in.GpuConfig; g != nil {
		s.Attrs["fc.gpuType"], s.Attrs["fc.gpuMemorySize"] = value(g.GpuType), ""
		if n := value(g.GpuMemorySize); n > 0 {
			s.Attrs["fc.gpuMemorySize"] = fmt.Sprint(n)
		}
	}
	if d := in.DisableInjectCredentials; d != nil {
		if !slices.Contains([]string{"", "None", "Env", "Request", "All"}, *d) {
			return invalid("disableInjectCredentials is set to an invalid value: want None, Env, Request or All")
		}
		s.Attrs["fc.disableInjectCredentials"] = *d
	}
	return nil
}

// logging finds where the function's log goes.
func (a *api) logging(call *wire.Call, in *UpdateFunctionInput, s *control.FunctionSettings) error {
	c := in.LogConfig
	if c == nil || value(c.Project) == "" && value(c.Logstore) == "" {
		s.LogGroup, s.Attrs["fc.logConfig"] = ptr("/fc/"+value(in.FunctionName)), ""
		return nil
	}
	if value(c.Project) == "" || value(c.Logstore) == "" {
		return invalid("logConfig must have project and logstore, or neither")
	}
	if a.opt.LogGroup == nil {
		return invalid("project '%s' does not exist", *c.Project)
	}
	group, err := a.opt.LogGroup(call.Account, call.Region, *c.Project, *c.Logstore)
	if err != nil {
		return invalid("%v", err)
	}
	text, err := json.Marshal(map[string]any{"project": *c.Project, "logstore": *c.Logstore, "enableRequestMetrics": value(c.EnableRequestMetrics),
		"enableInstanceMetrics": value(c.EnableInstanceMetrics), "logBeginRule": value(c.LogBeginRule)})
	if err != nil {
		return err
	}
	s.LogGroup, s.Attrs["fc.logConfig"] = &group, string(text)
	return nil
}

// neutralRole checks a role's ARN and writes it with the account's own number.
func neutralRole(arn, account string) (string, error) {
	if arn == "" {
		return "", nil
	}
	parts := strings.Split(arn, ":")
	if len(parts) != 5 || parts[0] != "acs" || parts[1] != "ram" || !strings.HasPrefix(parts[4], "role/") {
		return "", invalid("role '%s' is not a valid ARN: want acs:ram::<uid>:role/<name>", arn)
	}
	if owner, ok := access.Account(parts[3]); !ok || owner != account {
		return "", invalid("role '%s' is not of this account", arn)
	}
	parts[3] = account
	return strings.Join(parts, ":"), nil
}

// shownRole is the opposite of neutralRole.
func shownRole(role string) string {
	parts := strings.Split(role, ":")
	if len(parts) == 5 && parts[0] == "acs" {
		parts[3] = access.UID(parts[3])
	}
	return strings.Join(parts, ":")
}

// maxTags is how many tags a function may have.
const maxTags = 20

func tagMap(tags []Tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		key := value(t.Key)
		if key == "" || len(key) > 128 || len(value(t.Value)) > 128 || strings.HasPrefix(key, "aliyun") || strings.HasPrefix(key, "acs:") {
			return nil, invalid("tag key '%s' is invalid", key)
		}
		out[key] = value(t.Value)
	}
	if len(out) > maxTags {
		return nil, invalid("%d tags are given, at most %d are allowed", len(out), maxTags)
	}
	return out, nil
}
