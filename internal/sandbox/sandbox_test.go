package sandbox

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// open makes a Host, or skips where namespaces are not permitted.
func open(t testing.TB, cfg Config) *Host {
	t.Helper()
	cfg.Dir = t.TempDir()
	h, err := Open(cfg)
	if err != nil {
		if strings.Contains(err.Error(), "operation not permitted") {
			t.Skipf("this test makes namespaces: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, line.Text)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list, "\n")
}

// id is a sandbox's name for a test.
func id(t testing.TB) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, t.Name())
}

func start(t testing.TB, h *Host, spec Spec) *Sandbox {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if spec.ID == "" {
		spec.ID = id(t)
	}
	s, err := h.Start(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wait(t testing.TB, s *Sandbox) Exit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	exit, err := s.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return exit
}

// run starts a program, waits for its end and returns what it printed.
func run(t testing.TB, h *Host, spec Spec) (string, Exit) {
	t.Helper()
	var out lines
	spec.Output = out.add
	exit := wait(t, start(t, h, spec))
	return out.text(), exit
}

func sh(script string) Spec {
	return Spec{Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/bin", "A=b c"}}
}

func python(script string) Spec {
	return Spec{Argv: []string{"/usr/bin/python3", "-I", "-S", "-c", script}}
}

func TestExit(t *testing.T) {
	h := open(t, Config{})
	for name, c := range map[string]struct {
		spec Spec
		want Exit
	}{
		"status":      {sh("exit 7"), Exit{Code: 7}},
		"success":     {sh("true"), Exit{}},
		"signal":      {sh("kill -9 $$"), Exit{Signal: syscall.SIGKILL}},
		"abort":       {python("import os; os.abort()"), Exit{Signal: syscall.SIGABRT}},
		"leaves more": {sh("sleep 1000 & exit 3"), Exit{Code: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := run(t, h, c.spec); got != c.want {
				t.Errorf("exit = %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestMissingProgram(t *testing.T) {
	h := open(t, Config{})
	_, exit := run(t, h, Spec{Argv: []string{"/usr/bin/no-such-program"}})
	if exit.Err == nil || !strings.Contains(exit.Err.Error(), "run /usr/bin/no-such-program: no such file or directory") {
		t.Errorf("exit = %+v", exit)
	}
}

func TestBadSpec(t *testing.T) {
	h := open(t, Config{})
	for name, c := range map[string]struct {
		spec Spec
		want string
	}{
		"id":       {Spec{ID: "../x", Argv: []string{"/bin/true"}}, "letters, digits and dashes"},
		"relative": {Spec{ID: "a", Argv: []string{"true"}}, "absolute path"},
		"target":   {Spec{ID: "a", Mounts: []Mount{{"/usr", "/etc"}}}, "target must be one of"},
		"nul":      {Spec{ID: "a", Argv: []string{"/bin/true", "a\x00b"}}, "NUL byte"},
		"too long": {Spec{ID: "a", Argv: []string{"/bin/true", strings.Repeat("a", 200<<10)}}, "at most 196608 fit"},
		"source":   {Spec{ID: "a", Mounts: []Mount{{"/no/such/dir", "/var/task"}}}, "open /no/such/dir for mounting: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := h.Start(t.Context(), c.spec)
			if err == nil {
				s.Kill()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %q, want …%s…", err, c.want)
			}
		})
	}
	if n := len(h.all); n != 0 {
		t.Errorf("%d sandboxes are left", n)
	}
}

func TestSurroundings(t *testing.T) {
	h := open(t, Config{Files: map[string][]byte{"/var/runtime/greeting": []byte("welcome")}})
	task := t.TempDir()
	if err := os.WriteFile(filepath.Join(task, "f"), []byte("code"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(task, 0o755); err != nil {
		t.Fatal(err)
	}
	spec := sh(`id -u; id -g; id -un; pwd; hostname; cat /var/runtime/greeting; echo; cat f; echo; umask
		cat /etc/resolv.conf /etc/hosts; ulimit -n; ulimit -c; env | grep -v PWD= | sort; ls /proc/self/fd; date +%Z`)
	spec.Mounts = []Mount{{Source: task, Target: "/var/task"}}
	spec.Hostname = "169-254-10-1"
	spec.Resolvers = []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::2")}
	spec.Search = []string{"ec2.internal"}
	spec.Hosts = []string{"198.51.100.10 api.test"}
	out, exit := run(t, h, spec)
	want := `993
990
sbx_user1051
/var/task
169-254-10-1
welcome
code
0022
search ec2.internal
nameserver 10.0.0.2
nameserver fd00::2
options timeout:2 attempts:2
127.0.0.1 localhost
::1 localhost ip6-localhost
198.51.100.10 api.test
1024
0
A=b c
PATH=/usr/sbin:/usr/bin:/bin
0
1
2
3
UTC`
	if out != want || exit != (Exit{}) {
		t.Errorf("exit %+v, output:\n%s\nwant:\n%s", exit, out, want)
	}
}

func TestWaitsForExec(t *testing.T) {
	h := open(t, Config{})
	var out lines
	s := start(t, h, Spec{Output: out.add})
	task := t.TempDir()
	if err := os.Chmod(task, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(task, "run"), []byte("#!/bin/sh\necho \"$GREETING $1\"; touch /var/task/x || exit 4\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Mount(Mount{Source: task, Target: "/var/task"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec([]string{"/var/task/run", "you"}, []string{"GREETING=hello", "PATH=/bin"}); err != nil {
		t.Fatal(err)
	}
	exit := wait(t, s)
	if !strings.HasPrefix(out.text(), "hello you\n") || !strings.Contains(out.text(), "Read-only file system") || exit.Code != 4 {
		t.Errorf("exit %+v, output %q", exit, out.text())
	}
	if err := s.Exec([]string{"/bin/true"}, nil); err == nil || !strings.Contains(err.Error(), "runs a program already") {
		t.Errorf("second Exec: %v", err)
	}
}

func TestKillWhileWaiting(t *testing.T) {
	h := open(t, Config{})
	s := start(t, h, Spec{})
	s.Kill()
	if exit := wait(t, s); !exit.Killed || exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v", exit)
	}
	s.Kill() // again, with nothing left
}

func TestJoinsNetwork(t *testing.T) {
	h := open(t, Config{})
	ns := newNetNS(t)
	want, err := os.Readlink("/proc/self/fd/" + itoa(ns.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	spec := sh(`readlink /proc/self/ns/net; cat /sys/class/net 2>&1 | head -1; sed -n 's/ *\(.*\):.*/\1/p' /proc/net/dev`)
	spec.NetNS = ns
	out, _ := run(t, h, spec)
	if got, _, _ := strings.Cut(out, "\n"); got != want {
		t.Errorf("network namespace %s, want %s", got, want)
	}
}

// TestLoopback: a sandbox has its loopback up, whether or not it was before.
func TestLoopback(t *testing.T) {
	h := open(t, Config{})
	ns := newNetNS(t)
	for i, was := range []bool{false, true} {
		if up := h.loopbackUp(ns); up != was {
			t.Errorf("before start %d, loopback is up: %v", i, up)
		}
		spec := sh("true")
		spec.ID, spec.NetNS = fmt.Sprint("loopback-", i), ns
		run(t, h, spec)
		if !h.loopbackUp(ns) {
			t.Errorf("after start %d, loopback is not up", i)
		}
	}
}

// newNetNS makes an empty network namespace.
func newNetNS(t testing.TB) *os.File {
	t.Helper()
	th := newThread()
	defer th.stop()
	var f *os.File
	var err error
	th.do(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			f, err = os.Open("/proc/thread-self/ns/net")
		}
	})
	if err != nil {
		t.Skipf("this test makes a network namespace: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestListenIn(t *testing.T) {
	h := open(t, Config{})
	var out lines
	s := start(t, h, Spec{Output: out.add})
	l, err := s.ListenIn(netip.MustParseAddrPort("127.0.0.1:9001"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("from outside"))
	}()
	err = s.Exec([]string{"/usr/bin/python3", "-I", "-S", "-c", `
import socket
print(socket.create_connection(("127.0.0.1", 9001)).recv(100).decode())`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if wait(t, s); out.text() != "from outside" {
		t.Errorf("output %q", out.text())
	}
}

func TestOutput(t *testing.T) {
	h := open(t, Config{})
	out, _ := run(t, h, sh(`printf 'one\ntwo\n\nno newline'; head -c 300000 /dev/zero | tr '\0' x`))
	list := strings.Split(out, "\n")
	want := []string{"one", "two", "", "no newline" + strings.Repeat("x", maxLine-10), strings.Repeat("x", 300010-maxLine)}
	if len(list) != len(want) {
		t.Fatalf("%d lines, want %d", len(list), len(want))
	}
	for i := range want {
		if list[i] != want[i] {
			t.Errorf("line %d: %d bytes %.30q, want %d bytes %.30q", i, len(list[i]), list[i], len(want[i]), want[i])
		}
	}
}

func TestFlush(t *testing.T) {
	h := open(t, Config{})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out lines
	spec := sh(`i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done; printf end; echo x >&3; exec sleep 1000`)
	spec.Output, spec.Files = out.add, []*os.File{w}
	s := start(t, h, spec)
	w.Close()
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s.Flush()
	if text := out.text(); !strings.HasSuffix(text, "498\n499\nend") {
		t.Errorf("after Flush the output ends in %q", text[max(0, len(text)-20):])
	}
	s.Kill()
	wait(t, s)
}

// TestFloodDoesNotHoldFlush: a program that never stops printing.
func TestFloodDoesNotHoldFlush(t *testing.T) {
	h := open(t, Config{})
	first := make(chan struct{})
	var once sync.Once
	spec := sh("exec yes")
	spec.Output = func(Line) { once.Do(func() { close(first) }) }
	s := start(t, h, spec)
	<-first
	s.Flush()
	s.Kill()
	wait(t, s)
}

// TestMany starts sandboxes side by side; Close ends those that run.
func TestMany(t *testing.T) {
	h := open(t, Config{})
	var wg sync.WaitGroup
	list := make([]*Sandbox, 20)
	for i := range list {
		wg.Go(func() {
			spec := sh("exec sleep 1000")
			spec.ID = "many-" + itoa(uintptr(i))
			s, err := h.Start(t.Context(), spec)
			if err != nil {
				t.Error(err)
				return
			}
			list[i] = s
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if _, err := h.Start(t.Context(), Spec{ID: "many-3"}); err == nil || !strings.Contains(err.Error(), "one of this name") {
		t.Errorf("a second sandbox of one name: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for _, s := range list {
		select {
		case <-s.Done():
		default:
			t.Errorf("%s lives on", s.ID())
		}
		if err := s.Mount(Mount{Source: "/usr", Target: "/opt"}); err == nil {
			t.Error("Mount after Close")
		}
	}
	if _, err := h.Start(t.Context(), sh("true")); err == nil {
		t.Error("Start after Close")
	}
}

func TestCerts(t *testing.T) {
	certs := filepath.Join(t.TempDir(), "certs")
	if err := WriteCerts(certs, []byte("-----WEIR-----\n")); err != nil {
		t.Fatal(err)
	}
	h := open(t, Config{Certs: certs})
	out, _ := run(t, h, sh("cat /etc/ssl/certs/extra.crt; tail -n 1 /etc/pki/tls/certs/ca-bundle.crt; ls /etc/ssl/certs"))
	if out != "-----WEIR-----\n-----WEIR-----\nca-certificates.crt\nextra.crt" {
		t.Errorf("output %q", out)
	}
}
