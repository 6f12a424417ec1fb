package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// openPolicy is what an endpoint without a policy of its own shows.
const openPolicy = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// gatewayBlocks are where a gateway endpoint's services answer on the lab's internet.
var gatewayBlocks = map[string]netip.Prefix{
	"s3":       netip.MustParsePrefix("198.51.100.128/28"),
	"dynamodb": netip.MustParsePrefix("198.51.100.144/28"),
}

// gatewayList is Amazon's prefix list of a service in a region.
func gatewayList(region, service string) cloud.PrefixList {
	name := "com.amazonaws." + region + "." + service
	sum := sha256.Sum256([]byte(name))
	return cloud.PrefixList{
		ID: cloud.PrefixListID("pl-" + hex.EncodeToString(sum[:4])), Name: name,
		Entries: []cloud.PrefixListEntry{{Prefix: gatewayBlocks[service]}},
	}
}

// endpointAvailable is the state as Amazon writes it; the model has a capital.
const (
	endpointAvailable State = "available"
	endpointPending   State = "pending"
)

func (a *api) endpointShape(v cloud.View) func(*cloud.Endpoint) VpcEndpoint {
	return func(e *cloud.Endpoint) VpcEndpoint {
		out := VpcEndpoint{
			VpcEndpointId: new(string(e.ID)), VpcEndpointType: VpcEndpointTypeGateway, VpcId: new(string(e.VPC)), OwnerId: new(e.Account),
			ServiceName: new(e.Service), ServiceRegion: new(e.Region), State: consentState(e), PolicyDocument: new(openPolicy),
			PrivateDnsEnabled: new(false), RequesterManaged: new(false), CreationTimestamp: new(e.Created),
			Tags: shown(tagList(e.Tags)), RouteTableIds: []string{}, SubnetIds: []string{}, NetworkInterfaceIds: []string{},
			Groups: []SecurityGroupIdentifier{}, DnsEntries: []DnsEntry{},
		}
		if e.Policy != "" && e.Provider == "" {
			out.PolicyDocument = new(e.Policy)
		}
		for _, t := range e.RouteTables {
			out.RouteTableIds = append(out.RouteTableIds, string(t))
		}
		if !e.Gateway {
			interfaceEndpointShape(v, e, &out)
			if e.Open() && control.EndpointPending(e, a.control.Now()) {
				out.State = endpointPending
			}
		}
		return out
	}
}

var endpointListing = listing[VpcEndpoint]{
	kind: cloud.KindEndpoint, param: "vpcEndpointIds",
	id:   func(e VpcEndpoint) *string { return e.VpcEndpointId },
	tags: func(e VpcEndpoint) []Tag { return e.Tags },
	fields: wire.Fields[VpcEndpoint]{
		"vpc-endpoint-id":    func(e VpcEndpoint) []string { return fact(e.VpcEndpointId) },
		"vpc-endpoint-type":  func(e VpcEndpoint) []string { return fact(&e.VpcEndpointType) },
		"vpc-endpoint-state": func(e VpcEndpoint) []string { return fact(&e.State) },
		"vpc-id":             func(e VpcEndpoint) []string { return fact(e.VpcId) },
		"service-name":       func(e VpcEndpoint) []string { return fact(e.ServiceName) },
		"service-region":     func(e VpcEndpoint) []string { return fact(e.ServiceRegion) },
		"ip-address-type":    func(e VpcEndpoint) []string { return fact(&e.IpAddressType) },
	},
}

func (a *api) createVpcEndpoint(ctx context.Context, in *CreateVpcEndpointInput) (*CreateVpcEndpointOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case in.ServiceName == nil:
		return nil, missing("serviceName")
	case in.ServiceRegion != nil && *in.ServiceRegion != who.Region:
		return nil, a.unsupported("An endpoint for another region's service")
	case in.VpcEndpointType == VpcEndpointTypeInterface:
		return a.createInterfaceEndpoint(ctx, who, in)
	case in.VpcEndpointType != "" && in.VpcEndpointType != VpcEndpointTypeGateway:
		return nil, a.unsupported("An endpoint of type " + string(in.VpcEndpointType))
	case len(in.SubnetIds)+len(in.SecurityGroupIds)+len(in.SubnetConfigurations) > 0:
		return nil, parameter("Subnets and security groups cannot be specified for a Gateway endpoint.")
	case yes(in.PrivateDnsEnabled):
		return nil, parameter("Private DNS can't be enabled because the service " + *in.ServiceName + " is reached through a Gateway endpoint.")
	}
	name := strings.TrimSpace(*in.ServiceName)
	service, ok := findEndpointService(who.Region, name, ServiceTypeGateway)
	if !ok {
		return nil, a.noSuchService(who.Region, name, "Gateway")
	}
	c := control.CreateEndpoint{
		VPC: cloud.VPCID(*in.VpcId), Service: name, API: service.api, Policy: text(in.PolicyDocument), RouteTables: ids[cloud.RouteTableID](in.RouteTableIds),
	}
	if c.Labels, err = labels(cloud.KindEndpoint, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	e, err := a.control.CreateEndpoint(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return &CreateVpcEndpointOutput{ClientToken: in.ClientToken, VpcEndpoint: new(a.endpointShape(a.control.View())(e))}, nil
}

func parameter(msg string) *wire.Error { return &wire.Error{Code: "InvalidParameter", Msg: msg} }

func (a *api) modifyVpcEndpoint(ctx context.Context, in *ModifyVpcEndpointInput) (*ModifyVpcEndpointOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	m := control.ModifyEndpoint{
		Policy: in.PolicyDocument, Add: ids[cloud.RouteTableID](in.AddRouteTableIds), Remove: ids[cloud.RouteTableID](in.RemoveRouteTableIds),
		RemoveSubnets: ids[cloud.SubnetID](in.RemoveSubnetIds), AddGroups: ids[cloud.SecurityGroupID](in.AddSecurityGroupIds),
		RemoveGroups: ids[cloud.SecurityGroupID](in.RemoveSecurityGroupIds), PrivateDNS: in.PrivateDnsEnabled,
	}
	if yes(in.ResetPolicy) {
		m.Policy = new("")
	}
	if m.AddSubnets, err = endpointSubnets(in.AddSubnetIds, in.SubnetConfigurations); err != nil {
		return nil, err
	}
	if err := a.checkAddressType(in.IpAddressType, in.DnsOptions); err != nil {
		return nil, err
	}
	if err := a.control.ModifyEndpoint(ctx, who, cloud.EndpointID(*in.VpcEndpointId), m); err != nil {
		return nil, err
	}
	return &ModifyVpcEndpointOutput{Return: new(true)}, nil
}

func (a *api) describeVpcEndpoints(ctx context.Context, in *DescribeVpcEndpointsInput) (*DescribeVpcEndpointsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	all := collect(a.control.View(), cloud.Endpoints, cloud.Scope(who.Account, who.Region), a.endpointShape(a.control.View()))
	out := &DescribeVpcEndpointsOutput{}
	out.VpcEndpoints, out.NextToken, err = endpointListing.answer(ctx, all, question{in.VpcEndpointIds, in.Filters, in.MaxResults, in.NextToken})
	return out, err
}

// deleteVpcEndpoints deletes what it can and lists the rest.
func (a *api) deleteVpcEndpoints(ctx context.Context, in *DeleteVpcEndpointsInput) (*DeleteVpcEndpointsOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	out := &DeleteVpcEndpointsOutput{}
	for _, id := range in.VpcEndpointIds {
		err := a.control.DeleteEndpoint(ctx, who, cloud.EndpointID(id))
		var e *cloud.Error
		if err != nil && !errors.As(err, &e) {
			return nil, err
		}
		if e != nil {
			w := mapError(e)
			out.Unsuccessful = append(out.Unsuccessful, UnsuccessfulItem{ResourceId: new(id), Error: &UnsuccessfulItemError{Code: new(w.Code), Message: new(w.Msg)}})
		}
	}
	return out, nil
}

var endpointServiceListing = listing[ServiceDetail]{
	id:   func(s ServiceDetail) *string { return s.ServiceId }, // S3 has its name twice
	tags: func(s ServiceDetail) []Tag { return s.Tags },
	fields: wire.Fields[ServiceDetail]{
		"service-name":   func(s ServiceDetail) []string { return fact(s.ServiceName) },
		"service-region": func(s ServiceDetail) []string { return fact(s.ServiceRegion) },
		"owner":          func(s ServiceDetail) []string { return fact(s.Owner) },

		"supported-ip-address-types": func(s ServiceDetail) []string { return texts(s.SupportedIpAddressTypes) },
		"service-type": func(s ServiceDetail) []string {
			return facts(s.ServiceType, func(t ServiceTypeDetail) []string { return fact(&t.ServiceType) })
		},
	},
}

func (a *api) describeVpcEndpointServices(ctx context.Context, in *DescribeVpcEndpointServicesInput) (*DescribeVpcEndpointServicesOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	region, _ := a.control.Region(who.Region)
	var all []ServiceDetail
	for _, s := range endpointServices(who.Region) {
		if len(in.ServiceNames) == 0 || slices.Contains(in.ServiceNames, s.name) {
			all = append(all, serviceShape(s, region))
		}
	}
	v := a.control.View()
	for s := range control.EndpointServicesFor(v, who, callerNames(who)) {
		if len(in.ServiceNames) == 0 || slices.Contains(in.ServiceNames, s.Name) {
			all = append(all, a.offeredShape(v, s))
		}
	}
	for _, name := range in.ServiceNames {
		if !slices.ContainsFunc(all, func(s ServiceDetail) bool { return *s.ServiceName == name }) {
			return nil, &wire.Error{Code: "InvalidServiceName", Msg: "The Vpc Endpoint Service '" + name + "' does not exist"}
		}
	}
	out := &DescribeVpcEndpointServicesOutput{}
	out.ServiceDetails, out.NextToken, err = endpointServiceListing.answer(ctx, all, question{filters: in.Filters, max: in.MaxResults, token: in.NextToken})
	for _, s := range out.ServiceDetails {
		out.ServiceNames = append(out.ServiceNames, *s.ServiceName)
	}
	out.ServiceNames = slices.Compact(out.ServiceNames)
	return out, err
}
