package ec2

import (
	"context"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) handlePeerings(s *wire.Service) {
	wire.Handle(s, "CreateVpcPeeringConnection", a.createVpcPeeringConnection)
	wire.Handle(s, "AcceptVpcPeeringConnection", a.acceptVpcPeeringConnection)
	wire.Handle(s, "RejectVpcPeeringConnection", a.rejectVpcPeeringConnection)
	wire.Handle(s, "DeleteVpcPeeringConnection", a.deleteVpcPeeringConnection)
	wire.Handle(s, "DescribeVpcPeeringConnections", a.describeVpcPeeringConnections)
	wire.Handle(s, "ModifyVpcPeeringConnectionOptions", a.modifyVpcPeeringConnectionOptions)
}

// peeringMessages say what a state means; %s is the account that brought it about.
var peeringMessages = map[cloud.PeeringState]string{
	cloud.PeeringPending:   "Pending Acceptance by %s",
	cloud.PeeringActive:    "Active",
	cloud.PeeringRejected:  "Rejected by %s",
	cloud.PeeringDeleted:   "Deleted by %s",
	cloud.PeeringFailed:    "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
	control.PeeringExpired: "Expired",
}

func peeringShape(v cloud.View, who control.Caller, now time.Time) func(*cloud.Peering) VpcPeeringConnection {
	return func(p *cloud.Peering) VpcPeeringConnection {
		state, by := control.PeeringState(p, now), p.EndedBy
		if state == cloud.PeeringPending {
			by = p.Accepter.Account
		}
		out := VpcPeeringConnection{
			VpcPeeringConnectionId: new(string(p.ID)), Tags: shown(tagList(control.PeeringTags(p, who))),
			Status:           peeringStatus(VpcPeeringConnectionStateReasonCode(state), formatted(peeringMessages[state], by)),
			RequesterVpcInfo: peeringSide(v, &p.Requester, true, state), AccepterVpcInfo: peeringSide(v, &p.Accepter, state == cloud.PeeringActive, state),
		}
		if state == cloud.PeeringPending || state == control.PeeringExpired {
			out.ExpirationTime = new(p.Expires)
		}
		return out
	}
}

func peeringStatus(code VpcPeeringConnectionStateReasonCode, message string) *VpcPeeringConnectionStateReason {
	return &VpcPeeringConnectionStateReason{Code: code, Message: &message}
}

// peeringSide shows one VPC; the accepter's blocks are shown only while the connection is active.
func peeringSide(v cloud.View, s *cloud.PeeringSide, blocks bool, state cloud.PeeringState) *VpcPeeringConnectionVpcInfo {
	out := &VpcPeeringConnectionVpcInfo{OwnerId: new(s.Account), Region: new(s.Region), VpcId: new(string(s.VPC))}
	if state == cloud.PeeringActive || state == cloud.PeeringPending {
		out.PeeringOptions = &VpcPeeringConnectionOptionsDescription{
			AllowDnsResolutionFromRemoteVpc:            new(s.RemoteNames),
			AllowEgressFromLocalClassicLinkToRemoteVpc: new(false), AllowEgressFromLocalVpcToRemoteClassicLink: new(false),
		}
	}
	vpc, ok := cloud.VPCs.Get(v, s.VPC)
	if !ok || !blocks {
		return out
	}
	for i, b := range vpc.CIDRs {
		if i == 0 {
			out.CidrBlock = new(b.Prefix.String())
		}
		out.CidrBlockSet = append(out.CidrBlockSet, CidrBlock{CidrBlock: new(b.Prefix.String())})
	}
	for _, b := range vpc.CIDRs6 {
		out.Ipv6CidrBlockSet = append(out.Ipv6CidrBlockSet, Ipv6CidrBlock{Ipv6CidrBlock: new(b.Prefix.String())})
	}
	return out
}

type sideFact func(*VpcPeeringConnectionVpcInfo) []string

func accepter(f sideFact) func(VpcPeeringConnection) []string {
	return func(p VpcPeeringConnection) []string { return f(p.AccepterVpcInfo) }
}

func requester(f sideFact) func(VpcPeeringConnection) []string {
	return func(p VpcPeeringConnection) []string { return f(p.RequesterVpcInfo) }
}

var (
	sideBlock sideFact = func(s *VpcPeeringConnectionVpcInfo) []string { return fact(s.CidrBlock) }
	sideOwner sideFact = func(s *VpcPeeringConnectionVpcInfo) []string { return fact(s.OwnerId) }
	sideVPC   sideFact = func(s *VpcPeeringConnectionVpcInfo) []string { return fact(s.VpcId) }
)

var peeringListing = listing[VpcPeeringConnection]{
	kind: cloud.KindPeering, param: "vpcPeeringConnectionIds",
	id:   func(p VpcPeeringConnection) *string { return p.VpcPeeringConnectionId },
	tags: func(p VpcPeeringConnection) []Tag { return p.Tags },
	fields: wire.Fields[VpcPeeringConnection]{
		"accepter-vpc-info.cidr-block":  accepter(sideBlock),
		"accepter-vpc-info.owner-id":    accepter(sideOwner),
		"accepter-vpc-info.vpc-id":      accepter(sideVPC),
		"requester-vpc-info.cidr-block": requester(sideBlock),
		"requester-vpc-info.owner-id":   requester(sideOwner),
		"requester-vpc-info.vpc-id":     requester(sideVPC),
		"expiration-time": func(p VpcPeeringConnection) []string {
			if p.ExpirationTime == nil {
				return nil
			}
			return []string{p.ExpirationTime.UTC().Format("2006-01-02T15:04:05.000Z")}
		},
		"status-code":               func(p VpcPeeringConnection) []string { return fact(&p.Status.Code) },
		"status-message":            func(p VpcPeeringConnection) []string { return fact(p.Status.Message) },
		"vpc-peering-connection-id": func(p VpcPeeringConnection) []string { return fact(p.VpcPeeringConnectionId) },
	},
}

func (a *api) createVpcPeeringConnection(ctx context.Context, in *CreateVpcPeeringConnectionInput) (*CreateVpcPeeringConnectionOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if text(in.PeerVpcId) == "" {
		return nil, missing("peerVpcId")
	}
	l, err := labels(cloud.KindPeering, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	p, err := a.control.CreatePeering(ctx, who, control.CreatePeering{
		Labels: l, VPC: cloud.VPCID(*in.VpcId), Peer: cloud.VPCID(*in.PeerVpcId), PeerAccount: text(in.PeerOwnerId), PeerRegion: text(in.PeerRegion),
	})
	if err != nil {
		return nil, err
	}
	pending := *p
	pending.State = cloud.PeeringPending
	out := peeringShape(a.control.View(), who, p.Created)(&pending)
	out.Status = peeringStatus(VpcPeeringConnectionStateReasonCodeInitiatingRequest, "Initiating Request to "+p.Accepter.Account)
	return &CreateVpcPeeringConnectionOutput{VpcPeeringConnection: &out}, nil
}

func (a *api) acceptVpcPeeringConnection(ctx context.Context, in *AcceptVpcPeeringConnectionInput) (*AcceptVpcPeeringConnectionOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	p, err := a.control.AcceptPeering(ctx, who, cloud.PeeringID(*in.VpcPeeringConnectionId))
	if err != nil {
		return nil, err
	}
	out := peeringShape(a.control.View(), who, a.control.Now())(p)
	if p.State == cloud.PeeringActive {
		out.Status = peeringStatus(VpcPeeringConnectionStateReasonCodeProvisioning, "Provisioning")
	}
	return &AcceptVpcPeeringConnectionOutput{VpcPeeringConnection: &out}, nil
}

func (a *api) rejectVpcPeeringConnection(ctx context.Context, in *RejectVpcPeeringConnectionInput) (*RejectVpcPeeringConnectionOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &RejectVpcPeeringConnectionOutput{Return: new(true)}, a.control.RejectPeering(ctx, who, cloud.PeeringID(*in.VpcPeeringConnectionId))
}

func (a *api) deleteVpcPeeringConnection(ctx context.Context, in *DeleteVpcPeeringConnectionInput) (*DeleteVpcPeeringConnectionOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &DeleteVpcPeeringConnectionOutput{Return: new(true)}, a.control.DeletePeering(ctx, who, cloud.PeeringID(*in.VpcPeeringConnectionId))
}

func (a *api) describeVpcPeeringConnections(ctx context.Context, in *DescribeVpcPeeringConnectionsInput) (*DescribeVpcPeeringConnectionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v, now := a.control.View(), a.control.Now()
	shape := peeringShape(v, who, now)
	var all []VpcPeeringConnection
	for p := range cloud.Peerings.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if control.PeeringShown(p, who.Account, now) {
			all = append(all, shape(p))
		}
	}
	out := &DescribeVpcPeeringConnectionsOutput{}
	out.VpcPeeringConnections, out.NextToken, err = peeringListing.answer(ctx, all, question{in.VpcPeeringConnectionIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) modifyVpcPeeringConnectionOptions(ctx context.Context, in *ModifyVpcPeeringConnectionOptionsInput) (*ModifyVpcPeeringConnectionOptionsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	var names [2]*bool
	for i, o := range []*PeeringConnectionOptionsRequest{in.RequesterPeeringConnectionOptions, in.AccepterPeeringConnectionOptions} {
		if o == nil {
			continue
		}
		if yes(o.AllowEgressFromLocalClassicLinkToRemoteVpc) || yes(o.AllowEgressFromLocalVpcToRemoteClassicLink) {
			return nil, badValue("AllowEgressFromLocalClassicLinkToRemoteVpc", "true", "EC2-Classic is retired.")
		}
		names[i] = o.AllowDnsResolutionFromRemoteVpc
	}
	if in.RequesterPeeringConnectionOptions == nil && in.AccepterPeeringConnectionOptions == nil {
		return nil, missing("RequesterPeeringConnectionOptions or AccepterPeeringConnectionOptions")
	}
	if _, err := a.control.ModifyPeering(ctx, who, cloud.PeeringID(*in.VpcPeeringConnectionId), names[0], names[1]); err != nil {
		return nil, err
	}
	return &ModifyVpcPeeringConnectionOptionsOutput{
		RequesterPeeringConnectionOptions: peeringOptions(names[0]), AccepterPeeringConnectionOptions: peeringOptions(names[1]),
	}, nil
}

func peeringOptions(names *bool) *PeeringConnectionOptions {
	if names == nil {
		return nil
	}
	return &PeeringConnectionOptions{
		AllowDnsResolutionFromRemoteVpc: names, AllowEgressFromLocalClassicLinkToRemoteVpc: new(false), AllowEgressFromLocalVpcToRemoteClassicLink: new(false),
	}
}
