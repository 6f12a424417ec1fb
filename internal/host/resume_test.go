package host

import (
	"context"
	"os"
	"testing"
	"testing/synctest"

	"weir/internal/cloud"
)

// TestResume starts Hosts where an earlier process left a machine.
func TestResume(t *testing.T) {
	own, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for _, x := range []struct {
		what    string
		i       cloud.Instance
		left    string
		ns      *os.File
		started int
	}{
		{"as it was", cloud.Instance{Phase: cloud.Running, Boot: 2}, "2", own, 0},
		{"before its last boot", cloud.Instance{Phase: cloud.Running, Boot: 3}, "2", own, 1},
		{"in a namespace that is no more the interface's", cloud.Instance{Phase: cloud.Running, Boot: 2}, "2", os.Stdin, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			x.i.ID, x.i.Interface = "i-1", "eni-1"
			w := &world{instance: &x.i, changed: make(chan struct{}), running: map[*machine]bool{}, left: x.left, ns: x.ns}
			h := New(Config{State: w, Lease: w.lend, Settled: w.settled, Machine: w})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- h.Run(ctx) }()
			w.expect(t, cloud.Running, 1, x.started)
			if w.ended != x.started {
				t.Errorf("%s: %d machines from before were ended, want %d", x.what, w.ended, x.started)
			}
			cancel()
			<-done
		})
	}
}
