package test

import (
	"strings"
	"testing"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

// TestFunctionComputeSwitches is what the document says of several vSwitches:
// instances use another one when one is out of addresses or its zone has failed,
// and 429 ResourceExhausted says that all are full.
func TestFunctionComputeSwitches(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	u := d.aliUser(t, fcRegion, "test", "test")
	n := u.net("10.20.0.0/16", "cn-hangzhou-h", "10.20.1.0/24", "10.0.0.0/8")
	n.host(t, "10.20.1.50")
	small, third := u.vswitch(n.vpc, "cn-hangzhou-i", "10.20.2.0/29"), u.vswitch(n.vpc, "cn-hangzhou-j", "10.20.3.0/24")
	for range 4 { // of eight addresses four are the vendor's
		r := aim(u.fcUser, sdkecs.CreateCreateNetworkInterfaceRequest())
		r.VSwitchId, r.SecurityGroupId = small, n.group
		_, err := u.ecs.CreateNetworkInterface(r)
		u.check(err)
	}
	on := func(name string, vswitches ...string) {
		u.function(name, map[string]any{"internetAccess": false, "vpcConfig": map[string]any{"vpcId": n.vpc, "vSwitchIds": vswitches, "securityGroupId": n.group}})
	}
	seen := func(name string) string {
		t.Helper()
		got, refusal := u.ask(name, map[string]any{"connect": map[string]any{"host": []any{"10.20.1.50", 7777}}})
		if refusal != "" {
			return refusal
		}
		return got["host"]
	}
	on("full", small)
	if got := seen("full"); !strings.HasPrefix(got, "ResourceExhausted") || !strings.Contains(got, "429") {
		t.Errorf("the only vSwitch is full: %q, want 429 ResourceExhausted", got)
	}
	on("one-full", small, third)
	if got := seen("one-full"); !strings.HasPrefix(got, "hello 10.20.3.") {
		t.Errorf("the first vSwitch is full: %q, want to be seen from the second", got)
	}

	// The host's own zone stays.
	on("failing", third, n.vswitch)
	for _, w := range []struct{ zone, from string }{{"fail cn-hangzhou-j", "hello 10.20.1."}, {"heal cn-hangzhou-j", "hello 10.20."}} {
		if status, out := d.command(t, "", "zone "+w.zone+" -region "+fcRegion); status != 0 {
			t.Fatalf("weir zone %s: %s", w.zone, out)
		}
		if got := seen("failing"); !strings.HasPrefix(got, w.from) {
			t.Errorf("after zone %s: %q, want %q", w.zone, got, w.from)
		}
	}
	if status, out := d.command(t, "", "zone fail cn-hangzhou-j -region "+fcRegion); status != 0 {
		t.Fatal(out)
	}
	for range 5 { // instances that ran there are no longer used
		if got := seen("failing"); !strings.HasPrefix(got, "hello 10.20.1.") {
			t.Errorf("the zone of the first vSwitch has failed: %q, want the second", got)
		}
	}

	// The eleventh vSwitch is refused when the function is configured.
	var eleven []string
	for range 11 {
		eleven = append(eleven, "vsw-"+strings.Repeat("x", len(eleven)+1))
	}
	if _, refusal := u.call("PUT", "/functions/failing", map[string]any{"vpcConfig": map[string]any{"vpcId": n.vpc, "vSwitchIds": eleven, "securityGroupId": n.group}}, nil); !strings.HasPrefix(refusal, "InvalidArgument") {
		t.Errorf("eleven vSwitches: %q", refusal)
	}
}
