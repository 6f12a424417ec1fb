package balance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"sync"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Net opens sockets behind the interfaces of VPCs.
type Net interface {
	ListenBehind(ctx context.Context, vpc cloud.VPCID, eni cloud.InterfaceID, addr netip.AddrPort) (net.Listener, error)
	DialBehind(ctx context.Context, vpc cloud.VPCID, eni cloud.InterfaceID, from netip.Addr, to netip.AddrPort) (net.Conn, error)
}

// Config is what Balancers work with.
type Config struct {
	Net Net
	// Admits tells whether the security groups of a balancer's interface let a
	// client in that comes through an endpoint; nil lets all in.
	Admits func(plan *netplan.Plan, eni cloud.InterfaceID, client netip.Addr, port int) bool
	Log    *slog.Logger
}

// Balancers runs the load balancers of all VPCs.
type Balancers struct {
	cfg  Config
	work sync.WaitGroup // nodes' goroutines

	mu    sync.Mutex // guards nodes and what is in it
	nodes map[cloud.InterfaceID]*node
}

// New makes Balancers; Sync starts what a plan has.
func New(c Config) *Balancers {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Balancers{cfg: c, nodes: map[cloud.InterfaceID]*node{}}
}

// Sync opens, keeps or closes what serves a VPC's load balancers as the plan
// says; nil closes all. Calls for one VPC do not overlap.
func (b *Balancers) Sync(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if plan == nil {
		plan = &netplan.Plan{}
	}
	want := map[cloud.InterfaceID]*netplan.Balancer{}
	for i := range plan.Balancers {
		for _, id := range plan.Balancers[i].ENIs {
			want[id] = &plan.Balancers[i]
		}
	}
	for id, n := range b.nodes {
		if n.vpc != vpc {
			continue
		}
		if e := plan.ENI(id); want[id] == nil || !reflect.DeepEqual(e.Addrs, n.addrs) {
			n.close()
			delete(b.nodes, id)
		}
	}
	var errs []error
	for id, lb := range want {
		n := b.nodes[id]
		if n == nil {
			n = newNode(b, vpc, id, plan.ENI(id).Addrs)
			b.nodes[id] = n
		}
		errs = append(errs, n.follow(ctx, plan, lb))
	}
	return errors.Join(errs...)
}

// Connect passes a connection that came through an endpoint on, by one of a
// balancer's interfaces.
func (b *Balancers) Connect(ctx context.Context, eni cloud.InterfaceID, port int, client netip.AddrPort) (net.Conn, error) {
	b.mu.Lock()
	n := b.nodes[eni]
	b.mu.Unlock()
	if n == nil {
		return nil, fmt.Errorf("the load balancer's interface %s is not there", eni)
	}
	plan, lb := n.now()
	if lb.PrivateIn && b.cfg.Admits != nil && !b.cfg.Admits(plan, eni, client.Addr(), port) {
		return nil, fmt.Errorf("the security groups of load balancer %s do not let %s in", lb.ID, client.Addr())
	}
	return n.connect(ctx, port, client)
}

// Close ends everything.
func (b *Balancers) Close() {
	b.mu.Lock()
	for id, n := range b.nodes {
		n.close()
		delete(b.nodes, id)
	}
	b.mu.Unlock()
	b.work.Wait()
}
