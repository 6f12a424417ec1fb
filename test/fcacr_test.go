package test

import (
	"strings"
	"testing"

	sdkcr "github.com/aliyun/alibaba-cloud-sdk-go/services/cr_ee"
)

// TestFunctionComputeRegistry is the note at the top of "configure network
// settings": which VPC and vSwitch a GPU function of an image in an ACR Enterprise
// instance must have. Where one of the instance's addresses is the default
// resolution, those of that address; else those of any.
func TestFunctionComputeRegistry(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	d := newDaemon(t, "-registry", reg.addr)
	u := d.fcUser(t)
	reg.push("app:1", containerImage(t, nil, nil))
	const ref = "shop-registry-vpc." + fcRegion + ".cr.aliyuncs.com/app:1"
	cr, err := sdkcr.NewClientWithAccessKey(fcRegion, "test", "test")
	u.check(err)
	status, out := d.command(t, "", "registry create shop -region "+fcRegion)
	id := strings.TrimSpace(out)
	if status != 0 || !strings.HasPrefix(id, "cri-") {
		t.Fatalf("weir registry create: %d %s", status, out)
	}
	n, m, far := u.network("10.20.0.0/16", "cn-hangzhou-h", "10.20.1.0/24"), u.network("10.30.0.0/16", "cn-hangzhou-h", "10.30.1.0/24"), u.network("10.40.0.0/16", "cn-hangzhou-h", "10.40.1.0/24")
	beside := fcNetwork{n.vpc, u.vswitch(n.vpc, "cn-hangzhou-h", "10.20.2.0/24"), n.group}
	link := func(instance, vpc, vswitch string) error {
		r := aim(u, sdkcr.CreateCreateInstanceVpcEndpointLinkedVpcRequest())
		r.InstanceId, r.VpcId, r.VswitchId, r.ModuleName = instance, vpc, vswitch, "Registry"
		_, err := cr.CreateInstanceVpcEndpointLinkedVpc(r)
		return err
	}
	u.check(link(id, n.vpc, n.vswitch))
	u.check(link(id, m.vpc, m.vswitch))
	for code, err := range map[string]error{"INSTANCE_NOT_EXIST": link("cri-none", n.vpc, n.vswitch), "VPC_NOT_EXIST": link(id, "vpc-none", n.vswitch), "VSWITCH_NOT_EXIST": link(id, far.vpc, n.vswitch), "INSTANCE_ACCESS_ALREADY_EXIST": link(id, n.vpc, n.vswitch)} {
		if err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%v, want %s", err, code)
		}
	}
	gpu := map[string]any{"gpuType": "fc.gpu.tesla.1", "gpuMemorySize": 8192}
	serial := 0
	runs := func(what string, at *fcNetwork, instance string, gpu any, want string) {
		t.Helper()
		serial++
		name, settings := "fn-"+string(rune('a'+serial)), map[string]any{"customContainerConfig": map[string]any{"image": ref, "acrInstanceId": instance}, "gpuConfig": gpu}
		if at != nil {
			settings["vpcConfig"] = at.config()
		}
		u.container(name, ref, settings)
		if _, refusal := u.ask(name, map[string]any{}); (refusal == "") != (want == "") || !strings.Contains(refusal, want) || refusal != "" && !strings.HasPrefix(refusal, "InvalidArgument ") {
			t.Errorf("%s: %q, want %q", what, refusal, want)
		}
	}
	runs("no default, one link", &n, id, gpu, "")
	runs("no default, another link", &m, id, gpu, "")
	runs("no default, a vSwitch without a link", &beside, id, gpu, "is not linked to")
	runs("no default, a VPC without a link", &far, id, gpu, "is not linked to")
	runs("no such instance", &n, "cri-none", gpu, "cri-none")
	runs("no VPC", nil, id, gpu, "")
	runs("no GPU", &far, id, nil, "")
	runs("another registry", &far, "", gpu, "")
	if status, out := d.command(t, "", "registry resolve "+id+" "+n.vpc+" "+n.vswitch+" -region "+fcRegion); status != 0 {
		t.Fatalf("weir registry resolve: %d %s", status, out)
	}
	runs("the default link", &n, id, gpu, "")
	runs("not the default link", &m, id, gpu, "by default")
	runs("another vSwitch of the default link's VPC", &beside, id, gpu, "by default")
	get := aim(u, sdkcr.CreateGetInstanceVpcEndpointRequest())
	get.InstanceId = id
	shown, err := cr.GetInstanceVpcEndpoint(get)
	u.check(err)
	if len(shown.LinkedVpcs) != 2 || !shown.LinkedVpcs[0].DefaultAccess || shown.LinkedVpcs[0].VswitchId != n.vswitch || shown.LinkedVpcs[1].DefaultAccess {
		t.Errorf("the instance's links: %+v", shown.LinkedVpcs)
	}
	drop := aim(u, sdkcr.CreateDeleteInstanceVpcEndpointLinkedVpcRequest())
	drop.InstanceId, drop.VpcId, drop.VswitchId = id, n.vpc, n.vswitch
	_, err = cr.DeleteInstanceVpcEndpointLinkedVpc(drop)
	u.check(err)
	if _, err := cr.DeleteInstanceVpcEndpointLinkedVpc(drop); err == nil || !strings.Contains(err.Error(), "INSTANCE_ACCESS_NOT_EXIST") {
		t.Errorf("deleting a link again: %v", err)
	}
	runs("without the default link", &m, id, gpu, "")
	list, err := cr.ListInstance(aim(u, sdkcr.CreateListInstanceRequest()))
	u.check(err)
	one := aim(u, sdkcr.CreateGetInstanceRequest())
	one.InstanceId = id
	instance, err := cr.GetInstance(one)
	u.check(err)
	if list.TotalCount != 1 || list.Instances[0].InstanceId != id || instance.InstanceName != "shop" {
		t.Errorf("the instances: %+v %+v", list.Instances, instance)
	}
}
