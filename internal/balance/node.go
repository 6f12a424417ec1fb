package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// connectTime bounds how long a target has to take a connection.
const connectTime = 10 * time.Second

// node serves a load balancer at one interface.
type node struct {
	b     *Balancers
	vpc   cloud.VPCID
	eni   cloud.InterfaceID
	addrs []netip.Addr
	ctx   context.Context // ends with close
	end   context.CancelFunc

	mu        sync.Mutex // guards what follows
	plan      *netplan.Plan
	lb        *netplan.Balancer
	listeners map[int][]net.Listener
	checks    map[checked]*check
	turn      uint64 // of the next target
	open      map[net.Conn]bool
}

func newNode(b *Balancers, vpc cloud.VPCID, eni cloud.InterfaceID, addrs []netip.Addr) *node {
	n := &node{b: b, vpc: vpc, eni: eni, addrs: addrs, listeners: map[int][]net.Listener{}, checks: map[checked]*check{}, open: map[net.Conn]bool{}}
	n.ctx, n.end = context.WithCancel(context.Background())
	return n
}

func (n *node) now() (*netplan.Plan, *netplan.Balancer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plan, n.lb
}

// follow brings listeners and checks to what the balancer has now.
func (n *node) follow(ctx context.Context, plan *netplan.Plan, lb *netplan.Balancer) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plan, n.lb = plan, lb
	n.recheck()
	for port, list := range n.listeners {
		if lb.Listener(port) == nil {
			closeAll(list)
			delete(n.listeners, port)
		}
	}
	for _, l := range lb.Listeners {
		if n.listeners[l.Port] != nil {
			continue
		}
		for _, addr := range n.addrs {
			s, err := n.b.cfg.Net.ListenBehind(ctx, n.vpc, n.eni, netip.AddrPortFrom(addr, uint16(l.Port)))
			if err != nil {
				closeAll(n.listeners[l.Port])
				delete(n.listeners, l.Port)
				return fmt.Errorf("listening for load balancer %s: %w", lb.ID, err)
			}
			n.listeners[l.Port] = append(n.listeners[l.Port], s)
			n.b.work.Go(func() { n.serve(s, l.Port) })
		}
	}
	return nil
}

func closeAll(list []net.Listener) {
	for _, l := range list {
		_ = l.Close()
	}
}

// close ends everything at this interface.
func (n *node) close() {
	n.end()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, list := range n.listeners {
		closeAll(list)
	}
	for c := range n.open {
		_ = c.Close()
	}
	for _, c := range n.checks {
		c.end()
	}
}

// hold keeps a connection for close to end; it reports whether the node still is there.
func (n *node) hold(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		_ = c.Close()
		return false
	}
	n.open[c] = true
	return true
}

func (n *node) drop(c net.Conn) {
	_ = c.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// serve takes connections until the listener is closed.
func (n *node) serve(l net.Listener, port int) {
	for {
		c, err := l.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				n.b.cfg.Log.Debug("load balancer's socket ended", "eni", n.eni, "port", port, "err", err)
			}
			return
		}
		n.b.work.Go(func() { n.pass(c, port) })
	}
}

// pass passes one connection on.
func (n *node) pass(c net.Conn, port int) {
	if !n.hold(c) {
		return
	}
	defer n.drop(c)
	client, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	to, err := n.connect(n.ctx, port, client)
	if err != nil {
		Reset(c)
		return
	}
	defer to.Close()
	Join(c, to)
}

// connect opens a connection to the target whose turn it is.
func (n *node) connect(ctx context.Context, port int, client netip.AddrPort) (net.Conn, error) {
	l, t, err := n.next(port)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	stop := context.AfterFunc(n.ctx, cancel)
	defer stop()
	c, err := n.dial(ctx, netip.AddrPortFrom(t.Addr, uint16(t.Port)))
	if err != nil {
		return nil, err
	}
	if !n.hold(c) {
		return nil, net.ErrClosed
	}
	if l.ProxyProtocol {
		if _, err := c.Write(proxyHeader(client, netip.AddrPortFrom(n.addrs[0], uint16(port)))); err != nil {
			n.drop(c)
			return nil, err
		}
	}
	return &held{c, n}, nil
}

// dial connects from the address of the interface that is of to's family.
func (n *node) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	for _, from := range n.addrs {
		if from.Is4() == to.Addr().Is4() {
			return n.b.cfg.Net.DialBehind(ctx, n.vpc, n.eni, from, to)
		}
	}
	return nil, fmt.Errorf("%s has no address to reach %s from", n.eni, to)
}

// held is a connection that the node forgets when it is closed.
type held struct {
	net.Conn
	n *node
}

// Close implements net.Conn.
func (h *held) Close() error { h.n.drop(h.Conn); return nil }

// CloseWrite tells the other end that nothing more comes.
func (h *held) CloseWrite() error { return closeWrite(h.Conn) }

// next picks, in turn, a healthy target of the listener on a port; all if none is healthy.
func (n *node) next(port int) (*netplan.Listener, netplan.Target, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.lb.Listener(port)
	if l == nil {
		return nil, netplan.Target{}, fmt.Errorf("load balancer %s does not listen on port %d", n.lb.ID, port)
	}
	all := n.lb.From(n.plan.Zone(n.eni), l)
	var healthy []netplan.Target
	for _, t := range all {
		if c := n.checks[checked{l.Group, t.Addr, t.Port}]; c != nil && c.state() == Healthy {
			healthy = append(healthy, t)
		}
	}
	if len(healthy) == 0 {
		healthy = all
	}
	if len(healthy) == 0 {
		return nil, netplan.Target{}, fmt.Errorf("the listener on port %d of load balancer %s has no target", port, n.lb.ID)
	}
	n.turn++
	return l, healthy[n.turn%uint64(len(healthy))], nil
}
