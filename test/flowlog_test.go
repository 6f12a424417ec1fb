package test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

const (
	flowTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"vpc-flow-logs.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	// of https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
	flowPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","logs:DescribeLogGroups","logs:DescribeLogStreams"]}]}`
	flowFormat = "${interface-id} ${flow-direction} ${srcaddr} ${dstaddr} ${pkt-srcaddr} ${pkt-dstaddr} ${protocol} ${srcport} ${dstport} ${action} ${tcp-flags} ${traffic-path} ${packets} ${bytes} ${log-status} ${az-id}"
)

// flowReader reads what flow logs wrote.
type flowReader struct {
	*tenant
	logs *cloudwatchlogs.Client
}

func (c *tenant) flowRole(name, policy string) string {
	c.t.Helper()
	out, err := c.iam.CreateRole(c.ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(flowTrust)})
	c.check(err)
	_, err = c.iam.PutRolePolicy(c.ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("flow"), PolicyDocument: &policy})
	c.check(err)
	return *out.Role.Arn
}

// lines are those of a group and stream. Ephemeral ports are "client".
func (r *flowReader) lines(group, stream string) (out []string) {
	got, err := r.logs.FilterLogEvents(r.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group, LogStreamNames: []string{stream}})
	if err != nil {
		return nil // not yet there
	}
	for _, e := range got.Events {
		out = append(out, clientPort.ReplaceAllString(*e.Message, " client"))
	}
	return out
}

var clientPort = regexp.MustCompile(` (3[2-9]|4\d|5\d|6\d)\d\d\d\b`)

// has waits for lines that begin so; the flags of connections that last may come in several lines.
func (r *flowReader) has(what, group, stream string, want ...string) {
	r.t.Helper()
	var got []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		got = r.lines(group, stream)
		if !slices.ContainsFunc(want, func(w string) bool { return !begins(got, w) }) {
			return
		}
	}
	for _, w := range want {
		if !begins(got, w) {
			r.t.Errorf("%s: no line %q in\n%s", what, w, strings.Join(got, "\n"))
		}
	}
}

func begins(lines []string, with string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, with) })
}

// interfaceAt finds one by its private address, or by its group and subnet.
func (c *tenant) interfaceAt(f ...ec2types.Filter) (id, addr string) {
	c.t.Helper()
	out, err := c.ec2.DescribeNetworkInterfaces(c.ctx, &ec2.DescribeNetworkInterfacesInput{Filters: f})
	c.check(err)
	if len(out.NetworkInterfaces) != 1 {
		c.t.Fatalf("%d network interfaces, want one", len(out.NetworkInterfaces))
	}
	return *out.NetworkInterfaces[0].NetworkInterfaceId, *out.NetworkInterfaces[0].PrivateIpAddress
}

// TestFlowLogs: what a function and a host, each behind an interface, send each
// other and the internet, as the interfaces' records say it.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html
func TestFlowLogs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := newDaemon(t, "-flow-log-interval", "1s", "-flow-log-dir", dir)
	c := d.root(t)
	p := open(c, "flow", "10.0.0.0/16")
	hosts := c.group(p.vpc, "hosts", p.group, 8080)
	l := &land{tenant: c, region: "us-east-1", vpc: p.vpc, subnet: p.public, group: hosts}
	web := l.server(d, "web")
	c.python("fn", p.role, fetchCode, at(p.private, p.group))
	fn, fnAddr := c.interfaceAt(in("group-id", p.group)...)
	host, _ := c.interfaceAt(in("addresses.private-ip-address", web)...)
	natENI, natAddr := c.interfaceAt(in("description", "Interface for NAT Gateway "+p.nat)...)
	r := &flowReader{c, cloudwatchlogs.New(cloudwatchlogs.Options{Region: "us-east-1", BaseEndpoint: &d.url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})}

	made, err := c.ec2.CreateFlowLogs(c.ctx, &ec2.CreateFlowLogsInput{
		ResourceType: ec2types.FlowLogsResourceTypeVpc, ResourceIds: []string{p.vpc}, TrafficType: ec2types.TrafficTypeAll,
		LogGroupName: aws.String("flows"), DeliverLogsPermissionArn: aws.String(c.flowRole("writer", flowPolicy)), LogFormat: aws.String(flowFormat), MaxAggregationInterval: aws.Int32(60)})
	c.check(err)
	if len(made.FlowLogIds) != 1 || len(made.Unsuccessful) != 0 {
		t.Fatalf("made %+v", made)
	}
	mute := c.flowRole("mute", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`)
	_, err = c.ec2.CreateFlowLogs(c.ctx, &ec2.CreateFlowLogsInput{ResourceType: ec2types.FlowLogsResourceTypeNetworkInterface, ResourceIds: []string{host},
		TrafficType: ec2types.TrafficTypeReject, LogGroupName: aws.String("mute"), DeliverLogsPermissionArn: &mute})
	c.check(err)

	get := func(url string) (f fetched) {
		t.Helper()
		c.invoke("fn", map[string]any{"url": url, "timeout": 0.5}).into(t, &f)
		return f
	}
	if f := get("http://" + web + ":8080/"); f.Status != 200 {
		t.Fatalf("the function does not reach the host: %+v", f)
	}
	r.has("accepted, at the sender", "flows", fn+"-all",
		fn+" egress "+fnAddr+" "+web+" "+fnAddr+" "+web+" 6 client 8080 ACCEPT 3 1 ",
		fn+" ingress "+web+" "+fnAddr+" "+web+" "+fnAddr+" 6 8080 client ACCEPT 19 - ")
	r.has("accepted, at the receiver", "flows", host+"-all",
		host+" ingress "+fnAddr+" "+web+" "+fnAddr+" "+web+" 6 client 8080 ACCEPT 3 - ",
		host+" egress "+web+" "+fnAddr+" "+web+" "+fnAddr+" 6 8080 client ACCEPT 19 1 ")

	if f := get("http://" + web + ":8081/"); f.Error == "" {
		t.Fatalf("the group lets port 8081 in: %+v", f)
	}
	r.has("refused by the receiver's group", "flows", host+"-all", host+" ingress "+fnAddr+" "+web+" "+fnAddr+" "+web+" 6 client 8081 REJECT 2 - 1 60 OK use1-az")
	r.has("at the sender", "flows", fn+"-all", fn+" egress "+fnAddr+" "+web+" "+fnAddr+" "+web+" 6 client 8081 ACCEPT 2 1 1 60 OK use1-az")

	// Through the NAT gateway, whose interface sees both legs; the name is asked of the VPC's resolver, which is not logged.
	f := get("http://echo.weir.test/")
	if f.Status != 200 || f.source(t).String() != p.natAddr {
		t.Fatalf("through the NAT gateway: %+v", f)
	}
	r.has("NAT gateway", "flows", natENI+"-all",
		natENI+" ingress "+fnAddr+" "+natAddr+" "+fnAddr+" "+f.To+" 6 client 80 ACCEPT 3 - ",
		natENI+" egress "+natAddr+" "+f.To+" "+natAddr+" "+f.To+" 6 ",
		natENI+" ingress "+f.To+" "+natAddr+" "+f.To+" "+natAddr+" 6 80 ",
		natENI+" egress "+natAddr+" "+fnAddr+" "+f.To+" "+fnAddr+" 6 80 client ACCEPT 19 1 ")
	r.has("behind the NAT gateway", "flows", fn+"-all",
		fn+" egress "+fnAddr+" "+f.To+" "+fnAddr+" "+f.To+" 6 client 80 ACCEPT 3 1 ",
		fn+" ingress "+f.To+" "+fnAddr+" "+f.To+" "+fnAddr+" 6 80 client ACCEPT 19 - ")
	for _, line := range r.lines("flows", fn+"-all") {
		if strings.Contains(line, " 53 ") {
			t.Errorf("a question to the resolver is logged: %s", line)
		}
	}

	if _, out := d.command(t, "", "usage"); !regexp.MustCompile(`(?m)^` + p.vpc + ` +` + p.nat + ` +\d+ +1 +0 +\d+ +\d{3,} +\d+ +\d{3,}$`).MatchString(out) {
		t.Errorf("usage of the NAT gateway, of one connection:\n%s", out)
	}
	if out := d.metrics(t); !strings.Contains(out, "\nweir_nat_gateway_connection_attempt_count_total{vpc=\""+p.vpc+"\",nat_gateway=\""+p.nat+"\"} 1\n") {
		t.Errorf("metrics:\n%s", out)
	}

	// The ACL lets a request in and not its answer out: ACCEPT for one, REJECT for the other.
	acls, err := c.ec2.DescribeNetworkAcls(c.ctx, &ec2.DescribeNetworkAclsInput{Filters: in("association.subnet-id", p.public)})
	c.check(err)
	_, err = c.ec2.CreateNetworkAclEntry(c.ctx, &ec2.CreateNetworkAclEntryInput{NetworkAclId: acls.NetworkAcls[0].NetworkAclId, RuleNumber: aws.Int32(1), Egress: aws.Bool(true),
		Protocol: aws.String("6"), PortRange: &ec2types.PortRange{From: aws.Int32(1024), To: aws.Int32(65535)}, CidrBlock: aws.String("10.0.1.0/24"), RuleAction: ec2types.RuleActionDeny})
	c.check(err)
	if f := get("http://" + web + ":8080/?again"); f.Error == "" {
		t.Fatalf("the ACL lets answers out: %+v", f)
	}
	r.has("answers that the ACL refuses", "flows", host+"-all",
		host+" ingress "+fnAddr+" "+web+" "+fnAddr+" "+web+" 6 client 8080 ACCEPT 2 - ",
		host+" egress "+web+" "+fnAddr+" "+web+" "+fnAddr+" 6 8080 client REJECT 18 1 ")

	logs, err := c.ec2.DescribeFlowLogs(c.ctx, &ec2.DescribeFlowLogsInput{Filter: in("log-group-name", "mute")})
	c.check(err)
	if fl := logs.FlowLogs[0]; *fl.DeliverLogsStatus != "FAILED" || *fl.DeliverLogsErrorMessage != "Access error" || r.lines("mute", host+"-reject") != nil {
		t.Errorf("a role that may not write: %+v", fl)
	}
	file, err := os.ReadFile(filepath.Join(dir, "000000000000/us-east-1", *logs.FlowLogs[0].FlowLogId, time.Now().UTC().Format(time.DateOnly)+".log"))
	c.check(err)
	if text := string(file); !strings.HasPrefix(text, "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n2 000000000000 "+host) ||
		!regexp.MustCompile(`(?m)^2 000000000000 `+host+` `+fnAddr+` `+web+` \d+ 8081 6 1 60 \d+ \d+ REJECT OK$`).MatchString(text) || strings.Contains(text, "ACCEPT") {
		t.Errorf("the file of refusals:\n%s", text)
	}

	_, err = c.ec2.DeleteFlowLogs(c.ctx, &ec2.DeleteFlowLogsInput{FlowLogIds: made.FlowLogIds})
	c.check(err)
	before := len(r.lines("flows", fn+"-all"))
	get("http://" + web + ":8081/")
	time.Sleep(1100 * time.Millisecond) // an interval, in which nothing may come
	if after := len(r.lines("flows", fn+"-all")); after != before {
		t.Errorf("%d lines after the flow log was deleted", after-before)
	}
}

func (d *daemon) metrics(t *testing.T) string {
	t.Helper()
	r, err := http.Get(d.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("metrics: %s %v", r.Status, err)
	}
	return string(b)
}
