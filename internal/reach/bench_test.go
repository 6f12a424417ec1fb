package reach_test

import (
	"fmt"
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// large is a VPC of n hosts in 16 private subnets, with lists distinct lists of
// security groups whose rules name prefixes and each other.
func large(tb testing.TB, n, lists int) *netplan.Plan {
	tb.Helper()
	return plan(tb, func(tx cloud.Tx) {
		edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) {
			v.CIDRs = append(v.CIDRs, cloud.CIDRAssociation{Prefix: pfx("10.1.0.0/16")})
		})
		var associations []cloud.RouteTableAssociation
		for i := range 16 {
			id := cloud.SubnetID(fmt.Sprintf("subnet-%02d", i))
			cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: id, VPC: "vpc-1", Zone: "us-east-1a", CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(16 * i), 0}), 20), NetworkACL: "acl-priv"})
			associations = append(associations, cloud.RouteTableAssociation{Subnet: id})
		}
		edit(tx, cloud.RouteTables, "rtb-priv", func(t *cloud.RouteTable) { t.Associations = append(t.Associations, associations...) })
		group := func(i int) cloud.SecurityGroupID { return cloud.SecurityGroupID(fmt.Sprintf("sg-%04d", i)) }
		for i := range lists {
			g := &cloud.SecurityGroup{Meta: meta, ID: group(i), VPC: "vpc-1", Rules: []cloud.SecurityGroupRule{
				allow("out", true, -1, -1, -1, "0.0.0.0/0"), allow("web", false, 6, 443, 443, fmt.Sprintf("10.1.%d.0/24", i%256)), allow("ssh", false, 6, 22, 22, "10.0.0.0/8"),
				{ID: "next", Protocol: 6, From: 443, To: 443, Group: group((i + 1) % lists), Action: cloud.Allow},
				{ID: "own", Protocol: 6, From: 5432, To: 5432, Group: group(i), Action: cloud.Allow},
			}}
			cloud.SecurityGroups.Put(tx, g)
		}
		for i := range n {
			cloud.Interfaces.Put(tx, &cloud.Interface{
				Meta: meta, ID: cloud.InterfaceID(fmt.Sprintf("eni-%05d", i)), VPC: "vpc-1", Subnet: cloud.SubnetID(fmt.Sprintf("subnet-%02d", i%16)), Use: cloud.UseHost,
				SourceDestCheck: true, SecurityGroups: []cloud.SecurityGroupID{group(i % lists)}, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(16*(i%16) + i/16/250), byte(4 + i/16%250)})},
			})
		}
	})
}

// BenchmarkMatrix asks about all pairs of 1,000 interfaces, given the plan:
// of a VPC with 20 lists of security groups, and of one in which every
// interface has a list of its own, so that none can be grouped.
func BenchmarkMatrix(b *testing.B) {
	for _, lists := range []int{20, 1000} {
		p := large(b, 1000, lists)
		b.Run(fmt.Sprintf("lists=%d", lists), func(b *testing.B) {
			groups := 0
			for b.Loop() {
				groups = len(reach.New(p).Matrix(reach.MatrixQuery{Protocol: 6, Port: 443, Internet: ip(site)}).Groups)
			}
			b.ReportMetric(float64(groups), "groups")
		})
	}
}

// BenchmarkExplain asks one question in a VPC of 10,000 interfaces: with full
// texts and path, reachable and not; and prepares such a plan for questions.
func BenchmarkExplain(b *testing.B) {
	p := large(b, 10000, 100)
	x := reach.New(p)
	b.Run("reachable", func(b *testing.B) {
		for b.Loop() {
			if a := x.Explain(reach.Query{From: "eni-00007", To: ip(site), Port: 443}); !a.Reachable {
				b.Fatal(a.Text)
			}
		}
	})
	b.Run("refused", func(b *testing.B) {
		for b.Loop() {
			if a := x.Explain(reach.Query{From: "eni-00007", To: ip("10.1.16.9"), Port: 8080}); a.Code != "ENI_SG_RULES_MISMATCH" {
				b.Fatal(a.Text)
			}
		}
	})
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			reach.New(p)
		}
	})
}
