package dataplane

import (
	"context"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// Flow logs. What passes is counted by the router, at the links of the
// interfaces that are logged, where every rule has been passed: not by
// connection tracking, which counts what an ACL then drops, does not know
// links, and has no TCP flags. What is refused is known from the packets that
// rules log. Without flow logs there are no such rules.

// Flow is what passed, or was refused, at an interface: packets that agree in
// everything that is not a number here.
type Flow struct {
	ENI            cloud.InterfaceID
	Egress         bool // from the interface
	Accepted       bool
	Proto          int
	Src, Dst       netip.AddrPort // as in the packet; ports are 0 unless TCP or UDP
	TCPFlags       uint8          // FIN, SYN, RST and ACK
	Packets, Bytes uint64
	Last           time.Time
}

// FlowCount is what a router counted of a flow at one of its links.
type FlowCount struct {
	Link           int
	Egress         bool
	Proto          int
	Src, Dst       netip.AddrPort
	TCPFlags       uint8
	Packets, Bytes uint64
	Idle           time.Duration
}

// FlowCounts is what a router counted. Skipped are links with packets that were
// not counted for want of room.
type FlowCounts struct {
	Flows   []FlowCount
	Skipped []int
}

// How long a flow's counters stay after its last packet: FlowLinger must be
// longer than the time between two readings. And how many there may be.
const (
	FlowLinger = 30 * time.Second
	tcpFlows   = 1 << 16
	otherFlows = 1 << 14
)

// FlowSet is a set in which routers count flows.
type FlowSet struct {
	*nft.Set
	egress bool
	proto  uint8 // 0: all others
	six    bool
}

// FlowSets lists them.
func FlowSets() (out []FlowSet) {
	for _, egress := range []bool{true, false} {
		name, link := "flows_in", nft.OIf
		if egress {
			name, link = "flows_out", nft.IIf
		}
		for _, six := range []bool{false, true} {
			a, z, family := nft.Src4, nft.Dst4, ""
			if six {
				a, z, family = nft.Src6, nft.Dst6, "6"
			}
			set := func(kind string, proto uint8, size int, rest ...nft.Field) {
				out = append(out, FlowSet{&nft.Set{Name: name + kind + family, Key: append([]nft.Field{link, a, z}, rest...),
					Open: true, Size: size, Timeout: FlowLinger}, egress, proto, six})
			}
			set("_tcp", tcp, tcpFlows, nft.SrcPort, nft.DstPort, nft.TCPSigns)
			set("_udp", udp, otherFlows, nft.SrcPort, nft.DstPort)
			set("_other", 0, otherFlows, nft.L4Proto)
		}
	}
	return out
}

// SkippedFlows are the sets of links at which FlowSets were full.
func SkippedFlows() []*nft.Set {
	return []*nft.Set{
		{Name: "flows_out_skipped", Key: []nft.Field{nft.IIf}, Open: true, Size: otherFlows, Timeout: FlowLinger},
		{Name: "flows_in_skipped", Key: []nft.Field{nft.OIf}, Open: true, Size: otherFlows, Timeout: FlowLinger},
	}
}

// rule counts a packet of the set's kind; what is counted is done with.
func (s FlowSet) rule() nft.Rule {
	var m []nft.Stmt
	switch {
	case s.proto != 0:
		m = append(m, nft.Eq(nft.L4Proto, nft.Proto(s.proto)))
	default:
		m = append(m, nft.NotIn(protos(tcp, udp), nft.L4Proto))
	}
	return nft.R(append(m, nft.CountIn(s.Set, s.Key...), nft.Return)...)
}

// Flow decodes an element.
func (s FlowSet) Flow(n nft.Count) FlowCount {
	f := FlowCount{Link: int(binary.NativeEndian.Uint32(n.Key[0])), Egress: s.egress, Proto: int(s.proto), Packets: n.Packets, Bytes: n.Bytes, Idle: n.Idle}
	a, _ := netip.AddrFromSlice(n.Key[1])
	z, _ := netip.AddrFromSlice(n.Key[2])
	var sport, dport uint16
	if s.proto == 0 {
		f.Proto = int(n.Key[3][0])
	} else {
		sport, dport = binary.BigEndian.Uint16(n.Key[3]), binary.BigEndian.Uint16(n.Key[4])
	}
	if s.proto == tcp {
		f.TCPFlags = n.Key[5][0]
	}
	f.Src, f.Dst = netip.AddrPortFrom(a, sport), netip.AddrPortFrom(z, dport)
	return f
}

// CountsFlows says whether the namespace, a router, counts flows.
func CountsFlows(ns *Namespace) bool {
	return ns.Table != nil && slices.ContainsFunc(ns.Table.Chains, func(c *nft.Chain) bool { return c.Name == flowsChain })
}

const (
	flowsChain = "flows"
	prioFlows  = prioSrc - 50 // before public addresses take the place of private ones
)

// flows counts what passes at the interfaces that are logged. Nothing that the
// router itself answers is logged: DNS, and errors from its own address.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
func (l *lowerer) flows(s *ruleSets) []*nft.Chain {
	counted := &nft.Set{Name: "counted", Key: []nft.Field{nft.IIf}}
	for _, f := range l.p.Flows {
		if f.Accepted {
			counted.Elems = append(counted.Elems, nft.K(nft.If(l.n.enis[f.ENI])))
		}
	}
	if len(counted.Elems) == 0 {
		return nil
	}
	l.table.Sets = append(l.table.Sets, counted)
	out, in := &nft.Chain{Name: "flows_out"}, &nft.Chain{Name: "flows_in"}
	for _, set := range FlowSets() {
		c := in
		if set.egress {
			c = out
		}
		l.table.Sets = append(l.table.Sets, set.Set)
		c.Rules = append(c.Rules, set.rule())
	}
	for i, set := range SkippedFlows() {
		l.table.Sets = append(l.table.Sets, set)
		c := [2]*nft.Chain{out, in}[i]
		c.Rules = append(c.Rules, nft.R(nft.CountIn(set, set.Key...)))
	}
	own := l.add(newPair("flows_self", src, plain).addrs(l.addresses()))
	passing := &nft.Chain{Name: flowsChain, Hook: &nft.Hook{Point: nft.Postrouting, Priority: prioFlows}, Rules: own.in(nft.Accept)}
	passing.Rules = append(passing.Rules, nft.R(nft.In(counted, nft.IIf), nft.Jump(out.Name)), nft.R(nft.In(counted, nft.OIf), nft.Jump(in.Name)))
	chains := []*nft.Chain{out, in, passing}
	if to := s.endpoints.in(nft.In(counted, nft.IIf), nft.Jump(out.Name)); len(to) > 0 {
		chains = append(chains, &nft.Chain{Name: "flows_endpoint", Hook: &nft.Hook{Point: nft.Input, Priority: prioFlows}, Rules: to})
	}
	return chains
}

// Flows reads what passed at the logged interfaces of a VPC since the last
// call. skipped are interfaces with more flows than there is room for.
func (m *Manager) Flows(ctx context.Context, id cloud.VPCID) (flows []Flow, skipped []cloud.InterfaceID, err error) {
	counts, err := m.kernel.Flows(ctx, id) // with an error, what was read until then
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.vpcs[id]
	if s == nil || s.network == nil {
		return nil, nil, err
	}
	for _, c := range counts.Flows {
		if eni := s.links[c.Link]; eni != "" && c.Packets > 0 {
			flows = append(flows, Flow{ENI: eni, Egress: c.Egress, Accepted: true, Proto: c.Proto, Src: c.Src, Dst: c.Dst,
				TCPFlags: c.TCPFlags, Packets: c.Packets, Bytes: c.Bytes, Last: now.Add(-c.Idle)})
		}
	}
	for _, link := range counts.Skipped {
		if eni := s.links[link]; eni != "" {
			skipped = append(skipped, eni)
		}
	}
	for link := range s.links { // of interfaces that are gone, this was the last of them
		if _, ok := s.network.ENIs[link]; !ok {
			delete(s.links, link)
		}
	}
	return flows, skipped, err
}

// refused are the flows that a dropped packet is to flow logs: it did not pass
// at the interface that refused it; at the other end, which let it go, it did.
func (s *vpcState) refused(p Packet, d Drop) (out []Flow) {
	if p.Namespace != Router || len(s.plan.Flows) == 0 {
		return nil
	}
	f := Flow{Proto: d.Proto, Src: d.Src, Dst: d.Dst, Packets: 1, Last: p.Time}
	f.Bytes, f.TCPFlags = parseSize(p.Head, d.Proto)
	add := func(link int, egress, accepted bool) {
		at := s.plan.FlowPoint(s.network.ENIs[link])
		if at == nil || accepted && !at.Accepted || !accepted && !at.Rejected {
			return
		}
		f.ENI, f.Egress, f.Accepted = at.ENI, egress, accepted
		out = append(out, f)
	}
	switch d.Stage {
	case netplan.StageACLOut, netplan.StageGroupOut:
		add(p.In, true, false)
	case netplan.StageACLIn, netplan.StageGroupIn:
		add(p.In, true, true)
		add(p.Out, false, false)
	case netplan.StageNoPublicIP, netplan.StagePrivateDest, netplan.StageEndpoint: // behind the sender's ACL and groups
		add(p.In, true, true)
	}
	return out
}

// parseSize reads a packet's length and, of TCP, its flags.
func parseSize(b []byte, proto int) (size uint64, flags uint8) {
	head := 0
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		size, head = uint64(binary.BigEndian.Uint16(b[2:])), int(b[0]&15)*4
	case len(b) >= 40 && b[0]>>4 == 6:
		size, head = 40+uint64(binary.BigEndian.Uint16(b[4:])), 40
	}
	if proto == tcp && len(b) > head+13 {
		flags = b[head+13] & 0x17
	}
	return size, flags
}
