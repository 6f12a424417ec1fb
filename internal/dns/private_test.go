package dns

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// zoneOf is a private zone whose records are written "name type ttl value|value".
func zoneOf(id cloud.DNSZoneID, name string, lines ...string) netplan.DNSZone {
	z := netplan.DNSZone{ID: id, Name: name}
	for _, l := range append(lines, name+" SOA 900 ns.example. host.example. 1 7200 900 1209600 86400") {
		f := strings.SplitN(l, " ", 4)
		set := &cloud.DNSRecordSet{Zone: id, Name: f[0], Type: f[1], TTL: 300, Values: strings.Split(f[3], "|")}
		if f[2] == "900" {
			set.TTL = 900
		}
		if f[2] == "alias" {
			set.Values, set.Alias = nil, f[3]
		}
		z.Sets = append(z.Sets, set)
	}
	return z
}

// split is the example VPC with private zones over it.
func split() *netplan.Plan {
	d := example
	d.Zones = []netplan.DNSZone{
		zoneOf("Z1", "corp.example.com",
			"corp.example.com A 300 10.0.1.1",
			"db.corp.example.com A 300 10.0.1.2|10.0.1.3",
			"db.corp.example.com AAAA 300 2001:db8::2",
			"www.corp.example.com CNAME 300 db.corp.example.com",
			"out.corp.example.com CNAME 300 site.example.net.",
			"over.corp.example.com CNAME 300 x.deep.corp.example.com",
			"loop.corp.example.com CNAME 300 loop2.corp.example.com",
			"loop2.corp.example.com CNAME 300 loop.corp.example.com",
			"missing.corp.example.com CNAME 300 nowhere.corp.example.com",
			"*.any.corp.example.com A 300 10.0.1.9",
			"there.any.corp.example.com TXT 300 \"here; \\\"yes\\\" \\233\" \"two\"",
			"a.b.c.corp.example.com A 300 10.0.1.10",
			"mail.corp.example.com MX 300 10 db.corp.example.com|20 .",
			"_sip._tcp.corp.example.com SRV 300 1 2 5060 db.corp.example.com",
			"caa.corp.example.com CAA 300 0 issue \"ca.example.net\"",
			"alias.corp.example.com A alias db.corp.example.com",
			"star.corp.example.com A alias x.any.corp.example.com",
			"self.corp.example.com A alias self.corp.example.com",
			"lambda.corp.example.com A alias vpce-1.lambda.vpce.example"),
		zoneOf("Z2", "deep.corp.example.com", "x.deep.corp.example.com A 300 10.0.2.2"),
		zoneOf("Z3", "internal", "db.internal A 300 10.0.3.3", "ip-10-0-1-7.ec2.internal A 300 10.9.9.9"),
		zoneOf("Z4", "us-east-1.amazonaws.com", "lambda.us-east-1.amazonaws.com A 300 10.9.9.9", "mine.us-east-1.amazonaws.com A 300 10.0.4.4"),
		zoneOf("Z5", "x.s3.us-east-1.amazonaws.com", "x.s3.us-east-1.amazonaws.com A 300 10.0.5.5"),
		zoneOf("Z6", "1.0.10.in-addr.arpa", "7.1.0.10.in-addr.arpa PTR 300 mine.example.com"),
		zoneOf("Z7", "10.in-addr.arpa", "20.2.0.10.in-addr.arpa PTR 300 hidden.example.com", "1.2.200.10.in-addr.arpa PTR 300 far.example.com"),
	}
	d.Zones[0].Targets = []netplan.DNSRecord{{Name: "vpce-1.lambda.vpce.example", Addrs: addrs("10.0.1.20", "2001:db8::20")}}
	return &netplan.Plan{VPC: "vpc-1", DNS: d, Subnets: []netplan.Subnet{
		{ID: "subnet-64", DNS64: true, CIDR4: netip.MustParsePrefix("127.0.0.0/8"), CIDR6: netip.MustParsePrefix("2001:db8:1000::/64")},
		{ID: "subnet-4", CIDR4: netip.MustParsePrefix("10.0.0.0/24")},
	}}
}

func TestPrivateZones(t *testing.T) {
	n := newNames(split())
	tests := []struct {
		name  string
		qtype uint16
		rcode int
		want  string // records without owner, class and TTL, joined by "|"
		rest  string
		soa   string
	}{
		{"corp.example.com.", dns.TypeA, 0, "A 10.0.1.1", "", ""},
		{"DB.Corp.Example.COM.", dns.TypeA, 0, "A 10.0.1.2|A 10.0.1.3", "", ""},
		{"db.corp.example.com.", dns.TypeAAAA, 0, "AAAA 2001:db8::2", "", ""},
		{"db.corp.example.com.", dns.TypeMX, 0, "", "", "corp.example.com."},
		{"db.corp.example.com.", dns.TypeANY, 0, "A 10.0.1.2|A 10.0.1.3|AAAA 2001:db8::2", "", ""},
		{"www.corp.example.com.", dns.TypeA, 0, "CNAME db.corp.example.com.|A 10.0.1.2|A 10.0.1.3", "", ""},
		{"www.corp.example.com.", dns.TypeCNAME, 0, "CNAME db.corp.example.com.", "", ""},
		{"www.corp.example.com.", dns.TypeTXT, 0, "CNAME db.corp.example.com.", "", "corp.example.com."},
		{"over.corp.example.com.", dns.TypeA, 0, "CNAME x.deep.corp.example.com.|A 10.0.2.2", "", ""},
		{"out.corp.example.com.", dns.TypeA, 0, "CNAME site.example.net.", "site.example.net.", ""},
		{"missing.corp.example.com.", dns.TypeA, dns.RcodeNameError, "CNAME nowhere.corp.example.com.", "", "corp.example.com."},
		{"loop.corp.example.com.", dns.TypeA, dns.RcodeServerFailure, "", "", ""},
		{"public.corp.example.com.", dns.TypeA, dns.RcodeNameError, "", "", "corp.example.com."}, // not the internet's
		{"x.any.corp.example.com.", dns.TypeA, 0, "A 10.0.1.9", "", ""},
		{"x.y.any.corp.example.com.", dns.TypeA, 0, "A 10.0.1.9", "", ""},
		{"x.any.corp.example.com.", dns.TypeTXT, 0, "", "", "corp.example.com."},
		{"there.any.corp.example.com.", dns.TypeA, 0, "", "", "corp.example.com."}, // it exists: no wildcard
		{"below.there.any.corp.example.com.", dns.TypeA, dns.RcodeNameError, "", "", "corp.example.com."},
		{"any.corp.example.com.", dns.TypeA, 0, "", "", "corp.example.com."},
		{"there.any.corp.example.com.", dns.TypeTXT, 0, `TXT "here; \"yes\" \233" "two"`, "", ""},
		{"c.corp.example.com.", dns.TypeA, 0, "", "", "corp.example.com."},
		{"mail.corp.example.com.", dns.TypeMX, 0, "MX 10 db.corp.example.com.|MX 20 .", "", ""},
		{"_sip._tcp.corp.example.com.", dns.TypeSRV, 0, "SRV 1 2 5060 db.corp.example.com.", "", ""},
		{"caa.corp.example.com.", dns.TypeCAA, 0, `CAA 0 issue "ca.example.net"`, "", ""},
		{"alias.corp.example.com.", dns.TypeA, 0, "A 10.0.1.2|A 10.0.1.3", "", ""},
		{"star.corp.example.com.", dns.TypeA, 0, "A 10.0.1.9", "", ""},
		{"self.corp.example.com.", dns.TypeA, 0, "", "", "corp.example.com."},
		{"lambda.corp.example.com.", dns.TypeA, 0, "A 10.0.1.20", "", ""},
		{"lambda.corp.example.com.", dns.TypeAAAA, 0, "", "", "corp.example.com."}, // the alias is of type A
		{"x.deep.corp.example.com.", dns.TypeA, 0, "A 10.0.2.2", "", ""},
		{"y.deep.corp.example.com.", dns.TypeA, dns.RcodeNameError, "", "", "deep.corp.example.com."},
		{"example.com.", dns.TypeA, 0, "", "example.com.", ""},

		// The most specific domain: ec2.internal is the cloud's own.
		{"db.internal.", dns.TypeA, 0, "A 10.0.3.3", "", ""},
		{"no.internal.", dns.TypeA, dns.RcodeNameError, "", "", "internal."},
		{"ip-10-0-1-7.ec2.internal.", dns.TypeA, 0, "A 10.0.1.7", "", ""},
		{"lambda.us-east-1.amazonaws.com.", dns.TypeA, 0, "A 10.0.1.20|A 10.0.2.20", "", ""},
		{"mine.us-east-1.amazonaws.com.", dns.TypeA, 0, "A 10.0.4.4", "", ""},
		{"logs.us-east-1.amazonaws.com.", dns.TypeA, dns.RcodeNameError, "", "", "us-east-1.amazonaws.com."},
		{"x.s3.us-east-1.amazonaws.com.", dns.TypeA, 0, "A 10.0.5.5", "", ""},
		{"y.s3.us-east-1.amazonaws.com.", dns.TypeA, 0, "A 10.0.1.31", "", ""},
		{"7.1.0.10.in-addr.arpa.", dns.TypePTR, 0, "PTR mine.example.com.", "", ""},
		{"20.1.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, "", "", "1.0.10.in-addr.arpa."},
		{"20.2.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, "", "", ""}, // the VPC's block is more specific
		{"1.2.200.10.in-addr.arpa.", dns.TypePTR, 0, "PTR far.example.com.", "", ""},
	}
	for _, tt := range tests {
		r := n.resolve(tt.name, tt.qtype)
		var got []string
		for _, rr := range r.answer {
			f := strings.Split(rr.String(), "\t")
			got = append(got, f[3]+" "+strings.Join(f[4:], " "))
		}
		soa := ""
		for _, rr := range r.ns {
			soa = rr.Header().Name
			if rr.Header().Ttl != 900 {
				t.Errorf("%s: SOA for %d s, want 900", tt.name, rr.Header().Ttl)
			}
		}
		if s := strings.Join(got, "|"); s != tt.want || r.rcode != tt.rcode || r.rest != tt.rest || soa != tt.soa {
			t.Errorf("%s %s: %s, rcode %d, rest %q, SOA %q; want %s, %d, %q, %q", tt.name, dns.TypeToString[tt.qtype], s, r.rcode, r.rest, soa, tt.want, tt.rcode, tt.rest, tt.soa)
		}
		if len(r.answer) > 0 && r.answer[0].Header().Name != tt.name {
			t.Errorf("%s: the answer is for %s", tt.name, r.answer[0].Header().Name) // case is kept, as randomising clients check
		}
	}
}

// serve starts a server with the example's private zones; the test is a host in
// the subnet with DNS64.
func serveSplit(t *testing.T) *fakeNetwork {
	s, f := start(t, Config{}, example)
	if err := s.Sync(t.Context(), "vpc-1", split()); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestChainToTheInternet(t *testing.T) {
	f := serveSplit(t)
	for _, network := range []string{"udp", "tcp"} {
		at := f.udp("10.0.0.2:53")
		if network == "tcp" {
			at = f.tcp("10.0.0.2:53")
		}
		reply := exchange(t, network, at, query("out.corp.example.com.", dns.TypeA))
		if len(reply.Answer) != 2 || reply.Answer[0].(*dns.CNAME).Target != "site.example.net." || reply.Answer[1].(*dns.A).A.String() != "198.51.100.1" {
			t.Errorf("by %s: %v", network, reply.Answer)
		}
		reply = exchange(t, network, at, query("no.corp.example.com.", dns.TypeA))
		if reply.Rcode != dns.RcodeNameError || len(reply.Ns) != 1 {
			t.Errorf("by %s: a name that the zone does not have: %v", network, reply)
		}
	}
}

func TestDNS64(t *testing.T) {
	f := serveSplit(t)
	at := f.udp("10.0.0.2:53")
	for name, want := range map[string]string{
		"db.corp.example.com.":      "2001:db8::2",        // has one
		"corp.example.com.":         "64:ff9b::a00:101",   // 10.0.1.1
		"out.corp.example.com.":     "64:ff9b::c633:6401", // 198.51.100.1, by a CNAME
		"example.org.":              "64:ff9b::c633:6401",
		"ip-10-0-1-7.ec2.internal.": "64:ff9b::a00:107",
		"mail.corp.example.com.":    "", // no address at all
		"missing.example.org.":      "", // no such name
		"no.corp.example.com.":      "",
	} {
		reply := exchange(t, "udp", at, query(name, dns.TypeAAAA))
		got := ""
		for _, rr := range reply.Answer {
			if a, ok := rr.(*dns.AAAA); ok {
				got = a.AAAA.String()
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// Others than hosts of that subnet get none.
	n := newNames(split())
	reply := new(dns.Msg).SetReply(query("example.org.", dns.TypeAAAA))
	for from, want := range map[string]bool{"127.0.0.1": true, "2001:db8:1000::7": true, "10.0.0.9": false, "2001:db8:2000::7": false} {
		if n.wants64(reply, netip.MustParseAddr(from)) != want {
			t.Errorf("DNS64 for %s is %v, want %v", from, !want, want)
		}
	}
}

func TestAddrs(t *testing.T) {
	for name, want := range map[string]string{
		"www.corp.example.com": "10.0.1.2 10.0.1.3 2001:db8::2", "out.corp.example.com": "198.51.100.1",
		"no.corp.example.com": "", "example.net": "198.51.100.1",
	} {
		got, err := Addrs(t.Context(), split(), upstream, name)
		var s []string
		for _, a := range got {
			s = append(s, a.String())
		}
		if err != nil || strings.Join(s, " ") != want {
			t.Errorf("%s: %v, %v; want %s", name, got, err, want)
		}
	}
}
