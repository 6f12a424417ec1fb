package test

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alibabacloud-go/tea/tea"
)

//go:embed testdata/fctask.py
var fcTask string

// code is a settings' entry for a function of one Python file.
func fcCode(source string) map[string]any {
	return map[string]any{"zipFile": base64.StdEncoding.EncodeToString(zipped(map[string]string{"index.py": source}))}
}

// must is a call that is not refused; its body.
func (u *fcUser) must(method, path string, body any) map[string]any {
	u.Helper()
	out, refusal := u.call(method, path, body, nil)
	if refusal != "" {
		u.Fatalf("%s %s: %s", method, path, refusal)
	}
	got, _ := out["body"].(map[string]any)
	return got
}

// later invokes asynchronously, and returns the answer's headers.
func (u *fcUser) later(name, payload string, headers map[string]*string) (map[string]any, string) {
	u.Helper()
	all := map[string]*string{"x-fc-invocation-type": tea.String("Async")}
	for k, v := range headers {
		all[k] = v
	}
	out, refusal := u.call("POST", "/functions/"+name+"/invocations", []byte(payload), all)
	if refusal != "" {
		return nil, refusal
	}
	if status := fmt.Sprint(out["statusCode"]); status != "202" {
		u.Errorf("an asynchronous invocation: %s", status)
	}
	return out["headers"].(map[string]any), ""
}

// task waits until a task has this status.
func (u *fcUser) task(function, id, status string) map[string]any {
	u.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := u.must("GET", "/functions/"+function+"/async-tasks/"+id, nil)
		if got["status"] == status {
			return got
		}
		if time.Now().After(end) {
			u.Fatalf("task %s: %v, want %s", id, got, status)
		}
	}
}

// TestFunctionComputeTasks follows and stops asynchronous tasks with the vendor's
// generic client. Statuses, IDs and the 409 are the documents'.
func TestFunctionComputeTasks(t *testing.T) {
	t.Parallel()
	u := newDaemon(t).fcUser(t)
	u.function("job", map[string]any{"code": fcCode(fcTask), "timeout": 60})
	id := func(s string) map[string]*string { return map[string]*string{"x-fc-async-task-id": &s} }
	if _, refusal := u.later("job", "{}", id("early")); !strings.HasPrefix(refusal, "InvalidArgument") {
		t.Errorf("a task's ID without tasks: %q", refusal)
	}
	cfg := u.must("PUT", "/functions/job/async-invoke-config", map[string]any{"asyncTask": true, "maxAsyncRetryAttempts": 0})
	if cfg["asyncTask"] != true {
		t.Errorf("config %v", cfg)
	}
	for _, c := range []struct{ id, payload string }{{"well", "{}"}, {"bad", `{"fail":true}`}, {"long", `{"sleep":50}`}} {
		if _, refusal := u.later("job", c.payload, id(c.id)); refusal != "" {
			t.Fatal(refusal)
		}
	}
	for refused, c := range map[string]struct{ id, delay string }{"AsyncTaskAlreadyExists": {"well", ""}, "InvalidArgument": {"not well", ""}, "InvalidArgument ": {"x", "3601"}} {
		headers := id(c.id)
		if c.delay != "" {
			headers["x-fc-async-delay"] = tea.String(c.delay)
		}
		if _, refusal := u.later("job", "{}", headers); !strings.HasPrefix(refusal, refused) {
			t.Errorf("%v: %q, want %s", c, refusal, refused)
		}
	}
	delayed := id("delayed")
	delayed["x-fc-async-delay"] = tea.String("3000")
	if _, refusal := u.later("job", "{}", delayed); refusal != "" {
		t.Fatal(refusal)
	}
	headers, refusal := u.later("job", "{}", nil)
	unnamed, _ := headers["x-fc-async-task-id"].(string)
	if refusal != "" || unnamed == "" || unnamed != headers["x-fc-request-id"] {
		t.Errorf("a task without an ID: %v %s", headers, refusal)
	}

	well := u.task("job", "well", "Succeeded")
	if well["taskPayload"] != "{}" || well["qualifier"] != "LATEST" || well["instanceId"] == nil || len(well["events"].([]any)) != 3 {
		t.Errorf("a task that went well: %v", well)
	}
	if bad := u.task("job", "bad", "Failed"); bad["taskErrorMessage"] != "UnhandledInvocationError" {
		t.Errorf("a task that failed: %v", bad)
	}
	u.task("job", "long", "Running")
	for _, name := range []string{"long", "delayed"} {
		u.must("PUT", "/functions/job/async-tasks/"+name+"/stop", nil)
		u.task("job", name, "Stopped")
	}
	for path, want := range map[string]string{"well/stop": "PreconditionFailed", "none/stop": "AsyncTaskNotFound"} {
		if _, refusal := u.call("PUT", "/functions/job/async-tasks/"+path, nil, nil); !strings.HasPrefix(refusal, want) {
			t.Errorf("%s: %q, want %s", path, refusal, want)
		}
	}
	u.task("job", unnamed, "Succeeded")
	u.listsTasks()

	// abortOngoingRequest ends what runs, beside keeping everybody out.
	if _, refusal := u.later("job", `{"sleep":50}`, id("aborted")); refusal != "" {
		t.Fatal(refusal)
	}
	u.task("job", "aborted", "Running")
	u.must("POST", "/functions/job/invoke/disable", map[string]any{"reason": "test", "abortOngoingRequest": true})
	u.task("job", "aborted", "Stopped")
	if _, refusal := u.call("POST", "/functions/job/invocations", []byte("{}"), nil); !strings.HasPrefix(refusal, "AccessDenied") {
		t.Errorf("a function that is disabled: %q", refusal)
	}
}

func (u *fcUser) listsTasks() {
	u.Helper()
	for query, want := range map[string]int{"": 5, "?status=Stopped": 2, "?prefix=well": 1, "?status=Running": 0, "?limit=2": 2} {
		got := u.must("GET", "/functions/job/async-tasks"+query, nil)
		tasks, _ := got["tasks"].([]any)
		if len(tasks) != want || strings.Contains(query, "limit") != (got["nextToken"] != nil) {
			u.Errorf("list %q: %d tasks, %v, want %d", query, len(tasks), got["nextToken"], want)
		}
		if len(tasks) > 0 && tasks[0].(map[string]any)["taskPayload"] != nil {
			u.Errorf("list %q shows payloads", query)
		}
	}
	got := u.must("GET", "/functions/job/async-tasks?prefix=well&includePayload=true", nil)
	if got["tasks"].([]any)[0].(map[string]any)["taskPayload"] != "{}" {
		u.Errorf("with payloads: %v", got)
	}
	if _, refusal := u.call("GET", "/functions/job/async-tasks?status=Sleeping", nil, nil); !strings.HasPrefix(refusal, "InvalidArgument") {
		u.Errorf("a status that is none: %q", refusal)
	}
}
