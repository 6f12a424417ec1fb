package ec2

import (
	"errors"
	"fmt"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// fault identifies a refusal of control.
type fault struct {
	kind     cloud.Kind
	resource cloud.Resource
	reason   string
}

// words are Amazon's code and message. In the message "%s" is the ID at fault; ""
// takes control's own text.
type words struct{ code, msg string }

// absence is how Amazon says that there is no such resource, and that its ID
// has no valid form ("" if it does not tell these apart: its list of codes has
// Malformed for VPCs, subnets and route tables, too, its answers do not).
type absence struct{ code, msg, malformed string }

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var absences = map[cloud.Resource]absence{
	cloud.KindVPC:               {"InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", ""},
	cloud.KindVPCCIDR:           {"InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", ""},
	cloud.KindSubnet:            {"InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", ""},
	cloud.KindSubnetCIDR:        {"InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block association ID '%s' does not exist", "InvalidSubnetCidrBlockAssociationId.Malformed"},
	cloud.KindRouteTable:        {"InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", ""},
	cloud.KindAssociation:       {"InvalidAssociationID.NotFound", "The association ID '%s' does not exist", ""},
	cloud.KindACLAssociation:    {"InvalidAssociationID.NotFound", "The association ID '%s' does not exist", ""},
	cloud.KindAddressAssoc:      {"InvalidAssociationID.NotFound", "The association ID '%s' does not exist", ""},
	cloud.KindInternetGateway:   {"InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist", "InvalidInternetGatewayId.Malformed"},
	cloud.KindEgressOnlyGateway: {"InvalidGatewayID.NotFound", "The eigw ID '%s' does not exist", "InvalidEgressOnlyInternetGatewayId.Malformed"},
	cloud.KindNATGateway:        {"NatGatewayNotFound", "NatGateway %s was not found", "NatGatewayMalformed"},
	cloud.KindElasticIP:         {"InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", ""},
	cloud.KindSecurityGroup:     {"InvalidGroup.NotFound", "The security group '%s' does not exist", "InvalidGroupId.Malformed"},
	cloud.KindSecurityGroupRule: {"InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", "InvalidSecurityGroupRuleId.Malformed"},
	cloud.KindNetworkACL:        {"InvalidNetworkAclID.NotFound", "The networkAcl ID '%s' does not exist", "InvalidNetworkAclId.Malformed"},
	cloud.KindInterface:         {"InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", "InvalidNetworkInterfaceId.Malformed"},
	cloud.KindAttachment:        {"InvalidAttachmentID.NotFound", "The networkInterface attachment ID '%s' does not exist", "InvalidNetworkInterfaceAttachmentId.Malformed"},
	cloud.KindDHCPOptions:       {"InvalidDhcpOptionID.NotFound", "The dhcpOption ID '%s' does not exist", "InvalidDhcpOptionsId.Malformed"},
	cloud.KindPrefixList:        {"InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", "InvalidPrefixListId.Malformed"},
	cloud.KindEndpoint:          {"InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist", "InvalidVpcEndpointId.Malformed"},
	cloud.KindEndpointService:   {"InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id '%s' does not exist", "InvalidVpcEndpointServiceId.Malformed"},
	cloud.KindLoadBalancer:      {"InvalidParameter", "The load balancer '%s' does not exist", ""},
	cloud.KindPeering:           {"InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist", "InvalidVpcPeeringConnectionId.Malformed"},
	cloud.KindFlowLog:           {"InvalidFlowLogId.NotFound", "These flow log ids in the input list are not found: [TotalCount: 1] %s", ""},
	cloud.KindTransitRouter:     {"InvalidTransitGatewayID.NotFound", "Transit Gateway %s was deleted or does not exist.", "InvalidTransitGatewayID.Malformed"},
	cloud.KindTransitAttachment: {"InvalidTransitGatewayAttachmentID.NotFound", "Transit Gateway Attachment %s was deleted or does not exist.", "InvalidTransitGatewayAttachmentID.Malformed"},
	cloud.KindTransitTable:      {"InvalidRouteTableID.NotFound", "Transit Gateway Route Table %s was deleted or does not exist.", "InvalidRouteTableId.Malformed"},
	cloud.KindTransitRoute:      {"InvalidRoute.NotFound", "no route with destination %s in the route table", ""},
	cloud.KindInsightsPath:      {"InvalidNetworkInsightsPathId.NotFound", "The network insights path ID '%s' does not exist", "InvalidNetworkInsightsPathId.Malformed"},
	cloud.KindInsightsAnalysis:  {"InvalidNetworkInsightsAnalysisId.NotFound", "The network insights analysis ID '%s' does not exist", "InvalidNetworkInsightsAnalysisId.Malformed"},
	cloud.KindInstance:          {"InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", "InvalidInstanceID.Malformed"},
}

// noSuch is the error for an ID that nothing has.
func noSuch(kind cloud.Resource, id string) *wire.Error {
	a := absences[kind]
	if a.malformed != "" && !wellFormed(kind, id) {
		return &wire.Error{Code: a.malformed, Msg: fmt.Sprintf("Invalid id: %q (expecting \"%s-...\")", id, idPrefixes[kind])}
	}
	return &wire.Error{Code: a.code, Msg: fmt.Sprintf(a.msg, id)}
}

const (
	badParameter = "InvalidParameterValue"
	inUse        = "DependencyViolation"
	noPermission = "You do not have permission to access the specified resource."
)

// faults are Amazon's words for everything else that control refuses.
var faults = map[fault]words{
	{cloud.Conflict, cloud.KindToken, "token-reused"}: {"IdempotentParameterMismatch", "The client token '%s' was used with different parameters"},
	{cloud.Limit, cloud.KindTag, ""}:                  {"TagLimitExceeded", "The maximum number of Tags for a resource has been reached."},
	{cloud.NotFound, cloud.KindTag, "resource"}:       {"InvalidID", "The ID '%s' is not valid"},
	{cloud.Invalid, cloud.KindZone, "limited"}:        {badParameter, "Value (%s) for parameter availabilityZone is invalid."},
	{cloud.Invalid, cloud.KindZone, "unknown-zone"}:   {badParameter, "Value (%s) for parameter availabilityZone is invalid."},

	{cloud.Limit, cloud.KindVPC, ""}:                  {"VpcLimitExceeded", "The maximum number of VPCs has been reached."},
	{cloud.InUse, cloud.KindVPC, ""}:                  {inUse, "The vpc '%s' has dependencies and cannot be deleted."},
	{cloud.Exists, cloud.KindVPC, "default"}:          {"DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region."},
	{cloud.State, cloud.KindVPC, "no-default"}:        {"VPCIdNotSpecified", "No default VPC for this user"},
	{cloud.State, cloud.KindVPC, "default-gone"}:      {"DefaultVpcDoesNotExist", "No default VPC exists for this account in this region."},
	{cloud.Invalid, cloud.KindVPCCIDR, "range"}:       {"InvalidVpc.Range", "The CIDR '%s' is invalid."},
	{cloud.Conflict, cloud.KindVPCCIDR, "overlap"}:    {"InvalidVpc.Range", "The CIDR '%s' conflicts with another CIDR of the VPC"},
	{cloud.Limit, cloud.KindVPCCIDR, "ipv4"}:          {"CidrLimitExceeded", "This network %s has met its maximum number of allowed CIDRs: 5"},
	{cloud.Limit, cloud.KindVPCCIDR, "ipv6"}:          {"CidrLimitExceeded", "This network %s has met its maximum number of allowed CIDRs: 5"},
	{cloud.State, cloud.KindVPCCIDR, "primary"}:       {"OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC"},
	{cloud.InUse, cloud.KindVPCCIDR, "subnet"}:        {"InvalidCidrBlock.InUse", ""},
	{cloud.Exhausted, cloud.KindVPCCIDR, "ipv6-pool"}: {"InsufficientAddressCapacity", ""},

	{cloud.Limit, cloud.KindSubnet, ""}:                 {"SubnetLimitExceeded", "The maximum number of subnets has been reached."},
	{cloud.InUse, cloud.KindSubnet, ""}:                 {inUse, "The subnet '%s' has dependencies and cannot be deleted."},
	{cloud.Exists, cloud.KindSubnet, "default"}:         {"DefaultSubnetAlreadyExistsInAvailabilityZone", ""},
	{cloud.Invalid, cloud.KindSubnet, "range"}:          {"InvalidSubnet.Range", "The CIDR '%s' is invalid."},
	{cloud.Invalid, cloud.KindSubnet, "no-ipv6"}:        {badParameter, "Invalid value 'true' for assignIpv6AddressOnCreation. The subnet '%s' must have an associated IPv6 CIDR block"},
	{cloud.Invalid, cloud.KindSubnet, "address-name"}:   {badParameter, ""},
	{cloud.Invalid, cloud.KindInstance, "address-name"}: {badParameter, ""},
	{cloud.Invalid, cloud.KindSubnet, "dns64"}:          {badParameter, "Invalid value 'true' for enable-dns64. Cannot set enable-dns64 to true unless the subnet (%s) has an IPv6 CIDR block associated with it."},
	{cloud.Conflict, cloud.KindSubnet, "overlap"}:       {"InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet"},
	{cloud.Exhausted, cloud.KindSubnet, "addresses"}:    {"InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request."},
	{cloud.Exhausted, cloud.KindSubnet, "block"}:        {"InvalidSubnet.Conflict", "The VPC '%s' has no free block for a default subnet"},
	{cloud.Limit, cloud.KindSubnetCIDR, "ipv6"}:         {"SubnetIpv6CidrLimitExceeded", "The subnet '%s' already has an associated IPv6 CIDR block"},
	{cloud.InUse, cloud.KindSubnetCIDR, "assign-ipv6"}:  {"InvalidCidrBlock.InUse", "The subnet IPv6 CIDR block with association ID %s may not be disassociated, because its subnet has assign-ipv6-address-on-creation set to true."},
	{cloud.InUse, cloud.KindSubnetCIDR, "address"}:      {"InvalidCidrBlock.InUse", "The subnet IPv6 CIDR block with association ID %s may not be disassociated. It currently has addresses that are in use"},

	{cloud.Limit, cloud.KindRouteTable, ""}:              {"RouteTableLimitExceeded", "The maximum number of route tables has been reached."},
	{cloud.InUse, cloud.KindRouteTable, ""}:              {inUse, "The routeTable '%s' has dependencies and cannot be deleted."},
	{cloud.Exists, cloud.KindAssociation, ""}:            {"Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association"},
	{cloud.Invalid, cloud.KindAssociation, "main"}:       {badParameter, "cannot disassociate the main route table association %s"},
	{cloud.Conflict, cloud.KindAssociation, "many-vpcs"}: {badParameter, ""},
	{cloud.Exists, cloud.KindRoute, ""}:                  {"RouteAlreadyExists", "The route identified by %s already exists."},
	{cloud.Exists, cloud.KindRoute, "endpoint"}:          {"RouteAlreadyExists", ""},
	{cloud.NotFound, cloud.KindRoute, ""}:                {"InvalidRoute.NotFound", ""},
	{cloud.Limit, cloud.KindRoute, ""}:                   {"RouteLimitExceeded", "The maximum number of routes has been reached."},
	{cloud.Conflict, cloud.KindRoute, "many-vpcs"}:       {badParameter, ""},
	{cloud.Invalid, cloud.KindRoute, "replace-missing"}:  {badParameter, "There is no route defined for '%s' in the route table. Use CreateRoute instead."},
	{cloud.Invalid, cloud.KindRoute, "local"}:            {badParameter, ""},
	{cloud.Invalid, cloud.KindRoute, "endpoint"}:         {badParameter, ""},
	{cloud.Invalid, cloud.KindRoute, "services"}:         {badParameter, "The destination CIDR block %s is used by internal services of the VPC."},
	{cloud.Invalid, cloud.KindRoute, "inside-vpc"}:       {badParameter, "The destination CIDR block %s is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."},
	{cloud.Invalid, cloud.KindRoute, "ipv4-egress-only"}: {badParameter, "Value (%s) for parameter destinationCidrBlock is invalid. An egress-only internet gateway serves IPv6 only."},
	{cloud.Invalid, cloud.KindRoute, "ipv6-nat"}:         {badParameter, "Value (%s) for parameter destinationIpv6CidrBlock is invalid. A NAT gateway serves IPv4, and IPv6 for 64:ff9b::/96 only."},
	{cloud.Unsupported, cloud.KindRoute, "target"}:       {"UnsupportedOperation", ""},

	{cloud.NotFound, cloud.KindInternetGateway, "route-target"}:  {"InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist"},
	{cloud.Limit, cloud.KindInternetGateway, ""}:                 {"InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached."},
	{cloud.InUse, cloud.KindInternetGateway, ""}:                 {inUse, "The internetGateway '%s' has dependencies and cannot be deleted."},
	{cloud.InUse, cloud.KindInternetGateway, "mapped-addresses"}: {inUse, ""},
	{cloud.Exists, cloud.KindInternetGateway, "attached"}:        {"Resource.AlreadyAssociated", ""},
	{cloud.Invalid, cloud.KindInternetGateway, "vpc-has-one"}:    {badParameter, ""},
	{cloud.State, cloud.KindInternetGateway, "not-attached"}:     {"Gateway.NotAttached", ""},
	{cloud.State, cloud.KindInternetGateway, "no-gateway"}:       {"Gateway.NotAttached", ""},
	{cloud.Limit, cloud.KindEgressOnlyGateway, ""}:               {"EgressOnlyInternetGatewayLimitExceeded", "The maximum number of egress-only internet gateways has been reached."},

	{cloud.Limit, cloud.KindNATGateway, ""}:                       {"NatGatewayLimitExceeded", "Performing this operation would exceed the limit of NAT gateways in the Availability Zone %s"},
	{cloud.Limit, cloud.KindNATGateway, "addresses"}:              {"NatGatewayAddressLimitExceeded", "Performing this operation would exceed the limit of addresses of %s"},
	{cloud.Missing, cloud.KindNATGateway, "allocation"}:           {"MissingParameter", "The request must contain the parameter allocationId"},
	{cloud.Invalid, cloud.KindNATGateway, "private-with-address"}: {"InvalidParameterCombination", "An allocation ID cannot be specified for a private NAT gateway"},
	{cloud.State, cloud.KindNATGateway, "draining"}:               {"IncorrectState", ""},
	{cloud.Invalid, cloud.KindNATGateway, "connectivity"}:         {"InvalidParameterCombination", ""},

	{cloud.NotFound, cloud.KindElasticIP, "address"}: {"InvalidAddress.NotFound", "Address '%s' not found."},
	{cloud.Limit, cloud.KindElasticIP, ""}:           {"AddressLimitExceeded", "The maximum number of addresses has been reached."},
	{cloud.InUse, cloud.KindElasticIP, ""}:           {"InvalidIPAddress.InUse", "The address '%s' is in use."},
	// what the other dialect's rules of a NAT gateway hold
	{cloud.InUse, cloud.KindElasticIP, "nat-rule"}:    {"InvalidIPAddress.InUse", ""},
	{cloud.InUse, cloud.KindElasticIP, "nat-forward"}: {"InvalidIPAddress.InUse", ""},
	{cloud.InUse, cloud.KindNATGateway, "rules"}:      {"DependencyViolation", ""},
	{cloud.InUse, cloud.KindNATGateway, "forwards"}:   {"DependencyViolation", ""},
	{cloud.InUse, cloud.KindNATGateway, "addresses"}:  {"DependencyViolation", ""},
	{cloud.Exhausted, cloud.KindElasticIP, "pool"}:    {"InsufficientAddressCapacity", ""},
	{cloud.Exists, cloud.KindAddressAssoc, ""}:        {"Resource.AlreadyAssociated", ""},

	{cloud.Limit, cloud.KindSecurityGroup, ""}:                 {"SecurityGroupLimitExceeded", "The maximum number of security groups for this account has been reached."},
	{cloud.Exists, cloud.KindSecurityGroup, ""}:                {"InvalidGroup.Duplicate", ""},
	{cloud.Invalid, cloud.KindSecurityGroup, "reserved"}:       {"InvalidGroup.Reserved", "The security group '%s' is reserved"},
	{cloud.State, cloud.KindSecurityGroup, "default"}:          {"CannotDelete", ""},
	{cloud.InUse, cloud.KindSecurityGroup, ""}:                 {inUse, "resource %s has a dependent object"},
	{cloud.Limit, cloud.KindSecurityGroupRule, ""}:             {"RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."},
	{cloud.Exists, cloud.KindSecurityGroupRule, ""}:            {"InvalidPermission.Duplicate", ""},
	{cloud.NotFound, cloud.KindSecurityGroupRule, "no-match"}:  {"InvalidPermission.NotFound", "The specified rule does not exist in this security group."},
	{cloud.Conflict, cloud.KindSecurityGroupRule, "many-vpcs"}: {"InvalidGroup.NotFound", ""},

	{cloud.Limit, cloud.KindNetworkACL, ""}:                 {"NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached."},
	{cloud.Limit, cloud.KindNetworkACL, "entries"}:          {"NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached."},
	{cloud.InUse, cloud.KindNetworkACL, ""}:                 {inUse, "The networkAcl '%s' has dependencies and cannot be deleted."},
	{cloud.Invalid, cloud.KindNetworkACL, "default"}:        {badParameter, ""},
	{cloud.Exists, cloud.KindNetworkACL, "entry"}:           {"NetworkAclEntryAlreadyExists", ""},
	{cloud.NotFound, cloud.KindNetworkACL, "entry"}:         {"InvalidNetworkAclEntry.NotFound", ""},
	{cloud.Conflict, cloud.KindACLAssociation, "many-vpcs"}: {badParameter, ""},

	{cloud.Limit, cloud.KindInterface, ""}:                  {"NetworkInterfaceLimitExceeded", "The maximum number of network interfaces has been reached."},
	{cloud.Limit, cloud.KindInterface, "groups"}:            {"SecurityGroupsPerInterfaceLimitExceeded", "You have exceeded the maximum number of security groups allowed per network interface."},
	{cloud.Limit, cloud.KindInterface, "addresses"}:         {"PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit."},
	{cloud.InUse, cloud.KindInterface, ""}:                  {badParameter, "Network interface '%s' is currently in use."},
	{cloud.InUse, cloud.KindAttachment, ""}:                 {"InvalidNetworkInterface.InUse", "Interface: [%s] in use."},
	{cloud.Denied, cloud.KindInterface, "managed"}:          {"AuthFailure", noPermission},
	{cloud.Conflict, cloud.KindInterface, "many-vpcs"}:      {"InvalidParameter", ""},
	{cloud.Exists, cloud.KindInterface, "address-in-use"}:   {"InvalidIPAddress.InUse", ""},
	{cloud.Invalid, cloud.KindInterface, "outside-subnet"}:  {badParameter, ""},
	{cloud.Invalid, cloud.KindInterface, "reserved"}:        {badParameter, ""},
	{cloud.Invalid, cloud.KindInterface, "not-assigned"}:    {badParameter, ""},
	{cloud.Invalid, cloud.KindInterface, "not-its-address"}: {badParameter, "Invalid value '%s' for PrivateIpAddress. Must be one of the private addresses of the network interface."},
	{cloud.Invalid, cloud.KindInterface, "primary"}:         {badParameter, ""},
	{cloud.Invalid, cloud.KindInterface, "no-ipv6"}:         {badParameter, "The subnet '%s' does not have an IPv6 CIDR block"},
	{cloud.Invalid, cloud.KindInterface, "no-ipv4"}:         {"InvalidParameterValue", ""},

	{cloud.InUse, cloud.KindDHCPOptions, ""}: {inUse, "The dhcpOptions '%s' has dependencies and cannot be deleted."},

	{cloud.Limit, cloud.KindPrefixList, ""}:              {"PrefixListLimitExceeded", "The maximum number of prefix lists has been reached."},
	{cloud.Limit, cloud.KindPrefixList, "entries"}:       {"PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list."},
	{cloud.Invalid, cloud.KindPrefixList, "max-entries"}: {badParameter, ""},
	{cloud.Invalid, cloud.KindPrefixList, "family"}:      {badParameter, "Value (%s) for parameter Cidr is invalid. It is not of the address family of the prefix list."},
	{cloud.NotFound, cloud.KindPrefixList, "entry"}:      {badParameter, "The CIDR '%s' is not an entry of the prefix list"},
	{cloud.NotFound, cloud.KindPrefixList, "version"}:    {badParameter, ""},
	{cloud.Conflict, cloud.KindPrefixList, "version"}:    {"PrefixListVersionMismatch", "The prefix list has the incorrect version number"},
	{cloud.Denied, cloud.KindPrefixList, "platform"}:     {"UnauthorizedOperation", "You are not authorized to perform this operation."},
	{cloud.InUse, cloud.KindPrefixList, ""}:              {inUse, "The prefix list '%s' is in use and cannot be deleted."},

	{cloud.Exists, cloud.KindPeering, ""}:           {"VpcPeeringConnectionAlreadyExists", ""},
	{cloud.Invalid, cloud.KindPeering, "region"}:    {badParameter, "Value (%s) for parameter peerRegion is invalid."},
	{cloud.Limit, cloud.KindPeering, ""}:            {"ActiveVpcPeeringConnectionPerVpcLimitExceeded", "The maximum number of active VPC peering connections of %s has been reached."},
	{cloud.Limit, cloud.KindPeering, "outstanding"}: {"OutstandingVpcPeeringConnectionLimitExceeded", "The maximum number of outstanding VPC peering connection requests of %s has been reached."},
	{cloud.State, cloud.KindPeering, "transition"}:  {"InvalidStateTransition", ""},
	{cloud.State, cloud.KindPeering, "not-active"}:  {"OperationNotPermitted", ""},
	{cloud.Denied, cloud.KindPeering, "side"}:       {"OperationNotPermitted", ""},

	{cloud.Limit, cloud.KindTransitRouter, ""}:                       {"TransitGatewayLimitExceeded", "The maximum number of transit gateways has been reached."},
	{cloud.State, cloud.KindTransitRouter, ""}:                       {"IncorrectState", ""},
	{cloud.InUse, cloud.KindTransitRouter, ""}:                       {"IncorrectState", ""},
	{cloud.Exists, cloud.KindTransitAttachment, ""}:                  {"DuplicateTransitGatewayAttachment", ""},
	{cloud.State, cloud.KindTransitAttachment, ""}:                   {"IncorrectState", ""},
	{cloud.Limit, cloud.KindTransitAttachment, ""}:                   {"TransitGatewayAttachmentLimitExceeded", "The maximum number of transit gateway attachments of %s has been reached."},
	{cloud.Conflict, cloud.KindTransitAttachment, "zone"}:            {"DuplicateSubnetsInSameZone", ""},
	{cloud.Conflict, cloud.KindTransitAttachment, "subnet-vpc"}:      {"InvalidParameterValue", ""},
	{cloud.Conflict, cloud.KindTransitAttachment, "router"}:          {"InvalidParameterValue", ""},
	{cloud.Invalid, cloud.KindTransitAttachment, "ipv6-only"}:        {"InvalidParameterValue", ""},
	{cloud.Invalid, cloud.KindTransitAttachment, "no-ipv6"}:          {"InvalidParameterValue", ""},
	{cloud.Invalid, cloud.KindTransitAttachment, "no-subnet"}:        {"InvalidParameterValue", ""},
	{cloud.Invalid, cloud.KindTransitAttachment, "itself"}:           {"InvalidParameterValue", ""},
	{cloud.Invalid, cloud.KindTransitAttachment, "region"}:           {badParameter, "Value (%s) for parameter PeerRegion is invalid."},
	{cloud.Invalid, cloud.KindTransitAttachment, "peer-propagation"}: {"InvalidParameterValue", ""},
	{cloud.Exists, cloud.KindTransitAttachment, "associated"}:        {"Resource.AlreadyAssociated", ""},
	{cloud.Limit, cloud.KindTransitTable, ""}:                        {"TransitGatewayRouteTableLimitExceeded", "The maximum number of transit gateway route tables of %s has been reached."},
	{cloud.InUse, cloud.KindTransitTable, ""}:                        {"IncorrectState", ""},
	{cloud.Conflict, cloud.KindTransitTable, "router"}:               {"InvalidParameterValue", ""},
	{cloud.NotFound, cloud.KindTransitTable, "association"}:          {"InvalidAssociation.NotFound", ""},
	{cloud.NotFound, cloud.KindTransitTable, "propagation"}:          {"TransitGatewayRouteTablePropagation.NotFound", ""},
	{cloud.Exists, cloud.KindTransitTable, "propagation"}:            {"TransitGatewayRouteTablePropagation.Duplicate", ""},
	{cloud.Exists, cloud.KindTransitRoute, ""}:                       {"RouteAlreadyExists", "The route identified by %s already exists."},
	{cloud.Limit, cloud.KindTransitRoute, ""}:                        {"TransitGatewayRouteLimitExceeded", "The maximum number of static routes of %s has been reached."},

	{cloud.InUse, cloud.KindInsightsPath, ""}:              {"AnalysisExistsForNetworkInsightsPath", "Analysis exists for network insights path '%s'. Delete all analyses of the path first."},
	{cloud.Missing, cloud.KindInsightsPath, "destination"}: {"MissingParameter", "The request must contain the parameter destination"},
	{cloud.Limit, cloud.KindInsightsPath, ""}:              {"NetworkInsightsPath.LimitExceeded", "The maximum number of network insights paths has been reached."},
	{cloud.Limit, cloud.KindInsightsAnalysis, ""}:          {"NetworkInsightsAnalysis.LimitExceeded", "The maximum number of network insights analyses has been reached."},

	{cloud.Exists, cloud.KindFlowLog, ""}:      {"FlowLogAlreadyExists", "Error. There is an existing Flow Log with the same configuration and log destination."},
	{cloud.Invalid, cloud.KindFlowLog, "role"}: {"InvalidParameter", "Unable to assume given IAM role: '%s'"},

	{cloud.Exhausted, cloud.KindInstance, "zone"}:      {"InsufficientInstanceCapacity", ""},
	{cloud.Limit, cloud.KindInstance, ""}:              {"InstanceLimitExceeded", "You have requested more instances than your current instance limit allows. Terminate some and try again."},
	{cloud.Denied, cloud.KindInstance, "keep-api"}:     {"OperationNotPermitted", ""},
	{cloud.Denied, cloud.KindInstance, "keep-running"}: {"OperationNotPermitted", ""},
	{cloud.State, cloud.KindInstance, "phase"}:         {"IncorrectInstanceState", ""},
	{cloud.State, cloud.KindInstance, "not-stopped"}:   {"IncorrectInstanceState", ""},
	{cloud.Conflict, cloud.KindInstance, "zone"}:       {"InvalidParameterValue", ""},
	{cloud.Missing, cloud.KindSubnet, "no-default"}:    {"MissingInput", ""},
	{cloud.State, cloud.KindAttachment, "primary"}:     {"OperationNotPermitted", ""},

	{cloud.Limit, cloud.KindEndpoint, ""}:                   {"VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached."},
	{cloud.Invalid, cloud.KindEndpoint, "service"}:          {"InvalidServiceName", ""},
	{cloud.Conflict, cloud.KindEndpoint, "many-vpcs"}:       {"InvalidParameter", ""},
	{cloud.Exhausted, cloud.KindEndpoint, "zone-limited"}:   {"InvalidParameter", ""},
	{cloud.Exhausted, cloud.KindNATGateway, "zone-limited"}: {"NotAvailableInZone", "Nat Gateway is not available in this availability zone"},
	{cloud.Conflict, cloud.KindEndpoint, "zone"}:            {"DuplicateSubnetsInSameZone", ""},
	{cloud.Conflict, cloud.KindEndpoint, "private-name"}:    {"InvalidParameter", ""},
	{cloud.Invalid, cloud.KindEndpoint, "no-private-name"}:  {"InvalidParameter", ""},
	{cloud.State, cloud.KindEndpoint, "dns-attributes"}:     {"InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s"},
	{cloud.Invalid, cloud.KindEndpoint, "no-groups"}:        {"InvalidParameter", "The VPC endpoint %s must have at least one security group."},
	{cloud.Invalid, cloud.KindEndpoint, "gateway-type"}:     {"InvalidParameter", "Subnets, security groups and private DNS cannot be modified for the Gateway endpoint %s."},
	{cloud.Invalid, cloud.KindEndpoint, "interface-type"}:   {"InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint."},
	{cloud.Malformed, cloud.KindEndpoint, "policy"}:         {"InvalidPolicyDocument", ""},
	{cloud.Invalid, cloud.KindEndpoint, "service-zone"}:     {"InvalidParameter", ""},
	{cloud.State, cloud.KindEndpoint, "not-accepted"}:       {"InvalidParameter", ""},
	{cloud.State, cloud.KindEndpoint, "consent"}:            {"InvalidState", ""},

	{cloud.Limit, cloud.KindEndpointService, ""}:              {"VpcEndpointServiceLimitExceeded", "The maximum number of VPC endpoint services has been reached."},
	{cloud.InUse, cloud.KindEndpointService, ""}:              {"ExistingVpcEndpointConnections", ""},
	{cloud.InUse, cloud.KindEndpointService, "balancer"}:      {"InvalidParameter", ""},
	{cloud.Invalid, cloud.KindEndpointService, "no-balancer"}: {"InvalidParameter", ""},
}

// statuses are the HTTP statuses of codes that do not answer 400.
var statuses = map[string]int{"InsufficientAddressCapacity": 503, "InsufficientInstanceCapacity": 500, "UnauthorizedOperation": 403}

// mapError puts a refusal of control into Amazon's words.
func mapError(e *cloud.Error) *wire.Error {
	w, ok := faults[fault{e.Kind, e.Resource, e.Reason}]
	switch _, known := absences[e.Resource]; {
	case ok:
	case e.Kind == cloud.NotFound && e.Reason == "" && known:
		return noSuch(e.Resource, e.ID)
	default:
		return nil
	}
	out := &wire.Error{Code: w.code, Status: statuses[w.code], Msg: e.Msg, Err: e}
	if w.msg != "" {
		out.Msg = formatted(w.msg, e.ID)
	}
	var duplicate *control.RuleExists
	if errors.As(e, &duplicate) {
		out.Msg = fmt.Sprintf("the specified rule %q already exists", ruleText(e.ID, duplicate.Rule))
	}
	return out
}

// formatted fills in the ID where the message has a place for it.
func formatted(msg, id string) string { return strings.ReplaceAll(msg, "%s", id) }

// ruleText is a rule as Amazon's messages write it.
func ruleText(peer string, r cloud.SecurityGroupRule) string {
	switch r.Protocol {
	case -1:
		return fmt.Sprintf("peer: %s, ALL, ALLOW", peer)
	case icmp, icmpv6:
		return fmt.Sprintf("peer: %s, %s, type: %s, code: %s, ALLOW", peer, strings.ToUpper(protocolName(r.Protocol)), anyOr(r.From), anyOr(r.To))
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(protocolName(r.Protocol)), r.From, r.To)
}

func anyOr(n int) string {
	if n < 0 {
		return "ALL"
	}
	return fmt.Sprint(n)
}
