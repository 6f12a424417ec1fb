package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// message is one netlink message of a batch; what names it in errors.
type message struct {
	kind, flags uint16
	what        string
	body        attrs
}

// attrs is a list of netlink attributes in wire form.
type attrs []byte

func (a *attrs) put(typ uint16, data []byte) {
	n := 4 + len(data)
	*a = binary.NativeEndian.AppendUint16(*a, uint16(n))
	*a = binary.NativeEndian.AppendUint16(*a, typ)
	*a = append(*a, data...)
	for ; n%4 != 0; n++ {
		*a = append(*a, 0)
	}
}

func (a *attrs) str(typ uint16, s string) { a.put(typ, append([]byte(s), 0)) }
func (a *attrs) u32(typ uint16, v uint32) { a.put(typ, binary.BigEndian.AppendUint32(nil, v)) }

// nest writes a nested attribute; its length is known when fill returns.
func (a *attrs) nest(typ uint16, fill func(*attrs)) {
	start := len(*a)
	*a = append(*a, 0, 0, 0, 0)
	fill(a)
	binary.NativeEndian.PutUint16((*a)[start:], uint16(len(*a)-start))
	binary.NativeEndian.PutUint16((*a)[start+2:], typ|unix.NLA_F_NESTED)
}

// encoder turns operations on one table into messages.
type encoder struct {
	table string
	msgs  []message
	sets  uint32 // numbers sets within the batch, since anonymous ones have no name yet
	err   error
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// emit appends a message whose first attribute is the table's name (the same number in every kind of message).
func (e *encoder) emit(kind, flags uint16, what string, fill func(*attrs)) {
	m := message{kind: kind, flags: flags, what: what}
	m.body.str(unix.NFTA_TABLE_NAME, e.table)
	if fill != nil {
		fill(&m.body)
	}
	e.msgs = append(e.msgs, m)
}

const create = unix.NLM_F_CREATE

func (e *encoder) addTable() {
	e.emit(unix.NFT_MSG_NEWTABLE, create, "add table "+e.table, nil)
}

func (e *encoder) delTable() { e.emit(unix.NFT_MSG_DELTABLE, 0, "delete table "+e.table, nil) }

func (e *encoder) addChain(c *Chain) {
	e.emit(unix.NFT_MSG_NEWCHAIN, create, "add chain "+c.Name, func(a *attrs) {
		a.str(unix.NFTA_CHAIN_NAME, c.Name)
		h := c.Hook
		if h == nil {
			return
		}
		a.nest(unix.NFTA_CHAIN_HOOK, func(a *attrs) {
			a.u32(unix.NFTA_HOOK_HOOKNUM, uint32(h.Point))
			a.u32(unix.NFTA_HOOK_PRIORITY, uint32(h.Priority))
		})
		policy := uint32(1) // NF_ACCEPT
		if h.Drop {
			policy = 0
		}
		a.u32(unix.NFTA_CHAIN_POLICY, policy)
		a.str(unix.NFTA_CHAIN_TYPE, h.kind())
	})
}

func (e *encoder) flushChain(name string) {
	e.emit(unix.NFT_MSG_DELRULE, 0, "flush chain "+name, func(a *attrs) { a.str(unix.NFTA_RULE_CHAIN, name) })
}

func (e *encoder) delChain(name string) {
	e.emit(unix.NFT_MSG_DELCHAIN, 0, "delete chain "+name, func(a *attrs) { a.str(unix.NFTA_CHAIN_NAME, name) })
}

// typeConcatBits is how many bits each part of a concatenated type takes in its number.
const typeConcatBits = 6

func (s *Set) keyType() (magic, size uint32) {
	for _, f := range s.Key {
		magic = magic<<typeConcatBits | fields[f].typ.GetNFTMagic()
		if len(s.Key) == 1 {
			return magic, uint32(f.size())
		}
		size += uint32(4 * words(f.size()))
	}
	return magic, size
}

func (s *Set) flags() (f uint32) {
	if s.Name == "" {
		f |= unix.NFT_SET_ANONYMOUS | unix.NFT_SET_CONSTANT
	}
	if s.Interval {
		f |= unix.NFT_SET_INTERVAL
	}
	if s.Map || s.Verdicts {
		f |= unix.NFT_SET_MAP
	}
	if len(s.Key) > 1 {
		f |= nftSetConcat
	}
	if s.Counts || s.Size > 0 {
		f |= unix.NFT_SET_EVAL
	}
	if s.Timeout > 0 {
		f |= unix.NFT_SET_TIMEOUT
	}
	return f
}

// maxCounts is how many elements a set of counters may get.
const maxCounts = 65535

// Numbers the x/sys/unix package lacks.
const (
	nftSetConcat    = 0x80
	nftaSetDescCat  = 2
	nftaElemKeyEnd  = 10
	typeVerdictData = 0xffffff00
)

// addSet declares the set and adds its elements.
func (e *encoder) addSet(s *Set) (name string, id uint32) {
	e.sets++
	id, name = e.sets, s.Name
	if name == "" {
		name = "__set%d"
		if s.Map || s.Verdicts {
			name = "__map%d"
		}
	}
	e.emit(unix.NFT_MSG_NEWSET, create, "add set "+name, func(a *attrs) {
		magic, size := s.keyType()
		a.str(unix.NFTA_SET_NAME, name)
		a.u32(unix.NFTA_SET_FLAGS, s.flags())
		a.u32(unix.NFTA_SET_KEY_TYPE, magic)
		a.u32(unix.NFTA_SET_KEY_LEN, size)
		a.u32(unix.NFTA_SET_ID, id)
		switch {
		case s.Verdicts:
			a.u32(unix.NFTA_SET_DATA_TYPE, typeVerdictData)
			a.u32(unix.NFTA_SET_DATA_LEN, 0)
		case s.Map:
			a.u32(unix.NFTA_SET_DATA_TYPE, fields[s.Data].typ.GetNFTMagic())
			a.u32(unix.NFTA_SET_DATA_LEN, uint32(s.Data.size()))
		}
		if s.Timeout > 0 {
			a.put(unix.NFTA_SET_TIMEOUT, binary.BigEndian.AppendUint64(nil, uint64(s.Timeout.Milliseconds())))
		}
		s.describe(a)
	})
	e.elements(s, name, id, true, s.Elems)
	return name, id
}

// describe adds the lengths of a concatenation's parts, which the kernel needs,
// and the byte orders of key and data, which programs that list or edit the set need.
func (s *Set) describe(a *attrs) {
	size := s.Size
	if s.Counts {
		size = maxCounts
	}
	size = max(size, s.Max)
	if len(s.Key) > 1 || size > 0 {
		a.nest(unix.NFTA_SET_DESC, func(a *attrs) {
			if size > 0 {
				a.u32(unix.NFTA_SET_DESC_SIZE, uint32(size))
			}
			if len(s.Key) > 1 {
				a.nest(nftaSetDescCat, func(a *attrs) {
					for _, f := range s.Key {
						a.nest(unix.NFTA_LIST_ELEM, func(a *attrs) { a.u32(1, uint32(f.size())) })
					}
				})
			}
		})
	}
	const host, network = 1, 2
	var ud []byte
	switch {
	case s.Name == "" || s.Interval:
		ud = userdata.AppendUint32(ud, userdata.NFTNL_UDATA_SET_KEYBYTEORDER, network)
	case len(s.Key) == 1 && s.Key[0].hostOrder():
		ud = userdata.AppendUint32(ud, userdata.NFTNL_UDATA_SET_KEYBYTEORDER, host)
	}
	if s.Map && s.Data.hostOrder() {
		ud = userdata.AppendUint32(ud, userdata.NFTNL_UDATA_SET_DATABYTEORDER, host)
	}
	if len(ud) > 0 {
		a.put(unix.NFTA_SET_USERDATA, ud)
	}
}

func (e *encoder) delSet(name string) {
	e.emit(unix.NFT_MSG_DELSET, 0, "delete set "+name, func(a *attrs) { a.str(unix.NFTA_SET_NAME, name) })
}

// chunk bounds the elements of one message: an attribute's length is 16 bits.
const chunk = 400

func (e *encoder) elements(s *Set, name string, id uint32, add bool, elems []Elem) {
	kind, flags, verb := uint16(unix.NFT_MSG_NEWSETELEM), uint16(create), "add elements to "
	if !add {
		kind, flags, verb = unix.NFT_MSG_DELSETELEM, 0, "delete elements of "
	}
	for part := range slices.Chunk(elems, chunk) {
		e.emit(kind, flags, verb+name, func(a *attrs) {
			a.str(unix.NFTA_SET_ELEM_LIST_SET, name)
			a.u32(unix.NFTA_SET_ELEM_LIST_SET_ID, id)
			a.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(a *attrs) {
				for _, el := range part {
					raws, err := s.raw(el)
					if err != nil {
						e.fail(err)
						return
					}
					for _, r := range raws {
						a.nest(unix.NFTA_LIST_ELEM, func(a *attrs) { r.put(a, s, add) })
					}
				}
			})
		})
	}
}

// rawElem is an element as the kernel has it.
type rawElem struct {
	key, keyEnd []byte
	end         bool // closes the interval before it
	data        []byte
	verdict     *Verdict
}

func (r *rawElem) put(a *attrs, s *Set, withData bool) {
	value := func(typ uint16, b []byte) {
		a.nest(typ, func(a *attrs) { a.put(unix.NFTA_DATA_VALUE, b) })
	}
	if r.end {
		a.u32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
	}
	value(unix.NFTA_SET_ELEM_KEY, r.key)
	if r.keyEnd != nil {
		value(nftaElemKeyEnd, r.keyEnd)
	}
	switch {
	case !withData || r.end:
	case s.Verdicts:
		a.nest(unix.NFTA_SET_ELEM_DATA, func(a *attrs) {
			a.nest(unix.NFTA_DATA_VERDICT, func(a *attrs) {
				a.u32(unix.NFTA_VERDICT_CODE, uint32(r.verdict.kind))
				if r.verdict.chain != "" {
					a.str(unix.NFTA_VERDICT_CHAIN, r.verdict.chain)
				}
			})
		})
	case s.Map:
		value(unix.NFTA_SET_ELEM_DATA, r.data)
	}
}

// raw gives an element's wire form. A concatenation of intervals wants the end
// of every key, single values included; a plain interval is a start and,
// flagged, the first value past the end.
func (s *Set) raw(e Elem) ([]rawElem, error) {
	if len(e.Key) != len(s.Key) {
		return nil, fmt.Errorf("set %s: element %s has %d key parts, want %d", s.Name, e.text(s), len(e.Key), len(s.Key))
	}
	r := rawElem{data: e.Data.lo, verdict: &e.Verdict}
	var hi []byte
	for i, v := range e.Key {
		if len(v.lo) != s.Key[i].size() {
			return nil, fmt.Errorf("set %s: part %s of %s has %d bytes, want %d", s.Name, v, e.text(s), len(v.lo), s.Key[i].size())
		}
		if !s.Interval && !bytes.Equal(v.lo, v.hi) {
			return nil, fmt.Errorf("set %s: range %s in a set without intervals", s.Name, v)
		}
		lo, end := v.lo, v.hi
		if s.Interval && s.Key[i].hostOrder() {
			lo, end = reversed(lo), reversed(end)
		}
		r.key, hi = append(r.key, lo...), append(hi, end...)
		if len(s.Key) > 1 {
			pad := make([]byte, 4*words(len(lo))-len(lo))
			r.key, hi = append(r.key, pad...), append(hi, pad...)
		}
	}
	switch {
	case !s.Interval:
	case len(s.Key) > 1:
		r.keyEnd = hi
	default:
		if end, ok := next(hi); ok {
			return []rawElem{r, {key: end, end: true}}, nil
		}
	}
	return []rawElem{r}, nil
}

func reversed(b []byte) []byte {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return b
}

// next is the value after b; the last value has none.
func next(b []byte) (n []byte, ok bool) {
	n = bytes.Clone(b)
	for i := len(n) - 1; i >= 0; i-- {
		n[i]++
		if n[i] != 0 {
			return n, true
		}
	}
	return n, false
}

func (e *encoder) addRules(c *Chain) {
	for _, r := range c.Rules {
		l := &lowering{have: map[expr.MetaKey]byte{}, anon: e.addSet}
		for _, s := range r.Stmts {
			s.lower(l)
		}
		if l.err != nil {
			e.fail(fmt.Errorf("chain %s, rule %q: %w", c.Name, r.body(), l.err))
			return
		}
		e.emit(unix.NFT_MSG_NEWRULE, create|unix.NLM_F_APPEND, "add rule to "+c.Name+": "+r.body(), func(a *attrs) {
			a.str(unix.NFTA_RULE_CHAIN, c.Name)
			a.nest(unix.NFTA_RULE_EXPRESSIONS, func(a *attrs) {
				for _, x := range l.out {
					b, err := expr.Marshal(unix.NFPROTO_INET, x)
					if err != nil {
						e.fail(fmt.Errorf("chain %s, rule %q: encode %T: %w", c.Name, r.body(), x, err))
						return
					}
					a.put(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, b)
				}
			})
			a.put(unix.NFTA_RULE_USERDATA, userdata.AppendString(nil, userdata.TypeComment, r.tag()))
		})
	}
}
