package control

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

func (q Quotas) withDefaults() Quotas {
	for p, n := range map[*int]int{
		&q.VPCs: 5, &q.CIDRsPerVPC: 5, &q.CIDRs6PerVPC: 5, &q.SubnetsPerVPC: 200,
		&q.RouteTablesPerVPC: 200, &q.RoutesPerTable: 50,
		&q.InternetGateways: 5, &q.EgressOnlyGateways: 5, &q.NATGatewaysPerZone: 5,
		&q.ElasticIPs: 5, &q.AddressesPerNAT: 8,
		&q.SecurityGroups: 2500, &q.RulesPerGroup: 60, &q.GroupsPerInterface: 5, &q.AddressesPerInterface: 50,
		&q.ACLsPerVPC: 200, &q.EntriesPerACL: 20, &q.Interfaces: 5000, &q.Instances: 64,
		&q.PrefixLists: 100, &q.GatewayEndpoints: 20, &q.InterfaceEndpoints: 50, &q.PeeringsPerVPC: 50, &q.PendingPeerings: 25, &q.TransitRouters: 5, &q.TransitsPerVPC: 5, &q.TransitTables: 20, &q.TransitRoutes: 10000, &q.TagsPerResource: 50, &q.EntriesPerPrefixList: 1000,
		&q.DNSZones: 500, &q.RecordsPerDNSZone: 10000, &q.VPCsPerDNSZone: 300, &q.InvitesPerDNSZone: 1000,
		&q.LoadBalancers: 50, &q.ListenersPerBalancer: 50, &q.TargetGroups: 3000, &q.TargetsPerGroup: 1000, &q.EndpointServices: 20,
	} {
		if *p == 0 {
			*p = n
		}
	}
	return q
}

// Quotas are the limits in force.
func (c *Control) Quotas() Quotas { return c.opt.Quotas.withDefaults() }
