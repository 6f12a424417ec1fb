package invoke

import (
	"fmt"
	"time"

	"weir/internal/cloud"
)

// words are what a contract's platform says of events: in the log, and in place of
// an answer that the code did not give.
type words interface {
	loading(r Request) []string
	loaded(r Request, took time.Duration, status, errorType string) []string
	start(r Request, version string) []string
	// end says what came of an event; extra is what Lambda says of one out of time.
	end(r Request, rep report, extra []string) []string
	stopping(instance string) []string
	stopped(instance string) []string
	// fail words an answer that the platform gives.
	fail(resp *Response, rep report, r Request)
	// loadWithin bounds loading; usual is the installation's.
	loadWithin(usual time.Duration, v *cloud.Version) time.Duration
}

func wordsOf(v *cloud.Version) words {
	if v.Contract == FC {
		return wordsFC{server: v.Server != nil, initializer: v.Initializer != nil}
	}
	return wordsLambda{}
}

// wordsLambda are Lambda's.
type wordsLambda struct{}

func (wordsLambda) loading(r Request) []string {
	return []string{"INIT_START Runtime Version: " + r.Version.Runtime}
}

func (wordsLambda) loaded(_ Request, took time.Duration, status, errorType string) []string {
	if status == "" {
		return nil
	}
	return []string{initReport(took, status, errorType)}
}

func (wordsLambda) start(r Request, version string) []string {
	return []string{startLine(r.RequestID, version)}
}

func (wordsLambda) end(r Request, rep report, extra []string) []string {
	lines := []string{endLine(r.RequestID), rep.String()}
	for _, text := range extra {
		lines = append(lines, text+"\n")
	}
	return lines
}

func (wordsLambda) stopping(string) []string        { return nil }
func (wordsLambda) stopped(string) []string         { return nil }
func (wordsLambda) fail(*Response, report, Request) {}
func (wordsLambda) loadWithin(usual time.Duration, _ *cloud.Version) time.Duration {
	return usual
}

// wordsFC are Function Compute's. Code that is a server writes the lines about its
// events itself, as the vendor asks it to.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/specification-details
type wordsFC struct{ server, initializer bool }

func (w wordsFC) loading(r Request) []string {
	if !w.initializer || w.server {
		return nil
	}
	return []string{"FC Initialize Start RequestId: " + r.RequestID}
}

func (w wordsFC) loaded(r Request, _ time.Duration, _, _ string) []string {
	if !w.initializer || w.server {
		return nil
	}
	return []string{"FC Initialize End RequestId: " + r.RequestID}
}

func (w wordsFC) start(r Request, _ string) []string {
	if w.server {
		return nil
	}
	return []string{"FC Invoke Start RequestId: " + r.RequestID}
}

func (w wordsFC) end(r Request, _ report, _ []string) []string {
	if w.server {
		return nil
	}
	return []string{"FC Invoke End RequestId: " + r.RequestID}
}

func (wordsFC) stopping(instance string) []string {
	return []string{"FC PreStop Start InstanceId: " + instance}
}

func (wordsFC) stopped(instance string) []string {
	return []string{"FC PreStop End InstanceId: " + instance}
}

// fail words what the platform did to an event.
func (wordsFC) fail(resp *Response, rep report, r Request) {
	used := fmt.Sprintf("maxMemoryUsage: %.2fMB", float64(rep.peak)/(1<<20))
	switch resp.Failure {
	case TimedOut:
		resp.Payload = errorPayload("", fmt.Sprintf("Function timed out after %d seconds (%s)", r.Version.Timeout/time.Second, used))
	case InitTimedOut:
		resp.Payload = errorPayload("", fmt.Sprintf("%s (%s)", resp.Message, used))
	case OutOfMemory:
		resp.Payload = errorPayload("", fmt.Sprintf("Process exited unexpectedly before completing request (duration: %dms, %s): out of memory", rep.duration.Milliseconds(), used))
	case Exited:
		resp.Payload = errorPayload("", fmt.Sprintf("Process exited unexpectedly before completing request (duration: %dms, %s)", rep.duration.Milliseconds(), used))
	}
}

// startFC is how long code may take until it is ready, without its initializer.
const startFC = 130 * time.Second

func (wordsFC) loadWithin(_ time.Duration, v *cloud.Version) time.Duration {
	if v.Initializer != nil {
		return startFC + v.Initializer.Timeout
	}
	return startFC
}
