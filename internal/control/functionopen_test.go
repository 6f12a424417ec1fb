package control

import (
	"fmt"
	"net/netip"
	"testing"

	"weir/internal/cloud"
)

// opening is an account with one VPC, whose functions' networks are checked when they run.
type opening struct {
	*testing.T
	*Control
	who   Caller
	vpc   *cloud.VPC
	a, b  *cloud.Subnet // in zones a and b; b's has no free address
	group *cloud.SecurityGroup
}

func newOpening(t *testing.T) *opening {
	c := networkControl(ZoneInfo{Name: "r-a", ID: "a"}, ZoneInfo{Name: "r-b", ID: "b"})
	n := 0
	o := &opening{T: t, Control: c, who: Caller{Account: "1", Region: "us-east-1", NewID: func(k cloud.Resource) string {
		n++
		return fmt.Sprintf("%s-%d", k, n)
	}}}
	o.vpc = o.network("10.0.0.0/16")
	o.a, o.b = o.subnet(o.vpc, "r-a", "10.0.1.0/24", 0), o.subnet(o.vpc, "r-b", "10.0.2.0/28", 15)
	o.group = defaultSecurityGroup(c.View(), o.vpc.ID)
	return o
}

func (o *opening) network(cidr string) *cloud.VPC {
	vpc, err := o.CreateVPC(o.Context(), o.who, CreateVPC{CIDR: netip.MustParsePrefix(cidr), DNSSupport: true})
	if err != nil {
		o.Fatal(err)
	}
	return vpc
}

func (o *opening) subnet(vpc *cloud.VPC, zone, cidr string, reserved int) *cloud.Subnet {
	s, err := o.CreateSubnet(o.Context(), o.who, CreateSubnet{VPC: vpc.ID, Zone: zone, CIDR: netip.MustParsePrefix(cidr), ReservedFirst: reserved, ReservedLast: 1})
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// open stores a function with a network that nobody has checked, and opens it.
func (o *opening) open(n cloud.FunctionNetwork) (*cloud.Version, error) {
	n.Unchecked = true
	if _, err := o.store.Update(o.Context(), func(tx cloud.Tx) error {
		cloud.Functions.Put(tx, &cloud.Function{Meta: cloud.Meta{Account: "1", Region: "us-east-1"}, Name: "f",
			Key: cloud.MakeFunctionKey("1", "us-east-1", "f"), Latest: cloud.Version{RevisionID: "r", Network: n}})
		return nil
	}); err != nil {
		o.Fatal(err)
	}
	return o.OpenFunctionNetwork(o.Context(), o.who, "f", 0, OpenNetwork{ZoneServed: func(z string) bool { return z != "r-c" }, Managed: "functions"})
}

func TestOpenFunctionNetwork(t *testing.T) {
	o := newOpening(t)
	other := o.network("10.1.0.0/16")
	far := o.subnet(other, "r-a", "10.1.1.0/24", 0)
	good := cloud.FunctionNetwork{VPC: o.vpc.ID, Subnets: []cloud.SubnetID{o.a.ID}, Groups: []cloud.SecurityGroupID{o.group.ID}}
	for _, w := range []struct {
		name   string
		change func(n *cloud.FunctionNetwork)
		kind   cloud.Kind
		reason string
	}{
		{"no such VPC", func(n *cloud.FunctionNetwork) { n.VPC = "vpc-0" }, cloud.NotFound, ""},
		{"no such subnet", func(n *cloud.FunctionNetwork) { n.Subnets = []cloud.SubnetID{"subnet-0"} }, cloud.NotFound, ""},
		{"no such group", func(n *cloud.FunctionNetwork) { n.Groups = []cloud.SecurityGroupID{"sg-0"} }, cloud.NotFound, ""},
		{"another VPC's subnet", func(n *cloud.FunctionNetwork) { n.Subnets = []cloud.SubnetID{far.ID} }, cloud.Invalid, "other-vpc"},
		{"another VPC's group", func(n *cloud.FunctionNetwork) {
			n.Groups = []cloud.SecurityGroupID{defaultSecurityGroup(o.View(), other.ID).ID}
		}, cloud.Invalid, "other-vpc"},
		{"a full subnet", func(n *cloud.FunctionNetwork) { n.Subnets = []cloud.SubnetID{o.b.ID} }, cloud.Exhausted, "no-addresses"},
	} {
		n := good
		w.change(&n)
		_, err := o.open(n)
		e, ok := err.(*cloud.Error)
		if !ok || e.Kind != w.kind || e.Reason != w.reason {
			t.Errorf("%s: %v, want %s %s", w.name, err, w.kind, w.reason)
		}
		if fn, _ := cloud.Functions.Get(o.View(), "1/us-east-1/f"); len(fn.Latest.Network.Interfaces) > 0 {
			t.Errorf("%s: left interfaces %v", w.name, fn.Latest.Network.Interfaces)
		}
	}
	n := good
	n.Subnets, n.DefaultEgress = []cloud.SubnetID{o.b.ID, o.a.ID}, true
	v, err := o.open(n)
	if err != nil || len(v.Network.Interfaces) != 1 || v.Network.Side == "" || v.RevisionID != "r" {
		t.Fatalf("beside a full subnet: %+v, %v; want one interface in the other, a way out, the same revision", v, err)
	}
	if i, _ := cloud.Interfaces.Get(o.View(), v.Network.Interfaces[0]); i.Subnet != o.a.ID || i.Managed == "" {
		t.Errorf("the interface: %+v", i)
	}
	rev := o.View().Rev()
	if again, err := o.OpenFunctionNetwork(t.Context(), o.who, "f", 0, OpenNetwork{}); err != nil || again.Network.Side != v.Network.Side || o.View().Rev() != rev {
		t.Errorf("opened again: %v, revision %d; want nothing to be done", err, o.View().Rev())
	}
}

// TestOpenWithoutPing: groups that keep ICMP in let no connection be checked.
func TestOpenWithoutPing(t *testing.T) {
	o := newOpening(t)
	if _, err := o.store.Update(t.Context(), func(tx cloud.Tx) error {
		g := *o.group
		g.Rules = []cloud.SecurityGroupRule{{ID: "r", Egress: true, Action: cloud.Allow, Protocol: 6, From: 443, To: 443, Prefix: anyIPv4}}
		cloud.SecurityGroups.Put(tx, &g)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, err := o.open(cloud.FunctionNetwork{VPC: o.vpc.ID, Subnets: []cloud.SubnetID{o.a.ID}, Groups: []cloud.SecurityGroupID{o.group.ID}})
	if e, ok := err.(*cloud.Error); !ok || e.Kind != cloud.Invalid || e.Reason != "icmp" {
		t.Errorf("got %v, want invalid icmp", err)
	}
}
