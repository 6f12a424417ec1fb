package netplan

import (
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// Plan is the network of one VPC: plain, ordered data that the kernel
// reconciler lowers and the analyser reads. Every slice is sorted, so equal
// states give equal plans.
type Plan struct {
	VPC       cloud.VPCID
	Account   string
	Region    string
	Service   bool           // the platform's own network
	CIDRs     []netip.Prefix // IPv4 and IPv6; traffic among them is local
	Routers   []netip.Addr   // the router's own address in each
	Subnets   []Subnet
	Profiles  []Profile
	Tables    []RouteTable
	ACLs      []ACL
	ENIs      []ENI
	Gateway   *InternetGateway
	NATs      []NATGateway
	Endpoints []Endpoint
	Balancers []Balancer
	Peers     []Peer    // active peering connections
	Transits  []Transit // attachments to transit routers
	Flows     []FlowPoint
	DNS       DNS
	Problems  []Problem
}

// Problem is something the plan could not express; what it concerns is closed, not open.
type Problem struct {
	From []cloud.Ref
	Msg  string
}

// Subnet ties addresses to a route table and an ACL. Both are always in the
// plan: a dangling one is there without routes or lines, so that nothing passes.
type Subnet struct {
	ID   cloud.SubnetID
	Zone string
	// Failed: the zone has failed, so nothing passes to or from the interfaces here.
	Failed bool
	CIDR4  netip.Prefix // invalid if none
	CIDR6  netip.Prefix
	Table  cloud.RouteTableID
	ACL    cloud.NetworkACLID
	DNS64  bool // as cloud.Subnet.DNS64
	// Direct is the table of the subnet's addresses that have public ones and leave
	// by these whatever Table says of everything; "" where there are none.
	Direct cloud.RouteTableID
}

// Translation is what a NAT gateway makes of a source: one of Addrs, its own, at random.
type Translation struct {
	Source netip.Prefix
	Addrs  []netip.Addr
	From   []cloud.Ref
}

// Forward is what a NAT gateway makes of packets that come to Addr, its own, from
// outside: they go on to Host.
type Forward struct {
	Addr     netip.Addr
	Protocol int // -1: everything, whatever ports it has
	From, To int // destination ports
	Host     netip.Addr
	Port     int // that From becomes, and so on
	// Own are the addresses of the interface that has Host: what they send is not sent
	// on, as no system takes packets from an own address.
	Own    []netip.Addr
	Source []cloud.Ref
}

// ProfileKey identifies a Profile: its security groups' IDs, sorted, joined by ",".
type ProfileKey string

// NoGroups is the profile of an interface that should have security groups but
// has none: it has no rules, so nothing passes.
const NoGroups ProfileKey = "none"

// Profile is a distinct list of security groups and the union of their rules,
// in order of evaluation: the first that matches decides, behind the last
// everything is denied. (Without Deny rules the order does not matter.)
type Profile struct {
	Key    ProfileKey
	Groups []cloud.SecurityGroupID
	In     []Rule
	Out    []Rule
}

// Rule is one stateful permission or refusal. Of Prefix and Peers exactly one is
// set. Peers match a packet that comes straight from (or goes straight to) an
// interface of that profile with the interface's own address: behind a NAT
// gateway, a forwarding host or the internet gateway the identity is lost.
type Rule struct {
	Action   cloud.Verdict
	Priority int // lower first; 0 where the dialect has none
	Protocol int // -1 is all
	From, To int // ports inclusive (TCP, UDP), or ICMP type and code; -1 is any, always so for other protocols
	Prefix   netip.Prefix
	Peers    []ProfileKey // interfaces that carry the referenced group
	Source   []cloud.Ref  // the group and its rule (Part)
}

// RouteTable is one table's routes, longest prefix first, so the first that
// contains the destination decides; one route per destination. The local routes
// are included.
type RouteTable struct {
	ID     cloud.RouteTableID
	Main   bool
	Routes []Route
}

// Hop is what a route does with a packet.
type Hop string

// Hops.
const (
	HopLocal      Hop = "local"
	HopInternet   Hop = "internet-gateway"
	HopEgressOnly Hop = "egress-only-gateway" // IPv6 out, only replies in
	HopIPv6       Hop = "ipv6-gateway"        // as its rules say
	HopNAT        Hop = "nat-gateway"
	HopENI        Hop = "network-interface"
	HopEndpoint   Hop = "vpc-endpoint"
	HopBlackhole  Hop = "blackhole"
)

// Route sends Dest to Hop; Target is the gateway's or interface's ID (for a
// blackhole, of what is gone).
type Route struct {
	Dest   netip.Prefix
	Hop    Hop
	Target string
	ENI    cloud.InterfaceID // the interface to forward to, for HopNAT and HopENI
	Why    string            // why a blackhole is one
	Source []cloud.Ref
}

// ACL is a stateless filter, lines in order of evaluation.
type ACL struct {
	ID  cloud.NetworkACLID
	In  []ACLEntry
	Out []ACLEntry
}

// ACLEntry is one numbered line; ports and ICMP type and code are -1 for any,
// and always so where the protocol has none.
type ACLEntry struct {
	Number   int
	Action   cloud.Verdict
	Protocol int // -1 is all
	Prefix   netip.Prefix
	From, To int // destination ports
	ICMPType int
	ICMPCode int
	Source   []cloud.Ref
}

// Attach says what stands behind an interface.
type Attach string

// Kinds of attachment.
const (
	// AttachDirect: one namespace is the interface; the instance or host has its addresses.
	AttachDirect Attach = "direct"
	// AttachShared: a namespace of its own translates any number of function
	// instances to the interface's addresses.
	AttachShared Attach = "shared"
	// AttachNAT: a NAT gateway.
	AttachNAT Attach = "nat"
	// AttachEndpoint: an interface endpoint, where a service of the platform answers TCP.
	AttachEndpoint Attach = "endpoint"
)

// Grouped says whether security groups are on such interfaces: they are not on gateways.
func (a Attach) Grouped() bool { return a != AttachNAT && a != AttachTransit }

// ENI is one network interface.
type ENI struct {
	ID      cloud.InterfaceID
	Subnet  cloud.SubnetID
	Attach  Attach
	Addrs   []netip.Addr // private, IPv4 first
	Profile ProfileKey   // "" for NAT gateways and ports of transit routers: no security group
	MAC     string
	// AnySource: source/destination check is off, so it may send from and receive for other addresses.
	AnySource bool
	NAT64     bool // a NAT gateway's, which translates IPv6 too
	// Draining are those of a NAT gateway's addresses that only flows which have them keep.
	Draining []netip.Addr
	// Selective: a NAT gateway's, which translates as Translates says, the first that
	// matches, and nothing else.
	Selective  bool
	Translates []Translation
	Forwards   []Forward // a NAT gateway's
	Source     []cloud.Ref
}

// InternetGateway maps private to public addresses one to one. An IPv4 address
// not in Public has no way out; IPv6 passes unchanged, if ByRule that of Open only.
type InternetGateway struct {
	ID         cloud.InternetGatewayID // "" if there are only gateways for IPv6: then Public is empty
	EgressOnly []cloud.EgressOnlyGatewayID
	IPv6       cloud.IPv6GatewayID // "" for none: then Open is empty
	Public     []PublicAddr
	ByRule     bool
	Open       []OpenAddr
}

// OpenAddr is an IPv6 address that an IPv6 gateway joins to the internet.
type OpenAddr struct {
	Addr    netip.Addr
	Outward bool // nothing opens a connection to it
	Source  []cloud.Ref
}

// open finds what the IPv6 gateway's rules say of an address.
func (g *InternetGateway) open(a netip.Addr) *OpenAddr {
	i, ok := slices.BinarySearchFunc(g.Open, a, func(o OpenAddr, a netip.Addr) int { return o.Addr.Compare(a) })
	if !ok {
		return nil
	}
	return &g.Open[i]
}

// Joins tells whether an IPv6 address of the VPC may have the internet at all.
func (g *InternetGateway) Joins(a netip.Addr) bool {
	return g == nil || !g.ByRule || g.open(a) != nil
}

// Admits tells whether the internet may open connections to an IPv6 address of the
// VPC, where its route table does not say otherwise.
func (g *InternetGateway) Admits(a netip.Addr) bool {
	if !g.ByRule {
		return g.ID != ""
	}
	o := g.open(a)
	return o != nil && !o.Outward
}

// PublicAddr is one 1:1 translation.
type PublicAddr struct {
	Private, Public netip.Addr
	Source          []cloud.Ref
}

// NATGateway translates to the addresses of its ENI: each flow to one, at random.
type NATGateway struct {
	ID      cloud.NATGatewayID
	ENI     cloud.InterfaceID
	Subnet  cloud.SubnetID
	Private bool
	Source  []cloud.Ref
}

// Endpoint is a private way to a service. A gateway endpoint has no interfaces:
// HopEndpoint routes lead to it. An interface endpoint answers at the addresses
// of its interfaces; without any it is not in the plan.
type Endpoint struct {
	ID      cloud.EndpointID
	Service string
	API     string // as cloud.Endpoint.API
	ENIs    []cloud.InterfaceID
	Source  []cloud.Ref
	// Provider is the users' own service behind it, "" if it is the platform's;
	// Legs are then the ways to it, none while its owner does not agree.
	Provider cloud.EndpointServiceID
	Consent  cloud.Consent
	Legs     []Leg
}

// DNS is what the VPC's resolver answers with.
type DNS struct {
	Enabled   bool           // it answers at all
	Resolvers []netip.Addr   // addresses it listens on inside the VPC when Enabled; hosts ask them even when not
	Upstream  []netip.Addr   // resolvers that DHCP options tell hosts to ask instead of the platform's, from inside the VPC
	Search    []string       // domain-name of the DHCP options
	Records   []DNSRecord    // names of the VPC's own hosts
	Reverse   []netip.Prefix // prefixes whose reverse names the resolver owns
	Zones     []DNSZone      // private zones, which stand before the names of wider domains
}

// DNSRecord is a name with its addresses.
type DNSRecord struct {
	Name    string // fully qualified, without the last dot; "*." in front stands for every name below
	Addrs   []netip.Addr
	Reverse bool // it is also what the addresses' reverse names answer
	// Endpoint: the name is an endpoint's, and as if it were a zone by itself.
	Endpoint bool
}
