package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Limits that AWS states in its guide, not in its model.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxName       = 64
	maxMemory     = 10240
	maxTimeout    = 900
	maxEnv        = 4096
	maxZip        = 50 << 20
	maxZipRequest = 70167211 // what AWS names when a request with a zip file is too large
)

// Defaults of a new function.
const (
	defaultMemory    = 128
	defaultTimeout   = 3
	defaultEphemeral = 512
)

// Lambda's principal, and what its execution role must be allowed to do when a
// VPC is configured. The other permissions of AWSLambdaVPCAccessExecutionRole
// matter to AWS's own bookkeeping only.
const (
	servicePrincipal = "lambda.amazonaws.com"
	networkAction    = "ec2:CreateNetworkInterface"
)

// Attributes that Lambda alone knows, kept with a version.
const (
	attrTracing    = "aws.tracing"
	attrLogFormat  = "aws.log-format"
	attrVPCWasSet  = "aws.vpc-was-set"
	attrRuntimePin = "aws.runtime-management"
	attrRecursion  = "aws.recursion"
)

// reservedEnv are the variables that the runtime sets itself.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
var reservedEnv = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// settings checks what a creation or an update asks for. The two inputs have
// the same members, so a creation comes as an update too.
func (a *api) settings(ctx context.Context, in *UpdateFunctionConfigurationInput) (control.FunctionSettings, error) {
	s := control.FunctionSettings{
		Description: in.Description,
		Handler:     in.Handler,
		Attrs:       map[string]string{},
	}
	if err := a.refuseUnsupported(in); err != nil {
		return s, err
	}
	if in.Runtime != "" {
		if err := a.checkRuntime(string(in.Runtime)); err != nil {
			return s, err
		}
		s.Runtime = ptr(string(in.Runtime))
	}
	if err := a.layers(ctx, in.Layers, &s); err != nil {
		return s, err
	}
	if in.Role != nil {
		s.Role = &control.ExecutionRole{ARN: *in.Role, Service: servicePrincipal}
	}
	if err := limits(in, &s); err != nil {
		return s, err
	}
	if in.Environment != nil {
		if err := checkEnv(in.Environment.Variables); err != nil {
			return s, err
		}
		s.Env = in.Environment.Variables
		if s.Env == nil {
			s.Env = map[string]string{}
		}
	}
	if in.TracingConfig != nil {
		s.Attrs[attrTracing] = string(in.TracingConfig.Mode)
	}
	if in.LoggingConfig != nil && in.LoggingConfig.LogGroup != nil {
		s.LogGroup = in.LoggingConfig.LogGroup
	}
	network, err := networkSettings(value(in.FunctionName), in.VpcConfig)
	if err != nil {
		return s, err
	}
	if s.Network = network; network != nil {
		s.Attrs[attrVPCWasSet] = "true"
	}
	return s, nil
}

// runtimes are those that AWS takes for new functions; the model lists older ones, too.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
var runtimes = []string{
	"nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
	"python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17", "nodejs16.x",
	"dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2", "ruby4.0",
}

func (a *api) checkRuntime(name string) error {
	if !slices.Contains(runtimes, name) {
		if slices.Contains(Spec.Enums["Runtime"], name) {
			return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", name)
		}
		return invalid("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", name, strings.Join(runtimes, ", "))
	}
	if a.opt.CheckRuntime == nil {
		return nil
	}
	if err := a.opt.CheckRuntime(name); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func limits(in *UpdateFunctionConfigurationInput, s *control.FunctionSettings) error {
	if in.MemorySize != nil {
		if *in.MemorySize > maxMemory {
			return invalid("'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to %d", maxMemory)
		}
		s.Memory = ptr(int(*in.MemorySize))
	}
	if in.Timeout != nil {
		if *in.Timeout > maxTimeout {
			return constraint(*in.Timeout, "timeout", fmt.Sprintf("Member must have value less than or equal to %d", maxTimeout))
		}
		s.Timeout = ptr(time.Duration(*in.Timeout) * time.Second)
	}
	if in.EphemeralStorage != nil {
		s.Ephemeral = ptr(int(value(in.EphemeralStorage.Size)))
	}
	return nil
}

func checkEnv(env map[string]string) error {
	var reserved []string
	for _, k := range reservedEnv {
		if _, ok := env[k]; ok {
			reserved = append(reserved, k)
		}
	}
	if len(reserved) > 0 {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	b, err := json.Marshal(env)
	if err != nil {
		return invalid("The environment variables cannot be encoded: %v", err)
	}
	if len(b) > maxEnv {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", b)
	}
	return nil
}

func networkSettings(function string, in *VpcConfig) (*control.FunctionNetworkSettings, error) {
	if in == nil {
		return nil, nil
	}
	if err := checkIDs("subnetIds", in.SubnetIds, subnetIDs); err != nil {
		return nil, err
	}
	if err := checkIDs("securityGroupIds", in.SecurityGroupIds, groupIDs); err != nil {
		return nil, err
	}
	n := &control.FunctionNetworkSettings{IPv6: value(in.Ipv6AllowedForDualStack), RoleActions: []string{networkAction}, Managed: "lambda"}
	n.Description = "AWS Lambda VPC ENI-" + function
	for _, id := range unique(in.SubnetIds) {
		n.Subnets = append(n.Subnets, cloud.SubnetID(id))
	}
	for _, id := range unique(in.SecurityGroupIds) {
		n.Groups = append(n.Groups, cloud.SecurityGroupID(id))
	}
	if (len(n.Subnets) == 0) != (len(n.Groups) == 0) {
		return nil, invalid("SubnetIds and SecurityIds must coexist or be both empty list.")
	}
	n.DefaultEgress = len(n.Subnets) == 0 // in a VPC a function reaches what the VPC reaches
	return n, nil
}

// The forms of IDs in a VPC's settings, which AWS's model does not state.
var subnetIDs, groupIDs = regexp.MustCompile(`^subnet-[0-9a-z]*$`), regexp.MustCompile(`^sg-[0-9a-zA-Z]*$`)

// checkIDs lets the other dialect's IDs pass: what was made there is the same here.
func checkIDs(member string, ids []string, form *regexp.Regexp) error {
	if !slices.ContainsFunc(ids, func(id string) bool { return !form.MatchString(id) && !strings.HasPrefix(id, "vsw-") }) {
		return nil
	}
	return constraint("["+strings.Join(ids, ", ")+"]", "vpcConfig."+member, "Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: "+strings.Trim(form.String(), "^$")+"]")
}

// unique drops repetitions and keeps the order.
func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// refuseUnsupported names what Weir does not have; see docs/limits.md.
func (a *api) refuseUnsupported(in *UpdateFunctionConfigurationInput) error {
	switch {
	case len(in.FileSystemConfigs) > 0:
		return a.refused("FileSystemConfigs are not implemented.")
	case in.SnapStart != nil && in.SnapStart.ApplyOn == SnapStartApplyOnPublishedVersions:
		return a.refused("SnapStart is not implemented.")
	case in.DeadLetterConfig != nil && value(in.DeadLetterConfig.TargetArn) != "":
		return a.refused("DeadLetterConfig is not implemented: use an on-failure destination (PutFunctionEventInvokeConfig).")
	case value(in.KMSKeyArn) != "":
		return a.refused("KMSKeyArn is not implemented.")
	case in.CapacityProviderConfig != nil:
		return a.refused("CapacityProviderConfig is not implemented.")
	case in.DurableConfig != nil:
		return a.refused("DurableConfig is not implemented.")
	case in.LoggingConfig != nil && in.LoggingConfig.LogFormat == LogFormatJSON:
		return a.refused("LoggingConfig with LogFormat JSON is not implemented: use Text.")
	}
	return nil
}

// archive takes the zip file out of a request's code.
func (a *api) archive(op string, in *FunctionCode) ([]byte, error) {
	switch {
	case in == nil:
		return nil, invalid("Please provide a source for function code.")
	case value(in.ImageUri) != "":
		return nil, invalid("Please don't provide ImageUri when the packageType is Zip.")
	case value(in.S3Bucket) != "" || value(in.S3Key) != "":
		// There is no object store yet, so no bucket exists.
		return nil, invalid("Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")
	case in.ZipFile == nil:
		return nil, invalid("Please provide a source for function code.")
	case len(in.ZipFile) == 0:
		return nil, invalid("Uploaded file must be a non-empty zip")
	case len(in.ZipFile) > maxZip:
		return nil, &wire.Error{Code: "RequestEntityTooLargeException", Status: 413, Msg: fmt.Sprintf("Zipped size must be smaller than %d bytes", maxZip)}
	}
	return in.ZipFile, nil
}

func tooLarge(limit int, op string) *wire.Error {
	return &wire.Error{Code: "RequestEntityTooLargeException", Status: 413, Msg: fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", limit, op)}
}

// architecture accepts only what this machine's own processor runs.
func (a *api) architecture(in []Architecture) (string, error) {
	if len(in) == 0 {
		return "", nil
	}
	if string(in[0]) != a.opt.Architecture {
		return "", a.refused("Architecture %s is not implemented on this machine, which is %s.", in[0], a.opt.Architecture)
	}
	return a.opt.Architecture, nil
}
