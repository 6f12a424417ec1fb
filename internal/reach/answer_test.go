package reach_test

import (
	"slices"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// hostAt is the interface that has an address.
func hostAt(v cloud.View, addr string) cloud.InterfaceID {
	for i := range cloud.Interfaces.All(v) {
		if slices.Contains(i.Addrs, ip(addr)) {
			return i.ID
		}
	}
	return ""
}

// TestOtherWayBack: an answer that goes between VPCs by another way than the
// flow came arrives, if it gets to a router that knows the flow.
func TestOtherWayBack(t *testing.T) {
	first := func(table cloud.RouteTableID, routes ...cloud.Route) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			edit(tx, cloud.RouteTables, table, func(t *cloud.RouteTable) { t.Routes = append(routes, t.Routes...) })
		}
	}
	peer := func(id cloud.PeeringID, a, b cloud.VPCID) func(cloud.Tx) {
		side := func(v cloud.VPCID) cloud.PeeringSide {
			return cloud.PeeringSide{VPC: v, Account: account, Region: region}
		}
		return func(tx cloud.Tx) {
			cloud.Peerings.Put(tx, &cloud.Peering{Meta: meta, ID: id, Requester: side(a), Accepter: side(b), State: cloud.PeeringActive})
		}
	}
	acl := func(id cloud.NetworkACLID, entries ...cloud.NetworkACLEntry) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			edit(tx, cloud.NetworkACLs, id, func(a *cloud.NetworkACL) { a.Entries = entries })
		}
	}
	gateway := func(tx cloud.Tx) {
		cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-2", VPC: "vpc-2"})
	}
	moved := func(tx cloud.Tx) { // vpc-2's table for vpc-1, by the peering connection
		peer("pcx-9", "vpc-1", "vpc-2")(tx)
		first("rtb-2", route("10.0.0.0/16", cloud.TargetPeering, "pcx-9"), route("2001:db8:1000::/56", cloud.TargetPeering, "pcx-9"))(tx)
	}
	there := func(tx cloud.Tx) { // vpc-1's tables for vpc-2, by the peering connection
		peer("pcx-9", "vpc-1", "vpc-2")(tx)
		first("rtb-priv", route("10.1.0.0/16", cloud.TargetPeering, "pcx-9"))(tx)
		first("rtb-pub", route("10.1.0.0/16", cloud.TargetPeering, "pcx-9"), route("2001:db8:2000:200::/56", cloud.TargetInternetGateway, "igw-1"))(tx)
	}
	byRule := func(id cloud.VPCID) func(cloud.Tx) {
		return func(tx cloud.Tx) { edit(tx, cloud.VPCs, id, func(v *cloud.VPC) { v.IPv6ByRule = true }) }
	}
	back := first("rtb-2", route("2001:db8:1000::/56", cloud.TargetInternetGateway, "igw-2"))
	public := func(tx cloud.Tx) {
		cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: "eipalloc-77", Addr: ip("203.0.113.77"), AssocID: "a", Interface: hostAt(tx, "10.1.0.20"), Private: ip("10.1.0.20")})
	}
	all := openACL()
	for _, c := range []struct {
		name    string
		changes []func(cloud.Tx)
		vpc     cloud.VPCID
		from    cloud.InterfaceID
		source  string
		to      string
		stage   netplan.Stage // "" is reachable
		by      string        // that the answer goes by
	}{
		{name: "by transit router there, by peering back", changes: []func(cloud.Tx){moved}, vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", by: "pcx-9"},
		{name: "IPv6", changes: []func(cloud.Tx){moved}, vpc: "vpc-1", from: "eni-fn", to: "2001:db8:2000:200::20", by: "pcx-9"},
		{name: "the sender's ACL refuses it", changes: []func(cloud.Tx){moved, acl("acl-pub", all[2:]...)}, vpc: "vpc-1", from: "eni-web", to: "10.1.0.20", stage: netplan.StageACLIn},
		{name: "by peering there, by transit router back", changes: []func(cloud.Tx){there}, vpc: "vpc-1", from: "eni-web", to: "10.1.0.20", by: "tgw-1"},
		{name: "the ACL of the port it comes in by refuses it", changes: []func(cloud.Tx){there, acl("acl-priv", all[:2]...)}, vpc: "vpc-1", from: "eni-web", to: "10.1.0.20", stage: netplan.StageACLOut},
		{name: "the connection leads elsewhere", changes: []func(cloud.Tx){peer("pcx-8", "vpc-2", "vpc-3"), first("rtb-2", route("10.0.0.0/16", cloud.TargetPeering, "pcx-8"))},
			vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", stage: netplan.StageAsymmetric},
		{name: "by the internet, IPv6", changes: []func(cloud.Tx){gateway, back}, vpc: "vpc-1", from: "eni-fn", to: "2001:db8:2000:200::20", by: "igw-2"},
		{name: "by the internet, which no rule joins who answers to", changes: []func(cloud.Tx){gateway, back, byRule("vpc-2")},
			vpc: "vpc-1", from: "eni-fn", to: "2001:db8:2000:200::20", stage: netplan.StageNoPublicIP},
		{name: "by the internet, which no rule joins who asked to", changes: []func(cloud.Tx){gateway, back, byRule("vpc-1")},
			vpc: "vpc-1", from: "eni-fn", to: "2001:db8:2000:200::20", stage: netplan.StageAsymmetric},
		{name: "IPv4 has no way over the internet", changes: []func(cloud.Tx){gateway, first("rtb-2", route("10.0.0.0/16", cloud.TargetInternetGateway, "igw-2"))},
			vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", stage: netplan.StageAsymmetric},
		{name: "from the internet, back by transit router", changes: []func(cloud.Tx){gateway, there},
			vpc: "vpc-2", source: "2001:db8:1000::20", to: "2001:db8:2000:200::20", by: "eni-web"},
		{name: "for a public address, by transit router", changes: []func(cloud.Tx){gateway, public, first("rtb-2", route("203.0.113.0/24", cloud.TargetTransit, "tgw-1"))},
			vpc: "vpc-2", source: "203.0.113.5", to: "203.0.113.77", stage: netplan.StageAsymmetric},
		{name: "nobody there sent it", changes: []func(cloud.Tx){gateway, there}, vpc: "vpc-2", source: "2001:db8:1000::99", to: "2001:db8:2000:200::20", stage: netplan.StageAsymmetric},
		{name: "round and round", changes: []func(cloud.Tx){there, first("rtb-priv", route("10.0.0.20/32", cloud.TargetTransit, "tgw-1"))}, vpc: "vpc-1", from: "eni-web", to: "10.1.0.20", stage: netplan.StageLoop},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := reach.Query{From: c.from, To: ip(c.to), Port: 22}
			if c.source != "" {
				q.Source = ip(c.source)
			}
			a := throughHub(t, c.vpc, func(tx cloud.Tx) {
				for _, f := range c.changes {
					f(tx)
				}
			}).Explain(q)
			if !a.Delivered || a.Stage != c.stage || a.Reachable != (c.stage == "") {
				t.Fatalf("stage %q, reachable %v, delivered %v; want %q, delivered: %s", a.Stage, a.Reachable, a.Delivered, c.stage, a.Text)
			}
			if c.by != "" && !slices.ContainsFunc(a.Reply, func(h reach.Hop) bool { return h.Resource.ID == c.by }) {
				t.Errorf("the answer does not go by %s: %+v", c.by, a.Reply)
			}
		})
	}
}
