package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// leadToNAT has the VPC's main table lead everything to a new gateway, unless it
// leads somewhere already.
func leadToNAT(tx cloud.Tx, g *cloud.NATGateway) {
	for t := range cloud.RouteTables.By(tx, "vpc", string(g.VPC)) {
		r := cloud.Route{Dest: anyIPv4, Target: cloud.RouteTarget{Kind: cloud.TargetNATGateway, ID: string(g.ID)}}
		if t.Main && findRoute(t, r) < 0 {
			changed := *t
			changed.Routes = append(slices.Clone(t.Routes), r)
			cloud.RouteTables.Put(tx, &changed)
		}
	}
}

// RemoveNATGateway deletes a selective gateway, its own addresses and the routes to it. With rules
// or elastic IPs it stays, unless force frees these.
func (c *Control) RemoveNATGateway(ctx context.Context, who Caller, id cloud.NATGatewayID, force bool) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		if len(old.Rules) > 0 && !force {
			return cloud.Errorf(cloud.InUse, cloud.KindNATGateway, string(id), "rules", "NAT gateway %s has rules; delete them first", id)
		}
		if len(old.Forwards) > 0 && !force {
			return cloud.Errorf(cloud.InUse, cloud.KindNATGateway, string(id), "forwards", "NAT gateway %s sends packets on to hosts; delete these rules first", id)
		}
		for range cloud.ElasticIPs.By(tx, "interface", string(old.Interface)) {
			if !force {
				return cloud.Errorf(cloud.InUse, cloud.KindNATGateway, string(id), "addresses", "NAT gateway %s has elastic IPs; disassociate them first", id)
			}
		}
		for t := range cloud.RouteTables.By(tx, "vpc", string(old.VPC)) {
			left := slices.DeleteFunc(slices.Clone(t.Routes), func(r cloud.Route) bool {
				return r.Target.Kind == cloud.TargetNATGateway && r.Target.ID == string(id)
			})
			if len(left) < len(t.Routes) {
				changed := *t
				changed.Routes = left
				cloud.RouteTables.Put(tx, &changed)
			}
		}
		g := *old
		g.Deleted, g.Rules, g.Forwards, g.Own = c.now(), nil, nil, nil
		removeInterface(tx, g.Interface)
		cloud.NATGateways.Put(tx, &g)
		return nil
	})
}

// AssociateNATAddress gives a gateway an elastic IP, on an address of its interface that has none.
func (c *Control) AssociateNATAddress(ctx context.Context, who Caller, id cloud.NATGatewayID, eip cloud.AllocationID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		e, err := find(tx, who, cloud.ElasticIPs, cloud.KindElasticIP, eip)
		if err != nil {
			return err
		}
		if g.Private {
			return privateNAT(eip)
		}
		if e.AssocID != "" {
			return cloud.Errorf(cloud.Exists, cloud.KindAddressAssoc, string(eip), "", "the elastic IP %s is associated with %s", eip, e.Interface)
		}
		i, ok := cloud.Interfaces.Get(tx, g.Interface)
		if !ok {
			return absent(cloud.KindInterface, string(g.Interface))
		}
		taken := map[netip.Addr]bool{}
		for other := range cloud.ElasticIPs.By(tx, "interface", string(i.ID)) {
			taken[other.Private] = true
		}
		at := slices.IndexFunc(i.Addrs, func(a netip.Addr) bool { return !taken[a] })
		if at < 0 {
			at = len(i.Addrs)
			if err := within(at-1, c.quotas(who).AddressesPerNAT, cloud.KindNATGateway, string(id), "addresses"); err != nil {
				return err
			}
			if i, err = addAddresses(tx, who, i, nil, 1); err != nil {
				return err
			}
		}
		associate(tx, who, e, i.ID, i.Addrs[at])
		return nil
	})
}

// DisassociateNATAddress takes an elastic IP from a gateway, of which no rule uses it.
func (c *Control) DisassociateNATAddress(ctx context.Context, who Caller, id cloud.NATGatewayID, eip cloud.AllocationID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		e, err := find(tx, who, cloud.ElasticIPs, cloud.KindElasticIP, eip)
		if err != nil {
			return err
		}
		if e.Interface != g.Interface {
			return absent(cloud.KindElasticIP, string(eip))
		}
		for _, r := range g.Rules {
			if slices.Contains(r.Addresses, eip) {
				return cloud.Errorf(cloud.InUse, cloud.KindElasticIP, string(eip), "nat-rule", "rule %s of %s uses the elastic IP %s", r.ID, id, eip)
			}
		}
		if f := forwardOf(g, eip); f != nil {
			return cloud.Errorf(cloud.InUse, cloud.KindElasticIP, string(eip), "nat-forward", "%s of %s uses the elastic IP %s", f.ID, id, eip)
		}
		disassociate(tx, e)
		return nil
	})
}

// AddNATRule adds a rule to a gateway; a source has one rule.
func (c *Control) AddNATRule(ctx context.Context, who Caller, id cloud.NATGatewayID, r cloud.NATRule) (*cloud.NATRule, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.NATRule, error) {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return nil, err
		}
		if r.Subnet != "" {
			s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, r.Subnet)
			if err != nil {
				return nil, err
			}
			if s.VPC != g.VPC {
				return nil, otherVPC(cloud.KindNATRule, string(s.ID), "subnet %s and NAT gateway %s belong to different VPCs", s.ID, id)
			}
		}
		r.Source = masked(r.Source)
		if slices.ContainsFunc(g.Rules, func(o cloud.NATRule) bool { return o.Subnet == r.Subnet && o.Source == r.Source }) {
			return nil, cloud.Errorf(cloud.Exists, cloud.KindNATRule, string(r.Subnet), "", "NAT gateway %s has a rule for that source", id)
		}
		if err := natRuleAddresses(tx, g, r.Addresses); err != nil {
			return nil, err
		}
		r.ID = who.NewID(cloud.KindNATRule)
		changed := *g
		changed.Rules = append(slices.Clone(g.Rules), r)
		cloud.NATGateways.Put(tx, &changed)
		return &r, nil
	})
}

// natRuleAddresses wants addresses of the gateway, one at least.
func natRuleAddresses(v cloud.View, g *cloud.NATGateway, ids []cloud.AllocationID) error {
	for _, id := range ids {
		if _, ok := g.Address(v, id); !ok {
			return cloud.Errorf(cloud.Invalid, cloud.KindNATRule, string(id), "address", "the address %s is not one of NAT gateway %s", id, g.ID)
		}
	}
	for _, id := range ids {
		if f := forwardOf(g, id); f != nil && f.All() {
			return cloud.Errorf(cloud.Conflict, cloud.KindNATRule, string(id), "forward", "%s of %s sends on everything that comes to the address %s", f.ID, g.ID, id)
		}
	}
	if len(ids) == 0 {
		return cloud.Errorf(cloud.Invalid, cloud.KindNATRule, "", "address", "a rule of NAT gateway %s needs an address of it", g.ID)
	}
	return nil
}

// EditNATRule changes a rule's name and addresses by edit, which gets a copy; nil deletes it.
func (c *Control) EditNATRule(ctx context.Context, who Caller, id cloud.NATGatewayID, rule string, edit func(*cloud.NATRule)) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(g.Rules, func(r cloud.NATRule) bool { return r.ID == rule })
		if i < 0 {
			return absent(cloud.KindNATRule, rule)
		}
		changed := *g
		changed.Rules = slices.Clone(g.Rules)
		if edit == nil {
			changed.Rules = slices.Delete(changed.Rules, i, i+1)
		} else {
			edit(&changed.Rules[i])
			if err := natRuleAddresses(tx, g, changed.Rules[i].Addresses); err != nil {
				return err
			}
		}
		cloud.NATGateways.Put(tx, &changed)
		return nil
	})
}
