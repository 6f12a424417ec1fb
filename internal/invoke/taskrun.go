package invoke

import (
	"context"
	"errors"

	"weir/internal/cloud"
)

// Task finds a task of a function.
func (a *Async) Task(ctx context.Context, fn cloud.FunctionKey, id string) (*Task, error) {
	return a.cfg.Tasks.Get(ctx, fn, id)
}

// Tasks finds all tasks of a function.
func (a *Async) Tasks(ctx context.Context, fn cloud.FunctionKey) ([]*Task, error) {
	return a.cfg.Tasks.List(ctx, fn)
}

// StopTask keeps a task that waits from running, and ends one that runs. Errors:
// NotFound; State if it is over.
func (a *Async) StopTask(ctx context.Context, fn cloud.FunctionKey, id string) error {
	_, err := a.cfg.Tasks.change(ctx, fn, id, func(t *Task) error {
		switch {
		case t.Status == TaskRunning:
			t.turn(TaskStopping, a.cfg.Now(), "")
		case t.Status == TaskStopping || t.Status == TaskStopped:
		case t.Done():
			return cloud.Errorf(cloud.State, cloud.KindTask, id, "over", "asynchronous task '%s' cannot be stopped: it is over (%s)", id, t.Status)
		default:
			t.turn(TaskStopped, a.cfg.Now(), "")
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if stop := a.running[taskKey(fn, id)]; stop != nil {
		delete(a.running, taskKey(fn, id))
		close(stop)
	}
	return nil
}

// enlist keeps the task of an event that is about to be queued, if it is to have one.
func (a *Async) enlist(ctx context.Context, e Event) (undo func(), err error) {
	if e.Task == "" {
		return func() {}, nil
	}
	t := newTask(e, a.cfg.Now())
	return func() { _ = a.cfg.Tasks.forget(context.WithoutCancel(ctx), t) }, a.cfg.Tasks.create(ctx, t)
}

// errStopped says that a task is not to run.
var errStopped = errors.New("the task was stopped")

// begin notes that a task runs. The channel is closed when it is to stop; errStopped
// says that it was stopped before.
func (a *Async) begin(ctx context.Context, e Event) (<-chan struct{}, error) {
	if e.Task == "" {
		return nil, nil
	}
	key, stop := taskKey(e.Function, e.Task), make(chan struct{})
	a.mu.Lock()
	a.running[key] = stop // before anybody can see that it runs
	a.mu.Unlock()
	t, err := a.cfg.Tasks.change(ctx, e.Function, e.Task, func(t *Task) error {
		switch {
		case t.Done():
			return errStopped
		case t.Status == TaskStopping:
			t.turn(TaskStopped, a.cfg.Now(), "")
		default:
			t.Retries = e.Attempts
			t.turn(TaskRunning, a.cfg.Now(), "")
		}
		return nil
	})
	if err == nil && t.Status == TaskStopped {
		err = errStopped
	}
	return stop, err
}

// end forgets that a task runs.
func (a *Async) end(e Event) {
	if e.Task == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.running, taskKey(e.Function, e.Task))
}

// turn notes what became of an event's task; edit, which may be nil, adds to that.
func (a *Async) turn(ctx context.Context, e Event, s TaskStatus, edit func(*Task)) error {
	if e.Task == "" {
		return nil
	}
	detail := ""
	_, err := a.cfg.Tasks.change(context.WithoutCancel(ctx), e.Function, e.Task, func(t *Task) error {
		if t.Done() {
			return errStopped
		}
		if edit != nil {
			edit(t)
		}
		if t.Failed && s != TaskStopped {
			detail = failureName(t)
		}
		t.turn(s, a.cfg.Now(), detail)
		return nil
	})
	if errors.Is(err, errStopped) || cloud.IsKind(err, cloud.NotFound) { // it was kept for long enough
		return nil
	}
	return err
}

// putBack undoes begin for an event that found no room.
func (a *Async) putBack(ctx context.Context, e Event) error {
	if e.Task == "" {
		return nil
	}
	_, err := a.cfg.Tasks.change(context.WithoutCancel(ctx), e.Function, e.Task, func(t *Task) error {
		if t.Status == TaskRunning && len(t.Events) > 1 {
			t.Events = t.Events[:len(t.Events)-1]
			t.Status = t.Events[len(t.Events)-1].Status
		}
		return nil
	})
	return err
}

// failureName is why an attempt failed, in the vendor's words.
func failureName(t *Task) string {
	if t.Reported {
		return "HandledInvocationError"
	}
	return "UnhandledInvocationError"
}
