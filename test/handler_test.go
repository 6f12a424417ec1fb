package test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const faultyPython = `
import os, sys, time

def handler(event, context):
    return globals()[event](context)

def raises(context):
    raise ValueError("no good")

def leaves(context):
    sys.exit(3)

def hoards(context):
    hoard = []
    while True:
        hoard.append(bytearray(8 << 20))

def unserializable(context):
    return object()

def credentials(context):
    return {k: bool(os.environ.get(k)) for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
`

const faultyNode = `
exports.handler = async (event) => ({
    raises() { throw new TypeError("no good"); },
    leaves() { process.exit(3); },
    rejects() { return Promise.reject(new RangeError("too far")); },
})[event]();
`

// fault is the error document that an invocation returns.
type fault struct {
	ErrorType, ErrorMessage string
	StackTrace, Trace       []string
}

// TestHandlers has functions fail in every way; types and messages are those
// that https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html,
// nodejs-exceptions.html and troubleshooting-invocation.html show.
func TestHandlers(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	role := c.role("faulty")
	handler := func(name string) func(*lambda.CreateFunctionInput) {
		return func(in *lambda.CreateFunctionInput) { in.Handler = &name }
	}
	node := func(in *lambda.CreateFunctionInput) {
		in.Runtime, in.Handler = lambdatypes.RuntimeNodejs20x, aws.String("index.handler")
		in.Code.ZipFile = zipped(map[string]string{"index.js": faultyNode})
	}
	small := func(in *lambda.CreateFunctionInput) { in.MemorySize = aws.Int32(128) }
	c.python("py", role, faultyPython, place{}, small)
	c.python("js", role, "", place{}, node)
	c.python("py-no-handler", role, faultyPython, place{}, handler("main.absent"))
	c.python("py-no-module", role, faultyPython, place{}, handler("absent.handler"))
	c.python("py-syntax", role, "def handler(:\n", place{})
	c.python("js-no-handler", role, "", place{}, node, handler("index.absent"))
	c.python("js-no-module", role, "", place{}, node, handler("absent.handler"))

	const id = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	for _, w := range []struct{ name, function, event, errorType, message, trace string }{
		{"Python raises", "py", "raises", "ValueError", "no good", `  File "/var/task/main.py", line 8, in raises\n    raise ValueError\("no good"\)\n`},
		{"Python exits", "py", "leaves", "Runtime.ExitError", "RequestId: " + id + " Error: Runtime exited with error: exit status 3", ""},
		{"Python out of memory", "py", "hoards", "Runtime.ExitError", "RequestId: " + id + " Error: Runtime exited with error: signal: killed", ""},
		{"Python result is no JSON", "py", "unserializable", "Runtime.MarshalError", "Unable to marshal response: Object of type object is not JSON serializable", ""},
		{"Python no handler", "py-no-handler", "raises", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'main'", ""},
		{"Python no module", "py-no-module", "raises", "Runtime.ImportModuleError", "Unable to import module 'absent': No module named 'absent'", ""},
		{"Python syntax", "py-syntax", "raises", "Runtime.UserCodeSyntaxError", `Syntax error in module 'main': .* \(main.py, line 1\)`, ""},
		{"Node throws", "js", "raises", "TypeError", "no good", `TypeError: no good`},
		{"Node rejects", "js", "rejects", "RangeError", "too far", `RangeError: too far`},
		{"Node exits", "js", "leaves", "Runtime.ExitError", "RequestId: " + id + " Error: Runtime exited with error: exit status 3", ""},
		{"Node no handler", "js-no-handler", "raises", "Runtime.HandlerNotFound", "index.absent is undefined or not exported", ""},
		{"Node no module", "js-no-module", "raises", "Runtime.ImportModuleError", `Error: Cannot find module 'absent'\nRequire stack:\n[^"]*`, ""},
	} {
		t.Run(w.name, func(t *testing.T) {
			r := c.with(t).invoke(w.function, w.event)
			var f fault
			if err := json.Unmarshal([]byte(r.payload), &f); err != nil {
				t.Fatalf("%s: %v", r.payload, err)
			}
			trace := strings.Join(append(f.StackTrace, f.Trace...), "\n")
			if r.fault != "Unhandled" || f.ErrorType != w.errorType || !regexp.MustCompile("(?s)^"+w.message+"$").MatchString(f.ErrorMessage) || !regexp.MustCompile(w.trace).MatchString(trace) {
				t.Errorf("got  %s %s\nwant %s: %s, trace with %s\n%s", r.fault, r.payload, w.errorType, w.message, w.trace, r.log)
			}
		})
	}
	t.Run("goes on", func(t *testing.T) { // after all that the function still works
		if r := c.with(t).invoke("py", "credentials"); r.payload != `{"AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true}` {
			t.Errorf("got %s %s", r.fault, r.payload)
		}
	})
	t.Run("invalid JSON", func(t *testing.T) {
		_, err := c.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("py"), Payload: []byte("{not json")})
		if code, message := apiError(err); code != "InvalidRequestContentException" || !strings.HasPrefix(message, "Could not parse request body into json") {
			t.Errorf("got %s: %s", code, message)
		}
	})
}
