package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Network opens sockets inside a VPC's router.
type Network interface {
	ListenPacket(ctx context.Context, vpc cloud.VPCID, addr netip.AddrPort) (net.PacketConn, error)
	ListenTCP(ctx context.Context, vpc cloud.VPCID, addr netip.AddrPort) (net.Listener, error)
}

// Resolve answers for names outside the VPC: records and response code, or an
// error when there is no answer.
type Resolve func(ctx context.Context, name string, qtype uint16) ([]dns.RR, int, error)

// Config is what a Server works with.
type Config struct {
	Listen   Network
	Upstream Resolve
	Log      *slog.Logger
}

// Server is the resolver of every VPC.
type Server struct {
	cfg    Config
	ctx    context.Context // ends with Close; bounds lookups in work
	cancel context.CancelFunc

	mu     sync.Mutex // guards what follows
	closed bool
	vpcs   map[cloud.VPCID]*view
}

// New makes a Server; it opens sockets as Sync tells it of VPCs.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{cfg: cfg, ctx: ctx, cancel: cancel, vpcs: map[cloud.VPCID]*view{}}
}

// view is one VPC's resolver.
type view struct {
	vpc     cloud.VPCID
	names   atomic.Pointer[names]
	config  atomic.Pointer[netplan.DNS]
	lookups chan struct{} // slots for lookups that wait for an upstream
	streams chan struct{} // slots for TCP connections
	sync    sync.Mutex    // guards sockets; held while a Sync of this VPC works
	sockets map[netip.Addr]*socket
}

const (
	maxLookups = 256
	maxStreams = 128
	port       = 53
)

// Sync makes the VPC's resolver fit the plan: call it when the VPC's router
// stands, and after every change. A nil plan, or one with DNS switched off,
// closes it. When the router is rebuilt, Sync nil first: its sockets are dead.
// Calls for one VPC must not overlap.
func (s *Server) Sync(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan) error {
	v, err := s.view(vpc, plan != nil)
	if v == nil {
		return err
	}
	v.sync.Lock()
	defer v.sync.Unlock()
	if s.ctx.Err() != nil { // Close came first
		return nil
	}
	var want []netip.Addr
	if plan != nil {
		conf := plan.DNS
		v.names.Store(newNames(plan))
		v.config.Store(&conf)
		if conf.Enabled {
			want = conf.Resolvers
		}
	}
	for addr, sock := range v.sockets {
		if !slices.Contains(want, addr) || sock.dead.Load() {
			sock.close()
			delete(v.sockets, addr)
		}
	}
	var errs []error
	for _, addr := range want {
		if v.sockets[addr] != nil {
			continue
		}
		sock, err := s.open(ctx, v, netip.AddrPortFrom(addr, port))
		if err != nil {
			errs = append(errs, fmt.Errorf("open the resolver of %s at %s: %w", vpc, addr, err))
			continue
		}
		v.sockets[addr] = sock
	}
	return errors.Join(errs...)
}

// view finds or makes the VPC's resolver; without create it forgets it.
func (s *Server) view(vpc cloud.VPCID, create bool) (*view, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.vpcs[vpc]
	switch {
	case s.closed:
		return nil, fmt.Errorf("change the resolver of %s: the resolvers are closed", vpc)
	case !create:
		delete(s.vpcs, vpc)
	case v == nil:
		v = &view{
			vpc:     vpc,
			lookups: make(chan struct{}, maxLookups),
			streams: make(chan struct{}, maxStreams),
			sockets: map[netip.Addr]*socket{},
		}
		s.vpcs[vpc] = v
	}
	return v, nil
}

// VPCs lists the VPCs that have a resolver, open or not.
func (s *Server) VPCs() []cloud.VPCID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []cloud.VPCID
	for vpc := range s.vpcs {
		out = append(out, vpc)
	}
	slices.Sort(out)
	return out
}

// Close closes every resolver.
func (s *Server) Close() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	views := s.vpcs
	s.vpcs = nil
	s.mu.Unlock()
	for _, v := range views {
		v.sync.Lock()
		for addr, sock := range v.sockets {
			sock.close()
			delete(v.sockets, addr)
		}
		v.sync.Unlock()
	}
}
