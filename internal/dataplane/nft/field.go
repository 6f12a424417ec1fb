package nft

import (
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Field is a packet property that is matched, is part of a set's key, or (marks
// only) is assigned.
type Field uint8

// Fields. Ports are those of any transport protocol that has them.
const (
	IIf Field = iota
	OIf
	IIfGroup // the link's group, a number that whoever made it gave it
	OIfGroup
	Mark
	CtMark
	MarkHigh // the upper half of the packet's mark, lower half zero
	CtState
	L4Proto
	Src4
	Dst4
	Src6
	Dst6
	SrcPort
	DstPort
	ICMPTypeCode // first two bytes of an ICMP header of either family: type, code
	ICMPType
	ICMP6Type
	TCPFlags
	TCPSigns // the flags that begin, answer and end a connection
	CtDirection
)

// dep is what must have been checked before a field may be read: a meta key with a value.
type dep struct {
	key expr.MetaKey
	val byte
}

type fieldInfo struct {
	text string
	typ  nftables.SetDatatype
	load func(reg uint32) []expr.Any
	deps []dep
}

func meta(k expr.MetaKey) func(uint32) []expr.Any {
	return func(r uint32) []expr.Any { return []expr.Any{&expr.Meta{Key: k, Register: r}} }
}

func ct(k expr.CtKey) func(uint32) []expr.Any {
	return func(r uint32) []expr.Any { return []expr.Any{&expr.Ct{Key: k, Register: r}} }
}

func payload(b expr.PayloadBase, off, n uint32) func(uint32) []expr.Any {
	return func(r uint32) []expr.Any {
		return []expr.Any{&expr.Payload{DestRegister: r, Base: b, Offset: off, Len: n}}
	}
}

func markHigh(r uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: r},
		&expr.Bitwise{SourceRegister: r, DestRegister: r, Len: 4, Mask: host32(0xffff0000), Xor: host32(0)},
	}
}

func tcpSigns(r uint32) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: r, Base: th, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: r, DestRegister: r, Len: 1, Mask: []byte{0x17}, Xor: []byte{0}},
	}
}

const (
	nh = expr.PayloadBaseNetworkHeader
	th = expr.PayloadBaseTransportHeader
)

// What must hold before addresses, ICMP types and TCP flags are read; 2 and 10
// are the families, 1, 6 and 58 the protocols.
var (
	isIPv4  = []dep{{expr.MetaKeyNFPROTO, 2}}
	isIPv6  = []dep{{expr.MetaKeyNFPROTO, 10}}
	isTCP   = []dep{{expr.MetaKeyL4PROTO, 6}}
	isICMP  = []dep{{expr.MetaKeyNFPROTO, 2}, {expr.MetaKeyL4PROTO, 1}}
	isICMP6 = []dep{{expr.MetaKeyNFPROTO, 10}, {expr.MetaKeyL4PROTO, 58}}
)

var fields = [...]fieldInfo{
	IIf:          {"iif", nftables.TypeIFIndex, meta(expr.MetaKeyIIF), nil},
	OIf:          {"oif", nftables.TypeIFIndex, meta(expr.MetaKeyOIF), nil},
	IIfGroup:     {"meta iifgroup", nftables.TypeDevGroup, meta(expr.MetaKeyIIFGROUP), nil},
	OIfGroup:     {"meta oifgroup", nftables.TypeDevGroup, meta(expr.MetaKeyOIFGROUP), nil},
	Mark:         {"meta mark", nftables.TypeMark, meta(expr.MetaKeyMARK), nil},
	CtMark:       {"ct mark", nftables.TypeMark, ct(expr.CtKeyMARK), nil},
	MarkHigh:     {"meta mark & 0xffff0000", nftables.TypeMark, markHigh, nil},
	CtState:      {"ct state", nftables.TypeCTState, ct(expr.CtKeySTATE), nil},
	L4Proto:      {"meta l4proto", nftables.TypeInetProto, meta(expr.MetaKeyL4PROTO), nil},
	Src4:         {"ip saddr", nftables.TypeIPAddr, payload(nh, 12, 4), isIPv4},
	Dst4:         {"ip daddr", nftables.TypeIPAddr, payload(nh, 16, 4), isIPv4},
	Src6:         {"ip6 saddr", nftables.TypeIP6Addr, payload(nh, 8, 16), isIPv6},
	Dst6:         {"ip6 daddr", nftables.TypeIP6Addr, payload(nh, 24, 16), isIPv6},
	SrcPort:      {"th sport", nftables.TypeInetService, payload(th, 0, 2), nil},
	DstPort:      {"th dport", nftables.TypeInetService, payload(th, 2, 2), nil},
	ICMPTypeCode: {"@th,0,16", nftables.TypeInetService, payload(th, 0, 2), nil},
	ICMPType:     {"icmp type", nftables.TypeICMPType, payload(th, 0, 1), isICMP},
	ICMP6Type:    {"icmpv6 type", nftables.TypeICMP6Type, payload(th, 0, 1), isICMP6},
	TCPFlags:     {"tcp flags", nftables.TypeTCPFlag, payload(th, 13, 1), isTCP},
	TCPSigns:     {"tcp flags & (fin | syn | rst | ack)", nftables.TypeTCPFlag, tcpSigns, isTCP},
	CtDirection:  {"ct direction", nftables.TypeCTDir, ct(expr.CtKeyDIRECTION), nil},
}

// String gives the field in nft syntax.
func (f Field) String() string { return fields[f].text }

func (f Field) size() int { return int(fields[f].typ.Bytes) }

// hostOrder says whether the kernel keeps the field in host byte order.
func (f Field) hostOrder() bool { return f <= CtState }

func joinFields(fs []Field) string {
	s := make([]string, len(fs))
	for i, f := range fs {
		s[i] = f.String()
	}
	return strings.Join(s, " . ")
}
