package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// selfSigned makes a certificate for a name, and its key.
func selfSigned(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// TestFunctionComputeDomain: a custom domain leads paths to functions, on the daemon's
// port by its name and on the internet that functions see, with its certificate.
func TestFunctionComputeDomain(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.function("web", map[string]any{"code": fcCode(fcWeb)})
	u.function("client", map[string]any{"code": fcCode(`
import json, ssl, urllib.request
def handler(event, context):
    q = json.loads(event)
    if "certificate" in q:
        return ssl.get_server_certificate((q["certificate"], 443))
    return urllib.request.urlopen(q["fetch"], timeout=5).read().decode()
`)})
	from := func(question map[string]string) string {
		b, _ := json.Marshal(question)
		out, refusal := u.call("POST", "/functions/client/invocations", b, nil)
		if refusal != "" {
			t.Fatal(refusal)
		}
		body, _ := out["body"].(string)
		return body
	}
	route := func(path, function string, more map[string]any) map[string]any {
		r := map[string]any{"path": path, "functionName": function}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	cert, key := selfSigned(t, "given.example.com")
	domain := map[string]any{"domainName": "Shop.example.com", "protocol": "HTTP,HTTPS", "routeConfig": map[string]any{"routes": []any{
		route("/exact", "web", map[string]any{"methods": []string{"GET"}}),
		route("/api/*", "web", map[string]any{"rewriteConfig": map[string]any{
			"equalRules":    []any{map[string]any{"match": "/api/old", "replacement": "/new"}},
			"wildcardRules": []any{map[string]any{"match": "/api/w/*", "replacement": "/wild/$1"}},
			"regexRules":    []any{map[string]any{"match": "^/api/.+?/(.*)", "replacement": "/v2/$1x"}}}}),
	}}}
	bad := map[string]any{"domainName": "other.example.com", "routeConfig": map[string]any{"routes": []any{route("/*", "none", nil)}}}
	if _, refusal := u.call("POST", "/custom-domains", bad, nil); !strings.HasPrefix(refusal, "FunctionNotFound") {
		t.Errorf("a route to nothing: %q", refusal)
	}
	if made := u.must("POST", "/custom-domains", domain); made["domainName"] != "shop.example.com" || made["protocol"] != "HTTP,HTTPS" {
		t.Errorf("made: %v", made)
	}
	if _, refusal := u.call("POST", "/custom-domains", domain, nil); !strings.HasPrefix(refusal, "DomainNameAlreadyExists") {
		t.Errorf("again: %q", refusal)
	}
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/exact", 200, "GET /exact "}, {"POST", "/exact", 405, "MethodNotAllowed"}, {"GET", "/none", 404, "RouteNotFound"},
		{"PUT", "/api/plain", 200, "PUT /api/plain "}, {"GET", "/api/old", 200, "GET /new "}, {"GET", "/api/w/a/b", 200, "GET /wild/a/b "}, {"GET", "/api/one/two", 200, "GET /v2/twox "},
	} {
		if res, body := u.web(webCall{method: c.method, page: "http://shop.example.com" + c.path}); res.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s, want %d %q", c.method, c.path, res.StatusCode, body, c.status, c.want)
		}
	}
	for _, scheme := range []string{"http", "https"} { // which is certified by Weir's authority
		if got := from(map[string]string{"fetch": scheme + "://shop.example.com/exact"}); got != "GET /exact " {
			t.Errorf("by the internet, %s: %q", scheme, got)
		}
	}
	u.must("POST", "/custom-domains", map[string]any{"domainName": "given.example.com", "protocol": "HTTPS", "authConfig": map[string]any{"authType": "function"},
		"certConfig":  map[string]any{"certName": "mine", "certificate": cert, "privateKey": key},
		"routeConfig": map[string]any{"routes": []any{route("/*", "web", nil)}}})
	if got := from(map[string]string{"certificate": "given.example.com"}); strings.TrimSpace(got) != strings.TrimSpace(cert) {
		t.Errorf("its certificate: %s", got)
	}
	if res, body := u.web(webCall{method: "GET", page: "http://given.example.com/"}); res.StatusCode != 403 {
		t.Errorf("HTTPS only: %d %s", res.StatusCode, body)
	}
	u.must("PUT", "/custom-domains/given.example.com", map[string]any{"protocol": "HTTP"})
	if res, body := u.web(webCall{method: "GET", page: "http://given.example.com/"}); res.StatusCode != 403 {
		t.Errorf("unsigned: %d %s", res.StatusCode, body)
	}
	if res, body := u.web(webCall{method: "GET", page: "http://given.example.com/s", secret: "test", at: time.Now()}); res.StatusCode != 200 || body != "GET /s " {
		t.Errorf("signed: %d %s", res.StatusCode, body)
	}
	if list := u.must("GET", "/custom-domains?prefix=g", nil)["customDomains"].([]any); len(list) != 1 || strings.Contains(toJSON(list), "PRIVATE KEY") {
		t.Errorf("list: %v", list)
	}
	u.must("DELETE", "/custom-domains/shop.example.com", nil)
	if _, refusal := u.call("GET", "/custom-domains/shop.example.com", nil, nil); !strings.HasPrefix(refusal, "DomainNameNotFound") {
		t.Errorf("deleted: %q", refusal)
	}
}
