package ecs

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// minutes writes a time as answers about instances do.
func minutes(t time.Time) *string { return new(t.UTC().Format("2006-01-02T15:04Z")) }

// never is when instances that are paid by use expire.
const never = "2099-12-31T15:59Z"

// instanceFacts are what the API says of an instance.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeinstances
func (a *api) instanceFacts(i *cloud.Instance) DescribeInstancesInstance {
	out := DescribeInstancesInstance{
		InstanceId: new(string(i.ID)), InstanceName: new(i.Attrs[resource.AttrName]), Description: new(i.Attrs[resource.AttrDescription]), Status: new(states[i.Phase]),
		ImageId: new(i.Attrs[attrImage]), InstanceType: &i.Type, InstanceTypeFamily: new(family(i.Type)), Cpu: new(int64(i.CPUs)), Memory: new(int64(i.MemoryMiB)),
		RegionId: &i.Region, ResourceGroupId: new(resource.Group(&i.Meta)), Tags: tagList(i.Tags), CreationTime: minutes(i.Created), StartTime: minutes(i.Launched), ExpiredTime: new(never),
		InstanceChargeType: new("PostPaid"), InternetChargeType: new("PayByTraffic"), InstanceNetworkType: new("vpc"), SpotStrategy: new("NoSpot"), IoOptimized: new(true),
		OSType: new("linux"), OSName: new(osName), OSNameEn: new(osName), DeletionProtection: &i.KeepAPI, HostName: new(""), KeyPairName: new(""), StoppedMode: new("Not-applicable"),
		SerialNumber: new(serial(i.ID)), VlanId: new(""), ClusterId: new(""), InternetMaxBandwidthIn: new(int64(0)), InternetMaxBandwidthOut: new(int64(0)), DeviceAvailable: new(true),
		InnerIpAddress: []string{}, PublicIpAddress: []string{}, RdmaIpAddress: []string{}, OperationLocks: []DescribeInstancesInstanceLockReason{},
		EipAddress: &DescribeInstancesInstanceEipAddress{AllocationId: new(""), IpAddress: new(""), InternetChargeType: new("")}, MetadataOptions: metadataFacts(i.Metadata),
		VpcAttributes: &VpcAttributes{VpcId: new(string(i.VPC)), VSwitchId: new(string(i.Subnet)), NatIpAddress: new(""), PrivateIpAddress: []string{}},
	}
	if i.Phase == cloud.Stopped {
		out.StoppedMode = new("KeepCharging")
	}
	if s, ok := cloud.Subnets.Get(a.control.View(), i.Subnet); ok {
		out.ZoneId = &s.Zone
	}
	if eni, ok := cloud.Interfaces.Get(a.control.View(), i.Interface); ok {
		a.placed(eni, &out)
	}
	return out
}

// serial is an instance's serial number, which follows from its ID.
func serial(id cloud.InstanceID) string {
	return strings.TrimPrefix(string(id), "i-")
}

// placed shows what an instance has by its interface.
func (a *api) placed(eni *cloud.Interface, out *DescribeInstancesInstance) {
	f := a.interfaceFacts(eni)
	out.SecurityGroupIds, out.VpcAttributes.PrivateIpAddress = f.SecurityGroupIds, each(eni.Addrs, netip.Addr.String)[:min(1, len(eni.Addrs))]
	switch p := f.AssociatedPublicIp; {
	case p.AllocationId != nil:
		out.EipAddress.AllocationId, out.EipAddress.IpAddress, out.EipAddress.InternetChargeType = p.AllocationId, p.PublicIpAddress, new("PayByTraffic")
		out.EipAddress.IsSupportUnassociate = new(true)
	case p.PublicIpAddress != nil:
		out.PublicIpAddress = []string{*p.PublicIpAddress}
	}
	out.NetworkInterfaces = []NetworkInterface{{
		NetworkInterfaceId: f.NetworkInterfaceId, MacAddress: f.MacAddress, PrimaryIpAddress: f.PrivateIpAddress, Type: f.Type, Ipv6Sets: f.Ipv6Sets,
		PrivateIpSets: each(f.PrivateIpSets, func(p DescribeNetworkInterfacesNetworkInterfaceSetPrivateIpSet) DescribeInstancesInstanceNetworkInterfacePrivateIpSet {
			return DescribeInstancesInstanceNetworkInterfacePrivateIpSet{Primary: p.Primary, PrivateIpAddress: p.PrivateIpAddress}
		}),
	}}
}

func metadataFacts(m cloud.MetadataOptions) *MetadataOptions {
	out := &MetadataOptions{HttpEndpoint: new("enabled"), HttpTokens: new("required")}
	if m.Off {
		out.HttpEndpoint = new("disabled")
	}
	if m.TokensOptional {
		out.HttpTokens = new("optional")
	}
	return out
}

// shownInstances are the caller's instances that are not released, by ID.
func (a *api) shownInstances(ctx context.Context) []DescribeInstancesInstance {
	all := []DescribeInstancesInstance{}
	for i := range cloud.Instances.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if i.Phase != cloud.Terminated {
			all = append(all, a.instanceFacts(i))
		}
	}
	slices.SortFunc(all, func(x, y DescribeInstancesInstance) int { return strings.Compare(*x.InstanceId, *y.InstanceId) })
	return all
}

func (a *api) describeInstances(ctx context.Context, in *DescribeInstancesInput) (*DescribeInstancesOutput, error) {
	if err := resource.Refuse(map[string]bool{"Filter": len(in.Filter) > 0}); err != nil {
		return nil, err
	}
	lets, err := in.wants()
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(a.shownInstances(ctx), func(i DescribeInstancesInstance) bool { return !lets(i) })
	out := &DescribeInstancesOutput{TotalCount: new(int64(len(all)))}
	if in.MaxResults != nil || in.NextToken != nil {
		question := strings.Join([]string{text(in.InstanceIds), text(in.VpcId), text(in.Status)}, " ")
		out.Instances, out.NextToken, err = page.ByToken(ctx, all, in.MaxResults, in.NextToken, page.Sizes{Default: 10, Max: 100}, question, func(i DescribeInstancesInstance) string { return *i.InstanceId })
		return out, err
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 100})
	out.Instances, out.PageNumber, out.PageSize = p.Items, p.Number, p.Size
	return out, err
}

// wants is the test that the filters of a request make.
func (in *DescribeInstancesInput) wants() (func(DescribeInstancesInstance) bool, error) {
	var lists [5][]string
	for k, p := range []struct {
		name string
		json *string
	}{{"InstanceIds", in.InstanceIds}, {"PrivateIpAddresses", in.PrivateIpAddresses}, {"PublicIpAddresses", in.PublicIpAddresses}, {"EipAddresses", in.EipAddresses}, {"InnerIpAddresses", in.InnerIpAddresses}} {
		var err error
		if lists[k], err = list(p.name, p.json); err != nil {
			return nil, err
		}
	}
	tagged, err := tags(in.Tag)
	if err != nil {
		return nil, err
	}
	anyOf := func(want []string, have ...string) bool {
		return len(want) == 0 || slices.ContainsFunc(have, func(h string) bool { return slices.Contains(want, h) })
	}
	return func(i DescribeInstancesInstance) bool {
		own := map[string]string{}
		for _, t := range i.Tags {
			own[*t.TagKey] = *t.TagValue
		}
		var addrs6 []string
		for _, n := range i.NetworkInterfaces {
			addrs6 = append(addrs6, each(n.Ipv6Sets, func(s Ipv6Set) string { return *s.Ipv6Address })...)
		}
		return anyOf(lists[0], *i.InstanceId) && anyOf(lists[1], i.VpcAttributes.PrivateIpAddress...) && anyOf(lists[2], i.PublicIpAddress...) && anyOf(lists[3], *i.EipAddress.IpAddress) &&
			len(lists[4]) == 0 && anyOf(in.Ipv6Address, addrs6...) && page.HasTags(own, tagged) && likes(in.InstanceName, *i.InstanceName) &&
			is(in.ImageId, *i.ImageId) && is(in.InstanceType, *i.InstanceType) && is(in.InstanceTypeFamily, *i.InstanceTypeFamily) && is(in.Status, *i.Status) && is(in.ZoneId, text(i.ZoneId)) &&
			is(in.VpcId, *i.VpcAttributes.VpcId) && is(in.VSwitchId, *i.VpcAttributes.VSwitchId) && is(in.ResourceGroupId, *i.ResourceGroupId) && is(in.InstanceChargeType, *i.InstanceChargeType) &&
			is(in.InternetChargeType, *i.InternetChargeType) && is(in.InstanceNetworkType, *i.InstanceNetworkType) && is(in.KeyPairName, *i.KeyPairName) && text(in.LockReason) == "" &&
			(text(in.SecurityGroupId) == "" || slices.Contains(i.SecurityGroupIds, *in.SecurityGroupId)) && is(in.HttpEndpoint, *i.MetadataOptions.HttpEndpoint) && is(in.HttpTokens, *i.MetadataOptions.HttpTokens)
	}, nil
}

// likes is is for a name with "*" for any characters.
func likes(filter *string, have string) bool {
	parts := strings.Split(text(filter), "*")
	if len(parts) == 1 {
		return is(filter, have)
	}
	have, ok := strings.CutPrefix(have, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(have, p)
		if !found {
			return false
		}
		have = rest
	}
	return strings.HasSuffix(have, parts[len(parts)-1])
}

func (a *api) describeInstanceStatus(ctx context.Context, in *DescribeInstanceStatusInput) (*DescribeInstanceStatusOutput, error) {
	all := []InstanceStatus{}
	for _, i := range a.shownInstances(ctx) {
		if page.Has(in.InstanceId, *i.InstanceId) && is(in.ZoneId, text(i.ZoneId)) && is(in.ClusterId, *i.ClusterId) {
			all = append(all, InstanceStatus{InstanceId: i.InstanceId, Status: i.Status})
		}
	}
	p, err := page.ByNumber(all, in.PageNumber, in.PageSize, page.Sizes{Default: 10, Max: 50})
	return &DescribeInstanceStatusOutput{InstanceStatuses: p.Items, PageNumber: p.Number, PageSize: p.Size, TotalCount: p.Total}, err
}

func (a *api) describeInstanceAttribute(ctx context.Context, in *DescribeInstanceAttributeInput) (*DescribeInstanceAttributeOutput, error) {
	i, err := a.instance(ctx, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	f := a.instanceFacts(i)
	return &DescribeInstanceAttributeOutput{
		InstanceId: f.InstanceId, InstanceName: f.InstanceName, Description: f.Description, Status: f.Status, ImageId: f.ImageId, InstanceType: f.InstanceType, Cpu: f.Cpu, Memory: f.Memory,
		RegionId: f.RegionId, ZoneId: f.ZoneId, CreationTime: resource.Time(i.Created), ExpiredTime: f.ExpiredTime, InstanceChargeType: f.InstanceChargeType, InternetChargeType: f.InternetChargeType,
		InstanceNetworkType: f.InstanceNetworkType, IoOptimized: new("optimized"), HostName: f.HostName, SerialNumber: f.SerialNumber, StoppedMode: f.StoppedMode, VlanId: f.VlanId, ClusterId: f.ClusterId,
		InnerIpAddress: f.InnerIpAddress, PublicIpAddress: f.PublicIpAddress, SecurityGroupIds: f.SecurityGroupIds, VpcAttributes: f.VpcAttributes, OperationLocks: []LockReason{},
		InternetMaxBandwidthIn: f.InternetMaxBandwidthIn, InternetMaxBandwidthOut: f.InternetMaxBandwidthOut,
		EipAddress: &EipAddress{AllocationId: f.EipAddress.AllocationId, IpAddress: f.EipAddress.IpAddress, InternetChargeType: f.EipAddress.InternetChargeType},
	}, nil
}
