package dataplane

import (
	"weir/internal/dataplane/nat64"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// A NAT gateway that translates IPv6 has a pair of links in its namespace. What
// is routed to the one, IPv6 packets for the well-known prefix and IPv4 packets
// for the hosts' own addresses there, comes out of the other, where a translator
// takes it and sends it back in the other family. So the kernel's NAT44 is what
// translates hosts to the gateway's address, whatever they speak.
const (
	NAT64Link = "nat64"     // its index is nat64Index
	NAT64Far  = "nat64-far" // where the translator is

	nat64Index = 20
	// NAT64MAC is that of NAT64Link; the far end answers to no address, so that
	// only the translator takes what comes there.
	NAT64MAC  = gatewayMAC
	nat64Far  = "0e:00:00:00:00:03"
	nobodyMAC = "0e:00:00:00:00:04"

	// nat64MTU keeps an IPv4 packet, or a fragment of one, small enough for
	// IPv6's longer header, with that of a fragment (RFC 7915, section 1.4).
	nat64MTU = 1500 - 28
)

// nat64 adds the links and routes of a NAT gateway that translates IPv6.
func (ns *Namespace) nat64() {
	ns.Links = append(ns.Links, Link{Name: NAT64Link, Index: nat64Index, MAC: NAT64MAC, Peer: NAT64Far, PeerMAC: nat64Far})
	ns.Neighs = append(ns.Neighs, Neigh{eth, gateway6, gatewayMAC}, Neigh{NAT64Link, gateway4, nobodyMAC}, Neigh{NAT64Link, gateway6, nobodyMAC})
	ns.Routes = append(ns.Routes,
		Route{Dest: any6, Kind: Unicast, Link: eth, Via: gateway6},
		Route{Dest: nat64.Prefix, Kind: Unicast, Link: NAT64Link, Via: gateway6},
		Route{Dest: nat64.Pool, Kind: Unicast, Link: NAT64Link, Via: gateway4, MTU: nat64MTU})
}

// nat64Rules let IPv6 pass to the translator and back, and no further.
func nat64Rules(e *netplan.ENI) []nft.Rule {
	if !e.NAT64 {
		return nil
	}
	in, far := nft.If(ethIndex), nft.If(nat64Index)
	return []nft.Rule{
		nft.R(nft.IsIPv6(), nft.Eq(nft.IIf, in), nft.Eq(nft.OIf, far), nft.Accept),
		nft.R(nft.IsIPv6(), nft.Eq(nft.IIf, far), nft.Eq(nft.OIf, in), nft.Accept),
	}
}

// nat64Neigh is how the router reaches a NAT gateway over IPv6, of which it has no address.
func (l *lowerer) nat64Neigh(e *netplan.ENI, link string) {
	if e.NAT64 {
		l.router.Neighs = append(l.router.Neighs, Neigh{link, gateway6, eniMAC(e)})
	}
}
