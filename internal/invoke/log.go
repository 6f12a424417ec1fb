package invoke

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// maxTail is how much of the log an invocation may return.
const maxTail = 4096

// sink is where one instance's lines go: its own stream of the function's log
// group, and, while somebody asked for it, the tail of the running invocation.
// What a waiting interpreter prints before it has a function is kept until then.
type sink struct {
	logs Logs

	mu            sync.Mutex // guards what follows
	account       string
	region        string
	group, stream string
	running       map[string]fields // of the running events, if the function's contract has any
	fields        fields            // of a line that comes now
	early         []sandbox.Line
	tails         map[string][]byte // by the event that wants one; "" is the one to come
}

const maxEarly = 100

// output takes a line that the code printed.
func (s *sink) output(l sandbox.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == "" {
		if len(s.early) < maxEarly {
			s.early = append(s.early, l)
		}
		return
	}
	s.put(l.Time, l.Text)
}

// direct tells the sink its stream.
func (s *sink) direct(account, region, group, stream string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account, s.region, s.group, s.stream = account, region, group, stream
	for _, l := range s.early {
		s.put(l.Time, l.Text)
	}
	s.early = nil
}

// begin notes that an event runs, or that code is loaded for one: lines are filed
// under it while it is the only one.
func (s *sink) begin(id string, f fields) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == nil {
		return
	}
	if s.running == nil {
		s.running = map[string]fields{}
	}
	s.running[id] = f
	s.fields = f
	if len(s.running) > 1 {
		s.fields = fields{FieldFunction: f[FieldFunction], FieldVersion: f[FieldVersion], FieldInstance: f[FieldInstance]}
	}
}

// end notes that an event is over; what is left of its output may still come.
func (s *sink) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id)
	if len(s.running) == 1 {
		for _, f := range s.running {
			s.fields = f
		}
	}
}

// line writes a line of the platform's own.
func (s *sink) line(t time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(t, text)
}

// put writes a line; mu is held.
func (s *sink) put(t time.Time, text string) {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	s.logs.Append(s.account, s.region, s.group, s.stream, Line{Time: t, Text: text, Fields: s.fields})
	for id, tail := range s.tails {
		tail = append(tail, text...)
		if over := len(tail) - 2*maxTail; over > 0 {
			tail = append(tail[:0], tail[len(tail)-maxTail:]...)
		}
		s.tails[id] = tail
	}
}

// say writes lines of the platform's own.
func (s *sink) say(t time.Time, lines []string) {
	for _, l := range lines {
		s.line(t, l)
	}
}

// startTail begins to keep lines for an event's answer, after the lines it has
// from before.
func (s *sink) startTail(id string, have ...byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tails == nil {
		s.tails = map[string][]byte{}
	}
	s.tails[id] = have
}

// moveTail begins to keep lines for an event, with those of loading its code, if
// it was the first.
func (s *sink) moveTail(id string) { s.startTail(id, s.takeTail("")...) }

// takeTail returns the end of what was kept for an event, and stops keeping.
func (s *sink) takeTail(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	tail := s.tails[id]
	delete(s.tails, id)
	if len(tail) > maxTail {
		tail = tail[len(tail)-maxTail:]
	}
	return tail
}

// The platform's lines, as Lambda writes them.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html

func streamName(t time.Time, version, id string) string {
	return fmt.Sprintf("%s/[%s]%s", t.UTC().Format("2006/01/02"), version, id)
}

// fields are what a line is filed under.
type fields = map[string]string

// Fields of lines.
const (
	FieldFunction  = "function"
	FieldVersion   = "version" // "$LATEST" or a number
	FieldQualifier = "qualifier"
	FieldRequest   = "request"
	FieldInstance  = "instance"
)

// lineFields are what a line of a function of contract FC is filed under. Those of
// the Lambda contract have it all in their streams and texts.
func lineFields(r Request, instance string) fields {
	if r.Version.Contract != FC {
		return nil
	}
	qualifier := r.Qualifier
	if qualifier == "" {
		qualifier = cloud.Latest
	}
	return fields{FieldFunction: r.Function.Name, FieldVersion: r.Version.Label(), FieldQualifier: qualifier,
		FieldRequest: r.RequestID, FieldInstance: instance}
}

func startLine(requestID, version string) string {
	return "START RequestId: " + requestID + " Version: " + version
}

func endLine(requestID string) string { return "END RequestId: " + requestID }

// report is the last line of an invocation.
type report struct {
	requestID string
	duration  time.Duration
	init      time.Duration // 0 on a warm instance
	billed    time.Duration
	memory    int   // MiB
	peak      int64 // bytes
	status    string
	errorType string
}

func (r report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %s ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.requestID, millis(r.duration), ceilMillis(r.billed), r.memory, (r.peak+1<<20-1)>>20)
	if r.init > 0 {
		fmt.Fprintf(&b, "Init Duration: %s ms\t", millis(r.init))
	}
	if r.status != "" {
		fmt.Fprintf(&b, "Status: %s\t", r.status)
	}
	if r.errorType != "" {
		fmt.Fprintf(&b, "Error Type: %s\t", r.errorType)
	}
	return b.String()
}

func initReport(d time.Duration, status, errorType string) string {
	s := fmt.Sprintf("INIT_REPORT Init Duration: %s ms\tPhase: init\tStatus: %s", millis(d), status)
	if errorType != "" {
		s += "\tError Type: " + errorType
	}
	return s
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func ceilMillis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// timedOut is the message of an invocation that ran out of time.
func timedOut(at time.Time, requestID string, after time.Duration) string {
	return fmt.Sprintf("%s %s Task timed out after %.2f seconds", at.UTC().Format("2006-01-02T15:04:05.000Z"), requestID, after.Seconds())
}

// reasonPrefix marks the lines in which the platform explains itself.
const reasonPrefix = "WEIR  "
