package dataplane

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Drop is a packet that was dropped, and what is to blame.
type Drop struct {
	Time     time.Time
	ENI      cloud.InterfaceID // it came from, or was for
	Proto    int
	Src, Dst netip.AddrPort // ports are 0 where the protocol has none
	Stage    netplan.Stage
	Rule     string // the log prefix
	From     []cloud.Ref
}

// ring holds the newest drops of one interface.
type ring struct {
	list [64]Drop
	n    int // drops so far
}

func (r *ring) add(d Drop) {
	r.list[r.n%len(r.list)] = d
	r.n++
}

// Drops lists what was dropped since a time that the interface sent or should
// have got, oldest first. Only the newest few are remembered.
func (m *Manager) Drops(id cloud.InterfaceID, since time.Time) []Drop {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rings[id]
	if r == nil {
		return nil
	}
	var out []Drop
	for i := max(0, r.n-len(r.list)); i < r.n; i++ {
		if d := r.list[i%len(r.list)]; !d.Time.Before(since) {
			out = append(out, d)
		}
	}
	return out
}

// record takes a dropped packet from the kernel.
func (m *Manager) record(p Packet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.vpcs[p.VPC]
	if s == nil || s.network == nil {
		return
	}
	if p.Lost {
		if len(s.plan.Flows) > 0 {
			m.refuse(p.VPC, nil, true)
		}
		return
	}
	d := Drop{Time: p.Time, Rule: p.Prefix}
	d.Stage, _ = netplan.ParseLogPrefix(p.Prefix)
	d.Proto, d.Src, d.Dst = parseHead(p.Head)
	if flows := s.refused(p, d); len(flows) > 0 {
		m.refuse(p.VPC, flows, false)
	}
	d.From = s.blame(p, d)
	for _, id := range append(s.concerned(p, d), m.remote(s, p, d)...) {
		if m.rings[id] == nil {
			m.rings[id] = &ring{}
		}
		d.ENI = id
		m.rings[id].add(d)
	}
}

// concerned lists the interfaces that a dropped packet came from and was for.
func (s *vpcState) concerned(p Packet, d Drop) (ids []cloud.InterfaceID) {
	add := func(id cloud.InterfaceID) {
		if id != "" && !slices.Contains(ids, id) && s.plan.ENI(id) != nil {
			ids = append(ids, id)
		}
	}
	if p.Namespace != Router {
		add(s.network.behind(p.Namespace))
		if d.Stage == netplan.StageEndpoint {
			add(s.holder(d.Src.Addr()))
		}
		return ids
	}
	add(s.network.ENIs[p.In])
	add(s.network.ENIs[p.Out])
	if d.Stage == netplan.StageEgressOnlyIn {
		add(s.holder(d.Dst.Addr()))
	}
	return ids
}

// behind says whose a namespace is.
func (n *Network) behind(ns string) cloud.InterfaceID {
	num, _ := strconv.Atoi(strings.TrimPrefix(ns, "e"))
	return n.ENIs[num]
}

func (s *vpcState) holder(a netip.Addr) cloud.InterfaceID {
	for _, e := range s.plan.ENIs {
		if slices.Contains(e.Addrs, a) {
			return e.ID
		}
	}
	return ""
}

// blame lists the resources behind a drop: those of the rule, or of the route.
func (s *vpcState) blame(p Packet, d Drop) []cloud.Ref {
	if refs, ok := s.network.Refs[p.Prefix]; ok {
		return refs
	}
	if p.Namespace != Router { // an interface's own
		if e := s.plan.ENI(s.network.behind(p.Namespace)); e != nil {
			return e.Source
		}
		return nil
	}
	switch d.Stage {
	case netplan.StageNoRoute, netplan.StageBlackhole, netplan.StageNotForMe, netplan.StageNoHost, netplan.StageLoop, netplan.StageTransitZone:
		return s.routeRefs(int(p.Mark&0xffff), d.Dst.Addr())
	case netplan.StageNoPublicIP, netplan.StagePrivateDest:
		var refs []cloud.Ref
		if id := s.holder(d.Src.Addr()); id != "" {
			refs = append(refs, cloud.Ref{Kind: cloud.KindInterface, ID: string(id)})
		}
		return append(refs, s.routeRefs(int(p.Mark&0xffff), d.Dst.Addr())...)
	}
	return nil
}

// routeRefs names the route that a table has for an address, or the table that has none.
func (s *vpcState) routeRefs(number int, to netip.Addr) []cloud.Ref {
	for _, u := range tableUses(s.plan) {
		if s.network.tables[u] != number {
			continue
		}
		t := u.of(s.plan)
		for _, r := range t.Routes { // longest first
			if r.Dest.Contains(to) && len(r.Source) > 0 {
				return r.Source
			}
		}
		return []cloud.Ref{{Kind: cloud.KindRouteTable, ID: string(t.ID)}}
	}
	return nil
}

// parseHead reads protocol, addresses and ports from the start of a packet.
func parseHead(b []byte) (proto int, src, dst netip.AddrPort) {
	var a, z netip.Addr
	var rest []byte
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		proto = int(b[9])
		a, z = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		rest = b[min(int(b[0]&15)*4, len(b)):]
	case len(b) >= 40 && b[0]>>4 == 6:
		proto = int(b[6])
		a, z = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		rest = b[40:]
	}
	var sport, dport uint16
	if (proto == tcp || proto == udp) && len(rest) >= 4 {
		sport, dport = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	}
	return proto, netip.AddrPortFrom(a, sport), netip.AddrPortFrom(z, dport)
}
