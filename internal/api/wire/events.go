package wire

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// eventsOut streams events as application/vnd.amazon.eventstream. Once the first
// byte is out, an error can only be an exception event.
func (s *Service) eventsOut(w http.ResponseWriter, status int, events Events, first ...eventstream.Message) error {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.WriteHeader(status)
	enc := eventstream.NewEncoder()
	flush := http.NewResponseController(w)
	write := func(m eventstream.Message) error {
		if err := enc.Encode(w, m); err != nil {
			return fmt.Errorf("sending an event: %w", err)
		}
		return flush.Flush()
	}
	for _, m := range first {
		if err := write(m); err != nil {
			return err
		}
	}
	err := events(func(event any) error {
		m, err := s.event(reflect.ValueOf(event).Elem())
		if err != nil {
			return err
		}
		return write(m)
	})
	if err != nil {
		e := s.asError(err)
		m := message("exception", ":exception-type", e.Code, "application/json", s.errorJSON(e))
		if werr := write(m); werr != nil {
			return werr
		}
	}
	return nil
}

// event encodes the one member that is set.
func (s *Service) event(v reflect.Value) (eventstream.Message, error) {
	plan := s.planner.plan(v.Type())
	for i := range plan.fields {
		f := &plan.fields[i]
		x, ok := f.t.source(v.Field(f.index))
		if !ok {
			continue
		}
		if p := f.t.fields.payload; p != nil && p.t.kind == kBlob {
			return message("event", ":event-type", f.out, "application/octet-stream", x.Field(p.index).Bytes()), nil
		}
		var body jsonWriter
		body.structure(f.t.fields, x)
		return message("event", ":event-type", f.out, "application/json", body.Bytes()), nil
	}
	return eventstream.Message{}, fmt.Errorf("encoding an event: no member of %v is set", v.Type())
}

func message(kind, nameHeader, name, contentType string, body []byte) eventstream.Message {
	var h eventstream.Headers
	h.Set(":message-type", eventstream.StringValue(kind))
	h.Set(nameHeader, eventstream.StringValue(name))
	h.Set(":content-type", eventstream.StringValue(contentType))
	return eventstream.Message{Headers: h, Payload: body}
}
