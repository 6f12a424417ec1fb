package linux

import (
	"context"
	"fmt"
	"io"
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
	s, err := k.listen(id, addr, "tcp", func(c *net.ListenConfig, network string) (io.Closer, error) {
		l, err = c.Listen(ctx, network, addr.String())
		return l, err
	})
	if err != nil {
		return nil, err
	}
	return &listener{l, s}, nil
}

// ListenPacket opens a UDP socket in the VPC's router.
func (k *Kernel) ListenPacket(ctx context.Context, id cloud.VPCID, addr netip.AddrPort) (p net.PacketConn, err error) {
	s, err := k.listen(id, addr, "udp", func(c *net.ListenConfig, network string) (io.Closer, error) {
		p, err = c.ListenPacket(ctx, network, addr.String())
		return p, err
	})
	if err != nil {
		return nil, err
	}
	return &packetConn{p, s}, nil
}

// socket is one that ends with the router.
type socket struct {
	io.Closer
	v *vpc
}

// Close closes it and forgets it.
func (s *socket) Close() error {
	s.v.socks.Lock()
	delete(s.v.sockets, s)
	s.v.socks.Unlock()
	return s.Closer.Close()
}

func (v *vpc) closeSockets() {
	v.socks.Lock()
	defer v.socks.Unlock()
	for s := range v.sockets {
		_ = s.Closer.Close()
	}
	clear(v.sockets)
}

type listener struct {
	net.Listener
	s *socket
}

func (l *listener) Close() error { return l.s.Close() }

type packetConn struct {
	net.PacketConn
	s *socket
}

func (p *packetConn) Close() error { return p.s.Close() }

func (k *Kernel) listen(id cloud.VPCID, addr netip.AddrPort, network string, open func(*net.ListenConfig, string) (io.Closer, error)) (*socket, error) {
	v, err := k.find(id)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, err := k.space(v, dataplane.Router)
	if err != nil {
		return nil, err
	}
	c := &net.ListenConfig{}
	if addr.Addr().IsUnspecified() {
		c.Control = transparent
	}
	network += "4"
	if addr.Addr().Is6() {
		network = network[:3] + "6"
	}
	sock := &socket{v: v}
	err = k.threads.inside(s.file, func() (err error) {
		sock.Closer, err = open(c, network)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s in the router of VPC %s: %w", addr, id, err)
	}
	v.socks.Lock()
	v.sockets[sock] = struct{}{}
	v.socks.Unlock()
	return sock, nil
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
