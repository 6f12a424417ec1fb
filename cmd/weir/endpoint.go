package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
	"weir/internal/pki"
)

// endpointIdle is how long a connection through an interface endpoint may be silent.
const endpointIdle = 350 * time.Second

// endpoints serve the API at the interfaces of interface endpoints.
type endpoints struct {
	listen dataplane.Listener
	api    http.Handler
	ca     *pki.CA
	log    *slog.Logger
	idle   time.Duration
	meters *meters
	// services connects to users' own services, by a load balancer's interface.
	services func(ctx context.Context, eni cloud.InterfaceID, port int, client netip.AddrPort) (net.Conn, error)

	mu      sync.Mutex // guards servers
	servers map[cloud.InterfaceID]*endpointServer
}

// endpointServer answers at one interface.
type endpointServer struct {
	vpc    cloud.VPCID
	addrs  []netip.Addr
	legs   []netplan.Leg // to a service of users' own
	server interface{ Close() error }
}

func newEndpoints(l dataplane.Listener, api http.Handler, ca *pki.CA, idle time.Duration, log *slog.Logger) *endpoints {
	return &endpoints{listen: l, api: api, ca: ca, log: log, idle: idle, meters: newMeters(), servers: map[cloud.InterfaceID]*endpointServer{}}
}

// sync opens, keeps or closes servers of a VPC as the plan says; nil closes all.
func (s *endpoints) sync(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if plan == nil {
		plan = &netplan.Plan{}
	}
	for id, have := range s.servers {
		if e := plan.ENI(id); have.vpc == vpc && (e == nil || !slices.Equal(e.Addrs, have.addrs) || !slices.Equal(legsOf(plan, id), have.legs)) {
			_ = have.server.Close()
			delete(s.servers, id)
			if e == nil {
				s.meters.end(id, time.Now())
			}
		}
	}
	var errs []error
	for _, p := range plan.Endpoints {
		for _, id := range p.ENIs {
			switch {
			case s.servers[id] != nil:
			case p.Provider != "":
				errs = append(errs, s.openService(ctx, plan, p, plan.ENI(id)))
			default:
				errs = append(errs, s.open(ctx, plan, p, plan.ENI(id)))
			}
		}
	}
	return errors.Join(errs...)
}

// open serves an endpoint's service at one of its interfaces. s.mu is held.
func (s *endpoints) open(ctx context.Context, plan *netplan.Plan, p netplan.Endpoint, e *netplan.ENI) error {
	origin := wire.Origin{VPC: plan.VPC, Endpoint: p.ID, Service: p.API, Region: plan.Region}
	server := privateServer(s.api, s.ca, s.log, func(netip.Addr) wire.Origin { return origin })
	// What has no request to read or answer is the network's to end, not the server's.
	server.ReadHeaderTimeout = max(s.idle, server.ReadHeaderTimeout)
	count := s.meters.begin(e.ID, p, plan, plan.Zone(e.ID))
	for _, addr := range e.Addrs {
		for _, port := range []uint16{80, 443} {
			l, err := s.listen.ListenBehind(ctx, plan.VPC, e.ID, netip.AddrPortFrom(addr, port))
			if err != nil {
				server.Close()
				return fmt.Errorf("listening on %s for endpoint %s: %w", addr, p.ID, err)
			}
			serveOn(server, metered{l, count, s.idle}, port == 443, s.log)
		}
	}
	s.servers[e.ID] = &endpointServer{vpc: plan.VPC, addrs: e.Addrs, server: server}
	return nil
}

func (s *endpoints) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, have := range s.servers {
		_ = have.server.Close()
		delete(s.servers, id)
	}
}

// metered counts connections and what they carry.
type metered struct {
	net.Listener
	count *counter
	idle  time.Duration
}

// Accept implements net.Listener. A probe that nobody answers ends what a
// client left behind; it comes too late to keep an idle connection alive.
func (m metered) Accept() (net.Conn, error) {
	conn, err := m.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		late := m.idle + 10*time.Second
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: late, Interval: late, Count: 1})
	}
	m.count.connections.Add(1)
	return meteredConn{conn, m.count}, nil
}

type meteredConn struct {
	net.Conn
	count *counter
}

// CloseWrite tells the other end that nothing more comes.
func (c meteredConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Close()
}

// SetLinger is as a TCP connection's.
func (c meteredConn) SetLinger(seconds int) error {
	if w, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return w.SetLinger(seconds)
	}
	return nil
}

func (c meteredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.count.in.Add(int64(n))
	return n, err
}

func (c meteredConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.count.out.Add(int64(n))
	return n, err
}
