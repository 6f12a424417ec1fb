package lab

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// machine is a namespace that plays the machine, with an uplink to another that
// plays the rest of the world: 203.0.113.193 and 2001:db8:ffff::1.
type machine struct{ host, outside *os.File }

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{namespace(t), namespace(t)}
	must(t, setSysctls(m.host, []sysctl{{key: "ipv4/ip_forward", value: "0"}, {key: "ipv6/conf/all/forwarding", value: "1"}}))
	h, err := handleIn(m.host)
	must(t, err)
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "wan0"
	must(t, h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "wan0", PeerNamespace: netlink.NsFd(m.outside.Fd())}))
	o, err := handleIn(m.outside)
	must(t, err)
	defer o.Close()
	for _, end := range []struct {
		h     *netlink.Handle
		addrs []string
	}{{h, []string{"203.0.113.194/26", "2001:db8:ffff::2/64"}}, {o, []string{"203.0.113.193/26", "2001:db8:ffff::1/64"}}} {
		link, err := end.h.LinkByName("wan0")
		must(t, err)
		for _, a := range end.addrs {
			must(t, end.h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix(a)), Flags: unix.IFA_F_NODAD}))
		}
		must(t, end.h.LinkSetUp(link))
	}
	back := netip.MustParsePrefix("169.254.87.0/24") // the world knows a way in; the machine must not let it
	must(t, o.RouteAdd(&netlink.Route{Dst: ipNet(back), Gw: net.ParseIP("203.0.113.194")}))
	return m
}

// forwarding reads the machine's switch.
func (m machine) forwarding(t *testing.T) string {
	t.Helper()
	var raw []byte
	must(t, inside(m.host, func() (err error) {
		raw, err = os.ReadFile("/proc/sys/net/ipv4/ip_forward")
		return err
	}))
	return strings.TrimSpace(string(raw))
}

// left lists what of Weir is in the machine's network.
func (m machine) left(t *testing.T) []string {
	t.Helper()
	c, err := nftIn(m.host)
	must(t, err)
	tables, err := c.ListTables()
	must(t, err)
	out := []string{}
	for _, table := range tables {
		out = append(out, "table "+table.Name)
	}
	h, err := handleIn(m.host)
	must(t, err)
	defer h.Close()
	links, err := h.LinkList()
	must(t, err)
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, "weir") {
			out = append(out, "link "+l.Attrs().Name)
		}
	}
	return out
}

// serveWorld answers DNS and sends every UDP sender its own address back.
func (m machine) serveWorld(t *testing.T) {
	t.Helper()
	for _, addr := range []string{"203.0.113.193:9", "[2001:db8:ffff::1]:9"} {
		c, err := listenPacketIn(t.Context(), m.outside, "udp", addr)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		go func() {
			buf := make([]byte, 64)
			for {
				_, from, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				c.WriteTo([]byte(localAddr(from).String()), from)
			}
		}()
	}
	c, err := listenPacketIn(t.Context(), m.outside, "udp", "203.0.113.193:53")
	must(t, err)
	s := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg).SetReply(q)
		if q.Question[0].Name == "www.example.com." {
			r.Answer = addressRecords("www.example.com.", dns.TypeA, []netip.Addr{netip.MustParseAddr("203.0.113.193")})
		} else {
			r.Rcode = dns.RcodeNameError
		}
		w.WriteMsg(r)
	})}
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go s.ActivateAndServe()
	<-started
	t.Cleanup(func() { s.Shutdown() })
}

// beginHost starts a lab in mode "host" on the machine. The world's documentation
// addresses, which the internet otherwise keeps to itself, are routed to it.
func (m machine) beginHost(t *testing.T) *Lab {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	must(t, os.WriteFile(conf, []byte("nameserver 203.0.113.193\n"), 0o644))
	l := begin(t, Config{Mode: ModeHost, HostNetNS: m.host, ResolvConf: conf})
	h, err := handleIn(l.ns)
	must(t, err)
	defer h.Close()
	gw4, _ := l.uplink.ends4()
	gw6, _ := l.uplink.ends6()
	for p, gw := range map[string]netip.Addr{"203.0.113.192/26": gw4, "2001:db8:ffff::/64": gw6} {
		must(t, h.RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix(p)), Gw: gw.AsSlice()}))
	}
	return l
}

func TestHostMode(t *testing.T) {
	m := newMachine(t)
	m.serveWorld(t)
	l := m.beginHost(t)
	a := customer(t, l, 1, "203.0.113.10", "2001:db8:1000::10")

	for to, source := range map[string]string{"203.0.113.193:9": "203.0.113.194", "[2001:db8:ffff::1]:9": "2001:db8:ffff::2"} {
		c, err := a.dial(t.Context(), "udp", to)
		must(t, err)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		c.Write([]byte("x"))
		buf := make([]byte, 64)
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != source {
			t.Errorf("%s sees source %q, %v, want the machine's %s", to, buf[:n], err, source)
		}
		c.Close()
	}
	for _, to := range []string{"10.1.2.3:80", "192.168.1.1:80", "169.254.169.254:80", "203.0.113.99:80"} {
		if _, err := a.dial(t.Context(), "tcp", to); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("%s: %v, want no route", to, err)
		}
	}
	if _, body, err := a.get("https://lambda.us-east-1.amazonaws.com/"); err != nil || !strings.HasPrefix(body, "api lambda.us-east-1.amazonaws.com 203.0.113.10:") {
		t.Errorf("the API: %q, %v", body, err)
	}
	t.Run("names", func(t *testing.T) { testHostNames(t, l) })
	t.Run("machine is closed", func(t *testing.T) { testMachineClosed(t, m, l, a) })
}

func testHostNames(t *testing.T, l *Lab) {
	for _, tt := range []struct {
		name  string
		qtype uint16
		rcode int
		want  string
	}{
		{"www.example.com.", dns.TypeA, dns.RcodeSuccess, "203.0.113.193"},
		{"missing.example.com", dns.TypeA, dns.RcodeNameError, ""},
		{"echo.weir.test", dns.TypeA, dns.RcodeSuccess, "198.51.100.7"},
		{"sts.amazonaws.com", dns.TypeA, dns.RcodeSuccess, "198.51.100.10"},
		{"db.corp.internal", dns.TypeA, dns.RcodeNameError, ""},
		{"4.0.0.10.in-addr.arpa", dns.TypePTR, dns.RcodeNameError, ""},
	} {
		answer, rcode, err := l.Resolve(t.Context(), tt.name, tt.qtype)
		got := ""
		for _, rr := range answer {
			got += strings.TrimPrefix(rr.String(), rr.Header().String())
		}
		if err != nil || rcode != tt.rcode || got != tt.want {
			t.Errorf("%s: %s %q, %v, want %q", tt.name, dns.RcodeToString[rcode], got, err, tt.want)
		}
	}
}

// testMachineClosed: customers cannot reach the machine itself, nor the world
// its link to the internet.
func testMachineClosed(t *testing.T, m machine, l *Lab, a *node) {
	outside := &node{t: t, ns: m.outside}
	for _, tt := range []struct {
		why, listen string
		at          *os.File
		refused     *node
		from        string
		allowed     *node
		allowedFrom string
	}{
		{"the machine's public address", "203.0.113.194:99", m.host, a, "203.0.113.10", outside, "203.0.113.193"},
		{"the machine's public IPv6 address", "[2001:db8:ffff::2]:99", m.host, a, "2001:db8:1000::10", outside, "2001:db8:ffff::1"},
		{"the link from outside", "169.254.87.2:99", l.ns, outside, "203.0.113.193", &node{t: t, ns: m.host}, "169.254.87.1"},
	} {
		in, err := listenPacketIn(t.Context(), tt.at, "udp", tt.listen)
		must(t, err)
		sendFrom(t, tt.refused, tt.from, tt.listen, "refused")
		sendFrom(t, tt.allowed, tt.allowedFrom, tt.listen, "allowed")
		in.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 16)
		if n, from, err := in.ReadFrom(buf); err != nil || string(buf[:n]) != "allowed" {
			t.Errorf("%s: %q from %v, %v arrived first", tt.why, buf[:n], from, err)
		}
		in.Close()
	}
}

func TestUplinkIsRemoved(t *testing.T) {
	m := newMachine(t)
	l := m.beginHost(t)
	second := m.beginHost(t)
	if got := strings.Join(m.left(t), ", "); got != "table weir_0, table weir_1, link weir0, link weir1" || m.forwarding(t) != "1" {
		t.Errorf("two Weirs have %s, forwarding %s", got, m.forwarding(t))
	}
	must(t, Sweep(m.host))
	if got := len(m.left(t)); got != 4 {
		t.Errorf("a sweep took what is in use: %v", m.left(t))
	}
	must(t, second.uplink.Close())
	second.uplink = nil
	if got := strings.Join(m.left(t), ", "); got != "table weir_0, link weir0" || m.forwarding(t) != "1" {
		t.Errorf("after the second has gone: %s, forwarding %s", got, m.forwarding(t))
	}
	must(t, l.uplink.Close())
	l.uplink = nil
	if got := m.left(t); len(got) != 0 || m.forwarding(t) != "0" {
		t.Errorf("after both have gone: %v, forwarding %s", got, m.forwarding(t))
	}
}

// TestSweep: a Weir that was killed leaves its table and the forwarding switch;
// another's tables stay, and forwarding too if that other forwards.
func TestSweep(t *testing.T) {
	m := newMachine(t)
	killed := &uplink{n: 3, host: m.host}
	must(t, killed.addHostRules(true))
	must(t, setSysctls(m.host, []sysctl{{key: "ipv4/ip_forward", value: "1"}}))
	c, err := nftIn(m.host)
	must(t, err)
	docker := c.AddTable(&nftables.Table{Name: "weir_docker", Family: nftables.TableFamilyINet})
	must(t, c.Flush())
	must(t, Sweep(m.host))
	if got := strings.Join(m.left(t), ", "); got != "table weir_docker" || m.forwarding(t) != "0" {
		t.Errorf("after a sweep: %s, forwarding %s", got, m.forwarding(t))
	}

	must(t, killed.addHostRules(true))
	must(t, setSysctls(m.host, []sysctl{{key: "ipv4/ip_forward", value: "1"}}))
	c.DelTable(docker)
	other := c.AddTable(&nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4})
	c.AddChain(&nftables.Chain{Name: "FORWARD", Table: other, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})
	must(t, c.Flush())
	must(t, Sweep(m.host))
	if got := strings.Join(m.left(t), ", "); got != "table filter" || m.forwarding(t) != "1" {
		t.Errorf("after a sweep beside another's firewall: %s, forwarding %s", got, m.forwarding(t))
	}
}
