package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/cloud"
)

// echoServer answers with what it was asked; some paths and bodies have it do more.
const echoServer = `
import http.server, json, os, sys, threading, time
both = threading.Barrier(2)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        print(self.command, self.path, flush=True)
        if body == "exit": os._exit(3)
        if body == "both": both.wait(5)
        if body == "slow": time.sleep(60)
        out = json.dumps({"method": self.command, "path": self.path, "body": body, "headers": {k.lower(): v for k, v in self.headers.items()},
                          "port": os.environ["FC_SERVER_PORT"], "cwd": os.getcwd()}).encode()
        self.send_response(418 if self.path.startswith("/tea") else 200)
        if body == "fail": self.send_header("x-fc-status", "404")
        self.send_header("x-mine", "yes")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_POST = do_PUT = do
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer((sys.argv[1], int(os.environ["FC_CUSTOM_LISTEN_PORT"])), Handler).serve_forever()
`

func server(t *testing.T, change func(*Code)) (*Process, *journal, error) {
	t.Helper()
	dir := deploy(t, map[string]string{"app.py": echoServer, "plain": "no program"})
	code := function(dir, "none")
	code.Contract, code.Account, code.Timeout = FC, "1000000000000001", 3*time.Second
	code.Server = &cloud.Server{Command: []string{"python3", "app.py"}, Args: []string{"0.0.0.0"}, Port: 9000}
	if change != nil {
		change(&code)
	}
	log := &journal{}
	p, err := engine(t).Prepare(t.Context(), Spec{ID: "server", Runtime: "custom.debian12", Log: log.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return p, log, p.Init(ctx, code)
}

// asked is what the server says it was asked.
type asked struct {
	Method, Path, Body, Port, Cwd string
	Headers                       map[string]string
}

func ask(t *testing.T, p *Process, ev Event) (asked, Result) {
	t.Helper()
	res, err := p.Invoke(t.Context(), ev)
	var got asked
	if err != nil || json.Unmarshal(res.Payload, &got) != nil {
		t.Fatalf("%s, %v", res.Payload, err)
	}
	return got, res
}

func TestServer(t *testing.T) {
	p, log, err := server(t, func(c *Code) {
		c.Initializer, c.PreStop = &cloud.Hook{Handler: "x", Timeout: time.Second}, &cloud.Hook{Handler: "x", Timeout: time.Second}
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := Credentials{"ID", "SECRET", "TOKEN"}
	got, res := ask(t, p, Event{RequestID: requestID, Payload: []byte("hello"), Qualifier: "prod", Credentials: keys})
	if got.Method != "POST" || got.Path != "/invoke" || got.Body != "hello" || got.Port != "9000" || got.Cwd != "/code" || res.FunctionError {
		t.Errorf("%+v %+v", got, res)
	}
	for name, want := range map[string]string{"x-fc-request-id": requestID, "x-fc-access-key-id": "ID", "x-fc-access-key-secret": "SECRET", "x-fc-security-token": "TOKEN",
		"x-fc-function-name": "f", "x-fc-function-memory": "256", "x-fc-region": "us-east-1", "x-fc-account-id": "1000000000000001", "x-fc-qualifier": "prod",
		"x-fc-version-id": "$LATEST", "x-fc-control-path": "/invoke"} {
		if got.Headers[name] != want {
			t.Errorf("%s = %q, want %q", name, got.Headers[name], want)
		}
	}
	if _, res = ask(t, p, Event{Payload: []byte("fail")}); !res.FunctionError {
		t.Error("x-fc-status 404 is no failure")
	}
	got, res = ask(t, p, Event{Payload: []byte("b"), HTTP: &Request{Method: "PUT", Path: "/tea/a%2Fb", RawQuery: "q=1&q=2", Host: "example.com",
		Header: http.Header{"X-Custom": {"1"}, "X-Fc-Account-Id": {"forged"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}}}})
	if got.Method != "PUT" || got.Path != "/tea/a%2Fb?q=1&q=2" || got.Headers["host"] != "example.com" || got.Headers["x-custom"] != "1" || got.Headers["x-hop"] != "" ||
		got.Headers["x-fc-account-id"] != "1000000000000001" || got.Headers["x-fc-control-path"] != "/http-invoke" {
		t.Errorf("%+v", got)
	}
	if res.HTTP.Status != 418 || res.HTTP.Header.Get("X-Mine") != "yes" || res.FunctionError {
		t.Errorf("%+v", res)
	}
	var both sync.WaitGroup
	for range 2 { // neither is answered before the other has come
		both.Go(func() { ask(t, p, Event{Payload: []byte("both")}) })
	}
	both.Wait()
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if text := log.text(); !strings.Contains(text, "POST /initialize") || !strings.Contains(text, "GET /pre-stop") {
		t.Errorf("log: %s", text)
	}
}

// TestServerEvents: what ends an event that a server does not answer.
func TestServerEvents(t *testing.T) {
	p, _, err := server(t, func(c *Code) { c.NoEventCredentials = true })
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(t, p, Event{Credentials: Credentials{"ID", "SECRET", "TOKEN"}}); got.Headers["x-fc-access-key-id"] != "" {
		t.Error("credentials that are not to be injected are")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Invoke(ctx, Event{Payload: []byte("slow")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, res := ask(t, p, Event{Payload: []byte("x")}); res.Exited { // others go on
		t.Errorf("%+v", res)
	}
	res, err := p.Invoke(t.Context(), Event{Payload: []byte("exit")})
	if err != nil || !res.Exited || !res.FunctionError || !strings.Contains(string(res.Payload), "exit status 3") {
		t.Errorf("%+v %s %v", res, res.Payload, err)
	}
}

func TestServerRefused(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		want    string
	}{
		"exits":          {[]string{"sh", "-c", "exit 7"}, ServerExited},
		"missing":        {[]string{"/code/nothing"}, ServerMissing},
		"not a program":  {[]string{"/code"}, ServerNotExecutable},
		"loopback alone": {[]string{"sh", "-c", "timeout 1 python3 app.py 127.0.0.1; exit 9"}, ServerExited},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := server(t, func(code *Code) { code.Server = &cloud.Server{Command: c.command, Port: 9000} })
			var refused *InitError
			if !errors.As(err, &refused) || refused.ErrorType != c.want || !refused.Server {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestServerHealth(t *testing.T) {
	health := &cloud.HealthCheck{Path: "/tea", Period: 10 * time.Millisecond, Timeout: time.Second, FailureAfter: 1, SuccessAfter: 1}
	_, _, err := server(t, func(c *Code) {
		c.Server.Health, c.Server.Command = health, []string{"timeout", "1", "python3", "app.py"}
	})
	var refused *InitError
	if !errors.As(err, &refused) {
		t.Errorf("a server that is never well: %v", err)
	}
}
