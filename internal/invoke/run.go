package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"weir/internal/runtime"
)

// call is what happened before an instance got its event.
type call struct {
	warm     bool          // the code was loaded already
	initTime time.Duration // shown in the report
	// spent is what loading the code took of the invocation's own time.
	spent time.Duration
}

// first loads the code and runs the event that wanted the instance.
func (i *Invoker) first(ctx context.Context, in *instance, r Request) (*Response, error) {
	if r.LogTail {
		in.sink.startTail()
	}
	start := i.cfg.Now()
	in.sink.line(start, "INIT_START Runtime Version: "+r.Version.Runtime)
	if note := i.cfg.Engine.Note(r.Version.Runtime); note != "" {
		in.sink.line(start, reasonPrefix+note)
	}
	initCtx, cancel := context.WithTimeout(ctx, i.cfg.InitTimeout)
	defer cancel()
	err := i.load(initCtx, in, r)
	took := i.cfg.Now().Sub(start)
	var failed *runtime.InitError
	switch {
	case err == nil:
		return i.run(ctx, in, r, call{initTime: took}), nil
	case errors.As(err, &failed):
		in.sink.line(i.cfg.Now(), initReport(took, "error", failed.ErrorType))
		return i.initFailed(ctx, in, r, failed, took), nil
	case errors.Is(initCtx.Err(), context.DeadlineExceeded):
		in.sink.line(i.cfg.Now(), initReport(took, "timeout", ""))
		return i.second(ctx, in, r)
	default:
		i.kill([]*instance{in})
		return nil, asCloudError(err, r.Function)
	}
}

// initFailed answers an event with what loading the code said.
func (i *Invoker) initFailed(ctx context.Context, in *instance, r Request, failed *runtime.InitError, took time.Duration) *Response {
	res := failed.Result(r.RequestID)
	start := i.cfg.Now()
	in.sink.line(start, startLine(r.RequestID, in.label))
	resp := &Response{Payload: res.Payload, FunctionError: unhandled, ErrorType: res.ErrorType}
	i.finish(ctx, in, r, resp, report{init: took, billed: took, status: "error"}, start.Add(-took))
	i.kill([]*instance{in})
	return resp
}

// second starts over after the code did not load in the time that Lambda gives
// to that: it may load again in a new process, in the event's own time.
func (i *Invoker) second(ctx context.Context, old *instance, r Request) (*Response, error) {
	tail := old.sink.takeTail()
	if err := i.reserve(); err != nil {
		i.kill([]*instance{old})
		return nil, err
	}
	in, err := i.start(ctx, r)
	i.kill([]*instance{old})
	if err != nil {
		i.unreserve()
		return nil, asCloudError(err, r.Function)
	}
	i.mu.Lock()
	i.all[in] = struct{}{}
	i.mu.Unlock()
	if r.LogTail {
		in.sink.startTail(tail...)
	}
	start := i.cfg.Now()
	loadCtx, cancel := context.WithTimeout(ctx, r.Version.Timeout)
	defer cancel()
	err = i.load(loadCtx, in, r)
	spent := i.cfg.Now().Sub(start)
	var failed *runtime.InitError
	switch {
	case err == nil:
		return i.run(ctx, in, r, call{spent: spent}), nil
	case errors.As(err, &failed):
		return i.initFailed(ctx, in, r, failed, spent), nil
	case errors.Is(loadCtx.Err(), context.DeadlineExceeded):
		in.sink.line(start, startLine(r.RequestID, in.label))
		return i.outOfTime(ctx, in, r, start, 0), nil
	default:
		i.kill([]*instance{in})
		return nil, asCloudError(err, r.Function)
	}
}

const unhandled = "Unhandled"

// run gives the event to an instance that has loaded its code, and puts the
// instance back, or ends it.
func (i *Invoker) run(ctx context.Context, in *instance, r Request, c call) *Response {
	if r.LogTail && c.warm {
		in.sink.startTail()
	}
	now := i.cfg.Now()
	start := now.Add(-c.spent)
	deadline := start.Add(r.Version.Timeout)
	in.sink.line(now, startLine(r.RequestID, in.label))
	runCtx, cancel := context.WithDeadline(ctx, deadline)
	res, err := in.process.Invoke(runCtx, runtime.Event{
		RequestID:     r.RequestID,
		Payload:       r.Payload,
		Deadline:      deadline,
		ARN:           r.ARN,
		TraceID:       r.TraceID,
		ClientContext: r.ClientContext,
	})
	late := runCtx.Err() != nil
	cancel()
	if err != nil && late {
		return i.outOfTime(ctx, in, r, start, c.initTime)
	}
	resp := &Response{Payload: res.Payload}
	rep := report{duration: i.cfg.Now().Sub(start), init: c.initTime}
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
	}
	i.finish(ctx, in, r, resp, rep, start)
	if err != nil || res.Exited {
		i.kill([]*instance{in})
	} else {
		i.release(in)
	}
	return resp
}

// outOfTime ends the instance whole and answers with the vendor's message. The
// reply has the form of the guide's example, the message alone; the type is for
// destinations and metrics.
func (i *Invoker) outOfTime(ctx context.Context, in *instance, r Request, start time.Time, initTime time.Duration) *Response {
	end := i.cfg.Now()
	took := end.Sub(start)
	message := timedOut(end, r.RequestID, took)
	resp := &Response{Payload: errorPayload("", message), FunctionError: unhandled, ErrorType: "Sandbox.Timedout"}
	in.process.Kill()
	i.finish(ctx, in, r, resp, report{duration: took, init: initTime, billed: r.Version.Timeout + initTime, status: "timeout"}, start, message)
	i.kill([]*instance{in})
	return resp
}

// finish writes the end of an invocation to the log, with the reason if packets
// got nowhere, and takes the tail.
func (i *Invoker) finish(ctx context.Context, in *instance, r Request, resp *Response, rep report, since time.Time, extra ...string) {
	now := i.cfg.Now()
	rep.requestID, rep.memory, rep.peak = r.RequestID, in.memory, in.readPeak(now)
	in.sink.line(now, endLine(r.RequestID))
	in.sink.line(now, rep.String())
	for _, text := range extra {
		in.sink.line(now, text+"\n")
	}
	if i.cfg.Explain != nil && (resp.FunctionError != "" || i.cfg.Dropped != nil && i.cfg.Dropped(in.slot.ENI, since)) {
		for _, reason := range i.cfg.Explain(ctx, in.slot, since) {
			in.sink.line(now, reasonPrefix+reason)
		}
	}
	if r.LogTail {
		resp.LogTail = in.sink.takeTail()
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
