package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const outliveEnv = "SANDBOX_TEST_OUTLIVE"

// starter starts a machine that may outlive it, says so, and sleeps until it is killed.
func starter(dir string) {
	h, err := Open(Config{Dir: dir, Machines: true, Outlive: true})
	if err == nil {
		var s *Sandbox
		if s, err = h.Start(context.Background(), Spec{ID: "i-1", Note: "7", Limits: Limits{Pids: 50}}); err == nil {
			err = s.Exec([]string{"/bin/sh", "-c", "n=0; while sleep 0.05; do n=$((n+1)); echo $n; done"}, nil)
		}
	}
	fmt.Println("started", err)
	select {}
}

// TestOutlive kills the process that started a machine: it goes on, the next Host
// has all that it printed meanwhile, and ends it.
func TestOutlive(t *testing.T) {
	machines(t).Close() // skips if not permitted
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), outliveEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "started <nil>\n" {
		t.Fatal(line)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	h, err := Open(Config{Dir: dir, Machines: true, Outlive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	left := h.Left()
	if len(left) != 1 || left[0].ID != "i-1" || left[0].Note != "7" {
		t.Fatalf("left are %+v", left)
	}
	lines := make(chan string, 1000)
	s, err := h.Adopt("i-1", func(l Line) { lines <- l.Text })
	if err != nil {
		t.Fatal(err)
	}
	first, last := "", ""
	for range 10 {
		select {
		case last = <-lines:
		case <-time.After(10 * time.Second):
			t.Fatal("the machine does not print any more")
		}
		if first == "" {
			first = last
		}
	}
	if a, b := number(first), number(last); b != a+9 {
		t.Errorf("the machine printed %s to %s in 10 lines: some are lost", first, last)
	}
	s.Kill()
	select {
	case <-s.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the machine does not end")
	}
	ends(t, left[0].Pid)
	if len(h.Left()) != 0 {
		t.Errorf("left are %+v after it ended", h.Left())
	}
	if names, _ := os.ReadDir(dir + "/running"); len(names) > 0 {
		t.Errorf("records of what ended: %v", names)
	}
}

// TestLeftEnds: a machine that nobody takes over ends with the next Host.
func TestLeftEnds(t *testing.T) {
	machines(t).Close() // skips if not permitted
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), outliveEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); !strings.Contains(line, "nil") {
		t.Fatal(line)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	h, err := Open(Config{Dir: dir, Machines: true, Outlive: true})
	if err != nil {
		t.Fatal(err)
	}
	left := h.Left()
	if len(left) != 1 {
		t.Fatalf("left are %+v", left)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	ends(t, left[0].Pid)
}

func number(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}
