package linux

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// rawSocket opens a packet socket on eth0, or on every link.
func (w *world) rawSocket(ns *os.File, link string) int {
	w.t.Helper()
	var fd int
	w.in(ns, func() (err error) {
		all := uint16(unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8)
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
		if link == "" {
			return nil
		}
		var index uint32
		req, err := unix.NewIfreq(link)
		if err == nil {
			err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req)
			index = req.Uint32()
		}
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: int(index)})
	})
	w.t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// witness keeps what came into a namespace by any of its links.
type witness struct {
	name string
	fd   int
}

// saw reads what has come so far and gives the frames that f accepts.
func (x witness) saw(f func([]byte) bool) (frames [][]byte) {
	buf := make([]byte, 4096)
	for {
		n, from, err := unix.Recvfrom(x.fd, buf, unix.MSG_DONTWAIT)
		if err != nil {
			return frames
		}
		if l, ok := from.(*unix.SockaddrLinklayer); ok && l.Pkttype != unix.PACKET_OUTGOING && f(buf[:n]) {
			frames = append(frames, slices.Clone(buf[:n]))
		}
	}
}

// learned is what a namespace could have been taught.
func (w *world) learned(ns *os.File) string {
	w.t.Helper()
	var b strings.Builder
	w.in(ns, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			neighs, err := h.NeighList(0, family)
			if err != nil {
				return err
			}
			for _, n := range neighs {
				if n.State&netlink.NUD_NOARP == 0 {
					fmt.Fprintln(&b, "neighbour", n.LinkIndex, n.IP, n.HardwareAddr, n.State)
				}
			}
			routes, err := h.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
			if err != nil {
				return err
			}
			for _, r := range routes {
				fmt.Fprintln(&b, "route", r.Table, r.Dst, r.Gw, r.LinkIndex, r.Type)
			}
			addrs, err := h.AddrList(nil, family)
			if err != nil {
				return err
			}
			for _, a := range addrs {
				fmt.Fprintln(&b, "address", a.LinkIndex, a.IP)
			}
		}
		return nil
	})
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// prison is two VPCs with the same addresses, and a tenant of the first that has
// every right in its own namespace.
type prison struct {
	*world
	n, twin *dataplane.Network
	others  map[string]*os.File
}

func newPrison(t *testing.T) *prison {
	w := newWorld(t)
	p := sample("vpc-1")
	p.Profiles[0].Out = []netplan.Rule{allow(6, 80, 80, prefix("0.0.0.0/0"), "sg-db"), allow(17, 53, 53, all4), allow(6, 53, 53, all4)}
	x := &prison{world: w, n: w.apply(p), others: map[string]*os.File{}}
	twin := sample("vpc-2")
	twin.Gateway, twin.NATs = nil, nil
	x.twin = w.apply(twin)
	for _, id := range []string{"eni-db", "eni-web", "eni-bare"} {
		x.others[id] = w.ns(x.n, cloud.InterfaceID(id))
	}
	for _, id := range []string{"eni-app", "eni-db", "eni-web"} {
		x.others["twin of "+id] = w.ns(x.twin, cloud.InterfaceID(id))
	}
	x.others["slot"] = w.slot(x.n, "eni-fn", 0, true)
	x.others["twin's slot"] = w.slot(x.twin, "eni-fn", 0, true)
	x.others["internet"] = w.internet
	return x
}

// attack has a tenant send everything, and lists what others saw of it.
func (x *prison) attack(ns *os.File, who self) (findings []string) {
	x.t.Helper()
	mark := []byte("weir-isolation-test")
	var all []witness
	for name, f := range x.others {
		all = append(all, witness{name, x.rawSocket(f, "")})
	}
	known := func() map[string]string {
		m := map[string]string{}
		for name, f := range x.others {
			m[name] = x.learned(f)
		}
		for name, v := range map[string]*dataplane.Network{"router": x.n, "twin's router": x.twin} {
			f, err := x.k.Open(v.VPC, dataplane.Router)
			if err != nil {
				x.t.Fatal(err)
			}
			m[name] = x.learned(f)
			_ = f.Close()
		}
		return m
	}
	before := known()
	out := x.rawSocket(ns, "eth0")
	for _, f := range who.forge(mark, ip("10.0.1.30"), ip("10.0.0.10"), ip("10.0.1.20"), ip("198.51.100.7"), ip("203.0.113.10"), ip("2001:db8:1000::10"), ip("2001:db8::7")) {
		if err := unix.Send(out, f.frame, 0); err != nil {
			x.t.Fatalf("send %s: %v", f.what, err)
		}
	}
	// What is sent last is allowed: when it has arrived, so has all before it, or never will.
	x.seen("what is allowed", x.tcp(ns, "10.0.1.30:80"), x.sees(who))
	for _, o := range all {
		for _, frame := range o.saw(func(b []byte) bool { return bytes.Contains(b, mark) }) {
			findings = append(findings, fmt.Sprintf("%s saw %x", o.name, frame))
		}
	}
	for name, now := range known() {
		if now != before[name] {
			findings = append(findings, fmt.Sprintf("%s learned: before\n%s\nafter\n%s", name, before[name], now))
		}
	}
	return findings
}

// sees is the address that others in the VPC see of the tenant.
func (x *prison) sees(who self) string {
	if who.ip4 == ip("10.0.1.10") {
		return "10.0.1.10"
	}
	return "10.0.1.20"
}

// manyPorts are the ports that services use, and some more.
func manyPorts(more ...uint16) (ports []uint16) {
	for p := uint16(1); p <= 1024; p++ {
		ports = append(ports, p)
	}
	return append(ports, append(more, 2375, 2379, 3306, 4222, 4566, 4789, 5353, 5432, 6379, 8080, 8222, 8443, 9000, 9001, 9090, 10250, 65535)...)
}

// knock sends a SYN to ports of addresses of the router, the platform and the
// machine, and lists which answer.
func (x *prison) knock(ns *os.File, who self, ports []uint16, addrs ...string) (open []string) {
	x.t.Helper()
	fd := x.rawSocket(ns, "eth0")
	w := witness{"", fd}
	for _, a := range addrs {
		to := ip(a)
		for _, port := range ports {
			if err := unix.Send(fd, ether(toRouter, who.mac, ether4, packet(who.ip4, to, unix.IPPROTO_TCP, synTo(who.ip4, to, port, nil), nil)), 0); err != nil {
				x.t.Fatal(err)
			}
		}
		for deadline := time.Now().Add(50 * time.Millisecond); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			for _, f := range w.saw(func(b []byte) bool { return len(b) > 47 && b[12] == 8 && b[13] == 0 && [4]byte(b[26:30]) == to.As4() }) {
				open = append(open, fmt.Sprintf("%s protocol %d port %d flags %#x", a, f[23], int(f[34])<<8|int(f[35]), f[47]))
			}
		}
	}
	slices.Sort(open)
	return slices.Compact(open)
}

// onMachine listens at the machine's own addresses.
func onMachine(t *testing.T) (addrs []string, port uint16) {
	t.Helper()
	l, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	list, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && len(addrs) < 4 {
			addrs = append(addrs, n.IP.String())
		}
	}
	return addrs, uint16(l.Addr().(*net.TCPAddr).Port)
}

// TestPrison has tenants with every right in their own namespaces send what no
// neighbour, router or other tenant may see, and nobody may learn from.
func TestPrison(t *testing.T) {
	t.Parallel()
	x := newPrison(t)
	app := x.ns(x.n, "eni-app")
	slot := x.slot(x.n, "eni-fn", 1, true)
	for name, f := range x.others {
		if name != "internet" {
			x.whoami(f, "0.0.0.0:80")
		}
	}
	l, err := x.k.ListenTCP(context.Background(), "vpc-1", ipp("10.0.0.2:53"))
	if err != nil {
		t.Fatal(err)
	}
	x.serve(l)
	machine, port := onMachine(t)
	tenants := map[*os.File]self{
		app:  {hardware("0e:00:00:00:00:02"), ip("10.0.1.10"), ip("2001:db8:1000:1::10")},
		slot: {hardware("0e:00:00:00:00:02"), ip("169.254.2.1"), ip("fd57:6569:7200::201")},
	}
	for ns, who := range tenants {
		for _, f := range x.attack(ns, who) {
			t.Errorf("%s: %s", who.ip4, f)
		}
		want := []string{"10.0.0.2 protocol 6 port 53 flags 0x12"}
		if got := x.knock(ns, who, manyPorts(port), append(machine, "10.0.0.1", "10.0.0.2", "169.254.1.1")...); !slices.Equal(got, want) {
			t.Errorf("%s: the router answers at %v, want %v", who.ip4, got, want)
		}
		x.seen("DNS afterwards", x.tcp(ns, "10.0.0.2:53"), x.sees(who))
		x.seen("the database afterwards", x.tcp(ns, "10.0.1.30:80"), x.sees(who))
		x.seen("the other tenant's database, which lets its own in, not this one", x.tcp(x.others["twin of eni-app"], "10.0.1.30:80"), "10.0.1.10")
	}
}

// The same attack finds holes that are there.
func TestPrisonHoles(t *testing.T) {
	t.Parallel()
	x := newPrison(t)
	x.whoami(x.others["eni-db"], "0.0.0.0:80")
	app := x.ns(x.n, "eni-app")
	who := self{hardware("0e:00:00:00:00:02"), ip("10.0.1.10"), ip("2001:db8:1000:1::10")}
	router, err := x.k.Open("vpc-1", dataplane.Router)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	x.in(router, func() error { // a router without rules, and one neighbour that may be learned
		c, err := nft.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Commit(nft.Create(&nft.Table{Name: x.n.Namespaces[0].Table.Name})); err != nil {
			return err
		}
		return writeSysctls([]dataplane.Sysctl{{Key: "ipv4/conf/all/arp_accept", Value: "1"}, {Key: "ipv4/conf/all/arp_ignore", Value: "0"}})
	})
	found := strings.Join(x.attack(app, who), "\n")
	for _, want := range []string{"eni-db saw ", "router learned"} {
		if !strings.Contains(found, want) {
			t.Errorf("without rules the attack does not find %q:\n%.2000s", want, found)
		}
	}
}
