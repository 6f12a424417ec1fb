package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A machine may outlive the process that started it (Config.Outlive). Its pid 1
// holds the reading ends of its output and status too, so that nothing breaks
// and what is printed waits, and a record says who it is. The next Host with the
// same Dir takes it over, or ends it.

// Record is what is known of a machine that outlived its Host.
type Record struct {
	ID     string
	Note   string // as in its Spec
	Pid    int
	Began  string // of pid 1, by the kernel's clock
	Output uint64 // descriptors of pid 1
	Status uint64
}

// outputRoom is how much a machine may print while nobody reads.
const outputRoom = 1 << 20

func (h *Host) recordName(id string) string {
	return filepath.Join(h.cfg.Dir, "running", id)
}

// record keeps what the next Host has to know, once the program runs.
func (s *Sandbox) record() error {
	r := Record{ID: s.id, Note: s.note, Pid: s.pid, Began: began(s.pid), Output: s.keepOut, Status: s.keepStatus}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := s.host.recordName(s.id)
	return errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name+"~", b, 0o600), os.Rename(name+"~", name))
}

// began is when a process began; "" if there is none.
func began(pid int) string {
	stat := readFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	if f := strings.Fields(rest); len(f) > 19 && f[0] != "Z" { // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
		return f[19]
	}
	return ""
}

// findLeft reads the records of machines that still run.
func (h *Host) findLeft() {
	h.left = map[string]Record{}
	names, _ := filepath.Glob(h.recordName("*"))
	for _, name := range names {
		var r Record
		b, err := os.ReadFile(name)
		if err == nil && json.Unmarshal(b, &r) == nil && r.Began != "" && began(r.Pid) == r.Began && h.cfg.Outlive {
			h.left[r.ID] = r
			continue
		}
		_ = os.Remove(name)
	}
}

// Left lists the machines that an earlier Host left running, and nobody has taken over.
func (h *Host) Left() []Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []Record
	for _, r := range h.left {
		list = append(list, r)
	}
	return list
}

// NetNS is the inode of the machine's network namespace.
func (r Record) NetNS() (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat("/proc/"+strconv.Itoa(r.Pid)+"/ns/net", &st)
	return st.Ino, err
}

// EndLeft ends a machine that nobody takes over.
func (h *Host) EndLeft(id string) error {
	h.mu.Lock()
	r, ok := h.left[id]
	delete(h.left, id)
	h.mu.Unlock()
	if !ok {
		return nil
	}
	_ = os.Remove(h.recordName(id))
	if began(r.Pid) == r.Began {
		_ = unix.Kill(r.Pid, unix.SIGKILL) // pid 1: all others go with it
	}
	g := &group{c: h.groups, id: id, dirs: h.groups.dirs(id)}
	g.kill()
	return g.remove()
}

// Adopt takes over a machine that an earlier Host left running.
func (h *Host) Adopt(id string, output func(Line)) (*Sandbox, error) {
	h.mu.Lock()
	r, ok := h.left[id]
	h.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("take over sandbox %s: there is none", id)
	}
	s := &Sandbox{host: h, id: id, note: r.Note, pid: r.Pid, done: make(chan struct{}), group: &group{c: h.groups, id: id, dirs: h.groups.dirs(id)}}
	fd, err := unix.PidfdOpen(r.Pid, 0)
	if err != nil {
		return nil, fmt.Errorf("take over sandbox %s: %w", id, err)
	}
	s.pidfd = os.NewFile(uintptr(fd), "pidfd")
	if began(r.Pid) != r.Began { // the number is another's by now
		return nil, errors.Join(fmt.Errorf("take over sandbox %s: it has ended", id), s.pidfd.Close())
	}
	files := "/proc/" + strconv.Itoa(r.Pid) + "/fd/"
	pipe, err1 := unix.Open(files+strconv.FormatUint(r.Output, 10), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	status, err2 := os.Open(files + strconv.FormatUint(r.Status, 10))
	if err := errors.Join(err1, err2); err != nil {
		return nil, errors.Join(fmt.Errorf("take over sandbox %s: %w", id, err), s.pidfd.Close())
	}
	s.status = status
	if s.out, err = readOutput(pipe, output); err != nil {
		return nil, err
	}
	h.mu.Lock()
	delete(h.left, id)
	h.all[id] = s
	h.mu.Unlock()
	go s.out.run()
	go s.watch()
	return s, nil
}

// Note is the Spec's.
func (s *Sandbox) Note() string { return s.note }
