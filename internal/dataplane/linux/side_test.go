package linux

import (
	"context"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
	"weir/internal/store"
)

// An instance with two ways out: what is kept goes by its VPC's interface, the
// rest by the platform's, each with that interface's address and rules.
func TestSide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state := store.NewMemory(cloud.Schema())
	m := dataplane.New(dataplane.Config{State: state, Kernel: w.k})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = m.Run(ctx); close(done) }()
	defer func() { cancel(); <-done; _ = m.Close() }()
	meta := cloud.Meta{Account: "111122223333", Region: "us-east-1"}
	network := func(tx cloud.Tx, n, block string) {
		all := cloud.NetworkACLEntry{Number: 100, Action: cloud.Allow, Protocol: -1, Prefix: all4, From: -1, To: -1}
		out := all
		out.Egress = true
		vpc := cloud.VPCID("vpc-" + n)
		cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: vpc, CIDRs: []cloud.CIDRAssociation{{ID: n, Prefix: prefix(block)}}, DNSSupport: true})
		cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: cloud.NetworkACLID("acl-" + n), VPC: vpc, Entries: []cloud.NetworkACLEntry{all, out}})
		cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: cloud.InternetGatewayID("igw-" + n), VPC: vpc})
		cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: cloud.RouteTableID("rtb-" + n), VPC: vpc, Main: true, Routes: []cloud.Route{{Dest: all4, Target: cloud.RouteTarget{Kind: cloud.TargetInternetGateway, ID: "igw-" + n}}}})
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: cloud.SubnetID("subnet-" + n), VPC: vpc, CIDR: prefix(block), NetworkACL: cloud.NetworkACLID("acl-" + n)})
		cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: cloud.SecurityGroupID("sg-" + n), VPC: vpc, Rules: []cloud.SecurityGroupRule{
			{ID: "sgr-out" + n, Action: cloud.Allow, Egress: true, Protocol: -1, From: -1, To: -1, Prefix: all4},
			{ID: "sgr-in" + n, Action: cloud.Allow, Protocol: -1, From: -1, To: -1, Prefix: prefix(block)}}})
	}
	face := func(tx cloud.Tx, id, n, addr, public string, use cloud.InterfaceUse) {
		i := &cloud.Interface{Meta: meta, ID: cloud.InterfaceID(id), VPC: cloud.VPCID("vpc-" + n), Subnet: cloud.SubnetID("subnet-" + n), Use: use, SourceDestCheck: true,
			Addrs: ips(addr), SecurityGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID("sg-" + n)}}
		if public != "" {
			i.PublicIP = ip(public)
		}
		cloud.Interfaces.Put(tx, i)
	}
	rev, err := state.Update(ctx, func(tx cloud.Tx) error {
		network(tx, "own", "10.0.0.0/16")
		network(tx, "platform", "100.127.0.0/16")
		face(tx, "eni-fn", "own", "10.0.0.10", "", cloud.UseFunction)
		face(tx, "eni-host", "own", "10.0.0.20", "", cloud.UseHost)
		face(tx, "eni-side", "platform", "100.127.0.10", "203.0.113.9", cloud.UseFunction)
		return nil
	})
	for _, vpc := range []cloud.VPCID{"vpc-own", "vpc-platform"} {
		if err == nil {
			err = m.Settle(ctx, vpc, rev)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	host, err := m.Lease(ctx, "eni-host")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	w.whoami(host.NetNS, "0.0.0.0:80")

	slot, err := m.LeaseBeside(ctx, "eni-fn", dataplane.Side{ENI: "eni-side"})
	if err != nil {
		t.Fatal(err)
	}
	w.seen("the internet", w.tcp(slot.NetNS, "198.51.100.7:80"), "203.0.113.9")
	w.seen("the VPC", w.tcp(slot.NetNS, "10.0.0.20:80"), "10.0.0.10")
	alone, err := m.Lease(ctx, "eni-fn")
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	w.seen("the internet without a second way", w.tcp(alone.NetNS, "198.51.100.7:80"), "")
	if from := m.Drops("eni-fn", time.Time{}); len(from) == 0 || from[0].Stage != netplan.StageNoPublicIP {
		t.Errorf("drops of the VPC's interface: %+v, want one for want of a public address", from)
	}
	slot.Close()
	if !until(func() bool {
		for _, st := range m.Status() {
			if st.VPC == "vpc-platform" && st.Leased != 0 {
				return false
			}
		}
		return true
	}) {
		t.Errorf("the second way is still leased: %+v", m.Status())
	}
}
