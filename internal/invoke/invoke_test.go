package invoke

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
	"weir/internal/sandbox"
)

// fakeState is a state that tests set.
type fakeState struct {
	mu      sync.Mutex
	rev     uint64
	rows    map[string]map[string]any
	changed chan struct{}
}

func newState() *fakeState {
	return &fakeState{rows: map[string]map[string]any{}, changed: make(chan struct{})}
}

func (s *fakeState) View() cloud.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &fakeView{rev: s.rev, rows: map[string]map[string]any{}}
	for t, rows := range s.rows {
		v.rows[t] = map[string]any{}
		for k, r := range rows {
			v.rows[t][k] = r
		}
	}
	return v
}

func (s *fakeState) Watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *fakeState) update(f func(tx cloud.Tx)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rev++
	f(&fakeView{rev: s.rev, rows: s.rows})
	close(s.changed)
	s.changed = make(chan struct{})
}

type fakeView struct {
	rev  uint64
	rows map[string]map[string]any
}

func (v *fakeView) Rev() uint64               { return v.rev }
func (v *fakeView) Get(table, key string) any { return v.rows[table][key] }
func (v *fakeView) Scan(table, index, key string) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, info := range cloud.Schema() {
			if info.Name != table {
				continue
			}
			for _, r := range v.rows[table] {
				if index == "" || contains(info.Indexes[index](r), key) {
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (v *fakeView) Put(table, key string, value any) {
	if v.rows[table] == nil {
		v.rows[table] = map[string]any{}
	}
	v.rows[table][key] = value
}
func (v *fakeView) Delete(table, key string) { delete(v.rows[table], key) }

// fakeNetwork counts places; interfaces in broken cannot be leased.
type fakeNetwork struct {
	mu      sync.Mutex
	leased  map[cloud.InterfaceID]int
	open    int
	settled []uint64
	broken  map[cloud.InterfaceID]bool
}

func (n *fakeNetwork) Settle(_ context.Context, _ cloud.VPCID, rev uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settled = append(n.settled, rev)
	return nil
}

func (n *fakeNetwork) Lease(_ context.Context, eni cloud.InterfaceID) (*Slot, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken[eni] {
		return nil, errors.New("out of order")
	}
	n.leased[eni]++
	n.open++
	return &Slot{ENI: eni, Release: sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.open--
	})}, nil
}

// fakeEngine starts processes whose code is a Go function.
type fakeEngine struct {
	mu      sync.Mutex
	started int
	handler func(p *fakeProcess, e runtime.Event) (runtime.Result, error)
	loading func(ctx context.Context, c runtime.Code) error
}

func (f *fakeEngine) Note(name string) string {
	if name == "python3.99" {
		return "python3.99 is not installed; running python3.11"
	}
	return ""
}

func (f *fakeEngine) Prepare(_ context.Context, spec runtime.Spec) (Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started++
	return &fakeProcess{engine: f, spec: spec, done: make(chan struct{})}, nil
}

type fakeProcess struct {
	engine *fakeEngine
	spec   runtime.Spec
	code   runtime.Code
	once   sync.Once
	done   chan struct{}
}

func (p *fakeProcess) Init(ctx context.Context, c runtime.Code) error {
	p.code = c
	if p.engine.loading != nil {
		return p.engine.loading(ctx, c)
	}
	return nil
}

func (p *fakeProcess) Invoke(ctx context.Context, e runtime.Event) (runtime.Result, error) {
	type answer struct {
		res runtime.Result
		err error
	}
	got := make(chan answer, 1)
	go func() {
		res, err := p.engine.handler(p, e)
		got <- answer{res, err}
	}()
	select {
	case a := <-got:
		return a.res, a.err
	case <-ctx.Done():
		return runtime.Result{Exited: true}, ctx.Err()
	case <-p.done:
		return runtime.Result{Exited: true}, errors.New("killed")
	}
}

func (p *fakeProcess) Kill()                 { p.once.Do(func() { close(p.done) }) }
func (p *fakeProcess) Done() <-chan struct{} { return p.done }
func (p *fakeProcess) Peak() int64           { return 33_000_000 }

// fakeLogs keeps lines by group and stream.
type fakeLogs struct {
	mu    sync.Mutex
	lines map[string][]string
}

func (l *fakeLogs) Append(_, _, group, stream string, _ time.Time, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[group+" "+stream] = append(l.lines[group+" "+stream], strings.TrimSuffix(line, "\n"))
}

func (l *fakeLogs) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, lines := range l.lines {
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

type memoryCode map[string][]byte

func (m memoryCode) Get(_ context.Context, digest string) (io.ReadCloser, error) {
	b, ok := m[digest]
	if !ok {
		return nil, errors.New("no such code")
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// world is an Invoker over fakes with a function "f" of 3 s in one VPC.
type world struct {
	*Invoker
	state  *fakeState
	net    *fakeNetwork
	engine *fakeEngine
	logs   *fakeLogs
	fn     *cloud.Function
}

func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("index.py"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	digest := base64.StdEncoding.EncodeToString(sum[:])
	w := &world{
		state: newState(),
		net:   &fakeNetwork{leased: map[cloud.InterfaceID]int{}, broken: map[cloud.InterfaceID]bool{}},
		logs:  &fakeLogs{lines: map[string][]string{}},
		engine: &fakeEngine{handler: func(_ *fakeProcess, e runtime.Event) (runtime.Result, error) {
			return runtime.Result{Payload: e.Payload}, nil
		}},
	}
	w.fn = &cloud.Function{
		Meta: cloud.Meta{Account: "000000000000", Region: "us-east-1"},
		Key:  cloud.MakeFunctionKey("000000000000", "us-east-1", "f"),
		Name: "f",
		Latest: cloud.Version{Runtime: "python3.12", Handler: "index.handler", Memory: 128, Ephemeral: 512, Timeout: 3 * time.Second,
			CodeDigest: digest, LogGroup: "/aws/lambda/f", RevisionID: "r1", State: cloud.FunctionState{Status: "active"},
			Network: cloud.FunctionNetwork{VPC: "vpc-1", Interfaces: []cloud.InterfaceID{"eni-a", "eni-b"}}},
	}
	w.state.update(func(tx cloud.Tx) {
		cloud.Functions.Put(tx, w.fn)
		for _, id := range w.fn.Latest.Network.Interfaces {
			cloud.Interfaces.Put(tx, &cloud.Interface{ID: id, VPC: "vpc-1"})
		}
	})
	cfg := Config{State: w.state, Network: w.net, Engine: w.engine, Code: memoryCode{digest: b.Bytes()}, Logs: w.logs, Dir: t.TempDir() + "/code", Prepared: -1}
	if change != nil {
		change(&cfg)
	}
	inv, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Invoker = inv
	return w
}

func (w *world) request(payload string) Request {
	return Request{Function: w.fn, Version: &w.fn.Latest, ARN: "arn:aws:lambda:us-east-1:000000000000:function:f", Payload: []byte(payload),
		RequestID: "8f507cfc-xmpl-4697-b07a-ac58fc914c95"}
}

// change gives the function another revision.
func (w *world) change(revision string, f func(*cloud.Function)) {
	next := *w.fn
	next.Latest.RevisionID = revision
	if f != nil {
		f(&next)
	}
	w.fn = &next
	w.state.update(func(tx cloud.Tx) { cloud.Functions.Put(tx, w.fn) })
}

func (w *world) must(t *testing.T, payload string) *Response {
	t.Helper()
	resp, err := w.Invoke(t.Context(), w.request(payload))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

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
		for _, line := range []string{
			"INIT_START Runtime Version: python3.12\n",
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
