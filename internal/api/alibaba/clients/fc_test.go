package clients

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	sdkrm "github.com/aliyun/alibaba-cloud-sdk-go/services/resourcemanager"

	"weir/internal/api/alibaba/fc"
	"weir/internal/cloud"
	"weir/internal/invoke"
)

// idle runs no functions.
type idle struct{ fc.Invoker }

func (idle) Provisioned(p *cloud.Provision) invoke.Provisioned {
	return invoke.Provisioned{Target: p.Target}
}

// TestFunctionComputeClient lets the vendor's Node.js client of Function Compute call:
// tags, resource groups with a user who is granted one, layers and provisions.
func TestFunctionComputeClient(t *testing.T) {
	modules, err := filepath.Abs("../../../../tools/npm")
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
	script, err := os.Open("testdata/fc.cjs")
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	w := newWorld(t)
	root := w.root()
	ok(root.createUser("alice"))(t)
	key := ok(root.createKey("alice"))(t).AccessKey
	group := func(name string) string {
		r := to(w, sdkrm.CreateCreateResourceGroupRequest())
		r.Name, r.DisplayName = name, name
		return ok(root.rm.CreateResourceGroup(r))(t).ResourceGroup.Id
	}
	red, blue := group("red"), group("blue")
	attach := to(w, sdkrm.CreateAttachPolicyRequest())
	attach.ResourceGroupId, attach.PolicyType, attach.PolicyName = red, "System", "AliyunFCReadOnlyAccess"
	attach.PrincipalType, attach.PrincipalName = "IMSUser", "alice@"+uid+".onaliyun.com"
	ok(root.rm.AttachPolicy(attach))(t)

	var code bytes.Buffer
	z := zip.NewWriter(&code)
	if _, err := z.Create("index.py"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(w.ctx, node, "-", w.host, key.AccessKeyId, key.AccessKeySecret, red, blue, base64.StdEncoding.EncodeToString(code.Bytes()))
	cmd.Dir, cmd.Stdin = modules, script
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := map[string]string{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for what, want := range map[string]string{
		"create": "true", "nowhere": "ResourceGroupNotFound", "in the group": "f", "out of it": "AccessDenied", "red": "f",
		"move": "true", "blue": "f", "moved away": "AccessDenied",
		"tag": "204", "tag nothing": "FunctionNotFound", "tag elsewhere": "InvalidArgument", "tag a kind": "InvalidArgument",
		"tags": "f:a=1,f:b=2,f:team=red", "tags by tag": "f:a=1,f:b=2,f:team=red", "functions by tag": "1", "untag": "204", "tags left": "f:b=2",
		"layer": "l", "layer use": "true", "no layer": "LayerVersionNotFound", "provision": "3", "provisioned": "s", "regions": "true",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}
