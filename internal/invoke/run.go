package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"weir/internal/runtime"
)

const unhandled = "Unhandled"

// run gives the event to an instance that has loaded its code, and puts the
// instance back, or ends it. spent is what loading took of the event's own time.
func (i *Invoker) run(ctx context.Context, in *instance, r Request, spent time.Duration) *Response {
	if r.LogTail {
		in.sink.moveTail(r.RequestID)
	} else {
		in.sink.takeTail("")
	}
	initTime := in.takeInit()
	now := i.cfg.Now()
	start := now.Add(-spent)
	deadline := start.Add(r.Version.Timeout)
	in.sink.begin(r.RequestID, lineFields(r, in.id))
	in.sink.say(now, in.words.start(r, in.label))
	runCtx, cancel := until(ctx, deadline, r.Stop, r.abort)
	res, err := in.process.Invoke(runCtx, runtime.Event{
		RequestID:     r.RequestID,
		Payload:       r.Payload,
		Deadline:      deadline,
		ARN:           r.ARN,
		TraceID:       r.TraceID,
		ClientContext: r.ClientContext,
		Credentials:   in.credentials,
		Qualifier:     r.Qualifier,
		Retries:       r.Retries,
		HTTP:          r.HTTP,
	})
	cut := runCtx.Err()
	cancel()
	if err != nil && cut != nil {
		return i.cutShort(ctx, in, r, start, initTime, errors.Is(cut, context.Canceled))
	}
	resp := &Response{Payload: res.Payload, HTTP: res.HTTP, Instance: in.id, Reported: res.Reported}
	rep := report{duration: i.cfg.Now().Sub(start), init: initTime}
	rep.billed = rep.duration + rep.init
	switch {
	case err != nil:
		i.cfg.Log.Error("running an event", "fn", in.key.fn, "req", r.RequestID, "err", err)
		fail(resp, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited: %v", r.RequestID, err))
	case res.FunctionError:
		resp.FunctionError, resp.ErrorType = unhandled, res.ErrorType
	}
	if err != nil || res.Exited {
		rep.status, rep.errorType = "error", resp.ErrorType
		if resp.FunctionError != "" {
			resp.Failure = Exited
		}
		if res.OOM {
			resp.Failure = OutOfMemory
		}
	}
	i.finish(ctx, in, r, resp, rep, start)
	i.release(in, err != nil || res.Exited)
	return resp
}

// until ends at a time, or when one of the channels is closed.
func until(ctx context.Context, deadline time.Time, stop, abort <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	if stop != nil || abort != nil {
		go func() {
			select {
			case <-stop:
				cancel()
			case <-abort:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// cutShort ends the instance of an event that was stopped or is out of time, whole,
// unless it runs other events, and answers with the vendor's message. The reply has
// the form of the guide's example, the message alone; the type is for destinations
// and metrics.
func (i *Invoker) cutShort(ctx context.Context, in *instance, r Request, start time.Time, initTime time.Duration, stopped bool) *Response {
	end := i.cfg.Now()
	took := end.Sub(start)
	message, rep := timedOut(end, r.RequestID, took), report{duration: took, init: initTime, billed: r.Version.Timeout + initTime, status: "timeout"}
	resp := &Response{FunctionError: unhandled, ErrorType: "Sandbox.Timedout", Failure: TimedOut, Instance: in.id}
	if stopped {
		message, rep.billed, rep.status, resp.ErrorType, resp.Failure = stopMessage, took+initTime, "error", "Runtime.Stopped", Stopped
	}
	resp.Payload = errorPayload("", message)
	if i.alone(in) {
		in.process.Kill()
	}
	i.finish(ctx, in, r, resp, rep, start, message)
	i.release(in, true)
	return resp
}

// stopMessage is what became of an event that was stopped.
const stopMessage = "The event was stopped."

// alone tells whether an instance runs one event, and makes that its last.
func (i *Invoker) alone(in *instance) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if p := i.pools[in.key]; p != nil {
		p.leave(in)
	}
	in.over = true
	return in.busy <= 1
}

// finish writes the end of an invocation to the log, with the reason if packets
// got nowhere, and takes the tail.
func (i *Invoker) finish(ctx context.Context, in *instance, r Request, resp *Response, rep report, since time.Time, extra ...string) {
	now := i.cfg.Now()
	rep.requestID, rep.memory, rep.peak = r.RequestID, in.memory, in.readPeak(now)
	in.words.fail(resp, rep, r)
	in.sink.say(now, in.words.end(r, rep, extra))
	if i.cfg.Explain != nil && (resp.FunctionError != "" || i.cfg.Dropped != nil && i.cfg.Dropped(in.slot.ENI, since)) {
		for _, reason := range i.cfg.Explain(ctx, in.slot, since) {
			in.sink.line(now, reasonPrefix+reason)
		}
	}
	in.sink.end(r.RequestID)
	if r.LogTail {
		resp.LogTail = in.sink.takeTail(r.RequestID)
	}
}

func fail(resp *Response, errorType, message string) {
	resp.FunctionError, resp.ErrorType = unhandled, errorType
	resp.Payload = errorPayload(errorType, message)
}

// errorPayload is an error document; the type is left out if it is "".
func errorPayload(errorType, message string) []byte {
	doc := struct {
		Type    string `json:"errorType,omitempty"`
		Message string `json:"errorMessage"`
	}{errorType, message}
	b, err := json.Marshal(doc)
	if err != nil {
		panic("invoke: two strings cannot be encoded: " + err.Error())
	}
	return b
}
