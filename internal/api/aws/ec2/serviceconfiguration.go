package ec2

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// handleEndpointServices registers what owners of endpoint services do.
func (a *api) handleEndpointServices(s *wire.Service) {
	wire.Handle(s, "CreateVpcEndpointServiceConfiguration", a.createServiceConfiguration)
	wire.Handle(s, "ModifyVpcEndpointServiceConfiguration", a.modifyServiceConfiguration)
	wire.Handle(s, "DescribeVpcEndpointServiceConfigurations", a.describeServiceConfigurations)
	wire.Handle(s, "DeleteVpcEndpointServiceConfigurations", a.deleteServiceConfigurations)
	wire.Handle(s, "ModifyVpcEndpointServicePermissions", a.modifyServicePermissions)
	wire.Handle(s, "DescribeVpcEndpointServicePermissions", a.describeServicePermissions)
	wire.Handle(s, "DescribeVpcEndpointConnections", a.describeEndpointConnections)
	wire.Handle(s, "AcceptVpcEndpointConnections", a.acceptEndpointConnections)
	wire.Handle(s, "RejectVpcEndpointConnections", a.rejectEndpointConnections)
}

// serviceDomain is what the own names of a service's endpoints end with.
func serviceDomain(s *cloud.EndpointService) string {
	return string(s.ID) + "." + s.Region + ".vpce.amazonaws.com"
}

func balancerARNs(v cloud.View, s *cloud.EndpointService) (out []string) {
	for _, id := range s.Balancers {
		if b, ok := cloud.LoadBalancers.Get(v, id); ok {
			out = append(out, access.BalancerARN(b.Region, b.Account, "loadbalancer/net/"+b.Name+"/"+string(b.ID)))
		}
	}
	return out
}

func (a *api) configurationShape(v cloud.View) func(*cloud.EndpointService) ServiceConfiguration {
	return func(s *cloud.EndpointService) ServiceConfiguration {
		out := ServiceConfiguration{
			ServiceId: new(string(s.ID)), ServiceName: &s.Name, ServiceState: ServiceStateAvailable, ServiceType: []ServiceTypeDetail{{ServiceType: ServiceTypeInterface}},
			AcceptanceRequired: &s.Acceptance, ManagesVpcEndpoints: new(false), NetworkLoadBalancerArns: balancerARNs(v, s),
			AvailabilityZones: control.EndpointServiceZones(v, s), BaseEndpointDnsNames: []string{serviceDomain(s)},
			SupportedIpAddressTypes: []ServiceConnectivityType{ServiceConnectivityTypeIpv4}, RemoteAccessEnabled: new(false), Tags: shown(tagList(s.Tags)),
		}
		for _, z := range out.AvailabilityZones {
			out.AvailabilityZoneIds = append(out.AvailabilityZoneIds, a.zoneID(s.Region, z))
		}
		if s.PrivateName != "" {
			// No registrar is there to ask: whoever runs the lab's names owns them all.
			out.PrivateDnsName = &s.PrivateName
			out.PrivateDnsNameConfiguration = &PrivateDnsNameConfiguration{State: DnsNameStateVerified, Type: new("TXT"), Name: new("_" + string(s.ID)), Value: new("vpce:" + string(s.ID))}
		}
		return out
	}
}

// balancers reads the ARNs of load balancers.
func balancers(who control.Caller, arns []string) (out []cloud.LoadBalancerID, err error) {
	for _, arn := range arns {
		id, ok := access.BalancerID(arn, who.Region, who.Account)
		if !ok {
			return nil, parameter("The load balancer ARN '" + arn + "' is not one of a Network Load Balancer in this account and region.")
		}
		out = append(out, cloud.LoadBalancerID(id))
	}
	return out, nil
}

var privateName = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)

func checkPrivateName(name *string) error {
	if name != nil && !privateName.MatchString(*name) {
		return parameter("The private DNS name '" + *name + "' is not valid.")
	}
	return nil
}

// onlyIPv4 refuses address types and regions that a service cannot have.
func (a *api) onlyIPv4(gateway, types, regions []string) error {
	switch {
	case len(gateway) > 0:
		return a.unsupported("An endpoint service of Gateway Load Balancers")
	case slices.Contains(types, "ipv6"):
		return a.unsupported("An endpoint service of IPv6 addresses")
	case slices.ContainsFunc(types, func(t string) bool { return t != "ipv4" }):
		return parameter("The supported IP address types are ipv4 and ipv6.")
	case len(regions) > 0:
		return a.unsupported("An endpoint service for other regions")
	}
	return nil
}

// createServiceConfiguration offers load balancers to endpoints.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpointServiceConfiguration.html
func (a *api) createServiceConfiguration(ctx context.Context, in *CreateVpcEndpointServiceConfigurationInput) (*CreateVpcEndpointServiceConfigurationOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.onlyIPv4(in.GatewayLoadBalancerArns, in.SupportedIpAddressTypes, in.SupportedRegions); err != nil {
		return nil, err
	}
	if err := checkPrivateName(in.PrivateDnsName); err != nil {
		return nil, err
	}
	c := control.CreateEndpointService{
		Prefix: "com.amazonaws.vpce." + who.Region + ".", Acceptance: in.AcceptanceRequired == nil || *in.AcceptanceRequired, PrivateName: text(in.PrivateDnsName),
	}
	if c.Balancers, err = balancers(who, in.NetworkLoadBalancerArns); err != nil {
		return nil, err
	}
	if c.Labels, err = labels(cloud.KindEndpointService, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	s, err := a.control.CreateEndpointService(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return &CreateVpcEndpointServiceConfigurationOutput{ClientToken: in.ClientToken, ServiceConfiguration: new(a.configurationShape(a.control.View())(s))}, nil
}

func (a *api) modifyServiceConfiguration(ctx context.Context, in *ModifyVpcEndpointServiceConfigurationInput) (*ModifyVpcEndpointServiceConfigurationOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	regions := append(slices.Clone(in.AddSupportedRegions), in.RemoveSupportedRegions...)
	if err := a.onlyIPv4(append(slices.Clone(in.AddGatewayLoadBalancerArns), in.RemoveGatewayLoadBalancerArns...), in.AddSupportedIpAddressTypes, regions); err != nil {
		return nil, err
	}
	if slices.Contains(in.RemoveSupportedIpAddressTypes, "ipv4") {
		return nil, parameter("An endpoint service must support at least one IP address type.")
	}
	if err := checkPrivateName(in.PrivateDnsName); err != nil {
		return nil, err
	}
	m := control.ModifyEndpointService{Acceptance: in.AcceptanceRequired, PrivateName: in.PrivateDnsName}
	if yes(in.RemovePrivateDnsName) {
		m.PrivateName = new("")
	}
	if m.Add, err = balancers(who, in.AddNetworkLoadBalancerArns); err != nil {
		return nil, err
	}
	if m.Remove, err = balancers(who, in.RemoveNetworkLoadBalancerArns); err != nil {
		return nil, err
	}
	if err := a.control.ModifyEndpointService(ctx, who, cloud.EndpointServiceID(*in.ServiceId), m); err != nil {
		return nil, err
	}
	return &ModifyVpcEndpointServiceConfigurationOutput{Return: new(true)}, nil
}

var configurationListing = listing[ServiceConfiguration]{
	kind: cloud.KindEndpointService, param: "serviceIds",
	id:   func(s ServiceConfiguration) *string { return s.ServiceId },
	tags: func(s ServiceConfiguration) []Tag { return s.Tags },
	fields: wire.Fields[ServiceConfiguration]{
		"service-name":  func(s ServiceConfiguration) []string { return fact(s.ServiceName) },
		"service-id":    func(s ServiceConfiguration) []string { return fact(s.ServiceId) },
		"service-state": func(s ServiceConfiguration) []string { return fact(&s.ServiceState) },
		"supported-ip-address-types": func(s ServiceConfiguration) []string {
			return facts(s.SupportedIpAddressTypes, func(t ServiceConnectivityType) []string { return fact(&t) })
		},
	},
}

func (a *api) describeServiceConfigurations(ctx context.Context, in *DescribeVpcEndpointServiceConfigurationsInput) (*DescribeVpcEndpointServiceConfigurationsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	v := a.control.View()
	all := collect(v, cloud.EndpointServices, cloud.Scope(who.Account, who.Region), a.configurationShape(v))
	out := &DescribeVpcEndpointServiceConfigurationsOutput{}
	out.ServiceConfigurations, out.NextToken, err = configurationListing.answer(ctx, all, question{in.ServiceIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// deleteServiceConfigurations deletes what it can and lists the rest.
func (a *api) deleteServiceConfigurations(ctx context.Context, in *DeleteVpcEndpointServiceConfigurationsInput) (*DeleteVpcEndpointServiceConfigurationsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	out := &DeleteVpcEndpointServiceConfigurationsOutput{}
	out.Unsuccessful, err = each(in.ServiceIds, func(id string) error {
		return a.control.DeleteEndpointService(ctx, who, cloud.EndpointServiceID(id))
	})
	for _, x := range out.Unsuccessful {
		if *x.Error.Code == absences[cloud.KindEndpointService].code {
			x.Error.Code = new("InvalidVpcEndpointService.NotFound") // of this operation alone
		}
	}
	return out, err
}

// each does something to every resource and lists those that refused.
func each(ids []string, f func(id string) error) (out []UnsuccessfulItem, _ error) {
	for _, id := range ids {
		err := f(id)
		var e *cloud.Error
		if err == nil {
			continue
		}
		if !errors.As(err, &e) {
			return nil, err
		}
		w := mapError(e)
		if w == nil {
			return nil, err
		}
		out = append(out, UnsuccessfulItem{ResourceId: new(id), Error: &UnsuccessfulItemError{Code: new(w.Code), Message: new(w.Msg)}})
	}
	return out, nil
}
