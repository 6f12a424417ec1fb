package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// FuzzForm: whatever a form holds, the answer is well-formed XML and no 500.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"Action=Everything", "Action=Everything&Part.1.Name=a&Part.1.List.1=x", "Action=Everything&Part.member.1.Next.Next.Name=x",
		"Action=Everything&Labels.entry.1.key=a&Labels.entry.1.value=b", "Action=Everything&Time=2026-11-22T10:01:02Z&Blob=aGk=&Int=-1&Float=NaN",
		"Action=Everything&Part.99999999999999999999.Name=a", "Action=&&=&.=1&..=2", "Action=Everything&Text=%00%ff", "Action=Nothing&x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, p := range []Protocol{EC2Query, Query} {
			w := newToy(t, p, Config{}).form(body)
			if w.Code >= 500 {
				t.Errorf("%s: %d %s", p, w.Code, w.Body)
			}
			for dec := xml.NewDecoder(w.Body); ; {
				if _, err := dec.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s: not XML: %v", p, err)
				}
			}
		}
	})
}

// FuzzJSON: whatever a body holds, the answer is JSON and no 500; what is accepted
// comes back the same after it is written and read again.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"Int":1,"Float":1e9,"Text":"a","Bool":false}`, `{"Part":[{"Name":"a","Next":{"Name":"b"}}],"Labels":{"k":"v"}}`,
		`{"Time":1795341662.345,"Blob":"aGk="}`, `[[[[`, `{"Part":[null,{}]}`, `{"Labels":{"":null}}`, `{"Float":"Infinity"}`, "{\"Text\":\"\xff\"}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		y := newToy(t, JSON, Config{})
		w := y.do("POST", "/", "target Everything", body)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code != 200 {
			return
		}
		plan := y.services[0].ops["Everything"].in
		var again jsonWriter
		again.inNames(plan, reflect.ValueOf(y.in).Elem())
		got := new(EverythingInput)
		if err := readJSON(again.Bytes(), plan, reflect.ValueOf(got).Elem()); err != nil {
			t.Fatalf("%s: %v", again.Bytes(), err)
		}
		if !reflect.DeepEqual(got.Text, y.in.(*EverythingInput).Text) || !reflect.DeepEqual(got.Int, y.in.(*EverythingInput).Int) {
			t.Errorf("got %+v, want %+v", got, y.in)
		}
	})
}

// inNames writes the scalar members under the names requests use.
func (w *jsonWriter) inNames(plan *structPlan, v reflect.Value) {
	w.WriteByte('{')
	first := true
	for i := range plan.fields {
		f := &plan.fields[i]
		x, ok := f.t.source(v.Field(f.index))
		if !ok || f.t.kind != kString && f.t.kind != kInt {
			continue
		}
		if !first {
			w.WriteByte(',')
		}
		first = false
		w.string(f.in)
		w.WriteByte(':')
		w.value(f.t, x, f.ts)
	}
	w.WriteByte('}')
}

// FuzzSignature: no header makes the parser fail otherwise than with an error,
// and no request passes that the key did not sign.
func FuzzSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AK/20150830/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00", "a=1&b=%2", "/x/../y")
	f.Add("AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;, Signature=", "X-Amz-Signature=1&X-Amz-Algorithm=AWS4-HMAC-SHA256", "//")
	f.Fuzz(func(t *testing.T, auth, query, path string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{auth}
		r.Header["X-Amz-Date"] = []string{"20150830T123600Z"}
		q := newRequest(r)
		q.path, q.rawQuery = path, query
		s, err := readSignature(r, q.query)
		if err != nil || s == nil {
			return
		}
		var k keyring
		if k.verify(s, "secret", q, emptyHash) {
			t.Errorf("%q is verified", auth)
		}
		if b := canonical(nil, s, q, emptyHash); bytes.Count(b, []byte("\n")) < 5 || strings.Contains(string(appendQuery(nil, query)), " ") {
			t.Errorf("canonical request %q", b)
		}
	})
}
