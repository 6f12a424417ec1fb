package control

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
)

// NATDrain is how long a NAT gateway's addresses drain if the caller does not say.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateNatGatewayAddress.html
const NATDrain = 350 * time.Second

// RemoveNATAddresses takes secondary addresses away: by association, or private
// ones by address. New flows do not get them any more; those that have them keep
// them for the time given.
func (c *Control) RemoveNATAddresses(ctx context.Context, who Caller, id cloud.NATGatewayID, assocs []string, addrs []netip.Addr, drain time.Duration) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		old, err := liveNAT(tx, who, id)
		if err != nil {
			return err
		}
		if err := drained(old); err != nil {
			return err
		}
		i, ok := cloud.Interfaces.Get(tx, old.Interface)
		if !ok {
			return absent(cloud.KindInterface, string(old.Interface))
		}
		addrs := slices.Clone(addrs)
		for _, a := range assocs {
			e, err := elasticIP(tx, who, ElasticIPRef{Assoc: a})
			if err != nil || e.Interface != old.Interface {
				return absent(cloud.KindAddressAssoc, a)
			}
			addrs = append(addrs, e.Private)
		}
		if _, err := remaining(i, addrs); err != nil {
			return err
		}
		g := *old
		for _, a := range addrs {
			g.Draining = append(g.Draining, cloud.NATDrain{Private: a, Until: c.now().Add(drain)})
		}
		cloud.NATGateways.Put(tx, &g)
		return nil
	})
}

// drained refuses changes of a gateway's addresses while some drain.
func drained(g *cloud.NATGateway) error {
	if len(g.Draining) == 0 {
		return nil
	}
	return cloud.Errorf(cloud.State, cloud.KindNATGateway, string(g.ID), "draining",
		"NAT gateway %s has addresses whose connections are being drained until %s; change its addresses then", g.ID, g.Draining[0].Until.UTC().Format(time.RFC3339))
}

// DrainNATs takes addresses away from NAT gateways when they have drained, until ctx ends.
func (c *Control) DrainNATs(ctx context.Context) error {
	for {
		changed := c.store.Watch()
		wait, err := c.TakeDrained(ctx)
		if err != nil {
			c.log.Error("taking drained addresses from NAT gateways", "err", err)
			wait = time.Second
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// TakeDrained takes away the addresses whose time is over, and tells how long the
// next ones have.
func (c *Control) TakeDrained(ctx context.Context) (next time.Duration, err error) {
	next = time.Hour
	var due []cloud.NATGatewayID
	now := c.now()
	for g := range cloud.NATGateways.By(c.View(), "draining", "yes") {
		for _, d := range g.Draining {
			if left := d.Until.Sub(now); left > 0 {
				next = min(next, left)
			} else if !slices.Contains(due, g.ID) {
				due = append(due, g.ID)
			}
		}
	}
	if len(due) == 0 {
		return next, nil
	}
	return next, c.transact(ctx, func(tx cloud.Tx) error {
		for _, id := range due {
			if err := takeDrained(tx, id, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func takeDrained(tx cloud.Tx, id cloud.NATGatewayID, now time.Time) error {
	old, ok := cloud.NATGateways.Get(tx, id)
	if !ok {
		return nil
	}
	g := *old
	g.Draining = nil
	var over []netip.Addr
	for _, d := range old.Draining {
		if d.Until.After(now) {
			g.Draining = append(g.Draining, d)
		} else {
			over = append(over, d.Private)
		}
	}
	g.Own = slices.DeleteFunc(slices.Clone(old.Own), func(a cloud.NATAddress) bool { return slices.Contains(over, a.Addr) })
	cloud.NATGateways.Put(tx, &g)
	if i, ok := cloud.Interfaces.Get(tx, g.Interface); ok && len(over) > 0 {
		return removeAddresses(tx, i, over)
	}
	return nil
}
