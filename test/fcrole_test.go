package test

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	sdkram "github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	sdksts "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// TestFunctionComputeRole is the document on function roles: without a role the
// code has no credentials; with one it has those of the role, which reach as far
// as the role's policies.
func TestFunctionComputeRole(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.functionRole(u.function)
}

// TestFunctionComputeRoleInImage is the same of a custom image, whose credentials
// are in the headers of requests.
func TestFunctionComputeRoleInImage(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	ref, _ := reg.push("team/app:1", containerImage(t, nil, nil))
	u := newDaemon(t, "-registry", reg.addr).fcUser(t)
	u.functionRole(func(name string, settings map[string]any) { u.container(name, ref, settings) })
}

// server is a custom runtime: a program that serves HTTP, and is told credentials
// in the headers of requests.
const server = `import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        out = {}
        if ask.get("credentials"):
            for name, header in {"id": "x-fc-access-key-id", "secret": "x-fc-access-key-secret", "token": "x-fc-security-token"}.items():
                out[name] = self.headers.get(header, "")
        body = json.dumps(out).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
`

// TestFunctionComputeRoleInRuntime is the same of a custom runtime.
func TestFunctionComputeRoleInRuntime(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.functionRole(func(name string, settings map[string]any) {
		settings = maps.Clone(settings)
		if settings == nil {
			settings = map[string]any{}
		}
		settings["runtime"], settings["customRuntimeConfig"] = "custom", map[string]any{"command": []string{"python3", "server.py"}}
		settings["code"] = map[string]any{"zipFile": base64.StdEncoding.EncodeToString(zipped(map[string]string{"server.py": server}))}
		u.function(name, settings)
	})
}

func (u *fcUser) functionRole(function func(name string, settings map[string]any)) {
	t := u.TB
	function("bare", nil)
	got, refusal := u.ask("bare", map[string]any{"credentials": true})
	if refusal != "" || got["id"] != "" || got["token"] != "" {
		t.Errorf("without a role: %v %s, want no credentials", got, refusal)
	}

	ram, err := sdkram.NewClientWithAccessKey(fcRegion, "test", "test")
	u.check(err)
	role := func(name, service string) string {
		r := aim(u, sdkram.CreateCreateRoleRequest())
		r.RoleName = name
		r.AssumeRolePolicyDocument = `{"Version":"1","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["` + service + `"]}}]}`
		made, err := ram.CreateRole(r)
		u.check(err)
		return made.Role.Arn
	}
	function("other-trust", map[string]any{"role": role("forecs", "ecs.aliyuncs.com")})
	if _, refusal := u.ask("other-trust", map[string]any{}); !strings.HasPrefix(refusal, "AccessDenied") {
		t.Errorf("a role that trusts another service: %q", refusal)
	}

	arn := role("mytestrole", "fc.aliyuncs.com")
	attach := aim(u, sdkram.CreateAttachPolicyToRoleRequest())
	attach.RoleName, attach.PolicyName, attach.PolicyType = "mytestrole", "AliyunVPCFullAccess", "System"
	_, err = ram.AttachPolicyToRole(attach)
	u.check(err)
	function("with-role", map[string]any{"role": arn})
	got, refusal = u.ask("with-role", map[string]any{"credentials": true})
	if refusal != "" || got["token"] == "" {
		t.Fatalf("with a role: %v %s", got, refusal)
	}
	sts, err := sdksts.NewClientWithStsToken(fcRegion, got["id"], got["secret"], got["token"])
	u.check(err)
	who, err := sts.GetCallerIdentity(aim(u, sdksts.CreateGetCallerIdentityRequest()))
	u.check(err)
	if !strings.Contains(who.Arn, ":assumed-role/mytestrole/with-role") {
		t.Errorf("the code is %s", who.Arn)
	}
	vpc, err := sdkvpc.NewClientWithStsToken(fcRegion, got["id"], got["secret"], got["token"])
	u.check(err)
	if _, err := vpc.DescribeVpcs(aim(u, sdkvpc.CreateDescribeVpcsRequest())); err != nil {
		t.Errorf("what the role's policy allows: %v", err)
	}
	as, err := sdkram.NewClientWithStsToken(fcRegion, got["id"], got["secret"], got["token"])
	u.check(err)
	if _, err := as.ListRoles(aim(u, sdkram.CreateListRolesRequest())); err == nil || !strings.Contains(err.Error(), "NoPermission") {
		t.Errorf("what it does not allow: %v", err)
	}
	// Another account trusts whom it names, which is not this role.
	id, secret := u.d.account(t, "111122223333")
	other, err := sdkram.NewClientWithAccessKey(fcRegion, id, secret)
	u.check(err)
	theirs := aim(u, sdkram.CreateCreateRoleRequest())
	theirs.RoleName = "theirs"
	theirs.AssumeRolePolicyDocument = `{"Version":"1","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"RAM":["acs:ram::1000111122223333:root"]}}]}`
	made, err := other.CreateRole(theirs)
	u.check(err)
	assume := aim(u, sdksts.CreateAssumeRoleRequest())
	assume.RoleArn, assume.RoleSessionName = made.Role.Arn, "me"
	if _, err := sts.AssumeRole(assume); err == nil || !strings.Contains(err.Error(), "NoPermission") {
		t.Errorf("assuming another account's role: %v", err)
	}
	none, err := sdkvpc.NewClientWithStsToken(fcRegion, got["id"], got["secret"], got["token"]+"x")
	u.check(err)
	if _, err := none.DescribeVpcs(aim(u, sdkvpc.CreateDescribeVpcsRequest())); err == nil {
		t.Error("a changed token is taken")
	}
}
