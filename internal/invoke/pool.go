package invoke

import (
	"context"
	"slices"
	"time"

	"weir/internal/cloud"
)

// poolKey is one version of one function; its instances also share a revision.
type poolKey struct {
	fn      cloud.FunctionKey
	version int
}

// pool holds the idle instances of one version, the last used last: what a
// burst needed and nobody uses since then expires first.
type pool struct {
	revision string
	idle     []*instance
	shared   []*instance // run events, and have a place for another
	waiting  []waiter    // events without an instance, the first first
	// launching counts instances that are being started: at least one for each
	// event that waits.
	launching int
}

// waiter gets the instance for one event: a new one, or one that became idle.
type waiter chan loaded

// idle takes a warm instance of the request's version, or queues the request for one.
func (i *Invoker) idle(ctx context.Context, r Request) (*instance, waiter) {
	v := i.cfg.State.View()
	i.mu.Lock()
	p, dead := i.poolOf(poolKey{r.Function.Key, r.Version.Number}, r.Version.RevisionID)
	unfit := func(in *instance) bool {
		return in.stale(i.cfg.Now(), r.Version.Timeout) || cloud.CutOff(v, in.slot.ENI)
	}
	in := p.place(unfit)
	for in == nil && len(p.idle) > 0 {
		last := len(p.idle) - 1
		in, p.idle = p.idle[last], p.idle[:last]
		if unfit(in) {
			dead, in = append(dead, in), nil
		}
	}
	var w waiter
	if in == nil {
		w = i.await(ctx, p, r)
	} else {
		p.occupy(in)
	}
	i.mu.Unlock()
	i.kill(dead)
	return in, w
}

// poolOf is the pool of a version at a revision, and what is left of that of another
// revision; mu is held.
func (i *Invoker) poolOf(key poolKey, revision string) (p *pool, dead []*instance) {
	p = i.pools[key]
	if p == nil || p.revision != revision {
		if p != nil {
			dead = p.idle
		}
		p = &pool{revision: revision}
		i.pools[key] = p
	}
	return p, dead
}

// remove takes an instance out of the idle ones, if it is one.
func (p *pool) remove(in *instance) bool {
	n := slices.Index(p.idle, in)
	if n >= 0 {
		p.idle = slices.Delete(p.idle, n, n+1)
	}
	return n >= 0
}

// place takes an instance that runs events out of those with a place for another.
// What is not fit gets no more events, and ends with its last.
func (p *pool) place(unfit func(*instance) bool) *instance {
	for len(p.shared) > 0 {
		last := len(p.shared) - 1
		in := p.shared[last]
		p.shared = p.shared[:last]
		if !unfit(in) {
			return in
		}
		in.over = true
	}
	return nil
}

// occupy counts an event in; the instance is in no list of the pool.
func (p *pool) occupy(in *instance) {
	if in.busy++; in.busy < in.places {
		p.shared = append(p.shared, in)
	}
}

// leave takes the instance out of those with a place.
func (p *pool) leave(in *instance) {
	if n := slices.Index(p.shared, in); n >= 0 {
		p.shared = slices.Delete(p.shared, n, n+1)
	}
}

// release takes an event out of an instance, which then is for the event that waits
// longest, or idle, or ends because it must not go on.
func (i *Invoker) release(in *instance, ended bool) {
	cut := cloud.CutOff(i.cfg.State.View(), in.slot.ENI)
	i.mu.Lock()
	in.busy--
	p := i.pools[in.key]
	current := p != nil && p.revision == in.revision
	in.over = in.over || ended || i.closed || cut || !current
	if current {
		p.leave(in)
	}
	switch {
	case in.over:
	case len(p.waiting) > 0 && !in.stale(i.cfg.Now(), in.timeout):
		p.waiting[0] <- loaded{in: in, warm: true}
		p.waiting = p.waiting[1:]
		p.occupy(in)
	case in.busy > 0:
		p.shared = append(p.shared, in)
	default:
		in.idleSince = i.cfg.Now()
		p.idle = append(p.idle, in)
	}
	last := in.over && in.busy == 0
	i.mu.Unlock()
	if last {
		i.kill([]*instance{in})
	}
}

// kill ends instances that are in no pool.
func (i *Invoker) kill(dead []*instance) {
	for _, in := range dead {
		if in.preStop > 0 {
			go i.end(in) // nobody waits for the hook
			continue
		}
		i.end(in)
	}
}

// end ends one instance, after its hook.
func (i *Invoker) end(in *instance) {
	if in.preStop > 0 {
		i.stop(in)
	}
	in.close()
	i.mu.Lock()
	delete(i.all, in)
	i.count--
	i.remember(in)
	i.mu.Unlock()
	i.live.Done()
	if in.provisioned {
		i.wakeProvisioner()
	}
}

// stop runs an instance's hook, unless its process has ended.
func (i *Invoker) stop(in *instance) {
	select {
	case <-in.process.Done():
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), in.preStop)
	defer cancel()
	in.sink.say(i.cfg.Now(), in.words.stopping(in.id))
	if err := in.process.Stop(ctx); err != nil {
		in.sink.line(i.cfg.Now(), "FC PreStop failed: "+err.Error())
	}
	in.sink.say(i.cfg.Now(), in.words.stopped(in.id))
}

// reserve makes room for one more instance, by ending the longest idle one if need be.
func (i *Invoker) reserve() error {
	i.mu.Lock()
	var victim *instance
	if i.closed {
		i.mu.Unlock()
		return cloud.Errorf(cloud.Unavailable, cloud.KindFunction, "", "closing", "the platform is shutting down")
	}
	if i.count >= i.cfg.Instances {
		if victim = i.oldestIdle(); victim == nil {
			i.mu.Unlock()
			return cloud.Errorf(cloud.Exhausted, cloud.KindFunction, "", "instances", "all %d instances that this machine may run are busy", i.cfg.Instances)
		}
	}
	i.count++
	i.live.Add(1)
	i.mu.Unlock()
	if victim != nil {
		i.kill([]*instance{victim})
	}
	return nil
}

// unreserve undoes reserve for an instance that did not come to be.
func (i *Invoker) unreserve() {
	i.mu.Lock()
	i.count--
	i.mu.Unlock()
	i.live.Done()
}

// oldestIdle takes the longest idle instance, of those that nobody has provisioned,
// out of its pool; mu is held.
func (i *Invoker) oldestIdle() *instance {
	var oldest *instance
	for _, p := range i.pools {
		n := slices.IndexFunc(p.idle, func(in *instance) bool { return !in.provisioned })
		if n >= 0 && (oldest == nil || p.idle[n].idleSince.Before(oldest.idleSince)) {
			oldest = p.idle[n]
		}
	}
	if oldest != nil {
		i.pools[oldest.key].remove(oldest)
	}
	return oldest
}

// expire ends what was idle too long.
func (i *Invoker) expire() {
	limit := i.cfg.Now().Add(-i.cfg.IdleTimeout)
	var dead []*instance
	i.mu.Lock()
	for _, p := range i.pools {
		p.idle = slices.DeleteFunc(p.idle, func(in *instance) bool {
			old := !in.provisioned && !in.idleSince.After(limit)
			if old {
				dead = append(dead, in)
			}
			return old
		})
	}
	i.mu.Unlock()
	i.kill(dead)
}

// follow adjusts to a new state: reservations, and instances of functions that are gone or changed.
func (i *Invoker) follow(v cloud.View) {
	reserved := reservations(v)
	var dead []*instance
	i.mu.Lock()
	i.limits.reserved = reserved
	for key, p := range i.pools {
		if holds(v, key, p) || holds(i.cfg.State.View(), key, p) { // v may be behind the last event
			continue
		}
		dead = append(dead, p.idle...)
		delete(i.pools, key)
	}
	i.mu.Unlock()
	i.kill(dead)
	i.prepared.follow(v)
}

// holds says that the pool's version is in the state, at the pool's revision.
func holds(v cloud.View, key poolKey, p *pool) bool {
	fn, ok := cloud.Functions.Get(v, key.fn)
	if !ok {
		return false
	}
	version, err := fn.Numbered(v, key.version)
	return err == nil && version.RevisionID == p.revision
}

const (
	expireEvery = 5 * time.Second
	// followEvery bounds how often a busy state is looked through.
	followEvery = 100 * time.Millisecond
)

// Run ends idle instances and follows the state until ctx ends, then closes the Invoker.
func (i *Invoker) Run(ctx context.Context) error {
	defer i.Close()
	filling := make(chan struct{})
	go func() {
		defer close(filling)
		i.prepared.fill(ctx)
	}()
	defer func() { <-filling }()
	provisioning := make(chan struct{})
	go func() {
		defer close(provisioning)
		i.keepProvisioned(ctx)
	}()
	defer func() { <-provisioning }()
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		changed := i.cfg.State.Watch()
		i.follow(i.cfg.State.View())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	wait:
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
				break wait
			case <-tick.C:
				i.expire()
				i.prepared.decay()
			}
		}
	}
}

// Close refuses new events, ends idle instances, gives the running ones a short
// while, and then ends them too.
func (i *Invoker) Close() {
	i.shut()
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.live.Wait()
	}()
	select {
	case <-done:
		return
	case <-time.After(i.cfg.Grace):
	}
	i.mu.Lock()
	for in := range i.all {
		in.process.Kill()
	}
	i.mu.Unlock()
	<-done
}

// shut refuses new events and ends everything that is idle.
func (i *Invoker) shut() {
	i.mu.Lock()
	i.closed = true
	var dead []*instance
	for _, p := range i.pools {
		dead = append(dead, p.idle...)
	}
	i.pools = map[poolKey]*pool{}
	i.mu.Unlock()
	i.kill(dead)
	i.prepared.close()
}
