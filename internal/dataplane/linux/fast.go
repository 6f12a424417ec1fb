package linux

import (
	"log/slog"
	"os"
	"slices"

	"weir/internal/dataplane"
	"weir/internal/dataplane/fastpath"
)

// openFast gives the fast path, if the kernel has one and permits it: it tries in a
// namespace of its own.
func openFast(t *threads, log *slog.Logger) *fastpath.Paths {
	p, err := fastpath.Open()
	if err == nil {
		var ns *os.File
		if ns, err = t.create("fast", func() error { return tryFast(p) }); err == nil {
			_ = ns.Close()
			return p
		}
		_ = p.Close()
	}
	log.Info("every packet takes the slow path", "err", err)
	return nil
}

func tryFast(p *fastpath.Paths) error {
	r, err := p.Attach()
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Join(1) // lo
}

// change makes a change that the fast path must not outlive.
func (k *Kernel) change(f func() error) error {
	if k.fast != nil {
		defer k.fast.Change()()
	}
	return f()
}

// shorten puts the links of namespaces that settle flows on the fast path.
func (k *Kernel) shorten(v *vpc, c *dataplane.Changes, want *dataplane.Network) {
	if k.fast == nil {
		return
	}
	settles := map[string]*dataplane.Namespace{}
	for i := range want.Namespaces {
		if ns := &want.Namespaces[i]; dataplane.Settles(ns) {
			settles[ns.Name] = ns
		}
	}
	for i := range c.Namespaces {
		c := &c.Namespaces[i]
		ns, s := settles[c.Namespace], v.spaces[c.Namespace]
		if ns == nil || s == nil {
			continue
		}
		if s.fast == nil {
			s.fast = k.attachFast(v, s)
		}
		for _, l := range c.DelLinks {
			s.leave(l.Index)
		}
		k.joinFast(v, s, ns.Through())
	}
}

// attachFast begins with a namespace; nil if that is not possible.
func (k *Kernel) attachFast(v *vpc, s *space) (r *fastpath.Router) {
	err := k.threads.inside(s.file, func() (err error) {
		r, err = k.fast.Attach()
		return err
	})
	if err != nil {
		k.log.Warn("packets take the slow path", "vpc", v.id, "namespace", s.name, "err", err)
		return nil
	}
	return r
}

// joinFast puts links of a namespace on the fast path. What does not get there
// goes the slow one.
func (k *Kernel) joinFast(v *vpc, s *space, links []int) {
	if s.fast == nil {
		return
	}
	if links = slices.DeleteFunc(links, s.fast.Has); len(links) == 0 {
		return
	}
	if err := k.threads.inside(s.file, func() error { return eachErr(links, s.fast.Join) }); err != nil {
		k.log.Warn("some packets take the slow path", "vpc", v.id, "namespace", s.name, "err", err)
	}
}

// leave takes a link off the fast path.
func (s *space) leave(index int) {
	if s.fast != nil {
		s.fast.Leave(index)
	}
}
