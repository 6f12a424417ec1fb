package invoke

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
	"weir/internal/sandbox"
)

func TestWarmInstancesAreReusedAndExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		if got := string(w.must(t, `{"a":1}`).Payload); got != `{"a":1}` {
			t.Errorf("answer %s", got)
		}
		w.must(t, `{}`)
		if w.engine.started != 1 {
			t.Errorf("%d instances for two events one after the other, want 1", w.engine.started)
		}
		time.Sleep(10*time.Minute - time.Second)
		w.must(t, `{}`)
		if w.engine.started != 1 {
			t.Errorf("an instance idle for less than ten minutes was not reused")
		}
		time.Sleep(10*time.Minute + expireEvery)
		synctest.Wait()
		if w.net.open != 0 {
			t.Errorf("%d places are still taken after the idle time", w.net.open)
		}
		w.must(t, `{}`)
		if w.engine.started != 2 {
			t.Errorf("%d instances, want a second one after the first expired", w.engine.started)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if w.net.open != 0 {
			t.Errorf("%d places are still taken after the end", w.net.open)
		}
	})
}

func TestChangedFunctionGetsNewInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		go w.Run(t.Context())
		w.must(t, `{}`)
		w.change("r2", nil)
		w.must(t, `{}`)
		if w.engine.started != 2 {
			t.Errorf("%d instances, want a new one for the new revision", w.engine.started)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w.net.open != 1 {
			t.Errorf("%d places taken, want 1: the old instance goes when its revision does", w.net.open)
		}
		w.state.update(func(tx cloud.Tx) { cloud.Functions.Delete(tx, w.fn.Key) })
		time.Sleep(time.Second)
		synctest.Wait()
		if w.net.open != 0 {
			t.Errorf("%d places taken after the function was deleted", w.net.open)
		}
	})
}

func TestTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			c.Explain = func(_ context.Context, s *Slot, _ time.Time) []string {
				return []string{"the route 0.0.0.0/0 of rtb-1 leads to igw-1, and " + strings.TrimRight(string(s.ENI), "ab") + " has no public address"}
			}
		})
		w.engine.handler = func(p *fakeProcess, _ runtime.Event) (runtime.Result, error) {
			p.spec.Log(sandbox.Line{Time: time.Now(), Text: "connecting"})
			<-p.done
			return runtime.Result{}, errors.New("killed")
		}
		r := w.request(`{}`)
		r.LogTail = true
		resp, err := w.Invoke(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		// synctest's clock starts at midnight UTC 2000-01-01 and moves only when all wait.
		want := `{"errorMessage":"2000-01-01T00:00:03.000Z 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Task timed out after 3.00 seconds"}`
		if string(resp.Payload) != want || resp.FunctionError != "Unhandled" {
			t.Errorf("got %s (%s)\nwant %s (Unhandled)", resp.Payload, resp.FunctionError, want)
		}
		log := string(resp.LogTail)
		if !strings.HasPrefix(log, "START") {
			t.Errorf("the tail begins before the event: %s", log)
		}
		for _, line := range []string{
			"START RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Version: $LATEST\n",
			"connecting\n",
			"END RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\n",
			"REPORT RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 32 MB\tStatus: timeout\t\n",
			"2000-01-01T00:00:03.000Z 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Task timed out after 3.00 seconds\n",
			"WEIR  the route 0.0.0.0/0 of rtb-1 leads to igw-1, and eni- has no public address\n",
		} {
			at := strings.Index(log, line)
			if at < 0 {
				t.Fatalf("the tail lacks, in its place, %q; rest:\n%s", line, log)
			}
			log = log[at+len(line):]
		}
		if w.net.open != 0 {
			t.Errorf("%d places are taken: the instance was not ended whole", w.net.open)
		}
		w.engine.handler = func(*fakeProcess, runtime.Event) (runtime.Result, error) {
			return runtime.Result{Payload: []byte("1")}, nil
		}
		w.must(t, `{}`)
		if w.engine.started != 2 {
			t.Error("the instance that timed out was used again")
		}
	})
}

func TestConcurrencyLimits(t *testing.T) {
	tests := []struct {
		name    string
		reserve *int
		total   int
		room    int
		reason  string
	}{
		{"account", nil, 3, 3, ThrottledAccount},
		{"reserved", new(2), 3, 2, ThrottledFunction},
		{"reserved none", new(0), 3, 0, ThrottledFunction},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) { c.Concurrency = tt.total })
				w.fn.ReservedConcurrency = tt.reserve
				release := make(chan struct{})
				w.engine.handler = func(*fakeProcess, runtime.Event) (runtime.Result, error) {
					<-release
					return runtime.Result{Payload: []byte("1")}, nil
				}
				var running sync.WaitGroup
				for range tt.room {
					running.Go(func() {
						if _, err := w.Invoke(t.Context(), w.request(`{}`)); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				_, err := w.Invoke(t.Context(), w.request(`{}`))
				var e *cloud.Error
				if !errors.As(err, &e) || e.Kind != cloud.Limit || e.Reason != tt.reason {
					t.Errorf("with %d running: %v, want %s", tt.room, err, tt.reason)
				}
				close(release)
				running.Wait()
				if tt.room > 0 {
					w.must(t, `{}`)
				}
			})
		})
	}
}

func TestReservationsTakeFromTheOthers(t *testing.T) {
	l := newLimits(10)
	l.reserved = map[string]int{"a/r": 9}
	meta := cloud.Meta{Account: "a", Region: "r"}
	free := &cloud.Function{Meta: meta, Key: "a/r/free"}
	held := &cloud.Function{Meta: meta, Key: "a/r/held", ReservedConcurrency: new(9)}
	one, err := l.enter(free)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.enter(free); !cloud.IsKind(err, cloud.Limit) {
		t.Errorf("a second unreserved run: %v, want it refused: 9 of 10 are reserved", err)
	}
	if _, err := l.enter(held); err != nil {
		t.Errorf("a reserved run: %v", err)
	}
	l.leave(one)
	if _, err := l.enter(free); err != nil {
		t.Errorf("after the first has left: %v", err)
	}
}

func TestInterfacesTakeTurnsAndFailuresArePassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var running sync.WaitGroup
		release := make(chan struct{})
		w.engine.handler = func(*fakeProcess, runtime.Event) (runtime.Result, error) {
			<-release
			return runtime.Result{}, nil
		}
		for range 10 {
			running.Go(func() { w.must(t, `{}`) })
		}
		synctest.Wait()
		close(release)
		running.Wait()
		if a, b := w.net.leased["eni-a"], w.net.leased["eni-b"]; a != b {
			t.Errorf("leased %d behind one interface and %d behind the other", a, b)
		}
		w.change("r2", nil)
		w.net.broken["eni-a"] = true
		before := w.net.leased["eni-b"]
		for range 4 {
			running.Go(func() { w.must(t, `{}`) })
		}
		running.Wait()
		if w.net.leased["eni-b"] == before {
			t.Error("nothing was leased behind the interface that works")
		}
		w.net.broken["eni-b"] = true
		w.change("r3", nil)
		if _, err := w.Invoke(t.Context(), w.request(`{}`)); !cloud.IsKind(err, cloud.Unavailable) {
			t.Errorf("with every interface broken: %v", err)
		}
		w.shut()
		w.live.Wait()
		if w.net.open != 0 || w.count != 0 {
			t.Errorf("%d places and %d instances left", w.net.open, w.count)
		}
	})
}

func TestInitFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.engine.loading = func(context.Context, runtime.Code) error {
			return &runtime.InitError{ErrorType: "Runtime.ImportModuleError", Message: "Unable to import module 'index'"}
		}
		resp := w.must(t, `{}`)
		want := `{"errorType":"Runtime.ImportModuleError","errorMessage":"RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Error: Unable to import module 'index'"}`
		if string(resp.Payload) != want || resp.FunctionError != "Unhandled" {
			t.Errorf("got %s (%s)\nwant %s", resp.Payload, resp.FunctionError, want)
		}
		if w.net.open != 0 {
			t.Error("the place of the instance that failed is still taken")
		}
		// Loading that takes longer than ten seconds is tried again in the event's own time.
		tries := 0
		w.engine.loading = func(ctx context.Context, _ runtime.Code) error {
			tries++
			<-ctx.Done()
			return ctx.Err()
		}
		start := time.Now()
		resp = w.must(t, `{}`)
		if took := time.Since(start); took != 13*time.Second || tries != 2 {
			t.Errorf("loading for ever took %v in %d tries; want the 10 s of loading and the 3 s of the function, 2 tries", took, tries)
		}
		if !strings.Contains(string(resp.Payload), "Task timed out after 3.00 seconds") {
			t.Errorf("answer %s", resp.Payload)
		}
		if log := w.logs.all(); !strings.Contains(log, "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout") {
			t.Errorf("the log lacks INIT_REPORT:\n%s", log)
		}
	})
}

func TestCredentialsNeverRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			c.IdleTimeout = 24 * time.Hour
			c.Credentials = func(_ context.Context, role, session string) (Credentials, error) {
				return Credentials{Credentials: runtime.Credentials{AccessKeyID: role + "/" + session}, Expires: time.Now().Add(time.Hour)}, nil
			}
		})
		w.fn.Latest.Role = "arn:aws:iam::000000000000:role/r"
		var keys []string
		w.engine.handler = func(p *fakeProcess, _ runtime.Event) (runtime.Result, error) {
			keys = append(keys, p.code.Credentials.AccessKeyID)
			return runtime.Result{}, nil
		}
		w.must(t, `{}`)
		time.Sleep(time.Hour - 3*time.Second)
		w.must(t, `{}`) // the function's 3 s just fit
		time.Sleep(time.Second)
		w.must(t, `{}`)
		if w.engine.started != 2 || keys[0] != "arn:aws:iam::000000000000:role/r/f" {
			t.Errorf("%d instances, keys %v; want a second one when the hour would end during the event", w.engine.started, keys)
		}
	})
}

func TestWhoseFaultMissingCredentialsAre(t *testing.T) {
	for _, kind := range []cloud.Kind{cloud.Denied, cloud.NotFound, cloud.Unavailable} {
		w := newWorld(t, func(c *Config) {
			c.Credentials = func(context.Context, string, string) (Credentials, error) {
				return Credentials{}, cloud.Errorf(kind, "", "", "why", "no credentials")
			}
		})
		w.fn.Latest.Role = "arn:aws:iam::000000000000:role/r"
		_, err := w.Invoke(t.Context(), w.request(`{}`))
		if refused := cloud.IsKind(err, cloud.Denied); err == nil || refused != (kind != cloud.Unavailable) {
			t.Errorf("%v: %v, the role is blamed: %t", kind, err, refused)
		}
	}
}

func TestNetworkSettlesBeforeEveryEventThatFollowsAChange(t *testing.T) {
	w := newWorld(t, nil)
	w.must(t, `{}`)
	w.must(t, `{}`)
	w.state.update(func(cloud.Tx) {})
	w.must(t, `{}`)
	if got := fmt.Sprint(w.net.settled); got != "[1 2]" {
		t.Errorf("settled revisions %s, want [1 2]: once for the start, once after the change", got)
	}
}

func TestPreparedInterpretersAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Prepared = 3 })
		w.change("r2", func(fn *cloud.Function) { fn.Latest.Modified = time.Now() })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		if w.engine.started != 1 || w.net.open != 1 {
			t.Fatalf("%d interpreters wait for a new function, want 1", w.engine.started)
		}
		w.must(t, `{}`)
		synctest.Wait()
		if w.net.leased["eni-a"] == 0 || w.engine.started > 3 {
			t.Errorf("leased %v, %d started", w.net.leased, w.engine.started)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if w.net.open != 0 {
			t.Errorf("%d places taken half an hour after the last event", w.net.open)
		}
		stop()
		<-ended
	})
}

func TestInstanceLimitEndsTheLongestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Instances = 1 })
		w.must(t, `{}`)
		other := *w.fn
		other.Key, other.Name = cloud.MakeFunctionKey("000000000000", "us-east-1", "g"), "g"
		w.state.update(func(tx cloud.Tx) { cloud.Functions.Put(tx, &other) })
		r := w.request(`{}`)
		r.Function, r.Version = &other, &other.Latest
		if _, err := w.Invoke(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if w.net.open != 1 || w.engine.started != 2 {
			t.Errorf("%d places, %d started; want the first function's instance to make room", w.net.open, w.engine.started)
		}
	})
}

func TestRuntimeNoteIsLogged(t *testing.T) {
	w := newWorld(t, nil)
	w.fn.Latest.Runtime = "python3.99"
	w.must(t, `{}`)
	w.must(t, `{}`)
	if n := strings.Count(w.logs.all(), "WEIR  python3.99 is not installed; running python3.11"); n != 1 {
		t.Errorf("the note is in the log %d times, want once per instance", n)
	}
}
