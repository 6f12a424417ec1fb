package fc

import (
	"fmt"
	"net/http"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// statuses are the HTTP statuses of the codes.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/developer-reference/error-codes
var statuses = map[string]int{
	"InvalidArgument": http.StatusBadRequest, "AccessDenied": http.StatusForbidden, "ResourceExhausted": http.StatusTooManyRequests,
	"ResourceThrottled": http.StatusServiceUnavailable, "ConcurrentUpdateError": http.StatusConflict, "EntityTooLarge": http.StatusRequestEntityTooLarge,
	"CAExited": http.StatusPreconditionFailed, "CAFileNotFound": http.StatusPreconditionFailed, "CAFilePermission": http.StatusPreconditionFailed,
	"FunctionNotStarted": http.StatusPreconditionFailed,
	"PreconditionFailed": http.StatusPreconditionFailed,
}

// names are what kinds of resource are called in codes.
var names = map[cloud.Resource]string{
	cloud.KindFunction: "Function", cloud.KindVersion: "Version", cloud.KindAlias: "Alias", cloud.KindTrigger: "Trigger",
	cloud.KindTask: "AsyncTask", cloud.KindDomain: "DomainName", cloud.KindLayer: "Layer", cloud.KindLayerVersion: "LayerVersion", cloud.KindProvision: "ProvisionConfig",
}

func fault(code, format string, args ...any) *wire.Error {
	return &wire.Error{Code: code, Status: statuses[code], Msg: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *wire.Error {
	return fault("InvalidArgument", format, args...)
}

func missing(name, format string, args ...any) *wire.Error {
	return &wire.Error{Code: name + "NotFound", Status: http.StatusNotFound, Msg: fmt.Sprintf(format, args...)}
}

// mapError puts what the platform says into the product's words.
func mapError(e *cloud.Error) *wire.Error {
	switch {
	case e.Kind == cloud.State && e.Resource == cloud.KindTask:
		return fault("PreconditionFailed", "%s", e.Msg)
	}
	switch e.Kind {
	case cloud.NotFound:
		if name, ok := names[e.Resource]; ok {
			return missing(name, "%s", e.Msg)
		}
		return invalid("%s", e.Msg)
	case cloud.Exists:
		return &wire.Error{Code: names[e.Resource] + "AlreadyExists", Status: http.StatusConflict, Msg: e.Msg}
	case cloud.State:
		if e.Resource == cloud.KindFunction && (e.Reason == "pending" || e.Reason == "image") {
			return fault("PreconditionFailed", "function '%s' cannot be invoked in its state: %s", e.ID, e.Msg)
		}
		return fault("ConcurrentUpdateError", "%s", e.Msg)
	case cloud.Conflict:
		return fault("ConcurrentUpdateError", "%s", e.Msg)
	case cloud.Denied:
		return fault("AccessDenied", "%s", e.Msg)
	case cloud.Limit, cloud.Exhausted:
		return fault("ResourceExhausted", "%s", e.Msg)
	case cloud.Unavailable:
		return fault("ResourceThrottled", "%s", e.Error())
	}
	return invalid("%s", e.Error())
}
