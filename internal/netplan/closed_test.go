package netplan_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// TestDangling: what refers to nothing is closed, and the plan says so.
func TestDangling(t *testing.T) {
	cases := []struct {
		name    string
		change  func(cloud.Tx)
		problem string
		closed  func(*netplan.Plan) bool
	}{
		{"ACL", func(tx cloud.Tx) {
			edit(tx, cloud.Subnets, "subnet-priv", func(s *cloud.Subnet) { s.NetworkACL = "acl-9" })
		}, "acl-9", func(p *netplan.Plan) bool {
			a := p.ACLs[0]
			return p.Subnets[0].ACL == "acl-9" && a.ID == "acl-9" && a.In == nil && a.Out == nil
		}},
		{"no default ACL", func(tx cloud.Tx) { cloud.NetworkACLs.Delete(tx, "acl-default") }, "its subnets are closed",
			func(p *netplan.Plan) bool { return p.ACLs[0].ID == "" && p.ACLs[0].In == nil }},
		{"no main table", func(tx cloud.Tx) { cloud.RouteTables.Delete(tx, "rtb-main") }, "no main route table",
			func(p *netplan.Plan) bool {
				return p.Subnets[1].Table == "" && p.Tables[0].ID == "" && p.Tables[0].Routes == nil
			}},
		{"security group", func(tx cloud.Tx) { cloud.SecurityGroups.Delete(tx, "sg-web") }, "sg-web",
			func(p *netplan.Plan) bool { return p.Profiles[1].In == nil && len(p.Profiles[0].Out) == 1 }},
		{"security group of another VPC", func(tx cloud.Tx) {
			edit(tx, cloud.SecurityGroups, "sg-web", func(g *cloud.SecurityGroup) { g.VPC = "vpc-2" })
		}, "sg-web", func(p *netplan.Plan) bool { return p.Profiles[1].In == nil }},
		{"no security group", func(tx cloud.Tx) {
			edit(tx, cloud.Interfaces, "eni-web", func(e *cloud.Interface) { e.SecurityGroups = nil })
		}, "eni-web has no security group", func(p *netplan.Plan) bool {
			return p.ENI("eni-web").Profile == netplan.NoGroups && p.Profiles[0].Key == netplan.NoGroups && p.Profiles[0].Out == nil
		}},
		{"interface's subnet", func(tx cloud.Tx) {
			edit(tx, cloud.Interfaces, "eni-web", func(e *cloud.Interface) { e.Subnet = "subnet-9" })
		}, "subnet-9", func(p *netplan.Plan) bool { return p.ENI("eni-web") == nil && len(p.Gateway.Public) == 1 }},
		{"address outside the subnet", func(tx cloud.Tx) {
			edit(tx, cloud.Interfaces, "eni-web", func(e *cloud.Interface) { e.Addrs = []netip.Addr{ip("10.0.1.77"), {}} })
		}, "10.0.1.77 is not in subnet subnet-pub", func(p *netplan.Plan) bool { return p.ENI("eni-web") == nil }},
		{"address taken", func(tx cloud.Tx) {
			edit(tx, cloud.Interfaces, "eni-web", func(e *cloud.Interface) { e.Addrs = []netip.Addr{ip("10.0.0.5")} })
		}, "10.0.0.5 is already that of eni-nat", func(p *netplan.Plan) bool { return p.ENI("eni-web") == nil }},
		{"subnet outside the VPC", func(tx cloud.Tx) {
			edit(tx, cloud.Subnets, "subnet-pub", func(s *cloud.Subnet) { s.CIDR = pfx("10.9.0.0/24") })
		}, "subnet-pub", func(p *netplan.Plan) bool { return p.ENI("eni-web") == nil && p.ENI("eni-nat") == nil }},
		{"subnet on another", func(tx cloud.Tx) {
			cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-z", VPC: "vpc-1", CIDR: pfx("10.0.1.128/25")})
		}, "subnet-z", func(p *netplan.Plan) bool { return !p.Subnets[2].CIDR4.IsValid() }},
		{"NAT gateway's interface", func(tx cloud.Tx) { cloud.Interfaces.Delete(tx, "eni-nat") }, "nat-1",
			func(p *netplan.Plan) bool {
				return p.NATs == nil && p.Tables[1].Routes[2].Hop == netplan.HopBlackhole
			}},
		{"NAT gateway that failed", func(tx cloud.Tx) {
			edit(tx, cloud.NATGateways, "nat-1", func(n *cloud.NATGateway) { n.Failure = "Gateway.NotAttached" })
		}, "eni-nat serves no NAT gateway", func(p *netplan.Plan) bool {
			return p.NATs == nil && p.ENI("eni-nat") == nil && p.Tables[1].Routes[2].Hop == netplan.HopBlackhole
		}},
		{"NAT gateway that is deleted", func(tx cloud.Tx) {
			edit(tx, cloud.NATGateways, "nat-1", func(n *cloud.NATGateway) { n.Deleted = time.Unix(1, 0) })
		}, "rtb-priv: 0.0.0.0/0 is a blackhole", func(p *netplan.Plan) bool { return p.NATs == nil }},
		{"NAT gateway on a host's interface", func(tx cloud.Tx) {
			edit(tx, cloud.NATGateways, "nat-1", func(n *cloud.NATGateway) { n.Interface = "eni-web" })
		}, "nat-1", func(p *netplan.Plan) bool { return p.NATs == nil && p.ENI("eni-nat") == nil }},
		{"second internet gateway", func(tx cloud.Tx) {
			cloud.InternetGateways.Put(tx, &cloud.InternetGateway{Meta: meta, ID: "igw-2", VPC: "vpc-1"})
		}, "igw-2", func(p *netplan.Plan) bool { return p.Gateway.ID == "igw-1" }},
		{"elastic IP of an address that is gone", func(tx cloud.Tx) {
			edit(tx, cloud.ElasticIPs, "eipalloc-1", func(e *cloud.ElasticIP) { e.Private = ip("10.0.0.6") })
		}, "eipalloc-1", func(p *netplan.Plan) bool { return len(p.Gateway.Public) == 1 }},
		{"elastic IP twice", func(tx cloud.Tx) {
			cloud.ElasticIPs.Put(tx, &cloud.ElasticIP{Meta: meta, ID: "eipalloc-2", Addr: ip("203.0.113.6"), Interface: "eni-nat", Private: ip("10.0.0.5")})
		}, "eipalloc-2", func(p *netplan.Plan) bool { return p.Gateway.Public[0].Public == ip("203.0.113.5") }},
		{"route's prefix list", func(tx cloud.Tx) {
			edit(tx, cloud.RouteTables, "rtb-main", func(r *cloud.RouteTable) {
				r.Routes = []cloud.Route{{PrefixList: "pl-9", Target: target(cloud.TargetInternetGateway, "igw-1")}}
			})
		}, "pl-9", func(p *netplan.Plan) bool { return len(p.Tables[0].Routes) == 2 }},
		{"subnet in two tables", func(tx cloud.Tx) {
			edit(tx, cloud.RouteTables, "rtb-main", func(r *cloud.RouteTable) {
				r.Associations = []cloud.RouteTableAssociation{{Subnet: "subnet-priv"}}
			})
		}, "subnet-priv is already associated", func(p *netplan.Plan) bool { return p.Subnets[0].Table == "rtb-main" }},
		{"DHCP options", func(tx cloud.Tx) { cloud.DHCPOptionSets.Delete(tx, "dopt-1") }, "dopt-1",
			func(p *netplan.Plan) bool { return p.DNS.Upstream == nil && p.DNS.Search == nil }},
		{"ACL line without a prefix", func(tx cloud.Tx) {
			edit(tx, cloud.NetworkACLs, "acl-own", func(a *cloud.NetworkACL) {
				a.Entries = []cloud.NetworkACLEntry{{Number: 1, Protocol: 6, From: 22, To: 22, Action: cloud.Deny}, {Number: 2, Protocol: -1, Action: cloud.Allow}}
			})
		}, "acl-own", func(p *netplan.Plan) bool {
			in := p.ACLs[1].In
			return len(in) == 2 && in[0].Action == cloud.Deny && in[0].Prefix == pfx("0.0.0.0/0") && in[1].Prefix == pfx("::/0")
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, c.change)
			found := false
			for _, pr := range p.Problems {
				found = found || strings.Contains(pr.Msg, c.problem) && len(pr.From) > 0
			}
			if !found {
				t.Errorf("no problem names %q: %+v", c.problem, p.Problems)
			}
			if !c.closed(p) {
				t.Errorf("not closed: %s", dump(t, p))
			}
		})
	}
}

// TestNames: what the resolver knows, after the vendor's page on DNS attributes.
func TestNames(t *testing.T) {
	set := func(f func(*cloud.VPC)) func(cloud.Tx) {
		return func(tx cloud.Tx) { edit(tx, cloud.VPCs, "vpc-1", f) }
	}
	names := func(p *netplan.Plan) (out []string) {
		for _, r := range p.DNS.Records {
			out = append(out, r.Name)
		}
		return out
	}
	p := compile(t, set(func(v *cloud.VPC) { v.DNSHostnames = false }))
	if got := strings.Join(names(p), " "); got != "ip-10-0-0-20.ec2.internal ip-10-0-0-5.ec2.internal ip-10-0-1-10.ec2.internal" || p.DNS.Reverse != nil {
		t.Errorf("without host names: %s, reverse %v", got, p.DNS.Reverse)
	}
	p = compile(t, set(func(v *cloud.VPC) { v.DNSSupport = false }))
	if p.DNS.Enabled {
		t.Error("resolver on without DNS support")
	}
	p = compile(t, set(func(v *cloud.VPC) {
		v.PrivateNames, v.PublicNames = "ip-*.eu-west-1.compute.internal", "ec2-*.eu-west-1.compute.amazonaws.com"
	}))
	if got := names(p); got[1] != "ec2-203-0-113-5.eu-west-1.compute.amazonaws.com" || got[2] != "ip-10-0-0-20.eu-west-1.compute.internal" {
		t.Errorf("names of another region: %v", got)
	}
	p = compile(t, set(func(v *cloud.VPC) { v.PrivateNames, v.PublicNames = "", "" }))
	if got := names(p); got != nil {
		t.Errorf("names without patterns: %v", got)
	}
	p = compile(t, func(tx cloud.Tx) {
		edit(tx, cloud.DHCPOptionSets, "dopt-1", func(o *cloud.DHCPOptions) {
			o.Options = map[string][]string{"domain-name": {"a.example b.example"}, "domain-name-servers": {"10.0.1.53", "AmazonProvidedDNS", "10.0.0.2"}}
		})
	})
	if d := p.DNS; len(d.Upstream) != 1 || d.Upstream[0] != ip("10.0.1.53") || strings.Join(d.Search, ",") != "a.example,b.example" {
		t.Errorf("own name servers: %+v", d)
	}
}
