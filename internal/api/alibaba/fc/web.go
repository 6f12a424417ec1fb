package fc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

// triggerDomain is where HTTP triggers' names are; intranet ends the region's label
// in those for VPCs.
const (
	triggerDomain = ".fcapp.run"
	intranet      = "-vpc"
)

// Web answers requests to the names of HTTP triggers and to custom domains.
type Web struct {
	Control *control.Control
	Invoker Invoker
	// Identify finds out who signed a request, and reads its body.
	Identify func(w http.ResponseWriter, r *http.Request, product *wire.Service) (*wire.Call, []byte, *wire.Error)
	// MayInvoke refuses callers without the permission.
	MayInvoke func(call *wire.Call, fn *cloud.Function) error
	Random    func() float64
}

// wording gives the product's words for what is wrong with a signature.
var wording = wire.NewService(Spec)

// IsTrigger tells whether a host's name is an HTTP trigger's.
func IsTrigger(host string) bool { return strings.HasSuffix(hostName(host), triggerDomain) }

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// ServeHTTP invokes the function behind a name.
func (web *Web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newRequestID()
	w.Header().Set("X-Fc-Request-Id", id)
	if err := web.serve(w, r, id); err != nil {
		refuseWeb(w, id, err)
	}
}

func refuseWeb(w http.ResponseWriter, id string, err error) {
	fault := &wire.Error{}
	var neutral *cloud.Error
	switch {
	case errors.As(err, &fault):
	case errors.As(err, &neutral):
		fault = mapError(neutral)
	default:
		fault = &wire.Error{Code: "InternalServerError", Status: http.StatusInternalServerError, Msg: "The function could not be invoked."}
	}
	body, _ := json.Marshal(map[string]string{"RequestId": id, "Code": fault.Code, "Message": fault.Msg}) // strings
	w.Header().Set("Content-Type", "application/json")
	status := fault.Status
	if status == 0 {
		status = http.StatusForbidden // a signature that does not hold
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// way is where a request to a name leads.
type way struct {
	function  cloud.FunctionKey
	qualifier string
	anonymous bool
	methods   []string // none: all
	cors      *cloud.CORS
	path      string // that the function gets, escaped
	name      string // for messages
}

func (web *Web) serve(w http.ResponseWriter, r *http.Request, id string) error {
	to, err := web.find(r)
	if err != nil {
		return err
	}
	if share(to.cors, w, r) {
		return nil
	}
	if len(to.methods) > 0 && !slices.Contains(to.methods, r.Method) {
		return &wire.Error{Code: "MethodNotAllowed", Status: http.StatusMethodNotAllowed, Msg: to.name + " does not take method " + r.Method}
	}
	q, err := cloud.Resolve(web.Control.View(), to.function, to.qualifier)
	if err != nil {
		return err
	}
	if q.Function.Disabled { // bindings to VPCs do not hold for triggers
		return fault("AccessDenied", "function %s is disabled", q.Function.Name)
	}
	body, err := web.admit(w, r, to, q.Function)
	switch {
	case err != nil:
		return err
	case len(body) > maxSync:
		return fault("EntityTooLarge", "the payload is more than %d bytes long", maxSync)
	case r.Header.Get("X-Fc-Invocation-Type") == "Async":
		return web.later(w, r, to, q, id, body)
	}
	v := q.Pick(web.Random())
	in := invoke.Request{Function: q.Function, Version: v, ARN: functionARN(q.Function), RequestID: id, Qualifier: shownQualifier(to.qualifier), LogTail: v.Server != nil}
	in.Payload, in.HTTP = payload(r, to, q.Function, v, id, body)
	resp, err := web.Invoker.Invoke(r.Context(), in)
	if err != nil {
		return err
	}
	if err := notStarted(resp); err != nil {
		return err
	}
	writeWeb(w, resp)
	return nil
}

// payload is a request as the code gets it: as it came, or as an event.
func payload(r *http.Request, to *way, fn *cloud.Function, v *cloud.Version, id string, body []byte) ([]byte, *invoke.HTTPRequest) {
	if v.Server != nil {
		return body, &invoke.HTTPRequest{Method: r.Method, Path: to.path, RawQuery: r.URL.RawQuery, Host: r.Host, Header: r.Header}
	}
	return webEvent(r, to.path, fn, id, body), nil
}

// later stores a request for an asynchronous invocation. Which of an alias's versions
// it is for is decided when it runs; they are of one kind.
func (web *Web) later(w http.ResponseWriter, r *http.Request, to *way, q cloud.Qualified, id string, body []byte) error {
	if len(body) > maxAsync {
		return fault("EntityTooLarge", "the payload is %d bytes long, at most %d are allowed", len(body), maxAsync)
	}
	e := invoke.Event{ID: id, Function: q.Function.Key, Qualifier: to.qualifier, ARN: functionARN(q.Function)}
	e.Payload, e.HTTP = payload(r, to, q.Function, q.Version, id, body)
	headers, err := enqueue(r.Context(), web.Control.View(), web.Invoker, e, r.Header.Get("X-Fc-Async-Task-Id"), r.Header.Get("X-Fc-Async-Delay"))
	if err != nil {
		return err
	}
	for name, text := range headers {
		w.Header().Set(name, text)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// find is where a request's host and path lead, if the request may come this way.
func (web *Web) find(r *http.Request) (*way, error) {
	host := hostName(r.Host)
	if d, ok := cloud.Domains.Get(web.Control.View(), host); ok {
		return findRoute(r, d)
	}
	name := strings.TrimSuffix(host, triggerDomain)
	label, region, _ := strings.Cut(name, ".")
	region, inside := strings.CutSuffix(region, intranet)
	for t := range cloud.Triggers.By(web.Control.View(), "label", label) {
		switch {
		case t.Region != region:
			continue
		case inside && wire.VPCOf(r) == "":
			return nil, fault("AccessDenied", "%s is reached from VPCs only", host)
		case !inside && t.HTTP.NoInternet:
			return nil, fault("AccessDenied", "the public URL of trigger '%s' is disabled", t.Name)
		}
		return &way{function: t.Function, qualifier: t.Qualifier, anonymous: t.HTTP.Anonymous, methods: t.HTTP.Methods, cors: t.HTTP.CORS,
			path: r.URL.EscapedPath(), name: "trigger '" + t.Name + "'"}, nil
	}
	return nil, missing("DomainName", "domain name '%s' does not exist", host)
}

// findRoute is where a path of a domain leads.
func findRoute(r *http.Request, d *cloud.Domain) (*way, error) {
	if r.TLS == nil && !d.HTTP || r.TLS != nil && !d.HTTPS {
		return nil, fault("AccessDenied", "domain name '%s' is not reached by this protocol", d.Name)
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	route := routeOf(d, path)
	if route == nil {
		return nil, missing("Route", "domain name '%s' has no route for the path %s", d.Name, path)
	}
	return &way{function: route.Function, qualifier: route.Qualifier, anonymous: d.Anonymous, methods: route.Methods, cors: d.CORS,
		path: rewritten(route, path), name: "route '" + route.Path + "'"}, nil
}

// admit reads the body of a request that may invoke the function.
func (web *Web) admit(w http.ResponseWriter, r *http.Request, to *way, fn *cloud.Function) ([]byte, error) {
	if to.anonymous {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxSync+1))
		if err != nil {
			return nil, invalid("the request body could not be read: %v", err)
		}
		return body, nil
	}
	call, body, refused := web.Identify(w, r, wording)
	if refused != nil {
		return nil, refused
	}
	if call.Account != fn.Account {
		return nil, fault("AccessDenied", "the caller is of another account")
	}
	call.Operation, call.Region = "InvokeFunction", fn.Region
	return body, web.MayInvoke(call, fn)
}

// InvokeTarget is what an invocation needs permission for.
func InvokeTarget(fn *cloud.Function) access.Target {
	return access.Target{Action: "fc:InvokeFunction", ARN: functionARN(fn), Group: resource.Group(&fn.Meta)}
}

// Serves tells whether a host's name is an HTTP trigger's or a custom domain.
func (web *Web) Serves(host string) bool {
	if IsTrigger(host) {
		return true
	}
	_, ok := cloud.Domains.Get(web.Control.View(), hostName(host))
	return ok
}

// event is a request as code that is no server gets it.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/http-trigger-invoking-function
type event struct {
	Version string            `json:"version"`
	RawPath string            `json:"rawPath"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"queryParameters"`
	Body    string            `json:"body"`
	Base64  bool              `json:"isBase64Encoded"`
	Context eventContext      `json:"requestContext"`
}

type eventContext struct {
	Account string    `json:"accountId"`
	Domain  string    `json:"domainName"`
	Prefix  string    `json:"domainPrefix"`
	Request string    `json:"requestId"`
	Time    string    `json:"time"`
	Epoch   string    `json:"timeEpoch"`
	HTTP    eventHTTP `json:"http"`
}

type eventHTTP struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	Protocol string `json:"protocol"`
	Source   string `json:"sourceIp"`
	Agent    string `json:"userAgent"`
}

func webEvent(r *http.Request, path string, fn *cloud.Function, id string, body []byte) []byte {
	host, now := hostName(r.Host), time.Now().UTC()
	prefix, _, _ := strings.Cut(host, ".")
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	e := event{Version: "v1", RawPath: path, Headers: map[string]string{"Host": r.Host}, Query: map[string]string{}, Body: string(body), Context: eventContext{
		Account: access.UID(fn.Account), Domain: host, Prefix: prefix, Request: id, Time: now.Format(time.RFC3339), Epoch: strconv.FormatInt(now.UnixMilli(), 10),
		HTTP: eventHTTP{r.Method, path, r.Proto, source, r.UserAgent()}}}
	for name, values := range r.Header {
		e.Headers[name] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		e.Query[name] = strings.Join(values, ",")
	}
	if !utf8.Valid(body) {
		e.Body, e.Base64 = base64.StdEncoding.EncodeToString(body), true
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic("fc: " + err.Error()) // plain values
	}
	return b
}

// webAnswer is how code that is no server may answer a request.
type webAnswer struct {
	Status  *int            `json:"statusCode"`
	Headers map[string]any  `json:"headers"`
	Base64  bool            `json:"isBase64Encoded"`
	Body    json.RawMessage `json:"body"`
}

// writeWeb writes what came of a request.
func writeWeb(w http.ResponseWriter, resp *invoke.Response) {
	w.Header().Set("X-Fc-Instance-Id", resp.Instance)
	switch {
	case resp.FunctionError != "":
		w.Header().Set("X-Fc-Error-Type", errorType(resp))
		if resp.HTTP != nil { // the code's own answer, which calls itself a failure
			writeReply(w, resp.HTTP, resp.Payload)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write(resp.Payload)
	case resp.HTTP != nil:
		writeReply(w, resp.HTTP, resp.Payload)
	default:
		writeAnswer(w, resp.Payload)
	}
}

func writeReply(w http.ResponseWriter, reply *invoke.HTTPReply, body []byte) {
	for name, values := range reply.Header {
		if !strings.HasPrefix(name, "X-Fc-") && name != "Content-Length" && name != "Date" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(body)
}

// writeAnswer understands an answer that has the form of one; any other is the body.
func writeAnswer(w http.ResponseWriter, payload []byte) {
	var a webAnswer
	if json.Unmarshal(payload, &a) != nil || a.Status == nil || *a.Status < 200 || *a.Status > 599 {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(payload)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if text, ok := a.Headers[name].(string); ok && !strings.HasPrefix(http.CanonicalHeaderKey(name), "X-Fc-") && !strings.EqualFold(name, "content-length") {
			w.Header().Set(name, text)
		}
	}
	body := []byte(a.Body)
	var text string
	if json.Unmarshal(a.Body, &text) == nil {
		body = []byte(text)
		if a.Base64 {
			if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
				body = raw
			}
		}
	}
	w.WriteHeader(*a.Status)
	_, _ = w.Write(body)
}
