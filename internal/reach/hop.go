package reach

import (
	"cmp"
	"net/netip"
	"slices"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Hop is a resource that a packet passes.
type Hop struct {
	Resource cloud.Ref
	Note     string
	Role     Role
	// Leg counts the passages through the VPC's router, from 1.
	Leg int
	// VPC is where.
	VPC cloud.VPCID
	// What the packet met there, if the role has it.
	Route *netplan.Route
	Rule  *netplan.Rule
	Line  *netplan.ACLEntry
	ENI   *netplan.ENI
	// In is the packet as it arrived, Out as it went on; both are set where
	// they are of interest: at interfaces and gateways.
	In, Out Header
}

// Role is what a resource did for the packet.
type Role string

// Roles, in the order in which a packet meets them on one leg.
const (
	RoleSource   Role = "source"    // an interface sends
	RoleGroupOut Role = "group-out" // a security group lets it
	RoleACLOut   Role = "acl-out"   // the subnet's network ACL lets it leave
	RoleRoute    Role = "route"
	RoleGateway  Role = "gateway" // an internet, egress-only or endpoint gateway, or the resolver
	RoleACLIn    Role = "acl-in"
	RoleGroupIn  Role = "group-in"
	RoleTarget   Role = "target"  // an interface receives
	RoleNAT      Role = "nat"     // the NAT gateway behind that interface sends it on
	RoleTransit  Role = "transit" // the transit router behind that interface, and the attachments on either side
)

var roleOrder = []Role{RoleSource, RoleGroupOut, RoleACLOut, RoleRoute, RoleGateway, RoleACLIn, RoleGroupIn, RoleTarget, RoleNAT, RoleTransit}

// InOrder returns the hops of a path as the packet travels. (A path itself has
// them in the order in which they are decided.)
func InOrder(path []Hop) []Hop {
	return slices.SortedStableFunc(slices.Values(path), func(a, b Hop) int {
		return cmp.Or(cmp.Compare(a.Leg, b.Leg), cmp.Compare(slices.Index(roleOrder, a.Role), slices.Index(roleOrder, b.Role)))
	})
}

// Header is what routers and filters see of a packet. Ports are ranges, ends
// included, where the sender may choose; for ICMP they are 0.
type Header struct {
	Protocol                      int
	Source, Destination           netip.Addr
	SourcePorts, DestinationPorts [2]int
}

// Valid reports whether the header is set.
func (h Header) Valid() bool { return h.Source.IsValid() }

func (p packet) header() Header {
	return Header{
		Protocol: p.proto, Source: p.src, Destination: p.dst,
		SourcePorts: [2]int{p.sport.lo, p.sport.hi}, DestinationPorts: [2]int{p.dport.lo, p.dport.hi},
	}
}

// hop notes a resource that the packet passed; note is called for full answers only.
func (w *walk) hop(h Hop, note func() string) {
	if w.terse {
		return
	}
	h.Leg, h.VPC = w.leg, w.p.VPC
	if note != nil {
		h.Note = note()
	}
	if w.answering {
		w.reply = append(w.reply, h)
	} else {
		w.path = append(w.path, h)
	}
}

// at notes an interface that sends or receives.
func (w *walk) at(e *netplan.ENI, role Role, pkt packet, note func() string) {
	if w.terse {
		return
	}
	h := Hop{Resource: eniRef(e), Role: role, ENI: e}
	if role == RoleSource {
		h.Out = pkt.header()
	} else {
		h.In = pkt.header()
	}
	w.hop(h, note)
}

// through notes a gateway that turned one packet into another, or let it be.
func (w *walk) through(r cloud.Ref, role Role, in, out packet, note func() string) {
	if w.terse {
		return
	}
	w.hop(Hop{Resource: r, Role: role, In: in.header(), Out: out.header()}, note)
}

// routed notes the route that a packet takes.
func (w *walk) routed(r *netplan.Route) {
	if w.terse {
		return
	}
	w.hop(Hop{Resource: r.Source[0], Role: RoleRoute, Route: r}, func() string { return "leads to " + hopName(r) })
}

// mirror notes that the answer passes what the flow passed in that role on a leg.
func (w *walk) mirror(leg int, role Role) {
	if w.terse {
		return
	}
	for _, h := range w.path {
		if h.Leg == leg && h.Role == role {
			w.hop(Hop{Resource: h.Resource, Role: role, In: h.Out.answer(), Out: h.In.answer()}, func() string { return "takes the answer back" })
		}
	}
}

func (h Header) answer() Header {
	h.Source, h.Destination = h.Destination, h.Source
	h.SourcePorts, h.DestinationPorts = h.DestinationPorts, h.SourcePorts
	return h
}
