package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// CreateEndpoint is the input of Control.CreateEndpoint: a gateway endpoint.
type CreateEndpoint struct {
	Labels
	VPC         cloud.VPCID
	Service     string
	API         string // of the service
	Policy      string
	RouteTables []cloud.RouteTableID
}

// GatewayList is the platform's prefix list of a service that gateway endpoints reach.
func GatewayList(v cloud.View, region, service string) (*cloud.PrefixList, bool) {
	for l := range cloud.PrefixLists.By(v, "scope", cloud.Scope("", region)) {
		if l.Name == service {
			return l, true
		}
	}
	return nil, false
}

// CreateEndpoint makes a gateway endpoint with its routes.
func (c *Control) CreateEndpoint(ctx context.Context, who Caller, in CreateEndpoint) (*cloud.Endpoint, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Endpoint, error) {
		id := func(e *cloud.Endpoint) cloud.EndpointID { return e.ID }
		return once(tx, who, cloud.Endpoints, "endpoint", in.Labels, in, id, func() (*cloud.Endpoint, error) {
			if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC); err != nil {
				return nil, err
			}
			if _, ok := GatewayList(tx, who.Region, in.Service); !ok {
				return nil, cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, in.Service, "service", "The Vpc Endpoint Service '%s' does not exist", in.Service)
			}
			if err := c.checkEndpointPolicy(in.Policy); err != nil {
				return nil, err
			}
			n := count(cloud.Endpoints.By(tx, "scope", who.scope()), func(e *cloud.Endpoint) bool { return e.Gateway })
			if err := within(n, c.quotas(who).GatewayEndpoints, cloud.KindEndpoint, "", ""); err != nil {
				return nil, err
			}
			e := &cloud.Endpoint{
				Meta: c.meta(who, in.Labels), ID: cloud.EndpointID(who.NewID(cloud.KindEndpoint)),
				VPC: in.VPC, Gateway: true, Service: in.Service, API: in.API, Policy: in.Policy,
			}
			return e, c.setEndpointTables(tx, who, e, in.RouteTables, nil)
		})
	})
}

// setEndpointTables adds and removes the endpoint's routes and stores the endpoint; e must be a copy.
func (c *Control) setEndpointTables(tx cloud.Tx, who Caller, e *cloud.Endpoint, add, remove []cloud.RouteTableID) error {
	list, ok := GatewayList(tx, who.Region, e.Service)
	if !ok {
		return absent(cloud.KindPrefixList, e.Service)
	}
	route := cloud.Route{PrefixList: list.ID, Target: cloud.RouteTarget{Kind: cloud.TargetEndpoint, ID: string(e.ID)}}
	e.RouteTables = slices.Clone(e.RouteTables)
	for _, id := range remove {
		i := slices.Index(e.RouteTables, id)
		if i < 0 {
			return absent(cloud.KindRouteTable, string(id))
		}
		e.RouteTables = slices.Delete(e.RouteTables, i, i+1)
		dropRoute(tx, id, route)
	}
	for _, id := range add {
		t, err := find(tx, who, cloud.RouteTables, cloud.KindRouteTable, id)
		if err != nil {
			return err
		}
		if t.VPC != e.VPC {
			return otherVPC(cloud.KindEndpoint, string(id), "route table %s and endpoint %s belong to different VPCs", id, e.ID)
		}
		if slices.Contains(e.RouteTables, id) {
			continue
		}
		if findRoute(t, route) >= 0 {
			return cloud.Errorf(cloud.Exists, cloud.KindRoute, string(list.ID), "endpoint", "route table %s already has a route with destination-prefix-list-id %s", id, list.ID)
		}
		changed := *t
		changed.Routes = append(slices.Clone(t.Routes), route)
		cloud.RouteTables.Put(tx, &changed)
		e.RouteTables = append(e.RouteTables, id)
	}
	cloud.Endpoints.Put(tx, e)
	return nil
}

func dropRoute(tx cloud.Tx, table cloud.RouteTableID, r cloud.Route) {
	t, ok := cloud.RouteTables.Get(tx, table)
	if !ok {
		return
	}
	if i := findRoute(t, r); i >= 0 {
		changed := *t
		changed.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
		cloud.RouteTables.Put(tx, &changed)
	}
}

// ModifyEndpoint changes what is set: route tables of a gateway endpoint, the
// rest of an interface endpoint.
type ModifyEndpoint struct {
	Policy        *string
	Add, Remove   []cloud.RouteTableID
	AddSubnets    []EndpointSubnet
	RemoveSubnets []cloud.SubnetID
	AddGroups     []cloud.SecurityGroupID
	RemoveGroups  []cloud.SecurityGroupID
	PrivateDNS    *bool
}

// gatewayOnly tells whether the change is one that only gateway endpoints know.
func (m ModifyEndpoint) gatewayOnly() bool { return len(m.Add)+len(m.Remove) > 0 }

// interfaceOnly tells whether the change is one that only interface endpoints know.
func (m ModifyEndpoint) interfaceOnly() bool {
	return len(m.AddSubnets)+len(m.RemoveSubnets)+len(m.AddGroups)+len(m.RemoveGroups) > 0 || m.PrivateDNS != nil
}

// ModifyEndpoint changes an endpoint.
func (c *Control) ModifyEndpoint(ctx context.Context, who Caller, id cloud.EndpointID, in ModifyEndpoint) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.Endpoints, cloud.KindEndpoint, id)
		if err != nil {
			return err
		}
		if in.Policy != nil {
			if err := c.checkEndpointPolicy(*in.Policy); err != nil {
				return err
			}
		}
		e := *old
		set(&e.Policy, in.Policy)
		switch {
		case old.Gateway && in.interfaceOnly():
			return cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, string(id), "gateway-type", "endpoint %s is a gateway endpoint: it has no subnets, security groups or private DNS", id)
		case !old.Gateway && in.gatewayOnly():
			return cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, string(id), "interface-type", "endpoint %s is an interface endpoint: it has no route tables", id)
		case !old.Gateway:
			return c.modifyInterfaceEndpoint(tx, who, &e, in)
		}
		return c.setEndpointTables(tx, who, &e, in.Add, in.Remove)
	})
}

// DeleteEndpoint deletes an endpoint with its routes or its interfaces.
func (c *Control) DeleteEndpoint(ctx context.Context, who Caller, id cloud.EndpointID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.Endpoints, cloud.KindEndpoint, id)
		if err != nil {
			return err
		}
		e := *old
		if !old.Gateway {
			if err := leaveSubnets(tx, &e, old.Subnets); err != nil {
				return err
			}
		} else if err := c.setEndpointTables(tx, who, &e, nil, old.RouteTables); err != nil {
			return err
		}
		cloud.Endpoints.Delete(tx, id)
		return nil
	})
}
