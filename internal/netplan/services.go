package netplan

import (
	"cmp"
	"slices"

	"weir/internal/cloud"
)

// ServicesID names, in a plan, where the platform's internal services answer: an
// endpoint without interfaces that every route table leads to.
const ServicesID cloud.EndpointID = "internal-services"

// services adds the internal services of a VPC that has them.
func (c *compiler) services() {
	if !c.vpc.Services.IsValid() {
		return
	}
	c.p.Endpoints = append(c.p.Endpoints, Endpoint{ID: ServicesID, Service: "internal services", Source: []cloud.Ref{ref(cloud.KindVPC, c.vpc.ID)}})
	slices.SortFunc(c.p.Endpoints, func(a, b Endpoint) int { return cmp.Compare(a.ID, b.ID) })
}

// serviceRoute leads to the internal services. Like the local routes it is in
// every table; what is more specific goes before it.
func (c *compiler) serviceRoute(t *cloud.RouteTable) []candidate {
	if !c.vpc.Services.IsValid() {
		return nil
	}
	dest := c.vpc.Services.Masked()
	return []candidate{{Route: Route{Dest: dest, Hop: HopEndpoint, Target: string(ServicesID), Source: c.routeRefs(t, dest, "")}, rank: rankLocal}}
}
