package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
)

// DialBehind opens a TCP connection from an address of an interface, in its
// namespace. The connection lives no longer than that; its user closes it then.
func (k *Kernel) DialBehind(ctx context.Context, id cloud.VPCID, eni cloud.InterfaceID, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	fd, err := k.dial(id, eni, from, to)
	if err != nil {
		return nil, fmt.Errorf("connect %s to %s: %w", eni, to, err)
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := established(f); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("connect %s to %s: %w", eni, to, err)
	}
	return net.FileConn(f)
}

// dial starts to connect, without waiting.
func (k *Kernel) dial(id cloud.VPCID, eni cloud.InterfaceID, from netip.Addr, to netip.AddrPort) (fd int, err error) {
	v, err := k.find(id)
	if err != nil {
		return -1, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.have == nil {
		return -1, fmt.Errorf("VPC %s has no network here yet", id)
	}
	s, err := k.space(v, v.have.Behind(eni))
	if err != nil {
		return -1, err
	}
	err = k.threads.inside(s.file, func() error {
		fd, err = unix.Socket(family(to.Addr()), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		err := errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1),
			unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))))
		if err == nil {
			if err = unix.Connect(fd, sockaddr(to)); errors.Is(err, unix.EINPROGRESS) {
				err = nil
			}
		}
		if err != nil {
			_ = unix.Close(fd)
		}
		return err
	})
	return fd, err
}

// established waits until a socket is connected.
func established(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = c.Write(func(fd uintptr) bool {
		if _, err := unix.Getpeername(int(fd)); err == nil {
			return true
		}
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && n != 0 {
			err = unix.Errno(n)
		}
		failed = err
		return err != nil
	})
	return errors.Join(err, failed)
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
