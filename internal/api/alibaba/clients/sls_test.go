package clients

import (
	"fmt"
	"testing"
	"time"

	"weir/internal/invoke"
	"weir/internal/logs"
)

// TestLogClient lets the vendor's Node.js client make projects and logstores and
// read function logs, with both of its signatures.
func TestLogClient(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.functionLines(t, now)
	got := map[string]any{}
	w.node(t, "testdata/sls.cjs", &got, fmt.Sprint(now.Unix()))
	for _, version := range []string{"v1", "v4"} {
		for what, want := range map[string]any{
			"wrong": "SignatureNotMatch", "project": 200., "project again": "ProjectAlreadyExist", "get project": "a b", "no project": "ProjectNotExist",
			"projects": "proj-" + version, "logstore": 200., "logstore again": "LogStoreAlreadyExist", "bad ttl": "ParameterInvalid",
			"logstores": "lines", "ttl": 7., "no index": "IndexConfigNotExist", "index": 200., "index token": ",| ",
			"plain": 200., "tag": 200., "untag": 200., "tags": "ab", "no tags": "", "tags of none": "ProjectNotExist", "policy": 200.,
			"shards": "0000ffff", "metering": "ChargeByFunction", "meter": 200., "metered": "ChargeByDataIngest", "telemetry": "",
			"logs": "world: one", "logs 2": "world: two", "no logstore": "LogStoreNotExist", "delete": 200., "deleted": "ProjectNotExist",
		} {
			if got[version+" "+what] != want {
				t.Errorf("%s %s: %v, want %v", version, what, got[version+" "+what], want)
			}
		}
	}
}

// functionLines makes a logstore with what two functions wrote.
func (w *world) functionLines(t *testing.T, now time.Time) {
	t.Helper()
	s := logs.Scope{Account: account, Region: "cn-hangzhou"}
	for _, name := range []string{"/sls/proj-read", "/sls/proj-read/lines"} {
		if err := w.logs.CreateGroup(w.ctx, s, logs.Group{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range []struct{ fn, text string }{{"hello", "world: one"}, {"other", "world: one"}, {"hello", "world: two"}} {
		w.logs.AppendEvent(s, "/sls/proj-read/lines", "s", logs.Event{Time: now.Add(time.Duration(i) * time.Millisecond), Message: l.text + "\n",
			Fields: map[string]string{invoke.FieldFunction: l.fn, invoke.FieldVersion: "$LATEST", invoke.FieldQualifier: "live", invoke.FieldRequest: fmt.Sprint("r", i), invoke.FieldInstance: "i"}})
	}
	if err := w.logs.Flush(w.ctx); err != nil {
		t.Fatal(err)
	}
}
