package linux

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
)

// ListenTCP listens in the VPC's router. The unspecified address takes
// connections to every address that a route leads to the router itself with: the
// gateway endpoints.
func (k *Kernel) ListenTCP(ctx context.Context, id cloud.VPCID, addr netip.AddrPort) (l net.Listener, err error) {
	err = k.listen(id, addr, "tcp", func(c *net.ListenConfig, network string) error {
		l, err = c.Listen(ctx, network, addr.String())
		return err
	})
	return l, err
}

// ListenPacket opens a UDP socket in the VPC's router.
func (k *Kernel) ListenPacket(ctx context.Context, id cloud.VPCID, addr netip.AddrPort) (p net.PacketConn, err error) {
	err = k.listen(id, addr, "udp", func(c *net.ListenConfig, network string) error {
		p, err = c.ListenPacket(ctx, network, addr.String())
		return err
	})
	return p, err
}

func (k *Kernel) listen(id cloud.VPCID, addr netip.AddrPort, network string, open func(*net.ListenConfig, string) error) error {
	v := k.vpc(id)
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, err := k.space(v, dataplane.Router)
	if err != nil {
		return err
	}
	c := &net.ListenConfig{}
	if addr.Addr().IsUnspecified() {
		c.Control = transparent
	}
	network += "4"
	if addr.Addr().Is6() {
		network = network[:3] + "6"
	}
	err = k.threads.inside(s.file, func() error { return open(c, network) })
	if err != nil {
		return fmt.Errorf("listen on %s in the router of VPC %s: %w", addr, id, err)
	}
	return nil
}

// transparent lets a socket answer from addresses that are local by a route
// table only, for which the kernel would not route the answer otherwise.
func transparent(network, _ string, c syscall.RawConn) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if network[len(network)-1] == '6' {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	var err error
	if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }); e != nil {
		return e
	}
	return err
}
