package flowlog

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"weir/internal/cloud"
)

// Flow is what passed, or was refused, at an interface.
type Flow struct {
	Key
	TCPFlags       uint8
	Packets, Bytes uint64
	Last           time.Time // of the last packet
}

// Key is what packets of a flow have in common.
type Key struct {
	ENI      cloud.InterfaceID
	Egress   bool
	Accepted bool
	Proto    int
	Src, Dst netip.AddrPort // as in the packet
}

// Line is one line of a flow log.
type Line struct {
	Log  *cloud.FlowLog
	ENI  cloud.InterfaceID
	Time time.Time
	Text string
}

// Limits of what is held.
const (
	maxFlows       = 200_000 // altogether, some 50 MB
	maxWindowFlows = 20_000  // of one interface in one log's interval
	// Reading is how often what was counted is read, at least.
	Reading = 10 * time.Second
)

// Config is what a Recorder needs.
type Config struct {
	// Read calls Add and Skip with what was counted since the last call.
	Read func(ctx context.Context)
	// Deliver takes lines; those of one call are of one log and interface, in order.
	Deliver func(ctx context.Context, lines []Line)
	// Interval replaces that of every log, if it is not 0.
	Interval time.Duration
}

// Recorder sums up flows.
type Recorder struct {
	cfg  Config
	wake chan struct{} // holds a token when Set changed something

	mu      sync.Mutex // guards what follows
	read    time.Time  // when counters were last read
	flows   int        // held
	windows map[cloud.InterfaceID]map[cloud.FlowLogID]*window
}

// window is one interval of one log at one interface.
type window struct {
	log        *cloud.FlowLog
	at         Interface
	start, end time.Time
	flows      map[Key]*sum
	skipped    bool
}

// sum is a flow in a window.
type sum struct {
	Key
	packets, bytes uint64
	flags          int
	first, last    time.Time
}

// New makes a Recorder; Run starts it.
func New(c Config) *Recorder {
	return &Recorder{cfg: c, wake: make(chan struct{}, 1), windows: map[cloud.InterfaceID]map[cloud.FlowLogID]*window{}, read: time.Now()}
}

func (r *Recorder) interval(l *cloud.FlowLog) time.Duration {
	return cmp.Or(r.cfg.Interval, l.Interval)
}

// Set says what is logged from now on: logs, and the interfaces that exist.
func (r *Recorder) Set(ctx context.Context, logs []*cloud.FlowLog, interfaces []Interface) {
	now := time.Now()
	r.mu.Lock()
	was := r.windows
	r.windows = make(map[cloud.InterfaceID]map[cloud.FlowLogID]*window, len(was))
	has := map[cloud.FlowLogID]bool{}
	for _, l := range logs {
		has[l.ID] = true
		for _, at := range interfaces {
			if !l.Covers(at.ID, at.Subnet, at.VPC) {
				continue
			}
			w := was[at.ID][l.ID]
			if w == nil {
				w = r.open(l, at, now, now)
			}
			delete(was[at.ID], l.ID)
			w.log, w.at = l, at
			r.put(w)
		}
	}
	var closed []*window
	for _, list := range was {
		for id, w := range list {
			r.flows -= len(w.flows)
			if has[id] && w.used() { // the interface is gone
				w.end = now
				closed = append(closed, w)
			}
		}
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	r.deliver(ctx, closed)
}

// open makes a window that began at start. r.mu is held.
func (r *Recorder) open(l *cloud.FlowLog, at Interface, start, now time.Time) *window {
	return &window{log: l, at: at, flows: map[Key]*sum{}, start: start, end: next(now, r.interval(l))}
}

// put has the window take flows. r.mu is held.
func (r *Recorder) put(w *window) {
	if r.windows[w.at.ID] == nil {
		r.windows[w.at.ID] = map[cloud.FlowLogID]*window{}
	}
	r.windows[w.at.ID][w.log.ID] = w
}

func (w *window) used() bool { return len(w.flows) > 0 || w.skipped }

// next is when the interval that t is in ends: intervals of all logs begin together.
func next(t time.Time, interval time.Duration) time.Time { return t.Truncate(interval).Add(interval) }

// Add takes flows.
func (r *Recorder) Add(flows []Flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range flows {
		for _, w := range r.windows[f.ENI] {
			if w.log.Traffic == cloud.TrafficAll || f.Accepted == (w.log.Traffic == cloud.TrafficAccepted) {
				r.add(w, f)
			}
		}
	}
}

// add takes a flow into a window. Of several packets the first came at some
// time since the last reading. r.mu is held.
func (r *Recorder) add(w *window, f Flow) {
	s := w.flows[f.Key]
	if s == nil {
		if len(w.flows) >= maxWindowFlows || r.flows >= maxFlows {
			w.skipped = true
			return
		}
		r.flows++
		s = &sum{Key: f.Key, first: f.Last}
		if f.Packets > 1 && r.read.Before(s.first) {
			s.first = r.read
		}
		w.flows[f.Key] = s
	}
	s.packets, s.bytes, s.flags, s.last = s.packets+f.Packets, s.bytes+f.Bytes, s.flags|signs(f.TCPFlags), f.Last
}

// Skip says that packets of an interface were not counted.
func (r *Recorder) Skip(eni cloud.InterfaceID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.windows[eni] {
		w.skipped = true
	}
}

// SkipAll says that packets of some interfaces of a VPC were not counted.
func (r *Recorder) SkipAll(vpc cloud.VPCID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.windows {
		for _, w := range list {
			w.skipped = w.skipped || w.at.VPC == vpc
		}
	}
}

// Run reads and delivers until ctx ends, and then once more.
func (r *Recorder) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(time.Until(r.due()))
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
		r.Turn(ctx)
	}
}

// due is when the next turn is: when a window ends, or counters want reading.
func (r *Recorder) due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.windows) == 0 {
		return time.Now().Add(time.Hour) // Set wakes
	}
	due := r.read.Add(Reading)
	for _, list := range r.windows {
		for _, w := range list {
			if w.end.Before(due) {
				due = w.end
			}
		}
	}
	return due
}

// Turn reads what was counted, and delivers what has ended.
func (r *Recorder) Turn(ctx context.Context) {
	r.cfg.Read(ctx)
	now := time.Now()
	var closed []*window
	r.mu.Lock()
	r.read = now
	for _, list := range r.windows {
		for _, w := range list {
			if !now.Before(w.end) {
				closed = append(closed, w)
				r.flows -= len(w.flows)
				r.put(r.open(w.log, w.at, w.end, now))
			}
		}
	}
	r.mu.Unlock()
	r.deliver(ctx, closed)
}

// Close delivers what there is, ended or not.
func (r *Recorder) Close(ctx context.Context) {
	r.mu.Lock()
	var closed []*window
	for _, list := range r.windows {
		for _, w := range list {
			if w.used() {
				w.end = time.Now()
				closed = append(closed, w)
			}
		}
	}
	clear(r.windows)
	r.flows = 0
	r.mu.Unlock()
	r.deliver(ctx, closed)
}

func (r *Recorder) deliver(ctx context.Context, closed []*window) {
	slices.SortFunc(closed, func(a, b *window) int { return cmp.Or(cmp.Compare(a.log.ID, b.log.ID), cmp.Compare(a.at.ID, b.at.ID)) })
	for _, w := range closed {
		r.cfg.Deliver(ctx, w.lines())
	}
}

// lines are those of a window, by time.
func (w *window) lines() []Line {
	sums := make([]*sum, 0, len(w.flows))
	for _, s := range w.flows {
		sums = append(sums, s)
	}
	slices.SortFunc(sums, func(a, b *sum) int {
		return cmp.Or(a.first.Compare(b.first), a.Src.Compare(b.Src), a.Dst.Compare(b.Dst), cmp.Compare(a.Proto, b.Proto))
	})
	out := make([]Line, 0, len(sums)+1)
	add := func(f *sum, status string, start, end time.Time) {
		out = append(out, Line{Log: w.log, ENI: w.at.ID, Time: start, Text: text(w.log, &w.at, f, status, start, end)})
	}
	for _, s := range sums {
		add(s, statusOK, s.first, s.last)
	}
	switch {
	case w.skipped:
		add(nil, statusSkipped, w.start, w.end)
	case len(sums) == 0:
		add(nil, statusNone, w.start, w.end)
	}
	return out
}
