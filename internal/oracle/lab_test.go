package oracle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/linux"
	"weir/internal/netplan"
	"weir/internal/store"
)

// stage is a thread that goes between namespaces.
type stage struct{ home int }

func newStage(t testing.TB) *stage {
	t.Helper()
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(home) })
	g := &stage{home: home}
	ns, err := g.newInternet()
	if errors.Is(err, unix.EPERM) {
		t.Skipf("needs the right to make network namespaces (run as root or under unshare -Urnm): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = ns.Close()
	return g
}

func (g *stage) newInternet() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	defer g.back()
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err == nil {
		err = internet()
	}
	return ns, err
}

// internet sets up the namespace the thread is in.
func internet() error {
	for k, v := range map[string]string{"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv6/conf/default/accept_dad": "0",
		"ipv6/conf/default/addr_gen_mode": "1", "ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0"} {
		if err := os.WriteFile("/proc/sys/net/"+k, []byte(v), 0); err != nil {
			return err
		}
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, list := range [][]netip.Addr{hosts4, hosts6, {privateHost}} {
		for _, a := range list {
			n := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
			if err := netlink.AddrAdd(lo, &netlink.Addr{IPNet: n, Flags: unix.IFA_F_NODAD}); err != nil {
				return err
			}
		}
	}
	return netlink.LinkSetUp(lo)
}

func (g *stage) back() {
	if err := unix.Setns(g.home, unix.CLONE_NEWNET); err != nil {
		panic(fmt.Sprintf("return to the machine's network namespace: %v", err))
	}
}

// in runs f in a namespace.
func (g *stage) in(ns *os.File, f func() error) error {
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	defer g.back()
	return f()
}

// spy is the kernel as the manager sees it; it remembers what is asked for, and
// may falsify it.
type spy struct {
	*linux.Kernel
	mu    sync.Mutex
	last  map[cloud.VPCID]*dataplane.Network
	fault func(*dataplane.Network) *dataplane.Network
}

func (s *spy) Apply(ctx context.Context, want *dataplane.Network) error {
	if s.fault != nil {
		want = s.fault(want)
	}
	s.mu.Lock()
	s.last[want.VPC] = want
	s.mu.Unlock()
	return s.Kernel.Apply(ctx, want)
}

func (s *spy) applied(id cloud.VPCID) *dataplane.Network {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[id]
}

func (s *spy) OnDrop(f func(dataplane.Packet)) {} // the lab listens itself

// lab is one network in the kernel, kept at a state by a Manager.
type lab struct {
	*stage
	internet *os.File
	dir      string
	kernel   *spy
	store    *store.Store
	m        *dataplane.Manager
	stop     func()
	now      state
	plans    map[cloud.VPCID]*netplan.Plan
	spots    map[cloud.InterfaceID]*spot
	served   map[listenKey]bool
	next     int // number of the next probe

	mu    sync.Mutex
	drops map[uint16][]drop // by the probe's port or ICMP id
	heard chan struct{}
}

type listenKey struct {
	vpc  cloud.VPCID
	addr netip.AddrPort
}

// spot is where probes start and end: a namespace with its sockets.
type spot struct {
	slot    *dataplane.Slot // nil for the internet
	ns      *os.File
	eni     *netplan.ENI
	vpc     cloud.VPCID
	servers map[serverKey]int
	// listeners are an interface endpoint's.
	listeners []net.Listener
	sniffer   int // packet socket of a host that takes packets for others, or -1
}

const applyFor = 20 * time.Second

func (g *stage) lab(fault func(*dataplane.Network) *dataplane.Network) (*lab, error) {
	return g.labOf(linux.Config{}, fault)
}

// labOf sets what else the kernel needs.
func (g *stage) labOf(c linux.Config, fault func(*dataplane.Network) *dataplane.Network) (*lab, error) {
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return nil, err
	}
	net, err := g.newInternet() // its own: links of the last network are still going
	if err != nil {
		return nil, err
	}
	c.Dir, c.Internet = dir, net
	k, err := linux.New(c)
	if err != nil {
		return nil, err
	}
	l := &lab{stage: g, internet: net, dir: dir, kernel: &spy{Kernel: k, last: map[cloud.VPCID]*dataplane.Network{}, fault: fault}, store: store.NewMemory(cloud.Schema()),
		now: state{}, plans: map[cloud.VPCID]*netplan.Plan{}, spots: map[cloud.InterfaceID]*spot{}, served: map[listenKey]bool{},
		drops: map[uint16][]drop{}, heard: make(chan struct{}, 1)}
	k.OnDrop(l.hear)
	l.m = dataplane.New(dataplane.Config{State: l.store, Kernel: l.kernel, Pool: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = l.m.Run(ctx); close(done) }()
	l.stop = func() { cancel(); <-done }
	l.spots[""] = &spot{ns: net, servers: map[serverKey]int{}, sniffer: -1}
	return l, nil
}

func (l *lab) close() error {
	for id := range l.spots {
		l.leave(id)
	}
	l.stop()
	err := l.m.Close()
	return errors.Join(err, l.internet.Close(), os.RemoveAll(l.dir))
}

func (l *lab) leave(id cloud.InterfaceID) {
	s := l.spots[id]
	delete(l.spots, id)
	for _, fd := range s.servers {
		_ = unix.Close(fd)
	}
	for _, f := range s.listeners {
		_ = f.Close()
	}
	if s.sniffer >= 0 {
		_ = unix.Close(s.sniffer)
	}
	if s.slot != nil {
		s.slot.Close()
	}
}

// become brings the kernel to a state, in one revision.
func (l *lab) become(s state) error {
	ctx, cancel := context.WithTimeout(context.Background(), applyFor)
	defer cancel()
	rev, err := l.store.Update(ctx, func(tx cloud.Tx) error {
		for table := range schema {
			for key := range l.now[table] {
				if _, ok := s[table][key]; !ok {
					tx.Delete(table, key)
				}
			}
			for key, v := range s[table] {
				if l.now[table][key] != v {
					tx.Put(table, key, v)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	before := l.plans
	l.now, l.plans = s.clone(), map[cloud.VPCID]*netplan.Plan{}
	gone := map[cloud.VPCID]bool{}
	for id := range before {
		gone[id] = true
	}
	for _, id := range netplan.VPCs(s) {
		l.plans[id] = netplan.Compile(s, id)
		delete(gone, id)
		if err := l.m.Settle(ctx, id, rev); err != nil {
			return err
		}
	}
	for id := range gone {
		if err := l.m.Settle(ctx, id, rev); err != nil {
			return err
		}
	}
	return l.populate(ctx, before)
}

// populate leases what has come or changed, gives back what has gone, and opens
// the routers' own sockets.
func (l *lab) populate(ctx context.Context, before map[cloud.VPCID]*netplan.Plan) error {
	for id, s := range l.spots {
		if id == "" {
			continue
		}
		p := l.plans[s.vpc]
		var e *netplan.ENI
		if p != nil {
			e = p.ENI(id)
		}
		if e == nil || !reflect.DeepEqual(e, s.eni) {
			l.leave(id)
		}
	}
	for vpc, p := range l.plans {
		if len(p.ENIs) == 0 {
			for k := range l.served {
				if k.vpc == vpc {
					delete(l.served, k)
				}
			}
			continue
		}
		for i := range p.ENIs {
			if err := l.enter(ctx, vpc, &p.ENIs[i]); err != nil {
				return err
			}
		}
		if err := l.serve(ctx, vpc, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) enter(ctx context.Context, vpc cloud.VPCID, e *netplan.ENI) error {
	switch {
	case e.Attach == netplan.AttachNAT || e.Attach == netplan.AttachTransit || l.spots[e.ID] != nil:
		return nil
	case e.Attach == netplan.AttachEndpoint:
		return l.answer(ctx, vpc, e)
	}
	var slot *dataplane.Slot
	var err error
	for {
		if slot, err = l.m.Lease(ctx, e.ID); err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(time.Millisecond) // one given back is being made anew
	}
	if err != nil {
		return err
	}
	s := &spot{slot: slot, ns: slot.NetNS, eni: e, vpc: vpc, servers: map[serverKey]int{}, sniffer: -1}
	l.spots[e.ID] = s
	if e.AnySource {
		s.sniffer, err = l.sniff(s.ns)
	}
	return err
}

// answer opens an interface endpoint's sockets.
func (l *lab) answer(ctx context.Context, vpc cloud.VPCID, e *netplan.ENI) error {
	s := &spot{vpc: vpc, eni: e, sniffer: -1}
	l.spots[e.ID] = s
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		for _, port := range ports {
			tcp, err := l.kernel.ListenBehind(ctx, vpc, e.ID, netip.AddrPortFrom(any, uint16(port)))
			if err != nil {
				return err
			}
			s.listeners = append(s.listeners, tcp)
			go acceptAll(tcp)
		}
	}
	return nil
}

// serve opens the router's sockets: the resolver's, and gateway endpoints'.
func (l *lab) serve(ctx context.Context, vpc cloud.VPCID, p *netplan.Plan) error {
	var at []netip.AddrPort
	if p.DNS.Enabled {
		for _, a := range p.DNS.Resolvers {
			at = append(at, netip.AddrPortFrom(a, 53))
		}
	}
	for _, port := range ports {
		at = append(at, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)))
	}
	for _, a := range at {
		if l.served[listenKey{vpc, a}] {
			continue
		}
		tcp, err := l.m.ListenTCP(ctx, vpc, a)
		if err != nil {
			return err
		}
		l.served[listenKey{vpc, a}] = true
		go acceptAll(tcp)
		if a.Port() == 53 {
			udp, err := l.m.ListenPacket(ctx, vpc, a)
			if err != nil {
				return err
			}
			go echoAll(udp)
		}
	}
	return nil
}

func acceptAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.Close()
	}
}

func echoAll(p net.PacketConn) {
	b := make([]byte, 64)
	for {
		n, from, err := p.ReadFrom(b)
		if err != nil {
			return
		}
		_, _ = p.WriteTo(b[:n], from)
	}
}
