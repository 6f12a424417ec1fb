package control

import (
	"context"
	"fmt"
	"net/netip"

	"weir/internal/cloud"
)

// The platform's own network: where functions without a VPC run. It is an
// ordinary VPC of the account "weir", one per region, that no API shows. Its
// block is in the shared address space (RFC 6598), so that it looks like no
// user's network; it reaches the internet through a NAT gateway and lets
// nothing in.
const serviceAccount = "weir"

var (
	serviceBlock   = netip.MustParsePrefix("100.127.0.0/16")
	servicePublic  = netip.MustParsePrefix("100.127.0.0/24")
	servicePrivate = netip.MustParsePrefix("100.127.128.0/17")
)

// serviceCaller has readable IDs that follow from the region: "vpc-weir-us-east-1".
func serviceCaller(region string) Caller {
	made := map[cloud.Resource]int{}
	return Caller{Account: serviceAccount, Region: region, NewID: func(k cloud.Resource) string {
		made[k]++
		return fmt.Sprintf("%s-weir-%s-%d", k, region, made[k])
	}}
}

func serviceVPC(region string) cloud.VPCID {
	return cloud.VPCID(fmt.Sprintf("%s-weir-%s-1", cloud.KindVPC, region))
}

// ServiceNetwork is the network of functions without a VPC; the first call makes it.
func (c *Control) ServiceNetwork(ctx context.Context, region string) (cloud.FunctionNetwork, error) {
	if net, ok := serviceNetwork(c.View(), region); ok {
		return net, nil
	}
	var net cloud.FunctionNetwork
	_, err := c.store.Update(ctx, func(tx cloud.Tx) error {
		n, ok := serviceNetwork(tx, region)
		if !ok {
			if err := c.createServiceNetwork(tx, serviceCaller(region)); err != nil {
				return err
			}
			if n, ok = serviceNetwork(tx, region); !ok {
				panic("control: the service network of " + region + " was made and is not there")
			}
		}
		net = n
		return nil
	})
	if err != nil {
		return net, fmt.Errorf("making the platform's network in %s: %w", region, err)
	}
	return net, nil
}

// serviceNetwork reads the network from the state.
func serviceNetwork(v cloud.View, region string) (cloud.FunctionNetwork, bool) {
	vpc := serviceVPC(region)
	for i := range cloud.Interfaces.By(v, "vpc", string(vpc)) {
		if i.Use == cloud.UseFunction {
			return cloud.FunctionNetwork{
				VPC: vpc, Subnets: []cloud.SubnetID{i.Subnet}, Groups: i.SecurityGroups, Interfaces: []cloud.InterfaceID{i.ID},
			}, true
		}
	}
	return cloud.FunctionNetwork{}, false
}

func (c *Control) createServiceNetwork(tx cloud.Tx, who Caller) error {
	vpc, err := c.createVPC(tx, who, CreateVPC{CIDR: serviceBlock, DNSSupport: true})
	if err != nil {
		return err
	}
	vpc.Service = true
	cloud.VPCs.Put(tx, vpc)
	gateway := c.createInternetGateway(tx, who, Labels{}, vpc.ID)
	public, err := c.createSubnet(tx, who, CreateSubnet{VPC: vpc.ID, CIDR: servicePublic, ReservedFirst: 4, ReservedLast: 1})
	if err != nil {
		return err
	}
	private, err := c.createSubnet(tx, who, CreateSubnet{VPC: vpc.ID, CIDR: servicePrivate, ReservedFirst: 4, ReservedLast: 1})
	if err != nil {
		return err
	}
	address, err := c.allocateAddress(tx, who, Labels{}, netip.Addr{})
	if err != nil {
		return err
	}
	nat, err := c.createNAT(tx, who, CreateNATGateway{Subnet: public.ID, Allocation: address.ID})
	if err != nil {
		return err
	}
	nat.ReadyAt = vpc.Created // the platform's own is never slow
	cloud.NATGateways.Put(tx, nat)
	for t := range cloud.RouteTables.By(tx, "vpc", string(vpc.ID)) {
		main := withRoute(t, cloud.TargetNATGateway, string(nat.ID))
		cloud.RouteTables.Put(tx, main)
	}
	table := &cloud.RouteTable{Meta: c.meta(who, Labels{}), ID: cloud.RouteTableID(who.NewID(cloud.KindRouteTable)), VPC: vpc.ID}
	table = withRoute(table, cloud.TargetInternetGateway, string(gateway.ID))
	table.Associations = []cloud.RouteTableAssociation{{ID: who.NewID(cloud.KindAssociation), Subnet: public.ID}}
	cloud.RouteTables.Put(tx, table)
	return c.serviceInterface(tx, who, private)
}

// serviceInterface makes the interface that all functions of the region share,
// behind a group that lets everything out and nothing in.
func (c *Control) serviceInterface(tx cloud.Tx, who Caller, s *cloud.Subnet) error {
	g := &cloud.SecurityGroup{
		Meta: c.meta(who, Labels{}), ID: cloud.SecurityGroupID(who.NewID(cloud.KindSecurityGroup)), VPC: s.VPC,
		Name: "functions", Description: "functions without a VPC: out, not in",
		Rules: []cloud.SecurityGroupRule{allowAll(who, true, cloud.SecurityGroupRule{Prefix: anyIPv4})},
	}
	cloud.SecurityGroups.Put(tx, g)
	_, err := c.placeInterface(tx, who, placement{
		subnet: s, use: cloud.UseFunction, managed: "functions", owner: "service/" + who.Region,
		groups: []cloud.SecurityGroupID{g.ID}, count: 1,
	})
	return err
}

// withRoute is a copy of t that sends everything of IPv4 to the target.
func withRoute(t *cloud.RouteTable, kind cloud.TargetKind, id string) *cloud.RouteTable {
	changed := *t
	changed.Routes = []cloud.Route{{Dest: anyIPv4, Target: cloud.RouteTarget{Kind: kind, ID: id}}}
	return &changed
}
