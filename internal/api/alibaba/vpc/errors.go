package vpc

import (
	"net/http"

	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// absent are the codes for what does not exist, in the vendor's spellings.
var absent = map[cloud.Resource][2]string{
	cloud.KindVPC:           {"InvalidVpcId.NotFound", "Specified VPC does not exist."},
	cloud.KindSubnet:        {"InvalidVswitchID.NotFound", "Specified virtual switch does not exist."},
	cloud.KindIPv6Gateway:   {"InvalidIpv6GatewayId.NotFound", "Specified IPv6 gateway does not exist."},
	cloud.KindIPv6Rule:      {"InvalidIpv6InternetBandwidthId.NotFound", "Specified rule of an IPv6 gateway does not exist."},
	cloud.KindRouteTable:    {"InvalidRouteTableId.NotFound", "Specified route table does not exist."},
	cloud.KindRoute:         {"InvalidRouteEntry.NotFound", "Specified route entry does not exist."},
	cloud.KindNATGateway:    {"InvalidNatGatewayId.NotFound", "Specified NAT gateway does not exist."},
	cloud.KindNATRule:       {"InvalidSnatEntryId.NotFound", "Specified SNAT entry does not exist."},
	cloud.KindNATForward:    {"InvalidForwardEntryId.NotFound", "Specified forward entry ID does not exist"},
	cloud.KindNATAddress:    {"ResourceNotFound.NatIp", "The specified NAT IP address is not found."},
	cloud.KindElasticIP:     {"InvalidAllocationId.NotFound", "Specified allocation ID is not found."},
	cloud.KindInterface:     {"InvalidInstanceId.NotFound", "Specified instance does not exist."},
	cloud.KindInstance:      {"InvalidInstanceId.NotFound", "Specified instance does not exist."},
	cloud.KindSecurityGroup: {"InvalidSecurityGroupId.NotFound", "The specified security group does not exist."},
	cloud.KindFlowLog:       {"ResourceNotFound.FlowLog", "The specified flow log is not found."},
	cloud.KindZone:          {"InvalidZoneId.NotFound", "Specified zone does not exist."},
	cloud.KindPeering:       {"InvalidNextHopId.NotFound", "Specified next hop does not exist."},
}

// words are the codes of other refusals, by kind, resource and control's reason.
var words = map[[3]string][2]string{
	{"invalid", "vpc-cidr", "range"}:                     {"InvalidCidrBlock.Malformed", "Specified CIDR block is not valid."},
	{"conflict", "vpc-cidr", "overlap"}:                  {"InvalidCidrBlock.Overlapped", "Specified CIDR block overlapped with other CIDR blocks of the VPC."},
	{"in-use", "vpc-cidr", "subnet"}:                     {"DependencyViolation.VSwitch", "Specified object has dependent resources: vSwitches in the CIDR block."},
	{"invalid", "subnet", "range"}:                       {"InvalidCidrBlock.Malformed", "Specified CIDR block is not valid: it is no part of the VPC, or not from /16 to /29."},
	{"conflict", "subnet", "overlap"}:                    {"InvalidCidrBlock.Overlapped", "Specified CIDR block overlapped with other subnets."},
	{"in-use", "subnet", ""}:                             {"DependencyViolation", "Specified object has dependent resources."},
	{"limit", "vpc", ""}:                                 {"QuotaExceeded.Vpc", "VPC quota exceeded."},
	{"limit", "subnet", ""}:                              {"QuotaExceeded.VSwitch", "VSwitch quota exceeded."},
	{"limit", "vpc-cidr", "ipv4"}:                        {"QuotaExceeded.SecondaryCidrBlock", "The quota of secondary CIDR blocks is exceeded."},
	{"limit", "route-table", ""}:                         {"QuotaExceeded.RouteTable", "The quota of route tables is exceeded."},
	{"limit", "route", ""}:                               {"QuotaExceeded", "Route entry quota exceeded in this route table."},
	{"limit", "elastic-ip", ""}:                          {"QuotaExceeded.Eip", "Elastic IP address quota exceeded."},
	{"limit", "nat-gateway", ""}:                         {"QuotaExceeded.NatGateway", "The quota of NAT gateways is exceeded."},
	{"limit", "nat-gateway", "addresses"}:                {"QuotaExceeded.NatGatewayEip", "The quota of EIPs of the NAT gateway is exceeded."},
	{"exhausted", "elastic-ip", "pool"}:                  {"InsufficientResource", "There are not enough elastic IP addresses."},
	{"exhausted", "subnet", "addresses"}:                 {"InvalidVSwitchId.IpNotEnough", "The specified vSwitch has not enough IP addresses."},
	{"in-use", "elastic-ip", ""}:                         {"IncorrectEipStatus", "Current elastic IP status does not support this operation."},
	{"exists", "address-association", ""}:                {"IncorrectEipStatus", "Current elastic IP status does not support this operation."},
	{"exists", "route", ""}:                              {"InvalidCIDRBlock.Duplicate", "Specified CIDR block is already exists."},
	{"invalid", "route", "inside-vpc"}:                   {"InvalidCidrBlock", "Specified CIDR block is not valid: it is inside the block of a vSwitch, or of a VPC whose own blocks are routed whole."},
	{"invalid", "route", "services"}:                     {"InvalidCidrBlock", "Specified CIDR block is not valid: cloud services are there."},
	{"invalid", "route", "ipv6-nat"}:                     {"OperationFailed.NotSupportIPV6", "The specified next hop does not support IPv6."},
	{"exists", "internet-gateway", "vpc-has-one"}:        {"ResourceAlreadyAssociated.Vpc", "The VPC has an IPv4 gateway already."},
	{"state", "internet-gateway", "awake"}:               {"IncorrectStatus.Ipv4Gateway", "The status of the IPv4 gateway is incorrect: it is enabled."},
	{"in-use", "internet-gateway", "route"}:              {"DependencyViolation.RouteEntry", "Specified object has dependent resources: route entries lead to the IPv4 gateway."},
	{"state", "ipv6-gateway", "no-ipv6"}:                 {"OperationFailed.VpcIpv6NotEnabled", "IPv6 is not enabled for the VPC."},
	{"exists", "ipv6-gateway", ""}:                       {"ResourceAlreadyAssociated.Vpc", "The VPC has an IPv6 gateway already."},
	{"in-use", "ipv6-gateway", "route"}:                  {"DependencyViolation.RouteEntry", "Specified object has dependent resources: route entries lead to the IPv6 gateway."},
	{"in-use", "ipv6-gateway", "access"}:                 {"DependencyViolation.Ipv6InternetBandwidth", "Specified object has dependent resources: IPv6 addresses have Internet bandwidth."},
	{"in-use", "ipv6-gateway", "outward"}:                {"DependencyViolation.Ipv6EgressOnlyRule", "Specified object has dependent resources: egress-only rules."},
	{"invalid", "ipv6-rule", "address"}:                  {"InvalidIpv6AddressId.NotFound", "Specified IPv6 address does not exist in the VPC of the IPv6 gateway."},
	{"exists", "ipv6-rule", "access"}:                    {"OperationFailed.Ipv6InternetBandwidthExist", "The IPv6 address has Internet bandwidth already."},
	{"exists", "ipv6-rule", "outward"}:                   {"OperationFailed.Ipv6EgressOnlyRuleExist", "The IPv6 address has an egress-only rule already."},
	{"exhausted", "vpc-cidr", "ipv6-pool"}:               {"InsufficientResource", "There is no IPv6 CIDR block left."},
	{"limit", "subnet-cidr", "ipv6"}:                     {"OperationFailed.VSwitchIpv6Enabled", "The vSwitch has another IPv6 CIDR block."},
	{"in-use", "subnet-cidr", "address"}:                 {"DependencyViolation.Ipv6Address", "Specified object has dependent resources: IPv6 addresses of the vSwitch."},
	{"in-use", "network-acl", ""}:                        {"DependencyViolation.VSwitch", "Specified object has dependent resources: a vSwitch is associated with the network ACL."},
	{"limit", "network-acl", ""}:                         {"QuotaExceeded.NetworkAcl", "The quota of network ACLs is exceeded."},
	{"limit", "network-acl", "entries"}:                  {"QuotaExceeded.NetworkAclEntry", "The quota of rules of a network ACL is exceeded."},
	{"conflict", "acl-association", "many-vpcs"}:         {"OperationFailed.VpcNotMatch", "The network ACL and the vSwitch are not in the same VPC."},
	{"conflict", "route", "many-vpcs"}:                   {"InvalidNextHopId.NotFound", "Specified next hop does not exist in the VPC of the route table."},
	{"in-use", "route-table", ""}:                        {"DependencyViolation.VSwitch", "Specified object has dependent resources: a vSwitch is associated with the route table."},
	{"conflict", "route-table-association", "many-vpcs"}: {"OperationFailed.VpcNotMatch", "The route table and the vSwitch are not in the same VPC."},
	{"in-use", "nat-gateway", "rules"}:                   {"DependencyViolation.SnatEntry", "The NAT gateway has SNAT entries."},
	{"in-use", "nat-gateway", "addresses"}:               {"DependencyViolation.EIPS", "The NAT gateway has elastic IP addresses."},
	{"in-use", "nat-gateway", "forwards"}:                {"DependencyViolation.ForwardEntry", "The NAT gateway has DNAT entries."},
	{"in-use", "elastic-ip", "nat-rule"}:                 {"InvalidIpStatus.HasBeenUsedBySnatTable", "The elastic IP address is used by a SNAT entry."},
	{"in-use", "elastic-ip", "nat-forward"}:              {"InvalidIpStatus.HasBeenUsedByForwardEntry", "The elastic IP address is used by a DNAT entry."},
	{"invalid", "nat-forward", "address"}:                {"InvalidIp.NotInNatgw", "The specified Ip not belong to natgateway."},
	{"invalid", "nat-forward", "outside"}:                {"Forbidden.InternalIpOutOfVpcCIDR", "The specified Internal Ip is Out of VPC CIDR."},
	{"conflict", "nat-forward", "public"}:                {"Forbindden", "The specified Instance already bind eip"}, // the vendor's spelling
	{"conflict", "nat-forward", "nat-rule"}:              {"Forbidden.ExternalIp.UsedInSnatTable", "The specified ExternalIp is already used in SnatTable"},
	{"conflict", "nat-rule", "forward"}:                  {"InvalidSnatIp.UsedInForwardTable", "The specified SNAT IP address is used by a DNAT entry of all ports."},
	{"exists", "nat-forward", "external"}:                {"InvalidExternalIp.Duplicate", "The ports of the ExternalIp have a DNAT entry already."},
	{"exists", "nat-forward", "internal"}:                {"InvalidInternalIp.Duplicate", "The ports of the InternalIp have a DNAT entry already."},
	{"limit", "nat-forward", ""}:                         {"QuotaExceeded.ForwardEntry", "The quota of DNAT entries is exceeded."},
	{"invalid", "nat-gateway", "private-with-address"}:   {"OperationUnsupported.NatGateway", "The operation is not supported: a VPC NAT gateway takes no elastic IP address."},
	{"invalid", "nat-address", "public"}:                 {"OperationUnsupported.NatGateway", "The operation is not supported: only VPC NAT gateways have NAT IP addresses."},
	{"invalid", "nat-address", "default"}:                {"OperationFailed.DefaultNatIp", "The operation is failed because of default NatIP can not be deleted."},
	{"in-use", "nat-address", ""}:                        {"DependencyViolation.NatIp", "SNAT or DNAT entries use the NAT IP address."},
	{"limit", "nat-address", ""}:                         {"QuotaExceeded.NatIp", "The quota of NAT IP addresses of the NAT gateway is exceeded."},
	{"exists", "network-interface", "address-in-use"}:    {"ResourceAlreadyExist.NatIp", "The specified IP address is in use."},
	{"invalid", "network-interface", "outside-subnet"}:   {"IllegalParam.NatIp", "The specified IP address is not in the CIDR block of the vSwitch."},
	{"invalid", "network-interface", "reserved"}:         {"IllegalParam.NatIp", "The specified IP address is reserved."},
	{"exists", "nat-rule", ""}:                           {"InvalidSourceVSwitchId.Duplicate", "The vSwitch or CIDR block has a SNAT entry already."},
	{"invalid", "nat-rule", "address"}:                   {"InvalidSnatIp.NotFound", "Specified SNAT IP address is not one of the NAT gateway."},
	{"conflict", "nat-rule", "many-vpcs"}:                {"InvalidVswitchID.NotFound", "Specified virtual switch is not in the VPC of the NAT gateway."},
	{"exists", "flow-log", ""}:                           {"ResourceAlreadyExist.FlowLog", "The resource has a flow log to the Logstore already."},
	{"limit", "tag", ""}:                                 {"SizeLimitExceeded.TagNum", "The maximum number of tags is exceeded."},
	{"exhausted", "nat-gateway", "zone-limited"}:         {"OperationFailed.ZoneResourceLimit", "The zone of the vSwitch has no resources for a NAT gateway."},
	{"invalid", "zone", "unknown-zone"}:                  {"InvalidZoneId.NotFound", "Specified zone does not exist."},
	{"invalid", "zone", "limited"}:                       {"OperationFailed.ZoneResourceLimit", "The zone has no resources left; use another zone."},
}

// mapError puts neutral errors into the product's words.
func mapError(e *cloud.Error) *wire.Error {
	if w, ok := words[[3]string{string(e.Kind), string(e.Resource), e.Reason}]; ok {
		return resource.Fault(w[0], w[1])
	}
	switch e.Kind {
	case cloud.NotFound:
		if w, ok := absent[e.Resource]; ok {
			return resource.Missing(w[0], w[1])
		}
	case cloud.InUse:
		return resource.Fault("DependencyViolation", e.Msg)
	case cloud.Limit:
		return resource.Fault("QuotaExceeded", e.Msg)
	case cloud.Denied:
		return &wire.Error{Code: "OperationDenied", Status: http.StatusForbidden, Msg: e.Msg}
	case cloud.State, cloud.Conflict, cloud.Exists:
		return resource.Fault("IncorrectStatus", e.Msg)
	case cloud.Exhausted:
		return resource.Fault("InsufficientResource", e.Msg)
	}
	return nil
}
