// Package nat64 translates IP packets between IPv6 and IPv4 as RFC 7915 says:
// headers, ICMP with the packets inside its errors, fragments, checksums by
// difference. It is pure: bytes in, bytes out. It does neither ports nor flows;
// an IPv6 host stands behind an IPv4 address of its own (Hosts), which whoever
// carries the packets on translates further.
//
// Invariants: input of any kind makes no panic; what has no translation, or is
// not whole, gives none; a packet keeps its order and its ports.
package nat64

import (
	"encoding/binary"
	"net/netip"
)

// Prefix is the well-known prefix of RFC 6052: the last four bytes of an address
// below it are an IPv4 address.
var Prefix = netip.MustParsePrefix("64:ff9b::/96")

// Embed is the IPv6 address that stands for an IPv4 one.
func Embed(a netip.Addr) netip.Addr {
	b, v4 := Prefix.Addr().As16(), a.As4()
	copy(b[12:], v4[:])
	return netip.AddrFrom16(b)
}

// Extract is the IPv4 address that an IPv6 one below Prefix stands for.
func Extract(a netip.Addr) (netip.Addr, bool) {
	if !Prefix.Contains(a) {
		return netip.Addr{}, false
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// Protocol numbers, and lengths of headers.
const (
	protoICMP, protoTCP, protoUDP, protoICMPv6 = 1, 6, 17, 58
	extHop, extRouting, extFragment, extDest   = 0, 43, 44, 60

	head4, head6, headFragment = 20, 40, 8
)

// Map gives the address of the other family that stands for one; ok is false if none does.
type Map func(netip.Addr) (netip.Addr, bool)

func be16(b []byte) uint16       { return binary.BigEndian.Uint16(b) }
func put16(b []byte, v uint16)   { binary.BigEndian.PutUint16(b, v) }
func addr4(b []byte) netip.Addr  { return netip.AddrFrom4([4]byte(b)) }
func addr16(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)) }

// sum adds 16-bit words, as Internet checksums do (RFC 1071).
func sum(acc uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		acc += uint32(be16(b))
	}
	if len(b) == 1 {
		acc += uint32(b[0]) << 8
	}
	return acc
}

func fold(acc uint32) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// adjust is a checksum after the words of was became those of is (RFC 1624).
func adjust(check uint16, was, is uint32) uint16 {
	return ^fold(uint32(^check) + uint32(^fold(was)) + uint32(fold(is)))
}

// pseudo is the sum of the pseudo header of a transport checksum.
func pseudo(src, dst netip.Addr, proto uint8, length int) uint32 {
	return sum(sum(uint32(proto)+uint32(length), src.AsSlice()), dst.AsSlice())
}
