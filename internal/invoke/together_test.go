package invoke

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
)

// served is a world whose function runs three events at once in an instance.
func served(t *testing.T, handler func(p *fakeProcess, e runtime.Event) (runtime.Result, error)) *world {
	w := newWorld(t, nil)
	w.change("r2", func(fn *cloud.Function) {
		fn.Latest.Contract, fn.Latest.Concurrency, fn.Latest.Server = FC, 3, &cloud.Server{Port: 9000}
	})
	w.engine.handler = handler
	t.Cleanup(w.Close)
	return w
}

// TestTogether: as many events as an instance has places run in it at once, the next in another.
func TestTogether(t *testing.T) {
	for _, c := range []struct{ events, instances int }{{3, 1}, {4, 2}} {
		arrived, open := make(chan struct{}, 8), make(chan struct{})
		w := served(t, func(*fakeProcess, runtime.Event) (runtime.Result, error) {
			arrived <- struct{}{}
			<-open
			return runtime.Result{}, nil
		})
		var all sync.WaitGroup
		for range c.events {
			all.Go(func() { w.must(t, "x") })
		}
		for range c.events { // all run at once
			<-arrived
		}
		if w.engine.started != c.instances {
			t.Errorf("%d events run in %d instances, want %d", c.events, w.engine.started, c.instances)
		}
		close(open)
		all.Wait()
		w.must(t, "x") // a warm one
		if w.engine.started != c.instances {
			t.Errorf("a warm event started an instance")
		}
	}
}

// TestOneOfSeveralOutOfTime: the others end as usual, but no new event comes into the instance.
func TestOneOfSeveralOutOfTime(t *testing.T) {
	open, arrived := make(chan struct{}), make(chan struct{}, 2)
	w := served(t, func(_ *fakeProcess, e runtime.Event) (runtime.Result, error) {
		switch string(e.Payload) {
		case "slow", "late":
			arrived <- struct{}{}
			<-open
		}
		return runtime.Result{Payload: []byte("done")}, nil
	})
	w.must(t, "warm")
	slow := w.request("slow")
	long := *slow.Version
	long.Timeout = time.Minute
	slow.Version = &long
	var other sync.WaitGroup
	other.Go(func() {
		if resp, err := w.Invoke(t.Context(), slow); err != nil || string(resp.Payload) != "done" {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	<-arrived
	late := w.request("late")
	short := *late.Version
	short.Timeout = 20 * time.Millisecond
	late.Version = &short
	resp, err := w.Invoke(t.Context(), late)
	if err != nil || resp.Failure != TimedOut || !strings.HasPrefix(string(resp.Payload), `{"errorMessage":"Function timed out after 0 seconds (maxMemoryUsage: `) {
		t.Errorf("%+v %s, %v", resp, resp.Payload, err)
	}
	w.must(t, "x")
	if w.engine.started != 2 {
		t.Errorf("%d instances were started, want 2", w.engine.started)
	}
	close(open)
	other.Wait()
}

// TestTailOfALoad: what loading printed is in the answer to the event that it was for.
func TestTailOfALoad(t *testing.T) {
	w := newWorld(t, nil)
	t.Cleanup(w.Close)
	w.engine.loading = func(context.Context, runtime.Code) error {
		return &runtime.InitError{ErrorType: "Runtime.ImportModuleError", Message: "no module"}
	}
	r := w.request("x")
	r.LogTail = true
	resp, err := w.Invoke(t.Context(), r)
	if err != nil || !strings.Contains(string(resp.LogTail), "INIT_REPORT") {
		t.Errorf("tail %q, %v", resp.LogTail, err)
	}
}
