package invoke

import (
	"context"
	"log/slog"
	"time"

	"weir/internal/cloud"
)

// Timers put events into the queue at the times that timer triggers name. What
// would have been while no daemon ran is left out.
type Timers struct {
	State   State
	Enqueue func(ctx context.Context, e Event) error
	// Next is the first time of a schedule after another.
	Next func(schedule string, after time.Time) time.Time
	// Event is what a trigger sends.
	Event func(fn *cloud.Function, t *cloud.Trigger, at time.Time) Event
	Now   func() time.Time
	Log   *slog.Logger
}

// due is when a trigger fires next; it is counted anew when the trigger changes.
type due struct {
	at       time.Time
	modified time.Time
}

// recheck bounds how long a change of the clock goes unseen.
const recheck = time.Minute

// Run fires triggers until ctx ends.
func (t *Timers) Run(ctx context.Context) error {
	next := map[cloud.TriggerKey]due{}
	for {
		changed := t.State.Watch()
		wake := t.fire(ctx, next)
		timer := time.NewTimer(max(time.Millisecond, min(recheck, wake)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// fire sends what is due, and tells how long the next one has time.
func (t *Timers) fire(ctx context.Context, next map[cloud.TriggerKey]due) time.Duration {
	v, now, wake := t.State.View(), t.Now(), recheck
	seen := map[cloud.TriggerKey]bool{}
	for tr := range cloud.Triggers.By(v, "kind", "timer") {
		if !tr.Timer.Enabled {
			continue
		}
		seen[tr.Key] = true
		d, known := next[tr.Key]
		switch {
		case !known || !d.modified.Equal(tr.Modified):
			d = due{t.Next(tr.Timer.Schedule, now), tr.Modified}
		case !d.at.IsZero() && !now.Before(d.at):
			t.send(ctx, v, tr, d.at)
			d.at = t.Next(tr.Timer.Schedule, now)
		}
		next[tr.Key] = d
		if !d.at.IsZero() {
			wake = min(wake, d.at.Sub(now))
		}
	}
	for key := range next {
		if !seen[key] {
			delete(next, key)
		}
	}
	return wake
}

func (t *Timers) send(ctx context.Context, v cloud.View, tr *cloud.Trigger, at time.Time) {
	fn, ok := cloud.Functions.Get(v, tr.Function)
	if !ok || fn.Disabled {
		return
	}
	if err := t.Enqueue(ctx, t.Event(fn, tr, at)); err != nil {
		t.Log.Error("a timer's event is not queued", "fn", tr.Function, "trigger", tr.Name, "err", err)
	}
}
