package vpcpeer

import (
	"context"
	"maps"
	"strconv"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// attrBandwidth is what was asked for in Mbit/s; it is echoed, not enforced.
const attrBandwidth = "vpcpeer.bandwidth"

const nameCode, descriptionCode = "IllegalParam.Name", "IllegalParam.Description"

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpcpeer-2022-01-01-createvpcpeerconnection
func (a *api) create(ctx context.Context, in *CreateVpcPeerConnectionInput) (*CreateVpcPeerConnectionOutput, error) {
	call := wire.CallFrom(ctx)
	across := *in.AcceptingRegionId != call.Region
	if err := refuseLink(in.LinkType); err != nil {
		return nil, err
	}
	if _, ok := region.Get(*in.AcceptingRegionId); !ok {
		return nil, resource.Fault("IllegalParam.AcceptingRegionId", "The param of AcceptingRegionId is illegal.")
	}
	peer := call.Account
	if *in.AcceptingAliUid != 0 { // what Terraform sends for none
		var ok bool
		if peer, ok = access.Account(strconv.FormatInt(*in.AcceptingAliUid, 10)); !ok {
			return nil, resource.Fault("IllegalParam.AcceptingAliUid", "The param of AcceptingAliUid is illegal.")
		}
	}
	tags, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	labels, err := resource.Labels(ctx, a.control, resource.Described{Name: in.Name, Description: in.Description}, in.ResourceGroupId, tags, nameCode, descriptionCode)
	if err != nil {
		return nil, err
	}
	width, err := bandwidth(in.Bandwidth, across)
	if err != nil {
		return nil, err
	}
	maps.Copy(labels.Attrs, width)
	p, err := a.control.CreatePeering(ctx, resource.Caller(ctx), control.CreatePeering{
		Labels: labels, VPC: cloud.VPCID(*in.VpcId), Peer: cloud.VPCID(*in.AcceptingVpcId), PeerAccount: peer, PeerRegion: *in.AcceptingRegionId, Direct: true,
	})
	if err != nil {
		return nil, err
	}
	return &CreateVpcPeerConnectionOutput{InstanceId: new(string(p.ID))}, nil
}

// refuseLink refuses all but the ordinary quality of links between regions.
func refuseLink(kind *string) error {
	return resource.Refuse(map[string]bool{"LinkType": resource.Text(kind) != "" && *kind != "Gold"})
}

// bandwidth checks a bandwidth, which only a connection between regions has.
func bandwidth(mbps *int64, across bool) (map[string]string, error) {
	switch {
	case mbps == nil:
		return nil, nil
	case *mbps < 1, !across && *mbps != -1:
		return nil, resource.Fault("IllegalParam.Bandwidth", "The param of Bandwidth is illegal: it is a number of Mbit/s above 0, for connections between regions only.")
	}
	return map[string]string{attrBandwidth: strconv.FormatInt(*mbps, 10)}, nil
}

// find finds a connection that this dialect shows the caller: none that is gone.
func (a *api) find(ctx context.Context, id string) (*cloud.Peering, error) {
	p, ok := cloud.Peerings.Get(a.control.View(), cloud.PeeringID(id))
	if !ok || !a.shown(ctx, p) {
		return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindPeering, ID: id}
	}
	return p, nil
}

func (a *api) shown(ctx context.Context, p *cloud.Peering) bool {
	here := resource.Scope(ctx)
	if p.Requester.Scope() != here && p.Accepter.Scope() != here || p.State == cloud.PeeringDeleted || p.State == cloud.PeeringFailed {
		return false
	}
	return control.PeeringShown(p, wire.CallFrom(ctx).Account, a.control.Now())
}

func (a *api) accept(ctx context.Context, in *AcceptVpcPeerConnectionInput) (*AcceptVpcPeerConnectionOutput, error) {
	p, err := a.find(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	group := resource.Text(in.ResourceGroupId)
	if group != "" {
		if err := resource.CheckGroup(ctx, a.control, group); err != nil {
			return nil, err
		}
	}
	who := resource.Caller(ctx)
	if p, err = a.control.AcceptPeering(ctx, who, p.ID); err != nil {
		return nil, err
	}
	if p.State != cloud.PeeringActive {
		return nil, resource.Fault("IncorrectStatus.Vpc", "The status of the VPCs is incorrect: one is gone, or their CIDR blocks overlap by now.")
	}
	if group == "" {
		return nil, nil
	}
	return nil, a.moveTo(ctx, p, group)
}

func (a *api) reject(ctx context.Context, in *RejectVpcPeerConnectionInput) (*RejectVpcPeerConnectionOutput, error) {
	p, err := a.find(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.RejectPeering(ctx, resource.Caller(ctx), p.ID)
}

func (a *api) modify(ctx context.Context, in *ModifyVpcPeerConnectionInput) (*ModifyVpcPeerConnectionOutput, error) {
	p, err := a.find(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	if err := refuseLink(in.LinkType); err != nil {
		return nil, err
	}
	if p.State != cloud.PeeringActive && p.State != cloud.PeeringPending {
		return nil, resource.Fault("IncorrectStatus.VpcPeer", "The status of the VPC peering connection is incorrect.")
	}
	attrs, err := resource.Described{Name: in.Name, Description: in.Description}.Attrs(nameCode, descriptionCode)
	if err != nil {
		return nil, err
	}
	width, err := bandwidth(in.Bandwidth, p.Requester.Region != p.Accepter.Region)
	if err != nil {
		return nil, err
	}
	maps.Copy(attrs, width)
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindPeering, ID: string(p.ID)}, attrs)
}

// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpcpeer-2022-01-01-deletevpcpeerconnection
func (a *api) delete(ctx context.Context, in *DeleteVpcPeerConnectionInput) (*DeleteVpcPeerConnectionOutput, error) {
	p, err := a.find(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.RemovePeering(ctx, resource.Caller(ctx), p.ID, in.Force != nil && *in.Force)
}

// moveTo puts the caller's side of a connection into a resource group.
func (a *api) moveTo(ctx context.Context, p *cloud.Peering, group string) error {
	key := resource.AttrGroup
	if p.Account != wire.CallFrom(ctx).Account {
		key = resource.AttrPeerGroup
	}
	return a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindPeering, ID: string(p.ID)}, map[string]string{key: group})
}

func (a *api) moveResourceGroup(ctx context.Context, in *MoveResourceGroupInput) (*MoveResourceGroupOutput, error) {
	if *in.ResourceType != "PeerConnection" {
		return nil, resource.Fault("IllegalParam.ResourceType", "The param of ResourceType is illegal.")
	}
	p, err := a.find(ctx, *in.ResourceId)
	if err != nil {
		return nil, err
	}
	if err := resource.CheckGroup(ctx, a.control, *in.NewResourceGroupId); err != nil {
		return nil, err
	}
	return &MoveResourceGroupOutput{Success: new(true)}, a.moveTo(ctx, p, *in.NewResourceGroupId)
}
