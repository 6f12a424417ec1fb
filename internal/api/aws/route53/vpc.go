package route53

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/control"
)

func (a *api) handleVPCs(s *wire.Service) {
	wire.Handle(s, "AssociateVPCWithHostedZone", a.associateVPC)
	wire.Handle(s, "DisassociateVPCFromHostedZone", a.disassociateVPC)
	wire.Handle(s, "CreateVPCAssociationAuthorization", a.authorizeVPC)
	wire.Handle(s, "DeleteVPCAssociationAuthorization", a.deauthorizeVPC)
	wire.Handle(s, "ListVPCAssociationAuthorizations", a.listVPCAuthorizations)
}

func (a *api) associateVPC(ctx context.Context, in *AssociateVPCWithHostedZoneInput) (*AssociateVPCWithHostedZoneOutput, error) {
	at, err := vpcOf(in.VPC)
	if err != nil {
		return nil, err
	}
	if _, err := a.control.AttachDNSZone(ctx, caller(ctx), zoneID(in.HostedZoneId), at); err != nil {
		return nil, err
	}
	return &AssociateVPCWithHostedZoneOutput{ChangeInfo: a.pending(ctx, in.Comment)}, nil
}

func (a *api) disassociateVPC(ctx context.Context, in *DisassociateVPCFromHostedZoneInput) (*DisassociateVPCFromHostedZoneOutput, error) {
	at, err := vpcOf(in.VPC)
	if err != nil {
		return nil, err
	}
	if _, err := a.control.DetachDNSZone(ctx, caller(ctx), zoneID(in.HostedZoneId), at); err != nil {
		return nil, err
	}
	return &DisassociateVPCFromHostedZoneOutput{ChangeInfo: a.pending(ctx, in.Comment)}, nil
}

func (a *api) authorizeVPC(ctx context.Context, in *CreateVPCAssociationAuthorizationInput) (*CreateVPCAssociationAuthorizationOutput, error) {
	at, err := vpcOf(in.VPC)
	if err != nil {
		return nil, err
	}
	id := zoneID(in.HostedZoneId)
	if err := a.control.InviteToDNSZone(ctx, caller(ctx), id, at); err != nil {
		return nil, err
	}
	return &CreateVPCAssociationAuthorizationOutput{HostedZoneId: new(string(id)), VPC: in.VPC}, nil
}

func (a *api) deauthorizeVPC(ctx context.Context, in *DeleteVPCAssociationAuthorizationInput) (*DeleteVPCAssociationAuthorizationOutput, error) {
	at, err := vpcOf(in.VPC)
	if err != nil {
		return nil, err
	}
	return nil, a.control.UninviteFromDNSZone(ctx, caller(ctx), zoneID(in.HostedZoneId), at)
}

func (a *api) listVPCAuthorizations(ctx context.Context, in *ListVPCAssociationAuthorizationsInput) (*ListVPCAssociationAuthorizationsOutput, error) {
	n, err := maxItems(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	call := wire.CallFrom(ctx)
	z, err := control.DNSZone(a.control.View(), caller(ctx), zoneID(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	out := &ListVPCAssociationAuthorizationsOutput{HostedZoneId: new(string(z.ID))}
	out.VPCs, out.NextToken, err = wire.Page(vpcShapes(z.Invited), wire.Paging{
		Max: new(int32(n)), Token: in.NextToken, Scope: call.Operation + "/" + call.Account + "/" + string(z.ID),
	}, func(v VPC) string { return *v.VPCId + "/" + string(v.VPCRegion) })
	return out, err
}
