package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

// Payload limits; 1 MB for asynchronous events since October 2025, 256 KB before.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
)

func (a *api) invoke(ctx context.Context, in *InvokeInput) (*InvokeOutput, error) {
	limit := maxSyncPayload
	if in.InvocationType == InvocationTypeEvent {
		limit = maxAsyncPayload
	}
	if len(in.Payload) > limit {
		return nil, tooLarge(limit, "InvokeFunction")
	}
	r, q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil && r.name != "" && r.qualifier == "" {
		return nil, notFound(r.with(cloud.Latest)) // what an unqualified invocation means
	}
	if err != nil {
		return nil, err
	}
	if in.TenantId != nil || in.DurableExecutionName != nil {
		return nil, a.refused("Tenants and durable executions are not implemented.")
	}
	if err := checkPayload(in.Payload); err != nil {
		return nil, err
	}
	clientContext, err := decodeContext(in.ClientContext)
	if err != nil {
		return nil, err
	}
	call := wire.CallFrom(ctx)
	if err := control.MayInvoke(q.Function, call.VPC); err != nil { // as the other dialect has it set
		return nil, err
	}
	switch in.InvocationType {
	case InvocationTypeDryRun:
		return &InvokeOutput{StatusCode: ptr(int32(204))}, nil
	case InvocationTypeEvent:
		err := a.invoker.Enqueue(ctx, invoke.Event{ID: call.RequestID, Function: r.key(), Qualifier: r.qualifier, ARN: r.arn(),
			Payload: in.Payload, ClientContext: clientContext})
		if err != nil {
			return nil, err
		}
		return &InvokeOutput{StatusCode: ptr(int32(202))}, nil
	}
	v := q.Pick(a.random())
	resp, err := a.invoker.Invoke(ctx, invoke.Request{Function: q.Function, Version: v, ARN: r.arn(), Payload: in.Payload,
		RequestID: call.RequestID, ClientContext: clientContext, LogTail: in.LogType == LogTypeTail})
	if err != nil {
		return nil, err
	}
	out := &InvokeOutput{
		StatusCode:      ptr(int32(200)),
		Payload:         resp.Payload,
		FunctionError:   optional(resp.FunctionError),
		ExecutedVersion: ptr(v.Label()),
	}
	if in.LogType == LogTypeTail {
		out.LogResult = ptr(base64.StdEncoding.EncodeToString(resp.LogTail))
	}
	return out, nil
}

// invokeAsync is the old form of an Event invocation.
func (a *api) invokeAsync(ctx context.Context, in *InvokeAsyncInput) (*InvokeAsyncOutput, error) {
	_, err := a.invoke(ctx, &InvokeInput{FunctionName: in.FunctionName, InvocationType: InvocationTypeEvent, Payload: in.InvokeArgs})
	if err != nil {
		return nil, err
	}
	return &InvokeAsyncOutput{Status: ptr(int32(202))}, nil
}

// checkPayload wants JSON or nothing.
func checkPayload(b []byte) error {
	if len(b) == 0 || json.Valid(b) {
		return nil
	}
	return &wire.Error{Code: "InvalidRequestContentException", Msg: "Could not parse request body into json: Could not parse payload into json: " + parseTrouble(b)}
}

// parseTrouble says what is wrong with a body, as AWS's parser does.
func parseTrouble(b []byte) string {
	at := func(offset int) string {
		line, column := position(b, offset)
		return fmt.Sprintf("\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]", line, column)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	var v any
	err := d.Decode(&v)
	var syntax *json.SyntaxError
	if err == nil { // something follows the value
		return fmt.Sprintf("Unexpected content after the value at offset %d", d.InputOffset())
	}
	if errors.As(err, &syntax) && syntax.Offset > 0 && int(syntax.Offset) <= len(b) {
		c := b[syntax.Offset-1]
		what := fmt.Sprintf("'%c' (code %d)", c, c)
		if c < ' ' || c >= 0x7f {
			what = fmt.Sprintf("(CTRL-CHAR, code %d)", c)
		}
		return fmt.Sprintf("Unexpected character (%s): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", what) + at(int(syntax.Offset))
	}
	return "Unexpected end-of-input" + at(len(b)+1)
}

// position is the line and column of the byte before offset, from 1.
func position(b []byte, offset int) (line, column int) {
	before := b[:offset-1]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// decodeContext reads a client context: base64 of JSON, 3,583 bytes at most.
func decodeContext(s *string) (string, error) {
	if s == nil || *s == "" {
		return "", nil
	}
	if len(*s) > 3583 {
		return "", invalid("Client context must be no more than 3583 bytes when base64-encoded.")
	}
	b, err := base64.StdEncoding.DecodeString(*s)
	if err != nil || !json.Valid(b) {
		return "", &wire.Error{Code: "InvalidRequestContentException", Msg: "Client context must be a valid Base64-encoded JSON object."}
	}
	return string(b), nil
}

// ParseDestination finds the function that a destination's ARN names.
func ParseDestination(arn string) (key cloud.FunctionKey, qualifier string, ok bool) {
	parts := bytes.Split([]byte(arn), []byte(":"))
	if len(parts) < 7 || string(parts[2]) != "lambda" {
		return "", "", false
	}
	r, err := parseRefFor(string(parts[4]), string(parts[3]), arn, "")
	return r.key(), r.qualifier, err == nil
}
