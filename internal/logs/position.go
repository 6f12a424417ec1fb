package logs

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
)

// position orders events: by time, then by chunk, then within it.
type position struct {
	time  int64
	seq   uint64
	index int64
}

var lastPosition = position{math.MaxInt64, math.MaxUint64, math.MaxInt32}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.time, q.time), cmp.Compare(p.seq, q.seq), cmp.Compare(p.index, q.index))
}

func (p position) after() position { p.index++; return p }

// String writes 56 digits that sort as positions do.
func (p position) String() string { return fmt.Sprintf("%019d%020d%017d", p.time, p.seq, p.index) }

// parsePosition reverses String.
func parsePosition(s string) (p position, ok bool) {
	if len(s) != 56 {
		return p, false
	}
	var e1, e2, e3 error
	p.time, e1 = strconv.ParseInt(s[:19], 10, 64)
	p.seq, e2 = strconv.ParseUint(s[19:39], 10, 64)
	p.index, e3 = strconv.ParseInt(s[39:], 10, 64)
	return p, e1 == nil && e2 == nil && e3 == nil && p.time >= 0 && p.index >= 0
}
