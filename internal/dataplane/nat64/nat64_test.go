package nat64

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

var (
	host   = netip.MustParseAddr("2001:db8:1000:1::10")
	server = netip.MustParseAddr("198.51.100.7")
)

// valid checks both checksums of a packet, the transport's by summing it whole.
func valid(t *testing.T, b []byte) packet {
	t.Helper()
	p, ok := parse4(b, false)
	if b[0]>>4 == 6 {
		p, ok = parse6(b, false)
	} else if fold(sum(0, b[:head4])) != 0xffff {
		t.Errorf("checksum of the IPv4 header of %x", b)
	}
	if !ok {
		t.Fatalf("%x is no packet", b)
	}
	if p.fragment {
		return p
	}
	acc := pseudo(p.src, p.dst, p.proto, len(p.body))
	if p.proto == protoICMP {
		acc = 0
	}
	if fold(sum(acc, p.body)) != 0xffff {
		t.Errorf("checksum of protocol %d in %x", p.proto, b)
	}
	return p
}

// make6 is an IPv6 packet with a right checksum at an offset of its body.
func make6(src, dst netip.Addr, proto uint8, at int, body []byte) []byte {
	body = bytes.Clone(body)
	put16(body[at:], ^fold(sum(pseudo(src, dst, proto, len(body)), body)))
	p := packet{src: src, dst: dst, proto: proto, hops: 63, class: 0xb8, total: len(body)}
	return p.write6(body)
}

// TestThereAndBack: what a host sends arrives as IPv4 with its ports, and the
// answer comes back to it.
func TestThereAndBack(t *testing.T) {
	udp := append([]byte{0x9c, 0x40, 0, 53, 0, 13, 0, 0}, "hello"...)
	tcp := append(unhex("9c4001bb00000001000000005002faf000000000"), "odd"...)
	echo := append([]byte{128, 0, 0, 0, 0x12, 0x34, 0, 1}, "ping"...)
	for _, c := range []struct {
		name     string
		proto    uint8
		at       int
		body     []byte
		proto4   uint8
		type4, r byte // of an echo request there, of the answer here
	}{
		{"UDP", protoUDP, 6, udp, protoUDP, 0, 0}, {"TCP", protoTCP, 16, tcp, protoTCP, 0, 0}, {"echo", protoICMPv6, 2, echo, protoICMP, 8, 129},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h Hosts
			out, ok := ToIPv4(make6(host, Embed(server), c.proto, c.at, c.body), h.Out)
			if !ok {
				t.Fatal("not translated")
			}
			p := valid(t, out)
			if p.dst != server || !Pool.Contains(p.src) || p.proto != c.proto4 || p.hops != 63 || p.class != 0xb8 || !p.df || len(p.body) != len(c.body) {
				t.Errorf("%+v", p)
			}
			if c.proto == protoICMPv6 && p.body[0] != c.type4 {
				t.Errorf("type %d", p.body[0])
			}
			back := packet{src: p.dst, dst: p.src, proto: p.proto, hops: 60, total: len(p.body)}
			body := bytes.Clone(p.body)
			if c.proto == protoICMPv6 {
				body[0] = 0
				put16(body[2:], 0)
				put16(body[2:], ^fold(sum(0, body)))
			}
			in, ok := ToIPv6(back.write4(body), h.In)
			if !ok {
				t.Fatal("the answer is not translated")
			}
			q := valid(t, in)
			if q.src != Embed(server) || q.dst != host || q.proto != c.proto || c.proto == protoICMPv6 && q.body[0] != c.r {
				t.Errorf("answer %+v", q)
			}
		})
	}
}

// TestVector is a packet written by hand: a UDP datagram without a checksum.
func TestVector(t *testing.T) {
	var h Hosts
	at := h.To4(host).As4()
	b := unhex("4500001e000040004011" + "0000" + "c6336407" + "f0000001" + "0035" + "9c40" + "000a" + "0000" + "6869")
	copy(b[16:], at[:])
	put16(b[10:], ^fold(sum(0, b[:20])))
	out, ok := ToIPv6(b, h.In)
	want := unhex("60000000000a1140" + "0064ff9b0000000000000000c6336407" + "20010db8100000010000000000000010" + "00359c40000a")
	if !ok || !bytes.HasPrefix(out, want) || !bytes.HasSuffix(out, []byte("hi")) {
		t.Fatalf("%x, want %x…", out, want)
	}
	valid(t, out)
	if _, ok := ToIPv6(append(bytes.Clone(b[:6]), append([]byte{0x20, 0}, b[8:]...)...), h.In); ok {
		t.Error("a fragment without a checksum was translated")
	}
}

// TestErrors: an error about a packet comes back to its sender, about the packet that it sent.
func TestErrors(t *testing.T) {
	var h Hosts
	sent := make6(host, Embed(server), protoUDP, 6, append([]byte{0x9c, 0x40, 0, 53, 0, 8, 0, 0}, make([]byte, 1400)...))
	there, _ := ToIPv4(sent, h.Out)
	router := netip.MustParseAddr("198.51.100.1")
	for _, c := range []struct {
		name       string
		typ, code  byte
		rest       []byte
		typ6, cod6 byte
		rest6      []byte
	}{
		{"port unreachable", 3, 3, []byte{0, 0, 0, 0}, 1, 4, []byte{0, 0, 0, 0}},
		{"host unreachable", 3, 1, []byte{0, 0, 0, 0}, 1, 0, []byte{0, 0, 0, 0}},
		{"prohibited", 3, 13, []byte{0, 0, 0, 0}, 1, 1, []byte{0, 0, 0, 0}},
		{"too big", 3, 4, []byte{0, 0, 0x05, 0xa0}, 2, 0, []byte{0, 0, 0x05, 0xb4}}, // 1440, 1460
		{"time exceeded", 11, 0, []byte{0, 0, 0, 0}, 3, 0, []byte{0, 0, 0, 0}},
		{"protocol unreachable", 3, 2, []byte{0, 0, 0, 0}, 4, 1, []byte{0, 0, 0, 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := append(append([]byte{c.typ, c.code, 0, 0}, c.rest...), there[:548]...)
			put16(body[2:], ^fold(sum(0, body)))
			e := packet{src: router, dst: h.To4(host), proto: protoICMP, hops: 64, total: len(body)}
			out, ok := ToIPv6(e.write4(body), h.In)
			if !ok {
				t.Fatal("not translated")
			}
			p := valid(t, out)
			if p.src != Embed(router) || p.dst != host || p.body[0] != c.typ6 || p.body[1] != c.cod6 || !bytes.Equal(p.body[4:8], c.rest6) {
				t.Errorf("%s to %s: %x", p.src, p.dst, p.body[:8])
			}
			if inside := p.body[8:]; !bytes.Equal(inside[:6], sent[:6]) || !bytes.Equal(inside[8:60], sent[8:60]) { // all but the hop limit
				t.Errorf("inside is %x\nwant      %x", inside[:60], sent[:60])
			}
		})
	}
}

// TestFragments: pieces keep their places, and only the first has a checksum to change.
func TestFragments(t *testing.T) {
	var h Hosts
	for _, offset := range []int{0, 1232} {
		p := packet{src: host, dst: Embed(server), proto: protoUDP, hops: 9, total: 16, fragment: true, offset: offset, more: offset == 0, id: 0x12345678}
		body := append([]byte{0x9c, 0x40, 0, 53, 4, 0, 0xab, 0xcd}, "datadata"...)
		out, ok := ToIPv4(p.write6(body), h.Out)
		if !ok {
			t.Fatal("not translated")
		}
		q := valid(t, out)
		if q.offset != offset || q.more != p.more || q.id != 0x5678 || q.df || bytes.Equal(q.body, body) != (offset > 0) {
			t.Errorf("%+v", q)
		}
	}
}

func TestNoTranslation(t *testing.T) {
	var h Hosts
	esp := packet{src: host, dst: Embed(server), proto: 50, total: 8}
	if _, ok := ToIPv4(esp.write6(make([]byte, 8)), h.Out); ok {
		t.Error("ESP was translated")
	}
	stranger := packet{src: server, dst: netip.MustParseAddr("240.0.9.9"), proto: protoUDP, total: 8}
	if _, ok := ToIPv6(stranger.write4([]byte{0, 1, 0, 2, 0, 8, 1, 1}), h.In); ok {
		t.Error("a packet to no host was translated")
	}
}

// TestHosts: hosts have addresses of their own, the same when Hosts begins anew,
// and there are not too many.
func TestHosts(t *testing.T) {
	var h, again Hosts
	seen := map[netip.Addr]netip.Addr{}
	a := host
	for range maxHosts {
		v4 := h.To4(a)
		if other, taken := seen[v4]; taken {
			t.Fatalf("%s is both %s and %s", v4, a, other)
		}
		seen[v4] = a
		if got, ok := h.To6(v4); !ok || got != a || !Pool.Contains(v4) {
			t.Fatalf("%s is %s, and that is %s", a, v4, got)
		}
		a = a.Next()
	}
	if h.To4(host) != again.To4(host) {
		t.Error("another address when it begins anew")
	}
	h.To4(a)
	if len(h.to) != 1 || len(h.from) != 1 {
		t.Errorf("%d hosts", len(h.to))
	}
}

// FuzzTranslate: nothing panics, and what is translated is a packet.
func FuzzTranslate(f *testing.F) {
	var h Hosts
	sent := make6(host, Embed(server), protoUDP, 6, append([]byte{0x9c, 0x40, 0, 53, 0, 13, 0, 0}, "hello"...))
	there, _ := ToIPv4(sent, h.Out)
	body := append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, there...)
	e := packet{src: server, dst: h.To4(host), proto: protoICMP, total: len(body)}
	for _, b := range [][]byte{sent, there, e.write4(body), unhex("6000000000082c40")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Hosts
		h.To4(host)
		if out, ok := ToIPv4(b, h.Out); ok {
			if _, ok := parse4(out, false); !ok {
				t.Errorf("%x became %x", b, out)
			}
		}
		if out, ok := ToIPv6(b, h.In); ok {
			if _, ok := parse6(out, false); !ok {
				t.Errorf("%x became %x", b, out)
			}
		}
	})
}
