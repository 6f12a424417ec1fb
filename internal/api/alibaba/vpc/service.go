// Package vpc speaks Alibaba Cloud's VPC 2016-04-28: VPCs, vSwitches, routes, NAT
// gateways and elastic IP addresses.
package vpc

import (
	"weir/internal/api/wire"
	"weir/internal/control"
)

type api struct {
	control *control.Control
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	a := &api{c}
	wire.Handle(s, "DescribeRegions", a.describeRegions)
	wire.Handle(s, "DescribeZones", a.describeZones)
	return s
}
