package netplan_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// withEndpoint adds an interface endpoint in both subnets.
func withEndpoint(tx cloud.Tx) {
	for id, at := range map[cloud.InterfaceID]struct {
		subnet cloud.SubnetID
		addr   string
	}{"eni-ep-a": {"subnet-pub", "10.0.0.40"}, "eni-ep-b": {"subnet-priv", "10.0.1.40"}} {
		cloud.Interfaces.Put(tx, &cloud.Interface{Meta: meta, ID: id, VPC: "vpc-1", Subnet: at.subnet, Use: cloud.UseEndpoint, Addrs: []netip.Addr{ip(at.addr)},
			SecurityGroups: []cloud.SecurityGroupID{"sg-web"}, SourceDestCheck: true, Owner: "vpce-1"})
	}
	cloud.Endpoints.Put(tx, &cloud.Endpoint{
		Meta: meta, ID: "vpce-1", VPC: "vpc-1", Service: "com.amazonaws.us-east-1.s3", API: "s3", Subnets: []cloud.SubnetID{"subnet-pub", "subnet-priv"},
		Interfaces: []cloud.InterfaceID{"eni-ep-b", "eni-ep-a"}, Groups: []cloud.SecurityGroupID{"sg-web"},
		Name: "*.vpce-1-abc.s3.us-east-1.vpce.amazonaws.com", PrivateDNS: true,
		PrivateNames: []string{"s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com"},
	})
}

func TestInterfaceEndpoint(t *testing.T) {
	p := compile(t, withEndpoint)
	want := []netplan.Endpoint{{ID: "vpce-1", Service: "com.amazonaws.us-east-1.s3", API: "s3", ENIs: []cloud.InterfaceID{"eni-ep-a", "eni-ep-b"}, Source: refs(cloud.KindEndpoint, "vpce-1", "")}}
	if !reflect.DeepEqual(p.Endpoints, want) {
		t.Errorf("endpoints %+v\nwant %+v", p.Endpoints, want)
	}
	if e := p.ENI("eni-ep-a"); e == nil || e.Attach != netplan.AttachEndpoint || e.Profile != "sg-web" || e.AnySource {
		t.Errorf("interface %+v", e)
	}
	both, a, b := "10.0.0.40 10.0.1.40", "10.0.0.40", "10.0.1.40"
	off := func(f func(*cloud.VPC)) func(cloud.Tx) {
		return func(tx cloud.Tx) { edit(tx, cloud.VPCs, "vpc-1", f) }
	}
	noPrivate := func(tx cloud.Tx) {
		edit(tx, cloud.Endpoints, "vpce-1", func(e *cloud.Endpoint) { e.PrivateDNS = false })
	}
	for _, c := range []struct {
		name   string
		want   string
		change func(cloud.Tx)
	}{
		{"s3.us-east-1.amazonaws.com", both, nil},
		{"bucket.s3.us-east-1.amazonaws.com", both, nil},
		{"a.b.s3.us-east-1.amazonaws.com", both, nil},
		{"s3.eu-west-1.amazonaws.com", "", nil},
		{"bucket.vpce-1-abc.s3.us-east-1.vpce.amazonaws.com", both, nil},
		{"bucket.vpce-1-abc-us-east-1a.s3.us-east-1.vpce.amazonaws.com", a, nil},
		{"bucket.vpce-1-abc-us-east-1b.s3.us-east-1.vpce.amazonaws.com", b, nil},
		{"vpce-1-abc.s3.us-east-1.vpce.amazonaws.com", "", nil}, // the star stands for something
		{"s3.us-east-1.amazonaws.com", "", noPrivate},
		{"s3.us-east-1.amazonaws.com", "", off(func(v *cloud.VPC) { v.DNSHostnames = false })},
		{"s3.us-east-1.amazonaws.com", "", off(func(v *cloud.VPC) { v.DNSSupport = false })},
		{"bucket.vpce-1-abc.s3.us-east-1.vpce.amazonaws.com", both, noPrivate},
		{"bucket.vpce-1-abc.s3.us-east-1.vpce.amazonaws.com", both, off(func(v *cloud.VPC) { v.DNSHostnames = false })},
		{"s3.us-east-1.amazonaws.com", b, func(tx cloud.Tx) { cloud.Interfaces.Delete(tx, "eni-ep-a") }},
	} {
		change := c.change
		if change == nil {
			change = func(cloud.Tx) {}
		}
		addrs, ok := compile(t, withEndpoint, change).DNS.Lookup(c.name)
		if got := joined(addrs); got != c.want || ok != (c.want != "") {
			t.Errorf("%s is %q, want %q", c.name, got, c.want)
		}
	}
}

func joined(addrs []netip.Addr) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, " ")
}

// TestEndpointAddrs: an endpoint's own names mean the same everywhere, its private names nothing elsewhere.
func TestEndpointAddrs(t *testing.T) {
	v := state(t, small, withEndpoint)
	for name, want := range map[string]string{
		"bucket.vpce-1-abc-us-east-1b.s3.us-east-1.vpce.amazonaws.com": "10.0.1.40",
		"bucket.vpce-2-abc.s3.us-east-1.vpce.amazonaws.com":            "",
		"s3.us-east-1.amazonaws.com":                                   "",
		"":                                                             "",
	} {
		if addrs, ok := netplan.EndpointAddrs(v, name); joined(addrs) != want || ok != (want != "") {
			t.Errorf("%s is %v, want %q", name, addrs, want)
		}
	}
}

// TestEndpointDangling: an endpoint's interface that serves nothing is no host.
func TestEndpointDangling(t *testing.T) {
	p := compile(t, withEndpoint, func(tx cloud.Tx) { cloud.Endpoints.Delete(tx, "vpce-1") })
	if p.ENI("eni-ep-a") != nil || len(p.Problems) != 2 || !strings.Contains(p.Problems[0].Msg, "eni-ep-a serves no endpoint") {
		t.Errorf("interface %+v, problems %v", p.ENI("eni-ep-a"), p.Problems)
	}
	p = compile(t, withEndpoint, func(tx cloud.Tx) {
		edit(tx, cloud.Endpoints, "vpce-1", func(e *cloud.Endpoint) { e.Interfaces = []cloud.InterfaceID{"eni-web", "eni-gone"} })
	})
	if len(p.Endpoints) != 0 {
		t.Errorf("an endpoint at another's interface: %+v", p.Endpoints)
	}
	p = compile(t, withEndpoint, func(tx cloud.Tx) {
		e, _ := cloud.Endpoints.Get(tx, "vpce-1")
		twin := *e
		twin.ID = "vpce-2"
		cloud.Endpoints.Put(tx, &twin)
	})
	if len(p.Endpoints) != 1 || p.Endpoints[0].ID != "vpce-1" {
		t.Errorf("two endpoints at the same interfaces: %+v", p.Endpoints)
	}
}
