package wire

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestJSONDecode(t *testing.T) {
	y := newToy(t, JSON, Config{})
	// In JSON, names are those before the bar.
	w := y.do("POST", "/", "target Everything", ` {"Bool":true,"Blob":"aGk=","Colour":"red","Float":1.5,"Int":7,"Text":"aé"[0:0]}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "SerializationException") {
		t.Errorf("malformed: %d %s", w.Code, w.Body)
	}
	w = y.do("POST", "/", "target Everything", `{"Bool":true,"Blob":"aGk=","Colour":"red","Float":2,"Int":7.0,"Text":null,"Time":1795341662.345,
		"Labels":{"k":"v"},"Part":[{"Name":"a","List":["x",null]},{"Name":"b","Next":{"Name":"c","More":{"deep":[1,{"a":2}]}}}],"Extra":[1,{"a":null}]}`)
	when := time.UnixMilli(1795341662345).UTC()
	want := &EverythingInput{Bool: new(true), Blob: []byte("hi"), Colour: "red", Float: new(2.0), Int: new(int32(7)), Time: &when,
		Labels: map[string]string{"k": "v"}, Parts: []Part{{Name: new("a"), List: []string{"x", ""}}, {Name: new("b"), Next: &Part{Name: new("c")}}}}
	if w.Code != 200 || !reflect.DeepEqual(y.in, want) {
		t.Errorf("%d %s\ngot %+v\nwant %+v", w.Code, w.Body, y.in, want)
	}
	if w = y.do("POST", "/", "target Everything", ""); w.Code != 200 {
		t.Errorf("no body: %d %s", w.Code, w.Body)
	}
}

func TestJSONRefusals(t *testing.T) {
	y := newToy(t, JSON, Config{})
	for body, want := range map[string]string{
		`[]`:                    "not a JSON object",
		`{} {}`:                 "follows the JSON document",
		`{}}`:                   "follows the JSON document",
		`{"Int":"7"}`:           "a string where a number is wanted",
		`{"Int":7.5}`:           "not an integer in range",
		`{"Int":99999999999}`:   "not an integer in range",
		`{"Text":7}`:            "a number where a string is wanted",
		`{"Text":true}`:         "a boolean where a string is wanted",
		`{"Part":{}}`:           "an object where a list is wanted",
		`{"Part":["x"]}`:        "a string where a structure is wanted",
		`{"Labels":[]}`:         "a list where a map is wanted",
		`{"Blob":"%"}`:          "not base64",
		`{"Time":"yesterday"}`:  "not a timestamp",
		`{"Time":1e300}`:        "out of range",
		`{"Int":`:               "SerializationException",
		`{"Part":[{"Name":"a"}`: "SerializationException",
		`{"Part":[` + strings.Repeat(`{"Next":`, 50): "nested too deeply",
		`{"Colour":"blue","Int":0}`:                  `2 validation errors detected: Value 'blue' at 'colour' failed to satisfy constraint: Member must satisfy enum value set: [red, green]; Value '0' at 'int' failed to satisfy constraint: Member must have value greater than or equal to 1`,
		`{"Part":[{},{},{}]}`:                        `Value '[, , ]' at 'parts' failed to satisfy constraint: Member must have length less than or equal to 2; Value null at 'parts.1.member.name' failed to satisfy constraint: Member must not be null`,
		`{"Text":"A"}`:                               `1 validation error detected: Value 'A' at 'text' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*`,
		`{"Labels":{"long":"v"}}`:                    `Value '{long=v}' at 'labels' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3]`,
		`{"Labels":{"k":"long"}}`:                    `Value '{k=long}' at 'labels' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 3]`,
		`{"Part":[{"Name":"äöüßé"}]}`:                `Value 'äöüßé' at 'parts.1.member.name' failed to satisfy constraint: Member must have length less than or equal to 4`,
	} {
		w := y.do("POST", "/", "target Everything", body)
		if w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.60s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
	if w := y.do("POST", "/", "target Later", "{}"); w.Header().Get("x-amzn-ErrorType") != "UnknownOperationException" {
		t.Errorf("not implemented: %s", w.Body)
	}
}

func TestJSONEncode(t *testing.T) {
	y := newToy(t, JSON, Config{})
	ms := time.UnixMilli(1795341662345)
	for _, c := range []struct {
		out  *EverythingOutput
		want string
	}{
		{&EverythingOutput{Bool: new(false), Blob: []byte("hi"), Float: new(0.5), Int: new(int32(-1)), Text: new("a\"\\\n é \xff"), Time: &at,
			Parts: []Part{{Name: new("a"), List: []string{}}}},
			`{"bool":false,"blob":"aGk=","float":0.5,"int":-1,"partSet":[{"name":"a","listSet":[]}],"text":"a\"\\\n é \ufffd","time":1795341662}`},
		{&EverythingOutput{Time: &ms, Float: new(math.Inf(1))}, `{"float":"Infinity","partSet":[],"time":1795341662.345}`},
	} {
		y.out = c.out
		if got := y.do("POST", "/", "target Everything", "{}").Body.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
