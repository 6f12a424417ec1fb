package wire

import (
	"bytes"
	"context"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

type Grantee struct {
	Kind *string `w:"xsi:type,attr,req"`
	Name *string `w:"Name"`
}

type ListingInput struct {
	Bucket *string           `w:"Bucket,uri,req"`
	Blob   []byte            `w:"Blob"`
	Flat   []Part            `w:"FlatPart,flat,max=3"`
	Labels map[string]string `w:"Labels,key=K,value=V"`
	Nested []Part            `w:"Nested,item=Part"`
	To     *Grantee          `w:"To"`
	Yes    *bool             `w:"Yes"`
}

type ListingOutput struct {
	Count    *int32   `w:"Count"`
	Flat     []string `w:"Item,flat"`
	Location *string  `w:"Location,hdr"`
	Nothing  []string `w:"Nothing,item=Item,always"`
	To       *Grantee `w:"To"`
}

type UploadInput struct {
	Config *Part `w:"Configuration,payload"`
}

type UploadOutput struct {
	Config *Part `w:"Result,payload"`
}

func newXML(t *testing.T, list func(*ListingInput) (*ListingOutput, error)) (*Server, *UploadInput) {
	t.Helper()
	svc := NewService(Spec{Name: "box", ID: "Box", Protocol: RESTXML, Namespace: "urn:box", Operations: []Operation{
		{Name: "Listing", Method: "POST", Path: "/2013/{Bucket}/list", Status: 201, Root: "ListingResult"},
		{Name: "Upload", Method: "PUT", Path: "/2013/upload", Root: "UploadOutput"},
		{Name: "Empty", Method: "POST", Path: "/2013/empty", Root: "EmptyResponse"},
		{Name: "Later", Method: "GET", Path: "/2013/later"},
	}})
	var got UploadInput
	Handle(svc, "Listing", func(_ context.Context, in *ListingInput) (*ListingOutput, error) { return list(in) })
	Handle(svc, "Upload", func(_ context.Context, in *UploadInput) (*UploadOutput, error) {
		got = *in
		return &UploadOutput{Config: &Part{Name: new("kept")}}, nil
	})
	Handle(svc, "Empty", func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	s := NewServer(Config{Any: true, Account: "123456789012", Region: "us-east-1"})
	s.Add(svc)
	return s, &got
}

func ask(s *Server, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestRESTXML(t *testing.T) {
	var got *ListingInput
	s, upload := newXML(t, func(in *ListingInput) (*ListingOutput, error) {
		got = in
		return &ListingOutput{Count: new(int32(2)), Flat: []string{"a&b", "c"}, Location: new("/x"), To: &Grantee{Kind: new("Group"), Name: new("g")}}, nil
	})
	w := ask(s, "POST", "/2013/b%2F1/list/", `<?xml version="1.0"?>
<ListingRequest xmlns="urn:box" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <FlatPart><Name>one</Name></FlatPart><Yes> true </Yes>
  <FlatPart><Name>two</Name><List><Entry>x</Entry><Entry> y</Entry></List></FlatPart>
  <Labels><entry><K>k</K><V>v &lt;1&gt;</V></entry></Labels>
  <Nested><Part><Name>n</Name></Part></Nested><To xsi:type="User"><Name>u</Name></To><Blob>aGk=</Blob><Unknown/>
</ListingRequest>`)
	want := &ListingInput{Bucket: new("b/1"), Blob: []byte("hi"), Yes: new(true), Labels: map[string]string{"k": "v <1>"},
		Flat:   []Part{{Name: new("one")}, {Name: new("two"), List: []string{"x", " y"}}},
		Nested: []Part{{Name: new("n")}}, To: &Grantee{Kind: new("User"), Name: new("u")}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v, want %+v\n%s", got, want, w.Body)
	}
	const answer = xmlHead + `<ListingResult xmlns="urn:box"><Count>2</Count><Item>a&amp;b</Item><Item>c</Item><Nothing/>` +
		`<To xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><Name>g</Name></To></ListingResult>`
	if w.Code != 201 || w.Header().Get("Location") != "/x" || w.Header().Get("Content-Type") != "text/xml" || w.Body.String() != answer {
		t.Errorf("answer %d %v\n%s\nwant\n%s", w.Code, w.Header(), w.Body, answer)
	}
	if w := ask(s, "PUT", "/2013/upload", `<Configuration><Name>cfg</Name></Configuration>`); *upload.Config.Name != "cfg" ||
		w.Body.String() != xmlHead+`<Result xmlns="urn:box"><name>kept</name></Result>` {
		t.Errorf("payload: %+v, %s", upload.Config, w.Body)
	}
	if w := ask(s, "POST", "/2013/empty", ""); w.Code != 200 || w.Body.String() != xmlHead+`<EmptyResponse xmlns="urn:box"></EmptyResponse>` {
		t.Errorf("empty answer: %d %s", w.Code, w.Body)
	}
}

func TestRESTXMLErrors(t *testing.T) {
	s, _ := newXML(t, func(*ListingInput) (*ListingOutput, error) {
		return nil, &Error{Code: "NoSuchThing", Status: 404, Msg: "no <thing>"}
	})
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/2013/b/list", "", 404, `<ErrorResponse xmlns="urn:box"><Error><Type>Sender</Type><Code>NoSuchThing</Code><Message>no &lt;thing&gt;</Message></Error><RequestId>`},
		{"GET", "/2013/later", "", 501, "<Code>NotImplemented</Code>"},
		{"POST", "/2013/b/list", "<a><b></a>", 400, "<Code>MalformedInput</Code>"},
		{"POST", "/2013/b/list", "<a/><a/>", 400, "<Code>MalformedInput</Code>"},
		{"POST", "/2013/b/list", `<!DOCTYPE a [<!ENTITY e "x">]><a><Yes>&e;</Yes></a>`, 400, "<Code>MalformedInput</Code>"},
		{"POST", "/2013/b/list", "<a><Yes>maybe</Yes></a>", 400, "<Code>MalformedInput</Code>"},
		{"POST", "/2013/b/list", "<a><Yes>true</Yes><Yes>true</Yes></a>", 400, "<Code>MalformedInput</Code>"},
		{"POST", "/2013/b/list", "<a><Nested><Other/></Nested></a>", 400, "<Code>MalformedInput</Code>"},
		{"POST", "/2013/b/list", "<a><FlatPart><Name>five!</Name></FlatPart></a>", 400, "<Code>InvalidInput</Code>"},
		{"POST", "/2013/b/list", "<a><To/></a>", 400, "<Code>InvalidInput</Code>"},
		{"POST", "/2013/b/list", strings.Repeat("<a>", 1000), 400, "nested too deeply"},
	} {
		w := ask(s, c.method, c.path, c.body)
		if w.Code != c.status || !bytes.Contains(w.Body.Bytes(), []byte(c.want)) {
			t.Errorf("%s %s %.60s: %d %s; want %d %s", c.method, c.path, c.body, w.Code, w.Body, c.status, c.want)
		}
	}
}
