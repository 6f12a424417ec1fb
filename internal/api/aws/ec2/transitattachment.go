package ec2

import (
	"context"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleTransitAttachments(s *wire.Service) {
	wire.Handle(s, "CreateTransitGatewayVpcAttachment", a.createTransitGatewayVpcAttachment)
	wire.Handle(s, "ModifyTransitGatewayVpcAttachment", a.modifyTransitGatewayVpcAttachment)
	wire.Handle(s, "DeleteTransitGatewayVpcAttachment", a.deleteTransitGatewayVpcAttachment)
	wire.Handle(s, "AcceptTransitGatewayVpcAttachment", a.acceptTransitGatewayVpcAttachment)
	wire.Handle(s, "RejectTransitGatewayVpcAttachment", a.rejectTransitGatewayVpcAttachment)
	wire.Handle(s, "DescribeTransitGatewayVpcAttachments", a.describeTransitGatewayVpcAttachments)
	wire.Handle(s, "DescribeTransitGatewayAttachments", a.describeTransitGatewayAttachments)
}

var transitStates = map[cloud.TransitState]TransitGatewayAttachmentState{
	cloud.TransitPending:   TransitGatewayAttachmentStatePendingAcceptance,
	cloud.TransitAvailable: TransitGatewayAttachmentStateAvailable,
	cloud.TransitRejected:  TransitGatewayAttachmentStateRejected,
	cloud.TransitDeleted:   TransitGatewayAttachmentStateDeleted,
	cloud.TransitFailed:    TransitGatewayAttachmentStateFailed,
}

func transitState(a *cloud.TransitAttachment, now time.Time) TransitGatewayAttachmentState {
	if a.State == cloud.TransitAvailable && now.Before(a.ReadyAt) {
		return TransitGatewayAttachmentStatePending
	}
	return transitStates[a.State]
}

// transitAlive says whether a route to a transit gateway leads anywhere.
func transitAlive(v cloud.View, id cloud.TransitRouterID, vpc cloud.VPCID) bool {
	for a := range cloud.TransitAttachments.By(v, "vpc", string(vpc)) {
		if a.Router == id && a.State == cloud.TransitAvailable {
			return true
		}
	}
	return false
}

func vpcAttachmentShape(a *cloud.TransitAttachment, state TransitGatewayAttachmentState) *TransitGatewayVpcAttachment {
	out := &TransitGatewayVpcAttachment{
		TransitGatewayAttachmentId: new(string(a.ID)), TransitGatewayId: new(string(a.Router)), VpcId: new(string(a.VPC)), VpcOwnerId: new(a.Account),
		CreationTime: new(a.Created), State: state, Tags: tagList(a.Tags),
		Options: &TransitGatewayVpcAttachmentOptions{
			ApplianceModeSupport: ApplianceModeSupportValue(enabled(a.OneZone)), DnsSupport: DnsSupportValue(enabled(a.RemoteNames)),
			Ipv6Support: Ipv6SupportValue(enabled(a.IPv6)), SecurityGroupReferencingSupport: SecurityGroupReferencingSupportValue(a.Attrs[attrTransitGroupRef]),
		},
	}
	for _, s := range a.Subnets {
		out.SubnetIds = append(out.SubnetIds, string(s))
	}
	return out
}

func (a *api) createTransitGatewayVpcAttachment(ctx context.Context, in *CreateTransitGatewayVpcAttachmentInput) (*CreateTransitGatewayVpcAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindTransitAttachment, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	if len(in.SubnetIds) == 0 {
		return nil, missing("SubnetIds")
	}
	o := in.Options
	if o == nil {
		o = &CreateTransitGatewayVpcAttachmentRequestOptions{}
	}
	b, err := abilities("Ipv6Support", string(o.Ipv6Support), "ApplianceModeSupport", string(o.ApplianceModeSupport),
		"DnsSupport", string(o.DnsSupport), "SecurityGroupReferencingSupport", string(o.SecurityGroupReferencingSupport))
	if err != nil {
		return nil, err
	}
	l.Attrs = map[string]string{attrTransitGroupRef: enabled(or(b[3], true))}
	at, err := a.control.CreateTransitAttachment(ctx, who, control.CreateTransitAttachment{
		Labels: l, Router: cloud.TransitRouterID(*in.TransitGatewayId), VPC: cloud.VPCID(*in.VpcId), Subnets: ids[cloud.SubnetID](in.SubnetIds),
		IPv6: or(b[0], false), OneZone: or(b[1], false), RemoteNames: or(b[2], true),
	})
	if err != nil {
		return nil, err
	}
	return &CreateTransitGatewayVpcAttachmentOutput{TransitGatewayVpcAttachment: vpcAttachmentShape(at, TransitGatewayAttachmentStatePending)}, nil
}

func (a *api) modifyTransitGatewayVpcAttachment(ctx context.Context, in *ModifyTransitGatewayVpcAttachmentInput) (*ModifyTransitGatewayVpcAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	m := control.ModifyTransitAttachment{AddSubnets: ids[cloud.SubnetID](in.AddSubnetIds), RemoveSubnets: ids[cloud.SubnetID](in.RemoveSubnetIds)}
	if o := in.Options; o != nil {
		b, err := abilities("Ipv6Support", string(o.Ipv6Support), "ApplianceModeSupport", string(o.ApplianceModeSupport),
			"DnsSupport", string(o.DnsSupport), "SecurityGroupReferencingSupport", string(o.SecurityGroupReferencingSupport))
		if err != nil {
			return nil, err
		}
		m.IPv6, m.OneZone, m.RemoteNames = b[0], b[1], b[2]
		if b[3] != nil {
			m.Attrs = map[string]string{attrTransitGroupRef: enabled(*b[3])}
		}
	}
	at, err := a.control.ModifyTransitAttachment(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId), m)
	if err != nil {
		return nil, err
	}
	return &ModifyTransitGatewayVpcAttachmentOutput{TransitGatewayVpcAttachment: vpcAttachmentShape(at, TransitGatewayAttachmentStateModifying)}, nil
}

func (a *api) deleteTransitGatewayVpcAttachment(ctx context.Context, in *DeleteTransitGatewayVpcAttachmentInput) (*DeleteTransitGatewayVpcAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.control.DeleteTransitAttachment(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	return &DeleteTransitGatewayVpcAttachmentOutput{TransitGatewayVpcAttachment: vpcAttachmentShape(at, TransitGatewayAttachmentStateDeleting)}, nil
}

// acceptTransitGatewayVpcAttachment, like the next, finds nothing to decide on:
// there are no attachments between accounts.
func (a *api) acceptTransitGatewayVpcAttachment(ctx context.Context, in *AcceptTransitGatewayVpcAttachmentInput) (*AcceptTransitGatewayVpcAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.control.AcceptTransitAttachment(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	return &AcceptTransitGatewayVpcAttachmentOutput{TransitGatewayVpcAttachment: vpcAttachmentShape(at, TransitGatewayAttachmentStatePending)}, nil
}

func (a *api) rejectTransitGatewayVpcAttachment(ctx context.Context, in *RejectTransitGatewayVpcAttachmentInput) (*RejectTransitGatewayVpcAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.control.AcceptTransitAttachment(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	return &RejectTransitGatewayVpcAttachmentOutput{TransitGatewayVpcAttachment: vpcAttachmentShape(at, TransitGatewayAttachmentStateRejecting)}, nil
}

var vpcAttachmentListing = listing[TransitGatewayVpcAttachment]{
	kind: cloud.KindTransitAttachment, param: "transitGatewayAttachmentIds",
	id:   func(t TransitGatewayVpcAttachment) *string { return t.TransitGatewayAttachmentId },
	tags: func(t TransitGatewayVpcAttachment) []Tag { return t.Tags },
	fields: wire.Fields[TransitGatewayVpcAttachment]{
		"state":                         func(t TransitGatewayVpcAttachment) []string { return fact(&t.State) },
		"transit-gateway-attachment-id": func(t TransitGatewayVpcAttachment) []string { return fact(t.TransitGatewayAttachmentId) },
		"transit-gateway-id":            func(t TransitGatewayVpcAttachment) []string { return fact(t.TransitGatewayId) },
		"vpc-id":                        func(t TransitGatewayVpcAttachment) []string { return fact(t.VpcId) },
	},
}

func (a *api) describeTransitGatewayVpcAttachments(ctx context.Context, in *DescribeTransitGatewayVpcAttachmentsInput) (*DescribeTransitGatewayVpcAttachmentsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	now := a.control.Now()
	all := []TransitGatewayVpcAttachment{}
	for at := range cloud.TransitAttachments.By(a.control.View(), "scope", cloud.Scope(who.Account, who.Region)) {
		if at.Peer == nil && control.TransitShown(at.Ended, now) {
			all = append(all, *vpcAttachmentShape(at, transitState(at, now)))
		}
	}
	out := &DescribeTransitGatewayVpcAttachmentsOutput{}
	out.TransitGatewayVpcAttachments, out.NextToken, err = vpcAttachmentListing.answer(ctx, all, question{in.TransitGatewayAttachmentIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// transitEnd is an attachment as one transit gateway sees it.
type transitEnd struct {
	at     *cloud.TransitAttachment
	router cloud.TransitRouterID
	owner  string // of that transit gateway
}

func endOf(at *cloud.TransitAttachment, who control.Caller) transitEnd {
	if at.Peer != nil && at.Scope() != cloud.Scope(who.Account, who.Region) {
		return transitEnd{at, at.Peer.Router, at.Peer.Account}
	}
	return transitEnd{at, at.Router, at.Account}
}

// resource is what is attached to the transit gateway, its type and its owner.
func (e transitEnd) resource() (id string, kind TransitGatewayAttachmentResourceType, owner string) {
	switch {
	case e.at.Peer == nil:
		return string(e.at.VPC), TransitGatewayAttachmentResourceTypeVpc, e.at.Account
	case e.router == e.at.Router:
		return string(e.at.Peer.Router), TransitGatewayAttachmentResourceTypePeering, e.at.Peer.Account
	}
	return string(e.at.Router), TransitGatewayAttachmentResourceTypePeering, e.at.Account
}

func transitAttachmentShape(v cloud.View, who control.Caller, now time.Time, at *cloud.TransitAttachment) TransitGatewayAttachment {
	e := endOf(at, who)
	id, kind, owner := e.resource()
	out := TransitGatewayAttachment{
		TransitGatewayAttachmentId: new(string(at.ID)), TransitGatewayId: new(string(e.router)), TransitGatewayOwnerId: new(e.owner),
		ResourceId: &id, ResourceType: kind, ResourceOwnerId: &owner, CreationTime: new(at.Created), State: transitState(at, now), Tags: shown(tagList(control.TransitTags(at, who))),
	}
	if t := control.TransitAssociation(v, e.router, at.ID); t != nil {
		out.Association = &TransitGatewayAttachmentAssociation{State: TransitGatewayAssociationStateAssociated, TransitGatewayRouteTableId: new(string(t.ID))}
	}
	return out
}

func associationFact(f func(*TransitGatewayAttachmentAssociation) []string) func(TransitGatewayAttachment) []string {
	return func(t TransitGatewayAttachment) []string {
		if t.Association == nil {
			return nil
		}
		return f(t.Association)
	}
}

var transitAttachmentListing = listing[TransitGatewayAttachment]{
	kind: cloud.KindTransitAttachment, param: "transitGatewayAttachmentIds",
	id:   func(t TransitGatewayAttachment) *string { return t.TransitGatewayAttachmentId },
	tags: func(t TransitGatewayAttachment) []Tag { return t.Tags },
	fields: wire.Fields[TransitGatewayAttachment]{
		"association.state":                          associationFact(func(t *TransitGatewayAttachmentAssociation) []string { return fact(&t.State) }),
		"association.transit-gateway-route-table-id": associationFact(func(t *TransitGatewayAttachmentAssociation) []string { return fact(t.TransitGatewayRouteTableId) }),
		"resource-id":                                func(t TransitGatewayAttachment) []string { return fact(t.ResourceId) },
		"resource-owner-id":                          func(t TransitGatewayAttachment) []string { return fact(t.ResourceOwnerId) },
		"resource-type":                              func(t TransitGatewayAttachment) []string { return fact(&t.ResourceType) },
		"state":                                      func(t TransitGatewayAttachment) []string { return fact(&t.State) },
		"transit-gateway-attachment-id":              func(t TransitGatewayAttachment) []string { return fact(t.TransitGatewayAttachmentId) },
		"transit-gateway-id":                         func(t TransitGatewayAttachment) []string { return fact(t.TransitGatewayId) },
		"transit-gateway-owner-id":                   func(t TransitGatewayAttachment) []string { return fact(t.TransitGatewayOwnerId) },
	},
}

func (a *api) describeTransitGatewayAttachments(ctx context.Context, in *DescribeTransitGatewayAttachmentsInput) (*DescribeTransitGatewayAttachmentsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v, now := a.control.View(), a.control.Now()
	all := []TransitGatewayAttachment{}
	for at := range cloud.TransitAttachments.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if control.TransitShown(at.Ended, now) {
			all = append(all, transitAttachmentShape(v, who, now, at))
		}
	}
	out := &DescribeTransitGatewayAttachmentsOutput{}
	out.TransitGatewayAttachments, out.NextToken, err = transitAttachmentListing.answer(ctx, all, question{in.TransitGatewayAttachmentIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}
