package linux

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// forged is one frame that a tenant with every right in its own namespace sends.
type forged struct {
	what  string
	frame []byte
}

const (
	etherARP = 0x0806
	ether4   = 0x0800
	ether6   = 0x86dd
)

var (
	toRouter  = hardware("0e:00:00:00:00:01")
	broadcast = hardware("ff:ff:ff:ff:ff:ff")
	madeUp    = hardware("0e:66:66:66:66:66")
)

func ether(to, from []byte, kind uint16, payload []byte) []byte {
	f := append(append([]byte{}, to...), from...)
	return append(binary.BigEndian.AppendUint16(f, kind), payload...)
}

// packet is an IP packet of either family; options go into an IPv4 header.
func packet(from, to netip.Addr, protocol byte, payload, options []byte) []byte {
	if from.Is6() {
		h := []byte{0x60, 0, 0, 0, 0, 0, protocol, 255}
		binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
		return append(append(append(h, from.AsSlice()...), to.AsSlice()...), payload...)
	}
	h := make([]byte, 20, 20+len(options)+len(payload))
	h = append(h, options...)
	h[0], h[8], h[9] = 0x40|byte(len(h)/4), 64, protocol
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(payload)))
	copy(h[12:], from.AsSlice())
	copy(h[16:], to.AsSlice())
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return append(h, payload...)
}

// fragment makes an IPv4 packet one piece of a larger one.
func fragment(p []byte, offset uint16, more bool) []byte {
	p[4], p[5] = 0xbe, 0xef
	bits := offset / 8
	if more {
		bits |= 0x2000
	}
	binary.BigEndian.PutUint16(p[6:], bits)
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], checksum(p[:int(p[0]&15)*4]))
	return p
}

// sum completes a transport header's checksum at an offset.
func sum(from, to netip.Addr, protocol byte, b []byte, at int) []byte {
	pseudo := append(append([]byte{}, from.AsSlice()...), to.AsSlice()...)
	pseudo = append(pseudo, 0, 0, byte(len(b)>>8), byte(len(b)), 0, 0, 0, protocol)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[at:], checksum(append(pseudo, b...)))
	return b
}

func datagram(from, to netip.Addr, port uint16, mark []byte) []byte {
	b := []byte{0x0f, 0xa0, byte(port >> 8), byte(port), 0, byte(8 + len(mark)), 0, 0}
	return sum(from, to, unix.IPPROTO_UDP, append(b, mark...), 6)
}

func synTo(from, to netip.Addr, port uint16, mark []byte) []byte {
	b := []byte{0x0f, 0xa1, byte(port >> 8), byte(port), 0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, 2, 0xff, 0xff, 0, 0, 0, 0}
	return sum(from, to, unix.IPPROTO_TCP, append(b, mark...), 16)
}

func arp(op byte, mac []byte, sender netip.Addr, to []byte, target netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, op}
	b = append(append(b, mac...), sender.AsSlice()...)
	return append(append(append(b, to...), target.AsSlice()...), make([]byte, 18)...)
}

// discovery is an ICMPv6 message of neighbour discovery.
func discovery(from, to netip.Addr, kind byte, body ...[]byte) []byte {
	b := []byte{kind, 0, 0, 0}
	for _, part := range body {
		b = append(b, part...)
	}
	return packet(from, to, unix.IPPROTO_ICMPV6, sum(from, to, unix.IPPROTO_ICMPV6, b, 2), nil)
}

// self is who sends: what its interface really has.
type self struct {
	mac      []byte
	ip4, ip6 netip.Addr
}

// forge lists what nobody else may see, and nothing may come of. mark is in the
// payload of whatever could go further than the next link.
func (s self) forge(mark []byte, others ...netip.Addr) (list []forged) {
	add := func(what string, to, from []byte, kind uint16, payload []byte) {
		list = append(list, forged{what, ether(to, from, kind, payload)})
	}
	ip4 := func(what string, p []byte) { add(what, toRouter, s.mac, ether4, p) }
	ip6 := func(what string, p []byte) { add(what, toRouter, s.mac, ether6, p) }
	sources := append([]netip.Addr{ip("10.0.0.1"), ip("10.0.0.2"), ip("169.254.1.1"), ip("169.254.169.254"), ip("127.0.0.1"), ip("0.0.0.0"), ip("255.255.255.255"),
		ip("224.0.0.1"), ip("198.51.100.7"), ip("203.0.113.10"), ip("10.0.1.77"), ip("8.8.8.8"), ip("2001:db8::7"), ip("fe80::1"), ip("fe80::2"), ip("::1"), ip("::"),
		ip("2001:db8:1000:1::77"), ip("fd00:ec2::253"), ip("::ffff:10.0.1.10")}, others...)
	for _, to := range others {
		for _, from := range sources {
			if from.Is4() != to.Is4() || from == s.ip4 || from == s.ip6 {
				continue
			}
			p := func(protocol byte, b []byte) []byte { return packet(from, to, protocol, b, nil) }
			send := ip4
			if to.Is6() {
				send = ip6
			}
			if from != to {
				send(fmt.Sprintf("UDP from %s to %s", from, to), p(unix.IPPROTO_UDP, datagram(from, to, 80, mark)))
				send(fmt.Sprintf("SYN from %s to %s", from, to), p(unix.IPPROTO_TCP, synTo(from, to, 80, mark)))
			}
		}
	}
	s.encapsulated(mark, others, ip4)
	s.discoveries(others, add)
	for _, to := range []netip.Addr{ip("224.0.0.1"), ip("224.0.0.251"), ip("239.1.2.3"), ip("255.255.255.255"), ip("10.0.1.255"), ip("10.0.255.255"), ip("169.254.1.2"), ip("169.254.2.2")} {
		for _, mac := range [][]byte{toRouter, broadcast, {1, 0, 0x5e, 0, 0, 1}} {
			add("UDP to "+to.String(), mac, s.mac, ether4, packet(s.ip4, to, unix.IPPROTO_UDP, datagram(s.ip4, to, 5353, mark), nil))
		}
	}
	for _, to := range []netip.Addr{ip("ff02::1"), ip("ff02::fb"), ip("ff05::1"), ip("ff0e::1"), ip("fe80::77")} {
		ip6("UDP to "+to.String(), packet(s.ip6, to, unix.IPPROTO_UDP, datagram(s.ip6, to, 5353, mark), nil))
	}
	return list
}

// encapsulated are tunnels, source routes, fragments and strange protocols.
func (s self) encapsulated(mark []byte, others []netip.Addr, send func(string, []byte)) {
	for _, to := range others {
		if !to.Is4() {
			continue
		}
		inner := packet(s.ip4, to, unix.IPPROTO_UDP, datagram(s.ip4, to, 80, mark), nil)
		for _, protocol := range []byte{2, 4, 41, 47, 50, 51, 89, 97, 103, 112, 132, 254} {
			body := inner
			if protocol == 47 { // GRE of an IPv4 packet
				body = append([]byte{0, 0, 8, 0}, inner...)
			}
			send(fmt.Sprintf("protocol %d to %s", protocol, to), packet(s.ip4, to, protocol, body, nil))
		}
		vxlan := append([]byte{8, 0, 0, 0, 0, 0, 1, 0}, ether(broadcast, s.mac, ether4, inner)...)
		for _, at := range []netip.Addr{to, ip("10.0.0.1"), ip("169.254.1.1")} {
			for _, port := range []uint16{4789, 8472, 6081} {
				b := datagram(s.ip4, at, port, vxlan)
				send(fmt.Sprintf("tunnel at port %d of %s", port, at), packet(s.ip4, at, unix.IPPROTO_UDP, b, nil))
			}
			route := append([]byte{131, 7, 4}, to.AsSlice()...) // loose source route
			send(fmt.Sprintf("source route by %s to %s", at, to), packet(s.ip4, at, unix.IPPROTO_TCP, synTo(s.ip4, at, 80, mark), append(route, 0)))
		}
		whole := datagram(s.ip4, to, 80, append(make([]byte, 40), mark...))
		send("the second fragment alone to "+to.String(), fragment(packet(s.ip4, to, unix.IPPROTO_UDP, whole[24:], nil), 24, false))
		send("a tiny fragment to "+to.String(), fragment(packet(s.ip4, to, unix.IPPROTO_TCP, synTo(s.ip4, to, 81, mark)[:8], nil), 0, true))
		send("fragments that overlap to "+to.String(), fragment(packet(s.ip4, to, unix.IPPROTO_TCP, synTo(s.ip4, to, 80, mark)[:24], nil), 0, true))
		send("their rest to "+to.String(), fragment(packet(s.ip4, to, unix.IPPROTO_TCP, synTo(s.ip4, to, 81, mark), nil), 8, false))
	}
}

// discoveries claim others' addresses and offer routes and configuration.
func (s self) discoveries(others []netip.Addr, add func(what string, to, from []byte, kind uint16, payload []byte)) {
	all6 := ip("ff02::1")
	own := []byte{2, 1} // option: target's link-layer address
	own = append(own, madeUp...)
	for _, a := range append([]netip.Addr{ip("169.254.1.1"), ip("10.0.0.1"), ip("fe80::1"), s.ip4, s.ip6}, others...) {
		if a.Is4() {
			for _, to := range [][]byte{broadcast, toRouter} {
				add("ARP request that announces "+a.String(), to, madeUp, etherARP, arp(1, madeUp, a, make([]byte, 6), a))
				add("ARP reply for "+a.String(), to, madeUp, etherARP, arp(2, madeUp, a, toRouter, ip("169.254.1.1")))
			}
			redirect := append([]byte{5, 1, 0, 0}, s.ip4.AsSlice()...)
			redirect = append(redirect, packet(ip("10.0.0.1"), a, unix.IPPROTO_UDP, datagram(ip("10.0.0.1"), a, 80, nil), nil)...)
			binary.BigEndian.PutUint16(redirect[2:], checksum(redirect))
			add("redirect of "+a.String(), toRouter, s.mac, ether4, packet(s.ip4, ip("10.0.0.1"), unix.IPPROTO_ICMP, redirect, nil))
			continue
		}
		for _, from := range []netip.Addr{a, s.ip6, ip("fe80::2")} {
			add("neighbour advertisement of "+a.String(), toRouter, madeUp, ether6, discovery(from, all6, 136, []byte{0x20, 0, 0, 0}, a.AsSlice(), own))
			add("redirect to "+a.String(), toRouter, madeUp, ether6, discovery(from, all6, 137, make([]byte, 4), a.AsSlice(), a.AsSlice(), own))
		}
	}
	for _, from := range []netip.Addr{ip("fe80::2"), ip("fe80::1"), s.ip6} {
		prefixInfo := append([]byte{3, 4, 64, 0xc0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 0}, ip("2001:db8:bad::").AsSlice()...)
		add("router advertisement", toRouter, s.mac, ether6, discovery(from, all6, 134, []byte{64, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}, prefixInfo))
		add("router solicitation", toRouter, s.mac, ether6, discovery(from, ip("ff02::2"), 133, make([]byte, 4)))
	}
	dhcp := append([]byte{1, 1, 6, 0}, make([]byte, 240)...)
	none, all := ip("0.0.0.0"), ip("255.255.255.255")
	b := sum(none, all, unix.IPPROTO_UDP, append([]byte{0, 68, 0, 67, byte((8 + len(dhcp)) >> 8), byte(8 + len(dhcp)), 0, 0}, dhcp...), 6)
	add("DHCP", broadcast, s.mac, ether4, packet(none, all, unix.IPPROTO_UDP, b, nil))
}
