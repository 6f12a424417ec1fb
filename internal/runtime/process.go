package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"weir/internal/sandbox"
)

// maxResponse is the largest synchronous response, in bytes; the message names it.
const maxResponse = 6*1024*1024 + 100

// Process is an interpreter in a sandbox, waiting for its function or serving it.
type Process struct {
	in       Interpreter
	box      *sandbox.Sandbox
	contract contract
	extraCA  bool

	mu    sync.RWMutex // held by Init and Invoke, which servers share
	ready bool         // Init has succeeded
	// called is the contract of the function, known since Init.
	called string
}

// contract is how events reach the code.
type contract interface {
	// load makes the process load its code and waits until it is ready for events.
	// document is the code's own account of why it cannot be loaded.
	load(ctx context.Context, env map[string]string, c *Code) (document []byte, err error)
	// invoke may give up when ctx ends; the process is killed then unless it is shared.
	invoke(ctx context.Context, ev *Event) (Result, error)
	// stop runs what the function wants run before its process ends.
	stop(ctx context.Context) error
	close()
}

// errGone says that the other side of a contract has closed its connection.
var errGone = errors.New("the process has ended")

// Prepare starts an interpreter that waits for Init. ctx bounds the start alone.
func (e *Engine) Prepare(ctx context.Context, spec Spec) (*Process, error) {
	in, host, err := e.family(&spec)
	if err != nil {
		return nil, err
	}
	p := &Process{in: in, extraCA: e.extraCA}
	box := sandbox.Spec{
		ID: spec.ID, NetNS: spec.NetNS, Resolvers: spec.Resolvers, Search: spec.Search, DNSOptions: spec.DNSOptions, Hosts: spec.Hosts,
		TmpMiB: spec.TmpMiB, Limits: sandbox.Limits{Pids: maxPids},
		Output: func(l sandbox.Line) {
			if spec.Log != nil {
				l.Text = strings.ReplaceAll(l.Text, messageNewline, "\n")
				spec.Log(l)
			}
		},
	}
	if spec.Image != nil {
		box.Image = spec.Image.root()
	}
	switch in.Family {
	case Provided:
		err = p.startAPI(ctx, host, box)
	case Serving:
		err = p.startServing(ctx, host, box)
	default:
		box.Argv, box.Env = e.command(in, &spec)
		err = p.startPush(ctx, host, box)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Runtime, err)
	}
	return p, nil
}

// family is what a process is to be, and where.
func (e *Engine) family(spec *Spec) (Interpreter, *sandbox.Host, error) {
	if spec.Image != nil {
		return Interpreter{Runtime: spec.Runtime, Family: spec.Image.family()}, e.images, nil
	}
	in, err := e.Resolve(spec.Runtime)
	return in, e.host, err
}

// maxPids is Lambda's limit of processes and threads.
const maxPids = 1024

// messageNewline stands for a newline within one log message (see bootstrap/).
const messageNewline = "\x1e"

// Interpreter says what runs.
func (p *Process) Interpreter() Interpreter { return p.in }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.box.Done() }

// Pid is the number of the sandbox's first process.
func (p *Process) Pid() int { return p.box.Pid() }

// Peak is the most memory used so far, in bytes; 0 if this machine cannot tell.
func (p *Process) Peak() int64 { return p.box.Peak() }

// Kill ends the process and everything it has started, and waits until they are gone.
func (p *Process) Kill() {
	p.box.Kill()
	<-p.box.Done()
	p.contract.close()
}

// Init gives a prepared process its function. The error is an *InitError if the
// code is to blame. When ctx ends first the process is killed.
func (p *Process) Init(ctx context.Context, c Code) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready {
		return errors.New("load a function: the process serves one already")
	}
	p.called = c.Contract
	if err := p.settle(&c); err != nil {
		p.Kill()
		return fmt.Errorf("load function %s: %w", c.Name, err)
	}
	stop := p.killAt(ctx)
	env := environment
	if c.Contract == FC {
		env = environmentFC
	}
	doc, err := p.contract.load(ctx, env(p.in, &c, p.extraCA), &c)
	stop()
	p.box.Flush()
	if err == nil && doc == nil {
		p.ready = true
		return nil
	}
	return p.explain(ctx, c.Name, doc, err)
}

// explain says why a process could not load its code, and ends it.
func (p *Process) explain(ctx context.Context, name string, doc []byte, err error) error {
	var refused *InitError
	switch {
	case ctx.Err() != nil:
		p.Kill()
		return context.Cause(ctx)
	case doc != nil:
		p.Kill()
		kind, msg := readDocument(doc)
		return &InitError{ErrorType: kind, Message: msg, document: doc}
	case errors.Is(err, errGone):
		exit := p.ending()
		return &InitError{ErrorType: "Runtime.ExitError", Message: exitMessage(exit), OOM: exit.OOM}
	case errors.As(err, &refused):
		p.Kill()
		return err
	default:
		p.Kill()
		return fmt.Errorf("load function %s: %w", name, err)
	}
}

// settle shapes the waiting sandbox for one function.
func (p *Process) settle(c *Code) error {
	if c.Pids == 0 {
		c.Pids = maxPids
	}
	target := "/var/task"
	if c.Contract == FC {
		target = codeRoot
	}
	if c.Image == nil {
		if err := p.box.Mount(sandbox.Mount{Source: c.Dir, Target: target}); err != nil {
			return err
		}
	}
	if c.Layers != "" {
		if err := p.box.Mount(sandbox.Mount{Source: c.Layers, Target: "/opt"}); err != nil {
			return err
		}
	}
	return p.box.SetLimits(sandbox.Limits{MemoryMiB: c.MemoryMiB, CPU: c.CPU, Pids: c.Pids})
}

// Invoke hands the code one event and waits for its result. When ctx ends first
// the error is ctx's, and the process is killed unless it is a server, which may
// have other events: what the code would do next is not known, so it is never used again.
func (p *Process) Invoke(ctx context.Context, ev Event) (Result, error) {
	if p.in.Family == Serving {
		p.mu.RLock()
		defer p.mu.RUnlock()
		return p.serve(ctx, &ev)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready {
		return Result{}, errors.New("invoke: the process has no function")
	}
	if len(ev.Payload) == 0 && p.called == Lambda {
		ev.Payload = []byte("{}")
	}
	stop := p.killAt(ctx)
	res, err := p.contract.invoke(ctx, &ev)
	inTime := stop()
	switch {
	case !inTime || err != nil && ctx.Err() != nil:
		p.ready = false
		p.Kill()
		return Result{Exited: true}, context.Cause(ctx)
	case errors.Is(err, errGone):
		p.ready = false
		return exited(&ev, p.ending()), nil
	case err != nil:
		p.ready = false
		p.Kill()
		return Result{Exited: true}, fmt.Errorf("invoke %s: %w", ev.ARN, err)
	}
	p.box.Flush()
	if res.Exited {
		p.ready = false
		res.OOM = p.ending().OOM
	}
	if len(res.Payload) > maxResponse && p.called == Lambda {
		res = Result{FunctionError: true, ErrorType: "Function.ResponseSizeTooLarge", Payload: errorDocument("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse))}
	}
	return res, nil
}

// serve hands an event to a server, beside others.
func (p *Process) serve(ctx context.Context, ev *Event) (Result, error) {
	if !p.ready {
		return Result{}, errors.New("invoke: the process has no function")
	}
	res, err := p.contract.invoke(ctx, ev)
	switch {
	case err == nil:
		p.box.Flush()
		return res, nil
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case errors.Is(err, errGone):
		return exited(ev, p.ending()), nil
	}
	return Result{}, fmt.Errorf("invoke %s: %w", ev.ARN, err)
}

// exited is the answer to an event whose process ended.
func exited(ev *Event, exit sandbox.Exit) Result {
	doc := errorDocument("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", ev.RequestID, exitMessage(exit)))
	return Result{Payload: doc, FunctionError: true, ErrorType: "Runtime.ExitError", Exited: true, OOM: exit.OOM}
}

// Stop runs what the function wants run before its process ends, while no event runs.
func (p *Process) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready {
		return nil
	}
	stop := p.killAt(ctx)
	defer stop()
	err := p.contract.stop(ctx)
	p.box.Flush()
	return err
}

// killAt kills the sandbox when ctx ends; the function it returns ends the watch
// and reports whether ctx was in time.
func (p *Process) killAt(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, p.box.Kill)
}

// ending waits for a process whose connection has closed; one that lives on
// without it is killed.
func (p *Process) ending() sandbox.Exit {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := p.box.Wait(ctx); err != nil {
		p.box.Kill()
	}
	<-p.box.Done()
	p.contract.close()
	exit, _ := p.box.Wait(context.Background())
	return exit
}

func exitMessage(e sandbox.Exit) string {
	if e.Signal == 0 && e.Code == 0 && e.Err == nil {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + e.String()
}

// errorDocument is the platform's own error document; the code's have more fields.
func errorDocument(kind, msg string) []byte {
	b, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, msg})
	if err != nil {
		panic(err) // two strings
	}
	return b
}

func readDocument(doc []byte) (kind, msg string) {
	var d struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	_ = json.Unmarshal(doc, &d) // a custom runtime may send anything
	if d.Type == "" {
		d.Type = "Runtime.Unknown"
	}
	return d.Type, d.Message
}
