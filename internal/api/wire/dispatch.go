package wire

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route finds the service: by the scope of the signature; for unsigned calls by
// target, host, action or path.
func (s *Server) route(q *request) *Error {
	if q.sig != nil {
		q.svc = s.byName[q.sig.service]
	} else {
		q.svc = s.guess(q)
	}
	if q.svc != nil {
		q.call.Service = q.svc.Name
		return nil
	}
	name := "this request is for"
	if q.sig != nil {
		name = q.sig.service
	}
	return q.service().Trouble(NotImplemented, "The service "+name+" is not implemented.")
}

func (s *Server) guess(q *request) *Service {
	if o, _ := q.r.Context().Value(originKey{}).(Origin); o.Service == "s3" {
		return s.byName[o.Service] // whose hosts and paths are the buckets' names
	}
	if target := q.r.Header.Get("X-Amz-Target"); target != "" {
		prefix, _, _ := cutLast(target, ".")
		return s.find(func(svc *Service) bool { return svc.TargetPrefix == prefix })
	}
	host := q.r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	label, _, dotted := strings.Cut(host, ".")
	if svc := s.byName[label]; svc != nil && dotted {
		return svc
	}
	if action, version := q.query.Get("Action"), q.query.Get("Version"); action != "" {
		return s.byAction(action, version)
	}
	if q.r.Method == http.MethodPost && strings.HasPrefix(q.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return s.guessForm(q)
	}
	return s.find(func(svc *Service) bool { return svc.match(q) != nil })
}

// guessForm looks into the body, which only servers that accept unsigned calls
// need; the body is put back.
func (s *Server) guessForm(q *request) *Service {
	const peek = 64 << 10
	body, rest := peekBody(q.r.Body, peek)
	q.r.Body = rest
	form, _ := url.ParseQuery(string(body)) // a cut-off end does not matter
	return s.byAction(form.Get("Action"), form.Get("Version"))
}

func (s *Server) byAction(action, version string) *Service {
	has := func(svc *Service) bool {
		return (svc.Protocol == EC2Query || svc.Protocol == Query) && svc.ops[action] != nil
	}
	if svc := s.find(func(svc *Service) bool { return has(svc) && svc.Version == version }); svc != nil {
		return svc
	}
	if svc := s.find(has); svc != nil || version == "" {
		return svc
	}
	return s.find(func(svc *Service) bool { return svc.Version == version })
}

func (s *Server) find(f func(*Service) bool) *Service {
	if i := slices.IndexFunc(s.services, f); i >= 0 {
		return s.services[i]
	}
	return nil
}

// service is the service whose shape of error suits the caller, found or not.
func (q *request) service() *Service {
	switch {
	case q.svc != nil:
		return q.svc
	case q.acs != nil && q.acs.version == "" && q.acs.action == "" && q.path != "/":
		return unknownROA
	case q.acs != nil:
		return unknownRPC
	case q.r.Header.Get("X-Amz-Target") != "":
		return unknownJSON
	case strings.HasPrefix(q.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"), q.query.Has("Action"):
		return unknownQuery
	}
	return unknownREST
}

var (
	unknownJSON  = NewService(Spec{Protocol: JSON, JSONVersion: "1.1"})
	unknownQuery = NewService(Spec{Protocol: Query})
	unknownREST  = NewService(Spec{Protocol: RESTJSON})
	unknownRPC   = NewService(Spec{Protocol: RPC})
	unknownROA   = NewService(Spec{Protocol: ROA})
)

func (svc *Service) match(q *request) *route {
	var other *route // that would want a project, which this call has none of
	for _, r := range svc.routes {
		switch {
		case !r.match(q.r.Method, q.path, q.query):
		case !svc.Log || q.acs.project != "" || !r.op.ofProject():
			return r
		case other == nil:
			other = r
		}
	}
	return other
}

// findOperation reads which operation is called; the body is there already.
func (q *request) findOperation() *Error {
	s, name := q.svc, ""
	switch s.Protocol {
	case EC2Query, Query:
		if name = q.form.Get("Action"); name == "" {
			return &Error{Code: "MissingAction", Msg: "The request is missing an action or a required parameter."}
		}
	case JSON:
		prefix, op, _ := cutLast(q.r.Header.Get("X-Amz-Target"), ".")
		if prefix == s.TargetPrefix {
			name = op
		}
	default:
		if q.route = s.match(q); q.route != nil {
			q.op = q.route.op
		}
	}
	if q.op == nil {
		q.op = s.ops[name]
	}
	if q.op == nil {
		return s.unknownAction(name)
	}
	q.call.Operation = q.op.Name
	return nil
}

func (s *Service) unknownAction(name string) *Error {
	switch s.Protocol {
	case EC2Query:
		return s.Trouble(UnknownAction, "The action "+name+" is not valid for this web service.")
	case Query:
		return s.Trouble(UnknownAction, "Could not find operation "+name+" for version "+s.Version)
	}
	return s.Trouble(UnknownAction, "")
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
