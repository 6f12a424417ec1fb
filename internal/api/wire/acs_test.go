package wire

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
)

// A product of each style, with one of everything that travels in its own way.
type (
	makeThingIn struct {
		RegionId    *string           `w:"RegionId"`
		ClientToken *string           `w:"ClientToken"`
		DryRun      *bool             `w:"DryRun"`
		Name        *string           `w:"Name,req"`
		Size        *int64            `w:"Size"`
		Tag         []acsTag          `w:"Tag"`
		Vpcs        []acsTag          `w:"Vpcs,json"`
		Ids         []string          `w:"Ids,commas"`
		Labels      map[string]string `w:"Labels"`
	}
	acsTag struct {
		Key   *string `w:"Key,req"`
		Value *string `w:"Value"`
	}
	makeThingOut struct {
		ThingId *string  `w:"ThingId"`
		Region  *string  `w:"Region"`
		Heard   *string  `w:"Heard"`
		Tags    []acsTag `w:"Tags,item=Tag"`
		Flat    []string `w:"Flat"`
	}
	getFunctionIn struct {
		Name   *string           `w:"name,uri,req"`
		Prefix *string           `w:"prefix,qs"`
		Tags   map[string]string `w:"tags,qs,json"`
	}
	getFunctionOut struct {
		Name *string  `w:"name"`
		List []string `w:"list"`
	}
	deleteFunctionIn struct {
		Name *string `w:"name,uri,req"`
	}
)

var acsNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type acsKeys struct{}

func (acsKeys) Credential(key, token string) (string, cloud.Principal, bool, error) {
	reason := map[string]string{"old": "expired", "other": "bad-token"}[token]
	switch {
	case reason != "":
		return "", cloud.Principal{}, false, cloud.Errorf(cloud.Denied, cloud.KindAccessKey, "", reason, "no")
	case key == "sleeping":
		return "", cloud.Principal{}, false, cloud.Errorf(cloud.Denied, cloud.KindAccessKey, "", "inactive-key", "no")
	case key != "testid":
		return "", cloud.Principal{}, false, cloud.Errorf(cloud.Denied, cloud.KindAccessKey, "", "unknown-key", "no")
	}
	return "testsecret", cloud.Principal{Kind: cloud.PrincipalRoot, Account: "111122223333"}, false, nil
}

// acsServer answers two products and counts what was made.
func acsServer(t *testing.T) (*Server, *int) {
	t.Helper()
	made := 0
	thing := NewService(Spec{Name: "thing", ID: "Thing", Version: "2016-04-28", Protocol: RPC, Operations: []Operation{{Name: "MakeThing"}, {Name: "DropThing"}}})
	Handle(thing, "MakeThing", func(ctx context.Context, in *makeThingIn) (*makeThingOut, error) {
		made++
		heard, err := json.Marshal(in)
		return &makeThingOut{ThingId: new("thing-" + string(rune('0'+made))), Region: new(CallFrom(ctx).Region), Heard: new(string(heard)),
			Tags: in.Tag, Flat: in.Ids}, err
	})
	fn := NewService(Spec{Name: "fn", ID: "FN", Hosts: []string{"fn", "fnv3"}, Version: "2023-03-30", Protocol: ROA, Operations: []Operation{
		{Name: "GetFunction", Method: "GET", Path: "/2023-03-30/functions/{name}"},
		{Name: "DeleteFunction", Method: "DELETE", Path: "/2023-03-30/functions/{name}", Status: 204},
	}})
	Handle(fn, "GetFunction", func(_ context.Context, in *getFunctionIn) (*getFunctionOut, error) {
		return &getFunctionOut{Name: new(*in.Name + "/" + in.Tags["k"])}, nil
	})
	Handle(fn, "DeleteFunction", func(context.Context, *deleteFunctionIn) (*struct{}, error) { return nil, nil })
	s := NewServer(Config{Verify: acsKeys{}, Account: "111122223333", Region: "us-east-1", AlibabaRegion: "cn-hangzhou",
		HasRegion: func(r string) bool { return strings.HasPrefix(r, "cn-") }, Now: func() time.Time { return acsNow }})
	s.Add(thing)
	s.Add(fn)
	return s, &made
}

func escape(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

func sorted(v url.Values) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(v)) {
		parts = append(parts, escape(k)+"="+escape(v.Get(k)))
	}
	return strings.Join(parts, "&")
}

func mac1(secret, text string) string {
	m := hmac.New(sha1.New, []byte(secret))
	m.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// acs is one signed call that tests spoil before or after it is signed.
type acs struct {
	method, path, host string
	params             url.Values // of the operation
	secret, key, token string
	nonce              string
	at                 time.Time
	action, version    string
	after              func(*http.Request)
}

func (c acs) fill() acs {
	if c.method == "" {
		c.method = "POST"
	}
	if c.path == "" {
		c.path = "/"
	}
	if c.secret == "" {
		c.secret = "testsecret"
	}
	if c.key == "" {
		c.key = "testid"
	}
	if c.nonce == "" {
		c.nonce = newRequestID()
	}
	if c.at.IsZero() {
		c.at = acsNow
	}
	if c.action == "" {
		c.action = "MakeThing"
	}
	if c.version == "" {
		c.version = "2016-04-28"
	}
	if c.host == "" {
		c.host = "127.0.0.1:4566"
	}
	p := url.Values{}
	maps.Copy(p, c.params)
	c.params = p
	return c
}

// rpc1 signs with the first version, in the query or in a form.
func (c acs) rpc1(form bool) *http.Request {
	c = c.fill()
	for k, v := range map[string]string{"AccessKeyId": c.key, "Action": c.action, "Version": c.version, "SignatureMethod": "HMAC-SHA1",
		"SignatureVersion": "1.0", "SignatureNonce": c.nonce, "Timestamp": c.at.Format(time.RFC3339), "Format": "JSON", "SecurityToken": c.token} {
		if !c.params.Has(k) && v != "" {
			c.params.Set(k, v)
		}
	}
	c.params.Set("Signature", mac1(c.secret+"&", c.method+"&%2F&"+escape(sorted(c.params))))
	target, body := "/?"+sorted(c.params), ""
	if form {
		target, body = "/", sorted(c.params)
	}
	r := httptest.NewRequest(c.method, target, strings.NewReader(body))
	if form {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return c.finish(r)
}

func (c acs) finish(r *http.Request) *http.Request {
	r.Host, r.RemoteAddr = c.host, "127.0.0.1:1"
	if c.after != nil {
		c.after(r)
	}
	return r
}

// v3 signs with the third version.
func (c acs) v3() *http.Request {
	c = c.fill()
	r := httptest.NewRequest(c.method, strings.TrimSuffix(c.path+"?"+sorted(c.params), "?"), nil)
	sum := sha256.Sum256(nil)
	h := map[string]string{"host": c.host, "x-acs-action": c.action, "x-acs-version": c.version, "x-acs-date": c.at.Format(time.RFC3339),
		"x-acs-signature-nonce": c.nonce, "x-acs-content-sha256": hex.EncodeToString(sum[:])}
	if c.token != "" {
		h["x-acs-security-token"] = c.token
	}
	names := slices.Sorted(maps.Keys(h))
	text := c.method + "\n" + c.path + "\n" + sorted(c.params) + "\n"
	for _, n := range names {
		text += n + ":" + h[n] + "\n"
		if n != "host" {
			r.Header.Set(n, h[n])
		}
	}
	text += "\n" + strings.Join(names, ";") + "\n" + h["x-acs-content-sha256"]
	hashed := sha256.Sum256([]byte(text))
	m := hmac.New(sha256.New, []byte(c.secret))
	m.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(hashed[:])))
	r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+c.key+",SignedHeaders="+strings.Join(names, ";")+",Signature="+hex.EncodeToString(m.Sum(nil)))
	return c.finish(r)
}

// roa1 signs with the first version for paths.
func (c acs) roa1() *http.Request {
	c = c.fill()
	target := strings.TrimSuffix(c.path+"?"+sorted(c.params), "?")
	r := httptest.NewRequest(c.method, target, nil)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Date", c.at.Format(http.TimeFormat))
	r.Header.Set("X-Acs-Signature-Nonce", c.nonce)
	r.Header.Set("X-Acs-Version", "2023-03-30")
	headers := "x-acs-signature-nonce:" + c.nonce + "\nx-acs-version:2023-03-30\n"
	if c.token != "" {
		r.Header.Set("X-Acs-Security-Token", c.token)
		headers = "x-acs-security-token:" + c.token + "\n" + headers
	}
	resource := c.path
	for i, k := range slices.Sorted(maps.Keys(c.params)) {
		resource += "?&"[min(i, 1):][:1] + k + "=" + c.params.Get(k)
	}
	r.Header.Set("Authorization", "acs "+c.key+":"+mac1(c.secret, c.method+"\napplication/json\n\n\n"+c.at.Format(http.TimeFormat)+"\n"+headers+resource))
	return c.finish(r)
}

// askACS sends a request and returns the status, the code of an error, and the body.
func askACS(t *testing.T, s *Server, r *http.Request) (int, string, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
	}
	code, _ := body["Code"].(string)
	return w.Code, code, body
}

func TestACSSignatures(t *testing.T) {
	s, _ := acsServer(t)
	name := url.Values{"Name": {"a b*c~/ü+"}}
	fn := acs{method: "GET", path: "/2023-03-30/functions/hello", version: "2023-03-30", params: url.Values{"prefix": {"x"}}}
	sign := map[string]func(acs) *http.Request{
		"rpc1 query": func(c acs) *http.Request { c.params = name; return c.rpc1(false) },
		"rpc1 GET":   func(c acs) *http.Request { c.params, c.method = name, "GET"; return c.rpc1(false) },
		"rpc1 form":  func(c acs) *http.Request { c.params = name; return c.rpc1(true) },
		"acs3 rpc":   func(c acs) *http.Request { c.params = name; return c.v3() },
		"acs3 roa": func(c acs) *http.Request {
			c.method, c.path, c.version, c.params = fn.method, fn.path, fn.version, fn.params
			return c.v3()
		},
		"roa1": func(c acs) *http.Request {
			c.method, c.path, c.version, c.params = fn.method, fn.path, fn.version, fn.params
			return c.roa1()
		},
	}
	// What each style says of the same fault.
	type fault struct {
		name string
		acs
		status   int
		rpc      string
		roa      string
		roaCodes int
	}
	faults := []fault{
		{"wrong secret", acs{secret: "wrong"}, 400, "SignatureDoesNotMatch", "SignatureNotMatch", 403},
		{"unknown key", acs{key: "nobody"}, 404, "InvalidAccessKeyId.NotFound", "InvalidAccessKeyID", 403},
		{"inactive key", acs{key: "sleeping"}, 400, "InvalidAccessKeyId.Inactive", "InvalidAccessKeyID", 403},
		{"old", acs{at: acsNow.Add(-16 * time.Minute)}, 400, "InvalidTimeStamp.Expired", "RequestTimeTooSkewed", 403},
		{"early", acs{at: acsNow.Add(16 * time.Minute)}, 400, "InvalidTimeStamp.Expired", "RequestTimeTooSkewed", 403},
		{"expired token", acs{token: "old"}, 400, "InvalidSecurityToken.Expired", "SecurityTokenExpired", 403},
		{"another's token", acs{token: "other"}, 400, "InvalidSecurityToken.MismatchWithAccessKey", "InvalidSecurityToken", 403},
	}
	for style, sign := range sign {
		if status, _, body := askACS(t, s, sign(acs{})); status != 200 {
			t.Errorf("%s: %d %v", style, status, body)
		}
		if status, _, body := askACS(t, s, sign(acs{at: acsNow.Add(-14 * time.Minute), token: "good"})); status != 200 {
			t.Errorf("%s with a token: %d %v", style, status, body)
		}
		used := acs{nonce: "once-" + style}
		askACS(t, s, sign(used))
		all := append(faults, fault{"replayed", used, 400, "SignatureNonceUsed", "SignatureNonceUsed", 403},
			fault{"changed query", acs{after: func(r *http.Request) {
				if r.Header.Get("Content-Type") != "" { // the form: its body
					r.Body = io.NopCloser(bytes.NewReader([]byte(strings.Replace(read(r), "MakeThing", "DropThing", 1))))
					return
				}
				r.RequestURI = strings.Replace(strings.Replace(r.RequestURI, "Name=a", "Name=b", 1), "prefix=x", "prefix=y", 1)
				r.URL, _ = url.ParseRequestURI(r.RequestURI)
			}}, 400, "SignatureDoesNotMatch", "SignatureNotMatch", 403})
		for _, f := range all {
			status, code := f.status, f.rpc
			if strings.Contains(style, "roa") {
				status, code = f.roaCodes, f.roa
			}
			if gotStatus, got, body := askACS(t, s, sign(f.acs)); gotStatus != status || got != code {
				t.Errorf("%s, %s: %d %s, want %d %s (%v)", style, f.name, gotStatus, got, status, code, body["Message"])
			}
		}
	}
}

func read(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	r.ContentLength = int64(len(b))
	return string(b)
}

// TestACSVector is the example of the vendor's first description of the signature.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/request-signatures
func TestACSVector(t *testing.T) {
	q := &request{r: httptest.NewRequest("GET", "/", nil), form: url.Values{}}
	for k, v := range map[string]string{"Timestamp": "2016-02-23T12:46:24Z", "Format": "XML", "AccessKeyId": "testid", "Action": "DescribeRegions",
		"SignatureMethod": "HMAC-SHA1", "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", "Version": "2014-05-26", "SignatureVersion": "1.0",
		"Signature": "OLeaidS1JvxuMvnyHOwuJ+uX5qY="} {
		q.form.Set(k, v)
	}
	p := &rpcProof{keyID: "testid"}
	if _, _, fault := p.complete(q); fault != nil {
		t.Fatal(fault)
	}
	if text, ok := p.verify(q, "testsecret"); !ok {
		t.Errorf("the vendor's signature is refused; signed was %s", text)
	}
}

// twice adds a parameter to a request that is signed already.
func twice(param string) func(*http.Request) {
	return func(r *http.Request) {
		r.RequestURI += "&" + param
		r.URL, _ = url.ParseRequestURI(r.RequestURI)
	}
}

func TestACSTokens(t *testing.T) {
	s, made := acsServer(t)
	call := func(name, token string) (string, string) {
		_, code, body := askACS(t, s, acs{params: url.Values{"Name": {name}, "ClientToken": {token}}}.v3())
		id, _ := body["ThingId"].(string)
		return id, code
	}
	first, _ := call("a", "t1")
	if again, _ := call("a", "t1"); again != first || *made != 1 {
		t.Errorf("the same call made %d things: %s, then %s", *made, first, again)
	}
	if _, code := call("b", "t1"); code != "IdempotentParameterMismatch" || *made != 1 {
		t.Errorf("another call with the same token: %s", code)
	}
	if other, _ := call("a", "t2"); other == first {
		t.Error("another token makes nothing")
	}
	if _, code := call("a", strings.Repeat("x", 65)); code != "InvalidClientToken" {
		t.Errorf("a token that is too long: %s", code)
	}
	n := *made
	if _, code, _ := askACS(t, s, acs{params: url.Values{"Name": {"a"}, "DryRun": {"true"}}}.v3()); code != "DryRunOperation" || *made != n {
		t.Errorf("dry run: %s, %d made", code, *made-n)
	}
}
