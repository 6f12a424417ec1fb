package cloud

import (
	"net/netip"
	"time"
)

// Typed IDs.
type (
	LoadBalancerID string
	TargetGroupID  string
	ListenerID     string
)

// Kinds of resource.
const (
	KindLoadBalancer Resource = "load-balancer"
	KindTargetGroup  Resource = "target-group"
	KindListener     Resource = "listener"
	KindTarget       Resource = "target"
)

// UseBalancer is the use of an interface that a load balancer has in a subnet.
const UseBalancer InterfaceUse = "load-balancer"

// LoadBalancer takes connections at its interfaces and passes them on, from
// there, to the targets of its listeners.
type LoadBalancer struct {
	Meta
	ID         LoadBalancerID
	Name       string
	VPC        VPCID
	Public     bool          // its interfaces have public addresses, which its name resolves to
	Subnets    []SubnetID    // at most one in a zone
	Interfaces []InterfaceID // one for each of Subnets
	Groups     []SecurityGroupID
	Open       bool   // it was made without security groups: nothing filters at its interfaces
	Domain     string // its own name; a zone's has the zone in front
	CrossZone  bool   // an interface passes on to the targets of all zones, not of its own alone
	Protected  bool   // is not deleted
	// PrivateIn: security groups also judge the clients that come through endpoints.
	PrivateIn bool
}

// ZoneName is the balancer's name in one zone.
func (b *LoadBalancer) ZoneName(zone string) string { return zone + "." + b.Domain }

// TargetGroup is where a listener's connections may go.
type TargetGroup struct {
	Meta
	ID            TargetGroupID
	Name          string
	VPC           VPCID
	Port          int  // of targets that do not say another
	ByInstance    bool // targets are instances; otherwise addresses
	Targets       []Target
	Health        TargetCheck
	Drain         time.Duration // how long a target that was taken out shows as draining
	ProxyProtocol bool          // a connection begins with a header (version 2) that tells its client
}

// Target is one place to go to.
type Target struct {
	Instance InstanceID // "" if it is an address
	Addr     netip.Addr
	Port     int
	AnyZone  bool      // it counts as in every zone
	Until    time.Time // it is taken out, and shown until then; zero while it is in
}

// Same reports whether both are the same place.
func (t Target) Same(o Target) bool {
	return t.Instance == o.Instance && t.Addr == o.Addr && t.Port == o.Port
}

// CheckKind is how a target's health is found out.
type CheckKind string

// Kinds of check.
const (
	CheckTCP   CheckKind = "tcp"
	CheckHTTP  CheckKind = "http"
	CheckHTTPS CheckKind = "https" // whatever certificate it has
)

// TargetCheck is how, and how often, the health of targets is found out.
type TargetCheck struct {
	Kind               CheckKind
	Port               int // 0 is the target's own
	Path               string
	CodeFrom, CodeTo   int // status codes that are healthy, ends included
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int // checks in a row that change a verdict
}

// Listener takes connections to a port of a load balancer.
type Listener struct {
	Meta
	ID       ListenerID
	Balancer LoadBalancerID
	Port     int
	Group    TargetGroupID
}

// Tables.
var (
	LoadBalancers = newTable("load-balancer", func(r *LoadBalancer) LoadBalancerID { return r.ID }, index[LoadBalancer]{"scope": func(r *LoadBalancer) []string { return one(r.Scope()) }, "vpc": func(r *LoadBalancer) []string { return one(r.VPC) }})
	TargetGroups  = newTable("target-group", func(r *TargetGroup) TargetGroupID { return r.ID }, index[TargetGroup]{"scope": func(r *TargetGroup) []string { return one(r.Scope()) }, "vpc": func(r *TargetGroup) []string { return one(r.VPC) }})
	Listeners     = newTable("listener", func(r *Listener) ListenerID { return r.ID }, index[Listener]{"scope": func(r *Listener) []string { return one(r.Scope()) }, "balancer": func(r *Listener) []string { return one(r.Balancer) }, "group": func(r *Listener) []string { return one(r.Group) }})
)
