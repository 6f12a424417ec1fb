package runtime

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// Frames between the daemon and a bootstrap: see bootstrap/bootstrap.py.
const (
	frameInit     = 'I'
	frameEvent    = 'E'
	frameLoaded   = 'S'
	frameFailed   = 'F'
	frameResult   = 'R'
	frameError    = 'X'
	frameFatal    = 'Z'
	frameReported = 'Y' // the code itself told of the failure
	frameBegin    = 'B' // the initializer begins
	frameStop     = 'P' // run the hook before the end
	frameWrap     = 'W' // start anew through a wrapper script
	frameWrapped  = 'H' // that is done
)

// maxFrame bounds what is kept of one frame: the largest response of any contract.
const maxFrame = 32<<20 + 1

// push is the managed runtimes' contract.
type push struct {
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	called string // the contract
}

// command runs the bootstrap of a family, with the environment to start it in.
func (e *Engine) command(in Interpreter, spec *Spec) (argv, env []string) {
	argv, extraCA := []string{in.Path}, e.extraCA
	switch in.Family {
	case Node:
		if e.bundleServes(spec.Env) {
			argv, extraCA = append(argv, useBundle), false
		}
		if spec.MemoryMiB > 0 { // what is left is for what is not on the heap
			argv = append(argv, "--max-old-space-size="+strconv.Itoa(max(32, spec.MemoryMiB*9/10)),
				"--max-semi-space-size="+strconv.Itoa(max(1, min(16, spec.MemoryMiB/32))))
		}
		argv = append(argv, "/var/runtime/bootstrap.cjs")
	default:
		argv = append(argv, "-u", "-s", "-X", "utf8")
		if len(spec.Env) == 0 {
			argv = append(argv, "-I") // reads none of Python's own variables
		}
		argv = append(argv, "/var/runtime/bootstrap.py")
	}
	all := base(extraCA)
	maps.Copy(all, spec.Env)
	return argv, list(all)
}

// startPush starts an interpreter with our bootstrap, which waits on descriptor 3.
func (p *Process) startPush(ctx context.Context, host *sandbox.Host, spec sandbox.Spec) error {
	fd, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make the control connection: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fd[0]), "control"), os.NewFile(uintptr(fd[1]), "control")
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return fmt.Errorf("make the control connection: %w", err)
	}
	spec.Files = []*os.File{theirs}
	if p.box, err = host.Start(ctx, spec); err != nil {
		conn.Close()
		return err
	}
	p.contract = &push{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}
	return nil
}

func (c *push) close() { c.conn.Close() }

func (c *push) load(ctx context.Context, env map[string]string, code *Code) ([]byte, error) {
	c.called = code.Contract
	order := map[string]any{"handler": code.Handler, "env": env}
	if code.Contract == FC {
		orderFC(order, code)
	}
	body, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	if w := env[wrapperVariable]; w != "" && code.Contract != FC {
		if err := c.wrap(w, env); err != nil {
			return nil, err
		}
	}
	if err := c.send(frameInit, body); err != nil {
		return nil, err
	}
	kind, doc, err := c.receive()
	if err == nil && kind == frameBegin {
		kind, doc, err = c.initialize(ctx, code.Initializer)
	}
	switch {
	case err != nil:
		return nil, err
	case kind == frameLoaded:
		return nil, nil
	case kind == frameFailed:
		return doc, nil
	default:
		return nil, fmt.Errorf("the bootstrap sent a frame %q out of turn", kind)
	}
}

// wrapperVariable names a script of the function's own that starts the runtime: it
// is given the runtime's command. Runtimes of the function's own have none.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
const wrapperVariable = "AWS_LAMBDA_EXEC_WRAPPER"

// wrap has the waiting interpreter give way to one that the script starts.
func (c *push) wrap(script string, env map[string]string) error {
	body, err := json.Marshal(map[string]any{"wrapper": script, "env": env})
	if err != nil {
		return err
	}
	if err := c.send(frameWrap, body); err != nil {
		return err
	}
	kind, _, err := c.receive()
	if err == nil && kind != frameWrapped {
		err = fmt.Errorf("the bootstrap sent a frame %q out of turn", kind)
	}
	return err
}

// initialize waits for the initializer's end, for as long as that may take.
func (c *push) initialize(ctx context.Context, hook *cloud.Hook) (byte, []byte, error) {
	if hook == nil {
		return 0, nil, fmt.Errorf("the bootstrap sent a frame %q out of turn", frameBegin)
	}
	ctx, cancel := context.WithTimeout(ctx, hook.Timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	kind, doc, err := c.receive()
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return 0, nil, initializerLate(hook)
	}
	return kind, doc, err
}

func initializerLate(hook *cloud.Hook) *InitError {
	return &InitError{ErrorType: InitializerTimedOut, Message: fmt.Sprintf("Function initialization timed out after %d seconds", hook.Timeout/time.Second)}
}

func (c *push) invoke(_ context.Context, ev *Event) (Result, error) {
	kind, body, err := c.event(frameEvent, ev)
	if err != nil {
		return Result{}, err
	}
	switch kind {
	case frameResult:
		return Result{Payload: body}, nil
	case frameError, frameFatal:
		errorType, _ := readDocument(body)
		return Result{Payload: body, FunctionError: true, ErrorType: errorType, Exited: kind == frameFatal}, nil
	case frameReported:
		errorType, _ := readDocument(body)
		return Result{Payload: body, FunctionError: true, ErrorType: errorType, Reported: true}, nil
	default:
		return Result{}, fmt.Errorf("the bootstrap sent a frame %q out of turn", kind)
	}
}

// stop runs the hook before the end.
func (c *push) stop(context.Context) error {
	kind, body, err := c.event(frameStop, &Event{RequestID: "", Deadline: time.Now()})
	switch {
	case err != nil:
		return err
	case kind != frameResult:
		_, msg := readDocument(body)
		return errors.New(msg)
	}
	return nil
}

// event sends a frame with an event's header, and waits for the answer.
func (c *push) event(kind byte, ev *Event) (byte, []byte, error) {
	context := ev.ClientContext
	if c.called == FC {
		context = contextFC(ev)
	}
	head := strings.Join([]string{oneLine(ev.RequestID), strconv.FormatInt(ev.Deadline.UnixMilli(), 10), oneLine(ev.ARN),
		oneLine(ev.TraceID), oneLine(context), oneLine(ev.Identity)}, "\n")
	if err := c.send(kind, []byte(head), []byte{0}, ev.Payload); err != nil {
		return 0, nil, err
	}
	return c.receive()
}

var oneLine = strings.NewReplacer("\n", " ", "\x00", " ").Replace

func (c *push) send(kind byte, parts ...[]byte) error {
	n := 1
	for _, p := range parts {
		n += len(p)
	}
	c.out = append(binary.LittleEndian.AppendUint32(c.out[:0], uint32(n)), kind)
	for _, p := range parts {
		c.out = append(c.out, p...)
	}
	_, err := c.conn.Write(c.out)
	if cap(c.out) > 1<<20 {
		c.out = nil
	}
	return gone(err)
}

func (c *push) receive() (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, gone(err)
	}
	n := int64(binary.LittleEndian.Uint32(head[:])) - 1
	body := make([]byte, max(0, min(n, maxFrame)))
	if _, err := io.ReadFull(c.in, body); err != nil {
		return 0, nil, gone(err)
	}
	_, err := io.CopyN(io.Discard, c.in, n-int64(len(body)))
	return head[4], body, gone(err)
}

// gone makes any failure of the connection errGone: it can only mean that the
// process has closed it.
func gone(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errGone, err)
}
