package netplan

import "weir/internal/cloud"

// StageZone: an end of the flow is in a zone that has failed.
const StageZone Stage = "zone"

// failed reports whether a zone of this VPC's region has failed. The platform's
// own network is in none.
func (c *compiler) failed(zone string) bool {
	return !c.vpc.Service && cloud.ZoneAt(c.v, c.vpc.Region, zone).Failed
}

// Cut reports whether an interface is in a subnet whose zone has failed.
func (p *Plan) Cut(e *ENI) bool {
	s := p.subnet(e.Subnet)
	return s != nil && s.Failed
}
