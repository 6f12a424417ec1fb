// Package fc speaks Function Compute 3.0 (2023-03-30).
//
// Functions are those of the account, whichever dialect made them: what only this
// one shows of a function is in the version's attributes, keyed "fc.<name>". A
// function made here is called by this product's contracts.
//
// Invariants: what a function's network and role name is checked when the function
// runs, not when it is configured.
package fc

import (
	"context"
	"math/rand/v2"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/invoke"
)

// Invoker runs functions; *invoke.Invoker is one, with an *invoke.Async.
type Invoker interface {
	Invoke(ctx context.Context, r invoke.Request) (*invoke.Response, error)
	// Enqueue stores an event durably, to be run later.
	Enqueue(ctx context.Context, e invoke.Event) error
	Tasks
	// Abort ends the events that a function runs.
	Abort(fn cloud.FunctionKey)
	// Instances lists a function's instances, and the last that have ended.
	Instances(fn cloud.FunctionKey) []invoke.Instance
	// Provisioned tells how far a provision is.
	Provisioned(p *cloud.Provision) invoke.Provisioned
}

// Tasks are events that can be followed and stopped; *invoke.Async keeps them.
type Tasks interface {
	Task(ctx context.Context, fn cloud.FunctionKey, id string) (*invoke.Task, error)
	Tasks(ctx context.Context, fn cloud.FunctionKey) ([]*invoke.Task, error)
	StopTask(ctx context.Context, fn cloud.FunctionKey, id string) error
}

// Options are what differs between installations. Nil functions allow everything.
type Options struct {
	// CheckRuntime says why functions of a runtime cannot run here.
	CheckRuntime func(runtime string) error
	// CheckImage says why a name is not one of a registry's for an image.
	CheckImage func(ref string) error
	// CodeURL tells where an archive can be fetched for a while; "" if nowhere.
	CodeURL func(digest string) string
	// LogGroup names the log group behind a logstore, or says why there is none.
	LogGroup func(account, region, project, logstore string) (string, error)
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
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{control: c, invoker: inv, opt: opt, service: s, random: rand.Float64}
	wire.Handle(s, "CreateFunction", a.createFunction)
	wire.Handle(s, "GetFunction", a.getFunction)
	wire.Handle(s, "GetFunctionCode", a.getFunctionCode)
	wire.Handle(s, "ListFunctions", a.listFunctions)
	wire.Handle(s, "UpdateFunction", a.updateFunction)
	wire.Handle(s, "DeleteFunction", a.deleteFunction)
	wire.Handle(s, "PublishFunctionVersion", a.publishVersion)
	wire.Handle(s, "ListFunctionVersions", a.listVersions)
	wire.Handle(s, "DeleteFunctionVersion", a.deleteVersion)
	wire.Handle(s, "CreateAlias", a.createAlias)
	wire.Handle(s, "UpdateAlias", a.updateAlias)
	wire.Handle(s, "GetAlias", a.getAlias)
	wire.Handle(s, "ListAliases", a.listAliases)
	wire.Handle(s, "DeleteAlias", a.deleteAlias)
	wire.Handle(s, "GetAsyncTask", a.getTask)
	wire.Handle(s, "ListAsyncTasks", a.listTasks)
	wire.Handle(s, "StopAsyncTask", a.stopTask)
	wire.Handle(s, "ListInstances", a.listInstances)
	wire.Handle(s, "DisableFunctionInvocation", a.disableInvocation)
	wire.Handle(s, "EnableFunctionInvocation", a.enableInvocation)
	wire.Handle(s, "CreateTrigger", a.createTrigger)
	wire.Handle(s, "UpdateTrigger", a.updateTrigger)
	wire.Handle(s, "GetTrigger", a.getTrigger)
	wire.Handle(s, "ListTriggers", a.listTriggers)
	wire.Handle(s, "DeleteTrigger", a.deleteTrigger)
	wire.Handle(s, "InvokeFunction", a.invokeFunction)
	wire.Handle(s, "CreateVpcBinding", a.createVpcBinding)
	wire.Handle(s, "ListVpcBindings", a.listVpcBindings)
	wire.Handle(s, "DeleteVpcBinding", a.deleteVpcBinding)
	a.handleRest(s)
	return s
}

// handleRest registers what is about functions, and what they share.
func (a *api) handleRest(s *wire.Service) {
	wire.Handle(s, "PutConcurrencyConfig", a.putConcurrency)
	wire.Handle(s, "GetConcurrencyConfig", a.getConcurrency)
	wire.Handle(s, "ListConcurrencyConfigs", a.listConcurrency)
	wire.Handle(s, "DeleteConcurrencyConfig", a.deleteConcurrency)
	wire.Handle(s, "PutAsyncInvokeConfig", a.putAsyncConfig)
	wire.Handle(s, "GetAsyncInvokeConfig", a.getAsyncConfig)
	wire.Handle(s, "ListAsyncInvokeConfigs", a.listAsyncConfigs)
	wire.Handle(s, "DeleteAsyncInvokeConfig", a.deleteAsyncConfig)
	wire.Handle(s, "PutProvisionConfig", a.putProvision)
	wire.Handle(s, "GetProvisionConfig", a.getProvision)
	wire.Handle(s, "ListProvisionConfigs", a.listProvisions)
	wire.Handle(s, "DeleteProvisionConfig", a.deleteProvision)
	wire.Handle(s, "CreateLayerVersion", a.createLayerVersion)
	wire.Handle(s, "GetLayerVersion", a.getLayerVersion)
	wire.Handle(s, "GetLayerVersionByArn", a.getLayerByArn)
	wire.Handle(s, "ListLayers", a.listLayers)
	wire.Handle(s, "ListLayerVersions", a.listLayerVersions)
	wire.Handle(s, "DeleteLayerVersion", a.deleteLayerVersion)
	wire.Handle(s, "PutLayerACL", a.putLayerACL)
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "UntagResources", a.untagResources)
	wire.Handle(s, "ListTagResources", a.listTagResources)
	wire.Handle(s, "ChangeResourceGroup", a.changeGroup)
	wire.Handle(s, "CreateCustomDomain", a.createDomain)
	wire.Handle(s, "UpdateCustomDomain", a.updateDomain)
	wire.Handle(s, "GetCustomDomain", a.getDomain)
	wire.Handle(s, "ListCustomDomains", a.listDomains)
	wire.Handle(s, "DeleteCustomDomain", a.deleteDomain)
	wire.Handle(s, "DescribeRegions", a.describeRegions)
}

func caller(ctx context.Context) control.Caller {
	call := wire.CallFrom(ctx)
	return control.Caller{Account: call.Account, Region: call.Region, Principal: call.Principal, NewID: newID}
}

// Caller acts for a function, in its account and region.
func Caller(fn *cloud.Function) control.Caller {
	return control.Caller{Account: fn.Account, Region: fn.Region, NewID: newID}
}

// find is the function of the caller's account and region.
func (a *api) find(ctx context.Context, name *string) (*cloud.Function, error) {
	call := wire.CallFrom(ctx)
	fn, ok := cloud.Functions.Get(a.control.View(), cloud.MakeFunctionKey(call.Account, call.Region, value(name)))
	if !ok {
		return nil, noFunction(value(name))
	}
	return fn, nil
}

// latest is what this product calls the version that can still change.
const latest = "LATEST"

// resolve finds the version that a qualifier stands for.
func (a *api) resolve(ctx context.Context, name, qualifier *string) (cloud.Qualified, error) {
	fn, err := a.find(ctx, name)
	if err != nil {
		return cloud.Qualified{}, err
	}
	return cloud.Resolve(a.control.View(), fn.Key, neutralQualifier(value(qualifier)))
}

func neutralQualifier(q string) string {
	if q == latest {
		return cloud.Latest
	}
	return q
}

func noFunction(name string) error { return missing("Function", "function '%s' does not exist", name) }

// functionARN is a function's name in policies and answers.
func functionARN(fn *cloud.Function) string {
	return "acs:fc:" + fn.Region + ":" + access.UID(fn.Account) + ":functions/" + fn.Name
}
