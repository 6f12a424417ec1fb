package privatelink

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) endpoints(s *wire.Service) {
	wire.Handle(s, "CreateVpcEndpoint", a.createEndpoint)
	wire.Handle(s, "GetVpcEndpointAttribute", a.getEndpoint)
	wire.Handle(s, "ListVpcEndpoints", a.listEndpoints)
	wire.Handle(s, "UpdateVpcEndpointAttribute", a.updateEndpoint)
	wire.Handle(s, "DeleteVpcEndpoint", a.deleteEndpoint)
	wire.Handle(s, "ListVpcEndpointZones", a.listZones)
	wire.Handle(s, "AddZoneToVpcEndpoint", a.addZone)
	wire.Handle(s, "RemoveZoneFromVpcEndpoint", a.removeZone)
	wire.Handle(s, "AttachSecurityGroupToVpcEndpoint", a.attachGroup)
	wire.Handle(s, "DetachSecurityGroupFromVpcEndpoint", a.detachGroup)
	wire.Handle(s, "ListVpcEndpointSecurityGroups", a.listGroups)
}

// attrBandwidth is what the service's owner gives the connection, or every new one
// of the service, in Mbit/s; it is echoed, not enforced.
const attrBandwidth = "privatelink.bandwidth"

// The bandwidth of a connection that nobody gave one.
// https://www.alibabacloud.com/help/en/privatelink/developer-reference/api-privatelink-2020-04-15-enablevpcendpointconnection
const defaultBandwidth = 3072

const nameCode, descriptionCode = "InvalidEndpointName", "InvalidEndpointDescription"

// beyond refuses what endpoints of users' own services have nothing for here.
func beyond(policy, ip *string, bandwidth *int64, affinity *bool) map[string]bool {
	return map[string]bool{
		"PolicyDocument": text(policy) != "", "AddressIpVersion": text(ip) != "" && *ip != "IPv4", "CrossRegionBandwidth": bandwidth != nil, "ZoneAffinityEnabled": yes(affinity),
	}
}

// https://www.alibabacloud.com/help/en/privatelink/developer-reference/api-privatelink-2020-04-15-createvpcendpoint
func (a *api) createEndpoint(ctx context.Context, in *CreateVpcEndpointInput) (*CreateVpcEndpointOutput, error) {
	who := resource.Caller(ctx)
	refused := beyond(in.PolicyDocument, in.AddressIpVersion, in.CrossRegionBandwidth, in.ZoneAffinityEnabled)
	refused["EndpointType"] = text(in.EndpointType) != "" && *in.EndpointType != "Interface"
	refused["ProtectedEnabled"] = yes(in.ProtectedEnabled)
	refused["ServiceRegionId"] = text(in.ServiceRegionId) != "" && *in.ServiceRegionId != who.Region
	refused["ZonePrivateIpAddressCount"] = in.ZonePrivateIpAddressCount != nil && *in.ZonePrivateIpAddressCount != 1
	refused["SystemTag"] = len(in.SystemTag) > 0
	if err := resource.Refuse(refused); err != nil {
		return nil, err
	}
	s, err := a.serviceFor(ctx, in.ServiceId, in.ServiceName)
	if err != nil {
		return nil, err
	}
	if len(in.SecurityGroupId) == 0 {
		return nil, resource.Fault("EndpointSecurityGroupRequired", "An interface endpoint needs a security group: set SecurityGroupId.1.")
	}
	tags, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	labels, err := resource.Labels(ctx, a.control, resource.Described{Name: in.EndpointName, Description: in.EndpointDescription}, in.ResourceGroupId, tags, nameCode, descriptionCode)
	if err != nil {
		return nil, err
	}
	if w := s.Attrs[attrBandwidth]; w != "" {
		labels.Attrs[attrBandwidth] = w
	}
	want := control.CreateInterfaceEndpoint{Labels: labels, VPC: cloud.VPCID(*in.VpcId), Service: s.Name, Provider: s.ID, Domain: domain(s), Plain: true, Groups: ids[cloud.SecurityGroupID](in.SecurityGroupId)}
	for _, z := range in.Zone {
		sub, err := a.subnet(z.ZoneId, z.VSwitchId, z.Ip)
		if err != nil {
			return nil, err
		}
		want.Subnets = append(want.Subnets, sub)
	}
	e, err := a.control.CreateInterfaceEndpoint(ctx, who, want)
	if err != nil {
		return nil, err
	}
	f := a.facts(e)
	return &CreateVpcEndpointOutput{
		EndpointId: f.EndpointId, EndpointName: f.EndpointName, EndpointDescription: f.EndpointDescription, EndpointDomain: f.EndpointDomain, EndpointStatus: new("Creating"),
		EndpointBusinessStatus: f.EndpointBusinessStatus, ConnectionStatus: f.ConnectionStatus, Bandwidth: f.Bandwidth, CreateTime: f.CreateTime,
		ServiceId: f.ServiceId, ServiceName: f.ServiceName, VpcId: f.VpcId,
	}, nil
}

func ids[T ~string](list []string) (out []T) {
	for _, id := range list {
		out = append(out, T(id))
	}
	return out
}

// subnet reads a vSwitch, which must be in the zone named, with an address that an endpoint shall have there.
func (a *api) subnet(zone, id, ip *string) (control.EndpointSubnet, error) {
	out := control.EndpointSubnet{ID: cloud.SubnetID(text(id))}
	if s, ok := cloud.Subnets.Get(a.control.View(), out.ID); ok && !matches(zone, s.Zone) {
		return out, resource.Fault("VSwitchZoneMismatch", "The vSwitch "+text(id)+" is in the zone "+s.Zone+".")
	}
	if text(ip) != "" {
		var err error
		if out.Addr, err = netip.ParseAddr(*ip); err != nil || !out.Addr.Is4() {
			return out, resource.Fault("InvalidParameter.ip", "The specified parameter ip is not valid.")
		}
	}
	return out, nil
}

// endpoint finds one of the caller's endpoints of users' services.
func (a *api) endpoint(ctx context.Context, id string) (*cloud.Endpoint, error) {
	e, ok := cloud.Endpoints.Get(a.control.View(), cloud.EndpointID(id))
	if !ok || e.Scope() != resource.Scope(ctx) || e.Provider == "" {
		return nil, &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindEndpoint, ID: id, Msg: "The endpoint " + id + " does not exist."}
	}
	return e, nil
}

// connection is how an endpoint stands with its service.
func (a *api) connection(e *cloud.Endpoint) string {
	if _, ok := cloud.EndpointServices.Get(a.control.View(), e.Provider); !ok {
		return "ServiceDeleted"
	}
	switch {
	case !e.Open():
		return "Disconnected"
	case control.EndpointPending(e, a.control.Now()):
		return "Connecting"
	}
	return "Connected"
}

func (a *api) facts(e *cloud.Endpoint) Endpoint {
	out := Endpoint{
		EndpointId: new(string(e.ID)), EndpointName: new(e.Attrs[resource.AttrName]), EndpointDescription: new(e.Attrs[resource.AttrDescription]), EndpointDomain: &e.Name,
		EndpointStatus: new("Active"), EndpointBusinessStatus: new("Normal"), EndpointType: new("Interface"), ConnectionStatus: new(a.connection(e)), Bandwidth: bandwidthOf(&e.Meta),
		CreateTime: resource.Time(e.Created), RegionId: &e.Region, ResourceGroupId: new(resource.Group(&e.Meta)), ResourceOwner: new(true), ServiceId: new(string(e.Provider)),
		ServiceName: &e.Service, VpcId: new(string(e.VPC)), ZoneAffinityEnabled: new(false), Tags: tagList(e.Tags),
	}
	if control.EndpointPending(e, a.control.Now()) {
		out.EndpointStatus = new("Creating")
	}
	return out
}

// bandwidthOf is the bandwidth of a connection, or of a service's new ones.
func bandwidthOf(m *cloud.Meta) *int64 {
	if n, err := strconv.ParseInt(m.Attrs[attrBandwidth], 10, 64); err == nil {
		return &n
	}
	return new(int64(defaultBandwidth))
}

func (a *api) getEndpoint(ctx context.Context, in *GetVpcEndpointAttributeInput) (*GetVpcEndpointAttributeOutput, error) {
	e, err := a.endpoint(ctx, *in.EndpointId)
	if err != nil {
		return nil, err
	}
	f := a.facts(e)
	out := &GetVpcEndpointAttributeOutput{
		EndpointId: f.EndpointId, EndpointName: f.EndpointName, EndpointDescription: f.EndpointDescription, EndpointDomain: f.EndpointDomain, EndpointStatus: f.EndpointStatus,
		EndpointBusinessStatus: f.EndpointBusinessStatus, EndpointType: f.EndpointType, ConnectionStatus: f.ConnectionStatus, Bandwidth: f.Bandwidth, CreateTime: f.CreateTime,
		RegionId: f.RegionId, ResourceGroupId: f.ResourceGroupId, ResourceOwner: f.ResourceOwner, ServiceId: f.ServiceId, ServiceName: f.ServiceName, VpcId: f.VpcId,
		ZoneAffinityEnabled: f.ZoneAffinityEnabled, ZonePrivateIpAddressCount: new(int64(1)),
	}
	if s, ok := cloud.EndpointServices.Get(a.control.View(), e.Provider); ok {
		out.Payer = new(payer(s))
	}
	return out, nil
}

func (a *api) listEndpoints(ctx context.Context, in *ListVpcEndpointsInput) (*ListVpcEndpointsOutput, error) {
	want, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	all := []Endpoint{}
	for e := range cloud.Endpoints.By(a.control.View(), "scope", resource.Scope(ctx)) {
		if e.Provider == "" || !page.HasTags(e.Tags, want) {
			continue
		}
		f := a.facts(e)
		if matches(in.EndpointId, *f.EndpointId) && matches(in.EndpointName, *f.EndpointName) && matches(in.EndpointStatus, *f.EndpointStatus) && matches(in.EndpointType, *f.EndpointType) &&
			matches(in.ConnectionStatus, *f.ConnectionStatus) && matches(in.ResourceGroupId, *f.ResourceGroupId) && matches(in.ServiceName, *f.ServiceName) && matches(in.VpcId, *f.VpcId) {
			all = append(all, f)
		}
	}
	question := fmt.Sprint(text(in.EndpointId), text(in.EndpointName), text(in.EndpointStatus), text(in.EndpointType), text(in.ConnectionStatus), text(in.ResourceGroupId), text(in.ServiceName), text(in.VpcId), want)
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, question, func(e Endpoint) string { return *e.EndpointId })
	if err != nil {
		return nil, err
	}
	return &ListVpcEndpointsOutput{Endpoints: items, NextToken: next, MaxResults: size(in.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

func (a *api) updateEndpoint(ctx context.Context, in *UpdateVpcEndpointAttributeInput) (*UpdateVpcEndpointAttributeOutput, error) {
	if err := resource.Refuse(beyond(in.PolicyDocument, in.AddressIpVersion, in.CrossRegionBandwidth, in.ZoneAffinityEnabled)); err != nil {
		return nil, err
	}
	e, err := a.endpoint(ctx, *in.EndpointId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Name: in.EndpointName, Description: in.EndpointDescription}.Attrs(nameCode, descriptionCode)
	if err != nil {
		return nil, err
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), cloud.Ref{Kind: cloud.KindEndpoint, ID: string(e.ID)}, attrs)
}

func (a *api) deleteEndpoint(ctx context.Context, in *DeleteVpcEndpointInput) (*DeleteVpcEndpointOutput, error) {
	e, err := a.endpoint(ctx, *in.EndpointId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteEndpoint(ctx, resource.Caller(ctx), e.ID)
}

// zones are an endpoint's, with its interfaces there.
func (a *api) zones(e *cloud.Endpoint) []Zone {
	out, view := []Zone{}, a.control.View()
	status := "Wait"
	if a.connection(e) == "Connected" {
		status = "Connected"
	}
	for _, id := range e.Interfaces {
		i, ok := cloud.Interfaces.Get(view, id)
		if !ok {
			continue
		}
		if s, ok := cloud.Subnets.Get(view, i.Subnet); ok {
			out = append(out, Zone{ZoneId: &s.Zone, VSwitchId: new(string(s.ID)), EniId: new(string(id)), EniIp: new(i.Addrs[0].String()), ZoneDomain: new(e.ZoneName(s.Zone)), ZoneStatus: &status, RegionId: &e.Region})
		}
	}
	return out
}

func (a *api) listZones(ctx context.Context, in *ListVpcEndpointZonesInput) (*ListVpcEndpointZonesOutput, error) {
	e, err := a.endpoint(ctx, *in.EndpointId)
	if err != nil {
		return nil, err
	}
	items, next, err := page.ByToken(ctx, a.zones(e), in.MaxResults, in.NextToken, sizes, string(e.ID), func(z Zone) string { return *z.ZoneId })
	if err != nil {
		return nil, err
	}
	return &ListVpcEndpointZonesOutput{Zones: items, NextToken: next, MaxResults: size(in.MaxResults)}, nil
}

func (a *api) change(ctx context.Context, id string, in control.ModifyEndpoint) error {
	e, err := a.endpoint(ctx, id)
	if err != nil {
		return err
	}
	return a.control.ModifyEndpoint(ctx, resource.Caller(ctx), e.ID, in)
}

func (a *api) addZone(ctx context.Context, in *AddZoneToVpcEndpointInput) (*AddZoneToVpcEndpointOutput, error) {
	s, err := a.subnet(in.ZoneId, in.VSwitchId, in.Ip)
	if err != nil {
		return nil, err
	}
	return nil, a.change(ctx, *in.EndpointId, control.ModifyEndpoint{AddSubnets: []control.EndpointSubnet{s}})
}

func (a *api) removeZone(ctx context.Context, in *RemoveZoneFromVpcEndpointInput) (*RemoveZoneFromVpcEndpointOutput, error) {
	e, err := a.endpoint(ctx, *in.EndpointId)
	if err != nil {
		return nil, err
	}
	for _, z := range a.zones(e) {
		if *z.ZoneId == *in.ZoneId {
			return nil, a.change(ctx, *in.EndpointId, control.ModifyEndpoint{RemoveSubnets: []cloud.SubnetID{cloud.SubnetID(*z.VSwitchId)}})
		}
	}
	return nil, resource.Missing("EndpointZoneNotFound", "The endpoint has no such zone.")
}

func (a *api) attachGroup(ctx context.Context, in *AttachSecurityGroupToVpcEndpointInput) (*AttachSecurityGroupToVpcEndpointOutput, error) {
	return nil, a.change(ctx, *in.EndpointId, control.ModifyEndpoint{AddGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID(*in.SecurityGroupId)}})
}

func (a *api) detachGroup(ctx context.Context, in *DetachSecurityGroupFromVpcEndpointInput) (*DetachSecurityGroupFromVpcEndpointOutput, error) {
	return nil, a.change(ctx, *in.EndpointId, control.ModifyEndpoint{RemoveGroups: []cloud.SecurityGroupID{cloud.SecurityGroupID(*in.SecurityGroupId)}})
}

func (a *api) listGroups(ctx context.Context, in *ListVpcEndpointSecurityGroupsInput) (*ListVpcEndpointSecurityGroupsOutput, error) {
	e, err := a.endpoint(ctx, *in.EndpointId)
	if err != nil {
		return nil, err
	}
	items, next, err := page.ByToken(ctx, slices.Clone(e.Groups), in.MaxResults, in.NextToken, sizes, string(e.ID), func(g cloud.SecurityGroupID) string { return string(g) })
	if err != nil {
		return nil, err
	}
	out := &ListVpcEndpointSecurityGroupsOutput{NextToken: next, MaxResults: size(in.MaxResults), SecurityGroups: []SecurityGroup{}}
	for _, g := range items {
		out.SecurityGroups = append(out.SecurityGroups, SecurityGroup{SecurityGroupId: new(string(g))})
	}
	return out, nil
}
