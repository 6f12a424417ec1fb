package logs

import (
	"context"
	"strings"
	"time"

	"weir/internal/logs"
)

// Limits of PutLogEvents, and of a page of events.
const (
	maxBatch   = 1 << 20 // bytes, counting eventExtra for each event
	maxPage    = 1 << 20
	maxEvents  = 10_000
	maxSpan    = day
	maxFuture  = 2 * time.Hour
	maxPast    = 14 * day
	eventExtra = 26
)

func (a *api) PutLogEvents(ctx context.Context, in *PutLogEventsInput) (*PutLogEventsOutput, error) {
	s := scope(ctx)
	g, err := a.logs.Group(s, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	now := time.Now()
	kept, rejected := admit(in.LogEvents, now, g.Retention)
	events := make([]logs.Event, len(kept))
	for i, e := range kept {
		events[i] = logs.Event{Time: time.UnixMilli(*e.Timestamp), Message: *e.Message}
	}
	// An empty batch still finds out whether the stream exists.
	if err := a.logs.Put(ctx, s, g.Name, *in.LogStreamName, events); err != nil {
		return nil, err
	}
	return &PutLogEventsOutput{NextSequenceToken: ptr(sequenceToken(now)), RejectedLogEventsInfo: rejected}, nil
}

// checkBatch checks what makes a whole batch unacceptable.
func checkBatch(events []InputLogEvent) error {
	size := 0
	first, last := *events[0].Timestamp, *events[0].Timestamp
	for i, e := range events {
		size += len(*e.Message) + eventExtra
		if i > 0 && *e.Timestamp < *events[i-1].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		last = *e.Timestamp
	}
	if size > maxBatch {
		return invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
	}
	if last-first > maxSpan.Milliseconds() {
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// admit cuts off the events that are too old or too new; the rest is accepted.
func admit(events []InputLogEvent, now time.Time, retention time.Duration) ([]InputLogEvent, *RejectedLogEventsInfo) {
	before := func(t time.Time) int32 { // how many are earlier than t
		n := int32(0)
		for int(n) < len(events) && *events[n].Timestamp < t.UnixMilli() {
			n++
		}
		return n
	}
	var rejected RejectedLogEventsInfo
	from, to := before(now.Add(-maxPast)), before(now.Add(maxFuture).Add(time.Millisecond))
	if from > 0 {
		rejected.TooOldLogEventEndIndex = ptr(from)
	}
	if retention > 0 {
		if n := before(now.Add(-retention)); n > 0 {
			rejected.ExpiredLogEventEndIndex = &n
			from = max(from, n)
		}
	}
	if int(to) < len(events) {
		rejected.TooNewLogEventStartIndex = &to
	}
	if rejected == (RejectedLogEventsInfo{}) {
		return events, nil
	}
	return events[min(from, to):to], &rejected
}

func (a *api) GetLogEvents(ctx context.Context, in *GetLogEventsInput) (*GetLogEventsOutput, error) {
	group, err := oneGroup(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	q := logs.Query{Start: instant(in.StartTime), End: instant(in.EndTime), Backward: !value(in.StartFromHead),
		Limit: maxEvents, Bytes: maxPage}
	if in.Limit != nil {
		q.Limit = int(*in.Limit)
	}
	if in.NextToken != nil {
		if q.Cursor, q.Backward, err = openToken(*in.NextToken); err != nil {
			return nil, err
		}
	}
	page, err := a.logs.Get(ctx, scope(ctx), group, *in.LogStreamName, q)
	if err != nil {
		return nil, err
	}
	// Without more, a token comes back as it was: clients stop there.
	out := &GetLogEventsOutput{Events: []OutputLogEvent{},
		NextForwardToken: ptr("f/" + page.After + "/s"), NextBackwardToken: ptr("b/" + page.Before + "/s")}
	for _, e := range page.Events {
		out.Events = append(out.Events, OutputLogEvent{IngestionTime: ptr(e.Ingested.UnixMilli()),
			Message: &e.Message, Timestamp: ptr(e.Time.UnixMilli())})
	}
	return out, nil
}

// openToken reads a token of GetLogEvents: "f/<position>/s" goes on forward, "b/<position>/s" backward.
func openToken(token string) (cursor string, backward bool, err error) {
	part := strings.Split(token, "/")
	if len(part) != 3 || part[0] != "f" && part[0] != "b" || part[2] != "s" {
		return "", false, invalid(badToken)
	}
	return part[1], part[0] == "b", nil
}

func instant(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}

func (a *api) FilterLogEvents(ctx context.Context, in *FilterLogEventsInput) (*FilterLogEventsOutput, error) {
	group, err := oneGroup(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		return nil, invalid("LogStreamNamePrefix and LogStreamNames are mutually exclusive parameters.")
	}
	match, err := compile(value(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	q := logs.Query{Start: instant(in.StartTime), End: instant(in.EndTime), Limit: maxEvents, Bytes: maxPage,
		Streams: in.LogStreamNames, Prefix: value(in.LogStreamNamePrefix), Match: match, Cursor: value(in.NextToken)}
	if in.EndTime != nil { // here, unlike in GetLogEvents, the end is included
		q.End = q.End.Add(time.Millisecond)
	}
	if in.Limit != nil {
		q.Limit = int(*in.Limit)
	}
	page, err := a.logs.Filter(ctx, scope(ctx), group, q)
	if err != nil {
		return nil, err
	}
	out := &FilterLogEventsOutput{}
	if page.More {
		out.NextToken = &page.After
	}
	for _, e := range page.Events {
		out.Events = append(out.Events, FilteredLogEvent{EventId: &e.ID, IngestionTime: ptr(e.Ingested.UnixMilli()),
			LogStreamName: &e.Stream, Message: &e.Message, Timestamp: ptr(e.Time.UnixMilli())})
	}
	return out, nil
}
