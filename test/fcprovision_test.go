package test

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/fcslow.py
var fcSlow string

// provision waits until a function has this many provisioned instances.
func (u *fcUser) provision(function string, want int) map[string]any {
	u.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := u.must("GET", "/functions/"+function+"/provision-config", nil)
		if fmt.Sprint(got["current"]) == strconv.Itoa(want) {
			return got
		}
		if time.Now().After(end) {
			u.Fatalf("provision of %s: %v, want %d", function, got, want)
		}
	}
}

// TestFunctionComputeProvision: provisioned instances have run their initializer
// before the first call, and go when they are given back.
func TestFunctionComputeProvision(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.function("slow", map[string]any{"code": fcCode(fcSlow),
		"instanceLifecycleConfig": map[string]any{"initializer": map[string]any{"handler": "index.initialize", "timeout": 10}}})
	if got := u.must("GET", "/functions/slow/provision-config", nil); fmt.Sprint(got["target"]) != "0" {
		t.Errorf("nothing provisioned: %v", got)
	}
	for body, want := range map[string]string{
		`{"defaultTarget":-1}`: "InvalidArgument",
		`{"defaultTarget":1,"targetTrackingPolicies":[{"name":"a","metricType":"CPUUtilization","metricTarget":1,"minCapacity":1,"maxCapacity":2}]}`: "",
		`{"defaultTarget":1,"scheduledActions":[{"name":"a","scheduleExpression":"sometimes","target":1}]}`:                                          "InvalidArgument",
	} {
		if _, refusal := u.call("PUT", "/functions/slow/provision-config", fromJSON(body), nil); refusal == "" || !strings.HasPrefix(refusal, want) {
			t.Errorf("%s: %q, want %s", body, refusal, want)
		}
	}
	put := u.must("PUT", "/functions/slow/provision-config", map[string]any{"defaultTarget": 2, "alwaysAllocateCPU": true})
	if fmt.Sprint(put["target"]) != "2" || !strings.HasSuffix(fmt.Sprint(put["functionArn"]), ":functions/slow/LATEST") {
		t.Errorf("put: %v", put)
	}
	u.provision("slow", 2)
	out, refusal := u.call("POST", "/functions/slow/invocations", []byte("x"), nil)
	if refusal != "" {
		t.Fatal(refusal)
	}
	var age float64
	var calls int
	if _, err := fmt.Sscanf(fmt.Sprint(out["body"]), "%f %d", &age, &calls); err != nil || calls != 1 || age < 2 {
		t.Errorf("the first call: %v, want one of an instance whose initializer, of 2 s, has run", out["body"])
	}
	instances := u.must("GET", "/functions/slow/instances", nil)["instances"].([]any)
	for _, i := range instances {
		if m := i.(map[string]any); m["resourceType"] != "Provisioned" || m["status"] != "Running" || m["versionId"] != "0" {
			t.Errorf("instance %v", m)
		}
	}
	ran := out["headers"].(map[string]any)["x-fc-instance-id"]
	if len(instances) != 2 || !strings.Contains(toJSON(instances), fmt.Sprint(ran)) {
		t.Errorf("%d instances %v; the call ran in %v", len(instances), instances, ran)
	}
	list := u.must("GET", "/provision-configs?functionName=slow", nil)
	if len(list["provisionConfigs"].([]any)) != 1 {
		t.Errorf("list: %v", list)
	}
	u.must("DELETE", "/functions/slow/provision-config", nil)
	u.provision("slow", 0)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := u.must("GET", "/functions/slow/instances", nil)["instances"].([]any)
		if len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("given back, but there: %v", left)
		}
	}
	if gone := u.must("GET", `/functions/slow/instances?instanceStatus=["Destroyed"]`, nil)["instances"].([]any); len(gone) != 2 {
		t.Errorf("destroyed: %v", gone)
	}
}
