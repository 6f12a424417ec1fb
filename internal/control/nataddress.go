package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// AddNATAddress gives a private selective gateway another address, chosen if valid.
func (c *Control) AddNATAddress(ctx context.Context, who Caller, id cloud.NATGatewayID, a cloud.NATAddress) (*cloud.NATAddress, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.NATAddress, error) {
		old, err := liveNAT(tx, who, id)
		if err != nil {
			return nil, err
		}
		if !old.Private || !old.Selective {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindNATAddress, string(id), "public", "NAT gateway %s has elastic IPs, or whatever addresses its interface has; only private ones with rules have addresses of their own", id)
		}
		i, ok := cloud.Interfaces.Get(tx, old.Interface)
		if !ok {
			return nil, absent(cloud.KindInterface, string(old.Interface))
		}
		if err := within(len(i.Addrs)-1, c.quotas(who).AddressesPerNAT, cloud.KindNATAddress, string(id), ""); err != nil {
			return nil, err
		}
		var want []netip.Addr
		if a.Addr.IsValid() {
			want = []netip.Addr{a.Addr}
		}
		if i, err = addAddresses(tx, who, i, want, 1); err != nil {
			return nil, err
		}
		a.ID, a.Addr = cloud.AllocationID(who.NewID(cloud.KindNATAddress)), i.Addrs[len(i.Addrs)-1]
		g := *old
		g.Own = append(slices.Clone(old.Own), a)
		cloud.NATGateways.Put(tx, &g)
		return &a, nil
	})
}

// EditNATAddress changes what an own address of a gateway is called by edit, which
// gets a copy; nil takes the address away, unless the gateway was made with it or
// rules name it.
func (c *Control) EditNATAddress(ctx context.Context, who Caller, id cloud.NATGatewayID, addr cloud.AllocationID, edit func(*cloud.NATAddress)) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(old.Own, func(a cloud.NATAddress) bool { return a.ID == addr })
		if at < 0 {
			return absent(cloud.KindNATAddress, string(addr))
		}
		g := *old
		g.Own = slices.Clone(old.Own)
		if edit != nil {
			edit(&g.Own[at])
			cloud.NATGateways.Put(tx, &g)
			return nil
		}
		if err := unusedNATAddress(old, at); err != nil {
			return err
		}
		g.Own = slices.Delete(g.Own, at, at+1)
		cloud.NATGateways.Put(tx, &g)
		i, ok := cloud.Interfaces.Get(tx, g.Interface)
		if !ok {
			return absent(cloud.KindInterface, string(g.Interface))
		}
		return removeAddresses(tx, i, []netip.Addr{old.Own[at].Addr})
	})
}

// unusedNATAddress refuses to take away an address that the gateway needs.
func unusedNATAddress(g *cloud.NATGateway, at int) error {
	a := g.Own[at]
	if at == 0 {
		return cloud.Errorf(cloud.Invalid, cloud.KindNATAddress, string(a.ID), "default", "NAT gateway %s was made with the address %s, which goes with it", g.ID, a.Addr)
	}
	used := slices.ContainsFunc(g.Rules, func(r cloud.NATRule) bool { return slices.Contains(r.Addresses, a.ID) })
	if used || forwardOf(g, a.ID) != nil {
		return cloud.Errorf(cloud.InUse, cloud.KindNATAddress, string(a.ID), "", "rules of NAT gateway %s use the address %s; delete them first", g.ID, a.Addr)
	}
	return nil
}
