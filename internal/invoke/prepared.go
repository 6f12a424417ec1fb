package invoke

import (
	"context"
	"slices"
	"sync"
	"time"

	"weir/internal/cloud"
)

const (
	// maxWanted bounds the waiting interpreters of one kind.
	maxWanted = 4
	// wantedFor is how long a kind stays wanted after the last cold start.
	wantedFor = 10 * time.Minute
	// newFor is how long after its last change a function counts as new.
	newFor = time.Minute
)

// preparedPool keeps interpreters waiting for the functions that will need
// them: one per kind (interface, runtime, size of /tmp) for a new function,
// twice as many whenever a kind ran out, none when a kind is not used. It is
// filled in the background, one at a time, and not while events wait for an
// interpreter that is being started for them.
type preparedPool struct {
	max   int
	now   func() time.Time
	start func(context.Context, preparedKey) (*prepared, error)
	wait  func() bool // says that events wait
	wake  chan struct{}

	mu     sync.Mutex // guards what follows
	kinds  map[preparedKey]*kind
	ready  int // in all kinds
	closed bool
}

type kind struct {
	waiting []*prepared
	target  int
	used    time.Time
	backoff time.Time // no start before, after one failed
}

func newPreparedPool(max int, now func() time.Time, start func(context.Context, preparedKey) (*prepared, error), wait func() bool) *preparedPool {
	return &preparedPool{max: max, now: now, start: start, wait: wait, wake: make(chan struct{}, 1), kinds: map[preparedKey]*kind{}}
}

// take returns a waiting interpreter of this kind, or nil. Those that have ended
// while they waited, for lack of memory perhaps, are passed over.
func (p *preparedPool) take(key preparedKey) *prepared {
	for {
		out := p.next(key)
		if out == nil || !out.ended() {
			return out
		}
		out.close()
	}
}

// next takes the interpreter of this kind that was started last.
func (p *preparedPool) next(key preparedKey) *prepared {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.kinds[key]
	if k == nil {
		k = &kind{target: 1}
		p.kinds[key] = k
	} else if len(k.waiting) == 0 {
		k.target = min(max(2*k.target, 1), maxWanted)
	}
	k.used = p.now()
	p.poke()
	if len(k.waiting) == 0 {
		return nil
	}
	last := len(k.waiting) - 1
	out := k.waiting[last]
	k.waiting = k.waiting[:last]
	p.ready--
	return out
}

// want makes sure that a kind has at least one interpreter waiting soon.
func (p *preparedPool) want(key preparedKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.kinds[key]; k == nil {
		p.kinds[key] = &kind{target: 1, used: p.now()}
		p.poke()
	}
}

// poke wakes the filler; mu is held.
func (p *preparedPool) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// fill starts what is missing until ctx ends.
func (p *preparedPool) fill(ctx context.Context) {
	for {
		key, ok := p.missing()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
			}
			continue
		}
		begin := p.now()
		made, err := p.start(ctx, key)
		took := p.now().Sub(begin)
		if ctx.Err() != nil {
			if err == nil {
				made.close()
			}
			return
		}
		p.add(key, made, err)
		select { // leave events half of the time
		case <-ctx.Done():
			return
		case <-time.After(took):
		}
	}
}

const retryAfter = 5 * time.Second

func (p *preparedPool) add(key preparedKey, made *prepared, err error) {
	p.mu.Lock()
	k := p.kinds[key]
	keep := err == nil && k != nil && !p.closed
	switch {
	case keep:
		k.waiting = append(k.waiting, made)
		p.ready++
	case k != nil && err != nil:
		k.backoff = p.now().Add(retryAfter)
	}
	p.mu.Unlock()
	if err == nil && !keep {
		made.close()
	}
}

// missing picks the kind used last that lacks an interpreter. At the limit, the
// kind that was unused longest gives one up, if it is older.
func (p *preparedPool) missing() (preparedKey, bool) {
	p.mu.Lock()
	if p.closed || p.max <= 0 || p.wait() {
		p.mu.Unlock()
		return preparedKey{}, false
	}
	var want, spare preparedKey
	var wants, spares *kind
	now := p.now()
	for key, k := range p.kinds {
		if len(k.waiting) < k.target && !now.Before(k.backoff) && (wants == nil || k.used.After(wants.used)) {
			want, wants = key, k
		}
		if len(k.waiting) > 0 && (spares == nil || k.used.Before(spares.used)) {
			spare, spares = key, k
		}
	}
	var dead *prepared
	ok := wants != nil
	if ok && p.ready >= p.max {
		if ok = spares.used.Before(wants.used) && spare != want; ok {
			dead = spares.waiting[0]
			spares.waiting = spares.waiting[1:]
			p.ready--
			spares.target = len(spares.waiting)
		}
	}
	p.mu.Unlock()
	if dead != nil {
		dead.close()
	}
	return want, ok
}

// resume lets the filler look again.
func (p *preparedPool) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.poke()
}

// decay forgets kinds that nobody used for a while, and retries those that failed.
func (p *preparedPool) decay() {
	limit := p.now().Add(-wantedFor)
	p.drop(func(_ preparedKey, k *kind) bool { return !k.used.After(limit) })
	p.resume()
}

// follow wants interpreters for new functions, and drops those behind interfaces that are gone.
func (p *preparedPool) follow(v cloud.View) {
	p.drop(func(key preparedKey, _ *kind) bool {
		_, ok := cloud.Interfaces.Get(v, key.ENI)
		return !ok
	})
	limit := p.now().Add(-newFor)
	for fn := range cloud.Functions.All(v) {
		if latest := &fn.Latest; latest.Modified.After(limit) && latest.State.Status == "active" && latest.DNS == nil && latest.Image == nil && len(latest.Network.Interfaces) > 0 {
			p.want(preparedKey{placeOf(&latest.Network, latest.Network.Interfaces[0]), latest.Runtime, latest.Ephemeral})
		}
	}
}

func (p *preparedPool) drop(which func(preparedKey, *kind) bool) {
	var dead []*prepared
	p.mu.Lock()
	for key, k := range p.kinds {
		if which(key, k) {
			dead = append(dead, slices.Clone(k.waiting)...)
			p.ready -= len(k.waiting)
			delete(p.kinds, key)
		}
	}
	p.mu.Unlock()
	for _, d := range dead {
		d.close()
	}
}

func (p *preparedPool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drop(func(preparedKey, *kind) bool { return true })
}
