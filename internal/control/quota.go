package control

import "reflect"

// Quotas limit what one account may hold in one region. Zero fields take the
// default, which is what the vendors give a fresh account.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
type Quotas struct {
	VPCs                  int
	CIDRsPerVPC           int
	CIDRs6PerVPC          int
	SubnetsPerVPC         int
	RouteTablesPerVPC     int
	RoutesPerTable        int
	InternetGateways      int
	EgressOnlyGateways    int
	NATGatewaysPerZone    int
	ElasticIPs            int
	AddressesPerNAT       int
	ForwardsPerNAT        int
	SecurityGroups        int
	RulesPerGroup         int // inbound and outbound, IPv4 and IPv6 each
	GroupsPerInterface    int
	AddressesPerInterface int // of each family
	ACLsPerVPC            int
	EntriesPerACL         int // each direction
	Interfaces            int
	Instances             int
	PrefixLists           int
	GatewayEndpoints      int
	InterfaceEndpoints    int // of one VPC
	PeeringsPerVPC        int
	PendingPeerings       int // that one VPC asked for
	TransitRouters        int
	TransitsPerVPC        int // transit routers that one VPC is attached to
	TransitTables         int // of one transit router
	TransitRoutes         int // static ones, of one table
	LoadBalancers         int
	ListenersPerBalancer  int
	TargetGroups          int
	TargetsPerGroup       int
	EndpointServices      int
	TagsPerResource       int
	EntriesPerPrefixList  int
	DNSZones              int
	RecordsPerDNSZone     int
	VPCsPerDNSZone        int
	InvitesPerDNSZone     int
}

// defaults are what is in force where neither the platform nor the caller says.
var defaults = Quotas{
	VPCs: 5, CIDRsPerVPC: 5, CIDRs6PerVPC: 5, SubnetsPerVPC: 200,
	RouteTablesPerVPC: 200, RoutesPerTable: 50,
	InternetGateways: 5, EgressOnlyGateways: 5, NATGatewaysPerZone: 5,
	ElasticIPs: 5, AddressesPerNAT: 8, ForwardsPerNAT: 100,
	SecurityGroups: 2500, RulesPerGroup: 60, GroupsPerInterface: 5, AddressesPerInterface: 50,
	ACLsPerVPC: 200, EntriesPerACL: 20, Interfaces: 5000, Instances: 64,
	PrefixLists: 100, GatewayEndpoints: 20, InterfaceEndpoints: 50, PeeringsPerVPC: 50, PendingPeerings: 25, TransitRouters: 5, TransitsPerVPC: 5, TransitTables: 20, TransitRoutes: 10000, TagsPerResource: 50, EntriesPerPrefixList: 1000,
	DNSZones: 500, RecordsPerDNSZone: 10000, VPCsPerDNSZone: 300, InvitesPerDNSZone: 1000,
	LoadBalancers: 50, ListenersPerBalancer: 50, TargetGroups: 3000, TargetsPerGroup: 1000, EndpointServices: 20,
}

// or takes from other what q does not say.
func (q Quotas) or(other Quotas) Quotas {
	v, o := reflect.ValueOf(&q).Elem(), reflect.ValueOf(other)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(o.Field(i))
		}
	}
	return q
}

// Quotas are the limits in force for callers who bring none.
func (c *Control) Quotas() Quotas { return c.opt.Quotas.or(defaults) }

// quotas are the limits in force for a caller.
func (c *Control) quotas(who Caller) Quotas {
	q := c.opt.Quotas
	if who.Quotas != nil {
		q = q.or(*who.Quotas)
	}
	return q.or(defaults)
}
