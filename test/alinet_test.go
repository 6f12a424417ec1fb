package test

import (
	"errors"
	"regexp"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdksts "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// aliUser is a user of Alibaba Cloud's dialect in a region, with a key of an account.
type aliUser struct {
	*fcUser
	region, id, secret string
}

func (d *daemon) aliUser(t testing.TB, region, id, secret string) *aliUser {
	t.Helper()
	u := &aliUser{&fcUser{TB: t, d: d}, region, id, secret}
	var errs [3]error
	u.fc, errs[0] = openapi.NewClient(&openapi.Config{AccessKeyId: &id, AccessKeySecret: &secret, Endpoint: &d.addr, Protocol: tea.String("http"), RegionId: &region})
	u.vpc, errs[1] = sdkvpc.NewClientWithAccessKey(region, id, secret)
	u.ecs, errs[2] = sdkecs.NewClientWithAccessKey(region, id, secret)
	u.check(errors.Join(errs[:]...))
	return u
}

// uid is the account that the user belongs to.
func (u *aliUser) uid() requests.Integer {
	u.Helper()
	c, err := sdksts.NewClientWithAccessKey(u.region, u.id, u.secret)
	u.check(err)
	got, err := c.GetCallerIdentity(aim(u.fcUser, sdksts.CreateGetCallerIdentityRequest()))
	u.check(err)
	return requests.Integer(got.AccountId)
}

var exported = regexp.MustCompile(`AWS_ACCESS_KEY_ID=(\S+)\n.*AWS_SECRET_ACCESS_KEY=(\S+)`)

// account makes another account and returns a key of its root.
func (d *daemon) account(t testing.TB, number string) (id, secret string) {
	t.Helper()
	out, err := d.run(t.Context(), "account", "create", number, "-addr", d.url)
	m := exported.FindStringSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("making account %s: %v\n%s", number, err, out)
	}
	return m[1], m[2]
}

// aliNet is a VPC with a vSwitch, a security group that lets in a block's
// connections to the test's hosts, and its system route table.
type aliNet struct {
	fcNetwork
	u     *aliUser
	table string
}

func (u *aliUser) net(cidr, zone, part, from string) *aliNet {
	u.Helper()
	n := &aliNet{fcNetwork: u.network(cidr, zone, part), u: u}
	tables := aim(u.fcUser, sdkvpc.CreateDescribeVpcsRequest())
	tables.VpcId = n.vpc
	got, err := u.vpc.DescribeVpcs(tables)
	u.check(err)
	n.table = got.Vpcs.Vpc[0].RouterTableIds.RouterTableIds[0]
	n.rule("accept", "2", from)
	return n
}

// rule adds an inbound rule for the test's hosts.
func (n *aliNet) rule(policy, priority, from string) {
	n.u.Helper()
	r := aim(n.u.fcUser, sdkecs.CreateAuthorizeSecurityGroupRequest())
	r.SecurityGroupId, r.IpProtocol, r.PortRange, r.SourceCidrIp, r.Policy, r.Priority = n.group, "tcp", "7777/7777", from, policy, priority
	_, err := n.u.ecs.AuthorizeSecurityGroup(r)
	n.u.check(err)
}

// host attaches a host that answers with its caller's address.
func (n *aliNet) host(t *testing.T, ip string) {
	t.Helper()
	a := n.u.d.attach(t, "-region "+n.u.region+" -subnet "+n.vswitch+" -security-group "+n.group+" -ip "+ip, "/usr/bin/python3", "-c", serve)
	t.Cleanup(func() { _ = a.Process.Kill() })
}

// route leads a block to a next hop.
func (n *aliNet) route(dest, kind, hop string) {
	n.u.Helper()
	r := aim(n.u.fcUser, sdkvpc.CreateCreateRouteEntryRequest())
	r.RouteTableId, r.DestinationCidrBlock, r.NextHopType, r.NextHopId = n.table, dest, kind, hop
	_, err := n.u.vpc.CreateRouteEntry(r)
	n.u.check(err)
}

// peer routes a block to a peering connection.
func (n *aliNet) peer(dest, connection string) {
	n.u.Helper()
	n.route(dest, "VpcPeer", connection)
}
