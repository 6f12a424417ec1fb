package test

import (
	"strings"
	"testing"
)

// TestFunctionComputeDNS: customDNS takes the place of the function's resolv.conf, and
// names are found by it.
func TestFunctionComputeDNS(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	option := func(name, value string) map[string]any { return map[string]any{"name": name, "value": value} }
	for name, c := range map[string]struct {
		dns  map[string]any
		want string
	}{
		"server": {map[string]any{"nameServers": []string{"resolver"}}, "InvalidArgument"},
		"many":   {map[string]any{"nameServers": []string{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"}}, "InvalidArgument"},
		"lines":  {map[string]any{"searches": []string{"a\nnameserver 198.51.100.1"}}, "InvalidArgument"},
		"option": {map[string]any{"dnsOptions": []any{option("ndots", "1 rotate")}}, "InvalidArgument"},
	} {
		in := map[string]any{"functionName": name, "runtime": "python3.10", "handler": "index.handler", "code": fcCode(fcReach), "customDNS": c.dns}
		if _, refusal := u.call("POST", "/functions", in, nil); !strings.HasPrefix(refusal, c.want) {
			t.Errorf("%s: %q, want %s", name, refusal, c.want)
		}
	}
	u.function("named", map[string]any{"customDNS": map[string]any{"nameServers": []string{"100.100.2.138"}, "searches": []string{"weir.test"}, "dnsOptions": []any{option("ndots", "2"), option("rotate", "")}}})
	question := map[string]any{"fetch": map[string]string{"short": "http://echo/"}, "resolv": true}
	got, refusal := u.ask("named", question)
	if refusal != "" || strings.HasPrefix(got["short"], "failed") || !strings.Contains(toJSON(got), `search weir.test\nnameserver 100.100.2.138\noptions ndots:2 rotate`) {
		t.Errorf("%q %s", got, refusal)
	}
	// Not with the server that nobody answers at, and again without.
	u.must("PUT", "/functions/named", map[string]any{"customDNS": map[string]any{"nameServers": []string{"198.51.100.250"}, "dnsOptions": []any{option("timeout", "1"), option("attempts", "1")}}})
	question["fetch"] = map[string]string{"full": "http://echo.weir.test/"}
	if got, refusal = u.ask("named", question); refusal != "" || !strings.HasPrefix(got["full"], "failed") {
		t.Errorf("by a server that is not there: %q %s", got, refusal)
	}
	u.must("PUT", "/functions/named", map[string]any{"customDNS": map[string]any{}})
	if got, refusal = u.ask("named", question); refusal != "" || strings.HasPrefix(got["full"], "failed") {
		t.Errorf("by the network's own: %q %s", got, refusal)
	}
}
