package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-memdb"

	"weir/internal/cloud"
)

// Store holds the state.
type Store struct {
	tables map[string]cloud.TableInfo
	log    journal

	mu  sync.Mutex // serialises Update and Reset; guards db and the journal's end
	db  *memdb.MemDB
	now atomic.Pointer[view]
}

// op is one write of a transaction; a nil value deletes. In a replay, an op
// without a table deletes everything.
type op struct {
	table, key string
	value      any
	json       []byte
}

// journal makes transactions durable.
type journal interface {
	// append writes all ops or none and returns the new revision.
	append(ctx context.Context, rev uint64, ops []op) (uint64, error)
	// reset drops everything and returns the new revision.
	reset(ctx context.Context, rev uint64) (uint64, error)
	// replay yields what append wrote and was not replaced since, in order.
	replay(ctx context.Context, apply func(op) error) (rev uint64, err error)
}

// errStale tells that the log is not where the snapshot left it, or may not be.
var errStale = errors.New("the state's log has moved")

// NewMemory returns a store without durability.
func NewMemory(tables []cloud.TableInfo) *Store {
	s, err := open(context.Background(), &memory{}, tables)
	if err != nil {
		panic(fmt.Sprintf("store: %v", err)) // only a malformed schema fails here
	}
	return s
}

func open(ctx context.Context, log journal, tables []cloud.TableInfo) (*Store, error) {
	s := &Store{tables: map[string]cloud.TableInfo{}, log: log}
	for _, t := range tables {
		s.tables[t.Name] = t
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// load rebuilds the snapshot from the log.
func (s *Store) load(ctx context.Context) error {
	db, err := memdb.NewMemDB(schema(s.tables))
	if err != nil {
		return fmt.Errorf("building the tables: %w", err)
	}
	txn := db.Txn(true)
	rev, err := s.log.replay(ctx, func(o op) error { return s.apply(txn, o) })
	if err != nil {
		return fmt.Errorf("replaying the state: %w", err)
	}
	txn.Commit()
	s.db = db
	s.publish(rev)
	return nil
}

// apply puts one op of the log into txn.
func (s *Store) apply(txn *memdb.Txn, o op) error {
	if o.table == "" {
		for name := range s.tables {
			if _, err := txn.DeleteAll(name, primary); err != nil {
				return err
			}
		}
		return nil
	}
	info, ok := s.tables[o.table]
	if !ok {
		return fmt.Errorf("the log holds table %q, which this version does not know: use the version that wrote it", o.table)
	}
	if o.json == nil {
		return remove(txn, o.table, o.key)
	}
	value, err := info.Decode(o.json)
	if err != nil {
		return fmt.Errorf("decoding %s %q: %w", o.table, o.key, err)
	}
	return txn.Insert(o.table, &entry{o.key, value})
}

// publish makes db's content the current view.
func (s *Store) publish(rev uint64) {
	old := s.now.Swap(&view{reader{s.db.Txn(false)}, rev, make(chan struct{})})
	if old != nil {
		close(old.superseded)
	}
}

// View returns the current snapshot.
func (s *Store) View() cloud.View { return s.now.Load() }

// Watch returns a channel that is closed when the current view is superseded.
// Call it before View, so that no change falls between the two.
func (s *Store) Watch() <-chan struct{} { return s.now.Load().superseded }

// Update runs f on a transaction and commits what it wrote, atomically and
// durably, and returns the revision that shows it. An error of f aborts and is
// returned as it is. f must not keep tx or call Update.
func (s *Store) Update(ctx context.Context, f func(cloud.Tx) error) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rev := s.now.Load().rev
	if err := ctx.Err(); err != nil {
		return rev, err
	}
	t := &tx{reader: reader{s.db.Txn(true)}, rev: rev, at: map[[2]string]int{}}
	defer t.txn.Abort() // no effect after Commit
	if err := f(t); err != nil {
		return rev, err
	}
	if len(t.ops) == 0 {
		return rev, nil
	}
	for i := range t.ops {
		if err := t.ops[i].encode(); err != nil {
			return rev, err
		}
	}
	next, err := s.log.append(ctx, rev, t.ops)
	if err != nil {
		return rev, s.failed(ctx, "writing the state", err)
	}
	t.txn.Commit()
	s.publish(next)
	return next, nil
}

func (o *op) encode() (err error) {
	if o.value == nil {
		return nil
	}
	if o.json, err = json.Marshal(o.value); err != nil {
		return fmt.Errorf("encoding %s %q: %w", o.table, o.key, err)
	}
	return nil
}

// failed reports a commit that did not succeed, and catches up with the log if
// that is not where the snapshot is.
func (s *Store) failed(ctx context.Context, what string, err error) error {
	if errors.Is(err, errStale) {
		if e := s.load(context.WithoutCancel(ctx)); e != nil {
			err = errors.Join(err, e)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Reset deletes everything.
func (s *Store) Reset(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rev, err := s.log.reset(ctx, s.now.Load().rev)
	if err != nil {
		return s.failed(ctx, "resetting the state", err)
	}
	db, err := memdb.NewMemDB(schema(s.tables))
	if err != nil {
		return fmt.Errorf("resetting the state: %w", err)
	}
	s.db = db
	s.publish(rev)
	return nil
}

// memory is the journal of a store without durability.
type memory struct{}

func (memory) append(_ context.Context, rev uint64, ops []op) (uint64, error) {
	return rev + uint64(len(ops)), nil
}
func (memory) reset(_ context.Context, rev uint64) (uint64, error)    { return rev + 1, nil }
func (memory) replay(context.Context, func(op) error) (uint64, error) { return 0, nil }
