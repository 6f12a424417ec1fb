package reach_test

import (
	"context"
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/store"
)

const account, region = "123456789012", "us-east-1"

var meta = cloud.Meta{Account: account, Region: region}

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr    { return netip.MustParseAddr(s) }

func cidr6(s string) []cloud.CIDRAssociation { return []cloud.CIDRAssociation{{Prefix: pfx(s)}} }

// edit changes one resource.
func edit[K ~string, T any](tx cloud.Tx, t *cloud.Table[K, T], key K, f func(*T)) {
	r, ok := t.Get(tx, key)
	if !ok {
		panic("no " + string(key))
	}
	c := *r
	f(&c)
	t.Put(tx, &c)
}

func route(dest string, kind cloud.TargetKind, id string) cloud.Route {
	return cloud.Route{Dest: pfx(dest), Target: cloud.RouteTarget{Kind: kind, ID: id}}
}

func allow(id string, egress bool, proto, from, to int, prefix string) cloud.SecurityGroupRule {
	return cloud.SecurityGroupRule{ID: id, Egress: egress, Protocol: proto, From: from, To: to, Prefix: pfx(prefix), Action: cloud.Allow}
}

func line(number int, egress bool, proto, from, to int, action cloud.Verdict, prefix string) cloud.NetworkACLEntry {
	return cloud.NetworkACLEntry{Number: number, Egress: egress, Protocol: proto, From: from, To: to, ICMPType: -1, ICMPCode: -1, Action: action, Prefix: pfx(prefix)}
}

// openACL is the vendor's default ACL of a dual-stack VPC.
func openACL() []cloud.NetworkACLEntry {
	return []cloud.NetworkACLEntry{
		line(100, false, -1, 0, 0, cloud.Allow, "0.0.0.0/0"), line(101, false, -1, 0, 0, cloud.Allow, "::/0"),
		line(100, true, -1, 0, 0, cloud.Allow, "0.0.0.0/0"), line(101, true, -1, 0, 0, cloud.Allow, "::/0"),
	}
}

// base is the vendor's "VPC and more": a public subnet with an internet
// gateway and a NAT gateway, a private one that uses it, and a dark one with
// the main table, local routes alone.
//
//	subnet-pub  10.0.0.0/24  eni-nat .5 (203.0.113.5), eni-pubfn .10 (function), eni-web .20 (203.0.113.20)
//	subnet-priv 10.0.1.0/24  eni-fn .10 (function), eni-db .20, eni-box .30 (forwards)
//	subnet-dark 10.0.2.0/24  eni-dark .20
func base(tx cloud.Tx) {
	cloud.VPCs.Put(tx, &cloud.VPC{
		Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{Prefix: pfx("10.0.0.0/16")}}, CIDRs6: cidr6("2001:db8:1000::/56"),
		DNSSupport: true, DNSHostnames: true, PrivateNames: "ip-*.ec2.internal", PublicNames: "ec2-*.compute-1.amazonaws.com",
	})
	subnet := func(id cloud.SubnetID, v4, v6 string) {
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: id, VPC: "vpc-1", Zone: "us-east-1a", CIDR: pfx(v4), CIDRs6: cidr6(v6), NetworkACL: cloud.NetworkACLID("acl-" + id[len("subnet-"):])})
	}
	subnet("subnet-pub", "10.0.0.0/24", "2001:db8:1000::/64")
	subnet("subnet-priv", "10.0.1.0/24", "2001:db8:1000:1::/64")
	subnet("subnet-dark", "10.0.2.0/24", "2001:db8:1000:2::/64")
	for _, id := range []cloud.NetworkACLID{"acl-pub", "acl-priv", "acl-dark"} {
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: id, VPC: "vpc-1", Entries: openACL()})
	}
	cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-1", VPC: "vpc-1"})
	cloud.EgressOnlyGateways.Put(tx, &cloud.EgressOnlyGateway{Meta: meta, ID: "eigw-1", VPC: "vpc-1"})
	cloud.NATGateways.Put(tx, &cloud.NATGateway{Meta: meta, ID: "nat-1", VPC: "vpc-1", Subnet: "subnet-pub", Interface: "eni-nat"})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-main", VPC: "vpc-1", Main: true})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{
		Meta: meta, ID: "rtb-pub", VPC: "vpc-1", Associations: []cloud.RouteTableAssociation{{Subnet: "subnet-pub"}},
		Routes: []cloud.Route{route("0.0.0.0/0", cloud.TargetInternetGateway, "igw-1"), route("::/0", cloud.TargetInternetGateway, "igw-1")},
	})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{
		Meta: meta, ID: "rtb-priv", VPC: "vpc-1", Associations: []cloud.RouteTableAssociation{{Subnet: "subnet-priv"}},
		Routes: []cloud.Route{route("0.0.0.0/0", cloud.TargetNATGateway, "nat-1"), route("::/0", cloud.TargetEgressOnlyGateway, "eigw-1")},
	})
	out := []cloud.SecurityGroupRule{allow("sgr-out4", true, -1, -1, -1, "0.0.0.0/0"), allow("sgr-out6", true, -1, -1, -1, "::/0")}
	group := func(id cloud.SecurityGroupID, in ...cloud.SecurityGroupRule) {
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: id, VPC: "vpc-1", Rules: append(in, out...)})
	}
	group("sg-fn")
	group("sg-web", allow("sgr-web4", false, 6, 443, 443, "0.0.0.0/0"), allow("sgr-web6", false, 6, 443, 443, "::/0"))
	group("sg-db", cloud.SecurityGroupRule{ID: "sgr-db", Protocol: 6, From: 5432, To: 5432, Group: "sg-fn", Action: cloud.Allow})
	group("sg-all", allow("sgr-all4", false, -1, -1, -1, "0.0.0.0/0"), allow("sgr-all6", false, -1, -1, -1, "::/0"))
	eni := func(id cloud.InterfaceID, sub cloud.SubnetID, use cloud.InterfaceUse, v4, v6 string, groups ...cloud.SecurityGroupID) {
		e := &cloud.Interface{Meta: meta, ID: id, VPC: "vpc-1", Subnet: sub, Use: use, SecurityGroups: groups, SourceDestCheck: true, Addrs: []netip.Addr{ip(v4)}}
		if v6 != "" {
			e.Addrs6 = []netip.Addr{ip(v6)}
		}
		cloud.Interfaces.Put(tx, e)
	}
	eni("eni-nat", "subnet-pub", cloud.UseNAT, "10.0.0.5", "")
	eni("eni-pubfn", "subnet-pub", cloud.UseFunction, "10.0.0.10", "2001:db8:1000::10", "sg-fn")
	eni("eni-web", "subnet-pub", cloud.UseHost, "10.0.0.20", "2001:db8:1000::20", "sg-web")
	eni("eni-fn", "subnet-priv", cloud.UseFunction, "10.0.1.10", "2001:db8:1000:1::10", "sg-fn")
	eni("eni-db", "subnet-priv", cloud.UseHost, "10.0.1.20", "2001:db8:1000:1::20", "sg-db")
	eni("eni-box", "subnet-priv", cloud.UseHost, "10.0.1.30", "", "sg-all")
	eni("eni-dark", "subnet-dark", cloud.UseHost, "10.0.2.20", "2001:db8:1000:2::20", "sg-all")
	eip := func(id cloud.AllocationID, public string, eni cloud.InterfaceID, private string) {
		cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: id, Addr: ip(public), Interface: eni, Private: ip(private), AssocID: "eipassoc-" + string(id)})
	}
	eip("eipalloc-nat", "203.0.113.5", "eni-nat", "10.0.0.5")
	eip("eipalloc-web", "203.0.113.20", "eni-web", "10.0.0.20")
}

// plan compiles base with changes.
func plan(t testing.TB, changes ...func(cloud.Tx)) *netplan.Plan {
	t.Helper()
	s := store.NewMemory(cloud.Schema())
	_, err := s.Update(context.Background(), func(tx cloud.Tx) error {
		base(tx)
		for _, f := range changes {
			if f != nil {
				f(tx)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return netplan.Compile(s.View(), "vpc-1")
}
