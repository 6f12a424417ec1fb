package flowlog

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cloud"
)

var basic = columns("version", "account", "interface", "source", "destination", "source-port", "destination-port",
	"protocol", "packets", "bytes", "start", "end", "action", "status")

func columns(values ...cloud.FlowValue) (out []cloud.FlowColumn) {
	for _, v := range values {
		out = append(out, cloud.FlowColumn{Title: string(v), Value: v})
	}
	return out
}

func flowLog(id string, traffic cloud.FlowTraffic, kind cloud.Resource, on string, c []cloud.FlowColumn) *cloud.FlowLog {
	return &cloud.FlowLog{ID: cloud.FlowLogID(id), Resource: cloud.Ref{Kind: kind, ID: on}, Traffic: traffic, Interval: time.Minute, Columns: c, Version: 2}
}

func at(id, subnet string, addrs ...string) Interface {
	i := Interface{ID: cloud.InterfaceID(id), Account: "123456789010", VPC: "vpc-1", Subnet: cloud.SubnetID(subnet), Region: "us-east-1", Zone: "use1-az1"}
	for _, a := range addrs {
		i.Addrs = append(i.Addrs, netip.MustParseAddr(a))
	}
	return i
}

func flow(eni, dir, action string, proto int, src, dst string, packets, bytes uint64, flags uint8) Flow {
	return Flow{Key: Key{ENI: cloud.InterfaceID(eni), Egress: dir == "out", Accepted: action == "ACCEPT", Proto: proto,
		Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst)}, Packets: packets, Bytes: bytes, TCPFlags: flags, Last: time.Now()}
}

// desk is a recorder whose lines are kept by log and interface.
type desk struct {
	*Recorder
	lines map[string][]string
	next  []Flow // what the next reading gives
}

func newDesk() *desk {
	d := &desk{lines: map[string][]string{}}
	d.Recorder = New(Config{
		Read: func(context.Context) { d.Add(d.next); d.next = nil },
		Deliver: func(_ context.Context, lines []Line) {
			for _, l := range lines {
				k := fmt.Sprintf("%s %s", l.Log.ID, l.ENI)
				d.lines[k] = append(d.lines[k], l.Text)
			}
		},
	})
	return d
}

// run runs f beside the recorder, in a bubble whose clock starts at midnight of 2000-01-01 (946684800).
func run(t *testing.T, f func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = d.Run(ctx) }()
		f(d)
		cancel()
		synctest.Wait()
	})
}

func (d *desk) is(t *testing.T, key string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := d.lines[key]; !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", key, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	delete(d.lines, key)
}

// The records are those of the vendor's page, with the bubble's times. The
// second is for a secondary address, which shows as the primary one.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html
func TestVendorsExamples(t *testing.T) {
	run(t, func(d *desk) {
		d.Set(t.Context(), []*cloud.FlowLog{flowLog("fl-1", cloud.TrafficAll, cloud.KindInterface, "eni-1", basic)},
			[]Interface{at("eni-1", "subnet-1", "172.31.16.21", "172.31.9.12"), at("eni-2", "subnet-1", "172.31.9.13")})
		time.Sleep(5 * time.Second)
		d.next = []Flow{flow("eni-1", "in", "ACCEPT", 6, "172.31.16.139:20641", "172.31.16.21:22", 20, 4249, 0x12)}
		time.Sleep(6 * time.Second) // the reading at ten seconds
		d.Add([]Flow{flow("eni-1", "in", "REJECT", 6, "172.31.9.69:49761", "172.31.9.12:3389", 1, 249, 2)})
		time.Sleep(time.Second)
		d.Add([]Flow{flow("eni-1", "in", "REJECT", 6, "172.31.9.69:49761", "172.31.9.12:3389", 19, 4000, 2)})
		d.Add([]Flow{flow("eni-2", "in", "REJECT", 6, "172.31.9.69:49761", "172.31.9.13:3389", 19, 4000, 2)}) // not logged
		time.Sleep(48 * time.Second)
		d.is(t, "fl-1 eni-1",
			"2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 946684800 946684805 ACCEPT OK",
			"2 123456789010 eni-1 172.31.9.69 172.31.16.21 49761 3389 6 20 4249 946684811 946684812 REJECT OK")
		time.Sleep(time.Minute)
		d.is(t, "fl-1 eni-1", "2 123456789010 eni-1 - - - - - - - 946684860 946684920 - NODATA")
		d.Skip("eni-1")
		time.Sleep(time.Minute)
		d.is(t, "fl-1 eni-1", "2 123456789010 eni-1 - - - - - - - 946684920 946684980 - SKIPDATA")
	})
}

func TestNATGateway(t *testing.T) {
	run(t, func(d *desk) {
		c := columns("instance", "interface", "source", "destination", "packet-source", "packet-destination", "direction", "tcp-flags", "family", "path")
		nat, host := at("eni-nat", "subnet-1", "10.0.0.220"), at("eni-host", "subnet-2", "10.0.1.5")
		host.Instance = "i-1"
		host.Path = func(netip.Addr) string { return "1" }
		d.Set(t.Context(), []*cloud.FlowLog{flowLog("fl-1", cloud.TrafficAll, cloud.KindVPC, "vpc-1", c)}, []Interface{host, nat})
		d.Add([]Flow{
			flow("eni-host", "out", "ACCEPT", 6, "10.0.1.5:1025", "203.0.113.5:80", 1, 60, 2),
			flow("eni-nat", "in", "ACCEPT", 6, "10.0.1.5:1025", "203.0.113.5:80", 1, 60, 2)})
		time.Sleep(time.Second)
		d.Add([]Flow{flow("eni-nat", "out", "ACCEPT", 6, "10.0.0.220:1025", "203.0.113.5:80", 1, 60, 2)})
		time.Sleep(time.Second)
		d.Add([]Flow{flow("eni-nat", "in", "ACCEPT", 6, "203.0.113.5:80", "10.0.0.220:1025", 1, 60, 18)})
		time.Sleep(time.Second)
		d.Add([]Flow{
			flow("eni-nat", "out", "ACCEPT", 6, "203.0.113.5:80", "10.0.1.5:1025", 1, 60, 18),
			flow("eni-host", "in", "ACCEPT", 6, "203.0.113.5:80", "10.0.1.5:1025", 1, 60, 18),
			flow("eni-host", "in", "ACCEPT", 6, "203.0.113.5:80", "10.0.1.5:1025", 1, 60, 17)})
		time.Sleep(time.Minute)
		d.is(t, "fl-1 eni-nat",
			"- eni-nat 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5 ingress 2 IPv4 -",
			"- eni-nat 10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5 egress 2 IPv4 -",
			"- eni-nat 203.0.113.5 10.0.0.220 203.0.113.5 10.0.0.220 ingress 18 IPv4 -",
			"- eni-nat 10.0.0.220 10.0.1.5 203.0.113.5 10.0.1.5 egress 18 IPv4 -")
		d.is(t, "fl-1 eni-host",
			"i-1 eni-host 10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5 egress 2 IPv4 1",
			"i-1 eni-host 203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5 ingress 19 IPv4 -")
	})
}

func TestTrafficTypesAndEnds(t *testing.T) {
	run(t, func(d *desk) {
		c := columns("source", "action", "status")
		logs := []*cloud.FlowLog{
			flowLog("fl-accept", cloud.TrafficAccepted, cloud.KindSubnet, "subnet-1", c),
			flowLog("fl-reject", cloud.TrafficRejected, cloud.KindSubnet, "subnet-1", c)}
		one, two := at("eni-1", "subnet-1", "10.0.0.4"), at("eni-2", "subnet-2", "10.0.1.4")
		d.Set(t.Context(), logs, []Interface{one, two})
		both := []Flow{flow("eni-1", "in", "ACCEPT", 17, "10.0.1.4:9", "10.0.0.4:9", 1, 60, 0), flow("eni-1", "in", "REJECT", 17, "10.0.1.5:9", "10.0.0.4:9", 1, 60, 0)}
		d.Add(both)
		time.Sleep(time.Minute)
		d.is(t, "fl-accept eni-1", "10.0.1.4 ACCEPT OK")
		d.is(t, "fl-reject eni-1", "10.0.1.5 REJECT OK")
		d.is(t, "fl-accept eni-2")

		d.Add(both)
		d.Set(t.Context(), logs[1:], []Interface{one}) // a log is deleted: no more lines
		d.is(t, "fl-accept eni-1")
		d.Set(t.Context(), logs[1:], nil) // an interface is: what there was of it
		d.is(t, "fl-reject eni-1", "10.0.1.5 REJECT OK")
		time.Sleep(2 * time.Minute)
		d.is(t, "fl-reject eni-1")

		d.Set(t.Context(), logs[1:], []Interface{one})
		d.Add(both)
		d.Close(t.Context())
		d.is(t, "fl-reject eni-1", "10.0.1.5 REJECT OK")
		if d.flows != 0 {
			t.Errorf("%d flows are still counted as held", d.flows)
		}
	})
}

func TestTooManyFlows(t *testing.T) {
	run(t, func(d *desk) {
		d.Set(t.Context(), []*cloud.FlowLog{flowLog("fl-1", cloud.TrafficAll, cloud.KindVPC, "vpc-1", columns("status"))}, []Interface{at("eni-1", "subnet-1", "10.0.0.4")})
		for i := range maxWindowFlows + 5 {
			f := flow("eni-1", "out", "ACCEPT", 17, "10.0.0.4:9", "10.0.1.4:9", 1, 60, 0)
			f.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 9)
			d.Add([]Flow{f})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got := d.lines["fl-1 eni-1"]
		if len(got) != maxWindowFlows+1 || got[len(got)-1] != statusSkipped {
			t.Errorf("%d lines, the last %q; want %d and SKIPDATA", len(got), got[len(got)-1], maxWindowFlows+1)
		}
	})
}
