package oracle

import (
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
)

// change is one kind of change to a VPC, or to what joins it to others.
type change struct {
	what string
	do   func(*world)
}

// change makes one random change to the state and says which. One that finds
// nothing to change makes none.
func (d *dice) change() string {
	w := pick(d, d.worlds...)
	changes := []change{
		{"rule added", d.addRule}, {"rule removed", d.removeRule}, {"interface in other groups", d.regroup},
		{"routes made anew", d.reroute}, {"route removed", d.unroute}, {"subnet with another route table", d.reassociate},
		{"ACL line added", d.addLine}, {"ACL line removed", d.removeLine}, {"subnet with another ACL", d.otherACL},
		{"elastic IP moved", d.moveIP}, {"elastic IP released", d.releaseIP},
		{"interface made", d.makeInterface}, {"interface deleted", d.deleteInterface}, {"addresses changed", d.readdress},
		{"source/destination check switched", d.switchCheck}, {"internet gateway attached or detached", d.switchGateway},
		{"NAT gateway deleted", d.deleteNAT}, {"prefix list changed", d.relist}, {"DNS switched", d.switchDNS},
		{"gateway endpoint moved", d.moveEndpoint}, {"zone failed or healed", d.switchZone},
		{"interface endpoint in another group", d.regroupEndpoint}, {"interface endpoint deleted", d.deleteEndpoint}, {"peering ended or begun", d.switchPeering},
	}
	if len(d.hubs) > 0 {
		changes = append(changes, d.transitChanges()...)
	}
	if d.second {
		changes = append(changes, d.dialectChanges()...)
	}
	c := pick(d, changes...)
	c.do(w)
	return c.what
}

func (d *dice) group(w *world, f func(*cloud.SecurityGroup)) {
	edit(d.s, cloud.SecurityGroups, pick(d, w.groups...), func(g *cloud.SecurityGroup) { g.Rules = slices.Clone(g.Rules); f(g) })
}

func (d *dice) addRule(w *world) {
	d.group(w, func(g *cloud.SecurityGroup) { g.Rules = append(g.Rules, d.rules(w)...) })
}

func (d *dice) removeRule(w *world) {
	d.group(w, func(g *cloud.SecurityGroup) { g.Rules = d.less(g.Rules) })
}

// less removes one at random.
func less[T any](d *dice, list []T) []T {
	if len(list) == 0 {
		return nil
	}
	i := d.IntN(len(list))
	return slices.Delete(slices.Clone(list), i, i+1)
}

func (d *dice) less(list []cloud.SecurityGroupRule) []cloud.SecurityGroupRule { return less(d, list) }

// eni edits a host's or functions' interface, if one is left.
func (d *dice) eni(w *world, f func(*cloud.Interface)) {
	if len(w.enis) > 0 {
		edit(d.s, cloud.Interfaces, pick(d, w.enis...), f)
	}
}

func (d *dice) regroup(w *world) {
	d.eni(w, func(e *cloud.Interface) { e.SecurityGroups = []cloud.SecurityGroupID{pick(d, w.groups...)} })
}

func (d *dice) reroute(w *world) {
	edit(d.s, cloud.RouteTables, pick(d, w.tables...), func(t *cloud.RouteTable) { t.Routes = d.routes(w) })
}

func (d *dice) unroute(w *world) {
	edit(d.s, cloud.RouteTables, pick(d, w.tables...), func(t *cloud.RouteTable) { t.Routes = less(d, t.Routes) })
}

func (d *dice) reassociate(w *world) {
	s := pick(d, w.subnets...)
	for _, t := range w.tables {
		edit(d.s, cloud.RouteTables, t, func(t *cloud.RouteTable) {
			t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a cloud.RouteTableAssociation) bool { return a.Subnet == s.ID })
		})
	}
	if d.chance(80) {
		edit(d.s, cloud.RouteTables, pick(d, w.tables...), func(t *cloud.RouteTable) {
			t.Associations = append(slices.Clone(t.Associations), cloud.RouteTableAssociation{ID: d.id("assoc"), Subnet: s.ID})
		})
	}
}

func (d *dice) addLine(w *world) {
	edit(d.s, cloud.NetworkACLs, pick(d, w.acls...), func(a *cloud.NetworkACL) { a.Entries = append(slices.Clone(a.Entries), d.line(w, d.chance(50))) })
}

func (d *dice) removeLine(w *world) {
	edit(d.s, cloud.NetworkACLs, pick(d, w.acls...), func(a *cloud.NetworkACL) { a.Entries = less(d, a.Entries) })
}

func (d *dice) otherACL(w *world) {
	edit(d.s, cloud.Subnets, pick(d, w.subnets...).ID, func(s *cloud.Subnet) { s.NetworkACL = pick(d, w.acls...) })
}

func (d *dice) anIP() (cloud.AllocationID, bool) {
	var ids []cloud.AllocationID
	for e := range cloud.ElasticIPs.All(d.s) {
		ids = append(ids, e.ID)
	}
	if len(ids) == 0 {
		return "", false
	}
	return pick(d, ids...), true
}

// moveIP gives a public address to an interface that may have one already: then
// one of the two counts.
func (d *dice) moveIP(w *world) {
	id, ok := d.anIP()
	d.eni(w, func(e *cloud.Interface) {
		if ok && len(e.Addrs) > 0 {
			edit(d.s, cloud.ElasticIPs, id, func(p *cloud.ElasticIP) { p.Interface, p.Private = e.ID, pick(d, e.Addrs...) })
		}
	})
}

func (d *dice) releaseIP(*world) {
	if id, ok := d.anIP(); ok {
		cloud.ElasticIPs.Delete(d.s, id)
	}
}

func (d *dice) makeInterface(w *world) {
	w.made++
	w.enis = append(w.enis, d.newInterface(w, pick(d, w.subnets...), 30+w.made).ID)
}

func (d *dice) deleteInterface(w *world) {
	if len(w.enis) < 2 {
		return
	}
	i := d.IntN(len(w.enis))
	cloud.Interfaces.Delete(d.s, w.enis[i]) // routes and elastic IPs that name it dangle
	w.enis = slices.Delete(w.enis, i, i+1)
}

func (d *dice) readdress(w *world) {
	w.made++
	d.eni(w, func(e *cloud.Interface) {
		s, _ := cloud.Subnets.Get(d.s, e.Subnet)
		switch {
		case len(e.Addrs6) > 0 && len(e.Addrs) > 0 && d.chance(50):
			e.Addrs6 = nil
		case len(e.Addrs6) == 0 && nth(s, 0, false).IsValid():
			e.Addrs6 = []netip.Addr{nth(s, 60+w.made, false)}
		case len(e.Addrs) > 1:
			e.Addrs = e.Addrs[:1]
		case len(e.Addrs) == 1:
			e.Addrs = []netip.Addr{e.Addrs[0], nth(s, 60+w.made, true)}
		}
	})
}

func (d *dice) switchCheck(w *world) {
	d.eni(w, func(e *cloud.Interface) {
		if e.Use == cloud.UseHost {
			e.SourceDestCheck = !e.SourceDestCheck
		}
	})
}

func (d *dice) switchGateway(w *world) {
	for _, t := range w.targets {
		if t.Kind == cloud.TargetInternetGateway {
			edit(d.s, cloud.InternetGateways, cloud.InternetGatewayID(t.ID), func(g *cloud.InternetGateway) {
				if g.VPC == "" {
					g.VPC = w.v.ID
				} else {
					g.VPC = ""
				}
			})
			return
		}
	}
}

func (d *dice) deleteNAT(w *world) {
	for g := range cloud.NATGateways.By(d.s, "vpc", string(w.v.ID)) {
		if !g.Deleted.IsZero() {
			continue
		}
		edit(d.s, cloud.NATGateways, g.ID, func(g *cloud.NATGateway) { g.Deleted = time.Unix(1, 0).UTC() })
		cloud.Interfaces.Delete(d.s, g.Interface)
		return
	}
}

func (d *dice) relist(w *world) {
	if len(w.lists) == 0 {
		return
	}
	edit(d.s, cloud.PrefixLists, pick(d, w.lists...), func(l *cloud.PrefixList) {
		l.Entries, l.Version = nil, l.Version+1
		for _, p := range d.some(w, false) {
			l.Entries = append(l.Entries, cloud.PrefixListEntry{Prefix: p})
		}
	})
}

func (d *dice) switchDNS(w *world) {
	edit(d.s, cloud.VPCs, w.v.ID, func(v *cloud.VPC) { v.DNSSupport = !v.DNSSupport })
}

func (d *dice) moveEndpoint(w *world) {
	for e := range cloud.Endpoints.By(d.s, "vpc", string(w.v.ID)) {
		if e.Gateway {
			edit(d.s, cloud.Endpoints, e.ID, func(e *cloud.Endpoint) { e.RouteTables = []cloud.RouteTableID{pick(d, w.tables...)} })
		}
	}
}

// switchZone has a zone fail, for all VPCs, or heals it.
func (d *dice) switchZone(*world) {
	z := cloud.ZoneAt(d.s, region, pick(d, zones...))
	z.Failed = !z.Failed
	cloud.Zones.Put(d.s, &z)
}
