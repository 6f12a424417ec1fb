package dataplane

import (
	"net/netip"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// putPeer puts a second VPC with one host, joined to the first.
func putPeer(tx cloud.Tx) {
	meta := cloud.Meta{Account: "444455556666", Region: "us-east-1"}
	cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-2", CIDRs: []cloud.CIDRAssociation{{ID: "b", Prefix: netip.MustParsePrefix("10.1.0.0/16")}}, DNSSupport: true})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-2", VPC: "vpc-2"})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-2", VPC: "vpc-2", Main: true})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-2", VPC: "vpc-2", CIDR: netip.MustParsePrefix("10.1.0.0/24"), NetworkACL: "acl-2"})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-2", VPC: "vpc-2"})
	cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-far", VPC: "vpc-2", Subnet: "subnet-2", Use: cloud.UseHost,
		Addrs: []netip.Addr{netip.MustParseAddr("10.1.0.10")}, SecurityGroups: []cloud.SecurityGroupID{"sg-2"}, SourceDestCheck: true})
	side := func(vpc cloud.VPCID) cloud.PeeringSide { return cloud.PeeringSide{VPC: vpc, Region: "us-east-1"} }
	cloud.Peerings.Put(tx, &cloud.Peering{Meta: meta, ID: "pcx-1", Requester: side("vpc-1"), Accepter: side("vpc-2"), State: cloud.PeeringActive})
}

// TestManagerPeers: settling a VPC settles its peers, and a packet dropped at
// the other end is the sender's drop too.
func TestManagerPeers(t *testing.T) {
	r := newRig(t, Config{})
	rev := r.update(func(tx cloud.Tx) { putVPC(tx, cloud.UseHost); putPeer(tx) })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	near, far := r.k.Network("vpc-1"), r.k.Network("vpc-2")
	if near == nil || far == nil || len(near.Hub.Rules) != 1 || len(far.Hub.Rules) != 1 {
		t.Fatalf("after Settle the networks are %+v and %+v, want both with a link to the hub", near, far)
	}
	if near.Hub.Rules[0].Table != far.Hub.Routes[0].Table || far.Hub.Rules[0].Table != near.Hub.Routes[0].Table {
		t.Errorf("the ends do not lead to each other: %+v and %+v", near.Hub, far.Hub)
	}
	link := 0
	for n := range far.peers {
		link = n
	}
	head := []byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, tcp, 0, 0, 10, 0, 0, 10, 10, 1, 0, 10, 0x9c, 0x40, 0, 80}
	r.k.Drop(Packet{VPC: "vpc-2", Namespace: Router, Time: time.Unix(1, 0), Prefix: netplan.StageGroupIn.LogPrefix("p1"), In: link, Head: head})
	drops := r.m.Drops("eni-host", time.Time{})
	if len(drops) != 1 || drops[0].Stage != netplan.StageGroupIn || drops[0].Dst != netip.MustParseAddrPort("10.1.0.10:80") {
		t.Errorf("the sender's drops: %+v", drops)
	}
	rev = r.update(func(tx cloud.Tx) { cloud.Interfaces.Delete(tx, "eni-far") })
	if err := r.settle("vpc-1", rev); err != nil {
		t.Fatal(err)
	}
	if n := r.k.Network("vpc-1"); len(n.Hub.Rules)+len(n.Hub.Routes) != 0 {
		t.Errorf("a peer without interfaces leaves %+v in the hub", n.Hub)
	}
}
