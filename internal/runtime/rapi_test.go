package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// goHandler builds testdata/handler once, unmodified aws-lambda-go in it.
var goHandler = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "handler")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-o", name, "./testdata/handler")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.New(string(out))
	}
	return os.ReadFile(name)
})

func deployGo(t testing.TB) string {
	t.Helper()
	program, err := goHandler()
	if err != nil {
		t.Skipf("the Go handler cannot be built: %v", err)
	}
	return deploy(t, map[string]string{"bootstrap": string(program)})
}

func TestGoHandler(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "provided.al2023", log)
	if err := p.Init(t.Context(), function(deployGo(t), "bootstrap")); err != nil {
		t.Fatal(err, log.text())
	}
	ev := event(`{"Do": "answer", "Text": "hi"}`)
	ev.ClientContext = `{"client": {"app_title": "shop"}}`
	res, err := p.Invoke(t.Context(), ev)
	want := `{"Text":"hi","Request":"` + requestID + `","ARN":"arn:aws:lambda:us-east-1:000000000000:function:f","Function":"f","Colour":"blue","Client":"shop","InTime":true}`
	if err != nil || string(res.Payload) != want || res.FunctionError {
		t.Fatalf("%v %+v\n%s\nwant\n%s\n%s", err, res, res.Payload, want, log.text())
	}
	res, err = p.Invoke(t.Context(), event(`{"Do": "fail"}`))
	if err != nil || string(res.Payload) != `{"errorMessage":"failed as asked","errorType":"errorString"}` || !res.FunctionError || res.ErrorType != "errorString" || res.Exited {
		t.Fatalf("%v %+v %s", err, res, res.Payload)
	}
	// aws-lambda-go reports a panic, then ends.
	res, err = p.Invoke(t.Context(), event(`{"Do": "panic"}`))
	if err != nil || !strings.HasPrefix(string(res.Payload), `{"errorMessage":"as asked","errorType":"string","stackTrace":[`) || !res.FunctionError {
		t.Fatalf("%v %+v %s", err, res, res.Payload)
	}
	<-p.Done()
	res, err = p.Invoke(t.Context(), event(`{"Do": "answer"}`))
	if err == nil && (res.ErrorType != "Runtime.ExitError" || !res.Exited) {
		t.Fatalf("after the end: %+v %s", res, res.Payload)
	}
	checkLog(t, log, []string{"doing answer", "doing fail", "doing panic"})
}

func TestGoHandlerExits(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "go1.x", log)
	if err := p.Init(t.Context(), function(deployGo(t), "bootstrap")); err != nil {
		t.Fatal(err, log.text())
	}
	res, err := p.Invoke(t.Context(), event(`{"Do": "exit"}`))
	want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + requestID + ` Error: Runtime exited with error: exit status 3"}`
	if err != nil || string(res.Payload) != want || !res.Exited {
		t.Fatalf("%v %+v %s", err, res, res.Payload)
	}
}

// client is a custom runtime in Python that shows what the Runtime API answers.
const client = `#!/usr/bin/python3 -u
import http.client, json, os, sys
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={}):
    c.request(method, "/2018-06-01/runtime/" + path, body, headers)
    r = c.getresponse()
    text = r.read().decode()
    if method == "POST":
        print(path.replace(ID or "-", "ID"), r.status, text)
    return r, text
ID = None
def next():
    global ID
    r, text = call("GET", "invocation/next")
    ID = r.getheader("Lambda-Runtime-Aws-Request-Id")
    return r, text
`

var customCases = map[string]behaviour{
	"states": {files: map[string]string{"bootstrap": client + `
call("POST", "invocation/none/response", "1")
next()
call("POST", "init/error", "{}")
call("POST", "invocation/other/response", "1")
r, _ = call("GET", "invocation/next"); print("next", r.status)
call("POST", "invocation/%s/response" % ID, '"done"')
next()
`}, want: `"done"`, log: []string{
		`invocation/none/response 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`,
		`init/error 403 {"errorMessage":"Transition from Running to InitError is not allowed.","errorType":"InvalidStateTransition"}`,
		`invocation/other/response 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`,
		`next 403`,
	}},
	"headers": {files: map[string]string{"bootstrap": client + `
r, text = next()
call("POST", "invocation/%s/response" % ID, json.dumps([r.getheader("Content-Type"), r.getheader("Lambda-Runtime-Invoked-Function-Arn"), len(r.getheader("Lambda-Runtime-Deadline-Ms")), r.getheader("Lambda-Runtime-Trace-Id"), text, os.environ.get("AWS_EXECUTION_ENV"), os.environ["_HANDLER"], sys.argv]))
next()`}, payload: `{"a":1}`, want: `["application/json", "arn:aws:lambda:us-east-1:000000000000:function:f", 13, null, "{\"a\":1}", null, "my.handler", ["/var/task/bootstrap"]]`},
	"chunked": {files: map[string]string{"bootstrap": client + `
next()
c.request("POST", "/2018-06-01/runtime/invocation/%s/response" % ID, iter([b"one ", b"two"]), {"Lambda-Runtime-Function-Response-Mode": "streaming"}, encode_chunked=True)
c.getresponse().read()
next()`}, want: "one two"},
	"broken stream": {files: map[string]string{"bootstrap": client + `
next()
c.sock.sendall(("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: My.Error\r\nLambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJNeS5FcnJvciJ9\r\n\r\n" % ID).encode())
import time; time.sleep(1000)`}, want: `{"errorType":"My.Error"}`, failed: true, kind: "My.Error"},
	"error": {files: map[string]string{"bootstrap": client + `
next()
call("POST", "invocation/%s/error" % ID, '{"errorType": "A", "errorMessage": "b"}')
next()`}, want: `{"errorType": "A", "errorMessage": "b"}`, failed: true, kind: "A"},
	"error without a document": {files: map[string]string{"bootstrap": client + `
next()
call("POST", "invocation/%s/error" % ID, 'oh', {"Lambda-Runtime-Function-Error-Type": "Custom.Kind"})
next()`}, want: `{"errorType":"Custom.Kind","errorMessage":""}`, failed: true, kind: "Custom.Kind"},
	"too large": {files: map[string]string{"bootstrap": client + `
next()
call("POST", "invocation/%s/response" % ID, 'x' * 6291557)
next()`}, failed: true, kind: "Function.ResponseSizeTooLarge",
		want: `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`},
	"init error": {files: map[string]string{"bootstrap": client + `
call("POST", "init/error", '{"errorType": "Setup", "errorMessage": "no database"}')
sys.exit(1)`}, init: true, kind: "Setup", want: `{"errorType": "Setup", "errorMessage": "no database"}`},
	"exits while loading": {files: map[string]string{"bootstrap": "#!/bin/sh\necho bye; exit 7"}, init: true, kind: "Runtime.ExitError",
		want: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited with error: exit status 7"}`, log: []string{"bye"}},
	"no bootstrap": {files: map[string]string{"main": ""}, init: true, kind: "Runtime.InvalidEntrypoint",
		want: `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: REQ Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}`},
	"not a program": {files: map[string]string{"bootstrap": "\x00\x01nonsense"}, init: true, kind: "Runtime.InvalidEntrypoint",
		want: `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: REQ Error: fork/exec /var/task/bootstrap: exec format error"}`},
}

func TestCustomRuntime(t *testing.T) {
	e := engine(t)
	for name, c := range customCases {
		t.Run(name, func(t *testing.T) {
			c.handler = "my.handler"
			c.check(t, e, "provided.al2023")
		})
	}
}

// TestCustomAnswersOnce: a second answer to an event is refused.
func TestCustomAnswersOnce(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "provided", log)
	dir := deploy(t, map[string]string{"bootstrap": client + `
while True:
    next()
    call("POST", "invocation/%s/response" % ID, '"done"')
    call("POST", "invocation/%s/response" % ID, '"again"')
    call("POST", "invocation/%s/error" % ID, '{}')
`})
	if err := p.Init(t.Context(), function(dir, "x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if res, err := p.Invoke(t.Context(), event("{}")); err != nil || string(res.Payload) != `"done"` {
			t.Fatalf("%v %s", err, res.Payload)
		}
	}
	checkLog(t, log, []string{`invocation/ID/response 202 {"status":"OK"}`,
		`invocation/ID/response 403 {"errorMessage":"Transition from ResponseSent to InvocationResponse is not allowed.","errorType":"InvalidStateTransition"}`,
		`invocation/ID/error 403 {"errorMessage":"Transition from ResponseSent to InvocationResponse is not allowed.","errorType":"InvalidStateTransition"}`})
}

// TestDeadline: when the context ends, the process is killed and says so.
func TestDeadline(t *testing.T) {
	e, log := engine(t), &journal{}
	for runtime, files := range map[string]map[string]string{
		"python3.11":      one("import time, subprocess\nsubprocess.Popen(['sleep', '1000'])\ndef lambda_handler(e, c):\n    print('in')\n    time.sleep(1000)"),
		"nodejs20.x":      {"index.js": "exports.lambda_handler = async () => { console.log('in'); for (;;); };", "lambda_function.js": "module.exports = require('./index.js');"},
		"provided.al2023": {"bootstrap": client + "next()\nimport time; time.sleep(1000)"},
	} {
		t.Run(runtime, func(t *testing.T) {
			p := prepare(t, e, runtime, log)
			if err := p.Init(t.Context(), function(deploy(t, files), pyHandler)); err != nil {
				t.Fatal(err, log.text())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := p.Invoke(ctx, event("{}"))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Invoke: %v", err)
			}
			select {
			case <-p.Done():
			default:
				t.Error("the process lives on")
			}
			if _, err := p.Invoke(t.Context(), event("{}")); err == nil {
				t.Error("a killed process was invoked")
			}
		})
	}
}

// TestInitDeadline: a function that never finishes loading is killed too.
func TestInitDeadline(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "python3.11", log)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := p.Init(ctx, function(deploy(t, one("import time; time.sleep(1000)")), pyHandler))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Init: %v", err)
	}
	<-p.Done()
}

func TestErrorDocument(t *testing.T) {
	var got map[string]string
	if err := json.Unmarshal(errorDocument("A", "say \"b\"\n"), &got); err != nil || got["errorType"] != "A" || got["errorMessage"] != "say \"b\"\n" {
		t.Errorf("%v %v", got, err)
	}
}
