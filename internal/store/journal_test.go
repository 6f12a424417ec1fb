package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/bus"
	"weir/internal/cloud"
)

func TestLargeTransaction(t *testing.T) {
	const n = 3000 // beyond the server's default limit of 1000 messages
	f := newDurable(t)
	f.update(t, func(tx cloud.Tx) {
		for i := range n {
			put(tx, "one", thing{ID: fmt.Sprintf("%04d", i), Tags: []string{strings.Repeat("x", 500)}})
		}
	})
	f.settled(t, func(v cloud.View) {
		if got := len(strings.Fields(keys(v, "one", "", ""))); got != n {
			t.Errorf("%d rows, want %d", got, n)
		}
	})
}

func TestTooLargeRow(t *testing.T) {
	f := newDurable(t)
	_, err := f.Update(t.Context(), func(tx cloud.Tx) error {
		put(tx, "one", thing{ID: "a"})
		put(tx, "one", thing{ID: "big", Group: strings.Repeat("x", bus.MaxMessage)})
		put(tx, "one", thing{ID: "z"})
		return nil
	})
	if err == nil {
		t.Fatal("a row larger than a message was committed")
	}
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "b"}) })
	f.settled(t, func(v cloud.View) { want(t, "left", keys(v, "one", "", ""), "b") })
}

func TestSecondWriter(t *testing.T) {
	f := newDurable(t)
	other := &fixture{Store: f.reopen()}
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a"}) })
	for _, rows := range []int{1, 3} { // a message, and a batch
		_, err := other.Update(t.Context(), func(tx cloud.Tx) error {
			for i := range rows {
				put(tx, "two-b", thing{ID: fmt.Sprint(i)})
			}
			return nil
		})
		if !cloud.IsKind(err, cloud.Unavailable) {
			t.Errorf("%d rows on a stale snapshot: got %v, want Unavailable", rows, err)
		}
		want(t, "the refused writer has caught up", keys(other.View(), "one", "", ""), keys(f.View(), "one", "", ""))
		f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "b"}) })
	}
	f.settled(t, func(v cloud.View) {
		want(t, "one", keys(v, "one", "", ""), "a b")
		want(t, "two", keys(v, "two-b", "", ""), "")
	})
}

func TestUnknownTable(t *testing.T) {
	b := startBus(t, t.TempDir())
	s, err := Open(t.Context(), b.JetStream(), tables)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s}
	f.update(t, func(tx cloud.Tx) { put(tx, "two-b", thing{ID: "a"}) })
	if _, err := Open(t.Context(), b.JetStream(), tables[:1]); err == nil || !strings.Contains(err.Error(), `"two-b"`) {
		t.Errorf("got %v, want an error that names the table", err)
	}
}

// An unfinished batch must leave no trace, whether its writer died or gave up.
func TestUnfinishedBatch(t *testing.T) {
	b := startBus(t, t.TempDir())
	s, err := Open(t.Context(), b.JetStream(), tables)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s}
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a", Size: 1}) })
	for i := range 3 {
		m := message(op{table: "one", key: "a", json: []byte(`{"ID":"a","Size":9}`)})
		m.Header.Set(headerBatch, "torn")
		m.Header.Set(headerPart, fmt.Sprint(i+1))
		if err := b.JetStream().Conn().PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "b"}); put(tx, "one", thing{ID: "c"}) })
	s, err = Open(t.Context(), b.JetStream(), tables)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "rows", keys(s.View(), "one", "", ""), "a b c")
	if got := s.View().Get("one", "a").(*thing).Size; got != 1 {
		t.Errorf("size is %d: the unfinished batch shows", got)
	}
}

// A log that ends inside a transaction, which the server would have finished
// had its staged messages not been lost too, must not be served.
func TestTornLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	b := startBus(t, dir)
	s, err := Open(t.Context(), b.JetStream(), tables)
	if err != nil {
		t.Fatal(err)
	}
	(&fixture{Store: s}).update(t, func(tx cloud.Tx) {
		for _, id := range []string{"a", "b", "c"} {
			put(tx, "one", thing{ID: id})
		}
	})
	b.Close()
	msgs := filepath.Join(dir, "jetstream", "$G", "streams", streamName, "msgs")
	block := filepath.Join(msgs, "1.blk")
	st, err := os.Stat(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(block, st.Size()-10); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(msgs, "index.db")); err != nil {
		t.Fatal(err)
	}
	b = startBus(t, dir)
	if _, err := Open(t.Context(), b.JetStream(), tables); err == nil || !strings.Contains(err.Error(), "inside a transaction") {
		t.Errorf("got %v, want a refusal", err)
	}
}

// cramped is an engine without room to write.
type cramped struct {
	bus.Engine
	full bool
}

var errFull = errors.New("full")

func (c *cramped) Room() error {
	if c.full {
		return errFull
	}
	return nil
}

// A full disk refuses a transaction before any of it is sent, and the next one
// after that succeeds.
func TestNoRoom(t *testing.T) {
	js := &cramped{Engine: startBus(t, t.TempDir()).JetStream()}
	s, err := Open(t.Context(), js, tables)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s}
	for _, rows := range []int{1, 3} {
		write := func(tx cloud.Tx) error {
			for i := range rows {
				put(tx, "one", thing{ID: fmt.Sprint(i)})
			}
			return nil
		}
		before := f.View().Rev()
		js.full = true
		if _, err := f.Update(t.Context(), write); !errors.Is(err, errFull) {
			t.Errorf("%d rows without room: %v", rows, err)
		}
		if f.View().Rev() != before {
			t.Errorf("%d rows without room are in the view", rows)
		}
		js.full = false
		if rev, err := f.Update(t.Context(), write); err != nil || rev != before+uint64(rows) {
			t.Errorf("%d rows with room again: revision %d after %d, %v", rows, rev, before, err)
		}
	}
}

// A row that the disk has spoiled is missed: the state is not opened without it.
func TestSpoiledRow(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), b.JetStream(), tables)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s}
	for i := range 9 {
		f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: fmt.Sprintf("row-%d", i), Group: "spoiled"}) })
	}
	b.Close()
	blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", streamName, "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("blocks %v, %v", blocks, err)
	}
	data, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, []byte("spoiled"))] = 'S'
	if err := os.WriteFile(blocks[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), startBus(t, dir).JetStream(), tables)
	if err == nil || !strings.Contains(err.Error(), "8 of the log's 9 messages can be read") {
		t.Errorf("opening a log with a spoiled row: %v", err)
	}
}
