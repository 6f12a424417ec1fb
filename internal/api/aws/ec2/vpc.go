package ec2

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Attributes that only this API shows.
const (
	attrTenancy = "aws.tenancy"
	attrUsage   = "aws.address-usage-metrics"
)

func vpcShape(v *cloud.VPC) Vpc {
	out := Vpc{
		VpcId: new(string(v.ID)), OwnerId: new(v.Account), State: VpcStateAvailable, IsDefault: new(v.Default),
		CidrBlock: new(v.CIDRs[0].Prefix.String()), DhcpOptionsId: new("default"), InstanceTenancy: TenancyDefault,
		BlockPublicAccessStates: &BlockPublicAccessStates{InternetGatewayBlockMode: BlockPublicAccessModeOff},
		Tags:                    tagList(v.Tags),
	}
	if v.DHCPOptions != "" {
		out.DhcpOptionsId = new(string(v.DHCPOptions))
	}
	if t := v.Attrs[attrTenancy]; t != "" {
		out.InstanceTenancy = Tenancy(t)
	}
	for _, b := range v.CIDRs {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, *vpcBlock(b, VpcCidrBlockStateCodeAssociated))
	}
	for _, b := range v.CIDRs6 {
		out.Ipv6CidrBlockAssociationSet = append(out.Ipv6CidrBlockAssociationSet, *vpcBlock6(v, b, VpcCidrBlockStateCodeAssociated))
	}
	return out
}

func vpcBlock(b cloud.CIDRAssociation, state VpcCidrBlockStateCode) *VpcCidrBlockAssociation {
	return &VpcCidrBlockAssociation{AssociationId: new(b.ID), CidrBlock: new(b.Prefix.String()), CidrBlockState: &VpcCidrBlockState{State: state}}
}

func vpcBlock6(v *cloud.VPC, b cloud.CIDRAssociation, state VpcCidrBlockStateCode) *VpcIpv6CidrBlockAssociation {
	return &VpcIpv6CidrBlockAssociation{
		AssociationId: new(b.ID), Ipv6CidrBlock: new(b.Prefix.String()), Ipv6CidrBlockState: &VpcCidrBlockState{State: state},
		Ipv6Pool: new("Amazon"), NetworkBorderGroup: new(v.Region), IpSource: IpSourceAmazon, Ipv6AddressAttribute: Ipv6AddressAttributePublic,
	}
}

var vpcListing = listing[Vpc]{
	kind: cloud.KindVPC, param: "vpcIds",
	id:   func(v Vpc) *string { return v.VpcId },
	tags: func(v Vpc) []Tag { return v.Tags },
	fields: wire.Fields[Vpc]{
		"vpc-id":          func(v Vpc) []string { return fact(v.VpcId) },
		"owner-id":        func(v Vpc) []string { return fact(v.OwnerId) },
		"cidr":            func(v Vpc) []string { return fact(v.CidrBlock) },
		"cidrBlock":       func(v Vpc) []string { return fact(v.CidrBlock) },
		"dhcp-options-id": func(v Vpc) []string { return fact(v.DhcpOptionsId) },
		"is-default":      func(v Vpc) []string { return flag(v.IsDefault) },
		"isDefault":       func(v Vpc) []string { return flag(v.IsDefault) },
		"state":           func(v Vpc) []string { return fact(&v.State) },
		"cidr-block-association.association-id": func(v Vpc) []string {
			return facts(v.CidrBlockAssociationSet, func(b VpcCidrBlockAssociation) []string { return fact(b.AssociationId) })
		},
		"cidr-block-association.cidr-block": func(v Vpc) []string {
			return facts(v.CidrBlockAssociationSet, func(b VpcCidrBlockAssociation) []string { return fact(b.CidrBlock) })
		},
		"cidr-block-association.state": func(v Vpc) []string {
			return facts(v.CidrBlockAssociationSet, func(b VpcCidrBlockAssociation) []string { return fact(&b.CidrBlockState.State) })
		},
		"ipv6-cidr-block-association.association-id": func(v Vpc) []string {
			return facts(v.Ipv6CidrBlockAssociationSet, func(b VpcIpv6CidrBlockAssociation) []string { return fact(b.AssociationId) })
		},
		"ipv6-cidr-block-association.ipv6-cidr-block": func(v Vpc) []string {
			return facts(v.Ipv6CidrBlockAssociationSet, func(b VpcIpv6CidrBlockAssociation) []string { return fact(b.Ipv6CidrBlock) })
		},
		"ipv6-cidr-block-association.ipv6-pool": func(v Vpc) []string {
			return facts(v.Ipv6CidrBlockAssociationSet, func(b VpcIpv6CidrBlockAssociation) []string { return fact(b.Ipv6Pool) })
		},
		"ipv6-cidr-block-association.state": func(v Vpc) []string {
			return facts(v.Ipv6CidrBlockAssociationSet, func(b VpcIpv6CidrBlockAssociation) []string { return fact(&b.Ipv6CidrBlockState.State) })
		},
	},
}

func (a *api) createVpc(ctx context.Context, in *CreateVpcInput) (*CreateVpcOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Ipv4IpamPoolId != nil || in.Ipv6IpamPoolId != nil || in.Ipv6Pool != nil || in.Ipv6CidrBlock != nil:
		return nil, a.unsupported("An address pool of one's own")
	case in.VpcEncryptionControl != nil:
		return nil, a.unsupported("VPC encryption control")
	case in.CidrBlock == nil:
		return nil, missing("cidrBlock")
	case in.InstanceTenancy == TenancyHost:
		return nil, &wire.Error{Code: "InvalidParameterValue", Msg: "The tenancy value host is not supported."}
	}
	c := control.CreateVPC{IPv6: yes(in.AmazonProvidedIpv6CidrBlock), DNSSupport: true, Names: hostNames(who.Region)}
	if c.Labels, err = labels(cloud.KindVPC, in.TagSpecifications, nil); err != nil {
		return nil, err
	}
	if c.CIDR, err = cidr("cidrBlock", in.CidrBlock, false); err != nil {
		return nil, err
	}
	if in.InstanceTenancy == TenancyDedicated {
		c.Attrs = map[string]string{attrTenancy: string(in.InstanceTenancy)}
	}
	v, err := a.control.CreateVPC(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := vpcShape(v)
	out.State = VpcStatePending
	out.Ipv6CidrBlockAssociationSet = shown(out.Ipv6CidrBlockAssociationSet)
	for i := range out.Ipv6CidrBlockAssociationSet {
		out.Ipv6CidrBlockAssociationSet[i].Ipv6CidrBlockState.State = VpcCidrBlockStateCodeAssociating
	}
	return &CreateVpcOutput{Vpc: &out}, nil
}

func (a *api) createDefaultVpc(ctx context.Context, _ *CreateDefaultVpcInput) (*CreateDefaultVpcOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v, err := a.control.CreateDefaultVPC(ctx, who, defaults(who.Region))
	if err != nil {
		return nil, err
	}
	out := vpcShape(v)
	out.State = VpcStatePending
	return &CreateDefaultVpcOutput{Vpc: &out}, nil
}

func (a *api) describeVpcs(ctx context.Context, in *DescribeVpcsInput) (*DescribeVpcsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.VPCs, cloud.Scope(who.Account, who.Region), vpcShape)
	out := &DescribeVpcsOutput{}
	out.Vpcs, out.NextToken, err = vpcListing.answer(ctx, all, question{in.VpcIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteVpc(ctx context.Context, in *DeleteVpcInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteVPC(ctx, who, cloud.VPCID(*in.VpcId))
}

func (a *api) modifyVpcAttribute(ctx context.Context, in *ModifyVpcAttributeInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	set := 0
	for _, p := range []*AttributeBooleanValue{in.EnableDnsHostnames, in.EnableDnsSupport, in.EnableNetworkAddressUsageMetrics} {
		if p != nil {
			set++
		}
	}
	if set > 1 {
		return nil, combination("Fields for multiple attribute types specified: enableDnsHostnames, enableDnsSupport, enableNetworkAddressUsageMetrics")
	}
	m := control.ModifyVPC{DNSSupport: attribute(in.EnableDnsSupport), DNSHostnames: attribute(in.EnableDnsHostnames)}
	if p := attribute(in.EnableNetworkAddressUsageMetrics); p != nil {
		m.Attrs = map[string]string{attrUsage: flag(p)[0]}
	}
	return nil, a.control.ModifyVPC(ctx, who, cloud.VPCID(*in.VpcId), m)
}

func (a *api) describeVpcAttribute(ctx context.Context, in *DescribeVpcAttributeInput) (*DescribeVpcAttributeOutput, error) {
	v, err := read(ctx, a, cloud.VPCs, cloud.KindVPC, cloud.VPCID(*in.VpcId))
	if err != nil {
		return nil, err
	}
	out := &DescribeVpcAttributeOutput{VpcId: in.VpcId}
	switch in.Attribute {
	case VpcAttributeNameEnableDnsSupport:
		out.EnableDnsSupport = &AttributeBooleanValue{Value: new(v.DNSSupport)}
	case VpcAttributeNameEnableDnsHostnames:
		out.EnableDnsHostnames = &AttributeBooleanValue{Value: new(v.DNSHostnames)}
	case VpcAttributeNameEnableNetworkAddressUsageMetrics:
		out.EnableNetworkAddressUsageMetrics = &AttributeBooleanValue{Value: new(v.Attrs[attrUsage] == "true")}
	default:
		return nil, badValue("attribute", string(in.Attribute), "Unknown attribute.")
	}
	return out, nil
}

// read is the caller's resource with this ID.
func read[K ~string, R any](ctx context.Context, a *api, table *cloud.Table[K, R], kind cloud.Resource, id K) (*R, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r, ok := table.Get(a.control.View(), id)
	if !ok || any(r).(interface{ Scope() string }).Scope() != cloud.Scope(who.Account, who.Region) {
		return nil, noSuch(kind, string(id))
	}
	return r, nil
}

// describeVpcClassicLink answers that no VPC has what was retired in 2022.
func (a *api) describeVpcClassicLink(ctx context.Context, in *DescribeVpcClassicLinkInput) (*DescribeVpcClassicLinkOutput, error) {
	_, err := a.enter(ctx)
	return &DescribeVpcClassicLinkOutput{}, err
}

func (a *api) describeVpcClassicLinkDnsSupport(ctx context.Context, in *DescribeVpcClassicLinkDnsSupportInput) (*DescribeVpcClassicLinkDnsSupportOutput, error) {
	_, err := a.enter(ctx)
	return &DescribeVpcClassicLinkDnsSupportOutput{}, err
}
