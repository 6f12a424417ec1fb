package wire

import (
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestRESTDecode(t *testing.T) {
	y := newToy(t, RESTJSON, Config{})
	y.out = &RESTOutput{Kind: new("raw"), Payload: []byte("\x00\x01")}
	r := httptest.NewRequest("PUT", "/v1/things/a%2Fb%20c:d/parts?max=5&key=x&key=y+z", strings.NewReader("raw \xff body"))
	r.Header.Set("If-Modified-Since", "Sun, 22 Nov 2026 10:01:02 GMT")
	r.Header.Set("X-Meta-Owner", "me")
	w := httptest.NewRecorder()
	y.ServeHTTP(w, r)
	want := &RESTInput{ID: new("a/b c:d"), Max: new(int32(5)), Keys: []string{"x", "y z"}, Since: &at, Meta: map[string]string{"owner": "me"}, Payload: []byte("raw \xff body")}
	if !reflect.DeepEqual(y.in, want) {
		t.Errorf("got %+v, want %+v", y.in, want)
	}
	if w.Code != 202 || w.Header().Get("X-Kind") != "raw" || w.Body.String() != "\x00\x01" || w.Header().Get("Content-Length") != "2" {
		t.Errorf("answer: %d %v %q", w.Code, w.Header(), w.Body)
	}
	y.out = &RESTOutput{Status: new(int32(204))}
	if w := y.do("PUT", "/v1/things/x/parts", "", ""); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("status: %d %q", w.Code, w.Body)
	}
	if w := y.do("GET", "/v1/files/a/b%2Fc/d", "", ""); w.Code != 200 || *y.in.(*RESTInput).ID != "a/b/c/d" {
		t.Errorf("greedy label: %d %+v", w.Code, y.in)
	}
	if w := y.do("PUT", "/v1/things/x/parts?max=many", "", ""); w.Code != 400 {
		t.Errorf("bad number: %d %s", w.Code, w.Body)
	}
}

func TestRoutes(t *testing.T) {
	var routes []*route
	for _, p := range []string{"GET /layers", "GET /layers?find=V", "GET /layers/{L}", "GET /layers/all", "GET /layers/{L}/versions/{N}",
		"POST /layers/", "GET /f/{A+}", "GET /f/{A}/x"} {
		method, path, _ := strings.Cut(p, " ")
		routes = append(routes, newRoute(&operation{Operation: Operation{Name: p, Method: method, Path: path}}))
	}
	sortRoutes(routes)
	for _, c := range []struct{ method, target, want string }{
		{"GET", "/layers", "GET /layers"},
		{"GET", "/layers/", "GET /layers"},
		{"GET", "/layers?find=V&x=1", "GET /layers?find=V"},
		{"GET", "/layers?find=W", "GET /layers"},
		{"GET", "/layers/abc", "GET /layers/{L}"},
		{"GET", "/layers/all", "GET /layers/all"},
		{"GET", "/layers/a/versions/1", "GET /layers/{L}/versions/{N}"},
		{"GET", "/layers/a/versions", ""},
		{"POST", "/layers", "POST /layers/"},
		{"PUT", "/layers", ""},
		{"GET", "/f/a/x", "GET /f/{A}/x"},
		{"GET", "/f/a/y/z", "GET /f/{A+}"},
		{"GET", "/f", ""},
		{"GET", "/", ""},
	} {
		path, query, _ := strings.Cut(c.target, "?")
		q, _ := url.ParseQuery(query)
		got := ""
		for _, r := range routes {
			if r.match(c.method, path, q) {
				got = r.op.Name
				break
			}
		}
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.method, c.target, got, c.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{`[a-z]+`, "abc", "abc1"},
		{`[a-z]{1,2048}`, strings.Repeat("a", 1500), ""},
		{`[\u0009\u0020-\u00FF]+`, "a\tÿ", "Ā"},
		{`[\u10000-\u10FFFF]+`, "😀", "a"},
		{`(?!^[0-9]+$)([a-z0-9]+)`, "1a", "12"},
		{`((?!^\d+$)^[0-9a-z]+$)`, "a1", "11"},
		{`[a-z.]*(?<!\.)`, "a.b", "a."},
		{`a|b`, "b", "ab"},
	} {
		p, err := CompilePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if !p.match(c.yes) || p.match(c.no) {
			t.Errorf("%s: %.10q %v, %q %v", c.pattern, c.yes, p.match(c.yes), c.no, p.match(c.no))
		}
	}
	if _, err := CompilePattern(`(a|-(?!-))`); err == nil {
		t.Error("a lookahead in the middle passes")
	}
}
