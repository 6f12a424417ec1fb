package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
)

// keepLinks keeps the links that are as wanted, and the far ends of others' that
// are; every other one is deleted.
func (s *space) keepLinks(wanted []dataplane.Link, ends map[string]bool) (kept []dataplane.Link, err error) {
	list, err := dump("links", s.rt.LinkList)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		a := l.Attrs()
		i := slices.IndexFunc(wanted, func(w dataplane.Link) bool {
			return w.Name == a.Name && w.Index == a.Index && uint32(w.Group) == a.Group && (w.MAC == "" || w.MAC == a.HardwareAddr.String()) && a.Flags&net.FlagUp != 0
		})
		switch {
		case i >= 0:
			kept = append(kept, wanted[i])
		case a.Name == "lo" || ends[a.Name]:
		default:
			if err := gone(s.rt.LinkDel(l), "delete link", a.Name); err != nil {
				return nil, err
			}
		}
	}
	return kept, nil
}

// observe reads addresses, neighbours, routes and policy rules that are on the
// links that own accepts, or on none. What is not as the platform makes it, such
// as the kernel's own routes, is left out.
func (s *space) observe(own func(link string) bool, want *dataplane.Namespace) (*dataplane.Namespace, error) {
	o := &observer{s: s, own: own, links: map[int]string{}, tables: map[int]bool{}, ns: &dataplane.Namespace{}}
	list, err := dump("links", s.rt.LinkList)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if own(l.Attrs().Name) {
			o.links[l.Attrs().Index] = l.Attrs().Name
		}
	}
	if err := o.rules(want); err != nil {
		return nil, err
	}
	for _, r := range o.ns.Rules {
		if r.From != "" {
			o.tables[r.Table] = true
		}
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for _, f := range []func(int) error{o.addrs, o.neighs, o.routes} {
			if err := f(family); err != nil {
				return nil, err
			}
		}
	}
	return o.ns, nil
}

// dump lists something again when it changed meanwhile.
func dump[T any](what string, list func() ([]T, error)) ([]T, error) {
	for tries := 0; ; tries++ {
		all, err := list()
		if err == nil {
			return all, nil
		}
		if !errors.Is(err, netlink.ErrDumpInterrupted) || tries == 20 {
			return nil, fmt.Errorf("list %s: %w", what, err)
		}
	}
}

type observer struct {
	s     *space
	own   func(string) bool
	links map[int]string
	// tables are those that own links lead to: what is discarded there is on no link.
	tables map[int]bool
	ns     *dataplane.Namespace
}

func (o *observer) addrs(family int) error {
	list, err := dump("addresses", func() ([]netlink.Addr, error) {
		return o.s.rt.AddrList(nil, family)
	})
	if err != nil {
		return err
	}
	for _, a := range list {
		addr, ok := netip.AddrFromSlice(a.IP)
		link := o.links[a.LinkIndex]
		if addr = addr.Unmap(); ok && link != "" && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
			o.ns.Addrs = append(o.ns.Addrs, dataplane.Addr{Link: link, Addr: addr})
		}
	}
	return nil
}

func (o *observer) neighs(family int) error {
	list, err := dump("neighbours", func() ([]netlink.Neigh, error) {
		return o.s.rt.NeighList(0, family)
	})
	if err != nil {
		return err
	}
	for _, n := range list {
		addr, ok := netip.AddrFromSlice(n.IP)
		link := o.links[n.LinkIndex]
		if ok && link != "" && n.State&netlink.NUD_PERMANENT != 0 {
			o.ns.Neighs = append(o.ns.Neighs, dataplane.Neigh{Link: link, Addr: addr.Unmap(), MAC: n.HardwareAddr.String()})
		}
	}
	return nil
}

var routeKinds = func() map[int]dataplane.RouteKind {
	m := map[int]dataplane.RouteKind{}
	for k, t := range routeTypes {
		m[t] = k
	}
	return m
}()

func (o *observer) routes(family int) error {
	list, err := o.s.allRoutes(family)
	if err != nil {
		return err
	}
	for _, r := range list {
		kind, known := routeKinds[r.Type]
		if !known || r.Table == unix.RT_TABLE_LOCAL || r.Protocol == unix.RTPROT_KERNEL || r.Protocol == unix.RTPROT_RA {
			continue
		}
		link, metric := o.links[r.LinkIndex], 0
		switch {
		case kind == dataplane.Discard && o.tables[r.Table]:
			link, metric = "", r.Priority
		case kind == dataplane.Throw && o.own("lo"):
			link = "" // in IPv6 the kernel shows its loopback
		case link == "":
			continue
		}
		route := dataplane.Route{Table: r.Table, Kind: kind, Link: link, MTU: r.MTU, Metric: metric}
		if r.Table == unix.RT_TABLE_MAIN {
			route.Table = 0
		}
		route.Dest = destOf(r.Dst, family)
		if gw, ok := netip.AddrFromSlice(r.Gw); ok {
			route.Via = gw.Unmap()
		}
		o.ns.Routes = append(o.ns.Routes, route)
	}
	return nil
}

// allRoutes lists the routes of all tables.
func (s *space) allRoutes(family int) ([]netlink.Route, error) {
	return dump("routes", func() ([]netlink.Route, error) {
		return s.rt.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
}

// destOf is a route's destination; none is everything.
func destOf(n *net.IPNet, family int) netip.Prefix {
	if n == nil {
		if family == unix.AF_INET {
			return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		}
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	addr, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	if family == unix.AF_INET {
		addr = addr.Unmap()
	}
	return netip.PrefixFrom(addr, bits)
}

// rules reads the policy rules. A wanted one counts if both families have it, so
// that it is completed; any other if one has it, so that it goes.
func (o *observer) rules(want *dataplane.Namespace) error {
	seen := map[dataplane.PolicyRule]int{}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		list, err := dump("policy rules", func() ([]netlink.Rule, error) { return o.s.rt.RuleList(family) })
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Priority <= 0 || r.Priority >= 32766 || r.IifName != "" && !o.own(r.IifName) || r.IifName == "" && !o.own("lo") {
				continue // the kernel's own, or somebody else's
			}
			p := dataplane.PolicyRule{Priority: r.Priority, Mark: r.Mark, From: r.IifName, Table: r.Table}
			if r.Mask != nil {
				p.Mask = *r.Mask
			}
			seen[p]++
		}
	}
	for p, families := range seen {
		if families == 2 || !slices.Contains(want.Rules, p) {
			o.ns.Rules = append(o.ns.Rules, p)
		}
	}
	return nil
}
