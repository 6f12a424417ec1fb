package elbv2

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// hostedZone is where Amazon keeps the names of network load balancers.
const hostedZone = "Z26RNL4JYFTOTI"

func (a *api) balancerShape(v cloud.View) func(*cloud.LoadBalancer) LoadBalancer {
	return func(b *cloud.LoadBalancer) LoadBalancer {
		out := LoadBalancer{
			LoadBalancerArn: new(balancerARN(b)), LoadBalancerName: &b.Name, DNSName: &b.Domain, CanonicalHostedZoneId: new(hostedZone),
			CreatedTime: &b.Created, Scheme: LoadBalancerSchemeEnumInternal, Type: LoadBalancerTypeEnumNetwork, IpAddressType: IpAddressTypeIpv4,
			State: &LoadBalancerState{Code: LoadBalancerStateEnumActive}, VpcId: new(string(b.VPC)), EnablePrefixForIpv6SourceNat: "off",
		}
		if b.Public {
			out.Scheme = LoadBalancerSchemeEnumInternetFacing
		}
		for _, g := range b.Groups {
			out.SecurityGroups = append(out.SecurityGroups, string(g))
		}
		if !b.Open {
			out.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = new(map[bool]string{true: "on", false: "off"}[b.PrivateIn])
		}
		out.AvailabilityZones = zones(v, b)
		return out
	}
}

func zones(v cloud.View, b *cloud.LoadBalancer) (out []AvailabilityZone) {
	for n, id := range b.Subnets {
		z := AvailabilityZone{SubnetId: new(string(id)), LoadBalancerAddresses: []LoadBalancerAddress{}}
		if s, ok := cloud.Subnets.Get(v, id); ok {
			z.ZoneName = &s.Zone
		}
		for e := range cloud.ElasticIPs.By(v, "interface", string(b.Interfaces[n])) {
			z.LoadBalancerAddresses = append(z.LoadBalancerAddresses, LoadBalancerAddress{AllocationId: new(string(e.ID)), IpAddress: new(e.Addr.String())})
		}
		out = append(out, z)
	}
	return out
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`)

// createLoadBalancer makes a network load balancer.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
func (a *api) createLoadBalancer(ctx context.Context, in *CreateLoadBalancerInput) (*CreateLoadBalancerOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Type == "" || in.Type == LoadBalancerTypeEnumApplication:
		return nil, a.unsupported("An application load balancer")
	case in.Type == LoadBalancerTypeEnumGateway:
		return nil, a.unsupported("A Gateway Load Balancer")
	case in.IpAddressType != "" && in.IpAddressType != IpAddressTypeIpv4:
		return nil, a.unsupported("A load balancer with IPv6 addresses")
	case in.CustomerOwnedIpv4Pool != nil, in.IpamPools != nil, in.EnablePrefixForIpv6SourceNat == "on":
		return nil, a.unsupported("An address pool of a load balancer")
	case !goodName.MatchString(*in.Name):
		return nil, invalid("The load balancer name '" + *in.Name + "' can have at most 32 characters, letters, digits and hyphens, and cannot begin or end with a hyphen")
	case strings.HasPrefix(*in.Name, "internal-"):
		return nil, invalid("The load balancer name '" + *in.Name + "' cannot begin with 'internal-'")
	}
	c := control.CreateLoadBalancer{
		Name: *in.Name, Domain: "elb." + who.Region + ".amazonaws.com", Public: in.Scheme != LoadBalancerSchemeEnumInternal,
	}
	if c.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	if c.Subnets, err = a.subnets(in.Subnets, in.SubnetMappings); err != nil {
		return nil, err
	}
	for _, g := range in.SecurityGroups {
		c.Groups = append(c.Groups, cloud.SecurityGroupID(g))
	}
	b, err := a.control.CreateLoadBalancer(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := a.balancerShape(a.control.View())(b)
	out.State.Code = LoadBalancerStateEnumProvisioning // as the vendor's answer has it; Describe says active
	return &CreateLoadBalancerOutput{LoadBalancers: []LoadBalancer{out}}, nil
}

// subnets reads the subnets of a request, which come in one of two ways.
func (a *api) subnets(plain []string, mapped []SubnetMapping) (out []control.BalancerSubnet, err error) {
	if len(plain) > 0 && len(mapped) > 0 {
		return nil, invalid("You must specify either subnets or subnet mappings, but not both")
	}
	for _, id := range plain {
		out = append(out, control.BalancerSubnet{ID: cloud.SubnetID(id)})
	}
	for _, m := range mapped {
		s := control.BalancerSubnet{ID: cloud.SubnetID(text(m.SubnetId)), Allocation: cloud.AllocationID(text(m.AllocationId))}
		if m.IPv6Address != nil || m.SourceNatIpv6Prefix != nil {
			return nil, a.unsupported("A load balancer with IPv6 addresses")
		}
		if m.PrivateIPv4Address != nil {
			if s.Addr, err = netip.ParseAddr(*m.PrivateIPv4Address); err != nil || !s.Addr.Is4() {
				return nil, invalid("The private IPv4 address '" + *m.PrivateIPv4Address + "' is not valid")
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func (a *api) describeLoadBalancers(ctx context.Context, in *DescribeLoadBalancersInput) (*DescribeLoadBalancersOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	want, err := wanted(in.LoadBalancerArns, balancerID)
	if err != nil {
		return nil, err
	}
	var all []*cloud.LoadBalancer
	for b := range cloud.LoadBalancers.By(v, "scope", cloud.Scope(who.Account, who.Region)) {
		if want.has(b.ID) && (len(in.Names) == 0 || slices.Contains(in.Names, b.Name)) {
			all = append(all, b)
		}
	}
	if len(all) < len(in.Names) || len(all) < len(want) {
		missing := append(slices.Clone(in.LoadBalancerArns), in.Names...)
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindLoadBalancer, strings.Join(missing, ", "), "", "One or more load balancers not found")
	}
	some, next, err := page(ctx, all, in.Marker, in.PageSize, func(b *cloud.LoadBalancer) string { return string(b.ID) })
	out := &DescribeLoadBalancersOutput{LoadBalancers: []LoadBalancer{}, NextMarker: next}
	for _, b := range some {
		out.LoadBalancers = append(out.LoadBalancers, a.balancerShape(v)(b))
	}
	return out, err
}

// selection is what a Describe operation asks for; empty is all.
type selection[K ~string] map[K]bool

func wanted[K ~string](arns []string, parse func(*string) (K, error)) (selection[K], error) {
	out := selection[K]{}
	for _, arn := range arns {
		id, err := parse(&arn)
		if err != nil {
			return nil, err
		}
		out[id] = true
	}
	return out, nil
}

func (s selection[K]) has(id K) bool { return len(s) == 0 || s[id] }

func (a *api) deleteLoadBalancer(ctx context.Context, in *DeleteLoadBalancerInput) (*DeleteLoadBalancerOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := balancerID(in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	return &DeleteLoadBalancerOutput{}, a.control.DeleteLoadBalancer(ctx, who, id)
}

func (a *api) setSubnets(ctx context.Context, in *SetSubnetsInput) (*SetSubnetsOutput, error) {
	subnets, err := a.subnets(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	switch {
	case in.IpAddressType != "" && in.IpAddressType != IpAddressTypeIpv4, in.EnablePrefixForIpv6SourceNat == "on":
		return nil, a.unsupported("A load balancer with IPv6 addresses")
	case len(subnets) == 0:
		return nil, invalid("At least one subnet must be specified")
	}
	b, err := a.modifyBalancer(ctx, in.LoadBalancerArn, control.ModifyLoadBalancer{Subnets: subnets})
	if err != nil {
		return nil, err
	}
	return &SetSubnetsOutput{AvailabilityZones: zones(a.control.View(), b), IpAddressType: IpAddressTypeIpv4, EnablePrefixForIpv6SourceNat: "off"}, nil
}

func (a *api) setSecurityGroups(ctx context.Context, in *SetSecurityGroupsInput) (*SetSecurityGroupsOutput, error) {
	m := control.ModifyLoadBalancer{}
	if in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic != "" {
		m.PrivateIn = new(in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic == "on")
	}
	if len(in.SecurityGroups) == 0 {
		return nil, invalid("At least one security group must be specified")
	}
	for _, g := range in.SecurityGroups {
		m.Groups = append(m.Groups, cloud.SecurityGroupID(g))
	}
	b, err := a.modifyBalancer(ctx, in.LoadBalancerArn, m)
	if err != nil {
		return nil, err
	}
	shown := a.balancerShape(a.control.View())(b)
	out := &SetSecurityGroupsOutput{SecurityGroupIds: shown.SecurityGroups}
	out.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum(text(shown.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic))
	return out, nil
}

func (a *api) setIpAddressType(ctx context.Context, in *SetIpAddressTypeInput) (*SetIpAddressTypeOutput, error) {
	if in.IpAddressType != IpAddressTypeIpv4 {
		return nil, a.unsupported("A load balancer with IPv6 addresses")
	}
	if _, err := a.modifyBalancer(ctx, in.LoadBalancerArn, control.ModifyLoadBalancer{}); err != nil {
		return nil, err
	}
	return &SetIpAddressTypeOutput{IpAddressType: IpAddressTypeIpv4}, nil
}

func (a *api) modifyBalancer(ctx context.Context, arn *string, m control.ModifyLoadBalancer) (*cloud.LoadBalancer, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	id, err := balancerID(arn)
	if err != nil {
		return nil, err
	}
	return a.control.ModifyLoadBalancer(ctx, who, id, m)
}
