package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// internetSettings make the namespace a router that drops forged sources. ICMP
// errors are not rate-limited: whoever probes shall get every answer.
var internetSettings = []sysctl{
	{key: "ipv4/conf/all/forwarding", value: "1"},
	{key: "ipv4/conf/default/forwarding", value: "1"},
	{key: "ipv4/conf/all/rp_filter", value: "1"},
	{key: "ipv4/conf/default/rp_filter", value: "1"},
	{key: "ipv4/conf/all/accept_redirects", value: "0"},
	{key: "ipv4/conf/default/accept_redirects", value: "0"},
	{key: "ipv4/conf/all/send_redirects", value: "0"},
	{key: "ipv4/conf/default/send_redirects", value: "0"},
	{key: "ipv4/icmp_ratelimit", value: "0"},
	{key: "ipv6/conf/all/forwarding", value: "1"},
	{key: "ipv6/conf/default/forwarding", value: "1"},
	{key: "ipv6/conf/default/accept_dad", value: "0"},
	{key: "ipv6/conf/all/accept_ra", value: "0"},
	{key: "ipv6/conf/default/accept_ra", value: "0"},
	{key: "ipv6/icmp/ratelimit", value: "0"},
	{key: "ipv4/tcp_congestion_control", value: "cubic", optional: true}, // pacing of others slows virtual links down
}

// buildInternet configures the namespace ns, which is empty or an earlier internet.
func buildInternet(ns *os.File) error {
	if err := setSysctls(ns, internetSettings); err != nil {
		return err
	}
	if err := dropForged6(ns); err != nil {
		return err
	}
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("configure the internet's network: %w", err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the internet's loopback: %w", err)
	}
	if err := h.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring the internet's loopback up: %w", err)
	}
	// The first address is the source of ICMP errors.
	for _, host := range []Host{Backbone, Echo, API, Resolver, CatchAll} {
		if err := addHost(h, lo, host); err != nil {
			return err
		}
	}
	for _, p := range []netip.Prefix{S3Prefix4, S3Prefix6} {
		r := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(p), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
		if err := h.RouteReplace(r); err != nil {
			return fmt.Errorf("route %s to the API: %w", p, err)
		}
	}
	for _, p := range []string{"0.0.0.0/0", "::/0"} {
		if err := refuse(h, netip.MustParsePrefix(p)); err != nil {
			return err
		}
	}
	return nil
}

func addHost(h *netlink.Handle, lo netlink.Link, host Host) error {
	for _, a := range []netip.Addr{host.V4, host.V6} {
		addr := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, a.BitLen()))}
		if a.Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.AddrReplace(lo, addr); err != nil {
			return fmt.Errorf("give the internet address %s: %w", a, err)
		}
	}
	return nil
}

func delHost(h *netlink.Handle, lo netlink.Link, host Host) error {
	for _, a := range []netip.Addr{host.V4, host.V6} {
		if err := h.AddrDel(lo, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, a.BitLen()))}); err != nil {
			return fmt.Errorf("take address %s from the internet: %w", a, err)
		}
	}
	return nil
}

// lastResort is the metric of routes that any other route to the same prefix precedes.
const lastResort = 1<<32 - 1

// refuse answers packets to p with "host unreachable" unless a better route exists.
func refuse(h *netlink.Handle, p netip.Prefix) error {
	err := h.RouteReplace(&netlink.Route{Dst: ipNet(p), Family: family(p.Addr()), Type: unix.RTN_UNREACHABLE, Priority: lastResort})
	if err != nil {
		return fmt.Errorf("make %s unreachable on the internet: %w", p, err)
	}
	return nil
}

// dropForged6 does for IPv6 what rp_filter does for IPv4: a source must be
// routed back out of the interface it came in by.
func dropForged6(ns *os.File) error {
	c, err := nftables.New(nftables.WithNetNSFd(int(ns.Fd())))
	if err != nil {
		return fmt.Errorf("filter the internet's forged sources: %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: "internet", Family: nftables.TableFamilyIPv6})
	c.DelTable(table) // an earlier internet's, in the same transaction
	c.AddTable(table)
	chain := c.AddChain(&nftables.Chain{
		Name: "forged", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw,
	})
	// Link-local sources (neighbour discovery, fe80::/10) are on every interface.
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 8, Len: 16},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 16, Mask: append([]byte{0xff, 0xc0}, make([]byte, 14)...), Xor: make([]byte, 16)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: append([]byte{0xfe, 0x80}, make([]byte, 14)...)},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Fib{Register: 1, FlagSADDR: true, FlagIIF: true, ResultOIF: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: make([]byte, 4)},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("filter the internet's forged sources: %w (the kernel needs nf_tables with fib)", err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
