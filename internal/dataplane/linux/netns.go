package linux

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// threads brings threads into namespaces and back.
type threads struct {
	home int
	done sync.Once // a number closed twice is somebody else's by then
}

func newThreads() (*threads, error) {
	// Not /proc/self: that is the first thread, which may be in a namespace of another's.
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the machine's network namespace: %w", err)
	}
	return &threads{home: fd}, nil
}

func (t *threads) close() { t.done.Do(func() { _ = unix.Close(t.home) }) }

// away runs f on a locked thread that enter has taken to another namespace.
func (t *threads) away(enter, f func() error) error {
	runtime.LockOSThread()
	if err := enter(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	err := f()
	if back := unix.Setns(t.home, unix.CLONE_NEWNET); back != nil {
		panic(fmt.Sprintf("return to the machine's network namespace: %v", back)) // going on would configure the wrong one
	}
	runtime.UnlockOSThread()
	return err
}

// inside runs f in the namespace. f starts no goroutines.
func (t *threads) inside(ns *os.File, f func() error) error {
	return t.away(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter namespace %s: %w", ns.Name(), err)
		}
		return nil
	}, f)
}

// create makes a namespace and runs f in it.
func (t *threads) create(name string, f func() error) (ns *os.File, err error) {
	err = t.away(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace %s: %w (needs root, or a user namespace of its own)", name, err)
		}
		return nil
	}, func() error {
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open network namespace %s: %w", name, err)
		}
		ns = os.NewFile(uintptr(fd), name)
		return f()
	})
	if err != nil && ns != nil {
		_ = ns.Close()
		ns = nil
	}
	return ns, err
}
