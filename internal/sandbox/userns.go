package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// The user inside, as in Lambda: sbx_user1051, group 990.
const (
	insideUID = 993
	insideGID = 990
)

// ids hands out host user IDs, one per sandbox, so that what the kernel counts per
// user (pipe buffers, watches, keys) is not shared between sandboxes.
type ids struct {
	uidFirst, uidCount uint32
	gidFirst, gidCount uint32
	next               atomic.Uint32
}

func newIDs() *ids {
	d := &ids{}
	d.uidFirst, d.uidCount = upperHalf(readFile("/proc/self/uid_map"))
	d.gidFirst, d.gidCount = upperHalf(readFile("/proc/self/gid_map"))
	return d
}

// upperHalf picks the IDs to hand out from the largest range of an ID map. A map
// of one ID (a user namespace without subordinate IDs) leaves only that one.
func upperHalf(idMap string) (first, count uint32) {
	count = 1
	for line := range strings.Lines(idMap) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		start, _ := strconv.ParseUint(f[0], 10, 32)
		n, _ := strconv.ParseUint(f[2], 10, 32)
		if uint32(n/2) > count || first == 0 && n == 1 {
			first, count = uint32(start+n/2), uint32(max(1, n/2))
		}
	}
	return first, count
}

// separate reports whether sandboxes get users different from the daemon's own.
func (d *ids) separate() bool { return d.uidCount > 1 && d.gidCount > 1 }

// newUserNS makes a user namespace that maps the inside user to a host user of its
// own. A stage enters it and is held there while its maps are written. (The
// standard library would fork this process for that: every page written
// afterwards would be copied.)
func (h *Host) newUserNS() (*os.File, error) {
	held, hold, err := os.Pipe() // the stage ends when we let go of it, or die
	if err != nil {
		return nil, err
	}
	defer held.Close()
	defer hold.Close()
	statusR, statusW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer statusR.Close()
	defer statusW.Close()
	p := newProgram(stageOps, 5)
	p.call("close descriptors", unix.SYS_CLOSE_RANGE, 3, none>>32, 0)
	p.call("unshare the user namespace", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
	p.call("tell the daemon", unix.SYS_WRITE, 2, p.bytes(record(recordSet, 0)), 8)
	p.call("wait", unix.SYS_READ, 1, p.bytes(make([]byte, 8)), 1)
	p.call("end", unix.SYS_EXIT_GROUP, 0)
	image, err := p.image(2)
	if err != nil {
		return nil, err
	}
	prog, err := memFile("weir-program", image, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", h.stage.Fd()), []string{"weir-userns", h.cfg.Dir},
		&syscall.ProcAttr{Files: []uintptr{prog.Fd(), held.Fd(), statusW.Fd()}})
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	statusW.Close()
	f, err := h.mapUsers(pid, p, statusR)
	hold.Close()
	reap(pid, nil)
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	return f, nil
}

// mapUsers waits until the stage is in its user namespace, maps one user and one
// group, and opens it.
func (h *Host) mapUsers(pid int, p *program, status *os.File) (*os.File, error) {
	var rec [8]byte
	if _, err := io.ReadFull(status, rec[:]); err != nil {
		return nil, err
	}
	if kind, value := readRecord(rec); kind != recordSet {
		return nil, fmt.Errorf("%s: %w", p.name(kind), syscall.Errno(value))
	}
	n := h.ids.next.Add(1)
	proc := "/proc/" + strconv.Itoa(pid)
	var err error
	if h.cfg.Machines {
		err = errors.Join(
			writeFile(proc+"/uid_map", machineMap(readFile("/proc/self/uid_map"))),
			writeFile(proc+"/gid_map", machineMap(readFile("/proc/self/gid_map"))))
	} else {
		err = errors.Join(
			writeFile(proc+"/uid_map", fmt.Sprintf("%d %d 1\n", insideUID, h.ids.uidFirst+n%h.ids.uidCount)),
			writeFile(proc+"/setgroups", "deny"),
			writeFile(proc+"/gid_map", fmt.Sprintf("%d %d 1\n", insideGID, h.ids.gidFirst+n%h.ids.gidCount)))
	}
	if err != nil {
		return nil, err
	}
	return os.Open(proc + "/ns/user")
}

// reap waits for a child's end.
func reap(pid int, ws *syscall.WaitStatus) {
	for {
		if _, err := syscall.Wait4(pid, ws, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// fillUserNS keeps a few user namespaces ready: making one takes milliseconds.
func (h *Host) fillUserNS() {
	defer close(h.filled)
	for {
		f, err := h.newUserNS()
		select {
		case h.userNS <- userNS{f, err}:
		case <-h.closed:
			if err == nil {
				f.Close()
			}
			return
		}
	}
}

// takeUserNS gives one that is ready. That one could not be made may be long ago.
func (h *Host) takeUserNS() (*os.File, error) {
	if u := <-h.userNS; u.err == nil {
		return u.file, nil
	}
	return h.newUserNS()
}

type userNS struct {
	file *os.File
	err  error
}
