package lambda

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// ref names a function as a request does.
type ref struct {
	account, region, name string
	qualifier             string // "" if none was given
}

func (r ref) key() cloud.FunctionKey { return cloud.MakeFunctionKey(r.account, r.region, r.name) }

// arn is the function's ARN, with the qualifier if one was given.
func (r ref) arn() string {
	s := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", r.region, r.account, r.name)
	if r.qualifier != "" {
		s += ":" + r.qualifier
	}
	return s
}

func (r ref) with(qualifier string) ref {
	r.qualifier = qualifier
	return r
}

func refOf(fn *cloud.Function) ref {
	return ref{account: fn.Account, region: fn.Region, name: fn.Name}
}

// parseRef reads a name in any of the forms AWS takes: name, account:function:name,
// the whole ARN, each with or without ":qualifier".
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func parseRef(ctx context.Context, name, qualifier *string) (ref, error) {
	call := wire.CallFrom(ctx)
	return parseRefFor(call.Account, call.Region, value(name), value(qualifier))
}

func parseRefFor(account, region, name, qualifier string) (ref, error) {
	r := ref{account: account, region: region}
	parts := strings.Split(name, ":")
	if parts[0] == "arn" {
		if len(parts) < 6 || parts[2] != "lambda" || len(parts) > 6 && parts[5] != "function" {
			return r, invalid("%s is not a valid function name or ARN", name)
		}
		if parts[3] != region {
			return r, &wire.Error{Code: "ResourceNotFoundException", Msg: fmt.Sprintf("Functions from '%s' are not reachable in this region ('%s')", parts[3], region)}
		}
		r.account, parts = parts[4], parts[min(6, len(parts)-1):]
	} else {
		if len(parts) >= 3 && parts[1] == "function" {
			r.account, parts = parts[0], parts[1:]
		}
		if parts[0] == "function" && len(parts) > 1 {
			parts = parts[1:]
		}
	}
	if len(parts) > 2 || parts[0] == "" {
		return r, invalid("%s is not a valid function name or ARN", name)
	}
	r.name = parts[0]
	if len(parts) == 2 {
		r.qualifier = parts[1]
	}
	if qualifier != "" && r.qualifier != "" && r.qualifier != qualifier {
		return r, invalid("The derived qualifier from the function name does not match the specified qualifier.")
	}
	if qualifier != "" {
		r.qualifier = qualifier
	}
	return r, nil
}

// resolve finds what a name leads to.
func (a *api) resolve(ctx context.Context, name, qualifier *string) (ref, cloud.Qualified, error) {
	r, err := parseRef(ctx, name, qualifier)
	if err != nil {
		return r, cloud.Qualified{}, err
	}
	q, err := cloud.Resolve(a.control.View(), r.key(), r.qualifier)
	if err != nil {
		return r, q, notFound(r)
	}
	return r, q, nil
}

// target finds what a name leads to for operations on a qualifier, which miss an alias
// where others miss the function.
func (a *api) target(ctx context.Context, name, qualifier *string) (ref, cloud.Qualified, error) {
	r, q, err := a.resolve(ctx, name, qualifier)
	if err != nil && r.name != "" && aliasName.MatchString(r.qualifier) {
		if _, number := versionNumber(r.qualifier); !number {
			return r, q, noAlias(r)
		}
	}
	return r, q, err
}

var aliasName = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)

// unqualified finds a function for an operation that works on the function as a whole.
func (a *api) unqualified(ctx context.Context, name *string) (ref, *cloud.Function, error) {
	r, err := parseRef(ctx, name, nil)
	if err != nil {
		return r, nil, err
	}
	if r.qualifier != "" && r.qualifier != cloud.Latest {
		return r, nil, functionsOnly()
	}
	r.qualifier = ""
	fn, ok := cloud.Functions.Get(a.control.View(), r.key())
	if !ok {
		return r, nil, notFound(r)
	}
	return r, fn, nil
}

func functionsOnly() *wire.Error {
	return invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
}

// versionNumber reads "$LATEST" or a number; ok is false for anything else.
func versionNumber(s string) (n int, ok bool) {
	if s == cloud.Latest {
		return 0, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

// optional is a pointer to s, or nil if it is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
