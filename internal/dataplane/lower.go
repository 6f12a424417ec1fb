package dataplane

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Addresses and numbers of the router's side.
var (
	gateway4 = netip.MustParseAddr("169.254.1.1") // next hop of everything behind a router, and of the router
	gateway6 = netip.MustParseAddr("fe80::1")
	any4     = netip.MustParsePrefix("0.0.0.0/0")
	any6     = netip.MustParsePrefix("::/0")
)

const (
	gatewayMAC = "0e:00:00:00:00:01" // of the near end of every link
	farMAC     = "0e:00:00:00:00:02" // of the far end, unless it has its own

	uplinkIndex = 10
	eniTable    = 100  // every address in the VPC
	routeTable0 = 1000 // plus a route table's number

	group = LogGroup

	groupTrap    = 1 // link group of traps
	groupOutside = 2 // of what leads out of the VPC: the uplink, and links to peers
)

// A trap is a link that nothing is behind: what a route sends there is logged
// and dropped by the rule for it.
type trap struct {
	name  string
	index int
	stage netplan.Stage
}

var (
	trapNoRoute   = trap{"noroute", 11, netplan.StageNoRoute}
	trapBlackhole = trap{"blackhole", 12, netplan.StageBlackhole}
	trapNotForMe  = trap{"notforme", 13, netplan.StageNotForMe}
	traps         = []trap{trapNoRoute, trapBlackhole, trapNotForMe, trapNoPeer}
)

// lowerer turns one plan into a Network.
type lowerer struct {
	p       *netplan.Plan
	n       *Numbers
	subnets map[cloud.SubnetID]*netplan.Subnet
	out     *Network
	router  Namespace
	table   *nft.Table
	sealed  map[string]bool // names of the table's sets of intervals
	has6    bool
	tables  map[cloud.SubnetID]int      // number of the route table
	foreign map[netplan.ProfileKey]bool // profiles of peers
	direct  map[netip.Addr]int          // numbers of the tables of addresses with public ones, where these leave directly
}

// Lower gives the kernel configuration of a plan. It is pure but for n, which
// it numbers new things in.
func Lower(p *netplan.Plan, n *Numbers) *Network {
	n.assign(p)
	l := &lowerer{p: p, n: n, subnets: map[cloud.SubnetID]*netplan.Subnet{}, tables: map[cloud.SubnetID]int{}, out: &Network{
		VPC: p.VPC, Internet: Namespace{Name: Internet}, Hub: Namespace{Name: Hub}, peers: map[int]cloud.PeeringID{}, Refs: map[string][]cloud.Ref{}, ENIs: map[int]cloud.InterfaceID{}}}
	if len(p.ENIs) == 0 {
		return l.out
	}
	l.out.tables = maps.Clone(n.tables)
	l.out.Kept = n.keep(p)
	for i := range p.Subnets {
		l.subnets[p.Subnets[i].ID] = &p.Subnets[i]
		l.tables[p.Subnets[i].ID] = n.tables[useOf(p, &p.Subnets[i])]
	}
	l.directs()
	for _, c := range p.CIDRs {
		l.has6 = l.has6 || c.Addr().Is6()
	}
	l.router = Namespace{Name: Router, Sysctls: routerSysctls}
	l.loopback()
	l.uplink()
	l.peerings()
	l.transits()
	made := make(map[int]behind, len(p.ENIs))
	namespaces := make([]Namespace, 1, len(p.ENIs)+1)
	for i := range p.ENIs {
		e := &p.ENIs[i]
		l.attach(e)
		if e.Attach == netplan.AttachTransit {
			continue
		}
		num := n.enis[e.ID]
		b, ok := n.made[num]
		if !ok || !reflect.DeepEqual(b.eni, e) {
			b = behind{e, namespaceOf(e, num)}
		}
		made[num] = b
		namespaces = append(namespaces, b.ns)
	}
	n.made = made
	l.routes()
	l.router.Table = l.rules()
	namespaces[0] = l.router
	l.out.Namespaces = namespaces
	return l.out
}

func eniNS(number int) string { return "e" + strconv.Itoa(number) }

// loopback adds the addresses the router has: the resolver's, and its own of
// each block, which ICMP errors come from.
func (l *lowerer) loopback() {
	for _, a := range l.addresses() {
		l.router.Addrs = append(l.router.Addrs, Addr{"lo", a})
	}
	for _, t := range traps {
		if t != trapNoPeer {
			l.router.Links = append(l.router.Links, t.link())
		}
	}
}

func (l *lowerer) addresses() []netip.Addr {
	return slices.Concat(l.p.Routers, l.resolvers())
}

// resolvers lists where DNS answers inside this VPC.
func (l *lowerer) resolvers() []netip.Addr {
	if !l.p.DNS.Enabled {
		return nil
	}
	return l.p.DNS.Resolvers
}

// uplink joins the router to the internet, if a gateway is attached.
func (l *lowerer) uplink() {
	g := l.p.Gateway
	if g == nil {
		return
	}
	far := "v" + strconv.Itoa(l.n.VPC)
	l.router.Links = append(l.router.Links, Link{Name: uplink, Index: uplinkIndex, MAC: gatewayMAC, Group: groupOutside, PeerNS: Internet, Peer: far, PeerMAC: farMAC})
	l.router.Neighs = append(l.router.Neighs, Neigh{uplink, gateway4, farMAC}, Neigh{uplink, gateway6, farMAC})
	l.out.public = g.Public
	in := &l.out.Internet
	in.Neighs = []Neigh{{far, gateway4, gatewayMAC}, {far, gateway6, gatewayMAC}}
	in.Late = []Sysctl{{"ipv4/conf/" + far + "/rp_filter", "1", ""}} // only from addresses that are routed back here
	for _, p := range g.Public {
		in.Routes = append(in.Routes, Route{Dest: single(p.Public), Kind: Unicast, Link: far, Via: gateway4})
	}
	for _, a := range g.Open {
		in.Routes = append(in.Routes, Route{Dest: single(a.Addr), Kind: Unicast, Link: far, Via: gateway6})
	}
	for _, c := range l.p.CIDRs {
		if c.Addr().Is6() && !g.ByRule {
			in.Routes = append(in.Routes, Route{Dest: c.Masked(), Kind: Unicast, Link: far, Via: gateway6})
		}
	}
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// attach adds an interface's link and the routes to its addresses.
func (l *lowerer) attach(e *netplan.ENI) {
	n := l.n.enis[e.ID]
	ns := eniNS(n)
	l.out.ENIs[n] = e.ID
	link := Link{Name: ns, Index: n, MAC: gatewayMAC, Group: l.n.subnets[e.Subnet], PeerNS: ns, Peer: eth, PeerMAC: eniMAC(e)}
	if e.Attach == netplan.AttachTransit {
		link.PeerNS, link.Peer = Hub, l.portLink(e.ID)
	}
	l.router.Links = append(l.router.Links, link)
	l.nat64Neigh(e, ns)
	for _, a := range e.Addrs {
		l.router.Neighs = append(l.router.Neighs, Neigh{ns, a, eniMAC(e)})
		l.router.Routes = append(l.router.Routes, Route{Table: eniTable, Dest: single(a), Kind: Unicast, Link: ns})
	}
}

func eniMAC(e *netplan.ENI) string {
	if e.MAC == "" {
		return farMAC
	}
	return e.MAC
}

// routes lowers the route tables. A table ends in a trap, so that what has no
// route meets a rule that says so.
func (l *lowerer) routes() {
	r := &l.router
	for _, u := range tableUses(l.p) {
		t, num := u.of(l.p), l.n.tables[u]
		table := routeTable0 + num
		r.Rules = append(r.Rules, PolicyRule{Priority: 100, Mark: uint32(num), Mask: 0xffff, Table: table})
		has := map[netip.Prefix]bool{}
		for _, route := range t.Routes {
			has[route.Dest] = true
			k := l.hop(route, u.zone)
			k.Table, k.Dest = table, route.Dest
			r.Routes = append(r.Routes, k)
			if k.Link == trapNotForMe.name {
				r.Routes = append(r.Routes, l.ownAddresses(t, route, table)...)
			}
		}
		for _, d := range []netip.Prefix{any4, any6} {
			if !has[d] && (d == any4 || l.has6) {
				r.Routes = append(r.Routes, Route{Table: table, Dest: d, Kind: Unicast, Link: trapNoRoute.name})
			}
		}
	}
	for _, c := range l.p.CIDRs {
		r.Routes = append(r.Routes, Route{Table: eniTable, Dest: c.Masked(), Kind: Unicast, Link: trapNoRoute.name})
	}
	r.Rules = append(r.Rules, PolicyRule{Priority: 20000, Table: eniTable})
}

// ownAddresses are the exceptions to a route to an interface that checks
// destinations: its own addresses, where the table has no closer route.
func (l *lowerer) ownAddresses(t *netplan.RouteTable, r netplan.Route, table int) (out []Route) {
	e := l.p.ENI(r.ENI)
	if e == nil {
		return nil
	}
	for _, a := range e.Addrs {
		i := slices.IndexFunc(t.Routes, func(r netplan.Route) bool { return r.Dest.Contains(a) })
		if i >= 0 && t.Routes[i].Dest == r.Dest && !r.Dest.IsSingleIP() {
			out = append(out, Route{Table: table, Dest: single(a), Kind: Throw})
		}
	}
	return out
}

// hop lowers what a route does with packets from a zone.
func (l *lowerer) hop(r netplan.Route, zone string) Route {
	to := func(t trap) Route { return Route{Kind: Unicast, Link: t.name} }
	switch r.Hop {
	case netplan.HopLocal:
		return Route{Kind: Throw}
	case netplan.HopEndpoint:
		return Route{Kind: Local, Link: "lo"}
	case netplan.HopInternet, netplan.HopEgressOnly, netplan.HopIPv6:
		if l.p.Gateway == nil {
			return to(trapBlackhole)
		}
		if r.Dest.Addr().Is6() {
			return Route{Kind: Unicast, Link: uplink, Via: gateway6}
		}
		return Route{Kind: Unicast, Link: uplink, Via: gateway4}
	case netplan.HopPeering:
		return l.toPeer(r)
	case netplan.HopTransit:
		return l.toPort(r, zone)
	case netplan.HopNAT, netplan.HopENI:
		e := l.p.ENI(r.ENI)
		if e == nil {
			return to(trapBlackhole)
		}
		if !forwards(e) {
			if slices.Contains(e.Addrs, r.Dest.Addr()) && r.Dest.IsSingleIP() {
				return Route{Kind: Throw}
			}
			return to(trapNotForMe)
		}
		if e.NAT64 && r.Dest.Addr().Is6() {
			return Route{Kind: Unicast, Link: eniNS(l.n.enis[e.ID]), Via: gateway6}
		}
		for _, a := range e.Addrs {
			if a.BitLen() == r.Dest.Addr().BitLen() {
				return Route{Kind: Unicast, Link: eniNS(l.n.enis[e.ID]), Via: a}
			}
		}
		return to(trapNotForMe)
	}
	return to(trapBlackhole)
}

// forwards says whether the interface may send and receive for other addresses.
func forwards(e *netplan.ENI) bool { return e.AnySource || !e.Attach.Grouped() }

// mark is what packets from the interface carry: its profile and its subnet's route table.
func (l *lowerer) mark(e *netplan.ENI, forward bool) uint32 {
	return l.profileMark(e, forward) | uint32(l.tables[e.Subnet])
}

// markFrom is mark for packets from one of the interface's own addresses.
func (l *lowerer) markFrom(e *netplan.ENI, a netip.Addr) uint32 {
	if n, ok := l.direct[a]; ok {
		return l.profileMark(e, false) | uint32(n)
	}
	return l.mark(e, false)
}

// directs finds the tables of addresses that leave by public ones of their own.
func (l *lowerer) directs() {
	l.direct = map[netip.Addr]int{}
	if l.p.Gateway == nil {
		return
	}
	for _, s := range l.p.Subnets {
		for _, pair := range l.p.Gateway.Public {
			if s.Direct != "" && s.CIDR4.Contains(pair.Private) {
				l.direct[pair.Private] = l.n.tables[useOfTable(l.p, &s, s.Direct)]
			}
		}
	}
}

// profileMark is 0 for gateways, which have no security groups.
func (l *lowerer) profileMark(e *netplan.ENI, forward bool) uint32 {
	if !e.Attach.Grouped() {
		return 0
	}
	return uint32(l.n.profiles[profileUse{e.Profile, forward}]) << 16
}

// drop gives the end of a rule that logs and drops, and remembers who is to blame.
func (l *lowerer) drop(s netplan.Stage, detail string, from ...cloud.Ref) []nft.Stmt {
	if len(from) > 0 {
		l.out.Refs[s.LogPrefix(detail)] = from
	}
	return drop(s, detail)
}

func drop(s netplan.Stage, detail string) []nft.Stmt {
	return []nft.Stmt{nft.Log(s.LogPrefix(detail), group), nft.Drop}
}

// refuse is a rule that logs and drops what the matches say.
func (l *lowerer) refuse(s netplan.Stage, matches ...nft.Stmt) nft.Rule {
	return nft.R(append(matches, l.drop(s, "")...)...)
}

func profileName(number int) string { return fmt.Sprintf("p%d", number) }
