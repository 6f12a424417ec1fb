package reach_test

import (
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

const (
	site  = "198.51.100.7" // a host on the internet
	site6 = "2001:db8::7"
)

func from(eni cloud.InterfaceID, to string, port int) reach.Query {
	return reach.Query{From: eni, To: ip(to), Protocol: 6, Port: port}
}

func inward(to string, port int) reach.Query {
	q := reach.Query{Source: ip(site), To: ip(to), Protocol: 6, Port: port}
	if q.To.Is6() {
		q.Source = ip(site6)
	}
	return q
}

func with(q reach.Query, f func(*reach.Query)) reach.Query { f(&q); return q }

func proto(p int) func(*reach.Query) { return func(q *reach.Query) { q.Protocol = p } }

func aclOf(id cloud.NetworkACLID, entries ...cloud.NetworkACLEntry) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		edit(tx, cloud.NetworkACLs, id, func(a *cloud.NetworkACL) { a.Entries = entries })
	}
}

func routesOf(id cloud.RouteTableID, routes ...cloud.Route) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		edit(tx, cloud.RouteTables, id, func(t *cloud.RouteTable) { t.Routes = routes })
	}
}

func rulesOf(id cloud.SecurityGroupID, rules ...cloud.SecurityGroupRule) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		edit(tx, cloud.SecurityGroups, id, func(g *cloud.SecurityGroup) { g.Rules = rules })
	}
}

func groupsOf(id cloud.InterfaceID, groups ...cloud.SecurityGroupID) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		edit(tx, cloud.Interfaces, id, func(e *cloud.Interface) { e.SecurityGroups = groups })
	}
}

func both(fs ...func(cloud.Tx)) func(cloud.Tx) {
	return func(tx cloud.Tx) {
		for _, f := range fs {
			f(tx)
		}
	}
}

// verdict is what the vendor's documents say of a case. Text lists what the sentence must name.
type verdict struct {
	name      string
	change    func(cloud.Tx)
	q         reach.Query
	stage     netplan.Stage // "" is reachable
	code      string
	delivered bool // of unreachable ones: the packet arrives, the answer does not
	text      []string
}

func check(t *testing.T, cases []verdict) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := reach.Explain(plan(t, c.change), c.q)
			reachable := c.stage == "" && c.code == ""
			if a.Reachable != reachable || a.Stage != c.stage || a.Code != c.code {
				t.Errorf("got reachable %v stage %q code %q\nwant %v %q %q\n%s", a.Reachable, a.Stage, a.Code, reachable, c.stage, c.code, a.Text)
			}
			if want := reachable || c.delivered; a.Delivered != want {
				t.Errorf("delivered %v, want %v: %s", a.Delivered, want, a.Text)
			}
			for _, s := range c.text {
				if !strings.Contains(a.Text, s) {
					t.Errorf("text does not say %q: %s", s, a.Text)
				}
			}
			if !reachable && len(a.Blame) == 0 {
				t.Errorf("nothing is blamed: %s", a.Text)
			}
			if reachable && len(a.Path) == 0 {
				t.Error("no path")
			}
		})
	}
}

func TestWayOut(t *testing.T) {
	check(t, []verdict{
		{name: "function in a private subnet, by the NAT gateway", q: from("eni-fn", site, 443),
			text: []string{"eni-fn", "internet gateway igw-1", "203.0.113.5"}},
		{name: "function in a public subnet has no public address", q: from("eni-pubfn", site, 443),
			stage: netplan.StageNoPublicIP, code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
			text: []string{"subnet-pub sends 0.0.0.0/0 to internet gateway igw-1 (route table rtb-pub), but network interface eni-pubfn has no public address",
				"packets do not leave; use a private subnet with a route 0.0.0.0/0 to a NAT gateway"}},
		{name: "host with an elastic IP in a public subnet", q: from("eni-web", site, 443), text: []string{"203.0.113.20"}},
		{name: "host with an automatic public address", q: from("eni-web", site, 443), change: func(tx cloud.Tx) {
			cloud.ElasticIPs.Delete(tx, "eipalloc-web")
			edit(tx, cloud.Interfaces, "eni-web", func(e *cloud.Interface) { e.PublicIP = ip("203.0.113.99") })
		}, text: []string{"203.0.113.99"}},
		{name: "host without a public address in a public subnet", q: from("eni-web", site, 443),
			change: func(tx cloud.Tx) { cloud.ElasticIPs.Delete(tx, "eipalloc-web") },
			stage:  netplan.StageNoPublicIP, code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", text: []string{"eni-web", "elastic IP"}},
		{name: "subnet with local routes alone", q: from("eni-dark", site, 443),
			stage: netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION", text: []string{"Route table rtb-main", "subnet-dark", site}},
		{name: "deleted NAT gateway leaves a blackhole", q: from("eni-fn", site, 443),
			change: func(tx cloud.Tx) { cloud.NATGateways.Delete(tx, "nat-1") },
			stage:  netplan.StageBlackhole, code: "BAD_STATE_ROUTE", text: []string{"0.0.0.0/0", "nat-1", "rtb-priv", "blackhole"}},
		{name: "detached internet gateway leaves a blackhole", q: from("eni-web", site, 443),
			change: func(tx cloud.Tx) {
				edit(tx, cloud.InternetGateways, "igw-1", func(g *cloud.InternetGateway) { g.VPC = "" })
			}, stage: netplan.StageBlackhole, code: "BAD_STATE_ROUTE", text: []string{"igw-1", "not attached"}},
		{name: "NAT gateway without an elastic IP", q: from("eni-fn", site, 443),
			change: func(tx cloud.Tx) { cloud.ElasticIPs.Delete(tx, "eipalloc-nat") },
			stage:  netplan.StageNoPublicIP, code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", text: []string{"NAT gateway", "eni-nat"}},
		{name: "NAT gateway in a private subnet that uses it", q: from("eni-fn", site, 443),
			change: routesOf("rtb-pub", route("0.0.0.0/0", cloud.TargetNATGateway, "nat-1")),
			stage:  netplan.StageLoop, code: "NO_PATH", text: []string{"nat-1", "subnet-pub", "rtb-pub"}},
		{name: "NAT gateways translate ICMP", q: with(from("eni-fn", site, 0), proto(1))},
		{name: "NAT gateways translate no other protocol", q: with(from("eni-fn", site, 0), proto(47)),
			stage: netplan.StageNATProtocol, code: "PROTOCOL_RESTRICTION", text: []string{"nat-1", "IP protocol 47"}},
		{name: "internet gateways carry other protocols", q: with(from("eni-web", site, 0), proto(47))},
		{name: "longest prefix wins", q: from("eni-fn", site, 443),
			change: routesOf("rtb-priv", route("0.0.0.0/0", cloud.TargetNATGateway, "nat-1"), route("198.51.100.0/24", cloud.TargetBlackhole, "")),
			stage:  netplan.StageBlackhole, code: "BAD_STATE_ROUTE", text: []string{"198.51.100.0/24"}},
		{name: "a shorter prefix does not", q: from("eni-fn", site, 443),
			change: routesOf("rtb-priv", route("198.51.100.0/24", cloud.TargetNATGateway, "nat-1"), route("0.0.0.0/0", cloud.TargetBlackhole, ""))},
		{name: "private addresses do not leave by the internet gateway", q: from("eni-web", "192.168.1.1", 443),
			stage: netplan.StagePrivateDest, code: "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", text: []string{"192.168.1.1", "igw-1"}},
		{name: "nor shared ones", q: from("eni-web", "100.64.0.1", 443),
			stage: netplan.StagePrivateDest, code: "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS"},
	})
}

func TestIPv6(t *testing.T) {
	check(t, []verdict{
		{name: "by the egress-only gateway", q: from("eni-fn", site6, 443), text: []string{"eigw-1"}},
		{name: "by the internet gateway, with no public address needed", q: from("eni-pubfn", site6, 443), text: []string{"igw-1"}},
		{name: "no route", q: from("eni-dark", site6, 443), stage: netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION", text: []string{"::/0"}},
		{name: "inwards by the internet gateway", q: inward("2001:db8:1000::20", 443)},
		{name: "inwards to an egress-only subnet", q: inward("2001:db8:1000:1::20", 443),
			stage: netplan.StageEgressOnlyIn, code: "NO_PATH", text: []string{"eni-db", "egress-only", "subnet-priv"}},
		{name: "inwards to a VPC with an egress-only gateway alone", q: inward("2001:db8:1000::20", 443),
			change: func(tx cloud.Tx) { cloud.InternetGateways.Delete(tx, "igw-1") },
			stage:  netplan.StageEgressOnlyIn, code: "NO_PATH"},
		{name: "inwards to a subnet without a route out: the answer is lost", q: inward("2001:db8:1000:2::20", 443), delivered: true,
			stage: netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION", text: []string{"answer", "rtb-main"}},
		{name: "an IPv4 default route does not carry IPv6", q: from("eni-web", site6, 443),
			change: routesOf("rtb-pub", route("0.0.0.0/0", cloud.TargetInternetGateway, "igw-1")),
			stage:  netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION"},
		{name: "an IPv4 security group rule does not admit IPv6", q: inward("2001:db8:1000::20", 443),
			change: rulesOf("sg-web", allow("sgr-4", false, 6, 443, 443, "0.0.0.0/0")),
			stage:  netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"sg-web", "sgr-4", "0.0.0.0/0 only"}},
		{name: "an IPv4 ACL line does not admit IPv6", q: from("eni-pubfn", site6, 443),
			change: aclOf("acl-pub", line(100, false, -1, 0, 0, cloud.Allow, "0.0.0.0/0"), line(100, true, -1, 0, 0, cloud.Allow, "0.0.0.0/0")),
			stage:  netplan.StageACLOut, code: "SUBNET_ACL_RESTRICTION", text: []string{"acl-pub", "rule *"}},
		{name: "interface without an IPv6 address", q: from("eni-box", site6, 443), code: "ENI_ADDRESS_RESTRICTION", text: []string{"eni-box", "IPv6"}},
		{name: "ping", q: with(from("eni-fn", site6, 0), proto(58))},
		{name: "private addresses do not leave by an egress-only gateway", q: from("eni-fn", "fd12::1", 443),
			stage: netplan.StagePrivateDest, code: "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", text: []string{"fd12::1", "eigw-1"}},
	})
}

func TestSecurityGroups(t *testing.T) {
	self := cloud.SecurityGroupRule{ID: "sgr-self", Protocol: -1, From: -1, To: -1, Group: "sg-db", Action: cloud.Allow}
	out := allow("sgr-out", true, -1, -1, -1, "0.0.0.0/0")
	check(t, []verdict{
		{name: "reference to another group", q: from("eni-fn", "10.0.1.20", 5432)},
		{name: "reference to another group, from another subnet", q: from("eni-pubfn", "10.0.1.20", 5432)},
		{name: "reference to another group, wrong port", q: from("eni-fn", "10.0.1.20", 5433),
			stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"Security group sg-db", "eni-db", "TCP port 5433 from 10.0.1.10", "sgr-db allows port 5432 only"}},
		{name: "wrong protocol", q: with(from("eni-fn", "10.0.1.20", 5432), proto(17)),
			stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"UDP port 5432"}},
		{name: "an interface without the referenced group", q: from("eni-dark", "10.0.1.20", 5432),
			stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"sg-db", "10.0.2.20", "interfaces with sg-fn only"}},
		{name: "reference to itself", q: from("eni-dark", "10.0.1.20", 22),
			change: both(rulesOf("sg-db", self, out), groupsOf("eni-dark", "sg-all", "sg-db"))},
		{name: "no reference to itself: members do not reach each other", q: from("eni-dark", "10.0.1.20", 22),
			change: both(rulesOf("sg-db", out), groupsOf("eni-dark", "sg-all", "sg-db")),
			stage:  netplan.StageGroupIn, code: "SG_HAS_NO_RULES", text: []string{"sg-db", "no inbound rules at all"}},
		{name: "the union of an interface's groups counts", q: from("eni-dark", "10.0.1.20", 22),
			change: groupsOf("eni-db", "sg-db", "sg-all")},
		{name: "no outbound rule at all", q: from("eni-fn", "10.0.1.20", 5432), change: rulesOf("sg-fn"),
			stage: netplan.StageGroupOut, code: "SG_HAS_NO_RULES", text: []string{"sg-fn", "eni-fn", "outbound"}},
		{name: "outbound to another port only", q: from("eni-fn", site, 80), change: rulesOf("sg-fn", allow("sgr-443", true, 6, 443, 443, "0.0.0.0/0")),
			stage: netplan.StageGroupOut, code: "ENI_SG_RULES_MISMATCH", text: []string{"sgr-443 allows port 443 only", "TCP port 80 to " + site}},
		{name: "outbound reference", q: from("eni-fn", "10.0.1.20", 5432),
			change: rulesOf("sg-fn", cloud.SecurityGroupRule{ID: "sgr-o", Egress: true, Protocol: 6, From: 5432, To: 5432, Group: "sg-db", Action: cloud.Allow})},
		{name: "answers need no rule", q: from("eni-fn", "10.0.1.20", 5432),
			change: rulesOf("sg-db", cloud.SecurityGroupRule{ID: "sgr-db", Protocol: 6, From: 5432, To: 5432, Group: "sg-fn", Action: cloud.Allow})},
		{name: "answers from the internet need no rule", q: from("eni-web", site, 443), change: rulesOf("sg-web", out)},
		{name: "overlapping rules: any that allows is enough", q: from("eni-dark", "10.0.0.20", 443),
			change: rulesOf("sg-web", allow("a", false, 6, 0, 100, "10.0.0.0/8"), allow("b", false, 6, 80, 65535, "10.0.2.0/24"), out)},
		{name: "a group without rules beside one with", q: from("eni-fn", "10.0.1.20", 5432),
			change: both(rulesOf("sg-all"), groupsOf("eni-db", "sg-all", "sg-db"))},
		{name: "a deny with the lower priority number wins", q: inward("203.0.113.20", 443),
			change: rulesOf("sg-web", out, allow("sgr-5", false, 6, 443, 443, "0.0.0.0/0"),
				cloud.SecurityGroupRule{ID: "sgr-no", Protocol: 6, From: 443, To: 443, Prefix: pfx("198.51.100.0/24"), Action: cloud.Deny}),
			stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"rule sgr-no that refuses"}},
		{name: "no group at all", q: from("eni-fn", site, 443), change: groupsOf("eni-fn"),
			stage: netplan.StageGroupOut, code: "ENI_SG_RULES_MISMATCH", text: []string{"eni-fn has no security group"}},
		{name: "ICMP type", q: with(from("eni-dark", "10.0.0.20", 0), proto(1)),
			change: rulesOf("sg-web", allow("sgr-ping", false, 1, 8, -1, "10.0.0.0/16"), out)},
		{name: "ICMP other type", q: with(from("eni-dark", "10.0.0.20", 0), proto(1)),
			change: rulesOf("sg-web", allow("sgr-unreach", false, 1, 3, 4, "10.0.0.0/16"), out),
			stage:  netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH"},
	})
}
