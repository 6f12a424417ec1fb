package invoke

import (
	"context"
	"errors"
	"time"

	"weir/internal/runtime"
)

// loaded is an instance for an event that waited, and how loading its code went.
type loaded struct {
	in      *instance // nil if err says why there is none
	warm    bool      // another event has finished with it
	err     error
	failed  *runtime.InitError // the code's own failure
	expired bool               // loading took too long
	took    time.Duration
}

// cold runs an event that found no idle instance, in the first that is ready.
func (i *Invoker) cold(ctx context.Context, r Request, w waiter) (*Response, error) {
	l := <-w
	if l.err == nil && r.stopped() { // the instance is for others
		if !l.warm {
			l.in.sink.takeTail("")
		}
		i.release(l.in, false)
		return &Response{Payload: errorPayload("", stopMessage), FunctionError: unhandled, ErrorType: "Runtime.Stopped", Failure: Stopped}, nil
	}
	if l.warm {
		return i.warm(ctx, l.in, r), nil
	}
	return i.first(ctx, l, r)
}

// await adds the request to those that wait, and has an instance started unless
// those that are being started have places for all; mu is held.
func (i *Invoker) await(ctx context.Context, p *pool, r Request) waiter {
	w := make(waiter, 1)
	p.waiting = append(p.waiting, w)
	i.provide(ctx, p, r)
	return w
}

// provide has an instance started if events wait for one; mu is held.
func (i *Invoker) provide(ctx context.Context, p *pool, r Request) {
	if p.launching*max(r.Version.Concurrency, 1) < len(p.waiting) {
		p.launching++
		go func() { i.launched(ctx, p, r, i.launch(ctx, r)) }()
	}
}

// launched gives a new instance to the event that waits longest, and to others as
// far as it has places. If none waits any more, because instances became idle
// meanwhile, it is for events to come.
func (i *Invoker) launched(ctx context.Context, p *pool, r Request, l loaded) {
	i.mu.Lock()
	p.launching--
	if l.in != nil {
		l.in.busy = 1
	}
	if len(p.waiting) == 0 {
		i.mu.Unlock()
		if l.in != nil {
			i.release(l.in, l.err != nil)
		}
		return
	}
	p.waiting[0] <- l
	p.waiting = p.waiting[1:]
	if l.in != nil && l.err == nil {
		i.fill(p, l.in)
	}
	i.provide(ctx, p, r)
	i.mu.Unlock()
}

// fill gives a new instance's other places away; mu is held.
func (i *Invoker) fill(p *pool, in *instance) {
	for ; len(p.waiting) > 0 && in.busy < in.places; p.waiting = p.waiting[1:] {
		p.waiting[0] <- loaded{in: in, warm: true}
		in.busy++
	}
	if in.busy < in.places && i.pools[in.key] == p {
		p.shared = append(p.shared, in)
	}
}

// launch makes an instance and loads the version's code into it.
func (i *Invoker) launch(ctx context.Context, r Request) loaded {
	in, err := i.instance(ctx, r)
	if err != nil {
		return loaded{err: err}
	}
	start := i.cfg.Now()
	in.sink.say(start, in.words.loading(r))
	if note := i.cfg.Engine.Note(r.Version.Runtime); note != "" {
		in.sink.line(start, reasonPrefix+note)
	}
	in.sink.startTail("") // in case that the event wants what the code prints from here on
	initCtx, cancel := context.WithTimeout(ctx, in.words.loadWithin(i.cfg.InitTimeout, r.Version))
	defer cancel()
	l := loaded{in: in, err: i.load(initCtx, in, r)}
	l.took = i.cfg.Now().Sub(start)
	status, errorType := "", ""
	switch {
	case l.err == nil:
		in.initTime = l.took
	case errors.As(l.err, &l.failed):
		status, errorType = "error", l.failed.ErrorType
	case errors.Is(initCtx.Err(), context.DeadlineExceeded):
		l.expired, status = true, "timeout"
	}
	in.sink.say(i.cfg.Now(), in.words.loaded(r, l.took, status, errorType))
	return l
}

// instance makes an instance that has no code yet.
func (i *Invoker) instance(ctx context.Context, r Request) (*instance, error) {
	if err := i.reserve(); err != nil {
		return nil, err
	}
	in, err := i.start(ctx, r)
	if err != nil {
		i.unreserve()
		return nil, asCloudError(err, r.Function)
	}
	i.mu.Lock()
	i.all[in] = struct{}{}
	i.mu.Unlock()
	return in, nil
}

// first runs the event that wanted the instance.
func (i *Invoker) first(ctx context.Context, l loaded, r Request) (*Response, error) {
	switch {
	case l.err == nil:
		return i.run(ctx, l.in, r, 0), nil
	case l.failed != nil:
		return i.initFailed(ctx, l.in, r, l.failed, l.took), nil
	case l.expired:
		return i.second(ctx, l.in, r)
	case l.in != nil:
		i.release(l.in, true)
	}
	return nil, asCloudError(l.err, r.Function)
}

// initFailed answers an event with what loading the code said.
func (i *Invoker) initFailed(ctx context.Context, in *instance, r Request, failed *runtime.InitError, took time.Duration) *Response {
	res := failed.Result(r.RequestID)
	in.sink.moveTail(r.RequestID)
	start := i.cfg.Now()
	in.sink.say(start, in.words.start(r, in.label))
	resp := &Response{Payload: res.Payload, FunctionError: unhandled, ErrorType: res.ErrorType, Instance: in.id}
	resp.Failure, resp.Message = startFailure(failed), failed.Message
	i.finish(ctx, in, r, resp, report{init: took, billed: took, status: "error"}, start.Add(-took))
	i.release(in, true)
	return resp
}

// startFailure says why code was not ready for its first event.
func startFailure(e *runtime.InitError) Failure {
	switch {
	case e.ErrorType == runtime.InitializerTimedOut:
		return InitTimedOut
	case e.OOM:
		return OutOfMemory
	case e.Server:
		return NotStarted
	case e.ErrorType == "Runtime.ExitError":
		return Exited
	}
	return ""
}

// second starts over after the code did not load in the time that Lambda gives
// to that: it may load again in a new process, in the event's own time.
func (i *Invoker) second(ctx context.Context, old *instance, r Request) (*Response, error) {
	tail := old.sink.takeTail("")
	i.release(old, true)
	in, err := i.instance(ctx, r)
	if err != nil {
		return nil, err
	}
	in.busy = 1
	in.sink.startTail("", tail...)
	start := i.cfg.Now()
	loadCtx, cancel := context.WithTimeout(ctx, r.Version.Timeout)
	defer cancel()
	err = i.load(loadCtx, in, r)
	spent := i.cfg.Now().Sub(start)
	var failed *runtime.InitError
	switch {
	case err == nil:
		return i.run(ctx, in, r, spent), nil
	case errors.As(err, &failed):
		return i.initFailed(ctx, in, r, failed, spent), nil
	case errors.Is(loadCtx.Err(), context.DeadlineExceeded):
		in.sink.moveTail(r.RequestID)
		in.sink.say(start, in.words.start(r, in.label))
		return i.cutShort(ctx, in, r, start, 0, false), nil
	default:
		i.release(in, true)
		return nil, asCloudError(err, r.Function)
	}
}
