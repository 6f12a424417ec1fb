package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// homes are the daemon's own namespaces, to which the visitor returns.
type homes struct{ mnt, net *os.File }

// openHomes lets the calling thread change its namespaces and opens the present ones.
func openHomes() (homes, error) {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return homes{}, fmt.Errorf("give a thread a root of its own: %w", err)
	}
	mnt, err1 := os.Open("/proc/thread-self/ns/mnt")
	net, err2 := os.Open("/proc/thread-self/ns/net")
	return homes{mnt, net}, errors.Join(err1, err2)
}

func (h homes) close() {
	for _, f := range []*os.File{h.mnt, h.net} {
		if f != nil {
			f.Close()
		}
	}
}

// visit runs f on a thread in one of the sandbox's namespaces.
func (s *Sandbox) visit(kind int, f func() error) error {
	s.host.life.RLock()
	defer s.host.life.RUnlock()
	if s.host.ended {
		return errClosed
	}
	return s.control(func(pidfd int) error { return s.host.enter(pidfd, kind, f) })
}

// enter runs f on the visitor in a namespace, or in a process's namespace of that
// kind. The caller holds life.
func (h *Host) enter(fd, kind int, f func() error) (err error) {
	home := h.home.mnt
	if kind == unix.CLONE_NEWNET {
		home = h.home.net
	}
	h.visitor.do(func() {
		if err = unix.Setns(fd, kind); err != nil {
			err = fmt.Errorf("enter a namespace: %w", err)
			return
		}
		err = f()
		if back := unix.Setns(int(home.Fd()), kind); back != nil {
			panic("sandbox: cannot return to the daemon's namespace: " + back.Error())
		}
	})
	return err
}

const loopback = "lo"

// loopbackUp reports whether a network namespace has its loopback up. Who sets an
// interface up, were it up already, waits for a lock of the whole machine that is held
// while links come and go, tens of milliseconds at times; who asks does not.
func (h *Host) loopbackUp(ns *os.File) bool {
	up := false
	err := h.enter(int(ns.Fd()), unix.CLONE_NEWNET, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request, err := unix.NewIfreq(loopback)
		if err != nil {
			return err
		}
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request)
		up = request.Uint16()&unix.IFF_UP != 0
		return err
	})
	return err == nil && up // if not, the stage sets it up, or says why it cannot
}

// ListenIn opens a TCP socket inside the sandbox's network namespace. The sandbox
// must not have ended; closing the listener is the caller's.
func (s *Sandbox) ListenIn(addr netip.AddrPort) (net.Listener, error) {
	fd := -1
	err := s.visit(unix.CLONE_NEWNET, func() (err error) {
		fd, err = listen(addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s in sandbox %s: %w", addr, s.id, err)
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	return net.FileListener(f)
}

func listen(addr netip.AddrPort) (int, error) {
	family := unix.AF_INET6
	var to unix.Sockaddr = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	if addr.Addr().Unmap().Is4() {
		family = unix.AF_INET
		to = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().Unmap().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.Bind(fd, to), unix.Listen(fd, 16))
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
