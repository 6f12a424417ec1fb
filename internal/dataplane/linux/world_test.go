package linux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func ipp(s string) netip.AddrPort  { return netip.MustParseAddrPort(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ips(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, ip(s))
	}
	return out
}

// world is a kernel with an internet of its own: hosts 198.51.100.7 and
// 2001:db8::7 answer on port 80 with the address they saw.
type world struct {
	t        testing.TB
	k        *Kernel
	threads  *threads
	dir      string
	internet *os.File
	mu       sync.Mutex
	drops    []dataplane.Packet
	numbers  map[cloud.VPCID]*dataplane.Numbers
	hub      dataplane.HubNumbers
	routers  int // made so far
}

func newWorld(t testing.TB) *world {
	t.Helper()
	th, err := newThreads()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, threads: th, dir: t.TempDir(), numbers: map[cloud.VPCID]*dataplane.Numbers{}}
	w.internet, err = th.create("internet", func() error {
		if err := writeSysctls([]dataplane.Sysctl{{Key: "ipv4/ip_forward", Value: "1"}, {Key: "ipv6/conf/all/forwarding", Value: "1"},
			{Key: "ipv6/conf/default/accept_dad", Value: "0"}, {Key: "ipv6/conf/default/addr_gen_mode", Value: "1"},
			{Key: "ipv4/conf/all/rp_filter", Value: "0"}, {Key: "ipv4/conf/default/rp_filter", Value: "0"}}); err != nil {
			return err
		}
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		s := &space{rt: h}
		for _, a := range ips("198.51.100.7", "203.0.113.200", "2001:db8::7") {
			if err := s.addr(dataplane.Addr{Link: "lo", Addr: a}, 1, true); err != nil {
				return err
			}
		}
		return h.LinkSetUp(device(1))
	})
	if errors.Is(err, unix.EPERM) {
		t.Skipf("needs the right to make network namespaces (run as root or under unshare -Urnm): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.k, err = New(Config{Dir: w.dir, Internet: w.internet})
	if err != nil {
		t.Fatal(err)
	}
	w.k.OnDrop(func(p dataplane.Packet) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.drops = append(w.drops, p)
	})
	t.Cleanup(func() {
		if err := w.k.Close(); err != nil {
			t.Error(err)
		}
		_ = w.internet.Close()
		th.close()
	})
	w.whoami(w.internet, "0.0.0.0:80")
	w.whoami(w.internet, "[::]:80")
	return w
}

// in runs f inside a namespace.
func (w *world) in(ns *os.File, f func() error) {
	w.t.Helper()
	if err := w.threads.inside(ns, f); err != nil {
		w.t.Fatal(err)
	}
}

// whoami answers each connection and datagram with the caller's address.
func (w *world) whoami(ns *os.File, at string) {
	w.t.Helper()
	var l net.Listener
	var p net.PacketConn
	network := "4"
	if at[0] == '[' {
		network = "6"
	}
	w.in(ns, func() (err error) {
		if l, err = net.Listen("tcp"+network, at); err == nil {
			p, err = net.ListenPacket("udp"+network, at)
		}
		return err
	})
	w.serve(l)
	w.t.Cleanup(func() { p.Close() })
	go func() {
		buf := make([]byte, 64)
		for {
			_, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = p.WriteTo([]byte(from.String()), from)
		}
	}()
}

func (w *world) serve(l net.Listener) {
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, c.RemoteAddr().String())
			_ = c.Close()
		}
	}()
}

const patience = 300 * time.Millisecond // a packet here arrives at once or never

// tcp connects from a namespace and gives what the other side saw, or "" if it does not answer.
func (w *world) tcp(ns *os.File, to string) netip.AddrPort {
	w.t.Helper()
	var c net.Conn
	var err error
	_ = w.threads.inside(ns, func() error {
		d := net.Dialer{Timeout: patience, FallbackDelay: -1}
		c, err = d.Dial("tcp", to)
		return nil
	})
	if err != nil {
		return netip.AddrPort{}
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	b, _ := io.ReadAll(c)
	a, _ := netip.ParseAddrPort(string(b))
	return a
}

func (w *world) udp(ns *os.File, to string) netip.AddrPort {
	w.t.Helper()
	var c net.Conn
	var err error
	_ = w.threads.inside(ns, func() error {
		c, err = net.Dial("udp", to)
		return nil
	})
	if err != nil {
		return netip.AddrPort{}
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("?")); err != nil {
		return netip.AddrPort{}
	}
	b := make([]byte, 64)
	n, _ := c.Read(b)
	a, _ := netip.ParseAddrPort(string(b[:n]))
	return a
}

// seen checks which address the other side saw; "" is no answer.
func (w *world) seen(what string, got netip.AddrPort, want string) {
	w.t.Helper()
	if want == "" && got.IsValid() {
		w.t.Errorf("%s: answered (from %s), want no answer", what, got)
	}
	if want != "" && got.Addr().String() != want {
		w.t.Errorf("%s: the other side saw %v, want %s; dropped: %v", what, got, want, w.log())
	}
}

// dropped checks that the last drop was at a stage, and forgets what was dropped.
func (w *world) dropped(what string, stage netplan.Stage) dataplane.Packet {
	w.t.Helper()
	var p dataplane.Packet
	deadline := time.Now().Add(2 * time.Second)
	for {
		w.mu.Lock()
		if n := len(w.drops); n > 0 {
			p = w.drops[n-1]
			w.drops = nil
		}
		w.mu.Unlock()
		if p.Prefix != "" || time.Now().After(deadline) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if s, _ := netplan.ParseLogPrefix(p.Prefix); s != stage {
		w.t.Errorf("%s: dropped at %q in %s, want stage %s (in %d, out %d, mark %#x, %x)", what, p.Prefix, p.Namespace, stage, p.In, p.Out, p.Mark, p.Head)
	}
	return p
}

// log lists where packets were dropped.
func (w *world) log() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.drops {
		out = append(out, p.Namespace+" "+p.Prefix)
	}
	return out
}

func (w *world) quiet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drops = nil
}

func (w *world) num(id cloud.VPCID) *dataplane.Numbers {
	if w.numbers[id] == nil {
		w.routers++
		w.numbers[id] = dataplane.NewNumbers(w.routers).In(&w.hub)
	}
	return w.numbers[id]
}

// renumber has the VPC's next router be a new one.
func (w *world) renumber(id cloud.VPCID) { delete(w.numbers, id) }

// apply makes the plan, then checks that making it again changes nothing and
// that the kernel's rules are what was asked for.
func (w *world) apply(p *netplan.Plan) *dataplane.Network {
	w.t.Helper()
	n := dataplane.Lower(p, w.num(p.VPC))
	if err := w.k.Apply(context.Background(), n); err != nil {
		w.t.Fatal(err)
	}
	again, err := dataplane.Diff(n, dataplane.Lower(p, w.num(p.VPC)))
	if err != nil || !again.Empty() {
		w.t.Errorf("applying twice changes something: %v %v", again, err)
	}
	diffs, err := w.k.Verify(p.VPC)
	if err != nil || len(diffs) > 0 {
		w.t.Errorf("the kernel's rules differ: %v %v", diffs, err)
	}
	return n
}

// ns opens the namespace of an interface.
func (w *world) ns(n *dataplane.Network, id cloud.InterfaceID) *os.File {
	w.t.Helper()
	for num, e := range n.ENIs {
		if e == id {
			f, err := w.k.Open(n.VPC, fmt.Sprintf("e%d", num))
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(func() { f.Close() })
			return f
		}
	}
	w.t.Fatalf("no interface %s", id)
	return nil
}

// slot hangs a slot on a shared interface.
func (w *world) slot(n *dataplane.Network, id cloud.InterfaceID, number int, six bool) *os.File {
	w.t.Helper()
	for num, e := range n.ENIs {
		if e == id {
			s := dataplane.SlotFor(fmt.Sprintf("e%d", num), number, six)
			f, err := w.k.AddSlot(context.Background(), n.VPC, s)
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(func() { w.k.DropSlot(n.VPC, s, f) })
			return f
		}
	}
	w.t.Fatalf("no interface %s", id)
	return nil
}
