package invoke

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
)

// Request is one invocation, its qualifier resolved.
type Request struct {
	Function      *cloud.Function
	Version       *cloud.Version
	ARN           string // as it was invoked
	Qualifier     string // as it was invoked
	Payload       []byte
	RequestID     string
	ClientContext string // JSON
	TraceID       string
	LogTail       bool // return the end of the log
	// HTTP, if set, is the request of which Payload is the body; see runtime.Event.
	HTTP    *runtime.Request
	Retries int // attempts before this one
	// Stop, if set, is closed to end the event before its time.
	Stop <-chan struct{}

	provisioned bool // there is no event: an instance is started before any
	abort       <-chan struct{}
}

// stopped says that the event is to end.
func (r *Request) stopped() bool {
	select {
	case <-r.Stop:
		return true
	case <-r.abort:
		return true
	default:
		return false
	}
}

// Failure says what ended an event, where it was not what its code answered.
type Failure string

// Failures.
const (
	TimedOut     Failure = "timeout"
	OutOfMemory  Failure = "memory"
	Exited       Failure = "exit"
	NotStarted   Failure = "start"      // code that is a server did not become one
	InitTimedOut Failure = "initialize" // the initializer's time
	Stopped      Failure = "stop"       // by Request.Stop
)

// Response is what an invocation answered.
type Response struct {
	Payload       []byte
	FunctionError string // "" or "Unhandled"
	ErrorType     string // of a function error
	Failure       Failure
	Message       string         // of a Failure that is no function error
	Reported      bool           // the code told of the error, it did not throw it
	HTTP          *runtime.Reply // of code that is a server
	Instance      string
	LogTail       []byte
}

// Network leases places in VPCs.
type Network interface {
	// Settle waits until the kernel shows this revision of the VPC.
	Settle(ctx context.Context, vpc cloud.VPCID, rev uint64) error
	Lease(ctx context.Context, at Place) (*Slot, error)
}

// Place is where an instance hangs in the network.
type Place struct {
	ENI cloud.InterfaceID
	// Side is the interface of a second way out, "" for none; Wide as cloud.FunctionNetwork's.
	Side cloud.InterfaceID
	Wide bool
}

// Slot is a network namespace behind an interface, for one instance.
type Slot struct {
	ID        string
	NetNS     *os.File
	ENI       cloud.InterfaceID
	Side      cloud.InterfaceID // of a second way out
	Addrs     []netip.Addr
	Resolvers []netip.Addr
	Search    []string
	Hosts     []string // extra lines of /etc/hosts
	Release   func()
}

// Engine starts interpreters.
type Engine interface {
	Prepare(ctx context.Context, spec runtime.Spec) (Process, error)
	// Note says what runs in place of the runtime that was asked for; "" if it is the same.
	Note(runtime string) string
}

// Process is a started interpreter; *runtime.Process is one.
type Process interface {
	Init(ctx context.Context, code runtime.Code) error
	Invoke(ctx context.Context, e runtime.Event) (runtime.Result, error)
	// Stop runs what the function wants run before its process ends.
	Stop(ctx context.Context) error
	Kill()
	// Done is closed when the process has ended.
	Done() <-chan struct{}
	// Peak is the most memory it took, in bytes.
	Peak() int64
}

// Credentials are a role's, for a while.
type Credentials struct {
	runtime.Credentials
	Expires time.Time
}

// State is the desired state, read only.
type State interface {
	View() cloud.View
	Watch() <-chan struct{}
}

// Logs takes lines of the functions' logs; it must not block for long.
type Logs interface {
	Append(account, region, group, stream string, l Line)
}

// Line is a line of a function's log.
type Line struct {
	Time   time.Time
	Text   string
	Fields map[string]string // of functions of contract FC; see lineFields
}

// Config is what an Invoker works with. Zero limits take their defaults.
type Config struct {
	State   State
	Network Network
	Engine  Engine
	Code    CodeSource
	Logs    Logs
	Log     *slog.Logger
	Dir     string // of the code cache; it is emptied at the start
	// Credentials gets a role's credentials; nil gives functions none.
	Credentials func(ctx context.Context, roleARN, session string) (Credentials, error)
	// Open checks a version's network that nobody has checked, and has its interfaces
	// made, before it runs; nil: there are none such.
	Open func(ctx context.Context, fn *cloud.Function, v *cloud.Version) (*cloud.Version, error)
	// Image finds the image of a version that has one, ready to be run; nil: there are none such.
	Image func(ctx context.Context, fn *cloud.Function, v *cloud.Version) (*runtime.Image, error)
	// Explain says in words why packets of the slot got nowhere since a time; may be nil.
	Explain func(ctx context.Context, s *Slot, since time.Time) []string
	// Dropped says cheaply whether packets of an interface were dropped since a time; may be nil.
	Dropped func(eni cloud.InterfaceID, since time.Time) bool
	Now     func() time.Time
	// Next is the first time of a schedule after another; nil: there are no schedules.
	Next func(schedule string, after time.Time) time.Time

	Concurrency  int           // per account and region; 1000
	Instances    int           // in all; 1000
	IdleTimeout  time.Duration // 10 minutes
	InitTimeout  time.Duration // 10 seconds
	Prepared     int           // waiting interpreters in all; 16, negative for none
	CachedCode   int           // unused archives kept unpacked; 64
	Grace        time.Duration // running events' time after Close; 2 seconds
	SettleWithin time.Duration // longest wait for the kernel before an invocation; 10 seconds
}

// Invoker runs functions.
type Invoker struct {
	cfg      Config
	code     *codeCache
	prepared *preparedPool
	starting chan struct{} // a place for each interpreter that is being started
	serial   atomic.Uint64 // of interpreters, for their names
	turn     atomic.Uint64 // of the interfaces
	urgent   atomic.Int64  // interpreters that events wait for

	mu     sync.Mutex // guards what follows
	limits *limits
	// ongoing are the events of each function.
	ongoing map[cloud.FunctionKey]*ongoing
	pools   map[poolKey]*pool
	all     map[*instance]struct{}
	ended   []Instance // the last that did
	count   int        // of all, and of those that are being started
	closed  bool

	provisions provisioner
	live       sync.WaitGroup // instances that exist
}

// New returns an Invoker; Run must be running for idle instances to go away.
func New(cfg Config) (*Invoker, error) {
	fill(&cfg.Concurrency, 1000)
	fill(&cfg.Instances, 1000)
	fill(&cfg.IdleTimeout, 10*time.Minute)
	fill(&cfg.InitTimeout, 10*time.Second)
	fill(&cfg.Prepared, 16)
	fill(&cfg.CachedCode, 64)
	fill(&cfg.SettleWithin, 10*time.Second)
	fill(&cfg.Grace, 2*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Next == nil {
		cfg.Next = func(string, time.Time) time.Time { return time.Time{} }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	code, err := openCodeCache(cfg.Dir, cfg.Code, cfg.CachedCode, cfg.Now)
	if err != nil {
		return nil, err
	}
	i := &Invoker{
		cfg:      cfg,
		code:     code,
		starting: make(chan struct{}, goruntime.GOMAXPROCS(0)),
		limits:   newLimits(cfg.Concurrency),
		pools:    map[poolKey]*pool{},
		ongoing:  map[cloud.FunctionKey]*ongoing{},
		all:      map[*instance]struct{}{},

		provisions: newProvisioner(),
	}
	i.limits.reserved = reservations(cfg.State.View())
	i.prepared = newPreparedPool(cfg.Prepared, cfg.Now, i.prepare, func() bool { return i.urgent.Load() > 0 })
	return i, nil
}

func fill[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Invoke runs an event to its end, however the function ends: a function's own
// failure is a Response. Errors are *cloud.Error where the caller, the function's
// configuration or a limit is the reason.
func (i *Invoker) Invoke(ctx context.Context, r Request) (*Response, error) {
	switch s := r.Version.State; {
	case r.Version.Image.Failed():
		return nil, cloud.Errorf(cloud.State, cloud.KindFunction, r.Function.Name, "image", "Failed: %s", r.Version.Image.Problem)
	case r.Version.Image.Pending():
		return nil, cloud.Errorf(cloud.State, cloud.KindFunction, r.Function.Name, "pending", "Pending")
	case s.Status == "failed":
		return nil, cloud.Errorf(cloud.State, cloud.KindFunction, r.Function.Name, s.Code, "Failed")
	case i.cfg.Now().Before(s.ReadyAt):
		return nil, cloud.Errorf(cloud.State, cloud.KindFunction, r.Function.Name, "pending", "Pending")
	}
	if r.Version.Network.Unchecked && i.cfg.Open != nil {
		v, err := i.cfg.Open(ctx, r.Function, r.Version)
		if err != nil {
			return nil, err
		}
		r.Version = v
	}
	permit, o, err := i.enter(r.Function)
	if err != nil {
		return nil, err
	}
	defer i.leave(permit, o)
	r.abort = o.abort
	// The vendor runs an event to its end even if its caller goes away.
	ctx = context.WithoutCancel(ctx)
	in, w := i.idle(ctx, r)
	if in == nil {
		return i.cold(ctx, r, w)
	}
	return i.warm(ctx, in, r), nil
}

func (i *Invoker) warm(ctx context.Context, in *instance, r Request) *Response {
	i.settle(ctx, in)
	return i.run(ctx, in, r, 0)
}

func (i *Invoker) enter(fn *cloud.Function) (permit, *ongoing, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return permit{}, nil, cloud.Errorf(cloud.Unavailable, cloud.KindFunction, fn.Name, "closing", "the platform is shutting down")
	}
	p, err := i.limits.enter(fn)
	if err != nil {
		return p, nil, err
	}
	return p, i.track(fn.Key), nil
}

func (i *Invoker) leave(p permit, o *ongoing) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.limits.leave(p)
	i.untrack(p.fn, o)
}

// settle makes every network change that was acknowledged before the invocation hold in it.
func (i *Invoker) settle(ctx context.Context, in *instance) {
	rev := i.cfg.State.View().Rev()
	if rev == in.settled.Load() {
		return
	}
	if err := i.settleVPC(ctx, in.vpc, rev); err != nil {
		i.cfg.Log.Warn("network not settled before an invocation", "fn", in.key.fn, "vpc", in.vpc, "rev", rev, "err", err)
		return
	}
	in.settled.Store(rev)
}

func (i *Invoker) settleVPC(ctx context.Context, vpc cloud.VPCID, rev uint64) error {
	if vpc == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, i.cfg.SettleWithin)
	defer cancel()
	if err := i.cfg.Network.Settle(ctx, vpc, rev); err != nil {
		return fmt.Errorf("wait for revision %d of %s: %w", rev, vpc, err)
	}
	return nil
}

// Ready reports whether the version's network stands.
func (i *Invoker) Ready(ctx context.Context, _ *cloud.Function, v *cloud.Version) bool {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return v.Network.VPC == "" || i.cfg.Network.Settle(ctx, v.Network.VPC, i.cfg.State.View().Rev()) == nil
}

// readyWithin is how long a question for a function's state may wait for the kernel.
const readyWithin = 500 * time.Millisecond
