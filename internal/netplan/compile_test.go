package netplan_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

func refs(kind cloud.Resource, id, part string) []cloud.Ref {
	return []cloud.Ref{{Kind: kind, ID: id, Part: part}}
}

// smallPlan is what small means, written by hand.
func smallPlan() *netplan.Plan {
	rt := func(id, dest string) []cloud.Ref { return refs(cloud.KindRouteTable, id, dest) }
	sg := func(id, rule string) []cloud.Ref { return refs(cloud.KindSecurityGroup, id, rule) }
	acl := func(id, n string) []cloud.Ref { return refs(cloud.KindNetworkACL, id, n) }
	both := netplan.ProfileKey("sg-fn,sg-web")
	in := []netplan.Rule{
		{Action: cloud.Allow, Protocol: 6, From: 80, To: 80, Peers: []netplan.ProfileKey{both}, Source: sg("sg-web", "sgr-fn")},
		{Action: cloud.Allow, Protocol: 6, From: 443, To: 443, Prefix: pfx("0.0.0.0/0"), Source: sg("sg-web", "sgr-https")},
	}
	any := func(n int, id string) netplan.ACLEntry {
		return netplan.ACLEntry{Number: n, Action: cloud.Allow, Protocol: -1, Prefix: pfx("0.0.0.0/0"), From: -1, To: -1, ICMPType: -1, ICMPCode: -1, Source: acl(id, "100")}
	}
	local4 := func(id string) netplan.Route {
		return netplan.Route{Dest: pfx("10.0.0.0/16"), Hop: netplan.HopLocal, Source: rt(id, "10.0.0.0/16")}
	}
	local6 := func(id string) netplan.Route {
		return netplan.Route{Dest: pfx("2001:db8:1000::/56"), Hop: netplan.HopLocal, Source: rt(id, "2001:db8:1000::/56")}
	}
	return &netplan.Plan{
		VPC: "vpc-1", Account: "123456789012", Region: "us-east-1",
		CIDRs: []netip.Prefix{pfx("10.0.0.0/16"), pfx("2001:db8:1000::/56")}, Routers: []netip.Addr{ip("10.0.0.1"), ip("2001:db8:1000::1")},
		Subnets: []netplan.Subnet{
			{ID: "subnet-priv", Zone: "us-east-1b", CIDR4: pfx("10.0.1.0/24"), CIDR6: pfx("2001:db8:1000:1::/64"), Table: "rtb-priv", ACL: "acl-own"},
			{ID: "subnet-pub", Zone: "us-east-1a", CIDR4: pfx("10.0.0.0/24"), Table: "rtb-main", ACL: "acl-default"},
		},
		Profiles: []netplan.Profile{
			{Key: both, Groups: []cloud.SecurityGroupID{"sg-fn", "sg-web"}, In: in,
				Out: []netplan.Rule{{Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: pfx("0.0.0.0/0"), Source: sg("sg-fn", "sgr-out")}}},
			{Key: "sg-web", Groups: []cloud.SecurityGroupID{"sg-web"}, In: in},
		},
		Tables: []netplan.RouteTable{
			{ID: "rtb-main", Main: true, Routes: []netplan.Route{
				local6("rtb-main"), local4("rtb-main"),
				{Dest: pfx("0.0.0.0/0"), Hop: netplan.HopInternet, Target: "igw-1", Source: rt("rtb-main", "0.0.0.0/0")}}},
			{ID: "rtb-priv", Routes: []netplan.Route{
				local6("rtb-priv"), local4("rtb-priv"),
				{Dest: pfx("0.0.0.0/0"), Hop: netplan.HopNAT, Target: "nat-1", ENI: "eni-nat", Source: rt("rtb-priv", "0.0.0.0/0")},
				{Dest: pfx("::/0"), Hop: netplan.HopEgressOnly, Target: "eigw-1", Source: rt("rtb-priv", "::/0")}}},
		},
		ACLs: []netplan.ACL{
			{ID: "acl-default", In: []netplan.ACLEntry{any(100, "acl-default")}, Out: []netplan.ACLEntry{any(100, "acl-default")}},
			{ID: "acl-own", In: []netplan.ACLEntry{
				{Number: 90, Action: cloud.Deny, Protocol: 1, Prefix: pfx("10.0.0.0/8"), From: -1, To: -1, ICMPType: 8, ICMPCode: -1, Source: acl("acl-own", "90")},
				{Number: 200, Action: cloud.Allow, Protocol: 6, Prefix: pfx("0.0.0.0/0"), From: 1024, To: 65535, ICMPType: -1, ICMPCode: -1, Source: acl("acl-own", "200")}}},
		},
		ENIs: []netplan.ENI{
			{ID: "eni-fn", Subnet: "subnet-priv", Attach: netplan.AttachShared, Addrs: []netip.Addr{ip("10.0.1.10"), ip("2001:db8:1000:1::10")}, Profile: both, Source: refs(cloud.KindInterface, "eni-fn", "")},
			{ID: "eni-nat", Subnet: "subnet-pub", Attach: netplan.AttachNAT, Addrs: []netip.Addr{ip("10.0.0.5")}, AnySource: true, Source: refs(cloud.KindInterface, "eni-nat", "")},
			{ID: "eni-web", Subnet: "subnet-pub", Attach: netplan.AttachDirect, Addrs: []netip.Addr{ip("10.0.0.20")}, Profile: "sg-web", MAC: "02:00:00:00:00:01", AnySource: true, Source: refs(cloud.KindInterface, "eni-web", "")},
		},
		Gateway: &netplan.InternetGateway{ID: "igw-1", EgressOnly: []cloud.EgressOnlyGatewayID{"eigw-1"}, Public: []netplan.PublicAddr{
			{Private: ip("10.0.0.5"), Public: ip("203.0.113.5"), Source: append(refs(cloud.KindElasticIP, "eipalloc-1", ""), refs(cloud.KindInterface, "eni-nat", "")...)},
			{Private: ip("10.0.0.20"), Public: ip("203.0.113.20"), Source: refs(cloud.KindInterface, "eni-web", "")}}},
		NATs: []netplan.NATGateway{{ID: "nat-1", ENI: "eni-nat", Subnet: "subnet-pub", Source: refs(cloud.KindNATGateway, "nat-1", "")}},
		DNS: netplan.DNS{
			Enabled:   true,
			Resolvers: []netip.Addr{ip("10.0.0.2"), ip("169.254.169.253"), ip("fd00:ec2::253")},
			Search:    []string{"ec2.internal"},
			Records: []netplan.DNSRecord{
				{Name: "ec2-203-0-113-20.compute-1.amazonaws.com", Addrs: []netip.Addr{ip("10.0.0.20")}},
				{Name: "ec2-203-0-113-5.compute-1.amazonaws.com", Addrs: []netip.Addr{ip("10.0.0.5")}},
				{Name: "ip-10-0-0-20.ec2.internal", Addrs: []netip.Addr{ip("10.0.0.20")}, Reverse: true},
				{Name: "ip-10-0-0-5.ec2.internal", Addrs: []netip.Addr{ip("10.0.0.5")}, Reverse: true},
				{Name: "ip-10-0-1-10.ec2.internal", Addrs: []netip.Addr{ip("10.0.1.10")}, Reverse: true}},
			Reverse: []netip.Prefix{pfx("10.0.0.0/16")},
		},
	}
}

func TestCompile(t *testing.T) {
	got, want := compile(t), smallPlan()
	if !got.Equal(want) {
		t.Errorf("plans differ\n got %s\nwant %s", dump(t, got), dump(t, want))
	}
}

func dump(t *testing.T, p *netplan.Plan) string {
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestVPCs(t *testing.T) {
	v := state(t, func(tx cloud.Tx) {
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-b"})
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: cloud.Meta{Account: "1", Region: "eu-west-1"}, ID: "vpc-a"})
	})
	if got := netplan.VPCs(v); !slices.Equal(got, []cloud.VPCID{"vpc-a", "vpc-b"}) {
		t.Errorf("got %v", got)
	}
	if p := netplan.Compile(v, "vpc-none"); p.VPC != "vpc-none" || len(p.Problems) != 1 || len(p.CIDRs) != 0 {
		t.Errorf("plan of no VPC: %+v", p)
	}
}

// TestRoutes: which route of a table a destination takes, after the vendor's
// page on route priority.
func TestRoutes(t *testing.T) {
	lists := func(tx cloud.Tx) {
		for id, p := range map[cloud.PrefixListID]string{"pl-a": "198.51.100.0/24", "pl-b": "198.51.100.0/24", "pl-c": "203.0.113.0/25"} {
			cloud.PrefixLists.Put(tx, &cloud.PrefixList{Meta: meta, ID: id, Entries: []cloud.PrefixListEntry{{Prefix: pfx(p)}, {Prefix: pfx(p)}}})
		}
	}
	list := func(id cloud.PrefixListID, to cloud.RouteTarget) cloud.Route {
		return cloud.Route{PrefixList: id, Target: to}
	}
	to := func(dest string, t cloud.RouteTarget) cloud.Route { return cloud.Route{Dest: pfx(dest), Target: t} }
	igw, nat, eni := target(cloud.TargetInternetGateway, "igw-1"), target(cloud.TargetNATGateway, "nat-1"), target(cloud.TargetInterface, "eni-web")
	cases := []struct {
		name   string
		routes []cloud.Route
		dest   string
		want   netplan.Hop
		target string
		why    string
	}{
		{"a prefix list is expanded", []cloud.Route{list("pl-c", nat)}, "203.0.113.0/25", netplan.HopNAT, "nat-1", ""},
		{"static before prefix list", []cloud.Route{list("pl-a", nat), to("198.51.100.0/24", igw)}, "198.51.100.0/24", netplan.HopInternet, "igw-1", ""},
		{"of two prefix lists always the same", []cloud.Route{list("pl-b", igw), list("pl-a", nat)}, "198.51.100.0/24", netplan.HopNAT, "nat-1", ""},
		{"a static route may replace the local one", []cloud.Route{to("10.0.0.0/16", eni)}, "10.0.0.0/16", netplan.HopENI, "eni-web", ""},
		{"a destination is masked", []cloud.Route{to("198.51.100.9/24", igw)}, "198.51.100.0/24", netplan.HopInternet, "igw-1", ""},
		{"an IPv6 route to the internet gateway", []cloud.Route{to("::/0", igw)}, "::/0", netplan.HopInternet, "igw-1", ""},
		{"another VPC's internet gateway", []cloud.Route{to("0.0.0.0/0", target(cloud.TargetInternetGateway, "igw-9"))}, "0.0.0.0/0", netplan.HopBlackhole, "igw-9", "not attached to VPC vpc-1"},
		{"an egress-only gateway carries no IPv4", []cloud.Route{to("0.0.0.0/0", target(cloud.TargetEgressOnlyGateway, "eigw-1"))}, "0.0.0.0/0", netplan.HopBlackhole, "eigw-1", "IPv6 only"},
		{"a NAT gateway that is gone", []cloud.Route{to("0.0.0.0/0", target(cloud.TargetNATGateway, "nat-9"))}, "0.0.0.0/0", netplan.HopBlackhole, "nat-9", "nat-9"},
		{"an interface that is gone", []cloud.Route{to("0.0.0.0/0", target(cloud.TargetInterface, "eni-9"))}, "0.0.0.0/0", netplan.HopBlackhole, "eni-9", "eni-9"},
		{"a NAT gateway's interface", []cloud.Route{to("0.0.0.0/0", target(cloud.TargetInterface, "eni-nat"))}, "0.0.0.0/0", netplan.HopBlackhole, "eni-nat", "the gateway itself"},
		{"an endpoint that is gone", []cloud.Route{list("pl-c", target(cloud.TargetEndpoint, "vpce-9"))}, "203.0.113.0/25", netplan.HopBlackhole, "vpce-9", "vpce-9"},
		{"a target that is not supported", []cloud.Route{to("10.1.0.0/16", target(cloud.TargetPeering, "pcx-1"))}, "10.1.0.0/16", netplan.HopBlackhole, "pcx-1", "pcx-1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, lists, func(tx cloud.Tx) {
				edit(tx, cloud.RouteTables, "rtb-main", func(r *cloud.RouteTable) { r.Routes = c.routes })
			})
			routes := p.Tables[0].Routes
			var hits []netplan.Route
			for _, r := range routes {
				if r.Dest == pfx(c.dest) {
					hits = append(hits, r)
				}
			}
			if len(hits) != 1 {
				t.Fatalf("%d routes to %s in %+v", len(hits), c.dest, routes)
			}
			if r := hits[0]; r.Hop != c.want || r.Target != c.target || !strings.Contains(r.Why, c.why) || (r.Why != "") != (c.want == netplan.HopBlackhole) {
				t.Errorf("got %+v", r)
			}
			if problem := c.want == netplan.HopBlackhole; problem != (len(p.Problems) > 0) {
				t.Errorf("problems %+v", p.Problems)
			}
			if !slices.IsSortedFunc(routes, func(a, b netplan.Route) int { return b.Dest.Bits() - a.Dest.Bits() }) {
				t.Errorf("not longest first: %+v", routes)
			}
		})
	}
}

func TestRules(t *testing.T) {
	rules := func(rs ...cloud.SecurityGroupRule) []netplan.Rule {
		p := compile(t, func(tx cloud.Tx) {
			cloud.PrefixLists.Put(tx, &cloud.PrefixList{Meta: meta, ID: "pl-1", Entries: []cloud.PrefixListEntry{{Prefix: pfx("198.51.100.128/28")}, {Prefix: pfx("10.9.0.0/16")}}})
			edit(tx, cloud.SecurityGroups, "sg-web", func(g *cloud.SecurityGroup) { g.Rules = rs })
		})
		for i := range p.Profiles[1].In {
			p.Profiles[1].In[i].Source = nil
		}
		return p.Profiles[1].In
	}
	rule := func(proto, from, to int, prefix string) cloud.SecurityGroupRule {
		return cloud.SecurityGroupRule{ID: "r", Protocol: proto, From: from, To: to, Prefix: pfx(prefix), Action: cloud.Allow}
	}
	out := func(proto, from, to int, prefix string) netplan.Rule {
		return netplan.Rule{Action: cloud.Allow, Protocol: proto, From: from, To: to, Prefix: pfx(prefix)}
	}
	deny := func(r netplan.Rule) netplan.Rule { r.Action = cloud.Deny; return r }
	cases := []struct {
		name string
		in   []cloud.SecurityGroupRule
		want []netplan.Rule
	}{
		{"all ports is any", []cloud.SecurityGroupRule{rule(6, 0, 65535, "10.0.0.0/8")}, []netplan.Rule{out(6, -1, -1, "10.0.0.0/8")}},
		{"port 0 alone is not", []cloud.SecurityGroupRule{rule(17, 0, 0, "10.0.0.0/8")}, []netplan.Rule{out(17, 0, 0, "10.0.0.0/8")}},
		{"protocols without ports ignore them", []cloud.SecurityGroupRule{rule(-1, 22, 22, "10.0.0.0/8"), rule(50, 1, 2, "10.0.0.0/8")},
			[]netplan.Rule{out(-1, -1, -1, "10.0.0.0/8"), out(50, -1, -1, "10.0.0.0/8")}},
		{"ICMP type with any code", []cloud.SecurityGroupRule{rule(1, 8, -1, "10.0.0.0/8")}, []netplan.Rule{out(1, 8, -1, "10.0.0.0/8")}},
		{"the same rule twice is one", []cloud.SecurityGroupRule{rule(6, 22, 22, "10.0.0.0/8"), rule(6, 22, 22, "10.1.2.3/8")}, []netplan.Rule{out(6, 22, 22, "10.0.0.0/8")}},
		{"a prefix list is expanded", []cloud.SecurityGroupRule{{ID: "r", Protocol: 6, From: 443, To: 443, PrefixList: "pl-1", Action: cloud.Allow}},
			[]netplan.Rule{out(6, 443, 443, "10.9.0.0/16"), out(6, 443, 443, "198.51.100.128/28")}},
		{"a prefix list that is gone admits nobody", []cloud.SecurityGroupRule{{ID: "r", Protocol: 6, From: 443, To: 443, PrefixList: "pl-9", Action: cloud.Allow}}, nil},
		{"but refuses everybody", []cloud.SecurityGroupRule{{ID: "r", Protocol: 6, From: 443, To: 443, PrefixList: "pl-9", Action: cloud.Deny}},
			[]netplan.Rule{deny(out(6, 443, 443, "0.0.0.0/0")), deny(out(6, 443, 443, "::/0"))}},
		{"a group that is gone admits nobody", []cloud.SecurityGroupRule{{ID: "r", Protocol: -1, From: -1, To: -1, Group: "sg-9", Action: cloud.Allow}}, nil},
		{"a group nobody carries admits nobody", []cloud.SecurityGroupRule{{ID: "r", Protocol: -1, From: -1, To: -1, Group: "sg-idle", Action: cloud.Allow}}, nil},
		{"a group is every profile with it", []cloud.SecurityGroupRule{{ID: "r", Protocol: -1, From: -1, To: -1, Group: "sg-web", Action: cloud.Allow}},
			[]netplan.Rule{{Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Peers: []netplan.ProfileKey{"sg-fn,sg-web", "sg-web"}}}},
		{"priority, then refusals first", []cloud.SecurityGroupRule{
			{ID: "a", Protocol: 6, From: 1, To: 1, Prefix: pfx("10.0.0.0/8"), Action: cloud.Allow, Priority: 2},
			{ID: "b", Protocol: 6, From: 2, To: 2, Prefix: pfx("10.0.0.0/8"), Action: cloud.Deny, Priority: 2},
			{ID: "c", Protocol: 6, From: 3, To: 3, Prefix: pfx("10.0.0.0/8"), Action: cloud.Allow, Priority: 1}},
			[]netplan.Rule{
				{Action: cloud.Allow, Priority: 1, Protocol: 6, From: 3, To: 3, Prefix: pfx("10.0.0.0/8")},
				{Action: cloud.Deny, Priority: 2, Protocol: 6, From: 2, To: 2, Prefix: pfx("10.0.0.0/8")},
				{Action: cloud.Allow, Priority: 2, Protocol: 6, From: 1, To: 1, Prefix: pfx("10.0.0.0/8")}}},
		{"an impossible range admits nobody", []cloud.SecurityGroupRule{rule(6, 90, 80, "10.0.0.0/8")}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := &netplan.Plan{Profiles: []netplan.Profile{{In: rules(c.in...)}}}
			if want := (&netplan.Plan{Profiles: []netplan.Profile{{In: c.want}}}); !got.Equal(want) {
				t.Errorf("got %+v\nwant %+v", got.Profiles[0].In, c.want)
			}
		})
	}
}
