package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	queueStream  = "EVENTS"
	queueSubject = "events.invoke"
	// ackWait is how long a delivered event may show no sign of life before it is
	// given out again; heartbeat renews it.
	ackWait   = 10 * time.Second
	heartbeat = ackWait / 3
	// running bounds the events that run at once.
	running = 1000
	// eventsKept is longer than any event may wait.
	eventsKept = 7 * time.Hour
	// maxEvent is the largest event on the wire: its payload in base64 and the rest.
	maxEvent = 4 << 20
)

// JetStreamQueue is a Queue on a work-queue stream: an event leaves it only when it is done.
type JetStreamQueue struct {
	js       jetstream.JetStream
	consumer jetstream.Consumer
	log      *slog.Logger
}

// OpenQueue makes or opens the stream of events.
func OpenQueue(ctx context.Context, js jetstream.JetStream, log *slog.Logger) (*JetStreamQueue, error) {
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:       queueStream,
		Subjects:   []string{queueSubject},
		Retention:  jetstream.WorkQueuePolicy,
		Storage:    jetstream.FileStorage,
		MaxAge:     eventsKept,
		MaxMsgSize: maxEvent,
		Duplicates: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("open the queue of events: %w", err)
	}
	consumer, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable:       "invoke",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: 100_000, // events that wait for their next attempt count
		MaxDeliver:    -1,
	})
	if err != nil {
		return nil, fmt.Errorf("open the queue of events: %w", err)
	}
	return &JetStreamQueue{js: js, consumer: consumer, log: log}, nil
}

// Put stores an event; it is on disk when Put returns.
func (q *JetStreamQueue) Put(ctx context.Context, e Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	m := &nats.Msg{Subject: queueSubject, Data: b, Header: nats.Header{}}
	// The same attempt is stored once, even if it is put again after a crash.
	m.Header.Set(nats.MsgIdHdr, e.ID+"/"+strconv.Itoa(e.Attempts)+"/"+strconv.Itoa(e.Throttles))
	if _, err := q.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("store event %s: %w", e.ID, err)
	}
	return nil
}

// Consume runs events until ctx ends. Events that were fetched by then go back at once.
func (q *JetStreamQueue) Consume(ctx context.Context, handle func(context.Context, Event) (*Event, error)) error {
	// One at a time: a fetched event that waits here shows no sign of life.
	messages, err := q.consumer.Messages(jetstream.PullMaxMessages(1))
	if err != nil {
		return fmt.Errorf("read the queue of events: %w", err)
	}
	stop := context.AfterFunc(ctx, messages.Drain)
	defer stop()
	places := make(chan struct{}, running)
	var busy sync.WaitGroup
	defer busy.Wait()
	for {
		places <- struct{}{}
		m, err := messages.Next()
		switch {
		case errors.Is(err, jetstream.ErrMsgIteratorClosed):
			return nil
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			q.log.Warn("reading the queue of events", "err", err)
			<-places
		case ctx.Err() != nil:
			q.acked(m.Nak())
			<-places
		case q.early(m):
			<-places
		default:
			busy.Go(func() {
				defer func() { <-places }()
				q.one(ctx, m, handle)
			})
		}
	}
}

// early hands back an event whose next attempt is not due, and one that cannot be read.
func (q *JetStreamQueue) early(m jetstream.Msg) bool {
	var e Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		q.log.Error("event dropped: it cannot be read", "err", err)
		q.acked(m.Term())
		return true
	}
	wait := time.Until(e.NotBefore)
	if wait <= 0 {
		return false
	}
	q.acked(m.NakWithDelay(wait))
	return true
}

func (q *JetStreamQueue) one(ctx context.Context, m jetstream.Msg, handle func(context.Context, Event) (*Event, error)) {
	var e Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		q.acked(m.Term())
		return
	}
	alive, done := context.WithCancel(ctx)
	defer done()
	go q.keepAlive(alive, m)
	next, err := handle(ctx, e)
	if err == nil && next != nil {
		// What the attempt came to must not be lost because the platform is stopping.
		keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackWait)
		err = q.Put(keep, *next)
		cancel()
	}
	if err != nil && ctx.Err() != nil {
		q.acked(m.Nak()) // it runs again after the restart
		return
	}
	if err != nil {
		q.log.Error("event put off", "event", e.ID, "fn", e.Function, "err", err)
		q.acked(m.NakWithDelay(time.Second))
		return
	}
	q.acked(m.Ack())
}

// keepAlive tells the stream that the event is still being run.
func (q *JetStreamQueue) keepAlive(ctx context.Context, m jetstream.Msg) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			q.acked(m.InProgress())
		}
	}
}

// acked notes an acknowledgement that did not get through: the event comes again then.
func (q *JetStreamQueue) acked(err error) {
	if err != nil {
		q.log.Warn("acknowledging an event", "err", err)
	}
}
