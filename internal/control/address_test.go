package control

import (
	"net/netip"
	"testing"
)

func TestBlock(t *testing.T) {
	for _, c := range []struct {
		name, pool string
		bits       int
		taken      []string
		want       string // "" is none
	}{
		{"empty pool", "172.31.0.0/16", 20, nil, "172.31.0.0/20"},
		{"first taken", "172.31.0.0/16", 20, []string{"172.31.0.0/20"}, "172.31.16.0/20"},
		{"gap", "172.31.0.0/16", 20, []string{"172.31.0.0/20", "172.31.32.0/20"}, "172.31.16.0/20"},
		{"smaller one in the way", "172.31.0.0/16", 20, []string{"172.31.5.0/24"}, "172.31.16.0/20"},
		{"larger one in the way", "172.31.0.0/16", 20, []string{"172.31.0.0/17"}, "172.31.128.0/20"},
		{"full", "10.0.0.0/30", 31, []string{"10.0.0.0/31", "10.0.0.2/31"}, ""},
		{"another family", "172.31.0.0/16", 20, []string{"2001:db8::/56"}, "172.31.0.0/20"},
		{"IPv6", "2001:db8:1000::/36", 56, nil, "2001:db8:1000::/56"},
		{"IPv6, first taken", "2001:db8:1000::/36", 56, []string{"2001:db8:1000::/56"}, "2001:db8:1000:100::/56"},
		{"IPv6, 256 taken by one", "2001:db8:1000::/36", 56, []string{"2001:db8:1000::/48"}, "2001:db8:1001::/56"},
		{"IPv6, full", "2001:db8:1000::/55", 56, []string{"2001:db8:1000::/56", "2001:db8:1000:100::/56"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var taken []netip.Prefix
			for _, p := range c.taken {
				taken = append(taken, netip.MustParsePrefix(p))
			}
			got, ok := FreeBlock(netip.MustParsePrefix(c.pool), c.bits, taken)
			if ok != (c.want != "") || ok && got.String() != c.want {
				t.Errorf("got %v %v, want %q", got, ok, c.want)
			}
		})
	}
}

func TestFree(t *testing.T) {
	p := netip.MustParsePrefix("10.0.0.0/28")
	taken := map[netip.Addr]bool{}
	var got []string
	for {
		a, ok := free(p, 4, 1, taken)
		if !ok {
			break
		}
		taken[a] = true
		got = append(got, a.String())
	}
	if len(got) != 11 || got[0] != "10.0.0.4" || got[10] != "10.0.0.14" {
		t.Errorf("a /28 without its first four and last: %v, want 10.0.0.4 to 10.0.0.14", got)
	}
	delete(taken, netip.MustParseAddr("10.0.0.7"))
	if a, ok := free(p, 4, 1, taken); !ok || a.String() != "10.0.0.7" {
		t.Errorf("got %v, want the one address given back", a)
	}
	if a, ok := free(netip.MustParsePrefix("2001:db8::/64"), 4, 1, nil); !ok || a.String() != "2001:db8::4" {
		t.Errorf("got %v, want 2001:db8::4", a)
	}
}

func TestUsable(t *testing.T) {
	for addr, want := range map[string]bool{
		"10.0.0.3": false, "10.0.0.4": true, "10.0.0.254": true, "10.0.0.255": false, "10.0.1.4": false,
	} {
		if got := usable(netip.MustParsePrefix("10.0.0.0/24"), 4, 1, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	six := netip.MustParsePrefix("2001:db8::/64")
	if usable(six, 4, 1, netip.MustParseAddr("2001:db8::ffff:ffff:ffff:ffff")) || !usable(six, 4, 1, netip.MustParseAddr("2001:db8::ffff:ffff:ffff:fffe")) {
		t.Error("the last address of a /64 is kept back, the one before is not")
	}
}
