package ecs

import (
	"net/http"

	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// absent are the codes for what does not exist, in the vendor's spellings.
var absent = map[cloud.Resource][2]string{
	cloud.KindVPC:               {"InvalidVpcId.NotFound", "The specified VPC does not exist."},
	cloud.KindSubnet:            {"InvalidVSwitchId.NotFound", "The specified vSwitch does not exist."},
	cloud.KindSecurityGroup:     {"InvalidSecurityGroupId.NotFound", "The specified security group does not exist."},
	cloud.KindSecurityGroupRule: {"InvalidSecurityGroupRuleId.NotFound", "The specified security group rule does not exist."},
	cloud.KindInterface:         {"InvalidEniId.NotFound", "The specified network interface does not exist."},
	cloud.KindInstance:          {"InvalidInstanceId.NotFound", "The specified instance does not exist."},
	cloud.KindPrefixList:        {"InvalidPrefixListId.NotFound", "The specified prefix list does not exist."},
}

// words are the codes of other refusals, by kind, resource and control's reason.
var words = map[[3]string][2]string{
	{"in-use", "security-group", ""}:                   {"DependencyViolation", "There is still instance(s) or network interface(s) in the specified security group, or another group refers to it."},
	{"invalid", "security-group", "reserved"}:          {"InvalidSecurityGroupName.Malformed", "The specified security group name is reserved."},
	{"limit", "security-group", ""}:                    {"QuotaExceed.SecurityGroup", "The maximum number of security groups is exceeded."},
	{"limit", "security-group-rule", ""}:               {"AuthorizationLimitExceed", "The limit of authorization records in the security group is reached."},
	{"conflict", "security-group-rule", "many-vpcs"}:   {"InvalidSourceGroupId.Mismatch", "The specified security groups are not in the same VPC."},
	{"conflict", "network-interface", "many-vpcs"}:     {"InvalidOperation.VpcMismatch", "The security group and the vSwitch are not in the same VPC."},
	{"exhausted", "subnet", "addresses"}:               {"InvalidVSwitchId.IpNotEnough", "The specified vSwitch has not enough IP addresses."},
	{"exists", "network-interface", "address-in-use"}:  {"InvalidIp.IpAssigned", "The specified IP address is already assigned."},
	{"invalid", "network-interface", "outside-subnet"}: {"InvalidIp.Address", "The specified IP address is not in the CIDR block of the vSwitch."},
	{"invalid", "network-interface", "reserved"}:       {"InvalidIp.Address", "The specified IP address is reserved."},
	{"invalid", "network-interface", "no-ipv6"}:        {"InvalidVSwitchId.Ipv6NotTurnOn", "IPv6 is not enabled for the specified vSwitch."},
	{"invalid", "network-interface", "no-ipv4"}:        {"InvalidVSwitchId.NotSupport", "The specified vSwitch has no IPv4 CIDR block."},
	{"invalid", "network-interface", "primary"}:        {"InvalidIp.PrimaryIp", "The primary IP address cannot be unassigned."},
	{"invalid", "network-interface", "not-assigned"}:   {"InvalidIp.IpUnassigned", "The specified IP address is not assigned to the network interface."},
	{"limit", "network-interface", ""}:                 {"MaxEniCountExceeded", "The maximum number of network interfaces is exceeded."},
	{"limit", "network-interface", "addresses"}:        {"SecondaryIpAddressLimitExceeded", "The maximum number of IP addresses of the network interface is exceeded."},
	{"limit", "network-interface", "groups"}:           {"JoinedGroupLimitExceed", "The maximum number of security groups of the network interface is exceeded."},
	{"in-use", "network-interface", ""}:                {"InvalidOperation.InvalidEniState", "The operation is not allowed in the current state of the network interface."},
	{"denied", "network-interface", "managed"}:         {"InvalidOperation.EniServiceManaged", "The operation is not allowed: the network interface is managed by a cloud service."},
	{"limit", "instance", ""}:                          {"QuotaExceed.ElasticQuota", "No additional quota is available for the specified ECS instance type."},
	{"exhausted", "instance", "zone"}:                  {"OperationDenied.NoStock", "The requested resource is sold out in the specified zone; try another zone."},
	{"conflict", "instance", "zone"}:                   {"InvalidParameter.NotMatch", "The specified ZoneId is not the zone of the vSwitch."},
	{"state", "instance", "phase"}:                     {"IncorrectInstanceStatus", "The current status of the resource does not support this operation."},
	{"state", "instance", "not-stopped"}:               {"IncorrectInstanceStatus", "The current status of the resource does not support this operation: the instance must be stopped."},
	{"denied", "instance", "keep-api"}:                 {"InvalidOperation.DeletionProtection", "The specified instance has deletion protection and cannot be released."},
	{"missing", "subnet", "no-default"}:                {"MissingParameter", "The input parameter \"VSwitchId\" that is mandatory for processing this request is not supplied."},
	{"limit", "prefix-list", "entries"}:                {"PrefixListEntryLimitExceeded", "The maximum number of entries of the prefix list is exceeded."},
	{"not-found", "prefix-list", "entry"}:              {"InvalidPrefixListEntry.NotFound", "The prefix list has no such entry."},
	{"invalid", "prefix-list", "family"}:               {"InvalidParameter", "An entry is not of the address family of the prefix list."},
	{"in-use", "prefix-list", ""}:                      {"DependencyViolation.SecurityGroup", "The prefix list is associated with resources."},
	{"limit", "tag", ""}:                               {"TagQuotaExceeded", "The maximum number of tags of a resource is exceeded."},
}

// denials are the codes that the vendor answers with 403.
var denials = map[string]bool{
	"QuotaExceed.ElasticQuota": true, "OperationDenied.NoStock": true, "InvalidParameter.NotMatch": true, "IncorrectInstanceStatus": true, "InvalidOperation.DeletionProtection": true,
	"InvalidOperation.VpcMismatch": true, "MaxEniCountExceeded": true, "SecondaryIpAddressLimitExceeded": true, "InvalidOperation.EniServiceManaged": true,
}

// missing is the error for a resource that does not exist.
func missing(kind cloud.Resource) error { return resource.Missing(absent[kind][0], absent[kind][1]) }

// forbidden is an error that the vendor answers with 403.
func forbidden(code, msg string) *wire.Error {
	return &wire.Error{Code: code, Status: http.StatusForbidden, Msg: msg}
}

// mapError puts neutral errors into the product's words.
func mapError(e *cloud.Error) *wire.Error {
	if w, ok := words[[3]string{string(e.Kind), string(e.Resource), e.Reason}]; ok {
		fault := resource.Fault(w[0], w[1])
		if denials[w[0]] {
			fault.Status = http.StatusForbidden
		}
		return fault
	}
	switch e.Kind {
	case cloud.NotFound:
		if w, ok := absent[e.Resource]; ok {
			return resource.Missing(w[0], w[1])
		}
		return resource.Missing("InvalidResourceId.NotFound", e.Msg)
	case cloud.InUse:
		return resource.Fault("DependencyViolation", e.Msg)
	case cloud.Limit:
		return resource.Fault("QuotaExceeded", e.Msg)
	case cloud.Denied:
		return forbidden("OperationDenied", e.Msg)
	case cloud.Exhausted:
		return forbidden("OperationDenied.NoStock", e.Msg)
	case cloud.State, cloud.Conflict, cloud.Exists:
		return resource.Fault("IncorrectStatus", e.Msg)
	}
	return resource.Fault("InvalidParameter", e.Msg)
}
