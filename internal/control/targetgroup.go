package control

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// CreateTargetGroup is the input of Control.CreateTargetGroup.
type CreateTargetGroup struct {
	Labels
	Name       string
	VPC        cloud.VPCID
	Port       int
	ByInstance bool
	Health     cloud.TargetCheck
	Drain      time.Duration
}

// CreateTargetGroup makes a target group without targets; one that is there
// already, just as it is asked for, is returned.
func (c *Control) CreateTargetGroup(ctx context.Context, who Caller, in CreateTargetGroup) (*cloud.TargetGroup, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TargetGroup, error) {
		if _, err := find(tx, who, cloud.VPCs, cloud.KindVPC, in.VPC); err != nil {
			return nil, err
		}
		if err := checkTimes(in.Health); err != nil {
			return nil, err
		}
		for g := range cloud.TargetGroups.By(tx, "scope", who.scope()) {
			if g.Name != in.Name {
				continue
			}
			if g.VPC == in.VPC && g.Port == in.Port && g.ByInstance == in.ByInstance && g.Health == in.Health {
				return g, nil
			}
			return nil, cloud.Errorf(cloud.Exists, cloud.KindTargetGroup, in.Name, "", "A target group with the same name '%s' exists, but with different settings", in.Name)
		}
		n := count(cloud.TargetGroups.By(tx, "scope", who.scope()), nil)
		if err := within(n, c.quotas(who).TargetGroups, cloud.KindTargetGroup, "", ""); err != nil {
			return nil, err
		}
		g := &cloud.TargetGroup{
			Meta: c.meta(who, in.Labels), ID: cloud.TargetGroupID(who.NewID(cloud.KindTargetGroup)), Name: in.Name, VPC: in.VPC,
			Port: in.Port, ByInstance: in.ByInstance, Health: in.Health, Drain: in.Drain,
		}
		cloud.TargetGroups.Put(tx, g)
		return g, nil
	})
}

// checkTimes has a check end before the next begins.
func checkTimes(h cloud.TargetCheck) error {
	if h.Timeout <= h.Interval {
		return nil
	}
	return cloud.Errorf(cloud.Invalid, cloud.KindTargetGroup, "", "timeout",
		"Health check timeout '%.0f' must be smaller than or equal to the interval '%.0f'", h.Timeout.Seconds(), h.Interval.Seconds())
}

// ModifyTargetGroup changes what is set.
type ModifyTargetGroup struct {
	Health        func(*cloud.TargetCheck)
	Drain         *time.Duration
	ProxyProtocol *bool
}

// ModifyTargetGroup changes a target group.
func (c *Control) ModifyTargetGroup(ctx context.Context, who Caller, id cloud.TargetGroupID, in ModifyTargetGroup) (*cloud.TargetGroup, error) {
	return c.changeTargets(ctx, who, id, func(_ cloud.Tx, g *cloud.TargetGroup) error {
		if in.Health != nil {
			in.Health(&g.Health)
			if err := checkTimes(g.Health); err != nil {
				return err
			}
		}
		set(&g.Drain, in.Drain)
		set(&g.ProxyProtocol, in.ProxyProtocol)
		return nil
	})
}

// changeTargets stores what f makes of a copy of a target group.
func (c *Control) changeTargets(ctx context.Context, who Caller, id cloud.TargetGroupID, f func(cloud.Tx, *cloud.TargetGroup) error) (*cloud.TargetGroup, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.TargetGroup, error) {
		old, err := find(tx, who, cloud.TargetGroups, cloud.KindTargetGroup, id)
		if err != nil {
			return nil, err
		}
		g := *old
		g.Targets = slices.Clone(old.Targets)
		if err := f(tx, &g); err != nil {
			return nil, err
		}
		cloud.TargetGroups.Put(tx, &g)
		return &g, nil
	})
}

// DeleteTargetGroup deletes a group that no listener uses; one that does not
// exist is deleted.
func (c *Control) DeleteTargetGroup(ctx context.Context, who Caller, id cloud.TargetGroupID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		g, err := find(tx, who, cloud.TargetGroups, cloud.KindTargetGroup, id)
		if err != nil {
			return nil
		}
		for range cloud.Listeners.By(tx, "group", string(id)) {
			return cloud.Errorf(cloud.InUse, cloud.KindTargetGroup, g.Name, "", "Target group '%s' is currently in use by a listener or a rule", g.Name)
		}
		cloud.TargetGroups.Delete(tx, id)
		return nil
	})
}

// RegisterTargets puts targets in; a port of 0 is the group's.
func (c *Control) RegisterTargets(ctx context.Context, who Caller, id cloud.TargetGroupID, targets []cloud.Target) error {
	_, err := c.changeTargets(ctx, who, id, func(tx cloud.Tx, g *cloud.TargetGroup) error {
		for _, t := range targets {
			if t.Port == 0 {
				t.Port = g.Port
			}
			if err := suits(tx, who, g, &t); err != nil {
				return err
			}
			g.Targets = slices.DeleteFunc(g.Targets, t.Same)
			g.Targets = append(g.Targets, t)
		}
		g.Targets = c.stillShown(g.Targets)
		in := count(slices.Values(g.Targets), func(t cloud.Target) bool { return t.Until.IsZero() })
		if max := c.quotas(who).TargetsPerGroup; in > max {
			return cloud.Errorf(cloud.Limit, cloud.KindTarget, g.Name, "", "Target group '%s' cannot have more than %d targets", g.Name, max)
		}
		return nil
	})
	return err
}

// suits checks a target for a group.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html#target-type
func suits(v cloud.View, who Caller, g *cloud.TargetGroup, t *cloud.Target) error {
	if g.ByInstance {
		i, err := find(v, who, cloud.Instances, cloud.KindInstance, t.Instance)
		switch {
		case err != nil:
			return badTarget(string(t.Instance), "The following targets are not valid instances: '%s'", t.Instance)
		case i.Phase != cloud.Running && i.Phase != cloud.Pending:
			return badTarget(string(t.Instance), "The following targets are not in a running state and cannot be registered: '%s'", t.Instance)
		case i.VPC != g.VPC:
			return badTarget(string(t.Instance), "The following targets are not in the target group VPC '%s': '%s'", g.VPC, t.Instance)
		}
		return nil
	}
	vpc, ok := cloud.VPCs.Get(v, g.VPC)
	if !ok {
		return absent(cloud.KindVPC, string(g.VPC))
	}
	inside := slices.ContainsFunc(vpc.CIDRs, func(a cloud.CIDRAssociation) bool { return a.Prefix.Contains(t.Addr) })
	switch {
	case inside:
		return nil
	case !t.Addr.Is4() || !t.Addr.IsPrivate() && !sharedSpace.Contains(t.Addr):
		return badTarget(t.Addr.String(), "The IP address '%s' is not within the VPC or a private range", t.Addr)
	case !t.AnyZone:
		return badTarget(t.Addr.String(), "You must specify an Availability Zone for the IP address '%s', which is not in the VPC '%s': 'all'", t.Addr, g.VPC)
	}
	return nil
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

func badTarget(id, format string, args ...any) error {
	return cloud.Errorf(cloud.Invalid, cloud.KindTarget, id, "", format, args...)
}

// DeregisterTargets takes targets out; a port of 0 is every port. Those that
// are not in are refused.
func (c *Control) DeregisterTargets(ctx context.Context, who Caller, id cloud.TargetGroupID, targets []cloud.Target) error {
	_, err := c.changeTargets(ctx, who, id, func(_ cloud.Tx, g *cloud.TargetGroup) error {
		for _, t := range targets {
			found := false
			for i := range g.Targets {
				in := &g.Targets[i]
				if in.Instance != t.Instance || in.Addr != t.Addr || t.Port != 0 && in.Port != t.Port {
					continue
				}
				found = true
				if in.Until.IsZero() {
					in.Until = c.now().Add(g.Drain)
				}
			}
			if !found {
				return badTarget(string(t.Instance), "The following targets are not registered: '%s%s'", t.Instance, addrText(t.Addr))
			}
		}
		g.Targets = c.stillShown(g.Targets)
		return nil
	})
	return err
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// stillShown leaves out the targets that have drained.
func (c *Control) stillShown(targets []cloud.Target) []cloud.Target {
	now := c.now()
	return slices.DeleteFunc(targets, func(t cloud.Target) bool { return !t.Until.IsZero() && !now.Before(t.Until) })
}

// TargetAt finds where a target of a group is, and its zone; ok is false if it is gone.
func TargetAt(v cloud.View, g *cloud.TargetGroup, t cloud.Target) (addr netip.Addr, zone string, ok bool) {
	at, ok := netplan.TargetAt(v, g.VPC, t)
	return at.Addr, at.Zone, ok
}
