package test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// land is a VPC of one subnet whose routes each test chooses, with a security
// group that lets all its addresses out and nothing in.
type land struct {
	*tenant
	region             string
	vpc, subnet, table string
	group              string
}

func settle(c *tenant, region, cidr string) *land {
	c.t.Helper()
	l := &land{tenant: c, region: region}
	l.tenant = c.with(c.t)
	l.ec2 = ec2.New(c.ec2.Options(), func(o *ec2.Options) { o.Region = region })
	out, err := l.ec2.CreateVpc(c.ctx, &ec2.CreateVpcInput{CidrBlock: &cidr})
	c.check(err)
	l.vpc = *out.Vpc.VpcId
	_, err = l.ec2.ModifyVpcAttribute(c.ctx, &ec2.ModifyVpcAttributeInput{VpcId: &l.vpc, EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	c.check(err)
	sub, err := l.ec2.CreateSubnet(c.ctx, &ec2.CreateSubnetInput{VpcId: &l.vpc, CidrBlock: aws.String(strings.Replace(cidr, "/16", "/24", 1)), AvailabilityZone: aws.String(region + "a")})
	c.check(err)
	l.subnet = *sub.Subnet.SubnetId
	tables, err := l.ec2.DescribeRouteTables(c.ctx, &ec2.DescribeRouteTablesInput{Filters: in("vpc-id", l.vpc)})
	c.check(err)
	l.table = *tables.RouteTables[0].RouteTableId
	group, err := l.ec2.CreateSecurityGroup(c.ctx, &ec2.CreateSecurityGroupInput{VpcId: &l.vpc, GroupName: aws.String("hosts"), Description: aws.String("hosts")})
	c.check(err)
	l.group = *group.GroupId
	return l
}

// admit lets TCP port 8080 in.
func (l *land) admit(p ec2types.IpPermission) {
	l.t.Helper()
	p.IpProtocol, p.FromPort, p.ToPort = aws.String("tcp"), aws.Int32(8080), aws.Int32(8080)
	_, err := l.ec2.AuthorizeSecurityGroupIngress(l.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &l.group, IpPermissions: []ec2types.IpPermission{p}})
	l.check(err)
}

// join peers two lands and routes each to the other's block, and more.
func (l *land) join(other *land, mine, theirs []string) string {
	l.t.Helper()
	out, err := l.ec2.CreateVpcPeeringConnection(l.ctx, &ec2.CreateVpcPeeringConnectionInput{VpcId: &l.vpc, PeerVpcId: &other.vpc, PeerRegion: &other.region})
	l.check(err)
	id := out.VpcPeeringConnection.VpcPeeringConnectionId
	_, err = other.ec2.AcceptVpcPeeringConnection(l.ctx, &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: id})
	l.check(err)
	for at, cidrs := range map[*land][]string{l: mine, other: theirs} {
		for _, cidr := range cidrs {
			at.route(ec2.CreateRouteInput{RouteTableId: &at.table, DestinationCidrBlock: &cidr, VpcPeeringConnectionId: id})
		}
	}
	return *id
}

var attachedAt = regexp.MustCompile(`weir: eni-\S+ at (\S+)`)

// server attaches a web server to the land and returns its address.
func (l *land) server(d *daemon, name string) string {
	l.t.Helper()
	cmd := exec.Command(d.bin, "attach", "-addr", d.url, "-region", l.region, "-subnet", l.subnet, "-security-group", l.group, "-name", name, "--",
		"/usr/bin/python3", "-u", "-m", "http.server", "8080", "--directory", l.t.TempDir())
	printed, w, err := os.Pipe()
	l.check(err)
	cmd.Stdout, cmd.Stderr = w, w
	l.check(cmd.Start())
	w.Close()
	l.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		printed.Close()
	})
	addr := ""
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		if m := attachedAt.FindStringSubmatch(lines.Text()); m != nil {
			addr = m[1]
		}
		if strings.HasPrefix(lines.Text(), "Serving HTTP") && addr != "" {
			return addr
		}
	}
	l.t.Fatalf("the server in %s did not start", l.vpc)
	return ""
}

// reaches runs a host in the land that fetches from a server, and checks whether it can.
func (l *land) reaches(d *daemon, what, to string, want bool) {
	l.t.Helper()
	script := filepath.Join(l.t.TempDir(), "get.py")
	l.check(os.WriteFile(script, fmt.Appendf(nil, "import urllib.request\nprint(urllib.request.urlopen('http://%s/', timeout=1).status)\n", to), 0o644))
	out, err := d.run(l.ctx, "attach", "-addr", d.url, "-region", l.region, "-subnet", l.subnet, "-security-group", l.group, "--", "/usr/bin/python3", script)
	if got := err == nil && strings.Contains(out, "200"); got != want {
		l.t.Errorf("%s: reaches %s is %v, want %v\n%s", what, to, got, want, out)
	}
}

// TestPeering joins three VPCs in a chain, the third in another region. Neighbours reach
// each other where routes and groups say so, by name too; nobody reaches
// through. https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
func TestPeering(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	a, b, far := settle(c, "us-east-1", "10.0.0.0/16"), settle(c, "us-east-1", "10.1.0.0/16"), settle(c, "eu-west-1", "10.2.0.0/16")
	igw := a.internetGateway(a.vpc)
	a.route(ec2.CreateRouteInput{RouteTableId: &a.table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &igw})
	a.python("fn", a.role("peer"), fetchCode, at(a.subnet, a.group))
	dbAddr := b.server(d, "db")
	farAddr := far.server(d, "far")
	far.admit(ec2types.IpPermission{IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}})
	get := func(what, to, want string) {
		t.Helper()
		var f fetched
		a.invoke("fn", map[string]any{"url": "http://" + to + ":8080/"}).into(t, &f)
		if got := f.Error; got != want || want == "" && f.Status != 200 {
			t.Errorf("%s: %+v, want error %q", what, f, want)
		}
	}
	why := func(to, want string) {
		t.Helper()
		_, out := d.command(t, "", "why fn "+to+":8080")
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("weir why fn %s:\n%s\nwant %s", to, out, want)
		}
	}

	get("before the connection", dbAddr, "TimeoutError")
	near := a.join(b, []string{"10.1.0.0/16"}, []string{"10.0.0.0/16", "10.2.0.0/16", "0.0.0.0/0"})
	a.join(far, []string{"10.2.0.0/16"}, []string{"10.0.0.0/16", "10.1.0.0/16"})
	get("without a rule", dbAddr, "TimeoutError")
	why(dbAddr, b.group)
	b.admit(ec2types.IpPermission{UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &a.group}}})
	get("a group of the peer", dbAddr, "")
	get("another region", farAddr, "")
	why(farAddr, "reaches")

	const name = "db.weir.internal"
	get("its name without the option", name, "gaierror")
	_, err := b.ec2.ModifyVpcPeeringConnectionOptions(c.ctx, &ec2.ModifyVpcPeeringConnectionOptionsInput{VpcPeeringConnectionId: &near,
		AccepterPeeringConnectionOptions: &ec2types.PeeringConnectionOptionsRequest{AllowDnsResolutionFromRemoteVpc: aws.Bool(true)}})
	c.check(err)
	get("its name", name, "")

	b.reaches(d, "through the middle to the third", farAddr+":8080", false)
	far.reaches(d, "and back", dbAddr+":8080", false)
	b.reaches(d, "out by the peer's internet gateway", "198.51.100.7", false)
	a.reaches(d, "a host of the middle to the third", farAddr+":8080", true)

	_, err = b.ec2.DeleteVpcPeeringConnection(c.ctx, &ec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: &near})
	c.check(err)
	get("deleted", dbAddr, "TimeoutError")
	why(dbAddr, "BAD_STATE_ROUTE(.|\n)*blackhole: peering connection "+near)
	get("the other connection stays", farAddr, "")
}
