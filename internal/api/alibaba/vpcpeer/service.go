// Package vpcpeer speaks VpcPeer 2022-01-01, peering connections between VPCs.
//
// Connections are those of the account, whichever dialect made them. Two VPCs of
// one account are joined at once; another account's owner accepts.
//
// Invariants: a name, a description and a bandwidth are the connection's, and both
// sides see them; tags and resource groups are each side's own.
package vpcpeer

import (
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	tagging resource.Tagging
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c, resource.Tagging{Control: c, Kinds: map[string]cloud.Resource{"peerconnection": cloud.KindPeering}}}
	wire.Handle(s, "CreateVpcPeerConnection", a.create)
	wire.Handle(s, "AcceptVpcPeerConnection", a.accept)
	wire.Handle(s, "RejectVpcPeerConnection", a.reject)
	wire.Handle(s, "ModifyVpcPeerConnection", a.modify)
	wire.Handle(s, "DeleteVpcPeerConnection", a.delete)
	wire.Handle(s, "GetVpcPeerConnectionAttribute", a.get)
	wire.Handle(s, "ListVpcPeerConnections", a.list)
	wire.Handle(s, "MoveResourceGroup", a.moveResourceGroup)
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UnTagResources", a.unTagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
	return s
}

// mapError puts neutral errors into the product's words.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpcpeer-2022-01-01-errorcodes
func mapError(e *cloud.Error) *wire.Error {
	switch {
	case e.Resource == cloud.KindVPC && e.Kind == cloud.NotFound:
		return resource.Fault("ResourceNotFound.VpcId", "The specified resource of VpcId is not found.")
	case e.Resource == cloud.KindTag && e.Kind == cloud.Limit:
		return resource.Fault("QuotaExceeded.Tag", "The quota of tags of the resource is exceeded.")
	case e.Resource != cloud.KindPeering:
		return nil
	}
	switch e.Kind {
	case cloud.NotFound:
		if e.Reason == "peer" {
			return resource.Fault("ResourceNotFound.AcceptingVpcId", "The specified resource of AcceptingVpcId is not found.")
		}
		return resource.Fault("ResourceNotFound.InstanceId", "The specified resource of InstanceId is not found.")
	case cloud.Exists:
		return resource.Fault("ResourceAlreadyExist.VpcPeer", "The VPCs have a VPC peering connection already.")
	case cloud.Conflict:
		return resource.Fault("OperationDenied.CidrOverlapped", "The operation is not allowed because the CIDR blocks of the VPCs overlap.")
	case cloud.InUse:
		return resource.Fault("OperationDenied.RouteEntryExist", "The operation is not allowed because of existing routeEntry point to VpcPeer.")
	case cloud.State:
		return resource.Fault("IncorrectStatus.VpcPeer", "The status of the VPC peering connection is incorrect.")
	case cloud.Denied:
		return resource.Fault("Forbidden.NoPermission", "Authentication is failed: only the owner of the other VPC may do this.")
	case cloud.Limit:
		return resource.Fault("QuotaExceeded.VpcPeer", "The quota of VPC peering connections of the VPC is exceeded.")
	case cloud.Invalid:
		return resource.Fault("IllegalParam.AcceptingRegionId", "The param of AcceptingRegionId is illegal.")
	}
	return nil
}
