package sandbox

import (
	"os/exec"
	"testing"
)

// TestRootWhileOthersStart makes roots while processes are started: none of those
// keeps a root from being made read-only by a file that it inherits for an instant.
func TestRootWhileOthersStart(t *testing.T) {
	machines(t).Close() // skips if not permitted
	stop := make(chan struct{})
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
					_ = exec.Command("/bin/true").Run()
				}
			}
		}()
	}
	for range 10 {
		h, err := Open(Config{Dir: t.TempDir(), Machines: true})
		if err != nil {
			t.Error(err)
			break
		}
		h.Close()
	}
	close(stop)
	for range 4 {
		<-done
	}
}
