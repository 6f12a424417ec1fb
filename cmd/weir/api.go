package main

import (
	"context"
	"net/http"
	goruntime "runtime"
	"strings"
	"time"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	awslogs "weir/internal/api/aws/logs"
	"weir/internal/api/aws/sts"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/invoke"
)

// invoker is what the Lambda dialect calls: at once, or later.
type invoker struct {
	*invoke.Invoker
	*invoke.Async
}

// Run is neither's: both are run by the daemon.
func (invoker) Run(context.Context) error { panic("run by the daemon") }

// apiHandler serves every cloud API.
func (d *daemon) apiHandler() http.Handler {
	authorizer := access.New(d.control, map[string]access.Lister{
		"ec2": ec2Targets, "lambda": d.lambdaTargets, "iam": iam.Targets, "sts": sts.Targets,
	})
	server := wire.NewServer(wire.Config{
		Verify: d.control, Any: d.cfg.auth == "any", Account: d.cfg.account, Region: d.cfg.region,
		Authorize: authorizer.Authorize, Log: d.log,
	})
	code := lambda.NewCode("http://"+d.listener.Addr().String()+"/_weir/code", d.control.Code, time.Now)
	server.Add(ec2.New(d.control))
	server.Add(lambda.New(d.control, invoker{d.invoker, d.async}, lambda.Options{
		Code: code, CheckRuntime: d.checkRuntime, Architecture: architecture(),
		PassRole: func(ctx context.Context, _ cloud.Principal, role string) error {
			return authorizer.Check(wire.CallFrom(ctx), access.Target{Action: "iam:PassRole", ARN: role})
		},
	}))
	server.Add(iam.New(d.control))
	server.Add(sts.New(d.control))
	server.Add(awslogs.New(d.logs))
	mux := http.NewServeMux()
	mux.Handle("/_weir/code/", code)
	mux.Handle("/", server)
	return mux
}

// ec2Targets lists the resources that a call on EC2 names.
func ec2Targets(call *wire.Call, in any) []access.Target {
	var out []access.Target
	for _, arn := range ec2.Resources(call, in) {
		out = append(out, access.Target{Action: "ec2:" + call.Operation, ARN: arn})
	}
	return out
}

// lambdaTargets lists the functions that a call names, with their own policies.
func (d *daemon) lambdaTargets(call *wire.Call, in any) []access.Target {
	action, arns := lambda.Resources(call, in)
	var out []access.Target
	for _, arn := range arns {
		t := access.Target{Action: action, ARN: arn}
		if key, qualifier, ok := lambda.ParseDestination(arn); ok {
			t.Owner, _, _ = strings.Cut(string(key), "/")
			if f, ok := cloud.Functions.Get(d.store.View(), key); ok {
				t.Policy = f.Policies[qualifier].Document
			}
		}
		out = append(out, t)
	}
	return out
}

func (d *daemon) checkRuntime(name string) error {
	_, err := d.engine.Resolve(name)
	return err
}

func architecture() string {
	if goruntime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}
