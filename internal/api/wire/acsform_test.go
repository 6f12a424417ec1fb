package wire

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestACSCodecs(t *testing.T) {
	s, _ := acsServer(t)
	params := url.Values{"Name": {"n"}, "Size": {"3"}, "Tag.1.Key": {"a"}, "Tag.2.Key": {"b"}, "Tag.2.Value": {"c"},
		"Vpcs": {`[{"Key":"v"}]`}, "Ids": {"x,y"}, "Labels.team": {"red"}, "OwnerId": {"1"}, "RegionId": {"cn-beijing"}}
	_, _, body := askACS(t, s, acs{params: params}.v3())
	want := `{"RegionId":"cn-beijing","ClientToken":null,"DryRun":null,"Name":"n","Size":3,"Tag":[{"Key":"a","Value":null},{"Key":"b","Value":"c"}],"Vpcs":[{"Key":"v","Value":null}],"Ids":["x","y"],"Labels":{"team":"red"}}`
	if body["Heard"] != want || body["Region"] != "cn-beijing" {
		t.Errorf("heard %v in %v, want %s", body["Heard"], body["Region"], want)
	}
	tags, _ := json.Marshal(body["Tags"])
	flat, _ := json.Marshal(body["Flat"])
	if string(tags) != `{"Tag":[{"Key":"a"},{"Key":"b","Value":"c"}]}` || string(flat) != `["x","y"]` {
		t.Errorf("nested %s, flat %s", tags, flat)
	}
	_, _, body = askACS(t, s, acs{params: url.Values{"Name": {"n"}}}.v3())
	if tags, _ := json.Marshal(body["Tags"]); string(tags) != `{"Tag":[]}` {
		t.Errorf("an empty list is %s", tags)
	}
	if id, _ := body["RequestId"].(string); len(id) != 36 || strings.ToUpper(id) != id {
		t.Errorf("request ID %q", id)
	}
	for _, bad := range []struct {
		params url.Values
		code   string
	}{
		{url.Values{}, "MissingName"}, {url.Values{"Name": {""}}, "MissingName"}, {url.Values{"Name": {"n"}, "Size": {"x"}}, "InvalidSize"},
		{url.Values{"Name": {"n"}, "Tag.1.Value": {"x"}}, "MissingParameter"}, {url.Values{"Name": {"n"}, "Tag.x.Key": {"x"}}, "InvalidTag"},
		{url.Values{"Name": {"n"}, "Vpcs": {"{"}}, "InvalidVpcs"}, {url.Values{"Name": {"n"}, "RegionId": {"us-east-1"}}, "InvalidRegionId.NotFound"},
	} {
		if _, code, body := askACS(t, s, acs{params: bad.params}.rpc1(false)); code != bad.code {
			t.Errorf("%v: %s (%v), want %s", bad.params, code, body["Message"], bad.code)
		}
	}
}

func TestACSFormats(t *testing.T) {
	s, _ := acsServer(t)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, acs{params: url.Values{"Name": {"n"}, "Tag.1.Key": {"a"}, "Ids": {"x,y"}, "Format": {"XML"}}}.rpc1(false))
	for _, want := range []string{"<MakeThingResponse><RequestId>", "<Tags><Tag><Key>a</Key></Tag></Tags><Flat>x</Flat><Flat>y</Flat></MakeThingResponse>"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	w = httptest.NewRecorder()
	s.ServeHTTP(w, acs{params: url.Values{"Format": {"XML"}}}.rpc1(false))
	if body := w.Body.String(); w.Code != 400 || !strings.Contains(body, "<Code>MissingName</Code>") || !strings.Contains(body, "<HostId>127.0.0.1:4566</HostId>") {
		t.Errorf("%d %s", w.Code, body)
	}
	_, _, body := askACS(t, s, acs{}.v3())
	for _, k := range []string{"RequestId", "HostId", "Code", "Message", "Recommend"} {
		if body[k] == nil {
			t.Errorf("an RPC error has no %s: %v", k, body)
		}
	}
	fn := acs{method: "DELETE", path: "/2023-03-30/functions/hello", version: "2023-03-30"}
	w = httptest.NewRecorder()
	s.ServeHTTP(w, fn.roa1())
	if w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("no body: %d %q", w.Code, w.Body)
	}
	fn.method = "PATCH"
	if status, code, body := askACS(t, s, fn.v3()); status != 400 || code != "PathNotSupported" || len(body) != 3 {
		t.Errorf("%d %v", status, body)
	}
	get := acs{method: "GET", path: "/2023-03-30/functions/hello", version: "2023-03-30", params: url.Values{"tags": {`{"k":"v"}`}}}
	if _, _, body := askACS(t, s, get.roa1()); body["name"] != "hello/v" {
		t.Errorf("got %v", body)
	}
}

// TestACSPlaces: where a call was sent says what it is for, as far as it does not say itself.
func TestACSPlaces(t *testing.T) {
	s, _ := acsServer(t)
	n := url.Values{"Name": {"n"}}
	for host, region := range map[string]string{
		"127.0.0.1:4566": "cn-hangzhou", "thing.cn-beijing.aliyuncs.com": "cn-beijing", "thing-cn-beijing.aliyuncs.com": "cn-beijing",
		"thing-vpc.cn-beijing.aliyuncs.com": "cn-beijing", "thing.aliyuncs.com:443": "cn-hangzhou",
	} {
		if _, _, body := askACS(t, s, acs{params: n, host: host}.v3()); body["Region"] != region {
			t.Errorf("%s: region %v (%v), want %s", host, body["Region"], body["Message"], region)
		}
	}
	if _, code, _ := askACS(t, s, acs{params: n, host: "thing.aliyuncs.com", version: "2000-01-01"}.v3()); code != "InvalidVersion" {
		t.Errorf("another version at the product's host: %s", code)
	}
	if _, code, _ := askACS(t, s, acs{params: n, version: "2000-01-01"}.v3()); code != "InvalidAction.NotFound" {
		t.Errorf("an unknown version: %s", code)
	}
	for action, msg := range map[string]string{"NoSuch": "Specified api is not found", "DropThing": "DropThing of Thing is not implemented"} {
		if status, code, body := askACS(t, s, acs{params: n, action: action}.v3()); status != 404 || code != "InvalidAction.NotFound" || !strings.Contains(body["Message"].(string), msg) {
			t.Errorf("%s: %d %v", action, status, body)
		}
	}
	unsigned := httptest.NewRequest("POST", "/?Action=MakeThing&Version=2016-04-28&Name=n", nil)
	if status, code, _ := askACS(t, s, unsigned); status != 400 || code != "MissingAccessKeyId" {
		t.Errorf("unsigned: %d %s", status, code)
	}
	headers := acs{params: n, after: func(r *http.Request) {
		r.Header.Set("X-Acs-Action", "DropThing")
		r.Header.Set("X-Acs-Version", "2000-01-01")
		r.Header.Set("X-Acs-Region-Id", "cn-beijing")
	}}
	if status, _, body := askACS(t, s, headers.rpc1(true)); status != 200 || body["Region"] != "cn-hangzhou" {
		t.Errorf("headers that are not signed change a call: %d %v", status, body)
	}
	for style, r := range map[string]*http.Request{
		"rpc1": acs{params: n, after: twice("Name=evil")}.rpc1(false), "acs3": acs{params: n, after: twice("Name=evil")}.v3(),
	} {
		if _, code, _ := askACS(t, s, r); code != "SignatureDoesNotMatch" {
			t.Errorf("%s, a parameter added beside a signed one: %s", style, code)
		}
	}
	body := acs{method: "DELETE", path: "/2023-03-30/functions/hello", version: "2023-03-30", after: func(r *http.Request) {
		r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(make([]byte, 16)))
	}}
	if _, code, _ := askACS(t, s, body.roa1()); code != "SignatureNotMatch" {
		t.Errorf("another body's digest: %s", code)
	}
	bare := acs{params: n, after: func(r *http.Request) { r.Header.Set("X-Acs-Extra", "unsigned") }}
	if _, code, _ := askACS(t, s, bare.v3()); code != "IncompleteSignature" {
		t.Errorf("a header that is not signed: %s", code)
	}
}
