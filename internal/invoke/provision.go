package invoke

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"weir/internal/cloud"
	"weir/internal/runtime"
)

const (
	// provisionEvery is how often schedules, and instances that ended, are looked at.
	provisionEvery = time.Second
	// provisionAgain is the wait after instances could not be started.
	provisionAgain = 10 * time.Second
)

// Provisioned is how far a provision is.
type Provisioned struct {
	Target, Current int
	Err             error // why there are not more
}

// wanted is what is to be ready of one version.
type wanted struct {
	n       int
	fn      *cloud.Function
	version *cloud.Version
}

// provisioner is what the Invoker knows of provisions; its mu guards it.
type provisioner struct {
	starting map[poolKey]int // instances on their way
	failed   map[poolKey]failure
	wake     chan struct{}
	launches sync.WaitGroup
}

type failure struct {
	revision string
	err      error
	until    time.Time // nothing is tried before
}

func newProvisioner() provisioner {
	return provisioner{starting: map[poolKey]int{}, failed: map[poolKey]failure{}, wake: make(chan struct{}, 1)}
}

// Provisioned tells how far a provision is. Provisions of one version share its instances.
func (i *Invoker) Provisioned(p *cloud.Provision) Provisioned {
	out := Provisioned{Target: p.TargetAt(i.cfg.Now(), i.cfg.Next)}
	q, err := cloud.Resolve(i.cfg.State.View(), p.Function, p.Qualifier)
	if err != nil {
		return out
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for v, n := range shares(q, out.Target) {
		key := poolKey{p.Function, v.Number}
		out.Current += min(n, i.readyOf(key, v.RevisionID))
		if f, ok := i.provisions.failed[key]; ok && f.revision == v.RevisionID && out.Err == nil {
			out.Err = f.err
		}
	}
	if out.Current >= out.Target {
		out.Err = nil
	}
	return out
}

// readyOf counts the provisioned instances of a version that have loaded its code; mu is held.
func (i *Invoker) readyOf(key poolKey, revision string) (n int) {
	for in := range i.all {
		if in.provisioned && in.ready && !in.over && in.key == key && in.revision == revision {
			n++
		}
	}
	return n
}

// shares divides instances between the versions that share a qualifier's traffic.
func shares(q cloud.Qualified, target int) map[*cloud.Version]int {
	if q.Other == nil {
		return map[*cloud.Version]int{q.Version: target}
	}
	other := int(math.Round(float64(target) * q.Share))
	return map[*cloud.Version]int{q.Version: target - other, q.Other: other}
}

// keepProvisioned keeps what is provisioned ready until ctx ends.
func (i *Invoker) keepProvisioned(ctx context.Context) {
	defer i.provisions.launches.Wait()
	tick := time.NewTicker(provisionEvery)
	defer tick.Stop()
	for {
		changed := i.cfg.State.Watch()
		i.provision(ctx)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		case <-i.provisions.wake:
		}
	}
}

// wantedNow sums up what all provisions want, by version.
func (i *Invoker) wantedNow(v cloud.View, now time.Time) map[poolKey]wanted {
	all := map[poolKey]wanted{}
	for p := range cloud.Provisions.All(v) {
		q, err := cloud.Resolve(v, p.Function, p.Qualifier)
		if err != nil {
			continue
		}
		for version, n := range shares(q, p.TargetAt(now, i.cfg.Next)) {
			key := poolKey{p.Function, version.Number}
			all[key] = wanted{all[key].n + n, q.Function, version}
		}
	}
	return all
}

// provision starts what is missing and ends what is too much.
func (i *Invoker) provision(ctx context.Context) {
	v, now := i.cfg.State.View(), i.cfg.Now()
	want := i.wantedNow(v, now)
	var dead []*instance
	i.mu.Lock()
	have := map[poolKey]int{}
	for in := range i.all {
		if !in.provisioned || in.over || !in.ready {
			continue
		}
		w, ok := want[in.key]
		switch {
		case !ok || in.revision != w.version.RevisionID || have[in.key] >= w.n || in.stale(now, in.timeout) || cloud.CutOff(v, in.slot.ENI):
			if i.drop(in) {
				dead = append(dead, in)
			}
		default:
			have[in.key]++
		}
	}
	for key, w := range want {
		f := i.provisions.failed[key]
		if f.revision == w.version.RevisionID && now.Before(f.until) || i.closed {
			continue
		}
		for n := have[key] + i.provisions.starting[key]; n < w.n; n++ {
			i.provisions.starting[key]++
			i.provisions.launches.Go(func() { i.launchProvisioned(ctx, key, w) })
		}
	}
	i.mu.Unlock()
	i.kill(dead)
}

// drop takes an instance out of its pool: it ends now, if it is idle, or with its
// last event; mu is held.
func (i *Invoker) drop(in *instance) (now bool) {
	in.over = true
	p := i.pools[in.key]
	if p == nil {
		return false // whoever took it out ends it
	}
	p.leave(in)
	return p.remove(in)
}

// launchProvisioned starts one instance before events come.
func (i *Invoker) launchProvisioned(ctx context.Context, key poolKey, w wanted) {
	r := Request{Function: w.fn, Version: w.version, RequestID: requestID(), provisioned: true}
	l := loaded{}
	if r.Version.Network.Unchecked && i.cfg.Open != nil {
		r.Version, l.err = i.cfg.Open(ctx, w.fn, w.version)
	}
	var p *pool
	var dead []*instance
	if l.err == nil {
		i.mu.Lock()
		p, dead = i.poolOf(key, w.version.RevisionID)
		p.launching++
		i.mu.Unlock()
		i.kill(dead)
		l = i.launch(ctx, r)
	}
	i.mu.Lock()
	if i.provisions.starting[key]--; i.provisions.starting[key] == 0 {
		delete(i.provisions.starting, key)
	}
	if l.err != nil {
		i.provisions.failed[key] = failure{w.version.RevisionID, asCloudError(l.err, w.fn), i.cfg.Now().Add(provisionAgain)}
	} else {
		delete(i.provisions.failed, key)
	}
	i.mu.Unlock()
	if p != nil {
		i.launched(context.WithoutCancel(ctx), p, r, l)
	}
}

// wakeProvisioner has provisions looked at soon.
func (i *Invoker) wakeProvisioner() {
	select {
	case i.provisions.wake <- struct{}{}:
	default:
	}
}

// FailedInit says whether instances could not be started because of their code.
func (p Provisioned) FailedInit() bool {
	var failed *runtime.InitError
	return errors.As(p.Err, &failed)
}
