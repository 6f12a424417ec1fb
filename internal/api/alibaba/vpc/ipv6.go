package vpc

import (
	"context"
	"net/netip"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// addBlock6 gives a VPC its IPv6 block, one of the platform's; it has one at most.
func (a *api) addBlock6(ctx context.Context, v *cloud.VPC) (netip.Prefix, error) {
	if len(v.CIDRs6) > 0 {
		return netip.Prefix{}, resource.Fault("QuotaExceeded.Ipv6CidrBlock", "The VPC has an IPv6 CIDR block already.")
	}
	b, err := a.control.AddVPCBlock6(ctx, resource.Caller(ctx), v.ID)
	if err != nil {
		return netip.Prefix{}, err
	}
	return b.Prefix, nil
}

// block6 is the /64 of a VPC's block with a number: the vSwitch's last eight bits.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvswitch
func block6(v *cloud.VPC, number int64) (netip.Prefix, error) {
	if len(v.CIDRs6) == 0 {
		return netip.Prefix{}, resource.Fault("OperationFailed.VpcIpv6NotEnabled", "IPv6 is not enabled for the VPC of the vSwitch.")
	}
	if number < 0 || number > 255 {
		return netip.Prefix{}, resource.Fault("InvalidIpv6CidrBlock.Malformed", "The specified Ipv6CidrBlock is not valid: it is from 0 to 255.")
	}
	b := v.CIDRs6[0].Prefix.Addr().As16()
	b[7] |= byte(number)
	return netip.PrefixFrom(netip.AddrFrom16(b), 64), nil
}

// isp tells whether an IPv6 block is wanted of another line than the platform's.
func isp(p *string) bool { return text(p) != "" && *p != "BGP" }

// mask tells whether a block of another length than the only one is wanted.
func mask(p *int64, only int64) bool { return p != nil && *p != only }

// modifyBlock6 gives a vSwitch an IPv6 block, or takes it away.
func (a *api) modifyBlock6(ctx context.Context, s *cloud.Subnet, enable *bool, number *int64) error {
	switch has := len(s.CIDRs6) > 0; {
	case enable != nil && !*enable && has:
		_, _, err := a.control.RemoveSubnetBlock6(ctx, resource.Caller(ctx), s.CIDRs6[0].ID)
		return err
	case enable != nil && !*enable:
		return nil
	case number == nil && (enable == nil || has):
		return nil
	case number == nil:
		return resource.Fault("MissingParameter", "Miss mandatory parameter: Ipv6CidrBlock.")
	}
	v, err := a.vpc(ctx, string(s.VPC))
	if err != nil {
		return err
	}
	p, err := block6(v, *number)
	if err != nil || len(s.CIDRs6) > 0 && s.CIDRs6[0].Prefix == p {
		return err
	}
	_, err = a.control.AddSubnetBlock6(ctx, resource.Caller(ctx), s.ID, p)
	return err
}
