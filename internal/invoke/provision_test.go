package invoke

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
)

// provisioned runs the invoker of a world whose function f is to have n instances ready.
func provisioned(t *testing.T, w *world, n int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.provide(n)
}

func (w *world) provide(n int) {
	w.state.update(func(tx cloud.Tx) {
		cloud.Provisions.Put(tx, &cloud.Provision{Key: cloud.MakeProvisionKey(w.fn.Key, ""), Function: w.fn.Key, Target: n})
	})
}

// current waits until this many provisioned instances are ready.
func (w *world) current(t *testing.T, want int) {
	t.Helper()
	p := &cloud.Provision{Function: w.fn.Key, Target: 1000}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		got := w.Provisioned(p)
		if got.Current == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, want %d", got, want)
		}
	}
}

func TestProvisionedInstances(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.IdleTimeout = time.Nanosecond })
	var loaded atomic.Int64
	w.engine.loading = func(_ context.Context, c runtime.Code) error {
		if c.Provisioned {
			loaded.Add(1)
		}
		return nil
	}
	provisioned(t, w, 2)
	w.current(t, 2)
	w.expire() // it is not for these
	w.current(t, 2)
	first := w.must(t, "1")
	if n := loaded.Load(); n != 2 || w.engine.started != 2 {
		t.Errorf("%d provisioned of %d started before the first event, want 2 of 2", n, w.engine.started)
	}
	seen := map[string]bool{}
	for _, in := range w.Instances(w.fn.Key) {
		seen[in.ID] = in.Provisioned && in.Ready
	}
	if len(seen) != 2 || !seen[first.Instance] {
		t.Errorf("instances %v, the event ran in %s", seen, first.Instance)
	}

	w.change("r2", nil) // new instances for the new revision
	w.current(t, 2)
	if again := w.must(t, "2"); seen[again.Instance] {
		t.Error("an event of the new revision ran in an old instance")
	}

	w.engine.handler = func(*fakeProcess, runtime.Event) (runtime.Result, error) {
		return runtime.Result{FunctionError: true, Exited: true}, nil
	}
	w.must(t, "3") // it takes its instance with it, which is replaced
	w.current(t, 2)
	w.provide(1)
	w.current(t, 1)
	w.state.update(func(tx cloud.Tx) { cloud.Provisions.Delete(tx, cloud.MakeProvisionKey(w.fn.Key, "")) })
	w.current(t, 0)
	for _, in := range w.Instances(w.fn.Key) {
		if in.Ended.IsZero() {
			t.Errorf("%+v is left", in)
		}
	}
}

// TestProvisionFails: a provision says why it has no instances.
func TestProvisionFails(t *testing.T) {
	w := newWorld(t, nil)
	w.engine.loading = func(context.Context, runtime.Code) error { return &runtime.InitError{ErrorType: "E", Message: "no"} }
	provisioned(t, w, 1)
	p := &cloud.Provision{Function: w.fn.Key, Target: 1}
	for end := time.Now().Add(20 * time.Second); w.Provisioned(p).Err == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("there is no reason")
		}
	}
	got := w.Provisioned(p)
	var failed *runtime.InitError
	if !got.FailedInit() || got.Current != 0 || !errors.As(got.Err, &failed) {
		t.Errorf("%+v", got)
	}
}
