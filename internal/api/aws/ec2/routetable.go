package ec2

import (
	"context"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func routeTableShape(v cloud.View) func(*cloud.RouteTable) RouteTable {
	return func(t *cloud.RouteTable) RouteTable {
		out := RouteTable{RouteTableId: new(string(t.ID)), VpcId: new(string(t.VPC)), OwnerId: new(t.Account), Tags: shown(tagList(t.Tags)), Associations: []RouteTableAssociation{}, PropagatingVgws: []PropagatingVgw{}}
		state := func() *RouteTableAssociationState {
			return &RouteTableAssociationState{State: RouteTableAssociationStateCodeAssociated}
		}
		if t.Main {
			out.Associations = append(out.Associations, RouteTableAssociation{
				RouteTableAssociationId: new(t.MainAssoc), RouteTableId: new(string(t.ID)), Main: new(true), AssociationState: state(),
			})
		}
		for _, as := range t.Associations {
			out.Associations = append(out.Associations, RouteTableAssociation{
				RouteTableAssociationId: new(as.ID), RouteTableId: new(string(t.ID)), SubnetId: new(string(as.Subnet)), Main: new(false), AssociationState: state(),
			})
		}
		out.Routes = routeShapes(v, t)
		return out
	}
}

// routeShapes are the table's local routes, then its own.
func routeShapes(v cloud.View, t *cloud.RouteTable) []Route {
	var out []Route
	if vpc, ok := cloud.VPCs.Get(v, t.VPC); ok {
		for _, p := range control.LocalBlocks(v, vpc) {
			r := Route{GatewayId: new("local"), Origin: RouteOriginCreateRouteTable, State: RouteStateActive}
			if p.Addr().Is4() {
				r.DestinationCidrBlock = new(p.String())
			} else {
				r.DestinationIpv6CidrBlock = new(p.String())
			}
			out = append(out, r)
		}
	}
	for _, r := range t.Routes {
		out = append(out, routeShape(v, t, r))
	}
	return out
}

func routeShape(v cloud.View, t *cloud.RouteTable, r cloud.Route) Route {
	out := Route{Origin: RouteOriginCreateRoute, State: RouteStateBlackhole}
	switch {
	case r.PrefixList != "":
		out.DestinationPrefixListId = new(string(r.PrefixList))
	case r.Dest.Addr().Is4():
		out.DestinationCidrBlock = new(r.Dest.String())
	default:
		out.DestinationIpv6CidrBlock = new(r.Dest.String())
	}
	id, alive := r.Target.ID, false
	switch r.Target.Kind {
	case cloud.TargetInternetGateway:
		out.GatewayId = new(id)
		g, ok := cloud.InternetGateways.Get(v, cloud.InternetGatewayID(id))
		alive = ok && g.VPC == t.VPC
	case cloud.TargetEgressOnlyGateway:
		out.EgressOnlyInternetGatewayId = new(id)
		_, alive = cloud.EgressOnlyGateways.Get(v, cloud.EgressOnlyGatewayID(id))
	case cloud.TargetIPv6Gateway: // the other dialect's
		out.GatewayId = new(id)
		_, alive = cloud.IPv6Gateways.Get(v, cloud.IPv6GatewayID(id))
	case cloud.TargetNATGateway:
		out.NatGatewayId = new(id)
		g, ok := cloud.NATGateways.Get(v, cloud.NATGatewayID(id))
		alive = ok && g.Deleted.IsZero()
	case cloud.TargetInterface:
		out.NetworkInterfaceId = new(id)
		i, ok := cloud.Interfaces.Get(v, cloud.InterfaceID(id))
		alive = ok && i.Attachment != nil
		if alive {
			out.InstanceId, out.InstanceOwnerId = given(i.Attachment.Instance), new(i.Account)
		}
	case cloud.TargetPeering:
		out.VpcPeeringConnectionId = new(id)
		p, ok := cloud.Peerings.Get(v, cloud.PeeringID(id))
		alive = ok && p.State == cloud.PeeringActive
	case cloud.TargetTransit:
		out.TransitGatewayId = new(id)
		alive = transitAlive(v, cloud.TransitRouterID(id), t.VPC)
	case cloud.TargetEndpoint:
		out.GatewayId = new(id)
		_, alive = cloud.Endpoints.Get(v, cloud.EndpointID(id))
	}
	if alive {
		out.State = RouteStateActive
	}
	return out
}

func assocFacts(f func(RouteTableAssociation) []string) func(RouteTable) []string {
	return func(t RouteTable) []string { return facts(t.Associations, f) }
}

func routeFacts(f func(Route) []string) func(RouteTable) []string {
	return func(t RouteTable) []string { return facts(t.Routes, f) }
}

var routeTableListing = listing[RouteTable]{
	kind: cloud.KindRouteTable, param: "routeTableIds",
	id:   func(t RouteTable) *string { return t.RouteTableId },
	tags: func(t RouteTable) []Tag { return t.Tags },
	fields: wire.Fields[RouteTable]{
		"route-table-id":                         func(t RouteTable) []string { return fact(t.RouteTableId) },
		"vpc-id":                                 func(t RouteTable) []string { return fact(t.VpcId) },
		"owner-id":                               func(t RouteTable) []string { return fact(t.OwnerId) },
		"association.gateway-id":                 assocFacts(func(a RouteTableAssociation) []string { return fact(a.GatewayId) }),
		"association.main":                       assocFacts(func(a RouteTableAssociation) []string { return flag(a.Main) }),
		"association.route-table-association-id": assocFacts(func(a RouteTableAssociation) []string { return fact(a.RouteTableAssociationId) }),
		"association.route-table-id":             assocFacts(func(a RouteTableAssociation) []string { return fact(a.RouteTableId) }),
		"association.subnet-id":                  assocFacts(func(a RouteTableAssociation) []string { return fact(a.SubnetId) }),
		"route.destination-cidr-block":           routeFacts(func(r Route) []string { return fact(r.DestinationCidrBlock) }),
		"route.destination-ipv6-cidr-block":      routeFacts(func(r Route) []string { return fact(r.DestinationIpv6CidrBlock) }),
		"route.destination-prefix-list-id":       routeFacts(func(r Route) []string { return fact(r.DestinationPrefixListId) }),
		"route.egress-only-internet-gateway-id":  routeFacts(func(r Route) []string { return fact(r.EgressOnlyInternetGatewayId) }),
		"route.gateway-id":                       routeFacts(func(r Route) []string { return fact(r.GatewayId) }),
		"route.instance-id":                      routeFacts(func(r Route) []string { return fact(r.InstanceId) }),
		"route.nat-gateway-id":                   routeFacts(func(r Route) []string { return fact(r.NatGatewayId) }),
		"route.network-interface-id":             routeFacts(func(r Route) []string { return fact(r.NetworkInterfaceId) }),
		"route.origin":                           routeFacts(func(r Route) []string { return fact(&r.Origin) }),
		"route.state":                            routeFacts(func(r Route) []string { return fact(&r.State) }),
		"route.transit-gateway-id":               routeFacts(func(r Route) []string { return fact(r.TransitGatewayId) }),
		"route.vpc-peering-connection-id":        routeFacts(func(r Route) []string { return fact(r.VpcPeeringConnectionId) }),
		"propagating-vgw.gateway-id":             func(RouteTable) []string { return nil },
	},
}

func (a *api) createRouteTable(ctx context.Context, in *CreateRouteTableInput) (*CreateRouteTableOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := labels(cloud.KindRouteTable, in.TagSpecifications, in.ClientToken)
	if err != nil {
		return nil, err
	}
	t, err := a.control.CreateRouteTable(ctx, who, control.CreateRouteTable{Labels: l, VPC: cloud.VPCID(*in.VpcId)})
	if err != nil {
		return nil, err
	}
	return &CreateRouteTableOutput{ClientToken: in.ClientToken, RouteTable: new(routeTableShape(a.control.View())(t))}, nil
}

func (a *api) describeRouteTables(ctx context.Context, in *DescribeRouteTablesInput) (*DescribeRouteTablesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.RouteTables, cloud.Scope(who.Account, who.Region), routeTableShape(v))
	out := &DescribeRouteTablesOutput{}
	out.RouteTables, out.NextToken, err = routeTableListing.answer(ctx, all, question{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteRouteTable(ctx context.Context, in *DeleteRouteTableInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteRouteTable(ctx, who, cloud.RouteTableID(*in.RouteTableId))
}

func (a *api) associateRouteTable(ctx context.Context, in *AssociateRouteTableInput) (*AssociateRouteTableOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if in.GatewayId != nil || in.PublicIpv4Pool != nil {
		return nil, a.unsupported("A gateway route table")
	}
	if in.SubnetId == nil {
		return nil, missing("subnetId")
	}
	id, err := a.control.AssociateRouteTable(ctx, who, cloud.RouteTableID(*in.RouteTableId), cloud.SubnetID(*in.SubnetId))
	if err != nil {
		return nil, err
	}
	return &AssociateRouteTableOutput{AssociationId: new(id), AssociationState: &RouteTableAssociationState{State: RouteTableAssociationStateCodeAssociated}}, nil
}

func (a *api) disassociateRouteTable(ctx context.Context, in *DisassociateRouteTableInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DisassociateRouteTable(ctx, who, *in.AssociationId)
}

func (a *api) replaceRouteTableAssociation(ctx context.Context, in *ReplaceRouteTableAssociationInput) (*ReplaceRouteTableAssociationOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := a.control.ReplaceRouteTableAssociation(ctx, who, *in.AssociationId, cloud.RouteTableID(*in.RouteTableId))
	if err != nil {
		return nil, err
	}
	return &ReplaceRouteTableAssociationOutput{NewAssociationId: new(id), AssociationState: &RouteTableAssociationState{State: RouteTableAssociationStateCodeAssociated}}, nil
}
