package reach_test

import (
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

func TestNetworkACLs(t *testing.T) {
	all := func(egress bool) cloud.NetworkACLEntry {
		return line(100, egress, -1, 0, 0, cloud.Allow, "0.0.0.0/0")
	}
	check(t, []verdict{
		{name: "a new ACL denies everything: out", q: from("eni-fn", site, 443), change: aclOf("acl-priv"),
			stage: netplan.StageACLOut, code: "SUBNET_ACL_RESTRICTION", text: []string{"Network ACL acl-priv has no outbound rule", "TCP port 443", "subnet-priv", "rule *"}},
		{name: "a new ACL denies everything: in", q: inward("203.0.113.20", 443), change: aclOf("acl-pub"),
			stage: netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", text: []string{"acl-pub", "inbound", "198.51.100.7"}},
		{name: "it does not apply within a subnet", q: from("eni-fn", "10.0.1.20", 5432), change: aclOf("acl-priv")},
		{name: "it applies between subnets", q: from("eni-pubfn", "10.0.1.20", 5432), change: aclOf("acl-priv"),
			stage: netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", text: []string{"entering subnet-priv"}},
		{name: "no state: answers need ephemeral ports", q: inward("203.0.113.20", 443), delivered: true,
			change: aclOf("acl-pub", all(false), line(100, true, 6, 443, 443, cloud.Allow, "0.0.0.0/0")),
			stage:  netplan.StageACLOut, code: "SUBNET_ACL_RESTRICTION",
			text: []string{"Packets arrive, but the answer does not", "acl-pub", "outbound ports 1024-65535"}},
		{name: "no state: with ephemeral ports", q: inward("203.0.113.20", 443),
			change: aclOf("acl-pub", line(100, false, 6, 443, 443, cloud.Allow, "0.0.0.0/0"), line(100, true, 6, 1024, 65535, cloud.Allow, "0.0.0.0/0"))},
		{name: "no state: the function's answers enter its subnet", q: from("eni-fn", site, 443), delivered: true,
			change: aclOf("acl-priv", all(true), line(100, false, 6, 443, 443, cloud.Allow, "0.0.0.0/0")),
			stage:  netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", text: []string{"entering subnet-priv"}},
		{name: "part of the ephemeral ports is not enough behind a NAT gateway", q: from("eni-fn", site, 443), delivered: true,
			change: aclOf("acl-pub", all(true), line(100, false, 6, 32768, 60999, cloud.Allow, "0.0.0.0/0"), line(110, false, 6, 443, 443, cloud.Allow, "10.0.0.0/16")),
			stage:  netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", text: []string{"entering subnet-pub", "port 1024 ", "not every port"}},
		{name: "a known source port is judged alone", q: with(from("eni-fn", site, 443), func(q *reach.Query) { q.SourcePort = 40000 }),
			change: aclOf("acl-pub", all(true), line(100, false, 6, 32768, 60999, cloud.Allow, "0.0.0.0/0"), line(110, false, 6, 443, 443, cloud.Allow, "10.0.0.0/16"))},
		{name: "the NAT gateway's subnet must let the private one in", q: from("eni-fn", site, 443),
			change: aclOf("acl-pub", all(true), line(100, false, 6, 1024, 65535, cloud.Allow, "0.0.0.0/0")),
			stage:  netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", text: []string{"from 10.0.1.10 to 198.51.100.7", "entering subnet-pub"}},
		{name: "the lowest number decides: deny", q: from("eni-fn", site, 443),
			change: aclOf("acl-priv", all(false), all(true), line(90, true, 6, 443, 443, cloud.Deny, "198.51.100.0/24")),
			stage:  netplan.StageACLOut, code: "SUBNET_ACL_RESTRICTION", text: []string{"rule 90 denies"}},
		{name: "the lowest number decides: allow", q: from("eni-fn", site, 443),
			change: aclOf("acl-priv", line(110, true, 6, 443, 443, cloud.Deny, "198.51.100.0/24"), all(false), all(true))},
		{name: "a deny of other ports does not matter", q: from("eni-fn", site, 443),
			change: aclOf("acl-priv", all(false), all(true), line(90, true, 6, 444, 500, cloud.Deny, "0.0.0.0/0"), line(91, true, 17, 443, 443, cloud.Deny, "0.0.0.0/0"))},
		{name: "outbound lines name the destination", q: from("eni-fn", site, 443),
			change: aclOf("acl-priv", all(false), line(100, true, -1, 0, 0, cloud.Allow, "10.0.0.0/8")),
			stage:  netplan.StageACLOut, code: "SUBNET_ACL_RESTRICTION"},
		{name: "ping needs the echo reply back", q: with(from("eni-dark", "10.0.0.20", 0), proto(1)), delivered: true,
			change: both(rulesOf("sg-web", allow("p", false, 1, 8, 0, "0.0.0.0/0")),
				aclOf("acl-dark", all(true), cloud.NetworkACLEntry{Number: 100, Protocol: 1, ICMPType: 8, ICMPCode: -1, Action: cloud.Allow, Prefix: pfx("0.0.0.0/0")})),
			stage: netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", text: []string{"ICMP type 0"}},
	})
}

func TestInside(t *testing.T) {
	diverted := routesOf("rtb-main", route("10.0.1.0/24", cloud.TargetInterface, "eni-box"))
	forwards := func(tx cloud.Tx) {
		edit(tx, cloud.Interfaces, "eni-box", func(e *cloud.Interface) { e.SourceDestCheck = false })
	}
	check(t, []verdict{
		{name: "local route", q: from("eni-fn", "10.0.2.20", 80)},
		{name: "local route is in the main table too", q: from("eni-dark", "10.0.0.20", 443)},
		{name: "an address that nobody has", q: from("eni-fn", "10.0.1.99", 80),
			stage: netplan.StageNoHost, code: "NO_POSSIBLE_DESTINATION", text: []string{"10.0.1.99", "vpc-1"}},
		{name: "functions accept nothing", q: from("eni-dark", "10.0.1.10", 80), change: groupsOf("eni-fn", "sg-all"),
			stage: netplan.StageUnsolicited, code: "NO_POSSIBLE_DESTINATION", text: []string{"eni-fn", "functions"}},
		{name: "nor does a NAT gateway", q: from("eni-fn", "10.0.0.5", 80),
			stage: netplan.StageUnsolicited, code: "NO_POSSIBLE_DESTINATION", text: []string{"eni-nat", "NAT gateway"}},
		{name: "an interface endpoint takes TCP", q: from("eni-fn", "10.0.1.40", 443), change: interfaceEndpoint},
		{name: "and nothing else", q: with(from("eni-fn", "10.0.1.40", 443), proto(17)), change: interfaceEndpoint,
			stage: netplan.StageEndpoint, code: "PROTOCOL_RESTRICTION", text: []string{"eni-vpce", "UDP port 443"}},
		{name: "behind its security groups", q: from("eni-dark", "10.0.1.40", 443), change: both(interfaceEndpoint, groupsOf("eni-vpce", "sg-fn")),
			stage: netplan.StageGroupIn, code: "SG_HAS_NO_RULES", text: []string{"eni-vpce"}},
		{name: "spoofed source", q: with(from("eni-web", site, 443), func(q *reach.Query) { q.Source = ip("10.0.0.99") }),
			stage: netplan.StageSpoof, code: "ENI_SOURCE_DEST_CHECK_RESTRICTION", text: []string{"eni-web", "10.0.0.99", "10.0.0.20"}},
		{name: "a forwarder may send from other addresses", change: forwards,
			q: with(from("eni-box", "10.0.2.20", 443), func(q *reach.Query) { q.Source = ip("10.0.1.20") }), delivered: true,
			stage: netplan.StageAsymmetric, code: "NO_ROUTE_TO_DESTINATION"},
		{name: "but is then not known by its group", change: both(forwards, groupsOf("eni-box", "sg-fn")),
			q:     with(from("eni-box", "10.0.1.20", 5432), func(q *reach.Query) { q.Source = ip("10.0.2.20") }),
			stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"10.0.2.20", "interfaces with sg-fn only"}},
		{name: "nor is whom it forwards to", q: from("eni-dark", "10.0.1.20", 5432),
			change: both(diverted, forwards, rulesOf("sg-all", cloud.SecurityGroupRule{ID: "sgr-ref", Egress: true, Protocol: -1, From: -1, To: -1, Group: "sg-db", Action: cloud.Allow})),
			stage:  netplan.StageGroupOut, code: "ENI_SG_RULES_MISMATCH", text: []string{"eni-dark", "interfaces with sg-db only"}},
		{name: "a route more specific than the local one", q: from("eni-dark", "10.0.1.20", 5432), change: both(diverted, forwards), text: []string{"eni-box"}},
		{name: "to a host that checks destinations", q: from("eni-dark", "10.0.1.20", 5432), change: diverted,
			stage: netplan.StageNotForMe, code: "ENI_SOURCE_DEST_CHECK_RESTRICTION", text: []string{"network interface eni-box", "10.0.1.20", "source/destination check off"}},
		{name: "to a forwarder that has no IPv6", q: from("eni-dark", "2001:db8:1000:1::20", 443),
			change: both(routesOf("rtb-main", route("2001:db8:1000:1::/64", cloud.TargetInterface, "eni-box")), forwards),
			stage:  netplan.StageNotForMe, code: "ENI_SOURCE_DEST_CHECK_RESTRICTION", text: []string{"eni-box"}},
		{name: "back to the forwarder that sends them", q: from("eni-box", site, 443), change: both(routesOf("rtb-priv", route("0.0.0.0/0", cloud.TargetInterface, "eni-box")), forwards),
			stage: netplan.StageLoop, code: "NO_PATH", text: []string{"rtb-priv", "eni-box"}},
		{name: "to that host's own address", q: from("eni-dark", "10.0.1.30", 5432), change: diverted},
		{name: "answers that a route leads elsewhere", q: from("eni-fn", "10.0.2.20", 80), change: diverted, delivered: true,
			stage: netplan.StageNotForMe, code: "ENI_SOURCE_DEST_CHECK_RESTRICTION", text: []string{"subnet-dark sends 10.0.1.0/24", "rtb-main"}},
		{name: "its own address", q: from("eni-dark", "10.0.2.20", 80), change: rulesOf("sg-all")},
		{name: "DNS, whatever groups, ACLs and routes say", q: with(from("eni-dark", "10.0.0.2", 53), proto(17)), change: both(rulesOf("sg-all"), aclOf("acl-dark"))},
		{name: "DNS over TCP at the link-local address", q: from("eni-fn", "169.254.169.253", 53)},
		{name: "DNS over IPv6", q: with(from("eni-fn", "fd00:ec2::253", 53), proto(17))},
		{name: "the resolver serves nothing else", q: from("eni-fn", "10.0.0.2", 80),
			stage: netplan.StageRouter, code: "NO_POSSIBLE_DESTINATION", text: []string{"10.0.0.2", "port 53"}},
		{name: "DNS support switched off", q: with(from("eni-fn", "10.0.0.2", 53), proto(17)),
			change: func(tx cloud.Tx) { edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.DNSSupport = false }) },
			stage:  netplan.StageNoHost, code: "NO_POSSIBLE_DESTINATION", text: []string{"enableDnsSupport"}},
		{name: "the router answers nothing", q: with(from("eni-fn", "10.0.0.1", 0), proto(1)),
			stage: netplan.StageRouter, code: "NO_POSSIBLE_DESTINATION", text: []string{"10.0.0.1", "router"}},
		{name: "instance metadata", q: from("eni-fn", "169.254.169.254", 80),
			stage: netplan.StageLinkLocal, code: "NO_POSSIBLE_DESTINATION", text: []string{"metadata", "eni-fn"}},
		{name: "link-local addresses do not leave, even with a default route", q: from("eni-web", "169.254.1.1", 80),
			stage: netplan.StageLinkLocal, code: "NO_POSSIBLE_DESTINATION"},
		{name: "multicast", q: with(from("eni-web", "224.0.0.251", 5353), proto(17)), stage: netplan.StageLinkLocal, code: "NO_POSSIBLE_DESTINATION"},
		{name: "unknown interface", q: from("eni-none", site, 443), code: "NO_SOURCE_OR_DESTINATION", text: []string{"eni-none"}},
		{name: "an address of the VPC as source", q: reach.Query{Source: ip("10.0.1.10"), To: ip("10.0.1.20"), Port: 5432}},
	})
}

func TestInwards(t *testing.T) {
	check(t, []verdict{
		{name: "to an elastic IP", q: inward("203.0.113.20", 443)},
		{name: "to an elastic IP, port not open", q: inward("203.0.113.20", 22),
			stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"sg-web", "sgr-web4 allows port 443 only"}},
		{name: "to an address that is not associated", q: inward("203.0.113.77", 443),
			stage: netplan.StageNoPrivateIP, code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", text: []string{"203.0.113.77", "igw-1"}},
		{name: "to a private address", q: inward("10.0.0.20", 443),
			stage: netplan.StageNoPrivateIP, code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", text: []string{"10.0.0.20 is a private address"}},
		{name: "to a NAT gateway's elastic IP", q: inward("203.0.113.5", 443),
			stage: netplan.StageUnsolicited, code: "NO_POSSIBLE_DESTINATION", text: []string{"NAT gateway"}},
		{name: "without an internet gateway", q: inward("203.0.113.20", 443), change: func(tx cloud.Tx) { cloud.InternetGateways.Delete(tx, "igw-1") },
			stage: netplan.StageNoPrivateIP, code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", text: []string{"no internet gateway"}},
		{name: "to an elastic IP in a subnet that answers through a NAT gateway", q: inward("203.0.113.30", 443), delivered: true,
			change: func(tx cloud.Tx) {
				cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: "eipalloc-box", Addr: ip("203.0.113.30"), Interface: "eni-box", Private: ip("10.0.1.30")})
			},
			stage: netplan.StageAsymmetric, code: "NO_ROUTE_TO_DESTINATION", text: []string{"subnet-priv sends 0.0.0.0/0 to NAT gateway nat-1", "rtb-priv"}},
		{name: "to an elastic IP in a subnet without a route out", q: inward("203.0.113.31", 443), delivered: true,
			change: func(tx cloud.Tx) {
				cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: "eipalloc-dark", Addr: ip("203.0.113.31"), Interface: "eni-dark", Private: ip("10.0.2.20")})
			},
			stage: netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION", text: []string{"rtb-main"}},
		{name: "from a private address", q: with(inward("203.0.113.20", 443), func(q *reach.Query) { q.Source = ip("192.168.0.1") }),
			stage: netplan.StagePrivateDest, code: "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS"},
		{name: "from inside to an elastic IP of the same VPC", q: from("eni-fn", "203.0.113.20", 443), text: []string{"eni-web (10.0.0.20)"}},
		{name: "there the sender is known by its public address alone", q: from("eni-fn", "203.0.113.20", 443),
			change: rulesOf("sg-web", cloud.SecurityGroupRule{ID: "sgr-ref", Protocol: 6, From: 443, To: 443, Group: "sg-fn", Action: cloud.Allow}),
			stage:  netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", text: []string{"203.0.113.5"}},
		{name: "while its private address is known by its group", q: from("eni-fn", "10.0.0.20", 443),
			change: rulesOf("sg-web", cloud.SecurityGroupRule{ID: "sgr-ref", Protocol: 6, From: 443, To: 443, Group: "sg-fn", Action: cloud.Allow})},
	})
}

func TestGatewayEndpoint(t *testing.T) {
	endpoint := func(tx cloud.Tx) {
		cloud.PrefixLists.Put(tx, &cloud.PrefixList{Meta: cloud.Meta{Region: region}, ID: "pl-s3", Name: "com.amazonaws.us-east-1.s3",
			Entries: []cloud.PrefixListEntry{{Prefix: pfx("198.51.100.128/28")}}})
		cloud.Endpoints.Put(tx, &cloud.Endpoint{Meta: meta, ID: "vpce-1", VPC: "vpc-1", Gateway: true, Service: "com.amazonaws.us-east-1.s3", RouteTables: []cloud.RouteTableID{"rtb-main"}})
	}
	check(t, []verdict{
		{name: "without a way out", q: from("eni-dark", "198.51.100.130", 443), change: endpoint, text: []string{"vpce-1"}},
		{name: "other addresses stay out of reach", q: from("eni-dark", site, 443), change: endpoint, stage: netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION"},
		{name: "tables it does not name do not have it", q: from("eni-pubfn", "198.51.100.130", 443), change: endpoint,
			stage: netplan.StageNoPublicIP, code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"},
		{name: "a security group may name its prefix list", q: from("eni-dark", "198.51.100.130", 443),
			change: both(endpoint, rulesOf("sg-all", cloud.SecurityGroupRule{ID: "sgr-pl", Egress: true, Protocol: 6, From: 443, To: 443, PrefixList: "pl-s3", Action: cloud.Allow}))},
		{name: "TCP and echo only", q: with(from("eni-dark", "198.51.100.130", 443), proto(17)), change: endpoint,
			stage: netplan.StageEndpoint, code: "VPCE_GATEWAY_PROTOCOL_RESTRICTION", text: []string{"vpce-1"}},
		{name: "ACLs apply", q: from("eni-dark", "198.51.100.130", 443), change: both(endpoint, aclOf("acl-dark", line(1, true, -1, 0, 0, cloud.Allow, "0.0.0.0/0"))),
			delivered: true, stage: netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION"},
	})
}

// interfaceEndpoint puts an endpoint's interface into subnet-priv.
func interfaceEndpoint(tx cloud.Tx) {
	cloud.Interfaces.Put(tx, &cloud.Interface{
		Meta: meta, ID: "eni-vpce", VPC: "vpc-1", Subnet: "subnet-priv", Use: cloud.UseEndpoint, SecurityGroups: []cloud.SecurityGroupID{"sg-all"},
		SourceDestCheck: true, Addrs: []netip.Addr{ip("10.0.1.40")},
	})
	cloud.Endpoints.Put(tx, &cloud.Endpoint{
		Meta: meta, ID: "vpce-1", VPC: "vpc-1", Service: "com.amazonaws.us-east-1.lambda", Subnets: []cloud.SubnetID{"subnet-priv"},
		Interfaces: []cloud.InterfaceID{"eni-vpce"}, Groups: []cloud.SecurityGroupID{"sg-all"},
	})
}
