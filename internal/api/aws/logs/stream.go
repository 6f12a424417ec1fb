package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/api/wire"
	"weir/internal/logs"
)

func (a *api) CreateLogStream(ctx context.Context, in *CreateLogStreamInput) (*CreateLogStreamOutput, error) {
	return nil, a.logs.CreateStream(ctx, scope(ctx), *in.LogGroupName, *in.LogStreamName)
}

func (a *api) DeleteLogStream(ctx context.Context, in *DeleteLogStreamInput) (*DeleteLogStreamOutput, error) {
	return nil, a.logs.DeleteStream(ctx, scope(ctx), *in.LogGroupName, *in.LogStreamName)
}

func (a *api) DescribeLogStreams(ctx context.Context, in *DescribeLogStreamsInput) (*DescribeLogStreamsOutput, error) {
	s, prefix := scope(ctx), value(in.LogStreamNamePrefix)
	group, err := oneGroup(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.OrderBy == OrderByLastEventTime && prefix != "" {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	all, err := a.logs.Streams(ctx, s, group)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(st logs.Stream) bool { return !strings.HasPrefix(st.Name, prefix) })
	page, next, err := wire.Page(all, wire.Paging{Max: in.Limit, Token: in.NextToken, Default: 50,
		Scope: fmt.Sprintf("DescribeLogStreams\x00%v\x00%s\x00%s\x00%s\x00%t", s, group, prefix, in.OrderBy, value(in.Descending))},
		streamOrder(in.OrderBy, value(in.Descending)))
	if err != nil {
		return nil, err
	}
	out := &DescribeLogStreamsOutput{NextToken: next}
	for _, st := range page {
		out.LogStreams = append(out.LogStreams, describeStream(groupARN(s, group), st))
	}
	return out, nil
}

// streamOrder returns a key whose byte order is the order asked for.
func streamOrder(by OrderBy, descending bool) func(logs.Stream) string {
	return func(st logs.Stream) string {
		key := st.Name
		if by == OrderByLastEventTime {
			key = fmt.Sprintf("%019d%s", max(0, millis(st.Last)), st.Name)
		}
		if !descending {
			return key
		}
		b := append([]byte(key), 0) // without an end "ab" would come before "a"
		for i := range b {
			b[i] = ^b[i]
		}
		return string(b)
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func describeStream(group string, st logs.Stream) LogStream {
	// CloudWatch has not counted the bytes of a stream since 2019: it says 0.
	out := LogStream{Arn: ptr(group + ":log-stream:" + st.Name), LogStreamName: &st.Name,
		CreationTime: ptr(st.Created.UnixMilli()), StoredBytes: ptr(int64(0))}
	if !st.Last.IsZero() {
		out.FirstEventTimestamp, out.LastEventTimestamp = ptr(millis(st.First)), ptr(millis(st.Last))
		out.LastIngestionTime, out.UploadSequenceToken = ptr(millis(st.Ingested)), ptr(sequenceToken(st.Ingested))
	}
	return out
}

// sequenceToken is what PutLogEvents returns and, since 2023, no longer wants back.
func sequenceToken(t time.Time) string { return fmt.Sprintf("49%054d", t.UnixNano()) }
