package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"weir/internal/cloud"
)

// Verifier knows the secrets behind access keys.
type Verifier interface {
	// Credential returns the secret of a key, with the session token that came
	// with it ("" if none), and who signs with it. A key that is for this machine
	// only says loopbackOnly. An error of Reason "expired" is an expired session;
	// any other, an invalid key.
	Credential(keyID, token string) (secret string, p cloud.Principal, loopbackOnly bool, err error)
}

// Config is what a Server works with.
type Config struct {
	Verify Verifier
	// Any accepts unsigned requests and any key: whom Verify does not know is the
	// root of Account. For test suites on one's own machine.
	Any             bool
	Account, Region string // of callers that do not say
	// Of Alibaba Cloud's dialect: the region of calls that do not say, Region if it
	// is "", and the regions that calls may name; nil is any.
	AlibabaRegion string
	HasRegion     func(name string) bool
	// Authorize, if set, is asked before every operation, with its decoded input.
	Authorize func(ctx context.Context, c *Call, in any) error
	Log       *slog.Logger
	Now       func() time.Time
}

// Server answers the calls of all its services on one port.
type Server struct {
	cfg      Config
	services []*Service
	byName   map[string]*Service
	keys     keyring

	products []*Service // those of Alibaba Cloud's dialect; they share no names with services
	nonces   nonces
	tokens   tokens
}

// NewServer returns a server without services.
func NewServer(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, byName: map[string]*Service{}}
}

// Add puts a service on the server. All are added before the first request.
func (s *Server) Add(svc *Service) {
	if svc.Protocol.Dialect() == Alibaba {
		s.products = append(s.products, svc)
		return
	}
	if s.byName[svc.Name] != nil {
		panic("wire: service " + svc.Name + " is added twice")
	}
	s.services = append(s.services, svc)
	s.byName[svc.Name] = svc
}

// request is one call on its way through the server.
type request struct {
	r        *http.Request
	path     string // as sent, still escaped
	rawQuery string
	query    url.Values
	form     url.Values // of Query protocols: query and body
	body     []byte
	sig      *signature // nil if unsigned
	acs      *acsCall   // of Alibaba Cloud's dialect; nil in AWS's
	svc      *Service
	op       *operation
	route    *route
	call     Call
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	q := newRequest(r)
	q.recognise(s)
	w.Header()[q.call.idHeader()] = []string{q.call.RequestID}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.cfg.Log.Error("panic in a call", "req", q.call.RequestID, "service", q.call.Service, "op", q.call.Operation,
				"panic", p, "stack", string(debug.Stack()))
			s.fail(w, q, q.service().Trouble(Internal, ""))
		}
	}()
	code := "OK"
	serve := s.serve
	if q.acs != nil {
		serve = s.serveACS
	}
	if err := serve(w, q); err != nil {
		code = err.Code
		s.fail(w, q, err)
	}
	if s.cfg.Log.Enabled(r.Context(), slog.LevelDebug) {
		s.cfg.Log.Debug("call", "req", q.call.RequestID, "service", q.call.Service, "op", q.call.Operation, "region", q.call.Region,
			"key", q.call.Principal.KeyID, "source", q.call.Source, "code", code, "took", time.Since(start))
	}
}

func (s *Server) fail(w http.ResponseWriter, q *request, e *Error) {
	if q.service().status(e) >= http.StatusInternalServerError && e.Err != nil {
		s.cfg.Log.Error("call failed", "req", q.call.RequestID, "service", q.call.Service, "op", q.call.Operation, "err", e.Err)
	}
	if q.acs != nil {
		q.acsError(w, e)
		return
	}
	q.service().writeError(w, e, q.call.RequestID)
}

// serve does one call. The key is looked up before the body is read, so that
// strangers cannot make the server hold large bodies.
func (s *Server) serve(w http.ResponseWriter, q *request) *Error {
	sig, sigErr := readSignature(q.r, q.query)
	if sigErr == nil {
		q.sig = sig
	}
	if err := s.route(q); err != nil {
		return err
	}
	if err := q.elsewhere(); err != nil {
		return err
	}
	secret, err := s.authenticate(q, sigErr)
	if err != nil {
		return err
	}
	if !q.ofBuckets() {
		if err := s.readBody(w, q); err != nil {
			return err
		}
	}
	if secret != "" && !s.keys.verify(q.sig, secret, q, q.payloadHash()) {
		return q.svc.Trouble(BadSignature, "")
	}
	if q.ofBuckets() {
		return s.bucketless(q)
	}
	if err := q.findOperation(); err != nil {
		return err
	}
	if err := s.allowAnonymous(q); err != nil {
		return err
	}
	if q.op.call == nil {
		return q.svc.Trouble(NotImplemented, "The operation "+q.op.Name+" of "+q.svc.ID+" is not implemented.")
	}
	return s.perform(w, q)
}

// perform decodes, validates, authorises, runs the operation and encodes.
func (s *Server) perform(w http.ResponseWriter, q *request) *Error {
	in := q.op.newIn()
	if err := q.decode(in.Elem()); err != nil {
		return err
	}
	if err := q.svc.validate(q.op.in, in.Elem()); err != nil {
		return err
	}
	ctx := WithCall(q.r.Context(), &q.call)
	if s.cfg.Authorize != nil {
		if err := s.cfg.Authorize(ctx, &q.call, in.Interface()); err != nil {
			return q.svc.asError(err)
		}
	}
	if q.op.dryRun >= 0 {
		if f := in.Elem().Field(q.op.dryRun); !f.IsNil() && f.Elem().Bool() {
			if q.acs != nil {
				return &Error{Code: "DryRunOperation", Msg: "Request validation has been passed with DryRun flag set."}
			}
			return &Error{Code: "DryRunOperation", Status: http.StatusPreconditionFailed, Msg: "Request would have succeeded, but DryRun flag is set."}
		}
	}
	out, err := s.once(ctx, q, in)
	if err != nil {
		return q.svc.asError(err)
	}
	if err := q.encode(w, out); err != nil {
		s.cfg.Log.Debug("answer not delivered", "req", q.call.RequestID, "err", err)
	}
	return nil
}

func (q *request) decode(in reflect.Value) *Error {
	switch q.svc.Protocol {
	case EC2Query, Query, RPC:
		return formReader{q.svc}.decode(q.form, q.op.in, in)
	case JSON:
		return q.svc.jsonIn(q.body, q.op.in, in)
	}
	return q.svc.restIn(q, q.op, in)
}

func (q *request) encode(w http.ResponseWriter, out reflect.Value) error {
	switch s := q.svc; s.Protocol {
	case EC2Query:
		var x xmlWriter
		x.ec2Answer(s, q.op, q.call.RequestID, out)
		send(w, http.StatusOK, "text/xml;charset=UTF-8", x.Bytes())
	case Query:
		var x xmlWriter
		x.queryAnswer(s, q.op, q.call.RequestID, out)
		send(w, http.StatusOK, "text/xml", x.Bytes())
	case JSON:
		return s.jsonOut(w, q.op, out)
	case RPC:
		q.rpcAnswer(w, out)
	default:
		return s.restOut(w, q.op, out)
	}
	return nil
}

// limits of a body, by protocol. The largest is Lambda's for CreateFunction.
var maxBody = map[Protocol]int64{EC2Query: 4 << 20, Query: 4 << 20, JSON: 16 << 20, RESTJSON: 70167211, RESTXML: 4 << 20,
	RPC: 4 << 20, ROA: 128 << 20}

func (s *Server) readBody(w http.ResponseWriter, q *request) *Error {
	limit := maxBody[q.svc.Protocol]
	tooLarge := func() *Error {
		if q.svc.Protocol != RESTJSON {
			return q.svc.Trouble(TooLarge, "")
		}
		return q.svc.Trouble(TooLarge, fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", limit, q.call.Operation))
	}
	if q.r.ContentLength > limit {
		return tooLarge()
	}
	var err error
	if n := q.r.ContentLength; n >= 0 {
		q.body = make([]byte, n)
		_, err = io.ReadFull(q.r.Body, q.body)
	} else {
		q.body, err = io.ReadAll(http.MaxBytesReader(w, q.r.Body, limit))
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return tooLarge()
	}
	if err != nil {
		return q.svc.Trouble(Serialization, "The request body could not be read: "+err.Error())
	}
	if p := q.svc.Protocol; p != EC2Query && p != Query && p != RPC {
		return nil
	}
	if q.form, err = url.ParseQuery(string(q.body)); err != nil {
		return q.svc.Trouble(Serialization, "")
	}
	for k, v := range q.query {
		if _, twice := q.form[k]; !twice {
			q.form[k] = v
		}
	}
	return nil
}

func newRequest(r *http.Request) *request {
	q := &request{r: r}
	q.path, q.rawQuery, _ = strings.Cut(r.RequestURI, "?")
	if i := strings.Index(q.path, "://"); i > 0 { // absolute form, as proxies send it
		q.path = q.path[i+3:]
		_, q.path, _ = strings.Cut(q.path, "/")
		q.path = "/" + q.path
	}
	if q.rawQuery != "" {
		q.query = r.URL.Query()
	}
	q.call.RequestID, q.call.Dialect = newRequestID(), AWS
	q.call.TLS = r.TLS != nil
	q.call.Source, q.call.VPC, q.call.Endpoint = origin(r)
	return q
}
