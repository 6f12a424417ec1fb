package ec2_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestIPv6OnlySubnet: interfaces of a subnet of IPv6 alone have an address of that
// family and no other; what needs the other is refused.
func TestIPv6OnlySubnet(t *testing.T) {
	w := newWorld(t)
	vpc := do(w.CreateVpc(w.Context(), &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})).Vpc
	block := "2001:db8:1000::/64"
	made := do(w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: vpc.VpcId, Ipv6Native: aws.Bool(true), Ipv6CidrBlock: &block})).Subnet
	if made.CidrBlock != nil || !aws.ToBool(made.Ipv6Native) || !aws.ToBool(made.AssignIpv6AddressOnCreation) || aws.ToInt32(made.AvailableIpAddressCount) != 0 {
		t.Errorf("the subnet: %+v", made)
	}
	eni := do(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: made.SubnetId})).NetworkInterface
	if eni.PrivateIpAddress != nil || len(eni.PrivateIpAddresses) != 0 || len(eni.Ipv6Addresses) != 1 {
		t.Errorf("an interface in it: %+v", eni)
	}
	for name, err := range map[string]error{
		"an IPv4 block beside": failure(w.CreateSubnet(w.Context(), &sdk.CreateSubnetInput{VpcId: vpc.VpcId, Ipv6Native: aws.Bool(true), Ipv6CidrBlock: &block, CidrBlock: s("10.0.1.0/24")})),
		"an IPv4 address":      failure(w.CreateNetworkInterface(w.Context(), &sdk.CreateNetworkInterfaceInput{SubnetId: made.SubnetId, PrivateIpAddress: s("10.0.1.9")})),
		"an elastic IP": failure(w.AssociateAddress(w.Context(), &sdk.AssociateAddressInput{NetworkInterfaceId: eni.NetworkInterfaceId,
			AllocationId: do(w.AllocateAddress(w.Context(), &sdk.AllocateAddressInput{})).AllocationId})),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// TestNamesOnLaunch: instances are named as their subnet says, in one of IPv6 alone
// always for their IDs.
func TestNamesOnLaunch(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	vpc := *do(w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: s("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})).Vpc.VpcId
	block := *do(w.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{vpc}})).Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock
	six := do(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &vpc, Ipv6Native: aws.Bool(true), Ipv6CidrBlock: s(strings.Replace(block, "::/56", "::/64", 1))})).Subnet
	equal(w, "names in a subnet of IPv6 alone", six.PrivateDnsNameOptionsOnLaunch.HostnameType, types.HostnameTypeResourceName)
	w.refused(failure(w.ModifySubnetAttribute(ctx, &sdk.ModifySubnetAttributeInput{SubnetId: six.SubnetId, PrivateDnsHostnameTypeOnLaunch: types.HostnameTypeIpName})), "InvalidParameterValue", "")
	i := w.instance(*six.SubnetId)
	equal(w, "an instance there", *i.PrivateDnsName, *i.InstanceId+".ec2.internal")
	in := run(*six.SubnetId)
	in.PrivateDnsNameOptions = &types.PrivateDnsNameOptionsRequest{HostnameType: types.HostnameTypeIpName}
	w.refused(failure(w.RunInstances(ctx, in)), "InvalidParameterValue", "")
}
