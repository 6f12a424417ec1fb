package wire

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// element is one element of an XML body; namespaces are left out.
type element struct {
	name  string
	attrs map[string]string // by local name
	text  string            // of a leaf
	kids  []*element
}

// parseXML reads one document. Entities of the document's own are not known, so
// nothing can grow.
func parseXML(body []byte) (*element, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var open []*element
	var root *element
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not an XML document: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := startElement(t)
			switch {
			case len(open) == maxDepth:
				return nil, fmt.Errorf("element %.80s is nested too deeply", e.name)
			case len(open) > 0:
				top := open[len(open)-1]
				top.kids = append(top.kids, e)
			case root != nil:
				return nil, errors.New("more than one document")
			default:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			}
		}
	}
}

func startElement(t xml.StartElement) *element {
	e := &element{name: t.Name.Local}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if e.attrs == nil {
			e.attrs = map[string]string{}
		}
		e.attrs[a.Name.Local] = a.Value
	}
	return e
}

// xmlIn decodes the body of a REST-XML call. The name of its root is the
// client's choice, as it is with the vendors.
func (s *Service) xmlIn(body []byte, plan *structPlan, v reflect.Value) *Error {
	if len(body) == 0 {
		return nil
	}
	root, err := parseXML(body)
	if err == nil {
		err = xmlStruct(root, plan, v)
	}
	if err != nil {
		return s.Trouble(Serialization, "The request body could not be read: "+err.Error())
	}
	return nil
}

// xmlStruct decodes members; elements that the model does not have are ignored.
func xmlStruct(e *element, plan *structPlan, v reflect.Value) error {
	for i := range plan.fields {
		f := &plan.fields[i]
		if f.loc != inBody {
			continue
		}
		if err := xmlField(e, f, v.Field(f.index)); err != nil {
			return err
		}
	}
	return nil
}

func xmlField(e *element, f *field, v reflect.Value) error {
	if f.attr {
		_, local, prefixed := strings.Cut(f.in, ":")
		if !prefixed {
			local = f.in
		}
		if text, ok := e.attrs[local]; ok {
			return f.t.setText(v, text, f.ts)
		}
		return nil
	}
	var found []*element
	for _, kid := range e.kids {
		if kid.name == f.in {
			found = append(found, kid)
		}
	}
	switch {
	case len(found) == 0:
		return nil
	case f.t.kind == kList && f.flat:
		return xmlList(found, f.t, v)
	case f.t.kind == kMap && f.flat:
		return xmlMap(found, f, v)
	case len(found) > 1:
		return fmt.Errorf("element %s occurs %d times", f.in, len(found))
	}
	return xmlValue(found[0], f, v)
}

// xmlValue decodes what one element holds; f says how lists and maps in it look.
func xmlValue(e *element, f *field, v reflect.Value) error {
	switch f.t.kind {
	case kStruct:
		return xmlStruct(e, f.t.fields, f.t.target(v))
	case kList:
		item := cmp.Or(f.item, "member")
		for _, kid := range e.kids {
			if kid.name != item {
				return fmt.Errorf("element %s holds a %s, not %s", e.name, kid.name, item)
			}
		}
		return xmlList(e.kids, f.t, v)
	case kMap:
		return xmlMap(e.kids, f, v)
	}
	if len(e.kids) > 0 {
		return fmt.Errorf("element %s holds elements, not a value", e.name)
	}
	text := e.text
	if f.t.kind != kString {
		text = strings.TrimSpace(text)
	}
	if err := f.t.setText(v, text, f.ts); err != nil {
		return fmt.Errorf("element %s: %w", e.name, err)
	}
	return nil
}

func xmlList(items []*element, t *typePlan, v reflect.Value) error {
	list := reflect.MakeSlice(t.typ, len(items), len(items))
	for i, e := range items {
		if err := xmlValue(e, &field{t: t.elem}, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func xmlMap(entries []*element, f *field, v reflect.Value) error {
	m := reflect.MakeMapWithSize(f.t.typ, len(entries))
	for _, e := range entries {
		var key, value *element
		for _, kid := range e.kids {
			switch kid.name {
			case cmp.Or(f.key, "key"):
				key = kid
			case cmp.Or(f.value, "value"):
				value = kid
			}
		}
		if key == nil || value == nil {
			return fmt.Errorf("element %s is no pair of key and value", e.name)
		}
		x := reflect.New(f.t.typ.Elem()).Elem()
		if err := xmlValue(value, &field{t: f.t.elem}, x); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key.text).Convert(f.t.typ.Key()), x)
	}
	v.Set(m)
	return nil
}
