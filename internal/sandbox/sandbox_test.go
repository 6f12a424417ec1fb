package sandbox

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
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

// run starts a program, waits for its end and returns what it printed.
func run(t testing.TB, h *Host, spec Spec) (string, Exit) {
	t.Helper()
	var out lines
	spec.ID = strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, t.Name())
	spec.Output = out.add
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := h.Start(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	exit, err := s.Wait(ctx)
	if err != nil {
		s.Kill()
		<-s.Done()
		t.Fatalf("%v; output: %s", err, out.text())
	}
	return out.text(), exit
}

func sh(script string) Spec {
	return Spec{Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin", "A=b c"}}
}

func TestRunsProgram(t *testing.T) {
	h := open(t, Config{})
	out, exit := run(t, h, sh(`id; pwd; echo "$A"; hostname; echo $$; cat /proc/self/status | grep -E 'Cap|NoNew|Seccomp:'; ls -la / /etc /dev /proc/self/fd; cat /proc/self/cgroup /proc/self/mounts; exit 7`))
	t.Log(out)
	if exit.Code != 7 || exit.Err != nil {
		t.Errorf("exit = %+v, want status 7", exit)
	}
}
