package linux

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/fastpath"
	"weir/internal/netplan"
)

// fastWorld is a world with a fast path.
func fastWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if w.k.fast() == nil {
		t.Skip("this kernel has no fast path, or does not permit it (needs Linux 6.2 with BTF, and root)")
	}
	return w
}

// talkative is sample with UDP wherever TCP is allowed.
func talkative() *netplan.Plan {
	p := sample("vpc-1")
	web := &p.Profiles[2]
	web.In = append(web.In, allow(17, 80, 80, all4), allow(17, 80, 80, all6))
	return p
}

// forwarded counts the packets that a namespace has forwarded itself.
func (w *world) forwarded(n *dataplane.Network, name string) (sum int) {
	w.t.Helper()
	ns, err := w.k.Open(n.VPC, name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer ns.Close()
	w.in(ns, func() error {
		four, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		var names []string
		for line := range strings.Lines(string(four)) {
			f := strings.Fields(line)
			if f[0] != "Ip:" {
				continue
			}
			if i := slices.Index(names, "ForwDatagrams"); i > 0 {
				sum, err = strconv.Atoi(f[i])
				break
			}
			names = f
		}
		six, err6 := os.ReadFile("/proc/thread-self/net/snmp6")
		for s := bufio.NewScanner(bytes.NewReader(six)); s.Scan(); {
			if f := strings.Fields(s.Text()); f[0] == "Ip6OutForwDatagrams" {
				n, _ := strconv.Atoi(f[1])
				sum += n
			}
		}
		return errors.Join(err, err6)
	})
	return sum
}

// TestFastPath goes on with flows of every kind, and looks whether the router, and
// what translates functions' flows, forwards their packets itself.
func TestFastPath(t *testing.T) {
	t.Parallel()
	fast := fastWorld(t)
	slow := newWorld(t)
	slow.k.fast().Close()
	slow.k.fast = func() *fastpath.Paths { return nil }
	for _, x := range []struct {
		w     *world
		quick bool
	}{{fast, true}, {slow, false}} {
		n := x.w.apply(talkative())
		app, web, fn := x.w.ns(n, "eni-app"), x.w.ns(n, "eni-web"), x.w.slot(n, "eni-fn", 0, true)
		for _, path := range []struct {
			name, network string
			from, to      *os.File
			at, call      string
			through       []string
		}{
			{"inside", "tcp4", app, web, "0.0.0.0:80", "10.0.0.10:80", []string{dataplane.Router}},
			{"inside", "udp4", app, web, "0.0.0.0:80", "10.0.0.10:80", []string{dataplane.Router}},
			{"inside", "tcp6", app, web, "[::]:80", "[2001:db8:1000::10]:80", []string{dataplane.Router}},
			{"inside", "udp6", app, web, "[::]:80", "[2001:db8:1000::10]:80", []string{dataplane.Router}},
			{"out by an address of its own", "tcp4", web, x.w.internet, "198.51.100.7:8081", "198.51.100.7:8081", []string{dataplane.Router}},
			{"out by an address of its own", "udp4", web, x.w.internet, "198.51.100.7:8081", "198.51.100.7:8081", []string{dataplane.Router}},
			{"in to an address of its own", "tcp4", x.w.internet, web, "0.0.0.0:80", "203.0.113.10:80", []string{dataplane.Router}},
			{"out by a NAT gateway", "tcp4", app, x.w.internet, "198.51.100.7:8082", "198.51.100.7:8082", []string{dataplane.Router}},
			{"out by a NAT gateway", "udp4", app, x.w.internet, "198.51.100.7:8082", "198.51.100.7:8082", []string{dataplane.Router}},
			{"a function", "tcp4", fn, web, "0.0.0.0:80", "10.0.0.10:80", []string{dataplane.Router, n.Behind("eni-fn")}},
			{"a function", "udp4", fn, web, "0.0.0.0:80", "10.0.0.10:80", []string{dataplane.Router, n.Behind("eni-fn")}},
			{"a function", "tcp6", fn, web, "[::]:80", "[2001:db8:1000::10]:80", []string{dataplane.Router, n.Behind("eni-fn")}},
			{"a function", "udp6", fn, web, "[::]:80", "[2001:db8:1000::10]:80", []string{dataplane.Router, n.Behind("eni-fn")}},
		} {
			talk := x.w.talk(path.network, path.from, path.to, path.at, path.call)
			talk.rounds(3)
			var before []int
			for _, name := range path.through {
				before = append(before, x.w.forwarded(n, name))
			}
			const rounds = 20
			talk.rounds(rounds)
			for i, name := range path.through {
				went := x.w.forwarded(n, name) - before[i]
				if x.quick && went > rounds || !x.quick && went < 2*rounds {
					t.Errorf("%s, %s: %s forwarded %d of %d packets itself (fast path: %v)", path.name, path.network, name, went, 2*rounds, x.quick)
				}
			}
			talk.near.Close()
			if talk.hears != nil {
				talk.hears.Close()
			}
		}
	}
}

// TestFastPathChanges changes what the fast path remembers: the next packet is
// judged by what holds now.
func TestFastPathChanges(t *testing.T) {
	t.Parallel()
	w := fastWorld(t)
	p := talkative()
	n := w.apply(p)
	app, web := w.ns(n, "eni-app"), w.ns(n, "eni-web")
	inside := w.talk("udp4", app, web, "0.0.0.0:80", "10.0.0.10:80")
	outside := w.talk("udp4", app, w.internet, "198.51.100.7:8082", "198.51.100.7:8082")
	connected := w.talk("tcp4", app, web, "0.0.0.0:80", "10.0.0.10:80")
	settle := func() { inside.rounds(3); outside.rounds(3); connected.rounds(3) }
	settle()

	p.Profiles[2].In = nil
	w.apply(p)
	if !inside.there("a") || !inside.back("b") || !connected.there("c") || !connected.back("d") {
		t.Error("a tracked flow was cut when the rule that allowed it went")
	}

	deny := netplan.ACLEntry{Number: 1, Action: cloud.Deny, Protocol: 17, Prefix: prefix("10.0.0.0/24"), From: 80, To: 80, ICMPType: -1, ICMPCode: -1}
	open := p.ACLs[0].Out
	p.ACLs[0].Out = append([]netplan.ACLEntry{deny}, open...)
	w.apply(p)
	w.quiet()
	if inside.there("a") {
		t.Error("the ACL denies it, yet it passed")
	}
	w.dropped("the ACL denies it", netplan.StageACLOut)
	if !inside.back("b") {
		t.Error("the way back is allowed, yet it was cut")
	}
	if !connected.there("c") {
		t.Error("the ACL says nothing of TCP, yet it was cut")
	}
	p.ACLs[0].Out = open
	w.apply(p)
	settle()

	routes := p.Tables[0].Routes
	p.Tables[0].Routes = append([]netplan.Route{{Dest: all4, Hop: netplan.HopBlackhole, Target: "nat-1"}}, routes[1:]...)
	w.apply(p)
	w.quiet()
	if outside.there("a") {
		t.Error("the route is a blackhole, yet it passed")
	}
	w.dropped("the route is a blackhole", netplan.StageBlackhole)
	p.Tables[0].Routes = routes
	w.apply(p)
	outside.rounds(3)

	gateway := *p.Gateway
	gateway.Public = append([]netplan.PublicAddr{{Private: ip("10.0.0.9"), Public: ip("203.0.113.77")}}, gateway.Public[1:]...)
	p.Gateway = &gateway
	w.apply(p)
	if !outside.there("a") || outside.seen.(*net.UDPAddr).IP.String() != "203.0.113.77" {
		t.Errorf("the NAT gateway has another public address, and the other side saw %v", outside.seen)
	}
	without(p, "eni-web")
	w.apply(p)
	w.quiet()
	_, _ = inside.near.Write([]byte("lost"))
	w.dropped("the host is gone", netplan.StageNoHost)
}

// TestFastPathTakeOver has a flow go on when the process that put it on the fast path
// has ended; what the next process changes holds for it at once.
func TestFastPathTakeOver(t *testing.T) {
	t.Parallel()
	w := fastWorld(t)
	_, next := w.kept()
	n := w.apply(talkative())
	app, web := w.ns(n, "eni-app"), w.ns(n, "eni-web")
	talk := w.talk("udp4", app, web, "0.0.0.0:80", "10.0.0.10:80")
	talk.rounds(3)
	w.letGo()
	_ = w.k.fast().Close()
	talk.rounds(3)

	next()
	paths := w.k.fast()
	w.k.fast = func() *fastpath.Paths { return nil } // it may be one that has none
	p := talkative()
	deny := netplan.ACLEntry{Number: 1, Action: cloud.Deny, Protocol: 17, Prefix: prefix("10.0.0.0/24"), From: 80, To: 80, ICMPType: -1, ICMPCode: -1}
	p.ACLs[0].Out = append([]netplan.ACLEntry{deny}, p.ACLs[0].Out...)
	w.apply(p)
	if talk.there("a") {
		t.Error("the ACL denies it, yet it passed")
	}

	w.letGo()
	_ = paths.Close()
	next()
	w.apply(talkative())
	talk.rounds(3)
	before := w.forwarded(n, dataplane.Router)
	talk.rounds(10)
	if went := w.forwarded(n, dataplane.Router) - before; went > 10 {
		t.Errorf("the router forwarded %d of 20 packets itself", went)
	}
}

// TestFastPathKeepsTracking has a flow that only the fast path carries stay known
// to connection tracking for longer than it keeps what is idle.
func TestFastPathKeepsTracking(t *testing.T) {
	t.Parallel()
	w := fastWorld(t)
	p := talkative()
	p.Profiles[0].In = nil // app answers, and hears answers
	n := w.apply(p)
	router, err := w.k.Open(n.VPC, dataplane.Router)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	w.in(router, func() error {
		return writeSysctls([]dataplane.Sysctl{{Key: "netfilter/nf_conntrack_udp_timeout", Value: "3"}, {Key: "netfilter/nf_conntrack_udp_timeout_stream", Value: "3"}})
	})
	talk := w.talk("udp4", w.ns(n, "eni-app"), w.ns(n, "eni-web"), "0.0.0.0:80", "10.0.0.10:80")
	talk.rounds(2)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if !talk.back("answer") { // nothing but the tracked flow allows it
			t.Fatal("the flow was forgotten while packets of it passed")
		}
	}
}

// TestFastPathChecksums sends datagrams with all of their checksum through two
// translations, there and back: the receiver's kernel checks them.
func TestFastPathChecksums(t *testing.T) {
	t.Parallel()
	w := fastWorld(t)
	n := w.apply(talkative())
	fn := w.slot(n, "eni-fn", 0, true)
	talk := w.talk("udp4", fn, w.ns(n, "eni-web"), "0.0.0.0:80", "10.0.0.10:80")
	talk.rounds(3)
	before := w.forwarded(n, dataplane.Router)
	near := talk.near.LocalAddr().(*net.UDPAddr).AddrPort()
	seen := talk.seen.(*net.UDPAddr).AddrPort()
	w.rawUDP(fn, near, ipp("10.0.0.10:80"), "sums")
	b := make([]byte, 16)
	_ = talk.hears.SetReadDeadline(time.Now().Add(patience))
	if k, from, err := talk.hears.ReadFrom(b); err != nil || string(b[:k]) != "sums" || from.String() != seen.String() {
		t.Errorf("there: got %q from %v, %v", b[:k], from, err)
	}
	w.rawUDP(w.ns(n, "eni-web"), ipp("10.0.0.10:80"), seen, "muss")
	_ = talk.near.SetReadDeadline(time.Now().Add(patience))
	if k, err := talk.near.Read(b); err != nil || string(b[:k]) != "muss" {
		t.Errorf("back: got %q, %v", b[:k], err)
	}
	if went := w.forwarded(n, dataplane.Router) - before; went > 0 {
		t.Errorf("the router forwarded %d packets itself", went)
	}

	six := w.talk("udp6", fn, w.ns(n, "eni-web"), "[::]:80", "[2001:db8:1000::10]:80")
	six.rounds(3)
	w.in(fn, func() error { // the kernel adds the sum
		s, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		if err := unix.SetsockoptInt(s, unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, 6); err != nil {
			return err
		}
		port := six.near.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		return unix.Sendto(s, unsummed(port, 80, "sums"), 0, &unix.SockaddrInet6{Addr: ip("2001:db8:1000::10").As16()})
	})
	_ = six.hears.SetReadDeadline(time.Now().Add(patience))
	if k, _, err := six.hears.ReadFrom(b); err != nil || string(b[:k]) != "sums" {
		t.Errorf("there, IPv6: got %q, %v", b[:k], err)
	}
}

// unsummed is UDP without a checksum.
func unsummed(from, to uint16, what string) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(what)))
	return append(append(b, 0, 0), what...)
}

// rawUDP sends a datagram with its checksum, which nobody adds later.
func (w *world) rawUDP(ns *os.File, from, to netip.AddrPort, what string) {
	w.t.Helper()
	b := sum(from.Addr(), to.Addr(), unix.IPPROTO_UDP, unsummed(from.Port(), to.Port(), what), 6)
	w.in(ns, func() error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		return unix.Sendto(s, b, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()})
	})
}

// TestFastPathLimits sends what the fast path leaves to the router: datagrams that
// a link is too small for, those in fragments, and those with one hop to live.
func TestFastPathLimits(t *testing.T) {
	t.Parallel()
	w := fastWorld(t)
	n := w.apply(talkative())
	app := w.ns(n, "eni-app")
	router, err := w.k.Open(n.VPC, dataplane.Router)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	w.in(router, func() error { // the link to web
		s := &space{}
		if err := s.open(false); err != nil {
			return err
		}
		defer s.close()
		return s.rt.LinkSetMTU(device(linkOf(n, "eni-web")), 1400)
	})
	talk := w.talk("udp4", app, w.ns(n, "eni-web"), "0.0.0.0:80", "10.0.0.10:80")
	talk.rounds(3)
	if !talk.there(strings.Repeat("f", 1900)) {
		t.Error("a datagram in fragments was lost")
	}
	raw, err := talk.near.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	set := func(option, value int) {
		_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, option, value) })
		if err != nil {
			t.Fatal(err)
		}
	}
	set(unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
	_, _ = talk.near.Write(make([]byte, 1400))
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err = talk.near.Write(make([]byte, 1400)); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody says that the link is too small")
		}
	}
	set(unix.IP_TTL, 1)
	_, _ = talk.near.Write([]byte("dies"))
	_ = talk.hears.SetReadDeadline(time.Now().Add(patience))
	for b := make([]byte, 2048); ; {
		k, _, err := talk.hears.ReadFrom(b)
		if err != nil {
			break
		}
		if string(b[:k]) == "dies" {
			t.Error("a packet with one hop to live went on")
		}
	}
}

// linkOf is the index of an interface's link in the router.
func linkOf(n *dataplane.Network, id cloud.InterfaceID) int {
	for num, e := range n.ENIs {
		if e == id {
			return num
		}
	}
	return 0
}
