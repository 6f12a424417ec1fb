package cloud

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Typed IDs. Each is unique over accounts and regions.
type (
	VPCID               string
	SubnetID            string
	RouteTableID        string
	InternetGatewayID   string
	EgressOnlyGatewayID string
	IPv6GatewayID       string
	IPv6RuleID          string
	NATGatewayID        string
	AllocationID        string
	SecurityGroupID     string
	NetworkACLID        string
	InterfaceID         string
	DHCPOptionsID       string
	PrefixListID        string
	EndpointID          string
)

// VPC is a virtual private cloud.
type VPC struct {
	Meta
	ID           VPCID
	CIDRs        []CIDRAssociation // IPv4, primary first
	CIDRs6       []CIDRAssociation
	DHCPOptions  DHCPOptionsID // "" is "default": the provider's resolver
	DNSSupport   bool          // names resolve at all
	DNSHostnames bool          // addresses get names
	// PrivateNames and PublicNames are the dialect's patterns for host names;
	// "*" stands for the IPv4 address with dashes, as in "ip-*.example". "" is no names.
	PrivateNames string
	PublicNames  string
	Default      bool
	// Service marks the platform's own network, in which functions without a
	// VPC run. APIs never show it.
	Service bool
	// DirectPublic: an address that has a public one leaves by it without a gateway
	// or a route, before what the route for everything says. Narrower routes go first.
	DirectPublic bool
	// IPv6ByRule: IPv6 addresses have the internet one by one, as the rules of an IPv6
	// gateway say, whatever gateway a route leads to.
	IPv6ByRule bool
	// SubnetRoutes: the local routes of its tables are its subnets' blocks, not its own.
	SubnetRoutes bool
	// Services is a block outside the VPC where the platform's internal services
	// answer, in every subnet; invalid for none.
	Services netip.Prefix
	// Resolvers are addresses in Services at which the VPC's resolver answers too;
	// hosts ask these. Without any they ask the second address of the first block.
	Resolvers []netip.Addr
}

// CIDRAssociation is one address block of a VPC or subnet.
type CIDRAssociation struct {
	ID     string
	Prefix netip.Prefix
}

// Subnet is a part of a VPC in one zone.
type Subnet struct {
	Meta
	ID            SubnetID
	VPC           VPCID
	Zone          string // zone name, such as us-east-1a
	CIDR          netip.Prefix
	CIDRs6        []CIDRAssociation
	NetworkACL    NetworkACLID
	ACLAssoc      string // id of the association with NetworkACL
	MapPublicIP   bool
	AssignIPv6    bool
	DNS64         bool      // its hosts get IPv6 addresses, below 64:ff9b::/96, for names that have none
	Default       bool      // the zone's default subnet
	Names         HostNames // of instances that are launched in it
	ReservedFirst int       // addresses kept back at the start (dialect's rule)
	ReservedLast  int
}

// RouteTable routes what leaves the subnets associated with it.
type RouteTable struct {
	Meta
	ID           RouteTableID
	VPC          VPCID
	Main         bool
	MainAssoc    string // association id of the main association, if Main
	Associations []RouteTableAssociation
	Routes       []Route // without the implicit local routes
}

// RouteTableAssociation ties a subnet (or gateway) to its table.
type RouteTableAssociation struct {
	ID     string
	Subnet SubnetID
}

// Route sends one destination to one target.
type Route struct {
	Dest       netip.Prefix // invalid if PrefixList is set
	PrefixList PrefixListID
	Target     RouteTarget
	// Attrs are what only one dialect's API echoes back, as in Meta.
	Attrs map[string]string
}

// TargetKind is what a route points to.
type TargetKind string

// Route targets.
const (
	TargetInternetGateway   TargetKind = "internet-gateway"
	TargetEgressOnlyGateway TargetKind = "egress-only-gateway"
	TargetIPv6Gateway       TargetKind = "ipv6-gateway"
	TargetNATGateway        TargetKind = "nat-gateway"
	TargetInterface         TargetKind = "network-interface"
	TargetEndpoint          TargetKind = "vpc-endpoint"
	TargetPeering           TargetKind = "peering"
	TargetTransit           TargetKind = "transit-router"
	TargetBlackhole         TargetKind = "blackhole"
)

// RouteTarget names the thing a route points to; it may be gone (then the route is a blackhole).
type RouteTarget struct {
	Kind TargetKind
	ID   string
}

// InternetGateway joins a VPC to the internet, one to one with public addresses.
type InternetGateway struct {
	Meta
	ID      InternetGatewayID
	VPC     VPCID // "" while detached
	Dormant bool  // it is of the VPC, but does nothing
}

// EgressOnlyGateway lets IPv6 out and only replies in.
type EgressOnlyGateway struct {
	Meta
	ID  EgressOnlyGatewayID
	VPC VPCID
}

// IPv6Gateway joins single IPv6 addresses of its VPC to the internet, as its rules say.
type IPv6Gateway struct {
	Meta
	ID  IPv6GatewayID
	VPC VPCID
}

// IPv6Rule says how an IPv6 gateway treats an address, as long as an interface has it.
type IPv6Rule struct {
	Meta
	ID        IPv6RuleID
	Gateway   IPv6GatewayID
	VPC       VPCID
	Interface InterfaceID
	Addr      netip.Addr
	// Outward: nothing may open a connection to the address; otherwise the rule joins
	// it to the internet, both ways.
	Outward bool
}

// NATGateway translates a subnet's hosts to its own address.
type NATGateway struct {
	Meta
	ID        NATGatewayID
	VPC       VPCID
	Subnet    SubnetID
	Private   bool        // private NAT: no public address
	Interface InterfaceID // its own interface in Subnet; its addresses are the translated source
	ReadyAt   time.Time   // pending until then
	Deleted   time.Time   // zero while it exists; shown as deleted for a while, then dropped
	Failure   string      // set when creation failed
	// Selective: only what Rules name is translated, the narrowest source first;
	// nothing else passes. Otherwise everything is, to all of its addresses.
	Selective bool
	Rules     []NATRule
	Forwards  []NATForward
	Own       []NATAddress // what rules and forwards of a Private one use, the first made with it
	// Draining are addresses of it that no new flow gets, until they are taken away.
	Draining []NATDrain
}

// NATDrain is an address that a NAT gateway has until its flows have had time to end.
type NATDrain struct {
	Private netip.Addr
	Until   time.Time
}

// Drains reports whether an address of the gateway is about to go.
func (g *NATGateway) Drains(a netip.Addr) bool {
	return slices.ContainsFunc(g.Draining, func(d NATDrain) bool { return d.Private == a })
}

// NATAddress is a private address of a NAT gateway's interface.
type NATAddress struct {
	ID                AllocationID // by which rules name it, as they do elastic IPs
	Addr              netip.Addr
	Name, Description string
}

// Address finds the private address of its interface that a gateway's rules name:
// one of its own, or that of an elastic IP.
func (g *NATGateway) Address(v View, id AllocationID) (netip.Addr, bool) {
	for _, a := range g.Own {
		if a.ID == id {
			return a.Addr, true
		}
	}
	if e, ok := ElasticIPs.Get(v, id); ok && e.Interface == g.Interface {
		return e.Private, true
	}
	return netip.Addr{}, false
}

// NATRule has a NAT gateway translate a source to addresses of its own.
type NATRule struct {
	ID        string
	Name      string
	Subnet    SubnetID       // or
	Source    netip.Prefix   // invalid if Subnet is set
	Addresses []AllocationID // as in NATGateway.Address
}

// NATForward has a NAT gateway send on, to a host of its VPC, what comes to one of
// its addresses from outside. One for everything also has the host leave by that
// address, before what Rules say.
type NATForward struct {
	ID       string
	Name     string
	Address  AllocationID
	Protocol int        // 6 or 17, with ports; -1 is everything, without
	From, To int        // destination ports
	Host     netip.Addr // who gets it
	Port     int        // that From becomes there, and so on up to To
}

// All tells whether everything is sent on, to which ports do not matter.
func (f *NATForward) All() bool { return f.Protocol < 0 }

// ElasticIP is a public address that an account holds.
type ElasticIP struct {
	Meta
	ID        AllocationID
	Addr      netip.Addr
	AssocID   string      // "" while not associated
	Interface InterfaceID // it is associated with
	Private   netip.Addr  // the private address of Interface it maps to
}

// InterfaceUse tells the kinds of network interface apart.
type InterfaceUse string

// Uses of an interface.
const (
	UseHost     InterfaceUse = "host"     // created by the user, or an instance's own
	UseFunction InterfaceUse = "function" // carries function instances, shared
	UseNAT      InterfaceUse = "nat"      // a NAT gateway's
	UseEndpoint InterfaceUse = "endpoint" // an interface endpoint's
	UseTransit  InterfaceUse = "transit"  // an attachment's to a transit router
)

// Interface is an elastic network interface: addresses in a subnet behind security groups.
type Interface struct {
	Meta
	ID              InterfaceID
	VPC             VPCID
	Subnet          SubnetID
	Use             InterfaceUse
	Addrs           []netip.Addr // private IPv4, primary first
	Addrs6          []netip.Addr
	MAC             string
	SecurityGroups  []SecurityGroupID
	Description     string
	SourceDestCheck bool
	PublicIP        netip.Addr // auto-assigned public address of the primary address, if any
	Attachment      *InterfaceAttachment
	// Managed names the service that made it and keeps users from deleting it ("" if the user did).
	Managed string
	// Hostname is a name of its own in the VPC's DNS, below HostDomain; "" for none.
	Hostname string
	// Owner is the function network or gateway it serves, for Managed ones.
	Owner string
}

// Primary is the interface's first address: IPv4, if it has one. Interfaces in
// subnets of IPv6 alone have none.
func (i *Interface) Primary() netip.Addr {
	for _, as := range [][]netip.Addr{i.Addrs, i.Addrs6} {
		if len(as) > 0 {
			return as[0]
		}
	}
	return netip.Addr{}
}

// HostDomain is the domain of hosts' own names, the same in every VPC.
const HostDomain = "weir.internal"

// InterfaceAttachment says what an interface is attached to.
type InterfaceAttachment struct {
	ID                  string
	Instance            string
	Device              int
	At                  time.Time
	DeleteOnTermination bool
}

// DHCPOptions configures the hosts of a VPC.
type DHCPOptions struct {
	Meta
	ID      DHCPOptionsID
	Options map[string][]string // domain-name, domain-name-servers, ntp-servers, …
}

// PrefixList is a named list of prefixes; the platform's own have Account "".
type PrefixList struct {
	Meta
	ID         PrefixListID
	Name       string
	IPv6       bool
	MaxEntries int
	Version    int64
	Entries    []PrefixListEntry
	History    map[int64][]PrefixListEntry
}

// PrefixListEntry is one prefix of a list.
type PrefixListEntry struct {
	Prefix      netip.Prefix
	Description string
}

// Endpoint gives a VPC a private way to a service.
type Endpoint struct {
	Meta
	ID          EndpointID
	VPC         VPCID
	Gateway     bool // by route table; otherwise by interfaces
	Service     string
	RouteTables []RouteTableID
	Subnets     []SubnetID
	Interfaces  []InterfaceID
	Groups      []SecurityGroupID
	Policy      string // policy document; "" allows all
	// API is what answers behind it, as requests for it are signed: "lambda".
	API string
	// Name is an interface endpoint's own in DNS; ZoneName gives those of its zones.
	Name string
	// PrivateNames are the service's public names, which PrivateDNS has lead to
	// the endpoint inside the VPC. One that begins with "*." stands for all below it.
	PrivateNames []string
	PrivateDNS   bool
	DualStack    bool      // its interfaces have IPv6 addresses too
	ReadyAt      time.Time // pending until then
	// Provider is the endpoint service behind it, Consent what its owner says; "" is the platform's own.
	Provider EndpointServiceID
	Consent  Consent
}

// ZoneName is the endpoint's own name in one zone: the first label that is no
// "*" has the zone behind it.
func (e *Endpoint) ZoneName(zone string) string {
	rest, wild := strings.CutPrefix(e.Name, "*.")
	label, domain, _ := strings.Cut(rest, ".")
	name := label + "-" + zone + "." + domain
	if wild {
		name = "*." + name
	}
	return name
}

// Network tables.
var (
	VPCs               = newTable("vpc", func(r *VPC) VPCID { return r.ID }, index[VPC]{"scope": func(r *VPC) []string { return one(r.Scope()) }})
	Subnets            = newTable("subnet", func(r *Subnet) SubnetID { return r.ID }, index[Subnet]{"scope": func(r *Subnet) []string { return one(r.Scope()) }, "vpc": func(r *Subnet) []string { return one(r.VPC) }, "acl": func(r *Subnet) []string { return one(r.NetworkACL) }})
	RouteTables        = newTable("route-table", func(r *RouteTable) RouteTableID { return r.ID }, index[RouteTable]{"scope": func(r *RouteTable) []string { return one(r.Scope()) }, "vpc": func(r *RouteTable) []string { return one(r.VPC) }})
	InternetGateways   = newTable("internet-gateway", func(r *InternetGateway) InternetGatewayID { return r.ID }, index[InternetGateway]{"scope": func(r *InternetGateway) []string { return one(r.Scope()) }, "vpc": func(r *InternetGateway) []string { return one(r.VPC) }})
	EgressOnlyGateways = newTable("egress-only-gateway", func(r *EgressOnlyGateway) EgressOnlyGatewayID { return r.ID }, index[EgressOnlyGateway]{"scope": func(r *EgressOnlyGateway) []string { return one(r.Scope()) }, "vpc": func(r *EgressOnlyGateway) []string { return one(r.VPC) }})
	IPv6Gateways       = newTable("ipv6-gateway", func(r *IPv6Gateway) IPv6GatewayID { return r.ID }, index[IPv6Gateway]{"scope": func(r *IPv6Gateway) []string { return one(r.Scope()) }, "vpc": func(r *IPv6Gateway) []string { return one(r.VPC) }})
	IPv6Rules          = newTable("ipv6-rule", func(r *IPv6Rule) IPv6RuleID { return r.ID }, index[IPv6Rule]{"scope": func(r *IPv6Rule) []string { return one(r.Scope()) }, "gateway": func(r *IPv6Rule) []string { return one(r.Gateway) }, "interface": func(r *IPv6Rule) []string { return one(r.Interface) }})
	NATGateways        = newTable("nat-gateway", func(r *NATGateway) NATGatewayID { return r.ID }, index[NATGateway]{"scope": func(r *NATGateway) []string { return one(r.Scope()) }, "vpc": func(r *NATGateway) []string { return one(r.VPC) }, "subnet": func(r *NATGateway) []string { return one(r.Subnet) },
		"draining": func(r *NATGateway) []string { return which(len(r.Draining) > 0) }})
	ElasticIPs     = newTable("elastic-ip", func(r *ElasticIP) AllocationID { return r.ID }, index[ElasticIP]{"scope": func(r *ElasticIP) []string { return one(r.Scope()) }, "interface": func(r *ElasticIP) []string { return one(r.Interface) }, "addr": func(r *ElasticIP) []string { return one(r.Addr.String()) }})
	SecurityGroups = newTable("security-group", func(r *SecurityGroup) SecurityGroupID { return r.ID }, index[SecurityGroup]{"scope": func(r *SecurityGroup) []string { return one(r.Scope()) }, "vpc": func(r *SecurityGroup) []string { return one(r.VPC) }})
	NetworkACLs    = newTable("network-acl", func(r *NetworkACL) NetworkACLID { return r.ID }, index[NetworkACL]{"scope": func(r *NetworkACL) []string { return one(r.Scope()) }, "vpc": func(r *NetworkACL) []string { return one(r.VPC) }})
	Interfaces     = newTable("interface", func(r *Interface) InterfaceID { return r.ID }, index[Interface]{"scope": func(r *Interface) []string { return one(r.Scope()) }, "vpc": func(r *Interface) []string { return one(r.VPC) }, "subnet": func(r *Interface) []string { return one(r.Subnet) }, "group": func(r *Interface) []string { return strs(r.SecurityGroups) }, "owner": func(r *Interface) []string { return one(r.Owner) }})
	DHCPOptionSets = newTable("dhcp-options", func(r *DHCPOptions) DHCPOptionsID { return r.ID }, index[DHCPOptions]{"scope": func(r *DHCPOptions) []string { return one(r.Scope()) }})
	PrefixLists    = newTable("prefix-list", func(r *PrefixList) PrefixListID { return r.ID }, index[PrefixList]{"scope": func(r *PrefixList) []string { return one(r.Scope()) }})
	Endpoints      = newTable("endpoint", func(r *Endpoint) EndpointID { return r.ID }, index[Endpoint]{"scope": func(r *Endpoint) []string { return one(r.Scope()) }, "vpc": func(r *Endpoint) []string { return one(r.VPC) }, "provider": func(r *Endpoint) []string { return one(r.Provider) }})
)
