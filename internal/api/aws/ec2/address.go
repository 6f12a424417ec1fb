package ec2

import (
	"context"
	"net/netip"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func addressShape(v cloud.View) func(*cloud.ElasticIP) Address {
	return func(e *cloud.ElasticIP) Address {
		out := Address{
			AllocationId: new(string(e.ID)), PublicIp: new(e.Addr.String()), Domain: DomainTypeVpc,
			PublicIpv4Pool: new("amazon"), NetworkBorderGroup: new(e.Region), Tags: tagList(e.Tags),
		}
		if e.AssocID == "" {
			return out
		}
		out.AssociationId, out.NetworkInterfaceId, out.PrivateIpAddress = new(e.AssocID), new(string(e.Interface)), new(e.Private.String())
		out.NetworkInterfaceOwnerId = new(e.Account)
		if i, ok := cloud.Interfaces.Get(v, e.Interface); ok && i.Attachment != nil {
			out.InstanceId = given(i.Attachment.Instance)
		}
		return out
	}
}

var addressListing = listing[Address]{
	kind: cloud.KindElasticIP,
	id:   func(e Address) *string { return e.AllocationId },
	tags: func(e Address) []Tag { return e.Tags },
	fields: wire.Fields[Address]{
		"allocation-id":              func(e Address) []string { return fact(e.AllocationId) },
		"association-id":             func(e Address) []string { return fact(e.AssociationId) },
		"domain":                     func(e Address) []string { return fact(&e.Domain) },
		"instance-id":                func(e Address) []string { return fact(e.InstanceId) },
		"network-border-group":       func(e Address) []string { return fact(e.NetworkBorderGroup) },
		"network-interface-id":       func(e Address) []string { return fact(e.NetworkInterfaceId) },
		"network-interface-owner-id": func(e Address) []string { return fact(e.NetworkInterfaceOwnerId) },
		"private-ip-address":         func(e Address) []string { return fact(e.PrivateIpAddress) },
		"public-ip":                  func(e Address) []string { return fact(e.PublicIp) },
		"public-ipv4-pool":           func(e Address) []string { return fact(e.PublicIpv4Pool) },
	},
}

func (a *api) allocateAddress(ctx context.Context, in *AllocateAddressInput) (*AllocateAddressOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if in.IpamPoolId != nil || in.CustomerOwnedIpv4Pool != nil || in.PublicIpv4Pool != nil && *in.PublicIpv4Pool != "amazon" {
		return nil, a.unsupported("An address pool of one's own")
	}
	if in.Domain == DomainTypeStandard {
		return nil, badValue("domain", string(in.Domain), "Use vpc.")
	}
	l, err := labels(cloud.KindElasticIP, in.TagSpecifications, nil)
	if err != nil {
		return nil, err
	}
	wanted, err := address("address", in.Address, false)
	if err != nil {
		return nil, err
	}
	e, err := a.control.AllocateAddress(ctx, who, l, wanted)
	if err != nil {
		return nil, err
	}
	return &AllocateAddressOutput{
		AllocationId: new(string(e.ID)), PublicIp: new(e.Addr.String()), Domain: DomainTypeVpc,
		PublicIpv4Pool: new("amazon"), NetworkBorderGroup: new(e.Region),
	}, nil
}

// elasticIP names an elastic IP as a request does, by exactly one of its names.
func elasticIP(allocation, public, assoc *string) (control.ElasticIPRef, error) {
	ref := control.ElasticIPRef{ID: cloud.AllocationID(text(allocation)), Assoc: text(assoc)}
	var err error
	if ref.Addr, err = address("publicIp", public, false); err != nil {
		return ref, &wire.Error{Code: "InvalidParameterValue", Msg: "Invalid IPv4 address: " + *public}
	}
	n := 0
	for _, given := range []bool{ref.ID != "", ref.Assoc != "", ref.Addr.IsValid()} {
		if given {
			n++
		}
	}
	switch {
	case n == 0 && assoc == nil:
		return ref, &wire.Error{Code: "MissingParameter", Msg: "Either public IP or allocation id must be specified"}
	case n == 0:
		return ref, &wire.Error{Code: "MissingParameter", Msg: "Either public IP or association id must be specified"}
	case n > 1:
		return ref, combination("You may specify public IP or allocation id, but not both in the same call")
	}
	return ref, nil
}

func (a *api) releaseAddress(ctx context.Context, in *ReleaseAddressInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	ref, err := elasticIP(in.AllocationId, in.PublicIp, nil)
	if err != nil {
		return nil, err
	}
	return nil, a.control.ReleaseAddress(ctx, who, ref)
}

func (a *api) associateAddress(ctx context.Context, in *AssociateAddressInput) (*AssociateAddressOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	ref, err := elasticIP(in.AllocationId, in.PublicIp, nil)
	if err != nil {
		return nil, err
	}
	private, err := address("privateIpAddress", in.PrivateIpAddress, false)
	if err != nil {
		return nil, err
	}
	eni := cloud.InterfaceID(text(in.NetworkInterfaceId))
	switch {
	case in.InstanceId != nil && eni == "":
		if eni, err = a.control.PrimaryInterface(who, cloud.InstanceID(*in.InstanceId)); err != nil {
			return nil, err
		}
	case eni == "":
		return nil, &wire.Error{Code: "MissingParameter", Msg: "Either instance ID or network interface id must be specified"}
	}
	id, err := a.control.AssociateAddress(ctx, who, control.AssociateAddress{
		Address: ref, Interface: eni, Private: private,
		Keep: in.AllowReassociation != nil && !*in.AllowReassociation,
	})
	if err != nil {
		return nil, err
	}
	return &AssociateAddressOutput{AssociationId: new(id)}, nil
}

func (a *api) disassociateAddress(ctx context.Context, in *DisassociateAddressInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	ref, err := elasticIP(nil, in.PublicIp, new(text(in.AssociationId)))
	if err != nil {
		return nil, err
	}
	return nil, a.control.DisassociateAddress(ctx, who, ref)
}

func (a *api) describeAddresses(ctx context.Context, in *DescribeAddressesInput) (*DescribeAddressesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.ElasticIPs, cloud.Scope(who.Account, who.Region), addressShape(v))
	if len(in.PublicIps) > 0 {
		var some []Address
		for _, ip := range in.PublicIps {
			if _, err := netip.ParseAddr(ip); err != nil {
				return nil, &wire.Error{Code: "InvalidAddress.Malformed", Msg: "Address '" + ip + "' is not valid."}
			}
			found := false
			for _, e := range all {
				if *e.PublicIp == ip {
					some, found = append(some, e), true
				}
			}
			if !found {
				return nil, &wire.Error{Code: "InvalidAddress.NotFound", Msg: "Address '" + ip + "' not found."}
			}
		}
		all = some
	}
	addrs, _, err := addressListing.answer(ctx, all, question{ids: in.AllocationIds, filters: in.Filters})
	return &DescribeAddressesOutput{Addresses: addrs}, err
}

// describeAddressesAttribute lists reverse names, of which no address has one.
func (a *api) describeAddressesAttribute(ctx context.Context, in *DescribeAddressesAttributeInput) (*DescribeAddressesAttributeOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.ElasticIPs, cloud.Scope(who.Account, who.Region), addressShape(v))
	addrs, next, err := addressListing.answer(ctx, all, question{ids: in.AllocationIds, max: in.MaxResults, token: in.NextToken})
	out := &DescribeAddressesAttributeOutput{NextToken: next}
	for _, e := range addrs {
		out.Addresses = append(out.Addresses, AddressAttribute{AllocationId: e.AllocationId, PublicIp: e.PublicIp})
	}
	return out, err
}
