package invoke

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weir/internal/cloud"
)

// Images fetches the images of functions that were made or changed.
type Images struct {
	State State
	// Fetch gets an image and tells what its name stands for, by its digest. An
	// error's text is for the function's user.
	Fetch func(ctx context.Context, i *cloud.Image) (resolved string, err error)
	// Settle records what has come of the image of a function's version.
	Settle func(ctx context.Context, fn *cloud.Function, v *cloud.Version, resolved string, problem error) error
	Log    *slog.Logger

	work sync.WaitGroup
	room chan struct{} // a place for each image that is fetched
	mu   sync.Mutex    // guards busy
	busy map[string]bool
}

const (
	// fetchWithin is how long getting one image may take.
	fetchWithin = 10 * time.Minute
	// fetchAtOnce is how many are got at a time.
	fetchAtOnce = 4
	// settleAgain is how soon recording what has come of it is tried again.
	settleAgain = 200 * time.Millisecond
)

// Run follows the state until ctx ends.
func (i *Images) Run(ctx context.Context) error {
	i.busy, i.room = map[string]bool{}, make(chan struct{}, fetchAtOnce)
	defer i.work.Wait()
	for {
		watch := i.State.Watch() // before the view, so that no change is missed
		for fn := range cloud.Functions.All(i.State.View()) {
			v := &fn.Latest
			if fn.Next != nil {
				v = fn.Next
			}
			if v.Image.Pending() && i.claim(v.RevisionID) {
				i.work.Go(func() { i.fetch(ctx, fn, v) })
			}
		}
		select {
		case <-watch:
		case <-ctx.Done():
			return nil
		}
	}
}

// claim says that nobody fetches for this revision yet.
func (i *Images) claim(revision string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.busy[revision] {
		return false
	}
	i.busy[revision] = true
	return true
}

func (i *Images) fetch(ctx context.Context, fn *cloud.Function, v *cloud.Version) {
	select {
	case i.room <- struct{}{}:
		defer func() { <-i.room }()
	case <-ctx.Done():
		return
	}
	within, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	resolved, problem := i.Fetch(within, v.Image)
	for ctx.Err() == nil { // the next daemon tries again what this one did not end
		err := i.Settle(ctx, fn, v, resolved, problem)
		if err == nil {
			break
		}
		i.Log.Error("recording what has come of a function's image", "fn", fn.Key, "err", err)
		select {
		case <-time.After(settleAgain):
		case <-ctx.Done():
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.busy, v.RevisionID)
}
