package ecs

import (
	"context"
	"net/netip"
	"slices"

	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) interfaces(s *wire.Service) {
	wire.Handle(s, "CreateNetworkInterface", a.createNetworkInterface)
	wire.Handle(s, "DescribeNetworkInterfaces", a.describeNetworkInterfaces)
	wire.Handle(s, "DescribeNetworkInterfaceAttribute", a.describeNetworkInterfaceAttribute)
	wire.Handle(s, "ModifyNetworkInterfaceAttribute", a.modifyNetworkInterfaceAttribute)
	wire.Handle(s, "DeleteNetworkInterface", a.deleteNetworkInterface)
	wire.Handle(s, "AttachNetworkInterface", a.attachNetworkInterface)
	wire.Handle(s, "DetachNetworkInterface", a.detachNetworkInterface)
	wire.Handle(s, "AssignPrivateIpAddresses", a.assignPrivateIPAddresses)
	wire.Handle(s, "UnassignPrivateIpAddresses", a.unassignPrivateIPAddresses)
	wire.Handle(s, "AssignIpv6Addresses", a.assignIPv6Addresses)
	wire.Handle(s, "UnassignIpv6Addresses", a.unassignIPv6Addresses)
}

const (
	interfaceName        = "InvalidParams.NetworkInterfaceName"
	interfaceDescription = "InvalidDescription.Malformed"
)

// createNetworkInterface makes a secondary interface. Unlike in the other
// dialect it may send for others, unless SourceDestCheck is asked for.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-createnetworkinterface
func (a *api) createNetworkInterface(ctx context.Context, in *CreateNetworkInterfaceInput) (*CreateNetworkInterfaceOutput, error) {
	mode, kind := text(in.NetworkInterfaceTrafficMode), text(in.InstanceType)
	if err := resource.Refuse(map[string]bool{
		"ConnectionTrackingConfiguration": in.ConnectionTrackingConfiguration != nil, "DeleteOnRelease": in.DeleteOnRelease != nil, "EnablePrimaryIPv6": in.EnablePrimaryIPv6 != nil,
		"EnhancedNetwork": in.EnhancedNetwork != nil, "InstanceType": kind != "" && kind != secondary, "NetworkInterfaceTrafficConfig": in.NetworkInterfaceTrafficConfig != nil,
		"NetworkInterfaceTrafficMode": mode != "" && mode != "Standard", "QueueNumber": in.QueueNumber != nil, "QueuePairNumber": in.QueuePairNumber != nil,
		"RxQueueSize": in.RxQueueSize != nil, "TxQueueSize": in.TxQueueSize != nil,
		"Ipv4Prefix": len(in.Ipv4Prefix) > 0 || in.Ipv4PrefixCount != nil, "Ipv6Prefix": len(in.Ipv6Prefix) > 0 || in.Ipv6PrefixCount != nil,
	}); err != nil {
		return nil, err
	}
	s, ok := cloud.Subnets.Get(a.control.View(), cloud.SubnetID(*in.VSwitchId))
	if !ok || s.Scope() != resource.Scope(ctx) {
		return nil, missing(cloud.KindSubnet)
	}
	groups, err := a.groupsOf(ctx, in.SecurityGroupId, in.SecurityGroupIds)
	if err != nil {
		return nil, err
	}
	t, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	c := control.CreateInterface{Subnet: s.ID, Groups: groups, AnySource: !yes(in.SourceDestCheck)}
	if c.Labels, err = resource.Labels(ctx, a.control, resource.Described{Name: in.NetworkInterfaceName}, in.ResourceGroupId, t, interfaceName, interfaceDescription); err != nil {
		return nil, err
	}
	if c.Description, err = described(in.Description); err != nil {
		return nil, err
	}
	if c.Addrs, c.Count, err = newAddresses(in.PrimaryIpAddress, in.PrivateIpAddress, in.SecondaryPrivateIpAddressCount); err != nil {
		return nil, err
	}
	if c.Addrs6, c.Count6, err = newAddresses6(in.Ipv6Address, in.Ipv6AddressCount); err != nil {
		return nil, err
	}
	i, err := a.control.CreateInterface(ctx, resource.Caller(ctx), c)
	if err != nil {
		return nil, err
	}
	f := a.interfaceFacts(i)
	return &CreateNetworkInterfaceOutput{
		NetworkInterfaceId: f.NetworkInterfaceId, NetworkInterfaceName: f.NetworkInterfaceName, Description: f.Description, Status: f.Status, Type: f.Type, MacAddress: f.MacAddress,
		OwnerId: f.OwnerId, VpcId: f.VpcId, VSwitchId: f.VSwitchId, ZoneId: f.ZoneId, PrivateIpAddress: f.PrivateIpAddress, Ipv6Sets: f.Ipv6Sets, SecurityGroupIds: f.SecurityGroupIds,
		ResourceGroupId: f.ResourceGroupId, ServiceManaged: f.ServiceManaged, SourceDestCheck: f.SourceDestCheck, Tags: f.Tags,
		PrivateIpSets: each(f.PrivateIpSets, func(p DescribeNetworkInterfacesNetworkInterfaceSetPrivateIpSet) PrivateIpSet {
			return PrivateIpSet{Primary: p.Primary, PrivateIpAddress: p.PrivateIpAddress}
		}),
	}, nil
}

// described checks a description, which other dialects show too.
func described(d *string) (string, error) {
	_, err := resource.Described{Description: d}.Attrs(interfaceName, interfaceDescription)
	return text(d), err
}

// groupsOf are the groups that one parameter or the other names, all of one type.
// https://www.alibabacloud.com/help/en/ecs/user-guide/basic-security-groups-and-advanced-security-groups
func (a *api) groupsOf(ctx context.Context, one *string, more []string) ([]cloud.SecurityGroupID, error) {
	switch {
	case text(one) != "" && len(more) > 0:
		return nil, resource.Fault("InvalidParameter.Conflict", "SecurityGroupId and SecurityGroupIds cannot both be specified.")
	case text(one) != "":
		more = []string{*one}
	case len(more) == 0:
		return nil, resource.Fault("MissingParameter", "The input parameter \"SecurityGroupId\" that is mandatory for processing this request is not supplied.")
	}
	var ids []cloud.SecurityGroupID
	kind := ""
	for _, id := range more {
		g, err := a.group(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case kind != "" && kind != g.Attrs[resource.AttrGroupType]:
			return nil, forbidden("InvalidOperation.MultiGroupType", "The specified instance can't join different types of security group.")
		case slices.Contains(ids, g.ID):
			return nil, resource.Missing("InvalidParameter.SecurityGroupIdRepeated", "The specified security group ids has repeated.")
		}
		kind, ids = g.Attrs[resource.AttrGroupType], append(ids, g.ID)
	}
	return ids, nil
}

// netif finds one of the caller's interfaces.
func (a *api) netif(ctx context.Context, id string) (*cloud.Interface, error) {
	if i, ok := cloud.Interfaces.Get(a.control.View(), cloud.InterfaceID(id)); ok && i.Scope() == resource.Scope(ctx) {
		return i, nil
	}
	return nil, missing(cloud.KindInterface)
}

// modifyNetworkInterfaceAttribute changes what is given. The groups of a primary
// interface are its instance's, and changed there.
func (a *api) modifyNetworkInterfaceAttribute(ctx context.Context, in *ModifyNetworkInterfaceAttributeInput) (*ModifyNetworkInterfaceAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{
		"ConnectionTrackingConfiguration": in.ConnectionTrackingConfiguration != nil, "DeleteOnRelease": in.DeleteOnRelease != nil, "EnablePrimaryIPv6": in.EnablePrimaryIPv6 != nil,
		"EnhancedNetwork": in.EnhancedNetwork != nil, "NetworkInterfaceTrafficConfig": in.NetworkInterfaceTrafficConfig != nil, "QueueNumber": in.QueueNumber != nil,
		"RxQueueSize": in.RxQueueSize != nil, "TxQueueSize": in.TxQueueSize != nil,
	}); err != nil {
		return nil, err
	}
	i, err := a.netif(ctx, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	m := control.ModifyInterface{SourceDestCheck: in.SourceDestCheck, Description: in.Description}
	if _, err = described(in.Description); err != nil {
		return nil, err
	}
	if m.Attrs, err = (resource.Described{Name: in.NetworkInterfaceName}).Attrs(interfaceName, interfaceDescription); err != nil {
		return nil, err
	}
	if len(in.SecurityGroupId) > 0 {
		if i.Attachment != nil {
			return nil, resource.Missing("InvalidOperation.PrimaryEniOnlySupportModifyNameAndDesc", "Primary NetworkInterface is only allowed to modify name and description.")
		}
		if m.Groups, err = a.groupsOf(ctx, nil, in.SecurityGroupId); err != nil {
			return nil, err
		}
	}
	return nil, a.control.ModifyInterface(ctx, resource.Caller(ctx), i.ID, m)
}

func (a *api) deleteNetworkInterface(ctx context.Context, in *DeleteNetworkInterfaceInput) (*DeleteNetworkInterfaceOutput, error) {
	i, err := a.netif(ctx, *in.NetworkInterfaceId)
	switch {
	case err != nil:
		return nil, err
	case i.Managed != "":
		return nil, serviceManaged()
	case i.Attachment != nil:
		return nil, resource.Fault("InvalidOperation.DetachPrimaryEniNotAllowed", "Detaching primary ENI from ECS instance is not allowed.")
	}
	return nil, a.control.DeleteInterface(ctx, resource.Caller(ctx), i.ID)
}

func serviceManaged() error {
	return forbidden("InvalidOperation.EniServiceManaged", "The operation is not allowed: the network interface is managed by a cloud service.")
}

// attachNetworkInterface refuses: an instance has its one interface from the start.
func (a *api) attachNetworkInterface(ctx context.Context, in *AttachNetworkInterfaceInput) (*AttachNetworkInterfaceOutput, error) {
	if err := resource.Refuse(map[string]bool{"TrunkNetworkInstanceId": text(in.TrunkNetworkInstanceId) != ""}); err != nil {
		return nil, err
	}
	i, err := a.netif(ctx, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	to, err := a.instance(ctx, *in.InstanceId)
	switch {
	case err != nil:
		return nil, err
	case i.Managed != "":
		return nil, serviceManaged()
	case i.Attachment != nil:
		return nil, resource.Fault("InvalidOperation.InvalidEniState", "The operation is not allowed: the network interface is attached already.")
	case to.VPC != i.VPC:
		return nil, forbidden("InvalidOperation.VpcMismatch", "The network interface and the instance are not in the same VPC.")
	}
	return nil, forbidden("EniPerInstanceLimitExceeded", "The maximum number of network interfaces of the instance is exceeded: it has one.")
}

func (a *api) detachNetworkInterface(ctx context.Context, in *DetachNetworkInterfaceInput) (*DetachNetworkInterfaceOutput, error) {
	i, err := a.netif(ctx, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if _, err := a.instance(ctx, *in.InstanceId); err != nil {
		return nil, err
	}
	switch {
	case i.Managed != "":
		return nil, serviceManaged()
	case i.Attachment == nil || i.Attachment.Instance != *in.InstanceId:
		return nil, resource.Fault("InvalidOperation.InvalidEniState", "The operation is not allowed: the network interface is not attached to the instance.")
	}
	return nil, resource.Fault("InvalidOperation.DetachPrimaryEniNotAllowed", "Detaching primary ENI from ECS instance is not allowed.")
}

// addresses reads IP addresses of one family.
func addresses(list []string, v4 bool) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, s := range list {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Is4() != v4 || addr.Zone() != "" {
			return nil, resource.Fault("InvalidIp.Address", "The specified IP address \""+s+"\" is not valid.")
		}
		out = append(out, addr)
	}
	return out, nil
}

// counted checks a number of addresses to choose.
func counted(parameter string, n *int64, most int64) (int, error) {
	if n == nil {
		return 0, nil
	}
	if *n < 1 || *n > most {
		return 0, resource.Fault("InvalidParameter", "The specified parameter \""+parameter+"\" is not valid.")
	}
	return int(*n), nil
}

// newAddresses are the IPv4 addresses of a new interface, the primary one first,
// and how many there are to be.
func newAddresses(primary *string, more []string, n *int64) ([]netip.Addr, int, error) {
	secondary, err := addresses(more, true)
	if err != nil {
		return nil, 0, err
	}
	count, err := counted("SecondaryPrivateIpAddressCount", n, 49)
	switch {
	case err != nil:
		return nil, 0, err
	case count > 0 && len(secondary) > 0:
		return nil, 0, resource.Fault("InvalidParameter.Conflict", "PrivateIpAddress and SecondaryPrivateIpAddressCount cannot both be specified.")
	}
	first := netip.Addr{}
	if text(primary) != "" {
		list, err := addresses([]string{*primary}, true)
		if err != nil {
			return nil, 0, err
		}
		first = list[0]
	}
	all := append([]netip.Addr{first}, secondary...)
	return all, len(all) + count, nil
}

func newAddresses6(list []string, n *int64) ([]netip.Addr, int, error) {
	addrs, err := addresses(list, false)
	if err != nil {
		return nil, 0, err
	}
	count, err := counted("Ipv6AddressCount", n, 10)
	if err == nil && count > 0 && len(addrs) > 0 {
		err = resource.Fault("InvalidParameter.Conflict", "Ipv6Address and Ipv6AddressCount cannot both be specified.")
	}
	return addrs, count, err
}
