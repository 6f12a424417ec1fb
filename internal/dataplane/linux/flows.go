package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
)

// addrSet matches tracked flows that have one of the addresses on either side.
type addrSet map[netip.Addr]bool

// MatchConntrackFlow implements the library's filter.
func (s addrSet) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	for _, ip := range []net.IP{f.Forward.SrcIP, f.Forward.DstIP, f.Reverse.SrcIP, f.Reverse.DstIP} {
		if a, ok := netip.AddrFromSlice(ip); ok && s[a.Unmap()] {
			return true
		}
	}
	return false
}

// forget ends tracked flows of addresses, in the router and in what translates for it.
func (k *Kernel) forget(v *vpc, want *dataplane.Network, addrs []netip.Addr) error {
	for i, ns := range want.Namespaces {
		s := v.spaces[ns.Name]
		if s == nil || i > 0 && (ns.Table == nil || !dataplane.Translates(&want.Namespaces[i])) {
			continue
		}
		if err := k.forgetIn(s, func(set addrSet) {
			for _, a := range addrs {
				set[a] = true
			}
		}); err != nil {
			return fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
	}
	return nil
}

func (k *Kernel) forgetIn(s *space, fill func(addrSet)) error {
	set := addrSet{}
	fill(set)
	var h *netlink.Handle
	err := k.threads.inside(s.file, func() (err error) {
		h, err = netlink.NewHandle(unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return fmt.Errorf("open conntrack socket: %w", err)
	}
	defer h.Close()
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		_, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, family, set)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("forget flows: %w", err)
		}
	}
	return nil
}
