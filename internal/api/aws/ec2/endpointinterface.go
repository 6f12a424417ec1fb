package ec2

import (
	"context"
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// createInterfaceEndpoint makes an endpoint of type Interface.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html
func (a *api) createInterfaceEndpoint(ctx context.Context, who control.Caller, in *CreateVpcEndpointInput) (*CreateVpcEndpointOutput, error) {
	if len(in.RouteTableIds) > 0 {
		return nil, parameter("Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	// The vendor's page shows its command on one line with what continued it: the name then begins with a blank.
	name := strings.TrimSpace(*in.ServiceName)
	if err := a.checkAddressType(in.IpAddressType, in.DnsOptions); err != nil {
		return nil, err
	}
	c, err := a.interfaceService(who, in, name)
	if err != nil {
		return nil, err
	}
	if c.Labels, err = labels(cloud.KindEndpoint, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	if c.Subnets, err = endpointSubnets(in.SubnetIds, in.SubnetConfigurations); err != nil {
		return nil, err
	}
	e, err := a.control.CreateInterfaceEndpoint(ctx, who, c)
	if err != nil {
		return nil, err
	}
	out := a.endpointShape(a.control.View())(e)
	if e.Open() {
		out.State = endpointPending
	}
	return &CreateVpcEndpointOutput{ClientToken: in.ClientToken, VpcEndpoint: &out}, nil
}

// interfaceService finds the service of an interface endpoint: Amazon's, or one of users' own.
func (a *api) interfaceService(who control.Caller, in *CreateVpcEndpointInput, name string) (c control.CreateInterfaceEndpoint, err error) {
	if ok, err := a.ownService(who, in, name, &c); ok || err != nil {
		return c, err
	}
	service, ok := findEndpointService(who.Region, name, ServiceTypeInterface)
	if !ok {
		return c, a.noSuchService(who.Region, name, "Interface")
	}
	return control.CreateInterfaceEndpoint{
		VPC: cloud.VPCID(*in.VpcId), Service: service.name, API: service.api, Domain: service.domain(who.Region), Wildcard: service.wildcard,
		PrivateNames: service.privateNames, PrivateDNS: in.PrivateDnsEnabled == nil || *in.PrivateDnsEnabled,
		DualStack: in.IpAddressType == IpAddressTypeDualstack, Policy: text(in.PolicyDocument), Groups: ids[cloud.SecurityGroupID](in.SecurityGroupIds),
	}, nil
}

// noSuchService tells a service that has no endpoints of this type from one that does not exist.
func (a *api) noSuchService(region, name, kind string) error {
	for _, s := range endpointServices(region) {
		if s.name == name {
			return parameter("The VPC endpoint type " + kind + " is not supported by the service " + name + ".")
		}
	}
	return mapError(cloud.Errorf(cloud.Invalid, cloud.KindEndpoint, name, "service", "The Vpc Endpoint Service '%s' does not exist", name))
}

// checkAddressType accepts the kinds of address that Weir's endpoints have.
func (a *api) checkAddressType(t IpAddressType, o *DnsOptionsSpecification) error {
	switch {
	case t == IpAddressTypeIpv6:
		return a.unsupported("An endpoint with IPv6 addresses alone")
	case o == nil:
	case o.DnsRecordIpType != "" && o.DnsRecordIpType != DnsRecordIpTypeServiceDefined && string(o.DnsRecordIpType) != string(t):
		return a.unsupported("DNS records of another kind than the endpoint's addresses")
	case yes(o.PrivateDnsOnlyForInboundResolverEndpoint), len(o.PrivateDnsSpecifiedDomains) > 0:
		return a.unsupported("Private DNS for some resolvers or domains only")
	}
	return nil
}

// endpointSubnets joins the subnets of a request with the addresses that it asks for in them.
func endpointSubnets(list []string, configured []SubnetConfiguration) ([]control.EndpointSubnet, error) {
	var out []control.EndpointSubnet
	for _, id := range list {
		out = append(out, control.EndpointSubnet{ID: cloud.SubnetID(id)})
	}
	for _, c := range configured {
		s := control.EndpointSubnet{ID: cloud.SubnetID(text(c.SubnetId))}
		var err error
		if s.Addr, err = address("subnetConfiguration.ipv4", c.Ipv4, false); err != nil {
			return nil, err
		}
		if s.Addr6, err = address("subnetConfiguration.ipv6", c.Ipv6, true); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(o control.EndpointSubnet) bool { return o.ID == s.ID })
		if i < 0 {
			return nil, parameter("The subnet " + string(s.ID) + " has a configuration but is not among the subnets of the request.")
		}
		out[i] = s
	}
	return out, nil
}

// interfaceEndpointShape shows what interface endpoints have beyond gateway endpoints.
func interfaceEndpointShape(v cloud.View, e *cloud.Endpoint, out *VpcEndpoint) {
	out.VpcEndpointType, out.IpAddressType, out.PrivateDnsEnabled = VpcEndpointTypeInterface, IpAddressTypeIpv4, new(e.PrivateDNS)
	out.DnsOptions = &DnsOptions{DnsRecordIpType: DnsRecordIpTypeIpv4}
	if e.DualStack {
		out.IpAddressType, out.DnsOptions.DnsRecordIpType = IpAddressTypeDualstack, DnsRecordIpTypeDualstack
	}
	out.DnsEntries = endpointNames(v, e)
	for _, id := range e.Subnets {
		out.SubnetIds = append(out.SubnetIds, string(id))
	}
	if e.PrivateDNS {
		for _, name := range e.PrivateNames {
			out.DnsEntries = append(out.DnsEntries, DnsEntry{DnsName: new(name), HostedZoneId: new(privateZone(e))})
		}
	}
	for _, id := range e.Interfaces {
		out.NetworkInterfaceIds = append(out.NetworkInterfaceIds, string(id))
	}
	for _, id := range e.Groups {
		g := SecurityGroupIdentifier{GroupId: new(string(id))}
		if r, ok := cloud.SecurityGroups.Get(v, id); ok {
			g.GroupName = new(r.Name)
		}
		out.Groups = append(out.Groups, g)
	}
}

// endpointNames are an endpoint's own names.
func endpointNames(v cloud.View, e *cloud.Endpoint) []DnsEntry {
	out := []DnsEntry{{DnsName: new(e.Name), HostedZoneId: new(endpointZone)}}
	for _, id := range e.Subnets {
		if s, ok := cloud.Subnets.Get(v, id); ok {
			out = append(out, DnsEntry{DnsName: new(e.ZoneName(s.Zone)), HostedZoneId: new(endpointZone)})
		}
	}
	return out
}

// endpointZone is Amazon's hosted zone of endpoints' own names.
const endpointZone = "Z7HUB22UULQXV"

// privateZone is the hosted zone that an endpoint's private names are in.
func privateZone(e *cloud.Endpoint) string {
	return "Z" + strings.ToUpper(strings.TrimPrefix(string(e.ID), "vpce-"))
}
