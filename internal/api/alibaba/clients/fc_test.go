package clients

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"hash/crc64"
	"strconv"
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
	crc := strconv.FormatUint(crc64.Checksum(code.Bytes(), crc64.MakeTable(crc64.ECMA)), 10)
	got := map[string]string{}
	w.node(t, "testdata/fc.cjs", &got, key.AccessKeyId, key.AccessKeySecret, red, blue, base64.StdEncoding.EncodeToString(code.Bytes()))
	for what, want := range map[string]string{
		"create": "true", "nowhere": "ResourceGroupNotFound", "in the group": "f", "out of it": "AccessDenied", "red": "f",
		"move": "true", "blue": "f", "moved away": "AccessDenied",
		"tag": "204", "tag nothing": "FunctionNotFound", "tag elsewhere": "InvalidArgument", "tag a kind": "InvalidArgument",
		"tags": "f:a=1,f:b=2,f:team=red", "tags by tag": "f:a=1,f:b=2,f:team=red", "functions by tag": "1", "untag": "204", "tags left": "f:b=2",
		"layer": "l", "layer use": "true", "no layer": "LayerVersionNotFound", "provision": "3", "wrong checksum": "InvalidArgument", "timer": "{}",
		"checksum": crc, "layer checksum": crc, "provisioned": "s", "regions": "true",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}
