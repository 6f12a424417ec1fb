package runtime

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/sandbox"
)

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Config{Dir: t.TempDir()})
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

func prepare(t testing.TB, e *Engine, runtime string, log *journal) *Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, err := e.Prepare(ctx, Spec{ID: strings.NewReplacer("/", "-", "_", "-", "#", "-").Replace(t.Name()), Runtime: runtime, Log: log.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestPython(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "python3.12", log)
	dir := deploy(t, map[string]string{"lambda_function.py": `
import os
def lambda_handler(event, context):
    print("hello from", context.function_name)
    return {"got": event, "colour": os.environ["COLOUR"], "request": context.aws_request_id}
`})
	if err := p.Init(t.Context(), function(dir, "lambda_function.lambda_handler")); err != nil {
		t.Fatal(err, log.text())
	}
	res, err := p.Invoke(t.Context(), event(`{"a": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"got": {"a": 1}, "colour": "blue", "request": "` + requestID + `"}`
	if string(res.Payload) != want || res.FunctionError {
		t.Errorf("result = %s %+v, want %s", res.Payload, res, want)
	}
	if log.text() != "hello from f" {
		t.Errorf("log = %q", log.text())
	}
}
