package netplan_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// dice makes random states in which references dangle, cross VPCs and clash.
type dice struct{ *rand.Rand }

func (d dice) id(prefix string) string { return fmt.Sprintf("%s-%d", prefix, d.IntN(4)) }

func (d dice) maybe(s string) string {
	if d.IntN(4) == 0 {
		return ""
	}
	return s
}

func (d dice) addr() netip.Addr {
	switch d.IntN(8) {
	case 0:
		return netip.Addr{}
	case 1:
		return netip.MustParseAddr(fmt.Sprintf("2001:db8:1000:%d::%d", d.IntN(3), d.IntN(5)))
	case 2:
		return netip.MustParseAddr(fmt.Sprintf("203.0.113.%d", d.IntN(5)))
	}
	return netip.AddrFrom4([4]byte{10, byte(d.IntN(2)), byte(d.IntN(3)), byte(d.IntN(6))})
}

func (d dice) prefix() netip.Prefix {
	a := d.addr()
	if !a.IsValid() || d.IntN(10) == 0 {
		return netip.Prefix{}
	}
	bits := []int{0, 8, 16, 24, 32, 56, 64, 128}[d.IntN(8)]
	return netip.PrefixFrom(a, min(bits, a.BitLen()))
}

func (d dice) addrs() (out []netip.Addr) {
	for range d.IntN(3) {
		out = append(out, d.addr())
	}
	return out
}

func (d dice) verdict() cloud.Verdict { return []cloud.Verdict{cloud.Allow, cloud.Deny, ""}[d.IntN(3)] }

func (d dice) port() int { return d.IntN(70000) - 2 }

func (d dice) state(tx cloud.Tx) {
	for i := range 2 {
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: cloud.VPCID(fmt.Sprint("vpc-", i)), CIDRs: []cloud.CIDRAssociation{{Prefix: d.prefix()}, {Prefix: pfx("10.0.0.0/16")}},
			CIDRs6: []cloud.CIDRAssociation{{Prefix: d.prefix()}}, DHCPOptions: cloud.DHCPOptionsID(d.maybe(d.id("dopt"))), DNSSupport: true, DNSHostnames: true, PrivateNames: "*", PublicNames: "*"})
	}
	for range 4 {
		d.network(tx)
		d.filters(tx)
	}
}

func (d dice) network(tx cloud.Tx) {
	vpc := cloud.VPCID(d.id("vpc"))
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: cloud.SubnetID(d.id("subnet")), VPC: vpc, CIDR: d.prefix(), CIDRs6: []cloud.CIDRAssociation{{Prefix: d.prefix()}}, NetworkACL: cloud.NetworkACLID(d.maybe(d.id("acl")))})
	t := &cloud.RouteTable{Meta: meta, ID: cloud.RouteTableID(d.id("rtb")), VPC: vpc, Main: d.IntN(2) == 0, Associations: []cloud.RouteTableAssociation{{Subnet: cloud.SubnetID(d.maybe(d.id("subnet")))}}}
	kinds := []cloud.TargetKind{cloud.TargetInternetGateway, cloud.TargetEgressOnlyGateway, cloud.TargetNATGateway, cloud.TargetInterface, cloud.TargetEndpoint, cloud.TargetPeering, cloud.TargetBlackhole, ""}
	names := []string{"igw", "eigw", "nat", "eni", "vpce", "pcx", "none", ""}
	for range d.IntN(6) {
		k := d.IntN(len(kinds))
		r := cloud.Route{Dest: d.prefix(), Target: target(kinds[k], d.id(names[k]))}
		if d.IntN(4) == 0 {
			r.PrefixList = cloud.PrefixListID(d.id("pl"))
		}
		t.Routes = append(t.Routes, r)
	}
	cloud.RouteTables.Put(tx, t)
	cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: cloud.InternetGatewayID(d.id("igw")), VPC: cloud.VPCID(d.maybe(string(vpc)))})
	cloud.EgressOnlyGateways.Put(tx, &cloud.EgressOnlyGateway{Meta: meta, ID: cloud.EgressOnlyGatewayID(d.id("eigw")), VPC: vpc})
	cloud.NATGateways.Put(tx, &cloud.NATGateway{Meta: meta, ID: cloud.NATGatewayID(d.id("nat")), VPC: vpc, Subnet: cloud.SubnetID(d.id("subnet")), Interface: cloud.InterfaceID(d.maybe(d.id("eni")))})
	for range 3 {
		uses := []cloud.InterfaceUse{cloud.UseHost, cloud.UseFunction, cloud.UseNAT, cloud.UseEndpoint, ""}
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: cloud.InterfaceID(d.id("eni")), VPC: vpc, Subnet: cloud.SubnetID(d.id("subnet")), Use: uses[d.IntN(len(uses))], Addrs: d.addrs(), Addrs6: d.addrs(),
			SecurityGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID(d.maybe(d.id("sg"))), cloud.SecurityGroupID(d.maybe(d.id("sg")))}, PublicIP: d.addr(), SourceDestCheck: d.IntN(2) == 0})
		cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: cloud.AllocationID(d.id("eipalloc")), Addr: d.addr(), Interface: cloud.InterfaceID(d.maybe(d.id("eni"))), Private: d.addr()})
	}
	cloud.Endpoints.Put(tx, &cloud.Endpoint{Meta: meta, ID: cloud.EndpointID(d.id("vpce")), VPC: vpc, Gateway: d.IntN(2) == 0, Service: "s", RouteTables: []cloud.RouteTableID{cloud.RouteTableID(d.id("rtb"))}})
}

func (d dice) filters(tx cloud.Tx) {
	vpc := cloud.VPCID(d.id("vpc"))
	g := &cloud.SecurityGroup{Meta: meta, ID: cloud.SecurityGroupID(d.id("sg")), VPC: vpc}
	a := &cloud.NetworkACL{Meta: meta, ID: cloud.NetworkACLID(d.id("acl")), VPC: vpc, Default: d.IntN(2) == 0}
	l := &cloud.PrefixList{Meta: cloud.Meta{Region: meta.Region}, ID: cloud.PrefixListID(d.id("pl")), Name: "s"}
	for i := range d.IntN(6) {
		proto := []int{-1, 1, 6, 17, 58, 47}[d.IntN(6)]
		g.Rules = append(g.Rules, cloud.SecurityGroupRule{ID: fmt.Sprint("sgr-", i), Egress: d.IntN(2) == 0, Protocol: proto, From: d.port(), To: d.port(), Prefix: d.prefix(),
			Group: cloud.SecurityGroupID([]string{"", d.id("sg")}[d.IntN(2)]), PrefixList: cloud.PrefixListID([]string{"", d.id("pl")}[d.IntN(2)]), Action: d.verdict(), Priority: d.IntN(2)})
		a.Entries = append(a.Entries, cloud.NetworkACLEntry{Number: d.IntN(1000)*10 + i, Egress: d.IntN(2) == 0, Protocol: proto, Action: d.verdict(), Prefix: d.prefix(), From: d.port(), To: d.port(), ICMPType: d.IntN(5) - 1, ICMPCode: -1})
		l.Entries = append(l.Entries, cloud.PrefixListEntry{Prefix: d.prefix()})
	}
	cloud.SecurityGroups.Put(tx, g)
	cloud.NetworkACLs.Put(tx, a)
	cloud.PrefixLists.Put(tx, l)
}

// shuffle reorders every list whose order means nothing.
func (d dice) shuffle(tx cloud.Tx) {
	for g := range cloud.SecurityGroups.All(tx) {
		edit(tx, cloud.SecurityGroups, g.ID, func(g *cloud.SecurityGroup) { g.Rules = shuffled(d, g.Rules) })
	}
	for a := range cloud.NetworkACLs.All(tx) {
		edit(tx, cloud.NetworkACLs, a.ID, func(a *cloud.NetworkACL) { a.Entries = shuffled(d, a.Entries) })
	}
	for r := range cloud.RouteTables.All(tx) {
		edit(tx, cloud.RouteTables, r.ID, func(r *cloud.RouteTable) {
			r.Routes, r.Associations = shuffled(d, r.Routes), shuffled(d, r.Associations)
		})
	}
	for l := range cloud.PrefixLists.All(tx) {
		edit(tx, cloud.PrefixLists, l.ID, func(l *cloud.PrefixList) { l.Entries = append(shuffled(d, l.Entries), l.Entries...) })
	}
	for e := range cloud.Interfaces.All(tx) {
		edit(tx, cloud.Interfaces, e.ID, func(e *cloud.Interface) {
			e.SecurityGroups = append(shuffled(d, e.SecurityGroups), e.SecurityGroups...)
		})
	}
}

func shuffled[T any](d dice, s []T) []T {
	s = slices.Clone(s)
	d.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	return s
}

// TestOrder: the same state, written in another order, gives the same plan.
func TestOrder(t *testing.T) {
	for seed := range uint64(200) {
		d := dice{rand.New(rand.NewPCG(seed, 1))}
		first := state(t, d.state)
		again := dice{rand.New(rand.NewPCG(seed, 1))}
		second := state(t, again.state, d.shuffle)
		for _, id := range netplan.VPCs(first) {
			p, q := netplan.Compile(first, id), netplan.Compile(second, id)
			if !p.Equal(q) {
				t.Fatalf("seed %d, %s: the order matters\n%s\n%s", seed, id, dump(t, p), dump(t, q))
			}
		}
	}
}

func FuzzCompile(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		v := state(t, dice{rand.New(rand.NewPCG(seed, 2))}.state)
		for _, id := range netplan.VPCs(v) {
			whole(t, netplan.Compile(v, id))
		}
	})
}

// whole checks what readers of a plan rely on.
func whole(t *testing.T, p *netplan.Plan) {
	t.Helper()
	tables, acls, profiles := map[cloud.RouteTableID]bool{}, map[cloud.NetworkACLID]bool{}, map[netplan.ProfileKey]bool{}
	subnets, addrs := map[cloud.SubnetID]netplan.Subnet{}, map[netip.Addr]bool{}
	for _, x := range p.Tables {
		tables[x.ID] = true
		routes(t, p, x)
	}
	for _, x := range p.ACLs {
		acls[x.ID] = true
		for _, l := range slices.Concat(x.In, x.Out) {
			if !l.Prefix.IsValid() || len(l.Source) == 0 {
				t.Errorf("ACL line %+v", l)
			}
		}
	}
	for _, x := range p.Profiles {
		profiles[x.Key] = true
	}
	for _, x := range p.Profiles {
		for _, r := range slices.Concat(x.In, x.Out) {
			if r.Prefix.IsValid() == (len(r.Peers) > 0) || len(r.Source) == 0 || r.To < r.From && r.Protocol != 1 && r.Protocol != 58 {
				t.Errorf("rule %+v", r)
			}
			for _, k := range r.Peers {
				if !profiles[k] {
					t.Errorf("rule %+v names no profile", r)
				}
			}
		}
	}
	for _, s := range p.Subnets {
		subnets[s.ID] = s
		if !tables[s.Table] || !acls[s.ACL] {
			t.Errorf("subnet %+v without table or ACL", s)
		}
	}
	for _, e := range p.ENIs {
		s, ok := subnets[e.Subnet]
		if !ok || (e.Attach == netplan.AttachNAT) != (e.Profile == "") || e.Profile != "" && !profiles[e.Profile] || len(e.Addrs) == 0 {
			t.Errorf("interface %+v", e)
		}
		for _, a := range e.Addrs {
			if addrs[a] || !s.CIDR4.Contains(a) && !s.CIDR6.Contains(a) {
				t.Errorf("interface %s: address %s", e.ID, a)
			}
			addrs[a] = true
		}
	}
	if p.Gateway != nil {
		for _, a := range p.Gateway.Public {
			if !addrs[a.Private] || !a.Private.Is4() || !a.Public.Is4() {
				t.Errorf("public address %+v", a)
			}
		}
	}
}

func routes(t *testing.T, p *netplan.Plan, x netplan.RouteTable) {
	t.Helper()
	seen := map[netip.Prefix]bool{}
	for _, r := range x.Routes {
		bad := seen[r.Dest] || r.Dest != r.Dest.Masked() || len(r.Source) == 0
		switch r.Hop {
		case netplan.HopNAT, netplan.HopENI:
			bad = bad || p.ENI(r.ENI) == nil || (r.Hop == netplan.HopNAT) && p.ENI(r.ENI).Attach != netplan.AttachNAT
		case netplan.HopInternet:
			bad = bad || p.Gateway == nil || string(p.Gateway.ID) != r.Target || r.Target == ""
		case netplan.HopEgressOnly:
			bad = bad || p.Gateway == nil || r.Dest.Addr().Is4()
		case netplan.HopBlackhole:
			bad = bad || r.Why == ""
		}
		if bad {
			t.Errorf("table %s: route %+v", x.ID, r)
		}
		seen[r.Dest] = true
	}
}

// big is a VPC with n function interfaces in 20 groups.
func big(n int) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		for i := range 20 {
			id := cloud.SecurityGroupID(fmt.Sprintf("sg-%02d", i))
			g := &cloud.SecurityGroup{Meta: meta, ID: id, VPC: "vpc-1"}
			for j := range 10 {
				g.Rules = append(g.Rules,
					cloud.SecurityGroupRule{ID: fmt.Sprint("a", j), Protocol: 6, From: j, To: j, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(j), 0}), 24), Action: cloud.Allow},
					cloud.SecurityGroupRule{ID: fmt.Sprint("b", j), Egress: true, Protocol: 6, From: j, To: j, Group: cloud.SecurityGroupID(fmt.Sprintf("sg-%02d", j)), Action: cloud.Allow})
			}
			cloud.SecurityGroups.Put(tx, g)
		}
		edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.CIDRs = append(v.CIDRs, cloud.CIDRAssociation{Prefix: pfx("10.64.0.0/16")}) })
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-big", VPC: "vpc-1", CIDR: pfx("10.64.0.0/16")})
		for i := range n {
			cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: cloud.InterfaceID(fmt.Sprintf("eni-%05d", i)), VPC: "vpc-1", Subnet: "subnet-big", Use: cloud.UseFunction,
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 64, byte(i / 200), byte(i%200 + 10)})}, SecurityGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID(fmt.Sprintf("sg-%02d", i%20))}})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	v := state(b, small, big(3000))
	for b.Loop() {
		netplan.Compile(v, "vpc-1")
	}
}

func BenchmarkEqual(b *testing.B) {
	v := state(b, small, big(3000))
	p, q := netplan.Compile(v, "vpc-1"), netplan.Compile(v, "vpc-1")
	for b.Loop() {
		if !p.Equal(q) {
			b.Fatal("differ")
		}
	}
}
