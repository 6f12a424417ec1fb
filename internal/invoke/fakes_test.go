package invoke

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
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

func (n *fakeNetwork) Lease(_ context.Context, at Place) (*Slot, error) {
	eni := at.ENI
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

func (p *fakeProcess) Stop(context.Context) error { return nil }

func (p *fakeProcess) Kill()                 { p.once.Do(func() { close(p.done) }) }
func (p *fakeProcess) Done() <-chan struct{} { return p.done }
func (p *fakeProcess) Peak() int64           { return 33_000_000 }

// fakeLogs keeps lines by group and stream.
type fakeLogs struct {
	mu    sync.Mutex
	lines map[string][]string
}

func (l *fakeLogs) Append(_, _, group, stream string, line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[group+" "+stream] = append(l.lines[group+" "+stream], strings.TrimSuffix(line.Text, "\n"))
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
