package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds weir once, unless WEIR_BIN names a built one.
var binary = sync.OnceValues(func() (string, error) {
	if b := os.Getenv("WEIR_BIN"); b != "" {
		return b, nil
	}
	dir, err := os.MkdirTemp("", "weir-bin-")
	if err != nil {
		return "", err
	}
	b := filepath.Join(dir, "weir")
	out, err := exec.Command("go", "build", "-o", b, "../cmd/weir").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building weir: %w\n%s", err, out)
	}
	return b, nil
})

// daemon is a Weir of this test's own.
type daemon struct {
	bin, data, addr, url string
	args                 []string
	user                 *syscall.Credential // who starts it; nil: the test's own user
	runs                 bool
}

// newDaemon starts a daemon and stops it, checking that nothing is left, when the test ends.
func newDaemon(t testing.TB, args ...string) *daemon {
	t.Helper()
	d := prepare(t)
	d.args = args
	d.start(t)
	return d
}

// prepare makes a daemon that is yet to start, on a free port with an empty data directory.
func prepare(t testing.TB) *daemon {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr := freePort(t)
	data, err := os.MkdirTemp("", "weir-test-")
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{bin: bin, data: data, addr: addr, url: "http://" + addr}
	t.Cleanup(func() { d.clear(t) })
	return d
}

// freePort finds a port that stays free while a daemon is down: one that the kernel
// gives to nobody's outgoing connection.
// https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html: ip_local_port_range, from 32768
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("found no free port")
	return ""
}

// clear stops the daemon if it runs. What it leaves mounted cannot be removed.
func (d *daemon) clear(t testing.TB) {
	if d.runs {
		d.down(t)
	}
	log, _ := os.ReadFile(filepath.Join(d.data, "weir.log"))
	if err := os.RemoveAll(d.data); err != nil {
		t.Errorf("the daemon left something in its data directory: %v", err)
	}
	if t.Failed() {
		t.Logf("the daemon's log:\n%s", log)
	}
}

// down stops the daemon as its user does.
func (d *daemon) down(t testing.TB) {
	t.Helper()
	if out, err := d.run(context.Background(), "down", "-addr", d.url); err != nil {
		t.Errorf("stopping the daemon: %v\n%s", err, out)
	}
	d.runs = false
}

func (d *daemon) start(t testing.TB) {
	t.Helper()
	if out, err := d.up(t.Context()); err != nil {
		t.Fatalf("starting the daemon: %v\n%s", err, out)
	}
}

func (d *daemon) up(ctx context.Context) (string, error) {
	d.runs = true
	return d.run(ctx, append([]string{"up", "-d", "-listen", d.addr, "-data", d.data, "-internet", "lab"}, d.args...)...)
}

// port is where the daemon listens.
func (d *daemon) port(t testing.TB) int {
	a, err := netip.ParseAddrPort(d.addr)
	if err != nil {
		t.Fatal(err)
	}
	return int(a.Port())
}

// settled waits until the kernel shows a VPC as the state has it now.
func (d *daemon) settled(t testing.TB, vpc string) {
	t.Helper()
	status := func() (s struct {
		Revision uint64
		Networks map[string]uint64
	}) {
		res, err := http.Get(d.url + "/_weir/status")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	rev := status().Revision
	until(t, 20*time.Second, "the kernel shows the last change", func() bool { return status().Networks[vpc] >= rev })
}

// pid is the daemon's process.
func (d *daemon) pid() (int, error) {
	res, err := http.Get(d.url + "/_weir/health")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var h struct{ PID int }
	err = json.NewDecoder(res.Body).Decode(&h)
	return h.PID, err
}

// kill ends the daemon as a power cut would, and waits until it is gone.
func (d *daemon) kill() error {
	pid, err := d.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	d.runs = false
	for range 500 {
		if syscall.Kill(pid, 0) != nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("process %d is still there after SIGKILL", pid)
}

// run runs a weir subcommand and returns what it printed.
func (d *daemon) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.bin, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if d.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.user}
		cmd.Env = append(os.Environ(), "HOME="+d.data)
	}
	err := cmd.Run()
	return out.String(), err
}

// What the daemon logs is kept when another does not start beside it, and a stop is
// nothing to warn of.
func TestLog(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	for range 2 {
		if out, err := d.up(t.Context()); err == nil {
			t.Fatalf("a second daemon started:\n%s", out)
		}
	}
	d.down(t)
	log, err := os.ReadFile(filepath.Join(d.data, "weir.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(log, []byte("Weir is ready at "+d.url)) || bytes.Contains(log, []byte("level=")) {
		t.Errorf("the log of a daemon that started, ran and stopped:\n%s", log)
	}
}
