package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/sandbox"
)

func engine(t testing.TB) *Engine { return engineOf(t, Config{}) }

func engineOf(t testing.TB, cfg Config) *Engine {
	t.Helper()
	cfg.Dir = t.TempDir()
	e, err := New(cfg)
	if err != nil {
		if strings.Contains(err.Error(), "operation not permitted") {
			t.Skipf("this test makes namespaces: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// journal collects a function's log.
type journal struct {
	mu   sync.Mutex
	list []string
}

func (j *journal) add(l sandbox.Line) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, l.Text)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.list, "\n")
}

// deploy writes a function's files, "name" to content.
func deploy(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func function(dir, handler string) Code {
	return Code{Dir: dir, Handler: handler, Name: "f", Version: "$LATEST", Region: "us-east-1", MemoryMiB: 256,
		LogGroup: "/aws/lambda/f", LogStream: "2026/01/02/[$LATEST]abc", Env: map[string]string{"COLOUR": "blue"},
		Credentials: Credentials{"AKIDEXAMPLE", "secret", "token"}}
}

const requestID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

func event(payload string) Event {
	return Event{RequestID: requestID, Payload: []byte(payload), Deadline: time.Now().Add(10 * time.Second),
		ARN: "arn:aws:lambda:us-east-1:000000000000:function:f"}
}

var letters = regexp.MustCompile("[^A-Za-z0-9]")

func prepare(t testing.TB, e *Engine, runtime string, log *journal) *Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, err := e.Prepare(ctx, Spec{ID: letters.ReplaceAllString(t.Name(), "-"), Runtime: runtime, Log: log.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// behaviour is one function's answer to one event.
type behaviour struct {
	files   map[string]string
	handler string
	env     map[string]string
	payload string
	memory  int
	want    string // the response or the error document; REQ stands for the request ID
	failed  bool
	init    bool // fails while loading
	exited  bool
	oom     bool
	kind    string   // error type
	log     []string // lines that the log holds; a leading ~ makes it a pattern
}

func (c *behaviour) check(t *testing.T, e *Engine, runtime string) {
	t.Helper()
	log := &journal{}
	p := prepare(t, e, runtime, log)
	code := function(deploy(t, c.files), c.handler)
	for k, v := range c.env {
		code.Env[k] = v
	}
	if c.memory > 0 {
		code.MemoryMiB = c.memory
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var res Result
	err := p.Init(ctx, code)
	var bad *InitError
	switch {
	case errors.As(err, &bad) && c.init:
		res = bad.Result(requestID)
	case err != nil:
		t.Fatalf("Init: %v\nlog:\n%s", err, log.text())
	case c.init:
		t.Fatal("Init succeeded")
	default:
		if res, err = p.Invoke(ctx, event(c.payload)); err != nil {
			t.Fatalf("Invoke: %v\nlog:\n%s", err, log.text())
		}
	}
	want := strings.ReplaceAll(c.want, "REQ", requestID)
	if strings.HasPrefix(want, "~") {
		if !regexp.MustCompile("^" + want[1:] + "$").Match(res.Payload) {
			t.Errorf("payload %s\nwant %s", res.Payload, want)
		}
	} else if string(res.Payload) != want {
		t.Errorf("payload %s\nwant    %s", res.Payload, want)
	}
	res.Payload = nil
	if w := (Result{FunctionError: c.failed || c.init, ErrorType: c.kind, Exited: c.exited || c.init, OOM: c.oom}); !reflect.DeepEqual(res, w) {
		t.Errorf("result %+v, want %+v", res, w)
	}
	checkLog(t, log, c.log)
}

func checkLog(t *testing.T, log *journal, want []string) {
	t.Helper()
	for _, line := range want {
		line = strings.ReplaceAll(line, "REQ", requestID)
		found := false
		for _, have := range log.list {
			if p, ok := strings.CutPrefix(line, "~"); ok {
				found = found || regexp.MustCompile("^(?s:"+p+")$").MatchString(have)
			} else {
				found = found || have == line
			}
		}
		if !found {
			t.Errorf("the log lacks %q; it is:\n%q", line, log.list)
		}
	}
}

// TestOwnStart: variables that the interpreter reads at its start.
func TestOwnStart(t *testing.T) {
	e := engine(t)
	for name, c := range map[string]struct {
		runtime, file, code, handler, key, value, want string
	}{
		"node":   {"nodejs20.x", "index.js", "exports.handler = async () => process.allowedNodeEnvironmentFlags.has('--max-old-space-size') && require('v8').getHeapStatistics().heap_size_limit < 200e6 && process.execArgv.length", "index.handler", "NODE_OPTIONS", "--trace-warnings", "2"},
		"python": {"python3.11", "lambda_function.py", "import sys\ndef lambda_handler(e, c): return sys.flags.optimize", pyHandler, "PYTHONOPTIMIZE", "2", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{c.key: c.value}
			if !NeedsOwnStart(env) || NeedsOwnStart(map[string]string{"TABLE": "x"}) {
				t.Error("NeedsOwnStart")
			}
			p, err := e.Prepare(t.Context(), Spec{ID: name, Runtime: c.runtime, Env: env, MemoryMiB: 128})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Kill)
			code := function(deploy(t, map[string]string{c.file: c.code}), c.handler)
			code.Env = env
			if err := p.Init(t.Context(), code); err != nil {
				t.Fatal(err)
			}
			if res, err := p.Invoke(t.Context(), event("{}")); err != nil || string(res.Payload) != c.want {
				t.Errorf("%s %v, want %s", res.Payload, err, c.want)
			}
		})
	}
}

// TestLayers: /opt is on the paths of both languages.
func TestLayers(t *testing.T) {
	e, log := engine(t), &journal{}
	layer := deploy(t, map[string]string{"python/shared.py": "x = 'from the layer'", "nodejs/node_modules/shared/index.js": "module.exports = 'from the layer';"})
	for runtime, files := range map[string]map[string]string{
		"python3.11": one("import shared\ndef lambda_handler(e, c): return shared.x"),
		"nodejs20.x": {"lambda_function.js": "exports.lambda_handler = async () => require('shared');"},
	} {
		t.Run(runtime, func(t *testing.T) {
			p := prepare(t, e, runtime, log)
			code := function(deploy(t, files), pyHandler)
			code.Layers = layer
			if err := p.Init(t.Context(), code); err != nil {
				t.Fatal(err, log.text())
			}
			if res, err := p.Invoke(t.Context(), event("{}")); err != nil || string(res.Payload) != `"from the layer"` {
				t.Errorf("%s %v", res.Payload, err)
			}
		})
	}
}

// TestDiesBetweenInvocations: the end of an idle process can be seen.
func TestDiesBetweenInvocations(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "python3.11", log)
	dir := deploy(t, one("import os, threading\ndef lambda_handler(e, c):\n    threading.Timer(0.05, lambda: os._exit(9)).start()"))
	if err := p.Init(t.Context(), function(dir, pyHandler)); err != nil {
		t.Fatal(err)
	}
	if res, err := p.Invoke(t.Context(), event("{}")); err != nil || res.FunctionError {
		t.Fatalf("%+v %v", res, err)
	}
	<-p.Done()
	res, err := p.Invoke(t.Context(), event("{}"))
	want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + requestID + ` Error: Runtime exited with error: exit status 9"}`
	if err != nil || string(res.Payload) != want || !res.Exited {
		t.Errorf("%s %+v %v", res.Payload, res, err)
	}
}
