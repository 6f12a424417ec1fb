package test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// aliyun is the account's owner, who calls by Alibaba Cloud's SDK.
type aliyun struct {
	t   *testing.T
	d   *daemon
	vpc *sdkvpc.Client
	ecs *sdkecs.Client
}

const (
	aliRegion = "cn-hangzhou"
	aliZone   = "cn-hangzhou-h"
)

func newAliyun(t *testing.T, d *daemon) *aliyun {
	return &aliyun{t, d, must[*sdkvpc.Client](t)(sdkvpc.NewClientWithAccessKey(aliRegion, "test", "test")), must[*sdkecs.Client](t)(sdkecs.NewClientWithAccessKey(aliRegion, "test", "test"))}
}

// makeVpc makes a VPC with a security group that lets out everything and in nothing.
func (a *aliyun) makeVpc(cidr string) (v *sdkvpc.CreateVpcResponse, group string) {
	r := toDaemon(a.d, sdkvpc.CreateCreateVpcRequest())
	r.CidrBlock = cidr
	v = must[*sdkvpc.CreateVpcResponse](a.t)(a.vpc.CreateVpc(r))
	g := toDaemon(a.d, sdkecs.CreateCreateSecurityGroupRequest())
	g.VpcId, g.SecurityGroupType = v.VpcId, "normal"
	return v, must[*sdkecs.CreateSecurityGroupResponse](a.t)(a.ecs.CreateSecurityGroup(g)).SecurityGroupId
}

func (a *aliyun) vSwitch(vpc, cidr string) string {
	r := toDaemon(a.d, sdkvpc.CreateCreateVSwitchRequest())
	r.VpcId, r.ZoneId, r.CidrBlock = vpc, aliZone, cidr
	return must[*sdkvpc.CreateVSwitchResponse](a.t)(a.vpc.CreateVSwitch(r)).VSwitchId
}

// allowIn lets everything of a protocol ("tcp/80/80") and a source in.
func (a *aliyun) allowIn(group, protocol, ports, source string) {
	r := toDaemon(a.d, sdkecs.CreateAuthorizeSecurityGroupRequest())
	r.SecurityGroupId, r.IpProtocol, r.PortRange, r.SourceCidrIp = group, protocol, ports, source
	must[*sdkecs.AuthorizeSecurityGroupResponse](a.t)(a.ecs.AuthorizeSecurityGroup(r))
}

func (a *aliyun) nat(vpc, vswitch string) *sdkvpc.CreateNatGatewayResponse {
	r := toDaemon(a.d, sdkvpc.CreateCreateNatGatewayRequest())
	r.VpcId, r.VSwitchId, r.NatType = vpc, vswitch, "Enhanced"
	return must[*sdkvpc.CreateNatGatewayResponse](a.t)(a.vpc.CreateNatGateway(r))
}

// eip allocates an address and binds it.
func (a *aliyun) eip(kind, instance string) *sdkvpc.AllocateEipAddressResponse {
	e := must[*sdkvpc.AllocateEipAddressResponse](a.t)(a.vpc.AllocateEipAddress(toDaemon(a.d, sdkvpc.CreateAllocateEipAddressRequest())))
	r := toDaemon(a.d, sdkvpc.CreateAssociateEipAddressRequest())
	r.AllocationId, r.InstanceId, r.InstanceType = e.AllocationId, instance, kind
	must[*sdkvpc.AssociateEipAddressResponse](a.t)(a.vpc.AssociateEipAddress(r))
	return e
}

func (a *aliyun) snat(nat *sdkvpc.CreateNatGatewayResponse, cidr, ip string) string {
	r := toDaemon(a.d, sdkvpc.CreateCreateSnatEntryRequest())
	r.SnatTableId, r.SourceCIDR, r.SnatIp = nat.SnatTableIds.SnatTableId[0], cidr, ip
	return must[*sdkvpc.CreateSnatEntryResponse](a.t)(a.vpc.CreateSnatEntry(r)).SnatEntryId
}

func (a *aliyun) routeTable(vpc string, vswitches ...string) string {
	r := toDaemon(a.d, sdkvpc.CreateCreateRouteTableRequest())
	r.VpcId = vpc
	id := must[*sdkvpc.CreateRouteTableResponse](a.t)(a.vpc.CreateRouteTable(r)).RouteTableId
	for _, s := range vswitches {
		j := toDaemon(a.d, sdkvpc.CreateAssociateRouteTableRequest())
		j.RouteTableId, j.VSwitchId = id, s
		must[*sdkvpc.AssociateRouteTableResponse](a.t)(a.vpc.AssociateRouteTable(j))
	}
	return id
}

// route adds an entry and returns its ID.
func (a *aliyun) route(table, dest, kind, hop string) string {
	r := toDaemon(a.d, sdkvpc.CreateCreateRouteEntryRequest())
	r.RouteTableId, r.DestinationCidrBlock, r.NextHopType, r.NextHopId = table, dest, kind, hop
	return must[*sdkvpc.CreateRouteEntryResponse](a.t)(a.vpc.CreateRouteEntry(r)).RouteEntryId
}

func (a *aliyun) unroute(id string) {
	r := toDaemon(a.d, sdkvpc.CreateDeleteRouteEntryRequest())
	r.RouteEntryId = id
	must[*sdkvpc.DeleteRouteEntryResponse](a.t)(a.vpc.DeleteRouteEntry(r))
}

// host runs a program as a host of a vSwitch and returns what it printed, "" if it failed.
func (a *aliyun) host(vswitch, group string, argv ...string) string {
	return a.hostAt(vswitch, group, "", argv...)
}

// hostAt is host with an address of its own choice.
func (a *aliyun) hostAt(vswitch, group, ip string, argv ...string) string {
	if ip == "" {
		return a.hostWith(vswitch, group, nil, argv...)
	}
	return a.hostWith(vswitch, group, []string{"-ip", ip}, argv...)
}

// hostWith is host with further flags of weir attach.
func (a *aliyun) hostWith(vswitch, group string, flags []string, argv ...string) string {
	ctx, cancel := context.WithTimeout(a.t.Context(), 20*time.Second)
	defer cancel()
	flags = append([]string{"attach", "-region", aliRegion, "-subnet", vswitch, "-security-group", group}, flags...)
	c := exec.CommandContext(ctx, a.d.bin, append(append(flags, "--"), argv...)...)
	c.Env = append(os.Environ(), "WEIR_ADDR="+a.d.url)
	out, err := c.Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// curl asks an address from a host of a vSwitch; seconds are those that it waits.
func (a *aliyun) curl(vswitch, group, seconds, url string) string {
	return a.host(vswitch, group, "curl", "-s", "-m", seconds, url)
}

// wants says whether an answer has a text, or with "" that there is none.
func (a *aliyun) wants(what, got, want string) {
	a.t.Helper()
	if want == "" && got != "" || !strings.Contains(got, want) {
		a.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
