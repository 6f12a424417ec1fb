package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

// meters count what interface endpoints carried since the daemon started.
type meters struct {
	mu       sync.Mutex // guards counters and the ends in them
	counters map[cloud.InterfaceID]*counter
}

// counter is the use of one endpoint in one zone.
type counter struct {
	endpoint             cloud.EndpointID
	service              string
	vpc                  cloud.VPCID
	zone                 string
	connections, in, out atomic.Int64
	created, ended       time.Time // of the interface, as far as known
}

func newMeters() *meters { return &meters{counters: map[cloud.InterfaceID]*counter{}} }

// begin is the counter of an interface, which an earlier server may have used.
func (u *meters) begin(id cloud.InterfaceID, p netplan.Endpoint, plan *netplan.Plan, zone string) *counter {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.counters[id]
	if c == nil {
		c = &counter{endpoint: p.ID, service: p.Service, vpc: plan.VPC, zone: zone, created: time.Now()}
		u.counters[id] = c
	}
	return c
}

// end notes that an interface is no more.
func (u *meters) end(id cloud.InterfaceID, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c := u.counters[id]; c != nil && c.ended.IsZero() {
		c.ended = at
	}
}

// endpointUsage is a line of GET /_weir/usage: one endpoint in one zone.
type endpointUsage struct {
	Endpoint    string `json:"endpoint"`
	Service     string `json:"service"`
	VPC         string `json:"vpc"`
	Zone        string `json:"zone"`
	Hours       int64  `json:"hours"` // begun ones count in full, as the vendor bills them
	Connections int64  `json:"connections"`
	BytesIn     int64  `json:"bytes_in"` // from clients
	BytesOut    int64  `json:"bytes_out"`
	Deleted     bool   `json:"deleted,omitempty"`
}

// report adds up by endpoint and zone. created tells since when an interface
// exists that was made before the daemon started.
func (u *meters) report(now time.Time, created func(cloud.InterfaceID) time.Time) []endpointUsage {
	u.mu.Lock()
	defer u.mu.Unlock()
	type key struct{ endpoint, zone string }
	sums := map[key]*endpointUsage{}
	for id, c := range u.counters {
		k := key{string(c.endpoint), c.zone}
		s := sums[k]
		if s == nil {
			s = &endpointUsage{Endpoint: k.endpoint, Service: c.service, VPC: string(c.vpc), Zone: k.zone, Deleted: true}
			sums[k] = s
		}
		if at := created(id); !at.IsZero() {
			c.created = at
		}
		until := c.ended
		if until.IsZero() {
			until, s.Deleted = now, false
		}
		s.Hours += int64((until.Sub(c.created) + time.Hour - 1) / time.Hour)
		s.Connections += c.connections.Load()
		s.BytesIn += c.in.Load()
		s.BytesOut += c.out.Load()
	}
	out := []endpointUsage{}
	for _, s := range sums {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b endpointUsage) int {
		return cmp.Or(cmp.Compare(a.VPC, b.VPC), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Zone, b.Zone))
	})
	return out
}

func (d *daemon) endpointUsage(*http.Request) (any, error) { return d.endpointUses(), nil }

func (d *daemon) endpointUses() []endpointUsage {
	v := d.store.View()
	return d.endpoints.meters.report(time.Now(), func(id cloud.InterfaceID) time.Time {
		if i, ok := cloud.Interfaces.Get(v, id); ok {
			return i.Created
		}
		return time.Time{}
	})
}

// usageCommand prints what interface endpoints and NAT gateways carried.
func usageCommand(ctx context.Context, e env, args []string) error {
	fs := flags(e, "usage", "")
	addr := addrFlag(fs)
	if err := parseOnly(fs, args); err != nil {
		return err
	}
	var list []endpointUsage
	if err := newClient(*addr).call(ctx, http.MethodGet, "/_weir/usage", nil, &list); err != nil {
		return err
	}
	var nats []dataplane.NATUse
	if err := newClient(*addr).call(ctx, http.MethodGet, "/_weir/usage/nat", nil, &nats); err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "VPC\tENDPOINT\tZONE\tSERVICE\tHOURS\tCONNECTIONS\tBYTES IN\tBYTES OUT")
	for _, u := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\n", u.VPC, u.Endpoint, u.Zone, u.Service, u.Hours, u.Connections, u.BytesIn, u.BytesOut)
	}
	if err := w.Flush(); err != nil || len(nats) == 0 {
		return err
	}
	fmt.Fprintln(w)
	printNATs(w, nats)
	return w.Flush()
}
