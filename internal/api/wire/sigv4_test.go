package wire

import (
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// The values in these tests are those of AWS's published examples of Signature
// Version 4 (access key AKIDEXAMPLE).
const exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func TestDeriveKey(t *testing.T) {
	got := hex.EncodeToString(deriveKey(exampleSecret, "20150830", "us-east-1", "iam"))
	if want := "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func example(target, signed, sum string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "example.amazonaws.com"
	if signed == "content-type;host;x-amz-date" {
		r.Host = "iam.amazonaws.com"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	service := "service"
	if r.Host == "iam.amazonaws.com" {
		service = "iam"
	}
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"+service+"/aws4_request, SignedHeaders="+signed+", Signature="+sum)
	return r
}

func TestVerifyExamples(t *testing.T) {
	const (
		listUsers = "/?Action=ListUsers&Version=2010-05-08"
		three     = "content-type;host;x-amz-date"
	)
	for _, c := range []struct {
		name, target, signed, sum string
		ok                        bool
	}{
		{"ListUsers", listUsers, three, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", true},
		{"vanilla", "/", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", true},
		{"query in another order", "/?Param2=value2&Param1=value1", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", true},
		{"changed query", listUsers + "&x=1", three, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", false},
		{"changed signature", listUsers, three, "6d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", false},
		{"cut signature", listUsers, three, "5d672d79", false},
		{"not hexadecimal", listUsers, three, "xx", false},
	} {
		q := newRequest(example(c.target, c.signed, c.sum))
		s, err := readSignature(q.r, q.query)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var k keyring
		for range 2 { // the second time with a kept key
			if got := k.verify(s, exampleSecret, q, emptyHash); got != c.ok {
				t.Errorf("%s: verified %v, want %v", c.name, got, c.ok)
			}
		}
		if k.verify(s, "another", q, emptyHash) {
			t.Errorf("%s: verified with another secret", c.name)
		}
		if kept := len(k.keys); c.ok != (kept == 1) {
			t.Errorf("%s: %d keys kept", c.name, kept)
		}
	}
}

func TestReadSignatureFaults(t *testing.T) {
	const whole = "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00"
	for name, auth := range map[string]string{
		"another scheme":  "Basic YTpi",
		"no credential":   "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00",
		"no headers":      "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/iam/aws4_request, Signature=00",
		"no signature":    "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/iam/aws4_request, SignedHeaders=host",
		"short scope":     "AWS4-HMAC-SHA256 Credential=AK/20150830/aws4_request, SignedHeaders=host, Signature=00",
		"other term":      "AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/iam/aws5, SignedHeaders=host, Signature=00",
		"other day":       "AWS4-HMAC-SHA256 Credential=AK/20150831/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00",
		"no date (below)": whole,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", auth)
		if auth != whole {
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
		}
		if _, err := readSignature(r, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, target := range map[string]string{
		"no credential": "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-SignedHeaders=host&X-Amz-Date=20150830T123600Z",
		"too long":      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK/20150830/us-east-1/iam/aws4_request&X-Amz-Signature=00&X-Amz-SignedHeaders=host&X-Amz-Date=20150830T123600Z&X-Amz-Expires=604801",
		"other hash":    "/?X-Amz-Algorithm=AWS4-HMAC-SHA1&X-Amz-Signature=00",
	} {
		q := newRequest(httptest.NewRequest("GET", target, nil))
		if _, err := readSignature(q.r, q.query); err == nil {
			t.Errorf("presigned, %s: accepted", name)
		}
	}
}

func TestUnsignedHeader(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		sent    string
		want    string
	}{
		{"all signed", []string{"host", "x-amz-target"}, "X-Amz-Target", ""},
		{"host", []string{"x-amz-date"}, "X-Amz-Date", "host"},
		{"target", []string{"host"}, "X-Amz-Target", "x-amz-target"},
		{"others may be left out", []string{"host"}, "User-Agent", ""},
		{"x-amzn is not x-amz", []string{"host"}, "X-Amzn-Trace-Id", ""},
	} {
		s := &signature{headers: c.headers}
		if got := s.unsignedHeader(http.Header{c.sent: {"v"}}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLate(t *testing.T) {
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	header := &signature{time: at, amzDate: "20150830T123600Z"}
	url := &signature{time: at, amzDate: "20150830T123600Z", presigned: true, expires: time.Hour}
	for _, c := range []struct {
		name string
		s    *signature
		now  time.Time
		want string
	}{
		{"now", header, at, ""},
		{"5 minutes later", header, at.Add(5 * time.Minute), ""},
		{"5 minutes earlier", header, at.Add(-5 * time.Minute), ""},
		{"6 minutes later", header, at.Add(6 * time.Minute), "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)"},
		{"6 minutes earlier", header, at.Add(-6 * time.Minute), "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 min.)"},
		{"URL within its life", url, at.Add(time.Hour), ""},
		{"URL after its life", url, at.Add(61 * time.Minute), "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T133700Z - 60 min.)"},
	} {
		if got := c.s.late(c.now); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCanonicalParts(t *testing.T) {
	for in, want := range map[string]string{"": "/", "/": "/", "/a b": "/a%20b", "/a%20b": "/a%2520b", "/a//b": "/a/b",
		"/a/./b/": "/a/b/", "/a/../b": "/b", "/~x-._": "/~x-._", "/arn%3Aaws": "/arn%253Aaws"} {
		if got := string(appendPath(nil, in)); got != want {
			t.Errorf("path %q: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "b=2&a=1": "a=1&b=2", "a": "a=", "a=x+y": "a=x%20y", "a=%7e": "a=~", "a=2&a=1": "a=1&a=2",
		"A=1&a=1&X-Amz-Signature=0": "A=1&a=1", "a=%zz": "a=%25zz"} {
		if got := string(appendQuery(nil, in)); got != want {
			t.Errorf("query %q: got %q, want %q", in, got, want)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	q := newRequest(example("/", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"))
	s, err := readSignature(q.r, q.query)
	if err != nil {
		b.Fatal(err)
	}
	var k keyring
	b.ReportAllocs()
	for b.Loop() {
		if !k.verify(s, exampleSecret, q, emptyHash) {
			b.Fatal("not verified")
		}
	}
}
