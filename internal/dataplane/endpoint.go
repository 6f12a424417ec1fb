package dataplane

import (
	"slices"
	"strconv"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// endpointIdle is how long a connection through an interface endpoint may be silent.
// https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
const endpointIdle = 350 * time.Second

// endpointSysctls has connection tracking forget what is idle; keep-alive
// packets, which no program sees, count as traffic.
func endpointSysctls(idle time.Duration) []Sysctl {
	seconds := strconv.Itoa(max(1, int(idle.Seconds())))
	return append(slices.Clip(hostSysctls), Sysctl{"netfilter/nf_conntrack_tcp_loose", "0", ""},
		Sysctl{"netfilter/nf_conntrack_tcp_timeout_established", seconds, ""})
}

const endpointTableName = "endpoint"

// endpointTable lets in TCP only. Whoever goes on with a connection that was
// idle for too long, client or service, gets a reset, as from the vendor's endpoints.
func endpointTable(e *netplan.ENI) *nft.Table {
	reset := nft.R(nft.StateIn(nft.Invalid), nft.Reset())
	goes := nft.R(nft.TCPReset(), nft.Accept)
	return &nft.Table{Name: endpointTableName, Chains: []*nft.Chain{
		{Name: "input", Hook: &nft.Hook{Point: nft.Input, Drop: true}, Rules: []nft.Rule{
			nft.R(nft.StateIn(nft.Established|nft.Related), nft.Accept),
			goes, reset,
			nft.R(nft.In(linkScope, nft.ICMP6Type), nft.Drop),
			nft.R(nft.Eq(nft.L4Proto, nft.Proto(tcp)), nft.StateIn(nft.New), nft.Accept),
			nft.R(drop(netplan.StageEndpoint, string(e.ID))...),
		}},
		{Name: "output", Hook: &nft.Hook{Point: nft.Output}, Rules: []nft.Rule{goes, reset}},
	}}
}

// limitIdle sets another idle time for connections through interface endpoints.
func (n *Network) limitIdle(idle time.Duration) {
	sysctls := endpointSysctls(idle)
	for i := range n.Namespaces {
		if ns := &n.Namespaces[i]; ns.Table != nil && ns.Table.Name == endpointTableName {
			ns.Sysctls = sysctls
		}
	}
}

// Behind is the name of the namespace behind an interface; "" if there is none.
func (n *Network) Behind(id cloud.InterfaceID) string {
	for num, e := range n.ENIs {
		if e == id {
			return eniNS(num)
		}
	}
	return ""
}
