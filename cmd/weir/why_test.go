package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/control"
	weirdns "weir/internal/dns"
	"weir/internal/store"
)

// analysed is a daemon that answers questions and nothing else, about the
// network of the vendor's page: a public and a private subnet with a NAT gateway.
//
//	fn (function) in the private subnet, open (function) in the public one,
//	web (host, elastic IP, port 443 open) in the public subnet, db (host, port 5432 open to fn) in the private one
type analysed struct {
	*daemon
	url  string
	made map[string]string // names of the first network's changes → IDs
}

const firstNetwork = `[
	{"CreateVpc": {"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "demo"}]}]}, "as": "vpc"},
	{"CreateSubnet": {"VpcId": "${vpc.Vpc.VpcId}", "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "us-east-1a"}, "as": "public"},
	{"CreateSubnet": {"VpcId": "${vpc.Vpc.VpcId}", "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"}, "as": "private"},
	{"CreateInternetGateway": {}, "as": "igw"},
	{"AttachInternetGateway": {"VpcId": "${vpc.Vpc.VpcId}", "InternetGatewayId": "${igw.InternetGateway.InternetGatewayId}"}},
	{"CreateRouteTable": {"VpcId": "${vpc.Vpc.VpcId}"}, "as": "table"},
	{"AssociateRouteTable": {"RouteTableId": "${table.RouteTable.RouteTableId}", "SubnetId": "${public.Subnet.SubnetId}"}},
	{"CreateRoute": {"RouteTableId": "${table.RouteTable.RouteTableId}", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "${igw.InternetGateway.InternetGatewayId}"}},
	{"CreateRouteTable": {"VpcId": "${vpc.Vpc.VpcId}"}, "as": "inner"},
	{"AssociateRouteTable": {"RouteTableId": "${inner.RouteTable.RouteTableId}", "SubnetId": "${private.Subnet.SubnetId}"}},
	{"AllocateAddress": {}, "as": "eip"},
	{"CreateNatGateway": {"SubnetId": "${public.Subnet.SubnetId}", "AllocationId": "${eip.AllocationId}"}, "as": "nat"},
	{"CreateRoute": {"RouteTableId": "${inner.RouteTable.RouteTableId}", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "${nat.NatGateway.NatGatewayId}"}},
	{"CreateSecurityGroup": {"GroupName": "fn", "Description": "fn", "VpcId": "${vpc.Vpc.VpcId}"}, "as": "fnGroup"},
	{"CreateSecurityGroup": {"GroupName": "web", "Description": "web", "VpcId": "${vpc.Vpc.VpcId}"}, "as": "webGroup"},
	{"AuthorizeSecurityGroupIngress": {"GroupId": "${webGroup.GroupId}", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}},
	{"CreateSecurityGroup": {"GroupName": "db", "Description": "db", "VpcId": "${vpc.Vpc.VpcId}"}, "as": "dbGroup"},
	{"AuthorizeSecurityGroupIngress": {"GroupId": "${dbGroup.GroupId}", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": "${fnGroup.GroupId}"}]}]}},
	{"CreateNetworkInterface": {"SubnetId": "${public.Subnet.SubnetId}", "Groups": ["${webGroup.GroupId}"], "PrivateIpAddress": "10.0.0.20"}, "as": "web"},
	{"AllocateAddress": {}, "as": "webIP"},
	{"AssociateAddress": {"AllocationId": "${webIP.AllocationId}", "NetworkInterfaceId": "${web.NetworkInterface.NetworkInterfaceId}"}},
	{"CreateNetworkInterface": {"SubnetId": "${private.Subnet.SubnetId}", "Groups": ["${dbGroup.GroupId}"], "PrivateIpAddress": "10.0.1.20",
		"TagSpecifications": [{"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": "db"}]}]}, "as": "db"}]`

func newAnalysed(t *testing.T) *analysed {
	t.Helper()
	opt := control.Options{
		Account: "000000000000", Region: "us-east-1", Regions: regions("us-east-1"),
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	}
	s := store.NewMemory(cloud.Schema())
	d := &daemon{cfg: &config{account: opt.Account, region: opt.Region}, store: s, control: control.New(control.Deps{Store: s}, opt)}
	var changes []ec2.Change
	if err := json.Unmarshal([]byte(firstNetwork), &changes); err != nil {
		t.Fatal(err)
	}
	if err := ec2.Rehearse(t.Context(), d.control, d.root(""), changes); err != nil {
		t.Fatal(err)
	}
	a := &analysed{daemon: d, made: map[string]string{}}
	v := s.View()
	for i := range cloud.Interfaces.All(v) {
		a.made[i.Addrs[0].String()] = string(i.ID)
	}
	for r := range cloud.RouteTables.All(v) {
		for _, route := range r.Routes {
			a.made["table "+string(route.Target.Kind)] = string(r.ID)
		}
	}
	for g := range cloud.SecurityGroups.All(v) {
		a.made["group "+g.Name] = string(g.ID)
	}
	a.function(t, "fn", "10.0.1.20")
	a.function(t, "open", "10.0.0.20")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_weir/why", d.local(d.why))
	mux.HandleFunc("POST /_weir/matrix", d.local(d.matrix))
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	a.url = h.URL
	return a
}

// function puts a function into the subnet of a host.
func (a *analysed) function(t *testing.T, name, neighbour string) {
	t.Helper()
	_, err := a.store.Update(t.Context(), func(tx cloud.Tx) error {
		i, _ := cloud.Interfaces.Get(tx, cloud.InterfaceID(a.made[neighbour]))
		e := *i
		e.ID, e.Use, e.Tags, e.SecurityGroups = cloud.InterfaceID("eni-"+name), cloud.UseFunction, nil, []cloud.SecurityGroupID{cloud.SecurityGroupID(a.made["group fn"])}
		e.Addrs = []netip.Addr{i.Addrs[0].Next()}
		cloud.Interfaces.Put(tx, &e)
		key := cloud.MakeFunctionKey("000000000000", "us-east-1", name)
		cloud.Functions.Put(tx, &cloud.Function{
			Meta: e.Meta, Key: key, Name: name, Latest: cloud.Version{Network: cloud.FunctionNetwork{VPC: e.VPC, Interfaces: []cloud.InterfaceID{e.ID}}},
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a command line and gives its exit status and output.
func (a *analysed) run(t *testing.T, stdin string, args ...string) (int, string, string) {
	t.Helper()
	var out, fail bytes.Buffer
	args = append([]string{args[0], "-addr", a.url}, args[1:]...)
	code := run(t.Context(), env{strings.NewReader(stdin), &out, &fail}, args)
	return code, out.String(), fail.String()
}

func TestWhy(t *testing.T) {
	a := newAnalysed(t)
	web, db := a.made["10.0.0.20"], a.made["10.0.1.20"]
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"a private subnet", []string{"fn", "198.51.100.7:443"}, 0, []string{"eni-fn  sends from 10.0.1.21", "nat-", "igw-", "and the answer", "eni-fn (10.0.1.21) reaches the internet"}},
		{"a public subnet", []string{"open", "198.51.100.7:443"}, 3, []string{"not reachable: IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "never gets one"}},
		{"the internet as destination", []string{"fn", "internet"}, 0, []string{"198.51.100.80"}},
		{"a function to an interface", []string{"fn", db + ":5432"}, 0, []string{"reaches " + db}},
		{"by address", []string{"10.0.1.21", "10.0.1.20:5432"}, 0, []string{"eni-fn"}},
		{"a closed port", []string{"fn", db + ":80"}, 3, []string{"ENI_SG_RULES_MISMATCH", a.made["group db"]}},
		{"to a function", []string{web, "fn:443"}, 3, []string{"not reachable: SG_HAS_NO_RULES"}},
		{"from the internet to an interface", []string{"internet", web + ":443"}, 0, []string{"delivers 203.0.113.3 to 10.0.0.20"}},
		{"from the internet to an elastic IP", []string{"internet", "203.0.113.3:443"}, 0, []string{web}},
		{"from the internet, a closed port", []string{"internet", web + ":22"}, 3, []string{"ENI_SG_RULES_MISMATCH"}},
		{"from the internet to a private one", []string{"internet", db + ":443"}, 3, []string{"which the internet does not route"}},
		{"UDP, flags first", []string{"-protocol", "udp", web, "198.51.100.7:53"}, 0, []string{"UDP port 53"}},
		{"ping, flags last", []string{web, "198.51.100.7", "-protocol", "icmp"}, 0, []string{"ICMP type 8"}},
		{"nobody", []string{"nobody", "198.51.100.7"}, 1, []string{`"nobody" is no network interface, function or private address in us-east-1`}},
		{"from nowhere", []string{"internet", "10.9.9.9"}, 1, []string{`"10.9.9.9" is no network interface`}},
		{"no port", []string{"fn", "198.51.100.7:https"}, 1, []string{`"https" is no port`}},
		{"no protocol", []string{"fn", "198.51.100.7", "-protocol", "sctp"}, 1, []string{"choose tcp, udp or icmp"}},
		{"too few", []string{"fn"}, 2, []string{"usage: weir why SRC DST", "Exit status 0 is reachable, 3 is not reachable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, fail := a.run(t, "", append([]string{"why"}, c.args...)...)
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			for _, s := range c.says {
				if !strings.Contains(out+fail, s) {
					t.Errorf("it does not say %q", s)
				}
			}
			if t.Failed() {
				t.Log(out, fail)
			}
		})
	}
}

func TestWhyNames(t *testing.T) {
	a := newAnalysed(t)
	k := a.asker("")
	k.resolve = func(_ context.Context, name string, qtype uint16) ([]dns.RR, int, error) {
		addrs := map[string][]netip.Addr{"six.example.": {netip.MustParseAddr("2001:db8::7")}, "both.example.": {netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::7")}}
		return weirdns.Addresses(name, qtype, addrs[name]), dns.RcodeSuccess, nil
	}
	for to, want := range map[string]string{
		"both.example": "198.51.100.7", "Both.Example.": "198.51.100.7", "six.example": "2001:db8::7", // without an address of that family
		"ip-10-0-1-20.ec2.internal": "10.0.1.20",
	} {
		v, err := k.ask(t.Context(), question{From: "fn", To: to, Port: 443})
		if err != nil || v.Address != want {
			t.Errorf("%s: %+v, %v; want %s", to, v, err, want)
		}
	}
	if _, err := k.ask(t.Context(), question{From: "fn", To: "none.example", Port: 443}); !cloud.IsKind(err, cloud.NotFound) {
		t.Errorf("a name without an address: %v", err)
	}
}

func TestWhyWith(t *testing.T) {
	a := newAnalysed(t)
	rev := a.store.View().Rev()
	file := filepath.Join(t.TempDir(), "change.json")
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`[{"DeleteRoute": {"RouteTableId": "` + a.made["table nat-gateway"] + `", "DestinationCidrBlock": "0.0.0.0/0"}}]`)
	status, out, fail := a.run(t, "", "why", "fn", "198.51.100.7:443", "-with", file)
	if status != 3 || !strings.Contains(out, "now: reachable\nwith the changes: not reachable: NO_ROUTE_TO_DESTINATION\n") {
		t.Errorf("without the route: status %d\n%s%s", status, out, fail)
	}
	grant := `[{"AuthorizeSecurityGroupIngress": {"GroupId": "` + a.made["group web"] + `", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]}}]`
	status, out, fail = a.run(t, grant, "why", "internet", a.made["10.0.0.20"]+":22", "-with", "-", "-json")
	var v verdict
	if err := json.Unmarshal([]byte(out), &v); err != nil || status != 0 {
		t.Fatalf("with a rule: status %d, %v\n%s%s", status, err, out, fail)
	}
	if !v.Reachable || v.Now == nil || v.Now.Reachable || v.Now.Code != "ENI_SG_RULES_MISMATCH" || len(v.Path) == 0 || len(v.Reply) == 0 {
		t.Errorf("with a rule: %+v, now %+v", v, v.Now)
	}
	write(`[{"CreateNetworkInterface": {"SubnetId": "` + string(a.subnet("10.0.1.20")) + `", "PrivateIpAddress": "10.0.1.99"}}]`)
	if status, out, _ = a.run(t, "", "why", "10.0.1.99", "198.51.100.7", "-with", file); status != 0 || !strings.Contains(out, "now: not reachable: NO_SOURCE_OR_DESTINATION") {
		t.Errorf("from a host that is not there yet: status %d\n%s", status, out)
	}
	for text, want := range map[string]string{
		`[{"DeleteVpc": {"VpcId": "vpc-0123456789abcdef0"}}]`: "change 1, DeleteVpc: InvalidVpcID.NotFound",
		`{}`: "is no list of changes",
	} {
		write(text)
		if status, out, fail := a.run(t, "", "why", "fn", "198.51.100.7", "-with", file); status != 1 || !strings.Contains(fail, want) {
			t.Errorf("%s: status %d\n%s%s", text, status, out, fail)
		}
	}
	if got := a.store.View().Rev(); got != rev {
		t.Errorf("the state went from revision %d to %d", rev, got)
	}
}

func (a *analysed) subnet(host string) cloud.SubnetID {
	i, _ := cloud.Interfaces.Get(a.store.View(), cloud.InterfaceID(a.made[host]))
	return i.Subnet
}

func TestMatrix(t *testing.T) {
	a := newAnalysed(t)
	status, out, fail := a.run(t, "", "matrix", "-vpc", "demo", "-port", "5432")
	if status != 0 {
		t.Fatal(status, out, fail)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 3 {
			rows[strings.Join(f[:2], " ")] = f
		}
	}
	var m matrixAnswer
	if status, out, fail = a.run(t, "", "matrix", "-port", "5432", "-json"); status != 0 {
		t.Fatal(status, out, fail)
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	at := func(name string) int {
		for i, g := range m.Groups {
			if len(g.Names) == 1 && strings.HasPrefix(g.Names[0], name) {
				return i
			}
		}
		return len(m.Groups)
	}
	for _, c := range [][3]string{
		{"fn", "db", "ok"}, {"open", "db", "ok"}, {a.made["10.0.0.20"], "db", "ENI_SG_RULES_MISMATCH"}, {"fn", "internet", "ok"},
		{"open", "internet", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"}, {"internet", "db", "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"},
		{"internet", "internet", ""}, {"db", "db", ""},
	} {
		if got := m.Cells[at(c[0])][at(c[1])]; got != c[2] {
			t.Errorf("%s to %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if len(m.Groups) != 4 || strings.Contains(out, `"nat-`) {
		t.Errorf("%d groups, want fn, open and two hosts:\n%s", len(m.Groups), out)
	}
	for _, row := range []string{"1 db", "3 fn", "4 open", "internet internet"} {
		if len(rows[row]) != 8 && row != "internet internet" || len(rows[row]) < 7 {
			t.Errorf("row %q: %q", row, rows[row])
		}
	}
	close := `[{"DeleteRoute": {"RouteTableId": "` + a.made["table nat-gateway"] + `", "DestinationCidrBlock": "0.0.0.0/0"}}]`
	if _, out, _ = a.run(t, close, "matrix", "-json", "-with", "-"); !strings.Contains(out, "NO_ROUTE_TO_DESTINATION") {
		t.Errorf("without the NAT route:\n%s", out)
	}
	for _, c := range []struct{ args, want string }{
		{"-vpc nobody", `there is no VPC "nobody" in us-east-1; there are: vpc-`},
		{"-port 0", "0 is no port"},
		{"-region eu-west-1", "0 VPCs in eu-west-1 have interfaces"},
		{"-protocol sctp", "choose tcp"},
	} {
		if status, _, fail := a.run(t, "", append([]string{"matrix"}, strings.Fields(c.args)...)...); status != 1 || !strings.Contains(fail, c.want) {
			t.Errorf("%s: status %d, %s", c.args, status, fail)
		}
	}
}
