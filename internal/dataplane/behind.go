package dataplane

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Settings of namespaces. Forwarding comes first: it resets others.
var (
	hostSysctls = []Sysctl{
		// Pacing ones hold one thread to a fraction of a veth's speed. Only some are permitted outside the machine's own namespace.
		{"ipv4/tcp_congestion_control", "cubic", "reno"},
		{"ipv6/conf/default/accept_dad", "0", ""},    // an address is usable at once
		{"ipv6/conf/default/addr_gen_mode", "1", ""}, // no link-local address
		{"ipv6/conf/default/accept_ra", "0", ""},
		{"ipv6/conf/default/accept_redirects", "0", ""},
		{"ipv4/conf/all/accept_redirects", "0", ""},
		{"ipv4/conf/default/accept_redirects", "0", ""},
		{"ipv4/conf/all/accept_source_route", "0", ""},
		{"ipv4/conf/all/rp_filter", "0", ""},
		{"ipv4/conf/default/rp_filter", "0", ""},
	}
	forwardSysctls = append([]Sysctl{
		{"ipv4/ip_forward", "1", ""},
		{"ipv6/conf/all/forwarding", "1", ""},
		{"ipv4/conf/all/send_redirects", "0", ""},
		{"ipv4/conf/default/send_redirects", "0", ""},
		{"ipv4/conf/all/arp_ignore", "8", ""}, // neighbours are permanent: answer nobody
		{"ipv4/conf/all/arp_announce", "2", ""},
		{"netfilter/nf_conntrack_tcp_loose", "0", ""}, // no flow is picked up half way
		{"netfilter/nf_conntrack_udp_timeout", "30", ""},
		{"netfilter/nf_conntrack_udp_timeout_stream", "180", ""},
	}, hostSysctls...)
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html: five days
	routerSysctls = append(settling("432000"), append(slices.Clip(forwardSysctls), acceptLocal)...)
	// Where policy rules choose the table, the kernel looks up every packet's source
	// too, unless it need not know its own addresses. (The rules let no packet in
	// that has one.)
	acceptLocal = Sysctl{"ipv4/conf/all/accept_local", "1", ""}
	// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html: idle for 350 s
	natSysctls    = append([]Sysctl{{"netfilter/nf_conntrack_tcp_timeout_established", "350", ""}}, forwardSysctls...)
	sharedSysctls = append(settling("350"), forwardSysctls...)
)

// namespaceOf gives the namespace at the far end of an interface's link.
func namespaceOf(e *netplan.ENI, number int) Namespace {
	ns := Namespace{Name: eniNS(number)}
	ns.addressed(e.Addrs)
	switch e.Attach {
	case netplan.AttachNAT:
		ns.Sysctls = natSysctls
		ns.Table = natTable(e)
		if e.NAT64 {
			ns.nat64()
		}
	case netplan.AttachShared:
		ns.Sysctls = sharedSysctls
		ns.Table = sharedTable(e)
	case netplan.AttachEndpoint, netplan.AttachBalancer:
		ns.Sysctls = endpointSysctls(endpointIdle)
		ns.Table = endpointTable(e)
	default:
		ns.Sysctls = hostSysctls
	}
	return ns
}

// addressed gives eth0 the addresses and, in each family that has one, a default route.
func (ns *Namespace) addressed(addrs []netip.Addr) {
	has := map[bool]bool{}
	for _, a := range addrs {
		ns.Addrs = append(ns.Addrs, Addr{eth, a})
		if has[a.Is6()] {
			continue
		}
		has[a.Is6()] = true
		gw, dest := gateway4, any4
		if a.Is6() {
			gw, dest = gateway6, any6
		}
		ns.Neighs = append(ns.Neighs, Neigh{eth, gw, gatewayMAC})
		ns.Routes = append(ns.Routes, Route{Dest: dest, Kind: Unicast, Link: eth, Via: gw})
	}
}

var (
	stateMap = &nft.Set{Key: []nft.Field{nft.CtState}, Verdicts: true, Elems: []nft.Elem{
		nft.K(nft.StateOf(nft.Established)).Then(nft.Accept),
		nft.K(nft.StateOf(nft.Related)).Then(nft.Accept),
		nft.K(nft.StateOf(nft.Invalid)).Then(nft.Drop)}}
	// goesOn lets pass what belongs to a flow that passed before.
	goesOn = nft.R(nft.StateIn(nft.Established), nft.Accept).Note("checked before")
	// link-scope ICMPv6: neighbour and router discovery, group membership
	linkScope = &nft.Set{Key: []nft.Field{nft.ICMP6Type}, Elems: []nft.Elem{
		nft.K(nft.Byte(130)), nft.K(nft.Byte(131)), nft.K(nft.Byte(132)), nft.K(nft.Byte(133)), nft.K(nft.Byte(134)),
		nft.K(nft.Byte(135)), nft.K(nft.Byte(136)), nft.K(nft.Byte(143))}}
)

const (
	prioPre = -150
	prioDst = -100
	prioSrc = 100

	tcp, udp, icmp, icmp6 = 6, 17, 1, 58
)

func protos(ps ...uint8) *nft.Set {
	s := &nft.Set{Key: []nft.Field{nft.L4Proto}}
	for _, p := range ps {
		s.Elems = append(s.Elems, nft.K(nft.Proto(p)))
	}
	return s
}

var (
	multicast4 = netip.MustParsePrefix("224.0.0.0/4")
	multicast6 = netip.MustParsePrefix("ff00::/8")
)

// slotSet is the set of a shared interface's table that slots add themselves to.
func slotSet(six bool) *nft.Set {
	s := &nft.Set{Name: "slots", Key: []nft.Field{nft.IIf, nft.Src4}, Open: true}
	if six {
		s.Name, s.Key = "slots6", []nft.Field{nft.IIf, nft.Src6}
	}
	return s
}

const (
	sharedTableName = "eni"
	natTableName    = "nat"
)

// A slot may have this many tracked flows: one instance cannot fill the tables
// that its VPC shares. (An instance has 1,024 file descriptors.)
const slotFlows = 8192

// sharedTable translates slots to the interface's addresses, and keeps them from each other.
func sharedTable(e *netplan.ENI) *nft.Table {
	id := string(e.ID)
	slots4, slots6 := slotSet(false), slotSet(true)
	conns := &nft.Set{Name: "conns", Key: []nft.Field{nft.IIf}, Open: true, Counts: true}
	pre := &nft.Chain{Name: "pre", Hook: &nft.Hook{Point: nft.Prerouting, Priority: prioPre}, Rules: []nft.Rule{
		nft.R(nft.Eq(nft.IIf, nft.If(ethIndex)), nft.Accept),
		nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop),
		nft.R(append([]nft.Stmt{nft.Eq(nft.Dst4, nft.Net(multicast4))}, drop(netplan.StageLinkLocal, id)...)...), // not forwarded to the router, which would say so
		nft.R(append([]nft.Stmt{nft.Eq(nft.Dst6, nft.Net(multicast6))}, drop(netplan.StageLinkLocal, id)...)...),
		nft.R(nft.In(slots4, nft.IIf, nft.Src4), nft.Accept),
		nft.R(nft.In(slots6, nft.IIf, nft.Src6), nft.Accept),
		nft.R(drop(netplan.StageSpoof, id)...),
	}}
	unsolicited := func() nft.Rule { return nft.R(drop(netplan.StageUnsolicited, id)...) }
	forward := &nft.Chain{Name: "forward", Hook: &nft.Hook{Point: nft.Forward, Drop: true}, Rules: []nft.Rule{
		goesOn,
		nft.R(nft.VMap(stateMap, nft.CtState)),
		nft.R(append([]nft.Stmt{nft.Ne(nft.IIf, nft.If(ethIndex)), nft.CountOver(conns, nft.IIf, slotFlows)}, drop(netplan.StageFlowLimit, id)...)...),
		nft.R(nft.Ne(nft.IIf, nft.If(ethIndex)), nft.Eq(nft.OIf, nft.If(ethIndex)), nft.Accept),
		nft.R(append([]nft.Stmt{nft.Ne(nft.IIf, nft.If(ethIndex))}, drop(netplan.StageLinkLocal, id)...)...).Note("from slot to slot"),
		unsolicited(),
	}}
	input := &nft.Chain{Name: "input", Hook: &nft.Hook{Point: nft.Input, Drop: true}, Rules: []nft.Rule{
		nft.R(nft.StateIn(nft.Related), nft.Accept),
		nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop),
		unsolicited(),
	}}
	translate := &nft.Chain{Name: "translate", Hook: &nft.Hook{NAT: true, Point: nft.Postrouting, Priority: prioSrc}, Rules: []nft.Rule{
		nft.R(nft.Ne(nft.OIf, nft.If(ethIndex)), nft.Accept)}}
	seen := map[bool]bool{}
	for _, a := range e.Addrs {
		if !seen[a.Is6()] {
			seen[a.Is6()] = true
			translate.Rules = append(translate.Rules, nft.R(nft.SNAT(a, 0, 0)))
		}
	}
	return &nft.Table{Name: sharedTableName, Sets: []*nft.Set{slots4, slots6, conns}, Chains: []*nft.Chain{pre, forward, input, translate, settled()}}
}

// SlotNet is a namespace for one function instance, behind a shared interface.
type SlotNet struct {
	Host  string // the interface's namespace
	Link  Link   // in Host, with its peer in the slot
	Inner Namespace
	// What Host needs for it:
	Routes []Route
	Neighs []Neigh
	Table  string
	Set4   *nft.Set
	Set6   *nft.Set
	Elem4  nft.Elem
	Elem6  nft.Elem
	Reused bool // another slot had the addresses, long ago
}

// Slots have addresses that only the interface's namespace sees.
const (
	firstSlot = 2 << 8    // 169.254.2.0: below is the gateway's; from the half on (see SideFor) are second ways
	lastSlot  = 1<<15 - 1 // 169.254.127.255: above are the platform's own services
)

var slotPrefix6 = netip.MustParseAddr("fd57:6569:7200::")

// nftSlot is a slot's place in its host's set.
func nftSlot(index int, a netip.Addr) nft.Elem { return nft.K(nft.If(index), nft.IP(a)) }

// SlotFor describes the slot with a number behind a shared interface's
// namespace; six if the interface has an IPv6 address. Addresses start over
// after about 16,000 numbers.
func SlotFor(host string, number int, six bool) *SlotNet {
	k := firstSlot + number%(sideHalf-firstSlot)
	index := firstENI + number
	link := fmt.Sprintf("s%d", number)
	a4 := netip.AddrFrom4([4]byte{169, 254, byte(k >> 8), byte(k)})
	s := &SlotNet{Host: host, Table: sharedTableName, Set4: slotSet(false), Set6: slotSet(true),
		Link:  Link{Name: link, Index: index, MAC: gatewayMAC, PeerNS: "slot", Peer: eth, PeerMAC: farMAC},
		Inner: Namespace{Name: "slot" + strconv.Itoa(number), Sysctls: hostSysctls},
		Elem4: nftSlot(index, a4), Reused: number >= sideHalf-firstSlot,
	}
	addrs := []netip.Addr{a4}
	if six {
		b := slotPrefix6.As16()
		b[14], b[15] = byte(k>>8), byte(k)
		a6 := netip.AddrFrom16(b)
		addrs = append(addrs, a6)
		s.Elem6 = nft.K(nft.If(index), nft.IP(a6))
	}
	s.Inner.addressed(addrs)
	for _, a := range addrs {
		s.Routes = append(s.Routes, Route{Dest: single(a), Kind: Unicast, Link: link})
		s.Neighs = append(s.Neighs, Neigh{link, a, farMAC})
	}
	return s
}
