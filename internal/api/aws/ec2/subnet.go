package ec2

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// hostnameType is what instances are named for.
func hostnameType(n cloud.HostNames) HostnameType {
	if n.ByID {
		return HostnameTypeResourceName
	}
	return HostnameTypeIpName
}

// byID says whether instances are to be named for their IDs; nil if it is not said.
func byID(t HostnameType) *bool {
	if t == "" {
		return nil
	}
	return new(t == HostnameTypeResourceName)
}

func (a *api) subnetShape(v cloud.View) func(*cloud.Subnet) Subnet {
	return func(s *cloud.Subnet) Subnet {
		return Subnet{
			SubnetId: new(string(s.ID)), SubnetArn: new(arn(&s.Meta, "subnet", string(s.ID))), VpcId: new(string(s.VPC)),
			OwnerId: new(s.Account), State: SubnetStateAvailable, CidrBlock: ipv4Block(s),
			AvailabilityZone: new(s.Zone), AvailabilityZoneId: new(a.zoneID(s.Region, s.Zone)),
			AvailableIpAddressCount: new(int32(control.FreeAddresses(v, s))), DefaultForAz: new(s.Default),
			MapPublicIpOnLaunch: new(s.MapPublicIP), MapCustomerOwnedIpOnLaunch: new(false),
			AssignIpv6AddressOnCreation: new(s.AssignIPv6), Ipv6Native: new(!s.CIDR.IsValid()), EnableDns64: new(s.DNS64),
			Ipv6CidrBlockAssociationSet: shown(subnetBlocks(s, SubnetCidrBlockStateCodeAssociated)),
			PrivateDnsNameOptionsOnLaunch: &PrivateDnsNameOptionsOnLaunch{
				HostnameType: hostnameType(s.Names), EnableResourceNameDnsARecord: new(s.Names.A), EnableResourceNameDnsAAAARecord: new(s.Names.AAAA),
			},
			BlockPublicAccessStates: &BlockPublicAccessStates{InternetGatewayBlockMode: BlockPublicAccessModeOff},
			Tags:                    tagList(s.Tags),
		}
	}
}

// ipv4Block is nil in a subnet of IPv6 alone.
func ipv4Block(s *cloud.Subnet) *string {
	if !s.CIDR.IsValid() {
		return nil
	}
	return new(s.CIDR.String())
}

func subnetBlocks(s *cloud.Subnet, state SubnetCidrBlockStateCode) []SubnetIpv6CidrBlockAssociation {
	var out []SubnetIpv6CidrBlockAssociation
	for _, b := range s.CIDRs6 {
		out = append(out, *subnetBlock(b, state))
	}
	return out
}

func subnetBlock(b cloud.CIDRAssociation, state SubnetCidrBlockStateCode) *SubnetIpv6CidrBlockAssociation {
	return &SubnetIpv6CidrBlockAssociation{
		AssociationId: new(b.ID), Ipv6CidrBlock: new(b.Prefix.String()), Ipv6CidrBlockState: &SubnetCidrBlockState{State: state},
		IpSource: IpSourceAmazon, Ipv6AddressAttribute: Ipv6AddressAttributePublic,
	}
}

// zoneID is the account-independent ID of a zone.
func (a *api) zoneID(region, zone string) string {
	r, _ := a.control.Region(region)
	for _, z := range r.Zones {
		if z.Name == zone {
			return z.ID
		}
	}
	return ""
}

func subnetBlockFacts(f func(SubnetIpv6CidrBlockAssociation) []string) func(Subnet) []string {
	return func(s Subnet) []string { return facts(s.Ipv6CidrBlockAssociationSet, f) }
}

var subnetListing = listing[Subnet]{
	kind: cloud.KindSubnet, param: "subnetIds",
	id:   func(s Subnet) *string { return s.SubnetId },
	tags: func(s Subnet) []Tag { return s.Tags },
	fields: wire.Fields[Subnet]{
		"subnet-id":                       func(s Subnet) []string { return fact(s.SubnetId) },
		"subnet-arn":                      func(s Subnet) []string { return fact(s.SubnetArn) },
		"vpc-id":                          func(s Subnet) []string { return fact(s.VpcId) },
		"owner-id":                        func(s Subnet) []string { return fact(s.OwnerId) },
		"state":                           func(s Subnet) []string { return fact(&s.State) },
		"availability-zone":               func(s Subnet) []string { return fact(s.AvailabilityZone) },
		"availabilityZone":                func(s Subnet) []string { return fact(s.AvailabilityZone) },
		"availability-zone-id":            func(s Subnet) []string { return fact(s.AvailabilityZoneId) },
		"availabilityZoneId":              func(s Subnet) []string { return fact(s.AvailabilityZoneId) },
		"available-ip-address-count":      func(s Subnet) []string { return decimal(s.AvailableIpAddressCount) },
		"cidr-block":                      func(s Subnet) []string { return fact(s.CidrBlock) },
		"cidr":                            func(s Subnet) []string { return fact(s.CidrBlock) },
		"cidrBlock":                       func(s Subnet) []string { return fact(s.CidrBlock) },
		"default-for-az":                  func(s Subnet) []string { return flag(s.DefaultForAz) },
		"defaultForAz":                    func(s Subnet) []string { return flag(s.DefaultForAz) },
		"map-public-ip-on-launch":         func(s Subnet) []string { return flag(s.MapPublicIpOnLaunch) },
		"map-customer-owned-ip-on-launch": func(s Subnet) []string { return flag(s.MapCustomerOwnedIpOnLaunch) },
		"assign-ipv6-address-on-creation": func(s Subnet) []string { return flag(s.AssignIpv6AddressOnCreation) },
		"enable-dns64":                    func(s Subnet) []string { return flag(s.EnableDns64) },
		"ipv6-native":                     func(s Subnet) []string { return flag(s.Ipv6Native) },
		"outpost-arn":                     func(s Subnet) []string { return fact(s.OutpostArn) },
		"customer-owned-ipv4-pool":        func(s Subnet) []string { return fact(s.CustomerOwnedIpv4Pool) },
		"enable-lni-at-device-index":      func(s Subnet) []string { return decimal(s.EnableLniAtDeviceIndex) },
		"private-dns-name-options-on-launch.enable-resource-name-dns-a-record": func(s Subnet) []string {
			return flag(s.PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord)
		},
		"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": func(s Subnet) []string {
			return flag(s.PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord)
		},
		"private-dns-name-options-on-launch.hostname-type": func(s Subnet) []string { return fact(&s.PrivateDnsNameOptionsOnLaunch.HostnameType) },
		"ipv6-cidr-block-association.ipv6-cidr-block":      subnetBlockFacts(func(b SubnetIpv6CidrBlockAssociation) []string { return fact(b.Ipv6CidrBlock) }),
		"ipv6-cidr-block-association.association-id":       subnetBlockFacts(func(b SubnetIpv6CidrBlockAssociation) []string { return fact(b.AssociationId) }),
		"ipv6-cidr-block-association.state":                subnetBlockFacts(func(b SubnetIpv6CidrBlockAssociation) []string { return fact(&b.Ipv6CidrBlockState.State) }),
	},
}

func (a *api) createSubnet(ctx context.Context, in *CreateSubnetInput) (*CreateSubnetOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Ipv4IpamPoolId != nil || in.Ipv6IpamPoolId != nil:
		return nil, a.unsupported("An address pool of one's own")
	case yes(in.Ipv6Native) && in.Ipv6CidrBlock == nil:
		return nil, &wire.Error{Code: "MissingParameter", Msg: "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided."}
	case yes(in.Ipv6Native) && in.CidrBlock != nil:
		return nil, combination("When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.")
	case in.OutpostArn != nil:
		return nil, a.unsupported("A subnet on an Outpost")
	case in.CidrBlock == nil && !yes(in.Ipv6Native):
		return nil, &wire.Error{Code: "MissingParameter", Msg: "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."}
	case in.AvailabilityZone != nil && in.AvailabilityZoneId != nil:
		return nil, combination("Only one of availabilityZone and availabilityZoneId may be specified")
	}
	c := control.CreateSubnet{
		VPC: cloud.VPCID(*in.VpcId), Zone: text(in.AvailabilityZone) + text(in.AvailabilityZoneId),
		ReservedFirst: reservedFirst, ReservedLast: reservedLast, IPv6Only: yes(in.Ipv6Native), Names: cloud.HostNames{ByID: yes(in.Ipv6Native)},
	}
	if c.Labels, err = labels(cloud.KindSubnet, in.TagSpecifications, nil); err != nil {
		return nil, err
	}
	if c.CIDR, err = cidr("cidrBlock", in.CidrBlock, false); err != nil {
		return nil, err
	}
	if c.IPv6, err = cidr("ipv6CidrBlock", in.Ipv6CidrBlock, true); err != nil {
		return nil, err
	}
	s, err := a.control.CreateSubnet(ctx, who, c)
	if cloud.IsKind(err, cloud.Invalid) {
		return nil, a.namedZones(who, err)
	}
	if err != nil {
		return nil, err
	}
	return &CreateSubnetOutput{Subnet: new(a.subnetShape(a.control.View())(s))}, nil
}

func (a *api) createDefaultSubnet(ctx context.Context, in *CreateDefaultSubnetInput) (*CreateDefaultSubnetOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if yes(in.Ipv6Native) {
		return nil, a.unsupported("An IPv6-only subnet")
	}
	zone := text(in.AvailabilityZone) + text(in.AvailabilityZoneId)
	if zone == "" {
		return nil, missing("availabilityZone")
	}
	s, err := a.control.CreateDefaultSubnet(ctx, who, zone, defaults(who.Region))
	if err != nil {
		return nil, a.namedZones(who, err)
	}
	return &CreateDefaultSubnetOutput{Subnet: new(a.subnetShape(a.control.View())(s))}, nil
}

func (a *api) describeSubnets(ctx context.Context, in *DescribeSubnetsInput) (*DescribeSubnetsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.Subnets, cloud.Scope(who.Account, who.Region), a.subnetShape(v))
	out := &DescribeSubnetsOutput{}
	out.Subnets, out.NextToken, err = subnetListing.answer(ctx, all, question{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteSubnet(ctx context.Context, in *DeleteSubnetInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteSubnet(ctx, who, cloud.SubnetID(*in.SubnetId))
}

func (a *api) modifySubnetAttribute(ctx context.Context, in *ModifySubnetAttributeInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if in.CustomerOwnedIpv4Pool != nil || yes(attribute(in.MapCustomerOwnedIpOnLaunch)) || in.EnableLniAtDeviceIndex != nil || in.DisableLniAtDeviceIndex != nil {
		return nil, a.unsupported("A subnet on an Outpost")
	}
	m := control.ModifySubnet{
		MapPublicIP: attribute(in.MapPublicIpOnLaunch), AssignIPv6: attribute(in.AssignIpv6AddressOnCreation),
		DNS64: attribute(in.EnableDns64),
		Names: control.NameOptions{ByID: byID(in.PrivateDnsHostnameTypeOnLaunch), A: attribute(in.EnableResourceNameDnsARecordOnLaunch), AAAA: attribute(in.EnableResourceNameDnsAAAARecordOnLaunch)},
	}
	return nil, a.control.ModifySubnet(ctx, who, cloud.SubnetID(*in.SubnetId), m)
}

func (a *api) associateSubnetCidrBlock(ctx context.Context, in *AssociateSubnetCidrBlockInput) (*AssociateSubnetCidrBlockOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if in.Ipv6CidrBlock == nil {
		return nil, missing("ipv6CidrBlock")
	}
	p, err := cidr("ipv6CidrBlock", in.Ipv6CidrBlock, true)
	if err != nil {
		return nil, err
	}
	b, err := a.control.AddSubnetBlock6(ctx, who, cloud.SubnetID(*in.SubnetId), p)
	if err != nil {
		return nil, err
	}
	return &AssociateSubnetCidrBlockOutput{SubnetId: in.SubnetId, Ipv6CidrBlockAssociation: subnetBlock(*b, SubnetCidrBlockStateCodeAssociating)}, nil
}

func (a *api) disassociateSubnetCidrBlock(ctx context.Context, in *DisassociateSubnetCidrBlockInput) (*DisassociateSubnetCidrBlockOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	s, b, err := a.control.RemoveSubnetBlock6(ctx, who, *in.AssociationId)
	if err != nil {
		return nil, err
	}
	return &DisassociateSubnetCidrBlockOutput{SubnetId: new(string(s.ID)), Ipv6CidrBlockAssociation: subnetBlock(b, SubnetCidrBlockStateCodeDisassociating)}, nil
}
