package lab

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	maxUplinks = 64
	farEnd     = "uplink" // the link's name in the internet
)

// private destinations never leave by the uplink: they would reach the
// machine's own neighbours, and no public router carries them. The
// documentation prefixes are this internet's own.
var private = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
	hosts4, elastic4, netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("ff00::/8"), documents6,
}

// unreachable reports whether addr is in private.
func unreachable(addr netip.Addr) bool {
	for _, p := range private {
		if p.Contains(addr) {
			return true
		}
	}
	return addr.IsLinkLocalUnicast()
}

// uplink joins the internet's namespace to the machine's network. Translation
// happens twice: at the internet's end to the link's own address, so that the
// machine needs no route to elastic IPs, and at the machine's to its address.
type uplink struct {
	n    int
	host *os.File // nil is the process's namespace
	nl   *netlink.Handle
	log  *slog.Logger
}

func (u *uplink) link() string  { return "weir" + strconv.Itoa(u.n) }
func (u *uplink) table() string { return tablePrefix + strconv.Itoa(u.n) }

// ends are the link's addresses: the machine's, then the internet's.
func (u *uplink) ends4() (netip.Addr, netip.Addr) {
	b := byte(4 * u.n)
	return netip.AddrFrom4([4]byte{169, 254, 87, b + 1}), netip.AddrFrom4([4]byte{169, 254, 87, b + 2})
}

func (u *uplink) ends6() (netip.Addr, netip.Addr) {
	a := [16]byte{0xfd, 0x77, 0x65, 0x69, 0x72, 7: byte(u.n), 15: 1}
	b := a
	b[15] = 2
	return netip.AddrFrom16(a), netip.AddrFrom16(b)
}

func newUplink(internet, host *os.File, log *slog.Logger) (_ *uplink, err error) {
	if err := Sweep(host); err != nil {
		return nil, err
	}
	u := &uplink{host: host, log: log}
	if u.nl, err = handleIn(host); err != nil {
		return nil, fmt.Errorf("configure the machine's network: %w", err)
	}
	defer func() {
		if err != nil {
			u.Close()
		}
	}()
	if err := u.addLink(internet); err != nil {
		return nil, err
	}
	six, err := u.forwards("ipv6/conf/all/forwarding")
	if err != nil {
		return nil, err
	}
	if !six {
		log.Warn("IPv6 does not leave the machine: it does not forward IPv6, and Weir does not change that, because a machine that forwards stops learning its own routes", "setting", "net.ipv6.conf.all.forwarding")
	}
	four, err := u.forwards("ipv4/ip_forward")
	if err != nil {
		return nil, err
	}
	if err := u.addHostRules(!four); err != nil {
		return nil, err
	}
	if !four {
		if err := setSysctls(host, []sysctl{{key: "ipv4/ip_forward", value: "1"}}); err != nil {
			return nil, err
		}
	}
	if err := u.raiseHostEnd(); err != nil {
		return nil, err
	}
	if err := u.raiseFarEnd(internet, six); err != nil {
		return nil, err
	}
	return u, u.warnOfFirewall()
}

func handleIn(ns *os.File) (*netlink.Handle, error) {
	if ns == nil {
		return netlink.NewHandle(unix.NETLINK_ROUTE)
	}
	return netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
}

func nftIn(ns *os.File) (*nftables.Conn, error) {
	if ns == nil {
		return nftables.New()
	}
	return nftables.New(nftables.WithNetNSFd(int(ns.Fd())))
}

// addLink makes the link under the first number that is free.
func (u *uplink) addLink(internet *os.File) error {
	for u.n = range maxUplinks {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = u.link()
		err := u.nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: farEnd, PeerNamespace: netlink.NsFd(internet.Fd())})
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EEXIST) {
			return fmt.Errorf("join the internet to the machine by link %s: %w", attrs.Name, err)
		}
	}
	return fmt.Errorf("join the internet to the machine: links weir0 to weir%d all exist; stop other Weirs", maxUplinks-1)
}

// forwards reads whether a forwarding switch of the machine is on.
func (u *uplink) forwards(key string) (on bool, err error) {
	err = inside(u.host, func() error {
		raw, err := os.ReadFile("/proc/sys/net/" + key)
		if errors.Is(err, os.ErrNotExist) { // no IPv6 in this kernel
			return nil
		}
		on = strings.TrimSpace(string(raw)) == "1"
		return err
	})
	return on, err
}

func (u *uplink) raiseHostEnd() error {
	link, err := u.nl.LinkByName(u.link())
	if err != nil {
		return fmt.Errorf("find link %s: %w", u.link(), err)
	}
	four, _ := u.ends4()
	six, _ := u.ends6()
	return raiseEnd(u.nl, link, four, six)
}

// raiseFarEnd gives the internet its default route; private destinations stay unreachable.
func (u *uplink) raiseFarEnd(internet *os.File, six bool) error {
	h, err := handleIn(internet)
	if err != nil {
		return fmt.Errorf("configure the internet's network: %w", err)
	}
	defer h.Close()
	for _, p := range private {
		if err := refuse(h, p); err != nil {
			return err
		}
	}
	if err := translateUplink(internet); err != nil {
		return err
	}
	link, err := h.LinkByName(farEnd)
	if err != nil {
		return fmt.Errorf("find the internet's uplink: %w", err)
	}
	host4, own4 := u.ends4()
	host6, own6 := u.ends6()
	if err := raiseEnd(h, link, own4, own6); err != nil {
		return err
	}
	gateways := []netip.Addr{host4}
	if six {
		gateways = append(gateways, host6)
	}
	for _, gw := range gateways {
		every := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if gw.Is6() {
			every = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(every), Gw: gw.AsSlice()}); err != nil {
			return fmt.Errorf("route the internet to the machine by %s: %w", gw, err)
		}
	}
	return nil
}

// raiseEnd addresses one end of the link and brings it up.
func raiseEnd(h *netlink.Handle, link netlink.Link, four, six netip.Addr) error {
	for _, p := range []netip.Prefix{netip.PrefixFrom(four, 30), netip.PrefixFrom(six, 126)} {
		addr := &netlink.Addr{IPNet: ipNet(p)}
		if six == p.Addr() {
			addr.Flags = unix.IFA_F_NODAD
		}
		err := h.AddrAdd(link, addr)
		if err != nil && !(six == p.Addr() && errors.Is(err, syscall.EACCES)) { // EACCES: IPv6 is switched off
			return fmt.Errorf("give link %s address %s: %w", link.Attrs().Name, p, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring link %s up: %w", link.Attrs().Name, err)
	}
	return nil
}

// Close removes the link, the table and, if nobody else needs it, forwarding.
func (u *uplink) Close() error {
	defer u.nl.Close()
	var errs []error
	if link, err := u.nl.LinkByName(u.link()); err == nil {
		errs = append(errs, u.nl.LinkDel(link))
	}
	return errors.Join(append(errs, Sweep(u.host))...)
}
