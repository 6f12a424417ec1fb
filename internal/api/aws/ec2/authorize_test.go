package ec2

import (
	"net/netip"
	"slices"
	"testing"

	"weir/internal/api/wire"
)

func TestResources(t *testing.T) {
	at := func(kind, id string) string { return "arn:aws:ec2:us-east-1:123456789012:" + kind + "/" + id }
	for _, c := range []struct {
		op   string
		in   any
		want []string
	}{
		{"DescribeVpcs", &DescribeVpcsInput{VpcIds: []string{"vpc-0123456789abcdef0"}}, []string{"*"}},
		{"CreateVpc", &CreateVpcInput{CidrBlock: new("10.0.0.0/16")}, []string{at("vpc", "*")}},
		{"DeleteVpc", &DeleteVpcInput{VpcId: new("vpc-0123456789abcdef0")}, []string{at("vpc", "vpc-0123456789abcdef0")}},
		{"CreateSubnet", &CreateSubnetInput{VpcId: new("vpc-0123456789abcdef0")}, []string{at("subnet", "*"), at("vpc", "vpc-0123456789abcdef0")}},
		{"CreateTags", &CreateTagsInput{Resources: []string{"subnet-0123456789abcdef0", "nonsense"}}, []string{at("subnet", "subnet-0123456789abcdef0")}},
		{"AuthorizeSecurityGroupIngress", &AuthorizeSecurityGroupIngressInput{
			GroupId:       new("sg-0123456789abcdef0"),
			IpPermissions: []IpPermission{{UserIdGroupPairs: []UserIdGroupPair{{GroupId: new("sg-0123456789abcdef1")}}}},
		}, []string{at("security-group-rule", "*"), at("security-group", "sg-0123456789abcdef0"), at("security-group", "sg-0123456789abcdef1")}},
		{"DisassociateRouteTable", &DisassociateRouteTableInput{AssociationId: new("rtbassoc-0123456789abcdef0")}, []string{"*"}},
		{"DeleteVpc", &DeleteVpcInput{}, []string{"*"}},
	} {
		got := Resources(&wire.Call{Operation: c.op, Account: "123456789012", Region: "us-east-1"}, c.in)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.op, got, c.want)
		}
	}
}

// The pairs are those of the vendor's table.
func TestRestrictedBlocks(t *testing.T) {
	for _, c := range []struct {
		primary, add string
		want         bool
	}{
		{"10.0.0.0/16", "10.1.0.0/16", false},
		{"10.0.0.0/16", "172.16.0.0/16", true},
		{"10.0.0.0/16", "192.168.0.0/16", true},
		{"10.0.0.0/16", "198.19.0.0/16", true},
		{"10.0.0.0/16", "100.64.0.0/16", false},
		{"10.0.0.0/16", "203.0.113.0/24", false},
		{"172.31.0.0/16", "10.0.0.0/16", true},
		{"172.31.0.0/16", "172.30.0.0/16", false},
		{"192.168.0.0/24", "192.168.1.0/24", false},
		{"192.168.0.0/24", "172.16.0.0/24", true},
		{"100.64.0.0/16", "10.0.0.0/16", true},
		{"100.64.0.0/16", "100.65.0.0/16", false},
		{"203.0.113.0/24", "10.0.0.0/16", true},
		{"203.0.113.0/24", "198.51.100.0/24", false},
	} {
		if got := restricted(netip.MustParsePrefix(c.primary), netip.MustParsePrefix(c.add)); got != c.want {
			t.Errorf("%s to a VPC of %s: restricted %v, want %v", c.add, c.primary, got, c.want)
		}
	}
}
