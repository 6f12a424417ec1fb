package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sandbox is one running sandbox.
type Sandbox struct {
	host   *Host
	id     string
	note   string
	pid    int
	pidfd  *os.File
	group  *group
	prog   *os.File // the rest of the program, if it waits
	base   uint64   // where that goes in the stage's memory
	gate   *os.File // writing to it lets the program start
	argv0  string   // the program
	status *os.File
	out    *output
	// Descriptors of pid 1 for who takes it over; 0 if nobody can.
	keepOut, keepStatus uint64

	execMu  sync.Mutex // guards gate, argv0
	killed  atomic.Bool
	oomSeen atomic.Bool
	exit    Exit          // once done is closed
	done    chan struct{} // closed when nothing of it is left
}

// ID is the Spec's.
func (s *Sandbox) ID() string { return s.id }

// Pid is pid 1's number outside.
func (s *Sandbox) Pid() int { return s.pid }

// Done is closed when every process of the sandbox has ended and its output is delivered.
func (s *Sandbox) Done() <-chan struct{} { return s.done }

// Wait returns how the sandbox ended, or ctx's error if that comes first.
func (s *Sandbox) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-s.done:
		return s.exit, nil
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

// Kill ends every process in the sandbox; Done tells when they are gone.
func (s *Sandbox) Kill() {
	select {
	case <-s.done:
	default:
		s.killed.Store(true)
		_ = s.control(func(pidfd int) error { return unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) })
	}
}

// Signal sends a signal to the program; SIGKILL ends everything in the sandbox.
func (s *Sandbox) Signal(sig syscall.Signal) {
	if sig == unix.SIGKILL {
		s.Kill()
		return
	}
	first := func() int { // pid 1's oldest child; those that it has inherited come after
		f := strings.Fields(readFile(fmt.Sprintf("/proc/%d/task/%d/children", s.pid, s.pid)))
		if len(f) == 0 {
			return 0
		}
		pid, _ := strconv.Atoi(f[0])
		return pid
	}
	_ = s.control(func(pidfd int) error {
		pid := first()
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if first() != pid || unix.PidfdSendSignal(pidfd, 0, nil, 0) != nil { // a number is another's by now
			return nil
		}
		return unix.PidfdSendSignal(fd, sig, nil, 0)
	})
}

// control runs f with the descriptor of pid 1, which is closed at the end.
func (s *Sandbox) control(f func(pidfd int) error) error {
	raw, err := s.pidfd.SyscallConn()
	if err != nil {
		return err
	}
	done := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(done, err)
}

// Exec starts the program in a sandbox that was started without one.
func (s *Sandbox) Exec(argv, env []string) error {
	if len(argv) == 0 {
		return fmt.Errorf("run a program in sandbox %s: none is given", s.id)
	}
	if err := checkArgs(argv, env); err != nil {
		return err
	}
	s.execMu.Lock()
	defer s.execMu.Unlock()
	if s.gate == nil {
		return fmt.Errorf("run %s in sandbox %s: it runs a program already", argv[0], s.id)
	}
	p := newProgram(s.base, 2)
	execSteps(p, argv, env)
	code, err := p.code()
	if err != nil {
		return err
	}
	s.argv0 = argv[0]
	if _, err := s.prog.WriteAt(code, 0); err != nil {
		return fmt.Errorf("hand a program to sandbox %s: %w", s.id, err)
	}
	_, err = s.gate.Write([]byte{1})
	err = errors.Join(err, s.gate.Close(), s.prog.Close())
	s.gate = nil
	if err == nil && s.keepOut != 0 {
		err = s.record()
	}
	if err != nil {
		return fmt.Errorf("start %s in sandbox %s: %w", argv[0], s.id, err)
	}
	return nil
}

// Mount binds a host directory into the running sandbox.
func (s *Sandbox) Mount(m Mount) error {
	if err := m.check(); err != nil {
		return err
	}
	tree, err := openTree(m.Source)
	if err != nil {
		return err
	}
	defer tree.Close()
	err = s.visit(unix.CLONE_NEWNS, func() error {
		return unix.MoveMount(int(tree.Fd()), "", unix.AT_FDCWD, m.Target, unix.MOVE_MOUNT_F_EMPTY_PATH)
	})
	if err != nil {
		return fmt.Errorf("mount %s on %s in sandbox %s: %w", m.Source, m.Target, s.id, err)
	}
	return nil
}

// SetLimits changes the limits of a running sandbox.
func (s *Sandbox) SetLimits(l Limits) error { return s.group.limit(l) }

// Peak is the most memory the sandbox has used, in bytes; 0 if this machine cannot tell.
func (s *Sandbox) Peak() int64 { return s.group.peak() }

// OOM reports whether the kernel has killed a process in it for lack of memory.
func (s *Sandbox) OOM() bool { return s.oomSeen.Load() || s.group.oomKills() > 0 }

// Flush delivers all output written so far before it returns.
func (s *Sandbox) Flush() { s.out.flushNow() }

// watch waits for the end, then clears up.
func (s *Sandbox) watch() {
	var rec [8]byte
	var exit Exit
	for {
		if _, err := io.ReadFull(s.status, rec[:]); err != nil {
			break
		}
		if exit.Err == nil { // what the stage could not do comes before its exit
			exit = s.read(rec)
		}
	}
	var ws syscall.WaitStatus
	reap(s.pid, &ws)
	exit.Killed = s.killed.Load()
	if ws.Signaled() && exit.Err == nil && exit.Signal == 0 && exit.Code == 0 {
		exit.Signal = ws.Signal()
	}
	exit.OOM = s.group.oomKills() > 0
	s.oomSeen.Store(exit.OOM)
	<-s.out.ended
	if s.host.cfg.Outlive {
		_ = os.Remove(s.host.recordName(s.id))
		s.group.kill() // of one that was taken over, the end may come before that of its processes
	}
	_ = s.group.remove() // what stays is swept at the next start
	s.execMu.Lock()
	if s.gate != nil {
		_ = errors.Join(s.gate.Close(), s.prog.Close())
		s.gate = nil
	}
	s.execMu.Unlock()
	_ = errors.Join(s.status.Close(), s.pidfd.Close())
	s.exit = exit
	s.host.mu.Lock()
	delete(s.host.all, s.id)
	s.host.mu.Unlock()
	close(s.done)
}

// read understands one record of the stage.
func (s *Sandbox) read(rec [8]byte) Exit {
	kind, value := readRecord(rec)
	if kind != recordEnd {
		s.execMu.Lock()
		defer s.execMu.Unlock()
		return Exit{Err: fmt.Errorf("run %s: %w", s.argv0, syscall.Errno(value))}
	}
	ws := syscall.WaitStatus(value)
	if ws.Signaled() {
		return Exit{Signal: ws.Signal()}
	}
	return Exit{Code: ws.ExitStatus()}
}
