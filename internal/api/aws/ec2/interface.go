package ec2

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) createNetworkInterface(ctx context.Context, in *CreateNetworkInterfaceInput) (*CreateNetworkInterfaceOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.InterfaceType != "":
		return nil, a.unsupported("A network interface of type " + string(in.InterfaceType))
	case number(in.Ipv4PrefixCount)+number(in.Ipv6PrefixCount) > 0 || len(in.Ipv4Prefixes)+len(in.Ipv6Prefixes) > 0:
		return nil, a.unsupported("Prefix delegation")
	case len(in.Ipv6Addresses) > 0 && in.Ipv6AddressCount != nil:
		return nil, combination("Only one of ipv6Addresses and ipv6AddressCount may be specified")
	}
	c := control.CreateInterface{
		Subnet: cloud.SubnetID(*in.SubnetId), Description: text(in.Description), Groups: ids[cloud.SecurityGroupID](in.Groups),
	}
	if c.Labels, err = labels(cloud.KindInterface, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	if c.Addrs, err = privateAddresses(in); err != nil {
		return nil, err
	}
	more, err := counted("secondaryPrivateIpAddressCount", in.SecondaryPrivateIpAddressCount)
	if err != nil {
		return nil, err
	}
	c.Count = max(1, len(c.Addrs)) + more
	if c.Count6, err = counted("ipv6AddressCount", in.Ipv6AddressCount); err != nil {
		return nil, err
	}
	for _, x := range in.Ipv6Addresses {
		addr, err := address("ipv6Addresses", x.Ipv6Address, true)
		if err != nil {
			return nil, err
		}
		c.Addrs6 = append(c.Addrs6, addr)
	}
	i, err := a.control.CreateInterface(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := a.interfaceShape(a.control.View())(i)
	out.Status = "pending"
	return &CreateNetworkInterfaceOutput{ClientToken: in.ClientToken, NetworkInterface: &out}, nil
}

// privateAddresses are the addresses asked for, the primary one first.
func privateAddresses(in *CreateNetworkInterfaceInput) ([]netip.Addr, error) {
	primary, err := address("privateIpAddress", in.PrivateIpAddress, false)
	if err != nil {
		return nil, err
	}
	var more []netip.Addr
	for _, x := range in.PrivateIpAddresses {
		addr, err := address("privateIpAddresses", x.PrivateIpAddress, false)
		if err != nil {
			return nil, err
		}
		switch {
		case !yes(x.Primary):
			more = append(more, addr)
		case primary.IsValid():
			return nil, combination("Only one primary private IP address can be specified.")
		default:
			primary = addr
		}
	}
	if !primary.IsValid() && len(more) == 0 {
		return nil, nil
	}
	return append([]netip.Addr{primary}, more...), nil
}

func (a *api) describeNetworkInterfaces(ctx context.Context, in *DescribeNetworkInterfacesInput) (*DescribeNetworkInterfacesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.Interfaces, cloud.Scope(who.Account, who.Region), a.interfaceShape(v))
	out := &DescribeNetworkInterfacesOutput{}
	out.NetworkInterfaces, out.NextToken, err = interfaceListing.answer(ctx, all, question{in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

func (a *api) deleteNetworkInterface(ctx context.Context, in *DeleteNetworkInterfaceInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteInterface(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId))
}

func (a *api) modifyNetworkInterfaceAttribute(ctx context.Context, in *ModifyNetworkInterfaceAttributeInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if in.AssociatePublicIpAddress != nil || len(in.AssociatedSubnetIds) > 0 {
		return nil, a.unsupported("This attribute of a network interface")
	}
	m := control.ModifyInterface{SourceDestCheck: attribute(in.SourceDestCheck)}
	if in.Description != nil {
		m.Description = new(text(in.Description.Value))
	}
	if len(in.Groups) > 0 {
		m.Groups = ids[cloud.SecurityGroupID](in.Groups)
	}
	if in.Attachment != nil && in.Attachment.DeleteOnTermination != nil {
		m.Attachment, m.DeleteOnTermination = text(in.Attachment.AttachmentId), in.Attachment.DeleteOnTermination
	}
	return nil, a.control.ModifyInterface(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId), m)
}

func (a *api) resetNetworkInterfaceAttribute(ctx context.Context, in *ResetNetworkInterfaceAttributeInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.control.ModifyInterface(ctx, who, cloud.InterfaceID(*in.NetworkInterfaceId), control.ModifyInterface{SourceDestCheck: new(true)})
}

func (a *api) describeNetworkInterfaceAttribute(ctx context.Context, in *DescribeNetworkInterfaceAttributeInput) (*DescribeNetworkInterfaceAttributeOutput, error) {
	i, err := read(ctx, a, cloud.Interfaces, cloud.KindInterface, cloud.InterfaceID(*in.NetworkInterfaceId))
	if err != nil {
		return nil, err
	}
	shape := a.interfaceShape(a.control.View())(i)
	out := &DescribeNetworkInterfaceAttributeOutput{NetworkInterfaceId: in.NetworkInterfaceId}
	switch in.Attribute {
	case NetworkInterfaceAttributeDescription:
		out.Description = &AttributeValue{Value: shape.Description}
	case NetworkInterfaceAttributeGroupSet:
		out.Groups = shape.Groups
	case NetworkInterfaceAttributeSourceDestCheck:
		out.SourceDestCheck = &AttributeBooleanValue{Value: shape.SourceDestCheck}
	case NetworkInterfaceAttributeAttachment:
		out.Attachment = shape.Attachment
	case NetworkInterfaceAttributeAssociatePublicIpAddress:
		out.AssociatePublicIpAddress = new(false)
	default:
		return nil, badValue("attribute", string(in.Attribute), "Unknown attribute.")
	}
	return out, nil
}

// attachNetworkInterface refuses: an instance has its one interface from the start.
func (a *api) attachNetworkInterface(ctx context.Context, in *AttachNetworkInterfaceInput) (*AttachNetworkInterfaceOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if !wellFormed(cloud.KindInstance, *in.InstanceId) {
		return nil, noSuch(cloud.KindInstance, *in.InstanceId)
	}
	if err := a.control.CheckAttach(who, cloud.InterfaceID(*in.NetworkInterfaceId), cloud.InstanceID(*in.InstanceId)); err != nil {
		return nil, err
	}
	return nil, a.unsupported("A second network interface of an instance")
}

func (a *api) detachNetworkInterface(ctx context.Context, in *DetachNetworkInterfaceInput) (*struct{}, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(*in.AttachmentId, "ela-attach-") {
		return nil, &wire.Error{Code: "OperationNotPermitted", Msg: "You are not allowed to manage 'ela-attach' attachments."}
	}
	return nil, a.control.CheckDetach(who, *in.AttachmentId)
}

// managedAttachment is the ID of a service's attachment, which follows from the interface's.
func managedAttachment(id cloud.InterfaceID) string {
	sum := sha256.Sum256([]byte("attachment " + id))
	return "ela-attach-0" + hex.EncodeToString(sum[:8])
}

// functionUsers is the description of an interface that functions share: it
// names the oldest of them.
func functionUsers(v cloud.View, i *cloud.Interface) string {
	var users []*cloud.Function
	for f := range cloud.Functions.By(v, "vpc", string(i.VPC)) {
		if slices.Contains(f.Latest.Network.Interfaces, i.ID) {
			users = append(users, f)
		}
	}
	if len(users) == 0 {
		return "AWS Lambda VPC ENI"
	}
	oldest := slices.MinFunc(users, func(x, y *cloud.Function) int {
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.Name, y.Name))
	})
	h := sha256.Sum256([]byte(i.ID))
	uuid := hex.EncodeToString(h[:16])
	return "AWS Lambda VPC ENI-" + oldest.Name + "-" + strings.Join([]string{uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]}, "-")
}

func dashed(a netip.Addr) string { return strings.ReplaceAll(a.String(), ".", "-") }

// index is a device index in a filter.
func index(p *NetworkInterfaceAttachment) []string {
	if p == nil {
		return nil
	}
	return []string{strconv.Itoa(int(number(p.DeviceIndex)))}
}
