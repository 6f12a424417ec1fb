package sandbox

import (
	"errors"
	"fmt"
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

// newUserNS makes a user namespace that maps the inside user to a host user of its own.
func (h *Host) newUserNS() (*os.File, error) {
	n := h.ids.next.Add(1)
	held, hold, err := os.Pipe() // the helper ends when we let go of it, or die
	if err != nil {
		return nil, err
	}
	defer held.Close()
	defer hold.Close()
	p := newProgram(stageOps, 4)
	p.call("close descriptors", unix.SYS_CLOSE_RANGE, 3, none>>32, 0)
	p.call("wait", unix.SYS_READ, 1, p.bytes(make([]byte, 8)), 1)
	p.call("end", unix.SYS_EXIT_GROUP, 0)
	prog, err := h.progFile(p)
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	attr := &syscall.ProcAttr{
		Files: []uintptr{prog.Fd(), held.Fd(), h.null.Fd()},
		Sys: &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: insideUID, HostID: int(h.ids.uidFirst + n%h.ids.uidCount), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: insideGID, HostID: int(h.ids.gidFirst + n%h.ids.gidCount), Size: 1}},
		},
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", h.stage.Fd()), []string{"weir-userns", h.cfg.Dir}, attr)
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", pid))
	hold.Close()
	for {
		if _, e := syscall.Wait4(pid, nil, 0, nil); !errors.Is(e, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open a new user namespace: %w", err)
	}
	return f, nil
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

type userNS struct {
	file *os.File
	err  error
}
