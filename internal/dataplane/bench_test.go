package dataplane

import (
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// BenchmarkOneMore is what one more interface among a thousand costs before the kernel is asked.
func BenchmarkOneMore(b *testing.B) {
	p := samplePlan()
	for i := range 1000 {
		p.ENIs = append(p.ENIs, netplan.ENI{ID: cloud.InterfaceID("eni-x" + string(rune('a'+i%26)) + string(rune(1000+i))), Subnet: "subnet-priv", Attach: netplan.AttachShared,
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(4 + i/250), byte(4 + i%250)})}, Profile: "sg-a"})
	}
	numbers := NewNumbers(1)
	q := *p
	q.ENIs = p.ENIs[:len(p.ENIs)-1]
	have := Lower(&q, numbers)
	b.ResetTimer()
	for range b.N {
		if _, err := Diff(have, Lower(p, numbers)); err != nil {
			b.Fatal(err)
		}
	}
}
