// Package fastpath takes packets of flows that a router has let pass through it
// without asking again: a program at each of the router's links makes of them what
// the router made of the flow's last packet, addresses and ports, and sends them
// straight to the link that it left by.
//
// It decides nothing. Routing, connection tracking and rules say what passes, where
// to and as what; the rules mark the packets whose flow may be taken the short way.
// What a program at the link out, behind all rules, sees of them is what the programs
// at the links in go by.
//
// Invariants:
//   - a way belongs to one generation of the configuration. While any router's
//     configuration is changed there is none, and every packet is judged; a packet
//     that came in before and leaves after a change is not remembered
//   - a way lasts for two seconds. Then a packet goes through the router again,
//     which keeps the flow known to connection tracking
//   - only TCP and UDP, and neither the first nor the last packets of a TCP
//     connection, after which the next one is judged anew; nor fragments, options,
//     or what a link is too small for
//   - the programs stay with the links when the process that put them there is killed,
//     as the rules do, by which they go. What takes over clears the links before it
//     changes anything
//   - where the kernel has no such programs, or does not permit them, routers work
//     all the same
package fastpath

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

//go:generate clang -O2 -g -Wall -target bpf -mcpu=v3 -I/usr/include/x86_64-linux-gnu -c bpf/fastpath.bpf.c -o bpf/fastpath.o
//go:generate llvm-strip -g bpf/fastpath.o
//go:generate sh -c "sha256sum < bpf/fastpath.bpf.c > bpf/fastpath.sum"

//go:embed bpf/fastpath.o
var object []byte

// Paths holds the programs and what they remember, for all routers.
type Paths struct {
	objects struct {
		Shortcut   *ebpf.Program `ebpf:"shortcut"`
		Settle     *ebpf.Program `ebpf:"settle"`
		Flows      *ebpf.Map     `ebpf:"flows"`
		Passing    *ebpf.Map     `ebpf:"passing"`
		Generation *ebpf.Map     `ebpf:"generation"`
	}
	mu         sync.Mutex
	changes    int    // under way
	generation uint32 // the last one
}

// Open loads the programs.
func Open() (*Paths, error) {
	p := &Paths{}
	_ = rlimit.RemoveMemlock() // not needed since 5.11
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err == nil {
		err = spec.LoadAndAssign(&p.objects, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("load the fast path: %w", err)
	}
	p.Change()()
	return p, nil
}

// Close ends the fast path.
func (p *Paths) Close() error {
	o := &p.objects
	return errors.Join(o.Shortcut.Close(), o.Settle.Close(), o.Flows.Close(), o.Passing.Close(), o.Generation.Close())
}

// Change makes every packet go through the routers until done is called; what was
// remembered is then forgotten.
func (p *Paths) Change() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	p.set(0)
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.generation++
		if p.generation == 0 { // which is none
			p.generation++
		}
		if p.changes--; p.changes == 0 {
			p.set(p.generation)
		}
	})
}

// set tells the programs. It must not fail unnoticed: they would go by what was.
func (p *Paths) set(generation uint32) {
	if err := p.objects.Generation.Put(uint32(0), generation); err != nil {
		panic(fmt.Sprintf("set the fast path's generation: %v", err))
	}
}

// Join has packets that come in and leave by a router's link take the fast path, until
// the link goes; rt is a socket in the router's namespace, and the link's other end is
// in another. (Programs that are attached by bpf(2) would go with the process, but each
// takes a descriptor and waits for a grace period of the kernel's: 10 ms.)
func (p *Paths) Join(rt *netlink.Handle, index int) error {
	err := rt.QdiscReplace(clsact(index))
	for _, at := range []struct {
		parent  uint32
		program *ebpf.Program
		name    string
	}{{netlink.HANDLE_MIN_INGRESS, p.objects.Shortcut, "shortcut"}, {netlink.HANDLE_MIN_EGRESS, p.objects.Settle, "settle"}} {
		if err == nil {
			err = rt.FilterReplace(&netlink.BpfFilter{Fd: at.program.FD(), Name: at.name, DirectAction: true, FilterAttrs: netlink.FilterAttrs{
				LinkIndex: index, Parent: at.parent, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL}})
		}
	}
	if err != nil {
		return fmt.Errorf("put link %d on the fast path: %w", index, err)
	}
	return nil
}

// clsact is what programs at a link are attached to.
func clsact(index int) netlink.Qdisc {
	return &netlink.GenericQdisc{QdiscType: "clsact", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}
}

// Clear takes a link off the fast path that an earlier process may have put there: it
// would go by what that process knew.
func Clear(rt *netlink.Handle, index int) error {
	err := rt.QdiscDel(clsact(index))
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) { // it has none
		return fmt.Errorf("take link %d off the fast path: %w", index, err)
	}
	return nil
}
