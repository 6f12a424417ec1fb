package control

import (
	"context"
	"net/netip"

	"weir/internal/cloud"
)

// AllocateAddress takes a public address from the platform's pool; a valid addr asks for that one.
func (c *Control) AllocateAddress(ctx context.Context, who Caller, in Labels, addr netip.Addr) (*cloud.ElasticIP, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.ElasticIP, error) {
		n := count(cloud.ElasticIPs.By(tx, "scope", who.scope()), nil)
		if err := within(n, c.quotas(who).ElasticIPs, cloud.KindElasticIP, "", ""); err != nil {
			return nil, err
		}
		taken := publicAddresses(tx)
		if addr.IsValid() && (taken[addr] || !usable(c.opt.PublicPool, poolFirst, 1, addr)) {
			return nil, cloud.Errorf(cloud.NotFound, cloud.KindElasticIP, addr.String(), "address", "the address %s cannot be had: it is in use or not in the pool", addr)
		}
		return c.allocateAddress(tx, who, in, addr)
	})
}

// poolFirst keeps back the network's own address and the first host's, where a gateway may be.
const poolFirst = 2

func (c *Control) allocateAddress(tx cloud.Tx, who Caller, in Labels, addr netip.Addr) (*cloud.ElasticIP, error) {
	if !addr.IsValid() {
		a, err := c.publicAddress(tx)
		if err != nil {
			return nil, err
		}
		addr = a
	}
	e := &cloud.ElasticIP{Meta: c.meta(who, in), ID: cloud.AllocationID(who.NewID(cloud.KindElasticIP)), Addr: addr}
	cloud.ElasticIPs.Put(tx, e)
	return e, nil
}

// publicAddress is a free address of the public pool.
func (c *Control) publicAddress(v cloud.View) (netip.Addr, error) {
	a, ok := free(c.opt.PublicPool, poolFirst, 1, publicAddresses(v))
	if !ok {
		return a, cloud.Errorf(cloud.Exhausted, cloud.KindElasticIP, c.opt.PublicPool.String(), "pool", "no address is left in the public pool %s; release one or enlarge the pool", c.opt.PublicPool)
	}
	return a, nil
}

// publicAddresses are all that are given out, in every account and region.
func publicAddresses(v cloud.View) map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	for e := range cloud.ElasticIPs.All(v) {
		taken[e.Addr] = true
	}
	for i := range cloud.Interfaces.All(v) {
		if i.PublicIP.IsValid() {
			taken[i.PublicIP] = true
		}
	}
	return taken
}

// ElasticIPRef names an elastic IP by allocation, by address or by association.
type ElasticIPRef struct {
	ID    cloud.AllocationID
	Addr  netip.Addr
	Assoc string
}

func elasticIP(v cloud.View, who Caller, ref ElasticIPRef) (*cloud.ElasticIP, error) {
	if ref.ID != "" {
		return find(v, who, cloud.ElasticIPs, cloud.KindElasticIP, ref.ID)
	}
	for e := range cloud.ElasticIPs.By(v, "scope", who.scope()) {
		if ref.Addr.IsValid() && e.Addr == ref.Addr || ref.Assoc != "" && e.AssocID == ref.Assoc {
			return e, nil
		}
	}
	if ref.Assoc != "" {
		return nil, absent(cloud.KindAddressAssoc, ref.Assoc)
	}
	return nil, cloud.Errorf(cloud.NotFound, cloud.KindElasticIP, ref.Addr.String(), "address", "the address %s is no elastic IP of this account and region", ref.Addr)
}

// ReleaseAddress gives an address back that is not associated.
func (c *Control) ReleaseAddress(ctx context.Context, who Caller, ref ElasticIPRef) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		e, err := elasticIP(tx, who, ref)
		if err != nil {
			return err
		}
		if e.AssocID != "" {
			return cloud.Errorf(cloud.InUse, cloud.KindElasticIP, e.Addr.String(), "", "cannot release %s: it is associated with %s; disassociate it first", e.Addr, e.Interface)
		}
		cloud.ElasticIPs.Delete(tx, e.ID)
		return nil
	})
}

// AssociateAddress is the input of Control.AssociateAddress.
type AssociateAddress struct {
	Address   ElasticIPRef
	Interface cloud.InterfaceID
	Private   netip.Addr // of the interface; invalid is its primary one
	Keep      bool       // refuse if either side has an association
}

// AssociateAddress maps an elastic IP to a private address and returns the association's ID.
func (c *Control) AssociateAddress(ctx context.Context, who Caller, in AssociateAddress) (string, error) {
	assoc := ""
	err := c.transact(ctx, func(tx cloud.Tx) error {
		e, err := elasticIP(tx, who, in.Address)
		if err != nil {
			return err
		}
		i, err := find(tx, who, cloud.Interfaces, cloud.KindInterface, in.Interface)
		if err != nil {
			return err
		}
		if i.Managed != "" || managedAddress(tx, e) {
			return managed(i)
		}
		if !publicWay(tx, i.VPC) {
			return cloud.Errorf(cloud.State, cloud.KindInternetGateway, string(i.VPC), "no-gateway", "Network %s is not attached to any internet gateway", i.VPC)
		}
		private, err := ownAddress(i, in.Private)
		if err != nil {
			return err
		}
		if assoc, err = c.reassociate(tx, who, e, i, private, in.Keep); err != nil {
			return err
		}
		return nil
	})
	return assoc, err
}

func (c *Control) reassociate(tx cloud.Tx, who Caller, e *cloud.ElasticIP, i *cloud.Interface, private netip.Addr, keep bool) (string, error) {
	if e.Interface == i.ID && e.Private == private {
		return e.AssocID, nil
	}
	if e.AssocID != "" && keep {
		return "", cloud.Errorf(cloud.Exists, cloud.KindAddressAssoc, string(e.ID), "", "resource %s is already associated with associate-id %s", e.ID, e.AssocID)
	}
	for other := range cloud.ElasticIPs.By(tx, "interface", string(i.ID)) {
		if other.Private != private {
			continue
		}
		if keep {
			return "", cloud.Errorf(cloud.Exists, cloud.KindAddressAssoc, string(i.ID), "", "resource %s is already associated with associate-id %s", i.ID, other.AssocID)
		}
		disassociate(tx, other)
	}
	return associate(tx, who, e, i.ID, private), nil
}

// ownAddress is addr if the interface has it, or its primary address if none is asked for.
func ownAddress(i *cloud.Interface, addr netip.Addr) (netip.Addr, error) {
	if !addr.IsValid() && len(i.Addrs) > 0 {
		return i.Addrs[0], nil
	}
	for _, a := range i.Addrs {
		if a == addr {
			return a, nil
		}
	}
	return addr, cloud.Errorf(cloud.Invalid, cloud.KindInterface, addr.String(), "not-its-address", "the address %s is not one of %s", addr, i.ID)
}

func associate(tx cloud.Tx, who Caller, e *cloud.ElasticIP, i cloud.InterfaceID, private netip.Addr) string {
	changed := *e
	changed.AssocID, changed.Interface, changed.Private = who.NewID(cloud.KindAddressAssoc), i, private
	cloud.ElasticIPs.Put(tx, &changed)
	return changed.AssocID
}

func disassociate(tx cloud.Tx, e *cloud.ElasticIP) {
	changed := *e
	changed.AssocID, changed.Interface, changed.Private = "", "", netip.Addr{}
	cloud.ElasticIPs.Put(tx, &changed)
}

// managedAddress reports whether a service of the platform uses the address.
func managedAddress(v cloud.View, e *cloud.ElasticIP) bool {
	i, ok := cloud.Interfaces.Get(v, e.Interface)
	return ok && i.Managed != ""
}

// DisassociateAddress frees an elastic IP; it stays allocated.
func (c *Control) DisassociateAddress(ctx context.Context, who Caller, ref ElasticIPRef) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		e, err := elasticIP(tx, who, ref)
		if err != nil {
			return err
		}
		if managedAddress(tx, e) {
			i, _ := cloud.Interfaces.Get(tx, e.Interface)
			return managed(i)
		}
		if e.AssocID != "" {
			disassociate(tx, e)
		}
		return nil
	})
}
