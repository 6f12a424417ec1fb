package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/host"
	"weir/internal/netplan"
)

// attach serves POST /_weir/attach: it makes the interface and starts the keeper
// that runs the program behind it. The caller goes on with the keeper.
func (d *daemon) attach(r *http.Request) (any, error) {
	var in attachRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if len(in.Argv) == 0 && in.Image == "" {
		return nil, cloud.Errorf(cloud.Missing, "", "", "attach", "an attach request has a command or an image; use `weir attach`")
	}
	var c *container
	if in.Image != "" {
		var err error
		if c, err = d.pull(r.Context(), &in); err != nil {
			return nil, cloud.Errorf(cloud.Invalid, "", in.Image, "image", "%v", err)
		}
	}
	h, err := d.newHost(r.Context(), in)
	if err != nil {
		return nil, err
	}
	if h.container = c; c != nil {
		c.place(h)
	}
	if err := h.keep(); err != nil {
		h.close()
		return nil, err
	}
	return h.info(), nil
}

// guest is a program of the machine, or an image, in a VPC, run by a keeper.
type guest struct {
	d    *daemon
	in   attachRequest
	eni  *cloud.Interface
	slot *host.Slot
	conn net.Conn // to its keeper
	// container is what is run of an image; nil if a program of this machine is.
	container *container
}

// dir holds its socket, resolv.conf and hosts.
func (h *guest) dir() string { return filepath.Join(h.d.guestsDir(), string(h.eni.ID)) }

// newHost makes the interface and waits until the network has it.
func (d *daemon) newHost(ctx context.Context, in attachRequest) (*guest, error) {
	c := control.CreateHost{Subnet: cloud.SubnetID(in.Subnet), Name: in.Name, IPv6: in.IPv6}
	for _, g := range in.Groups {
		c.Groups = append(c.Groups, cloud.SecurityGroupID(g))
	}
	if in.Addr != "" {
		var err error
		if c.Addr, err = netip.ParseAddr(in.Addr); err != nil {
			return nil, cloud.Errorf(cloud.Malformed, cloud.KindInterface, in.Addr, "address", "%q is no address", in.Addr)
		}
	}
	if in.Name != "" {
		c.Tags = map[string]string{"Name": in.Name}
	}
	eni, err := d.control.CreateHost(ctx, d.root(in.Region), c)
	if err != nil {
		return nil, err
	}
	h := &guest{d: d, in: in, eni: eni}
	if err := h.connect(ctx); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *guest) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if h.slot, err = h.d.lease(ctx, h.eni, h.d.store.View().Rev()); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir(), 0o700); err != nil {
		return err
	}
	resolv := ""
	for _, a := range h.slot.Resolvers {
		resolv += "nameserver " + a.String() + "\n"
	}
	resolv += "search " + strings.Join(append(h.slot.Search, cloud.HostDomain), " ") + "\n"
	hosts := "127.0.0.1 localhost\n::1 localhost\n" + h.eni.Primary().String() + " " + h.hostname() + "\n"
	return errors.Join(
		os.WriteFile(filepath.Join(h.dir(), "resolv.conf"), []byte(resolv), 0o644),
		os.WriteFile(filepath.Join(h.dir(), "hosts"), []byte(hosts), 0o644))
}

func (h *guest) hostname() string {
	if h.in.Name != "" {
		return h.in.Name
	}
	return host.Name(h.eni.Primary())
}

func (h *guest) close() {
	if h.slot != nil {
		h.slot.Release()
	}
	clearGuest(h.dir())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.d.control.DeleteHost(ctx, h.eni.ID); err != nil {
		h.d.log.Error("giving a host's interface back", "eni", h.eni.ID, "err", err)
	}
}

func (h *guest) info() attached {
	a := attached{Interface: string(h.eni.ID), Dir: h.dir()}
	for _, addr := range append(h.eni.Addrs, h.eni.Addrs6...) {
		a.Addrs = append(a.Addrs, addr.String())
	}
	if h.eni.PublicIP.IsValid() {
		a.Public = h.eni.PublicIP.String()
	}
	if plan := h.d.network.Plan(h.eni.VPC); plan != nil {
		a.Names = namesOf(plan, h.eni.Primary())
	}
	return a
}

func namesOf(p *netplan.Plan, addr netip.Addr) []string {
	var names []string
	for _, r := range p.DNS.Records {
		for _, a := range r.Addrs {
			if a == addr {
				names = append(names, r.Name)
			}
		}
	}
	return names
}

// startIn starts a command in a network namespace. The thread is thrown away
// when the command ends: Pdeathsig follows it, and it must not come back into use
// in the wrong namespace.
func startIn(ns *os.File, cmd *exec.Cmd) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			// Wait without reaping: cmd.Wait does that.
			_ = unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		}
	}()
	return <-started
}

// becomeHost is hostStage: it puts the host's own names in place and runs the program.
func becomeHost(args []string) error {
	dir, name, user, pins, argv := args[0], args[1], args[2], args[3], args[4:]
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	_ = unix.Unmount(pins, unix.MNT_DETACH) // else the program holds every network that there is now
	for _, f := range []string{"resolv.conf", "hosts"} {
		target, err := filepath.EvalSymlinks("/etc/" + f)
		if err != nil {
			continue // a machine without the file; names are then the program's own affair
		}
		if err := unix.Mount(filepath.Join(dir, f), target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("placing /etc/%s: %w", f, err)
		}
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("setting the host's name: %w", err)
	}
	if err := become(user); err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, argv, os.Environ())
}

// become drops to "uid:gid"; "" stays.
func become(user string) error {
	if user == "" {
		return nil
	}
	u, g, ok := strings.Cut(user, ":")
	uid, err1 := strconv.Atoi(u)
	gid, err2 := strconv.Atoi(g)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("-user %q is not of the form uid:gid", user)
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return fmt.Errorf("becoming user %s: %w", user, err)
	}
	return nil
}

// status8 is a command's exit status as a shell gives it.
func status8(err error) byte {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return byte(128 + int(s.Signal()))
		}
		return byte(exit.ExitCode())
	}
	return 126
}
