package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start makes a sandbox. It returns when everything is set up, just before the
// program starts. ctx bounds the start alone.
func (h *Host) Start(ctx context.Context, spec Spec) (*Sandbox, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if spec.Image != nil && !h.cfg.Machines {
		return nil, fmt.Errorf("start sandbox %s: an image needs a Host for machines", spec.ID)
	}
	h.life.RLock()
	defer h.life.RUnlock()
	if h.ended {
		return nil, errClosed
	}
	s := &Sandbox{host: h, id: spec.ID, note: spec.Note, done: make(chan struct{})}
	h.mu.Lock()
	_, taken := h.all[s.id]
	if !taken {
		h.all[s.id] = s
	}
	h.mu.Unlock()
	if taken {
		return nil, fmt.Errorf("start sandbox %s: there is one of this name", s.id)
	}
	b := &birth{h: h, s: s, spec: &spec}
	err := b.start()
	b.release()
	if err != nil {
		h.mu.Lock()
		delete(h.all, s.id)
		h.mu.Unlock()
		return nil, fmt.Errorf("start sandbox %s: %w", s.id, err)
	}
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// birth holds what is open only while a sandbox starts.
type birth struct {
	h     *Host
	s     *Sandbox
	spec  *Spec
	open  []*os.File // to close when the child has them
	d     descriptors
	into  *os.File // the control group to be cloned into; nil: the stage joins its groups
	wait  bool
	after error

	program *program
}

func (b *birth) file(f *os.File, err error) *os.File {
	if err != nil {
		b.after = errors.Join(b.after, err)
		return b.h.null
	}
	b.open = append(b.open, f)
	return f
}

func (b *birth) release() {
	for _, f := range b.open {
		f.Close()
	}
}

func (b *birth) start() error {
	s := b.s
	deliver := b.spec.Output
	if deliver == nil {
		deliver = func(Line) {}
	}
	out, w, err := newOutput(deliver)
	if err != nil {
		return err
	}
	s.out = out
	b.open = append(b.open, w)
	if err = b.prepare(w); err == nil {
		err = b.clone()
	}
	if err != nil {
		for _, f := range []*os.File{out.pipe, s.status, s.gate, s.prog} {
			f.Close() // if it is open
		}
		if s.group != nil {
			err = errors.Join(err, s.group.remove())
		}
		return err
	}
	go out.run()
	return nil
}

// prepare opens everything the stage needs and compiles its program.
func (b *birth) prepare(out *os.File) error {
	s, h, spec, d := b.s, b.h, b.spec, &b.d
	b.wait = len(spec.Argv) == 0
	prog, err := memFile("weir-program", nil, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err != nil {
		return err
	}
	s.prog = prog
	if !b.wait {
		b.open = append(b.open, prog)
	}
	d.add(prog)
	d.add(cmp.Or(spec.Stdout, out))
	d.add(cmp.Or(spec.Stderr, out))
	for _, f := range spec.Files {
		d.add(f)
	}
	statusR, statusW, err := os.Pipe()
	if err != nil {
		return err
	}
	s.status = statusR
	d.status = d.add(b.file(statusW, nil))
	if h.cfg.Outlive { // pid 1 keeps the other ends open
		_, _ = unix.FcntlInt(s.out.pipe.Fd(), unix.F_SETPIPE_SZ, outputRoom)
		s.keepOut, s.keepStatus = d.add(s.out.pipe), d.add(statusR)
	}
	gateR, gateW, err := os.Pipe()
	if err != nil {
		return err
	}
	s.gate = gateW
	d.gate = d.add(b.file(gateR, nil))
	d.prog = d.add(prog)
	d.first = d.add(h.null)
	d.input = d.first
	if spec.Input != nil {
		d.input = d.add(spec.Input)
	}
	if s.group, err = h.groups.make(s.id, spec.Limits); err != nil {
		return err
	}
	b.setUp()
	if b.after != nil {
		return b.after
	}
	p := h.compile(spec, d, b.wait)
	b.program, s.base = p, p.next()
	if !b.wait {
		s.argv0 = spec.Argv[0]
	}
	image, err := p.image(d.status)
	if err != nil {
		return err
	}
	if _, err := prog.WriteAt(image, 0); err != nil {
		return fmt.Errorf("hand over the program: %w", err)
	}
	return nil
}

// setUp opens what the stage joins and mounts.
func (b *birth) setUp() {
	spec, d := b.spec, &b.d
	b.openGroups()
	for _, m := range spec.Mounts {
		d.mounts = append(d.mounts, d.add(b.file(openTree(m.Source))))
	}
	if spec.Image != nil {
		d.image = d.add(b.file(openTree(spec.Image.Root)))
	}
	d.userNS = d.add(b.file(b.h.takeUserNS()))
	if spec.NetNS != nil {
		d.netNS = d.add(spec.NetNS)
		d.lo = b.h.loopbackUp(spec.NetNS)
	}
}

// openGroups opens the control groups that the sandbox is to be in. Who moves a
// process by cgroup.procs waits until no task of the machine is forked or ends: ten
// milliseconds. A process that is cloned into its group (v2) does not, nor a thread
// that moves itself alone by the file tasks (v1), which is all the stage has.
func (b *birth) openGroups() {
	for _, dir := range b.s.group.dirs {
		if b.s.group.c.unified {
			b.into = b.file(os.Open(dir))
			continue
		}
		b.d.groups = append(b.d.groups, b.d.add(b.file(os.OpenFile(dir+"/tasks", os.O_WRONLY, 0))))
	}
}

// clone starts the stage in new namespaces, from the thread in the root's own.
func (b *birth) clone() error {
	flags := uintptr(unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS)
	if b.spec.NetNS == nil {
		flags |= unix.CLONE_NEWNET
	}
	pidfd := -1
	attr := &syscall.ProcAttr{Files: b.d.list, Env: []string{}, Sys: &syscall.SysProcAttr{Cloneflags: flags, PidFD: &pidfd}}
	what := "clone into new namespaces"
	if b.into != nil {
		what += " and a control group"
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(b.into.Fd())
	}
	var err error
	b.h.spawner.do(func() { b.s.pid, err = syscall.ForkExec(stagePath, []string{"weir-init", b.spec.ID}, attr) })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if pidfd < 0 {
		_ = unix.Kill(b.s.pid, unix.SIGKILL)
		reap(b.s.pid, nil)
		return errors.New("the kernel gives no pidfd; Weir needs Linux 5.12 or later")
	}
	b.s.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	return nil
}

// settle waits until the sandbox is set up, and hands it to its watcher.
func (b *birth) settle(ctx context.Context) error {
	s := b.s
	if !b.wait {
		s.gate.Close()
		s.gate = nil
	}
	stop := context.AfterFunc(ctx, s.Kill)
	defer stop()
	var rec [8]byte
	_, err := io.ReadFull(s.status, rec[:])
	kind, value := readRecord(rec)
	go s.watch()
	if err == nil && kind == recordSet {
		return nil
	}
	s.Kill()
	<-s.done
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("start sandbox %s: it ended during set-up (%v)", s.id, s.exit)
	default:
		return fmt.Errorf("start sandbox %s: %s: %w", s.id, b.program.name(kind), syscall.Errno(value))
	}
}

// openTree opens a detached, read-only copy of the mount at a directory.
func openTree(dir string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return nil, fmt.Errorf("open %s for mounting: %w", dir, err)
	}
	f := os.NewFile(uintptr(fd), dir)
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: readOnly}); err != nil {
		f.Close()
		return nil, fmt.Errorf("make the mount of %s read-only: %w", dir, err)
	}
	return f, nil
}
