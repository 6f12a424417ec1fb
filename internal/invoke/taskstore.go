package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"weir/internal/cloud"
)

// tasksKept is how long a task is kept after its last turn: longer than it may wait.
const tasksKept = 8 * 24 * time.Hour

// Tasks keeps tasks durably, by function and ID.
type Tasks struct{ kv jetstream.KeyValue }

// OpenTasks opens the tasks that the engine keeps.
func OpenTasks(ctx context.Context, js jetstream.JetStream) (*Tasks, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "TASKS", TTL: tasksKept, MaxValueSize: maxEvent})
	if err != nil {
		return nil, fmt.Errorf("open the asynchronous tasks: %w", err)
	}
	return &Tasks{kv}, nil
}

func taskKey(fn cloud.FunctionKey, id string) string { return string(fn) + "." + id }

// create keeps a new task; one of its ID must not be there.
func (s *Tasks) create(ctx context.Context, t *Task) error {
	b, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode task %s: %w", t.ID, err)
	}
	_, err = s.kv.Create(ctx, taskKey(t.Function, t.ID), b)
	switch {
	case errors.Is(err, jetstream.ErrKeyExists):
		return cloud.Errorf(cloud.Exists, cloud.KindTask, t.ID, "", "asynchronous task '%s' already exists", t.ID)
	case err != nil:
		return fmt.Errorf("store task %s: %w", t.ID, err)
	}
	return nil
}

// Get finds a task.
func (s *Tasks) Get(ctx context.Context, fn cloud.FunctionKey, id string) (*Task, error) {
	t, _, err := s.read(ctx, fn, id)
	return t, err
}

func (s *Tasks) read(ctx context.Context, fn cloud.FunctionKey, id string) (*Task, uint64, error) {
	entry, err := s.kv.Get(ctx, taskKey(fn, id))
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil, 0, noTask(id)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read task %s: %w", id, err)
	}
	t := &Task{}
	if err := json.Unmarshal(entry.Value(), t); err != nil {
		return nil, 0, fmt.Errorf("read task %s: %w", id, err)
	}
	return t, entry.Revision(), nil
}

// List finds all tasks of a function.
func (s *Tasks) List(ctx context.Context, fn cloud.FunctionKey) ([]*Task, error) {
	w, err := s.kv.Watch(ctx, taskKey(fn, "*"), jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("list the tasks of %s: %w", fn, err)
	}
	defer w.Stop() //nolint:errcheck // it ends with ctx at the latest
	var all []*Task
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case entry := <-w.Updates():
			if entry == nil { // no more for now
				return all, nil
			}
			t := &Task{}
			if err := json.Unmarshal(entry.Value(), t); err != nil {
				return nil, fmt.Errorf("read task %s: %w", entry.Key(), err)
			}
			all = append(all, t)
		}
	}
}

// change alters a task, as often as others do meanwhile; what change refuses stays as it was.
func (s *Tasks) change(ctx context.Context, fn cloud.FunctionKey, id string, change func(*Task) error) (*Task, error) {
	for {
		t, rev, err := s.read(ctx, fn, id)
		if err != nil {
			return nil, err
		}
		if err := change(t); err != nil {
			return t, err
		}
		b, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("encode task %s: %w", id, err)
		}
		_, err = s.kv.Update(ctx, taskKey(fn, id), b, rev)
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, jetstream.ErrKeyExists) { // that is what a stale revision is called
			return nil, fmt.Errorf("store task %s: %w", id, err)
		}
	}
}

// forget drops a task whose event was not accepted.
func (s *Tasks) forget(ctx context.Context, t *Task) error {
	return s.kv.Purge(ctx, taskKey(t.Function, t.ID))
}
