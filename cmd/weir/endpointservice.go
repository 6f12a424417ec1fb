package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"weir/internal/balance"
	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// admits asks the security groups of a load balancer's interface about a client
// that comes through an endpoint, whose packets that VPC never sees.
func admits(plan *netplan.Plan, eni cloud.InterfaceID, client netip.Addr, port int) bool {
	return reach.New(plan).Admits(eni, client, port)
}

// legsOf are the ways from an endpoint's interface to its service.
func legsOf(plan *netplan.Plan, id cloud.InterfaceID) (out []netplan.Leg) {
	if e := plan.EndpointOf(id); e != nil {
		for _, l := range e.Legs {
			if l.ENI == id {
				out = append(out, l)
			}
		}
	}
	return out
}

// forwarder passes connections on to a service of users' own.
type forwarder struct {
	connect func(ctx context.Context, client netip.AddrPort) (net.Conn, error)

	ctx  context.Context // ends with Close
	end  context.CancelFunc
	mu   sync.Mutex // guards open
	open map[net.Conn]bool
}

// forwarders are an endpoint's at one interface.
type forwarders struct {
	listeners []net.Listener
	all       []*forwarder
}

// Close ends them with every connection.
func (f *forwarders) Close() error {
	for _, l := range f.listeners {
		_ = l.Close()
	}
	for _, w := range f.all {
		w.end()
		w.mu.Lock()
		for c := range w.open {
			_ = c.Close()
		}
		w.mu.Unlock()
	}
	return nil
}

// openService listens at an endpoint's interface for its service, which may
// listen on nothing, or not have agreed. s.mu is held.
func (s *endpoints) openService(ctx context.Context, plan *netplan.Plan, p netplan.Endpoint, e *netplan.ENI) error {
	count := s.meters.begin(e.ID, p, plan, plan.Zone(e.ID))
	f := &forwarders{}
	legs := legsOf(plan, e.ID)
	for _, leg := range legs {
		w := &forwarder{open: map[net.Conn]bool{}, connect: func(ctx context.Context, client netip.AddrPort) (net.Conn, error) {
			return s.services(ctx, leg.To, leg.Port, client)
		}}
		w.ctx, w.end = context.WithCancel(context.Background())
		f.all = append(f.all, w)
		for _, addr := range e.Addrs {
			l, err := s.listen.ListenBehind(ctx, plan.VPC, e.ID, netip.AddrPortFrom(addr, uint16(leg.Port)))
			if err != nil {
				_ = f.Close()
				return fmt.Errorf("listening on %s for endpoint %s: %w", addr, p.ID, err)
			}
			f.listeners = append(f.listeners, l)
			go w.serve(metered{l, count, s.idle})
		}
	}
	s.servers[e.ID] = &endpointServer{vpc: plan.VPC, addrs: e.Addrs, legs: legs, server: f}
	return nil
}

// serve passes connections on until the listener is closed.
func (w *forwarder) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go w.pass(c)
	}
}

func (w *forwarder) pass(c net.Conn) {
	if !w.hold(c) {
		return
	}
	defer w.drop(c)
	client, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	to, err := w.connect(w.ctx, client)
	if err != nil {
		balance.Reset(c)
		return
	}
	defer to.Close()
	balance.Join(c, to)
}

// hold keeps a connection for Close to end; it reports whether there still is something to do.
func (w *forwarder) hold(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		_ = c.Close()
		return false
	}
	w.open[c] = true
	return true
}

func (w *forwarder) drop(c net.Conn) {
	_ = c.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, c)
}
