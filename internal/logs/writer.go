package logs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"weir/internal/cloud"
)

const (
	// linger is how long the writer waits for more lines before it stores them.
	linger = 10 * time.Millisecond
	// bufferBytes is what may wait; beyond it Append waits for the disk.
	bufferBytes = 32 << 20
)

// writer stores lines behind the caller's back. Its goroutine runs only while
// lines wait.
type writer struct {
	put func(ctx context.Context, a address, rs []record) error

	mu       sync.Mutex // guards what follows
	lines    []line
	bytes    int
	appended uint64
	stored   uint64
	running  bool
	progress chan struct{} // closed, and replaced, when stored grows
	hurry    chan struct{} // holds a token when someone waits in Flush
	err      error         // why lines were lost, until a Flush tells
}

type line struct {
	to address
	record
}

// Append adds a line to a stream, which it makes, with its group, if there is
// none. It returns before the line is stored; lines keep their order.
func (l *Logs) Append(s Scope, group, stream string, t time.Time, text string) {
	l.AppendEvent(s, group, stream, Event{Time: t, Message: text})
}

// AppendEvent is Append for an event with fields, which must not change any more.
func (l *Logs) AppendEvent(s Scope, group, stream string, e Event) {
	w := &l.writer
	w.mu.Lock()
	for w.bytes > bufferBytes {
		wait := w.progress
		w.mu.Unlock()
		<-wait
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	w.lines = append(w.lines, line{address{groupKey{s, group}, stream}, record{e.Time.UnixMilli(), e.Message, e.Fields}})
	w.bytes += len(e.Message) + overhead
	w.appended++
	if !w.running {
		w.running = true
		go w.run()
	}
}

// Flush waits until every line appended before the call is stored, and reports
// whether lines were lost since the last Flush.
func (l *Logs) Flush(ctx context.Context) error {
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	for upTo := w.appended; w.stored < upTo; {
		select {
		case w.hurry <- struct{}{}:
		default:
		}
		wait := w.progress
		w.mu.Unlock()
		select {
		case <-wait:
			w.mu.Lock()
		case <-ctx.Done():
			w.mu.Lock()
			return fmt.Errorf("flushing the logs: %w", ctx.Err())
		}
	}
	err := w.err
	w.err = nil
	return err
}

func (w *writer) run() {
	for {
		select {
		case <-time.After(linger):
		case <-w.hurry:
		}
		w.mu.Lock()
		lines := w.lines
		w.lines, w.bytes = nil, 0
		w.mu.Unlock()

		err := w.store(lines)

		w.mu.Lock()
		w.stored += uint64(len(lines))
		if w.err == nil {
			w.err = err
		}
		close(w.progress)
		w.progress = make(chan struct{})
		if len(w.lines) == 0 {
			w.running = false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

// store puts lines into their streams, one put for each.
func (w *writer) store(lines []line) (err error) {
	var order []address
	parts := map[address][]record{}
	for _, l := range lines {
		if _, known := parts[l.to]; !known {
			order = append(order, l.to)
		}
		parts[l.to] = append(parts[l.to], l.record)
	}
	for _, a := range order {
		if e := w.put(context.Background(), a, parts[a]); e != nil && err == nil {
			err = e
		}
	}
	return err
}

// putEnsured stores records in a stream that is made if need be.
func (l *Logs) putEnsured(ctx context.Context, a address, rs []record) error {
	l.write.Lock()
	defer l.write.Unlock()
	err := l.put(ctx, a, rs)
	if !cloud.IsKind(err, cloud.NotFound) {
		return err
	}
	if err := l.createGroup(ctx, a.group, Group{Name: a.group.name}); err != nil && !cloud.IsKind(err, cloud.Exists) {
		return err
	}
	if err := l.createStream(ctx, a); err != nil && !cloud.IsKind(err, cloud.Exists) {
		return err
	}
	return l.put(ctx, a, rs)
}
