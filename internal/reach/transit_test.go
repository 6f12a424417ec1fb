package reach_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
	"weir/internal/store"
)

// hubbed is base, attached to tgw-1 in zone a by subnet-priv, and spokes that
// route everything to tgw-1:
//
//	vpc-2  10.1.0.0/16  zone a: eni-a .0.20, port subnet-2t; zone b: eni-b .1.20, no port
//	vpc-3  10.2.0.0/16  zone a: eni-c .0.20, port subnet-3t
//
// One table routes for vpc-1 and vpc-2: their blocks, 10.1.66.0/24 to nowhere and
// 0.0.0.0/0 to vpc-1, whose port's subnet leads to its NAT gateway. vpc-3 propagates to
// it, but is associated with no table.
func hubbed(tx cloud.Tx) {
	port := func(id cloud.InterfaceID, vpc cloud.VPCID, subnet cloud.SubnetID, v4, v6 string) {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: id, VPC: vpc, Subnet: subnet, Use: cloud.UseTransit, Addrs: []netip.Addr{ip(v4)}, Addrs6: []netip.Addr{ip(v6)}})
	}
	attach := func(id cloud.TransitAttachmentID, vpc cloud.VPCID, port cloud.InterfaceID) {
		cloud.TransitAttachments.Put(tx, &cloud.TransitAttachment{Meta: meta, ID: id, Router: "tgw-1", VPC: vpc, State: cloud.TransitAvailable, IPv6: true, Interfaces: []cloud.InterfaceID{port}})
	}
	cloud.TransitRouters.Put(tx, &cloud.TransitRouter{Meta: meta, ID: "tgw-1"})
	cloud.TransitTables.Put(tx, &cloud.TransitTable{Meta: meta, ID: "tgw-rtb-1", Router: "tgw-1",
		Associations: []cloud.TransitAttachmentID{"att-1", "att-2"}, Propagations: []cloud.TransitAttachmentID{"att-1", "att-2", "att-3"},
		Routes: []cloud.TransitRoute{{Dest: pfx("0.0.0.0/0"), Attachment: "att-1"}, {Dest: pfx("10.1.66.0/24")}}})
	port("eni-tgw1", "vpc-1", "subnet-priv", "10.0.1.250", "2001:db8:1000:1::250")
	attach("att-1", "vpc-1", "eni-tgw1")
	for _, id := range []cloud.RouteTableID{"rtb-pub", "rtb-priv"} {
		edit(tx, cloud.RouteTables, id, func(t *cloud.RouteTable) {
			t.Routes = append([]cloud.Route{route("10.0.0.0/8", cloud.TargetTransit, "tgw-1"), route("2001:db8:2000::/48", cloud.TargetTransit, "tgw-1")}, t.Routes...)
		})
	}
	for i, hosts := range []string{"ab", "c"} {
		n := i + 2
		vpc := cloud.VPCID(fmt.Sprint("vpc-", n))
		v6 := fmt.Sprintf("2001:db8:2000:%d00:", n)
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: vpc, CIDRs: []cloud.CIDRAssociation{{Prefix: pfx(fmt.Sprintf("10.%d.0.0/16", i+1))}}, CIDRs6: cidr6(v6 + ":/56"), DNSSupport: true})
		acl, group := cloud.NetworkACLID(fmt.Sprint("acl-", n)), cloud.SecurityGroupID(fmt.Sprint("sg-", n))
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: acl, VPC: vpc, Entries: openACL()})
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: acl + "t", VPC: vpc, Entries: openACL()})
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: group, VPC: vpc, Rules: []cloud.SecurityGroupRule{
			allow("sgr-in", false, -1, -1, -1, "0.0.0.0/0"), allow("sgr-in6", false, -1, -1, -1, "::/0"), allow("sgr-o", true, -1, -1, -1, "0.0.0.0/0"), allow("sgr-o6", true, -1, -1, -1, "::/0")}})
		cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: cloud.RouteTableID(fmt.Sprint("rtb-", n)), VPC: vpc, Main: true, Routes: []cloud.Route{
			route("0.0.0.0/0", cloud.TargetTransit, "tgw-1"), route("::/0", cloud.TargetTransit, "tgw-1")}})
		for k, h := range hosts {
			sub := cloud.SubnetID("subnet-" + string(h))
			cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: sub, VPC: vpc, Zone: "us-east-1" + string("ab"[k]), CIDR: pfx(fmt.Sprintf("10.%d.%d.0/24", i+1, k)), CIDRs6: cidr6(fmt.Sprintf("2001:db8:2000:%d0%d::/64", n, k)), NetworkACL: acl})
			cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: cloud.InterfaceID("eni-" + string(h)), VPC: vpc, Subnet: sub, Use: cloud.UseHost, SourceDestCheck: true, SecurityGroups: []cloud.SecurityGroupID{group},
				Addrs: []netip.Addr{ip(fmt.Sprintf("10.%d.%d.20", i+1, k))}, Addrs6: []netip.Addr{ip(fmt.Sprintf("2001:db8:2000:%d0%d::20", n, k))}})
		}
		sub := cloud.SubnetID(fmt.Sprintf("subnet-%dt", n))
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: sub, VPC: vpc, Zone: "us-east-1a", CIDR: pfx(fmt.Sprintf("10.%d.255.0/28", i+1)), CIDRs6: cidr6(fmt.Sprintf("2001:db8:2000:%dff::/64", n)), NetworkACL: acl + "t"})
		eni := cloud.InterfaceID(fmt.Sprint("eni-tgw", n))
		port(eni, vpc, sub, fmt.Sprintf("10.%d.255.5", i+1), fmt.Sprintf("2001:db8:2000:%dff::5", n))
		attach(cloud.TransitAttachmentID(fmt.Sprint("att-", n)), vpc, eni)
	}
}

func throughHub(t *testing.T, from cloud.VPCID, change func(cloud.Tx)) *reach.Analyser {
	t.Helper()
	s := store.NewMemory(cloud.Schema())
	_, err := s.Update(context.Background(), func(tx cloud.Tx) error {
		base(tx)
		hubbed(tx)
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

func TestTransit(t *testing.T) {
	acl := func(id cloud.NetworkACLID, entries ...cloud.NetworkACLEntry) func(cloud.Tx) {
		return func(tx cloud.Tx) {
			edit(tx, cloud.NetworkACLs, id, func(a *cloud.NetworkACL) { a.Entries = entries })
		}
	}
	all := openACL()
	for _, c := range []struct {
		name      string
		change    func(cloud.Tx)
		vpc       cloud.VPCID
		from      cloud.InterfaceID
		to        string
		port      int
		stage     netplan.Stage // "" is reachable
		code      string
		blame     string
		delivered bool
	}{
		{name: "to a spoke", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 22},
		{name: "from a spoke", vpc: "vpc-2", from: "eni-a", to: "10.0.0.20", port: 443},
		{name: "IPv6", vpc: "vpc-2", from: "eni-a", to: "2001:db8:1000::20", port: 443},
		{name: "out by the NAT gateway of the hub's VPC", vpc: "vpc-2", from: "eni-a", to: "198.51.100.7", port: 443},
		{name: "group there", vpc: "vpc-2", from: "eni-a", to: "10.0.0.20", port: 80, stage: netplan.StageGroupIn, code: "ENI_SG_RULES_MISMATCH", blame: "sg-web"},
		{name: "a group is not known in another VPC", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 22, stage: netplan.StageGroupIn, code: "SG_HAS_NO_RULES", blame: "sg-2",
			change: func(tx cloud.Tx) {
				edit(tx, cloud.SecurityGroups, "sg-2", func(g *cloud.SecurityGroup) {
					g.Rules = []cloud.SecurityGroupRule{{ID: "sgr-fn", Protocol: 6, From: 22, To: 22, Group: "sg-fn", Action: cloud.Allow}}
				})
			}},
		{name: "from a zone without a port", vpc: "vpc-2", from: "eni-b", to: "10.0.0.20", port: 443, stage: netplan.StageTransitZone, code: "TGW_ROUTE_AZ_RESTRICTION", blame: "att-2"},
		{name: "to a zone without a port", vpc: "vpc-1", from: "eni-fn", to: "10.1.1.20", port: 22, stage: netplan.StageTransitZone, code: "TGW_ROUTE_AZ_RESTRICTION", blame: "att-2", delivered: true},
		{name: "the port there is in a failed zone", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 22, stage: netplan.StageZone, code: "NO_PATH", blame: "us-east-1c",
			change: func(tx cloud.Tx) {
				edit(tx, cloud.Subnets, "subnet-2t", func(s *cloud.Subnet) { s.Zone = "us-east-1c" })
				cloud.Zones.Put(tx, &cloud.Zone{Region: region, Name: "us-east-1c", Failed: true})
			}},
		{name: "associated with no table", vpc: "vpc-3", from: "eni-c", to: "10.1.0.20", port: 22, stage: netplan.StageTransitNoTable, code: "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION", blame: "att-3"},
		{name: "the answerer is associated with no table", vpc: "vpc-1", from: "eni-fn", to: "10.2.0.20", port: 22, stage: netplan.StageTransitNoTable, code: "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION", blame: "att-3", delivered: true},
		{name: "blackhole", vpc: "vpc-1", from: "eni-fn", to: "10.1.66.1", port: 22, stage: netplan.StageTransitBlackhole, code: "TGW_RTB_BAD_STATE_ROUTE", blame: "tgw-rtb-1"},
		{name: "back to where it comes from", vpc: "vpc-1", from: "eni-fn", to: "10.77.0.1", port: 22, stage: netplan.StageLoop, code: "TGW_RTB_BAD_STATE_ROUTE", blame: "tgw-rtb-1"},
		{name: "no route of the transit router", vpc: "vpc-2", from: "eni-a", to: "2001:db8::7", port: 443, stage: netplan.StageTransitNoRoute, code: "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT", blame: "tgw-rtb-1"},
		{name: "no propagation back", vpc: "vpc-2", from: "eni-a", to: "10.0.0.20", port: 443, stage: netplan.StageTransitNoRoute, code: "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT", blame: "tgw-rtb-1", delivered: true,
			change: func(tx cloud.Tx) {
				edit(tx, cloud.TransitTables, "tgw-rtb-1", func(t *cloud.TransitTable) { t.Propagations, t.Routes = []cloud.TransitAttachmentID{"att-1"}, nil })
			}},
		{name: "no route back", vpc: "vpc-2", from: "eni-a", to: "10.0.2.20", port: 443, stage: netplan.StageNoRoute, code: "NO_ROUTE_TO_DESTINATION", blame: "rtb-main", delivered: true},
		{name: "detached", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 22, stage: netplan.StageBlackhole, code: "BAD_STATE_ROUTE", blame: "rtb-priv",
			change: func(tx cloud.Tx) {
				edit(tx, cloud.TransitAttachments, "att-1", func(a *cloud.TransitAttachment) { a.State = cloud.TransitDeleted })
			}},
		{name: "nobody has the address", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.99", port: 22, stage: netplan.StageNoHost, code: "NO_POSSIBLE_DESTINATION", blame: "vpc-2"},
		{name: "the other VPC's resolver", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.2", port: 53, stage: netplan.StageRouter, code: "NO_POSSIBLE_DESTINATION", blame: "vpc-2"},
		{name: "the port's ACL on the way in from the host", vpc: "vpc-2", from: "eni-a", to: "10.0.0.20", port: 443, stage: netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", blame: "acl-2t", change: acl("acl-2t", all[2:]...)},
		{name: "the port's ACL on the way out to the host", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 22, stage: netplan.StageACLOut, code: "SUBNET_ACL_RESTRICTION", blame: "acl-2t", change: acl("acl-2t", all[:2]...)},
		{name: "the port's ACL does not see what enters by the port", vpc: "vpc-1", from: "eni-fn", to: "10.1.0.20", port: 22,
			change: acl("acl-2t", line(1, false, -1, 0, 0, cloud.Allow, "10.1.0.0/16"), all[2])},
		{name: "in the port's own subnet both directions count", vpc: "vpc-1", from: "eni-db", to: "10.1.0.20", port: 22, stage: netplan.StageACLIn, code: "SUBNET_ACL_RESTRICTION", blame: "acl-priv", change: acl("acl-priv", all[2:]...)},
		{name: "and none for what comes", vpc: "vpc-2", from: "eni-a", to: "10.0.1.30", port: 443,
			change: acl("acl-priv", line(1, false, -1, 0, 0, cloud.Allow, "10.0.0.0/16"), all[2])},
		{name: "an internet gateway does not serve another VPC", vpc: "vpc-2", from: "eni-a", to: "198.51.100.7", port: 443, stage: netplan.StageNoPublicIP, code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", blame: "eni-tgw1",
			change: func(tx cloud.Tx) {
				edit(tx, cloud.RouteTables, "rtb-priv", func(t *cloud.RouteTable) {
					t.Routes = []cloud.Route{route("0.0.0.0/0", cloud.TargetInternetGateway, "igw-1")}
				})
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := throughHub(t, c.vpc, c.change).Explain(reach.Query{From: c.from, To: ip(c.to), Port: c.port})
			if a.Stage != c.stage || a.Code != c.code || a.Reachable != (c.stage == "") || c.stage != "" && a.Delivered != c.delivered {
				t.Fatalf("stage %q, code %s, reachable %v, delivered %v; want %q, %s, delivered %v: %s", a.Stage, a.Code, a.Reachable, a.Delivered, c.stage, c.code, c.delivered, a.Text)
			}
			if c.stage != "" && (len(a.Blame) == 0 || a.Blame[0].ID != c.blame) {
				t.Errorf("blames %v, want %s: %s", a.Blame, c.blame, a.Text)
			}
			for _, h := range slices.Concat(a.Path, a.Reply) {
				if h.Resource.ID == "" {
					t.Errorf("a hop without a resource: %+v", h)
				}
			}
		})
	}
}

// TestTransitPath: a path and its answer name what they pass, in order.
func TestTransitPath(t *testing.T) {
	a := throughHub(t, "vpc-2", nil).Explain(reach.Query{From: "eni-a", To: ip("198.51.100.7"), Port: 443})
	names := func(hops []reach.Hop) string {
		var out []string
		for _, h := range reach.InOrder(hops) {
			out = append(out, h.Resource.ID)
		}
		return strings.Join(out, " ")
	}
	if got, want := names(a.Path), "eni-a sg-2 acl-2 rtb-2 acl-2t eni-tgw2 att-2 tgw-1 att-1 acl-priv rtb-priv acl-pub eni-nat nat-1 acl-pub rtb-pub igw-1"; got != want {
		t.Errorf("path\n%s, want\n%s", got, want)
	}
	if got, want := names(a.Reply), "igw-1 acl-pub eni-nat nat-1 acl-pub rtb-pub acl-priv eni-tgw1 att-1 tgw-1 att-2 acl-2t rtb-2 acl-2 eni-a"; got != want {
		t.Errorf("answer\n%s, want\n%s", got, want)
	}
}

// TestTransitDrop: a drop in another VPC is explained from either end.
func TestTransitDrop(t *testing.T) {
	drop := reach.Drop{Stage: netplan.StageGroupIn, ENI: "eni-a", Protocol: 6, Src: netip.MustParseAddrPort("10.1.0.20:40000"), Dst: netip.MustParseAddrPort("10.0.0.20:80")}
	for _, vpc := range []cloud.VPCID{"vpc-1", "vpc-2"} {
		a := throughHub(t, vpc, nil).FromDrop(drop)
		if a.Stage != netplan.StageGroupIn || len(a.Blame) == 0 || a.Blame[0].ID != "sg-web" {
			t.Errorf("from %s: %s, %v", vpc, a.Text, a.Blame)
		}
	}
}

// TestTransitMatrix agrees with single questions, also on the way to the internet.
func TestTransitMatrix(t *testing.T) {
	x := throughHub(t, "vpc-2", nil)
	internet := ip("198.51.100.7")
	m := x.Matrix(reach.MatrixQuery{Protocol: 6, Port: 443, Internet: internet})
	for from, want := range map[cloud.InterfaceID]reach.Cell{"eni-a": {Reachable: true}, "eni-b": {Code: "TGW_ROUTE_AZ_RESTRICTION"}} {
		if got := m.Between(from, ""); got != want {
			t.Errorf("%s to the internet: %+v, want %+v", from, got, want)
		}
	}
}
