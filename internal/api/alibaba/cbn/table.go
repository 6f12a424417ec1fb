package cbn

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) tables(s *wire.Service) {
	wire.Handle(s, "CreateTransitRouterRouteTable", a.createRouteTable)
	wire.Handle(s, "ListTransitRouterRouteTables", a.listRouteTables)
	wire.Handle(s, "UpdateTransitRouterRouteTable", a.updateRouteTable)
	wire.Handle(s, "DeleteTransitRouterRouteTable", a.deleteRouteTable)
	wire.Handle(s, "AssociateTransitRouterAttachmentWithRouteTable", a.associate)
	wire.Handle(s, "DissociateTransitRouterAttachmentFromRouteTable", a.dissociate)
	wire.Handle(s, "ReplaceTransitRouterRouteTableAssociation", a.replaceAssociation)
	wire.Handle(s, "ListTransitRouterRouteTableAssociations", a.listAssociations)
	wire.Handle(s, "EnableTransitRouterRouteTablePropagation", a.enablePropagation)
	wire.Handle(s, "DisableTransitRouterRouteTablePropagation", a.disablePropagation)
	wire.Handle(s, "ListTransitRouterRouteTablePropagations", a.listPropagations)
	wire.Handle(s, "CreateTransitRouterRouteEntry", a.createRouteEntry)
	wire.Handle(s, "ListTransitRouterRouteEntries", a.listRouteEntries)
	wire.Handle(s, "UpdateTransitRouterRouteEntry", a.updateRouteEntry)
	wire.Handle(s, "DeleteTransitRouterRouteEntry", a.deleteRouteEntry)
}

func noECMP(o *RouteTableOptions) error {
	return resource.Refuse(map[string]bool{"RouteTableOptions.MultiRegionECMP": o != nil && text(o.MultiRegionECMP) == "enable"})
}

func (a *api) createRouteTable(ctx context.Context, q *CreateTransitRouterRouteTableInput) (*CreateTransitRouterRouteTableOutput, error) {
	if err := noECMP(q.RouteTableOptions); err != nil {
		return nil, err
	}
	r, err := a.router(ctx, *q.TransitRouterId)
	if err != nil {
		return nil, err
	}
	l, err := labels(q.TransitRouterRouteTableName, q.TransitRouterRouteTableDescription, q.Tag)
	if err != nil {
		return nil, err
	}
	t, err := a.control.CreateTransitTable(ctx, in(ctx, r.Region), r.ID, l)
	if err != nil {
		return nil, err
	}
	return &CreateTransitRouterRouteTableOutput{TransitRouterRouteTableId: new(string(t.ID))}, nil
}

// table finds one of the account's route tables, in any region.
func (a *api) table(ctx context.Context, id string) (*cloud.TransitTable, error) {
	t, ok := cloud.TransitTables.Get(a.control.View(), cloud.TransitTableID(id))
	if ok && t.Deleted.IsZero() {
		if _, err := a.router(ctx, string(t.Router)); err == nil {
			return t, nil
		}
	}
	return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindTransitTable, ID: id}
}

func tableType(t *cloud.TransitTable) string {
	if t.Attrs[attrType] == system {
		return system
	}
	return custom
}

func (a *api) listRouteTables(ctx context.Context, q *ListTransitRouterRouteTablesInput) (*ListTransitRouterRouteTablesOutput, error) {
	want, err := resource.Tags(q.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	all := []TransitRouterRouteTable{}
	for t := range cloud.TransitTables.All(a.control.View()) {
		if _, err := a.table(ctx, string(t.ID)); err != nil || !matches(q.TransitRouterId, string(t.Router)) || !page.Has(q.TransitRouterRouteTableIds, string(t.ID)) ||
			!page.Has(q.TransitRouterRouteTableNames, t.Attrs[resource.AttrName]) || !matches(q.TransitRouterRouteTableType, tableType(t)) ||
			!matches(q.TransitRouterRouteTableStatus, "Active") || !matches(q.RegionId, t.Region) || !page.HasTags(t.Tags, want) {
			continue
		}
		all = append(all, TransitRouterRouteTable{
			TransitRouterRouteTableId: new(string(t.ID)), TransitRouterRouteTableName: new(t.Attrs[resource.AttrName]), TransitRouterRouteTableDescription: new(t.Attrs[resource.AttrDescription]),
			TransitRouterRouteTableType: new(tableType(t)), TransitRouterRouteTableStatus: new("Active"), TransitRouterId: new(string(t.Router)), RegionId: &t.Region,
			CreateTime: stamp(t.Created), Tags: tagList(t.Tags), RouteTableOptions: &RouteTableOptions{MultiRegionECMP: new("disable")},
		})
	}
	question := fmt.Sprint(text(q.TransitRouterId), q.TransitRouterRouteTableIds, q.TransitRouterRouteTableNames, text(q.TransitRouterRouteTableType), text(q.RegionId), want)
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, question, func(t TransitRouterRouteTable) string { return *t.TransitRouterRouteTableId })
	if err != nil {
		return nil, err
	}
	return &ListTransitRouterRouteTablesOutput{TransitRouterRouteTables: items, NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

func (a *api) updateRouteTable(ctx context.Context, q *UpdateTransitRouterRouteTableInput) (*UpdateTransitRouterRouteTableOutput, error) {
	if err := noECMP(q.RouteTableOptions); err != nil {
		return nil, err
	}
	t, err := a.table(ctx, *q.TransitRouterRouteTableId)
	if err != nil {
		return nil, err
	}
	attrs, err := names(q.TransitRouterRouteTableName, q.TransitRouterRouteTableDescription)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, in(ctx, t.Region), cloud.Ref{Kind: cloud.KindTransitTable, ID: string(t.ID)}, attrs)
}

func (a *api) deleteRouteTable(ctx context.Context, q *DeleteTransitRouterRouteTableInput) (*DeleteTransitRouterRouteTableOutput, error) {
	t, err := a.table(ctx, *q.TransitRouterRouteTableId)
	if err != nil {
		return nil, err
	}
	if tableType(t) == system {
		return nil, resource.Fault("InvalidOperation.SystemRouteTable", "The system route table of a transit router cannot be deleted.")
	}
	_, err = a.control.DeleteTransitTable(ctx, in(ctx, t.Region), t.ID)
	return nil, err
}

// between does something between one of the account's tables and an attachment.
func (a *api) between(ctx context.Context, table, attachment *string, do func(context.Context, control.Caller, cloud.TransitTableID, cloud.TransitAttachmentID) error) error {
	t, err := a.table(ctx, *table)
	if err != nil {
		return err
	}
	return do(ctx, in(ctx, t.Region), t.ID, cloud.TransitAttachmentID(*attachment))
}

func (a *api) associate(ctx context.Context, q *AssociateTransitRouterAttachmentWithRouteTableInput) (*AssociateTransitRouterAttachmentWithRouteTableOutput, error) {
	return nil, a.between(ctx, q.TransitRouterRouteTableId, q.TransitRouterAttachmentId, a.control.AssociateTransitTable)
}

func (a *api) dissociate(ctx context.Context, q *DissociateTransitRouterAttachmentFromRouteTableInput) (*DissociateTransitRouterAttachmentFromRouteTableOutput, error) {
	return nil, a.between(ctx, q.TransitRouterRouteTableId, q.TransitRouterAttachmentId, a.control.DisassociateTransitTable)
}

func (a *api) replaceAssociation(ctx context.Context, q *ReplaceTransitRouterRouteTableAssociationInput) (*ReplaceTransitRouterRouteTableAssociationOutput, error) {
	return nil, a.between(ctx, q.TransitRouterRouteTableId, q.TransitRouterAttachmentId, a.control.ReassociateTransitTable)
}

func (a *api) enablePropagation(ctx context.Context, q *EnableTransitRouterRouteTablePropagationInput) (*EnableTransitRouterRouteTablePropagationOutput, error) {
	return nil, a.between(ctx, q.TransitRouterRouteTableId, q.TransitRouterAttachmentId, a.control.PropagateTransit)
}

func (a *api) disablePropagation(ctx context.Context, q *DisableTransitRouterRouteTablePropagationInput) (*DisableTransitRouterRouteTablePropagationOutput, error) {
	return nil, a.between(ctx, q.TransitRouterRouteTableId, q.TransitRouterAttachmentId, a.control.StopPropagation)
}

// user is an attachment that a table is associated with or learns from.
type user struct{ attachment, kind, resource, table string }

// users lists them, of the tables that the account has, or of one.
func (a *api) users(ctx context.Context, table *string, of func(*cloud.TransitTable) []cloud.TransitAttachmentID) (out []user, err error) {
	if text(table) != "" {
		if _, err := a.table(ctx, *table); err != nil {
			return nil, err
		}
	}
	for t := range cloud.TransitTables.All(a.control.View()) {
		if _, err := a.table(ctx, string(t.ID)); err != nil || !matches(table, string(t.ID)) {
			continue
		}
		for _, id := range of(t) {
			u := user{string(id), "TR", "", string(t.ID)}
			if at, ok := cloud.TransitAttachments.Get(a.control.View(), id); ok && at.Peer == nil {
				u.kind, u.resource = "VPC", string(at.VPC)
			} else if ok {
				u.resource = string(at.Other(t.Router))
			}
			out = append(out, u)
		}
	}
	return out, nil
}

// wanted are those that a list asks for.
func wanted(all []user, attachment, what, kind, status *string, attachments []string) []user {
	return slices.DeleteFunc(all, func(u user) bool {
		return !matches(attachment, u.attachment) || !page.Has(attachments, u.attachment) || !matches(status, "Active") ||
			!matches(what, u.resource) || !matches(kind, u.kind)
	})
}

func userKey(u user) string { return u.table + "\x00" + u.attachment }

func (a *api) listAssociations(ctx context.Context, q *ListTransitRouterRouteTableAssociationsInput) (*ListTransitRouterRouteTableAssociationsOutput, error) {
	all, err := a.users(ctx, q.TransitRouterRouteTableId, func(t *cloud.TransitTable) []cloud.TransitAttachmentID { return t.Associations })
	if err != nil {
		return nil, err
	}
	all = wanted(all, q.TransitRouterAttachmentId, q.TransitRouterAttachmentResourceId, q.TransitRouterAttachmentResourceType, q.Status, q.TransitRouterAttachmentIds)
	question := fmt.Sprint(text(q.TransitRouterRouteTableId), text(q.TransitRouterAttachmentId), q.TransitRouterAttachmentIds, text(q.TransitRouterAttachmentResourceId), text(q.TransitRouterAttachmentResourceType))
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, question, userKey)
	if err != nil {
		return nil, err
	}
	out := &ListTransitRouterRouteTableAssociationsOutput{NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all))), TransitRouterAssociations: []TransitRouterAssociation{}}
	for _, u := range items {
		out.TransitRouterAssociations = append(out.TransitRouterAssociations, TransitRouterAssociation{TransitRouterAttachmentId: &u.attachment, TransitRouterRouteTableId: &u.table, ResourceId: &u.resource, ResourceType: &u.kind, Status: new("Active")})
	}
	return out, nil
}

func (a *api) listPropagations(ctx context.Context, q *ListTransitRouterRouteTablePropagationsInput) (*ListTransitRouterRouteTablePropagationsOutput, error) {
	all, err := a.users(ctx, q.TransitRouterRouteTableId, func(t *cloud.TransitTable) []cloud.TransitAttachmentID { return t.Propagations })
	if err != nil {
		return nil, err
	}
	all = wanted(all, q.TransitRouterAttachmentId, q.TransitRouterAttachmentResourceId, q.TransitRouterAttachmentResourceType, q.Status, q.TransitRouterAttachmentIds)
	question := fmt.Sprint(text(q.TransitRouterRouteTableId), text(q.TransitRouterAttachmentId), q.TransitRouterAttachmentIds, text(q.TransitRouterAttachmentResourceId), text(q.TransitRouterAttachmentResourceType))
	items, next, err := page.ByToken(ctx, all, q.MaxResults, q.NextToken, tokenSizes, question, userKey)
	if err != nil {
		return nil, err
	}
	out := &ListTransitRouterRouteTablePropagationsOutput{NextToken: next, MaxResults: size(q.MaxResults), TotalCount: new(int64(len(all))), TransitRouterPropagations: []TransitRouterPropagation{}}
	for _, u := range items {
		out.TransitRouterPropagations = append(out.TransitRouterPropagations, TransitRouterPropagation{TransitRouterAttachmentId: &u.attachment, TransitRouterRouteTableId: &u.table, ResourceId: &u.resource, ResourceType: &u.kind, Status: new("Active")})
	}
	return out, nil
}

// entries are a table's static routes and those that it learns.
func (a *api) entries(t *cloud.TransitTable) (static, learnt []cloud.TransitRoute) {
	return slices.DeleteFunc(slices.Clone(t.Routes), func(r cloud.TransitRoute) bool { return r.PrefixList != "" }), control.TransitPropagated(a.control.View(), t)
}
