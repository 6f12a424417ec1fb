package netplan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// HopTransit leads to a transit router, by the port in the sender's zone.
const HopTransit Hop = "transit-router"

// AttachTransit: a port of a transit router; nothing has its addresses.
const AttachTransit Attach = "transit"

// Stages at a transit router.
const (
	// StageTransitZone: the attachment has no port in the sender's zone, or none
	// for this IP version.
	StageTransitZone Stage = "transit-zone"
	// StageTransitNoTable: the attachment is associated with no route table.
	StageTransitNoTable Stage = "transit-no-table"
	// StageTransitNoRoute: that table has no route.
	StageTransitNoRoute Stage = "transit-no-route"
	// StageTransitBlackhole: the route leads nowhere.
	StageTransitBlackhole Stage = "transit-blackhole"
)

// Transit is the VPC's attachment to a transit router.
type Transit struct {
	ID     cloud.TransitAttachmentID
	Router cloud.TransitRouterID
	Ports  []TransitPort // one in each zone that is joined, by zone
	// Table routes what comes from here; "" is none.
	Table cloud.TransitTableID
	// Routes are what becomes of it, across transit routers joined to this one:
	// longest prefix first, one per destination.
	Routes []TransitRoute
	Source []cloud.Ref
}

// TransitPort is an interface by which packets go to the transit router and come from it.
type TransitPort struct {
	TransitEnd
	// In is what the transit router sends here, by the port it comes from.
	In []TransitIn
}

// TransitEnd names a port.
type TransitEnd struct {
	ENI  cloud.InterfaceID
	Zone string
}

// TransitIn is another VPC's port, and the destinations that lead here from it.
type TransitIn struct {
	ENI   cloud.InterfaceID
	VPC   cloud.VPCID
	Dests []netip.Prefix
}

// TransitRoute sends Dest to a VPC's attachment, or drops it.
type TransitRoute struct {
	Dest       netip.Prefix
	VPC        cloud.VPCID // "" if it is dropped
	Attachment cloud.TransitAttachmentID
	Ports      []TransitEnd // of that attachment
	OneZone    bool         // as cloud.TransitAttachment.OneZone
	Stage      Stage        // at which it is dropped
	Why        string
	Source     []cloud.Ref // the tables' routes on the way
}

// Port is where packets from a zone enter the other VPC: in that zone if there
// is a port.
// https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-az-overview
func (r *TransitRoute) Port(zone string) cloud.InterfaceID {
	if r.OneZone {
		return r.Ports[0].ENI
	}
	return portIn(r.Ports, zone)
}

func portIn(ports []TransitEnd, zone string) cloud.InterfaceID {
	for _, p := range ports {
		if p.Zone == zone {
			return p.ENI
		}
	}
	return ports[0].ENI
}

// Transit finds the VPC's attachment to a transit router, or nil.
func (p *Plan) Transit(router cloud.TransitRouterID) *Transit {
	for i := range p.Transits {
		if p.Transits[i].Router == router {
			return &p.Transits[i]
		}
	}
	return nil
}

// Port finds the port in a zone, or nil.
func (t *Transit) Port(zone string) *TransitPort {
	for i := range t.Ports {
		if t.Ports[i].Zone == zone {
			return &t.Ports[i]
		}
	}
	return nil
}

// Lookup is the route that the transit router takes, or nil.
func (t *Transit) Lookup(dst netip.Addr) *TransitRoute {
	for i := range t.Routes {
		if t.Routes[i].Dest.Contains(dst) {
			return &t.Routes[i]
		}
	}
	return nil
}

// ports lists the VPC's attachments that work, with their ports, and takes the
// interfaces of others out.
func (c *compiler) ports() {
	serves := map[cloud.InterfaceID]bool{}
	for a := range cloud.TransitAttachments.By(c.v, "vpc", string(c.vpc.ID)) {
		if !works(c.v, a) {
			continue
		}
		from := ref(cloud.KindTransitAttachment, a.ID)
		if c.p.Transit(a.Router) != nil {
			c.problem(from, "attachment %s: VPC %s is already attached to transit router %s", a.ID, c.vpc.ID, a.Router)
			continue
		}
		t := Transit{ID: a.ID, Router: a.Router, Source: []cloud.Ref{from}}
		for _, end := range ends(c.v, a) {
			if e := c.p.ENI(end.ENI); e != nil && e.Attach == AttachTransit && !serves[e.ID] {
				serves[e.ID] = true
				t.Ports = append(t.Ports, TransitPort{TransitEnd: end})
			}
		}
		if len(t.Ports) == 0 {
			c.problem(from, "attachment %s has no network interface in VPC %s", a.ID, c.vpc.ID)
			continue
		}
		c.p.Transits = append(c.p.Transits, t)
	}
	slices.SortFunc(c.p.Transits, func(a, b Transit) int { return cmp.Compare(a.ID, b.ID) })
	c.p.ENIs = slices.DeleteFunc(c.p.ENIs, func(e ENI) bool {
		if e.Attach == AttachTransit && !serves[e.ID] {
			c.problem(e.Source[0], "network interface %s serves no attachment to a transit router", e.ID)
			return true
		}
		return false
	})
}

// works reports whether an attachment carries packets.
func works(v cloud.View, a *cloud.TransitAttachment) bool {
	r, ok := cloud.TransitRouters.Get(v, a.Router)
	if !ok || !r.Deleted.IsZero() || a.State != cloud.TransitAvailable {
		return false
	}
	if a.Peer != nil {
		r, ok = cloud.TransitRouters.Get(v, a.Peer.Router)
		return ok && r.Deleted.IsZero()
	}
	return true
}

// ends are the ports of a VPC's attachment, by zone.
func ends(v cloud.View, a *cloud.TransitAttachment) (out []TransitEnd) {
	for _, id := range a.Interfaces {
		i, ok := cloud.Interfaces.Get(v, id)
		if !ok || i.VPC != a.VPC || i.Use != cloud.UseTransit {
			continue
		}
		s, ok := cloud.Subnets.Get(v, i.Subnet)
		if ok && !slices.ContainsFunc(out, func(e TransitEnd) bool { return e.Zone == s.Zone }) {
			out = append(out, TransitEnd{i.ID, s.Zone})
		}
	}
	slices.SortFunc(out, func(a, b TransitEnd) int { return cmp.Compare(a.Zone, b.Zone) })
	return out
}

// transitHop resolves a route to a transit router.
func (c *compiler) transitHop(id string) (hop Hop, why string) {
	if c.p.Transit(cloud.TransitRouterID(id)) == nil {
		return "", fmt.Sprintf("VPC %s is not attached to transit router %s", c.vpc.ID, id)
	}
	return HopTransit, ""
}

// transits gives the VPC's attachments their routes, and what leads to them.
func (c *compiler) transits() {
	if len(c.p.Transits) == 0 {
		return
	}
	m := newMesh(c.v)
	for i := range c.p.Transits {
		t := &c.p.Transits[i]
		t.Table, t.Routes = m.from(t.Router, t.ID)
		for _, other := range m.around(t.Router) {
			if other.ID != t.ID {
				_, routes := m.from(other.Router, other.ID)
				t.leads(m, other, routes)
			}
		}
	}
}

// leads notes which of another attachment's routes lead to which port of this one.
func (t *Transit) leads(m *mesh, other *cloud.TransitAttachment, routes []TransitRoute) {
	for _, end := range m.ends(other) {
		in := map[cloud.InterfaceID]*TransitIn{}
		for _, r := range routes {
			if r.Attachment != t.ID {
				continue
			}
			at := r.Port(end.Zone)
			if in[at] == nil {
				in[at] = &TransitIn{ENI: end.ENI, VPC: other.VPC}
			}
			in[at].Dests = append(in[at].Dests, r.Dest)
		}
		for i := range t.Ports {
			if p := &t.Ports[i]; in[p.ENI] != nil {
				p.In = append(p.In, *in[p.ENI])
			}
		}
	}
}

// transitRecords are the public names of hosts in VPCs on the same transit
// routers, where both attachments and the transit router have them resolve to
// private addresses; both VPCs need both DNS attributes.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html#vpc-attachment-dns
func (c *compiler) transitRecords(taken []DNSRecord) (out []DNSRecord) {
	seen := map[string]bool{}
	for _, r := range taken {
		seen[r.Name] = true
	}
	for _, t := range c.p.Transits {
		own, _ := cloud.TransitAttachments.Get(c.v, t.ID)
		router, _ := cloud.TransitRouters.Get(c.v, t.Router)
		if !own.RemoteNames || !router.RemoteNames || !named(c.vpc) {
			continue
		}
		for a := range cloud.TransitAttachments.By(c.v, "router", string(t.Router)) {
			if a.VPC == "" || a.VPC == c.vpc.ID || !a.RemoteNames || !works(c.v, a) {
				continue
			}
			far := half(c.v, a.VPC)
			if far == nil || !named(far.vpc) {
				continue
			}
			for _, r := range far.publicRecords() {
				if !seen[r.Name] {
					seen[r.Name] = true
					out = append(out, r)
				}
			}
		}
	}
	return out
}

// publicRecords are the public names of the VPC's hosts, with their private addresses.
func (c *compiler) publicRecords() (out []DNSRecord) {
	c.gateways()
	if c.p.Gateway == nil {
		return nil
	}
	for _, p := range c.p.Gateway.Public {
		if name := hostName(c.vpc.PublicNames, p.Public); name != "" {
			out = append(out, DNSRecord{Name: name, Addrs: []netip.Addr{p.Private}})
		}
	}
	return out
}
