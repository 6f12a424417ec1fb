package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/internal/cloud"
)

const (
	hooksPython = `
import os
state = []
def initialize(context): state.append("initialized " + context.credentials.access_key_id)
def handler(event, context):
    if event == b"fail": raise ValueError("boom")
    return "%s %s %s" % (state, event.decode(), os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID"))
def stop(context): print("stopped", context.function.name, flush=True)
def forever(context):
    import time
    time.sleep(60)
`
	hooksNode = `
const state = [];
exports.initialize = (context, callback) => { state.push('initialized ' + context.credentials.accessKeyId); callback(null); };
exports.handler = (event, context, callback) => {
  if (event.toString() === 'fail') throw new TypeError('boom');
  if (event.toString() === 'tell') return callback(new Error('told'));
  callback(null, "['" + state + "'] " + event + ' ' + process.env.ALIBABA_CLOUD_ACCESS_KEY_ID);
};
exports.stop = (context, callback) => { console.log('stopped', context.function.name); callback(null); };
exports.forever = () => {};
`
)

func TestHooks(t *testing.T) {
	e := engine(t)
	for runtime, files := range map[string]map[string]string{"python3.12": {"index.py": hooksPython}, "nodejs20": {"index.js": hooksNode}} {
		start := func(change func(*Code)) (*Process, *journal, error) {
			code := function(deploy(t, files), "index.handler")
			code.Contract, code.Timeout, code.Credentials = FC, 3*time.Second, Credentials{"ID", "SECRET", "TOKEN"}
			code.Initializer, code.PreStop = &cloud.Hook{Handler: "index.initialize", Timeout: 10 * time.Second}, &cloud.Hook{Handler: "index.stop", Timeout: time.Second}
			change(&code)
			log := &journal{}
			p, err := e.Prepare(t.Context(), Spec{ID: "hooks-" + strings.ReplaceAll(runtime, ".", "-"), Runtime: runtime, Log: log.add})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Kill)
			return p, log, p.Init(t.Context(), code)
		}
		p, log, err := start(func(*Code) {})
		if err != nil {
			t.Fatal(err)
		}
		res, err := p.Invoke(t.Context(), Event{RequestID: requestID, Payload: []byte("x"), Credentials: Credentials{"ID", "SECRET", "TOKEN"}})
		if want := "['initialized ID'] x ID"; err != nil || string(res.Payload) != want {
			t.Errorf("%s: %s %v, want %s", runtime, res.Payload, err, want)
		}
		if res, err = p.Invoke(t.Context(), Event{Payload: []byte("fail")}); err != nil || !res.FunctionError || res.Reported {
			t.Errorf("%s: %+v %v", runtime, res, err)
		}
		if runtime == "nodejs20" {
			if res, err = p.Invoke(t.Context(), Event{Payload: []byte("tell")}); err != nil || !res.FunctionError || !res.Reported {
				t.Errorf("%s: %+v %v", runtime, res, err)
			}
		}
		if err := p.Stop(t.Context()); err != nil || !strings.Contains(log.text(), "stopped f") {
			t.Errorf("%s: %v, log %s", runtime, err, log.text())
		}
		p.Kill()
		p, _, err = start(func(c *Code) { c.Initializer = &cloud.Hook{Handler: "index.forever", Timeout: 50 * time.Millisecond} })
		var late *InitError
		if !errors.As(err, &late) || late.ErrorType != InitializerTimedOut {
			t.Errorf("%s: %v", runtime, err)
		}
		p.Kill()
		p, _, err = start(func(c *Code) { c.PreStop = &cloud.Hook{Handler: "index.forever", Timeout: time.Second} })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := p.Stop(ctx); err == nil {
			t.Errorf("%s: a hook that does not end is not ended", runtime)
		}
		p.Kill()
	}
}
