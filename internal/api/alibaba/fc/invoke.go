package fc

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"

	"weir/internal/api/alibaba/region"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

// Payload limits.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/product-overview/limits-1
const (
	maxSync  = 32 << 20
	maxAsync = 128 << 10
)

func (a *api) invokeFunction(ctx context.Context, in *InvokeFunctionInput) (*InvokeFunctionOutput, error) {
	q, err := a.resolve(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	call := wire.CallFrom(ctx)
	from := call.VPC
	if call.TLS { // "only by the private HTTP endpoint": what comes by HTTPS is from no VPC
		from = ""
	}
	if err := control.MayInvoke(q.Function, from); err != nil {
		return nil, err
	}
	async := value(in.XFcInvocationType) == "Async"
	switch kind := value(in.XFcInvocationType); {
	case !slices.Contains([]string{"", "Sync", "Async"}, kind):
		return nil, invalid("x-fc-invocation-type is set to an invalid value: want Sync or Async")
	case async && len(in.Body) > maxAsync:
		return nil, fault("EntityTooLarge", "the payload is %d bytes long, at most %d are allowed", len(in.Body), maxAsync)
	case len(in.Body) > maxSync:
		return nil, fault("EntityTooLarge", "the payload is %d bytes long, at most %d are allowed", len(in.Body), maxSync)
	}
	v := q.Pick(a.random())
	if async {
		return a.later(ctx, q, in)
	}
	tail := value(in.XFcLogType) == "Tail"
	resp, err := a.invoker.Invoke(ctx, invoke.Request{Function: q.Function, Version: v, ARN: functionARN(q.Function), Payload: in.Body,
		RequestID: call.RequestID, Qualifier: cmp.Or(value(in.Qualifier), latest), LogTail: tail || v.Server != nil})
	if err != nil {
		return nil, err
	}
	if err := notStarted(resp); err != nil {
		return nil, err
	}
	return answer(call, v, resp, tail), nil
}

// answer is what came of an event. A function's own failure is no failed call.
func answer(call *wire.Call, v *cloud.Version, resp *invoke.Response, tail bool) *InvokeFunctionOutput {
	out := &InvokeFunctionOutput{Body: resp.Payload, StatusCode: ptr(int64(200)), Headers: map[string]string{
		"x-fc-request-id": call.RequestID, "x-fc-invocation-service-version": versionLabel(v), "x-fc-code-checksum": checksum(v.Attrs, v.CodeDigest),
		"x-fc-instance-id": resp.Instance, "Content-Type": "application/octet-stream",
	}}
	if resp.HTTP != nil {
		out.Headers["Content-Type"] = cmp.Or(resp.HTTP.Header.Get("Content-Type"), "application/octet-stream")
	}
	if resp.FunctionError != "" {
		out.Headers["x-fc-error-type"] = errorType(resp)
		out.Headers["Content-Type"] = "application/json"
	}
	if tail {
		out.Headers["x-fc-log-result"] = base64.StdEncoding.EncodeToString(resp.LogTail)
	}
	return out
}

// errorType tells a failure that the code told of from all others.
func errorType(resp *invoke.Response) string {
	if resp.Reported {
		return "HandledInvocationError"
	}
	return "UnhandledInvocationError"
}

// startCodes are the codes for a custom runtime that did not become a server.
// https://www.alibabacloud.com/help/en/functioncompute/fc/support/error-codes
var startCodes = map[string]string{
	invoke.ServerExited: "CAExited", invoke.ServerMissing: "CAFileNotFound", invoke.ServerNotExecutable: "CAFilePermission", invoke.ServerSilent: "FunctionNotStarted",
}

// notStarted is the failed call, if the event met no server.
func notStarted(resp *invoke.Response) error {
	if resp.Failure != invoke.NotStarted {
		return nil
	}
	return fault(startCodes[resp.ErrorType], "%s\nLogs:%s", resp.Message, resp.LogTail)
}

// later stores an event for an asynchronous invocation.
func (a *api) later(ctx context.Context, q cloud.Qualified, in *InvokeFunctionInput) (*InvokeFunctionOutput, error) {
	call := wire.CallFrom(ctx)
	e := invoke.Event{ID: call.RequestID, Function: q.Function.Key, Qualifier: neutralQualifier(value(in.Qualifier)), ARN: functionARN(q.Function), Payload: in.Body}
	headers, err := enqueue(ctx, a.control.View(), a.invoker, e, value(in.XFcAsyncTaskId), value(in.XFcAsyncDelay))
	if err != nil {
		return nil, err
	}
	return &InvokeFunctionOutput{StatusCode: ptr(int64(http.StatusAccepted)), Headers: headers}, nil
}

// maxDelay is how long an event may be put off.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/asynchronous-invocation
const maxDelay = 3600

// enqueue stores an event, as a task if the function's events are, and gives the
// headers of the answer. Without an ID of its own a task has its request's.
func enqueue(ctx context.Context, v cloud.View, to Invoker, e invoke.Event, task, delay string) (map[string]string, error) {
	if delay != "" {
		n, err := strconv.Atoi(delay)
		if err != nil || n < 1 || n > maxDelay {
			return nil, invalid("x-fc-async-delay is set to an invalid value: want 1 to %d seconds", maxDelay)
		}
		e.NotBefore = time.Now().Add(time.Duration(n) * time.Second)
	}
	headers := map[string]string{"x-fc-request-id": e.ID}
	cfg, ok := cloud.EventConfigs.Get(v, cloud.MakeEventConfigKey(e.Function, e.Qualifier))
	switch tasks := ok && cfg.Tasks; {
	case task != "" && !tasks:
		return nil, invalid("x-fc-async-task-id needs asyncTask to be enabled in the function's asynchronous configuration")
	case task != "" && !validName(task):
		return nil, invalid("x-fc-async-task-id '%s' must match %s", task, namePattern)
	case tasks:
		e.Task = cmp.Or(task, e.ID)
		headers["x-fc-async-task-id"] = e.Task
	}
	return headers, to.Enqueue(ctx, e)
}

// Opening is what a function's network needs to be opened.
func Opening(fn *cloud.Function, v *cloud.Version) control.OpenNetwork {
	r, _ := region.Get(fn.Region)
	return control.OpenNetwork{
		ZoneServed: r.Serves, Role: networkRole(fn, v), Actions: []string{"ecs:CreateNetworkInterface"},
		Managed: "fc", Description: "fc-" + fn.Name, Registry: registryOf(v),
	}
}

// registryOf is where the image of a GPU function is, if that is an ACR Enterprise
// instance: only for those does the vendor ask where its name leads.
// https://www.alibabacloud.com/help/en/functioncompute/fc/configure-network-settings
func registryOf(v *cloud.Version) cloud.RegistryID {
	if v.Image == nil || v.Attrs["fc.gpuType"] == "" {
		return ""
	}
	return cloud.RegistryID(v.Attrs["fc.acrInstanceId"])
}

// networkRole is who makes the function's interfaces: the role that its network
// settings name, else its own, else the service's.
func networkRole(fn *cloud.Function, v *cloud.Version) string {
	if r := v.Attrs["fc.vpcRole"]; r != "" {
		if neutral, err := neutralRole(r, fn.Account); err == nil {
			return neutral
		}
	}
	if v.Role != "" {
		return v.Role
	}
	return "acs:ram::" + fn.Account + ":role/" + ServiceRole
}

// ServiceRole is the role with which the product serves functions without a role.
const ServiceRole = "AliyunServiceRoleForFC"

func versionLabel(v *cloud.Version) string {
	if v.Number == 0 {
		return latest
	}
	return v.Label()
}
