package invoke

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
)

// instance is a process that has loaded one version at one revision.
type instance struct {
	key      poolKey
	revision string
	label    string // "$LATEST" or the version's number
	memory   int    // MiB
	timeout  time.Duration
	vpc      cloud.VPCID
	slot     *Slot
	process  Process
	sink     *sink
	expires  time.Time // of its credentials; zero is never
	// credentials are what events are told, by contracts that tell them.
	credentials runtime.Credentials
	close       func() // ends it whole, once
	words       words
	id          string
	born        time.Time
	places      int            // events that it takes at once
	image       *runtime.Image // its code is in; nil if that is an archive
	preStop     time.Duration  // how long the hook before its end may take; 0: it has none
	provisioned bool           // it was started before events came, and waits for them
	qualifier   string         // that it was started for

	settled atomic.Uint64 // revision whose network is known to stand

	mu       sync.Mutex    // guards what follows
	initTime time.Duration // of loading, until a report has shown it
	peak     int64         // most memory seen so far, in bytes
	peakAt   time.Time     // when that was read

	// The invoker's mu guards these.
	idleSince time.Time
	busy      int  // events that it runs
	over      bool // it is to get no more events
	ready     bool // it has loaded its code
}

// stale says that the process is gone, or that its credentials would run out during an invocation.
func (in *instance) stale(now time.Time, timeout time.Duration) bool {
	select {
	case <-in.process.Done():
		return true
	default:
	}
	return !in.expires.IsZero() && now.Add(timeout).After(in.expires)
}

// peakEvery is how often an instance's memory is read: it costs as much as a short event.
const peakEvery = 100 * time.Millisecond

// readPeak is the most memory the instance took, as far as it was seen alive.
func (in *instance) readPeak(now time.Time) int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	if now.Sub(in.peakAt) >= peakEvery {
		in.peak, in.peakAt = max(in.peak, in.process.Peak()), now
	}
	return in.peak
}

// takeInit is how long loading took, once.
func (in *instance) takeInit() time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	d := in.initTime
	in.initTime = 0
	return d
}

// prepared is a process without a function, in its slot.
type prepared struct {
	slot    *Slot
	process Process
	sink    *sink
}

// ended reports whether the process is gone.
func (p *prepared) ended() bool {
	select {
	case <-p.process.Done():
		return true
	default:
		return false
	}
}

func (p *prepared) close() {
	p.process.Kill()
	p.slot.Release()
}

// preparedKey is what a waiting process is good for.
type preparedKey struct {
	Place
	runtime string
	tmp     int // MiB
}

// prepare leases a slot and starts an interpreter in it.
func (i *Invoker) prepare(ctx context.Context, key preparedKey) (*prepared, error) {
	return i.prepareOwn(ctx, key, nil, nil)
}

// prepareOwn starts the process of an image, or an interpreter if that is nil, that
// finds names by dns, or in its network's way if that is nil.
func (i *Invoker) prepareOwn(ctx context.Context, key preparedKey, image *runtime.Image, dns *cloud.DNS) (*prepared, error) {
	select {
	case i.starting <- struct{}{}:
		defer func() { <-i.starting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	slot, err := i.cfg.Network.Lease(ctx, key.Place)
	if err != nil {
		return nil, fmt.Errorf("lease a place behind %s: %w", key.ENI, err)
	}
	p := &prepared{slot: slot, sink: &sink{logs: i.cfg.Logs}}
	spec := runtime.Spec{
		ID:        fmt.Sprintf("i%d", i.serial.Add(1)),
		Runtime:   key.runtime,
		NetNS:     slot.NetNS,
		Resolvers: slot.Resolvers,
		Search:    slot.Search,
		Hosts:     slot.Hosts,
		TmpMiB:    key.tmp,
		Image:     image,
		Log:       p.sink.output,
	}
	if dns != nil {
		spec.Search, spec.DNSOptions = dns.Searches, dns.Options
		if len(dns.Servers) > 0 {
			spec.Resolvers = dns.Servers
		}
	}
	p.process, err = i.cfg.Engine.Prepare(ctx, spec)
	if err != nil {
		slot.Release()
		return nil, fmt.Errorf("start %s: %w", key.runtime, err)
	}
	return p, nil
}

// start gets an interpreter ready for the version's code, which is not loaded yet.
func (i *Invoker) start(ctx context.Context, r Request) (*instance, error) {
	v := r.Version
	rev := i.cfg.State.View().Rev()
	vpc, err := i.networkOf(v)
	if err != nil {
		return nil, err
	}
	if err := i.settleAll(ctx, vpc, v.Network.Side, rev); err != nil {
		return nil, cloud.Errorf(cloud.Unavailable, cloud.KindFunction, r.Function.Name, "network", "the network of function %s does not stand: %v", r.Function.Name, err)
	}
	var image *runtime.Image
	if v.Image != nil {
		if image, err = i.cfg.Image(ctx, r.Function, v); err != nil {
			return nil, err
		}
	}
	p, err := i.claim(ctx, v, image)
	if err != nil {
		return nil, err
	}
	id := instanceID()
	in := &instance{
		key:      poolKey{r.Function.Key, v.Number},
		revision: v.RevisionID,
		label:    v.Label(),
		memory:   v.Memory,
		timeout:  v.Timeout,
		vpc:      vpc,
		slot:     p.slot,
		process:  p.process,
		sink:     p.sink,
		words:    wordsOf(v),
		id:       id,
		born:     i.cfg.Now(),
		places:   max(v.Concurrency, 1),
		image:    image,

		provisioned: r.provisioned, qualifier: r.Qualifier,
	}
	if v.PreStop != nil {
		in.preStop = v.PreStop.Timeout
	}
	if v.Contract == FC {
		in.id = "c-" + id
	}
	in.settled.Store(rev)
	in.close = sync.OnceFunc(p.close)
	in.sink.begin("", lineFields(r, in.id))
	in.sink.end("")
	in.sink.direct(r.Function.Account, r.Function.Region, v.LogGroup, streamName(i.cfg.Now(), v.Label(), id))
	return in, nil
}

// networkOf is the VPC that the version's interfaces are in.
func (i *Invoker) networkOf(v *cloud.Version) (cloud.VPCID, error) {
	for _, id := range v.Network.Interfaces {
		if eni, ok := cloud.Interfaces.Get(i.cfg.State.View(), id); ok {
			return eni.VPC, nil
		}
	}
	return "", cloud.Errorf(cloud.State, cloud.KindFunction, "", "no-interface", "Inactive: its network interfaces are gone; update its VPC configuration")
}

// placeOf is the place behind one of a network's interfaces.
func placeOf(n *cloud.FunctionNetwork, eni cloud.InterfaceID) Place {
	return Place{ENI: eni, Side: n.Side, Wide: n.Side != "" && n.Wide}
}

// settleAll waits for the network that an instance is in, and for the one of its second way out.
func (i *Invoker) settleAll(ctx context.Context, vpc cloud.VPCID, side cloud.InterfaceID, rev uint64) error {
	if err := i.settleVPC(ctx, vpc, rev); err != nil || side == "" {
		return err
	}
	if eni, ok := cloud.Interfaces.Get(i.cfg.State.View(), side); ok {
		return i.settleVPC(ctx, eni.VPC, rev)
	}
	return nil
}

// claim takes a waiting interpreter behind one of the version's interfaces, or
// starts one; no image's process waits, and none with a DNS of its own. Interfaces take turns; one that fails is
// passed over.
func (i *Invoker) claim(ctx context.Context, v *cloud.Version, image *runtime.Image) (*prepared, error) {
	enis, err := i.reachable(v.Network.Interfaces)
	if err != nil {
		return nil, err
	}
	turn := int(i.turn.Add(1))
	keys := make([]preparedKey, len(enis))
	for n := range enis {
		keys[n] = preparedKey{placeOf(&v.Network, enis[(turn+n)%len(enis)]), v.Runtime, v.Ephemeral}
		if image != nil || v.DNS != nil {
			continue
		}
		if p := i.prepared.take(keys[n]); p != nil {
			return p, nil
		}
	}
	i.urgent.Add(1)
	defer func() {
		if i.urgent.Add(-1) == 0 {
			i.prepared.resume()
		}
	}()
	var errs []error
	for _, key := range keys {
		p, err := i.prepareOwn(ctx, key, image, v.DNS)
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// reachable leaves out interfaces in zones that have failed.
func (i *Invoker) reachable(enis []cloud.InterfaceID) ([]cloud.InterfaceID, error) {
	v := i.cfg.State.View()
	left := slices.DeleteFunc(slices.Clone(enis), func(id cloud.InterfaceID) bool { return cloud.CutOff(v, id) })
	if len(left) == 0 {
		return nil, cloud.Errorf(cloud.Unavailable, cloud.KindFunction, "", "zones", "The zones of all of the function's subnets have failed; add a subnet in another zone.")
	}
	return left, nil
}

// load gives the instance its code.
func (i *Invoker) load(ctx context.Context, in *instance, r Request) error {
	v := r.Version
	dir := ""
	if in.image == nil {
		unpacked, release, err := i.code.acquire(ctx, v.CodeDigest)
		if err != nil {
			return err
		}
		end := in.close
		dir, in.close = unpacked, func() { end(); release() }
	}
	code := runtime.Code{
		Dir:       dir,
		Image:     in.image,
		Handler:   v.Handler,
		Name:      r.Function.Name,
		Version:   in.label,
		Region:    r.Function.Region,
		MemoryMiB: v.Memory,
		CPU:       cores(v),
		LogGroup:  in.sink.group,
		LogStream: in.sink.stream,
		Env:       v.Env,
	}
	if err := i.layers(ctx, in, v, &code); err != nil {
		return err
	}
	told(&code, r.Function, v)
	code.Instance, code.Provisioned = in.id, in.provisioned
	if i.cfg.Credentials != nil && v.Role != "" {
		c, err := i.cfg.Credentials(ctx, v.Role, r.Function.Name)
		if cloud.IsKind(err, cloud.Unavailable) { // that is not the role's fault
			return err
		}
		if err != nil {
			return refusedRole(r.Function, v.Role, err)
		}
		code.Credentials, in.expires = c.Credentials, c.Expires
		in.credentials = c.Credentials
	}
	if err := in.process.Init(ctx, code); err != nil {
		return err
	}
	in.readPeak(i.cfg.Now())
	i.mu.Lock()
	defer i.mu.Unlock()
	in.ready = true
	return nil
}

// layers adds the version's layers to its code.
func (i *Invoker) layers(ctx context.Context, in *instance, v *cloud.Version, code *runtime.Code) error {
	if len(v.Layers) == 0 {
		return nil
	}
	digests := make([]string, len(v.Layers))
	for n, l := range v.Layers {
		digests[n] = l.Digest
	}
	dir, release, err := i.code.acquire(ctx, digests...)
	if err != nil {
		return err
	}
	end := in.close
	code.Layers, in.close = dir, func() { end(); release() }
	return nil
}

// refusedRole says that a function's role cannot be assumed.
func refusedRole(fn *cloud.Function, role string, err error) error {
	return &cloud.Error{Kind: cloud.Denied, Resource: cloud.KindFunction, ID: fn.Name, Reason: "role", Msg: "the role " + role + " of function " + fn.Name + " cannot be assumed", Err: err}
}

// told adds what a function's contract tells the code beside the usual.
func told(code *runtime.Code, fn *cloud.Function, v *cloud.Version) {
	code.Contract, code.Account, code.Timeout = v.Contract, fn.Account, v.Timeout
	if v.Contract != FC {
		return
	}
	code.Account, code.Version = v.Attrs["fc.account"], strings.TrimPrefix(code.Version, "$")
	inject := v.Attrs["fc.disableInjectCredentials"]
	code.NoEnvCredentials, code.NoEventCredentials = inject == "Env" || inject == "All", inject == "Request" || inject == "All"
	code.Initializer, code.PreStop, code.Server = v.Initializer, v.PreStop, v.Server
}

// cores is how many processors an instance may use. Lambda gives one per 1,769 MB
// and fractions below that; here nobody is slowed below one, as what the vendor
// sells by the fraction costs nothing on one's own machine.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
func cores(v *cloud.Version) float64 {
	if v.CPU > 0 {
		return max(1, v.CPU)
	}
	return max(1, float64(v.Memory)/1769)
}

// instanceID is 32 hexadecimal digits, as in a log stream's name.
func instanceID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func asCloudError(err error, fn *cloud.Function) error {
	var e *cloud.Error
	if errors.As(err, &e) {
		if e.Resource == cloud.KindFunction {
			return err
		}
		return &cloud.Error{Kind: e.Kind, Resource: cloud.KindFunction, ID: fn.Name, Reason: "start", Msg: "function " + fn.Name + " cannot be started", Err: err}
	}
	return &cloud.Error{Kind: cloud.Unavailable, Resource: cloud.KindFunction, ID: fn.Name, Reason: "start", Msg: "function " + fn.Name + " cannot be started", Err: err}
}
