package resource

import (
	"weir/internal/cloud"
	"weir/internal/control"
)

// AttrNextHop of a route is the instance that it was given as its next hop; its
// target is that instance's interface.
const AttrNextHop = "alibaba.next-hop"

// Kinds of next hop, in the vendor's words.
// https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createrouteentry
const (
	hopInstance   = "Instance" // the default
	hopAttachment = "Attachment"
	hopInterface  = "NetworkInterface"
	hopNAT        = "NatGateway"
	hopPeering    = "VpcPeer"
	hopGateway4   = "Ipv4Gateway"
	hopGateway6   = "IPv6Gateway"
	hopEndpoint   = "GatewayEndpoint"
)

var hops = map[string]cloud.TargetKind{
	hopInterface: cloud.TargetInterface, hopNAT: cloud.TargetNATGateway, hopPeering: cloud.TargetPeering, hopGateway4: cloud.TargetInternetGateway,
	hopGateway6: cloud.TargetIPv6Gateway,
}

// HopTarget is what a route with a next hop leads to, and the attributes of the
// route that say so.
func HopTarget(v cloud.View, kind, id string) (cloud.RouteTarget, map[string]string, error) {
	switch kind {
	case "", hopInstance:
		i, ok := cloud.Instances.Get(v, cloud.InstanceID(id))
		if !ok {
			return cloud.RouteTarget{}, nil, Fault("InvalidNextHop.NotFound", "Specified next hop does not exist.")
		}
		return cloud.RouteTarget{Kind: cloud.TargetInterface, ID: string(i.Interface)}, map[string]string{AttrNextHop: id}, nil
	case hopAttachment:
		a, ok := cloud.TransitAttachments.Get(v, cloud.TransitAttachmentID(id))
		if !ok || a.VPC == "" {
			return cloud.RouteTarget{}, nil, Fault("InvalidAttachment.NotFound", "The attachment is not found.")
		}
		return cloud.RouteTarget{Kind: cloud.TargetTransit, ID: string(a.Router)}, nil, nil
	}
	if k, ok := hops[kind]; ok {
		return cloud.RouteTarget{Kind: k, ID: id}, nil, nil
	}
	return cloud.RouteTarget{}, nil, Unsupported("NextHopType")
}

// NextHop is what a route of a VPC leads to, in the vendor's words.
func NextHop(v cloud.View, vpc cloud.VPCID, r cloud.Route) (kind, id string) {
	if i := r.Attrs[AttrNextHop]; i != "" {
		return hopInstance, i
	}
	switch r.Target.Kind {
	case cloud.TargetTransit:
		for a := range cloud.TransitAttachments.By(v, "vpc", string(vpc)) {
			if string(a.Router) == r.Target.ID && control.TransitLive(a) {
				return hopAttachment, string(a.ID)
			}
		}
		return hopAttachment, r.Target.ID
	case cloud.TargetEgressOnlyGateway:
		return hopGateway6, r.Target.ID
	case cloud.TargetEndpoint:
		return hopEndpoint, r.Target.ID
	}
	for name, k := range hops {
		if k == r.Target.Kind {
			return name, r.Target.ID
		}
	}
	return "", r.Target.ID
}
