package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
)

func TestWaitingEventTakesAnInstanceThatBecomesIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.engine.loading = func(context.Context, runtime.Code) error { time.Sleep(time.Second); return nil }
		w.engine.handler = func(*fakeProcess, runtime.Event) (runtime.Result, error) {
			time.Sleep(100 * time.Millisecond)
			return runtime.Result{}, nil
		}
		w.must(t, `{}`) // loaded after 1 s
		start := time.Now()
		var took [2]time.Duration
		var running sync.WaitGroup
		for n := range took {
			running.Go(func() {
				w.must(t, `{}`)
				took[n] = time.Since(start)
			})
		}
		running.Wait()
		if a, b := min(took[0], took[1]), max(took[0], took[1]); a != 100*time.Millisecond || b != 200*time.Millisecond {
			t.Errorf("two events on one warm instance took %v and %v; want 100 ms and, after it, 200 ms, not the second that loading takes", a, b)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		w.mu.Lock()
		idle := len(w.pools[poolKey{w.fn.Key, 0}].idle)
		w.mu.Unlock()
		if idle != 2 {
			t.Errorf("%d idle instances, want 2: the one that was started for the second event stays", idle)
		}
		for range 2 { // at once, to use both
			running.Go(func() { w.must(t, `{}`) })
		}
		running.Wait()
		if log := w.logs.all(); strings.Count(log, "Init Duration: 1000.00 ms") != 2 {
			t.Errorf("each instance's first report shows how long it loaded:\n%s", log)
		}
	})
}

func TestBurstsStartNoMoreInstancesThanEventsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.engine.loading = func(context.Context, runtime.Code) error { time.Sleep(time.Second); return nil }
		w.engine.handler = func(*fakeProcess, runtime.Event) (runtime.Result, error) {
			time.Sleep(time.Millisecond)
			return runtime.Result{}, nil
		}
		w.must(t, `{}`)
		var running sync.WaitGroup
		for range 16 {
			running.Go(func() {
				for range 1000 {
					w.must(t, `{}`)
				}
			})
		}
		running.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if w.engine.started > 16 {
			t.Errorf("%d instances for 16 clients", w.engine.started)
		}
	})
}

// newKinds is a preparedPool over counted fakes.
func newKinds(max int) (p *preparedPool, open *atomic.Int32, fail *atomic.Bool) {
	open, fail = new(atomic.Int32), new(atomic.Bool)
	p = newPreparedPool(max, time.Now, func(_ context.Context, key preparedKey) (*prepared, error) {
		if fail.Load() {
			return nil, errors.New("no")
		}
		open.Add(1)
		return &prepared{slot: &Slot{ENI: key.ENI, Release: func() { open.Add(-1) }}, process: &fakeProcess{done: make(chan struct{})}}, nil
	}, func() bool { return false })
	return p, open, fail
}

func TestPreparedPoolIsBoundedAndAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, open, fail := newKinds(2)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); p.fill(ctx) }()
		key := func(n int) preparedKey {
			return preparedKey{Place: Place{ENI: cloud.InterfaceID(fmt.Sprintf("eni-%d", n))}}
		}
		for n := range 3 {
			p.want(key(n))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if open.Load() != 2 {
			t.Errorf("%d interpreters wait, at most 2 may", open.Load())
		}
		if p.take(key(0)) != nil {
			t.Error("the kind that was wanted first still has one; the newest should have taken its place")
		}
		got := p.take(key(2))
		if got == nil {
			t.Fatal("the kind wanted last has none")
		}
		got.close()
		fail.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		fail.Store(false)
		time.Sleep(retryAfter)
		p.decay()
		synctest.Wait()
		if open.Load() != 2 {
			t.Errorf("%d interpreters wait after a failure and a while, want 2", open.Load())
		}
		time.Sleep(wantedFor)
		p.decay()
		synctest.Wait()
		if open.Load() != 0 {
			t.Errorf("%d interpreters wait though nobody wanted one for %v", open.Load(), wantedFor)
		}
		p.close()
		stop()
		<-ended
	})
}

func TestPreparedThatEndedIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, open, _ := newKinds(2)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); p.fill(ctx) }()
		var key preparedKey
		p.want(key)
		time.Sleep(time.Second)
		synctest.Wait()
		p.kinds[key].waiting[0].process.Kill()
		if p.take(key) != nil {
			t.Error("an interpreter that has ended was given")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		got := p.take(key)
		if got == nil || got.ended() {
			t.Fatal("no other was started in its place")
		}
		got.close()
		stop()
		<-ended
		p.close()
		if open.Load() != 0 {
			t.Errorf("%d slots are still leased", open.Load())
		}
	})
}

// slowCode counts reads.
type slowCode struct {
	memoryCode
	mu    sync.Mutex
	reads int
	fail  bool
}

func (s *slowCode) Get(ctx context.Context, digest string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.fail {
		return nil, errors.New("the store is out of order")
	}
	return s.memoryCode.Get(ctx, digest)
}

func TestCodeCache(t *testing.T) {
	w := newWorld(t, nil)
	source := &slowCode{memoryCode: w.cfg.Code.(memoryCode), fail: true}
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.MkdirAll(filepath.Join(dir, "left"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := openCodeCache(dir, source, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "left")); err == nil {
		t.Error("what an earlier process left is still there")
	}
	digest := w.fn.Latest.CodeDigest
	if _, _, err := c.acquire(t.Context(), digest); err == nil {
		t.Error("a store that is out of order gave code")
	}
	source.fail = false
	var all sync.WaitGroup
	releases := make(chan func(), 10)
	for range 10 {
		all.Go(func() {
			got, release, err := c.acquire(t.Context(), digest)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(got, "index.py")); err != nil {
				t.Error(err)
			}
			releases <- release
		})
	}
	all.Wait()
	close(releases)
	if source.reads != 2 {
		t.Errorf("the archive was read %d times, want once after the failure", source.reads)
	}
	for release := range releases {
		release()
		release() // once is enough
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%d entries are left though unused code is not kept, %v", len(left), err)
	}
}

func TestTailIsTheLastFourKilobytes(t *testing.T) {
	s := &sink{logs: &fakeLogs{lines: map[string][]string{}}}
	s.direct("a", "r", "g", "s")
	s.line(time.Now(), "before")
	s.startTail("r1")
	for n := range 1000 {
		s.line(time.Now(), fmt.Sprintf("line %4d of sixteen", n))
	}
	tail := string(s.takeTail("r1"))
	if len(tail) != 4096 || !strings.HasSuffix(tail, "line  998 of sixteen\nline  999 of sixteen\n") || strings.Contains(tail, "before") {
		t.Errorf("%d bytes, ending %q", len(tail), tail[len(tail)-60:])
	}
}
