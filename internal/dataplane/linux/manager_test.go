package linux

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
	"weir/internal/store"
)

func TestCheck(t *testing.T) {
	newWorld(t) // skips where nothing is permitted
	if problems := Check(); len(problems) > 0 {
		t.Errorf("this machine will not do: %q", problems)
	}
}

// From the state to packets: a function's drop names its route table, then its
// group, and a change of the state is in place when Settle returns.
func TestManager(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state := store.NewMemory(cloud.Schema())
	m := dataplane.New(dataplane.Config{State: state, Kernel: w.k})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = m.Run(ctx); close(done) }()
	defer func() { cancel(); <-done; _ = m.Close() }()

	meta := cloud.Meta{Account: "111122223333", Region: "us-east-1"}
	update := func(f func(cloud.Tx)) {
		t.Helper()
		rev, err := state.Update(ctx, func(tx cloud.Tx) error { f(tx); return nil })
		if err == nil {
			err = m.Settle(ctx, "vpc-1", rev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	open := []cloud.NetworkACLEntry{{Number: 100, Action: cloud.Allow, Protocol: -1, Prefix: all4, From: -1, To: -1}}
	out := append([]cloud.NetworkACLEntry(nil), open...)
	out[0].Egress = true
	everything := cloud.SecurityGroupRule{ID: "sgr-1", Action: cloud.Allow, Egress: true, Protocol: -1, From: -1, To: -1, Prefix: all4}
	table := cloud.RouteTable{Meta: meta, ID: "rtb-1", VPC: "vpc-1", Main: true}
	eni := cloud.Interface{Meta: meta, ID: "eni-1", VPC: "vpc-1", Subnet: "subnet-1", Use: cloud.UseFunction, Addrs: ips("10.0.0.10"), SecurityGroups: []cloud.SecurityGroupID{"sg-1"}, SourceDestCheck: true}
	update(func(tx cloud.Tx) {
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{ID: "a", Prefix: prefix("10.0.0.0/16")}}, DNSSupport: true})
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-1", VPC: "vpc-1", Entries: append(open, out...)})
		cloud.RouteTables.Put(tx, &table)
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-1", VPC: "vpc-1", CIDR: prefix("10.0.0.0/24"), NetworkACL: "acl-1"})
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-1", VPC: "vpc-1", Rules: []cloud.SecurityGroupRule{everything}})
		cloud.Interfaces.Put(tx, &eni)
	})
	slot, err := m.Lease(ctx, "eni-1")
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	blamed := func(what string, stage netplan.Stage, id string) {
		t.Helper()
		start := time.Now()
		w.seen(what, w.tcp(slot.NetNS, "198.51.100.7:80"), "")
		var drops []dataplane.Drop
		until(func() bool { drops = m.Drops("eni-1", start); return len(drops) > 0 })
		if len(drops) == 0 {
			t.Fatalf("%s: no drop is known", what)
		}
		d := drops[0]
		if d.Stage != stage || len(d.From) == 0 || d.From[0].ID != id || d.Dst != netip.MustParseAddrPort("198.51.100.7:80") {
			t.Errorf("%s: dropped at %s by %v, to %s; want stage %s by %s", what, d.Stage, d.From, d.Dst, stage, id)
		}
	}
	blamed("no route", netplan.StageNoRoute, "rtb-1")
	update(func(tx cloud.Tx) {
		cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-1", VPC: "vpc-1"})
		table := table
		table.Routes = []cloud.Route{{Dest: all4, Target: cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: "igw-1"}}}
		cloud.RouteTables.Put(tx, &table)
	})
	blamed("no public address", netplan.StageNoPublicIP, "eni-1")
	update(func(tx cloud.Tx) {
		cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: "eipalloc-1", Addr: ip("203.0.113.5"), AssocID: "a", Interface: "eni-1", Private: ip("10.0.0.10")})
	})
	w.seen("with an elastic IP", w.tcp(slot.NetNS, "198.51.100.7:80"), "203.0.113.5")
	update(func(tx cloud.Tx) {
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-1", VPC: "vpc-1"})
	})
	blamed("no rule", netplan.StageGroupOut, "sg-1")
}

// Many instances come and go at once, each with traffic.
func TestChurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state := store.NewMemory(cloud.Schema())
	m := dataplane.New(dataplane.Config{State: state, Kernel: w.k, Pool: 4})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = m.Run(ctx); close(done) }()
	defer func() { cancel(); <-done; _ = m.Close() }()
	meta := cloud.Meta{Account: "111122223333", Region: "us-east-1"}
	rev, err := state.Update(ctx, func(tx cloud.Tx) error {
		all := cloud.NetworkACLEntry{Number: 100, Action: cloud.Allow, Protocol: -1, Prefix: all4, From: -1, To: -1}
		out := all
		out.Egress = true
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{ID: "a", Prefix: prefix("10.0.0.0/16")}}, DNSSupport: true})
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-1", VPC: "vpc-1", Entries: []cloud.NetworkACLEntry{all, out}})
		cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-1", VPC: "vpc-1"})
		cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-1", VPC: "vpc-1", Main: true, Routes: []cloud.Route{{Dest: all4, Target: cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: "igw-1"}}}})
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-1", VPC: "vpc-1", CIDR: prefix("10.0.0.0/24"), NetworkACL: "acl-1"})
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-1", VPC: "vpc-1", Rules: []cloud.SecurityGroupRule{
			{ID: "sgr-1", Action: cloud.Allow, Egress: true, Protocol: -1, From: -1, To: -1, Prefix: all4}}})
		for i, id := range []cloud.InterfaceID{"eni-1", "eni-2"} {
			cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: id, VPC: "vpc-1", Subnet: "subnet-1", Use: cloud.UseFunction, SourceDestCheck: true,
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(10 + i)})}, SecurityGroups: []cloud.SecurityGroupID{"sg-1"},
				PublicIP: netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + i)})})
		}
		return nil
	})
	if err == nil {
		err = m.Settle(ctx, "vpc-1", rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 6 {
		all.Go(func() {
			id, want := cloud.InterfaceID(fmt.Sprintf("eni-%d", 1+g%2)), fmt.Sprintf("203.0.113.%d", 10+g%2)
			for range 15 {
				s, err := m.Lease(ctx, id)
				if err != nil {
					t.Error(err)
					return
				}
				w.seen("a fresh instance", w.tcp(s.NetNS, "198.51.100.7:80"), want)
				s.Close()
			}
		})
	}
	all.Wait()
	if !until(func() bool { st := m.Status(); return st[0].Leased == 0 && st[0].Ready == 8 }) {
		t.Errorf("in the end: %+v, want none leased and 8 ready", m.Status())
	}
}
