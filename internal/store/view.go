package store

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/hashicorp/go-memdb"

	"weir/internal/cloud"
)

// primary is the name of the index on the key; the tables' own are prefixed,
// so none can take it.
const primary = "id"

// entry is one row.
type entry struct {
	key   string
	value any
}

// term ends an encoded key. Escaping zeros keeps the byte order and makes sure
// that no encoded key is a prefix of another.
const term = "\x00\x01"

func encoded(s string) []byte {
	return []byte(strings.ReplaceAll(s, "\x00", "\x00\xff") + term)
}

// indexer feeds the tables' functions to memdb.
type indexer struct{ keys func(any) []string }

func (indexer) FromArgs(args ...any) ([]byte, error) { return encoded(args[0].(string)), nil }

func (x indexer) FromObject(o any) (bool, [][]byte, error) {
	keys := x.keys(o.(*entry).value)
	out := make([][]byte, len(keys))
	for i, k := range keys {
		out[i] = encoded(k)
	}
	return len(out) > 0, out, nil
}

// byKey is the primary index.
type byKey struct{}

func (byKey) FromArgs(args ...any) ([]byte, error) { return encoded(args[0].(string)), nil }

func (byKey) FromObject(o any) (bool, []byte, error) { return true, encoded(o.(*entry).key), nil }

func schema(tables map[string]cloud.TableInfo) *memdb.DBSchema {
	out := &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{}}
	for name, info := range tables {
		t := &memdb.TableSchema{Name: name, Indexes: map[string]*memdb.IndexSchema{
			primary: {Name: primary, Unique: true, Indexer: byKey{}},
		}}
		for n, keys := range info.Indexes {
			n = "by-" + n
			t.Indexes[n] = &memdb.IndexSchema{Name: n, AllowMissing: true, Indexer: indexer{keys}}
		}
		out.Tables[name] = t
	}
	return out
}

// reader reads a memdb transaction. An unknown table or index is a broken
// invariant of the caller, and panics.
type reader struct{ txn *memdb.Txn }

// Get returns the value under key, or nil.
func (r reader) Get(table, key string) any {
	o, err := r.txn.First(table, primary, key)
	if err != nil {
		panic(fmt.Sprintf("store: reading %s: %v", table, err))
	}
	if o == nil {
		return nil
	}
	return o.(*entry).value
}

// Scan yields what the index files under key, ordered by primary key. It shows
// the rows as they are when the loop starts, whatever the loop writes.
func (r reader) Scan(table, index, key string) iter.Seq[any] {
	return func(yield func(any) bool) {
		var rows memdb.ResultIterator
		var err error
		if index == "" {
			rows, err = r.txn.Get(table, primary)
		} else {
			rows, err = r.txn.Get(table, "by-"+index, key)
		}
		if err != nil {
			panic(fmt.Sprintf("store: scanning %s by %q: %v", table, index, err))
		}
		for o := rows.Next(); o != nil; o = rows.Next() {
			if !yield(o.(*entry).value) {
				return
			}
		}
	}
}

// view is one snapshot.
type view struct {
	reader
	rev        uint64
	superseded chan struct{}
}

// Rev is the revision the view shows.
func (v *view) Rev() uint64 { return v.rev }

// tx is a transaction under way.
type tx struct {
	reader
	rev uint64
	ops []op
	at  map[[2]string]int // position in ops: the last write of a key is the one that counts
}

// Rev is the revision the transaction started from.
func (t *tx) Rev() uint64 { return t.rev }

// Put stores value under key.
func (t *tx) Put(table, key string, value any) {
	if value == nil {
		panic(fmt.Sprintf("store: nil put into %s under %q", table, key))
	}
	if err := t.txn.Insert(table, &entry{key, value}); err != nil {
		panic(fmt.Sprintf("store: writing %s %q: %v", table, key, err))
	}
	t.record(op{table: table, key: key, value: value})
}

// Delete removes what is under key, if anything.
func (t *tx) Delete(table, key string) {
	if t.Get(table, key) == nil {
		return
	}
	if err := remove(t.txn, table, key); err != nil {
		panic(fmt.Sprintf("store: deleting %s %q: %v", table, key, err))
	}
	t.record(op{table: table, key: key})
}

func (t *tx) record(o op) {
	id := [2]string{o.table, o.key}
	if i, ok := t.at[id]; ok {
		t.ops[i] = o
		return
	}
	t.at[id] = len(t.ops)
	t.ops = append(t.ops, o)
}

// remove deletes a row, if it is there.
func remove(txn *memdb.Txn, table, key string) error {
	o, err := txn.First(table, primary, key)
	if err != nil || o == nil {
		return err
	}
	if err := txn.Delete(table, o); !errors.Is(err, memdb.ErrNotFound) {
		return err
	}
	return nil
}
