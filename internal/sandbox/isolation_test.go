package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func itoa(n uintptr) string { return strconv.FormatUint(uint64(n), 10) }

// TestWrites tries to write everywhere; only /tmp may be.
func TestWrites(t *testing.T) {
	h := open(t, Config{})
	out, _ := run(t, h, sh(`for d in / /bin /dev /etc /etc/ssl/certs /home /lib /opt /proc /proc/sys/kernel /root /run /sys /tmp /usr /usr/bin /usr/lib /var /var/runtime /var/task /.weir; do
		touch $d/x 2>/dev/null && echo "wrote $d"; done
		for f in /etc/passwd /etc/resolv.conf /run/hosts /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger /.weir/stage /var/runtime/x; do
		(echo 1 > $f) 2>/dev/null && echo "wrote $f"; done; find / \( -path /proc -o -path /usr -o -path /dev -o -path /tmp/x \) -prune -o -writable -not -type l -print 2>/dev/null`))
	if out != "wrote /tmp\n/tmp" {
		t.Errorf("could write:\n%s", out)
	}
}

// TestCapabilities: nothing is left, and nothing can be gained.
func TestCapabilities(t *testing.T) {
	h := open(t, Config{})
	out, _ := run(t, h, sh(`grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr '\t' ' '; grep -v nosuid /proc/self/mounts; ls -l /usr/bin/su | cut -c1-4; python3 -I -S -c 'import os; os.setuid(0)' 2>&1 | tail -1`))
	want := `CapInh: 0000000000000000
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapBnd: 0000000000000000
CapAmb: 0000000000000000
NoNewPrivs: 1
Seccomp: 2
-rws
OSError: [Errno 22] Invalid argument`
	if out != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}

// TestProcesses: only its own can be seen; pid 1 can be neither read nor killed.
func TestProcesses(t *testing.T) {
	h := open(t, Config{})
	out, exit := run(t, h, python(`
import os
print(sorted(int(d) for d in os.listdir("/proc") if d.isdigit()), os.getpid())
os.kill(1, 9)
for f in "environ", "mem", "maps", "root/etc/passwd", "fd/0", "fd/3", "fd/4", "ns/mnt":
    try:
        p = "/proc/1/" + f
        os.readlink(p) if "/" in f and f[0] != "r" else open(p).read(1)
        print("read", f)
    except OSError:
        pass
# an orphan is reaped: its number does not stay a zombie
r, w = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os._exit(0)
    os._exit(0)
os.wait()
for _ in range(100000):
    if len([d for d in os.listdir("/proc") if d.isdigit()]) == 2:
        print("reaped")
        break
`))
	if out != "[1, 2] 2\nreaped" || exit != (Exit{}) {
		t.Errorf("exit %+v, output:\n%s", exit, out)
	}
}

// TestSystemCalls: what the filter refuses, and with which error.
func TestSystemCalls(t *testing.T) {
	h := open(t, Config{})
	const eperm, enosys, enofamily = int(syscall.EPERM), int(syscall.ENOSYS), int(syscall.EAFNOSUPPORT)
	type call struct {
		name string
		nr   int
		args string
		want int
	}
	calls := []call{
		{"mount", unix.SYS_MOUNT, "b'tmpfs', b'/tmp', b'tmpfs', 0, 0", eperm},
		{"umount", unix.SYS_UMOUNT2, "b'/tmp', 2", eperm},
		{"pivot_root", unix.SYS_PIVOT_ROOT, "b'/tmp', b'/tmp'", eperm},
		{"chroot", unix.SYS_CHROOT, "b'/tmp'", eperm},
		{"open_tree", unix.SYS_OPEN_TREE, "-100, b'/', 1", eperm},
		{"move_mount", unix.SYS_MOVE_MOUNT, "-100, b'/tmp', -100, b'/opt', 0", eperm},
		{"fsopen", unix.SYS_FSOPEN, "b'tmpfs', 0", eperm},
		{"mount_setattr", unix.SYS_MOUNT_SETATTR, "-100, b'/', 0, 0, 0", eperm},
		{"unshare user", unix.SYS_UNSHARE, strconv.Itoa(unix.CLONE_NEWUSER), eperm},
		{"unshare mount", unix.SYS_UNSHARE, strconv.Itoa(unix.CLONE_NEWNS), eperm},
		{"unshare net and files", unix.SYS_UNSHARE, strconv.Itoa(unix.CLONE_NEWNET | unix.CLONE_FILES), eperm},
		{"unshare files", unix.SYS_UNSHARE, strconv.Itoa(unix.CLONE_FILES), 0},
		{"clone user", unix.SYS_CLONE, strconv.Itoa(unix.CLONE_NEWUSER|17) + ", 0, 0, 0, 0", eperm},
		{"clone3", unix.SYS_CLONE3, "0, 0", enosys},
		{"setns", unix.SYS_SETNS, "0, 0", eperm},
		{"sethostname", unix.SYS_SETHOSTNAME, "b'x', 1", eperm},
		{"ptrace", unix.SYS_PTRACE, "16, 1, 0, 0", eperm},
		{"process_vm_readv", unix.SYS_PROCESS_VM_READV, "1, 0, 0, 0, 0, 0", eperm},
		{"bpf", unix.SYS_BPF, "0, 0, 0", eperm},
		{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, "0, 0, -1, -1, 0", eperm},
		{"userfaultfd", unix.SYS_USERFAULTFD, "0", eperm},
		{"keyctl", unix.SYS_KEYCTL, "0, 0, 0", eperm},
		{"add_key", unix.SYS_ADD_KEY, "b'user', b'x', b'y', 1, -3", eperm},
		{"kexec_load", unix.SYS_KEXEC_LOAD, "0, 0, 0, 0", eperm},
		{"init_module", unix.SYS_INIT_MODULE, "0, 0, b''", eperm},
		{"reboot", unix.SYS_REBOOT, "0, 0, 0, 0", eperm},
		{"swapon", unix.SYS_SWAPON, "b'/tmp/x', 0", eperm},
		{"syslog", unix.SYS_SYSLOG, "3, 0, 0", eperm},
		{"clock_settime", unix.SYS_CLOCK_SETTIME, "0, 0", eperm},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, "8, 0", enosys},
		{"x32 getpid", 0x40000000 + unix.SYS_GETPID, "", enosys},
		{"tcp", unix.SYS_SOCKET, "2, 1, 0", 0},
		{"udp6", unix.SYS_SOCKET, "10, 2, 0", 0},
		{"unix", unix.SYS_SOCKET, "1, 1, 0", 0},
		{"raw", unix.SYS_SOCKET, "2, 3, 1", eperm},
		{"raw6 with flags", unix.SYS_SOCKET, strconv.Itoa(unix.AF_INET6) + ", " + strconv.Itoa(unix.SOCK_RAW|unix.SOCK_CLOEXEC) + ", 58", eperm},
		{"packet", unix.SYS_SOCKET, "17, 3, 768", enofamily},
		{"vsock", unix.SYS_SOCKET, "40, 1, 0", enofamily},
		{"alg", unix.SYS_SOCKET, "38, 5, 0", enofamily},
		{"netlink route", unix.SYS_SOCKET, "16, 3, 0", 0},
		{"netlink audit", unix.SYS_SOCKET, "16, 3, 9", eperm},
		{"netlink netfilter", unix.SYS_SOCKET, "16, 3, 12", eperm},
	}
	var script, want strings.Builder
	script.WriteString("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef call(name, *a):\n    r = libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n    print(name, ctypes.get_errno() if r < 0 else 0, flush=True)\n")
	for _, c := range calls {
		fmt.Fprintf(&script, "call(%q, %s)\n", c.name, strings.TrimSuffix(strconv.Itoa(c.nr)+", "+c.args, ", "))
		fmt.Fprintf(&want, "%s %d\n", c.name, c.want)
	}
	out, exit := run(t, h, python(script.String()))
	got, wanted := strings.Split(out, "\n"), strings.Split(strings.TrimSpace(want.String()), "\n")
	if len(got) != len(wanted) || exit != (Exit{}) {
		t.Fatalf("exit %+v, output:\n%s", exit, out)
	}
	for i := range wanted {
		if got[i] != wanted[i] {
			t.Errorf("got %q, want %q", got[i], wanted[i])
		}
	}
}

func TestTmpIsLimited(t *testing.T) {
	h := open(t, Config{})
	spec := sh(`dd if=/dev/zero of=/tmp/big bs=1M count=64 2>&1 | grep -o 'No space left on device'; stat -c %s /tmp/big`)
	spec.TmpMiB = 16
	if out, _ := run(t, h, spec); out != "No space left on device\n16777216" {
		t.Errorf("output %q", out)
	}
}

// needs skips a test where a limit cannot be enforced.
func needs(t *testing.T, h *Host, controller string) {
	t.Helper()
	if err, ok := h.groups.missing[controller]; ok {
		t.Skipf("no control group for %s here: %v", controller, err)
	}
}

func TestForkBomb(t *testing.T) {
	h := open(t, Config{})
	needs(t, h, "pids")
	spec := python(`
import os, time
n = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(1000)
        n += 1
except BlockingIOError:
    print(n + 1)
`)
	spec.Limits.Pids = 20
	if out, _ := run(t, h, spec); out != "20" {
		t.Errorf("%s processes ran, 20 were allowed", out)
	}
}

func TestMemoryBomb(t *testing.T) {
	h := open(t, Config{})
	needs(t, h, "memory")
	spec := python(`
a = []
while True:
    a.append(bytearray(1 << 20))
`)
	spec.Limits.MemoryMiB = 64
	s := start(t, h, spec)
	if exit := wait(t, s); exit != (Exit{Signal: syscall.SIGKILL, OOM: true}) {
		t.Errorf("exit = %+v", exit)
	}
}

func TestSetLimits(t *testing.T) {
	h := open(t, Config{})
	needs(t, h, "memory")
	s := start(t, h, Spec{Limits: Limits{MemoryMiB: 512}})
	for _, mib := range []int{64, 1024, 128} { // down, up and down again
		if err := s.SetLimits(Limits{MemoryMiB: mib, CPU: 0.5, Pids: 10}); err != nil {
			t.Fatal(err)
		}
	}
	name := "memory.limit_in_bytes"
	if h.groups.unified {
		name = "memory.max"
	}
	if got := strings.TrimSpace(readFile(s.group.file("memory", name))); got != "134217728" {
		t.Errorf("memory limit = %s, want 134217728", got)
	}
	s.Kill()
	wait(t, s)
	for _, d := range s.group.dirs {
		if _, err := os.Stat(d); err == nil {
			t.Errorf("%s is left", d)
		}
	}
}

// TestInGroups: the program is in the sandbox's group of every controller, and that
// group is the root it sees.
func TestInGroups(t *testing.T) {
	h := open(t, Config{})
	for _, ctl := range controllers {
		needs(t, h, ctl)
	}
	s := start(t, h, sh("exec sleep 1000"))
	defer func() { s.Kill(); wait(t, s) }()
	lines := readFile("/proc/" + strconv.Itoa(s.Pid()) + "/cgroup")
	for _, ctl := range controllers {
		if h.groups.unified {
			ctl = ""
		}
		if !regexp.MustCompile(`(?m)^\d+:(\w+,)*` + ctl + `(,\w+)*:/.*/` + s.ID() + `$`).MatchString(lines) {
			t.Errorf("pid 1 is not in its group of controller %q:\n%s", ctl, lines)
		}
	}
	look := sh("cat /proc/self/cgroup")
	look.ID = "look"
	out, _ := run(t, h, look)
	for line := range strings.Lines(out) {
		ctl, at, _ := strings.Cut(line[strings.Index(line, ":")+1:], ":")
		if (ctl == "" && h.groups.unified || slices.Contains(controllers, ctl)) && strings.TrimSpace(at) != "/" {
			t.Errorf("the program sees where it is: %s", line)
		}
	}
}

// TestClonedIntoGroup starts the stage in a group of a v2 hierarchy on a machine
// whose controllers are in v1; on others TestInGroups does.
func TestClonedIntoGroup(t *testing.T) {
	h := open(t, Config{})
	if h.groups.unified {
		t.Skip("every sandbox is")
	}
	dir := v2Group(t)
	s := &Sandbox{host: h, id: "cloned", done: make(chan struct{})}
	b := &birth{h: h, s: s, spec: &Spec{ID: "cloned"}, into: dir}
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	b.release()
	if err := b.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := readFile("/proc/" + strconv.Itoa(s.Pid()) + "/cgroup")
	if !regexp.MustCompile(`(?m)^0::/.*` + filepath.Base(dir.Name()) + `$`).MatchString(lines) {
		t.Errorf("pid 1 is not in %s:\n%s", dir.Name(), lines)
	}
	s.Kill()
	wait(t, s)
}

// v2Group makes a group in a v2 hierarchy, which need not have controllers.
func v2Group(t *testing.T) *os.File {
	t.Helper()
	for line := range strings.Lines(readFile("/proc/self/mountinfo")) {
		left, right, _ := strings.Cut(line, " - ")
		if !strings.HasPrefix(right, "cgroup2 ") {
			continue
		}
		dir, err := os.MkdirTemp(strings.Fields(left)[4], "weir-test-")
		if err != nil {
			t.Skipf("no group can be made: %v", err)
		}
		t.Cleanup(func() {
			if err := (&group{dirs: []string{dir}}).remove(); err != nil {
				t.Error(err)
			}
		})
		f, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	t.Skip("no hierarchy of v2 is mounted")
	return nil
}

// TestApart: two sandboxes have different users outside, and share no files.
func TestApart(t *testing.T) {
	h := open(t, Config{})
	var uids []uint32
	for i := range 2 {
		spec := sh("echo mine > /tmp/f; exec sleep 1000")
		spec.ID = "apart-" + strconv.Itoa(i)
		s := start(t, h, spec)
		b := readFile("/proc/" + strconv.Itoa(s.Pid()) + "/status")
		_, after, _ := strings.Cut(b, "\nUid:\t")
		uid, _, _ := strings.Cut(after, "\t")
		n, err := strconv.ParseUint(uid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, uint32(n))
		defer func() { s.Kill(); wait(t, s) }()
	}
	switch {
	case !h.ids.separate():
		if list := strings.Join(h.Check(), "\n"); !strings.Contains(list, "daemon's own user ID") {
			t.Errorf("Check does not tell that users are shared: %s", list)
		}
	case uids[0] == uids[1] || uids[0] == 0 || uids[0] == 993:
		t.Errorf("users outside: %v", uids)
	}
}

// TestInherited starts while the daemon holds descriptors that are not marked
// close-on-exec, as the shell that started it may have left: none gets inside.
func TestInherited(t *testing.T) {
	h := open(t, Config{})
	for range 30 {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	if out, exit := run(t, h, sh("cd /proc/self/fd; echo *")); out != "0 1 2 3" || exit != (Exit{}) { // 3 is what the shell reads
		t.Errorf("descriptors %q, exit %+v", out, exit)
	}
}
