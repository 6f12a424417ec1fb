package test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// layer publishes a version of a layer of these files, and returns its ARN.
func (u *fcUser) layer(name string, files map[string]string) string {
	u.Helper()
	out := u.must("POST", "/layers/"+name+"/versions", map[string]any{"compatibleRuntime": []string{"python3.10"}, "description": "test",
		"code": map[string]any{"zipFile": base64.StdEncoding.EncodeToString(zipped(files))}})
	arn, _ := out["layerVersionArn"].(string)
	if !strings.Contains(arn, ":layers/"+name+"/versions/") {
		u.Fatalf("layer %s: %v", name, out)
	}
	return arn
}

// TestFunctionComputeLayers: layers are in /opt, the first over the others, and stay
// with a function when they are deleted.
func TestFunctionComputeLayers(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	first := u.layer("first", map[string]string{"python/both.py": "says = 'first'", "python/one.py": "says = 'one'"})
	second := u.layer("second", map[string]string{"python/both.py": "says = 'second'", "data/two.txt": "two"})
	source := `
import both, one
def handler(event, context):
    return " ".join([both.says, one.says, open("/opt/data/two.txt").read()])
`
	for name, c := range map[string]struct {
		layers  []string
		runtime string
		refusal string
	}{
		"none":    {[]string{strings.Replace(first, "versions/1", "versions/7", 1)}, "python3.10", "LayerVersionNotFound"},
		"nowhere": {[]string{strings.Replace(first, "/first/", "/zeroth/", 1)}, "python3.10", "LayerNotFound"},
		"runtime": {[]string{first}, "nodejs18", "InvalidArgument"},
		"form":    {[]string{"first"}, "python3.10", "InvalidArgument"},
		"many":    {[]string{first, second, first, second, first, second}, "python3.10", "InvalidArgument"},
	} {
		_, refusal := u.call("POST", "/functions", map[string]any{"functionName": name, "runtime": c.runtime, "handler": "index.handler", "layers": c.layers, "code": fcCode(source)}, nil)
		if !strings.HasPrefix(refusal, c.refusal) {
			t.Errorf("%s: %q, want %s", name, refusal, c.refusal)
		}
	}
	u.function("layered", map[string]any{"code": fcCode(source), "layers": []string{first, second}})
	shown := u.must("GET", "/functions/layered", nil)["layers"].([]any)
	if len(shown) != 2 || shown[0].(map[string]any)["arn"] != first {
		t.Errorf("shown: %v", shown)
	}
	if by := u.must("GET", "/layerarn/"+url.PathEscape(second), nil); by["layerName"] != "second" || by["acl"] != "0" {
		t.Errorf("by its ARN: %v", by)
	}
	for _, path := range []string{"first", "second"} {
		u.must("DELETE", "/layers/"+path+"/versions/1", nil)
	}
	if out, refusal := u.call("POST", "/functions/layered/invocations", []byte(""), nil); refusal != "" || fmt.Sprint(out["body"]) != "first one two" {
		t.Errorf("%v %s", out["body"], refusal)
	}
	if again := u.layer("first", map[string]string{"a": "b"}); !strings.HasSuffix(again, "/2") {
		t.Errorf("the next version is %s", again)
	}
	u.must("PUT", "/layers/first/acl?acl=1", nil)
	list := u.must("GET", "/layers?public=true", nil)["layers"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["acl"] != "1" || fmt.Sprint(list[0].(map[string]any)["version"]) != "2" {
		t.Errorf("public layers: %v", list)
	}
	if versions := u.must("GET", "/layers/first/versions", nil)["layers"].([]any); len(versions) != 1 {
		t.Errorf("versions: %v", versions)
	}
}
