package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// serving is the contract of code that is an HTTP server: its command is started,
// and events are requests to its port.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/specification-details
type serving struct {
	box  *sandbox.Sandbox
	http *http.Transport
	code Code
	addr netip.AddrPort

	mu   sync.Mutex // guards sick
	sick bool       // its health checks have failed
}

// serverHost is the loopback address that servers are asked at. Not 127.0.0.1:
// the vendor reaches only those that listen on all addresses, and this one, too.
var serverHost = netip.AddrFrom4([4]byte{127, 0, 0, 2})

// startWithin is how long a server may take until it listens.
// https://www.alibabacloud.com/help/en/functioncompute/fc/principles-1
const startWithin = 120 * time.Second

// startServing makes a sandbox that waits for its command.
func (p *Process) startServing(ctx context.Context, host *sandbox.Host, spec sandbox.Spec) error {
	box, err := host.Start(ctx, spec)
	if err != nil {
		return err
	}
	s := &serving{box: box}
	s.http = &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return box.DialIn(ctx, s.addr) },
		DisableCompression: true, MaxIdleConnsPerHost: 200, MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout: time.Minute, // less than the vendor asks servers to keep theirs
	}
	p.box, p.contract = box, s
	return nil
}

func (s *serving) close() { s.http.CloseIdleConnections() }

// start is a shell that finds the command as the vendor does: from the code's
// directory, by PATH.
var startCommand = []string{"/bin/sh", "-c", `cd /code && exec "$@"`, "start"}

func (s *serving) load(ctx context.Context, env map[string]string, c *Code) ([]byte, error) {
	if c.Server == nil {
		return nil, errors.New("the function has no server")
	}
	s.code, s.addr = *c, netip.AddrPortFrom(serverHost, uint16(c.Server.Port))
	argv := slices.Concat(startCommand, s.command())
	if c.Image != nil {
		argv = c.Image.Argv
	}
	if c.Image != nil && c.Image.Missing {
		return nil, s.missing()
	}
	if err := s.box.Exec(argv, list(env)); err != nil {
		return nil, err
	}
	start, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := s.listens(start); err != nil {
		if ctx.Err() == nil && start.Err() != nil {
			return nil, &InitError{ErrorType: ServerSilent, Server: true,
				Message: fmt.Sprintf("the server does not listen on 0.0.0.0:%d within %d seconds: %v", c.Server.Port, startWithin/time.Second, err)}
		}
		return nil, err
	}
	if err := s.initialize(ctx); err != nil {
		return nil, err
	}
	if c.Server.Health != nil {
		go s.watch(c.Server.Health)
	}
	return nil, nil
}

// pollEvery is how often a starting server is asked.
const pollEvery = 10 * time.Millisecond

// listens waits until the server's port is open, and its health checks succeed.
func (s *serving) listens(ctx context.Context) error {
	h := s.code.Server.Health
	if h != nil {
		if err := s.pause(ctx, h.InitialDelay); err != nil {
			return err
		}
	}
	for good := 0; ; {
		err := s.knock(ctx)
		wait := pollEvery
		switch {
		case err != nil:
			good = 0
		case h == nil:
			return nil
		default:
			if err = s.check(ctx, h); err != nil {
				good = 0
			} else if good++; good >= h.SuccessAfter {
				return nil
			}
			wait = h.Period
		}
		if ended := s.pause(ctx, wait); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// knock opens the server's port.
func (s *serving) knock(ctx context.Context) error {
	conn, err := s.box.DialIn(ctx, s.addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// pause waits; an end of the process meanwhile is an InitError.
func (s *serving) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.box.Done():
		return s.ended()
	}
}

// ended says how a server ended before it was one.
func (s *serving) ended() error {
	exit, _ := s.box.Wait(context.Background())
	command := strings.Join(s.command(), " ")
	var errno syscall.Errno
	if errors.As(exit.Err, &errno) && s.code.Image != nil { // no shell tells
		exit.Code = 126
		if errno == syscall.ENOENT {
			exit.Code = 127
		}
	}
	e := &InitError{ErrorType: ServerExited, Server: true, OOM: exit.OOM,
		Message: fmt.Sprintf("Function instance exited unexpectedly(code %d, message:%s) with start command '%s'.", exit.Code, exit, command)}
	switch exit.Code { // the shell's
	case 126:
		e.ErrorType, e.Message = ServerNotExecutable, fmt.Sprintf("The start command '%s' cannot be run: permission denied.", command)
	case 127:
		return s.missing()
	}
	return e
}

// command is the server's, with its arguments.
func (s *serving) command() []string {
	if s.code.Image != nil {
		return s.code.Image.Argv
	}
	return slices.Concat(s.code.Server.Command, s.code.Server.Args)
}

// missing says that there is no such program.
func (s *serving) missing() error {
	return &InitError{ErrorType: ServerMissing, Server: true, Message: fmt.Sprintf("The start command '%s' is not found.", strings.Join(s.command(), " "))}
}

// initialize calls the initializer.
func (s *serving) initialize(ctx context.Context) error {
	hook := s.code.Initializer
	if hook == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, hook.Timeout)
	defer cancel()
	ev := &Event{Credentials: s.code.Credentials}
	reply, body, err := s.ask(limited, s.request(ev, http.MethodPost, "/initialize", nil))
	switch {
	case errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil:
		return initializerLate(hook)
	case err != nil:
		return err
	case failedReply(reply):
		return &InitError{ErrorType: InitializerFailed, Message: "the initializer answered with status " + strconv.Itoa(reply.Status), document: body}
	}
	return nil
}

func (s *serving) invoke(ctx context.Context, ev *Event) (Result, error) {
	if s.unwell() {
		return Result{}, errGone
	}
	in := s.request(ev, http.MethodPost, "/invoke", ev.Payload)
	if ev.HTTP != nil {
		in = s.pass(ev)
	}
	reply, body, err := s.ask(ctx, in)
	if err != nil {
		return s.unanswered(ctx, err)
	}
	res := Result{Payload: body, HTTP: reply}
	if reply.Header.Get("X-Fc-Status") == "404" || ev.HTTP == nil && failedReply(reply) {
		res.FunctionError, res.ErrorType = true, "Server.Failed"
	}
	return res, nil
}

// unanswered tells a server that has ended from one that did not answer this event.
func (s *serving) unanswered(ctx context.Context, err error) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, err
	}
	select {
	case <-s.box.Done():
		return Result{}, err
	case <-ctx.Done():
		return Result{}, err
	case <-time.After(time.Second): // its connections close before it is gone
	}
	return Result{FunctionError: true, ErrorType: "Server.Failed", Payload: errorDocument("Server.Failed", "the server did not answer: "+err.Error())}, nil
}

// stop calls the hook before the end.
func (s *serving) stop(ctx context.Context) error {
	reply, _, err := s.ask(ctx, s.request(&Event{Credentials: s.code.Credentials}, http.MethodGet, "/pre-stop", nil))
	if err == nil && failedReply(reply) {
		err = fmt.Errorf("the server answered with status %d", reply.Status)
	}
	return err
}

// failedReply tells whether a call that the platform made has failed.
func failedReply(r *Reply) bool {
	return r.Status < 200 || r.Status > 299 || r.Header.Get("X-Fc-Status") == "404"
}

// request is a call of the platform's own.
func (s *serving) request(ev *Event, method, path string, body []byte) *http.Request {
	r, err := http.NewRequest(method, "http://"+net.JoinHostPort(serverHost.String(), strconv.Itoa(s.code.Server.Port))+path, bytes.NewReader(body))
	if err != nil {
		panic("runtime: " + err.Error()) // a path of this package's
	}
	r.Host = "localhost:" + strconv.Itoa(s.code.Server.Port)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	s.tell(r.Header, ev, path)
	return r
}

// hopHeaders are between two neighbours and go no further.
var hopHeaders = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// pass is a request as a client sent it.
func (s *serving) pass(ev *Event) *http.Request {
	r := s.request(ev, ev.HTTP.Method, "/", ev.Payload)
	r.URL.RawPath, r.URL.RawQuery, r.Host = ev.HTTP.Path, ev.HTTP.RawQuery, ev.HTTP.Host
	r.URL.Path, _ = url.PathUnescape(ev.HTTP.Path) // what cannot be is no path of a server's
	h := ev.HTTP.Header.Clone()
	if h.Get("User-Agent") == "" {
		h.Set("User-Agent", "") // none of ours
	}
	for name := range h {
		if strings.HasPrefix(name, "X-Fc-") { // the platform's alone
			h.Del(name)
		}
	}
	dropHops(h)
	r.Header = h
	s.tell(h, ev, "/http-invoke")
	return r
}

// dropHops takes out what belongs to one connection.
func dropHops(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range hopHeaders {
		h.Del(name)
	}
}

// tell adds what the platform tells of an event.
func (s *serving) tell(h http.Header, ev *Event, path string) {
	c := &s.code
	told := map[string]string{
		"X-Fc-Request-Id": ev.RequestID, "X-Fc-Function-Name": c.Name, "X-Fc-Function-Handler": c.Handler, "X-Fc-Function-Memory": strconv.Itoa(c.MemoryMiB),
		"X-Fc-Function-Timeout": strconv.Itoa(int(c.Timeout / time.Second)), "X-Fc-Region": c.Region, "X-Fc-Account-Id": c.Account,
		"X-Fc-Qualifier": ev.Qualifier, "X-Fc-Version-Id": c.Version, "X-Fc-Control-Path": path, "X-Fc-Instance-Id": c.Instance,
		"X-Fc-Retry-Count": strconv.Itoa(ev.Retries),
	}
	if k := ev.Credentials; k.AccessKeyID != "" && !c.NoEventCredentials {
		told["X-Fc-Access-Key-Id"], told["X-Fc-Access-Key-Secret"], told["X-Fc-Security-Token"] = k.AccessKeyID, k.SecretAccessKey, k.SessionToken
	}
	for name, value := range told {
		h.Set(name, oneLine(value))
	}
}

// ask sends a request and reads the answer whole.
func (s *serving) ask(ctx context.Context, in *http.Request) (*Reply, []byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a process that ends leaves connections open to nobody
		select {
		case <-s.box.Done():
			cancel()
		case <-stop:
		}
	}()
	out, err := s.http.RoundTrip(in.WithContext(ctx))
	if err != nil {
		return nil, nil, gone(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, maxFrame))
	if err != nil {
		return nil, nil, gone(err)
	}
	dropHops(out.Header)
	return &Reply{Status: out.StatusCode, Header: out.Header}, body, nil
}

// check makes one health check.
func (s *serving) check(ctx context.Context, h *cloud.HealthCheck) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	reply, _, err := s.ask(ctx, s.request(&Event{}, http.MethodGet, h.Path, nil))
	if err == nil && (reply.Status < 200 || reply.Status > 399) {
		err = fmt.Errorf("the health check %s answered with status %d", h.Path, reply.Status)
	}
	return err
}

// watch checks a server's health until it ends, or ends one that is not well.
func (s *serving) watch(h *cloud.HealthCheck) {
	for bad := 0; bad < h.FailureAfter; {
		if s.pause(context.Background(), h.Period) != nil {
			return
		}
		if s.check(context.Background(), h) != nil {
			bad++
		} else {
			bad = 0
		}
	}
	s.mu.Lock()
	s.sick = true
	s.mu.Unlock()
	s.box.Kill()
}

func (s *serving) unwell() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sick
}
