package invoke

import (
	"context"
	"slices"
	"testing"
	"time"

	"weir/internal/bus"
	"weir/internal/cloud"
	"weir/internal/runtime"
)

const taskFn = cloud.FunctionKey("a/r/f")

// taskWorld runs the tasks of a function whose attempts answer as told.
type taskWorld struct {
	*testing.T
	*Async
	state *fakeState
}

func newTaskWorld(t *testing.T, invoke func(context.Context, Request) (*Response, error)) *taskWorld {
	t.Helper()
	b, err := bus.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	tasks, err := OpenTasks(t.Context(), b.JetStream())
	if err != nil {
		t.Fatal(err)
	}
	w := &taskWorld{T: t, state: newState()}
	w.state.update(func(tx cloud.Tx) {
		cloud.Functions.Put(tx, &cloud.Function{Key: taskFn, Name: "f"})
		cloud.EventConfigs.Put(tx, &cloud.EventConfig{Key: cloud.MakeEventConfigKey(taskFn, ""), Function: taskFn, MaxAge: time.Minute})
	})
	w.Async = newAsync(invoke, AsyncConfig{Queue: NewMemoryQueue(), Tasks: tasks, State: w.state, Backoff: []time.Duration{time.Millisecond}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Async.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *taskWorld) put(id string, change func(*Event)) error {
	e := Event{ID: "request-" + id, Task: id, Function: taskFn, ARN: "arn", Payload: []byte(`"in"`)}
	if change != nil {
		change(&e)
	}
	return w.Enqueue(w.Context(), e)
}

// until waits for a task's status.
func (w *taskWorld) until(id string, s TaskStatus) *Task {
	w.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		t, err := w.Task(w.Context(), taskFn, id)
		if err != nil {
			w.Fatal(err)
		}
		if t.Status == s {
			return t
		}
		if time.Now().After(end) {
			w.Fatalf("task %s is %s, want %s", id, t.Status, s)
		}
	}
}

func turns(t *Task) (out []TaskStatus) {
	for _, e := range t.Events {
		out = append(out, e.Status)
	}
	return out
}

func TestTaskLife(t *testing.T) {
	stopped := make(chan string, 1)
	w := newTaskWorld(t, func(_ context.Context, r Request) (*Response, error) {
		switch {
		case r.RequestID == "request-fails", r.RequestID == "request-once" && r.Retries == 0:
			return &Response{FunctionError: unhandled, Instance: "i-1"}, nil
		case r.RequestID == "request-long":
			<-r.Stop
			stopped <- r.RequestID
			return &Response{FunctionError: unhandled, Failure: Stopped}, nil
		}
		return &Response{Payload: []byte("out"), Instance: "i-2"}, nil
	})
	for _, c := range []struct {
		id     string
		change func(*Event)
		ends   TaskStatus
		turns  []TaskStatus
	}{
		{"well", nil, TaskSucceeded, []TaskStatus{TaskEnqueued, TaskRunning, TaskSucceeded}},
		{"once", nil, TaskSucceeded, []TaskStatus{TaskEnqueued, TaskRunning, TaskRetrying, TaskRunning, TaskSucceeded}},
		{"fails", nil, TaskFailed, []TaskStatus{TaskEnqueued, TaskRunning, TaskRetrying, TaskRunning, TaskRetrying, TaskRunning, TaskFailed}},
		{"orphan", func(e *Event) { e.Qualifier = "gone" }, TaskInvalid, []TaskStatus{TaskEnqueued, TaskInvalid}},
	} {
		if err := w.put(c.id, c.change); err != nil {
			t.Fatal(err)
		}
		task := w.until(c.id, c.ends)
		if !slices.Equal(turns(task), c.turns) || task.Ended.IsZero() || string(task.Payload) != `"in"` {
			t.Errorf("%s: %v %+v, want %v", c.id, turns(task), task, c.turns)
		}
	}
	if task := w.until("fails", TaskFailed); task.Retries != 2 || task.Instance != "i-1" || task.Events[6].Detail != "UnhandledInvocationError" {
		t.Errorf("a failed task: %+v", task)
	}
	if err := w.put("well", nil); !cloud.IsKind(err, cloud.Exists) {
		t.Errorf("an ID again: %v", err)
	}

	w.state.update(func(tx cloud.Tx) {
		cfg := &cloud.EventConfig{Key: cloud.MakeEventConfigKey(taskFn, ""), Function: taskFn, MaxAge: time.Minute, Tasks: true}
		cloud.EventConfigs.Put(tx, cfg)
	})
	if err := w.put("unnamed", func(e *Event) { e.Task = "" }); err != nil {
		t.Fatal(err)
	}
	w.until("request-unnamed", TaskSucceeded)
	w.stops(stopped)
}

// stops stops a task that runs, and what cannot be.
func (w *taskWorld) stops(stopped <-chan string) {
	t := w.T
	if err := w.put("long", nil); err != nil {
		t.Fatal(err)
	}
	w.until("long", TaskRunning)
	if err := w.StopTask(t.Context(), taskFn, "long"); err != nil {
		t.Fatal(err)
	}
	<-stopped
	if task := w.until("long", TaskStopped); !slices.Equal(turns(task), []TaskStatus{TaskEnqueued, TaskRunning, TaskStopping, TaskStopped}) {
		t.Errorf("stopped: %v", turns(task))
	}
	if err := w.StopTask(t.Context(), taskFn, "well"); !cloud.IsKind(err, cloud.State) {
		t.Errorf("stopping what is over: %v", err)
	}
	if err := w.StopTask(t.Context(), taskFn, "none"); !cloud.IsKind(err, cloud.NotFound) {
		t.Errorf("stopping nothing: %v", err)
	}
	all, err := w.Tasks(t.Context(), taskFn)
	if err != nil || len(all) != 6 {
		t.Errorf("%d tasks, %v, want 6", len(all), err)
	}
}

// TestTaskThatWaits: one that was stopped before its time does not run, and one that
// got too old neither.
func TestTaskThatWaits(t *testing.T) {
	ran := make(chan string, 10)
	w := newTaskWorld(t, func(_ context.Context, r Request) (*Response, error) {
		ran <- r.RequestID
		return &Response{}, nil
	})
	soon := func(e *Event) { e.NotBefore = time.Now().Add(200 * time.Millisecond) }
	for _, id := range []string{"stopped", "delayed"} {
		if err := w.put(id, soon); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.StopTask(t.Context(), taskFn, "stopped"); err != nil {
		t.Fatal(err)
	}
	w.until("stopped", TaskStopped)
	w.until("delayed", TaskSucceeded)
	if got := <-ran; got != "request-delayed" || len(ran) > 0 {
		t.Errorf("%s ran, and %d more", got, len(ran))
	}
	old := Event{ID: "request-old", Task: "old", Function: taskFn, Accepted: time.Now().Add(-time.Hour)}
	if _, err := w.enlist(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if next, err := w.handle(t.Context(), old); next != nil || err != nil {
		t.Fatal(next, err)
	}
	w.until("old", TaskExpired)
}

// TestStopAnEvent: the instance that ran it is gone, and the next event gets another.
func TestStopAnEvent(t *testing.T) {
	w := newWorld(t, nil)
	defer w.Close()
	began := make(chan struct{})
	w.engine.handler = func(p *fakeProcess, e runtime.Event) (runtime.Result, error) {
		if string(e.Payload) == "long" {
			close(began)
			<-p.done
		}
		return runtime.Result{Payload: e.Payload}, nil
	}
	stop := make(chan struct{})
	r := w.request("long")
	r.Stop = stop
	go func() { <-began; close(stop) }()
	resp, err := w.Invoke(t.Context(), r)
	if err != nil || resp.Failure != Stopped {
		t.Fatalf("%+v %v", resp, err)
	}
	if next := w.must(t, "short"); next.Instance == resp.Instance {
		t.Error("the next event ran in the instance of the stopped one")
	}
}

// TestAbort: a function's events end, those of others do not.
func TestAbort(t *testing.T) {
	w := newWorld(t, nil)
	defer w.Close()
	began := make(chan struct{})
	w.engine.handler = func(p *fakeProcess, e runtime.Event) (runtime.Result, error) {
		if string(e.Payload) == "long" {
			close(began)
			<-p.done
		}
		return runtime.Result{Payload: e.Payload}, nil
	}
	go func() {
		<-began
		w.Abort(w.fn.Key + "x")
		w.Abort(w.fn.Key)
	}()
	if resp := w.must(t, "long"); resp.Failure != Stopped || resp.FunctionError == "" {
		t.Errorf("%+v", resp)
	}
	if resp := w.must(t, "short"); string(resp.Payload) != "short" || len(w.ongoing) > 0 {
		t.Errorf("%+v, %d functions are left", resp, len(w.ongoing))
	}
}
