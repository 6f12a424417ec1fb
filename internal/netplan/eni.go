package netplan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// enis lists the interfaces that have a subnet and at least one address in it.
func (c *compiler) enis() {
	for r := range cloud.Interfaces.By(c.v, "vpc", string(c.vpc.ID)) {
		sub := c.p.subnet(r.Subnet)
		if sub == nil {
			c.problem(ref(cloud.KindInterface, r.ID), "network interface %s: its subnet %q is not in VPC %s", r.ID, r.Subnet, c.vpc.ID)
			continue
		}
		e := ENI{
			ID: r.ID, Subnet: r.Subnet, MAC: r.MAC,
			Attach: attach(r.Use), Addrs: c.addrs(r, sub),
			AnySource: !r.SourceDestCheck || r.Use == cloud.UseNAT || r.Use == cloud.UseTransit,
			Source:    []cloud.Ref{ref(cloud.KindInterface, r.ID)},
		}
		if len(e.Addrs) == 0 {
			c.problem(ref(cloud.KindInterface, r.ID), "network interface %s has no address of its own in subnet %s", r.ID, r.Subnet)
			continue
		}
		if e.Attach.Grouped() {
			e.Profile = profileKey(r.SecurityGroups)
		}
		if r.PublicIP.IsValid() {
			c.auto[e.ID] = r.PublicIP
		}
		c.p.ENIs = append(c.p.ENIs, e)
	}
	slices.SortFunc(c.p.ENIs, func(a, b ENI) int { return cmp.Compare(a.ID, b.ID) })
}

func attach(use cloud.InterfaceUse) Attach {
	switch use {
	case cloud.UseFunction:
		return AttachShared
	case cloud.UseNAT:
		return AttachNAT
	case cloud.UseEndpoint:
		return AttachEndpoint
	case cloud.UseTransit:
		return AttachTransit
	case cloud.UseBalancer:
		return AttachBalancer
	default:
		return AttachDirect
	}
}

// addrs returns the interface's addresses that are in its subnet and no other
// interface's, in the given order, IPv4 first.
func (c *compiler) addrs(r *cloud.Interface, sub *Subnet) []netip.Addr {
	var out []netip.Addr
	for _, a := range slices.Concat(r.Addrs, r.Addrs6) {
		owner, taken := c.at[a]
		switch {
		case !sub.CIDR4.Contains(a) && !sub.CIDR6.Contains(a):
			c.problem(ref(cloud.KindInterface, r.ID), "network interface %s: address %s is not in subnet %s", r.ID, a, sub.ID)
		case taken && owner == r.ID: // listed twice
		case taken:
			c.problem(ref(cloud.KindInterface, r.ID), "network interface %s: address %s is already that of %s", r.ID, a, owner)
		default:
			c.at[a] = r.ID
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	return out
}

func profileKey(groups []cloud.SecurityGroupID) ProfileKey {
	ids := make([]string, 0, len(groups))
	for _, g := range groups {
		if g != "" {
			ids = append(ids, string(g))
		}
	}
	if len(ids) == 0 {
		return NoGroups
	}
	slices.Sort(ids)
	return ProfileKey(strings.Join(slices.Compact(ids), ","))
}

// Translated are the addresses that a NAT gateway gives to new flows.
func (e *ENI) Translated() []netip.Addr {
	return slices.DeleteFunc(slices.Clone(e.Addrs), func(a netip.Addr) bool { return slices.Contains(e.Draining, a) })
}

// ENI finds an interface of the plan, or nil.
func (p *Plan) ENI(id cloud.InterfaceID) *ENI {
	i, ok := slices.BinarySearchFunc(p.ENIs, id, func(e ENI, id cloud.InterfaceID) int { return cmp.Compare(e.ID, id) })
	if !ok {
		return nil
	}
	return &p.ENIs[i]
}

// nats lists the NAT gateways that work, and takes the interfaces of others out.
func (c *compiler) nats() {
	serves := map[cloud.InterfaceID]cloud.NATGatewayID{}
	for n := range cloud.NATGateways.By(c.v, "vpc", string(c.vpc.ID)) {
		if !n.Deleted.IsZero() || n.Failure != "" {
			continue
		}
		e := c.p.ENI(n.Interface)
		if e == nil || e.Attach != AttachNAT {
			c.problem(ref(cloud.KindNATGateway, n.ID), "NAT gateway %s: its network interface %q is not in VPC %s", n.ID, n.Interface, c.vpc.ID)
			continue
		}
		if other, taken := serves[e.ID]; taken {
			c.problem(ref(cloud.KindNATGateway, n.ID), "NAT gateway %s: its network interface %s already serves %s", n.ID, e.ID, other)
			continue
		}
		serves[e.ID] = n.ID
		for _, a := range e.Addrs {
			if n.Drains(a) {
				e.Draining = append(e.Draining, a)
			}
		}
		if n.Selective {
			e.Forwards = c.forwards(n, e)
			e.Selective, e.Translates = true, c.translations(n, e)
		}
		c.p.NATs = append(c.p.NATs, NATGateway{
			ID: n.ID, ENI: e.ID, Subnet: e.Subnet, Private: n.Private,
			Source: []cloud.Ref{ref(cloud.KindNATGateway, n.ID)},
		})
	}
	slices.SortFunc(c.p.NATs, func(a, b NATGateway) int { return cmp.Compare(a.ID, b.ID) })
	c.p.ENIs = slices.DeleteFunc(c.p.ENIs, func(e ENI) bool {
		_, works := serves[e.ID]
		if e.Attach == AttachNAT && !works {
			c.problem(e.Source[0], "network interface %s serves no NAT gateway", e.ID)
			return true
		}
		return false
	})
}
