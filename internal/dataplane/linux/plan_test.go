package linux

import (
	"net/netip"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

var (
	all4 = prefix("0.0.0.0/0")
	all6 = prefix("::/0")
)

func allow(protocol, from, to int, from4 netip.Prefix, peers ...netplan.ProfileKey) netplan.Rule {
	return netplan.Rule{Action: cloud.Allow, Protocol: protocol, From: from, To: to, Prefix: from4, Peers: peers}
}

func everything() []netplan.Rule {
	return []netplan.Rule{allow(-1, -1, -1, all4), allow(-1, -1, -1, all6)}
}

func allowLine(number int, p netip.Prefix) netplan.ACLEntry {
	return netplan.ACLEntry{Number: number, Action: cloud.Allow, Protocol: -1, Prefix: p, From: -1, To: -1, ICMPType: -1, ICMPCode: -1}
}

func openLines() []netplan.ACLEntry {
	return []netplan.ACLEntry{allowLine(100, all4), allowLine(101, all6)}
}

func host(id, subnet string, profile netplan.ProfileKey, addrs ...string) netplan.ENI {
	return netplan.ENI{ID: cloud.InterfaceID(id), Subnet: cloud.SubnetID(subnet), Attach: netplan.AttachDirect, Profile: profile, Addrs: ips(addrs...)}
}

// sample is a VPC with a public subnet (10.0.0.0/24), a private one behind a NAT
// gateway (10.0.1.0/24, IPv6 behind an egress-only gateway), hosts web (public
// address 203.0.113.10), bare (no public address), app, db and fn, which
// carries functions.
func sample(id string) *netplan.Plan {
	local := []netplan.Route{{Dest: prefix("10.0.0.0/16"), Hop: netplan.HopLocal}, {Dest: prefix("2001:db8:1000::/56"), Hop: netplan.HopLocal}}
	nat := netplan.ENI{ID: "eni-nat", Subnet: "subnet-pub", Attach: netplan.AttachNAT, Addrs: ips("10.0.0.9"), AnySource: true}
	fn := host("eni-fn", "subnet-priv", "sg-app", "10.0.1.20", "2001:db8:1000:1::20")
	fn.Attach = netplan.AttachShared
	return &netplan.Plan{
		VPC: cloud.VPCID(id), CIDRs: []netip.Prefix{prefix("10.0.0.0/16"), prefix("2001:db8:1000::/56")}, Routers: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8:1000::1")},
		Subnets: []netplan.Subnet{
			{ID: "subnet-priv", CIDR4: prefix("10.0.1.0/24"), CIDR6: prefix("2001:db8:1000:1::/64"), Table: "rtb-priv", ACL: "acl-1"},
			{ID: "subnet-pub", CIDR4: prefix("10.0.0.0/24"), CIDR6: prefix("2001:db8:1000::/64"), Table: "rtb-pub", ACL: "acl-1"},
		},
		Profiles: []netplan.Profile{
			{Key: "sg-app", Groups: []cloud.SecurityGroupID{"sg-app"}, Out: everything(),
				In: []netplan.Rule{allow(6, 80, 80, netip.Prefix{}, "sg-app"), allow(17, 80, 80, netip.Prefix{}, "sg-app"), allow(1, 8, -1, prefix("10.0.0.0/16"))}},
			{Key: "sg-db", Groups: []cloud.SecurityGroupID{"sg-db"}, In: []netplan.Rule{allow(6, 80, 80, netip.Prefix{}, "sg-app")}},
			{Key: "sg-web", Groups: []cloud.SecurityGroupID{"sg-web"}, Out: everything(),
				In: []netplan.Rule{allow(6, 80, 80, all4), allow(6, 80, 80, all6)}},
		},
		Tables: []netplan.RouteTable{
			{ID: "rtb-priv", Routes: append([]netplan.Route{
				{Dest: all4, Hop: netplan.HopNAT, Target: "nat-1", ENI: "eni-nat"}, {Dest: all6, Hop: netplan.HopEgressOnly, Target: "eigw-1"}}, local...)},
			{ID: "rtb-pub", Routes: append([]netplan.Route{
				{Dest: all4, Hop: netplan.HopInternet, Target: "igw-1"}, {Dest: all6, Hop: netplan.HopInternet, Target: "igw-1"}}, local...)},
		},
		ACLs: []netplan.ACL{{ID: "acl-1", In: openLines(), Out: openLines()}},
		ENIs: []netplan.ENI{
			host("eni-app", "subnet-priv", "sg-app", "10.0.1.10", "2001:db8:1000:1::10"),
			host("eni-bare", "subnet-pub", "sg-web", "10.0.0.20"),
			host("eni-db", "subnet-priv", "sg-db", "10.0.1.30"),
			fn, nat,
			host("eni-web", "subnet-pub", "sg-web", "10.0.0.10", "2001:db8:1000::10"),
		},
		Gateway: &netplan.InternetGateway{ID: "igw-1", EgressOnly: []cloud.EgressOnlyGatewayID{"eigw-1"}, Public: []netplan.PublicAddr{
			{Private: ip("10.0.0.9"), Public: ip("203.0.113.9")}, {Private: ip("10.0.0.10"), Public: ip("203.0.113.10")}}},
		NATs: []netplan.NATGateway{{ID: "nat-1", ENI: "eni-nat", Subnet: "subnet-pub"}},
		DNS:  netplan.DNS{Enabled: true, Resolvers: ips("10.0.0.2", "169.254.169.253", "fd00:ec2::253")},
	}
}
