package ecs

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// Types of interfaces: an instance's own, and others.
const (
	primary   = "Primary"
	secondary = "Secondary"
)

// interfaceFacts are what the API says of an interface. One that a service of
// the platform made shows no instance, and one that nobody put into a resource
// group shows none: Terraform's provider replaces an interface whose group is not
// the configuration's.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describenetworkinterfaces
func (a *api) interfaceFacts(i *cloud.Interface) NetworkInterfaceSet {
	out := NetworkInterfaceSet{
		NetworkInterfaceId: new(string(i.ID)), NetworkInterfaceName: new(i.Attrs[resource.AttrName]), Description: &i.Description, Status: new("Available"), Type: new(secondary),
		MacAddress: &i.MAC, OwnerId: owner(i.Account), VpcId: new(string(i.VPC)), VSwitchId: new(string(i.Subnet)), InstanceId: new(""), CreationTime: resource.Time(i.Created),
		ResourceGroupId: new(i.Attrs[resource.AttrGroup]), ServiceManaged: new(i.Managed != ""), SourceDestCheck: &i.SourceDestCheck, Tags: tagList(i.Tags),
		NetworkInterfaceTrafficMode: new("Standard"), SecurityGroupIds: each(i.SecurityGroups, func(id cloud.SecurityGroupID) string { return string(id) }),
		Ipv6Sets:           each(i.Addrs6, func(a netip.Addr) Ipv6Set { return Ipv6Set{Ipv6Address: new(a.String())} }),
		AssociatedPublicIp: &AssociatedPublicIp{}, PrivateIpSets: []DescribeNetworkInterfacesNetworkInterfaceSetPrivateIpSet{},
	}
	if s, ok := cloud.Subnets.Get(a.control.View(), i.Subnet); ok {
		out.ZoneId = &s.Zone
	}
	for n, addr := range i.Addrs {
		p := DescribeNetworkInterfacesNetworkInterfaceSetPrivateIpSet{Primary: new(n == 0), PrivateIpAddress: new(addr.String()), AssociatedPublicIp: a.publicIP(i, addr)}
		if n == 0 {
			out.PrivateIpAddress, out.AssociatedPublicIp = p.PrivateIpAddress, p.AssociatedPublicIp
		}
		out.PrivateIpSets = append(out.PrivateIpSets, p)
	}
	if t := i.Attachment; t != nil {
		out.Type, out.Status, out.InstanceId, out.DeleteOnRelease = new(primary), new("InUse"), &t.Instance, &t.DeleteOnTermination
		out.Attachment = &DescribeNetworkInterfacesNetworkInterfaceSetAttachment{InstanceId: &t.Instance, DeviceIndex: new(int64(t.Device)), NetworkCardIndex: new(int64(0))}
	}
	if i.Managed != "" {
		out.Status = new("InUse")
	}
	return out
}

// publicIP is the public address of a private one.
func (a *api) publicIP(i *cloud.Interface, private netip.Addr) *AssociatedPublicIp {
	for e := range cloud.ElasticIPs.By(a.control.View(), "interface", string(i.ID)) {
		if e.Private == private {
			return &AssociatedPublicIp{AllocationId: new(string(e.ID)), PublicIpAddress: new(e.Addr.String())}
		}
	}
	if private == i.Primary() && i.PublicIP.IsValid() {
		return &AssociatedPublicIp{PublicIpAddress: new(i.PublicIP.String())}
	}
	return &AssociatedPublicIp{}
}

func (a *api) describeNetworkInterfaces(ctx context.Context, in *DescribeNetworkInterfacesInput) (*DescribeNetworkInterfacesOutput, error) {
	want, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	all := []NetworkInterfaceSet{}
	for i := range cloud.Interfaces.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if f := a.interfaceFacts(i); in.wants(f) && is(in.ResourceGroupId, resource.Group(&i.Meta)) && page.HasTags(i.Tags, want) {
			all = append(all, f)
		}
	}
	key := func(f NetworkInterfaceSet) string { return *f.NetworkInterfaceId }
	slices.SortFunc(all, func(x, y NetworkInterfaceSet) int { return strings.Compare(key(x), key(y)) })
	out := &DescribeNetworkInterfacesOutput{TotalCount: new(int64(len(all)))}
	if in.MaxResults != nil || in.NextToken != nil {
		if in.MaxResults != nil { // the vendor takes the nearest number that it allows
			in.MaxResults = new(min(max(*in.MaxResults, 10), 500))
		}
		out.NetworkInterfaceSets, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 500}, text(in.VpcId)+" "+text(in.VSwitchId), key)
		return out, err
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 1000})
	out.NetworkInterfaceSets, out.PageNumber, out.PageSize = p.Items, p.Number, p.Size
	return out, err
}

// wants tells whether the filters of a request let an interface through.
func (in *DescribeNetworkInterfacesInput) wants(f NetworkInterfaceSet) bool {
	anyOf := func(want []string, have ...string) bool {
		return len(want) == 0 || slices.ContainsFunc(have, func(h string) bool { return slices.Contains(want, h) })
	}
	addrs := each(f.PrivateIpSets, func(p DescribeNetworkInterfacesNetworkInterfaceSetPrivateIpSet) string { return *p.PrivateIpAddress })
	addrs6 := each(f.Ipv6Sets, func(s Ipv6Set) string { return *s.Ipv6Address })
	return is(in.InstanceId, *f.InstanceId) && is(in.NetworkInterfaceName, *f.NetworkInterfaceName) && is(in.PrimaryIpAddress, text(f.PrivateIpAddress)) &&
		is(in.Status, *f.Status) && is(in.Type, *f.Type) && is(in.VSwitchId, *f.VSwitchId) && is(in.VpcId, *f.VpcId) &&
		(in.ServiceManaged == nil || *in.ServiceManaged == *f.ServiceManaged) && (text(in.SecurityGroupId) == "" || slices.Contains(f.SecurityGroupIds, *in.SecurityGroupId)) &&
		page.Has(in.NetworkInterfaceId, *f.NetworkInterfaceId) && anyOf(in.PrivateIpAddress, addrs...) && anyOf(in.Ipv6Address, addrs6...)
}

func (a *api) describeNetworkInterfaceAttribute(ctx context.Context, in *DescribeNetworkInterfaceAttributeInput) (*DescribeNetworkInterfaceAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{"Attribute": text(in.Attribute) != ""}); err != nil {
		return nil, err
	}
	i, err := a.netif(ctx, *in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	f := a.interfaceFacts(i)
	out := &DescribeNetworkInterfaceAttributeOutput{
		NetworkInterfaceId: f.NetworkInterfaceId, NetworkInterfaceName: f.NetworkInterfaceName, Description: f.Description, Status: f.Status, Type: f.Type, MacAddress: f.MacAddress,
		OwnerId: f.OwnerId, VpcId: f.VpcId, VSwitchId: f.VSwitchId, ZoneId: f.ZoneId, InstanceId: f.InstanceId, CreationTime: f.CreationTime, PrivateIpAddress: f.PrivateIpAddress,
		AssociatedPublicIp: f.AssociatedPublicIp, Ipv6Sets: f.Ipv6Sets, SecurityGroupIds: f.SecurityGroupIds, ResourceGroupId: f.ResourceGroupId, ServiceManaged: f.ServiceManaged,
		SourceDestCheck: f.SourceDestCheck, Tags: f.Tags, DeleteOnRelease: f.DeleteOnRelease, NetworkInterfaceTrafficMode: f.NetworkInterfaceTrafficMode,
		PrivateIpSets: each(f.PrivateIpSets, func(p DescribeNetworkInterfacesNetworkInterfaceSetPrivateIpSet) DescribeNetworkInterfaceAttributePrivateIpSet {
			return DescribeNetworkInterfaceAttributePrivateIpSet{AssociatedPublicIp: p.AssociatedPublicIp, Primary: p.Primary, PrivateIpAddress: p.PrivateIpAddress}
		}),
	}
	if t := f.Attachment; t != nil {
		out.Attachment = &DescribeNetworkInterfaceAttributeAttachment{InstanceId: t.InstanceId, DeviceIndex: t.DeviceIndex, NetworkCardIndex: t.NetworkCardIndex}
	}
	return out, nil
}
