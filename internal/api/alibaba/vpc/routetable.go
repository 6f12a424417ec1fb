package vpc

import (
	"context"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) routeTables(s *wire.Service) {
	wire.Handle(s, "CreateRouteTable", a.createRouteTable)
	wire.Handle(s, "AssociateRouteTable", a.associateRouteTable)
	wire.Handle(s, "UnassociateRouteTable", a.unassociateRouteTable)
	wire.Handle(s, "ModifyRouteTableAttributes", a.modifyRouteTableAttributes)
	wire.Handle(s, "DeleteRouteTable", a.deleteRouteTable)
	wire.Handle(s, "DescribeRouteTableList", a.describeRouteTableList)
	wire.Handle(s, "DescribeRouteTables", a.describeRouteTables)
	wire.Handle(s, "DescribeVRouters", a.describeVRouters)
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createroutetable
func (a *api) createRouteTable(ctx context.Context, in *CreateRouteTableInput) (*CreateRouteTableOutput, error) {
	kind := text(in.AssociateType)
	if err := resource.Refuse(map[string]bool{"AssociateType": kind != "" && kind != "VSwitch"}); err != nil {
		return nil, err
	}
	v, err := a.vpc(ctx, *in.VpcId)
	if err != nil {
		return nil, err
	}
	labels, err := a.labels(ctx, resource.Described{Name: in.RouteTableName, Description: in.Description}, nil, in.Tag, "InvalidRouteTableName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	t, err := a.control.CreateRouteTable(ctx, resource.Caller(ctx), control.CreateRouteTable{Labels: labels, VPC: v.ID})
	if err != nil {
		return nil, err
	}
	return &CreateRouteTableOutput{RouteTableId: new(string(t.ID))}, nil
}

// table finds one of the caller's route tables.
func (a *api) table(ctx context.Context, id string) (*cloud.RouteTable, error) {
	if t, ok := cloud.RouteTables.Get(a.control.View(), cloud.RouteTableID(id)); ok && t.Scope() == resource.Scope(ctx) {
		return t, nil
	}
	return nil, resource.Missing("InvalidRouteTableId.NotFound", "Specified route table does not exist.")
}

func (a *api) associateRouteTable(ctx context.Context, in *AssociateRouteTableInput) (*AssociateRouteTableOutput, error) {
	t, err := a.table(ctx, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if t.Main {
		return nil, resource.Fault("OperationDenied.RouteTableTypeIncorrect", "The operation is not allowed because the route table is the system route table; unassociate the custom one.")
	}
	_, err = a.control.AssociateRouteTable(ctx, resource.Caller(ctx), t.ID, cloud.SubnetID(*in.VSwitchId))
	return nil, err
}

func (a *api) unassociateRouteTable(ctx context.Context, in *UnassociateRouteTableInput) (*UnassociateRouteTableOutput, error) {
	t, err := a.table(ctx, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	for _, as := range t.Associations {
		if string(as.Subnet) == *in.VSwitchId {
			return nil, a.control.DisassociateRouteTable(ctx, resource.Caller(ctx), as.ID)
		}
	}
	return nil, resource.Fault("ResourceNotAssociated.VSwitch", "The vSwitch is not associated with the route table.")
}

func (a *api) modifyRouteTableAttributes(ctx context.Context, in *ModifyRouteTableAttributesInput) (*ModifyRouteTableAttributesOutput, error) {
	if err := resource.Refuse(map[string]bool{"RoutePropagationEnable": in.RoutePropagationEnable != nil && !*in.RoutePropagationEnable}); err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.RouteTableName, Description: in.Description}.Attrs("InvalidRouteTableName.Malformed", "InvalidDescription.Malformed")
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindRouteTable, ID: *in.RouteTableId}, attrs)
}

func (a *api) deleteRouteTable(ctx context.Context, in *DeleteRouteTableInput) (*DeleteRouteTableOutput, error) {
	t, err := a.table(ctx, *in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if t.Main {
		return nil, resource.Fault("OperationDenied.RouteTableTypeIncorrect", "The operation is not allowed because the route table is the system route table, which goes with its VPC.")
	}
	return nil, a.control.DeleteRouteTable(ctx, resource.Caller(ctx), t.ID)
}

// switchesOf are the vSwitches that a table routes for.
func (a *api) switchesOf(t *cloud.RouteTable) []string {
	ids, elsewhere := []string{}, map[cloud.SubnetID]bool{}
	for o := range cloud.RouteTables.By(a.control.View(), "vpc", string(t.VPC)) {
		for _, as := range o.Associations {
			elsewhere[as.Subnet] = true
			if o.ID == t.ID {
				ids = append(ids, string(as.Subnet))
			}
		}
	}
	if t.Main {
		for s := range cloud.Subnets.By(a.control.View(), "vpc", string(t.VPC)) {
			if !elsewhere[s.ID] {
				ids = append(ids, string(s.ID))
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// groupOf is the resource group of a VPC, in which its route tables are.
func (a *api) groupOf(id cloud.VPCID) *string {
	if v, ok := cloud.VPCs.Get(a.control.View(), id); ok {
		return new(resource.Group(&v.Meta))
	}
	return new("")
}

func (a *api) tableFacts(t *cloud.RouteTable) RouterTableListType {
	return RouterTableListType{
		RouteTableId: new(string(t.ID)), RouteTableName: new(t.Attrs[resource.AttrName]), Description: new(t.Attrs[resource.AttrDescription]),
		RouteTableType: tableType(t), AssociateType: new("VSwitch"), Status: new("Available"), CreationTime: resource.Time(t.Created), OwnerId: resource.Owner(t.Account),
		RouterId: router(t.VPC), RouterType: new("VRouter"), VpcId: new(string(t.VPC)), VSwitchIds: a.switchesOf(t), GatewayIds: []string{},
		RoutePropagationEnable: new(true), ResourceGroupId: a.groupOf(t.VPC), Tags: tagList(t.Tags),
	}
}

// tables are the caller's route tables that a filter lets through, newest first.
func (a *api) tables(ctx context.Context, keep func(*cloud.RouteTable, RouterTableListType) bool) []*cloud.RouteTable {
	var all []*cloud.RouteTable
	for t := range cloud.RouteTables.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if keep(t, a.tableFacts(t)) {
			all = append(all, t)
		}
	}
	newest(all, func(t *cloud.RouteTable) (*cloud.Meta, string) { return &t.Meta, string(t.ID) })
	return all
}

func (a *api) describeRouteTableList(ctx context.Context, in *DescribeRouteTableListInput) (*DescribeRouteTableListOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	all := a.tables(ctx, func(t *cloud.RouteTable, f RouterTableListType) bool {
		return matches(in.RouteTableId, *f.RouteTableId) && matches(in.RouteTableName, *f.RouteTableName) && matches(in.RouterId, *f.RouterId) && matches(in.RouterType, *f.RouterType) &&
			matches(in.VpcId, *f.VpcId) && matches(in.RouteTableType, *f.RouteTableType) && matches(in.ResourceGroupId, *f.ResourceGroupId) && page.HasTags(t.Tags, want)
	})
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeRouteTableListOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, RouterTableList: []RouterTableListType{}}
	for _, t := range p.Items {
		out.RouterTableList = append(out.RouterTableList, a.tableFacts(t))
	}
	return out, nil
}

// describeRouteTables is the older way to ask, which shows the entries too.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-describeroutetables
func (a *api) describeRouteTables(ctx context.Context, in *DescribeRouteTablesInput) (*DescribeRouteTablesOutput, error) {
	all := a.tables(ctx, func(t *cloud.RouteTable, f RouterTableListType) bool {
		return matches(in.RouteTableId, *f.RouteTableId) && matches(in.RouteTableName, *f.RouteTableName) && matches(in.RouterId, *f.RouterId) && matches(in.RouterType, *f.RouterType) &&
			matches(in.VRouterId, *f.RouterId) && matches(in.ResourceGroupId, *f.ResourceGroupId)
	})
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeRouteTablesOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, RouteTables: []DescribeRouteTablesRouteTable{}}
	for _, t := range p.Items {
		f := a.tableFacts(t)
		old := DescribeRouteTablesRouteTable{
			RouteTableId: f.RouteTableId, RouteTableType: f.RouteTableType, Status: f.Status, CreationTime: f.CreationTime, ResourceGroupId: f.ResourceGroupId,
			VRouterId: f.RouterId, VSwitchIds: f.VSwitchIds, RouteEntrys: []DescribeRouteTablesRouteTableRouteEntry{},
		}
		for _, e := range a.entries(t) {
			if matches(in.Type, *e.Type) {
				old.RouteEntrys = append(old.RouteEntrys, olderEntry(e))
			}
		}
		out.RouteTables = append(out.RouteTables, old)
	}
	return out, nil
}

// olderEntry is an entry as DescribeRouteTables shows it.
func olderEntry(e DescribeRouteEntryListRouteEntry) DescribeRouteTablesRouteTableRouteEntry {
	hop := e.NextHops[0]
	return DescribeRouteTablesRouteTableRouteEntry{
		RouteEntryId: e.RouteEntryId, RouteEntryName: e.RouteEntryName, RouteTableId: e.RouteTableId, Description: e.Description, DestinationCidrBlock: e.DestinationCidrBlock,
		Status: e.Status, Type: e.Type, InstanceId: hop.NextHopId, NextHopType: hop.NextHopType, NextHops: []DescribeRouteTablesRouteTableRouteEntryNextHop{},
	}
}

func (a *api) describeVRouters(ctx context.Context, in *DescribeVRoutersInput) (*DescribeVRoutersOutput, error) {
	var all []*cloud.VPC
	for v := range cloud.VPCs.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if matches(in.VRouterId, *router(v.ID)) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(x, y *cloud.VPC) int { return strings.Compare(string(x.ID), string(y.ID)) })
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, sizes)
	if err != nil {
		return nil, err
	}
	out := &DescribeVRoutersOutput{PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total, VRouters: []VRouter{}}
	for _, v := range p.Items {
		out.VRouters = append(out.VRouters, VRouter{
			VRouterId: router(v.ID), VRouterName: new(""), Description: new(""), VpcId: new(string(v.ID)), RegionId: &v.Region,
			CreationTime: resource.Time(v.Created), RouteTableIds: a.facts(v).RouterTableIds,
		})
	}
	return out, nil
}
