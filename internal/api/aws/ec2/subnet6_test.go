package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
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
