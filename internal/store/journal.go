package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"weir/internal/cloud"
)

// The journal is a stream with one subject per row, state.<table>.<key>, which
// keeps only the last message of each. A transaction of one row is one message,
// a larger one an atomic batch (NATS ADR-50): the server stages the messages,
// synced, and stores them when the one with the commit header arrives; after a
// crash it finishes a batch that it began to store. The first message carries the
// sequence the writer expects, so a second writer is refused.
const (
	streamName   = "STATE"
	resetSubject = "reset" // rolls the stream up: everything before it is gone

	headerDelete = "Weir-Delete"
	headerBatch  = "Nats-Batch-Id"
	headerPart   = "Nats-Batch-Sequence"
	headerCommit = "Nats-Batch-Commit"
	headerExpect = "Nats-Expected-Last-Sequence"
	headerTTL    = "Nats-TTL"
	headerRollup = "Nats-Rollup"

	// A tombstone matters only to a replay that also sees the row it deletes,
	// and the stream drops that at once; it goes after this time.
	tombstoneTTL = time.Hour

	commitWithin = time.Minute
	// A batch waits for the server every so many messages, or it would overrun
	// the stream's queue, which drops.
	flowEvery = 256
	pull      = 2000
)

// Engine is a JetStream that knows whether it has room to write.
type Engine interface {
	jetstream.JetStream
	Room() error
}

type stream struct {
	js Engine
	s  jetstream.Stream
}

// Open returns the store whose log is in js, with every transaction that was
// ever acknowledged.
func Open(ctx context.Context, js Engine, tables []cloud.TableInfo) (*Store, error) {
	s, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:               streamName,
		Subjects:           []string{"state.>", resetSubject},
		Storage:            jetstream.FileStorage,
		MaxMsgsPerSubject:  1,
		AllowAtomicPublish: true,
		AllowMsgTTL:        true,
		AllowRollup:        true,
		AllowDirect:        true,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the state's log: %w", err)
	}
	return open(ctx, &stream{js, s}, tables)
}

func (l *stream) append(ctx context.Context, rev uint64, ops []op) (uint64, error) {
	msgs := make([]*nats.Msg, len(ops))
	for i, o := range ops {
		msgs[i] = message(o)
	}
	msgs[0].Header.Set(headerExpect, strconv.FormatUint(rev, 10))
	return l.commit(ctx, msgs)
}

func message(o op) *nats.Msg {
	m := nats.NewMsg("state." + token(o.table) + "." + token(o.key))
	if m.Data = o.json; m.Data == nil {
		m.Header.Set(headerDelete, "1")
		m.Header.Set(headerTTL, tombstoneTTL.String())
	}
	return m
}

// commit sends msgs as one transaction. Once the last is on its way, giving up
// would leave the outcome unknown, so a cancelled ctx does not interrupt it.
func (l *stream) commit(ctx context.Context, msgs []*nats.Msg) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	if err := l.js.Room(); err != nil {
		return 0, err // before anything is staged
	}
	last := msgs[len(msgs)-1]
	if len(msgs) > 1 {
		id := nuid.Next()
		for i, m := range msgs {
			m.Header.Set(headerBatch, id)
			m.Header.Set(headerPart, strconv.Itoa(i+1))
		}
		last.Header.Set(headerCommit, "1")
		if err := l.stage(ctx, msgs[:len(msgs)-1]); err != nil {
			return 0, err
		}
	}
	ack, err := l.js.PublishMsg(ctx, last)
	if err == nil {
		return ack.Sequence, nil
	}
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return 0, fmt.Errorf("%w: whether the log took the transaction is unknown: %w", errStale, err)
	}
	switch refused.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return 0, &cloud.Error{Kind: cloud.Unavailable, Reason: "second-writer", Err: errStale,
			Msg: "another process writes this state; the change was not made, try again"}
	}
	return 0, err
}

// stage sends all messages of a batch but the last.
func (l *stream) stage(ctx context.Context, msgs []*nats.Msg) error {
	for i, m := range msgs {
		if i%flowEvery != 0 {
			if err := l.js.Conn().PublishMsg(m); err != nil {
				return fmt.Errorf("sending message %d of the transaction: %w", i+1, err)
			}
			continue
		}
		reply, err := l.js.Conn().RequestMsgWithContext(ctx, m)
		if err == nil && len(reply.Data) > 0 { // empty means staged
			err = errors.New(string(reply.Data))
		}
		if err != nil {
			return fmt.Errorf("sending message %d of the transaction: %w", i+1, err)
		}
	}
	return nil
}

func (l *stream) reset(ctx context.Context, rev uint64) (uint64, error) {
	m := nats.NewMsg(resetSubject)
	m.Header.Set(headerExpect, strconv.FormatUint(rev, 10))
	m.Header.Set(headerRollup, "all")
	return l.commit(ctx, []*nats.Msg{m})
}

func (l *stream) replay(ctx context.Context, apply func(op) error) (uint64, error) {
	info, err := l.s.Info(ctx)
	if err != nil {
		return 0, err
	}
	rev := info.State.LastSeq
	if info.State.Msgs == 0 {
		return rev, nil
	}
	c, err := l.s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Minute, MaxDeliver: 1})
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.s.DeleteConsumer(context.WithoutCancel(ctx), c.CachedInfo().Name) }() // it expires by itself
	whole := true                                                                              // whether the last message seen ends its transaction
	seen := uint64(0)
	for {
		batch, err := c.FetchNoWait(pull)
		if err != nil {
			return 0, err
		}
		n := 0
		for m := range batch.Messages() {
			n++
			if err := replayed(m, apply); err != nil {
				return 0, err
			}
			h := m.Headers()
			whole = h.Get(headerBatch) == "" || h.Get(headerCommit) != ""
		}
		if err := batch.Error(); err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		seen += uint64(n)
	}
	if info, err = l.s.Info(ctx); err != nil { // tombstones may have gone since
		return 0, err
	}
	if info.State.LastSeq == rev && seen < info.State.Msgs { // the server passes over what it cannot read
		return 0, fmt.Errorf("%d of the log's %d messages can be read: restore a backup of the data directory", seen, info.State.Msgs)
	}
	if !whole {
		return 0, errors.New("the log ends inside a transaction and the server could not finish it: restore a backup of the data directory")
	}
	return rev, nil
}

func replayed(m jetstream.Msg, apply func(op) error) error {
	if m.Subject() == resetSubject {
		return apply(op{}) // a crash may have left rows that it was to roll up
	}
	part := strings.Split(m.Subject(), ".")
	if len(part) != 3 {
		return fmt.Errorf("the log holds subject %q, which is no row", m.Subject())
	}
	table, err := untoken(part[1])
	if err != nil {
		return err
	}
	key, err := untoken(part[2])
	if err != nil {
		return err
	}
	o := op{table: table, key: key, json: m.Data()}
	if m.Headers().Get(headerDelete) != "" {
		o.json = nil
	}
	return apply(o)
}
