package linux

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

// logged has a plan's interfaces logged.
func logged(p *netplan.Plan, ids ...cloud.InterfaceID) *netplan.Plan {
	p.Flows = nil
	for _, id := range ids {
		p.Flows = append(p.Flows, netplan.FlowPoint{ENI: id, Accepted: true, Rejected: true})
	}
	return p
}

// flows reads what was counted, until nothing more is: the ends of connections
// come when their answers have been read.
func (w *world) flows(n *dataplane.Network) (out []dataplane.FlowCount) {
	w.t.Helper()
	end := time.Now().Add(5 * time.Second)
	for last := time.Now(); time.Since(last) < 50*time.Millisecond && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c, err := w.k.Flows(context.Background(), n.VPC)
		if err != nil || len(c.Skipped) > 0 {
			w.t.Fatalf("flows: %v, skipped %v", err, c.Skipped)
		}
		if slices.ContainsFunc(c.Flows, func(f dataplane.FlowCount) bool { return f.Packets > 0 }) {
			last = time.Now()
		}
		out = append(out, c.Flows...)
	}
	return out
}

// counted reads the flows at interfaces as "eni-x out tcp 10.0.1.10 10.0.0.10:80",
// without the ports that clients choose, and what all of each counted.
func (w *world) counted(n *dataplane.Network) map[string]dataplane.FlowCount {
	w.t.Helper()
	out := map[string]dataplane.FlowCount{}
	for _, f := range w.flows(n) {
		dir := "in"
		if f.Egress {
			dir = "out"
		}
		side := func(a string) string {
			if host, port, ok := strings.Cut(a, ":"); ok && len(port) > 4 {
				return host // an ephemeral port
			}
			return a
		}
		key := fmt.Sprintf("%s %s %d %s %s", n.ENIs[f.Link], dir, f.Proto, side(f.Src.String()), side(f.Dst.String()))
		sum := out[key]
		sum.Packets, sum.Bytes, sum.TCPFlags = sum.Packets+f.Packets, sum.Bytes+f.Bytes, sum.TCPFlags|f.TCPFlags
		out[key] = sum
	}
	return out
}

func flowsAre(t *testing.T, what string, got map[string]dataplane.FlowCount, want ...string) {
	t.Helper()
	var have []string
	for k := range got {
		have = append(have, k)
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%s: counted\n%s\nwant\n%s", what, strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func TestFlows(t *testing.T) {
	t.Parallel()
	for _, noReset := range []bool{false, true} {
		t.Run(fmt.Sprintf("without reset=%v", noReset), func(t *testing.T) { testFlows(t, noReset) })
	}
}

func testFlows(t *testing.T, noReset bool) {
	t.Parallel()
	w := newWorld(t)
	w.k.noReset.Store(noReset)
	n := w.apply(sample("vpc-1"))
	app, web := w.ns(n, "eni-app"), w.ns(n, "eni-web")
	w.whoami(web, "0.0.0.0:80")
	w.seen("before", w.tcp(app, "10.0.0.10:80"), "10.0.1.10")
	flowsAre(t, "without flow logs", w.counted(n))
	if slices.ContainsFunc(n.Namespaces[0].Table.Sets, dataplaneSet("counted")) {
		t.Error("a VPC without flow logs has rules for them")
	}

	n = w.apply(logged(sample("vpc-1"), "eni-app", "eni-nat", "eni-web")) // live
	w.seen("within the VPC", w.tcp(app, "10.0.0.10:80"), "10.0.1.10")
	got := w.counted(n)
	flowsAre(t, "within the VPC", got,
		"eni-app out 6 10.0.1.10 10.0.0.10:80", "eni-app in 6 10.0.0.10:80 10.0.1.10",
		"eni-web in 6 10.0.1.10 10.0.0.10:80", "eni-web out 6 10.0.0.10:80 10.0.1.10")
	out, in := got["eni-app out 6 10.0.1.10 10.0.0.10:80"], got["eni-web in 6 10.0.1.10 10.0.0.10:80"]
	if out != in || out.Packets < 3 || out.Bytes < 3*40 || out.TCPFlags&2 == 0 {
		t.Errorf("sent %+v, received %+v: want the same, a SYN and two acknowledgements at least", out, in)
	}
	if back := got["eni-app in 6 10.0.0.10:80 10.0.1.10"]; back.TCPFlags&0x13 != 0x13 {
		t.Errorf("the answer's flags are %#x, want those of SYN, ACK and FIN", back.TCPFlags)
	}
	flowsAre(t, "read again", w.counted(n))

	w.seen("UDP", w.udp(app, "198.51.100.7:80"), "203.0.113.9") // through the NAT gateway
	flowsAre(t, "through the NAT gateway", w.counted(n),
		"eni-app out 17 10.0.1.10 198.51.100.7:80", "eni-app in 17 198.51.100.7:80 10.0.1.10",
		"eni-nat in 17 10.0.1.10 198.51.100.7:80", "eni-nat out 17 10.0.0.9 198.51.100.7:80",
		"eni-nat in 17 198.51.100.7:80 10.0.0.9", "eni-nat out 17 198.51.100.7:80 10.0.1.10")

	w.udp(app, "10.0.0.2:53") // the resolver, where nobody listens: the router says so
	flowsAre(t, "the router itself", w.counted(n))
	if !w.ping(app, "198.51.100.7") {
		t.Error("no echo through the NAT gateway")
	}
	if f := w.counted(n)["eni-app out 1 10.0.1.10:0 198.51.100.7:0"]; f.Packets == 0 {
		t.Error("an echo request is not counted, with ports 0")
	}
	n = w.apply(sample("vpc-1"))
	w.seen("after", w.tcp(app, "10.0.0.10:80"), "10.0.1.10")
	flowsAre(t, "flow logs deleted", w.counted(n))
}

func TestFlowsIPv6AndShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(logged(sample("vpc-1"), "eni-fn", "eni-web"))
	web := w.ns(n, "eni-web")
	w.whoami(web, "[::]:80")
	fn := []*os.File{w.slot(n, "eni-fn", 0, true), w.slot(n, "eni-fn", 1, true)}
	for _, slot := range fn { // two instances are one interface
		w.seen("IPv6", w.udp(slot, "[2001:db8:1000::10]:80"), "")
		w.seen("IPv6", w.tcp(slot, "[2001:db8:1000::10]:80"), "2001:db8:1000:1::20")
	}
	seen := 0
	for _, f := range w.flows(n) {
		if f.Egress && n.ENIs[f.Link] == "eni-fn" && f.Proto == 6 && f.Src.Addr() == ip("2001:db8:1000:1::20") && f.TCPFlags == 2 {
			seen += int(f.Packets)
		}
		if f.Proto == 17 {
			t.Errorf("counted %+v, which a security group refused", f)
		}
	}
	if seen != 2 {
		t.Errorf("%d SYNs from the functions' interface, want one of each instance", seen)
	}
}

func dataplaneSet(name string) func(*nft.Set) bool {
	return func(s *nft.Set) bool { return s.Name == name }
}

func TestReadingWithoutReset(t *testing.T) {
	start := time.Unix(1000, 0)
	count := func(packets, bytes uint64, idle time.Duration) []nft.Count {
		return []nft.Count{{Key: [][]byte{{1}}, Packets: packets, Bytes: bytes, Idle: idle}}
	}
	r, _ := reading{}.next(count(3, 300, time.Second), start)
	for i, c := range []struct {
		seen []nft.Count
		want [2]uint64
	}{
		{count(5, 500, time.Second), [2]uint64{2, 200}},          // goes on
		{count(5, 500, 11*time.Second), [2]uint64{0, 0}},         // pauses
		{count(1, 60, 0), [2]uint64{1, 60}},                      // gone, and new
		{count(1, 60, time.Second), [2]uint64{1, 60}},            // gone, and new with as many packets
		{[]nft.Count{}, [2]uint64{}},                             // gone
		{count(7, 700, 9*time.Second), [2]uint64{7, 700}},        // new
		{count(7, 700, 19*time.Second), [2]uint64{0, 0}},         // pauses
		{count(9, 900, 500*time.Millisecond), [2]uint64{2, 200}}, // goes on
	} {
		start = start.Add(10 * time.Second)
		var got []nft.Count
		r, got = r.next(c.seen, start)
		var sum [2]uint64
		for _, n := range got {
			sum = [2]uint64{n.Packets, n.Bytes}
		}
		if sum != c.want {
			t.Errorf("reading %d: counted %v, want %v", i+2, sum, c.want)
		}
	}
}
