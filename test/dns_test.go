package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"weir/internal/api/aws/sdktest"
)

// looked is what testdata/lookup.py says of one question.
type looked struct {
	Rcode, Authority int
	Cut              bool
	Answers          []string
}

// names speaks Route 53 for a tenant.
type names struct {
	*tenant
	*route53.Client
}

func (c *tenant) names() *names {
	o := c.ec2.Options()
	return &names{c, route53.New(route53.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials, RetryMaxAttempts: 1, HTTPClient: sdktest.Client})}
}

// zone makes a private zone of a VPC.
func (n *names) zone(name, vpc string) string {
	n.t.Helper()
	out, err := n.CreateHostedZone(n.ctx, &route53.CreateHostedZoneInput{Name: &name, CallerReference: aws.String(name + vpc),
		VPC: &r53.VPC{VPCId: &vpc, VPCRegion: "us-east-1"}})
	n.check(err)
	return *out.HostedZone.Id
}

func plain(name, kind string, values ...string) *r53.ResourceRecordSet {
	set := &r53.ResourceRecordSet{Name: &name, Type: r53.RRType(kind), TTL: aws.Int64(60)}
	for _, v := range values {
		set.ResourceRecords = append(set.ResourceRecords, r53.ResourceRecord{Value: &v})
	}
	return set
}

// put writes records and waits until they are in sync.
func (n *names) put(zone string, sets ...*r53.ResourceRecordSet) {
	n.t.Helper()
	var b r53.ChangeBatch
	for _, s := range sets {
		b.Changes = append(b.Changes, r53.Change{Action: "UPSERT", ResourceRecordSet: s})
	}
	out, err := n.ChangeResourceRecordSets(n.ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: &b})
	n.check(err)
	n.check(route53.NewResourceRecordSetsChangedWaiter(n, func(o *route53.ResourceRecordSetsChangedWaiterOptions) { o.MinDelay, o.MaxDelay = briefly, briefly }).
		Wait(n.ctx, &route53.GetChangeInput{Id: out.ChangeInfo.Id}, time.Minute))
}

// dnsLand is a dual-stack VPC with a function and hosts that look names up.
type dnsLand struct {
	*names
	d                  *daemon
	vpc, subnet, group string
}

func newDNSLand(t *testing.T, d *daemon) *dnsLand {
	t.Helper()
	c := d.root(t)
	vpc, block6, group := c.vpc("10.0.0.0/16")
	_, err := c.ec2.ModifyVpcAttribute(c.ctx, &ec2.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	c.check(err)
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", strings.Replace(block6, "/56", "/64", 1))
	_, err = c.ec2.ModifySubnetAttribute(c.ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &subnet, AssignIpv6AddressOnCreation: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	c.check(err)
	code, err := os.ReadFile("testdata/lookup.py")
	c.check(err)
	c.python("lookup", c.role("lookup"), string(code), at(subnet, group))
	return &dnsLand{c.names(), d, vpc, subnet, group}
}

// question is one lookup as lookup.py takes it.
type question struct {
	name, kind string
	options    map[string]any
	want       string // addresses, sorted, or kinds; "NXDOMAIN" or "NODATA" from a zone; "PUBLIC" from the lab
}

func (q question) judge(t *testing.T, who string, got looked) {
	t.Helper()
	slices.Sort(got.Answers)
	said := strings.Join(got.Answers, " ")
	switch {
	case got.Rcode == 3 && got.Authority == 1:
		said = "NXDOMAIN"
	case got.Rcode != 0:
		said = "error"
	case got.Cut:
		said = "CUT"
	case said == "" && got.Authority == 1:
		said = "NODATA"
	case strings.HasPrefix(said, "198.51.100."):
		said = "PUBLIC"
	}
	if said != q.want {
		t.Errorf("%s: %s %s %v: %s (%+v), want %s", who, q.name, q.kind, q.options, said, got, q.want)
	}
}

func event(questions []question) map[string]any {
	var ask [][]any
	for _, q := range questions {
		one := []any{q.name, q.kind}
		if q.options != nil {
			one = append(one, q.options)
		}
		ask = append(ask, one)
	}
	return map[string]any{"ask": ask}
}

// function has the function ask, host a host of the VPC.
func (l *dnsLand) function(questions ...question) {
	l.t.Helper()
	var got []looked
	l.invoke("lookup", event(questions)).into(l.t, &got)
	for i, q := range questions {
		q.judge(l.t.(*testing.T), "the function", got[i])
	}
}

func (l *dnsLand) host(questions ...question) {
	l.t.Helper()
	body, err := json.Marshal(event(questions))
	l.check(err)
	script, err := filepath.Abs("testdata/lookup.py")
	l.check(err)
	out, err := l.d.run(l.ctx, "attach", "-addr", l.d.url, "-subnet", l.subnet, "-security-group", l.group, "--", "/usr/bin/python3", script, string(body))
	m := regexp.MustCompile(`(?m)^answers (.*)$`).FindStringSubmatch(out)
	if err != nil || m == nil {
		l.t.Fatalf("a host that looks names up: %v\n%s", err, out)
	}
	var got []looked
	l.check(json.Unmarshal([]byte(m[1]), &got))
	for i, q := range questions {
		q.judge(l.t.(*testing.T), "the host", got[i])
	}
}

// TestPrivateZones looks names of private hosted zones up, from a function and
// from hosts. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
func TestPrivateZones(t *testing.T) {
	t.Parallel()
	l := newDNSLand(t, newDaemon(t))
	zone := l.zone("corp.example.com", l.vpc)
	var long []string
	for c := 'a'; c < 'y'; c++ {
		long = append(long, `"`+strings.Repeat(string(c), 100)+`"`)
	}
	l.put(zone, plain("db.corp.example.com", "A", "10.0.9.9"), plain("www.corp.example.com", "CNAME", "db.corp.example.com"),
		plain("out.corp.example.com", "CNAME", "site.example.net"), plain("*.any.corp.example.com", "A", "10.0.9.8"), plain("long.corp.example.com", "TXT", long...))

	const tcp, edns, at = "tcp", "edns", "at"
	text := strings.TrimSpace(strings.Repeat("text ", len(long)))
	questions := []question{
		{"db.corp.example.com", "A", nil, "10.0.9.9"},
		{"DB.corp.EXAMPLE.com", "A", nil, "10.0.9.9"},
		{"www.corp.example.com", "A", map[string]any{tcp: true}, "10.0.9.9"},
		{"out.corp.example.com", "A", nil, "PUBLIC"},
		{"db.corp.example.com", "MX", nil, "NODATA"},
		{"no.corp.example.com", "A", nil, "NXDOMAIN"}, // though the internet has every name
		{"no.example.com", "A", nil, "PUBLIC"},
		{"x.any.corp.example.com", "A", nil, "10.0.9.8"},
		{"long.corp.example.com", "TXT", nil, "CUT"},
		{"long.corp.example.com", "TXT", map[string]any{edns: 4096}, "CUT"}, // more than 1,232 bytes go by TCP
		{"long.corp.example.com", "TXT", map[string]any{tcp: true}, text},
		{"db.corp.example.com", "A", map[string]any{at: "169.254.169.253"}, "10.0.9.9"},
	}
	l.function(questions...)
	l.host(append(questions, question{"db.corp.example.com", "A", map[string]any{at: "fd00:ec2::253"}, "10.0.9.9"})...)
	if _, out := l.d.command(t, "", "why lookup www.corp.example.com:80"); !strings.Contains(out, "10.0.9.9") {
		t.Errorf("weir why does not know where www.corp.example.com is:\n%s", out)
	}

	// 1,000 lookups at once from one function all get their answer.
	for _, name := range []string{"%d.any.corp.example.com", "%d.example.org"} {
		n := 0
		l.invoke("lookup", map[string]any{"burst": 1000, "name": name}).into(t, &n)
		if n != 1000 {
			t.Errorf("%d of 1,000 lookups of %s were answered", n, name)
		}
	}

	// An alias leads to an endpoint's interfaces.
	ep, err := l.ec2.CreateVpcEndpoint(l.ctx, &ec2.CreateVpcEndpointInput{VpcId: &l.vpc, ServiceName: aws.String("com.amazonaws.us-east-1.lambda"),
		VpcEndpointType: "Interface", SubnetIds: []string{l.subnet}, PrivateDnsEnabled: aws.Bool(false)})
	l.check(err)
	eni, err := l.ec2.DescribeNetworkInterfaces(l.ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: ep.VpcEndpoint.NetworkInterfaceIds})
	l.check(err)
	entry := ep.VpcEndpoint.DnsEntries[0]
	l.put(zone, &r53.ResourceRecordSet{Name: aws.String("lambda.corp.example.com"), Type: "A",
		AliasTarget: &r53.AliasTarget{DNSName: entry.DnsName, HostedZoneId: entry.HostedZoneId}})
	l.function(question{"lambda.corp.example.com", "A", nil, *eni.NetworkInterfaces[0].PrivateIpAddress})

	// DNS64 gives the subnet's hosts IPv6 addresses for names that have none.
	l.function(question{"db.corp.example.com", "AAAA", nil, "NODATA"})
	_, err = l.ec2.ModifySubnetAttribute(l.ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &l.subnet, EnableDns64: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	l.check(err)
	l.function(question{"db.corp.example.com", "AAAA", nil, "64:ff9b::a00:909"}, question{"no.corp.example.com", "AAAA", nil, "NXDOMAIN"})

	// Private zones need both of the VPC's attributes.
	_, err = l.ec2.ModifyVpcAttribute(l.ctx, &ec2.ModifyVpcAttributeInput{VpcId: &l.vpc, EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: aws.Bool(false)}})
	l.check(err)
	l.function(question{"db.corp.example.com", "A", nil, "PUBLIC"})
}
