package wire

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
)

// sign puts a signature for toy in us-east-1 into r. The canonical form is that of
// canonical, which TestVerifyExamples checks against the published examples.
func sign(r *http.Request, body []byte) {
	headers := "host;x-amz-date"
	if r.Header.Get("X-Amz-Content-Sha256") != "" {
		headers = "host;x-amz-content-sha256;x-amz-date"
	}
	signHeaders(r, body, headers)
}

func signHeaders(r *http.Request, body []byte, headers string) {
	q := newRequest(r)
	q.body = body
	date := r.Header.Get("X-Amz-Date")
	s := &signature{headers: strings.Split(headers, ";")}
	digest := sha256.Sum256(canonical(nil, s, q, q.payloadHash()))
	scope := date[:8] + "/us-east-1/toy/aws4_request"
	m := hmac.New(sha256.New, deriveKey(exampleSecret, date[:8], "us-east-1", "toy"))
	m.Write([]byte(algorithm + "\n" + date + "\n" + scope + "\n" + hex.EncodeToString(digest[:])))
	r.Header.Set("Authorization", algorithm+" Credential=AKIDEXAMPLE/"+scope+", SignedHeaders="+headers+", Signature="+hex.EncodeToString(m.Sum(nil)))
}

// strict is a server that checks; loopback says whether its key is for this machine only.
type strict struct{ loopback bool }

func (s strict) Credential(string, string) (string, cloud.Principal, bool, error) {
	return exampleSecret, cloud.Principal{Kind: cloud.PrincipalRoot, Account: "123456789012"}, s.loopback, nil
}

func (s strict) server() *Server {
	svc := NewService(spec(RESTJSON))
	Handle(svc, "REST", func(context.Context, *RESTInput) (*RESTOutput, error) { return nil, nil })
	srv := NewServer(Config{Verify: s, Now: func() time.Time { return at }})
	srv.Add(svc)
	return srv
}

func TestTampering(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		code   string
	}{
		{"nothing", func(*http.Request) {}, ""},
		{"method", func(r *http.Request) { r.Method = "POST" }, "InvalidSignatureException"},
		{"path", func(r *http.Request) { r.RequestURI = "/v1/things/other/parts" }, "InvalidSignatureException"},
		{"query", func(r *http.Request) { r.RequestURI += "?max=1" }, "InvalidSignatureException"},
		{"host", func(r *http.Request) { r.Host = "other.example" }, "InvalidSignatureException"},
		{"time", func(r *http.Request) { r.Header.Set("X-Amz-Date", at.Add(time.Minute).Format(basicTime)) }, "InvalidSignatureException"},
		{"body", func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 }, "InvalidSignatureException"},
		{"header added", func(r *http.Request) { r.Header.Set("X-Amz-Target", "x") }, "InvalidSignatureException"},
		{"body declared unsigned afterwards", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", unsigned) }, "InvalidSignatureException"},
		{"no signature", func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		{"half a signature", func(r *http.Request) { r.Header.Set("Authorization", algorithm+" Credential=x") }, "IncompleteSignatureException"},
	} {
		r := httptest.NewRequest("PUT", "http://toy.example/v1/things/fn/parts", strings.NewReader("body"))
		r.Header.Set("X-Amz-Date", at.Format(basicTime))
		r.RequestURI = "/v1/things/fn/parts"
		sign(r, []byte("body"))
		c.change(r)
		w := httptest.NewRecorder()
		strict{}.server().ServeHTTP(w, r)
		if got := w.Header().Get("x-amzn-ErrorType"); got != c.code || c.code == "" && w.Code != 202 {
			t.Errorf("%s: %d %s, want %q", c.name, w.Code, w.Body, c.code)
		}
	}
}

func TestUnsignedPayload(t *testing.T) {
	r := httptest.NewRequest("PUT", "http://toy.example/v1/things/fn/parts", strings.NewReader("anything"))
	r.Header.Set("X-Amz-Date", at.Format(basicTime))
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	sign(r, nil)
	w := httptest.NewRecorder()
	strict{}.server().ServeHTTP(w, r)
	if w.Code != 202 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestLoopbackOnly(t *testing.T) {
	for _, c := range []struct {
		name, remote string
		origin       *Origin
		ok           bool
	}{
		{"loopback", "127.0.0.1:5", nil, true},
		{"loopback, version 6", "[::1]:5", nil, true},
		{"loopback, mapped", "[::ffff:127.0.0.1]:5", nil, true},
		{"elsewhere", "198.51.100.7:5", nil, false},
		{"unknown", "@", nil, false},
		{"a VPC's own loopback", "127.0.0.1:5", &Origin{Source: netip.MustParseAddr("127.0.0.1"), VPC: "vpc-1"}, false},
	} {
		r := httptest.NewRequest("PUT", "http://toy.example/v1/things/fn/parts", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Amz-Date", at.Format(basicTime))
		sign(r, nil)
		if c.origin != nil {
			r = r.WithContext(WithOrigin(r.Context(), *c.origin))
		}
		w := httptest.NewRecorder()
		strict{loopback: true}.server().ServeHTTP(w, r)
		if ok := w.Code == 202; ok != c.ok || !ok && w.Header().Get("x-amzn-ErrorType") != "UnrecognizedClientException" {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
}
