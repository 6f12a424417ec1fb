package linux

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkRatio compares a TCP round trip between two hosts of a VPC with that
// many interfaces (security groups, an ACL with lines, a route table) with one
// over a plain veth: in turns, a burst each, so that what disturbs the machine
// falls on both. One thread drives both ends.
func BenchmarkRatio(b *testing.B) {
	for _, n := range []int{6, 3000} {
		b.Run(fmt.Sprintf("interfaces=%d", n), func(b *testing.B) { benchRatio(b, n) })
	}
}

func benchRatio(b *testing.B, interfaces int) {
	w := newWorld(b)
	p := sample("vpc-1")
	for i := len(p.ENIs); i < interfaces; i++ {
		p.ENIs = append(p.ENIs, host(fmt.Sprintf("eni-x%04d", i), "subnet-priv", "sg-db",
			netip.AddrFrom4([4]byte{10, 0, byte(16 + i/250), byte(4 + i%250)}).String()))
	}
	n := w.apply(p)
	left, right := plainVeth(b, w)
	veth := path(b, w, left, right, "10.99.0.2:80")
	inTurns(b, veth, path(b, w, w.ns(n, "eni-app"), w.ns(n, "eni-web"), "10.0.0.10:80"))
}

// BenchmarkPeering is BenchmarkRatio for hosts of two peered VPCs.
func BenchmarkPeering(b *testing.B) {
	w := newWorld(b)
	near, far := pair()
	here, there := w.apply(near), w.apply(far)
	left, right := plainVeth(b, w)
	veth := path(b, w, left, right, "10.99.0.2:80")
	inTurns(b, veth, path(b, w, w.ns(here, "eni-app"), w.ns(there, "eni-b"), "10.1.0.10:80"))
}

// inTurns measures both, and how much longer the second takes.
func inTurns(b *testing.B, veth, vpc [2]int) {
	var took [2][]float64 // median of each burst, in µs
	for b.Loop() {
		for i, ends := range [][2]int{veth, vpc} {
			took[i] = append(took[i], burst(b, ends))
		}
	}
	ratio := make([]float64, len(took[0]))
	for i := range ratio {
		ratio[i] = took[1][i] / took[0][i]
	}
	b.ReportMetric(median(took[0]), "veth-p50-µs")
	b.ReportMetric(median(took[1]), "vpc-p50-µs")
	b.ReportMetric(median(ratio), "vpc/veth")
}

// path connects two namespaces and gives both ends.
func path(b *testing.B, w *world, from, to *os.File, at string) [2]int {
	client, server := w.pair(b, from, to, ipp(at))
	b.Cleanup(func() { unix.Close(client); unix.Close(server) })
	return [2]int{client, server}
}

// burst is the median of some round trips of one byte, in µs.
func burst(b *testing.B, ends [2]int) float64 {
	buf := make([]byte, 1)
	took := make([]float64, 0, 64)
	for range cap(took) {
		start := time.Now()
		for _, e := range [][2]int{ends, {ends[1], ends[0]}} {
			if _, err := unix.Write(e[0], buf); err != nil {
				b.Fatal(err)
			}
			if _, err := unix.Read(e[1], buf); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, float64(time.Since(start).Nanoseconds())/1e3)
	}
	return median(took)
}

func median(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

// BenchmarkFlowLog is BenchmarkRatio with flow logs of both hosts.
func BenchmarkFlowLog(b *testing.B) {
	w := newWorld(b)
	n := w.apply(logged(sample("vpc-1"), "eni-app", "eni-web"))
	left, right := plainVeth(b, w)
	veth := path(b, w, left, right, "10.99.0.2:80")
	inTurns(b, veth, path(b, w, w.ns(n, "eni-app"), w.ns(n, "eni-web"), "10.0.0.10:80"))
}
