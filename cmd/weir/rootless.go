package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Environment of the inner process of a rootless start.
const (
	rootlessEnv = "WEIR_ROOTLESS" // set to the uid outside
	listenerFD  = 3               // the listener opened outside
)

// privileged reports whether this process may make namespaces and rules by itself.
func privileged() bool { return os.Geteuid() == 0 }

// rootless runs this same command again as root of its own user, mount and
// network namespace. The listener is opened out here, where clients are, and so are
// connections to the registry.
func rootless(ctx context.Context, e env, c *config) error {
	l, err := openListener(c.listen)
	if err != nil {
		return err
	}
	if c.registry != "" {
		relay, err := relayRegistry(c.data, c.registry)
		if err != nil {
			return fmt.Errorf("leading to the registry: %w", err)
		}
		defer relay.Close()
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	l.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, e.stdout, e.stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", rootlessEnv, os.Getuid()))
	cmd.ExtraFiles = []*os.File{f}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGTERM,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("making an unprivileged user namespace: %w; run weir as root, or allow it with sysctl kernel.unprivileged_userns_clone=1 (on Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)", err)
	}
	f.Close()
	go func() {
		<-ctx.Done()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	}()
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return fmt.Errorf("the daemon in its user namespace: %w", err)
	}
	return nil
}

// inRootless reports whether this is the inner process, and for which uid.
func inRootless() bool { return os.Getenv(rootlessEnv) != "" }

// openListener opens the API's listener, or takes over the one from outside.
func openListener(listen string) (net.Listener, error) {
	if inRootless() {
		f := os.NewFile(listenerFD, "listener")
		defer f.Close()
		return net.FileListener(f)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w; stop what listens there (`weir down`, if it is Weir), or choose another address with -listen", listen, err)
	}
	return l, nil
}
