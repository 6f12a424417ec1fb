package invoke

import (
	"context"

	"weir/internal/runtime"
)

// FC is the contract of functions that are called as Function Compute's are.
const FC = runtime.FC

// UseRuntime makes an Engine of package runtime's.
func UseRuntime(e *runtime.Engine) Engine { return engine{e} }

type engine struct{ *runtime.Engine }

// Prepare starts an interpreter.
func (e engine) Prepare(ctx context.Context, spec runtime.Spec) (Process, error) {
	p, err := e.Engine.Prepare(ctx, spec)
	if err != nil {
		return nil, err // not a nil *runtime.Process in an interface
	}
	return p, nil
}

// Note says what runs in place of a runtime.
func (e engine) Note(name string) string {
	in, err := e.Resolve(name)
	if err != nil {
		return ""
	}
	return in.Note
}

// What dialects see of package runtime.
type (
	HTTPRequest = runtime.Request
	HTTPReply   = runtime.Reply
)

// Error types of code that did not become a server.
const (
	ServerExited        = runtime.ServerExited
	ServerMissing       = runtime.ServerMissing
	ServerNotExecutable = runtime.ServerNotExecutable
	ServerSilent        = runtime.ServerSilent
)
