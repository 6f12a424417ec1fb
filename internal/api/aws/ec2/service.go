package ec2

import (
	"context"
	"maps"
	"net/netip"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	service *wire.Service
	console Console
	// passRole asks whether the caller may give a role to an instance; nil allows it.
	passRole func(ctx context.Context, role string) error
	// passFlowRole asks likewise for flow logs.
	passFlowRole func(ctx context.Context, role string) error
}

// Console tells what an instance has printed, its last part, and when it last did.
type Console func(id cloud.InstanceID) (text string, last time.Time)

// Option connects the service with a part of the platform that it can do without.
type Option func(*api)

// WithConsole has GetConsoleOutput answer.
func WithConsole(c Console) Option { return func(a *api) { a.console = c } }

// New returns the service with everything that is implemented.
func New(c *control.Control, options ...Option) *wire.Service {
	spec := Spec
	spec.Enums = maps.Clone(spec.Enums)
	delete(spec.Enums, "InstanceType") // types come and go; operations have codes of their own for those there are not
	s := wire.NewService(spec)
	s.MapError = mapError
	a := &api{control: c, service: s, console: func(cloud.InstanceID) (string, time.Time) { return "", time.Time{} }}
	for _, set := range options {
		set(a)
	}
	a.handleNetworks(s)
	a.handleGateways(s)
	a.handleSecurity(s)
	a.handleInterfaces(s)
	a.handleInstances(s)
	a.handleOptions(s)
	a.handlePeerings(s)
	a.handleTransitGateways(s)
	a.handleInsights(s)
	a.handleFlowLogs(s)
	return s
}

func (a *api) handleNetworks(s *wire.Service) {
	wire.Handle(s, "CreateVpc", a.createVpc)
	wire.Handle(s, "DescribeVpcs", a.describeVpcs)
	wire.Handle(s, "DeleteVpc", a.deleteVpc)
	wire.Handle(s, "ModifyVpcAttribute", a.modifyVpcAttribute)
	wire.Handle(s, "DescribeVpcAttribute", a.describeVpcAttribute)
	wire.Handle(s, "AssociateVpcCidrBlock", a.associateVpcCidrBlock)
	wire.Handle(s, "DisassociateVpcCidrBlock", a.disassociateVpcCidrBlock)
	wire.Handle(s, "CreateDefaultVpc", a.createDefaultVpc)
	wire.Handle(s, "DescribeVpcClassicLink", a.describeVpcClassicLink)
	wire.Handle(s, "DescribeVpcClassicLinkDnsSupport", a.describeVpcClassicLinkDnsSupport)

	wire.Handle(s, "CreateSubnet", a.createSubnet)
	wire.Handle(s, "CreateDefaultSubnet", a.createDefaultSubnet)
	wire.Handle(s, "DescribeSubnets", a.describeSubnets)
	wire.Handle(s, "DeleteSubnet", a.deleteSubnet)
	wire.Handle(s, "ModifySubnetAttribute", a.modifySubnetAttribute)
	wire.Handle(s, "AssociateSubnetCidrBlock", a.associateSubnetCidrBlock)
	wire.Handle(s, "DisassociateSubnetCidrBlock", a.disassociateSubnetCidrBlock)

	wire.Handle(s, "CreateRouteTable", a.createRouteTable)
	wire.Handle(s, "DescribeRouteTables", a.describeRouteTables)
	wire.Handle(s, "DeleteRouteTable", a.deleteRouteTable)
	wire.Handle(s, "AssociateRouteTable", a.associateRouteTable)
	wire.Handle(s, "DisassociateRouteTable", a.disassociateRouteTable)
	wire.Handle(s, "ReplaceRouteTableAssociation", a.replaceRouteTableAssociation)
	wire.Handle(s, "CreateRoute", a.createRoute)
	wire.Handle(s, "ReplaceRoute", a.replaceRoute)
	wire.Handle(s, "DeleteRoute", a.deleteRoute)
}

func (a *api) handleGateways(s *wire.Service) {
	wire.Handle(s, "CreateInternetGateway", a.createInternetGateway)
	wire.Handle(s, "DescribeInternetGateways", a.describeInternetGateways)
	wire.Handle(s, "DeleteInternetGateway", a.deleteInternetGateway)
	wire.Handle(s, "AttachInternetGateway", a.attachInternetGateway)
	wire.Handle(s, "DetachInternetGateway", a.detachInternetGateway)
	wire.Handle(s, "CreateEgressOnlyInternetGateway", a.createEgressOnlyInternetGateway)
	wire.Handle(s, "DescribeEgressOnlyInternetGateways", a.describeEgressOnlyInternetGateways)
	wire.Handle(s, "DeleteEgressOnlyInternetGateway", a.deleteEgressOnlyInternetGateway)

	wire.Handle(s, "CreateNatGateway", a.createNatGateway)
	wire.Handle(s, "DescribeNatGateways", a.describeNatGateways)
	wire.Handle(s, "DeleteNatGateway", a.deleteNatGateway)
	wire.Handle(s, "AssociateNatGatewayAddress", a.associateNatGatewayAddress)
	wire.Handle(s, "DisassociateNatGatewayAddress", a.disassociateNatGatewayAddress)
	wire.Handle(s, "AssignPrivateNatGatewayAddress", a.assignPrivateNatGatewayAddress)
	wire.Handle(s, "UnassignPrivateNatGatewayAddress", a.unassignPrivateNatGatewayAddress)

	wire.Handle(s, "AllocateAddress", a.allocateAddress)
	wire.Handle(s, "ReleaseAddress", a.releaseAddress)
	wire.Handle(s, "AssociateAddress", a.associateAddress)
	wire.Handle(s, "DisassociateAddress", a.disassociateAddress)
	wire.Handle(s, "DescribeAddresses", a.describeAddresses)
	wire.Handle(s, "DescribeAddressesAttribute", a.describeAddressesAttribute)

	wire.Handle(s, "CreateVpcEndpoint", a.createVpcEndpoint)
	wire.Handle(s, "ModifyVpcEndpoint", a.modifyVpcEndpoint)
	wire.Handle(s, "DescribeVpcEndpoints", a.describeVpcEndpoints)
	wire.Handle(s, "DeleteVpcEndpoints", a.deleteVpcEndpoints)
	wire.Handle(s, "DescribeVpcEndpointServices", a.describeVpcEndpointServices)
	a.handleEndpointServices(s)
}

func (a *api) handleSecurity(s *wire.Service) {
	wire.Handle(s, "CreateSecurityGroup", a.createSecurityGroup)
	wire.Handle(s, "DescribeSecurityGroups", a.describeSecurityGroups)
	wire.Handle(s, "DeleteSecurityGroup", a.deleteSecurityGroup)
	wire.Handle(s, "GetSecurityGroupsForVpc", a.getSecurityGroupsForVpc)
	wire.Handle(s, "DescribeSecurityGroupReferences", a.describeSecurityGroupReferences)
	wire.Handle(s, "DescribeStaleSecurityGroups", a.describeStaleSecurityGroups)
	wire.Handle(s, "DescribeSecurityGroupVpcAssociations", a.describeSecurityGroupVpcAssociations)
	wire.Handle(s, "AuthorizeSecurityGroupIngress", a.authorizeIngress)
	wire.Handle(s, "AuthorizeSecurityGroupEgress", a.authorizeEgress)
	wire.Handle(s, "RevokeSecurityGroupIngress", a.revokeIngress)
	wire.Handle(s, "RevokeSecurityGroupEgress", a.revokeEgress)
	wire.Handle(s, "DescribeSecurityGroupRules", a.describeSecurityGroupRules)
	wire.Handle(s, "ModifySecurityGroupRules", a.modifySecurityGroupRules)
	wire.Handle(s, "UpdateSecurityGroupRuleDescriptionsIngress", a.describeIngress)
	wire.Handle(s, "UpdateSecurityGroupRuleDescriptionsEgress", a.describeEgress)

	wire.Handle(s, "CreateNetworkAcl", a.createNetworkAcl)
	wire.Handle(s, "DescribeNetworkAcls", a.describeNetworkAcls)
	wire.Handle(s, "DeleteNetworkAcl", a.deleteNetworkAcl)
	wire.Handle(s, "CreateNetworkAclEntry", a.createNetworkAclEntry)
	wire.Handle(s, "ReplaceNetworkAclEntry", a.replaceNetworkAclEntry)
	wire.Handle(s, "DeleteNetworkAclEntry", a.deleteNetworkAclEntry)
	wire.Handle(s, "ReplaceNetworkAclAssociation", a.replaceNetworkAclAssociation)
}

func (a *api) handleInterfaces(s *wire.Service) {
	wire.Handle(s, "CreateNetworkInterface", a.createNetworkInterface)
	wire.Handle(s, "DescribeNetworkInterfaces", a.describeNetworkInterfaces)
	wire.Handle(s, "DeleteNetworkInterface", a.deleteNetworkInterface)
	wire.Handle(s, "ModifyNetworkInterfaceAttribute", a.modifyNetworkInterfaceAttribute)
	wire.Handle(s, "ResetNetworkInterfaceAttribute", a.resetNetworkInterfaceAttribute)
	wire.Handle(s, "DescribeNetworkInterfaceAttribute", a.describeNetworkInterfaceAttribute)
	wire.Handle(s, "AttachNetworkInterface", a.attachNetworkInterface)
	wire.Handle(s, "DetachNetworkInterface", a.detachNetworkInterface)
	wire.Handle(s, "AssignPrivateIpAddresses", a.assignPrivateIpAddresses)
	wire.Handle(s, "UnassignPrivateIpAddresses", a.unassignPrivateIpAddresses)
	wire.Handle(s, "AssignIpv6Addresses", a.assignIpv6Addresses)
	wire.Handle(s, "UnassignIpv6Addresses", a.unassignIpv6Addresses)
}

func (a *api) handleInstances(s *wire.Service) {
	wire.Handle(s, "RunInstances", a.runInstances)
	wire.Handle(s, "TerminateInstances", a.terminateInstances)
	wire.Handle(s, "StopInstances", a.stopInstances)
	wire.Handle(s, "StartInstances", a.startInstances)
	wire.Handle(s, "RebootInstances", a.rebootInstances)
	wire.Handle(s, "DescribeInstances", a.describeInstances)
	wire.Handle(s, "DescribeInstanceStatus", a.describeInstanceStatus)
	wire.Handle(s, "DescribeInstanceAttribute", a.describeInstanceAttribute)
	wire.Handle(s, "ModifyInstanceAttribute", a.modifyInstanceAttribute)
	wire.Handle(s, "ModifyInstanceMetadataOptions", a.modifyInstanceMetadataOptions)
	wire.Handle(s, "DescribeInstanceCreditSpecifications", a.describeInstanceCreditSpecifications)
	wire.Handle(s, "GetConsoleOutput", a.getConsoleOutput)
	wire.Handle(s, "DescribeInstanceTypes", a.describeInstanceTypes)
	wire.Handle(s, "DescribeInstanceTypeOfferings", a.describeInstanceTypeOfferings)
	wire.Handle(s, "DescribeVolumes", a.describeVolumes)
	wire.Handle(s, "DescribeImages", a.describeImages)
}

func (a *api) handleOptions(s *wire.Service) {
	wire.Handle(s, "CreateDhcpOptions", a.createDhcpOptions)
	wire.Handle(s, "DescribeDhcpOptions", a.describeDhcpOptions)
	wire.Handle(s, "DeleteDhcpOptions", a.deleteDhcpOptions)
	wire.Handle(s, "AssociateDhcpOptions", a.associateDhcpOptions)

	wire.Handle(s, "CreateManagedPrefixList", a.createManagedPrefixList)
	wire.Handle(s, "ModifyManagedPrefixList", a.modifyManagedPrefixList)
	wire.Handle(s, "DeleteManagedPrefixList", a.deleteManagedPrefixList)
	wire.Handle(s, "DescribeManagedPrefixLists", a.describeManagedPrefixLists)
	wire.Handle(s, "GetManagedPrefixListEntries", a.getManagedPrefixListEntries)
	wire.Handle(s, "GetManagedPrefixListAssociations", a.getManagedPrefixListAssociations)
	wire.Handle(s, "RestoreManagedPrefixListVersion", a.restoreManagedPrefixListVersion)
	wire.Handle(s, "DescribePrefixLists", a.describePrefixLists)

	wire.Handle(s, "CreateTags", a.createTags)
	wire.Handle(s, "DeleteTags", a.deleteTags)
	wire.Handle(s, "DescribeTags", a.describeTags)

	wire.Handle(s, "DescribeRegions", a.describeRegions)
	wire.Handle(s, "DescribeAvailabilityZones", a.describeAvailabilityZones)
	wire.Handle(s, "DescribeAccountAttributes", a.describeAccountAttributes)
}

// enter is who calls, after making sure that their region has its default network.
func (a *api) enter(ctx context.Context) (control.Caller, error) {
	call := wire.CallFrom(ctx)
	who := control.Caller{Account: call.Account, Region: call.Region, Principal: call.Principal, NewID: NewID}
	if _, ok := a.control.Region(call.Region); !ok {
		return who, &wire.Error{Code: "AuthFailure", Status: 401, Msg: "Credential should be scoped to a valid region, not '" + call.Region + "'."}
	}
	if control.HasDefaults(a.control.View(), who) {
		return who, nil
	}
	first := who
	first.NewID = seededID(who.Account + "/" + who.Region)
	return who, a.control.EnsureDefaults(ctx, first, defaults(call.Region))
}

// Addresses that Amazon keeps back in every subnet: the network's, the router's,
// the resolver's and one for later at the start, the broadcast address at the end.
const reservedFirst, reservedLast = 4, 1

// hostNames are the names that hosts get in a region.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html#vpc-dns-hostnames
func hostNames(region string) control.HostNames {
	if region == "us-east-1" {
		return control.HostNames{Private: "ip-*.ec2.internal", Public: "ec2-*.compute-1.amazonaws.com"}
	}
	return control.HostNames{Private: "ip-*." + region + ".compute.internal", Public: "ec2-*." + region + ".compute.amazonaws.com"}
}

// defaults are what a fresh account finds in a region.
func defaults(region string) control.Defaults {
	domain := region + ".compute.internal"
	if region == "us-east-1" {
		domain = "ec2.internal"
	}
	return control.Defaults{
		CIDR: netip.MustParsePrefix("172.31.0.0/16"), SubnetBits: 20, Names: hostNames(region),
		ReservedFirst: reservedFirst, ReservedLast: reservedLast,
		DHCP:        map[string][]string{"domain-name": {domain}, "domain-name-servers": {"AmazonProvidedDNS"}},
		PrefixLists: []cloud.PrefixList{gatewayList(region, "s3"), gatewayList(region, "dynamodb")},
	}
}

// unsupported says that Weir knows the feature and does not have it.
func (a *api) unsupported(what string) error {
	return a.service.Trouble(wire.NotImplemented, what+" is not implemented.")
}
