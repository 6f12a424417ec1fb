package linux

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/netplan"
)

// TestNATAddresses: new flows are spread over all addresses of a NAT gateway,
// and one that is taken away is not used any more, nor are its flows.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
func TestNATAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := func(more ...netip.Addr) *netplan.Plan {
		p := sample("vpc-1")
		nat := p.ENI("eni-nat")
		for k, a := range more {
			nat.Addrs = append(nat.Addrs, a)
			p.Gateway.Public = append(p.Gateway.Public, netplan.PublicAddr{Private: a, Public: netip.AddrFrom4([4]byte{203, 0, 113, byte(90 + k)})})
		}
		return p
	}
	n := w.apply(plan(ip("10.0.0.201"), ip("10.0.0.202")))
	app := w.ns(n, "eni-app")
	seen := func() map[string]int {
		m := map[string]int{}
		for range 60 {
			m[w.udp(app, "198.51.100.7:80").Addr().String()]++
		}
		return m
	}
	// The chance that one of three is not among 60 is 10⁻¹⁰.
	if got := seen(); len(got) != 3 || got["203.0.113.9"] == 0 || got["203.0.113.90"] == 0 || got["203.0.113.91"] == 0 {
		t.Errorf("flows leave by %v, want by all three addresses", got)
	}
	w.apply(plan(ip("10.0.0.201")))
	if got := seen(); len(got) != 2 || got["203.0.113.91"] != 0 {
		t.Errorf("flows leave by %v, want by the two addresses that are left", got)
	}
}

// nat64Plan is the sample with a route for IPv4-only destinations to its NAT gateway.
func nat64Plan() *netplan.Plan {
	p := sample("vpc-1")
	p.ENI("eni-nat").NAT64 = true
	priv := &p.Tables[0]
	priv.Routes = append([]netplan.Route{{Dest: netplan.NAT64Prefix, Hop: netplan.HopNAT, Target: "nat-1", ENI: "eni-nat"}}, priv.Routes...)
	return p
}

// TestNAT64: hosts reach IPv4 addresses over IPv6 through the NAT gateway, from
// its address; without the route it translates no more.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html
func TestNAT64(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(nat64Plan())
	app, web := w.ns(n, "eni-app"), w.ns(n, "eni-web")
	fn := w.slot(n, "eni-fn", 0, true)
	w.whoami(web, "0.0.0.0:80")
	const outside, inside = "64:ff9b::c633:6407", "64:ff9b::a00:a" // 198.51.100.7, 10.0.0.10
	w.seen("a host", w.tcp(app, "["+outside+"]:80"), "203.0.113.9")
	w.seen("over UDP", w.udp(app, "["+outside+"]:80"), "203.0.113.9")
	w.seen("a function", w.tcp(fn, "["+outside+"]:80"), "203.0.113.9")
	w.seen("inside the VPC", w.tcp(app, "["+inside+"]:80"), "10.0.0.9")
	w.seen("IPv4 as before", w.tcp(app, "198.51.100.7:80"), "203.0.113.9")
	if !w.ping6(app, outside) {
		t.Error("an echo request is not answered")
	}
	if err := w.refuses(app, "["+outside+"]:9"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a closed port: %v, want the error that says so", err)
	}
	w.quiet()
	w.seen("an address that is not routed there", w.tcp(app, "[64:ff9b:1::1]:80"), "")

	w.apply(sample("vpc-1"))
	w.quiet()
	w.seen("without the route", w.tcp(app, "["+outside+"]:80"), "")
	w.apply(nat64Plan())
	w.seen("with it again", w.tcp(app, "["+outside+"]:80"), "203.0.113.9")
}

// refuses sends a datagram and gives the error that comes back.
func (w *world) refuses(ns *os.File, to string) error {
	w.t.Helper()
	c := w.dial(ns, "udp", to)
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	_, err := c.Write([]byte("x"))
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	return err
}

func (w *world) dial(ns *os.File, network, to string) net.Conn {
	w.t.Helper()
	var c net.Conn
	w.in(ns, func() (err error) {
		c, err = net.DialTimeout(network, to, patience)
		return err
	})
	w.t.Cleanup(func() { c.Close() })
	return c
}

// ping6 sends an IPv6 echo request and says whether it is answered.
func (w *world) ping6(ns *os.File, to string) (ok bool) {
	w.t.Helper()
	w.in(ns, func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, timeval())
		if err := unix.Sendto(fd, []byte{128, 0, 0, 0, 0x12, 0x34, 0, 1}, 0, &unix.SockaddrInet6{Addr: ip(to).As16()}); err != nil {
			return err
		}
		buf := make([]byte, 128)
		for n := 1; n > 0 && !ok; {
			n, _, _ = unix.Recvfrom(fd, buf, 0)
			ok = n >= 8 && buf[0] == 129
		}
		return nil
	})
	return ok
}

// TestNAT64Sizes: as much as one likes goes both ways, in segments that the
// kernel joins and in datagrams that it takes apart.
func TestNAT64Sizes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(nat64Plan())
	app := w.ns(n, "eni-app")
	const server = "198.51.100.7:7"
	w.echo(w.internet, server)
	var p net.PacketConn
	w.in(w.internet, func() (err error) {
		p, err = net.ListenPacket("udp4", server)
		return err
	})
	t.Cleanup(func() { p.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = p.WriteTo(b[:n], from)
		}
	}()
	for network, size := range map[string]int{"tcp": 4 << 20, "udp": 9000} {
		c := w.dial(app, network, "[64:ff9b::c633:6407]:7")
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		sent, got := make([]byte, size), make([]byte, size)
		for k := range sent {
			sent[k] = byte(k * k >> 8)
		}
		go func() { _, _ = c.Write(sent) }()
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s: what comes back is not the %d bytes that were sent: %v", network, size, err)
		}
	}
}
