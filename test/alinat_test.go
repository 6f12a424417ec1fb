package test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// toDaemon points a request of Alibaba Cloud's SDK at the daemon.
func toDaemon[R requests.AcsRequest](d *daemon, r R) R {
	r.SetDomain(d.addr)
	r.SetScheme("http")
	return r
}

// must is a function that wants no error of the SDK.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// A NAT gateway of Alibaba Cloud's dialect lets nothing out without a SNAT entry;
// with one, the far side sees the entry's address. Drop rules of a security group
// go before accepting ones of equal priority, and members of a group reach others
// whatever its rules say.
// https://www.alibabacloud.com/help/en/nat-gateway/developer-reference/api-vpc-2016-04-28-createsnatentry-natgws
func TestAlibabaNAT(t *testing.T) {
	const region, zone = "cn-hangzhou", "cn-hangzhou-h"
	d := newDaemon(t)
	v := must[*sdkvpc.Client](t)(sdkvpc.NewClientWithAccessKey(region, "test", "test"))
	e := must[*sdkecs.Client](t)(sdkecs.NewClientWithAccessKey(region, "test", "test"))

	r1 := toDaemon(d, sdkvpc.CreateCreateVpcRequest())
	r1.CidrBlock = "10.0.0.0/8"
	vpc := must[*sdkvpc.CreateVpcResponse](t)(v.CreateVpc(r1)).VpcId
	r2 := toDaemon(d, sdkvpc.CreateCreateVSwitchRequest())
	r2.VpcId, r2.ZoneId, r2.CidrBlock = vpc, zone, "10.1.0.0/24"
	subnet := must[*sdkvpc.CreateVSwitchResponse](t)(v.CreateVSwitch(r2)).VSwitchId
	r3 := toDaemon(d, sdkecs.CreateCreateSecurityGroupRequest())
	r3.VpcId, r3.SecurityGroupType = vpc, "normal"
	group := must[*sdkecs.CreateSecurityGroupResponse](t)(e.CreateSecurityGroup(r3)).SecurityGroupId
	r4 := toDaemon(d, sdkvpc.CreateCreateNatGatewayRequest())
	r4.VpcId, r4.VSwitchId, r4.NatType = vpc, subnet, "Enhanced"
	nat := must[*sdkvpc.CreateNatGatewayResponse](t)(v.CreateNatGateway(r4))
	eip := must[*sdkvpc.AllocateEipAddressResponse](t)(v.AllocateEipAddress(toDaemon(d, sdkvpc.CreateAllocateEipAddressRequest())))
	r5 := toDaemon(d, sdkvpc.CreateAssociateEipAddressRequest())
	r5.AllocationId, r5.InstanceId, r5.InstanceType = eip.AllocationId, nat.NatGatewayId, "Nat"
	must[*sdkvpc.AssociateEipAddressResponse](t)(v.AssociateEipAddress(r5))

	// what a host of the vSwitch gets from the internet in so many seconds.
	get := func(seconds string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, d.bin, "attach", "-region", region, "-subnet", subnet, "-security-group", group, "--", "curl", "-s", "-m", seconds, "http://echo.weir.test/")
		c.Env = append(os.Environ(), "WEIR_ADDR="+d.url)
		out, err := c.Output()
		if err != nil {
			return ""
		}
		return string(out)
	}
	if out := get("1"); strings.Contains(out, eip.EipAddress) {
		t.Fatalf("without a SNAT entry the internet answered %q", out)
	}
	r6 := toDaemon(d, sdkvpc.CreateCreateSnatEntryRequest())
	r6.SnatTableId, r6.SourceVSwitchId, r6.SnatIp = nat.SnatTableIds.SnatTableId[0], subnet, eip.EipAddress
	entry := must[*sdkvpc.CreateSnatEntryResponse](t)(v.CreateSnatEntry(r6)).SnatEntryId
	if out := get("10"); !strings.Contains(out, eip.EipAddress) {
		t.Fatalf("with a SNAT entry the internet answered %q, which has no %s", out, eip.EipAddress)
	}
	if _, err := v.CreateSnatEntry(r6); err == nil || !strings.Contains(err.Error(), "InvalidSourceVSwitchId.Duplicate") {
		t.Errorf("a second entry for the vSwitch: %v", err)
	}

	r7 := toDaemon(d, sdkecs.CreateAuthorizeSecurityGroupEgressRequest())
	r7.SecurityGroupId, r7.IpProtocol, r7.PortRange, r7.DestCidrIp, r7.Priority = group, "tcp", "80/80", "0.0.0.0/0", "5"
	for _, policy := range []string{"accept", "drop"} { // a tie: drop
		r7.Policy = policy
		must[*sdkecs.AuthorizeSecurityGroupEgressResponse](t)(e.AuthorizeSecurityGroupEgress(r7))
	}
	if out := get("1"); strings.Contains(out, eip.EipAddress) {
		t.Errorf("though a rule drops it, the internet answered %q", out)
	}
	r7.Policy, r7.Priority = "accept", "4"
	must[*sdkecs.AuthorizeSecurityGroupEgressResponse](t)(e.AuthorizeSecurityGroupEgress(r7))
	if out := get("10"); !strings.Contains(out, eip.EipAddress) {
		t.Errorf("a rule of priority 4 accepts, but the internet answered %q", out)
	}

	r8 := toDaemon(d, sdkvpc.CreateDeleteSnatEntryRequest())
	r8.SnatTableId, r8.SnatEntryId = r6.SnatTableId, entry
	must[*sdkvpc.DeleteSnatEntryResponse](t)(v.DeleteSnatEntry(r8))
	if out := get("1"); strings.Contains(out, eip.EipAddress) {
		t.Errorf("without the SNAT entry again, the internet answered %q", out)
	}
	r9 := toDaemon(d, sdkvpc.CreateDeleteNatGatewayRequest())
	r9.NatGatewayId, r9.Force = nat.NatGatewayId, "true"
	must[*sdkvpc.DeleteNatGatewayResponse](t)(v.DeleteNatGateway(r9))
}
