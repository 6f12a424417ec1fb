package linux

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane/nft"
	"weir/internal/netplan"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	p.Profiles[0].Out = []netplan.Rule{allow(6, 80, 80, netip.Prefix{}, "sg-db", "sg-app"), allow(17, 80, 80, prefix("10.0.1.0/24")), allow(1, 8, 0, prefix("10.0.0.0/16"))}
	p.ENIs = append(p.ENIs, host("eni-app2", "subnet-priv", "sg-app", "10.0.1.11", "2001:db8:1000:1::11"))
	slices.SortFunc(p.ENIs, func(a, b netplan.ENI) int { return cmpString(a.ID, b.ID) })
	n := w.apply(p)
	app, app2, db, web := w.ns(n, "eni-app"), w.ns(n, "eni-app2"), w.ns(n, "eni-db"), w.ns(n, "eni-web")
	for _, ns := range []*nsFile{app, app2, db, web} {
		w.whoami(ns, "0.0.0.0:80")
		w.whoami(ns, "[::]:80")
	}
	fn := w.slot(n, "eni-fn", 0, true)

	w.seen("group referenced by another", w.tcp(app, "10.0.1.30:80"), "10.0.1.10")
	w.seen("function in the group", w.tcp(fn, "10.0.1.30:80"), "10.0.1.20")
	w.seen("group that references itself", w.tcp(app, "10.0.1.11:80"), "10.0.1.10")
	w.seen("the same over IPv6", w.tcp(app, "[2001:db8:1000:1::11]:80"), "2001:db8:1000:1::10")
	w.seen("UDP out by prefix, in by group", w.udp(app, "10.0.1.11:80"), "10.0.1.10")
	w.quiet()

	w.seen("sender outside the group", w.tcp(web, "10.0.1.30:80"), "")
	d := w.dropped("sender outside the group", netplan.StageGroupIn)
	if refs := n.Refs[d.Prefix]; len(refs) != 1 || refs[0].ID != "sg-db" {
		t.Errorf("the drop is blamed on %v, want sg-db", refs)
	}
	w.seen("not allowed out", w.tcp(app, "10.0.0.10:80"), "")
	w.dropped("not allowed out", netplan.StageGroupOut)
	w.seen("no rules out at all", w.tcp(db, "10.0.1.10:80"), "")
	w.dropped("no rules out at all", netplan.StageGroupOut)
	w.seen("other port", w.tcp(app, "10.0.1.30:81"), "")
	w.dropped("other port", netplan.StageGroupOut)

	if !w.ping(app, "10.0.1.11") {
		t.Error("echo request, allowed by type out and in, is not answered")
	}
	w.quiet()
	if w.ping(app, "10.0.1.30") {
		t.Error("echo request that no rule allows in is answered")
	}
	w.dropped("echo request", netplan.StageGroupIn)
}

func TestDenyRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	deny := allow(6, 80, 80, prefix("10.0.1.10/32"))
	deny.Action, deny.Priority = cloud.Deny, 1
	deny.Source = []cloud.Ref{{Kind: cloud.KindSecurityGroup, ID: "sg-db", Part: "sgr-9"}}
	other := allow(6, 80, 80, prefix("10.0.1.0/24"))
	other.Priority = 2
	p.Profiles[1].In = []netplan.Rule{deny, other}
	n := w.apply(p)
	app, db := w.ns(n, "eni-app"), w.ns(n, "eni-db")
	w.whoami(db, "0.0.0.0:80")
	fn := w.slot(n, "eni-fn", 0, true)
	w.seen("allowed by the later rule", w.tcp(fn, "10.0.1.30:80"), "10.0.1.20")
	w.quiet()
	w.seen("refused by the earlier rule", w.tcp(app, "10.0.1.30:80"), "")
	if d := w.dropped("refused by the earlier rule", netplan.StageGroupIn); len(n.Refs[d.Prefix]) != 1 || n.Refs[d.Prefix][0].Part != "sgr-9" {
		t.Errorf("blamed on %v, want rule sgr-9", n.Refs[d.Prefix])
	}
}

func TestACL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	line := func(n int, verdict cloud.Verdict, protocol int, from netip.Prefix, lo, hi int) netplan.ACLEntry {
		return netplan.ACLEntry{Number: n, Action: verdict, Protocol: protocol, Prefix: from, From: lo, To: hi, ICMPType: -1, ICMPCode: -1}
	}
	p.ACLs = append(p.ACLs, netplan.ACL{ID: "acl-2",
		In:  []netplan.ACLEntry{line(90, cloud.Deny, 6, prefix("198.51.100.0/24"), 80, 80), line(100, cloud.Allow, 6, all4, 80, 80), line(110, cloud.Allow, 17, all4, 80, 80), line(120, cloud.Allow, 6, all4, 1024, 65535)},
		Out: []netplan.ACLEntry{line(100, cloud.Allow, 6, all4, -1, -1)}})
	p.Subnets[1].ACL = "acl-2"
	p.Profiles[2].In = append(p.Profiles[2].In, allow(17, 80, 80, all4))
	n := w.apply(p)
	app, web, bare := w.ns(n, "eni-app"), w.ns(n, "eni-web"), w.ns(n, "eni-bare")
	w.whoami(web, "0.0.0.0:80")
	w.whoami(app, "0.0.0.0:80")

	w.seen("TCP in and its answers out", w.tcp(app, "10.0.0.10:80"), "10.0.1.10")
	w.seen("inside the subnet no ACL counts", w.udp(bare, "10.0.0.10:80"), "10.0.0.20")
	w.quiet()
	w.seen("UDP is let in, but its answer not out: ACLs are stateless", w.udp(app, "10.0.0.10:80"), "")
	if d := w.dropped("UDP answer", netplan.StageACLOut); d.Prefix != "nacl-out:acl-2:*" {
		t.Errorf("dropped by %q, want the last line of acl-2", d.Prefix)
	}
	w.seen("refused by number", w.tcp(w.internet, "203.0.113.10:80"), "")
	if d := w.dropped("refused by number", netplan.StageACLIn); d.Prefix != "nacl-in:acl-2:90" {
		t.Errorf("dropped by %q, want line 90 of acl-2", d.Prefix)
	}
	w.seen("through the NAT gateway: the ACL of its subnet lets it in and out", w.tcp(app, "198.51.100.7:80"), "203.0.113.9")
	p.ACLs[1].In = p.ACLs[1].In[2:]
	w.apply(p)
	w.quiet()
	w.seen("through the NAT gateway: the ACL of its subnet does not let it in", w.tcp(app, "198.51.100.7:80"), "")
	w.dropped("through the NAT gateway", netplan.StageACLIn)
}

func TestNATGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	n := w.apply(p)
	app := w.ns(n, "eni-app")
	if !w.ping(app, "198.51.100.7") {
		t.Error("echo request through the NAT gateway is not answered")
	}
	w.quiet()
	w.esp(app, "198.51.100.7")
	w.dropped("ESP", netplan.StageNATProtocol)
	w.seen("from the internet to the NAT gateway", w.tcp(w.internet, "203.0.113.9:80"), "")
	w.dropped("from the internet to the NAT gateway", netplan.StageUnsolicited)

	p.Gateway.Public = p.Gateway.Public[1:]
	w.apply(p)
	w.quiet()
	w.seen("through a NAT gateway without an elastic IP", w.tcp(app, "198.51.100.7:80"), "")
	w.dropped("through a NAT gateway without an elastic IP", netplan.StageNoPublicIP)
}

func TestRouter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	n := w.apply(p)
	app, web, fn := w.ns(n, "eni-app"), w.ns(n, "eni-web"), w.slot(n, "eni-fn", 0, true)
	ctx := context.Background()
	for _, at := range []string{"10.0.0.2:53", "169.254.169.253:53", "[fd00:ec2::253]:53", "10.0.0.2:80", "10.0.0.1:80"} {
		l, err := w.k.ListenTCP(ctx, "vpc-1", ipp(at))
		if err != nil {
			t.Fatal(err)
		}
		w.serve(l)
	}
	w.seen("DNS", w.tcp(app, "10.0.0.2:53"), "10.0.1.10")
	w.seen("DNS of a function comes from its interface", w.tcp(fn, "10.0.0.2:53"), "10.0.1.20")
	w.seen("DNS at the link-local address", w.tcp(fn, "169.254.169.253:53"), "10.0.1.20")
	w.seen("DNS over IPv6", w.tcp(app, "[fd00:ec2::253]:53"), "2001:db8:1000:1::10")
	w.quiet()
	w.seen("other port of the resolver", w.tcp(app, "10.0.0.2:80"), "")
	w.dropped("other port of the resolver", netplan.StageRouter)
	w.seen("router's own address", w.tcp(web, "10.0.0.1:80"), "")
	w.dropped("router's own address", netplan.StageRouter)
	w.seen("instance metadata address", w.tcp(app, "169.254.169.254:80"), "")
	w.dropped("instance metadata address", netplan.StageLinkLocal)
	w.seen("address nobody has", w.tcp(app, "10.0.7.7:80"), "")
	w.dropped("address nobody has", netplan.StageNoHost)
	w.seen("private address outside the VPC, through the gateway", w.tcp(web, "10.9.0.1:80"), "")
	w.dropped("private address outside the VPC", netplan.StagePrivateDest)

	p.DNS.Enabled = false
	w.apply(p)
	w.seen("DNS switched off", w.tcp(app, "10.0.0.2:53"), "")
}

func TestSpoofing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(sample("vpc-1"))
	for _, x := range []struct {
		what      string
		ns        *nsFile
		from, src string
	}{
		{"host with another's address", w.ns(n, "eni-app"), "10.0.1.30", "10.0.0.10:80"},
		{"host with another's IPv6 address", w.ns(n, "eni-app"), "2001:db8:1000::10", "[2001:db8:1000:1::20]:80"},
		{"function with another slot's address", w.slot(n, "eni-fn", 0, true), "169.254.2.1", "10.0.0.10:80"},
		{"function with its interface's address", w.slot(n, "eni-fn", 1, true), "10.0.1.20", "10.0.0.10:80"},
	} {
		w.quiet()
		w.spoof(x.ns, ip(x.from), ipp(x.src))
		w.dropped(x.what, netplan.StageSpoof)
	}
	w.quiet()
	w.spoof(w.internet, ip("10.0.1.10"), ipp("203.0.113.10:80"))
	w.dropped("the internet with the VPC's address", netplan.StageSpoof)
}

func TestSlotsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(sample("vpc-1"))
	a, b := w.slot(n, "eni-fn", 0, true), w.slot(n, "eni-fn", 1, true)
	w.whoami(b, "0.0.0.0:80")
	w.whoami(b, "[::]:80")
	w.seen("slot to slot", w.tcp(a, "169.254.2.1:80"), "")
	w.seen("slot to slot over IPv6", w.tcp(a, "[fd57:6569:7200::201]:80"), "")
	w.seen("slot to its interface", w.tcp(a, "10.0.1.20:80"), "")
	app := w.ns(n, "eni-app")
	w.quiet()
	w.seen("to a function's interface", w.tcp(app, "10.0.1.20:80"), "")
	w.dropped("to a function's interface", netplan.StageUnsolicited)
}

func TestEgressOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	p.Profiles[0].In = everything()
	n := w.apply(p)
	app := w.ns(n, "eni-app")
	w.whoami(app, "[::]:80")
	w.seen("out", w.tcp(app, "[2001:db8::7]:80"), "2001:db8:1000:1::10")
	w.quiet()
	w.seen("in", w.tcp(w.internet, "[2001:db8:1000:1::10]:80"), "")
	w.dropped("in", netplan.StageEgressOnlyIn)

	p.Tables[0].Routes[1].Hop = netplan.HopInternet
	w.apply(p)
	w.seen("in, once the route is to the internet gateway", w.tcp(w.internet, "[2001:db8:1000:1::10]:80"), "2001:db8::7")

	p.Tables[0].Routes[1].Hop = netplan.HopEgressOnly
	p.Gateway = &netplan.InternetGateway{EgressOnly: []cloud.EgressOnlyGatewayID{"eigw-1"}}
	w.apply(p)
	w.seen("out without an internet gateway", w.tcp(app, "[2001:db8::7]:80"), "2001:db8:1000:1::10")
	w.seen("in without an internet gateway", w.tcp(w.internet, "[2001:db8:1000:1::10]:80"), "")
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	s3 := prefix("198.51.100.128/28")
	p.Tables[0].Routes = append([]netplan.Route{{Dest: s3, Hop: netplan.HopEndpoint, Target: "vpce-1"}}, p.Tables[0].Routes[2:]...)
	p.Tables[1].Routes = p.Tables[1].Routes[2:]
	n := w.apply(p)
	app, fn, bare, db := w.ns(n, "eni-app"), w.slot(n, "eni-fn", 0, true), w.ns(n, "eni-bare"), w.ns(n, "eni-db")
	l, err := w.k.ListenTCP(context.Background(), "vpc-1", ipp("0.0.0.0:443"))
	if err != nil {
		t.Fatal(err)
	}
	w.serve(l)
	w.seen("host with the route", w.tcp(app, "198.51.100.130:443"), "10.0.1.10")
	w.seen("function with the route", w.tcp(fn, "198.51.100.131:443"), "10.0.1.20")
	w.quiet()
	w.seen("subnet without the route", w.tcp(bare, "198.51.100.130:443"), "")
	w.dropped("subnet without the route", netplan.StageNoRoute)
	w.seen("other destination", w.tcp(app, "198.51.100.7:443"), "")
	w.dropped("other destination", netplan.StageNoRoute)
	w.seen("group without the permission", w.tcp(db, "198.51.100.130:443"), "")
	w.dropped("group without the permission", netplan.StageGroupOut)
	w.udp(app, "198.51.100.130:443")
	w.dropped("UDP", netplan.StageEndpoint)
}

func TestForwarding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := sample("vpc-1")
	web := &p.ENIs[slices.IndexFunc(p.ENIs, func(e netplan.ENI) bool { return e.ID == "eni-web" })]
	p.Profiles[2].In = everything()
	p.Tables[0].Routes[0] = netplan.Route{Dest: all4, Hop: netplan.HopENI, Target: "eni-web", ENI: "eni-web"}
	n := w.apply(p)
	app := w.ns(n, "eni-app")
	w.quiet()
	w.seen("through a host that checks destinations", w.tcp(app, "198.51.100.7:80"), "")
	w.dropped("through a host that checks destinations", netplan.StageNotForMe)

	web.AnySource = true
	w.apply(p)
	w.in(w.ns(n, "eni-web"), func() error { return writeSysctls(forwardingOn) })
	w.quiet()
	w.seen("through a host that forwards without translating", w.tcp(app, "198.51.100.7:80"), "")
	w.dropped("leaves with an address that has no public one", netplan.StageNoPublicIP)
	p.Gateway.Public = append(p.Gateway.Public, netplan.PublicAddr{Private: ip("10.0.1.10"), Public: ip("203.0.113.11")})
	w.apply(p)
	w.quiet()
	w.seen("forwarded flows are not translated a second time", w.tcp(app, "198.51.100.7:80"), "")
	w.dropped("and do not get out", netplan.StageNoPublicIP)

	w.in(w.ns(n, "eni-web"), func() error {
		c, err := nft.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Commit(nft.Create(&nft.Table{Name: "nat", Chains: []*nft.Chain{{Name: "out",
			Hook:  &nft.Hook{NAT: true, Point: nft.Postrouting, Priority: 100},
			Rules: []nft.Rule{nft.R(nft.SNAT(ip("10.0.0.10"), 0, 0))}}}}))
	})
	w.seen("through a host that translates", w.udp(app, "198.51.100.7:80"), "203.0.113.10")
}

func cmpString[S ~string](a, b S) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// One instance cannot use up the connection tables that others need.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(sample("vpc-1"))
	greedy, modest := w.slot(n, "eni-fn", 0, false), w.slot(n, "eni-fn", 1, false)
	w.quiet()
	w.in(greedy, func() error {
		for port := 1; port <= 8192+8; port++ {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			_ = unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Addr: ip("198.51.100.7").As4(), Port: port})
			_ = unix.Close(fd)
		}
		return nil
	})
	w.dropped("flow 8193 of one instance", "connection-limit")
	w.seen("another instance", w.tcp(modest, "198.51.100.7:80"), "203.0.113.9")
}
