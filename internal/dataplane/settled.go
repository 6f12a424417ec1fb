package dataplane

import (
	"slices"

	"weir/internal/dataplane/nft"
)

// Settled flows. Once a flow is known, every packet of it meets the same rules, is
// translated alike and leaves by the same link until something is changed. What
// forwards marks such packets, behind all other rules, and package fastpath takes
// the next ones past it. Where packets are counted, none is marked: in routers for
// flow logs, and in NAT gateways.

// SettledMark is what they are marked with.
// No route table has the number of its lower half.
const SettledMark = 0x5765ffff

const settledChain = "settled"

func settled() *nft.Chain {
	return &nft.Chain{Name: settledChain, Hook: &nft.Hook{Point: nft.Postrouting, Priority: prioSrc + 20}, Rules: []nft.Rule{
		nft.R(nft.StateIn(nft.Established), nft.In(protos(tcp, udp), nft.L4Proto), nft.SetTo(nft.Mark, nft.MarkOf(SettledMark)))}}
}

// settling are settings for a namespace that forgets idle TCP connections after so
// many seconds. Connection tracking sees only some packets of settled flows: what it
// makes of sequence numbers says nothing, nor does an acknowledgement that it misses.
func settling(seconds string) []Sysctl {
	return []Sysctl{
		{"netfilter/nf_conntrack_tcp_timeout_established", seconds, ""},
		{"netfilter/nf_conntrack_tcp_timeout_unacknowledged", seconds, ""},
		{"netfilter/nf_conntrack_tcp_be_liberal", "1", ""},
	}
}

// Settles says whether the namespace marks settled flows.
func Settles(ns *Namespace) bool {
	return ns.Table != nil && slices.ContainsFunc(ns.Table.Chains, func(c *nft.Chain) bool { return c.Name == settledChain })
}

// Through lists the indexes of links by which packets go through such a namespace,
// but for slots'.
func (ns *Namespace) Through() (out []int) {
	if ns.Name != Router {
		return []int{ethIndex}
	}
	for _, l := range ns.Links {
		if l.PeerNS != "" { // else it is a trap
			out = append(out, l.Index)
		}
	}
	return out
}
