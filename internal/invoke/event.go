package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"weir/internal/cloud"
)

// Event is an asynchronous invocation.
type Event struct {
	ID            string // request ID, the same for every attempt
	Function      cloud.FunctionKey
	Qualifier     string
	ARN           string
	Payload       []byte
	ClientContext string    `json:",omitempty"`
	Accepted      time.Time // when it was
	Attempts      int       // that the function has seen
	Throttles     int       // since then, that found no room
	NotBefore     time.Time // of the next attempt
	Task          string    `json:",omitempty"` // if the event is one, its ID
	// HTTP, if set, is the request of which Payload is the body; see Request.
	HTTP *HTTPRequest `json:",omitempty"`
}

// Queue keeps events until they are done. It survives a restart; an event may
// then come again.
type Queue interface {
	Put(ctx context.Context, e Event) error
	// Consume calls handle for every event, several at once, until ctx ends. The
	// event that handle returns takes the old one's place in the queue; nil ends it.
	// An event that handle did not finish comes again.
	Consume(ctx context.Context, handle func(context.Context, Event) (*Event, error)) error
}

// AsyncConfig is what asynchronous events need. Zero values take the vendor's.
type AsyncConfig struct {
	Queue Queue
	Tasks *Tasks // nil if no event is one
	State State
	// ParseDestination finds the function that a destination names; ok is false if it names none.
	ParseDestination func(destination string) (key cloud.FunctionKey, qualifier string, ok bool)
	Now              func() time.Time
	Random           func() float64 // for weighted aliases
	Retries          int            // 2; negative for none
	MaxAge           time.Duration  // 6 hours
	// Backoff is the wait before each further attempt after a function's error.
	Backoff []time.Duration // 1 minute, 2 minutes
	// Throttled is the first wait for room; it doubles up to MaxThrottled.
	Throttled    time.Duration // 1 second
	MaxThrottled time.Duration // 5 minutes
}

// Async accepts events and runs them later, with retries and destinations.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
type Async struct {
	cfg    AsyncConfig
	invoke func(context.Context, Request) (*Response, error)

	mu      sync.Mutex
	running map[string]chan struct{} // tasks; closed to stop them; mu guards it
}

// NewAsync returns an Async that runs events with i.
func NewAsync(i *Invoker, cfg AsyncConfig) *Async { return newAsync(i.Invoke, cfg) }

func newAsync(invoke func(context.Context, Request) (*Response, error), cfg AsyncConfig) *Async {
	fill(&cfg.Retries, 2)
	fill(&cfg.MaxAge, 6*time.Hour)
	fill(&cfg.Throttled, time.Second)
	fill(&cfg.MaxThrottled, 5*time.Minute)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	if cfg.Backoff == nil {
		cfg.Backoff = []time.Duration{time.Minute, 2 * time.Minute}
	}
	return &Async{cfg: cfg, invoke: invoke, running: map[string]chan struct{}{}}
}

// Enqueue stores an event durably. One that is not to run before a time ages from then.
func (a *Async) Enqueue(ctx context.Context, e Event) error {
	if e.Accepted = a.cfg.Now(); e.NotBefore.After(e.Accepted) {
		e.Accepted = e.NotBefore
	}
	if cfg, ok := cloud.EventConfigs.Get(a.cfg.State.View(), cloud.MakeEventConfigKey(e.Function, e.Qualifier)); ok && cfg.Tasks && e.Task == "" {
		e.Task = e.ID // whoever sent it: a timer, or a function whose destination this is
	}
	undo, err := a.enlist(ctx, e)
	if err != nil {
		return err
	}
	if err := a.cfg.Queue.Put(ctx, e); err != nil {
		undo()
		return fmt.Errorf("queue event %s for %s: %w", e.ID, e.Function, err)
	}
	return nil
}

// Run runs events until ctx ends.
func (a *Async) Run(ctx context.Context) error { return a.cfg.Queue.Consume(ctx, a.handle) }

// Conditions under which a destination gets a record.
const (
	conditionSuccess = "Success"
	conditionRetries = "RetriesExhausted"
	conditionAge     = "EventAgeExceeded"
)

// handle makes one attempt.
func (a *Async) handle(ctx context.Context, e Event) (*Event, error) {
	q, err := cloud.Resolve(a.cfg.State.View(), e.Function, e.Qualifier)
	if err != nil { // deleted since: the vendor drops its events
		return nil, a.turn(ctx, e, TaskInvalid, nil)
	}
	s := a.settings(e, q.Function)
	if a.cfg.Now().Sub(e.Accepted) > s.maxAge {
		return nil, a.expire(ctx, e, s)
	}
	stop, err := a.begin(ctx, e)
	defer a.end(e)
	switch {
	case errors.Is(err, errStopped):
		return nil, nil
	case err != nil && !cloud.IsKind(err, cloud.NotFound): // it is run though nobody can follow it any more
		return nil, err
	}
	v, start := q.Pick(a.cfg.Random()), a.cfg.Now()
	resp, err := a.invoke(ctx, Request{Function: q.Function, Version: v, ARN: e.ARN, Payload: e.Payload, RequestID: e.ID, ClientContext: e.ClientContext,
		Qualifier: e.Qualifier, Retries: e.Attempts, Stop: stop, HTTP: e.HTTP})
	if err != nil {
		return a.noRoom(e), a.putBack(ctx, e)
	}
	if resp.FunctionError != "" && ctx.Err() != nil {
		return nil, ctx.Err() // the platform's stop ended it: that is no attempt
	}
	return a.tried(ctx, e, s, v, resp, a.cfg.Now().Sub(start))
}

// expire gives up an event that got too old.
func (a *Async) expire(ctx context.Context, e Event, s eventSettings) error {
	status := TaskExpired
	if e.Attempts > 0 {
		status = TaskFailed
	}
	if err := a.deliver(ctx, s.onFailure, e, record(s.contract, e, conditionAge, nil, nil, a.cfg.Now())); err != nil {
		return err
	}
	return a.turn(ctx, e, status, delivered(s.onFailure))
}

// tried decides what follows an attempt.
func (a *Async) tried(ctx context.Context, e Event, s eventSettings, v *cloud.Version, resp *Response, took time.Duration) (*Event, error) {
	e.Attempts++
	e.Throttles = 0
	status, condition, destination := TaskSucceeded, conditionSuccess, s.onSuccess
	switch {
	case resp.Failure == Stopped:
		status, destination = TaskStopped, ""
	case resp.FunctionError != "" && e.Attempts > s.retries:
		status, condition, destination = TaskFailed, conditionRetries, s.onFailure
	case resp.FunctionError != "":
		status, destination = TaskRetrying, ""
	}
	if err := a.deliver(ctx, destination, e, record(s.contract, e, condition, v, resp, a.cfg.Now())); err != nil {
		return nil, err
	}
	err := a.turn(ctx, e, status, func(t *Task) {
		t.Instance, t.Took, t.Failed, t.Reported = resp.Instance, took, resp.FunctionError != "", resp.Reported
		delivered(destination)(t)
	})
	if err != nil || status != TaskRetrying {
		return nil, err
	}
	e.NotBefore = a.cfg.Now().Add(a.cfg.Backoff[min(e.Attempts, len(a.cfg.Backoff))-1])
	return &e, nil
}

// delivered notes that a destination, if there is one, got a task's record.
func delivered(destination string) func(*Task) {
	return func(t *Task) {
		if destination != "" {
			t.Delivered = TaskSucceeded
		}
	}
}

// noRoom puts an event off that could not be run at all: throttled, or the platform's trouble.
func (a *Async) noRoom(e Event) *Event {
	wait := a.cfg.Throttled << min(e.Throttles, 20)
	e.Throttles++
	e.NotBefore = a.cfg.Now().Add(min(wait, a.cfg.MaxThrottled))
	return &e
}

type eventSettings struct {
	retries   int
	maxAge    time.Duration
	onSuccess string
	onFailure string
	contract  string // of the function
}

func (a *Async) settings(e Event, fn *cloud.Function) eventSettings {
	s := eventSettings{retries: max(a.cfg.Retries, 0), maxAge: a.cfg.MaxAge, contract: fn.Latest.Contract}
	if fn.Latest.Contract == FC { // https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/asynchronous-invocation
		s = eventSettings{retries: 3, maxAge: 24 * time.Hour, contract: FC}
	}
	cfg, ok := cloud.EventConfigs.Get(a.cfg.State.View(), cloud.MakeEventConfigKey(e.Function, e.Qualifier))
	if !ok {
		return s
	}
	if cfg.Retries != nil {
		s.retries = *cfg.Retries
	}
	if cfg.MaxAge > 0 {
		s.maxAge = cfg.MaxAge
	}
	s.onSuccess, s.onFailure = cfg.OnSuccess, cfg.OnFailure
	return s
}

// deliver queues an event's record as an event of the destination's.
func (a *Async) deliver(ctx context.Context, destination string, of Event, record any) error {
	if destination == "" {
		return nil
	}
	key, qualifier, ok := a.cfg.ParseDestination(destination)
	if !ok {
		return fmt.Errorf("deliver the record of event %s: %s is no function", of.ID, destination)
	}
	payload, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("deliver the record of event %s to %s: %w", of.ID, destination, err)
	}
	return a.Enqueue(ctx, Event{ID: requestID(), Function: key, Qualifier: qualifier, ARN: destination, Payload: payload})
}

// requestID is a new random UUID.
func requestID() string {
	h := instanceID()
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// MemoryQueue is a Queue that forgets at the end of the process.
type MemoryQueue struct {
	events chan Event
}

// NewMemoryQueue returns an empty queue that holds up to 1,000 events.
func NewMemoryQueue() *MemoryQueue { return &MemoryQueue{events: make(chan Event, 1000)} }

// Put adds an event.
func (q *MemoryQueue) Put(ctx context.Context, e Event) error {
	select {
	case q.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Consume runs events; one that failed in the platform comes again after a second.
func (q *MemoryQueue) Consume(ctx context.Context, handle func(context.Context, Event) (*Event, error)) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-q.events:
			running.Go(func() { q.one(ctx, e, handle) })
		}
	}
}

func (q *MemoryQueue) one(ctx context.Context, e Event, handle func(context.Context, Event) (*Event, error)) {
	select {
	case <-time.After(time.Until(e.NotBefore)):
	case <-ctx.Done():
		return
	}
	next, err := handle(ctx, e)
	if err != nil && !errors.Is(err, context.Canceled) {
		e.NotBefore = time.Now().Add(time.Second)
		next = &e
	}
	if next != nil {
		_ = q.Put(ctx, *next) // fails only when ctx has ended, and the queue with it
	}
}
