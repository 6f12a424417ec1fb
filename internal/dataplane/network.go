package dataplane

import (
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Network is what the kernel should have for one VPC. No namespaces: nothing.
type Network struct {
	VPC        cloud.VPCID
	Namespaces []Namespace // the router first
	Internet   Namespace   // the VPC's part of the internet's namespace
	Hub        Namespace   // and of the hub's
	// Refs maps a log prefix to the resources behind the rule that logs it.
	Refs map[string][]cloud.Ref
	// ENIs maps the number of an interface (its link's index in the router) to its ID.
	ENIs map[int]cloud.InterfaceID
	// Kept is what another process needs to go on from here; the same pointer while it is the same.
	Kept *Kept
	// public is the one-to-one translation, by which flows of a changed address are found.
	public []netplan.PublicAddr
	tables map[tableUse]int
	peers  map[int]cloud.PeeringID // by the index of the link in the router
}

// Names of namespaces and links.
const (
	Router   = "router"   // namespace
	Internet = "internet" // namespace, made and owned by others
	eth      = "eth0"     // the one link of a namespace behind the router, or of a slot
	ethIndex = 2          // its index: the first after lo
	uplink   = "igw"
)

// Namespace is one network namespace's configuration.
type Namespace struct {
	Name    string
	Sysctls []Sysctl // set before links are made
	Links   []Link
	Addrs   []Addr
	Neighs  []Neigh
	Routes  []Route
	Rules   []PolicyRule
	Table   *nft.Table
	Late    []Sysctl // set after links are made
}

// Sysctl is a setting below /proc/sys/net; Or is taken where Value is not permitted.
type Sysctl struct{ Key, Value, Or string }

// Link is a veth; its peer is made with it, straight in the other namespace.
type Link struct {
	Name string
	Index,
	PeerIndex int // 0: the kernel's choice
	MAC     string
	Group   int    // rules know links of one kind by it
	PeerNS  string // name of a namespace; "" is this one
	Peer    string
	PeerMAC string
}

// Addr is an address on a link.
type Addr struct {
	Link string
	Addr netip.Addr // always a single address, /32 or /128
}

// Neigh is a permanent neighbour.
type Neigh struct {
	Link string
	Addr netip.Addr
	MAC  string
}

// RouteKind is what a route does.
type RouteKind string

// Kinds of route.
const (
	Unicast RouteKind = "unicast"
	Local   RouteKind = "local" // to a socket in this namespace
	Throw   RouteKind = "throw" // go on with the next policy rule
	Discard RouteKind = "discard"
)

// Route is one route; Table 0 is the main one.
type Route struct {
	Table int
	Dest  netip.Prefix
	Kind  RouteKind
	Link  string
	Via   netip.Addr // on the link; invalid: the destination is
	// Metric tells routes for the same destination apart: the lowest counts.
	Metric int
	MTU    int // 0: the link's
}

// PolicyRule has packets with a mark, or from a link, look into a table, in both families.
type PolicyRule struct {
	Priority   int
	Mark, Mask uint32 // Mask 0: every packet
	From       string // link; "" is any
	Table      int
}

// LogGroup is the NFLOG group of every rule that drops.
const LogGroup = 7

// Translates says whether the namespace is a NAT gateway's.
func Translates(ns *Namespace) bool { return ns.Table != nil && ns.Table.Name == natTableName }
