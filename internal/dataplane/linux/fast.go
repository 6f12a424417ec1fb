package linux

import (
	"log/slog"
	"slices"

	"github.com/vishvananda/netlink"

	"weir/internal/dataplane"
	"weir/internal/dataplane/fastpath"
)

// openFast gives the fast path, if the kernel has one and permits it: it tries in a
// namespace of its own.
func openFast(t *threads, log *slog.Logger) *fastpath.Paths {
	p, err := fastpath.Open()
	if err == nil {
		s := &space{name: "fast"}
		s.file, err = t.create(s.name, func() error { return s.tryFast(p) })
		if s.close(); err == nil {
			return p
		}
		_ = p.Close()
	}
	log.Info("every packet takes the slow path", "err", err)
	return nil
}

func (s *space) tryFast(p *fastpath.Paths) error {
	err := s.open(false)
	if err == nil {
		err = p.Join(s.rt, 1) // lo
	}
	return err
}

// change makes a change that the fast path must not outlive.
func (k *Kernel) change(f func() error) error {
	if p := k.fast(); p != nil {
		defer p.Change()()
	}
	return f()
}

// shorten puts the links of namespaces that settle flows on the fast path.
func (k *Kernel) shorten(v *vpc, c *dataplane.Changes, want *dataplane.Network) {
	if k.fast() == nil {
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
		if s == nil {
			continue
		}
		if ns == nil { // what is added meanwhile is not joined
			s.fast = false
			continue
		}
		through := ns.Through()
		if s.fast {
			through = slices.DeleteFunc(through, func(i int) bool {
				return !slices.ContainsFunc(c.AddLinks, func(l dataplane.Link) bool { return l.Index == i })
			})
		}
		s.fast = true
		k.joinFast(v, s, through...)
	}
}

// joinFast puts links of a namespace on the fast path. What does not get there
// goes the slow one.
func (k *Kernel) joinFast(v *vpc, s *space, links ...int) {
	p := k.fast()
	if p == nil {
		return
	}
	for _, index := range links {
		if err := p.Join(s.rt, index); err != nil {
			k.log.Warn("some packets take the slow path", "vpc", v.id, "namespace", s.name, "err", err)
		}
	}
}

// clearFast ends what an earlier process's programs do in a namespace.
func (s *space) clearFast() error {
	links, err := dump("links", s.rt.LinkList)
	if err != nil {
		return err
	}
	return eachErr(links, func(l netlink.Link) error { return fastpath.Clear(s.rt, l.Attrs().Index) })
}
