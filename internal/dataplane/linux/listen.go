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
	s, err := k.listen(id, inRouter, addr, "tcp", func(c *net.ListenConfig, network string) (io.Closer, error) {
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
	s, err := k.listen(id, inRouter, addr, "udp", func(c *net.ListenConfig, network string) (io.Closer, error) {
		p, err = c.ListenPacket(ctx, network, addr.String())
		return p, err
	})
	if err != nil {
		return nil, err
	}
	return &packetConn{p.(*net.UDPConn), s}, nil
}

// ListenBehind listens in the namespace of an interface.
func (k *Kernel) ListenBehind(ctx context.Context, id cloud.VPCID, eni cloud.InterfaceID, addr netip.AddrPort) (l net.Listener, err error) {
	behind := func(n *dataplane.Network) string { return n.Behind(eni) }
	s, err := k.listen(id, behind, addr, "tcp", func(c *net.ListenConfig, network string) (io.Closer, error) {
		c.KeepAlive = -1
		l, err = c.Listen(ctx, network, addr.String())
		return l, err
	})
	if err != nil {
		return nil, err
	}
	return &listener{l, s}, nil
}

func inRouter(*dataplane.Network) string { return dataplane.Router }

// socket is one that ends with its namespace.
type socket struct {
	io.Closer
	v         *vpc
	namespace string
}

// Close closes it and forgets it.
func (s *socket) Close() error {
	s.v.socks.Lock()
	delete(s.v.sockets, s)
	s.v.socks.Unlock()
	return s.Closer.Close()
}

// closeSockets closes those in a namespace, which they would hold.
func (v *vpc) closeSockets(namespace string) {
	v.socks.Lock()
	defer v.socks.Unlock()
	for s := range v.sockets {
		if s.namespace == namespace {
			_ = s.Closer.Close()
			delete(v.sockets, s)
		}
	}
}

type listener struct {
	net.Listener
	s *socket
}

func (l *listener) Close() error { return l.s.Close() }

// packetConn is the whole of a UDP socket: users set its buffers.
type packetConn struct {
	*net.UDPConn
	s *socket
}

func (p *packetConn) Close() error { return p.s.Close() }

func (k *Kernel) listen(id cloud.VPCID, where func(*dataplane.Network) string, addr netip.AddrPort, network string, open func(*net.ListenConfig, string) (io.Closer, error)) (*socket, error) {
	v, err := k.find(id)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.have == nil {
		return nil, fmt.Errorf("listen on %s in VPC %s: it has no network here yet", addr, id)
	}
	name := where(v.have)
	s, err := k.space(v, name)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	c := &net.ListenConfig{}
	if addr.Addr().IsUnspecified() {
		c.Control = transparent
	}
	network += "4"
	if addr.Addr().Is6() {
		network = network[:3] + "6"
	}
	sock := &socket{v: v, namespace: name}
	err = k.threads.inside(s.file, func() (err error) {
		sock.Closer, err = open(c, network)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s in namespace %s of VPC %s: %w", addr, name, id, err)
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
