package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"weir/internal/cloud"
)

type oneKey struct{}

func (oneKey) Credential(string, string) (string, cloud.Principal, bool, error) {
	return exampleSecret, cloud.Principal{Kind: cloud.PrincipalRoot, Account: "123456789012"}, false, nil
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkREST is one signed call with a raw payload, as Lambda's Invoke is, with
// everything but the socket.
func BenchmarkREST(b *testing.B) {
	svc := NewService(spec(RESTJSON))
	answer := &RESTOutput{Status: new(int32(200)), Kind: new("x"), Payload: []byte(`{"ok":true}`)}
	Handle(svc, "REST", func(_ context.Context, in *RESTInput) (*RESTOutput, error) { return answer, nil })
	s := NewServer(Config{Verify: oneKey{}, Now: func() time.Time { return at }})
	s.Add(svc)
	body := []byte(`{"key1":"value1","key2":"value2"}`)
	r := httptest.NewRequest("PUT", "http://toy.example/v1/things/fn/parts", nil)
	r.Header.Set("X-Amz-Date", at.Format(basicTime))
	r.ContentLength = int64(len(body))
	sign(r, body)
	w := &discard{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		clear(w.h)
		s.ServeHTTP(w, r)
		if w.h.Get("X-Kind") != "x" {
			b.Fatal("refused: ", w.h)
		}
	}
}
