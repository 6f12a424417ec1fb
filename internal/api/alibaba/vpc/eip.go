package vpc

import (
	"context"
	"net/netip"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) eips(s *wire.Service) {
	wire.Handle(s, "AllocateEipAddress", a.allocateEipAddress)
	wire.Handle(s, "AssociateEipAddress", a.associateEipAddress)
	wire.Handle(s, "UnassociateEipAddress", a.unassociateEipAddress)
	wire.Handle(s, "ReleaseEipAddress", a.releaseEipAddress)
	wire.Handle(s, "DescribeEipAddresses", a.describeEipAddresses)
	wire.Handle(s, "ModifyEipAddressAttribute", a.modifyEipAddressAttribute)
}

const (
	attrBandwidth    = "alibaba.bandwidth"  // echoed: Weir limits no bandwidth
	attrPrivate      = "alibaba.private-ip" // the private address that the association named
	defaultBandwidth = "5"
)

func bandwidth(p *string) (string, error) {
	if text(p) == "" {
		return defaultBandwidth, nil
	}
	if n, err := strconv.Atoi(*p); err != nil || n < 1 || n > 1000 {
		return "", resource.Fault("InvalidBandwidth.Malformed", "The specified Bandwidth is not valid.")
	}
	return *p, nil
}

func (a *api) allocateEipAddress(ctx context.Context, in *AllocateEipAddressInput) (*AllocateEipAddressOutput, error) {
	isp := text(in.ISP)
	if err := resource.Refuse(map[string]bool{
		"ISP": isp != "" && isp != "BGP", "PublicIpAddressPoolId": in.PublicIpAddressPoolId != nil, "SecurityProtectionTypes": len(in.SecurityProtectionTypes) > 0,
		"InstanceChargeType": text(in.InstanceChargeType) == "PrePaid", "InstanceId": text(in.InstanceId) != "", "IpAddress": text(in.IpAddress) != "", "Zone": text(in.Zone) != "",
	}); err != nil {
		return nil, err
	}
	speed, err := bandwidth(in.Bandwidth)
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.Name, Description: in.Description}, in.ResourceGroupId, in.Tag, "InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	labels.Attrs[attrBandwidth] = speed
	e, err := a.control.AllocateAddress(ctx, resource.Caller(ctx), labels, netip.Addr{})
	if err != nil {
		return nil, err
	}
	return &AllocateEipAddressOutput{AllocationId: new(string(e.ID)), EipAddress: new(e.Addr.String()), ResourceGroupId: new(resource.Group(&e.Meta))}, nil
}

// eip finds one of the caller's elastic IPs.
func (a *api) eip(ctx context.Context, id string) (*cloud.ElasticIP, error) {
	if e, ok := cloud.ElasticIPs.Get(a.control.View(), cloud.AllocationID(id)); ok && e.Scope() == resource.Scope(ctx) {
		return e, nil
	}
	return nil, resource.Missing("InvalidAllocationId.NotFound", "Specified allocation ID is not found.")
}

func (a *api) associateEipAddress(ctx context.Context, in *AssociateEipAddressInput) (*AssociateEipAddressOutput, error) {
	mode := text(in.Mode)
	if err := resource.Refuse(map[string]bool{"Mode": mode != "" && mode != "NAT", "InstanceRegionId": text(in.InstanceRegionId) != "" && *in.InstanceRegionId != wire.CallFrom(ctx).Region}); err != nil {
		return nil, err
	}
	e, err := a.eip(ctx, *in.AllocationId)
	if err != nil {
		return nil, err
	}
	if e.AssocID != "" {
		return nil, resource.Fault("IncorrectEipStatus", "Current elastic IP status does not support this operation.")
	}
	caller := resource.Caller(ctx)
	switch text(in.InstanceType) {
	case "Nat":
		return nil, a.control.AssociateNATAddress(ctx, caller, cloud.NATGatewayID(*in.InstanceId), e.ID)
	case "", "EcsInstance":
		eni, err := a.control.PrimaryInterface(caller, cloud.InstanceID(*in.InstanceId))
		if err != nil {
			return nil, err
		}
		_, err = a.control.AssociateAddress(ctx, caller, control.AssociateAddress{Address: control.ElasticIPRef{ID: e.ID}, Interface: eni, Keep: true})
		return nil, err
	case "NetworkInterface":
		var private netip.Addr
		if text(in.PrivateIpAddress) != "" {
			if private, err = netip.ParseAddr(*in.PrivateIpAddress); err != nil {
				return nil, resource.Fault("InvalidPrivateIpAddress.Malformed", "The specified PrivateIpAddress is not valid.")
			}
		}
		if _, err := a.control.AssociateAddress(ctx, caller, control.AssociateAddress{
			Address: control.ElasticIPRef{ID: e.ID}, Interface: cloud.InterfaceID(*in.InstanceId), Private: private, Keep: true,
		}); err != nil {
			return nil, err
		}
		return nil, a.control.SetAttrs(ctx, caller, cloud.Ref{Kind: cloud.KindElasticIP, ID: string(e.ID)}, map[string]string{attrPrivate: text(in.PrivateIpAddress)})
	}
	return nil, resource.Unsupported("InstanceType")
}

func (a *api) unassociateEipAddress(ctx context.Context, in *UnassociateEipAddressInput) (*UnassociateEipAddressOutput, error) {
	e, err := a.eip(ctx, *in.AllocationId)
	if err != nil {
		return nil, err
	}
	if e.AssocID == "" {
		return nil, resource.Fault("IncorrectEipStatus", "Current elastic IP status does not support this operation.")
	}
	if n := a.natOf(e.Interface); n != nil {
		return nil, a.control.DisassociateNATAddress(ctx, resource.Caller(ctx), n.ID, e.ID)
	}
	return nil, a.control.DisassociateAddress(ctx, resource.Caller(ctx), control.ElasticIPRef{ID: e.ID})
}

// natOf is the NAT gateway with this interface, or nil.
func (a *api) natOf(id cloud.InterfaceID) *cloud.NATGateway {
	i, ok := cloud.Interfaces.Get(a.control.View(), id)
	if !ok || i.Use != cloud.UseNAT {
		return nil
	}
	n, _ := cloud.NATGateways.Get(a.control.View(), cloud.NATGatewayID(i.Owner))
	return n
}

func (a *api) releaseEipAddress(ctx context.Context, in *ReleaseEipAddressInput) (*ReleaseEipAddressOutput, error) {
	return nil, a.control.ReleaseAddress(ctx, resource.Caller(ctx), control.ElasticIPRef{ID: cloud.AllocationID(*in.AllocationId)})
}

// eipFacts are what the API says of an elastic IP. The private address is shown
// where the association named one, and the VPC is that of no kind of resource
// that there is here: Terraform's provider replaces an association that shows
// more than its configuration says.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-describeeipaddresses
func (a *api) eipFacts(e *cloud.ElasticIP) EipAddress {
	out := EipAddress{
		AllocationId: new(string(e.ID)), IpAddress: new(e.Addr.String()), Status: new("Available"), InstanceId: new(""), InstanceType: new(""), PrivateIpAddress: new(""),
		Name: new(e.Attrs[resource.AttrName]), Description: new(e.Attrs[resource.AttrDescription]), RegionId: &e.Region, AllocationTime: resource.Time(e.Created),
		ResourceGroupId: new(resource.Group(&e.Meta)), Tags: tagList(e.Tags), Bandwidth: new(e.Attrs[attrBandwidth]), EipBandwidth: new(e.Attrs[attrBandwidth]),
		ChargeType: new("PostPaid"), InternetChargeType: new("PayByTraffic"), ISP: new("BGP"), Netmode: new("public"), BusinessStatus: new("Normal"),
		AvailableRegions: []string{e.Region}, DeletionProtection: new(false), HasReservationData: new("false"), SecondLimited: new(false), ExpiredTime: new(""), InstanceRegionId: new(""),
	}
	if e.AssocID == "" {
		return out
	}
	out.Status, out.InstanceId, out.InstanceType, out.Mode, out.InstanceRegionId = new("InUse"), new(string(e.Interface)), new("NetworkInterface"), new("NAT"), &e.Region
	if e.Attrs[attrPrivate] == e.Private.String() {
		out.PrivateIpAddress = new(e.Private.String())
	}
	if n := a.natOf(e.Interface); n != nil {
		out.InstanceId, out.InstanceType = new(string(n.ID)), new("Nat")
	}
	if i, ok := cloud.Interfaces.Get(a.control.View(), e.Interface); ok && i.Attachment != nil { // the address is its instance's
		out.InstanceId, out.InstanceType = &i.Attachment.Instance, new("EcsInstance")
	}
	return out
}

func (a *api) describeEipAddresses(ctx context.Context, in *DescribeEipAddressesInput) (*DescribeEipAddressesOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	ids, addrs := list(in.AllocationId), list(in.EipAddress)
	var all []*cloud.ElasticIP
	for e := range cloud.ElasticIPs.By(a.control.View(), "scope", resource.Scope(ctx)) {
		f := a.eipFacts(e)
		if page.Has(ids, *f.AllocationId) && page.Has(addrs, *f.IpAddress) && matches(in.Status, *f.Status) && matches(in.EipName, *f.Name) &&
			matches(in.AssociatedInstanceId, *f.InstanceId) && matches(in.ResourceGroupId, *f.ResourceGroupId) && page.HasTags(e.Tags, want) {
			all = append(all, e)
		}
	}
	newest(all, func(e *cloud.ElasticIP) (*cloud.Meta, string) { return &e.Meta, string(e.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 100})
	if err != nil {
		return nil, err
	}
	out := &DescribeEipAddressesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, EipAddresses: []EipAddress{}}
	for _, e := range p.Items {
		out.EipAddresses = append(out.EipAddresses, a.eipFacts(e))
	}
	return out, nil
}

func (a *api) modifyEipAddressAttribute(ctx context.Context, in *ModifyEipAddressAttributeInput) (*ModifyEipAddressAttributeOutput, error) {
	attrs, err := resource.Described{Name: in.Name, Description: in.Description}.Attrs("InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	if in.Bandwidth != nil {
		if attrs[attrBandwidth], err = bandwidth(in.Bandwidth); err != nil {
			return nil, err
		}
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindElasticIP, ID: *in.AllocationId}, attrs)
}
