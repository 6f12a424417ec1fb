package wire

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
)

// The types and services below stand for generated ones.
type Colour string

type Part struct {
	Name *string  `w:"Name|name,req,max=4"`
	List []string `w:"List|listSet,item=Entry"`
	Next *Part    `w:"Next|next"`
}

type EverythingInput struct {
	Bool   *bool             `w:"Bool|bool"`
	Blob   []byte            `w:"Blob|blob"`
	Colour Colour            `w:"Colour|colour"`
	DryRun *bool             `w:"DryRun|dryRun"`
	Float  *float64          `w:"Float|float"`
	Int    *int32            `w:"Int|int,min=1,max=9"`
	Labels map[string]string `w:"Labels|labels,k.max=3,e.max=3"`
	Parts  []Part            `w:"Part|partSet,max=2"`
	Text   *string           `w:"Text|text,pat=Text"`
	Time   *time.Time        `w:"Time|time"`
}

type EverythingOutput struct {
	Bool  *bool      `w:"bool"`
	Blob  []byte     `w:"blob"`
	Float *float64   `w:"float"`
	Int   *int32     `w:"int"`
	Parts []Part     `w:"partSet,always"`
	Text  *string    `w:"text"`
	Time  *time.Time `w:"time"`
}

type NothingInput struct{}
type NothingOutput struct{}

type RESTInput struct {
	ID      *string           `w:"ID,uri,req,min=1"`
	Max     *int32            `w:"max,qs"`
	Keys    []string          `w:"key,qs"`
	Since   *time.Time        `w:"If-Modified-Since,hdr"`
	Meta    map[string]string `w:"X-Meta-,hdrs"`
	Payload []byte            `w:"Payload,payload"`
}

type TailInput RESTInput

type RESTOutput struct {
	Status  *int32  `w:"Status,status"`
	Kind    *string `w:"X-Kind,hdr"`
	Payload []byte  `w:"Payload,payload"`
}

func spec(p Protocol) Spec {
	return Spec{Name: "toy", ID: "Toy", Version: "2020-01-01", Protocol: p, Namespace: "urn:toy", TargetPrefix: "Toy", JSONVersion: "1.1",
		Operations: []Operation{{Name: "Everything", Method: "POST", Path: "/everything"}, {Name: "Nothing", Method: "POST", Path: "/nothing"},
			{Name: "Panic", Method: "POST", Path: "/panic"}, {Name: "Later", Method: "POST", Path: "/later"},
			{Name: "REST", Method: "PUT", Path: "/v1/things/{ID}/parts", Status: 202}, {Name: "Tail", Method: "GET", Path: "/v1/files/{ID+}"}},
		Errors:   map[string]ErrorSpec{"Gone": {Status: 410, Message: "Message", Type: true}},
		Patterns: map[string]string{"Text": "[a-z]*"},
		Enums:    map[string][]string{"Colour": {"red", "green"}}}
}

// toy is a server with one service that echoes.
type toy struct {
	*Server
	in  any
	out any
	err error
}

func newToy(t *testing.T, p Protocol, cfg Config) *toy {
	t.Helper()
	svc := NewService(spec(p))
	y := &toy{}
	Handle(svc, "Everything", func(_ context.Context, in *EverythingInput) (*EverythingOutput, error) {
		y.in = in
		out, _ := y.out.(*EverythingOutput)
		return out, y.err
	})
	Handle(svc, "Nothing", func(context.Context, *NothingInput) (*NothingOutput, error) { return nil, y.err })
	Handle(svc, "Panic", func(context.Context, *struct{}) (*NothingOutput, error) { panic("oh no") })
	Handle(svc, "REST", func(_ context.Context, in *RESTInput) (*RESTOutput, error) {
		y.in = in
		out, _ := y.out.(*RESTOutput)
		return out, y.err
	})
	Handle(svc, "Tail", func(_ context.Context, in *TailInput) (*RESTOutput, error) {
		y.in = (*RESTInput)(in)
		return nil, nil
	})
	cfg.Any, cfg.Account, cfg.Region = true, "123456789012", "us-east-1"
	y.Server = NewServer(cfg)
	y.Add(svc)
	return y
}

func (y *toy) do(method, target, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if op, ok := strings.CutPrefix(contentType, "target "); ok {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "Toy."+op)
	}
	w := httptest.NewRecorder()
	y.ServeHTTP(w, r)
	return w
}

func (y *toy) form(body string) *httptest.ResponseRecorder {
	return y.do("POST", "http://toy.example/", "application/x-www-form-urlencoded", body)
}

var at = time.Date(2026, 11, 22, 10, 1, 2, 0, time.UTC)

func TestFormDecode(t *testing.T) {
	want := &EverythingInput{Bool: new(true), Blob: []byte("hi"), Colour: "red", Float: new(1.5), Int: new(int32(7)), Text: new(""), Time: &at,
		Parts: []Part{{Name: new("a"), List: []string{"x", "y"}}, {Name: new("b"), Next: &Part{Name: new("c")}}}}
	const scalars = "Action=Everything&Version=2020-01-01&Bool=true&Blob=aGk%3D&Colour=red&Float=1.5&Int=7&Text=&Time=2026-11-22T10%3A01%3A02Z"
	y := newToy(t, EC2Query, Config{})
	// the second part before the first, and a gap in the numbers
	w := y.form(scalars + "&Part.5.Name=b&Part.5.Next.Name=c&Part.2.Name=a&Part.2.List.1=x&Part.2.List.10=y")
	if w.Code != 200 || !reflect.DeepEqual(y.in, want) {
		t.Errorf("EC2: %d %s\ngot %+v", w.Code, w.Body, y.in)
	}
	want.Labels = map[string]string{"k": "v"}
	y = newToy(t, Query, Config{})
	w = y.form(scalars + "&Part.member.1.Name=a&Part.member.1.List.Entry.1=x&Part.member.1.List.Entry.2=y&Part.member.2.Name=b&Part.member.2.Next.Name=c" +
		"&Labels.entry.1.key=k&Labels.entry.1.value=v&NoSuchParameter=1")
	if w.Code != 200 || !reflect.DeepEqual(y.in, want) {
		t.Errorf("Query: %d %s\ngot %+v", w.Code, w.Body, y.in)
	}
	w = y.form("Action=Everything&Part=")
	if in := y.in.(*EverythingInput); w.Code != 200 || in.Parts == nil || len(in.Parts) != 0 {
		t.Errorf("an empty list: %d %s, %+v", w.Code, w.Body, in)
	}
}

func TestEC2Refusals(t *testing.T) {
	y := newToy(t, EC2Query, Config{})
	for body, want := range map[string]string{
		"":                                                   "MissingAction",
		"Action=None":                                        "<Code>InvalidAction</Code><Message>The action None is not valid for this web service.</Message>",
		"Action=Later":                                       "<Code>UnsupportedOperation</Code><Message>The operation Later of Toy is not implemented.</Message>",
		"Action=Everything&Colours=red":                      "<Code>UnknownParameter</Code><Message>The parameter Colours is not recognized</Message>",
		"Action=Everything&Part.1.X=1":                       "<Message>The parameter Part.1.X is not recognized</Message>",
		"Action=Everything&Int=x":                            "<Code>InvalidParameterValue</Code><Message>Value (x) for parameter int is invalid.</Message>",
		"Action=Everything&Int=99999999999":                  "Value (99999999999) for parameter int is invalid.",
		"Action=Everything&Bool=yes":                         "Value (yes) for parameter bool is invalid.",
		"Action=Everything&Int.1=1":                          "parameter int is invalid.",
		"Action=Everything&Part.a.Name=1":                    "parameter part is invalid.",
		"Action=Everything&Part=x":                           "Value (x) for parameter part is invalid.",
		"Action=Everything&Colour=blue":                      "Value ( blue ) for parameter colour is invalid.",
		"Action=Everything&Int=10":                           "Value ( 10 ) for parameter int is invalid. Expecting a value smaller than or equal to 9.",
		"Action=Everything&Part.1.List.1=x":                  "<Code>MissingParameter</Code><Message>The request must contain the parameter Part.1.Name</Message>",
		"Action=Everything&Text=%zz":                         "MalformedQueryString",
		"Action=Everything&DryRun=true":                      "DryRunOperation",
		"Action=Everything&DryRun=true&Int=0":                "InvalidParameterValue",
		strings.Repeat("a.", 40) + "b=1":                     "MissingAction",
		"Action=Nothing&" + strings.Repeat("a.", 40) + "b=1": "MalformedQueryString",
	} {
		w := y.form(body)
		if w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.60s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
}

func TestXMLEncode(t *testing.T) {
	out := &EverythingOutput{Bool: new(false), Blob: []byte("hi"), Float: new(0.5), Int: new(int32(-1)), Text: new("<&>\x00"), Time: &at,
		Parts: []Part{{Name: new("a"), List: []string{"x"}}}}
	const common = "<bool>false</bool><blob>aGk=</blob><float>0.5</float><int>-1</int>"
	for p, want := range map[Protocol][2]string{
		EC2Query: {`<EverythingResponse xmlns="urn:toy"><requestId>ID</requestId>` + common +
			`<partSet><item><name>a</name><listSet><Entry>x</Entry></listSet></item></partSet><text>&lt;&amp;&gt;` + "\uFFFD" + `</text><time>2026-11-22T10:01:02Z</time></EverythingResponse>`,
			`<EverythingResponse xmlns="urn:toy"><requestId>ID</requestId><partSet/></EverythingResponse>`},
		Query: {`<EverythingResponse xmlns="urn:toy"><EverythingResult>` + common +
			`<partSet><member><name>a</name><listSet><Entry>x</Entry></listSet></member></partSet><text>&lt;&amp;&gt;` + "\uFFFD" + `</text><time>2026-11-22T10:01:02Z</time>` +
			`</EverythingResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></EverythingResponse>`,
			`<EverythingResponse xmlns="urn:toy"><EverythingResult><partSet/></EverythingResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></EverythingResponse>`},
	} {
		y := newToy(t, p, Config{})
		for i, o := range []*EverythingOutput{out, {}} {
			y.out = o
			w := y.form("Action=Everything")
			got := strings.ReplaceAll(strings.TrimPrefix(w.Body.String(), xmlHead), w.Header().Get("X-Amzn-Requestid"), "ID")
			if got != want[i] {
				t.Errorf("%s: got\n%s\nwant\n%s", p, got, want[i])
			}
		}
	}
	for p, want := range map[Protocol]string{
		EC2Query: `<requestId>ID</requestId><return>true</return></NothingResponse>`,
		Query:    `<NothingResponse xmlns="urn:toy"><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></NothingResponse>`,
	} {
		w := newToy(t, p, Config{}).form("Action=Nothing")
		if got := strings.ReplaceAll(w.Body.String(), w.Header().Get("X-Amzn-Requestid"), "ID"); !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %s, want …%s", p, got, want)
		}
	}
}

func TestErrorShapes(t *testing.T) {
	for p, c := range map[Protocol]struct{ typ, contentType, body string }{
		EC2Query: {"", "text/xml;charset=UTF-8", "<Response><Errors><Error><Code>Gone</Code><Message>It &lt;went&gt;.</Message></Error></Errors><RequestID>ID</RequestID></Response>"},
		Query:    {"", "text/xml", `<ErrorResponse xmlns="urn:toy"><Error><Type>Sender</Type><Code>Gone</Code><Message>It &lt;went&gt;.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		JSON:     {"Gone", "application/x-amz-json-1.1", `{"Message":"It \u003cwent\u003e.","Type":"User","__type":"Gone","extra":1}`},
		RESTJSON: {"Gone", "application/json", `{"Message":"It \u003cwent\u003e.","Type":"User","extra":1}`},
	} {
		y := newToy(t, p, Config{})
		y.err = &Error{Code: "Gone", Msg: "It <went>.", Fields: map[string]any{"extra": 1}}
		w := y.call(p, "Nothing", "")
		got := strings.ReplaceAll(strings.TrimPrefix(w.Body.String(), xmlHead), w.Header().Get("X-Amzn-Requestid"), "ID")
		if w.Code != 410 || got != c.body || w.Header().Get("x-amzn-ErrorType") != c.typ || w.Header().Get("Content-Type") != c.contentType {
			t.Errorf("%s: %d %v %s\nwant %s", p, w.Code, w.Header(), got, c.body)
		}
	}
}

// call calls an operation in the protocol's way; the path is the name in small letters.
func (y *toy) call(p Protocol, op, body string) *httptest.ResponseRecorder {
	switch p {
	case JSON:
		return y.do("POST", "/", "target "+op, body)
	case RESTJSON:
		return y.do("POST", "/"+strings.ToLower(op), "application/json", body)
	}
	return y.form("Action=" + op)
}

func TestErrorMapping(t *testing.T) {
	y := newToy(t, JSON, Config{})
	y.services[0].MapError = func(e *cloud.Error) *Error {
		if e.Kind == cloud.NotFound {
			return &Error{Code: "Gone", Msg: e.Msg}
		}
		return nil
	}
	for _, c := range []struct {
		err  error
		code string
		msg  string
		http int
	}{
		{cloud.Errorf(cloud.NotFound, cloud.KindVPC, "v", "", "no v"), "Gone", "no v", 410},
		{cloud.Errorf(cloud.Denied, cloud.KindVPC, "v", "", "not you"), "AccessDeniedException", "not you", 400},
		{cloud.Errorf(cloud.Invalid, cloud.KindVPC, "v", "", "bad v"), "ValidationException", "bad v", 400},
		{&PageError{}, "InvalidParameterException", "The specified nextToken is invalid.", 400},
		{errors.New("disk on fire"), "InternalFailure", msgInternal, 500},
	} {
		y.err = c.err
		w := y.call(JSON, "Nothing", "{}")
		if w.Code != c.http || w.Header().Get("x-amzn-ErrorType") != c.code || !strings.Contains(w.Body.String(), c.msg) {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

func TestPanic(t *testing.T) {
	for _, p := range []Protocol{EC2Query, Query, JSON, RESTJSON} {
		var log bytes.Buffer
		y := newToy(t, p, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		w := y.call(p, "Panic", "")
		if w.Code != 500 || strings.Contains(w.Body.String(), "oh no") {
			t.Errorf("%s: %d %s", p, w.Code, w.Body)
		}
		if !strings.Contains(log.String(), "oh no") || !strings.Contains(log.String(), "wire_test.go") {
			t.Errorf("%s: the log has no stack: %s", p, &log)
		}
		if w := y.call(p, "Nothing", ""); w.Code != 200 {
			t.Errorf("%s: after a panic: %d", p, w.Code)
		}
	}
}

func TestAuthorizeHook(t *testing.T) {
	var asked string
	y := newToy(t, EC2Query, Config{Authorize: func(ctx context.Context, c *Call, in any) error {
		asked = c.Service + ":" + c.Operation + " " + CallFrom(ctx).Account
		if in.(*EverythingInput).Int != nil {
			return cloud.Errorf(cloud.Denied, cloud.KindVPC, "", "", "not you")
		}
		return nil
	}})
	if w := y.form("Action=Everything&DryRun=true"); w.Code != 412 || asked != "toy:Everything 123456789012" {
		t.Errorf("%d %s, asked %q", w.Code, w.Body, asked)
	}
	if w := y.form("Action=Everything&Int=1&DryRun=true"); w.Code != 403 || !strings.Contains(w.Body.String(), "UnauthorizedOperation") || y.in != nil {
		t.Errorf("%d %s, in %v", w.Code, w.Body, y.in)
	}
}

func TestUnknownService(t *testing.T) {
	y := newToy(t, RESTJSON, Config{})
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	w := httptest.NewRecorder()
	y.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "UnknownOperationException") {
		t.Errorf("JSON: %d %s", w.Code, w.Body)
	}
	if w := y.do("POST", "/", "application/x-www-form-urlencoded", "Action=Publish"); w.Code != 400 || xml.Unmarshal(w.Body.Bytes(), new(struct{})) != nil {
		t.Errorf("Query: %d %s", w.Code, w.Body)
	}
	if w := y.do("GET", "/nowhere", "", ""); w.Code != 501 {
		t.Errorf("REST: %d %s", w.Code, w.Body)
	}
}

func TestTooLarge(t *testing.T) {
	y := newToy(t, EC2Query, Config{})
	big := "Action=Everything&Text=" + strings.Repeat("a", 5<<20)
	r := httptest.NewRequest("POST", "http://toy.example/", strings.NewReader(big))
	w := httptest.NewRecorder()
	y.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("declared: %d", w.Code)
	}
	r = httptest.NewRequest("POST", "http://toy.example/", strings.NewReader(big))
	r.ContentLength = -1
	w = httptest.NewRecorder()
	y.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("chunked: %d", w.Code)
	}
}

func TestHandleRefusesMistakes(t *testing.T) {
	for name, f := range map[string]func(*Service){
		"unknown operation": func(s *Service) {
			Handle(s, "Nope", func(context.Context, *NothingInput) (*NothingOutput, error) { return nil, nil })
		},
		"another's input": func(s *Service) {
			Handle(s, "Everything", func(context.Context, *NothingInput) (*NothingOutput, error) { return nil, nil })
		},
		"twice": func(s *Service) {
			for range 2 {
				Handle(s, "Nothing", func(context.Context, *NothingInput) (*NothingOutput, error) { return nil, nil })
			}
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s passes", name)
				}
			}()
			f(NewService(spec(JSON)))
		}()
	}
}
