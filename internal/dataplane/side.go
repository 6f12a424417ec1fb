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

// besides are slots that have their second way already: links take the kernel some
// milliseconds, one at a time, which a start does not wait for once such a slot was
// asked for.
type besides struct {
	ready  []*Slot
	making int
}

// way is a slot's second way, as it was made.
type way struct {
	by   *pool
	net  *SlotNet
	keep []netip.Prefix
}

// LeaseBeside is Lease with a second way out. The next slots are made after that:
// the kernel makes one link at a time.
func (m *Manager) LeaseBeside(ctx context.Context, id cloud.InterfaceID, beside Side) (*Slot, error) {
	s := m.takeBeside(id, beside)
	if s == nil {
		var err error
		if s, err = m.take(ctx, id); err != nil {
			return nil, err
		}
		defer m.refill(ctx, id)
		if err := m.addSide(ctx, s, beside); err != nil {
			s.Close()
			return nil, err
		}
	}
	defer m.refillBeside(ctx, id, beside)
	m.mu.Lock()
	defer m.mu.Unlock()
	by, own := s.way.by, s.release
	by.leased++
	if beside.Wide {
		s.Resolvers = by.resolvers
	}
	s.release = func() {
		m.mu.Lock()
		by.leased--
		m.mu.Unlock()
		own()
	}
	return s, nil
}

// takeBeside takes a slot that has its second way; nil if none is ready.
func (m *Manager) takeBeside(id cloud.InterfaceID, beside Side) *Slot {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.pools[id]
	if p == nil || p.gone || m.closed || p.beside[beside] == nil {
		return nil
	}
	for b := p.beside[beside]; len(b.ready) > 0; {
		s := b.ready[0]
		b.ready = b.ready[1:]
		if by, keep, err := m.secondWay(p, beside); err != nil || s.way.by != by || !slices.Equal(s.way.keep, keep) {
			m.waste(p, s) // made for what the network was
			continue
		}
		p.leased++
		s.Resolvers = p.resolvers
		return s
	}
	return nil
}

// secondWay tells by whose slots, and for what beside, a pool's get their second way. m.mu is held.
func (m *Manager) secondWay(own *pool, beside Side) (by *pool, keep []netip.Prefix, err error) {
	by = m.pools[beside.ENI]
	if by == nil || by.gone || m.closed || !by.shared() {
		return nil, nil, cloud.Errorf(cloud.Unavailable, cloud.KindInterface, string(beside.ENI), "not-in-place",
			"use network interface %s: the network does not have it (yet)", beside.ENI)
	}
	var plan netplan.Plan
	if own != nil && own.vpc.plan != nil {
		plan = *own.vpc.plan
	}
	return by, beside.keep(&plan), nil
}

func (m *Manager) addSide(ctx context.Context, s *Slot, beside Side) error {
	m.mu.Lock()
	by, keep, err := m.secondWay(m.pools[s.ENI], beside)
	if err != nil {
		m.mu.Unlock()
		return err
	}
	n := SideFor(by.ns, by.next, keep)
	by.next++
	m.mu.Unlock()
	if err := m.kernel.JoinSlot(ctx, by.vpc.id, n, s.NetNS); err != nil {
		return fmt.Errorf("give slot %s a way out by network interface %s: %w", s.ID, beside.ENI, err)
	}
	own := s.release
	s.Side, s.way = beside.ENI, way{by, n, keep}
	s.release = func() {
		m.kernel.LeaveSlot(by.vpc.id, n)
		own()
	}
	return nil
}

// refillBeside makes up for a slot with a second way that was taken, in the background.
func (m *Manager) refillBeside(ctx context.Context, id cloud.InterfaceID, beside Side) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.pools[id]
	if p == nil || !p.shared() || p.gone || m.closed {
		return
	}
	if p.beside == nil {
		p.beside = map[Side]*besides{}
	}
	if p.beside[beside] == nil {
		p.beside[beside] = &besides{}
	}
	for b := p.beside[beside]; len(b.ready)+b.making < m.pool; {
		b.making++
		m.work.Go(func() { m.makeBeside(context.WithoutCancel(ctx), p, b, beside) })
	}
}

func (m *Manager) makeBeside(ctx context.Context, p *pool, b *besides, beside Side) {
	m.fills <- struct{}{}
	defer func() { <-m.fills }()
	s, err := m.make(ctx, p)
	if err == nil {
		err = m.addSide(ctx, s, beside)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b.making--
	switch {
	case p.gone || m.closed:
		if s != nil {
			_ = s.NetNS.Close()
		}
	case err != nil:
		m.log.Error("slot not made", "eni", p.eni.ID, "side", beside.ENI, "err", err) // the next lease tries again
		if s != nil {
			m.waste(p, s)
		}
	default:
		b.ready = append(b.ready, s)
		m.announce()
	}
}
