package nft

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables/expr"
)

// Value is a constant: the closed range lo to hi, equal for a single value, in
// the byte order of the register it meets.
type Value struct {
	lo, hi []byte
	text   string
}

// mask gives the bits in which all of an address range agree, if the range is a
// prefix; else nil.
func (v Value) mask() []byte {
	if len(v.lo) < 4 || bytes.Equal(v.lo, v.hi) {
		return nil
	}
	mask := make([]byte, len(v.lo))
	for i := range mask {
		mask[i] = ^(v.lo[i] ^ v.hi[i])
	}
	return mask
}

// String gives the value in nft syntax.
func (v Value) String() string { return v.text }

func single(b []byte, text string) Value { return Value{lo: b, hi: b, text: text} }

func host32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// MarkOf is a mark.
func MarkOf(v uint32) Value {
	return single(host32(v), "0x"+hex.EncodeToString(binary.BigEndian.AppendUint32(nil, v)))
}

// If is an interface, by index.
func If(index int) Value { return single(host32(uint32(index)), strconv.Itoa(index)) }

// Group is a link group.
func Group(number int) Value { return If(number) }

var protoNames = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"}

// Proto is a transport protocol.
func Proto(p uint8) Value { return Protos(p, p) }

// Protos is a closed range of transport protocols.
func Protos(lo, hi uint8) Value {
	name := func(p uint8) string {
		if n, ok := protoNames[p]; ok && lo == hi {
			return n
		}
		return strconv.Itoa(int(p))
	}
	v := Value{lo: []byte{lo}, hi: []byte{hi}, text: name(lo)}
	if lo != hi {
		v.text += "-" + name(hi)
	}
	return v
}

// Byte is a one-byte value: an ICMP type.
func Byte(b uint8) Value { return single([]byte{b}, strconv.Itoa(int(b))) }

// Port is one port.
func Port(p uint16) Value { return Ports(p, p) }

// Ports is a closed range of ports, or of ICMP type and code as type<<8|code.
func Ports(lo, hi uint16) Value {
	v := Value{lo: binary.BigEndian.AppendUint16(nil, lo), hi: binary.BigEndian.AppendUint16(nil, hi), text: strconv.Itoa(int(lo))}
	if lo != hi {
		v.text += "-" + strconv.Itoa(int(hi))
	}
	return v
}

// IP is an address of either family.
func IP(a netip.Addr) Value { return single(a.AsSlice(), a.String()) }

// Net is a prefix of either family.
func Net(p netip.Prefix) Value {
	p = p.Masked()
	lo := p.Addr().AsSlice()
	hi := make([]byte, len(lo))
	for i := range lo {
		host := min(max(8*(i+1)-p.Bits(), 0), 8) // bits of this byte beyond the prefix
		hi[i] = lo[i] | byte(1<<host-1)
	}
	if p.IsSingleIP() {
		return single(lo, p.Addr().String())
	}
	return Value{lo: lo, hi: hi, text: p.String()}
}

// State is a set of conntrack states.
type State uint32

// Conntrack states.
const (
	Invalid     = State(expr.CtStateBitINVALID)
	Established = State(expr.CtStateBitESTABLISHED)
	Related     = State(expr.CtStateBitRELATED)
	New         = State(expr.CtStateBitNEW)
)

// String lists the states in nft syntax.
func (s State) String() string {
	var out []string
	for _, b := range []struct {
		s State
		n string
	}{{Established, "established"}, {Related, "related"}, {New, "new"}, {Invalid, "invalid"}} {
		if s&b.s != 0 {
			out = append(out, b.n)
		}
	}
	return strings.Join(out, ",")
}

// StateOf is one conntrack state as a key.
func StateOf(s State) Value { return single(host32(uint32(s)), s.String()) }
