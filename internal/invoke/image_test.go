package invoke

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cloud"
)

// TestImagesAreFetched: each pending version's image once, also of one that is to be
// next; what has come of it is recorded until that succeeds.
func TestImagesAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := newState()
		version := func(revision, ref string) *cloud.Version {
			return &cloud.Version{RevisionID: revision, Image: &cloud.Image{Ref: ref}}
		}
		put := func(fn *cloud.Function) { state.update(func(tx cloud.Tx) { cloud.Functions.Put(tx, fn) }) }
		put(&cloud.Function{Key: "a/r/new", Latest: *version("1", "good")})
		put(&cloud.Function{Key: "a/r/changed", Latest: cloud.Version{RevisionID: "2"}, Next: version("3", "bad")})
		put(&cloud.Function{Key: "a/r/zip", Latest: cloud.Version{RevisionID: "4"}})
		fetched, settled, refusals := map[string]int{}, map[string]string{}, 2
		i := &Images{
			State: state, Log: slog.New(slog.DiscardHandler),
			Fetch: func(_ context.Context, img *cloud.Image) (string, error) {
				state.mu.Lock()
				defer state.mu.Unlock()
				fetched[img.Ref]++
				if img.Ref == "bad" {
					return "", errors.New("gone")
				}
				return img.Ref + "@1", nil
			},
			Settle: func(_ context.Context, _ *cloud.Function, v *cloud.Version, resolved string, problem error) error {
				state.mu.Lock()
				defer state.mu.Unlock()
				if refusals--; refusals >= 0 {
					return errors.New("not now")
				}
				if settled[v.RevisionID] = resolved; problem != nil {
					settled[v.RevisionID] = problem.Error()
				}
				return nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- i.Run(ctx) }()
		synctest.Wait()
		put(&cloud.Function{Key: "a/r/other", Latest: cloud.Version{RevisionID: "5"}}) // it looks again while it tries to record
		time.Sleep(2 * settleAgain)                                                    // in the bubble's time
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !maps.Equal(fetched, map[string]int{"good": 1, "bad": 1}) || !maps.Equal(settled, map[string]string{"1": "good@1", "3": "gone"}) {
			t.Errorf("fetched %v, settled %v", fetched, settled)
		}
	})
}
