package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// attach serves POST /_weir/attach: it makes the interface, runs the program
// behind it and carries its input and output until it or the caller ends.
func (d *daemon) attach(w http.ResponseWriter, r *http.Request) {
	var in attachRequest
	h, err := func() (*guest, error) {
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		if r.Header.Get("Upgrade") != "weir-attach" || len(in.Argv) == 0 {
			return nil, cloud.Errorf(cloud.Missing, "", "", "attach", "an attach request has a command and upgrades to weir-attach; use `weir attach`")
		}
		return d.newHost(r.Context(), in)
	}()
	if err != nil {
		answer(w, statusOf(err), map[string]string{"error": err.Error()})
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		h.close()
		d.log.Error("taking over an attach connection", "err", err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: weir-attach\r\n\r\n")
	send := sender(conn)
	status := h.run(send, rw.Reader)
	h.close() // first: who sees the program end finds its interface gone
	_ = send(frameExit, []byte{status})
}

// guest is a program of the machine in a VPC.
type guest struct {
	d    *daemon
	in   attachRequest
	eni  *cloud.Interface
	slot *host.Slot
	dir  string // holds its resolv.conf and hosts
}

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
	if h.dir, err = os.MkdirTemp("", "weir-host-"); err != nil {
		return err
	}
	resolv := ""
	for _, a := range h.slot.Resolvers {
		resolv += "nameserver " + a.String() + "\n"
	}
	resolv += "search " + strings.Join(append(h.slot.Search, cloud.HostDomain), " ") + "\n"
	hosts := "127.0.0.1 localhost\n::1 localhost\n" + h.eni.Addrs[0].String() + " " + h.hostname() + "\n"
	return errors.Join(
		os.WriteFile(filepath.Join(h.dir, "resolv.conf"), []byte(resolv), 0o644),
		os.WriteFile(filepath.Join(h.dir, "hosts"), []byte(hosts), 0o644),
		os.Chmod(h.dir, 0o755))
}

func (h *guest) hostname() string {
	if h.in.Name != "" {
		return h.in.Name
	}
	return host.Name(h.eni.Addrs[0])
}

func (h *guest) close() {
	if h.slot != nil {
		h.slot.Release()
	}
	if h.dir != "" {
		_ = os.RemoveAll(h.dir)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.d.control.DeleteHost(ctx, h.eni.ID); err != nil {
		h.d.log.Error("giving a host's interface back", "eni", h.eni.ID, "err", err)
	}
}

func (h *guest) info() attached {
	a := attached{Interface: string(h.eni.ID)}
	for _, addr := range append(h.eni.Addrs, h.eni.Addrs6...) {
		a.Addrs = append(a.Addrs, addr.String())
	}
	if h.eni.PublicIP.IsValid() {
		a.Public = h.eni.PublicIP.String()
	}
	if plan := h.d.network.Plan(h.eni.VPC); plan != nil {
		a.Names = namesOf(plan, h.eni.Addrs[0])
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

// run runs the program, carries its streams and returns its exit status.
func (h *guest) run(send func(kind byte, b []byte) error, r *bufio.Reader) byte {
	info, _ := json.Marshal(h.info()) // plain strings
	_ = send(frameInfo, info)
	cmd := h.command()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		cmd.Stdout, cmd.Stderr = frameWriter{frameOutput, send}, frameWriter{frameError, send}
		err = startIn(h.slot.NetNS, cmd)
	}
	if err != nil {
		_ = send(frameError, fmt.Appendf(nil, "weir: running %s: %v\n", h.in.Argv[0], err))
		return 127
	}
	done := make(chan struct{})
	go h.obey(r, stdin, cmd, done)
	err = cmd.Wait()
	close(done)
	return status8(err)
}

// obey carries input and signals to the program, and kills it when the caller goes.
func (h *guest) obey(r *bufio.Reader, stdin io.WriteCloser, cmd *exec.Cmd, done <-chan struct{}) {
	for {
		kind, b, err := readFrame(r)
		if err != nil {
			select {
			case <-done:
			default:
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			}
			return
		}
		switch {
		case kind == frameInput && len(b) == 0:
			stdin.Close()
		case kind == frameInput:
			_, _ = stdin.Write(b)
		case kind == frameSignal && len(b) == 1:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.Signal(b[0]))
		}
	}
}

// hostStage is the hidden subcommand that gives a host its own names before it becomes the program.
const hostStage = "__host"

// command is the program, started through hostStage in a mount namespace of its own.
func (h *guest) command() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{hostStage, h.dir, h.hostname(), h.in.User}, h.in.Argv...)...)
	cmd.Env, cmd.Dir = h.in.Env, h.in.Dir
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS,
	}
	return cmd
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
	dir, name, user, argv := args[0], args[1], args[2], args[3:]
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
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
