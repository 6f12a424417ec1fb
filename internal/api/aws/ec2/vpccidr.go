package ec2

import (
	"context"
	"fmt"
	"net/netip"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

var (
	ten        = netip.MustParsePrefix("10.0.0.0/8")
	oneSeven   = netip.MustParsePrefix("172.16.0.0/12")
	oneNine    = netip.MustParsePrefix("192.168.0.0/16")
	benchmark  = netip.MustParsePrefix("198.19.0.0/16")
	carrier    = netip.MustParsePrefix("100.64.0.0/10")
	privateAll = []netip.Prefix{ten, oneSeven, oneNine, benchmark}
)

// restricted reports whether a VPC with this primary block may not get the other
// one: the private ranges do not mix.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions
func restricted(primary, add netip.Prefix) bool {
	in := func(p netip.Prefix, ranges ...netip.Prefix) bool {
		for _, r := range ranges {
			if r.Overlaps(p) {
				return true
			}
		}
		return false
	}
	switch {
	case in(primary, ten):
		return in(add, oneSeven, oneNine, benchmark)
	case in(primary, oneSeven):
		return in(add, ten, oneNine, benchmark)
	case in(primary, oneNine):
		return in(add, ten, oneSeven, benchmark)
	case in(primary, benchmark):
		return in(add, ten, oneSeven, oneNine)
	case in(primary, carrier):
		return in(add, privateAll...)
	}
	return in(add, privateAll...)
}

func (a *api) associateVpcCidrBlock(ctx context.Context, in *AssociateVpcCidrBlockInput) (*AssociateVpcCidrBlockOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	vpc, err := read(ctx, a, cloud.VPCs, cloud.KindVPC, cloud.VPCID(*in.VpcId))
	if err != nil {
		return nil, err
	}
	out := &AssociateVpcCidrBlockOutput{VpcId: in.VpcId}
	switch {
	case in.Ipv4IpamPoolId != nil || in.Ipv6IpamPoolId != nil || in.Ipv6Pool != nil || in.Ipv6CidrBlock != nil:
		return nil, a.unsupported("An address pool of one's own")
	case yes(in.AmazonProvidedIpv6CidrBlock) && in.CidrBlock != nil:
		return nil, combination("Only one of cidrBlock and amazonProvidedIpv6CidrBlock may be specified")
	case yes(in.AmazonProvidedIpv6CidrBlock):
		b, err := a.control.AddVPCBlock6(ctx, who, vpc.ID)
		if err != nil {
			return nil, err
		}
		out.Ipv6CidrBlockAssociation = vpcBlock6(vpc, *b, VpcCidrBlockStateCodeAssociating)
		return out, nil
	case in.CidrBlock == nil:
		return nil, missing("cidrBlock")
	}
	p, err := cidr("cidrBlock", in.CidrBlock, false)
	if err != nil {
		return nil, err
	}
	if restricted(vpc.CIDRs[0].Prefix, p) {
		return nil, &wire.Error{Code: "InvalidVpc.Range", Msg: fmt.Sprintf("The CIDR '%s' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html#VPC_Sizing", p)}
	}
	b, err := a.control.AddVPCBlock(ctx, who, vpc.ID, p, 0)
	if err != nil {
		return nil, err
	}
	out.CidrBlockAssociation = vpcBlock(*b, VpcCidrBlockStateCodeAssociating)
	return out, nil
}

func (a *api) disassociateVpcCidrBlock(ctx context.Context, in *DisassociateVpcCidrBlockInput) (*DisassociateVpcCidrBlockOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	vpc, b, err := a.control.RemoveVPCBlock(ctx, who, *in.AssociationId)
	if err != nil {
		return nil, err
	}
	out := &DisassociateVpcCidrBlockOutput{VpcId: new(string(vpc.ID))}
	if b.Prefix.Addr().Is4() {
		out.CidrBlockAssociation = vpcBlock(b, VpcCidrBlockStateCodeDisassociating)
	} else {
		out.Ipv6CidrBlockAssociation = vpcBlock6(vpc, b, VpcCidrBlockStateCodeDisassociating)
	}
	return out, nil
}
