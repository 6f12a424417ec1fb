package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// jsonReader decodes the bodies of JSON calls. Members the model does not have
// are skipped, and null is the same as absent.
type jsonReader struct{ dec *json.Decoder }

var errNested = errors.New("the document is nested too deeply")

func readJSON(body []byte, plan *structPlan, v reflect.Value) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	r := jsonReader{dec: json.NewDecoder(bytes.NewReader(body))}
	r.dec.UseNumber()
	tok, err := r.dec.Token()
	if err != nil {
		return fmt.Errorf("parsing the body: %w", err)
	}
	if tok != json.Delim('{') {
		return errors.New("the body is not a JSON object")
	}
	if err := r.structure(plan, v, 0); err != nil {
		return err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON document in the body")
	}
	return nil
}

// structure reads members up to the closing brace; the opening one is read.
func (r jsonReader) structure(plan *structPlan, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errNested
	}
	return r.members(func(name string) error {
		f := plan.byIn[name]
		if f == nil || f.loc != inBody {
			return r.skip()
		}
		return r.next(f.t, v.Field(f.index), f.ts, depth)
	})
}

// readValue decodes one JSON value of any type.
func readValue(text string, t *typePlan, v reflect.Value) error {
	r := jsonReader{dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	if err := r.next(t, v, "", 0); err != nil {
		return err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func (r jsonReader) members(each func(name string) error) error {
	for r.dec.More() {
		tok, err := r.dec.Token()
		if err != nil {
			return err
		}
		if err := each(tok.(string)); err != nil { // a member's name is always a string
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

// skip passes over one value of any kind. The decoder bounds its depth.
func (r jsonReader) skip() error {
	var raw json.RawMessage
	return r.dec.Decode(&raw)
}

func (r jsonReader) next(t *typePlan, v reflect.Value, ts string, depth int) error {
	tok, err := r.dec.Token()
	if err != nil {
		return err
	}
	switch tok := tok.(type) {
	case nil:
		return nil
	case json.Delim:
		return r.compound(tok, t, v, depth)
	case string:
		return r.text(tok, t, v, ts)
	case json.Number:
		return r.number(tok, t, v)
	case bool:
		if t.kind != kBool {
			return fmt.Errorf("a boolean where a %s is wanted", t.kind)
		}
		t.target(v).SetBool(tok)
	}
	return nil
}

func (r jsonReader) compound(open json.Delim, t *typePlan, v reflect.Value, depth int) error {
	switch {
	case open == '{' && t.kind == kStruct:
		return r.structure(t.fields, t.target(v), depth+1)
	case open == '{' && t.kind == kMap:
		m := reflect.MakeMap(t.typ)
		v.Set(m)
		return r.members(func(name string) error {
			e := reflect.New(t.typ.Elem()).Elem()
			if err := r.next(t.elem, e, "", depth+1); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(name).Convert(t.typ.Key()), e)
			return nil
		})
	case open == '[' && t.kind == kList:
		list := reflect.MakeSlice(t.typ, 0, 0)
		for r.dec.More() {
			e := reflect.New(t.typ.Elem()).Elem()
			if err := r.next(t.elem, e, "", depth+1); err != nil {
				return err
			}
			list = reflect.Append(list, e)
		}
		v.Set(list)
		_, err := r.dec.Token()
		return err
	case open == '{':
		return fmt.Errorf("an object where a %s is wanted", t.kind)
	}
	return fmt.Errorf("a list where a %s is wanted", t.kind)
}

func (r jsonReader) text(s string, t *typePlan, v reflect.Value, ts string) error {
	switch t.kind {
	case kString, kBlob, kTime:
	case kFloat:
		if s != "NaN" && s != "Infinity" && s != "-Infinity" {
			return errors.New("a string where a number is wanted")
		}
	default:
		return fmt.Errorf("a string where a %s is wanted", t.kind)
	}
	if err := t.setText(v, s, ts); err != nil {
		return fmt.Errorf("%.40q: %w", s, err)
	}
	return nil
}

func (r jsonReader) number(n json.Number, t *typePlan, v reflect.Value) error {
	switch t.kind {
	case kTime:
		f, err := n.Float64()
		if err != nil {
			return fmt.Errorf("timestamp %s: out of range", n)
		}
		at, err := fromUnix(f)
		if err != nil {
			return fmt.Errorf("timestamp %s: %w", n, err)
		}
		t.target(v).Set(reflect.ValueOf(at))
	case kFloat:
		f, err := strconv.ParseFloat(n.String(), t.typ.Bits())
		if err != nil {
			return fmt.Errorf("number %s: out of range", n)
		}
		t.target(v).SetFloat(f)
	case kInt:
		i, err := n.Int64()
		if err != nil { // 1e3 and 3.0 are integers too
			f, ferr := n.Float64()
			if i = int64(f); ferr != nil || float64(i) != f {
				return fmt.Errorf("%s is not an integer in range", n)
			}
		}
		if reflect.Zero(t.typ).OverflowInt(i) {
			return fmt.Errorf("%s is not an integer in range", n)
		}
		t.target(v).SetInt(i)
	default:
		return fmt.Errorf("a number where a %s is wanted", t.kind)
	}
	return nil
}

var kindNames = [...]string{kString: "string", kBool: "boolean", kInt: "number", kFloat: "number", kTime: "timestamp",
	kBlob: "base64 string", kStruct: "structure", kList: "list", kMap: "map", kEvents: "stream"}

func (k kind) String() string { return kindNames[k] }
