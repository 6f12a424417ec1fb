package oracle

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var seeds = flag.String("seeds", "", "networks to test: a count, or from-to; empty is a short run")

func seedRange(t testing.TB) (from, to uint64) {
	t.Helper()
	if *seeds == "" {
		return 1, 12
	}
	if a, b, ok := strings.Cut(*seeds, "-"); ok {
		if _, err := fmt.Sscan(a+" "+b, &from, &to); err != nil {
			t.Fatalf("-seeds %s: %v", *seeds, err)
		}
		return from, to
	}
	if _, err := fmt.Sscan(*seeds, &to); err != nil {
		t.Fatalf("-seeds %s: %v", *seeds, err)
	}
	return 1, to
}

// tally counts what was seen.
type tally struct {
	networks, steps, probes, reachable int
	stages                             map[string]int
}

func (c *tally) add(r result) {
	c.probes++
	if r.Says.Reachable {
		c.reachable++
	}
	c.stages[string(r.Says.Stage)]++
}

func TestNetworks(t *testing.T) {
	g := newStage(t)
	from, to := seedRange(t)
	c := tally{stages: map[string]int{}}
	start := time.Now()
	bad := 0
	for seed := from; seed <= to && bad < 12; seed++ {
		d := roll(seed)
		s := d.network()
		l, err := g.lab(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.become(s); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		x := analyse(l.plans)
		for _, p := range d.probes(l.plans, 60) {
			r, err := l.try(x, p)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			c.add(r)
			if r.Differ != "" {
				bad++
				t.Errorf("seed %d: %s", seed, r)
			}
		}
		c.networks++
		if err := l.close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d networks, %d probes (%d reachable), %v; stages %v", c.networks, c.probes, c.reachable, time.Since(start).Round(time.Millisecond), c.stages)
}
