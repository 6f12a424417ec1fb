package dataplane

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/store"
)

// rig is a Manager on a state in memory and a Kernel that only remembers.
type rig struct {
	t     *testing.T
	m     *Manager
	k     *Memory
	state *store.Store
}

func newRig(t *testing.T, c Config) *rig {
	t.Helper()
	r := &rig{t: t, k: NewMemory(), state: store.NewMemory(cloud.Schema())}
	c.State, c.Kernel = r.state, r.k
	r.m = New(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := r.m.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) update(f func(tx cloud.Tx)) uint64 {
	r.t.Helper()
	rev, err := r.state.Update(context.Background(), func(tx cloud.Tx) error { f(tx); return nil })
	if err != nil {
		r.t.Fatal(err)
	}
	return rev
}

func (r *rig) settle(id cloud.VPCID, rev uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return r.m.Settle(ctx, id, rev)
}

// wait waits for what the Manager does in the background.
func (r *rig) wait(what string, f func() bool) {
	r.t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%s: not within 5 s", what)
		}
	}
}

// vpc puts a VPC with a subnet, and an interface of each use.
func putVPC(tx cloud.Tx, uses ...cloud.InterfaceUse) {
	meta := cloud.Meta{Account: "111122223333", Region: "us-east-1"}
	cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{ID: "a", Prefix: netip.MustParsePrefix("10.0.0.0/16")}}, DNSSupport: true})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-1", VPC: "vpc-1"})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-1", VPC: "vpc-1", Main: true})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-1", VPC: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/24"), NetworkACL: "acl-1"})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-1", VPC: "vpc-1"})
	for i, u := range uses {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: cloud.InterfaceID("eni-" + string(u)), VPC: "vpc-1", Subnet: "subnet-1", Use: u,
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(10 + i)})}, SecurityGroups: []cloud.SecurityGroupID{"sg-1"}, SourceDestCheck: true})
	}
}

func TestManagerFollowsState(t *testing.T) {
	var told atomic.Int32
	r := newRig(t, Config{Applied: func(_ context.Context, _ cloud.VPCID, p *netplan.Plan) {
		if p == nil {
			told.Add(-1)
		} else {
			told.Add(1)
		}
	}})
	rev := r.update(func(tx cloud.Tx) { putVPC(tx) })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	if r.k.Network("vpc-1") != nil || len(r.m.Status()) != 0 {
		t.Error("a VPC without interfaces has a network")
	}
	rev = r.update(func(tx cloud.Tx) { putVPC(tx, cloud.UseFunction) })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	if n := r.k.Network("vpc-1"); n == nil || len(n.Namespaces) != 2 {
		t.Fatalf("after Settle the network is %+v, want a router and an interface", n)
	}
	if told.Load() != 1 || r.m.Plan("vpc-1") == nil {
		t.Errorf("Applied was called %d times before Settle returned, want once", told.Load())
	}
	rev = r.update(func(tx cloud.Tx) { cloud.Interfaces.Delete(tx, "eni-function"); cloud.VPCs.Delete(tx, "vpc-1") })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	if r.k.Network("vpc-1") != nil || told.Load() != 0 {
		t.Errorf("a deleted VPC still has a network, or its sockets (%d)", told.Load())
	}
}

func TestManagerRetries(t *testing.T) {
	r := newRig(t, Config{})
	broken := errors.New("no more links")
	var fail atomic.Bool
	fail.Store(true)
	r.k.Fail = func(cloud.VPCID) error {
		if fail.Load() {
			return broken
		}
		return nil
	}
	rev := r.update(func(tx cloud.Tx) { putVPC(tx, cloud.UseFunction) })
	if err := r.settle("vpc-1", rev); !errors.Is(err, broken) {
		t.Errorf("Settle gives %v, want why it failed", err)
	}
	if st := r.m.Status(); len(st) != 1 || !errors.Is(st[0].Err, broken) {
		t.Errorf("status is %+v, want the error", st)
	}
	fail.Store(false)
	r.wait("another attempt", func() bool { return r.k.Network("vpc-1") != nil })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Error(err)
	}
}

func TestLeaseShared(t *testing.T) {
	r := newRig(t, Config{Pool: 3})
	ctx := context.Background()
	if _, err := r.m.Lease(ctx, "eni-function"); !cloud.IsKind(err, cloud.Unavailable) {
		t.Errorf("leasing an interface that is not there gives %v", err)
	}
	rev := r.update(func(tx cloud.Tx) { putVPC(tx, cloud.UseFunction) })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	r.wait("a full pool", func() bool { return r.k.Slots() == 3 })
	seen := map[netip.Addr]bool{}
	var slots []*Slot
	for range 5 { // more than are ready
		s, err := r.m.Lease(ctx, "eni-function")
		if err != nil {
			t.Fatal(err)
		}
		if seen[s.Addrs[0]] || s.NetNS == nil || len(s.Resolvers) != 1 || s.Resolvers[0].String() != "10.0.0.2" {
			t.Errorf("slot %+v: address used twice, no namespace, or not the VPC's resolver", s)
		}
		seen[s.Addrs[0]] = true
		slots = append(slots, s)
	}
	r.wait("the pool to be filled again", func() bool { return r.k.Slots() == 8 })
	for _, s := range slots {
		s.Close()
		s.Close() // a second time is nothing
	}
	r.wait("the slots to be taken down", func() bool { return r.k.Slots() == 3 })
	if st := r.m.Status()[0]; st.Leased != 0 || st.Ready != 3 {
		t.Errorf("status is %+v, want 3 ready and none leased", st)
	}
}

func TestLeaseDirect(t *testing.T) {
	r := newRig(t, Config{})
	ctx := context.Background()
	rev := r.update(func(tx cloud.Tx) { putVPC(tx, cloud.UseHost) })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	first := r.k.Network("vpc-1").Namespaces[1].Name
	s, err := r.m.Lease(ctx, "eni-host")
	if err != nil {
		t.Fatal(err)
	}
	if s.Addrs[0].String() != "10.0.0.10" {
		t.Errorf("address is %v, want the interface's", s.Addrs)
	}
	if _, err := r.m.Lease(ctx, "eni-host"); !cloud.IsKind(err, cloud.InUse) {
		t.Errorf("a second lease gives %v, want in use", err)
	}
	s.Close()
	r.wait("a new namespace", func() bool { return r.k.Network("vpc-1").Namespaces[1].Name != first })
	r.wait("the next lease", func() bool {
		s, err := r.m.Lease(ctx, "eni-host")
		if err == nil {
			s.Close()
		}
		return err == nil
	})
}

func TestDropsAreBlamed(t *testing.T) {
	r := newRig(t, Config{})
	start := time.Now()
	rev := r.update(func(tx cloud.Tx) { putVPC(tx, cloud.UseFunction, cloud.UseHost) })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	n := r.k.Network("vpc-1")
	num := map[cloud.InterfaceID]int{}
	for i, id := range n.ENIs {
		num[id] = i
	}
	// UDP from 10.0.0.10:4000 to 10.0.0.11:53
	head := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 10, 10, 0, 0, 11, 0x0f, 0xa0, 0, 53, 0, 8, 0, 0}
	var rule string
	for prefix := range n.Refs {
		if strings.HasPrefix(prefix, "sg-out") {
			rule = prefix
		}
	}
	for range 100 {
		r.k.Drop(Packet{VPC: "vpc-1", Namespace: Router, Time: time.Now(), Prefix: rule, In: num["eni-function"], Out: num["eni-host"], Head: head})
	}
	for _, id := range []cloud.InterfaceID{"eni-function", "eni-host"} {
		drops := r.m.Drops(id, start)
		if len(drops) != 64 {
			t.Fatalf("%s remembers %d drops, want the newest 64", id, len(drops))
		}
		d := drops[0]
		if d.Stage != netplan.StageGroupOut || d.Proto != 17 || d.Src.String() != "10.0.0.10:4000" || d.Dst.String() != "10.0.0.11:53" {
			t.Errorf("drop is %+v", d)
		}
		if len(d.From) != 1 || d.From[0].ID != "sg-1" {
			t.Errorf("blamed on %v, want sg-1", d.From)
		}
	}
	head[16], head[17] = 8, 8 // no route to 8.8.0.11
	r.k.Drop(Packet{VPC: "vpc-1", Namespace: Router, Time: time.Now(), Prefix: "no-route", Mark: 0x10001, In: num["eni-function"], Head: head})
	drops := r.m.Drops("eni-function", start)
	if d := drops[len(drops)-1]; len(d.From) != 1 || d.From[0].ID != "rtb-1" {
		t.Errorf("no route is blamed on %v, want rtb-1", d.From)
	}
	if got := r.m.Drops("eni-function", time.Now().Add(time.Hour)); len(got) != 0 {
		t.Errorf("%d drops from the future", len(got))
	}
}
