package linux

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
)

// takeHub takes over the hub that an earlier process left.
func (k *Kernel) takeHub(file *os.File) error {
	if file == nil {
		return nil
	}
	s := &space{name: dataplane.Hub, file: file}
	err := k.threads.inside(file, func() error {
		if err := writeSysctls(dataplane.HubSysctls); err != nil {
			return err
		}
		return s.open(false)
	})
	if err != nil {
		s.close()
		return fmt.Errorf("take over the hub: %w", err)
	}
	k.hub = s
	return k.sweepHub()
}

// sweepHub takes away what no VPC that was left has there: its name may be
// another's soon.
func (k *Kernel) sweepHub() error {
	kept := func(link string) bool {
		for _, l := range k.left {
			if ownLink(link, l.kept.VPC) {
				return true
			}
		}
		return link == "lo"
	}
	links, err := dump("links", k.hub.rt.LinkList)
	if err != nil {
		return err
	}
	for _, l := range links {
		if name := l.Attrs().Name; !kept(name) {
			if err := gone(k.hub.rt.LinkDel(l), "delete link", name); err != nil {
				return err
			}
		}
	}
	used := map[int]bool{}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rules, err := dump("policy rules", func() ([]netlink.Rule, error) { return k.hub.rt.RuleList(family) })
		if err != nil {
			return err
		}
		for i := range rules {
			r := &rules[i]
			if r.IifName == "" || kept(r.IifName) {
				used[r.Table] = true
				continue
			}
			r.Family = family
			if err := gone(k.hub.rt.RuleDel(r), "delete rule", r); err != nil {
				return err
			}
		}
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		routes, err := k.hub.allRoutes(family)
		if err != nil {
			return err
		}
		for i := range routes {
			r := &routes[i]
			if r.Type == unix.RTN_BLACKHOLE && !used[r.Table] {
				if err := gone(k.hub.rt.RouteDel(r), "delete route", r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// openHub gives the namespace between VPCs, and makes it at first.
func (k *Kernel) openHub() (*space, error) {
	k.inet.Lock()
	defer k.inet.Unlock()
	if k.hub != nil {
		return k.hub, nil
	}
	s, err := newSpace(k.threads, dataplane.Hub, dataplane.HubSysctls, false)
	if err != nil {
		return nil, err
	}
	if err := s.rt.LinkSetUp(device(1)); err != nil {
		s.close()
		return nil, fmt.Errorf("set lo up in the hub: %w", err)
	}
	if err := k.pins.add(dataplane.Hub, s.file); err != nil {
		s.close()
		return nil, err
	}
	k.hub = s
	return s, nil
}
