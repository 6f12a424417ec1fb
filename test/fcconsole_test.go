package test

import (
	"regexp"
	"strings"
	"testing"

	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// TestFunctionComputeConsole is what the product's console does in one step:
// "automatic configuration" makes a VPC, a vSwitch of 252 addresses and a security
// group, or takes those it made before; "fixed public IP address" has the far side
// see an elastic IP.
func TestFunctionComputeConsole(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	u := d.fcUser(t)
	u.function("one", nil)
	u.function("two", nil)
	made := func(args string) string {
		t.Helper()
		status, out := d.command(t, "", args+" -region "+fcRegion)
		if status != 0 {
			t.Fatalf("weir %s: %d %s", args, status, out)
		}
		_, ids, _ := strings.Cut(out, "made: ")
		return strings.TrimSpace(ids)
	}
	first := made("fc network one")
	if !regexp.MustCompile(`^vpc-\S+ vsw-\S+ sg-\S+$`).MatchString(first) {
		t.Fatalf("automatic configuration made %q", first)
	}
	if again := made("fc network two"); again != "" {
		t.Errorf("automatic configuration of a second function made %q, though there is a network", again)
	}
	vswitch := strings.Fields(first)[1]
	r := aim(u, sdkvpc.CreateDescribeVSwitchAttributesRequest())
	r.VSwitchId = vswitch
	s, err := u.vpc.DescribeVSwitchAttributes(r)
	u.check(err)
	if !strings.HasSuffix(s.CidrBlock, "/24") || s.AvailableIpAddressCount != 252 || !strings.HasPrefix(s.VSwitchName, "fc.auto.create.") {
		t.Errorf("the vSwitch is %s %q with %d free addresses", s.CidrBlock, s.VSwitchName, s.AvailableIpAddressCount)
	}
	question := map[string]any{"fetch": map[string]string{"internet": "http://echo.weir.test/"}}
	before, refusal := u.ask("two", question)
	if refusal != "" || strings.HasPrefix(before["internet"], "failed") {
		t.Fatalf("with a VPC and the platform's interface: %v %s", before, refusal)
	}
	// The analyser knows both ways.
	for destination, want := range map[string]string{"echo.weir.test:80": " reaches the internet", "100.100.0.1:80": " reaches the platform's internal services", "192.168.0.200:80": "not reachable"} {
		if _, out := d.command(t, "", "why -region "+fcRegion+" two "+destination); !strings.Contains(out, want) {
			t.Errorf("weir why two %s: %s, want %s", destination, out, want)
		}
	}

	// One that was attached, and one that was not.
	u.function("three", nil)
	for _, name := range []string{"one", "three"} {
		status, out := d.command(t, "", "fc static-ip "+name+" -region "+fcRegion)
		address := regexp.MustCompile(`as (203\.0\.113\.\d+),`).FindStringSubmatch(out)
		if status != 0 || address == nil {
			t.Fatalf("weir fc static-ip %s: %d %s", name, status, out)
		}
		after, refusal := u.ask(name, question)
		if refusal != "" || !strings.Contains(after["internet"], address[1]) {
			t.Errorf("%s: the far side answers %v %s, want it to have seen %s", name, after, refusal, address[1])
		}
		if strings.Contains(before["internet"], address[1]) {
			t.Errorf("the platform's interface has the fixed address %s, too", address[1])
		}
	}
	if again := made("fc static-ip one"); again != "" {
		t.Errorf("a second run made %q", again)
	}
	for args, want := range map[string]string{"fc network none": "no function none", "fc static-ip none": "no function none"} {
		if status, out := d.command(t, "", args+" -region "+fcRegion); status != 1 || !strings.Contains(out, want) {
			t.Errorf("weir %s: %d %s, want %q", args, status, out, want)
		}
	}
}
