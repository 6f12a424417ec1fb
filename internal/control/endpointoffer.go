package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// BalancerZones are the zones that a load balancer is in.
func BalancerZones(v cloud.View, id cloud.LoadBalancerID) (zones []string) {
	b, ok := cloud.LoadBalancers.Get(v, id)
	if !ok {
		return nil
	}
	for _, sub := range b.Subnets {
		if s, ok := cloud.Subnets.Get(v, sub); ok {
			zones = append(zones, s.Zone)
		}
	}
	slices.Sort(zones)
	return zones
}

// OfferBalancer has a service offer a load balancer, in one of its zones or, if
// zone is "", in all.
func (c *Control) OfferBalancer(ctx context.Context, who Caller, service cloud.EndpointServiceID, id cloud.LoadBalancerID, zone string) error {
	return c.changeOffer(ctx, who, service, func(tx cloud.Tx, s *cloud.EndpointService) error {
		if _, err := find(tx, who, cloud.LoadBalancers, cloud.KindLoadBalancer, id); err != nil {
			return err
		}
		zones := BalancerZones(tx, id)
		switch {
		case zone == "":
		case !slices.Contains(zones, zone):
			return cloud.Errorf(cloud.Invalid, cloud.KindEndpointService, string(id), "zone", "load balancer %s is not in the zone %q", id, zone)
		default:
			zones = []string{zone}
		}
		all := len(s.Balancers) > 0 && len(s.Zones) == 0
		had := EndpointServiceZones(tx, s)
		if err := offer(tx, who, s, []cloud.LoadBalancerID{id}, nil); err != nil {
			return err
		}
		if !all {
			s.Zones = joined(had, zones)
		}
		return nil
	})
}

// WithdrawBalancer undoes OfferBalancer, unless endpoints use the zone.
func (c *Control) WithdrawBalancer(ctx context.Context, who Caller, service cloud.EndpointServiceID, id cloud.LoadBalancerID, zone string) error {
	return c.changeOffer(ctx, who, service, func(tx cloud.Tx, s *cloud.EndpointService) error {
		if !slices.Contains(s.Balancers, id) {
			return absent(cloud.KindLoadBalancer, string(id))
		}
		had, gone := EndpointServiceZones(tx, s), BalancerZones(tx, id)
		if zone != "" {
			gone = []string{zone}
		}
		left := slices.DeleteFunc(slices.Clone(had), func(z string) bool { return slices.Contains(gone, z) })
		if !slices.ContainsFunc(BalancerZones(tx, id), func(z string) bool { return slices.Contains(left, z) }) {
			if err := offer(tx, who, s, nil, []cloud.LoadBalancerID{id}); err != nil {
				return err
			}
		}
		for _, other := range s.Balancers { // what another one offers there stays
			if other != id {
				for _, z := range BalancerZones(tx, other) {
					if zone == "" && slices.Contains(had, z) {
						left = joined(left, []string{z})
					}
				}
			}
		}
		if s.Zones = left; len(left) == 0 && len(s.Balancers) > 0 { // no zones would mean all
			return cloud.Errorf(cloud.InUse, cloud.KindEndpointService, string(s.ID), "zone", "service %s has load balancers beside %s in no zone that it offers; withdraw those first", s.ID, id)
		}
		return unused(tx, s)
	})
}

// unused refuses to leave endpoints in zones that their service has no more.
func unused(v cloud.View, s *cloud.EndpointService) error {
	zones := EndpointServiceZones(v, s)
	for e := range cloud.Endpoints.By(v, "provider", string(s.ID)) {
		for _, id := range e.Subnets {
			if sub, ok := cloud.Subnets.Get(v, id); ok && e.Consent != cloud.ConsentRefused && !slices.Contains(zones, sub.Zone) {
				return cloud.Errorf(cloud.InUse, cloud.KindEndpointService, string(s.ID), "zone", "endpoint %s is connected to service %s in the zone %s", e.ID, s.ID, sub.Zone)
			}
		}
	}
	return nil
}

func joined(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// changeOffer puts what f makes of a copy of a service.
func (c *Control) changeOffer(ctx context.Context, who Caller, id cloud.EndpointServiceID, f func(tx cloud.Tx, s *cloud.EndpointService) error) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.EndpointServices, cloud.KindEndpointService, id)
		if err != nil {
			return err
		}
		s := *old
		if err := f(tx, &s); err != nil {
			return err
		}
		cloud.EndpointServices.Put(tx, &s)
		return nil
	})
}

// NoteEndpoint merges attributes into an endpoint on behalf of its service's owner.
func (c *Control) NoteEndpoint(ctx context.Context, who Caller, service cloud.EndpointServiceID, id cloud.EndpointID, attrs map[string]string) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.EndpointServices, cloud.KindEndpointService, service); err != nil {
			return err
		}
		old, ok := cloud.Endpoints.Get(tx, id)
		if !ok || old.Provider != service {
			return absent(cloud.KindEndpoint, string(id))
		}
		e := *old
		e.Attrs = merged(e.Attrs, attrs)
		cloud.Endpoints.Put(tx, &e)
		return nil
	})
}
