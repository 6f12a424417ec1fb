package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A keeper is a process between the daemon and an attached program, one for each:
// it runs the program and carries its streams, and outlives the daemon. Both the
// caller (`weir attach`) and the daemon reach it by a socket in the host's
// directory; the first byte says who it is.
//
// The program ends when the caller goes, when the daemon says so, and with the
// keeper. When it has ended the daemon gives its interface back before the caller
// hears of it; without a daemon, the next one does that when it starts.

// keepStage is the hidden subcommand that a keeper is.
const keepStage = "__keep"

// Who connects to a keeper.
const (
	keeperClient byte = 'c'
	keeperDaemon byte = 'd'
)

const (
	keeperSocket = "keeper"
	// patience is how long a keeper waits for its caller, and for the daemon to
	// give the interface back.
	patience = 10 * time.Second
)

// keepOrder is what a keeper is to do; it comes as JSON on its standard input.
type keepOrder struct {
	attachRequest
	Names string `json:"names"` // directory of its resolv.conf and hosts
	Host  string `json:"host"`  // its name
	Pins  string `json:"pins"`  // where the daemon holds namespaces
	// Container, if set, is run in place of a program of this machine.
	Container *container `json:"container,omitempty"`
}

// Descriptors of a keeper.
const (
	keepNetNS    = 3
	keepListener = 4
)

// short names a file below a directory in a way that fits into a socket's address.
func short(dir, name string, f func(path string) error) error {
	at, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer at.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", at.Fd(), name))
}

// dialKeeper reaches the keeper of the host with this directory.
func dialKeeper(dir string, who byte) (conn net.Conn, err error) {
	err = short(dir, keeperSocket, func(path string) error {
		conn, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte{who}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// startKeeper starts the keeper of a host in its namespace.
func startKeeper(o keepOrder, netns *os.File) error {
	order, err := json.Marshal(o)
	if err != nil {
		return err
	}
	var l *net.UnixListener
	err = short(o.Names, keeperSocket, func(path string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
		return err
	})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	f, err := l.File()
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe", keepStage)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(order), os.Stderr
	cmd.ExtraFiles = []*os.File{netns, f}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // so that it is reaped
	return nil
}

// keeper runs one program.
type keeper struct {
	order   keepOrder
	netns   *os.File
	callers chan net.Conn // the one that counts
	daemons chan net.Conn
	killed  chan struct{} // closed by kill, when others want the end
	kill    func()
}

// keep is keepStage.
func keep(ctx context.Context) error {
	k := &keeper{netns: os.NewFile(keepNetNS, "netns"), callers: make(chan net.Conn), daemons: make(chan net.Conn, 1), killed: make(chan struct{})}
	k.kill = sync.OnceFunc(func() { close(k.killed) })
	defer context.AfterFunc(ctx, k.kill)()
	if err := json.NewDecoder(os.Stdin).Decode(&k.order); err != nil {
		return err
	}
	f := os.NewFile(keepListener, "listener")
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	_ = f.Close()
	go k.accept(l)
	select {
	case conn := <-k.callers:
		k.serve(conn)
	case <-k.killed:
	case <-time.After(patience):
		k.released()
	}
	return nil
}

// accept sorts who connects.
func (k *keeper) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			who := []byte{0}
			if _, err := io.ReadFull(conn, who); err != nil {
				_ = conn.Close()
				return
			}
			if who[0] == keeperDaemon {
				k.obeyDaemon(conn)
				return
			}
			select {
			case k.callers <- conn:
			case <-time.After(patience): // it has one
				_ = conn.Close()
			}
		}()
	}
}

// obeyDaemon tells the daemon which namespace this is and waits for its order to end.
func (k *keeper) obeyDaemon(conn net.Conn) {
	var st unix.Stat_t
	if unix.Fstat(int(k.netns.Fd()), &st) != nil || writeFrame(conn, frameOutput, []byte(strconv.FormatUint(st.Ino, 10))) != nil {
		_ = conn.Close()
		return
	}
	select {
	case <-k.daemons: // an earlier daemon's
	default:
	}
	k.daemons <- conn
	if kind, _, err := readFrame(conn); err == nil && kind == frameEnd {
		k.kill()
	}
}

// released has the daemon, if there is one, give the interface back.
func (k *keeper) released() {
	select {
	case conn := <-k.daemons:
		_ = conn.SetDeadline(time.Now().Add(patience))
		if writeFrame(conn, frameExit, nil) == nil {
			_, _ = io.Copy(io.Discard, conn) // it closes the connection
		}
	default:
	}
}

// serve runs the program for its caller.
func (k *keeper) serve(conn net.Conn) {
	defer conn.Close()
	send := sender(conn)
	status, ended := k.run(send, conn)
	if ended {
		k.released()
		_ = send(frameExit, []byte{status})
	}
}

// run runs the program and carries its streams. It has not ended by itself if the
// daemon wanted that.
func (k *keeper) run(send func(kind byte, b []byte) error, r io.Reader) (status byte, ended bool) {
	start := k.start
	if k.order.Container != nil {
		start = k.startContainer
	}
	p, err := start(send)
	if err != nil {
		_ = send(frameError, fmt.Appendf(nil, "weir: running %s: %v\n", k.order.what(), err))
		return 127, true
	}
	done := make(chan struct{})
	signal := func(sig syscall.Signal) {
		select {
		case <-done:
		default:
			p.signal(sig)
		}
	}
	go func() {
		select {
		case <-k.killed:
			signal(syscall.SIGKILL)
		case <-done:
		}
	}()
	go carry(r, p.stdin, signal)
	status = p.wait()
	close(done)
	select {
	case <-k.killed:
		return 0, false
	default:
		return status, true
	}
}

// what is run, in words.
func (o *keepOrder) what() string {
	if o.Container != nil {
		return o.Image
	}
	return o.Argv[0]
}

// start starts a program of this machine.
func (k *keeper) start(send func(kind byte, b []byte) error) (*program, error) {
	cmd := k.command()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = frameWriter{frameOutput, send}, frameWriter{frameError, send}
	if err := startIn(k.netns, cmd); err != nil {
		return nil, err
	}
	return &program{
		stdin:  stdin,
		signal: func(sig syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, sig) },
		wait:   func() byte { return status8(cmd.Wait()) },
	}, nil
}

// carry takes input and signals to the program, and kills it when the caller goes.
func carry(r io.Reader, stdin io.WriteCloser, signal func(syscall.Signal)) {
	for {
		kind, b, err := readFrame(r)
		switch {
		case err != nil:
			signal(syscall.SIGKILL)
			return
		case kind == frameInput && len(b) == 0:
			_ = stdin.Close()
		case kind == frameInput:
			_, _ = stdin.Write(b)
		case kind == frameSignal && len(b) == 1:
			signal(syscall.Signal(b[0]))
		}
	}
}

// hostStage is the hidden subcommand that gives a host its own names before it becomes the program.
const hostStage = "__host"

// command is the program, started through hostStage in a mount namespace of its own.
func (k *keeper) command() *exec.Cmd {
	o := k.order
	cmd := exec.Command("/proc/self/exe", append([]string{hostStage, o.Names, o.Host, o.User, o.Pins}, o.Argv...)...)
	cmd.Env, cmd.Dir = o.Env, o.Dir
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS,
	}
	return cmd
}

// guestsDir has a directory for every attached host.
func (d *daemon) guestsDir() string { return filepath.Join(d.cfg.data, "attached") }
