package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A chunk holds events of one stream, ordered by time. Its head says what is
// inside, so that an index can be built without reading the events.
type chunk struct {
	seq         uint64
	first, last int64 // times of its events, ms
	ingested    int64
	count       int32
	bytes       int32
}

const (
	chunkBytes  = 256 << 10
	chunkEvents = 4096
)

// record is an event within a chunk.
type record struct {
	Time    int64             `json:"t"`
	Message string            `json:"m"`
	Fields  map[string]string `json:"f,omitempty"`
}

func (c chunk) head() string {
	return fmt.Sprintf("%d %d %d %d %d", c.first, c.last, c.ingested, c.count, c.bytes)
}

func parseHead(seq uint64, head string) (chunk, error) {
	c := chunk{seq: seq}
	if _, err := fmt.Sscanf(head, "%d %d %d %d %d", &c.first, &c.last, &c.ingested, &c.count, &c.bytes); err != nil {
		return c, fmt.Errorf("chunk %d has head %q: %w", seq, head, err)
	}
	return c, nil
}

// split cuts records into runs that fit a chunk each.
func split(rs []record) [][]record {
	var out [][]record
	for len(rs) > 0 {
		n, size := 0, 0
		for n < len(rs) && n < chunkEvents && (n == 0 || size+len(rs[n].Message) <= chunkBytes) {
			size += len(rs[n].Message)
			n++
		}
		out = append(out, rs[:n])
		rs = rs[n:]
	}
	return out
}

// Put stores events in a stream.
func (l *Logs) Put(ctx context.Context, s Scope, group, name string, events []Event) error {
	rs := make([]record, len(events))
	for i, e := range events {
		rs[i] = record{e.Time.UnixMilli(), e.Message, e.Fields}
	}
	l.write.Lock()
	defer l.write.Unlock()
	return l.put(ctx, address{groupKey{s, group}, name}, rs)
}

// put stores records; write must be held.
func (l *Logs) put(ctx context.Context, a address, rs []record) error {
	l.mu.RLock()
	g, err := l.find(a.group)
	var st *stream
	if err == nil {
		if st = g.streams[a.stream]; st == nil {
			err = noStream(a.group.name, a.stream)
		}
	}
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	slices.SortStableFunc(rs, func(a, b record) int { return int(a.Time - b.Time) })
	for _, part := range split(rs) {
		c, err := l.storeChunk(ctx, a, part)
		if err != nil {
			return fmt.Errorf("storing events in log stream %q of log group %q: %w", a.stream, a.group.name, err)
		}
		if g.loaded {
			l.mu.Lock()
			st.chunks = append(st.chunks, c)
			l.mu.Unlock()
		}
	}
	if time.Since(g.swept) > sweepEvery {
		return l.sweep(ctx, a.group, g)
	}
	return nil
}

// storeChunk stores one chunk.
func (l *Logs) storeChunk(ctx context.Context, a address, rs []record) (chunk, error) {
	c := chunk{first: rs[0].Time, last: rs[len(rs)-1].Time, ingested: now().UnixMilli(), count: int32(len(rs))}
	for _, r := range rs {
		c.bytes += int32(len(r.Message) + overhead)
	}
	body, err := json.Marshal(rs)
	if err != nil {
		return c, err
	}
	c.seq, err = l.store.append(ctx, a, c.head(), body)
	return c, err
}

// loaded returns the group with its chunks known.
func (l *Logs) loaded(ctx context.Context, k groupKey) (*group, error) {
	l.mu.RLock()
	g, err := l.find(k)
	ready := err == nil && g.loaded
	l.mu.RUnlock()
	if err != nil || ready {
		return g, err
	}
	l.write.Lock()
	defer l.write.Unlock()
	return g, l.index(ctx, k, g)
}

// index reads which chunks a group has; write must be held.
func (l *Logs) index(ctx context.Context, k groupKey, g *group) error {
	if g.loaded {
		return nil
	}
	found := map[string][]chunk{}
	err := l.store.scan(ctx, k, func(stream string, seq uint64, head string) error {
		c, err := parseHead(seq, head)
		found[stream] = append(found[stream], c)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading log group %q: %w", k.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, cs := range found {
		if s := g.streams[name]; s != nil {
			s.chunks = cs
		}
	}
	g.loaded = true
	return nil
}

// sweepEvery is how often a group's expired events are removed from disk; reads
// hide them at once.
const sweepEvery = time.Hour

// Sweep removes what is older than its group's retention.
func (l *Logs) Sweep(ctx context.Context) error {
	l.mu.RLock()
	all := map[groupKey]*group{}
	for k, g := range l.groups {
		if g.meta.Retention > 0 {
			all[k] = g
		}
	}
	l.mu.RUnlock()
	for k, g := range all {
		l.write.Lock()
		err := l.sweep(ctx, k, g)
		l.write.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// sweep removes a group's expired chunks; write must be held.
func (l *Logs) sweep(ctx context.Context, k groupKey, g *group) error {
	g.swept = time.Now()
	if g.meta.Retention == 0 {
		return nil
	}
	if err := l.index(ctx, k, g); err != nil {
		return err
	}
	limit := time.Now().Add(-g.meta.Retention).UnixMilli()
	for name, s := range g.streams {
		n := 0
		for n < len(s.chunks) && s.chunks[n].last < limit {
			n++
		}
		if n == 0 {
			continue
		}
		if err := l.store.purge(ctx, address{k, name}, s.chunks[n-1].seq); err != nil {
			return fmt.Errorf("removing expired events of log group %q: %w", k.name, err)
		}
		l.mu.Lock()
		s.chunks = s.chunks[n:]
		l.mu.Unlock()
	}
	return nil
}
