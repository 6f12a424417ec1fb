package invoke

import (
	"encoding/json"
	"strings"
	"time"

	"weir/internal/cloud"
)

// destinationRecord is what a destination gets.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type destinationRecord struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  requestContext   `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload"`
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Invokes     int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// record says of an event what the function's contract tells destinations.
func record(contract string, e Event, condition string, v *cloud.Version, resp *Response, now time.Time) any {
	if contract == FC {
		return fcRecordOf(e, condition, resp, now)
	}
	arn := e.ARN
	if e.Qualifier == "" && !strings.HasSuffix(arn, ":"+cloud.Latest) {
		arn += ":" + cloud.Latest
	}
	r := destinationRecord{
		Version:        "1.0",
		Timestamp:      now.UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{RequestID: e.ID, FunctionARN: arn, Condition: condition, Invokes: e.Attempts},
		RequestPayload: rawJSON(e.Payload),
	}
	if resp != nil {
		r.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: v.Label(), FunctionError: resp.FunctionError}
		r.ResponsePayload = rawJSON(resp.Payload)
	}
	return r
}

// fcRecord is what Function Compute tells a destination: payloads are texts, and
// the condition is the kind of error, "" for none.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/result-callback
type fcRecord struct {
	Timestamp       int64             `json:"timestamp"` // ms
	RequestContext  requestContext    `json:"requestContext"`
	RequestPayload  string            `json:"requestPayload"`
	ResponseContext fcResponseContext `json:"responseContext"`
	ResponsePayload string            `json:"responsePayload"`
}

type fcResponseContext struct {
	StatusCode    int    `json:"statusCode"`
	FunctionError string `json:"functionError"`
}

func fcRecordOf(e Event, condition string, resp *Response, now time.Time) fcRecord {
	r := fcRecord{
		Timestamp:      now.UnixMilli(),
		RequestContext: requestContext{RequestID: e.ID, FunctionARN: e.ARN, Invokes: e.Attempts},
		RequestPayload: string(e.Payload), ResponseContext: fcResponseContext{StatusCode: 200},
	}
	switch {
	case resp == nil: // it got too old
		r.RequestContext.Condition = condition
	case resp.FunctionError != "":
		name := failureName(&Task{Reported: resp.Reported})
		r.RequestContext.Condition, r.ResponseContext.FunctionError = name, name
	}
	if resp != nil {
		r.ResponsePayload = string(resp.Payload)
	}
	return r
}

// rawJSON is b, or, if it is no JSON, a string with it.
func rawJSON(b []byte) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	if json.Valid(b) {
		return b
	}
	quoted, err := json.Marshal(string(b))
	if err != nil {
		return json.RawMessage("null")
	}
	return quoted
}
