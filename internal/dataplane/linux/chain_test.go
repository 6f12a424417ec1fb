package linux

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"weir/internal/dataplane"
)

// bareRouters joins two namespaces by a chain of n others that forward and do
// nothing else: what a path through so many namespaces costs at least. It gives
// the ends and the address of the right one.
func bareRouters(b *testing.B, w *world, n int) (left, right *os.File, addr netip.Addr) {
	const leftward, rightward = 2, 5 // indexes of a namespace's links
	at := func(link, end int) netip.Addr { return netip.AddrFrom4([4]byte{10, 98, byte(link), byte(end)}) }
	last := at(n, 2)
	spaces := make([]*space, n+2)
	for i := range spaces {
		var err error
		if spaces[i], err = newSpace(w.threads, fmt.Sprint("bare", i), []dataplane.Sysctl{{Key: "ipv4/ip_forward", Value: "1"}, {Key: "ipv4/tcp_congestion_control", Value: "cubic", Or: "reno"}}, false); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(spaces[i].close)
	}
	for i := range n + 1 {
		l := dataplane.Link{Name: "right", Index: rightward, PeerNS: "next", Peer: "left"}
		if err := spaces[i].addLink(l, spaces[i+1].file); err != nil {
			b.Fatal(err)
		}
		if err := spaces[i+1].up("left"); err != nil {
			b.Fatal(err)
		}
		if err := spaces[i].ready([]dataplane.Link{l}, nil); err != nil {
			b.Fatal(err)
		}
	}
	for i, s := range spaces {
		c := &dataplane.Change{}
		if i > 0 { // the left end is behind the link before
			c.AddAddrs = append(c.AddAddrs, dataplane.Addr{Link: "left", Addr: at(i-1, 2)})
			c.PutRoutes = append(c.PutRoutes, dataplane.Route{Dest: netip.PrefixFrom(at(0, 1), 32), Kind: dataplane.Unicast, Link: "left", Via: at(i-1, 1)})
		}
		if i <= n {
			c.AddAddrs = append(c.AddAddrs, dataplane.Addr{Link: "right", Addr: at(i, 1)})
			c.PutRoutes = append(c.PutRoutes, dataplane.Route{Dest: netip.PrefixFrom(last, 32), Kind: dataplane.Unicast, Link: "right", Via: at(i, 2)})
		}
		if err := s.configure(c, s.indexes([]dataplane.Link{{Name: "left", Index: leftward}, {Name: "right", Index: rightward}})); err != nil {
			b.Fatal(err)
		}
	}
	return spaces[0].file, spaces[n+1].file, last
}
