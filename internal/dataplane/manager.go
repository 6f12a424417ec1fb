package dataplane

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// State is what the Manager follows.
type State interface {
	View() cloud.View
	Watch() <-chan struct{} // closed when the current view is superseded
}

// Config is what a Manager needs.
type Config struct {
	State  State
	Kernel Kernel
	Log    *slog.Logger
	// Held says whether a host from before this process still runs behind the
	// interface, whose namespace then stays as it is.
	Held func(cloud.InterfaceID) bool
	Pool int // slots kept ready behind each shared interface; 0 is 2
	// EndpointIdle is how long a connection through an interface endpoint may be
	// silent; 0 is the vendor's time.
	EndpointIdle time.Duration
	// Applied is told of each plan that is in place, before Settle returns for it,
	// and of nil before a VPC's router goes. Calls for one VPC do not overlap. It
	// opens the router's sockets: DNS, gateway endpoints.
	Applied func(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan)
	// Refused is told what dropped packets are to flow logs. It must not call back.
	// lost: packets of logged interfaces of the VPC were dropped that are not known.
	Refused func(vpc cloud.VPCID, flows []Flow, lost bool)
}

// Manager keeps the kernel at what the state says.
type Manager struct {
	state  State
	kernel Kernel
	log    *slog.Logger
	pool   int
	idle   time.Duration
	held   func(cloud.InterfaceID) bool
	tell   func(context.Context, cloud.VPCID, *netplan.Plan)
	refuse func(cloud.VPCID, []Flow, bool)

	work  sync.WaitGroup // workers and fillers
	fills chan struct{}  // limits how many slots are made at the same time
	stop  chan struct{}  // closed when nothing more is to be done

	mu      sync.Mutex // guards what follows
	closed  bool
	rev     uint64        // newest that was dispatched
	changed chan struct{} // closed, and replaced, when rev or a VPC moves on
	vpcs    map[cloud.VPCID]*vpcState
	nextVPC int
	hub     HubNumbers
	pools   map[cloud.InterfaceID]*pool
	rings   map[cloud.InterfaceID]*ring
}

// vpcState is how far one VPC is.
type vpcState struct {
	id      cloud.VPCID
	numbers *Numbers // the worker's alone, while one runs
	left    bool     // by an earlier process: nothing has been applied since
	renew   []cloud.InterfaceID
	want    *netplan.Plan
	wantRev uint64 // want is the plan of every revision up to this one
	gen     int    // grows when want changes
	running bool

	done    int    // gen in the kernel
	doneRev uint64 // revision the kernel shows
	plan    *netplan.Plan
	network *Network
	links   map[int]cloud.InterfaceID // of the network, and of those that were gone when flows were last read
	err     error                     // why the last attempt failed
	errRev  uint64
	tries   int
}

func newVPCState(id cloud.VPCID, n *Numbers) *vpcState {
	return &vpcState{id: id, links: map[int]cloud.InterfaceID{}, numbers: n}
}

// New makes a Manager; Run starts it.
func New(c Config) *Manager {
	m := &Manager{state: c.State, kernel: c.Kernel, log: c.Log, pool: c.Pool, idle: c.EndpointIdle, fills: make(chan struct{}, 2), stop: make(chan struct{}),
		changed: make(chan struct{}), vpcs: map[cloud.VPCID]*vpcState{}, pools: map[cloud.InterfaceID]*pool{}, rings: map[cloud.InterfaceID]*ring{}}
	if m.pool == 0 {
		m.pool = 2
	}
	if m.tell = c.Applied; m.tell == nil {
		m.tell = func(context.Context, cloud.VPCID, *netplan.Plan) {}
	}
	if m.refuse = c.Refused; m.refuse == nil {
		m.refuse = func(cloud.VPCID, []Flow, bool) {}
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.held = c.Held; m.held == nil {
		m.held = func(cloud.InterfaceID) bool { return false }
	}
	m.kernel.OnDrop(m.record)
	for id, kept := range m.kernel.Left() {
		m.hub.recall(kept)
		s := newVPCState(id, kept.numbers().In(&m.hub))
		s.left = true
		m.vpcs[id] = s
		m.nextVPC = max(m.nextVPC, kept.VPC)
	}
	return m
}

// Run follows the state until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	for {
		watch := m.state.Watch() // before the view, so that no change is missed
		m.dispatch(ctx, m.state.View())
		select {
		case <-watch:
		case <-ctx.Done():
			m.shut()
			m.work.Wait()
			return nil
		}
	}
}

// shut has workers and fillers end, and no new ones start.
func (m *Manager) shut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		close(m.stop)
	}
}

// Close removes everything from the kernel. Run has ended by then.
func (m *Manager) Close() error {
	m.shut()
	m.mu.Lock()
	var idle []*Slot
	for _, p := range m.pools {
		idle = append(idle, p.idle()...)
	}
	m.mu.Unlock()
	m.work.Wait()
	for _, s := range idle {
		_ = s.NetNS.Close()
	}
	return m.kernel.Close()
}

// announce wakes who waits for progress. m.mu is held.
func (m *Manager) announce() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// dispatch compiles what the view shows and sets workers to what changed.
func (m *Manager) dispatch(ctx context.Context, v cloud.View) {
	plans := map[cloud.VPCID]*netplan.Plan{}
	for _, id := range netplan.VPCs(v) {
		plans[id] = nil
		for range cloud.Interfaces.By(v, "vpc", string(id)) { // a VPC without interfaces costs nothing
			plans[id] = netplan.Compile(v, id)
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, p := range plans {
		if p == nil && m.vpcs[id] == nil {
			continue
		}
		m.aim(ctx, id, p, v.Rev())
	}
	for id := range m.vpcs {
		if _, ok := plans[id]; !ok {
			m.aim(ctx, id, nil, v.Rev())
		}
	}
	m.rev = v.Rev()
	m.announce()
}

// aim sets what a VPC should be. m.mu is held.
func (m *Manager) aim(ctx context.Context, id cloud.VPCID, p *netplan.Plan, rev uint64) {
	s := m.vpcs[id]
	if s == nil {
		m.nextVPC++
		s = newVPCState(id, NewNumbers(m.nextVPC).In(&m.hub))
		m.vpcs[id] = s
	}
	if p == nil {
		p = &netplan.Plan{VPC: id}
	}
	s.wantRev = rev
	if s.want != nil && s.want.Equal(p) {
		if s.done == s.gen {
			s.doneRev = rev
		}
		return
	}
	s.want = p
	s.gen++
	m.start(ctx, s)
}

// start has a worker see to the VPC. m.mu is held.
func (m *Manager) start(ctx context.Context, s *vpcState) {
	if s.running || m.closed {
		return
	}
	s.running = true
	m.work.Go(func() { m.reconcile(ctx, s) })
}

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// reconcile applies what the VPC should be until the kernel is there, or ctx ends.
func (m *Manager) reconcile(ctx context.Context, s *vpcState) {
	for {
		m.mu.Lock()
		if s.done == s.gen || ctx.Err() != nil || m.closed {
			s.running = false
			if len(s.want.ENIs) == 0 && s.done == s.gen && m.vpcs[s.id] == s {
				delete(m.vpcs, s.id)
			}
			m.announce()
			m.mu.Unlock()
			return
		}
		plan, rev, gen := s.want, s.wantRev, s.gen
		for _, id := range s.renew {
			s.numbers.Renew(id)
		}
		s.renew = nil
		m.mu.Unlock()
		if s.left {
			s.left = false
			m.inherit(s.numbers, plan)
		}

		network := Lower(plan, s.numbers)
		if m.idle > 0 {
			network.limitIdle(m.idle)
		}
		if len(plan.ENIs) == 0 {
			m.tell(ctx, s.id, nil)
		}
		err := m.kernel.Apply(ctx, network)
		if err == nil && len(plan.ENIs) > 0 {
			m.tell(ctx, s.id, plan)
		}
		wait := m.finish(ctx, s, plan, network, rev, gen, err)
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-m.stop:
			}
		}
	}
}

// finish records an attempt and says how long to wait for the next.
func (m *Manager) finish(ctx context.Context, s *vpcState, plan *netplan.Plan, n *Network, rev uint64, gen int, err error) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.announce()
	if err != nil {
		if ctx.Err() != nil {
			return 0
		}
		s.err, s.errRev = err, rev
		s.tries++
		m.log.Error("network not applied", "vpc", s.id, "rev", rev, "err", err)
		return min(firstRetry<<min(s.tries-1, 10), lastRetry)
	}
	s.err, s.tries = nil, 0
	s.done, s.doneRev = gen, rev
	if gen == s.gen {
		s.doneRev = s.wantRev
	}
	s.plan, s.network = plan, n
	maps.Copy(s.links, n.ENIs)
	if len(plan.ENIs) == 0 { // a next router must not have names that the last one's links still have
		m.nextVPC++
		s.numbers = NewNumbers(m.nextVPC).In(&m.hub)
	}
	m.stock(ctx, s)
	return 0
}

// settle is Settle for one VPC.
func (m *Manager) settle(ctx context.Context, id cloud.VPCID, rev uint64) error {
	for {
		m.mu.Lock()
		s, changed := m.vpcs[id], m.changed
		settled := m.rev >= rev && (s == nil || s.doneRev >= rev)
		var err error
		if !settled && s != nil && s.err != nil && s.errRev >= rev {
			err = s.err
		}
		m.mu.Unlock()
		if settled {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bring VPC %s to revision %d: %w", id, rev, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for VPC %s to reach revision %d: %w", id, rev, ctx.Err())
		}
	}
}

// Shows reports whether every VPC is in place as of a revision.
func (m *Manager) Shows(rev uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.vpcs {
		if s.doneRev < rev {
			return false
		}
	}
	return m.rev >= rev
}

// VPCStatus tells how a VPC that is in use stands.
type VPCStatus struct {
	VPC        cloud.VPCID
	Rev        uint64 // that the kernel shows
	Err        error  // why it shows no later one
	Problems   []netplan.Problem
	Interfaces int
	Ready      int // slots
	Leased     int
}

// Status lists the VPCs that are in use.
func (m *Manager) Status() []VPCStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []VPCStatus
	for id, s := range m.vpcs {
		st := VPCStatus{VPC: id, Rev: s.doneRev, Err: s.err}
		if s.plan != nil {
			st.Problems, st.Interfaces = s.plan.Problems, len(s.plan.ENIs)
			for _, e := range s.plan.ENIs {
				if p := m.pools[e.ID]; p != nil {
					st.Ready, st.Leased = st.Ready+len(p.ready), st.Leased+p.leased
				}
			}
		}
		out = append(out, st)
	}
	slices.SortFunc(out, func(a, b VPCStatus) int { return cmp.Compare(a.VPC, b.VPC) })
	return out
}

// Plan is what the kernel shows of a VPC; nil if it has nothing.
func (m *Manager) Plan(id cloud.VPCID) *netplan.Plan {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.vpcs[id]; s != nil && s.plan != nil && len(s.plan.ENIs) > 0 {
		return s.plan
	}
	return nil
}

// VPCs lists those with a router, and gives a channel that is closed when that,
// or any plan, may have changed.
func (m *Manager) VPCs() (ids []cloud.VPCID, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, s := range m.vpcs {
		if s.plan != nil && len(s.plan.ENIs) > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, m.changed
}

// ListenTCP listens in the VPC's router. The unspecified address takes what
// routes to gateway endpoints bring. The socket ends with the router.
func (m *Manager) ListenTCP(ctx context.Context, id cloud.VPCID, addr netip.AddrPort) (net.Listener, error) {
	return m.kernel.ListenTCP(ctx, id, addr)
}

// ListenPacket opens a UDP socket in the VPC's router.
func (m *Manager) ListenPacket(ctx context.Context, id cloud.VPCID, addr netip.AddrPort) (net.PacketConn, error) {
	return m.kernel.ListenPacket(ctx, id, addr)
}
