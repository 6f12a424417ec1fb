package wire

import (
	"encoding/json"
	"maps"
	"net/http"
)

// writeError answers e in the protocol's own shape.
func (s *Service) writeError(w http.ResponseWriter, e *Error, requestID string) {
	status := s.status(e)
	switch s.Protocol {
	case EC2Query:
		var x xmlWriter
		x.WriteString(xmlHead + "<Response><Errors><Error>")
		x.element("Code", e.Code)
		x.element("Message", e.Msg)
		x.WriteString("</Error></Errors>")
		x.element("RequestID", requestID)
		x.WriteString("</Response>")
		send(w, status, "text/xml;charset=UTF-8", x.Bytes())
	case S3:
		bucketError(w, status, e, requestID)
	case Query, RESTXML:
		var x xmlWriter
		x.WriteString(xmlHead + `<ErrorResponse xmlns="` + s.Namespace + `"><Error>`)
		x.element("Type", fault(status, "Sender", "Receiver"))
		x.element("Code", e.Code)
		x.element("Message", e.Msg)
		x.WriteString("</Error>")
		x.element("RequestId", requestID)
		x.WriteString("</ErrorResponse>")
		send(w, status, "text/xml", x.Bytes())
	default:
		w.Header().Set("x-amzn-ErrorType", e.Code)
		typ := "application/json"
		if s.Protocol == JSON {
			typ = "application/x-amz-json-" + s.JSONVersion
		}
		send(w, status, typ, s.errorJSON(e))
	}
}

// errorJSON is the body of an error in the JSON protocols. The model says whether
// the message is "message" or "Message", and whether there is a "Type".
func (s *Service) errorJSON(e *Error) []byte {
	spec := s.Errors[e.Code]
	body := map[string]any{}
	if s.Protocol == JSON {
		body["__type"] = e.Code
	}
	if spec.Type {
		body["Type"] = fault(s.status(e), "User", "Service")
	}
	name := spec.Message
	if name == "" {
		name = "message"
	}
	body[name] = e.Msg
	maps.Copy(body, e.Fields)
	b, err := json.Marshal(body)
	if err != nil { // a Field that JSON cannot carry must not hide the error itself
		b, _ = json.Marshal(map[string]string{"__type": e.Code, name: e.Msg})
	}
	return b
}

func fault(status int, user, service string) string {
	if status < http.StatusInternalServerError {
		return user
	}
	return service
}
