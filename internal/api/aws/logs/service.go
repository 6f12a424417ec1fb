package logs

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/logs"
)

type api struct{ logs *logs.Logs }

// New returns CloudWatch Logs over l.
func New(l *logs.Logs) *wire.Service {
	a := &api{l}
	s := wire.NewService(Spec)
	s.MapError = mapError
	wire.Handle(s, "CreateLogGroup", a.CreateLogGroup)
	wire.Handle(s, "DeleteLogGroup", a.DeleteLogGroup)
	wire.Handle(s, "DescribeLogGroups", a.DescribeLogGroups)
	wire.Handle(s, "ListLogGroups", a.ListLogGroups)
	wire.Handle(s, "PutLogGroupDeletionProtection", a.PutLogGroupDeletionProtection)
	wire.Handle(s, "PutRetentionPolicy", a.PutRetentionPolicy)
	wire.Handle(s, "DeleteRetentionPolicy", a.DeleteRetentionPolicy)
	wire.Handle(s, "CreateLogStream", a.CreateLogStream)
	wire.Handle(s, "DeleteLogStream", a.DeleteLogStream)
	wire.Handle(s, "DescribeLogStreams", a.DescribeLogStreams)
	wire.Handle(s, "PutLogEvents", a.PutLogEvents)
	wire.Handle(s, "GetLogEvents", a.GetLogEvents)
	wire.Handle(s, "FilterLogEvents", a.FilterLogEvents)
	wire.Handle(s, "TagResource", a.TagResource)
	wire.Handle(s, "UntagResource", a.UntagResource)
	wire.Handle(s, "ListTagsForResource", a.ListTagsForResource)
	wire.Handle(s, "TagLogGroup", a.TagLogGroup)
	wire.Handle(s, "UntagLogGroup", a.UntagLogGroup)
	wire.Handle(s, "ListTagsLogGroup", a.ListTagsLogGroup)
	return s
}

// fault identifies a neutral error.
type fault struct {
	resource cloud.Resource
	kind     cloud.Kind
}

var faults = map[fault]wire.Error{
	{cloud.KindLogGroup, cloud.NotFound}:   {Code: "ResourceNotFoundException", Msg: "The specified log group does not exist."},
	{cloud.KindLogStream, cloud.NotFound}:  {Code: "ResourceNotFoundException", Msg: "The specified log stream does not exist."},
	{cloud.KindLogGroup, cloud.Exists}:     {Code: "ResourceAlreadyExistsException", Msg: "The specified log group already exists"},
	{cloud.KindLogStream, cloud.Exists}:    {Code: "ResourceAlreadyExistsException", Msg: "The specified log stream already exists"},
	{cloud.KindLogStream, cloud.Malformed}: {Code: "InvalidParameterException", Msg: badToken},
}

const badToken = "The specified nextToken is invalid."

func mapError(e *cloud.Error) *wire.Error {
	out, ok := faults[fault{e.Resource, e.Kind}]
	if !ok {
		return nil
	}
	out.Err = e
	return &out
}

func invalid(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidParameterException", Msg: fmt.Sprintf(format, args...)}
}

func notFound(msg string) *wire.Error {
	return &wire.Error{Code: "ResourceNotFoundException", Msg: msg}
}

// scope is where the caller's groups are.
func scope(ctx context.Context) logs.Scope {
	c := wire.CallFrom(ctx)
	return logs.Scope{Account: c.Account, Region: c.Region}
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// groupARN is a group's ARN without the ":*" that stands for its streams.
func groupARN(s logs.Scope, name string) string {
	return "arn:" + partition(s.Region) + ":logs:" + s.Region + ":" + s.Account + ":log-group:" + name
}

// groupOfARN returns the name in the ARN of a group of this scope, which may end
// with ":*".
func groupOfARN(s logs.Scope, arn string) (string, bool) {
	name, ok := strings.CutPrefix(arn, groupARN(s, ""))
	name = strings.TrimSuffix(name, ":*")
	return name, ok && name != "" && !strings.Contains(name, ":")
}

// oneGroup is the group that a request names by name, or by name or ARN.
func oneGroup(ctx context.Context, name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", &wire.Error{Code: "ValidationException", Msg: "LogGroup name and LogGroup ARN are mutually exclusive parameters."}
	case name != nil:
		return *name, nil
	case identifier == nil:
		return "", invalid("LogGroup name or LogGroup identifier must be specified.")
	case !strings.HasPrefix(*identifier, "arn:"):
		return *identifier, nil
	}
	g, ok := groupOfARN(scope(ctx), *identifier)
	if !ok {
		return "", notFound("The specified log group does not exist.")
	}
	return g, nil
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
