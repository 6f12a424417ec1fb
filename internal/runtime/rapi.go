package runtime

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/net/netutil"

	"weir/internal/sandbox"
)

const (
	apiAddress = "127.0.0.1:9001"
	apiPrefix  = "/2018-06-01/runtime/"

	maxConnections = 32 // of one custom runtime; it needs one
)

// phase is where a custom runtime stands in its conversation.
type phase string

const (
	starting  phase = "Started"
	ready     phase = "Ready"   // waits in /next
	running   phase = "Running" // has an event
	answering phase = "InvocationResponse"
	answered  phase = "ResponseSent"
	failed    phase = "InitError"
)

// api is the Lambda Runtime API of one custom runtime:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type api struct {
	box    *sandbox.Sandbox
	server *http.Server

	next    chan *Event   // to the runtime
	results chan Result   // from it
	begun   chan struct{} // closed at the first /next
	initErr chan []byte

	mu    sync.Mutex // guards phase and event
	phase phase
	event *Event
}

// startAPI makes a sandbox that waits, with the Runtime API listening in it.
func (p *Process) startAPI(ctx context.Context, host *sandbox.Host, spec sandbox.Spec) error {
	box, err := host.Start(ctx, spec)
	if err != nil {
		return err
	}
	l, err := box.ListenIn(netip.MustParseAddrPort(apiAddress))
	if err != nil {
		box.Kill()
		<-box.Done()
		return err
	}
	a := &api{box: box, phase: starting, next: make(chan *Event), results: make(chan Result, 1),
		begun: make(chan struct{}), initErr: make(chan []byte, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiPrefix+"invocation/next", a.serveNext)
	mux.HandleFunc("POST "+apiPrefix+"invocation/{id}/response", a.serveResponse)
	mux.HandleFunc("POST "+apiPrefix+"invocation/{id}/error", a.serveError)
	mux.HandleFunc("POST "+apiPrefix+"init/error", a.serveInitError)
	a.server = &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = a.server.Serve(netutil.LimitListener(l, maxConnections)) }() // ends with close
	p.box, p.contract = box, a
	return nil
}

func (a *api) close() { _ = a.server.Close() }

func (a *api) load(_ context.Context, env map[string]string, c *Code) ([]byte, error) {
	program, err := entrypoint(c)
	if err != nil {
		return nil, err
	}
	if err := a.box.Exec(program, list(env)); err != nil {
		return nil, err
	}
	select {
	case <-a.begun:
		return nil, nil
	case doc := <-a.initErr:
		return doc, nil
	case <-a.box.Done():
	}
	exit, _ := a.box.Wait(context.Background())
	var errno syscall.Errno
	if errors.As(exit.Err, &errno) {
		return nil, &InitError{ErrorType: "Runtime.InvalidEntrypoint", Message: "fork/exec " + program[0] + ": " + errno.Error()}
	}
	select {
	case doc := <-a.initErr:
		return doc, nil
	default:
		return nil, errGone
	}
}

// entrypoint finds the program of a custom runtime: the image's, the function's, else a layer's.
func entrypoint(c *Code) ([]string, error) {
	if i := c.Image; i != nil && i.Missing {
		return nil, &InitError{ErrorType: "Runtime.InvalidEntrypoint", Message: "exec: " + strings.Join(i.Argv, " ") + ": executable file not found in $PATH"}
	} else if i != nil {
		return i.Argv, nil
	}
	if info, err := os.Stat(filepath.Join(c.Dir, "bootstrap")); err == nil && info.Mode().IsRegular() {
		return []string{"/var/task/bootstrap"}, nil
	}
	if c.Layers != "" {
		if info, err := os.Stat(filepath.Join(c.Layers, "bootstrap")); err == nil && info.Mode().IsRegular() {
			return []string{"/opt/bootstrap"}, nil
		}
	}
	return nil, &InitError{ErrorType: "Runtime.InvalidEntrypoint", Message: "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}
}

// stop: the Runtime API knows no hook.
func (a *api) stop(context.Context) error { return nil }

func (a *api) invoke(_ context.Context, ev *Event) (Result, error) {
	select {
	case a.next <- ev:
	case <-a.box.Done():
		return Result{}, errGone
	}
	select {
	case r := <-a.results:
		return r, nil
	case <-a.box.Done():
		select {
		case r := <-a.results: // answered, then ended
			r.Exited = true
			return r, nil
		default:
			return Result{}, errGone
		}
	}
}

// move changes the phase, if it is one of from.
func (a *api) move(to phase, from ...phase) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range from {
		if a.phase == f {
			a.phase = to
			return nil
		}
	}
	//lint:ignore ST1005 the API's sentence
	return fmt.Errorf("Transition from %s to %s is not allowed.", a.phase, to)
}

func (a *api) serveNext(w http.ResponseWriter, r *http.Request) {
	if err := a.move(ready, starting, ready, answered); err != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", err.Error())
		return
	}
	a.mu.Lock()
	select {
	case <-a.begun:
	default:
		close(a.begun)
	}
	a.mu.Unlock()
	select {
	case ev := <-a.next:
		a.mu.Lock()
		a.phase, a.event = running, ev
		a.mu.Unlock()
		writeEvent(w, ev)
	case <-r.Context().Done():
	}
}

func writeEvent(w http.ResponseWriter, ev *Event) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", ev.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(ev.Deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", ev.ARN)
	for name, value := range map[string]string{"Lambda-Runtime-Trace-Id": ev.TraceID,
		"Lambda-Runtime-Client-Context": ev.ClientContext, "Lambda-Runtime-Cognito-Identity": ev.Identity} {
		if value != "" {
			h.Set(name, oneLine(value))
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(ev.Payload)))
	_, _ = w.Write(ev.Payload)
}

// begin claims the event a runtime answers.
func (a *api) begin(w http.ResponseWriter, r *http.Request) bool {
	a.mu.Lock()
	current := a.event
	a.mu.Unlock()
	if current == nil || r.PathValue("id") != current.RequestID {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return false
	}
	if err := a.move(answering, running); err != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", err.Error())
		return false
	}
	return true
}

func (a *api) serveResponse(w http.ResponseWriter, r *http.Request) {
	if !a.begin(w, r) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFrame))
	if err != nil {
		_ = a.move(running, answering) // the runtime may try again
		refuse(w, http.StatusBadRequest, "InvalidRequest", "the body ended early")
		return
	}
	res := Result{Payload: body}
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" { // a stream that broke off
		res = Result{FunctionError: true, ErrorType: kind, Payload: errorDocument(kind, "")}
		if doc, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")); err == nil && len(doc) > 0 {
			res.Payload = doc
		}
	}
	_ = a.move(answered, answering)
	if len(body) > maxResponse {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse))
	} else {
		accept(w)
	}
	a.results <- res
}

func (a *api) serveError(w http.ResponseWriter, r *http.Request) {
	if !a.begin(w, r) {
		return
	}
	doc := errorBody(r)
	kind, _ := readDocument(doc)
	_ = a.move(answered, answering)
	accept(w)
	a.results <- Result{Payload: doc, FunctionError: true, ErrorType: kind}
}

func (a *api) serveInitError(w http.ResponseWriter, r *http.Request) {
	if err := a.move(failed, starting); err != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", err.Error())
		return
	}
	doc := errorBody(r)
	accept(w)
	a.initErr <- doc
}

// errorBody is the error document a runtime sent; one that is none is replaced.
func errorBody(r *http.Request) []byte {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxFrame))
	if json.Valid(body) && len(body) <= maxResponse {
		return body
	}
	kind := r.Header.Get("Lambda-Runtime-Function-Error-Type")
	if kind == "" {
		kind = "Runtime.Unknown"
	}
	return errorDocument(kind, "")
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, msg string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	b, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": msg})
	_, _ = w.Write(b)
}
