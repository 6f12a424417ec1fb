package ec2

import (
	"context"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// natFailures are what Amazon shows for a NAT gateway that could not be made.
var natFailures = map[string]struct{ code, msg string }{
	control.NATNoGateway:   {"Gateway.NotAttached", "Network %s has no Internet gateway attached"},
	control.NATNoAddress:   {"InsufficientFreeAddressesInSubnet", "Subnet has insufficient free addresses to create this NAT gateway"},
	control.NATAddressUsed: {"Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated"},
}

func natState(g *cloud.NATGateway, now time.Time) NatGatewayState {
	switch {
	case g.Failure != "":
		return NatGatewayStateFailed
	case !g.Deleted.IsZero():
		return NatGatewayStateDeleted
	case now.Before(g.ReadyAt):
		return NatGatewayStatePending
	}
	return NatGatewayStateAvailable
}

func natShape(v cloud.View, now time.Time) func(*cloud.NATGateway) NatGateway {
	return func(g *cloud.NATGateway) NatGateway {
		out := NatGateway{
			NatGatewayId: new(string(g.ID)), VpcId: new(string(g.VPC)), SubnetId: new(string(g.Subnet)), CreateTime: new(g.Created),
			ConnectivityType: ConnectivityTypePublic, State: natState(g, now), NatGatewayAddresses: natAddresses(v, g), Tags: tagList(g.Tags),
		}
		if g.Private {
			out.ConnectivityType = ConnectivityTypePrivate
		}
		if !g.Deleted.IsZero() {
			out.DeleteTime = new(g.Deleted)
		}
		if f, ok := natFailures[g.Failure]; ok {
			out.FailureCode, out.FailureMessage = new(f.code), new(formatted(f.msg, string(g.VPC)))
		}
		return out
	}
}

func natAddresses(v cloud.View, g *cloud.NATGateway) []NatGatewayAddress {
	i, ok := cloud.Interfaces.Get(v, g.Interface)
	if !ok {
		return nil
	}
	var out []NatGatewayAddress
	for n, addr := range i.Addrs {
		na := NatGatewayAddress{
			NetworkInterfaceId: new(string(i.ID)), PrivateIp: new(addr.String()), IsPrimary: new(n == 0), Status: NatGatewayAddressStatusSucceeded,
		}
		for e := range cloud.ElasticIPs.By(v, "interface", string(i.ID)) {
			if e.Private == addr {
				na.AllocationId, na.AssociationId, na.PublicIp = new(string(e.ID)), new(e.AssocID), new(e.Addr.String())
			}
		}
		switch {
		case g.Drains(addr) && g.Private:
			na.Status = NatGatewayAddressStatusUnassigning
		case g.Drains(addr):
			na.Status = NatGatewayAddressStatusDisassociating
		}
		out = append(out, na)
	}
	return out
}

var natListing = listing[NatGateway]{
	kind: cloud.KindNATGateway, param: "natGatewayIds",
	id:   func(g NatGateway) *string { return g.NatGatewayId },
	tags: func(g NatGateway) []Tag { return g.Tags },
	fields: wire.Fields[NatGateway]{
		"nat-gateway-id": func(g NatGateway) []string { return fact(g.NatGatewayId) },
		"state":          func(g NatGateway) []string { return fact(&g.State) },
		"subnet-id":      func(g NatGateway) []string { return fact(g.SubnetId) },
		"vpc-id":         func(g NatGateway) []string { return fact(g.VpcId) },
	},
}

func (a *api) createNatGateway(ctx context.Context, in *CreateNatGatewayInput) (*CreateNatGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.AvailabilityMode == AvailabilityModeRegional || len(in.AvailabilityZoneAddresses) > 0:
		return nil, a.unsupported("A regional NAT gateway")
	case in.SubnetId == nil:
		return nil, missing("subnetId")
	case in.ConnectivityType != ConnectivityTypePrivate && in.AllocationId == nil:
		return nil, missing("allocationId")
	}
	c := control.CreateNATGateway{
		Subnet: cloud.SubnetID(*in.SubnetId), Private: in.ConnectivityType == ConnectivityTypePrivate,
		Allocation: cloud.AllocationID(text(in.AllocationId)), MoreAllocations: ids[cloud.AllocationID](in.SecondaryAllocationIds),
	}
	if c.More, err = counted("secondaryPrivateIpAddressCount", in.SecondaryPrivateIpAddressCount); err != nil {
		return nil, err
	}
	if c.Labels, err = labels(cloud.KindNATGateway, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	if c.Addr, err = address("privateIpAddress", in.PrivateIpAddress, false); err != nil {
		return nil, err
	}
	if c.MoreAddrs, err = addresses("secondaryPrivateIpAddresses", in.SecondaryPrivateIpAddresses, false); err != nil {
		return nil, err
	}
	g, err := a.control.CreateNATGateway(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := natShape(a.control.View(), a.control.Now())(g)
	out.State = NatGatewayStatePending
	out.FailureCode, out.FailureMessage, out.DeleteTime = nil, nil, nil
	if len(out.NatGatewayAddresses) == 0 && in.AllocationId != nil {
		out.NatGatewayAddresses = []NatGatewayAddress{{AllocationId: in.AllocationId, IsPrimary: new(true), Status: NatGatewayAddressStatusAssociating}}
	}
	return &CreateNatGatewayOutput{ClientToken: in.ClientToken, NatGateway: &out}, nil
}

func (a *api) describeNatGateways(ctx context.Context, in *DescribeNatGatewaysInput) (*DescribeNatGatewaysOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v, now := a.control.View(), a.control.Now()
	shape := natShape(v, now)
	var all []NatGateway
	for g := range cloud.NATGateways.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if control.NATShown(g, now) {
			all = append(all, shape(g))
		}
	}
	out := &DescribeNatGatewaysOutput{}
	out.NatGateways, out.NextToken, err = natListing.answer(ctx, all, question{in.NatGatewayIds, in.Filter, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteNatGateway(ctx context.Context, in *DeleteNatGatewayInput) (*DeleteNatGatewayOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &DeleteNatGatewayOutput{NatGatewayId: in.NatGatewayId}, a.control.DeleteNATGateway(ctx, who, cloud.NATGatewayID(*in.NatGatewayId))
}

// natNow are a gateway's addresses as they are now.
func (a *api) natNow(id *string) []NatGatewayAddress {
	v := a.control.View()
	if g, ok := cloud.NATGateways.Get(v, cloud.NATGatewayID(*id)); ok {
		return natAddresses(v, g)
	}
	return nil
}

func (a *api) associateNatGatewayAddress(ctx context.Context, in *AssociateNatGatewayAddressInput) (*AssociateNatGatewayAddressOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := addresses("privateIpAddresses", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	if err := a.control.AddNATAddresses(ctx, who, cloud.NATGatewayID(*in.NatGatewayId), ids[cloud.AllocationID](in.AllocationIds), addrs, 0); err != nil {
		return nil, err
	}
	return &AssociateNatGatewayAddressOutput{NatGatewayId: in.NatGatewayId, NatGatewayAddresses: a.natNow(in.NatGatewayId)}, nil
}

func (a *api) disassociateNatGatewayAddress(ctx context.Context, in *DisassociateNatGatewayAddressInput) (*DisassociateNatGatewayAddressOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.control.RemoveNATAddresses(ctx, who, cloud.NATGatewayID(*in.NatGatewayId), in.AssociationIds, nil, drainTime(in.MaxDrainDurationSeconds)); err != nil {
		return nil, err
	}
	return &DisassociateNatGatewayAddressOutput{NatGatewayId: in.NatGatewayId, NatGatewayAddresses: a.natNow(in.NatGatewayId)}, nil
}

// drainTime is how long flows may keep an address that is taken away.
func drainTime(seconds *int32) time.Duration {
	if seconds == nil {
		return control.NATDrain
	}
	return time.Duration(*seconds) * time.Second
}

func (a *api) assignPrivateNatGatewayAddress(ctx context.Context, in *AssignPrivateNatGatewayAddressInput) (*AssignPrivateNatGatewayAddressOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := addresses("privateIpAddresses", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	n, err := counted("privateIpAddressCount", in.PrivateIpAddressCount)
	if err != nil {
		return nil, err
	}
	if err := a.control.AddNATAddresses(ctx, who, cloud.NATGatewayID(*in.NatGatewayId), nil, addrs, n); err != nil {
		return nil, err
	}
	return &AssignPrivateNatGatewayAddressOutput{NatGatewayId: in.NatGatewayId, NatGatewayAddresses: a.natNow(in.NatGatewayId)}, nil
}

func (a *api) unassignPrivateNatGatewayAddress(ctx context.Context, in *UnassignPrivateNatGatewayAddressInput) (*UnassignPrivateNatGatewayAddressOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := addresses("privateIpAddresses", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	if err := a.control.RemoveNATAddresses(ctx, who, cloud.NATGatewayID(*in.NatGatewayId), nil, addrs, drainTime(in.MaxDrainDurationSeconds)); err != nil {
		return nil, err
	}
	return &UnassignPrivateNatGatewayAddressOutput{NatGatewayId: in.NatGatewayId, NatGatewayAddresses: a.natNow(in.NatGatewayId)}, nil
}
