package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// controllers are what limits need; the kernel may offer each in hierarchy v1 or v2.
var controllers = []string{"memory", "cpu", "pids"}

// cgroups knows where this daemon may make control groups.
type cgroups struct {
	base    map[string]string // by controller: the daemon's directory
	unified bool              // the bases are one v2 directory
	missing map[string]error  // by controller: why it cannot be used
}

type hierarchy struct {
	mount, root string
	v2          bool
	controllers []string
}

// openCgroups makes the daemon's directories weir/<name> in every hierarchy it may.
func openCgroups(name string) *cgroups {
	c := &cgroups{base: map[string]string{}, missing: map[string]error{}}
	own := ownCgroups()
	list := hierarchies()
	for _, ctl := range controllers {
		c.missing[ctl] = errors.New("no control group hierarchy has this controller")
	}
	for _, h := range list {
		if h.v2 {
			c.openV2(h, own[""], name)
		}
	}
	if c.unified {
		return c
	}
	for _, h := range list {
		for _, ctl := range h.controllers {
			if slices.Contains(controllers, ctl) {
				c.openV1(ctl, h, own[ctl], name)
			}
		}
	}
	return c
}

func (c *cgroups) openV1(ctl string, h hierarchy, own, name string) {
	dir := filepath.Join(h.mount, strings.TrimPrefix(own, h.root), "weir", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.missing[ctl] = err
		return
	}
	c.base[ctl] = dir
	delete(c.missing, ctl)
}

// openV2 tries the daemon's own group, then the root of the hierarchy. The kernel
// lets a group hand on controllers only while no process is in it (but the root).
func (c *cgroups) openV2(h hierarchy, own, name string) {
	for _, parent := range []string{filepath.Join(h.mount, strings.TrimPrefix(own, h.root)), h.mount} {
		err := c.delegate(parent, name)
		if errors.Is(err, unix.EBUSY) && aloneIn(parent) {
			if err = stepDown(parent); err == nil {
				err = c.delegate(parent, name)
			}
		}
		if err == nil {
			dir := filepath.Join(parent, "weir", name)
			for _, ctl := range controllers {
				c.base[ctl] = dir
			}
			c.unified = true
			clear(c.missing)
			return
		}
		for _, ctl := range h.controllers {
			if _, ok := c.missing[ctl]; ok {
				c.missing[ctl] = err
			}
		}
	}
}

func (c *cgroups) delegate(parent, name string) error {
	dir := filepath.Join(parent, "weir", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range []string{parent, filepath.Dir(dir), dir} {
		for _, ctl := range controllers {
			if err := writeFile(filepath.Join(d, "cgroup.subtree_control"), "+"+ctl); err != nil {
				return err
			}
		}
	}
	return nil
}

// aloneIn reports whether this process is the only one in a control group.
func aloneIn(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	return err == nil && strings.TrimSpace(string(b)) == strconv.Itoa(os.Getpid())
}

// stepDown moves this process into a leaf of its own group.
func stepDown(dir string) error {
	leaf := filepath.Join(dir, "weir-daemon")
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return err
	}
	return writeFile(filepath.Join(leaf, "cgroup.procs"), "0")
}

// group is one sandbox's control groups.
type group struct {
	c    *cgroups
	id   string
	dirs []string
}

func (c *cgroups) dirs(id string) []string {
	var dirs []string
	for _, ctl := range controllers {
		if base, ok := c.base[ctl]; ok {
			if d := filepath.Join(base, id); !slices.Contains(dirs, d) {
				dirs = append(dirs, d)
			}
		}
	}
	return dirs
}

// make creates the groups of a sandbox with its limits set.
func (c *cgroups) make(id string, l Limits) (*group, error) {
	g := &group{c: c, id: id, dirs: c.dirs(id)}
	for _, d := range g.dirs {
		if err := os.Mkdir(d, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			g.remove()
			return nil, fmt.Errorf("make control group of sandbox %s: %w", id, err)
		}
	}
	if err := g.limit(l); err != nil {
		g.remove()
		return nil, err
	}
	return g, nil
}

func (g *group) file(ctl, name string) string {
	base, ok := g.c.base[ctl]
	if !ok {
		return ""
	}
	return filepath.Join(base, g.id, name)
}

// limit sets the limits; in v1 memory and swap are set in the order that keeps
// the one at most the other.
func (g *group) limit(l Limits) error {
	memory, pids, quota := "-1", "max", "-1"
	if g.c.unified {
		memory, quota = "max", "max 100000"
	}
	if l.MemoryMiB > 0 {
		memory = strconv.Itoa(l.MemoryMiB << 20)
	}
	if l.Pids > 0 {
		pids = strconv.Itoa(l.Pids + 1) // and pid 1
	}
	if l.CPU > 0 {
		quota = strconv.Itoa(max(1000, int(l.CPU*100000)))
	}
	if g.c.unified {
		return errors.Join(g.set("memory", "memory.max", memory), g.set("memory", "memory.swap.max", "0"),
			g.set("cpu", "cpu.max", quota), g.set("pids", "pids.max", pids))
	}
	_ = g.set("memory", "memory.limit_in_bytes", memory) // refused above the limit with swap, which comes next
	return errors.Join(g.set("memory", "memory.memsw.limit_in_bytes", memory), g.set("memory", "memory.limit_in_bytes", memory),
		g.set("cpu", "cpu.cfs_quota_us", quota), g.set("pids", "pids.max", pids))
}

// set writes one limit; a kernel without swap accounting has no file for it.
func (g *group) set(ctl, file, value string) error {
	name := g.file(ctl, file)
	if name == "" {
		return nil
	}
	err := writeFile(name, value)
	if err == nil || errors.Is(err, os.ErrNotExist) && strings.Contains(file, "sw") {
		return nil
	}
	return fmt.Errorf("limit sandbox %s: set %s to %s: %w", g.id, file, value, err)
}

// oomKills counts processes the kernel has killed for lack of memory.
func (g *group) oomKills() int {
	name := "memory.oom_control"
	if g.c.unified {
		name = "memory.events"
	}
	for line := range strings.Lines(readFile(g.file("memory", name))) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			kills, _ := strconv.Atoi(n)
			return kills
		}
	}
	return 0
}

// peak is the most memory used so far, in bytes; 0 if not known.
func (g *group) peak() int64 {
	name := "memory.max_usage_in_bytes"
	if g.c.unified {
		name = "memory.peak"
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(readFile(g.file("memory", name))), 10, 64)
	return n
}

// kill ends every process in the groups; remove needs that.
func (g *group) kill() {
	for _, d := range g.dirs {
		if writeFile(filepath.Join(d, "cgroup.kill"), "1") == nil {
			continue
		}
		for f := range strings.FieldsSeq(readFile(filepath.Join(d, "cgroup.procs"))) {
			if pid, err := strconv.Atoi(f); err == nil && pid > 1 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
}

// remove deletes the groups. A killed process leaves its group a moment after it
// has been waited for, so a busy group is tried again for a while.
func (g *group) remove() error {
	var failed error
	for _, d := range g.dirs {
		err := unix.Rmdir(d)
		for i := 0; i < 50 && errors.Is(err, unix.EBUSY); i++ {
			time.Sleep(time.Millisecond << min(i, 5))
			err = unix.Rmdir(d)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			failed = fmt.Errorf("remove control group %s: %w", d, err)
		}
	}
	return failed
}

// sweep kills and removes every group below the daemon's directories but those to keep.
func (c *cgroups) sweep(keep func(id string) bool) error {
	ids := map[string]bool{}
	for _, base := range c.base {
		entries, _ := os.ReadDir(base)
		for _, e := range entries {
			if e.IsDir() && !keep(e.Name()) {
				ids[e.Name()] = true
			}
		}
	}
	var failed error
	for id := range ids {
		g := &group{c: c, id: id, dirs: c.dirs(id)}
		g.kill()
		failed = errors.Join(failed, g.remove())
	}
	return failed
}

// close removes the daemon's own directories; shared parents stay.
func (c *cgroups) close() {
	for _, base := range c.base {
		_ = unix.Rmdir(base)
	}
}

// ownCgroups asks for this thread: the first one, /proc/self, may be a Host's, elsewhere.
func ownCgroups() map[string]string {
	own := map[string]string{}
	for line := range strings.Lines(readFile("/proc/thread-self/cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		for _, ctl := range strings.Split(f[1], ",") {
			own[ctl] = f[2]
		}
	}
	return own
}

func hierarchies() []hierarchy {
	var list []hierarchy
	for line := range strings.Lines(readFile("/proc/thread-self/mountinfo")) {
		left, right, ok := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 3 {
			continue
		}
		h := hierarchy{mount: l[4], root: strings.TrimSuffix(l[3], "/")}
		switch r[0] {
		case "cgroup":
			h.controllers = strings.Split(r[2], ",")
		case "cgroup2":
			h.v2 = true
			h.controllers = strings.Fields(readFile(filepath.Join(h.mount, "cgroup.controllers")))
			if !slices.ContainsFunc(h.controllers, func(s string) bool { return slices.Contains(controllers, s) }) {
				continue // hybrid: the controllers are in v1
			}
		default:
			continue
		}
		list = append(list, h)
	}
	return list
}

func readFile(name string) string {
	if name == "" {
		return ""
	}
	b, _ := os.ReadFile(name)
	return string(b)
}

func writeFile(name, value string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}
