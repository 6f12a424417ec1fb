// Package vpc speaks Alibaba Cloud's VPC 2016-04-28: VPCs, vSwitches, routes, network
// ACLs, NAT, IPv4 and IPv6 gateways and elastic IP addresses.
//
// They are those of the account, whichever dialect made them.
//
// Invariants: a VPC made here has the platform's services in 100.64.0.0/10, routes
// only its vSwitches' blocks by itself, lets public addresses leave without a route
// until an IPv4 gateway is enabled, joins IPv6 addresses to the internet one by one,
// and has a default network ACL, never shown, that
// lets everything pass; what only this dialect shows is in attributes (package resource).
package vpc

import (
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/control"
)

type api struct {
	control *control.Control
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c}
	wire.Handle(s, "DescribeRegions", a.describeRegions)
	wire.Handle(s, "DescribeZones", a.describeZones)
	a.vpcs(s)
	a.vSwitches(s)
	a.routeTables(s)
	a.routeEntries(s)
	a.eips(s)
	a.nats(s)
	a.natIPs(s)
	a.flowLogs(s)
	a.forwards(s)
	a.tagging(s)
	a.ipv4Gateways(s)
	a.ipv6Gateways(s)
	a.ipv6Rules(s)
	a.networkACLs(s)
	return s
}

func text(p *string) string { return resource.Text(p) }

func tags(list []Tag) (map[string]string, error) {
	return resource.Tags(list, func(t Tag) (*string, *string) { return t.Key, t.Value })
}

func tagList(m map[string]string) []Tag {
	return resource.TagList(m, func(k, v *string) Tag { return Tag{k, v} })
}
