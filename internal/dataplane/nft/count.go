package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Count is what an element of a counting set (Set.Size) counted.
type Count struct {
	Key            [][]byte // the parts, in the order of the set's key, as the kernel has them
	Packets, Bytes uint64
	Idle           time.Duration // since the last packet; known for sets with a Timeout
}

type countIn struct {
	s   *Set
	key []Field
}

// CountIn counts the packet at its key's element, which it adds to the set. A
// set that is full has the rule end there.
func CountIn(s *Set, key ...Field) Stmt { return countIn{s, key} }

func (c countIn) String() string {
	return fmt.Sprintf("update @%s { %s counter }", c.s.Name, joinFields(c.key))
}

func (c countIn) lower(l *lowering) {
	r := l.load(false, c.key...)
	l.add(&expr.Dynset{SrcRegKey: r, SetName: c.s.Name, Operation: unix.NFT_DYNSET_OP_UPDATE, Exprs: []expr.Any{&expr.Counter{}}})
}

// msgGetSetElemReset is a number that the x/sys/unix package lacks.
const msgGetSetElemReset = 33

// Counts reads a counting set. With reset, counting starts over: no packet is
// counted in two answers or in none. Kernels before 6.5 cannot do that and
// refuse with ErrNoReset.
func (c *Conn) Counts(table string, s *Set, reset bool) ([]Count, error) {
	kind := uint16(unix.NFT_MSG_GETSETELEM)
	if reset {
		kind = msgGetSetElemReset
	}
	var filter attrs
	filter.str(unix.NFTA_TABLE_NAME, table)
	filter.str(unix.NFTA_SET_ELEM_LIST_SET, s.Name)
	var out []Count
	err := c.dump(kind, filter, func(a map[uint16][]byte) {
		each(a[unix.NFTA_SET_ELEM_LIST_ELEMENTS], func(_ uint16, b []byte) {
			if n, ok := s.count(parse(b)); ok {
				out = append(out, n)
			}
		})
	})
	switch {
	case errors.Is(err, errChanged): // what was read is read, and counts no more
		err = nil
	case reset && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)):
		return nil, ErrNoReset
	}
	if err != nil {
		return nil, fmt.Errorf("read set %s: %w", s.Name, err)
	}
	return out, nil
}

// ErrNoReset is what Counts answers where the kernel cannot read and reset at once.
var ErrNoReset = errors.New("the kernel (before 6.5) cannot read counters and start them over at once")

// count reads one element.
func (s *Set) count(e map[uint16][]byte) (n Count, ok bool) {
	key := parse(e[unix.NFTA_SET_ELEM_KEY])[unix.NFTA_DATA_VALUE]
	for _, f := range s.Key {
		size := f.size()
		if len(key) < size {
			return n, false
		}
		n.Key = append(n.Key, slices.Clone(key[:size]))
		key = key[min(4*words(size), len(key)):]
	}
	x := parse(e[unix.NFTA_SET_ELEM_EXPR])
	if text(x[unix.NFTA_EXPR_NAME]) != "counter" {
		return n, false
	}
	data := parse(x[unix.NFTA_EXPR_DATA])
	n.Packets, n.Bytes = be64(data[unix.NFTA_COUNTER_PACKETS]), be64(data[unix.NFTA_COUNTER_BYTES])
	left := time.Duration(be64(e[unix.NFTA_SET_ELEM_EXPIRATION])) * time.Millisecond
	if s.Timeout > 0 && left > 0 {
		n.Idle = max(0, s.Timeout-left)
	}
	return n, true
}

func be64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
