package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNPM lets the vendor's Node.js clients call: those of the present generation
// (the third signature) and pop-core (the first, in query and form).
func TestNPM(t *testing.T) {
	w := newWorld(t)
	got := map[string]string{}
	w.node(t, "testdata/clients.cjs", &got)
	for what, want := range map[string]string{
		"ram user":      "alice",
		"ram again":     "EntityAlreadyExists.User",
		"ram role":      "acs:ram::" + uid + ":role/fn",
		"ram policies":  "AliyunVPCReadOnlyAccess",
		"sts identity":  "acs:ram::" + uid + ":root",
		"sts wrong":     "SignatureDoesNotMatch",
		"sts nobody":    "InvalidAccessKeyId.NotFound",
		"pop get":       "17",
		"pop post":      "17",
		"pop wrong":     "SignatureDoesNotMatch",
		"pop unknown":   "InvalidAction.NotFound",
		"pop no region": "InvalidRegionId.NotFound",

		"vpc service block": "InvalidCidrBlock.Malformed", "vpc overlap": "InvalidCidrBlock.Overlapped", "vpc free": "252", "vpc in use": "DependencyViolation.VSwitch", "vpc tagged": "1",
		"vpc routes": "0.0.0.0/0,100.64.0.0/10,192.168.1.0/24", "vpc NAT": "Available", "vpc unknown": "InvalidAction.NotFound",
		"ecs rules": "ICMP-1/-1,TCP80/80", "ecs bad ports": "InvalidPortRange.Malformed", "ecs interface": "Available",

		"pop peering": "Activated", "pop cen": "Active", "pop endpoint service": "Active", "pop no endpoint": "EndpointNotFound",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}

// node runs a script with the vendor's Node.js clients, whose first argument is
// the world's address, and reads the JSON that it prints.
func (w *world) node(t *testing.T, script string, got any, args ...string) {
	t.Helper()
	modules, err := filepath.Abs("../../../../tools/npm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules/@alicloud")); err != nil {
		t.Skip("the npm clients are not installed: run make clients")
	}
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js")
	}
	text, err := os.Open(script)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	cmd := exec.CommandContext(w.ctx, program, append([]string{"-", w.host}, args...)...)
	cmd.Dir, cmd.Stdin = modules, text // modules are found from where it runs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal(out, got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
}
