package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Host starts sandboxes that share one prepared root.
type Host struct {
	cfg    Config
	stage  *os.File // the stage's program, in memory
	null   *os.File
	groups *cgroups
	ids    *ids
	filter []byte
	filtN  int

	spawner *thread // in the root's mount namespace; every sandbox's parent
	visitor *thread // visits the namespaces of running sandboxes
	home    homes
	userNS  chan userNS
	filled  chan struct{} // closed when fillUserNS has ended
	closed  chan struct{}

	life  sync.RWMutex // held for reading by who needs the threads; guards ended
	ended bool

	mu   sync.Mutex // guards all and left
	all  map[string]*Sandbox
	left map[string]Record // by an earlier Host
}

// Open prepares the root and clears what an earlier daemon with the same Dir left.
func Open(cfg Config) (*Host, error) {
	if !archSupported {
		return nil, fmt.Errorf("sandboxes are not implemented for %s; run Weir on amd64", runtime.GOARCH)
	}
	if !filepath.IsAbs(cfg.Dir) {
		return nil, fmt.Errorf("open sandboxes in %q: the directory must be an absolute path", cfg.Dir)
	}
	h := &Host{cfg: cfg, ids: newIDs(), groups: openCgroups(groupName(cfg.Dir)), all: map[string]*Sandbox{},
		userNS: make(chan userNS, 4), filled: make(chan struct{}), closed: make(chan struct{})}
	h.filter, h.filtN = filterBytes()
	h.findLeft()
	if err := h.groups.sweep(func(id string) bool { _, ok := h.left[id]; return ok }); err != nil {
		return nil, fmt.Errorf("clear the sandboxes an earlier run left: %w", err)
	}
	var err error
	if h.null, err = os.OpenFile("/dev/null", os.O_RDWR, 0); err != nil {
		return nil, err
	}
	program := stageProgram()
	if h.stage, err = memFile("weir-stage", program, unix.MFD_CLOEXEC|unix.MFD_EXEC); err != nil {
		return nil, err
	}
	h.spawner, h.visitor = newThread(), newThread()
	h.spawner.do(func() { err = buildRoot(cfg, program) })
	if err == nil {
		h.visitor.do(func() { h.home, err = openHomes() })
	}
	go h.fillUserNS()
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// errClosed is what a Host answers after Close.
var errClosed = errors.New("the sandboxes' host is closed")

// Close kills every sandbox and gives back what the Host holds.
func (h *Host) Close() error {
	h.life.Lock() // waits for starts under way
	again := h.ended
	h.ended = true
	h.life.Unlock()
	if again {
		return nil
	}
	h.mu.Lock()
	list := make([]*Sandbox, 0, len(h.all))
	for _, s := range h.all {
		list = append(list, s)
	}
	h.mu.Unlock()
	for _, s := range list {
		s.Kill()
		<-s.done
	}
	for _, r := range h.Left() {
		_ = h.EndLeft(r.ID)
	}
	close(h.closed)
	<-h.filled
	for len(h.userNS) > 0 {
		if u := <-h.userNS; u.err == nil {
			u.file.Close()
		}
	}
	h.spawner.stop()
	h.visitor.stop()
	h.groups.close()
	h.home.close()
	return errors.Join(h.stage.Close(), h.null.Close())
}

// Check names what this machine does not let sandboxes enforce; empty is all well.
func (h *Host) Check() []string {
	var list []string
	what := map[string]string{
		"memory": "memory of a function is not limited",
		"cpu":    "processor time of a function is not limited",
		"pids":   "the number of processes of a function is limited per user only (RLIMIT_NPROC)",
	}
	if h.cfg.Machines {
		what = map[string]string{
			"memory": "memory of an instance is not limited", "cpu": "processor time of an instance is not limited",
			"pids": "the number of processes of an instance is not limited",
		}
	}
	for _, ctl := range controllers {
		if err, ok := h.groups.missing[ctl]; ok {
			list = append(list, fmt.Sprintf("%s: control group controller %s: %v", what[ctl], ctl, err))
		}
	}
	switch {
	case h.cfg.Machines && machineSpan(readFile("/proc/self/uid_map")) == 1:
		list = append(list, "instances have no user but root: the user namespace maps one ID only")
	case !h.cfg.Machines && !h.ids.separate():
		list = append(list, "functions run under the daemon's own user ID, so the kernel's per-user quotas are shared: the user namespace maps one ID only")
	}
	return list
}

// Sweep kills and removes what a killed daemon with this Dir left behind.
func Sweep(dir string) error {
	c := openCgroups(groupName(dir))
	defer c.close()
	return c.sweep(func(string) bool { return false })
}

// groupName makes a directory's path a control group's name.
func groupName(dir string) string {
	b := []byte(filepath.Clean(dir)[1:])
	for i, c := range b {
		if c == '/' || c <= ' ' {
			b[i] = '-'
		}
	}
	return string(b)
}

// thread is an OS thread that runs functions one after another and whose
// namespaces may be changed. It ends with stop, and its children with it.
type thread struct {
	work chan func()
	wait sync.WaitGroup
}

func newThread() *thread {
	t := &thread{work: make(chan func())}
	t.wait.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for f := range t.work {
			f()
		}
	})
	return t
}

func (t *thread) do(f func()) {
	done := make(chan struct{})
	t.work <- func() { defer close(done); f() }
	<-done
}

func (t *thread) stop() { close(t.work); t.wait.Wait() }

// memFile makes a file in memory.
func memFile(name string, content []byte, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, flags)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every such file is executable
		fd, err = unix.MemfdCreate(name, flags&^(unix.MFD_EXEC|unix.MFD_NOEXEC_SEAL))
	}
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(content, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("write a file in memory: %w", err)
	}
	return f, nil
}
