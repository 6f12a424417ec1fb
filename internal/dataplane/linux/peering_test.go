package linux

import (
	"net/netip"
	"testing"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

// pair is two peered VPCs: sample, as 10.0.0.0/16, and one at 10.1.0.0/16 whose
// host db lets in whom sg-app of the first carries.
func pair() (a, b *netplan.Plan) {
	a = sample("vpc-a")
	for i := range a.Tables {
		a.Tables[i].Routes = append([]netplan.Route{{Dest: prefix("10.1.0.0/16"), Hop: netplan.HopPeering, Target: "pcx-1"}}, a.Tables[i].Routes...)
	}
	a.Peers = []netplan.Peer{{ID: "pcx-1", VPC: "vpc-b", Requester: true, CIDRs: []netip.Prefix{prefix("10.1.0.0/16")}, Up: true}}
	b = &netplan.Plan{
		VPC: "vpc-b", CIDRs: []netip.Prefix{prefix("10.1.0.0/16")}, Routers: []netip.Addr{netip.MustParseAddr("10.1.0.1")},
		Subnets: []netplan.Subnet{{ID: "subnet-b", CIDR4: prefix("10.1.0.0/24"), Table: "rtb-b", ACL: "acl-b"}},
		Profiles: []netplan.Profile{
			{Key: "sg-b", Groups: []cloud.SecurityGroupID{"sg-b"}, Out: everything(), In: everything()},
			{Key: "sg-bdb", Groups: []cloud.SecurityGroupID{"sg-bdb"}, In: []netplan.Rule{allow(6, 80, 80, netip.Prefix{}, "sg-app")}},
		},
		Tables: []netplan.RouteTable{{ID: "rtb-b", Routes: []netplan.Route{
			{Dest: prefix("10.0.0.0/16"), Hop: netplan.HopPeering, Target: "pcx-1"}, {Dest: prefix("10.1.0.0/16"), Hop: netplan.HopLocal},
			{Dest: all4, Hop: netplan.HopPeering, Target: "pcx-1"}}}},
		ACLs: []netplan.ACL{{ID: "acl-b", In: openLines(), Out: openLines()}},
		ENIs: []netplan.ENI{host("eni-b", "subnet-b", "sg-b", "10.1.0.10"), host("eni-bdb", "subnet-b", "sg-bdb", "10.1.0.30")},
		DNS:  netplan.DNS{Enabled: true, Resolvers: ips("10.1.0.2", "169.254.169.253")},
		Peers: []netplan.Peer{{ID: "pcx-1", VPC: "vpc-a", CIDRs: []netip.Prefix{prefix("10.0.0.0/16")}, Up: true, Hosts: []netplan.PeerHost{
			{Addr: ip("10.0.1.10"), Profile: "sg-app"}, {Addr: ip("10.0.1.20"), Profile: "sg-app"}}}},
	}
	return a, b
}

func TestPeering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := pair()
	na, nb := w.apply(a), w.apply(b)
	app, web := w.ns(na, "eni-app"), w.ns(na, "eni-web")
	hb, db := w.ns(nb, "eni-b"), w.ns(nb, "eni-bdb")
	for _, ns := range []*nsFile{app, web, hb, db} {
		w.whoami(ns, "0.0.0.0:80")
	}
	fn := w.slot(na, "eni-fn", 0, true)

	w.seen("from one VPC to the other", w.tcp(app, "10.1.0.10:80"), "10.0.1.10")
	w.seen("and back", w.tcp(hb, "10.0.0.10:80"), "10.1.0.10")
	w.seen("a function", w.tcp(fn, "10.1.0.10:80"), "10.0.1.20")
	w.seen("UDP", w.udp(app, "10.1.0.10:80"), "10.0.1.10")
	w.seen("group of the other VPC", w.tcp(app, "10.1.0.30:80"), "10.0.1.10")
	w.seen("function in that group", w.tcp(fn, "10.1.0.30:80"), "10.0.1.20")
	w.quiet()

	w.seen("host outside that group", w.tcp(web, "10.1.0.30:80"), "")
	w.dropped("host outside that group", netplan.StageGroupIn)
	w.seen("group that does not let it in", w.tcp(hb, "10.0.1.10:80"), "")
	w.dropped("group that does not let it in", netplan.StageGroupIn)
	w.seen("nobody there", w.tcp(app, "10.1.0.99:80"), "")
	w.dropped("nobody there", netplan.StageNoHost)
	w.seen("through the other VPC's internet gateway", w.tcp(hb, "198.51.100.7:80"), "")
	d := w.dropped("through the other VPC's internet gateway", netplan.StageTransit)
	if d.Namespace != "router" {
		t.Errorf("dropped in %s, want the sender's router", d.Namespace)
	}
	w.udp(app, "10.1.0.2:53")
	w.dropped("the other VPC's resolver", netplan.StageRouter)
	w.udp(app, "10.1.0.1:80")
	w.dropped("the other VPC's router", netplan.StageRouter)
}

// TestPeerComesAndGoes: either end may be taken away and made again.
func TestPeerComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := pair()
	alone := *a
	alone.Peers = []netplan.Peer{a.Peers[0]}
	alone.Peers[0].Up = false
	na := w.apply(&alone)
	app := w.ns(na, "eni-app")
	w.seen("no interfaces there", w.tcp(app, "10.1.0.10:80"), "")
	w.dropped("no interfaces there", netplan.StageNoHost)
	for round := range 2 {
		w.apply(a)
		nb := w.apply(b)
		w.whoami(w.ns(nb, "eni-b"), "0.0.0.0:80")
		w.seen("both there", w.tcp(app, "10.1.0.10:80"), "10.0.1.10")
		if err := w.k.Apply(t.Context(), dataplane.Lower(&netplan.Plan{VPC: "vpc-b"}, w.num("vpc-b"))); err != nil {
			t.Fatal(err)
		}
		w.renumber("vpc-b")
		w.seen("the other one gone", w.tcp(app, "10.1.0.10:80"), "")
		w.quiet()
		if round == 0 {
			w.apply(&alone)
		}
	}
	gone := *a
	gone.Peers = nil
	for i := range gone.Tables {
		gone.Tables[i].Routes[0].Hop = netplan.HopBlackhole
	}
	w.apply(&gone)
	w.seen("connection deleted", w.tcp(app, "10.1.0.10:80"), "")
	w.dropped("connection deleted", netplan.StageBlackhole)
}

// TestPeersApart: VPCs with the same addresses do not meet between routers.
func TestPeersApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := pair()
	c, d := pair()
	c.VPC, d.VPC = "vpc-c", "vpc-d"
	for _, p := range []*netplan.Plan{c, d} {
		p.Peers[0].ID = "pcx-2"
		for _, t := range p.Tables {
			for i := range t.Routes {
				if t.Routes[i].Hop == netplan.HopPeering {
					t.Routes[i].Target = "pcx-2"
				}
			}
		}
	}
	na, nb, nc, nd := w.apply(a), w.apply(b), w.apply(c), w.apply(d)
	w.whoami(w.ns(nb, "eni-b"), "0.0.0.0:80")
	w.whoami(w.ns(nd, "eni-b"), "0.0.0.0:81")
	first, second := w.ns(na, "eni-app"), w.ns(nc, "eni-app")
	w.seen("first pair", w.tcp(first, "10.1.0.10:80"), "10.0.1.10")
	w.seen("second pair", w.tcp(second, "10.1.0.10:81"), "10.0.1.10")
	w.seen("from the first to the second", w.tcp(first, "10.1.0.10:81"), "")
	w.seen("from the second to the first", w.tcp(second, "10.1.0.10:80"), "")
}
