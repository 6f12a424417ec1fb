package linux

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

func without(p *netplan.Plan, ids ...cloud.InterfaceID) {
	p.ENIs = slices.DeleteFunc(slices.Clone(p.ENIs), func(e netplan.ENI) bool { return slices.Contains(ids, e.ID) })
}

func TestLiveChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	n := w.apply(p)
	app, web, bare := w.ns(n, "eni-app"), w.ns(n, "eni-web"), w.ns(n, "eni-bare")
	w.whoami(web, "0.0.0.0:80")
	ask := func(what string, ns *os.File, to, want string) {
		t.Helper()
		w.seen(what, w.tcp(ns, to), want)
	}
	ask("at first", app, "198.51.100.7:80", "203.0.113.9")

	p.Tables[0].Routes[0] = netplan.Route{Dest: all4, Hop: netplan.HopBlackhole, Target: "nat-1"}
	w.apply(p)
	w.quiet()
	ask("the NAT gateway is gone: blackhole", app, "198.51.100.7:80", "")
	w.dropped("blackhole", netplan.StageBlackhole)

	p.Tables[0].Routes = p.Tables[0].Routes[1:]
	w.apply(p)
	w.quiet()
	ask("the route is gone", app, "198.51.100.7:80", "")
	w.dropped("the route is gone", netplan.StageNoRoute)

	p.Tables[0].Routes = append([]netplan.Route{{Dest: prefix("198.51.100.0/24"), Hop: netplan.HopNAT, ENI: "eni-nat"}}, p.Tables[0].Routes...)
	w.apply(p)
	ask("a route again", app, "198.51.100.7:80", "203.0.113.9")

	ask("no elastic IP yet", bare, "198.51.100.7:80", "")
	p.Gateway.Public = append(p.Gateway.Public, netplan.PublicAddr{Private: ip("10.0.0.20"), Public: ip("203.0.113.20")})
	w.apply(p)
	ask("an elastic IP is associated", bare, "198.51.100.7:80", "203.0.113.20")

	p.Subnets[0].Table = "rtb-pub"
	w.apply(p)
	w.quiet()
	ask("the subnet gets another table", app, "198.51.100.7:80", "")
	w.dropped("the subnet gets another table", netplan.StageNoPublicIP)
	p.Subnets[0].Table = "rtb-priv"

	p.Profiles[2].In = []netplan.Rule{allow(6, 81, 81, all4)}
	w.apply(p)
	w.quiet()
	ask("the rule is gone", app, "10.0.0.10:80", "")
	w.dropped("the rule is gone", netplan.StageGroupIn)

	gateway := p.Gateway
	p.Gateway = nil
	w.apply(p)
	ask("the gateway is detached", web, "198.51.100.7:80", "")
	p.Gateway = gateway
	w.apply(p)
	ask("and attached", web, "198.51.100.7:80", "203.0.113.10")

	without(p, "eni-bare", "eni-db")
	w.apply(p)
	p.ENIs = append(p.ENIs, host("eni-z", "subnet-pub", "sg-web", "10.0.0.20"))
	n = w.apply(p)
	ask("another interface with the address", w.ns(n, "eni-z"), "198.51.100.7:80", "203.0.113.20")
}

// An established flow goes on when its rule goes, as the vendor documents, and
// ends when its elastic IP is somebody else's.
func TestEstablishedFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	n := w.apply(p)
	web := w.ns(n, "eni-web")
	w.echo(web, "0.0.0.0:80")
	var c net.Conn
	w.in(w.internet, func() (err error) {
		c, err = net.DialTimeout("tcp", "203.0.113.10:80", patience)
		return err
	})
	defer c.Close()
	says := func(what string, want bool) {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, err := c.Write([]byte("x"))
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
		if (err == nil) != want {
			t.Errorf("%s: %v, want the flow to go on: %v", what, err, want)
		}
	}
	says("at first", true)
	p.Profiles[2].In = nil
	w.apply(p)
	says("without the rule", true)
	q := sample("vpc-1") // a plan that was applied is not written to
	q.Gateway.Public[1].Private = ip("10.0.0.20")
	w.apply(q)
	says("without the elastic IP", false)
}

// echo answers what it gets on every connection.
func (w *world) echo(ns *os.File, at string) net.Listener {
	w.t.Helper()
	var l net.Listener
	w.in(ns, func() (err error) {
		l, err = net.Listen("tcp4", at)
		return err
	})
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l
}

// New flows pass while the rules they match are replaced by equal ones.
func TestNoLossDuringChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	w.apply(p)
	n := w.apply(p)
	app, web := w.ns(n, "eni-app"), w.ns(n, "eni-web")
	w.whoami(web, "0.0.0.0:80")
	stop, changes := make(chan struct{}), make(chan int)
	go func() {
		k := 0
		defer func() { changes <- k }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			q := sample("vpc-1")
			q.Profiles[2].In = append(q.Profiles[2].In, allow(6, 1000+k%500, 2000, prefix("192.168.0.0/16")))
			q.ACLs[0].In = append(q.ACLs[0].In, netplan.ACLEntry{Number: 200 + k%7, Action: cloud.Deny, Protocol: 6, Prefix: all4, From: 1, To: 2})
			q.Tables[1].Routes = append(q.Tables[1].Routes, netplan.Route{Dest: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(k), 0}), 24), Hop: netplan.HopBlackhole})
			if err := w.k.Apply(context.Background(), dataplane.Lower(q, w.num("vpc-1"))); err != nil {
				t.Error(err)
				return
			}
			k++
		}
	}()
	lost := 0
	const flows = 300
	for range flows {
		if !w.tcp(app, "10.0.0.10:80").IsValid() {
			lost++
		}
	}
	close(stop)
	if k := <-changes; lost > 0 {
		t.Errorf("%d of %d new flows were lost during %d changes", lost, flows, k)
	} else {
		t.Logf("%d flows, none lost during %d changes", flows, k)
	}
}

func TestSameAddressesTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := sample("vpc-a"), sampleOf("vpc-b", "2001:db8:1100::/56")
	b.Gateway.Public = []netplan.PublicAddr{{Private: ip("10.0.0.9"), Public: ip("203.0.113.19")}, {Private: ip("10.0.0.10"), Public: ip("203.0.113.110")}}
	na, nb := w.apply(a), w.apply(b)
	w.whoami(w.ns(na, "eni-db"), "0.0.0.0:80")
	w.whoami(w.ns(nb, "eni-web"), "0.0.0.0:80")
	w.seen("inside one", w.tcp(w.ns(na, "eni-app"), "10.0.1.30:80"), "10.0.1.10")
	w.seen("nobody listens inside the other", w.tcp(w.ns(nb, "eni-app"), "10.0.1.30:80"), "")
	w.seen("out of one", w.tcp(w.ns(na, "eni-app"), "198.51.100.7:80"), "203.0.113.9")
	w.seen("out of the other", w.tcp(w.ns(nb, "eni-app"), "198.51.100.7:80"), "203.0.113.19")
	w.seen("from one to the other over the internet", w.tcp(w.ns(na, "eni-web"), "203.0.113.110:80"), "203.0.113.10")
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	n := w.apply(p)
	w.apply(sampleOf("vpc-2", "2001:db8:1200::/56"))
	s := dataplane.SlotFor("e"+number(n, "eni-fn"), 0, true)
	f, err := w.k.AddSlot(context.Background(), "vpc-1", s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.k.ListenTCP(context.Background(), "vpc-1", ipp("10.0.0.2:53")); err != nil {
		t.Fatal(err)
	}
	w.k.DropSlot("vpc-1", s, f)
	if err := w.k.Apply(context.Background(), dataplane.Lower(&netplan.Plan{VPC: "vpc-1"}, w.num("vpc-1"))); err != nil {
		t.Fatal(err)
	}
	if left := w.links(); !until(func() bool { return len(w.links()) == 2 }) { // lo and the uplink of vpc-2
		t.Errorf("after one VPC is gone, the internet has links %v", left)
	}
	if err := w.k.Close(); err != nil {
		t.Fatal(err)
	}
	if !until(func() bool { return len(w.links()) == 1 }) {
		t.Errorf("after Close the internet still has links %v: a namespace is left", w.links())
	}
	if left, _ := os.ReadDir(filepath.Join(w.dir, "netns")); len(left) > 0 {
		t.Errorf("after Close %d pins are left", len(left))
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(mounts), w.dir) {
		t.Errorf("after Close mounts are left below %s", w.dir)
	}
	again, err := New(Config{Dir: w.dir, Internet: w.internet})
	if err != nil {
		t.Fatal(err)
	}
	w.k = again
}

func TestSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(sample("vpc-1"))
	if w.k.pins.dir == "" {
		t.Skip("mounting is not permitted here, so namespaces are not pinned")
	}
	for _, s := range w.k.vpcs["vpc-1"].spaces { // as if the process had been killed
		s.close()
	}
	again, err := New(Config{Dir: w.dir, Internet: w.internet})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !until(func() bool { return len(w.links()) == 1 }) {
		t.Errorf("a new start leaves links %v of the old one", w.links())
	}
	w.k.vpcs = map[cloud.VPCID]*vpc{}
}

func number(n *dataplane.Network, id cloud.InterfaceID) string {
	for num, e := range n.ENIs {
		if e == id {
			return strconv.Itoa(num)
		}
	}
	return ""
}

// links lists the internet's.
func (w *world) links() (names []string) {
	w.in(w.internet, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		list, err := h.LinkList()
		for errors.Is(err, netlink.ErrDumpInterrupted) { // links came or went meanwhile
			list, err = h.LinkList()
		}
		for _, l := range list {
			names = append(names, l.Attrs().Name)
		}
		return err
	})
	return names
}

// until polls: the kernel takes namespaces down in the background.
func until(f func() bool) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return true
		}
	}
	return false
}

// sampleOf is sample without IPv6 addresses on its interfaces, in another block.
func sampleOf(id, block string) *netplan.Plan {
	p := sample(id)
	p.CIDRs = []netip.Prefix{p.CIDRs[0], prefix(block)}
	p.Gateway.Public = nil
	for i := range p.ENIs {
		p.ENIs[i].Addrs = p.ENIs[i].Addrs[:1]
	}
	for i := range p.Subnets {
		p.Subnets[i].CIDR6 = netip.Prefix{}
	}
	for i := range p.Tables {
		p.Tables[i].Routes[3].Dest = prefix(block)
	}
	return p
}
