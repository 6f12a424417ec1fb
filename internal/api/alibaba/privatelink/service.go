// Package privatelink speaks Privatelink 2020-04-15: endpoints of services that
// users offer each other, and those services.
//
// Endpoints and services are the account's, whichever dialect made them; endpoints
// of the platform's own services are the other dialect's alone. A service's
// resources are network load balancers, which that dialect makes.
//
// Invariants: an endpoint is connected when the service's owner has said so, and
// disconnected otherwise; whom a service lets in is written acs:ram:*:UID:*.
package privatelink

import (
	"context"
	"net/http"

	"weir/internal/api/alibaba/page"
	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resource"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

type api struct {
	control *control.Control
	tagging resource.Tagging
}

// New returns the service with everything that is implemented.
func New(c *control.Control) *wire.Service {
	s := wire.NewService(Spec)
	s.MapError = mapError
	a := &api{c, resource.Tagging{Control: c, Kinds: map[string]cloud.Resource{"vpcendpoint": cloud.KindEndpoint, "vpcendpointservice": cloud.KindEndpointService}}}
	a.endpoints(s)
	a.services(s)
	a.connections(s)
	wire.Handle(s, "TagResources", a.tagResources)
	wire.Handle(s, "ChangeResourceGroup", a.changeResourceGroup)
	wire.Handle(s, "DescribeRegions", a.describeRegions)
	wire.Handle(s, "DescribeZones", a.describeZones)
	wire.Handle(s, "OpenPrivateLinkService", a.open)
	wire.Handle(s, "CheckProductOpen", a.checkOpen)
	return s
}

func text(p *string) string { return resource.Text(p) }

func yes(p *bool) bool { return p != nil && *p }

// matches tells whether a filter is absent or equal.
func matches(filter *string, have string) bool { return text(filter) == "" || *filter == have }

func tagOf(t Tag) (key, value *string) { return t.Key, t.Value }

func tagList(m map[string]string) []Tag {
	return resource.TagList(m, func(k, v *string) Tag { return Tag{k, v} })
}

// sizes of pages.
var sizes = page.Sizes{Default: 50, Max: 1000}

func size(asked *int64) *int64 {
	if asked != nil {
		return asked
	}
	return new(sizes.Default)
}

// absent are the codes for what does not exist.
var absent = map[cloud.Resource]string{
	cloud.KindEndpoint: "EndpointNotFound", cloud.KindEndpointService: "EndpointServiceNotFound", cloud.KindVPC: "VpcNotFound", cloud.KindSubnet: "VSwitchNotFound",
	cloud.KindSecurityGroup: "SecurityGroupNotFound", cloud.KindLoadBalancer: "ResourceNotFound",
}

// words are the codes of other refusals, by kind, resource and control's reason.
var words = map[[3]string]string{
	{"in-use", "vpc-endpoint-service", ""}:         "EndpointServiceConnectionDependence",
	{"in-use", "vpc-endpoint-service", "zone"}:     "EndpointServiceConnectionDependence",
	{"in-use", "vpc-endpoint-service", "balancer"}: "EndpointServiceResourceUsed",
	{"invalid", "vpc-endpoint-service", "zone"}:    "EndpointServiceResourceZoneInvalid",
	{"invalid", "vpc-endpoint", "service-zone"}:    "EndpointServiceZoneNotSupported",
	{"exhausted", "vpc-endpoint", "zone-limited"}:  "EndpointServiceZoneNotSupported",
	{"invalid", "vpc-endpoint", "no-groups"}:       "EndpointSecurityGroupRequired",
	{"conflict", "vpc-endpoint", "zone"}:           "EndpointZoneExisted",
	{"state", "vpc-endpoint", "consent"}:           "EndpointConnectionOperationDenied",
	{"exhausted", "subnet", "addresses"}:           "VSwitchIpNotEnough",
}

// mapError puts neutral errors into the product's words.
func mapError(e *cloud.Error) *wire.Error {
	if code, ok := words[[3]string{string(e.Kind), string(e.Resource), e.Reason}]; ok {
		return resource.Fault(code, e.Msg)
	}
	switch e.Kind {
	case cloud.NotFound:
		if code, ok := absent[e.Resource]; ok {
			return resource.Missing(code, e.Msg)
		}
		return resource.Missing("ResourceNotFound", e.Msg)
	case cloud.Limit:
		return resource.Fault("QuotaExceeded", e.Msg)
	case cloud.State, cloud.InUse, cloud.Conflict, cloud.Exists:
		return resource.Fault("EndpointOperationDenied", e.Msg)
	case cloud.Invalid, cloud.Malformed:
		return resource.Fault("InvalidParameter", e.Msg)
	case cloud.Exhausted:
		return resource.Fault("InsufficientResource", e.Msg)
	case cloud.Denied:
		return &wire.Error{Code: "Forbidden", Status: http.StatusForbidden, Msg: e.Msg}
	}
	return nil
}

func (a *api) tagResources(ctx context.Context, in *TagResourcesInput) (*TagResourcesOutput, error) {
	tags, err := resource.Tags(in.Tag, tagOf)
	if err != nil {
		return nil, err
	}
	return nil, a.tagging.Tag(ctx, *in.ResourceType, in.ResourceId, tags)
}

func (a *api) changeResourceGroup(ctx context.Context, in *ChangeResourceGroupInput) (*ChangeResourceGroupOutput, error) {
	if err := resource.CheckGroup(ctx, a.control, *in.ResourceGroupId); err != nil {
		return nil, err
	}
	ref := cloud.Ref{ID: *in.ResourceId}
	switch text(in.ResourceType) {
	case "VpcEndpoint", "":
		ref.Kind = cloud.KindEndpoint
	case "VpcEndpointService":
		ref.Kind = cloud.KindEndpointService
	default:
		return nil, resource.Fault("InvalidResourceType", "The ResourceType is VpcEndpoint or VpcEndpointService.")
	}
	return nil, a.control.SetAttrs(ctx, resource.Caller(ctx), ref, map[string]string{resource.AttrGroup: *in.ResourceGroupId})
}

func (a *api) describeRegions(context.Context, *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	out := &DescribeRegionsOutput{Regions: []Region{}}
	for _, r := range region.All() {
		out.Regions = append(out.Regions, Region{RegionId: &r.ID, LocalName: &r.Name, RegionEndpoint: new("privatelink." + r.ID + ".aliyuncs.com")})
	}
	return out, nil
}

func (a *api) describeZones(ctx context.Context, in *DescribeZonesInput) (*DescribeZonesOutput, error) {
	r, _ := region.Get(wire.CallFrom(ctx).Region)
	out := &DescribeZonesOutput{Zones: []Zone{}}
	for _, z := range r.Zones {
		if matches(in.ServiceResourceType, balancerType) {
			out.Zones = append(out.Zones, Zone{ZoneId: &z, LocalName: &z})
		}
	}
	return out, nil
}

// The product is always open.
func (a *api) open(context.Context, *OpenPrivateLinkServiceInput) (*OpenPrivateLinkServiceOutput, error) {
	return &OpenPrivateLinkServiceOutput{OrderId: new("0")}, nil
}

func (a *api) checkOpen(context.Context, *CheckProductOpenInput) (*CheckProductOpenOutput, error) {
	return &CheckProductOpenOutput{Success: new(true)}, nil
}
