package wire

import (
	"context"
	"net/netip"

	"weir/internal/cloud"
)

// Call describes one authenticated request; operations find it in the context.
type Call struct {
	RequestID string
	Dialect   Dialect
	Service   string // signing name: "ec2", "lambda"
	Operation string // as the model names it: "CreateVpc"
	Account   string // of the principal
	Region    string
	Principal cloud.Principal
	TLS       bool             // the connection is encrypted
	Source    netip.Addr       // of the caller, as seen by Weir
	VPC       cloud.VPCID      // the caller's VPC, if the request came in through one
	Endpoint  cloud.EndpointID // and the endpoint it came through
}

type callKey struct{}

// WithCall returns a context that carries c.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns the call in ctx; it panics if there is none, which is a broken invariant.
func CallFrom(ctx context.Context) *Call { return ctx.Value(callKey{}).(*Call) }

// Error is an error in a dialect's own terms, ready to be encoded.
type Error struct {
	Code   string // "InvalidVpcID.NotFound", "ResourceNotFoundException"
	Status int    // HTTP status; 0 means 400
	Msg    string
	// Fields are extra members of the error's shape in JSON protocols ("Type": "User", "Reason": …).
	Fields map[string]any
	Err    error // cause, for the log
}

func (e *Error) Error() string { return e.Code + ": " + e.Msg }

func (e *Error) Unwrap() error { return e.Err }
