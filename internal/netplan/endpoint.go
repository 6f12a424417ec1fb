package netplan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// endpoints lists the gateway endpoints, and the interface endpoints with the
// interfaces that work; it takes interfaces that serve none out.
func (c *compiler) endpoints() {
	serves := map[cloud.InterfaceID]cloud.EndpointID{}
	for r := range cloud.Endpoints.By(c.v, "vpc", string(c.vpc.ID)) {
		e := Endpoint{ID: r.ID, Service: r.Service, API: r.API, Source: []cloud.Ref{ref(cloud.KindEndpoint, r.ID)}}
		for _, id := range r.Interfaces {
			if c.serve(r, id, serves) {
				e.ENIs = append(e.ENIs, id)
			}
		}
		if r.Gateway || len(e.ENIs) > 0 {
			slices.Sort(e.ENIs)
			e.Provider, e.Consent, e.Legs = r.Provider, r.Consent, c.legs(r, e.ENIs)
			c.p.Endpoints = append(c.p.Endpoints, e)
		}
	}
	slices.SortFunc(c.p.Endpoints, func(a, b Endpoint) int { return cmp.Compare(a.ID, b.ID) })
	c.p.ENIs = slices.DeleteFunc(c.p.ENIs, func(e ENI) bool {
		_, works := serves[e.ID]
		if e.Attach == AttachEndpoint && !works {
			c.problem(e.Source[0], "network interface %s serves no endpoint", e.ID)
			return true
		}
		return false
	})
}

// serve notes that an interface serves an endpoint, if it can.
func (c *compiler) serve(r *cloud.Endpoint, id cloud.InterfaceID, serves map[cloud.InterfaceID]cloud.EndpointID) bool {
	e := c.p.ENI(id)
	if e == nil || e.Attach != AttachEndpoint || r.Gateway {
		c.problem(ref(cloud.KindEndpoint, r.ID), "endpoint %s: its network interface %q is not in VPC %s", r.ID, id, c.vpc.ID)
		return false
	}
	if other, taken := serves[id]; taken {
		c.problem(ref(cloud.KindEndpoint, r.ID), "endpoint %s: its network interface %s already serves %s", r.ID, id, other)
		return false
	}
	serves[id] = r.ID
	return true
}

// endpointRecords are the names of the interface endpoints: their own, and the
// service's while the endpoint has private DNS and both of the VPC's switches are on.
// https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
func (c *compiler) endpointRecords() []DNSRecord {
	var out []DNSRecord
	taken := map[string]cloud.EndpointID{}
	for _, p := range c.p.Endpoints {
		r, ok := cloud.Endpoints.Get(c.v, p.ID)
		if !ok || r.Gateway {
			continue
		}
		own, all := ownNames(c.v, r, p.ENIs)
		out = append(out, own...)
		if !r.PrivateDNS || !r.Open() || !c.vpc.DNSSupport || !c.vpc.DNSHostnames {
			continue
		}
		for _, name := range r.PrivateNames {
			if other, ok := taken[name]; ok {
				c.problem(p.Source[0], "endpoint %s: the private name %s already leads to %s", r.ID, name, other)
				continue
			}
			taken[name] = r.ID
			out = append(out, DNSRecord{Name: name, Addrs: all, Endpoint: true})
		}
	}
	return out
}

// ownNames are an endpoint's own names, for all its zones and for each, and the
// addresses of its interfaces. Those in failed zones are left out, but for the
// zones' own names, unless no others are left.
func ownNames(v cloud.View, r *cloud.Endpoint, ids []cloud.InterfaceID) (names []DNSRecord, all []netip.Addr) {
	zones := map[string][]netip.Addr{}
	var cut []netip.Addr
	for _, id := range ids {
		i, ok := cloud.Interfaces.Get(v, id)
		if !ok {
			continue
		}
		addrs := slices.Concat(i.Addrs, i.Addrs6)
		if cloud.CutOff(v, id) {
			cut = append(cut, addrs...)
		} else {
			all = append(all, addrs...)
		}
		if s, ok := cloud.Subnets.Get(v, i.Subnet); ok {
			zones[s.Zone] = append(zones[s.Zone], addrs...)
		}
	}
	if len(all) == 0 {
		all = cut
	}
	slices.SortFunc(all, netip.Addr.Compare)
	if r.Name == "" || len(all) == 0 {
		return nil, all
	}
	names = append(names, DNSRecord{Name: r.Name, Addrs: all, Endpoint: true})
	for _, z := range slices.Sorted(maps.Keys(zones)) {
		names = append(names, DNSRecord{Name: r.ZoneName(z), Addrs: zones[z], Endpoint: true})
	}
	return names, all
}

// EndpointAddrs are the addresses of an interface endpoint by one of its own
// names, which resolve everywhere, to private addresses.
func EndpointAddrs(v cloud.View, name string) ([]netip.Addr, bool) {
	for r := range cloud.Endpoints.All(v) {
		if _, domain, ok := strings.Cut(strings.TrimPrefix(r.Name, "*."), "."); !ok || !strings.HasSuffix(name, "."+domain) {
			continue
		}
		names, _ := ownNames(v, r, r.Interfaces)
		if addrs, ok := (DNS{Records: names}).Lookup(name); ok {
			return addrs, true
		}
	}
	return nil, false
}

// Lookup finds a name, in lower case, among the records. A name of its own goes
// before one that stands for many.
func (d DNS) Lookup(name string) ([]netip.Addr, bool) {
	for {
		var addrs []netip.Addr
		found := false
		for _, r := range d.Records {
			if r.Name == name {
				addrs, found = append(addrs, r.Addrs...), true
			}
		}
		parent, ok := wider(name)
		if found || !ok {
			return addrs, found
		}
		name = parent
	}
}

// wider is the next name that would stand for this one: "*.b.c" for "a.b.c" and for "*.a.b.c".
func wider(name string) (string, bool) {
	_, rest, ok := strings.Cut(strings.TrimPrefix(name, "*."), ".")
	return "*." + rest, ok
}
