// Package sdktest lets tests drive Weir by the vendor's Go SDK without retries.
//
// The SDK closes a request's body as soon as the answer's head is there. A server
// as near as ours answers before net/http has looked for the end of that body; the
// SDK's closed reader then fails the write, and net/http cuts the connection that
// the answer is being read from ("use of closed network connection",
// aws/aws-sdk-go-v2#2737). The SDK's own remedy is to try again, which a test that
// looks at each answer does not want.
package sdktest

import (
	"io"
	"net/http"
)

// Client is what sends requests for an SDK client that does not retry.
var Client = &http.Client{Transport: transport{}}

type transport struct{}

// RoundTrip hides that the body can write itself, which is the way that fails: read
// after its close, it only ends.
func (transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.Clone(r.Context())
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return http.DefaultTransport.RoundTrip(r)
}
