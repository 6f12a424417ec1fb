package bus

import (
	"context"
	"fmt"
	"io"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"weir/internal/cloud"
)

// reserve is the space that is left free on the disk: a few transactions' worth,
// and what the server writes about its streams. It does not take up a stream again
// once a write to it found no space, until it is restarted.
const reserve = 32 << 20

// room refuses to write when the disk of dir is full but for the reserve.
func room(dir string, reserve uint64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("looking for free space in %s: %w", dir, err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < reserve {
		return cloud.Errorf(cloud.Unavailable, "", dir, "disk-full", "nothing is written: %s has %d MiB of free space left, of which Weir keeps %d; free some", dir, free>>20, reserve>>20)
	}
	return nil
}

// Engine is a JetStream through which nothing is written on a full disk.
type Engine struct {
	jetstream.JetStream
	room func() error
}

// Room says why there is no room to write, for those who write past Engine's own methods.
func (j Engine) Room() error { return j.room() }

// Publish is JetStream's.
func (j Engine) Publish(ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if err := j.room(); err != nil {
		return nil, err
	}
	return j.JetStream.Publish(ctx, subject, data, opts...)
}

// PublishMsg is JetStream's.
func (j Engine) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if err := j.room(); err != nil {
		return nil, err
	}
	return j.JetStream.PublishMsg(ctx, m, opts...)
}

// CreateOrUpdateObjectStore is JetStream's; what it opens asks for room, too.
func (j Engine) CreateOrUpdateObjectStore(ctx context.Context, cfg jetstream.ObjectStoreConfig) (jetstream.ObjectStore, error) {
	o, err := j.JetStream.CreateOrUpdateObjectStore(ctx, cfg)
	return roomyObjects{o, j.room}, err
}

type roomyObjects struct {
	jetstream.ObjectStore
	room func() error
}

func (o roomyObjects) Put(ctx context.Context, meta jetstream.ObjectMeta, r io.Reader) (*jetstream.ObjectInfo, error) {
	if err := o.room(); err != nil {
		return nil, err
	}
	return o.ObjectStore.Put(ctx, meta, r)
}

// CreateOrUpdateKeyValue is JetStream's; what it opens asks for room, too.
func (j Engine) CreateOrUpdateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	kv, err := j.JetStream.CreateOrUpdateKeyValue(ctx, cfg)
	return roomyKeys{kv, j.room}, err
}

type roomyKeys struct {
	jetstream.KeyValue
	room func() error
}

func (k roomyKeys) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	if err := k.room(); err != nil {
		return 0, err
	}
	return k.KeyValue.Create(ctx, key, value, opts...)
}

func (k roomyKeys) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := k.room(); err != nil {
		return 0, err
	}
	return k.KeyValue.Update(ctx, key, value, revision)
}
