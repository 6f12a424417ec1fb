package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
)

// space is one namespace that is held open, with its sockets.
type space struct {
	name  string
	file  *os.File
	rt    *netlink.Handle // links, addresses, routes
	rules *nft.Conn
	log   *logReader
	fast  bool // its links are on the fast path
}

func writeSysctls(list []dataplane.Sysctl) error {
	for _, s := range list {
		err := writeSysctl(s.Key, s.Value)
		if err != nil && s.Or != "" {
			err = writeSysctl(s.Key, s.Or)
		}
		if err != nil {
			return fmt.Errorf("set net/%s to %s: %w", s.Key, s.Value, err)
		}
	}
	return nil
}

// writeSysctl does without os.File, whose polling costs as much again.
func writeSysctl(key, value string) error {
	fd, err := unix.Open("/proc/sys/net/"+key, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}

// newSpace makes a namespace with its settings; withRules opens a socket for rules too.
func newSpace(t *threads, name string, sysctls []dataplane.Sysctl, withRules bool) (*space, error) {
	s := &space{name: name}
	file, err := t.create(name, func() (err error) {
		if err := writeSysctls(sysctls); err != nil {
			return err
		}
		return s.open(withRules)
	})
	if err != nil {
		s.close()
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	s.file = file
	return s, nil
}

// open opens sockets in the calling thread's namespace.
func (s *space) open(withRules bool) (err error) {
	if s.rt, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open route socket: %w", err)
	}
	if withRules {
		s.rules, err = nft.Open()
	}
	return err
}

// close lets go of the namespace; it ends when nobody else holds it.
func (s *space) close() {
	if s.log != nil {
		s.log.close()
	}
	if s.rules != nil {
		_ = s.rules.Close()
	}
	if s.rt != nil {
		s.rt.Close()
	}
	if s.file != nil {
		_ = s.file.Close()
	}
}

func device(index int) netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}
}

func hardware(mac string) net.HardwareAddr {
	a, err := net.ParseMAC(mac)
	if err != nil {
		return nil // the kernel chooses
	}
	return a
}

// addLink makes a veth across, up on this side.
func (s *space) addLink(l dataplane.Link, peer *os.File) error {
	la := netlink.NewLinkAttrs()
	la.Name, la.Index, la.HardwareAddr, la.Group = l.Name, l.Index, hardware(l.MAC), uint32(l.Group)
	v := &netlink.Veth{LinkAttrs: la, PeerName: l.Peer, PeerHardwareAddr: hardware(l.PeerMAC)}
	if peer != nil {
		v.PeerNamespace = netlink.NsFd(int(peer.Fd()))
	}
	if err := s.rt.LinkAdd(v); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add link %s: %w", l.Name, err)
	}
	if err := s.rt.LinkSetUp(device(l.Index)); err != nil {
		return fmt.Errorf("set link %s up: %w", l.Name, err)
	}
	if peer == nil { // both ends are here, and a link has no carrier with one end down
		return s.up(l.Peer)
	}
	return nil
}

// The kernel finishes some things later, in a work queue: the end of a veth that
// was set up first sends nothing before its carrier is noticed, and an IPv6
// address receives nothing before its local route is there. What comes earlier
// is lost, and a lost SYN costs its sender a second: so wait.
const (
	pollEvery = 100 * time.Microsecond
	pollFor   = 5 * time.Second
)

func poll(what string, ready func() (bool, error)) error {
	for end := time.Now().Add(pollFor); ; time.Sleep(pollEvery) {
		ok, err := ready()
		if ok {
			return nil
		}
		if err == nil && time.Now().After(end) {
			err = fmt.Errorf("not after %v", pollFor)
		}
		if err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
	}
}

// ready waits until links send and IPv6 addresses receive.
func (s *space) ready(links []dataplane.Link, addrs []dataplane.Addr) error {
	for _, l := range links {
		if l.PeerNS == "" && l.Name != dataplane.NAT64Link {
			continue // a trap: nothing is sent there
		}
		if err := poll("link "+l.Name, func() (bool, error) {
			k, err := s.rt.LinkByIndex(l.Index)
			return err == nil && k.Attrs().OperState == netlink.OperUp, err
		}); err != nil {
			return err
		}
	}
	for _, a := range addrs {
		if a.Addr.Is4() {
			continue
		}
		if err := poll("address "+a.Addr.String(), func() (bool, error) {
			r, err := s.rt.RouteGet(a.Addr.AsSlice())
			return err == nil && len(r) > 0 && r[0].Type == unix.RTN_LOCAL, nil // without any route yet it is an error
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *space) up(name string) error {
	l, err := s.rt.LinkByName(name)
	if err == nil {
		err = s.rt.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("set link %s up: %w", name, err)
	}
	return nil
}

func ipnet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func familyOf(a netip.Addr) int {
	if a.Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func (s *space) addr(a dataplane.Addr, index int, add bool) error {
	addr := &netlink.Addr{IPNet: ipnet(netip.PrefixFrom(a.Addr, a.Addr.BitLen())), Flags: unix.IFA_F_NODAD}
	if !add {
		return gone(s.rt.AddrDel(device(index), addr), "delete address", a)
	}
	if err := s.rt.AddrReplace(device(index), addr); err != nil {
		return fmt.Errorf("add address %s to %s: %w", a.Addr, a.Link, err)
	}
	return nil
}

func (s *space) neigh(n dataplane.Neigh, index int, add bool) error {
	k := &netlink.Neigh{LinkIndex: index, Family: familyOf(n.Addr), IP: n.Addr.AsSlice(), HardwareAddr: hardware(n.MAC), State: netlink.NUD_PERMANENT}
	if !add {
		return gone(s.rt.NeighDel(k), "delete neighbour", n)
	}
	if err := s.rt.NeighSet(k); err != nil {
		return fmt.Errorf("add neighbour %s on %s: %w", n.Addr, n.Link, err)
	}
	return nil
}

var routeTypes = map[dataplane.RouteKind]int{dataplane.Unicast: unix.RTN_UNICAST, dataplane.Local: unix.RTN_LOCAL, dataplane.Throw: unix.RTN_THROW, dataplane.Discard: unix.RTN_BLACKHOLE}

func (s *space) route(r dataplane.Route, index int, add bool) error {
	k := &netlink.Route{Dst: ipnet(r.Dest), Table: r.Table, Type: routeTypes[r.Kind], LinkIndex: index, Family: familyOf(r.Dest.Addr()), Priority: r.Metric, MTU: r.MTU}
	switch {
	case r.Kind == dataplane.Local:
		k.Scope = netlink.SCOPE_HOST
	case r.Via.IsValid():
		k.Gw, k.Flags = r.Via.AsSlice(), int(netlink.FLAG_ONLINK)
	case r.Kind == dataplane.Unicast && r.Dest.Addr().Is4():
		k.Scope = netlink.SCOPE_LINK
	}
	if !add {
		return gone(s.rt.RouteDel(k), "delete route", r)
	}
	if err := s.rt.RouteReplace(k); err != nil {
		return fmt.Errorf("put route %+v: %w", r, err)
	}
	return nil
}

func (s *space) rule(r dataplane.PolicyRule, add bool) error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		k := netlink.NewRule()
		k.Family, k.Priority, k.Table = family, r.Priority, r.Table
		k.IifName = r.From
		if r.Mask != 0 {
			k.Mark, k.Mask = r.Mark, &r.Mask
		}
		if !add {
			if err := gone(s.rt.RuleDel(k), "delete rule", r); err != nil {
				return err
			}
			continue
		}
		if err := s.rt.RuleAdd(k); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add rule %+v: %w", r, err)
		}
	}
	return nil
}

// gone is no error when there is nothing left to delete.
func gone(err error, doing string, what any) error {
	for _, e := range []unix.Errno{unix.ESRCH, unix.ENOENT, unix.ENODEV, unix.EADDRNOTAVAIL, unix.ENXIO} {
		if errors.Is(err, e) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s %+v: %w", doing, what, err)
	}
	return nil
}

// indexes finds links by name: those we number ourselves, or else by asking.
type indexes struct {
	s     *space
	known map[string]int
}

func (s *space) indexes(links []dataplane.Link) *indexes {
	ix := &indexes{s, map[string]int{"": 0, "lo": 1}}
	for _, l := range links {
		ix.known[l.Name] = l.Index
	}
	return ix
}

func (ix *indexes) of(name string) (int, error) {
	if i, ok := ix.known[name]; ok {
		return i, nil
	}
	l, err := ix.s.rt.LinkByName(name)
	if err != nil {
		return 0, fmt.Errorf("find link %s: %w", name, err)
	}
	ix.known[name] = l.Attrs().Index
	return l.Attrs().Index, nil
}

// on calls f with the index of each item's link. A link that is gone is an error only when adding.
func on[T any](ix *indexes, list []T, link func(T) string, add bool, f func(T, int, bool) error) error {
	for _, x := range list {
		i, err := ix.of(link(x))
		if err != nil && !add {
			continue
		}
		if err == nil {
			err = f(x, i, add)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// configure makes all of a change but namespaces, links and rules of nftables.
func (s *space) configure(c *dataplane.Change, ix *indexes) error {
	addrs := func(a dataplane.Addr) string { return a.Link }
	neighs := func(n dataplane.Neigh) string { return n.Link }
	routes := func(r dataplane.Route) string { return r.Link }
	// Routes without a gateway of their own first: others may lead through them.
	slices.SortStableFunc(c.PutRoutes, func(a, b dataplane.Route) int { return boolInt(a.Via.IsValid()) - boolInt(b.Via.IsValid()) })
	steps := []func() error{
		func() error { return on(ix, c.AddAddrs, addrs, true, s.addr) },
		func() error { return on(ix, c.AddNeighs, neighs, true, s.neigh) },
		func() error { return on(ix, c.PutRoutes, routes, true, s.route) },
		func() error {
			return eachErr(c.AddRules, func(r dataplane.PolicyRule) error { return s.rule(r, true) })
		},
		func() error {
			return eachErr(c.DelRules, func(r dataplane.PolicyRule) error { return s.rule(r, false) })
		},
		func() error { return on(ix, c.DelRoutes, routes, false, s.route) },
		func() error { return on(ix, c.DelNeighs, neighs, false, s.neigh) },
		func() error { return on(ix, c.DelAddrs, addrs, false, s.addr) },
	}
	return eachErr(steps, func(f func() error) error { return f() })
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func eachErr[T any](list []T, f func(T) error) error {
	for _, x := range list {
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
