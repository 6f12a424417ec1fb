package lambda

import (
	"crypto/sha256"
	"fmt"
	"time"

	"weir/internal/cloud"
)

// timeForm is how Lambda writes LastModified.
const timeForm = "2006-01-02T15:04:05.000-0700"

// configuration shows a version the way the request named it.
func (a *api) configuration(fn *cloud.Function, v *cloud.Version, qualifier string) *FunctionConfiguration {
	r := refOf(fn).with(qualifier)
	c := &FunctionConfiguration{
		Architectures:        []Architecture{Architecture(v.Architecture)},
		CodeSha256:           ptr(v.CodeDigest),
		CodeSize:             ptr(v.CodeSize),
		Description:          ptr(v.Description),
		EphemeralStorage:     &EphemeralStorage{Size: ptr(int32(v.Ephemeral))},
		FunctionArn:          ptr(r.arn()),
		FunctionName:         ptr(fn.Name),
		Handler:              ptr(v.Handler),
		Layers:               layersOf(v),
		LastModified:         ptr(v.Modified.UTC().Format(timeForm)),
		LoggingConfig:        &LoggingConfig{LogFormat: LogFormatText, LogGroup: ptr(v.LogGroup)},
		MemorySize:           ptr(int32(v.Memory)),
		PackageType:          PackageType(v.PackageType),
		RevisionId:           ptr(v.RevisionID),
		Role:                 ptr(v.Role),
		Runtime:              Runtime(v.Runtime),
		RuntimeVersionConfig: &RuntimeVersionConfig{RuntimeVersionArn: ptr(runtimeARN(fn.Region, v.Runtime))},
		SnapStart:            &SnapStartResponse{ApplyOn: SnapStartApplyOnNone, OptimizationStatus: SnapStartOptimizationStatusOff},
		Timeout:              ptr(int32(v.Timeout / time.Second)),
		TracingConfig:        &TracingConfigResponse{Mode: TracingModePassThrough},
		Version:              ptr(v.Label()),
	}
	if mode := v.Attrs[attrTracing]; mode != "" {
		c.TracingConfig.Mode = TracingMode(mode)
	}
	if v.Env != nil {
		c.Environment = &EnvironmentResponse{Variables: v.Env}
	}
	c.VpcConfig = vpcConfig(v)
	a.states(c, v)
	if v.Image != nil {
		showImage(c, v.Image)
	}
	a.imageStates(c, fn, v)
	return c
}

// vpcConfig is absent from a function that never had a VPC, and empty on one that left its VPC.
func vpcConfig(v *cloud.Version) *VpcConfigResponse {
	if v.Attrs[attrVPCWasSet] == "" && len(v.Network.Subnets) == 0 { // the other dialect notes nothing
		return nil
	}
	out := &VpcConfigResponse{
		SubnetIds:               []string{},
		SecurityGroupIds:        []string{},
		Ipv6AllowedForDualStack: ptr(v.Network.IPv6),
		VpcId:                   ptr(""),
	}
	if len(v.Network.Subnets) == 0 {
		return out
	}
	out.VpcId = ptr(string(v.Network.VPC))
	for _, id := range v.Network.Subnets {
		out.SubnetIds = append(out.SubnetIds, string(id))
	}
	for _, id := range v.Network.Groups {
		out.SecurityGroupIds = append(out.SecurityGroupIds, string(id))
	}
	return out
}

// reasons are AWS's codes and words for why a function failed.
var reasons = map[string]struct {
	code StateReasonCode
	text string
}{
	"no-addresses": {StateReasonCodeSubnetOutOfIPAddresses, "Lambda was not able to set up VPC access for the Lambda function because one or more configured subnets has no available IP addresses."},
}

func (a *api) states(c *FunctionConfiguration, v *cloud.Version) {
	now := a.control.Now()
	switch {
	case now.Before(v.State.ReadyAt):
		creating(c, v)
		return
	case v.State.Status == "failed":
		why := reasons[v.State.Code]
		c.State, c.StateReason, c.StateReasonCode = StateFailed, ptr(why.text), why.code
	default:
		c.State = StateActive
	}
	switch {
	case now.Before(v.Update.ReadyAt):
		updating(c, v)
	case v.State.Status == "failed":
		why := reasons[v.State.Code]
		c.LastUpdateStatus, c.LastUpdateStatusReason = LastUpdateStatusFailed, ptr(why.text)
		c.LastUpdateStatusReasonCode = LastUpdateStatusReasonCode(why.code)
	default:
		c.LastUpdateStatus = LastUpdateStatusSuccessful
	}
}

// runtimeARN stands for the version of a managed runtime; Weir has one of each.
func runtimeARN(region, runtime string) string {
	return fmt.Sprintf("arn:aws:lambda:%s::runtime:%x", region, sha256.Sum256([]byte(runtime)))
}
