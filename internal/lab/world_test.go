package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/pki"
)

// namespace makes an empty network namespace or skips the test.
func namespace(t *testing.T) *os.File {
	t.Helper()
	ns, err := newNetNS()
	if err != nil {
		t.Skipf("this test needs network namespaces of its own (run as root or in a user namespace): %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

// begin starts a lab whose API answers with the client's address.
func begin(t *testing.T, cfg Config) *Lab {
	t.Helper()
	namespace(t)
	ca, err := pki.LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg.CA = ca
	cfg.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "api %s %s", r.Host, r.RemoteAddr)
	})
	l, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node is one machine's network with tools to use it.
type node struct {
	t  *testing.T
	ns *os.File
	ca *pki.CA
}

// customer joins a new network to the internet, as the data plane joins a VPC:
// routes to its addresses, and a default route from it.
func customer(t *testing.T, l *Lab, number int, addrs ...string) *node {
	t.Helper()
	n := &node{t: t, ns: namespace(t), ca: l.cfg.CA}
	in, err := handleIn(l.ns)
	must(t, err)
	defer in.Close()
	name := fmt.Sprintf("vpc%d", number)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	must(t, in.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(n.ns.Fd())}))
	must(t, setSysctls(n.ns, []sysctl{{key: "ipv6/conf/eth0/accept_dad", value: "0"}}))
	near, err := in.LinkByName(name)
	must(t, err)
	gw4, gw6 := netip.MustParseAddr("169.254.1.1"), netip.MustParseAddr("fe80::1")
	must(t, in.AddrAdd(near, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(gw6, 64)), Flags: unix.IFA_F_NODAD}))
	must(t, in.LinkSetUp(near))
	out, err := handleIn(n.ns)
	must(t, err)
	defer out.Close()
	lo, err := out.LinkByName("lo")
	must(t, err)
	must(t, out.LinkSetUp(lo))
	far, err := out.LinkByName("eth0")
	must(t, err)
	must(t, out.LinkSetUp(far))
	for _, gw := range []netip.Addr{gw4, gw6} { // so that no forged packet waits for a neighbour
		must(t, out.NeighAdd(&netlink.Neigh{LinkIndex: far.Attrs().Index, IP: gw.AsSlice(), HardwareAddr: near.Attrs().HardwareAddr, State: netlink.NUD_PERMANENT}))
	}
	for _, s := range addrs {
		a := netip.MustParseAddr(s)
		must(t, out.AddrAdd(far, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, a.BitLen())), Flags: unix.IFA_F_NODAD}))
		must(t, in.RouteAdd(&netlink.Route{LinkIndex: near.Attrs().Index, Dst: ipNet(netip.PrefixFrom(a, a.BitLen()))}))
	}
	for _, gw := range []netip.Addr{gw4, gw6} {
		every := &net.IPNet{IP: make(net.IP, gw.BitLen()/8), Mask: make(net.IPMask, gw.BitLen()/8)}
		must(t, out.RouteAdd(&netlink.Route{LinkIndex: far.Attrs().Index, Dst: every, Gw: gw.AsSlice(), Flags: int(netlink.FLAG_ONLINK)}))
	}
	return n
}

func (n *node) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return dialIn(ctx, n.ns, network, addr)
}

// lookup asks a resolver for a name's records.
func (n *node) lookup(network, resolver, name string, qtype uint16) *dns.Msg {
	n.t.Helper()
	conn, err := n.dial(n.t.Context(), network, net.JoinHostPort(resolver, "53"))
	must(n.t, err)
	defer conn.Close()
	client := dns.Client{Net: network, Timeout: 5 * time.Second}
	reply, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), &dns.Conn{Conn: conn})
	must(n.t, err)
	return reply
}

// get fetches a page, its name resolved by the internet's resolver, its certificate verified.
func (n *node) get(url string) (*http.Response, string, error) {
	n.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(n.ca.PEM())
	tr := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, _ := net.SplitHostPort(addr)
			if _, err := netip.ParseAddr(host); err != nil {
				reply := n.lookup("udp", Resolver.V4.String(), host, dns.TypeA)
				if len(reply.Answer) == 0 {
					return nil, fmt.Errorf("%s: %s", host, dns.RcodeToString[reply.Rcode])
				}
				host = reply.Answer[0].(*dns.A).A.String()
			}
			return n.dial(ctx, network, net.JoinHostPort(host, port))
		},
	}
	resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// run starts a program in the node's network with the internet's resolver in resolv.conf.
func (n *node) run(argv ...string) (string, error) {
	conf := filepath.Join(n.t.TempDir(), "resolv.conf")
	must(n.t, os.WriteFile(conf, fmt.Appendf(nil, "nameserver %s\n", Resolver.V4), 0o644))
	ca := filepath.Join(n.t.TempDir(), "ca.pem")
	must(n.t, os.WriteFile(ca, n.ca.PEM(), 0o644))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "SSL_CERT_FILE=" + ca, "NODE_EXTRA_CA_CERTS=" + ca}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	errs := make(chan error)
	go func() { // the thread ends with the goroutine
		runtime.LockOSThread()
		errs <- func() error {
			if err := unix.Setns(int(n.ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return err
			}
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			if err := unix.Mount(conf, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
				return err
			}
			if err := cmd.Start(); err != nil {
				return err
			}
			return cmd.Wait()
		}()
	}()
	err := <-errs
	return strings.TrimSpace(out.String()), err
}
