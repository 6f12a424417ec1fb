package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/internal/cloud"
)

// CreateGroup makes a log group; g's name, retention, tags and attributes count.
func (l *Logs) CreateGroup(ctx context.Context, s Scope, g Group) error {
	l.write.Lock()
	defer l.write.Unlock()
	return l.createGroup(ctx, groupKey{s, g.Name}, g)
}

func (l *Logs) createGroup(ctx context.Context, k groupKey, meta Group) error {
	l.mu.RLock()
	_, known := l.groups[k]
	l.mu.RUnlock()
	if known {
		return cloud.Errorf(cloud.Exists, cloud.KindLogGroup, k.name, "", "log group %q already exists", k.name)
	}
	meta.Created = now()
	// A crash may have left events of a deleted group of this name.
	if err := l.store.purge(ctx, address{group: k}, 0); err != nil {
		return fmt.Errorf("creating log group %q: %w", k.name, err)
	}
	if err := l.save(ctx, address{group: k}, meta); err != nil {
		return fmt.Errorf("creating log group %q: %w", k.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups[k] = &group{meta: meta, streams: map[string]*stream{}, loaded: true}
	return nil
}

func (l *Logs) save(ctx context.Context, a address, meta any) error {
	b, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return l.catalog.set(ctx, a, b)
}

// ChangeGroup lets f change the retention, tags and attributes of a group.
func (l *Logs) ChangeGroup(ctx context.Context, s Scope, name string, f func(*Group) error) error {
	l.write.Lock()
	defer l.write.Unlock()
	k := groupKey{s, name}
	l.mu.RLock()
	g, err := l.find(k)
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	meta := g.meta
	meta.Tags, meta.Attrs = maps.Clone(meta.Tags), maps.Clone(meta.Attrs)
	if err := f(&meta); err != nil {
		return err
	}
	meta.Name, meta.Created = g.meta.Name, g.meta.Created
	if err := l.save(ctx, address{group: k}, meta); err != nil {
		return fmt.Errorf("changing log group %q: %w", name, err)
	}
	l.mu.Lock()
	g.meta = meta
	l.mu.Unlock()
	return l.sweep(ctx, k, g)
}

// DeleteGroup deletes a group with its streams and events.
func (l *Logs) DeleteGroup(ctx context.Context, s Scope, name string) error {
	l.write.Lock()
	defer l.write.Unlock()
	a := address{group: groupKey{s, name}}
	l.mu.RLock()
	_, err := l.find(a.group)
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	// Events that a crash leaves behind are cleared when the name is used again.
	if err := l.catalog.drop(ctx, a); err != nil {
		return fmt.Errorf("deleting log group %q: %w", name, err)
	}
	l.mu.Lock()
	delete(l.groups, a.group)
	l.mu.Unlock()
	if err := l.store.purge(ctx, a, 0); err != nil {
		return fmt.Errorf("deleting the events of log group %q: %w", name, err)
	}
	return nil
}

// Group returns one group. Its Bytes are left out.
func (l *Logs) Group(s Scope, name string) (Group, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	g, err := l.find(groupKey{s, name})
	if err != nil {
		return Group{}, err
	}
	return g.meta, nil
}

// Groups returns the groups of a scope, ordered by name.
func (l *Logs) Groups(ctx context.Context, s Scope) ([]Group, error) {
	l.mu.RLock()
	var keys []groupKey
	for k := range l.groups {
		if k.Scope == s {
			keys = append(keys, k)
		}
	}
	l.mu.RUnlock()
	slices.SortFunc(keys, func(a, b groupKey) int { return strings.Compare(a.name, b.name) })
	var out []Group
	for _, k := range keys {
		streams, err := l.Streams(ctx, s, k.name)
		if cloud.IsKind(err, cloud.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		g, err := l.Group(s, k.name)
		if err != nil {
			continue
		}
		for _, st := range streams {
			g.Bytes += st.Bytes
		}
		out = append(out, g)
	}
	return out, nil
}

// CreateStream makes a stream in a group.
func (l *Logs) CreateStream(ctx context.Context, s Scope, group, name string) error {
	l.write.Lock()
	defer l.write.Unlock()
	return l.createStream(ctx, address{groupKey{s, group}, name})
}

func (l *Logs) createStream(ctx context.Context, a address) error {
	l.mu.RLock()
	g, err := l.find(a.group)
	known := err == nil && g.streams[a.stream] != nil
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	if known {
		return cloud.Errorf(cloud.Exists, cloud.KindLogStream, a.stream, "", "log stream %q already exists in log group %q", a.stream, a.group.name)
	}
	meta := Stream{Name: a.stream, Created: now()}
	if err := l.save(ctx, a, meta); err != nil {
		return fmt.Errorf("creating log stream %q in log group %q: %w", a.stream, a.group.name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.streams[a.stream] = &stream{meta: meta}
	return nil
}

// DeleteStream deletes a stream with its events.
func (l *Logs) DeleteStream(ctx context.Context, s Scope, group, name string) error {
	l.write.Lock()
	defer l.write.Unlock()
	a := address{groupKey{s, group}, name}
	l.mu.RLock()
	g, err := l.find(a.group)
	if err == nil && g.streams[name] == nil {
		err = noStream(group, name)
	}
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	// Events first: without its entry a stream can be made anew, and must be empty then.
	if err := l.store.purge(ctx, a, 0); err != nil {
		return fmt.Errorf("deleting the events of log stream %q in log group %q: %w", name, group, err)
	}
	if err := l.catalog.drop(ctx, a); err != nil {
		return fmt.Errorf("deleting log stream %q in log group %q: %w", name, group, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(g.streams, name)
	return nil
}

// Streams returns the streams of a group, ordered by name.
func (l *Logs) Streams(ctx context.Context, s Scope, group string) ([]Stream, error) {
	g, err := l.loaded(ctx, groupKey{s, group})
	if err != nil {
		return nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := make([]Stream, 0, len(g.streams))
	for _, st := range g.streams {
		out = append(out, st.describe())
	}
	slices.SortFunc(out, func(a, b Stream) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *stream) describe() Stream {
	out := s.meta
	for _, c := range s.chunks {
		if out.First.IsZero() || c.first < out.First.UnixMilli() {
			out.First = time.UnixMilli(c.first)
		}
		if c.last > out.Last.UnixMilli() {
			out.Last = time.UnixMilli(c.last)
		}
		out.Ingested = time.UnixMilli(c.ingested)
		out.Bytes += int64(c.bytes)
	}
	return out
}

// now is the time, as precise as logs keep it.
func now() time.Time { return time.UnixMilli(time.Now().UnixMilli()) }
