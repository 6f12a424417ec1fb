package linux

import (
	"net/netip"
	"testing"

	"weir/internal/netplan"
)

// TestNATAddresses: new flows are spread over all addresses of a NAT gateway,
// and one that is taken away is not used any more, nor are its flows.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
func TestNATAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := func(more ...netip.Addr) *netplan.Plan {
		p := sample("vpc-1")
		nat := p.ENI("eni-nat")
		for k, a := range more {
			nat.Addrs = append(nat.Addrs, a)
			p.Gateway.Public = append(p.Gateway.Public, netplan.PublicAddr{Private: a, Public: netip.AddrFrom4([4]byte{203, 0, 113, byte(90 + k)})})
		}
		return p
	}
	n := w.apply(plan(ip("10.0.0.201"), ip("10.0.0.202")))
	app := w.ns(n, "eni-app")
	seen := func() map[string]int {
		m := map[string]int{}
		for range 60 {
			m[w.udp(app, "198.51.100.7:80").Addr().String()]++
		}
		return m
	}
	// The chance that one of three is not among 60 is 10⁻¹⁰.
	if got := seen(); len(got) != 3 || got["203.0.113.9"] == 0 || got["203.0.113.90"] == 0 || got["203.0.113.91"] == 0 {
		t.Errorf("flows leave by %v, want by all three addresses", got)
	}
	w.apply(plan(ip("10.0.0.201")))
	if got := seen(); len(got) != 2 || got["203.0.113.91"] != 0 {
		t.Errorf("flows leave by %v, want by the two addresses that are left", got)
	}
}
