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
// nothing in. One subnet reaches the platform's internal services only.
const serviceAccount = "weir"

var (
	serviceBlock   = netip.MustParsePrefix("100.127.0.0/16")
	servicePublic  = netip.MustParsePrefix("100.127.0.0/24")
	servicePrivate = netip.MustParsePrefix("100.127.128.0/17")
	serviceInside  = netip.MustParsePrefix("100.127.64.0/18")
)

// Where the platform's internal services and its resolvers answer, in its own
// network and in VPCs of dialects that have such services.
var (
	ServiceRange     = netip.MustParsePrefix("100.64.0.0/10")
	ServiceResolvers = []netip.Addr{netip.MustParseAddr("100.100.2.136"), netip.MustParseAddr("100.100.2.138")}
)

// serviceCaller has readable IDs that follow from the region: "vpc-weir-us-east-1".
func serviceCaller(region string) Caller {
	made := map[cloud.Resource]int{}
	return Caller{Account: serviceAccount, Region: region, NewID: func(k cloud.Resource) string {
		made[k]++
		return fmt.Sprintf("%s-weir-%s-%d", k, region, made[k])
	}}
}

// ServiceNetwork is the network of functions without a VPC; the first call makes it.
func (c *Control) ServiceNetwork(ctx context.Context, region string) (cloud.FunctionNetwork, error) {
	i, ok := findServiceInterface(c.View(), region, true)
	if !ok {
		_, err := c.store.Update(ctx, func(tx cloud.Tx) (err error) {
			i, err = c.serviceInterface(tx, Caller{Region: region}, true)
			return err
		})
		if err != nil {
			return cloud.FunctionNetwork{}, err
		}
	}
	return cloud.FunctionNetwork{
		VPC: i.VPC, Subnets: []cloud.SubnetID{i.Subnet}, Groups: i.SecurityGroups, DefaultEgress: true, Interfaces: []cloud.InterfaceID{i.ID},
	}, nil
}

// serviceInterface is the interface that functions without a VPC share in the
// caller's region, with a way to the internet or without; the first call makes
// the network behind it.
func (c *Control) serviceInterface(tx cloud.Tx, who Caller, internet bool) (*cloud.Interface, error) {
	if i, ok := findServiceInterface(tx, who.Region, internet); ok {
		return i, nil
	}
	if err := c.createServiceNetwork(tx, serviceCaller(who.Region)); err != nil {
		return nil, fmt.Errorf("making the platform's network in %s: %w", who.Region, err)
	}
	i, _ := findServiceInterface(tx, who.Region, internet)
	return i, nil
}

func findServiceInterface(v cloud.View, region string, internet bool) (*cloud.Interface, bool) {
	for i := range cloud.Interfaces.By(v, "owner", serviceOwner(region, internet)) {
		return i, true
	}
	return nil, false
}

func serviceOwner(region string, internet bool) string {
	if internet {
		return "service/" + region
	}
	return "service-inside/" + region
}

func (c *Control) createServiceNetwork(tx cloud.Tx, who Caller) error {
	vpc, err := c.createVPC(tx, who, CreateVPC{CIDR: serviceBlock, DNSSupport: true})
	if err != nil {
		return err
	}
	vpc.Service, vpc.Services, vpc.Resolvers = true, ServiceRange, ServiceResolvers
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
	return c.serviceInterfaces(tx, who, private)
}

// serviceInterfaces makes the interfaces that all functions of the region share,
// behind a group that lets everything out and nothing in.
func (c *Control) serviceInterfaces(tx cloud.Tx, who Caller, private *cloud.Subnet) error {
	g := &cloud.SecurityGroup{
		Meta: c.meta(who, Labels{}), ID: cloud.SecurityGroupID(who.NewID(cloud.KindSecurityGroup)), VPC: private.VPC,
		Name: "functions", Description: "functions without a VPC: out, not in",
		Rules: []cloud.SecurityGroupRule{allowAll(who, true, cloud.SecurityGroupRule{Prefix: anyIPv4})},
	}
	cloud.SecurityGroups.Put(tx, g)
	inside, err := c.createSubnet(tx, who, CreateSubnet{VPC: private.VPC, CIDR: serviceInside, ReservedFirst: 4, ReservedLast: 1})
	if err != nil {
		return err
	}
	cloud.RouteTables.Put(tx, &cloud.RouteTable{
		Meta: c.meta(who, Labels{}), ID: cloud.RouteTableID(who.NewID(cloud.KindRouteTable)), VPC: private.VPC,
		Associations: []cloud.RouteTableAssociation{{ID: who.NewID(cloud.KindAssociation), Subnet: inside.ID}},
	})
	if err := c.placeServiceInterface(tx, who, inside, g.ID, false); err != nil {
		return err
	}
	return c.placeServiceInterface(tx, who, private, g.ID, true)
}

func (c *Control) placeServiceInterface(tx cloud.Tx, who Caller, s *cloud.Subnet, group cloud.SecurityGroupID, internet bool) error {
	_, err := c.placeInterface(tx, who, placement{
		subnet: s, use: cloud.UseFunction, managed: "functions", owner: serviceOwner(who.Region, internet),
		groups: []cloud.SecurityGroupID{group}, count: 1,
	})
	return err
}

// withRoute is a copy of t that sends everything of IPv4 to the target.
func withRoute(t *cloud.RouteTable, kind cloud.TargetKind, id string) *cloud.RouteTable {
	changed := *t
	changed.Routes = []cloud.Route{{Dest: anyIPv4, Target: cloud.RouteTarget{Kind: kind, ID: id}}}
	return &changed
}
