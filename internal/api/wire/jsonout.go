package wire

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
)

// jsonOut answers a JSON call: an object, or a stream that begins with it.
func (s *Service) jsonOut(w http.ResponseWriter, op *operation, v reflect.Value) error {
	var body jsonWriter
	for i := range op.out.fields {
		f := &op.out.fields[i]
		if f.t.kind != kEvents {
			continue
		}
		if x, ok := f.t.source(v.Field(f.index)); ok {
			body.structure(op.out, v)
			return s.eventsOut(w, http.StatusOK, x.Interface().(Events),
				message("event", ":event-type", "initial-response", "application/x-amz-json-"+s.JSONVersion, body.Bytes()))
		}
	}
	body.structure(op.out, v)
	send(w, http.StatusOK, "application/x-amz-json-"+s.JSONVersion, body.Bytes())
	return nil
}

// peekBody reads up to n bytes and returns them with a body that begins with them.
func peekBody(body io.ReadCloser, n int64) ([]byte, io.ReadCloser) {
	head, _ := io.ReadAll(io.LimitReader(body, n)) // an error comes again when the rest is read
	return head, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), body), body}
}
