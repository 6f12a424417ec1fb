package vpc

import (
	"context"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) ipv6Gateways(s *wire.Service) {
	wire.Handle(s, "CreateIpv6Gateway", a.createIpv6Gateway)
	wire.Handle(s, "DeleteIpv6Gateway", a.deleteIpv6Gateway)
	wire.Handle(s, "DescribeIpv6Gateways", a.describeIpv6Gateways)
	wire.Handle(s, "DescribeIpv6GatewayAttribute", a.describeIpv6GatewayAttribute)
	wire.Handle(s, "ModifyIpv6GatewayAttribute", a.modifyIpv6GatewayAttribute)
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createipv6gateway
func (a *api) createIpv6Gateway(ctx context.Context, in *CreateIpv6GatewayInput) (*CreateIpv6GatewayOutput, error) {
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if !v.IPv6ByRule { // the other dialect's, where all of a VPC's IPv6 addresses are public
		return nil, resource.Unsupported("VpcId")
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.Name, Description: in.Description}, in.ResourceGroupId, in.Tag, "InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateIPv6Gateway(ctx, resource.Caller(ctx), labels, v.ID)
	if err != nil {
		return nil, err
	}
	return &CreateIpv6GatewayOutput{Ipv6GatewayId: new(string(g.ID)), ResourceGroupId: new(resource.Group(&g.Meta))}, nil
}

// ipv6Gateway finds one of the caller's IPv6 gateways.
func (a *api) ipv6Gateway(ctx context.Context, id string) (*cloud.IPv6Gateway, error) {
	if g, ok := cloud.IPv6Gateways.Get(a.control.View(), cloud.IPv6GatewayID(id)); ok && g.Scope() == resource.Scope(ctx) {
		return g, nil
	}
	return nil, resource.Missing("InvalidIpv6GatewayId.NotFound", "Specified IPv6 gateway does not exist.")
}

// ipv6GatewayOf is a VPC's IPv6 gateway, or nil.
func (a *api) ipv6GatewayOf(vpc cloud.VPCID) *cloud.IPv6Gateway {
	for g := range cloud.IPv6Gateways.By(a.control.View(), "vpc", string(vpc)) {
		return g
	}
	return nil
}

func (a *api) deleteIpv6Gateway(ctx context.Context, in *DeleteIpv6GatewayInput) (*DeleteIpv6GatewayOutput, error) {
	g, err := a.ipv6Gateway(ctx, *in.Ipv6GatewayId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteIPv6Gateway(ctx, resource.Caller(ctx), g.ID)
}

func ipv6GatewayFacts(g *cloud.IPv6Gateway) Ipv6Gateway {
	return Ipv6Gateway{
		Ipv6GatewayId: new(string(g.ID)), Name: new(g.Attrs[resource.AttrName]), Description: new(g.Attrs[resource.AttrDescription]), VpcId: new(string(g.VPC)),
		RegionId: &g.Region, OwnerId: resource.Owner(g.Account), CreationTime: resource.Time(g.Created), ExpiredTime: new(""), Status: new("Available"),
		BusinessStatus: new("Normal"), InstanceChargeType: new("PostPaid"), ResourceGroupId: new(resource.Group(&g.Meta)), Tags: tagList(g.Tags),
	}
}

func (a *api) describeIpv6Gateways(ctx context.Context, in *DescribeIpv6GatewaysInput) (*DescribeIpv6GatewaysOutput, error) {
	want, err := tags(in.Tags)
	if err != nil {
		return nil, err
	}
	var all []*cloud.IPv6Gateway
	for g := range cloud.IPv6Gateways.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if matches(in.Ipv6GatewayId, string(g.ID)) && matches(in.Name, g.Attrs[resource.AttrName]) && matches(in.VpcId, string(g.VPC)) &&
			matches(in.ResourceGroupId, resource.Group(&g.Meta)) && page.HasTags(g.Tags, want) {
			all = append(all, g)
		}
	}
	newest(all, func(g *cloud.IPv6Gateway) (*cloud.Meta, string) { return &g.Meta, string(g.ID) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeIpv6GatewaysOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, Ipv6Gateways: []Ipv6Gateway{}}
	for _, g := range p.Items {
		out.Ipv6Gateways = append(out.Ipv6Gateways, ipv6GatewayFacts(g))
	}
	return out, nil
}

func (a *api) describeIpv6GatewayAttribute(ctx context.Context, in *DescribeIpv6GatewayAttributeInput) (*DescribeIpv6GatewayAttributeOutput, error) {
	g, err := a.ipv6Gateway(ctx, *in.Ipv6GatewayId)
	if err != nil {
		return nil, err
	}
	f := ipv6GatewayFacts(g)
	return &DescribeIpv6GatewayAttributeOutput{
		Ipv6GatewayId: f.Ipv6GatewayId, Name: f.Name, Description: f.Description, VpcId: f.VpcId, RegionId: f.RegionId, OwnerId: f.OwnerId,
		CreationTime: f.CreationTime, ExpiredTime: f.ExpiredTime, Status: f.Status, BusinessStatus: f.BusinessStatus, InstanceChargeType: f.InstanceChargeType,
		ResourceGroupId: f.ResourceGroupId, Tags: f.Tags, GatewayRouteTableId: new(""),
	}, nil
}

func (a *api) modifyIpv6GatewayAttribute(ctx context.Context, in *ModifyIpv6GatewayAttributeInput) (*ModifyIpv6GatewayAttributeOutput, error) {
	g, err := a.ipv6Gateway(ctx, *in.Ipv6GatewayId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.Name, Description: in.Description}.Attrs("InvalidName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindIPv6Gateway, ID: string(g.ID)}, attrs)
}
