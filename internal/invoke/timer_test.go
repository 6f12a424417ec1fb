package invoke

import (
	"context"
	"testing"
	"time"

	"weir/internal/cloud"
)

func TestTimers(t *testing.T) {
	state, now := newState(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fn := &cloud.Function{Key: "a/r/f", Name: "f"}
	trigger := &cloud.Trigger{Key: "a/r/f/t", Function: fn.Key, Name: "t", Timer: &cloud.TimerTrigger{Schedule: "s", Enabled: true}, Modified: now}
	put := func() {
		state.update(func(tx cloud.Tx) { cloud.Functions.Put(tx, fn); cloud.Triggers.Put(tx, trigger) })
	}
	put()
	var sent []time.Time
	timers := &Timers{
		State: state, Now: func() time.Time { return now },
		Next: func(_ string, after time.Time) time.Time {
			return after.Truncate(10 * time.Second).Add(10 * time.Second)
		},
		Event:   func(_ *cloud.Function, _ *cloud.Trigger, at time.Time) Event { sent = append(sent, at); return Event{} },
		Enqueue: func(context.Context, Event) error { return nil },
	}
	next := map[cloud.TriggerKey]due{}
	expect := func(what string, n int, wake time.Duration) {
		t.Helper()
		if got := timers.fire(t.Context(), next); got != wake || len(sent) != n {
			t.Errorf("%s: %d events, next in %s; want %d, %s", what, len(sent), got, n, wake)
		}
	}
	expect("a new trigger", 0, 10*time.Second)
	now = now.Add(4 * time.Second)
	expect("too early", 0, 6*time.Second)
	now = now.Add(6 * time.Second)
	expect("in time", 1, 10*time.Second)
	if !sent[0].Equal(now) {
		t.Errorf("fired for %s, want %s", sent[0], now)
	}
	now = now.Add(35 * time.Second)
	expect("several missed are one", 2, 5*time.Second)
	fn = &cloud.Function{Key: fn.Key, Name: "f", Disabled: true}
	put()
	now = now.Add(5 * time.Second)
	expect("a disabled function", 2, 10*time.Second)
	off := *trigger
	off.Timer = &cloud.TimerTrigger{Schedule: "s"}
	trigger = &off
	put()
	expect("a disabled trigger", 2, recheck)
	if len(next) != 0 {
		t.Error("a disabled trigger is remembered")
	}
}
