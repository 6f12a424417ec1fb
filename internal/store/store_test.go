package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/internal/bus"
	"weir/internal/cloud"
)

// thing is a row of the tests' tables.
type thing struct {
	ID    string
	Group string
	Tags  []string
	Size  int
	Any   any `json:",omitempty"`
}

func table(name string) cloud.TableInfo {
	return cloud.TableInfo{
		Name: name,
		Key:  func(v any) string { return v.(*thing).ID },
		Indexes: map[string]func(any) []string{
			"group": func(v any) []string {
				if g := v.(*thing).Group; g != "" {
					return []string{g}
				}
				return nil
			},
			"tag": func(v any) []string { return v.(*thing).Tags },
			"id":  func(v any) []string { return []string{"any"} }, // a name that the index library keeps for itself
		},
		Decode: func(b []byte) (any, error) { v := new(thing); return v, json.Unmarshal(b, v) },
	}
}

var tables = []cloud.TableInfo{table("one"), table("two-b")}

// fixture is a store and a way to lose its memory.
type fixture struct {
	*Store
	reopen func() *Store // nil: not durable
}

func newMemory(*testing.T) *fixture { return &fixture{Store: NewMemory(tables)} }

func newDurable(t *testing.T) *fixture {
	b := startBus(t, t.TempDir())
	reopen := func() *Store {
		s, err := Open(context.Background(), b.JetStream(), tables)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return &fixture{reopen(), reopen}
}

func startBus(t testing.TB, dir string) *bus.Bus {
	t.Helper()
	b, err := bus.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (f *fixture) update(t *testing.T, fn func(cloud.Tx)) uint64 {
	t.Helper()
	rev, err := f.Update(t.Context(), func(tx cloud.Tx) error { fn(tx); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func put(tx cloud.Tx, table string, v thing) { tx.Put(table, v.ID, &v) }

func keys(v cloud.View, table, index, key string) string {
	var out []string
	for r := range v.Scan(table, index, key) {
		out = append(out, r.(*thing).ID)
	}
	return strings.Join(out, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestConformance(t *testing.T) {
	kinds := map[string]func(*testing.T) *fixture{"memory": newMemory, "jetstream": newDurable}
	cases := map[string]func(*testing.T, *fixture){
		"isolation": isolation, "own writes": ownWrites, "abort": abort, "indexes": indexes, "order": order,
		"delete": deletes, "write while scanning": writeWhileScanning, "watch": watch, "reset": reset,
		"odd keys": oddKeys, "nothing written": nothingWritten, "unencodable": unencodable, "cancelled": cancelled,
	}
	for kind, make := range kinds {
		for name, f := range cases {
			t.Run(kind+"/"+name, func(t *testing.T) { f(t, make(t)) })
		}
	}
}

// settled runs check on the store, and again on one that was replayed.
func (f *fixture) settled(t *testing.T, check func(v cloud.View)) {
	t.Helper()
	check(f.View())
	if f.reopen == nil {
		return
	}
	rev := f.View().Rev()
	f.Store = f.reopen()
	if got := f.View().Rev(); got != rev {
		t.Errorf("revision %d after replay, was %d", got, rev)
	}
	check(f.View())
}

func isolation(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a", Size: 1}) })
	before := f.View()
	rev := f.update(t, func(tx cloud.Tx) {
		put(tx, "one", thing{ID: "a", Size: 2})
		put(tx, "one", thing{ID: "b"})
		if got := f.View().Get("one", "a").(*thing).Size; got != 1 {
			t.Errorf("a view taken during the transaction shows size %d, want 1", got)
		}
	})
	want(t, "old view", keys(before, "one", "", ""), "a")
	if got := before.Get("one", "a").(*thing).Size; got != 1 {
		t.Errorf("the old view shows size %d, want 1", got)
	}
	if rev <= before.Rev() {
		t.Errorf("revision went from %d to %d", before.Rev(), rev)
	}
	f.settled(t, func(v cloud.View) {
		want(t, "new view", keys(v, "one", "", ""), "a b")
		if got := v.Get("one", "a").(*thing).Size; got != 2 || v.Rev() != rev {
			t.Errorf("the new view shows size %d at %d, want 2 at %d", got, v.Rev(), rev)
		}
		if v.Get("two-b", "a") != nil || v.Get("one", "zzz") != nil {
			t.Error("a row that was never put is there")
		}
	})
}

func ownWrites(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a", Group: "g"}) })
	f.update(t, func(tx cloud.Tx) {
		put(tx, "one", thing{ID: "b", Group: "g"})
		want(t, "put", keys(tx, "one", "group", "g"), "a b")
		tx.Delete("one", "a")
		want(t, "deleted", keys(tx, "one", "group", "g"), "b")
		put(tx, "one", thing{ID: "b", Group: "h"})
		want(t, "moved from", keys(tx, "one", "group", "g"), "")
		want(t, "moved to", keys(tx, "one", "group", "h"), "b")
		put(tx, "one", thing{ID: "a", Group: "h"})
		tx.Delete("one", "never")
	})
	f.settled(t, func(v cloud.View) { want(t, "committed", keys(v, "one", "group", "h"), "a b") })
}

func abort(t *testing.T, f *fixture) {
	rev := f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a", Group: "g"}) })
	watched, no := f.Watch(), errors.New("no")
	got, err := f.Update(t.Context(), func(tx cloud.Tx) error {
		put(tx, "one", thing{ID: "b", Group: "g"})
		tx.Delete("one", "a")
		return no
	})
	if err != no || got != rev {
		t.Errorf("Update returned %d, %v; want %d and f's own error", got, err, rev)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic in f was swallowed")
			}
		}()
		_, _ = f.Update(t.Context(), func(tx cloud.Tx) error { put(tx, "one", thing{ID: "c"}); panic("f") })
	}()
	select {
	case <-watched:
		t.Error("an aborted transaction told the watchers")
	default:
	}
	f.settled(t, func(v cloud.View) { want(t, "after abort", keys(v, "one", "group", "g"), "a") })
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "d"}) }) // the lock is free
}

func indexes(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) {
		put(tx, "one", thing{ID: "a", Group: "g", Tags: []string{"x", "y"}})
		put(tx, "one", thing{ID: "b", Group: "g", Tags: []string{"y", "y"}})
		put(tx, "one", thing{ID: "c"})
		put(tx, "one", thing{ID: "d", Group: "gg", Tags: []string{"x\x00", ""}})
		put(tx, "two-b", thing{ID: "e", Group: "g"})
	})
	f.settled(t, func(v cloud.View) {
		want(t, "group g", keys(v, "one", "group", "g"), "a b")
		want(t, "group gg", keys(v, "one", "group", "gg"), "d")
		want(t, "tag x", keys(v, "one", "tag", "x"), "a")
		want(t, "tag x NUL", keys(v, "one", "tag", "x\x00"), "d")
		want(t, "tag y", keys(v, "one", "tag", "y"), "a b")
		want(t, "empty tag", keys(v, "one", "tag", ""), "d")
		want(t, "index named id", keys(v, "one", "id", "any"), "a b c d")
	})
	f.update(t, func(tx cloud.Tx) {
		put(tx, "one", thing{ID: "a", Group: "gg", Tags: []string{"y", "x", "z"}})
		put(tx, "one", thing{ID: "b"})
		put(tx, "one", thing{ID: "c", Group: "g"})
	})
	f.settled(t, func(v cloud.View) {
		want(t, "group g", keys(v, "one", "group", "g"), "c")
		want(t, "group gg", keys(v, "one", "group", "gg"), "a d")
		want(t, "tag x", keys(v, "one", "tag", "x"), "a")
		want(t, "tag y", keys(v, "one", "tag", "y"), "a")
		want(t, "tag z", keys(v, "one", "tag", "z"), "a")
		want(t, "other table", keys(v, "two-b", "group", "g"), "e")
	})
}

func order(t *testing.T, f *fixture) {
	ids := []string{"b", "a", "", "a\x00", "ab", "a.b", "Z", "é", "a\x00\x01", "aa"}
	for _, id := range ids {
		f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: id, Group: "g"}) })
	}
	slices.Sort(ids)
	f.settled(t, func(v cloud.View) {
		want(t, "table", keys(v, "one", "", ""), strings.Join(ids, " "))
		want(t, "index", keys(v, "one", "group", "g"), strings.Join(ids, " "))
	})
}

func deletes(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) {
		for _, id := range []string{"a", "b", "c", "d"} {
			put(tx, "one", thing{ID: id, Group: "g"})
		}
	})
	f.update(t, func(tx cloud.Tx) { tx.Delete("one", "a") })
	f.update(t, func(tx cloud.Tx) { tx.Delete("one", "b"); tx.Delete("one", "c") })
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "c", Group: "g", Size: 2}) })
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "e", Group: "g"}); tx.Delete("one", "e") })
	f.settled(t, func(v cloud.View) {
		want(t, "left", keys(v, "one", "", ""), "c d")
		want(t, "left in the index", keys(v, "one", "group", "g"), "c d")
		if v.Get("one", "a") != nil || v.Get("one", "c").(*thing).Size != 2 {
			t.Error("a deleted row is there, or one put again is not")
		}
	})
}

func writeWhileScanning(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) {
		for i := range 50 {
			put(tx, "one", thing{ID: fmt.Sprintf("%02d", i), Group: "g"})
		}
	})
	view := f.View()
	f.update(t, func(tx cloud.Tx) {
		n := 0
		for r := range tx.Scan("one", "group", "g") {
			n++
			tx.Delete("one", r.(*thing).ID)
			put(tx, "one", thing{ID: "x" + r.(*thing).ID, Group: "g"})
		}
		if n != 50 {
			t.Errorf("the loop saw %d rows, want the 50 that were there when it began", n)
		}
	})
	n := 0
	for range view.Scan("one", "", "") {
		if n++; n == 10 {
			f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "y"}) })
		}
	}
	if n != 50 {
		t.Errorf("a view's loop saw %d rows while others wrote, want 50", n)
	}
	f.settled(t, func(v cloud.View) {
		if got := strings.Fields(keys(v, "one", "", "")); len(got) != 51 || got[0] != "x00" || got[50] != "y" {
			t.Errorf("rows are %v", got)
		}
	})
}

func watch(t *testing.T, f *fixture) {
	w := f.Watch()
	rev := f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a"}) })
	select {
	case <-w:
	default:
		t.Error("Update returned before the watchers were told")
	}
	if got := f.View().Rev(); got != rev {
		t.Errorf("the view is at %d after an update to %d", got, rev)
	}
	select {
	case <-f.Watch():
		t.Error("a new watch is done before anything changed")
	default:
	}
}

func reset(t *testing.T, f *fixture) {
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "a"}); put(tx, "two-b", thing{ID: "b"}) })
	before, w := f.View(), f.Watch()
	if err := f.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-w
	want(t, "view from before", keys(before, "one", "", ""), "a")
	f.settled(t, func(v cloud.View) {
		want(t, "after reset", keys(v, "one", "", "")+keys(v, "two-b", "", ""), "")
		if v.Rev() <= before.Rev() {
			t.Errorf("revision went from %d to %d", before.Rev(), v.Rev())
		}
	})
	f.update(t, func(tx cloud.Tx) { put(tx, "one", thing{ID: "c"}) })
	f.settled(t, func(v cloud.View) { want(t, "after reset and put", keys(v, "one", "", ""), "c") })
}

func oddKeys(t *testing.T, f *fixture) {
	odd := []string{"", "=", "=41", "a.b", "*", ">", "a b", "a\tb\r\n", "arn:aws:iam::1:role/x", "日本語", "\xff\xfe", "a\x00b", strings.Repeat("k", 2000)}
	f.update(t, func(tx cloud.Tx) {
		for i, id := range odd {
			tx.Put("one", id, &thing{ID: "row", Size: i})
		}
	})
	f.settled(t, func(v cloud.View) {
		for i, id := range odd {
			if r, ok := v.Get("one", id).(*thing); !ok || r.Size != i {
				t.Errorf("under key %q: %v, want row %d", id, r, i)
			}
		}
	})
}

func nothingWritten(t *testing.T, f *fixture) {
	rev, w := f.View().Rev(), f.Watch()
	if got := f.update(t, func(tx cloud.Tx) { tx.Delete("one", "absent") }); got != rev {
		t.Errorf("revision went from %d to %d", rev, got)
	}
	select {
	case <-w:
		t.Error("watchers were told of nothing")
	default:
	}
}

func unencodable(t *testing.T, f *fixture) {
	_, err := f.Update(t.Context(), func(tx cloud.Tx) error {
		put(tx, "one", thing{ID: "a"})
		put(tx, "two-b", thing{ID: "bad", Any: func() {}})
		return nil
	})
	if err == nil {
		t.Error("a value that JSON cannot express was committed")
	}
	f.settled(t, func(v cloud.View) { want(t, "left", keys(v, "one", "", ""), "") })
}

func cancelled(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Update(ctx, func(cloud.Tx) error { t.Error("f ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
