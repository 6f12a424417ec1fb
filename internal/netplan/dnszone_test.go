package netplan_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// TestPrivateZones: a VPC's plan has the zones attached to it, if both of its
// switches are on, and the addresses of endpoints that aliases lead to.
func TestPrivateZones(t *testing.T) {
	put := func(tx cloud.Tx, vpc func(*cloud.VPC)) {
		v := &cloud.VPC{Meta: meta, ID: "vpc-z", DNSSupport: true, DNSHostnames: true, CIDRs: []cloud.CIDRAssociation{{ID: "c", Prefix: pfx("10.0.0.0/16")}}}
		if vpc != nil {
			vpc(v)
		}
		cloud.VPCs.Put(tx, v)
		at := []cloud.ZoneVPC{{VPC: "vpc-z", Region: "us-east-1"}}
		cloud.DNSZones.Put(tx, &cloud.DNSZone{Meta: cloud.Meta{Account: "2"}, ID: "Z2", Name: "b.example", VPCs: at}) // another account's
		cloud.DNSZones.Put(tx, &cloud.DNSZone{ID: "Z1", Name: "a.example", VPCs: at})
		cloud.DNSZones.Put(tx, &cloud.DNSZone{ID: "Z3", Name: "c.example", VPCs: []cloud.ZoneVPC{{VPC: "vpc-other"}}})
		for _, r := range []cloud.DNSRecordSet{
			{Zone: "Z1", Name: "x.a.example", Type: "A", Values: []string{"10.0.0.1"}},
			{Zone: "Z1", Name: "a.example", Type: "SOA", Values: []string{"."}},
			{Zone: "Z1", Name: "e.a.example", Type: "A", Alias: "vpce-1.svc.example"},
			{Zone: "Z1", Name: "f.a.example", Type: "A", Alias: "gone.svc.example"},
			{Zone: "Z1", Name: "g.a.example", Type: "A", Alias: "x.a.example"},
			{Zone: "Z3", Name: "y.c.example", Type: "A", Values: []string{"10.0.0.1"}},
		} {
			cloud.DNSRecordSets.Put(tx, &r)
		}
		cloud.Subnets.Put(tx, &cloud.Subnet{Meta: meta, ID: "subnet-z", VPC: "vpc-z", Zone: "z1", CIDR: pfx("10.0.1.0/24"), DNS64: true})
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: "eni-e", VPC: "vpc-z", Subnet: "subnet-z", Use: cloud.UseEndpoint, Addrs: []netip.Addr{ip("10.0.1.9")}})
		cloud.Endpoints.Put(tx, &cloud.Endpoint{Meta: meta, ID: "vpce-1", VPC: "vpc-z", Name: "vpce-1.svc.example", Interfaces: []cloud.InterfaceID{"eni-e"}})
	}
	p := netplan.Compile(state(t, func(tx cloud.Tx) { put(tx, nil) }), "vpc-z")
	if len(p.DNS.Zones) != 2 || p.DNS.Zones[0].ID != "Z1" || p.DNS.Zones[1].ID != "Z2" {
		t.Fatalf("zones: %+v", p.DNS.Zones)
	}
	z, names := p.DNS.Zones[0], []string{}
	for _, s := range z.Sets {
		names = append(names, s.Name)
	}
	if want := []string{"a.example", "e.a.example", "f.a.example", "g.a.example", "x.a.example"}; !slices.Equal(names, want) {
		t.Errorf("records of %v, want %v", names, want)
	}
	if len(z.Targets) != 1 || z.Targets[0].Name != "vpce-1.svc.example" || !slices.Equal(z.Targets[0].Addrs, []netip.Addr{ip("10.0.1.9")}) {
		t.Errorf("targets: %+v", z.Targets)
	}
	if !slices.ContainsFunc(p.Problems, func(x netplan.Problem) bool { return x.From[0].ID == "Z1" && strings.Contains(x.Msg, "f.a.example") }) {
		t.Errorf("problems: %+v, want one of the alias that leads nowhere", p.Problems)
	}
	if !p.Subnets[0].DNS64 {
		t.Error("the plan does not say that the subnet has DNS64")
	}
	for what, vpc := range map[string]func(*cloud.VPC){
		"without DNS support":    func(v *cloud.VPC) { v.DNSSupport = false },
		"without DNS host names": func(v *cloud.VPC) { v.DNSHostnames = false },
	} {
		if p := netplan.Compile(state(t, func(tx cloud.Tx) { put(tx, vpc) }), "vpc-z"); len(p.DNS.Zones) != 0 {
			t.Errorf("%s: zones %+v", what, p.DNS.Zones)
		}
	}
}
