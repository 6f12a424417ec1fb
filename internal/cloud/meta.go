package cloud

import "time"

// Meta is what every resource has. Resources embed it.
type Meta struct {
	Account string            `json:"account"`
	Region  string            `json:"region,omitempty"` // empty for global resources (IAM)
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitempty"`
	// Attrs holds what only one dialect's API echoes back, keyed "<dialect>.<name>".
	Attrs map[string]string `json:"attrs,omitempty"`
}

// Scope is the index key of an account's resources in one region.
func (m *Meta) Scope() string { return Scope(m.Account, m.Region) }

// Scope is the index key ("scope") under which resources of this account and region are filed.
func Scope(account, region string) string { return account + "/" + region }

// Ref names a resource in explanations, statuses and rule comments.
type Ref struct {
	Kind Resource `json:"kind"`
	ID   string   `json:"id"`
	// Part narrows it: a rule id, a route's destination, an ACL's rule number.
	Part string `json:"part,omitempty"`
}

func (r Ref) String() string {
	if r.Part == "" {
		return r.ID
	}
	return r.ID + " " + r.Part
}

// Resource is a kind of resource, as in Ref and Error.
type Resource string

// Kinds of resource.
const (
	KindVPC               Resource = "vpc"
	KindSubnet            Resource = "subnet"
	KindRouteTable        Resource = "route-table"
	KindRoute             Resource = "route"
	KindAssociation       Resource = "route-table-association"
	KindInternetGateway   Resource = "internet-gateway"
	KindEgressOnlyGateway Resource = "egress-only-internet-gateway"
	KindIPv6Gateway       Resource = "ipv6-gateway"
	KindIPv6Rule          Resource = "ipv6-rule"   // of an IPv6 gateway, about an address
	KindIPv6Access        Resource = "ipv6-access" // such a rule that joins it to the internet
	KindNATGateway        Resource = "nat-gateway"
	KindNATRule           Resource = "nat-rule"    // of a NAT gateway: what it translates
	KindNATForward        Resource = "nat-forward" // of a NAT gateway: what it sends on to a host
	KindNATAddress        Resource = "nat-address" // of a NAT gateway: a private one
	KindElasticIP         Resource = "elastic-ip"
	KindVPCCIDR           Resource = "vpc-cidr"            // an address block of a VPC
	KindSubnetCIDR        Resource = "subnet-cidr"         // an address block of a subnet
	KindACLAssociation    Resource = "acl-association"     // of a subnet with its network ACL
	KindAddressAssoc      Resource = "address-association" // of an elastic IP with an interface
	KindAttachment        Resource = "attachment"          // of an interface
	KindInstance          Resource = "instance"
	KindReservation       Resource = "reservation" // instances made together
	KindTag               Resource = "tag"
	KindToken             Resource = "token" // that makes a request idempotent
	KindSecurityGroup     Resource = "security-group"
	KindSecurityGroupRule Resource = "security-group-rule"
	KindNetworkACL        Resource = "network-acl"
	KindInterface         Resource = "network-interface"
	KindDHCPOptions       Resource = "dhcp-options"
	KindPrefixList        Resource = "prefix-list"
	KindEndpoint          Resource = "vpc-endpoint"
	KindPeering           Resource = "vpc-peering-connection"
	KindFlowLog           Resource = "flow-log"
	KindTransitDomain     Resource = "transit-domain"
	KindTransitRouter     Resource = "transit-router"
	KindTransitAttachment Resource = "transit-attachment"
	KindTransitTable      Resource = "transit-table"
	KindTransitRoute      Resource = "transit-route"
	KindInsightsPath      Resource = "network-insights-path"
	KindInsightsAnalysis  Resource = "network-insights-analysis"
	KindZone              Resource = "zone"
	KindFunction          Resource = "function"
	KindVersion           Resource = "version"
	KindAlias             Resource = "alias"
	KindRole              Resource = "role"
	KindUser              Resource = "user"
	KindGroup             Resource = "group"
	KindPolicy            Resource = "policy"
	KindAccessKey         Resource = "access-key"
	KindInstanceProfile   Resource = "instance-profile"
	KindResourceGroup     Resource = "resource-group"
	KindLogGroup          Resource = "log-group"
	KindLogStream         Resource = "log-stream"
)
