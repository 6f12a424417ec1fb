package test

import (
	"maps"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// container makes a function of an image and waits until that is fetched.
func (u *fcUser) container(name, ref string, settings map[string]any) map[string]any {
	u.Helper()
	in := map[string]any{"functionName": name, "runtime": "custom-container", "handler": "none", "timeout": 20, "customContainerConfig": map[string]any{"image": ref}}
	maps.Copy(in, settings)
	if _, refusal := u.call("POST", "/functions", in, nil); refusal != "" {
		u.Fatalf("function %s: %s", name, refusal)
	}
	return u.becomes(name, func(fn map[string]any) bool { return fn["state"] != "Pending" })
}

// becomes waits until a function shows what it should.
func (u *fcUser) becomes(name string, good func(fn map[string]any) bool) map[string]any {
	u.Helper()
	var fn map[string]any
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, refusal := u.call("GET", "/functions/"+name, nil, nil)
		if refusal != "" {
			u.Fatal(refusal)
		}
		if fn = out["body"].(map[string]any); good(fn) {
			return fn
		}
	}
	u.Fatalf("function %s stays %s", name, toJSON(fn))
	return nil
}

// TestFunctionComputeImage runs images as functions: in the network that the
// settings say, as the image and its overrides say, within the limits.
func TestFunctionComputeImage(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	d := newDaemon(t, "-registry", reg.addr)
	u := d.fcUser(t)
	n := u.network("10.20.0.0/16", "cn-hangzhou-h", "10.20.1.0/24")
	ref, digest := reg.push("team/app:1", containerImage(t, map[string]string{"etc/passwd": "web:x:33:34::/srv:/bin/sh\n"}, func(c *v1.Config) { c.User = "web" }))
	fn := u.container("app", ref, map[string]any{
		"vpcConfig": n.config(), "internetAccess": false, "memorySize": 2048, "diskSize": 512, "instanceConcurrency": 5, "environmentVariables": map[string]string{"COLOUR": "blue"},
		"instanceLifecycleConfig": map[string]any{"initializer": map[string]any{"handler": "initialize", "timeout": 10}},
		"customContainerConfig":   map[string]any{"image": ref, "port": 8080, "healthCheckConfig": map[string]any{"httpGetUrl": "/health", "periodSeconds": 1}},
	})
	config := fn["customContainerConfig"].(map[string]any)
	if want := strings.TrimSuffix(ref, ":1") + "@" + digest; fn["state"] != "Active" || fn["lastUpdateStatus"] != "Successful" || config["resolvedImageUri"] != want || config["image"] != ref {
		t.Errorf("the function is %s, want %s", toJSON(fn), want)
	}
	host := d.attach(t, "-region "+fcRegion+" -subnet "+n.vswitch+" -security-group "+n.group+" -ip 10.20.1.50 -image "+ref, "greet")
	defer host.Process.Kill()
	got, refusal := u.ask("app", map[string]any{"self": true, "connect": map[string]any{"VPC": []any{"10.20.1.50", 7777}},
		"fetch": map[string]string{"internet": "http://echo.weir.test/", "inside": "http://100.100.0.1/"},
		"read":  []string{d.data + "/token", "/proc/self/status", "/etc/passwd"}, "fill": 600})
	if refusal != "" {
		t.Fatal(refusal)
	}
	for what, want := range map[string]string{
		"args": "serve", "who": "33 /work", "begun": "true", "variable": "blue", "function": "app", "VPC": "hello 10.20.1.", "internet": "failed", "inside": "",
		d.data + "/token": "no such file", "/proc/self/status": "NoNewPrivs:\t1", "/etc/passwd": "web:x:33", "fill": "no space left",
	} {
		if !strings.Contains(got[what], want) {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
	u.container("other", ref, map[string]any{"customContainerConfig": map[string]any{"image": ref, "entrypoint": []string{"/bin/app"}, "command": []string{"serve", "well"}}})
	if got, refusal = u.ask("other", map[string]any{"self": true, "read": []string{"/data/fill"}}); refusal != "" || got["args"] != "serve well" || !strings.Contains(got["/data/fill"], "no such file") {
		t.Errorf("with another command: %v %s", got, refusal)
	}
	if _, refusal := u.ask("other", map[string]any{"exit": true}); refusal != "" && !strings.Contains(refusal, "exited") {
		t.Errorf("a server that ends: %s", refusal)
	}
	out, refusal := u.call("POST", "/functions/other/invocations", []byte(`{"hoard":2000}`), nil)
	if refusal != "" || !strings.Contains(toJSON(out), "out of memory") {
		t.Errorf("a server that takes more memory than it has: %s %s", toJSON(out), refusal)
	}
	if got, refusal = u.ask("other", map[string]any{"self": true}); refusal != "" || got["args"] != "serve well" {
		t.Errorf("after a server's end: %v %s", got, refusal)
	}
}

// TestFunctionComputeImageStates is the vendor's page on the states of such functions.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/states-of-custom-container-functions
func TestFunctionComputeImageStates(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	u := newDaemon(t, "-registry", reg.addr).fcUser(t)
	first := containerImage(t, map[string]string{"which": "first"}, nil)
	ref, _ := reg.push("team/app:1", first)
	second, _ := reg.push("team/app:2", containerImage(t, map[string]string{"which": "second"}, nil))
	which := func(name string) string {
		got, refusal := u.ask(name, map[string]any{"read": []string{"/which"}})
		return got["/which"] + refusal
	}
	change := func(name, ref string) {
		t.Helper()
		if out, refusal := u.call("PUT", "/functions/"+name, map[string]any{"customContainerConfig": map[string]any{"image": ref}}, nil); refusal != "" {
			t.Fatal(refusal)
		} else if fn := out["body"].(map[string]any); fn["lastUpdateStatus"] != "InProgress" {
			t.Errorf("an update begins as %s", toJSON(fn))
		}
	}
	still := func(fn map[string]any) bool { return fn["lastUpdateStatus"] != "InProgress" }

	// An image that is not there: Failed, until the function is updated.
	fn := u.container("none", reg.addr+"/team/none:1", nil)
	if fn["state"] != "Failed" || !strings.Contains(toJSON(fn["stateReason"]), "no such image") {
		t.Errorf("without its image the function is %s", toJSON(fn))
	}
	if got := which("none"); !strings.HasPrefix(got, "PreconditionFailed") || !strings.Contains(got, "no such image") {
		t.Errorf("a function without its image: %s", got)
	}
	if _, refusal := u.call("PUT", "/functions/none", map[string]any{"customContainerConfig": map[string]any{"image": ref}}, nil); refusal != "" {
		t.Fatal(refusal)
	}
	u.becomes("none", func(fn map[string]any) bool { return fn["state"] == "Active" })
	if got := which("none"); got != "first" {
		t.Errorf("a repaired function: %s", got)
	}

	// What runs goes on until an update's image is there, and if it never comes.
	u.container("app", ref, nil)
	change("app", reg.addr+"/team/none:1")
	if fn := u.becomes("app", still); fn["state"] != "Active" || fn["lastUpdateStatus"] != "Failed" || !strings.Contains(toJSON(fn["lastUpdateStatusReason"]), "no such image") {
		t.Errorf("after an update to no image: %s", toJSON(fn))
	}
	if got := which("app"); got != "first" {
		t.Errorf("after an update to no image: %s", got)
	}
	change("app", second)
	u.becomes("app", func(fn map[string]any) bool { return fn["lastUpdateStatus"] == "Successful" })
	if got := which("app"); got != "second" {
		t.Errorf("after an update: %s", got)
	}

	// A tag that is another image's by now fails the function.
	moving, _ := reg.push("team/moving:1", first)
	u.container("moved", moving, nil)
	reg.push("team/moving:1", containerImage(t, map[string]string{"which": "third"}, nil))
	if got := which("moved"); !strings.HasPrefix(got, "PreconditionFailed") || !strings.Contains(got, "stands for another image") {
		t.Errorf("after its tag has moved: %s", got)
	}
	u.becomes("moved", func(fn map[string]any) bool { return fn["state"] == "Failed" })
}

// TestFunctionComputeImageRefusals: what cannot be a function of an image.
func TestFunctionComputeImageRefusals(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	d := newDaemon(t, "-registry", reg.addr)
	u := d.fcUser(t)
	ref, _ := reg.push("team/app:1", containerImage(t, nil, nil))
	image := func(ref string, more ...any) map[string]any {
		c := map[string]any{"image": ref}
		for n := 0; n+1 < len(more); n += 2 {
			c[more[n].(string)] = more[n+1]
		}
		return map[string]any{"customContainerConfig": c}
	}
	for _, w := range []struct {
		name     string
		settings map[string]any
		refusal  string
	}{
		{"no-image", map[string]any{"customContainerConfig": nil}, "InvalidArgument customContainerConfig.image is required"},
		{"no-name", image("UPPER CASE"), "InvalidArgument customContainerConfig.image"},
		{"file", image("oci:/etc"), "InvalidArgument customContainerConfig.image"},
		{"archive", image("docker-archive:/etc/shadow"), "InvalidArgument customContainerConfig.image"},
		{"port", image(ref, "port", 9001), "InvalidArgument port"},
		{"health", image(ref, "healthCheckConfig", map[string]any{"httpGetUrl": "health"}), "InvalidArgument healthCheckConfig.httpGetUrl"},
		{"runtime", map[string]any{"runtime": "custom", "customContainerConfig": map[string]any{"image": ref}}, "InvalidArgument customContainerConfig needs runtime custom-container"},
		{"code", map[string]any{"code": map[string]any{"zipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}, "InvalidArgument code must not be set"},
		{"network", image(ref, "registryConfig", map[string]any{"networkConfig": map[string]any{"vpcId": "vpc-1"}}), "PathNotSupported customContainerConfig.registryConfig.networkConfig is not implemented"},
	} {
		in := map[string]any{"functionName": w.name, "runtime": "custom-container", "handler": "none", "customContainerConfig": map[string]any{"image": ref}}
		maps.Copy(in, w.settings)
		code, why, _ := strings.Cut(w.refusal, " ")
		if _, refusal := u.call("POST", "/functions", in, nil); !strings.HasPrefix(refusal, code+" ") || !strings.Contains(refusal, why) {
			t.Errorf("%s: %q, want %q", w.name, refusal, w.refusal)
		}
	}
	none := newDaemon(t).fcUser(t)
	if fn := none.container("app", ref, nil); fn["state"] != "Failed" || !strings.Contains(toJSON(fn["stateReason"]), "weir up -registry") {
		t.Errorf("without a registry, this machine's is not asked: %s", toJSON(fn))
	}
	for _, w := range []struct {
		name    string
		config  map[string]any
		refusal string
	}{
		{"missing", image(ref, "entrypoint", []string{"nowhere"}), "CAFileNotFound "},
		{"no-program", image(ref, "entrypoint", []string{"/etc/hosts"}), "CAFileNotFound "},
		{"exits", image(ref, "command", []string{"tell"}), "CAExited "},
	} {
		u.container(w.name, ref, w.config)
		if _, refusal := u.ask(w.name, map[string]any{}); !strings.HasPrefix(refusal, w.refusal) {
			t.Errorf("%s: %q, want %q", w.name, refusal, w.refusal)
		}
	}
}
