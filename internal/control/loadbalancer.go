package control

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/cloud"
)

// balancerManager marks the interfaces of load balancers.
const balancerManager = "load-balancer"

// BalancerSubnet is a subnet in which a load balancer shall have an interface,
// with what it shall have there, if that matters.
type BalancerSubnet struct {
	ID         cloud.SubnetID
	Addr       netip.Addr         // private
	Allocation cloud.AllocationID // of its public address; "" lets the platform choose
}

// CreateLoadBalancer is the input of Control.CreateLoadBalancer.
type CreateLoadBalancer struct {
	Labels
	Name    string
	Domain  string // its own name is in it
	Public  bool
	Subnets []BalancerSubnet // of one VPC, in zones of their own
	Groups  []cloud.SecurityGroupID
}

// CreateLoadBalancer makes a load balancer with an interface in each subnet. One
// that is there already, just as it is asked for, is returned.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
func (c *Control) CreateLoadBalancer(ctx context.Context, who Caller, in CreateLoadBalancer) (*cloud.LoadBalancer, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.LoadBalancer, error) {
		for b := range cloud.LoadBalancers.By(tx, "scope", who.scope()) {
			if b.Name != in.Name {
				continue
			}
			if asAsked(b, in) {
				return b, nil
			}
			return nil, cloud.Errorf(cloud.Exists, cloud.KindLoadBalancer, in.Name, "", "A load balancer with the same name '%s' exists, but with different settings", in.Name)
		}
		n := count(cloud.LoadBalancers.By(tx, "scope", who.scope()), nil)
		if err := within(n, c.quotas(who).LoadBalancers, cloud.KindLoadBalancer, "", ""); err != nil {
			return nil, err
		}
		if len(in.Subnets) == 0 {
			return nil, cloud.Errorf(cloud.Missing, cloud.KindLoadBalancer, in.Name, "subnets", "At least one subnet must be specified")
		}
		first, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, in.Subnets[0].ID)
		if err != nil {
			return nil, err
		}
		b := &cloud.LoadBalancer{
			Meta: c.meta(who, in.Labels), ID: cloud.LoadBalancerID(who.NewID(cloud.KindLoadBalancer)), Name: in.Name, VPC: first.VPC,
			Public: in.Public, Open: len(in.Groups) == 0, PrivateIn: true,
		}
		b.Domain = in.Name + "-" + string(b.ID) + "." + in.Domain
		if !b.Open {
			if b.Groups, err = c.interfaceGroups(tx, who, b.VPC, in.Groups); err != nil {
				return nil, err
			}
		}
		if _, ok := internetGateway(tx, b.VPC); b.Public && !ok {
			return nil, cloud.Errorf(cloud.State, cloud.KindLoadBalancer, string(b.VPC), "no-gateway", "VPC %s has no internet gateway", b.VPC)
		}
		if err := c.spreadBalancer(tx, who, b, in.Subnets); err != nil {
			return nil, err
		}
		return b, nil
	})
}

func asAsked(b *cloud.LoadBalancer, in CreateLoadBalancer) bool {
	if b.Public != in.Public || len(b.Subnets) != len(in.Subnets) || !slices.Equal(b.Groups, in.Groups) {
		return false
	}
	return !slices.ContainsFunc(in.Subnets, func(s BalancerSubnet) bool { return !slices.Contains(b.Subnets, s.ID) })
}

// spreadBalancer gives a balancer interfaces in the subnets that are new, takes
// them from those that are not wanted any more, and stores it; b must be a copy.
func (c *Control) spreadBalancer(tx cloud.Tx, who Caller, b *cloud.LoadBalancer, subnets []BalancerSubnet) error {
	zones := map[string]cloud.SubnetID{}
	var ids []cloud.SubnetID
	var enis []cloud.InterfaceID
	for _, want := range subnets {
		s, err := find(tx, who, cloud.Subnets, cloud.KindSubnet, want.ID)
		if err != nil {
			return err
		}
		if s.VPC != b.VPC {
			return otherVPC(cloud.KindLoadBalancer, string(s.ID), "The subnet %s is not in the VPC %s of the load balancer", s.ID, b.VPC)
		}
		if other, ok := zones[s.Zone]; ok {
			return cloud.Errorf(cloud.Conflict, cloud.KindLoadBalancer, string(s.ID), "zone", "A load balancer cannot be attached to multiple subnets in the same Availability Zone: %s and %s", other, s.ID)
		}
		zones[s.Zone] = s.ID
		id := cloud.InterfaceID("")
		if n := slices.Index(b.Subnets, s.ID); n >= 0 {
			id = b.Interfaces[n]
		} else if id, err = c.balancerInterface(tx, who, b, s, want); err != nil {
			return err
		}
		ids, enis = append(ids, s.ID), append(enis, id)
	}
	for _, id := range b.Interfaces {
		if !slices.Contains(enis, id) {
			removeInterface(tx, id)
		}
	}
	b.Subnets, b.Interfaces = ids, enis
	cloud.LoadBalancers.Put(tx, b)
	return nil
}

func (c *Control) balancerInterface(tx cloud.Tx, who Caller, b *cloud.LoadBalancer, s *cloud.Subnet, want BalancerSubnet) (cloud.InterfaceID, error) {
	p := placement{subnet: s, use: cloud.UseBalancer, managed: balancerManager, owner: string(b.ID), groups: b.Groups, count: 1}
	if want.Addr.IsValid() {
		p.addrs = []netip.Addr{want.Addr}
	}
	i, err := c.placeInterface(tx, who, p)
	switch {
	case err != nil:
		return "", err
	case want.Allocation != "" && !b.Public:
		return "", cloud.Errorf(cloud.Invalid, cloud.KindLoadBalancer, string(want.Allocation), "private-with-address", "An internal load balancer cannot have the elastic IP %s", want.Allocation)
	case want.Allocation != "":
		e, err := find(tx, who, cloud.ElasticIPs, cloud.KindElasticIP, want.Allocation)
		if err != nil {
			return "", err
		}
		if e.AssocID != "" {
			return "", cloud.Errorf(cloud.InUse, cloud.KindElasticIP, string(e.ID), "", "the elastic IP %s is in use", e.ID)
		}
		associate(tx, who, e, i.ID, i.Addrs[0])
	case b.Public:
		next := *i
		if next.PublicIP, err = c.publicAddress(tx); err != nil {
			return "", err
		}
		cloud.Interfaces.Put(tx, &next)
	}
	return i.ID, nil
}

// ModifyLoadBalancer changes what is set.
type ModifyLoadBalancer struct {
	Subnets   []BalancerSubnet // all that it shall have
	Groups    []cloud.SecurityGroupID
	CrossZone *bool
	Protected *bool
	PrivateIn *bool
}

// ModifyLoadBalancer changes a load balancer.
func (c *Control) ModifyLoadBalancer(ctx context.Context, who Caller, id cloud.LoadBalancerID, in ModifyLoadBalancer) (*cloud.LoadBalancer, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.LoadBalancer, error) {
		old, err := find(tx, who, cloud.LoadBalancers, cloud.KindLoadBalancer, id)
		if err != nil {
			return nil, err
		}
		b := *old
		set(&b.CrossZone, in.CrossZone)
		set(&b.Protected, in.Protected)
		set(&b.PrivateIn, in.PrivateIn)
		if len(in.Groups) > 0 {
			if b.Open {
				return nil, cloud.Errorf(cloud.State, cloud.KindLoadBalancer, string(id), "open", "You cannot add security groups to the load balancer '%s': it was created without", b.Name)
			}
			if b.Groups, err = c.interfaceGroups(tx, who, b.VPC, in.Groups); err != nil {
				return nil, err
			}
			for _, eni := range b.Interfaces {
				if old, ok := cloud.Interfaces.Get(tx, eni); ok {
					i := *old
					i.SecurityGroups = b.Groups
					cloud.Interfaces.Put(tx, &i)
				}
			}
		}
		if len(in.Subnets) > 0 {
			return &b, c.spreadBalancer(tx, who, &b, in.Subnets)
		}
		cloud.LoadBalancers.Put(tx, &b)
		return &b, nil
	})
}

// DeleteLoadBalancer deletes a load balancer with its listeners and interfaces;
// one that does not exist is deleted.
func (c *Control) DeleteLoadBalancer(ctx context.Context, who Caller, id cloud.LoadBalancerID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		b, err := find(tx, who, cloud.LoadBalancers, cloud.KindLoadBalancer, id)
		if err != nil {
			return nil
		}
		if b.Protected {
			return cloud.Errorf(cloud.Denied, cloud.KindLoadBalancer, b.Name, "protected", "Load balancer '%s' cannot be deleted because deletion protection is enabled", b.Name)
		}
		for range cloud.EndpointServices.By(tx, "balancer", string(id)) {
			return cloud.Errorf(cloud.InUse, cloud.KindLoadBalancer, b.Name, "", "Load balancer '%s' cannot be deleted because it is currently associated with another service", b.Name)
		}
		for l := range cloud.Listeners.By(tx, "balancer", string(id)) {
			cloud.Listeners.Delete(tx, l.ID)
		}
		for _, i := range b.Interfaces {
			removeInterface(tx, i)
		}
		cloud.LoadBalancers.Delete(tx, id)
		return nil
	})
}
