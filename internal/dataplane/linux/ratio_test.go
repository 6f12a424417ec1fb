package linux

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// BenchmarkRatio compares TCP round trips through a VPC with one over a plain
// veth: in turns, a burst each, so that what disturbs the machine falls on both.
// One thread drives both ends. The paths: between two hosts in different subnets
// (anti-spoofing, ACLs with lines, security groups, route table); to the
// internet through a NAT gateway and its elastic IP; to a host of a peered VPC;
// from a function through its shared interface; and, as a second baseline, through
// three namespaces that forward and do nothing else.
func BenchmarkRatio(b *testing.B) {
	for _, size := range []struct {
		name                 string
		interfaces, elements int
	}{{"small", 6, 10}, {"large", 3000, 10000}} {
		b.Run(size.name, func(b *testing.B) { benchRatio(b, size.interfaces, size.elements) })
	}
}

func benchRatio(b *testing.B, interfaces, elements int) {
	w := newWorld(b)
	near, far := pair()
	grow(near, interfaces, elements)
	here, there := w.apply(near), w.apply(far)
	left, right := plainVeth(b, w)
	veth := path(b, w, left, right, "10.99.0.2:80")
	first, last, addr := bareRouters(b, w, 3)
	listen := func(ns *os.File, at string) [2]int { return path(b, w, w.ns(here, "eni-app"), ns, at) }
	for _, x := range []struct {
		name string
		ends [2]int
	}{
		{"vpc", listen(w.ns(here, "eni-web"), "10.0.0.10:80")},
		{"nat", listen(w.internet, "198.51.100.7:8080")},
		{"peering", listen(w.ns(there, "eni-b"), "10.1.0.10:80")},
		{"function", path(b, w, w.slot(here, "eni-fn", 0, true), w.ns(here, "eni-web"), "10.0.0.10:80")},
		{"bare", path(b, w, first, last, addr.String()+":80")},
	} {
		b.Run("path="+x.name, func(b *testing.B) { inTurns(b, veth, x.ends) })
	}
}

// grow adds hosts until there are so many interfaces, and gives the groups of
// sender and receiver as many more rules, and the ACL lines.
func grow(p *netplan.Plan, interfaces, elements int) {
	for i := len(p.ENIs); i < interfaces; i++ {
		p.ENIs = append(p.ENIs, host(fmt.Sprintf("eni-x%04d", i), "subnet-priv", "sg-db",
			netip.AddrFrom4([4]byte{10, 0, byte(16 + i/250), byte(4 + i%250)}).String()))
	}
	for i := range p.Profiles {
		f := &p.Profiles[i]
		for k := range elements / 2 {
			port := 20000 + k%20000
			f.In = append(f.In, allow(6, port, port, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(k >> 8), byte(k)}), 32)))
			f.Out = append(f.Out, allow(17, port, port, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(k >> 8), byte(k)}), 32)))
		}
	}
	deny := netplan.ACLEntry{Number: 1, Action: cloud.Deny, Protocol: 6, Prefix: prefix("203.0.113.0/24"), From: 1, To: 9, ICMPType: -1, ICMPCode: -1}
	for i := range p.ACLs {
		a := &p.ACLs[i]
		a.In, a.Out = append([]netplan.ACLEntry{deny}, a.In...), append([]netplan.ACLEntry{deny}, a.Out...)
	}
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
	b.ReportMetric(slices.Min(took[1])/slices.Min(took[0]), "min/min")
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
