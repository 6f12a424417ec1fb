package oracle

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"weir/internal/cloud"
)

// state is the desired state as plain maps, by table and key. It is a cloud.Tx,
// so plans are compiled from it as from the store. Resources in it are never
// changed, but replaced.
type state map[string]map[string]any

var schema = func() map[string]cloud.TableInfo {
	m := map[string]cloud.TableInfo{}
	for _, t := range cloud.Schema() {
		m[t.Name] = t
	}
	return m
}()

func (s state) Rev() uint64               { return 0 }
func (s state) Get(table, key string) any { return s[table][key] }
func (s state) Delete(table, key string)  { delete(s[table], key) }
func (s state) Put(table, key string, v any) {
	if s[table] == nil {
		s[table] = map[string]any{}
	}
	s[table][key] = v
}

func (s state) Scan(table, index, key string) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, k := range slices.Sorted(maps.Keys(s[table])) {
			v := s[table][k]
			if index != "" && !slices.Contains(schema[table].Indexes[index](v), key) {
				continue
			}
			if !yield(v) {
				return
			}
		}
	}
}

func (s state) clone() state {
	out := state{}
	for t, m := range s {
		out[t] = maps.Clone(m)
	}
	return out
}

func (s state) MarshalJSON() ([]byte, error) {
	out := map[string][]any{}
	for t := range s {
		for v := range s.Scan(t, "", "") {
			out[t] = append(out[t], v)
		}
	}
	return json.Marshal(out)
}

func (s *state) UnmarshalJSON(b []byte) error {
	var in map[string][]json.RawMessage
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = state{}
	for t, list := range in {
		info, ok := schema[t]
		if !ok {
			return fmt.Errorf("no table %q", t)
		}
		for _, raw := range list {
			v, err := info.Decode(raw)
			if err != nil {
				return fmt.Errorf("table %s: %w", t, err)
			}
			s.Put(t, info.Key(v), v)
		}
	}
	return nil
}

// edit replaces one resource by a changed copy.
func edit[K ~string, T any](tx cloud.Tx, t *cloud.Table[K, T], key K, f func(*T)) {
	if r, ok := t.Get(tx, key); ok {
		c := *r
		f(&c)
		t.Put(tx, &c)
	}
}
