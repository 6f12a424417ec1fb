package netplan

import (
	"cmp"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// FlowPoint is an interface whose traffic flow logs record.
type FlowPoint struct {
	ENI                cloud.InterfaceID
	Accepted, Rejected bool
}

// FlowPoint finds an interface among those that are logged, or nil.
func (p *Plan) FlowPoint(id cloud.InterfaceID) *FlowPoint {
	i, ok := slices.BinarySearchFunc(p.Flows, id, func(f FlowPoint, id cloud.InterfaceID) int { return cmp.Compare(f.ENI, id) })
	if !ok {
		return nil
	}
	return &p.Flows[i]
}

// flows lists the interfaces that flow logs cover. Interfaces are in order, so the list is.
func (c *compiler) flows() {
	var logs []*cloud.FlowLog
	for f := range cloud.FlowLogs.By(c.v, "vpc", string(c.vpc.ID)) {
		logs = append(logs, f)
	}
	for _, e := range c.p.ENIs {
		at := FlowPoint{ENI: e.ID}
		for _, f := range logs {
			if f.Covers(e.ID, e.Subnet, c.vpc.ID) {
				at.Accepted = at.Accepted || f.Traffic != cloud.TrafficRejected
				at.Rejected = at.Rejected || f.Traffic != cloud.TrafficAccepted
			}
		}
		if at.Accepted || at.Rejected {
			c.p.Flows = append(c.p.Flows, at)
		}
	}
}

// Route is the route that a subnet's table has for an address, or nil.
func (p *Plan) Route(id cloud.SubnetID, to netip.Addr) *Route {
	sub := p.subnet(id)
	if sub == nil {
		return nil
	}
	for i := range p.Tables {
		if p.Tables[i].ID != sub.Table {
			continue
		}
		for j := range p.Tables[i].Routes { // longest first
			if p.Tables[i].Routes[j].Dest.Contains(to) {
				return &p.Tables[i].Routes[j]
			}
		}
	}
	return nil
}
