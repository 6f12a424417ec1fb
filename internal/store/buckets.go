package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// objects is a bucket in JetStream's object store.
type objects struct{ o jetstream.ObjectStore }

func absent(err error) error {
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return errAbsent
	}
	return err
}

func (b *objects) put(ctx context.Context, name string, r io.Reader) error {
	_, err := b.o.Put(ctx, jetstream.ObjectMeta{Name: name}, r)
	return err
}

func (b *objects) rename(ctx context.Context, from, to string) error {
	return b.o.UpdateMeta(ctx, from, jetstream.ObjectMeta{Name: to})
}

func (b *objects) get(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := b.o.Get(ctx, name)
	return r, absent(err)
}

func (b *objects) delete(ctx context.Context, name string) error {
	return absent(b.o.Delete(ctx, name))
}

func (b *objects) has(ctx context.Context, name string) (bool, error) {
	_, err := b.o.GetInfo(ctx, name)
	if err = absent(err); errors.Is(err, errAbsent) {
		return false, nil
	}
	return err == nil, err
}

func (b *objects) names(ctx context.Context) ([]string, error) {
	infos, err := b.o.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, err
	}
	var names []string
	for _, i := range infos {
		names = append(names, i.Name)
	}
	return names, nil
}

// heap is a bucket in memory.
type heap struct {
	mu   sync.Mutex // guards data
	data map[string][]byte
}

func (b *heap) put(_ context.Context, name string, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data[name] = data
	return nil
}

func (b *heap) rename(_ context.Context, from, to string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data[to] = b.data[from]
	delete(b.data, from)
	return nil
}

func (b *heap) get(_ context.Context, name string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.data[name]
	if !ok {
		return nil, errAbsent
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (b *heap) delete(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.data[name]; !ok {
		return errAbsent
	}
	delete(b.data, name)
	return nil
}

func (b *heap) has(_ context.Context, name string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.data[name]
	return ok, nil
}

func (b *heap) names(context.Context) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.data)), nil
}
