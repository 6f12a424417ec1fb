package netplan_test

import (
	"net/netip"
	"slices"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// twoVPCs is small, peered with vpc-2, whose host db carries sg-db; rules of
// either VPC refer to the other's groups.
func twoVPCs(tx cloud.Tx) {
	small(tx)
	cloud.VPCs.Put(tx, &cloud.VPC{Meta: meta, ID: "vpc-2", CIDRs: []cloud.CIDRAssociation{{Prefix: pfx("10.1.0.0/16")}},
		DNSSupport: true, DNSHostnames: true, PrivateNames: "ip-*.ec2.internal"})
	cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-2", VPC: "vpc-2", Zone: "us-east-1a", CIDR: pfx("10.1.0.0/24")})
	cloud.SecurityGroups.Put(tx, &cloud.SecurityGroup{Meta: meta, ID: "sg-db", VPC: "vpc-2", Rules: []cloud.SecurityGroupRule{
		{ID: "sgr-web", Protocol: 6, From: 5432, To: 5432, Group: "sg-fn", Action: cloud.Allow}}})
	cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-db", VPC: "vpc-2", Subnet: "subnet-2", Use: cloud.UseHost,
		Addrs: []netip.Addr{ip("10.1.0.20")}, SecurityGroups: []cloud.SecurityGroupID{"sg-db"}, SourceDestCheck: true})
	cloud.Peerings.Put(tx, &cloud.Peering{Meta: meta, ID: "pcx-1", State: cloud.PeeringActive,
		Requester: cloud.PeeringSide{VPC: "vpc-1", Account: meta.Account, Region: meta.Region},
		Accepter:  cloud.PeeringSide{VPC: "vpc-2", Account: meta.Account, Region: meta.Region}})
	edit(tx, cloud.RouteTables, "rtb-priv", func(t *cloud.RouteTable) {
		t.Routes = append([]cloud.Route{{Dest: pfx("10.1.0.0/16"), Target: target(cloud.TargetPeering, "pcx-1")}}, t.Routes...)
	})
}

func hopTo(p *netplan.Plan, table cloud.RouteTableID, dest string) netplan.Hop {
	for _, t := range p.Tables {
		for _, r := range t.Routes {
			if t.ID == table && r.Dest == pfx(dest) {
				return r.Hop
			}
		}
	}
	return ""
}

func TestPeers(t *testing.T) {
	v := state(t, twoVPCs)
	p, q := netplan.Compile(v, "vpc-1"), netplan.Compile(v, "vpc-2")
	if len(p.Peers) != 1 || len(q.Peers) != 1 {
		t.Fatalf("peers: %+v and %+v", p.Peers, q.Peers)
	}
	a, b := p.Peers[0], q.Peers[0]
	if a.VPC != "vpc-2" || !a.Requester || !a.Up || len(a.Hosts) != 0 || !slices.Equal(a.CIDRs, []netip.Prefix{pfx("10.1.0.0/16")}) {
		t.Errorf("vpc-1's peer: %+v", a)
	}
	// eni-fn carries sg-fn and sg-web; the rule of sg-db makes it known in vpc-2.
	want := []netplan.PeerHost{{ip("10.0.1.10"), "sg-fn,sg-web"}, {ip("2001:db8:1000:1::10"), "sg-fn,sg-web"}}
	if b.VPC != "vpc-1" || b.Requester || !slices.Equal(b.Hosts, want) {
		t.Errorf("vpc-2's peer: %+v", b)
	}
	if in := q.Profiles[0].In; len(in) != 1 || !slices.Equal(in[0].Peers, []netplan.ProfileKey{"sg-fn,sg-web"}) {
		t.Errorf("sg-db lets in %+v", in)
	}
	if got := hopTo(p, "rtb-priv", "10.1.0.0/16"); got != netplan.HopPeering {
		t.Errorf("the route leads to %q", got)
	}
}

func TestPeersThatAreNone(t *testing.T) {
	for name, change := range map[string]func(cloud.Tx){
		"deleted": func(tx cloud.Tx) {
			edit(tx, cloud.Peerings, "pcx-1", func(p *cloud.Peering) { p.State = cloud.PeeringDeleted })
		},
		"pending": func(tx cloud.Tx) {
			edit(tx, cloud.Peerings, "pcx-1", func(p *cloud.Peering) { p.State = cloud.PeeringPending })
		},
		"without the other VPC": func(tx cloud.Tx) { cloud.VPCs.Delete(tx, "vpc-2") },
		"overlapping": func(tx cloud.Tx) {
			edit(tx, cloud.VPCs, "vpc-2", func(v *cloud.VPC) { v.CIDRs = []cloud.CIDRAssociation{{Prefix: pfx("10.0.0.0/8")}} })
		},
	} {
		v := state(t, twoVPCs, change)
		p := netplan.Compile(v, "vpc-1")
		if len(p.Peers) != 0 || hopTo(p, "rtb-priv", "10.1.0.0/16") != netplan.HopBlackhole {
			t.Errorf("%s: peers %+v, the route leads to %q", name, p.Peers, hopTo(p, "rtb-priv", "10.1.0.0/16"))
		}
		for _, f := range netplan.Compile(v, "vpc-2").Profiles {
			if len(f.In) != 0 {
				t.Errorf("%s: a stale reference lets in %+v", name, f.In)
			}
		}
	}
}

// TestPeerNames: names of hosts resolve in the other VPC only while their own
// side says so, and both VPCs have both DNS attributes.
func TestPeerNames(t *testing.T) {
	knows := func(change ...func(cloud.Tx)) bool {
		p := netplan.Compile(state(t, append([]func(cloud.Tx){twoVPCs}, change...)...), "vpc-1")
		return slices.ContainsFunc(p.DNS.Records, func(r netplan.DNSRecord) bool {
			return r.Name == "ip-10-1-0-20.ec2.internal" && slices.Equal(r.Addrs, []netip.Addr{ip("10.1.0.20")}) && !r.Reverse
		})
	}
	side := func(f func(*cloud.Peering)) func(cloud.Tx) {
		return func(tx cloud.Tx) { edit(tx, cloud.Peerings, "pcx-1", f) }
	}
	theirs := side(func(p *cloud.Peering) { p.Accepter.RemoteNames = true })
	off := func(tx cloud.Tx) { edit(tx, cloud.VPCs, "vpc-1", func(v *cloud.VPC) { v.DNSHostnames = false }) }
	for _, c := range []struct {
		name   string
		change []func(cloud.Tx)
		want   bool
	}{
		{"not asked for", nil, false},
		{"by their side", []func(cloud.Tx){theirs}, true},
		{"by our side only", []func(cloud.Tx){side(func(p *cloud.Peering) { p.Requester.RemoteNames = true })}, false},
		{"without our host names", []func(cloud.Tx){theirs, off}, false},
	} {
		if got := knows(c.change...); got != c.want {
			t.Errorf("%s: the peer's host resolves: %v, want %v", c.name, got, c.want)
		}
	}
}
