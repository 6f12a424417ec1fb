package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weir/internal/cloud"
)

// regress is a disagreement that was found: the states the network went
// through, the last of which the probe is for.
type regress struct {
	Note   string
	States []state
	Probe  probe
}

const regressDir = "testdata/regress"

// TestRegress runs every disagreement that was ever found and kept.
func TestRegress(t *testing.T) {
	g := newStage(t)
	files, err := filepath.Glob(regressDir + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		var r regress
		if err == nil {
			err = json.Unmarshal(b, &r)
		}
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		res, err := g.replay(r.States, r.Probe)
		if err != nil || res.Differ != "" {
			t.Errorf("%s (%s): %s %v", f, r.Note, res, err)
		}
	}
}

// replay makes a network go through states and tries one probe.
func (g *stage) replay(states []state, p probe) (res result, err error) {
	l, err := g.lab(nil)
	if err != nil {
		return res, err
	}
	defer func() { _ = l.close() }()
	for _, s := range states {
		if err := l.become(s); err != nil {
			return res, err
		}
	}
	if l.plans[p.VPC] == nil {
		return res, fmt.Errorf("no VPC %s", p.VPC)
	}
	return l.try(analyse(l.plans), p)
}

const shrinkFor = time.Minute

// keep writes a disagreement down, as small as it gets.
func (r *run) keep(res result) {
	end := time.Now().Add(shrinkFor)
	fails := func(states ...state) bool {
		got, err := r.g.replay(states, res.Probe)
		return err == nil && got.Differ == res.Differ && got.Saw.Stage == res.Saw.Stage
	}
	states := r.history
	if last := states[len(states)-1]; fails(last) {
		states = []state{shrink(last, func(s state) bool { return time.Now().Before(end) && fails(s) })}
	}
	b, err := json.MarshalIndent(regress{Note: fmt.Sprintf("seed %d: %s", r.seed, res), States: states, Probe: res.Probe}, "", " ")
	if err == nil {
		err = os.MkdirAll(regressDir, 0o755)
	}
	name := fmt.Sprintf("%s/%d-%d.json", regressDir, r.seed, len(r.history))
	if err == nil {
		err = os.WriteFile(name, b, 0o644)
	}
	r.t.Logf("kept in %s (%v)", name, err)
}

// shrink takes resources, then parts of them, out of the state as long as it still fails.
func shrink(s state, fails func(state) bool) state {
	for again := true; again; {
		again = false
		for _, table := range slices.Sorted(maps.Keys(s)) {
			for _, key := range slices.Sorted(maps.Keys(s[table])) {
				c := s.clone()
				c.Delete(table, key)
				if fails(c) {
					s, again = c, true
				}
			}
		}
	}
	for g := range cloud.SecurityGroups.All(s.clone()) {
		for i := len(g.Rules) - 1; i >= 0; i-- {
			c := s.clone()
			edit(c, cloud.SecurityGroups, g.ID, func(g *cloud.SecurityGroup) { g.Rules = without(g.Rules, i) })
			s = better(s, c, fails)
		}
	}
	for a := range cloud.NetworkACLs.All(s.clone()) {
		for i := len(a.Entries) - 1; i >= 0; i-- {
			c := s.clone()
			edit(c, cloud.NetworkACLs, a.ID, func(a *cloud.NetworkACL) { a.Entries = without(a.Entries, i) })
			s = better(s, c, fails)
		}
	}
	for t := range cloud.RouteTables.All(s.clone()) {
		for i := len(t.Routes) - 1; i >= 0; i-- {
			c := s.clone()
			edit(c, cloud.RouteTables, t.ID, func(t *cloud.RouteTable) { t.Routes = without(t.Routes, i) })
			s = better(s, c, fails)
		}
	}
	for t := range cloud.TransitTables.All(s.clone()) {
		for i := len(t.Routes) - 1; i >= 0; i-- {
			c := s.clone()
			edit(c, cloud.TransitTables, t.ID, func(t *cloud.TransitTable) { t.Routes = without(t.Routes, i) })
			s = better(s, c, fails)
		}
	}
	return s
}

func without[T any](list []T, i int) []T { return slices.Delete(slices.Clone(list), i, i+1) }

func better(s, smaller state, fails func(state) bool) state {
	if fails(smaller) {
		return smaller
	}
	return s
}
