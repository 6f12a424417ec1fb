package cloud

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
)

// View is one immutable version of the state. The store implements it.
type View interface {
	// Rev is the revision this view shows; it grows with every commit.
	Rev() uint64
	// Get returns the value stored under key, or nil.
	Get(table, key string) any
	// Scan yields every value whose index has this key, ordered by primary key.
	// Index "" is the whole table.
	Scan(table, index, key string) iter.Seq[any]
}

// Tx is a View that can be written; it sees its own writes.
type Tx interface {
	View
	Put(table, key string, value any)
	Delete(table, key string)
}

// Table names one kind of resource in the state and how to find it.
type Table[K ~string, T any] struct {
	name    string
	key     func(*T) K
	indexes map[string]func(*T) []string
}

// Name is the table's name in the store.
func (t *Table[K, T]) Name() string { return t.name }

// Get returns the resource with this key.
func (t *Table[K, T]) Get(v View, key K) (*T, bool) {
	r, ok := v.Get(t.name, string(key)).(*T)
	return r, ok
}

// All yields every resource of the table, ordered by key.
func (t *Table[K, T]) All(v View) iter.Seq[*T] { return t.By(v, "", "") }

// By yields the resources that the named index files under key.
func (t *Table[K, T]) By(v View, index, key string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for r := range v.Scan(t.name, index, key) {
			if !yield(r.(*T)) {
				return
			}
		}
	}
}

// Put stores r under its own key.
func (t *Table[K, T]) Put(tx Tx, r *T) { tx.Put(t.name, string(t.key(r)), r) }

// Delete removes the resource with this key; a missing one is no error.
func (t *Table[K, T]) Delete(tx Tx, key K) { tx.Delete(t.name, string(key)) }

// TableInfo is what the store needs to know of a table.
type TableInfo struct {
	Name    string
	Key     func(any) string
	Indexes map[string]func(any) []string
	Decode  func([]byte) (any, error)
}

var schema = map[string]TableInfo{}

// Schema lists every table, ordered by name.
func Schema() []TableInfo {
	names := slices.Sorted(maps.Keys(schema))
	infos := make([]TableInfo, len(names))
	for i, n := range names {
		infos[i] = schema[n]
	}
	return infos
}

// index maps an index's name to the keys a resource is filed under.
type index[T any] = map[string]func(*T) []string

func newTable[K ~string, T any](name string, key func(*T) K, indexes index[T]) *Table[K, T] {
	info := TableInfo{
		Name:    name,
		Key:     func(r any) string { return string(key(r.(*T))) },
		Indexes: map[string]func(any) []string{},
		Decode: func(b []byte) (any, error) {
			r := new(T)
			return r, json.Unmarshal(b, r)
		},
	}
	for n, f := range indexes {
		info.Indexes[n] = func(r any) []string { return f(r.(*T)) }
	}
	schema[name] = info
	return &Table[K, T]{name, key, indexes}
}

func one[S ~string](s S) []string {
	if s == "" {
		return nil
	}
	return []string{string(s)}
}

// which is the index key, "yes", of resources that something holds for.
func which(holds bool) []string {
	if !holds {
		return nil
	}
	return []string{"yes"}
}

func strs[S ~string](ss []S) []string {
	out := make([]string, len(ss))
	for i, s := range ss {
		out[i] = string(s)
	}
	return out
}
