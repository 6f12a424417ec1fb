package main

import (
	"context"
	"net/http"
	"net/netip"
	goruntime "runtime"
	"time"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/elbv2"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	awslogs "weir/internal/api/aws/logs"
	"weir/internal/api/aws/route53"
	"weir/internal/api/aws/s3"
	"weir/internal/api/aws/sts"
	"weir/internal/api/aws/targets"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/invoke"
	"weir/internal/runtime"
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
		"ec2": targets.EC2(d.control), "lambda": targets.Lambda(d.control), "logs": targets.Logs,
		"iam": iam.Targets(d.control), "sts": sts.Targets, "route53": route53.Targets(d.control), "elasticloadbalancing": elbv2.Targets, "s3": s3.Targets,
	}, time.Now)
	alibaba := d.alibabaAccess()
	server := wire.NewServer(wire.Config{
		Verify: d.control, Any: d.cfg.auth == "any", Account: d.cfg.account, Region: d.cfg.region,
		AlibabaRegion: d.alibabaRegion(), HasRegion: hasAlibabaRegion,
		Authorize: func(ctx context.Context, call *wire.Call, in any) error {
			if call.Dialect == wire.Alibaba {
				return alibaba.Authorize(ctx, call, in)
			}
			return authorizer.Authorize(ctx, call, in)
		},
		Log: d.log,
	})
	code := lambda.NewCode("http://"+d.listener.Addr().String()+"/_weir/code", d.control.Code, time.Now)
	server.Add(ec2.New(d.control, ec2.WithConsole(d.hosts.Console), ec2.WithPassRole(func(ctx context.Context, role string) error {
		return targets.PassInstanceRole(authorizer, wire.CallFrom(ctx), role)
	}), ec2.WithPassFlowRole(func(ctx context.Context, role string) error {
		return targets.PassFlowRole(authorizer, wire.CallFrom(ctx), role)
	})))
	server.Add(lambda.New(d.control, invoker{d.invoker, d.async}, lambda.Options{
		Code: code, CheckRuntime: d.checkRuntime(runtime.Lambda), Architecture: architecture(), FindImage: d.findImage,
		PassRole: func(ctx context.Context, _ cloud.Principal, role string) error {
			return targets.PassRole(authorizer, wire.CallFrom(ctx), role)
		},
	}))
	server.Add(elbv2.New(d.control, func(group cloud.TargetGroupID, addr netip.Addr, port int) (string, string) {
		h := d.balancers.Health(group, addr, port)
		return string(h.State), h.Reason
	}))
	server.Add(s3.New())
	server.Add(iam.New(d.control))
	server.Add(sts.New(d.control, authorizer))
	server.Add(awslogs.New(d.logs))
	server.Add(route53.New(d.control, d.network.Shows))
	d.addAlibaba(server, alibaba, code.URL)
	mux := http.NewServeMux()
	mux.Handle("/_weir/code/", code)
	mux.Handle("/", server)
	return d.withTriggers(mux, server, alibaba)
}

// checkRuntime says why functions of a contract cannot have a runtime.
func (d *daemon) checkRuntime(contract string) func(name string) error {
	return func(name string) error { return d.engine.CheckName(contract, name) }
}

func architecture() string {
	if goruntime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}
