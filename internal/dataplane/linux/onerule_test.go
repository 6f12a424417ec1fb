package linux

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
	"weir/internal/store"
)

var meta = cloud.Meta{Account: "111122223333", Region: "us-east-1"}

// crowd is a VPC of n hosts in ten groups, one of whose rules changes.
type crowd struct {
	b     *testing.B
	state *store.Store
}

const crowdGroups = 10

func newCrowd(b *testing.B, n int) *crowd {
	c := &crowd{b, store.NewMemory(cloud.Schema())}
	c.update(func(tx cloud.Tx) {
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{ID: "a", Prefix: prefix("10.0.0.0/16")}}, DNSSupport: true})
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-1", VPC: "vpc-1"})
		cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-1", VPC: "vpc-1", Main: true})
		for i := range 16 {
			cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: cloud.SubnetID(fmt.Sprint("subnet-", i)), VPC: "vpc-1", NetworkACL: "acl-1",
				CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(16 * i), 0}), 20)})
		}
		for i := range n {
			k := i / 250
			cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: eniID(i), VPC: "vpc-1", Subnet: cloud.SubnetID(fmt.Sprint("subnet-", k%16)), Use: cloud.UseHost, SourceDestCheck: true,
				Addrs:          []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(16*(k%16) + k/16), byte(4 + i%250)})},
				SecurityGroups: []cloud.SecurityGroupID{crowdGroup(i % crowdGroups)}})
		}
	})
	for i := range crowdGroups {
		c.rules(i, 0)
	}
	return c
}

func crowdGroup(i int) cloud.SecurityGroupID { return cloud.SecurityGroupID(fmt.Sprint("sg-", i)) }

func (c *crowd) update(f func(cloud.Tx)) uint64 {
	rev, err := c.state.Update(context.Background(), func(tx cloud.Tx) error { f(tx); return nil })
	if err != nil {
		c.b.Fatal(err)
	}
	return rev
}

// rules gives a group 50 rules, one of which names a port.
func (c *crowd) rules(group, port int) uint64 {
	g := &cloud.SecurityGroup{Meta: meta, ID: crowdGroup(group), VPC: "vpc-1"}
	add := func(i, from, to int, p string) {
		g.Rules = append(g.Rules, cloud.SecurityGroupRule{ID: fmt.Sprint("sgr-", group, "-", i), Action: cloud.Allow, Protocol: 6, From: from, To: to, Prefix: prefix(p)})
	}
	add(0, 10000+port, 10000+port, "0.0.0.0/0")
	for i := 1; i < 50; i++ {
		add(i, i, i, fmt.Sprintf("10.0.%d.0/24", i))
	}
	return c.update(func(tx cloud.Tx) { cloud.SecurityGroups.Put(tx, g) })
}

// BenchmarkOneRule changes one rule of a security group in a VPC of 3,000
// interfaces: from the state to the kernel, and what each step of that takes.
func BenchmarkOneRule(b *testing.B) {
	w := newWorld(b)
	c := newCrowd(b, 3000)
	ctx := context.Background()
	numbers := dataplane.NewNumbers(1)
	have := dataplane.Lower(netplan.Compile(c.state.View(), "vpc-1"), numbers)
	if err := w.k.Apply(ctx, have); err != nil {
		b.Fatal(err)
	}
	took := map[string][]time.Duration{}
	i := 0
	for b.Loop() {
		i++
		c.rules(i%crowdGroups, i)
		clock := time.Now()
		lap := func(step string) {
			took[step] = append(took[step], time.Since(clock))
			clock = time.Now()
		}
		start := clock
		p := netplan.Compile(c.state.View(), "vpc-1")
		lap("compile")
		n := dataplane.Lower(p, numbers)
		lap("lower")
		if err := w.k.Apply(ctx, n); err != nil {
			b.Fatal(err)
		}
		lap("apply")
		took["all"] = append(took["all"], time.Since(start))
		if _, err := dataplane.Diff(have, n); err != nil {
			b.Fatal(err)
		}
		lap("diff")
		have = n
	}
	for step, list := range took {
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)/2].Microseconds())/1e3, step+"-p50-ms")
		b.ReportMetric(float64(list[0].Microseconds())/1e3, step+"-min-ms")
	}
}
