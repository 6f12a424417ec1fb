package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// threads brings threads into namespaces and back.
type threads struct{ home int }

func newThreads() (*threads, error) {
	// Not /proc/self: that is the first thread, which may be in a namespace of another's.
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the machine's network namespace: %w", err)
	}
	return &threads{home: fd}, nil
}

func (t *threads) close() { _ = unix.Close(t.home) }

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

// pins holds namespaces by bind mounts in a directory.
type pins struct {
	dir string // "" where mounting is not permitted
}

// newPins clears what is left in dir and prepares it.
func newPins(dir string) (*pins, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of network namespaces: %w", err)
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	// A mount of its own and private, so that others' mount namespaces do not hold ours.
	if unix.Mount(dir, dir, "", unix.MS_BIND, "") != nil {
		return &pins{}, nil
	}
	if err := unix.Mount("", dir, "", unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make %s private: %w", dir, err)
	}
	return &pins{dir: dir}, nil
}

// sweep unmounts and removes everything in dir.
func sweep(dir string) error {
	mounts, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return fmt.Errorf("look for network namespaces left over: %w", err)
	}
	lines := strings.Split(string(mounts), "\n")
	for i := len(lines) - 1; i >= 0; i-- { // what was mounted last goes first
		f := strings.Fields(lines[i])
		if len(f) < 5 || f[4] != dir && !strings.HasPrefix(f[4], dir+"/") {
			continue
		}
		if err := unix.Unmount(f[4], unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s, left over: %w", f[4], err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list network namespaces left over: %w", err)
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove a network namespace left over: %w", err)
		}
	}
	return nil
}

func (p *pins) add(name string, ns *os.File) error {
	if p.dir == "" {
		return nil
	}
	path := filepath.Join(p.dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o400)
	if err == nil {
		_ = f.Close()
		err = unix.Mount(fmt.Sprintf("/proc/self/fd/%d", ns.Fd()), path, "", unix.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf("pin network namespace %s: %w", name, err)
	}
	return nil
}

func (p *pins) remove(name string) {
	if p.dir == "" {
		return
	}
	path := filepath.Join(p.dir, name)
	_ = unix.Unmount(path, unix.MNT_DETACH)
	_ = os.Remove(path)
}

func (p *pins) close() error {
	if p.dir == "" {
		return nil
	}
	return sweep(p.dir)
}
