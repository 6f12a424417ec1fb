package sls

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"weir/internal/invoke"
	"weir/internal/logs"
)

// search is what the ways of reading logs have in common.
type search struct {
	project, logstore string
	from, to          int64 // seconds, to exclusive
	topic, query      string
	offset, line      int64
	newest            bool // first
}

const (
	defaultLines = 100
	maxLines     = 100
	maxOffset    = 1_000_000
)

func (s *search) check() error {
	switch {
	case s.from < 0 || s.to <= s.from:
		return invalid("from must be less than to")
	case s.to > 1<<40:
		return invalid("to is invalid")
	case s.line < 0 || s.line > maxLines:
		return invalid("line is invalid: want 0 to 100")
	case s.offset < 0 || s.offset > maxOffset:
		return invalid("offset is invalid")
	}
	return nil
}

func or(p *int64, v int64) int64 {
	if p != nil {
		return *p
	}
	return v
}

// each hands the lines that a search finds to f until it wants no more.
func (a *api) each(ctx context.Context, s search, f func(fields) bool) error {
	if err := s.check(); err != nil {
		return err
	}
	g, err := a.logstore(scope(ctx), s.project, s.logstore)
	if err != nil {
		return err
	}
	want, err := parseQuery(s.query)
	if err != nil {
		return err
	}
	q := logs.Query{Start: time.Unix(s.from, 0), End: time.Unix(s.to, 0), Backward: s.newest, Limit: 1000}
	for {
		page, err := a.logs.Filter(ctx, scope(ctx), g.Name, q)
		if err != nil {
			return err
		}
		for i := range page.Events {
			e := page.Events[i]
			if s.newest {
				e = page.Events[len(page.Events)-1-i]
			}
			line := shown(e)
			if s.topic != "" && line[Topic] != s.topic || !want(line) {
				continue
			}
			if !f(line) {
				return nil
			}
		}
		if !page.More {
			return nil
		}
		if q.Cursor = page.After; s.newest {
			q.Cursor = page.Before
		}
	}
}

// FunctionTopic is the topic of a function's lines.
const FunctionTopic = "FCLogs:"

// shown is a line with its fields, by the names that Function Compute gives them.
// https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/configure-the-logging-feature
func shown(e logs.Event) fields {
	f := fields{"__time__": strconv.FormatInt(e.Time.Unix(), 10), "__source__": "", Topic: "", "message": strings.TrimSuffix(e.Message, "\n")}
	if e.Fields[Topic] != "" {
		delete(f, "message")
		maps.Copy(f, e.Fields)
		return f
	}
	fn := e.Fields[invoke.FieldFunction]
	if fn == "" {
		f["stream"] = e.Stream
		return f
	}
	f[Topic], f["functionName"] = FunctionTopic+fn, fn
	f["requestID"] = e.Fields[invoke.FieldRequest]
	f["instanceID"] = e.Fields[invoke.FieldInstance]
	f["versionId"] = strings.TrimPrefix(e.Fields[invoke.FieldVersion], "$")
	f["qualifier"] = strings.TrimPrefix(e.Fields[invoke.FieldQualifier], "$")
	return f
}

// find is a page of what a search finds.
func (a *api) find(ctx context.Context, s search) (out []map[string]string, err error) {
	out = []map[string]string{}
	skip := s.offset
	err = a.each(ctx, s, func(line fields) bool {
		if skip > 0 {
			skip--
			return true
		}
		if int64(len(out)) < s.line {
			out = append(out, line)
		}
		return int64(len(out)) < s.line
	})
	return out, err
}

// getLogsOutput is the vendor's answer: the lines, and in headers how many they are.
type getLogsOutput struct {
	Items    []map[string]string `w:"Items,payload"`
	Progress *string             `w:"x-log-progress,hdr"`
	Count    *int64              `w:"x-log-count,hdr"`
}

// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-getlogs
func (a *api) getLogs(ctx context.Context, in *GetLogsInput) (*getLogsOutput, error) {
	items, err := a.find(ctx, search{
		project: *in.Project, logstore: *in.Logstore, from: *in.From, to: *in.To, topic: text(in.Topic), query: text(in.Query),
		offset: or(in.Offset, 0), line: or(in.Line, defaultLines), newest: in.Reverse != nil && *in.Reverse,
	})
	if err != nil {
		return nil, err
	}
	return &getLogsOutput{Items: items, Progress: new("Complete"), Count: new(int64(len(items)))}, nil
}

func (a *api) getLogsV2(ctx context.Context, in *GetLogsV2Input) (*GetLogsV2Output, error) {
	start := a.now()
	items, err := a.find(ctx, search{
		project: *in.Project, logstore: *in.Logstore, from: *in.From, to: *in.To, topic: text(in.Topic), query: text(in.Query),
		offset: or(in.Offset, 0), line: or(in.Line, defaultLines), newest: in.Reverse != nil && *in.Reverse,
	})
	if err != nil {
		return nil, err
	}
	return &GetLogsV2Output{Data: items, Meta: &Meta{
		Progress: new("Complete"), Count: new(int64(len(items))), ProcessedRows: new(int64(len(items))), WhereQuery: new(text(in.Query)),
		HasSQL: new(false), IsAccurate: new(true), ElapsedMillisecond: new(a.now().Sub(start).Milliseconds()), Mode: new(int64(0)),
	}}, nil
}

// spans is how many counts a histogram has at most.
const spans = 60

func (a *api) getHistograms(ctx context.Context, in *GetHistogramsInput) (*GetHistogramsOutput, error) {
	s := search{project: *in.Project, logstore: *in.Logstore, from: *in.From, to: *in.To, topic: text(in.Topic), query: text(in.Query)}
	if err := s.check(); err != nil {
		return nil, err
	}
	width := max(1, (s.to-s.from+spans-1)/spans)
	counts := make([]int64, (s.to-s.from+width-1)/width)
	err := a.each(ctx, s, func(line fields) bool {
		if at, err := strconv.ParseInt(line["__time__"], 10, 64); err == nil {
			counts[(at-s.from)/width]++
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	out := &GetHistogramsOutput{Items: []Item{}}
	for i, n := range counts {
		from := s.from + int64(i)*width
		out.Items = append(out.Items, Item{From: &from, To: new(min(from+width, s.to)), Count: &n, Progress: new("Complete")})
	}
	return out, nil
}
