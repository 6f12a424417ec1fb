package lambda

import (
	"fmt"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/invoke"
)

func invalid(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidParameterValueException", Msg: fmt.Sprintf(format, args...)}
}

func notFound(r ref) *wire.Error {
	return &wire.Error{Code: "ResourceNotFoundException", Msg: "Function not found: " + r.arn()}
}

func conflict(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "ResourceConflictException", Msg: fmt.Sprintf(format, args...)}
}

// constraint is what AWS answers when a value breaks a limit that its model does not state.
func constraint(value any, member, must string) *wire.Error {
	return &wire.Error{Code: "ValidationException", Msg: fmt.Sprintf("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, must)}
}

// refused says that Weir knows the feature and does not have it.
func (a *api) refused(format string, args ...any) *wire.Error {
	return a.service.Trouble(wire.NotImplemented, fmt.Sprintf(format, args...))
}

const throttled = "Rate Exceeded."

// fault identifies a neutral error; an empty Kind or Reason matches any.
type fault struct {
	resource cloud.Resource
	kind     cloud.Kind
	reason   string
}

// ec2Fault is how Lambda passes on what EC2 said about a network setting.
func ec2Fault(call, code, format string) func(*cloud.Error) *wire.Error {
	return func(e *cloud.Error) *wire.Error {
		return invalid("Error occurred while %s. EC2 Error Code: %s. EC2 Error Message: %s", call, code, fmt.Sprintf(format, e.ID))
	}
}

func fixed(code, msg string) func(*cloud.Error) *wire.Error {
	return func(*cloud.Error) *wire.Error { return &wire.Error{Code: code, Msg: msg} }
}

func own(code string) func(*cloud.Error) *wire.Error {
	return func(e *cloud.Error) *wire.Error { return &wire.Error{Code: code, Msg: e.Error()} }
}

const revisionMoved = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"

// faults are Lambda's codes and words for what control and invoke refuse.
var faults = map[fault]func(*cloud.Error) *wire.Error{
	{cloud.KindFunction, cloud.NotFound, ""}: func(e *cloud.Error) *wire.Error { return notFound(refOfKey(e.ID)) },
	{cloud.KindFunction, cloud.Exists, ""}:   func(e *cloud.Error) *wire.Error { return conflict("Function already exist: %s", e.ID) },
	{cloud.KindFunction, cloud.Conflict, "updating"}: func(e *cloud.Error) *wire.Error {
		return conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", refOfKey(e.ID).arn())
	},
	{cloud.KindFunction, cloud.Conflict, "revision"}: fixed("PreconditionFailedException", revisionMoved),
	{cloud.KindAlias, cloud.Conflict, "revision"}:    fixed("PreconditionFailedException", revisionMoved),
	{cloud.KindPolicy, cloud.Conflict, "revision"}:   fixed("PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"),

	{cloud.KindFunction, cloud.Invalid, "archive"}:       fixed("InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again."),
	{cloud.KindFunction, cloud.Limit, "unpacked-size"}:   fixed("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes"),
	{cloud.KindFunction, cloud.Invalid, "code-digest"}:   own("InvalidParameterValueException"),
	{cloud.KindFunction, cloud.Limit, "tags"}:            fixed("InvalidParameterValueException", "Number of tags exceeds resource tag limit."),
	{cloud.KindFunction, cloud.NotFound, "event-config"}: func(e *cloud.Error) *wire.Error { return noEventConfig(refOfKey(e.ID)) },
	{cloud.KindFunction, cloud.Limit, "unreserved-concurrency"}: fixed("InvalidParameterValueException",
		fmt.Sprintf("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)),

	{cloud.KindProvision, cloud.Limit, "reserved"}: fixed("InvalidParameterValueException",
		"Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"),
	{cloud.KindProvision, cloud.Limit, "unreserved"}: fixed("InvalidParameterValueException",
		fmt.Sprintf("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)),
	{cloud.KindProvision, cloud.NotFound, ""}: own("ProvisionedConcurrencyConfigNotFoundException"),

	{cloud.KindRole, cloud.Invalid, "not-assumable"}: fixed("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
	{cloud.KindRole, cloud.Denied, networkAction}:    fixed("InvalidParameterValueException", "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"),

	{cloud.KindFunction, cloud.Invalid, "subnets-and-groups"}: fixed("InvalidParameterValueException", "SubnetIds and SecurityIds must coexist or be both empty list."),
	{cloud.KindSubnet, cloud.NotFound, ""}:                    ec2Fault("DescribeSubnets", "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist"),
	{cloud.KindSecurityGroup, cloud.NotFound, ""}:             ec2Fault("DescribeSecurityGroups", "InvalidGroup.NotFound", "The security group '%s' does not exist"),
	{cloud.KindSubnet, cloud.Invalid, "two-vpcs"}:             fixed("InvalidParameterValueException", "Error occurred while CreateFunction. Subnets must belong to the same VPC."),
	{cloud.KindSecurityGroup, cloud.Invalid, "other-vpc"}:     fixed("InvalidParameterValueException", "Security Groups are required to be in the same VPC."),
	{cloud.KindFunction, cloud.Exhausted, "zone-limited"}: fixed("InvalidParameterValueException",
		"The provided subnets contain availability zone Lambda doesn't support. Please use a different set of subnets."),
	{cloud.KindSubnet, cloud.Invalid, "not-dual-stack"}: func(e *cloud.Error) *wire.Error {
		return invalid("Subnet %s is not dual-stack: Ipv6AllowedForDualStack needs an IPv4 and an IPv6 CIDR block on every subnet.", e.ID)
	},

	{cloud.KindAlias, cloud.Exists, ""}:                own("ResourceConflictException"),
	{cloud.KindAlias, cloud.Invalid, "weights-latest"}: fixed("InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version"),
	{cloud.KindAlias, cloud.Invalid, "weights-count"}:  fixed("InvalidParameterValueException", "Number of items in AdditionalVersionWeights cannot be greater than 1"),
	{cloud.KindAlias, cloud.Invalid, "weights-same"}: func(e *cloud.Error) *wire.Error {
		return invalid("Invalid function version %[1]s. Function version %[1]s is already included in routing configuration.", e.ID)
	},
	{cloud.KindAlias, cloud.Invalid, "weights-range"}: own("InvalidParameterValueException"),
	{cloud.KindVersion, cloud.InUse, "alias"}:         own("ResourceConflictException"),
	{cloud.KindVersion, cloud.NotFound, ""}:           own("ResourceNotFoundException"),
	{cloud.KindAlias, cloud.NotFound, ""}:             own("ResourceNotFoundException"),

	{cloud.KindFunction, cloud.Limit, invoke.ThrottledFunction}: tooMany("ReservedFunctionConcurrentInvocationLimitExceeded"),
	{cloud.KindFunction, cloud.Limit, invoke.ThrottledAccount}:  tooMany("ConcurrentInvocationLimitExceeded"),
	{cloud.KindFunction, cloud.State, "no-addresses"}: fixed("SubnetIPAddressLimitReachedException",
		"Lambda was not able to set up VPC access for the Lambda function because one or more configured subnets has no available IP addresses."),
	{cloud.KindFunction, cloud.State, ""}: func(e *cloud.Error) *wire.Error {
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: %s", e.Msg)
	},
	{cloud.KindFunction, cloud.Denied, ""}:      own("AccessDeniedException"), // the other dialect's VPC bindings
	{cloud.KindFunction, cloud.Denied, "role"}:  fixed("AccessDeniedException", "The role defined for the function cannot be assumed by Lambda."),
	{cloud.KindFunction, cloud.Exhausted, ""}:   own("EC2ThrottledException"),
	{cloud.KindFunction, cloud.Unsupported, ""}: own("InvalidRuntimeException"),
	{cloud.KindFunction, cloud.Unavailable, ""}: own("ServiceException"),
}

func tooMany(reason string) func(*cloud.Error) *wire.Error {
	return func(*cloud.Error) *wire.Error {
		return &wire.Error{Code: "TooManyRequestsException", Msg: throttled, Fields: map[string]any{"Reason": reason, "Type": "User"}}
	}
}

// mapError finds Lambda's answer for a neutral error, the most particular first.
func mapError(e *cloud.Error) *wire.Error {
	for _, f := range []fault{{e.Resource, e.Kind, e.Reason}, {e.Resource, e.Kind, ""}} {
		if make, ok := faults[f]; ok {
			out := make(e)
			out.Err = e
			return out
		}
	}
	return nil
}
