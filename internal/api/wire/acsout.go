package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"weir/internal/cloud"
)

// idHeader is the header that carries the request's ID.
func (c *Call) idHeader() string {
	if c.Dialect == Alibaba {
		return "X-Acs-Request-Id"
	}
	return "X-Amzn-Requestid"
}

// wantsXML tells the format of an RPC answer: what the call says; if it says
// nothing, XML for the first signature's calls and JSON for others.
func (q *request) wantsXML() bool {
	switch format := first(q.form.Get("Format"), q.acs.params.Get("Format")); {
	case format != "":
		return strings.EqualFold(format, "XML")
	case strings.Contains(q.r.Header.Get("Accept"), "json"):
		return false
	}
	_, old := q.acs.proof.(*rpcProof)
	return old
}

// rpcAnswer is the members of the answer beside the request's ID.
func (q *request) rpcAnswer(w http.ResponseWriter, v reflect.Value) {
	if q.wantsXML() {
		var x xmlWriter
		x.WriteString(xmlHead + "<" + q.op.Name + "Response>")
		x.element("RequestId", q.call.RequestID)
		x.structure(q.op.out, v)
		x.WriteString("</" + q.op.Name + "Response>")
		send(w, http.StatusOK, "text/xml;charset=utf-8", x.Bytes())
		return
	}
	body := jsonWriter{acs: true}
	body.WriteString(`{"RequestId":`)
	body.string(q.call.RequestID)
	body.membersOf(q.op.out, v, false)
	body.WriteByte('}')
	send(w, http.StatusOK, "application/json;charset=utf-8", body.Bytes())
}

// acsError answers an error: RPC's with the host and where to read on.
func (q *request) acsError(w http.ResponseWriter, e *Error) {
	svc := q.service()
	status := svc.status(e)
	id := q.call.RequestID
	if svc.Log {
		body, _ := json.Marshal(map[string]string{"errorCode": e.Code, "errorMessage": e.Msg}) // cannot fail
		send(w, status, "application/json", body)
		return
	}
	if svc.Protocol == ROA {
		body, _ := json.Marshal(map[string]string{"RequestId": id, "Code": e.Code, "Message": e.Msg}) // cannot fail
		send(w, status, "application/json", body)
		return
	}
	recommend := "https://api.alibabacloud.com/troubleshoot?q=" + url.QueryEscape(e.Code) + "&product=" + url.QueryEscape(svc.ID) + "&requestId=" + id
	if q.wantsXML() {
		var x xmlWriter
		x.WriteString(xmlHead + "<Error>")
		for _, m := range [][2]string{{"RequestId", id}, {"HostId", q.r.Host}, {"Code", e.Code}, {"Message", e.Msg}, {"Recommend", recommend}} {
			x.element(m[0], m[1])
		}
		x.WriteString("</Error>")
		send(w, status, "text/xml;charset=utf-8", x.Bytes())
		return
	}
	body, _ := json.Marshal(map[string]string{"RequestId": id, "HostId": q.r.Host, "Code": e.Code, "Message": e.Msg, "Recommend": recommend}) // cannot fail
	send(w, status, "application/json;charset=utf-8", body)
}

// acsInvalid says what is wrong with an input: RPC's gateway has a code for every
// parameter that is missing.
func (s *Service) acsInvalid(p problem) *Error {
	switch {
	case s.Protocol == RPC && p.missing && !strings.Contains(p.path, "."):
		return &Error{Code: "Missing" + p.path, Msg: p.path + " is mandatory for this action."}
	case s.Protocol == RPC && p.missing:
		return &Error{Code: "MissingParameter", Msg: "The input parameter \"" + p.path + "\" that is mandatory for processing this request is not supplied."}
	case s.Protocol == RPC:
		return badParameter(p.path)
	case p.missing:
		return s.Trouble(Validation, p.path+" is required but not provided")
	}
	return s.Trouble(Validation, strings.TrimSpace(p.path+" is set to an invalid value. "+p.constraint))
}

// badParameter is RPC's error for a value that is not what its parameter takes.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-error-codes
func badParameter(path string) *Error {
	name, _, _ := strings.Cut(path, ".")
	return &Error{Code: "Invalid" + name, Msg: "The specified parameter \"" + path + "\" is not valid."}
}

// refuseACS maps what the verifier said of a key.
func (q *request) refuseACS(err error) *Error {
	var neutral *cloud.Error
	if errors.As(err, &neutral) {
		switch neutral.Reason {
		case "expired":
			return q.svc.Trouble(ExpiredToken, "")
		case "bad-token":
			return q.svc.Trouble(BadToken, "")
		case "inactive-key":
			return q.svc.Trouble(InactiveKey, "")
		}
	}
	e := q.svc.Trouble(BadKey, "")
	e.Err = err
	return e
}

// anyRoot is the caller whom Config.Any believes in.
func (s *Server) anyRoot() cloud.Principal {
	return cloud.Principal{Kind: cloud.PrincipalRoot, Account: s.cfg.Account, ID: s.cfg.Account}
}
