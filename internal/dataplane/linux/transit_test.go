package linux

import (
	"net/netip"
	"slices"
	"testing"

	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/netplan"
)

// spokes are sample, which has a NAT gateway, and a VPC at 10.1.0.0/16 with a
// host in each of two zones, both attached to one transit router in zone a alone.
// What either has no route for goes to the transit router; that sends 10.x to
// its VPC, 10.1.66.0/24 nowhere and the rest of the internet to sample.
func spokes() (a, b *netplan.Plan) {
	port := func(id, subnet string, addrs ...string) netplan.ENI {
		e := host(id, subnet, "", addrs...)
		e.Attach, e.AnySource = netplan.AttachTransit, true
		return e
	}
	to := func(dest string, vpc cloud.VPCID, at cloud.TransitAttachmentID, port cloud.InterfaceID) netplan.TransitRoute {
		r := netplan.TransitRoute{Dest: prefix(dest), VPC: vpc, Attachment: at, Source: []cloud.Ref{{Kind: cloud.KindTransitTable, ID: "tgw-rtb", Part: dest}}}
		if vpc == "" {
			r.Stage = netplan.StageTransitBlackhole
			return r
		}
		r.Ports = []netplan.TransitEnd{{ENI: port, Zone: "a"}}
		return r
	}
	hole := to("10.1.66.0/24", "", "", "")
	a = sample("vpc-a")
	for i := range a.Subnets {
		a.Subnets[i].Zone = "a"
	}
	a.ENIs = append(a.ENIs, port("eni-tgw-a", "subnet-pub", "10.0.0.250", "2001:db8:1000::250"))
	slices.SortFunc(a.ENIs, func(x, y netplan.ENI) int { return compareStrings(string(x.ID), string(y.ID)) })
	for i := range a.Tables {
		a.Tables[i].Routes = slices.Concat([]netplan.Route{
			{Dest: prefix("2001:db8:1100::/56"), Hop: netplan.HopTransit, Target: "tgw-1"}, {Dest: prefix("10.1.0.0/16"), Hop: netplan.HopTransit, Target: "tgw-1"}}, a.Tables[i].Routes)
		slices.SortStableFunc(a.Tables[i].Routes, func(x, y netplan.Route) int { return y.Dest.Bits() - x.Dest.Bits() })
	}
	a.Transits = []netplan.Transit{{ID: "att-a", Router: "tgw-1", Table: "tgw-rtb",
		Routes: []netplan.TransitRoute{to("2001:db8:1100::/56", "vpc-b", "att-b", "eni-tgw-b"), hole, to("10.1.0.0/16", "vpc-b", "att-b", "eni-tgw-b")},
		Ports: []netplan.TransitPort{{TransitEnd: netplan.TransitEnd{ENI: "eni-tgw-a", Zone: "a"}, In: []netplan.TransitIn{
			{ENI: "eni-tgw-b", VPC: "vpc-b", Dests: []netip.Prefix{prefix("2001:db8:1000::/56"), prefix("10.0.0.0/16"), prefix("0.0.0.0/0")}}}}}}}
	b = &netplan.Plan{
		VPC: "vpc-b", CIDRs: []netip.Prefix{prefix("10.1.0.0/16"), prefix("2001:db8:1100::/56")}, Routers: []netip.Addr{netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("2001:db8:1100::1")},
		Subnets: []netplan.Subnet{
			{ID: "subnet-ba", Zone: "a", CIDR4: prefix("10.1.0.0/24"), CIDR6: prefix("2001:db8:1100::/64"), Table: "rtb-b", ACL: "acl-b"},
			{ID: "subnet-bb", Zone: "b", CIDR4: prefix("10.1.1.0/24"), Table: "rtb-b", ACL: "acl-b"},
			{ID: "subnet-bt", Zone: "a", CIDR4: prefix("10.1.255.0/28"), CIDR6: prefix("2001:db8:1100:ff::/64"), Table: "rtb-b", ACL: "acl-b"},
		},
		Profiles: []netplan.Profile{{Key: "sg-b", Groups: []cloud.SecurityGroupID{"sg-b"}, Out: everything(), In: everything()}},
		Tables: []netplan.RouteTable{{ID: "rtb-b", Routes: []netplan.Route{
			{Dest: prefix("2001:db8:1100::/56"), Hop: netplan.HopLocal}, {Dest: prefix("10.1.0.0/16"), Hop: netplan.HopLocal},
			{Dest: all4, Hop: netplan.HopTransit, Target: "tgw-1"}, {Dest: all6, Hop: netplan.HopTransit, Target: "tgw-1"}}}},
		ACLs: []netplan.ACL{{ID: "acl-b", In: openLines(), Out: openLines()}},
		ENIs: []netplan.ENI{host("eni-b", "subnet-ba", "sg-b", "10.1.0.10", "2001:db8:1100::10"), host("eni-bb", "subnet-bb", "sg-b", "10.1.1.10"),
			port("eni-tgw-b", "subnet-bt", "10.1.255.5", "2001:db8:1100:ff::5")},
		DNS: netplan.DNS{Enabled: true, Resolvers: ips("10.1.0.2", "169.254.169.253")},
		Transits: []netplan.Transit{{ID: "att-b", Router: "tgw-1", Table: "tgw-rtb",
			Routes: []netplan.TransitRoute{to("2001:db8:1000::/56", "vpc-a", "att-a", "eni-tgw-a"), hole, to("10.0.0.0/16", "vpc-a", "att-a", "eni-tgw-a"), to("0.0.0.0/0", "vpc-a", "att-a", "eni-tgw-a")},
			Ports: []netplan.TransitPort{{TransitEnd: netplan.TransitEnd{ENI: "eni-tgw-b", Zone: "a"}, In: []netplan.TransitIn{
				{ENI: "eni-tgw-a", VPC: "vpc-a", Dests: []netip.Prefix{prefix("2001:db8:1100::/56"), prefix("10.1.0.0/16")}}}}}}},
	}
	return a, b
}

func compareStrings(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func TestTransit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := spokes()
	na, nb := w.apply(a), w.apply(b)
	app, web := w.ns(na, "eni-app"), w.ns(na, "eni-web")
	hb, far := w.ns(nb, "eni-b"), w.ns(nb, "eni-bb")
	for _, ns := range []*nsFile{app, web, hb, far} {
		w.whoami(ns, "0.0.0.0:80")
		w.whoami(ns, "[::]:80")
	}
	fn := w.slot(na, "eni-fn", 0, true)

	w.seen("to the other VPC", w.tcp(app, "10.1.0.10:80"), "10.0.1.10")
	w.seen("and back", w.tcp(hb, "10.0.0.10:80"), "10.1.0.10")
	w.seen("IPv6", w.tcp(app, "[2001:db8:1100::10]:80"), "2001:db8:1000:1::10")
	w.seen("IPv6 back", w.tcp(hb, "[2001:db8:1000::10]:80"), "2001:db8:1100::10")
	w.seen("a function", w.tcp(fn, "10.1.0.10:80"), "10.0.1.20")
	w.seen("UDP", w.udp(app, "10.1.0.10:80"), "10.0.1.10")
	w.quiet()

	w.seen("a group of the other VPC does not count", w.tcp(hb, "10.0.1.10:80"), "")
	w.dropped("a group of the other VPC does not count", netplan.StageGroupIn)
	w.seen("the answer from a zone without a port", w.udp(app, "10.1.1.10:80"), "") // TCP would go on for long
	w.dropped("the answer from a zone without a port", netplan.StageTransitZone)
	w.seen("a static blackhole", w.tcp(app, "10.1.66.7:80"), "")
	if d := w.dropped("a static blackhole", netplan.StageTransitBlackhole); d.Namespace != "router" {
		t.Errorf("dropped in %s, want the sender's router", d.Namespace)
	}
	w.seen("no route of the transit router", w.tcp(hb, "[2001:db8::7]:80"), "")
	w.dropped("no route of the transit router", netplan.StageTransitNoRoute)
	w.seen("the internet without a NAT gateway", w.tcp(hb, "198.51.100.7:80"), "")
	w.dropped("the internet without a NAT gateway", netplan.StageNoPublicIP)
	w.udp(app, "10.1.0.2:53")
	w.dropped("the other VPC's resolver", netplan.StageRouter)
	w.udp(hb, "10.1.255.5:80")
	w.dropped("a port itself", netplan.StageUnsolicited)
	w.udp(app, "10.1.255.5:80")
	w.dropped("the other VPC's port itself", netplan.StageLoop)
}

// TestTransitEgress: what comes from another VPC leaves by the NAT gateway that
// its port's route table names; either end comes and goes alone.
func TestTransitEgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := spokes()
	for i := range a.Subnets {
		if a.Subnets[i].ID == "subnet-pub" {
			a.Subnets[i].Zone = "b" // its NAT gateway answers from there
		}
	}
	for i := range a.ENIs {
		if a.ENIs[i].Attach == netplan.AttachTransit {
			a.ENIs[i].Subnet, a.ENIs[i].Addrs = "subnet-priv", ips("10.0.1.250", "2001:db8:1000:1::250")
		}
	}
	nb := w.apply(b)
	hb := w.ns(nb, "eni-b")
	w.seen("nobody there yet", w.tcp(hb, "198.51.100.7:80"), "")
	w.apply(a)
	w.seen("no port in the NAT gateway's zone", w.tcp(hb, "198.51.100.7:80"), "")
	w.dropped("no port in the NAT gateway's zone", netplan.StageTransitZone)
	for i := range a.Subnets {
		a.Subnets[i].Zone = "a"
	}
	for range 2 {
		w.apply(a)
		w.seen("out by the NAT gateway", w.tcp(hb, "198.51.100.7:80"), "203.0.113.9")
		if err := w.k.Apply(t.Context(), dataplane.Lower(&netplan.Plan{VPC: "vpc-a"}, w.num("vpc-a"))); err != nil {
			t.Fatal(err)
		}
		w.renumber("vpc-a")
		w.seen("the other one gone", w.tcp(hb, "198.51.100.7:80"), "")
		w.quiet()
	}
	w.apply(a)
	alone := *b
	alone.Transits = slices.Clone(b.Transits)
	alone.Transits[0].Table, alone.Transits[0].Routes = "", nil
	w.apply(&alone)
	w.seen("associated with no table", w.tcp(hb, "198.51.100.7:80"), "")
	w.dropped("associated with no table", netplan.StageTransitNoTable)
}

// TestTransitACL: inside one subnet, ACLs apply both ways to what goes to the
// transit router and not at all to what comes from it.
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html
func TestTransitACL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := spokes()
	w.whoami(w.ns(w.apply(a), "eni-web"), "0.0.0.0:80")
	for i := range b.ENIs {
		if b.ENIs[i].Attach == netplan.AttachTransit {
			b.ENIs[i].Subnet, b.ENIs[i].Addrs = "subnet-ba", ips("10.1.0.250")
		}
	}
	var hb *nsFile
	set := func(in, out []netplan.ACLEntry) {
		b.ACLs = []netplan.ACL{{ID: "acl-b", In: in, Out: out}}
		hb = w.ns(w.apply(b), "eni-b")
	}
	set(openLines(), openLines())
	w.seen("open", w.tcp(hb, "10.0.0.10:80"), "10.1.0.10")
	w.quiet()
	set(openLines(), nil)
	w.seen("nothing out", w.tcp(hb, "10.0.0.10:80"), "")
	w.dropped("nothing out", netplan.StageACLOut)
	set(nil, openLines())
	w.seen("nothing in", w.tcp(hb, "10.0.0.10:80"), "")
	w.dropped("nothing in", netplan.StageACLIn)
	in := []netplan.ACLEntry{allowLine(100, prefix("10.1.0.0/16"))}
	set(in, openLines())
	w.seen("the answer is not looked at", w.tcp(hb, "10.0.0.10:80"), "10.1.0.10")
}
