package reach_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
	"weir/internal/store"
)

// offered is base, and vpc-2 with the same block: a load balancer there on port
// 80 whose target is eni-target, port 8080, and a service of it, to which
// vpce-1 in subnet-priv leads.
func offered(tx cloud.Tx) {
	base(tx)
	cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-2", CIDRs: []cloud.CIDRAssociation{{Prefix: pfx("10.0.0.0/16")}}, DNSSupport: true})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-2", VPC: "vpc-2", Zone: "us-east-1a", CIDR: pfx("10.0.1.0/24"), NetworkACL: "acl-2"})
	cloud.NetworkACLs.Put(tx, &cloud.NetworkACL{Meta: meta, ID: "acl-2", VPC: "vpc-2", Entries: openACL()})
	cloud.RouteTables.Put(tx, &cloud.RouteTable{Meta: meta, ID: "rtb-2", VPC: "vpc-2", Main: true})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-target", VPC: "vpc-2", Rules: []cloud.SecurityGroupRule{allow("sgr-lb", false, 6, 8080, 8080, "10.0.1.50/32")}})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-vpce", VPC: "vpc-1", Rules: []cloud.SecurityGroupRule{allow("sgr-80", false, 6, 80, 80, "10.0.0.0/16")}})
	put := func(id cloud.InterfaceID, vpc cloud.VPCID, subnet cloud.SubnetID, use cloud.InterfaceUse, addr string, groups ...cloud.SecurityGroupID) {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: id, VPC: vpc, Subnet: subnet, Use: use, SecurityGroups: groups, SourceDestCheck: true, Addrs: []netip.Addr{ip(addr)}})
	}
	put("eni-target", "vpc-2", "subnet-2", cloud.UseHost, "10.0.1.60", "sg-target")
	put("eni-lb", "vpc-2", "subnet-2", cloud.UseBalancer, "10.0.1.50")
	put("eni-vpce", "vpc-1", "subnet-priv", cloud.UseEndpoint, "10.0.1.70", "sg-vpce")
	cloud.LoadBalancers.Put(tx, &cloud.LoadBalancer{Meta: meta, ID: "lb-1", VPC: "vpc-2", Subnets: []cloud.SubnetID{"subnet-2"}, Interfaces: []cloud.InterfaceID{"eni-lb"}, Open: true, PrivateIn: true})
	cloud.TargetGroups.Put(tx, &cloud.TargetGroup{Meta: meta, ID: "tg-1", VPC: "vpc-2", Targets: []cloud.Target{{Addr: ip("10.0.1.60"), Port: 8080}}})
	cloud.Listeners.Put(tx, &cloud.Listener{Meta: meta, ID: "l-1", Balancer: "lb-1", Port: 80, Group: "tg-1"})
	cloud.EndpointServices.Put(tx, &cloud.EndpointService{Meta: meta, ID: "svc-1", Balancers: []cloud.LoadBalancerID{"lb-1"}})
	cloud.Endpoints.Put(tx, &cloud.Endpoint{Meta: meta, ID: "vpce-1", VPC: "vpc-1", Provider: "svc-1", Consent: cloud.ConsentGiven,
		Subnets: []cloud.SubnetID{"subnet-priv"}, Interfaces: []cloud.InterfaceID{"eni-vpce"}, Groups: []cloud.SecurityGroupID{"sg-vpce"}})
}

// TestEndpointService: the way leads through the endpoint and the load balancer
// to the target, and every place on it can end it.
func TestEndpointService(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(cloud.Tx)
		port   int
		stage  netplan.Stage // "" is reachable
		blame  string
	}{
		{name: "accepted", port: 80},
		{name: "not accepted yet", port: 80, stage: netplan.StageConsent, blame: "svc-1", change: func(tx cloud.Tx) {
			edit(tx, cloud.Endpoints, "vpce-1", func(e *cloud.Endpoint) { e.Consent = cloud.ConsentPending })
		}},
		{name: "rejected", port: 80, stage: netplan.StageConsent, blame: "vpce-1", change: func(tx cloud.Tx) {
			edit(tx, cloud.Endpoints, "vpce-1", func(e *cloud.Endpoint) { e.Consent = cloud.ConsentRefused })
		}},
		{name: "the endpoint's security group", port: 81, stage: netplan.StageGroupIn, blame: "sg-vpce"},
		{name: "no listener", port: 80, stage: netplan.StageListener, blame: "svc-1", change: func(tx cloud.Tx) { cloud.Listeners.Delete(tx, "l-1") }},
		{name: "no target", port: 80, stage: netplan.StageTargets, blame: "lb-1", change: func(tx cloud.Tx) {
			edit(tx, cloud.TargetGroups, "tg-1", func(g *cloud.TargetGroup) { g.Targets = nil })
		}},
		{name: "the target's security group", port: 80, stage: netplan.StageGroupIn, blame: "sg-target", change: func(tx cloud.Tx) {
			edit(tx, cloud.SecurityGroups, "sg-target", func(g *cloud.SecurityGroup) { g.Rules = nil })
		}},
		{name: "the load balancer's security group", port: 80, stage: netplan.StageGroupIn, blame: "sg-lb", change: closedBalancer},
		{name: "which does not judge endpoints", port: 80, change: func(tx cloud.Tx) {
			closedBalancer(tx)
			edit(tx, cloud.LoadBalancers, "lb-1", func(b *cloud.LoadBalancer) { b.PrivateIn = false })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := store.NewMemory(cloud.Schema())
			if _, err := s.Update(context.Background(), func(tx cloud.Tx) error {
				offered(tx)
				if c.change != nil {
					c.change(tx)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			v := s.View()
			x := reach.Across("vpc-1", func(id cloud.VPCID) *netplan.Plan { return netplan.Compile(v, id) })
			a := x.Explain(reach.Query{From: "eni-db", To: ip("10.0.1.70"), Port: c.port})
			if a.Reachable != (c.stage == "") || a.Stage != c.stage {
				t.Fatalf("reachable %v, stage %q: %s", a.Reachable, a.Stage, a.Text)
			}
			if c.blame != "" && !slices.ContainsFunc(a.Blame, func(r cloud.Ref) bool { return r.ID == c.blame }) {
				t.Errorf("blames %v, want %s: %s", a.Blame, c.blame, a.Text)
			}
		})
	}
}

// closedBalancer gives the load balancer a group that lets nothing in.
func closedBalancer(tx cloud.Tx) {
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-lb", VPC: "vpc-2", Rules: []cloud.SecurityGroupRule{allow("sgr-out", true, -1, -1, -1, "0.0.0.0/0")}})
	edit(tx, cloud.Interfaces, "eni-lb", func(i *cloud.Interface) { i.SecurityGroups = []cloud.SecurityGroupID{"sg-lb"} })
	edit(tx, cloud.LoadBalancers, "lb-1", func(b *cloud.LoadBalancer) { b.Open = false })
}
