package invoke

import "weir/internal/cloud"

// ongoing are the events of a function that have begun and not ended, those that
// wait for an instance among them.
type ongoing struct {
	n     int
	abort chan struct{} // closed to end them
}

// Abort ends the events that a function runs, with their instances.
func (i *Invoker) Abort(fn cloud.FunctionKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if o := i.ongoing[fn]; o != nil {
		delete(i.ongoing, fn) // those that come now are others
		close(o.abort)
	}
}

// track counts an event in until done; mu is held.
func (i *Invoker) track(fn cloud.FunctionKey) *ongoing {
	o := i.ongoing[fn]
	if o == nil {
		o = &ongoing{abort: make(chan struct{})}
		i.ongoing[fn] = o
	}
	o.n++
	return o
}

// untrack undoes track; mu is held.
func (i *Invoker) untrack(fn cloud.FunctionKey, o *ongoing) {
	if o.n--; o.n == 0 && i.ongoing[fn] == o {
		delete(i.ongoing, fn)
	}
}
