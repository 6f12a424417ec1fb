package logs

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"weir/internal/logs"
)

// five stores events a to e, a second apart, in stream s of group g.
func five(f *fixture) (first time.Time) {
	f.group("g")
	f.stream("g", "s")
	first = time.UnixMilli(time.Now().Add(-time.Minute).UnixMilli())
	var es []types.InputLogEvent
	for i, m := range []string{"a", "b", "c", "d", "e"} {
		es = append(es, event(first.Add(time.Duration(i)*time.Second), m))
	}
	f.put("g", "s", es...)
	return first
}

func TestGetLogEvents(t *testing.T) {
	f, ctx := start(t), t.Context()
	first := five(f)
	get := func(in sdk.GetLogEventsInput) *sdk.GetLogEventsOutput {
		t.Helper()
		in.LogGroupName, in.LogStreamName = aws.String("g"), aws.String("s")
		return ok(f.GetLogEvents(ctx, &in))(t)
	}
	ms := func(seconds int) *int64 {
		return aws.Int64(first.Add(time.Duration(seconds) * time.Second).UnixMilli())
	}
	two, head := aws.Int32(2), aws.Bool(true)
	want(t, "all", messages(get(sdk.GetLogEventsInput{})), "a b c d e")
	want(t, "start is included, end is not", messages(get(sdk.GetLogEventsInput{StartTime: ms(1), EndTime: ms(3)})), "b c")
	want(t, "newest", messages(get(sdk.GetLogEventsInput{Limit: two})), "d e")
	p := get(sdk.GetLogEventsInput{Limit: two, StartFromHead: head})
	want(t, "oldest", messages(p), "a b")
	if e := p.Events[0]; *e.Timestamp != first.UnixMilli() || time.Since(time.UnixMilli(*e.IngestionTime)) > time.Minute {
		t.Errorf("event: %+v", e)
	}

	var pages []string
	for pager := sdk.NewGetLogEventsPaginator(f.Client, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"),
		LogStreamName: aws.String("s"), Limit: two, StartFromHead: head},
		func(o *sdk.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true }); pager.HasMorePages(); {
		pages = append(pages, messages(ok(pager.NextPage(ctx))(t)))
	}
	want(t, "forward", strings.Join(pages, "|"), "a b|c d|e|")

	back := get(sdk.GetLogEventsInput{Limit: two})
	back = get(sdk.GetLogEventsInput{Limit: two, NextToken: back.NextBackwardToken})
	want(t, "backward", messages(back), "b c")
	back = get(sdk.GetLogEventsInput{NextToken: back.NextBackwardToken})
	want(t, "backward to the start", messages(back), "a")
	end := get(sdk.GetLogEventsInput{NextToken: back.NextBackwardToken})
	want(t, "the token at the start stays", *end.NextBackwardToken, *back.NextBackwardToken)

	for _, token := range []string{"x", "f/1/s", "f/" + strings.Repeat("9", 56) + "/s", "g/" + strings.Repeat("0", 56) + "/s"} {
		wantCode[*sdk.GetLogEventsOutput](t, "InvalidParameterException", "The specified nextToken is invalid.")(
			f.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), NextToken: &token}))
	}
	wantCode[*sdk.GetLogEventsOutput](t, "ResourceNotFoundException", noStream)(
		f.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("t")}))
	wantCode[*sdk.GetLogEventsOutput](t, "ResourceNotFoundException", noGroup)(
		f.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupIdentifier: aws.String("arn:aws:logs:eu-west-1:123456789012:log-group:g"), LogStreamName: aws.String("s")}))
	wantCode[*sdk.GetLogEventsOutput](t, "InvalidParameterException", "")(f.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogStreamName: aws.String("s")}))
}

func filtered(out *sdk.FilterLogEventsOutput) string {
	var ms []string
	for _, e := range out.Events {
		ms = append(ms, *e.Message)
	}
	return strings.Join(ms, " ")
}

func TestFilterLogEvents(t *testing.T) {
	f, ctx := start(t), t.Context()
	first := five(f)
	f.stream("g", "t")
	f.put("g", "t", event(first.Add(1500*time.Millisecond), "b"), event(first.Add(10*time.Second), `{"n":1}`))
	filter := func(in sdk.FilterLogEventsInput) *sdk.FilterLogEventsOutput {
		t.Helper()
		in.LogGroupName = aws.String("g")
		return ok(f.FilterLogEvents(ctx, &in))(t)
	}
	all := filter(sdk.FilterLogEventsInput{})
	want(t, "merged", filtered(all), `a b b c d e {"n":1}`)
	if all.NextToken != nil || *all.Events[2].LogStreamName != "t" || len(*all.Events[2].EventId) != 56 {
		t.Errorf("answer: %+v", all)
	}
	want(t, "stream", filtered(filter(sdk.FilterLogEventsInput{LogStreamNames: []string{"t"}})), `b {"n":1}`)
	want(t, "prefix", filtered(filter(sdk.FilterLogEventsInput{LogStreamNamePrefix: aws.String("s")})), "a b c d e")
	want(t, "the end is included", filtered(filter(sdk.FilterLogEventsInput{
		StartTime: aws.Int64(first.Add(2 * time.Second).UnixMilli()), EndTime: aws.Int64(first.Add(3 * time.Second).UnixMilli())})), "c d")
	want(t, "terms", filtered(filter(sdk.FilterLogEventsInput{FilterPattern: aws.String("?a ?b")})), "a b b")
	want(t, "json", filtered(filter(sdk.FilterLogEventsInput{FilterPattern: aws.String("{ $.n = 1 }")})), `{"n":1}`)
	var pages []string
	for pager := sdk.NewFilterLogEventsPaginator(f.Client, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g"),
		Limit: aws.Int32(2), FilterPattern: aws.String("-c")}); pager.HasMorePages(); {
		pages = append(pages, filtered(ok(pager.NextPage(ctx))(t)))
	}
	want(t, "pages", strings.Join(pages, "|"), `a b|b d|e {"n":1}`)

	bad := wantCode[*sdk.FilterLogEventsOutput]
	bad(t, "InvalidParameterException", "Invalid character(s) in term 'a.b'")(f.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: aws.String("a.b")}))
	bad(t, "InvalidParameterException", "")(f.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"s"}, LogStreamNamePrefix: aws.String("s")}))
	bad(t, "InvalidParameterException", "The specified nextToken is invalid.")(f.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), NextToken: aws.String("x")}))
	bad(t, "ResourceNotFoundException", noStream)(f.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"s", "x"}}))
	bad(t, "ResourceNotFoundException", noGroup)(f.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("h")}))
}

// "aws logs tail --follow" filters from the time of the newest event it has
// seen, and skips the IDs that it knows: IDs stay, and late neighbours show.
func TestTail(t *testing.T) {
	f, ctx := start(t), t.Context()
	f.logs.Append(logs.Scope{Account: account, Region: "us-east-1"}, "/aws/lambda/fn", "2026/11/22/[$LATEST]0", time.UnixMilli(time.Now().UnixMilli()), "START")
	if err := f.logs.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	seen, since := map[string]bool{}, int64(0)
	poll := func() string {
		t.Helper()
		var ms []string
		//lint:ignore SA1019 the CLI still sends it
		in := &sdk.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/fn"), StartTime: &since, Interleaved: aws.Bool(true)}
		for p := sdk.NewFilterLogEventsPaginator(f.Client, in); p.HasMorePages(); {
			for _, e := range ok(p.NextPage(ctx))(t).Events {
				if !seen[*e.EventId] {
					ms = append(ms, *e.Message)
				}
				seen[*e.EventId], since = true, *e.Timestamp
			}
		}
		return strings.Join(ms, " ")
	}
	want(t, "first poll", poll(), "START")
	want(t, "nothing new", poll(), "")
	f.put("/aws/lambda/fn", "2026/11/22/[$LATEST]0", event(time.UnixMilli(since), "same-time"), event(time.UnixMilli(since+1), "later"))
	want(t, "second poll", poll(), "same-time later")
	want(t, "nothing new again", poll(), "")
}

func TestTags(t *testing.T) {
	f, ctx := start(t), t.Context()
	ok(f.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("g"), Tags: map[string]string{"a": "1"}}))(t)
	arn := "arn:aws:logs:us-east-1:123456789012:log-group:g"
	ok(f.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"b": "2", "c": "3"}}))(t)
	ok(f.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a", "z"}}))(t)
	want(t, "tags", ok(f.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &arn}))(t).Tags, map[string]string{"b": "2", "c": "3"})
	//lint:ignore SA1019 deprecated, and answered
	ok(f.TagLogGroup(ctx, &sdk.TagLogGroupInput{LogGroupName: aws.String("g"), Tags: map[string]string{"d": "4"}}))(t)
	//lint:ignore SA1019 deprecated, and answered
	ok(f.UntagLogGroup(ctx, &sdk.UntagLogGroupInput{LogGroupName: aws.String("g"), Tags: []string{"b"}}))(t)
	//lint:ignore SA1019 deprecated, and answered
	want(t, "tags", ok(f.ListTagsLogGroup(ctx, &sdk.ListTagsLogGroupInput{LogGroupName: aws.String("g")}))(t).Tags, map[string]string{"c": "3", "d": "4"})
	many := map[string]string{}
	for i := range 49 {
		many[strings.Repeat("k", i+1)] = ""
	}
	wantCode[*sdk.TagResourceOutput](t, "TooManyTagsException", "")(f.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: many}))
	want(t, "tags after a refusal", len(ok(f.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &arn}))(t).Tags), 2)
	wantCode[*sdk.TagResourceOutput](t, "ResourceNotFoundException", "")(f.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: aws.String(arn + "x"), Tags: map[string]string{"b": "2"}}))
}

// boto is what the AWS CLI stands on.
const boto = `
import boto3, json, os, time
c = boto3.client("logs", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret")
c.create_log_group(logGroupName="g", tags={"k": "v"})
c.create_log_stream(logGroupName="g", logStreamName="s")
now = int(time.time() * 1000)
c.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now + i, "message": "line %d é" % i} for i in range(5)])
pages = c.get_paginator("filter_log_events").paginate(logGroupName="g", startTime=now, interleaved=True, PaginationConfig={"PageSize": 2})
print(json.dumps({"filter": [e["message"] for p in pages for e in p["events"]],
  "get": [e["message"] for e in c.get_log_events(logGroupName="g", logStreamName="s", limit=2)["events"]],
  "streams": [s["logStreamName"] for s in c.describe_log_streams(logGroupName="g", orderBy="LastEventTime")["logStreams"]]}))
`

func TestBoto3(t *testing.T) {
	python := "python3"
	if p := os.Getenv("WEIR_BOTO3_PYTHON"); p != "" {
		python = p
	}
	if exec.Command(python, "-c", "import boto3").Run() != nil {
		t.Skip("no python3 with boto3: install boto3, or name an interpreter that has it in WEIR_BOTO3_PYTHON")
	}
	f := start(t)
	cmd := exec.Command(python, "-c", boto)
	cmd.Env = append(os.Environ(), "ENDPOINT="+*f.Options().BaseEndpoint)
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Filter, Get, Streams []string }
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want(t, "filter", strings.Join(got.Filter, ","), "line 0 é,line 1 é,line 2 é,line 3 é,line 4 é")
	want(t, "get", strings.Join(got.Get, ","), "line 3 é,line 4 é")
	want(t, "streams", strings.Join(got.Streams, ","), "s")
}
