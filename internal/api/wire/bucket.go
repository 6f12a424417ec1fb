package wire

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// BucketCall is what a call of S3 asks for: S3's paths name buckets and objects,
// not operations.
type BucketCall struct {
	Method, Bucket, Key string // Bucket and Key are "" if the call has none
	Query               url.Values
}

// ofBuckets tells whether a call is of S3.
func (q *request) ofBuckets() bool { return q.svc != nil && q.svc.Protocol == S3 }

// bucketCall reads a call, with the bucket in the path or in the host's name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func (q *request) bucketCall() (*BucketCall, error) {
	path, err := url.PathUnescape(strings.TrimPrefix(q.path, "/"))
	if err != nil {
		return nil, err
	}
	c := &BucketCall{Method: q.r.Method, Query: q.query}
	if c.Bucket = hostBucket(q.r.Host); c.Bucket != "" {
		c.Key = path
		return c, nil
	}
	c.Bucket, c.Key, _ = strings.Cut(path, "/")
	return c, nil
}

// hostBucket is the bucket that a host's name begins with, or "".
func hostBucket(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	for _, mark := range []string{".s3.", ".s3-"} {
		if i := strings.LastIndex(host, mark); i > 0 {
			return host[:i]
		}
	}
	return ""
}

// bucketless decides a call of S3 as if there were buckets, and then answers that
// there are none. Unsigned calls are anonymous, as public objects allow.
func (s *Server) bucketless(q *request) *Error {
	in, err := q.bucketCall()
	if err != nil {
		return &Error{Code: "InvalidURI", Msg: "Couldn't parse the specified URI."}
	}
	if s.cfg.Authorize != nil {
		if err := s.cfg.Authorize(WithCall(q.r.Context(), &q.call), &q.call, in); err != nil {
			return q.svc.asError(err)
		}
	}
	return q.svc.Trouble(NotImplemented, "")
}

// bucketHash is the digest that S3's clients sign: what they say, as the body is not read.
func (q *request) bucketHash() string {
	if q.sig.presigned {
		return unsigned
	}
	return q.r.Header.Get("X-Amz-Content-Sha256")
}

// bucketError answers e in S3's shape.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func bucketError(w http.ResponseWriter, status int, e *Error, requestID string) {
	var x xmlWriter
	x.WriteString(xmlHead + "<Error>")
	x.element("Code", e.Code)
	x.element("Message", e.Msg)
	x.element("RequestId", requestID)
	x.WriteString("</Error>")
	send(w, status, "application/xml", x.Bytes())
}
