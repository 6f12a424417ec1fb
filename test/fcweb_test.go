package test

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

//go:embed testdata/fcweb.py
var fcWeb string

// webCall is a request to a name that the internet leads to the daemon.
type webCall struct {
	method, page, body string
	headers            map[string]string
	secret             string // signs it, as the vendor's samples do; "": it is not signed
	at                 time.Time
	bodyless           bool // the signature leaves the body out
}

func (u *fcUser) web(c webCall) (*http.Response, string) {
	u.Helper()
	at, err := url.Parse(c.page)
	u.check(err)
	r, err := http.NewRequestWithContext(u.Context(), c.method, u.d.url+at.Path, bytes.NewReader([]byte(c.body)))
	u.check(err)
	r.Host, r.URL.RawQuery = at.Host, at.RawQuery
	for k, v := range c.headers {
		r.Header.Set(k, v)
	}
	if c.secret != "" {
		sum := sha256.Sum256([]byte(c.body))
		payload := hex.EncodeToString(sum[:])
		if c.bodyless {
			payload = ""
		}
		signed := &dara.Request{Method: &c.method, Pathname: tea.String(at.Path), Query: map[string]*string{},
			Headers: map[string]*string{"x-acs-date": tea.String(c.at.UTC().Format("2006-01-02T15:04:05Z"))}}
		for k, v := range signed.Headers {
			r.Header.Set(k, *v)
		}
		r.Header.Set("Authorization", tea.StringValue(openapiutil.GetAuthorization(signed, tea.String("ACS3-HMAC-SHA256"), &payload, tea.String("test"), &c.secret)))
	}
	res, err := http.DefaultClient.Do(r)
	u.check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	u.check(err)
	return res, string(body)
}

// trigger makes an HTTP trigger, and returns its public URL.
func (u *fcUser) trigger(function, qualifier, config string) string {
	u.Helper()
	out := u.must("POST", "/functions/"+function+"/triggers", map[string]any{"triggerName": "web" + qualifier, "triggerType": "http", "qualifier": qualifier, "triggerConfig": config})
	at, _ := out["httpTrigger"].(map[string]any)["urlInternet"].(string)
	return at
}

// TestFunctionComputeSignedTrigger: a trigger of authType function takes requests that
// are signed with the vendor's own signer, and no others.
func TestFunctionComputeSignedTrigger(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.function("web", map[string]any{"code": fcCode(fcWeb)})
	page := u.trigger("web", "LATEST", `{"authType":"function","methods":["GET","POST"]}`) + "/a"
	now := time.Now()
	for name, c := range map[string]struct {
		webCall
		status int
		want   string
	}{
		"signed":       {webCall{method: "GET", page: page, secret: "test", at: now}, 200, "GET /a "},
		"with a body":  {webCall{method: "POST", page: page, body: "hi", secret: "test", at: now}, 200, "POST /a hi"},
		"without it":   {webCall{method: "POST", page: page, body: "hi", secret: "test", at: now, bodyless: true}, 200, "POST /a hi"},
		"wrong secret": {webCall{method: "GET", page: page, secret: "wrong", at: now}, 403, "Signature"},
		"long ago":     {webCall{method: "GET", page: page, secret: "test", at: now.Add(-time.Hour)}, 403, "RequestTimeTooSkewed"},
		"unsigned":     {webCall{method: "GET", page: page}, 403, "Code"},
		"method":       {webCall{method: "PUT", page: page, secret: "test", at: now}, 405, "MethodNotAllowed"},
	} {
		res, body := u.web(c.webCall)
		if res.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s, want %d %q", name, res.StatusCode, body, c.status, c.want)
		}
	}
}

// TestFunctionComputeTrigger: CORS, asynchronous requests, and a public URL that is off.
func TestFunctionComputeTrigger(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.function("web", map[string]any{"code": fcCode(fcWeb)})
	page := u.trigger("web", "LATEST", `{"authType":"anonymous","methods":["GET","POST"],"corsConfig":{"allowOrigins":["https://a.example.com"],
		"allowMethods":["GET"],"allowHeaders":["X-Mine"],"exposeHeaders":["X-Path"],"maxAge":60,"allowCredentials":true}}`) + "/a"
	ask := func(method, origin, wants string) http.Header {
		headers := map[string]string{"Origin": origin}
		if wants != "" {
			headers["Access-Control-Request-Method"] = wants
		}
		res, _ := u.web(webCall{method: method, page: page, headers: headers})
		if res.StatusCode != 200 {
			t.Errorf("%s from %s: %d", method, origin, res.StatusCode)
		}
		return res.Header
	}
	pre := ask("OPTIONS", "https://a.example.com", "GET")
	for name, want := range map[string]string{"Access-Control-Allow-Origin": "https://a.example.com", "Access-Control-Allow-Methods": "GET",
		"Access-Control-Allow-Headers": "X-Mine", "Access-Control-Max-Age": "60", "Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "X-Path"} {
		if pre.Get(name) != want {
			t.Errorf("preflight: %s: %q, want %q", name, pre.Get(name), want)
		}
	}
	if h := ask("GET", "https://a.example.com", ""); h.Get("Access-Control-Allow-Origin") != "https://a.example.com" || h.Get("X-Path") != "/a" {
		t.Errorf("the request itself: %v", h)
	}
	for _, other := range [][2]string{{"https://b.example.com", "GET"}, {"https://a.example.com", "DELETE"}} {
		if h := ask("OPTIONS", other[0], other[1]); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%v is let in: %v", other, h)
		}
	}

	u.must("PUT", "/functions/web/async-invoke-config", map[string]any{"asyncTask": true, "maxAsyncRetryAttempts": 0})
	later := func(path, id string, status int) *http.Response {
		res, body := u.web(webCall{method: "POST", page: strings.TrimSuffix(page, "/a") + path, body: "late", headers: map[string]string{"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Task-Id": id}})
		if res.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", id, res.StatusCode, body, status)
		}
		return res
	}
	if res := later("/a", "well", 202); res.Header.Get("X-Fc-Request-Id") == "" || res.Header.Get("X-Fc-Async-Task-Id") != "well" {
		t.Errorf("asynchronous: %v", res.Header)
	}
	later("/a", "well", 409)
	later("/fail", "bad", 202)
	if task := u.task("web", "well", "Succeeded"); !strings.Contains(fmt.Sprint(task["taskPayload"]), `"rawPath":"/a"`) {
		t.Errorf("its payload: %v", task["taskPayload"])
	}
	u.task("web", "bad", "Failed")

	u.must("PUT", "/functions/web/triggers/webLATEST", map[string]any{"triggerConfig": `{"authType":"anonymous","methods":["GET"],"disableURLInternet":true}`})
	if res, body := u.web(webCall{method: "GET", page: page}); res.StatusCode != 403 || !strings.Contains(body, "AccessDenied") {
		t.Errorf("the public URL that is off: %d %s", res.StatusCode, body)
	}
}
