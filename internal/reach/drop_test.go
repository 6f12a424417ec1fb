package reach_test

import (
	"net/netip"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

func TestFromDrop(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	tcp := func(stage netplan.Stage, src, dst string) reach.Drop {
		return reach.Drop{Stage: stage, Protocol: 6, Src: at(src), Dst: at(dst)}
	}
	noEphemeral := func(acl cloud.NetworkACLID) func(cloud.Tx) {
		return aclOf(acl, line(100, false, 6, 0, 1023, cloud.Allow, "0.0.0.0/0"), line(100, true, 6, 0, 1023, cloud.Allow, "0.0.0.0/0"))
	}
	cases := []struct {
		name   string
		change func(cloud.Tx)
		d      reach.Drop
		code   string
		text   []string
	}{
		{"the first packet of a function in a public subnet", nil, tcp(netplan.StageNoPublicIP, "10.0.0.10:40000", "198.51.100.7:443"),
			"IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", []string{"eni-pubfn", "rtb-pub"}},
		{"an answer on its way to the NAT gateway", noEphemeral("acl-pub"), tcp(netplan.StageACLIn, "198.51.100.7:443", "10.0.0.5:40000"),
			"SUBNET_ACL_RESTRICTION", []string{"the answer does not", "acl-pub", "entering subnet-pub"}},
		{"an answer on its way to the function", noEphemeral("acl-priv"), tcp(netplan.StageACLIn, "198.51.100.7:443", "10.0.1.10:40000"),
			"SUBNET_ACL_RESTRICTION", []string{"the answer does not", "acl-priv", "entering subnet-priv"}},
		{"an answer of a server", noEphemeral("acl-pub"), tcp(netplan.StageACLOut, "10.0.0.20:443", "198.51.100.7:40000"),
			"SUBNET_ACL_RESTRICTION", []string{"the answer does not", "leaving subnet-pub"}},
		{"from the internet, already translated", nil, tcp(netplan.StageGroupIn, "198.51.100.7:40000", "10.0.0.20:22"),
			"ENI_SG_RULES_MISMATCH", []string{"sg-web", "TCP port 22 from 198.51.100.7"}},
		{"from the internet, to nothing", nil, tcp(netplan.StageNoPrivateIP, "198.51.100.7:40000", "203.0.113.77:22"),
			"IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", []string{"203.0.113.77"}},
		{"inside", nil, tcp(netplan.StageGroupIn, "10.0.1.10:40000", "10.0.1.20:80"),
			"ENI_SG_RULES_MISMATCH", []string{"sg-db", "eni-db"}},
		{"a spoofed source", nil, reach.Drop{Stage: netplan.StageSpoof, ENI: "eni-web", Protocol: 17, Src: at("10.0.0.99:1"), Dst: at("198.51.100.7:53")},
			"ENI_SOURCE_DEST_CHECK_RESTRICTION", []string{"eni-web", "10.0.0.99"}},
		{"an echo reply", aclOf("acl-priv", line(1, true, -1, 0, 0, cloud.Allow, "0.0.0.0/0")),
			reach.Drop{Stage: netplan.StageACLIn, Protocol: 1, Src: at("198.51.100.7:0"), Dst: at("10.0.1.10:0")},
			"SUBNET_ACL_RESTRICTION", []string{"ICMP type 0", "acl-priv"}},
		{"by a rule that is gone", nil, reach.Drop{Stage: netplan.StageGroupIn, Detail: "sg-db", Protocol: 6, Src: at("10.0.1.10:40000"), Dst: at("10.0.1.20:5432")},
			"ENI_SG_RULES_MISMATCH", []string{"sg-in sg-db", "changed since", "10.0.1.20"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := reach.FromDrop(plan(t, c.change), c.d)
			if a.Reachable || a.Stage != c.d.Stage || a.Code != c.code || len(a.Blame) == 0 {
				t.Errorf("got %+v", a)
			}
			for _, s := range c.text {
				if !strings.Contains(a.Text, s) {
					t.Errorf("text does not say %q: %s", s, a.Text)
				}
			}
		})
	}
}

func TestLogPrefix(t *testing.T) {
	long := netplan.StageGroupOut.LogPrefix(strings.Repeat("x", 200))
	if len(long) != 127 {
		t.Errorf("a log prefix of %d bytes does not fit the kernel's 127", len(long))
	}
	for _, p := range []string{"sg-out:sg-1,sg-2", "no-route", "spoof:eni-1 "} {
		stage, detail := netplan.ParseLogPrefix(p)
		if got := stage.LogPrefix(detail); got != strings.TrimSpace(p) {
			t.Errorf("%q reads back as %q", p, got)
		}
	}
}

func TestPath(t *testing.T) {
	a := reach.Explain(plan(t), from("eni-fn", site, 443))
	var ids []string
	for _, h := range a.Path {
		ids = append(ids, h.Resource.String())
	}
	want := "eni-fn > rtb-priv 0.0.0.0/0 > acl-priv 100 > acl-pub 100 > sg-fn sgr-out4 > eni-nat > nat-1 > rtb-pub 0.0.0.0/0 > acl-pub 100 > igw-1"
	if got := strings.Join(ids, " > "); got != want {
		t.Errorf("path\n got %s\nwant %s", got, want)
	}
	ids = nil
	for _, h := range a.Reply {
		ids = append(ids, h.Resource.String())
	}
	want = "igw-1 > acl-pub 100 > eni-nat > nat-1 > rtb-pub 10.0.0.0/16 > acl-pub 100 > acl-priv 100 > eni-fn"
	if got := strings.Join(ids, " > "); got != want {
		t.Errorf("reply\n got %s\nwant %s", got, want)
	}
}

func TestTotal(t *testing.T) {
	for _, p := range []*netplan.Plan{nil, {}, {CIDRs: []netip.Prefix{pfx("10.0.0.0/16")}}} {
		for _, q := range []reach.Query{{}, {From: "eni-1"}, {To: ip(site)}, {Source: ip(site), To: ip("10.0.0.1")}, {Source: ip(site6), To: ip(site)}} {
			if a := reach.Explain(p, q); a.Reachable || a.Text == "" || a.Code == "" {
				t.Errorf("%+v: %+v", q, a)
			}
		}
		if a := reach.FromDrop(p, reach.Drop{}); a.Reachable || a.Text == "" {
			t.Errorf("%+v", a)
		}
	}
}

// TestEveryPair asks for every pair of addresses, over plans with parts missing:
// an answer is always whole.
func TestEveryPair(t *testing.T) {
	addrs := []string{"10.0.0.5", "10.0.0.10", "10.0.0.20", "10.0.1.10", "10.0.1.20", "10.0.1.30", "10.0.2.20", "10.0.0.2", "10.0.9.9",
		"203.0.113.5", "203.0.113.20", site, site6, "2001:db8:1000::20", "2001:db8:1000:1::10", "2001:db8:1000:2::20", "169.254.169.254", "fd00:ec2::254", "0.0.0.0"}
	plans := map[string]*netplan.Plan{"whole": plan(t)}
	for name, damage := range map[string]func(*netplan.Plan){
		"no subnets":  func(p *netplan.Plan) { p.Subnets = nil },
		"no tables":   func(p *netplan.Plan) { p.Tables = nil },
		"no profiles": func(p *netplan.Plan) { p.Profiles = nil },
		"no ACLs":     func(p *netplan.Plan) { p.ACLs = nil },
		"no gateway":  func(p *netplan.Plan) { p.Gateway = nil },
	} {
		p := plan(t)
		damage(p)
		plans[name] = p
	}
	for name, p := range plans {
		passed := 0
		for _, src := range addrs {
			for _, dst := range addrs {
				for _, proto := range []int{1, 6, 17, 47} {
					q := reach.Query{Source: ip(src), To: ip(dst), Protocol: proto, Port: 443}
					a := reach.Explain(p, q)
					if a.Text == "" || a.Reachable != (a.Code == "") || a.Reachable && !a.Delivered || a.Reachable == (len(a.Blame) > 0) && a.Code != "NO_PATH" {
						t.Errorf("%s: %s to %s protocol %d: %+v", name, src, dst, proto, a)
					}
					if a.Reachable && (name == "no ACLs" || name == "no tables") && src[:7] == "10.0.1." && dst == site {
						t.Errorf("%s: %s", name, a.Text)
					}
					if a.Reachable {
						passed++
					}
				}
			}
		}
		if name == "whole" && passed == 0 {
			t.Error("nothing passes at all")
		}
	}
}
