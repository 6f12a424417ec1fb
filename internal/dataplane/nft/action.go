package nft

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

func (l *lowering) store(f Field, r uint32) {
	switch f {
	case Mark:
		l.add(&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: r})
	case CtMark:
		l.add(&expr.Ct{Key: expr.CtKeyMARK, SourceRegister: true, Register: r})
	default:
		l.fail("%s cannot be assigned", f)
	}
}

type assign struct {
	dst Field
	s   *Set
	key []Field
}

// SetFrom assigns to a mark what the map holds for the key. Without an entry
// the rule does not match and ends there.
func SetFrom(dst Field, m *Set, key ...Field) Stmt { return assign{dst, m, key} }

func (a assign) String() string {
	return fmt.Sprintf("%s set %s map %s", a.dst, joinFields(a.key), setRef(a.s))
}

func (a assign) lower(l *lowering) {
	l.lookup(a.s, a.key, expr.Lookup{DestRegister: reg(0), IsDestRegSet: true})
	l.store(a.dst, reg(0))
}

type assignConst struct {
	dst Field
	v   Value
}

// SetTo assigns a constant to a mark.
func SetTo(dst Field, v Value) Stmt { return assignConst{dst, v} }

func (a assignConst) String() string { return fmt.Sprintf("%s set %s", a.dst, a.v) }

func (a assignConst) lower(l *lowering) {
	l.add(&expr.Immediate{Register: reg(0), Data: a.v.lo})
	l.store(a.dst, reg(0))
}

type vmap struct {
	s   *Set
	key []Field
}

// VMap does what the verdict map says for the key, if it has it.
func VMap(m *Set, key ...Field) Stmt { return vmap{m, key} }

func (v vmap) String() string { return joinFields(v.key) + " vmap " + setRef(v.s) }

func (v vmap) lower(l *lowering) {
	l.lookup(v.s, v.key, expr.Lookup{DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true})
}

// Verdict ends a rule, or is what a verdict map holds.
type Verdict struct {
	kind  expr.VerdictKind
	chain string
}

// Verdicts without a chain.
var (
	Accept = Verdict{kind: expr.VerdictAccept}
	Drop   = Verdict{kind: expr.VerdictDrop}
	Return = Verdict{kind: expr.VerdictReturn}
)

// Jump calls a chain.
func Jump(chain string) Verdict { return Verdict{expr.VerdictJump, chain} }

// Goto continues in a chain and does not come back.
func Goto(chain string) Verdict { return Verdict{expr.VerdictGoto, chain} }

var verdictNames = map[expr.VerdictKind]string{
	expr.VerdictAccept: "accept", expr.VerdictDrop: "drop", expr.VerdictReturn: "return",
	expr.VerdictJump: "jump ", expr.VerdictGoto: "goto ",
}

// String gives the verdict in nft syntax.
func (v Verdict) String() string { return verdictNames[v.kind] + v.chain }

func (v Verdict) lower(l *lowering) { l.add(&expr.Verdict{Kind: v.kind, Chain: v.chain}) }

type nat struct {
	kind   expr.NATType
	s      *Set
	key    Field
	to     netip.Addr
	lo, hi uint16
}

// SNATMap rewrites the source to what the map holds for the field; without an entry the rule does not match.
func SNATMap(m *Set, key Field) Stmt { return nat{kind: expr.NATTypeSourceNAT, s: m, key: key} }

// DNATMap rewrites the destination to what the map holds for the field.
func DNATMap(m *Set, key Field) Stmt { return nat{kind: expr.NATTypeDestNAT, s: m, key: key} }

// SNAT rewrites the source to one address and, unless hi is 0, to a port in lo to hi.
func SNAT(to netip.Addr, lo, hi uint16) Stmt {
	return nat{kind: expr.NATTypeSourceNAT, to: to, lo: lo, hi: hi}
}

// DNAT rewrites the destination to one address and, unless port is 0, to a port.
func DNAT(to netip.Addr, port uint16) Stmt {
	return nat{kind: expr.NATTypeDestNAT, to: to, lo: port, hi: port}
}

type natPorts struct {
	to netip.Addr
	s  *Set
}

// DNATPorts rewrites the destination to an IPv4 address and to the port that the map
// holds for the destination port.
func DNATPorts(to netip.Addr, m *Set) Stmt { return natPorts{to, m} }

func (n natPorts) String() string {
	return fmt.Sprintf("dnat ip to %s:%s map %s", n.to, DstPort, setRef(n.s))
}

func (n natPorts) lower(l *lowering) {
	l.need(isIPv4)
	l.lookup(n.s, []Field{DstPort}, expr.Lookup{DestRegister: reg(4), IsDestRegSet: true})
	l.add(&expr.Immediate{Register: reg(0), Data: n.to.AsSlice()},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg(0), RegProtoMin: reg(4), Specified: true})
}

func (n nat) family() (name string, num uint32, deps []dep) {
	if n.s != nil && n.key.size() == 16 || n.to.Is6() {
		return "ip6", unix.NFPROTO_IPV6, isIPv6
	}
	return "ip", unix.NFPROTO_IPV4, isIPv4
}

func (n nat) String() string {
	fam, _, _ := n.family()
	verb := "snat"
	if n.kind == expr.NATTypeDestNAT {
		verb = "dnat"
	}
	if n.s != nil {
		return fmt.Sprintf("%s %s to %s map %s", verb, fam, n.key, setRef(n.s))
	}
	to := n.to.String()
	if n.hi != 0 {
		if n.to.Is6() {
			to = "[" + to + "]"
		}
		to += ":" + Ports(n.lo, n.hi).String()
	}
	return fmt.Sprintf("%s %s to %s", verb, fam, to)
}

func (n nat) lower(l *lowering) {
	_, fam, deps := n.family()
	e := &expr.NAT{Type: n.kind, Family: fam, RegAddrMin: reg(0)}
	if n.s != nil {
		l.lookup(n.s, []Field{n.key}, expr.Lookup{DestRegister: reg(0), IsDestRegSet: true})
		l.add(e)
		return
	}
	l.need(deps)
	l.add(&expr.Immediate{Register: reg(0), Data: n.to.AsSlice()})
	if n.hi != 0 {
		p := Ports(n.lo, n.hi)
		l.add(&expr.Immediate{Register: reg(4), Data: p.lo}, &expr.Immediate{Register: reg(8), Data: p.hi})
		e.RegProtoMin, e.RegProtoMax, e.Specified = reg(4), reg(8), true
	}
	l.add(e)
}

// fixed is a statement without parameters beyond its expressions.
type fixed struct {
	text string
	deps []dep
	e    []expr.Any
}

func (f fixed) String() string    { return f.text }
func (f fixed) lower(l *lowering) { l.need(f.deps); l.add(f.e...) }

// snaplen is how much of a dropped packet is copied: an IPv6 header with ports, or an ICMP error's inner header.
const snaplen = 96

// Log copies the packet's head to an NFLOG group, with a prefix that names the rule.
func Log(prefix string, group uint16) Stmt {
	return fixed{fmt.Sprintf("log prefix %q group %d snaplen %d", prefix, group, snaplen), nil, []expr.Any{&expr.Log{
		Key:   1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_SNAPLEN,
		Group: group, Snaplen: snaplen, Data: []byte(prefix)}}}
}

// Reset refuses a TCP packet: its sender learns that there is no connection.
func Reset() Stmt {
	return fixed{"reject with tcp reset", isTCP, []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}}
}

// ClampMSS lowers the MSS option to what the route allows; put TCPSyn before it.
func ClampMSS() Stmt {
	return fixed{"tcp option maxseg size set rt mtu", isTCP, []expr.Any{
		&expr.Rt{Register: reg(0), Key: expr.RtTCPMSS},
		&expr.Byteorder{SourceRegister: reg(0), DestRegister: reg(0), Op: expr.ByteorderHton, Len: 2, Size: 2},
		&expr.Exthdr{SourceRegister: reg(0), Type: 2, Offset: 2, Len: 2, Op: expr.ExthdrOpTcpopt}}}
}
