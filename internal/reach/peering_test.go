package reach_test

import (
	"context"
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
	"weir/internal/store"
)

// peered is base, joined to vpc-2 at 10.1.0.0/16 by pcx-1: every subnet of
// either has a route to the other, but subnet-dark.
//
//	subnet-2  10.1.0.0/24  eni-app .20 (sg-app: 80 from sg-fn of vpc-1), eni-any .30 (sg-any: all from 10.0.0.0/8)
func peered(tx cloud.Tx) {
	cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-2", CIDRs: []cloud.CIDRAssociation{{Prefix: pfx("10.1.0.0/16")}}, DNSSupport: true, DNSHostnames: true, PrivateNames: "ip-*.ec2.internal"})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-2", VPC: "vpc-2", Zone: "us-east-1a", CIDR: pfx("10.1.0.0/24"), NetworkACL: "acl-2"})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-2", VPC: "vpc-2", Entries: openACL()})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-2", VPC: "vpc-2", Main: true, Routes: []cloud.Route{
		route("10.0.0.0/16", cloud.TargetPeering, "pcx-1"), route("0.0.0.0/0", cloud.TargetPeering, "pcx-1")}})
	out := allow("sgr-out", true, -1, -1, -1, "0.0.0.0/0")
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-app", VPC: "vpc-2", Rules: []cloud.SecurityGroupRule{
		{ID: "sgr-peer", Protocol: 6, From: 80, To: 80, Group: "sg-fn", GroupVPC: "vpc-1", Action: cloud.Allow}, out}})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-any", VPC: "vpc-2", Rules: []cloud.SecurityGroupRule{allow("sgr-any", false, -1, -1, -1, "10.0.0.0/8"), out}})
	host := func(id cloud.InterfaceID, addr string, group cloud.SecurityGroupID) {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: id, VPC: "vpc-2", Subnet: "subnet-2", Use: cloud.UseHost, SecurityGroups: []cloud.SecurityGroupID{group}, SourceDestCheck: true, Addrs: []netip.Addr{ip(addr)}})
	}
	host("eni-app", "10.1.0.20", "sg-app")
	host("eni-any", "10.1.0.30", "sg-any")
	side := func(vpc cloud.VPCID) cloud.PeeringSide {
		return cloud.PeeringSide{VPC: vpc, Account: account, Region: region}
	}
	cloud.Peerings.Put(tx, &cloud.Peering{Meta: meta, ID: "pcx-1", Requester: side("vpc-1"), Accepter: side("vpc-2"), State: cloud.PeeringActive})
	for _, id := range []cloud.RouteTableID{"rtb-pub", "rtb-priv"} {
		edit(tx, cloud.RouteTables, id, func(t *cloud.RouteTable) {
			t.Routes = append([]cloud.Route{route("10.1.0.0/16", cloud.TargetPeering, "pcx-1")}, t.Routes...)
		})
	}
}

func across(t *testing.T, from cloud.VPCID, change func(cloud.Tx)) *reach.Analyser {
	t.Helper()
	s := store.NewMemory(cloud.Schema())
	_, err := s.Update(context.Background(), func(tx cloud.Tx) error {
		base(tx)
		peered(tx)
		if change != nil {
			change(tx)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	v := s.View()
	return reach.Across(from, func(id cloud.VPCID) *netplan.Plan { return netplan.Compile(v, id) })
}

func TestPeering(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(cloud.Tx)
		vpc       cloud.VPCID
		from      cloud.InterfaceID
		to        string
		port      int
		stage     netplan.Stage // "" is reachable
		blame     string
		delivered bool
	}{
		{name: "to the other VPC", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.30", port: 22},
		{name: "from the other VPC", vpc: "vpc-2", from: "eni-any", to: "10.0.0.20", port: 443},
		{name: "group of the other VPC", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 80},
		{name: "outside that group", vpc: "vpc-1", from: "eni-web", to: "10.1.0.20", port: 80, stage: netplan.StageGroupIn, blame: "sg-app"},
		{name: "in that group, another port", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 81, stage: netplan.StageGroupIn, blame: "sg-app"},
		{name: "no route there", vpc: "vpc-1", from: "eni-dark", to: "10.1.0.30", port: 22, stage: netplan.StageNoRoute, blame: "rtb-main"},
		{name: "no route back", vpc: "vpc-2", from: "eni-any", to: "10.0.2.20", port: 22, stage: netplan.StageNoRoute, blame: "rtb-main", delivered: true},
		{name: "nobody has the address", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.99", port: 22, stage: netplan.StageNoHost, blame: "vpc-2"},
		{name: "the other VPC's internet gateway", vpc: "vpc-2", from: "eni-any", to: "198.51.100.7", port: 443, stage: netplan.StageTransit, blame: "pcx-1"},
		{name: "the other VPC's resolver", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.2", port: 53, stage: netplan.StageRouter, blame: "vpc-2"},
		{name: "a function's interface", vpc: "vpc-2", from: "eni-any", to: "10.0.1.10", port: 80, stage: netplan.StageGroupIn, blame: "sg-fn"},
		{name: "ACL there refuses the answer", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.30", port: 22, stage: netplan.StageACLOut, blame: "acl-2", delivered: true,
			change: func(tx cloud.Tx) {
				edit(tx, cloud.NetworkACLs, "acl-2", func(a *cloud.NetworkACL) { a.Entries = openACL()[:2] })
			}},
		{name: "connection deleted", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.30", port: 22, stage: netplan.StageBlackhole, blame: "rtb-priv",
			change: func(tx cloud.Tx) {
				edit(tx, cloud.Peerings, "pcx-1", func(p *cloud.Peering) { p.State = cloud.PeeringDeleted })
			}},
		{name: "group reference is stale in another region", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 80, stage: netplan.StageGroupIn, blame: "sg-app",
			change: func(tx cloud.Tx) {
				edit(tx, cloud.VPCs, "vpc-2", func(v *cloud.VPC) { v.Region = "eu-west-1" })
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := across(t, c.vpc, c.change).Explain(reach.Query{From: c.from, To: ip(c.to), Port: c.port})
			if a.Stage != c.stage || a.Reachable != (c.stage == "") || c.stage != "" && a.Delivered != c.delivered {
				t.Fatalf("stage %q, reachable %v, delivered %v; want %q, delivered %v: %s", a.Stage, a.Reachable, a.Delivered, c.stage, c.delivered, a.Text)
			}
			if c.stage != "" && (len(a.Blame) == 0 || a.Blame[0].ID != c.blame) {
				t.Errorf("blames %v, want %s: %s", a.Blame, c.blame, a.Text)
			}
			for _, h := range reach.InOrder(a.Path) {
				if h.Resource.ID == "" {
					t.Errorf("a hop without a resource: %+v", h)
				}
			}
		})
	}
}

// TestPeeringDrop: a drop in the other VPC is explained from either end.
func TestPeeringDrop(t *testing.T) {
	drop := reach.Drop{Stage: netplan.StageGroupIn, ENI: "eni-web", Protocol: 6, Src: netip.MustParseAddrPort("10.0.0.20:40000"), Dst: netip.MustParseAddrPort("10.1.0.20:80")}
	for _, vpc := range []cloud.VPCID{"vpc-1", "vpc-2"} {
		a := across(t, vpc, nil).FromDrop(drop)
		if a.Stage != netplan.StageGroupIn || len(a.Blame) == 0 || a.Blame[0].ID != "sg-app" {
			t.Errorf("from %s: %s, %v", vpc, a.Text, a.Blame)
		}
	}
}
