package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// State is what is followed.
type State interface {
	View() cloud.View
	Watch() <-chan struct{}
}

// Slot is an interface's namespace. Release gives it back.
type Slot struct {
	NetNS     *os.File
	Resolvers []netip.Addr
	Search    []string
	Release   func()
}

// Config is what Hosts work with.
type Config struct {
	State State
	// Lease waits until the network has the interface as of a revision.
	Lease func(ctx context.Context, eni *cloud.Interface, rev uint64) (*Slot, error)
	// Settled records what has come of an instance's start or end.
	Settled func(ctx context.Context, id cloud.InstanceID, boot int, to cloud.Phase, reason string) error
	Machine Starter
	// Words are those of an instance; nil, and nil answered, is the common ones.
	Words func(i *cloud.Instance) *Words
	// Credentials issues those of an instance's role; nil if there are none.
	Credentials func(ctx context.Context, i *cloud.Instance) (Credentials, error)
	Env         []string // beside what every machine has
	Log         *slog.Logger
}

// Starter starts machines; a sandbox.Host is one, through Machines.
type Starter interface {
	Start(ctx context.Context, spec sandbox.Spec) (Machine, error)
	// Left finds the machine of this ID that an earlier process left running.
	Left(id string) (sandbox.Record, bool)
	// Adopt takes it over; EndLeft ends it.
	Adopt(id string, output func(sandbox.Line)) (Machine, error)
	EndLeft(id string) error
}

// Machine is a running machine.
type Machine interface {
	Done() <-chan struct{}
	Wait(ctx context.Context) (sandbox.Exit, error)
	Kill()
	// Exec starts the program of a machine that was started without one.
	Exec(argv, env []string) error
	// ListenIn opens a socket inside.
	ListenIn(addr netip.AddrPort) (net.Listener, error)
}

// Machines is a sandbox.Host as a Starter.
type Machines struct{ *sandbox.Host }

// Start starts a machine.
func (m Machines) Start(ctx context.Context, spec sandbox.Spec) (Machine, error) {
	return m.Host.Start(ctx, spec)
}

// Left finds a machine that an earlier process left.
func (m Machines) Left(id string) (sandbox.Record, bool) {
	for _, r := range m.Host.Left() {
		if r.ID == id {
			return r, true
		}
	}
	return sandbox.Record{}, false
}

// Adopt takes a machine over.
func (m Machines) Adopt(id string, output func(sandbox.Line)) (Machine, error) {
	return m.Host.Adopt(id, output)
}

// Hosts runs instances.
type Hosts struct {
	cfg  Config
	work sync.WaitGroup

	mu  sync.Mutex // guards all and what is in it
	all map[cloud.InstanceID]*instance
}

// instance is one that is, or was, run here.
type instance struct {
	console console
	wake    chan struct{} // has room for one
}

// New makes Hosts; Run starts them.
func New(c Config) *Hosts {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Hosts{cfg: c, all: map[cloud.InstanceID]*instance{}}
}

// Run follows the state until ctx ends, then ends every machine.
func (h *Hosts) Run(ctx context.Context) error {
	for {
		watch := h.cfg.State.Watch() // before the view, so that no change is missed
		h.look(ctx, h.cfg.State.View())
		select {
		case <-watch:
		case <-ctx.Done():
			h.work.Wait()
			return nil
		}
	}
}

// look starts a worker for every new instance and wakes all others.
func (h *Hosts) look(ctx context.Context, v cloud.View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	there := map[cloud.InstanceID]bool{}
	for i := range cloud.Instances.All(v) {
		there[i.ID] = true
		if h.all[i.ID] == nil {
			n := &instance{wake: make(chan struct{}, 1)}
			h.all[i.ID] = n
			h.work.Go(func() { h.follow(ctx, i.ID, n) })
		}
	}
	for id, n := range h.all {
		select {
		case n.wake <- struct{}{}:
		default:
		}
		if !there[id] {
			delete(h.all, id)
		}
	}
}

// follow brings one instance to what the state wants, again and again.
func (h *Hosts) follow(ctx context.Context, id cloud.InstanceID, n *instance) {
	r := runner{Hosts: h, id: id, n: n}
	defer r.end()
	r.resume(ctx)
	for {
		i, ok := cloud.Instances.Get(h.cfg.State.View(), id)
		if !ok {
			return
		}
		wait := r.bring(ctx, i)
		select {
		case <-n.wake:
		case <-r.done():
		case <-wait:
		case <-ctx.Done():
			return
		}
	}
}

// runner is the worker of one instance.
type runner struct {
	*Hosts
	id      cloud.InstanceID
	n       *instance
	machine Machine // nil while none runs
	slot    *Slot
	boot    int
	about   *http.Server // answers what it asks about itself
}

// done is closed when the machine ends; nil while none runs.
func (r *runner) done() <-chan struct{} {
	if r.machine == nil {
		return nil
	}
	return r.machine.Done()
}

// end stops the machine and gives its interface back.
func (r *runner) end() {
	if r.machine == nil {
		return
	}
	r.machine.Kill()
	<-r.machine.Done()
	_ = r.about.Close() // its connections ended with the machine
	r.machine = nil
	r.slot.Release()
}

// retry is how soon something that failed, but may work later, is tried again.
const retry = 200 * time.Millisecond

// bring does what the instance's phase asks for. A channel says when to come back
// although nothing changed.
func (r *runner) bring(ctx context.Context, i *cloud.Instance) <-chan time.Time {
	to, reason := i.Phase, ""
	switch {
	case i.Phase.Up() && r.machine != nil && r.ended():
		exit, _ := r.machine.Wait(ctx)
		r.n.console.add(fmt.Sprintf("[weir] the instance ended: %s", describe(exit)))
		r.end()
		to, reason = cloud.Stopped, "Client.InstanceInitiatedShutdown: "+describe(exit)
		if i.TerminateOnExit {
			to = cloud.Terminated
		}
	case i.Phase.Up():
		if r.machine != nil && r.boot != i.Boot {
			r.n.console.add("[weir] reboot")
			r.end()
		}
		to = cloud.Running
		if r.machine != nil {
			break
		}
		if err := r.start(ctx, i); err != nil {
			return r.failed(ctx, i, err)
		}
	case i.Phase == cloud.Stopping:
		r.end()
		to = cloud.Stopped
	case i.Phase == cloud.Terminating:
		r.end()
		to = cloud.Terminated
	}
	return r.record(ctx, i, to, reason)
}

// record tells what has come of the instance, if that is news.
func (r *runner) record(ctx context.Context, i *cloud.Instance, to cloud.Phase, reason string) <-chan time.Time {
	if to == i.Phase {
		return nil
	}
	if err := r.cfg.Settled(ctx, i.ID, i.Boot, to, reason); err != nil {
		if ctx.Err() == nil {
			r.cfg.Log.Error("recording an instance's phase", "instance", i.ID, "phase", to, "err", err)
		}
		return time.After(retry)
	}
	return nil
}

// failed gives an instance up that could not be started for the first time; one
// that ran before is tried again.
func (r *runner) failed(ctx context.Context, i *cloud.Instance, err error) <-chan time.Time {
	if ctx.Err() != nil {
		return nil
	}
	if cloud.IsKind(err, cloud.InUse) { // the network still takes down what the last start had
		return time.After(retry)
	}
	r.cfg.Log.Error("starting an instance", "instance", i.ID, "err", err)
	r.n.console.add("[weir] not started: " + err.Error())
	if i.Phase == cloud.Running || cloud.IsKind(err, cloud.Unavailable) {
		return time.After(retry)
	}
	to := cloud.Stopped
	if i.Boot == 1 {
		to = cloud.Terminated
	}
	return r.record(ctx, i, to, "Server.InternalError: "+err.Error())
}

func (r *runner) ended() bool {
	select {
	case <-r.machine.Done():
		return true
	default:
		return false
	}
}

func describe(e sandbox.Exit) string {
	if e.OOM {
		return "out of memory"
	}
	return e.String()
}

// maxPids is how many processes an instance may have.
const maxPids = 4096

// settleTime bounds how long an instance waits for its interface.
const settleTime = 20 * time.Second

// start starts the instance's machine.
func (r *runner) start(ctx context.Context, i *cloud.Instance) error {
	v := r.cfg.State.View()
	eni, ok := cloud.Interfaces.Get(v, i.Interface)
	if !ok {
		return errors.New("its network interface " + string(i.Interface) + " is gone")
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	slot, err := r.cfg.Lease(ctx, eni, v.Rev())
	if err != nil {
		return fmt.Errorf("connecting it: %w", err)
	}
	r.n.console.add(fmt.Sprintf("[weir] %s starts at %s", i.ID, eni.Primary()))
	s := spec(i, eni, slot, r.words(i).Addr.Addr(), r.n.console.line)
	m, err := r.cfg.Machine.Start(ctx, s)
	if err != nil {
		slot.Release()
		return err
	}
	err = r.have(m, slot, i)
	if err == nil {
		err = m.Exec([]string{"/bin/sh", "-c", boot}, environment(r.cfg.Env))
	}
	if err != nil {
		r.end()
	}
	return err
}

// have makes a machine the instance's, with the service that tells it about itself.
func (r *runner) have(m Machine, slot *Slot, i *cloud.Instance) error {
	r.machine, r.slot, r.boot, r.about = m, slot, i.Boot, &http.Server{Handler: newMetadata(i.ID, r.words(i), r.cfg), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	l, err := m.ListenIn(r.words(i).Addr)
	if err == nil {
		r.work.Go(func() { _ = r.about.Serve(l) }) // ends with Close
	}
	return err
}

func (r *runner) words(i *cloud.Instance) Words {
	if r.cfg.Words != nil {
		if w := r.cfg.Words(i); w != nil {
			return *w
		}
	}
	return common
}

// script is where the user data lies, as with cloud-init.
const script = "/var/lib/cloud/instance/user-data"

// boot runs the user data, then stays: an instance runs until it is told otherwise.
const boot = `if [ -e ` + script + ` ]; then ` + script + ` </dev/null; echo "[weir] the user data ended with exit status $?"; fi; exec sleep infinity`

// spec is an instance as a machine.
func spec(i *cloud.Instance, eni *cloud.Interface, slot *Slot, about netip.Addr, print func(sandbox.Line)) sandbox.Spec {
	name := hostname(i, eni.Primary())
	full := name
	if len(slot.Search) > 0 {
		full = name + "." + slot.Search[0]
	}
	s := sandbox.Spec{
		ID: string(i.ID), Note: strconv.Itoa(i.Boot), NetNS: slot.NetNS, Resolvers: slot.Resolvers, Search: append(slot.Search, cloud.HostDomain),
		Hostname: name, Hosts: []string{eni.Primary().String() + " " + full + " " + name},
		Local:  []netip.Addr{about},
		TmpMiB: max(i.MemoryMiB/2, 256),
		Limits: sandbox.Limits{MemoryMiB: i.MemoryMiB, CPU: float64(i.CPUs), Pids: maxPids},
		Output: print,
	}
	if len(i.UserData) > 0 {
		s.Place = map[string][]byte{script: i.UserData}
	}
	return s
}

// environment is what the user data finds.
func environment(more []string) []string {
	return append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8",
	}, more...)
}

// hostname is the own name of an instance with this address.
func hostname(i *cloud.Instance, a netip.Addr) string {
	if i.Names.ByID {
		return string(i.ID)
	}
	return Name(a)
}

// Name is the name that a host without one of its own has by its address.
func Name(a netip.Addr) string {
	return "ip-" + strings.NewReplacer(".", "-", "::", "-", ":", "-").Replace(a.String())
}

// Console is what an instance has printed, its last part, and when it last did.
func (h *Hosts) Console(id cloud.InstanceID) (string, time.Time) {
	h.mu.Lock()
	n := h.all[id]
	h.mu.Unlock()
	if n == nil {
		return "", time.Time{}
	}
	return n.console.read()
}
