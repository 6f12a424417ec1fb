package fc

import (
	"net/http/httptest"
	"testing"

	"weir/internal/invoke"
)

// TestAnswers: what code that is no server answers to a request, and what the client gets.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		resp   invoke.Response
		status int
		header [2]string
		body   string
	}{
		"form":      {invoke.Response{Payload: []byte(`{"statusCode":201,"headers":{"X-Mine":"1"},"body":"hi"}`)}, 201, [2]string{"X-Mine", "1"}, "hi"},
		"base64":    {invoke.Response{Payload: []byte(`{"statusCode":200,"isBase64Encoded":true,"body":"AP8="}`)}, 200, [2]string{}, "\x00\xff"},
		"object":    {invoke.Response{Payload: []byte(`{"statusCode":200,"body":{"a":1}}`)}, 200, [2]string{}, `{"a":1}`},
		"other":     {invoke.Response{Payload: []byte(`{"a":1}`)}, 200, [2]string{"Content-Type", "application/json"}, `{"a":1}`},
		"no status": {invoke.Response{Payload: []byte(`{"statusCode":99,"body":"x"}`)}, 200, [2]string{}, `{"statusCode":99,"body":"x"}`},
		"forged":    {invoke.Response{Payload: []byte(`{"statusCode":200,"headers":{"x-fc-instance-id":"forged"},"body":""}`), Instance: "c-1"}, 200, [2]string{"X-Fc-Instance-Id", "c-1"}, ""},
		"failure":   {invoke.Response{Payload: []byte(`{"errorMessage":"x"}`), FunctionError: "Unhandled"}, 502, [2]string{"X-Fc-Error-Type", "UnhandledInvocationError"}, `{"errorMessage":"x"}`},
		"told":      {invoke.Response{FunctionError: "Unhandled", Reported: true}, 502, [2]string{"X-Fc-Error-Type", "HandledInvocationError"}, ""},
	} {
		w := httptest.NewRecorder()
		writeWeb(w, &c.resp)
		if w.Code != c.status || w.Body.String() != c.body || c.header[0] != "" && w.Header().Get(c.header[0]) != c.header[1] {
			t.Errorf("%s: %d %q %v", name, w.Code, w.Body, w.Header())
		}
	}
}
