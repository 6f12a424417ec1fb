package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// AddNATForward has a selective gateway send on what comes to one of its
// addresses. An address that rules translate to forwards ports above 1024 only if wide.
func (c *Control) AddNATForward(ctx context.Context, who Caller, id cloud.NATGatewayID, f cloud.NATForward, wide bool) (*cloud.NATForward, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.NATForward, error) {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return nil, err
		}
		if err := within(len(g.Forwards), c.quotas(who).ForwardsPerNAT, cloud.KindNATForward, string(id), ""); err != nil {
			return nil, err
		}
		if err := checkForward(tx, g, f, wide); err != nil {
			return nil, err
		}
		f.ID = who.NewID(cloud.KindNATForward)
		changed := *g
		changed.Forwards = append(slices.Clone(g.Forwards), f)
		cloud.NATGateways.Put(tx, &changed)
		return &f, nil
	})
}

// EditNATForward changes what a gateway sends on by edit, which gets a copy; nil deletes it.
func (c *Control) EditNATForward(ctx context.Context, who Caller, id cloud.NATGatewayID, forward string, wide bool, edit func(*cloud.NATForward)) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(g.Forwards, func(f cloud.NATForward) bool { return f.ID == forward })
		if i < 0 {
			return absent(cloud.KindNATForward, forward)
		}
		changed := *g
		changed.Forwards = slices.Clone(g.Forwards)
		if edit == nil {
			changed.Forwards = slices.Delete(changed.Forwards, i, i+1)
		} else {
			edit(&changed.Forwards[i])
			if err := checkForward(tx, g, changed.Forwards[i], wide); err != nil {
				return err
			}
		}
		cloud.NATGateways.Put(tx, &changed)
		return nil
	})
}

// checkForward wants an address of the gateway's and a host of its VPC, and no two
// answers to where a packet goes or where it came from.
func checkForward(v cloud.View, g *cloud.NATGateway, f cloud.NATForward, wide bool) error {
	refuse := func(kind cloud.Kind, reason, format string, args ...any) error {
		return cloud.Errorf(kind, cloud.KindNATForward, string(g.ID), reason, format, args...)
	}
	if _, ok := g.Address(v, f.Address); !ok {
		return refuse(cloud.Invalid, "address", "the address %s is not one of NAT gateway %s", f.Address, g.ID)
	}
	vpc, ok := cloud.VPCs.Get(v, g.VPC)
	if !ok || !covers(prefixes(vpc.CIDRs), netip.PrefixFrom(f.Host, f.Host.BitLen())) {
		return refuse(cloud.Invalid, "outside", "the host %s is not in the blocks of VPC %s", f.Host, g.VPC)
	}
	for e := range cloud.ElasticIPs.By(v, "scope", vpc.Scope()) {
		if i, ok := cloud.Interfaces.Get(v, e.Interface); ok && i.VPC == g.VPC && e.Private == f.Host {
			return refuse(cloud.Conflict, "public", "the host %s has the elastic IP %s, by which it answers; disassociate that first", f.Host, e.ID)
		}
	}
	for _, o := range g.Forwards {
		all := f.All() || o.All()
		if o.ID == f.ID {
			continue
		}
		if o.Address == f.Address && (all || o.Protocol == f.Protocol && o.From <= f.To && f.From <= o.To) {
			return refuse(cloud.Exists, "external", "%s of %s sends these ports of %s on already", o.ID, g.ID, f.Address)
		}
		if o.Host == f.Host && (all || o.Protocol == f.Protocol && o.Port <= f.Port+f.To-f.From && f.Port <= o.Port+o.To-o.From) {
			return refuse(cloud.Exists, "internal", "%s of %s leads to these ports of %s already", o.ID, g.ID, f.Host)
		}
	}
	translated := slices.ContainsFunc(g.Rules, func(r cloud.NATRule) bool { return slices.Contains(r.Addresses, f.Address) })
	if translated && (f.All() || f.To > 1024 && !wide) {
		return refuse(cloud.Conflict, "nat-rule", "rules of %s translate to the address %s, whose ports above 1024 are theirs", g.ID, f.Address)
	}
	return nil
}

// forwardOf finds what uses an address of a gateway's.
func forwardOf(g *cloud.NATGateway, eip cloud.AllocationID) *cloud.NATForward {
	for i := range g.Forwards {
		if g.Forwards[i].Address == eip {
			return &g.Forwards[i]
		}
	}
	return nil
}
