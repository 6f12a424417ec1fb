package sandbox

import (
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// cpu reports processor time per operation, which a busy machine distorts less.
func cpu(b *testing.B) func() {
	used := func() (sum time.Duration) {
		for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
			var u syscall.Rusage
			if err := syscall.Getrusage(who, &u); err != nil {
				b.Fatal(err)
			}
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
		return sum
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N)/1e6, "cpu-ms/op") }
}

// BenchmarkBare runs a small program without a sandbox.
func BenchmarkBare(b *testing.B) {
	defer cpu(b)()
	for b.Loop() {
		if err := exec.Command("/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSandbox is a start to the moment the program runs, in a sandbox that
// joins a network namespace made before; the processor time includes its end.
func BenchmarkSandbox(b *testing.B) {
	h := open(b, Config{})
	defer cpu(b)()
	spec := Spec{Argv: []string{"/bin/true"}, NetNS: newNetNS(b), Limits: Limits{MemoryMiB: 128, Pids: 100}}
	for i := 0; b.Loop(); i++ {
		spec.ID = strconv.Itoa(i)
		s, err := h.Start(b.Context(), spec)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer() // what comes after is off the path
		<-s.Done()
		b.StartTimer()
	}
}
