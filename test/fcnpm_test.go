package test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// echo logs what it gets and returns it, or fails when asked to.
const echo = `exports.handler = async (event, context) => {
  console.log('saw ' + event.toString());
  if (event.toString() === '"fail"') throw new Error('as asked');
  return 'got ' + event.toString();
};`

// TestFunctionComputeLogs has the vendor's Node.js clients make functions whose
// logs go to a logstore, read them back, and send the outcome of asynchronous
// invocations to other functions.
func TestFunctionComputeLogs(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Abs("../tools/npm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules/@alicloud/fc20230330")); err != nil {
		t.Skip("the npm clients are not installed: run make clients")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js")
	}
	script, err := os.Open("testdata/fcclients.cjs")
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	d := newDaemon(t)
	cmd := exec.CommandContext(t.Context(), node, "-", d.addr, "1000000000000000", base64.StdEncoding.EncodeToString(zipped(map[string]string{"index.js": echo})))
	cmd.Dir, cmd.Stdin, cmd.Stderr = modules, script, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := map[string]any{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for what, want := range map[string]any{
		"no project": "InvalidArgument", "project": 200., "no logstore": "InvalidArgument", "logstore": 200.,
		"make worker": "Active", "make well": "Active", "make ill": "Active", "again": "FunctionAlreadyExists",
		"invoke": `200 got "hello"`, "log": `worker: saw "hello"`, "async config": 0., "async": "202 ", "success": "well", "async failing": "202 ", "failure": "ill",
	} {
		if got[what] != want {
			t.Errorf("%s: %v, want %v", what, got[what], want)
		}
	}
}
