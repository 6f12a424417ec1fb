package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// fakeNetwork opens sockets on the loopback and remembers which is which.
type fakeNetwork struct {
	mu      sync.Mutex
	packets map[netip.AddrPort]net.PacketConn
	streams map[netip.AddrPort]net.Listener
	refuse  error
}

func newFakeNetwork() *fakeNetwork {
	return &fakeNetwork{packets: map[netip.AddrPort]net.PacketConn{}, streams: map[netip.AddrPort]net.Listener{}}
}

func (f *fakeNetwork) ListenPacket(_ context.Context, _ cloud.VPCID, addr netip.AddrPort) (net.PacketConn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	f.packets[addr] = c
	return c, err
}

func (f *fakeNetwork) ListenTCP(_ context.Context, _ cloud.VPCID, addr netip.AddrPort) (net.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	f.streams[addr] = l
	return l, err
}

func (f *fakeNetwork) udp(addr string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.packets[netip.MustParseAddrPort(addr)].LocalAddr().String()
}

func (f *fakeNetwork) tcp(addr string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams[netip.MustParseAddrPort(addr)].Addr().String()
}

// upstream answers like a public resolver: big.example.com with 40 addresses,
// any other name with one.
func upstream(_ context.Context, name string, qtype uint16) ([]dns.RR, int, error) {
	switch {
	case strings.HasPrefix(name, "missing."):
		return nil, dns.RcodeNameError, nil
	case strings.HasPrefix(name, "broken."):
		return nil, 0, errors.New("no way out")
	case qtype != dns.TypeA:
		return nil, dns.RcodeSuccess, nil
	}
	n := 1
	if strings.HasPrefix(name, "big.") {
		n = 40
	}
	var out []dns.RR
	for i := range n {
		out = append(out, addressRecords(name, dns.TypeA, []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})})...)
	}
	return out, dns.RcodeSuccess, nil
}

func start(t *testing.T, cfg Config, plan netplan.DNS) (*Server, *fakeNetwork) {
	t.Helper()
	f := newFakeNetwork()
	cfg.Listen = f
	if cfg.Upstream == nil {
		cfg.Upstream = upstream
	}
	s := New(cfg)
	t.Cleanup(s.Close)
	if err := s.Sync(t.Context(), "vpc-1", &netplan.Plan{VPC: "vpc-1", DNS: plan}); err != nil {
		t.Fatal(err)
	}
	return s, f
}

func query(name string, qtype uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, qtype) }

func exchange(t *testing.T, network, addr string, q *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: 5 * time.Second}
	reply, _, err := c.Exchange(q, addr)
	if err != nil {
		t.Fatalf("%s: %v", q.Question[0].Name, err)
	}
	return reply
}

func TestServer(t *testing.T) {
	_, f := start(t, Config{}, example)
	tests := []struct {
		name  string
		qtype uint16
		rcode int
		want  []string
	}{
		{"Ip-10-0-1-7.ec2.internal.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.7"}},
		{"20.1.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, []string{"ip-10-0-1-20.ec2.internal."}},
		{"example.com.", dns.TypeA, dns.RcodeSuccess, []string{"198.51.100.1"}},
		{"example.com.", dns.TypeMX, dns.RcodeSuccess, nil},
		{"missing.example.com.", dns.TypeA, dns.RcodeNameError, nil},
		{"broken.example.com.", dns.TypeA, dns.RcodeServerFailure, nil},
		{"example.com.", dns.TypeAXFR, dns.RcodeRefused, nil},
	}
	for _, resolver := range []string{"10.0.0.2:53", "[fd00:ec2::253]:53"} {
		for _, network := range []string{"udp", "tcp"} {
			at := f.udp(resolver)
			if network == "tcp" {
				at = f.tcp(resolver)
			}
			for _, tt := range tests {
				reply := exchange(t, network, at, query(tt.name, tt.qtype))
				checkAnswer(t, network+" "+tt.name, reply.Answer, reply.Rcode, tt.rcode, tt.want)
				if !reply.RecursionAvailable || reply.Question[0].Name != tt.name {
					t.Errorf("%s %s: recursion available %v, question %q", network, tt.name, reply.RecursionAvailable, reply.Question[0].Name)
				}
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	_, f := start(t, Config{}, example)
	at := f.udp("10.0.0.2:53")

	update := query("example.com.", dns.TypeSOA)
	update.Opcode = dns.OpcodeUpdate
	chaos := query("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	two := query("example.com.", dns.TypeA)
	two.Question = append(two.Question, two.Question[0])
	future := query("example.com.", dns.TypeA)
	future.SetEdns0(1232, false)
	future.IsEdns0().SetVersion(1)
	for _, tt := range []struct {
		why   string
		query *dns.Msg
		rcode int
	}{
		{"update", update, dns.RcodeNotImplemented},
		{"class", chaos, dns.RcodeRefused},
		{"two questions", two, dns.RcodeFormatError},
		{"EDNS version", future, dns.RcodeBadVers},
	} {
		if reply := exchange(t, "udp", at, tt.query); reply.Rcode != tt.rcode {
			t.Errorf("%s: rcode %d, want %d", tt.why, reply.Rcode, tt.rcode)
		}
	}

	c, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte{1, 2, 3})                                        // too short to answer
	c.Write([]byte{9, 9, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0})          // a response
	c.Write([]byte{7, 8, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 'x'}) // a name cut short
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	if err != nil || n != 12 || buf[0] != 7 || buf[1] != 8 || buf[3]&15 != dns.RcodeFormatError {
		t.Errorf("first answer to malformed queries is % x, %v; want a format error for 07 08", buf[:n], err)
	}
}

func TestTruncation(t *testing.T) {
	_, f := start(t, Config{}, example)
	plain := exchange(t, "udp", f.udp("10.0.0.2:53"), query("big.example.com.", dns.TypeA))
	plain.Compress = true // as it was sent
	if !plain.Truncated || plain.Len() > 512 {
		t.Errorf("by UDP: truncated %v, %d bytes; want truncated to 512", plain.Truncated, plain.Len())
	}
	q := query("big.example.com.", dns.TypeA)
	q.SetEdns0(4096, false)
	edns := exchange(t, "udp", f.udp("10.0.0.2:53"), q)
	if edns.Truncated || len(edns.Answer) != 40 || edns.IsEdns0() == nil {
		t.Errorf("by UDP with EDNS: truncated %v, %d answers, want 40", edns.Truncated, len(edns.Answer))
	}
	stream := exchange(t, "tcp", f.tcp("10.0.0.2:53"), query("big.example.com.", dns.TypeA))
	if stream.Truncated || len(stream.Answer) != 40 {
		t.Errorf("by TCP: truncated %v, %d answers, want 40", stream.Truncated, len(stream.Answer))
	}
}

// TestBurst: 1,000 lookups at once all get their answer.
func TestBurst(t *testing.T) {
	_, f := start(t, Config{}, example)
	at := f.udp("10.0.0.2:53")
	var wg sync.WaitGroup
	failed := make(chan error, 1000)
	for i := range 1000 {
		wg.Go(func() {
			name := fmt.Sprintf("host%d.example.com.", i)
			if i%2 == 0 {
				name = "ip-10-0-1-7.ec2.internal."
			}
			c := dns.Client{Timeout: 10 * time.Second}
			reply, _, err := c.Exchange(query(name, dns.TypeA), at)
			if err == nil && len(reply.Answer) != 1 {
				err = fmt.Errorf("%s: %d answers", name, len(reply.Answer))
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

// TestStuckUpstream: it neither grows the number of goroutines without bound
// nor delays own names and other VPCs.
func TestStuckUpstream(t *testing.T) {
	var mu sync.Mutex
	waiting := 0
	most := make(chan struct{})
	stuck := func(ctx context.Context, _ string, _ uint16) ([]dns.RR, int, error) {
		mu.Lock()
		if waiting++; waiting == maxLookups-1 {
			close(most)
		}
		mu.Unlock()
		<-ctx.Done()
		return nil, 0, ctx.Err()
	}
	s, f := start(t, Config{Upstream: stuck}, example)
	if err := s.Sync(t.Context(), "vpc-2", &netplan.Plan{DNS: netplan.DNS{Enabled: true, Resolvers: addrs("10.9.0.2")}}); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	c, err := net.Dial("udp", f.udp("10.0.0.2:53"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, _ := query("example.com.", dns.TypeA).Pack()
	for range maxLookups - 1 {
		c.Write(raw)
	}
	<-most
	own := exchange(t, "udp", f.udp("10.0.0.2:53"), query("ip-10-0-1-7.ec2.internal.", dns.TypeA))
	checkAnswer(t, "own name beside stuck ones", own.Answer, own.Rcode, dns.RcodeSuccess, []string{"10.0.1.7"})
	for range 1000 {
		c.Write(raw)
	}
	other := exchange(t, "udp", f.udp("10.9.0.2:53"), query("localhost.", dns.TypeA))
	checkAnswer(t, "another VPC", other.Answer, other.Rcode, dns.RcodeSuccess, []string{"127.0.0.1"})
	if n := runtime.NumGoroutine() - before; n > maxLookups+10 {
		t.Errorf("%d goroutines wait, want at most %d", n, maxLookups)
	}
}

func TestSync(t *testing.T) {
	s, f := start(t, Config{}, example)
	at := f.udp("10.0.0.2:53")
	open := func() bool { // the address is free again once the resolver has closed it
		c, err := net.ListenPacket("udp", at)
		if err == nil {
			c.Close()
		}
		return err != nil
	}
	changed := example
	changed.Records = []netplan.DNSRecord{{Name: "new.ec2.internal", Addrs: addrs("10.0.1.9")}}
	if err := s.Sync(t.Context(), "vpc-1", &netplan.Plan{DNS: changed}); err != nil {
		t.Fatal(err)
	}
	if f.udp("10.0.0.2:53") != at {
		t.Error("a change of names opened the sockets anew")
	}
	reply := exchange(t, "udp", at, query("new.ec2.internal.", dns.TypeA))
	checkAnswer(t, "a name added", reply.Answer, reply.Rcode, dns.RcodeSuccess, []string{"10.0.1.9"})

	off := example
	off.Enabled = false
	if err := s.Sync(t.Context(), "vpc-1", &netplan.Plan{DNS: off}); err != nil {
		t.Fatal(err)
	}
	if open() {
		t.Error("the resolver's socket is open though DNS is switched off")
	}
	f.refuse = errors.New("no router")
	if err := s.Sync(t.Context(), "vpc-1", &netplan.Plan{DNS: example}); err == nil || !strings.Contains(err.Error(), "vpc-1 at 10.0.0.2: no router") {
		t.Errorf("Sync without a router: %v", err)
	}
	f.refuse = nil
	if err := s.Sync(t.Context(), "vpc-1", &netplan.Plan{DNS: example}); err != nil {
		t.Fatal(err)
	}
	exchange(t, "udp", f.udp("10.0.0.2:53"), query("localhost.", dns.TypeA))
	f.packets[netip.MustParseAddrPort("10.0.0.2:53")].Close() // as a router does that goes away
	f.streams[netip.MustParseAddrPort("10.0.0.2:53")].Close()
	s.vpcs["vpc-1"].sockets[netip.MustParseAddr("10.0.0.2")].reading.Wait()
	if err := s.Sync(t.Context(), "vpc-1", &netplan.Plan{DNS: example}); err != nil {
		t.Fatal(err)
	}
	exchange(t, "udp", f.udp("10.0.0.2:53"), query("localhost.", dns.TypeA))
	at = f.udp("10.0.0.2:53")
	if err := s.Sync(t.Context(), "vpc-1", nil); err != nil {
		t.Fatal(err)
	}
	if open() || len(s.VPCs()) != 0 {
		t.Errorf("a VPC that is gone still has a resolver: %v", s.VPCs())
	}
}
