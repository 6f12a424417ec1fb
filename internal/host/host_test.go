package host

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// world is a state of one instance, and machines that only pretend.
type world struct {
	mu       sync.Mutex // guards what follows
	rev      uint64
	instance *cloud.Instance
	changed  chan struct{}
	running  map[*machine]bool
	started  int
	leased   int
	lease    error // why the network does not lend the interface
	refuse   error // why machines do not start
	specs    []sandbox.Spec
	left     string   // note of a machine from before; "" is none
	ended    int      // that were left
	ns       *os.File // that the interface has; nil is no namespace
}

// view is one state.
type view struct {
	cloud.View
	rev      uint64
	instance *cloud.Instance
}

func (v view) Rev() uint64 { return v.rev }

func (v view) Get(table, _ string) any {
	switch {
	case table == "interface":
		return &cloud.Interface{ID: "eni-1", VPC: "vpc-1", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}
	case v.instance == nil:
		return nil
	}
	return v.instance
}

func (v view) Scan(string, string, string) iter.Seq[any] {
	return func(yield func(any) bool) {
		if v.instance != nil {
			yield(v.instance)
		}
	}
}

func (w *world) View() cloud.View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return view{rev: w.rev, instance: w.instance}
}

func (w *world) Watch() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// set changes the instance; nil deletes it.
func (w *world) set(f func(i *cloud.Instance) *cloud.Instance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var next *cloud.Instance
	if w.instance != nil {
		i := *w.instance
		next = f(&i)
	}
	w.instance = next
	w.rev++
	close(w.changed)
	w.changed = make(chan struct{})
}

// phase asks for a phase, or a further boot.
func (w *world) phase(p cloud.Phase, boot int) {
	w.set(func(i *cloud.Instance) *cloud.Instance { i.Phase, i.Boot = p, boot; return i })
}

func (w *world) settled(_ context.Context, _ cloud.InstanceID, boot int, to cloud.Phase, reason string) error {
	w.set(func(i *cloud.Instance) *cloud.Instance {
		if i.Boot == boot {
			i.Phase, i.Reason = to, reason
		}
		return i
	})
	return nil
}

func (w *world) lend(context.Context, *cloud.Interface, uint64) (*Slot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease != nil {
		return nil, w.lease
	}
	w.leased++
	ns := w.ns
	if ns == nil {
		ns = os.Stdin
	}
	return &Slot{NetNS: ns, Search: []string{"ec2.internal"}, Release: func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.leased--
	}}, nil
}

// Start pretends to start a machine.
func (w *world) Start(_ context.Context, s sandbox.Spec) (Machine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return nil, w.refuse
	}
	w.started++
	w.specs = append(w.specs, s)
	m := &machine{w: w, done: make(chan struct{})}
	w.running[m] = true
	return m, nil
}

// Left has the machine that w.left says, in the namespace that lend gives.
func (w *world) Left(id string) (sandbox.Record, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sandbox.Record{ID: id, Note: w.left, Pid: os.Getpid()}, w.left != ""
}

func (w *world) Adopt(string, func(sandbox.Line)) (Machine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = ""
	m := &machine{w: w, done: make(chan struct{})}
	w.running[m] = true
	return m, nil
}

func (w *world) EndLeft(string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = ""
	w.ended++
	return nil
}

type machine struct {
	w    *world
	exit sandbox.Exit
	once sync.Once
	done chan struct{}
}

func (m *machine) Done() <-chan struct{}                      { return m.done }
func (m *machine) Wait(context.Context) (sandbox.Exit, error) { <-m.done; return m.exit, nil }
func (m *machine) Exec(argv, env []string) error              { return nil }
func (m *machine) ListenIn(netip.AddrPort) (net.Listener, error) {
	return quiet{make(chan struct{}), new(sync.Once)}, nil
}
func (m *machine) Kill() {
	m.once.Do(func() {
		m.w.mu.Lock()
		defer m.w.mu.Unlock()
		delete(m.w.running, m)
		close(m.done)
	})
}

// quiet is a listener to which nobody connects.
type quiet struct {
	closed chan struct{}
	once   *sync.Once
}

func (q quiet) Accept() (net.Conn, error) { <-q.closed; return nil, net.ErrClosed }
func (q quiet) Close() error              { q.once.Do(func() { close(q.closed) }); return nil }
func (q quiet) Addr() net.Addr            { return nil }

// expect waits until nothing moves, then compares.
func (w *world) expect(t *testing.T, phase cloud.Phase, running, started int) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.instance.Phase != phase || len(w.running) != running || w.started != started || w.leased != running {
		t.Errorf("phase %s (%s), %d machines run, %d were started, %d interfaces are lent; want %s, %d, %d, %d",
			w.instance.Phase, w.instance.Reason, len(w.running), w.started, w.leased, phase, running, started, running)
	}
}

// with runs Hosts on an instance in a phase.
func with(t *testing.T, i cloud.Instance, f func(w *world, h *Hosts)) {
	synctest.Test(t, func(t *testing.T) {
		i.ID, i.Interface = "i-1", "eni-1"
		w := &world{instance: &i, changed: make(chan struct{}), running: map[*machine]bool{}}
		h := New(Config{State: w, Lease: w.lend, Settled: w.settled, Machine: w})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		f(w, h)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(w.running) != 0 || w.leased != 0 {
			t.Errorf("after the end %d machines run, %d interfaces are lent", len(w.running), w.leased)
		}
	})
}

func TestLife(t *testing.T) {
	with(t, cloud.Instance{Phase: cloud.Pending, Boot: 1, UserData: []byte("#!/bin/sh\n")}, func(w *world, h *Hosts) {
		w.expect(t, cloud.Running, 1, 1)
		if s := w.specs[0]; s.Hostname != "ip-10-0-0-5" || string(s.Place[script]) != "#!/bin/sh\n" || s.Hosts[0] != "10.0.0.5 ip-10-0-0-5.ec2.internal ip-10-0-0-5" {
			t.Errorf("the machine is %q, %q with %q", s.Hostname, s.Hosts, s.Place)
		}
		w.specs[0].Output(sandbox.Line{Text: "hello"})
		if text, _ := h.Console("i-1"); text != "[weir] i-1 starts at 10.0.0.5\nhello\n" {
			t.Errorf("the console shows %q", text)
		}
		w.phase(cloud.Running, 2) // reboot
		w.expect(t, cloud.Running, 1, 2)
		w.phase(cloud.Stopping, 2)
		w.expect(t, cloud.Stopped, 0, 2)
		w.phase(cloud.Pending, 3)
		w.expect(t, cloud.Running, 1, 3)
		w.phase(cloud.Terminating, 3)
		w.expect(t, cloud.Terminated, 0, 3)
	})
}

// TestRestart starts what ran when an earlier daemon ended, and ends what was to end.
func TestRestart(t *testing.T) {
	for phase, want := range map[cloud.Phase]struct {
		phase   cloud.Phase
		running int
	}{
		cloud.Running: {cloud.Running, 1}, cloud.Pending: {cloud.Running, 1}, cloud.Stopping: {cloud.Stopped, 0}, cloud.Stopped: {cloud.Stopped, 0},
		cloud.Terminating: {cloud.Terminated, 0}, cloud.Terminated: {cloud.Terminated, 0},
	} {
		t.Run(string(phase), func(t *testing.T) {
			with(t, cloud.Instance{Phase: phase, Boot: 1}, func(w *world, _ *Hosts) { w.expect(t, want.phase, want.running, want.running) })
		})
	}
}

// TestExit is the end of an instance by itself.
func TestExit(t *testing.T) {
	for terminate, want := range map[bool]cloud.Phase{false: cloud.Stopped, true: cloud.Terminated} {
		with(t, cloud.Instance{Phase: cloud.Pending, Boot: 1, TerminateOnExit: terminate}, func(w *world, _ *Hosts) {
			w.expect(t, cloud.Running, 1, 1)
			for m := range w.running {
				m.exit.OOM = true
				m.Kill()
			}
			w.expect(t, want, 0, 1)
			if w.instance.Reason != "Client.InstanceInitiatedShutdown: out of memory" {
				t.Errorf("the reason is %q", w.instance.Reason)
			}
		})
	}
}

// TestTrouble cannot start: an interface that is not there yet is waited for,
// anything else ends a new instance.
func TestTrouble(t *testing.T) {
	with(t, cloud.Instance{Phase: cloud.Stopped, Boot: 1}, func(w *world, _ *Hosts) {
		w.lease = cloud.Errorf(cloud.InUse, cloud.KindInterface, "eni-1", "leased", "in use")
		w.phase(cloud.Pending, 2)
		w.expect(t, cloud.Pending, 0, 0)
		w.mu.Lock()
		w.lease = nil
		w.mu.Unlock()
		<-w.Watch() // the next attempt
		w.expect(t, cloud.Running, 1, 1)
	})
	with(t, cloud.Instance{Phase: cloud.Stopped, Boot: 0}, func(w *world, h *Hosts) {
		w.refuse = errors.New("no memory")
		w.phase(cloud.Pending, 1)
		w.expect(t, cloud.Terminated, 0, 0)
		if w.instance.Reason != "Server.InternalError: no memory" {
			t.Errorf("the reason is %q", w.instance.Reason)
		}
		if text, _ := h.Console("i-1"); !strings.Contains(text, "not started: no memory") {
			t.Errorf("the console shows %q", text)
		}
	})
}

// TestGone forgets an instance that the state has no more.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{instance: &cloud.Instance{ID: "i-1", Interface: "eni-1", Phase: cloud.Pending, Boot: 1}, changed: make(chan struct{}), running: map[*machine]bool{}}
		h := New(Config{State: w, Lease: w.lend, Settled: w.settled, Machine: w})
		ctx, cancel := context.WithCancel(t.Context())
		go h.Run(ctx)
		w.expect(t, cloud.Running, 1, 1)
		w.set(func(*cloud.Instance) *cloud.Instance { return nil })
		synctest.Wait()
		if len(w.running) != 0 || w.leased != 0 {
			t.Errorf("%d machines run of an instance that is gone", len(w.running))
		}
		if text, _ := h.Console("i-1"); text != "" {
			t.Errorf("its console still shows %q", text)
		}
		cancel()
		synctest.Wait()
	})
}

func TestConsole(t *testing.T) {
	var c console
	for range 3 * consoleSize / 11 {
		c.line(sandbox.Line{Text: "0123456789"})
	}
	text, _ := c.read()
	if len(text) > consoleSize || len(text) < consoleSize-11 || !strings.HasPrefix(text, "0123456789\n") {
		t.Errorf("%d bytes are kept, beginning with %q; want at most %d, whole lines", len(text), text[:12], consoleSize)
	}
}
