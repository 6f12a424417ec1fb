package privatelink

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (a *api) services(s *wire.Service) {
	wire.Handle(s, "CreateVpcEndpointService", a.createService)
	wire.Handle(s, "GetVpcEndpointServiceAttribute", a.getService)
	wire.Handle(s, "ListVpcEndpointServices", a.listServices)
	wire.Handle(s, "ListVpcEndpointServicesByEndUser", a.listServicesByEndUser)
	wire.Handle(s, "UpdateVpcEndpointServiceAttribute", a.updateService)
	wire.Handle(s, "DeleteVpcEndpointService", a.deleteService)
	wire.Handle(s, "AttachResourceToVpcEndpointService", a.attachResource)
	wire.Handle(s, "DetachResourceFromVpcEndpointService", a.detachResource)
	wire.Handle(s, "ListVpcEndpointServiceResources", a.listResources)
}

// balancerType is the only type of resource that services have here.
const balancerType = "nlb"

// attrPayer is who pays, which costs nobody anything.
const attrPayer = "privatelink.payer"

func payer(s *cloud.EndpointService) string {
	if p := s.Attrs[attrPayer]; p != "" {
		return p
	}
	return "Endpoint"
}

// domain is what the names of a service's endpoints end with.
func domain(s *cloud.EndpointService) string {
	return string(s.ID) + "." + s.Region + ".privatelink.aliyuncs.com"
}

// https://www.alibabacloud.com/help/en/privatelink/developer-reference/api-privatelink-2020-04-15-createvpcendpointservice
func (a *api) createService(ctx context.Context, in *CreateVpcEndpointServiceInput) (*CreateVpcEndpointServiceOutput, error) {
	who := resource.Caller(ctx)
	if err := resource.Refuse(map[string]bool{
		"ServiceResourceType": text(in.ServiceResourceType) != "" && *in.ServiceResourceType != balancerType, "ServiceSupportIPv6": yes(in.ServiceSupportIPv6), "ZoneAffinityEnabled": yes(in.ZoneAffinityEnabled),
		"PrivateServiceDomain": text(in.PrivateServiceDomain) != "", "PrivateServiceDomainEnabled": yes(in.PrivateServiceDomainEnabled), "SystemTag": len(in.SystemTag) > 0,
		"AddressIpVersion":    text(in.AddressIpVersion) != "" && *in.AddressIpVersion != "IPv4",
		"SupportedRegionList": slices.ContainsFunc(in.SupportedRegionList, func(r string) bool { return r != who.Region }),
	}); err != nil {
		return nil, err
	}
	tags, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	labels, err := resource.Labels(ctx, a.control, resource.Described{Description: in.ServiceDescription}, in.ResourceGroupId, tags, nameCode, "InvalidServiceDescription")
	if err != nil {
		return nil, err
	}
	switch p := text(in.Payer); p {
	case "":
	case "Endpoint", "EndpointService":
		labels.Attrs[attrPayer] = p
	default:
		return nil, resource.Fault("InvalidPayer", "The Payer is Endpoint or EndpointService.")
	}
	want := control.CreateEndpointService{Labels: labels, Prefix: "com.aliyuncs.privatelink." + who.Region + ".", Empty: true, Acceptance: !yes(in.AutoAcceptEnabled)}
	for _, r := range in.Resource {
		if err := a.checkResource(r.ResourceType, r.ResourceId, r.ZoneId); err != nil {
			return nil, err
		}
		id := cloud.LoadBalancerID(text(r.ResourceId))
		if !slices.Contains(want.Balancers, id) {
			want.Balancers = append(want.Balancers, id)
		}
		zones := []string{text(r.ZoneId)}
		if zones[0] == "" {
			zones = control.BalancerZones(a.control.View(), id)
		}
		want.Zones = append(want.Zones, zones...)
	}
	s, err := a.control.CreateEndpointService(ctx, who, want)
	if err != nil {
		return nil, err
	}
	f := a.serviceFacts(s)
	return &CreateVpcEndpointServiceOutput{
		ServiceId: f.ServiceId, ServiceName: f.ServiceName, ServiceDescription: f.ServiceDescription, ServiceDomain: f.ServiceDomain, ServiceStatus: new("Creating"),
		ServiceBusinessStatus: f.ServiceBusinessStatus, AutoAcceptEnabled: f.AutoAcceptEnabled, CreateTime: f.CreateTime, ResourceGroupId: f.ResourceGroupId,
		ServiceSupportIPv6: f.ServiceSupportIPv6, ZoneAffinityEnabled: f.ZoneAffinityEnabled,
	}, nil
}

// checkResource refuses what is no network load balancer, or not in the zone.
func (a *api) checkResource(kind, id, zone *string) error {
	if text(kind) != balancerType {
		return resource.Unsupported("ResourceType")
	}
	zones := control.BalancerZones(a.control.View(), cloud.LoadBalancerID(text(id)))
	if text(zone) != "" && len(zones) > 0 && !slices.Contains(zones, *zone) {
		return resource.Fault("EndpointServiceResourceZoneInvalid", "The resource "+text(id)+" is not in the zone "+*zone+".")
	}
	return nil
}

// service finds one of the caller's services.
func (a *api) service(ctx context.Context, id string) (*cloud.EndpointService, error) {
	s, ok := cloud.EndpointServices.Get(a.control.View(), cloud.EndpointServiceID(id))
	if !ok || s.Scope() != resource.Scope(ctx) {
		return nil, noService(id)
	}
	return s, nil
}

func noService(id string) error {
	return &cloud.Error{Kind: cloud.NotFound, Resource: cloud.KindEndpointService, ID: id, Msg: "The endpoint service " + id + " does not exist."}
}

// callers are what services call the account that calls.
func callers(ctx context.Context) []string {
	return []string{listed(access.UID(wire.CallFrom(ctx).Account))}
}

// listed is how a service's list has a user.
func listed(uid string) string { return "acs:ram:*:" + uid + ":*" }

// serviceFor finds a service that the caller may make endpoints of.
func (a *api) serviceFor(ctx context.Context, id, name *string) (*cloud.EndpointService, error) {
	if text(id) == "" && text(name) == "" {
		return nil, resource.Fault("MissingParameter", "Either ServiceId or ServiceName is required.")
	}
	for s := range control.EndpointServicesFor(a.control.View(), resource.Caller(ctx), callers(ctx)) {
		if matches(id, string(s.ID)) && matches(name, s.Name) {
			return s, nil
		}
	}
	return nil, noService(text(id) + text(name))
}

func (a *api) serviceFacts(s *cloud.EndpointService) Service {
	return Service{
		ServiceId: new(string(s.ID)), ServiceName: &s.Name, ServiceDescription: new(s.Attrs[resource.AttrDescription]), ServiceDomain: new(domain(s)), ServiceStatus: new("Active"),
		ServiceBusinessStatus: new("Normal"), ServiceResourceType: new(balancerType), ServiceType: new("Interface"), AutoAcceptEnabled: new(!s.Acceptance), CreateTime: resource.Time(s.Created),
		ConnectBandwidth: bandwidthOf(&s.Meta), MinBandwidth: new(int64(minBandwidth)), MaxBandwidth: new(int64(maxBandwidth)), Payer: new(payer(s)), RegionId: &s.Region,
		ResourceGroupId: new(resource.Group(&s.Meta)), ServiceSupportIPv6: new(false), ZoneAffinityEnabled: new(false), Zones: append([]string{}, control.EndpointServiceZones(a.control.View(), s)...), Tags: tagList(s.Tags),
	}
}

func (a *api) getService(ctx context.Context, in *GetVpcEndpointServiceAttributeInput) (*GetVpcEndpointServiceAttributeOutput, error) {
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	f := a.serviceFacts(s)
	return &GetVpcEndpointServiceAttributeOutput{
		ServiceId: f.ServiceId, ServiceName: f.ServiceName, ServiceDescription: f.ServiceDescription, ServiceDomain: f.ServiceDomain, ServiceStatus: f.ServiceStatus,
		ServiceBusinessStatus: f.ServiceBusinessStatus, ServiceResourceType: f.ServiceResourceType, ServiceType: f.ServiceType, AutoAcceptEnabled: f.AutoAcceptEnabled, CreateTime: f.CreateTime,
		ConnectBandwidth: f.ConnectBandwidth, MinBandwidth: f.MinBandwidth, MaxBandwidth: f.MaxBandwidth, Payer: f.Payer, RegionId: f.RegionId, ResourceGroupId: f.ResourceGroupId,
		ServiceSupportIPv6: f.ServiceSupportIPv6, ZoneAffinityEnabled: f.ZoneAffinityEnabled, Zones: f.Zones, PrivateServiceDomainEnabled: new(false),
	}, nil
}

func (a *api) listServices(ctx context.Context, in *ListVpcEndpointServicesInput) (*ListVpcEndpointServicesOutput, error) {
	want, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	all := []Service{}
	for s := range cloud.EndpointServices.By(a.control.View(), "scope", resource.Scope(ctx)) {
		f := a.serviceFacts(s)
		if page.HasTags(s.Tags, want) && matches(in.ServiceId, *f.ServiceId) && matches(in.ServiceName, *f.ServiceName) && matches(in.ServiceStatus, *f.ServiceStatus) &&
			matches(in.ServiceBusinessStatus, *f.ServiceBusinessStatus) && matches(in.ServiceResourceType, *f.ServiceResourceType) && matches(in.ResourceGroupId, *f.ResourceGroupId) &&
			(in.AutoAcceptEnabled == nil || *in.AutoAcceptEnabled == *f.AutoAcceptEnabled) && !yes(in.ZoneAffinityEnabled) &&
			(text(in.ResourceId) == "" || slices.Contains(s.Balancers, cloud.LoadBalancerID(*in.ResourceId))) {
			all = append(all, f)
		}
	}
	question := fmt.Sprint(text(in.ServiceId), text(in.ServiceName), text(in.ServiceStatus), text(in.ServiceResourceType), text(in.ResourceGroupId), text(in.ResourceId), want)
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, question, func(s Service) string { return *s.ServiceId })
	if err != nil {
		return nil, err
	}
	return &ListVpcEndpointServicesOutput{Services: items, NextToken: next, MaxResults: size(in.MaxResults), TotalCount: new(int64(len(all)))}, nil
}

// Services that the caller may make endpoints of.
func (a *api) listServicesByEndUser(ctx context.Context, in *ListVpcEndpointServicesByEndUserInput) (*ListVpcEndpointServicesByEndUserOutput, error) {
	all := []Service{}
	for s := range control.EndpointServicesFor(a.control.View(), resource.Caller(ctx), callers(ctx)) {
		f := a.serviceFacts(s)
		if matches(in.ServiceId, *f.ServiceId) && matches(in.ServiceName, *f.ServiceName) && matches(in.ServiceType, *f.ServiceType) && len(in.Tag) == 0 && matches(in.ResourceGroupId, *f.ResourceGroupId) {
			if f.Tags = []Tag{}; s.Account != wire.CallFrom(ctx).Account {
				f.ResourceGroupId = nil
			}
			all = append(all, f)
		}
	}
	question := fmt.Sprint(text(in.ServiceId), text(in.ServiceName), text(in.ServiceType), text(in.ResourceGroupId), len(in.Tag))
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, question, func(s Service) string { return *s.ServiceId })
	if err != nil {
		return nil, err
	}
	return &ListVpcEndpointServicesByEndUserOutput{Services: items, NextToken: next, MaxResults: size(in.MaxResults), TotalCount: new(strconv.Itoa(len(all)))}, nil
}

func (a *api) updateService(ctx context.Context, in *UpdateVpcEndpointServiceAttributeInput) (*UpdateVpcEndpointServiceAttributeOutput, error) {
	if err := resource.Refuse(map[string]bool{
		"ServiceSupportIPv6": yes(in.ServiceSupportIPv6), "ZoneAffinityEnabled": yes(in.ZoneAffinityEnabled), "PrivateServiceDomain": text(in.PrivateServiceDomain) != "",
		"PrivateServiceDomainEnabled": yes(in.PrivateServiceDomainEnabled),
	}); err != nil {
		return nil, err
	}
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	attrs, err := resource.Described{Description: in.ServiceDescription}.Attrs(nameCode, "InvalidServiceDescription")
	if err != nil {
		return nil, err
	}
	speed, err := width(in.ConnectBandwidth)
	if err != nil {
		return nil, err
	}
	maps.Copy(attrs, speed)
	who := resource.Caller(ctx)
	if in.AutoAcceptEnabled != nil {
		if err := a.control.ModifyEndpointService(ctx, who, s.ID, control.ModifyEndpointService{Acceptance: new(!*in.AutoAcceptEnabled)}); err != nil {
			return nil, err
		}
	}
	return nil, a.control.SetAttrs(ctx, who, cloud.Ref{Kind: cloud.KindEndpointService, ID: string(s.ID)}, attrs)
}

func (a *api) deleteService(ctx context.Context, in *DeleteVpcEndpointServiceInput) (*DeleteVpcEndpointServiceOutput, error) {
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.DeleteEndpointService(ctx, resource.Caller(ctx), s.ID)
}

func (a *api) attachResource(ctx context.Context, in *AttachResourceToVpcEndpointServiceInput) (*AttachResourceToVpcEndpointServiceOutput, error) {
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	if err := a.checkResource(in.ResourceType, in.ResourceId, in.ZoneId); err != nil {
		return nil, err
	}
	return nil, a.control.OfferBalancer(ctx, resource.Caller(ctx), s.ID, cloud.LoadBalancerID(*in.ResourceId), text(in.ZoneId))
}

func (a *api) detachResource(ctx context.Context, in *DetachResourceFromVpcEndpointServiceInput) (*DetachResourceFromVpcEndpointServiceOutput, error) {
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	return nil, a.control.WithdrawBalancer(ctx, resource.Caller(ctx), s.ID, cloud.LoadBalancerID(*in.ResourceId), text(in.ZoneId))
}

func (a *api) listResources(ctx context.Context, in *ListVpcEndpointServiceResourcesInput) (*ListVpcEndpointServiceResourcesOutput, error) {
	s, err := a.service(ctx, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	view := a.control.View()
	offered, all := control.EndpointServiceZones(view, s), []ListVpcEndpointServiceResourcesResource{}
	for _, id := range s.Balancers {
		b, ok := cloud.LoadBalancers.Get(view, id)
		if !ok {
			continue
		}
		for k, sub := range b.Subnets {
			r, ok := cloud.Subnets.Get(view, sub)
			if !ok || !slices.Contains(offered, r.Zone) || !matches(in.ZoneId, r.Zone) {
				continue
			}
			f := ListVpcEndpointServiceResourcesResource{
				ResourceId: new(string(id)), ResourceType: new(balancerType), RegionId: &b.Region, ZoneId: &r.Zone, VSwitchId: new(string(sub)), VpcId: new(string(b.VPC)),
				AutoAllocatedEnabled: new(true), ResourceSupportIPv6: new(false), StatusInfo: new("Active"), RelatedEndpointCount: new(a.related(s, r.Zone)), RelatedDeprecatedEndpointCount: new(int64(0)),
			}
			if i, ok := cloud.Interfaces.Get(view, b.Interfaces[k]); ok {
				f.Ip = new(i.Addrs[0].String())
			}
			all = append(all, f)
		}
	}
	items, next, err := page.ByToken(ctx, all, in.MaxResults, in.NextToken, sizes, string(s.ID)+text(in.ZoneId), func(r ListVpcEndpointServiceResourcesResource) string {
		return strings.Join([]string{*r.ResourceId, *r.ZoneId}, "\x00")
	})
	if err != nil {
		return nil, err
	}
	return &ListVpcEndpointServiceResourcesOutput{Resources: items, NextToken: next, MaxResults: size(in.MaxResults)}, nil
}

// related counts the connected endpoints of a service in a zone.
func (a *api) related(s *cloud.EndpointService, zone string) (n int64) {
	for e := range cloud.Endpoints.By(a.control.View(), "provider", string(s.ID)) {
		for _, z := range a.zones(e) {
			if e.Open() && *z.ZoneId == zone {
				n++
			}
		}
	}
	return n
}
