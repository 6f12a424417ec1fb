package ec2

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handleTransitPeerings(s *wire.Service) {
	wire.Handle(s, "CreateTransitGatewayPeeringAttachment", a.createTransitGatewayPeeringAttachment)
	wire.Handle(s, "AcceptTransitGatewayPeeringAttachment", a.acceptTransitGatewayPeeringAttachment)
	wire.Handle(s, "RejectTransitGatewayPeeringAttachment", a.rejectTransitGatewayPeeringAttachment)
	wire.Handle(s, "DeleteTransitGatewayPeeringAttachment", a.deleteTransitGatewayPeeringAttachment)
	wire.Handle(s, "DescribeTransitGatewayPeeringAttachments", a.describeTransitGatewayPeeringAttachments)
}

func peeringAttachmentShape(a *cloud.TransitAttachment, who control.Caller, state TransitGatewayAttachmentState) *TransitGatewayPeeringAttachment {
	side := func(id cloud.TransitRouterID, account, region string) *PeeringTgwInfo {
		return &PeeringTgwInfo{TransitGatewayId: new(string(id)), OwnerId: new(account), Region: new(region)}
	}
	out := &TransitGatewayPeeringAttachment{
		TransitGatewayAttachmentId: new(string(a.ID)), CreationTime: new(a.Created), State: state, Tags: shown(tagList(control.TransitTags(a, who))),
		RequesterTgwInfo: side(a.Router, a.Account, a.Region), AccepterTgwInfo: side(a.Peer.Router, a.Peer.Account, a.Peer.Region),
	}
	if dynamic := a.Attrs[attrTransitDynamic]; dynamic != "" { // Terraform makes anew what has options that nobody asked for
		out.Options = &TransitGatewayPeeringAttachmentOptions{DynamicRouting: DynamicRoutingValue(dynamic)}
	}
	return out
}

func (a *api) createTransitGatewayPeeringAttachment(ctx context.Context, in *CreateTransitGatewayPeeringAttachmentInput) (*CreateTransitGatewayPeeringAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindTransitAttachment, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	if in.Options != nil {
		on, err := ability("DynamicRouting", in.Options.DynamicRouting)
		if err != nil {
			return nil, err
		}
		if or(on, false) {
			return nil, a.unsupported("Dynamic routing between transit gateways")
		}
		l.Attrs = map[string]string{attrTransitDynamic: string(in.Options.DynamicRouting)}
	}
	at, err := a.control.CreateTransitPeering(ctx, who, control.CreateTransitPeering{
		Labels: l, Router: cloud.TransitRouterID(*in.TransitGatewayId), Peer: cloud.TransitRouterID(*in.PeerTransitGatewayId), PeerAccount: *in.PeerAccountId, PeerRegion: *in.PeerRegion,
	})
	if err != nil {
		return nil, err
	}
	return &CreateTransitGatewayPeeringAttachmentOutput{TransitGatewayPeeringAttachment: peeringAttachmentShape(at, who, TransitGatewayAttachmentStateInitiatingRequest)}, nil
}

func (a *api) acceptTransitGatewayPeeringAttachment(ctx context.Context, in *AcceptTransitGatewayPeeringAttachmentInput) (*AcceptTransitGatewayPeeringAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.control.AcceptTransitPeering(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	return &AcceptTransitGatewayPeeringAttachmentOutput{TransitGatewayPeeringAttachment: peeringAttachmentShape(at, who, TransitGatewayAttachmentStatePending)}, nil
}

func (a *api) rejectTransitGatewayPeeringAttachment(ctx context.Context, in *RejectTransitGatewayPeeringAttachmentInput) (*RejectTransitGatewayPeeringAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.control.RejectTransitPeering(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	return &RejectTransitGatewayPeeringAttachmentOutput{TransitGatewayPeeringAttachment: peeringAttachmentShape(at, who, TransitGatewayAttachmentStateRejected)}, nil
}

func (a *api) deleteTransitGatewayPeeringAttachment(ctx context.Context, in *DeleteTransitGatewayPeeringAttachmentInput) (*DeleteTransitGatewayPeeringAttachmentOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.control.DeleteTransitPeering(ctx, who, cloud.TransitAttachmentID(*in.TransitGatewayAttachmentId))
	if err != nil {
		return nil, err
	}
	return &DeleteTransitGatewayPeeringAttachmentOutput{TransitGatewayPeeringAttachment: peeringAttachmentShape(at, who, TransitGatewayAttachmentStateDeleting)}, nil
}

var peeringAttachmentListing = listing[TransitGatewayPeeringAttachment]{
	kind: cloud.KindTransitAttachment, param: "transitGatewayAttachmentIds",
	id:   func(t TransitGatewayPeeringAttachment) *string { return t.TransitGatewayAttachmentId },
	tags: func(t TransitGatewayPeeringAttachment) []Tag { return t.Tags },
	fields: wire.Fields[TransitGatewayPeeringAttachment]{
		"transit-gateway-attachment-id": func(t TransitGatewayPeeringAttachment) []string { return fact(t.TransitGatewayAttachmentId) },
		"local-owner-id":                func(t TransitGatewayPeeringAttachment) []string { return fact(t.RequesterTgwInfo.OwnerId) },
		"remote-owner-id":               func(t TransitGatewayPeeringAttachment) []string { return fact(t.AccepterTgwInfo.OwnerId) },
		"state":                         func(t TransitGatewayPeeringAttachment) []string { return fact(&t.State) },
		"transit-gateway-id": func(t TransitGatewayPeeringAttachment) []string {
			return append(fact(t.RequesterTgwInfo.TransitGatewayId), fact(t.AccepterTgwInfo.TransitGatewayId)...)
		},
	},
}

func (a *api) describeTransitGatewayPeeringAttachments(ctx context.Context, in *DescribeTransitGatewayPeeringAttachmentsInput) (*DescribeTransitGatewayPeeringAttachmentsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	now := a.control.Now()
	all := []TransitGatewayPeeringAttachment{}
	for at := range cloud.TransitAttachments.By(a.control.View(), "scope", cloud.Scope(who.Account, who.Region)) {
		if at.Peer != nil && control.TransitShown(at.Ended, now) {
			all = append(all, *peeringAttachmentShape(at, who, transitState(at, now)))
		}
	}
	out := &DescribeTransitGatewayPeeringAttachmentsOutput{}
	out.TransitGatewayPeeringAttachments, out.NextToken, err = peeringAttachmentListing.answer(ctx, all, question{in.TransitGatewayAttachmentIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}
