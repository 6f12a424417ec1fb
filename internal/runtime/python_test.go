package runtime

import (
	"strings"
	"testing"
)

// one is a function of a single file.
func one(code string) map[string]string { return map[string]string{"lambda_function.py": code} }

const pyHandler = "lambda_function.lambda_handler"

var pythonCases = map[string]behaviour{
	"value": {files: one(`
def lambda_handler(event, context):
    print("got", event)
    return {"statusCode": 200, "körper": [1, None, True, 1.5]}`),
		payload: `{"a": "ü"}`, want: `{"statusCode": 200, "körper": [1, null, true, 1.5]}`, log: []string{"got {'a': 'ü'}"}},
	"nothing":           {files: one("def lambda_handler(e, c): pass"), want: "null"},
	"path with slashes": {files: map[string]string{"src/app/main.py": "def run(e, c): return __file__"}, handler: "src/app/main.run", want: `"/var/task/src/app/main.py"`},
	"path with dots":    {files: map[string]string{"pkg/__init__.py": "", "pkg/mod.py": "def run(e, c): return __name__"}, handler: "pkg.mod.run", want: `"pkg.mod"`},
	"module of its own": {files: map[string]string{"lambda_function.py": "import helper\ndef lambda_handler(e, c): return helper.x", "helper.py": "x = 42"}, want: "42"},
	"context": {files: one(`
def lambda_handler(event, c):
    return [c.aws_request_id, c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb,
            c.log_group_name, c.log_stream_name, 9000 < c.get_remaining_time_in_millis() <= 10000,
            c.client_context, c.identity.cognito_identity_id]`),
		want: `["REQ", "f", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:f", "256", "/aws/lambda/f", "2026/01/02/[$LATEST]abc", true, null, null]`},
	"environment": {files: one(`
import os
def lambda_handler(event, context):
    return {k: os.environ.get(k) for k in event}`), env: map[string]string{"AWS_REGION": "mine", "LANG": "C.UTF-8"},
		payload: `["COLOUR", "_HANDLER", "AWS_REGION", "LANG", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "TZ", "SSL_CERT_FILE", "PYTHONPATH"]`,
		want:    `{"COLOUR": "blue", "_HANDLER": "lambda_function.lambda_handler", "AWS_REGION": "us-east-1", "LANG": "C.UTF-8", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SESSION_TOKEN": "token", "LAMBDA_TASK_ROOT": "/var/task", "TZ": ":UTC", "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "PYTHONPATH": null}`},
	"exception": {files: one("def lambda_handler(e, c):\n    raise ValueError('boom')"),
		want:   `{"errorMessage": "boom", "errorType": "ValueError", "requestId": "REQ", "stackTrace": ["  File \"/var/task/lambda_function.py\", line 2, in lambda_handler\n    raise ValueError('boom')\n"]}`,
		failed: true, kind: "ValueError",
		log: []string{"[ERROR] ValueError: boom\nTraceback (most recent call last):\n  File \"/var/task/lambda_function.py\", line 2, in lambda_handler\n    raise ValueError('boom')"}},
	"not serialisable": {files: one("def lambda_handler(e, c): return {1, 2}"),
		want:   `{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "REQ", "stackTrace": []}`,
		failed: true, kind: "Runtime.MarshalError"},
	"not JSON": {files: one("def lambda_handler(e, c): return e"), payload: "{", failed: true, kind: "Runtime.UnmarshalError",
		want: `~{"errorMessage": "Unable to unmarshal input: Expecting property name.*", "errorType": "Runtime.UnmarshalError", "requestId": "REQ", "stackTrace": \[\]}`},
	"decimal": {files: one("from decimal import Decimal\ndef lambda_handler(e, c): return Decimal('1.5')"), want: "1.5"},
	"logging": {files: one(`
import logging
logging.basicConfig(format="mine")
log = logging.getLogger()
log.setLevel(logging.INFO)
def lambda_handler(e, c):
    log.info("two\nlines")
    log.debug("not shown")
    logging.getLogger("x").warning("careful %d", 7)`), want: "null",
		log: []string{`~\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}Z\tREQ\ttwo\nlines`, `~\[WARNING\]\t[^\t]+Z\tREQ\tcareful 7`}},
	"exit": {files: one("import sys\ndef lambda_handler(e, c): sys.exit(1)"),
		want:   `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited with error: exit status 1"}`,
		failed: true, exited: true, kind: "Runtime.ExitError"},
	"exit without a reason": {files: one("import os\ndef lambda_handler(e, c): os._exit(0)"),
		want:   `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited without providing a reason"}`,
		failed: true, exited: true, kind: "Runtime.ExitError"},
	"kills itself": {files: one("import os\ndef lambda_handler(e, c): os.kill(os.getpid(), 9)"),
		want:   `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited with error: signal: killed"}`,
		failed: true, exited: true, kind: "Runtime.ExitError"},
	"out of memory": {files: one("def lambda_handler(e, c):\n    a = []\n    while True: a.append(bytearray(1 << 20))"), memory: 128,
		want:   `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited with error: signal: killed"}`,
		failed: true, exited: true, oom: true, kind: "Runtime.ExitError"},
	"response too large": {files: one("def lambda_handler(e, c): return 'x' * (6 * 1024 * 1024 + 99)"),
		want:   `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`,
		failed: true, kind: "Function.ResponseSizeTooLarge"},

	"no module": {files: one("import nosuch\ndef lambda_handler(e, c): pass"), init: true, kind: "Runtime.ImportModuleError",
		want: `{"errorMessage": "Unable to import module 'lambda_function': No module named 'nosuch'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}`,
		log:  []string{"[ERROR] Runtime.ImportModuleError: Unable to import module 'lambda_function': No module named 'nosuch'\nTraceback (most recent call last):"}},
	"no file": {files: one(""), handler: "app.handler", init: true, kind: "Runtime.ImportModuleError",
		want: `{"errorMessage": "Unable to import module 'app': No module named 'app'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}`},
	"no handler": {files: one("x = 1"), init: true, kind: "Runtime.HandlerNotFound",
		want: `{"errorMessage": "Handler 'lambda_handler' missing on module 'lambda_function'", "errorType": "Runtime.HandlerNotFound", "requestId": "", "stackTrace": []}`},
	"malformed handler": {files: one(""), handler: "lambda_function", init: true, kind: "Runtime.MalformedHandlerName",
		want: `{"errorMessage": "Bad handler 'lambda_function': not enough values to unpack (expected 2, got 1)", "errorType": "Runtime.MalformedHandlerName", "requestId": "", "stackTrace": []}`},
	"syntax error": {files: one("def lambda_handler(e, c)\n    pass"), init: true, kind: "Runtime.UserCodeSyntaxError",
		want: `{"errorMessage": "Syntax error in module 'lambda_function': expected ':' (lambda_function.py, line 1)", "errorType": "Runtime.UserCodeSyntaxError", "requestId": "", "stackTrace": ["  File \"/var/task/lambda_function.py\" Line 1\n    def lambda_handler(e, c)\n"]}`},
	"fails while loading": {files: one("1 / 0"), init: true, kind: "ZeroDivisionError",
		want: `~{"errorMessage": "division by zero", "errorType": "ZeroDivisionError", "requestId": "", "stackTrace": \[.*lambda_function.py.*\]}`},
	"exits while loading": {files: one("import sys\nprint('bye')\nsys.exit(3)"), init: true, kind: "Runtime.ExitError",
		want: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: REQ Error: Runtime exited with error: exit status 3"}`, log: []string{"bye"}},
}

func TestPython(t *testing.T) {
	e := engine(t)
	for name, c := range pythonCases {
		t.Run(name, func(t *testing.T) {
			if c.handler == "" {
				c.handler = pyHandler
			}
			if c.oom && len(e.Check()) > 0 {
				t.Skipf("memory is not limited here: %v", e.Check())
			}
			c.check(t, e, "python3.12")
		})
	}
}

// TestManyInvocations: one process, state kept, failures in between, 6 MB both ways.
func TestManyInvocations(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "python3.11", log)
	dir := deploy(t, one(`
n = 0
def lambda_handler(event, context):
    global n
    n += 1
    print("turn", n)
    if event == "fail": raise RuntimeError(n)
    return len(event) if n < 9 else event`))
	if err := p.Init(t.Context(), function(dir, pyHandler)); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		payload, want := `"ok"`, "2"
		if i%2 == 1 {
			payload, want = `"fail"`, ""
		}
		res, err := p.Invoke(t.Context(), event(payload))
		if err != nil || want != "" && string(res.Payload) != want || res.FunctionError != (want == "") {
			t.Fatalf("invocation %d: %s %+v %v", i, res.Payload, res, err)
		}
		if got := strings.Count(log.text(), "turn "); got != i+1 {
			t.Fatalf("%d turns are logged when invocation %d returns", got, i)
		}
	}
	big := `"` + strings.Repeat("x", 6<<20-2) + `"`
	res, err := p.Invoke(t.Context(), event(big))
	if err != nil || string(res.Payload) != big {
		t.Fatalf("6 MiB: %d bytes back, %+v, %v", len(res.Payload), res.ErrorType, err)
	}
}
