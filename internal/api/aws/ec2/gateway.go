package ec2

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// attached shows a gateway's VPC. Amazon's word here is "available", which the
// model's enumeration does not have.
func attached(state AttachmentStatus, vpc cloud.VPCID) []InternetGatewayAttachment {
	if vpc == "" {
		return nil
	}
	return []InternetGatewayAttachment{{State: state, VpcId: new(string(vpc))}}
}

func internetGatewayShape(g *cloud.InternetGateway) InternetGateway {
	return InternetGateway{InternetGatewayId: new(string(g.ID)), OwnerId: new(g.Account), Attachments: shown(attached("available", g.VPC)), Tags: shown(tagList(g.Tags))}
}

var internetGatewayListing = listing[InternetGateway]{
	kind: cloud.KindInternetGateway, param: "internetGatewayIds",
	id:   func(g InternetGateway) *string { return g.InternetGatewayId },
	tags: func(g InternetGateway) []Tag { return g.Tags },
	fields: wire.Fields[InternetGateway]{
		"internet-gateway-id": func(g InternetGateway) []string { return fact(g.InternetGatewayId) },
		"owner-id":            func(g InternetGateway) []string { return fact(g.OwnerId) },
		"attachment.state": func(g InternetGateway) []string {
			return facts(g.Attachments, func(a InternetGatewayAttachment) []string { return fact(&a.State) })
		},
		"attachment.vpc-id": func(g InternetGateway) []string {
			return facts(g.Attachments, func(a InternetGatewayAttachment) []string { return fact(a.VpcId) })
		},
	},
}

func (a *api) createInternetGateway(ctx context.Context, in *CreateInternetGatewayInput) (*CreateInternetGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindInternetGateway, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateInternetGateway(ctx, who, l)
	if err != nil {
		return nil, err
	}
	return &CreateInternetGatewayOutput{InternetGateway: new(internetGatewayShape(g))}, nil
}

func (a *api) describeInternetGateways(ctx context.Context, in *DescribeInternetGatewaysInput) (*DescribeInternetGatewaysOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.InternetGateways, cloud.Scope(who.Account, who.Region), internetGatewayShape)
	out := &DescribeInternetGatewaysOutput{}
	out.InternetGateways, out.NextToken, err = internetGatewayListing.answer(ctx, all, question{in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteInternetGateway(ctx context.Context, in *DeleteInternetGatewayInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteInternetGateway(ctx, who, cloud.InternetGatewayID(*in.InternetGatewayId))
}

func (a *api) attachInternetGateway(ctx context.Context, in *AttachInternetGatewayInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.AttachInternetGateway(ctx, who, cloud.InternetGatewayID(*in.InternetGatewayId), cloud.VPCID(*in.VpcId))
}

func (a *api) detachInternetGateway(ctx context.Context, in *DetachInternetGatewayInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DetachInternetGateway(ctx, who, cloud.InternetGatewayID(*in.InternetGatewayId), cloud.VPCID(*in.VpcId))
}

func egressOnlyShape(g *cloud.EgressOnlyGateway) EgressOnlyInternetGateway {
	return EgressOnlyInternetGateway{EgressOnlyInternetGatewayId: new(string(g.ID)), Attachments: attached(AttachmentStatusAttached, g.VPC), Tags: shown(tagList(g.Tags))}
}

var egressOnlyListing = listing[EgressOnlyInternetGateway]{
	kind: cloud.KindEgressOnlyGateway, param: "egressOnlyInternetGatewayIds", lenient: true,
	id:   func(g EgressOnlyInternetGateway) *string { return g.EgressOnlyInternetGatewayId },
	tags: func(g EgressOnlyInternetGateway) []Tag { return g.Tags },
}

func (a *api) createEgressOnlyInternetGateway(ctx context.Context, in *CreateEgressOnlyInternetGatewayInput) (*CreateEgressOnlyInternetGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindEgressOnlyGateway, in.TagSpecifications, in.ClientToken)
	if err != nil {
		return nil, err
	}
	g, err := a.control.CreateEgressOnlyGateway(ctx, who, control.CreateEgressOnlyGateway{Labels: l, VPC: cloud.VPCID(*in.VpcId)})
	if err != nil {
		return nil, err
	}
	return &CreateEgressOnlyInternetGatewayOutput{ClientToken: in.ClientToken, EgressOnlyInternetGateway: new(egressOnlyShape(g))}, nil
}

func (a *api) describeEgressOnlyInternetGateways(ctx context.Context, in *DescribeEgressOnlyInternetGatewaysInput) (*DescribeEgressOnlyInternetGatewaysOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.EgressOnlyGateways, cloud.Scope(who.Account, who.Region), egressOnlyShape)
	out := &DescribeEgressOnlyInternetGatewaysOutput{}
	out.EgressOnlyInternetGateways, out.NextToken, err = egressOnlyListing.answer(ctx, all, question{in.EgressOnlyInternetGatewayIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteEgressOnlyInternetGateway(ctx context.Context, in *DeleteEgressOnlyInternetGatewayInput) (*DeleteEgressOnlyInternetGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.control.DeleteEgressOnlyGateway(ctx, who, cloud.EgressOnlyGatewayID(*in.EgressOnlyInternetGatewayId)); err != nil {
		return nil, err
	}
	return &DeleteEgressOnlyInternetGatewayOutput{ReturnCode: new(true)}, nil
}
