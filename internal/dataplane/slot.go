package dataplane

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Slot is a namespace with a ready interface, for one instance. It is never reused.
type Slot struct {
	ID        string
	NetNS     *os.File // closed by Close
	ENI       cloud.InterfaceID
	Side      cloud.InterfaceID // of its second way out; "" for none
	Addrs     []netip.Addr      // of the namespace's own interface
	Resolvers []netip.Addr      // DNS servers to ask
	way       way               // its second way out
	release   func()
	once      sync.Once
}

// Close gives the slot back: what it holds is taken down in the background.
func (s *Slot) Close() { s.once.Do(s.release) }

// pool holds the slots of one interface. Manager.mu guards it.
type pool struct {
	eni       netplan.ENI
	vpc       *vpcState
	ns        string // its namespace
	resolvers []netip.Addr
	ready     []*Slot
	beside    map[Side]*besides // those with a second way out that was asked for
	next      int               // number of the next slot
	making    int
	leased    int
	gone      bool
}

// idle takes what is ready out of the pool.
func (p *pool) idle() (out []*Slot) {
	out, p.ready = p.ready, nil
	for _, b := range p.beside {
		out, b.ready = append(out, b.ready...), nil
	}
	return out
}

func (p *pool) shared() bool { return p.eni.Attach == netplan.AttachShared }

// stock brings the pools to what the VPC has. m.mu is held.
func (m *Manager) stock(ctx context.Context, s *vpcState) {
	has := map[cloud.InterfaceID]bool{}
	for _, e := range s.plan.ENIs {
		if e.Attach != netplan.AttachDirect && e.Attach != netplan.AttachShared {
			continue
		}
		has[e.ID] = true
		ns := eniNS(s.numbers.enis[e.ID])
		p := m.pools[e.ID]
		if p == nil || p.ns != ns || p.vpc != s {
			if p != nil {
				m.discard(p)
			}
			p = &pool{vpc: s, ns: ns}
			m.pools[e.ID] = p
		}
		if hasIPv6(p.eni.Addrs) != hasIPv6(e.Addrs) {
			m.empty(p)
		}
		p.eni, p.resolvers = e, resolversOf(s.plan, &e)
		m.fill(ctx, p)
	}
	for id, p := range m.pools {
		if p.vpc == s && !has[id] {
			m.discard(p)
			delete(m.pools, id)
			delete(m.rings, id)
		}
	}
}

// resolversOf lists whom hosts ask: the servers of the DHCP options, or the VPC's
// resolver, at an address of a family that the interface has.
func resolversOf(p *netplan.Plan, e *netplan.ENI) []netip.Addr {
	if len(p.DNS.Upstream) > 0 {
		return p.DNS.Upstream
	}
	for _, a := range p.DNS.Resolvers {
		if a.Is4() == e.Addrs[0].Is4() {
			return []netip.Addr{a}
		}
	}
	return nil
}

// empty gives up slots that no longer fit the interface. m.mu is held.
func (m *Manager) empty(p *pool) {
	for _, s := range p.idle() {
		m.waste(p, s)
	}
}

// waste takes down a slot that nobody has leased. m.mu is held.
func (m *Manager) waste(p *pool, s *Slot) {
	p.leased++
	m.work.Go(s.Close)
}

// discard closes what is ready: the interface behind it is gone. m.mu is held.
func (m *Manager) discard(p *pool) {
	p.gone = true
	for _, s := range p.idle() {
		_ = s.NetNS.Close()
	}
}

// fill makes slots in the background until enough are ready. m.mu is held.
func (m *Manager) fill(ctx context.Context, p *pool) {
	for p.shared() && !p.gone && !m.closed && len(p.ready)+p.making < m.pool {
		p.making++
		m.work.Go(func() {
			m.fills <- struct{}{}
			defer func() { <-m.fills }()
			s, err := m.make(ctx, p)
			m.mu.Lock()
			defer m.mu.Unlock()
			p.making--
			switch {
			case err != nil && !p.gone && ctx.Err() == nil:
				m.log.Error("slot not made", "eni", p.eni.ID, "err", err) // the next lease tries again
			case err != nil:
			case p.gone || m.closed:
				_ = s.NetNS.Close()
			default:
				p.ready = append(p.ready, s)
				m.announce()
			}
		})
	}
}

// make makes a slot behind a shared interface.
func (m *Manager) make(ctx context.Context, p *pool) (*Slot, error) {
	m.mu.Lock()
	number := p.next
	p.next++
	n := SlotFor(p.ns, number, hasIPv6(p.eni.Addrs))
	s := &Slot{ID: fmt.Sprintf("%s-%d", p.eni.ID, number), ENI: p.eni.ID, Resolvers: p.resolvers}
	m.mu.Unlock()
	for _, a := range n.Inner.Addrs {
		s.Addrs = append(s.Addrs, a.Addr)
	}
	ns, err := m.kernel.AddSlot(ctx, p.vpc.id, n)
	if err != nil {
		return nil, fmt.Errorf("make a slot of network interface %s: %w", s.ENI, err)
	}
	s.NetNS = ns
	s.release = func() {
		m.mu.Lock()
		p.leased--
		m.mu.Unlock()
		go m.kernel.DropSlot(p.vpc.id, n, ns)
	}
	return s, nil
}

func hasIPv6(addrs []netip.Addr) bool {
	for _, a := range addrs {
		if a.Is6() {
			return true
		}
	}
	return false
}

// Lease gives a namespace behind the interface: a new one for each call behind
// an interface that is shared, the interface's own, to one at a time, otherwise.
func (m *Manager) Lease(ctx context.Context, id cloud.InterfaceID) (*Slot, error) {
	s, err := m.take(ctx, id)
	if err == nil {
		m.refill(ctx, id)
	}
	return s, err
}

// refill makes up for a slot that was taken.
func (m *Manager) refill(ctx context.Context, id cloud.InterfaceID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.pools[id]; p != nil {
		m.fill(context.WithoutCancel(ctx), p)
	}
}

// take is Lease without making up for what it took.
func (m *Manager) take(ctx context.Context, id cloud.InterfaceID) (*Slot, error) {
	m.mu.Lock()
	p := m.pools[id]
	if p == nil || p.gone || m.closed {
		m.mu.Unlock()
		return nil, cloud.Errorf(cloud.Unavailable, cloud.KindInterface, string(id), "not-in-place",
			"use network interface %s: the network does not have it (yet)", id)
	}
	if !p.shared() {
		defer m.mu.Unlock()
		return m.leaseDirect(ctx, p)
	}
	p.leased++
	if len(p.ready) > 0 {
		s := p.ready[0]
		p.ready = p.ready[1:]
		s.Resolvers = p.resolvers
		m.mu.Unlock()
		return s, nil
	}
	m.mu.Unlock()
	s, err := m.make(ctx, p)
	if err != nil {
		m.mu.Lock()
		p.leased--
		m.mu.Unlock()
	}
	return s, err
}

// leaseDirect gives the interface's own namespace; the next one gets a new. m.mu is held.
func (m *Manager) leaseDirect(ctx context.Context, p *pool) (*Slot, error) {
	id := p.eni.ID
	if p.leased > 0 {
		return nil, cloud.Errorf(cloud.InUse, cloud.KindInterface, string(id), "leased", "use network interface %s: it is in use", id)
	}
	ns, err := m.kernel.Open(p.vpc.id, p.ns)
	if err != nil {
		return nil, fmt.Errorf("use network interface %s: %w", id, err)
	}
	p.leased = 1
	background := context.WithoutCancel(ctx)
	return &Slot{ID: string(id), NetNS: ns, ENI: id, Addrs: p.eni.Addrs, Resolvers: p.resolvers, release: func() {
		_ = ns.Close()
		m.mu.Lock()
		defer m.mu.Unlock()
		if s := p.vpc; !p.gone && !m.closed {
			s.renew = append(s.renew, id)
			s.gen++
			m.start(background, s)
		}
	}}, nil
}
