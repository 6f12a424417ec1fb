package invoke

import (
	"slices"
	"time"

	"weir/internal/cloud"
)

// TaskStatus says how far a task is.
type TaskStatus string

// Statuses of tasks and their events, in the words of the vendor that has tasks.
// https://www.alibabacloud.com/help/en/functioncompute/api-fc-2023-03-30-struct-asynctask
const (
	TaskEnqueued  TaskStatus = "Enqueued"
	TaskRunning   TaskStatus = "Running"
	TaskRetrying  TaskStatus = "Retrying" // waits for its next attempt
	TaskStopping  TaskStatus = "Stopping"
	TaskStopped   TaskStatus = "Stopped"
	TaskSucceeded TaskStatus = "Succeeded"
	TaskFailed    TaskStatus = "Failed"
	TaskExpired   TaskStatus = "Expired" // it got too old before it was run
	TaskInvalid   TaskStatus = "Invalid" // its function was gone before it was run
)

// Task is what is kept of an asynchronous event that somebody wants to follow.
type Task struct {
	ID        string // unique in the function
	Function  cloud.FunctionKey
	Qualifier string
	Request   string // ID
	Payload   []byte
	Status    TaskStatus
	Accepted  time.Time
	Ended     time.Time     // zero until then
	Took      time.Duration // the last attempt
	Instance  string        // of the last attempt
	Retries   int
	Failed    bool       // the last attempt
	Reported  bool       // …by the code itself
	Delivered TaskStatus // to a destination; "" if to none
	Events    []TaskEvent
}

// TaskEvent is a turn in a task's life.
type TaskEvent struct {
	Status TaskStatus
	At     time.Time
	Detail string `json:",omitempty"`
}

// Done says that nothing will change any more.
func (t *Task) Done() bool {
	return slices.Contains([]TaskStatus{TaskStopped, TaskSucceeded, TaskFailed, TaskExpired, TaskInvalid}, t.Status)
}

// turn notes the task's new status.
func (t *Task) turn(s TaskStatus, at time.Time, detail string) {
	t.Status = s
	t.Events = append(t.Events, TaskEvent{Status: s, At: at, Detail: detail})
	if t.Done() {
		t.Ended = at
	}
}

func newTask(e Event, at time.Time) *Task {
	t := &Task{ID: e.Task, Function: e.Function, Qualifier: e.Qualifier, Request: e.ID, Payload: e.Payload, Accepted: at}
	t.turn(TaskEnqueued, at, "")
	return t
}

func noTask(id string) error {
	return cloud.Errorf(cloud.NotFound, cloud.KindTask, id, "", "asynchronous task '%s' does not exist", id)
}
