package fc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/cloud"
	"weir/internal/invoke"
)

// taskStatuses may be asked for in a list.
var taskStatuses = []invoke.TaskStatus{"", invoke.TaskEnqueued, invoke.TaskRunning, invoke.TaskRetrying, invoke.TaskStopping, invoke.TaskStopped,
	invoke.TaskSucceeded, invoke.TaskFailed, invoke.TaskExpired, invoke.TaskInvalid}

// task finds a task of a function, and, if a qualifier is given, of that.
func (a *api) task(ctx context.Context, function, qualifier, id *string) (*cloud.Function, *invoke.Task, error) {
	fn, err := a.find(ctx, function)
	if err != nil {
		return nil, nil, err
	}
	t, err := a.invoker.Task(ctx, fn.Key, value(id))
	if err == nil && !ofQualifier(t, qualifier) {
		err = missing("AsyncTask", "asynchronous task '%s' does not exist for qualifier '%s'", value(id), value(qualifier))
	}
	return fn, t, err
}

func ofQualifier(t *invoke.Task, qualifier *string) bool {
	return value(qualifier) == "" || shownQualifier(t.Qualifier) == *qualifier
}

func (a *api) getTask(ctx context.Context, in *GetAsyncTaskInput) (*AsyncTask, error) {
	fn, t, err := a.task(ctx, in.FunctionName, in.Qualifier, in.TaskId)
	if err != nil {
		return nil, err
	}
	return taskShape(fn, t, true), nil
}

func (a *api) stopTask(ctx context.Context, in *StopAsyncTaskInput) (*StopAsyncTaskOutput, error) {
	fn, t, err := a.task(ctx, in.FunctionName, in.Qualifier, in.TaskId)
	if err != nil {
		return nil, err
	}
	return &StopAsyncTaskOutput{}, a.invoker.StopTask(ctx, fn.Key, t.ID)
}

func (a *api) listTasks(ctx context.Context, in *ListAsyncTasksInput) (*ListAsyncTaskOutput, error) {
	fn, err := a.find(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	order := value(in.SortOrderByTime)
	switch {
	case !slices.Contains(taskStatuses, invoke.TaskStatus(value(in.Status))):
		return nil, invalid("status is set to an invalid value: '%s'", value(in.Status))
	case !slices.Contains([]string{"", "asc", "desc"}, order):
		return nil, invalid("sortOrderByTime is set to an invalid value: want asc or desc")
	}
	all, err := a.invoker.Tasks(ctx, fn.Key)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t *invoke.Task) bool { return !wanted(t, in) })
	key := func(t *invoke.Task) string { // the newest first, unless asked otherwise
		at := t.Accepted.UnixNano()
		if order != "asc" {
			at = 1<<62 - at
		}
		return fmt.Sprintf("%019d %s", at, t.ID)
	}
	scope := strings.Join([]string{"tasks", string(fn.Key), value(in.Qualifier), value(in.Status), value(in.Prefix), order}, " ")
	page, next, err := pageOf(all, in.Limit, in.NextToken, scope, key)
	if err != nil {
		return nil, err
	}
	out := &ListAsyncTaskOutput{Tasks: []AsyncTask{}, NextToken: next}
	for _, t := range page {
		out.Tasks = append(out.Tasks, *taskShape(fn, t, value(in.IncludePayload)))
	}
	return out, nil
}

// wanted tells whether a task is what a list asks for.
func wanted(t *invoke.Task, in *ListAsyncTasksInput) bool {
	at := t.Accepted.UnixMilli()
	return ofQualifier(t, in.Qualifier) && strings.HasPrefix(t.ID, value(in.Prefix)) &&
		(value(in.Status) == "" || string(t.Status) == *in.Status) &&
		(in.StartedTimeBegin == nil || at >= *in.StartedTimeBegin) && (in.StartedTimeEnd == nil || at <= *in.StartedTimeEnd)
}

// taskShape shows a task; it counts as started when it was accepted.
func taskShape(fn *cloud.Function, t *invoke.Task, payload bool) *AsyncTask {
	millis := func(at time.Time) *int64 { return ptr(at.UnixMilli()) }
	out := &AsyncTask{TaskId: &t.ID, FunctionArn: ptr(functionARN(fn)), Qualifier: ptr(shownQualifier(t.Qualifier)), RequestId: &t.Request,
		Status: ptr(string(t.Status)), StartedTime: millis(t.Accepted), AlreadyRetriedTimes: ptr(int64(t.Retries)),
		DurationMs: ptr(t.Took.Milliseconds()), InstanceId: given(t.Instance), DestinationStatus: given(t.Delivered), Events: []AsyncTaskEvent{}}
	if !t.Ended.IsZero() {
		out.EndTime = millis(t.Ended)
	}
	if payload {
		out.TaskPayload = ptr(string(t.Payload))
	}
	for i, e := range t.Events {
		shown := AsyncTaskEvent{EventId: ptr(int64(i + 1)), Status: ptr(string(e.Status)), Timestamp: millis(e.At), EventDetail: ptr("")}
		if e.Detail != "" {
			shown.EventDetail = ptr(`{"Error":"` + e.Detail + `"}`)
			out.TaskErrorMessage = ptr(e.Detail)
		}
		out.Events = append(out.Events, shown)
	}
	if t.Status == invoke.TaskSucceeded {
		out.TaskErrorMessage = nil
	}
	return out
}
