package cloud

import (
	"net/netip"
	"time"
)

// Typed IDs.
type (
	TransitDomainID     string
	TransitRouterID     string
	TransitAttachmentID string
	TransitTableID      string
)

// TransitDomain is a set of an account's transit routers, one in a region at most,
// that are joined without a question. Meta has no region.
type TransitDomain struct {
	Meta
	ID TransitDomainID
}

// TransitGrant lets the owner of a domain attach a VPC of another account. Meta is
// the VPC owner's.
type TransitGrant struct {
	Meta
	VPC    VPCID
	Domain TransitDomainID
}

// Key is the key of the grant in its table.
func (g *TransitGrant) Key() string { return TransitGrantKey(g.VPC, g.Domain) }

// TransitGrantKey is the key of a grant.
func TransitGrantKey(vpc VPCID, domain TransitDomainID) string {
	return string(vpc) + "/" + string(domain)
}

// TransitRouter carries packets between the VPCs and other transit routers that
// are attached to it. What comes from an attachment is routed by the one table
// that the attachment is associated with; without one it is dropped.
type TransitRouter struct {
	Meta
	ID TransitRouterID
	// Domain is the set that it is in; "" is none. In a domain connections to other
	// transit routers propagate too, and what a VPC propagates stands for itself:
	// only destinations that another has already are left out.
	Domain  TransitDomainID
	ReadyAt time.Time // pending until then
	Deleted time.Time // zero while it exists; shown as deleted for a while
	// Associate and Propagate are the tables that new attachments are associated
	// with and propagate to; "" is none.
	Associate TransitTableID
	Propagate TransitTableID
	// RemoteNames: public names of hosts resolve to private addresses in the
	// other VPCs, where both attachments say so too.
	RemoteNames bool
}

// TransitState is how far an attachment is.
type TransitState string

// States.
const (
	TransitPending   TransitState = "pending-acceptance"
	TransitAvailable TransitState = "available"
	TransitRejected  TransitState = "rejected"
	TransitDeleted   TransitState = "deleted"
	TransitFailed    TransitState = "failed"
)

// TransitAttachment joins a VPC, or another transit router, to a transit router.
// Meta is that of the VPC's owner, or of the router that asked.
type TransitAttachment struct {
	Meta
	ID      TransitAttachmentID
	Router  TransitRouterID
	State   TransitState
	ReadyAt time.Time // available only then
	Ended   time.Time // when it was deleted or rejected, or failed
	// Of a VPC: a subnet in each zone that is joined, with an interface there.
	VPC        VPCID
	Subnets    []SubnetID
	Interfaces []InterfaceID
	IPv6       bool // it carries IPv6 too
	// OneZone: both directions of a flow enter the VPC by the same interface,
	// whatever zone they come from, as appliances that keep state need it.
	OneZone     bool
	RemoteNames bool // as of TransitRouter
	// Publish: the routes of the associated table are told to the other end: they
	// are routes of all tables of the VPC, or propagate to the other transit router.
	Publish bool
	// Peer is the other transit router; nil for a VPC's.
	Peer *TransitPeer
}

// TransitPeer is the transit router that was asked to be joined.
type TransitPeer struct {
	Router  TransitRouterID
	Account string
	Region  string
	Tags    map[string]string // its owner's own
}

// Scope is as Meta.Scope.
func (p *TransitPeer) Scope() string { return Scope(p.Account, p.Region) }

// Other is the transit router at the other end from id; "" if there is none.
func (a *TransitAttachment) Other(id TransitRouterID) TransitRouterID {
	switch {
	case a.Peer == nil:
	case a.Router == id:
		return a.Peer.Router
	case a.Peer.Router == id:
		return a.Router
	}
	return ""
}

// TransitTable routes what comes from the attachments associated with it.
type TransitTable struct {
	Meta
	ID           TransitTableID
	Router       TransitRouterID
	Deleted      time.Time // zero while it exists
	Associations []TransitAttachmentID
	Propagations []TransitAttachmentID // whose blocks, or learnt routes, are routes here
	Routes       []TransitRoute
}

// TransitRoute is a static route: to an attachment, or to nowhere.
type TransitRoute struct {
	Dest       netip.Prefix // invalid if PrefixList is set
	PrefixList PrefixListID
	Attachment TransitAttachmentID // "" is a blackhole
}

// Transit tables.
var (
	TransitDomains = newTable("transit-domain", func(r *TransitDomain) TransitDomainID { return r.ID }, index[TransitDomain]{
		"scope": func(r *TransitDomain) []string { return one(r.Scope()) },
	})
	TransitGrants = newTable("transit-grant", (*TransitGrant).Key, index[TransitGrant]{
		"vpc":    func(g *TransitGrant) []string { return one(g.VPC) },
		"domain": func(g *TransitGrant) []string { return one(g.Domain) },
	})
	TransitRouters = newTable("transit-router", func(r *TransitRouter) TransitRouterID { return r.ID }, index[TransitRouter]{
		"scope":  func(r *TransitRouter) []string { return one(r.Scope()) },
		"domain": func(r *TransitRouter) []string { return one(r.Domain) },
	})
	TransitAttachments = newTable("transit-attachment", func(r *TransitAttachment) TransitAttachmentID { return r.ID }, index[TransitAttachment]{
		"scope": func(r *TransitAttachment) []string {
			if r.Peer == nil {
				return one(r.Scope())
			}
			return both(r.Scope(), r.Peer.Scope())
		},
		"router": func(r *TransitAttachment) []string {
			if r.Peer == nil {
				return one(r.Router)
			}
			return both(string(r.Router), string(r.Peer.Router))
		},
		"vpc": func(r *TransitAttachment) []string { return one(r.VPC) },
	})
	TransitTables = newTable("transit-table", func(r *TransitTable) TransitTableID { return r.ID }, index[TransitTable]{
		"scope":  func(r *TransitTable) []string { return one(r.Scope()) },
		"router": func(r *TransitTable) []string { return one(r.Router) },
	})
)
