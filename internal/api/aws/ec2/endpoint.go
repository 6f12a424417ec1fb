package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
const endpointAvailable State = "available"

func endpointShape(e *cloud.Endpoint) VpcEndpoint {
	out := VpcEndpoint{
		VpcEndpointId: new(string(e.ID)), VpcEndpointType: VpcEndpointTypeGateway, VpcId: new(string(e.VPC)), OwnerId: new(e.Account),
		ServiceName: new(e.Service), ServiceRegion: new(e.Region), State: endpointAvailable, PolicyDocument: new(openPolicy),
		PrivateDnsEnabled: new(false), RequesterManaged: new(false), CreationTimestamp: new(e.Created),
		Tags: shown(tagList(e.Tags)), RouteTableIds: []string{}, SubnetIds: []string{}, NetworkInterfaceIds: []string{},
		Groups: []SecurityGroupIdentifier{}, DnsEntries: []DnsEntry{},
	}
	if e.Policy != "" {
		out.PolicyDocument = new(e.Policy)
	}
	for _, t := range e.RouteTables {
		out.RouteTableIds = append(out.RouteTableIds, string(t))
	}
	return out
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
	case in.VpcEndpointType != "" && in.VpcEndpointType != VpcEndpointTypeGateway:
		return nil, a.unsupported("An endpoint of type " + string(in.VpcEndpointType))
	case in.ServiceName == nil:
		return nil, missing("serviceName")
	case in.ServiceRegion != nil && *in.ServiceRegion != who.Region:
		return nil, a.unsupported("An endpoint for another region's service")
	case len(in.SubnetIds)+len(in.SecurityGroupIds)+len(in.SubnetConfigurations) > 0:
		return nil, &wire.Error{Code: "InvalidParameter", Msg: "Subnets and security groups cannot be specified for a Gateway endpoint."}
	case yes(in.PrivateDnsEnabled):
		return nil, &wire.Error{Code: "InvalidParameter", Msg: "Private DNS can't be enabled because the service " + *in.ServiceName + " is reached through a Gateway endpoint."}
	}
	c := control.CreateEndpoint{
		VPC: cloud.VPCID(*in.VpcId), Service: *in.ServiceName, Policy: text(in.PolicyDocument), RouteTables: ids[cloud.RouteTableID](in.RouteTableIds),
	}
	if c.Labels, err = labels(cloud.KindEndpoint, in.TagSpecifications, in.ClientToken); err != nil {
		return nil, err
	}
	if err := checkPolicy(c.Policy); err != nil {
		return nil, err
	}
	e, err := a.control.CreateEndpoint(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return &CreateVpcEndpointOutput{ClientToken: in.ClientToken, VpcEndpoint: new(endpointShape(e))}, nil
}

func checkPolicy(doc string) error {
	if doc != "" && !json.Valid([]byte(doc)) {
		return &wire.Error{Code: "InvalidPolicyDocument", Msg: "The policy document is not valid JSON."}
	}
	return nil
}

func (a *api) modifyVpcEndpoint(ctx context.Context, in *ModifyVpcEndpointInput) (*ModifyVpcEndpointOutput, error) {
	who, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.AddSubnetIds)+len(in.RemoveSubnetIds)+len(in.AddSecurityGroupIds)+len(in.RemoveSecurityGroupIds)+len(in.SubnetConfigurations) > 0 {
		return nil, &wire.Error{Code: "InvalidParameter", Msg: "Subnets and security groups cannot be modified for a Gateway endpoint."}
	}
	m := control.ModifyEndpoint{Policy: in.PolicyDocument, Add: ids[cloud.RouteTableID](in.AddRouteTableIds), Remove: ids[cloud.RouteTableID](in.RemoveRouteTableIds)}
	if yes(in.ResetPolicy) {
		m.Policy = new("")
	}
	if err := checkPolicy(text(m.Policy)); err != nil {
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
	all := collect(a.control.View(), cloud.Endpoints, cloud.Scope(who.Account, who.Region), endpointShape)
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
	id: func(s ServiceDetail) *string { return s.ServiceName },
	fields: wire.Fields[ServiceDetail]{
		"service-name":   func(s ServiceDetail) []string { return fact(s.ServiceName) },
		"service-region": func(s ServiceDetail) []string { return fact(s.ServiceRegion) },
		"owner":          func(s ServiceDetail) []string { return fact(s.Owner) },
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
	var zones, zoneIDs []string
	for _, z := range region.Zones {
		zones, zoneIDs = append(zones, z.Name), append(zoneIDs, z.ID)
	}
	var all []ServiceDetail
	for l := range cloud.PrefixLists.By(a.control.View(), "scope", cloud.Scope("", who.Region)) {
		sum := sha256.Sum256([]byte("service " + l.Name))
		service := l.Name[strings.LastIndex(l.Name, ".")+1:]
		if len(in.ServiceNames) > 0 && !slices.Contains(in.ServiceNames, l.Name) {
			continue
		}
		all = append(all, ServiceDetail{
			ServiceName: new(l.Name), ServiceId: new("vpce-svc-0" + hex.EncodeToString(sum[:8])), ServiceRegion: new(who.Region), Owner: new("amazon"),
			ServiceType: []ServiceTypeDetail{{ServiceType: ServiceTypeGateway}}, AvailabilityZones: zones, AvailabilityZoneIds: zoneIDs,
			BaseEndpointDnsNames: []string{service + "." + who.Region + ".amazonaws.com"},
			AcceptanceRequired:   new(false), ManagesVpcEndpoints: new(false), VpcEndpointPolicySupported: new(true),
		})
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
	return out, err
}
