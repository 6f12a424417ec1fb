package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// newNetNS makes an empty network namespace, which lives as long as the file is open.
func newNetNS() (*os.File, error) {
	var ns *os.File
	err := onOwnThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make the internet's network namespace: %w (Weir needs root, or to run in a user namespace of its own)", err)
		}
		ns, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return ns, err
}

// inside runs f on a thread in ns; a nil ns is the process's own. f must not start goroutines.
func inside(ns *os.File, f func() error) error {
	if ns == nil {
		return f()
	}
	return onOwnThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", ns.Name(), err)
		}
		return f()
	})
}

// onOwnThread runs f on a thread that ends with it, so that what f does to the
// thread can never leak to other goroutines.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		done <- f()
	}()
	return <-done
}

func listenIn(ctx context.Context, ns *os.File, network, addr string) (l net.Listener, err error) {
	err = inside(ns, func() error {
		var lc net.ListenConfig
		l, err = lc.Listen(ctx, network, addr)
		return err
	})
	return l, err
}

// packetBuffer holds thousands of small packets that come at once.
const packetBuffer = 4 << 20

func listenPacketIn(ctx context.Context, ns *os.File, network, addr string) (c net.PacketConn, err error) {
	err = inside(ns, func() error {
		lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
			// Where the kernel refuses, its own limit serves, with less room.
			return raw.Control(func(fd uintptr) {
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, packetBuffer)
			})
		}}
		c, err = lc.ListenPacket(ctx, network, addr)
		return err
	})
	return c, err
}

// dialIn connects from ns; addr must be a literal, so that the dialer needs one thread only.
func dialIn(ctx context.Context, ns *os.File, network, addr string) (c net.Conn, err error) {
	err = inside(ns, func() error {
		d := net.Dialer{FallbackDelay: -1}
		c, err = d.DialContext(ctx, network, addr)
		return err
	})
	return c, err
}

// sysctl is one kernel setting below /proc/sys/net.
type sysctl struct {
	key, value string
	optional   bool // a kernel without it works too
}

// setSysctls applies settings to ns.
func setSysctls(ns *os.File, settings []sysctl) error {
	return inside(ns, func() error {
		for _, s := range settings {
			err := os.WriteFile("/proc/sys/net/"+s.key, []byte(s.value), 0)
			if err != nil && !s.optional {
				return fmt.Errorf("set net/%s to %s: %w", s.key, s.value, err)
			}
		}
		return nil
	})
}
