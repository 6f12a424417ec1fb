package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// DialIn connects to a TCP socket inside the sandbox's network namespace.
func (s *Sandbox) DialIn(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	fd := -1
	err := s.visit(unix.CLONE_NEWNET, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s in sandbox %s: %w", addr, s.id, err)
	}
	f := os.NewFile(uintptr(fd), "connection") // the socket stays in the namespace that it was made in
	defer f.Close()
	if err := connect(ctx, f, addr); err != nil {
		return nil, fmt.Errorf("connect to %s in sandbox %s: %w", addr, s.id, err)
	}
	return net.FileConn(f)
}

// connect connects a non-blocking socket, outside the visitor, which others wait for.
func connect(ctx context.Context, f *os.File, addr netip.AddrPort) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	to := &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		failed = unix.Connect(int(fd), to)
		if errors.Is(failed, unix.EISCONN) {
			failed = nil
		}
		return !errors.Is(failed, unix.EINPROGRESS) && !errors.Is(failed, unix.EALREADY)
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(err, failed)
}
