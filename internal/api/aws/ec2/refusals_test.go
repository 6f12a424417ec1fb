package ec2_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"weir/internal/control"
)

// refusal is a call that Amazon refuses; "V" and "S" in the message stand for
// the VPC and the subnet of world.network.
type refusal struct {
	name      string
	code, msg string
	call      func(w *world, vpc, subnet string) error
}

func check(t *testing.T, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			vpc, subnet := w.network()
			w.refused(c.call(w, vpc, subnet), c.code, strings.NewReplacer("{V}", vpc, "{S}", subnet).Replace(c.msg))
		})
	}
}

// failure is the error of an API call.
func failure[T any](_ T, err error) error { return err }

var s = aws.String

const (
	noVPC    = "vpc-0123456789abcdef0"
	noSubnet = "subnet-0123456789abcdef0"
	noTable  = "rtb-0123456789abcdef0"
	noENI    = "eni-0123456789abcdef0"
	noGroup  = "sg-0123456789abcdef0"
)

func TestVPCRefusals(t *testing.T) {
	check(t, vpcRefusals)
}

var vpcRefusals = []refusal{
	{"unknown VPC", "InvalidVpcID.NotFound", "The vpc ID '" + noVPC + "' does not exist", func(w *world, _, _ string) error {
		return failure(w.DeleteVpc(w.Context(), &sdk.DeleteVpcInput{VpcId: s(noVPC)}))
	}},
	{"malformed ID", "InvalidVpcID.NotFound", "The vpc ID 'nonsense' does not exist", func(w *world, _, _ string) error {
		return failure(w.DescribeVpcs(w.Context(), &sdk.DescribeVpcsInput{VpcIds: []string{"nonsense"}}))
	}},
	{"block too large", "InvalidVpc.Range", "The CIDR '10.0.0.0/15' is invalid.", func(w *world, _, _ string) error {
		return failure(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/15")}))
	}},
	{"block too small", "InvalidVpc.Range", "The CIDR '10.0.0.0/29' is invalid.", func(w *world, _, _ string) error {
		return failure(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/29")}))
	}},
	{"no block at all", "InvalidParameterValue", "Value (10.0.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block.", func(w *world, _, _ string) error {
		return failure(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0")}))
	}},
	{"sixth VPC", "VpcLimitExceeded", "The maximum number of VPCs has been reached.", func(w *world, _, _ string) error {
		for range 3 { // with the default one and the test's own
			if err := failure(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.9.0.0/16")})); err != nil {
				return err
			}
		}
		return failure(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.9.0.0/16")}))
	}},
	{"second default VPC", "DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.", func(w *world, _, _ string) error {
		return failure(w.CreateDefaultVpc(w.Context(), &sdk.CreateDefaultVpcInput{}))
	}},
	{"second block from another private range", "InvalidVpc.Range", "", func(w *world, vpc, _ string) error {
		return failure(w.AssociateVpcCidrBlock(w.Context(), &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: s("192.168.0.0/16")}))
	}},
	{"overlapping second block", "InvalidVpc.Range", "", func(w *world, vpc, _ string) error {
		return failure(w.AssociateVpcCidrBlock(w.Context(), &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: s("10.0.128.0/20")}))
	}},
	{"sixth block", "CidrLimitExceeded", "", func(w *world, vpc, _ string) error {
		for _, cidr := range []string{"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16"} {
			do(w.AssociateVpcCidrBlock(w.Context(), &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: &cidr}))
		}
		err := failure(w.AssociateVpcCidrBlock(w.Context(), &sdk.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: s("10.5.0.0/16")}))
		if want := "This network " + vpc + " has met its maximum number of allowed CIDRs: 5"; !strings.Contains(err.Error(), want) {
			w.Errorf("the sixth block: %v; want %q", err, want)
		}
		return err
	}},
	{"removing the primary block", "OperationNotPermitted", "", func(w *world, vpc, _ string) error {
		v := do(w.DescribeVpcs(w.Context(), &sdk.DescribeVpcsInput{VpcIds: []string{vpc}})).Vpcs[0]
		return failure(w.DisassociateVpcCidrBlock(w.Context(), &sdk.DisassociateVpcCidrBlockInput{AssociationId: v.CidrBlockAssociationSet[0].AssociationId}))
	}},
	{"two attributes at once", "InvalidParameterCombination", "", func(w *world, vpc, _ string) error {
		on := &types.AttributeBooleanValue{Value: aws.Bool(true)}
		return failure(w.ModifyVpcAttribute(w.Context(), &sdk.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: on, EnableDnsSupport: on}))
	}},
	{"unknown DHCP options", "InvalidDhcpOptionID.NotFound", "", func(w *world, vpc, _ string) error {
		return failure(w.AssociateDhcpOptions(w.Context(), &sdk.AssociateDhcpOptionsInput{VpcId: &vpc, DhcpOptionsId: s("dopt-0123456789abcdef0")}))
	}},
	{"dry run", "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", func(w *world, vpc, _ string) error {
		return failure(w.DeleteVpc(w.Context(), &sdk.DeleteVpcInput{VpcId: &vpc, DryRun: aws.Bool(true)}))
	}},
	{"tags for another kind", "InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation.", func(w *world, _, _ string) error {
		return failure(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.9.0.0/16"), TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeSubnet, Tags: []types.Tag{{Key: s("a"), Value: s("b")}}},
		}}))
	}},
	{"reserved tag", "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use", func(w *world, vpc, _ string) error {
		return failure(w.CreateTags(w.Context(), &sdk.CreateTagsInput{Resources: []string{vpc}, Tags: []types.Tag{{Key: s("aws:x"), Value: s("b")}}}))
	}},
	{"tagging nothing", "InvalidID", "The ID 'nonsense' is not valid", func(w *world, _, _ string) error {
		return failure(w.CreateTags(w.Context(), &sdk.CreateTagsInput{Resources: []string{"nonsense"}, Tags: []types.Tag{{Key: s("x"), Value: s("b")}}}))
	}},
	{"51 tags", "TagLimitExceeded", "", func(w *world, vpc, _ string) error {
		var tags []types.Tag
		for i := range 51 {
			tags = append(tags, types.Tag{Key: s(fmt.Sprint("k", i)), Value: s("v")})
		}
		return failure(w.CreateTags(w.Context(), &sdk.CreateTagsInput{Resources: []string{vpc}, Tags: tags}))
	}},
	{"unknown filter", "InvalidParameterValue", "The filter 'colour' is invalid", func(w *world, _, _ string) error {
		return failure(w.DescribeVpcs(w.Context(), &sdk.DescribeVpcsInput{Filters: []types.Filter{{Name: s("colour"), Values: []string{"red"}}}}))
	}},
	{"IDs and MaxResults", "InvalidParameterCombination", "The parameter vpcIds cannot be used with the parameter maxResults", func(w *world, vpc, _ string) error {
		return failure(w.DescribeVpcs(w.Context(), &sdk.DescribeVpcsInput{VpcIds: []string{vpc}, MaxResults: aws.Int32(5)}))
	}},
	{"region that is none", "AuthFailure", "Credential should be scoped to a valid region, not 'mars-north-1'.", func(w *world, _, _ string) error {
		return failure(client(w.url, "mars-north-1").DescribeVpcs(w.Context(), &sdk.DescribeVpcsInput{}))
	}},
	{"operation that is not there", "UnsupportedOperation", "", func(w *world, _, _ string) error {
		return failure(w.CreatePlacementGroup(w.Context(), &sdk.CreatePlacementGroupInput{GroupName: s("g")}))
	}},
}

// subnet creates one; zone "" leaves the choice to the platform.
func (w *world) subnet(vpc, cidr, zone string) error {
	in := &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr}
	if zone != "" {
		in.AvailabilityZone = &zone
	}
	return failure(w.CreateSubnet(w.Context(), in))
}

func TestSubnetRefusals(t *testing.T) {
	check(t, subnetRefusals)
}

var subnetRefusals = []refusal{
	{"malformed ID", "InvalidSubnetID.NotFound", "The subnet ID 'nonsense' does not exist", func(w *world, _, _ string) error {
		return failure(w.DescribeSubnets(w.Context(), &sdk.DescribeSubnetsInput{SubnetIds: []string{"nonsense"}}))
	}},
	{"no block", "MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.", func(w *world, vpc, _ string) error {
		return failure(w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: &vpc}))
	}},
	{"IPv6 alone without a block", "MissingParameter", "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.", func(w *world, vpc, _ string) error {
		return failure(w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.9.0/24"), Ipv6Native: aws.Bool(true)}))
	}},
	{"IPv6 alone with an IPv4 block", "InvalidParameterCombination", "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.", func(w *world, vpc, _ string) error {
		return failure(w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.9.0/24"), Ipv6CidrBlock: s("2001:db8::/64"), Ipv6Native: aws.Bool(true)}))
	}},
	{"unknown subnet", "InvalidSubnetID.NotFound", "The subnet ID '" + noSubnet + "' does not exist", func(w *world, _, _ string) error {
		return failure(w.DeleteSubnet(w.Context(), &sdk.DeleteSubnetInput{SubnetId: s(noSubnet)}))
	}},
	{"overlap", "InvalidSubnet.Conflict", "The CIDR '10.0.0.0/20' conflicts with another subnet", func(w *world, vpc, _ string) error { return w.subnet(vpc, "10.0.0.0/20", "") }},
	{"outside the VPC", "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid.", func(w *world, vpc, _ string) error { return w.subnet(vpc, "10.1.0.0/24", "") }},
	{"too small", "InvalidSubnet.Range", "The CIDR '10.0.9.0/29' is invalid.", func(w *world, vpc, _ string) error { return w.subnet(vpc, "10.0.9.0/29", "") }},
	{"no such zone", "InvalidParameterValue", "Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c.", func(w *world, vpc, _ string) error {
		return w.subnet(vpc, "10.0.9.0/24", "us-east-1z")
	}},
	{"unknown VPC", "InvalidVpcID.NotFound", "", func(w *world, _, _ string) error { return w.subnet(noVPC, "10.0.9.0/24", "") }},
	{"IPv6 outside the VPC", "InvalidSubnet.Range", "The CIDR '2001:db8:ffff::/64' is invalid.", func(w *world, _, subnet string) error {
		return failure(w.AssociateSubnetCidrBlock(w.Context(), &sdk.AssociateSubnetCidrBlockInput{SubnetId: &subnet, Ipv6CidrBlock: s("2001:db8:ffff::/64")}))
	}},
	{"assigning IPv6 without a block", "InvalidParameterValue", "", func(w *world, _, subnet string) error {
		return failure(w.ModifySubnetAttribute(w.Context(), &sdk.ModifySubnetAttributeInput{SubnetId: &subnet, AssignIpv6AddressOnCreation: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	}},
	{"DNS64 without a block", "InvalidParameterValue", "Invalid value 'true' for enable-dns64. Cannot set enable-dns64 to true unless the subnet ({S}) has an IPv6 CIDR block associated with it.", func(w *world, _, subnet string) error {
		return failure(w.ModifySubnetAttribute(w.Context(), &sdk.ModifySubnetAttributeInput{SubnetId: &subnet, EnableDns64: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	}},
	{"second default subnet", "DefaultSubnetAlreadyExistsInAvailabilityZone", "", func(w *world, _, _ string) error {
		return failure(w.CreateDefaultSubnet(w.Context(), &sdk.CreateDefaultSubnetInput{AvailabilityZone: s("us-east-1a")}))
	}},
	{"VPC's IPv6 block in use", "InvalidCidrBlock.InUse", "The vpc {V} currently has a subnet within CIDR block 2001:db8:1000::/56", func(w *world, vpc, subnet string) error {
		do(w.AssociateSubnetCidrBlock(w.Context(), &sdk.AssociateSubnetCidrBlockInput{SubnetId: &subnet, Ipv6CidrBlock: s("2001:db8:1000:1::/64")}))
		v := do(w.DescribeVpcs(w.Context(), &sdk.DescribeVpcsInput{VpcIds: []string{vpc}})).Vpcs[0]
		return failure(w.DisassociateVpcCidrBlock(w.Context(), &sdk.DisassociateVpcCidrBlockInput{AssociationId: v.Ipv6CidrBlockAssociationSet[0].AssociationId}))
	}},
	{"subnet's IPv6 block in use", "InvalidCidrBlock.InUse", "", func(w *world, _, subnet string) error {
		b := do(w.AssociateSubnetCidrBlock(w.Context(), &sdk.AssociateSubnetCidrBlockInput{SubnetId: &subnet, Ipv6CidrBlock: s("2001:db8:1000:1::/64")}))
		do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet, Ipv6AddressCount: aws.Int32(1)}))
		return failure(w.DisassociateSubnetCidrBlock(w.Context(), &sdk.DisassociateSubnetCidrBlockInput{AssociationId: b.Ipv6CidrBlockAssociation.AssociationId}))
	}},
}

// table makes a route table.
func (w *world) table(vpc string) *string {
	return do(w.CreateRouteTable(w.Context(), &sdk.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
}

// gateway makes an internet gateway, attached unless vpc is "".
func (w *world) gateway(vpc string) *string {
	id := do(w.CreateInternetGateway(w.Context(), &sdk.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	if vpc != "" {
		do(w.AttachInternetGateway(w.Context(), &sdk.AttachInternetGatewayInput{InternetGatewayId: id, VpcId: &vpc}))
	}
	return id
}

func (w *world) route(table *string, cidr string, igw *string) error {
	return failure(w.CreateRoute(w.Context(), &sdk.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: &cidr, GatewayId: igw}))
}

func TestRouteRefusals(t *testing.T) {
	check(t, routeRefusals)
}

var routeRefusals = []refusal{
	{"same route twice", "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.", func(w *world, vpc, _ string) error {
		rtb, igw := w.table(vpc), w.gateway(vpc)
		if err := w.route(rtb, "0.0.0.0/0", igw); err != nil {
			return err
		}
		return w.route(rtb, "0.0.0.0/0", igw)
	}},
	{"gateway of no VPC", "InvalidParameterValue", "", func(w *world, vpc, _ string) error { return w.route(w.table(vpc), "0.0.0.0/0", w.gateway("")) }},
	{"no such gateway", "InvalidGatewayID.NotFound", "The gateway ID 'igw-0123456789abcdef0' does not exist", func(w *world, vpc, _ string) error {
		return w.route(w.table(vpc), "0.0.0.0/0", s("igw-0123456789abcdef0"))
	}},
	{"no such table", "InvalidRouteTableID.NotFound", "The routeTable ID '" + noTable + "' does not exist", func(w *world, vpc, _ string) error {
		return w.route(s(noTable), "0.0.0.0/0", w.gateway(vpc))
	}},
	{"inside the VPC", "InvalidParameterValue", "", func(w *world, vpc, _ string) error { return w.route(w.table(vpc), "10.0.1.0/24", w.gateway(vpc)) }},
	{"the local route", "RouteAlreadyExists", "The route identified by 10.0.0.0/16 already exists.", func(w *world, vpc, _ string) error {
		return w.route(w.table(vpc), "10.0.0.0/16", w.gateway(vpc))
	}},
	{"replacing no route", "InvalidParameterValue", "There is no route defined for '0.0.0.0/0' in the route table. Use CreateRoute instead.", func(w *world, vpc, _ string) error {
		return failure(w.ReplaceRoute(w.Context(), &sdk.ReplaceRouteInput{RouteTableId: w.table(vpc), DestinationCidrBlock: s("0.0.0.0/0"), GatewayId: w.gateway(vpc)}))
	}},
	{"deleting no route", "InvalidRoute.NotFound", "", func(w *world, vpc, _ string) error {
		return failure(w.DeleteRoute(w.Context(), &sdk.DeleteRouteInput{RouteTableId: w.table(vpc), DestinationCidrBlock: s("0.0.0.0/0")}))
	}},
	{"IPv4 by egress-only gateway", "InvalidParameterValue", "", func(w *world, vpc, _ string) error {
		g := do(w.CreateEgressOnlyInternetGateway(w.Context(), &sdk.CreateEgressOnlyInternetGatewayInput{VpcId: &vpc}))
		return failure(w.CreateRoute(w.Context(), &sdk.CreateRouteInput{RouteTableId: w.table(vpc), DestinationCidrBlock: s("0.0.0.0/0"), EgressOnlyInternetGatewayId: g.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId}))
	}},
	{"no such NAT gateway", "NatGatewayNotFound", "", func(w *world, vpc, _ string) error {
		return failure(w.CreateRoute(w.Context(), &sdk.CreateRouteInput{RouteTableId: w.table(vpc), DestinationCidrBlock: s("0.0.0.0/0"), NatGatewayId: s("nat-0123456789abcdef0")}))
	}},
	{"second association", "Resource.AlreadyAssociated", "", func(w *world, vpc, subnet string) error {
		do(w.AssociateRouteTable(w.Context(), &sdk.AssociateRouteTableInput{RouteTableId: w.table(vpc), SubnetId: &subnet}))
		return failure(w.AssociateRouteTable(w.Context(), &sdk.AssociateRouteTableInput{RouteTableId: w.table(vpc), SubnetId: &subnet}))
	}},
	{"removing the main association", "InvalidParameterValue", "", func(w *world, vpc, _ string) error {
		main := do(w.DescribeRouteTables(w.Context(), &sdk.DescribeRouteTablesInput{Filters: []types.Filter{{Name: s("vpc-id"), Values: []string{vpc}}, {Name: s("association.main"), Values: []string{"true"}}}})).RouteTables
		return failure(w.DisassociateRouteTable(w.Context(), &sdk.DisassociateRouteTableInput{AssociationId: main[0].Associations[0].RouteTableAssociationId}))
	}},
	{"no such association", "InvalidAssociationID.NotFound", "The association ID 'rtbassoc-0123456789abcdef0' does not exist", func(w *world, _, _ string) error {
		return failure(w.DisassociateRouteTable(w.Context(), &sdk.DisassociateRouteTableInput{AssociationId: s("rtbassoc-0123456789abcdef0")}))
	}},
	{"gateway attached twice", "Resource.AlreadyAssociated", "", func(w *world, vpc, _ string) error {
		return failure(w.AttachInternetGateway(w.Context(), &sdk.AttachInternetGatewayInput{InternetGatewayId: w.gateway(vpc), VpcId: &vpc}))
	}},
	{"second gateway of a VPC", "InvalidParameterValue", "Network {V} already has an internet gateway attached", func(w *world, vpc, _ string) error {
		w.gateway(vpc)
		return failure(w.AttachInternetGateway(w.Context(), &sdk.AttachInternetGatewayInput{InternetGatewayId: w.gateway(""), VpcId: &vpc}))
	}},
	{"detaching what is not attached", "Gateway.NotAttached", "", func(w *world, vpc, _ string) error {
		return failure(w.DetachInternetGateway(w.Context(), &sdk.DetachInternetGatewayInput{InternetGatewayId: w.gateway(""), VpcId: &vpc}))
	}},
	{"no such internet gateway", "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-0123456789abcdef0' does not exist", func(w *world, _, _ string) error {
		return failure(w.DeleteInternetGateway(w.Context(), &sdk.DeleteInternetGatewayInput{InternetGatewayId: s("igw-0123456789abcdef0")}))
	}},
	{"endpoint of a load balancer", "UnsupportedOperation", "", func(w *world, vpc, _ string) error {
		return failure(w.CreateVpcEndpoint(w.Context(), &sdk.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: s("com.amazonaws.us-east-1.lambda"), VpcEndpointType: types.VpcEndpointTypeGatewayLoadBalancer}))
	}},
	{"endpoint of no service", "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.us-east-1.tea' does not exist", func(w *world, vpc, _ string) error {
		return failure(w.CreateVpcEndpoint(w.Context(), &sdk.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: s("com.amazonaws.us-east-1.tea")}))
	}},
	{"endpoint's second route", "RouteAlreadyExists", "", func(w *world, vpc, _ string) error {
		in := &sdk.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: s("com.amazonaws.us-east-1.s3"), RouteTableIds: []string{*w.table(vpc)}}
		do(w.CreateVpcEndpoint(w.Context(), in))
		return failure(w.CreateVpcEndpoint(w.Context(), in))
	}},
	{"endpoint's policy is no JSON", "InvalidPolicyDocument", "", func(w *world, vpc, _ string) error {
		return failure(w.CreateVpcEndpoint(w.Context(), &sdk.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: s("com.amazonaws.us-east-1.s3"), PolicyDocument: s("{")}))
	}},
}

func TestAddressRefusals(t *testing.T) {
	check(t, []refusal{
		{"sixth address", "AddressLimitExceeded", "The maximum number of addresses has been reached.", func(w *world, _, _ string) error {
			for range 5 {
				do(w.AllocateAddress(w.Context(), &sdk.AllocateAddressInput{}))
			}
			return failure(w.AllocateAddress(w.Context(), &sdk.AllocateAddressInput{}))
		}},
		{"no such allocation", "InvalidAllocationID.NotFound", "The allocation ID 'eipalloc-0123456789abcdef0' does not exist", func(w *world, _, _ string) error {
			return failure(w.ReleaseAddress(w.Context(), &sdk.ReleaseAddressInput{AllocationId: s("eipalloc-0123456789abcdef0")}))
		}},
		{"NAT gateway of no allocation", "InvalidAllocationID.NotFound", "", func(w *world, _, subnet string) error {
			return failure(w.CreateNatGateway(w.Context(), &sdk.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: s("eipalloc-0123456789abcdef0")}))
		}},
		{"public NAT gateway without address", "MissingParameter", "The request must contain the parameter allocationId", func(w *world, _, subnet string) error {
			return failure(w.CreateNatGateway(w.Context(), &sdk.CreateNatGatewayInput{SubnetId: &subnet}))
		}},
		{"no such NAT gateway", "NatGatewayNotFound", "NatGateway nat-0123456789abcdef0 was not found", func(w *world, _, _ string) error {
			return failure(w.DeleteNatGateway(w.Context(), &sdk.DeleteNatGatewayInput{NatGatewayId: s("nat-0123456789abcdef0")}))
		}},
		{"associating without gateway", "Gateway.NotAttached", "Network {V} is not attached to any internet gateway", func(w *world, _, subnet string) error {
			i := do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: &subnet}))
			e := do(w.AllocateAddress(w.Context(), &sdk.AllocateAddressInput{}))
			return failure(w.AssociateAddress(w.Context(), &sdk.AssociateAddressInput{AllocationId: e.AllocationId, NetworkInterfaceId: i.NetworkInterface.NetworkInterfaceId}))
		}},
		{"no such association", "InvalidAssociationID.NotFound", "", func(w *world, _, _ string) error {
			return failure(w.DisassociateAddress(w.Context(), &sdk.DisassociateAddressInput{AssociationId: s("eipassoc-0123456789abcdef0")}))
		}},
		{"no such address", "InvalidAddress.NotFound", "Address '203.0.113.99' not found.", func(w *world, _, _ string) error {
			return failure(w.DescribeAddresses(w.Context(), &sdk.DescribeAddressesInput{PublicIps: []string{"203.0.113.99"}}))
		}},
		{"token used for something else", "IdempotentParameterMismatch", "", func(w *world, vpc, _ string) error {
			do(w.CreateRouteTable(w.Context(), &sdk.CreateRouteTableInput{VpcId: &vpc, ClientToken: s("t")}))
			return failure(w.CreateRouteTable(w.Context(), &sdk.CreateRouteTableInput{VpcId: s(noVPC), ClientToken: s("t")}))
		}},
	})
}

func TestExhaustion(t *testing.T) {
	w := newWorld(t, func(o *control.Options) { o.PublicPool = netip.MustParsePrefix("203.0.113.0/30") })
	do(w.AllocateAddress(t.Context(), &sdk.AllocateAddressInput{}))
	w.refused(failure(w.AllocateAddress(t.Context(), &sdk.AllocateAddressInput{})), "InsufficientAddressCapacity", "")

	vpc, _ := w.network()
	small := do(w.CreateSubnet(t.Context(), &sdk.CreateSubnetInput{VpcId: &vpc, CidrBlock: s("10.0.2.0/28")})).Subnet
	equal(w, "free addresses of a /28", *small.AvailableIpAddressCount, 11)
	for range 11 {
		do(w.CreateNetworkInterface(t.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: small.SubnetId}))
	}
	err := failure(w.CreateNetworkInterface(t.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: small.SubnetId}))
	w.refused(err, "InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}
