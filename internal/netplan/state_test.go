package netplan_test

import (
	"context"
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/store"
)

var meta = cloud.Meta{Account: "123456789012", Region: "us-east-1"}

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr    { return netip.MustParseAddr(s) }

func state(t testing.TB, changes ...func(cloud.Tx)) cloud.View {
	t.Helper()
	s := store.NewMemory(cloud.Schema())
	_, err := s.Update(context.Background(), func(tx cloud.Tx) error {
		for _, f := range changes {
			f(tx)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.View()
}

func edit[K ~string, T any](tx cloud.Tx, t *cloud.Table[K, T], key K, f func(*T)) {
	r, ok := t.Get(tx, key)
	if !ok {
		panic("no " + string(key))
	}
	c := *r
	f(&c)
	t.Put(tx, &c)
}

func target(kind cloud.TargetKind, id string) cloud.RouteTarget {
	return cloud.RouteTarget{Kind: kind, ID: id}
}

// small is a VPC with a public subnet (main table) that holds a NAT gateway and
// a web host, and a private subnet that holds a function.
func small(tx cloud.Tx) {
	cloud.VPCs.Put(tx, &cloud.VPC{
		Meta: meta, ID: "vpc-1", CIDRs: []cloud.CIDRAssociation{{Prefix: pfx("10.0.0.0/16")}}, CIDRs6: []cloud.CIDRAssociation{{Prefix: pfx("2001:db8:1000::/56")}},
		DNSSupport: true, DNSHostnames: true, PrivateNames: "ip-*.ec2.internal", PublicNames: "ec2-*.compute-1.amazonaws.com", DHCPOptions: "dopt-1",
	})
	cloud.DHCPOptionSets.Put(tx, &cloud.DHCPOptions{Meta: meta, ID: "dopt-1", Options: map[string][]string{
		"domain-name": {"ec2.internal"}, "domain-name-servers": {"AmazonProvidedDNS"}}})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-pub", VPC: "vpc-1", Zone: "us-east-1a", CIDR: pfx("10.0.0.0/24")})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-priv", VPC: "vpc-1", Zone: "us-east-1b", CIDR: pfx("10.0.1.0/24"),
		CIDRs6: []cloud.CIDRAssociation{{Prefix: pfx("2001:db8:1000:1::/64")}}, NetworkACL: "acl-own"})
	cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-1", VPC: "vpc-1"})
	cloud.EgressOnlyGateways.Put(tx, &cloud.EgressOnlyGateway{Meta: meta, ID: "eigw-1", VPC: "vpc-1"})
	cloud.NATGateways.Put(tx, &cloud.NATGateway{Meta: meta, ID: "nat-1", VPC: "vpc-1", Subnet: "subnet-pub", Interface: "eni-nat"})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-main", VPC: "vpc-1", Main: true,
		Routes: []cloud.Route{{Dest: pfx("0.0.0.0/0"), Target: target(cloud.TargetInternetGateway, "igw-1")}}})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-priv", VPC: "vpc-1", Associations: []cloud.RouteTableAssociation{{Subnet: "subnet-priv"}},
		Routes: []cloud.Route{
			{Dest: pfx("0.0.0.0/0"), Target: target(cloud.TargetNATGateway, "nat-1")},
			{Dest: pfx("::/0"), Target: target(cloud.TargetEgressOnlyGateway, "eigw-1")}}})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-default", VPC: "vpc-1", Default: true, Entries: []cloud.NetworkACLEntry{
		{Number: 100, Protocol: -1, Action: cloud.Allow, Prefix: pfx("0.0.0.0/0")},
		{Number: 100, Protocol: -1, Action: cloud.Allow, Prefix: pfx("0.0.0.0/0"), Egress: true}}})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-own", VPC: "vpc-1", Entries: []cloud.NetworkACLEntry{
		{Number: 200, Protocol: 6, From: 1024, To: 65535, Action: cloud.Allow, Prefix: pfx("0.0.0.0/0")},
		{Number: 90, Protocol: 1, ICMPType: 8, ICMPCode: -1, Action: cloud.Deny, Prefix: pfx("10.0.0.0/8")}}})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-fn", VPC: "vpc-1", Rules: []cloud.SecurityGroupRule{
		{ID: "sgr-out", Egress: true, Protocol: -1, From: -1, To: -1, Prefix: pfx("0.0.0.0/0"), Action: cloud.Allow}}})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-web", VPC: "vpc-1", Rules: []cloud.SecurityGroupRule{
		{ID: "sgr-fn", Protocol: 6, From: 80, To: 80, Group: "sg-fn", Action: cloud.Allow},
		{ID: "sgr-https", Protocol: 6, From: 443, To: 443, Prefix: pfx("0.0.0.0/0"), Action: cloud.Allow}}})
	cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-nat", VPC: "vpc-1", Subnet: "subnet-pub", Use: cloud.UseNAT, Addrs: []netip.Addr{ip("10.0.0.5")}, SourceDestCheck: true})
	cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-web", VPC: "vpc-1", Subnet: "subnet-pub", Use: cloud.UseHost, Addrs: []netip.Addr{ip("10.0.0.20")},
		MAC: "02:00:00:00:00:01", SecurityGroups: []cloud.SecurityGroupID{"sg-web"}, PublicIP: ip("203.0.113.20")})
	cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-fn", VPC: "vpc-1", Subnet: "subnet-priv", Use: cloud.UseFunction, Addrs: []netip.Addr{ip("10.0.1.10")},
		Addrs6: []netip.Addr{ip("2001:db8:1000:1::10")}, SecurityGroups: []cloud.SecurityGroupID{"sg-web", "sg-fn"}, SourceDestCheck: true})
	cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: "eipalloc-1", Addr: ip("203.0.113.5"), Interface: "eni-nat", Private: ip("10.0.0.5")})
}

func compile(t testing.TB, changes ...func(cloud.Tx)) *netplan.Plan {
	t.Helper()
	return netplan.Compile(state(t, append([]func(cloud.Tx){small}, changes...)...), "vpc-1")
}
