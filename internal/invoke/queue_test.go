package invoke

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"weir/internal/bus"
	"weir/internal/cloud"
)

func openQueue(t *testing.T, dir string) (*JetStreamQueue, func()) {
	t.Helper()
	b, err := bus.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	q, err := OpenQueue(t.Context(), b.JetStream(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Close()
		t.Fatal(err)
	}
	return q, b.Close
}

// take runs the queue until the wanted number of events came, each answered by next.
func take(t *testing.T, q *JetStreamQueue, n int, next func(Event) *Event) []Event {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	got := make(chan Event, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- q.Consume(ctx, func(_ context.Context, e Event) (*Event, error) {
			got <- e
			return next(e), nil
		})
	}()
	var events []Event
	for len(events) < n {
		select {
		case e := <-got:
			events = append(events, e)
		case <-ctx.Done():
			t.Fatalf("%d events within 20 s, want %d", len(events), n)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return events
}

func done(Event) *Event { return nil }

func TestQueueSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	q, stop := openQueue(t, dir)
	for _, id := range []string{"a", "b"} {
		if err := q.Put(t.Context(), Event{ID: id, Function: "x/y/f", Payload: []byte(`{"n":1}`)}); err != nil {
			t.Fatal(err)
		}
	}
	first := take(t, q, 1, func(e Event) *Event { // its retry is due later
		if e.ID == "a" {
			e.Attempts, e.NotBefore = 1, time.Now().Add(200*time.Millisecond)
			return &e
		}
		e.Attempts = 1
		return &e
	})
	stop()
	q, stop = openQueue(t, dir)
	defer stop()
	seen := map[string]int{}
	for _, e := range take(t, q, 2, done) {
		seen[e.ID]++
		if string(e.Payload) != `{"n":1}` || e.Function != cloud.FunctionKey("x/y/f") {
			t.Errorf("event %+v", e)
		}
		if e.ID == first[0].ID && e.Attempts != 1 {
			t.Errorf("event %s comes with %d attempts, want 1", e.ID, e.Attempts)
		}
		if time.Now().Before(e.NotBefore) {
			t.Errorf("event %s came %v early", e.ID, time.Until(e.NotBefore))
		}
	}
	if seen["a"] != 1 || seen["b"] != 1 {
		t.Errorf("after the restart came %v, want a and b once each", seen)
	}
	info, err := q.consumer.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.NumPending != 0 {
		t.Errorf("%d events are left", info.NumPending)
	}
}
