package test

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

//go:embed testdata/fcreach.py
var fcReach string

const fcRegion = "cn-hangzhou"

// fcUser is a user of Function Compute and its network, by the vendor's Go clients.
type fcUser struct {
	testing.TB
	d   *daemon
	fc  *openapi.Client
	vpc *sdkvpc.Client
	ecs *sdkecs.Client
}

func (d *daemon) fcUser(t testing.TB) *fcUser {
	u := &fcUser{TB: t, d: d}
	var errs [3]error
	u.fc, errs[0] = openapi.NewClient(&openapi.Config{AccessKeyId: tea.String("test"), AccessKeySecret: tea.String("test"),
		Endpoint: &d.addr, Protocol: tea.String("http"), RegionId: tea.String(fcRegion)})
	u.vpc, errs[1] = sdkvpc.NewClientWithAccessKey(fcRegion, "test", "test")
	u.ecs, errs[2] = sdkecs.NewClientWithAccessKey(fcRegion, "test", "test")
	u.check(errors.Join(errs[:]...))
	return u
}

func (u *fcUser) check(err error) {
	u.Helper()
	if err != nil {
		u.Fatal(err)
	}
}

// aim points a request of the typed SDK at the daemon.
func aim[R requests.AcsRequest](u *fcUser, r R) R {
	r.SetDomain(u.d.addr)
	r.SetScheme("http")
	return r
}

// call is one call of Function Compute's API; path may have a query. A refusal is its
// code and message.
func (u *fcUser) call(method, path string, body any, headers map[string]*string) (out map[string]any, refusal string) {
	u.Helper()
	path, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	u.check(err)
	r := &openapi.OpenApiRequest{Headers: headers, Query: map[string]*string{}}
	for k := range values {
		r.Query[k] = tea.String(values.Get(k))
	}
	kind, answer := "json", "json"
	if b, ok := body.([]byte); ok {
		r.Body, kind, answer = strings.NewReader(string(b)), "binary", "string"
		r.Stream, r.Body = strings.NewReader(string(b)), nil
	} else if body != nil {
		r.Body = body
	}
	got, err := u.fc.CallApi(&openapi.Params{Action: tea.String("Call"), Version: tea.String("2023-03-30"), Protocol: tea.String("HTTP"), Method: &method,
		AuthType: tea.String("AK"), Style: tea.String("ROA"), Pathname: tea.String("/2023-03-30" + path), ReqBodyType: &kind, BodyType: &answer}, r, &util.RuntimeOptions{})
	var e *tea.SDKError
	if errors.As(err, &e) {
		return nil, tea.StringValue(e.Code) + " " + tea.StringValue(e.Message)
	}
	u.check(err)
	return got, ""
}

// function makes a function of fcreach.py with these settings.
func (u *fcUser) function(name string, settings map[string]any) {
	u.Helper()
	in := map[string]any{"functionName": name, "runtime": "python3.10", "handler": "index.handler", "timeout": 20,
		"code": map[string]any{"zipFile": base64.StdEncoding.EncodeToString(zipped(map[string]string{"index.py": fcReach}))}}
	for k, v := range settings {
		in[k] = v
	}
	if _, refusal := u.call("POST", "/functions", in, nil); refusal != "" {
		u.Fatalf("function %s: %s", name, refusal)
	}
}

// ask invokes a function of fcreach.py.
func (u *fcUser) ask(name string, question map[string]any) (map[string]string, string) {
	u.Helper()
	payload, err := json.Marshal(question)
	u.check(err)
	out, refusal := u.call("POST", "/functions/"+name+"/invocations", payload, nil)
	if refusal != "" {
		return nil, refusal
	}
	answer := map[string]string{}
	u.check(json.Unmarshal([]byte(out["body"].(string)), &answer))
	return answer, ""
}

// network is a VPC with a vSwitch and two groups.
type fcNetwork struct{ vpc, vswitch, group string }

func (u *fcUser) network(cidr, zone, part string) fcNetwork {
	u.Helper()
	v := aim(u, sdkvpc.CreateCreateVpcRequest())
	v.CidrBlock = cidr
	made, err := u.vpc.CreateVpc(v)
	u.check(err)
	return fcNetwork{made.VpcId, u.vswitch(made.VpcId, zone, part), u.group(made.VpcId)}
}

func (u *fcUser) vswitch(vpc, zone, cidr string) string {
	u.Helper()
	s := aim(u, sdkvpc.CreateCreateVSwitchRequest())
	s.VpcId, s.ZoneId, s.CidrBlock = vpc, zone, cidr
	made, err := u.vpc.CreateVSwitch(s)
	u.check(err)
	return made.VSwitchId
}

func (u *fcUser) group(vpc string) string {
	u.Helper()
	g := aim(u, sdkecs.CreateCreateSecurityGroupRequest())
	g.VpcId = vpc
	made, err := u.ecs.CreateSecurityGroup(g)
	u.check(err)
	return made.SecurityGroupId
}

func (n fcNetwork) config() map[string]any {
	return map[string]any{"vpcId": n.vpc, "vSwitchIds": []string{n.vswitch}, "securityGroupId": n.group}
}

// TestFunctionComputeChecks is the document's table of troubles: nothing is checked
// when vpcConfig is set, all is when the function runs.
func TestFunctionComputeChecks(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	u := d.fcUser(t)
	n := u.network("10.20.0.0/16", "cn-hangzhou-h", "10.20.1.0/24")
	other := u.network("10.30.0.0/16", "cn-hangzhou-h", "10.30.1.0/24")
	unserved := u.vswitch(n.vpc, "cn-hangzhou-b", "10.20.2.0/24")
	with := func(vpc, vswitch, group string) map[string]any {
		return map[string]any{"vpcConfig": map[string]any{"vpcId": vpc, "vSwitchIds": []string{vswitch}, "securityGroupId": group}}
	}
	for _, w := range []struct {
		name     string
		settings map[string]any
		refusal  string
	}{
		{"zone", with(n.vpc, unserved, n.group), "InvalidArgument "},
		{"no-vpc", with("vpc-none", n.vswitch, n.group), "InvalidArgument "},
		{"no-vswitch", with(n.vpc, "vsw-none", n.group), "InvalidArgument "},
		{"no-group", with(n.vpc, n.vswitch, "sg-none"), "InvalidArgument "},
		{"other-vswitch", with(n.vpc, other.vswitch, n.group), "InvalidArgument "},
		{"other-group", with(n.vpc, n.vswitch, other.group), "InvalidArgument "},
		{"no-role", map[string]any{"role": "acs:ram::1000000000000000:role/none"}, "AccessDenied "},
		{"role", map[string]any{"vpcConfig": n.config(), "role": "acs:ram::1000000000000000:role/none"}, "AccessDenied "},
		{"well", with(n.vpc, n.vswitch, n.group), ""},
	} {
		u.function(w.name, w.settings)
		if _, refusal := u.ask(w.name, map[string]any{}); !strings.HasPrefix(refusal, w.refusal) || (refusal == "") != (w.refusal == "") {
			t.Errorf("%s: %q, want %q", w.name, refusal, w.refusal)
		}
	}
}

// TestFunctionComputeInbound is table 2: a function that is bound to VPCs is
// invoked from there alone, by the private endpoint.
func TestFunctionComputeInbound(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "--auth", "any")
	u := d.fcUser(t)
	n, other := u.network("10.20.0.0/16", "cn-hangzhou-h", "10.20.1.0/24"), u.network("10.20.0.0/16", "cn-hangzhou-h", "10.20.1.0/24")
	u.function("bound", nil)
	trigger, refusal := u.call("POST", "/functions/bound/triggers", map[string]any{"triggerName": "web", "triggerType": "http", "triggerConfig": `{"authType":"anonymous","methods":["GET"]}`}, nil)
	if refusal != "" {
		t.Fatal(refusal)
	}
	if _, refusal := u.ask("bound", map[string]any{}); refusal != "" {
		t.Fatal(refusal)
	}
	const private = "http://1000000000000000." + fcRegion + "-internal.fc.aliyuncs.com"
	const public = "http://1000000000000000." + fcRegion + ".fc.aliyuncs.com"
	invoked := func(name, base string, from fcNetwork, want string) {
		t.Helper()
		status, out := d.command(t, "", "attach -region "+fcRegion+" -subnet "+from.vswitch+" -security-group "+from.group+" -- /usr/bin/python3 -c "+invokeFrom(base))
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s, want %q", name, status, out, want)
		}
	}
	invoked("unbound, from a VPC", private, other, "{}")
	if _, refusal := u.call("POST", "/functions/bound/versions", map[string]any{}, nil); refusal != "" {
		t.Fatal(refusal)
	}
	if _, refusal := u.call("POST", "/functions/bound/aliases", map[string]any{"aliasName": "live", "versionId": "1"}, nil); refusal != "" {
		t.Fatal(refusal)
	}
	if _, refusal := u.call("POST", "/functions/bound/vpc-bindings", map[string]any{"vpcId": n.vpc}, nil); refusal != "" {
		t.Fatal(refusal)
	}
	if _, refusal := u.ask("bound", map[string]any{}); !strings.Contains(refusal, "AccessDenied") || !strings.Contains(refusal, "Resource access is bound by VPC: "+n.vpc) {
		t.Errorf("from outside: %q", refusal)
	}
	for _, q := range []string{"live", "1", "LATEST"} {
		if _, refusal := u.call("POST", "/functions/bound/invocations?qualifier="+q, []byte("{}"), map[string]*string{"X-Fc-Source-Vpc": &n.vpc}); !strings.Contains(refusal, "bound by VPC: "+n.vpc) {
			t.Errorf("from outside, of %s: %q", q, refusal)
		}
	}
	invoked("from the bound VPC", private, n, "{}")
	invoked("from another VPC with its addresses", private, other, "bound by VPC: "+n.vpc)
	invoked("from the bound VPC without a way to the internet", public, n, "failed")
	// "You cannot use ... a private HTTPS endpoint."
	invoked("from the bound VPC by HTTPS", strings.Replace(private, "http:", "https:", 1), n, "bound by VPC: "+n.vpc)
	// "Triggers are not affected."
	web := trigger["body"].(map[string]any)["httpTrigger"].(map[string]any)["urlInternet"].(string)
	if status, body := u.visit(web); status != 200 || body != "{}" {
		t.Errorf("the HTTP trigger %s: %d %s", web, status, body)
	}
	if out, refusal := u.call("GET", "/functions/bound/vpc-bindings", nil, nil); refusal != "" || !strings.Contains(toJSON(out), n.vpc) {
		t.Errorf("bindings: %v %s", out, refusal)
	}
	for i := 1; i <= 20; i++ {
		_, refusal := u.call("POST", "/functions/bound/vpc-bindings", map[string]any{"vpcId": fmt.Sprint("vpc-", i)}, nil)
		if (refusal == "") != (i < 20) {
			t.Errorf("binding number %d: %q", i+1, refusal)
		}
	}
	for i := 1; i < 20; i++ {
		if _, refusal := u.call("DELETE", fmt.Sprint("/functions/bound/vpc-bindings/vpc-", i), nil, nil); refusal != "" {
			t.Error(refusal)
		}
	}
	if _, refusal := u.call("DELETE", "/functions/bound/vpc-bindings/"+n.vpc, nil, nil); refusal != "" {
		t.Fatal(refusal)
	}
	if _, refusal := u.ask("bound", map[string]any{}); refusal != "" {
		t.Errorf("unbound: %s", refusal)
	}
}

// visit gets a page of a name that the internet leads to the daemon.
func (u *fcUser) visit(page string) (int, string) {
	u.Helper()
	at, err := url.Parse(page)
	u.check(err)
	r, err := http.NewRequestWithContext(u.Context(), http.MethodGet, u.d.url+at.Path, nil)
	u.check(err)
	r.Host = at.Host
	res, err := http.DefaultClient.Do(r)
	u.check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	u.check(err)
	return res.StatusCode, string(body)
}

// invokeFrom is a program, of one word, that invokes the function by an endpoint.
func invokeFrom(base string) string {
	text := `import ssl, urllib.request as u
try:
  print(u.urlopen(u.Request("` + base + `/2023-03-30/functions/bound/invocations",b"{}",{"x-acs-version":"2023-03-30"}),timeout=3,context=ssl._create_unverified_context()).read().decode())
except u.HTTPError as e:
  print(e.read().decode())
except Exception as e:
  print("failed",e)`
	return "exec(__import__('base64').b64decode('" + base64.StdEncoding.EncodeToString([]byte(text)) + "'))"
}

func toJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func fromJSON(text string) (out map[string]any) {
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic(err)
	}
	return out
}
