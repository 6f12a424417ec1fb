package test

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkram "github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	sdksts "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

//go:embed testdata/ecsserver.py
var ecsServer string

//go:embed testdata/ecsprobe.py
var ecsProbe string

// instance starts an instance whose user data is a script.
func (u *fcUser) instance(vswitch, group, script string, edit func(*sdkecs.RunInstancesRequest)) string {
	u.Helper()
	r := aim(u, sdkecs.CreateRunInstancesRequest())
	r.ImageId, r.InstanceType, r.VSwitchId, r.SecurityGroupId = "aliyun_3_x64_20G_alibase_20240819.vhd", "ecs.t6-c2m1.large", vswitch, group
	r.UserData = base64.StdEncoding.EncodeToString([]byte(script))
	edit(r)
	made, err := u.ecs.RunInstances(r)
	u.check(err)
	return made.InstanceIdSets.InstanceIdSet[0]
}

// console waits until an instance has printed a line that begins so, as its last of that kind, and returns its rest.
func (u *fcUser) console(id, kind, want string) string {
	u.Helper()
	r := aim(u, sdkecs.CreateGetInstanceConsoleOutputRequest())
	r.InstanceId = id
	var all string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		got, err := u.ecs.GetInstanceConsoleOutput(r)
		u.check(err)
		text, err := base64.StdEncoding.DecodeString(got.ConsoleOutput)
		u.check(err)
		all = string(text)
		last := ""
		for line := range strings.Lines(all) {
			if k, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == kind {
				last = rest
			}
		}
		if strings.HasPrefix(last, want) && last != "" {
			return last
		}
	}
	u.Fatalf("instance %s did not print %q after %q:\n%s", id, want, kind, all)
	return ""
}

func (u *fcUser) allow(group, ports, from string) {
	u.Helper()
	r := aim(u, sdkecs.CreateAuthorizeSecurityGroupRequest())
	r.SecurityGroupId, r.IpProtocol, r.PortRange, r.SourceCidrIp = group, "tcp", ports, from
	_, err := u.ecs.AuthorizeSecurityGroup(r)
	u.check(err)
}

// An instance is reached by whom its security group lets in: a function by an
// allowlist of its vSwitch's block, an instance of an advanced group only if that
// lets it out, too. It is told of itself, and has its role's credentials.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-network-settings
// https://www.alibabacloud.com/help/en/ecs/user-guide/basic-security-groups-and-advanced-security-groups
func TestECSInstances(t *testing.T) {
	t.Parallel()
	const zone = "cn-hangzhou-h"
	u := newDaemon(t).fcUser(t)
	net := u.network("10.0.0.0/8", zone, "10.1.0.0/24")
	ram := must[*sdkram.Client](t)(sdkram.NewClientWithAccessKey(fcRegion, "test", "test"))
	role := aim(u, sdkram.CreateCreateRoleRequest())
	role.RoleName, role.AssumeRolePolicyDocument = "reader", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}}]}`
	must[*sdkram.CreateRoleResponse](t)(ram.CreateRole(role))
	db := u.instance(net.vswitch, net.group, ecsServer, func(r *sdkecs.RunInstancesRequest) { r.PrivateIpAddress, r.RamRoleName = "10.1.0.10", "reader" })
	u.console(db, "id", db)
	u.console(db, "zone", zone)
	u.console(db, "role", "reader")
	var c struct{ AccessKeyId, AccessKeySecret, SecurityToken string }
	u.check(json.Unmarshal([]byte(u.console(db, "credentials", "{")), &c))
	sts := must[*sdksts.Client](t)(sdksts.NewClientWithStsToken(fcRegion, c.AccessKeyId, c.AccessKeySecret, c.SecurityToken))
	who := must[*sdksts.GetCallerIdentityResponse](t)(sts.GetCallerIdentity(aim(u, sdksts.CreateGetCallerIdentityRequest())))
	if !strings.HasSuffix(who.Arn, ":assumed-role/reader/"+db) {
		t.Errorf("the instance's credentials are those of %s", who.Arn)
	}

	// a function in the vSwitch of the allowlist, and one in another
	listed, other := u.vswitch(net.vpc, zone, "10.2.0.0/24"), u.vswitch(net.vpc, zone, "10.3.0.0/24")
	fns := u.group(net.vpc)
	ask := map[string]any{"connect": map[string]any{"db": []any{"10.1.0.10", 5432}}}
	for name, vswitch := range map[string]string{"listed": listed, "other": other} {
		u.function(name, map[string]any{"vpcConfig": fcNetwork{net.vpc, vswitch, fns}.config()})
		if got, refusal := u.ask(name, ask); refusal != "" || !strings.HasPrefix(got["db"], "failed") {
			t.Errorf("without a rule the database answered %s %q %s", name, got["db"], refusal)
		}
	}
	u.allow(net.group, "5432/5432", "10.2.0.0/24")
	if got, refusal := u.ask("listed", ask); !strings.HasPrefix(got["db"], "hello 10.2.0.") {
		t.Errorf("the database answered the function in the allowlist %q %s", got["db"], refusal)
	}
	if got, refusal := u.ask("other", ask); !strings.HasPrefix(got["db"], "failed") {
		t.Errorf("the database answered the function outside the allowlist %q %s", got["db"], refusal)
	}

	u.enterprise(t, net)

	stop := aim(u, sdkecs.CreateStopInstanceRequest())
	stop.InstanceId = db
	must[*sdkecs.StopInstanceResponse](t)(u.ecs.StopInstance(stop))
	u.status(db, "Stopped")
	if got, refusal := u.ask("listed", ask); !strings.HasPrefix(got["db"], "failed") {
		t.Errorf("stopped, the database answered %q %s", got["db"], refusal)
	}
	u.release(db)
}

// release ends an instance for good, whatever it does.
func (u *fcUser) release(id string) {
	u.Helper()
	r := aim(u, sdkecs.CreateDeleteInstanceRequest())
	r.InstanceId, r.Force = id, "true"
	_, err := u.ecs.DeleteInstance(r)
	u.check(err)
	u.status(id, "")
}

// enterprise has an instance of an advanced group, which lets nothing in or out
// by itself, ask the database and the internet.
func (u *fcUser) enterprise(t *testing.T, net fcNetwork) {
	t.Helper()
	g := aim(u, sdkecs.CreateCreateSecurityGroupRequest())
	g.VpcId, g.SecurityGroupType = net.vpc, "enterprise"
	group := must[*sdkecs.CreateSecurityGroupResponse](t)(u.ecs.CreateSecurityGroup(g)).SecurityGroupId
	u.allow(net.group, "5432/5432", "10.1.0.0/24")
	probe := u.instance(net.vswitch, group, ecsProbe, func(*sdkecs.RunInstancesRequest) {})
	u.console(probe, "database", "none")
	u.console(probe, "internet", "none")
	out := aim(u, sdkecs.CreateAuthorizeSecurityGroupEgressRequest())
	out.SecurityGroupId, out.IpProtocol, out.PortRange, out.DestCidrIp = group, "tcp", "5432/5432", "10.1.0.0/24"
	must[*sdkecs.AuthorizeSecurityGroupEgressResponse](t)(u.ecs.AuthorizeSecurityGroupEgress(out))
	u.console(probe, "database", "hello 10.1.0.")

	// an elastic IP is a way out, as far as the group lets one
	eip := must[*sdkvpc.AllocateEipAddressResponse](t)(u.vpc.AllocateEipAddress(aim(u, sdkvpc.CreateAllocateEipAddressRequest())))
	as := aim(u, sdkvpc.CreateAssociateEipAddressRequest())
	as.AllocationId, as.InstanceId, as.InstanceType = eip.AllocationId, probe, "EcsInstance"
	must[*sdkvpc.AssociateEipAddressResponse](t)(u.vpc.AssociateEipAddress(as))
	out.PortRange, out.DestCidrIp = "80/80", "0.0.0.0/0"
	must[*sdkecs.AuthorizeSecurityGroupEgressResponse](t)(u.ecs.AuthorizeSecurityGroupEgress(out))
	u.console(probe, "internet", eip.EipAddress)
	u.release(probe)
}

// status waits until an instance is in a state; "" is released.
func (u *fcUser) status(id, want string) {
	u.Helper()
	r := aim(u, sdkecs.CreateDescribeInstanceStatusRequest())
	r.InstanceId = &[]string{id}
	got := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		list, err := u.ecs.DescribeInstanceStatus(r)
		u.check(err)
		got = ""
		if s := list.InstanceStatuses.InstanceStatus; len(s) > 0 {
			got = s[0].Status
		}
		if got == want {
			return
		}
	}
	u.Fatalf("instance %s is %q, not %q", id, got, want)
}

// Members of a normal group reach each other, until its inner access policy is
// Drop; then its rules decide, such as one for a prefix list.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-modifysecuritygrouppolicy
func TestECSGroupMembers(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	net := u.network("10.0.0.0/8", "cn-hangzhou-h", "10.1.0.0/24")
	db := u.instance(net.vswitch, net.group, ecsServer, func(r *sdkecs.RunInstancesRequest) { r.PrivateIpAddress = "10.1.0.10" })
	probe := u.instance(net.vswitch, net.group, strings.Replace(ecsProbe, "(database, internet)", "(database,)", 1), func(r *sdkecs.RunInstancesRequest) { r.PrivateIpAddress = "10.1.0.20" })
	u.console(db, "role", "failed") // it has none
	u.console(probe, "database", "hello 10.1.0.20")
	policy := aim(u, sdkecs.CreateModifySecurityGroupPolicyRequest())
	policy.SecurityGroupId, policy.InnerAccessPolicy = net.group, "Drop"
	must[*sdkecs.ModifySecurityGroupPolicyResponse](t)(u.ecs.ModifySecurityGroupPolicy(policy))
	u.console(probe, "database", "none")

	l := aim(u, sdkecs.CreateCreatePrefixListRequest())
	l.PrefixListName, l.AddressFamily, l.MaxEntries = "clients", "IPv4", "5"
	l.Entry = &[]sdkecs.CreatePrefixListEntry{{Cidr: "10.1.0.21"}}
	list := must[*sdkecs.CreatePrefixListResponse](t)(u.ecs.CreatePrefixList(l)).PrefixListId
	rule := aim(u, sdkecs.CreateAuthorizeSecurityGroupRequest())
	rule.SecurityGroupId, rule.Permissions = net.group, &[]sdkecs.AuthorizeSecurityGroupPermissions{{IpProtocol: "TCP", PortRange: "5432/5432", SourcePrefixListId: list, Priority: "10"}}
	must[*sdkecs.AuthorizeSecurityGroupResponse](t)(u.ecs.AuthorizeSecurityGroup(rule))
	edit := aim(u, sdkecs.CreateModifyPrefixListRequest())
	edit.PrefixListId, edit.AddEntry = list, &[]sdkecs.ModifyPrefixListAddEntry{{Cidr: "10.1.0.20/32"}}
	must[*sdkecs.ModifyPrefixListResponse](t)(u.ecs.ModifyPrefixList(edit))
	u.console(probe, "database", "hello 10.1.0.20")

	attr := aim(u, sdkecs.CreateDescribeSecurityGroupAttributeRequest())
	attr.SecurityGroupId = net.group
	got := must[*sdkecs.DescribeSecurityGroupAttributeResponse](t)(u.ecs.DescribeSecurityGroupAttribute(attr))
	if p := got.Permissions.Permission; len(p) != 1 || p[0].SourcePrefixListId != list || got.InnerAccessPolicy != "Drop" {
		t.Fatalf("the group: %+v", got)
	}
	drop := aim(u, sdkecs.CreateModifySecurityGroupRuleRequest())
	drop.SecurityGroupId, drop.SecurityGroupRuleId, drop.Policy = net.group, got.Permissions.Permission[0].SecurityGroupRuleId, "drop"
	must[*sdkecs.ModifySecurityGroupRuleResponse](t)(u.ecs.ModifySecurityGroupRule(drop))
	u.console(probe, "database", "none")
	policy.InnerAccessPolicy = "Accept" // goes before all rules
	must[*sdkecs.ModifySecurityGroupPolicyResponse](t)(u.ecs.ModifySecurityGroupPolicy(policy))
	u.console(probe, "database", "hello 10.1.0.20")
	policy.InnerAccessPolicy = "Drop"
	must[*sdkecs.ModifySecurityGroupPolicyResponse](t)(u.ecs.ModifySecurityGroupPolicy(policy))
	u.console(probe, "database", "none")

	// an end to the rule, and to the list
	gone := aim(u, sdkecs.CreateDeletePrefixListRequest())
	gone.PrefixListId = list
	if _, err := u.ecs.DeletePrefixList(gone); err == nil || !strings.Contains(err.Error(), "DependencyViolation") {
		t.Errorf("deleting a list in use: %v", err)
	}
	revoke := aim(u, sdkecs.CreateRevokeSecurityGroupRequest())
	revoke.SecurityGroupId, revoke.SecurityGroupRuleId = net.group, &[]string{drop.SecurityGroupRuleId}
	must[*sdkecs.RevokeSecurityGroupResponse](t)(u.ecs.RevokeSecurityGroup(revoke))
	must[*sdkecs.DeletePrefixListResponse](t)(u.ecs.DeletePrefixList(gone))
}
