package oracle

import (
	"net/netip"

	"weir/internal/cloud"
)

// defaults are what a dialect with priorities gives a group of its own accord:
// an ordinary one lets its members reach each other before all rules, and its
// members send behind all rules; an enterprise one does neither.
// https://www.alibabacloud.com/help/en/ecs/user-guide/basic-security-groups-and-advanced-security-groups
func (d *dice) defaults(w *world, g cloud.SecurityGroupID) (out []cloud.SecurityGroupRule) {
	if !w.ranked || d.chance(30) {
		return nil
	}
	all := cloud.SecurityGroupRule{Action: cloud.Allow, Protocol: -1, From: -1, To: -1}
	for _, egress := range []bool{false, true} {
		inner := all
		inner.ID, inner.Egress, inner.Group = d.id("sgr"), egress, g
		out = append(out, inner)
	}
	for _, p := range []string{"0.0.0.0/0", "::/0"} {
		last := all
		last.ID, last.Egress, last.Priority, last.Prefix = d.id("sgr"), true, 101, pfx(p)
		out = append(out, last)
	}
	return out
}

// peering may join two VPCs. Those whose blocks overlap cannot be joined; a
// state that says so is a faulty one, and closed.
func (d *dice) peering(a, b *world) {
	if !d.chance(75) || a.net == b.net && !d.chance(20) {
		return
	}
	id := d.id("pcx")
	cloud.Peerings.Put(d.s, &cloud.Peering{Meta: meta, ID: cloud.PeeringID(id),
		State:     pick(d, cloud.PeeringActive, cloud.PeeringActive, cloud.PeeringActive, cloud.PeeringActive, cloud.PeeringPending, cloud.PeeringDeleted),
		Requester: cloud.PeeringSide{VPC: a.v.ID, Account: account, Region: region}, Accepter: cloud.PeeringSide{VPC: b.v.ID, Account: account, Region: region}})
	a.peers, b.peers = append(a.peers, b), append(b.peers, a)
	t := cloud.RouteTarget{Kind: cloud.TargetPeering, ID: id}
	for _, w := range []*world{a, b} {
		w.targets = append(w.targets, t, t, t, t, t)
	}
}

func (d *dice) switchPeering(w *world) {
	for p := range cloud.Peerings.By(d.s, "vpc", string(w.v.ID)) {
		edit(d.s, cloud.Peerings, p.ID, func(p *cloud.Peering) {
			if p.State == cloud.PeeringActive {
				p.State = cloud.PeeringDeleted
			} else {
				p.State = cloud.PeeringActive
			}
		})
		return
	}
}

// interfaceEndpoint may give the VPC an endpoint with interfaces in some subnets.
func (d *dice) interfaceEndpoint(w *world) {
	if !d.chance(40) {
		return
	}
	e := &cloud.Endpoint{Meta: meta, ID: cloud.EndpointID(d.id("vpce")), VPC: w.v.ID, Service: "com.amazonaws." + region + ".lambda", API: "lambda"}
	for _, s := range w.subnets {
		a := nth(s, 8, true)
		if !a.IsValid() || d.chance(40) {
			continue
		}
		i := &cloud.Interface{Meta: meta, ID: cloud.InterfaceID(d.id("eni")), VPC: w.v.ID, Subnet: s.ID, Use: cloud.UseEndpoint, SourceDestCheck: true,
			Addrs: []netip.Addr{a}, SecurityGroups: []cloud.SecurityGroupID{pick(d, w.groups...)}}
		if a := nth(s, 8, false); a.IsValid() && d.chance(50) {
			i.Addrs6 = []netip.Addr{a}
		}
		cloud.Interfaces.Put(d.s, i)
		w.served = append(w.served, i.ID)
		e.Interfaces, e.Subnets = append(e.Interfaces, i.ID), append(e.Subnets, s.ID)
	}
	cloud.Endpoints.Put(d.s, e)
}

func (d *dice) regroupEndpoint(w *world) {
	if len(w.served) > 0 {
		edit(d.s, cloud.Interfaces, pick(d, w.served...), func(e *cloud.Interface) { e.SecurityGroups = []cloud.SecurityGroupID{pick(d, w.groups...)} })
	}
}

// deleteEndpoint deletes an interface of the endpoint; the last with the endpoint.
func (d *dice) deleteEndpoint(w *world) {
	for e := range cloud.Endpoints.By(d.s, "vpc", string(w.v.ID)) {
		if e.Gateway || len(e.Interfaces) == 0 {
			continue
		}
		cloud.Interfaces.Delete(d.s, e.Interfaces[0])
		w.served = w.served[1:]
		if len(e.Interfaces) == 1 {
			cloud.Endpoints.Delete(d.s, e.ID)
			return
		}
		edit(d.s, cloud.Endpoints, e.ID, func(e *cloud.Endpoint) { e.Interfaces, e.Subnets = e.Interfaces[1:], e.Subnets[1:] })
		return
	}
}
