package runtime

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"time"

	"weir/internal/cloud"
	"weir/internal/sandbox"
)

// Contracts: how code is called. The empty name is Lambda's.
const (
	Lambda = ""
	FC     = "fc" // Function Compute's
)

// Spec describes an interpreter to start before its function is known.
type Spec struct {
	ID      string // names the sandbox; unique
	Runtime string // as the function asks for it: "python3.12", "nodejs22.x", "provided.al2023"
	NetNS   *os.File
	// Resolvers, Search and DNSOptions make the sandbox's resolv.conf.
	Resolvers  []netip.Addr
	Search     []string
	DNSOptions []string
	Hosts      []string // extra lines of /etc/hosts
	TmpMiB     int      // size of /tmp; 0 is 512
	// MemoryMiB, if the function is known already, lets Node size its heap by it.
	MemoryMiB int
	// Env, if the function is known already, are its variables that the interpreter
	// itself reads at its start. See NeedsOwnStart.
	Env map[string]string
	// Image, if set, is what the code is in; Runtime is then only a name.
	Image *Image
	// Log receives what the code prints, line by line; a Text may hold newlines
	// where the runtime knows that they belong to one message. It must not block.
	Log func(sandbox.Line)
}

// Credentials are the execution role's.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Code is one function version, with all that its environment tells it.
type Code struct {
	Dir         string // unpacked archive, becomes /var/task
	Image       *Image // in place of Dir: that of the Spec
	Layers      string // unpacked layers, become /opt; "" if none
	Handler     string
	Name        string
	Version     string // "$LATEST" or a number
	Region      string
	MemoryMiB   int     // the limit that is enforced, and told
	CPU         float64 // in cores; 0 is no limit
	Pids        int     // 0 is 1024, as Lambda
	LogGroup    string
	LogStream   string
	Env         map[string]string // the user's
	Credentials Credentials
	// Contract is how the code is called; what follows is told by FC's alone.
	Contract             string
	Account              string // as that cloud writes it
	Instance             string // names this one
	Timeout              time.Duration
	Initializer, PreStop *cloud.Hook
	Server               *cloud.Server // of code that is an HTTP server
	// Credentials are not in the environment; they are not in events.
	NoEnvCredentials, NoEventCredentials bool
	Attrs                                map[string]string
	Provisioned                          bool // it is loaded before events come
}

// Event is one invocation.
type Event struct {
	RequestID     string
	Payload       []byte // JSON; empty is {}
	Deadline      time.Time
	ARN           string // as it was invoked, with its qualifier
	TraceID       string
	ClientContext string // JSON
	Identity      string // Cognito's, JSON
	// What FC's contract tells of an event.
	Credentials Credentials
	Qualifier   string
	Retries     int
	// HTTP, if set, is the request that the event is: code that is a server gets
	// it as it came, with Payload as its body.
	HTTP *Request
}

// Request is an HTTP request without its body.
type Request struct {
	Method, Path, RawQuery string // Path as it was sent, still escaped
	Host                   string
	Header                 http.Header
}

// Reply is an HTTP response without its body.
type Reply struct {
	Status int
	Header http.Header
}

// Result is what the code made of an event.
type Result struct {
	Payload       []byte // the response, or the error document
	FunctionError bool   // Payload is an error document
	ErrorType     string // of that document: "ValueError", "Runtime.ExitError", …
	Reported      bool   // the code told of the failure, by a callback: it was not thrown
	Exited        bool   // the process has ended; do not use it again
	OOM           bool   // …because memory ran out
	HTTP          *Reply // what code that is a server answered
}

// Types of an InitError of code that is a server, and of a hook.
const (
	ServerExited        = "Server.Exited"
	ServerMissing       = "Server.Missing"       // its program
	ServerNotExecutable = "Server.NotExecutable" // its program
	ServerSilent        = "Server.Silent"        // its port
	InitializerTimedOut = "Initializer.TimedOut"
	InitializerFailed   = "Initializer.Failed"
)

// InitError says that the code could not be loaded; the process is dead.
type InitError struct {
	ErrorType string
	Message   string
	OOM       bool
	// Server says that code that is a server did not become one.
	Server   bool
	document []byte
}

func (e *InitError) Error() string { return e.ErrorType + ": " + e.Message }

// Result is the answer to the invocation that wanted the code loaded.
func (e *InitError) Result(requestID string) Result {
	doc := e.document
	if doc == nil {
		doc = errorDocument(e.ErrorType, fmt.Sprintf("RequestId: %s Error: %s", requestID, e.Message))
	}
	return Result{Payload: doc, FunctionError: true, ErrorType: e.ErrorType, Exited: true, OOM: e.OOM}
}
