package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"weir/internal/cloud"
)

func TestInternet(t *testing.T) {
	l := begin(t, Config{})
	a := customer(t, l, 1, "203.0.113.10", "2001:db8:1000::10")
	t.Run("catch-all", func(t *testing.T) {
		for _, url := range []string{"http://www.example.com/", "https://www.example.com/", "https://198.51.100.80/", "https://[2001:db8::80]/", "http://[2001:db8::80]/"} {
			resp, body, err := a.get(url)
			if err != nil {
				t.Errorf("%s: %v", url, err)
				continue
			}
			if resp.StatusCode != 200 || resp.Header.Get("X-Weir-Lab") != "catch-all" || !strings.Contains(body, "--internet host") {
				t.Errorf("%s: %d %v %q", url, resp.StatusCode, resp.Header, body)
			}
		}
	})
	t.Run("echo", func(t *testing.T) {
		for url, source := range map[string]string{
			"http://echo.weir.test/a?b=c":  "203.0.113.10",
			"https://echo.weir.test/a?b=c": "203.0.113.10",
			"https://[2001:db8::7]/a?b=c":  "2001:db8:1000::10",
		} {
			_, body, err := a.get(url)
			var got seen
			if err == nil {
				err = json.Unmarshal([]byte(body), &got)
			}
			if err != nil {
				t.Errorf("%s: %v", url, err)
				continue
			}
			secure := strings.HasPrefix(url, "https")
			if got.Source != source || got.Port == 0 || got.Method != "GET" || got.Path != "/a?b=c" || got.TLS != secure || got.Headers.Get("User-Agent") == "" {
				t.Errorf("%s: %+v", url, got)
			}
		}
	})
	t.Run("API", func(t *testing.T) {
		for _, name := range []string{"lambda.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com", "oss-cn-hangzhou.aliyuncs.com"} {
			for _, scheme := range []string{"http", "https"} {
				_, body, err := a.get(scheme + "://" + name + "/")
				if err != nil || !strings.HasPrefix(body, "api "+name+" 203.0.113.10:") {
					t.Errorf("%s://%s: %q, %v", scheme, name, body, err)
				}
			}
		}
	})
	t.Run("resolver", func(t *testing.T) { testResolver(t, a) })
	t.Run("many lookups", func(t *testing.T) { testLookupBurst(t, a) })
	t.Run("echo port", func(t *testing.T) { testEchoPort(t, a) })
	t.Run("nobody there", func(t *testing.T) { testNobody(t, a) })
}

func testNobody(t *testing.T, a *node) {
	for addr, want := range map[string]error{
		"198.51.100.99:80":   syscall.EHOSTUNREACH,
		"203.0.113.99:80":    syscall.EHOSTUNREACH,
		"10.9.9.9:80":        syscall.EHOSTUNREACH,
		"[2001:db8::99]:80":  syscall.ENETUNREACH,
		"198.51.100.80:8080": syscall.ECONNREFUSED,
		"198.51.100.10:22":   syscall.ECONNREFUSED,
	} {
		if c, err := a.dial(t.Context(), "tcp", addr); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v, want %v", addr, c, err, want)
		}
	}
	if _, _, err := a.get("http://198.51.100.53/"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a web server at the resolver's address: %v, want a reset", err)
	}
}

func testResolver(t *testing.T, a *node) {
	for _, tt := range []struct {
		name  string
		qtype uint16
		rcode int
		want  string
	}{
		{"www.example.com", dns.TypeA, dns.RcodeSuccess, "198.51.100.80"},
		{"www.example.com", dns.TypeAAAA, dns.RcodeSuccess, "2001:db8::80"},
		{"www.example.com", dns.TypeMX, dns.RcodeSuccess, ""},
		{"www.example.com", dns.TypeTXT, dns.RcodeSuccess, ""},
		{"www.example.com", dns.TypeCNAME, dns.RcodeSuccess, ""},
		{"Echo.Weir.Test", dns.TypeA, dns.RcodeSuccess, "198.51.100.7"},
		{"lambda.us-east-1.amazonaws.com", dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"db.corp.internal", dns.TypeA, dns.RcodeNameError, ""},
		{"7.100.51.198.in-addr.arpa", dns.TypePTR, dns.RcodeSuccess, "echo.weir.test."},
		{"4.0.0.10.in-addr.arpa", dns.TypePTR, dns.RcodeNameError, ""},
	} {
		for _, network := range []string{"udp", "tcp"} {
			for _, resolver := range []string{"198.51.100.53", "2001:db8::53"} {
				reply := a.lookup(network, resolver, tt.name, tt.qtype)
				got := ""
				for _, rr := range reply.Answer {
					got += strings.TrimPrefix(rr.String(), rr.Header().String())
				}
				if reply.Rcode != tt.rcode || got != tt.want {
					t.Errorf("%s %s by %s: %s %q, want %q", tt.name, dns.TypeToString[tt.qtype], network, dns.RcodeToString[reply.Rcode], got, tt.want)
				}
			}
		}
	}
}

// testLookupBurst: the resolver loses none of 1,000 lookups that come at once.
func testLookupBurst(t *testing.T, a *node) {
	var wg sync.WaitGroup
	failed := make(chan error, 1000)
	for i := range 1000 {
		conn, err := a.dial(t.Context(), "udp", "198.51.100.53:53")
		must(t, err)
		wg.Go(func() {
			defer conn.Close()
			client := dns.Client{Timeout: 10 * time.Second}
			query := new(dns.Msg).SetQuestion(fmt.Sprintf("host%d.example.com.", i), dns.TypeA)
			reply, _, err := client.ExchangeWithConn(query, &dns.Conn{Conn: conn})
			if err == nil && len(reply.Answer) != 1 {
				err = fmt.Errorf("%d answers", len(reply.Answer))
			}
			if err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	if n := len(failed); n > 0 {
		t.Errorf("%d of 1,000 lookups failed, the first: %v", n, <-failed)
	}
}

func testEchoPort(t *testing.T, a *node) {
	for _, network := range []string{"udp", "tcp"} {
		for _, addr := range []string{"198.51.100.7:7", "[2001:db8::7]:7"} {
			c, err := a.dial(t.Context(), network, addr)
			if err != nil {
				t.Errorf("%s %s: %v", network, addr, err)
				continue
			}
			c.SetDeadline(time.Now().Add(5 * time.Second))
			c.Write([]byte("hello"))
			buf := make([]byte, 16)
			if n, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
				t.Errorf("%s %s: %q, %v", network, addr, buf[:n], err)
			}
			c.Close()
		}
	}
}

// TestBetweenCustomers: public addresses reach each other over the internet,
// and a forged source reaches nobody.
func TestBetweenCustomers(t *testing.T) {
	l := begin(t, Config{})
	a := customer(t, l, 1, "203.0.113.10", "2001:db8:1000::10")
	b := customer(t, l, 2, "203.0.113.20", "2001:db8:1000:100::20")
	for _, tt := range []struct{ listen, from, forged string }{
		{"203.0.113.20:9", "203.0.113.10", "203.0.113.77"},
		{"[2001:db8:1000:100::20]:9", "2001:db8:1000::10", "2001:db8:1000::77"},
	} {
		in, err := listenPacketIn(t.Context(), b.ns, "udp", tt.listen)
		must(t, err)
		// The forged address is put on a's own interface, but not routed to a.
		own := netip.MustParseAddr(tt.forged)
		h, err := handleIn(a.ns)
		must(t, err)
		link, err := h.LinkByName("eth0")
		must(t, err)
		must(t, h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(own, own.BitLen())), Flags: unix.IFA_F_NODAD}))
		h.Close()
		sendFrom(t, a, tt.forged, tt.listen, "forged")
		sendFrom(t, a, tt.from, tt.listen, "true")
		in.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 16)
		n, from, err := in.ReadFrom(buf)
		must(t, err)
		if string(buf[:n]) != "true" || localAddr(from).String() != tt.from {
			t.Errorf("first packet that arrives is %q from %s, want the true one from %s", buf[:n], from, tt.from)
		}
		in.Close()
	}
}

func sendFrom(t *testing.T, n *node, from, to, text string) {
	t.Helper()
	c, err := listenPacketIn(t.Context(), n.ns, "udp", net.JoinHostPort(from, "0"))
	must(t, err)
	defer c.Close()
	_, err = c.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
	must(t, err)
}

// TestPing: hosts answer ICMP, and errors come from the backbone's address.
func TestPing(t *testing.T) {
	l := begin(t, Config{})
	a := customer(t, l, 1, "203.0.113.10")
	c, err := listenPacketIn(t.Context(), a.ns, "ip4:icmp", "0.0.0.0")
	if err != nil {
		t.Skipf("this test needs raw sockets: %v", err)
	}
	defer c.Close()
	ping := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 7, Seq: 1, Data: []byte("weir")}}
	raw, err := ping.Marshal(nil)
	must(t, err)
	for _, tt := range []struct {
		to, from string
		want     icmp.Type
	}{
		{"198.51.100.7", "198.51.100.7", ipv4.ICMPTypeEchoReply},
		{"203.0.113.99", "198.51.100.1", ipv4.ICMPTypeDestinationUnreachable},
	} {
		_, err := c.WriteTo(raw, &net.IPAddr{IP: net.ParseIP(tt.to)})
		must(t, err)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 512)
		n, from, err := c.ReadFrom(buf)
		must(t, err)
		m, err := icmp.ParseMessage(1, buf[:n])
		must(t, err)
		if m.Type != tt.want || from.String() != tt.from {
			t.Errorf("ping %s: %v from %s, want %v from %s", tt.to, m.Type, from, tt.want, tt.from)
		}
	}
}

func TestSites(t *testing.T) {
	dir, files := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(files, "index.html"), []byte("<p>shop</p>"), 0o644))
	must(t, os.Symlink("/etc/passwd", filepath.Join(files, "secret")))
	l := begin(t, Config{Dir: dir})
	a := customer(t, l, 1, "203.0.113.10")
	shop, err := l.AddSite(Site{Name: "Shop.Example.com.", Dir: files})
	must(t, err)
	_, err = l.AddSite(Site{Name: "partner.internal", Status: 503, Body: `{"closed":true}`, ContentType: "application/json"})
	must(t, err)
	if shop.Name != "shop.example.com" || shop.Host().V4.String() != "198.51.100.200" || shop.Host().V6.String() != "2001:db8::1:0" {
		t.Errorf("site %+v at %v", shop, shop.Host())
	}
	check := func(url string, status int, want string) {
		t.Helper()
		resp, body, err := a.get(url)
		if err != nil || resp.StatusCode != status || !strings.Contains(body, want) {
			t.Errorf("%s: %v %q, %v; want %d %q", url, resp, body, err, status, want)
		}
	}
	check("https://shop.example.com/", 200, "<p>shop</p>")
	check("http://198.51.100.200/", 200, "<p>shop</p>")
	check("https://partner.internal/x", 503, `{"closed":true}`)
	if resp, body, err := a.get("https://shop.example.com/secret"); err != nil || resp.StatusCode == 200 {
		t.Errorf("a link out of the site's directory: %v %q, %v", resp, body, err)
	}
	_, err = l.AddSite(Site{Name: "shop.example.com", Body: "moved"})
	must(t, err)
	check("https://shop.example.com/", 200, "moved")

	again := begin(t, Config{Dir: dir})
	if got := again.Sites(); len(got) != 2 || got[0].Name != "partner.internal" || got[1].Body != "moved" || got[1].Index != 0 {
		t.Errorf("sites after a restart: %+v", got)
	}
	must(t, l.RemoveSite("shop.example.com"))
	check("https://shop.example.com/", 200, "lab internet")
	if _, err := a.dial(t.Context(), "tcp", "198.51.100.200:80"); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("the address of a site removed: %v", err)
	}
	if err := l.RemoveSite("shop.example.com"); !cloud.IsKind(err, cloud.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestBadSites(t *testing.T) {
	for _, s := range []Site{
		{Name: ""}, {Name: "a b"}, {Name: "-x.example.com"}, {Name: "198.51.100.3"},
		{Name: "echo.weir.test"}, {Name: "lambda.us-east-1.amazonaws.com"}, {Name: "amazonaws.com"},
		{Name: "x.example.com", Status: 99}, {Name: "x.example.com", Status: 600},
		{Name: "x.example.com", Dir: "relative"}, {Name: "x.example.com", Dir: "/no/such/directory"},
		{Name: "x.example.com", Dir: "/", Body: "both"},
	} {
		if err := s.check(); !cloud.IsKind(err, cloud.Invalid) {
			t.Errorf("%+v: %v, want a refusal", s, err)
		}
	}
}

// TestClients: what functions use to speak TLS accepts the certificates.
func TestClients(t *testing.T) {
	l := begin(t, Config{})
	a := customer(t, l, 1, "203.0.113.10")
	// Python 3.13 and later verify strictly by default.
	python := "import urllib.request as u,sys,json,ssl;c=ssl.create_default_context();c.verify_flags|=ssl.VERIFY_X509_STRICT;" +
		"print(json.load(u.urlopen(sys.argv[1],timeout=10,context=c))['source'])"
	node := "fetch(process.argv[1]).then(r=>r.json()).then(j=>console.log(j.source),e=>{console.log(e);process.exit(1)})"
	for _, argv := range [][]string{{"/usr/bin/python3", "-c", python}, {"/usr/bin/node", "-e", node}} {
		t.Run(filepath.Base(argv[0]), func(t *testing.T) {
			if _, err := os.Stat(argv[0]); err != nil {
				t.Skipf("%s is not installed", argv[0])
			}
			out, err := a.run(append(argv, "https://echo.weir.test/")...)
			if err != nil || out != "203.0.113.10" {
				t.Errorf("%s, %v", out, err)
			}
			if out, err := a.run(append(argv, "https://db.corp.invalid/")...); err == nil {
				t.Errorf("a name that does not exist: %s", out)
			}
		})
	}
}
