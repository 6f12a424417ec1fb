package wire

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"reflect"
	"strings"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// xmlType is the content type of REST-XML.
const xmlType = "text/xml"

// xmlWriter encodes the answers of EC2, Query and REST-XML services.
type xmlWriter struct {
	bytes.Buffer
	item string // element of a list's item: EC2 "item", Query "member"; "" is none, lists are flat
}

// ec2Answer is <XResponse><requestId/>…</XResponse>; an operation that answers
// nothing says <return>true</return>.
func (w *xmlWriter) ec2Answer(s *Service, op *operation, requestID string, v reflect.Value) {
	w.item = "item"
	w.WriteString(xmlHead + "<" + op.Name + `Response xmlns="` + s.Namespace + `">`)
	w.element("requestId", requestID)
	if len(op.out.fields) == 0 {
		w.element("return", "true")
	}
	w.structure(op.out, v)
	w.WriteString("</" + op.Name + "Response>")
}

// queryAnswer is <XResponse><XResult>…</XResult><ResponseMetadata>….
func (w *xmlWriter) queryAnswer(s *Service, op *operation, requestID string, v reflect.Value) {
	w.item = "member"
	w.WriteString(xmlHead + "<" + op.Name + `Response xmlns="` + s.Namespace + `">`)
	if len(op.out.fields) > 0 || op.Result {
		w.WriteString("<" + op.Name + "Result>")
		w.structure(op.out, v)
		w.WriteString("</" + op.Name + "Result>")
	}
	w.WriteString("<ResponseMetadata>")
	w.element("RequestId", requestID)
	w.WriteString("</ResponseMetadata></" + op.Name + "Response>")
}

// restAnswer is <Root xmlns="…">…</Root>.
func (w *xmlWriter) restAnswer(s *Service, root string, plan *structPlan, v reflect.Value) {
	w.item = "member"
	w.WriteString(xmlHead + "<" + root)
	if s.Namespace != "" {
		w.WriteString(` xmlns="` + s.Namespace + `"`)
	}
	w.attributes(plan, v)
	w.WriteByte('>')
	w.structure(plan, v)
	w.WriteString("</" + root + ">")
}

// attributes writes the members that are attributes of the structure's element.
func (w *xmlWriter) attributes(plan *structPlan, v reflect.Value) {
	for i := range plan.fields {
		f := &plan.fields[i]
		if !f.attr {
			continue
		}
		x, ok := f.t.source(v.Field(f.index))
		if !ok {
			continue
		}
		if prefix, _, ok := strings.Cut(f.out, ":"); ok {
			w.WriteString(" xmlns:" + prefix + `="` + prefixes[prefix] + `"`)
		}
		w.WriteString(" " + f.out + `="`)
		xml.EscapeText(w, []byte(f.t.text(x, cmp.Or(f.ts, iso8601)))) //nolint:errcheck // a buffer does not fail
		w.WriteByte('"')
	}
}

// prefixes are the namespaces that models use beside a service's own.
var prefixes = map[string]string{"xsi": "http://www.w3.org/2001/XMLSchema-instance"}

func (w *xmlWriter) structure(plan *structPlan, v reflect.Value) {
	for i := range plan.fields {
		f := &plan.fields[i]
		if f.loc != inBody || f.attr {
			continue
		}
		x, ok := f.t.source(v.Field(f.index))
		if !ok {
			if f.always && f.t.kind == kList {
				w.WriteString("<" + f.out + "/>")
			}
			continue
		}
		switch f.t.kind {
		case kList:
			w.list(f, x)
		case kMap:
			w.entries(f, x)
		default:
			w.value(f.out, f.t, x, f.ts)
		}
	}
}

func (w *xmlWriter) list(f *field, v reflect.Value) {
	item := cmp.Or(f.item, w.item)
	flat := f.flat || item == ""
	if flat {
		item = f.out
	} else {
		w.WriteString("<" + f.out + ">")
	}
	for i := range v.Len() {
		if x, ok := f.t.elem.source(v.Index(i)); ok {
			w.value(item, f.t.elem, x, "")
		}
	}
	if !flat {
		w.WriteString("</" + f.out + ">")
	}
}

func (w *xmlWriter) entries(f *field, v reflect.Value) {
	entry := "entry"
	if f.flat {
		entry = f.out
	} else {
		w.WriteString("<" + f.out + ">")
	}
	for _, k := range sortedMapKeys(v) {
		w.WriteString("<" + entry + ">")
		w.element(cmp.Or(f.key, "key"), k.String())
		if x, ok := f.t.elem.source(v.MapIndex(k)); ok {
			w.value(cmp.Or(f.value, "value"), f.t.elem, x, "")
		}
		w.WriteString("</" + entry + ">")
	}
	if !f.flat {
		w.WriteString("</" + f.out + ">")
	}
}

func (w *xmlWriter) value(name string, t *typePlan, v reflect.Value, ts string) {
	switch t.kind {
	case kStruct:
		w.WriteString("<" + name)
		w.attributes(t.fields, v)
		w.WriteByte('>')
		w.structure(t.fields, v)
		w.WriteString("</" + name + ">")
	case kList:
		w.list(&field{out: name, t: t}, v)
	case kMap:
		w.entries(&field{out: name, t: t}, v)
	default:
		w.element(name, t.text(v, cmp.Or(ts, iso8601)))
	}
}

func (w *xmlWriter) element(name, text string) {
	w.WriteString("<" + name + ">")
	xml.EscapeText(w, []byte(text)) //nolint:errcheck // a buffer does not fail
	w.WriteString("</" + name + ">")
}
