package fc

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"weir/internal/api/alibaba/vpc"
	"weir/internal/cloud"
	"weir/internal/control"
)

// FixedAddress has what a function sends to the internet leave its VPC by a NAT
// gateway with an elastic IP, by which the far side knows it, and no longer by
// the platform's own interface, whose address nobody can tell beforehand. A
// function without a VPC gets one as by AutoNetwork.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-static-public-ip-addresses
func (c *Console) FixedAddress(ctx context.Context, who control.Caller, function string) (*Network, error) {
	fn, err := c.function(who, function)
	if err != nil {
		return nil, err
	}
	n := &Network{Made: []string{}}
	if len(fn.Latest.Network.Subnets) == 0 {
		if n, err = c.AutoNetwork(ctx, who, function); err != nil {
			return nil, err
		}
		if fn, err = c.function(who, function); err != nil {
			return nil, err
		}
	}
	at := fn.Latest.Network
	n.VPC, n.VSwitches, n.Group = string(at.VPC), nil, string(at.Groups[0])
	for _, id := range at.Subnets {
		n.VSwitches = append(n.VSwitches, string(id))
	}
	g, err := c.gateway(ctx, who, at, n)
	if err != nil {
		return nil, err
	}
	n.NATGateway = string(g.ID)
	if err := c.translate(ctx, who, g, at.Subnets, n); err != nil {
		return nil, err
	}
	return n, c.attach(ctx, who, fn, control.FunctionNetworkSettings{VPC: at.VPC, Subnets: at.Subnets, Groups: at.Groups, IPv6: at.IPv6})
}

// gateway is a NAT gateway to which the function's vSwitches are routed.
func (c *Console) gateway(ctx context.Context, who control.Caller, at cloud.FunctionNetwork, n *Network) (*cloud.NATGateway, error) {
	var g *cloud.NATGateway
	for there := range cloud.NATGateways.By(c.Control.View(), "vpc", string(at.VPC)) {
		if there.Selective && !there.Private && there.Deleted.IsZero() && (g == nil || there.Created.Before(g.Created)) {
			g = there
		}
	}
	if g == nil {
		made, err := c.Control.CreateNATGateway(ctx, who, control.CreateNATGateway{
			Labels: named(fmt.Sprint(autoNAT, c.Now().Unix())), Subnet: at.Subnets[0], Selective: true,
		})
		switch {
		case err != nil:
			return nil, err
		case made.Failure != "":
			return nil, cloud.Errorf(cloud.Exhausted, cloud.KindNATGateway, string(at.Subnets[0]), made.Failure, "a NAT gateway cannot be made in vSwitch %s: %s", at.Subnets[0], made.Failure)
		}
		g, n.Made = made, append(n.Made, string(made.ID))
	}
	for _, id := range at.Subnets {
		if !c.routed(id, g.ID) {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindRoute, string(id), "", "the route table of vSwitch %s leads 0.0.0.0/0 elsewhere than to NAT gateway %s: change that route, then try again", id, g.ID)
		}
	}
	return g, nil
}

// routed tells whether a vSwitch's route table leads everything to the gateway.
func (c *Console) routed(id cloud.SubnetID, g cloud.NATGatewayID) bool {
	s, ok := cloud.Subnets.Get(c.Control.View(), id)
	if !ok {
		return false
	}
	table := vpc.TableOf(c.Control.View(), s)
	return table != nil && slices.ContainsFunc(table.Routes, func(r cloud.Route) bool {
		return r.Dest == netip.PrefixFrom(netip.IPv4Unspecified(), 0) && r.Target.ID == string(g)
	})
}

// translate gives each vSwitch a SNAT entry, unless it has one, and notes the addresses.
func (c *Console) translate(ctx context.Context, who control.Caller, g *cloud.NATGateway, subnets []cloud.SubnetID, n *Network) error {
	var use []cloud.AllocationID
	for _, id := range subnets {
		if i := slices.IndexFunc(g.Rules, func(r cloud.NATRule) bool { return r.Subnet == id }); i >= 0 {
			c.note(n, g.Rules[i].Addresses)
			continue
		}
		if use == nil {
			e, err := c.address(ctx, who, g, n)
			if err != nil {
				return err
			}
			use = []cloud.AllocationID{e.ID}
		}
		made, err := c.Control.AddNATRule(ctx, who, g.ID, cloud.NATRule{Subnet: id, Addresses: use})
		if err != nil {
			return err
		}
		n.Made = append(n.Made, made.ID)
		c.note(n, use)
	}
	return nil
}

// note adds addresses that the far side sees.
func (c *Console) note(n *Network, ids []cloud.AllocationID) {
	for _, id := range ids {
		if e, ok := cloud.ElasticIPs.Get(c.Control.View(), id); ok && !slices.Contains(n.Addresses, e.Addr) {
			n.Addresses = append(n.Addresses, e.Addr)
		}
	}
}

// address is the gateway's first elastic IP; one without gets a new one.
func (c *Console) address(ctx context.Context, who control.Caller, g *cloud.NATGateway, n *Network) (*cloud.ElasticIP, error) {
	first, ok := oldest(cloud.ElasticIPs.By(c.Control.View(), "interface", string(g.Interface)), "", func(e *cloud.ElasticIP) *cloud.Meta { return &e.Meta })
	if ok {
		return first, nil
	}
	e, err := c.Control.AllocateAddress(ctx, who, named(""), netip.Addr{})
	if err != nil {
		return nil, err
	}
	n.Made = append(n.Made, string(e.ID))
	return e, c.Control.AssociateNATAddress(ctx, who, g.ID, e.ID)
}
