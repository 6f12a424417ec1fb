package linux

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/store"
)

// BenchmarkLease measures a lease of a prepared slot with that many interfaces
// present, and how long one more interface takes from the state to the kernel.
func BenchmarkLease(b *testing.B) {
	for _, n := range []int{10, 1000, 3000} {
		b.Run(fmt.Sprintf("interfaces=%d", n), func(b *testing.B) { benchLease(b, n) })
	}
}

func benchLease(b *testing.B, n int) {
	w := newWorld(b)
	state := store.NewMemory(cloud.Schema())
	m := dataplane.New(dataplane.Config{State: state, Kernel: w.k, Pool: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = m.Run(ctx); close(done) }()
	defer func() { cancel(); <-done; _ = m.Close() }()
	meta := cloud.Meta{Account: "111122223333", Region: "us-east-1"}
	put := func(tx cloud.Tx, i int) {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: eniID(i), VPC: "vpc-1", Subnet: "subnet-1", Use: cloud.UseFunction, SourceDestCheck: true,
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(4 + i/250), byte(4 + i%250)})}, SecurityGroups: []cloud.SecurityGroupID{"sg-1"}})
	}
	settle := func(f func(cloud.Tx)) {
		rev, err := state.Update(ctx, func(tx cloud.Tx) error { f(tx); return nil })
		if err == nil {
			err = m.Settle(ctx, "vpc-1", rev)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	settle(func(tx cloud.Tx) {
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{ID: "a", Prefix: prefix("10.0.0.0/16")}}, DNSSupport: true})
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-1", VPC: "vpc-1"})
		cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-1", VPC: "vpc-1", Main: true})
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-1", VPC: "vpc-1", CIDR: prefix("10.0.0.0/16"), NetworkACL: "acl-1"})
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-1", VPC: "vpc-1"})
		for i := range n {
			put(tx, i)
		}
	})
	full := func(want int) bool { return until(func() bool { return m.Status()[0].Ready >= want }) }
	for !full(n) {
	}
	var more []time.Duration
	for i := range 5 {
		start := time.Now()
		settle(func(tx cloud.Tx) { put(tx, n+i) })
		more = append(more, time.Since(start))
	}
	full(n + 5)
	var took []time.Duration
	i := 0
	for b.Loop() {
		start := time.Now()
		s, err := m.Lease(ctx, eniID(i%n))
		took = append(took, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
		i++
		b.StopTimer()
		s.Close()
		if i%n == 0 {
			full(n + 5)
		}
		b.StartTimer()
	}
	slices.Sort(took)
	slices.Sort(more)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "lease-p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "lease-p99-µs")
	b.ReportMetric(float64(more[len(more)/2].Microseconds())/1e3, "one-more-p50-ms")
}

func eniID(i int) cloud.InterfaceID { return cloud.InterfaceID(fmt.Sprintf("eni-%04d", i)) }

// plainVeth joins two namespaces without anything between them.
func plainVeth(b *testing.B, w *world) (left, right *os.File) {
	var s [2]*space
	for i := range s {
		var err error
		if s[i], err = newSpace(w.threads, fmt.Sprint("plain", i), []dataplane.Sysctl{{Key: "ipv4/tcp_congestion_control", Value: "cubic", Or: "reno"}}, false); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s[i].close)
	}
	link := dataplane.Link{Name: "a", Index: 5, PeerNS: "plain1", Peer: "eth0"}
	if err := s[0].addLink(link, s[1].file); err != nil {
		b.Fatal(err)
	}
	if err := s[1].up("eth0"); err != nil {
		b.Fatal(err)
	}
	for i, addr := range ips("10.99.0.1", "10.99.0.2") {
		other := ips("10.99.0.2", "10.99.0.1")[i]
		index := []int{5, 2}[i]
		c := &dataplane.Change{AddAddrs: []dataplane.Addr{{Link: "x", Addr: addr}}, PutRoutes: []dataplane.Route{{Dest: netip.PrefixFrom(other, 32), Kind: dataplane.Unicast, Link: "x"}}}
		if err := s[i].configure(c, s[i].indexes([]dataplane.Link{{Name: "x", Index: index}})); err != nil {
			b.Fatal(err)
		}
	}
	if err := s[0].ready([]dataplane.Link{link}, nil); err != nil {
		b.Fatal(err)
	}
	return s[0].file, s[1].file
}

// pair connects and gives both ends, blocking.
func (w *world) pair(b *testing.B, from, to *os.File, at netip.AddrPort) (client, server int) {
	sa := &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	var l int
	w.in(to, func() (err error) {
		if l, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err = unix.Bind(l, sa); err != nil {
			return err
		}
		return unix.Listen(l, 1)
	})
	defer unix.Close(l)
	w.in(from, func() (err error) {
		if client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Connect(client, sa)
	})
	server, _, err := unix.Accept(l)
	if err != nil {
		b.Fatal(err)
	}
	for _, fd := range []int{client, server} {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return client, server
}
