package nft

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// counting is a table that counts what is sent, by destination and port, and by
// a set that is full with its first element.
func counting() (*Table, *Set, *Set) {
	ports := &Set{Name: "ports", Key: []Field{Dst4, DstPort}, Open: true, Size: 100, Timeout: time.Minute}
	full := &Set{Name: "full", Key: []Field{DstPort}, Open: true, Size: 1}
	over := &Set{Name: "over", Key: []Field{CtDirection}, Open: true, Size: 4}
	udp := Eq(L4Proto, Proto(17))
	return &Table{Name: "c", Sets: []*Set{ports, full, over}, Chains: []*Chain{
		{Name: "out", Hook: &Hook{Point: Output}, Rules: []Rule{
			R(udp, CountIn(ports, Dst4, DstPort)), R(udp, CountIn(full, DstPort), Return), R(udp, CountIn(over, CtDirection))}}}}, ports, over
}

// send sends datagrams of 10 bytes, which are 38 with their headers.
func send(t *testing.T, to string, n int) {
	t.Helper()
	c, err := net.Dial("udp4", to)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for range n {
		_, _ = c.Write(make([]byte, 10)) // nobody listens: some fail
	}
}

func TestCounts(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		if lo, err := netlink.LinkByName("lo"); err != nil || netlink.LinkSetUp(lo) != nil {
			t.Error("lo cannot be set up", err)
			return
		}
		c, err := Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		table, ports, over := counting()
		if err := c.Commit(Create(table)); err != nil {
			t.Error(err)
			return
		}
		if d, err := c.Verify(table); err != nil || len(d) > 0 {
			t.Errorf("reading back: %v %v", d, err)
		}
		send(t, "127.0.0.1:5000", 1)
		send(t, "127.0.0.2:5001", 1)
		send(t, "127.0.0.2:5001", 1)
		got, err := c.Counts("c", ports, true)
		if err != nil || len(got) != 2 {
			t.Errorf("counted %v (%v), want two destinations", got, err)
			return
		}
		for _, n := range got {
			want := uint64(1)
			if bytes.Equal(n.Key[0], []byte{127, 0, 0, 2}) {
				want = 2
			}
			if n.Packets != want || n.Bytes != 38*want || n.Key[1][0] != 5000>>8 || n.Idle > 30*time.Second {
				t.Errorf("%v: %d packets, %d bytes, idle for %v; want %d of 38 bytes", n.Key, n.Packets, n.Bytes, n.Idle, want)
			}
		}
		if again, err := c.Counts("c", ports, true); err != nil || len(again) != 2 || again[0].Packets+again[1].Packets != 0 {
			t.Errorf("read again: %v (%v), want nothing counted since", again, err)
		}
		// 5000 filled the set; 5001 came further.
		if n, err := c.Counts("c", over, false); err != nil || len(n) != 1 || n[0].Packets != 2 || n[0].Key[0][0] != 0 {
			t.Errorf("past a full set came %v (%v), want two packets of the original direction", n, err)
		}
	})
}
