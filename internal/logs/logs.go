package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"weir/internal/cloud"
)

// Scope is the account and region that a group belongs to.
type Scope struct{ Account, Region string }

// Group is a log group.
type Group struct {
	Name      string
	Created   time.Time
	Retention time.Duration     // 0 keeps events for ever
	Tags      map[string]string `json:",omitempty"`
	// Attrs holds what only one dialect's API echoes back, keyed "<dialect>.<name>".
	Attrs map[string]string `json:",omitempty"`
	Bytes int64             `json:"-"` // of its events
}

// Stream is a sequence of events of one source, within a group.
type Stream struct {
	Name     string
	Created  time.Time
	First    time.Time `json:"-"` // of the events' times; zero if there is none
	Last     time.Time `json:"-"`
	Ingested time.Time `json:"-"` // when the last events were stored
	Bytes    int64     `json:"-"`
}

// Event is one line of a log.
type Event struct {
	ID       string // set by reads
	Stream   string // set by reads
	Time     time.Time
	Ingested time.Time // set by reads
	Message  string
	// Fields are what is known of the line beside its text; readers leave them as they are.
	Fields map[string]string
}

// overhead is what an event counts beside its message.
const overhead = 26

// Logs holds the groups of all accounts.
type Logs struct {
	catalog catalog
	store   chunkStore
	writer  writer

	write  sync.Mutex   // serialises all changes, over their I/O; taken before mu
	mu     sync.RWMutex // guards groups and what is in them
	groups map[groupKey]*group
}

type groupKey struct {
	Scope
	name string
}

type group struct {
	meta    Group
	streams map[string]*stream
	loaded  bool // chunks are known
	swept   time.Time
}

type stream struct {
	meta   Stream
	chunks []chunk // by sequence; never changed in place, so readers may hold it
}

// address names a group or, with a stream, a stream.
type address struct {
	group  groupKey
	stream string
}

// catalog keeps what groups and streams there are.
type catalog interface {
	set(ctx context.Context, a address, value []byte) error
	drop(ctx context.Context, a address) error // and, for a group, its streams
	replay(ctx context.Context, f func(a address, value []byte) error) error
}

// chunkStore keeps the events.
type chunkStore interface {
	append(ctx context.Context, a address, head string, body []byte) (seq uint64, err error)
	load(ctx context.Context, seq uint64) (body []byte, err error) // nil body: it is gone
	scan(ctx context.Context, g groupKey, f func(stream string, seq uint64, head string) error) error
	purge(ctx context.Context, a address, through uint64) error // 0: all
}

func open(ctx context.Context, c catalog, s chunkStore) (*Logs, error) {
	l := &Logs{catalog: c, store: s, groups: map[groupKey]*group{}}
	l.writer.put = l.putEnsured
	l.writer.progress = make(chan struct{})
	l.writer.hurry = make(chan struct{}, 1)
	if err := c.replay(ctx, l.restore); err != nil {
		return nil, fmt.Errorf("opening the logs: %w", err)
	}
	return l, nil
}

// restore puts one entry of the catalogue into the maps. A stream may come
// before its group, which was written again since.
func (l *Logs) restore(a address, value []byte) error {
	g := l.groups[a.group]
	if g == nil {
		g = &group{streams: map[string]*stream{}}
		l.groups[a.group] = g
	}
	if a.stream == "" {
		return json.Unmarshal(value, &g.meta)
	}
	s := &stream{}
	g.streams[a.stream] = s
	return json.Unmarshal(value, &s.meta)
}

func noGroup(name string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindLogGroup, name, "", "log group %q does not exist", name)
}

func noStream(group, name string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindLogStream, name, "", "log stream %q does not exist in log group %q", name, group)
}

// find returns the group; mu must be held.
func (l *Logs) find(k groupKey) (*group, error) {
	if g := l.groups[k]; g != nil {
		return g, nil
	}
	return nil, noGroup(k.name)
}

// Reset deletes everything.
func (l *Logs) Reset(ctx context.Context) error {
	if err := l.Flush(ctx); err != nil {
		return err
	}
	l.mu.RLock()
	var keys []groupKey
	for k := range l.groups {
		keys = append(keys, k)
	}
	l.mu.RUnlock()
	for _, k := range keys {
		if err := l.DeleteGroup(ctx, k.Scope, k.name); err != nil && !cloud.IsKind(err, cloud.NotFound) {
			return err
		}
	}
	return nil
}
