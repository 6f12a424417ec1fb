package logs

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// NewMemory returns logs without durability.
func NewMemory() *Logs {
	l, err := open(context.Background(), nothing{}, &arena{})
	if err != nil {
		panic(err) // nothing to read, nothing that fails
	}
	return l
}

// nothing is a catalogue that forgets: Logs itself holds what there is.
type nothing struct{}

func (nothing) set(context.Context, address, []byte) error                { return nil }
func (nothing) drop(context.Context, address) error                       { return nil }
func (nothing) replay(context.Context, func(address, []byte) error) error { return nil }

// arena keeps chunks in memory.
type arena struct {
	mu     sync.Mutex // guards what follows
	seq    uint64
	chunks []kept // by sequence
}

type kept struct {
	address
	seq  uint64
	head string
	body []byte
}

func (h *arena) append(_ context.Context, a address, head string, body []byte) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	h.chunks = append(h.chunks, kept{a, h.seq, head, body})
	return h.seq, nil
}

func (h *arena) load(_ context.Context, seq uint64) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, found := slices.BinarySearchFunc(h.chunks, seq, func(k kept, seq uint64) int { return cmp.Compare(k.seq, seq) })
	if !found {
		return nil, nil
	}
	return h.chunks[i].body, nil
}

func (h *arena) scan(_ context.Context, g groupKey, f func(string, uint64, string) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.chunks {
		if k.group == g {
			if err := f(k.stream, k.seq, k.head); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *arena) purge(_ context.Context, a address, through uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.chunks = slices.DeleteFunc(h.chunks, func(k kept) bool {
		return k.group == a.group && (a.stream == "" || a.stream == k.stream) && (through == 0 || k.seq <= through)
	})
	return nil
}
