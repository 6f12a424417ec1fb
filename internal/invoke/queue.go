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
	// pollFor is how long one question for an event waits; the end waits that long, too.
	pollFor = 500 * time.Millisecond
	// soon hands an event back for after a restart: without a delay, the stream
	// forgets by then that it may give it out again at once.
	soon = time.Millisecond
	// running bounds the events that run at once.
	running = 1000
	// eventsKept is longer than any event may wait.
	eventsKept = 8 * 24 * time.Hour
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

// Consume runs events until ctx ends. It asks for one event at a time, when there
// is room to run it, and always waits for the answer: an event that was given out
// and got lost on the way would come again only after ackWait.
func (q *JetStreamQueue) Consume(ctx context.Context, handle func(context.Context, Event) (*Event, error)) error {
	places := make(chan struct{}, running)
	var busy sync.WaitGroup
	defer func() {
		busy.Wait()
		q.acked(q.js.Conn().FlushTimeout(pollFor)) // acknowledgements are only buffered
	}()
	for ctx.Err() == nil {
		places <- struct{}{}
		m, err := q.consumer.Next(jetstream.FetchMaxWait(pollFor))
		switch {
		case errors.Is(err, nats.ErrTimeout):
			<-places
		case err != nil:
			<-places
			q.pause(ctx, err)
		case ctx.Err() != nil:
			<-places
			q.acked(m.NakWithDelay(soon))
		case q.early(m):
			<-places
		default:
			busy.Go(func() {
				defer func() { <-places }()
				q.one(ctx, m, handle)
			})
		}
	}
	return nil
}

// pause waits a little after the stream did not answer.
func (q *JetStreamQueue) pause(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	q.log.Warn("reading the queue of events", "err", err)
	select {
	case <-ctx.Done():
	case <-time.After(pollFor):
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
	// What the attempt came to must not be lost because the platform is stopping.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackWait)
	defer cancel()
	if err == nil && next != nil {
		err = q.Put(keep, *next)
	}
	if err != nil && ctx.Err() != nil {
		q.acked(m.NakWithDelay(soon)) // it runs again after the restart
		return
	}
	if err != nil {
		q.log.Error("event put off", "event", e.ID, "fn", e.Function, "err", err)
		q.acked(m.NakWithDelay(time.Second))
		return
	}
	q.acked(m.DoubleAck(keep)) // confirmed, or a stop could lose it and the event come again
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
