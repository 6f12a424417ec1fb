package logs

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/sdktest"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/logs"
)

const account = "123456789012"

type anyone struct{}

func (anyone) Credential(string, string) (string, cloud.Principal, bool, error) {
	return "secret", cloud.Principal{Kind: cloud.PrincipalRoot, Account: account, ID: account}, false, nil
}

// fixture is a client of a server with the service, and the logs behind it.
type fixture struct {
	*sdk.Client
	logs *logs.Logs
	t    *testing.T
}

func start(t *testing.T) *fixture {
	l := logs.NewMemory()
	server := wire.NewServer(wire.Config{Verify: anyone{}, Account: account, Region: "us-east-1"})
	server.Add(New(l))
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	return &fixture{sdk.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &h.URL, RetryMaxAttempts: 1, HTTPClient: sdktest.Client,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")}), l, t}
}

// ok returns v, and ends the test if there is an error.
func ok[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode[T any](t *testing.T, code, message string) func(T, error) {
	return func(_ T, err error) {
		t.Helper()
		var e smithy.APIError
		if !errors.As(err, &e) {
			t.Errorf("got %v, want %s", err, code)
		} else if e.ErrorCode() != code || message != "" && e.ErrorMessage() != message {
			t.Errorf("got %s: %s, want %s: %s", e.ErrorCode(), e.ErrorMessage(), code, message)
		}
	}
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (f *fixture) group(name string) {
	f.t.Helper()
	ok(f.CreateLogGroup(f.t.Context(), &sdk.CreateLogGroupInput{LogGroupName: &name}))(f.t)
}

func (f *fixture) stream(group, name string) {
	f.t.Helper()
	ok(f.CreateLogStream(f.t.Context(), &sdk.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &name}))(f.t)
}

func (f *fixture) put(group, stream string, events ...types.InputLogEvent) *sdk.PutLogEventsOutput {
	f.t.Helper()
	return ok(f.PutLogEvents(f.t.Context(), &sdk.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events}))(f.t)
}

func event(at time.Time, message string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: aws.Int64(at.UnixMilli()), Message: &message}
}

const (
	noGroup  = "The specified log group does not exist."
	noStream = "The specified log stream does not exist."
)

func TestGroups(t *testing.T) {
	f, ctx := start(t), t.Context()
	for _, g := range []string{"/aws/lambda/b", "/aws/lambda/a", "other"} {
		f.group(g)
	}
	for _, c := range []struct {
		in   sdk.ListLogGroupsInput
		want string
	}{
		{sdk.ListLogGroupsInput{LogGroupNamePattern: aws.String("^/aws/lambda|oth")}, "/aws/lambda/a /aws/lambda/b other"},
		{sdk.ListLogGroupsInput{LogGroupNamePattern: aws.String("lambda/a")}, "/aws/lambda/a"},
		{sdk.ListLogGroupsInput{LogGroupNamePattern: aws.String("no-such-group")}, ""},
		{sdk.ListLogGroupsInput{LogGroupClass: types.LogGroupClassInfrequentAccess}, ""},
	} {
		var names []string
		for _, g := range ok(f.ListLogGroups(ctx, &c.in))(t).LogGroups {
			names = append(names, *g.LogGroupName)
		}
		want(t, "listed", strings.Join(names, " "), c.want)
	}
	wantCode[*sdk.DescribeLogStreamsOutput](t, "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")(
		f.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupName: aws.String("other"), LogGroupIdentifier: aws.String("other")}))
	wantCode[*sdk.CreateLogGroupOutput](t, "ResourceAlreadyExistsException", "The specified log group already exists")(
		f.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("other")}))
	wantCode[*sdk.CreateLogGroupOutput](t, "InvalidParameterException", "")(
		f.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("a b")}))
	wantCode[*sdk.CreateLogGroupOutput](t, "InvalidParameterException", "")(
		f.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("k"), KmsKeyId: aws.String("arn:aws:kms:us-east-1:123456789012:key/x")}))

	names := func(in sdk.DescribeLogGroupsInput) string {
		t.Helper()
		var out []string
		for p := sdk.NewDescribeLogGroupsPaginator(f.Client, &in); p.HasMorePages(); {
			for _, g := range ok(p.NextPage(ctx))(t).LogGroups {
				out = append(out, *g.LogGroupName)
			}
		}
		return strings.Join(out, " ")
	}
	want(t, "all", names(sdk.DescribeLogGroupsInput{}), "/aws/lambda/a /aws/lambda/b other")
	want(t, "one by one", names(sdk.DescribeLogGroupsInput{Limit: aws.Int32(1)}), "/aws/lambda/a /aws/lambda/b other")
	want(t, "prefix", names(sdk.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/")}), "/aws/lambda/a /aws/lambda/b")
	want(t, "pattern", names(sdk.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("lambda/b")}), "/aws/lambda/b")
	want(t, "class", names(sdk.DescribeLogGroupsInput{LogGroupClass: types.LogGroupClassInfrequentAccess}), "")
	want(t, "standard class", names(sdk.DescribeLogGroupsInput{LogGroupClass: types.LogGroupClassStandard, LogGroupNamePrefix: aws.String("o")}), "other")
	wantCode[*sdk.DescribeLogGroupsOutput](t, "InvalidParameterException", "")(f.DescribeLogGroups(ctx,
		&sdk.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("a"), LogGroupNamePattern: aws.String("aaa")}))
	wantCode[*sdk.DescribeLogGroupsOutput](t, "InvalidParameterException", "The specified nextToken is invalid.")(f.DescribeLogGroups(ctx,
		&sdk.DescribeLogGroupsInput{NextToken: aws.String("x")}))

	g := ok(f.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("other")}))(t).LogGroups[0]
	want(t, "arn", *g.Arn, "arn:aws:logs:us-east-1:123456789012:log-group:other:*")
	want(t, "group arn", *g.LogGroupArn, "arn:aws:logs:us-east-1:123456789012:log-group:other")
	if g.RetentionInDays != nil || time.Since(time.UnixMilli(*g.CreationTime)) > time.Minute || *g.StoredBytes != 0 || *g.MetricFilterCount != 0 {
		t.Errorf("group: %+v", g)
	}

	ok(f.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("other")}))(t)
	wantCode[*sdk.DeleteLogGroupOutput](t, "ResourceNotFoundException", noGroup)(f.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("other")}))
	want(t, "left", names(sdk.DescribeLogGroupsInput{}), "/aws/lambda/a /aws/lambda/b")
}

func TestRetention(t *testing.T) {
	f, ctx := start(t), t.Context()
	f.group("g")
	ok(f.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(7)}))(t)
	days := func() *int32 {
		return ok(f.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{}))(t).LogGroups[0].RetentionInDays
	}
	if d := days(); d == nil || *d != 7 {
		t.Errorf("retention is %v, want 7", d)
	}
	wantCode[*sdk.PutRetentionPolicyOutput](t, "InvalidParameterException", "")(
		f.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(2)}))
	wantCode[*sdk.PutRetentionPolicyOutput](t, "ResourceNotFoundException", noGroup)(
		f.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("h"), RetentionInDays: aws.Int32(7)}))
	ok(f.DeleteRetentionPolicy(ctx, &sdk.DeleteRetentionPolicyInput{LogGroupName: aws.String("g")}))(t)
	if d := days(); d != nil {
		t.Errorf("retention is %d after its deletion", *d)
	}
}

func TestDeletionProtection(t *testing.T) {
	f, ctx := start(t), t.Context()
	ok(f.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("g"), DeletionProtectionEnabled: aws.Bool(true)}))(t)
	wantCode[*sdk.DeleteLogGroupOutput](t, "ValidationException", "")(f.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("g")}))
	ok(f.PutLogGroupDeletionProtection(ctx, &sdk.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: aws.String("g"), DeletionProtectionEnabled: aws.Bool(false)}))(t)
	ok(f.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("g")}))(t)
}

func TestStreams(t *testing.T) {
	f, ctx := start(t), t.Context()
	f.group("g")
	for _, s := range []string{"ab", "a", "b"} {
		f.stream("g", s)
	}
	wantCode[*sdk.CreateLogStreamOutput](t, "ResourceAlreadyExistsException", "The specified log stream already exists")(
		f.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("a")}))
	wantCode[*sdk.CreateLogStreamOutput](t, "ResourceNotFoundException", noGroup)(
		f.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: aws.String("h"), LogStreamName: aws.String("a")}))
	now := time.Now()
	f.put("g", "b", event(now.Add(-2*time.Minute), "x"), event(now.Add(-time.Minute), "y"))
	f.put("g", "a", event(now, "z"))

	names := func(in sdk.DescribeLogStreamsInput) string {
		t.Helper()
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(2)
		var out []string
		for p := sdk.NewDescribeLogStreamsPaginator(f.Client, &in); p.HasMorePages(); {
			for _, s := range ok(p.NextPage(ctx))(t).LogStreams {
				out = append(out, *s.LogStreamName)
			}
		}
		return strings.Join(out, " ")
	}
	yes, byTime := aws.Bool(true), types.OrderByLastEventTime
	want(t, "by name", names(sdk.DescribeLogStreamsInput{}), "a ab b")
	want(t, "by name, descending", names(sdk.DescribeLogStreamsInput{Descending: yes}), "b ab a")
	want(t, "prefix", names(sdk.DescribeLogStreamsInput{LogStreamNamePrefix: aws.String("a")}), "a ab")
	want(t, "by time", names(sdk.DescribeLogStreamsInput{OrderBy: byTime}), "ab b a")
	want(t, "newest first", names(sdk.DescribeLogStreamsInput{OrderBy: byTime, Descending: yes}), "a b ab")
	wantCode[*sdk.DescribeLogStreamsOutput](t, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")(
		f.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupName: aws.String("g"), OrderBy: byTime, LogStreamNamePrefix: aws.String("a")}))
	wantCode[*sdk.DescribeLogStreamsOutput](t, "ResourceNotFoundException", noGroup)(
		f.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupName: aws.String("h")}))

	s := ok(f.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{
		LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:g"), LogStreamNamePrefix: aws.String("b")}))(t).LogStreams[0]
	want(t, "arn", *s.Arn, "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:b")
	want(t, "first and last", []int64{*s.FirstEventTimestamp, *s.LastEventTimestamp}, []int64{now.Add(-2 * time.Minute).UnixMilli(), now.Add(-time.Minute).UnixMilli()})

	ok(f.DeleteLogStream(ctx, &sdk.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b")}))(t)
	wantCode[*sdk.DeleteLogStreamOutput](t, "ResourceNotFoundException", noStream)(
		f.DeleteLogStream(ctx, &sdk.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b")}))
}

func TestPutLogEvents(t *testing.T) {
	f, ctx := start(t), t.Context()
	f.group("g")
	f.stream("g", "s")
	now := time.Now()
	put := func(group, stream string, events ...types.InputLogEvent) (*sdk.PutLogEventsOutput, error) {
		return f.PutLogEvents(ctx, &sdk.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	}
	bad := wantCode[*sdk.PutLogEventsOutput]
	bad(t, "ResourceNotFoundException", noGroup)(put("h", "s", event(now, "x")))
	bad(t, "ResourceNotFoundException", noStream)(put("g", "t", event(now, "x")))
	bad(t, "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")(
		put("g", "s", event(now, "x"), event(now.Add(-time.Second), "y")))
	bad(t, "InvalidParameterException", "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")(
		put("g", "s", event(now.Add(-25*time.Hour), "x"), event(now, "y")))
	// 1,048,551 bytes and 26 more are one too many.
	bad(t, "InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576")(put("g", "s", event(now, strings.Repeat("x", 1_048_551))))
	bad(t, "InvalidParameterException", "")(put("g", "s", []types.InputLogEvent{}...))
	if out := ok(put("g", "s", event(now, "fine")))(t); out.RejectedLogEventsInfo != nil || out.NextSequenceToken == nil {
		t.Errorf("answer: %+v", out)
	}

	old := now.Add(-15 * 24 * time.Hour)
	out := ok(put("g", "s", event(old, "too old"), event(old, "too old")))(t)
	if r := out.RejectedLogEventsInfo; r == nil || *r.TooOldLogEventEndIndex != 2 || r.TooNewLogEventStartIndex != nil {
		t.Errorf("two events of 15 days ago: %+v", r)
	}
	out = ok(put("g", "s", event(now, "now"), event(now.Add(119*time.Minute), "soon"), event(now.Add(122*time.Minute), "too new")))(t)
	if r := out.RejectedLogEventsInfo; r == nil || *r.TooNewLogEventStartIndex != 2 || r.TooOldLogEventEndIndex != nil {
		t.Errorf("one event of 122 minutes ahead: %+v", r)
	}
	ok(f.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(1)}))(t)
	out = ok(put("g", "s", event(now.Add(-24*time.Hour-time.Second), "expired"), event(now.Add(-time.Hour), "kept")))(t)
	if r := out.RejectedLogEventsInfo; r == nil || *r.ExpiredLogEventEndIndex != 1 || r.TooOldLogEventEndIndex != nil {
		t.Errorf("one event beyond the retention: %+v", r)
	}
	page := ok(f.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}))(t)
	want(t, "stored", messages(page), "kept fine now soon")
}

func messages(out *sdk.GetLogEventsOutput) string {
	var ms []string
	for _, e := range out.Events {
		ms = append(ms, *e.Message)
	}
	return strings.Join(ms, " ")
}
