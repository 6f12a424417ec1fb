package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/cbn"
	"weir/internal/api/alibaba/cr"
	"weir/internal/api/alibaba/ecs"
	"weir/internal/api/alibaba/fc"
	"weir/internal/api/alibaba/privatelink"
	"weir/internal/api/alibaba/pvtz"
	"weir/internal/api/alibaba/ram"
	aliregion "weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/alibaba/resourcemanager"
	"weir/internal/api/alibaba/sls"
	"weir/internal/api/alibaba/sts"
	alivpc "weir/internal/api/alibaba/vpc"
	"weir/internal/api/alibaba/vpcpeer"
	"weir/internal/api/aws/iam"
	"weir/internal/api/aws/lambda"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/image"
	"weir/internal/invoke"
	"weir/internal/runtime"
)

// alibabaAccess asks for permissions of calls in Alibaba Cloud's dialect.
func (d *daemon) alibabaAccess() *access.Authorizer {
	return access.New(d.control, map[string]access.Lister{
		"ram": ram.Targets, "sts": sts.Targets, "resourcemanager": resourcemanager.Targets, "cr": cr.Targets,
		"sls": sls.Targets(d.logs), "fc": fc.Targets(d.control),
		"ecs": ecs.Acts.Targets(d.control), "vpc": alivpc.Acts.Targets(d.control), "vpcpeer": vpcpeer.Acts.Targets(d.control),
		"pvtz": pvtz.Acts.Targets(d.control), "cbn": cbn.Acts.Targets(d.control), "privatelink": privatelink.Acts.Targets(d.control),
	}, time.Now)
}

// addAlibaba adds Alibaba Cloud's products to the server.
func (d *daemon) addAlibaba(server *wire.Server, auth *access.Authorizer, code func(digest string) string) {
	for _, s := range []*wire.Service{
		alivpc.New(d.control), ecs.New(d.control, d.hosts.Console), ram.New(d.control), sts.New(d.control, auth), resourcemanager.New(d.control, resource.Holds),
		privatelink.New(d.control), cbn.New(d.control), pvtz.New(d.control), vpcpeer.New(d.control),
		fc.New(d.control, invoker{d.invoker, d.async}, fc.Options{CheckRuntime: d.checkRuntime(runtime.FC), CheckImage: image.CheckReference, CodeURL: code, LogGroup: d.logstore}), sls.New(d.logs, time.Now), cr.New(d.control),
	} {
		server.Add(s)
	}
}

// logstore names the log group behind a logstore.
func (d *daemon) logstore(account, region, project, logstore string) (string, error) {
	return sls.GroupOf(d.logs, account, region, project, logstore)
}

// alibabaRegion is the region of calls that name none: the daemon's own, if it
// is one of Alibaba Cloud's.
func (d *daemon) alibabaRegion() string {
	if _, known := aliregion.Get(d.cfg.region); known && d.cfg.region != defaultRegion {
		return d.cfg.region
	}
	return aliregion.Default
}

func hasAlibabaRegion(id string) bool {
	_, known := aliregion.Get(id)
	return known
}

// alibabaEndpoints are the products as the variables that override their endpoints call them.
var alibabaEndpoints = []string{"VPC", "ECS", "RAM", "STS", "RESOURCEMANAGER", "PRIVATELINK", "CBN", "PVTZ", "VPCPEER", "FC", "SLS", "CR"}

// printAlibabaEnv prints what Alibaba Cloud's clients read. They take an endpoint
// without a scheme, and want to be told to speak HTTP.
func printAlibabaEnv(out io.Writer, base string, v environment) {
	host := strings.TrimPrefix(base, "http://")
	fmt.Fprintf(out, "# Alibaba Cloud: endpoint %s, protocol HTTP\n", host)
	for _, kv := range [][2]string{
		{"ALIBABA_CLOUD_ACCESS_KEY_ID", v.KeyID}, {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", v.Secret},
		{"ALIBABA_CLOUD_REGION", v.Alibaba}, {"ALIBABA_CLOUD_REGION_ID", v.Alibaba},
	} {
		fmt.Fprintf(out, "export %s=%s\n", kv[0], kv[1])
	}
	for _, product := range alibabaEndpoints {
		fmt.Fprintf(out, "export ALIBABA_CLOUD_ENDPOINT_%s=%s\n", product, host)
	}
	fmt.Fprintln(out, "unset ALIBABA_CLOUD_SECURITY_TOKEN ALIBABA_CLOUD_PROFILE")
}

// managed are both dialects' own policies.
func managed() []cloud.Policy { return slices.Concat(iam.Managed(), ram.System()) }

// openFunction checks and makes the network of a function that was made in this dialect.
func (d *daemon) openFunction(ctx context.Context, fn *cloud.Function, v *cloud.Version) (*cloud.Version, error) {
	if v.Role == "" && v.Attrs["fc.vpcRole"] == "" { // then the service's own role makes its interfaces
		if _, err := ram.EnsureServiceRole(ctx, d.control, fn.Account, "fc.aliyuncs.com"); err != nil {
			return nil, err
		}
	}
	return d.control.OpenFunctionNetwork(ctx, fc.Caller(fn), fn.Name, v.Number, fc.Opening(fn, v))
}

// parseDestination finds the function that a destination names, in either dialect.
func parseDestination(arn string) (key cloud.FunctionKey, qualifier string, ok bool) {
	if key, qualifier, ok = fc.ParseDestination(arn); ok {
		return key, qualifier, ok
	}
	return lambda.ParseDestination(arn)
}

// withTriggers answers requests to the names of HTTP triggers and custom domains,
// whatever their path.
func (d *daemon) withTriggers(rest http.Handler, server *wire.Server, auth *access.Authorizer) http.Handler {
	web := &fc.Web{
		Control: d.control, Invoker: invoker{d.invoker, d.async}, Identify: server.Identify, Random: rand.Float64,
		MayInvoke: func(call *wire.Call, fn *cloud.Function) error { return auth.Check(call, fc.InvokeTarget(fn)) },
	}
	d.named = web.Serves
	return namesFirst(web, rest, d.named)
}

// namesFirst leaves requests to names of functions to web, and all others to rest.
func namesFirst(web, rest http.Handler, named func(host string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if named(r.Host) {
			web.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// domainCertificate is the certificate that a custom domain was given; nil if none.
func (d *daemon) domainCertificate(host string) *tls.Certificate {
	domain, ok := cloud.Domains.Get(d.store.View(), host)
	if !ok || domain.Certificate == "" {
		return nil
	}
	cert, err := tls.X509KeyPair([]byte(domain.Certificate), []byte(domain.PrivateKey))
	if err != nil { // it was read when it was set
		return nil
	}
	return &cert
}

// timers fires timer triggers.
func (d *daemon) timers() *invoke.Timers {
	return &invoke.Timers{
		State: d.store, Enqueue: d.async.Enqueue, Event: fc.TimerEvent, Now: time.Now, Log: d.log,
		Next: control.NextTime,
	}
}
