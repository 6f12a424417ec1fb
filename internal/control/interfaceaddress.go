package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// takeAddresses picks IPv4 addresses of a subnet: those wanted, then free ones until there are n.
func takeAddresses(v cloud.View, s *cloud.Subnet, want []netip.Addr, n int) ([]netip.Addr, error) {
	if !s.CIDR.IsValid() {
		if len(want) == 0 && n == 0 {
			return nil, nil
		}
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindInterface, string(s.ID), "no-ipv4", "subnet %s has IPv6 addresses alone", s.ID)
	}
	taken := map[netip.Addr]bool{}
	for i := range cloud.Interfaces.By(v, "subnet", string(s.ID)) {
		for _, a := range i.Addrs {
			taken[a] = true
		}
	}
	return pick(s, s.CIDR, taken, want, n)
}

func takeAddresses6(v cloud.View, s *cloud.Subnet, want []netip.Addr, n int) ([]netip.Addr, error) {
	if len(want) == 0 && n == 0 {
		return nil, nil
	}
	if len(s.CIDRs6) == 0 {
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindInterface, string(s.ID), "no-ipv6", "subnet %s has no IPv6 block; add one first", s.ID)
	}
	taken := map[netip.Addr]bool{}
	for i := range cloud.Interfaces.By(v, "subnet", string(s.ID)) {
		for _, a := range i.Addrs6 {
			taken[a] = true
		}
	}
	return pick(s, s.CIDRs6[0].Prefix, taken, want, n)
}

// pick chooses n addresses of p, or as many as are wanted; it adds them to taken.
func pick(s *cloud.Subnet, p netip.Prefix, taken map[netip.Addr]bool, want []netip.Addr, n int) ([]netip.Addr, error) {
	n = max(n, len(want))
	got := make([]netip.Addr, n)
	for i, a := range want {
		switch {
		case !a.IsValid():
			continue
		case !p.Contains(a):
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindInterface, a.String(), "outside-subnet", "Address %s does not fall within the subnet's address range", a)
		case !usable(p, s.ReservedFirst, s.ReservedLast, a):
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindInterface, a.String(), "reserved", "Address %s is in subnet's reserved address range", a)
		case taken[a]:
			return nil, cloud.Errorf(cloud.Exists, cloud.KindInterface, a.String(), "address-in-use", "Address %s is in use.", a)
		}
		got[i], taken[a] = a, true
	}
	for i := range got {
		if got[i].IsValid() {
			continue
		}
		a, ok := free(p, s.ReservedFirst, s.ReservedLast, taken)
		if !ok {
			return nil, cloud.Errorf(cloud.Exhausted, cloud.KindSubnet, string(s.ID), "addresses", "subnet %s (%s) has no free address left for this; delete interfaces or use another subnet", s.ID, p)
		}
		got[i], taken[a] = a, true
	}
	return got, nil
}

// addressQuota refuses more addresses of either family than an interface may have.
func (c *Control) addressQuota(id cloud.InterfaceID, n, n6 int) error {
	most := c.Quotas().AddressesPerInterface
	if n <= most && n6 <= most {
		return nil
	}
	return cloud.Errorf(cloud.Limit, cloud.KindInterface, string(id), "addresses", "an interface has at most %d addresses of each family, not %d", most, max(n, n6))
}

// addAddresses gives an interface further IPv4 addresses: those wanted, n in all.
func addAddresses(tx cloud.Tx, who Caller, old *cloud.Interface, want []netip.Addr, n int) (*cloud.Interface, error) {
	s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, old.Subnet)
	if err != nil {
		return nil, err
	}
	more, err := takeAddresses(tx, s, want, n)
	if err != nil {
		return nil, err
	}
	i := *old
	i.Addrs = slices.Concat(old.Addrs, more)
	cloud.Interfaces.Put(tx, &i)
	return &i, nil
}

// removeAddresses takes secondary IPv4 addresses from an interface and frees their elastic IPs.
func removeAddresses(tx cloud.Tx, old *cloud.Interface, addrs []netip.Addr) error {
	left, err := remaining(old, addrs)
	if err != nil {
		return err
	}
	for e := range cloud.ElasticIPs.By(tx, "interface", string(old.ID)) {
		if slices.Contains(addrs, e.Private) {
			disassociate(tx, e)
		}
	}
	i := *old
	i.Addrs = left
	cloud.Interfaces.Put(tx, &i)
	return nil
}

// remaining are an interface's IPv4 addresses without some secondary ones.
func remaining(i *cloud.Interface, without []netip.Addr) ([]netip.Addr, error) {
	if len(i.Addrs) == 0 {
		return nil, notAssigned(i)
	}
	if slices.Contains(without, i.Addrs[0]) {
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindInterface, i.Addrs[0].String(), "primary", "The address %s is the primary one of %s and cannot be unassigned", i.Addrs[0], i.ID)
	}
	left, ok := withoutAddrs(i.Addrs, without)
	if !ok {
		return nil, notAssigned(i)
	}
	return left, nil
}

func notAssigned(i *cloud.Interface) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindInterface, string(i.ID), "not-assigned", "Some of the specified addresses are not assigned to interface %s", i.ID)
}

// AssignAddresses gives an interface secondary IPv4 addresses and returns them.
// With move, an address is taken from the interface that has it as a secondary one.
func (c *Control) AssignAddresses(ctx context.Context, who Caller, id cloud.InterfaceID, want []netip.Addr, n int, move bool) ([]netip.Addr, error) {
	var got []netip.Addr
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := userInterface(tx, who, id)
		if err != nil {
			return err
		}
		if err := c.addressQuota(id, len(old.Addrs)+max(n, len(want)), 0); err != nil {
			return err
		}
		if move {
			if err := takeOver(tx, old, want); err != nil {
				return err
			}
		}
		i, err := addAddresses(tx, who, old, want, n)
		if err != nil {
			return err
		}
		got = i.Addrs[len(old.Addrs):]
		return nil
	})
	return got, err
}

// takeOver unassigns addresses from other user's interfaces of the subnet.
func takeOver(tx cloud.Tx, to *cloud.Interface, addrs []netip.Addr) error {
	for other := range cloud.Interfaces.By(tx, "subnet", string(to.Subnet)) {
		var has []netip.Addr
		for _, a := range addrs {
			if slices.Contains(other.Addrs, a) {
				has = append(has, a)
			}
		}
		if len(has) == 0 || other.ID == to.ID || other.Managed != "" {
			continue
		}
		if err := removeAddresses(tx, other, has); err != nil {
			return err
		}
	}
	return nil
}

// UnassignAddresses takes secondary IPv4 addresses away.
func (c *Control) UnassignAddresses(ctx context.Context, who Caller, id cloud.InterfaceID, addrs []netip.Addr) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		i, err := userInterface(tx, who, id)
		if err != nil {
			return err
		}
		return removeAddresses(tx, i, addrs)
	})
}

// AssignAddresses6 gives an interface IPv6 addresses and returns them.
func (c *Control) AssignAddresses6(ctx context.Context, who Caller, id cloud.InterfaceID, want []netip.Addr, n int) ([]netip.Addr, error) {
	var got []netip.Addr
	err := c.transact(ctx, func(tx cloud.Tx) error {
		old, err := userInterface(tx, who, id)
		if err != nil {
			return err
		}
		if err := c.addressQuota(id, 0, len(old.Addrs6)+max(n, len(want))); err != nil {
			return err
		}
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, old.Subnet)
		if err != nil {
			return err
		}
		if got, err = takeAddresses6(tx, s, want, n); err != nil {
			return err
		}
		i := *old
		i.Addrs6 = slices.Concat(old.Addrs6, got)
		cloud.Interfaces.Put(tx, &i)
		return nil
	})
	return got, err
}

// UnassignAddresses6 takes IPv6 addresses away.
func (c *Control) UnassignAddresses6(ctx context.Context, who Caller, id cloud.InterfaceID, addrs []netip.Addr) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := userInterface(tx, who, id)
		if err != nil {
			return err
		}
		left, ok := withoutAddrs(old.Addrs6, addrs)
		if !ok {
			return notAssigned(old)
		}
		dropIPv6Rules(tx, id, func(a netip.Addr) bool { return slices.Contains(addrs, a) })
		i := *old
		i.Addrs6 = left
		cloud.Interfaces.Put(tx, &i)
		return nil
	})
}
