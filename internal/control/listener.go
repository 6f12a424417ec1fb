package control

import (
	"context"

	"weir/internal/cloud"
)

// CreateListener is the input of Control.CreateListener.
type CreateListener struct {
	Labels
	Balancer cloud.LoadBalancerID
	Port     int
	Group    cloud.TargetGroupID
}

// CreateListener has a load balancer listen on a port; one that is there
// already, just as it is asked for, is returned.
func (c *Control) CreateListener(ctx context.Context, who Caller, in CreateListener) (*cloud.Listener, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Listener, error) {
		b, err := find(tx, who, cloud.LoadBalancers, cloud.KindLoadBalancer, in.Balancer)
		if err != nil {
			return nil, err
		}
		n := 0
		for l := range cloud.Listeners.By(tx, "balancer", string(b.ID)) {
			switch n++; {
			case l.Port == in.Port && l.Group == in.Group:
				return l, nil
			case l.Port == in.Port:
				return nil, portTaken(in.Port)
			}
		}
		if err := within(n, c.quotas(who).ListenersPerBalancer, cloud.KindListener, "", ""); err != nil {
			return nil, err
		}
		l := &cloud.Listener{Meta: c.meta(who, in.Labels), ID: cloud.ListenerID(who.NewID(cloud.KindListener)), Balancer: b.ID, Port: in.Port, Group: in.Group}
		if err := fits(tx, who, b, l); err != nil {
			return nil, err
		}
		cloud.Listeners.Put(tx, l)
		return l, nil
	})
}

func portTaken(port int) error {
	return cloud.Errorf(cloud.Exists, cloud.KindListener, "", "", "A listener already exists on this port for this load balancer (%d)", port)
}

// fits checks that the listener's target group can be the balancer's.
func fits(v cloud.View, who Caller, b *cloud.LoadBalancer, l *cloud.Listener) error {
	g, err := find(v, who, cloud.TargetGroups, cloud.KindTargetGroup, l.Group)
	if err != nil {
		return err
	}
	if g.VPC != b.VPC {
		return cloud.Errorf(cloud.Conflict, cloud.KindListener, string(g.ID), "many-vpcs", "The target group '%s' is not in the VPC %s of the load balancer", g.Name, b.VPC)
	}
	for other := range cloud.Listeners.By(v, "group", string(g.ID)) {
		if other.Balancer != b.ID {
			return cloud.Errorf(cloud.Limit, cloud.KindTargetGroup, g.Name, "balancers", "The target group '%s' is associated with another load balancer", g.Name)
		}
	}
	return nil
}

// ModifyListener changes what is set.
type ModifyListener struct {
	Port  *int
	Group *cloud.TargetGroupID
}

// ModifyListener changes a listener.
func (c *Control) ModifyListener(ctx context.Context, who Caller, id cloud.ListenerID, in ModifyListener) (*cloud.Listener, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.Listener, error) {
		old, err := find(tx, who, cloud.Listeners, cloud.KindListener, id)
		if err != nil {
			return nil, err
		}
		l := *old
		set(&l.Port, in.Port)
		set(&l.Group, in.Group)
		for other := range cloud.Listeners.By(tx, "balancer", string(l.Balancer)) {
			if other.ID != l.ID && other.Port == l.Port {
				return nil, portTaken(l.Port)
			}
		}
		b, err := find(tx, who, cloud.LoadBalancers, cloud.KindLoadBalancer, l.Balancer)
		if err != nil {
			return nil, err
		}
		if err := fits(tx, who, b, &l); err != nil {
			return nil, err
		}
		cloud.Listeners.Put(tx, &l)
		return &l, nil
	})
}

// DeleteListener deletes a listener.
func (c *Control) DeleteListener(ctx context.Context, who Caller, id cloud.ListenerID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.Listeners, cloud.KindListener, id); err != nil {
			return err
		}
		cloud.Listeners.Delete(tx, id)
		return nil
	})
}
