package oracle

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var seeds = flag.String("seeds", "", "networks to test: a count, or from-to; empty is a short run")

func seedRange(t testing.TB) (from, to uint64) {
	t.Helper()
	first, last, ok := strings.Cut(*seeds, "-")
	if !ok {
		first, last = "1", *seeds
	}
	if *seeds == "" {
		last = "20"
	}
	if _, err := fmt.Sscan(first+" "+last, &from, &to); err != nil {
		t.Fatalf("-seeds %s: %v", *seeds, err)
	}
	return from, to
}

// tally counts what was tried.
type tally struct {
	networks, states, probes, reachable int
	stages                              map[string]int
	changes                             map[string]int
}

func (c *tally) add(r result) {
	c.probes++
	if r.Says.Reachable {
		c.reachable++
	} else {
		c.stages[string(r.Says.Stage)]++
	}
}

func (c *tally) String() string {
	s := fmt.Sprintf("%d networks, %d states of them, %d probes (%d reachable); stopped at", c.networks, c.states, c.probes, c.reachable)
	for _, m := range []map[string]int{c.stages, c.changes} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			s += fmt.Sprintf(" %s %d,", k, m[k])
		}
		s = strings.TrimSuffix(s, ",") + "; changes"
	}
	return strings.TrimSuffix(s, "; changes")
}

const (
	firstProbes = 60 // of a network
	laterProbes = 20 // after each change
	steps       = 3
	tooMany     = 10 // disagreements, after which a run ends
)

// TestNetworks asks of random networks, and of what random changes make of
// them, and sends what it asks.
func TestNetworks(t *testing.T) {
	g := newStage(t)
	from, to := seedRange(t)
	c := &tally{stages: map[string]int{}, changes: map[string]int{}}
	start := time.Now()
	bad := 0
	for seed := from; seed <= to && bad < tooMany; seed++ {
		r := run{t: t, g: g, c: c, seed: seed}
		r.network()
		bad += r.bad
		if *seeds != "" && seed%100 == 0 {
			t.Logf("up to seed %d: %s, %v", seed, c, time.Since(start).Round(time.Second))
		}
	}
	t.Logf("seeds %d-%d: %s, %v", from, to, c, time.Since(start).Round(time.Millisecond))
}

// run is one seed's.
type run struct {
	t       *testing.T
	g       *stage
	c       *tally
	seed    uint64
	history []state
	bad     int
}

func (r *run) network() {
	d := roll(r.seed)
	d.network()
	l, err := r.g.lab(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := l.close(); err != nil {
			r.t.Errorf("seed %d: %v", r.seed, err)
		}
	}()
	r.c.networks++
	r.state(l, d, firstProbes)
	for range steps {
		var what []string
		for range 1 + d.IntN(3) {
			what = append(what, d.change())
		}
		for _, w := range what {
			r.c.changes[w]++
		}
		if r.bad > 0 {
			return
		}
		r.state(l, d, laterProbes)
	}
	if err := l.sameAsFresh(); err != nil {
		r.bad++
		r.t.Errorf("seed %d: %v", r.seed, err)
	}
}

// state brings the kernel to the dice's state and probes it.
func (r *run) state(l *lab, d *dice, n int) {
	if err := l.become(d.s); err != nil {
		r.t.Fatalf("seed %d, state %d: %v", r.seed, len(r.history), err)
	}
	r.c.states++
	r.history = append(r.history, d.s.clone())
	x := analyse(l.plans)
	for _, p := range d.probes(l.plans, n) {
		res, err := l.try(x, p)
		if err != nil {
			r.t.Fatalf("seed %d, state %d: %v", r.seed, len(r.history), err)
		}
		r.c.add(res)
		if res.Differ != "" {
			r.bad++
			r.t.Errorf("seed %d, state %d: %s", r.seed, len(r.history), res)
			r.keep(res)
			return
		}
	}
}
