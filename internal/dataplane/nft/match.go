package nft

import (
	"bytes"
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Stmt is one match or statement of a rule; this package has all implementations.
type Stmt interface {
	fmt.Stringer
	lower(*lowering)
}

// lowering collects one rule's expressions. It remembers which protocol checks
// the rule has already made, so that each is made once.
type lowering struct {
	out  []expr.Any
	have map[expr.MetaKey]byte
	anon func(*Set) (name string, id uint32)
	err  error
}

func (l *lowering) add(e ...expr.Any) { l.out = append(l.out, e...) }

func (l *lowering) fail(format string, a ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, a...)
	}
}

// reg names the i-th 32-bit register as the kernel reports it back: on a
// 16-byte boundary NFT_REG_1 to 4, elsewhere NFT_REG32_xx.
func reg(i int) uint32 {
	if i%4 == 0 {
		return unix.NFT_REG_1 + uint32(i/4)
	}
	return unix.NFT_REG32_00 + uint32(i)
}

func words(n int) int { return (n + 3) / 4 }

func (l *lowering) need(deps []dep) {
	for _, d := range deps {
		v, ok := l.have[d.key]
		if !ok {
			l.have[d.key] = d.val
			l.add(&expr.Meta{Key: d.key, Register: reg(0)}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg(0), Data: []byte{d.val}})
		} else if v != d.val {
			l.fail("rule needs meta key %d to be both %d and %d", d.key, v, d.val)
		}
	}
}

// load puts fields side by side into registers, each padded to four bytes.
// Ranges in sets are compared as big-endian bytes, so there (swap) host-order
// fields are turned.
func (l *lowering) load(swap bool, fs ...Field) uint32 {
	for _, f := range fs {
		l.need(fields[f].deps)
	}
	n := 0
	for _, f := range fs {
		l.add(fields[f].load(reg(n))...)
		if swap && f.hostOrder() {
			l.add(&expr.Byteorder{SourceRegister: reg(n), DestRegister: reg(n), Op: expr.ByteorderHton, Len: 4, Size: 4})
		}
		n += words(f.size())
	}
	if n > 16 {
		l.fail("key %s needs %d of 16 registers", joinFields(fs), n)
	}
	return reg(0)
}

func (l *lowering) lookup(s *Set, fs []Field, e expr.Lookup) {
	if len(fs) != len(s.Key) {
		l.fail("set %s has %d key fields, the rule gives %d", s.Name, len(s.Key), len(fs))
		return
	}
	for i, f := range fs {
		if fields[f].typ != fields[s.Key[i]].typ {
			l.fail("set %s: key part %d is %s, the rule gives %s", s.Name, i, s.Key[i], f)
		}
	}
	e.SourceRegister = l.load(s.Interval, fs...)
	e.SetName = s.Name
	if s.Name == "" {
		e.SetName, e.SetID = l.anon(s)
	}
	l.add(&e)
}

// setRef is "@name", or the elements of an anonymous set in braces.
func setRef(s *Set) string {
	if s.Name == "" {
		return "{ " + s.elemText(", ") + " }"
	}
	return "@" + s.Name
}

type match struct {
	f   Field
	not bool
	v   Value
}

// Eq matches a field that has the value or lies in its range.
func Eq(f Field, v Value) Stmt { return match{f, false, v} }

// Ne matches a field that has not.
func Ne(f Field, v Value) Stmt { return match{f, true, v} }

func (m match) String() string {
	if m.not {
		return fmt.Sprintf("%s != %s", m.f, m.v)
	}
	return fmt.Sprintf("%s %s", m.f, m.v)
}

func (m match) lower(l *lowering) {
	if len(m.v.lo) != m.f.size() {
		l.fail("%s: value %s has %d bytes, want %d", m.f, m.v, len(m.v.lo), m.f.size())
		return
	}
	swap := m.f.hostOrder() && !bytes.Equal(m.v.lo, m.v.hi)
	if swap {
		l.fail("%s: no ranges of host-order fields", m.f)
	}
	r := l.load(false, m.f)
	op := expr.CmpOpEq
	if m.not {
		op = expr.CmpOpNeq
	}
	if mask := m.v.mask(); mask != nil { // cheaper than a range
		l.add(&expr.Bitwise{SourceRegister: r, DestRegister: r, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask))},
			&expr.Cmp{Op: op, Register: r, Data: m.v.lo})
		return
	}
	if !bytes.Equal(m.v.lo, m.v.hi) {
		l.add(&expr.Range{Op: op, Register: r, FromData: m.v.lo, ToData: m.v.hi})
		return
	}
	l.add(&expr.Cmp{Op: op, Register: r, Data: m.v.lo})
	if m.f == L4Proto && !m.not {
		l.have[expr.MetaKeyL4PROTO] = m.v.lo[0]
	}
}

// IsIPv4 matches packets of that family.
func IsIPv4() Stmt { return family{"ipv4", isIPv4} }

// IsIPv6 matches packets of that family.
func IsIPv6() Stmt { return family{"ipv6", isIPv6} }

type family struct {
	name string
	deps []dep
}

func (f family) String() string    { return "meta nfproto " + f.name }
func (f family) lower(l *lowering) { l.need(f.deps) }

type member struct {
	s   *Set
	not bool
	key []Field
}

// In matches packets whose fields, concatenated, are in the set.
func In(s *Set, key ...Field) Stmt { return member{s, false, key} }

// NotIn matches packets whose fields are not in the set.
func NotIn(s *Set, key ...Field) Stmt { return member{s, true, key} }

func (m member) String() string {
	if m.not {
		return joinFields(m.key) + " != " + setRef(m.s)
	}
	return joinFields(m.key) + " " + setRef(m.s)
}

func (m member) lower(l *lowering) { l.lookup(m.s, m.key, expr.Lookup{Invert: m.not}) }

type bits struct {
	f         Field
	mask, val uint32
	nonzero   bool
	text      string
}

// TCPSyn matches the first packet of a connection.
func TCPSyn() Stmt { return bits{TCPFlags, 0x06, 0x02, false, "tcp flags syn / syn,rst"} }

// TCPReset matches the end of a connection that is no more.
func TCPReset() Stmt { return bits{TCPFlags, 0x04, 0x04, false, "tcp flags rst / rst"} }

// StateIn matches a conntrack state that is one of the given ones.
func StateIn(s State) Stmt { return bits{CtState, uint32(s), 0, true, "ct state " + s.String()} }

func (b bits) String() string { return b.text }

func (b bits) lower(l *lowering) {
	r, n, op := l.load(false, b.f), b.f.size(), expr.CmpOpEq
	if b.nonzero {
		op = expr.CmpOpNeq
	}
	enc := func(v uint32) []byte { return host32(v)[:n] }
	l.add(&expr.Bitwise{SourceRegister: r, DestRegister: r, Len: uint32(n), Mask: enc(b.mask), Xor: enc(0)},
		&expr.Cmp{Op: op, Register: r, Data: enc(b.val)})
}

type countOver struct {
	s     *Set
	key   Field
	limit uint32
}

// CountOver matches when more than limit tracked connections have the key,
// which the set (Counts) keeps. It is for new connections: put StateIn(New) before it.
func CountOver(s *Set, key Field, limit uint32) Stmt { return countOver{s, key, limit} }

func (c countOver) String() string {
	return fmt.Sprintf("add @%s { %s ct count over %d }", c.s.Name, c.key, c.limit)
}

func (c countOver) lower(l *lowering) {
	r := l.load(false, c.key)
	l.add(&expr.Dynset{SrcRegKey: r, SetName: c.s.Name, Operation: unix.NFT_DYNSET_OP_ADD, Exprs: []expr.Any{&expr.Connlimit{Count: c.limit, Flags: expr.NFT_CONNLIMIT_F_INV}}})
}
