package wire

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// restIn decodes a REST call: labels, query, headers, then the body.
func (s *Service) restIn(q *request, op *operation, v reflect.Value) *Error {
	for i := range op.in.fields {
		f := &op.in.fields[i]
		if err := s.bind(q, f, v.Field(f.index)); err != nil {
			return s.Trouble(Validation, fmt.Sprintf("Value at '%s' is not valid: %v", f.name, err))
		}
	}
	switch p := op.in.payload; {
	case p == nil:
		if op.in.body {
			return s.bodyIn(q.body, op.in, v)
		}
	case p.t.kind == kBlob:
		if len(q.body) > 0 {
			v.Field(p.index).SetBytes(q.body)
		}
	case p.t.kind == kString:
		p.t.target(v.Field(p.index)).SetString(string(q.body))
	case len(q.body) > 0:
		return s.bodyIn(q.body, p.t.fields, p.t.target(v.Field(p.index)))
	}
	return nil
}

// bodyIn decodes a body that is a structure.
func (s *Service) bodyIn(body []byte, plan *structPlan, v reflect.Value) *Error {
	if s.Protocol == RESTXML {
		return s.xmlIn(body, plan, v)
	}
	return s.jsonIn(body, plan, v)
}

func (s *Service) jsonIn(body []byte, plan *structPlan, v reflect.Value) *Error {
	if err := readJSON(body, plan, v); err != nil {
		return s.Trouble(Serialization, "Could not parse request body into json: "+err.Error())
	}
	return nil
}

func (s *Service) bind(q *request, f *field, v reflect.Value) error {
	switch f.loc {
	case inURI:
		text, err := q.route.label(q.path, f.in)
		if err != nil {
			return err
		}
		return f.t.setText(v, text, f.ts)
	case inQuery:
		return bindQuery(q.query, f, v)
	case inHeader:
		if h := q.r.Header[f.in]; len(h) > 0 && f.t.kind != kList {
			return f.t.setText(v, h[0], cmp.Or(f.ts, rfc822))
		} else if len(h) > 0 {
			return bindAll(strings.Split(strings.Join(h, ","), ","), f, v)
		}
	case inHost:
		if q.acs == nil || q.acs.project == "" {
			return nil
		}
		return f.t.setText(v, q.acs.project, f.ts)
	case inHeaders:
		m := map[string]string{}
		for k, h := range q.r.Header {
			if rest, ok := strings.CutPrefix(k, f.in); ok {
				m[strings.ToLower(rest)] = h[0]
			}
		}
		if len(m) > 0 {
			v.Set(reflect.ValueOf(m))
		}
	}
	return nil
}

func bindQuery(query url.Values, f *field, v reflect.Value) error {
	values, has := query[f.in]
	switch {
	case has && f.style != noStyle:
		return f.setStyled(v, values[0])
	case f.t.kind == kMap: // the members are parameters of their own
		return nil
	case !has:
		return nil
	case f.t.kind == kList:
		return bindAll(values, f, v)
	}
	return f.t.setText(v, values[0], f.ts)
}

func bindAll(values []string, f *field, v reflect.Value) error {
	list := reflect.MakeSlice(f.t.typ, len(values), len(values))
	for i, s := range values {
		if err := f.t.elem.setText(list.Index(i), strings.TrimSpace(s), f.ts); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// restOut writes status, headers and body of a REST answer.
func (s *Service) restOut(w http.ResponseWriter, op *operation, v reflect.Value) error {
	status := op.Status
	if status == 0 {
		status = http.StatusOK
	}
	h := w.Header()
	for i := range op.out.fields {
		f := &op.out.fields[i]
		x, ok := f.t.source(v.Field(f.index))
		if !ok {
			continue
		}
		switch f.loc {
		case inHeader:
			h.Set(f.out, f.t.text(x, cmp.Or(f.ts, rfc822)))
		case inHeaders:
			for _, k := range sortedMapKeys(x) {
				h.Set(f.out+k.String(), x.MapIndex(k).String())
			}
		case inStatus:
			status = int(x.Int())
		}
	}
	if p := op.out.payload; p != nil {
		return s.payloadOut(w, status, p, v.Field(p.index))
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	s.bodyOut(w, status, op, v)
	return nil
}

// bodyOut answers the members that travel in the body beside each other.
func (s *Service) bodyOut(w http.ResponseWriter, status int, op *operation, v reflect.Value) {
	switch {
	case s.Protocol != RESTXML:
		body := jsonWriter{acs: s.Protocol == ROA}
		body.structure(op.out, v)
		send(w, status, "application/json", body.Bytes())
	case op.Root == "" || len(op.out.fields) > 0 && !op.out.body:
		send(w, status, xmlType, nil)
	default:
		var body xmlWriter
		body.restAnswer(s, op.Root, op.out, v)
		send(w, status, xmlType, body.Bytes())
	}
}

func (s *Service) payloadOut(w http.ResponseWriter, status int, f *field, v reflect.Value) error {
	x, ok := f.t.source(v)
	switch {
	case f.t.kind == kEvents && ok:
		return s.eventsOut(w, status, x.Interface().(Events))
	case f.t.kind == kBlob:
		typ := "application/json"
		if s.Protocol == RESTXML {
			typ = "application/octet-stream"
		}
		if set := w.Header().Get("Content-Type"); set != "" {
			typ = set
		}
		send(w, status, typ, v.Bytes())
	case f.t.kind == kList:
		body := jsonWriter{acs: s.Protocol == ROA}
		body.value(f.t, x, "")
		send(w, status, "application/json", body.Bytes())
	case f.t.kind == kStruct && ok && s.Protocol == RESTXML:
		var body xmlWriter
		body.restAnswer(s, f.out, f.t.fields, x)
		send(w, status, xmlType, body.Bytes())
	case f.t.kind == kStruct && ok:
		body := jsonWriter{acs: s.Protocol == ROA}
		body.structure(f.t.fields, x)
		send(w, status, "application/json", body.Bytes())
	case ok:
		send(w, status, "text/plain", []byte(f.t.text(x, "")))
	default:
		send(w, status, "application/json", nil)
	}
	return nil
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client is gone; there is nobody to tell
}
