package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const helperEnv = "SANDBOX_TEST_DAEMON"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		daemon(dir)
	}
	if dir := os.Getenv(outliveEnv); dir != "" {
		starter(dir)
	}
	os.Exit(m.Run())
}

// daemon starts a sandbox, tells its pid, and sleeps until it is killed.
func daemon(dir string) {
	h, err := Open(Config{Dir: dir})
	if err == nil {
		var s *Sandbox
		spec := sh("setsid sleep 1000 & sleep 1000 & exec sleep 1000")
		spec.ID = "orphan"
		if s, err = h.Start(context.Background(), spec); err == nil {
			fmt.Println(s.Pid())
			select {}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestDaemonKilled: kill -9 of the daemon ends every sandbox; Sweep clears the rest.
func TestDaemonKilled(t *testing.T) {
	open(t, Config{}) // skips if not permitted
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the helper says: %s", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ends(t, pid)
	for _, pid := range named(dir) { // helpers of the daemon
		ends(t, pid)
	}
	c := openCgroups(groupName(dir))
	defer c.close()
	for _, d := range c.dirs("orphan") {
		if _, err := os.Stat(d); err != nil {
			t.Errorf("the test expects that a control group is left: %v", err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Error(err)
	}
	for _, d := range c.dirs("orphan") {
		if _, err := os.Stat(d); err == nil {
			t.Errorf("%s is left after Sweep", d)
		}
	}
}

// TestFailedStarts: a start that fails leaves no descriptor and no group.
func TestFailedStarts(t *testing.T) {
	h := open(t, Config{})
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which closes what is lost
	before := openFiles(t)
	const starts = 30 // more than user namespaces that are made meanwhile
	for i := range starts {
		spec := Spec{ID: fmt.Sprint("failed-", i), Mounts: []Mount{{Source: "/nonexistent", Target: "/opt"}}}
		if i%2 == 0 {
			spec.Argv = []string{"/bin/true"}
		}
		if _, err := h.Start(t.Context(), spec); !errors.Is(err, unix.ENOENT) {
			t.Fatalf("start %d: %v", i, err)
		}
		for _, d := range h.groups.dirs(spec.ID) {
			if _, err := os.Stat(d); err == nil {
				t.Errorf("%s is left", d)
			}
		}
	}
	if after := openFiles(t); after >= before+starts/2 {
		t.Errorf("%d descriptors are open, %d were before %d failed starts", after, before, starts)
	}
}

// TestUserNSFailedBefore: a user namespace that could not be made fails no later start.
func TestUserNSFailedBefore(t *testing.T) {
	h := open(t, Config{})
	other := &Host{stage: h.stage, ids: h.ids, userNS: make(chan userNS, 1)}
	other.userNS <- userNS{err: unix.ENOSPC}
	f, err := other.takeUserNS()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// openFiles counts this process's descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// ends waits until a process has ended.
func ends(t *testing.T, pid int) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 10_000)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(poll, 10_000)
	}
	if n != 1 || err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		t.Fatalf("process %d outlives its daemon by 10 s (%v)", pid, err)
	}
}

// named finds processes that have this word on their command line.
func named(word string) (pids []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if pid != os.Getpid() && strings.Contains(readFile(name), word) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestUnprivileged runs this package's other tests as an ordinary user in a user
// namespace of one ID, without control groups.
func TestUnprivileged(t *testing.T) {
	if os.Getuid() != 0 || !newIDs().separate() {
		t.Skip("this test becomes another user, which needs root")
	}
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "tests")
	if err := os.WriteFile(name, program, 0o755); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(dir, "tmp")
	const nobody = 65534
	if err := errors.Join(os.Mkdir(tmp, 0o700), os.Chown(tmp, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/unshare", "-Urnm", name, "-test.v", "-test.skip", "Unprivileged")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, lookVariable+"="+buildLook(t, dir))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	if !strings.Contains(string(out), "--- PASS: TestWrites") {
		t.Errorf("the tests were skipped:\n%s", out)
	}
}
