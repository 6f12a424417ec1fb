package netplan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// AttachBalancer: a load balancer, which takes TCP and passes it on to its targets.
const AttachBalancer Attach = "load-balancer"

// OpenGroups is the profile of interfaces that no security group filters.
const OpenGroups ProfileKey = "open"

// Stages at which a load balancer, or an endpoint of a service of users' own,
// ends a connection that arrived.
const (
	// StageConsent: the service's owner has not accepted the endpoint.
	StageConsent Stage = "endpoint-consent"
	// StageListener: nothing listens on the port.
	StageListener Stage = "listener"
	// StageTargets: the listener has no target to go to from there.
	StageTargets Stage = "targets"
)

// Balancer is a load balancer with the interfaces that work.
type Balancer struct {
	ID        cloud.LoadBalancerID
	ENIs      []cloud.InterfaceID
	CrossZone bool
	// PrivateIn: security groups also judge clients that come through endpoints.
	PrivateIn bool
	Listeners []Listener // by port
	Source    []cloud.Ref
}

// Listener is what a balancer does with connections to a port.
type Listener struct {
	Port          int
	Group         cloud.TargetGroupID
	Targets       []Target
	Health        cloud.TargetCheck
	ProxyProtocol bool
	Source        []cloud.Ref
}

// Target is a place to go to.
type Target struct {
	Addr     netip.Addr
	Port     int
	Zone     string // "" is every zone
	Instance cloud.InstanceID
}

// Listener finds what listens on a port, or nil.
func (b *Balancer) Listener(port int) *Listener {
	for i := range b.Listeners {
		if b.Listeners[i].Port == port {
			return &b.Listeners[i]
		}
	}
	return nil
}

// From are the targets that the balancer goes to from its interface in a zone.
func (b *Balancer) From(zone string, l *Listener) []Target {
	if b.CrossZone {
		return l.Targets
	}
	var out []Target
	for _, t := range l.Targets {
		if t.Zone == zone || t.Zone == "" {
			out = append(out, t)
		}
	}
	return out
}

// BalancerOf finds the balancer that an interface serves, or nil.
func (p *Plan) BalancerOf(id cloud.InterfaceID) *Balancer {
	for i := range p.Balancers {
		if slices.Contains(p.Balancers[i].ENIs, id) {
			return &p.Balancers[i]
		}
	}
	return nil
}

// EndpointOf finds the endpoint that an interface serves, or nil.
func (p *Plan) EndpointOf(id cloud.InterfaceID) *Endpoint {
	for i := range p.Endpoints {
		if slices.Contains(p.Endpoints[i].ENIs, id) {
			return &p.Endpoints[i]
		}
	}
	return nil
}

// Zone is the zone that an interface is in; "" if there is no such interface.
func (p *Plan) Zone(id cloud.InterfaceID) string {
	if e := p.ENI(id); e != nil {
		if s := p.subnet(e.Subnet); s != nil {
			return s.Zone
		}
	}
	return ""
}

// balancers lists the load balancers; it takes interfaces that serve none out.
func (c *compiler) balancers() {
	serves := map[cloud.InterfaceID]bool{}
	for r := range cloud.LoadBalancers.By(c.v, "vpc", string(c.vpc.ID)) {
		b := Balancer{
			ID: r.ID, CrossZone: r.CrossZone, PrivateIn: r.PrivateIn && !r.Open, Listeners: listeners(c.v, r.ID),
			Source: []cloud.Ref{ref(cloud.KindLoadBalancer, r.ID)},
		}
		for _, id := range r.Interfaces {
			e := c.p.ENI(id)
			if e == nil || e.Attach != AttachBalancer || serves[id] {
				c.problem(b.Source[0], "load balancer %s: its network interface %q is not its own in VPC %s", r.ID, id, c.vpc.ID)
				continue
			}
			serves[id] = true
			if r.Open && e.Profile == NoGroups {
				e.Profile = OpenGroups
			}
			b.ENIs = append(b.ENIs, id)
		}
		if len(b.ENIs) > 0 {
			slices.Sort(b.ENIs)
			c.p.Balancers = append(c.p.Balancers, b)
		}
	}
	slices.SortFunc(c.p.Balancers, func(a, b Balancer) int { return cmp.Compare(a.ID, b.ID) })
	c.p.ENIs = slices.DeleteFunc(c.p.ENIs, func(e ENI) bool {
		if e.Attach == AttachBalancer && !serves[e.ID] {
			c.problem(e.Source[0], "network interface %s serves no load balancer", e.ID)
			return true
		}
		return false
	})
}

// listeners are a balancer's, with the targets that are in.
func listeners(v cloud.View, id cloud.LoadBalancerID) []Listener {
	var out []Listener
	for r := range cloud.Listeners.By(v, "balancer", string(id)) {
		l := Listener{Port: r.Port, Group: r.Group, Source: []cloud.Ref{ref(cloud.KindListener, r.ID), ref(cloud.KindTargetGroup, r.Group)}}
		if g, ok := cloud.TargetGroups.Get(v, r.Group); ok {
			l.Health, l.ProxyProtocol, l.Targets = g.Health, g.ProxyProtocol, targets(v, g)
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Listener) int { return cmp.Compare(a.Port, b.Port) })
	return out
}

func targets(v cloud.View, g *cloud.TargetGroup) []Target {
	var out []Target
	for _, t := range g.Targets {
		if !t.Until.IsZero() {
			continue
		}
		at, ok := TargetAt(v, g.VPC, t)
		if ok {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b Target) int { return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Port, b.Port)) })
	return out
}

// TargetAt finds where a target of a VPC's group is; ok is false if it is gone.
func TargetAt(v cloud.View, vpc cloud.VPCID, t cloud.Target) (at Target, ok bool) {
	at = Target{Addr: t.Addr, Port: t.Port, Instance: t.Instance}
	if t.Instance != "" {
		i, ok := cloud.Instances.Get(v, t.Instance)
		if !ok || i.Interface == "" {
			return at, false
		}
		at.Addr = i.Addr
	}
	if t.AnyZone {
		return at, true
	}
	for s := range cloud.Subnets.By(v, "vpc", string(vpc)) {
		if s.CIDR.Contains(at.Addr) {
			at.Zone = s.Zone
			return at, true
		}
	}
	return at, false // its subnet is gone
}

// openProfile lets everything pass, on behalf of the balancers whose owners
// chose no security group.
func (c *compiler) openProfile() Profile {
	p := Profile{Key: OpenGroups}
	var from []cloud.Ref
	for _, b := range c.p.Balancers {
		if e := c.p.ENI(b.ENIs[0]); e != nil && e.Profile == OpenGroups {
			from = b.Source
		}
	}
	for _, all := range anywhere {
		p.In = append(p.In, Rule{Action: cloud.Allow, Protocol: protoAll, From: -1, To: -1, Prefix: all, Source: from})
	}
	p.Out = p.In
	return p
}

// Leg is the way from an endpoint's interface to a balancer of the service's owner.
type Leg struct {
	ENI      cloud.InterfaceID // of the endpoint
	Port     int
	VPC      cloud.VPCID // of the balancer
	Balancer cloud.LoadBalancerID
	To       cloud.InterfaceID // of the balancer, in the zone of ENI
}

// legs are the ways from an endpoint to its service's balancers: in each zone the
// first balancer that has an interface there and listens on the port.
func (c *compiler) legs(r *cloud.Endpoint, enis []cloud.InterfaceID) []Leg {
	s, ok := cloud.EndpointServices.Get(c.v, r.Provider)
	if !ok || !r.Open() {
		return nil
	}
	var out []Leg
	for _, id := range enis {
		taken := map[int]bool{}
		for _, lb := range s.Balancers {
			b, ok := cloud.LoadBalancers.Get(c.v, lb)
			if !ok {
				continue
			}
			to := balancerIn(c.v, b, c.p.Zone(id))
			for l := range cloud.Listeners.By(c.v, "balancer", string(lb)) {
				if to != "" && !taken[l.Port] {
					taken[l.Port] = true
					out = append(out, Leg{ENI: id, Port: l.Port, VPC: b.VPC, Balancer: lb, To: to})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Leg) int { return cmp.Or(cmp.Compare(a.ENI, b.ENI), cmp.Compare(a.Port, b.Port)) })
	return out
}

// balancerIn is a balancer's interface in a zone; "" if it has none there.
func balancerIn(v cloud.View, b *cloud.LoadBalancer, zone string) cloud.InterfaceID {
	for _, id := range b.Interfaces {
		if i, ok := cloud.Interfaces.Get(v, id); ok {
			if s, ok := cloud.Subnets.Get(v, i.Subnet); ok && s.Zone == zone {
				return id
			}
		}
	}
	return ""
}

// Leg finds the way from an endpoint's interface on a port, or nil.
func (e *Endpoint) Leg(id cloud.InterfaceID, port int) *Leg {
	for i := range e.Legs {
		if e.Legs[i].ENI == id && e.Legs[i].Port == port {
			return &e.Legs[i]
		}
	}
	return nil
}

// BalancerAddrs are the addresses of a load balancer by its name or that in one
// zone, which resolve everywhere.
func BalancerAddrs(v cloud.View, name string) ([]netip.Addr, bool) {
	for b := range cloud.LoadBalancers.All(v) {
		domain := strings.ToLower(b.Domain)
		zone, ok := strings.CutSuffix(name, "."+domain)
		if !ok && name != domain {
			continue
		}
		var out []netip.Addr
		for _, id := range b.Interfaces {
			i, ok := cloud.Interfaces.Get(v, id)
			if !ok {
				continue
			}
			if s, ok := cloud.Subnets.Get(v, i.Subnet); name == domain || ok && s.Zone == zone {
				out = append(out, faceAddrs(v, b, i)...)
			}
		}
		return out, name == domain || len(out) > 0
	}
	return nil, false
}

// faceAddrs are the addresses that a balancer's interface is reached at: its
// public one if the balancer is public.
func faceAddrs(v cloud.View, b *cloud.LoadBalancer, i *cloud.Interface) []netip.Addr {
	if !b.Public {
		return i.Addrs
	}
	for e := range cloud.ElasticIPs.By(v, "interface", string(i.ID)) {
		return []netip.Addr{e.Addr}
	}
	if i.PublicIP.IsValid() {
		return []netip.Addr{i.PublicIP}
	}
	return nil
}
