package control

import (
	"context"
	"slices"

	"weir/internal/cloud"
)

// EndpointService is the input of Control.CreateEndpointService.
type CreateEndpointService struct {
	Labels
	Prefix      string // of the service's name; its ID follows
	Balancers   []cloud.LoadBalancerID
	Zones       []string
	Empty       bool // it may be without load balancers
	Acceptance  bool
	PrivateName string
}

// CreateEndpointService offers load balancers to endpoints.
// https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html
func (c *Control) CreateEndpointService(ctx context.Context, who Caller, in CreateEndpointService) (*cloud.EndpointService, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.EndpointService, error) {
		id := func(s *cloud.EndpointService) cloud.EndpointServiceID { return s.ID }
		return once(tx, who, cloud.EndpointServices, "endpoint-service", in.Labels, in, id, func() (*cloud.EndpointService, error) {
			n := count(cloud.EndpointServices.By(tx, "scope", who.scope()), nil)
			if err := within(n, c.quotas(who).EndpointServices, cloud.KindEndpointService, "", ""); err != nil {
				return nil, err
			}
			s := &cloud.EndpointService{
				Meta: c.meta(who, in.Labels), ID: cloud.EndpointServiceID(who.NewID(cloud.KindEndpointService)),
				Acceptance: in.Acceptance, PrivateName: in.PrivateName, Zones: in.Zones,
			}
			s.Name = in.Prefix + string(s.ID)
			if err := offer(tx, who, s, in.Balancers, nil); err != nil {
				return nil, err
			}
			if len(s.Balancers) == 0 && !in.Empty {
				return nil, noBalancer(s)
			}
			cloud.EndpointServices.Put(tx, s)
			return s, nil
		})
	})
}

// offer adds load balancers to a service and removes some; s must be a copy.
func offer(v cloud.View, who Caller, s *cloud.EndpointService, add, remove []cloud.LoadBalancerID) error {
	s.Balancers = slices.Clone(s.Balancers)
	for _, id := range add {
		if _, err := find(v, who, cloud.LoadBalancers, cloud.KindLoadBalancer, id); err != nil {
			return err
		}
		for other := range cloud.EndpointServices.By(v, "balancer", string(id)) {
			if other.ID != s.ID {
				return cloud.Errorf(cloud.InUse, cloud.KindEndpointService, string(id), "balancer", "The load balancer %s is associated with the endpoint service %s", id, other.ID)
			}
		}
		if !slices.Contains(s.Balancers, id) {
			s.Balancers = append(s.Balancers, id)
		}
	}
	for _, id := range remove {
		n := slices.Index(s.Balancers, id)
		if n < 0 {
			return absent(cloud.KindLoadBalancer, string(id))
		}
		s.Balancers = slices.Delete(s.Balancers, n, n+1)
	}
	return nil
}

func noBalancer(s *cloud.EndpointService) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindEndpointService, string(s.ID), "no-balancer", "An endpoint service needs at least one load balancer")
}

// ModifyEndpointService changes what is set.
type ModifyEndpointService struct {
	Add, Remove                     []cloud.LoadBalancerID
	Acceptance                      *bool
	PrivateName                     *string
	AddPrincipals, RemovePrincipals []string
}

// ModifyEndpointService changes a service. Whoever loses permission keeps the
// endpoints that it has; a new private name holds for endpoints made from then on.
func (c *Control) ModifyEndpointService(ctx context.Context, who Caller, id cloud.EndpointServiceID, in ModifyEndpointService) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.EndpointServices, cloud.KindEndpointService, id)
		if err != nil {
			return err
		}
		s := *old
		if err := offer(tx, who, &s, in.Add, in.Remove); err != nil {
			return err
		}
		if len(in.Remove) > 0 && len(s.Balancers) == 0 {
			return noBalancer(&s)
		}
		set(&s.Acceptance, in.Acceptance)
		set(&s.PrivateName, in.PrivateName)
		s.Principals = slices.Clone(s.Principals)
		for _, p := range in.RemovePrincipals {
			s.Principals = slices.DeleteFunc(s.Principals, func(q string) bool { return p == q })
		}
		for _, p := range in.AddPrincipals {
			if !slices.Contains(s.Principals, p) {
				s.Principals = append(s.Principals, p)
			}
		}
		cloud.EndpointServices.Put(tx, &s)
		return nil
	})
}

// DeleteEndpointService deletes a service that no endpoint uses or waits for.
func (c *Control) DeleteEndpointService(ctx context.Context, who Caller, id cloud.EndpointServiceID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.EndpointServices, cloud.KindEndpointService, id); err != nil {
			return err
		}
		for e := range cloud.Endpoints.By(tx, "provider", string(id)) {
			if e.Consent != cloud.ConsentRefused {
				return cloud.Errorf(cloud.InUse, cloud.KindEndpointService, string(id), "", "Service %s has existing active VPC Endpoint connections!", id)
			}
		}
		cloud.EndpointServices.Delete(tx, id)
		return nil
	})
}

// Decide accepts or rejects an endpoint on behalf of its service's owner.
func (c *Control) Decide(ctx context.Context, who Caller, service cloud.EndpointServiceID, id cloud.EndpointID, to cloud.Consent) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.EndpointServices, cloud.KindEndpointService, service); err != nil {
			return err
		}
		old, ok := cloud.Endpoints.Get(tx, id)
		if !ok || old.Provider != service {
			return absent(cloud.KindEndpoint, string(id))
		}
		if old.Consent == to {
			return cloud.Errorf(cloud.State, cloud.KindEndpoint, string(id), "consent", "The VPC endpoint %s is already in that state", id)
		}
		e := *old
		e.Consent = to
		cloud.Endpoints.Put(tx, &e)
		return nil
	})
}

// EndpointServiceFor finds a service that a caller may make endpoints of, by its
// name. names are the caller's, as permissions may have them.
func EndpointServiceFor(v cloud.View, who Caller, names []string, service string) (*cloud.EndpointService, bool) {
	for s := range EndpointServicesFor(v, who, names) {
		if s.Name == service {
			return s, true
		}
	}
	return nil, false
}

// EndpointServicesFor yields the services of a region that a caller may make endpoints of.
func EndpointServicesFor(v cloud.View, who Caller, names []string) func(func(*cloud.EndpointService) bool) {
	return func(yield func(*cloud.EndpointService) bool) {
		for s := range cloud.EndpointServices.All(v) {
			named := func(p string) bool { return p == "*" || slices.Contains(names, p) }
			if s.Region == who.Region && (s.Account == who.Account || slices.ContainsFunc(s.Principals, named)) && !yield(s) {
				return
			}
		}
	}
}

// EndpointServiceZones are the zones in which a service has load balancers and offers them.
func EndpointServiceZones(v cloud.View, s *cloud.EndpointService) []string {
	var zones []string
	for _, id := range s.Balancers {
		b, ok := cloud.LoadBalancers.Get(v, id)
		if !ok {
			continue
		}
		for _, sub := range b.Subnets {
			if r, ok := cloud.Subnets.Get(v, sub); ok && !slices.Contains(zones, r.Zone) && (len(s.Zones) == 0 || slices.Contains(s.Zones, r.Zone)) {
				zones = append(zones, r.Zone)
			}
		}
	}
	slices.Sort(zones)
	return zones
}

// offeredIn checks that the service behind an endpoint has a zone; that of the
// platform has them all.
func offeredIn(v cloud.View, e *cloud.Endpoint, s *cloud.Subnet) error {
	if e.Provider == "" {
		return nil
	}
	p, ok := cloud.EndpointServices.Get(v, e.Provider)
	if ok && slices.Contains(EndpointServiceZones(v, p), s.Zone) {
		return nil
	}
	return cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, string(s.ID), "service-zone", "The VPC endpoint service %s does not support the availability zone of the subnet: %s.", e.Service, s.ID)
}

// connect asks the owner of a service for an endpoint; e must be a copy.
func (c *Control) connect(v cloud.View, e *cloud.Endpoint, service cloud.EndpointServiceID) error {
	if service == "" {
		return nil
	}
	s, ok := cloud.EndpointServices.Get(v, service)
	if !ok {
		return cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, e.Service, "service", "The Vpc Endpoint Service '%s' does not exist", e.Service)
	}
	e.Provider, e.Consent = service, cloud.ConsentGiven
	if s.Acceptance {
		e.Consent = cloud.ConsentPending
	}
	return nil
}
