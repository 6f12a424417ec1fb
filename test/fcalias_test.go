package test

import (
	"strings"
	"testing"
)

// TestFunctionComputeAlias: an alias sends a share of invocations to another version.
func TestFunctionComputeAlias(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.function("canary", nil)
	make := func(what string, in map[string]any) string {
		t.Helper()
		_, refusal := u.call("POST", "/functions/canary/"+what, in, nil)
		return refusal
	}
	for range 2 {
		if refusal := make("versions", map[string]any{}); refusal != "" {
			t.Fatal(refusal)
		}
		if _, refusal := u.call("PUT", "/functions/canary", map[string]any{"memorySize": 256}, nil); refusal != "" {
			t.Fatal(refusal)
		}
	}
	for alias, weights := range map[string]map[string]any{"half": {"2": 0.5}, "none": nil, "all": {"2": 1}} {
		if refusal := make("aliases", map[string]any{"aliasName": alias, "versionId": "1", "additionalVersionWeight": weights}); refusal != "" {
			t.Fatalf("%s: %s", alias, refusal)
		}
	}
	if refusal := make("aliases", map[string]any{"aliasName": "more", "versionId": "1", "additionalVersionWeight": map[string]any{"2": 1.5}}); refusal == "" {
		t.Error("a weight of 1.5 was taken")
	}
	for alias, want := range map[string][2]bool{"half": {true, true}, "none": {true, false}, "all": {false, true}} {
		var saw [2]bool
		for range 40 {
			out, refusal := u.call("POST", "/functions/canary/invocations?qualifier="+alias, []byte("{}"), nil)
			if refusal != "" {
				t.Fatal(refusal)
			}
			switch headers := toJSON(out["headers"]); {
			case strings.Contains(headers, `"x-fc-invocation-service-version":"1"`):
				saw[0] = true
			case strings.Contains(headers, `"x-fc-invocation-service-version":"2"`):
				saw[1] = true
			default:
				t.Fatal(headers)
			}
		}
		if saw != want {
			t.Errorf("alias %s used versions 1 and 2: %v, want %v", alias, saw, want)
		}
	}
}
