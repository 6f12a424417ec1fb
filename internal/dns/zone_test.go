package dns

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"weir/internal/netplan"
)

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// example is a VPC 10.0.0.0/16 with IPv6; its names are those that
// docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html gives.
var example = netplan.DNS{
	Enabled:   true,
	Resolvers: addrs("10.0.0.2", "fd00:ec2::253"),
	Records: []netplan.DNSRecord{
		{Name: "ip-10-0-1-7.ec2.internal", Addrs: addrs("10.0.1.7"), Reverse: true},
		{Name: "ip-10-0-1-20.ec2.internal", Addrs: addrs("10.0.1.20"), Reverse: true},
		{Name: "i-1.ec2.internal", Addrs: addrs("10.0.1.7", "2001:db8:1000::7"), Reverse: true},
		{Name: "ec2-203-0-113-5.compute-1.amazonaws.com", Addrs: addrs("10.0.1.7")},
		{Name: "lambda.us-east-1.amazonaws.com", Addrs: addrs("10.0.1.20", "10.0.2.20"), Endpoint: true},
		{Name: "s3.us-east-1.amazonaws.com", Addrs: addrs("10.0.1.30"), Endpoint: true},
		{Name: "*.s3.us-east-1.amazonaws.com", Addrs: addrs("10.0.1.31"), Endpoint: true},
	},
	Reverse: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("2001:db8:1000::/56")},
}

func TestZone(t *testing.T) {
	const elsewhere = -1
	tests := []struct {
		name  string
		qtype uint16
		rcode int
		want  []string
	}{
		{"ip-10-0-1-7.ec2.internal.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.7"}},
		{"IP-10-0-1-7.EC2.Internal.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.7"}},
		{"ip-10-0-1-7.ec2.internal.", dns.TypeAAAA, dns.RcodeSuccess, nil},
		{"ip-10-0-1-7.ec2.internal.", dns.TypeMX, dns.RcodeSuccess, nil},
		{"i-1.ec2.internal.", dns.TypeAAAA, dns.RcodeSuccess, []string{"2001:db8:1000::7"}},
		{"i-1.ec2.internal.", dns.TypeANY, dns.RcodeSuccess, []string{"10.0.1.7", "2001:db8:1000::7"}},
		{"lambda.us-east-1.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.20", "10.0.2.20"}},
		{"s3.us-east-1.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.30"}},
		{"bucket.s3.us-east-1.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.31"}},
		{"a.b.S3.us-east-1.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.31"}},
		{"bucket.s3.us-east-1.amazonaws.com.", dns.TypeAAAA, dns.RcodeSuccess, nil},
		{"bucket.s3.eu-west-1.amazonaws.com.", dns.TypeA, elsewhere, nil},
		{"x.lambda.us-east-1.amazonaws.com.", dns.TypeA, elsewhere, nil},
		{"localhost.", dns.TypeA, dns.RcodeSuccess, []string{"127.0.0.1"}},
		{"example.com.", dns.TypeA, elsewhere, nil},
		{"ip-10-0-1-8.ec2.internal.", dns.TypeA, elsewhere, nil},

		{"20.1.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, []string{"ip-10-0-1-20.ec2.internal."}}, // no other name of it
		{"7.1.0.10.in-addr.arpa.", dns.TypeA, dns.RcodeSuccess, nil},
		{"9.1.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil},
		{"1.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, nil},   // names below it
		{"9.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil}, // none below it
		{"10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, nil},       // above the VPC's block
		{"7.1.1.10.in-addr.arpa.", dns.TypePTR, elsewhere, nil},
		{"007.1.0.10.in-addr.arpa.", dns.TypePTR, elsewhere, nil},
	}
	z := newZone(example)
	for _, tt := range tests {
		answer, rcode, ok := z.lookup(tt.name, tt.qtype)
		if !ok {
			rcode = elsewhere
		}
		checkAnswer(t, tt.name, answer, rcode, tt.rcode, tt.want)
	}
}

func TestZoneReverse6(t *testing.T) {
	z := newZone(example)
	// 2001:db8:1000::7 in nibbles, the last one first.
	name := "7.0.0.0" + ".0.0.0.0" + ".0.0.0.0" + ".0.0.0.0" + ".0.0.0.0" + ".0.0.0.1" + ".8.b.d.0" + ".1.0.0.2" + ".ip6.arpa."
	answer, rcode, ok := z.lookup(name, dns.TypePTR)
	if !ok {
		t.Fatalf("%s is not the zone's", name)
	}
	checkAnswer(t, name, answer, rcode, dns.RcodeSuccess, []string{"i-1.ec2.internal."})
	missing := "8" + name[1:]
	if _, rcode, ok := z.lookup(missing, dns.TypePTR); !ok || rcode != dns.RcodeNameError {
		t.Errorf("%s: rcode %d, own %v, want NXDOMAIN of the zone", missing, rcode, ok)
	}
}

func checkAnswer(t *testing.T, name string, answer []dns.RR, rcode, wantCode int, want []string) {
	t.Helper()
	if rcode != wantCode {
		t.Errorf("%s: rcode %d, want %d", name, rcode, wantCode)
	}
	var got []string
	for _, rr := range answer {
		switch rr := rr.(type) {
		case *dns.A:
			got = append(got, rr.A.String())
		case *dns.AAAA:
			got = append(got, rr.AAAA.String())
		case *dns.PTR:
			got = append(got, rr.Ptr)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: answer %v, want %v", name, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: answer %v, want %v", name, got, want)
		}
	}
}
