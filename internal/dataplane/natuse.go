package dataplane

import (
	"context"
	"encoding/binary"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// NATUse is what a NAT gateway has done since it was made, by the names of the
// vendor's metrics. https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html
type NATUse struct {
	ID                                           cloud.NATGatewayID
	VPC                                          cloud.VPCID
	ActiveConnectionCount                        uint64
	ConnectionAttemptCount                       uint64
	ErrorPortAllocation                          uint64
	PacketsFromSource, BytesFromSource           uint64
	PacketsFromDestination, BytesFromDestination uint64
}

// natMeter is the set in which a NAT gateway's namespace counts, by connection
// state and direction.
var natMeter = &nft.Set{Name: "meter", Key: []nft.Field{nft.CtState, nft.CtDirection}, Open: true, Size: 64}

// NATMeter is that set.
func NATMeter() *nft.Set { return natMeter }

// meterChain counts what is let through, also if no port is found for it then.
func meterChain() *nft.Chain {
	return &nft.Chain{Name: "meter", Hook: &nft.Hook{Point: nft.Postrouting, Priority: prioFlows},
		Rules: []nft.Rule{nft.R(nft.CountIn(natMeter, natMeter.Key...))}}
}

// Tracked is what connection tracking says of a namespace.
type Tracked struct {
	Connections uint64
	// Refused are new connections for which there was no free port and address.
	Refused uint64
}

// Sum sums up what a namespace counted.
func Sum(t Tracked, counts []nft.Count) (u NATUse) {
	u.ActiveConnectionCount, u.ErrorPortAllocation = t.Connections, t.Refused
	for _, c := range counts {
		state, reply := nft.State(binary.NativeEndian.Uint32(c.Key[0])), c.Key[1][0] != 0
		switch {
		case reply:
			u.PacketsFromDestination += c.Packets
			u.BytesFromDestination += c.Bytes
		default:
			u.PacketsFromSource += c.Packets
			u.BytesFromSource += c.Bytes
			if state&nft.New != 0 {
				u.ConnectionAttemptCount += c.Packets
			}
		}
	}
	return u
}

// NATUse tells what a VPC's NAT gateways have done.
func (m *Manager) NATUse(ctx context.Context, id cloud.VPCID) (out []NATUse, err error) {
	m.mu.Lock()
	s := m.vpcs[id]
	var gateways []netplan.NATGateway
	where := map[cloud.InterfaceID]string{}
	if s != nil && s.plan != nil {
		gateways = s.plan.NATs
		for number, eni := range s.network.ENIs {
			where[eni] = eniNS(number)
		}
	}
	m.mu.Unlock()
	for _, g := range gateways {
		counts, tracked, err := m.kernel.NATUse(ctx, id, where[g.ENI])
		if err != nil {
			return out, err
		}
		u := Sum(tracked, counts)
		u.ID, u.VPC = g.ID, id
		out = append(out, u)
	}
	return out, nil
}
