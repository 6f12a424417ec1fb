package vpc

import (
	"context"
	"net/netip"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) vSwitches(s *wire.Service) {
	wire.Handle(s, "CreateVSwitch", a.createVSwitch)
	wire.Handle(s, "DescribeVSwitches", a.describeVSwitches)
	wire.Handle(s, "DescribeVSwitchAttributes", a.describeVSwitchAttributes)
	wire.Handle(s, "ModifyVSwitchAttribute", a.modifyVSwitchAttribute)
	wire.Handle(s, "DeleteVSwitch", a.deleteVSwitch)
}

// NewVSwitch is a vSwitch as this dialect makes them: the first address of it and
// the last three are reserved, and it has 8 at least.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvswitch
func NewVSwitch(vpc cloud.VPCID, zone string, cidr netip.Prefix, labels control.Labels) control.CreateSubnet {
	return control.CreateSubnet{Labels: labels, VPC: vpc, Zone: zone, CIDR: cidr, ReservedFirst: 1, ReservedLast: 3, Narrowest: 29}
}

func (a *api) createVSwitch(ctx context.Context, in *CreateVSwitchInput) (*CreateVSwitchOutput, error) {
	if err := resource.Refuse(map[string]bool{"VpcIpv6CidrBlock": in.VpcIpv6CidrBlock != nil, "CidrMask": in.CidrMask != nil, "Ipv6CidrMask": mask(in.Ipv6CidrMask, 64)}); err != nil {
		return nil, err
	}
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	cidr, err := block(text(in.CidrBlock))
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.VSwitchName, Description: in.Description}, nil, in.Tag, "InvalidVSwitchName.Malformed", "InvalidVSwitchDescription.Malformed")
	if err != nil {
		return nil, err
	}
	c := NewVSwitch(v.ID, *in.ZoneId, cidr, labels)
	if in.Ipv6CidrBlock != nil {
		if c.IPv6, err = block6(v, *in.Ipv6CidrBlock); err != nil {
			return nil, err
		}
	}
	s, err := a.control.CreateSubnet(ctx, resource.Caller(ctx), c)
	if err != nil {
		return nil, err
	}
	return &CreateVSwitchOutput{VSwitchId: new(string(s.ID))}, nil
}

// vSwitch finds one of the caller's vSwitches.
func (a *api) vSwitch(ctx context.Context, id string) (*cloud.Subnet, error) {
	if s, ok := cloud.Subnets.Get(a.control.View(), cloud.SubnetID(id)); ok && s.Scope() == resource.Scope(ctx) {
		return s, nil
	}
	return nil, resource.Missing("InvalidVswitchID.NotFound", "Specified virtual switch does not exist.")
}

// TableOf is the route table of a vSwitch: its own, or the VPC's system table.
func TableOf(v cloud.View, s *cloud.Subnet) *cloud.RouteTable {
	var main *cloud.RouteTable
	for t := range cloud.RouteTables.By(v, "vpc", string(s.VPC)) {
		for _, as := range t.Associations {
			if as.Subnet == s.ID {
				return t
			}
		}
		if t.Main {
			main = t
		}
	}
	return main
}

func tableType(t *cloud.RouteTable) *string {
	if t.Main {
		return new("System")
	}
	return new("Custom")
}

// aclOf is the network ACL of a vSwitch, or "" if that is the VPC's default one.
func (a *api) aclOf(s *cloud.Subnet) *string {
	if n, ok := cloud.NetworkACLs.Get(a.control.View(), s.NetworkACL); ok && !n.Default {
		return new(string(n.ID))
	}
	return new("")
}

// switchFacts are what the API says of a vSwitch.
func (a *api) switchFacts(s *cloud.Subnet) VSwitch {
	view := a.control.View()
	out := VSwitch{
		VSwitchId: new(string(s.ID)), VSwitchName: new(s.Attrs[resource.AttrName]), Description: new(s.Attrs[resource.AttrDescription]), VpcId: new(string(s.VPC)),
		ZoneId: &s.Zone, CidrBlock: new(s.CIDR.String()), CreationTime: resource.Time(s.Created), OwnerId: resource.Owner(s.Account), IsDefault: &s.Default,
		Status: new("Available"), AvailableIpAddressCount: new(int64(control.FreeAddresses(view, s))), Tags: tagList(s.Tags), NetworkAclId: a.aclOf(s),
		EnabledIpv6: new(len(s.CIDRs6) > 0), Ipv6CidrBlock: new(""), ShareType: new(""),
	}
	if v, ok := cloud.VPCs.Get(view, s.VPC); ok {
		out.ResourceGroupId = new(resource.Group(&v.Meta)) // a vSwitch is where its VPC is
	}
	if t := TableOf(view, s); t != nil {
		out.RouteTable = &RouteTable{RouteTableId: new(string(t.ID)), RouteTableType: tableType(t)}
	}
	if len(s.CIDRs6) > 0 {
		out.Ipv6CidrBlock = new(s.CIDRs6[0].Prefix.String())
	}
	return out
}

func (a *api) describeVSwitches(ctx context.Context, in *DescribeVSwitchesInput) (*DescribeVSwitchesOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	ids := list(in.VSwitchId)
	var all []*cloud.Subnet
	for s := range cloud.Subnets.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if !s.CIDR.IsValid() {
			continue // of IPv6 alone, which this dialect does not know
		}
		f := a.switchFacts(s)
		if page.Has(ids, string(s.ID)) && matches(in.VpcId, string(s.VPC)) && matches(in.ZoneId, s.Zone) && matches(in.VSwitchName, *f.VSwitchName) &&
			matches(in.ResourceGroupId, text(f.ResourceGroupId)) && (in.IsDefault == nil || *in.IsDefault == s.Default) && (in.EnableIpv6 == nil || *in.EnableIpv6 == *f.EnabledIpv6) &&
			(text(in.RouteTableId) == "" || f.RouteTable != nil && *f.RouteTable.RouteTableId == *in.RouteTableId) && page.HasTags(s.Tags, want) {
			all = append(all, s)
		}
	}
	newest(all, func(s *cloud.Subnet) (*cloud.Meta, string) { return &s.Meta, string(s.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeVSwitchesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, VSwitches: []VSwitch{}}
	for _, s := range p.Items {
		out.VSwitches = append(out.VSwitches, a.switchFacts(s))
	}
	return out, nil
}

func (a *api) describeVSwitchAttributes(ctx context.Context, in *DescribeVSwitchAttributesInput) (*DescribeVSwitchAttributesOutput, error) {
	s, err := a.vSwitch(ctx, *in.VSwitchId)
	if err != nil {
		return nil, err
	}
	return new(DescribeVSwitchAttributesOutput(a.switchFacts(s))), nil
}

func (a *api) modifyVSwitchAttribute(ctx context.Context, in *ModifyVSwitchAttributeInput) (*ModifyVSwitchAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{"VpcIpv6CidrBlock": in.VpcIpv6CidrBlock != nil, "Ipv6CidrMask": mask(in.Ipv6CidrMask, 64)}); err != nil {
		return nil, err
	}
	s, err := a.vSwitch(ctx, *in.VSwitchId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.VSwitchName, Description: in.Description}.Attrs("InvalidVSwitchName.Malformed", "InvalidVSwitchDescription.Malformed")
	if err != nil {
		return nil, err
	}
	if err := a.modifyBlock6(ctx, s, in.EnableIPv6, in.Ipv6CidrBlock); err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindSubnet, ID: *in.VSwitchId}, attrs)
}

func (a *api) deleteVSwitch(ctx context.Context, in *DeleteVSwitchInput) (*DeleteVSwitchOutput, error) {
	for n := range cloud.NATGateways.By(a.control.View(), "subnet", *in.VSwitchId) {
		if n.Deleted.IsZero() {
			return nil, resource.Fault("DependencyViolation.NatGateway", "Specified object has dependent resources: NAT gateways.")
		}
	}
	return nil, a.control.DeleteSubnet(ctx, resource.Caller(ctx), cloud.SubnetID(*in.VSwitchId))
}
