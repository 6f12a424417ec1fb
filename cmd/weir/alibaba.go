package main

import (
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/cbn"
	"weir/internal/api/alibaba/ecs"
	"weir/internal/api/alibaba/fc"
	"weir/internal/api/alibaba/privatelink"
	"weir/internal/api/alibaba/pvtz"
	"weir/internal/api/alibaba/ram"
	aliregion "weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resourcemanager"
	"weir/internal/api/alibaba/sls"
	"weir/internal/api/alibaba/sts"
	alivpc "weir/internal/api/alibaba/vpc"
	"weir/internal/api/alibaba/vpcpeer"
	"weir/internal/api/wire"
)

// alibabaAccess asks for permissions of calls in Alibaba Cloud's dialect.
func (d *daemon) alibabaAccess() *access.Authorizer {
	return access.New(d.control, map[string]access.Lister{}, time.Now)
}

// addAlibaba adds Alibaba Cloud's products to the server.
func (d *daemon) addAlibaba(server *wire.Server, code func(digest string) string) {
	for _, s := range []*wire.Service{
		alivpc.New(d.control), ecs.New(d.control), ram.New(d.control), sts.New(d.control), resourcemanager.New(d.control),
		privatelink.New(d.control), cbn.New(d.control), pvtz.New(d.control), vpcpeer.New(d.control),
		fc.New(d.control, invoker{d.invoker, d.async}, fc.Options{CheckRuntime: d.checkRuntime, CodeURL: code}), sls.New(d.control),
	} {
		server.Add(s)
	}
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
