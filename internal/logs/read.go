package logs

import (
	"container/heap"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"weir/internal/cloud"
)

// Query selects events. A zero Start or End does not bound; End is exclusive.
type Query struct {
	Start, End time.Time
	// Cursor is where to go on: a page's Before or After. Without it, a forward
	// query begins at the oldest event, a backward one at the newest.
	Cursor   string
	Backward bool
	Limit    int // events on a page
	Bytes    int // of their messages on a page; 0 is any
	// For Filter: which streams (none: all), and which messages.
	Streams []string
	Prefix  string
	Match   func(message string) bool
}

// maxExamined bounds the events that one page of Filter looks at.
const maxExamined = 200_000

// Page is a run of events, oldest first, and the cursors on both its sides.
type Page struct {
	Events        []Event
	Before, After string
	More          bool // there may be more in the direction of the query
}

// Get reads one stream.
func (l *Logs) Get(ctx context.Context, s Scope, group, name string, q Query) (Page, error) {
	k := groupKey{s, group}
	g, err := l.loaded(ctx, k)
	if err != nil {
		return Page{}, err
	}
	l.mu.RLock()
	_, known := g.streams[name]
	l.mu.RUnlock()
	if !known {
		return Page{}, noStream(group, name)
	}
	q.Streams, q.Prefix, q.Match = []string{name}, "", nil
	return l.read(ctx, g, q)
}

// Filter reads the streams of a group, merged.
func (l *Logs) Filter(ctx context.Context, s Scope, group string, q Query) (Page, error) {
	g, err := l.loaded(ctx, groupKey{s, group})
	if err != nil {
		return Page{}, err
	}
	l.mu.RLock()
	for _, name := range q.Streams {
		if g.streams[name] == nil {
			err = noStream(group, name)
		}
	}
	l.mu.RUnlock()
	if err != nil {
		return Page{}, err
	}
	return l.read(ctx, g, q)
}

// window is what a query leaves to look at.
type window struct {
	start, end int64    // ms, end exclusive
	at         position // forward: from here on; backward: before it
	backward   bool
}

func (w window) overlaps(c chunk) bool {
	if w.backward {
		return c.last >= w.start && c.first < w.end && c.first <= w.at.time
	}
	return c.last >= w.start && c.first < w.end && c.last >= w.at.time
}

func (w window) holds(p position) bool {
	return p.time >= w.start && p.time < w.end && (p.compare(w.at) < 0) == w.backward
}

func (l *Logs) read(ctx context.Context, g *group, q Query) (Page, error) {
	w, refs, err := l.prepare(g, q)
	if err != nil {
		return Page{}, err
	}
	page := Page{Before: w.at.String(), After: w.at.String()}
	if q.Cursor == "" && q.Backward { // there is no "after the newest" while nothing is found
		start := position{time: max(w.start, 0)}.String()
		page.Before, page.After = start, start
	}
	size, examined := 0, 0
	for f, err := range l.walk(ctx, refs, w) {
		if err != nil {
			return Page{}, fmt.Errorf("reading log group %q: %w", g.meta.Name, err)
		}
		match := q.Match == nil || q.Match(f.Message)
		full := match && len(page.Events) > 0 && (len(page.Events) >= q.Limit || q.Bytes > 0 && size+len(f.Message)+overhead > q.Bytes)
		if full || examined >= maxExamined {
			page.More = true
			break
		}
		examined++
		if w.backward {
			page.Before = f.at.String()
		} else {
			page.After = f.at.after().String()
		}
		if examined == 1 && w.backward {
			page.After = f.at.after().String()
		} else if examined == 1 {
			page.Before = f.at.String()
		}
		if match {
			size += len(f.Message) + overhead
			page.Events = append(page.Events, f.Event)
		}
	}
	if w.backward {
		slices.Reverse(page.Events)
	}
	return page, nil
}

// prepare picks the chunks that a query has to look at.
func (l *Logs) prepare(g *group, q Query) (window, []ref, error) {
	w := window{start: 0, end: lastPosition.time, backward: q.Backward}
	if q.Backward {
		w.at = lastPosition
	}
	if q.Cursor != "" {
		var ok bool
		if w.at, ok = parsePosition(q.Cursor); !ok {
			return w, nil, cloud.Errorf(cloud.Malformed, cloud.KindLogStream, q.Cursor, "cursor", "reading log events: %q is no position in a log", q.Cursor)
		}
	}
	if !q.Start.IsZero() {
		w.start = q.Start.UnixMilli()
	}
	if !q.End.IsZero() {
		w.end = q.End.UnixMilli()
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if g.meta.Retention > 0 {
		w.start = max(w.start, time.Now().Add(-g.meta.Retention).UnixMilli())
	}
	var refs []ref
	for name, s := range g.streams {
		if len(q.Streams) > 0 && !slices.Contains(q.Streams, name) || !strings.HasPrefix(name, q.Prefix) {
			continue
		}
		for _, c := range s.chunks {
			if w.overlaps(c) {
				refs = append(refs, ref{name, c})
			}
		}
	}
	return w, refs, nil
}

// ref is a chunk of a stream.
type ref struct {
	stream string
	chunk
}

// found is an event and its place.
type found struct {
	Event
	at position
}

// walk yields the events of refs in order, loading a chunk only when its turn comes.
func (l *Logs) walk(ctx context.Context, refs []ref, w window) iter.Seq2[found, error] {
	edge := func(r ref) int64 { return r.first } // where the walk enters a chunk
	if w.backward {
		edge = func(r ref) int64 { return -r.last }
	}
	slices.SortFunc(refs, func(a, b ref) int {
		if c := edge(a) - edge(b); c != 0 {
			return int(max(-1, min(1, c)))
		}
		return 0
	})
	return func(yield func(found, error) bool) {
		q := &queue{backward: w.backward}
		for next := 0; next < len(refs) || q.Len() > 0; {
			if next < len(refs) && (q.Len() == 0 || edge(refs[next]) <= q.edge()) {
				if err := l.load(ctx, refs[next], w, q); err != nil {
					yield(found{}, err)
					return
				}
				next++
				continue
			}
			if !yield(heap.Pop(q).(found), nil) {
				return
			}
		}
	}
}

// load puts those events of a chunk that lie in the window into q.
func (l *Logs) load(ctx context.Context, r ref, w window, q *queue) error {
	body, err := l.store.load(ctx, r.seq)
	if err != nil || body == nil {
		return err
	}
	var rs []record
	if err := json.Unmarshal(body, &rs); err != nil {
		return fmt.Errorf("chunk %d: %w", r.seq, err)
	}
	for i, rec := range rs {
		at := position{rec.Time, r.seq, int64(i)}
		if w.holds(at) {
			heap.Push(q, found{Event{ID: at.String(), Stream: r.stream, Time: time.UnixMilli(rec.Time),
				Ingested: time.UnixMilli(r.ingested), Message: rec.Message, Fields: rec.Fields}, at})
		}
	}
	return nil
}

// queue is a heap of events in the order of the walk.
type queue struct {
	backward bool
	events   []found
}

// edge is the time of the first event, signed as in walk.
func (q *queue) edge() int64 {
	if q.backward {
		return -q.events[0].at.time
	}
	return q.events[0].at.time
}

func (q *queue) Len() int { return len(q.events) }
func (q *queue) Less(i, j int) bool {
	c := q.events[i].at.compare(q.events[j].at)
	return c < 0 && !q.backward || c > 0 && q.backward
}
func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
func (q *queue) Push(x any)    { q.events = append(q.events, x.(found)) }
func (q *queue) Pop() any {
	last := q.events[len(q.events)-1]
	q.events = q.events[:len(q.events)-1]
	return last
}
