package ec2

import (
	"context"
	"slices"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleTransitTables(s *wire.Service) {
	wire.Handle(s, "CreateTransitGatewayRouteTable", a.createTransitGatewayRouteTable)
	wire.Handle(s, "DeleteTransitGatewayRouteTable", a.deleteTransitGatewayRouteTable)
	wire.Handle(s, "DescribeTransitGatewayRouteTables", a.describeTransitGatewayRouteTables)
	wire.Handle(s, "AssociateTransitGatewayRouteTable", a.associateTransitGatewayRouteTable)
	wire.Handle(s, "DisassociateTransitGatewayRouteTable", a.disassociateTransitGatewayRouteTable)
	wire.Handle(s, "EnableTransitGatewayRouteTablePropagation", a.enableTransitGatewayRouteTablePropagation)
	wire.Handle(s, "DisableTransitGatewayRouteTablePropagation", a.disableTransitGatewayRouteTablePropagation)
	wire.Handle(s, "GetTransitGatewayRouteTableAssociations", a.getTransitGatewayRouteTableAssociations)
	wire.Handle(s, "GetTransitGatewayRouteTablePropagations", a.getTransitGatewayRouteTablePropagations)
	wire.Handle(s, "GetTransitGatewayAttachmentPropagations", a.getTransitGatewayAttachmentPropagations)
}

func transitTableShape(v cloud.View, t *cloud.TransitTable, state TransitGatewayRouteTableState) TransitGatewayRouteTable {
	r, ok := cloud.TransitRouters.Get(v, t.Router)
	return TransitGatewayRouteTable{
		TransitGatewayRouteTableId: new(string(t.ID)), TransitGatewayId: new(string(t.Router)), CreationTime: new(t.Created), State: state, Tags: shown(tagList(t.Tags)),
		DefaultAssociationRouteTable: new(ok && r.Associate == t.ID), DefaultPropagationRouteTable: new(ok && r.Propagate == t.ID),
	}
}

func (a *api) createTransitGatewayRouteTable(ctx context.Context, in *CreateTransitGatewayRouteTableInput) (*CreateTransitGatewayRouteTableOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindTransitTable, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	t, err := a.control.CreateTransitTable(ctx, who, cloud.TransitRouterID(*in.TransitGatewayId), l)
	if err != nil {
		return nil, err
	}
	return &CreateTransitGatewayRouteTableOutput{TransitGatewayRouteTable: new(transitTableShape(a.control.View(), t, TransitGatewayRouteTableStatePending))}, nil
}

func (a *api) deleteTransitGatewayRouteTable(ctx context.Context, in *DeleteTransitGatewayRouteTableInput) (*DeleteTransitGatewayRouteTableOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.control.DeleteTransitTable(ctx, who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	return &DeleteTransitGatewayRouteTableOutput{TransitGatewayRouteTable: new(transitTableShape(a.control.View(), t, TransitGatewayRouteTableStateDeleting))}, nil
}

var transitTableListing = listing[TransitGatewayRouteTable]{
	kind: cloud.KindTransitTable, param: "transitGatewayRouteTableIds",
	id:   func(t TransitGatewayRouteTable) *string { return t.TransitGatewayRouteTableId },
	tags: func(t TransitGatewayRouteTable) []Tag { return t.Tags },
	fields: wire.Fields[TransitGatewayRouteTable]{
		"default-association-route-table": func(t TransitGatewayRouteTable) []string { return flag(t.DefaultAssociationRouteTable) },
		"default-propagation-route-table": func(t TransitGatewayRouteTable) []string { return flag(t.DefaultPropagationRouteTable) },
		"state":                           func(t TransitGatewayRouteTable) []string { return fact(&t.State) },
		"transit-gateway-id":              func(t TransitGatewayRouteTable) []string { return fact(t.TransitGatewayId) },
		"transit-gateway-route-table-id":  func(t TransitGatewayRouteTable) []string { return fact(t.TransitGatewayRouteTableId) },
	},
}

func (a *api) describeTransitGatewayRouteTables(ctx context.Context, in *DescribeTransitGatewayRouteTablesInput) (*DescribeTransitGatewayRouteTablesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v, now := a.control.View(), a.control.Now()
	all := []TransitGatewayRouteTable{}
	for t := range cloud.TransitTables.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		state := TransitGatewayRouteTableStateAvailable
		if !t.Deleted.IsZero() {
			state = TransitGatewayRouteTableStateDeleted
		}
		if control.TransitShown(t.Deleted, now) {
			all = append(all, transitTableShape(v, t, state))
		}
	}
	out := &DescribeTransitGatewayRouteTablesOutput{}
	out.TransitGatewayRouteTables, out.NextToken, err = transitTableListing.answer(ctx, all, question{in.TransitGatewayRouteTableIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// attachedTo is what an attachment joins to the transit gateway that a table belongs to.
func attachedTo(v cloud.View, table, attachment string) (id string, kind TransitGatewayAttachmentResourceType) {
	at, ok := cloud.TransitAttachments.Get(v, cloud.TransitAttachmentID(attachment))
	t, ok2 := cloud.TransitTables.Get(v, cloud.TransitTableID(table))
	if !ok || !ok2 {
		return "", ""
	}
	id, kind, _ = transitEnd{at: at, router: t.Router}.resource()
	return id, kind
}

func (a *api) association(table, attachment string, state TransitGatewayAssociationState) *TransitGatewayAssociation {
	id, kind := attachedTo(a.control.View(), table, attachment)
	return &TransitGatewayAssociation{ResourceId: &id, ResourceType: kind, State: state, TransitGatewayAttachmentId: &attachment, TransitGatewayRouteTableId: &table}
}

func (a *api) associateTransitGatewayRouteTable(ctx context.Context, in *AssociateTransitGatewayRouteTableInput) (*AssociateTransitGatewayRouteTableOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.control.AssociateTransitTable(ctx, who, cloud.TransitTableID(*in.TransitGatewayRouteTableId), cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId)); err != nil {
		return nil, err
	}
	return &AssociateTransitGatewayRouteTableOutput{Association: a.association(*in.TransitGatewayRouteTableId, *in.TransitGatewayAttachmentId, TransitGatewayAssociationStateAssociating)}, nil
}

func (a *api) disassociateTransitGatewayRouteTable(ctx context.Context, in *DisassociateTransitGatewayRouteTableInput) (*DisassociateTransitGatewayRouteTableOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.control.DisassociateTransitTable(ctx, who, cloud.TransitTableID(*in.TransitGatewayRouteTableId), cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId)); err != nil {
		return nil, err
	}
	return &DisassociateTransitGatewayRouteTableOutput{Association: a.association(*in.TransitGatewayRouteTableId, *in.TransitGatewayAttachmentId, TransitGatewayAssociationStateDisassociating)}, nil
}

func (a *api) propagation(table, attachment string, state TransitGatewayPropagationState) *TransitGatewayPropagation {
	id, kind := attachedTo(a.control.View(), table, attachment)
	return &TransitGatewayPropagation{ResourceId: &id, ResourceType: kind, State: state, TransitGatewayAttachmentId: &attachment, TransitGatewayRouteTableId: &table}
}

func (a *api) enableTransitGatewayRouteTablePropagation(ctx context.Context, in *EnableTransitGatewayRouteTablePropagationInput) (*EnableTransitGatewayRouteTablePropagationOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.propagates(in.TransitGatewayAttachmentId, in.TransitGatewayRouteTableAnnouncementId); err != nil {
		return nil, err
	}
	if err := a.control.PropagateTransit(ctx, who, cloud.TransitTableID(*in.TransitGatewayRouteTableId), cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId)); err != nil {
		return nil, err
	}
	return &EnableTransitGatewayRouteTablePropagationOutput{Propagation: a.propagation(*in.TransitGatewayRouteTableId, *in.TransitGatewayAttachmentId, TransitGatewayPropagationStateEnabled)}, nil
}

func (a *api) disableTransitGatewayRouteTablePropagation(ctx context.Context, in *DisableTransitGatewayRouteTablePropagationInput) (*DisableTransitGatewayRouteTablePropagationOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.propagates(in.TransitGatewayAttachmentId, in.TransitGatewayRouteTableAnnouncementId); err != nil {
		return nil, err
	}
	if err := a.control.StopPropagation(ctx, who, cloud.TransitTableID(*in.TransitGatewayRouteTableId), cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId)); err != nil {
		return nil, err
	}
	return &DisableTransitGatewayRouteTablePropagationOutput{Propagation: a.propagation(*in.TransitGatewayRouteTableId, *in.TransitGatewayAttachmentId, TransitGatewayPropagationStateDisabled)}, nil
}

// propagates refuses all but an attachment: there are no announcements.
func (a *api) propagates(attachment, announcement *string) error {
	switch {
	case text(announcement) != "":
		return a.unsupported("A route table announcement")
	case text(attachment) == "":
		return missing("TransitGatewayAttachmentId")
	}
	return nil
}

var tableAssociationListing = listing[TransitGatewayRouteTableAssociation]{
	id: func(t TransitGatewayRouteTableAssociation) *string { return t.TransitGatewayAttachmentId },
	fields: wire.Fields[TransitGatewayRouteTableAssociation]{
		"resource-id":                   func(t TransitGatewayRouteTableAssociation) []string { return fact(t.ResourceId) },
		"resource-type":                 func(t TransitGatewayRouteTableAssociation) []string { return fact(&t.ResourceType) },
		"transit-gateway-attachment-id": func(t TransitGatewayRouteTableAssociation) []string { return fact(t.TransitGatewayAttachmentId) },
	},
}

func (a *api) getTransitGatewayRouteTableAssociations(ctx context.Context, in *GetTransitGatewayRouteTableAssociationsInput) (*GetTransitGatewayRouteTableAssociationsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	all := []TransitGatewayRouteTableAssociation{}
	for _, id := range t.Associations {
		s := a.association(string(t.ID), string(id), TransitGatewayAssociationStateAssociated)
		all = append(all, TransitGatewayRouteTableAssociation{ResourceId: s.ResourceId, ResourceType: s.ResourceType, State: s.State, TransitGatewayAttachmentId: s.TransitGatewayAttachmentId})
	}
	out := &GetTransitGatewayRouteTableAssociationsOutput{}
	out.Associations, out.NextToken, err = tableAssociationListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}

var tablePropagationListing = listing[TransitGatewayRouteTablePropagation]{
	id: func(t TransitGatewayRouteTablePropagation) *string { return t.TransitGatewayAttachmentId },
	fields: wire.Fields[TransitGatewayRouteTablePropagation]{
		"resource-id":                   func(t TransitGatewayRouteTablePropagation) []string { return fact(t.ResourceId) },
		"resource-type":                 func(t TransitGatewayRouteTablePropagation) []string { return fact(&t.ResourceType) },
		"transit-gateway-attachment-id": func(t TransitGatewayRouteTablePropagation) []string { return fact(t.TransitGatewayAttachmentId) },
	},
}

func (a *api) getTransitGatewayRouteTablePropagations(ctx context.Context, in *GetTransitGatewayRouteTablePropagationsInput) (*GetTransitGatewayRouteTablePropagationsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	t, err := a.control.TransitTable(who, cloud.TransitTableID(*in.TransitGatewayRouteTableId))
	if err != nil {
		return nil, err
	}
	all := []TransitGatewayRouteTablePropagation{}
	for _, id := range t.Propagations {
		s := a.propagation(string(t.ID), string(id), TransitGatewayPropagationStateEnabled)
		all = append(all, TransitGatewayRouteTablePropagation{ResourceId: s.ResourceId, ResourceType: s.ResourceType, State: s.State, TransitGatewayAttachmentId: s.TransitGatewayAttachmentId})
	}
	out := &GetTransitGatewayRouteTablePropagationsOutput{}
	out.TransitGatewayRouteTablePropagations, out.NextToken, err = tablePropagationListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}

var attachmentPropagationListing = listing[TransitGatewayAttachmentPropagation]{
	id: func(t TransitGatewayAttachmentPropagation) *string { return t.TransitGatewayRouteTableId },
	fields: wire.Fields[TransitGatewayAttachmentPropagation]{
		"transit-gateway-route-table-id": func(t TransitGatewayAttachmentPropagation) []string { return fact(t.TransitGatewayRouteTableId) },
	},
}

func (a *api) getTransitGatewayAttachmentPropagations(ctx context.Context, in *GetTransitGatewayAttachmentPropagationsInput) (*GetTransitGatewayAttachmentPropagationsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	at, err := a.control.TransitAttachment(v, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	all := []TransitGatewayAttachmentPropagation{}
	for t := range cloud.TransitTables.By(v, "router", string(endOf(at, who).router)) {
		if t.Deleted.IsZero() && slices.Contains(t.Propagations, at.ID) {
			all = append(all, TransitGatewayAttachmentPropagation{State: TransitGatewayPropagationStateEnabled, TransitGatewayRouteTableId: new(string(t.ID))})
		}
	}
	out := &GetTransitGatewayAttachmentPropagationsOutput{}
	out.TransitGatewayAttachmentPropagations, out.NextToken, err = attachmentPropagationListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	return out, err
}
