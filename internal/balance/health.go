package balance

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"weir/internal/cloud"
)

// State is what is known of a target's health.
type State string

// States.
const (
	Initial   State = "initial"
	Healthy   State = "healthy"
	Unhealthy State = "unhealthy"
	Unused    State = "unused" // nobody checks it
)

// Health is a target's, and why.
type Health struct {
	State  State
	Reason string // of the last failure
}

// Health is what is known of a target: of the interfaces that check it, the worst.
func (b *Balancers) Health(group cloud.TargetGroupID, addr netip.Addr, port int) Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := Health{State: Unused}
	rank := map[State]int{Unused: 0, Healthy: 1, Initial: 2, Unhealthy: 3}
	for _, n := range b.nodes {
		n.mu.Lock()
		c := n.checks[checked{group, addr, port}]
		n.mu.Unlock()
		if c == nil {
			continue
		}
		if h := c.health(); rank[h.State] > rank[out.State] {
			out = h
		}
	}
	return out
}

// checked is a target as an interface checks it.
type checked struct {
	group cloud.TargetGroupID
	addr  netip.Addr
	port  int
}

// check follows the health of one target from one interface.
type check struct {
	n    *node
	at   checked
	how  cloud.TargetCheck
	end  context.CancelFunc
	mu   sync.Mutex // guards now and what it counts
	now  Health
	good int // in a row
	bad  int
}

// recheck starts and ends checks as the balancer's targets say. n.mu is held.
func (n *node) recheck() {
	want := map[checked]cloud.TargetCheck{}
	for i := range n.lb.Listeners {
		l := &n.lb.Listeners[i]
		for _, t := range n.lb.From(n.plan.Zone(n.eni), l) {
			want[checked{l.Group, t.Addr, t.Port}] = l.Health
		}
	}
	for at, c := range n.checks {
		if how, ok := want[at]; !ok || how != c.how {
			c.end()
			delete(n.checks, at)
		}
	}
	for at, how := range want {
		if n.checks[at] != nil {
			continue
		}
		c := &check{n: n, at: at, how: how, now: Health{State: Initial}}
		ctx, end := context.WithCancel(n.ctx)
		c.end = end
		n.checks[at] = c
		n.b.work.Go(func() { c.run(ctx) })
	}
}

// settle is how soon checks follow one another while nothing is known yet.
const settle = time.Second

// run checks until ctx ends.
func (c *check) run(ctx context.Context) {
	for {
		c.note(c.once(ctx))
		wait := c.how.Interval
		if c.state() == Initial {
			wait = min(wait, settle)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (c *check) health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *check) state() State { return c.health().State }

// note counts a check's result. The first good one of a new target makes it healthy.
func (c *check) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.good, c.bad = c.good+1, 0
		if c.now.State == Initial || c.good >= c.how.Healthy {
			c.now = Health{State: Healthy}
		}
		return
	}
	c.good, c.bad = 0, c.bad+1
	if c.bad >= c.how.Unhealthy {
		c.now = Health{State: Unhealthy, Reason: err.Error()}
	}
}

// once makes one check.
func (c *check) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.how.Timeout)
	defer cancel()
	port := c.at.port
	if c.how.Port != 0 {
		port = c.how.Port
	}
	to := netip.AddrPortFrom(c.at.addr, uint16(port))
	if c.how.Kind != cloud.CheckHTTP && c.how.Kind != cloud.CheckHTTPS {
		conn, err := c.n.dial(ctx, to)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	return c.fetch(ctx, to)
}

// fetch asks a target's web server.
func (c *check) fetch(ctx context.Context, to netip.AddrPort) error {
	t := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.n.dial(ctx, to) },
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the vendor does not validate targets' certificates either
		DisableKeepAlives: true,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(c.how.Kind)+"://"+to.String()+c.how.Path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "HealthChecker/2.0")
	res, err := t.RoundTrip(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode < c.how.CodeFrom || res.StatusCode > c.how.CodeTo {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}
