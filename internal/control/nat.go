package control

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
)

// CreateNATGateway is the input of Control.CreateNATGateway.
type CreateNATGateway struct {
	Labels
	Subnet     cloud.SubnetID
	Private    bool
	Allocation cloud.AllocationID // of a public one, but that a Selective one gets its addresses later
	Selective  bool               // as in cloud.NATGateway; the VPC's main table leads everything to a public one, if nowhere else
	Addr       netip.Addr         // private address; invalid lets the platform choose
	// Further addresses: one per allocation, or chosen, or that many.
	MoreAllocations []cloud.AllocationID
	MoreAddrs       []netip.Addr
	More            int
}

// Why a NAT gateway could not be made; dialects put it into their words.
const (
	NATNoGateway   = "no-internet-gateway"
	NATNoAddress   = "no-free-address"
	NATAddressUsed = "elastic-ip-in-use"
)

const (
	natStart = time.Minute // how long a vendor's NAT gateway is pending
	natShown = time.Hour   // how long a deleted one is shown
)

// NATShown reports whether APIs still show the gateway: deleted ones for an hour.
func NATShown(g *cloud.NATGateway, now time.Time) bool {
	return g.Deleted.IsZero() || now.Before(g.Deleted.Add(natShown))
}

// Now is the platform's clock.
func (c *Control) Now() time.Time { return c.now() }

// CreateNATGateway makes a NAT gateway with an interface of its own. What the
// vendor finds out only while it builds the gateway makes a failed gateway, no error.
func (c *Control) CreateNATGateway(ctx context.Context, who Caller, in CreateNATGateway) (*cloud.NATGateway, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.NATGateway, error) {
		id := func(g *cloud.NATGateway) cloud.NATGatewayID { return g.ID }
		return once(tx, who, cloud.NATGateways, "nat-gateway", in.Labels, in, id, func() (*cloud.NATGateway, error) {
			c.forgetNATs(tx, who)
			if zoneLimited(tx, in.Subnet) {
				return nil, cloud.Errorf(cloud.Exhausted, cloud.KindNATGateway, string(in.Subnet), "zone-limited", "the zone of subnet %s is capacity-limited; use another zone", in.Subnet)
			}
			return c.createNAT(tx, who, in)
		})
	})
}

// forgetNATs drops gateways deleted long ago.
func (c *Control) forgetNATs(tx cloud.Tx, who Caller) {
	for g := range cloud.NATGateways.By(tx, "scope", who.scope()) {
		if !NATShown(g, c.now()) {
			cloud.NATGateways.Delete(tx, g.ID)
		}
	}
}

func (c *Control) createNAT(tx cloud.Tx, who Caller, in CreateNATGateway) (*cloud.NATGateway, error) {
	s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, in.Subnet)
	if err != nil {
		return nil, err
	}
	eips, err := natAllocations(tx, who, in)
	if err != nil {
		return nil, err
	}
	n := count(cloud.NATGateways.By(tx, "scope", who.scope()), func(g *cloud.NATGateway) bool {
		other, ok := cloud.Subnets.Get(tx, g.Subnet)
		return ok && other.Zone == s.Zone && g.Deleted.IsZero()
	})
	if err := within(n, c.quotas(who).NATGatewaysPerZone, cloud.KindNATGateway, s.Zone, ""); err != nil {
		return nil, err
	}
	g := &cloud.NATGateway{
		Meta: c.meta(who, in.Labels), ID: cloud.NATGatewayID(who.NewID(cloud.KindNATGateway)),
		VPC: s.VPC, Subnet: s.ID, Private: in.Private, Selective: in.Selective,
	}
	if c.opt.SlowStates {
		g.ReadyAt = c.now().Add(natStart)
	}
	if err := c.connectNAT(tx, who, g, s, eips, in); err != nil {
		return nil, err
	}
	cloud.NATGateways.Put(tx, g)
	if in.Selective && !in.Private && g.Failure == "" {
		leadToNAT(tx, g)
	}
	return g, nil
}

// natAllocations are the elastic IPs of a public gateway, first one first.
func natAllocations(v cloud.View, who Caller, in CreateNATGateway) ([]*cloud.ElasticIP, error) {
	ids := in.MoreAllocations
	if in.Allocation != "" {
		ids = append([]cloud.AllocationID{in.Allocation}, ids...)
	}
	switch {
	case in.Private && len(ids) > 0:
		return nil, privateNAT(ids[0])
	case !in.Private && in.Allocation == "" && !in.Selective:
		return nil, cloud.Errorf(cloud.Missing, cloud.KindNATGateway, "", "allocation", "a public NAT gateway needs an elastic IP; allocate one and give its ID")
	}
	eips := make([]*cloud.ElasticIP, 0, len(ids))
	for _, id := range ids {
		e, err := find(v, who, cloud.ElasticIPs, cloud.KindElasticIP, id)
		if err != nil {
			return nil, err
		}
		eips = append(eips, e)
	}
	return eips, nil
}

func privateNAT(eip cloud.AllocationID) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindNATGateway, string(eip), "private-with-address", "a private NAT gateway takes no elastic IP; leave %s out", eip)
}

// connectNAT gives g its interface and elastic IPs, or its reason of failure.
func (c *Control) connectNAT(tx cloud.Tx, who Caller, g *cloud.NATGateway, s *cloud.Subnet, eips []*cloud.ElasticIP, in CreateNATGateway) error {
	fail := func(why string) {
		g.Failure, g.Deleted = why, c.now()
	}
	if !g.Private && !publicWay(tx, s.VPC) {
		fail(NATNoGateway)
		return nil
	}
	for n, e := range eips {
		if e.AssocID != "" || slices.Contains(eips[:n], e) {
			fail(NATAddressUsed)
			return nil
		}
	}
	addrs := in.MoreAddrs
	if in.Addr.IsValid() || len(addrs) > 0 {
		addrs = append([]netip.Addr{in.Addr}, addrs...)
	}
	n := 1 + max(in.More, len(in.MoreAllocations), len(in.MoreAddrs))
	if err := within(n-1, c.quotas(who).AddressesPerNAT, cloud.KindNATGateway, string(g.ID), "addresses"); err != nil {
		return err
	}
	i, err := c.placeInterface(tx, who, placement{
		subnet: s, use: cloud.UseNAT, managed: "nat", owner: string(g.ID),
		addrs: addrs, count: n,
	})
	if cloud.IsKind(err, cloud.Exhausted) {
		fail(NATNoAddress)
		return nil
	}
	if err != nil {
		return err
	}
	g.Interface = i.ID
	if g.Private && g.Selective {
		g.Own = []cloud.NATAddress{{ID: cloud.AllocationID(who.NewID(cloud.KindNATAddress)), Addr: i.Addrs[0]}}
	}
	for n, e := range eips {
		associate(tx, who, e, i.ID, i.Addrs[n])
	}
	return nil
}

// liveNAT is a gateway that can be changed.
func liveNAT(v cloud.View, who Caller, id cloud.NATGatewayID) (*cloud.NATGateway, error) {
	g, err := find(v, who, cloud.NATGateways, cloud.KindNATGateway, id)
	if err != nil {
		return nil, err
	}
	if !g.Deleted.IsZero() {
		return nil, absent(cloud.KindNATGateway, string(id))
	}
	return g, nil
}

// DeleteNATGateway deletes a gateway; its elastic IPs stay allocated, routes to it become blackholes.
func (c *Control) DeleteNATGateway(ctx context.Context, who Caller, id cloud.NATGatewayID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := find(tx, who, cloud.NATGateways, cloud.KindNATGateway, id)
		if err != nil {
			return err
		}
		if !NATShown(old, c.now()) {
			return absent(cloud.KindNATGateway, string(id))
		}
		c.forgetNATs(tx, who)
		if old.Deleted.IsZero() {
			g := *old
			g.Deleted, g.Draining = c.now(), nil
			removeInterface(tx, g.Interface)
			cloud.NATGateways.Put(tx, &g)
		} else if old.Failure != "" { // the user has seen it
			g := *old
			g.Failure = ""
			cloud.NATGateways.Put(tx, &g)
		}
		return nil
	})
}

// AddNATAddresses gives a gateway further addresses: public ones with an
// elastic IP each, private ones chosen or n of them.
func (c *Control) AddNATAddresses(ctx context.Context, who Caller, id cloud.NATGatewayID, eips []cloud.AllocationID, addrs []netip.Addr, n int) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		if err := drained(g); err != nil {
			return err
		}
		if g.Private != (len(eips) == 0) {
			return cloud.Errorf(cloud.Invalid, cloud.KindNATGateway, string(id), "connectivity", "public NAT gateways take elastic IPs, private ones take none")
		}
		old, ok := cloud.Interfaces.Get(tx, g.Interface)
		if !ok {
			return absent(cloud.KindInterface, string(g.Interface))
		}
		n = max(n, len(eips), len(addrs))
		if err := within(len(old.Addrs)+n-1, c.quotas(who).AddressesPerNAT, cloud.KindNATGateway, string(id), "addresses"); err != nil {
			return err
		}
		i, err := addAddresses(tx, who, old, addrs, n)
		if err != nil {
			return err
		}
		for k, a := range eips {
			e, err := find(tx, who, cloud.ElasticIPs, cloud.KindElasticIP, a)
			if err != nil {
				return err
			}
			if e.AssocID != "" {
				return cloud.Errorf(cloud.Exists, cloud.KindAddressAssoc, string(a), "", "resource %s is already associated with associate-id %s", a, e.AssocID)
			}
			associate(tx, who, e, i.ID, i.Addrs[len(old.Addrs)+k])
		}
		return nil
	})
}
