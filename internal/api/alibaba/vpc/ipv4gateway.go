package vpc

import (
	"context"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) ipv4Gateways(s *wire.Service) {
	wire.Handle(s, "CreateIpv4Gateway", a.createIpv4Gateway)
	wire.Handle(s, "EnableVpcIpv4Gateway", a.enableVpcIpv4Gateway)
	wire.Handle(s, "DeleteIpv4Gateway", a.deleteIpv4Gateway)
	wire.Handle(s, "GetIpv4GatewayAttribute", a.getIpv4GatewayAttribute)
	wire.Handle(s, "ListIpv4Gateways", a.listIpv4Gateways)
	wire.Handle(s, "UpdateIpv4GatewayAttribute", a.updateIpv4GatewayAttribute)
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createipv4gateway
func (a *api) createIpv4Gateway(ctx context.Context, in *CreateIpv4GatewayInput) (*CreateIpv4GatewayOutput, error) {
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	if !v.SubnetRoutes { // the other dialect's, where a gateway does nothing until it is attached
		return nil, resource.Unsupported("VpcId")
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.Ipv4GatewayName, Description: in.Ipv4GatewayDescription}, in.ResourceGroupId, in.Tag, "IllegalParam.Ipv4GatewayName", "IllegalParam.Ipv4GatewayDescription")
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateDormantGateway(ctx, resource.Caller(ctx), labels, v.ID)
	if err != nil {
		return nil, err
	}
	return &CreateIpv4GatewayOutput{Ipv4GatewayId: new(string(g.ID)), ResourceGroupId: new(resource.Group(&g.Meta))}, nil
}

// ipv4Gateway finds one of the caller's IPv4 gateways.
func (a *api) ipv4Gateway(ctx context.Context, id string) (*cloud.InternetGateway, error) {
	if g, ok := cloud.InternetGateways.Get(a.control.View(), cloud.InternetGatewayID(id)); ok && g.Scope() == resource.Scope(ctx) && a.ownGateway(g) {
		return g, nil
	}
	return nil, resource.Missing("ResourceNotFound.Ipv4Gateway", "The specified resource ipv4Gateway is not found.")
}

// ownGateway tells whether a gateway is of a VPC of this dialect: others are as the
// other dialect has them, never without a way to the internet that needs no gateway.
func (a *api) ownGateway(g *cloud.InternetGateway) bool {
	v, ok := cloud.VPCs.Get(a.control.View(), g.VPC)
	return ok && v.SubnetRoutes
}

// ipv4GatewayOf is the ID of a VPC's IPv4 gateway, or "".
func (a *api) ipv4GatewayOf(vpc cloud.VPCID) *string {
	for g := range cloud.InternetGateways.By(a.control.View(), "vpc", string(vpc)) {
		return new(string(g.ID))
	}
	return new("")
}

// enableVpcIpv4Gateway makes the gateway the VPC's way to the internet.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-enablevpcipv4gateway
func (a *api) enableVpcIpv4Gateway(ctx context.Context, in *EnableVpcIpv4GatewayInput) (*EnableVpcIpv4GatewayOutput, error) {
	g, err := a.ipv4Gateway(ctx, *in.Ipv4GatewayId)
	if err != nil {
		return nil, err
	}
	var tables []cloud.RouteTableID
	for _, id := range in.RouteTableList {
		tables = append(tables, cloud.RouteTableID(id))
	}
	return nil, a.control.WakeGateway(ctx, resource.Caller(ctx), g.ID, tables)
}

// deleteIpv4Gateway leaves the VPC, which it was the way to the internet of, with
// public addresses that leave directly (the mode "public") or, as by default, without.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-deleteipv4gateway
func (a *api) deleteIpv4Gateway(ctx context.Context, in *DeleteIpv4GatewayInput) (*DeleteIpv4GatewayOutput, error) {
	mode := text(in.InternetMode)
	if mode != "" && mode != "public" && mode != "private" {
		return nil, resource.Fault("IllegalParam.InternetMode", "The param of InternetMode is illegal.")
	}
	g, err := a.ipv4Gateway(ctx, *in.Ipv4GatewayId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.RemoveGateway(ctx, resource.Caller(ctx), g.ID, mode == "public")
}

func (a *api) ipv4GatewayFacts(g *cloud.InternetGateway) Ipv4GatewayModel {
	v, ok := cloud.VPCs.Get(a.control.View(), g.VPC)
	enabled := ok && !g.Dormant && !v.DirectPublic
	return Ipv4GatewayModel{
		Ipv4GatewayId: new(string(g.ID)), Ipv4GatewayName: new(g.Attrs[resource.AttrName]), Ipv4GatewayDescription: new(g.Attrs[resource.AttrDescription]),
		VpcId: new(string(g.VPC)), Enabled: &enabled, Status: new("Created"), GmtCreate: resource.Time(g.Created), Ipv4GatewayRouteTableId: new(""),
		ResourceGroupId: new(resource.Group(&g.Meta)), Tags: tagList(g.Tags),
	}
}

func (a *api) getIpv4GatewayAttribute(ctx context.Context, in *GetIpv4GatewayAttributeInput) (*GetIpv4GatewayAttributeOutput, error) {
	g, err := a.ipv4Gateway(ctx, *in.Ipv4GatewayId)
	if err != nil {
		return nil, err
	}
	f := a.ipv4GatewayFacts(g)
	return &GetIpv4GatewayAttributeOutput{
		Ipv4GatewayId: f.Ipv4GatewayId, Ipv4GatewayName: f.Ipv4GatewayName, Ipv4GatewayDescription: f.Ipv4GatewayDescription, VpcId: f.VpcId, Enabled: f.Enabled,
		Status: f.Status, CreateTime: f.GmtCreate, Ipv4GatewayRouteTableId: f.Ipv4GatewayRouteTableId, ResourceGroupId: f.ResourceGroupId, Tags: f.Tags,
	}, nil
}

func (a *api) listIpv4Gateways(ctx context.Context, in *ListIpv4GatewaysInput) (*ListIpv4GatewaysOutput, error) {
	want, err := tags(in.Tags)
	if err != nil {
		return nil, err
	}
	var all []Ipv4GatewayModel
	for g := range cloud.InternetGateways.By(a.control.View(), "scope", resource.Scope(ctx)) {
		f := a.ipv4GatewayFacts(g)
		if a.ownGateway(g) && matches(in.Ipv4GatewayId, *f.Ipv4GatewayId) && matches(in.Ipv4GatewayName, *f.Ipv4GatewayName) && matches(in.VpcId, *f.VpcId) &&
			matches(in.ResourceGroupId, *f.ResourceGroupId) && page.HasTags(g.Tags, want) {
			all = append(all, f)
		}
	}
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 100}, text(in.VpcId), func(f Ipv4GatewayModel) string { return *f.Ipv4GatewayId })
	if err != nil {
		return nil, err
	}
	return &ListIpv4GatewaysOutput{Ipv4GatewayModels: items, NextToken: next, TotalCount: new(strconv.Itoa(len(all)))}, nil
}

func (a *api) updateIpv4GatewayAttribute(ctx context.Context, in *UpdateIpv4GatewayAttributeInput) (*UpdateIpv4GatewayAttributeOutput, error) {
	g, err := a.ipv4Gateway(ctx, *in.Ipv4GatewayId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.Ipv4GatewayName, Description: in.Ipv4GatewayDescription}.Attrs("IllegalParam.Ipv4GatewayName", "IllegalParam.Ipv4GatewayDescription")
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindInternetGateway, ID: string(g.ID)}, attrs)
}
