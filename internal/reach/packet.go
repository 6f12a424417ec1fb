package reach

import (
	"fmt"
	"net/netip"
)

// IP protocol numbers.
const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	icmpv6 = 58
)

// span is a range of ports, ends included.
type span struct{ lo, hi int }

// The ports that senders choose: the sandboxes' system, and a NAT gateway.
var (
	ephemeral = span{32768, 60999}
	natPorts  = span{1024, 65535}
)

// packet is one packet, or several that differ in a port the sender chooses.
type packet struct {
	proto        int
	src, dst     netip.Addr
	sport, dport span
	typ, code    int // ICMP
}

// request is the first packet of a flow.
func request(q Query) packet {
	p := packet{proto: q.Protocol, src: q.Source.Unmap(), dst: q.To.Unmap(), dport: span{q.Port, q.Port}}
	p.sport = span{q.SourcePort, q.SourcePort}
	if q.SourcePort == 0 {
		p.sport = ephemeral
	}
	switch {
	case p.proto == 0:
		p.proto = tcp
	case (p.proto == icmp || p.proto == icmpv6) && p.dst.Is4():
		p.proto, p.typ = icmp, 8
	case p.proto == icmp || p.proto == icmpv6:
		p.proto, p.typ = icmpv6, 128
	}
	return p
}

// answer is the packet that comes back.
func (p packet) answer() packet {
	p.src, p.dst = p.dst, p.src
	p.sport, p.dport = p.dport, p.sport
	switch {
	case p.proto == icmp && p.typ == 8:
		p.typ = 0
	case p.proto == icmpv6 && p.typ == 128:
		p.typ = 129
	}
	return p
}

// opening is the reverse of answer: the packet that p may answer.
func (p packet) opening() packet {
	p = p.answer()
	switch {
	case p.proto == icmp && p.typ == 0:
		p.typ = 8
	case p.proto == icmpv6 && p.typ == 129:
		p.typ = 128
	}
	return p
}

func (p packet) ported() bool { return p.proto == tcp || p.proto == udp }
func (p packet) pings() bool  { return p.proto == icmp || p.proto == icmpv6 }

// what names the kind of traffic: "TCP port 443".
func (p packet) what() string {
	switch p.proto {
	case tcp:
		return "TCP " + p.dport.String()
	case udp:
		return "UDP " + p.dport.String()
	case icmp:
		return fmt.Sprintf("ICMP type %d", p.typ)
	case icmpv6:
		return fmt.Sprintf("ICMPv6 type %d", p.typ)
	}
	return fmt.Sprintf("IP protocol %d", p.proto)
}

func (s span) String() string {
	if s.lo == s.hi {
		return fmt.Sprintf("port %d", s.lo)
	}
	return fmt.Sprintf("ports %d-%d", s.lo, s.hi)
}
