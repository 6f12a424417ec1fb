package control

import (
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/store"
)

func networkControl(zones ...ZoneInfo) *Control {
	return New(Deps{Store: store.NewMemory(cloud.Schema())}, Options{
		Regions:    []RegionInfo{{Name: "us-east-1", Zones: zones}},
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	})
}

func TestServiceNetwork(t *testing.T) {
	c := networkControl(ZoneInfo{Name: "us-east-1a", ID: "use1-az1"})
	net, err := c.ServiceNetwork(t.Context(), "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	rev := c.View().Rev()
	again, err := c.ServiceNetwork(t.Context(), "us-east-1")
	if err != nil || again.Interfaces[0] != net.Interfaces[0] || c.View().Rev() != rev {
		t.Errorf("asked twice: %v %v at revision %d, want the same at %d", again.Interfaces, err, c.View().Rev(), rev)
	}
	v := c.View()
	vpc, ok := cloud.VPCs.Get(v, net.VPC)
	if !ok || !vpc.Service || vpc.Account != "weir" || vpc.ID != "vpc-weir-us-east-1-1" {
		t.Fatalf("the VPC: %+v", vpc)
	}
	i, _ := cloud.Interfaces.Get(v, net.Interfaces[0])
	if i.Use != cloud.UseFunction || i.Managed == "" || i.Addrs[0].String() != "100.127.128.4" {
		t.Errorf("the functions' interface: %+v", i)
	}
	g, _ := cloud.SecurityGroups.Get(v, net.Groups[0])
	if len(g.Rules) != 1 || !g.Rules[0].Egress || g.Rules[0].Prefix.String() != "0.0.0.0/0" {
		t.Errorf("the functions' group must let everything out and nothing in: %+v", g.Rules)
	}
	for nat := range cloud.NATGateways.By(v, "vpc", string(net.VPC)) {
		if nat.Failure != "" || nat.Private {
			t.Errorf("the NAT gateway: %+v", nat)
		}
		for e := range cloud.ElasticIPs.By(v, "interface", string(nat.Interface)) {
			if e.Addr.String() != "203.0.113.2" {
				t.Errorf("its public address is %s, want the pool's first", e.Addr)
			}
		}
	}
	inside, ok := findServiceInterface(v, "us-east-1", false)
	if !ok {
		t.Fatal("there is no interface without a way to the internet")
	}
	for table := range cloud.RouteTables.By(v, "vpc", string(net.VPC)) {
		if len(table.Associations) > 0 && table.Associations[0].Subnet == inside.Subnet {
			if len(table.Routes) > 0 {
				t.Errorf("the inside has a way out: %+v", table.Routes)
			}
			continue
		}
		want := cloud.TargetInternetGateway
		if table.Main {
			want = cloud.TargetNATGateway
		}
		if len(table.Routes) != 1 || table.Routes[0].Target.Kind != want {
			t.Errorf("routes of %s (main %v): %+v", table.ID, table.Main, table.Routes)
		}
	}
}

// TestOthersResourcesDoNotExist: no account sees or touches another's, nor the platform's own.
func TestOthersResourcesDoNotExist(t *testing.T) {
	c := networkControl(ZoneInfo{Name: "us-east-1a", ID: "use1-az1"})
	net, err := c.ServiceNetwork(t.Context(), "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	who := Caller{Account: "1", Region: "us-east-1", NewID: func(k cloud.Resource) string {
		n++
		return string(k) + "-" + string(rune('a'+n))
	}}
	mine, err := c.CreateVPC(t.Context(), who, CreateVPC{CIDR: netip.MustParsePrefix("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	other, elsewhere := who, who
	other.Account, elsewhere.Region = "2", "eu-west-1"
	for _, err := range []error{
		c.DeleteVPC(t.Context(), other, mine.ID),
		c.DeleteVPC(t.Context(), elsewhere, mine.ID),
		c.DeleteVPC(t.Context(), who, net.VPC),
		c.DeleteSubnet(t.Context(), who, net.Subnets[0]),
		c.DeleteInterface(t.Context(), who, net.Interfaces[0]),
	} {
		if !cloud.IsKind(err, cloud.NotFound) {
			t.Errorf("got %v, want not-found", err)
		}
	}
	_, err = c.CreateSubnet(t.Context(), other, CreateSubnet{VPC: mine.ID, CIDR: netip.MustParsePrefix("10.0.0.0/24")})
	if !cloud.IsKind(err, cloud.NotFound) {
		t.Errorf("a subnet in another account's VPC: got %v, want not-found", err)
	}
}
