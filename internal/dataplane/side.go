package dataplane

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Side asks for a slot's second way out, behind another shared interface, which
// may be another VPC's: everything leaves by it but what goes to the VPC's own
// blocks and to private addresses. A Wide one also takes names and 100.0.0.0/8.
type Side struct {
	ENI  cloud.InterfaceID
	Wide bool
}

var (
	privateBlocks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}
	sharedBlock   = netip.MustParsePrefix("100.64.0.0/10")
	wideBlock     = netip.MustParsePrefix("100.0.0.0/8")
)

// keep lists what a slot's own interface still carries beside a second way.
func (s Side) keep(p *netplan.Plan) []netip.Prefix {
	out := slices.Clone(privateBlocks)
	if !s.Wide {
		out = append(out, sharedBlock)
	}
	for _, c := range p.CIDRs {
		if c.Addr().Is4() && !(s.Wide && wideBlock.Overlaps(c)) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Keeps tells whether a slot's own interface carries what goes to an address.
func (s Side) Keeps(p *netplan.Plan, to netip.Addr) bool {
	return to.Is6() || slices.ContainsFunc(s.keep(p), func(b netip.Prefix) bool { return b.Contains(to) })
}

const (
	side      = "eth1" // a slot's second link
	sideIndex = 3
)

// Second ways have addresses of their own half of the slots' range, so that the
// two of a slot differ.
const sideHalf = (lastSlot + 1) / 2

// SideFor describes the second way of a slot, behind the namespace of a shared
// interface, with a number among that interface's slots. IPv4 only.
func SideFor(host string, number int, keep []netip.Prefix) *SlotNet {
	k := sideHalf + number%(lastSlot-sideHalf)
	link := "s" + strconv.Itoa(number)
	index := firstENI + number
	addr := netip.AddrFrom4([4]byte{169, 254, byte(k >> 8), byte(k)})
	n := &SlotNet{Host: host, Table: sharedTableName, Set4: slotSet(false), Set6: slotSet(true),
		Link:  Link{Name: link, Index: index, MAC: gatewayMAC, PeerNS: "slot", Peer: side, PeerMAC: farMAC},
		Inner: Namespace{Name: "slot" + strconv.Itoa(number)},
		Elem4: nftSlot(index, addr), Reused: number >= lastSlot-sideHalf,
		Routes: []Route{{Dest: single(addr), Kind: Unicast, Link: link}},
		Neighs: []Neigh{{link, addr, farMAC}},
	}
	n.Inner.Addrs = []Addr{{side, addr}}
	n.Inner.Neighs = []Neigh{{side, gateway4, gatewayMAC}}
	n.Inner.Routes = []Route{{Dest: any4, Kind: Unicast, Link: side, Via: gateway4}}
	for _, p := range keep {
		n.Inner.Routes = append(n.Inner.Routes, Route{Dest: p, Kind: Unicast, Link: eth, Via: gateway4})
	}
	return n
}

// LeaseBeside is Lease with a second way out. The next slot is made after that:
// the kernel makes one link at a time.
func (m *Manager) LeaseBeside(ctx context.Context, id cloud.InterfaceID, beside Side) (*Slot, error) {
	s, err := m.take(ctx, id)
	if err != nil {
		return nil, err
	}
	defer m.refill(ctx, id)
	if err := m.addSide(ctx, s, beside); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (m *Manager) addSide(ctx context.Context, s *Slot, beside Side) error {
	m.mu.Lock()
	p := m.pools[beside.ENI]
	if p == nil || p.gone || m.closed || !p.shared() {
		m.mu.Unlock()
		return cloud.Errorf(cloud.Unavailable, cloud.KindInterface, string(beside.ENI), "not-in-place",
			"use network interface %s: the network does not have it (yet)", beside.ENI)
	}
	var plan netplan.Plan
	if own := m.pools[s.ENI]; own != nil && own.vpc.plan != nil {
		plan = *own.vpc.plan
	}
	n := SideFor(p.ns, p.next, beside.keep(&plan))
	p.next++
	p.leased++
	if beside.Wide {
		s.Resolvers = p.resolvers
	}
	m.mu.Unlock()
	if err := m.kernel.JoinSlot(ctx, p.vpc.id, n, s.NetNS); err != nil {
		m.mu.Lock()
		p.leased--
		m.mu.Unlock()
		return fmt.Errorf("give slot %s a way out by network interface %s: %w", s.ID, beside.ENI, err)
	}
	own := s.release
	s.Side = beside.ENI
	s.release = func() {
		m.mu.Lock()
		p.leased--
		m.mu.Unlock()
		m.kernel.LeaveSlot(p.vpc.id, n)
		own()
	}
	return nil
}
