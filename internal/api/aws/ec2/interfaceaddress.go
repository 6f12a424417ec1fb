package ec2

import (
	"context"
	"net/netip"

	"weir/internal/cloud"
)

func (a *api) assignPrivateIpAddresses(ctx context.Context, in *AssignPrivateIpAddressesInput) (*AssignPrivateIpAddressesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case number(in.Ipv4PrefixCount) > 0 || len(in.Ipv4Prefixes) > 0:
		return nil, a.unsupported("Prefix delegation")
	case (in.SecondaryPrivateIpAddressCount == nil) == (len(in.PrivateIpAddresses) == 0):
		return nil, combination("Exactly one of privateIpAddresses and secondaryPrivateIpAddressCount must be specified")
	}
	want, err := addresses("privateIpAddresses", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	n, err := counted("secondaryPrivateIpAddressCount", in.SecondaryPrivateIpAddressCount)
	if err != nil {
		return nil, err
	}
	got, err := a.control.AssignAddresses(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId), want, n, yes(in.AllowReassignment))
	if err != nil {
		return nil, err
	}
	out := &AssignPrivateIpAddressesOutput{NetworkInterfaceId: in.NetworkInterfaceId}
	for _, addr := range got {
		out.AssignedPrivateIpAddresses = append(out.AssignedPrivateIpAddresses, AssignedPrivateIpAddress{PrivateIpAddress: new(addr.String())})
	}
	return out, nil
}

func (a *api) unassignPrivateIpAddresses(ctx context.Context, in *UnassignPrivateIpAddressesInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := addresses("privateIpAddresses", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, missing("privateIpAddresses")
	}
	return nil, a.control.UnassignAddresses(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId), addrs)
}

func (a *api) assignIpv6Addresses(ctx context.Context, in *AssignIpv6AddressesInput) (*AssignIpv6AddressesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case number(in.Ipv6PrefixCount) > 0 || len(in.Ipv6Prefixes) > 0:
		return nil, a.unsupported("Prefix delegation")
	case (in.Ipv6AddressCount == nil) == (len(in.Ipv6Addresses) == 0):
		return nil, combination("Exactly one of ipv6Addresses and ipv6AddressCount must be specified")
	}
	want, err := addresses("ipv6Addresses", in.Ipv6Addresses, true)
	if err != nil {
		return nil, err
	}
	n, err := counted("ipv6AddressCount", in.Ipv6AddressCount)
	if err != nil {
		return nil, err
	}
	got, err := a.control.AssignAddresses6(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId), want, n)
	if err != nil {
		return nil, err
	}
	return &AssignIpv6AddressesOutput{NetworkInterfaceId: in.NetworkInterfaceId, AssignedIpv6Addresses: written(got)}, nil
}

func (a *api) unassignIpv6Addresses(ctx context.Context, in *UnassignIpv6AddressesInput) (*UnassignIpv6AddressesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := addresses("ipv6Addresses", in.Ipv6Addresses, true)
	if err != nil {
		return nil, err
	}
	if err := a.control.UnassignAddresses6(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId), addrs); err != nil {
		return nil, err
	}
	return &UnassignIpv6AddressesOutput{NetworkInterfaceId: in.NetworkInterfaceId, UnassignedIpv6Addresses: in.Ipv6Addresses}, nil
}

func written(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, addr := range addrs {
		out[i] = addr.String()
	}
	return out
}
