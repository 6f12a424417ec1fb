package invoke

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cloud"
)

// attempts runs one event through an Async whose function answers as told, and
// returns when it was tried, and what its destinations got.
func attempts(t *testing.T, cfg *cloud.EventConfig, answer func(n int) (*Response, error), within time.Duration) (at []time.Duration, delivered map[string]string) {
	t.Helper()
	state := newState()
	delivered = map[string]string{}
	state.update(func(tx cloud.Tx) {
		for _, name := range []string{"f", "ok", "bad"} {
			cloud.Functions.Put(tx, &cloud.Function{Meta: cloud.Meta{Account: "a", Region: "r"}, Key: cloud.MakeFunctionKey("a", "r", name), Name: name})
		}
		if cfg != nil {
			cfg.Function = "a/r/f"
			cfg.Key = cloud.MakeEventConfigKey(cfg.Function, "")
			cloud.EventConfigs.Put(tx, cfg)
		}
	})
	start := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	a := newAsync(func(_ context.Context, r Request) (*Response, error) {
		if r.Function.Name != "f" {
			delivered[r.Function.Name] = string(r.Payload)
			return &Response{}, nil
		}
		at = append(at, time.Since(start))
		return answer(len(at))
	}, AsyncConfig{
		Queue: NewMemoryQueue(), State: state,
		ParseDestination: func(arn string) (cloud.FunctionKey, string, bool) {
			return cloud.MakeFunctionKey("a", "r", arn[strings.LastIndexByte(arn, ':')+1:]), "", true
		},
	})
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	if err := a.Enqueue(ctx, Event{ID: "id-1", Function: "a/r/f", ARN: "arn:aws:lambda:r:a:function:f", Payload: []byte(`{"n":1}`)}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(within)
	synctest.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return at, delivered
}

func failing(int) (*Response, error) {
	return &Response{FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"no"}`)}, nil
}

func equal(a []time.Duration, b ...time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestEventRetries(t *testing.T) {
	// Two retries, one minute and two minutes after the error.
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
	synctest.Test(t, func(t *testing.T) {
		at, _ := attempts(t, nil, failing, time.Hour)
		if !equal(at, 0, time.Minute, 3*time.Minute) {
			t.Errorf("attempts at %v, want 0, 1 min, 3 min", at)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		at, _ := attempts(t, &cloud.EventConfig{Retries: new(0)}, failing, time.Hour)
		if !equal(at, 0) {
			t.Errorf("attempts at %v, want one", at)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		at, _ := attempts(t, &cloud.EventConfig{MaxAge: 90 * time.Second}, failing, time.Hour)
		if !equal(at, 0, time.Minute) {
			t.Errorf("attempts at %v, want 0 and 1 min: at 3 min the event is too old", at)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		at, _ := attempts(t, nil, func(n int) (*Response, error) {
			if n < 4 {
				return nil, cloud.Errorf(cloud.Limit, cloud.KindFunction, "f", ThrottledAccount, "full")
			}
			return &Response{Payload: []byte("1")}, nil
		}, time.Hour)
		if !equal(at, 0, time.Second, 3*time.Second, 7*time.Second) {
			t.Errorf("throttled attempts at %v, want waits of 1, 2 and 4 s", at)
		}
	})
}

func TestEventDestinations(t *testing.T) {
	cfg := func() *cloud.EventConfig {
		return &cloud.EventConfig{Retries: new(1), OnSuccess: "arn:aws:lambda:r:a:function:ok", OnFailure: "arn:aws:lambda:r:a:function:bad"}
	}
	synctest.Test(t, func(t *testing.T) {
		_, got := attempts(t, cfg(), failing, time.Hour)
		if _, ok := got["ok"]; ok {
			t.Error("the destination for success got a failure")
		}
		var r struct {
			Version        string `json:"version"`
			RequestContext struct {
				RequestID   string `json:"requestId"`
				FunctionARN string `json:"functionArn"`
				Condition   string `json:"condition"`
				Count       int    `json:"approximateInvokeCount"`
			} `json:"requestContext"`
			RequestPayload  json.RawMessage `json:"requestPayload"`
			ResponseContext struct {
				StatusCode      int    `json:"statusCode"`
				ExecutedVersion string `json:"executedVersion"`
				FunctionError   string `json:"functionError"`
			} `json:"responseContext"`
			ResponsePayload json.RawMessage `json:"responsePayload"`
		}
		if err := json.Unmarshal([]byte(got["bad"]), &r); err != nil {
			t.Fatalf("record %s: %v", got["bad"], err)
		}
		c := r.RequestContext
		if r.Version != "1.0" || c.RequestID != "id-1" || c.FunctionARN != "arn:aws:lambda:r:a:function:f:$LATEST" || c.Condition != "RetriesExhausted" || c.Count != 2 {
			t.Errorf("record %s", got["bad"])
		}
		if string(r.RequestPayload) != `{"n":1}` || string(r.ResponsePayload) != `{"errorMessage":"no"}` ||
			r.ResponseContext.StatusCode != 200 || r.ResponseContext.ExecutedVersion != "$LATEST" || r.ResponseContext.FunctionError != "Unhandled" {
			t.Errorf("record %s", got["bad"])
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, got := attempts(t, cfg(), func(int) (*Response, error) { return &Response{Payload: []byte(`"done"`)}, nil }, time.Minute)
		if !strings.Contains(got["ok"], `"condition":"Success"`) || got["bad"] != "" {
			t.Errorf("delivered %v, want a success to ok alone", got)
		}
	})
}
