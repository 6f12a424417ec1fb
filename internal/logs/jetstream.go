package logs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Two streams: what groups and streams there are, the last word on each; and
// the chunks. Subjects are <root>.<scope>.<group>[.<stream>], each name in base64.
const (
	catalogRoot = "logmeta"
	chunkRoot   = "log"
	headerChunk = "Weir-Chunk"
	pull        = 2000
)

// Open returns the logs kept in js.
func Open(ctx context.Context, js jetstream.JetStream) (*Logs, error) {
	meta, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "LOGMETA", Subjects: []string{catalogRoot + ".>"}, Storage: jetstream.FileStorage,
		MaxMsgsPerSubject: 1, AllowDirect: true})
	if err != nil {
		return nil, fmt.Errorf("opening the logs' catalogue: %w", err)
	}
	chunks, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "LOGS", Subjects: []string{chunkRoot + ".>"}, Storage: jetstream.FileStorage,
		AllowDirect: true, Compression: jetstream.S2Compression})
	if err != nil {
		return nil, fmt.Errorf("opening the logs: %w", err)
	}
	return open(ctx, &engineCatalog{js, meta}, &engineChunks{js, chunks})
}

func token(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// subject is the address's own; wild covers what is below it too.
func subject(root string, a address) string {
	s := root + "." + token(a.group.Account+"/"+a.group.Region) + "." + token(a.group.name)
	if a.stream != "" {
		s += "." + token(a.stream)
	}
	return s
}

func parseSubject(subject string) (a address, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 3 && len(parts) != 4 {
		return a, fmt.Errorf("subject %q names no log", subject)
	}
	var name [3]string
	for i, p := range parts[1:] {
		b, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			return a, fmt.Errorf("subject %q: %w", subject, err)
		}
		name[i] = string(b)
	}
	a.group.Account, a.group.Region, _ = strings.Cut(name[0], "/")
	a.group.name, a.stream = name[1], name[2]
	return a, nil
}

type engineCatalog struct {
	js jetstream.JetStream
	s  jetstream.Stream
}

func (c *engineCatalog) set(ctx context.Context, a address, value []byte) error {
	_, err := c.js.Publish(ctx, subject(catalogRoot, a), value)
	return err
}

func (c *engineCatalog) drop(ctx context.Context, a address) error {
	s := subject(catalogRoot, a)
	if a.stream == "" { // streams first, or a crash would leave them without their group
		if err := c.s.Purge(ctx, jetstream.WithPurgeSubject(s+".>")); err != nil {
			return err
		}
	}
	return c.s.Purge(ctx, jetstream.WithPurgeSubject(s))
}

func (c *engineCatalog) replay(ctx context.Context, f func(address, []byte) error) error {
	return each(ctx, c.s, jetstream.ConsumerConfig{}, func(m jetstream.Msg) error {
		a, err := parseSubject(m.Subject())
		if err != nil {
			return err
		}
		return f(a, m.Data())
	})
}

type engineChunks struct {
	js jetstream.JetStream
	s  jetstream.Stream
}

func (c *engineChunks) append(ctx context.Context, a address, head string, body []byte) (uint64, error) {
	m := nats.NewMsg(subject(chunkRoot, a))
	m.Header.Set(headerChunk, head)
	m.Data = body
	ack, err := c.js.PublishMsg(ctx, m)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func (c *engineChunks) load(ctx context.Context, seq uint64) ([]byte, error) {
	m, err := c.s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (c *engineChunks) scan(ctx context.Context, g groupKey, f func(string, uint64, string) error) error {
	cfg := jetstream.ConsumerConfig{FilterSubject: subject(chunkRoot, address{group: g}) + ".>", HeadersOnly: true}
	return each(ctx, c.s, cfg, func(m jetstream.Msg) error {
		a, err := parseSubject(m.Subject())
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		return f(a.stream, meta.Sequence.Stream, m.Headers().Get(headerChunk))
	})
}

func (c *engineChunks) purge(ctx context.Context, a address, through uint64) error {
	s := subject(chunkRoot, a)
	if a.stream == "" {
		s += ".>"
	}
	opts := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(s)}
	if through > 0 {
		opts = append(opts, jetstream.WithPurgeSequence(through+1)) // exclusive
	}
	return c.s.Purge(ctx, opts...)
}

// each calls f with every message that a consumer of this kind gets.
func each(ctx context.Context, s jetstream.Stream, cfg jetstream.ConsumerConfig, f func(jetstream.Msg) error) error {
	cfg.AckPolicy, cfg.MemoryStorage, cfg.InactiveThreshold = jetstream.AckNonePolicy, true, time.Minute
	c, err := s.CreateConsumer(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = s.DeleteConsumer(context.WithoutCancel(ctx), c.CachedInfo().Name) }() // it expires by itself
	for {
		batch, err := c.FetchNoWait(pull)
		if err != nil {
			return err
		}
		n := 0
		for m := range batch.Messages() {
			n++
			if err := f(m); err != nil {
				return err
			}
		}
		if err := batch.Error(); err != nil || n == 0 {
			return err
		}
	}
}
