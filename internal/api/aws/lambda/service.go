package lambda

import (
	"context"
	"maps"
	"math/rand/v2"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

// Invoker runs functions; *invoke.Invoker is one.
type Invoker interface {
	Invoke(ctx context.Context, r invoke.Request) (*invoke.Response, error)
	// Enqueue stores an event durably, to be run later.
	Enqueue(ctx context.Context, e invoke.Event) error
	// Ready reports whether the version's network stands.
	Ready(ctx context.Context, fn *cloud.Function, v *cloud.Version) bool
	// Provisioned tells how far a provision is.
	Provisioned(p *cloud.Provision) invoke.Provisioned
}

// Options are what differs between installations. Nil functions allow everything.
type Options struct {
	Code *Code // serves archives; without it GetFunction tells no location
	// CheckRuntime says why functions of a runtime cannot run here.
	CheckRuntime func(runtime string) error
	// FindImage says why a function cannot have an image: a cloud.Error that is
	// Malformed or NotFound, or another.
	FindImage func(ctx context.Context, uri string) error
	// PassRole says why the caller may not give a role to a function.
	PassRole func(ctx context.Context, who cloud.Principal, roleARN string) error
	// Architecture is the machine's: "x86_64" (the default) or "arm64".
	Architecture string
}

type api struct {
	control *control.Control
	invoker Invoker
	opt     Options
	service *wire.Service
	random  func() float64
}

// New returns the service with everything that is implemented.
func New(c *control.Control, inv Invoker, opt Options) *wire.Service {
	if opt.Architecture == "" {
		opt.Architecture = string(ArchitectureX8664)
	}
	// Lambda itself words the refusal of a runtime, not the layer that checks the model.
	spec := Spec
	spec.Enums = maps.Clone(Spec.Enums)
	delete(spec.Enums, "Runtime")
	s := wire.NewService(spec)
	s.MapError = mapError
	a := &api{control: c, invoker: inv, opt: opt, service: s, random: rand.Float64}

	wire.Handle(s, "CreateFunction", a.createFunction)
	wire.Handle(s, "UpdateFunctionCode", a.updateFunctionCode)
	wire.Handle(s, "UpdateFunctionConfiguration", a.updateFunctionConfiguration)
	wire.Handle(s, "GetFunction", a.getFunction)
	wire.Handle(s, "GetFunctionConfiguration", a.getFunctionConfiguration)
	wire.Handle(s, "ListFunctions", a.listFunctions)
	wire.Handle(s, "DeleteFunction", a.deleteFunction)
	wire.Handle(s, "GetAccountSettings", a.getAccountSettings)

	wire.Handle(s, "Invoke", a.invoke)
	wire.Handle(s, "InvokeAsync", a.invokeAsync)

	wire.Handle(s, "PublishVersion", a.publishVersion)
	wire.Handle(s, "ListVersionsByFunction", a.listVersionsByFunction)
	wire.Handle(s, "CreateAlias", a.createAlias)
	wire.Handle(s, "UpdateAlias", a.updateAlias)
	wire.Handle(s, "GetAlias", a.getAlias)
	wire.Handle(s, "ListAliases", a.listAliases)
	wire.Handle(s, "DeleteAlias", a.deleteAlias)

	wire.Handle(s, "AddPermission", a.addPermission)
	wire.Handle(s, "RemovePermission", a.removePermission)
	wire.Handle(s, "GetPolicy", a.getPolicy)

	wire.Handle(s, "PutFunctionConcurrency", a.putFunctionConcurrency)
	wire.Handle(s, "GetFunctionConcurrency", a.getFunctionConcurrency)
	wire.Handle(s, "DeleteFunctionConcurrency", a.deleteFunctionConcurrency)

	wire.Handle(s, "PutFunctionEventInvokeConfig", a.putEventInvokeConfig)
	wire.Handle(s, "UpdateFunctionEventInvokeConfig", a.updateEventInvokeConfig)
	wire.Handle(s, "GetFunctionEventInvokeConfig", a.getEventInvokeConfig)
	wire.Handle(s, "ListFunctionEventInvokeConfigs", a.listEventInvokeConfigs)
	wire.Handle(s, "DeleteFunctionEventInvokeConfig", a.deleteEventInvokeConfig)

	wire.Handle(s, "TagResource", a.tagResource)
	wire.Handle(s, "UntagResource", a.untagResource)
	wire.Handle(s, "ListTags", a.listTags)

	a.handleDefaults(s)
	return s
}

// caller is who the call of ctx comes from, acting in the account that the function belongs to.
func caller(ctx context.Context, account string) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: account, Region: call.Region, Principal: call.Principal, NewID: ec2.NewID}
}
