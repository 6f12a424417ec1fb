package linux

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"weir/internal/dataplane"
)

// wire makes links and what is on them.
func (k *Kernel) wire(v *vpc, c *dataplane.Change, links []dataplane.Link) error {
	s, err := k.space(v, c.Namespace)
	if err != nil {
		return err
	}
	if c.Namespace == dataplane.Internet || c.Namespace == dataplane.Hub {
		k.inet.Lock()
		defer k.inet.Unlock()
	}
	if c.New {
		if err := s.rt.LinkSetUp(device(1)); err != nil {
			return fmt.Errorf("set lo up: %w", err)
		}
	}
	for _, l := range c.AddLinks {
		if err := k.join(v, s, l); err != nil {
			return err
		}
	}
	ix := s.indexes(links)
	if err := upBehind(s, c, ix); err != nil {
		return err
	}
	if len(c.LateSysctl) > 0 {
		if err := k.threads.inside(s.file, func() error { return writeSysctls(c.LateSysctl) }); err != nil {
			return err
		}
	}
	if err := s.configure(c, ix); err != nil {
		return err
	}
	for _, l := range c.DelLinks {
		if err := gone(s.rt.LinkDel(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: l.Name, Index: l.Index}}), "delete link", l.Name); err != nil {
			return err
		}
	}
	return nil
}

// upBehind sets the far ends up on which something is added.
func upBehind(s *space, c *dataplane.Change, ix *indexes) error {
	own := map[string]bool{"lo": true}
	for n := range ix.known {
		own[n] = true
	}
	for _, n := range c.AddNeighs {
		if own[n.Link] {
			continue
		}
		own[n.Link] = true
		i, err := ix.of(n.Link)
		if err != nil {
			return err
		}
		if err := s.rt.LinkSetUp(device(i)); err != nil {
			return fmt.Errorf("set link %s up: %w", n.Link, err)
		}
	}
	return nil
}

func (k *Kernel) join(v *vpc, s *space, l dataplane.Link) error {
	if l.PeerNS == "" {
		return s.addLink(l, nil)
	}
	peer, err := k.space(v, l.PeerNS)
	if err != nil {
		return err
	}
	return s.addLink(l, peer.file)
}
