package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/fastpath"
)

// Config is what a Kernel needs.
type Config struct {
	Dir      string   // namespaces are pinned in its subdirectory netns, which is cleared
	Pins     *Pins    // instead of Dir: what is there is taken over; closed by Close
	Internet *os.File // the internet's namespace, owned by the caller
	Log      *slog.Logger
	AllSlow  bool // every packet goes through the routers, without package fastpath
}

// Kernel applies Networks to this machine.
type Kernel struct {
	threads  *threads
	pins     *Pins
	internet *space
	log      *slog.Logger
	onDrop   func(dataplane.Packet)
	fast     func() *fastpath.Paths // nil where there is none

	inet sync.Mutex // held while the internet's namespace, or the hub, is changed
	hub  *space     // made when first needed; guarded by inet

	noReset atomic.Bool // counters cannot be read and reset at once

	mu   sync.Mutex // guards vpcs and left
	vpcs map[cloud.VPCID]*vpc
	left map[cloud.VPCID]*left // by an earlier process, until the first Apply
}

// vpc is what the kernel has for one VPC.
type vpc struct {
	id     cloud.VPCID
	mu     sync.RWMutex // held for writing by Apply, for reading by slots
	have   *dataplane.Network
	noted  *dataplane.Kept
	owed   []netip.Addr // whose flows are to end, as noted
	spaces map[string]*space
	slots  map[string]*sync.Mutex // per host: its socket for rules is for one at a time
	echo   *os.File               // answers echo requests to gateway endpoints; nil if there are none

	counting sync.Mutex
	counted  map[string]reading // by set, where counters are not reset; guarded by counting

	translators map[string]*os.File // of NAT gateways' namespaces that translate IPv6

	socks   sync.Mutex
	sockets map[*socket]struct{} // listening in its namespaces; guarded by socks
}

var _ dataplane.Kernel = (*Kernel)(nil)

// New prepares a Kernel.
func New(c Config) (*Kernel, error) {
	t, err := newThreads()
	if err != nil {
		return nil, err
	}
	k := &Kernel{threads: t, log: c.Log, pins: c.Pins, vpcs: map[cloud.VPCID]*vpc{}, onDrop: func(dataplane.Packet) {}, fast: func() *fastpath.Paths { return nil }}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.pins == nil {
		if k.pins, err = OpenPins(filepath.Join(c.Dir, "netns")); err != nil {
			t.close()
			return nil, err
		}
		k.pins.clear()
	}
	hub := k.pins.hub()
	k.left = k.pins.left()
	fd, err := unix.FcntlInt(c.Internet.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("hold the internet's namespace: %w", err)
	}
	k.internet = &space{name: dataplane.Internet, file: os.NewFile(uintptr(fd), dataplane.Internet)}
	if err := t.inside(k.internet.file, func() error { return k.internet.open(false) }); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	if err := k.takeHub(hub); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	if !c.AllSlow { // which takes the time of reading the kernel's types
		k.fast = sync.OnceValue(func() *fastpath.Paths { return openFast(t, k.log) })
		go k.fast()
	}
	return k, nil
}

// OnDrop sets who is told of dropped packets.
func (k *Kernel) OnDrop(f func(dataplane.Packet)) { k.onDrop = f }

// Close removes every namespace.
func (k *Kernel) Close() error {
	k.mu.Lock()
	vpcs := k.vpcs
	k.vpcs = map[cloud.VPCID]*vpc{}
	k.mu.Unlock()
	for _, v := range vpcs {
		v.mu.Lock()
		for name := range v.spaces {
			k.remove(v, name)
		}
		v.have = nil
		v.mu.Unlock()
	}
	err := k.pins.Close()
	k.internet.close()
	if k.hub != nil {
		k.hub.close()
	}
	if p := k.fast(); p != nil {
		err = errors.Join(err, p.Close())
	}
	k.threads.close()
	return err
}

func (k *Kernel) vpc(id cloud.VPCID) *vpc {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.vpcs[id]
	if v == nil {
		v = &vpc{id: id, spaces: map[string]*space{}, slots: map[string]*sync.Mutex{}, sockets: map[*socket]struct{}{}, translators: map[string]*os.File{}}
		k.vpcs[id] = v
	}
	return v
}

// find is vpc for one that exists.
func (k *Kernel) find(id cloud.VPCID) (*vpc, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v := k.vpcs[id]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("VPC %s has no network here", id)
}

func (v *vpc) pin(name string) string { return string(v.id) + "." + name }

// space finds a namespace by name.
func (k *Kernel) space(v *vpc, name string) (*space, error) {
	switch name {
	case dataplane.Internet:
		return k.internet, nil
	case dataplane.Hub:
		return k.openHub()
	}
	if s := v.spaces[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("VPC %s has no namespace %s", v.id, name)
}

// Apply makes the VPC what want says.
func (k *Kernel) Apply(ctx context.Context, want *dataplane.Network) error {
	v := k.vpc(want.VPC)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := k.adopt(v, want); err != nil {
		return fmt.Errorf("VPC %s: take over what an earlier process left: %w", want.VPC, err)
	}
	changes, err := dataplane.Diff(v.have, want)
	if err != nil {
		return err
	}
	changes.Forget = union(changes.Forget, v.owed)
	if err := k.note(v, want, changes.Forget); err != nil { // before anything is called by its number
		return err
	}
	if changes.Empty() {
		v.have = want
		return nil
	}
	if err := k.change(func() error { return k.apply(ctx, v, want, changes) }); err != nil {
		return fmt.Errorf("VPC %s: %w", want.VPC, err)
	}
	k.shorten(v, changes, want)
	v.have = want
	if err := k.note(v, want, nil); err != nil {
		return err
	}
	if len(want.Namespaces) == 0 {
		k.pins.forget(v.id)
		v.noted, v.owed = nil, nil
		k.mu.Lock()
		if k.vpcs[want.VPC] == v {
			delete(k.vpcs, want.VPC)
		}
		k.mu.Unlock()
	}
	return nil
}

// apply makes the changes: rules first, so that a link is never open to what is
// not allowed, removals last.
func (k *Kernel) apply(ctx context.Context, v *vpc, want *dataplane.Network, changes *dataplane.Changes) error {
	links := map[string][]dataplane.Link{}
	for i := range want.Namespaces {
		ns := &want.Namespaces[i]
		links[ns.Name] = ns.Links
	}
	for i := range changes.Namespaces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := k.prepare(v, want, &changes.Namespaces[i]); err != nil {
			return err
		}
	}
	for i := range changes.Namespaces {
		c := &changes.Namespaces[i]
		if err := k.wire(v, c, links[c.Namespace]); err != nil {
			return fmt.Errorf("namespace %s: %w", c.Namespace, err)
		}
	}
	if err := k.ready(v, changes); err != nil {
		return err
	}
	if err := k.answerEchoes(v, want); err != nil {
		return err
	}
	if err := k.translate(v, want); err != nil {
		return err
	}
	for name := range v.spaces { // those of changes.Remove, and what a failed attempt made
		if _, wanted := links[name]; !wanted {
			k.remove(v, name)
		}
	}
	if len(changes.Forget) > 0 {
		return k.forget(v, want, changes.Forget)
	}
	return nil
}

// ready waits until what was added works.
func (k *Kernel) ready(v *vpc, changes *dataplane.Changes) error {
	for i := range changes.Namespaces {
		c := &changes.Namespaces[i]
		s, err := k.space(v, c.Namespace)
		if err == nil {
			err = s.ready(c.AddLinks, c.AddAddrs)
		}
		if err != nil {
			return fmt.Errorf("namespace %s: %w", c.Namespace, err)
		}
	}
	return nil
}

// prepare makes a new namespace and brings its rules up to date. Rules that
// could not be changed are made anew by the next Apply.
func (k *Kernel) prepare(v *vpc, want *dataplane.Network, c *dataplane.Change) error {
	if c.Namespace == dataplane.Internet || c.Namespace == dataplane.Hub {
		return nil
	}
	s := v.spaces[c.Namespace]
	if s == nil {
		var err error
		withRules := len(c.Tables) > 0
		if s, err = newSpace(k.threads, v.pin(c.Namespace), c.Sysctls, withRules); err != nil {
			return err
		}
		v.spaces[c.Namespace] = s
		v.slots[c.Namespace] = &sync.Mutex{}
		if err := k.pins.add(v.pin(c.Namespace), s.file); err != nil {
			return err
		}
		if withRules {
			if err := k.watch(v, c.Namespace, s); err != nil {
				return err
			}
		}
	}
	for _, b := range c.Tables {
		if err := s.rules.Commit(b); err != nil {
			v.forgetTable(c.Namespace)
			return fmt.Errorf("namespace %s: rules: %w", c.Namespace, err)
		}
	}
	return nil
}

// forgetTable has the next Apply replace the table as a whole.
func (v *vpc) forgetTable(name string) {
	if v.have == nil {
		return
	}
	have := *v.have
	have.Namespaces = slices.Clone(have.Namespaces)
	for i := range have.Namespaces {
		if have.Namespaces[i].Name == name {
			have.Namespaces[i].Table = nil
		}
	}
	v.have = &have
}

func (k *Kernel) remove(v *vpc, name string) {
	if s := v.spaces[name]; s != nil {
		v.closeSockets(name)
		v.stopTranslator(name)
		k.pins.remove(v.pin(name))
		s.close()
		delete(v.spaces, name)
		delete(v.slots, name)
	}
}

// Open gives a handle of its own on a namespace.
func (k *Kernel) Open(id cloud.VPCID, name string) (*os.File, error) {
	v, err := k.find(id)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, err := k.space(v, name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(s.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open namespace %s of VPC %s: %w", name, id, err)
	}
	return os.NewFile(uintptr(fd), s.file.Name()), nil
}
