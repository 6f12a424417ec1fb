package ecs

import (
	"context"
	"net/netip"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// wanted are the addresses that an assignment asks for: those named, or a number of them.
func wanted(named []string, v4 bool, parameter string, count *int64, most int64) ([]netip.Addr, int, error) {
	addrs, err := addresses(named, v4)
	if err != nil {
		return nil, 0, err
	}
	n, err := counted(parameter, count, most)
	switch {
	case err != nil:
		return nil, 0, err
	case n > 0 && len(addrs) > 0:
		return nil, 0, resource.Fault("InvalidParameter.Conflict", "Addresses and "+parameter+" cannot both be specified.")
	case n == 0 && len(addrs) == 0:
		return nil, 0, resource.Fault("MissingParameter", "Addresses or \""+parameter+"\" must be specified.")
	}
	return addrs, max(n, len(addrs)), nil
}

func (a *api) assignPrivateIPAddresses(ctx context.Context, in *AssignPrivateIpAddressesInput) (*AssignPrivateIpAddressesOutput, error) {
	if err := resource.Refuse(map[string]bool{"Ipv4Prefix": len(in.Ipv4Prefix) > 0 || in.Ipv4PrefixCount != nil}); err != nil {
		return nil, err
	}
	addrs, n, err := wanted(in.PrivateIpAddress, true, "SecondaryPrivateIpAddressCount", in.SecondaryPrivateIpAddressCount, 49)
	if err != nil {
		return nil, err
	}
	got, err := a.control.AssignAddresses(ctx, resource.Caller(ctx), cloud.InterfaceID(*in.NetworkInterfaceId), addrs, n, false)
	if err != nil {
		return nil, err
	}
	return &AssignPrivateIpAddressesOutput{AssignedPrivateIpAddressesSet: &AssignedPrivateIpAddressesSet{
		NetworkInterfaceId: in.NetworkInterfaceId, PrivateIpSet: each(got, netip.Addr.String),
	}}, nil
}

func (a *api) unassignPrivateIPAddresses(ctx context.Context, in *UnassignPrivateIpAddressesInput) (*UnassignPrivateIpAddressesOutput, error) {
	if err := resource.Refuse(map[string]bool{"Ipv4Prefix": len(in.Ipv4Prefix) > 0}); err != nil {
		return nil, err
	}
	addrs, _, err := wanted(in.PrivateIpAddress, true, "PrivateIpAddress", nil, 0)
	if err != nil {
		return nil, err
	}
	return nil, a.control.UnassignAddresses(ctx, resource.Caller(ctx), cloud.InterfaceID(*in.NetworkInterfaceId), addrs)
}

func (a *api) assignIPv6Addresses(ctx context.Context, in *AssignIpv6AddressesInput) (*AssignIpv6AddressesOutput, error) {
	if err := resource.Refuse(map[string]bool{"Ipv6Prefix": len(in.Ipv6Prefix) > 0 || in.Ipv6PrefixCount != nil}); err != nil {
		return nil, err
	}
	addrs, n, err := wanted(in.Ipv6Address, false, "Ipv6AddressCount", in.Ipv6AddressCount, 10)
	if err != nil {
		return nil, err
	}
	got, err := a.control.AssignAddresses6(ctx, resource.Caller(ctx), cloud.InterfaceID(*in.NetworkInterfaceId), addrs, n)
	if err != nil {
		return nil, err
	}
	return &AssignIpv6AddressesOutput{NetworkInterfaceId: in.NetworkInterfaceId, Ipv6Sets: each(got, netip.Addr.String)}, nil
}

func (a *api) unassignIPv6Addresses(ctx context.Context, in *UnassignIpv6AddressesInput) (*UnassignIpv6AddressesOutput, error) {
	if err := resource.Refuse(map[string]bool{"Ipv6Prefix": len(in.Ipv6Prefix) > 0}); err != nil {
		return nil, err
	}
	addrs, _, err := wanted(in.Ipv6Address, false, "Ipv6Address", nil, 0)
	if err != nil {
		return nil, err
	}
	return nil, a.control.UnassignAddresses6(ctx, resource.Caller(ctx), cloud.InterfaceID(*in.NetworkInterfaceId), addrs)
}
