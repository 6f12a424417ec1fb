package logs

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/bus"
)

// Append does not wait for the store, Flush does, and neither needs the linger.
func TestAppendIsAsynchronous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewMemory()
		began := time.Now()
		l.Append(scope, "g", "s", began, "a")
		must(t, l.Flush(t.Context()))
		if took := time.Since(began); took != 0 {
			t.Errorf("Flush waited %s for more lines", took)
		}
		l.Append(scope, "g", "s", began, "b")
		l.Append(scope, "g", "s", began, "c")
		time.Sleep(linger + time.Millisecond)
		synctest.Wait()
		p, err := l.Get(t.Context(), scope, "g", "s", Query{Limit: 10})
		must(t, err)
		want(t, "stored without Flush", messages(p), "a b c")
		l.mu.RLock()
		defer l.mu.RUnlock()
		if n := len(l.groups[groupKey{scope, "g"}].streams["s"].chunks); n != 2 {
			t.Errorf("%d chunks, want 2: lines that come together are stored together", n)
		}
	})
}

// What a reader finds is complete while others write and delete; run with -race.
func TestConcurrentUse(t *testing.T) {
	l := NewMemory()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 50 {
				name := fmt.Sprintf("g%d", j%2)
				l.Append(scope, name, fmt.Sprint(i), at(j), "x")
				_, _ = l.Filter(t.Context(), scope, name, Query{Limit: 10})
				_, _ = l.Groups(t.Context(), scope)
				if j%10 == 0 {
					_ = l.DeleteGroup(t.Context(), scope, name)
				}
			}
		})
	}
	wg.Wait()
	must(t, l.Flush(t.Context()))
}

func BenchmarkAppend(b *testing.B) {
	l := NewMemory()
	for b.Loop() {
		l.Append(scope, "g", "s", base, "START RequestId: 0123 Version: $LATEST")
	}
}

// What was flushed is there after a restart, and so is what the groups are.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	for run := range 3 {
		b, err := bus.Start(dir)
		must(t, err)
		l, err := Open(t.Context(), b.JetStream())
		must(t, err)
		l.Append(scope, "g", "s", at(run), fmt.Sprint(run))
		must(t, l.Flush(t.Context()))
		p, err := l.Get(t.Context(), scope, "g", "s", Query{Limit: 10})
		must(t, err)
		want(t, "events", messages(p), []string{"0", "0 1", "0 1 2"}[run])
		b.Close()
	}
}
