package logs

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/bus"
	"weir/internal/cloud"
)

var (
	scope = Scope{"123456789012", "us-east-1"}
	other = Scope{"123456789012", "eu-west-1"}
)

// fixture is logs and a way to lose their memory.
type fixture struct {
	*Logs
	reopen func() *Logs // nil: not durable
}

func newDurable(t *testing.T) *fixture {
	b, err := bus.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	reopen := func() *Logs {
		l, err := Open(context.Background(), b.JetStream())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	return &fixture{reopen(), reopen}
}

func TestConformance(t *testing.T) {
	kinds := map[string]func(*testing.T) *fixture{
		"memory":    func(*testing.T) *fixture { return &fixture{Logs: NewMemory()} },
		"jetstream": newDurable,
	}
	cases := map[string]func(*testing.T, *fixture){
		"groups": groups, "streams": streams, "get": get, "paging": paging, "filter": filter,
		"retention": retention, "append": appending, "delete and recreate": recreate, "odd names": oddNames,
		"large put": largePut, "filter limits": filterLimits, "tail": tail, "reset": reset,
	}
	for kind, make := range kinds {
		for name, f := range cases {
			t.Run(kind+"/"+name, func(t *testing.T) { f(t, make(t)) })
		}
	}
}

// settled runs check on the logs, and again on reopened ones.
func (f *fixture) settled(t *testing.T, check func()) {
	t.Helper()
	check()
	if f.reopen != nil {
		f.Logs = f.reopen()
		check()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, what string, err error, kind cloud.Kind, res cloud.Resource) {
	t.Helper()
	e, ok := err.(*cloud.Error)
	if !ok || e.Kind != kind || e.Resource != res {
		t.Errorf("%s: got %v, want %s of a %s", what, err, kind, res)
	}
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// base is a time in the past at which nothing expires.
var base = time.Now().Add(-time.Hour).Truncate(time.Second)

func at(ms int) time.Time { return base.Add(time.Duration(ms) * time.Millisecond) }

// with makes group "g" and the streams.
func (f *fixture) with(t *testing.T, names ...string) {
	t.Helper()
	must(t, f.CreateGroup(t.Context(), scope, Group{Name: "g"}))
	for _, n := range names {
		must(t, f.CreateStream(t.Context(), scope, "g", n))
	}
}

// put stores events "<ms>:<message>".
func (f *fixture) put(t *testing.T, stream string, events ...string) {
	t.Helper()
	var es []Event
	for _, e := range events {
		var ms int
		var msg string
		if _, err := fmt.Sscanf(e, "%d:%s", &ms, &msg); err != nil {
			t.Fatal(err)
		}
		es = append(es, Event{Time: at(ms), Message: msg})
	}
	must(t, f.Put(t.Context(), scope, "g", stream, es))
}

func messages(p Page) string {
	var out []string
	for _, e := range p.Events {
		out = append(out, e.Message)
	}
	return strings.Join(out, " ")
}

func (f *fixture) get(t *testing.T, stream string, q Query) Page {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	p, err := f.Get(t.Context(), scope, "g", stream, q)
	must(t, err)
	return p
}

func (f *fixture) filter(t *testing.T, q Query) Page {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	p, err := f.Filter(t.Context(), scope, "g", q)
	must(t, err)
	return p
}

func groups(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.CreateGroup(ctx, scope, Group{Name: "/b", Tags: map[string]string{"k": "v"}}))
	must(t, f.CreateGroup(ctx, scope, Group{Name: "/a"}))
	must(t, f.CreateGroup(ctx, other, Group{Name: "/a"}))
	wantKind(t, "again", f.CreateGroup(ctx, scope, Group{Name: "/a"}), cloud.Exists, cloud.KindLogGroup)
	must(t, f.ChangeGroup(ctx, scope, "/b", func(g *Group) error { g.Retention = 24 * time.Hour; g.Tags["l"] = "w"; return nil }))
	wantKind(t, "change", f.ChangeGroup(ctx, scope, "/c", func(*Group) error { return nil }), cloud.NotFound, cloud.KindLogGroup)
	must(t, f.DeleteGroup(ctx, other, "/a"))
	wantKind(t, "delete", f.DeleteGroup(ctx, other, "/a"), cloud.NotFound, cloud.KindLogGroup)
	f.settled(t, func() {
		gs, err := f.Groups(ctx, scope)
		must(t, err)
		if len(gs) != 2 || gs[0].Name != "/a" || gs[1].Name != "/b" {
			t.Fatalf("groups are %v", gs)
		}
		if g := gs[1]; g.Retention != 24*time.Hour || g.Tags["k"] != "v" || g.Tags["l"] != "w" || time.Since(g.Created) > time.Minute {
			t.Errorf("group /b is %+v", g)
		}
		if gs, err := f.Groups(ctx, other); len(gs) != 0 || err != nil {
			t.Errorf("groups of the other region: %v, %v", gs, err)
		}
	})
}

func streams(t *testing.T, f *fixture) {
	ctx := t.Context()
	wantKind(t, "no group", f.CreateStream(ctx, scope, "g", "s"), cloud.NotFound, cloud.KindLogGroup)
	f.with(t, "b", "a", "c")
	wantKind(t, "again", f.CreateStream(ctx, scope, "g", "a"), cloud.Exists, cloud.KindLogStream)
	must(t, f.DeleteStream(ctx, scope, "g", "c"))
	wantKind(t, "delete", f.DeleteStream(ctx, scope, "g", "c"), cloud.NotFound, cloud.KindLogStream)
	wantKind(t, "put", f.Put(ctx, scope, "g", "c", []Event{{Time: at(0), Message: "x"}}), cloud.NotFound, cloud.KindLogStream)
	_, err := f.Get(ctx, scope, "g", "c", Query{Limit: 1})
	wantKind(t, "get", err, cloud.NotFound, cloud.KindLogStream)
	f.put(t, "b", "5:five", "1:one")
	f.settled(t, func() {
		ss, err := f.Streams(ctx, scope, "g")
		must(t, err)
		if len(ss) != 2 || ss[0].Name != "a" || ss[1].Name != "b" {
			t.Fatalf("streams are %v", ss)
		}
		if s := ss[0]; !s.First.IsZero() || !s.Last.IsZero() || s.Bytes != 0 {
			t.Errorf("the empty stream is %+v", s)
		}
		// "five" and "one" are 7 bytes, and each event counts 26 more.
		if s := ss[1]; !s.First.Equal(at(1)) || !s.Last.Equal(at(5)) || s.Bytes != 59 || time.Since(s.Ingested) > time.Minute {
			t.Errorf("stream b is %+v", s)
		}
	})
}

func get(t *testing.T, f *fixture) {
	f.with(t, "s", "t")
	f.put(t, "s", "10:a", "20:b")
	f.put(t, "t", "15:other")
	f.put(t, "s", "30:d", "20:c", "5:early")
	f.settled(t, func() {
		want(t, "all", messages(f.get(t, "s", Query{})), "early a b c d")
		want(t, "backward", messages(f.get(t, "s", Query{Backward: true})), "early a b c d")
		want(t, "from 20", messages(f.get(t, "s", Query{Start: at(20)})), "b c d")
		want(t, "before 20", messages(f.get(t, "s", Query{End: at(20)})), "early a")
		want(t, "newest two", messages(f.get(t, "s", Query{Backward: true, Limit: 2})), "c d")
		want(t, "oldest two", messages(f.get(t, "s", Query{Limit: 2})), "early a")
		e := f.get(t, "s", Query{Limit: 1}).Events[0]
		if !e.Time.Equal(at(5)) || e.Stream != "s" || len(e.ID) != 56 || time.Since(e.Ingested) > time.Minute {
			t.Errorf("the first event is %+v", e)
		}
	})
	_, err := f.Get(t.Context(), scope, "g", "s", Query{Cursor: "nonsense", Limit: 1})
	wantKind(t, "cursor", err, cloud.Malformed, cloud.KindLogStream)
}

func paging(t *testing.T, f *fixture) {
	f.with(t, "s")
	f.put(t, "s", "1:a", "1:b", "1:c", "2:d")
	f.put(t, "s", "3:e")
	f.settled(t, func() {
		one := f.get(t, "s", Query{Limit: 2})
		two := f.get(t, "s", Query{Limit: 2, Cursor: one.After})
		three := f.get(t, "s", Query{Limit: 2, Cursor: two.After})
		end := f.get(t, "s", Query{Limit: 2, Cursor: three.After})
		want(t, "forward", messages(one)+"|"+messages(two)+"|"+messages(three)+"|"+messages(end), "a b|c d|e|")
		want(t, "cursor at the end", end.After, three.After)
		want(t, "back from the end", messages(f.get(t, "s", Query{Limit: 2, Cursor: end.Before, Backward: true})), "d e")
		if !one.More || three.More || end.More {
			t.Errorf("more: %v %v %v, want only the first", one.More, three.More, end.More)
		}

		last := f.get(t, "s", Query{Limit: 2, Backward: true})
		middle := f.get(t, "s", Query{Limit: 2, Cursor: last.Before, Backward: true})
		first := f.get(t, "s", Query{Limit: 2, Cursor: middle.Before, Backward: true})
		start := f.get(t, "s", Query{Limit: 2, Cursor: first.Before, Backward: true})
		want(t, "backward", messages(last)+"|"+messages(middle)+"|"+messages(first)+"|"+messages(start), "d e|b c|a|")
		want(t, "cursor at the start", start.Before, first.Before)
		want(t, "forward from the start", messages(f.get(t, "s", Query{Limit: 2, Cursor: start.After})), "a b")
	})
}

// Following a stream from any point shows each later event once.
func tail(t *testing.T, f *fixture) {
	f.with(t, "s")
	empty := f.get(t, "s", Query{Backward: true})
	f.put(t, "s", "1:a")
	p := f.get(t, "s", Query{Cursor: empty.After})
	want(t, "after nothing", messages(p), "a")
	f.put(t, "s", "1:b")
	f.put(t, "s", "2:c")
	p = f.get(t, "s", Query{Cursor: p.After})
	want(t, "after a", messages(p), "b c")
	want(t, "after c", messages(f.get(t, "s", Query{Cursor: p.After})), "")
}

func filter(t *testing.T, f *fixture) {
	f.with(t, "x1", "x2", "y")
	f.put(t, "x1", "1:a", "4:d", "6:f")
	f.put(t, "x2", "2:b", "5:e")
	f.put(t, "y", "3:c")
	f.settled(t, func() {
		want(t, "merged", messages(f.filter(t, Query{})), "a b c d e f")
		want(t, "prefix", messages(f.filter(t, Query{Prefix: "x"})), "a b d e f")
		want(t, "names", messages(f.filter(t, Query{Streams: []string{"x2", "y"}})), "b c e")
		want(t, "range", messages(f.filter(t, Query{Start: at(2), End: at(5)})), "b c d")
		match := func(m string) bool { return m == "b" || m == "e" || m == "f" }
		one := f.filter(t, Query{Limit: 2, Match: match})
		want(t, "matching", messages(one), "b e")
		two := f.filter(t, Query{Limit: 2, Match: match, Cursor: one.After})
		want(t, "the rest", messages(two), "f")
		if !one.More || two.More {
			t.Errorf("more: %v %v, want only the first", one.More, two.More)
		}
		if none := f.filter(t, Query{Match: func(string) bool { return false }}); len(none.Events) != 0 || none.More {
			t.Errorf("nothing matches: %+v", none)
		}
	})
	_, err := f.Filter(t.Context(), scope, "g", Query{Streams: []string{"x1", "z"}, Limit: 1})
	wantKind(t, "unknown stream", err, cloud.NotFound, cloud.KindLogStream)
	_, err = f.Filter(t.Context(), scope, "h", Query{Limit: 1})
	wantKind(t, "unknown group", err, cloud.NotFound, cloud.KindLogGroup)
}

func filterLimits(t *testing.T, f *fixture) {
	f.with(t, "s")
	f.put(t, "s", "1:aaaa", "2:bbbb", "3:cccc")
	// Each event counts 4+26 bytes.
	p := f.filter(t, Query{Bytes: 60})
	want(t, "sixty bytes", messages(p), "aaaa bbbb")
	want(t, "then", messages(f.filter(t, Query{Bytes: 60, Cursor: p.After})), "cccc")
	want(t, "one is always given", messages(f.filter(t, Query{Bytes: 1})), "aaaa")
}

func retention(t *testing.T, f *fixture) {
	f.with(t, "s", "t")
	old := -2 * 24 * 3600_000 // two days before base
	f.put(t, "s", fmt.Sprint(old, ":old"))
	f.put(t, "s", fmt.Sprint(old, ":older"), "1:new")
	f.put(t, "t", fmt.Sprint(old, ":gone"))
	want(t, "kept for ever", messages(f.filter(t, Query{})), "old older gone new")
	must(t, f.ChangeGroup(t.Context(), scope, "g", func(g *Group) error { g.Retention = 24 * time.Hour; return nil }))
	f.settled(t, func() { want(t, "kept for a day", messages(f.filter(t, Query{})), "new") })
	must(t, f.ChangeGroup(t.Context(), scope, "g", func(g *Group) error { g.Retention = 0; return nil }))
	// Whole chunks are gone from disk; one with a live event is kept.
	f.settled(t, func() { want(t, "on disk", messages(f.filter(t, Query{})), "older new") })
	must(t, f.Sweep(t.Context()))
}

func appending(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	for s := range 4 {
		wg.Go(func() {
			for i := range 250 {
				f.Append(scope, "g", fmt.Sprintf("s%d", s), at(i), fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	must(t, f.Flush(t.Context()))
	f.settled(t, func() {
		for s := range 4 {
			p := f.get(t, fmt.Sprintf("s%d", s), Query{Limit: 1000})
			if len(p.Events) != 250 {
				t.Fatalf("stream %d has %d events, want 250", s, len(p.Events))
			}
			for i, e := range p.Events {
				if e.Message != fmt.Sprint(i) {
					t.Fatalf("event %d of stream %d is %q", i, s, e.Message)
				}
			}
		}
	})
	must(t, f.Flush(t.Context())) // nothing to wait for
	must(t, f.DeleteGroup(t.Context(), scope, "g"))
	f.Append(scope, "g", "new", at(0), "again")
	must(t, f.Flush(t.Context()))
	want(t, "group made anew", messages(f.filter(t, Query{})), "again")
}

func recreate(t *testing.T, f *fixture) {
	f.with(t, "s")
	f.put(t, "s", "1:a")
	must(t, f.DeleteStream(t.Context(), scope, "g", "s"))
	must(t, f.CreateStream(t.Context(), scope, "g", "s"))
	f.settled(t, func() { want(t, "stream made anew", messages(f.get(t, "s", Query{})), "") })
	f.put(t, "s", "1:a")
	must(t, f.DeleteGroup(t.Context(), scope, "g"))
	f.with(t, "s")
	f.settled(t, func() { want(t, "group made anew", messages(f.get(t, "s", Query{})), "") })
}

func oddNames(t *testing.T, f *fixture) {
	names := []string{"2026/01/01/[$LATEST]abc", "a.b", "a>*", "日本", "a b", strings.Repeat("n", 512)}
	f.with(t, names...)
	for i, n := range names {
		f.put(t, n, fmt.Sprint("1:in-", i))
	}
	f.settled(t, func() {
		for i, n := range names {
			want(t, n, messages(f.get(t, n, Query{})), fmt.Sprint("in-", i))
		}
	})
}

func largePut(t *testing.T, f *fixture) {
	f.with(t, "s")
	var es []Event
	for i := range 10_000 {
		es = append(es, Event{Time: at(i), Message: strings.Repeat("x", 80)})
	}
	es = append(es, Event{Time: at(20_000), Message: strings.Repeat("y", 1<<20)})
	must(t, f.Put(t.Context(), scope, "g", "s", es))
	f.settled(t, func() {
		n, q := 0, Query{Limit: 3000}
		for {
			p := f.get(t, "s", q)
			n += len(p.Events)
			if q.Cursor = p.After; !p.More {
				break
			}
		}
		if n != 10_001 {
			t.Errorf("%d events, want 10,001", n)
		}
	})
}

func reset(t *testing.T, f *fixture) {
	f.with(t, "s")
	f.Append(scope, "h", "s", at(0), "x")
	must(t, f.Reset(t.Context()))
	f.settled(t, func() {
		if gs, err := f.Groups(t.Context(), scope); len(gs) != 0 || err != nil {
			t.Errorf("after reset: %v, %v", gs, err)
		}
	})
}
