package ec2

import (
	"context"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// destination reads the one destination of a route.
func destination(cidr4, cidr6, list *string) (cloud.Route, error) {
	var r cloud.Route
	n := 0
	for _, p := range []*string{cidr4, cidr6, list} {
		if text(p) != "" {
			n++
		}
	}
	switch {
	case n == 0:
		return r, missing("destinationCidrBlock")
	case n > 1:
		return r, combination("Only one of destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId may be specified")
	case text(list) != "":
		r.PrefixList = cloud.PrefixListID(*list)
		return r, nil
	}
	var err error
	if r.Dest, err = cidr("destinationCidrBlock", cidr4, false); err == nil && !r.Dest.IsValid() {
		r.Dest, err = cidr("destinationIpv6CidrBlock", cidr6, true)
	}
	return r, err
}

// targets are the parameters that a route's target may come in.
type targets struct {
	gateway, egressOnly, nat, iface, instance, endpoint, peering, transit *string
	others                                                                []*string // known, not implemented
}

func (a *api) target(who control.Caller, t targets) (cloud.RouteTarget, error) {
	for _, p := range t.others {
		if text(p) != "" {
			return cloud.RouteTarget{}, a.unsupported("A route to " + *p)
		}
	}
	var found []cloud.RouteTarget
	add := func(kind cloud.TargetKind, p *string) {
		if text(p) != "" {
			found = append(found, cloud.RouteTarget{Kind: kind, ID: *p})
		}
	}
	switch id := text(t.gateway); {
	case strings.HasPrefix(id, "vgw-"), strings.HasPrefix(id, "vpce-"), id == "local":
		return cloud.RouteTarget{}, a.unsupported("A route to " + id)
	default:
		add(cloud.TargetInternetGateway, t.gateway)
	}
	add(cloud.TargetEgressOnlyGateway, t.egressOnly)
	add(cloud.TargetNATGateway, t.nat)
	add(cloud.TargetInterface, t.iface)
	add(cloud.TargetEndpoint, t.endpoint)
	add(cloud.TargetPeering, t.peering)
	add(cloud.TargetTransit, t.transit)
	if text(t.instance) != "" {
		eni, err := a.control.PrimaryInterface(who, cloud.InstanceID(*t.instance))
		if err != nil {
			return cloud.RouteTarget{}, err
		}
		add(cloud.TargetInterface, new(string(eni)))
	}
	switch len(found) {
	case 0:
		return cloud.RouteTarget{}, missing("gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, carrierGatewayId, vpcEndpointId, coreNetworkArn or instanceId")
	case 1:
		return found[0], nil
	}
	return cloud.RouteTarget{}, combination("Only one target may be specified for a route")
}

func (a *api) createRoute(ctx context.Context, in *CreateRouteInput) (*CreateRouteOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	r.Target, err = a.target(who, targets{
		in.GatewayId, in.EgressOnlyInternetGatewayId, in.NatGatewayId, in.NetworkInterfaceId, in.InstanceId, in.VpcEndpointId, in.VpcPeeringConnectionId, in.TransitGatewayId,
		[]*string{in.CarrierGatewayId, in.CoreNetworkArn, in.LocalGatewayId, in.OdbNetworkArn},
	})
	if err != nil {
		return nil, err
	}
	if err := a.control.CreateRoute(ctx, who, cloud.RouteTableID(*in.RouteTableId), r); err != nil {
		return nil, err
	}
	return &CreateRouteOutput{Return: new(true)}, nil
}

func (a *api) replaceRoute(ctx context.Context, in *ReplaceRouteInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	if yes(in.LocalTarget) {
		return nil, a.unsupported("Resetting a local route")
	}
	r.Target, err = a.target(who, targets{
		in.GatewayId, in.EgressOnlyInternetGatewayId, in.NatGatewayId, in.NetworkInterfaceId, in.InstanceId, in.VpcEndpointId, in.VpcPeeringConnectionId, in.TransitGatewayId,
		[]*string{in.CarrierGatewayId, in.CoreNetworkArn, in.LocalGatewayId, in.OdbNetworkArn},
	})
	if err != nil {
		return nil, err
	}
	return nil, a.control.ReplaceRoute(ctx, who, cloud.RouteTableID(*in.RouteTableId), r)
}

func (a *api) deleteRoute(ctx context.Context, in *DeleteRouteInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	r, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteRoute(ctx, who, cloud.RouteTableID(*in.RouteTableId), r)
}
