package cbn

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
)

func (a *api) grants(s *wire.Service) {
	wire.Handle(s, "GrantInstanceToTransitRouter", a.grant)
	wire.Handle(s, "RevokeInstanceFromTransitRouter", a.revoke)
	wire.Handle(s, "DescribeGrantRulesToCen", a.describeGrantsToCen)
	wire.Handle(s, "DescribeGrantRulesToResource", a.describeGrantsToResource)
	wire.Handle(s, "ListGrantVSwitchesToCen", a.listGrantVSwitches)
}

func onlyVPC(parameter, kind string) error {
	return resource.Refuse(map[string]bool{parameter: kind != "VPC"})
}

// https://www.alibabacloud.com/help/en/cen/developer-reference/api-cbn-2017-09-12-grantinstancetotransitrouter
func (a *api) grant(ctx context.Context, q *GrantInstanceToTransitRouterInput) (*GrantInstanceToTransitRouterOutput, error) {
	if err := onlyVPC("InstanceType", *q.InstanceType); err != nil {
		return nil, err
	}
	if err := resource.Refuse(map[string]bool{"OrderType": text(q.OrderType) != "" && *q.OrderType != payer}); err != nil {
		return nil, err
	}
	owner, err := account(ctx, q.CenOwnerId, "CenOwnerId")
	if err != nil {
		return nil, err
	}
	who := resource.Caller(ctx)
	if v, ok := cloud.VPCs.Get(a.control.View(), cloud.VPCID(*q.InstanceId)); ok && v.Account == who.Account {
		who.Region = v.Region
	}
	return nil, a.control.GrantTransit(ctx, who, cloud.VPCID(*q.InstanceId), cloud.TransitDomainID(*q.CenId), owner)
}

// payer is who pays for an attachment, which costs nobody anything.
const payer = "PayByCenOwner"

func (a *api) revoke(ctx context.Context, q *RevokeInstanceFromTransitRouterInput) (*RevokeInstanceFromTransitRouterOutput, error) {
	if err := onlyVPC("InstanceType", *q.InstanceType); err != nil {
		return nil, err
	}
	who := resource.Caller(ctx)
	if v, ok := cloud.VPCs.Get(a.control.View(), cloud.VPCID(*q.InstanceId)); ok && v.Account == who.Account {
		who.Region = v.Region
	}
	return nil, a.control.RevokeTransit(ctx, who, cloud.VPCID(*q.InstanceId), cloud.TransitDomainID(*q.CenId))
}

func (a *api) describeGrantsToCen(ctx context.Context, q *DescribeGrantRulesToCenInput) (*DescribeGrantRulesToCenOutput, error) {
	if err := onlyVPC("ProductType", *q.ProductType); err != nil {
		return nil, err
	}
	d, err := a.cen(ctx, *q.CenId)
	if err != nil {
		return nil, err
	}
	all := []GrantRule{}
	for g := range cloud.TransitGrants.By(a.control.View(), "domain", string(d.ID)) {
		f := GrantRule{
			CenId: new(string(d.ID)), CenOwnerId: resource.Owner(d.Account), ChildInstanceId: new(string(g.VPC)), ChildInstanceOwnerId: resource.Owner(g.Account),
			ChildInstanceRegionId: &g.Region, ChildInstanceType: new("VPC"), CreateTime: new(g.Created.UnixMilli()), OrderType: new(payer),
		}
		if matches(q.ChildInstanceId, string(g.VPC)) && matches(q.RegionId, g.Region) && (q.ChildInstanceOwnerId == nil || *q.ChildInstanceOwnerId == *f.ChildInstanceOwnerId) {
			all = append(all, f)
		}
	}
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, *q.CenId+text(q.ChildInstanceId), func(g GrantRule) string { return *g.ChildInstanceId })
	if err != nil {
		return nil, err
	}
	return &DescribeGrantRulesToCenOutput{GrantRules: items, NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

func (a *api) describeGrantsToResource(ctx context.Context, q *DescribeGrantRulesToResourceInput) (*DescribeGrantRulesToResourceOutput, error) {
	if err := onlyVPC("ProductType", *q.ProductType); err != nil {
		return nil, err
	}
	all := []DescribeGrantRulesToResourceGrantRule{}
	for g := range cloud.TransitGrants.By(a.control.View(), "vpc", *q.ResourceId) {
		if d, ok := cloud.TransitDomains.Get(a.control.View(), g.Domain); ok && g.Account == wire.CallFrom(ctx).Account {
			all = append(all, DescribeGrantRulesToResourceGrantRule{CenId: new(string(d.ID)), CenOwnerId: resource.Owner(d.Account), CreateTime: stamp(g.Created), OrderType: new(payer)})
		}
	}
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, *q.ResourceId, func(g DescribeGrantRulesToResourceGrantRule) string { return *g.CenId })
	if err != nil {
		return nil, err
	}
	return &DescribeGrantRulesToResourceOutput{GrantRules: items, NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

// listGrantVSwitches shows the vSwitches of a VPC that is granted, or the account's own.
func (a *api) listGrantVSwitches(ctx context.Context, q *ListGrantVSwitchesToCenInput) (*ListGrantVSwitchesToCenOutput, error) {
	d, err := a.cen(ctx, *q.CenId)
	if err != nil {
		return nil, err
	}
	view := a.control.View()
	v, ok := cloud.VPCs.Get(view, cloud.VPCID(*q.VpcId))
	_, granted := cloud.TransitGrants.Get(view, cloud.TransitGrantKey(cloud.VPCID(*q.VpcId), d.ID))
	if !ok || v.Region != *q.RegionId || v.Account != d.Account && !granted {
		return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindVPC, ID: *q.VpcId}
	}
	var all []VSwitch
	for s := range cloud.Subnets.By(view, "vpc", string(v.ID)) {
		if matches(q.ZoneId, s.Zone) {
			all = append(all, VSwitch{VSwitchId: new(string(s.ID)), VSwitchName: new(s.Attrs[resource.AttrName]), VpcId: new(string(v.ID)), ZoneId: &s.Zone})
		}
	}
	slices.SortFunc(all, func(x, y VSwitch) int { return strings.Compare(*x.VSwitchId, *y.VSwitchId) })
	p, err := page.ByNumber(all, q.PageNumber, q.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	return &ListGrantVSwitchesToCenOutput{VSwitches: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, nil
}
